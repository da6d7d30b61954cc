"""STAC 1.1: an item a product, its files as assets with checksums, links to what it was made from."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from fiducial.catalogue import export_names as names
from fiducial.catalogue.export_graph import (
    SOFTWARE_KIND,
    Bounds,
    ExportGraph,
    ExportOptions,
    bounds_of,
    build,
    sources,
)
from fiducial.catalogue.product_places import Place, product_places
from fiducial.catalogue.records import FileRecord, ProductRecord, Snapshot
from fiducial.errors import CatalogueError

UNTIMED: Final = "FID-4043"
VERSION: Final = "1.1.0"
FILE_EXTENSION: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROCESSING_EXTENSION: Final = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"
_SHA256_MULTIHASH: Final = "1220"
"""Multihash header: function 0x12 (SHA2-256), length 0x20."""
_HEX: Final = re.compile("[0-9a-f]{64}")

Document = dict[str, Any]


def stac_files(snapshot: Snapshot, options: ExportOptions | None = None) -> dict[str, Document]:
    """Return the files of a static STAC catalogue by relative path.

    Parameters
    ----------
    snapshot : Snapshot
    options : ExportOptions, optional
        Title, description, licence, address of the files, bounds.

    Returns
    -------
    dict
        ``collection.json`` and an item a product; ``catalog.json`` instead where the area of a product is unknown, as
        a collection must state its own. A product without any time has no item and is named in ``fid:left_out``.

    Raises
    ------
    CatalogueError
        FID-4040, FID-4041 as :func:`~fiducial.catalogue.export_graph.build`; FID-4043 when no product has a time.

    Notes
    -----
    The time of an item is the span of its observations; where one end is unknown, the other; where both are, the time
    of issue, else the end of its newest run, and ``fid:datetime_is`` says so.
    """
    options = options or ExportOptions()
    graph = build(snapshot)
    runs = graph.runs_of()
    times = {one: _times(graph, product, runs[one]) for one, product in graph.products.items()}
    timed = [one for one, time in times.items() if time]
    if not timed:
        raise CatalogueError(
            UNTIMED, "no product with a time: a STAC item needs one", where=f"{len(graph.products)} products",
            fix="record products with start and end, or issue time",
        )  # fmt: skip
    areas = {one: bounds_of(graph.products[one]) or options.bounds for one in timed}
    known = [area for area in areas.values() if area is not None]
    is_collection = len(known) == len(timed)
    top = "collection.json" if is_collection else "catalog.json"
    above = sources(graph)
    found: dict[str, Document] = {}
    for one in timed:
        item = _item(graph, graph.products[one], options, areas[one])
        item["properties"] = {**times[one], **_properties(graph, graph.products[one], runs[one])}
        if any(key.startswith("processing:") for key in item["properties"]):
            item["stac_extensions"].append(PROCESSING_EXTENSION)
        item["links"] = [*_structure(f"../../{top}", is_collection=is_collection),
                         *(_derived(graph, target, times) for target in above[one])]  # fmt: skip
        if is_collection:
            item["collection"] = _top_id(options)
        found[_place(one)] = item
    left_out = [one for one in graph.products if not times[one]]
    document = _top(top, options, timed, left_out)
    if is_collection:
        document |= {"type": "Collection", "license": options.licence or "other",
                     "extent": _extent(known, [times[one] for one in timed])}  # fmt: skip
    return {top: document, **found}


def _top_id(options: ExportOptions) -> str:
    return names.text(options.title or "fiducial-catalogue")


def _top(name: str, options: ExportOptions, timed: list[str], left_out: list[str]) -> Document:
    links = [{"rel": "item", "href": f"./{_place(one)}", "type": "application/geo+json"} for one in timed]
    top: Document = {
        "type": "Catalog", "stac_version": VERSION, "id": _top_id(options),
        "description": names.text(options.description or "Products of a Fiducial catalogue, with their provenance."),
        "links": [{"rel": "root", "href": f"./{name}", "type": "application/json"}, *links],
    }  # fmt: skip
    if left_out:
        top["fid:left_out"] = [names.text(one) for one in left_out]
    return top


def _place(product: str) -> str:
    """Return the path of an item: readable, and one to one by a hash of the id."""
    readable = re.sub("[^A-Za-z0-9_-]+", "_", product.partition(":")[2] or product).strip("_")[:60]
    name = f"{readable or 'product'}-{hashlib.sha256(product.encode(errors='surrogatepass')).hexdigest()[:12]}"
    return f"items/{name}/{name}.json"


def _structure(top: str, *, is_collection: bool) -> list[Document]:
    relations = ("root", "parent", "collection") if is_collection else ("root", "parent")
    return [{"rel": one, "href": top, "type": "application/json"} for one in relations]


def _derived(graph: ExportGraph, target: str, times: dict[str, Document]) -> Document:
    link: Document = {"rel": "derived_from", "title": names.text(graph.name(target))}
    if times.get(target):
        return {**link, "href": f"../../{_place(target)}", "type": "application/geo+json"}
    return {**link, "href": names.record_uri(target)}


def _times(graph: ExportGraph, product: ProductRecord, runs: Iterable[str]) -> Document:
    known = sorted((one for one in (product.start, product.end) if one is not None), key=names.instant)
    bounds = [names.utc(one) for one in known]
    if len(bounds) == 2 and bounds[0] != bounds[1]:
        return {"datetime": None, "start_datetime": bounds[0], "end_datetime": bounds[1]}
    if bounds:
        alone = {} if len(bounds) == 2 else {"fid:datetime_is": "start" if product.start is not None else "end"}
        return {"datetime": bounds[0], **alone}
    if product.issued is not None:
        return {"datetime": names.utc(product.issued), "fid:datetime_is": "issued"}
    ended = [run.ended for one in runs if (run := graph.runs[one]) is not None and run.ended is not None]
    newest = max(ended, key=names.instant, default=None)
    return {"datetime": names.utc(newest), "fid:datetime_is": "end of the run"} if newest is not None else {}


def _item(graph: ExportGraph, product: ProductRecord, options: ExportOptions, area: Bounds | None) -> Document:
    files = [graph.files[one] for one in graph.members[product.id] if one in graph.files]
    item: Document = {
        "type": "Feature", "stac_version": VERSION, "stac_extensions": [FILE_EXTENSION] if files else [],
        "id": names.text(product.id), "geometry": _geometry(area), "properties": {}, "links": [],
        "assets": _assets(files, options),
    }  # fmt: skip
    if area is not None:
        item["bbox"] = list(area)
    return item


def _properties(graph: ExportGraph, product: ProductRecord, runs: tuple[str, ...]) -> Document:
    known = [run for one in runs if (run := graph.runs[one]) is not None]
    software = dict(names.name_and_version(run.software) for run in known if run.software)
    steps = sorted({f"{run.recipe} {run.step} (step version {run.step_version})".strip() for run in known})
    shortcomings = sorted({names.text(one) for run in known for one in run.shortcomings})
    things = (product.id, *graph.members[product.id])
    makers = sorted({one for thing in things for one in graph.makers.get(thing, ())})
    centres = [agent.name for one in makers if (agent := graph.agents[one]) is not None and agent.kind != SOFTWARE_KIND]
    egv = names.uri(names.concept(product.egv_product)) if product.egv_product else None
    values: Document = {
        "title": product.name, "processing:level": product.level, "processing:facility": ", ".join(centres),
        "processing:lineage": "; ".join(steps), "fid:tier": product.tier, "fid:frame": product.frame,
        "fid:product": egv, "fid:issued": names.utc(product.issued) if product.issued is not None else None,
    }  # fmt: skip
    found: Document = {key: names.text(value) for key, value in values.items() if value}
    versions = {name: version for name, version in sorted(software.items()) if version}
    more = {"processing:software": versions, "fid:run": [names.text(run.id) for run in known],
            "fid:shortcomings": shortcomings}  # fmt: skip
    return found | {key: value for key, value in more.items() if value}


def _assets(files: list[FileRecord], options: ExportOptions) -> Document:
    places = product_places(files)
    placed = [(file, place, place.inside if place is not None else file.name)
              for file in files for place in places.of.get(file.id, (None,))]  # fmt: skip
    names_seen = Counter(names.text(name) for _, _, name in placed)
    found: Document = {}
    for file, place, name in placed:
        alone = name and names_seen[names.text(name)] == 1
        asset: Document = {
            "href": _address(file, place, options, alone=not places.of),
            "roles": ["data"],
            "file:size": file.size,
        }
        if name:
            asset["title"] = names.text(name)
        kind = names.media_type(file.name, file.format)
        if kind is not None:
            asset["type"] = kind
        if _HEX.fullmatch(file.sha256):
            asset["file:checksum"] = _SHA256_MULTIHASH + file.sha256
        if file.format != "unknown":
            asset["fid:format"] = names.text(file.format)
        key = names.text(name) if alone else names.text(f"{name} {file.sha256}".strip())
        found[key if key not in found else file.id] = asset
    return {key: found[key] for key in sorted(found)}


def _address(file: FileRecord, place: Place | None, options: ExportOptions, *, alone: bool) -> str:
    """Return where a file is; one that lies nowhere has an address by name only where no other of the product lies."""
    name = place.address if place is not None else file.name if alone else ""
    if options.base_url is not None and name:
        return f"{options.base_url.rstrip('/')}/{names.path_reference(name)}"
    return names.path_uri(place.path) if place is not None else names.record_uri(file.id)


def _geometry(area: Bounds | None) -> Document | None:
    if area is None:
        return None
    if area.west > area.east:
        halves = (area._replace(east=180.0), area._replace(west=-180.0))
        return {"type": "MultiPolygon", "coordinates": [[_ring(half)] for half in halves]}
    return {"type": "Polygon", "coordinates": [_ring(area)]}


def _ring(area: Bounds) -> list[list[float]]:
    west, south, east, north = area
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _extent(areas: list[Bounds], times: list[Document]) -> Document:
    starts = [one.get("start_datetime") or one["datetime"] for one in times]
    ends = [one.get("end_datetime") or one["datetime"] for one in times]
    split = any(area.west > area.east for area in areas)
    # The longitudes of areas on both sides of the antimeridian have no order: the whole circle is the safe statement.
    west, east = (-180.0, 180.0) if split else (min(area.west for area in areas), max(area.east for area in areas))
    box = [west, min(area.south for area in areas), east, max(area.north for area in areas)]
    interval = [min(starts, key=datetime.fromisoformat), max(ends, key=datetime.fromisoformat)]
    return {"spatial": {"bbox": [box]}, "temporal": {"interval": [interval]}}

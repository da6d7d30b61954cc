"""Exports of the catalogue in the formats of others."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from fiducial.catalogue.export_datacite import datacite_request
from fiducial.catalogue.export_dcat import dcat_turtle
from fiducial.catalogue.export_graph import Bounds, ExportGraph, ExportOptions, build, pick
from fiducial.catalogue.export_names import document
from fiducial.catalogue.export_prov import prov_document
from fiducial.catalogue.export_rocrate import METADATA_FILE, crate
from fiducial.catalogue.export_stac import stac_files
from fiducial.catalogue.export_upstream import find, upstream
from fiducial.catalogue.records import FileRecord, Snapshot
from fiducial.errors import CatalogueError
from fiducial.formats.atomic import atomic_directory, atomic_file
from fiducial.runs.catalogue_output import replaceable

Format = Literal["prov-json", "ro-crate", "stac", "dcat", "datacite"]
Packing = Literal["none", "product", "all"]

PACKING: Final = "FID-4046"
OPTION: Final = "FID-4047"
_FOLDERS: Final = frozenset({"ro-crate", "stac"})
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export.

    Attributes
    ----------
    format : str
        ``prov-json``, ``dcat`` and ``datacite`` make a file, ``ro-crate`` and ``stac`` a folder.
    out : Path
    product : str or None
        Id, name or path: this and all that it was made from; None: the whole catalogue.
    catalogue : str or None
        Path or URL; by default as :meth:`fiducial.catalogue.store.Catalogue.open`.
    options : ExportOptions
    packing : str or None
        Files copied into an RO-Crate; by default those of the product where one is named, else none.
    overwrite : bool
    """

    format: Format
    out: Path
    product: str | None = None
    catalogue: str | None = None
    options: ExportOptions = ExportOptions()  # noqa: RUF009 - frozen
    packing: Packing | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written."""

    format: Format
    out: Path
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"format": self.format, "out": str(self.out), "counts": dict(self.counts), "notes": list(self.notes)}


def stated(
    *,
    date: str | None = None,
    bbox: str | None = None,
    base_url: str | None = None,
    **others: Any,
) -> ExportOptions:
    """Return options from what a user writes.

    Parameters
    ----------
    date : str, optional
        ISO 8601; without a zone UTC.
    bbox : str, optional
        ``W,S,E,N`` in degrees; W greater than E: across the antimeridian.
    base_url : str, optional
        Address with scheme under which the files lie.
    **others
        The other fields of :class:`~fiducial.catalogue.export_graph.ExportOptions`.

    Raises
    ------
    CatalogueError
        FID-4047 when one of them is malformed.
    """
    if base_url is not None and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[!#-;=?-\[\]_a-z~]+", base_url):
        raise _malformed("--base-url", base_url, "an address such as https://data.example.org/products")
    published = None
    if date is not None:
        try:
            published = datetime.fromisoformat(date)
        except ValueError as error:
            raise _malformed("--date", date, "a date such as 2026-03-31") from error
        published = published.replace(tzinfo=UTC) if published.tzinfo is None else published
    return ExportOptions(published=published, bounds=_bounds(bbox), base_url=base_url, **others)


def _bounds(bbox: str | None) -> Bounds | None:
    if bbox is None:
        return None
    try:
        west, south, east, north = (float(one) for one in bbox.split(","))
    except ValueError as error:
        raise _malformed("--bbox", bbox, "W,S,E,N in degrees") from error
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise _malformed("--bbox", bbox, "W,S,E,N in degrees, south not above north")
    return Bounds(west, south, east, north)


def _malformed(option: str, value: str, wanted: str) -> CatalogueError:
    return CatalogueError(OPTION, f"{value!r} is not what the option takes", where=option, fix=f"give {wanted}")


def export_catalogue(request: ExportRequest) -> ExportResult:
    """Export the catalogue, or one product with all that it was made from.

    Raises
    ------
    CatalogueError
        As :func:`export_snapshot`, :meth:`fiducial.catalogue.store.Catalogue.open` and
        :func:`fiducial.catalogue.trace.find`.
    InputError
        FID-1002 when the output exists and may not be replaced.
    """
    from fiducial.catalogue.store import Catalogue
    from fiducial.catalogue.trace import find as find_node
    from fiducial.runs.chain_knowledge import load_knowledge

    if request.packing is not None and request.format != "ro-crate":
        raise CatalogueError(
            OPTION, f"{request.format} holds no files", where="--pack", fix="leave it out, or ask for ro-crate"
        )
    with Catalogue.open(request.catalogue, create=False, read_only=True) as catalogue:
        start = None if request.product is None else find_node(catalogue, request.product).id
        # All of it: what is around a thing in the store lacks the products to which files on the way belong.
        snapshot = catalogue.snapshot()
    knowledge = load_knowledge().catalogue
    concepts = {one.id: one.name for one in knowledge.products()} | {one.id: one.name for one in knowledge.egvs}
    options = replace(request.options, concepts=concepts)
    with replaceable(overwrite=request.overwrite):
        return export_snapshot(snapshot, replace(request, product=start, options=options))


def export_snapshot(snapshot: Snapshot, request: ExportRequest) -> ExportResult:
    """Export a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
    request : ExportRequest
        Its ``catalogue`` is not looked at.

    Raises
    ------
    CatalogueError
        FID-4040 empty, FID-4041 contradictory, FID-4042 no such product, FID-4043 to FID-4045 what the format needs
        and nobody recorded, FID-4046 a file to pack that is missing or has changed.
    InputError
        FID-1002 when the output exists and may not be replaced.
    """
    graph = build(snapshot)
    start = None
    if request.product is not None:
        start = find(snapshot, request.product)
        snapshot = upstream(snapshot, start)
        graph = build(snapshot)
    counts = {"products": len(graph.products), "files": len(graph.files), "runs": len(graph.runs)}
    if request.format == "ro-crate":
        return _write_crate(snapshot, graph, start, request, counts)
    if request.format == "stac":
        return _write_stac(snapshot, request, counts)
    if request.format == "prov-json":
        data = document(prov_document(snapshot))
    elif request.format == "dcat":
        data = dcat_turtle(snapshot, request.options)
    else:
        one = pick(graph, start)
        data = document(datacite_request(snapshot, one.id, request.options))
    with atomic_file(request.out, overwrite=request.overwrite) as partial:
        partial.write_bytes(data)
    return ExportResult(request.format, request.out, counts)


def _write_stac(snapshot: Snapshot, request: ExportRequest, counts: dict[str, int]) -> ExportResult:
    files = stac_files(snapshot, request.options)
    top = next(iter(files))
    with atomic_directory(request.out, overwrite=request.overwrite, marker=top) as folder:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(document(content))
    notes = [f"no time is known of {one}: left out" for one in files[top].get("fid:left_out", [])]
    if files[top]["type"] == "Catalog":
        notes.append("the area of a product is unknown: a catalog, not a collection (give --bbox to state it)")
    return ExportResult(request.format, request.out, {**counts, "items": len(files) - 1}, tuple(notes))


def _write_crate(
    snapshot: Snapshot, graph: ExportGraph, start: str | None, request: ExportRequest, counts: dict[str, int]
) -> ExportResult:
    packing = request.packing or ("product" if start is not None else "none")
    if packing == "all":
        wanted = set(graph.files)
    elif packing == "product":
        chosen = [start] if start is not None else list(graph.products)
        wanted = {one for product in chosen for one in (product, *graph.members.get(product, ()))} & graph.files.keys()
    else:
        wanted = set()
    places = _places(graph, wanted)
    metadata = document(crate(snapshot, request.options, places))
    with atomic_directory(request.out, overwrite=request.overwrite, marker=METADATA_FILE) as folder:
        for one, place in places.items():
            _copy(graph.files[one], folder / place)
        (folder / METADATA_FILE).write_bytes(metadata)
    return ExportResult(request.format, request.out, {**counts, "packed": len(places)})


def _places(graph: ExportGraph, wanted: Iterable[str]) -> dict[str, str]:
    """Return where each file lies in the crate: in a folder a product, in the order of its own folder."""
    left = set(wanted)
    found: dict[str, str] = {}
    groups = [*((one, graph.members[one]) for one in graph.products), ("files", sorted(left))]
    for owner, members in groups:
        own = [one for one in members if one in left]
        left.difference_update(own)
        paths = {one: min(graph.files[one].paths, default="") for one in own}
        folders = [os.path.dirname(path) for path in paths.values() if path]  # noqa: PTH120 - text of any system
        try:
            common = os.path.commonpath(folders)
        except ValueError:
            common = ""
        folder = re.sub("[^A-Za-z0-9._-]+", "_", owner.partition(":")[2] or owner).strip("._")[:60] or "product"
        seen = {place.lower() for place in found.values()}
        for one, path in paths.items():
            inside = os.path.relpath(path, common) if path and common else graph.files[one].name or one
            plain = not inside.startswith("..") and not os.path.isabs(inside)  # noqa: PTH117 - text of any system
            place = f"data/{folder}/{inside}"
            if not plain or place.lower() in seen:
                place = f"data/{folder}/{hashlib.sha256(one.encode()).hexdigest()[:12]}/{Path(inside).name}"
            seen.add(place.lower())
            found[one] = place
    return found


def _copy(file: FileRecord, target: Path) -> None:
    """Copy a file from the first of its paths at which it is unchanged."""
    problem = "no path of it is recorded"
    for path in sorted(file.paths):
        source = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        except OSError as error:
            problem = f"{path}: {error.strerror or error}"
            continue
        digest = hashlib.sha256()
        with target.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() == file.sha256:
            return
        problem = f"{path}: content has changed since it was recorded"
    raise CatalogueError(
        PACKING, f"a file cannot be packed: {problem}", where=file.name or file.id,
        fix="restore it (fiducial catalogue verify), or pack nothing with --pack none",
    )  # fmt: skip

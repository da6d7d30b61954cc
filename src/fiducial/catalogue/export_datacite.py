"""DataCite JSON (metadata schema 4.6) of one product, as a DOI request to the DataCite REST API takes it."""

from __future__ import annotations

from typing import Any, Final

from fiducial.catalogue import export_names as names
from fiducial.catalogue.export_graph import (
    SOFTWARE_KIND,
    Bounds,
    ExportGraph,
    ExportOptions,
    bounds_of,
    build,
    pick,
    sources,
)
from fiducial.catalogue.records import ProductRecord, Snapshot
from fiducial.errors import CatalogueError

MANDATORY: Final = "FID-4044"
_SCHEMA: Final = "http://datacite.org/schema/kernel-4"
_GROUPS: Final = frozenset({"centre", "center", "organisation", "organization", "agency", "institution"})


def datacite_request(
    snapshot: Snapshot, product: str | None = None, options: ExportOptions | None = None
) -> dict[str, Any]:
    """Return the metadata of a product for a DOI request; the DOI itself is the registrar's.

    Parameters
    ----------
    snapshot : Snapshot
    product : str, optional
        Id or name; may be left out when the snapshot holds one product.
    options : ExportOptions, optional
        Creators, publisher, title, description, licence, date of publication. Without creators the organisations
        that the catalogue records as makers of the product or its files are meant; a publisher is never recorded.

    Returns
    -------
    dict
        ``{"data": {"type": "dois", "attributes": …}}``, without ``event``: a draft.

    Raises
    ------
    CatalogueError
        FID-4040, FID-4041 as :func:`~fiducial.catalogue.export_graph.build`; FID-4042 as
        :func:`~fiducial.catalogue.export_graph.pick`; FID-4044 when a mandatory property is neither recorded nor given.
    """
    options = options or ExportOptions()
    graph = build(snapshot)
    found = pick(graph, product)
    published = options.published or found.issued
    creators = _creators(graph, found, options)
    title = (options.title or found.name).strip()
    given = {"--title": title, "--creator": creators, "--publisher": options.publisher, "--date": published}
    missing = [option for option, value in given.items() if not value]
    if missing or published is None:
        raise CatalogueError(
            MANDATORY, "mandatory properties of a DOI request are not recorded", where=found.id,
            fix=f"give {', '.join(missing)}",
        )  # fmt: skip
    area = bounds_of(found) or options.bounds
    attributes: dict[str, Any] = {
        "schemaVersion": _SCHEMA,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": _kind(found, options)},
        "titles": [{"title": names.text(title)}],
        "creators": creators,
        "publisher": {"name": names.text(options.publisher or "")},
        "publicationYear": f"{names.instant(published).year:04d}",
        "dates": _dates(graph, found),
        "alternateIdentifiers": _own_ids(found),
        "relatedIdentifiers": _related(graph, sources(graph)[found.id]),
        "subjects": _subjects(found, options),
        "descriptions": _descriptions(graph, found, options),
        "rightsList": _rights(options.licence),
        "geoLocations": [_box(area)] if area is not None else [],
        **_contents(graph, found),
    }
    return {"data": {"type": "dois", "attributes": {key: value for key, value in attributes.items() if value}}}


def _kind(product: ProductRecord, options: ExportOptions) -> str:
    known = options.concepts.get(product.egv_product or "") or product.egv_product
    return names.text(known or "Geodetic product")


def _creators(graph: ExportGraph, product: ProductRecord, options: ExportOptions) -> list[dict[str, str]]:
    given = [{"name": names.text(one)} for one in dict.fromkeys(options.creators) if one.strip()]
    if given:
        return given
    things = (product.id, *graph.members[product.id])
    makers = sorted({one for thing in things for one in graph.makers.get(thing, ())})
    known = [agent for one in makers if (agent := graph.agents[one]) is not None and agent.kind != SOFTWARE_KIND]
    kinds = {agent.name: agent.kind for agent in known if agent.name.strip()}
    return [
        {"name": names.text(name), **({"nameType": "Organizational"} if kinds[name].lower() in _GROUPS else {})}
        for name in sorted(kinds)
    ]


def _dates(graph: ExportGraph, product: ProductRecord) -> list[dict[str, str]]:
    found = []
    if product.issued is not None:
        found.append({"date": names.utc(product.issued), "dateType": "Issued"})
    span = [names.utc(one) if one is not None else "" for one in (product.start, product.end)]
    if any(span):
        # A range with one end open is RKMS-ISO8601, which DataCite takes.
        found.append({"date": "/".join(span), "dateType": "Collected"})
    runs = [graph.runs[one] for one in graph.runs_of()[product.id]]
    ended = [run.ended for run in runs if run is not None and run.ended is not None]
    if ended:
        found.append({"date": names.utc(max(ended, key=names.instant)), "dateType": "Created"})
    return found


def _own_ids(product: ProductRecord) -> list[dict[str, str]]:
    return [{"alternateIdentifier": names.text(product.id), "alternateIdentifierType": "Fiducial catalogue"}]


def _related(graph: ExportGraph, above: tuple[str, ...]) -> list[dict[str, str]]:
    found = []
    for one in above:
        record = graph.products.get(one) or graph.files.get(one) or graph.others.get(one)
        attributes = record.attributes if record is not None else {}
        kind, value = "URN", names.record_uri(one)
        for key in ("doi", "url"):
            stated = attributes.get(key)
            if isinstance(stated, str) and stated.strip():
                kind, value = key.upper(), names.text(stated.strip())
                break
        found.append({"relationType": "IsDerivedFrom", "relatedIdentifier": value, "relatedIdentifierType": kind})
    return list({tuple(one.values()): one for one in found}.values())


def _subjects(product: ProductRecord, options: ExportOptions) -> list[dict[str, str]]:
    if not product.egv_product:
        return []
    return [
        {
            "subject": names.text(options.concepts.get(product.egv_product) or product.egv_product),
            "subjectScheme": "Essential Geodetic Variables",
            "classificationCode": names.text(product.egv_product),
            "valueUri": names.uri(names.concept(product.egv_product)),
        }
    ]


def _descriptions(graph: ExportGraph, product: ProductRecord, options: ExportOptions) -> list[dict[str, str]]:
    found = []
    if options.description:
        found.append({"description": names.text(options.description), "descriptionType": "Abstract"})
    lines = [f"{name}: {value}" for name in ("level", "tier", "frame") if (value := getattr(product, name))]
    for one in graph.runs_of()[product.id]:
        run = graph.runs[one]
        if run is not None:
            software = f" with {run.software}" if run.software else ""
            lines.append(f"made by {run.recipe} {run.step}, step version {run.step_version}{software}")
            lines += [f"shortcoming: {shortcoming}" for shortcoming in run.shortcomings]
    if lines:
        technical = "\n".join(dict.fromkeys(lines))
        found.append({"description": names.text(technical), "descriptionType": "TechnicalInfo"})
    return found


def _rights(licence: str | None) -> list[dict[str, str]]:
    if not licence:
        return []
    if licence.startswith(("http://", "https://")):
        return [{"rightsUri": licence}]
    return [{"rights": names.text(licence)}]


def _box(area: Bounds) -> dict[str, dict[str, float]]:
    return {
        "geoLocationBox": {
            "westBoundLongitude": area.west,
            "eastBoundLongitude": area.east,
            "southBoundLatitude": area.south,
            "northBoundLatitude": area.north,
        }
    }


def _contents(graph: ExportGraph, product: ProductRecord) -> dict[str, list[str]]:
    files = [graph.files[one] for one in graph.members[product.id] if one in graph.files]
    if not files:
        return {}
    kinds = {names.media_type(one.name, one.format) or one.format for one in files} - {"unknown", ""}
    sizes = [f"{len(files)} files", f"{sum(one.size for one in files)} bytes"]
    return {"sizes": sizes, "formats": sorted(names.text(one) for one in kinds)}

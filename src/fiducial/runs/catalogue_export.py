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
from fiducial.catalogue.product_places import product_places
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
    snapshot = _held(snapshot)
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


def _held(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the paths at which files still lie; all of them of a file that lies at none."""
    files = tuple(replace(one, paths=kept) if (kept := tuple(p for p in one.paths if _lies(p, one.size))) else one
                  for one in snapshot.files)  # fmt: skip
    return replace(snapshot, files=files)


def _lies(path: str, size: int) -> bool:
    try:
        return Path(path).stat().st_size == size
    except (OSError, ValueError):
        return False


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
    owners = list(graph.products)
    wanted = set(graph.files) if packing == "all" else set[str]()
    if packing == "product":
        owners = [one for one in owners if start in (None, one)]
        wanted = {one for product in (start, *owners) if product for one in (product, *graph.members.get(product, ()))}
    places, origins = _places(graph, owners, wanted & graph.files.keys())
    metadata = document(crate(snapshot, request.options, places))
    with atomic_directory(request.out, overwrite=request.overwrite, marker=METADATA_FILE) as folder:
        for one, packed in places.items():
            for place in (place for copies in packed.values() for place in copies):
                _copy(graph.files[one], origins[place], folder / place)
        (folder / METADATA_FILE).write_bytes(metadata)
    return ExportResult(request.format, request.out, {**counts, "packed": len(origins)})


def _places(
    graph: ExportGraph, owners: Iterable[str], wanted: Iterable[str]
) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, str]]:
    """Return where each file lies in the crate: in a folder a product, as it lies in the product's own folder.

    Returns
    -------
    dict
        Places by id of the file and of the product; a content that several products hold is copied into each.
    dict
        Recorded path to copy from by place, "" where none is.
    """
    wanted, all_places = set(wanted), graph.places()
    groups = [(one, all_places[one], [m for m in graph.members[one] if m in wanted]) for one in owners]
    loose = sorted(wanted.difference(*(members for _, _, members in groups)))
    groups.append(("", product_places(graph.files[one] for one in loose), loose))
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    sources: dict[str, str] = {}
    folders: set[str] = set()
    for owner, of, members in groups:
        folder = (
            re.sub("[^A-Za-z0-9._-]+", "_", owner.partition(":")[2] or owner or "files").strip("._")[:60] or "product"
        )
        if folder.lower() in folders:
            folder += f"-{_digits(owner)}"
        folders.add(folder.lower())
        seen: set[str] = set()
        for one in members:
            places = of.of.get(one, ()) if owner else of.of.get(one, ())[:1]
            pairs = [(place.inside, place.path) for place in places] or [(graph.files[one].name or one, "")]
            copies = [(_free(f"data/{folder}", inside, one, seen), path) for inside, path in pairs]
            found.setdefault(one, {})[owner] = tuple(place for place, _ in copies)
            sources |= dict(copies)
    return found, sources


def _free(folder: str, inside: str, identity: str, seen: set[str]) -> str:
    """Return a place below the folder that no file has yet, also where upper and lower case are one."""
    parts = Path(inside).parts
    plain = parts and ".." not in parts and not os.path.isabs(inside)  # noqa: PTH117 - text of any system
    place = f"{folder}/{inside}"
    if not plain or place.lower() in seen:
        place = f"{folder}/{_digits(identity)}/{parts[-1] if parts and parts[-1] not in ('..', '/') else 'file'}"
    seen.add(place.lower())
    return place


def _digits(identity: str) -> str:
    return hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()[:12]


def _copy(file: FileRecord, first: str, target: Path) -> None:
    """Copy a file from this path, else from the first of its paths at which it is unchanged."""
    problem = "no path of it is recorded"
    for path in sorted(file.paths, key=lambda path: (path != first, path)):
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

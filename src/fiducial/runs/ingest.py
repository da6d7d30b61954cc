"""Import: EGMS files become point motion products, streaming, whole or not at all."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial import __version__
from fiducial.constants import SENTINEL1_WAVELENGTH_MM
from fiducial.errors import FiducialError
from fiducial.formats import egms, egms_checks, egms_csv
from fiducial.formats.atomic import atomic_directory
from fiducial.formats.egms import EgmsFile
from fiducial.formats.egms_columns import merge_styles
from fiducial.formats.egms_names import TileName
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.formats.point_product import MANIFEST, PointProduct, is_product
from fiducial.formats.point_product_writer import ROW_GROUP_POINTS, PointRows, ProductWriter
from fiducial.formats.product_manifest import REQUIREMENTS, Column, Manifest, Metadata, Requirement, SourceFile, Tie
from fiducial.runs.progress import Advance, progress

_WORKERS: Final = 2
_IN_FLIGHT: Final = 3
_COMPONENT: Final = {"E": "east", "U": "up"}


class _NotQuantisedError(Exception):
    """The series are not multiples of 0.1 mm: they are stored as float32 instead."""


@dataclass
class _Findings:
    """What is learned about a file while it streams."""

    styles: dict[str, str]
    burst: tuple[int, int, int] | None = None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def provenance_id(parts: dict[str, Any]) -> str:
    """Return the identity of a run: a hash over its inputs, version and parameters."""
    import json

    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _with_geographic(attributes: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if "longitude" in attributes:
        return attributes
    to_geographic = Transformer.from_crs("EPSG:3035", "EPSG:4258", always_xy=True)
    longitude, latitude = to_geographic.transform(attributes["easting"], attributes["northing"])
    return attributes | {"longitude": longitude, "latitude": latitude}


@dataclass(frozen=True)
class _Prepared:
    """A piece, parsed and checked by itself."""

    rows: egms_csv.Rows
    burst: tuple[int, int, int] | None
    stored: PointRows
    bytes: int


def _prepare(piece: egms_csv.Piece, file: EgmsFile, dtype: str) -> _Prepared:
    series: NDArray[Any]
    if dtype == "float32":
        rows, series = egms_csv.parse(piece, file.header, file.where)
        zeros = np.zeros(len(series), dtype=np.int32), np.empty(0, dtype=np.uint16)
    else:
        rows, coded = egms_csv.parse_quantised(piece, file.header, file.where)
        if not coded.exact:
            raise _NotQuantisedError
        series, zeros = coded.tenth_mm, (coded.negative_zero_count, coded.negative_zero_epoch)
    burst = egms_checks.check(rows, file, None)
    return _Prepared(rows, burst, PointRows(_with_geographic(rows.attributes), series, *zeros), len(piece.content))


def _stream(
    file: EgmsFile, dtype: str, findings: _Findings, advance: Advance, digest: egms.Hash | None
) -> Iterator[PointRows]:
    """Parse and check pieces in threads and give them in order; a few are in memory at any time."""
    queue: deque[Future[_Prepared]] = deque()

    def take() -> PointRows:
        done = queue.popleft().result()
        if findings.burst is not None and done.burst != findings.burst:
            egms_checks.check(done.rows, file, findings.burst)
        findings.burst = done.burst
        for name, style in done.rows.styles.items():
            findings.styles[name] = merge_styles(findings.styles.get(name, style), style)
        advance(done.bytes)
        return done.stored

    with ThreadPoolExecutor(_WORKERS) as pool, file.pieces(digest=digest) as pieces:
        try:
            for piece in pieces:
                queue.append(pool.submit(_prepare, piece, file, dtype))
                if len(queue) >= _IN_FLIGHT:
                    yield take()
            while queue:
                yield take()
        finally:
            for future in queue:
                future.cancel()


def _requirements(metadata: EgmsMetadata | None) -> tuple[Requirement, ...]:
    if metadata is None:
        return tuple(Requirement(name=name, state="unstated") for name in REQUIREMENTS)
    versions = (metadata.gnss_version, metadata.dem_version, metadata.corine_version, metadata.snow_version)
    return tuple(
        Requirement(name=name, state="stated" if version else "unstated", detail=version)
        for name, version in zip(REQUIREMENTS, versions, strict=True)
    )


def _tie(file: EgmsFile) -> Tie:
    if file.level == "L2a":
        return Tie(frame=None, stated_by="EGMS: Level 2a is relative")
    version = file.metadata.gnss_version if file.metadata else None
    return Tie(
        frame="ETRF2000",
        gnss_source=f"A-EPND {version}" if version else None,
        stated_by="EGMS ATBD v4.0 (2025): the GNSS model is in ETRF2000",
    )


def _manifest(
    file: EgmsFile, writer_result: tuple[int, str], findings: _Findings, dtype: str, source: SourceFile
) -> Manifest:
    points, content = writer_result
    header = file.header
    component = _COMPONENT[file.name.component] if isinstance(file.name, TileName) else "LOS"
    return Manifest(
        name=file.stem,
        level=file.level,
        component=component,  # type: ignore[arg-type]
        wavelength_mm=SENTINEL1_WAVELENGTH_MM if component == "LOS" else None,
        points=points,
        epochs=tuple(str(day) for day in header.epochs.astype("datetime64[D]")),
        series_dtype=dtype,  # type: ignore[arg-type]
        row_group_points=ROW_GROUP_POINTS,
        columns=tuple(
            Column(spelled=spelled, name=name, style=findings.styles.get(name, "text"))
            for spelled, name in zip(header.spelled, header.names, strict=True)
        ),
        series_style=findings.styles.get("", "shortest"),
        tie=_tie(file),
        requirements=_requirements(file.metadata),
        sources=(source,),
        metadata=None if file.metadata is None else Metadata.of(file.metadata),
        created_by=f"fiducial {__version__}",
        provenance_id=provenance_id({"step": "import", "version": __version__, "source": source.sha256}),
        content_sha256=content,
    )


def _source(path: Path) -> SourceFile:
    return SourceFile(name=path.name, bytes=path.stat().st_size, sha256=file_sha256(path))


def _write(file: EgmsFile, directory: Path, dtype: str, advance: Advance) -> None:
    findings = _Findings({})
    writer = ProductWriter(directory, file.header.epochs, dtype)
    try:
        # A CSV is hashed while it passes; a ZIP is another file than the CSV in it.
        passing = hashlib.sha256() if file.member is None else None
        with ThreadPoolExecutor(2) as pool:
            archive = pool.submit(file_sha256, file.path) if passing is None else None
            written: Future[None] | None = None
            for rows in _stream(file, dtype, findings, advance, passing):
                if written is not None:
                    written.result()
                written = pool.submit(writer.append, rows)
            if written is not None:
                written.result()
            result = writer.close()
    except BaseException:
        writer.abandon()
        raise
    sha256 = passing.hexdigest() if passing is not None else archive.result() if archive is not None else ""
    source = SourceFile(name=file.path.name, bytes=file.path.stat().st_size, sha256=sha256)
    manifest = _manifest(file, result, findings, dtype, source)
    (directory / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")


def already_imported(target: Path, sources: Callable[[], tuple[SourceFile, ...]]) -> bool:
    """Tell whether the target is this very import, finished: then a resumed run need not repeat it."""
    if not is_product(target):
        return False
    with suppress(FiducialError):
        manifest = PointProduct.open(target).manifest
        return manifest.sources == sources() and manifest.created_by == f"fiducial {__version__}"
    return False


def import_egms(path: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Import an EGMS ZIP or CSV.

    Parameters
    ----------
    path : Path
        EGMS Level 2a, 2b or 3.
    out : Path
        Folder of products; the new one has the name of the source without extension.
    overwrite : bool
        Replace a product of that name. An unchanged one is kept and not made again.

    Returns
    -------
    Path
        The product directory; it appears whole or not at all.

    Raises
    ------
    FormatError
        When the source is damaged or contradicts itself (FID-20xx).
    InputError
        FID-1001 no such file; FID-1002 when another product of that name exists.
    """
    file = egms.recognise(path)
    target = out / file.stem
    if already_imported(target, lambda: (_source(path),)):
        return target
    for dtype in ("int16", "float32"):
        try:
            with (
                atomic_directory(target, overwrite=overwrite, marker=MANIFEST) as directory,
                progress(f"import {file.stem}", file.csv_bytes) as advance,
            ):
                _write(file, directory, dtype, advance)
        except _NotQuantisedError:
            continue
        break
    return target

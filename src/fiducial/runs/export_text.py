"""EGMS out: the CSV in the vocabulary and number style of its source, with its XML, zipped or side by side."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, InputError
from fiducial.formats import egms_csv, egms_names, egms_xml
from fiducial.formats.atomic import atomic_file
from fiducial.formats.creation_time import creation_time
from fiducial.formats.egms_columns import DECIMALS, Header, date_columns_of
from fiducial.formats.egms_names import BurstName, GnssModelName
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.geodesy.frames import same_frame
from fiducial.motion.identifiers import decode_points
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.export_area import Area
from fiducial.runs.export_rows import LOST_BY_CALIBRATION, Attributes, printed_rows, wanted_groups
from fiducial.runs.progress import progress
from fiducial.runs.sources import Source

EGMS_FRAME: Final = "ETRF2000"
"""Frame of every Level 2b and 3 product (EGMS ATBD v4.0); the files have no field that could name another."""

_TILE_M: Final = 100_000
# The same bytes for the same points: a ZIP that carries the hour of its making cannot be compared.
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class EgmsText:
    """How a source is written as EGMS text.

    Attributes
    ----------
    stem : str
        Name of the files without extension.
    header : Header
    styles : dict of str to str
        How each column writes its numbers; the acquisition columns under ``""``.
    metadata : EgmsMetadata or None
        None: there is no XML, because the points are not of one EGMS product.
    """

    stem: str
    header: Header
    styles: dict[str, str]
    metadata: EgmsMetadata | None


def _refuse(source: Source, problem: str, fix: str) -> InputError:
    return InputError("FID-1081", f"cannot be written as EGMS: {problem}", where=source.name, fix=fix)


def _check(source: Source) -> None:
    other = "export it as gpkg, geoparquet, geotiff or product"
    manifest = source.product.manifest
    if not manifest.epochs:
        raise _refuse(source, "it has rates and no series", other)
    if source.calibration is None:
        tied = manifest.tie.frame
        if manifest.level != "L2a" and tied is not None and not same_frame(tied, EGMS_FRAME):
            raise _refuse(source, f"{manifest.level} is in {EGMS_FRAME} by definition, this is in {tied}", other)
        return
    frame = source.calibration.frame
    if not same_frame(frame, EGMS_FRAME):
        raise _refuse(
            source,
            f"Level 2b is in {EGMS_FRAME} by definition, and this calibration is in {frame}",
            f"calibrate with velocities in {EGMS_FRAME}, apply no calibration, or {other}",
        )


def _own_name(source: Source) -> egms_names.EgmsName | None:
    try:
        return egms_names.parse(source.name)
    except FiducialError:
        return None


def _stem(source: Source, name: egms_names.EgmsName | None) -> str:
    if source.calibration is None:
        return source.name
    if isinstance(name, BurstName):
        return str(replace(name, level="L2b"))
    return f"{source.name}_L2b"


def _gnss_version(source: Source) -> str | None:
    """Return the version of the GNSS model that a calibration used, when the name of its table tells it."""
    assert source.calibration is not None  # noqa: S101 - the caller branches on it
    stated = str(source.calibration.document.get("gnss_source", ""))
    try:
        name = egms_names.parse(stated)
    except FiducialError:
        return None
    return f"{name.year}.{name.issue}" if isinstance(name, GnssModelName) else None


def _metadata(source: Source, name: egms_names.EgmsName | None) -> EgmsMetadata:
    """Return what the XML states: only what is known of the source, and what calibration changed."""
    manifest = source.product.manifest
    metadata = EgmsMetadata(manifest.level) if manifest.metadata is None else manifest.metadata.to_egms()
    if manifest.level != "L3" and metadata.burst is None:
        if isinstance(name, BurstName):
            burst = name.track, name.burst, name.swath
        else:
            ids = decode_points(source.product.attributes(["pid"], [0])["pid"][:1])
            burst = int(ids.track[0]), int(ids.burst[0]), int(ids.swath[0])
        metadata = replace(metadata, track=burst[0], burst=burst[1], swath=burst[2])
    if source.calibration is None:
        return metadata
    today = creation_time().strftime("%d/%m/%Y")
    # No facility of EGMS made this Level 2b.
    return replace(
        metadata,
        level="L2b",
        production_facility=None,
        production_date=today,
        clusters=None,
        gnss_version=_gnss_version(source),
    )


def _is_one_product(source: Source, name: egms_names.EgmsName | None) -> bool:
    """Tell whether the points are of one burst or tile; a name of EGMS says so, and import has checked it."""
    if name is not None:
        return True
    product = source.product
    if product.manifest.level == "L3":
        columns = product.attributes(["easting", "northing"])
        return len(np.unique(np.column_stack([columns[n] // _TILE_M for n in columns]), axis=0)) == 1
    ids = decode_points(product.attributes(["pid"])["pid"])
    return len(np.unique(np.column_stack([ids.track, ids.burst, ids.swath]), axis=0)) == 1


def _is_corrected(source: Source) -> bool:
    """Tell whether a calibration of ours is in the numbers: applied now, or worked in by a merge."""
    return source.calibration is not None or "calibration_sigma" in source.product.column_names


def plan(source: Source) -> EgmsText:
    """Decide name, columns, styles and XML.

    Raises
    ------
    InputError
        FID-1081 when the points cannot be EGMS.
    """
    _check(source)
    manifest = source.product.manifest
    lost = LOST_BY_CALIBRATION if source.calibration is not None else frozenset()
    columns = [column for column in manifest.columns if column.name not in lost]
    header = Header(
        "L2b" if source.calibration is not None else manifest.level,
        tuple(column.spelled for column in columns),
        tuple(column.name for column in columns),
        date_columns_of(source.product.epochs),
    )
    styles = {column.name: column.style for column in columns} | {"": manifest.series_style}
    name = _own_name(source)
    metadata = _metadata(source, name) if _is_one_product(source, name) else None
    return EgmsText(_stem(source, name), header, styles, metadata)


def _rounded(
    source: Source, attributes: Attributes, series_mm: NDArray[np.float64]
) -> tuple[Attributes, NDArray[np.float64]]:
    """Return what is printed of calibrated points: the velocity refitted, and what changed rounded as documented.

    Notes
    -----
    A correction that is linear in time changes the velocity only: every other statistic is a function of residuals
    of a fit that contains the line. Their published values stand; they come from series that were not yet rounded.
    """
    time_major = np.ascontiguousarray(series_mm.T, dtype=np.float32)
    refitted = egms_statistics(time_major, source.product.epochs, wavelength_mm=None).mean_velocity
    velocity = np.where(np.isfinite(refitted), refitted, attributes["mean_velocity"])
    # Adding zero takes the sign off a zero that only rounding made negative.
    printed = np.round(velocity, DECIMALS["mean_velocity"]) + 0.0
    return attributes | {"mean_velocity": printed}, np.round(series_mm, 1) + 0.0


def _write_csv(sink: IO[bytes], source: Source, text: EgmsText, area: Area | None) -> None:
    groups = wanted_groups(source, area)
    egms_csv.write_header(sink, text.header)
    with progress(f"export {text.stem}", len(groups)) as advance:
        for group in groups:
            attributes, series_mm = printed_rows(source, group, area)
            if _is_corrected(source):
                attributes, series_mm = _rounded(source, attributes, series_mm)
            egms_csv.write_rows(sink, text.header, attributes, series_mm, text.styles)
            advance(1)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def write_zip(source: Source, out: Path, area: Area | None, *, overwrite: bool) -> list[Path]:
    """Write a source as an EGMS ZIP: CSV and XML; an unchanged one has the very CSV it was imported from.

    Raises
    ------
    InputError
        FID-1002 output exists, FID-1081 cannot be EGMS, FID-1082 nothing in the area.
    """
    text = plan(source)
    if text.metadata is None:
        raise _refuse(source, "an EGMS file holds one burst or tile, this is merged of several", "export it as csv")
    target = out / f"{text.stem}.zip"
    with atomic_file(target, overwrite=overwrite) as partial, zipfile.ZipFile(partial, "w") as archive:
        with archive.open(_entry(f"{text.stem}.csv"), "w", force_zip64=True) as sink:
            _write_csv(sink, source, text, area)
        archive.writestr(_entry(f"{text.stem}.xml"), egms_xml.write(text.metadata))
    return [target]


def write_csv(source: Source, out: Path, area: Area | None, *, overwrite: bool) -> list[Path]:
    """Write a source as CSV with its XML beside it; merged points have no XML. Both appear, or none.

    Raises
    ------
    InputError
        As :func:`write_zip`.
    """
    text = plan(source)
    table, document = out / f"{text.stem}.csv", out / f"{text.stem}.xml"
    with ExitStack() as stack:
        partial = stack.enter_context(atomic_file(table, overwrite=overwrite))
        if text.metadata is not None:
            # Left last, so published first: a CSV never stands without the XML that tells its level.
            beside = stack.enter_context(atomic_file(document, overwrite=overwrite))
            beside.write_bytes(egms_xml.write(text.metadata))
        with partial.open("wb") as sink:
            _write_csv(sink, source, text, area)
    return [table] if text.metadata is None else [table, document]

"""Export: points of products, files and frames in the formats that others read, whole or clipped, apart or merged."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from fiducial.errors import InputError
from fiducial.motion.merging import DUPLICATE_DISTANCE_M
from fiducial.runs.export_area import GEOGRAPHIC, Area, parse_area
from fiducial.runs.export_product import write_product
from fiducial.runs.export_raster import SPACING_M, write_geotiff
from fiducial.runs.export_tables import write_geopackage, write_geoparquet
from fiducial.runs.export_text import write_csv, write_zip
from fiducial.runs.ingest_frame import import_frame
from fiducial.runs.merge import Merged, merge_sources
from fiducial.runs.sources import Source, distinct, is_frame_folder, open_source

__all__ = ["FORMATS", "Area", "export", "open_any", "parse_area"]

FORMATS: Final = ("egms", "csv", "gpkg", "geoparquet", "geotiff", "product")

Tell = Callable[[str], None]


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def open_any(path: Path, work: Path, *, calibration: str | None = None) -> Source:
    """Open an EGMS file, a point product or a folder of GeoTIFFs; files are imported into ``work``.

    Raises
    ------
    InputError
        FID-1001 when the path is none of them.
    """
    if is_frame_folder(path):
        return open_source(import_frame(path, work), work, calibration=calibration)
    return open_source(path, work, calibration=calibration)


def export(
    paths: Sequence[Path],
    out: Path,
    *,
    format: str = "egms",  # noqa: A002 - the word users know, as on the command line
    area: Area | str | None = None,
    merge: bool = False,
    calibration: str | None = None,
    overwrite: bool = False,
    series: bool = False,
    crs: str = GEOGRAPHIC,
    column: str = "mean_velocity",
    spacing_m: float = SPACING_M,
    duplicate_distance_m: float = DUPLICATE_DISTANCE_M,
    name: str | None = None,
    tell: Tell = _tell,
) -> list[Path]:
    """Write sources in another format.

    Parameters
    ----------
    paths : sequence of Path
        EGMS files, point products or folders of GeoTIFFs.
    out : Path
        Folder; every file is named after its source.
    format : str
        ``egms`` (ZIP of CSV and XML in the words and number style of the source; an unchanged source gives its very
        CSV), ``csv`` (the same side by side), ``gpkg``, ``geoparquet``, ``geotiff`` or ``product``.
    area : Area or str, optional
        Only points inside: ``W,S,E,N``, ``EPSG:3035:W,S,E,N`` or a file with polygons; see ``parse_area``.
    merge : bool
        One output of all sources, with the doubles of overlapping bursts resolved by quality.
    calibration : str, optional
        Version to apply: the newest by default, ``none`` for none. A calibrated Level 2a goes out as Level 2b.
    overwrite : bool
    series : bool
        ``gpkg``: also the series, a column a date.
    crs : str
        ``gpkg``: ``EPSG:4326`` or ``EPSG:3035``.
    column, spacing_m
        ``geotiff``: what is drawn, and the side of a cell in metres.
    duplicate_distance_m : float
        ``merge``: points of different bursts of one track that are closer are one point.
    name : str, optional
        ``merge``: name of the result.
    tell : callable
        Takes a sentence for the user; writes to stderr by default.

    Returns
    -------
    list of Path
        The files and folders made; each appears whole or not at all.

    Raises
    ------
    InputError
        FID-1080 unknown format or option, FID-1081 cannot be EGMS, FID-1082 nothing in the area, FID-1083 and 1084
        no area, FID-1085 to 1088 cannot be merged, FID-1089 no such column, FID-1090 no such grid, FID-1093 two
        sources of one name, FID-1001, FID-1002, FID-1031.
    """
    if format not in FORMATS:
        raise InputError(
            "FID-1080", f"there is no format {format!r}", where="--format", fix=f"use one of {', '.join(FORMATS)}"
        )
    if merge and format == "egms":
        raise InputError(
            "FID-1081",
            "cannot be written as EGMS: an EGMS file holds one burst or tile",
            where="--merge",
            fix="use csv, gpkg, geoparquet, geotiff or product for merged sources",
        )
    chosen = parse_area(area) if isinstance(area, str) else area
    files = distinct([Path(path) for path in paths])
    out.mkdir(parents=True, exist_ok=True)

    def write(source: Source, within: Area | None) -> list[Path]:
        if format == "egms":
            return write_zip(source, out, within, overwrite=overwrite)
        if format == "csv":
            return write_csv(source, out, within, overwrite=overwrite)
        if format == "gpkg":
            return write_geopackage(source, out, within, overwrite=overwrite, series=series, crs=crs)
        if format == "geoparquet":
            return write_geoparquet(source, out, within, overwrite=overwrite)
        if format == "geotiff":
            return write_geotiff(source, out, within, overwrite=overwrite, column=column, spacing_m=spacing_m)
        return write_product(source, out, within, overwrite=overwrite)

    # Beside the output, where there is room for it: the system's temporary folder may be small, or memory.
    with tempfile.TemporaryDirectory(prefix=".fiducial-", dir=out) as folder:
        work = Path(folder)
        sources = [open_any(path, work / str(number), calibration=calibration) for number, path in enumerate(files)]
        if not merge:
            _check_names(sources)
            return [made for source in sources for made in write(source, chosen)]
        target = out if format == "product" else work
        merged = merge_sources(
            sources, target, area=chosen, distance_m=duplicate_distance_m, name=name, overwrite=overwrite
        )
        _say(merged, tell)
        return [merged.path] if format == "product" else write(open_source(merged.path, work), None)


def _say(merged: Merged, tell: Tell) -> None:
    for sentence in merged.notes:
        tell(sentence)


def _check_names(sources: Sequence[Source]) -> None:
    names = [source.name for source in sources]
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise InputError(
            "FID-1093",
            "two sources have the same name, and so would their outputs",
            where=", ".join(sorted(double)),
            fix="export them to different folders, or merge them",
        )

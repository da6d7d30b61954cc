"""A column of a product as a GeoTIFF: the median of the points of every cell."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.transform import from_origin

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.motion.merging import CellMedians, cell_medians, grid_shape
from fiducial.runs.export_area import MAP, Area
from fiducial.runs.export_quantities import SIGN, quantity, require_number_column
from fiducial.runs.export_rows import frame_text, tracks_of, wanted_attributes
from fiducial.runs.sources import Source

SPACING_M: Final = 100.0
MAXIMUM_CELLS: Final = 200_000_000


def write_geotiff(
    source: Source,
    out: Path,
    area: Area | None,
    *,
    overwrite: bool,
    column: str = "mean_velocity",
    spacing_m: float = SPACING_M,
) -> list[Path]:
    """Write a column as a GeoTIFF in EPSG:3035, float32, NaN where a cell has no point.

    Parameters
    ----------
    source : Source
    out : Path
    area : Area or None
    overwrite : bool
    column : str
        Column of numbers; ``mean_velocity`` with the calibration applied.
    spacing_m : float
        Side of a cell; cells are aligned to its multiples, as those of EGMS Level 3.

    Raises
    ------
    InputError
        FID-1089 no such column, FID-1090 spacing of no use or a grid too large, FID-1094 motion of several tracks;
        FID-1002, FID-1082.
    """
    require_number_column(source, column)
    if not (np.isfinite(spacing_m) and spacing_m > 0):
        raise _bad_grid(f"cells of {spacing_m:g} m do not exist", source, "give the side of a cell in metres, e.g. 100")
    if quantity(column).motion and len(tracks_of(source)) > 1:
        raise InputError(
            "FID-1094",
            f"{column} of different lines of sight cannot be one raster",
            where=source.name,
            fix="export each track on its own, or make the Ortho: east and up",
        )
    target = out / f"{source.name}_{column}.tif"
    points = wanted_attributes(source, area, [column])
    known = np.isfinite(points[column])
    if not known.any():
        raise InputError(
            "FID-1082",
            f"no point has a value of {column}",
            where=source.name,
            fix="choose another column or a larger area",
        )
    rows, columns = grid_shape(points["easting"][known], points["northing"][known], spacing_m)
    if rows * columns > MAXIMUM_CELLS:
        raise _bad_grid(
            f"a grid of {rows} x {columns} cells is too large", source, "choose larger cells or a smaller area"
        )
    grid = cell_medians(points["easting"], points["northing"], points[column], spacing_m=spacing_m)
    with atomic_file(target, overwrite=overwrite) as partial:
        _write(partial, grid, source, column, int(known.sum()))
    return [target]


def _bad_grid(problem: str, source: Source, fix: str) -> InputError:
    return InputError("FID-1090", problem, where=source.name, fix=fix)


def _write(path: Path, grid: CellMedians, source: Source, column: str, points: int) -> None:
    what = quantity(column)
    manifest = source.product.manifest
    sign = f"; {SIGN[manifest.component]}" if what.motion else ""
    tags = {
        "component": manifest.component,
        "level": manifest.level,
        "reference_frame": frame_text(source),
        "calibration": "none" if source.calibration is None else source.calibration.version,
        "points": str(points),
        "source": source.name,
        "provenance_id": manifest.provenance_id,
        "created_by": f"fiducial {__version__}",
    }
    height, width = grid.value.shape
    tiling = {"tiled": True, "blockxsize": 256, "blockysize": 256} if min(height, width) >= 256 else {}
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=height, width=width, crs=MAP, nodata=np.nan,
        transform=from_origin(grid.west, grid.north, grid.spacing_m, grid.spacing_m), compress="deflate", predictor=3,
        **tiling,
    ) as sink:  # fmt: skip
        sink.write(grid.value, 1)
        sink.set_band_description(1, f"{what.text}, median of the points of a cell{sign}")
        sink.set_band_unit(1, what.unit)
        sink.update_tags(**tags)

"""Maps of rasters: a folder of a velocity frame, or any single GeoTIFF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from fiducial.errors import FiducialError, InputError
from fiducial.formats import egms_names
from fiducial.formats.egms_names import TileName
from fiducial.formats.geotiff import RasterFrame, read_frame
from fiducial.runs.export_quantities import SIGN, quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_PIXELS: Final = 2_000
_CAPTION_WIDTH: Final = 84
_COMPONENTS: Final = {"E": "east", "U": "up"}
_FRAME_COLUMNS: Final = ("mean_velocity", "mean_velocity_std", "los_east", "los_north", "los_up")


def is_raster(path: Path) -> bool:
    """Tell whether a path is a GeoTIFF file."""
    return path.is_file() and path.suffix.lower() in {".tif", ".tiff"}


def caption(facts: Sequence[str]) -> str:
    """Join facts for the foot of a map, in lines that are not wider than it."""
    lines = [facts[0]] if facts else []
    for fact in facts[1:]:
        if len(lines[-1]) + len(fact) > _CAPTION_WIDTH:
            lines.append(fact)
        else:
            lines[-1] += f"  ·  {fact}"
    return "\n".join(lines)


def _crop(grid: NDArray[np.float64], bounds: tuple[float, ...]) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Cut away the empty border of a raster; bounds are west, east, south, north."""
    rows, columns = np.flatnonzero(np.isfinite(grid).any(axis=1)), np.flatnonzero(np.isfinite(grid).any(axis=0))
    if not len(rows):
        return grid, bounds
    west, east, south, north = bounds
    width, height = (east - west) / grid.shape[1], (north - south) / grid.shape[0]
    top, bottom = max(rows[0] - 1, 0), min(rows[-1] + 2, grid.shape[0])
    left, right = max(columns[0] - 1, 0), min(columns[-1] + 2, grid.shape[1])
    cut = (west + left * width, west + right * width, north - bottom * height, north - top * height)
    return grid[top:bottom, left:right], cut


def _frame_values(frame: RasterFrame, column: str) -> NDArray[np.float64]:
    axes = {"los_east": 0, "los_north": 1, "los_up": 2}
    if column in axes:
        return frame.line_of_sight[..., axes[column]]
    return frame.velocity_mm_per_yr if column == "mean_velocity" else frame.sigma_mm_per_yr


def frame_map(folder: Path, column: str, limit: float | None) -> Figure:
    """Draw a raster of a velocity frame; masked pixels are no data.

    Raises
    ------
    InputError
        FID-1089 when the frame has no such raster.
    """
    from fiducial.reports.maps import raster_map, velocity_map

    if column not in _FRAME_COLUMNS:
        raise InputError(
            "FID-1089", f"a frame has no {column!r}", where=str(folder), fix=f"use one of {', '.join(_FRAME_COLUMNS)}"
        )
    frame = read_frame(folder)
    usable = frame.usable
    values = np.where(usable, _frame_values(frame, column), np.nan)
    mean = frame.line_of_sight[usable].mean(axis=0)
    what = quantity(column)
    sign = [SIGN["LOS"]] if what.motion else []
    facts = [*sign, "frame: relative, not tied", f"{int(usable.sum()):,} pixels"]
    options: dict[str, Any] = {
        "title": frame.name,
        "unit": what.unit,
        "quantity": what.text,
        "sign_note": caption(facts),
        "los": mean / np.linalg.norm(mean),
        "limit": limit,
        "symmetric": what.signed,
    }
    a, b, c, d, e, f = frame.transform
    if b or d or a <= 0 or e >= 0:
        # A turned raster has no rows from west to east: its pixels are drawn where they are.
        return velocity_map(frame.longitude_deg.ravel(), frame.latitude_deg.ravel(), values.ravel(), **options)
    rows, columns = values.shape
    grid, bounds = _crop(values, (c, c + columns * a, f + rows * e, f))
    projected = not rasterio.crs.CRS.from_string(frame.crs).is_geographic
    return raster_map(grid, bounds, projected=projected, **options)  # type: ignore[arg-type]


def _refuse(path: Path, problem: str, fix: str) -> InputError:
    return InputError("FID-1095", f"the raster cannot be drawn: {problem}", where=str(path), fix=fix)


def _described(path: Path, description: str, unit: str, tags: dict[str, str]) -> tuple[str, str, list[str]]:
    """Return quantity, unit and facts of a raster, from its own metadata or the grammar of its name."""
    frame = tags.get("reference_frame", "not stated in the file")
    try:
        name = egms_names.parse(path.name)
    except FiducialError:
        name = None
    if isinstance(name, TileName) and not description:
        # EGMS rasters state nothing inside; the product description does (float32 mean velocity, ETRF2000).
        return "mean velocity", "mm/yr", [SIGN[_COMPONENTS[name.component]], "frame: ETRF2000"]
    text, _, rest = description.partition(", ")
    facts = [rest] if rest else []
    return text or "value", unit or "unit not stated in the file", [*facts, f"frame: {frame}"]


def raster_file_map(path: Path, limit: float | None) -> Figure:
    """Draw the first band of a GeoTIFF, with the unit, description and frame that the file states.

    Raises
    ------
    InputError
        FID-1095 when it cannot be read, is turned, or has no coordinate reference system.
    """
    from fiducial.reports.maps import raster_map

    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                raise _refuse(path, "it has no coordinate reference system", "write one into the file")
            if source.transform.b or source.transform.d or source.transform.e >= 0:
                raise _refuse(path, "its rows do not run from west to east", "warp it to a grid that does")
            scale = max(1.0, max(source.height, source.width) / _MOST_PIXELS)
            shape = (max(int(source.height / scale), 1), max(int(source.width / scale), 1))
            grid = source.read(1, out_shape=shape, masked=True).astype(np.float64).filled(np.nan)
            bounds = (source.bounds.left, source.bounds.right, source.bounds.bottom, source.bounds.top)
            projected = not source.crs.is_geographic
            text, unit, facts = _described(path, source.descriptions[0] or "", source.units[0] or "", source.tags())
    except RasterioError as error:
        raise _refuse(path, str(error), "export it again as a GeoTIFF") from error
    known = grid[np.isfinite(grid)]
    if not len(known):
        raise _refuse(path, "no pixel has a value", "check the nodata value of the file")
    grid, cut = _crop(grid, bounds)
    facts.append(f"{len(known):,} pixels with a value" + (", thinned for the map" if scale > 1 else ""))
    return raster_map(
        grid, cut, title=path.stem, unit=unit, quantity=text, sign_note=caption(facts),  # type: ignore[arg-type]
        projected=projected, limit=limit, symmetric=bool(known.min() < 0 < known.max()),
    )  # fmt: skip

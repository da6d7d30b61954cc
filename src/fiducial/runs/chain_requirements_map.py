"""The map of a score."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial.formats.land_outline import ATTRIBUTION, land_outline
from fiducial.reports.requirement_map import OUTSIDE, LevelPanel, level_maps
from fiducial.runs.chain_requirements import ROWS, RequirementScore, mapped_rows
from fiducial.runs.chain_requirements_area import name_of
from fiducial.runs.export_area import GEOGRAPHIC

Array = NDArray[np.float64]


def score_map(found: RequirementScore) -> Figure:
    """Draw where which level is reached: a map a metric, with coast and stations."""
    cells = found.cells
    row, column = cells.row, cells.column
    # The grid may be wider than the area, as for a polygon's bounds in another projection.
    top, left = int(row.min()), int(column.min())
    box = slice(top, int(row.max()) + 1), slice(left, int(column.max()) + 1)
    bounds = (
        cells.west_m + left * cells.cell_m, cells.west_m + box[1].stop * cells.cell_m,
        cells.north_m - box[0].stop * cells.cell_m, cells.north_m - top * cells.cell_m,
    )  # fmt: skip
    rows = {one["metric"]: one for one in found.rows()}
    panels = []
    for name in mapped_rows(found):
        share = rows[name]
        reached = ", ".join(f"{level} {_percent(share[level])}" for level in ("threshold", "breakthrough", "goal"))
        panels.append(LevelPanel(ROWS[name], cells.image(found.scores.levels[name], OUTSIDE)[box], reached))
    forward = Transformer.from_crs(GEOGRAPHIC, cells.crs, always_xy=True)
    network = found.read.network
    stations = np.column_stack(forward.transform(network.longitude_deg, network.latitude_deg))
    title = f"Requirement {found.requirement.uid} ({found.requirement.name}), {found.area_text()}"
    note = (f"{network.size} stations (dots), {cells.area_km2:,.0f} km² in cells of {found.request.cell_km:g} km, "
            f"{name_of(cells.crs)}. Shares of this area; {ATTRIBUTION}.")  # fmt: skip
    return level_maps(
        panels, bounds, title=title, coast_m=_coast(found, forward, bounds), stations_m=stations, note=note
    )


def _coast(found: RequirementScore, forward: Transformer, bounds: tuple[float, float, float, float]) -> Array:
    """Return the coast in the projection as one line with gaps; thousands of lines would be slow to draw."""
    lon, lat = found.cells.longitude_deg, found.cells.latitude_deg
    wide = max(float(np.ptp(lon)), float(np.ptp(lat))) / 4.0 + 1.0
    near = land_outline().clipped_to(
        float(lon.min()) - wide, float(lat.min()) - wide, float(lon.max()) + wide, float(lat.max()) + wide
    )
    gap = np.full((1, 2), np.nan)
    rings = [part for polygon in near.polygons for ring in polygon for part in (ring, gap)]
    if not rings:
        return gap
    ring = np.concatenate(rings)
    line = np.column_stack(forward.transform(ring[:, 0], ring[:, 1]))
    west, east, south, north = bounds
    side = max(east - west, north - south)
    seen = (np.abs(line[:, 0] - (west + east) / 2) < side) & (np.abs(line[:, 1] - (south + north) / 2) < side)
    # Seams of the outline (180°, 90° S) and places behind the projection are no coast.
    line[~seen | (np.abs(ring[:, 0]) == 180.0) | (ring[:, 1] == -90.0)] = np.nan
    jump = np.abs(np.diff(line, axis=0)).max(axis=1, initial=0.0) > side / 3.0
    return np.asarray(np.insert(line, np.flatnonzero(jump) + 1, np.nan, axis=0))


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100.0 * share:.1f} %"

"""A GNSS table becomes a velocity field around an area."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import velocity_tables
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.frame_plausibility import require_plausible_frame
from fiducial.geodesy.station_screening import near_area
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.runs.ingest import file_sha256

_AREA_POINTS: Final = 10_000
_FEW_STATIONS: Final = 10


@dataclass(frozen=True)
class Gnss:
    """GNSS input of a run.

    Attributes
    ----------
    stations : StationVelocities
        Around the area.
    rows : ndarray of int64, shape (station,)
        Of these in the whole table.
    field : VelocityField
    notes : tuple of str
        What was read, decided and rejected.
    sha256 : str
        Of the table.
    """

    stations: StationVelocities
    rows: NDArray[np.int64]
    field: VelocityField
    notes: tuple[str, ...]
    sha256: str


def read_table(table: Path, frame: str | None) -> StationVelocities:
    """Read a velocity table whose frame is stated; errors as `load`."""
    if frame is None:
        raise InputError(
            "FID-1004",
            "the frame of the GNSS velocities is not stated, and no velocity table names it",
            where="--gnss-frame",
            fix="state it, e.g. --gnss-frame ETRF2000, ITRF2020 or plate:EURA",
        )
    if not table.is_file():
        raise InputError("FID-1001", "no such GNSS table", where=str(table), fix="check the path")
    # The folder is no property of the velocities: products made of them elsewhere must be the same to the byte.
    return replace(velocity_tables.read(table, frame=frame), source=table.name)


def load(
    table: Path,
    frame: str | None,
    longitude_deg: NDArray[np.float64],
    latitude_deg: NDArray[np.float64],
    *,
    up_prior_sigma_mm_per_yr: float | None = None,
) -> Gnss:
    """Read a velocity table and fit the field around an area.

    Parameters
    ----------
    table : Path
        Any layout of ``formats.velocity_tables``.
    frame : str or None
        Frame of its velocities; must be stated, no table names it.
    longitude_deg, latitude_deg : ndarray of float64, shape (point,)
        The area, degrees.
    up_prior_sigma_mm_per_yr : float, optional
        Up is 0 with this sigma when the table has no vertical; without it such a table has no Up.

    Raises
    ------
    InputError
        FID-1001 no such table; FID-1004 frame missing, unknown, or contradicted by the velocities; FID-1005 fewer
        than three usable stations; FID-1140 no station within 500 km.
    """
    stations = read_table(table, frame)
    notes = tuple(velocity_tables.describe(stations))
    thin = slice(None, None, max(1, len(longitude_deg) // _AREA_POINTS))
    inside = near_area(stations, longitude_deg[thin], latitude_deg[thin])
    near = stations.select(inside)
    if near.size == 0:
        raise InputError(
            "FID-1140",
            f"none of the {stations.size} stations lies within 500 km of the area",
            where=str(table),
            fix="give a table that covers the area; check that longitudes and latitudes are not exchanged",
        )
    require_plausible_frame(near, near.frame)
    # Too few around leave the far ones as the best there is; their distance shows in the sigma.
    rows = np.flatnonzero(inside) if near.size >= _FEW_STATIONS else np.arange(stations.size)
    chosen = stations.select(rows)
    field = VelocityField.fit(chosen, up_prior_sigma_mm_per_yr=up_prior_sigma_mm_per_yr)
    notes += (f"{chosen.size} of {stations.size} stations are used, {near.size} of them within 500 km of the area",)
    notes += tuple(f"{one.name}: {one.reason}" for one in field.rejected if one not in stations.rejected)
    return Gnss(chosen, rows.astype(np.int64), field, notes, file_sha256(table))

"""Earth rotation parameters beside the stations of a solution, in another frame."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.frame_graph import FrameCoordinates, frame_path, transform_coordinates
from fiducial.geodesy.frames import parse_frame
from fiducial.stations.solution import ParameterTable
from fiducial.stations.solution_tables import Integers

Array = NDArray[np.float64]

TYPES: Final = ("XPO", "YPO", "UT", "XPOR", "YPOR", "LOD")
_UNITS: Final = {"XPO": "rad", "YPO": "rad", "UT": "s", "XPOR": "rad/d", "YPOR": "rad/d", "LOD": "s"}
_DAY_S: Final = 86400.0
_DAYS_A_YEAR: Final = 365.25
_SIDEREAL: Final = 1.002737909350795
_STEP_M: Final = 1e6


def rotation_rows(table: ParameterTable, source: str, target: str) -> Integers:
    """Return the rows of Earth rotation parameters that go along; none to or from an ETRF, where they mean nothing.

    Rows in other units than rad, rad/d and s, or without an epoch, do not go along.
    """
    if "ETRF" in {parse_frame(source).kind, parse_frame(target).kind}:
        return np.zeros(0, dtype=np.int64)
    units = np.array([_UNITS.get(kind, "-") for kind in table.types.tolist()])
    return np.flatnonzero((units == table.units) & ~np.isnat(table.epochs_utc))


def rotated(table: ParameterTable, rows: Integers, source: str, target: str) -> Array:
    """Return Earth rotation parameters that belong to the target frame, in SI units of the table.

    Parameters
    ----------
    table : ParameterTable
    rows : ndarray of int
        From :func:`rotation_rows`.
    source, target : str
        ITRF or IGS realisations.

    Notes
    -----
    With the rotation R of the positions, X' = X + R X: xp' = xp + R2, yp' = yp + R1, UT1' = UT1 - R3 / f, and LOD with the
    opposite sign of UT1's rate, f = 1.002737909350795 (Altamimi et al. 2016): what the Earth does in space stays.
    """
    values = table.values[rows].copy()
    if not rows.size:
        return values
    years = decimal_year(table.epochs_utc[rows])
    now, rate = np.zeros((len(rows), 3)), np.zeros(3)
    for step in frame_path(source, target):
        sign, row = (-1.0 if step.inverse else 1.0), step.operation
        change = sign * MILLIARCSECOND_RAD * np.array(row.rates.rotation_mas_per_yr)
        now += sign * MILLIARCSECOND_RAD * np.array(row.rotation_mas) + (years - row.epoch)[:, np.newaxis] * change
        rate += change
    seconds = _DAY_S / (2.0 * np.pi * _SIDEREAL)
    a_day = rate / _DAYS_A_YEAR
    shifts = {
        "XPO": now[:, 1], "YPO": now[:, 0], "UT": -seconds * now[:, 2],
        "XPOR": a_day[1], "YPOR": a_day[0], "LOD": seconds * a_day[2],
    }  # fmt: skip
    for kind, shift in shifts.items():
        values += np.where(table.types[rows] == kind, shift, 0.0)
    return values


def station_derivatives(start: FrameCoordinates, target: str) -> tuple[Array, Array]:
    """Return dX2/dX1 and dV2/dX1 of a transform, shape (station, 3, 3).

    By differences over 1000 km: positions and velocities are linear in X, so that only rounding (1e-15) is left.
    """
    size = len(start.position_m)
    still = np.zeros((size, 3))
    base = transform_coordinates(FrameCoordinates(start.frame, start.epoch_yr, start.position_m, still), target)
    of_position, of_velocity = np.empty((size, 3, 3)), np.empty((size, 3, 3))
    for axis in range(3):
        shift = np.zeros(3)
        shift[axis] = _STEP_M
        there = transform_coordinates(
            FrameCoordinates(start.frame, start.epoch_yr, start.position_m + shift, still), target
        )
        of_position[:, :, axis] = (there.position_m - base.position_m) / _STEP_M
        if there.velocity_m_per_yr is not None and base.velocity_m_per_yr is not None:
            of_velocity[:, :, axis] = (there.velocity_m_per_yr - base.velocity_m_per_yr) / _STEP_M
    return of_position, of_velocity


def between_stations_and_rotation(
    start: FrameCoordinates, moved: FrameCoordinates, with_position: Array, with_velocity: Array
) -> tuple[Array, Array]:
    """Return the covariances of moved positions and velocities with other parameters, shape (3 station, parameter).

    Parameters
    ----------
    start, moved : FrameCoordinates
        Before and after transform and propagation.
    with_position, with_velocity : ndarray, shape (3 station, parameter)
        Before; zeros for velocities that are not estimated.
    """
    of_position, of_velocity = station_derivatives(start, moved.frame)
    size = len(start.position_m)
    first, second = with_position.reshape(size, 3, -1), with_velocity.reshape(size, 3, -1)
    velocity = second + of_velocity @ first
    position = of_position @ first + (moved.epoch_yr - start.epoch_yr)[:, np.newaxis, np.newaxis] * velocity
    return position.reshape(with_position.shape), velocity.reshape(with_velocity.shape)

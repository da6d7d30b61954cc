"""Manoeuvres seen in the orbits themselves: velocity changes that gravity does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import (
    EARTH_EQUATORIAL_RADIUS_M,
    EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2,
    EARTH_J2,
    EARTH_ROTATION_RAD_PER_S,
)
from fiducial.orbits.orbit import Epochs, most_frequent_step_s

Array = NDArray[np.float64]

_STENCIL: Final = (-1.0 / 12.0, 16.0 / 12.0, -30.0 / 12.0, 16.0 / 12.0, -1.0 / 12.0)
_LEAST_STEP_M_PER_S2: Final = 2e-5
_FACTOR: Final = 12.0
_ON_GRID: Final = 1e-6


@dataclass(frozen=True, slots=True)
class VelocityChange:
    """A sudden change of velocity in one orbit.

    Attributes
    ----------
    satellite : str
    begin_gps, end_gps : datetime64
        Epochs between which it lies.
    change_m_per_s : float
        Size of the change, to some ten per cent.
    """

    satellite: str
    begin_gps: np.datetime64
    end_gps: np.datetime64
    change_m_per_s: float


def find_velocity_changes(
    position_m: Array, epochs_gps: Epochs, satellites: tuple[str, ...]
) -> tuple[VelocityChange, ...]:
    """Find epochs at which a satellite's acceleration departs from gravity.

    Parameters
    ----------
    position_m : ndarray, shape (epoch, satellite, 3)
        Earth-fixed, NaN where missing.
    epochs_gps : ndarray of datetime64, shape (epoch,)
        Equidistant but for gaps.
    satellites : tuple of str

    Returns
    -------
    tuple of VelocityChange
        Ordered by satellite and time.

    Notes
    -----
    Second differences (five points) of the positions in an axis-fixed frame, less the attraction of the Earth with its
    flattening (Montenbruck and Gill 2000, Satellite Orbits, eq. 3.28). What is left, the attraction of Sun and Moon and
    radiation pressure, changes slowly; a step from one epoch to the next above 2e-5 m/s2 and twelve times the arc's
    median step is a velocity change. That is 6 mm/s at 5 min and 18 mm/s at 15 min; manoeuvres of navigation satellites
    are centimetres to metres per second. Discontinuities between joined arcs show as well, as jumps of 1 m or more.
    """
    step_s = most_frequent_step_s(epochs_gps)
    if epochs_gps.size < len(_STENCIL) + 2 or not np.isfinite(step_s):
        return ()
    position_m, epochs_gps = _without_gaps(position_m, epochs_gps, step_s)
    seconds = (epochs_gps - epochs_gps[0]) / np.timedelta64(1, "s")
    inertial = _turned(position_m, EARTH_ROTATION_RAD_PER_S * seconds)
    inner = slice(2, -2)
    last = len(inertial) - len(_STENCIL) + 1
    acceleration = sum(weight * inertial[k : k + last] for k, weight in enumerate(_STENCIL)) / step_s**2
    excess = acceleration - _gravity(inertial[inner])
    with np.errstate(invalid="ignore"):
        jump = np.sqrt(((excess[1:] - excess[:-1]) ** 2).sum(axis=-1))
        known = np.isfinite(jump)
        usual = np.array(
            [np.median(column[good]) if good.any() else np.nan for column, good in zip(jump.T, known.T, strict=True)]
        )
        struck = jump > np.maximum(_LEAST_STEP_M_PER_S2, _FACTOR * usual)
    found: list[VelocityChange] = []
    for s in np.flatnonzero(struck.any(axis=0)):
        found.extend(_events(satellites[s], np.flatnonzero(struck[:, s]), excess[:, s], epochs_gps[inner], step_s))
    return tuple(found)


def _events(
    satellite: str, rows: NDArray[np.intp], excess: Array, epochs: Epochs, step_s: float
) -> tuple[VelocityChange, ...]:
    """Join neighbouring steps to one event and integrate its acceleration."""
    events: list[VelocityChange] = []
    size = epochs.size
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > len(_STENCIL)) + 1):
        first, last = int(run[0]), min(int(run[-1]) + 1, size - 1)
        inside = slice(max(first, 0), min(last + 2, size))
        usual = 0.5 * (excess[max(first - 2, 0)] + excess[min(last + 2, size - 1)])
        change = float(np.linalg.norm(np.nansum(excess[inside] - usual, axis=0)) * step_s)
        events.append(VelocityChange(satellite, epochs[first], epochs[last], change))
    return tuple(events)


def _without_gaps(position: Array, epochs: Epochs, step_s: float) -> tuple[Array, Epochs]:
    """Put NaN at epochs that are left out, so that neighbours in the array are neighbours in time."""
    step = np.timedelta64(round(step_s * 1e9), "ns")
    place = (epochs - epochs[0]) / step
    row = np.rint(place).astype(np.int64)
    if row[-1] + 1 == epochs.size:
        return position, epochs
    on_grid = np.abs(place - row) < _ON_GRID
    full = np.full((int(row[-1]) + 1, *position.shape[1:]), np.nan)
    full[row[on_grid]] = position[on_grid]
    return full, epochs[0] + np.arange(len(full)) * step


def _gravity(position: Array) -> Array:
    """Attraction of a flattened Earth, axis-fixed coordinates."""
    with np.errstate(invalid="ignore", divide="ignore"):
        square = np.einsum("tsc,tsc->ts", position, position)
        central = -EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2 / (square * np.sqrt(square))
        flattening = 1.5 * EARTH_J2 * EARTH_EQUATORIAL_RADIUS_M**2 / square
        polar = 5.0 * position[..., 2] ** 2 / square
    factor = 1.0 + flattening[..., None] * (np.array([1.0, 1.0, 3.0]) - polar[..., None])
    gravity: Array = central[..., None] * position * factor
    return gravity


def _turned(position: Array, angle: Array) -> Array:
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=-1)

"""Stretches in which a centre's clock of a satellite departs by a constant: a jump there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.orbits.orbit import Epochs

Array = NDArray[np.float64]

_SAME_FACTOR: Final = 6.0
_SAME_FLOOR_S: Final = 5e-11
_LEAST_RECORDS: Final = 4


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A stretch of one centre's clock of one satellite that got a constant of its own.

    Attributes
    ----------
    centre, satellite : str
    begin_gps, end_gps : datetime64
        First and last record of the stretch.
    records : int
    size_s : float
        Constant of the stretch relative to the rest of the day.
    """

    centre: str
    satellite: str
    begin_gps: np.datetime64
    end_gps: np.datetime64
    records: int
    size_s: float


def find_segments(
    off_s: Array, epochs_gps: Epochs, limit_s: float, sigma_s: float, least_s: float
) -> list[tuple[NDArray[np.intp], float]]:
    """Find stretches that depart by a constant.

    Parameters
    ----------
    off_s : ndarray, shape (epoch,)
        Clock minus combination, NaN where missing.
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
    limit_s : float
        Records beyond it depart.
    sigma_s : float
        Noise of the centre.
    least_s : float
        Shortest stretch, seconds.

    Returns
    -------
    list of (rows, size)
        Rows of a stretch and its median departure [s].
    """
    rows = np.flatnonzero(np.isfinite(off_s))
    values = off_s[rows]
    same = max(_SAME_FACTOR * sigma_s, _SAME_FLOOR_S)
    found: list[tuple[NDArray[np.intp], float]] = []
    breaks = np.flatnonzero(np.abs(np.diff(values)) > same) + 1
    for part in np.split(np.arange(rows.size), breaks):
        if part.size < _LEAST_RECORDS:
            continue
        size = float(np.median(values[part]))
        length_s = (epochs_gps[rows[part[-1]]] - epochs_gps[rows[part[0]]]) / np.timedelta64(1, "s")
        if abs(size) > limit_s and length_s >= least_s and np.median(np.abs(values[part] - size)) < same / 2.0:
            found.append((rows[part], size))
    return found


def bridge(datum_s: Array) -> Array:
    """Fill the gaps of a time scale: a straight line over the day, and what departs from it interpolated between epochs.

    Parameters
    ----------
    datum_s : ndarray, shape (epoch,)
        Equidistant, NaN where missing; with fewer than two values it comes back as it is.
    """
    rows = np.flatnonzero(np.isfinite(datum_s))
    if rows.size < 2:
        return datum_s
    every = np.arange(datum_s.size)
    line = np.polynomial.Polynomial.fit(rows, datum_s[rows], 1)
    return np.asarray(line(every) + np.interp(every, rows, datum_s[rows] - line(rows)), dtype=np.float64)

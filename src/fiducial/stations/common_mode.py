"""Common-mode filter of a region: for display and screening, never for rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.robust import robust_sigma
from fiducial.stations.series import Float64, StationSeries

LENGTH_M: Final = 500e3
LEAST_STATIONS: Final = 5
STATEMENT: Final = (
    "for display and screening only: the common mode of a region holds a part of its motion, so that rates of filtered "
    "series would calibrate that motion away"
)
_MINUTE: Final = np.timedelta64(1, "m")


@dataclass(frozen=True)
class CommonMode:
    """The motion that stations of a region share, and a series without it.

    Attributes
    ----------
    filtered : StationSeries
        The target less the common mode, marked so that estimators of rates refuse it. Epochs with too few stations
        are NaN.
    mode_m : ndarray, shape (epoch, 3)
        What was subtracted; NaN where fewer stations than needed.
    stations : ndarray of int, shape (epoch,)
        Stations in the mean.
    scatter_before_m, scatter_after_m : ndarray, shape (3,)
        Robust standard deviation of the detrended series, at the epochs with a common mode.
    statement : str
        What the filtered series is for.
    """

    filtered: StationSeries
    mode_m: Float64
    stations: NDArray[np.int64]
    scatter_before_m: Float64
    scatter_after_m: Float64
    statement: str = STATEMENT


def remove_common_mode(
    target: StationSeries,
    others: Sequence[StationSeries],
    *,
    length_m: float = LENGTH_M,
    least_stations: int = LEAST_STATIONS,
) -> CommonMode:
    """Subtract from a series what its neighbours do at the same time.

    Parameters
    ----------
    target : StationSeries
    others : sequence of StationSeries
        Neighbours in the same frame, without the target, with reference positions, axes ``enu``. Their trends are
        removed first, and none of the target's own motion enters the mean.
    length_m : float
        Scale L of the weights.
    least_stations : int
        Epochs with fewer neighbours get no common mode.

    Returns
    -------
    CommonMode

    Raises
    ------
    InputError
        FID-1335 for fewer neighbours than needed, series in another frame or without a position, other axes, or the
        target among its neighbours.

    Notes
    -----
    eps(t) = sum w_i r_i(t) / sum w_i, w_i = exp(-d_i^2 / (2 L^2)) / s_i^2, with r_i the residuals of a line and
    s_i their robust standard deviation. Epochs are matched to the minute.
    """
    _check(target, others, length_m, least_stations)
    minutes = _minutes(target)
    weight_sum = np.zeros((target.size, 3))
    weighted = np.zeros((target.size, 3))
    stations = np.zeros(target.size, dtype=np.int64)
    for other in others:
        residuals = detrended(other)
        scatter = np.array([robust_sigma(column) for column in residuals.T])
        if not np.all(scatter > 0.0):
            continue
        distance = float(np.linalg.norm(other.reference_xyz_m - target.reference_xyz_m))
        weight = np.exp(-(distance**2) / (2.0 * length_m**2)) / scatter**2
        _, mine, theirs = np.intersect1d(minutes, _minutes(other), return_indices=True)
        usable = np.isfinite(residuals[theirs]).all(axis=1)
        mine, theirs = mine[usable], theirs[usable]
        weighted[mine] += weight * residuals[theirs]
        weight_sum[mine] += weight
        stations[mine] += 1
    enough = (stations >= least_stations)[:, None] & (weight_sum > 0.0)
    mode = np.where(enough, weighted / np.where(enough, weight_sum, 1.0), np.nan)
    filtered = replace(target, displacement_m=target.displacement_m - mode, filtered=True)
    own = np.where(np.isfinite(mode), detrended(target), np.nan)
    return CommonMode(
        filtered=filtered,
        mode_m=mode,
        stations=stations,
        scatter_before_m=np.array([robust_sigma(column) for column in own.T]),
        scatter_after_m=np.array([robust_sigma(column) for column in (own - mode).T]),
    )


def _minutes(series: StationSeries) -> NDArray[np.int64]:
    return np.asarray(series.epochs.astype("datetime64[m]").astype(np.int64))


def detrended(series: StationSeries) -> Float64:
    """Return displacements less a line through the valid ones, shape (epoch, 3), m; NaN where missing."""
    valid = np.isfinite(series.displacement_m).all(axis=1)
    if valid.sum() < 3:
        return np.full_like(series.displacement_m, np.nan)
    years = series.years
    design = np.column_stack([np.ones(series.size), years - years[valid].mean()])
    line = np.linalg.lstsq(design[valid], series.displacement_m[valid], rcond=None)[0]
    return np.asarray(series.displacement_m - design @ line)


def _check(target: StationSeries, others: Sequence[StationSeries], length_m: float, least_stations: int) -> None:
    problem = ""
    if least_stations < 1 or not length_m > 0.0:
        raise InputError("FID-1335", f"{least_stations} neighbours within lengths of {1e-3 * length_m:g} km give no mean",
                         where=f"common mode at {target.station}", fix="ask for one neighbour or more, and a positive length")  # fmt: skip
    if len(others) < least_stations:
        problem = f"{len(others)} neighbours, {least_stations} are needed"
    for number, one in enumerate((target, *others)):
        if one.axes != "enu" or not np.isfinite(one.reference_xyz_m).all():
            problem = f"{one.station} is not in east, north, up, or its position is unknown"
        elif one.frame != target.frame:
            problem = f"{one.station} is in {one.frame}, {target.station} in {target.frame}"
        elif number and np.array_equal(one.reference_xyz_m, target.reference_xyz_m):
            problem = f"{one.station} is the target itself: its own motion would be subtracted"
    if problem:
        raise InputError("FID-1335", problem, where=f"common mode at {target.station}",
                         fix="give at least five neighbours of one frame, with positions, without the target")  # fmt: skip

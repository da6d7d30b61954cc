"""Outliers of a series: positions far from a running median, and positions without weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.robust import robust_sigma
from fiducial.stations.series import COMPONENTS, Float64, StationSeries

Bounds = NDArray[np.intp]

WINDOW_DAYS: Final = 31.0
REJECT_AT: Final = 5.0
SIGMA_FACTOR: Final = 5.0
_LEAST_IN_WINDOW: Final = 5
_MOST_CELLS: Final = 4_000_000


@dataclass(frozen=True)
class RejectedEpoch:
    """An epoch that an estimate leaves out, and why."""

    epoch: np.datetime64
    reason: str


@dataclass(frozen=True)
class Screening:
    """What a screening keeps.

    Attributes
    ----------
    keep : ndarray of bool, shape (epoch,)
    rejected : tuple of RejectedEpoch
        In order of time.
    """

    keep: NDArray[np.bool_]
    rejected: tuple[RejectedEpoch, ...]


def window_medians(values: Float64, low: Bounds, high: Bounds) -> Float64:
    """Return medians of slices of rows.

    Parameters
    ----------
    values : ndarray, shape (epoch, component)
        NaN is left out.
    low, high : ndarray of int, shape (window,)
        Window k holds rows low[k] ... high[k] - 1.

    Returns
    -------
    ndarray, shape (window, component)
        NaN for a window without a value.
    """
    width = int((high - low).max(initial=0))
    result = np.full((low.size, values.shape[1]), np.nan)
    if width == 0:
        return result
    step = max(1, _MOST_CELLS // (width * values.shape[1]))
    for start in range(0, low.size, step):
        part = slice(start, start + step)
        place = low[part, None] + np.arange(width)
        inside = place < high[part, None]
        cells = np.where(inside[:, :, None], values[np.minimum(place, len(values) - 1)], np.nan)
        ordered = np.sort(cells, axis=1)
        count = np.isfinite(ordered).sum(axis=1)[:, None, :]
        lower = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)
        upper = np.take_along_axis(ordered, np.minimum(count // 2, width - 1), axis=1)
        result[part] = (0.5 * (lower + upper))[:, 0, :]
    return result


def screen_outliers(
    series: StationSeries,
    *,
    window_days: float = WINDOW_DAYS,
    reject_at: float = REJECT_AT,
    sigma_factor: float = SIGMA_FACTOR,
) -> Screening:
    """Find epochs that are not to be used; one bad component is enough.

    Parameters
    ----------
    series : StationSeries
    window_days : float
        Width of the running median.
    reject_at : float
        Residuals from the running median beyond this many 1.4826 MAD are outliers.
    sigma_factor : float
        Published sigmas above this times their median are outliers.

    Returns
    -------
    Screening
        Missing positions are rejected too. Windows never reach across a step of the series; those with fewer than
        five positions judge nobody.

    Raises
    ------
    InputError
        FID-1334 for numbers that are not positive.
    """
    if not min(window_days, reject_at, sigma_factor) > 0.0:
        raise InputError("FID-1334", "window and limits of the screening must be positive", where="screen_outliers",
                         fix="give days and factors above 0; 31, 5 and 5 are usual")  # fmt: skip
    values = series.displacement_m
    days = series.years * 365.25
    stretch = np.searchsorted(series.step_epochs, series.epochs, side="right")
    first, last = np.searchsorted(stretch, stretch, side="left"), np.searchsorted(stretch, stretch, side="right")
    low = np.maximum(np.searchsorted(days, days - window_days / 2.0, side="left"), first)
    high = np.minimum(np.searchsorted(days, days + window_days / 2.0, side="right"), last)
    residual = values - window_medians(values, low, high)
    scale = np.array([robust_sigma(column) for column in residual.T])
    residual[(high - low) < _LEAST_IN_WINDOW] = 0.0
    far = np.abs(residual) > reject_at * scale
    middle = np.array([np.median(column[np.isfinite(column)]) if np.isfinite(column).any() else np.nan
                       for column in series.sigma_m.T])  # fmt: skip
    weak = series.sigma_m > sigma_factor * middle
    missing = ~np.isfinite(values)
    bad = far | weak | missing
    rejected = []
    for row in np.flatnonzero(bad.any(axis=1)):
        reasons = []
        for k, name in enumerate(COMPONENTS if series.axes == "enu" else ("X", "Y", "Z")):
            if missing[row, k]:
                reasons.append(f"{name} missing")
            elif far[row, k]:
                reasons.append(f"{name} {1e3 * abs(residual[row, k]):.1f} mm from the running median, limit "
                               f"{1e3 * reject_at * scale[k]:.1f} mm")  # fmt: skip
            elif weak[row, k]:
                reasons.append(
                    f"sigma of {name} {1e3 * series.sigma_m[row, k]:.1f} mm, median {1e3 * middle[k]:.1f} mm"
                )
        rejected.append(RejectedEpoch(series.epochs[row], "; ".join(reasons)))
    return Screening(np.asarray(~bad.any(axis=1)), tuple(rejected))

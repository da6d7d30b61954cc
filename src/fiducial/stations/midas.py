"""MIDAS: the median of velocities between pairs of epochs about one year apart (Blewitt et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.robust import MAD_TO_SIGMA
from fiducial.stations.series import Epochs, Float64, StationSeries, julian_years, require_rates_allowed, to_enu

Pairs = NDArray[np.intp]

PAIR_TOLERANCE_YEARS: Final = 0.001
_REJECT_AT: Final = 2.0
_FEWEST_PAIRS: Final = 10
_MEDIAN_TO_MEAN: Final = 1.2533
"""Standard error of a median over that of a mean, for normal errors: sqrt(pi/2)."""
_INFLATION: Final = 3.0
_DEPENDENCE: Final = 4.0
"""Every epoch stands in up to two pairs, and every pair is found forward and backward."""
_USABLE_YEARS: Final = 2.5


@dataclass(frozen=True)
class MidasVelocity:
    """Velocities of one station, components east, north, up.

    Attributes
    ----------
    velocity_m_per_yr, sigma_m_per_yr : ndarray, shape (3,)
        Per Julian year. The sigma is a realistic one, which covers coloured noise; NaN for fewer than ten pairs.
    intercept_m : ndarray, shape (3,)
        Median of displacement minus velocity times time since the first epoch.
    pair_sigma_m_per_yr : ndarray, shape (3,)
        1.4826 MAD of the velocities of the pairs that remain.
    removed_fraction : ndarray, shape (3,)
        Share of the pairs beyond two standard deviations in the first pass.
    rms_m : ndarray, shape (3,)
        Root mean square of displacement minus intercept and velocity.
    pairs : int
        Pairs, both directions together, that span no step.
    epochs : int
        Epochs used.
    first, last : datetime64[ns]
    remarks : tuple of str
    """

    velocity_m_per_yr: Float64
    sigma_m_per_yr: Float64
    intercept_m: Float64
    pair_sigma_m_per_yr: Float64
    removed_fraction: Float64
    rms_m: Float64
    pairs: int
    epochs: int
    first: np.datetime64
    last: np.datetime64
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON; rates in mm/yr."""
        return {
            "velocity_mm_per_yr": (1e3 * self.velocity_m_per_yr).tolist(),
            "sigma_mm_per_yr": [None if np.isnan(one) else 1e3 * float(one) for one in self.sigma_m_per_yr],
            "pair_sigma_mm_per_yr": (1e3 * self.pair_sigma_m_per_yr).tolist(),
            "intercept_mm": (1e3 * self.intercept_m).tolist(),
            "rms_mm": (1e3 * self.rms_m).tolist(),
            "removed_fraction": self.removed_fraction.tolist(),
            "pairs": self.pairs,
            "epochs": self.epochs,
            "remarks": list(self.remarks),
        }


def select_pairs(years: Float64, *, tolerance: float = PAIR_TOLERANCE_YEARS) -> Pairs:
    """Pair every epoch with one about a year later.

    Parameters
    ----------
    years : ndarray, shape (epoch,)
        Strictly increasing.
    tolerance : float
        Half width of the window about one year.

    Returns
    -------
    ndarray of int, shape (pair, 2)
        Earlier and later epoch. The later one is the one nearest to one year, if it lies within the tolerance;
        otherwise the next epoch after the window that no earlier pair of this kind has taken.

    Notes
    -----
    Sorted searches; the rule "next unused" is j_m = max(j0_m, j_{m-1} + 1), so j_m - m is a running maximum.
    """
    first = np.arange(years.size)
    low = np.searchsorted(years, years + 1.0 - tolerance, side="left")
    high = np.searchsorted(years, years + 1.0 + tolerance, side="right")
    matched = high > low
    later = high.copy()
    near = np.minimum(np.searchsorted(years, years + 1.0), years.size - 1)
    before = np.maximum(near - 1, 0)
    nearest = np.where(np.abs(years[near] - years - 1.0) <= np.abs(years[before] - years - 1.0), near, before)
    later[matched] = nearest[matched]
    lonely = np.flatnonzero(~matched)
    order = np.arange(lonely.size)
    later[lonely] = order + np.maximum.accumulate(high[lonely] - order) if lonely.size else high[lonely]
    found = later < years.size
    return np.column_stack([first[found], later[found]])


def all_pairs(years: Float64, step_years: Float64, *, tolerance: float = PAIR_TOLERANCE_YEARS) -> Pairs:
    """Return the pairs found forward and backward in time that span no step, shape (pair, 2).

    Parameters
    ----------
    years : ndarray, shape (epoch,)
    step_years : ndarray, shape (step,)
        A pair spans a step when t_i < t_step <= t_j.
    tolerance : float
    """
    forward = select_pairs(years, tolerance=tolerance)
    backward = years.size - 1 - select_pairs(-years[::-1], tolerance=tolerance)[:, ::-1]
    pairs = np.concatenate([forward, backward])
    passed = np.searchsorted(np.sort(step_years), years, side="right")
    return np.asarray(pairs[passed[pairs[:, 0]] == passed[pairs[:, 1]]])


def midas(series: StationSeries, *, steps: Epochs | None = None, tolerance: float = PAIR_TOLERANCE_YEARS
          ) -> MidasVelocity:  # fmt: skip
    """Estimate the velocity of a station, robust against seasons, outliers and undetected steps.

    Parameters
    ----------
    series : StationSeries
        Epochs with a missing component are left out.
    steps : ndarray of datetime64, shape (step,), optional
        Epochs of known steps; those of the series by default.
    tolerance : float
        Years; half width of the window about one year that pairs lie in.

    Returns
    -------
    MidasVelocity

    Raises
    ------
    InputError
        FID-1333 for a filtered series, FID-1334 when the tolerance is not between 0 and 0.5.
    NumericsError
        FID-3140 when no pair of epochs is a year apart without a step between.

    Notes
    -----
    v = (x_j - x_i) / (t_j - t_i); median and s = 1.4826 MAD; pairs beyond 2 s are removed; again median and s;
    sigma = 3 * 1.2533 s / sqrt(N / 4), N the remaining pairs of both directions (Blewitt et al. 2016,
    doi:10.1002/2015JB012552).
    """
    require_rates_allowed(series)
    if not 0.0 < tolerance < 0.5:
        raise InputError("FID-1334", f"tolerance of {tolerance} years", where="tolerance",
                         fix="give a number above 0 and below 0.5; 0.001 is usual")  # fmt: skip
    local = to_enu(series)
    local = local.select(np.asarray(np.isfinite(local.displacement_m).all(axis=1)))
    years = local.years
    step_years = julian_years(np.asarray(series.step_epochs if steps is None else steps, dtype="datetime64[ns]"))
    pairs = all_pairs(years, step_years, tolerance=tolerance) if years.size else np.empty((0, 2), dtype=np.intp)
    if not len(pairs):
        span = float(np.ptp(years)) if years.size else 0.0
        raise NumericsError("FID-3140", f"no two of {years.size} epochs in {span:.2f} years are a year apart without a "
                            "step between", where=f"series of {series.station}",
                            fix="give a series of more than a year, 2.5 years for use, or fewer steps")  # fmt: skip
    first, last = pairs.T
    values = (local.displacement_m[last] - local.displacement_m[first]) / (years[last] - years[first])[:, None]
    keep = np.abs(values - np.median(values, axis=0)) <= _REJECT_AT * _spread(values)
    kept = [values[keep[:, k], k] for k in range(3)]
    velocity = np.array([np.median(column) for column in kept])
    # Few pairs agree by chance, and their spread would promise a certainty that they do not have.
    enough = len(np.unique(pairs, axis=0)) >= _FEWEST_PAIRS
    scale = np.array([_spread(column) for column in kept])
    sigma = _INFLATION * _MEDIAN_TO_MEAN * scale / np.sqrt(keep.sum(axis=0) / _DEPENDENCE)
    reduced = local.displacement_m - np.outer(years - years[0], velocity)
    intercept = np.median(reduced, axis=0)
    return MidasVelocity(
        velocity_m_per_yr=velocity,
        sigma_m_per_yr=sigma if enough else np.full(3, np.nan),
        intercept_m=intercept,
        pair_sigma_m_per_yr=scale,
        removed_fraction=1.0 - keep.mean(axis=0),
        rms_m=np.sqrt(np.mean((reduced - intercept) ** 2, axis=0)),
        pairs=len(pairs),
        epochs=years.size,
        first=local.epochs[0],
        last=local.epochs[-1],
        remarks=_remarks(len(np.unique(pairs, axis=0)), step_years, years),
    )


def _spread(values: Float64) -> Float64:
    return np.asarray(MAD_TO_SIGMA * np.median(np.abs(values - np.median(values, axis=0)), axis=0))


def _remarks(pairs: int, step_years: Float64, years: Float64) -> tuple[str, ...]:
    remarks = []
    span = float(years[-1] - years[0])
    if pairs < _FEWEST_PAIRS:
        remarks.append(f"{pairs} pairs are too few for a sigma")
    if span < _USABLE_YEARS:
        remarks.append(f"{span:.1f} years are short: below {_USABLE_YEARS} years the sigma is not reliable")
    inside = np.unique(step_years[(step_years > years[0]) & (step_years <= years[-1])])
    if inside.size:
        remarks.append(f"pairs across known steps ({inside.size}) are left out")
    return tuple(remarks)

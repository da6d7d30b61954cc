"""Robust scale, weighted medians and robust linear regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.geodesy.least_squares import LinearFit, weighted_fit

Array = NDArray[np.float64]

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for normal errors."""
HUBER_K = 1.5
"""Huber's tuning constant: 96 % efficient for normal errors."""


def robust_sigma(values: ArrayLike) -> float:
    """Return 1.4826 MAD about the median of the finite values; NaN when there are none.

    Examples
    --------
    >>> round(robust_sigma([1.0, 2.0, 3.0, 4.0, 1000.0]), 4)
    1.4826
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return float("nan")
    return float(MAD_TO_SIGMA * np.median(np.abs(finite - np.median(finite))))


def grouped_median(values: Array, group: NDArray[np.integer], groups: int, weights: Array | None = None) -> Array:
    """Return the (weighted) median of each group.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.
    group : ndarray of int, shape (n,)
        Group number 0 ... groups - 1 of each value.
    groups : int
    weights : ndarray, shape (n,), optional
        Positive; equal when left out.

    Returns
    -------
    ndarray, shape (groups,)
        NaN for an empty group.

    Notes
    -----
    The weighted median is where the cumulative weight crosses one half; if it meets one half exactly, the
    mean of the two neighbours, so that equal weights give the ordinary median.
    """
    result = np.full(groups, np.nan)
    if values.size == 0:
        return result
    order = np.lexsort((values, group))
    value, member = values[order], group[order]
    weight = np.ones(value.size) if weights is None else weights[order]
    starts = np.flatnonzero(np.r_[True, np.diff(member) > 0])
    ends = np.r_[starts[1:], value.size] - 1
    cumulative = np.cumsum(weight)
    before = cumulative[starts] - weight[starts]
    half = before + 0.5 * (cumulative[ends] - before)
    slack = 1e-12 * cumulative[-1]
    lower = np.minimum(np.searchsorted(cumulative, half - slack), ends)
    upper = np.minimum(np.searchsorted(cumulative, half + slack), ends)
    result[member[starts]] = 0.5 * (value[lower] + value[upper])
    return result


def robust_fit(
    design: Array, observations: Array, weights: Array, *, huber_k: float = HUBER_K, reject_at: float = 5.0
) -> LinearFit:
    """Fit a linear model by Huber's M-estimator; far outliers get no weight at all.

    Parameters
    ----------
    design : ndarray, shape (n, p)
    observations : ndarray, shape (n,)
    weights : ndarray, shape (n,)
        A-priori weights 1/sigma^2.
    huber_k : float
        Residuals beyond this many robust sigmas are down-weighted.
    reject_at : float
        Residuals beyond this many robust sigmas are rejected (weight 0), never more than a quarter of them.

    Returns
    -------
    LinearFit
        With the final weights, so that its operator propagates covariances through the robust estimate.

    Raises
    ------
    NumericsError
        FID-3011 when the observations do not determine the parameters.

    Notes
    -----
    Iteratively reweighted least squares with the MAD of the weighted residuals as scale (Huber 1981, ch. 7),
    until no fitted value moves by more than 1e-10 of that scale; from a least-absolute start, because a
    least-squares start lets a third of bad values hide in the scale. Noise-free data (scale 0) end at once.
    """
    fit = _least_absolute(design, observations, weights)
    rejected = np.zeros(len(observations), dtype=bool)
    for _ in range(100):
        standardised = np.abs(fit.residuals) * np.sqrt(weights)
        # The MAD about zero, with the factor for the freedom that p parameters take from few residuals.
        share = np.sqrt(len(observations) / max(len(observations) - design.shape[1], 1))
        scale = float(MAD_TO_SIGMA * np.median(standardised[weights > 0]) * share)
        if scale <= 1e-12 * float(np.max(np.abs(observations) * np.sqrt(weights), initial=0.0)):
            break
        ratio = standardised / scale
        rejected = _far(ratio, reject_at, weights > 0)
        factor = np.where(rejected, 0.0, np.minimum(1.0, huber_k / np.maximum(ratio, 1e-300)))
        step = weighted_fit(design, observations, weights * factor)
        moved = float(np.max(np.abs(design @ (step.estimate - fit.estimate)) * np.sqrt(weights)))
        fit = step
        if moved < 1e-10 * scale:
            break
    return fit


def _least_absolute(design: Array, observations: Array, weights: Array) -> LinearFit:
    """Approximate min sum sqrt(w) |r| by reweighting."""
    fit = weighted_fit(design, observations, weights)
    root = np.sqrt(weights)
    for _ in range(25):
        standardised = np.abs(fit.residuals) * root
        typical = float(np.median(standardised[weights > 0]))
        if typical <= 1e-12 * float(np.max(np.abs(observations) * root, initial=0.0)):
            break
        fit = weighted_fit(design, observations, weights / np.maximum(standardised / typical, 1e-2))
    return fit


def _far(ratio: Array, reject_at: float, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    far = used & (ratio > reject_at)
    allowed = int(used.sum()) // 4
    if far.sum() > allowed:
        far = np.zeros_like(far)
        if allowed:
            far[np.argsort(np.where(used, ratio, -np.inf))[-allowed:]] = True
    return far

"""Robust weights of the observations of a burst network, and variance factors of ties and stations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fiducial.geodesy.robust import HUBER_K, MAD_TO_SIGMA
from fiducial.motion.calibration.burst_groups import Groups, Information
from fiducial.motion.calibration.burst_ties import FIELD, STATION, TIE

Array = NDArray[np.float64]
Index = NDArray[np.int64]

FACTOR_BOUNDS: Final = (0.01, 100.0)
"""Variance factors stay within a tenth and ten times the stated sigma."""
FEWEST_REDUNDANT: Final = 5.0
"""With less redundancy the stated sigmas stand."""
SMALLEST_REDUNDANCY: Final = 0.1
"""Of an observation with less than this share of redundancy hardly anything can be judged."""
REJECTED: Final = 1e-6
"""Factor of a rejected observation: a thousand times its sigma, which decides nothing that anything else tells, and
keeps determined what nothing else does."""
_REJECT_AT: Final = 5.0


@dataclass(frozen=True)
class Fit:
    """How the observations agree with a solution.

    Attributes
    ----------
    residual : ndarray, shape (member,)
        mm/yr.
    leverage : ndarray, shape (member,)
        Variance of the modelled value over that of the observation, at full weights; 0 where covariances were not
        wanted.
    absorbed : ndarray, shape (group,)
        tr(M Cov): independent observations that the unknowns used up.
    expected : ndarray, shape (3,)
        Expected squares of the residuals of ties, stations and field over their redundancy (`burst_noise`).
    """

    residual: Array
    leverage: Array
    absorbed: Array
    expected: Array


def standardised(groups: Groups, fit: Fit, factors: Array) -> Array:
    """Return residuals over their own sigma at full weight, s sqrt(1 - l), shape (member,)."""
    variance = groups.members.variance * factors[groups.members.kind]
    free = np.maximum(1.0 - fit.leverage, SMALLEST_REDUNDANCY)
    return np.asarray(fit.residual / np.sqrt(variance * free), dtype=np.float64)


def redundancy(groups: Groups, robust: Array, fit: Fit) -> Array:
    """Return the redundancy of ties, stations and field, shape (3,).

    Notes
    -----
    n - tr(M Cov) with n the independent observations (`BurstTies.share`). With independent noise it is that of
    Förstner (1979). With correlated noise the unknowns take up more: an offset removes the variance of n / n_eff
    observations, because the noise is largest where the offset is. E r'D^-1 r = tr(D^-1 C) - tr(M Cov) for the
    estimator of `burst_groups`, D the diagonal of C.
    """
    number = np.bincount(groups.members.kind, groups.members.share * (robust > REJECTED), 3)
    return np.asarray(number - np.bincount(groups.kind, fit.absorbed, 3), dtype=np.float64)


def next_factors(groups: Groups, robust: Array, fit: Fit, factors: Array, *, first: bool) -> Array:
    """Return new variance factors of ties and stations; that of the field stays 1.

    Parameters
    ----------
    groups : Groups
    robust : ndarray, shape (member,)
        Factors of the weights.
    fit : Fit
    factors : ndarray, shape (3,)
        Of the solution.
    first : bool
        In the first round outliers still have their full weight: the median absolute residual then.

    Returns
    -------
    ndarray, shape (3,)
        Within `FACTOR_BOUNDS`; 1 where there is too little redundancy.

    Notes
    -----
    s^2 = sum p h z^2 / (c sum p), z the standardised residual, p = 1 - l: with h = 1 this is r'D^-1 r over
    `redundancy`. c = 2 Phi(k) - 1, what Huber's weight leaves of the variance of a normal error:
    E min(1, k / |z|) z^2; and what neglected correlation leaves is divided out (`Fit.expected`). Observations that hardly any other controls say nothing of their variance.
    """
    kind = groups.members.kind
    free = redundancy(groups, robust, fit)
    found = np.ones(3)
    ratio = standardised(groups, fit, factors)
    left = 1.0 - fit.leverage
    counted = groups.members.share * left * (robust > REJECTED) * (left > SMALLEST_REDUNDANCY)
    kept = float(2.0 * ndtr(HUBER_K) - 1.0)
    for one in (TIE, STATION):
        chosen = (kind == one) & (counted > 0)
        if free[one] < FEWEST_REDUNDANT:
            continue
        if first:
            found[one] = factors[one] * (MAD_TO_SIGMA * np.median(np.abs(ratio[chosen]))) ** 2 / fit.expected[one]
            continue
        weight, doubt = counted[chosen], robust[chosen]
        share = float(np.sum(weight * doubt * ratio[chosen] ** 2) / np.sum(weight))
        found[one] = factors[one] * share / fit.expected[one] / (1.0 if np.all(doubt == 1.0) else kept)
    return np.clip(found, *FACTOR_BOUNDS)


def next_robust(groups: Groups, part: Index, fit: Fit, factors: Array) -> Array:
    """Return Huber's factors of the weights, shape (member,): `REJECTED` for far outliers, 1 for the field.

    Parameters
    ----------
    groups : Groups
    part : ndarray of int, shape (burst,)
        Connected part of the network that each burst belongs to.
    fit : Fit
    factors : ndarray, shape (3,)

    Notes
    -----
    h = min(1, k / |z|) with z = r / (s sqrt(1 - l)), l at full weights and fixed: Schweppe's form (Handschin et al.
    1975), whose sum of losses is convex, so that there is one solution. What would be more than 5 sigma away if it had
    no weight, |r| > 5 s / sqrt(1 - l), is rejected; but never more than a quarter of an overlap or of the stations of a
    connected part: a majority is not an outlier, and the datum must not go with it.
    """
    kind = groups.members.kind
    ratio = np.abs(standardised(groups, fit, factors))
    robust = np.minimum(1.0, HUBER_K / np.maximum(ratio, 1e-300))
    unit = np.where(kind == TIE, groups.of_member, groups.size + part[groups.members.first])
    far = ratio * np.maximum(1.0 - fit.leverage, SMALLEST_REDUNDANCY) > _REJECT_AT
    number = np.bincount(unit)
    few = np.bincount(unit, far) <= number // 4
    robust[far & few[unit]] = REJECTED
    robust[kind == FIELD] = 1.0
    return robust


def absorbed_by(
    groups: Groups, told: Information, scale: Array, covariance: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return what the unknowns of a solution took up of the observations.

    Parameters
    ----------
    groups : Groups
    told : Information
    scale : ndarray, shape (group,)
        Reciprocal variance factors.
    covariance : tuple of two ndarray
        `BurstSystem.covariance`.

    Returns
    -------
    ndarray, shape (member,)
        Variance of the modelled value over the variance factor, (mm/yr)^2.
    ndarray, shape (group,)
        `Fit.absorbed`.
    """
    own = groups.covariance(*covariance) * scale[:, None, None]
    return np.maximum(groups.variance_at_members(own), 0.0), np.asarray(np.einsum("gab,gba->g", told.plain, own))

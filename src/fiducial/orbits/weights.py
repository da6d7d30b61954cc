"""Weights of the centres: variance components with an excess variance per satellite, or robust deviations.

A centre's orbits are better or worse as a whole, and some satellites are worse in the hands of everybody (eclipses,
unstable attitude). Both stand in the variance of centre k for satellite s of its group: sigma_k2 + tau_s2. The first is
estimated by least-squares variance components, the second as the excess variance of Paule and Mandel. Without the
second a handful of bad satellites would decide the weights for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Squares = Callable[[Array], Array]

_SWEEPS: Final = 60
_CONVERGED: Final = 1e-4
_SEPARABLE: Final = 3
_LEAST_VARIANCE_M2: Final = 1e-10
"""Far below the rounding of orbit files; copies of one orbit differ by nothing at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Variance components of one group of satellites.

    Attributes
    ----------
    centre_variance : ndarray, shape (centre,)
        sigma_k2 [m2]; NaN for a centre that has none of the satellites.
    satellite_variance : ndarray, shape (satellite,)
        tau_s2 [m2], zero or more; NaN for a satellite that is not of the group or with fewer than two centres.
    notes : tuple of str
        What a guard had to do.
    converged : bool
    """

    centre_variance: Array
    satellite_variance: Array
    notes: tuple[str, ...]
    converged: bool


def variance_components(
    squares: Squares,
    present: NDArray[np.bool_],
    observations: Array,
    satellite: NDArray[np.intp],
    satellites: int,
    *,
    with_satellites: bool = True,
    floor: float = 0.2,
    start: Components | None = None,
) -> Components:
    """Estimate the variances of centres and the excess variances of satellites from residuals to their weighted mean.

    Parameters
    ----------
    squares : callable
        From weights, shape (cell, centre), to the sums of squared residuals [m2] of every centre in every cell.
    present : ndarray of bool, shape (cell, centre)
        A cell is one satellite with one set of centres.
    observations : ndarray, shape (cell,)
        Number of observations behind a sum of squares.
    satellite : ndarray of int, shape (cell,)
    satellites : int
        Number of satellites that ``satellite`` counts.
    with_satellites : bool
        Estimate tau; otherwise it is zero.
    floor : float
        Least standard deviation of a centre, as part of the median one.
    start : Components, optional
        Estimate of a nearby state to begin from.

    Notes
    -----
    Least-squares variance components of independent centres (Teunissen and Amiri-Simkooei 2008, J Geod 82:65, eq. 32;
    closed form for repeated observations of one mean): with W = sum of w, M_ij = w_i d_ij - w_i w_j / W, the normal
    equations are N_ij = 1/2 sum M_ij2, l_i = 1/2 sum w_i2 v_i2. The excess variance solves
    sum_k w_k v_k2 = (centres - 1) observations for every satellite (Paule and Mandel 1982, J. Res. NBS 87:377, eq. 5).
    Two centres cannot be separated: a group without any cell of three centres gets equal variances.
    """
    several = present.sum(axis=1) >= 2
    separable = present.sum(axis=1) >= _SEPARABLE
    members = np.flatnonzero(present[several].any(axis=0))
    centre = np.full(present.shape[1], np.nan)
    excess = np.full(satellites, np.nan)
    excess[np.unique(satellite[several])] = 0.0
    notes: list[str] = []
    judged = np.flatnonzero(present[separable].any(axis=0))
    # Centres that are compared only have residuals too; they are no part of the spread.
    initial = squares(present.astype(np.float64)) * present
    if members.size:
        spread = initial[several].sum() / max(
            float((observations[several] * (present[several].sum(axis=1) - 1)).sum()), 1.0
        )
        centre[present.any(axis=0)] = max(spread, _LEAST_VARIANCE_M2)
    if judged.size < _SEPARABLE:
        if members.size:
            notes.append("no satellite has three centres: their variances cannot be separated and count as equal")
        return Components(centre, excess, tuple(notes), converged=True)
    if start is not None:
        centre, excess = start.centre_variance.copy(), start.satellite_variance.copy()
    state = _State(centre, excess, np.zeros(present.shape[1], dtype=bool))
    converged = any(
        _sweep(state, squares, present, observations, satellite, judged, floor=floor, with_satellites=with_satellites)
        for _ in range(_SWEEPS)
    )
    unjudged = np.setdiff1d(np.flatnonzero(present.any(axis=0)), judged)
    centre[unjudged] = np.median(centre[judged])
    notes.extend(f"variance of centre {k} fell below the floor" for k in np.flatnonzero(state.floored))
    notes.extend(f"centre {k} shares no satellite with two others: the median variance is taken" for k in unjudged)
    return Components(centre, excess, tuple(notes), converged)


@dataclass(slots=True, eq=False)
class _State:
    """Variances while they are iterated; changed in place."""

    centre: Array
    excess: Array
    floored: NDArray[np.bool_]


def _sweep(
    state: _State, squares: Squares, present: NDArray[np.bool_], observations: Array, satellite: NDArray[np.intp],
    judged: NDArray[np.intp], *, floor: float, with_satellites: bool,
) -> bool:  # fmt: skip
    """Estimate both kinds of variances once; True when they have settled."""
    count = present.sum(axis=1)
    several, separable = count >= 2, count >= _SEPARABLE
    tau = np.nan_to_num(state.excess[satellite])
    weights = present / (np.nan_to_num(state.centre, nan=1.0)[None, :] + tau[:, None])
    sums = squares(weights)
    before = state.centre.copy()
    found = _solve(weights[separable], sums[separable], observations[separable], tau[separable], judged)
    lowest = (floor * np.sqrt(np.median(np.maximum(found, 0.0)) if np.any(found > 0) else 1e-6)) ** 2
    lowest = max(float(lowest), _LEAST_VARIANCE_M2)
    state.floored[judged] = found < lowest
    state.centre[judged] = np.maximum(found, lowest)
    if with_satellites:
        _excess_step(state.excess, weights[several], sums[several], observations[several], satellite[several])
        # A constant may stand in either kind without changing a weight: the best satellite has no excess.
        shared = float(np.min(state.excess[satellite[several]]))
        state.excess[np.isfinite(state.excess)] -= shared
        state.centre[judged] += shared
    return bool(np.nanmax(np.abs(state.centre / before - 1.0)) < _CONVERGED)


def _solve(weights: Array, sums: Array, observations: Array, tau: Array, judged: NDArray[np.intp]) -> Array:
    weight = weights[:, judged]
    total = weight.sum(axis=1)
    # The cofactor matrix squared element by element, without forming it for every cell and pair.
    share = weight / total[:, None]
    off = (weight * share).T @ (observations[:, None] * weight * share)
    diagonal = (observations[:, None] * (weight * (1.0 - share)) ** 2).sum(axis=0)
    squared = (weight * weight * share * share * observations[:, None]).sum(axis=0)
    normal = 0.5 * (off - np.diag(squared) + np.diag(diagonal))
    cell = 0.5 * weight**2 * sums[:, judged]
    known = 0.5 * (tau * observations)[:, None] * _row_sums(weight, share)
    right = (cell - known).sum(axis=0)
    solution: Array = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
    return solution


def _row_sums(weight: Array, share: Array) -> Array:
    """Sum over j of M_ij2 in every cell: the part of l that a variance common to all centres makes."""
    each = (weight * share) ** 2
    cross = share**2 * (weight**2).sum(axis=1)[:, None] - each
    sums: Array = cross + (weight * (1.0 - share)) ** 2
    return sums


def _excess_step(excess: Array, weights: Array, sums: Array, observations: Array, satellite: NDArray[np.intp]) -> None:
    """One Newton step towards the excess variance of every satellite, never below zero."""
    size = excess.size
    freedom = observations * ((weights > 0).sum(axis=1) - 1)
    surplus = np.bincount(satellite, (weights * sums).sum(axis=1) - freedom, size)
    slope = np.bincount(satellite, (weights**2 * sums).sum(axis=1), size)
    step = np.divide(surplus, slope, out=np.zeros(size), where=slope > 0)
    excess[:] = np.maximum(excess + step, 0.0)


def robust_deviations(rms: Array, member: NDArray[np.bool_]) -> Array:
    """Mean deviation of every centre from the unweighted mean orbit: its squared inverse is the legacy weight.

    Parameters
    ----------
    rms : ndarray, shape (centre, satellite)
        RMS [m] of every arc to the unweighted mean orbit after Helmert, NaN where there is none.
    member : ndarray of bool, shape (satellite,)
        Satellites of the group.

    Notes
    -----
    Legacy IGS weighting (Beutler, Kouba and Springer 1995, Bull. Geod. 69:200): the absolute deviation, here of arcs,
    so that one bad arc counts once and not squared.
    """
    chosen = rms[:, member]
    count = np.isfinite(chosen).sum(axis=1)
    mean = np.nansum(chosen, axis=1) / np.maximum(count, 1)
    deviations: Array = np.where(count > 0, mean, np.nan)
    return deviations


def cap_shares(weights: Array, cap: float) -> tuple[Array, NDArray[np.bool_]]:
    """Limit the share of one centre in a weighted mean.

    Parameters
    ----------
    weights : ndarray, shape (mean, centre)
        Zero or more; each row is normalised.
    cap : float
        Largest share; with n centres never below 1/n.

    Returns
    -------
    shares : ndarray, shape (mean, centre)
        Rows that sum to one, or to zero where no centre has weight.
    capped : ndarray of bool, shape (mean, centre)
    """
    total = weights.sum(axis=1, keepdims=True)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    count = (weights > 0).sum(axis=1)
    limit = np.maximum(cap, 1.0 / np.maximum(count, 1))[:, None]
    capped = np.zeros(weights.shape, dtype=bool)
    for _ in range(weights.shape[1]):
        over = (shares > limit * (1 + 1e-12)) & ~capped
        if not over.any():
            break
        capped |= over
        free = np.where(capped, 0.0, weights)
        rest = 1.0 - (capped * limit).sum(axis=1, keepdims=True)
        whole = free.sum(axis=1, keepdims=True)
        spread = np.divide(free * rest, whole, out=np.zeros_like(weights), where=whole > 0)
        shares = np.where(capped, limit, spread)
    return shares, capped

"""What an outage does to variables and products: times, tiers, bounds, drivers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from fiducial.chain.assembly import HELD
from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.egv import ImpactTier
from fiducial.chain.network import FloatArray
from fiducial.chain.propagation import Outage, Propagation, propagate
from fiducial.errors import InputError

QUANTILES = (0.05, 0.5, 0.95)
LEAST_SHARE = 0.05
DRIVERS = 5
MOST_SAMPLES = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """5 %, 50 % and 95 % of the samples; infinity where a time is not reached within the horizon."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Driver:
    """A variable of the model and its rank correlation with the time to 10 % (Spearman)."""

    label: str
    correlation: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to a variable or product.

    Attributes
    ----------
    id, name : str
        The variable or product.
    tier : str or None
        Id of the impact tier of the median time to 10 %; None when half of the samples do not reach it.
    tier_shares : dict
        Share of the samples in each tier; ``none`` where 10 % is not reached.
    days_to_10_percent, days_to_50_percent : Spread or None
        Time from the beginning of the outage until so much of the production is lost; None when fewer than 5 % of the
        samples get there.
    held_days_to_10_percent : Spread or None
        Time until what users hold has lost so much of its fitness.
    recovery_days : Spread or None
        From the end of the outage until less than 10 % is lost; infinity where it stays; None when nothing was lost or the
        outage does not end within the horizon.
    lost_days : Spread
        Integral of the production lost over the horizon.
    drivers : tuple of Driver
        What decides the time, the strongest first.
    """

    id: str
    name: str
    tier: str | None
    tier_shares: dict[str, float]
    days_to_10_percent: Spread | None
    days_to_50_percent: Spread | None
    held_days_to_10_percent: Spread | None
    recovery_days: Spread | None
    lost_days: Spread
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """Effects of an outage, and the curves behind them.

    Attributes
    ----------
    effects : tuple of Effect
        In the order watched.
    time_days : ndarray, shape (T,)
    quantiles : ndarray, shape (K, T, 3)
        5 %, 50 % and 95 % of the production lost.
    first_days : ndarray, shape (S, K)
        Time to 10 % of every sample, infinity where it is not reached.
    """

    effects: tuple[Effect, ...]
    time_days: FloatArray
    quantiles: FloatArray
    first_days: FloatArray
    values: FloatArray


def impact(
    chain: ChainNetwork,
    outages: Sequence[Outage],
    watched: Sequence[str],
    tiers: Sequence[ImpactTier],
    *,
    horizon_days: float,
    samples: int,
    seed: int,
    output_times: int = 120,
) -> Impact:
    """Propagate an outage through samples of the chain's uncertain numbers.

    Parameters
    ----------
    chain : ChainNetwork
        Network and ranges.
    outages : sequence of Outage
        What fails.
    watched : sequence of str
        Variables and products to tell about.
    tiers : sequence of ImpactTier
        Deciding bounds of the tiers.
    horizon_days : float
        For how long.
    samples, seed : int
        Monte Carlo draws.
    output_times : int
        Times of the curves.

    Returns
    -------
    Impact

    Raises
    ------
    InputError
        As :func:`fiducial.chain.propagation.propagate`; FID-1422 also without outage before the horizon, for a number of samples
        below 1 or above a million, or a negative seed.
    """
    _check(outages, samples, seed, horizon_days)
    values = chain.sample(samples, seed)
    held = [f"{HELD}{node}" for node in watched if f"{HELD}{node}" in chain.network.nodes]
    run = propagate(
        chain.network,
        chain.parameters(values),
        outages,
        horizon_days=horizon_days,
        watched=[*watched, *held],
        output_times=output_times,
    )
    begin = min(outage.start_days for outage in outages)
    end = max(outage.start_days + outage.duration_days for outage in outages)
    drivers = rank_correlations(values, run.crossing_days[:, : len(watched), 0])
    effects = tuple(
        _effect(chain, run, column, tiers, (begin, end), drivers[:, column]) for column in range(len(watched))
    )
    lost = np.quantile(run.lost[:, :, : len(watched)].astype(float), QUANTILES, axis=0)
    return Impact(
        effects, run.time_days, np.moveaxis(lost, (0, 1, 2), (2, 1, 0)), run.crossing_days[:, : len(watched), 0], values
    )


def _check(outages: Sequence[Outage], samples: int, seed: int, horizon_days: float) -> None:
    if not outages:
        raise _impossible("nothing is out", "outage", "name what fails")
    if not 1 <= samples <= MOST_SAMPLES:
        raise _impossible(f"{samples} samples", "samples", f"take 1 to {MOST_SAMPLES}")
    if seed < 0:
        raise _impossible(f"a seed of {seed}", "seed", "take 0 or more")
    begin = min(outage.start_days for outage in outages)
    if begin >= horizon_days:
        raise _impossible(
            f"an outage from day {begin:g} within a horizon of {horizon_days:g} d", "outage", "let it begin earlier"
        )


def _impossible(problem: str, where: str, fix: str) -> InputError:
    return InputError("FID-1422", problem, where=where, fix=fix)


def _effect(
    chain: ChainNetwork,
    run: Propagation,
    column: int,
    tiers: Sequence[ImpactTier],
    span: tuple[float, float],
    correlations: FloatArray,
) -> Effect:
    begin, end = span
    node = run.watched[column]
    name = next(rule.name for rule in chain.nodes if rule.id == node)
    first = run.crossing_days[:, column] - begin
    shares = {tier.id: _share(first[:, 0], tier.bounds_days) for tier in tiers}
    shares["none"] = float(np.mean(np.isinf(first[:, 0])))
    median = float(np.quantile(first[:, 0], 0.5, method="inverted_cdf"))
    held = f"{HELD}{node}"
    held_first = run.crossing_days[:, run.watched.index(held), 0] - begin if held in run.watched else None
    order = np.argsort(-np.abs(correlations), kind="stable")[:DRIVERS]
    return Effect(
        node,
        name,
        tier_of(median, tiers),
        shares,
        _times(first[:, 0]),
        _times(first[:, 1]),
        None if held_first is None else _times(held_first),
        _recovery(run.regained_days[:, column], end, float(run.time_days[-1])),
        _spread(run.lost_days[:, column]),
        tuple(
            Driver(chain.variables[index].label, float(correlations[index]))
            for index in order
            if abs(correlations[index]) >= max(0.1, 3 / math.sqrt(run.lost_days.shape[0]))
        ),
    )


def _share(times: FloatArray, bounds: tuple[float, float]) -> float:
    inside = (times >= bounds[0]) & (times < bounds[1]) & np.isfinite(times)
    return float(np.mean(inside))


def tier_of(days: float, tiers: Sequence[ImpactTier]) -> str | None:
    """Return the id of the tier whose deciding bounds hold a time, or None for infinity."""
    if not math.isfinite(days):
        return None
    return next((tier.id for tier in tiers if tier.bounds_days[0] <= days < tier.bounds_days[1]), None)


def _times(times: FloatArray) -> Spread | None:
    if np.mean(np.isfinite(times)) < LEAST_SHARE:
        return None
    return _spread(times)


def _recovery(regained: FloatArray, end: float, horizon: float) -> Spread | None:
    reached = regained[~np.isnan(regained)]
    if end >= horizon or reached.size < LEAST_SHARE * regained.size or not reached.size:
        return None
    return _spread(np.maximum(reached - end, 0.0))


def _spread(values: FloatArray) -> Spread:
    # Between infinities there is nothing to interpolate.
    p5, p50, p95 = np.quantile(values, QUANTILES, method="inverted_cdf")
    return Spread(float(p5), float(p50), float(p95))


def rank_correlations(values: FloatArray, times: FloatArray) -> FloatArray:
    """Return Spearman's rank correlation of every variable with every time.

    Parameters
    ----------
    values : ndarray, shape (S, V)
        Draws of the variables.
    times : ndarray, shape (S, K)
        Times; infinities rank last, as ties.

    Returns
    -------
    ndarray, shape (V, K)
        NaN-free: 0 where a variable or a time does not vary.
    """
    left = rankdata(values, axis=0)
    right = rankdata(times, axis=0)
    left -= left.mean(axis=0)
    right -= right.mean(axis=0)
    scale = np.outer(np.sqrt((left**2).sum(axis=0)), np.sqrt((right**2).sum(axis=0)))
    product = left.T @ right
    return np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)

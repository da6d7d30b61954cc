"""Thin networks: the same random few stations for every recipe, judged by all the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from fiducial.motion.calibration.evidence import (
    Evidence,
    Mask,
    Samples,
    contradicted_stations,
    sites,
    usable_stations,
)
from fiducial.motion.calibration.judging import Trial

Array = NDArray[np.float64]

REPEATS: Final[Mapping[int, int]] = MappingProxyType({4: 8, 8: 8, 16: 8, 32: 8, 64: 3})
"""Draws for each number of stations; the larger the share that is drawn, the more alike the draws."""
LEAST_JUDGES: Final = 10
"""Fewer sites than this left over do not judge a draw."""


@dataclass(frozen=True)
class Draw:
    """One thinned network.

    Attributes
    ----------
    stations : int
        Sites in the fit.
    repeat : int
    trial : Trial
    """

    stations: int
    repeat: int
    trial: Trial


@dataclass(frozen=True)
class Curve:
    """Errors of one recipe over the draws of one size.

    Attributes
    ----------
    mean_mm_per_yr : float
        Of the RMS of the draws; NaN when a draw failed.
    low_mm_per_yr, high_mm_per_yr : float
        95 % interval of that mean, by Student's t over the draws.
    """

    mean_mm_per_yr: float
    low_mm_per_yr: float
    high_mm_per_yr: float


def thinned_networks(
    evidence: Evidence, samples: Samples, judge: Mask, *, repeats: Mapping[int, int] = REPEATS, seed: int = 0
) -> tuple[Draw, ...]:
    """Draw the thinned networks.

    Parameters
    ----------
    evidence : Evidence
    samples : Samples
        All of its samples.
    judge : ndarray of bool, shape (station,)
        Stations that can judge (`holdout.judge_stations`).
    repeats : mapping of int to int
        Draws for each number of stations; a number that leaves fewer than ten sites to judge is left out.
    seed : int

    Returns
    -------
    tuple of Draw

    Notes
    -----
    Drawn are stations with InSAR around them that their neighbours do not contradict; stations of one site count
    as one and stay together. All other stations are unknown to the fit, those outside the area too.
    """
    sampled = np.zeros(evidence.stations.size, dtype=bool)
    sampled[samples.station] = True
    agreed = ~contradicted_stations(evidence.stations) & usable_stations(evidence.stations)
    site = sites(evidence.stations, evidence.crs)
    pool = np.unique(site[sampled & agreed & evidence.trainable])
    judging = np.unique(site[judge & agreed])
    draws = []
    for count, times in repeats.items():
        rest = len(np.setdiff1d(judging, pool)) + min(max(len(pool) - count, 0), len(np.intersect1d(judging, pool)))
        if count > len(pool) or rest < LEAST_JUDGES:
            continue
        for repeat in range(times):
            drawn = np.random.default_rng((seed, count, repeat)).permutation(pool)[:count]
            inside = np.isin(site, drawn)
            train = inside & evidence.trainable & sampled & agreed
            judged = np.flatnonzero((judge & agreed & ~inside)[samples.station])
            draws.append(Draw(count, repeat, Trial(train, judged)))
    return tuple(draws)


def mean_with_interval(values: Array) -> Curve:
    """Return the mean of the draws of one size with its 95 % interval; NaN when any of them is NaN."""
    mean = float(np.mean(values)) if len(values) else float("nan")
    if len(values) < 2 or not np.isfinite(mean):
        return Curve(mean, float("nan"), float("nan"))
    reach = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Curve(mean, mean - reach, mean + reach)


def ratio_of_means(values: Array, reference: Array) -> Curve:
    """Return the ratio of the mean errors over the same draws, with the 95 % interval of its logarithm.

    Notes
    -----
    Student's t of log(values / reference): the draws are pairs, so that what is hard in a draw cancels. Draws of
    many stations of one table overlap, and the interval is then too narrow.
    """
    if len(values) < 2 or not np.isfinite(values).all() or not np.isfinite(reference).all():
        return Curve(*(3 * [float("nan")]))
    steps = np.log(values / reference)
    reach = float(student.ppf(0.975, len(steps) - 1) * np.std(steps, ddof=1) / np.sqrt(len(steps)))
    middle = float(np.mean(steps))
    return Curve(*(float(np.exp(middle + sign * reach)) for sign in (0, -1, 1)))

"""Agreement of predicted times with published tiers: pairs in the right order, baselines, permutation test, halves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fiducial.chain.egv import EgvCatalogue, Level, Strength
from fiducial.chain.network import FloatArray, IntArray

_RANK = {Strength.PRIMARY: 1.0, Strength.IMPORTANT: 2.0, Strength.INDIRECT: 3.0}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Order agreement of a predictor with the published tiers.

    Attributes
    ----------
    share : float
        Pairs of variables from different tiers that stand in the published order, ties counted half.
    pairs : int
        Pairs from different tiers.
    p_value : float
        Share of random orders that agree at least as well.
    """

    share: float
    pairs: int
    p_value: float


def published_ranks(catalogue: EgvCatalogue) -> dict[str, int]:
    """Return the published tier of every Level 3 variable, from 0; those named in none stand in the last one, for all."""
    ranks = {egv: rank for rank, tier in enumerate(catalogue.impact_tiers) for egv in tier.affected}
    last = len(catalogue.impact_tiers) - 1
    return {egv.id: ranks.get(egv.id, last) for egv in catalogue.of_level(Level.LEVEL_3)}


def depth_baseline(catalogue: EgvCatalogue, supplier: str) -> dict[str, float]:
    """Return the graph depth of every variable below a supplier: 1 for an edge, 2 for an indirect one, infinity for none."""
    depth = {Strength.PRIMARY: 1.0, Strength.IMPORTANT: 1.0, Strength.INDIRECT: 2.0, None: math.inf}
    return {egv.id: depth[catalogue.strength(supplier, egv.id)] for egv in catalogue.of_level(Level.LEVEL_3)}


def strength_baseline(catalogue: EgvCatalogue, supplier: str) -> dict[str, float]:
    """Return the rank of the strength class of every variable: Primary 1, Important 2, Indirect 3, infinity for none."""
    found = {egv.id: catalogue.strength(supplier, egv.id) for egv in catalogue.of_level(Level.LEVEL_3)}
    return {egv: math.inf if strength is None else _RANK[strength] for egv, strength in found.items()}


def order_agreement(
    times: Mapping[str, float], ranks: Mapping[str, int], *, permutations: int = 10_000, seed: int = 0
) -> Agreement:
    """Compare predicted times with published ranks pair by pair, and test the agreement by permutation.

    Parameters
    ----------
    times : mapping of str to float
        Predicted time of every variable; infinity for never.
    ranks : mapping of str to int
        Published tier; variables not in it are not compared.
    permutations, seed : int
        Random orders of the times.

    Returns
    -------
    Agreement
        ``p_value`` counts the observed order itself as one of the permutations (Phipson and Smyth 2010).
    """
    names = [name for name in ranks if name in times]
    rank = np.array([ranks[name] for name in names])
    predicted = np.array([times[name] for name in names], dtype=float)
    first, second = _pairs(rank)
    observed = _share(predicted, first, second)
    generator = np.random.default_rng(seed)
    better = sum(
        _share(generator.permutation(predicted), first, second) >= observed - 1e-12 for _ in range(permutations)
    )
    return Agreement(observed, first.size, (better + 1) / (permutations + 1))


def _pairs(rank: IntArray) -> tuple[IntArray, IntArray]:
    pairs = [
        (a, b) if rank[a] < rank[b] else (b, a) for a, b in combinations(range(rank.size), 2) if rank[a] != rank[b]
    ]
    array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _share(times: FloatArray, first: IntArray, second: IntArray) -> float:
    if first.size == 0:
        return math.nan
    early, late = times[first], times[second]
    return float(np.mean((early < late) + 0.5 * (early == late)))


@dataclass(frozen=True, slots=True)
class HalfTest:
    """Choice of a model variant on one half of the variables, judged on the other.

    Attributes
    ----------
    splits : int
        Random halves.
    tuned, tested : float
        Mean agreement on the half used for the choice, and on the other.
    chosen : dict
        How often each variant was chosen, as a share.
    """

    splits: int
    tuned: float
    tested: float
    chosen: dict[str, float]


def half_test(
    variants: Mapping[str, Mapping[str, float]], ranks: Mapping[str, int], *, splits: int = 500, seed: int = 0
) -> HalfTest:
    """Choose among variants of the model on random halves of the variables and test on the other halves.

    Parameters
    ----------
    variants : mapping of str to mapping
        Times of every variable by variant.
    ranks : mapping of str to int
        Published tiers.
    splits, seed : int
        Random halves.

    Returns
    -------
    HalfTest
    """
    generator = np.random.default_rng(seed)
    names = sorted(ranks)
    rank = np.array([ranks[name] for name in names])
    table = {key: np.array([times[name] for name in names], dtype=float) for key, times in variants.items()}
    chosen = dict.fromkeys(table, 0)
    tuned, tested = [], []
    for _ in range(splits):
        order = generator.permutation(len(names))
        half, rest = order[: len(names) // 2], order[len(names) // 2 :]
        scores = {key: _part(values, rank, half) for key, values in table.items()}
        if any(math.isnan(score) for score in scores.values()):
            continue
        best = max(scores, key=lambda key: scores[key])
        score = _part(table[best], rank, rest)
        if math.isnan(score):
            continue
        chosen[best] += 1
        tuned.append(scores[best])
        tested.append(score)
    if not tuned:
        return HalfTest(0, math.nan, math.nan, dict.fromkeys(table, 0.0))
    shares = {key: count / len(tuned) for key, count in chosen.items()}
    return HalfTest(len(tuned), float(np.mean(tuned)), float(np.mean(tested)), shares)


def _part(values: FloatArray, rank: IntArray, which: IntArray) -> float:
    return _share(values[which], *_pairs(rank[which]))

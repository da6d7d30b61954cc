"""Agreement with the published order: the baselines of the sources, permutations, and halves."""

from __future__ import annotations

import math

import pytest

from chain_small import packaged
from fiducial.chain.order import depth_baseline, half_test, order_agreement, published_ranks, strength_baseline

ORBITS = "l2/satellite_orbits"


@pytest.fixture(scope="module")
def catalogue():
    return packaged().catalogue


def test_the_published_baselines(catalogue):
    ranks = published_ranks(catalogue)
    assert len(ranks) == 14
    for baseline, share in ((depth_baseline, 0.669), (strength_baseline, 0.873)):
        times = baseline(catalogue, ORBITS)
        found = order_agreement(times, ranks, permutations=200)
        assert found.pairs == 71
        assert found.share == pytest.approx(share, abs=5e-4)
        assert all(math.isfinite(time) for time in times.values())


def test_the_right_order_the_wrong_one_and_none(catalogue):
    ranks = published_ranks(catalogue)
    right = order_agreement({key: float(rank) for key, rank in ranks.items()}, ranks)
    assert right.share == 1
    assert right.p_value < 0.001
    wrong = order_agreement({key: -float(rank) for key, rank in ranks.items()}, ranks, permutations=300)
    assert (wrong.share, wrong.p_value) == (0, 1)
    assert order_agreement(dict.fromkeys(ranks, math.inf), ranks, permutations=300).share == 0.5
    assert order_agreement(dict.fromkeys(ranks, math.inf), ranks, permutations=300).p_value == 1


def test_the_p_value_counts_the_observed_order_and_repeats():
    ranks = {"a": 0, "b": 1, "c": 2}
    times = {"a": 1.0, "b": 2.0, "c": 3.0}
    found = order_agreement(times, ranks, permutations=6000, seed=4)
    assert found.p_value == pytest.approx(1 / 6, abs=0.02)
    assert found == order_agreement(times, ranks, permutations=6000, seed=4)
    assert order_agreement(times, ranks, permutations=0).p_value == 1
    assert order_agreement({"a": 1.0}, ranks, permutations=5).pairs == 0


def test_halves_prefer_the_better_variant():
    ranks = {f"v{index}": index // 3 for index in range(12)}
    right = {key: rank + 1.0 for key, rank in ranks.items()}
    wrong = {key: 9.0 - rank for key, rank in ranks.items()}
    found = half_test({"wrong": wrong, "right": right}, ranks, splits=50)
    assert found.chosen == {"wrong": 0.0, "right": 1.0}
    assert found.tuned == found.tested == 1
    assert found.splits <= 50
    none = half_test({"one": {"a": 1.0, "b": 2.0}}, {"a": 0, "b": 0}, splits=5)
    assert none.splits == 0
    assert math.isnan(none.tuned)
    assert math.isnan(none.tested)

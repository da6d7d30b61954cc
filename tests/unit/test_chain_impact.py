"""Quantiles, tiers, recoveries and drivers of an impact, on a chain of two steps with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fiducial.chain.assembly_types import ChainNetwork, EdgeRule, NodeRule, Variable
from fiducial.chain.dependencies import Evidence, Range
from fiducial.chain.egv import ImpactTier, Place
from fiducial.chain.impact import impact, rank_correlations, tier_of
from fiducial.chain.network import EdgeSpec, NodeLaw, NodeSpec, build_network
from fiducial.chain.propagation import Outage
from fiducial.errors import InputError


def _range(value, low, high):
    return Range(value, low, high, Evidence.ASSUMPTION, ())


def _chain():
    """a → b → c: b serves for the reach of a (10 to 20 d), c falls with b at once; d knows nothing of them."""
    variables = (
        Variable("zero", _range(0.0, 0.0, 0.0)), Variable("one", _range(1.0, 1.0, 1.0)),
        Variable("a: reach, days", _range(14.0, 10.0, 20.0)), Variable("a: decay, days", _range(0.1, 0.1, 0.1)),
        Variable("elsewhere, days", _range(1.0, 0.5, 2.0)),
    )  # fmt: skip
    nodes = tuple(NodeRule(name, name.upper(), NodeLaw.FUNCTIONAL) for name in "abcd")
    rules = [
        EdgeRule("a", "b", "needs it", Evidence.ASSUMPTION, (), hold=(0, 0, 2), decay=3),
        EdgeRule("b", "c", "needs it", Evidence.ASSUMPTION, (), decay=3),
    ]
    network, order = build_network(
        [NodeSpec(node.id) for node in nodes], [EdgeSpec(r.supplier, r.consumer) for r in rules]
    )
    return ChainNetwork(network, nodes, tuple(rules[index] for index in order), variables, {})


PLACE = Place("x.yaml", 1)


class _Tier:
    def __init__(self, name, low, high):
        self.id, self.name, self.bounds_days = name, name, (low, high)


TIERS: list[ImpactTier] = [_Tier("soon", 0.0, 14.0), _Tier("later", 14.0, math.inf)]


def _impact(outages, **options):
    defaults = {"horizon_days": 200.0, "samples": 400, "seed": 1}
    return impact(_chain(), outages, ["b", "c", "d"], TIERS, **(defaults | options))


def test_times_shares_and_drivers_are_those_of_the_ranges():
    found = _impact([Outage("a", duration_days=60.0)])
    b, c, d = found.effects
    ten = b.days_to_10_percent
    assert ten.p5 == pytest.approx(10.3, abs=0.5)
    assert ten.p50 == pytest.approx(14.0, abs=0.5)
    assert ten.p95 == pytest.approx(19.3, abs=0.6)
    assert b.tier_shares["soon"] == pytest.approx(0.5, abs=0.06)
    assert sum(b.tier_shares.values()) == pytest.approx(1)
    assert b.drivers[0].label == "a: reach, days"
    assert b.drivers[0].correlation > 0.99
    assert all(driver.label != "elsewhere, days" or abs(driver.correlation) < 0.2 for driver in b.drivers)
    assert c.days_to_10_percent.p50 == pytest.approx(ten.p50, abs=0.4)
    assert 0 <= b.recovery_days.p5 <= b.recovery_days.p95 < 10
    assert (d.days_to_10_percent, d.tier, d.recovery_days, d.drivers) == (None, None, None, ())
    assert d.tier_shares["none"] == 1
    assert found.quantiles.shape == (3, found.time_days.size, 3)
    assert (np.diff(found.quantiles, axis=2) >= 0).all()


def test_times_count_from_the_beginning_of_the_outage():
    now, later = (_impact([Outage("a", 1.0, start)], horizon_days=start + 200.0) for start in (0.0, 50.0))
    assert later.effects[0].days_to_10_percent.p50 == pytest.approx(now.effects[0].days_to_10_percent.p50, abs=1e-6)


def test_what_does_not_end_within_the_horizon_is_not_recovered_from():
    for duration in (math.inf, 200.0, 500.0):
        assert _impact([Outage("a", duration_days=duration)]).effects[0].recovery_days is None


def test_rare_effects_are_none():
    # Outages just shorter than the hold of most samples.
    found = _impact([Outage("a", duration_days=10.2)])
    share = 1 - found.effects[0].tier_shares["none"]
    assert share < 0.1
    assert (found.effects[0].days_to_10_percent is None) == (share < 0.05)
    assert found.effects[0].tier is None


@pytest.mark.parametrize(
    "options",
    [{"samples": 0}, {"samples": -1}, {"samples": 10**9}, {"seed": -1}, {"horizon_days": 0.0}, {"outages": []}],
)
def test_impossible_questions(options):
    outages = options.pop("outages", [Outage("a")])
    with pytest.raises(InputError, match="FID-142"):
        _impact(outages, **options)


def test_one_sample_has_no_spread():
    found = _impact([Outage("a")], samples=1)
    ten = found.effects[0].days_to_10_percent
    assert ten.p5 == ten.p50 == ten.p95


def test_tiers_begin_with_their_lower_bound():
    assert [tier_of(days, TIERS) for days in (0.0, 13.999, 14.0, 1e9, math.inf)] == [
        "soon",
        "soon",
        "later",
        "later",
        None,
    ]


def test_rank_correlation_by_hand():
    values = np.array([[1.0, 5.0, 3.0], [2.0, 4.0, 3.0], [3.0, 3.0, 3.0], [4.0, 1.0, 3.0]])
    times = np.array([[1.0, 7.0], [2.0, 7.0], [9.0, 7.0], [np.inf, 7.0]])
    np.testing.assert_allclose(rank_correlations(values, times), [[1, 0], [-1, 0], [0, 0]], atol=1e-12)

"""Circles lock, and the hold that saves them has a limit (reference: chain.md 4, the two-node prototype)."""

from __future__ import annotations

import math

import pytest

from fiducial.chain.network import EdgeLaw, EdgeSpec, NodeSpec, build_network, uniform_parameters, with_values
from fiducial.chain.survival import longest_outage, recovers

PAIR = ("frame", "orbits")


def _loop(hold=0.0, alpha=1.0, beta=0.0, rebuilt=0.0):
    network, order = build_network(
        [NodeSpec(name) for name in PAIR], [EdgeSpec("frame", "orbits"), EdgeSpec("orbits", "frame")]
    )
    parameters = uniform_parameters(
        network, alpha=alpha, beta=beta, decay_days=30.0, flush_days=30.0, degradation_days=5.0, recovery_days=5.0
    )
    held, other = parameters.hold_days.copy(), parameters.substitution.copy()
    held[0, order == 0] = hold
    other[0, order == 1] = rebuilt
    return network, with_values(parameters, {"hold_days": held, "substitution": other})


@pytest.mark.parametrize(
    ("hold", "alpha", "beta", "rebuilt", "duration", "works"),
    [
        (0.0, 1.0, 0.0, 0.0, 30.0, False),
        (365.0, 1.0, 0.0, 0.0, 30.0, True),
        (365.0, 1.0, 0.0, 0.0, 700.0, False),
        (0.0, 0.5, 0.55, 0.0, 30.0, True),
        (0.0, 0.5, 0.55, 0.0, 700.0, True),
        (0.0, 1.0, 0.0, 0.95, 30.0, True),
    ],
)
def test_a_circle_locks_unless_something_is_held_weak_or_rebuilt(hold, alpha, beta, rebuilt, duration, works):
    network, parameters = _loop(hold, alpha, beta, rebuilt)
    assert recovers(network, parameters, "orbits", duration, PAIR, 36525.0) is works


def test_the_longest_outage_is_where_recovery_ends():
    network, parameters = _loop(hold=365.0)
    found = longest_outage(network, parameters, "orbits", PAIR, tolerance=0.002)
    assert 300 < found.longest_days < 700
    assert recovers(network, parameters, "orbits", found.longest_days, PAIR, 36525.0)
    assert not recovers(network, parameters, "orbits", found.longest_days * 1.01, PAIR, 36525.0)
    longer = longest_outage(*_loop(hold=730.0), "orbits", PAIR, tolerance=0.002)
    assert longer.longest_days > found.longest_days + 300


def test_a_circle_that_always_recovers_and_one_that_never_does():
    assert math.isinf(longest_outage(*_loop(alpha=0.5, beta=0.55), "orbits", PAIR).longest_days)
    network, parameters = _loop()
    direct, order = build_network(
        [NodeSpec(name) for name in PAIR],
        [EdgeSpec("frame", "orbits", EdgeLaw.DIRECT), EdgeSpec("orbits", "frame", EdgeLaw.DIRECT)],
    )
    assert order.size == 2
    assert longest_outage(direct, uniform_parameters(direct), "orbits", PAIR).longest_days == 0
    assert longest_outage(network, parameters, "orbits", PAIR).longest_days < 30

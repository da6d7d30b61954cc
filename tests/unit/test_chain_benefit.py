"""What would help: gains are those of runs with the measure taken, ranked, and never more than all that is lost."""

from __future__ import annotations

import pytest

from chain_small import packaged
from fiducial.chain.assembly import HELD, assemble
from fiducial.chain.benefit import LONGER_DAYS, SUBSTITUTED, benefits
from fiducial.chain.network import EdgeLaw, with_values
from fiducial.chain.propagation import Outage, propagate

WATCHED = ("l3/atmosphere_parameters", "l3/earth_orientation_parameters")
OUTAGES = (Outage("gso_gsc_rapid", 1.0, 0.0, 90.0), Outage("gso_gsc_ultra", 1.0, 0.0, 90.0))
HORIZON = 150.0


@pytest.fixture(scope="module")
def chain():
    return assemble(packaged())


def _lost(chain, parameters, outages=OUTAGES):
    run = propagate(chain.network, parameters, outages, horizon_days=HORIZON, watched=WATCHED)
    return float(run.lost_days.sum())


def test_gains_are_those_of_runs_with_the_measure(chain):
    found = benefits(chain, OUTAGES, WATCHED, horizon_days=HORIZON)
    saved = [one.saved_days for one in found]
    assert saved == sorted(saved, reverse=True)
    assert all(0 < one.saved_share <= 1 + 1e-12 for one in found)
    assert {one.measure for one in found} == {"hold", "substitute", "spare"}
    assert not any(one.node.startswith(HELD) for one in found)
    parameters = chain.parameters(chain.nominal())
    alone = _lost(chain, parameters)
    for measure in ("hold", "substitute"):
        best = next(one for one in found if one.measure == measure)
        edges = [
            index for index, rule in enumerate(chain.edges)
            if rule.supplier == best.node and rule.law is not EdgeLaw.DIRECT and not rule.consumer.startswith(HELD)
        ]  # fmt: skip
        held, other = parameters.hold_days.copy(), parameters.substitution.copy()
        if measure == "hold":
            held[0, edges] += LONGER_DAYS
        else:
            other[0, edges] = 1 - (1 - SUBSTITUTED) * (1 - other[0, edges])
        changed = _lost(chain, with_values(parameters, {"hold_days": held, "substitution": other}))
        assert best.saved_days == pytest.approx(alone - changed, rel=1e-9)
    spare = next(one for one in found if one.measure == "spare")
    rest = tuple(outage for outage in OUTAGES if outage.node != spare.node)
    assert spare.saved_days == pytest.approx(alone - _lost(chain, parameters, rest), rel=1e-9)


def test_where_nothing_is_lost_nothing_helps(chain):
    assert benefits(chain, [Outage("acc_combination")], WATCHED, horizon_days=30.0) == ()
    assert benefits(chain, [Outage("gso_gsc_rapid", 0.0)], WATCHED, horizon_days=30.0) == ()


def test_a_spare_for_the_only_failure_saves_all(chain):
    found = benefits(chain, OUTAGES[:1], WATCHED, horizon_days=60.0)
    spare = next(one for one in found if one.measure == "spare")
    assert spare.saved_share == pytest.approx(1)
    assert found[0] == spare

"""Reasons: what failed, what is not reached, gates, curves, partial outages, and times in words."""

from __future__ import annotations

import itertools
import math

import pytest

from chain_small import packaged
from fiducial.chain.assembly import assemble
from fiducial.chain.egv import Level
from fiducial.chain.explanation import Explainer, _days
from fiducial.chain.propagation import Outage


@pytest.fixture(scope="module")
def chain():
    return assemble(packaged())


def _explainer(chain, *outages, horizon=400.0):
    return Explainer(chain, outages, horizon)


def test_what_fails_and_what_is_not_reached(chain):
    explainer = _explainer(chain, Outage("acc_combination"))
    assert explainer.explain("acc_combination").text.endswith(" itself stops")
    untouched = explainer.explain("l3/sea_level")
    assert untouched.text == "no loss reaches Sea Level in this model"
    assert untouched.steps == ()
    partly = _explainer(chain, Outage("acc_combination", 0.25))
    assert partly.explain("acc_combination").text.endswith(" itself loses 0.25 of its production")


def test_a_loss_that_is_over_is_not_forgotten(chain):
    explainer = _explainer(chain, Outage("gdc_pool", 1.0, 0.0, 1.2), horizon=1000.0)
    texts = [explainer.explain(product.id).text for product in packaged().catalogue.products(Level.LEVEL_3)]
    small = [text for text in texts if "never loses more than" in text]
    assert small
    assert all("0.0%" not in text for text in small)


def test_paths_lead_from_the_failed_node_with_rising_times(chain):
    explainer = _explainer(chain, Outage("gdc_pool"), horizon=3000.0)
    for egv in packaged().catalogue.egvs:
        if egv.id not in chain.network.nodes:
            continue
        found = explainer.explain(egv.id)
        if found.steps:
            assert found.steps[0].supplier == "gdc_pool"
            assert found.steps[-1].consumer == egv.id
            assert found.text.startswith("Pool of global data centres stops →")
            times = [step.lost_after_days for step in found.steps]
            assert all(math.isfinite(time) for time in times)
            assert all(b >= 0.95 * a for a, b in itertools.pairwise(times)), found.text


def test_gates_say_how_many_of_their_inputs_failed(chain):
    text = _explainer(chain, Outage("gdc_pool")).explain("ac_pool").text
    assert "needs 3 of 12 inputs, of which this is number 10 to fail" in text


def test_measured_curves_are_not_told_as_holds(chain):
    found = _explainer(chain, Outage("SPTS:rapid"), Outage("SPTS:final"), horizon=3000.0).explain("ESD:per_acquisition")
    step = next(step for step in found.steps if step.supplier.startswith("SPTS"))
    assert "by a curve of loss against age" in step.reason
    assert step.hold_days == step.decay_days == 0


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0.0, "0 min"),
        (0.0035, "5 min"),
        (0.5, "12 h"),
        (1.0, "1 d"),
        (59.9, "59.9 d"),
        (91.3, "3 months"),
        (1461, "4 years"),
    ],
)
def test_times_in_words(days, text):
    assert _days(days) == text

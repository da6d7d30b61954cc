"""The network made from the knowledge: nothing missing, holds by hand, substitutes, loss of the official combination."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from chain_small import packaged
from fiducial.chain.assembly import HELD, assemble
from fiducial.chain.egv import Level, Strength
from fiducial.chain.network import EdgeLaw, NodeLaw
from fiducial.chain.propagation import Outage, propagate
from fiducial.chain.scenario import failing_nodes
from fiducial.errors import InputError


@pytest.fixture(scope="module")
def chain():
    return assemble(packaged())


@pytest.fixture(scope="module")
def bare():
    return assemble(packaged(), substitutes=False)


def _edges(chain):
    return {(rule.supplier, rule.consumer): (rule, index) for index, rule in enumerate(chain.edges)}


def _schedule(stream):
    product, _, name = stream.partition(":")
    return next(one for one in packaged().dependencies.schedules if (one.product, one.stream) == (product, name))


def test_every_variable_of_levels_2_and_3_and_every_product_is_there(chain):
    for egv in packaged().catalogue.egvs:
        if egv.level in {Level.LEVEL_2, Level.LEVEL_3}:
            assert egv.id in chain.network.nodes
            assert f"{HELD}{egv.id}" in chain.network.nodes
            for product in egv.products:
                assert chain.streams[product.id], product.id
                assert product.id in chain.network.nodes
    assert {node.id for node in packaged().workflow.nodes} <= set(chain.network.nodes)


def test_every_stream_of_a_level_3_product_has_a_supplier_or_its_cells_say_why_not(chain):
    edges = _edges(chain)
    for egv in packaged().catalogue.of_level(Level.LEVEL_3):
        strengths = {cell.strength for cell in packaged().catalogue.cells if cell.consumer == egv.id}
        for product in egv.products:
            for stream in chain.streams[product.id]:
                if not any(consumer == stream for _, consumer in edges):
                    assert strengths == {Strength.INDIRECT}, stream


@pytest.mark.parametrize(
    ("supplier", "consumer", "hold"),
    [
        # H = max(0, L - l + P): latency of the stream, of the input, and reach of the input.
        ("GSO:final", "RTRF:weekly", 17.5 - 13.0),
        ("GSO:rapid", "RTRF:rapid", 1.0 - 0.708),
        ("GSO:ultra_rapid", "IWV:near_real_time", 0.0729 - 0.125 + 1.0),
        ("GSO:final", "IWV:final", 21.0 - 13.0),
        ("GSO:rapid", "LOD:rapid", 0.0),
        ("GSO:final", "ESO:precise", 26.0 - 13.0),
        ("ESO:precise", "SLA:delayed", 150.0 - 26.0),
        ("ESO:precise", "TWSA:monthly", 60.0 - 26.0),
    ],
)
def test_holds_by_hand(chain, supplier, consumer, hold):
    rule, index = _edges(chain)[supplier, consumer]
    parameters = chain.parameters(chain.nominal())
    assert parameters.hold_days[0, index] == pytest.approx(hold, abs=1e-9)
    window = _schedule(consumer).window_days.value / (2 * math.log(2))
    held = next((one for one in packaged().dependencies.held if one.node == supplier), None)
    assert parameters.decay_days[0, index] == pytest.approx(max(window, held.decay_days.value if held else 0.0))
    assert rule.law is EdgeLaw.HELD
    node = chain.network.index(consumer)
    cadence = _schedule(consumer).cadence_days.value
    assert parameters.degradation_days[0, node] == pytest.approx(cadence / (2 * math.log(2)))
    assert parameters.recovery_days[0, node] == pytest.approx(cadence + _schedule(consumer).latency_days.value)


def test_a_cell_without_link_joins_every_product_with_every_stream(chain):
    knowledge = packaged()
    refined = {link.refines for link in knowledge.dependencies.links if link.refines}
    edges = _edges(chain)
    seen = 0
    for cell in knowledge.catalogue.cells:
        if (cell.supplier, cell.consumer) in refined or cell.strength is Strength.INDIRECT:
            continue
        for supplier in knowledge.catalogue.egv(cell.supplier).products:
            for consumer in knowledge.catalogue.egv(cell.consumer).products:
                for stream in chain.streams[consumer.id]:
                    assert any((one, stream) in edges for one in chain.streams[supplier.id]), (supplier.id, stream)
                    seen += 1
    assert seen > 100


def test_indirect_cells_get_edges_only_when_asked(chain):
    more = assemble(packaged(), indirect=True)
    extra = set(_edges(more)) - set(_edges(chain))
    assert extra
    assert all(_edges(more)[pair][0].reason == "Indirect in the matrix" for pair in extra)
    parameters = more.parameters(more.nominal())
    for pair in extra:
        assert parameters.alpha[0, _edges(more)[pair][1]] < 0.3


def test_samples_stay_in_their_ranges_and_repeat(chain):
    values = chain.sample(300, seed=7)
    for column, variable in enumerate(chain.variables):
        assert values[:, column].min() >= variable.range.low * (1 - 1e-12), variable.label
        assert values[:, column].max() <= variable.range.high * (1 + 1e-12), variable.label
    np.testing.assert_array_equal(values, chain.sample(300, seed=7))
    assert (values != chain.sample(300, seed=8)).any()
    logarithmic = next(
        index for index, one in enumerate(chain.variables) if one.label.endswith("decay, days") and one.range.high > 3 * one.range.low
    )  # fmt: skip
    numbers = chain.variables[logarithmic].range
    share = np.mean(values[:, logarithmic] < math.sqrt(numbers.low * numbers.high))
    assert share == pytest.approx(0.5, abs=0.12)


def _lost(chain, nodes, watched, days=400.0):
    run = propagate(
        chain.network, chain.parameters(chain.nominal()), [Outage(node) for node in nodes], horizon_days=days, watched=watched
    )  # fmt: skip
    return dict(zip(watched, run.lost[0].max(axis=0).tolist(), strict=True))


def test_without_the_official_combination_the_product_is_lost_and_delivery_kept(chain, bare):
    watched = ["gso_gsc_final", "gso_gsc_final_any", "GSO:final", "ESO:precise", "IWV:final"]
    kept = _lost(chain, ["acc_combination"], watched)
    assert kept["gso_gsc_final"] > 0.99
    assert max(kept[node] for node in watched[1:]) < 0.01
    gone = _lost(bare, ["acc_combination"], watched)
    assert gone["gso_gsc_final"] > 0.99
    for node in ("GSO:final", "ESO:precise", "IWV:final"):
        assert gone[node] > 0.5, node


def test_the_combination_software_is_spared_by_its_alternate(chain):
    watched = ["gso_gsc_final", "gso_gsc_final_any"]
    assert max(_lost(chain, ["spocc_software"], watched).values()) < 0.01
    both = _lost(chain, ["spocc_software", "legacy_acc_software"], watched)
    assert both["gso_gsc_final"] > 0.99
    assert both["gso_gsc_final_any"] < 0.01


def test_substitutes_keep_a_part_of_the_orbits_of_low_satellites(chain, bare):
    fails = ["GSO:final", "GSC:final", "GSO:rapid", "GSC:rapid"]
    with_help, without = (_lost(one, fails, ["ESO:precise", "ESO:medium"]) for one in (chain, bare))
    for stream in ("ESO:precise", "ESO:medium"):
        assert with_help[stream] < without[stream] - 0.2
        assert without[stream] > 0.99


def test_measured_losses_take_the_place_of_a_gate():
    curve = ((0.0, 0.0), (6.0, 0.2), (12.0, 1.0))
    chain = assemble(packaged(), pools={"ac_pool": curve})
    index = chain.network.index("ac_pool")
    assert chain.network.law[index] == NodeLaw.CURVE
    with pytest.raises(InputError, match="FID-1420"):
        assemble(packaged(), pools={"ac_pool": ((0.0, 0.0), (6.0, 0.2), (3.0, 1.0))})


def test_what_fails_with_a_target(chain):
    knowledge = packaged()
    assert failing_nodes(knowledge, chain, "acc_combination").nodes == ("acc_combination",)
    assert failing_nodes(knowledge, chain, "GSO:rapid").nodes == ("GSO:rapid",)
    pipeline = failing_nodes(knowledge, chain, "gnss_tier_3").nodes
    assert set(pipeline) == {"igs_rf_combination", "acc_combination", "wcc_combination"}
    product = failing_nodes(knowledge, chain, "GSO").nodes
    assert {"GSO:final", "GSO:rapid", "GSO:ultra_rapid", "gso_gsc_final"} <= set(product)
    egv = failing_nodes(knowledge, chain, "l2/satellite_orbits").nodes
    assert set(product) | {"ESO:precise", "acc_combination", "ac_cod"} <= set(egv)
    assert len(egv) == len(set(egv))


def test_an_id_that_propagation_does_not_know(chain):
    with pytest.raises(InputError, match="FID-1424"):
        failing_nodes(packaged(), chain, "nowhere")


def test_a_schedule_less_orbit_class_does_not_invent_a_supplier():
    """A stream that is known to use no GNSS orbits has no edge from them."""
    knowledge = packaged()
    none = [
        one
        for one in knowledge.dependencies.schedules
        if one.orbit_input == "none" and one.orbit_input_evidence == "sourced"
    ]
    assert none
    edges = _edges(assemble(knowledge))
    for schedule in none:
        for orbits in ("GSO", "GSC", "ESO"):
            for stream in ("final", "rapid", "ultra_rapid", "precise", "medium", "near_real_time"):
                assert (f"{orbits}:{stream}", f"{schedule.product}:{schedule.stream}") not in edges


def test_an_empty_set_of_schedules_leaves_the_workflow():
    knowledge = packaged()
    small = replace(knowledge, dependencies=replace(knowledge.dependencies, schedules=(), makers=(), links=()))
    chain = assemble(small)
    assert set(chain.network.nodes) == {node.id for node in knowledge.workflow.nodes}

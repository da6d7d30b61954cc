"""Gates and minimal cut sets: what stops a product alone or in pairs, with and without substitutes and hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chain_workflows import knowledge_of, node, workflow
from fiducial.chain.gates import availability, gate_network
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.single_points import CutSets, Substitutes, cut_sets
from fiducial.chain.workflow import Gate
from fiducial.errors import InputError
from fiducial.runs.chain_knowledge import load_knowledge
from fiducial.runs.chain_structure import find_single_points

GNSS_PRODUCTS = ("gso_gsc_final", "gso_gsc_rapid", "gso_gsc_ultra", "gso_gsc_final_any", "spts", "igs_erp", "iwv_ztd", "gim_final")  # fmt: skip


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge()


def _pairs(found: CutSets) -> set[tuple[str, ...]]:
    return {cut.nodes for cut in found.of_size(2, real=True)}


def test_the_five_real_singles_of_the_final_product(knowledge: Knowledge) -> None:
    found = cut_sets(knowledge, "gso_gsc_final")
    assert set(found.singles()) == {
        "acc_operator", "acc_cloud", "igs_rf_combination", "acc_combination", "eop_rapid",
    }  # fmt: skip
    assert _pairs(found) == {("spocc_software", "legacy_acc_software")}
    groups = {cut.nodes[0] for cut in found.of_size(1, real=False)}
    assert {"gnss_constellations", "ac_pool", "gdc_pool", "combination_software"} <= groups
    because = next(cut.because for cut in found.cuts if cut.nodes == ("acc_cloud",))
    assert because.startswith("Combination cloud → Official orbit and clock combination (needs all 6 inputs)")


def test_substitutes_take_the_singles_of_tier_3_away(knowledge: Knowledge) -> None:
    found = cut_sets(knowledge, "gso_gsc_final", substitutes=Substitutes.READY)
    assert found.nodes == ("gso_gsc_final_any",)
    assert found.singles() == ("eop_rapid",)
    assert found.cuts == cut_sets(knowledge, "gso_gsc_final_any").cuts
    report = find_single_points(knowledge, "gso_gsc_final", substitutes=Substitutes.READY)
    fate = {cut.nodes[0]: report.stays(cut) for cut in report.without.of_size(1, real=True)}
    assert fate == {
        "acc_operator": False, "acc_cloud": False, "igs_rf_combination": False, "acc_combination": False,
        "eop_rapid": True,
    }  # fmt: skip


def test_the_expired_frame_makes_the_frame_steps_stop_everything(knowledge: Knowledge) -> None:
    for product in GNSS_PRODUCTS:
        singles = cut_sets(knowledge, product, frame_held=False, order=1).singles()
        assert {"itrf", "itrs_centre_ign", "igs_rf_combination"} <= set(singles)
        assert "itrs_centre_ign" not in cut_sets(knowledge, product, order=1).singles()
    spare = cut_sets(knowledge, "itrf", frame_held=False, order=1, substitutes=Substitutes.POSSIBLE)
    assert "itrs_centre_ign" not in spare.singles()


def test_orbits_of_low_satellites_have_no_single(knowledge: Knowledge) -> None:
    for held in (True, False):
        found = cut_sets(knowledge, "ESO", frame_held=held)
        assert found.nodes == ("eso",)
        assert found.of_size(1) == ()


def test_a_product_of_several_makers_is_there_while_one_works(knowledge: Knowledge) -> None:
    found = cut_sets(knowledge, "GSO", order=1)
    assert found.nodes == ("gso_gsc_final", "gso_gsc_rapid", "gso_gsc_ultra")
    assert set(found.singles()) == {"acc_operator", "acc_cloud", "eop_rapid"}


def test_the_answer_follows_the_data(knowledge: Knowledge) -> None:
    nodes = tuple(
        replace(one, gate=Gate.ANY, required=1) if one.id == "acc_combination" else one
        for one in knowledge.workflow.nodes
    )
    changed = replace(knowledge, workflow=replace(knowledge.workflow, nodes=nodes))
    assert cut_sets(changed, "gso_gsc_final").singles() == ("acc_combination",)


def test_sets_of_three() -> None:
    known = knowledge_of(node("a"), node("b"), node("c"), node("d", ("a", "b", "c"), Gate.ANY))
    found = cut_sets(known, "d", order=3)
    assert [cut.nodes for cut in found.cuts] == [("a", "b", "c")]


def test_circles_hold_themselves_up_but_do_not_start() -> None:
    network = gate_network(workflow(node("a", ("b",)), node("b", ("a",)), node("c")))
    nothing = np.zeros(3, dtype=bool)
    np.testing.assert_array_equal(availability(network, nothing), [True, True, True])
    np.testing.assert_array_equal(availability(network, nothing, start_up=True), [False, False, True])
    np.testing.assert_array_equal(availability(network, np.array([True, False, False])), [False, False, True])


def test_a_held_node_serves_though_it_is_lost() -> None:
    network = gate_network(workflow(node("a", held=True), node("b", ("a",))))
    lost = np.array([True, False])
    np.testing.assert_array_equal(availability(network, lost), [True, True])
    np.testing.assert_array_equal(availability(network, lost, held=False), [False, False])
    held_circle = gate_network(workflow(node("a", ("b",), held=True), node("b", ("a",))))
    assert availability(held_circle, np.zeros(2, dtype=bool), start_up=True).all()


def test_alternates_serve_in_the_place_of_the_lost() -> None:
    network = gate_network(workflow(node("a", alternates=("s",)), node("s"), node("b", ("a",))))
    lost = np.array([True, False, False])
    np.testing.assert_array_equal(availability(network, lost), [False, True, False])
    np.testing.assert_array_equal(availability(network, lost, alternates=True), [False, True, True])


def test_what_never_works_has_no_cut_sets() -> None:
    known = knowledge_of(node("a", ("b",), held=False), node("b", ("a",)), node("c"))
    assert cut_sets(known, "a").works
    found = find_single_points(known, "c", substitutes=Substitutes.READY)
    assert found.rows(1) == []
    assert "No substitute of the target itself is known." in found.notes()


def test_refusals(knowledge: Knowledge) -> None:
    with pytest.raises(InputError, match="FID-1413") as caught:
        cut_sets(knowledge, "SLA")
    assert "GSO" in caught.value.fix
    with pytest.raises(InputError, match="FID-1415"):
        cut_sets(knowledge, "gso_gsc_final", order=4)
    with pytest.raises(InputError, match="FID-1412"):
        gate_network(workflow(node("a", ("nowhere",))))
    with pytest.raises(InputError, match="FID-1412"):
        gate_network(workflow(node("a"), node("b", ("a",), Gate.K, 2)))

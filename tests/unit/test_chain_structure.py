"""Structure of the chain: closures, names, paths in words, circles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chain_workflows import knowledge_of, node
from fiducial.chain.circles import circles_of, unclosed_circles
from fiducial.chain.egv import Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.structure import DirectedGraph, Edge, Item, Kind, Relation, Structure, structure_of
from fiducial.chain.structure_names import find_item
from fiducial.chain.structure_paths import paths_between
from fiducial.chain.workflow import Gate
from fiducial.errors import InputError
from fiducial.runs.chain_knowledge import load_knowledge


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge()


@pytest.fixture(scope="module")
def structure(knowledge: Knowledge) -> Structure:
    return structure_of(knowledge)


def test_every_node_and_relation_is_there(knowledge: Knowledge, structure: Structure) -> None:
    catalogue, nodes = knowledge.catalogue, knowledge.workflow.nodes
    assert len(structure.items) == len(nodes) + len(catalogue.egvs) + len(catalogue.products())
    counts = {relation: sum(edge.relation is relation for edge in structure.edges) for relation in Relation}
    assert counts[Relation.MATRIX] == len(catalogue.cells)
    assert counts[Relation.INPUT] == sum(len(one.inputs) for one in nodes)
    assert counts[Relation.REALISES] == sum(len(one.realises) for one in nodes)
    assert counts[Relation.CONTRIBUTES] == len(catalogue.products())
    refined = sum(link.refines is not None for link in knowledge.dependencies.links)
    circular = sum(cell.circular for cell in catalogue.cells)
    assert counts[Relation.REFINES] == refined
    assert counts[Relation.PROSE] == len(knowledge.dependencies.links) - refined + circular
    cell = structure.between("l2/satellite_orbits", "l3/sea_ice")
    assert [edge.strength for edge in cell] == [Strength.PRIMARY]


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("satellite_orbits", "l2/satellite_orbits"),
        ("Satellite Orbits", "l2/satellite_orbits"),
        ("l2/satellite_orbits", "l2/satellite_orbits"),
        ("L2 Satellite-Orbits", "l2/satellite_orbits"),
        ("station positions & variations", "l2/station_positions_and_variations"),
        ("gso", "GSO"),
        ("EOP", "l3/earth_orientation_parameters"),
        ("SPOCC", "spocc_software"),
        ("igs sinex combination", "igs_rf_combination"),
        ("itrf", "itrf"),
        ("spts", "spts"),
        ("SPTS", "SPTS"),
    ],
)
def test_names(structure: Structure, text: str, identity: str) -> None:
    assert find_item(structure, text).id == identity


def test_a_wrong_name_offers_the_nearest(structure: Structure) -> None:
    with pytest.raises(InputError, match="FID-1410") as caught:
        find_item(structure, "acc_operater")
    assert "acc_operator" in caught.value.fix.partition(";")[0]
    with pytest.raises(InputError, match="FID-1410"):
        find_item(structure, "…")


def test_an_ambiguous_name_lists_all(structure: Structure) -> None:
    with pytest.raises(InputError, match="FID-1411") as caught:
        find_item(structure, "Spts")
    assert "spts (workflow node" in caught.value.problem
    assert "SPTS (product" in caught.value.problem


def test_upstream_and_downstream(structure: Structure) -> None:
    upstream = {one.id: one.distance for one in structure.upstream("gso_gsc_final")}
    assert upstream["acc_combination"] == 1
    assert upstream["igs_rf_combination"] == 2
    assert {"gnss_constellations", "itrs_centre_ign", "eop_rapid"} <= set(upstream)
    assert "gso_gsc_final" not in upstream
    assert "wcc_combination" not in upstream
    downstream = [one.id for one in structure.downstream("spocc_software")]
    assert downstream[0] == "combination_software"
    assert {"GSO", "l2/satellite_orbits", "l3/sea_ice"} <= set(downstream)


def test_paths_in_words(structure: Structure) -> None:
    found = paths_between(structure, "igs_rf_combination", "gso_gsc_final")
    assert (found.counted, found.complete, found.left_out) == (14, True, 0)
    assert found.ways[0].words == (
        "IGS SINEX combination → Official orbit and clock combination (needs all 6 inputs) → "
        "Final orbits and clocks (needs it)"
    )
    merged = found.ways[-1]
    assert merged.paths == 12
    assert "each of 12 (CODE, NRCan, ESA/ESOC, GFZ, …) (needs all 4 inputs)" in merged.words
    assert "(needs 3 of 12 inputs)" in merged.words
    assert found.note() == "14 of 14 paths in 3 ways."


def test_paths_are_bounded(structure: Structure) -> None:
    found = paths_between(structure, "gnss_constellations", "ESD", limit=2)
    assert len(found.ways) == 2
    assert found.left_out > 0
    assert f"{found.left_out} more ways are left out" in found.note()
    lengths = [len(way.steps) for way in found.ways]
    assert lengths == sorted(lengths)
    assert "Nothing leads" in paths_between(structure, "ESD", "GSO").note()
    with pytest.raises(InputError, match="FID-1415"):
        paths_between(structure, "GSO", "ESD", limit=0)


def test_a_dense_graph_gives_up_and_says_so() -> None:
    count = 10
    items = [Item(str(k), str(k), Kind.WORKFLOW, str(k)) for k in range(count)]
    edges = [Edge(str(a), str(b), Relation.INPUT, "needs it") for a in range(count) for b in range(count) if a != b]
    found = paths_between(Structure(items, edges), "0", "9", limit=3)
    assert not found.complete
    assert "more than" in found.note()
    assert found.ways[0].steps == (("0",), ("9",))


def test_a_broken_graph_is_refused() -> None:
    one = Item("a", "A", Kind.WORKFLOW, "x")
    with pytest.raises(InputError, match="FID-1412"):
        Structure([one, one], [])
    with pytest.raises(InputError, match="FID-1412"):
        Structure([one], [Edge("a", "b", Relation.INPUT, "")])


def test_a_long_chain_has_its_distances() -> None:
    count = 5000
    graph = DirectedGraph(count, np.arange(count - 1), np.arange(1, count))
    nodes, distance = graph.ancestors(count - 1)
    np.testing.assert_array_equal(nodes, np.arange(count - 2, -1, -1))
    np.testing.assert_array_equal(distance, np.arange(1, count))
    assert graph.descendants(count - 1)[0].size == 0


def test_circles_of_the_chain(knowledge: Knowledge) -> None:
    found = circles_of(knowledge)
    first = next(circle for circle in found if "itrf" in circle.nodes)
    assert first.nodes[0] == "itrf"
    assert {"ac_pool", "igs_rf_combination"} < set(first.nodes)
    assert [(hold.node, hold.days, hold.opens) for hold in first.holds] == [("itrf", 365.0, True)]
    assert "ITRFu" in first.holds[0].source
    assert first.longest_outage_days is None
    assert first.words[0].startswith("Terrestrial reference frame (ITRF) → each of 12")
    second = next(circle for circle in found if "l2/satellite_orbits" in circle.nodes)
    assert second.holds[0].at == "l3/global_reference_frames"
    assert "prose" in second.words[0]
    assert any("UT1" in one for one in unclosed_circles(knowledge, found))


def test_the_outage_comes_from_the_hook(knowledge: Knowledge) -> None:
    found = circles_of(knowledge, survivable_outage=lambda nodes: float(len(nodes)))
    assert all(circle.longest_outage_days == len(circle.nodes) for circle in found)


def test_a_circle_without_hold_and_one_opened_in_part() -> None:
    known = knowledge_of(node("a", ("b",)), node("b", ("a", "c"), Gate.ANY), node("c", ("b",), held=True))
    circle = next(one for one in circles_of(known) if "a" in one.nodes)
    assert [hold.opens for hold in circle.holds] == [False]
    assert "only in part" in circle.words[-1]
    alone = knowledge_of(node("a", ("a",)))
    loop = next(one for one in circles_of(alone) if "a" in one.nodes)
    assert loop.nodes == ("a",)
    assert "nothing that is known opens" in loop.words[-1]


def test_without_the_prose_the_variables_have_no_circle(knowledge: Knowledge) -> None:
    cells = tuple(replace(cell, circular=False) for cell in knowledge.catalogue.cells)
    changed = replace(knowledge, catalogue=replace(knowledge.catalogue, cells=cells))
    assert not any("l2/satellite_orbits" in circle.nodes for circle in circles_of(changed))

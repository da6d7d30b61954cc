"""Invariants of gates, cut sets and closures on random graphs with circles."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_workflows import knowledge_of, node, workflow
from fiducial.chain.gates import availability, gate_network
from fiducial.chain.single_points import cut_sets
from fiducial.chain.structure import DirectedGraph
from fiducial.chain.workflow import Gate, Workflow

NAMES = tuple("abcdefg")


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    nodes = []
    for name in NAMES:
        inputs = tuple(draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4)))
        required = draw(st.integers(1, len(inputs))) if inputs else 0
        nodes.append(node(name, inputs, Gate.K, required, held=draw(st.booleans())))
    return workflow(*nodes)


def _brute(network_of: Workflow, lost: set[str], *, held: bool) -> set[str]:
    """Return the greatest fixed point as the union of all fixed points, found by trying every set."""
    found: set[str] = set()
    for size in range(len(NAMES) + 1):
        for chosen in combinations(NAMES, size):
            up = set(chosen)
            after = {
                one.id
                for one in network_of.nodes
                if (held and one.breaks_cycle)
                or (one.id not in lost and (not one.inputs or len(up & set(one.inputs)) >= one.required))
            }
            if after == up:
                found |= up
    return found


@given(workflows(), st.sets(st.sampled_from(NAMES)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_availability_is_the_greatest_fixed_point(chain: Workflow, lost: set[str], held: bool) -> None:
    up = availability(gate_network(chain), np.array([name in lost for name in NAMES]), held=held)
    assert {name for name, works in zip(NAMES, up, strict=True) if works} == _brute(chain, lost, held=held)


@given(workflows(), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_more_lost_never_means_more_working(chain: Workflow, one: set[str], more: set[str], start: bool) -> None:
    network = gate_network(chain)
    lost = np.array([[name in one for name in NAMES], [name in one | more for name in NAMES]])
    less, least = availability(network, lost, start_up=start)
    assert not (least & ~less).any()
    assert not (availability(network, lost, start_up=True) & ~availability(network, lost)).any()
    assert not (availability(network, lost, held=False) & ~availability(network, lost)).any()


@given(workflows(), st.permutations(range(len(NAMES))))
@settings(max_examples=40, deadline=None)
def test_the_order_of_nodes_does_not_matter(chain: Workflow, order: list[int]) -> None:
    other = workflow(*(chain.nodes[k] for k in order))
    nothing = np.zeros(len(NAMES), dtype=bool)
    first = dict(zip(NAMES, availability(gate_network(chain), nothing).tolist(), strict=True))
    second = availability(gate_network(other), nothing).tolist()
    assert first == {chain.nodes[k].id: works for k, works in zip(order, second, strict=True)}


@given(workflows())
@settings(max_examples=15, deadline=None)
def test_cut_sets_are_all_the_minimal_ones(chain: Workflow) -> None:
    found = cut_sets(knowledge_of(*chain.nodes), "a", order=3)
    network = gate_network(chain)
    stopping = [
        set(cut)
        for size in (1, 2, 3)
        for cut in combinations(NAMES[1:], size)
        if not availability(network, np.array([name in cut for name in NAMES]))[0]
    ]
    minimal = {frozenset(cut) for cut in stopping if not any(other < cut for other in stopping)}
    assert {frozenset(cut.nodes) for cut in found.cuts} == (minimal if found.works else set())


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(
    st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30))))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_closures_equal_those_by_matrix_powers(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = drawn
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    graph = DirectedGraph(count, ends[:, 0], ends[:, 1])
    step = np.zeros((count, count), dtype=bool)
    step[ends[:, 0], ends[:, 1]] = True
    distance = np.full((count, count), -1)
    np.fill_diagonal(distance, 0)
    reach = np.eye(count, dtype=bool)
    for length in range(1, count):
        reach = (reach.astype(int) @ step) > 0
        distance[reach & (distance < 0)] = length
    for one in range(count):
        nodes, far = graph.descendants(one)
        assert dict(zip(nodes.tolist(), far.tolist(), strict=True)) == {
            k: int(d) for k, d in enumerate(distance[one]) if d > 0
        }
        nodes, far = graph.ancestors(one)
        assert dict(zip(nodes.tolist(), far.tolist(), strict=True)) == {
            k: int(d) for k, d in enumerate(distance[:, one]) if d > 0
        }
    together = {
        frozenset(k for k in range(count) if k == one or (distance[one, k] > 0 and distance[k, one] > 0))
        for one in range(count)
    }
    circles = {part for part in together if len(part) > 1 or step[min(part), min(part)]}
    assert {frozenset(part) for part in graph.circles()} == circles

"""Circles of dependency: what needs itself in the end, and which held output opens the circle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fiducial.chain.knowledge import Knowledge
from fiducial.chain.structure import DirectedGraph, Edge, Structure, structure_of
from fiducial.chain.structure_paths import merge, shortest_paths, way_of


@dataclass(frozen=True, slots=True)
class CircleHold:
    """A node whose last output serves on and so opens a circle for a time.

    Attributes
    ----------
    node : str
        The workflow node that is held.
    at : str
        Where it stands in the circle: itself, or the variable that its product belongs to.
    days : float or None
        For how long; None where no source says.
    opens : bool
        Whether no circle is left among the other nodes.
    """

    node: str
    at: str
    days: float | None
    source: tuple[str, ...]
    opens: bool


@dataclass(frozen=True, slots=True)
class Circle:
    """Nodes that all depend on each other: a strongly connected component of the structure.

    Attributes
    ----------
    nodes : tuple of str
        In the order of the way round, from the held node where there is one.
    edges : tuple of Edge
        All edges inside.
    stated : tuple of str
        Ids of the circles that a source states and that lie inside.
    longest_outage_days : float or None
        Longest outage that the circle survives, from propagation; None where it was not computed.
    words : tuple of str
        The shortest ways round as sentences, and one on what opens the circle.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    holds: tuple[CircleHold, ...]
    stated: tuple[str, ...]
    longest_outage_days: float | None
    words: tuple[str, ...]


SurvivableOutage = Callable[[Sequence[str]], float | None]
"""From the nodes of a circle to the longest outage in days that it survives, or None."""


def circles_of(
    knowledge: Knowledge, *, structure: Structure | None = None, survivable_outage: SurvivableOutage | None = None
) -> tuple[Circle, ...]:
    """Find every circle of dependency in workflow, products, variables, and what prose says of them.

    Parameters
    ----------
    survivable_outage : callable, optional
        Computes the longest outage that the nodes of a circle survive.
    """
    graph = structure or structure_of(knowledge)
    found = []
    for part in graph.graph.circles():
        nodes = [graph.items[k].id for k in part]
        inside = set(nodes)
        edges = tuple(edge for edge in graph.edges if edge.supplier in inside and edge.consumer in inside)
        holds = _holds(knowledge, edges, nodes)
        opening = next((hold.at for hold in holds if hold.opens), None)
        start = opening or (holds[0].at if holds else nodes[0])
        order = _in_order(graph, start, inside)
        longest = survivable_outage(order) if survivable_outage is not None else None
        words = (*_ways_round(graph, start, inside), *_opened(graph, holds))
        found.append(Circle(order, edges, holds, _stated(knowledge, inside), longest, words))
    return tuple(found)


def unclosed_circles(knowledge: Knowledge, circles: Sequence[Circle]) -> tuple[str, ...]:
    """Return a sentence for every circle that a source states and that the edges of the data do not close."""
    inside = [set(circle.nodes) for circle in circles]
    return tuple(
        f"Stated by {', '.join(cycle.source)}, but no edges of the data close it: {', '.join(cycle.nodes)} ({cycle.kind})."
        for cycle in knowledge.workflow.cycles
        if not any(set(cycle.nodes) <= one for one in inside)
    )


def _holds(knowledge: Knowledge, edges: Sequence[Edge], nodes: Sequence[str]) -> tuple[CircleHold, ...]:
    variable = {product.id: product.egv for product in knowledge.catalogue.products()}
    found = []
    for node in knowledge.workflow.nodes:
        if not node.breaks_cycle and not node.hold_days:
            continue
        places = (node.id, *node.realises, *(variable[one] for one in node.realises if one in variable))
        at = next((one for one in places if one in nodes), None)
        if at is not None:
            found.append(CircleHold(node.id, at, node.hold_days, node.source, not _has_circle(edges, {at}, nodes)))
    return tuple(found)


def _has_circle(edges: Sequence[Edge], without: set[str], nodes: Sequence[str]) -> bool:
    number = {one: k for k, one in enumerate(nodes)}
    left = [edge for edge in edges if edge.supplier not in without and edge.consumer not in without]
    ends = np.array([(number[edge.supplier], number[edge.consumer]) for edge in left], dtype=np.int64).reshape(-1, 2)
    return bool(DirectedGraph(len(nodes), ends[:, 0], ends[:, 1]).circles())


def _in_order(structure: Structure, start: str, inside: set[str]) -> tuple[str, ...]:
    order, seen = [start], {start}
    for one in order:
        for other in structure.consumers(one):
            if other in inside and other not in seen:
                seen.add(other)
                order.append(other)
    return tuple(order)


def _ways_round(structure: Structure, start: str, inside: set[str]) -> list[str]:
    rounds = []
    for first in structure.consumers(start):
        if first in inside:
            back = [(start,)] if first == start else shortest_paths(structure, first, start, inside)
            rounds += [(start, *path) for path in back]
    merged = merge(structure, rounds)
    return [way_of(structure, steps).words for steps in merged]


def _opened(structure: Structure, holds: Sequence[CircleHold]) -> list[str]:
    if not holds:
        return ["No node inside has a hold, so nothing that is known opens this circle."]
    told = []
    for hold in holds:
        name = structure.item(hold.node).name
        if hold.at != hold.node:
            name += f", which makes a product of {structure.item(hold.at).name},"
        days = "for a time no source gives" if hold.days is None else f"for {hold.days:g} days"
        effect = "opens the circle" if hold.opens else "opens it only in part"
        sources = f" ({', '.join(hold.source)})" if hold.source else ""
        told.append(f"The held {name} serves on {days} and {effect}{sources}.")
    return told


def _stated(knowledge: Knowledge, inside: set[str]) -> tuple[str, ...]:
    stated = [
        f"{cycle.kind} ({', '.join(cycle.nodes)})" for cycle in knowledge.workflow.cycles if set(cycle.nodes) <= inside
    ]
    stated += [
        f"matrix cell {cell.supplier}, {cell.consumer}"
        for cell in knowledge.catalogue.cells
        if cell.circular and {cell.supplier, cell.consumer} <= inside
    ]
    return tuple(stated)

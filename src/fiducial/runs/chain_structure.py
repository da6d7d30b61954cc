"""Structure of the chain, ready to print: what is upstream and downstream, paths, single points, circles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fiducial.chain.circles import Circle, circles_of, unclosed_circles
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.single_points import Cut, CutSets, Substitutes, cut_sets
from fiducial.chain.structure import Item, structure_of
from fiducial.chain.structure_names import find_item
from fiducial.chain.structure_paths import Paths, paths_between
from fiducial.runs.chain_survival import circle_survivals

Direction = Literal["upstream", "downstream"]


@dataclass(frozen=True, slots=True)
class Reach:
    """All that stands upstream or downstream of a node, nearest first, with the number of edges between."""

    node: Item
    direction: Direction
    reached: tuple[tuple[Item, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        found = [{"id": one.id, "name": one.name, "kind": str(one.kind), "distance": far} for one, far in self.reached]
        return {"node": self.node.id, "direction": self.direction, "reached": found}


def find_reach(knowledge: Knowledge, node: str, direction: Direction) -> Reach:
    """Find what stands upstream or downstream of a node, given by id, acronym or name.

    Raises
    ------
    InputError
        FID-1410, FID-1411 when the name is unknown or ambiguous.
    """
    structure = structure_of(knowledge)
    item = find_item(structure, node)
    found = structure.upstream(item.id) if direction == "upstream" else structure.downstream(item.id)
    return Reach(item, direction, tuple((structure.item(one.id), one.distance) for one in found))


def find_paths(knowledge: Knowledge, supplier: str, consumer: str, limit: int = 10) -> Paths:
    """Find the paths from one node to another, both given by id, acronym or name.

    Raises
    ------
    InputError
        FID-1410, FID-1411 when a name is unknown or ambiguous, FID-1415 when the limit is not positive.
    """
    structure = structure_of(knowledge)
    ends = [find_item(structure, one).id for one in (supplier, consumer)]
    return paths_between(structure, ends[0], ends[1], limit=limit)


def paths_dict(paths: Paths) -> dict[str, Any]:
    """Return paths as plain values for JSON."""
    return {**asdict(paths), "note": paths.note()}


@dataclass(frozen=True, slots=True)
class SinglePointReport:
    """What stops a product, without and with substitutes.

    Attributes
    ----------
    names : dict of str
        Names of the nodes by id.
    with_substitutes : CutSets or None
        None where they were not asked for, or none are known for the target.
    """

    names: dict[str, str]
    without: CutSets
    with_substitutes: CutSets | None

    def stays(self, cut: Cut) -> bool | None:
        """Tell whether a set of nodes still stops the target when substitutes count; None when that is not known."""
        if self.with_substitutes is None:
            return None
        return any(set(one.nodes) <= set(cut.nodes) for one in self.with_substitutes.cuts)

    def rows(self, size: int) -> list[tuple[str, str, str, str]]:
        """Return the cut sets of a size, real ones first: nodes, what they are, fate with substitutes, way of failure."""
        told = {True: "stays", False: "vanishes", None: ""}
        return [
            (
                " and ".join(self.names[one] for one in cut.nodes),
                "real" if cut.real else "group",
                told[self.stays(cut)],
                cut.because,
            )
            for real in (True, False)
            for cut in self.without.of_size(size, real=real)
        ]

    def notes(self) -> list[str]:
        """Return what must be said beside the tables."""
        found = self.without
        frame = "held" if found.frame_held else "no longer held"
        notes = [f"Frame {frame}; {found.tried} nodes upstream tried alone and in sets of up to {found.order}."]
        if len(found.nodes) > 1:
            notes.append(
                f"{found.target} is there while one of {', '.join(self.names[one] for one in found.nodes)} works."
            )
        if not found.works:
            notes.append("With nothing lost the target does not work: no gate lets it.")
        singles = found.of_size(1, real=True)
        notes.append(f"Real single points: {self._listed(singles)}.")
        if self.with_substitutes is None:
            return notes
        notes.append(f"With substitutes these stay: {self._listed([cut for cut in singles if self.stays(cut)])}.")
        if self.with_substitutes.nodes == found.nodes and found.substitutes is not self.with_substitutes.substitutes:
            notes.append("No substitute of the target itself is known.")
        known = {cut.nodes for cut in found.cuts}
        new = [cut for cut in self.with_substitutes.cuts if cut.nodes not in known]
        notes += [
            f"With substitutes, {' and '.join(self.names[one] for one in cut.nodes)} stop it together"
            f"{'' if cut.real else ' (a group among them)'}."
            for cut in new
            if len(cut.nodes) > 1
        ]
        return notes

    def _listed(self, cuts: Sequence[Cut]) -> str:
        return ", ".join(self.names[cut.nodes[0]] for cut in cuts) or "none"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        cuts = [
            {**asdict(cut), "real": cut.real, "stays_with_substitutes": self.stays(cut)} for cut in self.without.cuts
        ]
        return {
            "target": self.without.target,
            "nodes": list(self.without.nodes),
            "frame_held": self.without.frame_held,
            "works": self.without.works,
            "single_points": list(self.without.singles()),
            "pairs": [list(cut.nodes) for cut in self.without.of_size(2, real=True)],
            "cut_sets": cuts,
            "with_substitutes": None if self.with_substitutes is None else _substituted(self.with_substitutes),
            "notes": self.notes(),
        }


def _substituted(found: CutSets) -> dict[str, Any]:
    return {
        "substitutes": str(found.substitutes),
        "nodes": list(found.nodes),
        "single_points": list(found.singles()),
        "cut_sets": [{**asdict(cut), "real": cut.real} for cut in found.cuts],
    }


def find_single_points(
    knowledge: Knowledge, target: str, *, substitutes: Substitutes, frame_held: bool = True, order: int = 2
) -> SinglePointReport:
    """Find what stops a product alone and in small sets, and what of that vanishes with substitutes.

    Parameters
    ----------
    substitutes : Substitutes
        Those to compare with; none to leave the comparison out.

    Raises
    ------
    InputError
        As :func:`~fiducial.chain.single_points.cut_sets`.
    """
    structure = structure_of(knowledge)
    without = cut_sets(knowledge, target, frame_held=frame_held, order=order, structure=structure)
    compared = None
    if substitutes is not Substitutes.NONE:
        compared = cut_sets(
            knowledge, target, substitutes=substitutes, frame_held=frame_held, order=order, structure=structure
        )
    return SinglePointReport({node.id: node.name for node in knowledge.workflow.nodes}, without, compared)


@dataclass(frozen=True, slots=True)
class CycleReport:
    """Circles of the chain, and those that a source states but the data do not close."""

    circles: tuple[Circle, ...]
    unclosed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an outage that may last for ever is null with ``survives_any_outage``."""
        found = []
        for circle in self.circles:
            record = asdict(circle)
            for edge in record["edges"]:
                edge["relation"] = str(edge["relation"])
            days = circle.longest_outage_days
            record["survives_any_outage"] = None if days is None else math.isinf(days)
            record["longest_outage_days"] = None if days is None or math.isinf(days) else days
            found.append(record)
        return {"cycles": found, "unclosed": list(self.unclosed)}


def find_cycles(knowledge: Knowledge, *, survival: bool = True) -> CycleReport:
    """Find the circles of the chain, what opens each, and the longest outage that it survives.

    Parameters
    ----------
    survival : bool
        Whether to compute that outage by propagation, which takes some seconds.
    """
    hook = None
    if survival:
        survivals = circle_survivals(knowledge)

        def hook(nodes: Sequence[str]) -> float | None:
            # The network of propagation works on streams of products, so a circle of it holds at least these nodes.
            inside = [one for one in survivals if len(set(one.nodes) & set(nodes)) > 1]
            if not inside:
                return None
            return min((one.longest_days for circle in inside for one in circle.survivals), default=math.inf)

    circles = circles_of(knowledge, survivable_outage=hook)
    return CycleReport(circles, unclosed_circles(knowledge, circles))

"""What stops a product alone (N-1), in pairs (N-2), or in larger sets: the minimal cut sets of its gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, islice
from typing import Final

import numpy as np

from fiducial.chain.gates import Flags, GateNetwork, availability, gate_network
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.structure import DirectedGraph, Kind, Structure, structure_of
from fiducial.chain.structure_names import find_item
from fiducial.chain.structure_paths import merge, shortest_paths, way_of
from fiducial.chain.workflow import Gate, Workflow
from fiducial.errors import InputError

_BATCH: Final = 4096
_LARGEST: Final = 3
_SUBSTITUTED: Final = "delivered_product"


class Substitutes(StrEnum):
    """Which substitutes count: none; those that stand ready; and also those that could take over, but do not today."""

    NONE = "none"
    READY = "ready"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Cut:
    """A minimal set of nodes whose loss stops the target.

    Attributes
    ----------
    nodes : tuple of str
    groups : tuple of str
        Those of them that stand for many: a real loss of them is the loss of all their members at once.
    because : str
        The way of the failure from the first of the nodes to the target.
    """

    nodes: tuple[str, ...]
    groups: tuple[str, ...]
    because: str

    @property
    def real(self) -> bool:
        """Whether no node of the set stands for many."""
        return not self.groups


@dataclass(frozen=True, slots=True)
class CutSets:
    """Minimal cut sets of a target.

    Attributes
    ----------
    target : str
        What was asked for.
    nodes : tuple of str
        Workflow nodes of which one at least must work; several where several make the product.
    works : bool
        Whether the target works when nothing is lost; if not, there are no cut sets.
    tried : int
        Nodes upstream whose loss was tried.
    order : int
        Largest size tried.
    """

    target: str
    nodes: tuple[str, ...]
    substitutes: Substitutes
    frame_held: bool
    works: bool
    tried: int
    order: int
    cuts: tuple[Cut, ...]

    def of_size(self, size: int, *, real: bool | None = None) -> tuple[Cut, ...]:
        """Return the cut sets of one size: all, those of real nodes, or those with a node that stands for many."""
        return tuple(cut for cut in self.cuts if len(cut.nodes) == size and (real is None or cut.real == real))

    def singles(self) -> tuple[str, ...]:
        """Return the ids of the real single points of failure."""
        return tuple(cut.nodes[0] for cut in self.of_size(1, real=True))


def cut_sets(
    knowledge: Knowledge,
    target: str,
    *,
    substitutes: Substitutes = Substitutes.NONE,
    frame_held: bool = True,
    order: int = 2,
    structure: Structure | None = None,
) -> CutSets:
    """Find every minimal set of nodes, up to a size, whose loss stops a target.

    Parameters
    ----------
    target : str
        Workflow node or product, by id or name. A product made by several nodes is there while one of them works.
    substitutes : Substitutes
        Ready ones: a delivered product behind a gate of which the target is one of several inputs. Possible ones: what the
        data name as alternates of a node.
    frame_held : bool
        Whether nodes that break a circle by their hold serve on; False once the hold has expired.
    order : int
        Largest size, 1 to 3.

    Raises
    ------
    InputError
        FID-1410, FID-1411 for a name that is unknown or ambiguous; FID-1413 when no workflow node makes the target;
        FID-1415 for a size that is not computed.
    """
    if not 1 <= order <= _LARGEST:
        raise InputError(
            "FID-1415", f"cut sets of {order} nodes are not computed", where="order", fix="give 1, 2 or 3",
        )  # fmt: skip
    graph = structure or structure_of(knowledge)
    workflow = knowledge.workflow
    makers = makers_of(workflow, graph, target)
    ends = makers if substitutes is Substitutes.NONE else with_substitutes(workflow, makers)
    network = gate_network(workflow)
    search = _Search(network, [network.number(one) for one in ends], frame_held, substitutes is Substitutes.POSSIBLE)
    groups = {node.id for node in workflow.nodes if node.group}
    cuts = []
    for found in search.run(order):
        names = tuple(network.ids[k] for k in found)
        because = _because(graph, network, search, found, ends)
        cuts.append(Cut(names, tuple(one for one in names if one in groups), because))
    return CutSets(
        find_item(graph, target).id, ends, substitutes, frame_held, search.works, len(search.candidates), order,
        tuple(cuts),
    )  # fmt: skip


def makers_of(workflow: Workflow, structure: Structure, target: str) -> tuple[str, ...]:
    """Return the workflow nodes that a target stands for: itself, or those that make the product.

    Raises
    ------
    InputError
        FID-1413 when there is none.
    """
    item = find_item(structure, target)
    if item.kind is Kind.WORKFLOW:
        return (item.id,)
    makers = tuple(node.id for node in workflow.nodes if item.id in node.realises)
    if not makers:
        known = sorted({one for node in workflow.nodes for one in node.realises})
        raise InputError(
            "FID-1413", f"no workflow node makes {item.id}, so nothing tells what stops it", where=target,
            fix=f"give a workflow node, or one of the products {', '.join(known)}",
        )  # fmt: skip
    return makers


def with_substitutes(workflow: Workflow, nodes: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes that deliver what these make or a substitute, where there are such; the nodes themselves elsewhere."""
    found: list[str] = []
    for one in nodes:
        delivered = [
            node.id
            for node in workflow.nodes
            if node.kind == _SUBSTITUTED and node.gate is Gate.ANY and len(node.inputs) > 1 and one in node.inputs
        ]
        found += delivered or [one]
    return tuple(dict.fromkeys(found))


class _Search:
    """Tries sets of growing size and keeps those that hold no smaller one."""

    def __init__(self, network: GateNetwork, ends: Sequence[int], held: bool, alternates: bool) -> None:
        self.network = network
        self.ends = list(ends)
        self.held = held
        self.alternates = alternates
        self.candidates = self._candidates()
        self.works = bool(self.state(np.zeros((1, len(network.ids)), dtype=bool))[0, self.ends].any())

    def _candidates(self) -> list[int]:
        consumer, supplier = self.network.inputs.nonzero()
        original, alternate = self.network.alternates.nonzero()
        if self.alternates:
            # An alternate serves whoever its original serves, so that it stands upstream of the same nodes.
            supplier, consumer = np.append(supplier, alternate), np.append(consumer, original)
        graph = DirectedGraph(len(self.network.ids), np.asarray(supplier, np.int64), np.asarray(consumer, np.int64))
        found = {int(one) for end in self.ends for one in graph.ancestors(end)[0]}
        return sorted(found - set(self.ends))

    def state(self, lost: Flags) -> Flags:
        """Return which nodes work in each scenario."""
        return availability(self.network, lost, held=self.held, alternates=self.alternates)

    def run(self, order: int) -> list[tuple[int, ...]]:
        """Return the minimal cut sets up to a size, the smaller first."""
        found: list[tuple[int, ...]] = []
        if not self.works:
            return found
        for size in range(1, order + 1):
            smaller = [set(one) for one in found]
            single = {one for cut in smaller if len(cut) == 1 for one in cut}
            sets = combinations([one for one in self.candidates if one not in single], size)
            larger = [cut for cut in smaller if len(cut) > 1]
            for batch in _batches(one for one in sets if not any(cut.issubset(one) for cut in larger)):
                lost = np.zeros((len(batch), len(self.network.ids)), dtype=bool)
                lost[np.arange(len(batch))[:, None], np.array(batch)] = True
                stopped = np.logical_not(self.state(lost)[:, self.ends].any(axis=1))
                found += [one for one, down in zip(batch, stopped.tolist(), strict=True) if down]
        return found


def _batches(sets: Iterator[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    while batch := list(islice(sets, _BATCH)):
        yield batch


def _because(
    structure: Structure, network: GateNetwork, search: _Search, cut: Sequence[int], ends: Sequence[str]
) -> str:
    lost = np.zeros((1, len(network.ids)), dtype=bool)
    lost[0, list(cut)] = True
    down = [network.ids[k] for k in np.flatnonzero(~search.state(lost)[0])]
    for end in ends:
        paths = shortest_paths(structure, network.ids[cut[0]], end, down)
        if paths:
            return way_of(structure, merge(structure, paths)[0]).words
    return ""

"""What stands upstream and downstream of what: one directed graph, supplier → consumer, of all that is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from fiducial.chain.egv import Strength
from fiducial.chain.workflow import Gate, WorkflowNode
from fiducial.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fiducial.chain.knowledge import Knowledge

Indices = NDArray[np.int64]

_PARENTHESIS: Final = "("


class Kind(StrEnum):
    """What a node of the structure is."""

    WORKFLOW = "workflow node"
    PRODUCT = "product"
    VARIABLE = "variable"


class Relation(StrEnum):
    """What an edge of the structure says, and where it was read."""

    INPUT = "input"
    REALISES = "realises"
    CONTRIBUTES = "contributes"
    MATRIX = "matrix"
    REFINES = "refines"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Item:
    """A node of the structure.

    Attributes
    ----------
    role : str
        Kind of the workflow node, level of the variable or of the product's variable: nodes of one role that do the same
        in a path are told together.
    """

    id: str
    name: str
    kind: Kind
    role: str
    acronym: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of the structure: the consumer uses the supplier.

    Attributes
    ----------
    words : str
        What the consumer does with it: the gate on its inputs, or the strength of the dependency.
    source : tuple of str
        Ids of the documents that say so; empty where the record it was made from names none.
    """

    supplier: str
    consumer: str
    relation: Relation
    words: str
    strength: Strength | None = None
    source: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """A node reached from another, and over how many edges at least."""

    id: str
    distance: int


class DirectedGraph:
    """A directed graph on node numbers, for closures of very large graphs.

    Parameters
    ----------
    size : int
        Number of nodes.
    suppliers, consumers : ndarray, shape (edge,)
        Node numbers.
    """

    def __init__(self, size: int, suppliers: Indices, consumers: Indices) -> None:
        self.size = size
        self.suppliers = np.asarray(suppliers, dtype=np.int64)
        self.consumers = np.asarray(consumers, dtype=np.int64)

    def _sparse(self, rows: Indices, columns: Indices) -> csr_array:
        return csr_array((np.ones(rows.size), (rows, columns)), shape=(self.size, self.size))

    @cached_property
    def forward(self) -> csr_array:
        """Adjacency, shape (supplier, consumer)."""
        return self._sparse(self.suppliers, self.consumers)

    @cached_property
    def backward(self) -> csr_array:
        """Adjacency, shape (consumer, supplier)."""
        return self._sparse(self.consumers, self.suppliers)

    def ancestors(self, node: int) -> tuple[Indices, Indices]:
        """Return all that a node uses, directly or not, nearest first, with the distances; the node itself is left out."""
        return _reach(self.backward, node)

    def descendants(self, node: int) -> tuple[Indices, Indices]:
        """Return all that uses a node, directly or not, nearest first, with the distances; the node itself is left out."""
        return _reach(self.forward, node)

    def circles(self) -> list[list[int]]:
        """Return the strongly connected components that hold a circle, each sorted, in the order of their first node."""
        graph: rx.PyDiGraph[int, None] = rx.PyDiGraph()
        graph.add_nodes_from(range(self.size))
        graph.add_edges_from_no_data(list(zip(self.suppliers.tolist(), self.consumers.tolist(), strict=True)))
        loops = set(self.suppliers[self.suppliers == self.consumers].tolist())
        found = (sorted(part) for part in rx.strongly_connected_components(graph))
        return sorted(part for part in found if len(part) > 1 or part[0] in loops)


def _reach(adjacency: csr_array, start: int) -> tuple[Indices, Indices]:
    order, before = breadth_first_order(adjacency, start)
    place = np.empty(adjacency.shape[0], dtype=np.int64)
    place[order] = np.arange(order.size)
    parent = place[before[order[1:]]]
    # Breadth-first order visits level after level, so the places of the parents never decrease and a level ends where
    # they pass the end of the level before.
    distance = np.empty(order.size - 1, dtype=np.int64)
    first, level, reached = 0, 1, 1
    while first < parent.size:
        last = int(np.searchsorted(parent, reached))
        distance[first:last] = level
        first, level, reached = last, level + 1, last + 1
    return order[1:].astype(np.int64), distance


class Structure:
    """The graph of everything: workflow nodes, products, variables, and what each says of the others.

    Parameters
    ----------
    items : sequence of Item
        Ids must differ.
    edges : sequence of Edge
        Parallel edges are kept (they say different things); for closures and paths they count once.

    Raises
    ------
    InputError
        FID-1412 for two nodes of one id, or an edge to a node that does not exist.
    """

    def __init__(self, items: Iterable[Item], edges: Iterable[Edge]) -> None:
        self.items = tuple(items)
        self.edges = tuple(edges)
        self._number = {item.id: k for k, item in enumerate(self.items)}
        if len(self._number) < len(self.items):
            twice = sorted(identity for identity, count in Counter(item.id for item in self.items).items() if count > 1)
            raise _broken(f"two nodes have the id {twice[0]}")
        for edge in self.edges:
            for end in (edge.supplier, edge.consumer):
                if end not in self._number:
                    raise _broken(f"the edge {edge.supplier} → {edge.consumer} names {end}, which is no node")
        pairs = sorted({(self._number[edge.supplier], self._number[edge.consumer]) for edge in self.edges})
        ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self.graph = DirectedGraph(len(self.items), ends[:, 0], ends[:, 1])
        self._between: dict[tuple[str, str], list[Edge]] = {}
        self._into: dict[str, tuple[Edge, ...]] = {}
        for edge in self.edges:
            self._between.setdefault((edge.supplier, edge.consumer), []).append(edge)
            self._into[edge.consumer] = (*self._into.get(edge.consumer, ()), edge)

    def __contains__(self, identity: str) -> bool:
        return identity in self._number

    def number(self, identity: str) -> int:
        """Return the number of a node; ``KeyError`` when there is none."""
        return self._number[identity]

    def item(self, identity: str) -> Item:
        """Return a node by its id; ``KeyError`` when there is none."""
        return self.items[self._number[identity]]

    def between(self, supplier: str, consumer: str) -> tuple[Edge, ...]:
        """Return the edges from one node to another."""
        return tuple(self._between.get((supplier, consumer), ()))

    def into(self, identity: str) -> tuple[Edge, ...]:
        """Return the edges that lead to a node."""
        return self._into.get(identity, ())

    def followers(self, number: int) -> list[int]:
        """Return the numbers of those that use a node directly."""
        found: list[int] = self.graph.forward.indices[
            self.graph.forward.indptr[number] : self.graph.forward.indptr[number + 1]
        ].tolist()
        return found

    def consumers(self, identity: str) -> tuple[str, ...]:
        """Return the ids of those that use a node directly."""
        return tuple(self.items[k].id for k in self.followers(self._number[identity]))

    def upstream(self, identity: str) -> tuple[Reached, ...]:
        """Return all that a node uses, nearest first."""
        return self._named(self.graph.ancestors(self._number[identity]))

    def downstream(self, identity: str) -> tuple[Reached, ...]:
        """Return all that uses a node, nearest first."""
        return self._named(self.graph.descendants(self._number[identity]))

    def _named(self, found: tuple[Indices, Indices]) -> tuple[Reached, ...]:
        reached = (
            Reached(self.items[k].id, int(far)) for k, far in zip(found[0].tolist(), found[1].tolist(), strict=True)
        )
        return tuple(sorted(reached, key=lambda one: (one.distance, self._number[one.id])))


def structure_of(knowledge: Knowledge) -> Structure:
    """Build the graph of everything from what is known.

    Edges: inputs of workflow nodes with their gate; workflow node → product it realises; product → variable; cells of the
    Level 2 → Level 3 matrix with their strength; links between products that refine a cell; and what only prose says:
    links that refine no cell, and the way back of every cell marked as circular.

    Raises
    ------
    InputError
        FID-1412 for ids that collide or are unknown.
    """
    return Structure(_items(knowledge), (*_workflow_edges(knowledge.workflow.nodes), *_other_edges(knowledge)))


def gate_words(node: WorkflowNode) -> str:
    """Return what a workflow node needs of its inputs, in words."""
    count = len(node.inputs)
    if count == 1:
        return "needs it"
    if node.gate is Gate.ALL or node.required >= count:
        return "needs both inputs" if count == 2 else f"needs all {count} inputs"
    if node.gate is Gate.ANY or node.required == 1:
        return f"needs any of {count} inputs"
    return f"needs {node.required} of {count} inputs"


def _items(knowledge: Knowledge) -> list[Item]:
    items = [Item(node.id, node.name, Kind.WORKFLOW, node.kind) for node in knowledge.workflow.nodes]
    for egv in knowledge.catalogue.egvs:
        items += [
            Item(product.id, product.name, Kind.PRODUCT, f"{egv.level} product", product.acronym)
            for product in egv.products
        ]
        _, _, inside = egv.name.partition(_PARENTHESIS)
        items.append(Item(egv.id, egv.name, Kind.VARIABLE, egv.level, inside.rstrip(")") or None))
    return items


def _workflow_edges(nodes: Sequence[WorkflowNode]) -> list[Edge]:
    edges = []
    for node in nodes:
        words = gate_words(node)
        edges += [Edge(one, node.id, Relation.INPUT, words, None, node.source) for one in node.inputs]
        edges += [Edge(node.id, one, Relation.REALISES, "made by it", None, node.source) for one in node.realises]
    return edges


def _other_edges(knowledge: Knowledge) -> list[Edge]:
    catalogue = knowledge.catalogue
    edges = [
        Edge(product.id, egv.id, Relation.CONTRIBUTES, "which it is a product of")
        for egv in catalogue.egvs
        for product in egv.products
    ]
    for cell in catalogue.cells:
        edges.append(Edge(cell.supplier, cell.consumer, Relation.MATRIX, cell.strength, cell.strength))
        if cell.circular:
            edges.append(Edge(cell.consumer, cell.supplier, Relation.PROSE, "circular, stated in prose only"))
    for link in knowledge.dependencies.links:
        strength = link.strength
        if strength is None and link.refines is not None:
            strength = catalogue.strength(*link.refines)
        relation = Relation.PROSE if link.refines is None else Relation.REFINES
        words = "used" if strength is None else str(strength)
        edges.append(Edge(link.supplier, link.consumer, relation, words, strength, link.source))
    return edges


def _broken(problem: str) -> InputError:
    return InputError("FID-1412", problem, where="chain", fix="give every node one id, and name only nodes that exist")

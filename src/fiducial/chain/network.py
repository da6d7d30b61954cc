"""A dependency network for propagation: nodes with a law for their inputs, edges with a law for the age of what they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Curve = tuple[tuple[float, float], ...]


class NodeLaw(IntEnum):
    """How the losses u of a node's inputs make its loss of production f.

    FUNCTIONAL
        f = max(1 - product of (1 - alpha u), largest u - beta): strength and criticality of dependency (Garvey and Pinto 2009).
    ORDER
        k of n inputs are needed: f is the k-th smallest u. All: the weakest link; any: the best of them.
    SUM
        f = min(1, sum of alpha u + c): the linear case (Haimes et al. 2005, equation 4), imposed failures added to it.
    MEAN
        f = mean of alpha u: a group judged by the share of its members lost.
    CURVE
        f = g(sum of u): a measured loss against the number of inputs lost.
    """

    FUNCTIONAL = 0
    ORDER = 1
    SUM = 2
    MEAN = 3
    CURVE = 4


class EdgeLaw(IntEnum):
    """How the loss u of an input follows from its supplier; s is the share replaced by another source.

    HELD
        u = (1 - s) (1 - exp(-max(0, A - H) / W)): the last output serves for H, then decays by W.
    CURVE
        u = (1 - s) g(A): loss as a function of age, given as a table.
    DIRECT
        u = (1 - s) q: nothing is held.
    """

    HELD = 0
    CURVE = 1
    DIRECT = 2


@dataclass(frozen=True, slots=True)
class Network:
    """Topology of a dependency network; edges are ordered by consumer.

    Attributes
    ----------
    nodes : tuple of str, length N
        Ids.
    law : ndarray, shape (N,)
        :class:`NodeLaw`.
    required : ndarray, shape (N,)
        The k of ORDER nodes; 0 elsewhere.
    supplier, consumer : ndarray, shape (E,)
        Indices of nodes.
    first_edge : ndarray, shape (N + 1,)
        Edges first_edge[i] to first_edge[i + 1] lead to node i.
    edge_law : ndarray, shape (E,)
        :class:`EdgeLaw`.
    edge_curve, node_curve : ndarray, shape (E + 1,), (N + 1,)
        Where the curve of an edge or node begins and ends in ``curve_x`` and ``curve_y``; empty where it has none.
    curve_x, curve_y : ndarray, shape (P,)
        Points of all curves: age in days or number of inputs, ascending; loss in [0, 1], not falling.
    """

    nodes: tuple[str, ...]
    law: IntArray
    required: IntArray
    supplier: IntArray
    consumer: IntArray
    first_edge: IntArray
    edge_law: IntArray
    edge_curve: IntArray
    node_curve: IntArray
    curve_x: FloatArray
    curve_y: FloatArray

    def index(self, node: str) -> int:
        """Return the index of a node; ``KeyError`` when there is none."""
        try:
            return self.nodes.index(node)
        except ValueError:
            raise KeyError(node) from None


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node to build a network from; ``curve`` belongs to ``NodeLaw.CURVE``."""

    id: str
    law: NodeLaw = NodeLaw.FUNCTIONAL
    required: int = 0
    curve: Curve = ()


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """An edge to build a network from; ``curve`` belongs to ``EdgeLaw.CURVE``."""

    supplier: str
    consumer: str
    law: EdgeLaw = EdgeLaw.HELD
    curve: Curve = ()


def build_network(nodes: Sequence[NodeSpec], edges: Sequence[EdgeSpec]) -> tuple[Network, IntArray]:
    """Build a network.

    Parameters
    ----------
    nodes, edges : sequence
        The order of nodes is kept, edges are ordered by consumer.

    Returns
    -------
    network : Network
    order : ndarray, shape (E,)
        Index in ``edges`` of every edge of the network.

    Raises
    ------
    InputError
        FID-1420 when an id stands twice, an edge names an unknown node, an ORDER node needs more inputs than it has, or a
        curve is empty, falls, begins with a loss, or leaves [0, 1].
    """
    position = {node.id: index for index, node in enumerate(nodes)}
    if len(position) != len(nodes):
        raise _fault("an id stands twice among the nodes", "nodes")
    for edge in edges:
        for end in (edge.supplier, edge.consumer):
            if end not in position:
                raise _fault(f"an edge names the unknown node {end!r}", f"{edge.supplier} → {edge.consumer}")
    supplier = np.array([position[edge.supplier] for edge in edges], dtype=np.int64)
    consumer = np.array([position[edge.consumer] for edge in edges], dtype=np.int64)
    order = np.argsort(consumer, kind="stable")
    ordered = [edges[index] for index in order]
    first_edge = np.searchsorted(consumer[order], np.arange(len(nodes) + 1))
    for node, inputs in zip(nodes, np.diff(first_edge), strict=True):
        if node.law is NodeLaw.ORDER and inputs and not 1 <= node.required <= inputs:
            raise _fault(f"needs {node.required} of {inputs} inputs", node.id)
    edge_curve, edge_points = _curves([(edge.law is EdgeLaw.CURVE, edge.curve, edge.consumer) for edge in ordered])
    node_curve, node_points = _curves([(node.law is NodeLaw.CURVE, node.curve, node.id) for node in nodes])
    points = np.array([*edge_points, *node_points], dtype=float).reshape(-1, 2)
    network = Network(
        tuple(node.id for node in nodes),
        np.array([node.law for node in nodes], dtype=np.int64),
        np.array([node.required for node in nodes], dtype=np.int64),
        supplier[order],
        consumer[order],
        first_edge.astype(np.int64),
        np.array([edge.law for edge in ordered], dtype=np.int64),
        edge_curve,
        node_curve + len(edge_points),
        np.ascontiguousarray(points[:, 0]),
        np.ascontiguousarray(points[:, 1]),
    )
    return network, order.astype(np.int64)


def _curves(entries: Sequence[tuple[bool, Curve, str]]) -> tuple[IntArray, list[tuple[float, float]]]:
    bounds, points = [0], list[tuple[float, float]]()
    for wanted, curve, where in entries:
        if wanted:
            _check_curve(curve, where)
            points.extend(curve)
        bounds.append(len(points))
    return np.array(bounds, dtype=np.int64), points


def _check_curve(curve: Curve, where: str) -> None:
    x, y = [point[0] for point in curve], [point[1] for point in curve]
    if not curve:
        raise _fault("a loss curve without points", where)
    if not all(0 <= age < math.inf for age in x) or not all(0 <= loss <= 1 for loss in y):
        raise _fault("a loss curve must have ages from 0 and losses from 0 to 1", where)
    if any(b <= a for a, b in pairwise(x)) or any(b < a for a, b in pairwise(y)):
        raise _fault("a loss curve must ascend in age and not fall in loss", where)
    if y[0] != 0:
        raise _fault("a loss curve must begin without loss, or something would be lost when nothing fails", where)


def _fault(problem: str, where: str) -> InputError:
    return InputError("FID-1420", problem, where=where, fix="correct the dependency network")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of S samples of a network.

    Attributes
    ----------
    alpha, beta, substitution : ndarray, shape (S, E)
        Strength and criticality of dependency, share replaced by another source; in [0, 1].
    hold_days, decay_days, flush_days : ndarray, shape (S, E)
        H, W and R: for how long a held input serves, e-folding time of its fitness after that, and time that takes age
        away when the supplier works. Days.
    degradation_days, recovery_days : ndarray, shape (S, N)
        Time constants of production, losing and regaining. Days; 0 is at once.
    """

    alpha: FloatArray
    beta: FloatArray
    substitution: FloatArray
    hold_days: FloatArray
    decay_days: FloatArray
    flush_days: FloatArray
    degradation_days: FloatArray
    recovery_days: FloatArray

    @property
    def samples(self) -> int:
        """Number of samples S."""
        return int(self.alpha.shape[0])


def uniform_parameters(network: Network, samples: int = 1, **values: float) -> Parameters:
    """Return the same parameters for all edges and nodes; those not named are 1 for alpha, else 0.

    Raises
    ------
    TypeError
        When a name is not a parameter.
    """
    defaults = dict.fromkeys(Parameters.__slots__, 0.0) | {"alpha": 1.0}
    unknown = set(values) - set(defaults)
    if unknown:
        raise TypeError(f"unknown parameters {sorted(unknown)}")
    merged = defaults | values
    edges, nodes = (samples, network.supplier.size), (samples, len(network.nodes))
    return Parameters(**{name: np.full(nodes if name in _OF_NODES else edges, value) for name, value in merged.items()})


_OF_NODES = frozenset({"degradation_days", "recovery_days"})


def with_values(parameters: Parameters, changes: Mapping[str, FloatArray]) -> Parameters:
    """Return parameters with some arrays replaced."""
    return Parameters(**{name: changes.get(name, getattr(parameters, name)) for name in Parameters.__slots__})

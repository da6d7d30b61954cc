"""Propagation of outages: functional dependencies with buffers, integrated over hours and years alike.

State: production lost q_i in [0, 1] of every node, and the age A_e of what every edge holds (reference: Garvey and Pinto 2009
for the law of dependency, Haimes et al. 2005 for the recursion, Barker and Santos 2010 for the inventory); s is the share replaced by another source::

    dA/dt  = q_j - (1 - q_j) A / R            age grows while the supplier is down and is flushed on its return
    u      = (1 - s) [1 - exp(-max(0, A - H) / W)]
    f_i    = law of the node (network.NodeLaw)
    dq_i/dt = (f_i - q_i) / T_i               T of degradation while f > q, else of recovery

Each step solves both linear equations exactly for a loss q of the supplier that is constant, and a loss f that is linear,
during it. A supplier steps before its consumers, so that a long path takes no time of its own; the nodes of a circle step twice, the
second time with what the first gave. Nodes of the linear case take their inputs from the beginning of a step, as the recursion of
Haimes does. Every step is a monotone map of (q, A, c), so more outage never means less loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from fiducial.chain.network import FloatArray, IntArray, Network, Parameters
from fiducial.chain.propagation_kernel import run_samples
from fiducial.errors import InputError

FIRST_STEP_DAYS = 0.02
GROWTH = 0.02


@dataclass(frozen=True, slots=True)
class Outage:
    """A node out of production: ``level`` 1 is wholly, from ``start_days`` for ``duration_days`` (infinity: for ever)."""

    node: str
    level: float = 1.0
    start_days: float = 0.0
    duration_days: float = math.inf


@dataclass(frozen=True, slots=True)
class Propagation:
    """Production lost over time.

    Attributes
    ----------
    watched : tuple of str, length K
        Nodes recorded.
    time_days : ndarray, shape (T,)
        Times of ``lost``, from the beginning of the first outage or 0.
    lost : ndarray, shape (S, T, K), float32
        Production lost q.
    crossing_days : ndarray, shape (S, K, 2)
        First time at which q reaches 0.1 and 0.5; infinity where it does not within the horizon.
    regained_days : ndarray, shape (S, K)
        Last time at which q falls below 0.1; NaN where it never reached that, infinity where it stays.
    lost_days : ndarray, shape (S, K)
        Integral of q over the horizon.
    final_lost : ndarray, shape (S, N)
        q of all nodes at the horizon.
    final_age_days : ndarray, shape (S, E)
        Ages at the horizon.
    """

    watched: tuple[str, ...]
    time_days: FloatArray
    lost: NDArray[np.float32]
    crossing_days: FloatArray
    regained_days: FloatArray
    lost_days: FloatArray
    final_lost: FloatArray
    final_age_days: FloatArray


def time_steps(
    horizon_days: float,
    outages: Sequence[Outage],
    first_days: float = FIRST_STEP_DAYS,
    growth: float = GROWTH,
) -> FloatArray:
    """Return times that are dense after every beginning and end of an outage and grow sparse from there.

    Parameters
    ----------
    horizon_days : float
        Last time.
    outages : sequence of Outage
        Their beginnings and ends are among the times.
    first_days : float
        First step after an event.
    growth : float
        Share of the time since the last event by which a step grows.

    Returns
    -------
    ndarray, shape (T,)
        Times in days, from 0 to the horizon.

    Raises
    ------
    InputError
        FID-1421 when the horizon is not positive and finite.
    """
    if not (math.isfinite(horizon_days) and horizon_days > 0):
        raise InputError(
            "FID-1421", f"a horizon of {horizon_days} days", where="horizon", fix="give a positive number of days"
        )
    events = {0.0, horizon_days}
    for outage in outages:
        events |= {
            time for time in (outage.start_days, outage.start_days + outage.duration_days) if time < horizon_days
        }
    ordered = sorted(events)
    times = [0.0]
    for begin, end in pairwise(ordered):
        span = end - begin
        count = max(1, math.ceil(math.log1p(growth * span / first_days) / math.log1p(growth)))
        steps = first_days * np.expm1(np.arange(1, count + 1) * math.log1p(growth)) / growth
        times.extend((begin + steps * span / steps[-1]).tolist())
        times[-1] = end
    return np.array(times)


def propagate(
    network: Network,
    parameters: Parameters,
    outages: Sequence[Outage],
    *,
    horizon_days: float,
    watched: Sequence[str] | None = None,
    output_times: int = 0,
    growth: float = GROWTH,
    steps: FloatArray | None = None,
) -> Propagation:
    """Propagate outages through a network.

    Parameters
    ----------
    network : Network
        Topology and laws.
    parameters : Parameters
        S samples.
    outages : sequence of Outage
        What fails, imposed on q (for SUM nodes added to f, as Haimes' demand perturbation c*).
    horizon_days : float
        For how long.
    watched : sequence of str, optional
        Nodes to record; all by default.
    output_times : int
        Times at which ``lost`` is recorded, of those stepped through; 0 records all of them.
    growth : float
        As in :func:`time_steps`.
    steps : ndarray, shape (T,), optional
        Times to step through instead of :func:`time_steps`.

    Returns
    -------
    Propagation

    Raises
    ------
    InputError
        FID-1421 for a horizon, FID-1422 for an outage that is not possible, FID-1423 for parameters out of bounds.
    """
    _check(network, parameters, outages)
    times = time_steps(horizon_days, outages, growth=growth) if steps is None else steps
    names = network.nodes if watched is None else tuple(watched)
    kept = np.array([network.index(name) for name in names], dtype=np.int64)
    outputs = _outputs(times.size, output_times)
    imposed = _imposed(network, outages, times)
    slot = np.full(times.size, -1, dtype=np.int64)
    slot[outputs] = np.arange(outputs.size)
    lost = np.empty((parameters.samples, outputs.size, kept.size), dtype=np.float32)
    crossing = np.full((parameters.samples, kept.size, 2), np.inf)
    regained = np.full((parameters.samples, kept.size), np.nan)
    integral = np.zeros((parameters.samples, kept.size))
    final_lost = np.empty((parameters.samples, len(network.nodes)))
    final_age = np.empty((parameters.samples, network.supplier.size))
    run_samples(
        (network.law, network.required, network.supplier, network.first_edge, network.edge_law, _sequence(network)),
        (network.edge_curve, network.node_curve, network.curve_x, network.curve_y),
        tuple(np.ascontiguousarray(getattr(parameters, name)) for name in Parameters.__slots__),
        (times, *imposed, kept, slot),
        (lost, crossing, regained, integral, final_lost, final_age),
    )
    return Propagation(names, times[outputs], lost, crossing, regained, integral, final_lost, final_age)


def _sequence(network: Network) -> IntArray:
    """Return the order in which nodes step: suppliers before consumers, and the nodes of every circle twice.

    Reverse postorder of a depth-first search that takes sources first, and ids in alphabetical order: it is the same whatever
    order the nodes are given in. Circles (strongly connected components) stand together in the order of their first node.
    """
    count = len(network.nodes)
    rank = {node: place for place, node in enumerate(sorted(range(count), key=network.nodes.__getitem__))}
    onward: list[list[int]] = [[] for _ in range(count)]
    for supplier, consumer in zip(network.supplier.tolist(), network.consumer.tolist(), strict=True):
        onward[supplier].append(consumer)
    inputs = np.diff(network.first_edge)
    done: list[int] = []
    seen: set[int] = set()
    for root in sorted(range(count), key=lambda node: (inputs[node] > 0, rank[node])):
        stack = [] if root in seen else [(root, iter(sorted(onward[root], key=rank.__getitem__)))]
        seen.add(root)
        while stack:
            node, rest = stack[-1]
            following = next((one for one in rest if one not in seen), None)
            if following is None:
                done.append(node)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(sorted(onward[following], key=rank.__getitem__))))
    ones = np.ones(network.supplier.size, dtype=np.int8)
    graph = csr_array((ones, (network.supplier, network.consumer)), shape=(count, count))
    circles: dict[int, list[int]] = {}
    circle_of = connected_components(graph, connection="strong")[1] if count else ()
    for node in reversed(done):
        circles.setdefault(circle_of[node], []).append(node)
    order = [node for nodes in circles.values() for node in (nodes * 2 if len(nodes) > 1 else nodes)]
    return np.array(order, dtype=np.int64)


def _outputs(count: int, wanted: int) -> IntArray:
    if wanted <= 0 or wanted >= count:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, wanted).round().astype(np.int64))


def _imposed(network: Network, outages: Sequence[Outage], times: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the nodes with an outage, and its level in the step that begins at each time, shape (T, M)."""
    nodes = np.array(sorted({network.index(outage.node) for outage in outages}), dtype=np.int64)
    level = np.zeros((times.size, nodes.size))
    for outage in outages:
        column = int(np.searchsorted(nodes, network.index(outage.node)))
        during = (times >= outage.start_days) & (times < outage.start_days + outage.duration_days)
        level[during, column] = np.maximum(level[during, column], outage.level)
    return nodes, level


def _check(network: Network, parameters: Parameters, outages: Sequence[Outage]) -> None:
    for outage in outages:
        if outage.node not in network.nodes:
            raise _impossible(f"the node {outage.node!r} is not in the network", outage)
        if not 0 <= outage.level <= 1:
            raise _impossible(f"a loss of {outage.level} is not between 0 and 1", outage)
        if not (0 <= outage.start_days < math.inf and outage.duration_days >= 0):
            raise _impossible(f"begins at {outage.start_days} d and lasts {outage.duration_days} d", outage)
    nodes, edges = len(network.nodes), network.supplier.size
    for name in Parameters.__slots__:
        values = getattr(parameters, name)
        shape = (parameters.samples, nodes if name in {"degradation_days", "recovery_days"} else edges)
        upper = 1.0 if name in {"alpha", "beta", "substitution"} else math.inf
        if values.shape != shape or not np.all((values >= 0) & (values <= upper)):
            raise InputError(
                "FID-1423",
                f"{name} must have the shape {shape} and lie between 0 and {upper:g}",
                where=name,
                fix="correct the ranges of the parameters",
            )


def _impossible(problem: str, outage: Outage) -> InputError:
    return InputError("FID-1422", problem, where=f"outage of {outage.node}", fix="correct the outage")

"""The compiled loop of :mod:`fiducial.chain.propagation`: one sample a thread, all nodes stepping together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange

from fiducial.chain.network import FloatArray, IntArray

Topology = tuple[IntArray, IntArray, IntArray, IntArray, IntArray]
Curves = tuple[IntArray, IntArray, FloatArray, FloatArray]
Timetable = tuple[FloatArray, IntArray, FloatArray, IntArray, IntArray]
Outputs = tuple[Any, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]

_FUNCTIONAL, _ORDER, _SUM, _MEAN, _CURVE = range(5)
_HELD, _AGE_CURVE, _DIRECT = range(3)


@njit(cache=True, inline="always")
def _interpolate(x: FloatArray, y: FloatArray, first: int, last: int, at: float) -> float:
    if at <= x[first]:
        return y[first]
    for point in range(first + 1, last):
        if at <= x[point]:
            share = (at - x[point - 1]) / (x[point] - x[point - 1])
            return y[point - 1] + share * (y[point] - y[point - 1])
    return y[last - 1]


@njit(cache=True, inline="always")
def _aged(age: float, lost: float, dt: float, flush: float) -> float:
    if lost <= 0.0:
        if age <= 0.0:
            return 0.0
        return age * math.exp(-dt / flush) if flush > 0.0 else 0.0
    if lost >= 1.0:
        return age + dt
    if flush <= 0.0:
        return 0.0
    limit = lost * flush / (1.0 - lost)
    # expm1 keeps the slow growth of a nearly whole outage, where the limit is far away.
    return age - (limit - age) * math.expm1(-(1.0 - lost) * dt / flush)


@njit(cache=True, inline="always")
def _input_loss(
    law: int, age: float, lost: float, substitution: float, hold: float, decay: float, curves: Curves, edge: int
) -> float:
    edge_curve, _, x, y = curves
    if law == _DIRECT:
        loss = lost
    elif law == _AGE_CURVE:
        loss = _interpolate(x, y, edge_curve[edge], edge_curve[edge + 1], age)
    elif age <= hold:
        loss = 0.0
    else:
        loss = 1.0 if decay <= 0.0 else -math.expm1(-(age - hold) / decay)
    return (1.0 - substitution) * loss


@njit(cache=True)
def _production_loss(
    law: int,
    required: int,
    first: int,
    last: int,
    u: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
    curves: Curves,
    node: int,
) -> float:
    if last == first:
        return 0.0
    if law == _FUNCTIONAL:
        kept = 1.0
        worst = 0.0
        for edge in range(first, last):
            kept *= 1.0 - alpha[edge] * u[edge]
            worst = max(worst, u[edge] - beta[edge])
        return max(1.0 - kept, worst)
    if law == _ORDER:
        return np.sort(u[first:last])[required - 1]
    total = 0.0
    for edge in range(first, last):
        total += u[edge] if law == _CURVE else alpha[edge] * u[edge]
    if law == _SUM:
        return total
    if law == _MEAN:
        return total / (last - first)
    _, node_curve, x, y = curves
    return _interpolate(x, y, node_curve[node], node_curve[node + 1], total)


@njit(cache=True, inline="always")
def _relaxed(lost: float, wanted: float, dt: float, degradation: float, recovery: float) -> float:
    constant = degradation if wanted > lost else recovery
    if constant <= 0.0:
        return wanted
    return lost - (wanted - lost) * math.expm1(-dt / constant)


@njit(cache=True, inline="always")
def _record(
    before: FloatArray,
    after: FloatArray,
    begin: float,
    end: float,
    crossing: FloatArray,
    regained: FloatArray,
    integral: FloatArray,
) -> None:
    for index in range(before.size):
        old, new = before[index], after[index]
        integral[index] += 0.5 * (old + new) * (end - begin)
        if new >= 0.1 or old >= 0.1:
            for level in range(2):
                mark = 0.1 if level == 0 else 0.5
                if new >= mark and crossing[index, level] == np.inf:
                    share = (mark - old) / (new - old) if old < mark else 0.0
                    crossing[index, level] = begin + share * (end - begin)
            if new >= 0.1:
                regained[index] = np.inf
            elif old >= 0.1:
                regained[index] = begin + (old - 0.1) / (old - new) * (end - begin)


@njit(cache=True)
def _step_edges(
    topology: Topology,
    curves: Curves,
    edges: tuple[FloatArray, ...],
    q: FloatArray,
    age: FloatArray,
    u: FloatArray,
    dt: float,
) -> None:
    _, _, supplier, _, edge_law = topology
    _, _, substitution, hold, decay, flush = edges
    for edge in range(supplier.size):
        lost = q[supplier[edge]]
        if lost <= 0.0 and age[edge] <= 0.0:
            u[edge] = 0.0
            continue
        if edge_law[edge] != _DIRECT:
            age[edge] = _aged(age[edge], lost, dt, flush[edge])
        u[edge] = _input_loss(
            edge_law[edge], age[edge], lost, substitution[edge], hold[edge], decay[edge], curves, edge
        )


@njit(cache=True)
def _step_nodes(
    topology: Topology,
    curves: Curves,
    strengths: tuple[FloatArray, FloatArray],
    constants: tuple[FloatArray, FloatArray],
    q: FloatArray,
    u: FloatArray,
    imposed: FloatArray,
    dt: float,
) -> None:
    law, required, _, first_edge, _ = topology
    alpha, beta = strengths
    degradation, recovery = constants
    for node in range(law.size):
        first, last = first_edge[node], first_edge[node + 1]
        wanted = _production_loss(law[node], required[node], first, last, u, alpha, beta, curves, node)
        if law[node] == _SUM:
            q[node] = _relaxed(q[node], min(1.0, wanted + imposed[node]), dt, degradation[node], recovery[node])
        else:
            q[node] = max(imposed[node], _relaxed(q[node], wanted, dt, degradation[node], recovery[node]))


@njit(cache=True)
def _take(q: FloatArray, kept: IntArray, values: FloatArray) -> None:
    for index in range(kept.size):
        values[index] = q[kept[index]]


@njit(cache=True)
def _copy(values: FloatArray, target: FloatArray) -> None:
    for index in range(values.size):
        target[index] = values[index]


@njit(cache=True, parallel=True)
def run_samples(
    topology: Topology, curves: Curves, parameters: tuple[FloatArray, ...], schedule: Timetable, outputs: Outputs
) -> None:
    """Step every sample through the times, and fill the outputs; arguments as :func:`propagate` packs them."""
    law, _, supplier, _, _ = topology
    times, failing, level, kept, slot = schedule
    lost_out, crossing, regained, integral, final_lost, final_age = outputs
    for sample in prange(lost_out.shape[0]):
        alpha, beta, substitution = parameters[0][sample], parameters[1][sample], parameters[2][sample]
        hold, decay, flush = parameters[3][sample], parameters[4][sample], parameters[5][sample]
        constants = (parameters[6][sample], parameters[7][sample])
        q, imposed = np.zeros(law.size), np.zeros(law.size)
        age, u = np.zeros(supplier.size), np.zeros(supplier.size)
        before, after = np.zeros(kept.size), np.zeros(kept.size)
        for m in range(failing.size):
            q[failing[m]] = 0.0 if law[failing[m]] == _SUM else level[0, m]
        _take(q, kept, before)
        lost_out[sample, 0] = before
        for step in range(1, times.size):
            dt = times[step] - times[step - 1]
            for m in range(failing.size):
                imposed[failing[m]] = level[step - 1, m]
            _step_edges(topology, curves, (alpha, beta, substitution, hold, decay, flush), q, age, u, dt)
            _step_nodes(topology, curves, (alpha, beta), constants, q, u, imposed, dt)
            _take(q, kept, after)
            if slot[step] >= 0:
                lost_out[sample, slot[step]] = after
            _record(before, after, times[step - 1], times[step], crossing[sample], regained[sample], integral[sample])
            before[:] = after
        _copy(q, final_lost[sample])
        _copy(age, final_age[sample])

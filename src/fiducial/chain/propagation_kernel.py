"""The compiled loop of :mod:`fiducial.chain.propagation`: samples side by side in blocks, all nodes stepping together.

Elementwise loops over the samples of a block are what the compiler turns into vector instructions; that is why the exponential is a
polynomial here, why nothing in those loops branches, and why a division by zero raises nothing (a check would be a branch).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit, prange

from fiducial.chain.network import FloatArray, IntArray

Topology = tuple[IntArray, IntArray, IntArray, IntArray, IntArray, IntArray]
Curves = tuple[IntArray, IntArray, FloatArray, FloatArray]
Timetable = tuple[FloatArray, IntArray, FloatArray, IntArray, IntArray]
Outputs = tuple[Any, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
Arrays = tuple[FloatArray, ...]

BLOCK: Final = 64
_FUNCTIONAL, _ORDER, _SUM, _MEAN, _CURVE = range(5)
_HELD, _AGE_CURVE, _DIRECT = range(3)
_FAR = 45.0
_SHORTEST_DAYS = 1e-9
_SMALL = 1e-4
_THIRD, _SIXTH, _SEVENTH = 1.0 / 3.0, 1.0 / 6.0, 1.0 / 7.0


@njit(cache=True, inline="always", error_model="numpy")
def _fall(x: float) -> float:
    """exp(-x) for x from 0 on: Taylor series of x / 64, to the 64th power; exact to 1e-14 up to 5, to 1e-4 of itself at 45."""
    y = (min(_FAR, x)) * 0.015625
    # Reciprocals as factors: a division costs as much as ten products, and the compiler may not exchange them.
    p = 1.0 - y * 0.125
    p = 1.0 - y * _SEVENTH * p
    p = 1.0 - y * _SIXTH * p
    p = 1.0 - y * 0.2 * p
    p = 1.0 - y * 0.25 * p
    p = 1.0 - y * _THIRD * p
    p = 1.0 - y * 0.5 * p
    p = 1.0 - y * p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p * p


@njit(cache=True, inline="always", error_model="numpy")
def _weight_of_begin(z: float) -> float:
    """Weight w of the begin of a linear input whose constant equal, f1 - (f1 - f0) w, leads y' = (f - y) / T to the same end.

    w = 1 / z - 1 / (e^z - 1) with z = dt / T, here to 0.01: half for slow responses, nothing for those that follow at once.
    """
    return (z + 6.0) / (z * (z + 4.0) + 12.0)


@njit(cache=True, error_model="numpy")
def _interpolate(x: FloatArray, y: FloatArray, first: int, last: int, at: float) -> float:
    if at <= x[first]:
        return float(y[first])
    for point in range(first + 1, last):
        if at <= x[point]:
            share = (at - x[point - 1]) / (x[point] - x[point - 1])
            return float(y[point - 1] + share * (y[point] - y[point - 1]))
    return float(y[last - 1])


@njit(cache=True, error_model="numpy")
def _grow(
    age: FloatArray, before: FloatArray, after: FloatArray, flush_rate: FloatArray, dt: float, grown: FloatArray
) -> None:
    """Solve dA/dt = q - (1 - q) A / R over a step with a mean q: A e^(-z) + q dt (1 - e^(-z)) / z, z = (1 - q) dt / R."""
    for j in range(BLOCK):
        q = after[j] - (after[j] - before[j]) * _weight_of_begin(dt * flush_rate[j])
        z = (1.0 - q) * dt * flush_rate[j]
        z = max(0.0, z)
        left = _fall(z)
        series = 1.0 - z * (0.5 - z * (1.0 / 6.0))
        mean = (1.0 - left) / (z if z > _SMALL else 1.0)
        grown[j] = age[j] * left + q * dt * (mean if z > _SMALL else series)


@njit(cache=True, error_model="numpy")
def _held_loss(age: FloatArray, kept: FloatArray, hold: FloatArray, decay_rate: FloatArray, u: FloatArray) -> None:
    for j in range(BLOCK):
        over = age[j] - hold[j]
        over = max(0.0, over)
        u[j] = kept[j] * (1.0 - _fall(over * decay_rate[j]))


@njit(cache=True, error_model="numpy")
def _curve_loss(age: FloatArray, kept: FloatArray, curves: Curves, edge: int, u: FloatArray) -> None:
    edge_curve, _, x, y = curves
    for j in range(BLOCK):
        u[j] = kept[j] * _interpolate(x, y, edge_curve[edge], edge_curve[edge + 1], age[j])


@njit(cache=True, error_model="numpy")
def _direct_loss(lost: FloatArray, kept: FloatArray, u: FloatArray) -> None:
    for j in range(BLOCK):
        u[j] = kept[j] * lost[j]


@njit(cache=True, error_model="numpy")
def _add_functional(u: FloatArray, alpha: FloatArray, beta: FloatArray, working: FloatArray, worst: FloatArray) -> None:
    for j in range(BLOCK):
        working[j] *= 1.0 - alpha[j] * u[j]
        excess = u[j] - beta[j]
        worst[j] = max(worst[j], excess)


@njit(cache=True, error_model="numpy")
def _add(u: FloatArray, alpha: FloatArray, total: FloatArray) -> None:
    for j in range(BLOCK):
        total[j] += alpha[j] * u[j]


@njit(cache=True, error_model="numpy")
def _ordered(inputs: FloatArray, count: int, required: int, wanted: FloatArray) -> None:
    """Bring the k smallest of a few inputs to the front, exchanging rows elementwise; the k-th is the answer."""
    for place in range(required):
        for other in range(place + 1, count):
            for j in range(BLOCK):
                a, b = inputs[place, j], inputs[other, j]
                inputs[place, j] = min(a, b)
                inputs[other, j] = max(b, a)
    wanted[:] = inputs[required - 1]


@njit(cache=True, error_model="numpy")
def _relax(q: FloatArray, wanted: FloatArray, down: FloatArray, up: FloatArray, dt: float, new: FloatArray) -> None:
    for j in range(BLOCK):
        rate = down[j] if wanted[j] > q[j] else up[j]
        new[j] = q[j] + (wanted[j] - q[j]) * (1.0 - _fall(dt * rate))


@njit(cache=True, error_model="numpy")
def _average(
    last: FloatArray, wanted: FloatArray, down: FloatArray, up: FloatArray, dt: float, kept: FloatArray
) -> None:
    """Replace a loss f that is linear over a step by its constant equal."""
    for j in range(BLOCK):
        now = wanted[j]
        change = now - last[j]
        wanted[j] = now - change * _weight_of_begin(dt * (down[j] if change > 0.0 else up[j]))
        kept[j] = now


@njit(cache=True, error_model="numpy")
def _step_edge(
    edge: int, law: int, curves: Curves, edges: Arrays, lost: tuple[Any, Any], ages: Arrays, dt: float, u: FloatArray
) -> None:
    _, _, kept, hold, decay_rate, flush_rate = edges
    before, after = lost
    age, grown = ages
    if law == _DIRECT:
        _direct_loss(after, kept[edge], u)
        return
    _grow(age[edge], before, after, flush_rate[edge], dt, grown[edge])
    if law == _AGE_CURVE:
        _curve_loss(grown[edge], kept[edge], curves, edge, u)
    else:
        _held_loss(grown[edge], kept[edge], hold[edge], decay_rate[edge], u)


@njit(cache=True, error_model="numpy")
def _gather(
    node: int,
    topology: Topology,
    curves: Curves,
    edges: Arrays,
    state: Arrays,
    active: tuple[Any, Any, Any],
    dt: float,
    scratch: Arrays,
) -> None:
    """Step the edges to a node, and gather what its inputs have lost as its law wants it."""
    law, _, supplier, first_edge, edge_law, _ = topology
    q, new, _, _, age, grown = state
    node_active, edge_active, stepped = active
    inputs, worst, wanted = scratch
    first = first_edge[node]
    wanted[:] = 1.0 if law[node] == _FUNCTIONAL else 0.0
    worst[:] = 0.0
    for edge in range(first, first_edge[node + 1]):
        u = inputs[edge - first]
        if not (node_active[supplier[edge]] or edge_active[edge]):
            u[:] = 0.0
            continue
        edge_active[edge] = True
        before = q[supplier[edge]]
        after = new[supplier[edge]] if stepped[supplier[edge]] and law[node] != _SUM else before
        _step_edge(edge, edge_law[edge], curves, edges, (before, after), (age, grown), dt, u)
        if law[node] == _FUNCTIONAL:
            _add_functional(u, edges[0][edge], edges[1][edge], wanted, worst)
        elif law[node] != _ORDER:
            _add(u, edges[0][edge], wanted)


@njit(cache=True, error_model="numpy")
def _conclude(node: int, topology: Topology, curves: Curves, scratch: Arrays) -> None:
    """Turn what was gathered into the loss of production that it leads to, in the last array of the scratch."""
    law, required, _, first_edge, _, _ = topology
    inputs, worst, wanted = scratch
    count = first_edge[node + 1] - first_edge[node]
    if law[node] == _FUNCTIONAL:
        for j in range(BLOCK):
            loss = 1.0 - wanted[j]
            wanted[j] = max(worst[j], loss)
    elif count > 0 and law[node] == _MEAN:
        wanted /= count
    elif count > 0 and law[node] == _ORDER:
        _ordered(inputs, count, required[node], wanted)
    elif count > 0 and law[node] == _CURVE:
        _, node_curve, x, y = curves
        for j in range(BLOCK):
            wanted[j] = _interpolate(x, y, node_curve[node], node_curve[node + 1], wanted[j])


@njit(cache=True, error_model="numpy")
def _step(
    topology: Topology,
    curves: Curves,
    parameters: tuple[Arrays, Arrays],
    state: Arrays,
    active: tuple[Any, Any, Any],
    imposed: FloatArray,
    dt: float,
    scratch: Arrays,
) -> None:
    """Step all nodes in the order given: those of a circle come twice in it, the second time knowing all of their suppliers."""
    q, new, last, kept, _, _ = state
    edges, (down, up) = parameters
    law, wanted = topology[0], scratch[2]
    active[2][:] = False
    for node in topology[5]:
        _gather(node, topology, curves, edges, state, active, dt, scratch)
        _conclude(node, topology, curves, scratch)
        if law[node] == _SUM:
            for j in range(BLOCK):
                wanted[j] = min(1.0, wanted[j] + imposed[node])
        else:
            _average(last[node], wanted, down[node], up[node], dt, kept[node])
        _relax(q[node], wanted, down[node], up[node], dt, new[node])
        if law[node] != _SUM and imposed[node] > 0.0:
            new[node] = np.maximum(new[node], imposed[node])
        active[0][node] = new[node].max() > 0.0
        active[2][node] = True


@njit(cache=True, error_model="numpy")
def _record(
    before: FloatArray, after: FloatArray, times: tuple[float, float], row: int, found: tuple[Any, Any, Any]
) -> None:
    begin, end = times
    crossing, regained, integral = found
    for index in range(before.size):
        old, new = before[index], after[index]
        integral[row, index] += 0.5 * (old + new) * (end - begin)
        if new < 0.1 and old < 0.1:
            continue
        for level in range(2):
            mark = 0.1 if level == 0 else 0.5
            if new >= mark and crossing[row, index, level] == np.inf:
                share = (mark - old) / (new - old) if old < mark else 0.0
                crossing[row, index, level] = begin + share * (end - begin)
        regained[row, index] = np.inf if new >= 0.1 else begin + (old - 0.1) / (old - new) * (end - begin)


@njit(cache=True, error_model="numpy")
def _block(values: FloatArray, begin: int, end: int) -> FloatArray:
    """Return samples as columns; the last block is filled with copies of its first sample."""
    found = np.empty((values.shape[1], BLOCK))
    for j in range(BLOCK):
        found[:, j] = values[begin + j if begin + j < end else begin]
    return found


@njit(cache=True, error_model="numpy")
def _rates(days: FloatArray) -> FloatArray:
    return 1.0 / np.maximum(days, _SHORTEST_DAYS)


@njit(cache=True, error_model="numpy")
def _block_parameters(parameters: Arrays, begin: int, end: int) -> tuple[Arrays, Arrays]:
    alpha, beta, substitution, hold, decay, flush, degradation, recovery = parameters
    edges = (
        _block(alpha, begin, end),
        _block(beta, begin, end),
        1.0 - _block(substitution, begin, end),
        _block(hold, begin, end),
        _rates(_block(decay, begin, end)),
        _rates(_block(flush, begin, end)),
    )
    return edges, (_rates(_block(degradation, begin, end)), _rates(_block(recovery, begin, end)))


@njit(cache=True, error_model="numpy")
def _keep(q: FloatArray, kept: IntArray, values: FloatArray) -> None:
    for index in range(kept.size):
        for j in range(BLOCK):
            values[j, index] = q[kept[index], j]


@njit(cache=True, error_model="numpy")
def _put(values: FloatArray, lost_out: Any, slot: int, begin: int, end: int) -> None:
    if slot >= 0:
        for j in range(end - begin):
            lost_out[begin + j, slot] = values[j]


@njit(cache=True, error_model="numpy")
def _most(first_edge: IntArray) -> int:
    most = 0
    for node in range(first_edge.size - 1):
        most = max(most, first_edge[node + 1] - first_edge[node])
    return most


@njit(cache=True, error_model="numpy")
def _changes(level: FloatArray, at: int) -> bool:
    found = False
    for m in range(level.shape[1]):
        found = found or level[at, m] != level[at - 1, m]
    return found


@njit(cache=True, error_model="numpy")
def _impose(law: IntArray, failing: IntArray, level: FloatArray, imposed: FloatArray, state: tuple[Any, Any]) -> None:
    """Begin or end outages: what fails is out at once, not only at the end of the step."""
    q, active = state
    for m in range(failing.size):
        node = failing[m]
        imposed[node] = level[m]
        if law[node] != _SUM and level[m] > 0.0:
            q[node] = np.maximum(q[node], level[m])
            active[node] = True


@njit(cache=True, error_model="numpy")
def _run_block(
    begin: int, topology: Topology, curves: Curves, parameters: Arrays, schedule: Timetable, outputs: Outputs
) -> None:
    law, _, supplier, first_edge, _, _ = topology
    times, failing, level, kept, slot = schedule
    lost_out, crossing, regained, integral, final_lost, final_age = outputs
    end = min(begin + BLOCK, lost_out.shape[0])
    numbers = _block_parameters(parameters, begin, end)
    q, new = np.zeros((law.size, BLOCK)), np.zeros((law.size, BLOCK))
    last, latest = np.zeros((law.size, BLOCK)), np.zeros((law.size, BLOCK))
    age, grown = np.zeros((supplier.size, BLOCK)), np.zeros((supplier.size, BLOCK))
    imposed, flags = np.zeros(law.size), np.zeros(law.size, dtype=np.bool_)
    active = (np.zeros(law.size, dtype=np.bool_), np.zeros(supplier.size, dtype=np.bool_), flags)
    scratch = (np.zeros((_most(first_edge) + 1, BLOCK)), np.zeros(BLOCK), np.zeros(BLOCK))
    before, after = np.zeros((BLOCK, kept.size)), np.zeros((BLOCK, kept.size))
    for step in range(1, times.size):
        if step == 1 or _changes(level, step - 1):
            _impose(law, failing, level[step - 1], imposed, (q, active[0]))
            _keep(q, kept, before)
            _put(before, lost_out, slot[step - 1], begin, end)
        span = (times[step - 1], times[step])
        _step(
            topology, curves, numbers, (q, new, last, latest, age, grown), active, imposed, span[1] - span[0], scratch
        )
        q, new, last, latest, age, grown = new, q, latest, last, grown, age
        _keep(q, kept, after)
        _put(after, lost_out, slot[step], begin, end)
        for j in range(end - begin):
            _record(before[j], after[j], span, begin + j, (crossing, regained, integral))
        before, after = after, before
    for j in range(end - begin):
        final_lost[begin + j] = q[:, j]
        final_age[begin + j] = age[:, j]


@njit(cache=True, parallel=True, error_model="numpy")
def run_samples(topology: Topology, curves: Curves, parameters: Arrays, schedule: Timetable, outputs: Outputs) -> None:
    """Step every sample through the times, and fill the outputs; arguments as :func:`propagate` packs them."""
    for block in prange((outputs[0].shape[0] + BLOCK - 1) // BLOCK):
        _run_block(block * BLOCK, topology, curves, parameters, schedule, outputs)

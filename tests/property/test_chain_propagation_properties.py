"""Propagation on random networks with circles: bounded, monotone, without effect from nothing, independent of order."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.chain.network import (
    EdgeLaw,
    EdgeSpec,
    NodeLaw,
    NodeSpec,
    Parameters,
    build_network,
    with_values,
)
from fiducial.chain.propagation import Outage, propagate, time_steps

SEEDS = st.integers(0, 2**32 - 1)
HORIZON = 800.0
EDGE_FIELDS = ("alpha", "beta", "substitution", "hold_days", "decay_days", "flush_days")
NODE_FIELDS = ("degradation_days", "recovery_days")


def _random(seed, laws=tuple(NodeLaw)):
    """Return nodes, edges and one sample of parameters by name, in the order of nodes and edges."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(2, 8))
    pairs = [(a, b) for a in range(count) for b in range(count) if generator.random() < 0.35]
    curve = ((1.0, 0.0), (30.0, 0.5), (182.0, 1.0))
    edges = [EdgeSpec(f"n{a}", f"n{b}", EdgeLaw(int(generator.integers(3))), curve) for a, b in pairs]
    nodes = []
    for index in range(count):
        inputs = sum(b == index for _, b in pairs)
        law = laws[int(generator.integers(len(laws)))]
        needed = int(generator.integers(1, inputs + 1)) if inputs else 0
        nodes.append(NodeSpec(f"n{index}", law, needed, ((0.0, 0.0), (0.5, 0.2), (max(inputs, 1.0), 1.0))))
    size = len(edges)
    values = {
        "alpha": generator.random(size),
        "beta": generator.random(size),
        "substitution": generator.random(size) * (generator.random(size) < 0.3),
        "hold_days": 10 ** generator.uniform(-1, 2, size) * (generator.random(size) < 0.7),
        "decay_days": 10 ** generator.uniform(-2, 2, size) * (generator.random(size) < 0.8),
        "flush_days": 10 ** generator.uniform(-1, 2, size) * (generator.random(size) < 0.8),
        "degradation_days": 10 ** generator.uniform(-2, 2, count) * (generator.random(count) < 0.8),
        "recovery_days": 10 ** generator.uniform(-2, 2, count) * (generator.random(count) < 0.8),
    }
    return nodes, edges, values


def _build(nodes, edges, values):
    network, order = build_network(nodes, edges)
    picked = {name: values[name][order][None] for name in EDGE_FIELDS}
    return network, Parameters(**picked, **{name: values[name][None] for name in NODE_FIELDS})


def _outage(seed, nodes):
    generator = np.random.default_rng([seed, 1])
    return Outage(
        nodes[int(generator.integers(len(nodes)))].id,
        float(generator.uniform(0.1, 1.0)),
        float(generator.uniform(0, 50)) if generator.random() < 0.5 else 0.0,
        float(10 ** generator.uniform(-1, 3)) if generator.random() < 0.7 else math.inf,
    )


def _lost(network, parameters, outages, steps):
    return propagate(network, parameters, outages, horizon_days=HORIZON, steps=steps).lost[0]


@settings(max_examples=30)
@given(SEEDS)
def test_loss_stays_between_nothing_and_all(seed):
    nodes, edges, values = _random(seed)
    network, parameters = _build(nodes, edges, values)
    run = propagate(network, parameters, [_outage(seed, nodes)], horizon_days=HORIZON)
    for found in (run.lost, run.final_lost):
        assert found.min() >= 0
        assert found.max() <= 1
    assert (run.final_age_days >= 0).all()
    assert np.isfinite(run.final_age_days).all()
    assert (run.crossing_days[..., 0] <= run.crossing_days[..., 1]).all()
    assert (run.lost_days <= HORIZON * (1 + 1e-12)).all()


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["level", "duration", "node"]))
def test_more_outage_never_loses_less(seed, what):
    nodes, edges, values = _random(seed)
    network, parameters = _build(nodes, edges, values)
    small = replace(_outage(seed, nodes), level=0.4, duration_days=20.0)
    more = [replace(small, level=0.9)] if what == "level" else [replace(small, duration_days=90.0)]
    if what == "node":
        more = [small, Outage(nodes[-1].id, 0.5, 3.0, 40.0)]
    steps = time_steps(HORIZON, [small, *more])
    assert (_lost(network, parameters, more, steps) >= _lost(network, parameters, [small], steps) - 1e-7).all()


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["alpha", "beta", "substitution", "hold_days"]))
def test_strength_raises_loss_and_criticality_substitution_and_hold_lower_it(seed, name):
    nodes, edges, values = _random(seed)
    network, parameters = _build(nodes, edges, values)
    now = getattr(parameters, name)
    higher = now + np.random.default_rng([seed, 2]).random(now.shape) * ((1 - now) if name != "hold_days" else 50)
    outage = _outage(seed, nodes)
    steps = time_steps(HORIZON, [outage])
    before = _lost(network, parameters, [outage], steps)
    after = _lost(network, with_values(parameters, {name: higher}), [outage], steps)
    low, high = (before, after) if name == "alpha" else (after, before)
    assert (high >= low - 1e-7).all()


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["none", "level", "duration", "late"]))
def test_no_outage_gives_exactly_nothing(seed, what):
    nodes, edges, values = _random(seed)
    network, parameters = _build(nodes, edges, values)
    outage = {
        "none": None,
        "level": Outage("n0", 0.0),
        "duration": Outage("n0", 1.0, 3.0, 0.0),
        "late": Outage("n0", 1.0, HORIZON + 1),
    }[what]
    run = propagate(network, parameters, [] if outage is None else [outage], horizon_days=HORIZON)
    assert run.lost.max() == run.final_lost.max() == run.lost_days.max() == 0
    assert run.final_age_days.max(initial=0.0) == 0
    assert np.isinf(run.crossing_days).all()
    assert np.isnan(run.regained_days).all()


@settings(max_examples=30)
@given(SEEDS)
def test_the_order_of_nodes_and_edges_is_of_no_consequence(seed):
    nodes, edges, values = _random(seed)
    generator = np.random.default_rng([seed, 3])
    node_order, edge_order = generator.permutation(len(nodes)), generator.permutation(len(edges))
    mixed = {name: values[name][edge_order] for name in EDGE_FIELDS}
    mixed |= {name: values[name][node_order] for name in NODE_FIELDS}
    outages = [_outage(seed, nodes), Outage(nodes[-1].id, 0.3, 1.0, 5.0)]
    first = propagate(*_build(nodes, edges, values), outages, horizon_days=HORIZON)
    second = propagate(
        *_build([nodes[i] for i in node_order], [edges[i] for i in edge_order], mixed),
        outages[::-1],
        horizon_days=HORIZON,
    )
    np.testing.assert_allclose(second.final_lost[0], first.final_lost[0, node_order], rtol=0, atol=1e-12)
    np.testing.assert_allclose(second.lost[0], first.lost[0][:, node_order], rtol=0, atol=1e-7)


def _map(nodes, edges, values, imposed, loss):
    """Return the loss to which constant losses of production lead in the end: fixed points of this are states of rest."""
    inputs = {node.id: [] for node in nodes}
    place = {node.id: index for index, node in enumerate(nodes)}
    for index, edge in enumerate(edges):
        q = loss[place[edge.supplier]]
        with np.errstate(divide="ignore", invalid="ignore"):
            flush = max(values["flush_days"][index], 1e-9)
            age = np.where(q < 1, q * flush / np.maximum(1 - q, 1e-300), np.inf)
            over = np.maximum(age - values["hold_days"][index], 0) / max(values["decay_days"][index], 1e-9)
        fading = -np.expm1(-over)
        if edge.law is EdgeLaw.CURVE:
            fading = np.interp(np.minimum(age, 1e6), *zip(*edge.curve, strict=True))
        u = (1 - values["substitution"][index]) * (q if edge.law is EdgeLaw.DIRECT else fading)
        inputs[edge.consumer].append((u, values["alpha"][index], values["beta"][index]))
    found = []
    for index, node in enumerate(nodes):
        u = np.array([one[0] for one in inputs[node.id]]).reshape(-1, loss.shape[1])
        alpha, beta = (np.array([one[k] for one in inputs[node.id]])[:, None] for k in (1, 2))
        if not len(u):
            wanted = np.zeros(loss.shape[1])
        elif node.law is NodeLaw.FUNCTIONAL:
            wanted = np.maximum(1 - np.prod(1 - alpha * u, axis=0), np.maximum(u - beta, 0).max(axis=0))
        elif node.law is NodeLaw.ORDER:
            wanted = np.sort(u, axis=0)[node.required - 1]
        elif node.law is NodeLaw.CURVE:
            wanted = np.interp((alpha * u).sum(axis=0), *zip(*node.curve, strict=True))
        else:
            wanted = (alpha * u).sum(axis=0) / (len(u) if node.law is NodeLaw.MEAN else 1)
        wanted = (
            np.minimum(wanted + imposed[index], 1) if node.law is NodeLaw.SUM else np.maximum(wanted, imposed[index])
        )
        found.append(wanted)
    return np.array(found)


@settings(max_examples=25)
@given(SEEDS)
def test_from_nothing_the_path_rises_to_the_least_state_of_rest(seed):
    nodes, edges, values = _random(seed)
    network, parameters = _build(nodes, edges, values)
    outage = replace(_outage(seed, nodes), start_days=0.0, duration_days=math.inf)
    run = propagate(network, parameters, [outage], horizon_days=1e8)
    assert (np.diff(run.lost[0], axis=0) >= -1e-6).all()
    end = run.final_lost[0]
    imposed = np.array([outage.level if node.id == outage.node else 0.0 for node in nodes])
    # Where the map touches the diagonal the approach is slower than any horizon, but always from below.
    onward = _map(nodes, edges, values, imposed, end[:, None])[:, 0]
    assert (onward >= end - 1e-9).all()
    starts = np.random.default_rng([seed, 4]).random((len(nodes), 12))
    starts[:, 0], starts[:, 1] = 0.0, 1.0
    for _ in range(400):
        before, starts = starts, _map(nodes, edges, values, imposed, starts)
    resting = np.abs(starts - before).max(axis=0) < 1e-13
    for rest in starts[:, resting].T:
        assert (end <= rest + 1e-6).all()
    if resting[0]:
        np.testing.assert_allclose(end, starts[:, 0], atol=2e-4)

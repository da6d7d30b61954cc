"""Propagation against Haimes' recursion, weakest links, an ordinary solver of differential equations, and by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from fiducial.chain.assembly import assemble
from fiducial.chain.network import (
    EdgeLaw,
    EdgeSpec,
    NodeLaw,
    NodeSpec,
    Parameters,
    build_network,
    uniform_parameters,
    with_values,
)
from fiducial.chain.propagation import Outage, propagate, time_steps
from fiducial.errors import InputError
from fiducial.runs.chain_knowledge import load_knowledge


def _chain(length, law=NodeLaw.FUNCTIONAL, edge=EdgeLaw.HELD):
    names = [f"n{index}" for index in range(length)]
    edges = [EdgeSpec(a, b, edge) for a, b in itertools.pairwise(names)]
    return build_network([NodeSpec(name, law, 1) for name in names], edges)[0]


def _star(inputs, law, required=0, curve=(), edge=EdgeLaw.DIRECT):
    nodes = [NodeSpec(f"n{index}") for index in range(inputs)]
    edges = [EdgeSpec(node.id, "end", edge) for node in nodes]
    return build_network([*nodes, NodeSpec("end", law, required, curve)], edges)[0]


@pytest.fixture(scope="module")
def chain():
    return assemble(load_knowledge())


def _at(run, node, days):
    return float(np.interp(days, run.time_days, run.lost[0, :, run.watched.index(node)]))


def test_the_linear_case_is_the_recursion_of_haimes_step_by_step():
    """q(t+1) = q + K (A q + c* - q), K = 1 - exp(-dt / T); its rest is (I - A)^-1 c* (Haimes et al. 2005)."""
    generator = np.random.default_rng(1)
    size = 6
    strengths = generator.random((size, size)) * (generator.random((size, size)) < 0.6)
    strengths *= 0.8 / np.abs(np.linalg.eigvals(strengths)).max()
    demand = np.array([0.03, 0.0, 0.01, 0.0, 0.0, 0.02])
    pairs = [(j, i) for i in range(size) for j in range(size) if strengths[i, j] > 0]
    network, order = build_network(
        [NodeSpec(f"n{i}", NodeLaw.SUM) for i in range(size)],
        [EdgeSpec(f"n{j}", f"n{i}", EdgeLaw.DIRECT) for j, i in pairs],
    )
    days = 10 ** generator.uniform(0, 1.5, size)
    parameters = with_values(
        uniform_parameters(network),
        {
            "alpha": np.array([strengths[i, j] for j, i in pairs])[order][None],
            "degradation_days": days[None],
            "recovery_days": days[None],
        },
    )
    outages = [Outage(f"n{i}", demand[i]) for i in np.flatnonzero(demand)]
    steps = time_steps(4000.0, outages)
    q = np.zeros(size)
    for end in (2, 3, 50, 200, int(steps.size)):
        q[:] = 0.0
        for span in np.diff(steps[:end]):
            q += -np.expm1(-span / days) * (strengths @ q + demand - q)
        run = propagate(network, parameters, outages, horizon_days=steps[end - 1], steps=steps[:end])
        np.testing.assert_allclose(run.final_lost[0], q, rtol=0, atol=1e-12)
    np.testing.assert_allclose(q, np.linalg.solve(np.eye(size) - strengths, demand), atol=1e-9)


@pytest.mark.parametrize("edge", list(EdgeLaw))
def test_a_chain_of_primary_edges_that_hold_nothing_is_its_weakest_link(edge):
    """H = 0, W and T towards 0: lost is what the worst of the links before has lost, and at once."""
    names = [f"n{index}" for index in range(6)]
    curve = ((0.0, 0.0), (1e-9, 1.0))
    edges = [EdgeSpec(a, b, edge, curve) for a, b in itertools.pairwise(names)]
    network, _ = build_network([NodeSpec(name) for name in names], edges)
    outages = [Outage("n0", 1.0, 2.0, 8.0), Outage("n2", 1.0, 5.0, 20.0), Outage("n4", 1.0, 30.0, 1.0)]
    run = propagate(network, uniform_parameters(network), outages, horizon_days=40.0)
    for days in (1.0, 3.0, 6.0, 12.0, 24.0, 27.0, 30.5, 35.0):
        link = [
            any(o.node == n and o.start_days <= days < o.start_days + o.duration_days for o in outages) for n in names
        ]
        found = [_at(run, name, days) for name in names]
        assert found == pytest.approx(np.maximum.accumulate(link).astype(float), abs=1e-6), days


def test_partial_losses_of_a_chain_are_those_of_its_worst_link():
    network = _chain(5, NodeLaw.ORDER, EdgeLaw.DIRECT)
    outages = [Outage("n0", 0.3), Outage("n2", 0.7, 10.0, 5.0)]
    run = propagate(network, uniform_parameters(network), outages, horizon_days=40.0)
    for node, during in (("n1", 0.3), ("n3", 0.7), ("n4", 0.7)):
        assert _at(run, node, 5.0) == pytest.approx(0.3)
        assert _at(run, node, 14.0) == pytest.approx(during, abs=1e-6)
        assert _at(run, node, 39.0) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize("required", [1, 2, 3, 4, 5])
def test_k_of_n_is_the_order_statistic(required):
    network = _star(5, NodeLaw.ORDER, required)
    losses = [0.8, 0.05, 0.4, 0.95, 0.2]
    outages = [Outage(f"n{index}", loss) for index, loss in enumerate(losses)]
    run = propagate(network, uniform_parameters(network), outages, horizon_days=3.0)
    assert run.final_lost[0, -1] == pytest.approx(sorted(losses)[required - 1], abs=1e-12)


def test_functional_mean_and_curve_by_hand():
    losses, strength = np.array([0.5, 0.9]), 0.4
    outages = [Outage(f"n{index}", loss) for index, loss in enumerate(losses)]
    curve = ((0.0, 0.0), (0.5, 0.1), (1.0, 0.8))
    for law, beta, wanted in (
        (NodeLaw.FUNCTIONAL, 1.0, 1 - (1 - 0.2) * (1 - 0.36)),
        (NodeLaw.FUNCTIONAL, 0.1, 0.8),
        (NodeLaw.MEAN, 1.0, 0.28),
        (NodeLaw.CURVE, 1.0, 0.1 + 0.06 / 0.5 * 0.7),
        (NodeLaw.SUM, 1.0, 0.56),
    ):
        network = _star(2, law, curve=curve)
        run = propagate(network, uniform_parameters(network, alpha=strength, beta=beta), outages, horizon_days=3.0)
        assert run.final_lost[0, -1] == pytest.approx(wanted, abs=1e-12)


def test_a_held_input_serves_fades_and_comes_back_by_hand():
    network = _chain(2)
    parameters = uniform_parameters(network, hold_days=10.0, decay_days=5.0, flush_days=2.0, substitution=0.25)
    run = propagate(network, parameters, [Outage("n0", duration_days=20.0)], horizon_days=40.0)
    assert _at(run, "n1", 9.7) == pytest.approx(0.0)
    assert _at(run, "n1", 20.0) == pytest.approx(0.75 * -math.expm1(-10 / 5), abs=2e-3)
    # The age falls by exp(-t / R) from 20 d, until it is 10 d again.
    age = 20 * math.exp(-1 / 2)
    assert _at(run, "n1", 21.0) == pytest.approx(0.75 * -math.expm1(-(age - 10) / 5), abs=1e-2)
    assert _at(run, "n1", 20 + 2 * math.log(2) + 0.1) == pytest.approx(0.0, abs=1e-3)
    crossing = 10 - 5 * math.log1p(-0.1 / 0.75)
    assert run.crossing_days[0, 1, 0] == pytest.approx(crossing, abs=0.02)
    assert run.regained_days[0, 1] == pytest.approx(20 + 2 * math.log(20 / crossing), abs=0.03)


@pytest.mark.parametrize("start", [0.0, 100.0])
def test_an_outage_may_begin_later_and_only_shifts_everything(start):
    network = _chain(4)
    parameters = uniform_parameters(network, hold_days=1.0, decay_days=2.0, flush_days=1.0, degradation_days=3.0,
                                    recovery_days=4.0)  # fmt: skip
    here = propagate(network, parameters, [Outage("n0", 0.8, start, 30.0)], horizon_days=start + 300.0)
    zero = propagate(network, parameters, [Outage("n0", 0.8, 0.0, 30.0)], horizon_days=300.0)
    np.testing.assert_allclose(here.crossing_days - start, zero.crossing_days, atol=1e-9)
    np.testing.assert_allclose(here.regained_days - start, zero.regained_days, atol=1e-9)
    np.testing.assert_allclose(here.lost_days, zero.lost_days, atol=1e-9)


def test_several_outages_of_one_node_take_the_greater():
    network = _chain(2, edge=EdgeLaw.DIRECT)
    outages = [Outage("n0", 0.2, 0.0, 30.0), Outage("n0", 0.6, 10.0, 10.0), Outage("n0", 0.4, 15.0, 30.0)]
    run = propagate(network, uniform_parameters(network), outages, horizon_days=60.0)
    for days, level in ((5, 0.2), (12, 0.6), (19, 0.6), (25, 0.4), (44, 0.4), (46, 0.0)):
        assert _at(run, "n1", days) == pytest.approx(level, abs=1e-6)
    assert run.lost_days[0, 0] == pytest.approx(0.2 * 10 + 0.6 * 10 + 0.4 * 25, abs=0.02)


def _mixed(samples, seed=3):
    generator = np.random.default_rng(seed)
    nodes = [NodeSpec("a"), NodeSpec("b"), NodeSpec("c", NodeLaw.ORDER, 2), NodeSpec("d", NodeLaw.MEAN), NodeSpec("e")]
    pairs = ["ab", "ba", "ac", "bc", "cc", "cd", "ad", "de", "eb"]
    laws = [EdgeLaw.HELD, EdgeLaw.CURVE, EdgeLaw.HELD, EdgeLaw.DIRECT]
    curve = ((1.0, 0.0), (30.0, 0.5), (182.0, 1.0))
    edges = [EdgeSpec(pair[0], pair[1], laws[index % 4], curve) for index, pair in enumerate(pairs)]
    network, _ = build_network(nodes, edges)

    def draw(count, low, high):
        return 10 ** generator.uniform(low, high, (samples, count))

    size = len(edges)
    return network, Parameters(
        generator.uniform(0.3, 1, (samples, size)), generator.uniform(0, 0.6, (samples, size)),
        generator.uniform(0, 0.3, (samples, size)), draw(size, -1, 1.5), draw(size, -1, 1.5), draw(size, -1, 1.5),
        draw(5, -1, 1.5), draw(5, -1, 1.5),
    )  # fmt: skip


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 130])
def test_samples_do_not_touch_each_other(samples):
    network, parameters = _mixed(samples)
    # Some samples lose nothing at once: others of the same block must not wake them.
    parameters.alpha[::3] = 0.0
    parameters.beta[::3] = 1.0
    outages = [Outage("a", 0.7, 2.0, 40.0), Outage("e", 1.0, 60.0, 10.0)]
    together = propagate(network, parameters, outages, horizon_days=300.0, output_times=40)
    for index in {0, 1, samples // 2, samples - 1}:
        row = slice(index % samples, index % samples + 1)
        alone = propagate(
            network,
            Parameters(*(getattr(parameters, name)[row] for name in Parameters.__slots__)),
            outages,
            horizon_days=300.0,
            output_times=40,
        )
        for name in ("lost", "crossing_days", "regained_days", "lost_days", "final_lost", "final_age_days"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(together, name)[row], err_msg=name)


def _equations(network, parameters, outage):
    """Right-hand side of the model for one sample, written anew from its equations."""
    value = {name: getattr(parameters, name)[0] for name in Parameters.__slots__}
    nodes = len(network.nodes)
    failed = network.index(outage.node)

    def slope(time, state):
        down = outage.start_days <= time < outage.start_days + outage.duration_days
        q, age = state[:nodes].copy(), state[nodes:]
        if down:
            q[failed] = max(q[failed], outage.level)
        lost = q[network.supplier]
        fresh = lost - (1 - lost) * age / value["flush_days"]
        u = -np.expm1(-np.maximum(age - value["hold_days"], 0) / value["decay_days"])
        points = slice(network.edge_curve[0], network.edge_curve[-1])
        u = np.where(
            network.edge_law == EdgeLaw.CURVE,
            np.interp(age, network.curve_x[points][:3], network.curve_y[points][:3]),
            u,
        )
        u = (1 - value["substitution"]) * np.where(network.edge_law == EdgeLaw.DIRECT, lost, u)
        change = np.zeros(nodes)
        for node in range(nodes):
            inputs = slice(network.first_edge[node], network.first_edge[node + 1])
            part = value["alpha"][inputs] * u[inputs]
            if network.law[node] == NodeLaw.MEAN:
                wanted = part.mean() if part.size else 0.0
            elif network.law[node] == NodeLaw.ORDER:
                wanted = np.sort(u[inputs])[network.required[node] - 1]
            else:
                excess = np.maximum(u[inputs] - value["beta"][inputs], 0).max(initial=0.0)
                wanted = max(1 - np.prod(1 - part), excess)
            rate = value["degradation_days" if wanted > q[node] else "recovery_days"][node]
            change[node] = (wanted - q[node]) / rate
        if down:
            change[failed] = 0.0
        return np.concatenate([change, fresh])

    return slope, nodes + network.supplier.size, failed


@pytest.mark.parametrize("seed", [3, 4, 5, 6])
def test_times_converge_to_a_solver_of_differential_equations(seed):
    network, parameters = _mixed(1, seed)
    outage = Outage("a", 0.9, 0.0, 60.0)
    slope, size, failed = _equations(network, parameters, outage)
    fine = np.linspace(0, 60, 30001)
    start = np.zeros(size)
    start[failed] = outage.level
    first = solve_ivp(
        slope, (0, 60 - 1e-9), start, t_eval=fine[:-1], method="LSODA", rtol=1e-8, atol=1e-10, max_step=0.5
    )
    again = solve_ivp(slope, (60, 400), first.y[:, -1], t_eval=np.linspace(60, 400, 34001), method="LSODA", rtol=1e-8,
                      atol=1e-10, max_step=0.5)  # fmt: skip
    time = np.concatenate([first.t, again.t])
    path = np.concatenate([first.y[:5], again.y[:5]], axis=1)
    run = propagate(network, parameters, [outage], horizon_days=400.0)
    compared = 0
    for node in range(5):
        for column, level in enumerate((0.1, 0.5)):
            reached = path[node] >= level
            if reached.any() and abs(path[node].max() - level) > 0.01:
                wanted = time[reached.argmax()]
                found = run.crossing_days[0, node, column]
                assert found == pytest.approx(wanted, rel=0.02, abs=0.02), (node, level)
                compared += 1
        if path[node].max() > 0.11 and path[node, -1] < 0.09:
            last = time[np.flatnonzero(path[node] >= 0.1)[-1]]
            assert run.regained_days[0, node] - 60 == pytest.approx(last - 60, rel=0.02, abs=0.02)
            compared += 1
        np.testing.assert_allclose(
            run.lost_days[0, node], np.trapezoid(path[node], time), rtol=0.02, atol=0.02, err_msg=str(node)
        )
    assert compared >= 6


def test_a_long_path_takes_no_time_of_its_own():
    """A wait of 100 d, then ten steps of 2 h: the end follows within hours, though steps last days by then."""
    names = [f"n{index}" for index in range(12)]
    edges = [EdgeSpec(a, b) for a, b in itertools.pairwise(names)]
    # Named backwards, for ids decide what comes first where nothing else does.
    for flip in (False, True):
        named = {name: (f"m{99 - index}" if flip else name) for index, name in enumerate(names)}
        network, order = build_network(
            [NodeSpec(named[name]) for name in names],
            [EdgeSpec(named[edge.supplier], named[edge.consumer]) for edge in edges],
        )
        hold = np.where(np.arange(11) == 0, 100.0, 0.0)[order][None]
        parameters = with_values(
            uniform_parameters(network, decay_days=0.04, flush_days=0.04, degradation_days=0.04), {"hold_days": hold}
        )
        run = propagate(network, parameters, [Outage(named["n0"])], horizon_days=1000.0)
        fine = propagate(
            network, parameters, [Outage(named["n0"])], horizon_days=110.0, steps=np.arange(0, 110.0, 0.005)
        )
        np.testing.assert_allclose(run.crossing_days[0, 1:], fine.crossing_days[0, 1:], rtol=0.02)


def test_the_packaged_network_converges(chain):
    """Times of the coarse steps against steps five times finer, of samples and of outages that end."""
    parameters = chain.parameters(chain.sample(2, seed=5))
    network = chain.network
    for node, duration in (("itrf", math.inf), ("igs_stations", 60.0)):
        outage = Outage(node, 1.0, 0.0, duration)
        coarse = propagate(network, parameters, [outage], horizon_days=2000.0)
        steps = time_steps(2000.0, [outage], first_days=0.004, growth=0.004)
        fine = propagate(network, parameters, [outage], horizon_days=2000.0, steps=steps)
        both = np.isfinite(coarse.crossing_days) & np.isfinite(fine.crossing_days)
        assert both.sum() > 200
        assert (np.isfinite(coarse.crossing_days) != np.isfinite(fine.crossing_days)).sum() <= 3
        error = np.abs(coarse.crossing_days[both] - fine.crossing_days[both])
        assert np.median(error / np.maximum(fine.crossing_days[both], 1.0)) < 0.005
        # A step in which a hold runs out while the input fades within hours is as sure as the step is long.
        assert np.mean(error > 0.02 + 0.02 * fine.crossing_days[both]) < 0.03
        assert (error <= 0.02 + 0.04 * fine.crossing_days[both]).mean() > 0.995
        # What is held for a day or two follows a slow loss in steps of weeks: days lost are good to 6 % or a day.
        np.testing.assert_allclose(coarse.lost_days, fine.lost_days, rtol=0.06, atol=1.2)


def test_steps_are_hours_after_every_event_and_weeks_later():
    outages = [Outage("a", 1.0, 100.0, 30.0), Outage("b", 1.0, 0.0, math.inf), Outage("c", 1.0, 5000.0, 1.0)]
    steps = time_steps(3000.0, outages)
    assert steps[0] == 0
    assert steps[-1] == 3000
    assert (np.diff(steps) > 0).all()
    for event in (0.0, 100.0, 130.0):
        first = np.flatnonzero(steps == event)
        assert first.size == 1
        assert np.diff(steps)[first[0]] <= 0.021
    assert np.diff(steps)[-1] > 7
    assert steps.size < 1200
    # Neither a horizon of ages nor one of a blink needs many steps or leaves the bounds.
    assert time_steps(1e9, []).size < 1500
    assert time_steps(1e-6, []).tolist() == [0.0, 1e-6]


@pytest.mark.parametrize("horizon", [0.0, -1.0, math.nan, math.inf])
def test_a_horizon_that_is_none(horizon):
    with pytest.raises(InputError, match="FID-1421"):
        time_steps(horizon, [])
    network = _chain(2)
    with pytest.raises(InputError, match="FID-1421"):
        propagate(network, uniform_parameters(network), [Outage("n0")], horizon_days=horizon)


@pytest.mark.parametrize(
    "changes",
    [
        {"node": "nowhere"}, {"level": -0.1}, {"level": 1.1}, {"level": math.nan}, {"start_days": -1.0},
        {"start_days": math.nan}, {"start_days": math.inf}, {"duration_days": -1.0}, {"duration_days": math.nan},
    ],
)  # fmt: skip
def test_an_outage_that_is_not_possible(changes):
    network = _chain(2)
    with pytest.raises(InputError, match="FID-1422"):
        propagate(network, uniform_parameters(network), [replace(Outage("n0"), **changes)], horizon_days=10.0)


@pytest.mark.parametrize("name", Parameters.__slots__)
@pytest.mark.parametrize("value", [-0.1, math.nan])
def test_parameters_out_of_bounds(name, value):
    network = _chain(2)
    with pytest.raises(InputError, match="FID-1423"):
        propagate(network, uniform_parameters(network, **{name: value}), [], horizon_days=10.0)


def test_parameters_of_the_wrong_shape_or_above_one():
    network = _chain(3)
    good = uniform_parameters(network, samples=2)
    for changes in ({"alpha": np.ones((2, 1))}, {"beta": np.full((2, 2), 1.1)}, {"recovery_days": np.ones((1, 3))}):
        with pytest.raises(InputError, match="FID-1423"):
            propagate(network, with_values(good, changes), [], horizon_days=10.0)
    with pytest.raises(TypeError, match="strength"):
        uniform_parameters(network, strength=1.0)


@pytest.mark.parametrize(
    ("nodes", "edges"),
    [
        ([NodeSpec("a"), NodeSpec("a")], []),
        ([NodeSpec("a")], [EdgeSpec("a", "b")]),
        ([NodeSpec("a"), NodeSpec("b", NodeLaw.ORDER, 2)], [EdgeSpec("a", "b")]),
        ([NodeSpec("a"), NodeSpec("b", NodeLaw.ORDER, 0)], [EdgeSpec("a", "b")]),
        ([NodeSpec("a", NodeLaw.CURVE)], []),
        *(
            ([NodeSpec("a"), NodeSpec("b")], [EdgeSpec("a", "b", EdgeLaw.CURVE, curve)])
            for curve in (
                (), ((0.0, 0.0), (0.0, 1.0)), ((0.0, 0.0), (5.0, 0.5), (6.0, 0.4)), ((0.0, 0.0), (1.0, 1.5)),
                ((-1.0, 0.0), (1.0, 1.0)), ((0.0, 0.2), (1.0, 1.0)), ((0.0, 0.0), (math.nan, 1.0)),
                ((0.0, 0.0), (1.0, math.nan)), ((0.0, 0.0), (math.inf, 1.0)),
            )
        ),
    ],
)  # fmt: skip
def test_a_network_that_is_none(nodes, edges):
    with pytest.raises(InputError, match="FID-1420"):
        build_network(nodes, edges)


def test_nothing_to_propagate_in_an_empty_or_edgeless_network():
    network, _ = build_network([NodeSpec("a")], [])
    run = propagate(network, uniform_parameters(network), [Outage("a", 0.4, 0.0, 2.0)], horizon_days=5.0)
    assert run.lost_days[0, 0] == pytest.approx(0.8, abs=0.01)
    empty, _ = build_network([], [])
    assert propagate(empty, uniform_parameters(empty), [], horizon_days=5.0).lost.size == 0
    with pytest.raises(KeyError):
        network.index("b")

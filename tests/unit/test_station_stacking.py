"""Stacking of solutions into positions and velocities, against simulated truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes
from fiducial.geodesy.propagation import Discontinuity
from fiducial.stations.helmert_design import AT_SURFACE, ParameterKey, helmert_design
from fiducial.stations.stacking import Epoched, StackOptions, positions_of, stack_solutions, velocities_of
from fiducial.stations.stacking_segments import SegmentTable, colocated_velocities, with_velocity_rows
from fiducial.stations.systems import CentreSolution

STATIONS, CORE, EPOCHS, T0 = 14, 8, 26, 2015.0
NO_LIMITS = StackOptions(residual_limit_m=1e6, normalised_limit=1e6)
AXES = ("STAX", "STAY", "STAZ")
JUMP_STATION, JUMP_YR, JUMP_M = 11, 2016.2, np.array([0.02, -0.01, 0.015])


class World:
    def __init__(self, seed, *, factor=1.0, jump=False, twins=False):
        rng = np.random.default_rng(seed)
        longitude, latitude = rng.uniform(-180, 180, STATIONS), rng.uniform(-60, 60, STATIONS)
        self.position = geocentric_position_m(longitude, latitude, 50.0)
        self.velocity = rng.normal(0, 0.02, (STATIONS, 3))
        if twins:
            self.velocity[13] = self.velocity[12]
        axes = local_axes(longitude, latitude)
        self.solutions, self.helmert = [], []
        for epoch in np.linspace(2013.0, 2018.0, EPOCHS):
            chosen = np.sort(rng.permutation(STATIONS)[: STATIONS - 2])
            keys = tuple(ParameterKey(kind, f"S{k:02d}", "A", "1") for k in chosen for kind in AXES)
            true = self.position[chosen] + (epoch - T0) * self.velocity[chosen]
            if jump and epoch > JUMP_YR:
                true = true + np.where(chosen[:, None] == JUMP_STATION, JUMP_M, 0.0)
            true = true.ravel()
            covariance = np.zeros((true.size, true.size))
            for place, k in enumerate(chosen):
                block = slice(3 * place, 3 * place + 3)
                covariance[block, block] = axes[k].T @ np.diag(np.square([2e-3, 2e-3, 6e-3])) @ axes[k]
            design = helmert_design(keys, true)
            helmert = rng.normal(0, 5e-3, 7) / AT_SURFACE
            noise = np.linalg.cholesky(covariance) @ rng.standard_normal(true.size)
            loose = design / AT_SURFACE
            stated = covariance / factor + loose @ loose.T
            self.solutions.append(Epoched(epoch, CentreSolution("week", keys, true - design @ helmert + noise, stated)))
            self.helmert.append(helmert)

    def reference(self, solution="1"):
        sites = [(f"S{k:02d}", "A", solution) for k in range(CORE)]
        return (dict(zip(sites, self.position, strict=False)), dict(zip(sites, self.velocity, strict=False)))

    def stack(self, **options):
        return stack_solutions(self.solutions, *self.reference(), reference_epoch_yr=T0, **options)


def pulls(world, stack):
    found = {key: row for row, key in enumerate(stack.keys)}
    out = []
    for k in range(STATIONS):
        for axis in range(3):
            for kind, true in (("STA", world.position), ("VEL", world.velocity)):
                row = found[ParameterKey(kind + "XYZ"[axis], f"S{k:02d}", "A", "1")]
                out.append((stack.value[row] - true[k, axis]) / np.sqrt(stack.covariance[row, row]))
    return np.array(out)


def test_positions_and_velocities_are_those_of_the_truth():
    found = np.array([pulls(world, world.stack()) for world in map(World, range(20))])
    assert np.sqrt(np.mean(found**2)) == pytest.approx(1.0, abs=0.1)
    assert np.mean(found) == pytest.approx(0.0, abs=0.1)
    # Of 1680 standard normal numbers 4.5 are beyond three.
    assert np.count_nonzero(np.abs(found) > 3.0) < 20


def test_stated_units_of_weight_do_not_matter():
    plain, scaled = World(3).stack(), World(3, factor=400.0).stack()
    np.testing.assert_allclose(scaled.value, plain.value, atol=2e-6)
    assert np.median(scaled.variance_factor) == pytest.approx(400.0, rel=0.2)
    np.testing.assert_allclose(np.sqrt(np.diag(scaled.covariance)), np.sqrt(np.diag(plain.covariance)), rtol=0.01)


def test_helmert_parameters_of_every_solution_come_back():
    world = World(5)
    error = (world.stack().helmert - np.array(world.helmert)) * AT_SURFACE
    # 12 stations of 2 to 6 mm determine an origin to about 2 mm.
    assert np.sqrt(np.mean(error**2)) < 3e-3


def segments(code, point, epoch_yr):
    del point
    return ("2" if code == f"S{JUMP_STATION:02d}" and epoch_yr > JUMP_YR else "1"), "1"


def test_a_discontinuity_of_the_position_keeps_one_velocity():
    world = World(7, jump=True)
    stack = world.stack(segments=segments)
    sites, position, covariance = positions_of(stack)
    first = sites.index((f"S{JUMP_STATION:02d}", "A", "1"))
    second = sites.index((f"S{JUMP_STATION:02d}", "A", "2"))
    jump = position[second] - position[first]
    sigma = np.sqrt(np.diag(covariance[first] + covariance[second]))
    assert np.all(np.abs(jump - JUMP_M) < 4 * sigma)
    rates = [key for key in stack.keys if key.code == f"S{JUMP_STATION:02d}" and key.kind == "VELX"]
    assert len(rates) == 1
    assert np.sqrt(np.mean(pulls(world, stack) ** 2)) < 1.5


def test_an_overlooked_discontinuity_shows_in_the_velocity():
    world = World(7, jump=True)
    assert np.abs(pulls(world, world.stack(options=NO_LIMITS))).max() > 5.0


def test_post_seismic_displacement_is_taken_off():
    world = World(9)
    shift = np.array([0.03, 0.01, -0.02])
    moved = []
    for one in world.solutions:
        value = one.solution.value.copy()
        for row, key in enumerate(one.solution.keys):
            if key.code == "S12":
                value[row] += shift[AXES.index(key.kind)] * np.log1p(max(one.epoch_yr - 2014.0, 0.0))
        old = one.solution
        moved.append(Epoched(one.epoch_yr, CentreSolution(old.name, old.keys, value, old.covariance)))

    def displacement(code, point, epoch_yr):
        del point
        return shift * np.log1p(max(epoch_yr - 2014.0, 0.0)) if code == "S12" else np.zeros(3)

    stack = stack_solutions(moved, *world.reference(), reference_epoch_yr=T0, post_seismic_m=displacement)
    # Held to the value of another linearisation point: millimetre shifts of lever arms are nanometres of datum.
    np.testing.assert_allclose(stack.value, world.stack().value, atol=1e-7)


def test_one_epoch_is_fid_1324():
    world = World(1)
    with pytest.raises(InputError) as caught:
        stack_solutions(world.solutions[:1], *world.reference(), reference_epoch_yr=T0)
    assert caught.value.code == "FID-1324"


def test_a_core_of_two_stations_is_fid_1322():
    world = World(1)
    positions, velocities = (dict(list(part.items())[:2]) for part in world.reference())
    with pytest.raises(InputError, match="FID-1322"):
        stack_solutions(world.solutions, positions, velocities, reference_epoch_yr=T0)


def test_a_segment_of_one_epoch_is_left_out():
    world = World(1)

    def alone(code, point, epoch_yr):
        del point
        number = "2" if code == "S10" and epoch_yr > 2017.9 else "1"
        return number, number

    stack = world.stack(segments=alone)
    assert stack.left_out == {("S10", "A", "2"): "data of less than 0.5 years give no velocity"}
    assert ParameterKey("STAX", "S10", "A", "2") not in stack.keys
    assert ParameterKey("VELX", "S10", "A", "2") not in stack.keys
    assert np.sqrt(np.mean(pulls(world, stack) ** 2)) < 1.5


def test_velocities_alone_of_the_reference_give_positions():
    world = World(2)
    still = {(f"S{k:02d}", "A", "1"): world.velocity[k] for k in range(STATIONS)}
    stack = stack_solutions(world.solutions, world.reference()[0], still, reference_epoch_yr=T0,
                            options=StackOptions(rates=False))  # fmt: skip
    assert {key.kind for key in stack.keys} == set(AXES)
    sites, position, _ = positions_of(stack)
    truth = world.position[[int(site[0][1:]) for site in sites]]
    assert np.abs(position - truth).max() < 4e-3
    assert stack.helmert.shape == (EPOCHS, 7)


def test_inner_constraints_leave_no_mean_and_no_slope():
    stack = World(4).stack(options=StackOptions(datum="inner"))
    elapsed = np.linspace(2013.0, 2018.0, EPOCHS) - T0
    series = stack.helmert[:, :4] * AT_SURFACE[:4]
    assert np.abs(series.mean(axis=0)).max() < 1e-6
    assert np.abs(elapsed @ series).max() / (elapsed @ elapsed) < 1e-6
    # The core still holds the orientation: mean rotations are those of the solutions.
    true = np.array(World(4).helmert)[:, 4:] * AT_SURFACE[4:]
    assert (stack.helmert[:, 4:] * AT_SURFACE[4:]).mean(axis=0) == pytest.approx(true.mean(axis=0), abs=1.5e-3)


def test_a_gross_station_leaves_its_solution_with_a_reason():
    world = World(6)
    old = world.solutions[8]
    value = old.solution.value.copy()
    value[3:6] += np.array([0.05, -0.04, 0.03])
    world.solutions[8] = Epoched(old.epoch_yr, replace(old.solution, value=value))
    stack = world.stack()
    site = old.solution.keys[3].site
    assert [(one.centre, one.site, one.reason) for one in stack.rejections] == [("week 9", site, "residual")]
    assert stack.solutions[8].stations == STATIONS - 3
    assert np.sqrt(np.mean(pulls(world, stack) ** 2)) < 1.4


def test_core_stations_that_moved_or_drift_are_no_core_stations():
    world = World(8)
    positions, velocities = world.reference()
    positions["S01", "A", "1"] = positions["S01", "A", "1"] + np.array([0.06, 0.0, 0.0])
    velocities["S02", "A", "1"] = velocities["S02", "A", "1"] + np.array([0.0, 0.02, 0.0])
    stack = stack_solutions(world.solutions, positions, velocities, reference_epoch_yr=T0)
    assert {(one.site[0], one.reason, one.centre) for one in stack.rejections} == {
        ("S01", "reference", ""), ("S02", "velocity", "")
    }  # fmt: skip
    assert len(stack.core) == CORE - 2
    assert np.sqrt(np.mean(pulls(world, stack) ** 2)) < 1.4


def test_velocities_of_neighbours_are_one_when_asked():
    world = World(10, twins=True)
    pair = (("S12", "A", "1"), ("S13", "A", "1"))
    stack = world.stack(equal_velocities=[pair])
    sites, velocity, covariance = velocities_of(stack)
    one, other = (sites.index(site) for site in pair)
    assert velocity[one] == pytest.approx(velocity[other], abs=1e-5)
    free = world.stack()
    sites, apart, wider = velocities_of(free)
    assert np.abs(apart[one] - apart[other]).max() > 1e-4
    assert np.trace(covariance[one]) < 0.8 * np.trace(wider[one])
    # Those that are not tied hardly move.
    assert velocity[sites.index(("S03", "A", "1"))] == pytest.approx(apart[sites.index(("S03", "A", "1"))], abs=2e-3)


def test_no_solution_is_fid_1321():
    with pytest.raises(InputError, match="FID-1321"):
        stack_solutions([], {}, {}, reference_epoch_yr=T0)


def row(solution, start, end, kind="P"):
    return Discontinuity("ABCD A", solution, start, end, kind)


def test_segments_of_a_table():
    table = SegmentTable({("ABCD", "A"): [
        row("1", -np.inf, 2010.0), row("2", 2010.0, 2012.0), row("3", 2013.0, np.inf),
        row("1", -np.inf, 2010.0, "V"), row("2", 2010.0, np.inf, "V"),
    ]})  # fmt: skip
    site = "ABCD", "A"
    assert [table.number(site, year) for year in (2009.0, 2010.0, 2012.5, 2020.0)] == ["1", "2", None, "3"]
    assert [table.velocity_number((*site, number)) for number in "123"] == ["1", "2", "2"]
    assert table.number(("EFGH", "A"), 2015.0) == "1"
    assert [one.kind for one in table.rows(("EFGH", "A"))] == ["P", "V"]


@pytest.mark.parametrize(
    "rows", [[row("1", 2010.0, 2009.0)], [row("1", -np.inf, np.inf), row("2", 2011.0, np.inf, "V")]]
)
def test_contradicting_segments_are_fid_1363(rows):
    with pytest.raises(InputError, match="FID-1363"):
        SegmentTable({("ABCD", "A"): rows})


def test_velocity_segments_begin_where_the_reference_changes_its_velocity():
    slow, fast = np.array([0.01, 0.0, 0.0]), np.array([0.02, 0.0, 0.0])
    spans = [row("1", -np.inf, 2010.01), row("2", 2010.0, 2012.0), row("3", 2012.5, np.inf)]
    rows = with_velocity_rows(spans, {"1": slow, "2": slow, "3": fast})
    assert [(one.solution, one.start_yr, one.end_yr) for one in rows if one.kind == "V"] == [
        ("1", -np.inf, 2012.5), ("2", 2012.5, np.inf)
    ]  # fmt: skip
    assert SegmentTable({("ABCD", "A"): rows}).number(("ABCD", "A"), 2010.005) == "2"


def test_neighbours_with_data_at_one_time_are_pairs():
    here = np.array([4e6, 1e6, 4e6])
    positions = {("AAAA", "A", "1"): here, ("BBBB", "A", "1"): here + 100.0, ("BBBB", "A", "2"): here + 100.0,
                 ("CCCC", "A", "1"): here + 1e5}  # fmt: skip
    spans = {("AAAA", "A", "1"): (2010.0, 2012.0), ("BBBB", "A", "1"): (2011.0, 2013.0), ("BBBB", "A", "2"): (2013.0, 2015.0),
             ("CCCC", "A", "1"): (2010.0, 2015.0)}  # fmt: skip
    found = colocated_velocities(positions, spans, SegmentTable({}), 500.0)
    assert found == [(("AAAA", "A", "1"), ("BBBB", "A", "1"))]

"""Velocity changes: seen in the orbits, and centres that do not model them."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.orbits.combination import combine_day, prepare_day
from fiducial.orbits.manoeuvres import find_velocity_changes
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.stack import stack_orbits
from synthetic_centres import Centre, after_velocity_change, day, names, truth, with_position

OPTIONS = CombinationOptions()
STRUCK = ("G03", "R02", "E01", "C02", "J01")
SATELLITES = names(G=6, R=4, E=4, C=3, J=2)


def scene(satellite, change, at_s, step_s=300.0, count=288, modelled=3):
    """Five centres of which some model a velocity change of a satellite."""
    true = truth(SATELLITES, step_s, count)
    orbits = day(true, {f"AC{k}": Centre(white_m=0.0005) for k in range(5)})
    seconds = np.arange(count) * step_s
    s = SATELLITES.index(satellite)
    direction = np.array([0.36, 0.48, 0.8])
    moved = after_velocity_change(satellite, change * direction, at_s, seconds) - true.position_m[:, s]
    for k in range(modelled):
        position = orbits[f"AC{k}"].position_m.copy()
        position[:, s] += moved
        orbits[f"AC{k}"] = with_position(orbits[f"AC{k}"], position)
    truth_m = true.position_m.copy()
    truth_m[:, s] += moved
    return orbits, true.epochs_gps, truth_m, s


@pytest.mark.parametrize("satellite", STRUCK)
@pytest.mark.parametrize("change", [0.05, 1.0])
def test_centres_that_do_not_model_it_are_cut_and_the_others_stay(satellite, change):
    orbits, grid, truth_m, s = scene(satellite, change, 40_000.0)
    found = combine_day(prepare_day(stack_orbits(orbits, grid), (), OPTIONS), OPTIONS)
    assert {(one.centre, one.satellite, one.reason) for one in found.exclusions} == {
        ("AC3", satellite, "cut-arc"), ("AC4", satellite, "cut-arc")
    }  # fmt: skip
    usable = np.isfinite(found.day.stack.position_m[..., 0])[:, :, s]
    # The burn is at 40 000 s, epoch 133.3; what departs by less than 5 cm cannot be told from noise.
    assert usable[:, :134].all()
    assert not usable[3:, 136:].any()
    assert usable[:3].all()
    assert usable.size == 5 * 288
    column = found.orbit.satellites.index(satellite)
    assert np.abs(found.orbit.position_m[:, column] - truth_m[:, s]).max() < 0.08


@pytest.mark.parametrize("satellite", STRUCK)
@pytest.mark.parametrize(("change", "at_s"), [(0.05, 30_000.0), (0.3, 30_150.0), (1.0, 52_300.0)])
def test_it_is_found_in_the_orbits_that_model_it(satellite, change, at_s):
    orbits, grid, _, _ = scene(satellite, change, at_s)
    for k in range(5):
        one = orbits[f"AC{k}"]
        found = find_velocity_changes(one.position_m, grid, one.satellites)
        if k >= 3:
            assert found == ()
            continue
        assert [event.satellite for event in found] == [satellite]
        assert found[0].begin_gps - np.timedelta64(900, "s") <= grid[0] + np.timedelta64(int(at_s), "s")
        assert grid[0] + np.timedelta64(int(at_s), "s") <= found[0].end_gps + np.timedelta64(900, "s")
        assert found[0].end_gps - found[0].begin_gps <= np.timedelta64(40, "m")
        assert found[0].change_m_per_s == pytest.approx(change, rel=0.3)


def test_at_15_minutes():
    # The simulated orbits lack the flattening of the Earth; real ones show 0.03 m/s (tests/real).
    orbits, grid, _, _ = scene("G03", 0.5, 40_000.0, step_s=900.0, count=96)
    one = orbits["AC0"]
    assert [event.satellite for event in find_velocity_changes(one.position_m, grid, one.satellites)] == ["G03"]
    quiet = orbits["AC4"]
    assert find_velocity_changes(quiet.position_m, grid, quiet.satellites) == ()


def test_gaps_and_short_arcs_are_no_manoeuvres():
    true = truth(SATELLITES, 300.0, 288)
    position = true.position_m.copy()
    position[100:120, 2] = np.nan
    position[::7, 3] = np.nan
    position[:, 4] = np.nan
    assert find_velocity_changes(position, true.epochs_gps, SATELLITES) == ()
    for count in (0, 1, 2, 5, 6, 7, 8):
        assert find_velocity_changes(position[:count], true.epochs_gps[:count], SATELLITES) == ()


def test_two_manoeuvres_of_two_satellites():
    true = truth(SATELLITES, 300.0, 288)
    position, seconds = true.position_m.copy(), np.arange(288) * 300.0
    for name, at_s in (("G02", 20_000.0), ("E03", 60_000.0)):
        position[:, SATELLITES.index(name)] = after_velocity_change(name, [0.0, 0.2, 0.0], at_s, seconds)
    found = find_velocity_changes(position, true.epochs_gps, SATELLITES)
    assert [one.satellite for one in found] == ["G02", "E03"]

"""Orbits of several centres on one grid."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.orbits.orbit import Clocks, Orbit
from fiducial.orbits.stack import common_grid, median_of_centres, rotate_centre, stack_orbits
from keplerian import START, epochs, orbit
from synthetic_centres import Centre, day, names, truth

HOUR = np.timedelta64(1, "h")


def thinned(one, stride, stop=None):
    keep = slice(None, stop, stride)
    return Orbit(one.epochs_gps[keep], one.satellites, one.position_m[keep], one.clock_s[keep], one.frame)


def test_the_grid_is_that_of_the_finest_without_the_record_at_the_end():
    fine, coarse = orbit(["G01"], 300.0, 289), orbit(["G01"], 900.0, 96)
    grid = common_grid({"A": fine, "B": coarse})
    np.testing.assert_array_equal(grid, epochs(300.0, 288))
    np.testing.assert_array_equal(common_grid({"A": fine, "B": coarse}, 900.0), epochs(900.0, 96))


@pytest.mark.parametrize(("counts", "expected"), [((96, 97, 192), 96), ((96, 192, 193), 192), ((193, 97), 192)])
def test_one_and_two_days_mixed(counts, expected):
    orbits = {f"A{k}": orbit(["G01", "G02"], 900.0, count) for k, count in enumerate(counts)}
    grid = common_grid(orbits)
    assert grid.size == expected
    stack = stack_orbits(orbits, grid)
    for k, count in enumerate(counts):
        assert np.isfinite(stack.position_m[k, :, 0, 0]).sum() == min(count, expected)


def test_two_days_of_which_the_first_is_combined():
    first, second = orbit(["G01"], 900.0, 96), orbit(["G01"], 900.0, 192)
    assert common_grid({"A": first, "B": first, "C": second}).size == 96


@pytest.mark.parametrize("shift", [np.timedelta64(1, "D"), -np.timedelta64(1, "D"), np.timedelta64(40, "D")])
def test_a_file_of_another_day(shift):
    good, wrong = orbit(["G01"], 900.0, 96), orbit(["G01"], 900.0, 96, START + shift)
    with pytest.raises(InputError, match=r"FID-1202.*centre Z"):
        common_grid({"A": good, "B": good, "Z": wrong})


@pytest.mark.parametrize("sampling", [7 * 60.0, 0.0, -300.0, np.nan, np.inf, 90_000.0])
def test_a_sampling_that_does_not_divide_a_day(sampling):
    with pytest.raises(InputError, match="FID-1203"):
        common_grid({"A": orbit(["G01"], 900.0, 96)}, sampling)


@pytest.mark.parametrize("step", [420.0, 1000.0 / 3.0])
def test_a_centre_at_an_odd_sampling(step):
    with pytest.raises(InputError, match="FID-1203"):
        common_grid({"A": orbit(["G01"], step, 96), "B": orbit(["G01"], step, 96)})


def test_without_any_orbit():
    with pytest.raises(InputError, match="FID-1204"):
        common_grid({})
    empty = Orbit(epochs(900.0, 0), ("G01",), np.zeros((0, 1, 3)), np.zeros((0, 1)))
    with pytest.raises(InputError, match="FID-1202"):
        common_grid({"A": orbit(["G01"], 900.0, 96), "Z": empty})


def test_a_single_epoch():
    grid = common_grid({"A": orbit(["G01"], 900.0, 1), "B": orbit(["G01"], 900.0, 1)})
    np.testing.assert_array_equal(grid, [START])
    assert np.isfinite(stack_orbits({"A": orbit(["G01"], 900.0, 1)}, grid).position_m).all()


def test_coarse_orbits_are_interpolated_by_their_difference_to_the_others():
    true = truth(names(G=6, E=2, J=1), 300.0, 288)
    centres = {name: Centre(white_m=0.0) for name in "ABCD"} | {"D": Centre(white_m=0.0, step_s=900.0)}
    orbits, whole = day(true, centres), day(true, centres | {"D": Centre(white_m=0.0)})["D"]
    stack = stack_orbits(orbits, common_grid(orbits))
    assert stack.interpolated[3].sum() == 190
    assert not stack.interpolated[:3].any()
    error = np.linalg.norm(stack.position_m[3] - whole.position_m, axis=-1)
    assert np.isfinite(error[:-2]).all()
    assert np.isnan(error[-2:]).all(), "after 23:45 a centre at 15 min has nothing"
    assert np.nanmax(error[:12]) < 0.0005
    assert np.nanmax(error) < 0.0005
    # Its own epochs stay as they are, and clocks are never interpolated.
    np.testing.assert_array_equal(error[::3], 0.0)
    assert np.isnan(stack.clock_s[3, 1::3]).all()
    assert np.isfinite(stack.clock_s[3, ::3]).all()


def test_alone_a_coarse_orbit_is_interpolated_in_centred_windows_only():
    true = truth(names(G=3, R=2), 300.0, 288)
    coarse = thinned(true, 3)
    stack = stack_orbits({"A": coarse}, true.epochs_gps)
    error = np.linalg.norm(stack.position_m[0] - true.position_m, axis=-1)
    assert np.isfinite(error[15:-17]).all()
    assert np.isnan(error[1:14:3]).all()
    assert np.nanmax(error) < 0.003


def test_a_reference_that_jumps_is_not_followed():
    true = truth(names(G=4), 300.0, 288)
    centres = {name: Centre(sigma_m={"G": 0.002}, white_m=0.0) for name in "AB"}
    orbits = day(true, centres)
    for one in orbits.values():
        one.position_m[130:134, 1] += 0.4
    stack = stack_orbits({**orbits, "C": thinned(true, 3)}, true.epochs_gps)
    error = np.linalg.norm(stack.position_m[2] - true.position_m, axis=-1)
    assert np.nanmax(error[15:-17]) < 0.06


def test_gaps_of_a_coarse_orbit_stay_gaps():
    true = truth(names(G=4), 300.0, 288)
    centres = {name: Centre(white_m=0.0) for name in "ABC"} | {"C": Centre(white_m=0.0, step_s=900.0)}
    orbits = day(true, centres)
    orbits["C"].position_m[40, 2] = np.nan
    gone = orbits["C"]
    gone = Orbit(
        np.delete(gone.epochs_gps, range(60, 64)), gone.satellites, np.delete(gone.position_m, range(60, 64), axis=0),
        np.delete(gone.clock_s, range(60, 64), axis=0),
    )  # fmt: skip
    stack = stack_orbits({**orbits, "C": gone}, true.epochs_gps)
    known = np.isfinite(stack.position_m[2, ..., 0])
    assert not known[118:123, 2].any()
    assert not known[178:192].any()
    whole = day(true, centres | {"C": Centre(white_m=0.0)})["C"]
    error = np.linalg.norm(stack.position_m[2] - whole.position_m, axis=-1)
    assert np.nanmax(error) < 0.01


def test_epochs_off_the_interval_are_left_out_and_harm_no_other():
    true = truth(names(G=4), 300.0, 288)
    odd = thinned(true, 3)
    where = np.sort(np.append(odd.epochs_gps, odd.epochs_gps[30] + np.timedelta64(7, "m")))
    column = int(np.searchsorted(where, odd.epochs_gps[30] + np.timedelta64(7, "m")))
    position = np.insert(odd.position_m, column, 0.5 * (odd.position_m[30] + odd.position_m[31]), axis=0)
    strange = Orbit(where, odd.satellites, position, np.insert(odd.clock_s, column, 0.0, axis=0))
    stack = stack_orbits({"A": true, "B": true, "C": strange}, true.epochs_gps)
    error = np.linalg.norm(stack.position_m[2] - true.position_m, axis=-1)
    assert np.nanmax(error) < 0.003


def test_positions_without_a_coordinate_are_no_positions():
    true = truth(names(G=3), 900.0, 96)
    for value in (np.nan, np.inf):
        for coordinate in range(3):
            broken = true.position_m.copy()
            broken[10, 1, coordinate] = value
            one = Orbit(true.epochs_gps, true.satellites, broken, true.clock_s)
            stack = stack_orbits({"A": one, "B": true}, true.epochs_gps)
            assert np.isnan(stack.position_m[0, 10, 1]).all()
            assert np.isfinite(stack.position_m).sum() == 2 * true.position_m.size - 3


def test_chosen_satellites():
    stack = stack_orbits({"A": orbit(["G01", "G02", "E01"])}, epochs(900.0, 96), ("G02", "E01", "C30"))
    assert np.isfinite(stack.position_m[0, 0, :, 0]).tolist() == [True, True, False]


def test_median_of_centres():
    values = np.array([1.0, 2.0, 4.0, np.nan])[:, None, None, None] * np.ones((4, 1, 1, 3))
    median, count = median_of_centres(values)
    assert count.item() == 3
    np.testing.assert_array_equal(median, 2.0 * np.ones((1, 1, 3)))
    median, count = median_of_centres(np.full((2, 3, 1, 3), np.nan))
    assert not count.any()
    assert np.isnan(median).all()


def test_rotations_turn_positions_only_of_the_centres_named():
    true = orbit(["G01", "G02"])
    stack = stack_orbits({"A": true, "B": true}, true.epochs_gps)
    turned = rotate_centre(stack, {"A": np.array([1e-9, -2e-9, 3e-9]), "Z": np.ones(3)})
    expected = true.position_m + np.cross([1e-9, -2e-9, 3e-9], true.position_m)
    np.testing.assert_allclose(turned.position_m[0], expected, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(turned.position_m[1], true.position_m)
    np.testing.assert_array_equal(stack.position_m[0], true.position_m)


def test_malformed_orbits_and_clocks():
    grid = epochs(900.0, 4)
    with pytest.raises(InputError, match="FID-1200"):
        Orbit(grid, ("G01",), np.zeros((4, 2, 3)), np.zeros((4, 1)))
    with pytest.raises(InputError, match="FID-1200"):
        Orbit(grid, ("R01", "G01"), np.zeros((4, 2, 3)), np.zeros((4, 2)))
    with pytest.raises(InputError, match="FID-1200"):
        Orbit(grid, ("G01", "G01"), np.zeros((4, 2, 3)), np.zeros((4, 2)))
    with pytest.raises(InputError, match="FID-1200"):
        Orbit(grid[::-1], ("G01",), np.zeros((4, 1, 3)), np.zeros((4, 1)))
    with pytest.raises(InputError, match="FID-1200"):
        Clocks(grid, ("G01",), np.zeros((4, 1)), np.zeros((4, 2)))

"""Ortho of the production: exact on noise-free points, equal to a plain least squares, honest about gaps and north."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import NumericsError
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion.ortho import (
    OrthoAccumulator,
    cell_centres,
    cell_keys,
    is_ascending,
    set_zero,
    solvable_cells,
)
from fiducial.motion.resampling import common_grid, resample
from fiducial.timescales import egms_years

GRID = (np.datetime64("2020-01-03") + np.arange(0, 900, 6)).astype("datetime64[ns]")
ASCENDING, DESCENDING = (38.97, -8.94), (37.31, 191.42)


def scene(cells=5, points=4, seed=0, north=0.0, gaps=0.0, noise=0.0, grid=GRID):
    """Return keys, truth (grid, cell, 3) and points with their series on the grid."""
    rng = np.random.default_rng(seed)
    keys = np.sort(cell_keys(4_597_550 + 100 * np.arange(cells), np.full(cells, 1_739_750)))
    years = egms_years(grid)[:, np.newaxis]
    east = rng.normal(0, 5, cells) * years + rng.normal(0, 2, cells) * np.sin(2 * np.pi * years)
    up = rng.normal(0, 5, cells) * years + rng.normal(0, 2, cells) * (np.cos(2 * np.pi * years) - 1)
    truth = np.stack([east, north * years * np.ones(cells), up], axis=2)
    member = np.tile(np.arange(cells), 2 * points)
    ascending = np.repeat([True, False], cells * points)
    angles = np.where(ascending[:, np.newaxis], ASCENDING, DESCENDING) + rng.normal(0, 0.05, (len(member), 2))
    sight = from_angles(angles[:, 0], angles[:, 1])
    series = np.einsum("kpa,pa->kp", truth[:, member], sight) + rng.normal(0, noise, (len(grid), len(member)))
    series[rng.random(series.shape) < gaps] = np.nan
    return keys, truth, member, sight, series


def solve(keys, member, sight, series, height=None, grid=GRID):
    system = OrthoAccumulator(keys, grid)
    system.add(keys[member], sight, np.zeros(len(member)) if height is None else height, series)
    return system.solve()


def test_cells_and_their_centres():
    keys = cell_keys([4597500.0, 4597599.99, 4597600.0], [1739700.0, 1739799.99, 1739800.0])
    assert keys[0] == keys[1] != keys[2]
    east, north = cell_centres(keys)
    assert east.tolist() == [4597550, 4597550, 4597650]
    assert north.tolist() == [1739750, 1739750, 1739850]
    assert cell_keys([0], [100])[0] > cell_keys([5e6], [0])[0]  # northing first


def test_directions_and_solvable_cells():
    assert is_ascending([-0.6, 0.6]).tolist() == [True, False]
    keys = np.array([5, 3, 3, 5, 7, 9])
    ascending = np.array([True, True, False, True, False, True])
    assert solvable_cells(keys, ascending).tolist() == [3]
    keys, ascending = np.array([9, 1, 9, 1]), np.array([True, True, False, False])
    assert solvable_cells(keys, ascending).tolist() == [1, 9]


def test_noise_free_east_and_up_come_back_exactly():
    keys, truth, member, sight, series = scene()
    solved = solve(keys, member, sight, series, height=member * 10.0)
    np.testing.assert_allclose(solved.east_mm, truth[:, :, 0], atol=1e-9)
    np.testing.assert_allclose(solved.up_mm, truth[:, :, 2], atol=1e-9)
    np.testing.assert_allclose(solved.height_m, [0, 10, 20, 30, 40])
    assert solved.points.tolist() == [[4, 4]] * 5


def test_north_leaks_into_up_by_the_published_factors():
    keys, truth, member, sight, series = scene(north=10.0, seed=1)
    solved = solve(keys, member, sight, series)
    leak_up = (solved.up_mm - truth[:, :, 2])[-1] / truth[-1, :, 1]
    leak_east = (solved.east_mm - truth[:, :, 0])[-1] / truth[-1, :, 1]
    np.testing.assert_allclose(leak_up, -0.139, atol=0.002)
    np.testing.assert_allclose(leak_east, -0.016, atol=0.002)


def test_equals_a_plain_least_squares_per_cell_and_epoch_with_noise_and_gaps():
    keys, _, member, sight, series = scene(noise=3.0, gaps=0.2, points=2, seed=2)
    solved = solve(keys, member, sight, series)
    ascending = is_ascending(sight[:, 0])
    for cell in range(len(keys)):
        here = member == cell
        expected = np.full((2, len(GRID)), np.nan)
        for epoch in range(len(GRID)):
            use = here & ~np.isnan(series[epoch])
            if (use & ascending).any() and (use & ~ascending).any():
                expected[:, epoch] = np.linalg.lstsq(sight[use][:, [0, 2]], series[epoch, use], rcond=None)[0]
        expected = set_zero(expected.T, GRID)
        np.testing.assert_allclose(solved.east_mm[:, cell], expected[:, 0], atol=1e-8)
        np.testing.assert_allclose(solved.up_mm[:, cell], expected[:, 1], atol=1e-8)
    assert np.isnan(solved.east_mm).any()
    np.testing.assert_array_equal(np.isnan(solved.east_mm), np.isnan(solved.up_mm))


@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_blocks_in_any_order_give_the_same(gaps):
    keys, _, member, sight, series = scene(noise=2.0, gaps=gaps, seed=3)
    whole = solve(keys, member, sight, series)
    system = OrthoAccumulator(keys, GRID)
    for part in np.array_split(np.random.default_rng(0).permutation(len(member)), 7):
        system.add(keys[member[part]], sight[part], np.zeros(len(part)), series[:, part])
    parts = system.solve()
    np.testing.assert_allclose(parts.east_mm, whole.east_mm, atol=1e-9)
    np.testing.assert_allclose(parts.up_mm, whole.up_mm, atol=1e-9)
    np.testing.assert_array_equal(parts.points, whole.points)


@pytest.mark.parametrize("gaps", [0.0, 0.05, 0.5])
def test_summing_before_interpolating_equals_interpolating_every_point(gaps):
    from fiducial.motion.resampling import resample

    epochs = GRID[np.sort(np.random.default_rng(1).choice(len(GRID), 90, replace=False))]
    keys, _, member, sight, series = scene(noise=2.0, seed=4, grid=epochs)
    series = series.astype(np.float32)
    rng = np.random.default_rng(2)
    some = rng.random(series.shape[1]) < (0.5 if gaps < 0.5 else 1.1)
    series[(rng.random(series.shape) < gaps) & some] = np.nan
    one, other = OrthoAccumulator(keys, GRID), OrthoAccumulator(keys, GRID)
    one.add_series(keys[member], sight, np.zeros(len(member)), series, epochs)
    other.add(keys[member], sight, np.zeros(len(member)), resample(series, epochs, GRID, "nearest"))
    one, other = one.solve(), other.solve()
    np.testing.assert_allclose(one.east_mm, other.east_mm, atol=1e-8)
    np.testing.assert_allclose(one.up_mm, other.up_mm, atol=1e-8)
    np.testing.assert_array_equal(one.points, other.points)


def test_grid_dates_beyond_90_days_of_any_scene_are_missing():
    epochs = np.concatenate([GRID[:10], GRID[-10:]])
    keys, _, member, sight, series = scene(seed=5, grid=epochs)
    system = OrthoAccumulator(keys, GRID)
    system.add_series(keys[member], sight, np.zeros(len(member)), series.astype(np.float32), epochs)
    solved = system.solve()
    distance = np.abs((GRID[:, np.newaxis] - epochs) / np.timedelta64(1, "D")).min(axis=1)
    np.testing.assert_array_equal(np.isnan(solved.up_mm), np.repeat(distance[:, np.newaxis] > 90, len(keys), axis=1))


def test_direction_without_data_near_a_date_makes_that_date_missing():
    keys, truth, member, sight, series = scene(seed=6)
    series[40:50, is_ascending(sight[:, 0]) & (member == 2)] = np.nan
    solved = solve(keys, member, sight, series)
    expected = np.zeros(solved.up_mm.shape, dtype=bool)
    expected[40:50, 2] = True
    np.testing.assert_array_equal(np.isnan(solved.up_mm), expected)
    np.testing.assert_allclose(solved.up_mm[~expected], truth[:, :, 2][~expected], atol=1e-8)


def test_point_without_any_date_counts_but_does_not_disturb():
    keys, truth, member, sight, series = scene(seed=7)
    series[:, 0] = np.nan
    solved = solve(keys, member, sight, series)
    np.testing.assert_allclose(solved.east_mm, truth[:, :, 0], atol=1e-8)


def test_condition_is_that_of_the_normal_matrix():
    keys, _, member, sight, series = scene(cells=1)
    solved = solve(keys, member, sight, series)
    design = sight[:, [0, 2]]
    np.testing.assert_allclose(solved.condition[0], np.linalg.cond(design.T @ design), rtol=1e-9)


@pytest.mark.parametrize("directions", [[True], [False], []])
def test_cell_that_one_direction_misses_is_refused(directions):
    keys, _, member, sight, series = scene()
    use = np.isin(is_ascending(sight[:, 0]), directions) | (member != 3)
    with pytest.raises(NumericsError) as caught:
        solve(keys, member[use], sight[use], series[:, use])
    assert caught.value.code == "FID-3040"


def test_no_cells_at_all_are_refused():
    with pytest.raises(NumericsError, match="FID-3040"):
        OrthoAccumulator(np.empty(0, dtype=np.int64), GRID).solve()


def test_set_zero_makes_the_model_start_at_zero_and_is_idempotent():
    years = egms_years(GRID)[:, np.newaxis]
    model = 7.0 + 3 * years - years**2 + 0.5 * years**3 + 2 * np.sin(2 * np.pi * years)
    noisy = model + np.random.default_rng(0).normal(0, 1, (len(GRID), 6))
    noisy[:50, 3] = np.nan
    noisy[::2, 4] = np.nan
    zeroed = set_zero(noisy, GRID)
    np.testing.assert_allclose(set_zero(model, GRID), model - 7.0, atol=1e-9)
    np.testing.assert_allclose(set_zero(zeroed, GRID), zeroed, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(zeroed), np.isnan(noisy))
    shift = (noisy - zeroed)[~np.isnan(noisy[:, 5]), 5]
    np.testing.assert_allclose(shift, shift[0])


def test_series_too_short_for_the_model_are_missing_whole():
    series = np.zeros((len(GRID), 2))
    series[5:, 0] = np.nan
    assert np.isnan(set_zero(series, GRID)[:, 0]).all()
    assert not np.isnan(set_zero(series, GRID)[:, 1]).any()


def test_point_of_no_cell_is_refused_and_not_counted_into_another():
    grid = np.arange("2020-01-03", "2021-01-03", 6, dtype="datetime64[D]").astype("datetime64[ns]")
    system = OrthoAccumulator(np.array([3, 7]), grid)
    for key in (5, 9):
        with pytest.raises(NumericsError, match="FID-3042"):
            system.add(np.array([key]), np.array([[0.6, -0.1, 0.79]]), np.zeros(1), np.zeros((len(grid), 1)))


def test_summing_before_interpolating_is_the_same_as_after():
    rng = np.random.default_rng(8)
    epochs = np.sort(rng.choice(np.arange("2020-01-03", "2022-01-03", dtype="datetime64[D]"), 90, replace=False))
    epochs = epochs.astype("datetime64[ns]")
    grid = common_grid([epochs])
    keys = np.array([3, 3, 7, 7, 7])
    sight = np.column_stack([[0.6, -0.62, 0.6, -0.62, -0.6], np.full(5, -0.1), np.full(5, 0.78)])
    series = rng.normal(0, 5, (90, 5)).astype(np.float32)
    series[4, 1] = np.nan
    together, apart = OrthoAccumulator(np.array([3, 7]), grid), OrthoAccumulator(np.array([3, 7]), grid)
    together.add_series(keys, sight, np.zeros(5), series, epochs)
    apart.add(keys, sight, np.zeros(5), resample(series, epochs, grid, "nearest"))
    for one, other in zip(vars(together.solve()).values(), vars(apart.solve()).values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_zero_of_too_few_dates_is_unknown():
    grid = np.array(["2020-01-03", "2020-01-09"], dtype="datetime64[ns]")
    assert np.isnan(set_zero(np.ones((2, 3)), grid)).all()

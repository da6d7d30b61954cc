"""Weighted Ortho: exact without noise, formal errors that agree with the scatter, north removed, gaps survived."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion.ortho import OrthoAccumulator, cell_keys
from fiducial.motion.ortho_weighted import (
    POINT_SIGMA_FLOOR_MM,
    NorthVelocity,
    WeightedOrthoAccumulator,
    common_variance_mm2,
    model_residuals,
)
from fiducial.timescales import egms_years

GRID = (np.datetime64("2020-01-03") + np.arange(0, 600, 6)).astype("datetime64[ns]")
TRACKS = {"117": (38.97, -8.94), "022": (37.31, 191.42), "044": (33.0, -9.5)}


def points(cells=4, per_track=3, tracks=("117", "022"), seed=0):
    """Return keys and, by track, the cell of each point, its line of sight and its noise."""
    rng = np.random.default_rng(seed)
    keys = np.sort(cell_keys(4_597_550 + 100 * np.arange(cells), np.full(cells, 1_739_750)))
    found = {}
    for track in tracks:
        member = np.repeat(np.arange(cells), per_track)
        angles = np.array(TRACKS[track]) + rng.normal(0, 0.05, (len(member), 2))
        found[track] = member, from_angles(angles[:, 0], angles[:, 1]), rng.uniform(1, 5, len(member))
    return keys, found


def truth_enu(cells, north=0.0, seed=1):
    rng = np.random.default_rng(seed)
    years = egms_years(GRID)[:, np.newaxis]
    east, up = (rng.normal(0, 5, cells) * years + rng.normal(0, 2, cells) * np.sin(2 * np.pi * years) for _ in "eu")
    return np.stack([east, north * years * np.ones(cells), up], axis=2)


def solve(keys, found, series, common=0.0, north=None):
    system = WeightedOrthoAccumulator(keys, GRID, dict.fromkeys(found, common))
    for track, (member, sight, sigma) in found.items():
        system.add(track, keys[member], sight, np.full(len(member), 5.0), series[track], sigma)
    return system.solve(north)


def noise_free(found, truth):
    return {track: np.einsum("kpa,pa->kp", truth[:, member], sight) for track, (member, sight, _) in found.items()}


@pytest.mark.parametrize("tracks", [("117", "022"), ("117", "022", "044")])
def test_noise_free_east_and_up_come_back(tracks):
    keys, found = points(tracks=tracks)
    truth = truth_enu(len(keys))
    solved = solve(keys, found, noise_free(found, truth), common=1.0)
    # The mean look of each track stands for its points: what is lost is second order in 0.05 degrees.
    np.testing.assert_allclose(solved.east_mm, truth[:, :, 0], atol=1e-9)
    np.testing.assert_allclose(solved.up_mm, truth[:, :, 2], atol=1e-9)
    assert solved.geometries.tolist() == [len(tracks)] * 4
    assert solved.points.tolist() == [[3 * (len(tracks) - 1), 3]] * 4
    np.testing.assert_allclose(solved.height_m, 5.0)


def test_north_of_a_model_is_removed_and_what_is_left_in_leaks_as_stated():
    keys, found = points(seed=2)
    truth = truth_enu(len(keys), north=10.0)
    series = noise_free(found, truth)
    model = NorthVelocity(np.full(4, 10.0), np.full(4, 0.2))
    removed, left = solve(keys, found, series, north=model), solve(keys, found, series)
    np.testing.assert_allclose(removed.up_mm, truth[:, :, 2], atol=1e-9)
    np.testing.assert_allclose(removed.east_mm, truth[:, :, 0], atol=1e-9)
    np.testing.assert_allclose(left.up_mm - removed.up_mm, truth[:, :, 1] * left.north_to_up, atol=1e-9)
    np.testing.assert_allclose(left.east_mm - removed.east_mm, truth[:, :, 1] * left.north_to_east, atol=1e-9)
    np.testing.assert_allclose(left.north_to_up, -0.139, atol=0.002)
    np.testing.assert_allclose(left.north_to_east, -0.016, atol=0.002)


def test_a_millimetre_added_to_one_track_moves_the_result_as_stated():
    keys, found = points(tracks=("117", "022", "044"), seed=3)
    series = noise_free(found, truth_enu(len(keys)))
    before = solve(keys, found, series, common=2.0)
    # A constant would be taken away by the zero of the first date; a trend stays.
    years = egms_years(GRID)[:, np.newaxis]
    for k, track in enumerate(found):
        after = solve(keys, found, series | {track: series[track] + years}, common=2.0)
        np.testing.assert_allclose(after.east_mm - before.east_mm, years * before.tie_to_east[k], atol=1e-9)
        np.testing.assert_allclose(after.up_mm - before.up_mm, years * before.tie_to_up[k], atol=1e-9)


@pytest.mark.parametrize("common", [0.0, 2.0])
@pytest.mark.parametrize("tracks", [("117", "022"), ("117", "022", "044")])
def test_formal_error_agrees_with_the_scatter(common, tracks):
    keys, found = points(tracks=tracks, seed=4)
    rng = np.random.default_rng(5)
    runs = 60
    errors = []
    for _ in range(runs):
        series = {}
        for track, (member, _, sigma) in found.items():
            shared = rng.normal(0, common, (len(GRID), len(keys)))
            series[track] = shared[:, member] + rng.normal(0, 1, (len(GRID), len(member))) * sigma
        solved = solve(keys, found, series, common=common)
        errors.append(np.stack([model_residuals(solved.east_mm, GRID), model_residuals(solved.up_mm, GRID)]))
    stacked = np.moveaxis(np.stack(errors), 2, 1).reshape(runs * len(GRID), 2, len(keys))
    # Six model parameters are fitted out of every series; 6000 samples scatter by 0.9 %.
    scale = np.sqrt(len(GRID) / (len(GRID) - 6))
    np.testing.assert_allclose(stacked[:, 0].std(axis=0) * scale, solved.sigma_east_mm, rtol=0.04)
    np.testing.assert_allclose(stacked[:, 1].std(axis=0) * scale, solved.sigma_up_mm, rtol=0.04)
    scatter = [np.corrcoef(stacked[:, 0, cell], stacked[:, 1, cell])[0, 1] for cell in range(len(keys))]
    np.testing.assert_allclose(scatter, solved.correlation, atol=0.05)


def test_common_error_does_not_average_out_with_the_number_of_points():
    keys, few = points(per_track=2)
    _, many = points(per_track=200)
    sigma = {n: solve(keys, f, noise_free(f, truth_enu(4)), common=3.0).sigma_up_mm for n, f in ((2, few), (200, many))}
    lonely = solve(keys, many, noise_free(many, truth_enu(4)), common=0.0).sigma_up_mm
    assert np.all(lonely < 0.2)
    assert np.all(sigma[200] > 2.5)
    assert np.all(sigma[200] < sigma[2])


def test_better_points_weigh_more_but_none_beyond_the_floor():
    keys, found = points(cells=1, per_track=2, seed=6)
    member, sight, _ = found["117"]
    sight = np.repeat(sight[:1], 2, axis=0)
    series = noise_free(found, np.zeros((len(GRID), 1, 3)))
    years = egms_years(GRID)
    series["117"][:, 0] = years
    for sigmas, share in (((1.0, 1.0), 0.5), ((1.0, 2.0), 0.8), ((1e-6, POINT_SIGMA_FLOOR_MM), 0.5)):
        solved = solve(keys, found | {"117": (member, sight, np.array(sigmas))}, series)
        np.testing.assert_allclose(solved.up_mm[:, 0], share * years * solved.tie_to_up[0, 0], atol=1e-9)


def test_equal_weights_without_common_error_are_the_official_solution_of_mean_looks():
    keys, found = points(seed=7)
    found = {track: (member, np.repeat(sight[:1], len(member), axis=0), np.ones(len(member)))
             for track, (member, sight, _) in found.items()}  # fmt: skip
    rng = np.random.default_rng(8)
    series = {track: rng.normal(0, 3, (len(GRID), len(member))) for track, (member, _, _) in found.items()}
    official = OrthoAccumulator(keys, GRID)
    for track, (member, sight, _) in found.items():
        official.add(keys[member], sight, np.zeros(len(member)), series[track])
    expected, solved = official.solve(), solve(keys, found, series)
    np.testing.assert_allclose(solved.east_mm, expected.east_mm, atol=1e-9)
    np.testing.assert_allclose(solved.up_mm, expected.up_mm, atol=1e-9)
    np.testing.assert_allclose(solved.condition, expected.condition, rtol=1e-9)


def test_missing_dates_of_points_and_of_whole_tracks():
    keys, found = points(tracks=("117", "022", "044"), seed=9)
    truth = truth_enu(len(keys))
    series = noise_free(found, truth)
    series["117"][10:20, 0] = np.nan  # one of three points
    series["044"][30:40] = np.nan  # one of two ascending tracks
    series["022"][50:60, :3] = np.nan  # the only descending track, first cell
    solved = solve(keys, found, series, common=1.0)
    expected = np.zeros(solved.up_mm.shape, dtype=bool)
    expected[50:60, 0] = True
    np.testing.assert_array_equal(np.isnan(solved.up_mm), expected)
    np.testing.assert_array_equal(np.isnan(solved.east_mm), expected)
    # A mean look that stands for points of which one is missing is off by some 1e-3 of the displacement.
    np.testing.assert_allclose(solved.up_mm[~expected], truth[:, :, 2][~expected], atol=0.05)
    np.testing.assert_allclose(solved.up_mm[61:], truth[61:, :, 2], atol=0.05)


def test_cell_that_a_direction_never_sees_is_missing():
    keys, found = points()
    found["022"] = tuple(part[:9] for part in found["022"])  # no point in the last cell
    solved = solve(keys, found, noise_free(found, truth_enu(len(keys))))
    assert np.isnan(solved.up_mm[:, 3]).all()
    assert not np.isnan(solved.up_mm[:, :3]).any()
    assert solved.geometries.tolist() == [2, 2, 2, 1]
    assert np.isfinite(solved.sigma_up_mm[:3]).all()


@pytest.mark.parametrize(("shared", "own"), [(2.0, 3.0), (0.5, 4.0), (0.0, 3.0)])
def test_common_variance_of_a_simulation_comes_back(shared, own):
    rng = np.random.default_rng(10)
    cells, found = 400, []
    years = egms_years(GRID)[:, np.newaxis]
    for _ in range(10):  # one run scatters by 0.05 mm2 at most
        size = rng.integers(1, 8, cells)
        keys = np.repeat(np.arange(cells), size)
        series = rng.normal(0, shared, (len(GRID), cells))[:, keys] + rng.normal(0, own, (len(GRID), len(keys)))
        series += rng.normal(0, 5, len(keys)) * years + rng.normal(0, 5, len(keys))
        order = rng.permutation(len(keys))
        variance, pairs = common_variance_mm2(keys[order], model_residuals(series[:, order], GRID))
        assert pairs == np.sum(size * (size - 1) // 2)
        found.append(variance)
    assert np.mean(found) == pytest.approx(shared**2, abs=0.06)


def test_common_variance_needs_pairs_and_leaves_out_series_with_gaps():
    residuals = np.random.default_rng(11).normal(0, 1, (len(GRID), 4))
    variance, pairs = common_variance_mm2(np.arange(4), residuals)
    assert np.isnan(variance)
    assert pairs == 0
    residuals[3, 1] = np.nan
    assert common_variance_mm2(np.array([1, 1, 2, 2]), residuals)[1] == 1


def test_common_variance_is_never_negative():
    residuals = np.random.default_rng(12).normal(0, 1, (len(GRID), 1))
    assert common_variance_mm2(np.array([1, 1]), np.hstack([residuals, -residuals])) == (0.0, 1)

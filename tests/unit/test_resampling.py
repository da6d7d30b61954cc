"""Resampling in time: nearest with ties averaged, the 90-day limit, gaps of single points."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.motion.resampling import common_grid, resample, resampling_matrix


def days(*numbers: float) -> np.ndarray:
    return (np.datetime64("2020-01-03") + np.array(numbers, dtype="timedelta64[D]")).astype("datetime64[ns]")


def weights(epochs, grid, method="nearest", **options) -> np.ndarray:
    return resampling_matrix(epochs, grid, method, **options).toarray()


def test_grid_runs_from_the_latest_start_in_steps_and_not_past_the_earliest_end():
    grid = common_grid([days(0, 6, 100), days(3, 50, 98)])
    np.testing.assert_array_equal(grid, days(*range(3, 99, 6)))
    np.testing.assert_array_equal(common_grid([days(0, 12)]), days(0, 6, 12))
    np.testing.assert_array_equal(common_grid([days(0, 30)], step_days=12), days(0, 12, 24))


@pytest.mark.parametrize("other", [(20, 40), (10, 30), (7, 12)])
def test_no_time_in_common(other):
    with pytest.raises(InputError) as caught:
        common_grid([days(0, 6, 12), days(*other)])
    assert caught.value.code == "FID-1008"
    assert "2020-01-15" in caught.value.problem


def test_nearest_takes_the_sample_and_averages_two_equally_near_ones():
    np.testing.assert_array_equal(
        weights(days(0, 12, 18), days(0, 6, 8, 12, 15, 18)),
        [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]],
    )


def test_outside_the_samples_the_end_is_nearest_within_90_days():
    expected = [[0, 0], [1, 0], [0, 1], [0, 0]]
    for method in ("nearest", "linear"):
        np.testing.assert_array_equal(weights(days(0, 100), days(-91, -90, 190, 191), method), expected)


def test_limit_inside_a_gap_counts_from_the_nearer_side():
    found = weights(days(0, 182), days(90, 91, 92))
    np.testing.assert_array_equal(found, [[1, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(weights(days(0, 182), days(91), maximum_distance_days=91), [[0.5, 0.5]])


def test_linear_weights():
    np.testing.assert_allclose(
        weights(days(0, 12, 24), days(0, 3, 12, 22), "linear"),
        [[1, 0, 0], [0.75, 0.25, 0], [0, 1, 0], [0, 1 / 6, 5 / 6]], atol=1e-15,
    )  # fmt: skip


def test_time_of_day_does_not_matter():
    late = days(0, 12) + np.timedelta64(17 * 3600, "s")
    np.testing.assert_array_equal(weights(late, days(0, 6, 12)), weights(days(0, 12), days(0, 6, 12)))


@pytest.mark.parametrize("method", ["nearest", "linear"])
def test_rows_sum_to_one_or_zero_on_random_dates(method):
    rng = np.random.default_rng(3)
    epochs = days(*np.unique(rng.integers(0, 2000, 25)))
    rows = weights(epochs, days(*range(-200, 2200, 7)), method).sum(axis=1)
    assert np.all(np.isclose(rows, 1) | (rows == 0))
    assert {0.0, 1.0} <= set(rows.round(12))


def test_nearest_equals_brute_force():
    rng = np.random.default_rng(4)
    samples = np.unique(rng.integers(0, 900, 40))
    wanted = np.arange(-100, 1000)
    found = weights(days(*samples), days(*wanted))
    for row, day in zip(found, wanted, strict=True):
        distance = np.abs(samples - day)
        nearest = distance == distance.min()
        expected = nearest / nearest.sum() if distance.min() <= 90 else np.zeros(len(samples))
        np.testing.assert_array_equal(row, expected)


def test_linear_reproduces_a_line_and_nearest_a_constant():
    epochs, grid = days(0, 7, 30, 55), days(*range(56))
    line = (np.arange(56) * 0.1).astype(np.float32)
    series = line[[0, 7, 30, 55]][:, np.newaxis]
    np.testing.assert_allclose(resample(series, epochs, grid, "linear")[:, 0], line, atol=1e-6)
    np.testing.assert_array_equal(resample(np.full((4, 2), 3, np.float32), epochs, grid, "nearest"), 3.0)


def test_each_point_is_resampled_from_its_own_samples():
    epochs, grid = days(0, 6, 12, 200), days(0, 6, 12, 103, 200)
    nan = np.nan
    series = np.array(
        [[1, nan, nan, 1, nan], [2, nan, nan, nan, 2], [3, 30, nan, 3, 3], [4, 40, nan, nan, nan]], dtype=np.float32
    )
    np.testing.assert_array_equal(
        resample(series, epochs, grid, "nearest"),
        [[1, 30, nan, 1, 2], [2, 30, nan, 2, 2], [3, 30, nan, 3, 3], [nan, nan, nan, nan, nan], [4, 40, nan, nan, nan]],
    )


def test_points_with_many_patterns_equal_one_by_one():
    rng = np.random.default_rng(5)
    epochs, grid = days(*range(0, 240, 12)), days(*range(0, 240, 6))
    series = rng.normal(size=(20, 30)).astype(np.float32)
    series[rng.random(series.shape) < 0.3] = np.nan
    for method in ("nearest", "linear"):
        together = resample(series, epochs, grid, method)
        alone = [resample(series[:, [k]], epochs, grid, method)[:, 0] for k in range(30)]
        np.testing.assert_array_equal(together, np.stack(alone, axis=1))

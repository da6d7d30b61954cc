"""Doubles of overlapping bursts, dates of several sources, medians of cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducial.errors import InputError
from fiducial.motion.merging import BurstPoints, cell_medians, grid_shape, resolve_duplicates, union_of_epochs


def points(rows):
    """Rows of easting, northing, track, burst, swath, coherence, rmse."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    whole = table[:, 2:5].astype(np.int64)
    return BurstPoints(table[:, 0], table[:, 1], *whole.T, temporal_coherence=table[:, 5], rmse_mm=table[:, 6])


def oracle(rows, distance_m):
    """Decide one point after the other, from the best downwards."""
    quality = sorted(
        range(len(rows)),
        key=lambda i: (-np.nan_to_num(rows[i][5], nan=-9), np.nan_to_num(rows[i][6], nan=9e9), rows[i][3], rows[i][4]),
    )
    kept = []
    for i in quality:
        beaten = any(
            rows[i][2] == rows[j][2]
            and tuple(rows[i][3:5]) != tuple(rows[j][3:5])
            and np.hypot(rows[i][0] - rows[j][0], rows[i][1] - rows[j][1]) < distance_m
            for j in kept
        )
        if not beaten:
            kept.append(i)
    return np.isin(np.arange(len(rows)), kept)


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [((0.8, 2.0), (0.9, 3.0), 1), ((0.9, 3.0), (0.9, 2.0), 1), ((0.9, 2.0), (0.9, 2.0), 0), ((np.nan, 1.0), (0.1, 9.0), 1),
     ((0.9, np.nan), (0.9, 9.0), 1)],
)  # fmt: skip
def test_better_point_stays_by_coherence_then_rmse_then_burst(first, second, stays):
    result = resolve_duplicates(points([[0, 0, 22, 845, 2, *first], [6, 7.9, 22, 846, 2, *second]]))
    assert result.keep.tolist() == [stays == 0, stays == 1]
    assert result.replaced_by.tolist() == [-1 if stays == 0 else 1, -1 if stays == 1 else 0]
    (overlap,) = result.overlaps
    assert (overlap.track, overlap.first, overlap.second) == (22, (845, 2), (846, 2))
    assert (overlap.dropped_first, overlap.dropped_second) == (stays, 1 - stays)
    assert result.dropped == 1


def test_points_at_the_distance_of_other_tracks_and_of_one_burst_all_stay():
    rows = [
        [0, 0, 22, 845, 2, 0.9, 1],
        [10, 0, 22, 846, 2, 0.8, 1],  # exactly at the distance: not closer
        [0, 0, 117, 227, 2, 0.7, 1],  # the other line of sight
        [-1, 0, 22, 845, 2, 0.6, 1],  # a neighbour in its own burst
    ]
    assert resolve_duplicates(points(rows), distance_m=10.0).keep.all()
    # Sub-swaths of one burst number are different bursts.
    rows[3][4] = 3
    assert resolve_duplicates(points(rows)).keep.tolist() == [True, True, True, False]


def test_a_point_does_not_give_way_to_one_that_goes_itself():
    rows = [[0, 0, 1, 1, 1, 0.9, 1], [8, 0, 1, 2, 1, 0.8, 1], [16, 0, 1, 1, 1, 0.7, 1]]
    result = resolve_duplicates(points(rows))
    assert result.keep.tolist() == [True, False, True]
    assert result.replaced_by.tolist() == [-1, 0, -1]


def test_no_points_and_bad_distances():
    empty = resolve_duplicates(points([]))
    assert empty.keep.size == empty.dropped == 0
    assert empty.overlaps == ()
    for distance in (0.0, -1.0, 101.0, np.nan):
        with pytest.raises(InputError, match="FID-1088"):
            resolve_duplicates(points([[0, 0, 1, 1, 1, 1, 1]]), distance_m=distance)


coordinate = st.integers(0, 40)
row = st.tuples(coordinate, coordinate, st.integers(1, 2), st.integers(1, 3), st.integers(1, 2),
                st.sampled_from([0.5, 0.6, np.nan]), st.sampled_from([1.0, 2.0, np.nan]))  # fmt: skip


@given(st.lists(row, max_size=25), st.sampled_from([3.0, 10.0, 30.0]), st.randoms(use_true_random=False))
def test_same_as_one_by_one_and_in_any_order(rows, distance_m, random):
    rows = [list(one) for one in rows]
    result = resolve_duplicates(points(rows), distance_m=distance_m)
    np.testing.assert_array_equal(result.keep, oracle(rows, distance_m))
    for index in np.flatnonzero(~result.keep):
        winner = rows[result.replaced_by[index]]
        assert result.keep[result.replaced_by[index]]
        assert winner[2] == rows[index][2]
        assert winner[3:5] != rows[index][3:5]
        assert np.hypot(winner[0] - rows[index][0], winner[1] - rows[index][1]) < distance_m
    assert sum(o.dropped_first + o.dropped_second for o in result.overlaps) == result.dropped
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = resolve_duplicates(points([rows[i] for i in order]), distance_m=distance_m)
    np.testing.assert_array_equal(shuffled.keep, result.keep[order])
    assert shuffled.overlaps == result.overlaps


def test_union_of_epochs():
    one, other = (
        np.array(days, dtype="datetime64[ns]") for days in (["2020-01-03", "2020-01-15"], ["2020-01-09", "2020-01-15"])
    )
    union, places = union_of_epochs([one, other])
    assert np.array_equal(union, np.unique(np.concatenate([one, other])))
    for days, place in zip((one, other), places, strict=True):
        np.testing.assert_array_equal(union[place], days)


@given(
    st.lists(st.tuples(st.floats(-900, 900), st.floats(-900, 900), st.floats(-50, 50)), min_size=1, max_size=30),
    st.sampled_from([50.0, 100.0]),
)
def test_cell_medians_by_brute_force(rows, spacing_m):
    easting, northing, value = np.array(rows).T
    grid = cell_medians(easting, northing, value, spacing_m=spacing_m)
    assert grid.value.shape == grid_shape(easting, northing, spacing_m)
    filled = 0
    for row_index, column_index in np.ndindex(grid.value.shape):
        west, north = grid.west + column_index * spacing_m, grid.north - row_index * spacing_m
        inside = (np.floor(easting / spacing_m) * spacing_m == west) & (
            np.floor(northing / spacing_m) * spacing_m == north - spacing_m
        )
        expected = np.median(value[inside]) if inside.any() else np.nan
        np.testing.assert_allclose(grid.value[row_index, column_index], expected, atol=1e-5)
        filled += inside.any()
    assert grid.cells == filled


def test_cell_medians_leave_out_unknown_values():
    grid = cell_medians([10, 20, 30, 950], [10, 20, 30, 10], [1.0, np.nan, 3.0, np.nan], spacing_m=100.0)
    assert grid.value.tolist() == [[2.0]]
    assert (grid.west, grid.north, grid.cells) == (0.0, 100.0, 1)

"""Ortho: linear in the displacement, exact for any two looks, blind to the order of points and to a constant."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion.ortho import OrthoAccumulator, is_ascending, set_zero
from fiducial.motion.resampling import resample, resampling_matrix
from fiducial.timescales import egms_years

GRID = (np.datetime64("2020-01-03") + np.arange(0, 300, 6)).astype("datetime64[ns]")
INCIDENCE = st.floats(28, 46)
VELOCITY = st.floats(-30, 30)


def solve(sight, series):
    system = OrthoAccumulator(np.array([7]), GRID)
    system.add(np.full(len(sight), 7), sight, np.zeros(len(sight)), series)
    return system.solve()


def looks(ascending, descending):
    headings = [-10.0] * len(ascending) + [190.0] * len(descending)
    return from_angles(np.array([*ascending, *descending]), np.array(headings))


@given(st.lists(INCIDENCE, min_size=1, max_size=4), st.lists(INCIDENCE, min_size=1, max_size=4), VELOCITY, VELOCITY)
@settings(max_examples=50)
def test_any_looks_recover_east_and_up(ascending, descending, east, up):
    sight = looks(ascending, descending)
    years = egms_years(GRID)[:, np.newaxis]
    solved = solve(sight, years * (sight[:, 0] * east + sight[:, 2] * up))
    np.testing.assert_allclose(solved.east_mm, years * east, atol=1e-7)
    np.testing.assert_allclose(solved.up_mm, years * up, atol=1e-7)
    assert solved.points.tolist() == [[len(ascending), len(descending)]]


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(-100, 100))
@settings(max_examples=30)
def test_linear_and_blind_to_order_and_constant(seed, factor, constant):
    rng = np.random.default_rng(seed)
    sight = looks(rng.uniform(30, 45, 3), rng.uniform(30, 45, 2))
    one, two = rng.normal(0, 5, (2, len(GRID), 5))
    order = rng.permutation(5)
    combined = solve(sight[order], (one + factor * two + constant)[:, order])
    np.testing.assert_allclose(combined.up_mm, solve(sight, one).up_mm + factor * solve(sight, two).up_mm, atol=1e-8)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9))
@settings(max_examples=30)
def test_missing_dates_never_spread(seed, share):
    rng = np.random.default_rng(seed)
    sight = looks([35.0, 36.0], [38.0, 39.0])
    years = egms_years(GRID)[:, np.newaxis]
    series = years * (sight[:, 0] * 4 - sight[:, 2] * 7)
    series[rng.random(series.shape) < share] = np.nan
    present = ~np.isnan(series)
    ascending = is_ascending(sight[:, 0])
    both = present[:, ascending].any(axis=1) & present[:, ~ascending].any(axis=1)
    assume(both.sum() >= 6)
    solved = solve(sight, series)
    np.testing.assert_array_equal(~np.isnan(solved.up_mm[:, 0]), both)
    # Few dates cannot hold six parameters apart; the shape is exact, the constant as good as the model allows.
    difference = solved.up_mm[both, 0] + 7 * years[both, 0]
    np.testing.assert_allclose(difference, difference[0], atol=1e-6)


@given(st.lists(st.integers(0, 1500), min_size=1, max_size=30, unique=True), st.sampled_from(["nearest", "linear"]))
def test_resampling_stays_between_the_samples_and_reproduces_their_dates(samples, method):
    epochs = (np.datetime64("2020-01-01") + np.sort(samples)).astype("datetime64[ns]")
    grid = (np.datetime64("2019-11-01") + np.arange(0, 1700, 5)).astype("datetime64[ns]")
    values = np.sin(np.arange(len(samples), dtype=np.float32))[:, np.newaxis]
    found = resample(values, epochs, grid, method)
    assert np.nanmax(found, initial=-2) <= values.max() + 1e-6
    assert np.nanmin(found, initial=2) >= values.min() - 1e-6
    np.testing.assert_allclose(resample(values, epochs, epochs, method), values, atol=1e-6)
    matrix = resampling_matrix(epochs, grid, method)
    assert np.all(matrix.data > 0)


@given(st.integers(0, 2**32 - 1), st.floats(-1e3, 1e3))
@settings(max_examples=30)
def test_zero_of_the_first_date_does_not_depend_on_a_constant(seed, constant):
    series = np.random.default_rng(seed).normal(0, 5, (len(GRID), 3))
    np.testing.assert_allclose(set_zero(series + constant, GRID), set_zero(series, GRID), atol=1e-8)

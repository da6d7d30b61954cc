"""What must hold for every series: shift, scale, sign; writing and reading."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import series_factory as factory
from fiducial.formats import tenv, tms
from fiducial.stations.midas import midas
from fiducial.stations.outliers import screen_outliers
from fiducial.stations.trajectory import fit_trajectory

METRES = st.integers(-9_000_000, 9_000_000).map(lambda micro: micro / 1e6)


def _random_series(seed):
    rng = np.random.default_rng(seed)
    keep = rng.random(1200) > 0.2
    values = factory.linear(1200, noise_m=0.002, seed=seed) + factory.flicker(rng, 1200, 3, 0.004)
    return factory.series(values[keep], epochs=(factory.START + np.arange(1200) * factory.DAY)[keep])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(-3000, 3000), st.floats(-50.0, 50.0))
def test_midas_does_not_know_when_or_where_a_series_begins(seed, days, offset):
    series = _random_series(seed)
    moved = replace(series, epochs=series.epochs + days * factory.DAY, displacement_m=series.displacement_m + offset)
    first, second = midas(series), midas(moved)
    np.testing.assert_allclose(first.velocity_m_per_yr, second.velocity_m_per_yr, atol=1e-12)
    np.testing.assert_allclose(first.sigma_m_per_yr, second.sigma_m_per_yr, atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-1.0, 1000.0, -0.01]))
def test_midas_and_screening_follow_scale_and_sign(seed, factor):
    series = _random_series(seed)
    scaled = replace(series, displacement_m=series.displacement_m * factor)
    first, second = midas(series), midas(scaled)
    np.testing.assert_allclose(second.velocity_m_per_yr, factor * first.velocity_m_per_yr, rtol=1e-9)
    np.testing.assert_allclose(second.sigma_m_per_yr, abs(factor) * first.sigma_m_per_yr, rtol=1e-9)
    np.testing.assert_array_equal(screen_outliers(series).keep, screen_outliers(scaled).keep)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-1.0, 1000.0]), st.floats(-5.0, 5.0), st.floats(-0.1, 0.1))
def test_a_trajectory_follows_scale_sign_offset_and_rate(seed, factor, offset, rate):
    series = _random_series(seed)
    line = np.outer(series.years - series.years[0], np.full(3, rate)) + offset
    changed = replace(series, displacement_m=factor * (series.displacement_m + line))
    first, second = fit_trajectory(series, screen=False), fit_trajectory(changed, screen=False)
    wanted = factor * (first.velocity_m_per_yr + rate)
    # The likelihood is flat: the share of white noise is found to some digits only.
    np.testing.assert_allclose(second.velocity_m_per_yr, wanted, atol=0.01 * abs(factor) * first.sigma_m_per_yr.max())
    np.testing.assert_allclose(second.sigma_m_per_yr, abs(factor) * first.sigma_m_per_yr, rtol=0.01)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20))
def test_a_trajectory_moves_with_time_by_whole_weeks_and_years(seed, cycles):
    # 1461 days are four Julian years, and seven times that whole weeks: seasons and weeks stay where they are.
    series = _random_series(seed)
    moved = replace(series, epochs=series.epochs + (cycles % 3) * 7 * 1461 * factory.DAY)
    first, second = fit_trajectory(series), fit_trajectory(moved)
    np.testing.assert_allclose(first.velocity_m_per_yr, second.velocity_m_per_yr, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(METRES, METRES, METRES), min_size=2, max_size=12))
def test_tenv_is_read_to_the_last_digit_and_survives_tms(values):
    found = tenv.read(factory.tenv(values), name="SIMU.IGS14.tenv")
    np.testing.assert_array_equal(found.displacement_m, values)
    again = tms.read(tms.to_bytes(found), strictness="raise")
    for name in ("epochs", "displacement_m", "sigma_m", "correlation"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(METRES, METRES, METRES), min_size=2, max_size=10), st.permutations(range(10)))
def test_rows_in_any_order_give_the_same_series(values, order):
    rows = factory.tenv(values).splitlines()
    mixed = b"\n".join(rows[k] for k in order if k < len(rows)) + b"\n"
    np.testing.assert_array_equal(tenv.read(mixed).displacement_m, values)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(METRES, METRES, METRES), min_size=1, max_size=8))
def test_geocentric_tms_returns_what_was_written(values):
    given_series = factory.series(np.round(np.array(values), 5), axes="xyz")
    found = tms.read(tms.to_bytes(given_series))
    np.testing.assert_allclose(found.displacement_m, given_series.displacement_m, atol=2e-9)
    assert tms.to_bytes(found) == tms.to_bytes(given_series)

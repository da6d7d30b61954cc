"""Invariants of the statistics of displacement series."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.motion.statistics import consistent_velocity, egms_statistics, egms_statistics_reference
from fiducial.timescales import egms_years

FIELDS = (
    "mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std",
    "seasonality", "seasonality_std", "rmse", "temporal_coherence",
)  # fmt: skip
SEEDS = st.integers(0, 2**32 - 1)


def _case(seed, epochs, points, gaps=0.0):
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(np.arange(1, 2000), epochs - 1, replace=False))
    dates = np.datetime64("2018-05-01", "ns") + np.append(0, days) * np.timedelta64(1, "D")
    series = rng.normal(0, 4, (epochs, points)).astype(np.float32)
    series[rng.random(series.shape) < gaps] = np.nan
    return dates, series


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(30, 90), st.integers(1, 80), st.floats(0.0, 0.6))
def test_kernel_agrees_with_the_oracle_for_any_gaps(seed, epochs, points, gaps):
    dates, series = _case(seed, epochs, points, gaps)
    fast, plain = egms_statistics(series, dates), egms_statistics_reference(series, dates)
    for field in FIELDS:
        a, b = getattr(fast, field), getattr(plain, field)
        assert np.array_equal(np.isnan(a), np.isnan(b)), field
        assert np.nanmax(np.abs(a - b) / (1 + np.abs(b)), initial=0.0) < 5e-5, field
    assert np.array_equal(fast.n_epochs, plain.n_epochs)


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.floats(-40.0, 40.0), st.floats(-100.0, 100.0))
def test_a_line_added_shifts_the_velocity_and_nothing_else(seed, rate, offset):
    dates, series = _case(seed, 60, 20, 0.05)
    moved = series + (offset + rate * egms_years(dates))[:, None]
    before, after = egms_statistics(series, dates), egms_statistics(moved, dates)
    # float32 holds a displacement of 300 mm to 3e-5 mm.
    np.testing.assert_allclose(after.mean_velocity, before.mean_velocity + rate, atol=1e-3)
    for field in FIELDS[1:]:
        np.testing.assert_allclose(getattr(after, field), getattr(before, field), atol=1e-3, err_msg=field)


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_order_and_company_of_points_do_not_matter(seed):
    dates, series = _case(seed, 50, 90, 0.05)
    order = np.random.default_rng(seed).permutation(90)[:70]
    whole, part = egms_statistics(series, dates), egms_statistics(series[:, order], dates)
    for field in FIELDS:
        np.testing.assert_allclose(getattr(part, field), getattr(whole, field)[order], atol=1e-9, err_msg=field)


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.floats(0.01, 100.0))
def test_consistent_velocity_scales_with_the_series(seed, factor):
    dates, series = _case(seed, 50, 6, 0.04)
    prior = np.full(33, 1 / 33)
    one = consistent_velocity(series, dates, share_prior=prior)
    scaled = consistent_velocity(series * np.float32(factor), dates, share_prior=prior)
    np.testing.assert_allclose(scaled.velocity_mm_per_yr, factor * one.velocity_mm_per_yr, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scaled.sigma_mm_per_yr, factor * one.sigma_mm_per_yr, rtol=1e-4)
    np.testing.assert_allclose(scaled.flicker_share, one.flicker_share, atol=1e-3)

"""The likelihood without the covariance matrix is that of the covariance matrix, with gaps and without."""

from __future__ import annotations

import numpy as np
import pytest

import series_factory as factory
from fiducial.errors import NumericsError
from fiducial.geodesy.coloured_noise import fractional_integration_weights, shared_epoch_noise
from fiducial.stations.series_noise import (
    NoiseGrid,
    NoiseModel,
    covariance,
    estimate_noise,
    fit_under_noise,
    generalised_fit,
)
from fiducial.stations.series_noise_likelihood import RestrictedLikelihood, noise_sums
from fiducial.stations.trajectory import fit_trajectory
from fiducial.stations.trajectory_model import TrajectoryModel

RELATIVE = 1e-9
PER_YEAR = 52.18


def index_of(missing, size=240):
    """Days that exist: all, some missing here and there, a long gap, or few in a long span."""
    every = np.arange(3, 3 + size, dtype=np.int64)
    rng = np.random.default_rng(4)
    keep = np.ones(size, dtype=bool)
    if missing == "some":
        keep[rng.choice(np.arange(1, size - 1), 40, replace=False)] = False
    elif missing == "gap":
        keep[70:140] = False
    elif missing == "most":
        keep[rng.choice(np.arange(1, size - 1), 160, replace=False)] = False
    return every[keep]


def problem(index):
    rng = np.random.default_rng(8)
    years = index / PER_YEAR
    design = np.column_stack(
        [np.ones(index.size), years, np.cos(6.28 * years), np.sin(6.28 * years), years > years[40]]
    )
    walk = np.cumsum(rng.normal(size=(index.size, 2)), axis=0)
    return design, 1e-3 * (rng.normal(size=(index.size, 2)) + 0.2 * walk) + np.outer(years, [0.02, -0.01])


@pytest.mark.parametrize("missing", ["none", "some", "gap", "most"])
@pytest.mark.parametrize("spectral_index", [-2.0, -1.3, -1.0, -0.4])
def test_likelihood_is_the_dense_one(missing, spectral_index):
    index = index_of(missing)
    design, values = problem(index)
    likelihood = RestrictedLikelihood(design, values, index, PER_YEAR, spectral_index)
    unit = NoiseGrid(index, PER_YEAR).unit_covariance(spectral_index)
    dense = shared_epoch_noise(design, unit, parameter=1, shares=(0.0, 1.0))
    assert likelihood.coloured_variance == pytest.approx(dense.coloured_variance, rel=RELATIVE)
    for root in (0.0, 0.15, 0.7, 0.9999):
        found, variance = likelihood.at(root)
        for component in range(2):
            squares = (dense.whitener @ values[:, component]) ** 2
            variances = 1.0 - root**2 + root**2 * dense.variances[-1]
            mean = np.mean(squares / variances)
            wanted = -0.5 * (squares.size * np.log(mean) + np.log(variances).sum())
            assert found[component] == pytest.approx(wanted, rel=RELATIVE)
            assert variance[component] == pytest.approx(mean, rel=RELATIVE)


@pytest.mark.parametrize("missing", ["none", "some", "gap", "most"])
@pytest.mark.parametrize("noise", [NoiseModel(2e-3, 6e-3, -1.0, 0.0), NoiseModel(0.0, 3e-3, -1.4, 0.0),
                                   NoiseModel(1e-3, 0.0, float("nan"), 0.0)])  # fmt: skip
def test_fit_is_the_dense_one(missing, noise):
    index = index_of(missing)
    design, values = problem(index)
    grid = NoiseGrid(index, PER_YEAR)
    found = fit_under_noise(design, values[:, 0], noise, grid)
    wanted = generalised_fit(design, values[:, 0], covariance(noise, grid))
    sigma = np.sqrt(np.diagonal(wanted.covariance))
    np.testing.assert_allclose(found.estimate / sigma, wanted.estimate / sigma, atol=1e-7)
    np.testing.assert_allclose(
        found.covariance / np.outer(sigma, sigma), wanted.covariance / np.outer(sigma, sigma), atol=1e-7
    )
    assert found.square_sum == pytest.approx(wanted.square_sum, rel=1e-7)


def test_no_noise_at_all_is_refused():
    index = np.arange(30, dtype=np.int64)
    design = np.ones((30, 1))
    for rows in (index, index * index):
        response = fractional_integration_weights(-1.0, int(rows[-1]) + 1)
        with pytest.raises(NumericsError, match="FID-3142"):
            noise_sums(rows, design, 0.0, 0.0, response)
    with pytest.raises(NumericsError, match="FID-3002"):
        RestrictedLikelihood(np.ones((30, 2)), design, index, PER_YEAR, -1.0)
    with pytest.raises(NumericsError, match="FID-3142"):
        fit_under_noise(
            np.ones((30, 2)), np.arange(30.0), NoiseModel(1e-3, 0.0, float("nan"), 0.0), NoiseGrid(index, 1.0)
        )


def test_daily_noise_with_gaps_is_recovered():
    rng = np.random.default_rng(21)
    days, flicker = 2000, 8e-3
    values = factory.flicker(rng, days, 3, flicker) + 1e-3 * rng.standard_normal((days, 3))
    keep = np.ones(days, dtype=bool)
    keep[rng.choice(days, 150, replace=False)] = False
    keep[900:960] = False
    series = factory.series(values + factory.linear(days)).select(keep)
    # Without the screening: it would take peaks of flicker noise for outliers and leave the rest too quiet.
    daily = fit_trajectory(series, TrajectoryModel(), averaging_days=1, screen=False)
    weekly = fit_trajectory(series, TrajectoryModel(), screen=False)
    assert (daily.averaging_days, weekly.averaging_days) == (1, 7)
    for fine, coarse in zip(daily.noise, weekly.noise, strict=True):
        # The amplitude counts for the sampling: seven days and one day differ by the fourth root of 7.
        assert fine.amplitude_m == pytest.approx(flicker, rel=0.08)
        assert fine.white_sigma_m == pytest.approx(1e-3, rel=0.25)
        assert coarse.amplitude_m * 7**0.25 == pytest.approx(flicker, rel=0.15)
    np.testing.assert_allclose(daily.sigma_m_per_yr, weekly.sigma_m_per_yr, rtol=0.15)


def test_the_index_of_noise_on_thousands_of_days_is_found():
    rng = np.random.default_rng(3)
    days = 1500
    values = factory.flicker(rng, days, 1, 5e-3)
    years = factory.years_of(days)
    design = np.column_stack([np.ones(days), years - years.mean()])
    (noise,) = estimate_noise(design, values, NoiseGrid(np.arange(days), 365.25), "estimate")
    assert noise.spectral_index == pytest.approx(-1.0, abs=0.08)

"""Coloured noise: weights, covariance, and the estimation against plain generalised least squares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gamma

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.coloured_noise import (
    checked_share_prior,
    estimate,
    fractional_integration_weights,
    learn_share_prior,
    power_law_covariance,
    shared_epoch_noise,
)

DAYS = np.sort(np.random.default_rng(2).choice(np.arange(0, 5 * 365, 6), 150, replace=False))
YEARS = (DAYS - DAYS[0]) / 365.0
DESIGN = np.column_stack(
    [np.ones_like(YEARS), np.cos(2 * np.pi * YEARS), np.sin(2 * np.pi * YEARS), YEARS - YEARS.mean()]
)
FLICKER = power_law_covariance(DAYS, -1.0, year_days=365.0)
NOISE = shared_epoch_noise(DESIGN, FLICKER, parameter=3)


def _only(share):
    prior = np.zeros(NOISE.shares.size)
    prior[share] = 1.0
    return prior


def test_weights_are_those_of_hosking_by_gamma_functions():
    # h_j = Gamma(j + d) / (Gamma(d) j!), d = 1/2 for flicker noise (Hosking 1981)
    j = np.arange(60)
    expected = gamma(j + 0.5) / (gamma(0.5) * gamma(j + 1.0))
    np.testing.assert_allclose(fractional_integration_weights(-1.0, 60), expected, rtol=1e-13)


@pytest.mark.parametrize(("index", "expected"), [(0.0, [1, 0, 0, 0]), (-2.0, [1, 1, 1, 1])])
def test_white_noise_and_random_walk_are_the_ends(index, expected):
    assert fractional_integration_weights(index, 4).tolist() == expected


def test_random_walk_covariance_is_the_time_since_the_start():
    days = np.array([10, 12, 17])
    covariance = power_law_covariance(days, -2.0, year_days=365.25)
    expected = (np.minimum.outer(days, days) - 10 + 1) / 365.25
    np.testing.assert_allclose(covariance, expected, rtol=1e-14)


def test_covariance_is_that_of_filtered_white_noise():
    rng = np.random.default_rng(5)
    weights = fractional_integration_weights(-1.0, 41)
    white = rng.normal(size=(41, 40_000))
    daily = np.array([weights[: k + 1][::-1] @ white[: k + 1] for k in (0, 7, 40)])
    expected = power_law_covariance([100, 107, 140], -1.0, year_days=1.0)
    np.testing.assert_allclose(np.cov(daily), expected, atol=0.05)


def test_flicker_on_the_grid_has_the_published_growth_of_the_rate_sigma():
    # Williams (2003): the rate sigma of flicker noise falls as 1/T, of white noise as T^-3/2.
    sigma = {}
    for years in (4, 8):
        days = np.arange(0, years * 365, 6)
        t = days / 365.0
        design = np.column_stack([np.ones_like(t), t - t.mean()])
        noise = shared_epoch_noise(design, power_law_covariance(days, -1.0, year_days=365.0), parameter=1)
        sigma[years] = np.sqrt(noise.cofactors[[0, -1]] * [1.0, noise.coloured_variance])
    white, flicker = sigma[4] / sigma[8]
    assert white == pytest.approx(2**1.5, rel=0.02)
    assert flicker == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("share", [0, 9, 20, 32])
def test_estimate_is_plain_generalised_least_squares(share):
    rng = np.random.default_rng(3)
    series = rng.normal(0.0, 3.0, (DAYS.size, 3))
    gaps = [4, 5, 77, 149]
    series[gaps, 1] = np.nan
    result = estimate(NOISE, series, _only(share))
    f = NOISE.shares[share]
    covariance = (1 - f) * np.eye(DAYS.size) + f * FLICKER / NOISE.coloured_variance
    for column, kept in ((0, np.arange(DAYS.size)), (1, np.delete(np.arange(DAYS.size), gaps))):
        X, y = DESIGN[kept], series[kept, column]
        inverse = np.linalg.inv(covariance[np.ix_(kept, kept)])
        cofactor = np.linalg.inv(X.T @ inverse @ X)
        beta = cofactor @ X.T @ inverse @ y
        residual = y - X @ beta
        s2 = residual @ inverse @ residual / (kept.size - 4)
        assert result.estimate[column] == pytest.approx(beta[3], abs=1e-9)
        assert result.sigma[column] == pytest.approx(np.sqrt(s2 * cofactor[3, 3]), rel=1e-8)
        assert result.degrees_of_freedom[column] == kept.size - 4


def test_likelihood_with_gaps_is_that_of_the_shorter_series():
    rng = np.random.default_rng(4)
    gaps = [0, 31, 32, 33, 120]
    series = rng.normal(0.0, 2.0, (DAYS.size, 5)) + np.linalg.cholesky(FLICKER) @ rng.normal(0.0, 4.0, (DAYS.size, 5))
    kept = np.delete(np.arange(DAYS.size), gaps)
    series[gaps] = np.nan
    # The shares of the shorter series mean another scale of F, so it gets this one's by hand.
    covariance = FLICKER[np.ix_(kept, kept)]
    gain = []
    for f in NOISE.shares:
        C = (1 - f) * np.eye(kept.size) + f * covariance / NOISE.coloured_variance
        inverse = np.linalg.inv(C)
        X = DESIGN[kept]
        normal = X.T @ inverse @ X
        residual = series[kept] - X @ np.linalg.solve(normal, X.T @ inverse @ series[kept])
        squares = np.einsum("ep,ef,fp->p", residual, inverse, residual)
        log_determinant = np.linalg.slogdet(C)[1] + np.linalg.slogdet(normal)[1]
        gain.append(-0.5 * ((kept.size - 4) * np.log(squares) + log_determinant))
    gain = np.array(gain)
    result = estimate(NOISE, series, _only(0))
    np.testing.assert_allclose(result.log_likelihood_gain, gain.max(axis=0) - gain[0], atol=1e-8)


def test_series_with_too_few_or_one_sided_epochs_are_nan():
    series = np.random.default_rng(1).normal(size=(DAYS.size, 3))
    series[13:, 0] = np.nan
    series[20:, 1] = np.nan
    series[:, 2] = np.nan
    # Twenty dates of one winter cannot tell a trend from the season.
    result = estimate(NOISE, series[:, :3], np.full(33, 1 / 33))
    assert np.isnan(result.estimate[[0, 2]]).all()
    assert np.isnan(result.sigma[[0, 2]]).all()
    assert result.degrees_of_freedom.tolist() == [9, 16, -4]


def test_prior_finds_the_share_that_the_series_have():
    rng = np.random.default_rng(8)
    white = rng.normal(size=(DAYS.size, 2000))
    prior = learn_share_prior(NOISE, white)
    assert prior.sum() == pytest.approx(1.0)
    assert prior @ NOISE.shares < 0.01
    coloured = np.linalg.cholesky(FLICKER) @ white
    assert learn_share_prior(NOISE, coloured) @ NOISE.shares > 0.9
    assert learn_share_prior(NOISE, np.full((DAYS.size, 2), np.nan)) == pytest.approx(np.full(33, 1 / 33))


@pytest.mark.parametrize("index", [-2.1, 0.1, np.nan])
def test_fid_1055_spectral_index(index):
    with pytest.raises(InputError, match="FID-1055"):
        fractional_integration_weights(index, 3)


@pytest.mark.parametrize("days", [[0, 6, 6], [6, 0], [0.0, 6.0]])
def test_fid_1054_days(days):
    with pytest.raises(InputError, match="FID-1054"):
        power_law_covariance(days, -1.0, year_days=365.0)


@pytest.mark.parametrize("shares", [[], [0.0, 0.0], [0.5, 1.5], [-0.1, 1.0]])
def test_fid_1056_shares(shares):
    with pytest.raises(InputError, match="FID-1056"):
        shared_epoch_noise(DESIGN, FLICKER, parameter=3, shares=shares)


@pytest.mark.parametrize("prior", [[1.0], np.zeros(33), np.full(33, -1.0), np.full(33, np.nan)])
def test_fid_1056_prior(prior):
    with pytest.raises(InputError, match="FID-1056"):
        checked_share_prior(NOISE, prior)


def test_fid_3001_too_few_epochs():
    with pytest.raises(NumericsError, match="FID-3001"):
        shared_epoch_noise(DESIGN[:13], FLICKER[:13, :13], parameter=3)


def test_fid_3002_inseparable():
    design = np.column_stack([np.ones(30), np.ones(30)])
    with pytest.raises(NumericsError, match="FID-3002"):
        shared_epoch_noise(design, np.eye(30), parameter=1)

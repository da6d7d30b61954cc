"""Noise of clocks from the differences of all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.orbits.clock_noise import clock_noise, datum_and_constants, masked_median

SIGMA = np.array([3e-12, 6e-12, 1e-11, 2e-11, 4e-11])


def clocks(sigma=SIGMA, epochs=288, satellites=24, seed=0):
    rng = np.random.default_rng(seed)
    true = np.cumsum(rng.normal(0.0, 1e-10, (epochs, satellites)), axis=0)
    datum = np.cumsum(rng.normal(0.0, 1e-9, (len(sigma), epochs, 1)), axis=1)
    constant = rng.normal(0.0, 3e-10, (len(sigma), 1, satellites))
    return true + datum + constant + sigma[:, None, None] * rng.normal(size=(len(sigma), epochs, satellites))


@pytest.mark.parametrize("seed", range(4))
def test_sigmas_are_recovered(seed):
    found = clock_noise(clocks(seed=seed))
    np.testing.assert_allclose(found.sigma_s[1:], SIGMA[1:], rtol=0.15)
    # The best of five is the small difference of great variances.
    assert found.sigma_s[0] == pytest.approx(SIGMA[0], rel=0.3)
    assert found.separable


def test_outliers_and_jumps_do_not_matter():
    values = clocks()
    values[1, ::15] += 1e-6
    values[2, 100:200, 3] += 1e-9
    np.testing.assert_allclose(clock_noise(values).sigma_s, SIGMA, rtol=0.3)


def test_two_centres_share_the_variance():
    found = clock_noise(clocks(SIGMA[[0, 3]]))
    assert not found.separable
    np.testing.assert_allclose(found.sigma_s, np.hypot(SIGMA[0], SIGMA[3]) / np.sqrt(2), rtol=0.1)


def test_copies_have_finite_noise():
    values = clocks()
    values[1] = values[0]
    found = clock_noise(values)
    assert np.isfinite(found.sigma_s).all()
    assert found.pairs_s[0, 1] == 0.0


@pytest.mark.parametrize("satellites", [0, 1, 2])
def test_too_few_satellites_tell_nothing(satellites):
    assert np.isnan(clock_noise(clocks(satellites=satellites)).sigma_s).all()


def test_centres_without_clocks():
    values = clocks()
    values[3] = np.nan
    found = clock_noise(values)
    assert np.isnan(found.sigma_s[3])
    np.testing.assert_allclose(np.delete(found.sigma_s, 3), np.delete(SIGMA, 3), rtol=0.3)
    assert np.isnan(clock_noise(np.full((3, 20, 4), np.nan)).sigma_s).all()
    assert np.isnan(clock_noise(clocks(SIGMA[:1])).sigma_s).all()


def test_coarse_and_fine_epochs():
    values = clocks(epochs=2880)
    values[3:, np.arange(2880) % 30 != 0] = np.nan
    np.testing.assert_allclose(clock_noise(values).sigma_s, SIGMA, rtol=0.3)


def test_roughness_of_the_time_scale():
    rng = np.random.default_rng(0)
    values = clocks(np.full(4, 5e-12))
    line = 1e-7 + 1e-12 * np.arange(288)
    true = clocks(np.zeros(1), seed=9)[0]
    noise = rng.normal(0.0, [[[1e-11]], [[1e-10]], [[1e-9]], [[1e-10]]], (4, 288, 1))
    values = true + line[:, None] + noise + rng.normal(0.0, 5e-12, values.shape)
    found = clock_noise(values).datum_roughness_s
    assert np.argmax(found) == 2
    assert found[2] == pytest.approx(1e-9, rel=0.2)


def test_datum_and_constants():
    rng = np.random.default_rng(1)
    datum, constant = rng.normal(size=50), rng.normal(size=9)
    constant -= np.median(constant)
    values = datum[:, None] + constant
    values[10:13, 4] += 1e3
    values[20, :] = np.nan
    values[:, 7] = np.nan
    found_datum, found_constant = datum_and_constants(values)
    off = np.median(np.delete(constant, 7))
    np.testing.assert_allclose(np.delete(found_datum, 20), np.delete(datum + off, 20), atol=1e-6)
    np.testing.assert_allclose(np.delete(found_constant, 7), np.delete(constant - off, 7), atol=1e-6)
    assert np.isnan(found_datum[20])
    assert found_constant[7] == 0.0


def test_masked_median():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [7.0, 1.0, np.nan]])
    np.testing.assert_array_equal(masked_median(values, axis=0), [3.0, 3.0, np.nan])
    np.testing.assert_array_equal(masked_median(values, axis=1), [1.0, 4.0, 4.0])

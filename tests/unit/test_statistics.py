"""EGMS statistics and the consistent velocity on synthetic truth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.coloured_noise import power_law_covariance
from fiducial.motion.statistics import consistent_velocity, egms_statistics, egms_statistics_reference
from fiducial.timescales import egms_years

FIELDS = (
    "mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std",
    "seasonality", "seasonality_std", "rmse",
)  # fmt: skip
WAVELENGTH_MM = 55.46576


def _epochs(count, step=6):
    return np.datetime64("2020-01-03", "ns") + np.arange(count) * np.timedelta64(step, "D")


def _series(epochs, points, seed=0, noise_mm=3.0):
    rng = np.random.default_rng(seed)
    t = egms_years(epochs)[:, None]
    velocity, acceleration, amplitude = (rng.normal(0, s, points) for s in (20.0, 2.0, 4.0))
    clean = velocity * t + acceleration * t**2 / 2 + amplitude * np.cos(2 * np.pi * t) + rng.normal(0, 50, points)
    return (clean + rng.normal(0, noise_mm, clean.shape)).astype(np.float32)


def _by_the_document(series, epochs):
    """The document's pseudo-code for one point without its gaps, column by column."""
    keep = ~np.isnan(series)
    t, y = egms_years(epochs)[keep], series[keep].astype(np.float64)
    one, cosine, sine = np.ones_like(t), np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)
    fits = {}
    for name, columns in {
        "G1": [t, one, cosine, sine],
        "G2": [t**2 / 2, t, one, cosine, sine],
        "G3": [t**3, t**2, t, one, cosine, sine],
    }.items():
        G = np.column_stack(columns)
        c = np.linalg.lstsq(G, y, rcond=None)[0]
        fits[name] = c, np.linalg.inv(G.T @ G), y - G @ c
    (c1, iG1, r1), (c2, iG2, r2), (c3, iG3, r3) = fits["G1"], fits["G2"], fits["G3"]
    rmse = np.sqrt(np.mean(r3**2))
    phase = 4 * np.pi / WAVELENGTH_MM * (y - c1[0] * t - c1[1])
    return {
        "mean_velocity": c1[0],
        "mean_velocity_std": np.sqrt(iG1[0, 0]) * np.std(r1),
        "acceleration": c2[0],
        "acceleration_std": np.sqrt(iG2[0, 0]) * np.std(r2),
        "seasonality": np.hypot(c3[4], c3[5]),
        "seasonality_std": np.sqrt((4 - np.pi) / 2 * (iG3[4, 4] + iG3[5, 5]) / 2) * rmse,
        "rmse": rmse,
        "temporal_coherence": np.abs(np.mean(np.exp(1j * phase))),
    }


@pytest.mark.parametrize("compute", [egms_statistics, egms_statistics_reference])
@pytest.mark.parametrize("gaps", [0.0, 0.03, 0.4])
def test_every_field_is_the_documents_formula(compute, gaps):
    epochs = _epochs(203)
    series = _series(epochs, 130)
    series[np.random.default_rng(1).random(series.shape) < gaps] = np.nan
    result = compute(series, epochs)
    for point in (0, 1, 63, 64, 129):
        expected = _by_the_document(series[:, point], epochs)
        for field in FIELDS:
            assert getattr(result, field)[point] == pytest.approx(expected[field], abs=1e-6), field
        assert result.temporal_coherence[point] == pytest.approx(expected["temporal_coherence"], abs=5e-5)
        assert result.n_epochs[point] == np.count_nonzero(~np.isnan(series[:, point]))


@pytest.mark.parametrize("epoch_count", [7, 8, 9, 15, 16, 17, 250])
@pytest.mark.parametrize("points", [0, 1, 63, 64, 65])
def test_kernel_and_oracle_agree_for_every_remainder_of_blocks(epoch_count, points):
    epochs = _epochs(epoch_count, step=48)
    series = _series(epochs, points, seed=points)
    fast, plain = egms_statistics(series, epochs), egms_statistics_reference(series, epochs)
    for field in FIELDS:
        np.testing.assert_allclose(getattr(fast, field), getattr(plain, field), atol=1e-6, err_msg=field)
    np.testing.assert_allclose(fast.temporal_coherence, plain.temporal_coherence, atol=5e-5)


def test_truth_without_noise_is_returned():
    epochs = _epochs(305)
    t = egms_years(epochs)
    d = (7.0 - 12.5 * t + 3.0 * np.cos(2 * np.pi * t) + 4.0 * np.sin(2 * np.pi * t)).astype(np.float32)
    result = egms_statistics(d[:, None], epochs)
    assert result.mean_velocity[0] == pytest.approx(-12.5, abs=1e-5)
    assert result.acceleration[0] == pytest.approx(0.0, abs=1e-5)
    assert result.seasonality[0] == pytest.approx(5.0, abs=1e-5)
    assert result.rmse[0] == pytest.approx(0.0, abs=1e-5)


def test_strong_motion_leaves_small_residuals_right():
    # A metre of subsidence with a strong curve: sums of squares 1e5 times those of the residuals.
    epochs = _epochs(300)
    t = egms_years(epochs)[:, None]
    series = (_series(epochs, 70, noise_mm=1.0) - 200.0 * t + 15.0 * t**2).astype(np.float32)
    series[np.random.default_rng(2).random(series.shape) < 0.05] = np.nan
    fast, plain = egms_statistics(series, epochs), egms_statistics_reference(series, epochs)
    np.testing.assert_allclose(fast.rmse, plain.rmse, atol=1e-6)
    np.testing.assert_allclose(fast.temporal_coherence, plain.temporal_coherence, atol=5e-5)


@pytest.mark.parametrize("compute", [egms_statistics, egms_statistics_reference])
@pytest.mark.parametrize(("valid", "known"), [(0, 0), (4, 0), (5, 2), (6, 4), (7, 7)])
def test_too_few_valid_epochs_are_nan_by_statistic(compute, valid, known):
    epochs = _epochs(60, step=30)
    series = _series(epochs, 3)
    series[np.setdiff1d(np.arange(60), np.linspace(0, 59, valid).astype(int)), 1] = np.nan
    result = compute(series, epochs)
    values = np.array([getattr(result, field)[1] for field in FIELDS])
    assert np.isfinite(values[:known]).all()
    assert np.isnan(values[known:]).all()
    assert np.isfinite(result.temporal_coherence[1]) == (valid >= 5)
    assert result.n_epochs.tolist() == [60, valid, 60]
    assert np.isfinite([getattr(result, field)[[0, 2]] for field in FIELDS]).all()


def test_point_whose_epochs_share_a_season_is_nan_not_nonsense():
    epochs = np.array("2020-01-01", dtype="datetime64[ns]") + (np.arange(60) * 73 * np.timedelta64(1, "D"))
    series = _series(epochs, 2)
    series[np.arange(60) % 5 != 0, 0] = np.nan
    result = egms_statistics(series, epochs)
    assert np.isnan([getattr(result, field)[0] for field in FIELDS]).all()
    assert np.isfinite([getattr(result, field)[1] for field in FIELDS]).all()


@pytest.mark.parametrize(("valid", "tolerance"), [(100, 1e-8), (45, 1e-4), (20, 1e-12), (9, 1e-12)])
def test_short_part_of_a_series_is_right_or_left_to_the_oracle(valid, tolerance):
    # 45 of 300 epochs, nine months, hardly separate a cubic from the season; fewer go to the oracle itself.
    epochs = _epochs(300)
    series = _series(epochs, 66)
    series[valid:, 3] = np.nan
    fast, plain = egms_statistics(series, epochs), egms_statistics_reference(series, epochs)
    for field in FIELDS:
        np.testing.assert_allclose(getattr(fast, field)[3], getattr(plain, field)[3], atol=tolerance, err_msg=field)


def test_coherence_of_uniform_phase_is_small_and_of_no_wavelength_unknown():
    epochs = _epochs(300)
    rng = np.random.default_rng(0)
    series = np.stack([rng.uniform(-500, 500, 300), rng.normal(0, 0.1, 300)], axis=1)
    coherence = egms_statistics(series, epochs).temporal_coherence
    assert coherence[0] < 0.2
    assert coherence[1] > 0.999
    assert np.isnan(egms_statistics(series, epochs, wavelength_mm=None).temporal_coherence).all()
    assert np.isnan(egms_statistics_reference(series, epochs, wavelength_mm=None).temporal_coherence).all()


def test_import_does_not_load_numba():
    code = "import sys, fiducial.motion.statistics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fid_3000_too_few_epochs():
    with pytest.raises(NumericsError, match="FID-3000"):
        egms_statistics(np.zeros((6, 2)), _epochs(6, step=100))


def test_fid_3001_too_few_epochs_for_a_noise_model():
    with pytest.raises(NumericsError, match="FID-3001"):
        consistent_velocity(np.zeros((13, 2)), _epochs(13, step=100))


def test_fid_3002_epochs_that_cannot_separate():
    with pytest.raises(NumericsError, match="FID-3002"):
        egms_statistics(np.zeros((20, 2)), _epochs(20, step=365))
    with pytest.raises(NumericsError, match="FID-3002"):
        consistent_velocity(np.zeros((20, 2)), _epochs(20, step=365))


@pytest.mark.parametrize("compute", [egms_statistics, egms_statistics_reference, consistent_velocity])
@pytest.mark.parametrize("shape", [(20,), (19, 2), (2, 20)])
def test_fid_1050_shapes(compute, shape):
    with pytest.raises(InputError, match="FID-1050"):
        compute(np.zeros(shape), _epochs(20))


@pytest.mark.parametrize("compute", [egms_statistics, egms_statistics_reference, consistent_velocity])
@pytest.mark.parametrize("kind", ["double", "order", "missing", "number"])
def test_fid_1051_epochs(compute, kind):
    epochs = _epochs(20)
    if kind == "double":
        epochs[3] = epochs[2]
    elif kind == "order":
        epochs = epochs[::-1]
    elif kind == "missing":
        epochs[5] = np.datetime64("NaT")
    else:
        epochs = np.arange(20.0)
    with pytest.raises(InputError, match="FID-1051"):
        compute(np.zeros((20, 2)), epochs)


@pytest.mark.parametrize("compute", [egms_statistics, egms_statistics_reference, consistent_velocity])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_fid_1052_infinite_displacement(compute, value):
    series = np.zeros((60, 70))
    series[11, 65] = value
    series[2, 65] = np.nan
    with pytest.raises(InputError, match="FID-1052") as caught:
        compute(series, _epochs(60, step=30))
    assert "point 65" in caught.value.where


@pytest.mark.parametrize("wavelength_mm", [0.0, -1.0, np.inf, np.nan])
def test_fid_1053_wavelength(wavelength_mm):
    with pytest.raises(InputError, match="FID-1053"):
        egms_statistics(np.zeros((60, 2)), _epochs(60, step=30), wavelength_mm=wavelength_mm)


def test_fid_1054_two_scenes_of_one_day():
    epochs = _epochs(40, step=40)
    epochs[4] = epochs[3] + np.timedelta64(1, "h")
    with pytest.raises(InputError, match="FID-1054"):
        consistent_velocity(np.zeros((40, 2)), epochs)


@pytest.mark.parametrize(("white_mm", "flicker"), [(3.0, 0.0), (3.0, 3.0), (2.0, 4.0), (0.0, 5.0)])
def test_consistent_velocity_is_unbiased_and_its_sigma_true(white_mm, flicker):
    rng = np.random.default_rng(11)
    epochs = _epochs(304)[np.sort(rng.choice(304, 210, replace=False))]
    points = 4000
    factor = np.linalg.cholesky(power_law_covariance(epochs.astype("datetime64[D]").astype(int), -1.0, year_days=365.0))
    t = egms_years(epochs)[:, None]
    truth = rng.normal(0.0, 10.0, points)
    noise = white_mm * rng.normal(size=(210, points)) + flicker * factor @ rng.normal(size=(210, points))
    result = consistent_velocity(truth * t + 3.0 * np.cos(2 * np.pi * t) + noise, epochs)
    error = result.velocity_mm_per_yr - truth
    chi = np.sqrt(np.mean((error / result.sigma_mm_per_yr) ** 2))
    assert abs(error.mean()) < 4.0 * error.std() / np.sqrt(points)
    assert chi == pytest.approx(1.0, abs=0.1)
    assert result.spectral_index == -1.0
    assert result.degrees_of_freedom.tolist() == [206] * points
    amplitude = np.median(result.flicker_amplitude_mm_per_yr_quarter)
    if flicker == 0.0:
        # Nothing but white noise: the sigma of ordinary least squares, with its degrees of freedom.
        ols = egms_statistics(truth * t + noise, epochs).mean_velocity_std * np.sqrt(210 / 206)
        assert np.median(result.sigma_mm_per_yr / ols) == pytest.approx(1.0, abs=0.1)
        assert np.median(result.white_sigma_mm) == pytest.approx(white_mm, rel=0.03)
    else:
        assert amplitude == pytest.approx(flicker, rel=0.15)


def test_flicker_noise_makes_the_rate_several_times_less_certain_than_white_noise_of_its_size():
    # Mao, Harrison & Dixon (1999): white noise alone makes rate sigmas 5 to 11 times too small for daily
    # series of years; with 210 scenes in 5 years it is 3 times and more.
    rng = np.random.default_rng(12)
    epochs = _epochs(304)[np.sort(rng.choice(304, 210, replace=False))]
    days = epochs.astype("datetime64[D]").astype(int)
    factor = np.linalg.cholesky(power_law_covariance(days, -1.0, year_days=365.0))
    series = 5.0 * factor @ rng.normal(size=(210, 500))
    ratio = consistent_velocity(series, epochs).sigma_mm_per_yr / egms_statistics(series, epochs).mean_velocity_std
    assert np.median(ratio) > 3.0


def test_prior_handed_on_makes_parts_equal_to_the_whole():
    epochs = _epochs(120, step=12)
    series = _series(epochs, 40)
    series[3, 7] = np.nan
    whole = consistent_velocity(series, epochs)
    part = consistent_velocity(series[:, 5:10], epochs, share_prior=whole.share_prior)
    np.testing.assert_allclose(part.velocity_mm_per_yr, whole.velocity_mm_per_yr[5:10], atol=1e-9)
    np.testing.assert_allclose(part.sigma_mm_per_yr, whole.sigma_mm_per_yr[5:10], atol=1e-9)
    np.testing.assert_allclose(part.log_likelihood_gain, whole.log_likelihood_gain[5:10], atol=1e-7)


def test_no_points_give_empty_results():
    epochs = _epochs(60)
    assert consistent_velocity(np.empty((60, 0)), epochs).sigma_mm_per_yr.shape == (0,)
    assert egms_statistics(np.empty((60, 0)), epochs).rmse.shape == (0,)

"""Trajectory models, noise, outliers and steps on series whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.linalg import cholesky

import series_factory as factory
from fiducial.errors import InputError, NumericsError
from fiducial.stations.outliers import screen_outliers, window_medians
from fiducial.stations.series_noise import NoiseGrid, NoiseModel, covariance, estimate_noise, generalised_fit
from fiducial.stations.steps import detect_steps
from fiducial.stations.trajectory import averages, fit_trajectory
from fiducial.stations.trajectory_model import Relaxation, TrajectoryModel, design_matrix, merged_steps

VELOCITY = np.array([0.02, 0.015, -0.001])
STEP = factory.START + 1200 * factory.DAY
QUAKE = factory.START + 2200 * factory.DAY


def _world(days=3700, *, seed=5, amplitude=0.002):
    """Velocity, season, a step, an earthquake with logarithmic motion after it, outliers, gaps, flicker and white noise."""
    rng = np.random.default_rng(seed)
    years = factory.years_of(days)
    values = np.outer(years - years[0], VELOCITY)
    values += np.outer(np.cos(2 * np.pi * years), [0.001, 0.002, 0.004])
    values[1200:] += [0.010, -0.008, 0.015]
    since = np.maximum(years - years[2200], 0.0)
    values[2200:] += [0.03, -0.02, 0.01]
    values += np.outer(np.log1p(since / 0.1), [0.012, 0.006, -0.005])
    values += factory.flicker(rng, days, 3, amplitude) * [1, 1, 3] + 0.001 * rng.standard_normal((days, 3)) * [1, 1, 3]
    bad = rng.choice(days, 40, replace=False)
    values[bad] += 0.1
    keep = rng.random(days) > 0.05
    keep[700:760] = False
    epochs = factory.START + np.arange(days) * factory.DAY
    return factory.series(values[keep], epochs=epochs[keep]), np.isin(np.flatnonzero(keep), bad)


def test_the_truth_is_found_within_its_sigmas():
    series, bad = _world()
    model = TrajectoryModel(steps=np.array([STEP, QUAKE]), relaxations=(Relaxation(QUAKE, "log"),))
    found = fit_trajectory(series, model)
    pull = (found.velocity_m_per_yr - VELOCITY) / found.sigma_m_per_yr
    assert np.abs(pull).max() < 3.5
    step = found.names.index("step 2011-04-20")
    sigma = np.sqrt(found.covariance[:, step, step])
    assert np.abs((found.estimate[:, step] - [0.010, -0.008, 0.015]) / sigma).max() < 3.5
    assert 0.04 < found.model.relaxations[0].years < 0.25
    assert found.residuals_m.shape == (len(found.epochs), 3)
    assert found.degrees_of_freedom > 400
    rejected = {one.epoch for one in found.rejected}
    assert rejected >= set(series.epochs[bad])
    assert len(rejected) < bad.sum() + 25
    assert "from the running median" in found.rejected[0].reason
    back = found.at(found.epochs) + found.residuals_m
    np.testing.assert_allclose(back, series.displacement_m[np.isin(series.epochs, found.epochs)], atol=1e-12)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["noise"]["up"]["spectral_index"] == -1.0
    assert len(document["parameters"]) == len(found.names)


def test_exponential_relaxation_draconitic_and_polynomial_have_their_columns():
    relaxation = Relaxation(QUAKE, "exp", 0.5)
    model = TrajectoryModel(2, np.array([STEP]), (365.25, 351.4), (relaxation,))
    years = factory.years_of(3000)
    design = design_matrix(model, years, 10.0)
    assert design.shape == (3000, len(model.names())) == (3000, 9)
    np.testing.assert_allclose(design[:, 2], (years - 10.0) ** 2)
    np.testing.assert_allclose(design[2999, -1], 1 - np.exp(-(years[2999] - years[2200]) / 0.5), rtol=1e-9)
    assert np.all(design[:2200, -1] == 0.0)
    np.testing.assert_allclose(design[:, 6], np.cos(2 * np.pi * years * 365.25 / 351.4))


def test_steps_that_cannot_be_seen_are_left_out_with_a_remark():
    series = factory.series(factory.linear(1500, noise_m=0.001))
    outside = factory.START + np.array([-50, 600, 605, 5000]) * factory.DAY
    found = fit_trajectory(series, TrajectoryModel(steps=outside), noise="white")
    assert found.model.steps.size == 1
    assert len(found.remarks) == 3
    assert merged_steps(outside).size == 3
    later = fit_trajectory(
        series, TrajectoryModel(relaxations=(Relaxation(factory.START + 9000 * factory.DAY, "log"),))
    )
    assert "relaxations" in later.remarks[0]


def test_a_few_positions_before_a_step_are_left_out_with_it():
    values = factory.linear(1500, noise_m=0.001)
    values[:2] += 0.5
    found = fit_trajectory(factory.series(values), TrajectoryModel(steps=np.array([factory.START + 2 * factory.DAY])))
    assert [one.reason for one in found.rejected[:2]] == ["too few positions between steps"] * 2
    assert found.model.steps.size == 0
    assert "too few positions" in found.remarks[0]
    np.testing.assert_allclose(found.velocity_m_per_yr, VELOCITY, atol=3e-4)


def test_series_too_short_or_without_noise_are_refused():
    with pytest.raises(NumericsError, match="FID-3141"):
        fit_trajectory(factory.series(factory.linear(1)))
    with pytest.raises(NumericsError, match="FID-3141"):
        fit_trajectory(factory.series(factory.linear(10, noise_m=1e-3)))
    with pytest.raises(NumericsError, match="FID-3141") as caught:
        fit_trajectory(
            factory.series(factory.linear(35, noise_m=1e-3)), TrajectoryModel(periods_days=(365.25, 365.2501))
        )
    assert "d'" in caught.value.problem
    with pytest.raises(NumericsError, match="FID-3142"):
        generalised_fit(np.ones((4, 1)), np.ones(4), np.zeros((4, 4)))
    with pytest.raises(NumericsError, match="FID-3142"):
        fit_trajectory(factory.series(np.zeros((1500, 3))), noise="white")


@pytest.mark.parametrize("values", [np.empty((0, 3)), np.full((900, 3), np.nan), np.zeros((2, 3))])
def test_empty_missing_and_tiny_series_are_refused_by_every_estimator(values):
    series = factory.series(values)
    for estimator in (fit_trajectory, detect_steps):
        with pytest.raises(NumericsError, match="FID-3141"):
            estimator(series)
    assert screen_outliers(series).keep.sum() == np.isfinite(values).all(axis=1).sum()


@pytest.mark.parametrize(
    "keep", [np.r_[0:400, 4000:4400], np.sort(np.random.default_rng(0).choice(5000, 40, replace=False))]
)
def test_long_gaps_and_campaigns(keep):
    epochs = factory.START + keep * factory.DAY
    found = fit_trajectory(factory.series(factory.linear(5000, noise_m=0.002)[keep], epochs=epochs))
    np.testing.assert_allclose(found.velocity_m_per_yr, VELOCITY, atol=4e-4)
    assert np.all(found.sigma_m_per_yr > 0.0)


@pytest.mark.parametrize(
    "change",
    [{"degree": 0}, {"degree": 9}, {"periods_days": (0.0,)}, {"periods_days": (365.0, 365.0)},
     {"relaxations": (Relaxation(QUAKE, "log", -1.0),)}, {"relaxations": (Relaxation(QUAKE, "sqrt"),)}],
)  # fmt: skip
def test_impossible_models_are_refused(change):
    with pytest.raises(InputError, match="FID-1334"):
        TrajectoryModel(**change)


def test_misuse_is_refused():
    series = factory.series(factory.linear(1000, noise_m=1e-3))
    with pytest.raises(InputError, match="FID-1334"):
        fit_trajectory(series, noise="pink")
    with pytest.raises(InputError, match="FID-1334"):
        screen_outliers(series, window_days=0.0)
    with pytest.raises(InputError, match="FID-1334"):
        detect_steps(series, significant_at=-1.0)
    filtered = factory.series(factory.linear(1000), filtered=True)
    for estimator in (fit_trajectory, detect_steps):
        with pytest.raises(InputError, match="FID-1333"):
            estimator(filtered)


def test_window_medians_are_those_of_numpy():
    rng = np.random.default_rng(2)
    values = rng.standard_normal((60, 2))
    values[::7, 0] = np.nan
    low = rng.integers(0, 40, 30)
    high = low + rng.integers(0, 20, 30)
    found = window_medians(values, low, high)
    for row, (first, last) in enumerate(zip(low, high, strict=True)):
        for column in range(2):
            part = values[first:last, column]
            part = part[np.isfinite(part)]
            assert np.array_equal(found[row, column], np.median(part) if part.size else np.nan, equal_nan=True)
    assert np.isnan(window_medians(values, low, low)).all()


def test_weak_and_missing_positions_are_screened_but_steps_are_not():
    values = factory.linear(400, noise_m=0.001)
    values[200:] += 0.5
    values[50, 1] = np.nan
    sigma = np.full((400, 3), 0.001)
    sigma[70, 2] = 0.1
    found = screen_outliers(factory.series(values, sigma_m=sigma))
    assert [int((one.epoch - factory.START) / factory.DAY) for one in found.rejected] == [50, 70]
    assert "north missing" in found.rejected[0].reason
    assert "sigma of up 100.0 mm" in found.rejected[1].reason


def test_weekly_medians_stop_at_steps_and_sparse_series_are_taken_by_days():
    series = factory.series(factory.linear(700))
    # 2008-01-06 is a Sunday; a step on the Wednesday of week 10 leaves its four later days.
    points = averages(series, np.array([factory.START + 73 * factory.DAY]))
    assert points.years.size == 100
    assert points.grid.per_year == pytest.approx(365.25 / 7)
    np.testing.assert_allclose(points.years[10], factory.years_of(700)[73:77].mean())
    np.testing.assert_allclose(points.values_m[0], series.displacement_m[3])
    assert averages(factory.series(factory.linear(100)), np.empty(0, "M8[ns]")).years.size == 100


def test_steps_are_found_and_flicker_noise_is_not_taken_for_steps():
    series, _ = _world(seed=8)
    model = TrajectoryModel(relaxations=(Relaxation(QUAKE, "log", 0.1),))
    found = detect_steps(series, model)
    days = (found.steps - factory.START) / factory.DAY
    assert found.steps.size == 2
    assert np.abs(days - [1200, 2200]).max() <= 3
    assert all(one.is_step and one.kind == "detected" for one in found.events())
    known = detect_steps(series, TrajectoryModel(steps=np.array([STEP, QUAKE]), relaxations=model.relaxations))
    assert known.steps.size == 0
    quiet = 0
    for seed in range(6):
        noise = factory.flicker(np.random.default_rng(seed), 2500, 3, 0.004)
        quiet += detect_steps(factory.series(noise + factory.linear(2500, noise_m=0.001))).steps.size
    assert quiet <= 1
    assert json.dumps(found.to_dict())


def test_a_step_inside_a_gap_is_found():
    values = factory.linear(2000, noise_m=0.002)
    values[900:] += 0.02
    keep = np.ones(2000, dtype=bool)
    keep[850:950] = False
    epochs = (factory.START + np.arange(2000) * factory.DAY)[keep]
    found = detect_steps(factory.series(values[keep], epochs=epochs))
    assert [(int((one - factory.START) / factory.DAY)) for one in found.steps] == [950]


def _weekly(years, count, amplitude, seed):
    """Weekly medians of daily flicker and white noise, shape (week, run); and their grid."""
    rng = np.random.default_rng(seed)
    days = round(years * 365.25) // 7 * 7
    daily = factory.flicker(rng, days, count, amplitude) + 0.001 * rng.standard_normal((days, count))
    return np.median(daily.reshape(-1, 7, count), axis=1), NoiseGrid(np.arange(days // 7), 365.25 / 7)


def test_noise_of_both_kinds_and_its_index_are_recovered():
    grid = NoiseGrid(np.arange(400), 365.25 / 7)
    design = np.column_stack([np.ones(400), np.linspace(-1, 1, 400)])
    rng = np.random.default_rng(4)
    truth = NoiseModel(0.001, 0.005, -1.4, np.nan)
    values = cholesky(covariance(truth, grid), lower=True) @ rng.standard_normal((400, 8))
    found = estimate_noise(design, values, grid, "estimate")
    assert np.mean([one.spectral_index for one in found]) == pytest.approx(-1.4, abs=0.2)
    flicker = cholesky(covariance(NoiseModel(0.002, 0.005, -1.0, np.nan), grid), lower=True) @ rng.standard_normal(
        (400, 8)
    )
    found = estimate_noise(design, flicker, grid, "flicker")
    assert np.mean([one.amplitude_m for one in found]) == pytest.approx(0.005, rel=0.15)
    assert np.mean([one.white_sigma_m for one in found]) == pytest.approx(0.002, rel=0.15)
    white = estimate_noise(design, 0.002 * rng.standard_normal((400, 1)), grid, "white")[0]
    assert white.white_sigma_m == pytest.approx(0.002, rel=0.1)
    assert np.isnan(white.spectral_index)
    with pytest.raises(NumericsError, match="FID-3001"):
        estimate_noise(design[:5], flicker[:5], NoiseGrid(np.arange(5), 52.0), "white")


def test_the_amplitude_counts_for_the_sampling_of_the_averages():
    # Williams' amplitude of flicker noise grows with the fourth root of the sampling rate.
    values, grid = _weekly(10.0, 12, 0.008, 3)
    design = np.column_stack([np.ones(len(values)), np.linspace(-1, 1, len(values))])
    found = np.mean([one.amplitude_m for one in estimate_noise(design, values, grid, "flicker")])
    assert found * 7**0.25 == pytest.approx(0.008, rel=0.1)


@pytest.mark.slow
def test_pulls_of_velocities_under_flicker_noise_are_standard_normal():
    """Benchmark B7: 300 daily series of 12 years, s = 8 mm / yr^0.25."""
    values, grid = _weekly(12.0, 300, 0.008, 11)
    years = grid.index * 7 / 365.25
    design = design_matrix(TrajectoryModel(), years, 6.0)
    noise = estimate_noise(design, values, grid, "flicker")
    pulls = []
    unit = grid.unit_covariance(-1.0)
    for column, one in zip(values.T, noise, strict=True):
        fit = generalised_fit(design, column, one.white_sigma_m**2 * np.eye(len(design)) + one.amplitude_m**2 * unit)
        pulls.append(fit.estimate[1] / np.sqrt(fit.covariance[1, 1]))
    print(f"pull std {np.std(pulls):.3f}, mean {np.mean(pulls):+.3f}")  # noqa: T201
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
    assert abs(np.mean(pulls)) < 0.2

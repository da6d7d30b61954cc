import numpy as np
import pytest

from fiducial.errors import NumericsError
from fiducial.geodesy.robust import grouped_median, robust_fit, robust_sigma


def test_robust_sigma_of_normal_noise_is_its_sigma():
    values = np.random.default_rng(1).normal(3.0, 0.5, 20_000)
    assert abs(robust_sigma(values) - 0.5) < 0.01
    assert np.isnan(robust_sigma([np.nan]))


def test_grouped_median_equals_numpy_group_by_group():
    rng = np.random.default_rng(2)
    values, group = rng.normal(size=500), rng.integers(0, 40, 500)
    result = grouped_median(values, group, 42)
    for number in range(40):
        assert result[number] == pytest.approx(np.median(values[group == number]), abs=1e-12)
    assert np.isnan(result[40:]).all()


def test_weighted_median_follows_the_weight():
    values = np.array([0.0, 1.0, 10.0])
    group = np.zeros(3, dtype=int)
    assert grouped_median(values, group, 1, np.array([1.0, 1.0, 5.0]))[0] == 10.0
    assert grouped_median(values, group, 1, np.array([1.0, 1.0, 2.0]))[0] == 5.5


def test_grouped_median_of_nothing():
    assert np.isnan(grouped_median(np.zeros(0), np.zeros(0, dtype=int), 2)).all()


def test_outliers_do_not_move_a_robust_plane():
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(200), rng.uniform(-1, 1, (200, 2))])
    truth = np.array([2.0, -3.0, 1.0])
    values = design @ truth + rng.normal(0, 0.1, 200)
    spoiled = values.copy()
    spoiled[:20] += 25.0
    fit = robust_fit(design, spoiled, np.full(200, 1 / 0.1**2))
    assert np.abs(fit.estimate - truth).max() < 0.05
    assert (fit.weights[:20] == 0).all()
    assert (fit.weights[20:] > 0).sum() >= 178
    assert fit.degrees_of_freedom == (fit.weights > 0).sum() - 3


def test_noise_free_values_are_reproduced():
    rng = np.random.default_rng(4)
    design = np.column_stack([np.ones(30), rng.uniform(-1, 1, 30)])
    fit = robust_fit(design, design @ [1.5, -0.5], np.ones(30))
    assert np.abs(fit.estimate - [1.5, -0.5]).max() < 1e-12


def test_never_more_than_a_quarter_is_rejected():
    design = np.ones((9, 1))
    values = np.array([0.0, 0.0001, -0.0001, 0.00005, 0.0001, 9.0, 9.0, 9.0, 9.0])
    fit = robust_fit(design, values, np.ones(9))
    assert (fit.weights == 0).sum() == 2


def test_too_few_observations():
    with pytest.raises(NumericsError, match="FID-3011"):
        robust_fit(np.ones((2, 3)), np.ones(2), np.ones(2))

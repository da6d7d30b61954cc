import numpy as np
import pytest

from fiducial.errors import NumericsError
from fiducial.geodesy.least_squares import weighted_fit


def test_weighted_fit_equals_normal_equations():
    rng = np.random.default_rng(0)
    design, values = rng.normal(size=(50, 3)), rng.normal(size=50)
    weights = rng.uniform(0.5, 4.0, 50)
    fit = weighted_fit(design, values, weights)
    normal = design.T * weights
    assert np.allclose(fit.estimate, np.linalg.solve(normal @ design, normal @ values), atol=1e-12)
    assert np.allclose(fit.operator @ values, fit.estimate, atol=1e-12)
    assert fit.degrees_of_freedom == 47
    square_sum = np.sum(weights * (values - design @ fit.estimate) ** 2)
    assert fit.variance_factor == pytest.approx(square_sum / 47)


def test_covariance_of_independent_observations_is_the_inverse_normal_matrix():
    rng = np.random.default_rng(1)
    design, variance = rng.normal(size=(40, 2)), rng.uniform(0.1, 2.0, 40)
    fit = weighted_fit(design, rng.normal(size=40), 1 / variance)
    expected = np.linalg.inv((design.T / variance) @ design)
    assert np.allclose(fit.covariance(variance), expected, atol=1e-12)
    assert np.allclose(fit.covariance(np.diag(variance)), expected, atol=1e-12)


def test_zero_weight_leaves_an_observation_out_even_if_it_is_nan():
    design, values = np.ones((3, 1)), np.array([1.0, 3.0, np.nan])
    fit = weighted_fit(design, values, np.array([1.0, 1.0, 0.0]))
    assert fit.estimate[0] == pytest.approx(2.0)
    assert fit.degrees_of_freedom == 1


def test_no_redundancy_gives_no_variance_factor():
    assert np.isnan(weighted_fit(np.ones((1, 1)), np.ones(1), np.ones(1)).variance_factor)


@pytest.mark.parametrize(
    ("design", "values"),
    [
        (np.ones((2, 3)), np.ones(2)),
        (np.ones((5, 2)), np.ones(5)),
        (np.ones((5, 1)), np.full(5, np.nan)),
    ],
    ids=["too few", "rank", "not finite"],
)
def test_undetermined(design, values):
    with pytest.raises(NumericsError, match="FID-3011"):
        weighted_fit(design, values, np.ones(len(values)))

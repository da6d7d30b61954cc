"""Similarity between two sets of positions."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import NumericsError
from fiducial.geodesy.similarity import apply_similarity, fit_similarity, rotation_matrix

PARAMETERS = np.array([0.01, -0.02, 0.03, 2e-9, 1e-9, -3e-9, 2e-9])


def points(count=300, seed=0, sigma_m=0.0):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(count, 3))
    source = 2.65e7 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    return source, apply_similarity(PARAMETERS, source) + rng.normal(0.0, 1.0, source.shape) * sigma_m


@pytest.mark.parametrize("robust", [True, False])
def test_parameters_without_noise(robust):
    found = fit_similarity(*points(), robust=robust)
    scale = np.array([1, 1, 1, *[2.65e7] * 4])
    np.testing.assert_allclose(found.parameters * scale, PARAMETERS * scale, atol=1e-7)
    assert np.abs(found.residuals_m).max() < 1e-7


def test_rotation_has_position_vector_signs():
    np.testing.assert_allclose(
        rotation_matrix(np.array([0.1, 0.2, 0.3])) @ [1.0, 2.0, 4.0],
        np.cross([0.1, 0.2, 0.3], [1.0, 2.0, 4.0]),
        atol=1e-15,
    )


def test_nan_stays_nan():
    moved = apply_similarity(PARAMETERS, np.array([[np.nan] * 3, [1.0, 2.0, 3.0]]))
    assert np.isnan(moved[0]).all()
    assert np.isfinite(moved[1]).all()


def test_gross_errors_do_not_move_the_robust_fit():
    source, target = points(sigma_m=0.01)
    clean = fit_similarity(source, target)
    target[::10] += 1e3
    bent = fit_similarity(source, target)
    scale = np.array([1, 1, 1, *[2.65e7] * 4])
    assert np.abs((bent.parameters - clean.parameters) * scale).max() < 0.003
    assert np.abs((fit_similarity(source, target, robust=False).parameters - clean.parameters) * scale).max() > 1.0


def test_formal_errors_of_the_least_squares_fit():
    pulls = []
    for seed in range(40):
        found = fit_similarity(*points(seed=seed, sigma_m=0.01), robust=False)
        pulls.append((found.parameters - PARAMETERS) / np.sqrt(np.diag(found.covariance)))
        assert np.sqrt(found.variance_factor) == pytest.approx(0.01, rel=0.1)
    assert 0.85 < np.sqrt(np.mean(np.square(pulls))) < 1.15


def test_weights():
    source, target = points()
    target[:100] += 5.0
    found = fit_similarity(source, target, np.r_[np.full(100, 1e-12), np.ones(200)], robust=False)
    assert np.abs(found.parameters[:3] - PARAMETERS[:3]).max() < 1e-4


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((0, 3)), np.ones((1, 3)), np.array([[1e7, 0, 0], [0, 1e7, 0.0]]), np.linspace(1, 2, 9)[:, None] * [1e7, 2e7, 0],
        np.full((5, 3), np.nan), np.zeros((5, 3)),
    ],
)  # fmt: skip
def test_undetermined(source):
    with pytest.raises(NumericsError, match="FID-3110"):
        fit_similarity(source, source)

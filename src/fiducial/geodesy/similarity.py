"""Seven-parameter similarity (Helmert) between two sets of Earth-fixed positions, in position-vector signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import NumericsError

Array = NDArray[np.float64]

_SWEEPS: Final = 60
_CONVERGED_M: Final = 1e-7
_FLOOR: Final = 0.05
"""Least residual in units of the median one; it bounds the weights of the least-absolute fit."""


@dataclass(frozen=True, slots=True, eq=False)
class SimilarityFit:
    """Parameters that take one set of positions to another: x' = x + T + s x + R x.

    Attributes
    ----------
    parameters : ndarray, shape (7,)
        Tx, Ty, Tz in metres; scale s without unit; Rx, Ry, Rz in radians. R x = (Rx, Ry, Rz) cross x.
    covariance : ndarray, shape (7, 7)
        Scaled by ``variance_factor``; positions count as independent.
    variance_factor : float
        Weighted mean square of the residual coordinates, m2 times the unit of the weights.
    residuals_m : ndarray, shape (point, 3)
        Target minus transformed source.
    weights : ndarray, shape (point,)
        Weights of the last step: those given times those of the robust fit.
    """

    parameters: Array
    covariance: Array
    variance_factor: float
    residuals_m: Array
    weights: Array


def rotation_matrix(rotations_rad: Array) -> Array:
    """Return R with R x = rotations cross x, position-vector signs, shape (3, 3)."""
    rx, ry, rz = rotations_rad
    return np.array([[0.0, -rz, ry], [rz, 0.0, -rx], [-ry, rx, 0.0]])


def apply_similarity(parameters: Array, position_m: Array) -> Array:
    """Transform positions: x + T + s x + R x.

    Parameters
    ----------
    parameters : ndarray, shape (7,)
        Tx, Ty, Tz [m], scale, Rx, Ry, Rz [rad], position-vector signs.
    position_m : ndarray, shape (..., 3)
        NaN stays NaN.
    """
    matrix = rotation_matrix(parameters[4:]) + parameters[3] * np.eye(3)
    moved: Array = position_m + (position_m @ matrix.T + parameters[:3])
    return moved


def fit_similarity(
    source_m: Array, target_m: Array, weights: Array | None = None, *, robust: bool = True
) -> SimilarityFit:
    """Fit the seven parameters that take ``source_m`` to ``target_m``.

    Parameters
    ----------
    source_m, target_m : ndarray, shape (point, 3)
        Finite Earth-fixed positions. Rotations must be small (1 mas and 1 ppm leave less than 1 nm of second order).
    weights : ndarray, shape (point,), optional
        Inverse variances of a point.
    robust : bool
        Minimise the sum of the lengths of the residual vectors instead of the sum of their squares.

    Raises
    ------
    NumericsError
        FID-3110 when the points do not determine seven parameters (fewer than three, or on one line).

    Notes
    -----
    Linearised Helmert transformation (IERS Conventions 2010, eq. 4.3, position-vector signs); the robust fit is
    iteratively reweighted least squares with weights 1 / (largest of the length of v and 0.05 of the median length).
    """
    given = np.ones(len(source_m)) if weights is None else weights
    height = (float(np.sqrt(np.mean(np.sum(source_m**2, axis=1)))) if len(source_m) else 0.0) or 1.0
    unit = source_m / height
    difference = target_m - source_m
    current, parameters = given, np.zeros(7)
    for _ in range(_SWEEPS if robust else 1):
        normal, right = _normal_equations(unit, difference, current)
        before, parameters = parameters, _solve(normal, right)
        residuals = difference - _moved(parameters, unit)
        if not robust or np.max(np.abs(parameters - before)) < _CONVERGED_M:
            break
        length = np.sqrt(np.sum(residuals**2, axis=1))
        current = given / np.maximum(length, max(_FLOOR * float(np.median(length)), np.finfo(float).tiny))
    redundancy = max(3 * len(source_m) - 7, 1)
    factor = float(np.sum(given[:, None] * residuals**2) / redundancy)
    # Formal errors are those of the weights given: the robust weights choose the estimate, not the noise.
    normal, _ = _normal_equations(unit, difference, given)
    scale = np.array([1.0, 1.0, 1.0, height, height, height, height])
    covariance = factor * np.linalg.pinv(normal) / np.outer(scale, scale)
    return SimilarityFit(parameters / scale, covariance, factor, residuals, current)


def _moved(parameters: Array, unit: Array) -> Array:
    """Displacements by parameters in metres at unit distance."""
    matrix = rotation_matrix(parameters[4:]) + parameters[3] * np.eye(3)
    moved: Array = unit @ matrix.T + parameters[:3]
    return moved


def _normal_equations(unit: Array, difference: Array, weights: Array) -> tuple[Array, Array]:
    """Normal equations from weighted moments: no design matrix is ever formed."""
    weighted = weights[:, None] * unit
    second = weighted.T @ unit
    first = weighted.sum(axis=0)
    cross = weighted.T @ difference
    normal = np.zeros((7, 7))
    normal[:3, :3] = np.eye(3) * weights.sum()
    normal[:3, 3] = normal[3, :3] = first
    normal[:3, 4:] = -rotation_matrix(first)
    normal[4:, :3] = normal[:3, 4:].T
    normal[3, 3] = np.trace(second)
    normal[4:, 4:] = np.eye(3) * np.trace(second) - second
    rotation = (cross[1, 2] - cross[2, 1], cross[2, 0] - cross[0, 2], cross[0, 1] - cross[1, 0])
    right = np.concatenate([weights @ difference, [np.trace(cross)], rotation])
    return normal, right


def _solve(normal: Array, right: Array) -> Array:
    values = np.linalg.eigvalsh(normal) if np.all(np.isfinite(normal)) else np.zeros(7)
    if values[0] <= 1e-12 * values[-1]:
        raise NumericsError(
            "FID-3110",
            "the positions do not determine the seven parameters of a similarity",
            where="Helmert transformation",
            fix="give at least three positions that do not lie on one line",
        )
    return np.asarray(np.linalg.solve(normal, right), dtype=np.float64)

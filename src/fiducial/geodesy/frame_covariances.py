"""Covariances through one transform between frames, and what the parameters of the transform add to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import NumericsError

Array = NDArray[np.float64]
Covariances = tuple[Array | None, Array | None, Array | None]


@dataclass(frozen=True, slots=True, eq=False)
class StepJacobian:
    """Derivatives of transformed with respect to given coordinates: dX2 = M dX1, dV2 = dV1 + K dX1.

    Attributes
    ----------
    position : ndarray, shape (point, 3, 3)
        M = I + D + R forward, its inverse backward.
    velocity : ndarray, shape (point, 3, 3)
        K = D' + R' per year forward, -K M^-1 backward.
    """

    position: Array
    velocity: Array

    @classmethod
    def of(cls, now: Array, rate: Array, *, inverse: bool) -> StepJacobian:
        """Return the derivatives at parameters ``now``, shape (point, 7), with rates of shape (7,), in SI units."""
        stretch = np.eye(3) + _matrix(now)
        change = np.broadcast_to(_matrix(rate), stretch.shape)
        if not inverse:
            return cls(stretch, change)
        undone = np.asarray(np.linalg.inv(stretch), dtype=np.float64)
        return cls(undone, -change @ undone)


def apply_jacobian(
    jacobian: StepJacobian, position: Array | None, velocity: Array | None, cross: Array | None
) -> Covariances:
    """Propagate the covariances of positions, of velocities, and between them, blocks (point, 3, 3) or full.

    A covariance that is not given counts as zero in those that are, and stays not given.
    """
    m, k = jacobian.position, jacobian.velocity
    moved_position = None if position is None else _both_sides(m, position, m)
    if velocity is None:
        return moved_position, None, None
    moved_velocity = velocity
    if position is not None:
        moved_velocity = velocity + _both_sides(k, position, k)
    moved_cross = None
    if cross is not None and position is not None:
        mixed = _left(k, cross)
        moved_velocity = moved_velocity + mixed + np.swapaxes(mixed, -1, -2)
        moved_cross = _left(m, cross) + _both_sides(m, position, k)
    return moved_position, moved_velocity, moved_cross


def parameter_part(covariance: Array, position_m: Array, since_yr: Array, *, full: bool) -> tuple[Array, Array, Array]:
    """Return what 14 uncertain parameters add to covariances of positions, velocities, and between them.

    Parameters
    ----------
    covariance : ndarray, shape (14, 14)
        In SI units, of the parameters at their epoch and of their rates.
    position_m : ndarray, shape (point, 3)
        Before the operation, in its own direction.
    since_yr : ndarray, shape (point,)
        Years since the epoch of the parameters.
    full : bool
        Shape (3 point, 3 point), with the correlation that common parameters cause between points, instead of blocks.
    """
    design = np.zeros((len(position_m), 3, 7))
    design[:, :, :3] = np.eye(3)
    design[:, :, 3] = position_m
    design[:, :, 4:] = -_cross_matrix(position_m)
    on_position = np.concatenate([design, since_yr[:, np.newaxis, np.newaxis] * design], axis=2)
    on_velocity = np.concatenate([np.zeros_like(design), design], axis=2)
    pairs = ((on_position, on_position), (on_velocity, on_velocity), (on_position, on_velocity))
    if full:
        flat = [(a.reshape(-1, 14), b.reshape(-1, 14)) for a, b in pairs]
        first, second, third = (a @ covariance @ b.T for a, b in flat)
    else:
        first, second, third = (a @ covariance @ np.swapaxes(b, 1, 2) for a, b in pairs)
    return first, second, third


def require_covariance(matrix: Array, name: str, *, symmetric: bool = True) -> None:
    """Require finite numbers, symmetry and variances that are not negative.

    Raises
    ------
    NumericsError
        FID-3121.
    """
    fault = ""
    if not np.isfinite(matrix).all():
        fault = "holds a number that is not finite"
    elif symmetric:
        variance = np.diagonal(matrix, axis1=-2, axis2=-1)
        if (variance < 0).any():
            fault = "has a negative variance"
        elif not np.allclose(
            matrix, np.swapaxes(matrix, -1, -2), rtol=1e-6, atol=1e-9 * float(variance.max(initial=0))
        ):
            fault = "is not symmetric"
    if fault:
        raise NumericsError("FID-3121", f"a covariance {fault}", where=name,
                            fix="give symmetric covariances of known quantities; leave unknown stations out")  # fmt: skip


def _matrix(parameters: Array) -> Array:
    """Return D I + R, shape (..., 3, 3), of parameters, shape (..., 7)."""
    return np.asarray(
        parameters[..., 3, np.newaxis, np.newaxis] * np.eye(3) + _cross_matrix(parameters[..., 4:]), dtype=np.float64
    )


def _cross_matrix(vector: Array) -> Array:
    """Return [v x], shape (..., 3, 3)."""
    matrix = np.zeros((*vector.shape, 3))
    matrix[..., 2, 1], matrix[..., 0, 2], matrix[..., 1, 0] = vector[..., 0], vector[..., 1], vector[..., 2]
    return matrix - np.swapaxes(matrix, -1, -2)


def _left(blocks: Array, matrix: Array) -> Array:
    """Return B C with B block diagonal, C either blocks or full."""
    if matrix.ndim == 3:
        return np.asarray(blocks @ matrix, dtype=np.float64)
    points = len(blocks)
    return np.asarray((blocks @ matrix.reshape(points, 3, -1)).reshape(matrix.shape), dtype=np.float64)


def _both_sides(left: Array, matrix: Array, right: Array) -> Array:
    """Return A C B' with A and B block diagonal, C either blocks or full."""
    half = _left(left, matrix)
    return np.swapaxes(_left(right, np.swapaxes(half, -1, -2)), -1, -2)

"""One centre's solution as normal equations without a datum: what many centres can be combined from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from fiducial.errors import NumericsError
from fiducial.stations.helmert_design import ParameterKey, helmert_design, scaled

Array = NDArray[np.float64]

_FREE: Final = 1e-6
"""Information of a datum direction below this part of the strongest one is none."""


@dataclass(frozen=True, slots=True, eq=False)
class CentreSolution:
    """Estimates of one centre with their covariance.

    Attributes
    ----------
    name : str
    keys : tuple of ParameterKey
    value : ndarray, shape (parameter,)
        Metres, radians, seconds.
    covariance : ndarray, shape (parameter, parameter)
        Of the estimates.
    apriori : ndarray, shape (parameter,), or None
        Values that constraints pulled towards.
    apriori_covariance : ndarray, shape (parameter, parameter), or None
        Of the constraints; they are removed.
    """

    name: str
    keys: tuple[ParameterKey, ...]
    value: Array
    covariance: Array
    apriori: Array | None = None
    apriori_covariance: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DatumFreeSystem:
    """Normal equations of one centre from which all information on its frame has been taken.

    Attributes
    ----------
    name : str
    keys : tuple of ParameterKey
    value : ndarray, shape (parameter,)
        Estimate that the normal matrix belongs to: N (x - value) is the gradient.
    normal : ndarray, shape (parameter, parameter)
        Inverse of the covariance, without constraints and without datum.
    held : ndarray, shape (7,)
        Information that the solution itself had on each Helmert parameter, as part of a fully known one (0 free ... 1):
        rank is read from this, never assumed.
    factor, projection : ndarray
        To estimate the centre's own Helmert parameters afterwards.
    """

    name: str
    keys: tuple[ParameterKey, ...]
    value: Array
    normal: Array
    held: Array
    projection: Array


def unconstrained_normal(solution: CentreSolution) -> tuple[Array, Array]:
    """Return the normal matrix and estimate of a solution without its constraints.

    Parameters
    ----------
    solution : CentreSolution

    Returns
    -------
    normal : ndarray, shape (parameter, parameter)
    value : ndarray, shape (parameter,)
        A solution of N x = b; in directions that were held by constraints alone it is the a-priori value.

    Raises
    ------
    NumericsError
        FID-3130 when a covariance is not positive definite; names the parameter at fault and the smallest eigenvalue.

    Notes
    -----
    N = C_est^-1 - C_apr^-1, b = C_est^-1 (x_est - x_apr) (Davies and Blewitt 2000, J. Geophys. Res. 105:11083, eq. 8).
    """
    normal = _inverse(solution.covariance, solution)
    if solution.apriori_covariance is None or solution.apriori is None:
        return normal, solution.value
    right = normal @ (solution.value - solution.apriori)
    normal = normal - _inverse(solution.apriori_covariance, solution)
    values, vectors = np.linalg.eigh(_unit_diagonal(normal)[0])
    diagonal = _unit_diagonal(normal)[1]
    keep = values > _FREE * values[-1]
    scaled_right = right / diagonal
    step = vectors[:, keep] @ ((vectors[:, keep].T @ scaled_right) / values[keep])
    return normal, solution.apriori + step / diagonal


def datum_free(solution: CentreSolution) -> DatumFreeSystem:
    """Take constraints and datum out of a solution.

    Parameters
    ----------
    solution : CentreSolution

    Raises
    ------
    NumericsError
        FID-3130 when a covariance is not positive definite.

    Notes
    -----
    The centre's seven Helmert parameters are added as unknowns and eliminated:
    N' = N - N H (H' N H)^+ H' N. Whatever the solution knew of its origin, scale and orientation is then gone, be it
    from constraints, orbits held fixed or the observations; the shape of the network stays.
    """
    normal, value = unconstrained_normal(solution)
    design, factor = scaled(helmert_design(solution.keys, value))
    moved = normal @ design
    inner = design.T @ moved
    values, vectors = np.linalg.eigh(inner)
    keep = values > _FREE * max(float(values[-1]), np.finfo(float).tiny)
    inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    projection = (inverse @ moved.T) / factor[:, None]
    free = normal - moved @ inverse @ moved.T
    held = np.diag(inner) / max(float(np.trace(normal)) / len(value), np.finfo(float).tiny)
    return DatumFreeSystem(
        solution.name, solution.keys, value, 0.5 * (free + free.T), np.minimum(held, 1.0), projection
    )


def minimal_constraint(keys: Sequence[ParameterKey], reference: Array, core: NDArray[np.intp], sigma_m: float) -> Array:
    """Return the normal matrix that holds origin, scale and orientation on core sites, and nothing else.

    Parameters
    ----------
    keys : sequence of ParameterKey
    reference : ndarray, shape (parameter,)
        Reference values; only those of the core rows count.
    core : ndarray of int
        Rows of the core sites' coordinates.
    sigma_m : float
        How tightly, in metres at the Earth's surface.

    Notes
    -----
    B' B / sigma2 with B = (A' A)^-1 A' over the core rows (Altamimi et al. 2002, eq. 12), columns of A scaled to metres.
    """
    design, _ = scaled(helmert_design(keys, reference))
    core_design = np.zeros_like(design)
    core_design[core] = design[core]
    inner = core_design.T @ core_design
    values, vectors = np.linalg.eigh(inner)
    if values[0] <= 1e-9 * values[-1]:
        raise NumericsError(
            "FID-3131",
            "the core sites do not fix origin, scale and orientation",
            where=f"{core.size // 3} core sites",
            fix="give at least three core sites that do not lie on one line",
        )
    left = (vectors / values) @ vectors.T @ core_design.T
    # A unit change of a scaled parameter moves the network by one over the root of the number of rows.
    weight = core.size / sigma_m**2
    return np.asarray(left.T @ left * weight / max(core.size, 1) * np.trace(inner) / len(inner), dtype=np.float64)


def _unit_diagonal(matrix: Array) -> tuple[Array, Array]:
    diagonal = np.sqrt(np.maximum(np.abs(np.diag(matrix)), np.finfo(float).tiny))
    return matrix / np.outer(diagonal, diagonal), diagonal


def _inverse(covariance: Array, solution: CentreSolution) -> Array:
    correlation, diagonal = _unit_diagonal(covariance)
    try:
        factor = cho_factor(correlation, lower=True)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(correlation)
        key = solution.keys[int(np.argmax(np.abs(vectors[:, 0])))]
        raise NumericsError(
            "FID-3130",
            f"the covariance of {solution.name} is not positive definite: smallest eigenvalue of the correlations "
            f"{values[0]:.3g}, mostly {key.kind} {key.code}",
            where=f"{solution.name}, {key.kind} {key.code}",
            fix="fetch the solution again, or leave the centre out",
        ) from None
    inverse = cho_solve(factor, np.eye(len(covariance)))
    return np.asarray(0.5 * (inverse + inverse.T) / np.outer(diagonal, diagonal), dtype=np.float64)


def triangular_inverse(matrix: Array) -> Array:
    """Return the inverse of a symmetric positive definite matrix through its Cholesky factor."""
    correlation, diagonal = _unit_diagonal(matrix)
    lower = np.linalg.cholesky(correlation)
    half = solve_triangular(lower, np.eye(len(matrix)), lower=True)
    return np.asarray(half.T @ half / np.outer(diagonal, diagonal), dtype=np.float64)

"""One centre's solution as normal equations without a datum: what many centres can be combined from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from fiducial.errors import NumericsError
from fiducial.stations.helmert_design import AT_SURFACE, HELMERT, ParameterKey, coordinate_rows, helmert_design

Array = NDArray[np.float64]

_LITTLE: Final = 1e-11
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
class RotationInformation:
    """What is known of a centre's rotation from elsewhere, such as its orbits.

    Attributes
    ----------
    rotation_rad : ndarray, shape (3,)
        Rx, Ry, Rz from the centre to the combination, position-vector signs.
    information : ndarray, shape (3, 3)
        Inverse covariance, 1/rad2.
    """

    rotation_rad: Array
    information: Array


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
    datum_sigma_m : ndarray, shape (7,)
        How well the solution itself knew its Helmert parameters, all others free: standard deviations, scale and
        rotations as displacements at the Earth's surface, infinite where free. Rank is read from this, never assumed.
    design : ndarray, shape (parameter, 7)
        Derivatives with respect to the Helmert parameters.
    projection : ndarray, shape (7, parameter)
        Takes differences of parameters to Helmert parameters [m, 1, rad], weighted by the diagonal of ``normal``.
    own_blocks : ndarray, shape (site, 3, 3)
        Covariances of the sites' coordinates, m2, with the datum held by the network itself.
    helmert_covariance : ndarray, shape (7, 7)
        Of Helmert parameters so estimated, in the centre's unit of weight.
    rank : int
        Of the normal matrix.
    unconstrained : ndarray, shape (parameter, parameter)
        Normal matrix before the datum was taken out.
    """

    name: str
    keys: tuple[ParameterKey, ...]
    value: Array
    normal: Array
    datum_sigma_m: Array
    design: Array
    projection: Array
    own_blocks: Array
    helmert_covariance: Array
    rank: int
    unconstrained: Array


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
    # Directions that constraints alone held are datum directions: a little information there makes the system
    # solvable and cannot bend what the observations say.
    design = helmert_design(solution.keys, solution.value) / AT_SURFACE
    held = normal + datum_strength(solution.keys, normal, _LITTLE) * design @ design.T
    correlation, diagonal = _unit_diagonal(held)
    step = np.linalg.solve(correlation, right / diagonal) / diagonal
    return normal, solution.apriori + step


def datum_strength(keys: Sequence[ParameterKey], normal: Array, part: float) -> float:
    """Return a weight for the datum, 1/m2: this part of what the coordinates of a system know on average."""
    rows = coordinate_rows(keys).ravel()
    # Of coordinates alone: pole coordinates in radians have weights of 1e20.
    return part * float(np.diag(normal)[rows].mean()) / len(rows)


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
    return _datum_free(solution.name, solution.keys, value, normal)


def without_site(system: DatumFreeSystem, site: tuple[str, str, str]) -> DatumFreeSystem:
    """Leave a site out: its parameters are eliminated.

    Parameters
    ----------
    system : DatumFreeSystem
    site : tuple of str
        Code, point and solution number.

    Notes
    -----
    Eliminated from the system *without* constraints, N_aa - N_ab N_bb^-1 N_ba: constraints on sites that are left out,
    which tie the others to each other, must not stay behind.
    """
    gone = np.array([key.code != "" and key.site == site for key in system.keys])
    keep, drop = np.flatnonzero(~gone), np.flatnonzero(gone)
    normal = system.unconstrained
    cross = normal[np.ix_(keep, drop)]
    normal = normal[np.ix_(keep, keep)] - cross @ np.linalg.solve(normal[np.ix_(drop, drop)], cross.T)
    return _datum_free(system.name, tuple(system.keys[row] for row in keep), system.value[keep], normal)


def _datum_free(name: str, keys: tuple[ParameterKey, ...], value: Array, normal: Array) -> DatumFreeSystem:
    design = helmert_design(keys, value) / AT_SURFACE
    moved = normal @ design
    inner = design.T @ moved
    values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
    keep = values > _FREE * max(float(values[-1]), np.finfo(float).tiny)
    inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    free = normal - moved @ inverse @ moved.T
    unknown = (vectors[:, ~keep] ** 2).sum(axis=1) > _FREE
    sigma = np.where(unknown, np.inf, np.sqrt(np.diag(inverse)))
    free = 0.5 * (free + free.T)
    # Parameters of its own frame are fitted to the network's shape alone, also in directions that it does not know.
    weight = np.diag(free)
    shape = np.linalg.inv(design.T @ (weight[:, None] * design))
    projection = (shape @ (weight[:, None] * design).T) / AT_SURFACE[:, None]
    blocks = _own_blocks(keys, free, projection * AT_SURFACE[:, None])
    return DatumFreeSystem(
        name, keys, value, free, sigma, design * AT_SURFACE, projection, blocks,
        _helmert_covariance(keys, projection, blocks, weight), len(value) - len(AT_SURFACE), normal,
    )  # fmt: skip


def with_rotation(system: DatumFreeSystem, rotation: RotationInformation, factor: float) -> tuple[Array, Array]:
    """Return normal matrix and right-hand side of a centre whose rotation is known from elsewhere.

    Parameters
    ----------
    system : DatumFreeSystem
    rotation : RotationInformation
        From the centre to the combination.
    factor : float
        Variance factor of the centre: information from elsewhere is brought to its unit of weight.

    Notes
    -----
    An observation more: the rotation of the combined network against the centre's own, fitted to the network, is
    theta_0, with the covariance of that fit plus the inverse of the information.
    """
    projection = system.projection[4:]
    fit = factor * system.helmert_covariance[4:, 4:]
    weight = factor * np.linalg.inv(fit + np.linalg.inv(rotation.information))
    normal = system.normal + projection.T @ weight @ projection
    return normal, projection.T @ (weight @ rotation.rotation_rad)


def _helmert_covariance(keys: Sequence[ParameterKey], projection: Array, blocks: Array, weight: Array) -> Array:
    """Covariance of Helmert parameters fitted to sites that are taken as independent of each other."""
    rows = coordinate_rows(keys)
    others = np.ones(len(keys), dtype=bool)
    others[rows] = False
    by_site = projection[:, rows]
    found = np.einsum("psa,sab,qsb->pq", by_site, blocks, by_site, optimize=True)
    found += (projection[:, others] / weight[others]) @ projection[:, others].T
    return np.asarray(found, dtype=np.float64)


def _own_blocks(keys: Sequence[ParameterKey], free: Array, projection_m: Array) -> Array:
    """Covariances of the sites with the network's own origin, scale and orientation held to 0.1 mm."""
    covariance = triangular_inverse(free + projection_m.T @ projection_m / 1e-8)
    rows = coordinate_rows(keys)
    return np.asarray(covariance[rows[:, :, None], rows[:, None, :]], dtype=np.float64)


def minimal_constraint(
    keys: Sequence[ParameterKey],
    reference: Array,
    core: NDArray[np.intp],
    sigma_m: float,
    *,
    held: Sequence[str] = HELMERT,
) -> Array:
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
    held : sequence of str
        Which of ``HELMERT``; the translations alone for a solution whose orbits hold the rest.

    Raises
    ------
    NumericsError
        FID-3131 when the core does not fix them.

    Notes
    -----
    B' B / sigma2 with B = (A' A)^-1 A' over the core rows (Altamimi et al. 2002, eq. 12), all seven as metres at the
    surface.
    """
    columns = np.array([HELMERT.index(name) for name in held], dtype=np.intp)
    design = np.zeros((len(keys), len(columns)))
    design[core] = (helmert_design(keys, reference) / AT_SURFACE)[np.ix_(core, columns)]
    inner = design.T @ design
    values, vectors = np.linalg.eigh(inner)
    if values[0] <= 1e-9 * values[-1]:
        raise NumericsError(
            "FID-3131",
            f"the core sites do not fix {', '.join(held)}",
            where=f"{core.size // 3} core sites",
            fix="give at least three core sites that do not lie on one line",
        )
    left = (vectors / values) @ vectors.T @ design.T / sigma_m
    return np.asarray(left.T @ left, dtype=np.float64)


def _unit_diagonal(matrix: Array) -> tuple[Array, Array]:
    diagonal = np.sqrt(np.maximum(np.abs(np.diag(matrix)), np.finfo(float).tiny))
    return matrix / np.outer(diagonal, diagonal), diagonal


def _inverse(covariance: Array, solution: CentreSolution) -> Array:
    try:
        return triangular_inverse(covariance)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(_unit_diagonal(covariance)[0])
        key = solution.keys[int(np.argmax(np.abs(vectors[:, 0])))]
        raise NumericsError(
            "FID-3130",
            f"the covariance of {solution.name} is not positive definite: smallest eigenvalue of the correlations "
            f"{values[0]:.3g}, mostly {key.kind} {key.code}",
            where=f"{solution.name}, {key.kind} {key.code}",
            fix="fetch the solution again, or leave the centre out",
        ) from None


def triangular_inverse(matrix: Array) -> Array:
    """Return the inverse of a symmetric positive definite matrix through its Cholesky factor.

    Raises
    ------
    numpy.linalg.LinAlgError
        When it is not positive definite.
    """
    correlation, diagonal = _unit_diagonal(matrix)
    factor, failed = lapack.dpotrf(correlation, lower=1, clean=1)
    if failed:
        msg = "not positive definite"
        raise np.linalg.LinAlgError(msg)
    # A third of the operations of multiplying the inverted factors.
    half, _ = lapack.dpotri(factor, lower=1)
    lower = np.tril(half)
    inverse = lower + np.tril(half, -1).T
    return np.asarray(inverse / np.outer(diagonal, diagonal), dtype=np.float64)

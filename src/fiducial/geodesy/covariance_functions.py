"""Exponential covariance of a random field on the Earth, estimated by restricted maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import NumericsError

Array = NDArray[np.float64]


def unit_vectors(longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Array:
    """Return points on the unit sphere, shape (point, 3), from longitude and latitude in degrees."""
    longitude = np.deg2rad(np.asarray(longitude_deg, dtype=np.float64))
    latitude = np.deg2rad(np.asarray(latitude_deg, dtype=np.float64))
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)],
        axis=-1,
    )


def great_circle_km(first: Array, second: Array) -> Array:
    """Return great-circle distances in km, shape (n, m), between unit vectors (n, 3) and (m, 3).

    Notes
    -----
    2 R asin(chord / 2) on the sphere of mean radius: differs from the ellipsoid by less than 0.6 %, which no
    correlation length is known to.
    """
    half_chord = 0.5 * cdist(first, second)
    return np.asarray(2.0 * MEAN_EARTH_RADIUS_KM * np.arcsin(np.minimum(half_chord, 1.0)), dtype=np.float64)


@dataclass(frozen=True)
class CovarianceBounds:
    """Bounds of the three parameters of `ExponentialModel` while they are estimated.

    Attributes
    ----------
    sigma, length_km, nugget : tuple of two floats
        Smallest and largest value; sigma and nugget in the unit of the data.
    prior_sigma, prior_length_km, prior_nugget : float
        Medians of the weak log-normal priors.
    prior_spread : float
        Standard deviation of the natural logarithm of each prior; 1 means "within a factor e".
    """

    sigma: tuple[float, float]
    length_km: tuple[float, float]
    nugget: tuple[float, float]
    prior_sigma: float
    prior_length_km: float
    prior_nugget: float
    prior_spread: float = 1.0


@dataclass(frozen=True)
class ExponentialModel:
    """Covariance C(d) = sigma^2 exp(-d / length) + nugget^2 [d = 0].

    Attributes
    ----------
    sigma : float
        Standard deviation of the correlated signal, in the unit of the data (mm/yr).
    length_km : float
        Correlation length: the correlation falls to 1/e there.
    nugget : float
        Standard deviation of what is private to one observation beyond its published sigma.
    observations : int
        Number of observations that the estimate rests on; 0 for a model that was stated, not fitted.
    at_bounds : tuple of str
        Parameters that ended on a bound, so are assumptions rather than estimates.
    """

    sigma: float
    length_km: float
    nugget: float
    observations: int = 0
    at_bounds: tuple[str, ...] = ()

    def signal(self, distance_km: Array) -> Array:
        """Return the signal covariance sigma^2 exp(-d / length), without nugget, shaped as ``distance_km``.

        Notes
        -----
        The exponential of the great-circle distance is positive definite on the sphere for every length
        (Gneiting 2013, Table 1).
        """
        return np.asarray(self.sigma**2 * np.exp(distance_km * (-1.0 / self.length_km)), dtype=np.float64)


def fit_exponential(
    values: Array,
    design: Array,
    distance_km: Array,
    known_covariance: Array,
    bounds: CovarianceBounds,
) -> ExponentialModel:
    """Estimate sigma, length and nugget by restricted maximum likelihood, weakly regularised.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Observations, in any unit.
    design : ndarray, shape (n, p)
        Trend functions at the observations; full column rank, p < n.
    distance_km : ndarray, shape (n, n)
    known_covariance : ndarray, shape (n,) or (n, n)
        Published variances, or a full covariance, of the observations: part of the model, so that the nugget
        only holds what they do not explain.
    bounds : CovarianceBounds

    Returns
    -------
    ExponentialModel

    Raises
    ------
    NumericsError
        FID-3010 when the covariance matrix is not positive definite or not finite.

    Notes
    -----
    Maximises -1/2 (log|K| + log|F'K^-1 F| + v'Pv) - 1/2 sum ((log theta - log prior) / spread)^2 with
    P = K^-1 - K^-1 F (F'K^-1 F)^-1 F'K^-1 and K = sigma^2 R + nugget^2 I + known (Patterson & Thompson 1971;
    gradient after Kitanidis 1983) by L-BFGS-B; below 150 observations from a short and a
    long start.
    """
    known = np.diag(known_covariance) if known_covariance.ndim == 1 else known_covariance
    _require_finite(values, design, distance_km, known)
    limits = np.log(np.array([bounds.sigma, bounds.length_km, bounds.nugget]))
    centre = np.log([bounds.prior_sigma, bounds.prior_length_km, bounds.prior_nugget])

    def objective(theta: Array) -> tuple[float, Array]:
        value, gradient = _restricted_deviance(theta, values, design, distance_km, known)
        pull = (theta - centre) / bounds.prior_spread
        return value + float(pull @ pull), gradient + 2.0 * pull / bounds.prior_spread

    best: Any = None
    # Only few observations leave more than one maximum worth looking for.
    for factor in (0.5, 2.0) if len(values) < 150 else (1.0,):
        start = np.clip(centre + np.log([1.0, factor, 1.0]), limits[:, 0], limits[:, 1])
        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=limits, tol=1e-7)
        best = found if best is None or found.fun < best.fun else best
    names = ("sigma", "length", "nugget")
    touching = np.min(np.abs(best.x[:, None] - limits), axis=1) < 1e-6
    sigma, length, nugget = np.exp(best.x)
    return ExponentialModel(
        sigma=float(sigma),
        length_km=float(length),
        nugget=float(nugget),
        observations=len(values),
        at_bounds=tuple(name for name, touches in zip(names, touching, strict=True) if touches),
    )


def factorise(covariance: Array, where: str) -> Array:
    """Return the lower Cholesky factor; NumericsError FID-3010 when the matrix is not positive definite."""
    try:
        return np.asarray(cholesky(covariance, lower=True, check_finite=True), dtype=np.float64)
    except (LinAlgError, ValueError) as error:
        raise NumericsError(
            "FID-3010",
            "the covariance matrix of the observations is not positive definite or not finite",
            where=where,
            fix="check the sigmas and correlations of the table; |correlation| must be below 1",
        ) from error


def _require_finite(*arrays: Array) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise NumericsError(
            "FID-3010",
            "the covariance matrix of the observations is not positive definite or not finite",
            where="values, design, distances or sigmas given to the covariance fit",
            fix="leave out observations without value or sigma",
        )


def _restricted_deviance(
    theta: Array, values: Array, design: Array, distance_km: Array, known: Array
) -> tuple[float, Array]:
    """Return -2 log REML (without constant) and its gradient in log(sigma, length, nugget)."""
    sigma2, length, nugget2 = np.exp(2.0 * theta[0]), np.exp(theta[1]), np.exp(2.0 * theta[2])
    scaled = distance_km / length
    signal = sigma2 * np.exp(-scaled)
    covariance = signal + known
    covariance[np.diag_indices_from(covariance)] += nugget2
    factor = factorise(covariance, "covariance fit")
    inverse = dpotri(factor, lower=1)[0]
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weighted_design = inverse @ design
    normal_factor = factorise(design.T @ weighted_design, "trend of the covariance fit")
    projector = inverse - weighted_design @ cho_solve((normal_factor, True), weighted_design.T)
    projected = projector @ values
    deviance = (
        2.0 * np.log(np.diag(factor)).sum() + 2.0 * np.log(np.diag(normal_factor)).sum() + float(values @ projected)
    )
    slope = signal * scaled

    def derivative(change: Array) -> float:
        return float(np.vdot(projector, change) - projected @ change @ projected)

    by_nugget = 2.0 * nugget2 * float(np.trace(projector) - projected @ projected)
    return float(deviance), np.array([2.0 * derivative(signal), derivative(slope), by_nugget])

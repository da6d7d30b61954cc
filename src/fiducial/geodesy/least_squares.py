"""Weighted linear least squares with an honest covariance of the estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import NumericsError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearFit:
    """Result of a weighted least-squares fit.

    Attributes
    ----------
    estimate : ndarray, shape (parameter,)
    operator : ndarray, shape (parameter, observation)
        A with estimate = A y: the covariance of the estimate is A C A' for *any* covariance C of y.
    residuals : ndarray, shape (observation,)
        Observed minus modelled.
    weights : ndarray, shape (observation,)
        Weights used; 0 for rejected observations.
    degrees_of_freedom : int
    variance_factor : float
        Weighted sum of squared residuals over the degrees of freedom; 1 if the weights are 1/sigma^2 and
        right; NaN without redundancy.
    """

    estimate: Array
    operator: Array
    residuals: Array
    weights: Array
    degrees_of_freedom: int
    variance_factor: float

    def covariance(self, observation_covariance: Array) -> Array:
        """Return A C A' for the covariance C (n, n) or the variances (n,) of the observations."""
        if observation_covariance.ndim == 1:
            return np.asarray((self.operator * observation_covariance) @ self.operator.T, dtype=np.float64)
        return np.asarray(self.operator @ observation_covariance @ self.operator.T, dtype=np.float64)


def weighted_fit(design: Array, observations: Array, weights: Array) -> LinearFit:
    """Solve min sum w (y - B p)^2.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        B; columns should be of comparable size (scale the coordinates).
    observations : ndarray, shape (n,)
    weights : ndarray, shape (n,)
        Not negative; 0 leaves an observation out.

    Returns
    -------
    LinearFit

    Raises
    ------
    NumericsError
        FID-3011 when the used observations cannot determine the parameters, or a used number is not finite.

    Notes
    -----
    Singular-value decomposition of sqrt(W) B, so that the normal equations are never formed; the operator is
    its pseudo-inverse times sqrt(W).
    """
    used = weights > 0
    root = np.sqrt(np.where(used, weights, 0.0))
    scaled = design * root[:, None]
    finite = np.isfinite(scaled).all() and np.isfinite(observations[used]).all()
    parameters = design.shape[1]
    if not finite or used.sum() < parameters or np.linalg.matrix_rank(scaled) < parameters:
        raise NumericsError(
            "FID-3011",
            f"{int(used.sum())} observations do not determine {parameters} parameters",
            where="weighted least squares",
            fix="use a simpler surface, or observations that are spread over the area",
        )
    operator = np.asarray(np.linalg.pinv(scaled) * root, dtype=np.float64)
    values = np.where(used, observations, 0.0)
    estimate = np.asarray(operator @ values, dtype=np.float64)
    residuals = observations - design @ estimate
    freedom = int(used.sum()) - parameters
    square_sum = float(np.sum((root * np.where(used, residuals, 0.0)) ** 2))
    return LinearFit(
        estimate=estimate,
        operator=operator,
        residuals=residuals,
        weights=np.asarray(root**2, dtype=np.float64),
        degrees_of_freedom=freedom,
        variance_factor=square_sum / freedom if freedom > 0 else float("nan"),
    )

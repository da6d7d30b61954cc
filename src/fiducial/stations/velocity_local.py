"""Least-squares collocation in the neighbourhood of each point: any number of sites and points, full covariance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import NumericsError
from fiducial.stations.velocity_covariance import ComponentCovariance, SiteWeights

Array = NDArray[np.float64]
Index = NDArray[np.intp]

NEIGHBOURS: Final = 80
"""Sites that a prediction rests on; 40 and 160 give the same residuals in Europe to 0.003 mm/yr."""
AMPLITUDE_NEIGHBOURS: Final = 12
_SOFTENING_KM: Final = 5.0
MOST_JOINT_POINTS: Final = 2000


@dataclass(frozen=True, eq=False)
class ComponentField:
    """One component, ready to predict.

    Attributes
    ----------
    rows : ndarray of int, shape (site,)
        Sites of the model that know this component.
    vectors : ndarray, shape (site, 3)
        Unit vectors.
    values : ndarray, shape (site,)
        mm/yr.
    noise_variance : ndarray, shape (site,)
        Nugget, scaled published variance, robust inflation; (mm/yr)^2.
    signal_sigma : ndarray, shape (site,)
        Local standard deviation of the signal, mm/yr.
    covariance : ComponentCovariance
    """

    rows: Index
    vectors: Array
    values: Array
    noise_variance: Array
    signal_sigma: Array
    covariance: ComponentCovariance

    @classmethod
    def make(cls, rows: Index, vectors: Array, values: Array, published_variance: Array,
             fitted: ComponentCovariance, weights: SiteWeights) -> ComponentField:  # fmt: skip
        """Put a component together from its sites and its covariance."""
        return cls(
            rows, vectors, values, fitted.noise_variance(published_variance) * weights.inflation,
            fitted.sigma_mm_per_yr * weights.amplitude, fitted,
        )  # fmt: skip

    def signal_sigma_at(self, vectors: Array) -> Array:
        """Return the local standard deviation of the signal at points: geometric mean of the 12 nearest sites."""
        count = min(AMPLITUDE_NEIGHBOURS, len(self.values))
        answer = cKDTree(self.vectors).query(vectors, k=range(1, count + 1))
        weight = 1.0 / (np.asarray(answer[0]) * MEAN_EARTH_RADIUS_KM + _SOFTENING_KM)
        logarithm = np.log(self.signal_sigma)[np.asarray(answer[1])]
        return np.asarray(np.exp(np.sum(weight * logarithm, axis=1) / weight.sum(axis=1)), dtype=np.float64)

    def correlation(self, first: Array, second: Array) -> Array:
        """Return exp(-d / length) between unit vectors, shape (n, m)."""
        return np.asarray(np.exp(cdist(first, second) * (-MEAN_EARTH_RADIUS_KM / self.covariance.length_km)))

    def predict(self, vectors: Array) -> tuple[Array, Array, Array, Index]:
        """Predict the smooth field.

        Parameters
        ----------
        vectors : ndarray, shape (point, 3)
            Unit vectors.

        Returns
        -------
        value : ndarray, shape (point,)
        variance : ndarray, shape (point,)
            Of the field, without nugget.
        weights : ndarray, shape (point, neighbour)
            The prediction is their sum with the values of the neighbours; they add up to one.
        neighbours : ndarray of int, shape (point, neighbour)
            Into ``values``.

        Notes
        -----
        Ordinary kriging (a fitted mean of the neighbourhood; Moritz 1980, ch. 11). Points that share their nearest
        site share the 80 sites nearest to it, and so one factorisation.
        """
        count = min(NEIGHBOURS, len(self.values))
        value, variance = np.empty(len(vectors)), np.empty(len(vectors))
        weights = np.empty((len(vectors), count))
        neighbours = np.empty((len(vectors), count), dtype=np.intp)
        sigma = self.signal_sigma_at(vectors)
        for points, near in self._groups(vectors, count):
            local = self.signal_sigma[near]
            system = self.correlation(self.vectors[near], self.vectors[near]) * np.outer(local, local)
            system[np.diag_indices(count)] += self.noise_variance[near]
            cross = self.correlation(self.vectors[near], vectors[points]) * local[:, None] * sigma[points]
            factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
            solved = cho_solve(factor, np.column_stack([np.ones(count), cross]), check_finite=False)
            unit, gain = solved[:, 0], solved[:, 1:]
            missing = 1.0 - gain.sum(axis=0)
            weights[points] = (gain + np.outer(unit, missing / unit.sum())).T
            value[points] = weights[points] @ self.values[near]
            variance[points] = sigma[points] ** 2 - np.sum(cross * gain, axis=0) + missing**2 / unit.sum()
            neighbours[points] = near
        return value, variance, weights, neighbours

    def covariance_between(self, vectors: Array, weights: Array, neighbours: Index) -> Array:
        """Return the covariance of the errors of predictions between points, shape (point, point).

        Parameters
        ----------
        vectors, weights, neighbours
            As given to, and returned by, `predict`.
        """
        used, place = np.unique(neighbours, return_inverse=True)
        spread = np.zeros((len(vectors), len(used)))
        np.put_along_axis(spread, place.reshape(neighbours.shape), weights, axis=1)
        local = self.signal_sigma[used]
        system = self.correlation(self.vectors[used], self.vectors[used]) * np.outer(local, local)
        system[np.diag_indices(len(used))] += self.noise_variance[used]
        sigma = self.signal_sigma_at(vectors)
        cross = self.correlation(vectors, self.vectors[used]) * np.outer(sigma, local)
        prior = self.correlation(vectors, vectors) * np.outer(sigma, sigma)
        half = spread @ cross.T
        joint = prior - half - half.T + spread @ system @ spread.T
        return np.asarray(0.5 * (joint + joint.T), dtype=np.float64)

    def _groups(self, vectors: Array, count: int) -> Iterator[tuple[Index, Index]]:
        tree = cKDTree(self.vectors)
        nearest = np.asarray(tree.query(vectors)[1])
        order = np.argsort(nearest, kind="stable")
        sites, starts = np.unique(nearest[order], return_index=True)
        surroundings = np.asarray(tree.query(self.vectors[sites], k=range(1, count + 1))[1])
        for points, near in zip(np.split(order, starts[1:]), surroundings, strict=True):
            yield points, near


def require_few_points(points: int) -> None:
    """Raise NumericsError FID-3145 where a covariance between points would not fit into memory."""
    if points > MOST_JOINT_POINTS:
        raise NumericsError(
            "FID-3145",
            f"the covariance between {points} points was asked for, {MOST_JOINT_POINTS} are possible",
            where="prediction of the velocity model",
            fix="ask for the covariance of each point, or for fewer points",
        )

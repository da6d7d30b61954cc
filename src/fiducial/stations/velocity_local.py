"""Least-squares collocation in the neighbourhood of each point: any number of sites and points, full covariance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import NumericsError
from fiducial.stations.velocity_covariance import ComponentCovariance, SiteWeights

Array = NDArray[np.float64]
Index = NDArray[np.intp]

NEIGHBOURS: Final = 150
"""Sites that a prediction rests on; from 80 to 200 the residuals in Europe change by less than 0.007 mm/yr."""
AMPLITUDE_NEIGHBOURS: Final = 12
BLENDED: Final = 3
_SOFTENING_KM: Final = 5.0
_LEAST_KM: Final = 1e-3
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
        count = min(AMPLITUDE_NEIGHBOURS, len(self.values) - 1)
        found = cKDTree(self.vectors).query(vectors, k=range(1, count + 2))
        weight = _shares(np.asarray(found[0]) * MEAN_EARTH_RADIUS_KM + _SOFTENING_KM)
        logarithm = np.log(self.signal_sigma)[np.asarray(found[1])[:, :-1]]
        return np.asarray(np.exp(np.sum(weight * logarithm, axis=1)), dtype=np.float64)

    def correlation(self, first: Array, second: Array) -> Array:
        """Return exp(-d / length) between unit vectors, shape (n, m)."""
        return np.asarray(np.exp(cdist(first, second) * (-MEAN_EARTH_RADIUS_KM / self.covariance.length_km)))

    def predict(self, vectors: Array, *, with_weights: bool = False) -> tuple[Array, Array, csr_array | None]:
        """Predict the smooth field.

        Parameters
        ----------
        vectors : ndarray, shape (point, 3)
            Unit vectors.
        with_weights : bool
            Also return what the prediction weights each site with.

        Returns
        -------
        value : ndarray, shape (point,)
        variance : ndarray, shape (point,)
            Of the field, without nugget.
        weights : sparse array, shape (point, site), or None
            The prediction is their product with ``values``; each row adds up to one.

        Notes
        -----
        Ordinary kriging (a fitted mean of the neighbourhood; Moritz 1980, ch. 11) in the 150 sites nearest to a site,
        blended over the three sites nearest to the point with (1/d_i - 1/d_4)^2, so that the field is continuous.
        Points that share a site share a factorisation. The variance is the same blend of variances: never below that
        of the blended predictor, and above it by what the three predictions differ.
        """
        count = min(NEIGHBOURS, len(self.values))
        value, variance = np.zeros(len(vectors)), np.zeros(len(vectors))
        sigma = self.signal_sigma_at(vectors)
        tree = cKDTree(self.vectors)
        found = tree.query(vectors, k=range(1, min(BLENDED, len(self.values) - 1) + 2))
        share = _shares(np.asarray(found[0]) * MEAN_EARTH_RADIUS_KM)
        nearest = np.asarray(found[1])[:, : share.shape[1]]
        weights: list[coo_array] = []
        for points, shares, near in _groups(tree, nearest, share, count):
            solved = self._solve(near, vectors[points], sigma[points])
            value[points] += shares * (self.values[near] @ solved[0])
            variance[points] += shares * solved[1]
            if with_weights:
                rows, columns = np.repeat(points, count), np.tile(near, len(points))
                blended = (shares * solved[0]).T.ravel()
                weights.append(coo_array((blended, (rows, columns)), shape=(len(vectors), len(self.values))))
        return value, variance, _joined(weights) if with_weights else None

    def _solve(self, near: Index, vectors: Array, sigma: Array) -> tuple[Array, Array]:
        """Return the weights, shape (neighbour, point), and the variances of one neighbourhood."""
        local = self.signal_sigma[near]
        system = self.correlation(self.vectors[near], self.vectors[near]) * np.outer(local, local)
        system[np.diag_indices(len(near))] += self.noise_variance[near]
        cross = self.correlation(self.vectors[near], vectors) * local[:, None] * sigma
        try:
            factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError as error:
            raise NumericsError(
                "FID-3146",
                "the covariance of the sites of a velocity model is not positive definite",
                where=f"{len(near)} sites around site {near[0] + 1} of the component",
                fix="make the model again; check the sigmas of its tables",
            ) from error
        solved = cho_solve(factor, np.column_stack([np.ones(len(near)), cross]), check_finite=False)
        unit, gain = solved[:, 0], solved[:, 1:]
        missing = 1.0 - gain.sum(axis=0)
        variance = sigma**2 - np.sum(cross * gain, axis=0) + missing**2 / unit.sum()
        return gain + np.outer(unit, missing / unit.sum()), variance

    def covariance_between(self, vectors: Array, weights: csr_array) -> Array:
        """Return the covariance of the errors of predictions between points, shape (point, point).

        Parameters
        ----------
        vectors, weights
            As given to, and returned by, `predict`.
        """
        used = np.unique(weights.indices)
        spread = weights[:, used].toarray()
        local = self.signal_sigma[used]
        system = self.correlation(self.vectors[used], self.vectors[used]) * np.outer(local, local)
        system[np.diag_indices(len(used))] += self.noise_variance[used]
        sigma = self.signal_sigma_at(vectors)
        cross = self.correlation(vectors, self.vectors[used]) * np.outer(sigma, local)
        prior = self.correlation(vectors, vectors) * np.outer(sigma, sigma)
        half = spread @ cross.T
        joint = prior - half - half.T + spread @ system @ spread.T
        return np.asarray(0.5 * (joint + joint.T), dtype=np.float64)


def _shares(distance_km: Array) -> Array:
    """Return the shares of the nearest sites but the last: continuous where sites change their order."""
    inverse = 1.0 / np.maximum(distance_km, _LEAST_KM)
    raw = (inverse[:, :-1] - inverse[:, -1:]) ** 2 + 1e-300
    return np.asarray(raw / raw.sum(axis=1, keepdims=True), dtype=np.float64)


def _groups(tree: cKDTree, nearest: Index, share: Array, count: int) -> Iterator[tuple[Index, Array, Index]]:
    """Yield, for every site that is near a point: the points, their shares, and the sites around it."""
    site = nearest.ravel()
    order = np.argsort(site, kind="stable")
    sites, starts = np.unique(site[order], return_index=True)
    surroundings = np.asarray(tree.query(tree.data[sites], k=range(1, count + 1))[1])
    for chosen, near in zip(np.split(order, starts[1:]), surroundings, strict=True):
        yield chosen // nearest.shape[1], share.ravel()[chosen], near


def _joined(parts: list[coo_array]) -> csr_array:
    rows = np.concatenate([part.row for part in parts])
    columns = np.concatenate([part.col for part in parts])
    values = np.concatenate([part.data for part in parts])
    return csr_array((values, (rows, columns)), shape=parts[0].shape)


def require_few_points(points: int) -> None:
    """Raise NumericsError FID-3145 where a covariance between points would not fit into memory."""
    if points > MOST_JOINT_POINTS:
        raise NumericsError(
            "FID-3145",
            f"the covariance between {points} points was asked for, {MOST_JOINT_POINTS} are possible",
            where="prediction of the velocity model",
            fix="ask for the covariance of each point, or for fewer points",
        )

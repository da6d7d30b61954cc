"""Covariance of a velocity component from its sites: robust pseudo-likelihood, and an amplitude that varies in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from scipy.spatial import cKDTree

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.geodesy.robust import robust_sigma

Array = NDArray[np.float64]
Index = NDArray[np.intp]

FIT_NEIGHBOURS: Final = 25
FIT_SITES: Final = 1500
"""The parameters are fitted to at most this many sites, each predicted from its neighbours among all."""
FREEDOM: Final = 4.0
"""Degrees of freedom of the Student distribution of residuals: one site in 25 lies beyond 2.8 scales."""
AMPLITUDES: Final = np.array([0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
"""Variance of the signal near a site, over that of the whole field: what is tried."""
AMPLITUDE_SITES: Final = 40
AMPLITUDE_PRIOR: Final = 1.5
"""Standard deviation of the natural logarithm of the local variance ratio."""
HUBER: Final = 2.5
ROBUST_PASSES: Final = 3
_NAMES: Final = ("sigma", "length", "nugget", "station sigma factor")
_BOUNDS: Final = np.log([(0.02, 20.0), (10.0, 3000.0), (0.005, 3.0), (0.2, 5.0)])
_CENTRE: Final = np.log([0.6, 200.0, 0.2, 1.0])
_SPREAD: Final = np.array([1.5, 1.5, 1.5, 0.7])
_CHUNK: Final = 512


@dataclass(frozen=True)
class ComponentCovariance:
    """Fitted covariance of one component.

    Attributes
    ----------
    sigma_mm_per_yr, length_km : float
        Signal: s(x) s(y) exp(-d / length) with s = sigma times the local amplitude.
    nugget_mm_per_yr : float
        Private to a site, beyond its published sigma.
    station_sigma_factor : float
        What published sigmas are multiplied with. It is fitted together with the nugget: an error counts once.
    sites : int
    at_bounds : tuple of str
        Parameters that are assumptions rather than estimates.
    """

    sigma_mm_per_yr: float
    length_km: float
    nugget_mm_per_yr: float
    station_sigma_factor: float
    sites: int
    at_bounds: tuple[str, ...] = ()

    def noise_variance(self, published_variance: Array) -> Array:
        """Return nugget^2 + (factor sigma)^2, in (mm/yr)^2."""
        return np.asarray(self.nugget_mm_per_yr**2 + self.station_sigma_factor**2 * published_variance)

    def logarithms(self) -> Array:
        """Return the natural logarithms of sigma, length, nugget and factor."""
        return np.log([self.sigma_mm_per_yr, self.length_km, self.nugget_mm_per_yr, self.station_sigma_factor])


@dataclass(frozen=True)
class SiteWeights:
    """How the covariance varies from site to site.

    Attributes
    ----------
    amplitude : ndarray, shape (site,)
        Local standard deviation of the signal over that of the whole field.
    inflation : ndarray, shape (site,)
        1, or more: what the noise variance of a site is multiplied with because it contradicts its neighbours.
    """

    amplitude: Array
    inflation: Array


@dataclass(frozen=True)
class _Surroundings:
    """Sites and their nearest others."""

    values: Array
    neighbours: Index
    to_neighbours_km: Array
    between_km: Array

    def predicted(self, length_km: float, amplitude: Array, noise: Array, rows: slice | Index) -> tuple[Array, Array]:
        """Predict sites (rows) from their neighbours: value and signal variance, ordinary kriging."""
        near = self.neighbours[rows]
        local = amplitude[near]
        own = amplitude[rows]
        covariance = np.exp(self.between_km[rows] * (-1.0 / length_km)) * local[:, :, None] * local[:, None]
        diagonal = np.arange(near.shape[1])
        covariance[:, diagonal, diagonal] += noise[near]
        cross = np.exp(self.to_neighbours_km[rows] * (-1.0 / length_km)) * local * own[:, None]
        right = np.stack([cross, np.ones_like(cross), self.values[near]], axis=2)
        solved = np.linalg.solve(covariance, right)
        gain, unit, value = solved[..., 0], solved[..., 1], solved[..., 2]
        total = unit.sum(axis=1)
        mean = value.sum(axis=1) / total
        missing = 1.0 - gain.sum(axis=1)
        found = mean + np.einsum("sk,sk->s", cross, value - mean[:, None] * unit)
        return found, own**2 - np.einsum("sk,sk->s", cross, gain) + missing**2 / total

    def all_predicted(self, length_km: float, amplitude: Array, noise: Array) -> tuple[Array, Array]:
        """Predict every site, in chunks that bound the memory."""
        parts = [
            self.predicted(length_km, amplitude, noise, slice(start, start + _CHUNK))
            for start in range(0, len(self.values), _CHUNK)
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def fit_covariance(
    vectors: Array, values: Array, published_variance: Array, *, fixed: ComponentCovariance | None = None
) -> tuple[ComponentCovariance, SiteWeights]:
    """Fit the covariance of one component.

    Parameters
    ----------
    vectors : ndarray, shape (site, 3)
        Unit vectors.
    values : ndarray, shape (site,)
        mm/yr; smooth motion of plates removed.
    published_variance : ndarray, shape (site,)
        (mm/yr)^2, positive.
    fixed : ComponentCovariance, optional
        Take the four parameters from here, and fit only how they vary in space.

    Returns
    -------
    ComponentCovariance
    SiteWeights

    Notes
    -----
    1. Four parameters maximise the sum over sites of the logarithm of a Student density (4 degrees of freedom) of
       each site's residual against its 25 nearest others (a composite likelihood: Vecchia 1988; Varin et al. 2011),
       with weak log-normal priors.
    2. The amplitude of the signal follows the tectonics: for every site the same likelihood, summed over its 40
       nearest sites and halved for their correlation, is averaged over seven amplitudes. Only the signal varies, not
       the noise; s(x) s(y) rho(d) is positive definite for any s.
    3. A site whose residual exceeds 2.5 sigma, t-fold, gets t^2 times its noise variance (Huber 1981).
    4. All variances are scaled so that the robust standard deviation of the standardised residuals is one.
    """
    around = _surroundings(vectors, values)
    theta = _most_likely(around, published_variance) if fixed is None else fixed.logarithms()
    sigma, length, nugget, factor = np.exp(theta)
    noise = nugget**2 + factor**2 * published_variance
    amplitude = _local_amplitude(around, length, sigma, noise, vectors)
    inflation = np.ones(len(values))
    for _ in range(ROBUST_PASSES):
        found, variance = around.all_predicted(length, sigma * amplitude, noise * inflation)
        square = (values - found) ** 2 / (variance + noise)
        inflation = np.maximum(1.0, square / HUBER**2)
    found, variance = around.all_predicted(length, sigma * amplitude, noise * inflation)
    scale = 1.0 if fixed is not None else max(robust_sigma((values - found) / np.sqrt(variance + noise)), 0.1)
    touching = np.min(np.abs(theta[:, None] - _BOUNDS), axis=1) < 1e-6
    fitted = ComponentCovariance(
        sigma_mm_per_yr=float(scale * sigma),
        length_km=float(length),
        nugget_mm_per_yr=float(scale * nugget),
        station_sigma_factor=float(scale * factor),
        sites=len(values),
        at_bounds=tuple(name for name, touches in zip(_NAMES, touching, strict=True) if touches),
    )
    return fitted, SiteWeights(amplitude, inflation)


def _surroundings(vectors: Array, values: Array) -> _Surroundings:
    position = vectors * MEAN_EARTH_RADIUS_KM
    count = min(FIT_NEIGHBOURS, len(values) - 1)
    answer = cKDTree(position).query(position, k=count + 1)
    # Sites are never at one place (they were merged), so that the first found is the site itself.
    distance, near = np.asarray(answer[0])[:, 1:], np.asarray(answer[1])[:, 1:]
    chosen = position[near]
    between = np.linalg.norm(chosen[:, :, None] - chosen[:, None], axis=-1)
    return _Surroundings(values, near, distance, between)


def _student(residual: Array, variance: Array) -> Array:
    """Return the logarithm of a Student density, without constants."""
    return -0.5 * np.log(variance) - 0.5 * (FREEDOM + 1.0) * np.log1p(residual**2 / (variance * FREEDOM))


def _most_likely(around: _Surroundings, published_variance: Array) -> Array:
    """Return the natural logarithms of sigma, length, nugget and factor of the published sigmas."""
    count = len(around.values)
    rows = np.sort(np.random.default_rng(0).permutation(count)[:FIT_SITES])

    def objective(theta: Array) -> float:
        sigma, length, nugget, factor = np.exp(theta)
        noise = nugget**2 + factor**2 * published_variance
        found, variance = around.predicted(length, np.full(count, sigma), noise, rows)
        likelihood = _student(around.values[rows] - found, variance + noise[rows]).sum()
        return float(np.sum(((theta - _CENTRE) / _SPREAD) ** 2) - 2.0 * likelihood)

    spread = max(robust_sigma(around.values), 0.05)
    start = np.clip(np.log([spread, 300.0, 0.3 * spread, 1.0]), _BOUNDS[:, 0], _BOUNDS[:, 1])
    found: Any = minimize(
        objective, start, method="L-BFGS-B", bounds=Bounds(_BOUNDS[:, 0], _BOUNDS[:, 1]), options={"maxiter": 15}
    )
    return np.asarray(found.x, dtype=np.float64)


def _local_amplitude(around: _Surroundings, length: float, sigma: float, noise: Array, vectors: Array) -> Array:
    count = len(around.values)
    likelihood = np.empty((count, len(AMPLITUDES)))
    for column, ratio in enumerate(AMPLITUDES):
        found, variance = around.all_predicted(length, np.full(count, sigma * np.sqrt(ratio)), noise)
        likelihood[:, column] = _student(around.values - found, variance + noise)
    near = np.asarray(cKDTree(vectors).query(vectors, k=min(AMPLITUDE_SITES, count))[1])
    logarithm = np.log(AMPLITUDES)
    local = 0.5 * likelihood[near].sum(axis=1) - 0.5 * (logarithm / AMPLITUDE_PRIOR) ** 2
    weight = np.exp(local - local.max(axis=1, keepdims=True))
    return np.asarray(np.exp(0.5 * (weight @ logarithm) / weight.sum(axis=1)), dtype=np.float64)

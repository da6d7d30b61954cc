"""Hyper-parameters of the joint adjustment, estimated from the cells by maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from fiducial.geodesy.covariance_functions import factorise
from fiducial.motion.calibration.network_cells import NetworkCells

Array = NDArray[np.float64]

OFFSET_SIGMA_MM_PER_YR: Final = 100.0
"""Prior of the offset of a track: unknown, for InSAR has no datum."""
BURST_SIGMA_MM_PER_YR: Final = 20.0
"""Prior of the offset of a burst against its track: as good as unknown, so that the overlaps and stations decide."""
SLOPE_SIGMA_MM_PER_YR_PER_100_KM: Final = 100.0
"""Prior of a slope along an axis of 60 km or more: unknown. Along shorter ones it falls with the length, because a
slope of long-wave errors hardly shows there, and what does show is motion."""
_SLOPE_EXTENT_KM: Final = 60.0
CLUSTER_SIGMA_MM_PER_YR: Final = 5.0
"""Prior of the offset of an unwrapping cluster against its burst."""
_MOST_CELLS: Final = 2_200
_GROUP_CELLS: Final = 3

# name: smallest, largest, median and spread of the logarithmic prior
_PARAMETERS: Final = {
    "nuisance_sigma": (0.05, 12.0, 2.5, 1.0),
    "nuisance_length_km": (80.0, 120.0, 100.0, 0.2),
    "up_sigma": (1.0, 10.0, 3.0, 0.5),
    "up_length_km": (10.0, 20.0, 15.0, 0.3),
    "noise_sigma": (0.1, 8.0, 1.5, 1.0),
    "noise_length_km": (5.0, 12.0, 10.0, 0.3),
    "white_sigma": (0.05, 5.0, 0.5, 1.0),
}
_FACTOR: Final = (0.25, 4.0, 1.0, 0.35)


@dataclass(frozen=True)
class NetworkModel:
    """What the joint adjustment assumes of motion and errors; sigmas in mm/yr, lengths in km.

    Attributes
    ----------
    nuisance_sigma, nuisance_length_km : float
        Long-wave errors of a track, Matern 5/2, band-limited to 80 ... 120 km: removed.
    up_sigma, up_length_km : float
        Vertical motion that the GNSS field does not resolve, exponential: kept. Expected to be 3, never below 1, so
        that subsidence is not booked as nuisance however quiet the rest of the area.
    noise_sigma, noise_length_km : float
        Short-wave errors of a track, exponential: budgeted, never removed.
    white_sigma : float
        Errors private to a cell.
    track_factor : tuple of (str, float)
        Name of a track and variance factor of its short-wave errors.
    cells : int
        Number of cells the estimate rests on; 0 for a model that was stated.
    at_bounds : tuple of str
        Parameters that ended on a bound, so are assumptions rather than estimates.
    """

    nuisance_sigma: float = 2.5
    nuisance_length_km: float = 100.0
    up_sigma: float = 3.0
    up_length_km: float = 15.0
    noise_sigma: float = 1.5
    noise_length_km: float = 10.0
    white_sigma: float = 0.5
    track_factor: tuple[tuple[str, float], ...] = ()
    cells: int = 0
    at_bounds: tuple[str, ...] = ()

    def factor(self, track: str) -> float:
        """Return the variance factor of a track; 1 where none was estimated."""
        return dict(self.track_factor).get(track, 1.0)

    @property
    def note(self) -> str:
        """What is assumed, in a sentence."""
        source = f"estimated from {self.cells} cells" if self.cells else "assumed"
        bounds = f"; at their bounds: {', '.join(self.at_bounds)}" if self.at_bounds else ""
        return (
            f"long-wave errors of {self.nuisance_sigma:.1f} mm/yr over {self.nuisance_length_km:.0f} km removed, local up "
            f"of {self.up_sigma:.1f} mm/yr over {self.up_length_km:.0f} km and short-wave errors of "
            f"{self.noise_sigma:.1f} mm/yr over {self.noise_length_km:.0f} km kept ({source}{bounds})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        values = {name: getattr(self, name) for name in _PARAMETERS}
        return values | {
            "track_factor": dict(self.track_factor),
            "cells": self.cells,
            "at_bounds": list(self.at_bounds),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkModel:
        """Rebuild from `to_dict`."""
        rest: dict[str, Any] = {
            "track_factor": tuple((str(name), float(value)) for name, value in values["track_factor"].items()),
            "cells": int(values["cells"]),
            "at_bounds": tuple(values["at_bounds"]),
        }
        stated: dict[str, Any] = {name: float(values[name]) for name in _PARAMETERS}
        return cls(**stated, **rest)


def slope_prior(easting_m: Array, northing_m: Array) -> Array:
    """Return the prior covariance of the slopes (east, north; mm/yr per 100 km) over an area, shape (2, 2).

    Notes
    -----
    Along each principal axis of the points: (100 min(1, L / 60 km))^2, L = sqrt(12) standard deviations, the length of
    an evenly covered strip.
    """
    position = np.column_stack([easting_m, northing_m]) / 1000.0
    spread, axes = np.linalg.eigh(np.cov(position.T) if len(position) > 1 else np.zeros((2, 2)))
    length = np.sqrt(12.0 * np.maximum(spread, 0.0))
    sigma = SLOPE_SIGMA_MM_PER_YR_PER_100_KM * np.clip(length / _SLOPE_EXTENT_KM, 0.05, 1.0)
    return np.asarray((axes * sigma**2) @ axes.T, dtype=np.float64)


def matern(distance_km: Array, length_km: float) -> Array:
    """Return the Matern 5/2 correlation (1 + x + x^2/3) exp(-x), x = sqrt(5) d / length."""
    x = np.sqrt(5.0) * distance_km / length_km
    return np.asarray((1.0 + x + x * x / 3.0) * np.exp(-x), dtype=np.float64)


def estimate_model(
    cells: NetworkCells,
    residual_mm_per_yr: Array,
    field_covariance: Callable[[NDArray[np.int64]], Array],
    extra_variance: Array,
    start: NetworkModel,
) -> NetworkModel:
    """Estimate the hyper-parameters by maximum marginal likelihood.

    Parameters
    ----------
    cells : NetworkCells
    residual_mm_per_yr : ndarray, shape (cell,)
        InSAR minus GNSS field, LOS.
    field_covariance : callable
        Given indices of cells, returns the covariance (mm/yr)^2 of the GNSS field along their LOS.
    extra_variance : ndarray, shape (cell,)
        By which robust weighting has inflated cells, (mm/yr)^2.
    start : NetworkModel

    Returns
    -------
    NetworkModel

    Raises
    ------
    NumericsError
        FID-3010 when the covariance is not positive definite.

    Notes
    -----
    Maximises the Gaussian log likelihood of at most 2200 cells, whole groups of 3 x 3 so that short and long
    distances are there, with weak log-normal priors, by L-BFGS-B with the analytic gradient
    -1/2 tr((K^-1 - a a') dK), a = K^-1 r (Rasmussen & Williams 2006, eq. 5.9).
    """
    chosen = _thin(cells)
    few = cells.select(chosen)
    likelihood = _Likelihood(few, residual_mm_per_yr[chosen], field_covariance(chosen), extra_variance[chosen])
    tracks = np.unique(few.track)
    rows = [*_PARAMETERS.values(), *([_FACTOR] * len(tracks) if len(tracks) > 1 else [])]
    low, high, centre, spread = np.array(rows).T
    begin = [getattr(start, name) for name in _PARAMETERS] + [1.0] * (len(rows) - len(_PARAMETERS))

    def objective(theta: Array) -> tuple[float, Array]:
        value, gradient = likelihood(np.exp(theta), tracks)
        pull = (theta - np.log(centre)) / spread
        return value + float(pull @ pull), gradient + 2.0 * pull / spread

    limits = np.log(np.column_stack([low, high]))
    first = np.clip(np.log(begin), limits[:, 0], limits[:, 1])
    found = minimize(objective, first, jac=True, method="L-BFGS-B", bounds=limits, tol=1e-7, options={"maxiter": 60})
    value = np.exp(found.x)
    names = [cells.track_names[track] for track in tracks]
    touching = np.min(np.abs(found.x[:, None] - limits), axis=1) < 1e-6
    return replace(
        start,
        **dict(zip(_PARAMETERS, value.tolist(), strict=False)),
        track_factor=tuple(zip(names, value[len(_PARAMETERS) :].tolist(), strict=False)),
        cells=few.size,
        at_bounds=tuple(name for name, touches in zip(_PARAMETERS, touching, strict=False) if touches),
    )


def _thin(cells: NetworkCells) -> NDArray[np.int64]:
    """Choose whole groups of neighbouring cells, scattered by a fixed key of their place, until there are enough."""
    if cells.size <= _MOST_CELLS:
        return np.arange(cells.size)
    size = _GROUP_CELLS * cells.size_m
    group = np.floor(np.column_stack([cells.site_easting, cells.site_northing])[cells.site] / size).astype(np.int64)
    _, member, count = np.unique(group, axis=0, return_inverse=True, return_counts=True)
    order = np.random.default_rng(0).permutation(len(count))
    enough = np.cumsum(count[order]) <= _MOST_CELLS
    return np.flatnonzero(np.isin(member.ravel(), order[enough]))


def _slopes(cells: NetworkCells, member: NDArray[np.bool_]) -> Array:
    """Return the covariance that unknown slopes give to some cells."""
    easting, northing = cells.easting[member], cells.northing[member]
    hundreds = np.column_stack([easting - easting.mean(), northing - northing.mean()]) / 1e5
    return np.asarray(hundreds @ slope_prior(easting, northing) @ hundreds.T, dtype=np.float64)


class _Likelihood:
    """-2 log likelihood of cells and its gradient in the logarithms of the parameters."""

    def __init__(self, cells: NetworkCells, residual: Array, field_covariance: Array, extra: Array) -> None:
        position = np.column_stack([cells.easting, cells.northing]) / 1000.0
        self.residual = residual
        self.track = cells.track
        self.distance = cdist(position, position)
        self.up = np.outer(cells.sight[:, 2], cells.sight[:, 2])
        self.same = (cells.track[:, None] == cells.track[None, :]).astype(np.float64)
        fixed = field_covariance + np.diag(cells.white_variance + extra) + self.same * OFFSET_SIGMA_MM_PER_YR**2
        for member in [cells.track == track for track in np.unique(cells.track)]:
            fixed[np.ix_(member, member)] += _slopes(cells, member)
        for member in [cells.burst == burst for burst in np.unique(cells.burst)]:
            fixed[np.ix_(member, member)] += BURST_SIGMA_MM_PER_YR**2 + _slopes(cells, member)
        burst = cells.burst[:, None] == cells.burst[None, :]
        fixed += burst * (cells.cluster[:, None] == cells.cluster[None, :]) * CLUSTER_SIGMA_MM_PER_YR**2
        self.fixed = fixed

    def __call__(self, parameters: Array, tracks: NDArray[np.int64]) -> tuple[float, Array]:
        sigma_n, length_n, sigma_u, length_u, sigma_s, length_s, white = parameters[:7]
        factor = np.ones(int(tracks.max()) + 1)
        if len(parameters) > 7:
            factor[tracks] = parameters[7:]
        distance = self.distance
        nuisance = sigma_n**2 * self.same * matern(distance, length_n)
        up = sigma_u**2 * self.up * np.exp(-distance / length_u)
        noise = sigma_s**2 * self.same * np.exp(-distance / length_s) * factor[self.track]
        covariance = self.fixed + nuisance + up + noise
        covariance[np.diag_indices_from(covariance)] += white**2
        factored = factorise(covariance, "hyper-parameters of the joint adjustment")
        inverse = dpotri(factored, lower=1)[0]
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        solved = cho_solve((factored, True), self.residual)
        deviance = 2.0 * np.log(np.diag(factored)).sum() + float(self.residual @ solved)
        inner = inverse - np.outer(solved, solved)
        x = np.sqrt(5.0) * distance / length_n
        bend = sigma_n**2 * self.same * (x * x / 3.0) * (1.0 + x) * np.exp(-x)
        by_noise = inner * noise
        gradient = [
            2.0 * np.vdot(inner, nuisance),
            np.vdot(inner, bend),
            2.0 * np.vdot(inner, up),
            np.vdot(inner, up * distance) / length_u,
            2.0 * by_noise.sum(),
            np.vdot(by_noise, distance) / length_s,
            2.0 * white**2 * np.trace(inner),
        ]
        if len(parameters) > 7:
            rows = np.bincount(self.track, by_noise.sum(axis=1), minlength=len(factor))
            gradient += rows[tracks].tolist()
        return deviance, np.array(gradient)

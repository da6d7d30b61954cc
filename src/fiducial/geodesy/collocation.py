"""A velocity field from stations: trend and least-squares collocation, with its full covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.collocation_system import CollocationSystem, ComponentData, TrendBasis, solve_system
from fiducial.geodesy.component_models import (
    ComponentModel,
    Network,
    Trend,
    correlated_groups,
    fit_component,
    prior_model,
)
from fiducial.geodesy.covariance_functions import (
    ExponentialModel,
    great_circle_km,
    unit_vectors,
)
from fiducial.geodesy.station_screening import (
    drop_unusable,
    merge_coincident,
    screen_outliers,
)
from fiducial.geodesy.station_velocities import Rejection, StationVelocities

Array = NDArray[np.float64]

_CHUNK_VALUES = 6_000_000
_MOST_POINTS = 8_000


@dataclass(frozen=True)
class VelocityPrediction:
    """Predicted velocities.

    Attributes
    ----------
    velocity_enu_mm_per_yr : ndarray, shape (point, 3)
        East, north, up in the frame of the field; NaN where the component is unknown.
    covariance_enu : ndarray, shape (point, 3, 3)
        In (mm/yr)^2, of the smooth field: without nugget, which is private to a station.
    """

    velocity_enu_mm_per_yr: Array
    covariance_enu: Array


@dataclass(frozen=True)
class LeaveOneOut:
    """Every station predicted from all others.

    Attributes
    ----------
    residual_enu_mm_per_yr : ndarray, shape (station, 3)
        Observed minus predicted; NaN where unknown.
    sigma_enu_mm_per_yr : ndarray, shape (station, 3)
        Predicted sigma of that residual: field, nugget and the station's own sigma.
    """

    residual_enu_mm_per_yr: Array
    sigma_enu_mm_per_yr: Array


@dataclass(frozen=True)
class VelocityField:
    """Velocities anywhere, with covariance, from those of stations. Made by `VelocityField.fit`.

    Attributes
    ----------
    stations : StationVelocities
        The stations used, after screening and merging.
    models : tuple of three ComponentModel
        East, north, up.
    rejected : tuple of Rejection
        Stations, or their up, that were not used, and those merged into others.
    frame : str
    systems : tuple of CollocationSystem
        One for each group of components whose station errors are correlated.
    """

    stations: StationVelocities
    models: tuple[ComponentModel, ...]
    rejected: tuple[Rejection, ...]
    frame: str
    systems: tuple[CollocationSystem, ...]

    @classmethod
    def fit(
        cls,
        stations: StationVelocities,
        *,
        trend: Trend = "linear",
        up_prior_sigma_mm_per_yr: float | None = None,
        screen: bool = True,
        models: Sequence[ComponentModel] | None = None,
        merge_distance_km: float = 0.05,
        covariance_stations: int = 600,
    ) -> VelocityField:
        """Fit trend and covariance of each component and solve for the field.

        Parameters
        ----------
        stations : StationVelocities
            Velocities in mm/yr, covariance in (mm/yr)^2, in one frame. NaN up marks a horizontal-only station;
            a NaN correlation counts as zero.
        trend : {"linear", "constant"}
            Mean of each component; ``linear`` falls back to ``constant`` with ten or fewer stations, or
            stations on a line.
        up_prior_sigma_mm_per_yr : float, optional
            Used only if fewer than three stations know up: up is then 0 with this sigma, correlated over
            100 km. Without it up is predicted as NaN.
        screen : bool
            Reject outliers against their neighbours first.
        models : sequence of ComponentModel, optional
            Take covariance parameters from an earlier fit (cross-validation) instead of estimating them.
        merge_distance_km : float
            Stations closer than this are averaged.
        covariance_stations : int
            The covariance parameters are estimated on at most this many stations.

        Returns
        -------
        VelocityField

        Raises
        ------
        InputError
            FID-1005 with fewer than three usable stations.
        NumericsError
            FID-3010 when the covariance of the stations is not positive definite.

        Notes
        -----
        v = F beta + s + n + e: trend, exponential signal, nugget, and station errors e with their published
        covariance, east-north correlation included: components with correlated station errors (above 0.02)
        are solved as one system. sigma, length and nugget are estimated for each component by restricted
        maximum likelihood with e in the model, so that sigma and nugget are not counted twice (east-north
        correlation hardly moves them). Moritz 1980, ch. 11; Cressie 1993, sec. 3.4.
        """
        used, rejected = drop_unusable(stations)
        if screen:
            used, outliers = screen_outliers(used)
            rejected += outliers
        used, merged = merge_coincident(used, merge_distance_km)
        rejected += merged
        if used.size < 3:
            raise InputError(
                "FID-1005",
                f"{used.size} usable GNSS stations in the table, three are needed",
                where=stations.source + "".join(f"; {r.name}: {r.reason}" for r in rejected[:3]),
                fix="give a table with at least three stations that have horizontal velocities and sigmas",
            )
        vectors = unit_vectors(used.longitude_deg, used.latitude_deg)
        basis = TrendBasis.around(vectors)
        network = Network(used, vectors, basis)
        parts: list[ComponentData] = []
        fitted: list[ComponentModel] = []
        for component in range(3):
            given = None if models is None else models[component].covariance
            model, part = fit_component(network, component, trend, given, covariance_stations)
            if part is not None:
                parts.append(part)
            elif up_prior_sigma_mm_per_yr is not None:
                model = prior_model(model, up_prior_sigma_mm_per_yr)
            fitted.append(model)
        systems = tuple(solve_system(used, vectors, basis, group) for group in correlated_groups(used, parts))
        everything = (*stations.rejected, *rejected)
        return cls(replace(used, rejected=()), tuple(fitted), everything, stations.frame, systems)

    def predict(
        self, longitude_deg: ArrayLike, latitude_deg: ArrayLike, *, with_covariance: bool = True
    ) -> VelocityPrediction:
        """Predict east, north and up velocity.

        Parameters
        ----------
        longitude_deg, latitude_deg : array_like, shape (point,)
        with_covariance : bool
            False leaves the covariance NaN and is many times faster.

        Returns
        -------
        VelocityPrediction

        Notes
        -----
        Works in chunks: memory does not grow beyond the result. The covariance costs the square of the number
        of stations for each point; for millions of points predict a grid and interpolate.
        """
        vectors = unit_vectors(np.atleast_1d(longitude_deg), np.atleast_1d(latitude_deg))
        velocity = np.full((len(vectors), 3), np.nan)
        covariance = np.full((len(vectors), 3, 3), np.nan)
        if self._up_is_prior:
            velocity[:, 2] = 0.0
            covariance[:, 2, :] = covariance[:, :, 2] = 0.0
            covariance[:, 2, 2] = self._up_prior.sigma**2
        self._uncorrelate(covariance)
        for system in self.systems:
            chosen = np.array([part.component for part in system.parts])
            chunk = max(1, _CHUNK_VALUES // len(system.factor))
            for start in range(0, len(vectors), chunk):
                block = slice(start, start + chunk)
                value, spread = system.predict(vectors[block], with_covariance=with_covariance)
                velocity[block, chosen] = value
                if with_covariance:
                    covariance[block, chosen[:, None], chosen[None, :]] = spread
        if not with_covariance:
            covariance[...] = np.nan
        return VelocityPrediction(velocity, covariance)

    def covariance_of_projection(
        self, longitude_deg: ArrayLike, latitude_deg: ArrayLike, unit_vectors_enu: ArrayLike
    ) -> Array:
        """Return the posterior covariance of l.v between points.

        Parameters
        ----------
        longitude_deg, latitude_deg : array_like, shape (point,)
            At most 8 000 points.
        unit_vectors_enu : array_like, shape (point, 3)
            l: east, north, up. A component that l does not see (0) may be unknown.

        Returns
        -------
        ndarray, shape (point, point)
            In (mm/yr)^2; NaN rows and columns where l needs a component that is unknown.

        Raises
        ------
        NumericsError
            FID-3012 for more than 8 000 points: the matrix would not fit into memory.

        Notes
        -----
        l'(K_pp - K_p K^-1 K_p' + U G U')l with G = (F'K^-1 F)^-1, the uncertainty of the trend.
        """
        vectors = unit_vectors(np.atleast_1d(longitude_deg), np.atleast_1d(latitude_deg))
        along = np.asarray(unit_vectors_enu, dtype=np.float64).reshape(len(vectors), 3)
        if len(vectors) > _MOST_POINTS:
            raise NumericsError(
                "FID-3012",
                f"a full covariance of {len(vectors)} points was asked for, {_MOST_POINTS} are possible",
                where="covariance of the projected velocity field",
                fix="use larger blocks, so that there are fewer of them",
            )
        distance = great_circle_km(vectors, vectors)
        covariance = np.zeros_like(distance)
        for system in self.systems:
            covariance += system.projection_covariance(vectors, along, distance)
        if self._up_is_prior:
            covariance += self._up_prior.signal(distance) * np.outer(along[:, 2], along[:, 2])
        unknown = [not model.known and model.trend != "zero" for model in self.models]
        blind = np.any(along[:, unknown] != 0.0, axis=1)
        covariance[blind, :] = covariance[:, blind] = np.nan
        return covariance

    def leave_one_out(self) -> LeaveOneOut:
        """Predict each station from the others with the fitted covariance (Dubrule 1983)."""
        residual = np.full((self.stations.size, 3), np.nan)
        sigma = np.full((self.stations.size, 3), np.nan)
        for system in self.systems:
            values, sigmas = system.leave_one_out()
            component = np.concatenate([np.full(len(p.station), p.component) for p in system.parts])
            station = np.concatenate([part.station for part in system.parts])
            residual[station, component], sigma[station, component] = values, sigmas
        return LeaveOneOut(residual, sigma)

    @property
    def knows_up(self) -> bool:
        """Whether up is predicted from stations, not unknown and not a stated prior."""
        return self.models[2].known

    @property
    def _up_is_prior(self) -> bool:
        return self.models[2].trend == "zero"

    @property
    def _up_prior(self) -> ExponentialModel:
        prior = self.models[2].covariance
        assert prior is not None  # noqa: S101
        return prior

    def _uncorrelate(self, covariance: Array) -> None:
        """Set to zero what no system will fill: covariances between components of different systems."""
        known = [i for i, model in enumerate(self.models) if model.known or model.trend == "zero"]
        for i in known:
            for j in known:
                if i != j:
                    covariance[:, i, j] = 0.0

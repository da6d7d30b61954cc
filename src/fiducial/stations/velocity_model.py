"""A velocity model: east, north and up with covariance anywhere, in any frame, from tables of station velocities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.geodesy.covariance_functions import unit_vectors
from fiducial.geodesy.frame_velocities import canonical_frame, frame_change, frame_velocity
from fiducial.geodesy.frames import PLATES_BY_MODEL, parse_frame
from fiducial.geodesy.station_screening import COMPONENTS, drop_unusable, screen_outliers
from fiducial.geodesy.station_velocities import Rejection, StationVelocities
from fiducial.stations.velocity_covariance import ComponentCovariance, SiteWeights, fit_covariance
from fiducial.stations.velocity_local import ComponentField, require_few_points
from fiducial.stations.velocity_sites import SITE_DISTANCE_KM, Site, merge_to_sites

Array = NDArray[np.float64]

LEAST_SITES: Final = 30
"""Fewer say nothing about how a covariance varies; `geodesy.collocation.VelocityField` serves small networks."""


@dataclass(frozen=True)
class ModelSource:
    """A table that a model rests on."""

    name: str
    sha256: str
    stations: int


@dataclass(frozen=True)
class ModelPrediction:
    """Predicted velocities.

    Attributes
    ----------
    frame : str
    velocity_enu_mm_per_yr : ndarray, shape (point, 3)
        East, north, up; NaN where the model does not know a component.
    covariance_enu : ndarray, shape (point, 3, 3)
        (mm/yr)^2, of the smooth field: a monument adds its nugget. The parameters between frames add nothing.
    between : ndarray, shape (point, 3, point, 3), or None
        Covariance between points, where it was asked for; its diagonal blocks are ``covariance_enu``.
    """

    frame: str
    velocity_enu_mm_per_yr: Array
    covariance_enu: Array
    between: Array | None = None

    @property
    def sigma_enu_mm_per_yr(self) -> Array:
        """Standard deviations, shape (point, 3)."""
        return np.sqrt(np.diagonal(self.covariance_enu, axis1=1, axis2=2))


@dataclass(frozen=True, eq=False)
class VelocityModel:
    """Made by `fit_model`.

    Attributes
    ----------
    frame : str
        Of the tables, and of predictions unless another one is asked for.
    working_frame : str
        In which the collocation was done: ``frame``, or that of a plate whose rotation was removed.
    epoch_span : tuple of two floats, or None
        First and last epoch of the series behind the velocities, decimal years; None when not stated.
    sites : StationVelocities
        After merging and screening, in ``working_frame``.
    covariances : tuple of ComponentCovariance or None
        East, north, up; None for an up that fewer than 30 sites know.
    weights : tuple of SiteWeights or None
        For the sites that know the component, in their order.
    merged : tuple of Site
    rejected : tuple of Rejection
    sources : tuple of ModelSource
    """

    frame: str
    working_frame: str
    epoch_span: tuple[float, float] | None
    sites: StationVelocities
    covariances: tuple[ComponentCovariance | None, ...]
    weights: tuple[SiteWeights | None, ...]
    merged: tuple[Site, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    sources: tuple[ModelSource, ...] = ()

    def predict(
        self,
        longitude_deg: ArrayLike,
        latitude_deg: ArrayLike,
        *,
        frame: str | None = None,
        between_points: bool = False,
    ) -> ModelPrediction:
        """Predict east, north and up velocity with covariance.

        Parameters
        ----------
        longitude_deg, latitude_deg : array_like, shape (point,)
        frame : str, optional
            That of the model by default.
        between_points : bool
            Also return the covariance between points, for at most 2000 of them.

        Returns
        -------
        ModelPrediction

        Raises
        ------
        InputError
            FID-1344 for a position that is none; FID-1004, FID-1101, FID-1102 for a frame that cannot be reached.
        NumericsError
            FID-3145 for a covariance between too many points.

        Notes
        -----
        Components are predicted one by one, each from the 80 sites around; the correlation of the stations' errors
        enters the covariance of the result, exactly for these predictors.
        """
        longitude, latitude = _positions(longitude_deg, latitude_deg)
        if between_points:
            require_few_points(len(longitude))
        target = self.frame if frame is None else _usable_frame(frame, self.working_frame)
        vectors = unit_vectors(longitude, latitude)
        velocity = np.full((len(vectors), 3), np.nan)
        covariance = np.full((len(vectors), 3, 3), np.nan)
        between = np.full((len(vectors), 3, len(vectors), 3), np.nan) if between_points else None
        spreads: dict[int, Array] = {}
        for component, field in self.fields().items():
            value, variance, weights, near = field.predict(vectors)
            velocity[:, component], covariance[:, component, component] = value, variance
            if between is not None:
                between[:, component, :, component] = field.covariance_between(vectors, weights, near)
            spreads[component] = self._spread(field, weights, near)
        for first in spreads:
            for second in (other for other in spreads if other < first):
                joint = self._error_covariance(first, second)
                if between is not None:
                    cross = (spreads[first] * joint) @ spreads[second].T
                    between[:, first, :, second] = cross
                    between[:, second, :, first] = cross.T
                cross_here = np.einsum("ps,s,ps->p", spreads[first], joint, spreads[second])
                covariance[:, first, second] = covariance[:, second, first] = cross_here
        if target != self.working_frame:
            velocity += frame_velocity(self.working_frame, target, longitude, latitude)
        return ModelPrediction(target, velocity, covariance, between)

    def fields(self) -> dict[int, ComponentField]:
        """Return the components that are known, ready to predict."""
        found = {}
        vectors = unit_vectors(self.sites.longitude_deg, self.sites.latitude_deg)
        for component, (covariance, weights) in enumerate(zip(self.covariances, self.weights, strict=True)):
            if covariance is not None and weights is not None:
                rows = known_rows(self.sites, component)
                found[component] = ComponentField.make(
                    rows, vectors[rows], self.sites.velocity_enu_mm_per_yr[rows, component],
                    self.sites.covariance_enu[rows, component, component], covariance, weights,
                )  # fmt: skip
        return found

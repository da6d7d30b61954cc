"""A velocity model: east, north and up with covariance anywhere, in any frame, from tables of station velocities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

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

LEAST_CORRELATION: Final = 0.02
"""Smaller correlations of a station's errors are the placeholders of combined tables, and count as zero."""
_CHUNK: Final = 25_000
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
        Components are predicted one by one (`velocity_local.ComponentField.predict`); the correlations of the stations'
        errors enter the covariance of the result, exactly for these predictors. With ``between_points`` the
        covariance of each point is that of the blended predictor, otherwise an upper bound a little above it.
        """
        longitude, latitude = _positions(longitude_deg, latitude_deg)
        if between_points:
            require_few_points(len(longitude))
        target = _reachable(frame or self.frame, self.working_frame)
        vectors = unit_vectors(longitude, latitude)
        velocity, covariance = np.full((len(vectors), 3), np.nan), np.full((len(vectors), 3, 3), np.nan)
        order = np.arange(len(vectors)) if between_points else _along_the_map(longitude, latitude)
        between = np.full((len(vectors), 3, len(vectors), 3), np.nan) if between_points else None
        fields = self.fields()
        for start in range(0, len(vectors), _CHUNK):
            block = order[start : start + _CHUNK]
            velocity[block], covariance[block] = self._predict_block(fields, vectors[block], between)
        if target != self.working_frame:
            velocity += frame_velocity(self.working_frame, target, longitude, latitude)
        return ModelPrediction(target, velocity, covariance, between)

    def _predict_block(
        self, fields: dict[int, ComponentField], vectors: Array, between: Array | None
    ) -> tuple[Array, Array]:
        velocity, covariance = np.full((len(vectors), 3), np.nan), np.full((len(vectors), 3, 3), np.nan)
        known = list(fields)
        pairs = [(i, j, self._error_covariance(i, j)) for i in known for j in known if j < i]
        correlated = any(joint.any() for _, _, joint in pairs)
        for i, j, _ in pairs:
            covariance[:, i, j] = covariance[:, j, i] = 0.0
        spreads: dict[int, csr_array] = {}
        for component, field in fields.items():
            value, variance, weights = field.predict(vectors, with_weights=correlated or between is not None)
            velocity[:, component], covariance[:, component, component] = value, variance
            if weights is not None:
                shape = (len(vectors), self.sites.size)
                spreads[component] = csr_array((weights.data, field.rows[weights.indices], weights.indptr), shape=shape)
                if between is not None:
                    between[:, component, :, component] = field.covariance_between(vectors, weights)
        for i, j, joint in pairs if spreads else ():
            scaled = spreads[i].multiply(joint[None, :]).tocsr()
            covariance[:, i, j] = covariance[:, j, i] = scaled.multiply(spreads[j]).sum(axis=1)
            if between is not None:
                cross = (scaled @ spreads[j].T).toarray()
                between[:, i, :, j], between[:, j, :, i] = cross, cross.T
        if between is not None:
            covariance = np.ascontiguousarray(between[np.arange(len(vectors)), :, np.arange(len(vectors))])
        return velocity, covariance

    def _error_covariance(self, first: int, second: int) -> Array:
        """Covariance of two components of every site's error, scaled as the variances are; zero where unknown."""
        scale = np.zeros((2, self.sites.size))
        for row, component in enumerate((first, second)):
            fitted, weights = self.covariances[component], self.weights[component]
            assert fitted is not None  # noqa: S101
            assert weights is not None  # noqa: S101
            scale[row, known_rows(self.sites, component)] = fitted.station_sigma_factor * np.sqrt(weights.inflation)
        published = self.sites.covariance_enu[:, first, second]
        variance = np.diagonal(self.sites.covariance_enu, axis1=1, axis2=2)
        known = np.isfinite(published)
        known[known] = np.abs(published[known]) > LEAST_CORRELATION * np.sqrt(
            variance[known, first] * variance[known, second]
        )
        return np.asarray(np.where(known, published, 0.0) * scale[0] * scale[1], dtype=np.float64)

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


def fit_model(
    stations: StationVelocities,
    *,
    plate: str = "EURA",
    origin_rate_bias: bool = False,
    epoch_span: tuple[float, float] | None = None,
    sources: tuple[ModelSource, ...] = (),
    site_distance_km: float = SITE_DISTANCE_KM,
    screen: bool = True,
) -> VelocityModel:
    """Fit a velocity model to station velocities.

    Parameters
    ----------
    stations : StationVelocities
        mm/yr with covariance, in one frame.
    plate : str
        Plate whose rotation is removed before and restored after collocation, when ``stations`` are in an ITRF.
    origin_rate_bias : bool
        Remove the plate of ITRF2020 with its origin rate bias; removed and restored, it moves no prediction by more
        than the collocation does, and is part of the name of the working frame.
    epoch_span : tuple of two floats, optional
        First and last epoch of the series, decimal years.
    sources : tuple of ModelSource
    site_distance_km : float
        Stations closer than this become a site.
    screen : bool
        Reject sites that contradict their neighbours.

    Raises
    ------
    InputError
        FID-1342 with fewer than 30 usable sites; FID-1004, FID-1101, FID-1102 for the frame or the plate.
    """
    sites, merged, rejected = prepare_sites(
        stations, plate=plate, origin_rate_bias=origin_rate_bias, site_distance_km=site_distance_km
    )
    if screen:
        sites, outliers = screen_outliers(sites)
        rejected += outliers
    model = model_of_sites(sites, frame=canonical_frame(stations.frame))
    return replace(model, epoch_span=epoch_span, merged=tuple(merged), rejected=tuple(rejected), sources=sources)


def prepare_sites(
    stations: StationVelocities,
    *,
    plate: str = "EURA",
    origin_rate_bias: bool = False,
    site_distance_km: float = SITE_DISTANCE_KM,
) -> tuple[StationVelocities, list[Site], list[Rejection]]:
    """Bring stations into the working frame, drop unusable ones and merge the others to sites; screen nothing.

    Parameters
    ----------
    stations, plate, origin_rate_bias, site_distance_km
        See `fit_model`.
    """
    working = working_frame(stations.frame, plate, origin_rate_bias=origin_rate_bias)
    usable, unusable = drop_unusable(in_frame(stations, working))
    sites, merged, averaged = merge_to_sites(usable, site_distance_km)
    return sites, merged, [*stations.rejected, *unusable, *averaged]


def model_of_sites(
    sites: StationVelocities, *, frame: str | None = None, fixed: tuple[ComponentCovariance | None, ...] | None = None
) -> VelocityModel:
    """Fit covariances to sites as they are: merged, screened, in the working frame.

    Parameters
    ----------
    sites : StationVelocities
    frame : str, optional
        Of predictions; that of the sites by default.
    fixed : tuple of ComponentCovariance or None, optional
        Take the four parameters of each component from here; local amplitudes and robust weights are found anew.

    Raises
    ------
    InputError
        FID-1342 with fewer than 30 sites.
    """
    vectors = unit_vectors(sites.longitude_deg, sites.latitude_deg)
    covariances: list[ComponentCovariance | None] = []
    weights: list[SiteWeights | None] = []
    for component, name in enumerate(COMPONENTS):
        rows = known_rows(sites, component)
        if len(rows) < LEAST_SITES:
            if component == 2:
                covariances.append(None)
                weights.append(None)
                continue
            raise InputError(
                "FID-1342",
                f"{len(rows)} usable sites know {name}, a model with local covariances needs {LEAST_SITES}",
                where=sites.source,
                fix="give more stations; calibration of a small area fits its own field to few",
            )
        fitted, found = fit_covariance(
            vectors[rows], sites.velocity_enu_mm_per_yr[rows, component], sites.covariance_enu[rows, component, component],
            fixed=None if fixed is None else fixed[component],
        )  # fmt: skip
        covariances.append(fitted)
        weights.append(found)
    return VelocityModel(
        frame=sites.frame if frame is None else frame, working_frame=sites.frame, epoch_span=None, sites=sites,
        covariances=tuple(covariances), weights=tuple(weights),
    )  # fmt: skip


def working_frame(frame: str, plate: str = "EURA", *, origin_rate_bias: bool = False) -> str:
    """Return the frame for collocation: an ITRF without the rotation of a plate; any other frame as it is.

    Examples
    --------
    >>> working_frame("IGS14"), working_frame("ITRF2020", origin_rate_bias=True), working_frame("ETRF2000")
    ('plate:EURA@ITRF2014', 'plate:EURA@ITRF2020+ORB', 'ETRF2000')
    """
    name = canonical_frame(frame)
    if parse_frame(name.removesuffix("+ORB")).kind != "ITRF":
        return name
    model = name if name in PLATES_BY_MODEL else "ITRF2014"
    return canonical_frame(f"plate:{plate}@{model}", origin_rate_bias=origin_rate_bias)


def in_frame(stations: StationVelocities, frame: str) -> StationVelocities:
    """Return stations with velocities in another frame; covariances are kept."""
    if frame == canonical_frame(stations.frame):
        return replace(stations, frame=frame)
    change = frame_velocity(stations.frame, frame, stations.longitude_deg, stations.latitude_deg)
    return replace(stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr + change, frame=frame)


def known_rows(sites: StationVelocities, component: int) -> NDArray[np.intp]:
    """Return the sites that know a component."""
    return np.flatnonzero(np.isfinite(sites.velocity_enu_mm_per_yr[:, component]))


def _reachable(frame: str, working: str) -> str:
    """Return the canonical name of a frame that predictions can be given in."""
    target = canonical_frame(frame)
    if target != working:
        frame_change(working, target)
    return target


def _along_the_map(longitude: Array, latitude: Array) -> NDArray[np.intp]:
    """Order points in strips of a degree, so that those of a chunk share neighbourhoods."""
    return np.lexsort((longitude, np.floor(latitude)))


def _positions(longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> tuple[Array, Array]:
    longitude = np.atleast_1d(np.asarray(longitude_deg, dtype=np.float64))
    latitude = np.atleast_1d(np.asarray(latitude_deg, dtype=np.float64))
    longitude, latitude = np.broadcast_arrays(longitude, latitude)
    bad = ~((np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 360.0))
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(
            "FID-1344",
            "a position lies outside the Earth, or is not a number",
            where=f"point {first + 1}: longitude {longitude[first]:g}, latitude {latitude[first]:g}",
            fix="give longitude and latitude in degrees, in this order",
        )
    return longitude, latitude

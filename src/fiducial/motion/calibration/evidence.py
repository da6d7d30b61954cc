"""What a score may use: tracks, stations, which of them may take part in a fit, and reduced copies of all that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.interpolation import project
from fiducial.geodesy.station_screening import outlier_masks
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.gnss import UNKNOWN_UP_SIGMA_MM_PER_YR
from fiducial.motion.calibration.observations import Medians, TrackObservations

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

SAME_SITE_M: Final = 100.0
"""Stations nearer than this stand on one site: never one of them in a fit and another among its judges."""


@dataclass(frozen=True)
class Evidence:
    """Tracks and stations of a score.

    Attributes
    ----------
    tracks : tuple of TrackObservations
        Samples at all ``stations``, row by row.
    stations : StationVelocities
        All: those that may take part in a fit, and those that are judges only.
    field : VelocityField
        Fitted to the trainable stations; its covariance parameters are kept in every reduced fit.
    trainable : ndarray of bool, shape (station,)
        False for stations that are judges only.
    up_prior_sigma_mm_per_yr : float or None
        Prior of up as stated for the whole table.
    """

    tracks: tuple[TrackObservations, ...]
    stations: StationVelocities
    field: VelocityField
    trainable: Mask
    up_prior_sigma_mm_per_yr: float | None = None

    @property
    def crs(self) -> str:
        """Map projection of the tracks."""
        return self.tracks[0].crs


@dataclass(frozen=True)
class Samples:
    """The samples of all tracks in one table.

    Attributes
    ----------
    track : ndarray of int, shape (sample,)
        Number of the track.
    station : ndarray of int, shape (sample,)
        Row in the table of stations.
    medians : Medians
    """

    track: Index
    station: Index
    medians: Medians

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(self.station)

    def select(self, mask: NDArray[Any]) -> Samples:
        """Return the samples chosen by a boolean mask or an index array."""
        return Samples(self.track[mask], self.station[mask], self.medians.select(mask))


@dataclass(frozen=True)
class Training:
    """What a recipe knows in one experiment.

    Attributes
    ----------
    tracks : tuple of TrackObservations
        Samples of the training stations only.
    stations : StationVelocities
    field : VelocityField
        Fitted to them.
    """

    tracks: tuple[TrackObservations, ...]
    stations: StationVelocities
    field: VelocityField


def samples_of(tracks: Sequence[TrackObservations]) -> Samples:
    """Return the samples of all tracks as one table."""
    medians = [track.samples.medians for track in tracks]
    joined = {name: np.concatenate([getattr(one, name) for one in medians]) for name in Medians.__dataclass_fields__}
    number = np.repeat(np.arange(len(tracks)), [track.samples.size for track in tracks])
    station = np.concatenate([track.samples.station for track in tracks]).astype(np.intp)
    return Samples(number, station, Medians(**joined))


def with_stations(tracks: Sequence[TrackObservations], train: Mask) -> tuple[TrackObservations, ...]:
    """Return the tracks with the samples of the training stations only, numbered as in the reduced table."""
    place = np.cumsum(train) - 1
    reduced = []
    for track in tracks:
        kept = track.samples.select(train[track.samples.station])
        reduced.append(replace(track, samples=replace(kept, station=place[kept.station])))
    return tuple(reduced)


def training_on(evidence: Evidence, train: Mask) -> Training:
    """Return what a recipe knows when only some stations may be used.

    Parameters
    ----------
    evidence : Evidence
    train : ndarray of bool, shape (station,)

    Returns
    -------
    Training

    Raises
    ------
    InputError
        FID-1005 when fewer than three of them are usable.

    Notes
    -----
    The covariance parameters are those of the whole field: estimating them again from a few stations would score
    the estimator of the field, the same for all recipes, and hide what the recipes differ in. Where fewer than
    three stations are left that know up, up is 0 +- 3 mm/yr, unless another prior is stated.
    """
    if np.array_equal(train, evidence.trainable):
        return Training(with_stations(evidence.tracks, train), evidence.stations.select(train), evidence.field)
    prior = evidence.up_prior_sigma_mm_per_yr
    if prior is None and evidence.field.knows_up:
        prior = UNKNOWN_UP_SIGMA_MM_PER_YR
    stations = evidence.stations.select(train)
    field = VelocityField.fit(stations, models=evidence.field.models, up_prior_sigma_mm_per_yr=prior)
    return Training(with_stations(evidence.tracks, train), stations, field)


def sites(stations: StationVelocities, crs: str) -> Index:
    """Return a number a station, the same for stations of one site: chains of less than 100 m."""
    position = positions(stations, crs)
    placed = np.flatnonzero(np.isfinite(position).all(axis=1))
    pairs = placed[cKDTree(position[placed]).query_pairs(SAME_SITE_M, output_type="ndarray")]
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(stations.size, stations.size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)


def positions(stations: StationVelocities, crs: str) -> Array:
    """Return easting and northing in metres, shape (station, 2); NaN where a station has no position."""
    position = np.column_stack(project(stations.longitude_deg, stations.latitude_deg, crs))
    return np.where(np.isfinite(position), position, np.nan)


def usable_stations(stations: StationVelocities) -> Mask:
    """Return which stations have a horizontal velocity with a positive sigma: the least that can judge."""
    variance = np.diagonal(stations.covariance_enu, axis1=1, axis2=2)
    known = np.isfinite(stations.velocity_enu_mm_per_yr) & np.isfinite(variance) & (variance > 0)
    return np.asarray(known[:, 0] & known[:, 1])


def contradicted_stations(stations: StationVelocities) -> Mask:
    """Return which stations their neighbours contradict grossly (`geodesy.station_screening.screen_outliers`).

    Notes
    -----
    GNSS against GNSS: no recipe and no InSAR has a say in it, and it is the same for every recipe. Such a station
    may be wrong, or right on ground that moves by itself; nothing here can tell, so it is reported apart.
    """
    # A sigma that is missing is no reason: such a station cannot judge, and would blind the test to its neighbours.
    usable = np.flatnonzero(usable_stations(stations))
    chosen = stations.select(usable)
    velocity, variance = chosen.velocity_enu_mm_per_yr.copy(), chosen.covariance_enu[:, 2, 2]
    velocity[~(np.isfinite(variance) & (variance > 0)), 2] = np.nan
    agrees, keeps_up, _ = outlier_masks(replace(chosen, velocity_enu_mm_per_yr=velocity))
    contradicted = np.zeros(stations.size, dtype=bool)
    contradicted[usable] = ~agrees | (np.isfinite(velocity[:, 2]) & ~keeps_up)
    return contradicted

"""What a calibration sees of a track: robust block medians, and samples at GNSS stations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.geodesy.interpolation import project
from fiducial.geodesy.robust import MAD_TO_SIGMA, grouped_median
from fiducial.geodesy.station_velocities import StationPlaces
from fiducial.motion.calibration.point_velocities import PointVelocities, usable_points

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SIGMA_FLOOR_MM_PER_YR = 0.1
"""Velocities are published with one decimal: no median is known better than that."""


@dataclass(frozen=True)
class Medians:
    """Robust means of groups of points: blocks, or surroundings of stations.

    Attributes
    ----------
    easting, northing, longitude_deg, latitude_deg : ndarray, shape (group,)
        Mean position of the points.
    velocity_mm_per_yr : ndarray, shape (group,)
        (Coherence-weighted) median, LOS, positive towards the satellite.
    sigma_mm_per_yr : ndarray, shape (group,)
        1.4826 MAD of the points, at least 0.1: their scatter, *not* divided by the root of their number,
        because the errors of neighbours are correlated.
    line_of_sight : ndarray, shape (group, 3)
    point_count : ndarray of int, shape (group,)
    coherence : ndarray, shape (group,)
        Mean; NaN when the points have none.
    cluster : ndarray of int, shape (group,)
        Unwrapping cluster that the points belong to; 0 where the track is one cluster.
    """

    easting: Array
    northing: Array
    longitude_deg: Array
    latitude_deg: Array
    velocity_mm_per_yr: Array
    sigma_mm_per_yr: Array
    line_of_sight: Array
    point_count: Index
    coherence: Array
    cluster: Index

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.velocity_mm_per_yr)

    @classmethod
    def joined(cls, parts: Sequence[Medians]) -> Medians:
        """Return the groups of several tables, one after the other."""
        return cls(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in cls.__dataclass_fields__})

    def select(self, mask: NDArray[Any]) -> Medians:
        """Return the groups chosen by a boolean mask or an index array."""
        return Medians(**{name: getattr(self, name)[mask] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class StationSamples:
    """The track at GNSS stations.

    Attributes
    ----------
    station : ndarray of int, shape (sample,)
        Row of each station in the table the samples were taken for.
    names : ndarray of str, shape (sample,)
    medians : Medians
        Of the points around each station.
    """

    station: Index
    names: NDArray[np.str_]
    medians: Medians

    @property
    def size(self) -> int:
        """Number of stations with a sample."""
        return len(self.station)

    def select(self, mask: NDArray[Any]) -> StationSamples:
        """Return the samples chosen by a boolean mask or an index array."""
        return StationSamples(self.station[mask], self.names[mask], self.medians.select(mask))


@dataclass(frozen=True)
class TrackObservations:
    """Everything a recipe may use of one track.

    Attributes
    ----------
    name : str
    crs : str
        Map projection of every easting and northing.
    block_size_m : float
    cell : ndarray of int, shape (block, 2)
        floor(easting / size), floor(northing / size): equal cells of two tracks overlap.
    blocks : Medians
    samples : StationSamples
    notes : tuple of str
        What was left out, and why.
    track : str
        Relative orbit whose bursts share long-wave errors: the name where none was given.
    """

    name: str
    crs: str
    block_size_m: float
    cell: Index
    blocks: Medians
    samples: StationSamples
    notes: tuple[str, ...] = ()
    track: str = ""

    def __post_init__(self) -> None:
        if not self.track:
            object.__setattr__(self, "track", self.name)

    def among(self, rows: Index) -> TrackObservations:
        """Return the same track for a part of the station table.

        Parameters
        ----------
        rows : ndarray of int, shape (station,)
            Rows of the whole table that the part has, in its order; samples at others are left out.
        """
        if not self.samples.size:
            return self
        place = np.full(max(int(self.samples.station.max()), int(rows.max(initial=0))) + 1, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        found = place[self.samples.station]
        kept = self.samples.select(found >= 0)
        return replace(self, samples=replace(kept, station=found[found >= 0]))

    def with_velocities(self, blocks: Array, samples: Array) -> TrackObservations:
        """Return the same track with other velocities of blocks and samples (mm/yr), such as calibrated ones."""
        return replace(
            self,
            blocks=replace(self.blocks, velocity_mm_per_yr=blocks),
            samples=replace(self.samples, medians=replace(self.samples.medians, velocity_mm_per_yr=samples)),
        )


def block_median(
    points: PointVelocities, *, size_m: float = 5000.0, minimum_points: int = 3, use_coherence: bool = True
) -> tuple[Index, Medians]:
    """Return robust medians of square map cells.

    Parameters
    ----------
    points : PointVelocities
        Usable points (`usable_points`).
    size_m : float
        Side of the cells.
    minimum_points : int
        Cells with fewer points are left out.
    use_coherence : bool
        Weight the median by coherence where the points have it.

    Returns
    -------
    cell : ndarray of int, shape (block, 2)
        A cell stands once for each unwrapping cluster in it, because their velocities may be offset.
    Medians
        Sorted by cell.
    """
    cell = np.floor(np.column_stack([points.easting, points.northing]) / size_m).astype(np.int64)
    cluster = _clusters(points)
    cells, group = np.unique(np.column_stack([cell, cluster]), axis=0, return_inverse=True)
    medians = _medians(points, cluster, group.ravel(), len(cells), use_coherence=use_coherence)
    enough = medians.point_count >= minimum_points
    return cells[enough, :2], medians.select(enough)


def sample_at_stations(
    points: PointVelocities,
    stations: StationPlaces,
    *,
    radius_m: float = 3000.0,
    minimum_points: int = 10,
    use_coherence: bool = True,
) -> StationSamples:
    """Return the median of the points around each station that has enough of them.

    Parameters
    ----------
    points : PointVelocities
        Usable points (`usable_points`).
    stations : StationPlaces
    radius_m : float
    minimum_points : int
        Stations with fewer points within the radius get no sample.
    use_coherence : bool

    Returns
    -------
    StationSamples
        Where unwrapping clusters meet around a station, of the cluster with the most points.
    """
    easting, northing = project(stations.longitude_deg, stations.latitude_deg, points.crs)
    placed = np.flatnonzero(np.isfinite(easting) & np.isfinite(northing))
    tree = cKDTree(np.column_stack([points.easting, points.northing]))
    cluster = _clusters(points)
    around = [_largest(tree.query_ball_point([easting[i], northing[i]], radius_m), cluster) for i in placed]
    chosen = [k for k, members in enumerate(around) if len(members) >= minimum_points]
    member = np.array([i for k in chosen for i in around[k]], dtype=np.int64)
    group = np.repeat(np.arange(len(chosen)), [len(around[k]) for k in chosen])
    medians = _medians(points.select(member), cluster[member], group, len(chosen), use_coherence=use_coherence)
    station = placed[chosen].astype(np.int64)
    return StationSamples(station, stations.names[station], medians)


def observe_track(
    points: PointVelocities,
    stations: StationPlaces,
    *,
    block_size_m: float = 5000.0,
    radius_m: float = 3000.0,
    minimum_points: int = 10,
    use_coherence: bool = True,
) -> TrackObservations:
    """Reduce a track to block medians and station samples.

    Parameters
    ----------
    points : PointVelocities
    stations : StationPlaces
        The table that will be given to the recipe, or its names and places.
    block_size_m, radius_m, minimum_points, use_coherence
        See `block_median` and `sample_at_stations`.

    Returns
    -------
    TrackObservations

    Raises
    ------
    InputError
        FID-1063, FID-1067 for unusable points; FID-1065 for an unknown map projection.
    """
    used, notes = usable_points(points)
    cell, blocks = block_median(used, size_m=block_size_m, use_coherence=use_coherence)
    samples = sample_at_stations(
        used, stations, radius_m=radius_m, minimum_points=minimum_points, use_coherence=use_coherence
    )
    return TrackObservations(points.name, points.crs, block_size_m, cell, blocks, samples, notes, points.track)


def _clusters(points: PointVelocities) -> Index:
    return np.zeros(len(points.easting), dtype=np.int64) if points.cluster is None else points.cluster


def _largest(members: list[int], cluster: Index) -> list[int]:
    labels = cluster[members]
    if len(members) == 0 or (labels == labels[0]).all():
        return members
    chosen = int(np.argmax(np.bincount(labels - labels.min()))) + int(labels.min())
    return [member for member, label in zip(members, labels, strict=True) if label == chosen]


def _medians(points: PointVelocities, cluster: Index, group: Index, groups: int, *, use_coherence: bool) -> Medians:
    count = np.bincount(group, minlength=groups)
    velocity = np.asarray(points.velocity_mm_per_yr, dtype=np.float64)
    weights = None
    if use_coherence and points.coherence is not None:
        # A point without coherence must not drop out of the median: it counts as a poor one.
        weights = np.clip(np.nan_to_num(points.coherence, nan=0.0), 0.05, 1.0)
    median = grouped_median(velocity, group, groups, weights)
    scatter = MAD_TO_SIGMA * grouped_median(np.abs(velocity - median[group]), group, groups)
    if points.sigma_mm_per_yr is not None:
        known = np.isfinite(points.sigma_mm_per_yr)
        formal = grouped_median(points.sigma_mm_per_yr[known], group[known], groups)
        # The MAD of a handful of points may be tiny by chance; their own sigmas bound it from below then.
        scatter = np.where(count < 10, np.fmax(scatter, formal), scatter)

    def mean(values: Array) -> Array:
        totals = np.bincount(group, weights=values, minlength=groups)
        return np.asarray(totals / np.maximum(count, 1), dtype=np.float64)

    sight = np.column_stack([mean(points.line_of_sight[:, axis]) for axis in range(3)])
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-300)
    labels = np.zeros(groups, dtype=np.int64)
    labels[group] = cluster
    return Medians(
        easting=mean(points.easting),
        northing=mean(points.northing),
        longitude_deg=mean(points.longitude_deg),
        latitude_deg=mean(points.latitude_deg),
        velocity_mm_per_yr=median,
        sigma_mm_per_yr=np.maximum(scatter, SIGMA_FLOOR_MM_PER_YR),
        line_of_sight=sight,
        point_count=count,
        coherence=np.full(groups, np.nan) if points.coherence is None else mean(points.coherence),
        cluster=labels,
    )

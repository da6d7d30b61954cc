"""Leakage: how much of a deformation that GNSS does not know a calibration takes for an error and removes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.motion.calibration.observations import TrackObservations

Array = NDArray[np.float64]

PEAK_MM_PER_YR: Final = -10.0
SIGMAS_KM: Final = (5.0, 10.0, 20.0, 40.0)
CENTRES: Final = 5
_INSIDE_KM = 25.0
_ROUNDS = 25


@dataclass(frozen=True)
class Bowl:
    """A Gaussian bowl of vertical motion.

    Attributes
    ----------
    easting, northing : float
        Centre, metres.
    sigma_km : float
    peak_mm_per_yr : float
        Up; negative is subsidence.
    """

    easting: float
    northing: float
    sigma_km: float
    peak_mm_per_yr: float = PEAK_MM_PER_YR

    def up_mm_per_yr(self, easting: Array, northing: Array) -> Array:
        """Return the vertical velocity at points."""
        square = (easting - self.easting) ** 2 + (northing - self.northing) ** 2
        return np.asarray(self.peak_mm_per_yr * np.exp(-0.5 * square / (1000.0 * self.sigma_km) ** 2))

    def reaches(self, easting: Array, northing: Array) -> NDArray[np.bool_]:
        """Tell which points lie within 2 sigma of the centre."""
        distance = np.hypot(easting - self.easting, northing - self.northing)
        return np.asarray(distance <= 2000.0 * self.sigma_km)


def bowl_centres(tracks: Sequence[TrackObservations], count: int = CENTRES) -> Array:
    """Choose centres of bowls: seen by several tracks, well inside the area, spread over it, and always the same.

    Parameters
    ----------
    tracks : sequence of TrackObservations
    count : int
        At most; fewer where the area has fewer cells.

    Returns
    -------
    ndarray, shape (centre, 2)
        Easting and northing, metres.

    Notes
    -----
    Candidates are the cells that the most relative orbits see, down to two, or one when two see less than a tenth
    of the area; of these the half with the most occupied cells within 25 km. They are parted into ``count`` regions
    by k-means (Lloyd 1982) from the farthest points; the candidate nearest to the middle of each is a centre.
    """
    size = tracks[0].block_size_m
    orbit = np.unique([track.track for track in tracks], return_inverse=True)[1]
    seen = np.unique(
        np.concatenate([np.column_stack([track.cell, np.full(len(track.cell), orbit[k])]) for k, track in enumerate(tracks)]),
        axis=0,
    )  # fmt: skip
    cells, times = np.unique(seen[:, :2], axis=0, return_counts=True)
    if len(cells) == 0:
        return np.zeros((0, 2))
    position = (cells + 0.5) * size
    several = times >= 2
    candidates = several if several.sum() >= max(0.1 * len(cells), count) else np.ones(len(cells), dtype=bool)
    around = np.asarray(cKDTree(position).query_ball_point(position, 1000.0 * _INSIDE_KM, return_length=True))
    inside = candidates & (around >= np.median(around[candidates]))
    return _spread(position[inside], min(count, int(inside.sum())))


def _spread(position: Array, count: int) -> Array:
    centres = [int(np.argmin(np.linalg.norm(position - position.mean(axis=0), axis=1)))]
    while len(centres) < count:
        nearest = cKDTree(position[centres]).query(position)[0]
        centres.append(int(np.argmax(nearest)))
    middle = position[centres]
    for _ in range(_ROUNDS):
        owner = np.asarray(cKDTree(middle).query(position)[1])
        middle = np.stack(
            [position[owner == k].mean(axis=0) if (owner == k).any() else middle[k] for k in range(count)]
        )
    chosen = np.unique(np.asarray(cKDTree(position).query(middle)[1]))
    return np.asarray(position[chosen])


def with_bowl(tracks: Sequence[TrackObservations], bowl: Bowl) -> tuple[TrackObservations, ...]:
    """Return the tracks as they would have seen the bowl too: l_u times its vertical, in blocks and samples."""
    deformed = []
    for track in tracks:
        blocks, around = track.blocks, track.samples.medians
        lift = bowl.up_mm_per_yr(blocks.easting, blocks.northing) * blocks.line_of_sight[:, 2]
        lift_around = bowl.up_mm_per_yr(around.easting, around.northing) * around.line_of_sight[:, 2]
        deformed.append(
            track.with_velocities(blocks.velocity_mm_per_yr + lift, around.velocity_mm_per_yr + lift_around)
        )
    return tuple(deformed)


def absorbed_share(
    tracks: Sequence[TrackObservations], bowl: Bowl, surface_with: Array, surface_without: Array
) -> float:
    """Return the share of a bowl that the correction takes away, NaN where no block is near it.

    Parameters
    ----------
    tracks : sequence of TrackObservations
    bowl : Bowl
    surface_with, surface_without : ndarray, shape (block,)
        Surfaces at the blocks of all tracks, calibrated with and without the bowl.

    Notes
    -----
    Regression through the origin of S(with) - S(without) on the injected LOS velocity, over the blocks of all
    tracks within 2 sigma of the centre: 0 nothing is lost, 1 all of it, below 0 it is exaggerated.
    """
    easting, northing = (np.concatenate([getattr(track.blocks, axis) for track in tracks]) for axis in ("easting", "northing"))  # fmt: skip
    up = np.concatenate([track.blocks.line_of_sight[:, 2] for track in tracks])
    injected = bowl.up_mm_per_yr(easting, northing) * up
    change = surface_with - surface_without
    near = bowl.reaches(easting, northing) & np.isfinite(change)
    energy = float(np.sum(injected[near] ** 2))
    return float(np.sum(change[near] * injected[near])) / energy if energy > 0 else float("nan")

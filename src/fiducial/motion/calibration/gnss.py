"""GNSS velocities in the line of sight, with covariance: at stations and through a map grid at blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.interpolation import covering_grid, unproject
from fiducial.geodesy.station_screening import outlier_masks
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.observations import Medians, StationSamples, TrackObservations

Array = NDArray[np.float64]

UNKNOWN_UP_SIGMA_MM_PER_YR: Final = 3.0
"""Prior of an unknown vertical velocity where no field tells it: 0 +- 3 mm/yr, the spread of up velocities
outside subsiding basins, and the sigma that combined tables print for horizontal-only stations."""

_MOST_PREDICTED: Final = 20_000
_FIELD_GRID_M: Final = 10_000.0
_MOST_SAMPLES: Final = 1_500
"""Of tracks that are taken together: their covariance is a square matrix."""


@dataclass(frozen=True)
class StationLineOfSight:
    """GNSS velocities of stations along the LOS of their samples.

    Attributes
    ----------
    velocity_mm_per_yr : ndarray, shape (sample,)
        NaN where the horizontal velocity or its sigma is unusable, or the station contradicts its neighbours.
    covariance : ndarray, shape (sample, sample)
        Of the usable ones; NaN rows and columns elsewhere.
    outlier : ndarray of bool, shape (sample,)
        Contradicts its neighbours.
    own_up : ndarray of bool, shape (sample,)
        Whether up is the station's own.
    note : str
        Where missing up velocities came from.
    """

    velocity_mm_per_yr: Array
    covariance: Array
    outlier: NDArray[np.bool_]
    own_up: NDArray[np.bool_]
    note: str


def check_inputs(tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField) -> None:
    """Require one frame, and samples that belong to the table.

    Raises
    ------
    InputError
        FID-1066 when the frames differ; FID-1063 when samples were taken for another table.
    """
    if stations.frame != field.frame:
        raise InputError(
            "FID-1066",
            f"stations are in {stations.frame}, the velocity field in {field.frame}",
            where=stations.source,
            fix="convert the table to one frame before fitting the field",
        )
    for track in tracks:
        index = track.samples.station
        inside = bool(np.all(index < stations.size))
        if not inside or np.any(stations.names[index] != track.samples.names):
            raise InputError(
                "FID-1063",
                "the samples of the track were taken for another station table",
                where=f"track {track.name}",
                fix="observe the track with the table that is given to the recipe",
            )


def line_of_sight_at_stations(
    samples: StationSamples, stations: StationVelocities, field: VelocityField
) -> StationLineOfSight:
    """Return each station's own velocity along the LOS of its sample.

    Notes
    -----
    l.v with covariance l'C l of the station. A station without up takes it from the field, with the field's
    covariance and nugget: that is unbiased where up is not zero on average (GIA, Alpine uplift), and its sigma
    grows by itself where no station is near. Without a field of up: 0 +- 3 mm/yr, l_u^2 9 added to the
    variance, independent from station to station.
    """
    sight = samples.medians.line_of_sight
    own = stations.select(samples.station)
    agrees, keeps_up, _ = outlier_masks(stations)
    velocity = own.velocity_enu_mm_per_yr.copy()
    spread = own.covariance_enu.copy()
    variance = np.diagonal(spread, axis1=1, axis2=2)
    known = np.isfinite(velocity) & np.isfinite(variance) & (variance > 0)
    usable = known[:, 0] & known[:, 1]
    outlier = usable & ~agrees[samples.station]
    usable &= ~outlier
    lacks_up = ~(known[:, 2] & keeps_up[samples.station])
    velocity[lacks_up, 2] = 0.0
    spread[lacks_up, 2, :] = spread[lacks_up, :, 2] = 0.0
    spread = np.nan_to_num(spread, nan=0.0)
    covariance = np.zeros((samples.size, samples.size))
    if lacks_up.any() and field.knows_up:
        medians = samples.medians
        lifted = np.where(lacks_up[:, None], sight * [0.0, 0.0, 1.0], 0.0)
        predicted = field.predict(own.longitude_deg, own.latitude_deg, with_covariance=False)
        velocity[lacks_up, 2] = predicted.velocity_enu_mm_per_yr[lacks_up, 2]
        covariance = field.covariance_of_projection(medians.longitude_deg, medians.latitude_deg, lifted)
        model = field.models[2].covariance
        private = 0.0 if model is None else model.nugget
        covariance[np.diag_indices_from(covariance)] += lifted[:, 2] ** 2 * private**2
    elif lacks_up.any():
        spread[lacks_up, 2, 2] = UNKNOWN_UP_SIGMA_MM_PER_YR**2
    covariance[np.diag_indices_from(covariance)] += np.einsum("si,sij,sj->s", sight, spread, sight)
    along = np.einsum("si,si->s", sight, velocity)
    along[~usable] = np.nan
    covariance[~usable, :] = covariance[:, ~usable] = np.nan
    return StationLineOfSight(along, covariance, outlier, ~lacks_up, _note(~lacks_up, field))


def _note(own_up: NDArray[np.bool_], field: VelocityField) -> str:
    lacking = int((~own_up).sum())
    if not lacking:
        return "every station has its own up"
    if field.knows_up:
        return f"up of {lacking} stations taken from the velocity field, with its covariance"
    return f"up of {lacking} stations unknown: 0 +- {UNKNOWN_UP_SIGMA_MM_PER_YR:g} mm/yr"


def field_at(medians: Medians, field: VelocityField, crs: str) -> Array:
    """Return the GNSS field at blocks, shape (block, 3), mm/yr; NaN where it is unknown.

    Of very many blocks through a 10-km grid, bilinear: the field has correlation lengths of tens of kilometres, and its cost
    is that of blocks times stations.
    """
    if medians.size <= _MOST_PREDICTED:
        found = field.predict(medians.longitude_deg, medians.latitude_deg, with_covariance=False)
        return found.velocity_enu_mm_per_yr
    grid = covering_grid(medians.easting, medians.northing, _FIELD_GRID_M)
    weights = grid.bilinear(medians.easting, medians.northing)
    used = np.flatnonzero(np.asarray(weights.sum(axis=0)).ravel() > 0.0)
    longitude, latitude = (axis[used] for axis in unproject(*grid.nodes, crs))
    nodes = field.predict(longitude, latitude, with_covariance=False).velocity_enu_mm_per_yr
    return np.asarray(weights[:, used] @ nodes, dtype=np.float64)


def line_of_sight_of_tracks(
    tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
) -> tuple[StationLineOfSight, ...]:
    """Return `line_of_sight_at_stations` for the samples of each track.

    Tracks are taken together: the screening of the stations is the same for all, and takes most of the time.
    """
    found: list[StationLineOfSight] = []
    batch: list[TrackObservations] = []
    waiting = 0
    for number, track in enumerate(tracks):
        batch.append(track)
        waiting += track.samples.size
        if number + 1 < len(tracks) and waiting + tracks[number + 1].samples.size <= _MOST_SAMPLES:
            continue
        joined = StationSamples(
            np.concatenate([one.samples.station for one in batch]),
            np.concatenate([one.samples.names for one in batch]),
            Medians.joined([one.samples.medians for one in batch]),
        )
        together = line_of_sight_at_stations(joined, stations, field)
        begins = np.concatenate([[0], np.cumsum([one.samples.size for one in batch])])
        for first, last in pairwise(begins):
            rows = slice(first, last)
            own_up = together.own_up[rows]
            found.append(
                StationLineOfSight(
                    together.velocity_mm_per_yr[rows],
                    together.covariance[rows, rows].copy(),
                    together.outlier[rows],
                    own_up,
                    _note(own_up, field),
                )
            )
        batch, waiting = [], 0
    return tuple(found)


@dataclass(frozen=True)
class GridLineOfSight:
    """GNSS along the LOS of blocks, interpolated from a map grid.

    Attributes
    ----------
    velocity_mm_per_yr : ndarray, shape (block,)
    operator : ndarray, shape (block, 3 * node)
        From the node velocities (all east, all north, all up) to the LOS of the blocks.
    node_covariance : ndarray, shape (3 * node, 3 * node)
        Covariance of the LOS velocities is operator @ node_covariance @ operator.T.
    nodes : int
    """

    velocity_mm_per_yr: Array
    operator: Array
    node_covariance: Array
    nodes: int


def line_of_sight_through_grid(blocks: Medians, field: VelocityField, *, spacing_m: float, crs: str) -> GridLineOfSight:
    """Predict the field on a map grid, interpolate it bilinearly to blocks and project it on their LOS.

    Raises
    ------
    InputError
        FID-1062 when the field has no vertical.

    Notes
    -----
    g(x) = l(x) . B[V](x) with nodes at multiples of 50 km in EPSG:3035 (EGMS ATBD v4, 2025, sec. 8.2).
    """
    if field.models[2].covariance is None:
        raise InputError(
            "FID-1062",
            "the GNSS velocity field has no vertical, which the line of sight sees most of all",
            where=field.stations.source,
            fix="give stations with up velocities, or state a prior of up (such as 3 mm/yr) for the field",
        )
    grid = covering_grid(blocks.easting, blocks.northing, spacing_m)
    longitude, latitude = unproject(*grid.nodes, crs)
    velocity = field.predict(longitude, latitude, with_covariance=False).velocity_enu_mm_per_yr
    axes = np.repeat(np.eye(3), len(longitude), axis=0)
    covariance = field.covariance_of_projection(np.tile(longitude, 3), np.tile(latitude, 3), axes)
    weights = grid.bilinear(blocks.easting, blocks.northing).toarray()
    operator = np.hstack([weights * blocks.line_of_sight[:, [axis]] for axis in range(3)])
    return GridLineOfSight(
        velocity_mm_per_yr=np.asarray(operator @ velocity.T.ravel(), dtype=np.float64),
        operator=operator,
        node_covariance=covariance,
        nodes=len(longitude),
    )

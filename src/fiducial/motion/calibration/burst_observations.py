"""From observed bursts to a network: ties in common cells, stations, and the GNSS field where it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.interpolation import unproject
from fiducial.geodesy.robust import robust_fit
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.burst_ties import (
    CORRELATION_LENGTH_KM,
    BurstNetwork,
    BurstTies,
    FieldTies,
    StationTies,
    shares_in_cells,
)
from fiducial.motion.calibration.gnss import (
    UNKNOWN_UP_SIGMA_MM_PER_YR,
    StationLineOfSight,
    check_inputs,
    field_at,
    line_of_sight_of_tracks,
)
from fiducial.motion.calibration.input_checks import check_tracks
from fiducial.motion.calibration.observations import Medians, TrackObservations

Array = NDArray[np.float64]
Index = NDArray[np.int64]
FieldUse = Literal["never", "needed", "stationless"]

SHORT_WAVE_SIGMA_MM_PER_YR: Final = 1.5
"""Errors that neighbouring cells share, before the variance factor of the ties is known."""
_MEDIAN_EFFICIENCY: Final = 1.2533
_MOST_INDEPENDENT_POINTS: Final = 16
_VARIANCE_GRID_M: Final = 25_000.0
_MOST_CORRELATED: Final = 2_000


@dataclass(frozen=True)
class ObservedNetwork:
    """A network of bursts and how it came about.

    Attributes
    ----------
    network : BurstNetwork
    bases : tuple of PolynomialBasis
        For each burst; its terms are the unknowns.
    clusters : ndarray of int, shape (burst,)
        Unwrapping cluster with the most points: the only one that is adjusted.
    gnss : tuple of StationLineOfSight
        For each burst, at all of its samples.
    station_burst, station_sample : ndarray of int, shape (station row,)
        Burst, and sample of that burst, of each station of the network.
    notes : tuple of str
    """

    network: BurstNetwork
    bases: tuple[PolynomialBasis, ...]
    clusters: Index
    gnss: tuple[StationLineOfSight, ...]
    station_burst: Index
    station_sample: Index
    notes: tuple[str, ...]


def network_from_tracks(
    tracks: Sequence[TrackObservations],
    stations: StationVelocities,
    field: VelocityField,
    *,
    degree: int = 1,
    use_field: FieldUse = "needed",
    short_wave_sigma_mm_per_yr: float = SHORT_WAVE_SIGMA_MM_PER_YR,
) -> ObservedNetwork:
    """Make the network of bursts from what was observed of them.

    Parameters
    ----------
    tracks : sequence of TrackObservations
        Bursts; their samples belong to ``stations``.
    stations : StationVelocities
    field : VelocityField
    degree : int
        0 offsets, 1 planes.
    use_field : {"never", "needed", "stationless"}
        Whether the GNSS field stands in for stations: nowhere; in bursts of connected parts that hold no station; or
        in every burst without one, which then leans twice on the stations of its neighbours.
    short_wave_sigma_mm_per_yr : float

    Returns
    -------
    ObservedNetwork

    Raises
    ------
    InputError
        FID-1061 when a burst has no block; FID-1063, FID-1066 when the inputs do not belong together; FID-1132,
        FID-1133 from `check_tracks`.

    Notes
    -----
    Ties: every two bursts of one direction in a common cell. Noise of a cell: short-wave (10 km) plus white,
    (1.2533 sigma)^2 / n with n at most 16, because close points share their errors. What the field may have wrong of
    l_b - l_c is common to all ties of two bursts. Stations: a station that several bursts of a connected part see has
    its GNSS variance times their number in the weights, so that together they know it no better than it is. Field: the variance of
    each row times the sum of the correlations of the field between the rows of a connected part, for the same reason.
    """
    check_tracks(tracks)
    check_inputs(tracks, stations, field)
    cells = _cells_of(tracks, field, short_wave_sigma_mm_per_yr)
    bases = tuple(
        PolynomialBasis.full(cells.medians.easting[rows], cells.medians.northing[rows], degree)
        for rows in (cells.rows(number) for number in range(len(tracks)))
    )
    ties = _ties(cells, field)
    graph = coo_array((np.ones(ties.size), (ties.first, ties.second)), shape=(len(tracks),) * 2)
    part = np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
    gnss = line_of_sight_of_tracks(tracks, stations, field)
    rows, station_burst, station_sample = _stations(tracks, cells, gnss, part)
    from_field = FieldTies()
    if use_field != "never":
        has_station = np.bincount(station_burst, minlength=len(tracks)) > 0
        served = np.bincount(part, has_station)[part] > 0 if use_field == "needed" else has_station
        from_field = _from_field(cells, field, bases, part, np.flatnonzero(~served))
    network = BurstNetwork(
        names=tuple(track.name for track in tracks),
        easting_origin=np.array([basis.easting_origin for basis in bases]),
        northing_origin=np.array([basis.northing_origin for basis in bases]),
        scale_m=np.array([basis.scale_m for basis in bases]),
        ties=ties,
        stations=rows,
        from_field=from_field,
    )
    notes = [f"{ties.size} ties between bursts of one direction, {rows.size} stations"]
    notes += [f"the GNSS field stands in for stations in {from_field.size} bursts"] if from_field.size else []
    return ObservedNetwork(network, bases, cells.cluster, gnss, station_burst, station_sample, tuple(notes))


@dataclass(frozen=True)
class _Cells:
    """Blocks of the main cluster of all bursts, burst after burst."""

    crs: str
    begins: Index
    burst: Index
    cluster: Index
    key: Index
    medians: Medians
    gnss_enu: Array
    short_wave_sigma: float

    @property
    def residual(self) -> Array:
        """Velocity minus GNSS field along the LOS, mm/yr."""
        along = np.einsum("ci,ci->c", self.medians.line_of_sight, self.gnss_enu)
        return np.asarray(self.medians.velocity_mm_per_yr - along, dtype=np.float64)

    def rows(self, burst: int) -> slice:
        """Return the rows of a burst."""
        return slice(int(self.begins[burst]), int(self.begins[burst + 1]))


def _cells_of(tracks: Sequence[TrackObservations], field: VelocityField, short_wave_sigma: float) -> _Cells:
    cluster = np.array([_main_cluster(track) for track in tracks], dtype=np.int64)
    kept = [track.blocks.cluster == label for track, label in zip(tracks, cluster, strict=True)]
    count = [int(mask.sum()) for mask in kept]
    burst = np.repeat(np.arange(len(tracks)), count)
    medians = Medians.joined([track.blocks.select(mask) for track, mask in zip(tracks, kept, strict=True)])
    looks_east = np.array([track.blocks.line_of_sight[:, 0].mean() > 0 for track in tracks], dtype=np.int64)
    cell = np.concatenate([track.cell[mask] for track, mask in zip(tracks, kept, strict=True)])
    _, key = np.unique(np.column_stack([looks_east[burst], cell]), axis=0, return_inverse=True)
    begins = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    gnss = np.nan_to_num(field_at(medians, field, tracks[0].crs))
    return _Cells(tracks[0].crs, begins, burst, cluster, key.ravel(), medians, gnss, short_wave_sigma)


def _main_cluster(track: TrackObservations) -> int:
    if not track.blocks.size:
        raise InputError(
            "FID-1061",
            "no block of the burst holds enough points",
            where=f"burst {track.name}",
            fix="leave it out, use smaller blocks, or fewer points a block",
        )
    labels, group = np.unique(track.blocks.cluster, return_inverse=True)
    return int(labels[np.argmax(np.bincount(group.ravel(), track.blocks.point_count))])


def _white_variance(medians: Medians) -> Array:
    points = np.minimum(medians.point_count, _MOST_INDEPENDENT_POINTS)
    return np.asarray((_MEDIAN_EFFICIENCY * medians.sigma_mm_per_yr) ** 2 / points, dtype=np.float64)


def _ties(cells: _Cells, field: VelocityField) -> BurstTies:
    """Tie every two bursts in every cell that they share: by sorting cells, not by comparing bursts."""
    order = np.lexsort((cells.burst, cells.key))
    starts = np.flatnonzero(np.diff(cells.key[order], prepend=-1))
    count = np.diff(np.append(starts, len(order)))
    one, two, cell = [], [], []
    for number in np.unique(count[count > 1]):
        here = starts[count == number]
        i, j = np.triu_indices(number, 1)
        one.append((here[:, None] + i).ravel())
        two.append((here[:, None] + j).ravel())
        cell.append(np.repeat(here, len(i)))
    if not one:
        return BurstTies()
    a, b = order[np.concatenate(one)], order[np.concatenate(two)]
    seen, medians, white = cells.residual, cells.medians, _white_variance(cells.medians)
    short = cells.short_wave_sigma
    shared = np.unique(np.concatenate(cell), return_inverse=True)[1].ravel()
    bursts = np.bincount(cells.key)
    mean = [np.bincount(cells.key, axis) / bursts for axis in (medians.easting, medians.northing)]
    easting, northing = (axis[cells.key[a]] for axis in mean)
    sight = medians.line_of_sight[a] - medians.line_of_sight[b]
    return BurstTies(
        first=cells.burst[a],
        second=cells.burst[b],
        easting=easting,
        northing=northing,
        difference_mm_per_yr=seen[a] - seen[b],
        sigma_mm_per_yr=np.full(len(a), np.sqrt(2.0) * short),
        white_sigma_mm_per_yr=np.sqrt(white[a] + white[b]),
        common_sigma_mm_per_yr=np.sqrt(_field_variance(easting, northing, sight, field, cells.crs)),
        share=shares_in_cells(shared, short**2 + white[a], short**2 + white[b]),
    )


def _field_variance(easting: Array, northing: Array, along: Array, field: VelocityField, crs: str) -> Array:
    """Return the variance of l.v of the field, from the nearest node of a 25-km grid: it changes slowly."""
    place = np.round(np.column_stack([easting, northing]) / _VARIANCE_GRID_M)
    nodes, node = np.unique(place, axis=0, return_inverse=True)
    longitude, latitude = unproject(nodes[:, 0] * _VARIANCE_GRID_M, nodes[:, 1] * _VARIANCE_GRID_M, crs)
    covariance = field.predict(longitude, latitude).covariance_enu.copy()
    if field.models[2].covariance is None:
        covariance[:, 2, :] = covariance[:, :, 2] = 0.0
        covariance[:, 2, 2] = UNKNOWN_UP_SIGMA_MM_PER_YR**2
    variance = np.einsum("ti,tij,tj->t", along, covariance[node.ravel()], along)
    return np.asarray(np.maximum(variance, 0.0), dtype=np.float64)


def _stations(
    tracks: Sequence[TrackObservations], cells: _Cells, gnss: tuple[StationLineOfSight, ...], part: Index
) -> tuple[StationTies, Index, Index]:
    chosen = [
        np.flatnonzero((track.samples.medians.cluster == label) & np.isfinite(seen.velocity_mm_per_yr))
        for track, label, seen in zip(tracks, cells.cluster, gnss, strict=True)
    ]
    burst = np.repeat(np.arange(len(tracks)), [len(rows) for rows in chosen])
    station = np.concatenate([track.samples.station[rows] for track, rows in zip(tracks, chosen, strict=True)])
    # One station seen by several bursts of a part is one station.
    _, same, times = np.unique(np.column_stack([part[burst], station]), axis=0, return_inverse=True, return_counts=True)
    own = [seen.covariance[np.ix_(rows, rows)] for seen, rows in zip(gnss, chosen, strict=True) if len(rows)]
    covariance = coo_array(block_diag(own)) if own else coo_array((0, 0))
    medians = Medians.joined([track.samples.medians.select(rows) for track, rows in zip(tracks, chosen, strict=True)])
    insar, own_variance = cells.short_wave_sigma**2 + _white_variance(medians), covariance.diagonal()
    along = np.concatenate([seen.velocity_mm_per_yr[rows] for seen, rows in zip(gnss, chosen, strict=True)])
    rows = StationTies(
        burst=burst,
        easting=medians.easting,
        northing=medians.northing,
        difference_mm_per_yr=medians.velocity_mm_per_yr - along,
        sigma_mm_per_yr=np.full(len(burst), cells.short_wave_sigma),
        white_sigma_mm_per_yr=np.sqrt(_white_variance(medians)),
        gnss_covariance=covariance,
        names=np.concatenate([track.samples.names[own_rows] for track, own_rows in zip(tracks, chosen, strict=True)]),
        share=(insar + own_variance) / (insar + times[same.ravel()] * own_variance),
    )
    return rows, burst, np.concatenate(chosen)


def _from_field(
    cells: _Cells, field: VelocityField, bases: tuple[PolynomialBasis, ...], part: Index, bursts: Index
) -> FieldTies:
    """Compare bursts with the GNSS field, by the value at their centre of a robust surface of all their cells."""
    if not len(bursts):
        return FieldTies()
    medians, residual, white = cells.medians, cells.residual, _white_variance(cells.medians)
    value, noise, sight = np.empty(len(bursts)), np.empty(len(bursts)), np.empty((len(bursts), 3))
    for k, burst in enumerate(bursts):
        rows, basis = cells.rows(burst), bases[burst]
        place = np.column_stack([medians.easting[rows], medians.northing[rows]]) / 1000.0
        terms = basis.terms if len(place) > 2 * basis.terms else 1
        design = basis.design(medians.easting[rows], medians.northing[rows])[:, :terms]
        # A plane through cells on a line leaves its value at their centre untouched; fit what they do determine.
        terms = terms if np.linalg.matrix_rank(design, tol=1e-3 * np.sqrt(len(place))) == terms else 1
        fit = robust_fit(design[:, :terms], residual[rows], 1.0 / (cells.short_wave_sigma**2 + white[rows]))
        shared = cells.short_wave_sigma**2 * np.exp(-cdist(place, place) / CORRELATION_LENGTH_KM)
        value[k] = fit.estimate[0]
        noise[k] = fit.covariance(shared + np.diag(white[rows]))[0, 0]
        sight[k] = medians.line_of_sight[rows].mean(axis=0)
    easting = np.array([bases[burst].easting_origin for burst in bursts])
    northing = np.array([bases[burst].northing_origin for burst in bursts])
    variance = _field_variance(easting, northing, sight, field, cells.crs)
    variance = variance * _shared_rows(
        np.column_stack(unproject(easting, northing, cells.crs)), sight, field, part[bursts]
    )
    if field.models[2].covariance is None:
        # Nothing is known of up: the field is no field along the line of sight.
        variance = np.full(len(bursts), np.nan)
    return FieldTies(bursts, value, np.sqrt(variance + noise))


def _shared_rows(position_deg: Array, sight: Array, field: VelocityField, part: Index) -> Array:
    """Return the sum of the correlations of the field with the other rows of the part, itself included."""
    times = np.ones(len(part))
    for one in np.unique(part):
        rows = np.flatnonzero(part == one)
        if len(rows) > _MOST_CORRELATED:
            times[rows] = len(rows)
        elif len(rows) > 1 and field.models[2].covariance is not None:
            covariance = field.covariance_of_projection(position_deg[rows, 0], position_deg[rows, 1], sight[rows])
            sigma = np.sqrt(np.diag(covariance))
            times[rows] = np.abs(covariance / np.outer(sigma, sigma)).sum(axis=1)
    return times

"""The unknowns of the joint adjustment: regional field, long-wave errors of tracks, offsets of bursts and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, cho_solve
from scipy.sparse import coo_array, csc_array, csr_array, hstack
from scipy.spatial.distance import cdist

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import factorise, great_circle_km, unit_vectors
from fiducial.geodesy.interpolation import covering_grid, unproject
from fiducial.motion.calibration.bases import SplineBasis
from fiducial.motion.calibration.gnss import UNKNOWN_UP_SIGMA_MM_PER_YR
from fiducial.motion.calibration.network_cells import NetworkCells
from fiducial.motion.calibration.network_model import (
    BURST_SIGMA_MM_PER_YR,
    CLUSTER_SIGMA_MM_PER_YR,
    OFFSET_SIGMA_MM_PER_YR,
    NetworkModel,
    matern,
    slope_prior,
)

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_NODES_A_LENGTH: Final = 3.0
_FIELD_SPACING_KM: Final = (20.0, 50.0)
_MOST_FIELD_NODES: Final = 400
_UNKNOWN_UP_LENGTH_KM: Final = 100.0
_JITTER: Final = 1e-4
_TINY: Final = 1e-12


@dataclass(frozen=True)
class RegionalField:
    """The GNSS velocity field at cells, and at nodes where the adjustment may correct it.

    Attributes
    ----------
    along_mm_per_yr : ndarray, shape (cell,)
        Predicted velocity along the LOS of each cell.
    operator : csr_array, shape (cell, 3 * node)
        From corrections of node velocities (all east, all north, all up) to the LOS of the cells.
    covariance : ndarray, shape (3 * node, 3 * node)
        Of the node velocities, from the stations, (mm/yr)^2.
    note : str
    """

    along_mm_per_yr: Array
    operator: csr_array
    covariance: Array
    note: str

    def between(self, chosen: Index) -> Array:
        """Return the covariance of the LOS velocities of some cells."""
        operator = self.operator[chosen]
        return np.asarray(operator @ (operator @ self.covariance).T, dtype=np.float64)


def regional_field(cells: NetworkCells, field: VelocityField) -> RegionalField:
    """Predict the GNSS velocity field, with covariance, where the cells are.

    Notes
    -----
    Nodes a third of the shortest correlation length apart (20 to 50 km). An up that no station tells is
    0 +- 3 mm/yr, correlated over 100 km.
    """
    lengths = [model.covariance.length_km for model in field.models if model.covariance is not None]
    spacing = float(np.clip(min(lengths, default=_FIELD_SPACING_KM[1]) / 3.0, *_FIELD_SPACING_KM)) * 1000.0
    while True:
        grid = covering_grid(cells.easting, cells.northing, spacing)
        weights = grid.bilinear(cells.easting, cells.northing)
        used = np.flatnonzero(np.asarray(weights.sum(axis=0)).ravel() > 0.0)
        if len(used) <= _MOST_FIELD_NODES:
            break
        spacing *= 1.25
    longitude, latitude = (axis[used] for axis in unproject(*grid.nodes, cells.crs))
    axes = np.repeat(np.eye(3), len(used), axis=0)
    covariance = field.covariance_of_projection(np.tile(longitude, 3), np.tile(latitude, 3), axes)
    velocity = field.predict(cells.longitude_deg, cells.latitude_deg, with_covariance=False).velocity_enu_mm_per_yr
    note = f"GNSS field corrected at {len(used)} nodes {spacing / 1000:.0f} km apart"
    if field.models[2].covariance is None:
        vectors = unit_vectors(longitude, latitude)
        up = slice(2 * len(used), None)
        covariance[up, :] = covariance[:, up] = 0.0
        shape = np.exp(-great_circle_km(vectors, vectors) / _UNKNOWN_UP_LENGTH_KM)
        covariance[up, up] = UNKNOWN_UP_SIGMA_MM_PER_YR**2 * shape
        velocity[:, 2] = 0.0
        note += f"; no station has a vertical: up is 0 +- {UNKNOWN_UP_SIGMA_MM_PER_YR:g} mm/yr"
    chosen = weights[:, used]
    operator = hstack([chosen.multiply(cells.sight[:, [axis]]) for axis in range(3)], format="csr")
    along = np.einsum("ci,ci->c", cells.sight, velocity)
    return RegionalField(along, csr_array(operator), covariance, note)


@dataclass(frozen=True)
class NetworkDesign:
    """Linear model of the cells: residual = L u + A x + noise.

    Attributes
    ----------
    local : csc_array, shape (cell, site)
        L: vertical motion of each site along the LOS.
    design : csr_array, shape (cell, unknown)
        A.
    prior_precision : ndarray, shape (unknown, unknown)
        Of x; block-diagonal.
    bases : tuple of SplineBasis
        Long-wave errors of each track.
    track_columns, burst_columns : tuple of slice
        Columns of each track's splines, and of each burst's offset and slopes (empty for the only burst of a track).
    cluster_columns : tuple of dict
        For each burst, column of each unwrapping cluster; empty where there is only one.
    burst_centre_m : ndarray, shape (burst, 2)
        Origin of the slopes of each burst.
    """

    local: csc_array
    design: csr_array
    prior_precision: Array
    bases: tuple[SplineBasis, ...]
    track_columns: tuple[slice, ...]
    burst_columns: tuple[slice, ...]
    cluster_columns: tuple[dict[int, int], ...]
    burst_centre_m: Array


def design_network(cells: NetworkCells, field: RegionalField, model: NetworkModel) -> NetworkDesign:
    """Set up design matrix and prior of the joint adjustment.

    Notes
    -----
    n(x) of a track is a bicubic spline with nodes at a third of its correlation length; the prior of the coefficients
    is T K T' with K the Matern covariance (plus offset and slope) at the nodes and T the quasi-interpolation.
    """
    columns: list[csr_array] = [field.operator]
    jitter = _JITTER * float(np.trace(field.covariance)) / len(field.covariance)
    blocks = [_inverse(field.covariance + max(jitter, _TINY) * np.eye(len(field.covariance)))]
    count = field.operator.shape[1]
    bases, track_columns = [], []
    for track in range(len(cells.track_names)):
        rows = np.flatnonzero(cells.track == track)
        spacing = 1000.0 * model.nuisance_length_km / _NODES_A_LENGTH
        basis = SplineBasis.covering(*_extent(cells, rows), spacing)
        terms, weights = basis.local(cells.easting[rows], cells.northing[rows])
        entries = (weights.ravel(), (np.repeat(rows, 16), terms.ravel()))
        columns.append(csr_array(coo_array(entries, shape=(cells.size, basis.terms))))
        blocks.append(_inverse(_spline_prior(basis, model, slope_prior(cells.easting[rows], cells.northing[rows]))))
        bases.append(basis)
        track_columns.append(slice(count, count + basis.terms))
        count += basis.terms
    share = np.bincount(cells.burst, minlength=len(cells.burst_names))
    sums = [np.bincount(cells.burst, axis, len(share)) for axis in (cells.easting, cells.northing)]
    centre = np.column_stack(sums) / np.maximum(share, 1)[:, None]
    burst_columns, cluster_columns, private, private_precision = _private_columns(cells, count, centre)
    if private is not None:
        columns.append(private)
        blocks.append(private_precision)
    entries = (cells.sight[:, 2], (np.arange(cells.size), cells.site))
    local = csc_array(coo_array(entries, shape=(cells.size, len(cells.site_easting))))
    design = csr_array(hstack(columns, format="csr"))
    return NetworkDesign(
        local, design, block_diag(*blocks), tuple(bases), tuple(track_columns), burst_columns, cluster_columns, centre
    )


def burst_basis(cells: NetworkCells, burst: int, basis: SplineBasis) -> tuple[SplineBasis, Index]:
    """Return the part of a track's basis that supports one of its bursts, and which terms of the track those are."""
    part = SplineBasis.covering(*_extent(cells, np.flatnonzero(cells.burst == burst)), basis.spacing_m)
    column = round((part.easting_origin - basis.easting_origin) / basis.spacing_m)
    row = round((part.northing_origin - basis.northing_origin) / basis.spacing_m)
    terms = (row + np.arange(part.rows))[:, None] * basis.columns + column + np.arange(part.columns)
    return part, terms.ravel()


def _extent(cells: NetworkCells, rows: NDArray[np.intp]) -> tuple[Array, Array]:
    """Return the corners of some cells, whole cells around their mean positions: points lie up to there."""
    margin = cells.size_m * np.array([-1.0, 1.0])
    easting, northing = cells.easting[rows], cells.northing[rows]
    return (
        np.array([easting.min(), easting.max()]) + margin,
        np.array([northing.min(), northing.max()]) + margin,
    )


def burst_terms(easting: Array, northing: Array, centre_m: Array) -> Array:
    """Return offset and slopes (per 100 km) of a burst at points in metres, shape (point, 3)."""
    return np.column_stack([np.ones(len(easting)), (easting - centre_m[0]) / 1e5, (northing - centre_m[1]) / 1e5])


def _private_columns(
    cells: NetworkCells, first: int, centre: Array
) -> tuple[tuple[slice, ...], tuple[dict[int, int], ...], csr_array | None, Array]:
    """Lay out what bursts and clusters have of their own."""
    count = first
    burst_columns: list[slice] = []
    cluster_columns: list[dict[int, int]] = []
    parts: list[tuple[Array, Index, Index]] = []
    priors: list[Array] = []
    bursts_a_track = np.bincount(cells.track_of_burst, minlength=len(cells.track_names))
    for burst, track in enumerate(cells.track_of_burst):
        rows = np.flatnonzero(cells.burst == burst)
        own = 3 if bursts_a_track[track] > 1 else 0
        burst_columns.append(slice(count, count + own))
        if own:
            terms = burst_terms(cells.easting[rows], cells.northing[rows], centre[burst])
            parts.append((terms.ravel(), np.repeat(rows, 3), np.tile(np.arange(count, count + 3), len(rows))))
            slopes = slope_prior(cells.easting[rows], cells.northing[rows])
            priors += [
                np.array([[1.0 / BURST_SIGMA_MM_PER_YR**2]]),
                np.asarray(np.linalg.inv(slopes), dtype=np.float64),
            ]
        count += own
        labels = np.unique(cells.cluster[rows])
        labels = labels if len(labels) > 1 else labels[:0]
        cluster_columns.append({int(label): count + i for i, label in enumerate(labels)})
        if len(labels):
            column = count + np.searchsorted(labels, cells.cluster[rows])
            parts.append((np.ones(len(rows)), rows, column))
            priors.append(np.eye(len(labels)) / CLUSTER_SIGMA_MM_PER_YR**2)
        count += len(labels)
    if not parts:
        return tuple(burst_columns), tuple(cluster_columns), None, np.empty((0, 0))
    value, row, column = (np.concatenate(part) for part in zip(*parts, strict=True))
    private = csr_array(coo_array((value, (row, column - first)), shape=(cells.size, count - first)))
    return tuple(burst_columns), tuple(cluster_columns), private, block_diag(*priors)


def _spline_prior(basis: SplineBasis, model: NetworkModel, slopes: Array) -> Array:
    position = np.column_stack(basis.nodes) / 1000.0
    hundreds = (position - position.mean(axis=0)) / 100.0
    covariance = model.nuisance_sigma**2 * matern(cdist(position, position), model.nuisance_length_km)
    covariance += OFFSET_SIGMA_MM_PER_YR**2 + hundreds @ slopes @ hundreds.T
    transfer = np.column_stack([basis.coefficients_of(column) for column in np.eye(basis.terms)])
    covariance = transfer @ covariance @ transfer.T
    jitter = _JITTER * model.nuisance_sigma**2
    return np.asarray(0.5 * (covariance + covariance.T) + max(jitter, _TINY) * np.eye(basis.terms))


def _inverse(covariance: Array) -> Array:
    factor = factorise(covariance, "prior of the joint adjustment")
    inverse = cho_solve((factor, True), np.eye(len(covariance)))
    return np.asarray(0.5 * (inverse + inverse.T), dtype=np.float64)

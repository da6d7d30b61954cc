"""Places that two sources of one direction both see: their difference, before and after, and what was predicted of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, triu

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.gnss import field_at
from fiducial.motion.calibration.observations import Medians, TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Kind = Literal["tracks", "bursts"]
Direction = Literal["ascending", "descending"]

CLUSTER_KM: Final = 25.0
"""Neighbouring cells share their errors: the bootstrap draws squares of this side, not cells."""


@dataclass(frozen=True)
class Pair:
    """Two sources of one direction that overlap.

    Attributes
    ----------
    first, second : int
        Numbers of the sources.
    names : tuple of two str
    kind : {"tracks", "bursts"}
        Sources of two relative orbits, or of one.
    direction : {"ascending", "descending"}
    """

    first: int
    second: int
    names: tuple[str, str]
    kind: Kind
    direction: Direction


@dataclass(frozen=True)
class OverlapCells:
    """All cells that pairs of sources share, in one table.

    Attributes
    ----------
    pairs : tuple of Pair
    pair : ndarray of int, shape (cell,)
        Row in ``pairs``.
    first, second : ndarray of int, shape (cell,)
        Blocks of the two sources, counted through the blocks of all sources.
    before_mm_per_yr : ndarray, shape (cell,)
        v_1 - v_2 - (l_1 - l_2).v_GNSS of the sources as they came.
    cluster : ndarray of int, shape (cell,)
        Square of 25 km that the cell lies in.
    """

    pairs: tuple[Pair, ...]
    pair: Index
    first: Index
    second: Index
    before_mm_per_yr: Array
    cluster: Index

    @property
    def size(self) -> int:
        """Number of cells, of all pairs together."""
        return len(self.pair)

    def of(self, kind: Kind, direction: Direction) -> NDArray[np.bool_]:
        """Tell which cells belong to pairs of a kind and direction; shape (cell,)."""
        wanted = np.array([one.kind == kind and one.direction == direction for one in self.pairs], dtype=bool)
        return wanted[self.pair] if len(self.pairs) else np.zeros(0, dtype=bool)


@dataclass(frozen=True)
class BlockSurfaces:
    """Correction surfaces at the blocks of all sources, in one table.

    Attributes
    ----------
    surface_mm_per_yr, sigma_mm_per_yr : ndarray, shape (block,)
    noise_variance : ndarray, shape (block,)
        Of the InSAR of its source, (mm/yr)^2.
    """

    surface_mm_per_yr: Array
    sigma_mm_per_yr: Array
    noise_variance: Array


def direction_of(track: TrackObservations) -> Direction:
    """Return the direction of flight; a satellite that looks right sees the ground from the west going north."""
    return "ascending" if track.blocks.line_of_sight[:, 0].mean() < 0 else "descending"


def sources_that_meet(tracks: Sequence[TrackObservations]) -> list[tuple[int, int]]:
    """Return the pairs of sources of one direction that share a cell, by number; each once, in order.

    Raises
    ------
    InputError
        FID-1063 when the blocks of two sources cannot be matched.

    Notes
    -----
    Rows of a product of sparse matrices, source by cell: the cost grows with the sources, not with their square.
    """
    seen = [number for number, track in enumerate(tracks) if track.blocks.size]
    for number in seen[1:]:
        _require_matching(tracks[seen[0]], tracks[number])
    if not seen:
        return []
    source = np.repeat(seen, [len(tracks[number].cell) for number in seen])
    cell = np.unique(np.concatenate([tracks[number].cell for number in seen]), axis=0, return_inverse=True)[1].ravel()
    ascends = np.array([direction_of(tracks[number]) == "ascending" for number in seen])
    column = cell + (int(cell.max()) + 1) * np.repeat(ascends, [len(tracks[number].cell) for number in seen])
    incidence = csr_array((np.ones(len(cell)), (source, column)), shape=(len(tracks), int(column.max()) + 1))
    met = triu(incidence @ incidence.T, k=1, format="csr")
    first, second = met.nonzero()
    order = np.lexsort((second, first))
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def _require_matching(first: TrackObservations, second: TrackObservations) -> None:
    if first.crs != second.crs or first.block_size_m != second.block_size_m:
        raise InputError(
            "FID-1063",
            "the blocks of the two tracks differ in size or map projection",
            where=f"tracks {first.name}, {second.name}",
            fix="observe both with the same block size and projection",
        )


def common_cells(first: TrackObservations, second: TrackObservations) -> tuple[Index, Index]:
    """Return the blocks of two tracks that lie in the same cells, each of shape (cell,).

    Where unwrapping clusters meet in a cell, the one with the most points stands for it.

    Raises
    ------
    InputError
        FID-1063 when the blocks of the tracks cannot be matched.
    """
    _require_matching(first, second)
    lowest = np.minimum(first.cell.min(axis=0, initial=0), second.cell.min(axis=0, initial=0))
    width = max(int(first.cell[:, 1].max(initial=0)), int(second.cell[:, 1].max(initial=0))) - int(lowest[1]) + 1
    keys, rows = [], []
    for track in (first, second):
        fullest = np.argsort(-track.blocks.point_count, kind="stable")
        key = (track.cell[:, 0] - lowest[0]) * width + (track.cell[:, 1] - lowest[1])
        key, at = np.unique(key[fullest], return_index=True)
        keys.append(key)
        rows.append(fullest[at])
    _, one, two = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    return rows[0][one], rows[1][two]


def field_at_blocks(tracks: Sequence[TrackObservations], field: VelocityField) -> Array:
    """Return the GNSS field at the blocks of all tracks, shape (block, 3), mm/yr; NaN where it is unknown.

    Raises
    ------
    InputError
        FID-1063 when the blocks of two sources cannot be matched.
    """
    for track in tracks[1:]:
        _require_matching(tracks[0], track)
    return field_at(Medians.joined([track.blocks for track in tracks]), field, tracks[0].crs)


def difference_before(
    tracks: tuple[TrackObservations, TrackObservations], rows: tuple[Index, Index], gnss: Array
) -> Array:
    """Return v_1 - v_2 - (l_1 - l_2).v_GNSS of matched blocks, shape (cell,), mm/yr.

    Parameters
    ----------
    tracks : tuple of two TrackObservations
    rows : tuple of two ndarray of int, shape (cell,)
    gnss : ndarray, shape (cell, 3)
        Components unknown to the field count as zero here, because the difference of two LOS of the same
        direction hardly sees them.
    """
    a, b = tracks[0].blocks.select(rows[0]), tracks[1].blocks.select(rows[1])
    seen = np.nansum((a.line_of_sight - b.line_of_sight) * gnss, axis=1)
    return np.asarray(a.velocity_mm_per_yr - b.velocity_mm_per_yr - seen)


def block_starts(tracks: Sequence[TrackObservations]) -> Index:
    """Return where the blocks of each track begin in the table of all blocks, and their number at the end."""
    return np.cumsum([0, *(track.blocks.size for track in tracks)]).astype(np.intp)


def overlap_cells(tracks: Sequence[TrackObservations], gnss: Array) -> OverlapCells:
    """Return all cells that two sources of one direction share.

    Parameters
    ----------
    tracks : sequence of TrackObservations
    gnss : ndarray, shape (block, 3)
        Field at the blocks of all tracks (`field_at_blocks`).

    Raises
    ------
    InputError
        FID-1063 when the blocks of two sources cannot be matched.
    """
    starts = block_starts(tracks)
    pairs: list[Pair] = []
    found: list[tuple[Index, ...]] = []
    before: list[Array] = []
    for i, j in sources_that_meet(tracks):
        first, second = tracks[i], tracks[j]
        one, two = common_cells(first, second)
        kind: Kind = "bursts" if first.track == second.track else "tracks"
        square = np.floor(first.cell[one] * first.block_size_m / (1000.0 * CLUSTER_KM)).astype(np.int64)
        found.append((np.full(len(one), len(pairs)), starts[i] + one, starts[j] + two, square[:, 0], square[:, 1]))
        before.append(difference_before((first, second), (one, two), gnss[starts[i] + one]))
        pairs.append(Pair(i, j, (first.name, second.name), kind, direction_of(first)))
    if not pairs:
        none = np.zeros(0, dtype=np.intp)
        return OverlapCells((), none, none, none, np.zeros(0), none)
    pair, one, two, row, column = (np.concatenate(part) for part in zip(*found, strict=True))
    cluster = np.unique(np.column_stack([row, column]), axis=0, return_inverse=True)[1].ravel()
    return OverlapCells(tuple(pairs), pair, one, two, np.concatenate(before), np.asarray(cluster, dtype=np.intp))


def surfaces_at_blocks(result: CalibrationResult, tracks: Sequence[TrackObservations]) -> BlockSurfaces:
    """Return the surfaces of a calibration at the blocks of all tracks; NaN for tracks that it does not hold."""
    starts = block_starts(tracks)
    surface, sigma, noise = (np.full(int(starts[-1]), np.nan) for _ in range(3))
    held = {track.surface.track for track in result.tracks}
    for number, track in enumerate(tracks):
        if track.name not in held:
            continue
        rows, found = slice(starts[number], starts[number + 1]), result.track(track.name)
        where = track.blocks.easting, track.blocks.northing, track.blocks.cluster
        surface[rows] = found.surface.surface_mm_per_yr(*where)
        sigma[rows] = found.surface.sigma_mm_per_yr(*where)
        noise[rows] = found.noise.sigma**2 + found.noise.nugget**2
    return BlockSurfaces(surface, sigma, noise)


def difference_after(cells: OverlapCells, first_surface: Array, second_surface: Array) -> Array:
    """Return the difference of the calibrated sources in each cell, shape (cell,), mm/yr.

    Parameters
    ----------
    cells : OverlapCells
    first_surface, second_surface : ndarray, shape (block,)
        Surfaces at all blocks; two tables, so that the sides may come from different calibrations.
    """
    return np.asarray(cells.before_mm_per_yr - first_surface[cells.first] + second_surface[cells.second])


def difference_sigma(cells: OverlapCells, surfaces: BlockSurfaces) -> Array:
    """Return the predicted sigma of `difference_after` of one calibration, shape (cell,), mm/yr.

    Notes
    -----
    sqrt(sigma_1^2 + sigma_2^2 + noise_1 + noise_2): the surfaces are taken as independent, as the recipe reports
    them one by one. They are not: both lean on the same GNSS field, and a joint adjustment ties them to each other.
    Both make the true sigma of a difference smaller than this, so that chi below 1 is no surprise here.
    """
    variance = surfaces.sigma_mm_per_yr**2 + surfaces.noise_variance
    return np.asarray(np.sqrt(variance[cells.first] + variance[cells.second]))

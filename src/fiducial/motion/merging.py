"""Several observations of one place become one: doubles in the overlaps of bursts, cells of a raster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from fiducial.errors import InputError
from fiducial.timescales import Epochs

Float64 = NDArray[np.float64]
Integers = NDArray[np.int64]

DUPLICATE_DISTANCE_M: Final = 10.0
"""Geolocation of EGMS points is specified as better than 10 m (EGMS-D6-PDD v3.0)."""

MAXIMUM_DISTANCE_M: Final = 100.0


@dataclass(frozen=True)
class BurstPoints:
    """Points of several bursts, as far as doubles are concerned; every array has shape (point,).

    Attributes
    ----------
    easting, northing : ndarray of float64
        Metres, EPSG:3035.
    track, burst, swath : ndarray of int64
        Whose point it is.
    temporal_coherence : ndarray of float64
        0..1; NaN where unknown, which is the worst.
    rmse_mm : ndarray of float64
        NaN where unknown, which is the worst.
    """

    easting: Float64
    northing: Float64
    track: Integers
    burst: Integers
    swath: Integers
    temporal_coherence: Float64
    rmse_mm: Float64


@dataclass(frozen=True)
class OverlapCount:
    """Doubles of two bursts of one track: how many points of each gave way to the other.

    Attributes
    ----------
    track : int
    first, second : tuple of int
        Burst and sub-swath.
    dropped_first, dropped_second : int
    """

    track: int
    first: tuple[int, int]
    second: tuple[int, int]
    dropped_first: int
    dropped_second: int


@dataclass(frozen=True)
class DuplicateResolution:
    """Which points stay.

    Attributes
    ----------
    keep : ndarray of bool, shape (point,)
    replaced_by : ndarray of int64, shape (point,)
        Index of the best kept point that a dropped one gave way to; -1 for kept ones.
    overlaps : tuple of OverlapCount
        Pairs of bursts with doubles.
    """

    keep: NDArray[np.bool_]
    replaced_by: Integers
    overlaps: tuple[OverlapCount, ...]

    @property
    def dropped(self) -> int:
        """Number of points that gave way."""
        return int((~self.keep).sum())


def _near(points: BurstPoints, members: Integers, low: Float64, high: Float64) -> Integers:
    """Return the members inside a box."""
    position = np.column_stack([points.easting[members], points.northing[members]])
    return members[np.all((position >= low) & (position <= high), axis=1)]


def _close_pairs(points: BurstPoints, distance_m: float) -> Iterator[tuple[Integers, Integers]]:
    """Give indices of points closer than the distance, one pair of bursts of the same track after the other."""
    identity = np.column_stack([points.track, points.burst, points.swath])
    bursts, member_of = np.unique(identity, axis=0, return_inverse=True)
    position = np.column_stack([points.easting, points.northing])
    members = [np.flatnonzero(member_of.ravel() == number) for number in range(len(bursts))]
    boxes = [(position[own].min(axis=0) - distance_m, position[own].max(axis=0) + distance_m) for own in members]
    for one, other in combinations(range(len(bursts)), 2):
        if bursts[one, 0] != bursts[other, 0]:
            continue
        first, second = _near(points, members[one], *boxes[other]), _near(points, members[other], *boxes[one])
        if not len(first) or not len(second):
            continue
        found = cKDTree(position[first]).sparse_distance_matrix(
            cKDTree(position[second]), distance_m, output_type="ndarray"
        )
        found = found[found["v"] < distance_m]
        yield first[found["i"]], second[found["j"]]


def _quality_rank(points: BurstPoints) -> Integers:
    """Return 0 for the best point: higher coherence, then lower rmse, then lower burst number and sub-swath."""
    coherence = np.nan_to_num(points.temporal_coherence, nan=-np.inf)
    rmse = np.where(np.isnan(points.rmse_mm), np.inf, points.rmse_mm)
    order = np.lexsort((points.swath, points.burst, rmse, -coherence))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def resolve_duplicates(points: BurstPoints, *, distance_m: float = DUPLICATE_DISTANCE_M) -> DuplicateResolution:
    """Keep the better one of two points that different bursts of one track have at the same place.

    Parameters
    ----------
    points : BurstPoints
    distance_m : float
        Ground distance below which two points are the same place; more than 0, at most 100 m.

    Returns
    -------
    DuplicateResolution
        Every dropped point has a better kept one of another burst of its track within the distance, and no two
        kept points of different bursts of one track are that close. Points of one burst never compete, nor do
        points of different tracks, whose lines of sight differ. The result does not depend on the order of the
        points.

    Raises
    ------
    InputError
        FID-1088 when the distance is of no use.

    Notes
    -----
    Better is: higher temporal coherence, then lower rmse, then lower burst number, then lower sub-swath. Points are
    decided from the best downwards (the lexicographically first maximal independent set), so that a point does not
    give way to one that itself gives way to a third.
    """
    if not 0.0 < distance_m <= MAXIMUM_DISTANCE_M:
        raise InputError(
            "FID-1088",
            f"points {distance_m:g} m apart cannot be told to be the same or not",
            where="duplicate distance",
            fix=f"give more than 0 and at most {MAXIMUM_DISTANCE_M:g} m",
        )
    size = len(points.easting)
    rank = _quality_rank(points)
    pairs = list(_close_pairs(points, distance_m))
    first = np.concatenate([np.empty(0, np.int64), *(pair[0] for pair in pairs)])
    second = np.concatenate([np.empty(0, np.int64), *(pair[1] for pair in pairs)])
    first_wins = rank[first] < rank[second]
    winner, loser = np.where(first_wins, first, second), np.where(first_wins, second, first)
    keep = _independent(winner, loser, size)
    decided = keep[winner]
    best = np.full(size, size, dtype=np.int64)
    np.minimum.at(best, loser[decided], rank[winner[decided]])
    by_rank = np.empty(size, dtype=np.int64)
    by_rank[rank] = np.arange(size)
    replaced_by = np.where(keep, -1, by_rank[np.minimum(best, max(size - 1, 0))] if size else best)
    return DuplicateResolution(keep, replaced_by, _count(points, keep, replaced_by))


def _independent(winner: Integers, loser: Integers, size: int) -> NDArray[np.bool_]:
    """Decide from the best downwards: a point stays unless a better neighbour stays."""
    keep = np.ones(size, dtype=bool)
    while len(winner):
        beaten = np.zeros(size, dtype=bool)
        beaten[loser] = True
        # Who is beaten by nobody stays for good, so its neighbours go for good.
        keep[loser[~beaten[winner]]] = False
        open_pairs = keep[winner] & keep[loser]
        winner, loser = winner[open_pairs], loser[open_pairs]
    return keep


def _count(points: BurstPoints, keep: NDArray[np.bool_], replaced_by: Integers) -> tuple[OverlapCount, ...]:
    dropped = np.flatnonzero(~keep)
    stayed = replaced_by[dropped]
    table = np.column_stack([
        points.track[dropped],
        points.burst[dropped], points.swath[dropped],
        points.burst[stayed], points.swath[stayed],
    ])  # fmt: skip
    counts: dict[tuple[int, tuple[int, int], tuple[int, int]], list[int]] = {}
    for row, number in zip(*np.unique(table, axis=0, return_counts=True), strict=True):
        track, *loser_winner = (int(value) for value in row)
        loser, winner = (loser_winner[0], loser_winner[1]), (loser_winner[2], loser_winner[3])
        pair = counts.setdefault((track, *sorted((loser, winner))), [0, 0])  # type: ignore[arg-type]
        pair[0 if loser < winner else 1] += int(number)
    return tuple(OverlapCount(*key, *dropped_pair) for key, dropped_pair in sorted(counts.items()))


def union_of_epochs(epochs: Sequence[Epochs]) -> tuple[Epochs, list[Integers]]:
    """Return all dates of several sources, and where each source's dates stand among them.

    Parameters
    ----------
    epochs : sequence of ndarray of datetime64, each strictly increasing
        UTC.

    Examples
    --------
    >>> days = [np.array(["2020-01-03", "2020-01-15"], "M8[ns]"), np.array(["2020-01-09"], "M8[ns]")]
    >>> union_of_epochs(days)[1]
    [array([0, 2]), array([1])]
    """
    union: Epochs = np.unique(np.concatenate(list(epochs)))
    return union, [np.searchsorted(union, one) for one in epochs]


@dataclass(frozen=True)
class CellMedians:
    """Medians on a regular grid of square cells.

    Attributes
    ----------
    value : ndarray of float32, shape (row, column)
        First row in the north; NaN where a cell holds no value.
    west, north : float
        Outer corner of the grid, metres; multiples of the spacing.
    spacing_m : float
    cells : int
        Cells with a value.
    """

    value: NDArray[np.float32]
    west: float
    north: float
    spacing_m: float
    cells: int


def grid_shape(easting: Float64, northing: Float64, spacing_m: float) -> tuple[int, int]:
    """Return rows and columns of the grid that :func:`cell_medians` would make."""
    sides = (northing, easting)
    first, last = ([int(np.floor(pick(side) / spacing_m)) for side in sides] for pick in (np.min, np.max))
    return last[0] - first[0] + 1, last[1] - first[1] + 1


def cell_medians(easting: ArrayLike, northing: ArrayLike, value: ArrayLike, *, spacing_m: float) -> CellMedians:
    """Return the median of the points of every cell of a grid aligned to multiples of the spacing.

    Parameters
    ----------
    easting, northing : array_like, shape (point,)
        Metres of one map projection.
    value : array_like, shape (point,)
        NaN is left out; at least one value is known.
    spacing_m : float
        Side of a cell; a point on an edge belongs to the cell east or north of it, as in EGMS Level 3.
    """
    known = np.isfinite(np.asarray(value, dtype=np.float64))
    x, y, z = (np.asarray(column, dtype=np.float64)[known] for column in (easting, northing, value))
    rows, columns = grid_shape(x, y, spacing_m)
    column, row = (np.floor(side / spacing_m).astype(np.int64) for side in (x, y))
    west, top = int(column.min()), int(row.max())
    cell, member_of = np.unique((top - row) * columns + (column - west), return_inverse=True)
    grid = np.full(rows * columns, np.nan, dtype=np.float32)
    grid[cell] = ndimage.median(z, labels=member_of, index=np.arange(len(cell)))
    return CellMedians(grid.reshape(rows, columns), west * spacing_m, (top + 1) * spacing_m, spacing_m, len(cell))

"""Ortho as the EGMS production makes it: East and Up series of 100 m cells from ascending and descending points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from fiducial.errors import NumericsError
from fiducial.motion.resampling import resample, resampling_matrix
from fiducial.timescales import Epochs, egms_years

CELL_M: Final = 100
_TERMS: Final = 6


@dataclass(frozen=True)
class OrthoSeries:
    """East and Up of cells.

    Attributes
    ----------
    cell_key : ndarray of int64, shape (cell,)
        Row << 32 | column of the cell, increasing: northing first, then easting.
    east_mm, up_mm : ndarray of float64, shape (grid, cell)
        Displacement since the first grid date; NaN where one direction has no data near that date.
    height_m : ndarray of float64, shape (cell,)
        Mean height of all points.
    points : ndarray of int64, shape (cell, 2)
        Number of ascending and descending points.
    condition : ndarray of float64, shape (cell,)
        Condition number of the normal matrix; large where the two lines of sight are nearly parallel.
    """

    cell_key: NDArray[np.int64]
    east_mm: NDArray[np.float64]
    up_mm: NDArray[np.float64]
    height_m: NDArray[np.float64]
    points: NDArray[np.int64]
    condition: NDArray[np.float64]


def cell_keys(easting: ArrayLike, northing: ArrayLike, size_m: int = CELL_M) -> NDArray[np.int64]:
    """Return the key of the map cell of each point, from coordinates in metres EPSG:3035."""
    column = np.floor(np.asarray(easting, dtype=np.float64) / size_m).astype(np.int64)
    row = np.floor(np.asarray(northing, dtype=np.float64) / size_m).astype(np.int64)
    return (row << 32) + column


def cell_centres(keys: NDArray[np.int64], size_m: int = CELL_M) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return easting and northing of cell centres, metres EPSG:3035."""
    half = size_m // 2
    return (keys & 0xFFFFFFFF) * size_m + half, (keys >> 32) * size_m + half


def cell_index(cells: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each key among increasing cells.

    Raises
    ------
    NumericsError
        FID-3042 when a key is none of the cells: the point would be counted into another one.
    """
    index = np.searchsorted(cells, keys)
    if len(keys) and (not len(cells) or np.any(cells[np.minimum(index, len(cells) - 1)] != keys)):
        raise NumericsError(
            "FID-3042",
            "a point lies in none of the cells to solve",
            where="Ortho",
            fix="give only points of those cells",
        )
    return index


def is_ascending(los_east: ArrayLike) -> NDArray[np.bool_]:
    """Tell ascending from descending by the line of sight: a right-looking ascending satellite stands in the west."""
    return np.asarray(los_east) < 0


def solvable_cells(cell_key: NDArray[np.int64], ascending: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the keys of cells with at least one ascending and one descending point, increasing."""
    return np.intersect1d(cell_key[ascending], cell_key[~ascending])


class OrthoAccumulator:
    """Normal equations of cells, filled block by block and solved once.

    Parameters
    ----------
    cell_key : ndarray of int64, shape (cell,)
        Increasing keys of the cells to solve.
    grid : ndarray of datetime64, shape (grid,)
        Common time grid.

    Notes
    -----
    Every point is one equation d = l_e E + l_u U with unit weight (EGMS production, found from tile E45N17;
    the ATBD v4.0 speaks of weights). A point that misses grid dates enters the other dates only.
    """

    def __init__(self, cell_key: NDArray[np.int64], grid: Epochs) -> None:
        cells, epochs = len(cell_key), len(grid)
        self.cell_key = cell_key
        self.grid = grid
        self._normal = np.zeros((cells, 3))
        self._right = np.zeros((2, cells, epochs))
        self._missing: NDArray[np.float64] | None = None
        self._missing_direction: NDArray[np.float64] | None = None
        self._points = np.zeros((cells, 2), dtype=np.int64)
        self._height = np.zeros(cells)

    def add(
        self,
        cell_key: NDArray[np.int64],
        line_of_sight: NDArray[np.float64],
        height_m: NDArray[np.float64],
        series_mm: NDArray[np.float64],
    ) -> None:
        """Add points.

        Parameters
        ----------
        cell_key : ndarray of int64, shape (point,)
            All must be among the cells of the accumulator.
        line_of_sight : ndarray of float64, shape (point, 3)
        height_m : ndarray of float64, shape (point,)
        series_mm : ndarray of float64, shape (grid, point)
            On the common grid, NaN where missing.
        """
        total = self._count(cell_key, line_of_sight, height_m)
        east, up = line_of_sight[:, 0], line_of_sight[:, 2]
        absent = np.isnan(series_mm)
        filled = series_mm if not absent.any() else np.where(absent, 0.0, series_mm)
        by_point = np.ascontiguousarray(filled.T)
        self._right[0] += total(east) @ by_point
        self._right[1] += total(up) @ by_point
        if absent.any():
            gaps = absent.T.astype(np.float64)
            ascending = is_ascending(east)
            if self._missing is None or self._missing_direction is None:
                shape = (len(self.cell_key), len(self.grid))
                self._missing, self._missing_direction = np.zeros((3, *shape)), np.zeros((2, *shape))
            for k, weights in enumerate((east * east, east * up, up * up)):
                self._missing[k] += total(weights) @ gaps
            for k, of_direction in enumerate((ascending, ~ascending)):
                self._missing_direction[k] += total(of_direction.astype(np.float64)) @ gaps

    def add_series(
        self,
        cell_key: NDArray[np.int64],
        line_of_sight: NDArray[np.float64],
        height_m: NDArray[np.float64],
        series_mm: NDArray[np.float32],
        epochs: Epochs,
    ) -> None:
        """Add points on their own dates, brought to the grid as the production does.

        Parameters
        ----------
        cell_key, line_of_sight, height_m
            As in :meth:`add`.
        series_mm : ndarray of float32, shape (epoch, point)
            NaN where missing.
        epochs : ndarray of datetime64, shape (epoch,)

        Notes
        -----
        Sums over points and interpolation in time commute where no date is missing: summing first leaves the
        interpolation of cells instead of points.
        """
        gaps = np.isnan(series_mm).any(axis=0)
        if gaps.any():
            part = resample(series_mm[:, gaps], epochs, self.grid, "nearest")
            self.add(cell_key[gaps], line_of_sight[gaps], height_m[gaps], part)
        matrix = resampling_matrix(epochs, self.grid, "nearest")
        if np.all(np.diff(matrix.indptr) > 0):
            whole = ~gaps if gaps.any() else slice(None)
            total = self._count(cell_key[whole], line_of_sight[whole], height_m[whole])
            by_point = np.ascontiguousarray(series_mm[:, whole].T, dtype=np.float64)
            for k, axis in enumerate((0, 2)):
                sums = np.asarray(total(line_of_sight[whole, axis]) @ by_point)
                self._right[k] += (matrix @ sums.T).T
        elif not gaps.all():
            part = resample(series_mm[:, ~gaps], epochs, self.grid, "nearest")
            self.add(cell_key[~gaps], line_of_sight[~gaps], height_m[~gaps], part)

    def _count(
        self, cell_key: NDArray[np.int64], line_of_sight: NDArray[np.float64], height_m: NDArray[np.float64]
    ) -> Callable[[NDArray[np.float64]], sparse.csr_array]:
        """Take in all but the series; return the maker of matrices that sum weighted points of each cell."""
        index = cell_index(self.cell_key, cell_key)
        east, up = line_of_sight[:, 0], line_of_sight[:, 2]
        shape = (len(self.cell_key), len(index))
        np.add.at(self._points, (index, (~is_ascending(east)).astype(np.int64)), 1)
        self._height += np.bincount(index, weights=height_m, minlength=shape[0])
        for k, product in enumerate((east * east, east * up, up * up)):
            self._normal[:, k] += np.bincount(index, weights=product, minlength=shape[0])

        def total(weights: NDArray[np.float64]) -> sparse.csr_array:
            return sparse.csr_array((weights, (index, np.arange(len(index)))), shape=shape)

        return total

    def solve(self) -> OrthoSeries:
        """Solve every cell and set the model at the first grid date to zero.

        Raises
        ------
        NumericsError
            FID-3040 when no cell has both directions.
        """
        if not len(self.cell_key) or not np.all(self._points > 0):
            raise NumericsError(
                "FID-3040",
                "a cell lacks ascending or descending points",
                where="Ortho",
                fix="solve only cells that both directions cover",
            )
        normal = self._normal.T[:, :, np.newaxis]
        usable = np.ones((1, 1), dtype=bool)
        if self._missing is not None and self._missing_direction is not None:
            normal = normal - self._missing
            usable = np.all(self._points.T[:, :, np.newaxis] - self._missing_direction > 0, axis=0)
        a, b, c = normal
        determinant = a * c - b * b
        with np.errstate(divide="ignore", invalid="ignore"):
            east = np.where(usable, (c * self._right[0] - b * self._right[1]) / determinant, np.nan)
            up = np.where(usable, (a * self._right[1] - b * self._right[0]) / determinant, np.nan)
        full = self._normal
        trace, gap = full[:, 0] + full[:, 2], np.hypot(full[:, 0] - full[:, 2], 2 * full[:, 1])
        with np.errstate(divide="ignore"):
            condition = (trace + gap) / (trace - gap)
        return OrthoSeries(
            self.cell_key,
            set_zero(np.ascontiguousarray(east.T), self.grid),
            set_zero(np.ascontiguousarray(up.T), self.grid),
            self._height / self._points.sum(axis=1),
            self._points,
            condition,
        )


def set_zero(series_mm: NDArray[np.float64], grid: Epochs) -> NDArray[np.float64]:
    """Subtract the model value at the first date from each series.

    Parameters
    ----------
    series_mm : ndarray of float64, shape (grid, cell)
        NaN where missing.
    grid : ndarray of datetime64, shape (grid,)

    Returns
    -------
    ndarray of float64, shape (grid, cell)

    Notes
    -----
    The model is [t^3 t^2 t cos(2 pi t) - 1 sin(2 pi t) 1], t in years of 365 days since the first date: its constant
    is the value at t = 0 (EGMS production, found from tile E45N17). Fewer than six dates cannot tell it: NaN.
    """
    years = egms_years(grid)
    angle = 2 * np.pi * years
    if len(years) < _TERMS:
        return np.full_like(series_mm, np.nan)
    columns = [years**3, years**2, years, np.cos(angle) - 1, np.sin(angle), np.ones_like(years)]
    design = np.stack(columns, axis=1)
    valid = ~np.isnan(series_mm)
    if valid.all():
        return np.asarray(series_mm - np.linalg.pinv(design)[-1] @ series_mm)
    out = np.full_like(series_mm, np.nan)
    patterns, member = np.unique(np.packbits(valid, axis=0), axis=1, return_inverse=True)
    for pattern in range(patterns.shape[1]):
        cells = np.flatnonzero(member.ravel() == pattern)
        present = valid[:, cells[0]]
        if present.sum() >= design.shape[1]:
            block = series_mm[np.ix_(present, cells)]
            out[np.ix_(present, cells)] = block - np.linalg.pinv(design[present])[-1] @ block
    return out

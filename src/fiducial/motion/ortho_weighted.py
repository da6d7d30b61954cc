"""Ortho with weights, north from a velocity model, and formal errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fiducial.motion.ortho import cell_index, is_ascending, set_zero
from fiducial.timescales import Epochs, egms_years

POINT_SIGMA_FLOOR_MM: Final = 0.5
"""No Sentinel-1 scatterer is better; keeps a point with a lucky short series from ruling its cell."""


@dataclass(frozen=True)
class NorthVelocity:
    """North velocity of cells from a velocity model.

    Attributes
    ----------
    velocity_mm_per_yr, sigma_mm_per_yr : ndarray of float64, shape (cell,)
    """

    velocity_mm_per_yr: NDArray[np.float64]
    sigma_mm_per_yr: NDArray[np.float64]


@dataclass(frozen=True)
class WeightedOrtho:
    """East and Up of cells with their errors.

    Attributes
    ----------
    cell_key : ndarray of int64, shape (cell,)
    east_mm, up_mm : ndarray of float64, shape (grid, cell)
        Displacement since the first grid date; NaN where one direction has no data near that date.
    height_m : ndarray of float64, shape (cell,)
    sigma_east_mm, sigma_up_mm, correlation : ndarray of float64, shape (cell,)
        Formal error of one date: noise of the points and error common to the points of a track in the cell.
    north_to_east, north_to_up : ndarray of float64, shape (cell,)
        Change of East and Up for 1 mm (or 1 mm/yr) of north that is in the input and not removed.
    tie_to_east, tie_to_up : ndarray of float64, shape (track, cell)
        Change of East and Up for 1 mm (or 1 mm/yr) added to the line of sight of one track.
    points : ndarray of int64, shape (cell, 2)
        Number of ascending and descending points.
    geometries : ndarray of int64, shape (cell,)
        Number of tracks.
    condition : ndarray of float64, shape (cell,)
        Condition number of the weighted normal matrix.
    """

    cell_key: NDArray[np.int64]
    east_mm: NDArray[np.float64]
    up_mm: NDArray[np.float64]
    height_m: NDArray[np.float64]
    sigma_east_mm: NDArray[np.float64]
    sigma_up_mm: NDArray[np.float64]
    correlation: NDArray[np.float64]
    north_to_east: NDArray[np.float64]
    north_to_up: NDArray[np.float64]
    tie_to_east: NDArray[np.float64]
    tie_to_up: NDArray[np.float64]
    points: NDArray[np.int64]
    geometries: NDArray[np.int64]
    condition: NDArray[np.float64]


def model_residuals(series_mm: NDArray[np.float64], grid: Epochs) -> NDArray[np.float64]:
    """Return residuals of the cubic and annual model, shape (grid, point); columns with gaps become NaN."""
    years = egms_years(grid)
    angle = 2 * np.pi * years
    design = np.stack([years**3, years**2, years, np.ones_like(years), np.cos(angle), np.sin(angle)], axis=1)
    basis, _ = np.linalg.qr(design)
    return np.asarray(series_mm - basis @ (basis.T @ series_mm))


def common_variance_mm2(cell_key: NDArray[np.int64], residuals_mm: NDArray[np.float64]) -> tuple[float, int]:
    """Estimate the variance that points of one track share inside a 100 m cell.

    Parameters
    ----------
    cell_key : ndarray of int64, shape (point,)
    residuals_mm : ndarray of float64, shape (grid, point)
        Model residuals of points of one track; columns with NaN are left out.

    Returns
    -------
    variance_mm2 : float
        Mean covariance of different points of a cell, not below zero; NaN without a cell of two points.
    pairs : int
        Number of point pairs behind it.

    Notes
    -----
    Intraclass covariance by analysis of variance: sum over cells of ((sum_i r_i)^2 - sum_i r_i^2), divided by the
    number of ordered pairs (Fisher 1925). What the points of a cell share (atmosphere, orbit, calibration) does not
    average out with their number, so a formal error without it would be too small.
    """
    whole = ~np.isnan(residuals_mm).any(axis=0)
    _, member, count = np.unique(cell_key[whole], return_inverse=True, return_counts=True)
    pairs = int(np.sum(count * (count - 1)))
    if pairs == 0:
        return np.nan, 0
    residuals = residuals_mm[:, whole]
    cells = sparse.csr_array((np.ones(len(member)), (member, np.arange(len(member)))), shape=(len(count), len(member)))
    sums = np.asarray(cells @ residuals.T)
    total = float(np.sum(sums**2) - np.sum(residuals**2))
    degrees_of_freedom = residuals.shape[0] - 6
    return max(total / (pairs * degrees_of_freedom), 0.0), pairs // 2


class WeightedOrthoAccumulator:
    """Weighted means of cell and track, filled block by block and solved once.

    Parameters
    ----------
    cell_key : ndarray of int64, shape (cell,)
        Increasing keys of the cells to solve.
    grid : ndarray of datetime64, shape (grid,)
    common_sigma_mm : mapping of str to float
        Error that the points of a track share in a cell, by track; gives the order of the tracks.
    """

    def __init__(self, cell_key: NDArray[np.int64], grid: Epochs, common_sigma_mm: Mapping[str, float]) -> None:
        tracks, cells, epochs = len(common_sigma_mm), len(cell_key), len(grid)
        self.cell_key = cell_key
        self.grid = grid
        self.tracks = tuple(common_sigma_mm)
        self._common = np.array(list(common_sigma_mm.values()))
        self._weight = np.zeros((tracks, cells))
        self._weighted_sight = np.zeros((tracks, cells, 3))
        self._weighted_series = np.zeros((tracks, cells, epochs))
        self._missing: NDArray[np.float64] | None = None
        self._points = np.zeros((cells, 2), dtype=np.int64)
        self._height = np.zeros(cells)

    def add(
        self,
        track: str,
        cell_key: NDArray[np.int64],
        line_of_sight: NDArray[np.float64],
        height_m: NDArray[np.float64],
        series_mm: NDArray[np.float64],
        point_sigma_mm: NDArray[np.float64],
    ) -> None:
        """Add points of one track; arguments as in ``OrthoAccumulator.add``, with the noise of each point in mm."""
        k = self.tracks.index(track)
        index = cell_index(self.cell_key, cell_key)
        cells = len(self.cell_key)
        weight = 1.0 / np.maximum(point_sigma_mm, POINT_SIGMA_FLOOR_MM) ** 2
        np.add.at(self._points, (index, (~is_ascending(line_of_sight[:, 0])).astype(np.int64)), 1)
        self._height += np.bincount(index, weights=height_m, minlength=cells)
        self._weight[k] += np.bincount(index, weights=weight, minlength=cells)
        for axis in range(3):
            self._weighted_sight[k, :, axis] += np.bincount(
                index, weights=weight * line_of_sight[:, axis], minlength=cells
            )
        total = sparse.csr_array((weight, (index, np.arange(len(index)))), shape=(cells, len(index)))
        absent = np.isnan(series_mm)
        filled = series_mm if not absent.any() else np.where(absent, 0.0, series_mm)
        self._weighted_series[k] += total @ np.ascontiguousarray(filled.T)
        if absent.any():
            if self._missing is None:
                self._missing = np.zeros_like(self._weighted_series)
            self._missing[k] += total @ absent.T.astype(np.float64)

    def _means(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean series (track, cell, grid) and their weights; a track without data has weight zero."""
        weight = np.broadcast_to(self._weight[:, :, np.newaxis], self._weighted_series.shape)
        if self._missing is not None:
            # What is left of a weight after all its points are missing is rounding, not information.
            weight = np.where(self._missing < (1 - 1e-9) * weight, weight - self._missing, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(weight > 0, self._weighted_series / weight, 0.0)
            inverse = np.where(weight > 0, 1.0 / (1.0 / weight + self._common[:, np.newaxis, np.newaxis] ** 2), 0.0)
        return mean, inverse

    def solve(self, north: NorthVelocity | None, *, start_at_zero: bool = True) -> WeightedOrtho:
        """Solve every cell.

        Parameters
        ----------
        north : NorthVelocity or None
            Removed from the lines of sight; None when the input holds no north any more.
        start_at_zero : bool
            Set the model at the first date to zero, which takes at least six dates.

        Returns
        -------
        WeightedOrtho

        Notes
        -----
        d_k - l_n,k N = l_e,k E + l_u,k U for the weighted mean d_k of every track k, weight
        1 / (1 / sum_i sigma_i^-2 + sigma_k^2); covariance (A' W A)^-1. North is not observable with two looks: left
        in, it leaks into Up by about -0.14 (37 and 39 degrees).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            sight = np.where(
                self._weight[:, :, np.newaxis] > 0, self._weighted_sight / self._weight[:, :, np.newaxis], 0.0
            )
        mean, weight = self._means()
        if north is not None:
            years = egms_years(self.grid)
            mean = mean - (sight[:, :, 1] * north.velocity_mm_per_yr)[:, :, np.newaxis] * years
        east, up = sight[:, :, 0, np.newaxis], sight[:, :, 2, np.newaxis]
        normal = [np.sum(weight * product, axis=0) for product in (east * east, east * up, up * up)]
        right = [np.sum(weight * axis * mean, axis=0) for axis in (east, up)]
        determinant = normal[0] * normal[2] - normal[1] ** 2
        ascending = is_ascending(sight[:, :, 0])[:, :, np.newaxis]
        both = np.any((weight > 0) & ascending, axis=0) & np.any((weight > 0) & ~ascending, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            east_mm = np.where(both, (normal[2] * right[0] - normal[1] * right[1]) / determinant, np.nan)
            up_mm = np.where(both, (normal[0] * right[1] - normal[1] * right[0]) / determinant, np.nan)
        series = [np.ascontiguousarray(one.T) for one in (east_mm, up_mm)]
        return self._result(sight, *(set_zero(one, self.grid) if start_at_zero else one for one in series))

    def _result(
        self, sight: NDArray[np.float64], east_mm: NDArray[np.float64], up_mm: NDArray[np.float64]
    ) -> WeightedOrtho:
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(self._weight > 0, 1.0 / (1.0 / self._weight + self._common[:, np.newaxis] ** 2), 0.0)
            east, north, up = np.moveaxis(sight, 2, 0)
            a, b, c = (np.sum(weight * product, axis=0) for product in (east * east, east * up, up * up))
            determinant = a * c - b * b
            to_east = weight * (c * east - b * up) / determinant
            to_up = weight * (a * up - b * east) / determinant
            gap = np.hypot(a - c, 2 * b)
            return WeightedOrtho(
                cell_key=self.cell_key,
                east_mm=east_mm,
                up_mm=up_mm,
                height_m=self._height / self._points.sum(axis=1),
                sigma_east_mm=np.sqrt(c / determinant),
                sigma_up_mm=np.sqrt(a / determinant),
                correlation=-b / np.sqrt(a * c),
                north_to_east=np.sum(to_east * north, axis=0),
                north_to_up=np.sum(to_up * north, axis=0),
                tie_to_east=to_east,
                tie_to_up=to_up,
                points=self._points,
                geometries=np.sum(self._weight > 0, axis=0),
                condition=(a + c + gap) / (a + c - gap),
            )

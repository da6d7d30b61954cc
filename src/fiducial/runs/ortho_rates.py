"""East and Up rates from calibrated velocity frames: what Ortho is where there are no series."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats.geotiff import RasterFrame, write_like
from fiducial.formats.point_product import PointProduct, is_product
from fiducial.motion.ortho import cell_centres, cell_keys, is_ascending, solvable_cells
from fiducial.motion.ortho_weighted import NorthVelocity, WeightedOrthoAccumulator
from fiducial.runs.ortho import field_at
from fiducial.runs.ortho_inputs import check_frames, check_north, gnss_for
from fiducial.runs.sources import Source, distinct, open_source

DEFAULT_CELL_M: Final = 2_000
_LAYERS: Final = ("E", "U", "E_sigma", "U_sigma")
_COLUMNS: Final = ("easting", "northing", "los_east", "los_north", "los_up", "mean_velocity", "mean_velocity_std")


@dataclass(frozen=True)
class OrthoRates:
    """East and Up velocity of cells.

    Attributes
    ----------
    easting, northing : ndarray of float64, shape (cell,)
        Centres, metres EPSG:3035.
    east_mm_per_yr, up_mm_per_yr, sigma_east_mm_per_yr, sigma_up_mm_per_yr : ndarray of float64, shape (cell,)
        Sigma: pixels, tie of each frame, and north; NaN when a frame states none.
    files : tuple of str
    notes : tuple of str
    """

    easting: NDArray[np.float64]
    northing: NDArray[np.float64]
    east_mm_per_yr: NDArray[np.float64]
    up_mm_per_yr: NDArray[np.float64]
    sigma_east_mm_per_yr: NDArray[np.float64]
    sigma_up_mm_per_yr: NDArray[np.float64]
    files: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "cells": len(self.easting),
            "files": list(self.files),
            "east_mean_mm_per_yr": round(float(np.mean(self.east_mm_per_yr)), 4),
            "up_mean_mm_per_yr": round(float(np.mean(self.up_mm_per_yr)), 4),
            "sigma_east_median_mm_per_yr": _median(self.sigma_east_mm_per_yr),
            "sigma_up_median_mm_per_yr": _median(self.sigma_up_mm_per_yr),
            "notes": list(self.notes),
        }


def _median(values: NDArray[np.float64]) -> float | None:
    return None if np.isnan(values).all() else round(float(np.nanmedian(values)), 4)


def holds_rates(paths: Sequence[Path]) -> bool:
    """Tell whether all sources are products of rates."""
    return bool(paths) and all(is_product(path) and not PointProduct.open(path).manifest.epochs for path in paths)


def _has_sigma(source: Source) -> NDArray[np.bool_]:
    sigma = source.product.attributes(["mean_velocity_std"])["mean_velocity_std"]
    return np.asarray(np.isfinite(sigma) & (sigma > 0))


def _solve(
    sources: Sequence[Source], north: NorthVelocity | None, cells: NDArray[np.int64], cell_m: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return velocity and sigma of cells, each of shape (cell, 2), order east, up."""
    # A rate is a displacement after one year; the system of the series then serves for rates as it is.
    grid = np.array(["2000-01-01", "2000-12-31"], dtype="datetime64[ns]")
    system = WeightedOrthoAccumulator(cells, grid, {source.name: 0.0 for source in sources})
    tie = np.zeros((len(sources), len(cells)))
    centres = [axis.astype(np.float64) for axis in cell_centres(cells, cell_m)]
    stated = all(_has_sigma(source).any() for source in sources)
    for k, source in enumerate(sources):
        columns = source.attributes(_COLUMNS)
        keys = cell_keys(columns["easting"], columns["northing"], cell_m)
        # A pixel without sigma, such as the reference of the frame, has no weight among those that have one.
        inside = np.isin(keys, cells) & (_has_sigma(source) if stated else True)
        sight = np.column_stack([columns[f"los_{axis}"] for axis in ("east", "north", "up")])[inside]
        rate = columns["mean_velocity"][inside]
        sigma = columns["mean_velocity_std"][inside] if stated else np.ones(len(rate))
        system.add(source.name, keys[inside], sight, np.zeros(len(rate)), np.stack([0 * rate, rate]), sigma)
        tie[k] = source.tie_sigma_mm_per_yr(*centres)
    solved = system.solve(north, start_at_zero=False)
    velocity = np.stack([solved.east_mm[1] - solved.east_mm[0], solved.up_mm[1] - solved.up_mm[0]], axis=1)
    variance = np.stack([solved.sigma_east_mm, solved.sigma_up_mm], axis=1) ** 2
    for column, (to_tie, to_north) in enumerate(
        ((solved.tie_to_east, solved.north_to_east), (solved.tie_to_up, solved.north_to_up))
    ):
        variance[:, column] += np.sum((to_tie * tie) ** 2, axis=0)
        if north is not None:
            variance[:, column] += (to_north * north.sigma_mm_per_yr) ** 2
    return velocity, np.sqrt(variance) if stated else np.full_like(variance, np.nan)


def _write(
    out: Path, cells: NDArray[np.int64], cell_m: int, layers: dict[str, NDArray[np.float64]], frame: str
) -> None:
    column, row = cells & 0xFFFFFFFF, cells >> 32
    top, left = int(row.max()), int(column.min())
    shape = (top - int(row.min()) + 1, int(column.max()) - left + 1)
    empty = np.full(shape, np.nan)
    raster = RasterFrame(
        "ortho", empty, empty, np.ones(shape, bool), np.full((*shape, 3), np.nan), empty, empty,
        (float(cell_m), 0.0, float(left * cell_m), 0.0, -float(cell_m), float((top + 1) * cell_m)), "EPSG:3035",
    )  # fmt: skip
    for name, values in layers.items():
        grid = empty.copy()
        grid[top - row, column - left] = values
        what = ("standard deviation of the " if "sigma" in name else "") + ("East" if name.startswith("E") else "Up")
        write_like(out / f"ortho_{name}.tiff", raster, grid, description=f"{what} velocity", unit="mm/yr",
                   tags={"reference_frame": frame})  # fmt: skip


def ortho_rates(
    paths: Sequence[Path],
    out: Path,
    *,
    north_in_input: bool | None,
    table: Path | None = None,
    gnss_frame: str | None = None,
    cell_m: int = DEFAULT_CELL_M,
    overwrite: bool = False,
) -> OrthoRates:
    """Make East and Up velocity from calibrated ascending and descending frames.

    Parameters
    ----------
    paths : sequence of Path
        Calibrated products of rates.
    out : Path
        Folder of ``ortho_E.tiff``, ``ortho_U.tiff`` and their sigmas, EPSG:3035.
    north_in_input : bool or None
        Whether the lines of sight still hold north; must be stated.
    table, gnss_frame
        GNSS velocities to remove north with, in the frame of the sources.
    cell_m : int
        Side of a cell; pixels of both directions must fall into it.
    overwrite : bool

    Raises
    ------
    InputError
        FID-1002 output exists, FID-1003 north not stated, FID-1006 one direction only, FID-1033 relative source, FID-1034 frames.
    """
    check_north(north_in_input, table)
    files = tuple(f"ortho_{name}.tiff" for name in _LAYERS)
    existing = [out / name for name in files if (out / name).exists()]
    if existing and not overwrite:
        raise InputError(
            "FID-1002",
            "output exists already",
            where=str(existing[0]),
            fix="choose another folder, remove it, or allow overwriting",
        )
    with tempfile.TemporaryDirectory(prefix="fiducial-") as work:
        sources = [open_source(path, Path(work)) for path in distinct(paths)]
        frame = check_frames(sources)
        gnss = gnss_for(sources, table, gnss_frame)
        columns = [source.product.attributes(["easting", "northing", "los_east"]) for source in sources]
    known = [_has_sigma(source) for source in sources]
    known = known if all(one.any() for one in known) else [np.ones_like(one) for one in known]
    keys = np.concatenate([
        cell_keys(one["easting"], one["northing"], cell_m)[mask] for one, mask in zip(columns, known, strict=True)
    ])  # fmt: skip
    ascending = [is_ascending(one["los_east"])[mask] for one, mask in zip(columns, known, strict=True)]
    cells = solvable_cells(keys, np.concatenate(ascending))
    if not len(cells):
        raise InputError(
            "FID-1006",
            f"no cell of {cell_m} m is seen from both directions",
            where="SRC",
            fix="give ascending and descending frames of the same area, or larger cells",
        )
    easting, northing = (axis.astype(np.float64) for axis in cell_centres(cells, cell_m))
    north = None
    if gnss is not None and north_in_input:
        field, sigma = field_at(gnss, easting, northing)
        north = NorthVelocity(field[:, 1], sigma)
    velocity, sigma = _solve(sources, north, cells, cell_m)
    layers = dict(zip(_LAYERS, (*velocity.T, *sigma.T), strict=True))
    out.mkdir(parents=True, exist_ok=True)
    _write(out, cells, cell_m, layers, frame)
    notes = (
        f"frame {frame}; {len(sources)} frames, cells of {cell_m} m",
        "north: " + ("removed with the GNSS field" if north is not None else "stated to be removed already"),
        *(gnss.notes if gnss is not None else ()),
    )
    return OrthoRates(easting, northing, velocity[:, 0], velocity[:, 1], sigma[:, 0], sigma[:, 1], files, notes)

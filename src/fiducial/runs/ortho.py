"""Ortho: East and Up tiles from ascending and descending products, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.formats.product_manifest import REQUIREMENTS, Requirement, Tie
from fiducial.geodesy.interpolation import covering_grid, unproject
from fiducial.motion.identifiers import decode_points
from fiducial.motion.ortho import OrthoAccumulator, OrthoSeries, cell_centres
from fiducial.motion.ortho_weighted import (
    NorthVelocity,
    WeightedOrtho,
    WeightedOrthoAccumulator,
    common_variance_mm2,
    model_residuals,
)
from fiducial.motion.resampling import TimeInterpolation, resample
from fiducial.motion.statistics import consistent_velocity, egms_statistics
from fiducial.runs.gnss import Gnss
from fiducial.runs.ingest import provenance_id
from fiducial.runs.ortho_inputs import OrthoInputs, check_north, gnss_for, open_inputs, read_cells, release_window
from fiducial.runs.ortho_writer import TILE_M, ComponentCells, TileInfo, TileWriter, level3_metadata
from fiducial.runs.progress import progress
from fiducial.timescales import Epochs

Mode = Literal["official", "best"]

_BUDGET_BYTES: Final = 400 << 20
_SAMPLE_GROUPS: Final = 3
_FIELD_SPACING_M: Final = 5_000.0
_COLUMNS: Final = ("easting", "northing", "height", "los_east", "los_north", "los_up")


@dataclass(frozen=True)
class OrthoOptions:
    """How to make the Ortho.

    Attributes
    ----------
    mode : str
        ``official`` as the EGMS production; ``best`` with weights, north and formal errors.
    north_in_input : bool or None
        Whether the lines of sight still hold the north motion; must be stated for ``best``.
    time : str
        Interpolation in time of ``best``; ``official`` takes the nearest sample.
    tile : str or None
        Only this tile of 100 km, such as ``E44N27``; all that the sources reach by default.
    overwrite : bool
    """

    mode: Mode = "official"
    north_in_input: bool | None = None
    time: TimeInterpolation = "linear"
    tile: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class TileResult:
    """A tile that was written.

    Attributes
    ----------
    name_east, name_up : str
        Stems of the files.
    cells : int
    velocity_mm_per_yr : ndarray of float64, shape (cell, 2)
        Mean velocity east and up, not rounded.
    official_velocity_mm_per_yr : ndarray of float64, shape (cell, 2) or None
        The same of the production algorithm, in ``best`` mode.
    displacement_difference_rms_mm : tuple of float
        East and up, ``best`` minus ``official``; NaN in ``official`` mode.
    """

    name_east: str
    name_up: str
    cells: int
    velocity_mm_per_yr: NDArray[np.float64]
    official_velocity_mm_per_yr: NDArray[np.float64] | None
    displacement_difference_rms_mm: tuple[float, float]


@dataclass(frozen=True)
class OrthoResult:
    """What an Ortho run made.

    Attributes
    ----------
    tiles : tuple of TileResult
    notes : tuple of str
    common_sigma_mm : dict of str to float
        Error shared by the points of a track in a cell, by track (``best`` only).
    elsewhere : tuple of int
        Sources that do not reach the tile, by number.
    """

    tiles: tuple[TileResult, ...]
    notes: tuple[str, ...]
    common_sigma_mm: dict[str, float]
    elsewhere: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the difference between the modes."""
        return {
            "tiles": [
                {
                    "east": tile.name_east,
                    "up": tile.name_up,
                    "cells": tile.cells,
                    "mean_velocity_mm_per_yr": dict(zip(("east", "up"), _means(tile.velocity_mm_per_yr), strict=True)),
                    "best_minus_official": _difference(tile),
                }
                for tile in self.tiles
            ],
            "notes": list(self.notes),
            "common_sigma_mm": {k: None if np.isnan(v) else v for k, v in self.common_sigma_mm.items()},
        }


def _means(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in np.nanmean(values, axis=0)]


def _difference(tile: TileResult) -> dict[str, dict[str, float]] | None:
    if tile.official_velocity_mm_per_yr is None:
        return None
    difference = tile.velocity_mm_per_yr - tile.official_velocity_mm_per_yr
    return {
        component: {
            "velocity_mean_mm_per_yr": round(float(np.nanmean(difference[:, k])), 4),
            "velocity_std_mm_per_yr": round(float(np.nanstd(difference[:, k])), 4),
            "velocity_largest_mm_per_yr": round(float(np.nanmax(np.abs(difference[:, k]))), 4),
            "displacement_rms_mm": round(tile.displacement_difference_rms_mm[k], 4),
        }
        for k, component in enumerate(("east", "up"))
    }


def _common_sigma(inputs: OrthoInputs) -> dict[str, float]:
    """Estimate the error that points of a track share in a cell, from the first row groups of each source.

    NaN for a track without a cell of two points.
    """
    sums: dict[str, list[tuple[float, int]]] = {track: [] for track in inputs.tracks}
    for index, source in enumerate(inputs.sources):
        for group in range(min(source.product.row_groups, _SAMPLE_GROUPS)):
            start, stop = source.product.bounds(group)
            block = source.product.block(group, ["easting"])
            residuals = model_residuals(block.displacement_mm.astype(np.float64), block.epochs)
            sums[inputs.tracks[index]].append(common_variance_mm2(inputs.keys[index][start:stop], residuals))
    result = {}
    for track, parts in sums.items():
        pairs = sum(count for _, count in parts)
        variance = sum(value * count for value, count in parts if count) / pairs if pairs else np.nan
        result[track] = float(np.sqrt(variance))
    return result


def field_at(
    gnss: Gnss, easting: NDArray[np.float64], northing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return E, N, U and the sigma of N at cells; predicted on a 5 km grid, far finer than the field varies."""
    grid = covering_grid(easting, northing, _FIELD_SPACING_M)
    prediction = gnss.field.predict(*unproject(*grid.nodes, "EPSG:3035"))
    weights = grid.bilinear(easting, northing)
    sigma = weights @ np.sqrt(prediction.covariance_enu[:, 1, 1])
    return weights @ prediction.velocity_enu_mm_per_yr, np.asarray(sigma)


def _centres(cells: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    easting, northing = cell_centres(cells)
    return easting.astype(np.float64), northing.astype(np.float64)


def _official(inputs: OrthoInputs, cells: NDArray[np.int64]) -> tuple[OrthoSeries, dict[str, NDArray[Any]]]:
    system = OrthoAccumulator(cells, inputs.grid)
    for _, keys, block in read_cells(inputs, cells, _COLUMNS):
        system.add_series(keys, block.line_of_sight(), block.attributes["height"], block.displacement_mm, block.epochs)
    solved = system.solve()
    extra = {
        "points_ascending": solved.points[:, 0],
        "points_descending": solved.points[:, 1],
        "condition": solved.condition,
    }
    return solved, extra


def _best(
    inputs: OrthoInputs,
    cells: NDArray[np.int64],
    common: Mapping[str, float],
    options: OrthoOptions,
    north: NorthVelocity | None,
) -> tuple[WeightedOrtho, dict[str, dict[str, NDArray[Any]]]]:
    # Weights must be numbers; where the common error is unknown, the sigma of a date is given as unknown below.
    known = {track: 0.0 if np.isnan(sigma) else sigma for track, sigma in common.items()}
    system = WeightedOrthoAccumulator(cells, inputs.grid, known)
    for index, keys, block in read_cells(inputs, cells, _COLUMNS):
        track = inputs.tracks[index]
        total = egms_statistics(block.displacement_mm, block.epochs, wavelength_mm=None).rmse
        sigma = np.sqrt(np.maximum(np.nan_to_num(total, nan=np.inf) ** 2 - known[track] ** 2, 0.0))
        series = resample(block.displacement_mm, block.epochs, inputs.grid, options.time)
        usable = np.isfinite(sigma)
        system.add(track, keys[usable], block.line_of_sight()[usable], block.attributes["height"][usable],
                   series[:, usable], sigma[usable])  # fmt: skip
    solved = system.solve(north if options.north_in_input else None)
    tie = _tie_sigma(inputs, cells, system.tracks)
    extras = {}
    for component, series, sigma_mm, to_tie, to_north in (
        ("E", solved.east_mm, solved.sigma_east_mm, solved.tie_to_east, solved.north_to_east),
        ("U", solved.up_mm, solved.sigma_up_mm, solved.tie_to_up, solved.north_to_up),
    ):
        fitted = consistent_velocity(series.astype(np.float32), inputs.grid)
        variance = fitted.sigma_mm_per_yr**2 + np.sum((np.nan_to_num(to_tie) * tie) ** 2, axis=0)
        if north is not None:
            variance = variance + (to_north * north.sigma_mm_per_yr) ** 2
        extras[component] = {
            "points_ascending": solved.points[:, 0],
            "points_descending": solved.points[:, 1],
            "geometries": solved.geometries,
            "condition": solved.condition,
            "displacement_sigma": sigma_mm if all(np.isfinite(list(common.values()))) else sigma_mm * np.nan,
            "east_up_correlation": solved.correlation,
            "north_sensitivity": to_north,
            "consistent_velocity": fitted.velocity_mm_per_yr,
            "consistent_velocity_sigma": np.sqrt(variance),
        }
    return solved, extras


def _tie_sigma(inputs: OrthoInputs, cells: NDArray[np.int64], tracks: Sequence[str]) -> NDArray[np.float64]:
    """Return the sigma of the calibration of each track at cells, mm/yr; zero where the input states none."""
    easting, northing = _centres(cells)
    sigma = np.zeros((len(tracks), len(cells)))
    for source, track in zip(inputs.sources, inputs.tracks, strict=True):
        k = tracks.index(track)
        sigma[k] = np.maximum(sigma[k], source.tie_sigma_mm_per_yr(easting, northing))
    return sigma


def _tile(
    inputs: OrthoInputs, info: TileInfo, cells: NDArray[np.int64], gnss: Gnss | None, options: OrthoOptions,
    common: Mapping[str, float], out: Path,
) -> TileResult:  # fmt: skip
    velocities, official_velocities = [], []
    squares, count = np.zeros(2), 0
    bytes_a_cell = len(inputs.grid) * 8 * (4 + 3 * len(set(inputs.tracks)))
    step = max(1, _BUDGET_BYTES // bytes_a_cell)
    with TileWriter(info, out, overwrite=options.overwrite) as writer, progress(info.name("E"), len(cells)) as advance:
        for start in range(0, len(cells), step):
            chunk = cells[start : start + step]
            field = field_at(gnss, *_centres(chunk)) if gnss is not None else None
            official, extra = _official(inputs, chunk)
            solved: Any = official
            extras = {"E": extra, "U": extra}
            if options.mode == "best":
                north = None if field is None else NorthVelocity(field[0][:, 1], field[1])
                solved, extras = _best(inputs, chunk, common, options, north)
                official_velocities.append(_velocities(official, inputs.grid))
                difference = [solved.east_mm - official.east_mm, solved.up_mm - official.up_mm]
                squares += [np.nansum(one**2) for one in difference]
                count += int(np.isfinite(difference[0]).sum())
            parts = {}
            for component, series in (("E", solved.east_mm), ("U", solved.up_mm)):
                statistics = egms_statistics(series.astype(np.float32), inputs.grid, wavelength_mm=None)
                parts[component] = ComponentCells(series, statistics, extras[component])
            velocities.append(np.column_stack([parts[c].statistics.mean_velocity for c in "EU"]))
            writer.add(chunk, solved.height_m, None if field is None else field[0], parts)
            advance(len(chunk))
    rms = np.sqrt(squares / count) if count else np.full(2, np.nan)
    official_all = np.concatenate(official_velocities) if official_velocities else None
    return TileResult(info.name("E"), info.name("U"), len(cells), np.concatenate(velocities), official_all,
                      (float(rms[0]), float(rms[1])))  # fmt: skip


def _velocities(solved: Any, grid: Epochs) -> NDArray[np.float64]:
    fits = [
        egms_statistics(series.astype(np.float32), grid, wavelength_mm=None)
        for series in (solved.east_mm, solved.up_mm)
    ]
    return np.column_stack([fit.mean_velocity for fit in fits])


def _info(inputs: OrthoInputs, corner: tuple[int, int], gnss: Gnss | None, options: OrthoOptions) -> TileInfo:
    sources = inputs.sources
    manifests = [source.product.manifest for source in sources]
    first = sources[0]
    pids = first.product.attributes(["pid"], [0])["pid"][:1]
    stated = {one.name: one for manifest in manifests for one in manifest.requirements if one.state != "unstated"}
    requirements = [stated.get(name) or Requirement(name=name, state="unstated") for name in REQUIREMENTS]
    if gnss is not None:
        requirements[0] = Requirement(name="gnss", state="given", detail=f"{gnss.stations.source} sha256:{gnss.sha256}")
    ties = {
        source.calibration.version if source.calibration else source.product.manifest.tie.gnss_source
        for source in sources
    }
    run = provenance_id({
        "step": "ortho",
        "mode": options.mode,
        "north_in_input": options.north_in_input,
        "time": options.time,
        "gnss": gnss.sha256 if gnss else None,
        "ties": sorted(str(tie) for tie in ties),
        "sources": sorted(manifest.content_sha256 for manifest in manifests),
        "version": __version__,
    })  # fmt: skip
    return TileInfo(
        easting_100km=corner[0],
        northing_100km=corner[1],
        window=release_window(inputs),
        provider=int(decode_points(pids).provider[0]),
        real_spelling=any(column.spelled != column.name for manifest in manifests for column in manifest.columns),
        with_gnss=gnss is not None,
        grid=inputs.grid,
        tie=Tie(frame=first.frame, gnss_source=" + ".join(sorted(filter(None, ties))) or None, stated_by="the sources"),
        requirements=tuple(requirements),
        sources=tuple(one for manifest in manifests for one in manifest.sources),
        metadata=level3_metadata(
            [manifest.metadata.to_egms() if manifest.metadata else None for manifest in manifests]
        ),
        provenance_id=run,
    )


def ortho(
    paths: Sequence[Path], out: Path, *, options: OrthoOptions, table: Path | None = None, gnss_frame: str | None = None
) -> OrthoResult:
    """Make East and Up tiles.

    Parameters
    ----------
    paths : sequence of Path
        EGMS Level 2b files or calibrated products, ascending and descending.
    out : Path
        Folder of the tiles: ZIP, GeoTIFF and point product of each component.
    options : OrthoOptions
    table : Path, optional
        GNSS velocities: content of the three GNSS columns, and north of ``best``.
    gnss_frame : str, optional
        Their frame; must be that of the sources.

    Returns
    -------
    OrthoResult

    Raises
    ------
    InputError
        FID-1003 north not stated, FID-1006 one direction only, FID-1007 no series, FID-1008 no common time,
        FID-1033 relative source, FID-1034 different frames, FID-1035 different releases, FID-1036 no such tile.
    """
    if options.mode == "best":
        check_north(options.north_in_input, table)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=out) as work:
        inputs = open_inputs(paths, Path(work), options.tile)
        gnss = gnss_for(inputs.sources, table, gnss_frame)
        common = _common_sigma(inputs) if options.mode == "best" else {}
        column, row = (axis // TILE_M for axis in cell_centres(inputs.cells))
        tiles = []
        for corner in sorted({(int(a), int(b)) for a, b in zip(column, row, strict=True)}):
            chosen = inputs.cells[(column == corner[0]) & (row == corner[1])]
            info = _info(inputs, corner, gnss, options)
            tiles.append(_tile(inputs, info, chosen, gnss, options, common, out))
        return OrthoResult(tuple(tiles), _notes(inputs, options, gnss), common, inputs.elsewhere)


def _notes(inputs: OrthoInputs, options: OrthoOptions, gnss: Gnss | None) -> tuple[str, ...]:
    grid = inputs.grid.astype("datetime64[D]")
    time = "nearest sample, ties averaged" if options.mode == "official" else f"{options.time} between samples"
    notes = [
        f"frame {inputs.sources[0].frame}; {len(inputs.sources)} sources of {len(set(inputs.tracks))} tracks",
        f"time grid {grid[0]} to {grid[-1]}, {len(grid)} dates, 6 days; {time}, at most 90 days away",
    ]
    if options.mode == "best":
        north = "removed with the GNSS field" if options.north_in_input else "stated to be removed already"
        notes.append(f"north: {north}")
        if any(source.calibration is None for source in inputs.sources):
            notes.append("EGMS states no sigma of its calibration: the formal errors are without it")
    return tuple(notes) + (gnss.notes if gnss is not None else ())

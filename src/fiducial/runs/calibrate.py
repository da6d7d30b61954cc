"""Calibration of InSAR sources with a GNSS table: coefficients beside the series, rasters for frames, a report."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.errors import FormatError, InputError
from fiducial.formats import calibration_file, egms_names
from fiducial.formats.atomic import atomic_directory, atomic_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.egms_names import BurstName
from fiducial.formats.geotiff import RasterFrame, read_frame, write_like
from fiducial.formats.point_product import MANIFEST, PointProduct, is_product
from fiducial.motion.calibration.assessment import Assessment, assess
from fiducial.motion.calibration.bases import SplineBasis
from fiducial.motion.calibration.holdout import HeldOut, leave_stations_out
from fiducial.motion.calibration.observations import TrackObservations, observe_track
from fiducial.motion.calibration.point_velocities import PointVelocities
from fiducial.motion.calibration.protocol import CalibrationResult
from fiducial.motion.calibration.recipes import recipe as recipe_of
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.gnss import Gnss, load
from fiducial.runs.ingest import import_egms, provenance_id
from fiducial.runs.ingest_frame import frame_columns, import_frame
from fiducial.runs.progress import progress
from fiducial.runs.sources import CLUSTER, distinct, is_frame_folder

DEFAULT_RECIPE: Final = "joint"
_FRAME: Final = re.compile(r"\d{3}[AD]_\d{5}_\d{6}")
_GEOMETRY: Final = ("longitude", "latitude", "easting", "northing", "los_east", "los_north", "los_up")


@dataclass(frozen=True)
class Calibrated:
    """What a calibration made.

    Attributes
    ----------
    products : tuple of Path
        Point products with the new calibration, one a source.
    version : str
        Its name among the versions of each product.
    result : CalibrationResult
    assessment : Assessment
        Stations and overlaps, before and after.
    held_out : HeldOut or None
        Stations predicted without them, if that was asked for.
    notes : tuple of str
    tracks : tuple of TrackObservations
        Block medians and station samples that the recipe saw.
    """

    products: tuple[Path, ...]
    version: str
    result: CalibrationResult
    assessment: Assessment
    held_out: HeldOut | None
    notes: tuple[str, ...]
    tracks: tuple[TrackObservations, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        held_out = None
        if self.held_out is not None:
            held_out = {
                "samples": len(self.held_out.names),
                "rms_mm_per_yr": _plain(self.held_out.rms_mm_per_yr),
                "gnss_only_rms_mm_per_yr": _plain(self.held_out.gnss_only_rms_mm_per_yr),
                "chi": _plain(self.held_out.chi),
            }
        return {
            "version": self.version,
            "products": [str(path) for path in self.products],
            "notes": list(self.notes),
            "surfaces": [_surface_summary(track, self.result) for track in self.tracks],
            "stations": [_plain_row(asdict(row)) for row in self.assessment.stations],
            "overlaps": [_plain_row(asdict(row)) for row in self.assessment.overlaps],
            "held_out": held_out,
            "calibration": _plain_result(self.result),
        }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _plain_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) if isinstance(value, float) else value for name, value in row.items()}


def _plain_result(result: CalibrationResult) -> dict[str, Any]:
    """Return plain values of a result, without the covariances of splines: millions of numbers for a frame.

    ``calibration.zarr`` holds them.
    """
    light = [
        replace(track, surface=replace(track.surface, covariance=np.empty((0, 0))))
        if isinstance(track.surface.basis, SplineBasis)
        else track
        for track in result.tracks
    ]
    plain = replace(result, tracks=tuple(light)).to_dict()
    for track in plain["tracks"]:
        if not track["surface"]["covariance_mm2_per_yr2"]:
            del track["surface"]["covariance_mm2_per_yr2"]
    return plain


def _surface_summary(track: TrackObservations, result: CalibrationResult) -> dict[str, Any]:
    """Say what is subtracted: the surface and its sigma at the block medians of a track."""
    surface = result.track(track.name).surface
    rate = surface.surface_mm_per_yr(track.blocks.easting, track.blocks.northing, track.blocks.cluster)
    sigma = surface.sigma_mm_per_yr(track.blocks.easting, track.blocks.northing, track.blocks.cluster)
    return {
        "track": track.name,
        "blocks": track.blocks.size,
        "terms": surface.basis.terms,
        "mean_mm_per_yr": float(rate.mean()),
        "lowest_mm_per_yr": float(rate.min()),
        "highest_mm_per_yr": float(rate.max()),
        "sigma_mean_mm_per_yr": float(sigma.mean()),
        "sigma_highest_mm_per_yr": float(sigma.max()),
    }


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _in(path: Path, out: Path) -> Path:
    """Return a source as a point product inside the output folder; its files are linked, not copied."""
    if is_frame_folder(path):
        return import_frame(path, out)
    if not is_product(path):
        return import_egms(path, out)
    target = out / PointProduct.open(path).manifest.name
    if target.resolve() == path.resolve():
        return target
    if is_product(target) and (target / MANIFEST).read_bytes() == (path / MANIFEST).read_bytes():
        return target
    with atomic_directory(target, marker=MANIFEST) as directory:
        shutil.copytree(path, directory, copy_function=_link, dirs_exist_ok=True)
    return target


def track_of(name: str, los_east: NDArray[np.float64]) -> str:
    """Return the track whose bursts or frames share long-wave errors; empty when the name does not tell it.

    Parameters
    ----------
    name : str
        Of a product: an EGMS burst such as ``EGMS_L2a_117_0251_IW2_VV_2020_2024_1``, or a LiCSBAS frame such as
        ``087A_04904_121313``, whose first four characters are the track.
    los_east : ndarray, shape (point,)
        East components of the unit vectors ground to satellite.

    Returns
    -------
    str
        Relative orbit and direction of flight, such as ``117A``: a relative orbit has an ascending and a descending
        half, which share no error. EGMS names the orbit alone; a satellite that looks right sees the ground of an
        ascending pass from the west.
    """
    if _FRAME.fullmatch(name):
        return name[:4]
    try:
        parsed = egms_names.parse(name)
    except FormatError:
        return ""
    return f"{parsed.track:03d}{'A' if np.nanmean(los_east) < 0 else 'D'}" if isinstance(parsed, BurstName) else ""


def velocities(product: PointProduct, name: str) -> PointVelocities:
    """Return the velocities that a calibration adjusts: refitted from the series, or those of a frame.

    Notes
    -----
    The published ``mean_velocity`` is rounded, in L2b even twice: it is not used where there is a series.
    """
    if product.manifest.component != "LOS":
        raise InputError(
            "FID-1032",
            f"{product.manifest.level} holds {product.manifest.component} displacement, which has no line of sight",
            where=str(product.path),
            fix="calibrate Level 2a or 2b and make the Ortho from it",
        )
    has_series = bool(product.manifest.epochs)
    optional = [column for column in ("temporal_coherence", CLUSTER) if column in product.column_names]
    rates = [] if has_series else ["mean_velocity", "mean_velocity_std"]
    columns = product.attributes([*_GEOMETRY, *rates, *optional])
    if has_series:
        fitted = []
        with progress(f"velocities of {name}", product.row_groups) as advance:
            for group in range(product.row_groups):
                series = product.series_mm(*product.bounds(group))
                fitted.append(egms_statistics(series, product.epochs, wavelength_mm=None).mean_velocity)
                advance(1)
        velocity: NDArray[np.float64] = np.concatenate(fitted)
    else:
        velocity = columns["mean_velocity"]
    return PointVelocities(
        name=name,
        easting=columns["easting"],
        northing=columns["northing"],
        longitude_deg=columns["longitude"],
        latitude_deg=columns["latitude"],
        velocity_mm_per_yr=velocity,
        line_of_sight=np.column_stack([columns[f"los_{axis}"] for axis in ("east", "north", "up")]),
        sigma_mm_per_yr=None if has_series else columns["mean_velocity_std"],
        coherence=columns.get("temporal_coherence"),
        track=track_of(name, columns["los_east"]),
        cluster=columns[CLUSTER].astype(np.int64) if CLUSTER in columns else None,
    )


def open_products(sources: Sequence[Path], out: Path) -> list[PointProduct]:
    """Return the sources as point products in a folder, imported where they are not.

    Raises
    ------
    InputError
        FID-1031 when two sources have one name.
    """
    out.mkdir(parents=True, exist_ok=True)
    products = [PointProduct.open(_in(path, out)) for path in sources]
    names = [product.manifest.name for product in products]
    if len(set(names)) < len(names):
        raise InputError(
            "FID-1031", "two sources have the same name", where=", ".join(names), fix="rename one, or calibrate apart"
        )
    return products


def area_of(products: Sequence[PointProduct]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of all points, degrees."""
    columns = [product.attributes(["longitude", "latitude"]) for product in products]
    return tuple(np.concatenate([one[name] for one in columns]) for name in ("longitude", "latitude"))  # type: ignore[return-value]


def _document(result: CalibrationResult, index: int, gnss: Gnss, product: PointProduct, run: str) -> dict[str, Any]:
    plain = _plain_result(replace(result, tracks=(result.tracks[index],)))
    track = plain.pop("tracks")[0]
    track.pop("surface")
    return plain | {
        "track": track,
        "gnss_sha256": gnss.sha256,
        "reference_epoch": product.manifest.epochs[0] if product.manifest.epochs else None,
        "epoch": "rates: the tie has no coordinate epoch",
        "tie_before": product.manifest.tie.frame,
        "provenance_id": run,
        "created_by": f"fiducial {__version__}",
    }


def _write_rasters(frame: RasterFrame, folder: Path, calibration: CalibrationFile) -> None:
    """Write the calibrated velocity, the surface and its sigma on the grid of a frame."""
    columns = frame_columns(frame)
    row, column = columns["line"].astype(int), columns["pixel"].astype(int)
    surface = calibration.surface
    rate = surface.surface_mm_per_yr(columns["easting"], columns["northing"])
    rasters = {
        "vel.calibrated": (columns["mean_velocity"] - rate, "LOS velocity, positive towards the satellite"),
        "surface": (rate, "calibration surface S; calibrated velocity = velocity - S"),
        "surface_sigma": (
            surface.sigma_mm_per_yr(columns["easting"], columns["northing"]),
            "standard deviation of the calibration surface",
        ),
    }
    tags = {"reference_frame": calibration.frame, "calibration": calibration.version}
    for name, (values, description) in rasters.items():
        grid = np.full(frame.velocity_mm_per_yr.shape, np.nan)
        grid[row, column] = values
        write_like(folder / f"{name}.tif", frame, grid, description=description, unit="mm/yr", tags=tags)


def calibrate(
    paths: Sequence[Path],
    table: Path,
    gnss_frame: str | None,
    out: Path,
    *,
    recipe: str = DEFAULT_RECIPE,
    folds: int = 0,
    up_prior_sigma_mm_per_yr: float | None = None,
) -> Calibrated:
    """Tie InSAR sources to a GNSS velocity field.

    Parameters
    ----------
    paths : sequence of Path
        EGMS files, folders of GeoTIFFs or point products.
    table : Path
        GNSS velocities.
    gnss_frame : str or None
        Their frame, which becomes that of the calibrated velocities; must be stated.
    out : Path
        Folder: a point product a source with the coefficients in its ``calibration.zarr``, the rasters of frames,
        and ``calibration.json``.
    recipe : str
        Name of a recipe.
    folds : int
        Predict stations that are held out in that many folds; 0 not to.
    up_prior_sigma_mm_per_yr : float, optional
        See ``runs.gnss.load``.

    Returns
    -------
    Calibrated

    Raises
    ------
    InputError
        FID-1004 frame, FID-1005 fewer than three usable stations, FID-1031 sources, FID-1032 no line of sight,
        FID-106x from the recipe; and those of the formats.
    """
    chosen = recipe_of(recipe)
    sources = distinct(paths)
    products = open_products(sources, out)
    names = [product.manifest.name for product in products]
    gnss = load(table, gnss_frame, *area_of(products), up_prior_sigma_mm_per_yr=up_prior_sigma_mm_per_yr)
    tracks = [
        observe_track(velocities(product, name), gnss.stations) for product, name in zip(products, names, strict=True)
    ]
    result = chosen.fit(tracks, gnss.stations, gnss.field)
    held_out = leave_stations_out(chosen, tracks, gnss.stations, gnss.field, folds=folds) if folds else None
    run = provenance_id({
        "step": "calibrate",
        "recipe": chosen.name,
        "gnss": gnss.sha256,
        "frame": result.frame,
        "up_prior": up_prior_sigma_mm_per_yr,
        "version": __version__,
        "sources": [product.manifest.content_sha256 for product in products],
    })  # fmt: skip
    version = f"{chosen.name}-{run[:8]}"
    for index, product in enumerate(products):
        document = _document(result, index, gnss, product, run)
        file = CalibrationFile(version, result.frame, result.tracks[index].surface, document)
        calibration_file.write(product.path, file, overwrite=True)
        if is_frame_folder(sources[index]):
            _write_rasters(read_frame(sources[index]), product.path, file)
    calibrated = Calibrated(
        tuple(product.path for product in products),
        version,
        result,
        assess(tracks, gnss.stations, gnss.field, result),
        held_out,
        gnss.notes,
        tuple(tracks),
    )
    # Products are named as they lie beside the document, which then holds wherever the folder is put.
    document = calibrated.to_dict() | {"products": [path.name for path in calibrated.products]}
    with atomic_file(out / "calibration.json") as path:
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return calibrated

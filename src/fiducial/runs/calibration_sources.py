"""Sources of a calibration: products, their velocities, and what a calibration sees of them."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, FormatError, InputError
from fiducial.formats import egms_names
from fiducial.formats.atomic import atomic_directory
from fiducial.formats.egms_names import BurstName
from fiducial.formats.observed_source import ObservedSource
from fiducial.formats.point_product import MANIFEST, PointProduct, is_product
from fiducial.geodesy.station_velocities import StationPlaces
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.point_velocities import PointVelocities
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.ingest import import_egms
from fiducial.runs.ingest_frame import import_frame
from fiducial.runs.progress import progress
from fiducial.runs.sources import CLUSTER, is_frame_folder

_FRAME: Final = re.compile(r"\d{3}[AD]_\d{5}_\d{6}")
_GEOMETRY: Final = ("longitude", "latitude", "easting", "northing", "los_east", "los_north", "los_up")


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
                try:
                    fitted.append(egms_statistics(series, product.epochs, wavelength_mm=None).mean_velocity)
                except FiducialError as error:
                    raise type(error)(error.code, error.problem, where=str(product.path), fix=error.fix) from error
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


def observe(product: PointProduct, stations: StationPlaces) -> ObservedSource:
    """Return what a calibration sees of a product; errors as `velocities` and `observe_track`.

    Parameters
    ----------
    product : PointProduct
    stations : StationPlaces
        The whole table: samples are taken at those that the product surrounds.
    """
    manifest = product.manifest
    track = observe_track(velocities(product, manifest.name), stations)
    first_epoch = manifest.epochs[0] if manifest.epochs else None
    return ObservedSource(track, manifest.content_sha256, first_epoch, manifest.tie.frame)


def open_products(sources: Sequence[Path], out: Path) -> list[PointProduct]:
    """Return the sources as point products in a folder, imported where they are not.

    Raises
    ------
    InputError
        FID-1031 when two sources have one name.
    """
    out.mkdir(parents=True, exist_ok=True)
    products = [PointProduct.open(_in(path, out)) for path in sources]
    require_distinct([product.manifest.name for product in products])
    return products


def require_distinct(names: Sequence[str]) -> None:
    """Require that no two sources have one name (FID-1031)."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise InputError(
            "FID-1031", "two sources have the same name", where=", ".join(twice), fix="rename one, or calibrate apart"
        )


def area_of(products: Sequence[PointProduct]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of all points, degrees."""
    columns = [product.attributes(["longitude", "latitude"]) for product in products]
    return tuple(np.concatenate([one[name] for one in columns]) for name in ("longitude", "latitude"))  # type: ignore[return-value]

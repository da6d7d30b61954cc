"""GeoTIFF: InSAR velocity frames (LiCSBAS layout) in, rasters on the same grid and the EGMS L3 raster out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyproj
import rasterio
from numpy.typing import ArrayLike, NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.line_of_sight import norm_error

LOS_TOLERANCE: Final = 0.01
L3_NODATA: Final = -9999.0

_NAMES: Final = {"velocity": "vel", "sigma": "vstd", "mask": "mask", "east": "E", "north": "N", "up": "U"}
_STAGES: Final = frozenset({"geo", "mskd", "filt"})
_MM_PER_YR_OF_UNIT: Final = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
# Geographic coordinates of these two agree within a metre, a hundredth of the finest InSAR frame.
_GEOGRAPHIC: Final = (4326, 4258)
_GRID_TOLERANCE_PIXEL: Final = 1e-3


@dataclass(frozen=True)
class RasterFrame:
    """A velocity frame on its raster; every raster has shape (row, column), the first row in the north.

    Attributes
    ----------
    name : str
        Name of the folder.
    velocity_mm_per_yr : ndarray of float64
        LOS velocity, positive towards the satellite; NaN where there is none. Not masked.
    sigma_mm_per_yr : ndarray of float64
        Its standard deviation; NaN where unknown. The reference pixel (published as 0) is unknown.
    mask : ndarray of bool
        True where the producer calls the pixel good; all True without a mask file.
    line_of_sight : ndarray of float64, shape (row, column, 3)
        Unit vectors ground to satellite, east, north, up.
    longitude_deg, latitude_deg : ndarray of float64
        Pixel centres, EPSG:4326.
    transform : tuple of six floats
        a, b, c, d, e, f: x = a column + b row + c, y = d column + e row + f, of pixel corners.
    crs : str
        Coordinate reference system of the raster, as ``EPSG:n`` or WKT.
    notes : tuple of str
        What was decided while reading, as sentences.
    """

    name: str
    velocity_mm_per_yr: NDArray[np.float64]
    sigma_mm_per_yr: NDArray[np.float64]
    mask: NDArray[np.bool_]
    line_of_sight: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]
    latitude_deg: NDArray[np.float64]
    transform: tuple[float, float, float, float, float, float]
    crs: str
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> NDArray[np.bool_]:
        """True where velocity and line of sight are known and the mask calls the pixel good."""
        known = np.isfinite(self.velocity_mm_per_yr) & np.isfinite(self.line_of_sight).all(axis=-1)
        return np.asarray(known & self.mask)


@dataclass(frozen=True)
class _Band:
    path: Path
    values: NDArray[np.float64]
    transform: Affine
    crs: Any
    unit: str


def read_frame(folder: Path | str) -> RasterFrame:
    """Read a folder of GeoTIFFs: ``vel``, ``E``, ``N``, ``U`` and, if there, ``vstd`` and ``mask``.

    Parameters
    ----------
    folder : path
        Files called ``vel.geo.tif``, ``vel.tif`` or ``<frame>.vel.geo.tif``, and so on. Velocities are in mm/yr, as
        LiCSBAS writes them, unless the file states cm/yr or m/yr as the unit of its band.

    Raises
    ------
    FormatError
        FID-2200 no such folder; FID-2201 no velocity; FID-2202 LOS components missing; FID-2203 grids differ;
        FID-2204 CRS absent or of no use; FID-2205 LOS not of unit length or pointing down; FID-2206 no usable pixel;
        FID-2207 unreadable; FID-2209 several files for one raster; FID-2210 unknown unit.
    """
    folder = Path(folder)
    paths = _find(folder)
    if "velocity" not in paths:
        raise FormatError("FID-2201", "no velocity raster in the folder", where=str(folder),
                          fix="add vel.geo.tif or vel.tif: LOS velocity, positive towards the satellite")  # fmt: skip
    missing = [_NAMES[role] for role in ("east", "north", "up") if role not in paths]
    if missing:
        raise FormatError("FID-2202", f"no line-of-sight component {', '.join(missing)}", where=str(folder),
                          fix="add E.geo.tif, N.geo.tif and U.geo.tif: unit vectors from ground to satellite")  # fmt: skip
    bands = {role: _read_band(path) for role, path in paths.items()}
    velocity = bands["velocity"]
    _check_grids(velocity, bands.values())
    longitude, latitude = _pixel_centres(velocity)
    notes: list[str] = []
    frame = RasterFrame(
        name=folder.resolve().name,
        velocity_mm_per_yr=velocity.values * _scale(velocity),
        sigma_mm_per_yr=_sigma(bands.get("sigma"), velocity, notes),
        mask=_mask(bands.get("mask"), velocity, notes),
        line_of_sight=np.stack([bands[axis].values for axis in ("east", "north", "up")], axis=-1),
        longitude_deg=longitude,
        latitude_deg=latitude,
        transform=velocity.transform[:6],
        crs=velocity.crs.to_string(),
    )
    _check_line_of_sight(frame, folder, notes)
    if not frame.usable.any():
        raise FormatError("FID-2206", "every pixel is masked or without velocity", where=str(folder),
                          fix="check the mask: 1 means good, 0 means bad")  # fmt: skip
    return RasterFrame(**{**vars(frame), "notes": tuple(notes)})


def write_like(path: Path | str, frame: RasterFrame, array: ArrayLike, *, description: str, unit: str,
               tags: Mapping[str, str] | None = None) -> None:  # fmt: skip
    """Write one float32 band on the grid of a frame, atomically; NaN is the nodata value.

    Parameters
    ----------
    path : path
    frame : RasterFrame
        Gives transform and CRS.
    array : array_like, shape (row, column)
    description : str
        What the band is, with its sign.
    unit : str
        Unit of the band, such as ``mm/yr``.
    tags : mapping of str to str, optional
        Further GeoTIFF metadata, such as frame and epoch of the velocities.

    Raises
    ------
    FormatError
        FID-2208 when the array is not on the grid.
    """
    values = np.asarray(array, dtype=np.float32)
    if values.shape != frame.velocity_mm_per_yr.shape:
        raise FormatError("FID-2208", f"array of shape {values.shape} on a grid of {frame.velocity_mm_per_yr.shape}",
                          where=str(path), fix="give one value a pixel")  # fmt: skip
    _write(path, values, Affine(*frame.transform), frame.crs, nodata=np.nan, compress="deflate",
           description=description, unit=unit, tags=dict(tags or {}))  # fmt: skip


def write_l3(path: Path | str, *, easting_min: float, northing_max: float, shape: tuple[int, int], spacing_m: float,
             values: ArrayLike) -> None:  # fmt: skip
    """Write the raster of an EGMS L3 product: float32, EPSG:3035, nodata -9999, not compressed.

    Parameters
    ----------
    path : path
    easting_min, northing_max : float
        Outer corner in the north-west, metres EPSG:3035.
    shape : tuple of int
        Rows, columns; 1000 x 1000 for an official tile.
    spacing_m : float
        Cell size, 100 m for an official tile.
    values : array_like, shape (row, column)
        Mean velocity in mm/yr, the first row in the north; NaN where there is none.

    Raises
    ------
    FormatError
        FID-2208 when the values do not have the stated shape.
    """
    raster = np.asarray(values, dtype=np.float32)
    if raster.shape != tuple(shape):
        raise FormatError("FID-2208", f"values of shape {raster.shape} for a raster of {tuple(shape)}", where=str(path),
                          fix="give one value a cell, rows from north to south")  # fmt: skip
    raster = np.where(np.isfinite(raster), raster, np.float32(L3_NODATA))
    transform = Affine(spacing_m, 0.0, easting_min, 0.0, -spacing_m, northing_max)
    _write(path, raster, transform, "EPSG:3035", nodata=L3_NODATA, compress=None)


def _write(path: Path | str, values: NDArray[np.float32], transform: Affine, crs: str, *, nodata: float,
           compress: str | None, description: str = "", unit: str = "", tags: Mapping[str, str] | None = None
           ) -> None:  # fmt: skip
    profile: dict[str, Any] = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": values.shape[0],
                               "width": values.shape[1], "transform": transform, "crs": crs, "nodata": nodata}  # fmt: skip
    if compress:
        profile["compress"] = compress
    with atomic_file(path) as partial, rasterio.open(partial, "w", **profile) as sink:
        sink.write(values, 1)
        if description:
            sink.set_band_description(1, description)
        if unit:
            sink.set_band_unit(1, unit)
        if tags:
            sink.update_tags(**tags)


def _find(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FormatError("FID-2200", "no such folder", where=str(folder), fix="give the folder that holds vel.geo.tif")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        words = [word for word in re.split(r"[._-]", path.name) if word]
        if len(words) < 2 or words[-1].lower() not in {"tif", "tiff"} or path.name.startswith("."):
            continue
        words = [word for word in words[:-1] if word.lower() not in _STAGES]
        for role, name in _NAMES.items():
            if words and words[-1] == name:
                found.setdefault(role, []).append(path)
    chosen: dict[str, Path] = {}
    for role, paths in found.items():
        plain = [path for path in paths if path.stem in {f"{_NAMES[role]}.geo", _NAMES[role]}]
        candidates = plain if len(paths) > 1 and plain else paths
        if len(candidates) > 1:
            raise FormatError("FID-2209", f"several files could be the raster {_NAMES[role]}",
                              where=f"{folder}: {', '.join(path.name for path in candidates)}",
                              fix="keep one of them in the folder")  # fmt: skip
        chosen[role] = candidates[0]
    return chosen


def _read_band(path: Path) -> _Band:
    try:
        with warnings.catch_warnings(), np.errstate(invalid="ignore", over="ignore"):
            # A raster without georeference has no CRS either, which is an error of ours below.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as source:
                if source.count != 1:
                    raise FormatError("FID-2207", f"{source.count} bands instead of one", where=str(path),
                                      fix="export each quantity to a file of its own")  # fmt: skip
                if "complex" in source.dtypes[0]:
                    raise FormatError("FID-2207", "complex values", where=str(path),
                                      fix="export the velocity, not an interferogram")  # fmt: skip
                values = source.read(1, masked=True).astype(np.float64).filled(np.nan)
                values[~np.isfinite(values)] = np.nan
                return _Band(path, values, source.transform, source.crs, source.units[0] or "")
    except (RasterioError, MemoryError) as error:
        raise FormatError("FID-2207", f"cannot be read as a GeoTIFF: {error}", where=str(path),
                          fix="the file is damaged or of another format; export it again") from error  # fmt: skip


def _check_grids(reference: _Band, bands: Any) -> None:
    if not reference.crs:
        raise FormatError("FID-2204", "the raster has no coordinate reference system", where=str(reference.path),
                          fix="write one into the file: rio edit-info --crs EPSG:4326, if that is what it is")  # fmt: skip
    pixel = max(abs(reference.transform.a), abs(reference.transform.e))
    for band in bands:
        if band.values.shape != reference.values.shape:
            difference = f"shape {band.values.shape} instead of {reference.values.shape}"
        elif band.crs != reference.crs:
            difference = f"CRS {band.crs.to_string() if band.crs else 'absent'} instead of {reference.crs.to_string()}"
        elif not _same_transform(band.transform, reference.transform, band.values.shape, _GRID_TOLERANCE_PIXEL * pixel):
            difference = f"transform {tuple(band.transform)[:6]} instead of {tuple(reference.transform)[:6]}"
        else:
            continue
        raise FormatError("FID-2203", f"grid differs from that of {reference.path.name}: {difference}",
                          where=str(band.path), fix="resample all rasters of a frame to one grid")  # fmt: skip


def _same_transform(a: Affine, b: Affine, shape: tuple[int, ...], tolerance: float) -> bool:
    """Compare the corners of two rasters; a tiny difference of spacing grows over the raster."""
    columns, rows = np.array([0, shape[1], 0, shape[1]]), np.array([0, 0, shape[0], shape[0]])
    return all(np.allclose(p, q, rtol=0.0, atol=tolerance)
               for p, q in zip(_positions(a, columns, rows), _positions(b, columns, rows), strict=True))  # fmt: skip


def _positions(transform: Affine, columns: NDArray[Any], rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * columns + b * rows + c, d * columns + e * rows + f


def _pixel_centres(band: _Band) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    crs = pyproj.CRS.from_wkt(band.crs.to_wkt())
    if crs.is_geographic:
        if crs.to_epsg() not in _GEOGRAPHIC:
            raise FormatError("FID-2204", f"geographic coordinates on {crs.name}, not WGS 84", where=str(band.path),
                              fix="warp the frame to EPSG:4326")  # fmt: skip
    elif not crs.is_projected:
        raise FormatError("FID-2204", f"{crs.name} is neither geographic nor projected", where=str(band.path),
                          fix="warp the frame to EPSG:4326")  # fmt: skip
    rows, columns = np.mgrid[0 : band.values.shape[0], 0 : band.values.shape[1]] + 0.5
    x, y = _positions(band.transform, columns, rows)
    if not crs.is_geographic:
        try:
            transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
            x, y = transformer.transform(x, y)
        except pyproj.exceptions.ProjError as error:
            raise FormatError("FID-2204", f"PROJ cannot transform {crs.name}: {error}", where=str(band.path),
                              fix="warp the frame to EPSG:4326") from error  # fmt: skip
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.abs(y).max() <= 90.0 and np.abs(x).max() <= 360.0):
        raise FormatError("FID-2204", f"pixel positions are impossible in {crs.name}", where=str(band.path),
                          fix="the file names a CRS its transform is not in; correct one of them")  # fmt: skip
    return np.asarray(x), np.asarray(y)


def _scale(band: _Band) -> float:
    """Return the factor from the stated unit to mm/yr; no stated unit is mm/yr, by the layout."""
    if not band.unit:
        return 1.0
    match = re.fullmatch(r"(mm|cm|m)[\s/._*-]*(?:per)?[\s/._*-]*(?:yr|year|y|a)(?:\^?-?1)?", band.unit.strip().lower())
    if match is None:
        raise FormatError("FID-2210", f"unknown unit of velocity {band.unit!r}", where=str(band.path),
                          fix="write mm/yr, cm/yr or m/yr as the unit of the band, or none for mm/yr")  # fmt: skip
    return _MM_PER_YR_OF_UNIT[match[1]]


def _sigma(band: _Band | None, velocity: _Band, notes: list[str]) -> NDArray[np.float64]:
    if band is None:
        notes.append("no vstd raster: the standard deviations are unknown")
        return np.full(velocity.values.shape, np.nan)
    sigma = band.values * (_scale(band) if band.unit else _scale(velocity))
    useless = (sigma <= 0.0) & np.isfinite(velocity.values)
    if useless.any():
        notes.append(f"{int(useless.sum())} pixels have a standard deviation of zero or less (the reference): unknown")
    return np.where(sigma > 0.0, sigma, np.nan)


def _mask(band: _Band | None, velocity: _Band, notes: list[str]) -> NDArray[np.bool_]:
    if band is None:
        notes.append("no mask raster: every pixel counts as good")
        return np.ones(velocity.values.shape, dtype=bool)
    known = np.isfinite(velocity.values)
    mask: NDArray[np.bool_] = band.values > 0.0  # NaN compares as bad
    notes.append(f"{int((known & ~mask).sum())} of {int(known.sum())} pixels with velocity are masked")
    return mask


def _check_line_of_sight(frame: RasterFrame, folder: Path, notes: list[str]) -> None:
    with_velocity = np.isfinite(frame.velocity_mm_per_yr)
    known = with_velocity & np.isfinite(frame.line_of_sight).all(axis=-1)
    blind = int((with_velocity & ~known).sum())
    if blind:
        notes.append(f"{blind} pixels have a velocity but no line of sight, and are not used")
    error = np.where(known, norm_error(frame.line_of_sight), 0.0)
    bad = (error > LOS_TOLERANCE) | (known & (frame.line_of_sight[..., 2] < 0.0))
    if bad.any():
        row, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
        vector = ", ".join(f"{component:.3f}" for component in frame.line_of_sight[row, column])
        raise FormatError("FID-2205", f"{int(bad.sum())} line-of-sight vectors are not of unit length or point down",
                          where=f"{folder}, row {row}, column {column}: ({vector})",
                          fix="E, N, U must be the unit vector from the ground to the satellite")  # fmt: skip

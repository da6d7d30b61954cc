"""The GRS80 ellipsoid: geocentric positions, and the local axes east, north, up."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SEMI_MAJOR_AXIS_M: Final = 6_378_137.0
FLATTENING: Final = 1.0 / 298.257222101
"""GRS80 (Moritz 2000)."""


def geocentric_position_m(longitude_deg: ArrayLike, latitude_deg: ArrayLike, height_m: ArrayLike = 0.0) -> Array:
    """Return geocentric positions of geodetic coordinates.

    Parameters
    ----------
    longitude_deg, latitude_deg, height_m : array_like, any common shape
        Geodetic, on GRS80; the height is ellipsoidal.

    Returns
    -------
    ndarray, shape (..., 3)
        X, Y, Z in metres; NaN where a coordinate is.

    Examples
    --------
    >>> geocentric_position_m(0.0, 0.0, 10.0).tolist()
    [6378147.0, 0.0, 0.0]
    """
    longitude, latitude = np.deg2rad(longitude_deg), np.deg2rad(latitude_deg)
    height = np.asarray(height_m, dtype=np.float64)
    eccentricity2 = FLATTENING * (2.0 - FLATTENING)
    normal = SEMI_MAJOR_AXIS_M / np.sqrt(1.0 - eccentricity2 * np.sin(latitude) ** 2)
    across = (normal + height) * np.cos(latitude)
    along = (normal * (1.0 - eccentricity2) + height) * np.sin(latitude) + 0.0 * longitude
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), along], axis=-1)


def local_axes(longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Array:
    """Return the unit vectors east, north, up in geocentric axes, shape (..., 3, 3): axis, component.

    Examples
    --------
    >>> local_axes(0.0, 0.0)[2].tolist()
    [1.0, 0.0, 0.0]
    """
    longitude, latitude = np.broadcast_arrays(np.deg2rad(longitude_deg), np.deg2rad(latitude_deg))
    sin_lon, cos_lon, sin_lat, cos_lat = np.sin(longitude), np.cos(longitude), np.sin(latitude), np.cos(latitude)
    east = np.stack([-sin_lon, cos_lon, np.zeros_like(longitude)], axis=-1)
    north = np.stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat], axis=-1)
    up = np.stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat], axis=-1)
    return np.stack([east, north, up], axis=-2)


def local_from_geocentric(vector: ArrayLike, longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Array:
    """Turn vectors, shape (..., 3), from geocentric axes to east, north, up; the unit is kept."""
    components = np.asarray(vector, dtype=np.float64)[..., np.newaxis, :]
    return np.asarray(np.sum(local_axes(longitude_deg, latitude_deg) * components, axis=-1), dtype=np.float64)


def geodetic_from_geocentric(position_m: ArrayLike) -> tuple[Array, Array, Array]:
    """Return longitude, latitude [deg] and ellipsoidal height [m] on GRS80 of geocentric positions, shape (..., 3).

    Examples
    --------
    >>> lon, lat, height = geodetic_from_geocentric([4027893.675, 307045.907, 4919475.172])
    >>> round(float(lon), 6), round(float(lat), 6), round(float(height), 3)
    (4.35922, 50.797819, 149.676)
    """
    position = np.asarray(position_m, dtype=np.float64)
    longitude, latitude, height = _to_geodetic().transform(position[..., 0], position[..., 1], position[..., 2])
    return np.asarray(longitude), np.asarray(latitude), np.asarray(height)


@cache
def _to_geodetic() -> Any:
    from pyproj import Transformer  # noqa: PLC0415 - a tenth of a second that most users of this module do not need

    pipeline = "+proj=pipeline +step +inv +proj=cart +ellps=GRS80 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    return Transformer.from_pipeline(pipeline)

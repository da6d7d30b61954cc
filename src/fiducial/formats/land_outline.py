"""The packaged outline of the land: Natural Earth 1:50 million (source and licence in ``land/README.md``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import rasterio.features
from numpy.typing import ArrayLike, NDArray
from rasterio.transform import from_origin

from fiducial.errors import InputError

ATTRIBUTION: Final = "land outline: Natural Earth 4.1.0, 1:50 million, public domain"

Rings = tuple[NDArray[np.float64], ...]

_STEP_DEG: Final = 0.02
_MAX_PIXELS: Final = 40_000_000


@dataclass(frozen=True, eq=False)
class LandOutline:
    """Land polygons.

    Attributes
    ----------
    polygons : tuple of tuple of ndarray, each of shape (vertex, 2)
        Longitude and latitude in degrees, closed; the first ring of a polygon is its outline, the others are holes.
        No edge crosses the meridian of 180°.
    """

    polygons: tuple[Rings, ...]

    def clipped_to(self, west: float, south: float, east: float, north: float) -> LandOutline:
        """Return the polygons whose bounds touch a box in degrees; they are not cut."""
        kept = []
        for rings in self.polygons:
            low, high = rings[0].min(axis=0), rings[0].max(axis=0)
            if low[0] <= east and high[0] >= west and low[1] <= north and high[1] >= south:
                kept.append(rings)
        return LandOutline(tuple(kept))

    def contains(self, longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> NDArray[np.bool_]:
        """Tell which places lie on land.

        Parameters
        ----------
        longitude_deg, latitude_deg : array_like, shape (place,)
            -180 to 180 and -90 to 90 degrees.

        Returns
        -------
        ndarray of bool, shape (place,)
            By a raster of 0.02° or, for areas beyond 40 million pixels, a coarser one: right except within about one
            pixel of the coast, where the outline itself is no better.

        Raises
        ------
        InputError
            FID-1400 when a place is not on the globe.
        """
        longitude = np.asarray(longitude_deg, dtype=np.float64)
        latitude = np.asarray(latitude_deg, dtype=np.float64)
        if not (np.all(np.abs(longitude) <= 180.0) and np.all(np.abs(latitude) <= 90.0)):
            raise InputError("FID-1400", "a place is not on the globe", where="longitude and latitude",
                             fix="give longitudes from -180 to 180 and latitudes from -90 to 90 degrees")  # fmt: skip
        if longitude.size == 0:
            return np.zeros(longitude.shape, dtype=bool)
        west, east = _widened(longitude, 180.0)
        south, north = _widened(latitude, 90.0)
        step = max(_STEP_DEG, float(np.sqrt((east - west) * (north - south) / _MAX_PIXELS)))
        shape = int(np.ceil((north - south) / step)), int(np.ceil((east - west) / step))
        # Pixels end at the bounds, so that none has its middle beyond a pole or 180°.
        size = (east - west) / shape[1], (north - south) / shape[0]
        land = self._raster(west, north, size, shape)
        row = np.minimum(((north - latitude) / size[1]).astype(np.intp), shape[0] - 1)
        column = np.minimum(((longitude - west) / size[0]).astype(np.intp), shape[1] - 1)
        return land[row, column]

    def _raster(
        self, west: float, north: float, size: tuple[float, float], shape: tuple[int, int]
    ) -> NDArray[np.bool_]:
        near = self.clipped_to(west, north - shape[0] * size[1], west + shape[1] * size[0], north)
        shapes: list[dict[str, Any]] = [
            {"type": "Polygon", "coordinates": [ring.tolist() for ring in rings]} for rings in near.polygons
        ]
        if not shapes:
            return np.zeros(shape, dtype=bool)
        burnt = rasterio.features.rasterize(
            shapes, out_shape=shape, transform=from_origin(west, north, *size), dtype="uint8"
        )
        return np.asarray(burnt, dtype=bool)


def _widened(values: NDArray[np.float64], limit: float) -> tuple[float, float]:
    """Return bounds half a pixel wider than the values, but not beyond the globe."""
    half = _STEP_DEG / 2.0
    return max(float(values.min()) - half, -limit), min(float(values.max()) + half, limit)


@cache
def land_outline() -> LandOutline:
    """Return the land of the Earth as packaged, read once.

    Returns
    -------
    LandOutline
        Natural Earth (2018), version 4.1.0, 1:50 million; lakes count as land, small islands are missing.
    """
    with files("fiducial.formats").joinpath("land", "land-50m.npz").open("rb") as source, np.load(source) as stored:
        steps, sizes, counts = stored["steps"], stored["vertices_of_ring"], stored["rings_of_polygon"]
        scale, origin = stored["scale_deg"], stored["origin_deg"]
    rings = []
    for part in np.split(steps, np.cumsum(sizes)[:-1]):
        # Rounding of the quantisation must not push a vertex off the globe.
        ring = np.clip(origin + scale * np.cumsum(part, axis=0, dtype=np.int64), [-180.0, -90.0], [180.0, 90.0])
        ring[ring[:, 1] < -89.99, 1] = -90.0  # the source closes Antarctica at 89.999° S
        rings.append(ring)
    ends = np.cumsum(counts)
    polygons = [tuple(rings[end - count : end]) for end, count in zip(ends, counts, strict=True)]
    return LandOutline(tuple(polygons))

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

_STEPS_DEG: Final = (0.02, 0.04)
_MAX_PIXELS: Final = 45_000_000


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
            By a raster of 0.02°, or 0.04° for areas beyond 45 million pixels: right except within about one
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
        step = next(step for step in _STEPS_DEG if _pixels(longitude, step) * _pixels(latitude, step) <= _MAX_PIXELS)
        # Counted from 180° W and 90° N, so that the answer for a place does not depend on the others.
        column = np.minimum(((longitude + 180.0) / step).astype(np.intp), round(360.0 / step) - 1)
        row = np.minimum(((90.0 - latitude) / step).astype(np.intp), round(180.0 / step) - 1)
        left, top = int(column.min()), int(row.min())
        shape = int(row.max()) - top + 1, int(column.max()) - left + 1
        land = self._raster(left * step - 180.0, 90.0 - top * step, step, shape)
        return np.asarray(land[row - top, column - left])

    def _raster(self, west: float, north: float, step: float, shape: tuple[int, int]) -> NDArray[np.bool_]:
        near = self.clipped_to(west, north - shape[0] * step, west + shape[1] * step, north)
        shapes: list[dict[str, Any]] = [
            {"type": "Polygon", "coordinates": [ring.tolist() for ring in rings]} for rings in near.polygons
        ]
        if not shapes:
            return np.zeros(shape, dtype=bool)
        burnt = rasterio.features.rasterize(
            shapes, out_shape=shape, transform=from_origin(west, north, step, step), dtype="uint8"
        )
        return np.asarray(burnt, dtype=bool)


def _pixels(values: NDArray[np.float64], step: float) -> float:
    return float(np.ptp(values)) / step + 2.0


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

"""Equal-area cells of the land around stations, or of a polygon."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree

from fiducial.chain.requirement_scoring import chord, unit_vectors
from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import InputError
from fiducial.formats.land_outline import land_outline
from fiducial.runs.chain_requirements_polygon import read_polygons
from fiducial.runs.export_area import GEOGRAPHIC, MAP, Outlines

Array = NDArray[np.float64]

COVERAGE_KM: Final = 100.0
"""A place farther than this from every station does not count as covered."""
MAX_CELLS: Final = 50_000_000
LEAST_CELL_KM: Final = 0.1
LARGEST_CELL_KM: Final = 500.0

_EUROPE: Final = (-35.58, 24.6, 44.83, 84.73)  # area of use of EPSG:3035
_GLOBAL: Final = "EPSG:6933"
_WIDEST_DEG: Final = 80.0
_ROWS: Final = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of one size in an equal-area projection.

    Attributes
    ----------
    longitude_deg, latitude_deg : ndarray, shape (cell,)
        Of the middles.
    row, column : ndarray of int, shape (cell,)
        Place in the grid; row 0 is the northernmost.
    shape : tuple of int
        Rows and columns of the grid.
    west_m, north_m, cell_m : float
        Upper left corner and size, in the projection.
    crs : str
    on_land : ndarray of bool, shape (cell,)
    """

    longitude_deg: Array
    latitude_deg: Array
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    shape: tuple[int, int]
    west_m: float
    north_m: float
    cell_m: float
    crs: str
    on_land: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.row)

    @property
    def area_km2(self) -> float:
        """Area of all cells."""
        return self.size * (self.cell_m / 1e3) ** 2

    def image(self, values: NDArray[np.int8], empty: int) -> NDArray[np.int8]:
        """Return values of cells as a grid, ``empty`` outside the area."""
        grid = np.full(self.shape, empty, dtype=np.int8)
        grid[self.row, self.column] = values
        return grid


def cells_around(longitude_deg: Array, latitude_deg: Array, cell_km: float) -> Cells:
    """Return the cells whose middle is land within 100 km of a station.

    Parameters
    ----------
    longitude_deg, latitude_deg : ndarray, shape (station,)
    cell_km : float

    Raises
    ------
    InputError
        FID-1405 when there is no such cell; FID-1407 for a cell size out of range, or too many cells.
    """
    crs = _projection(longitude_deg, latitude_deg)
    stations = unit_vectors(longitude_deg, latitude_deg)
    tree, limit = cKDTree(stations), chord(COVERAGE_KM)

    def covered(longitude: Array, latitude: Array) -> NDArray[np.bool_]:
        distance, _ = tree.query(unit_vectors(longitude, latitude), distance_upper_bound=limit)
        near = np.isfinite(distance)
        near[near] = land_outline().contains(longitude[near], latitude[near])
        return near

    outline = _circles(longitude_deg, latitude_deg)
    cells = _cells(crs, *outline, cell_km, covered)
    if cells.size == 0:
        raise _empty(f"no cell of {cell_km:g} km has its middle on land within {COVERAGE_KM:g} km of a station",
                     "choose smaller cells with --cell-km, or state the area with --polygon")  # fmt: skip
    return cells


def cells_inside(path: Path, cell_km: float) -> Cells:
    """Return the cells whose middle lies in the polygons of a file, land or not.

    Raises
    ------
    InputError
        FID-1405 when no cell's middle lies inside; FID-1406 for a polygon that is not one on the globe; FID-1407 for a
        cell size out of range, or too many cells; FID-1084 for a file without usable polygons.
    """
    outlines, longitude, latitude = read_polygons(path)

    def inside(cell_longitude: Array, cell_latitude: Array) -> NDArray[np.bool_]:
        return _contain(outlines, cell_longitude, cell_latitude)

    cells = _cells(_projection(longitude, latitude), longitude, latitude, cell_km, inside)
    if cells.size == 0:
        raise _empty(f"no cell of {cell_km:g} km has its middle in the polygon", "choose smaller cells with --cell-km")
    return cells


def _contain(outlines: Outlines, longitude: Array, latitude: Array) -> NDArray[np.bool_]:
    if outlines.crs == GEOGRAPHIC:
        return outlines.contain(longitude, latitude)
    x, y = Transformer.from_crs(GEOGRAPHIC, outlines.crs, always_xy=True).transform(longitude, latitude)
    return outlines.contain(np.asarray(x), np.asarray(y))


def _projection(longitude_deg: Array, latitude_deg: Array) -> str:
    """Return EPSG:3035 in Europe, a Lambert azimuthal one about the middle, or a cylindrical one for the globe."""
    west, south, east, north = _EUROPE
    if np.all((longitude_deg >= west) & (longitude_deg <= east) & (latitude_deg >= south) & (latitude_deg <= north)):
        return MAP
    vectors = unit_vectors(longitude_deg, latitude_deg)
    middle = vectors.mean(axis=0)
    length = float(np.linalg.norm(middle))
    if length < 1e-6 or np.min(vectors @ (middle / length)) < np.cos(np.deg2rad(_WIDEST_DEG)):
        return _GLOBAL
    latitude = round(float(np.rad2deg(np.arcsin(np.clip(middle[2] / length, -1.0, 1.0)))), 1)
    longitude = round(float(np.rad2deg(np.arctan2(middle[1], middle[0]))), 1)
    return f"+proj=laea +lat_0={latitude:g} +lon_0={longitude:g} +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"


def _circles(longitude_deg: Array, latitude_deg: Array) -> tuple[Array, Array]:
    """Return places on the circles of coverage, a little wider, so that their bounds hold every covered cell."""
    radius = 1.02 * COVERAGE_KM / MEAN_EARTH_RADIUS_KM
    centre = unit_vectors(longitude_deg, latitude_deg)[:, None, :]
    longitude = np.deg2rad(longitude_deg)[:, None]
    east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros_like(longitude)], axis=2)
    north = np.cross(centre, east)
    bearing = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)[None, :, None]
    # Sides of a 24-gon lie inside its circle by 1 - cos 7.5° = 0.9 %, which the 2 % above make good.
    places = np.cos(radius) * centre + np.sin(radius) * (np.cos(bearing) * north + np.sin(bearing) * east)
    x, y, z = places.reshape(-1, 3).T
    return np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arcsin(np.clip(z, -1.0, 1.0)))


def _bounds(crs: str, longitude: Array, latitude: Array, cell_m: float) -> tuple[int, int, int, int]:
    """Return west, south, east, north as whole numbers of cells: the grid is the same for any area."""
    forward = Transformer.from_crs(GEOGRAPHIC, crs, always_xy=True)
    if crs == _GLOBAL:
        # Circles may cross 180° or hold a pole, so all longitudes are searched.
        south, north = max(float(latitude.min()) - 1.0, -90.0), min(float(latitude.max()) + 1.0, 90.0)
        longitude, latitude = np.array([-180.0, 180.0]), np.array([south, north])
    x, y = (np.asarray(one) for one in forward.transform(longitude, latitude))
    low = int(np.floor(x.min() / cell_m)), int(np.floor(y.min() / cell_m))
    return *low, int(np.ceil(x.max() / cell_m)), int(np.ceil(y.max() / cell_m))


def _cells(
    crs: str,
    longitude: Array,
    latitude: Array,
    cell_km: float,
    wanted: Callable[[Array, Array], NDArray[np.bool_]],
) -> Cells:
    if not LEAST_CELL_KM <= cell_km <= LARGEST_CELL_KM:
        raise _cell_size(f"cells of {cell_km:g} km", f"choose {LEAST_CELL_KM:g} to {LARGEST_CELL_KM:g} km")
    cell_m = cell_km * 1e3
    west, south, east, north = _bounds(crs, longitude, latitude, cell_m)
    rows, columns = max(north - south, 1), max(east - west, 1)
    if rows * columns > MAX_CELLS:
        raise _cell_size(f"the area is a grid of {rows} by {columns} cells", "choose larger cells, or a smaller area")
    backward = Transformer.from_crs(crs, GEOGRAPHIC, always_xy=True)
    x = (west + np.arange(columns) + 0.5) * cell_m
    step = max(_ROWS // columns, 1)
    found: list[tuple[Array, Array, NDArray[np.intp]]] = []
    for first in range(0, rows, step):
        y = (north - np.arange(first, min(first + step, rows)) - 0.5) * cell_m
        grid = np.broadcast_arrays(x[None, :], y[:, None])
        lon, lat = (np.asarray(one) for one in backward.transform(grid[0].ravel(), grid[1].ravel()))
        real = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
        real[real] = wanted(lon[real], lat[real])
        number = np.flatnonzero(real)
        found.append((lon[number], lat[number], number + first * columns))
    lon, lat, number = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Cells(lon, lat, number // columns, number % columns, (rows, columns), west * cell_m, north * cell_m, cell_m,
                 crs, land_outline().contains(lon, lat))  # fmt: skip


def name_of(crs: str) -> str:
    """Return a projection's name for people."""
    middle = re.search(r"\+lat_0=(\S+) \+lon_0=(\S+)", crs)
    return (
        crs
        if middle is None
        else f"Lambert azimuthal equal-area about {middle[1]}°, {middle[2]}° (latitude, longitude)"
    )


def _empty(problem: str, fix: str) -> InputError:
    return InputError("FID-1405", problem, where="area", fix=fix)


def _cell_size(problem: str, fix: str) -> InputError:
    return InputError("FID-1407", problem, where="--cell-km", fix=fix)

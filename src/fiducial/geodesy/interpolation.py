"""Regular map grids as EGMS uses them, and bilinear interpolation as a linear operator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from scipy.sparse import coo_array, csr_array

from fiducial.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MapGrid:
    """Nodes of a regular map grid.

    Attributes
    ----------
    easting, northing : ndarray, shape (column,) and (row,)
        Increasing multiples of the spacing, metres.
    spacing_m : float
    """

    easting: Array
    northing: Array
    spacing_m: float

    @property
    def nodes(self) -> tuple[Array, Array]:
        """Easting and northing of every node, row by row, each of shape (row * column,)."""
        easting, northing = np.meshgrid(self.easting, self.northing)
        return easting.ravel(), northing.ravel()

    def bilinear(self, easting: Array, northing: Array) -> csr_array:
        """Return W, sparse of shape (point, node), with value(point) = W @ value(node).

        Raises
        ------
        InputError
            FID-1064 when a point lies outside the grid: nothing is extrapolated.

        Notes
        -----
        The operator itself is needed, not only its product: W C W' carries the covariance of the nodes over.
        """
        columns, rows = len(self.easting), len(self.northing)
        u = (np.asarray(easting, dtype=np.float64) - self.easting[0]) / self.spacing_m
        v = (np.asarray(northing, dtype=np.float64) - self.northing[0]) / self.spacing_m
        if not (np.all(u >= 0) and np.all(u <= columns - 1) and np.all(v >= 0) and np.all(v <= rows - 1)):
            raise InputError(
                "FID-1064",
                "a point lies outside the GNSS grid, or has no map coordinates",
                where=f"grid {self.easting[0]:.0f}..{self.easting[-1]:.0f} E, "
                f"{self.northing[0]:.0f}..{self.northing[-1]:.0f} N",
                fix="make the grid from the points (`covering_grid`), or clip the points to it",
            )
        column = np.minimum(u.astype(np.int64), columns - 2)
        row = np.minimum(v.astype(np.int64), rows - 2)
        du, dv = u - column, v - row
        node = row * columns + column
        index = np.stack([node, node + 1, node + columns, node + columns + 1])
        weight = np.stack([(1 - du) * (1 - dv), du * (1 - dv), (1 - du) * dv, du * dv])
        point = np.tile(np.arange(len(u)), 4)
        entries = coo_array((weight.ravel(), (point, index.ravel())), shape=(len(u), rows * columns))
        return csr_array(entries)


def covering_grid(easting: Array, northing: Array, spacing_m: float) -> MapGrid:
    """Return the smallest grid of multiples of ``spacing_m`` around all points, at least two by two nodes.

    Raises
    ------
    InputError
        FID-1064 when there is no point or a coordinate is not finite.
    """
    if not (len(easting) and np.isfinite(easting).all() and np.isfinite(northing).all()):
        raise InputError(
            "FID-1064",
            "a point lies outside the GNSS grid, or has no map coordinates",
            where="points to be covered by a grid",
            fix="leave out points without coordinates",
        )

    def axis(values: Array) -> Array:
        first = int(np.floor(values.min() / spacing_m))
        last = max(int(np.ceil(values.max() / spacing_m)), first + 1)
        return np.asarray(np.arange(first, last + 1) * spacing_m, dtype=np.float64)

    return MapGrid(axis(easting), axis(northing), float(spacing_m))


def unproject(easting: Array, northing: Array, crs: str) -> tuple[Array, Array]:
    """Return longitude and latitude in degrees (geographic coordinates of the CRS itself, no datum shift).

    Raises
    ------
    InputError
        FID-1065 when PROJ does not know the coordinate reference system.
    """
    transformer = _to_map(crs)
    longitude, latitude = transformer.transform(easting, northing, direction="INVERSE")
    return np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)


def project(longitude_deg: Array, latitude_deg: Array, crs: str) -> tuple[Array, Array]:
    """Return easting and northing in metres of geographic coordinates on the CRS's own datum.

    Raises
    ------
    InputError
        FID-1065 when PROJ does not know the coordinate reference system.
    """
    easting, northing = _to_map(crs).transform(longitude_deg, latitude_deg)
    return np.asarray(easting, dtype=np.float64), np.asarray(northing, dtype=np.float64)


def _to_map(crs: str) -> Transformer:
    try:
        system = CRS.from_user_input(crs)
    except CRSError:
        system = None
    if system is None or not system.is_projected or system.geodetic_crs is None:
        raise InputError(
            "FID-1065",
            "unknown coordinate reference system, or not a map projection",
            where=crs,
            fix="name a map projection that PROJ knows, such as EPSG:3035",
        )
    return Transformer.from_crs(system.geodetic_crs, system, always_xy=True)

"""The part of a product that is wanted: a box or the polygons of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from fiducial.errors import InputError

GEOGRAPHIC: Final = "EPSG:4326"
MAP: Final = "EPSG:3035"
COLUMNS: Final = ("longitude", "latitude", "easting", "northing")

_MAP_PREFIX: Final = f"{MAP}:"
_POLYGON: Final = 3
_COLLECTIONS: Final = frozenset({6, 7})  # MultiPolygon, GeometryCollection

Rings = tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Outlines:
    """Polygons of a file.

    Attributes
    ----------
    crs : str
    bounds : tuple of float
        West, south, east, north.
    polygons : tuple of tuple of ndarray, each of shape (vertex, 2)
        Rings of each polygon, the outer one and its holes in any order.
    """

    crs: str
    bounds: tuple[float, float, float, float]
    polygons: tuple[Rings, ...]

    def contain(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which positions lie in a polygon."""
        inside = _in_box(x, y, self.bounds)
        near = np.flatnonzero(inside)
        if len(near):
            inside[near] = self._cover(np.column_stack([x[near], y[near]]))
        return inside

    def _cover(self, position: NDArray[np.float64]) -> NDArray[np.bool_]:
        from matplotlib.path import Path as Outline

        covered = np.zeros(len(position), dtype=bool)
        for rings in self.polygons:
            # Even-odd rule: a hole lies in two rings.
            crossings = np.zeros(len(position), dtype=bool)
            for ring in rings:
                crossings ^= Outline(ring).contains_points(position)
            covered |= crossings
        return covered


@dataclass(frozen=True)
class Area:
    """The part that is wanted: inside a box, its sides included, and inside polygons, whichever is given.

    Attributes
    ----------
    bbox : tuple of float, optional
        West, south, east, north.
    polygons : Path, optional
        Vector file (first layer), such as GeoJSON or GeoPackage, in any coordinate reference system.
    crs : str
        Of the box: ``EPSG:4326`` for degrees, ``EPSG:3035`` for metres.

    Raises
    ------
    InputError
        FID-1083 for a box that is none, FID-1084 for a file without usable polygons.
    """

    bbox: tuple[float, float, float, float] | None = None
    polygons: Path | None = None
    crs: str = GEOGRAPHIC

    def __post_init__(self) -> None:
        if self.bbox is None and self.polygons is None:
            raise _malformed("neither a box nor polygons", "")
        if self.bbox is not None:
            self._check_box(self.bbox)
        _ = self.outlines

    def _check_box(self, bounds: tuple[float, float, float, float]) -> None:
        if self.crs not in {GEOGRAPHIC, MAP}:
            raise _malformed(f"a box in {self.crs}", self.text)
        west, south, east, north = bounds
        if not np.isfinite(bounds).all() or not (west < east and south < north):
            raise _malformed("the sides do not stand in the order west, south, east, north", self.text)
        if self.crs == GEOGRAPHIC and (max(abs(west), abs(east)) > 180.0 or max(abs(south), abs(north)) > 90.0):
            raise _malformed("the sides are no degrees", self.text)

    @property
    def text(self) -> str:
        """The area as a user states it."""
        sides = "" if self.bbox is None else ",".join(f"{side:.10g}" for side in self.bbox)
        box = _MAP_PREFIX + sides if sides and self.crs == MAP else sides
        return " and ".join(part for part in (box, str(self.polygons or "")) if part)

    @property
    def identity(self) -> str:
        """The area as a run depends on it: the vertices of polygons, not the name of their file."""
        box = "" if self.bbox is None else f"{self.crs}:{self.bbox}"
        if self.outlines is None:
            return box
        digest = hashlib.sha256(self.outlines.crs.encode())
        for rings in self.outlines.polygons:
            for ring in rings:
                digest.update(np.ascontiguousarray(ring).data)
        return f"{box} {digest.hexdigest()}"

    @cached_property
    def outlines(self) -> Outlines | None:
        """Polygons of the file; None without one."""
        return None if self.polygons is None else _read_outlines(self.polygons)

    def contains(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Tell which points lie inside.

        Parameters
        ----------
        columns : mapping of str to ndarray, shape (point,)
            With ``longitude``, ``latitude`` (degrees) and ``easting``, ``northing`` (metres, EPSG:3035).
        """
        inside = np.ones(len(columns["longitude"]), dtype=bool)
        if self.bbox is not None:
            inside &= _in_box(*_coordinates(columns, self.crs), self.bbox)
        if self.outlines is not None:
            inside &= self.outlines.contain(*_coordinates(columns, self.outlines.crs))
        return inside


def _in_box(
    x: NDArray[np.float64], y: NDArray[np.float64], bounds: tuple[float, float, float, float]
) -> NDArray[np.bool_]:
    west, south, east, north = bounds
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north))


def _coordinates(columns: Mapping[str, NDArray[Any]], crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    names = ("easting", "northing") if crs == MAP else ("longitude", "latitude")
    x, y = (np.asarray(columns[name], dtype=np.float64) for name in names)
    if crs in {MAP, GEOGRAPHIC}:
        return x, y
    # An edge is straight in the system of the file, so the points go there and not the edges to the points.
    there = Transformer.from_crs(GEOGRAPHIC, crs, always_xy=True).transform(x, y)
    return np.asarray(there[0]), np.asarray(there[1])


def parse_area(text: str) -> Area:
    """Read an area as a user states it.

    Parameters
    ----------
    text : str
        ``W,S,E,N`` in degrees, ``EPSG:3035:W,S,E,N`` in metres, or the path of a file with polygons.

    Raises
    ------
    InputError
        FID-1083 for a box that is none, FID-1084 for a file without usable polygons.

    Examples
    --------
    >>> parse_area("13.1, 38.6, 13.3, 38.8").bbox
    (13.1, 38.6, 13.3, 38.8)
    >>> parse_area("EPSG:3035:4597000,1739000,4599000,1741000").crs
    'EPSG:3035'
    """
    stripped = text.strip()
    if Path(stripped).is_file():
        return Area(polygons=Path(stripped))
    projected = stripped.upper().startswith(_MAP_PREFIX)
    sides = stripped[len(_MAP_PREFIX) :] if projected else stripped
    try:
        west, south, east, north = (float(side) for side in sides.split(","))
    except ValueError as error:
        raise _malformed("neither four numbers nor a file", text) from error
    return Area((west, south, east, north), crs=MAP if projected else GEOGRAPHIC)


def _malformed(problem: str, text: str) -> InputError:
    return InputError(
        "FID-1083",
        f"not an area: {problem}",
        where=text[:120] or "area",
        fix="give W,S,E,N in degrees, EPSG:3035:W,S,E,N in metres, or a GeoJSON or GeoPackage file with polygons",
    )


def _unusable(path: Path, problem: str, fix: str) -> InputError:
    return InputError("FID-1084", problem, where=str(path), fix=fix)


def _read_outlines(path: Path) -> Outlines:
    """Read polygons; FID-1084 when there are none, or nobody knows where they are."""
    try:
        meta, _, geometries, _ = pyogrio.raw.read(path, columns=[], force_2d=True)
    except (pyogrio.errors.DataLayerError, pyogrio.errors.DataSourceError, ValueError) as error:
        raise _unusable(path, f"the file cannot be read: {error}", "give a GeoJSON or GeoPackage file") from error
    crs = _crs(meta.get("crs"), path)
    polygons = [rings for geometry in geometries if geometry is not None for rings in _polygons(bytes(geometry), path)]
    if not polygons:
        raise _unusable(path, "the file holds no polygon", "draw the area as a polygon")
    vertices = np.concatenate([ring for rings in polygons for ring in rings])
    low, high = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    return Outlines(crs, (low[0], low[1], high[0], high[1]), tuple(polygons))


def _crs(text: str | None, path: Path) -> str:
    fix = "save it with a coordinate reference system, or as GeoJSON in longitude and latitude"
    if not text:
        raise _unusable(path, "the file names no coordinate reference system", fix)
    try:
        system = CRS.from_user_input(text)
    except CRSError as error:
        raise _unusable(path, f"unknown coordinate reference system {text[:60]!r}", fix) from error
    return next((known for known in (GEOGRAPHIC, MAP) if system.equals(CRS(known), ignore_axis_order=True)), text)


def _polygons(geometry: bytes, path: Path) -> list[Rings]:
    """Take polygons out of two-dimensional well-known binary (OGC 06-103r4)."""
    found: list[Rings] = []
    _parse(geometry, 0, found, path)
    return found


def _parse(raw: bytes, start: int, found: list[Rings], path: Path) -> int:
    order = "<" if raw[start] == 1 else ">"
    kind, count = (int(number) for number in np.frombuffer(raw, f"{order}u4", 2, start + 1))
    position = start + 9
    if kind in _COLLECTIONS:
        for _ in range(count):
            position = _parse(raw, position, found, path)
        return position
    if kind != _POLYGON:
        raise _unusable(path, f"a geometry of kind {kind} is no polygon", "keep only polygons without curves")
    rings = []
    for _ in range(count):
        size = int(np.frombuffer(raw, f"{order}u4", 1, position)[0])
        ring = np.frombuffer(raw, f"{order}f8", 2 * size, position + 4).reshape(size, 2)
        rings.append(ring.astype(np.float64))
        position += 4 + 16 * size
    found.append(tuple(rings))
    return position

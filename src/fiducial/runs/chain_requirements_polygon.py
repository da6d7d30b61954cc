"""The polygon that a requirement is scored in: read, and refused when it is not one on the globe."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial.errors import InputError
from fiducial.runs.export_area import GEOGRAPHIC, Area, Outlines

Array = NDArray[np.float64]

MAX_VERTICES: Final = 50_000
_BLOCK: Final = 1_000_000
_SIDE_POINTS: Final = 16


def read_polygons(path: Path) -> tuple[Outlines, Array, Array]:
    """Read the polygons of a file.

    Parameters
    ----------
    path : Path
        Vector file, such as GeoJSON or GeoPackage, in any coordinate reference system that it names.

    Returns
    -------
    outlines : Outlines
        In the system of the file.
    longitude_deg, latitude_deg : ndarray
        Places along their sides.

    Raises
    ------
    InputError
        FID-1084 for a file without usable polygons; FID-1406 when a polygon is not on the globe in the system that
        the file names, has a side of more than 180°, crosses itself, or has too many vertices.
    """
    if not path.is_file():
        raise InputError("FID-1001", "no such polygon file", where=str(path), fix="check the path")
    outlines = Area(polygons=path).outlines
    assert outlines is not None  # noqa: S101 - an area of polygons has them
    rings = [ring for rings in outlines.polygons for ring in rings]
    total = sum(len(ring) for ring in rings)
    if total > MAX_VERTICES:
        raise _faulty(path, f"the polygons have {total} vertices", f"simplify them to at most {MAX_VERTICES}")
    places = np.concatenate([_along(ring) for ring in rings])
    with np.errstate(invalid="ignore"):
        x, y = places.T
        if outlines.crs != GEOGRAPHIC:
            x, y = (np.asarray(one) for one in
                    Transformer.from_crs(outlines.crs, GEOGRAPHIC, always_xy=True).transform(x, y))  # fmt: skip
    if not (np.all(np.abs(x) <= 180.0) and np.all(np.abs(y) <= 90.0)):
        raise _faulty(path, f"coordinates are not places of {outlines.crs[:40]}",
                      "state the coordinate reference system of the numbers in the file; longitudes go from -180 to 180")  # fmt: skip
    for ring in rings:
        if outlines.crs == GEOGRAPHIC and np.abs(np.diff(ring[:, 0])).max(initial=0.0) > 180.0:
            box = np.ptp(ring[:, 0]) == 360.0 and len(ring) <= 5
            if not box:
                raise _faulty(path, "a side is longer than 180° of longitude",
                              "cut the polygon at the meridian of 180°, as GeoJSON (RFC 7946) wants it")  # fmt: skip
        crossing = first_crossing(ring)
        if crossing is not None:
            raise _faulty(path, f"the outline crosses itself near {crossing[0]:.6g}, {crossing[1]:.6g}",
                          "draw it so that its sides meet at vertices only")  # fmt: skip
    return outlines, np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def _along(ring: Array) -> Array:
    """Return vertices and places between them: sides that are straight in one projection are bent in another."""
    share = np.linspace(0.0, 1.0, _SIDE_POINTS, endpoint=False)[None, :, None]
    return np.asarray((ring[:-1, None, :] + share * np.diff(ring, axis=0)[:, None, :]).reshape(-1, 2))


def first_crossing(ring: Array) -> tuple[float, float] | None:
    """Return a vertex of a side that properly crosses another one of a closed ring, or None.

    Parameters
    ----------
    ring : ndarray, shape (vertex, 2)
        First vertex and last one are the same.
    """
    start, end = ring[:-1], ring[1:]
    order = np.argsort(np.minimum(start[:, 0], end[:, 0]), kind="stable")
    start, end = start[order], end[order]
    low, high = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    # Only sides that begin, in x, before another one ends can cross it.
    last = np.searchsorted(low, high, side="right")
    counts = np.maximum(last - np.arange(len(low)) - 1, 0)
    block = np.cumsum(counts) // _BLOCK
    for number in np.unique(block):
        sides = np.flatnonzero(block == number)
        many = counts[sides]
        one = np.repeat(sides, many)
        other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
        hit = np.flatnonzero(_cross(start[one], end[one], start[other], end[other]))
        if hit.size:
            return float(start[one[hit[0]], 0]), float(start[one[hit[0]], 1])
    return None


def _cross(a: Array, b: Array, c: Array, d: Array) -> NDArray[np.bool_]:
    def side(p: Array, q: Array, r: Array) -> Array:
        return np.asarray((q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0]))

    return np.asarray((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0))


def _faulty(path: Path, problem: str, fix: str) -> InputError:
    return InputError("FID-1406", problem, where=str(path), fix=fix)

"""Checks of parsed EGMS rows: identifiers, one burst a file, unit line of sight, map coordinates."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial.errors import FormatError
from fiducial.formats.egms import EgmsFile
from fiducial.formats.egms_columns import WHOLE_COLUMNS
from fiducial.formats.egms_csv import Rows
from fiducial.formats.egms_names import BurstName, TileName
from fiducial.geodesy import line_of_sight
from fiducial.motion.identifiers import decode_cells, decode_points

LINE_OF_SIGHT_TOLERANCE: Final = 0.005
"""Three printed decimals allow 0.0009; more means another quantity or a damaged column."""

_WHOLE_LIMIT: Final = 2**31

_TILE_M: Final = 100_000

MAP_TOLERANCE_M: Final = 5.0
"""Printed latitude and longitude (six decimals) and easting and northing agree to 0.07 m in EPSG:3035."""


@lru_cache(maxsize=1)
def _to_map() -> Transformer:
    # ETRS89 geographic, as EGMS does: its latitudes are called WGS84 but projected without a datum shift.
    return Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True)


def map_difference_m(
    longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64],
    easting: NDArray[np.float64], northing: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Return the distance between stated map coordinates (EPSG:3035) and projected geographic ones, metres."""
    projected = _to_map().transform(longitude_deg, latitude_deg)
    distance = np.hypot(projected[0] - easting, projected[1] - northing)
    return np.where(np.isfinite(distance), distance, np.inf)


def _first(mask: NDArray[np.bool_], file: EgmsFile, rows: Rows) -> str:
    return f"{file.where}, line {rows.first_line + int(np.argmax(mask))}"


def check(rows: Rows, file: EgmsFile, burst: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    """Check parsed rows of one file.

    Parameters
    ----------
    rows : Rows
    file : EgmsFile
    burst : tuple of int or None
        Track, burst and swath of the rows before, None for the first ones.

    Returns
    -------
    tuple of int or None
        Track, burst and swath of these rows; None for Level 3.

    Raises
    ------
    FormatError
        FID-2007 more than one burst, FID-2009 line, pixel or cluster not a whole number, FID-2008 line of sight not of unit length, FID-2015 burst other than the
        file name's, FID-2016 invalid identifier, FID-2020 coordinates not in EPSG:3035.
    """
    columns = rows.attributes
    for name in ("easting", "northing"):
        if (bad := ~np.isfinite(columns[name])).any():
            raise FormatError(
                "FID-2020", f"{name} is missing", where=_first(bad, file, rows), fix="use the file as delivered"
            )
    if file.level == "L3":
        _check_cells(rows, file)
        return None
    ids = decode_points(columns["pid"])
    if (bad := ids.track < 0).any():
        raise FormatError(
            "FID-2016",
            "not a point identifier",
            where=_first(bad, file, rows),
            fix="use the pid column as delivered: ten base-62 symbols",
        )
    _check_whole(rows, file)
    _check_geometry(rows, file)
    expected = burst or (int(ids.track[0]), int(ids.burst[0]), int(ids.swath[0]))
    if (bad := (ids.track != expected[0]) | (ids.burst != expected[1]) | (ids.swath != expected[2])).any():
        raise FormatError(
            "FID-2007",
            "points of more than one burst in one file",
            where=_first(bad, file, rows),
            fix="give each burst its own file; `fiducial motion export --merge` joins imported bursts",
        )
    if burst is None and isinstance(file.name, BurstName):
        named = (file.name.track, file.name.burst, file.name.swath)
        if named != expected:
            raise FormatError(
                "FID-2015",
                f"contradiction about the burst: name says {named}, identifiers say {expected}",
                where=file.where,
                fix="do not rename files",
            )
    return expected


def _check_whole(rows: Rows, file: EgmsFile) -> None:
    for name in sorted(WHOLE_COLUMNS & rows.attributes.keys()):
        column = rows.attributes[name]
        whole = (column == np.rint(column)) & (np.abs(column) < _WHOLE_LIMIT)
        if (bad := ~(whole | np.isnan(column))).any():
            raise FormatError(
                "FID-2009",
                f"not a whole number: {column[int(np.argmax(bad))]:g}",
                where=f"{_first(bad, file, rows)}, column {name}",
                fix="use the file as delivered",
            )


def _check_geometry(rows: Rows, file: EgmsFile) -> None:
    columns = rows.attributes
    vectors = np.column_stack([columns["los_east"], columns["los_north"], columns["los_up"]])
    with np.errstate(over="ignore"):
        error = line_of_sight.norm_error(vectors)
    if (bad := ~(error <= LINE_OF_SIGHT_TOLERANCE)).any():
        length = math.hypot(*vectors[int(np.argmax(bad))])
        raise FormatError(
            "FID-2008",
            f"the line of sight has length {length:.3f} instead of 1",
            where=_first(bad, file, rows),
            fix="los_east, los_north and los_up must be the unit vector from the ground to the satellite",
        )
    difference = map_difference_m(columns["longitude"], columns["latitude"], columns["easting"], columns["northing"])
    if (bad := ~(difference <= MAP_TOLERANCE_M)).any():
        raise FormatError(
            "FID-2020",
            "easting and northing are not those of longitude and latitude in EPSG:3035",
            where=_first(bad, file, rows),
            fix="give map coordinates in ETRS89-LAEA (EPSG:3035), metres",
        )


def _check_cells(rows: Rows, file: EgmsFile) -> None:
    columns = rows.attributes
    _, easting, northing = decode_cells(columns["pid"])
    if (bad := easting < 0).any():
        raise FormatError(
            "FID-2016",
            "not a cell identifier",
            where=_first(bad, file, rows),
            fix="use the pid column as delivered: ten base-62 symbols",
        )
    if (bad := (easting != columns["easting"]) | (northing != columns["northing"])).any():
        raise FormatError(
            "FID-2020",
            "easting and northing are not those of the cell identifier in EPSG:3035",
            where=_first(bad, file, rows),
            fix="give cell centres in ETRS89-LAEA (EPSG:3035), metres",
        )
    if isinstance(file.name, TileName):
        corner = file.name.easting_100km, file.name.northing_100km
        if (bad := (easting // _TILE_M != corner[0]) | (northing // _TILE_M != corner[1])).any():
            raise FormatError(
                "FID-2015",
                f"a cell lies outside the tile that the name says, E{corner[0]:02d}N{corner[1]:02d}",
                where=_first(bad, file, rows),
                fix="do not rename files",
            )

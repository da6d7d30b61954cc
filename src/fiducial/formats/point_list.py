"""Lists of points: ``longitude latitude [name]`` in degrees, separated by commas or blanks."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats.text_source import open_source

_COMMENT: Final = "#*%"
_ROLES: Final = {
    "longitude": "longitude", "lon": "longitude", "longitude_deg": "longitude", "lon_deg": "longitude",
    "latitude": "latitude", "lat": "latitude", "latitude_deg": "latitude", "lat_deg": "latitude",
    "name": "name", "station": "name", "site": "name", "code": "name", "id": "name", "pid": "name",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class PointList:
    """Points with names.

    Attributes
    ----------
    names : tuple of str
        Their number in the file where it has no names.
    longitude_deg, latitude_deg : ndarray, shape (point,)
    """

    names: tuple[str, ...]
    longitude_deg: NDArray[np.float64]
    latitude_deg: NDArray[np.float64]


def read(source: str | Path | bytes) -> PointList:
    """Read a list of points.

    Parameters
    ----------
    source : path or bytes
        UTF-8. Lines that start with ``#``, ``*`` or ``%`` are comments. A first line of column names (lon or longitude,
        lat or latitude, name or station; others are passed over) gives the order, otherwise it is longitude, latitude,
        name.

    Raises
    ------
    FormatError
        FID-2400, FID-2401 when the file cannot be read.
    InputError
        FID-1341 with the line, when a row does not fit or there is none.
    """
    content = open_source(source)
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("FID-1341", "not a text file", where=content.name, fix="give a list of points") from error
    place: dict[str, int] | None = None
    rows: list[tuple[float, float]] = []
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip()[0] in _COMMENT:
            continue
        where = f"{content.name}, line {number}"
        cells = _cells(line, where)
        if place is None:
            place = _header(cells, where)
            if place is not None:
                continue
            place = {"longitude": 0, "latitude": 1, "name": 2}
        rows.append(_position(cells, place, where))
        column = place.get("name", len(cells))
        names.append(cells[column] if column < len(cells) else str(len(rows)))
    if not rows:
        _unfit("no points", content.name)
    table = np.array(rows, dtype=np.float64)
    return PointList(tuple(names), table[:, 0].copy(), table[:, 1].copy())


def _cells(line: str, where: str) -> list[str]:
    try:
        cells = next(csv.reader([line])) if "," in line else re.split(r"\s+", line.strip())
    except csv.Error as error:
        _unfit(str(error), where)
    return [cell.strip() for cell in cells]


def _header(cells: list[str], where: str) -> dict[str, int] | None:
    roles = [_ROLES.get(cell.lower(), "") for cell in cells]
    if "longitude" not in roles and "latitude" not in roles:
        return None
    place: dict[str, int] = {role: roles.index(role) for role in ("longitude", "latitude", "name") if role in roles}
    if "longitude" not in place or "latitude" not in place:
        _unfit("the header names only one of longitude and latitude", where)
    return place


def _position(cells: list[str], place: dict[str, int], where: str) -> tuple[float, float]:
    try:
        longitude, latitude = float(cells[place["longitude"]]), float(cells[place["latitude"]])
    except (ValueError, IndexError):
        _unfit(f"{' '.join(cells)[:60]!r} does not begin with, or hold, a longitude and a latitude", where)
    if not (abs(longitude) <= 360.0 and abs(latitude) <= 90.0):
        _unfit(f"longitude {longitude:g}, latitude {latitude:g} lies outside the Earth", where)
    return longitude, latitude


def _unfit(problem: str, where: str) -> NoReturn:
    raise InputError("FID-1341", problem, where=where,
                     fix="give longitude and latitude in degrees, in this order, or name the columns")  # fmt: skip

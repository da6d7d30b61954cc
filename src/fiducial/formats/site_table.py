"""Tables of sites that are trusted: names, DOMES numbers, places and, where known, antennas and receivers.

A line of column names, then a row a site, separated by commas or tabs; the list of stations that IGS publishes as CSV is
such a table. Columns that are not known are passed over.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.stations.solution import SolutionHeader, StationSolution
from fiducial.stations.solution_tables import EquipmentTable, ParameterTable, SiteTable

_ROLES: Final = {
    "station": "station", "stationname": "station", "site": "station", "code": "station", "name": "station",
    "point": "point", "pt": "point", "domes": "domes", "domesnumber": "domes", "iersdomes": "domes",
    "longitude": "longitude", "longitudedeg": "longitude", "lon": "longitude",
    "latitude": "latitude", "latitudedeg": "latitude", "lat": "latitude",
    "height": "height", "heightm": "height", "x": "x", "xm": "x", "y": "y", "ym": "y", "z": "z", "zm": "z",
    "antenna": "antenna", "antennaname": "antenna", "radome": "radome", "radometype": "radome",
    "receiver": "receiver", "receivername": "receiver", "start": "start", "end": "end",
}  # fmt: skip
_STATION: Final = re.compile(r"[A-Za-z0-9]{4}(\d{2}[A-Za-z]{3})?")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_DATE: Final = re.compile(r"(19|20)\d\d-\d\d-\d\d", re.ASCII)
_ANTENNA_WIDTH: Final = 16
_LARGEST: Final = {"longitude": 360.0, "latitude": 90.0, "height": 1e5, "x": 7e6, "y": 7e6, "z": 7e6}
_WORDS: Final = ("station", "radome")
"""Columns in which NONE is a word."""
_MISSING: Final = frozenset({"", "-", "nan", "none", "n/a"})


def read(source: str | Path | bytes, *, name: str = "") -> StationSolution:
    """Read a table of sites.

    Parameters
    ----------
    source : path or bytes
        UTF-8. Column ``station`` (four characters, or nine of which the first four are the code); optional ``point``
        (``A``), ``domes``, ``longitude``, ``latitude`` in degrees and ``height`` in metres, or ``x``, ``y``, ``z`` in metres,
        ``antenna``, ``radome``, ``receiver``, ``start``, ``end`` (ISO dates of the equipment, UTC). A site with several
        antennas in time stands in several rows.
    name : str, optional
        What messages call the table.

    Returns
    -------
    StationSolution
        Sites, antennas and receivers; no estimates. What a table does not say is empty or NaN.

    Raises
    ------
    FormatError
        FID-2485 with line and column when the table or a row does not fit; FID-2400, FID-2401 unreadable.
    """
    content = open_source(source, name=name)
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unfit("the table is not UTF-8 text", content.name) from error
    header: list[str] = []
    rows: list[dict[str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or (header and line.lstrip().startswith("#")):
            continue
        where = f"{content.name}, line {number}"
        cells = _cells(line, where)
        if not header:
            header = _header(cells, where)
            continue
        if len(cells) != len(header):
            raise _unfit(f"{len(cells)} columns instead of {len(header)}", where)
        rows.append(_row({role: cell for role, cell in zip(header, cells, strict=True) if role}, where))
    if not rows:
        raise _unfit("the table has no sites", content.name)
    return StationSolution(SolutionHeader(), _no_parameters(), sites=_sites(rows),
                           antennas=_equipment(rows, "antenna"), receivers=_equipment(rows, "receiver"))  # fmt: skip


def _cells(line: str, where: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter="," if "," in line else "\t", strict=True))]
    except (csv.Error, StopIteration) as error:
        raise _unfit(f"the line is no row of a table: {error}", where) from error


def _header(cells: list[str], where: str) -> list[str]:
    roles = [_ROLES.get(re.sub(r"[^a-z]", "", cell.lower()), "") for cell in cells]
    known = [role for role in roles if role]
    if "station" not in known or len(set(known)) < len(known):
        raise _unfit("the first line does not name the columns, with station among them and none twice", where)
    places = ({"x", "y", "z"}, {"longitude", "latitude", "height"})
    if any(place & set(known) and not place <= set(known) for place in places):
        raise _unfit("of x, y and z, and of longitude, latitude and height, there must be all or none", where)
    return roles


def _row(cells: dict[str, str], where: str) -> dict[str, str]:
    """Check the cells of a row; missing ones become empty."""
    row = {role: "" if cell.lower() in _MISSING and role not in _WORDS else cell for role, cell in cells.items()}
    if not _STATION.fullmatch(row["station"]):
        raise _unfit(f"{row['station']!r} is no station of four or nine characters", f"{where}, column station")
    for role, largest in _LARGEST.items():
        cell = row.get(role, "")
        if cell and not (_NUMBER.fullmatch(cell) and abs(float(cell)) <= largest):
            raise _unfit(f"{cell!r} is no {role}", f"{where}, column {role}")
    for role in ("start", "end"):
        cell = row.get(role, "")
        if cell and np.isnat(_date(cell)):
            raise _unfit(f"{cell!r} is no date", f"{where}, column {role}")
    return row


def _date(cell: str) -> np.datetime64:
    try:
        return np.datetime64(cell if _DATE.fullmatch(cell) else "NaT", "ns")
    except ValueError:
        return np.datetime64("NaT", "ns")


def _texts(rows: list[dict[str, str]], role: str, default: str = "") -> NDArray[np.str_]:
    return np.array([row.get(role) or default for row in rows], dtype=np.str_)


def _numbers(rows: list[dict[str, str]], role: str) -> NDArray[np.float64]:
    return np.array([float(row.get(role) or "nan") for row in rows])


def _codes(rows: list[dict[str, str]]) -> NDArray[np.str_]:
    return np.array([row["station"][:4].upper() for row in rows], dtype=np.str_)


def _sites(rows: list[dict[str, str]]) -> SiteTable:
    # Rows that only tell another antenna of a site are one site.
    keys = [(row["station"].upper(), *(row.get(role, "") for role in ("point", "domes", "longitude", "latitude", "x", "y", "z")))
            for row in rows]  # fmt: skip
    once = [rows[keys.index(key)] for key in dict.fromkeys(keys)]
    longitude, latitude, height = (_numbers(once, role) for role in ("longitude", "latitude", "height"))
    xyz = np.column_stack([_numbers(once, role) for role in "xyz"])
    known = np.isfinite(xyz).all(axis=1) & (np.linalg.norm(np.nan_to_num(xyz), axis=1) > 1e6)
    if known.any():
        longitude[known], latitude[known], height[known] = geodetic_from_geocentric(xyz[known])
    empty = np.full(len(once), "", dtype=np.str_)
    return SiteTable(_codes(once), _texts(once, "point", "A"), _texts(once, "domes"), empty, empty,
                     np.mod(longitude, 360.0), latitude, height)  # fmt: skip


def _equipment(rows: list[dict[str, str]], role: str) -> EquipmentTable | None:
    stated = [row for row in rows if row.get(role)]
    if not stated:
        return None
    kinds = _texts(stated, role)
    if role == "antenna":
        # Name in 16 columns, radome in the four behind it, as SINEX has them.
        kinds = np.array([f"{kind:<{_ANTENNA_WIDTH}s}{row['radome'].upper()}" if row.get("radome") else str(kind)
                          for kind, row in zip(kinds, stated, strict=True)], dtype=np.str_)  # fmt: skip
    start, end = (
        np.array([_date(row.get(one, "")) for row in stated], dtype="datetime64[ns]") for one in ("start", "end")
    )
    empty = np.full(len(stated), "", dtype=np.str_)
    return EquipmentTable(_codes(stated), _texts(stated, "point", "A"), np.full(len(stated), "----"), start, end, kinds,
                          empty, empty)  # fmt: skip


def _no_parameters() -> ParameterTable:
    text, number = np.empty(0, dtype=np.str_), np.empty(0)
    return ParameterTable(text, text, text, text, np.empty(0, dtype="datetime64[ns]"), text, text,
                          np.empty(0, dtype=np.int8), number, number)  # fmt: skip


def _unfit(problem: str, where: str) -> FormatError:
    return FormatError("FID-2485", problem, where=where,
                       fix="give a line of names (station, domes, longitude, latitude, height, antenna, receiver), then a "
                           "row a site, separated by commas")  # fmt: skip

"""Rows of velocity tables as numbers: cells, fixed columns, and columns found by header name or declaration."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError

NUMBER_ROLES: Final = (
    "longitude", "latitude", "east", "north", "up", "sigma_east", "sigma_north", "sigma_up", "correlation",
)  # fmt: skip
REQUIRED_ROLES: Final = ("longitude", "latitude", "east", "north", "sigma_east", "sigma_north")
MM_PER_UNIT: Final = {"mm": 1.0, "cm": 10.0, "m": 1000.0}

_UNIT = re.compile(r"(?:^|_)(mm|cm|m)_?(?:per_?)?(?:yr|year|y|a)(?:_?1)?(?=_|$)")
_AXES: Final = {"e": "east", "east": "east", "n": "north", "north": "north", "u": "up", "up": "up"}
_FUSED = re.compile(r"(v|vel|s|sig|sigma|std|sd|err)?_?(e|east|n|north|u|up)")
_SIGMA_WORDS: Final = frozenset({"s", "sig", "sigma", "std", "stdev", "sd", "err", "error", "unc", "uncertainty"})
_VELOCITY_WORDS: Final = frozenset({"v", "vel", "velocity", "rate"})
_LONGITUDE: Final = frozenset({"lon", "long", "longitude", "lng"})
_LATITUDE: Final = frozenset({"lat", "latitude"})
_CORRELATION: Final = frozenset({"corr", "correlation", "rho", "corr_en", "correlation_en", "rho_en", "corr_e_n",
                                 "correlation_east_north", "rhoen", "corren"})  # fmt: skip
_NAMES: Final = frozenset({"station", "station_id", "station_name", "site", "site_id", "site_name", "name", "id",
                           "stat", "marker", "code"})  # fmt: skip


@dataclass(frozen=True)
class RawTable:
    """Rows as read, before anything is judged.

    Attributes
    ----------
    lines : ndarray of int64, shape (row,)
        Line numbers in the file, from 1.
    names : tuple of str
    numbers : ndarray of float64, shape (row, 9)
        Columns in the order of ``NUMBER_ROLES``: degrees, then mm/yr; NaN where the table has nothing.
    notes : tuple of str
        What the layout leaves unsaid.
    """

    lines: NDArray[np.int64]
    names: tuple[str, ...]
    numbers: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def number(cell: str, where: str) -> float:
    """Return a cell as a number; NaN for an empty cell, ``NA``, infinity, and the asterisks of a Fortran overflow.

    Raises
    ------
    FormatError
        FID-2302 when the cell is anything else.
    """
    text = cell.strip()
    if not text or text.upper() in {"NA", "N/A", "NULL", "NONE", "-"} or not text.strip("*"):
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise FormatError("FID-2302", f"{text!r} is not a number", where=where,
                          fix="correct the cell; decimals need a point, and a text line needs '#' before it") from None  # fmt: skip
    return value if math.isfinite(value) else math.nan


def looks_like_data(cells: Sequence[str]) -> bool:
    """Tell whether a line holds values rather than column names: at least two of its cells are numbers."""
    count = 0
    for cell in cells:
        try:
            float(cell)
        except ValueError:
            continue
        count += 1
    return count >= 2


def fixed_columns(rows: Sequence[tuple[int, list[str]]], where: str, *, positions: Mapping[str, int], name: int,
                  width: int, scale: float) -> RawTable:  # fmt: skip
    """Read rows whose columns are fixed by the layout.

    Parameters
    ----------
    rows : sequence of (line number, cells)
    positions : mapping of role to column index
    name : int
        Column index of the station name.
    width : int
        Cells that every row must have.
    scale : float
        Factor from the velocity unit of the layout to mm/yr.

    Raises
    ------
    FormatError
        FID-2301 when a row is cut or too long; FID-2302 when a cell is not a number.
    """
    numbers = np.full((len(rows), len(NUMBER_ROLES)), np.nan)
    for index, (line, cells) in enumerate(rows):
        if len(cells) != width:
            raise FormatError("FID-2301", f"{len(cells)} columns instead of {width}", where=f"{where}, line {line}",
                              fix="the line is cut or not of this layout; fetch the file again, or name the layout")  # fmt: skip
        for role, column in positions.items():
            factor = 1.0 if role in {"longitude", "latitude", "correlation"} else scale
            place = f"{where}, line {line}, column {column + 1}"
            numbers[index, NUMBER_ROLES.index(role)] = number(cells[column], place) * factor
    lines = np.array([line for line, _ in rows], dtype=np.int64)
    return RawTable(lines, tuple(cells[name] for _, cells in rows), numbers)


def role_and_unit(header: str) -> tuple[str, str]:
    """Return the role a column name states and the length unit of its rate; empty where it states none.

    Examples
    --------
    >>> role_and_unit("velocity_east_error_mmyr"), role_and_unit("Vn [m/yr]"), role_and_unit("easting")
    (('sigma_east', 'mm'), ('north', 'm'), ('', ''))
    """
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", header.strip()).lower()).strip("_")
    found = _UNIT.search(plain)
    unit = found[1] if found else ""
    base = (plain[: found.start()] + plain[found.end() :]).strip("_") if found else plain
    if base in _NAMES:
        return "name", ""
    if base in _CORRELATION:
        return "correlation", ""
    words = [word for word in base.split("_") if word not in {"deg", "degrees"}]
    if len(words) == 1 and words[0] in _LONGITUDE:
        return "longitude", ""
    if len(words) == 1 and words[0] in _LATITUDE:
        return "latitude", ""
    is_sigma = bool(_SIGMA_WORDS.intersection(words))
    rest = [word for word in words if word not in _SIGMA_WORDS and word not in _VELOCITY_WORDS]
    match = _FUSED.fullmatch(rest[0]) if len(rest) == 1 else None
    if match is None:
        return "", unit
    is_sigma = is_sigma or (match[1] or "") in _SIGMA_WORDS
    return ("sigma_" if is_sigma else "") + _AXES[match[2]], unit


def named_columns(lines: Sequence[str], where: str, columns: Mapping[str, str] | None) -> RawTable:
    """Read a table whose columns are declared, or named unambiguously in its header, unit included.

    Parameters
    ----------
    lines : sequence of str
    columns : mapping of str to str, optional
        Role to header name: ``longitude latitude east north up sigma_east sigma_north sigma_up correlation name``,
        and ``unit`` (``mm/yr``, ``cm/yr`` or ``m/yr``). Roles left out are looked for by their names.

    Raises
    ------
    FormatError
        FID-2301 row of another length; FID-2302 not a number; FID-2303 unit not stated; FID-2304 column missing or
        ambiguous; FID-2308 a declaration that fits nothing.
    """
    header_index, header_text = _header_line(lines, where)
    delimiter = next((mark for mark in (",", ";", "\t") if mark in header_text), None)
    header = [cell.strip() for cell in _split(header_text, delimiter, where)]
    declared = dict(columns or {})
    declared_unit = _declared_unit(declared.pop("unit", None), where)
    place = _places(header, declared, where)
    scales = {role: _scale(role, header[index], declared_unit, where)
              for role, index in place.items() if role in NUMBER_ROLES}  # fmt: skip
    rows = [(index, _split(line, delimiter, f"{where}, line {index}")) for index, line in enumerate(lines[header_index + 1 :], header_index + 2)
            if line.strip() and not line.lstrip().startswith("#")]  # fmt: skip
    numbers = np.full((len(rows), len(NUMBER_ROLES)), np.nan)
    for row, (line, cells) in enumerate(rows):
        if len(cells) != len(header):
            raise FormatError("FID-2301", f"{len(cells)} cells under {len(header)} column names",
                              where=f"{where}, line {line}",
                              fix="the line is cut, or a cell holds the separator; fetch the file again or quote it")  # fmt: skip
        for role, scale in scales.items():
            cell = cells[place[role]]
            value = number(cell, f"{where}, line {line}, column {header[place[role]]!r}")
            numbers[row, NUMBER_ROLES.index(role)] = value * scale
    notes = []
    if "name" in place:
        names = tuple(cells[place["name"]].strip() for _, cells in rows)
    else:
        names = tuple(f"line{line}" for line, _ in rows)
        notes.append("no column names the stations: they are called by their line numbers")
    return RawTable(np.array([line for line, _ in rows], dtype=np.int64), names, numbers, tuple(notes))


def _split(line: str, delimiter: str | None, where: str) -> list[str]:
    if delimiter is None:
        return line.split()
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:
        raise FormatError("FID-2301", f"not a line of a table: {error}", where=where,
                          fix="the file is damaged; fetch it again") from error  # fmt: skip


def _header_line(lines: Sequence[str], where: str) -> tuple[int, str]:
    comment: tuple[int, str] | None = None
    for index, line in enumerate(lines):
        text = line.strip()
        if not text:
            continue
        if text.startswith("#"):
            comment = (index, text.lstrip("#").strip())
        elif not looks_like_data(re.split(r"[,;\s]+", text)):
            return index, text
        else:
            break
    if comment is None:
        raise FormatError("FID-2304", "the table has no line of column names", where=where,
                          fix="add a header line, such as name,lon,lat,ve_mm_yr,vn_mm_yr,se_mm_yr,sn_mm_yr")  # fmt: skip
    return comment


def _places(header: list[str], declared: Mapping[str, str], where: str) -> dict[str, int]:
    place: dict[str, int] = {}
    for role, column in declared.items():
        if role not in (*NUMBER_ROLES, "name"):
            raise FormatError("FID-2308", f"unknown column role {role!r}", where=where,
                              fix=f"roles are {', '.join((*NUMBER_ROLES, 'name', 'unit'))}")  # fmt: skip
        if header.count(column) != 1:
            times = "no" if column not in header else "more than one"
            raise FormatError("FID-2308", f"{times} column is called {column!r}, declared as {role}", where=where,
                              fix=f"the columns are {', '.join(header)}")  # fmt: skip
        place[role] = header.index(column)
    taken = set(place.values())
    for role in (*NUMBER_ROLES, "name"):
        found = [index for index, name in enumerate(header)
                 if index not in taken and role_and_unit(name)[0] == role]  # fmt: skip
        if role in place or not found:
            continue
        if len(found) > 1:
            raise FormatError("FID-2304", f"several columns could be {role}: {', '.join(header[i] for i in found)}",
                              where=where, fix=f"declare which one: {role}=<column>")  # fmt: skip
        place[role] = found[0]
    missing = [role for role in REQUIRED_ROLES if role not in place]
    if missing:
        raise FormatError("FID-2304", f"no column for {', '.join(missing)}", where=where,
                          fix=f"declare them among the columns {', '.join(header)}")  # fmt: skip
    return place


def _declared_unit(text: str | None, where: str) -> str:
    if text is None:
        return ""
    found = _UNIT.fullmatch(re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_"))
    if found is None:
        raise FormatError("FID-2308", f"unknown unit {text!r} of velocity", where=where, fix="use mm/yr, cm/yr or m/yr")
    return found[1]


def _scale(role: str, column: str, declared_unit: str, where: str) -> float:
    if role in {"longitude", "latitude", "correlation"}:
        return 1.0
    stated = role_and_unit(column)[1]
    if stated and declared_unit and stated != declared_unit:
        raise FormatError("FID-2303", f"column {column!r} says {stated}/yr, the declaration {declared_unit}/yr",
                          where=where, fix="drop the declaration or rename the column")  # fmt: skip
    unit = stated or declared_unit
    if not unit:
        raise FormatError("FID-2303", f"the unit of column {column!r} is not stated", where=where,
                          fix="put it into the column name, as in ve_mm_yr, or declare unit=mm/yr")  # fmt: skip
    return MM_PER_UNIT[unit]

"""Tables of station coordinates: ``station x y z [vx vy vz] [epoch]``, separated by commas or blanks."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.text_source import open_source
from fiducial.geodesy.epochs import parse_epoch

Array = NDArray[np.float64]

_COMMENT: Final = "#*%"
_ROLES: Final = {
    "station": "station", "name": "station", "site": "station", "code": "station", "id": "station",
    "x": "x", "y": "y", "z": "z", "vx": "vx", "vy": "vy", "vz": "vz", "epoch": "epoch", "date": "epoch",
}  # fmt: skip
_UNITS: Final = {
    "x": "m", "y": "m", "z": "m", "vx": "m/yr", "vy": "m/yr", "vz": "m/yr", "station": "", "epoch": "yr",
}  # fmt: skip
_BY_WIDTH: Final = {
    4: ("station", "x", "y", "z"),
    5: ("station", "x", "y", "z", "epoch"),
    7: ("station", "x", "y", "z", "vx", "vy", "vz"),
    8: ("station", "x", "y", "z", "vx", "vy", "vz", "epoch"),
}
_POSITION: Final = ("x", "y", "z")
_VELOCITY: Final = ("vx", "vy", "vz")


@dataclass(frozen=True, slots=True, eq=False)
class CoordinateTable:
    """Geocentric coordinates of stations, as a table holds them.

    Attributes
    ----------
    names : tuple of str
    position_m : ndarray, shape (station, 3)
    velocity_m_per_yr : ndarray, shape (station, 3), or None
        NaN where a row has none; None without columns of velocities.
    epoch_yr : ndarray, shape (station,), or None
        Decimal years, NaN where a row has none; None without a column of epochs.
    frame : str
        From a comment ``# frame: ITRF2020``; empty when not stated.
    """

    names: tuple[str, ...]
    position_m: Array
    velocity_m_per_yr: Array | None = None
    epoch_yr: Array | None = None
    frame: str = ""


def read(source: str | Path | bytes) -> CoordinateTable:
    """Read a table of coordinates in metres and metres per year.

    Parameters
    ----------
    source : path or bytes
        UTF-8. Lines that start with ``#``, ``*`` or ``%`` are comments. A first line of names (station, x, y, z, vx, vy,
        vz, epoch; also with their unit, ``x_m``, ``vx [m/yr]``) gives the order; without it 4, 5, 7 or 8 columns mean
        position, with epoch, with velocity, with both. Epochs are decimal years or ISO dates.

    Raises
    ------
    FormatError
        FID-2400, FID-2401 when the file cannot be read.
    InputError
        FID-1317 with line and column when a row does not fit; FID-1311 for an epoch that is none.
    """
    content = open_source(source)
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unfit("the table is not UTF-8 text", content.name) from error
    frame, columns = "", None
    names: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith(tuple(_COMMENT)):
            stated = re.match(r"[#*%]\s*frame\s*[:=]\s*(\S+)", stripped, re.IGNORECASE)
            frame = stated[1] if stated else frame
        elif stripped:
            where = f"{content.name}, line {number}"
            cells = _cells(stripped, where)
            if columns is None:
                columns = _header(cells, where)
                if columns is not None:
                    continue
                columns = _by_width(cells, where)
            names.append(_name(cells, columns, where))
            rows.append(_numbers(cells, columns, where))
    if columns is None or not rows:
        raise _unfit("the table has no stations", content.name)
    return _table(names, rows, columns, frame)


def write(table: CoordinateTable, sink: Path | str, *, overwrite: bool = False) -> None:
    """Write a table in one step: commas when the name ends in ``.csv``, blanks otherwise; errors as `atomic_file`."""
    with atomic_file(sink, overwrite=overwrite) as partial:
        partial.write_bytes(to_bytes(table, commas=Path(sink).suffix.lower() == ".csv"))


def to_bytes(table: CoordinateTable, *, commas: bool = True) -> bytes:
    """Return a table with its frame in a comment: positions to 0.01 mm, velocities to 0.0001 mm/yr, epochs to 1e-6 yr."""
    columns = ["station", *_POSITION]
    lists = [list(table.names), *(_printed(values, 5) for values in table.position_m.T)]
    if table.velocity_m_per_yr is not None:
        columns += _VELOCITY
        lists += [_printed(values, 7) for values in table.velocity_m_per_yr.T]
    if table.epoch_yr is not None:
        columns.append("epoch")
        lists.append(_printed(table.epoch_yr, 6))
    lines = [f"# frame: {table.frame}"] if table.frame else []
    lines.append("# x y z in m, vx vy vz in m/yr, epoch in decimal years")
    if commas:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerows([columns, *zip(*lists, strict=True)])
        return ("\n".join(lines) + "\n" + buffer.getvalue()).encode()
    lists = [[re.sub(r"[\s,]+", "_", cell) or "-" for cell in cells] for cells in lists]
    widths = [max(map(len, [column, *cells])) for column, cells in zip(columns, lists, strict=True)]
    for row in [columns, *zip(*lists, strict=True)]:
        aligned = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(aligned))
    return ("\n".join(lines) + "\n").encode()


def _printed(values: Array, digits: int) -> list[str]:
    return [f"{value:.{digits}f}" if np.isfinite(value) else "nan" for value in values.tolist()]


def _cells(line: str, where: str) -> list[str]:
    if "," not in line:
        return line.split()
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except (csv.Error, StopIteration) as error:
        raise _unfit(f"the line is no CSV: {error}", where) from error


def _header(cells: list[str], where: str) -> tuple[str, ...] | None:
    """Return the roles of columns; None for a row of data."""
    if len(cells) < 2 or all(_number(cell) is not None for cell in cells[1:4]):
        return None
    roles = []
    for cell in cells:
        match = re.fullmatch(r"([a-z]+)\s*[_\[(]?\s*([a-z/_]*)\s*[\])]?", cell.lower())
        role = _ROLES.get(match[1]) if match else None
        if role is None:
            # A damaged first row would otherwise pass for a header of unknown columns.
            raise _unfit(f"{cell!r} is neither a number nor a known column", where)
        unit = match[2].replace("_per_", "/") if match else ""
        if unit not in ("", _UNITS[role]):
            raise _unfit(f"column {cell!r} is not in {_UNITS[role] or 'text'}", where)
        roles.append(role)
    if len(set(roles)) < len(roles) or not {"station", *_POSITION} <= set(roles):
        raise _unfit("columns station, x, y and z are needed, each once", where)
    if set(_VELOCITY) & set(roles) and not set(_VELOCITY) <= set(roles):
        raise _unfit("of vx, vy and vz there must be all or none", where)
    return tuple(roles)


def _by_width(cells: list[str], where: str) -> tuple[str, ...]:
    if len(cells) not in _BY_WIDTH:
        raise _unfit(f"{len(cells)} columns without a line of names", where)
    return _BY_WIDTH[len(cells)]


def _name(cells: list[str], columns: tuple[str, ...], where: str) -> str:
    if len(cells) != len(columns):
        raise _unfit(f"{len(cells)} columns instead of {len(columns)}", where)
    name = cells[columns.index("station")]
    if not name or name.startswith(tuple(_COMMENT)):
        raise _unfit(f"{name!r} cannot be the name of a station", where)
    return name


def _numbers(cells: list[str], columns: tuple[str, ...], where: str) -> list[float]:
    values = []
    for place, (cell, role) in enumerate(zip(cells, columns, strict=True), start=1):
        here = f"{where}, column {place}"
        missing = cell.lower() in {"", "nan", "-"}
        if role == "station" or (missing and role not in _POSITION):
            values.append(np.nan)
        elif role == "epoch":
            values.append(_epoch(cell, here))
        else:
            value = _number(cell)
            if value is None or missing:
                raise _unfit(f"{cell!r} is no number", here)
            values.append(value)
    return values


def _epoch(cell: str, where: str) -> float:
    try:
        return parse_epoch(cell)
    except InputError as error:
        raise InputError(error.code, error.problem, where=where, fix=error.fix) from error


def _number(cell: str) -> float | None:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d{1,3})?", cell, re.ASCII):
        return None
    value = float(cell.upper().replace("D", "E"))
    return value if np.isfinite(value) else None


def _table(names: list[str], rows: list[list[float]], columns: tuple[str, ...], frame: str) -> CoordinateTable:
    values = np.array(rows, dtype=np.float64)
    place = {role: k for k, role in enumerate(columns)}
    velocity = values[:, [place[role] for role in _VELOCITY]] if "vx" in place else None
    epochs = values[:, place["epoch"]] if "epoch" in place else None
    return CoordinateTable(tuple(names), values[:, [place[role] for role in _POSITION]], velocity, epochs, frame)


def _unfit(problem: str, where: str) -> InputError:
    return InputError("FID-1317", problem, where=where,
                      fix="give station x y z [vx vy vz] [epoch] in m and m/yr, separated by commas or blanks"
                      )  # fmt: skip

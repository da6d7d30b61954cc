"""IERS finals.data and finals2000A: daily Earth rotation of Bulletins A and B in fixed columns.

The two files differ in their nutation only (dPsi and dEps, or dX and dY) and do not say which of them they are, so
that nutation is not read (IERS Rapid Service, readme.finals2000A).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.orbits.earth_rotation import MJD_FIRST, MJD_LAST, MJD_OF_1970, Array, EarthRotation

_ARCSECOND_RAD: Final = 1000.0 * MILLIARCSECOND_RAD
_NUMBER: Final = re.compile(r" *[+-]?(?:\d+\.\d*|\.\d+) *", re.ASCII)
_DATE: Final = re.compile(r"([ \d]\d)([ \d]\d)([ \d]\d)", re.ASCII)
_POLE_FLAG, _UT1_FLAG = 16, 57
_FIELDS: Final = {
    "x_pole_rad": (18, 27, _ARCSECOND_RAD),
    "x_pole_sigma_rad": (27, 36, _ARCSECOND_RAD),
    "y_pole_rad": (37, 46, _ARCSECOND_RAD),
    "y_pole_sigma_rad": (46, 55, _ARCSECOND_RAD),
    "ut1_minus_utc_s": (58, 68, 1.0),
    "ut1_sigma_s": (68, 78, 1.0),
    "lod_s": (78, 86, 1e-3),
    "lod_sigma_s": (86, 93, 1e-3),
}
_FIELDS_B: Final = {
    "x_pole_rad": (134, 144, _ARCSECOND_RAD),
    "y_pole_rad": (144, 154, _ARCSECOND_RAD),
    "ut1_minus_utc_s": (154, 165, 1.0),
}
_DATE_WIDTH: Final = 15


@dataclass(frozen=True, slots=True, eq=False)
class FinalsFile:
    """An IERS finals file.

    Attributes
    ----------
    bulletin_a : EarthRotation
        Rapid values and predictions with sigmas; NaN where the columns are blank.
    bulletin_b : EarthRotation
        Pole and UT1 - UTC of Bulletin B on the same dates, NaN where it has none yet.
    name, sha256 : str
    """

    bulletin_a: EarthRotation
    bulletin_b: EarthRotation
    name: str
    sha256: str


def read(source: str | Path | bytes, *, name: str = "") -> FinalsFile:
    """Read finals.data, finals.all, finals2000A.data, finals2000A.all or finals2000A.daily.

    Parameters
    ----------
    source : path or bytes
        Plain, or compressed by gzip, bzip2 or compress.
    name : str, optional
        What messages call the file.

    Raises
    ------
    FormatError
        FID-2400, FID-2401 unreadable; FID-2436 a damaged line, a date that is not its MJD, or dates that do not
        increase; FID-2437 the file is cut.
    """
    content = open_source(source, name=name)
    lines = [line.rstrip("\r") for line in content.data.decode("latin-1").split("\n")]
    ended = not lines[-1]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        _stop(content.name, 1, 0, 0, "the file is empty", cut=True)
    if not ended:
        _check_end(lines, content.name)
    mjd = np.empty(len(lines))
    columns = {field: np.full(len(lines), np.nan) for field in _FIELDS}
    columns_b = {field: np.full(len(lines), np.nan) for field in _FIELDS_B}
    predicted = np.zeros((2, len(lines)), dtype=np.bool_)
    for row, line in enumerate(lines):
        mjd[row] = _mjd(line, content.name, row + 1)
        if row and mjd[row] <= mjd[row - 1]:
            _stop(content.name, row + 1, 7, 15, "the date does not follow the one before it")
        for kind, column in enumerate((_POLE_FLAG, _UT1_FLAG)):
            predicted[kind, row] = _predicted(line, column, content.name, row + 1)
        for layout, sink in ((_FIELDS, columns), (_FIELDS_B, columns_b)):
            for field, (start, stop, unit) in layout.items():
                part = line[start:stop]
                if part and not part.isspace():
                    sink[field][row] = _number(part, content.name, row + 1, start) * unit
    _check_sigmas(columns)
    pole, ut1 = predicted
    bulletin_a = EarthRotation(
        mjd, predicted_pole=pole, predicted_ut1=ut1, ut1_regularised=False, lod_regularised=False, **columns
    )
    return FinalsFile(bulletin_a, _bulletin_b(mjd, columns_b), content.name, content.sha256)


def _bulletin_b(mjd: Array, columns: dict[str, Array]) -> EarthRotation:
    x_pole, y_pole, ut1 = (columns[field] for field in _FIELDS_B)
    return EarthRotation(mjd, x_pole_rad=x_pole, y_pole_rad=y_pole, ut1_minus_utc_s=ut1)


def _check_end(lines: list[str], name: str) -> None:
    last = lines[-1]
    before = lines[-2] if len(lines) > 1 else last
    if len(last) < len(before):
        problem = "the last line is shorter than the one before it and has no line end"
        _stop(name, len(lines), len(last), len(last), problem, cut=True)


def _mjd(line: str, name: str, number: int) -> float:
    date, text = _DATE.fullmatch(line[:6]), line[6:_DATE_WIDTH]
    if date is None or not re.fullmatch(r" *\d{5}\.\d\d", text, re.ASCII):
        _stop(name, number, 0, 15, f"{line[:15]!r} is not a date with its MJD", cut=len(line) < _DATE_WIDTH)
    mjd = float(text)
    year, month, day = (int(part) for part in date.groups())
    if not MJD_FIRST <= mjd <= MJD_LAST:
        _stop(name, number, 7, 15, f"MJD {mjd:g} is outside 1972 to 2149")
    stated = dt.date(1970, 1, 1) + dt.timedelta(days=int(mjd) - int(MJD_OF_1970))
    if (stated.year % 100, stated.month, stated.day) != (year, month, day):
        _stop(name, number, 0, 15, f"the date {line[:6]!r} is not that of MJD {mjd:.2f} ({stated})")
    return mjd


def _predicted(line: str, column: int, name: str, number: int) -> bool:
    flag = line[column : column + 1]
    if flag not in ("I", "P", " ", ""):
        _stop(name, number, column, column + 1, f"the flag {flag!r} is neither I nor P")
    return flag == "P"


def _number(text: str, name: str, number: int, start: int) -> float:
    if not _NUMBER.fullmatch(text):
        _stop(name, number, start, start + len(text), f"{text.strip()!r} is not a number")
    return float(text)


def _check_sigmas(columns: dict[str, Array]) -> None:
    """A sigma of zero is none."""
    for field in ("x_pole_sigma_rad", "y_pole_sigma_rad", "ut1_sigma_s", "lod_sigma_s"):
        columns[field][~(columns[field] > 0)] = np.nan


def _stop(name: str, line: int, start: int, stop: int, problem: str, *, cut: bool = False) -> NoReturn:
    where = f"{name}, line {line}, columns {start + 1}-{max(stop, start + 1)}"
    if cut:
        raise FormatError("FID-2437", problem, where=where, fix="the file is cut: fetch it again")
    fix = "give finals.data or finals2000A as the IERS publishes it; the file is damaged: fetch it again"
    raise FormatError("FID-2436", problem, where=where, fix=fix)

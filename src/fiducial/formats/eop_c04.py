"""IERS C04 series of Earth rotation: the text of the IERS (series 14 and 20) and its CSV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.orbits.earth_rotation import MJD_FIRST, EarthRotation

Array = NDArray[np.float64]

_ARCSECOND: Final = 1e3 * MILLIARCSECOND_RAD
_TEXT_COLUMNS: Final = 21
_TEXT: Final = {
    "x_pole_rad": (5, _ARCSECOND), "y_pole_rad": (6, _ARCSECOND), "ut1_minus_utc_s": (7, 1.0),
    "x_rate_rad_per_day": (10, _ARCSECOND), "y_rate_rad_per_day": (11, _ARCSECOND), "lod_s": (12, 1.0),
    "x_pole_sigma_rad": (13, _ARCSECOND), "y_pole_sigma_rad": (14, _ARCSECOND), "ut1_sigma_s": (15, 1.0),
    "x_rate_sigma_rad_per_day": (18, _ARCSECOND), "y_rate_sigma_rad_per_day": (19, _ARCSECOND), "lod_sigma_s": (20, 1.0),
}  # fmt: skip
_CSV: Final = {
    "x_pole_rad": ("x_pole", _ARCSECOND), "x_pole_sigma_rad": ("sigma_x_pole", _ARCSECOND),
    "y_pole_rad": ("y_pole", _ARCSECOND), "y_pole_sigma_rad": ("sigma_y_pole", _ARCSECOND),
    "x_rate_rad_per_day": ("x_rate", _ARCSECOND), "x_rate_sigma_rad_per_day": ("sigma_x_rate", _ARCSECOND),
    "y_rate_rad_per_day": ("y_rate", _ARCSECOND), "y_rate_sigma_rad_per_day": ("sigma_y_rate", _ARCSECOND),
    "ut1_minus_utc_s": ("UT1-UTC", 1.0), "ut1_sigma_s": ("sigma_UT1-UTC", 1.0),
    "lod_s": ("LOD", 1.0), "lod_sigma_s": ("sigma_LOD", 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class C04File:
    """A C04 series.

    Attributes
    ----------
    rotation : EarthRotation
        At 0 h UTC from 1972 on; unregularised; sigmas of zero are NaN.
    name, sha256 : str
    """

    rotation: EarthRotation
    name: str
    sha256: str


def read(source: str | Path | bytes, *, name: str = "") -> C04File:
    """Read a C04 series.

    Parameters
    ----------
    source : path or bytes
        ``eopc04.1962-now`` and its like (21 columns, series of 2023 and later), or ``eopc04_20.*.csv``.
    name : str, optional
        What messages call the file.

    Raises
    ------
    FormatError
        FID-2400, FID-2401 unreadable; FID-2438 not C04, or a damaged or cut line; names line and column.
    """
    content = open_source(source, name=name)
    text = content.data.decode("latin-1")
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if not first:
        _stop(content.name, 1, "the file is empty")
    values, columns = _csv(lines, content.name) if ";" in first else _text(lines, content.name)
    if not text.endswith("\n"):
        _stop(content.name, len(lines), "the last line does not end: the file is cut")
    mjd = values[:, 0]
    bad = np.flatnonzero(np.diff(mjd) <= 0)
    if bad.size:
        _stop(content.name, int(bad[0]) + 2, f"MJD {mjd[bad[0] + 1]:.2f} does not follow {mjd[bad[0]]:.2f}")
    # UTC without whole leap seconds is of no use to anybody here.
    modern = mjd >= MJD_FIRST
    mjd = mjd[modern]
    columns = {field: column[modern] for field, column in columns.items()}
    for field in columns:
        if "sigma" in field:
            columns[field][~(columns[field] > 0)] = np.nan
    return C04File(
        EarthRotation(
            mjd, predicted_pole=None, predicted_ut1=None, ut1_regularised=False, lod_regularised=False, **columns
        ),
        content.name,
        content.sha256,
    )


def _text(lines: list[str], name: str) -> tuple[Array, dict[str, Array]]:
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        if len(words) != _TEXT_COLUMNS:
            _stop(name, number, f"{len(words)} columns, C04 has {_TEXT_COLUMNS}")
        rows.append([_number(word, name, number, column) for column, word in enumerate(words)])
    if not rows:
        _stop(name, 1, "no line of data")
    table = np.array(rows)
    return table[:, 4:5], {field: table[:, column] * unit for field, (column, unit) in _TEXT.items()}


def _csv(lines: list[str], name: str) -> tuple[Array, dict[str, Array]]:
    head = [word.strip() for word in lines[0].rstrip("\r").split(";")]
    missing = [title for title in ("MJD", *(title for title, _ in _CSV.values())) if title not in head]
    if missing:
        _stop(name, 1, f"the column {missing[0]} is missing")
    wanted = {"MJD": head.index("MJD"), **{field: head.index(title) for field, (title, _) in _CSV.items()}}
    rows: list[list[float]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        words = line.rstrip("\r").split(";")
        if len(words) != len(head):
            _stop(name, number, f"{len(words)} columns, the head has {len(head)}")
        rows.append([_number(words[k], name, number, k) if words[k].strip() else np.nan for k in wanted.values()])
    if not rows or not np.isfinite(np.array(rows)[:, 0]).all():
        _stop(name, 2, "no line of data, or a line without MJD")
    table = np.array(rows)
    return table[:, :1], {field: table[:, k + 1] * unit for k, (field, (_, unit)) in enumerate(_CSV.items())}


def _number(text: str, name: str, line: int, column: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or "_" in text:
        _stop(name, line, f"{text.strip()!r} in column {column + 1} is not a number")
    return value


def _stop(name: str, line: int, problem: str) -> NoReturn:
    fix = "give the C04 series as the IERS publishes it (21 columns or CSV); fetch it again"
    raise FormatError("FID-2438", problem, where=f"{name}, line {line}", fix=fix)

"""IGS Earth rotation files, version 2 (J. Kouba and Y. Mireault, IGSMAIL-1943, 1998).

The first line is ``version 2``; a line of column titles that starts with MJD says what the numbers are, a line below
it in which units. Centres spell both in their own way (``Xpole``, ``X-P``, ``X``; ``10**-6"``, ``E-6"``; ``.1us``,
``E-7S``), and some give UT1 - TAI instead of UT1 - UTC, or UT1R.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats.erp_columns import MEANINGS, SCALES, Column, columns_of, scales_of
from fiducial.formats.erp_writer import to_bytes, write
from fiducial.formats.strictness import Findings, Strictness
from fiducial.formats.text_source import open_source
from fiducial.orbits.earth_rotation import MJD_FIRST, MJD_LAST, Array, EarthRotation, leap_seconds_at

__all__ = ["ErpFile", "read", "to_bytes", "write"]

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d{1,2})?", re.ASCII)
_LARGEST_POLE_RAD: Final = 5_000 * MILLIARCSECOND_RAD
_LARGEST_UT1_S: Final = 1.0
_LARGEST_LOD_S: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class ErpFile:
    """An IGS Earth rotation file.

    Attributes
    ----------
    rotation : EarthRotation
        Standard deviations of 0 are none and become NaN, and so do a quantity and its standard deviation that are 0 on
        every date: the centre did not estimate it.
    columns : mapping of str to ndarray
        All other columns in printed units by their title in the file: ``Nr``, ``Nf``, ``Nt``, correlations, nutation.
    comments : tuple of str
        Lines between the version and the titles.
    findings : tuple of str
    name, sha256 : str
    """

    rotation: EarthRotation
    columns: Mapping[str, Array]
    comments: tuple[str, ...]
    findings: tuple[str, ...]
    name: str
    sha256: str


def read(source: str | Path | bytes, *, strictness: Strictness = "warn", name: str = "") -> ErpFile:
    """Read an IGS Earth rotation file of version 2.

    Parameters
    ----------
    source : path or bytes
        Plain, or compressed by gzip, bzip2 or compress.
    strictness : {"warn", "ignore", "raise"}
        What to do with faults that can be repaired: a column of unknown meaning (kept as printed), units that are not
        those of version 2 (those of the file hold), a last line without end.
    name : str, optional
        What messages call the file.

    Raises
    ------
    FormatError
        FID-2400, FID-2401 unreadable; FID-2430 not such a file; FID-2431 titles or units missing or contradictory;
        FID-2432 a damaged row; FID-2433 the file is cut; FID-2434 a repairable fault under ``raise``.
    """
    content = open_source(source, name=name)
    findings = Findings(content.name, strictness, "FID-2434")
    lines = [line.rstrip("\r") for line in content.data.decode("latin-1").split("\n")]
    ended = not lines[-1]
    title = _title_line(lines, content.name)
    columns = columns_of(lines[title], content.name, title + 1, findings)
    start = title + 1
    while start < len(lines) and not _is_row(lines[start]):
        start += 1
    scales = scales_of(" ".join(lines[title + 1 : start]), content.name, title + 2, findings)
    rows = [(number, line) for number, line in enumerate(lines[start:], start=start + 1) if line.strip()]
    table = _table(rows, columns, content.name, ended=ended)
    if not ended:
        _check_end(rows, content.name, findings)
    rotation = _rotation(table, columns, scales, content.name, [number for number, _ in rows])
    others = {column.title: table[:, index] for index, column in enumerate(columns) if not column.field}
    comments = tuple(line.strip() for line in lines[1:title] if line.strip())
    return ErpFile(rotation, others, comments, findings.texts, content.name, content.sha256)


def _title_line(lines: list[str], name: str) -> int:
    if not re.fullmatch(r"\s*version\s+2(?:\.0*)?\s*", lines[0], re.IGNORECASE):
        fix = "give an IGS Earth rotation file of version 2"
        raise FormatError("FID-2430", "the first line is not 'version 2'", where=f"{name}, line 1", fix=fix)
    for index, line in enumerate(lines):
        if line.split()[:1] == ["MJD"]:
            return index
    fix = "the line that starts with MJD tells what the columns are: fetch the file again"
    raise FormatError("FID-2431", "there is no line of column titles", where=name, fix=fix)


def _is_row(line: str) -> bool:
    parts = line.split()
    return bool(parts) and re.fullmatch(r"\d{5}(?:\.\d*)?", parts[0], re.ASCII) is not None


def _table(rows: list[tuple[int, str]], columns: list[Column], name: str, *, ended: bool) -> Array:
    if not rows:
        raise FormatError("FID-2433", "no rows follow the titles", where=name, fix="fetch the file again")
    table = np.empty((len(rows), len(columns)))
    for index, (number, line) in enumerate(rows):
        parts = list(re.finditer(r"\S+", line))
        last = index + 1 == len(rows) and not ended
        if len(parts) != len(columns):
            problem = f"{len(parts)} numbers where the titles want {len(columns)}"
            if last and len(parts) < len(columns):
                _stop("FID-2433", f"the file ends inside a line: {problem}", f"{name}, line {number}")
            _stop("FID-2432", problem, f"{name}, line {number}")
        for column, part in enumerate(parts):
            if not _NUMBER.fullmatch(part[0]):
                where = f"{name}, line {number}, columns {part.start() + 1}-{part.end()}"
                _stop("FID-2432", f"{part[0]!r} is not a number", where)
            table[index, column] = float(re.sub("[Dd]", "E", part[0]))
    return table


def _check_end(rows: list[tuple[int, str]], name: str, findings: Findings) -> None:
    number, line = rows[-1]
    before = rows[-2][1] if len(rows) > 1 else line
    if len(line) < len(before.rstrip()):
        _stop("FID-2433", "the last line is shorter than the one before it and has no end", f"{name}, line {number}")
    findings.note("the last line has no line end", number)


def _rotation(
    table: Array, columns: list[Column], scales: Mapping[str, float], name: str, numbers: list[int]
) -> EarthRotation:
    field_of = {column.field: index for index, column in enumerate(columns) if column.field}
    values: dict[str, Array] = {}
    for field, index in field_of.items():
        values[field] = table[:, index] * (scales[SCALES[field]] if field in SCALES else 1.0)
    mjd = values.pop("mjd_utc")
    outside = (mjd < MJD_FIRST) | (mjd > MJD_LAST) | (np.diff(mjd, prepend=-np.inf) <= 0)
    if outside.any():
        row = int(np.argmax(outside))
        _stop("FID-2432", f"MJD {mjd[row]:g} does not follow", f"{name}, line {numbers[row]}")
    titles = {column.field: column for column in columns}
    ut1 = titles["ut1_minus_utc_s"]
    if ut1.minus_tai:
        values["ut1_minus_utc_s"] = values["ut1_minus_utc_s"] + leap_seconds_at(mjd)
    for field, largest in (
        ("x_pole_rad", _LARGEST_POLE_RAD), ("y_pole_rad", _LARGEST_POLE_RAD), ("ut1_minus_utc_s", _LARGEST_UT1_S),
        ("lod_s", _LARGEST_LOD_S),
    ):  # fmt: skip
        impossible = np.abs(values[field]) > largest
        if impossible.any():
            row = int(np.argmax(impossible))
            problem = f"{titles[field].title} is {table[row, field_of[field]]:g}: impossible in the units of the file"
            _stop("FID-2432", problem, f"{name}, line {numbers[row]}")
    _forget_zeros(values)
    return EarthRotation(
        mjd,
        predicted_pole=None,
        predicted_ut1=None,
        ut1_regularised=ut1.regularised,
        lod_regularised=titles["lod_s"].regularised,
        **values,
    )


def _forget_zeros(values: dict[str, Array]) -> None:
    """Turn what was not estimated to NaN: a quantity that is 0 with sigma 0 throughout, and sigmas of 0."""
    for field, sigma_field in MEANINGS:
        sigma = values.get(sigma_field)
        if sigma is None:
            continue
        if field in values and not values[field].any() and not sigma.any():
            values[field] = np.full(sigma.shape, np.nan)
        values[sigma_field] = np.where(sigma > 0, sigma, np.nan)


def _stop(code: str, problem: str, where: str) -> NoReturn:
    fix = "the file is cut: fetch it again" if code == "FID-2433" else "the file is damaged: fetch it again"
    raise FormatError(code, problem, where=where, fix=fix)

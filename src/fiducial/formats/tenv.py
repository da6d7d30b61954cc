"""Daily positions of the Nevada Geodetic Laboratory: ``tenv`` (16 columns) and ``tenv3`` (20 or 23).

A file names its frame only by its name: ``CODR.IGS08.tenv``, ``CODR.IGS14.tenv3``. ``CODR.tenv3`` states none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError, InputError
from fiducial.formats.series_rows import (
    MJD_RANGE,
    YEAR_ZERO_MJD,
    Rows,
    check_end,
    epochs_of_mjd,
    in_order,
    split_rows,
)
from fiducial.formats.strictness import Findings, Strictness
from fiducial.formats.text_source import open_source
from fiducial.geodesy.ellipsoid import geocentric_position_m
from fiducial.geodesy.frames import parse_frame, same_frame
from fiducial.stations.series import StationSeries

Float64 = NDArray[np.float64]

WIDTHS: Final = (16, 20, 23)
_NAME: Final = re.compile(r"[A-Za-z0-9]{4}\.([A-Za-z0-9]+)\.tenv3?(?:\..*)?")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_GPS_WEEK_ZERO_MJD: Final = 44_244
_YEAR_TOLERANCE: Final = 1.5 / 365.25
_LENGTH_LIMIT_M: Final = 3e7
_SIGMA_LIMIT_M: Final = 1e3
_REINITIALISED_M: Final = 10.0
_MICROMETRES: Final = 6


def read(
    source: str | Path | bytes, *, frame: str | None = None, strictness: Strictness = "warn", name: str = ""
) -> StationSeries:
    """Read a tenv or tenv3 file; the number of columns tells which.

    Parameters
    ----------
    source : path or bytes
    frame : str, optional
        Frame of the series (see ``geodesy.frames``) where the file name does not state it.
    strictness : {"warn", "ignore", "raise"}
        For rows out of order or twice, and missing values.
    name : str, optional
        File name, for bytes.

    Returns
    -------
    StationSeries
        East, north, up in metres from the first epoch, with sigmas and correlations. Epochs are the MJD of the file, in
        GPS time: 0 h of the day whose observations the solution stands for. The reference position is known for
        tenv3 with 23 columns only (latitude, longitude, height of the first epoch, on WGS 84).

    Raises
    ------
    InputError
        FID-1332 when ``frame`` contradicts the file name, FID-1004 when it is unknown.
    FormatError
        FID-2490 no such file; FID-2491 damaged row; FID-2492 cut; FID-2493 dates of a row contradict; FID-2494 two
        positions at one epoch; FID-2495 a repairable fault with strictness ``raise``; FID-2499 another station or
        reference meridian inside the file; FID-2400, FID-2401 unreadable.

    Notes
    -----
    tenv3 splits coordinates into whole and fractional metres; the whole part may change, so both are always added.
    The decimal year has four decimals (0.9 h) and only has to agree with the MJD.
    """
    content = open_source(source, name=name)
    findings = Findings(content.name, strictness, "FID-2495")
    rows = _rows(content.data, content.name)
    stated = _frame(content.name, frame)
    mjd = _dates(rows)
    _same_throughout(rows, 0, "station")
    position, other = _tenv3(rows) if len(rows.columns) > WIDTHS[0] else _tenv(rows)
    epochs = epochs_of_mjd(mjd)
    order = in_order(epochs, np.column_stack([position, other]), rows, findings)
    position, other, epochs = position[order], other[order], epochs[order]
    missing = np.isnan(position).any(axis=1)
    if missing.any():
        findings.note(f"epochs without a position: {int(missing.sum())}", int(rows.numbers[order[np.argmax(missing)]]))
    base = position[int(np.argmin(missing))] if not missing.all() else np.zeros(3)
    jump = np.abs(np.diff(position, axis=0)).max(axis=1, initial=0.0) > _REINITIALISED_M
    if jump.any():
        findings.note(f"jump of more than {_REINITIALISED_M:g} m: perhaps another site of the same name",
                      int(rows.numbers[order[int(np.argmax(jump)) + 1]]))  # fmt: skip
    return StationSeries(
        station=rows.text(0)[0],
        epochs=epochs,
        time_scale="GPS",
        displacement_m=position if len(rows.columns) == WIDTHS[0] else _rounded(position - base),
        sigma_m=other[:, :3],
        correlation=other[:, 3:6],
        reference_xyz_m=_reference(rows, int(order[0])),
        reference_epoch=epochs[0] if len(rows.columns) == WIDTHS[2] else np.datetime64("NaT", "ns"),
        frame=stated,
        source=content.name,
        findings=findings.texts,
    )


def _rows(data: bytes, name: str) -> Rows:
    lines = data.splitlines()
    titled = bool(lines) and lines[0].split()[:2] == [b"site", b"YYMMMDD"]
    texts, numbers = [], []
    for number, line in enumerate(lines[titled:], start=1 + titled):
        if line.strip():
            texts.append(line)
            numbers.append(number)
    if not texts or (not titled and len(texts[0].split()) not in WIDTHS and not _looks_like_tenv(texts[0])):
        raise FormatError("FID-2490", "not a tenv or tenv3 file" if texts else "no rows", where=name,
                          fix="give a file of 16, 20 or 23 columns that begin with station and date, such as 07MAY18")  # fmt: skip
    check_end(data, name)
    rows = split_rows(texts, numbers, WIDTHS, name)
    if not _looks_like_tenv(texts[0]):
        raise FormatError("FID-2490", "not a tenv or tenv3 file", where=f"{name}, line {numbers[0]}",
                          fix="give a file whose rows begin with station and date, such as 07MAY18")  # fmt: skip
    return rows


def _looks_like_tenv(line: bytes) -> bool:
    return re.match(rb"\s*[A-Za-z0-9_]{4}\s+\d\d[A-Za-z]{3}\d\d\s", line) is not None


def _frame(name: str, given: str | None) -> str | None:
    """Return the frame of the caller or of the file name, which must not contradict each other."""
    match = _NAME.fullmatch(Path(name).name)
    named = None
    if match is not None:
        try:
            named = parse_frame(match[1]).given
        except InputError:
            named = None  # NGL names plates by two letters, of no stated model
    if given is None:
        return named
    wanted = parse_frame(given)
    if named is not None and not same_frame(wanted, named):
        raise InputError("FID-1332", f"the file name says {named}, not {given}", where=name,
                         fix=f"state {named}, or give the file of the other frame")  # fmt: skip
    return wanted.given


def _dates(rows: Rows) -> Float64:
    """Return the MJD, checked against date, decimal year, GPS week and day."""
    whole = rows.integers(3, "MJD")
    mjd = whole.astype(np.float64)
    wrong = ~((mjd >= MJD_RANGE[0]) & (mjd <= MJD_RANGE[1]))
    if wrong.any():
        rows.stop(int(np.argmax(wrong)), 3, "MJD is impossible", code="FID-2493")
    days = epochs_of_mjd(mjd).astype("datetime64[D]").astype(object)
    for row, (word, day) in enumerate(zip(rows.columns[1], days, strict=True)):
        if word.upper() != f"{day.year % 100:02d}{_MONTHS[day.month - 1]}{day.day:02d}".encode():
            rows.stop(row, 1, f"the date is not that of MJD {whole[row]}, {day}", code="FID-2493")
    years = rows.floats(2, "decimal year", limit=3000.0)
    off = np.abs(years - 2000.0 - (mjd - YEAR_ZERO_MJD) / 365.25) > _YEAR_TOLERANCE
    if off.any():
        rows.stop(int(np.argmax(off)), 2, "the decimal year is not that of the MJD", code="FID-2493")
    for column, title, count in ((4, "GPS week", (whole - _GPS_WEEK_ZERO_MJD) // 7),
                                 (5, "day of the GPS week", (whole - _GPS_WEEK_ZERO_MJD) % 7)):  # fmt: skip
        off = rows.integers(column, title) != count
        if off.any():
            rows.stop(int(np.argmax(off)), column, f"{title} is not that of the MJD", code="FID-2493")
    return mjd


def _same_throughout(rows: Rows, column: int, what: str) -> None:
    for row, word in enumerate(rows.columns[column]):
        if word != rows.columns[column][0]:
            rows.stop(row, column, f"another {what} than in the first row", code="FID-2499")


def _tenv(rows: Rows) -> tuple[Float64, Float64]:
    position = [rows.floats(6 + k, f"{what} (m)", limit=_LENGTH_LIMIT_M, missing=True)
                for k, what in enumerate(("east", "north", "up"))]  # fmt: skip
    rows.floats(9, "antenna height (m)", limit=1e4)
    return np.column_stack(position), _precision(rows, 10)


def _tenv3(rows: Rows) -> tuple[Float64, Float64]:
    """Return positions in metres, counted from the whole metres of the first row, so that no digit is lost."""
    rows.floats(6, "reference meridian (deg)", limit=360.0)
    _same_throughout(rows, 6, "reference meridian")
    position = []
    for column, what in ((7, "east"), (9, "north"), (11, "up")):
        whole = rows.integers(column, f"whole metres {what}")
        if np.any(np.abs(whole) > _LENGTH_LIMIT_M):
            rows.stop(int(np.argmax(np.abs(whole) > _LENGTH_LIMIT_M)), column, f"whole metres {what} are impossible")
        part = rows.floats(column + 1, f"{what} (m)", limit=_LENGTH_LIMIT_M, missing=True)
        position.append((whole - whole[0]) + part)
    rows.floats(13, "antenna height (m)", limit=1e4)
    return np.column_stack(position), _precision(rows, 14)


def _rounded(values: Float64) -> Float64:
    """Take back what sums of decimal numbers add behind their last digit."""
    return np.asarray(np.round(values, _MICROMETRES), dtype=np.float64)


def _precision(rows: Rows, first: int) -> Float64:
    """Return sigmas and correlations, shape (row, 6)."""
    columns = []
    for k, what in enumerate(("east", "north", "up")):
        sigma = rows.floats(first + k, f"sigma of {what} (m)", limit=_SIGMA_LIMIT_M, missing=True)
        if np.any(sigma < 0.0):
            rows.stop(int(np.argmax(sigma < 0.0)), first + k, f"sigma of {what} is negative")
        columns.append(sigma)
    for k, what in enumerate(("east, north", "east, up", "north, up")):
        columns.append(rows.floats(first + 3 + k, f"correlation of {what}", limit=1.000001, missing=True))
    return np.column_stack(columns)


def _reference(rows: Rows, row: int) -> Float64:
    if len(rows.columns) < WIDTHS[2]:
        return np.full(3, np.nan)
    latitude = rows.floats(20, "latitude (deg)", limit=90.0)
    longitude = rows.floats(21, "longitude (deg)", limit=540.0)
    height = rows.floats(22, "height (m)", limit=1e5)
    # Old files count longitudes from 0 to -360.
    wrapped = (longitude + 180.0) % 360.0 - 180.0
    return geocentric_position_m(wrapped[row], latitude[row], height[row])

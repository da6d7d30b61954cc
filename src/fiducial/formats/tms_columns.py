"""The columns of a TMS data block: dates, positions, standard deviations and correlations."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.series_rows import MJD_RANGE, MJD_ZERO, Rows, epochs_of_mjd
from fiducial.formats.strictness import Findings

Float64 = NDArray[np.float64]
Epochs = NDArray[np.datetime64]

LOCAL: Final = ("EAST", "NORTH", "UP")
GEOCENTRIC: Final = ("X", "Y", "Z")
SIGMAS: Final = {"EAST": ("SIG_E", "SIG_EAST"), "NORTH": ("SIG_N", "SIG_NORTH"), "UP": ("SIG_U", "SIG_UP"),
                 "X": ("SIG_X",), "Y": ("SIG_Y",), "Z": ("SIG_Z",)}  # fmt: skip
CORRELATIONS: Final = {LOCAL: ("CORR_EN", "CORR_EU", "CORR_NU"), GEOCENTRIC: ("CORR_XY", "CORR_XZ", "CORR_YZ")}
STEP_CODE: Final = "STP"
"""Code of events that are steps, in files of our own; their kind follows."""
_DATES: Final = ("YYYY-MM-DD", "MJD", "JD", "YYYY-DDD", "YEAR")
"""Most exact first: a decimal year has five decimals, 5 minutes."""
_DAY_TEXT: Final = re.compile(rb"(\d{4})-(\d{2})-(\d{2})")
_DAY_OF_YEAR: Final = re.compile(rb"(\d{4})-(\d{3})")
_CLOCK: Final = re.compile(rb"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")
_NAT: Final = np.datetime64("NaT", "ns")
_JD_MINUS_MJD: Final = 2_400_000.5
LENGTH_LIMIT_M: Final = 3e7


def epochs(rows: Rows, titles: dict[str, int], findings: Findings) -> Epochs:
    """Return the epochs of all rows by the most exact date column, and compare it with the decimal year.

    Raises
    ------
    FormatError
        FID-2491 a date is none; FID-2493 it is out of range; FID-2497 no date column.
    """
    title = next((one for one in _DATES if one in titles), None)
    if title is None:
        raise FormatError("FID-2497", "no column of dates", where=rows.name,
                          fix=f"give a file with one of {', '.join(_DATES)}")  # fmt: skip
    column = titles[title]
    if title in {"YYYY-MM-DD", "YYYY-DDD"}:
        found = _calendar(rows, column, of_year=title == "YYYY-DDD")
        if "HH:MM:SS" in titles:
            found = found + _clock(rows, titles["HH:MM:SS"])
    elif title == "YEAR":
        return _decimal_years(rows, column)
    else:
        mjd = rows.floats(column, title, limit=1e7) - (_JD_MINUS_MJD if title == "JD" else 0.0)
        found = _in_range(rows, column, mjd)
    if "YEAR" in titles:
        off = np.abs(_decimal_years(rows, titles["YEAR"]) - found) > np.timedelta64(13, "h")
        if off.any():
            findings.note(f"date and decimal year contradict each other in {int(off.sum())} rows: the date is taken",
                          int(rows.numbers[int(np.argmax(off))]))  # fmt: skip
    return found


def _in_range(rows: Rows, column: int, mjd: Float64) -> Epochs:
    wrong = ~((mjd >= MJD_RANGE[0]) & (mjd <= MJD_RANGE[1]))
    if wrong.any():
        rows.stop(int(np.argmax(wrong)), column, "the date is impossible", code="FID-2493")
    return epochs_of_mjd(mjd)


def _calendar(rows: Rows, column: int, *, of_year: bool) -> Epochs:
    pattern = _DAY_OF_YEAR if of_year else _DAY_TEXT
    days = np.empty(len(rows), dtype="datetime64[D]")
    for row, word in enumerate(rows.columns[column]):
        match = pattern.fullmatch(word)
        if match is None:
            rows.stop(row, column, f"no date: {word.decode('latin-1')!r}")
        days[row] = _day(match, of_year=of_year)
        if np.isnat(days[row]):
            rows.stop(row, column, f"there is no day {word.decode('latin-1')}")
    since = (days.astype("datetime64[ns]") - MJD_ZERO) / np.timedelta64(1, "D")
    return _in_range(rows, column, np.asarray(since, dtype=np.float64))


def _day(match: re.Match[bytes], *, of_year: bool) -> np.datetime64:
    year = match[1].decode()
    if of_year:
        day = np.datetime64(f"{year}-01-01", "D") + np.timedelta64(int(match[2]) - 1, "D")
        return day if day.astype("datetime64[Y]") == np.datetime64(year, "Y") else np.datetime64("NaT", "D")
    try:
        return np.datetime64(match[0].decode(), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _clock(rows: Rows, column: int) -> NDArray[np.timedelta64]:
    seconds = np.empty(len(rows), dtype=np.int64)
    for row, word in enumerate(rows.columns[column]):
        match = _CLOCK.fullmatch(word)
        if match is None:
            rows.stop(row, column, f"no time of day: {word.decode('latin-1')!r}")
        seconds[row] = 3600 * int(match[1]) + 60 * int(match[2]) + int(match[3])
    return seconds.astype("timedelta64[s]")


def _decimal_years(rows: Rows, column: int) -> Epochs:
    """Return epochs of decimal years of the calendar, to the minute."""
    years = rows.floats(column, "decimal year", limit=2160.0)
    if np.any(years < 1941.0):
        rows.stop(int(np.argmax(years < 1941.0)), column, "the decimal year is impossible", code="FID-2493")
    begin = np.floor(years).astype(np.int64)
    start = (begin - 1970).astype("datetime64[Y]").astype("datetime64[ns]")
    end = (begin - 1969).astype("datetime64[Y]").astype("datetime64[ns]")
    minutes = np.round((years - begin) * ((end - start) / np.timedelta64(1, "m")))
    return np.asarray(start + minutes.astype(np.int64).astype("timedelta64[m]"), dtype="datetime64[ns]")


def positions(rows: Rows, titles: dict[str, int], units: dict[str, str]) -> tuple[tuple[str, ...], Float64, Float64]:
    """Return the titles of the three components, their values [m], and sigmas [m] with correlations, shape (row, 6).

    Raises
    ------
    FormatError
        FID-2491 damaged number; FID-2497 no three components, or a unit other than the metre.
    """
    names = next((trio for trio in (LOCAL, GEOCENTRIC) if all(name in titles for name in trio)), None)
    if names is None:
        raise FormatError("FID-2497", "neither EAST, NORTH, UP nor X, Y, Z among the columns", where=rows.name,
                          fix="give a file with positions")  # fmt: skip
    values = np.column_stack([_lengths(rows, titles, units, name) for name in names])
    others = np.full((len(rows), 6), np.nan)
    for k, name in enumerate(names):
        title = next((one for one in SIGMAS[name] if one in titles), None)
        if title is not None:
            others[:, k] = _lengths(rows, titles, units, title)
            if np.any(others[:, k] < 0.0):
                rows.stop(int(np.argmax(others[:, k] < 0.0)), titles[title], f"{title} is negative")
    for k, title in enumerate(CORRELATIONS[names]):
        if title in titles:
            others[:, 3 + k] = rows.floats(titles[title], title, limit=1.000001, missing=True)
    return names, values, others


def _lengths(rows: Rows, titles: dict[str, int], units: dict[str, str], title: str) -> Float64:
    if units.get(title, "").lower() != "m":
        raise FormatError("FID-2497", f"unit of column {title} is {units.get(title) or 'not stated'}", where=rows.name,
                          fix="give a file in metres")  # fmt: skip
    return rows.floats(titles[title], title, limit=LENGTH_LIMIT_M, missing=True)

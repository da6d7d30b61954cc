"""Summaries of NANUs, Notice Advisories to NAVSTAR Users (``nanus_sum.2024``)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.orbits.satellites import Manoeuvre, Nanu, manoeuvres
from fiducial.timescales import gps_from_utc

__all__ = ["Manoeuvre", "Nanu", "manoeuvres", "read"]

_RECORD = re.compile(
    r" *(?P<number>\d{7}) +(?P<kind>[A-Z]{3,12}) +(?P<prn>\d{1,2}|-) +(?P<reference>\d{7}|-)"
    r" +(?P<begin>\d{4}_\d{3}_\d{4}|-) +(?P<end>\d{4}_\d{3}_\d{4}|-)(?: +\d{4}\.\d\d\.\d\d \(\d{3}\) \d\d:\d\d)? *",
    re.ASCII,
)
_OPENING = "+nanu_sum"
_CLOSING = "-nanu_sum"


def read(source: str | Path | bytes, *, name: str = "") -> tuple[Nanu, ...]:
    """Read a summary of NANUs.

    Parameters
    ----------
    source : path or bytes
        File, compressed or not.
    name : str, optional
        File name for messages, where the source is bytes.

    Returns
    -------
    tuple of Nanu
        In the order of the file; epochs in UTC, as NANUs state them, and in GPS time.

    Raises
    ------
    FormatError
        FID-2455 when the marks ``+nanu_sum`` and ``-nanu_sum`` are missing, doubled or in the wrong order (a cut
        file); FID-2456 for a damaged line, an epoch that does not exist, or an outage that ends before it begins;
        FID-2457 for a number that stands twice. FID-2400 and FID-2401 from reading.

    Notes
    -----
    Types of notices: US Coast Guard Navigation Center, as repeated at the end of the file.
    """
    opened = open_source(source, name=name)
    lines = opened.data.decode("latin-1").replace("\r\n", "\n").split("\n")
    marks = [(index, line.strip()) for index, line in enumerate(lines) if line.strip() in {_OPENING, _CLOSING}]
    if [mark for _, mark in marks] != [_OPENING, _CLOSING]:
        problem = f"one {_OPENING} and one {_CLOSING} behind it are expected: the file is cut, or no NANU summary"
        raise FormatError("FID-2455", problem, where=opened.name, fix="fetch the file again")
    nanus: dict[str, Nanu] = {}
    for index in range(marks[0][0] + 1, marks[1][0]):
        line = lines[index]
        if not line.strip() or line.startswith("*"):
            continue
        nanu = _nanu(line, f"{opened.name}, line {index + 1}")
        if nanu.number in nanus:
            where = f"{opened.name}, line {index + 1}, {nanu.number}"
            raise FormatError("FID-2457", "the notice stands twice", where=where, fix="remove one of the two lines")
        nanus[nanu.number] = nanu
    return tuple(nanus.values())


def _nanu(line: str, where: str) -> Nanu:
    match = _RECORD.fullmatch(line)
    if match is None:
        raise _damaged("not number, type, PRN, reference, begin, end and date of a NANU", where)
    begin, end = (_epoch(match[side], f"{where}, columns {match.start(side) + 1}-{match.end(side)}", side)
                  for side in ("begin", "end"))  # fmt: skip
    if end < begin:
        raise _damaged("the outage ends before it begins", where)
    prn = match["prn"]
    if prn != "-" and not 1 <= int(prn) <= 63:
        raise _damaged(f"there is no PRN {prn}", f"{where}, columns {match.start('prn') + 1}-{match.end('prn')}")
    return Nanu(
        number=match["number"],
        kind=match["kind"],
        satellite=None if prn == "-" else f"G{int(prn):02d}",
        reference=None if match["reference"] == "-" else match["reference"],
        begin_utc=begin,
        end_utc=end,
        begin_gps=_gps(begin),
        end_gps=_gps(end),
    )


def _gps(epoch_utc: np.datetime64) -> np.datetime64:
    if np.isnat(epoch_utc):
        return epoch_utc
    epoch: np.datetime64 = gps_from_utc(np.array([epoch_utc]))[0]
    return epoch


def _epoch(text: str, where: str, side: str) -> np.datetime64:
    if text == "-":
        return np.datetime64("NaT", "ns")
    year, day, hour, minute = int(text[:4]), int(text[5:8]), int(text[9:11]), int(text[11:])
    if 1980 <= year <= 2261 and day >= 1 and hour < 24 and minute < 60:
        first = np.datetime64(f"{year}-01-01", "ns")
        epoch: np.datetime64 = first + np.timedelta64(((day - 1) * 24 + hour) * 60 + minute, "m")
        if epoch.astype("datetime64[Y]") == np.datetime64(str(year), "Y"):
            return epoch
    raise _damaged(f"the {side} {text} is no epoch of the form yyyy_ddd_hhmm", where)


def _damaged(problem: str, where: str) -> FormatError:
    return FormatError("FID-2456", problem, where=where, fix="fetch the file again")

"""Lists of known steps: station, date, and what happened, as in NGL's ``steps.txt``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from fiducial.errors import InputError
from fiducial.formats.text_source import open_source
from fiducial.stations.series import SeriesEvent

KINDS: Final = {"1": "equipment", "2": "earthquake"}
_STATION: Final = re.compile(r"[A-Za-z0-9_]{4,9}")
_NGL_DATE: Final = re.compile(r"(\d\d)([A-Za-z]{3})(\d\d)")
_ISO_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d)?)?")
_YEAR: Final = re.compile(r"(19|20)\d\d\.\d{1,6}")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CENTURY_TURN: Final = 80


def read(source: str | Path | bytes, *, name: str = "") -> dict[str, tuple[SeriesEvent, ...]]:
    """Read a list of steps.

    Parameters
    ----------
    source : path or bytes
        A row a step: station, date (2010-05-01, 2010-05-01T12:34, 10MAY01 or decimal year 2010.3288), and, as in NGL's
        list, 1 for a change of equipment or 2 for an earthquake; what follows is a description. Rows that begin with
        ``#`` are comments.
    name : str, optional

    Returns
    -------
    dict of str to tuple of SeriesEvent
        By station in capital letters, in order of time. Without a kind the step is of kind ``known``.

    Raises
    ------
    InputError
        FID-1331 for a row that is none, with line and columns.
    FormatError
        FID-2400, FID-2401 unreadable.
    """
    content = open_source(source, name=name)
    found: dict[str, list[SeriesEvent]] = {}
    for number, line in enumerate(content.data.decode("latin-1").splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{content.name}, line {number}, columns 1-{len(line)}"
        if len(words) < 2 or not _STATION.fullmatch(words[0]):
            raise InputError("FID-1331", "not a station and a date", where=where, fix="write such as CODR 2010-05-01 1")
        epoch = _epoch(words[1])
        if np.isnat(epoch):
            raise InputError(
                "FID-1331", f"no date: {words[1]!r}", where=where, fix="write 2010-05-01, 10MAY01 or 2010.33"
            )
        kind = KINDS.get(words[2]) if len(words) > 2 else None
        event = SeriesEvent(epoch, kind or "known", " ".join(words[3 if kind else 2 :]))
        found.setdefault(words[0].upper(), []).append(event)
    return {station: tuple(sorted(events, key=lambda one: one.epoch)) for station, events in found.items()}


def _epoch(text: str) -> np.datetime64:
    """Return the epoch of a date; NaT when it is none."""
    unknown = np.datetime64("NaT", "ns")
    match = _NGL_DATE.fullmatch(text)
    if match is not None:
        if match[2].upper() not in _MONTHS:
            return unknown
        century = 1900 if int(match[1]) >= _CENTURY_TURN else 2000
        text = f"{century + int(match[1])}-{_MONTHS.index(match[2].upper()) + 1:02d}-{match[3]}"
    if _YEAR.fullmatch(text):
        start = np.datetime64(text[:4], "Y")
        length = (start + 1).astype("datetime64[s]") - start.astype("datetime64[s]")
        seconds = round(float(f"0{text[4:]}") * float(length / np.timedelta64(1, "s")))
        return np.datetime64(start.astype("datetime64[s]") + np.timedelta64(seconds, "s"), "ns")
    if not _ISO_DATE.fullmatch(text) or not "1900" < text[:4] < "2200":
        return unknown
    try:
        return np.datetime64(text, "ns")
    except ValueError:
        return unknown

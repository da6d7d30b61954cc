"""Epochs of SINEX, ``yy:ddd:sssss`` in twelve columns."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final

import numpy as np

from fiducial.formats.sinex_fields import Epochs, Rows, integers
from fiducial.formats.sinex_units import runs

NAT: Final = np.datetime64("NaT", "ns")
EPOCH_WIDTH: Final = 12
YEAR_SPLIT: Final = 50
DAY_SECONDS: Final = 86_400

_SPACE: Final = 32
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_PLAIN: Final = re.compile(rb"(\d\d):(\d\d\d):(\d{5})")


def instant(year: int, day: int, second: int) -> np.datetime64 | None:
    """Return the epoch of a year of two digits, a day of the year and a second of the day.

    Years 50 to 99 are of the 20th century. Three zeros are open or unknown, and NaT; None for what is no epoch.
    """
    if (year, day, second) == (0, 0, 0):
        return NAT
    full = year + (1900 if year >= YEAR_SPLIT else 2000)
    start = date(full, 1, 1).toordinal()
    if not (1 <= day <= date(full + 1, 1, 1).toordinal() - start and second <= DAY_SECONDS):
        return None
    return np.datetime64(((start - _FIRST_DAY + day - 1) * DAY_SECONDS + second) * 1_000_000_000, "ns")


@lru_cache(maxsize=256)
def plain_instant(word: bytes) -> np.datetime64 | None:
    """Return a fully printed epoch; None for any other, which the slower reader reads or refuses."""
    found = _PLAIN.fullmatch(word)
    return instant(*map(int, found.groups())) if found else None


def epochs(rows: Rows, first: int) -> Epochs:
    """Return the epoch ``yy:ddd:sssss`` of twelve columns: years 50 to 99 are of the 20th century.

    ``00:000:00000`` is open or unknown, and becomes NaT, as does a blank field.

    Raises
    ------
    FormatError
        FID-2473 for anything else.
    """
    last = first + EPOCH_WIDTH
    if rows.low[first:last] == rows.high[first:last]:
        epoch = plain_instant(rows.low[first:last])
        if epoch is not None:
            return np.full(len(rows), epoch)
    if not len(rows):
        return np.zeros(0, dtype="datetime64[ns]")
    words = np.ascontiguousarray(rows.characters[:, first:last]).view(f"S{EPOCH_WIDTH}")[:, 0]
    # Neighbours often have one epoch, and a file has few different ones: each is looked at once.
    heads, run = runs(words)
    of_heads = words[heads].tolist()
    place = {word: index for index, word in enumerate(dict.fromkeys(of_heads))}
    index = np.array([place[word] for word in of_heads], dtype=np.int64)
    plain = [plain_instant(word) for word in place]
    if None in plain:
        chosen = np.zeros(len(place), dtype=np.int64)
        chosen[index[::-1]] = heads[::-1]
        found = _different_epochs(Rows(rows.characters[chosen], rows.numbers[chosen], rows.name), first)
    else:
        found = np.array(plain, dtype="datetime64[ns]")
    return np.asarray(found[index][run])


def _different_epochs(rows: Rows, first: int) -> Epochs:
    part = rows.characters[:, first : first + EPOCH_WIDTH]
    last = first + EPOCH_WIDTH
    blank = (part == _SPACE).all(axis=1)
    colons = (part[:, 2] == ord(":")) & (part[:, 6] == ord(":"))
    bad = ~(colons | blank)
    if bad.any():
        row = int(np.argmax(bad))
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is not an epoch yy:ddd:sssss")
    year = integers(rows, first, first + 2, missing=0)
    day = integers(rows, first + 3, first + 6, missing=0)
    second = integers(rows, first + 7, last, missing=0)
    unknown = (year == 0) & (day == 0) & (second == 0)
    year += np.where(year >= YEAR_SPLIT, 1900, 2000)
    length = np.where((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)), 366, 365)
    bad = ~unknown & ((day < 1) | (day > length) | (second > DAY_SECONDS))
    if bad.any():
        row = int(np.argmax(bad))
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is no day of a year or second of a day")
    days = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    found = days.astype("datetime64[ns]") + second.astype("timedelta64[s]")
    found[unknown] = NAT
    return np.asarray(found)

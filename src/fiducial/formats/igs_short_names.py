"""Short IGS product names: ``igs23324.sp3``, ``igu23324_06.sp3``, ``codg2630.24i``, ``igs24P2332.snx``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.name_parts import COMPRESSIONS, Period, split_compression

SHORT_FORMATS: Final = {
    "sp3": ("orbits", None), "eph": ("orbits", None), "clk": ("clocks", None),
    "clk_30s": ("clocks", Period(30, "S")), "clk_05s": ("clocks", Period(5, "S")),
    "erp": ("Earth rotation parameters", None), "snx": ("solution", None), "sum": ("summary", None),
    "cls": ("summary", None),
}  # fmt: skip
"""Kind of product and sampling of the formats of short names."""

_WEEK = re.compile(r"(?P<centre>[a-z0-9]{3})(?P<week>\d{4})(?P<day>\d)(?:_(?P<hour>\d\d))?\.(?P<format>\w+)", re.ASCII)
_IONEX = re.compile(r"(?P<centre>[a-z0-9]{3})g(?P<day>\d{3})0\.(?P<year>\d\d)i", re.ASCII)
_SINEX = re.compile(r"(?P<centre>[a-z0-9]{3})(?P<year>\d\d)P(?P<week>\d{4})(?P<day>[0-6]?)\.(?P<format>snx|sum|erp)",
                    re.ASCII)  # fmt: skip
_GPS_START = np.datetime64("1980-01-06", "D")
_GPS_END = _GPS_START + np.timedelta64(7 * 10_000, "D")  # four digits hold the week
_IGS_SOLUTIONS = {"igs": "FIN", "igr": "RAP", "igu": "ULT"}
_WEEKLY: Final = 7

Layout = Literal["week", "ionex", "sinex"]


@dataclass(frozen=True, slots=True)
class ShortName:
    """Short name in one of three layouts.

    Attributes
    ----------
    layout : {"week", "ionex", "sinex"}
        ``cccWWWWD[_HH].fmt``, ``cccgDDD0.YYi``, or ``cccYYPWWWW[D].fmt``.
    centre_code : str
        Three small letters: ``igs``, ``igr`` and ``igu`` tell the solution too.
    date : datetime64[D]
        Day that the name states, GPS time, of GPS weeks 0 to 9999; the Sunday for a product of a week.
    format : str
        ``sp3``, ``clk``, ``clk_30s``, ..., ``ionex``.
    weekly : bool
        Day 7, or no day: the product of the whole week.
    hour : int or None
        Hour in the name of an ultra-rapid product.
    compression : str
        ``.gz``, ``.Z``, ``.bz2``, or empty.

    Raises
    ------
    FormatError
        FID-2441 for a part that no short name can carry.

    Notes
    -----
    IGS products before GPS week 2238 (2022-11-27).
    """

    layout: Layout
    centre_code: str
    date: np.datetime64
    format: str
    weekly: bool = False
    hour: int | None = None
    compression: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "date", self.date.astype("datetime64[D]"))
        if np.isnat(self.date) or not _GPS_START <= self.date < _GPS_END:
            raise _wrong(f"no short name can state the day {self.date}", "date")
        base = self.build()
        if (self.compression and self.compression not in COMPRESSIONS) or parse_short_name(base) != self:
            raise _wrong("the parts do not make a short name that states them", base)

    @property
    def centre(self) -> str:
        """Analysis centre as long names spell it: ``IGS`` for ``igs``, ``igr`` and ``igu``."""
        return "IGS" if self.centre_code in _IGS_SOLUTIONS else self.centre_code.upper()

    @property
    def solution(self) -> str | None:
        """``FIN``, ``RAP`` or ``ULT`` of an IGS product or an hour in the name; None where the name does not tell."""
        return "ULT" if self.hour is not None else _IGS_SOLUTIONS.get(self.centre_code)

    @property
    def kind(self) -> str:
        """Kind of product in words."""
        return "ionosphere map" if self.layout == "ionex" else SHORT_FORMATS[self.format][0]

    @property
    def start(self) -> np.datetime64 | None:
        """First epoch, GPS time, datetime64[ns]; None for ultra-rapid names, which state the issue."""
        return None if self.hour is not None else self.date.astype("datetime64[ns]")

    @property
    def length(self) -> Period | None:
        """One day or one week; None for ultra-rapid names, which do not state it."""
        if self.hour is not None:
            return None
        return Period(7, "D") if self.weekly else Period(1, "D")

    @property
    def sampling(self) -> Period | None:
        """Interval where the name states it (``clk_30s``)."""
        return None if self.layout == "ionex" else SHORT_FORMATS[self.format][1]

    def build(self) -> str:
        """Return the file name; the inverse of ``igs_names.parse_name``."""
        days = int((self.date - _GPS_START).astype(int))
        year = self.date.astype("datetime64[Y]")
        two_digits = str(year)[2:]
        week, day = f"{days // 7:04d}", str(days % 7)
        if self.layout == "ionex":
            number = int((self.date - year.astype("datetime64[D]")).astype(int)) + 1
            return f"{self.centre_code}g{number:03d}0.{two_digits}i{self.compression}"
        if self.layout == "sinex":
            day = "" if self.weekly else day
            return f"{self.centre_code}{two_digits}P{week}{day}.{self.format}{self.compression}"
        day = str(_WEEKLY) if self.weekly else day
        hour = "" if self.hour is None else f"_{self.hour:02d}"
        return f"{self.centre_code}{week}{day}{hour}.{self.format}{self.compression}"


def parse_short_name(base: str) -> ShortName | None:
    """Parse a short name without folder; None when it has the shape of none.

    Raises
    ------
    FormatError
        FID-2441 for a part out of range or a format that short names do not know.
    """
    stem, compression = split_compression(base)
    if match := _IONEX.fullmatch(stem):
        date = _ionex_date(int(match["year"]), int(match["day"]), base)
        return _unchecked("ionex", match["centre"], date, "ionex", compression=compression)
    if match := _SINEX.fullmatch(stem):
        date = _week_day(int(match["week"]), int(match["day"] or 0))
        if str(date)[2:4] != match["year"]:
            raise _wrong(f"week {match['week']} begins in {str(date)[:4]}, year {match['year']} in the name", base)
        return _unchecked("sinex", match["centre"], date, match["format"], weekly=not match["day"],
                          compression=compression)  # fmt: skip
    match = _WEEK.fullmatch(stem)
    if match is None:
        return None
    day, hour = int(match["day"]), match["hour"]
    if day > _WEEKLY:
        raise _wrong(f"day {day} of the week is not within 0-7", base)
    if hour is not None and (int(hour) > 23 or day == _WEEKLY):
        raise _wrong(f"hour {hour} of day {day} does not exist", base)
    if match["format"] not in SHORT_FORMATS:
        raise _wrong(f"format {match['format']!r} is none of {', '.join(SHORT_FORMATS)}", base)
    date = _week_day(int(match["week"]), day % _WEEKLY)
    return _unchecked("week", match["centre"], date, match["format"], weekly=day == _WEEKLY,
                      hour=None if hour is None else int(hour), compression=compression)  # fmt: skip


def _unchecked(
    layout: Layout,
    centre_code: str,
    date: np.datetime64,
    file_format: str,
    *,
    weekly: bool = False,
    hour: int | None = None,
    compression: str = "",
) -> ShortName:
    """Make a name of parts that the parser has checked; the constructor itself calls the parser."""
    name = object.__new__(ShortName)
    values = (layout, centre_code, date, file_format, weekly, hour, compression)
    for key, value in zip(ShortName.__slots__, values, strict=True):
        object.__setattr__(name, key, value)
    return name


def _week_day(week: int, day: int) -> np.datetime64:
    date: np.datetime64 = _GPS_START + np.timedelta64(7 * week + day, "D")
    return date


def _ionex_date(two_digits: int, day: int, base: str) -> np.datetime64:
    # IGS began in 1994 and RINEX 2 holds years 1980 to 2079.
    year = np.datetime64(str(two_digits + (1900 if two_digits >= 80 else 2000)), "Y")
    date: np.datetime64 = year.astype("datetime64[D]") + np.timedelta64(day - 1, "D")
    if date.astype("datetime64[Y]") != year or date < _GPS_START:
        raise _wrong(f"there is no day {day} of GPS time in {year}", base)
    return date


def _wrong(problem: str, where: str) -> FormatError:
    fix = "name it cccWWWWD.fmt, cccWWWWD_HH.fmt, cccgDDD0.YYi or cccYYPWWWW.snx in small letters"
    return FormatError("FID-2441", problem, where=where, fix=fix)

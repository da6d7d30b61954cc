"""Parts that long and short IGS names share: periods, compressions, checks that name the columns at fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.errors import FormatError

COMPRESSIONS: Final = (".gz", ".Z", ".bz2")
"""Suffixes of compressed products."""

_UNITS: Final[dict[str, np.timedelta64]] = {
    "S": np.timedelta64(1, "s"), "M": np.timedelta64(1, "m"), "H": np.timedelta64(1, "h"), "D": np.timedelta64(1, "D"),
    "W": np.timedelta64(1, "W"), "L": np.timedelta64(1, "M"), "Y": np.timedelta64(1, "Y"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """Length or interval of a product: two digits and a unit.

    Attributes
    ----------
    count : int
        0 to 99.
    unit : str
        ``S`` seconds, ``M`` minutes, ``H`` hours, ``D`` days, ``W`` weeks, ``L`` months, ``Y`` years, ``U`` unspecified.

    Examples
    --------
    >>> str(Period(5, "M")), Period(5, "M").duration
    ('05M', np.timedelta64(5,'m'))
    """

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count:02d}{self.unit}"

    @property
    def is_allowed(self) -> bool:
        """Whether the unit is known, and only the unspecified period is zero."""
        known = self.unit in _UNITS or self.unit == "U"
        return known and 0 <= self.count <= 99 and (self.count == 0) == (self.unit == "U")

    @property
    def duration(self) -> np.timedelta64:
        """Duration in the unit of the name; NaT when unspecified. Months and years have no fixed number of days."""
        if self.unit == "U":
            return np.timedelta64("NaT", "s")
        duration: np.timedelta64 = _UNITS[self.unit] * self.count
        return duration


def base_name(text: str) -> str:
    """Return a file name without its folder."""
    return text.replace("\\", "/").rsplit("/", 1)[-1]


def split_compression(base: str) -> tuple[str, str]:
    """Return the name without the suffix of its compression, and that suffix."""
    for suffix in COMPRESSIONS:
        if base.endswith(suffix):
            return base[: -len(suffix)], suffix
    return base, ""


def checked_part(code: str, text: str, where: str, label: str, pattern: str, columns: tuple[int, int]) -> str:
    """Return the part of a name between two columns, or raise FormatError ``code`` with the part's label."""
    part = text[columns[0] : columns[1]]
    if re.fullmatch(pattern, part, re.ASCII):
        return part
    problem = f"{label} {part!r} is not of the form {pattern}"
    if re.fullmatch(pattern, part.upper(), re.ASCII):
        problem = f"{label} {part!r} is not in capital letters"
    place = f"{where}, columns {columns[0] + 1}-{max(columns[1], columns[0] + 1)}"
    raise FormatError(code, problem, where=place, fix="use the spelling of the IGS guidelines for file names")


def whole_minute(epoch: np.datetime64) -> np.datetime64:
    """Return an epoch as datetime64[ns]; FID-2440 when it is no whole minute of the years 1980 to 2261."""
    problem = ""
    if np.isnat(epoch):
        problem = "the start is missing"
    elif not np.datetime64("1980-01-01") <= epoch < np.datetime64("2262-01-01"):
        problem = f"the start {epoch} is not within 1980-2261"
    elif epoch != epoch.astype("datetime64[m]"):
        problem = f"the start {epoch} is no whole minute"
    if problem:
        raise FormatError("FID-2440", problem, where="start of a product", fix="give a whole minute of GPS time")
    start: np.datetime64 = epoch.astype("datetime64[ns]")
    return start

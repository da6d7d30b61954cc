"""Units of requirement metrics: the few that registers of in-situ requirements use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fiducial.constants import JULIAN_YEAR_DAYS

_DAY_S: Final = 86_400.0
_YEAR_S: Final = JULIAN_YEAR_DAYS * _DAY_S


class Dimension(StrEnum):
    """What a unit measures."""

    LENGTH = "length"
    TIME = "time"
    VELOCITY = "velocity"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit and its size in the canonical one: m, s, m/yr, or 1.

    A month is a twelfth of a Julian year (30.4375 days): the register means no particular month.
    """

    name: str
    dimension: Dimension
    size: float


_LENGTHS: Final = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3}
_TIMES: Final = {"s": 1.0, "min": 60.0, "hour": 3600.0, "day": _DAY_S, "week": 7 * _DAY_S, "month": _YEAR_S / 12,
                 "yr": _YEAR_S}  # fmt: skip
_ALIASES: Final = {"second": "s", "sec": "s", "minute": "min", "hr": "hour", "h": "hour", "d": "day", "year": "yr"}

UNITS: Final = {
    unit.name: unit
    for unit in (
        *(Unit(name, Dimension.LENGTH, size) for name, size in _LENGTHS.items()),
        *(Unit(name, Dimension.TIME, size) for name, size in _TIMES.items()),
        *(Unit(f"{name}/yr", Dimension.VELOCITY, size) for name, size in _LENGTHS.items() if name != "km"),
        Unit("1", Dimension.RATIO, 1.0),
    )
}

DIMENSIONS: Final = {
    "uncertainty": (Dimension.VELOCITY, Dimension.LENGTH),
    "update_frequency": (Dimension.TIME,),
    "timeliness": (Dimension.TIME,),
    "scale": (Dimension.RATIO,),
    "horizontal_resolution": (Dimension.LENGTH,),
    "vertical_resolution": (Dimension.LENGTH,),
}
"""The six metrics of a requirement, in the order of the register, and what their units may measure."""


def find_unit(text: str) -> Unit | None:
    """Return the unit of a name, also in the plural or spelt out; None when it is not known.

    Examples
    --------
    >>> find_unit("cm/year").name, find_unit("6 months")
    ('cm/yr', None)
    """
    parts = [_singular(part) for part in text.strip().split("/")]
    return UNITS.get("/".join(parts))


def _singular(word: str) -> str:
    word = word.strip()
    for candidate in (word, word.removesuffix("s")):
        name = _ALIASES.get(candidate, candidate)
        if name in _LENGTHS or name in _TIMES or name == "1":
            return name
    return word


def parse_quantity(text: str) -> tuple[float, Unit] | None:
    """Return number and unit of a text of the register, such as ``6 months``; None when it is not of that form.

    Examples
    --------
    >>> value, unit = parse_quantity("1 mm/year")
    >>> value, unit.name
    (1.0, 'mm/yr')
    """
    number, _, name = text.strip().partition(" ")
    unit = find_unit(name)
    try:
        value = float(number)
    except ValueError:
        return None
    return None if unit is None or not math.isfinite(value) else (value, unit)


def convert(value: float, unit: str, to: str) -> float:
    """Convert a value between two units of one dimension.

    Raises
    ------
    KeyError
        A unit is not in :data:`UNITS`.
    ValueError
        The units measure different things.

    Examples
    --------
    >>> convert(0.5, "cm/yr", "mm/yr")
    5.0
    """
    source, target = UNITS[unit], UNITS[to]
    if source.dimension is not target.dimension:
        raise ValueError(f"{unit} is a {source.dimension}, {to} a {target.dimension}")
    return value * (source.size / target.size)

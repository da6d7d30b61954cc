"""Cells that show their value by colour or by a bar: drawn as HTML, so that a page needs no drawing library."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

SHADES: Final = 48
_BLACK: Final = "#000000"
_WHITE: Final = "#ffffff"
_STEPS: Final = (1.0, 2.0, 5.0)
_ENDS: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
_APART: Final = 1.3
_LOW_QUANTILE: Final = 0.02
_HIGH_QUANTILE: Final = 0.98


@dataclass(frozen=True, slots=True)
class Shade:
    """A colour of a cell and the colour of the text that is read best on it, both ``#rrggbb``."""

    ground: str
    ink: str


@dataclass(frozen=True, slots=True)
class LogScale:
    """Equal ratios are equal steps of colour; values outside get the colour of the end.

    Attributes
    ----------
    low, high : float
        Above zero, in the unit of the values.
    """

    low: float
    high: float

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at ``low`` and 1 at ``high``.

        Examples
        --------
        >>> LogScale(1.0, 100.0).share(10.0), LogScale(1.0, 100.0).share(0.0)
        (0.5, 0.0)
        """
        if value <= self.low:
            return 0.0
        return min(1.0, math.log(value / self.low) / math.log(self.high / self.low))

    def ticks(self) -> list[float]:
        """Return ``low``, ``high``, and between them, where there is room, 1, 2, 5 times powers of ten.

        Examples
        --------
        >>> LogScale(4.0, 60.0).ticks()
        [4.0, 10.0, 20.0, 60.0]
        """
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [step * 10.0**power for power in powers for step in _STEPS]
        return [self.low, *(one for one in values if self.low * _APART <= one <= self.high / _APART), self.high]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell of a heat table.

    Attributes
    ----------
    value : float or None
        None and NaN leave the cell without colour.
    struck : bool
        The value was rejected: it is shown struck through and without colour; without a value a cross stands there.
    mark : str
        A sign behind the value.
    title : str
        Why it is struck or marked.
    """

    value: float | None = None
    struck: bool = False
    mark: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A row of a heat table: name, further texts, one cell a column, texts behind them.

    Attributes
    ----------
    name : str
    cells : tuple of HeatCell
    before, after : tuple of str
    strong : bool
        A row that sums up others.
    """

    name: str
    cells: tuple[HeatCell, ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    strong: bool = False


@dataclass(frozen=True, slots=True)
class HeatColumns:
    """Columns that belong together under one head.

    Attributes
    ----------
    head : str
    names : tuple of str
    titles : tuple of str
        Explanation of a column, empty or one for each.
    """

    head: str
    names: tuple[str, ...]
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its value, and a text under it."""

    value: float | None = None
    detail: str = ""


def shade(share: float) -> Shade:
    """Return the colour of a share of the scale.

    Parameters
    ----------
    share : float
        0 is pale yellow, 1 dark blue.

    Examples
    --------
    >>> shade(0.0).ink, shade(1.0).ink
    ('#000000', '#ffffff')

    Notes
    -----
    Built in Oklab (Ottosson 2020): lightness falls linearly, so that equal steps look equal and a grey copy or a
    colour-blind reader sees the order. The text is black or white, whichever has the higher WCAG contrast; on any
    colour one of them has 4.58 or more.
    """
    return _shades()[min(SHADES - 1, max(0, round(share * (SHADES - 1))))]


def scale_of(values: Iterable[float | None]) -> LogScale:
    """Return a scale for positive values, from round number to round number; a few extremes lie outside it.

    Examples
    --------
    >>> scale_of([3.1, 8.0, None, 42.0])
    LogScale(low=3.0, high=50.0)
    """
    known = sorted(value for value in values if value is not None and math.isfinite(value) and value > 0)
    if not known:
        return LogScale(1.0, 10.0)
    low = _round_down(known[int(_LOW_QUANTILE * (len(known) - 1))])
    high = _round_up(known[math.ceil(_HIGH_QUANTILE * (len(known) - 1))])
    return LogScale(low, high if high > low * 1.5 else low * 10.0)


def bar_percent(value: float, full: float) -> float:
    """Return the length of a bar in percent of its cell, 0 to 100.

    Examples
    --------
    >>> bar_percent(12.5, 50.0), bar_percent(70.0, 50.0), bar_percent(-1.0, 50.0)
    (25.0, 100.0, 0.0)
    """
    return round(100.0 * min(1.0, max(0.0, value / full)), 1) if full > 0 else 0.0


def contrast(one: str, two: str) -> float:
    """Return the WCAG 2 contrast ratio of two colours ``#rrggbb``, 1 to 21."""
    light = sorted((_luminance(one), _luminance(two)))
    return (light[1] + 0.05) / (light[0] + 0.05)


@cache
def _shades() -> tuple[Shade, ...]:
    grounds = [_srgb(k / (SHADES - 1)) for k in range(SHADES)]
    return tuple(Shade(ground, max((_BLACK, _WHITE), key=lambda ink: contrast(ground, ink))) for ground in grounds)


def _srgb(share: float) -> str:
    lightness = 0.965 - 0.60 * share
    hue = math.radians(104.0 + 158.0 * share)
    chroma = 0.055 + 0.01 * math.sin(math.pi * share) + 0.04 * share
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long, middle, short = (
        (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
        (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
        (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3,
    )
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _companded(min(1.0, max(0.0, channel)))):02x}" for channel in linear)


def _companded(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(step for step in _ENDS if step * power <= value * (1 + 1e-9)) * power


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(step for step in (*_ENDS, 10.0) if step * power >= value * (1 - 1e-9)) * power

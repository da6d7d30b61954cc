"""Columns of bytes to numbers, for many clock records at once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats.clk_layout import NAME_COLUMN, VALUE_WIDTH, Layout

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Mask = NDArray[np.bool_]

SATELLITE_CODES: Final = 27 * 100
_EXACT_POWER: Final = 22
_POWERS: Final = np.array([float(10**power) for power in range(_EXACT_POWER + 1)])
_WIDEST_POWER: Final = 40
_WIDE: Final = [Fraction(10) ** power for power in range(-_WIDEST_POWER, _WIDEST_POWER + 1)]
_WIDE_HIGH: Final = np.array([float(power) for power in _WIDE])
_WIDE_LOW: Final = np.array([float(power - Fraction(float(power))) for power in _WIDE])
_SPLITTER: Final = 2.0**27 + 1.0
_TIE: Final = 2.0**-40
_ZEROS: Final = np.uint64(0x3030303030303030)
_HIGH: Final = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES: Final = np.uint64(0x0606060606060606)
_LOW: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_PAIRS: Final = np.uint64(0x00FF00FF00FF00FF)
_QUADS: Final = np.uint64(0x0000FFFF0000FFFF)
_BLANK, _PLUS, _MINUS, _POINT, _ZERO, _NINE, _A, _R, _S, _Z, _DELETE = (ord(sign) for sign in " +-.09ARSZ\x7f")


@dataclass(frozen=True, slots=True)
class Fields:
    """What the lines of a block are, shape (line,) each."""

    usual: Mask
    is_satellite: Mask
    is_station: Mask
    has_sigma: Mask
    count: NDArray[np.int64]


def gather(data: Bytes, starts: NDArray[np.int64], length: int) -> Bytes:
    """Return lines of equal length as a matrix, shape (line, length)."""
    if starts.size > 1 and (np.diff(starts) == length + 1).all():
        first = int(starts[0])
        stop = first + starts.size * (length + 1)
        return data[first:stop].reshape(starts.size, length + 1)[:, :length]
    view = np.lib.stride_tricks.sliding_window_view(data, length)
    return view[starts]


def fields(rows: Bytes, layout: Layout) -> Fields:
    """Look at type, name, number of values and form of the values; ``usual`` lines can be read by columns."""
    length = rows.shape[1]
    kind = rows[:, 1]
    is_satellite = kind == _S
    is_station = kind == _R
    usual = (rows[:, 0] == _A) & (rows[:, 2] == _BLANK)
    tens, units = rows[:, NAME_COLUMN + 1], rows[:, NAME_COLUMN + 2]
    named = (rows[:, NAME_COLUMN] >= _A) & (rows[:, NAME_COLUMN] <= _Z) & _digit(tens) & _digit(units)
    named &= _blank(rows, NAME_COLUMN + 3, layout.epoch)
    if is_station.any():
        names = rows[:, NAME_COLUMN : layout.epoch]
        station = (
            (names[:, 0] > _BLANK) & (names[:, -1] == _BLANK) & ((names >= _BLANK) & (names < _DELETE)).all(axis=1)
        )
        named = np.where(is_station, station, named)
    usual &= named
    count = rows[:, layout.count + 2].astype(np.int64) - _ZERO
    usual &= _blank(rows, layout.count, layout.count + 2) & _blank(rows, layout.count + 3, layout.first_value)
    usual &= (count == 1) | (count == 2)
    usual &= usual_number(rows, layout.first_value)
    usual &= _blank(rows, layout.end_of_first_value, min(layout.second_value, length))
    if length < layout.end_of_second_value:
        has_sigma = np.zeros(len(rows), dtype=np.bool_)
        usual &= (count == 1) & _blank(rows, layout.end_of_first_value, length)
    else:
        has_sigma = rows[:, layout.end_of_second_value - 1] != _BLANK
        if not has_sigma.all():
            has_sigma |= ~_blank(rows, layout.second_value, layout.end_of_second_value)
        usual &= np.where(has_sigma, usual_number(rows, layout.second_value), count == 1)
        usual &= _blank(rows, layout.end_of_second_value, length)
    return Fields(usual, is_satellite, is_station, has_sigma, count)


def usual_number(rows: Bytes, column: int) -> Mask:
    """Tell which fields hold a number as E19.12 writes it: sign, digit, point, twelve digits, exponent of two."""
    sign, lead = rows[:, column], rows[:, column + 1]
    signed = (sign == _BLANK) | (sign == _MINUS) | (sign == _PLUS)
    # A zero before the point may be left out; the sign then stands in its place.
    leads = _digit(lead) | ((sign == _BLANK) & ((lead == _BLANK) | (lead == _MINUS) | (lead == _PLUS)))
    letter = rows[:, column + 15] | 0x20
    exponent_sign = rows[:, column + 16]
    good = signed & leads & (rows[:, column + 2] == _POINT)
    good &= _digits(_word(rows, column + 3)) & _digits(_word(rows, column + 7))
    good &= (letter == ord("e")) | (letter == ord("d"))
    good &= (exponent_sign == _MINUS) | (exponent_sign == _PLUS)
    good &= _digit(rows[:, column + 17]) & _digit(rows[:, column + 18])
    return np.asarray(good)


def number(rows: Bytes, column: int) -> Array:
    """Return fields for which :func:`usual_number` holds, rounded exactly as ``float`` rounds their text."""
    high = _eight_digits(_word(rows, column + 3))
    low = _eight_digits(_word(rows, column + 7)) % np.uint64(10_000)
    lead = rows[:, column + 1]
    first = np.where(_digit(lead), lead - np.uint8(_ZERO), np.uint8(0)).astype(np.float64)
    # At most 13 digits: every sum is a whole number below 2^53.
    mantissa = first * 1e12 + (high * np.uint64(10_000) + low).astype(np.float64)
    size = (rows[:, column + 17].astype(np.int64) - _ZERO) * 10 + rows[:, column + 18] - _ZERO
    power = np.where(rows[:, column + 16] == _MINUS, -size, size) - 12
    scale = _POWERS[np.minimum(np.abs(power), _EXACT_POWER)]
    found = np.where(power < 0, mantissa / scale, mantissa * scale)
    beyond = np.abs(power) > _EXACT_POWER
    if beyond.any():
        wide = np.clip(power[beyond], -_WIDEST_POWER, _WIDEST_POWER)
        found[beyond], sure = _scaled(mantissa[beyond], wide)
        unsure = np.flatnonzero(beyond)[~sure | (wide != power[beyond])]
        texts = np.ascontiguousarray(rows[unsure, column + 2 : column + VALUE_WIDTH])
        texts[:, 13] = ord("E")
        lead_digits = first[unsure].astype(np.int64).tolist()
        found[unsure] = [float(b"%d%s" % pair) for pair in zip(lead_digits, map(bytes, texts), strict=True)]
    return np.asarray(np.where((rows[:, column] == _MINUS) | (lead == _MINUS), -found, found), dtype=np.float64)


def _scaled(mantissa: Array, power: NDArray[np.int64]) -> tuple[Array, Mask]:
    """Return mantissa times 10^power rounded once, and where that is sure.

    The product with the two-part power is exact to 2^-104 (T. J. Dekker, Numer. Math. 18, 1971); its rounding to 53
    bits can be wrong only beside a tie or a power of two, and there it is not sure.
    """
    high, low = _WIDE_HIGH[power + _WIDEST_POWER], _WIDE_LOW[power + _WIDEST_POWER]
    product = mantissa * high
    big = _SPLITTER * mantissa
    mantissa_head = big - (big - mantissa)
    mantissa_tail = mantissa - mantissa_head
    big = _SPLITTER * high
    head = big - (big - high)
    tail = high - head
    error = mantissa_head * head - product + mantissa_head * tail + mantissa_tail * head + mantissa_tail * tail
    error += mantissa * low
    rounded = product + error
    rest = (product - rounded) + error
    step = np.spacing(rounded)
    even = np.frexp(rounded)[0] == 0.5  # a power of two
    sure = (np.abs(np.abs(rest) - step / 2) > step * _TIE) & ~even
    return rounded, sure | (mantissa == 0)


def changes(rows: Bytes, column: int, width: int) -> NDArray[np.intp]:
    """Return the rows where ``width`` (at least 8) columns differ from those of the row before; the first is one."""
    changed = np.zeros(len(rows), dtype=np.bool_)
    changed[0] = True
    for start in [*range(column, column + width - 8, 8), column + width - 8]:
        word = _word(rows, start)
        changed[1:] |= word[1:] != word[:-1]
    return np.flatnonzero(changed)


def satellite_codes(rows: Bytes) -> NDArray[np.int64]:
    """Return a small whole number for every satellite's name."""
    block = rows[:, NAME_COLUMN : NAME_COLUMN + 3].astype(np.int64)
    codes: NDArray[np.int64] = (block[:, 0] - _A) * 100 + (block[:, 1] - _ZERO) * 10 + block[:, 2] - _ZERO
    return codes


def satellite_of_code(code: int) -> str:
    """Inverse of :func:`satellite_codes`."""
    return f"{chr(_A + code // 100)}{code % 100:02d}"


def _word(rows: Bytes, column: int) -> Words:
    """Return eight columns as little-endian words."""
    return np.ascontiguousarray(rows[:, column : column + 8]).view("<u8")[:, 0]


def _digits(word: Words) -> Mask:
    found: Mask = ((word & _HIGH) == _ZEROS) & (((word + _SIXES) & _HIGH) == _ZEROS)
    return found


def _eight_digits(word: Words) -> Words:
    """Return the number that eight digits spell: pairs, then quadruples, then all, in one word (D. Lemire)."""
    word = ((word & _LOW) * np.uint64(2561)) >> np.uint64(8)
    word = ((word & _PAIRS) * np.uint64(6553601)) >> np.uint64(16)
    return ((word & _QUADS) * np.uint64(42949672960001)) >> np.uint64(32)


def _digit(column: Bytes) -> Mask:
    return (column >= _ZERO) & (column <= _NINE)


def _blank(rows: Bytes, start: int, stop: int) -> Mask:
    blank = np.ones(len(rows), dtype=np.bool_)
    for column in range(start, stop):
        blank &= rows[:, column] == _BLANK
    return blank

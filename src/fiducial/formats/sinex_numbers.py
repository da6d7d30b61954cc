"""Numbers of fixed format, ``-0.18313251758458E-05`` in every line of a column, from their characters in one go."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

_ZERO, _NINE, _POINT, _COMMA, _PLUS, _MINUS, _SPACE = b"09.,+- "
_FEWEST: Final = 32
_EXPONENT_WIDTH: Final = 4
_MOST_DECIMALS: Final = 15
_EXACT: Final = 22
_LARGEST_POWER: Final = 27 if np.finfo(np.longdouble).nmant >= 63 else _EXACT
"""10^27 is exact in the 64 bits of an x86 long double, 10^22 in a double."""
_WEIGHTS: Final = np.array([10.0**power for power in range(_MOST_DECIMALS - 1, -1, -1)])
_TENS: Final = np.concatenate(([np.longdouble(1)], np.cumprod(np.full(_LARGEST_POWER, np.longdouble(10)))))
_SIGNS: Final = np.isin(np.arange(256), np.frombuffer(b" +-", dtype=np.uint8))
_SIGNS_AND_DIGITS: Final = np.isin(np.arange(256), np.frombuffer(b" +-0123456789", dtype=np.uint8))
_DIGITS: Final = np.zeros(256)
_DIGITS[_ZERO : _NINE + 1] = np.arange(10.0)
_TENS_DOUBLE: Final = _TENS[: _EXACT + 1].astype(np.float64)


def fixed_numbers(part: Bytes) -> tuple[Array, Flags]:
    """Return numbers, and which of them have the format of the first; the others are left to a slower reader.

    Parameters
    ----------
    part : ndarray of uint8, shape (n, width)
        Characters of a column: blanks, sign, at most one digit, point, at most 15 digits, E or D, sign, two digits.

    Returns
    -------
    values : ndarray, shape (n,)
        Meaningless where ``done`` is False.
    done : ndarray of bool, shape (n,)

    Notes
    -----
    The digits make a whole number below 2^53, which is exact; one division or multiplication by an exact power of ten
    then rounds once. Powers from 23 to 27 are taken in extended precision, where the second rounding moves one number in
    some thousands by one unit of the 16th digit.
    """
    count, width = part.shape
    nothing = np.zeros(count), np.zeros(count, dtype=np.bool_)
    if count < _FEWEST:
        return nothing
    first = part[0].tobytes().upper().replace(b"D", b"E")
    point, letter = first.find(b"."), first.find(b"E")
    decimals = letter - point - 1
    if point < 0 or letter != width - _EXPONENT_WIDTH or not 0 < decimals <= _MOST_DECIMALS:
        return nothing
    digits = part - np.uint8(_ZERO)  # what is no digit becomes larger than 9
    blanks = np.full((count, 2), _SPACE, dtype=np.uint8)
    two = np.concatenate([blanks, part[:, max(point - 2, 0) : point]], axis=1)[:, -2:]
    before, last = two[:, 0], two[:, 1]
    unit = last - np.uint8(_ZERO)
    leading = unit <= 9
    done = part[:, point] == _POINT
    done &= (part[:, letter] | 0x20 == ord("e")) | (part[:, letter] | 0x20 == ord("d"))
    done &= (digits[:, point + 1 : letter] <= 9).all(axis=1) & (digits[:, letter + 2 :] <= 9).all(axis=1)
    done &= (part[:, letter + 1] == _PLUS) | (part[:, letter + 1] == _MINUS)
    if decimals == _MOST_DECIMALS:
        done &= ~leading | (unit == 0)
    sign = np.where(leading, before, last)
    done &= (sign == _SPACE) | (sign == _MINUS) | (sign == _PLUS)
    done &= leading | (before == _SPACE)
    if point > 2:
        done &= (part[:, : point - 2] == _SPACE).all(axis=1)
    whole = digits[:, point + 1 : letter].astype(np.float64) @ 10.0 ** np.arange(decimals - 1, -1, -1)
    whole += np.where(leading, unit.astype(np.float64), 0.0) * 10.0**decimals
    exponent = digits[:, letter + 2].astype(np.int64) * 10 + digits[:, letter + 3]
    power = np.where(part[:, letter + 1] == _MINUS, -exponent, exponent) - decimals
    done &= np.abs(power) <= _LARGEST_POWER
    values = _scaled(whole, np.where(done, power, 0), -_LARGEST_POWER, _LARGEST_POWER)
    return np.where(sign == _MINUS, -values, values), done


def uniform_numbers(columns: Bytes, low: bytes, high: bytes) -> Array | None:
    """Return numbers when all have the format of :func:`fixed_numbers`, told from the bounds of their columns.

    Parameters
    ----------
    columns : ndarray of uint8, shape (width, n)
        Characters, column by column.
    low, high : bytes of length width
        Smallest and largest character of each column.

    Returns
    -------
    ndarray, shape (n,), or None
        What :func:`fixed_numbers` returns, to the bit; None when it would leave one undone.
    """
    width, count = columns.shape
    point, letter = low.find(b"."), width - _EXPONENT_WIDTH
    decimals = letter - point - 1
    if count < _FEWEST or point < 0 or not 0 < decimals <= _MOST_DECIMALS or not _uniform(low, high, point, letter):
        return None
    minus, below = _negative(columns, low, high, point), columns[letter + 1] == _MINUS
    units = high[point - 1] > _ZERO if point else False
    # Of what lies between plus and minus only the comma is neither.
    if minus is None or np.count_nonzero(columns[letter + 1] == _COMMA) or (units and decimals == _MOST_DECIMALS):
        return None
    digits = columns - np.uint8(_ZERO)
    whole = _WEIGHTS[-decimals:] @ digits[point + 1 : letter].astype(np.float64)
    if units:
        whole += _DIGITS[columns[point - 1]] * 10.0**decimals
    power = (digits[letter + 2] * np.uint8(10) + digits[letter + 3]).astype(np.int64)
    np.negative(power, out=power, where=below)
    power -= decimals
    values = _of_powers(whole, power)
    if values is not None:
        np.negative(values, out=values, where=minus)
    return values


def _of_powers(whole: Array, power: NDArray[np.int64]) -> Array | None:
    least, most = int(power.min()), int(power.max())
    if least < -_LARGEST_POWER or most > _LARGEST_POWER:
        return None
    return _scaled(whole, power, least, most)


def _uniform(low: bytes, high: bytes, point: int, letter: int) -> bool:
    """Tell whether point, digits, letter and leading blanks stand in the same columns in all rows."""
    fraction, exponent = slice(point + 1, letter), slice(letter + 2, None)
    return (
        high[point] == _POINT
        and low[letter] == high[letter]
        and low[letter] in b"eEdD"
        and min(low) >= _SPACE
        and min(low[fraction]) >= _ZERO
        and max(high[fraction]) <= _NINE
        and low[letter + 1] in b"+-"
        and high[letter + 1] in b"+-"
        and max(high[max(point - 1, 0) : point], default=_SPACE) <= _NINE
        and min(low[exponent]) >= _ZERO
        and max(high[exponent]) <= _NINE
        and max(high[: max(point - 2, 0)], default=_SPACE) == _SPACE
    )


def _negative(columns: Bytes, low: bytes, high: bytes, point: int) -> Flags | None:
    """Return which numbers are negative; None where other than a sign and a digit stand before the point."""
    if point == 0:
        return np.zeros(columns.shape[1], dtype=np.bool_)
    last = columns[point - 1]
    digits = low[point - 1] >= _ZERO
    sign = columns[point - 2] if digits and point > 1 else last
    if point > 1 and not digits and high[point - 2] != _SPACE:
        # A digit before some points and a sign before others: what stands before the digit may be a sign.
        leading = last >= _ZERO
        sign = np.where(leading, columns[point - 2], last)
        if np.count_nonzero(leading | (columns[point - 2] == _SPACE)) < len(last):
            return None
    # What the table leaves out is no sign; a digit itself may stand in its place.
    known = _SIGNS if sign is not last else _SIGNS_AND_DIGITS
    return sign == _MINUS if np.count_nonzero(known[sign]) == len(sign) else None


def _scaled(whole: Array, power: NDArray[np.int64], least: int, most: int) -> Array:
    if least >= -_EXACT and most <= 0:
        return whole / _TENS_DOUBLE[-power]
    size = np.abs(power)
    near = _TENS_DOUBLE[np.minimum(size, _EXACT)]
    values = whole / near if most <= 0 else np.where(power < 0, whole / near, whole * near)
    far = np.flatnonzero(size > _EXACT)
    if len(far):
        scale = _TENS[size[far]]
        extended = whole[far].astype(np.longdouble)
        values[far] = np.where(power[far] < 0, extended / scale, extended * scale).astype(np.float64)
    return values

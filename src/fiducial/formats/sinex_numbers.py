"""Numbers of fixed format, ``-0.18313251758458E-05`` in every line of a column, from their characters in one go."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

_ZERO, _POINT, _PLUS, _MINUS, _SPACE = b"0.+- "
_FEWEST: Final = 32
_EXPONENT_WIDTH: Final = 4
_MOST_DECIMALS: Final = 15
_EXACT: Final = 22
_LARGEST_POWER: Final = 27 if np.finfo(np.longdouble).nmant >= 63 else _EXACT
"""10^27 is exact in the 64 bits of an x86 long double, 10^22 in a double."""
_TENS: Final = np.concatenate(([np.longdouble(1)], np.cumprod(np.full(_LARGEST_POWER, np.longdouble(10)))))


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
    values = _scaled(whole, np.where(done, power, 0))
    return np.where(sign == _MINUS, -values, values), done


def _scaled(whole: Array, power: NDArray[np.int64]) -> Array:
    tens = _TENS[: _EXACT + 1].astype(np.float64)
    size = np.minimum(np.abs(power), _EXACT)
    values = np.where(power < 0, whole / tens[size], whole * tens[size])
    far = np.flatnonzero(np.abs(power) > _EXACT)
    if len(far):
        scale = _TENS[np.abs(power[far])]
        extended = whole[far].astype(np.longdouble)
        values[far] = np.where(power[far] < 0, extended / scale, extended * scale).astype(np.float64)
    return values

"""Fixed-width numbers of many lines at once: the fast half of the SP3 reader.

Lines stand as rows of a byte matrix. Every function decides byte by byte whether a field is exactly what the format
prints there and returns that beside the value; it never guesses, and what it refuses is looked at line by line.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint8]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_Words = NDArray[np.uint64]

BLANK: Final = 0x20
_PIECE_BYTES: Final = 1 << 16
_SEVEN_BYTES: Final = np.uint64(0x00FF_FFFF_FFFF_FFFF)
_SIX_DIGITS: Final = np.uint64(0x3030_3030_3030_0000)
_SIX_BYTES: Final = np.uint64(0xFFFF_FFFF_FFFF_0000)
_BIT_FIVE: Final = np.uint64(0x0001_0101_0101_0101)
_BLANKS: Final = np.uint64(0x2020_2020_2020_2020)
_ZEROS: Final = np.uint64(0x3030_3030_3030_3030)
_MINUS_FOR_BLANK: Final = np.uint64(0x0D0D_0D0D_0D0D_0D0D)
_SIX: Final = np.uint64(0x0606_0606_0606_0606)
_HIGH_NIBBLES: Final = np.uint64(0xF0F0_F0F0_F0F0_F0F0)
_POINT: Final = np.uint64(ord("."))


def line_ends(data: bytes) -> NDArray[np.intp]:
    """Return where the line feeds are; pieces that fit the cache spare the pages of a mask of the whole file."""
    content = np.frombuffer(data, dtype=np.uint8)
    pieces = range(0, content.size, _PIECE_BYTES)
    found = [np.flatnonzero(content[start : start + _PIECE_BYTES] == ord("\n")) + start for start in pieces]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.intp)


def gather(data: bytes, starts: NDArray[np.intp], width: int) -> Rows:
    """Return the first bytes of lines as rows.

    Parameters
    ----------
    data : bytes
        The file.
    starts : ndarray of int, shape (line,)
        Where the lines start, increasing.
    width : int
        Bytes of a row, at least 1; those behind a shorter line are of the next line, those behind the file blank.

    Returns
    -------
    ndarray of uint8, shape (line, width)
    """
    inside = int(np.searchsorted(starts, len(data) - width, side="right"))
    if inside < starts.size:
        tail = int(starts[inside])
        padded = data[tail:] + b" " * width
        rest = gather(padded, starts[inside:] - tail, width)
        return np.concatenate((gather(data, starts[:inside], width), rest))
    if not starts.size:
        return np.zeros((0, width), dtype=np.uint8)
    windows: NDArray[np.void] = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    return windows[starts].view(np.uint8).reshape(starts.size, width)


def micro_units(rows: Rows, column: int) -> tuple[Integers, Flags]:
    """Read a field ``F14.6`` with six decimals in its last six places.

    Parameters
    ----------
    rows : ndarray of uint8, shape (line, at least column + 14), contiguous
    column : int
        First column of the field, from 0.

    Returns
    -------
    values : ndarray of int64, shape (line,)
        Millionths of the printed unit; any number where not valid.
    valid : ndarray of bool, shape (line,)
        Whether the field is blanks, perhaps a minus, at least one digit, a point, and six digits.

    Notes
    -----
    Eight characters at a time in a 64-bit word: a byte of a digit has bit 4 set, a blank, a minus and a point have
    not. Integer arithmetic is exact, so that one division gives the nearest double.
    """
    head = _words(rows, column)
    tail = _words(rows, column + 6)
    digits = ((head >> np.uint64(4)) & _BIT_FIVE) * np.uint64(0xFF)
    leading = digits ^ _SEVEN_BYTES
    valid = (leading & (leading + np.uint64(1))) == 0
    valid &= leading != _SEVEN_BYTES
    valid &= (head >> np.uint64(56)) == _POINT
    sign = (head ^ _BLANKS) & leading
    negative = sign != 0
    # Only the last byte before the digits may be a minus.
    valid &= ~negative | (sign == ((leading ^ (leading >> np.uint64(8))) & _MINUS_FOR_BLANK))
    whole = (head & digits) ^ (_ZEROS & digits)
    part = (tail & _SIX_BYTES) ^ _SIX_DIGITS
    valid &= ((whole | (whole + _SIX)) & _HIGH_NIBBLES) == 0
    valid &= ((part | (part + _SIX)) & _HIGH_NIBBLES) == 0
    values = (_number(whole << np.uint64(8)) * np.uint64(1_000_000) + _number(part)).view(np.int64)
    np.negative(values, where=negative, out=values)
    return values, valid


def _words(rows: Rows, column: int) -> _Words:
    fields = rows[:, column : column + 8]
    return np.ndarray((rows.shape[0],), dtype="<u8", buffer=np.ascontiguousarray(fields)).astype(np.uint64)


def _number(digits: _Words) -> _Words:
    """Value of eight digits 0-9 in the bytes of a word, the first in the lowest byte."""
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF_00FF_00FF_00FF)
    fours = (pairs * np.uint64(100) + (pairs >> np.uint64(16))) & np.uint64(0x0000_FFFF_0000_FFFF)
    eight: _Words = (fours * np.uint64(10_000) + (fours >> np.uint64(32))) & np.uint64(0xFFFF_FFFF)
    return eight


def whole_numbers(rows: Rows, column: int, width: int) -> tuple[Integers, Flags, Flags]:
    """Read an unsigned whole number with blanks before or behind it.

    Parameters
    ----------
    rows : ndarray of uint8, shape (line, at least column + width)
    column, width : int
        First column of the field, from 0, and its width, up to 18.

    Returns
    -------
    values : ndarray of int64, shape (line,)
        0 where blank; any number where not valid.
    stated : ndarray of bool, shape (line,)
        Whether the field holds a digit.
    valid : ndarray of bool, shape (line,)
        Whether the field is blank or one number.
    """
    if width == 2:
        values = _TWO_PLACES[rows[:, column].astype(np.uint16) << np.uint16(8) | rows[:, column + 1]]
        return np.maximum(values, 0), values >= 0, values > _INVALID
    values = np.zeros(rows.shape[0], dtype=np.int64)
    stated = np.zeros(rows.shape[0], dtype=np.bool_)
    ended = np.zeros(rows.shape[0], dtype=np.bool_)
    valid = np.ones(rows.shape[0], dtype=np.bool_)
    for place in range(column, column + width):
        character = rows[:, place]
        digit = (character >= ord("0")) & (character <= ord("9"))
        ended |= stated & ~digit
        valid &= digit | (character == BLANK)
        valid &= ~(digit & ended)
        stated |= digit
        values = np.where(digit, values * 10 + character.astype(np.int64) - ord("0"), values)
    return values, stated, valid


_INVALID: Final = -2


def _two_places() -> Integers:
    """Value of every pair of bytes: -1 for two blanks, -2 where it is no number."""
    table = np.full(1 << 16, _INVALID, dtype=np.int64)
    pairs = [f"{value:2d}" for value in range(100)] + [f"{value:02d}" for value in range(10)]
    pairs += [f"{value} " for value in range(10)]
    for pair in pairs:
        table[int.from_bytes(pair.encode("ascii"), "big")] = int(pair)
    table[int.from_bytes(b"  ", "big")] = -1
    return table


_TWO_PLACES: Final = _two_places()

"""Fast path for the acquisition columns of an EGMS CSV: text to tenths of a millimetre without floating point.

Accepts only what EGMS writes, a sign, one to four digits, a point and one digit, or nothing. Anything else is left to
the general parser, which owns the meaning of every other text and all errors (ADR 0002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from fiducial.formats.quantised_series import FILL, QuantisedSeries

_COMMA: Final = 44
_MINUS: Final = 45
_POINT: Final = 46
_ZERO: Final = 48
_NEWLINE: Final = 10
_RETURN: Final = 13


@dataclass(frozen=True)
class SplitLines:
    """Lines taken apart.

    Attributes
    ----------
    attribute_text : bytes
        The lines without their acquisition columns.
    series : QuantisedSeries
    """

    attribute_text: bytes
    series: QuantisedSeries


@numba.njit(cache=True, nogil=True)
def _split(  # noqa: C901, PLR0912 - one pass over the bytes; a call a field would cost more than the field
    text: NDArray[np.uint8],
    attribute_columns: int,
    attribute_text: NDArray[np.uint8],
    tenth_mm: NDArray[np.int16],
    zero_count: NDArray[np.int32],
) -> int:
    """Return the length of the attribute text, or -1 when a line is not what EGMS writes."""
    rows, epochs = tenth_mm.shape
    position, copied = 0, 0
    for row in range(rows):
        commas = 0
        while True:
            symbol = text[position]
            position += 1
            if symbol == _NEWLINE:
                return -1
            if symbol == _COMMA:
                commas += 1
                if commas == attribute_columns:
                    break
            attribute_text[copied] = symbol
            copied += 1
        attribute_text[copied] = _NEWLINE
        copied += 1
        for epoch in range(epochs):
            negative = text[position] == _MINUS
            position += negative
            value, digits = 0, 0
            symbol = text[position]
            while _ZERO <= symbol <= _ZERO + 9:
                value = value * 10 + (symbol - _ZERO)
                digits += 1
                position += 1
                symbol = text[position]
            if digits == 0:
                if negative:
                    return -1
                tenth_mm[row, epoch] = FILL
            else:
                tenth = text[position + 1] - _ZERO if symbol == _POINT else 255
                if digits > 4 or tenth > 9 or tenth < 0:
                    return -1
                value = value * 10 + tenth
                position += 2
                if value > 32767:
                    return -1
                tenth_mm[row, epoch] = -value if negative else value
                zero_count[row] += negative and value == 0
            symbol = text[position]
            if epoch == epochs - 1 and symbol == _RETURN:
                position += 1
                symbol = text[position]
            if symbol != (_COMMA if epoch < epochs - 1 else _NEWLINE):
                return -1
            position += 1
    return copied if position == len(text) else -1


@numba.njit(cache=True, nogil=True)
def _find_zeros(
    text: NDArray[np.uint8], attribute_columns: int, zero_count: NDArray[np.int32], zero_epoch: NDArray[np.uint16]
) -> None:
    """List the epochs of negative zeros of the rows that have some."""
    position, found = 0, 0
    for row in range(len(zero_count)):
        column = 0
        if zero_count[row] == 0:
            while text[position] != _NEWLINE:
                position += 1
            position += 1
            continue
        while text[position] != _NEWLINE:
            if text[position] == _COMMA:
                column += 1
                # "-0.0" after the comma; a longer number cannot start so, the grammar was checked.
                if (
                    column >= attribute_columns
                    and text[position + 1] == _MINUS
                    and text[position + 2] == _ZERO
                    and text[position + 3] == _POINT
                    and text[position + 4] == _ZERO
                ):
                    zero_epoch[found] = column - attribute_columns
                    found += 1
            position += 1
        position += 1


def split(content: bytes, lines: int, attribute_columns: int, epochs: int) -> SplitLines | None:
    """Take lines apart.

    Parameters
    ----------
    content : bytes
        Whole lines, each with its end.
    lines : int
        Their number.
    attribute_columns : int
        Columns before the first acquisition.
    epochs : int
        Acquisition columns.

    Returns
    -------
    SplitLines or None
        None when any line is not exactly what EGMS writes.
    """
    text = np.frombuffer(content, dtype=np.uint8)
    attributes = np.empty(len(text) + lines, dtype=np.uint8)
    tenth_mm = np.empty((lines, epochs), dtype=np.int16)
    zero_count = np.zeros(lines, dtype=np.int32)
    copied = int(_split(text, attribute_columns, attributes, tenth_mm, zero_count))
    if copied < 0:
        return None
    zero_epoch = np.empty(int(zero_count.sum()), dtype=np.uint16)
    if len(zero_epoch):
        _find_zeros(text, attribute_columns, zero_count, zero_epoch)
    series = QuantisedSeries(tenth_mm, exact=True, negative_zero_count=zero_count, negative_zero_epoch=zero_epoch)
    return SplitLines(attributes[:copied].tobytes(), series)

"""Columns of a RINEX clock record (from 0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VALUE_WIDTH: Final = 19
NAME_COLUMN: Final = 3
EPOCH_WIDTH: Final = 26


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a record stand.

    Attributes
    ----------
    name_width, epoch, count : int
        Width of the name, first column of the epoch and of the number of values (three columns).
    first_value, second_value : int
        First columns of the two values of the first line, each :data:`VALUE_WIDTH` wide.
    continued : tuple of int
        First columns of the values of the second line.
    """

    name_width: int
    epoch: int
    count: int
    first_value: int
    second_value: int
    continued: tuple[int, int, int, int]

    @property
    def end_of_first_value(self) -> int:
        """Length of a line with one value."""
        return self.first_value + VALUE_WIDTH

    @property
    def end_of_second_value(self) -> int:
        """Length of a line with two values."""
        return self.second_value + VALUE_WIDTH

    @property
    def longest_usual(self) -> int:
        """Length of the longest line that is read by columns: two values, padded with blanks."""
        return self.end_of_second_value + 16


LAYOUT_300: Final = Layout(4, 8, 34, 40, 60, (0, 20, 40, 60))
LAYOUT_304: Final = Layout(9, 13, 39, 45, 66, (3, 24, 45, 66))

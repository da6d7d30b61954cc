"""Rows of blank-separated columns, as station series have them: numbers with line and column of every fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.strictness import Findings

Float64 = NDArray[np.float64]
Integers = NDArray[np.int64]
Epochs = NDArray[np.datetime64]

_WORD: Final = re.compile(rb"\S+")
_NUMBER: Final = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_WHOLE: Final = re.compile(rb"[+-]?\d{1,9}")
_NUMBER_BYTES: Final = b"0123456789+-.eE"
_DAY: Final = np.timedelta64(1, "D")
MJD_ZERO: Final = np.datetime64("1858-11-17", "ns")
MJD_RANGE: Final = (30_000.0, 110_000.0)
"""1941 to 2160: no station series is older, and none has been observed later."""
YEAR_ZERO_MJD: Final = 51_544.0
"""2000-01-01, from which decimal years of 365.25 d count."""


@dataclass(frozen=True)
class Rows:
    """Rows with the same number of words.

    Attributes
    ----------
    columns : tuple of tuple of bytes
        One tuple of words a column.
    texts : tuple of bytes
        The rows as they stand in the file.
    numbers : ndarray of int, shape (row,)
        Lines in the file, from 1.
    name : str
        Name of the file.
    """

    columns: tuple[tuple[bytes, ...], ...]
    texts: tuple[bytes, ...]
    numbers: Integers
    name: str

    def __len__(self) -> int:
        return len(self.texts)

    def stop(self, row: int, column: int, problem: str, *, code: str = "FID-2491") -> NoReturn:
        """Refuse the file for a word of a row."""
        word = list(_WORD.finditer(self.texts[row]))[column]
        where = f"{self.name}, line {self.numbers[row]}, columns {word.start() + 1}-{word.end()}"
        raise FormatError(code, problem, where=where, fix="the file is damaged: fetch it again")

    def text(self, column: int) -> list[str]:
        """Return the words of a column as text."""
        return [word.decode("latin-1") for word in self.columns[column]]

    def floats(self, column: int, title: str, *, limit: float, missing: bool = False) -> Float64:
        """Return a column of numbers, shape (row,).

        Parameters
        ----------
        column : int
        title : str
            For messages.
        limit : float
            No number of the column is larger than this in size.
        missing : bool
            Allow ``nan``.

        Raises
        ------
        FormatError
            FID-2491 with line and columns of the first word that is none.
        """
        words = self.columns[column]
        values = None
        # One look at all bytes spares a pattern for each word of an undamaged file.
        if not b"".join(words).translate(None, _NUMBER_BYTES):
            try:
                values = np.array(words, dtype=np.bytes_).astype(np.float64)
            except ValueError:
                values = None
        if values is None:
            values = np.array([self._value(row, column, title, missing=missing) for row in range(len(self))])
        wrong = ~(np.abs(values) <= limit) & ~(np.isnan(values) if missing else np.zeros(len(values), dtype=bool))
        if wrong.any():
            row = int(np.argmax(wrong))
            self.stop(row, column, f"{title} is {words[row].decode('latin-1')}, which is impossible")
        return np.asarray(values, dtype=np.float64)

    def _value(self, row: int, column: int, title: str, *, missing: bool) -> float:
        word = self.columns[column][row]
        if missing and word.lower() == b"nan":
            return float("nan")
        if _NUMBER.fullmatch(word) is None:
            self.stop(row, column, f"{title} is no number: {word.decode('latin-1')!r}")
        return float(word)

    def integers(self, column: int, title: str) -> Integers:
        """Return a column of whole numbers, shape (row,).

        Raises
        ------
        FormatError
            FID-2491 with line and columns of the first word that is none.
        """
        words = self.columns[column]
        for row, word in enumerate(words):
            if _WHOLE.fullmatch(word) is None:
                self.stop(row, column, f"{title} is no whole number: {word.decode('latin-1')!r}")
        return np.array([int(word) for word in words], dtype=np.int64)


def split_rows(texts: list[bytes], numbers: list[int], widths: tuple[int, ...], name: str) -> Rows:
    """Split rows into words; the first row tells how many there are.

    Raises
    ------
    FormatError
        FID-2491 when a row has another number of words than ``widths`` allows, or than the first row.
    """
    words = [text.split() for text in texts]
    expected = len(words[0]) if words and len(words[0]) in widths else widths[-1]
    for row, cells in enumerate(words):
        if len(cells) != expected:
            where = f"{name}, line {numbers[row]}, columns 1-{max(len(texts[row]), 1)}"
            raise FormatError("FID-2491", f"{len(cells)} words instead of {expected}", where=where,
                              fix="the file is damaged: fetch it again")  # fmt: skip
    return Rows(tuple(zip(*words, strict=True)), tuple(texts), np.array(numbers, dtype=np.int64), name)


def epochs_of_mjd(mjd: Float64) -> Epochs:
    """Return epochs of Modified Julian Dates, to the microsecond, in their time scale."""
    micro = np.round(mjd * 86_400e6).astype(np.int64)
    return np.asarray(MJD_ZERO + micro.astype("timedelta64[us]"), dtype="datetime64[ns]")


def check_end(data: bytes, name: str) -> None:
    """Refuse a file that ends inside a row.

    Raises
    ------
    FormatError
        FID-2492 when the last line has no line end and is shorter than the one before it.
    """
    if data.endswith((b"\n", b"\r")):
        return
    lines = data.splitlines()
    if len(lines) > 1 and len(lines[-1].rstrip()) >= len(lines[-2].rstrip()) > 0:
        return
    raise FormatError("FID-2492", "the file ends inside a row", where=f"{name}, line {len(lines)}, columns "
                      f"1-{max(len(lines[-1]) if lines else 0, 1)}", fix="fetch the file again and compare its size")  # fmt: skip


def in_order(epochs: Epochs, values: Float64, rows: Rows, findings: Findings) -> NDArray[np.intp]:
    """Return the rows in order of time, each epoch once.

    Parameters
    ----------
    epochs : ndarray of datetime64[ns], shape (row,)
    values : ndarray, shape (row, n)
        What rows of one epoch must agree in.
    rows : Rows
    findings : Findings
        Told of rows out of order and of rows that stand twice.

    Raises
    ------
    FormatError
        FID-2494 when one epoch has two values.
    """
    backward = np.diff(epochs) < np.timedelta64(0, "ns")
    if backward.any():
        first = int(np.argmax(backward)) + 1
        findings.note(f"rows out of order: {int(backward.sum())}, sorted by date (first: "
                      f"{np.datetime_as_string(epochs[first], 'D')})", int(rows.numbers[first]))  # fmt: skip
    order = np.argsort(epochs, kind="stable")
    same = np.flatnonzero(np.diff(epochs[order]) == np.timedelta64(0, "ns"))
    for place in same:
        one, other = order[place], order[place + 1]
        if not np.array_equal(values[one], values[other], equal_nan=True):
            where = f"{rows.name}, lines {rows.numbers[one]} and {rows.numbers[other]}"
            raise FormatError("FID-2494", f"two positions at {np.datetime_as_string(epochs[one], 's')}", where=where,
                              fix="remove the wrong row")  # fmt: skip
    if same.size:
        findings.note(f"rows that stand twice: {same.size}, taken once", int(rows.numbers[order[same[0] + 1]]))
    return np.asarray(np.delete(order, same + 1), dtype=np.intp)

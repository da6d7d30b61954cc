"""Columns of fixed width as arrays: the lines of a block as a matrix of characters, and what its columns say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.sinex_numbers import fixed_numbers, uniform_numbers
from fiducial.formats.sinex_stream import Block

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Texts = NDArray[np.str_]
Epochs = NDArray[np.datetime64]

WIDTH: Final = 80

_SPACE: Final = 32
_BLANKS: Final = np.full(256, 0, dtype=np.uint8)
_BLANKS[:] = np.arange(256)
_BLANKS[[9, 10, 11, 12, 13]] = _SPACE
_NUMBER_CHARACTERS: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789+-.eEdD ", dtype=np.uint8))
_DIGITS_AND_BLANKS: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789 ", dtype=np.uint8))
_WITH_E: Final = np.arange(256, dtype=np.uint8)
_WITH_E[[ord("D"), ord("d")]] = ord("E")
_LARGEST_EXPONENT: Final = 1e99
_SHORTEST: Final = 3
_TILE: Final = 256
_LINE_END: Final = 10
_NOT_ASCII: Final = 128
_NINE: Final = 9
_POWERS: Final = 10.0 ** np.arange(11, -1, -1)


@dataclass(slots=True)
class Rows:
    """Data lines of a block.

    Attributes
    ----------
    characters : ndarray of uint8, shape (row, WIDTH)
        Padded with blanks; what stands beyond column 80 is not in it. Not to be changed.
    numbers : ndarray of int, shape (row,)
        Line in the file.
    name : str
        Name of the file.
    columns : ndarray of uint8, shape (WIDTH, row)
        The same characters column by column, which is how they are looked at.
    low, high : bytes of length WIDTH
        Smallest and largest character of every column: with them a column of one format is known at a glance. Without
        rows 0 and 255.
    """

    characters: Bytes
    numbers: Integers
    name: str
    columns: Bytes = field(init=False, repr=False)
    low: bytes = field(init=False, repr=False)
    high: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.columns = _by_column(self.characters)
        self.low, self.high = _bounds(self.columns)

    def __len__(self) -> int:
        return len(self.characters)

    def stop(self, row: int, first: int, last: int, problem: str) -> NoReturn:
        """Refuse the file because of columns ``first`` to ``last`` (from 0, end excluded) of a row."""
        where = f"{self.name}, line {self.numbers[row]}, columns {first + 1}-{last}"
        raise FormatError("FID-2473", problem, where=where, fix="the file is damaged: fetch it again")

    def shown(self, row: int, first: int, last: int) -> str:
        """Return the printed columns of a row, quoted."""
        return repr(self.characters[row, first:last].tobytes().decode("latin-1"))


def _by_column(characters: Bytes) -> Bytes:
    """Return rows as columns; in tiles that stay in the fastest memory."""
    count, width = characters.shape
    columns = np.empty((width, count), dtype=np.uint8)
    for start in range(0, count, _TILE):
        columns[:, start : start + _TILE] = characters[start : start + _TILE].T
    return columns


def _bounds(columns: Bytes) -> tuple[bytes, bytes]:
    if not columns.shape[1]:
        return len(columns) * b"\x00", len(columns) * b"\xff"
    return columns.min(axis=1).tobytes(), columns.max(axis=1).tobytes()


def rows_of(block: Block, name: str, *, whole: bool = False) -> Rows:
    """Return the data lines of a block: no comments, no blank lines.

    Parameters
    ----------
    whole : bool
        True: refuse lines with anything beyond column 80.

    Raises
    ------
    FormatError
        FID-2473 when a line starts with something else than a blank or an asterisk, or is too long.
    """
    rows = _equal_lines(block, name, whole=whole)
    if rows is not None:
        return rows
    if whole:
        _check_ends(block, name)
    return _any_lines(block, name)


def _equal_lines(block: Block, name: str, *, whole: bool) -> Rows | None:
    """Return plain lines of 80 or fewer characters, equally long, after comments; None where they are anything else."""
    data, place, comments = block.data, 0, 0
    while data.startswith(b"*", place):
        place = data.find(b"\n", place) + 1 or len(data)
        comments += 1
    length = data.find(b"\n", place) + 1 - place
    count, rest = divmod(len(data) - place, max(length, 1))
    if length < _SHORTEST or rest:
        return None
    lines = np.frombuffer(data, dtype=np.uint8, offset=place).reshape(count, length)
    missing = WIDTH + 1 - length
    characters = lines[:, :WIDTH]
    if missing > 0:
        characters = np.full((count, WIDTH), _SPACE, dtype=np.uint8)
        characters[:, : length - 1] = lines[:, :-1]
    rows = Rows(characters, np.arange(block.first_line + comments, block.first_line + comments + count), name)
    # No control characters, which the general reader cleans; nothing but blanks first; no blank line.
    plain = min(rows.low) >= _SPACE == rows.high[0] < max(rows.low)
    beyond = lines[:, WIDTH:] if missing < 0 else lines[:, -1:]
    whole &= missing < 0
    return rows if plain and (lines[:, -1] == _LINE_END).all() and _nothing(beyond[:, :-1], whole=whole) else None


def _nothing(beyond: Bytes, *, whole: bool) -> bool:
    """Tell whether characters beyond column 80 hold no line end and, when the lines must be whole, only blanks."""
    return bool((beyond == _SPACE).all() if whole else (beyond >= _SPACE).all())


def _any_lines(block: Block, name: str) -> Rows:
    content = np.frombuffer(block.data, dtype=np.uint8)
    ends = np.flatnonzero(content == ord("\n"))
    starts = np.concatenate(([0], ends + 1))
    stops = np.append(ends, len(content))
    whole = starts < stops
    first = content[np.minimum(starts, max(len(content) - 1, 0))] if len(content) else np.zeros(1, dtype=np.uint8)
    data = np.flatnonzero(whole & (first != ord("*")))
    starts, stops = starts[data], stops[data]
    # Rows of a sliding window are copied whole, without an index for every character.
    padded = np.concatenate([content, np.full(WIDTH, _SPACE, dtype=np.uint8)])
    characters = _BLANKS[np.lib.stride_tricks.sliding_window_view(padded, WIDTH)[starts]]
    characters[np.arange(WIDTH) >= (stops - starts)[:, None]] = _SPACE
    filled = (characters != _SPACE).any(axis=1)
    numbers = block.first_line + data
    rows = Rows(characters[filled], numbers[filled], name)
    strange = rows.characters[:, 0] != _SPACE
    if strange.any():
        row = int(np.argmax(strange))
        rows.stop(row, 0, 1, f"a line of {block.title} starts with {rows.shown(row, 0, 1)} instead of a blank")
    return rows


def check_gaps(rows: Rows, columns: tuple[int, ...]) -> None:
    """Refuse lines with anything in columns that separate fields: a shifted line would be read as other numbers.

    Raises
    ------
    FormatError
        FID-2473.
    """
    if len(rows) and all(rows.low[column] == rows.high[column] == _SPACE for column in columns):
        return
    filled = rows.characters[:, columns] != _SPACE
    if filled.any():
        row = int(np.argmax(filled.any(axis=1)))
        column = columns[int(np.argmax(filled[row]))]
        rows.stop(row, column, column + 1, f"{rows.shown(row, column, column + 1)} stands between two fields")


def _check_ends(block: Block, name: str) -> None:
    """Refuse lines with anything beyond column 80."""
    content = np.frombuffer(block.data, dtype=np.uint8)
    ends = np.flatnonzero(content == ord("\n"))
    starts = np.concatenate(([0], ends + 1))
    stops = np.append(ends, len(content))
    for line in np.flatnonzero(stops - starts > WIDTH).tolist():
        text = block.data[starts[line] : stops[line]]
        if text[WIDTH:].strip() and not text.startswith(b"*"):
            where = f"{name}, line {block.first_line + line}, columns {WIDTH + 1}-{len(text.rstrip())}"
            fix = "the file is damaged: fetch it again"
            raise FormatError("FID-2473", f"text beyond column {WIDTH}", where=where, fix=fix)


def texts(rows: Rows, first: int, last: int) -> Texts:
    """Return columns as text without the blanks around it.

    Raises
    ------
    FormatError
        FID-2473 for a control character.
    """
    low, high = rows.low, rows.high
    if min(low[first:last]) < _SPACE or max(high[first:last]) >= _NOT_ASCII:
        return _odd_texts(rows, first, last)
    # Columns that are blank in every line need not be stripped line by line.
    left, right = first, last
    while left < right and high[right - 1] == _SPACE:
        right -= 1
    while left < right and high[left] == _SPACE:
        left += 1
    columns = rows.columns[left:right]
    if left < right and min(low[left:right]) == _SPACE:
        blank = columns == _SPACE
        if low[left] == _SPACE or (blank[:-1] > blank[1:]).any():
            words = np.ascontiguousarray(rows.characters[:, left:right]).view(f"S{right - left}")
            stripped = np.strings.strip(words[:, 0])
            columns = stripped.view(np.uint8).reshape(len(rows), stripped.dtype.itemsize).T
        else:
            columns = np.where(blank, np.uint8(0), columns)
    # An ASCII character is its code point: this is many times as fast as a conversion of bytes to str.
    wide = np.zeros((len(rows), last - first), dtype=np.uint32)
    wide[:, : len(columns)] = columns.T
    return wide.view(f"U{last - first}")[:, 0]


def _odd_texts(rows: Rows, first: int, last: int) -> Texts:
    part = np.ascontiguousarray(rows.characters[:, first:last])
    control = part < _SPACE
    if control.any():
        rows.stop(int(np.argmax(control.any(axis=1))), first, last, "a control character stands in a text")
    stripped = np.strings.strip(part.view(f"S{last - first}")[:, 0]) if len(rows) else np.zeros(0, dtype="S1")
    if not (part < _NOT_ASCII).all():
        return np.char.decode(stripped, "latin-1")
    return stripped.astype(f"U{last - first}")


def floats(rows: Rows, first: int, last: int, *, missing: bool = False) -> Array:
    """Return columns as numbers; ``E`` or ``D`` exponents.

    Parameters
    ----------
    missing : bool
        True: blanks are NaN. False: blanks are damage.

    Raises
    ------
    FormatError
        FID-2473 for what is no number, or too large a one.
    """
    part = rows.characters[:, first:last]
    uniform = uniform_numbers(rows.columns[first:last], rows.low[first:last], rows.high[first:last])
    if uniform is not None:
        return uniform
    blank = (part == _SPACE).all(axis=1)
    if blank.any() and not missing:
        rows.stop(int(np.argmax(blank)), first, last, "a number is missing")
    values = np.full(len(rows), np.nan)
    given = np.flatnonzero(~blank)
    values[given] = _parsed(rows, np.ascontiguousarray(part[given]), given, first)
    return values


def _parsed(rows: Rows, part: Bytes, given: Integers, first: int) -> Array:
    if not len(part):
        return np.zeros(0)
    values, done = fixed_numbers(part)
    rest = np.flatnonzero(~done)
    if len(rest):
        values[rest] = _any_format(rows, part[rest], given[rest], first)
    return values


def _any_format(rows: Rows, part: Bytes, given: Integers, first: int) -> Array:
    last = first + part.shape[1]
    strange = ~_NUMBER_CHARACTERS[part].all(axis=1)
    if strange.any():
        row = int(given[np.argmax(strange)])
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is not a number")
    words = _WITH_E[part].view(f"S{part.shape[1]}")[:, 0]
    try:
        values = words.astype(np.float64)
    except ValueError:
        for index, word in enumerate(words.tolist()):
            try:
                float(word)
            except ValueError:
                row = int(given[index])
                rows.stop(row, first, last, f"{rows.shown(row, first, last)} is not a number")
        raise
    large = np.abs(values) > _LARGEST_EXPONENT
    if large.any():
        row = int(given[np.argmax(large)])
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is too large a number")
    return np.asarray(values)


def integers(rows: Rows, first: int, last: int, *, missing: int | None = None) -> Integers:
    """Return columns as whole numbers without sign; blanks around them; ``missing`` in place of an empty field.

    Raises
    ------
    FormatError
        FID-2473 for anything else.
    """
    plain = _plain_integers(rows, first, last)
    if plain is not None:
        return plain
    part = np.ascontiguousarray(rows.characters[:, first:last])
    bad = ~_DIGITS_AND_BLANKS[part].all(axis=1)
    blank = (part == _SPACE).all(axis=1)
    if missing is None:
        bad |= blank
    words = part.view(f"S{last - first}")[:, 0] if len(part) else np.zeros(0, dtype="S1")
    values = np.full(len(rows), missing or 0, dtype=np.int64)
    used = ~(bad | blank)
    try:
        values[used] = words[used].astype(np.int64)
    except ValueError:
        # Digits with a blank among them.
        bad = bad | np.array([len(word.split()) > 1 for word in words.tolist()])
    if bad.any():
        row = int(np.argmax(bad))
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is not a whole number")
    return values


def _plain_integers(rows: Rows, first: int, last: int) -> Integers | None:
    """Return columns of digits with nothing but blanks before them; None where they hold anything else."""
    low, high = rows.low[first:last], rows.high[first:last]
    if low[-1] < ord("0") or min(low) < _SPACE or max(high) > ord("9"):
        return None
    columns = rows.columns[first:last]
    blank = columns == _SPACE
    digit = columns - np.uint8(ord("0"))
    if not (blank | (digit <= _NINE)).all() or (blank[1:] > blank[:-1]).any():
        return None
    # A digit keeps its value in its last four bits, a blank becomes 0.
    return (_POWERS[first - last :] @ (columns & np.uint8(15)).astype(np.float64)).astype(np.int64)

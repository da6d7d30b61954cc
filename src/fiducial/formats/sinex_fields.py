"""Columns of fixed width as arrays: the lines of a block as a matrix of characters, and what its columns say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.sinex_numbers import fixed_numbers
from fiducial.formats.sinex_stream import Block

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Texts = NDArray[np.str_]
Epochs = NDArray[np.datetime64]

WIDTH: Final = 80
NAT: Final = np.datetime64("NaT", "ns")

_SPACE: Final = 32
_BLANKS: Final = np.full(256, 0, dtype=np.uint8)
_BLANKS[:] = np.arange(256)
_BLANKS[[9, 10, 11, 12, 13]] = _SPACE
_NUMBER_CHARACTERS: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789+-.eEdD ", dtype=np.uint8))
_DIGITS_AND_BLANKS: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789 ", dtype=np.uint8))
_WITH_E: Final = np.arange(256, dtype=np.uint8)
_WITH_E[[ord("D"), ord("d")]] = ord("E")
YEAR_SPLIT: Final = 50
DAY_SECONDS: Final = 86_400
_LARGEST_EXPONENT: Final = 1e99


@dataclass(slots=True)
class Rows:
    """Data lines of a block.

    Attributes
    ----------
    characters : ndarray of uint8, shape (row, WIDTH)
        Padded with blanks; what stands beyond column 80 is not in it.
    numbers : ndarray of int, shape (row,)
        Line in the file.
    name : str
        Name of the file.
    """

    characters: Bytes
    numbers: Integers
    name: str

    def __len__(self) -> int:
        return len(self.characters)

    def stop(self, row: int, first: int, last: int, problem: str) -> NoReturn:
        """Refuse the file because of columns ``first`` to ``last`` (from 0, end excluded) of a row."""
        where = f"{self.name}, line {self.numbers[row]}, columns {first + 1}-{last}"
        raise FormatError("FID-2473", problem, where=where, fix="the file is damaged: fetch it again")

    def shown(self, row: int, first: int, last: int) -> str:
        """Return the printed columns of a row, quoted."""
        return repr(self.characters[row, first:last].tobytes().decode("latin-1"))


def rows_of(block: Block, name: str) -> Rows:
    """Return the data lines of a block: no comments, no blank lines.

    Raises
    ------
    FormatError
        FID-2473 when a line starts with something else than a blank or an asterisk.
    """
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
    filled = rows.characters[:, columns] != _SPACE
    if filled.any():
        row = int(np.argmax(filled.any(axis=1)))
        column = columns[int(np.argmax(filled[row]))]
        rows.stop(row, column, column + 1, f"{rows.shown(row, column, column + 1)} stands between two fields")


def check_ends(block: Block, name: str) -> None:
    """Refuse lines with anything beyond column 80.

    Raises
    ------
    FormatError
        FID-2473.
    """
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
    part = np.ascontiguousarray(rows.characters[:, first:last])
    control = part < _SPACE
    if control.any():
        rows.stop(int(np.argmax(control.any(axis=1))), first, last, "a control character stands in a text")
    stripped = np.strings.strip(part.view(f"S{last - first}")[:, 0]) if len(rows) else np.zeros(0, dtype="S1")
    if not (part < 128).all():
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


def epochs(rows: Rows, first: int) -> Epochs:
    """Return the epoch ``yy:ddd:sssss`` of twelve columns: years 50 to 99 are of the 20th century.

    ``00:000:00000`` is open or unknown, and becomes NaT, as does a blank field.

    Raises
    ------
    FormatError
        FID-2473 for anything else.
    """
    part = np.ascontiguousarray(rows.characters[:, first : first + 12])
    words = part.view("S12")[:, 0].tolist() if len(rows) else []
    # A file has few different epochs: each is looked at once.
    place = {word: index for index, word in enumerate(dict.fromkeys(words))}
    index = np.array([place[word] for word in words], dtype=np.int64)
    _, chosen = np.unique(index, return_index=True)
    different = Rows(rows.characters[chosen], rows.numbers[chosen], rows.name)
    return np.asarray(_different_epochs(different, first)[index])


def _different_epochs(rows: Rows, first: int) -> Epochs:
    part = rows.characters[:, first : first + 12]
    last = first + 12
    blank = (part == _SPACE).all(axis=1)
    colons = (part[:, 2] == ord(":")) & (part[:, 6] == ord(":"))
    bad = ~(colons | blank)
    if bad.any():
        row = int(np.argmax(bad))
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is not an epoch yy:ddd:sssss")
    year = integers(rows, first, first + 2, missing=0)
    day = integers(rows, first + 3, first + 6, missing=0)
    second = integers(rows, first + 7, last, missing=0)
    unknown = (year == 0) & (day == 0) & (second == 0)
    year += np.where(year >= YEAR_SPLIT, 1900, 2000)
    length = np.where((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)), 366, 365)
    bad = ~unknown & ((day < 1) | (day > length) | (second > DAY_SECONDS))
    if bad.any():
        row = int(np.argmax(bad))
        rows.stop(row, first, last, f"{rows.shown(row, first, last)} is no day of a year or second of a day")
    days = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    found = days.astype("datetime64[ns]") + second.astype("timedelta64[s]")
    found[unknown] = NAT
    return np.asarray(found)

"""Body of an SP3 file: epochs and records of satellites as arrays, all lines of a kind at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.sp3_fields import BLANK, Flags, Integers, Rows, gather, line_ends, micro_units, whole_numbers
from fiducial.formats.sp3_header import DAMAGED_FIX, place
from fiducial.formats.strictness import Findings
from fiducial.orbits.orbit import CONSTELLATIONS, RecordFlag

Array = NDArray[np.float64]

MISSING_MICRO: Final = 999_999_000_000
"""Bad or absent clock, 1e-6 of the printed unit: six nines are required, the decimals are not."""

_POSITION_COLUMNS: Final = (4, 18, 32)
_CLOCK_COLUMN: Final = 46
_RECORD_BYTES: Final = 60
_BLOCK: Final = 4096  # records whose words, 32 kB each, stay in the cache
_LINE_BYTES: Final = 80
EPOCH_BYTES: Final = 31
_RANK: Final = np.full(256, -1, dtype=np.int64)
_RANK[[ord(letter) for letter in CONSTELLATIONS]] = np.arange(len(CONSTELLATIONS))
_FLAG_COLUMNS: Final = (
    (74, "E", RecordFlag.CLOCK_EVENT), (75, "P", RecordFlag.CLOCK_PREDICTED),
    (78, "M", RecordFlag.MANOEUVRE), (79, "P", RecordFlag.ORBIT_PREDICTED),
)  # fmt: skip
_UNUSED_COLUMNS: Final = (60, 63, 66, 69, 73, 76, 77)
_YEARS: Final = (1970, 2199)
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the lines of a file are.

    Attributes
    ----------
    name : str
        Of the file, for messages.
    data : bytes
        The content.
    starts, lengths : ndarray of int, shape (line,)
        Length without the line end.
    """

    name: str
    data: bytes
    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]

    def text(self, row: int) -> str:
        """Return a line as text."""
        start = int(self.starts[row])
        return self.data[start : start + int(self.lengths[row])].decode("latin-1")

    def rows(self, lines: NDArray[np.intp], width: int, *, offset: int = 0) -> Rows:
        """Return lines as rows of bytes, blank behind their end.

        Parameters
        ----------
        lines : ndarray of int
        width, offset : int
            Bytes of a row, at most 80 together, and the column where it starts.
        """
        block = gather(self.data, self.starts[lines] + offset, width)
        lengths = self.lengths[lines] - offset
        if lengths.size and int(lengths.min()) < width:
            block[np.arange(width) >= lengths[:, None]] = BLANK
        return block

    def fault(self, code: str, problem: str, line: int, first: int, last: int | None = None) -> FormatError:
        """Return the error of a place; ``line`` counts from 0, columns from 1."""
        return FormatError(code, problem, where=place(self.name, line + 1, first, last), fix=DAMAGED_FIX)


def find_lines(data: bytes, name: str) -> Lines:
    """Find the lines of a file, ended by a line feed with or without a carriage return."""
    ends = line_ends(data)
    if data and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1))[: ends.size]
    lengths = ends - starts
    if b"\r" in data:
        lengths -= (lengths > 0) & (np.frombuffer(data, dtype=np.uint8)[ends - 1] == ord("\r"))
    return Lines(name, data, starts, lengths)


@dataclass(frozen=True, slots=True)
class Records:
    """Lines of one kind: positions or velocities.

    Attributes
    ----------
    lines : ndarray of int, shape (record,)
    satellite : ndarray of int, shape (record,)
        Hundred times the rank of the constellation, plus the number.
    vector, clock : ndarray of int64, shapes (record, 3) and (record,)
        Millionths of the printed unit; ``missing_vector`` and ``missing_clock`` tell which say nothing.
    missing_vector, missing_clock : ndarray of bool, shape (record,)
    exponents : ndarray of int64, shape (record, 4), or None
        Of the standard deviations of x, y, z, clock; 0 where not stated.
    flags : ndarray of uint8, shape (record,), or None
        Bits of :class:`RecordFlag`.
    """

    lines: NDArray[np.intp]
    satellite: Integers
    vector: Integers
    clock: Integers
    missing_vector: Flags
    missing_clock: Flags
    exponents: Integers | None
    flags: NDArray[np.uint8] | None


def parse_epochs(rows: Rows, numbers: NDArray[np.intp], lines: Lines) -> NDArray[np.datetime64]:
    """Read lines ``*  2024  9 19  0  0  0.00000000``, padded with blanks or zeros.

    Parameters
    ----------
    rows : ndarray of uint8, shape (epoch, 31)
    numbers : ndarray of int, shape (epoch,)
        Line numbers from 0.
    lines : Lines
        For messages.

    Returns
    -------
    ndarray of datetime64[ns], shape (epoch,)
        In the time system of the file; 24:00:00 is 0:00 of the next day.

    Raises
    ------
    FormatError
        FID-2406 when a line is no date.
    """
    fields = [whole_numbers(rows, column, width) for column, width in _DATE_FIELDS]
    valid = np.logical_and.reduce([stated & good for _, stated, good in fields])
    for column in (1, 2, 7, 10, 13, 16, 19):
        valid &= rows[:, column] == BLANK
    valid &= (rows[:, 22] == ord(".")) & np.all((rows[:, 23:] >= ord("0")) & (rows[:, 23:] <= ord("9")), axis=1)
    year, month, day, hour, minute, second, fraction = (values for values, _, _ in fields)
    valid &= (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (month <= 12) & (day >= 1)
    valid &= (minute < 60) & (second < 60)
    valid &= (hour < 24) | ((hour == 24) & (minute == 0) & (second == 0) & (fraction == 0))
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    valid &= days < (months + 1).astype("datetime64[D]")
    if not valid.all():
        line = int(numbers[np.argmin(valid)])
        problem = f"{lines.text(line)[3:EPOCH_BYTES]!r} is not an epoch"
        raise lines.fault("FID-2406", problem, line, 4, EPOCH_BYTES)
    nanoseconds = ((hour * 60 + minute) * 60 + second) * _NS_PER_S + fraction * 10
    epochs: NDArray[np.datetime64] = days.astype("datetime64[ns]") + nanoseconds.astype("timedelta64[ns]")
    return epochs


_DATE_FIELDS: Final = ((3, 4), (8, 2), (11, 2), (14, 2), (17, 2), (20, 2), (23, 8))


def parse_records(lines: Lines, chosen: NDArray[np.intp], version: str, findings: Findings) -> Records:
    """Read the lines of positions, or those of velocities.

    Parameters
    ----------
    lines : Lines
    chosen : ndarray of int, shape (record,)
        Which lines, counted from 0.
    version : str
        Of the format: a has no columns behind 60, and a and c may leave the letter of GPS blank.
    findings : Findings

    Raises
    ------
    FormatError
        FID-2403 for a line that is cut, FID-2404 for a field that is no number, FID-2407 for an impossible satellite.
    """
    short = lines.lengths[chosen] < _RECORD_BYTES
    if short.any():
        line = int(chosen[np.argmax(short)])
        length = int(lines.lengths[line])
        raise lines.fault("FID-2403", f"a record is cut: {length} columns of {_RECORD_BYTES}", line, length + 1)
    vector = np.empty((chosen.size, 3), dtype=np.int64)
    clock = np.empty(chosen.size, dtype=np.int64)
    satellite = np.empty(chosen.size, dtype=np.int64)
    for start in range(0, chosen.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        rows = gather(lines.data, lines.starts[chosen[block]], _RECORD_BYTES)
        satellite[block] = _satellites(rows, chosen[block], version, lines)
        for axis, column in enumerate(_POSITION_COLUMNS):
            vector[block, axis], valid = micro_units(rows, column)
            for record in (np.flatnonzero(~valid) + start).tolist():
                vector[record, axis] = _careful(lines, int(chosen[record]), column)
        clock[block], valid = micro_units(rows, _CLOCK_COLUMN)
        for record in (np.flatnonzero(~valid) + start).tolist():
            clock[record] = _careful_clock(lines, int(chosen[record]), findings)
    x, y, z = np.abs(vector).T
    absent = (x == 0) & (y == 0) & (z == 0)
    absent |= (x >= MISSING_MICRO) & (y >= MISSING_MICRO) & (z >= MISSING_MICRO)
    impossible = ~absent & ((x >= MISSING_MICRO) | (y >= MISSING_MICRO) | (z >= MISSING_MICRO))
    if impossible.any():
        line = int(chosen[np.argmax(impossible)])
        raise lines.fault("FID-2404", "one coordinate of three is missing or out of range", line, 5, _CLOCK_COLUMN)
    exponents, flags = _tails(lines, chosen, version, findings)
    return Records(
        chosen, satellite, vector, clock, absent, np.abs(clock) >= MISSING_MICRO,
        exponents, flags,
    )  # fmt: skip


def _careful(lines: Lines, line: int, column: int) -> int:
    """Read a field that is unusual; name line and column when it is no number.

    Its point must stand at its place all the same: where it does not, a character is lost or doubled.
    """
    text = lines.text(line)[column : column + 14]
    match = re.fullmatch(r" *([+-]?)(\d*)\.(\d{6})", text, re.ASCII)
    if match is None:
        problem = f"{text!r} is not a number with six decimals"
        raise lines.fault("FID-2404", problem, line, column + 1, column + 14)
    value = int(match[2] or "0") * 1_000_000 + int(match[3])
    return -value if match[1] == "-" else value


def _careful_clock(lines: Lines, line: int, findings: Findings) -> int:
    text = lines.text(line)[_CLOCK_COLUMN : _CLOCK_COLUMN + 14]
    if not text.strip():
        findings.note("a clock is blank; it is taken as missing", line + 1)
        return MISSING_MICRO
    if re.fullmatch(r"-?999999(\.9*)?", text.strip(), re.ASCII):
        return MISSING_MICRO
    return _careful(lines, line, _CLOCK_COLUMN)


def _satellites(rows: Rows, chosen: NDArray[np.intp], version: str, lines: Lines) -> Integers:
    letter = rows[:, 1]
    if version != "d":
        letter = np.where(letter == BLANK, np.uint8(ord("G")), letter)
    rank = _RANK[letter]
    number, stated, valid = whole_numbers(rows, 2, 2)
    # A blank may stand for a leading zero, but not behind the digit.
    valid &= stated & (number > 0) & (rank >= 0) & (rows[:, 3] != BLANK)
    if not valid.all():
        line = int(chosen[np.argmin(valid)])
        raise lines.fault("FID-2407", f"{lines.text(line)[1:4]!r} is not a satellite", line, 2, 4)
    return rank * 100 + number


def _tails(
    lines: Lines, chosen: NDArray[np.intp], version: str, findings: Findings
) -> tuple[Integers | None, NDArray[np.uint8] | None]:
    """Read exponents and flags, columns 61 to 80."""
    lengths = lines.lengths[chosen]
    for record in np.flatnonzero(lengths > _LINE_BYTES).tolist():
        line = int(chosen[record])
        if lines.text(line)[_LINE_BYTES:].strip():
            raise lines.fault(
                "FID-2405", "text behind the end of a record", line, _LINE_BYTES + 1, int(lengths[record])
            )
    longer = np.flatnonzero(lengths > _RECORD_BYTES)
    tails = lines.rows(chosen[longer], _LINE_BYTES - _RECORD_BYTES, offset=_RECORD_BYTES)
    filled = np.any(tails != BLANK, axis=1)
    longer, tails = longer[filled], np.ascontiguousarray(tails[filled])
    if not longer.size:
        return None, None
    if version == "a":
        line = int(chosen[longer[0]])
        findings.note("columns behind 60 are not of SP3-a and are not read", line + 1)
        return None, None
    return _tail_values(lines, chosen, longer, tails)


def _tail_values(
    lines: Lines, chosen: NDArray[np.intp], longer: NDArray[np.intp], tails: Rows
) -> tuple[Integers | None, NDArray[np.uint8] | None]:
    exponents = np.zeros((chosen.size, 4), dtype=np.int64)
    for place_, (column, width) in enumerate(((61, 2), (64, 2), (67, 2), (70, 3))):
        values, _, valid = whole_numbers(tails, column - _RECORD_BYTES, width)
        if not valid.all():
            line = int(chosen[longer[np.argmin(valid)]])
            text = lines.text(line)[column : column + width]
            raise lines.fault("FID-2404", f"{text!r} is not an exponent", line, column + 1, column + width)
        exponents[longer, place_] = values
    flags = np.zeros(chosen.size, dtype=np.uint8)
    for column, letter, bit in _FLAG_COLUMNS:
        character = tails[:, column - _RECORD_BYTES]
        is_set = character == ord(letter)
        _refuse(lines, chosen[longer], ~is_set & (character != BLANK), column, f"is not the flag {letter}")
        flags[longer] |= is_set.astype(np.uint8) * np.uint8(bit)
    for column in _UNUSED_COLUMNS:
        _refuse(lines, chosen[longer], tails[:, column - _RECORD_BYTES] != BLANK, column, "is not blank")
    return exponents if exponents.any() else None, flags if flags.any() else None


def _refuse(lines: Lines, numbers: NDArray[np.intp], wrong: Flags, column: int, what: str) -> None:
    if wrong.any():
        line = int(numbers[np.argmax(wrong)])
        raise lines.fault("FID-2404", f"{lines.text(line)[column]!r} {what}", line, column + 1)


def parse_deviations(lines: Lines, chosen: NDArray[np.intp]) -> Integers:
    """Read the standard deviations of lines EP or EV.

    Returns
    -------
    ndarray of int64, shape (record, 4)
        Of x, y, z in mm and of the clock in ps for EP; 0 where not stated.

    Notes
    -----
    The correlations behind them have no place in an :class:`Orbit`; that they are numbers is checked.
    """
    rows = lines.rows(chosen, _LINE_BYTES)
    deviations = np.zeros((chosen.size, 4), dtype=np.int64)
    for place_, (column, width) in enumerate(((4, 4), (9, 4), (14, 4), (19, 7))):
        values, _, valid = whole_numbers(rows, column, width)
        _refuse_field(lines, chosen, valid, slice(column, column + width))
        deviations[:, place_] = values
    for column in (27, 36, 45, 54, 63, 72):
        minus = rows[:, column : column + 8] == ord("-")
        valid = minus.sum(axis=1) <= 1
        unsigned = np.where(minus, np.uint8(BLANK), rows[:, column : column + 8])
        valid &= whole_numbers(unsigned, 0, 8)[2]
        _refuse_field(lines, chosen, valid, slice(column, column + 8))
    return deviations


def _refuse_field(lines: Lines, numbers: NDArray[np.intp], valid: Flags, columns: slice) -> None:
    if not valid.all():
        line = int(numbers[np.argmin(valid)])
        problem = f"{lines.text(line)[columns]!r} is not a whole number"
        raise lines.fault("FID-2404", problem, line, columns.start + 1, columns.stop)

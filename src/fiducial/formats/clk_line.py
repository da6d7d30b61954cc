"""The careful reader of a single clock record, which alone says what is wrong with one."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.clk_layout import EPOCH_WIDTH, LAYOUT_304, NAME_COLUMN, VALUE_WIDTH, Layout
from fiducial.formats.strictness import Findings

KINDS: Final = ("AS", "AR", "CR", "DR", "MS")
_SATELLITE: Final = re.compile(r"([A-Z])([ \d]\d)")
_NUMBER: Final = re.compile(r" *([+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d{1,3})?) *", re.ASCII)
_MINUTE: Final = re.compile(r"(\d{4}) ([ \d]\d) ([ \d]\d) ([ \d]\d) ([ \d]\d)", re.ASCII)
_MINUTE_WIDTH: Final = 16
_SECONDS: Final = re.compile(r" +([0-5]?\d)(?:\.(\d{0,9}))? *", re.ASCII)
_HOURS, _MINUTES = 24, 60
_DAY_ZERO: Final = dt.date(1970, 1, 1).toordinal()
_FIRST_YEAR, _LAST_YEAR = 1972, 2261
_MOST_VALUES: Final = 6
_VALUES_OF_FIRST_LINE: Final = 2


class EpochTable:
    """Epochs by their text, each read once."""

    def __init__(self, name: str, column: int) -> None:
        self._name = name
        self._column = column
        self._index: dict[bytes, int] = {}
        self._nanoseconds: list[int] = []
        self._minutes: dict[str, int] = {}

    def index(self, text: bytes, line: int) -> int:
        """Return the number of an epoch from its 26 columns.

        Raises
        ------
        FormatError
            FID-2425 when it is no epoch.
        """
        found = self._index.get(text)
        if found is None:
            found = self._index[text] = len(self._nanoseconds)
            self._nanoseconds.append(self._read(text.decode("latin-1"), line))
        return found

    def epochs_ns(self) -> NDArray[np.int64]:
        """Return all epochs, nanoseconds since 1970-01-01."""
        return np.array(self._nanoseconds, dtype=np.int64)

    def _read(self, text: str, line: int) -> int:
        minute = self._minutes.get(text[:_MINUTE_WIDTH])
        if minute is None:
            minute = self._minutes[text[:_MINUTE_WIDTH]] = self._minute(text, line)
        found = _SECONDS.fullmatch(text, _MINUTE_WIDTH)
        if found is None:
            self._refuse(f"{text!r} is not an epoch", line)
        return (minute * 60 + int(found[1])) * 1_000_000_000 + int(f"{found[2] or '0':0<9}")

    def _minute(self, text: str, line: int) -> int:
        found = _MINUTE.match(text)
        if found is None:
            self._refuse(f"{text!r} is not an epoch", line)
        year, month, day, hour, minute = map(int, found.groups())
        if hour >= _HOURS or minute >= _MINUTES or not _FIRST_YEAR <= year <= _LAST_YEAR:
            self._refuse(f"{text!r} is not an epoch", line)
        try:
            days = dt.date(year, month, day).toordinal() - _DAY_ZERO
        except ValueError:
            self._refuse(f"{text!r} is not a date", line)
        return (days * _HOURS + hour) * _MINUTES + minute

    def _refuse(self, problem: str, line: int) -> NoReturn:
        where = f"{self._name}, line {line}, columns {self._column + 1}-{self._column + EPOCH_WIDTH}"
        fix = "year, month, day, hour, minute and seconds are wanted; the file is damaged: fetch it again"
        raise FormatError("FID-2425", problem, where=where, fix=fix)


@dataclass(frozen=True, slots=True)
class LineRecord:
    """A record: kind (empty for a blank line), name, number of the epoch, seconds, and how many lines it took."""

    kind: str
    name: str
    epoch: int
    value: float
    sigma: float
    lines: int


@dataclass(slots=True)
class LineReader:
    """Reads single records and counts what can be repaired.

    Attributes
    ----------
    name : str
        Name of the file, for messages.
    layout : Layout
    epochs : EpochTable
    findings : Findings
    surplus : int
        Records that announce one value and carry two.
    """

    name: str
    layout: Layout
    epochs: EpochTable
    findings: Findings
    surplus: int = 0
    _blank: int = 0
    _skipped: dict[str, int] = field(default_factory=dict)

    def record(self, lines: list[bytes], number: int, *, last: bool, open_end: bool) -> LineRecord:
        """Read a record from its line and the one behind it.

        Parameters
        ----------
        lines : list of bytes
            The line, and the next one if no other record owns it.
        number : int
            Number of the first line.
        last : bool
            The file ends with these lines.
        open_end : bool
            The last of the lines has no line end.

        Raises
        ------
        FormatError
            FID-2422 damaged, FID-2423 cut, FID-2425 impossible epoch.
        """
        text = lines[0].decode("latin-1")
        open_first = open_end and len(lines) == 1
        if not text.strip():
            self._blank += 1
            return LineRecord("", "", 0, np.nan, np.nan, 1)
        kind = text[:2]
        if kind not in KINDS or text[2:NAME_COLUMN].strip():
            self._stop(number, 0, NAME_COLUMN, f"{text[:NAME_COLUMN]!r} is not a type of record", cut=open_first)
        if open_first and len(text) < self.layout.end_of_first_value:
            self._stop(number, len(text), len(text), "the file ends inside a line", cut=True)
        name = self._name(text, kind, number)
        epoch_text = text[self.layout.epoch : self.layout.epoch + EPOCH_WIDTH]
        epoch = self.epochs.index(epoch_text.encode("latin-1"), number)
        count = self._count(text, number)
        values = self._first_values(text, count, number, open_end=open_first)
        used = 1
        if count > _VALUES_OF_FIRST_LINE:
            self._continuation(lines, count, number, last=last, open_end=open_end)
            used = 2
        if kind not in ("AS", "AR"):
            self._skipped[kind] = self._skipped.get(kind, 0) + 1
        sigma = values[1] if len(values) > 1 else np.nan
        return LineRecord(kind, name, epoch, values[0], sigma, used)

    def report(self) -> None:
        """Hand what was counted to the findings."""
        for kind, count in self._skipped.items():
            self.findings.note(f"{count} records of type {kind} are left out: only AS and AR are read")
        if self.surplus:
            self.findings.note(f"{self.surplus} records announce one value and carry two; the second is the sigma")
        if self._blank:
            self.findings.note(f"{self._blank} blank lines between the records")

    def _name(self, text: str, kind: str, number: int) -> str:
        stop = NAME_COLUMN + self.layout.name_width
        name = text[NAME_COLUMN:stop]
        if text[stop : self.layout.epoch].strip() or not name.strip() or not name.isascii() or not name.isprintable():
            self._stop(number, NAME_COLUMN, self.layout.epoch, f"{name!r} is not a name")
        if kind != "AS":
            return name.strip()
        found = _SATELLITE.fullmatch(name.rstrip())
        if found is None:
            self._stop(number, NAME_COLUMN, stop, f"{name.strip()!r} is not a satellite")
        return found[1] + found[2].replace(" ", "0")

    def _count(self, text: str, number: int) -> int:
        start = self.layout.count
        part = text[start : start + 3].strip()
        if not (part.isascii() and part.isdigit() and 1 <= int(part) <= _MOST_VALUES):
            self._stop(number, start, start + 3, f"{part!r} is not a number of values from 1 to {_MOST_VALUES}")
        self._blank_between(text, start + 3, self.layout.first_value, number)
        return int(part)

    def _first_values(self, text: str, count: int, number: int, *, open_end: bool) -> list[float]:
        layout = self.layout
        columns = [layout.first_value, layout.second_value]
        end = layout.end_of_second_value if count > 1 else layout.end_of_first_value
        if open_end and len(text) < end:
            self._stop(number, len(text), len(text), "the file ends inside a line", cut=True)
        values = [self._value(text, columns[0], number)]
        self._blank_between(text, layout.end_of_first_value, layout.second_value, number)
        if count > 1:
            values.append(self._value(text, columns[1], number))
        elif text[layout.second_value : layout.end_of_second_value].strip():
            values.append(self._value(text, columns[1], number))
            self.surplus += 1
        self._blank_between(text, layout.end_of_second_value, len(text), number)
        return values

    def _continuation(self, lines: list[bytes], count: int, number: int, *, last: bool, open_end: bool) -> None:
        """Check the second line: rate, acceleration and their sigmas are no part of the result."""
        if len(lines) == 1 or not lines[1].strip():
            problem = f"the line with values 3 to {count} is missing"
            self._stop(number + 1, 0, 0, problem, cut=last)
        text = lines[1].decode("latin-1")
        columns = self.layout.continued[: count - _VALUES_OF_FIRST_LINE]
        if open_end and len(text) < columns[-1] + VALUE_WIDTH:
            self._stop(number + 1, len(text), len(text), "the file ends inside a line", cut=True)
        before = 0
        for column in columns:
            self._blank_between(text, before, column, number + 1)
            self._value(text, column, number + 1)
            before = column + VALUE_WIDTH
        self._blank_between(text, before, len(text), number + 1)

    def _value(self, text: str, column: int, number: int) -> float:
        part = text[column : column + VALUE_WIDTH]
        found = _NUMBER.fullmatch(part)
        if found is None:
            problem = f"{part.strip()!r} is not a number" if part.strip() else "a value is missing"
            self._stop(number, column, column + VALUE_WIDTH, problem)
        value = float(found[1].replace("D", "E").replace("d", "E"))
        if not np.isfinite(value):
            self._stop(number, column, column + VALUE_WIDTH, f"{part.strip()!r} is too large")
        return value

    def _blank_between(self, text: str, start: int, stop: int, number: int) -> None:
        if text[start:stop].strip(" "):
            self._stop(number, start, stop, f"{text[start:stop]!r} stands where blanks are wanted")

    def _stop(self, number: int, start: int, stop: int, problem: str, *, cut: bool = False) -> NoReturn:
        columns = f"columns {start + 1}-{stop}" if stop > start + 1 else f"column {start + 1}"
        where = f"{self.name}, line {number}, {columns}"
        if cut:
            fix = "the file is cut: fetch it again and compare its size"
            raise FormatError("FID-2423", problem, where=where, fix=fix)
        shape = "3.04" if self.layout is LAYOUT_304 else "2.00 to 3.02"
        fix = f"the record must be laid out as version {shape} wants; the file is damaged: fetch it again"
        raise FormatError("FID-2422", problem, where=where, fix=fix)

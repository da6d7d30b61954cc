"""Records of a RINEX clock file as arrays: whole blocks of lines at once, odd lines one by one.

Up to version 3.02 a record is ``A2,1X,A4,1X,I4,4I3,F10.6,I3,3X,2(E19.12,1X)`` with continuation lines
``4(E19.12,1X)``; from 3.04 on ``A2,1X,A9,1X,I4,4I3,F10.6,I3,3X,2(E19.12,2X)`` and ``3X,4(E19.12,2X)``. The layout is
told by the column of the year, because files exist that state one version and are laid out as the other.

Lines in the usual form are taken as columns of bytes: digits of eight columns become a number by three multiplications
of a 64-bit word, and mantissa times 10^k is rounded as ``float`` rounds it, for the mantissa has at most 13 digits.
All other lines, and all that look damaged, go through the careful reader, which alone refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats import clk_words as words
from fiducial.formats.clk_layout import EPOCH_WIDTH, LAYOUT_300, LAYOUT_304, Layout
from fiducial.formats.clk_line import EpochTable, LineReader
from fiducial.formats.strictness import Findings

_BLOCK_LINES: Final = 4096
_NEWLINE, _RETURN, _BLANK = 10, 13, 32


@dataclass(slots=True)
class Records:
    """Clock records of one kind, satellites or stations, in the order of the file where lines say so.

    Attributes
    ----------
    names : list of str
        Satellites or stations, in the order in which they were met.
    name_index, epoch_index, line : ndarray of int64, shape (record,)
    value_s, sigma_s : ndarray, shape (record,)
        Seconds, NaN where not stated.
    """

    names: list[str]
    name_index: NDArray[np.int64]
    epoch_index: NDArray[np.int64]
    line: NDArray[np.int64]
    value_s: NDArray[np.float64]
    sigma_s: NDArray[np.float64]


@dataclass(slots=True)
class _Gathered:
    """Parts of records as they come in."""

    names: dict[str, int] = field(default_factory=dict)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], words.Array, words.Array]] = field(
        default_factory=list
    )

    def index(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def records(self) -> Records:
        if not self.parts:
            none = np.empty(0, dtype=np.int64)
            return Records([], none, none, none, np.empty(0), np.empty(0))
        name, epoch, line, value, sigma = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return Records(list(self.names), name, epoch, line, value, sigma)


@dataclass(slots=True)
class Body:
    """All records of a file.

    Attributes
    ----------
    satellites, stations : Records
        AS and AR records.
    epochs_ns : ndarray of int64, shape (epoch,)
        Nanoseconds since 1970-01-01 in the time scale of the file; not in order, one instant may stand twice.
    ends_with_newline : bool
    """

    satellites: Records
    stations: Records
    epochs_ns: NDArray[np.int64]
    ends_with_newline: bool


class _BodyReader:
    def __init__(self, data: bytes, body: int, line: int, reader: LineReader, *, stations: bool) -> None:
        self._data = data
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        self._first_line = line
        self._reader = reader
        self._stations = stations
        ends = np.flatnonzero(self._bytes[body:] == _NEWLINE) + body
        self._starts = np.concatenate([[body], ends + 1])
        self._ends = np.concatenate([ends, [len(data)]])
        self.ends_with_newline = bool(self._starts[-1] == len(data))
        if self.ends_with_newline:
            self._starts, self._ends = self._starts[:-1], self._ends[:-1]
        returned = (self._ends > self._starts) & (self._bytes[self._ends - 1] == _RETURN)
        self._ends = self._ends - returned
        self._as, self._ar = _Gathered(), _Gathered()
        self._satellite_of_code = np.full(words.SATELLITE_CODES, -1, dtype=np.int64)

    def read(self) -> tuple[Records, Records]:
        size = self._starts.size
        done = np.zeros(size, dtype=np.bool_)
        layout = self._reader.layout
        lengths = self._ends - self._starts
        # The last line without an end may be cut: only the careful reader looks for that.
        whole = size if self.ends_with_newline else size - 1
        for length in np.flatnonzero(np.bincount(np.minimum(lengths[:whole], layout.longest_usual + 1))):
            if not layout.end_of_first_value <= length <= layout.longest_usual:
                continue
            group = np.flatnonzero(lengths[:whole] == length)
            for start in range(0, group.size, _BLOCK_LINES):
                lines = group[start : start + _BLOCK_LINES]
                done[lines] = self._block(lines, int(length))
        self._careful(done)
        return self._as.records(), self._ar.records()

    def _block(self, lines: NDArray[np.intp], length: int) -> NDArray[np.bool_]:
        """Take the usual lines among some of equal length; tell which ones were taken."""
        rows = words.gather(self._bytes, self._starts[lines], length)
        fields = words.fields(rows, self._reader.layout)
        done = fields.usual & (fields.is_satellite | fields.is_station)
        if done.any():
            self._take(rows, fields, lines, done & fields.is_satellite, self._as)
            if self._stations:
                self._take(rows, fields, lines, done & fields.is_station, self._ar)
        return done

    def _take(
        self,
        rows: words.Bytes,
        fields: words.Fields,
        lines: NDArray[np.intp],
        wanted: NDArray[np.bool_],
        sink: _Gathered,
    ) -> None:
        if not wanted.any():
            return
        chosen: NDArray[np.intp] | slice = slice(None) if wanted.all() else np.flatnonzero(wanted)
        rows = rows[chosen]
        layout = self._reader.layout
        value = words.number(rows, layout.first_value)
        sigma = np.full(len(rows), np.nan)
        with_sigma = fields.has_sigma[chosen]
        if with_sigma.all():
            sigma = words.number(rows, layout.second_value)
        elif with_sigma.any():
            sigma[with_sigma] = words.number(rows[with_sigma], layout.second_value)
        surplus = int(np.count_nonzero(with_sigma & (fields.count[chosen] == 1)))
        self._reader.surplus += surplus
        index = self._names(rows, sink)
        epoch = self._epochs(rows, lines[chosen])
        sink.parts.append((index, epoch, lines[chosen] + self._first_line, value, sigma))

    def _names(self, rows: words.Bytes, sink: _Gathered) -> NDArray[np.int64]:
        if sink is self._as:
            codes = words.satellite_codes(rows)
            index = self._satellite_of_code[codes]
            if (index < 0).any():
                for code in np.unique(codes[index < 0]):
                    self._satellite_of_code[code] = sink.index(words.satellite_of_code(int(code)))
                index = self._satellite_of_code[codes]
            return index
        layout = self._reader.layout
        width = layout.name_width
        names = np.ascontiguousarray(rows[:, 3 : 3 + width]).view(f"S{width}")[:, 0]
        unique, inverse = np.unique(names, return_inverse=True)
        found = np.array([sink.index(name.decode("latin-1").strip()) for name in unique], dtype=np.int64)
        return found[inverse]

    def _epochs(self, rows: words.Bytes, lines: NDArray[np.intp]) -> NDArray[np.int64]:
        """Index of every row's epoch; rows of one epoch usually follow each other, so that few texts are read."""
        start = self._reader.layout.epoch
        first = words.changes(rows, start, EPOCH_WIDTH)
        texts = map(bytes, rows[first, start : start + EPOCH_WIDTH])
        numbers = (lines[first] + self._first_line).tolist()
        found = np.array([*map(self._reader.epochs.index, texts, numbers)], dtype=np.int64)
        return np.repeat(found, np.diff(np.append(first, len(rows))))

    def _careful(self, done: NDArray[np.bool_]) -> None:
        position, size = 0, self._starts.size
        left = np.flatnonzero(~done)
        for candidate in left:
            if candidate < position:
                continue
            position = int(candidate)
            texts = [self._line(position)]
            # A record has at most two lines; the next one belongs to it only if the quick reader left it.
            if position + 1 < size and not done[position + 1]:
                texts.append(self._line(position + 1))
            last = position + len(texts) == size
            open_end = last and not self.ends_with_newline
            record = self._reader.record(texts, position + self._first_line, last=last, open_end=open_end)
            position += record.lines
            if record.kind == "AS" or (record.kind == "AR" and self._stations):
                sink = self._as if record.kind == "AS" else self._ar
                whole = [sink.index(record.name), record.epoch, int(candidate) + self._first_line]
                name, epoch, line = (np.array([number], dtype=np.int64) for number in whole)
                sink.parts.append((name, epoch, line, np.array([record.value]), np.array([record.sigma])))

    def _line(self, index: int) -> bytes:
        return self._data[self._starts[index] : self._ends[index]]


def read_body(data: bytes, body: int, line: int, name: str, findings: Findings, *, stations: bool) -> Body:
    """Read the records behind the header.

    Parameters
    ----------
    data : bytes
        The whole file.
    body, line : int
        Offset and number of the first line behind the header.
    name : str
        Name of the file, for messages.
    findings : Findings
    stations : bool
        Read receiver clocks as well.

    Raises
    ------
    FormatError
        FID-2422 a damaged record, FID-2423 the file is cut, FID-2425 an impossible epoch.
    """
    layout = _layout(data, body)
    reader = LineReader(name, layout, EpochTable(name, layout.epoch), findings)
    bodies = _BodyReader(data, body, line, reader, stations=stations)
    satellites, stations_read = bodies.read()
    reader.report()
    return Body(satellites, stations_read, reader.epochs.epochs_ns(), bodies.ends_with_newline)


def _layout(data: bytes, body: int) -> Layout:
    """Tell the layout by the column of the year in the first records."""
    for start in re.finditer(rb"^A[RS] ", data[body : body + 100_000], re.MULTILINE):
        line = data[body + start.start() : body + start.start() + 40]
        for layout in (LAYOUT_304, LAYOUT_300):
            year = line[layout.epoch - 1 : layout.epoch + 5]
            if re.fullmatch(rb" \d{4} ", year):
                return layout
    return LAYOUT_300

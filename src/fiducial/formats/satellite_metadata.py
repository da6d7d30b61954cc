"""IGS satellite metadata: SINEX with satellite blocks (``igs_satellite_metadata.snx``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.orbits.satellites import Eccentricity, Identifier, SatelliteMetadata, Valid, Vector

Value = TypeVar("Value")

_PREFIX: Final = "SATELLITE/"
_REQUIRED: Final = ("IDENTIFIER", "PRN")
_NUMBER = re.compile(r" *[+-]?(?:\d+\.?\d*|\.\d+) *", re.ASCII)
_SVN = re.compile(r"[A-Z]\d{3}", re.ASCII)
_PRN = re.compile(r"[A-Z]\d{2}", re.ASCII)
_OPEN: Final = "0000:000:00000"
_NAT: Final = np.datetime64("NaT", "s")
_DAY_S: Final = 86_400
_ORDINAL_1970: Final = 719_163

Line = tuple[int, str]


def read(source: str | Path | bytes, *, name: str = "") -> SatelliteMetadata:
    """Read satellite metadata.

    Parameters
    ----------
    source : path or bytes
        File, compressed or not.
    name : str, optional
        File name for messages, where the source is bytes.

    Returns
    -------
    SatelliteMetadata
        Blocks that the file lacks, other than IDENTIFIER and PRN, give empty tables; unknown blocks are passed over.

    Raises
    ------
    FormatError
        FID-2450 when the first line is not that of a SINEX file or the last is missing (a cut file); FID-2451 when a
        block mark is missing, doubled or unclosed; FID-2452 for a damaged record. FID-2400 and FID-2401 from reading.

    Notes
    -----
    Steigenberger and Montenbruck (2022), IGS Satellite Metadata File Description 1.00. Spans that end at 86399 s of a
    day are taken to end with the day: the next one starts at 0 s. The file is read as Latin-1, as its comments are.
    """
    opened = open_source(source, name=name)
    lines = opened.data.decode("latin-1").replace("\r\n", "\n").split("\n")
    blocks, release = _blocks(lines, opened.name)
    parser = _Parser(opened.name)
    identifiers = {}
    for line in blocks["IDENTIFIER"]:
        identifier = parser.identifier(line)
        if identifier.svn in identifiers:
            raise parser.wrong(line, 1, 5, "the satellite stands twice")
        identifiers[identifier.svn] = identifier
    equipment: dict[str, list[Eccentricity]] = {}
    for line in blocks.get("ECCENTRICITY", ()):
        equipment.setdefault(parser.svn(line), []).append(parser.eccentricity(line))
    return SatelliteMetadata(
        release=release,
        identifiers=identifiers,
        prn_svns=parser.table(blocks["PRN"], parser.svn, key=parser.prn),
        frequency_channels=parser.table(blocks.get("FREQUENCY_CHANNEL", ()), parser.channel),
        masses_kg=parser.table(blocks.get("MASS", ()), parser.mass),
        centres_of_mass_m=parser.table(blocks.get("COM", ()), parser.centre_of_mass),
        eccentricities={svn: tuple(pieces) for svn, pieces in equipment.items()},
        transmit_powers_w=parser.table(blocks.get("TX_POWER", ()), parser.power),
    )


def _blocks(lines: list[str], name: str) -> tuple[dict[str, list[Line]], str]:
    """Return the records of satellite blocks with their line numbers, and the description of the file."""
    if not lines[0].startswith("%=SNX"):
        fix = "give igs_satellite_metadata.snx as IGS publishes it"
        raise FormatError("FID-2450", "the first line is not that of a SINEX file", where=f"{name}, line 1", fix=fix)
    last = next((index for index, line in enumerate(lines) if line.startswith("%ENDSNX")), None)
    if last is None:
        place = f"{name}, line {len(lines)}"
        raise FormatError("FID-2450", "the file ends without %ENDSNX: it is cut", where=place, fix="fetch it again")
    blocks: dict[str, list[Line]] = {}
    current = ""
    for number, line in enumerate(lines[:last], start=1):
        mark = line[:1]
        if mark in {"+", "-"}:
            _check_mark(mark, line[1:].rstrip(), current, f"{name}, line {number}", set(blocks))
            current = line[1:].rstrip() if mark == "+" else ""
            blocks.setdefault(current, [])
        elif mark == " " and not line.isspace():
            blocks.setdefault(current, []).append((number, line))
        elif mark not in {"*", "%", ""} and current.startswith(_PREFIX):
            raise _Parser(name).wrong((number, line), 0, 1, f"a record begins with a blank, not with {mark!r}")
    if current:
        raise _block_error(f"the block {current} is not closed", name)
    found = {block.removeprefix(_PREFIX): records for block, records in blocks.items() if block.startswith(_PREFIX)}
    missing = [block for block in _REQUIRED if block not in found]
    if missing:
        raise _block_error(f"no block {_PREFIX}{missing[0]}", name)
    texts = (line for _, line in blocks.get("FILE/REFERENCE", ()))
    return found, next((text[12:].strip() for text in texts if text.startswith(" DESCRIPTION")), "")


def _check_mark(mark: str, block: str, current: str, where: str, known: set[str]) -> None:
    if mark == "-" and block != current:
        raise _block_error(f"the block {block} is closed but not open", where)
    if mark == "+" and current:
        raise _block_error(f"the block {block} opens inside {current}", where)
    if mark == "+" and block in known and block:
        raise _block_error(f"the block {block} stands twice", where)


def _block_error(problem: str, where: str) -> FormatError:
    return FormatError(
        "FID-2451", problem, where=where, fix="fetch the file again; it should open and close each block"
    )


class _Parser:
    """Fixed columns of the records; every method takes a numbered line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seconds: dict[str, np.datetime64] = {_OPEN: _NAT}

    def wrong(self, line: Line, begin: int, end: int, problem: str) -> FormatError:
        where = f"{self._name}, line {line[0]}, columns {begin + 1}-{end}"
        return FormatError("FID-2452", problem, where=where, fix="fetch the file again")

    def table(
        self, lines: list[Line] | tuple[()], value: Callable[[Line], Value], key: Callable[[Line], str] | None = None
    ) -> Mapping[str, tuple[Valid[Value], ...]]:
        """Return the values of records with a span in columns 7-20 and 22-35, by SVN."""
        found: dict[str, list[Valid[Value]]] = {}
        for line in lines:
            begin, end = self._epoch(line, 6), self._epoch(line, 21)
            if end <= begin:
                raise self.wrong(line, 6, 35, "the span ends before it begins")
            # Ends are written as the last second of a day or as the first of the next.
            if line[1][30:35] == "86399":
                end = end + np.timedelta64(1, "s")
            found.setdefault((key or self.svn)(line), []).append(Valid(value(line), begin, end))
        return {name: tuple(values) for name, values in found.items()}

    def svn(self, line: Line) -> str:
        return self._name_of(line, 1, 5, _SVN)

    def prn(self, line: Line) -> str:
        return self._name_of(line, 36, 39, _PRN)

    def channel(self, line: Line) -> int:
        value = self._number(line, 36, 39)
        if value != int(value):
            raise self.wrong(line, 36, 39, f"{value} is no channel")
        return int(value)

    def mass(self, line: Line) -> float:
        return self._positive(line, 36, 45)

    def power(self, line: Line) -> float:
        return self._positive(line, 36, 40)

    def centre_of_mass(self, line: Line) -> Vector:
        return self._vector(line, 36)

    def eccentricity(self, line: Line) -> Eccentricity:
        text = line[1]
        if text[27:28] not in {"P", "L"}:
            raise self.wrong(line, 27, 28, f"kind of equipment {text[27:28]!r} is neither P nor L")
        return Eccentricity(text[6:26].rstrip(), text[27], self._vector(line, 29))

    def identifier(self, line: Line) -> Identifier:
        svn, text = self.svn(line), line[1]
        block = text[23:38].strip()
        if not block or text[22:23] != " ":
            raise self.wrong(line, 22, 38, "no block")
        return Identifier(svn, text[6:15].strip(), text[16:22].strip(), block, text[39:].strip())

    def _name_of(self, line: Line, begin: int, end: int, pattern: re.Pattern[str]) -> str:
        name = line[1][begin:end]
        if pattern.fullmatch(name) and line[1][end : end + 1] in {" ", ""}:
            return name
        raise self.wrong(line, begin, end, f"{name!r} is no satellite")

    def _number(self, line: Line, begin: int, end: int) -> float:
        text = line[1][begin:end]
        if not _NUMBER.fullmatch(text) or line[1][end : end + 1] not in {" ", ""}:
            raise self.wrong(line, begin, end, f"{text!r} is not a number")
        return float(text)

    def _positive(self, line: Line, begin: int, end: int) -> float:
        value = self._number(line, begin, end)
        if value <= 0.0:
            raise self.wrong(line, begin, end, f"{value} is not positive")
        return value

    def _vector(self, line: Line, begin: int) -> Vector:
        x, y, z = (self._number(line, begin + 10 * axis, begin + 10 * axis + 9) for axis in range(3))
        return x, y, z

    def _epoch(self, line: Line, begin: int) -> np.datetime64:
        text = line[1][begin : begin + 14]
        epoch = self._seconds.get(text)
        if epoch is None:
            epoch = self._parsed(text, line, begin)
            self._seconds[text] = epoch
        return epoch

    def _parsed(self, text: str, line: Line, begin: int) -> np.datetime64:
        match = re.fullmatch(r"(\d{4}):(\d{3}):(\d{5})", text, re.ASCII)
        if match is None:
            raise self.wrong(line, begin, begin + 14, f"{text!r} is not of the form yyyy:ddd:sssss")
        year, day, second = (int(part) for part in match.groups())
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if not (1950 <= year <= 2261 and 1 <= day <= 365 + leap and second < _DAY_S):
            raise self.wrong(line, begin, begin + 14, f"{text!r} is no epoch of the years 1950 to 2261")
        before = year - 1
        days = 365 * before + before // 4 - before // 100 + before // 400 + day - _ORDINAL_1970
        return np.datetime64(days * _DAY_S + second, "s")

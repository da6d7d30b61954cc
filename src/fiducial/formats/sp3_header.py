"""Header of an SP3 file: what its first lines say, as printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fiducial.errors import FormatError
from fiducial.formats.strictness import Findings
from fiducial.orbits.orbit import CONSTELLATIONS

VERSIONS: Final = ("a", "c", "d")
DAMAGED_FIX: Final = "the file is damaged: fetch it again"

_KINDS: Final = ("#", "##", "+ ", "++", "%c", "%f", "%i", "/*")
_FILLERS: Final = ("", "0", "00", "000")
_LARGEST_BASE: Final = 2.0  # 2^999 is still a double; the bases in use are 1.25 and 1.025


@dataclass(frozen=True, slots=True)
class Sp3Header:
    """What the header of an SP3 file says, as printed, without surrounding blanks.

    Attributes
    ----------
    version : str
        ``a``, ``c`` or ``d``.
    file_type : str
        Letter of the constellation, ``M`` for several; empty where not stated.
    time_system : str
        Label of the time system of the file's epochs (``GPS``, ``UTC`` ...); :class:`Orbit` has them in GPS time.
    frame_label : str
        Coordinate system, at most five characters, which may be cut (``ITRF2``).
    orbit_type, agency, data_used : str
    position_base, clock_base : float
        Bases of the exponents of standard deviations (of mm and ps), NaN where the file says 0.
    comments : tuple of str
        Without the blank ones at the end.
    """

    version: str = "d"
    file_type: str = ""
    time_system: str = "GPS"
    frame_label: str = ""
    orbit_type: str = ""
    agency: str = ""
    data_used: str = ""
    position_base: float = 1.25
    clock_base: float = 1.025
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderStatements:
    """The header and what it says about the body."""

    header: Sp3Header
    has_velocities: bool
    first_epoch: str
    epoch_count: int
    gps_week: int
    seconds_of_week: float
    interval_s: float
    modified_julian_day: float
    satellites: tuple[str, ...]
    accuracy_m: dict[str, float]


def place(name: str, line: int, first: int, last: int | None = None) -> str:
    """Return the words for a place in a file; lines and columns count from 1."""
    columns = f"column {first}" if last is None else f"columns {first}-{last}"
    return f"{name}, line {line}, {columns}"


def satellite_name(text: str, version: str) -> str | None:
    """Return ``G01`` for ``G01`` and ``G 1``, before version d also for a blank letter; None if it is none.

    Examples
    --------
    >>> satellite_name("  7", "a"), satellite_name("R 7", "c"), satellite_name("X07", "d")
    ('G07', 'R07', None)
    """
    match = re.fullmatch(r"([A-Z ]?)([ \d]?\d)", text)
    if match is None or int(match[2]) == 0:
        return None
    letter = match[1].strip() or ("G" if version != "d" else "")
    return f"{letter}{int(match[2]):02d}" if letter in CONSTELLATIONS else None


def parse_header(lines: list[str], name: str, findings: Findings) -> HeaderStatements:
    """Read the lines in front of the first epoch.

    Parameters
    ----------
    lines : list of str
        Without line ends.
    name : str
        Name of the file, for messages.
    findings : Findings
        Takes what is odd but harmless.

    Raises
    ------
    FormatError
        FID-2402 when this is not SP3 of version a, c or d; FID-2404 for a field that is no number; FID-2405 for a line
        that is missing or out of place; FID-2407 for an impossible satellite.
    """
    version = parse_version(lines[0] if lines else "", name)
    found = _sorted_lines(lines, name)
    first, week = lines[0].ljust(60), lines[1].ljust(60)
    satellites, accuracy_m = _satellites(lines, found, version, name, findings)
    type_line = lines[found["%c"][0]].ljust(60)
    base_row = found["%f"][0]
    header = Sp3Header(
        version=version,
        file_type="" if version == "a" else type_line[3:5].replace("c", "").strip(),
        time_system="GPS" if version == "a" else _time_system(type_line[9:12].strip(), findings, found["%c"][0]),
        frame_label=first[46:51].strip(),
        orbit_type=first[52:55].strip(),
        agency=first[56:60].strip(),
        data_used=first[40:45].strip(),
        position_base=_base(lines[base_row], name, base_row, slice(3, 13)),
        clock_base=_base(lines[base_row], name, base_row, slice(14, 26)),
        comments=_comments([lines[row] for row in found["/*"]]),
    )
    return HeaderStatements(
        header=header,
        has_velocities=first[2] == "V",
        first_epoch=first[:31],
        epoch_count=int(_number(first, name, 0, slice(32, 39), r"\d+")),
        gps_week=int(_number(week, name, 1, slice(3, 7), r"\d+")),
        seconds_of_week=_number(week, name, 1, slice(8, 23)),
        interval_s=_number(week, name, 1, slice(24, 38)),
        modified_julian_day=_number(week, name, 1, slice(39, 44), r"\d+") + _number(week, name, 1, slice(45, 60)),
        satellites=satellites,
        accuracy_m=accuracy_m,
    )


def parse_version(first: str, name: str) -> str:
    """Return the version that the first line of a file states; raise FID-2402 when it is none that is read."""
    match = re.match(r"#([a-z])([PV])", first)
    if match is None:
        fix = "give an SP3 file: its first line starts with #c or #d, and P or V"
        raise FormatError("FID-2402", "this is not an SP3 file", where=place(name, 1, 1, 3), fix=fix)
    if match[1] not in VERSIONS:
        fix = f"convert it to one of versions {', '.join(VERSIONS)}"
        raise FormatError("FID-2402", f"SP3-{match[1]} is not read", where=place(name, 1, 2), fix=fix)
    return match[1]


def _sorted_lines(lines: list[str], name: str) -> dict[str, list[int]]:
    """Rows of the lines of every kind, which must follow each other in the order of the format."""
    found: dict[str, list[int]] = {kind: [] for kind in _KINDS}
    latest = 0
    for row, line in enumerate(lines):
        kind = "#" if row == 0 else line[:2].ljust(2)
        rank = _KINDS.index(kind) if kind in _KINDS else -1
        if rank < latest or (kind == "##" and row != 1):
            problem = f"a header line that starts with {kind!r} is out of place"
            raise FormatError("FID-2405", problem, where=place(name, row + 1, 1, 2), fix=DAMAGED_FIX)
        latest = rank
        found[kind].append(row)
    wanted = {"##": 1, "+ ": max(len(found["++"]), 1), "%c": 2, "%f": 2, "%i": 2}
    for kind, count in wanted.items():
        if len(found[kind]) != count:
            problem = f"the header has {len(found[kind])} lines that start with {kind!r}, not {count}"
            raise FormatError("FID-2405", problem, where=name, fix=DAMAGED_FIX)
    return found


def _number(line: str, name: str, row: int, columns: slice, pattern: str = r"-?\d+\.?\d*|\.\d+") -> float:
    text = line[columns].strip()
    if re.fullmatch(pattern, text, re.ASCII) is None:
        where = place(name, row + 1, columns.start + 1, columns.stop)
        raise FormatError("FID-2404", f"{text!r} is not a number as SP3 prints it", where=where, fix=DAMAGED_FIX)
    return float(text)


def _base(line: str, name: str, row: int, columns: slice) -> float:
    value = _number(line, name, row, columns)
    if value == 0:
        return float("nan")
    if not 1 <= value <= _LARGEST_BASE:
        where = place(name, row + 1, columns.start + 1, columns.stop)
        problem = f"base {value:g} of standard deviations is not between 1 and {_LARGEST_BASE:g}"
        raise FormatError("FID-2404", problem, where=where, fix=DAMAGED_FIX)
    return value


def _time_system(label: str, findings: Findings, row: int) -> str:
    if label in {"ccc", ""}:
        findings.note("the time system is not stated; GPS time is taken, the default of SP3", row + 1)
        return "GPS"
    return label


def _comments(lines: list[str]) -> tuple[str, ...]:
    texts = [(line[3:] if line[2:3] in {" ", ""} else line[2:]).rstrip() for line in lines]
    texts = ["".join(character if character.isprintable() else "?" for character in text) for text in texts]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _satellites(
    lines: list[str], found: dict[str, list[int]], version: str, name: str, findings: Findings
) -> tuple[tuple[str, ...], dict[str, float]]:
    names: list[str] = []
    accuracy_m: dict[str, float] = {}
    for row, accuracy_row in zip(found["+ "], found["++"], strict=True):
        line, codes = lines[row].ljust(60), lines[accuracy_row].ljust(60)
        for column in range(9, 60, 3):
            text = line[column : column + 3]
            if text.strip() in _FILLERS:
                continue
            satellite = satellite_name(text, version)
            if satellite is None:
                where = place(name, row + 1, column + 1, column + 3)
                raise FormatError("FID-2407", f"{text!r} is not a satellite", where=where, fix=DAMAGED_FIX)
            names.append(satellite)
            columns = slice(column, column + 3)
            exponent = _number(codes, name, accuracy_row, columns, r"\d+") if codes[columns].strip() else 0.0
            if exponent:
                accuracy_m[satellite] = 2.0 ** int(exponent) / 1000
    row = found["+ "][0]
    count = int(_number(lines[row].ljust(60), name, row, slice(2, 6), r"\d+"))
    if count != len(names) or len(set(names)) != len(names):
        problem = f"the header announces {count} satellites and lists {len(names)}"
        if len(set(names)) != len(names):
            problem += ", some of them twice"
        findings.note(problem, row + 1)
    return tuple(names), accuracy_m

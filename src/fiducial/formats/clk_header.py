"""Header of a RINEX clock file, versions 2.00 to 3.04.

Up to version 3.02 the label of a header line stands at column 61 and names have four characters; from 3.04 on the
label stands at column 66 and names have nine (J. Ray, W. Gurtner and M. J. Coleman, RINEX Extensions to Handle Clock
Information, 2.00 of 1999, 3.00 of 2006, 3.02 of 2010, 3.04 of 2017).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from fiducial.errors import FormatError
from fiducial.formats.strictness import Findings
from fiducial.orbits.orbit import satellite_order

VERSION_LABEL: Final = "RINEX VERSION / TYPE"
END_LABEL: Final = "END OF HEADER"
LABEL_COLUMN: Final = 60
LABEL_COLUMN_304: Final = 65
SATELLITE: Final = re.compile(r"([A-Z])([ \d]\d)")
_WHOLE: Final = re.compile(r"[+-]?\d{1,15}")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d{1,3})?")
_IGNORED: Final = frozenset({"SYS / # / OBS TYPES", "STATION NAME / NUM", "STATION CLK REF"})


@dataclass(frozen=True, slots=True)
class AppliedCorrection:
    """A correction that the clocks contain already: constellation letter, program, and file or place of it."""

    system: str
    program: str
    source: str


@dataclass(frozen=True, slots=True)
class ReferenceClock:
    """A clock held fixed.

    Attributes
    ----------
    name, number : str
        Station or satellite, and its DOMES number.
    offset_s : float
        A priori clock value, NaN where not stated.
    span : str
        First and last epoch for which it is the reference, as printed; empty where not stated.
    """

    name: str
    number: str
    offset_s: float
    span: str = ""


@dataclass(frozen=True, slots=True)
class SolutionStation:
    """A station of the solution: name, DOMES number and Earth-fixed position (metres, NaN where not stated)."""

    name: str
    number: str
    position_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ClockHeader:
    """What the header says; texts as printed without outer blanks, empty or None where absent.

    Attributes
    ----------
    version : str
        ``2.00``, ``3.00``, ``3.02`` or ``3.04``.
    system : str
        Constellation letter, ``M`` for mixed, empty where not stated.
    program, agency, created : str
    time_system : str
        As printed (``GPS``, ``UTC`` ...); epochs of the clocks are GPS time whatever stands here.
    leap_seconds, leap_seconds_gnss : int or None
        Of the lines LEAP SECONDS and LEAP SECONDS GNSS.
    data_types : tuple of str
    analysis_center, analysis_center_name : str
    pcvs_applied, dcbs_applied : tuple of AppliedCorrection
    reference_clocks : tuple of ReferenceClock
    frame : str
        Terrestrial frame of the station positions, as printed.
    stations : tuple of SolutionStation
    satellites : tuple of str
        PRN LIST, in the order of :func:`fiducial.orbits.orbit.satellite_order`.
    comments : tuple of str
    """

    version: str = "3.04"
    system: str = ""
    program: str = ""
    agency: str = ""
    created: str = ""
    time_system: str = "GPS"
    leap_seconds: int | None = None
    leap_seconds_gnss: int | None = None
    data_types: tuple[str, ...] = ()
    analysis_center: str = ""
    analysis_center_name: str = ""
    pcvs_applied: tuple[AppliedCorrection, ...] = ()
    dcbs_applied: tuple[AppliedCorrection, ...] = ()
    reference_clocks: tuple[ReferenceClock, ...] = ()
    frame: str = ""
    stations: tuple[SolutionStation, ...] = ()
    satellites: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """The header while its lines are read."""

    header: ClockHeader
    findings: Findings
    name: str
    label_column: int
    satellites_announced: int | None = None
    reference_span: str = ""

    @property
    def long_names(self) -> bool:
        return self.label_column == LABEL_COLUMN_304

    def at(self, line: int) -> str:
        return f"{self.name}, line {line}"


def parse_header(data: bytes, name: str, findings: Findings) -> tuple[ClockHeader, int, int]:
    """Read the header.

    Returns
    -------
    header : ClockHeader
    body : int
        Offset of the first byte behind the header.
    line : int
        Number of the first line behind the header.

    Raises
    ------
    FormatError
        FID-2420 not a RINEX clock file of a known version; FID-2421 the header does not end; FID-2425 two time systems.
    """
    end = data.find(END_LABEL.encode())
    first = data[: data.find(b"\n") if b"\n" in data else len(data)].decode("latin-1").rstrip("\r")
    draft = _first_line(first, name, findings)
    stop = data.find(b"\n", end)
    if end < 0 or stop < 0:
        fix = "the file is cut or damaged: fetch it again"
        raise FormatError("FID-2421", f"the header has no line {END_LABEL}", where=name, fix=fix)
    lines = data[:stop].decode("latin-1").split("\n")
    for number, line in enumerate(lines[1:-1], start=2):
        _header_line(draft, line.rstrip("\r"), number)
    header = draft.header
    announced = draft.satellites_announced
    if announced is not None and announced != len(header.satellites):
        findings.note(f"the header announces {announced} satellites and lists {len(header.satellites)}")
    if tuple(sorted(set(header.satellites))) != tuple(sorted(header.satellites)):
        findings.note("PRN LIST names a satellite twice")
    satellites = tuple(sorted(set(header.satellites), key=satellite_order))
    return replace(header, satellites=satellites), stop + 1, len(lines) + 1


def _first_line(line: str, name: str, findings: Findings) -> _Draft:
    where = f"{name}, line 1"
    column = line.find(VERSION_LABEL)
    found = re.match(r" *(\d\.\d\d)(?:\d)? +(\S)", line[:column] if column > 0 else "")
    if found is None or found[2] != "C":
        fix = "give a RINEX clock file (type C) of version 2.00 to 3.04"
        raise FormatError("FID-2420", "the first line is not that of a RINEX clock file", where=where, fix=fix)
    version = found[1]
    if version[0] not in "23":
        fix = "convert it to version 3.04"
        raise FormatError("FID-2420", f"RINEX clock version {version} is not known", where=where, fix=fix)
    label_column = LABEL_COLUMN_304 if column >= LABEL_COLUMN_304 else LABEL_COLUMN
    if (version >= "3.04") != (label_column == LABEL_COLUMN_304):
        findings.note(f"version {version} with header labels at column {label_column + 1}", 1)
    tail = re.sub(r"^C\S*( DATA)?", "", line[found.start(2) : column]).strip()
    return _Draft(ClockHeader(version=version, system=tail[:1], time_system=""), findings, name, label_column)


def _header_line(draft: _Draft, line: str, number: int) -> None:
    column = draft.label_column
    label = line[column:].strip()
    if label not in _READERS and label not in _IGNORED:
        other = LABEL_COLUMN + LABEL_COLUMN_304 - column
        if line[other:].strip() not in _READERS:
            if line.strip():
                draft.findings.note(f"header line of unknown label {label[:20]!r}", number)
            return
        column, label = other, line[other:].strip()
        draft.findings.note(f"{label} stands at column {column + 1}", number)
    if label in _READERS:
        _READERS[label](draft, line[:column], number)


def _program(draft: _Draft, text: str, number: int) -> None:
    del number
    parts = (text[:20], text[20:41], text[41:]) if draft.long_names else (text[:20], text[20:40], text[40:])
    program, agency, created = (part.strip() for part in parts)
    draft.header = replace(draft.header, program=program, agency=agency, created=created)


def _comment(draft: _Draft, text: str, number: int) -> None:
    del number
    draft.header = replace(draft.header, comments=(*draft.header.comments, text.rstrip()))


def _time_system(draft: _Draft, text: str, number: int) -> None:
    if draft.header.time_system not in ("", text.strip()):
        fix = "keep the line that is true"
        raise FormatError("FID-2425", "the header names two time systems", where=draft.at(number), fix=fix)
    draft.header = replace(draft.header, time_system=text.strip())


def _leap_seconds(draft: _Draft, text: str, number: int) -> None:
    draft.header = replace(draft.header, leap_seconds=_whole(draft, text, number))


def _leap_seconds_gnss(draft: _Draft, text: str, number: int) -> None:
    draft.header = replace(draft.header, leap_seconds_gnss=_whole(draft, text, number))


def _data_types(draft: _Draft, text: str, number: int) -> None:
    types = tuple(text[6:].split())
    if _whole(draft, text[:6], number) != len(types):
        draft.findings.note("the number of data types is not that of the list", number)
    draft.header = replace(draft.header, data_types=types)


def _center(draft: _Draft, text: str, number: int) -> None:
    del number
    draft.header = replace(draft.header, analysis_center=text[:3].strip(), analysis_center_name=text[3:].strip())


def _correction(text: str) -> AppliedCorrection:
    return AppliedCorrection(text[:1].strip(), text[1:19].strip(), text[19:].strip())


def _dcbs(draft: _Draft, text: str, number: int) -> None:
    del number
    draft.header = replace(draft.header, dcbs_applied=(*draft.header.dcbs_applied, _correction(text)))


def _pcvs(draft: _Draft, text: str, number: int) -> None:
    del number
    draft.header = replace(draft.header, pcvs_applied=(*draft.header.pcvs_applied, _correction(text)))


def _reference_span(draft: _Draft, text: str, number: int) -> None:
    del number
    draft.reference_span = text[6:].strip()


def _reference_clock(draft: _Draft, text: str, number: int) -> None:
    name, rest = (text[:9], text[10:]) if draft.long_names else (text[:4], text[5:])
    value = rest[20:].strip()
    offset = float("nan")
    if value and _NUMBER.fullmatch(value):
        offset = float(re.sub("[Dd]", "E", value))
    elif value:
        draft.findings.note(f"the a priori clock value {value!r} is not a number", number)
    clock = ReferenceClock(name.strip(), rest[:20].strip(), offset, draft.reference_span)
    draft.header = replace(draft.header, reference_clocks=(*draft.header.reference_clocks, clock))


def _frame(draft: _Draft, text: str, number: int) -> None:
    _whole(draft, text[:6], number)
    draft.header = replace(draft.header, frame=text[6:].strip())


def _station(draft: _Draft, text: str, number: int) -> None:
    name, rest = (text[:9], text[10:]) if draft.long_names else (text[:4], text[5:])
    millimetres = [_whole(draft, rest[start : start + 11], number) for start in (20, 32, 44)]
    x, y, z = (float("nan") if value is None else value / 1000.0 for value in millimetres)
    station = SolutionStation(name.strip(), rest[:20].strip(), (x, y, z))
    draft.header = replace(draft.header, stations=(*draft.header.stations, station))


def _satellite_count(draft: _Draft, text: str, number: int) -> None:
    draft.satellites_announced = _whole(draft, text[:6], number)


def _satellites(draft: _Draft, text: str, number: int) -> None:
    names = []
    for start in range(0, len(text), 4):
        part = text[start : start + 3]
        if not part.strip():
            continue
        found = SATELLITE.fullmatch(part)
        if found is None or text[start + 3 : start + 4].strip():
            draft.findings.note(
                f"{text[start : start + 4]!r} in columns {start + 1}-{start + 4} names no satellite", number
            )
            continue
        names.append(found[1] + found[2].replace(" ", "0"))
    draft.header = replace(draft.header, satellites=(*draft.header.satellites, *names))


def _whole(draft: _Draft, text: str, number: int) -> int | None:
    digits = text.strip(" ")
    if _WHOLE.fullmatch(digits):
        return int(digits)
    if digits:
        draft.findings.note(f"{digits!r} is not a whole number", number)
    return None


_READERS: Final = {
    "PGM / RUN BY / DATE": _program,
    "COMMENT": _comment,
    "TIME SYSTEM ID": _time_system,
    "LEAP SECONDS": _leap_seconds,
    "LEAP SECONDS GNSS": _leap_seconds_gnss,
    "# / TYPES OF DATA": _data_types,
    "ANALYSIS CENTER": _center,
    "SYS / DCBS APPLIED": _dcbs,
    "SYS / PCVS APPLIED": _pcvs,
    "# OF CLK REF": _reference_span,
    "ANALYSIS CLK REF": _reference_clock,
    "# OF SOLN STA / TRF": _frame,
    "SOLN STA NAME / NUM": _station,
    "# OF SOLN SATS": _satellite_count,
    "PRN LIST": _satellites,
}

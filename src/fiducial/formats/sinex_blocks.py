"""The header line, parameters, statistics and texts of SINEX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.sinex_epochs import EPOCH_WIDTH, NAT, epochs, instant, plain_instant
from fiducial.formats.sinex_fields import (
    Array,
    Bytes,
    Integers,
    Rows,
    check_gaps,
    floats,
    integers,
    rows_of,
    texts,
)
from fiducial.formats.sinex_stream import Block
from fiducial.formats.sinex_units import si_units
from fiducial.formats.strictness import Findings
from fiducial.stations.solution import ParameterTable, SolutionHeader

VERSIONS: Final = ("1.00", "2.00", "2.01", "2.02")

_HEADER: Final = re.compile(rb"%=SNX [ -~]*")
_EPOCH: Final = re.compile(r"(?:[ \d]{2}:[ \d]{3}:[ \d]{5}|\s{12})", re.ASCII)
_INDEX, _TYPE, _CODE, _POINT, _SOLN = (1, 6), (7, 13), (14, 18), (19, 21), (22, 26)
_EPOCH_START, _UNIT, _CONSTRAINT, _VALUE, _SIGMA = 27, (40, 44), (45, 46), (47, 68), (69, 80)
_POST_SEISMIC: Final = (b"AEXP_", b"TEXP_", b"ALOG_", b"TLOG_")
_GAPS: Final = (6, 13, 18, 21, 26, 39, 44, 46, 68)
_CONSTRAINTS: Final = {" ": -1, "0": 0, "1": 1, "2": 2}
_NO_CONSTRAINT: Final = -128
_CONSTRAINT_CODES: Final = np.full(256, _NO_CONSTRAINT, dtype=np.int8)
for _letter, _code in (_CONSTRAINTS | {"-": -1}).items():
    _CONSTRAINT_CODES[ord(_letter)] = _code
_ODD: Final = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93], dtype=np.uint64
)
"""Odd factors that spread words of 64 bits."""
_NONE: Final = np.zeros(0, dtype=np.int64)
_SITE_BYTES: Final = np.frombuffer(14 * b"\xff" + 2 * b"\x00", dtype=np.uint64)
"""Of the 16 characters from the type on, those of type, code and point."""


def read_header(line: bytes, name: str) -> SolutionHeader:
    """Return what the first line says.

    Raises
    ------
    FormatError
        FID-2470 when it is damaged, or of a version that is not known.
    """
    text = line.rstrip(b"\r\n").ljust(80)
    if not _HEADER.fullmatch(text):
        raise _header_error("the first line holds other than plain characters", name)
    shown = text.decode("ascii")
    version = shown[6:10].strip()
    if version not in VERSIONS:
        raise _header_error(f"version {version!r} is not among {', '.join(VERSIONS)}", name)
    created, start, end = (_header_epoch(shown, place, name) for place in (15, 32, 45))
    count = shown[60:65].strip()
    if count and not count.isdigit():
        raise _header_error(f"{count!r} is no number of parameters", name, 60, 65)
    return SolutionHeader(
        version=version,
        agency=shown[11:14].strip(),
        data_agency=shown[28:31].strip(),
        created_utc=created,
        start_utc=start,
        end_utc=end,
        technique=shown[58].strip(),
        parameters=int(count) if count else None,
        constraint=_CONSTRAINTS.get(shown[66], -1),
        contents=tuple(shown[68:].split()),
    )


def _header_epoch(shown: str, first: int, name: str) -> np.datetime64:
    field = shown[first : first + EPOCH_WIDTH]
    plain = plain_instant(field.encode("ascii"))
    if plain is not None:
        return plain
    if not _EPOCH.fullmatch(field):
        raise _header_error(f"{field!r} is not an epoch yy:ddd:sssss", name, first, first + 12)
    year, day, second = (
        (int(part.strip().replace(" ", "") or 0) for part in field.split(":")) if field.strip() else (0, 0, 0)
    )
    epoch = instant(year, day, second)
    if epoch is None:
        raise _header_error(f"{field!r} is no day of a year or second of a day", name, first, first + EPOCH_WIDTH)
    return epoch


def _header_error(problem: str, name: str, first: int = 0, last: int = 0) -> FormatError:
    where = f"{name}, line 1" + (f", columns {first + 1}-{last}" if last else "")
    fix = f"give a SINEX file of version {', '.join(VERSIONS)}; a damaged file: fetch it again"
    return FormatError("FID-2470", problem, where=where, fix=fix)


@dataclass(frozen=True, slots=True)
class ParameterList:
    """A list of parameters with what its matrix needs.

    Attributes
    ----------
    table : ParameterTable
        Of a vector of normal equations, ``values`` are divided by the factors.
    factors : ndarray, shape (n,)
        From printed units.
    printed_sigmas : ndarray of uint8, shape (n, 11)
        Characters of the standard deviations, for :func:`last_digits`.
    spread : float
        Bound of the difference of two values that have one type, code and point; 0 when all differ in these.
    """

    table: ParameterTable
    factors: Array
    printed_sigmas: Bytes
    spread: float


def read_parameters(block: Block, name: str, findings: Findings, *, sigmas: bool = True) -> ParameterList:
    """Return a list of parameters with what its matrix needs.

    Parameters
    ----------
    sigmas : bool
        False for the vector of normal equations, which has none.

    Raises
    ------
    FormatError
        FID-2473 for a damaged line; FID-2474 when the parameters are not numbered 1, 2, 3 ...
    """
    rows = rows_of(block, name, whole=True)
    check_gaps(rows, _GAPS if sigmas else _GAPS[:-1])
    index = integers(rows, *_INDEX)
    wrong = index != np.arange(1, len(rows) + 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        problem = f"parameter {index[row]} of {block.title} stands where number {row + 1} belongs"
        where = f"{name}, line {rows.numbers[row]}, columns 2-6"
        raise FormatError(
            "FID-2474", problem, where=where, fix="lines are missing or out of order: fetch the file again"
        )
    types, printed = texts(rows, *_TYPE), texts(rows, *_UNIT)
    units, factors, unknown = si_units(types, printed)
    for unit in unknown:
        row = int(np.argmax(printed == unit))
        findings.note(
            f"unit {unit!r} of {types[row]} is not known; its values are kept as printed", int(rows.numbers[row])
        )
    alike = _alike(rows)
    _note_duplicates(rows, alike, block.title, findings)
    values = floats(rows, *_VALUE)
    values = values * factors if sigmas else values / factors
    spread = np.full(len(rows), np.nan)
    if sigmas:
        printed_sigma = floats(rows, *_SIGMA, missing=True)
        if (printed_sigma < 0).any():
            rows.stop(int(np.argmax(printed_sigma < 0)), *_SIGMA, "a standard deviation is negative")
        # The format writes 0 for a number that is missing.
        spread = np.where(printed_sigma > 0, printed_sigma, np.nan) * factors
    table = ParameterTable(
        types, texts(rows, *_CODE), texts(rows, *_POINT), texts(rows, *_SOLN), epochs(rows, _EPOCH_START), printed, units,
        _constraints(rows), values, spread,
    )  # fmt: skip
    return ParameterList(table, factors, rows.characters[:, slice(*_SIGMA)], alike.spread(values))


def _constraints(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    found = _CONSTRAINT_CODES[rows.characters[:, _CONSTRAINT[0]]]
    if (found == _NO_CONSTRAINT).any():
        row = int(np.argmax(found == _NO_CONSTRAINT))
        rows.stop(row, *_CONSTRAINT, f"constraint {rows.shown(row, *_CONSTRAINT)} is not 0, 1 or 2")
    return found


def last_digits(part: Bytes) -> Array:
    """Return one unit of the last digit of printed numbers; NaN where there is none.

    Parameters
    ----------
    part : ndarray of uint8, shape (n, width)
        Their characters.
    """
    width = part.shape[1]
    letter = np.isin(part, np.frombuffer(b"eEdD", dtype=np.uint8))
    end = np.where(letter.any(axis=1), letter.argmax(axis=1), width)
    place = np.arange(width)
    mantissa = place < end[:, None]
    point = np.where((part == ord(".")).any(axis=1), (part == ord(".")).argmax(axis=1), end)
    digits = (part >= ord("0")) & (part <= ord("9"))
    decimals = (digits & mantissa & (place > point[:, None])).sum(axis=1)
    exponent = np.zeros(len(part), dtype=np.int64)
    for column in range(width):
        use = digits[:, column] & (column > end)
        exponent = np.where(use, exponent * 10 + part[:, column].astype(np.int64) - ord("0"), exponent)
    negative = ((part == ord("-")) & (place > end[:, None])).any(axis=1)
    power = np.where(negative, -exponent, exponent) - decimals
    return np.where(digits.any(axis=1), 10.0 ** np.clip(power, -300, 300), np.nan)


@dataclass(frozen=True, slots=True)
class _Alike:
    """Parameters that have type, code and point in common with others.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Where they stand, group by group.
    starts : ndarray of int
        Where each group starts in ``rows``.
    """

    rows: Integers
    starts: Integers

    def spread(self, values: Array) -> float:
        """Return the largest difference of values in a group."""
        if not len(self.rows):
            return 0.0
        grouped = values[self.rows]
        return float((np.maximum.reduceat(grouped, self.starts) - np.minimum.reduceat(grouped, self.starts)).max())


def _alike(rows: Rows) -> _Alike:
    words = np.ascontiguousarray(rows.characters[:, _TYPE[0] : _TYPE[0] + 16]).view(np.uint64) & _SITE_BYTES
    # Equal names have equal sums. Others may have too, which makes a group too large and never too small.
    sums = words @ _ODD[:2]
    ordered = np.sort(sums)
    if not np.count_nonzero(ordered[1:] == ordered[:-1]):
        return _Alike(_NONE, _NONE)
    order = np.argsort(sums)
    sums = sums[order]
    same = np.zeros(len(sums) + 1, dtype=np.bool_)
    same[1:-1] = sums[1:] == sums[:-1]
    members = np.flatnonzero(same[:-1] | same[1:])
    return _Alike(order[members], np.flatnonzero(~same[members]))


def _note_duplicates(rows: Rows, alike: _Alike, title: str, findings: Findings) -> None:
    if not len(alike.rows):
        return
    places = np.sort(alike.rows)
    key = np.ascontiguousarray(rows.characters[places, _TYPE[0] : _EPOCH_START + EPOCH_WIDTH])
    sums = np.sort(key.view(np.uint64) @ _ODD)
    if not (sums[1:] == sums[:-1]).any():
        return
    words = key.view(f"S{key.shape[1]}")[:, 0].tolist()
    seen: set[bytes] = set()
    for row, word in zip(places.tolist(), words, strict=True):
        # Two exponentials after one earthquake have the same names.
        if word in seen and not word.startswith(_POST_SEISMIC):
            shown = " ".join(word.decode("latin-1").split())
            findings.note(f"parameter {shown} stands twice in {title}", int(rows.numbers[row]))
        seen.add(word)


def read_statistics(block: Block, name: str, findings: Findings) -> dict[str, float]:
    """Return the statistics by their names, which end before column 32.

    Raises
    ------
    FormatError
        FID-2473 for a value that is no number.
    """
    rows = rows_of(block, name)
    names, values = texts(rows, 1, 31), floats(rows, 31, 54)
    found: dict[str, float] = {}
    for row, (key, value) in enumerate(zip(names.tolist(), values.tolist(), strict=True)):
        label = " ".join(key.upper().split())
        if label in found and found[label] != value:
            findings.note(f"the statistic {label} stands twice; the first is kept", int(rows.numbers[row]))
        found.setdefault(label, value)
    return found


def read_reference(block: Block) -> dict[str, str]:
    """Return FILE/REFERENCE: texts by their keys of at most 18 characters."""
    found: dict[str, str] = {}
    for line in block.data.decode("latin-1").split("\n"):
        text = line.rstrip("\r")
        if text.startswith(" ") and text.strip():
            key, value = text[1:19].strip(), text[19:].strip()
            found[key] = f"{found[key]}\n{value}" if found.get(key) else value
    return found


def read_comments(block: Block) -> tuple[str, ...]:
    """Return FILE/COMMENT line by line."""
    lines = [line.rstrip() for line in block.data.decode("latin-1").split("\n")]
    return tuple(line[1:] for line in lines if line.startswith(" ") and line.strip())


__all__ = [
    "NAT", "VERSIONS", "ParameterList", "last_digits", "read_comments", "read_header", "read_parameters", "read_reference", "read_statistics",
]  # fmt: skip

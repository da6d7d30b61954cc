"""Blocks about sites: names and places, spans of data, receivers, antennas, eccentricities, discontinuities."""

from __future__ import annotations

from typing import Final

import numpy as np

from fiducial.formats.sinex_epochs import epochs
from fiducial.formats.sinex_fields import (
    Array,
    Epochs,
    Rows,
    Texts,
    check_gaps,
    floats,
    integers,
    rows_of,
    texts,
)
from fiducial.formats.sinex_stream import Block
from fiducial.formats.strictness import Findings
from fiducial.stations.solution import (
    DiscontinuityTable,
    EccentricityTable,
    EquipmentTable,
    SiteTable,
    SpanTable,
)

_CODE, _POINT, _SOLN, _START, _END = (1, 5), (6, 8), (9, 13), 16, 29
_DEGREES, _MINUTES, _SECONDS = (0, 3), (4, 6), (7, 11)
_NO_DOMES: Final = ("M", "S", "---------", "")
_MINUTES_LIMIT: Final = 60


def read_sites(block: Block, name: str, findings: Findings) -> SiteTable:
    """Return SITE/ID.

    Raises
    ------
    FormatError
        FID-2473 for a damaged line. Approximate coordinates that are no coordinates are a finding, and NaN.
    """
    rows = rows_of(block, name)
    check_gaps(rows, (5, 8, 18, 20, 43, 55, 67))
    domes = texts(rows, 9, 18)
    domes[np.isin(domes, _NO_DOMES)] = ""
    longitude = _angle(rows, 44, 360.0, "longitude", findings)
    latitude = _angle(rows, 56, 90.0, "latitude", findings)
    return SiteTable(
        texts(rows, *_CODE), texts(rows, *_POINT), domes, texts(rows, 19, 20), texts(rows, 21, 43), longitude, latitude,
        floats(rows, 68, 75, missing=True),
    )  # fmt: skip


def _angle(rows: Rows, first: int, limit: float, what: str, findings: Findings) -> Array:
    """Return degrees of ``ddd mm ss.s``; the sign before the degrees holds for all, also before a zero."""
    part = rows.characters[:, first : first + 11]
    negative = (part == ord("-")).any(axis=1)
    characters = rows.characters.copy()
    field = characters[:, first : first + 11]
    field[(field == ord("-")) | (field == ord("+"))] = ord(" ")
    blank = (part == ord(" ")).all(axis=1)
    usable = np.isin(part, np.frombuffer(b" 0123456789.-+", dtype=np.uint8)).all(axis=1)
    whole = np.isin(field[:, :7], np.frombuffer(b" 0123456789", dtype=np.uint8)).all(axis=1)
    whole &= (field[:, [3, 6]] == ord(" ")).all(axis=1)
    usable &= whole & (((part == ord("-")) | (part == ord("+"))).sum(axis=1) <= 1)
    field[~usable] = ord(" ")
    plain = Rows(characters, rows.numbers, rows.name)
    degrees = integers(plain, first + _DEGREES[0], first + _DEGREES[1], missing=0)
    minutes = integers(plain, first + _MINUTES[0], first + _MINUTES[1], missing=0)
    seconds = floats(plain, first + _SECONDS[0], first + _SECONDS[1], missing=True)
    angle = degrees + minutes / 60.0 + seconds / 3600.0
    angle = np.where(negative, -angle, angle)
    wrong = ~usable | (minutes >= _MINUTES_LIMIT) | ~(seconds <= 60.0) | ~(np.abs(angle) <= limit)
    for row in np.flatnonzero(wrong & ~blank).tolist():
        shown = rows.shown(row, first, first + 11)
        findings.note(f"approximate {what} {shown} is no angle below {limit:g} degrees", int(rows.numbers[row]))
    angle[wrong] = np.nan
    return np.asarray(angle)


def _keys(rows: Rows, findings: Findings) -> tuple[Texts, Texts, Texts, Epochs, Epochs]:
    """Return code, point, solution number, start and end, which these blocks share."""
    check_gaps(rows, (5, 8, 13, 15, 28, 41))
    start, end = epochs(rows, _START), epochs(rows, _END)
    for row in np.flatnonzero(end < start).tolist():
        findings.note(
            f"an interval ends before it starts: {rows.shown(row, _START, _END + 12)}", int(rows.numbers[row])
        )
    return texts(rows, *_CODE), texts(rows, *_POINT), texts(rows, *_SOLN), start, end


def read_spans(block: Block, name: str, findings: Findings) -> SpanTable:
    """Return SOLUTION/EPOCHS.

    Raises
    ------
    FormatError
        FID-2473 for a damaged line.
    """
    rows = rows_of(block, name)
    return SpanTable(*_keys(rows, findings), epochs(rows, 42))


def read_receivers(block: Block, name: str, findings: Findings) -> EquipmentTable:
    """Return SITE/RECEIVER."""
    rows = rows_of(block, name)
    return EquipmentTable(*_keys(rows, findings), texts(rows, 42, 62), texts(rows, 63, 68), texts(rows, 69, 80))


def read_antennas(block: Block, name: str, findings: Findings) -> EquipmentTable:
    """Return SITE/ANTENNA."""
    rows = rows_of(block, name)
    serials = texts(rows, 63, 68)
    return EquipmentTable(*_keys(rows, findings), texts(rows, 42, 62), serials, np.full(len(rows), "", dtype="U11"))


def read_eccentricities(block: Block, name: str, findings: Findings) -> EccentricityTable:
    """Return SITE/ECCENTRICITY: printed up, north, east; kept east, north, up.

    Raises
    ------
    FormatError
        FID-2473 for a damaged line, or axes other than UNE and XYZ.
    """
    rows = rows_of(block, name)
    axes = texts(rows, 42, 45)
    local = axes == "UNE"
    unknown = ~local & (axes != "XYZ")
    if unknown.any():
        row = int(np.argmax(unknown))
        rows.stop(row, 42, 45, f"axes {rows.shown(row, 42, 45)} are neither UNE nor XYZ")
    vector = np.stack([floats(rows, start, start + 8) for start in (46, 55, 64)], axis=1)
    vector = np.where(local[:, None], vector[:, ::-1], vector)
    return EccentricityTable(*_keys(rows, findings), np.asarray(local), vector)


def read_discontinuities(block: Block, name: str, findings: Findings) -> DiscontinuityTable:
    """Return SOLUTION/DISCONTINUITY.

    Raises
    ------
    FormatError
        FID-2473 for a damaged line, or one that is neither of positions nor of velocities.
    """
    rows = rows_of(block, name)
    kinds = texts(rows, 42, 43)
    unknown = ~np.isin(kinds, ("P", "V"))
    if unknown.any():
        row = int(np.argmax(unknown))
        rows.stop(row, 42, 43, f"{rows.shown(row, 42, 43)} is neither P (position) nor V (velocity)")
    comments = np.strings.strip(np.strings.lstrip(texts(rows, 43, 80), " -"))
    return DiscontinuityTable(*_keys(rows, findings), kinds, comments)

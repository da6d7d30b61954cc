"""From the lines behind an SP3 header to an :class:`~fiducial.orbits.orbit.Orbit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import TAI_MINUS_GPS_S
from fiducial.errors import FiducialError, FormatError
from fiducial.formats.sp3_fields import Flags, Integers
from fiducial.formats.sp3_header import DAMAGED_FIX, HeaderStatements
from fiducial.formats.sp3_records import (
    EPOCH_BYTES,
    Lines,
    Records,
    parse_deviations,
    parse_epochs,
    parse_records,
)  # fmt: skip
from fiducial.formats.strictness import Findings
from fiducial.geodesy.frames import parse_frame
from fiducial.orbits.orbit import CONSTELLATIONS, Orbit, most_frequent_step_s
from fiducial.timescales import gps_from_utc

Array = NDArray[np.float64]
Epochs = NDArray[np.datetime64]

# GLO is GLONASS time shifted to UTC; BDT was set to UTC at 2006-01-01, 14 s behind GPS time.
_BEHIND_GPS_S: Final = {"GPS": 0, "GAL": 0, "QZS": 0, "IRN": 0, "BDT": 14, "TAI": -TAI_MINUS_GPS_S}
_WITH_LEAP_SECONDS: Final = ("UTC", "GLO")
_GPS_ZERO: Final = np.datetime64("1980-01-06T00:00:00", "ns")
_MJD_ZERO: Final = np.datetime64("1858-11-17", "D")
_WEEK_S: Final = 604_800
_DAY_NS: Final = 86_400 * 10**9
_LARGEST_EXPONENT: Final = 999


@dataclass(frozen=True, slots=True)
class _Layout:
    """Line numbers, from 0, of every kind of line."""

    epochs: NDArray[np.intp]
    positions: NDArray[np.intp]
    velocities: NDArray[np.intp]
    position_deviations: NDArray[np.intp]
    velocity_deviations: NDArray[np.intp]


def end_of_file(lines: Lines) -> int:
    """Return the number of the line ``EOF``, from 0.

    Raises
    ------
    FormatError
        FID-2403 when there is none: the file is cut; FID-2405 when text follows it.
    """
    initials = np.frombuffer(lines.data, dtype=np.uint8)[lines.starts]
    for row in np.flatnonzero(initials == ord("E")).tolist():
        if int(lines.lengths[row]) >= 3 and lines.text(row).rstrip() == "EOF":
            for later in range(row + 1, lines.starts.size):
                if lines.text(later).strip(" \t\0\x1a"):
                    raise lines.fault("FID-2405", "text behind the line EOF", later, 1)
            return row
    last = lines.starts.size
    where = f"{lines.name}, line {last}"
    raise FormatError("FID-2403", "the file is cut: its last line is not EOF", where=where, fix=DAMAGED_FIX)


def first_epoch_line(lines: Lines, end: int) -> int:
    """Return the number of the first line that starts with ``*``; ``end`` when there is none."""
    initials = np.frombuffer(lines.data, dtype=np.uint8)[lines.starts[:end]]
    found = np.flatnonzero(initials == ord("*"))
    return int(found[0]) if found.size else end


def parse_body(lines: Lines, start: int, end: int, statements: HeaderStatements, findings: Findings) -> Orbit:
    """Read the lines from the first epoch to the line before EOF.

    Parameters
    ----------
    lines : Lines
    start, end : int
        Lines of the first epoch and of EOF.
    statements : HeaderStatements
        What the header says; where the body contradicts it, the body is right and a finding is made.
    findings : Findings

    Raises
    ------
    FormatError
        FID-2403 to FID-2411, with file, line and column.
    """
    layout = _sort_lines(lines, start, end)
    version = statements.header.version
    epochs = parse_epochs(lines.rows(layout.epochs, EPOCH_BYTES), layout.epochs, lines)
    _check_increase(epochs, layout, lines)
    positions = parse_records(lines, layout.positions, version, findings)
    velocities = parse_records(lines, layout.velocities, version, findings) if layout.velocities.size else None
    if not positions.lines.size:
        raise FormatError("FID-2411", "the file has no record of a satellite", where=lines.name, fix=DAMAGED_FIX)
    present = _present(positions, velocities)
    table = _Table(lines, layout.epochs, present)
    cells = table.cells(positions)
    velocity_cells = table.cells(velocities) if velocities is not None else None
    _check_neighbours(lines, layout, cells, velocity_cells)
    letters = tuple(CONSTELLATIONS)
    satellites = tuple(f"{letters[code // 100]}{code % 100:02d}" for code in present.tolist())
    _compare(statements, satellites, epochs, lines, findings)
    if statements.has_velocities != (velocities is not None):
        findings.note("the first line does not tell rightly whether the file has velocities", 1)
    position_sigma_m, clock_sigma_s = _sigmas(table, cells, positions, statements, lines, layout, findings)
    return Orbit(
        epochs_gps=_gps_epochs(epochs, statements.header.time_system, lines),
        satellites=satellites,
        position_m=table.fill(cells, np.where(positions.missing_vector[:, None], np.nan, positions.vector / 1e3)),
        clock_s=table.fill(cells, np.where(positions.missing_clock, np.nan, positions.clock / 1e12)),
        frame=_frame(statements.header.frame_label, findings),
        position_sigma_m=position_sigma_m,
        clock_sigma_s=clock_sigma_s,
        flags=None if positions.flags is None else table.fill_flags(cells, positions.flags),
        accuracy_m={name: value for name, value in statements.accuracy_m.items() if name in satellites},
        **_velocity_tables(table, velocity_cells, velocities),
    )


def _present(*records: Records | None) -> Integers:
    """Satellites that have a record, in the order of tables."""
    seen = np.zeros(100 * len(CONSTELLATIONS), dtype=np.bool_)
    for kind in records:
        if kind is not None:
            seen[kind.satellite] = True
    return np.flatnonzero(seen)


class _Table:
    """Rectangular arrays of epochs and satellites that records are put into."""

    def __init__(self, lines: Lines, epoch_lines: NDArray[np.intp], satellites: Integers) -> None:
        self._lines = lines
        self._epoch_lines = epoch_lines
        self._column = np.zeros(int(satellites[-1]) + 1, dtype=np.int64)
        self._column[satellites] = np.arange(satellites.size)
        self.shape = (epoch_lines.size, satellites.size)

    def cells(self, records: Records) -> Integers:
        """Place of every record in the flat table; refuse two records of one satellite at one epoch."""
        firsts = np.searchsorted(records.lines, self._epoch_lines)
        row_starts = np.repeat(np.arange(self.shape[0]) * self.shape[1], np.diff(firsts, append=records.lines.size))
        cells: Integers = row_starts + self._column[records.satellite]
        seen = np.zeros(self.shape[0] * self.shape[1], dtype=np.bool_)
        seen[cells] = True
        if int(seen.sum()) != cells.size:
            _, first = np.unique(cells, return_index=True)
            twice = np.ones(cells.size, dtype=np.bool_)
            twice[first] = False
            line = int(records.lines[np.argmax(twice)])
            problem = f"satellite {self._lines.text(line)[1:4]} stands twice at one epoch"
            raise self._lines.fault("FID-2407", problem, line, 2, 4)
        return cells

    def fill(self, cells: Integers, values: Array) -> Array:
        """Return the table of values, NaN where no record is."""
        table = np.full((self.shape[0] * self.shape[1], *values.shape[1:]), np.nan)
        table[cells] = values
        return table.reshape((*self.shape, *values.shape[1:]))

    def fill_flags(self, cells: Integers, flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the table of flags, 0 where no record is."""
        table = np.zeros(self.shape[0] * self.shape[1], dtype=np.uint8)
        table[cells] = flags
        return table.reshape(self.shape)


def _sort_lines(lines: Lines, start: int, end: int) -> _Layout:
    content = np.frombuffer(lines.data, dtype=np.uint8)
    first, second = content[lines.starts[start:end]], content[lines.starts[start:end] + 1]
    deviation = first == ord("E")
    kinds = (
        first == ord("*"), first == ord("P"), first == ord("V"),
        deviation & (second == ord("P")), deviation & (second == ord("V")),
    )  # fmt: skip
    known = np.logical_or.reduce(kinds)
    if not known.all():
        line = start + int(np.argmin(known))
        raise lines.fault("FID-2405", f"a line that starts with {lines.text(line)[:2]!r} is out of place", line, 1, 2)
    return _Layout(*(np.flatnonzero(kind) + start for kind in kinds))


def _check_increase(epochs: Epochs, layout: _Layout, lines: Lines) -> None:
    late = np.diff(epochs) <= np.timedelta64(0, "ns")
    if late.any():
        line = int(layout.epochs[1:][np.argmax(late)])
        raise lines.fault("FID-2406", "an epoch is not later than the one before", line, 4, EPOCH_BYTES)


def _check_neighbours(lines: Lines, layout: _Layout, cells: Integers, velocity_cells: Integers | None) -> None:
    """A velocity follows the position of its satellite, standard deviations follow their record."""
    if not (layout.velocities.size or layout.position_deviations.size or layout.velocity_deviations.size):
        return
    cell_of_line = np.full(lines.starts.size, -1, dtype=np.int64)
    cell_of_line[layout.positions] = cells
    cell_of_line[layout.position_deviations] = cell_of_line[layout.position_deviations - 1]
    _require(lines, layout.position_deviations, np.isin(layout.position_deviations - 1, layout.positions))
    _require(lines, layout.velocity_deviations, np.isin(layout.velocity_deviations - 1, layout.velocities))
    if velocity_cells is not None:
        at = layout.velocities
        _require(lines, at, cell_of_line[at - 1] == velocity_cells)
    parse_deviations(lines, layout.velocity_deviations)


def _require(lines: Lines, numbers: NDArray[np.intp], good: Flags) -> None:
    if not good.all():
        line = int(numbers[np.argmin(good)])
        problem = f"a line {lines.text(line)[:4]!r} does not follow the record that it belongs to"
        raise lines.fault("FID-2405", problem, line, 1, 4)


def _sigmas(
    table: _Table, cells: Integers, positions: Records, statements: HeaderStatements, lines: Lines, layout: _Layout,
    findings: Findings,
) -> tuple[Array | None, Array | None]:  # fmt: skip
    """Return standard deviations of positions (m) and clocks (s); None when no record has one."""
    header = statements.header
    sigma = np.full((cells.size, 4), np.nan)
    if positions.exponents is not None:
        for columns, base, unit in ((slice(0, 3), header.position_base, 1e-3), (slice(3, 4), header.clock_base, 1e-12)):
            if not np.isfinite(base) and positions.exponents[:, columns].any():
                findings.note("records have exponents of standard deviations, but the header has no base for them")
            powers = np.full(_LARGEST_EXPONENT + 1, np.nan)
            powers[1:] = base ** np.arange(1.0, _LARGEST_EXPONENT + 1) * unit
            sigma[:, columns] = powers[positions.exponents[:, columns]]
    if layout.position_deviations.size:
        deviations = parse_deviations(lines, layout.position_deviations) * np.array([1e-3, 1e-3, 1e-3, 1e-12])
        record = np.searchsorted(positions.lines, layout.position_deviations - 1)
        sigma[record] = np.where(deviations > 0, deviations, sigma[record])
    stated = np.isfinite(sigma)
    return (
        table.fill(cells, sigma[:, :3]) if stated[:, :3].any() else None,
        table.fill(cells, sigma[:, 3]) if stated[:, 3].any() else None,
    )


def _velocity_tables(table: _Table, cells: Integers | None, velocities: Records | None) -> dict[str, Array]:
    if cells is None or velocities is None:
        return {}
    # Printed are dm/s and 1e-4 microseconds per second.
    velocity = np.where(velocities.missing_vector[:, None], np.nan, velocities.vector / 1e7)
    rate = np.where(velocities.missing_clock, np.nan, velocities.clock / 1e16)
    return {"velocity_m_per_s": table.fill(cells, velocity), "clock_rate": table.fill(cells, rate)}


def _frame(label: str, findings: Findings) -> str:
    try:
        parse_frame(label)
    except FiducialError:
        findings.note(f"the coordinate system {label!r} is cut or unknown", 1)
        return ""
    return label


def _gps_epochs(epochs: Epochs, label: str, lines: Lines) -> Epochs:
    if label in _WITH_LEAP_SECONDS:
        return gps_from_utc(epochs)
    if label not in _BEHIND_GPS_S:
        known = ", ".join((*_BEHIND_GPS_S, *_WITH_LEAP_SECONDS))
        where, fix = f"{lines.name}, first line that starts with %c, columns 10-12", f"known are {known}"
        raise FormatError("FID-2409", f"unknown time system {label!r}", where=where, fix=fix)
    converted: Epochs = epochs + np.timedelta64(_BEHIND_GPS_S[label], "s")
    return converted


def _compare(
    statements: HeaderStatements, satellites: tuple[str, ...], epochs: Epochs, lines: Lines, findings: Findings
) -> None:
    """Note where header and body disagree."""
    announced, present = set(statements.satellites), set(satellites)
    if announced - present:
        findings.note(f"no record of satellites that the header lists: {', '.join(sorted(announced - present))}")
    if present - announced:
        findings.note(f"records of satellites that the header does not list: {', '.join(sorted(present - announced))}")
    if statements.epoch_count != epochs.size:
        findings.note(f"the header announces {statements.epoch_count} epochs, there are {epochs.size}", 1)
    row = lines.rows(np.array([0]), EPOCH_BYTES)
    row[0, :3] = np.frombuffer(b"*  ", dtype=np.uint8)
    stated = parse_epochs(row, np.array([0]), lines)[0]
    if stated != epochs[0]:
        findings.note(f"the header starts at {stated}, the first epoch is {epochs[0]}", 1)
    step = most_frequent_step_s(epochs)
    if np.isfinite(step) and abs(step - statements.interval_s) > 1e-7:
        findings.note(f"the header states an interval of {statements.interval_s:g} s, it is {step:g} s", 2)
    seconds = float((epochs[0] - _GPS_ZERO) / np.timedelta64(1, "s"))
    # The week of other systems is counted from their own zero by some, from that of GPS by others.
    if statements.header.time_system in {"GPS", "GAL", "QZS", "IRN"} and (
        abs(statements.gps_week * _WEEK_S + statements.seconds_of_week - seconds) > 1e-6
    ):
        findings.note("GPS week and second are not those of the first epoch", 2)
    day = epochs[0].astype("datetime64[D]")
    days = int((day - _MJD_ZERO) / np.timedelta64(1, "D")) + int((epochs[0] - day) / np.timedelta64(1, "ns")) / _DAY_NS
    if abs(statements.modified_julian_day - days) > 1e-9:
        findings.note("the modified Julian day is not that of the first epoch", 2)

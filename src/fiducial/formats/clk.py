"""RINEX clock files, versions 2.00, 3.00, 3.02 and 3.04: read to :class:`Clocks`, write version 3.04 or 3.00."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import TAI_MINUS_GPS_S
from fiducial.errors import FiducialError, FormatError
from fiducial.formats.clk_header import ClockHeader, parse_header
from fiducial.formats.clk_records import Body, Records, read_body
from fiducial.formats.clk_writer import to_bytes, write
from fiducial.formats.strictness import Findings, Strictness
from fiducial.formats.text_source import open_source
from fiducial.orbits.orbit import Clocks, satellite_order
from fiducial.timescales import gps_from_utc

__all__ = ["ClockFile", "ClockHeader", "read", "to_bytes", "write"]

Epochs = NDArray[np.datetime64]

_BEIDOU_BEHIND_GPS_S: Final = 14


def _same(epochs: Epochs) -> Epochs:
    return epochs


def _later(seconds: int) -> Callable[[Epochs], Epochs]:
    def shift(epochs: Epochs) -> Epochs:
        shifted: Epochs = epochs + np.timedelta64(seconds, "s")
        return shifted

    return shift


_TO_GPS: Final[dict[str, Callable[[Epochs], Epochs]]] = {
    "GPS": _same,
    "GAL": _same,
    "QZS": _same,
    "TAI": _later(-TAI_MINUS_GPS_S),
    "BDT": _later(_BEIDOU_BEHIND_GPS_S),
    "BDS": _later(_BEIDOU_BEHIND_GPS_S),
    "UTC": gps_from_utc,
    "GLO": gps_from_utc,
}
"""TIME SYSTEM ID: Galileo and QZSS time count as GPS time (they are steered to it within 0.1 µs), GLO as UTC."""


@dataclass(frozen=True, slots=True)
class ClockFile:
    """A RINEX clock file.

    Attributes
    ----------
    clocks : Clocks
        Epochs in GPS time, seconds; stations are empty unless they were asked for.
    header : ClockHeader
    findings : tuple of str
        Faults of the file that could be repaired.
    name : str
    sha256 : str
        Of the file as stored.
    """

    clocks: Clocks
    header: ClockHeader
    findings: tuple[str, ...]
    name: str
    sha256: str


def read(
    source: str | Path | bytes,
    *,
    strictness: Strictness = "warn",
    records: Literal["AS", "all"] = "AS",
    name: str = "",
) -> ClockFile:
    """Read a RINEX clock file.

    Parameters
    ----------
    source : path or bytes
        Plain, or compressed by gzip, bzip2 or compress.
    strictness : {"warn", "ignore", "raise"}
        What to do with faults that can be repaired: a satellite of the header without records or the reverse, records
        of other types, blank lines, the same record twice, a label in the wrong column, no time system.
    records : {"AS", "all"}
        Satellites only, or receivers as well. Rates and accelerations are checked and left out.
    name : str, optional
        What messages call the file.

    Returns
    -------
    ClockFile

    Raises
    ------
    FormatError
        FID-2400, FID-2401 unreadable; FID-2420 not a RINEX clock file; FID-2421 its header does not end; FID-2422 a
        damaged record; FID-2423 the file is cut; FID-2424 one record twice with different values; FID-2425 an
        impossible epoch or time system; FID-2426 a repairable fault under ``raise``; FID-2428 no clock records.

    Notes
    -----
    The format has no mark of its end. What can be known: a file that ends inside a line, or without a line end before
    the last epoch has all satellites of the header, is cut. A cut at the very end of a line inside the last epoch
    leaves the first names of the epoch before it; that is a finding, for satellites do stop. A cut between two epochs
    cannot be seen.

    A sigma of zero or below is none, and becomes NaN.
    """
    content = open_source(source, name=name)
    findings = Findings(content.name, strictness, "FID-2426")
    header, offset, line = parse_header(content.data, content.name, findings)
    body = read_body(content.data, offset, line, content.name, findings, stations=records == "all")
    wanted = [body.satellites, *([body.stations] if records == "all" else [])]
    if not any(part.line.size for part in wanted):
        fix = "give a file with AS records" if records == "AS" else "give a file with AS or AR records"
        raise FormatError("FID-2428", "the file has no clock records", where=content.name, fix=fix)
    _check_end(body, header, content.name, findings)
    clocks = _clocks(body, header, content.name, findings, stations=records == "all")
    _compare(header, clocks, findings)
    return ClockFile(clocks, header, findings.texts, content.name, content.sha256)


def _check_end(body: Body, header: ClockHeader, name: str, findings: Findings) -> None:
    """Look for a cut in the last epoch."""
    found = body.satellites
    if not found.line.size:
        return
    order = np.argsort(found.line)
    instants = body.epochs_ns[found.epoch_index[order]]
    names = found.name_index[order]
    changes = np.flatnonzero(np.diff(instants)) + 1
    # Only a file in order of time has a last epoch that a cut would shorten.
    if (np.diff(instants) < 0).any():
        return
    last = names[changes[-1] :] if changes.size else names
    if not body.ends_with_newline:
        listed = len(header.satellites)
        if last.size < listed:
            problem = f"the last epoch has {last.size} of {listed} satellites, and no line end follows"
            fix = "the file is cut: fetch it again and compare its size"
            where = f"{name}, line {int(found.line.max())}"
            raise FormatError("FID-2423", problem, where=where, fix=fix)
        findings.note("the last line has no line end")
    if changes.size:
        before = names[changes[-2] if changes.size > 1 else 0 : changes[-1]]
        if last.size < before.size and np.array_equal(last, before[: last.size]):
            findings.note(
                f"the last epoch has the first {last.size} of the {before.size} satellites of the epoch before it: "
                "the file may be cut"
            )


def _clocks(body: Body, header: ClockHeader, name: str, findings: Findings, *, stations: bool) -> Clocks:
    used = np.concatenate([body.satellites.epoch_index, body.stations.epoch_index])
    present = np.zeros(body.epochs_ns.size, dtype=np.bool_)
    present[used] = True
    instants = np.unique(body.epochs_ns[present])
    epochs_gps = _to_gps(instants.view("datetime64[ns]"), header, body, name, findings)
    # A text is looked up by its instant: one instant may have been spelt in two ways.
    row_of_text = np.searchsorted(instants, body.epochs_ns)
    satellites = tuple(sorted(body.satellites.names, key=satellite_order))
    bias, sigma = _matrix(body.satellites, satellites, row_of_text, epochs_gps, name, findings)
    if not stations:
        return Clocks(epochs_gps, satellites, bias, sigma)
    receivers = tuple(sorted(body.stations.names))
    station_bias, station_sigma = _matrix(body.stations, receivers, row_of_text, epochs_gps, name, findings)
    return Clocks(epochs_gps, satellites, bias, sigma, receivers, station_bias, station_sigma)


def _to_gps(epochs: Epochs, header: ClockHeader, body: Body, name: str, findings: Findings) -> Epochs:
    system = header.time_system
    if not system:
        letters = {satellite[0] for satellite in body.satellites.names}
        # Version 2.00 knows GPS only and therefore no line for the time system.
        if not (header.version < "3" and letters <= {"G"}):
            findings.note("the header names no time system; the epochs are taken as GPS time")
        system = "GPS"
    convert = _TO_GPS.get(system)
    if convert is None:
        fix = f"use one of {', '.join(_TO_GPS)}"
        raise FormatError("FID-2425", f"the time system {system!r} is not known", where=name, fix=fix)
    try:
        converted = convert(epochs)
    except FiducialError as error:
        raise FormatError("FID-2425", error.problem, where=name, fix=error.fix) from error
    if (np.diff(converted) <= np.timedelta64(0, "ns")).any():
        problem = f"epochs in {system} repeat across a leap second"
        raise FormatError("FID-2425", problem, where=name, fix="give the epochs in GPS time")
    return converted


def _matrix(
    records: Records,
    names: tuple[str, ...],
    row_of_text: NDArray[np.intp],
    epochs_gps: Epochs,
    name: str,
    findings: Findings,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shape = (epochs_gps.size, len(names))
    bias, sigma = np.full(shape, np.nan), np.full(shape, np.nan)
    if not records.line.size:
        return bias, sigma
    column = {found: index for index, found in enumerate(names)}
    column_of_name = np.array([column[found] for found in records.names], dtype=np.int64)
    cell = row_of_text[records.epoch_index] * shape[1] + column_of_name[records.name_index]
    known = np.where(records.sigma_s > 0, records.sigma_s, np.nan)
    impossible = int(np.count_nonzero(records.sigma_s < 0))
    if impossible:
        findings.note(f"{impossible} sigmas are negative and count as not stated")
    bias.reshape(-1)[cell] = records.value_s
    sigma.reshape(-1)[cell] = known
    if np.count_nonzero(np.isfinite(bias)) != cell.size:
        _check_doubles(records, cell, known, names, name, findings)
    return bias, sigma


def _check_doubles(
    records: Records,
    cell: NDArray[np.int64],
    known: NDArray[np.float64],
    names: tuple[str, ...],
    name: str,
    findings: Findings,
) -> None:
    order = np.lexsort((records.line, cell))
    again = np.flatnonzero(np.diff(cell[order]) == 0)
    first, second = order[again], order[again + 1]
    value = records.value_s
    differs = (value[first] != value[second]) | (
        (known[first] != known[second]) & ~(np.isnan(known[first]) & np.isnan(known[second]))
    )
    if differs.any():
        one, other = (int(records.line[index[differs][0]]) for index in (first, second))
        which = names[int(cell[first[differs][0]]) % len(names)]
        problem = f"{which} has two clock values at one epoch"
        fix = "remove the wrong one of the two records"
        raise FormatError("FID-2424", problem, where=f"{name}, lines {one} and {other}", fix=fix)
    findings.note(f"{again.size} records stand twice", int(records.line[second[0]]))


def _compare(header: ClockHeader, clocks: Clocks, findings: Findings) -> None:
    if not header.satellites or not clocks.satellites:
        return
    silent = sorted(set(header.satellites) - set(clocks.satellites), key=satellite_order)
    unlisted = sorted(set(clocks.satellites) - set(header.satellites), key=satellite_order)
    if silent:
        findings.note(f"satellites of the header without records: {' '.join(silent)}")
    if unlisted:
        findings.note(f"satellites with records that the header does not list: {' '.join(unlisted)}")

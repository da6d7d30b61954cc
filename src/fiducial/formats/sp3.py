"""Orbits and clocks in the Extended Standard Product 3 format: SP3-a, SP3-c and SP3-d in, SP3-d out.

The format is that of S. Hilla, The Extended Standard Product 3 Orbit Format (SP3-d), 2016. Positions are printed to
1 mm and clocks to 1 ps; both are read as whole numbers of these units and so are the nearest doubles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fiducial.formats.atomic import atomic_file
from fiducial.formats.sp3_body import end_of_file, first_epoch_line, parse_body
from fiducial.formats.sp3_header import Sp3Header, parse_header, parse_version
from fiducial.formats.sp3_records import find_lines
from fiducial.formats.sp3_writer import sp3_text
from fiducial.formats.strictness import Findings, Strictness
from fiducial.formats.text_source import open_source
from fiducial.orbits.orbit import Orbit

__all__ = ["Sp3File", "Sp3Header", "read", "to_bytes", "write"]


@dataclass(frozen=True, slots=True, eq=False)
class Sp3File:
    """An SP3 file.

    Attributes
    ----------
    orbit : Orbit
        Epochs in GPS time whatever the time system of the file; metres, seconds; NaN where missing.
    header : Sp3Header
        What the header says, as printed.
    findings : tuple of str
        Repairable faults, each with its line where it has one.
    name : str
        File name.
    sha256 : str
        Digest of the file as stored.
    """

    orbit: Orbit
    header: Sp3Header
    findings: tuple[str, ...] = ()
    name: str = ""
    sha256: str = ""


def read(source: str | Path | bytes, *, strictness: Strictness = "warn") -> Sp3File:
    """Read SP3-a, SP3-c or SP3-d, compressed or not.

    Parameters
    ----------
    source : path or bytes
    strictness : {"warn", "ignore", "raise"}
        What becomes of a repairable fault (header and body disagree, unknown coordinate system, blank clock): a text
        in ``findings``, nothing, or an error.

    Returns
    -------
    Sp3File

    Raises
    ------
    InputError
        FID-1281 for an unknown strictness; FID-1010 for UTC before 1972.
    FormatError
        FID-2400 and FID-2401 when the source cannot be opened; FID-2402 when it is not SP3 of a known version;
        FID-2403 when it is cut; FID-2404 for a field that is no number; FID-2405 for a line out of place; FID-2406
        for an epoch that is impossible or not later than the one before; FID-2407 for an unknown satellite, or one
        that stands twice at an epoch; FID-2408 for a repairable fault under "raise"; FID-2409 for an unknown time
        system; FID-2411 when there is no record.

    Notes
    -----
    The satellites are those that have a record. Positions of three zeros and clocks of 999999.999999 are missing.
    Standard deviations are base to the power of the exponent (mm and ps), replaced by those of EP records where a file
    has them; correlations, and standard deviations of velocities, are not kept. ``accuracy_m`` is 2 to the power of
    the exponent in the header, in mm; 0 means unknown there and is left out. The last epoch of a day, 24:00, is kept.
    """
    opened = open_source(source)
    findings = Findings(opened.name, strictness, "FID-2408")
    lines = find_lines(opened.data, opened.name)
    # What is not SP3 at all should not be called cut.
    parse_version(lines.text(0) if lines.starts.size else "", opened.name)
    end = end_of_file(lines)
    start = first_epoch_line(lines, end)
    statements = parse_header([lines.text(row) for row in range(start)], opened.name, findings)
    orbit = parse_body(lines, start, end, statements, findings)
    return Sp3File(orbit, statements.header, findings.texts, opened.name, opened.sha256)


def to_bytes(sp3: Sp3File) -> bytes:
    """Return the text of an SP3-d file in GPS time.

    Parameters
    ----------
    sp3 : Sp3File
        Of the header, frame label, orbit type, agency, data used and comments are taken; the rest follows from the
        orbit.

    Raises
    ------
    FormatError
        FID-2410 when something does not fit its columns, FID-2411 when there is nothing to write.

    Notes
    -----
    Every satellite has a record at every epoch, as the format wants; where nothing is known it says so. Standard
    deviations are printed as exponents of 1.25 (mm) and 1.025 (ps), rounded and kept within 1-99 and 1-999.
    """
    return sp3_text(sp3.orbit, sp3.header)


def write(sp3: Sp3File, path: str | Path, *, overwrite: bool = True) -> None:
    """Write an SP3-d file; see :func:`to_bytes`.

    Raises
    ------
    InputError
        FID-1002 when the file exists and may not be replaced.
    """
    content = to_bytes(sp3)
    with atomic_file(path, overwrite=overwrite) as partial:
        partial.write_bytes(content)

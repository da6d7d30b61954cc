"""Write RINEX clock files, version 3.04 or 3.00."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NoReturn

import numpy as np

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.clk_header import (
    END_LABEL,
    LABEL_COLUMN,
    LABEL_COLUMN_304,
    SATELLITE,
    VERSION_LABEL,
    AppliedCorrection,
    ClockHeader,
)
from fiducial.formats.clk_layout import LAYOUT_300, LAYOUT_304
from fiducial.orbits.orbit import Clocks

Version = Literal["3.04", "3.00"]
_LARGEST: Final = 9.9999999999995e99
_SMALLEST: Final = 1e-99


def write(clocks: Clocks, sink: Path | str, header: ClockHeader | None = None, *, version: Version = "3.04") -> None:
    """Write a RINEX clock file in one step; parameters and errors as :func:`to_bytes`."""
    content = to_bytes(clocks, header, version=version)
    with atomic_file(sink) as partial:
        partial.write_bytes(content)


def to_bytes(clocks: Clocks, header: ClockHeader | None = None, *, version: Version = "3.04") -> bytes:
    """Return a RINEX clock file.

    Parameters
    ----------
    clocks : Clocks
        NaN makes no record. A sigma that is NaN, zero or below is not written.
    header : ClockHeader, optional
        What to say beside the numbers. Version, time system (GPS), data types, constellation and the list of satellites
        are those of ``clocks`` whatever stands there.
    version : {"3.04", "3.00"}

    Returns
    -------
    bytes
        ASCII (comments Latin-1). Numbers have 13 digits, epochs microseconds.

    Raises
    ------
    FormatError
        FID-2427 when a name, text or number does not fit the format.
    """
    if version not in ("3.04", "3.00"):
        _refuse(f"version {version} is not written", "3.04 or 3.00")
    header = header or ClockHeader()
    lines = [*_header_lines(clocks, header, version), *_records(clocks, version)]
    lines.append("")
    try:
        return "\n".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        _refuse(f"{error.object[error.start : error.end]!r} cannot be written", "plain ASCII text")


def _header_lines(clocks: Clocks, header: ClockHeader, version: Version) -> Iterator[str]:
    new = version == "3.04"
    width = LABEL_COLUMN_304 if new else LABEL_COLUMN

    def line(text: str, label: str) -> str:
        if len(text.rstrip()) > width or any(not sign.isprintable() for sign in text):
            _refuse(f"{text.strip()!r} does not fit the line {label}", f"at most {width} printable characters")
        return f"{text:<{width}.{width}}{label}"

    system = _system(clocks, header)
    first = f"{version:<21}C{'':20}{system}" if new else f"{version:>9}{'':11}{'CLOCK DATA':<20}{system}"
    yield line(first, VERSION_LABEL)
    gap = " " if new else ""
    yield line(
        f"{_short(header.program, 20):<20}{gap}{_short(header.agency, 20):<20}{gap}{header.created}",
        "PGM / RUN BY / DATE",
    )
    for comment in header.comments:
        yield line(comment, "COMMENT")
    yield line("   GPS", "TIME SYSTEM ID")
    if header.leap_seconds is not None:
        yield line(f"{header.leap_seconds:6d}", "LEAP SECONDS")
    if header.leap_seconds_gnss is not None and new:
        yield line(f"{header.leap_seconds_gnss:6d}", "LEAP SECONDS GNSS")
    for corrections, label in (
        (header.dcbs_applied, "SYS / DCBS APPLIED"),
        (header.pcvs_applied, "SYS / PCVS APPLIED"),
    ):
        for correction in corrections:
            yield line(_correction(correction), label)
    types = [kind for kind, names in (("AS", clocks.satellites), ("AR", clocks.stations)) if names]
    yield line(f"{len(types):6d}{''.join(f'    {kind}' for kind in types)}", "# / TYPES OF DATA")
    yield line(f"{header.analysis_center:<3}  {header.analysis_center_name}", "ANALYSIS CENTER")
    for text, label in _body_of_header(clocks, header, new=new):
        yield line(text, label)
    yield line("", END_LABEL)


def _body_of_header(clocks: Clocks, header: ClockHeader, *, new: bool) -> Iterator[tuple[str, str]]:
    width = 9 if new else 4
    spans: dict[str, int] = {}
    for clock in header.reference_clocks:
        spans[clock.span] = spans.get(clock.span, 0) + 1
    for span, count in spans.items():
        yield f"{count:6d} {span}", "# OF CLK REF"
        for clock in (clock for clock in header.reference_clocks if clock.span == span):
            name = f"{_short(clock.name, width):<{width}} {_short(clock.number, 20):<20}{'':{15}}"
            offset = _number(clock.offset_s) if np.isfinite(clock.offset_s) else ""
            yield f"{name}{offset}", "ANALYSIS CLK REF"
    if header.stations:
        yield f"{len(header.stations):6d}    {header.frame}", "# OF SOLN STA / TRF"
    for station in header.stations:
        known = np.isfinite(station.position_m).all()
        millimetres = " ".join(f"{round(part * 1000):11d}" for part in station.position_m) if known else ""
        name = f"{_short(station.name, width):<{width}} {_short(station.number, 20):<20}"
        yield f"{name}{millimetres}", "SOLN STA NAME / NUM"
    yield f"{len(clocks.satellites):6d}", "# OF SOLN SATS"
    in_line = 16 if new else 15
    for start in range(0, len(clocks.satellites), in_line):
        yield "".join(f"{name} " for name in clocks.satellites[start : start + in_line]), "PRN LIST"


def _system(clocks: Clocks, header: ClockHeader) -> str:
    letters = {satellite[0] for satellite in clocks.satellites}
    if not letters:
        return header.system
    return letters.pop() if len(letters) == 1 else "M"


def _correction(correction: AppliedCorrection) -> str:
    return f"{_short(correction.system, 1):<1} {_short(correction.program, 17):<17} {correction.source}"


def _records(clocks: Clocks, version: Version) -> Iterator[str]:
    layout = LAYOUT_304 if version == "3.04" else LAYOUT_300
    for satellite in clocks.satellites:
        if not SATELLITE.fullmatch(satellite):
            _refuse(f"{satellite!r} is not a satellite", "a letter and two digits")
    between = " " * (layout.second_value - layout.end_of_first_value)
    parts = [("AS", clocks.satellites, clocks.bias_s, clocks.sigma_s)]
    if clocks.stations and clocks.station_bias_s is not None:
        sigma = clocks.station_sigma_s
        unknown = np.full(clocks.station_bias_s.shape, np.nan)
        parts.insert(0, ("AR", clocks.stations, clocks.station_bias_s, unknown if sigma is None else sigma))
    width = layout.name_width
    heads = [[f"{kind} {_short(name, width):<{width}} " for name in names] for kind, names, _, _ in parts]
    for row, epoch in enumerate(_epochs(clocks)):
        for (_, _, bias, sigma), names in zip(parts, heads, strict=True):
            for head, value, deviation in zip(names, bias[row].tolist(), sigma[row].tolist(), strict=True):
                if deviation > 0 and value == value:  # noqa: PLR0124 - NaN, in the innermost loop
                    yield f"{head}{epoch}  2   {_number(value)}{between}{_number(deviation)}"
                elif value == value:  # noqa: PLR0124
                    yield f"{head}{epoch}  1   {_number(value)}"


def _epochs(clocks: Clocks) -> list[str]:
    microseconds = clocks.epochs_gps.astype("datetime64[us]")
    if (microseconds != clocks.epochs_gps).any():
        _refuse("an epoch is finer than a microsecond", "epochs of whole microseconds")
    texts = np.datetime_as_string(microseconds).tolist()
    # F10.6 prints no leading zero: 05.000000 becomes 5.000000.
    seconds = (text[17:26] if text[17] != "0" else text[18:26] for text in texts)
    return [
        f"{text[:4]} {text[5:7]} {text[8:10]} {text[11:13]} {text[14:16]}{second:>10}"
        for text, second in zip(texts, seconds, strict=True)
    ]


def _number(value: float) -> str:
    size = abs(value)
    if not size <= _LARGEST:
        _refuse(f"{value!r} does not fit 19 columns", "clock values in seconds")
    return f"{value:19.12E}" if size >= _SMALLEST or size == 0 else f"{0.0:19.12E}"


def _short(text: str, width: int) -> str:
    if len(text) > width:
        _refuse(f"{text!r} has more than {width} characters", "version 3.04, which has longer names, or a shorter text")
    return text


def _refuse(problem: str, wanted: str) -> NoReturn:
    raise FormatError("FID-2427", problem, where="clock file to be written", fix=f"give {wanted}")

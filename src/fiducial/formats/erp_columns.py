"""Column titles and units of IGS Earth rotation files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats.strictness import Findings

ARCSECOND_RAD: Final = 1000.0 * MILLIARCSECOND_RAD
ANGLE_EXPONENT: Final = 6
TIME_EXPONENT: Final = 7
"""Version 2 counts angles in 10^-6 arcseconds and times in 10^-7 s."""

MEANINGS: Final = (
    ("x_pole_rad", "x_pole_sigma_rad"),
    ("y_pole_rad", "y_pole_sigma_rad"),
    ("ut1_minus_utc_s", "ut1_sigma_s"),
    ("lod_s", "lod_sigma_s"),
    ("x_rate_rad_per_day", "x_rate_sigma_rad_per_day"),
    ("y_rate_rad_per_day", "y_rate_sigma_rad_per_day"),
)
"""Every quantity and its standard deviation."""

SCALES: Final = {field: "time" if field.endswith("_s") else "angle" for pair in MEANINGS for field in pair}

_TITLES: Final = {
    "MJD": "mjd_utc",
    **dict.fromkeys(("XPOLE", "XP", "X"), "x_pole_rad"),
    **dict.fromkeys(("YPOLE", "YP", "Y"), "y_pole_rad"),
    **dict.fromkeys(("UT1UTC", "UT1RUTC", "UT1TAI", "UT1RTAI"), "ut1_minus_utc_s"),
    **dict.fromkeys(("LOD", "LODR"), "lod_s"),
    **dict.fromkeys(("XSIG", "SX", "XPSIG", "SXP"), "x_pole_sigma_rad"),
    **dict.fromkeys(("YSIG", "SY", "YPSIG", "SYP"), "y_pole_sigma_rad"),
    **dict.fromkeys(("UTSIG", "UT1SIG", "SUT", "SUT1"), "ut1_sigma_s"),
    **dict.fromkeys(("LODSIG", "SLD", "SLOD", "LDSIG"), "lod_sigma_s"),
    **dict.fromkeys(("XRT", "XRATE"), "x_rate_rad_per_day"),
    **dict.fromkeys(("YRT", "YRATE"), "y_rate_rad_per_day"),
    **dict.fromkeys(("XRTSIG", "SXR", "SXRT"), "x_rate_sigma_rad_per_day"),
    **dict.fromkeys(("YRTSIG", "SYR", "SYRT"), "y_rate_sigma_rad_per_day"),
}
_OTHERS: Final = frozenset({
    "NR", "NF", "NT", "XYCORR", "XYCOR", "XUTCORR", "XUTCOR", "YUTCORR", "YUTCOR", "CXY", "CXT", "CYT", "DPSI", "DEPS",
    "SDP", "SDE", "DPSISIG", "DEPSSIG", "DX", "DY", "SDX", "SDY", "DXSIG", "DYSIG",
})  # fmt: skip
_MANDATORY: Final = ("mjd_utc", "x_pole_rad", "y_pole_rad", "ut1_minus_utc_s", "lod_s")
_POWER: Final = r"(?:1?E|10\*\*|10\^)-(\d)\s*"
_ANGLE: Final = re.compile(_POWER + r"(?:\"|''|arcs(?:ec)?|as)", re.IGNORECASE)
_TIME: Final = re.compile(_POWER + r"s(?:ec)?\b", re.IGNORECASE)
_NAMED_TIME: Final = re.compile(r"(?<![\d.])(0?\.\d+|1)?\s*(us|usec|ms|msec)\b(?!\w)", re.IGNORECASE)
_NAMED_EXPONENT: Final = {"u": 6, "m": 3}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title in the file, the attribute of ``EarthRotation`` it fills (empty if none), and kinds of UT1."""

    title: str
    field: str
    minus_tai: bool = False
    regularised: bool = False


def columns_of(line: str, name: str, number: int, findings: Findings) -> list[Column]:
    """Read the line of titles.

    Raises
    ------
    FormatError
        FID-2431 when a mandatory column is missing or a column stands twice.
    """
    where = f"{name}, line {number}"
    # GFZ writes "UT1 -TAI": one column.
    titles = re.sub(r"(UT1R?)\s*-\s*(UTC|TAI)", r"\1-\2", line, flags=re.IGNORECASE).split()
    columns = []
    for title in titles:
        plain = re.sub(r"[-_.]", "", title).upper()
        field = _TITLES.get(plain, "")
        if not field and plain not in _OTHERS:
            findings.note(f"the meaning of the column {title!r} is not known; it is kept as printed", number)
        columns.append(Column(title, field, plain.endswith("TAI"), plain in ("UT1RUTC", "UT1RTAI", "LODR")))
    fields = [column.field for column in columns if column.field]
    missing = [field for field in _MANDATORY if field not in fields]
    doubled = len(set(fields)) < len(fields) or len(set(titles)) < len(titles)
    if missing or doubled:
        problem = f"no column for {', '.join(missing)}" if missing else "a column stands twice"
        fix = "titles such as MJD Xpole Ypole UT1-UTC LOD are wanted, each once"
        raise FormatError("FID-2431", problem, where=where, fix=fix)
    return columns


def scales_of(text: str, name: str, number: int, findings: Findings) -> dict[str, float]:
    """Return radians and seconds of one unit as printed, by ``angle`` and ``time``.

    Parameters
    ----------
    text : str
        What stands between the titles and the numbers; the units of version 2 hold where it names none.

    Raises
    ------
    FormatError
        FID-2431 when two units of one kind are named.
    """
    angles = {int(exponent) for exponent in _ANGLE.findall(text)}
    times = {int(exponent) for exponent in _TIME.findall(text)}
    for factor, unit in _NAMED_TIME.findall(text):
        decimals = len(factor.partition(".")[2]) if factor else 0
        times.add(_NAMED_EXPONENT[unit[0].lower()] + decimals)
    for kind, found, standard in (("angles", angles, ANGLE_EXPONENT), ("times", times, TIME_EXPONENT)):
        if len(found) > 1:
            fix = "one unit for all angles and one for all times is wanted"
            problem = f"units of {kind} of {', '.join(f'10^-{exponent}' for exponent in sorted(found))}"
            raise FormatError("FID-2431", problem, where=f"{name}, line {number}", fix=fix)
        if found and found != {standard}:
            findings.note(f"units of {kind} are 10^-{min(found)}, those of version 2 are 10^-{standard}", number)
    angle, time = (found.pop() if found else standard for found, standard in ((angles, 6), (times, 7)))
    return {"angle": ARCSECOND_RAD * 10.0**-angle, "time": 10.0**-time}

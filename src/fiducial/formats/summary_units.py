"""Units that the comments of a combination summary state, and their factors to SI."""

from __future__ import annotations

import re
from typing import Final

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats.summary_rows import Rows

Scaling = dict[str, float]
"""Key of the summary to the factor that brings its numbers to SI."""

_MICROARCSECOND_RAD: Final = MILLIARCSECOND_RAD * 1e-3
_DAY_S: Final = 86_400.0
_FACTORS: Final = {
    "length": {"mm": 1e-3, "cm": 1e-2, "m": 1.0},
    "angle": {"uas": _MICROARCSECOND_RAD, "mas": MILLIARCSECOND_RAD},
    "rate": {"uas/d": _MICROARCSECOND_RAD / _DAY_S, "mas/d": MILLIARCSECOND_RAD / _DAY_S},
    "time": {"us": 1e-6, "ms": 1e-3, "s": 1.0},
    "ratio": {"ppb": 1e-9, "ppm": 1e-6},
}
_QUANTITIES: Final = {
    "wrms": ("length", "mm", "ENH"), "sigm": ("length", "mm", "ENH"), "res": ("length", "mm", "ENH"),
    "dxpo": ("angle", "uas", ""), "dypo": ("angle", "uas", ""), "dxpor": ("rate", "uas/d", ""),
    "dypor": ("rate", "uas/d", ""), "dlod": ("time", "us", ""), "dgc": ("length", "mm", "XYZ"),
    "dsc": ("ratio", "ppb", ""), "T": ("length", "mm", "XYZ"), "S": ("ratio", "ppb", ""),
    "R": ("angle", "mas", "XYZ"), "rms": ("length", "mm", "ENH"),
}  # fmt: skip
"""Quantity, unit and frame of every key of the format."""

_COMMENT = re.compile(r"#\s*-\s*(\w+)\s*=[^\n]*\(unit:\s*([^,()\n]+?)\s*(?:,\s*frame:\s*(\w+)\s*)?\)", re.ASCII)


def stated_units(text: str, rows: Rows) -> Scaling:
    """Return the factors to SI of every key, from the comments that state its unit and frame.

    Raises
    ------
    FormatError
        FID-2446 for a unit that is not one of the key's quantity, a frame that is not the format's, or two units.
    """
    stated: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = _COMMENT.match(line)
        if match is None:
            continue
        key, unit, frame = match[1], match[2], match[3] or ""
        if key not in _QUANTITIES:
            rows.finding(f"line {number}: a unit is stated for the unknown key {key!r}")
            continue
        quantity, _, usual_frame = _QUANTITIES[key]
        if unit not in _FACTORS[quantity] or frame != usual_frame or stated.get(key, (unit, frame)) != (unit, frame):
            units = ", ".join(_FACTORS[quantity])
            problem = f"{key!r} in unit {unit!r}, frame {frame!r}; known are {units} in {usual_frame or 'no frame'}"
            raise rows.error("FID-2446", problem, f"comment on {key}", number)
        stated[key] = unit, frame
    silent = [key for key in _QUANTITIES if key not in stated]
    if silent:
        rows.finding(f"no comment states the units of {', '.join(silent)}; taken from the format")
    return {
        key: _FACTORS[quantity][stated[key][0] if key in stated else usual]
        for key, (quantity, usual, _) in _QUANTITIES.items()
    }

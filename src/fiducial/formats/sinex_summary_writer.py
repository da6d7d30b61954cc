"""Writing of the summary of a combination of daily SINEX solutions, in the layout of the IGS."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.formats.sinex_summary import LEFT_OUT
from fiducial.orbits.frame_summary import (
    CentreDay,
    FrameSummary,
    FrameTransformation,
    GlobalResiduals,
    StationStatistics,
)

_DAY_S: Final = 86_400.0
_UAS: Final = 1e-3 * MILLIARCSECOND_RAD
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_FRAME: Final = re.compile(r"\w+", re.ASCII)
_UNITS: Final = (
    ("wrms", "WRMS of station residuals (unit: mm, frame: ENH)"),
    ("sigm", "median of station formal errors (unit: mm, frame: ENH)"),
    ("res", "residual before rejection (unit: mm, frame: ENH)"),
    ("dxpo", "x pole, centre minus combination (unit: uas)"), ("dypo", "y pole (unit: uas)"),
    ("dxpor", "rate of x pole (unit: uas/d)"), ("dypor", "rate of y pole (unit: uas/d)"),
    ("dlod", "length of day (unit: us)"), ("dgc", "geocentre (unit: mm, frame: XYZ)"),
    ("dsc", "scale (unit: ppb)"), ("T", "translations (unit: mm, frame: XYZ)"), ("S", "scale factors (unit: ppb)"),
    ("R", "rotations (unit: mas, frame: XYZ)"), ("rms", "RMS of transformation residuals (unit: mm, frame: ENH)"),
)  # fmt: skip


def to_bytes(summary: FrameSummary) -> bytes:
    """Return a summary as YAML.

    Parameters
    ----------
    summary : FrameSummary
        Lists of stations (rejections, outliers, metadata errors) must be empty: this writer is for what a computation
        states, not for what a combiner noted by hand. Residuals and statistics that are NaN are left out, never zero.

    Returns
    -------
    bytes
        Lengths in 0.0001 mm, rotations in 0.00001 mas, scales in 0.00001 ppb.

    Raises
    ------
    FormatError
        FID-2444 when a transformation or a part of a vector is not finite, a value is infinite, or a list is not empty.
    """
    if summary.rejections or summary.outliers or summary.metadata_errors:
        raise _refused("lists of single stations are not written", "leave them out")
    known = [one for one in summary.centres if any(key[0] == one.name for key in summary.transformations)]
    lines = [
        f"# Combination of daily SINEX solutions for week {summary.week}",
        LEFT_OUT,
        "ac:",
        *(f"  - {{name: {_text(one.name.lower())}, file: {_text(one.file)}, weighted: {one.weighted}}}" for one in known),
        *(f"# - {key} = {meaning}" for key, meaning in _UNITS),
        *_section("stats", (_statistics(key, one) for key, one in summary.statistics.items())),
        *_section("globres", (_residuals(key, one) for key, one in summary.residuals.items())),
        f'# "AC -> {summary.frame}" 7-parameter transformations' if _FRAME.fullmatch(summary.frame)
        else "# 7-parameter transformations to a frame that is not named",
        *_section("transfo", (_transformation(key, one) for key, one in summary.transformations.items())),
        *(f"{name}: []" for name in ("rejections", "outliers", "errors")),
        f"nologs: [{', '.join(summary.stations_without_log)}]",
        f"missing: [{', '.join(summary.missing_stations)}]",
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _section(title: str, rows: Iterable[str]) -> list[str]:
    listed = [f"  - {row}" for row in rows]
    return [f"{title}:", *listed] if listed else [f"{title}: []"]


def _statistics(key: CentreDay, one: StationStatistics) -> str:
    return _row(
        key,
        nsta=str(one.stations), nrf=str(one.frame_stations), ncore=str(one.core_stations),
        sqrtvf=_number(one.sqrt_variance_factor, 6), wrms=_vector(one.wrms_enu_m * 1e3),
        sigm=_vector(one.median_sigma_enu_m * 1e3),
    )  # fmt: skip


def _residuals(key: CentreDay, one: GlobalResiduals) -> str:
    return _row(
        key,
        dxpo=_number(one.x_pole_rad / _UAS), dypo=_number(one.y_pole_rad / _UAS),
        dxpor=_number(one.x_pole_rate_rad_per_s / _UAS * _DAY_S),
        dypor=_number(one.y_pole_rate_rad_per_s / _UAS * _DAY_S), dlod=_number(one.length_of_day_s * 1e6),
        dgc=_vector(one.geocentre_m * 1e3), dsc=_number(one.scale * 1e9, 5),
    )  # fmt: skip


def _transformation(key: CentreDay, one: FrameTransformation) -> str:
    parts = {
        "T": _vector(one.translation_m * 1e3), "S": _number(one.scale * 1e9, 5),
        "R": _vector(one.rotation_rad / MILLIARCSECOND_RAD, 5),
    }  # fmt: skip
    if not all(parts.values()):
        raise _not_finite()
    return _row(key, **parts, rms=_vector(one.rms_enu_m * 1e3))


def _row(key: CentreDay, **parts: str) -> str:
    known = "".join(f", {name}: {text}" for name, text in parts.items() if text)
    return f"{{ac: {_text(key[0].lower())}, day: {key[1]}{known}}}"


def _vector(values: NDArray[np.float64], decimals: int = 4) -> str:
    parts = [_number(float(value), decimals) for value in values]
    if any(parts) and not all(parts):
        raise _not_finite()
    return f"[{', '.join(parts)}]" if all(parts) else ""


def _number(value: float, decimals: int = 4) -> str:
    """Return a number as it is printed, empty for one that is not known."""
    if np.isinf(value):
        raise _not_finite()
    return "" if np.isnan(value) else f"{value:.{decimals}f}"


def _text(text: str) -> str:
    """Return a text as YAML takes it for one, whatever file names hold."""
    if _PLAIN.fullmatch(text):
        return text
    shown = "".join(letter if letter.isprintable() else "?" for letter in text).replace("'", "''")
    return f"'{shown}'"


def _not_finite() -> FormatError:
    return _refused("a value is not finite", "give finite numbers")


def _refused(problem: str, fix: str) -> FormatError:
    return FormatError("FID-2444", problem, where="combination summary to write", fix=fix)

"""Writing of the summary of a combination of daily SINEX solutions, in the layout of the IGS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError
from fiducial.orbits.frame_summary import CentreDay, FrameSummary, StationStatistics

_DAY_S: Final = 86_400.0
_UAS: Final = 1e-3 * MILLIARCSECOND_RAD
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
        states, not for what a combiner noted by hand.

    Returns
    -------
    bytes
        Lengths in 0.0001 mm, rotations in 0.00001 mas, scales in 0.00001 ppb.

    Raises
    ------
    FormatError
        FID-2444 when a value is not finite or a list is not empty.
    """
    if summary.rejections or summary.outliers or summary.metadata_errors:
        raise _refused("lists of single stations are not written", "leave them out")
    known = [one for one in summary.centres if any(key[0] == one.name for key in summary.transformations)]
    lines = [
        f"# Combination of daily SINEX solutions for week {summary.week}",
        "ac:",
        *(f"  - {{name: {one.name.lower()}, file: '{one.file}', weighted: {one.weighted}}}" for one in known),
        *(f"# - {key} = {meaning}" for key, meaning in _UNITS),
        *_section("stats", (_statistics(key, one) for key, one in summary.statistics.items())),
        *_section("globres", _residuals(summary)),
        f'# "AC -> {summary.frame}" 7-parameter transformations',
        *_section("transfo", _transformations(summary)),
        *(f"{name}: []" for name in ("rejections", "outliers", "errors")),
        f"nologs: [{', '.join(summary.stations_without_log)}]",
        f"missing: [{', '.join(summary.missing_stations)}]",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _section(title: str, rows: Iterable[str]) -> list[str]:
    listed = [f"  - {row}" for row in rows]
    return [f"{title}:", *listed] if listed else [f"{title}: []"]


def _statistics(key: CentreDay, one: StationStatistics) -> str:
    return (f"{{{_head(key)}, nsta: {one.stations}, nrf: {one.frame_stations}, ncore: {one.core_stations}, "
            f"sqrtvf: {_number(one.sqrt_variance_factor, 6)}, wrms: {_vector(one.wrms_enu_m * 1e3)}, "
            f"sigm: {_vector(one.median_sigma_enu_m * 1e3)}}}")  # fmt: skip


def _residuals(summary: FrameSummary) -> list[str]:
    return [
        f"{{{_head(key)}, dxpo: {_number(one.x_pole_rad / _UAS)}, dypo: {_number(one.y_pole_rad / _UAS)}, "
        f"dxpor: {_number(one.x_pole_rate_rad_per_s / _UAS * _DAY_S)}, "
        f"dypor: {_number(one.y_pole_rate_rad_per_s / _UAS * _DAY_S)}, dlod: {_number(one.length_of_day_s * 1e6)}, "
        f"dgc: {_vector(one.geocentre_m * 1e3)}, dsc: {_number(one.scale * 1e9, 5)}}}"
        for key, one in summary.residuals.items()
    ]


def _transformations(summary: FrameSummary) -> list[str]:
    return [
        f"{{{_head(key)}, T: {_vector(one.translation_m * 1e3)}, S: {_number(one.scale * 1e9, 5)}, "
        f"R: {_vector(one.rotation_rad / MILLIARCSECOND_RAD, 5)}, rms: {_vector(one.rms_enu_m * 1e3)}}}"
        for key, one in summary.transformations.items()
    ]


def _head(key: CentreDay) -> str:
    return f"ac: {key[0].lower()}, day: {key[1]}"


def _vector(values: NDArray[np.float64], decimals: int = 4) -> str:
    return "[" + ", ".join(_number(float(value), decimals) for value in values) + "]"


def _number(value: float, decimals: int = 4) -> str:
    if not np.isfinite(value):
        raise _refused("a value is not finite", "give finite numbers")
    return f"{value:.{decimals}f}"


def _refused(problem: str, fix: str) -> FormatError:
    return FormatError("FID-2444", problem, where="combination summary to write", fix=fix)

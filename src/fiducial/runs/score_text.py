"""One table of a score for a terminal: a row a recipe, everything in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiducial.motion.calibration.overlaps import Direction, Kind
from fiducial.motion.calibration.score_table import DIRECTIONS, KINDS, RecipeRow

UNKNOWN = "-"
_SHORT = {"ascending": "asc", "descending": "desc"}


def number(value: float, digits: int = 2) -> str:
    """Return a number, or a dash when it is unknown."""
    return f"{value:.{digits}f}" if np.isfinite(value) else UNKNOWN


def series(values: Sequence[float], digits: int = 2, *, leading_zero: bool = True) -> str:
    """Return numbers with slashes between them.

    Examples
    --------
    >>> series([0.02, 0.5, float("nan")], leading_zero=False)
    '.02/.50/-'
    """
    shown = [number(value, digits) for value in values]
    if not leading_zero:
        shown = [text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text for text in shown]
    return "/".join(shown)


def interval(value: float, low: float, high: float) -> str:
    """Return a value with its interval.

    Examples
    --------
    >>> interval(0.971, 0.931, 1.004), interval(1.0, float("nan"), float("nan"))
    ('0.97 [0.93, 1.00]', '1.00')
    """
    return number(value) + (f" [{number(low)}, {number(high)}]" if np.isfinite(low) else "")


def overlap_groups(rows: Sequence[RecipeRow]) -> list[tuple[Kind, Direction]]:
    """Return the kinds and directions of overlaps that occur."""
    return [(kind, direction) for kind in KINDS for direction in DIRECTIONS
            if any(row.overlap(kind, direction) is not None for row in rows)]  # fmt: skip


def table_columns(rows: Sequence[RecipeRow], reference: str) -> list[str]:
    """Return the heads of `table_rows`."""
    overlaps = [f"{kind} {_SHORT[direction]}" for kind, direction in overlap_groups(rows)]
    sizes = "/".join(f"{one.sigma_km:g}" for one in rows[0].leakage)
    counts = "/".join(str(one.stations) for one in rows[0].thinning)
    return ["recipe", "hold-out", f"/ {reference}", "chi", *overlaps, "chi of these", "closure", "left out",
            f"leakage {sizes} km", f"{counts} stations" if counts else "few stations"]  # fmt: skip


def table_rows(rows: Sequence[RecipeRow]) -> list[list[str]]:
    """Return a row a recipe, and before them what no calibration and GNSS alone reach.

    Overlaps are after calibration.
    """
    groups = overlap_groups(rows)
    table = [_not_calibrated(rows, groups), _gnss_only(rows, len(groups))]
    for row in rows:
        ratio = row.hold_out.ratio
        found = [row.overlap(*group) for group in groups]
        table.append([
            row.recipe,
            number(row.hold_out.rms_mm_per_yr),
            interval(ratio.value, ratio.low, ratio.high),
            number(row.hold_out.chi),
            *(UNKNOWN if one is None else number(one.rms_after_mm_per_yr) for one in found),
            "/".join(UNKNOWN if one is None else number(one.chi) for one in found) or UNKNOWN,
            number(row.closure[0].rms_mm_per_yr),
            number(row.track_out.rms_apart_mm_per_yr),
            series([one.mean for one in row.leakage], leading_zero=False) or UNKNOWN,
            series([one.rms_mm_per_yr.mean_mm_per_yr for one in row.thinning], 1) or UNKNOWN,
        ])  # fmt: skip
    return table


def overlap_before(rows: Sequence[RecipeRow], kind: Kind, direction: Direction) -> float:
    """Return the RMS of overlaps as the sources came, medians removed, mm/yr."""
    found = next(one for row in rows if (one := row.overlap(kind, direction)) is not None)
    return found.rms_before_centred_mm_per_yr


def east_by_gnss(rows: Sequence[RecipeRow]) -> float:
    """Return the RMS of the east of GNSS alone at the stations of the closure, mm/yr; NaN when there are none."""
    return next((row.closure[0].gnss_only_rms_mm_per_yr for row in rows if row.closure[0].stations), float("nan"))


def _not_calibrated(rows: Sequence[RecipeRow], groups: Sequence[tuple[Kind, Direction]]) -> list[str]:
    before = [number(overlap_before(rows, *group)) for group in groups]
    return ["before", *[UNKNOWN] * 3, *before, *[UNKNOWN] * 5]


def _gnss_only(rows: Sequence[RecipeRow], groups: int) -> list[str]:
    thin = series([one.gnss_only_rms_mm_per_yr for one in rows[0].thinning], 1) or UNKNOWN
    return ["GNSS only", number(rows[0].hold_out.gnss_only_rms_mm_per_yr), *[UNKNOWN] * (groups + 3),
            number(east_by_gnss(rows)), UNKNOWN, UNKNOWN, thin]  # fmt: skip

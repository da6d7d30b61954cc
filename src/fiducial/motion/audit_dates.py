"""Dates of a series: its nominal step, its gaps, how much of the 6-day grid it fills, where the grid begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.errors import InputError
from fiducial.timescales import Epochs

GRID_STEP_DAYS: Final = 6
"""Repeat of Sentinel-1 with two satellites, and step of the Level 3 time grid."""

LEVEL3_ORIGIN: Final = "2014-04-03"
"""Origin of the Level 3 time grid as documented (EGMS-D6-PDD v3.0, 2025)."""

_GAP_STEPS: Final = 1.5


@dataclass(frozen=True)
class Gap:
    """Days without a date.

    Attributes
    ----------
    after, before : str
        The dates on both sides, UTC.
    days : int
        Between them.
    """

    after: str
    before: str
    days: int


@dataclass(frozen=True)
class DateCoverage:
    """How densely a series is dated.

    Attributes
    ----------
    nominal_step_days : int
        The most frequent step; the shorter one of two equally frequent.
    longest_step_days : int
    gaps : tuple of Gap
        Steps longer than 1.5 nominal ones, in order of date.
    grid_step_days : int
    grid_share : float
        Dates that lie on the 6-day grid from the first date, as a share of the dates of that grid.
    off_grid : int
        Dates that do not lie on it.
    origin_offset_days : int
        First date minus the documented origin of the Level 3 grid, modulo 6 days.
    """

    nominal_step_days: int
    longest_step_days: int
    gaps: tuple[Gap, ...]
    grid_step_days: int
    grid_share: float
    off_grid: int
    origin_offset_days: int


def date_coverage(epochs: Epochs) -> DateCoverage:
    """Describe the dates of a series.

    Parameters
    ----------
    epochs : ndarray of datetime64, shape (epoch,)
        UTC, used to the day, strictly increasing; at least two.

    Raises
    ------
    InputError
        FID-1077 when there are fewer than two dates, or they do not increase.

    Examples
    --------
    >>> days = np.array(["2020-01-03", "2020-01-09", "2020-01-15", "2020-01-27"], dtype="datetime64[D]")
    >>> coverage = date_coverage(days)
    >>> coverage.nominal_step_days, coverage.gaps[0].days, coverage.grid_share, coverage.origin_offset_days
    (6, 12, 0.8, 1)
    """
    days = np.asarray(epochs).astype("datetime64[D]").astype(np.int64)
    steps = np.diff(days)
    if days.size < 2 or np.any(steps <= 0):
        raise InputError(
            "FID-1077",
            "dates must increase, and there must be two at least",
            where=f"{days.size} epochs",
            fix="sort the epochs and drop double ones",
        )
    values, counts = np.unique(steps, return_counts=True)
    nominal = int(values[np.argmax(counts)])
    names = np.datetime_as_string(days.astype("datetime64[D]"))
    gaps = tuple(
        Gap(str(names[k]), str(names[k + 1]), int(steps[k])) for k in np.flatnonzero(steps > _GAP_STEPS * nominal)
    )
    on_grid = np.count_nonzero((days - days[0]) % GRID_STEP_DAYS == 0)
    length = int(days[-1] - days[0]) // GRID_STEP_DAYS + 1
    origin = int(np.datetime64(LEVEL3_ORIGIN, "D").astype(np.int64))
    return DateCoverage(
        nominal_step_days=nominal,
        longest_step_days=int(steps.max()),
        gaps=gaps,
        grid_step_days=GRID_STEP_DAYS,
        grid_share=float(on_grid / length),
        off_grid=int(days.size - on_grid),
        origin_offset_days=int((days[0] - origin) % GRID_STEP_DAYS),
    )

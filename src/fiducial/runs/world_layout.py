"""Where the bursts of a simulated world lie: columns of sub-swaths, rows along the track, one origin each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from fiducial.motion.identifiers import POLARISATIONS
from fiducial.runs.simulated_radar import (
    BURST_ADVANCE_M,
    LINE_SPACING_M,
    LINES,
    POLARISATION_VV,
    SWATH_WIDTH_M,
    TRACK_LENGTH_M,
    Floats,
    Track,
)

Direction = Literal["ascending", "descending"]

REGION_CENTRE_M: Final = (4_430_000.0, 2_720_000.0)
"""EPSG:3035: the northern edge of the Alps, where winters have snow."""
BURST_LENGTH_M: Final = LINES * LINE_SPACING_M
_SWATH_ADVANCE_M: Final = SWATH_WIDTH_M - 2_200.0
_HEADINGS_DEG: Final[dict[Direction, float]] = {"ascending": -9.6, "descending": 190.9}
_FIRST_BURSTS: Final[dict[Direction, int]] = {"ascending": 251, "descending": 821}
_FIRST_TRACKS: Final[dict[Direction, int]] = {"ascending": 117, "descending": 22}
_FIRST_DAYS: Final[dict[Direction, np.datetime64]] = {
    "ascending": np.datetime64("2020-01-03"), "descending": np.datetime64("2020-01-08"),
}  # fmt: skip
_NEXT_TRACK: Final = 73
"""Relative orbits of Sentinel-1 that lie side by side differ by 73, of 175."""
_TRACKS: Final = 175
_BASES: Final = ((2, 36.3), (3, 41.4), (1, 31.1))
"""Sub-swath and incidence at its near range; the middle one first, as a world of one column has."""


@dataclass(frozen=True)
class BurstPlan:
    """One burst before it is made.

    Attributes
    ----------
    index : int
        In the world.
    track : Track
        Number, sub-swath, heading, incidence, first day.
    number : int
        EGMS burst number.
    row, rows : int
        Place in its column, which is one track and sub-swath.
    origin_m : tuple of float
        What ``Track.radar_coordinates`` takes as its centre, so that it counts lines from the first of this burst.
    """

    index: int
    track: Track
    number: int
    row: int
    rows: int
    origin_m: tuple[float, float]

    @property
    def polarisation(self) -> str:
        """``VV``."""
        return POLARISATIONS[POLARISATION_VV]

    def ramp_coordinates(self, easting: Floats, northing: Floats) -> tuple[Floats, Floats]:
        """Return places across and along the column, -1 to 1 each, continuous from burst to burst."""
        along, across = self.track.radar_coordinates(easting, northing, self.origin_m)
        length = column_length_m(self.rows)
        return 2 * across / SWATH_WIDTH_M - 1, 2 * (along + self.row * BURST_ADVANCE_M) / length - 1

    def corners_m(self) -> Floats:
        """Return easting and northing of the corners, shape (4, 2)."""
        along = np.array([0.0, 0.0, BURST_LENGTH_M, BURST_LENGTH_M])
        across = np.array([0.0, SWATH_WIDTH_M, SWATH_WIDTH_M, 0.0])
        return np.stack(self.track.map_coordinates(along, across, self.origin_m), axis=-1)


def column_length_m(rows: int) -> float:
    """Return the length of a column of bursts along the track."""
    return (rows - 1) * BURST_ADVANCE_M + BURST_LENGTH_M


def shape_of(bursts: int) -> tuple[int, int]:
    """Return columns and rows of the grid, about square on the ground, that holds half of the bursts."""
    half = -(-bursts // 2)
    columns = max(1, round(np.sqrt(half * BURST_ADVANCE_M / _SWATH_ADVANCE_M)))
    return columns, -(-half // columns)


def region_half_m(bursts: int) -> tuple[float, float]:
    """Return half of the width and half of the length of the region, across and along the tracks."""
    columns, rows = shape_of(bursts)
    return 0.5 * ((columns - 1) * _SWATH_ADVANCE_M + SWATH_WIDTH_M), 0.5 * column_length_m(rows)


def plan_bursts(bursts: int) -> tuple[BurstPlan, ...]:
    """Return all bursts, ascending ones first, column by column."""
    columns, rows = shape_of(bursts)
    plans: list[BurstPlan] = []
    directions: tuple[tuple[Direction, int], ...] = (("ascending", -(-bursts // 2)), ("descending", bursts // 2))
    for direction, count in directions:
        for place in range(count):
            column, row = divmod(place, rows)
            plans.append(_plan(len(plans), direction, column, columns, row, rows))
    return tuple(plans)


def _plan(index: int, direction: Direction, column: int, columns: int, row: int, rows: int) -> BurstPlan:
    heading = np.deg2rad(_HEADINGS_DEG[direction])
    forward, right = np.array([np.sin(heading), np.cos(heading)]), np.array([np.cos(heading), -np.sin(heading)])
    pass_of, within = divmod(column, len(_BASES))
    swath, near = _BASES[within]
    first = _FIRST_BURSTS[direction]
    track = Track(
        (_FIRST_TRACKS[direction] + _NEXT_TRACK * pass_of - 1) % _TRACKS + 1, direction, (first, first + rows - 1),
        _HEADINGS_DEG[direction], _FIRST_DAYS[direction] + np.timedelta64(5 * pass_of % 12, "D"), swath, near,
    )  # fmt: skip
    aside = (column - 0.5 * (columns - 1)) * _SWATH_ADVANCE_M
    # radar_coordinates counts from TRACK_LENGTH_M / 2 behind its centre.
    ahead = row * BURST_ADVANCE_M - 0.5 * column_length_m(rows) + 0.5 * TRACK_LENGTH_M
    origin = np.array(REGION_CENTRE_M) + ahead * forward + aside * right
    return BurstPlan(index, track, first + row, row, rows, (float(origin[0]), float(origin[1])))

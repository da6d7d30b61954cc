"""Which position and velocity segment of a station holds when, and which velocities are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.propagation import Discontinuity

Array = NDArray[np.float64]
Site = tuple[str, str]
SiteName = tuple[str, str, str]

_SAME_VELOCITY_M_PER_YR: Final = 2e-6
"""Printed velocities of segments without a velocity break differ by less."""
_WHOLE: Final = "1"


class SegmentTable:
    """Segments of stations; a station without rows has one.

    Parameters
    ----------
    rows : mapping of (code, point) to sequence of Discontinuity

    Raises
    ------
    InputError
        FID-1363 when the velocity changes inside a position segment, or an interval ends before it starts.
    """

    def __init__(self, rows: Mapping[Site, Sequence[Discontinuity]]) -> None:
        self._positions = {site: sorted((row for row in listed if row.kind == "P"), key=lambda row: row.start_yr)
                           for site, listed in rows.items()}  # fmt: skip
        self._velocities = {site: sorted((row for row in listed if row.kind == "V"), key=lambda row: row.start_yr)
                            for site, listed in rows.items()}  # fmt: skip
        self._rates: dict[SiteName, str] = {}
        for site, listed in self._positions.items():
            for row in (*listed, *self._velocities[site]):
                if not row.start_yr < row.end_yr:
                    raise _faulty(site, f"interval {row.solution} {row.kind} ends at {row.end_yr:.4f}, before it starts",
                                  "mend the table")  # fmt: skip
            for row in listed:
                self._rates[(*site, row.solution)] = self._rate(site, row)

    def _rate(self, site: Site, segment: Discontinuity) -> str:
        listed = self._velocities[site]
        cuts = [row.start_yr for row in listed if segment.start_yr < row.start_yr < segment.end_yr]
        if cuts:
            raise _faulty(site, f"the velocity changes at {cuts[0]:.4f} inside position segment {segment.solution}",
                          "cut the positions there too")  # fmt: skip
        holding = [row.solution for row in listed if row.start_yr <= segment.start_yr < row.end_yr]
        return holding[0] if holding else _WHOLE

    def __contains__(self, site: Site) -> bool:
        """Tell whether a station has rows."""
        return site in self._positions

    def sites(self) -> tuple[Site, ...]:
        """Return the stations that have rows."""
        return tuple(self._positions)

    def number(self, site: Site, epoch_yr: float) -> str | None:
        """Return the position segment that holds; None where none does, or two do."""
        listed = self._positions.get(site)
        if not listed:
            return _WHOLE
        holding = [row.solution for row in listed if row.holds_at(epoch_yr)]
        return holding[0] if len(holding) == 1 else None

    def velocity_number(self, site: SiteName) -> str:
        """Return the velocity segment that a position segment belongs to."""
        return self._rates.get(site, _WHOLE)

    def rows(self, site: Site) -> tuple[Discontinuity, ...]:
        """Return the rows of a station, one open position and velocity segment where it has none."""
        station = " ".join(site)
        listed = self._positions.get(site) or [Discontinuity(station, _WHOLE, -np.inf, np.inf, "P")]
        rates = self._velocities.get(site) or [Discontinuity(station, _WHOLE, -np.inf, np.inf, "V")]
        return (*listed, *rates)


def with_velocity_rows(rows: Sequence[Discontinuity], velocity_m_per_yr: Mapping[str, Array]) -> list[Discontinuity]:
    """Add velocity segments to position segments of one station: a new one wherever the reference changes its velocity.

    Parameters
    ----------
    rows : sequence of Discontinuity
        Position segments.
    velocity_m_per_yr : mapping of solution number to ndarray, shape (3,)
    """
    ordered = sorted(rows, key=lambda row: row.start_yr)
    for place, (row, after) in enumerate(pairwise(list(ordered))):
        # The day of a break belongs to the data of both.
        end = min(row.end_yr, after.start_yr)
        ordered[place] = Discontinuity(row.station, row.solution, row.start_yr, end, row.kind)
    found: list[Discontinuity] = []
    last: Array | None = None
    for row in ordered:
        velocity = velocity_m_per_yr.get(row.solution, last)
        new = last is not None and velocity is not None and np.abs(velocity - last).max() > _SAME_VELOCITY_M_PER_YR
        if not found or new:
            if found:
                before = found.pop()
                found.append(Discontinuity(before.station, before.solution, before.start_yr, row.start_yr, "V"))
            found.append(Discontinuity(row.station, str(len(found) + 1), row.start_yr, np.inf, "V"))
        last = velocity
    return [*ordered, *found]


def colocated_velocities(
    position_m: Mapping[SiteName, Array],
    span_yr: Mapping[SiteName, tuple[float, float]],
    table: SegmentTable,
    distance_m: float,
) -> list[tuple[SiteName, SiteName]]:
    """Return pairs of velocity segments of different stations that are close to each other and have data at one time.

    Parameters
    ----------
    position_m : mapping of position segment to ndarray, shape (3,)
    span_yr : mapping of position segment to (first, last)
        Of the data.
    table : SegmentTable
    distance_m : float
        At most so far apart.
    """
    sites = [site for site in position_m if site in span_yr]
    where = np.array([position_m[site] for site in sites])
    pairs: dict[tuple[SiteName, SiteName], None] = {}
    for row, one in enumerate(sites):
        near = np.flatnonzero(np.linalg.norm(where[row + 1 :] - where[row], axis=1) <= distance_m) + row + 1
        for place in near.tolist():
            other = sites[place]
            overlap = min(span_yr[one][1], span_yr[other][1]) - max(span_yr[one][0], span_yr[other][0])
            if one[:2] == other[:2] or overlap < 0.0:
                continue
            rates = [(site[0], site[1], table.velocity_number(site)) for site in (one, other)]
            pairs[rates[0], rates[1]] = None
    return list(pairs)


def _faulty(site: Site, problem: str, fix: str) -> InputError:
    return InputError("FID-1363", problem, where=f"discontinuities of {' '.join(site)}", fix=fix)

"""The reference of a stack: how its stations move, which segment holds when, which stations are the core."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import sinex
from fiducial.formats.strictness import Findings, Strictness
from fiducial.geodesy.propagation import Discontinuity, PostSeismicModel
from fiducial.runs.station_reference import ReferenceSolutions, Site, intervals_of, read_solutions
from fiducial.stations.stacking_segments import SegmentTable, SiteName, with_velocity_rows

Array = NDArray[np.float64]

_NAMED: int = 12


@dataclass(frozen=True, slots=True, eq=False)
class StackReference:
    """What a stack is held to.

    Attributes
    ----------
    solutions : ReferenceSolutions
    segments : SegmentTable
    discontinuities : str
        File that they come from; empty when it is the reference itself.
    hashes : tuple of str
        SHA-256 of all files behind it.
    """

    solutions: ReferenceSolutions
    segments: SegmentTable
    discontinuities: str
    hashes: tuple[str, ...]

    def model(self, site: Site) -> PostSeismicModel | None:
        """Return the post-seismic model of a station."""
        return self.solutions.models.get(site)

    def post_seismic_m(self, site: Site, epoch_yr: float) -> Array:
        """Return the post-seismic displacement, shape (3,), zero without a model."""
        model = self.model(site)
        return np.zeros(3) if model is None else model.displacement_m([epoch_yr])[0]

    def velocity_m_per_yr(self, segment: SiteName) -> Array | None:
        """Return the velocity of a position segment: its own, or that of another one of the same velocity segment."""
        listed = self.solutions.motions.get(segment[:2], [])
        number = self.segments.velocity_number(segment)
        same = [
            motion for motion in listed
            if np.isfinite(motion.velocity_m_per_yr).all()
            and self.segments.velocity_number((*segment[:2], motion.solution)) == number
        ]  # fmt: skip
        own = [motion for motion in same if motion.solution == segment[2]]
        return (own or same)[0].velocity_m_per_yr if same else None

    def position_m(self, segment: SiteName, epoch_yr: float) -> Array | None:
        """Return the regularised position of a segment, without post-seismic displacement."""
        for motion in self.solutions.motions.get(segment[:2], []):
            if motion.solution == segment[2] and np.isfinite(motion.velocity_m_per_yr).all():
                return np.asarray(motion.at(epoch_yr)[0], dtype=np.float64)
        return None

    def displacement_m(self, segment: SiteName, then_yr: float, now_yr: float) -> Array:
        """Return how a station moves between epochs, shape (3,): velocity and post-seismic model, zero without."""
        velocity = self.velocity_m_per_yr(segment)
        steady = np.zeros(3) if velocity is None else (now_yr - then_yr) * velocity
        return steady + self.post_seismic_m(segment[:2], now_yr) - self.post_seismic_m(segment[:2], then_yr)


def read_stack_reference(
    path: Path, *, discontinuities: Path | None, post_seismic: Path | None, strictness: Strictness
) -> StackReference:
    """Read the reference and the discontinuities.

    Raises
    ------
    InputError
        FID-1363 for intervals that contradict each other; FID-1365 when the table of discontinuities has no row;
        FID-1350 when the reference has no station with position and velocity.
    FormatError
        As `sinex.read`.

    Notes
    -----
    Without a table, data spans of the reference are the segments, and a velocity segment begins wherever the reference
    changes its velocity.
    """
    solutions = read_solutions(path, post_seismic=post_seismic, strictness=strictness)
    if not any(np.isfinite(one.velocity_m_per_yr).all() for listed in solutions.motions.values() for one in listed):
        raise InputError("FID-1350", "no station has a position and a velocity", where=solutions.name,
                         fix="give the SINEX file of a cumulative solution")  # fmt: skip
    rows = solutions.intervals
    name, hashes = "", [solutions.sha256, solutions.models_sha256]
    if discontinuities is not None:
        file = sinex.read(discontinuities, blocks=("SOLUTION/DISCONTINUITY",), strictness=strictness)
        if file.solution.discontinuities is None or not len(file.solution.discontinuities):
            raise InputError("FID-1365", "there is no SOLUTION/DISCONTINUITY row", where=file.name,
                             fix="give the SINEX file of discontinuities, such as soln.snx")  # fmt: skip
        rows, name = intervals_of(file.solution), file.name
        hashes.append(file.sha256)
    elif solutions.from_spans:
        rows = {site: _with_rates(solutions, site, listed) for site, listed in rows.items()}
    return StackReference(solutions, SegmentTable(rows), name, tuple(hashes))


def _with_rates(solutions: ReferenceSolutions, site: Site, rows: list[Discontinuity]) -> list[Discontinuity]:
    velocities = {
        motion.solution: motion.velocity_m_per_yr
        for motion in solutions.motions.get(site, [])
        if np.isfinite(motion.velocity_m_per_yr).all()
    }
    return with_velocity_rows(rows, velocities)


def unknown_stations(reference: StackReference, sites: Iterable[Site], findings: Findings) -> None:
    """Note stations that have discontinuities and are neither in a solution nor in the reference.

    Raises
    ------
    FormatError
        FID-2480 under ``raise``.
    """
    if not reference.discontinuities:
        return
    known = {*sites, *reference.solutions.motions}
    lost = [" ".join(site) for site in reference.segments.sites() if site not in known]
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        findings.note(
            f"{len(lost)} stations with discontinuities are neither in a solution nor in the reference: "
            f"{', '.join(lost[:_NAMED])}{more}"
        )

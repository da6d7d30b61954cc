"""Stacking of daily station solutions into weeks, and of weeks into positions and velocities, from SINEX to SINEX."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np

from fiducial.errors import FiducialError, InputError
from fiducial.formats.strictness import Findings, Strictness
from fiducial.geodesy.epochs import decimal_year, parse_epoch
from fiducial.runs.frame_combine import read_core
from fiducial.runs.frame_stack_reference import StackReference, read_stack_reference, unknown_stations
from fiducial.runs.frame_stack_sources import DayFile, Group, Grouping, grouped, instant_of, look_over
from fiducial.runs.frame_stack_systems import SystemStore, WeekInput
from fiducial.runs.frame_stack_weeks import Week, WeekTask, weekly
from fiducial.runs.progress import progress
from fiducial.runs.station_reference import ReferenceFrame, ReferenceSite, Site
from fiducial.stations.combination_model import StationOptions
from fiducial.stations.stacking import Stack, StackFrame, StackOptions, stack_systems
from fiducial.stations.stacking_segments import SiteName, colocated_velocities

Rates = Literal["auto", "yes", "no"]
_LEAST_FOR_RATES_YR: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest:
    """What to stack.

    Attributes
    ----------
    files : tuple of Path
        SINEX files of days, or of weeks.
    reference : Path
        Cumulative SINEX solution.
    out : Path
        Folder of the products; weekly combinations are kept in its folder ``weeks``.
    discontinuities : Path or None
        SINEX file of discontinuities; those of the reference by default.
    post_seismic : Path or None
        SINEX file of post-seismic terms of the same frame solution.
    core : Path or None
        As `FrameRequest`.
    rates : {"auto", "yes", "no"}
        ``auto``: velocities when the solutions span a year.
    grouping : {"week", "day"}
    epoch_utc : datetime64[ns] or None
        Reference epoch; by default the start of the year nearest to the middle of the data, without rates the middle.
    colocated_m : float
        Velocities of stations so near to each other are equal; 0 leaves them free.
    week_options : StationOptions
    options : StackOptions
        Its ``rates`` are overruled.
    strictness : {"warn", "ignore", "raise"}
    """

    files: tuple[Path, ...]
    reference: Path
    out: Path
    discontinuities: Path | None = None
    post_seismic: Path | None = None
    core: Path | None = None
    rates: Rates = "auto"
    grouping: Grouping = "week"
    epoch_utc: np.datetime64 | None = None
    colocated_m: float = 0.0
    week_options: StationOptions = field(default_factory=StationOptions)
    options: StackOptions = field(default_factory=StackOptions)
    strictness: Strictness = "warn"


@dataclass(frozen=True, slots=True, eq=False)
class StackedFrame:
    """A stack with what it was made from.

    Attributes
    ----------
    request : StackRequest
    reference : StackReference
    epoch_utc : datetime64[ns]
        Of the positions.
    weeks : tuple of Week
    rejected : dict of str to FiducialError
        Files and weeks that were left out, and why.
    stack : Stack
    options : StackOptions
        As used.
    data_spans : dict of segment to (first, last)
        Of the data behind it, datetime64[ns].
    equal_velocities : int
        Pairs of co-located velocity segments held alike.
    findings : tuple of str
    """

    request: StackRequest
    reference: StackReference
    epoch_utc: np.datetime64
    weeks: tuple[Week, ...]
    rejected: dict[str, FiducialError]
    stack: Stack
    options: StackOptions
    data_spans: dict[SiteName, tuple[np.datetime64, np.datetime64]]
    equal_velocities: int
    findings: tuple[str, ...]

    @property
    def stack_rates(self) -> bool:
        """Whether velocities were estimated."""
        return self.options.rates


def reference_date(text: str) -> np.datetime64:
    """Return the instant of a decimal year or ISO date; FID-1310, FID-1311 as `parse_epoch`."""
    return instant_of(parse_epoch(text))


def stack_frame(request: StackRequest) -> StackedFrame:
    """Read, combine by weeks, and stack.

    Parameters
    ----------
    request : StackRequest

    Raises
    ------
    InputError
        FID-1321 no file; FID-1324 velocities are wanted of too short a span; FID-1350 the reference; FID-1354 the list of
        core stations; FID-1363 to FID-1365 discontinuities, files given twice; FID-1322 too few core stations; FID-1375 a
        distance that is none; FID-1376 another run changes the weekly files.
    NumericsError
        FID-3130, FID-3132, FID-3134 when nothing is left whose matrix can be used, or a system is singular.
    FormatError
        As `sinex.read`.

    Notes
    -----
    A file or week that cannot be used is left out and named, unless the strictness is ``raise``. One week of files is in
    memory at a time; systems of the weeks wait on the disk, in a folder that is removed at the end.
    """
    if not (np.isfinite(request.colocated_m) and request.colocated_m >= 0.0):
        raise InputError("FID-1375", f"colocated_m is {request.colocated_m:g}: no distance", where="option colocated_m",
                         fix="give metres, or 0 to leave velocities free")  # fmt: skip
    if not request.files:
        raise InputError("FID-1321", "no solution to stack", where="no file", fix="give SINEX files of days or weeks")
    reference = read_stack_reference(
        request.reference, discontinuities=request.discontinuities, post_seismic=request.post_seismic,
        strictness=request.strictness,
    )  # fmt: skip
    rejected: dict[str, FiducialError] = {}
    groups = grouped(_looked_over(request, rejected), request.grouping)
    rates = _wants_rates(request, groups)
    findings = Findings(reference.discontinuities or reference.solutions.name, request.strictness, "FID-2480")
    unknown_stations(reference, {site for group in groups for one in group.files for site in one.sites}, findings)
    core, missing = _core(request, reference)
    task = WeekTask(
        folder=request.out / "weeks", reference=reference, reference_path=request.reference, core=core,
        options=request.week_options, strictness=request.strictness,
    )  # fmt: skip
    weeks = _weeks(groups, task, rejected)
    epoch_utc = _reference_epoch(request, [one.group for one in weeks], rates=rates)
    with SystemStore(request.out) as store:
        inputs = [WeekInput(one, reference, store) for one in weeks]
        return _stacked(request, reference, weeks, inputs, epoch_utc, rejected, (*findings.texts, *missing), rates=rates,
                        core=core)  # fmt: skip


def _stacked(
    request: StackRequest, reference: StackReference, weeks: list[Week], inputs: list[WeekInput],
    epoch_utc: np.datetime64, rejected: dict[str, FiducialError], findings: tuple[str, ...], *, rates: bool,
    core: tuple[Site, ...] | None,
) -> StackedFrame:  # fmt: skip
    from dataclasses import replace

    options = replace(request.options, rates=rates)
    frame, tied = _stack_frame(request, reference, inputs, float(decimal_year(epoch_utc)), core)
    with progress("stacking weeks", len(inputs)) as advance:
        shown = 0

        def step(sweep: int, done: int, count: int) -> None:
            # How many sweeps there will be nobody knows: the bar is that of one.
            nonlocal shown
            advance(done - shown)
            shown = 0 if done == count else done
            if done == count and sweep >= 0:
                advance(-count)

        stack = stack_systems(inputs, frame, options, advance=step)
    spans: dict[SiteName, tuple[np.datetime64, np.datetime64]] = {}
    for one in inputs:
        for site, (start, end) in one.spans.items():
            first, last = spans.get(site, (start, end))
            spans[site] = min(first, start), max(last, end)
    return StackedFrame(
        request, reference, epoch_utc, tuple(weeks), rejected, stack, options, spans, tied, findings
    )  # fmt: skip


def _looked_over(request: StackRequest, rejected: dict[str, FiducialError]) -> list[DayFile]:
    found = []
    with progress("looking over files", len(request.files)) as advance:
        for path in request.files:
            try:
                found.append(look_over(path, strictness=request.strictness))
            except FiducialError as error:
                if request.strictness == "raise" or len(request.files) == 1:
                    raise
                rejected[str(path)] = error
            advance(1)
    if not found:
        raise next(iter(rejected.values()))
    return found


def _wants_rates(request: StackRequest, groups: tuple[Group, ...]) -> bool:
    span = groups[-1].epoch_yr - groups[0].epoch_yr
    least = request.options.least_span_yr
    if request.rates == "yes" and span < least:
        raise InputError(
            "FID-1324", f"{len(groups)} solutions over {span:.2f} years give no velocities", where="--rates",
            fix=f"give solutions over {least:g} years and more, or ask for positions alone with --no-rates",
        )  # fmt: skip
    return request.rates == "yes" or (request.rates == "auto" and span >= max(_LEAST_FOR_RATES_YR, least))


def _core(request: StackRequest, reference: StackReference) -> tuple[tuple[Site, ...] | None, tuple[str, ...]]:
    if request.core is None:
        return None, ()
    source = reference.solutions
    sites = {
        site: ReferenceSite(listed[0].solution, listed[0].position_m, "") for site, listed in source.motions.items()
    }
    never = np.datetime64("NaT", "ns")
    frame = ReferenceFrame(source.name, source.sha256, source.frame, never, sites, {}, "", (), ())
    listed, missing = read_core(request.core, frame)
    return tuple(dict.fromkeys(site[:2] for site in listed or ())), missing


def _weeks(groups: tuple[Group, ...], task: WeekTask, rejected: dict[str, FiducialError]) -> list[Week]:
    found = []
    with progress("combining weeks", sum(len(group.files) for group in groups)) as advance:
        for group in groups:
            try:
                found.append(weekly(group, task, advance))
            except FiducialError as error:
                if task.strictness == "raise" or len(groups) == 1:
                    raise
                rejected[group.name] = error
    if not found:
        raise next(iter(rejected.values()))
    return found


def _reference_epoch(request: StackRequest, groups: list[Group], *, rates: bool) -> np.datetime64:
    if request.epoch_utc is not None:
        return request.epoch_utc
    if not rates:
        return groups[len(groups) // 2].epoch_utc
    middle = round(0.5 * (groups[0].epoch_yr + groups[-1].epoch_yr))
    return np.datetime64(f"{middle:04d}-01-01", "ns")


def _stack_frame(
    request: StackRequest, reference: StackReference, inputs: list[WeekInput], epoch_yr: float,
    core: tuple[Site, ...] | None,
) -> tuple[StackFrame, int]:  # fmt: skip
    spans: dict[SiteName, tuple[float, float]] = {}
    for one in inputs:
        for site in dict.fromkeys(key.site for key in one.keys):
            first, last = spans.get(site, (one.epoch_yr, one.epoch_yr))
            spans[site] = min(first, one.epoch_yr), max(last, one.epoch_yr)
    positions, velocities = {}, {}
    for site in spans:
        velocity, position = reference.velocity_m_per_yr(site), reference.position_m(site, epoch_yr)
        if velocity is not None:
            velocities[site[0], site[1], reference.segments.velocity_number(site)] = velocity
        if position is not None:
            positions[site] = position
    pairs: list[tuple[SiteName, SiteName]] = []
    if request.colocated_m > 0.0:
        where = {site: xyz for one in inputs for site, xyz in one.places().items()}
        pairs = colocated_velocities(where, spans, reference.segments, request.colocated_m)
    return StackFrame(
        epoch_yr=epoch_yr, position_m=positions, velocity_m_per_yr=velocities,
        core=None if core is None else [site for site in positions if site[:2] in core],
        velocity_number=reference.segments.velocity_number, equal_velocities=pairs,
    ), len(pairs)  # fmt: skip

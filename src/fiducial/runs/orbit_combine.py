"""Combine the orbits and clocks of one day: from files to a product with its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import nanu, satellite_metadata, sinex_summary
from fiducial.formats.strictness import Strictness
from fiducial.geodesy.frames import parse_frame, same_frame
from fiducial.orbits.clock_results import ClockCombination, ClockOptions
from fiducial.orbits.combination import OrbitCombination, combine_day, prepare_day
from fiducial.orbits.eclipses import Eclipse, find_eclipses
from fiducial.orbits.frame_summary import FrameSummary
from fiducial.orbits.manoeuvres import VelocityChange, find_velocity_changes
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.orbit import Epochs, Orbit
from fiducial.orbits.satellites import Manoeuvre, SatelliteMetadata
from fiducial.orbits.stack import OrbitStack, common_grid, rotate_centre, stack_orbits
from fiducial.runs.orbit_clocks import combined_clocks
from fiducial.runs.orbit_sources import CentreData, OrbitSources, find_sources, read_centres, solution_of

Array = NDArray[np.float64]

_COMBINED_PRODUCTS: Final = ("IG", "FID")
"""First letters of the combined products of the IGS and of this program, which are made of the same centres."""

_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True, kw_only=True)
class CombineRequest:
    """What the user asks for.

    Attributes
    ----------
    sources : sequence of path
    frame_summary, metadata, nanus, earth_rotation : path, optional
        Auxiliary files; those found in the folders of ``sources`` by default.
    compare_only : sequence of str, optional
        Centres that are compared but not weighted; the combined products of the IGS by default.
    without : sequence of str
    rotations : bool
        Turn the centres by the rotations of the frame summary.
    clocks : bool
    sampling_s, clock_sampling_s : float, optional
    frame : str, optional
        Frame of the orbits, where headers do not say it or differ.
    strictness : {"ignore", "warn", "raise"}
    options : CombinationOptions
    clock_options : ClockOptions
    """

    sources: Sequence[str | Path]
    frame_summary: Path | None = None
    metadata: Path | None = None
    nanus: Path | None = None
    earth_rotation: Path | None = None
    compare_only: Sequence[str] | None = None
    without: Sequence[str] = ()
    rotations: bool = True
    clocks: bool = True
    sampling_s: float | None = None
    clock_sampling_s: float | None = None
    frame: str | None = None
    strictness: Strictness = "warn"
    options: CombinationOptions = field(default_factory=CombinationOptions)
    clock_options: ClockOptions = field(default_factory=ClockOptions)


@dataclass(frozen=True, slots=True, eq=False)
class Auxiliary:
    """What the auxiliary files say; None and empty where there is none."""

    summary: FrameSummary | None
    metadata: SatelliteMetadata | None
    manoeuvres: tuple[Manoeuvre, ...]
    paths: Mapping[str, Path]


@dataclass(frozen=True, slots=True, eq=False)
class CombinationInput:
    """Everything read and stacked, ready to be combined in one way or many.

    Attributes
    ----------
    request : CombineRequest
    centres : dict of centre to CentreData
    compared : tuple of str
    auxiliary : Auxiliary
    solution : str or None
        FIN, RAP or ULT, when the file names agree on it.
    stack : OrbitStack
        Turned by ``rotations_rad``.
    rotations_rad : dict of centre to ndarray, shape (3,)
    frame : str
    blocks, svns : dict of satellite to str
    velocity_changes : dict of centre to tuple of VelocityChange
    notes : list of str
    """

    request: CombineRequest
    centres: dict[str, CentreData]
    compared: tuple[str, ...]
    auxiliary: Auxiliary
    solution: str | None
    stack: OrbitStack
    rotations_rad: dict[str, Array]
    frame: str
    blocks: dict[str, str]
    svns: dict[str, str]
    velocity_changes: dict[str, tuple[VelocityChange, ...]]
    notes: list[str]

    @property
    def manoeuvre_begins(self) -> dict[str, np.datetime64]:
        """First announced or found manoeuvre of every satellite that lies in the day or just before."""
        begins: dict[str, np.datetime64] = {}
        found = [(one.satellite, one.begin_gps) for one in self.announced]
        found += [(change.satellite, change.begin_gps) for many in self.velocity_changes.values() for change in many]
        for satellite, begin in found:
            begins[satellite] = min(begin, begins.get(satellite, begin))
        return begins

    @property
    def announced(self) -> tuple[Manoeuvre, ...]:
        """Manoeuvres of the NANU summary that touch the epochs."""
        first, last = self.stack.epochs_gps[0], self.stack.epochs_gps[-1]
        return tuple(one for one in self.auxiliary.manoeuvres if one.end_gps >= first and one.begin_gps <= last)


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """A finished combination."""

    given: CombinationInput
    orbits: OrbitCombination
    clocks: ClockCombination | None
    orbit: Orbit
    eclipses: tuple[Eclipse, ...]


def load(request: CombineRequest) -> CombinationInput:
    """Find, read, check, stack and turn the orbits of a day.

    Raises
    ------
    InputError
        FID-1230 to FID-1232 for sources, FID-1233 for a centre to compare that is not there, FID-1234 for frames that
        differ or are not stated, FID-1202 and FID-1203 for days and sampling.
    """
    sources = find_sources(request.sources, request.without)
    notes: list[str] = []
    compared = _compared(request, sources, notes)
    solution = solution_of([path for centre, path in sources.orbits.items() if centre not in compared])
    auxiliary = _auxiliary(request, sources, solution, notes)
    notes.extend(
        f"{name}: clocks without orbits are not combined: {path.name}"
        for name, path in sorted(sources.clocks.items())
        if request.clocks and name not in sources.orbits
    )
    centres = read_centres(sources, request.strictness, clocks=request.clocks)
    frame = _frame(request, centres, compared, notes)
    orbits = {centre: data.orbit.orbit for centre, data in centres.items()}
    grid = common_grid({name: orbit for name, orbit in orbits.items() if name not in compared}, request.sampling_s)
    stack = stack_orbits(orbits, grid)
    rotations = _rotations(request, auxiliary, stack, compared, notes)
    middle = grid[0] + (grid[-1] - grid[0]) / 2
    blocks, svns = _satellites(auxiliary.metadata, stack.satellites, middle)
    changes = {
        name: find_velocity_changes(orbit.position_m, orbit.epochs_gps, orbit.satellites)
        for name, orbit in orbits.items()
        if name not in compared
    }
    return CombinationInput(
        request, centres, compared, auxiliary, solution, rotate_centre(stack, rotations), rotations, frame, blocks, svns,
        {name: within for name, many in changes.items() if (within := _within(many, grid))}, notes,
    )  # fmt: skip


def combine(given: CombinationInput) -> Combined:
    """Combine orbits, then clocks on the combined orbits.

    Raises
    ------
    InputError
        FID-1204 when nothing is left to combine; FID-1206 when clocks are asked for and no centre has any.
    """
    request = given.request
    day = prepare_day(
        given.stack, given.compared, request.options, blocks=given.blocks, manoeuvres=given.manoeuvre_begins
    )
    orbits = combine_day(day, request.options)
    clocks = combined_clocks(given, orbits) if request.clocks else None
    orbit = _with_clocks(orbits.orbit, clocks, given.frame)
    return Combined(given, orbits, clocks, orbit, find_eclipses(orbit))


def _compared(request: CombineRequest, sources: OrbitSources, notes: list[str]) -> tuple[str, ...]:
    if request.compare_only is None:
        chosen = tuple(name for name in sources.orbits if name.startswith(_COMBINED_PRODUCTS))
        if chosen:
            notes.append(f"{', '.join(chosen)}: combined products, compared only (see --compare-only)")
    else:
        chosen = tuple(name.upper() for name in request.compare_only)
    unknown = sorted(set(chosen) - set(sources.orbits))
    if unknown:
        raise InputError(
            "FID-1233", f"no orbit file of {', '.join(unknown)}, which shall be compared", where="--compare-only",
            fix=f"choose among {', '.join(sources.orbits)}",
        )  # fmt: skip
    if not set(sources.orbits) - set(chosen):
        raise InputError(
            "FID-1204", "every centre is compared only, none is left to combine", where=", ".join(sources.orbits),
            fix="choose with --compare-only which centres are not combined; '' for none",
        )  # fmt: skip
    return chosen


def _auxiliary(request: CombineRequest, sources: OrbitSources, solution: str | None, notes: list[str]) -> Auxiliary:
    stated = {
        "frame summary": request.frame_summary, "satellite metadata": request.metadata,
        "NANU summary": request.nanus, "earth rotation": request.earth_rotation,
    }  # fmt: skip
    paths = {**sources.auxiliary, **{kind: path for kind, path in stated.items() if path is not None}}
    if not request.rotations and "frame summary" in paths:
        del paths["frame summary"]
        notes.append("without rotations the frame summary is not used, and there is no ERP file")
    for kind, path in paths.items():
        if stated[kind] is None:
            notes.append(f"{kind} found beside the orbits: {path.name}")
    summary = (
        sinex_summary.read(paths["frame summary"], strictness=request.strictness) if "frame summary" in paths else None
    )
    metadata = satellite_metadata.read(paths["satellite metadata"]) if "satellite metadata" in paths else None
    announced: tuple[Manoeuvre, ...] = ()
    if "NANU summary" in paths:
        line = solution if solution in ("FIN", "RAP", "ULT") else "FIN"
        announced = nanu.manoeuvres(nanu.read(paths["NANU summary"]), line)  # type: ignore[arg-type]
    return Auxiliary(summary, metadata, announced, paths)


def _frame(request: CombineRequest, centres: dict[str, CentreData], compared: Sequence[str], notes: list[str]) -> str:
    """The frame that all recognised headers name; a cut or unknown label is told, never guessed."""
    labels = {name: data.orbit.orbit.frame for name, data in centres.items()}
    if request.frame is not None:
        wanted = parse_frame(request.frame)
        for name, label in labels.items():
            if label and not same_frame(label, wanted):
                notes.append(f"{name}: header says {label}, taken as {request.frame} on request")
        return request.frame
    stated = {name: label for name, label in labels.items() if label and name not in compared}
    if not stated:
        raise InputError(
            "FID-1234", "no orbit file names its terrestrial frame in full", where=", ".join(centres),
            fix="say it with --frame, such as --frame IGS20",
        )  # fmt: skip
    first = next(iter(stated.values()))
    other = {name: label for name, label in stated.items() if not same_frame(label, first)}
    if other:
        told = ", ".join(f"{name}: {label}" for name, label in stated.items())
        raise InputError(
            "FID-1234", f"the orbits are in different frames ({told})", where=", ".join(other),
            fix="transform or leave out the orbits of another frame, or say with --frame what all of them are in",
        )  # fmt: skip
    for name, data in centres.items():
        label = data.orbit.header.frame_label
        if not labels[name]:
            notes.append(f"{name}: frame label {label!r} names no frame; taken as {first}: see its Helmert parameters")
        elif name in compared and not same_frame(labels[name], first):
            notes.append(f"{name}: compared in {labels[name]} with {first}: the frames are part of the differences")
    return first


def _rotations(
    request: CombineRequest, auxiliary: Auxiliary, stack: OrbitStack, compared: Sequence[str], notes: list[str]
) -> dict[str, Array]:
    if auxiliary.summary is None or not request.rotations:
        return {}
    date = stack.epochs_gps[0]
    if auxiliary.summary.day_of_week(date) is None:
        raise InputError(
            "FID-1235",
            f"the frame summary is of GPS week {auxiliary.summary.week}, the orbits are of {str(date)[:10]}",
            where=auxiliary.paths["frame summary"].name,
            fix="give the summary of the week of the orbits, or --no-rotations",
        )
    if stack.epochs_gps[-1] - date >= _DAY:
        notes.append("the rotations of the first day are applied to the whole arc, which is longer than a day")
    found: dict[str, Array] = {}
    for name in stack.centres:
        if name in compared:
            continue
        rotation = auxiliary.summary.rotation_rad(name, date)
        if rotation is None:
            notes.append(f"{name}: not in the frame summary, combined without a rotation")
        else:
            found[name] = rotation
    return found


def _satellites(
    metadata: SatelliteMetadata | None, satellites: tuple[str, ...], epoch: np.datetime64
) -> tuple[dict[str, str], dict[str, str]]:
    if metadata is None:
        return {}, {}
    blocks = {name: block for name in satellites if (block := metadata.block(name, epoch))}
    svns = {name: svn for name in satellites if (svn := metadata.svn(name, epoch))}
    return blocks, svns


def _within(changes: tuple[VelocityChange, ...], epochs: Epochs) -> tuple[VelocityChange, ...]:
    return tuple(change for change in changes if change.end_gps >= epochs[0] and change.begin_gps <= epochs[-1])


def _with_clocks(orbit: Orbit, clocks: ClockCombination | None, frame: str) -> Orbit:
    clock, sigma = orbit.clock_s.copy(), np.full(orbit.clock_s.shape, np.nan)
    if clocks is not None:
        column = [clocks.satellites.index(name) for name in orbit.satellites]
        _, here, there = np.intersect1d(orbit.epochs_gps, clocks.epochs_gps, assume_unique=True, return_indices=True)
        clock[here] = clocks.clock_s[np.ix_(there, np.array(column, dtype=np.intp))]
        sigma[here] = clocks.sigma_s[np.ix_(there, np.array(column, dtype=np.intp))]
    return Orbit(
        epochs_gps=orbit.epochs_gps, satellites=orbit.satellites, position_m=orbit.position_m, clock_s=clock,
        frame=frame, position_sigma_m=orbit.position_sigma_m, clock_sigma_s=sigma, accuracy_m=orbit.accuracy_m,
    )  # fmt: skip

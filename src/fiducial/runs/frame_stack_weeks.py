"""The solutions of one week combined, written as SINEX, and used again when nothing that they come from has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial.errors import FiducialError, InputError
from fiducial.formats import sinex
from fiducial.formats.atomic import atomic_file
from fiducial.formats.igs_names import LongName, ProductName
from fiducial.formats.name_parts import Period
from fiducial.formats.strictness import Strictness
from fiducial.runs.frame_combine import FrameCombination, FrameRequest
from fiducial.runs.frame_report import build_report
from fiducial.runs.frame_report_model import FrameReport
from fiducial.runs.frame_solution import combined_solution
from fiducial.runs.frame_stack_reference import StackReference
from fiducial.runs.frame_stack_sources import Group, read_day
from fiducial.runs.station_reference import ReferenceFrame, ReferenceSite, Site
from fiducial.runs.station_sources import CentreFile, match_sites
from fiducial.stations.combination import combine_stations
from fiducial.stations.combination_model import SiteName, StationOptions
from fiducial.stations.solution import StationSolution
from fiducial.stations.systems import CentreSolution, unconstrained_normal

PRODUCT: Final = ProductName("FID", "TST", "SNX")
_STEP_VERSION: Final = 1
"""To be raised when the same input would give another combination."""
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekTask:
    """What all weeks share.

    Attributes
    ----------
    folder : Path
        Where weekly files are.
    reference : StackReference
    reference_path : Path
    core : tuple of (code, point), or None
    options : StationOptions
    strictness : {"warn", "ignore", "raise"}
    """

    folder: Path
    reference: StackReference
    reference_path: Path
    core: tuple[Site, ...] | None
    options: StationOptions
    strictness: Strictness

    def path(self, group: Group) -> Path:
        """Return where the combination of a group is written."""
        start = group.start.astype("datetime64[ns]")
        return self.folder / LongName(PRODUCT, start, Period(group.days, "D"), Period(1, "D"), "SOL", "SNX").build()

    def key(self, group: Group) -> str:
        """Return a digest of all that a combination comes from."""
        parts: dict[str, Any] = {
            "version": _STEP_VERSION, "files": [[one.name, one.sha256] for one in group.files],
            "reference": self.reference.hashes, "core": self.core, "options": asdict(self.options),
            "strictness": self.strictness,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """A weekly combination on the disk.

    Attributes
    ----------
    group : Group
    path : Path
        Its SINEX file.
    report : FrameReport
        Of the combination of its days.
    left_out : dict of day to dict of station to str
    reused : bool
        Whether it was there before.
    sha256 : str
        Of the SINEX file.
    """

    group: Group
    path: Path
    report: FrameReport
    left_out: dict[str, dict[str, str]]
    reused: bool
    sha256: str

    def solution(self) -> StationSolution:
        """Read the SINEX file.

        Raises
        ------
        InputError
            FID-1376 when it is no longer the one of this stack.
        """
        file = sinex.read(self.path)
        if file.sha256 != self.sha256:
            raise InputError(
                "FID-1376", "a weekly file is not the one that this stack made: another stack writes into the same folder",
                where=str(self.path), fix="give every stack a folder of its own, or run one after the other",
            )  # fmt: skip
        return file.solution


def weekly(group: Group, task: WeekTask, advance: Callable[[float], None]) -> Week:
    """Combine the solutions of a week, or take the combination that is there.

    Raises
    ------
    InputError, NumericsError, FormatError
        When none of its solutions can be used, or what is left gives no combination.
    """
    found = _kept(group, task)
    if found is not None:
        advance(len(group.files))
        return found
    combination, left_out = _combined(group, task, advance)
    path = task.path(group)
    content = sinex.to_bytes(combined_solution(combination))
    report = build_report(combination, [path.name])
    with atomic_file(path) as partial:
        partial.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    record = {
        "key": task.key(group), "sinex_sha256": digest, "left_out": left_out,
        "report": report.model_dump(mode="json"),
    }  # fmt: skip
    with atomic_file(path.with_suffix(".JSON")) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return Week(group, path, report, left_out, reused=False, sha256=digest)


def _kept(group: Group, task: WeekTask) -> Week | None:
    """Return the combination on the disk when it is whole and comes from the same input."""
    path = task.path(group)
    try:
        record = json.loads(path.with_suffix(".JSON").read_text(encoding="utf-8"))
        if record["key"] != task.key(group) or record["sinex_sha256"] != hashlib.sha256(path.read_bytes()).hexdigest():
            return None
        report = FrameReport.model_validate(record["report"])
        left_out = {str(day): dict(sites) for day, sites in record["left_out"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Damaged, or of an older version: made again.
        return None
    return Week(group, path, report, left_out, reused=True, sha256=record["sinex_sha256"])


def _combined(
    group: Group, task: WeekTask, advance: Callable[[float], None]
) -> tuple[FrameCombination, dict[str, dict[str, str]]]:
    files: list[CentreFile] = []
    solutions: list[CentreSolution] = []
    rejected: dict[str, FiducialError] = {}
    left_out: dict[str, dict[Site, str]] = {}
    for day in group.files:
        try:
            file, solution, gone = read_day(day, group.epoch_utc, task.reference, strictness=task.strictness)
            unconstrained_normal(solution)
        except FiducialError as error:
            if task.strictness == "raise":
                raise
            rejected[day.name] = error
        else:
            files.append(file)
            solutions.append(solution)
            left_out[day.name] = gone
        advance(1)
    if not solutions:
        raise next(iter(rejected.values()))
    frame, coordinates = _reference(group, task, solutions)
    excluded, lost, findings = match_sites(files, frame)
    without = {
        one.name: {key.site for key in one.keys if key.code
                   and (key.site[:2] in excluded[one.name] or key.site[:2] in left_out[one.name])}
        for one in solutions
    }  # fmt: skip
    coordinates = {site: xyz for site, xyz in coordinates.items() if site[:2] not in lost}
    core = None if task.core is None else [site for site in coordinates if site[:2] in task.core]
    result = combine_stations(
        solutions, coordinates, core, task.options, left_out={name: sites for name, sites in without.items() if sites}
    )
    request = FrameRequest(
        files=tuple(one.path for one in group.files), reference=task.reference_path, options=task.options,
        strictness=task.strictness, post_seismic=Path(frame.post_seismic) if frame.post_seismic else None,
    )  # fmt: skip
    texts = {
        day: {" ".join(site): why for site, why in sites.items()} | {" ".join(site): "moved, or another station"
                                                                     for site in excluded[day]}
        for day, sites in left_out.items()
    }  # fmt: skip
    found = FrameCombination(request, frame, tuple(files), {}, result, findings)
    # Files that could not be read are not among its inputs.
    notes = tuple(f"{name} is left out: {error.code} {error.problem}" for name, error in rejected.items())
    return replace(found, findings=(*notes, *findings)), {day: sites for day, sites in texts.items() if sites}


def _reference(
    group: Group, task: WeekTask, solutions: Sequence[CentreSolution]
) -> tuple[ReferenceFrame, dict[SiteName, np.ndarray]]:
    """Reference coordinates of all segments in a week, at its epoch."""
    source, epoch = task.reference.solutions, group.epoch_yr
    coordinates: dict[SiteName, np.ndarray] = {}
    sites: dict[Site, ReferenceSite] = {}
    segments = dict.fromkeys(key.site for one in solutions for key in one.keys if key.code)
    missing: dict[Site, str] = {}
    for segment in segments:
        steady = task.reference.position_m(segment, epoch)
        if steady is None:
            missing[segment[:2]] = f"the reference has no segment {segment[2]} with position and velocity"
            continue
        coordinates[segment] = steady + task.reference.post_seismic_m(segment[:2], epoch)
        sites[segment[:2]] = ReferenceSite(segment[2], coordinates[segment], source.domes.get(segment[:2], ""))
    moved = tuple(site for site in source.models if site in sites)
    return ReferenceFrame(source.name, source.sha256, source.frame, group.epoch_utc, sites, missing, source.models_name,
                          moved, source.findings), coordinates  # fmt: skip

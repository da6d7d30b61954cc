"""Combination of daily station solutions into a reference frame, from SINEX files to SINEX and report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fiducial.errors import FiducialError, InputError
from fiducial.formats import sinex, sinex_summary_writer
from fiducial.formats.atomic import atomic_file
from fiducial.formats.igs_names import LongName, ProductName
from fiducial.formats.name_parts import Period
from fiducial.formats.strictness import Strictness
from fiducial.formats.text_source import open_source
from fiducial.runs.frame_report_model import FrameReport
from fiducial.runs.station_reference import ReferenceFrame, Site, read_reference
from fiducial.runs.station_sources import CentreFile, centre_solution, common_epoch, match_sites, read_centre
from fiducial.stations.combination import combine_stations
from fiducial.stations.combination_model import SiteName, StationCombination, StationOptions
from fiducial.stations.systems import CentreSolution, unconstrained_normal

_NAME: Final = ProductName("FID", "TST", "SNX")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRequest:
    """What to combine.

    Attributes
    ----------
    files : tuple of Path
        SINEX files of one day.
    reference : Path
        Cumulative SINEX solution.
    core : Path or None
        List of stations that hold the datum, a code and optionally a point a line; all of the reference by default.
    post_seismic : Path or None
        SINEX of post-seismic terms of the same frame solution.
    options : StationOptions
    strictness : {"warn", "ignore", "raise"}
    """

    files: tuple[Path, ...]
    reference: Path
    core: Path | None = None
    post_seismic: Path | None = None
    options: StationOptions = field(default_factory=StationOptions)
    strictness: Strictness = "warn"


@dataclass(frozen=True, slots=True, eq=False)
class FrameCombination:
    """A combination with what it was made from.

    Attributes
    ----------
    request : FrameRequest
    reference : ReferenceFrame
    files : tuple of CentreFile
    rejected : dict of centre to FiducialError
        Centres that were left out, and why.
    result : StationCombination
    findings : tuple of str
        Of sites over all files.
    """

    request: FrameRequest
    reference: ReferenceFrame
    files: tuple[CentreFile, ...]
    rejected: dict[str, FiducialError]
    result: StationCombination
    findings: tuple[str, ...]


def combine_frame(request: FrameRequest) -> FrameCombination:
    """Read solutions and reference, and combine.

    Parameters
    ----------
    request : FrameRequest

    Raises
    ------
    InputError
        FID-1351 to FID-1353 solutions that cannot be used together; FID-1350 the reference; FID-1354 the list of core
        stations; FID-1321, FID-1322 too few solutions or core stations.
    NumericsError
        FID-3130, FID-3134 when no centre is left whose matrix can be used; FID-3131, FID-3132 a datum is missing.
    FormatError
        As `sinex.read`.

    Notes
    -----
    A centre whose matrix is not positive definite or which has no usable station is left out and named.
    """
    files = tuple(read_centre(path, strictness=request.strictness) for path in request.files)
    if not files:
        raise InputError("FID-1321", "no solution to combine", where="no file", fix="give SINEX files of one day")
    epoch = common_epoch(files)
    reference = read_reference(
        request.reference, epoch, post_seismic=request.post_seismic, strictness=request.strictness
    )
    excluded, lost, findings = match_sites(files, reference)
    numbers = {site: one.solution for site, one in reference.sites.items()}
    solutions, rejected = _solutions(files, numbers)
    coordinates = {(*site, one.solution): one.position_m for site, one in reference.sites.items() if site not in lost}
    core, missing = read_core(request.core, reference)
    left_out = {name: {(*site, numbers.get(site, "1")) for site in sites} for name, sites in excluded.items() if sites}
    present = {key.site for one in solutions for key in one.keys}
    result = combine_stations(
        solutions, {site: xyz for site, xyz in coordinates.items() if site in present},
        None if core is None else [site for site in core if site in present], request.options, left_out=left_out,
    )  # fmt: skip
    return FrameCombination(request, reference, files, rejected, result, (*findings, *missing))


def _solutions(
    files: Sequence[CentreFile], numbers: dict[Site, str]
) -> tuple[list[CentreSolution], dict[str, FiducialError]]:
    solutions: list[CentreSolution] = []
    rejected: dict[str, FiducialError] = {}
    for file in files:
        try:
            solution = centre_solution(file, numbers)
            unconstrained_normal(solution)
        except FiducialError as error:
            rejected[file.name] = error
        else:
            solutions.append(solution)
    if not solutions:
        raise next(iter(rejected.values()))
    return solutions, rejected


def read_core(path: Path | None, reference: ReferenceFrame) -> tuple[list[SiteName] | None, tuple[str, ...]]:
    """Read a list of core stations: a code, and a point where it is not A, on each line; # starts a comment.

    Returns
    -------
    sites : list of (code, point, solution), or None without a list
    findings : tuple of str
        Stations that the reference lacks.

    Raises
    ------
    InputError
        FID-1354 when a line is no station, or the reference has none of them.
    """
    if path is None:
        return None, ()
    source = open_source(path)
    sites: list[SiteName] = []
    missing: list[str] = []
    for number, line in enumerate(source.data.decode("latin-1").splitlines(), start=1):
        words = line.partition("#")[0].upper().split()
        if not words:
            continue
        if len(words) > 3 or len(words[0]) != 4 or (len(words) > 1 and len(words[1]) > 2):
            raise InputError("FID-1354", f"{line.strip()!r} is no station", where=f"{source.name}, line {number}",
                             fix="give a code of four letters and a point on each line, such as ZIMM A")  # fmt: skip
        site = words[0], words[1] if len(words) > 1 else "A"
        if site in reference.sites:
            sites.append((*site, reference.sites[site].solution))
        else:
            missing.append(" ".join(site))
    # A station that is listed twice holds the datum once.
    sites, missing = list(dict.fromkeys(sites)), list(dict.fromkeys(missing))
    if not sites:
        raise InputError("FID-1354", "the reference has none of the core stations", where=source.name,
                         fix=f"give stations of {reference.name}")  # fmt: skip
    findings = f"{source.name}: core stations without reference coordinates: {', '.join(missing)}"
    return sites, (findings,) if missing else ()


def write_frame(found: FrameCombination, out: Path, *, overwrite: bool = False) -> FrameReport:
    """Write the combined solution, its Earth rotation, the summary of its centres, and the report as JSON and text.

    The summary is in the layout of the IGS: a combination of orbits takes the rotations of the centres from it.

    Parameters
    ----------
    found : FrameCombination
    out : Path
        Folder; made when missing.
    overwrite : bool

    Raises
    ------
    InputError
        FID-1002 when a file exists already; FID-1355 when the folder cannot be written.
    """
    from fiducial.runs.frame_combination_summary import combination_summary
    from fiducial.runs.frame_report import build_report
    from fiducial.runs.frame_report_text import render_text
    from fiducial.runs.frame_rotation import combined_rotation, rotation_bytes
    from fiducial.runs.frame_solution import combined_solution

    day = found.reference.epoch_utc.astype("datetime64[D]").astype("datetime64[ns]")
    names = {
        (content, ending): LongName(_NAME, day, Period(1, "D"), Period(1, "D"), content, ending).build()
        for content, ending in (("SOL", "SNX"), ("ERP", "ERP"), ("SUM", "YML"), ("SUM", "TXT"), ("SUM", "JSON"))
    }
    rotation, notes = combined_rotation(found.result)
    products = {names["SOL", "SNX"]: sinex.to_bytes(combined_solution(found))}
    if rotation is None:
        del names["ERP", "ERP"]
    else:
        _, xyz, _ = found.result.positions()
        centres = [one.name for one in found.result.centres]
        products[names["ERP", "ERP"]] = rotation_bytes(rotation, len(xyz), centres)
    report = build_report(found, list(names.values()))
    report.notes.extend(notes)
    contents = {
        **products,
        names["SUM", "YML"]: sinex_summary_writer.to_bytes(combination_summary(found)),
        names["SUM", "TXT"]: render_text(report).encode("ascii", "replace"),
        names["SUM", "JSON"]: (report.model_dump_json(indent=1) + "\n").encode(),
    }
    publish(contents, out, overwrite=overwrite)
    return report


def publish(contents: dict[str, bytes], out: Path, *, overwrite: bool) -> None:
    """Write files so that all are on the disk before the first appears; errors as `write_frame`."""
    refuse_existing(out, contents, overwrite=overwrite)
    try:
        # All are on the disk before the first appears.
        with ExitStack() as files:
            for name, content in reversed(contents.items()):
                files.enter_context(atomic_file(out / name, overwrite=overwrite)).write_bytes(content)
    except OSError as error:
        raise InputError(
            "FID-1355", f"the product cannot be written: {error.strerror or error}", where=str(out),
            fix="give a folder that can be made and written, on a disk with room",
        ) from error  # fmt: skip


def refuse_existing(out: Path, names: Collection[str], *, overwrite: bool) -> None:
    """Raise FID-1002 when a file is there that may not be replaced."""
    existing = [name for name in names if (out / name).exists()]
    if existing and not overwrite:
        raise InputError(
            "FID-1002", f"output exists already: {existing[0]}", where=str(out),
            fix="choose another folder, or allow overwriting with --overwrite",
        )  # fmt: skip

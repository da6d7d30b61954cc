"""The reference frame of a day: a cumulative SINEX solution propagated to its epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, FormatError, InputError
from fiducial.formats import sinex
from fiducial.formats.sinex import SinexFile
from fiducial.formats.strictness import Strictness
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.propagation import Discontinuity, LinearMotion, PostSeismicModel, PostSeismicTerm, propagate
from fiducial.runs.frame_transform_checks import frame_doubt
from fiducial.stations.solution import ParameterTable, StationSolution, coordinate_rows
from fiducial.stations.solution_tables import POSITION_TYPES, VELOCITY_TYPES, PostSeismicTable

Array = NDArray[np.float64]
Site = tuple[str, str]

_BLOCKS: Final = ("FILE/REFERENCE", "SITE/ID", "SOLUTION/EPOCHS", "SOLUTION/DISCONTINUITY", "SOLUTION/ESTIMATE")
_SAME_EPOCH_YR: Final = 1.0 / 365.25


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSite:
    """A station of the reference frame at an epoch.

    Attributes
    ----------
    solution : str
        Number of the solution that holds.
    position_m : ndarray, shape (3,)
    domes : str
    covariance_m2 : ndarray, shape (3, 3), or None
        From the standard deviations of position and velocity, which are taken as uncorrelated, plus that of the
        post-seismic parameters; None where the reference gives none.
    """

    solution: str
    position_m: Array
    domes: str
    covariance_m2: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSolutions:
    """A cumulative solution: how its stations move, at all epochs.

    Attributes
    ----------
    name, sha256, frame : str
        As in `ReferenceFrame`.
    motions : dict of (code, point) to list of LinearMotion
        Solutions of each station.
    intervals : dict of (code, point) to list of Discontinuity
        When which one holds.
    from_spans : bool
        Whether the intervals come from the data spans, for want of a table of discontinuities.
    models : dict of (code, point) to PostSeismicModel
    models_name, models_sha256 : str
        File of post-seismic models; empty without.
    domes : dict of (code, point) to str
    findings : tuple of str
    """

    name: str
    sha256: str
    frame: str
    motions: dict[Site, list[LinearMotion]]
    intervals: dict[Site, list[Discontinuity]]
    from_spans: bool
    models: dict[Site, PostSeismicModel]
    models_name: str
    models_sha256: str
    domes: dict[Site, str]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceFrame:
    """A reference frame at one epoch.

    Attributes
    ----------
    name, sha256 : str
        Of the file.
    frame : str
        As the file states it; empty when it does not.
    epoch_utc : datetime64[ns]
    sites : dict of (code, point) to ReferenceSite
    left_out : dict of (code, point) to str
        Why a station of the file has no coordinates at the epoch.
    post_seismic : str
        File of post-seismic models; empty without.
    post_seismic_sites : tuple of (code, point)
        Stations that were moved by one.
    findings : tuple of str
        What reading repaired.
    """

    name: str
    sha256: str
    frame: str
    epoch_utc: np.datetime64
    sites: dict[Site, ReferenceSite]
    left_out: dict[Site, str]
    post_seismic: str
    post_seismic_sites: tuple[Site, ...]
    findings: tuple[str, ...]


def read_reference(
    path: Path | str, epoch_utc: np.datetime64, *, post_seismic: Path | str | None = None,
    strictness: Strictness = "warn",
) -> ReferenceFrame:  # fmt: skip
    """Read a cumulative solution and propagate its stations.

    Parameters
    ----------
    path : path
        SINEX with positions and velocities.
    epoch_utc : datetime64[ns]
    post_seismic : path, optional
        SINEX of post-seismic terms *of the same frame solution*.
    strictness : {"warn", "ignore", "raise"}
        For faults of the files that can be repaired.

    Raises
    ------
    InputError
        FID-1350 when no station has coordinates at the epoch, for want of positions, velocities or a solution that holds.
    FormatError
        As `sinex.read`; FID-2464 when the post-seismic file has no terms.

    Notes
    -----
    The solution of a station that holds at the epoch comes from SOLUTION/DISCONTINUITY, or else from the data spans of
    SOLUTION/EPOCHS: before the first and after the last span the nearest solution holds, between two spans none, for
    nobody says where there the station jumped. Coordinates are regularised: post-seismic terms are added to them.
    """
    return reference_at(read_solutions(path, post_seismic=post_seismic, strictness=strictness), epoch_utc)


def read_solutions(
    path: Path | str, *, post_seismic: Path | str | None = None, strictness: Strictness = "warn"
) -> ReferenceSolutions:
    """Read a cumulative solution; parameters and errors as `read_reference`."""
    file = sinex.read(path, blocks=_BLOCKS, strictness=strictness)
    motions = _motions(file.solution)
    models, source, findings = _models(post_seismic, motions, strictness, file.solution.reference_frame)
    return ReferenceSolutions(
        file.name, file.sha256, file.solution.reference_frame, motions, intervals_of(file.solution),
        file.solution.discontinuities is None, models, *source, domes_of(file.solution), (*file.findings, *findings),
    )  # fmt: skip


def reference_at(solutions: ReferenceSolutions, epoch_utc: np.datetime64) -> ReferenceFrame:
    """Propagate the stations of a cumulative solution; errors as `read_reference`."""
    epoch_yr = float(decimal_year(epoch_utc))
    models = solutions.models
    sites: dict[Site, ReferenceSite] = {}
    left_out: dict[Site, str] = {}
    for site, listed in solutions.motions.items():
        try:
            found = propagate(
                _usable(listed, epoch_yr), [epoch_yr], discontinuities=solutions.intervals.get(site, ()),
                post_seismic=models.get(site), start="regularised" if site in models else None,
            )  # fmt: skip
        except FiducialError as error:
            left_out[site] = error.problem
            continue
        covariance = None if found.covariance_m2 is None else found.covariance_m2[0]
        sites[site] = ReferenceSite(found.solutions[0], found.position_m[0], solutions.domes.get(site, ""), covariance)
    if not sites:
        reasons = sorted(set(left_out.values())) or ["it has no station positions"]
        raise InputError(
            "FID-1350", f"no station has reference coordinates at {epoch_yr:.4f}: {reasons[0]}", where=solutions.name,
            fix="give the SINEX file of a cumulative solution with positions, velocities and data spans",
        )  # fmt: skip
    moved = tuple(site for site in models if site in sites)
    return ReferenceFrame(
        solutions.name, solutions.sha256, solutions.frame, epoch_utc, sites, left_out, solutions.models_name, moved,
        solutions.findings,
    )  # fmt: skip


def domes_of(solution: StationSolution) -> dict[Site, str]:
    """Return the DOMES numbers of a solution, where there are any."""
    table = solution.sites
    if table is None:
        return {}
    rows = zip(table.codes.tolist(), table.points.tolist(), table.domes.tolist(), strict=True)
    return {(code, point): domes for code, point, domes in rows if domes.strip("- M")}


def _motions(solution: StationSolution) -> dict[Site, list[LinearMotion]]:
    positions, velocities = solution.positions(), solution.velocities()
    names = zip(velocities.codes.tolist(), velocities.points.tolist(), velocities.solns.tolist(), strict=True)
    spreads = _sigmas(solution.estimate, VELOCITY_TYPES)
    velocity = {name: (xyz, spread) for name, xyz, spread in zip(names, velocities.xyz, spreads, strict=True)}
    found: dict[Site, list[LinearMotion]] = {}
    known = ~np.isnat(positions.epochs_utc)
    years = np.full(len(known), np.nan)
    years[known] = decimal_year(positions.epochs_utc[known])
    unknown = np.full(3, np.nan)
    rows = zip(positions.codes.tolist(), positions.points.tolist(), positions.solns.tolist(), strict=True)
    spreads = _sigmas(solution.estimate, POSITION_TYPES)
    for (code, point, number), xyz, spread, year in zip(rows, positions.xyz, spreads, years.tolist(), strict=True):
        if not np.isfinite(xyz).all() or np.isnan(year):
            continue
        moving, rate_spread = velocity.get((code, point, number), (unknown, unknown))
        sigma = np.concatenate([spread, rate_spread])
        covariance = np.diag(sigma**2) if np.isfinite(sigma).all() else None
        motion = LinearMotion(f"{code} {point}", number, xyz, moving, year, covariance)
        found.setdefault((code, point), []).append(motion)
    return found


def _sigmas(table: ParameterTable, types: tuple[str, str, str]) -> Array:
    rows = coordinate_rows(table, types)
    return np.where(rows >= 0, table.sigmas[rows], np.nan) if len(table) else np.zeros((0, 3))


def _usable(solutions: list[LinearMotion], epoch_yr: float) -> list[LinearMotion]:
    """Return solutions that reach the epoch: those of that day need no velocity."""
    found = []
    for motion in solutions:
        if np.isfinite(motion.velocity_m_per_yr).all():
            found.append(motion)
        elif abs(motion.reference_epoch_yr - epoch_yr) <= _SAME_EPOCH_YR:
            found.append(replace(motion, velocity_m_per_yr=np.zeros(3)))
        else:
            raise InputError(
                "FID-1350", f"no velocity takes coordinates of {motion.reference_epoch_yr:.4f} to {epoch_yr:.4f}",
                where=motion.station, fix="give a cumulative solution with velocities",
            )  # fmt: skip
    return found


def intervals_of(solution: StationSolution) -> dict[Site, list[Discontinuity]]:
    """Return when which solution of a station holds: by its discontinuities, or else by its data spans."""
    table = solution.discontinuities
    found: dict[Site, list[Discontinuity]] = {}
    if table is not None:
        starts, ends = _years(table.start_utc, -np.inf), _years(table.end_utc, np.inf)
        rows = zip(table.codes.tolist(), table.points.tolist(), table.solns.tolist(), table.kinds.tolist(), strict=True)
        for (code, point, number, kind), start, end in zip(rows, starts.tolist(), ends.tolist(), strict=True):
            if kind in {"P", "V"}:
                row = Discontinuity(f"{code} {point}", number, start, end, kind)
                found.setdefault((code, point), []).append(row)
        return found
    spans = solution.spans
    if spans is None:
        return found
    gathered: dict[Site, list[tuple[float, float, str]]] = {}
    starts, ends = _years(spans.start_utc, -np.inf), _years(spans.end_utc, np.inf)
    names = zip(spans.codes.tolist(), spans.points.tolist(), spans.solns.tolist(), strict=True)
    for (code, point, number), start, end in zip(names, starts.tolist(), ends.tolist(), strict=True):
        gathered.setdefault((code, point), []).append((start, end, number))
    for site, rows_of_site in gathered.items():
        ordered = sorted(rows_of_site)
        for place, (start, end, number) in enumerate(ordered):
            first = -np.inf if place == 0 else start
            last = np.inf if place == len(ordered) - 1 else end
            found.setdefault(site, []).append(Discontinuity(" ".join(site), number, first, last, "P"))
    return found


def _years(instants: NDArray[np.datetime64], open_end: float) -> Array:
    years = np.full(len(instants), open_end)
    known = ~np.isnat(instants)
    years[known] = decimal_year(instants[known])
    return years


def _models(
    path: Path | str | None, motions: dict[Site, list[LinearMotion]], strictness: Strictness, frame: str
) -> tuple[dict[Site, PostSeismicModel], tuple[str, str], tuple[str, ...]]:
    if path is None:
        return {}, ("", ""), ()
    file: SinexFile = sinex.read(path, strictness=strictness)
    table = file.solution.post_seismic()
    if not len(table):
        raise FormatError("FID-2464", "no post-seismic terms", where=file.name,
                          fix="give the post-seismic file of the frame solution, with AEXP_, TEXP_, ALOG_, TLOG_")  # fmt: skip
    terms: dict[Site, list[PostSeismicTerm]] = {}
    places: dict[Site, list[int]] = {}
    years = decimal_year(table.epochs_utc)
    for row, year in enumerate(years.tolist()):
        site = str(table.codes[row]), str(table.points[row])
        component, model = str(table.components[row]), str(table.models[row]).lower()
        terms.setdefault(site, []).append(
            PostSeismicTerm(
                year, component, model, float(table.amplitude_m[row]), float(table.time_constant_yr[row]),  # type: ignore[arg-type]
            )
        )  # fmt: skip
        places.setdefault(site, []).append(row)
    models = {}
    for site, listed in terms.items():
        if site in motions:
            longitude, latitude, _ = geodetic_from_geocentric(motions[site][0].position_m[np.newaxis])
            covariance = model_covariance(table, places[site], file.solution.covariance)
            models[site] = PostSeismicModel(
                " ".join(site), float(longitude[0]), float(latitude[0]), tuple(listed), covariance
            )
    doubt = frame_doubt(file.name, frame, file.solution.reference_frame)
    return models, (file.name, file.sha256), (*file.findings, *doubt)


def model_covariance(table: PostSeismicTable, rows: list[int], whole: Array | None) -> Array | None:
    """Return the covariance of amplitude and relaxation time of the first term, then of the second: one station's terms.

    Without a matrix of the file standard deviations serve; None where there are none.
    """
    if whole is not None:
        pairs = np.stack([table.amplitude_index[rows], table.time_constant_index[rows]], axis=1).ravel()
        return np.asarray(whole[np.ix_(pairs, pairs)], dtype=np.float64)
    variances = table.covariance[rows][:, [0, 1], [0, 1]].ravel()
    return np.diag(variances) if np.isfinite(variances).all() else None

"""A SINEX solution in another frame and at another epoch: positions, velocities, covariance, constraints."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.errors import FiducialError, InputError
from fiducial.formats.creation_time import creation_time
from fiducial.formats.sinex import BLOCKS, SinexFile
from fiducial.geodesy.epochs import parse_epoch
from fiducial.geodesy.frame_graph import FrameCoordinates
from fiducial.geodesy.frames import parse_frame
from fiducial.runs.frame_transform_checks import frame_notes, require_ground, require_stated_frame
from fiducial.runs.frame_transform_motion import Site, Start, holding_rows, read_intervals, read_post_seismic
from fiducial.runs.frame_transform_request import Carried, TransformRequest, carry
from fiducial.runs.frame_transform_rotation import TYPES
from fiducial.runs.frame_transform_table import TableStations, inverse_of, moved_table, stations_of
from fiducial.stations.solution import ParameterTable, StationSolution
from fiducial.stations.solution_tables import POSITION_TYPES, VELOCITY_TYPES

Array = NDArray[np.float64]
Table = TypeVar("Table")

_WIDTH: Final = 78
_INFO_WIDTH: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class MovedSolution:
    """A solution in the target frame.

    Attributes
    ----------
    solution : StationSolution
        What a SINEX file of it holds.
    names : tuple of str
        Code, point and solution number of each station.
    carried : Carried
        Coordinates of these stations, post-seismic deformation included.
    sigma_m : ndarray, shape (station, 3)
        Standard deviations of X, Y, Z; NaN where unknown.
    epoch_given_yr : ndarray, shape (station,)
        Decimal years before propagation.
    left_out : dict of str to str
        Stations without coordinates at the epoch, and why.
    notes : tuple of str
        What was done and left out, as the file's comments say it.
    """

    solution: StationSolution
    names: tuple[str, ...]
    carried: Carried
    sigma_m: Array
    epoch_given_yr: Array
    left_out: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """Post-seismic displacement of stations at the epoch, with covariance; zeros where there is none."""

    displacement_m: dict[Site, Array]
    covariance_m2: dict[Site, Array]
    notes: list[str]


def transform_solution(request: TransformRequest, file: SinexFile) -> MovedSolution:
    """Transform a solution, and propagate it when asked.

    Parameters
    ----------
    request : TransformRequest
    file : SinexFile

    Raises
    ------
    InputError
        FID-1315, FID-1316, FID-1317; FID-1004 velocities that contradict the frame; FID-1370 no velocity; FID-1372 no
        station has a solution at the epoch; FID-1319 post-seismic terms.
    FormatError
        Of the files of the request; FID-2463, FID-2464.
    NumericsError
        FID-3121 a covariance that is none.

    Notes
    -----
    Everything is linear in the estimates, x' = J x + c, so that C' = J C J', and the a-priori values and their covariance
    go the same way: C'^-1 - C'_apr^-1 = J^-T (C^-1 - C_apr^-1) J^-1, and constraints can still be removed. Where the two
    lists cannot go the same way the a-priori values are left out, and the notes say so. Constraint codes stay: they say
    how the estimate was made.
    """
    solution, where = file.solution, file.name
    frames = (request.source, request.target)
    require_stated_frame(solution.reference_frame, request.source, where)
    covariance = solution.covariance
    if covariance is None and solution.information is not None:
        covariance = inverse_of(solution.information, where)
    stations = stations_of(solution.estimate, covariance, frames, None, where)
    notes: list[str] = []
    require_ground(stations.coordinates.position_m, stations.coordinates.velocity_m_per_yr, _names(stations))
    notes += frame_notes(stations.coordinates.position_m, stations.coordinates.velocity_m_per_yr, _names(stations),
                         request.source, where)  # fmt: skip
    left_out: dict[str, str] = {}
    if request.to_epoch is not None:
        stations, left_out = _holding(request, solution, stations, covariance, where)
    carried = carry(stations.coordinates, request, _names(stations))
    motion = _post_seismic(request, stations)
    carried = replace(carried, coordinates=_displaced(carried.coordinates, stations, motion))
    instant = None if request.to_epoch is None else epoch_instant(parse_epoch(request.to_epoch))
    estimate, moved_covariance = moved_table(solution.estimate, covariance, stations, carried.coordinates, instant)
    notes += [*carried.notes(request), *motion.notes]
    if request.to_epoch is not None and moved_covariance is None:
        notes.append(
            "No covariance between positions and velocities: standard deviations of propagated positions are unknown"
        )
    result = replace(solution, estimate=estimate, covariance=moved_covariance, information=None, normal=None)
    result, more = _with_apriori(result, solution, request, stations, motion)
    notes += [*_dropped(file, stations), *more]
    if left_out:
        notes.append(f"{len(left_out)} stations have no coordinates at the epoch")
    sigma = np.full(len(solution.estimate), np.nan)
    sigma[stations.rows()] = estimate.sigmas
    return MovedSolution(
        _described(result, file, request, stations, notes), tuple(_names(stations)), carried,
        sigma[stations.position_rows], stations.coordinates.epoch_yr, left_out, tuple(notes),
    )  # fmt: skip


def epoch_instant(decimal_year: float) -> np.datetime64:
    """Return the date of a decimal year, to the second that SINEX can print; the inverse of `epochs.decimal_year`.

    Examples
    --------
    >>> epoch_instant(2020.5)
    np.datetime64('2020-07-02T00:00:00.000000000')
    """
    year = int(decimal_year)
    start, end = (np.datetime64(f"{number:04d}-01-01", "s") for number in (year, year + 1))
    seconds = round((decimal_year - year) * float((end - start) / np.timedelta64(1, "s")))
    instant: np.datetime64 = (start + np.timedelta64(seconds, "s")).astype("datetime64[ns]")
    return instant


def _names(stations: TableStations) -> list[str]:
    return [" ".join(key) for key in stations.keys]


def _start(request: TransformRequest, stations: TableStations) -> list[Start]:
    """Positions with velocities of their own are of a frame solution, those without of a day."""
    if request.psd_start is not None:
        return [request.psd_start] * len(stations.keys)
    return ["regularised" if row >= 0 else "observed" for row in stations.velocity_rows[:, 0].tolist()]


def _holding(
    request: TransformRequest, solution: StationSolution, stations: TableStations, covariance: Array | None, where: str
) -> tuple[TableStations, dict[str, str]]:
    intervals = read_intervals(request.discontinuities, solution)
    to_yr = parse_epoch(request.to_epoch or "")
    kept, left_out = holding_rows(
        stations.keys, stations.coordinates.epoch_yr, intervals, to_yr, _start(request, stations)
    )
    if not kept:
        name, reason = next(iter(left_out.items()))
        raise InputError("FID-1372", f"no station has a solution at {to_yr:.4f}; {name}: {reason}", where=where,
                         fix="give --discontinuities of the same frame solution, or another epoch")  # fmt: skip
    if len(kept) == len(stations.keys):
        return stations, left_out
    return stations_of(
        solution.estimate, covariance, (request.source, request.target), stations.numbers[kept], where
    ), left_out


def _post_seismic(request: TransformRequest, stations: TableStations) -> _Motion:
    """Return the post-seismic displacement at the epoch; of observed positions, since their own."""
    if request.psd is None or request.to_epoch is None:
        return _Motion({}, {}, [])
    to_yr = parse_epoch(request.to_epoch)
    places = {key[:2]: place for key, place in zip(stations.keys, stations.coordinates.position_m, strict=True)}
    file = read_post_seismic(request.psd, places, request.source)
    moved: dict[Site, Array] = {}
    spread: dict[Site, Array] = {}
    for key, start, since_yr in zip(
        stations.keys, _start(request, stations), stations.coordinates.epoch_yr, strict=True
    ):
        model = file.models.get(key[:2])
        if model is None:
            continue
        observed = start == "observed"
        before = model.displacement_m([since_yr])[0] if observed else np.zeros(3)
        moved[key[:2]] = model.displacement_m([to_yr])[0] - before
        covariance = model.covariance_m2([to_yr], since_yr=float(since_yr) if observed else None)
        if covariance is not None:
            spread[key[:2]] = covariance[0]
    started = sorted(set(_start(request, stations)))
    note = f"Post-seismic deformation of {len(moved)} stations from {file.name}, positions {' or '.join(started)}"
    return _Motion(moved, spread, [note, *file.notes])


def _displaced(coordinates: FrameCoordinates, stations: TableStations, motion: _Motion) -> FrameCoordinates:
    position, covariance = coordinates.position_m.copy(), coordinates.position_covariance_m2
    covariance = None if covariance is None else covariance.copy()
    for row, key in enumerate(stations.keys):
        position[row] += motion.displacement_m.get(key[:2], 0.0)
        if covariance is not None and key[:2] in motion.covariance_m2:
            own = slice(3 * row, 3 * row + 3)
            covariance[own, own] += motion.covariance_m2[key[:2]]
    return replace(coordinates, position_m=position, position_covariance_m2=covariance)


def _with_apriori(
    result: StationSolution,
    solution: StationSolution,
    request: TransformRequest,
    stations: TableStations,
    motion: _Motion,
) -> tuple[StationSolution, list[str]]:
    """Move the a-priori values as the estimate was moved, or leave them out with the reason."""
    without = replace(result, apriori=None, apriori_covariance=None, apriori_information=None)
    apriori, covariance = solution.apriori, solution.apriori_covariance
    if apriori is None:
        return without, []
    reason, prior = _unlike(solution, stations, request, motion), None
    if not reason:
        try:
            if covariance is None and solution.apriori_information is not None:
                covariance = inverse_of(solution.apriori_information, "SOLUTION/MATRIX_APRIORI")
            prior = stations_of(apriori, covariance, (request.source, request.target), None, "SOLUTION/APRIORI")
        except FiducialError as error:
            reason = error.problem
    if prior is None:
        return without, [f"A-priori values left out, so that constraints cannot be removed any more: {reason}"]
    carried = carry(prior.coordinates, request, _names(prior))
    at = _displaced(carried.coordinates, prior, motion)
    instant = None if request.to_epoch is None else epoch_instant(parse_epoch(request.to_epoch))
    table, moved = moved_table(apriori, covariance, prior, at, instant)
    return replace(without, apriori=table, apriori_covariance=moved), []


def _unlike(solution: StationSolution, stations: TableStations, request: TransformRequest, motion: _Motion) -> str:
    """Return why the a-priori values cannot go the way of the estimate; empty when they can."""
    apriori, estimate = solution.apriori, solution.estimate
    if apriori is None or len(stations.rows()) < len(estimate):
        return "parameters or solutions of the estimate were left out"
    known, listed = _lines(estimate), _lines(apriori)
    if set(listed) - set(known):
        return "they are of other parameters than the estimate"
    if request.to_epoch is not None:
        sites = {key[1:] for key in listed if key[0] not in TYPES}
        if any(key[1:] in sites for key in set(known) - set(listed)):
            return "some parameters of a station have none"
        if any(known[key] != epoch for key, epoch in listed.items()):
            return "their epochs are not those of the estimate"
    return "post-seismic parameters are uncertain" if motion.covariance_m2 else ""


def _lines(table: ParameterTable) -> dict[tuple[str, ...], int]:
    """Return the epoch of each parameter by type, code, point and solution number; Earth rotation also by epoch."""
    epochs: list[int] = table.epochs_utc.astype(np.int64).tolist()
    columns = (table.types.tolist(), table.codes.tolist(), table.points.tolist(), table.solns.tolist())
    rows = zip(*columns, epochs, strict=True)
    return {(kind, *site, str(epoch)) if kind in TYPES else (kind, *site): epoch for kind, *site, epoch in rows}


def _dropped(file: SinexFile, stations: TableStations) -> list[str]:
    """Return what the output does not hold."""
    solution = file.solution
    notes = []
    kept = set(stations.rows().tolist())
    types = Counter(kind for row, kind in enumerate(solution.estimate.types.tolist()) if row not in kept)
    other = {kind: count for kind, count in types.items() if kind not in (*POSITION_TYPES, *VELOCITY_TYPES)}
    if other:
        notes.append("Parameters left out: " + ", ".join(f"{count} {kind}" for kind, count in sorted(other.items())))
    if solution.normal is not None:
        notes.append("Normal equations left out")
    blocks = [title.split()[0] for title in file.titles if title.split()[0] not in BLOCKS]
    if blocks:
        notes.append("Blocks left out: " + ", ".join(dict.fromkeys(blocks)))
    return notes


def _described(
    moved: StationSolution, file: SinexFile, request: TransformRequest, stations: TableStations, notes: list[str]
) -> StationSolution:
    """Say in the file what it is: frame, operations, epoch, what was left out; keep rows of its stations only."""
    source = file.solution
    path = ", ".join(step["operation"] for step in request.described()["path"]) or "no operation: the frames are one"
    target = parse_frame(request.target).name
    asked = request.target.strip()
    alias = "" if asked == target else f" ({asked})"
    said = [f"Frame {target}{alias}, transformed from {request.source.strip()} by {path}"]
    if request.to_epoch is not None:
        said.append(f"Propagated to {parse_epoch(request.to_epoch):.6f} in {target}, after the transform")
    made = ((key, source.reference.get(key, "")) for key in ("SOFTWARE", "INPUT"))
    original = [f"Original {key}: {' '.join(text.split())}" for key, text in made if text.strip()]
    comments = [line for text in (*said, *notes, *original) for line in textwrap.wrap(text, _WIDTH)]
    letters = (("S", POSITION_TYPES), ("V", VELOCITY_TYPES), ("E", TYPES))
    header = replace(
        source.header, version="2.02", agency="FID", data_agency=source.header.agency or source.header.data_agency,
        created_utc=np.datetime64(creation_time().replace(tzinfo=None), "s").astype("datetime64[ns]"), parameters=len(moved.estimate),
        contents=tuple(letter for letter, types in letters if np.isin(moved.estimate.types, types).any()),
    )  # fmt: skip
    sites = {key[:2] for key in stations.keys}
    return replace(
        moved, header=header, reference_frame=asked,
        reference={**source.reference, "SOFTWARE": f"fiducial {__version__}", "INPUT": file.name[-_INFO_WIDTH:]},
        comments=(*comments, *source.comments),
        sites=_of_sites(source.sites, sites), spans=_of_sites(source.spans, set(stations.keys)),
        receivers=_of_sites(source.receivers, sites), antennas=_of_sites(source.antennas, sites),
        eccentricities=_of_sites(source.eccentricities, sites),
        discontinuities=_of_sites(source.discontinuities, sites),
    )  # fmt: skip


def _of_sites(table: Table | None, keys: set[Any]) -> Table | None:
    """Return the rows of sites, or of solutions when the keys have three parts; None for no row."""
    if table is None:
        return None
    columns = ("codes", "points", "solns")[: len(next(iter(keys)))]
    rows = list(zip(*(getattr(table, name).tolist() for name in columns), strict=True))
    kept = np.array([row in keys for row in rows], dtype=np.bool_)
    if not kept.any():
        return None
    return type(table)(*(getattr(table, column.name)[kept] for column in fields(table)))  # type: ignore[arg-type]

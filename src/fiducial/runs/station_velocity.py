"""Velocities of stations from their series: files in, tables and figures out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.formats import filtered_series, station_steps, tenv, tms
from fiducial.formats.atomic import atomic_file
from fiducial.formats.strictness import Strictness
from fiducial.formats.table import open_table
from fiducial.formats.text_source import open_source
from fiducial.geodesy.frames import parse_frame
from fiducial.stations.midas import MidasVelocity, midas
from fiducial.stations.series import COMPONENTS, StationSeries, julian_years, to_enu
from fiducial.stations.series_noise import NoiseKind
from fiducial.stations.steps import StepDetection, detect_steps
from fiducial.stations.trajectory import AVERAGING_DAYS, Trajectory, fit_trajectory
from fiducial.stations.trajectory_model import DRACONITIC, SEASONAL, Relaxation, TrajectoryModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Method = Literal["midas", "trajectory", "both"]
Sampling = Literal["weekly", "daily"]
_DAY: Final = np.timedelta64(1, "D")
SAMPLING_DAYS: Final[dict[Sampling, int]] = {"weekly": AVERAGING_DAYS, "daily": 1}
_NAMES: Final = {"midas": "MIDAS", "trajectory": "trajectory"}
_DISAGREEMENT: Final = 3.0
_FASTEST_MM_PER_YR: Final = 500.0
"""No plate moves faster than 200 mm/yr; some ice streams do, so that this is a hint and no error."""


@dataclass(frozen=True)
class VelocityRequest:
    """What to estimate, from which files; see ``fiducial stations velocity --help``."""

    files: tuple[Path, ...]
    steps: Path | None = None
    method: Method = "both"
    noise: NoiseKind = "flicker"
    noise_sampling: Sampling = "weekly"
    detect_steps: bool = False
    frame: str | None = None
    draconitic: bool = False
    post_seismic: Literal["none", "log", "exp"] = "none"
    strictness: Strictness = "warn"


@dataclass(frozen=True)
class StationResult:
    """What was found for one station.

    Attributes
    ----------
    series : StationSeries
        With the steps used.
    midas : MidasVelocity or None
    trajectory : Trajectory or None
    detection : StepDetection or None
    problems : tuple of str
        Why an estimate is missing.
    """

    series: StationSeries
    midas: MidasVelocity | None = None
    trajectory: Trajectory | None = None
    detection: StepDetection | None = None
    problems: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        series = self.series
        return {
            "station": series.station,
            "source": series.source,
            "frame": series.frame,
            "time_scale": series.time_scale,
            "first": str(np.datetime_as_string(series.epochs[0], "s")),
            "last": str(np.datetime_as_string(series.epochs[-1], "s")),
            "epochs": series.size,
            "components": list(COMPONENTS),
            "reference_xyz_m": None if np.isnan(series.reference_xyz_m).any() else series.reference_xyz_m.tolist(),
            "events": [{"epoch": str(np.datetime_as_string(one.epoch, "s")), "kind": one.kind, "is_step": one.is_step,
                        "description": one.description} for one in series.events],
            "midas": None if self.midas is None else self.midas.to_dict(),
            "trajectory": None if self.trajectory is None else self.trajectory.to_dict(),
            "tested_steps": None if self.detection is None else self.detection.to_dict(),
            "findings": list(series.findings),
            "problems": list(self.problems),
            "hints": hints(self),
        }  # fmt: skip


def read_series(path: Path, *, frame: str | None = None, strictness: Strictness = "warn") -> StationSeries:
    """Read a series of any known format, told from its first bytes.

    Raises
    ------
    InputError
        FID-1357 for a file that ``fiducial stations common-mode`` wrote.
    FormatError
        See ``formats.tenv`` and ``formats.tms``.
    """
    content = open_source(path)
    if filtered_series.is_filtered(content.data):
        raise InputError("FID-1357", "this series lacks its common mode, and with it a part of the motion of the region",
                         where=content.name, fix="give the series as published; filtered ones are for looking at")  # fmt: skip
    if content.data.startswith(b"%=TMS"):
        return tms.read(content.data, frame=frame, strictness=strictness, name=content.name)
    return tenv.read(content.data, frame=frame, strictness=strictness, name=content.name)


def estimate(request: VelocityRequest, *, progress: Callable[[float], None] = lambda _: None) -> list[StationResult]:
    """Estimate the velocities of all files.

    Parameters
    ----------
    request : VelocityRequest
    progress : callable
        Told 1 after every file.

    Returns
    -------
    list of StationResult
        In the order of the files. With several files a series from which nothing can be estimated is told in
        ``problems``; alone it raises.

    Raises
    ------
    InputError
        FID-1336 when a station stands in two files, or the list of steps names none of the stations; FID-1004 unknown
        frame.
    """
    if request.frame is not None:
        parse_frame(request.frame)
    known = {} if request.steps is None else station_steps.read(request.steps)
    found: list[StationResult] = []
    for path in request.files:
        series = to_enu(read_series(path, frame=request.frame, strictness=request.strictness))
        if any(one.series.station == series.station for one in found):
            raise InputError("FID-1336", f"station {series.station} stands in two files", where=str(path),
                             fix="give each station once")  # fmt: skip
        events = known.get(series.station.upper(), known.get(series.station[:4].upper(), ()))
        result = _of_station(series.with_events(events), request)
        if result.problems and len(request.files) == 1:
            raise NumericsError("FID-3143", "; ".join(result.problems), where=f"series of {series.station}",
                                fix="give a longer series, or fewer steps")  # fmt: skip
        found.append(result)
        progress(1.0)
    names = {one.series.station.upper() for one in found} | {one.series.station[:4].upper() for one in found}
    if known and not names & set(known):
        raise InputError("FID-1336", "the list of steps names none of the stations", where=str(request.steps),
                         fix=f"its stations are {', '.join(sorted(known)[:5])}")  # fmt: skip
    return found


def _of_station(series: StationSeries, request: VelocityRequest) -> StationResult:
    problems: list[str] = []
    result = StationResult(series)
    model = _model(series, request)
    try:
        if request.detect_steps:
            found = detect_steps(series, model)
            series = series.with_events(found.events())
            model = model.with_steps(series.step_epochs)
            result = replace(result, series=series, detection=found)
    except NumericsError as error:
        problems.append(f"steps not looked for: {error.problem}")
    try:
        if request.method != "trajectory":
            result = replace(result, midas=midas(series))
    except NumericsError as error:
        problems.append(f"no MIDAS velocity: {error.problem}")
    try:
        if request.method != "midas":
            result = replace(
                result,
                trajectory=fit_trajectory(
                    series, model, noise=request.noise, averaging_days=SAMPLING_DAYS[request.noise_sampling]
                ),
            )
    except NumericsError as error:
        problems.append(f"no trajectory: {error.problem}")
    return replace(result, problems=tuple(problems))


def _model(series: StationSeries, request: VelocityRequest) -> TrajectoryModel:
    relaxations: tuple[Relaxation, ...] = ()
    if request.post_seismic != "none":
        kind = request.post_seismic
        relaxations = tuple(Relaxation(one.epoch, kind) for one in series.events if one.kind == "earthquake")
    periods = SEASONAL + (DRACONITIC if request.draconitic else ())
    return TrajectoryModel(steps=series.step_epochs, periods_days=periods, relaxations=relaxations)


def _estimates(result: StationResult) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Return method, velocities and sigmas in mm/yr."""
    found = []
    if result.midas is not None:
        found.append(("midas", 1e3 * result.midas.velocity_m_per_yr, 1e3 * result.midas.sigma_m_per_yr))
    if result.trajectory is not None:
        found.append(("trajectory", 1e3 * result.trajectory.velocity_m_per_yr, 1e3 * result.trajectory.sigma_m_per_yr))
    return found


def rate_rows(results: Sequence[StationResult]) -> tuple[list[str], list[list[object]]]:
    """Return the columns and rows of the table of rates for people."""
    columns = ["station", "frame", "from", "to", "epochs", "steps", "method",
               "E", "\N{PLUS-MINUS SIGN}", "N", "\N{PLUS-MINUS SIGN}", "U", "\N{PLUS-MINUS SIGN}"]  # fmt: skip
    rows: list[list[object]] = []
    for result in results:
        series = result.series
        head = [series.station, series.frame or "unstated", str(series.epochs[0])[:10], str(series.epochs[-1])[:10],
                series.size, int(series.step_epochs.size)]  # fmt: skip
        for method, velocity, sigma in _estimates(result):
            pairs = zip(velocity, sigma, strict=True)
            rows.append([*head, method, *(round(float(one), 3) for pair in pairs for one in pair)])
    return columns, rows


def sentences(results: Sequence[StationResult]) -> list[str]:
    """Return findings, remarks and problems as lines for people."""
    lines: list[str] = []
    for result in results:
        station = result.series.station
        told = [*result.series.findings, *result.problems]
        for one in (result.midas, result.trajectory):
            told += [] if one is None else one.remarks
        if result.trajectory is not None and result.trajectory.rejected:
            told.append(f"{len(result.trajectory.rejected)} of {result.series.size} positions are left out as outliers")
        for candidate in () if result.detection is None else result.detection.candidates:
            verb = "step found" if candidate.accepted else "no step"
            told.append(f"{verb} at {str(candidate.epoch)[:10]}: {candidate.reason}")
        told += hints(result)
        lines += [f"{station}: {text}" for text in dict.fromkeys(told)]
    return lines


def hints(result: StationResult) -> list[str]:
    """Return what is to be looked at before the rates of a station are used."""
    found = []
    fastest = max((float(np.linalg.norm(velocity)) for _, velocity, _ in _estimates(result)), default=0.0)
    if fastest > _FASTEST_MM_PER_YR:
        found.append(f"{fastest:.0f} mm/yr is faster than any plate: is the series in metres, and of one station?")
    if result.detection is None and _disagree(result):
        found.append("MIDAS and the trajectory differ by more than three sigmas of the trajectory: there may be steps "
                     "that no list names; look for them with --detect-steps")  # fmt: skip
    if result.series.frame is None:
        found.append("no frame is stated: give it with --frame before the rates are used")
    return found


def _disagree(result: StationResult) -> bool:
    if result.midas is None or result.trajectory is None:
        return False
    difference = np.abs(result.midas.velocity_m_per_yr - result.trajectory.velocity_m_per_yr)
    return bool(np.any(difference > _DISAGREEMENT * result.trajectory.sigma_m_per_yr))


def write_table(results: Sequence[StationResult], path: Path, *, overwrite: bool = False) -> Path:
    """Write the rates as a table, a row a station and method.

    Raises
    ------
    InputError
        FID-1002 when it exists; FID-1022 for an ending other than .csv and .parquet.
    """
    rows = [(result, *found) for result in results for found in _estimates(result)]
    columns: dict[str, NDArray[np.generic]] = {
        "station": np.array([row[0].series.station for row in rows], dtype=np.str_),
        "frame": np.array([row[0].series.frame or "" for row in rows], dtype=np.str_),
        "first": np.array([str(row[0].series.epochs[0])[:10] for row in rows], dtype=np.str_),
        "last": np.array([str(row[0].series.epochs[-1])[:10] for row in rows], dtype=np.str_),
        "method": np.array([row[1] for row in rows], dtype=np.str_),
    }
    for k, name in enumerate(COMPONENTS):
        columns[f"{name}_mm_per_yr"] = np.array([row[2][k] for row in rows], dtype=np.float64)
        columns[f"sigma_{name}_mm_per_yr"] = np.array([row[3][k] for row in rows], dtype=np.float64)
    with open_table(path, overwrite=overwrite) as append:
        append(columns)
    return path


def draw(results: Sequence[StationResult], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Draw every component of every station: positions, model, steps, residuals.

    Parameters
    ----------
    results : sequence of StationResult
    folder : Path
    overwrite : bool

    Returns
    -------
    list of Path
        ``STATION-east.png`` and so on.

    Raises
    ------
    InputError
        FID-1002 when a figure exists.
    """
    from fiducial.reports.style import png_bytes

    written = []
    for result in results:
        for component, name in enumerate(COMPONENTS):
            plain = re.sub(r"[^A-Za-z0-9_-]", "_", result.series.station)
            path = folder / f"{plain}-{name}.png"
            content = png_bytes(figure_of(result, component))
            with atomic_file(path, overwrite=overwrite) as partial:
                partial.write_bytes(content)
            written.append(path)
    return written


def figure_of(result: StationResult, component: int) -> Figure:
    """Draw one component of a station less its velocity: positions, model, steps, residuals."""
    from fiducial.reports.station_figures import Curve, StepMark, trajectory_figure

    series, fit = result.series, result.trajectory
    # What steps, seasons and earthquakes do cannot be seen beside a trend of centimetres a year.
    rate = next((velocity[component] for _, velocity, _ in reversed(_estimates(result))), 0.0)
    middle = series.years.mean()
    values = 1e3 * series.displacement_m[:, component] - rate * (series.years - middle)
    rejected, curve, residuals = None, None, None
    if fit is not None:
        rejected = ~np.isin(series.epochs, fit.epochs)
        residuals = 1e3 * (series.displacement_m - fit.at(series.epochs))[:, component]
        days = np.arange(series.epochs[0], series.epochs[-1] + _DAY, _DAY)
        curve = Curve(days, 1e3 * fit.at(days)[:, component] - rate * (julian_years(days) - middle))
    texts = [f"{_NAMES[method]} {velocity[component]:+.2f} \N{PLUS-MINUS SIGN} {sigma[component]:.2f} mm/yr (1 sigma)"
             for method, velocity, sigma in _estimates(result)]  # fmt: skip
    return trajectory_figure(
        series.epochs, values, title=f"{series.station} {COMPONENTS[component]}, frame {series.frame or 'unstated'}",
        subtitle=",   ".join(texts).replace("-", "\N{MINUS SIGN}"),
        quantity=(f"displacement less the velocity\nof {rate:+.2f} mm/yr".replace("-", "\N{MINUS SIGN}") if rate
                  else "displacement") + f"; {COMPONENTS[component]} positive",
        time_scale=series.time_scale, rejected=rejected, model=curve, residuals=residuals,
        steps=[StepMark(one.epoch, one.kind == "detected") for one in series.events if one.is_step],
    )  # fmt: skip

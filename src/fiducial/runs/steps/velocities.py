"""Steps: velocities of stations from their series, and a velocity model from tables of velocities."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from fiducial.runs.engine_model import Call, InputSlot, MadeProduct, Outcome, OutputSlot, Step
from fiducial.runs.steps.base import Section, check_frame

if TYPE_CHECKING:
    from fiducial.geodesy.station_velocities import StationVelocities
    from fiducial.runs.station_velocity import StationResult


class SeriesOptions(Section):
    """How velocities are estimated from series."""

    series_frame: str | None = Field(
        default=None, description="frame of the series where neither file nor file name states it, such as IGS20"
    )
    method: Literal["midas", "trajectory", "both"] = Field(
        default="both", description="MIDAS, a trajectory model, or both; the trajectory goes on where there is one"
    )
    noise: Literal["flicker", "estimate", "white"] = Field(
        default="flicker", description="noise of the trajectory model"
    )
    noise_sampling: Literal["weekly", "daily"] = Field(
        default="weekly", description="fit weekly medians, or the daily positions themselves"
    )
    detect_steps: bool = Field(default=False, description="look for steps that no list names, and model them")
    draconitic: bool = Field(default=False, description="add the GPS draconitic period (351.4 d) and its half")
    post_seismic: Literal["none", "log", "exp"] = Field(
        default="none", description="relaxation after the earthquakes of the list of steps"
    )
    strictness: Literal["ignore", "warn", "raise"] = Field(
        default="warn", description="what becomes of faults in files that can be repaired"
    )


class SeriesParameters(SeriesOptions):
    """Options, and the frame in which the velocities are handed on."""

    table_frame: str | None = Field(default=None, description="frame of the table; that of the series when null")


class ModelParameters(Section):
    """How a velocity model is made."""

    table_frame: str | None = Field(
        default=None, description="frame of the velocity tables, such as ETRF2014; only A-EPND states its own"
    )
    plate: str = Field(default="EURA", pattern="^[A-Z]{4}$", description="plate whose rotation is removed and restored")
    origin_rate_bias: bool = Field(default=False, description="remove the plate of ITRF2020 with its origin rate bias")
    first_epoch_yr: float | None = Field(
        default=None, ge=1980.0, le=2100.0, description="first epoch of the series behind the tables, decimal year"
    )
    last_epoch_yr: float | None = Field(default=None, ge=1980.0, le=2100.0, description="last epoch, decimal year")


def _series(call: Call) -> Outcome:
    from fiducial.runs.egms_from_simulation import write_stations
    from fiducial.runs.station_velocity import VelocityRequest, estimate, sentences, write_table
    from fiducial.runs.steps.spans import of_epochs
    from fiducial.runs.steps.tables import in_frame

    given: SeriesParameters = call.parameters
    request = VelocityRequest(
        files=call.inputs["series"], steps=call.one("steps"), method=given.method, noise=given.noise,
        noise_sampling=given.noise_sampling, detect_steps=given.detect_steps, frame=given.series_frame,
        draconitic=given.draconitic, post_seismic=given.post_seismic, strictness=given.strictness,
    )  # fmt: skip
    results = estimate(request)
    write_table(results, call.out / "rates.csv")
    document = json.dumps([one.to_dict() for one in results], indent=1) + "\n"
    (call.out / "stations.json").write_text(document, encoding="utf-8")
    table, notes = in_frame(_velocities(results, call.one("sites")), given.table_frame)
    write_stations(table, call.out / "stations.csv")
    spans = [of_epochs(one.series.epochs, one.series.time_scale) for one in results]
    start = min((first for first, _ in spans if first is not None), default=None)
    end = max((last for _, last in spans if last is not None), default=None)
    product = MadeProduct("station-velocities", "rates.csv", "SPTS", "Level 2", "T3", table.frame, start, end)
    return Outcome((*notes, *sentences(results)), (product,))


def _velocities(results: list[StationResult], sites: Path | None) -> StationVelocities:
    """Return the velocities of the stations that have one and whose place is known."""
    from fiducial.errors import InputError
    from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
    from fiducial.geodesy.station_velocities import StationVelocities
    from fiducial.runs.station_common_mode import placed_series, read_places

    usable = [one for one in results if one.trajectory is not None or one.midas is not None]
    frames = {one.series.frame or "" for one in usable}
    if len(frames) > 1:
        raise InputError("FID-1346", f"the series are in several frames: {', '.join(sorted(frames))}",
                         where=", ".join(one.series.station for one in usable[:5]),
                         fix="state their frame with series_frame, or give series of one frame")  # fmt: skip
    places = {} if sites is None else read_places(sites)
    placed = [placed_series(one.series, places, Path(one.series.source)) for one in usable]
    xyz = np.array([one.reference_xyz_m for one in placed]).reshape(-1, 3)
    longitude, latitude, _ = geodetic_from_geocentric(xyz)
    fits: list[Any] = [one.trajectory or one.midas for one in usable]
    sigma = 1e3 * np.array([one.sigma_m_per_yr for one in fits]).reshape(-1, 3)
    return StationVelocities(
        np.array([one.series.station for one in usable], dtype=np.str_), longitude, latitude,
        1e3 * np.array([one.velocity_m_per_yr for one in fits]).reshape(-1, 3),
        np.einsum("si,ij->sij", sigma**2, np.eye(3)), next(iter(frames), ""), "estimate from series",
    )  # fmt: skip


def _model(call: Call) -> Outcome:
    from fiducial.runs.steps.spans import of_years
    from fiducial.runs.velocity_model import ModelRequest, build

    given: ModelParameters = call.parameters
    span = None
    if given.first_epoch_yr is not None and given.last_epoch_yr is not None:
        span = given.first_epoch_yr, given.last_epoch_yr
    request = ModelRequest(call.inputs["tables"], given.table_frame, given.plate, given.origin_rate_bias, span)
    model, notes = build(request, call.out / "velocity-model.fvm")
    epochs = of_years(given.first_epoch_yr, given.last_epoch_yr)
    product = MadeProduct("velocity-model", "velocity-model.fvm", "RTRF", "Level 3", "X", model.frame, *epochs)
    return Outcome(tuple(notes), (product,))


def _check_series(call: Call) -> None:
    for name in ("series_frame", "table_frame"):
        check_frame(getattr(call.parameters, name), name)


def _check_model(call: Call) -> None:
    from fiducial.errors import InputError
    from fiducial.runs.velocity_model import ModelRequest, gather

    given: ModelParameters = call.parameters
    check_frame(given.table_frame, "table_frame")
    first, last = given.first_epoch_yr, given.last_epoch_yr
    if first is not None and last is not None and first >= last:
        raise InputError("FID-1347", f"{first:g} to {last:g} is no span of epochs", where="first_epoch_yr",
                         fix="give first_epoch_yr before last_epoch_yr")  # fmt: skip
    if call.inputs.get("tables"):
        stations, _, _ = gather(replace(ModelRequest(call.inputs["tables"], given.table_frame), plate=given.plate))
        require_sites(stations.size, stations.source)
    elif given.table_frame is None:
        # The table that another task makes states no frame.
        raise InputError("FID-1004", "the frame of the velocity model is not stated", where="table_frame",
                         fix="state it, e.g. table_frame: ETRF2014 or IGS20, or set model: false")  # fmt: skip


def require_sites(most: int, where: str) -> None:
    """Refuse a model of which it is known beforehand that it has too few sites.

    Parameters
    ----------
    most : int
        Number of stations; sites are not more.
    where : str

    Raises
    ------
    InputError
        FID-1342.
    """
    from fiducial.errors import InputError
    from fiducial.stations.velocity_model import LEAST_SITES

    if most < LEAST_SITES:
        raise InputError("FID-1342", f"a velocity model needs {LEAST_SITES} sites, and {most} are given", where=where,
                         fix="give more stations, or set model: false")  # fmt: skip


STATION_VELOCITIES: Final = Step(
    name="station-velocities",
    version=1,
    parameters=SeriesParameters,
    inputs=(InputSlot("series"), InputSlot("steps", needed=False), InputSlot("sites", needed=False)),
    outputs=(
        OutputSlot("table", "stations.csv"),
        OutputSlot("rates", "rates.csv"),
        OutputSlot("report", "stations.json"),
    ),
    run=_series,
    check=_check_series,
)
VELOCITY_MODEL: Final = Step(
    name="velocity-model",
    version=1,
    parameters=ModelParameters,
    inputs=(InputSlot("tables"),),
    outputs=(OutputSlot("model", "velocity-model.fvm"),),
    run=_model,
    check=_check_model,
)

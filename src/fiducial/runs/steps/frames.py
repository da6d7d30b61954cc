"""Steps: combine station solutions of a day, stack days into a frame, and take station velocities from a stack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import Field

from fiducial.runs.engine_model import Call, InputSlot, MadeProduct, Outcome, OutputSlot, Step
from fiducial.runs.steps.base import Section

if TYPE_CHECKING:
    from fiducial.stations.combination_model import StationOptions

Strictness = Literal["ignore", "warn", "raise"]
_AUXILIARY: Final = tuple(InputSlot(name, needed=False) for name in ("core", "post_seismic"))


class StationLimits(Section):
    """What is no good observation of a station."""

    residual_limit_mm: float = Field(
        default=20.0, gt=0.0, le=1e5, description="stations with larger residuals in East, North or Up are rejected"
    )
    normalised_limit: float = Field(
        default=5.0, gt=0.0, le=1e3, description="so are stations above this many standard deviations"
    )
    core_limit_mm: float = Field(
        default=20.0, gt=0.0, le=1e5, description="core stations farther from the reference are taken out of the core"
    )
    strictness: Strictness = Field(default="warn", description="what becomes of faults in files that can be repaired")


class StackParameters(StationLimits):
    """How solutions of days are stacked."""

    rates: Literal["auto", "yes", "no"] = Field(
        default="auto", description="estimate velocities; auto: when the solutions span a year"
    )
    group: Literal["week", "day"] = Field(
        default="week", description="combine the solutions of each GPS week, or of each day"
    )
    datum: Literal["core", "inner"] = Field(
        default="core", description="origin and scale from the core, or with zero mean and slope over the solutions"
    )
    epoch: str | None = Field(
        default=None, description="reference epoch of the positions, a date or decimal year; near the middle when null"
    )
    colocated_m: float = Field(
        default=0.0,
        ge=0.0,
        le=1e4,
        description="velocities of stations so near to each other are held equal; 0 leaves them free",
    )
    core_velocity_limit_mm_per_yr: float = Field(
        default=5.0,
        gt=0.0,
        le=1e3,
        description="core stations whose velocity departs by more are taken out of the core",
    )


class VelocityTableParameters(Section):
    """Frame in which station velocities are handed on."""

    frame: str | None = Field(
        default=None, description="frame of the table, such as ETRF2000; that of the stack when null"
    )
    least_span_yr: float = Field(default=1.0, ge=0.0, le=50.0, description="segments with shorter data are left out")


def _limits(given: StationLimits) -> StationOptions:
    from fiducial.stations.combination_model import StationOptions

    return StationOptions(
        residual_limit_m=given.residual_limit_mm / 1e3, normalised_limit=given.normalised_limit,
        core_limit_m=given.core_limit_mm / 1e3,
    )  # fmt: skip


def _combine(call: Call) -> Outcome:
    from fiducial.runs.frame_combine import FrameRequest, combine_frame, write_frame
    from fiducial.runs.steps.spans import of_sinex

    given: StationLimits = call.parameters
    request = FrameRequest(
        files=call.inputs["solutions"], reference=call.inputs["reference"][0], core=call.one("core"),
        post_seismic=call.one("post_seismic"), options=_limits(given), strictness=given.strictness,
    )  # fmt: skip
    found = combine_frame(request)
    report = write_frame(found, call.out)
    solution = Path(report.product.files[0]).name
    name, span = solution.rpartition("_")[0], of_sinex(call.out / solution)
    products = (
        MadeProduct(f"{name}-stations", "*_SOL.SNX", "SPTS", "Level 2", "T3", found.reference.frame, *span),
        MadeProduct(f"{name}-earth-rotation", "*_ERP.ERP", "PM", "Level 3", "T3", found.reference.frame, *span),
    )
    return Outcome((*report.notes, *report.findings), products)


def _stack(call: Call) -> Outcome:
    from fiducial.runs.frame_stack import StackRequest, reference_date
    from fiducial.runs.frame_stack_write import run_stack
    from fiducial.runs.steps.spans import of_sinex
    from fiducial.stations.stacking import StackOptions

    given: StackParameters = call.parameters
    limits = _limits(given)
    request = StackRequest(
        files=call.inputs["solutions"], reference=call.inputs["reference"][0], out=call.out,
        discontinuities=call.one("discontinuities"), post_seismic=call.one("post_seismic"), core=call.one("core"),
        rates=given.rates, grouping=given.group, epoch_utc=None if given.epoch is None else reference_date(given.epoch),
        colocated_m=given.colocated_m, week_options=limits, strictness=given.strictness,
        options=StackOptions(
            datum=given.datum, residual_limit_m=limits.residual_limit_m, normalised_limit=limits.normalised_limit,
            core_limit_m=limits.core_limit_m, core_velocity_limit_m_per_yr=given.core_velocity_limit_mm_per_yr / 1e3,
        ),
    )  # fmt: skip
    report = run_stack(request)
    solution = next(name for name in report.product.files if name.endswith("_SOL.SNX"))
    name = solution.rpartition("_")[0]
    span = of_sinex(call.out / solution)
    product = MadeProduct(f"{name}-frame", "*_SOL.SNX", "TRF", "Level 3", "T3", report.reference.frame, *span)
    return Outcome((*report.notes, *report.findings), (product,))


def _velocity_table(call: Call) -> Outcome:
    from fiducial.geodesy.station_velocities import StationVelocities
    from fiducial.runs.egms_from_simulation import write_stations
    from fiducial.runs.frame_stack_report_model import StackReport
    from fiducial.runs.steps.tables import in_frame

    given: VelocityTableParameters = call.parameters
    report = StackReport.model_validate_json(call.inputs["report"][0].read_text(encoding="utf-8"))
    latest = {
        one.station: one
        for one in sorted(report.segments, key=lambda one: one.last_yr)
        if one.velocity_enu_mm_per_yr is not None
        and one.sigma_velocity_enu_mm_per_yr is not None
        and one.last_yr - one.first_yr >= given.least_span_yr
    }
    rows = [latest[name] for name in sorted(latest)]
    sigma = np.array([one.sigma_velocity_enu_mm_per_yr for one in rows], dtype=np.float64).reshape(-1, 3)
    table = StationVelocities(
        np.array([one.station.replace(" ", "-") for one in rows], dtype=np.str_),
        np.array([one.longitude_deg for one in rows]), np.array([one.latitude_deg for one in rows]),
        np.array([one.velocity_enu_mm_per_yr for one in rows], dtype=np.float64).reshape(-1, 3),
        np.einsum("si,ij->sij", sigma**2, np.eye(3)), report.reference.frame, "stack of station solutions",
    )  # fmt: skip
    found, notes = in_frame(table, given.frame)
    write_stations(found, call.out / "stations.csv")
    left_out = len({one.station for one in report.segments}) - len(rows)
    told = f"{len(rows)} stations with a velocity; {left_out} without, or of too short a span"
    span = report.product.first_utc, report.product.last_utc
    product = MadeProduct("frame-velocities", "stations.csv", "SPTS", "Level 2", "T3", found.frame, *span)
    return Outcome((*notes, told), (product,))


FRAME_COMBINATION: Final = Step(
    name="frame-combination",
    version=2,
    parameters=StationLimits,
    inputs=(InputSlot("solutions"), InputSlot("reference"), *_AUXILIARY),
    outputs=(
        OutputSlot("solution", "*_SOL.SNX"),
        OutputSlot("earth_rotation", "*_ERP.ERP", needed=False),
        OutputSlot("summary", "*_SUM.YML"),
        OutputSlot("report", "*_SUM.[JT]*"),
    ),
    run=_combine,
)
FRAME_STACK: Final = Step(
    name="frame-stack",
    version=1,
    parameters=StackParameters,
    inputs=(InputSlot("solutions"), InputSlot("reference"), InputSlot("discontinuities", needed=False), *_AUXILIARY),
    outputs=(OutputSlot("solution", "*_SOL.SNX"), OutputSlot("report", "*_SUM.JSON"), OutputSlot("page", "*_SUM.html")),
    run=_stack,
)
FRAME_VELOCITIES: Final = Step(
    name="frame-velocities",
    version=2,
    parameters=VelocityTableParameters,
    inputs=(InputSlot("report"),),
    outputs=(OutputSlot("table", "stations.csv"),),
    run=_velocity_table,
)

"""Step: combine the orbits and clocks of a day."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field

from fiducial.runs.engine_model import Call, InputSlot, MadeProduct, Outcome, OutputSlot, Step
from fiducial.runs.steps.base import Section

Positive = Annotated[float, Field(gt=0.0, le=1e6)]


class OrbitOptions(Section):
    """How orbits and clocks are combined."""

    weights: Literal["variance-components", "absolute-deviation", "equal"] = Field(
        default="variance-components", description="how the centres are weighted"
    )
    weights_by: Literal["centre", "constellation", "block", "satellite"] = Field(
        default="constellation", description="what one weight of a centre holds for"
    )
    scale: Literal["per-constellation", "common"] = Field(
        default="per-constellation", description="one scale of a centre for each constellation, or one for all"
    )
    rotations: bool = Field(default=True, description="turn the centres by the rotations of the frame summary first")
    clocks: bool = Field(default=True, description="combine clocks")
    compare_only: tuple[str, ...] | None = Field(
        default=None,
        description="centres that are compared but not weighted; the combined products of the IGS when null",
    )
    frame: str | None = Field(
        default=None, description="terrestrial frame where headers do not name it or differ, such as IGS20"
    )
    sampling_s: Annotated[float, Field(gt=0.0, le=86_400.0)] | None = Field(
        default=None, description="interval of the orbits in seconds; the finest of the centres when null"
    )
    clock_sampling_s: Annotated[float, Field(gt=0.0, le=86_400.0)] | None = Field(
        default=None, description="interval of the clocks in seconds; the finest of the clock files when null"
    )
    minimum_centres: int = Field(default=1, ge=1, le=50, description="satellites of fewer centres are left out")
    share_limit: float = Field(default=0.4, gt=0.0, le=1.0, description="largest share of one centre in a mean")
    satellite_factor: float = Field(
        default=4.7,
        gt=0.0,
        le=1e3,
        description="a satellite of a centre is rejected above this times the RMS of its constellation",
    )
    satellites_before_centre: int = Field(
        default=5, ge=0, le=500, description="with more rejected satellites a whole centre is compared only"
    )
    translation_limit_mm: Positive = Field(
        default=50.0, description="a centre with a larger translation is compared only"
    )
    rotation_limit_mas: Positive = Field(default=0.3, description="a centre with a larger rotation is compared only")
    scale_limit_ppb: Positive = Field(default=1.0, description="a constellation with a larger scale is compared only")
    gross_limit_m: Positive = Field(
        default=2.0, description="records farther from the median of the centres are no positions"
    )
    spike_limit_mm: Positive = Field(
        default=30.0, description="single records that jump out of their arc by more are outliers"
    )
    strictness: Literal["ignore", "warn", "raise"] = Field(
        default="warn", description="what becomes of faults in files that can be repaired"
    )
    name_as: str | None = Field(
        default=None,
        pattern=r"^[A-Z0-9]{3}[0-9][A-Z0-9]{6}$",
        description="AAAVPPPTTT of the product, such as FID0TSTFIN",
    )
    page: bool = Field(default=True, description="write the HTML page too", json_schema_extra={"in_key": False})


class OrbitParameters(OrbitOptions):
    """Options, and whose each file is."""

    centres: dict[str, str] = Field(default_factory=dict, description="analysis centre by file name")


def _run(call: Call) -> Outcome:
    from fiducial.orbits.options import CombinationOptions
    from fiducial.runs.orbit_combine import CombineRequest, combine, load
    from fiducial.runs.orbit_products import write_products
    from fiducial.runs.steps.spans import of_epochs

    given: OrbitParameters = call.parameters
    options = CombinationOptions(
        weighting=given.weights, weights_by=given.weights_by, scale_model=given.scale, share_limit=given.share_limit,
        minimum_centres=given.minimum_centres, satellite_factor=given.satellite_factor,
        satellites_before_centre=given.satellites_before_centre,
        translation_limit_m=given.translation_limit_mm / 1e3, rotation_limit_mas=given.rotation_limit_mas,
        scale_limit_ppb=given.scale_limit_ppb, gross_limit_m=given.gross_limit_m,
        spike_limit_m=given.spike_limit_mm / 1e3,
    )  # fmt: skip
    files = (*call.inputs["orbits"], *call.inputs.get("clocks", ()))
    request = CombineRequest(
        sources=[f"{given.centres[path.name]}={path}" if path.name in given.centres else path for path in files],
        frame_summary=call.one("frame_summary"), metadata=call.one("satellite_metadata"), nanus=call.one("nanus"),
        earth_rotation=call.one("earth_rotation"), compare_only=given.compare_only, rotations=given.rotations,
        clocks=given.clocks, sampling_s=given.sampling_s, clock_sampling_s=given.clock_sampling_s, frame=given.frame,
        strictness=given.strictness, options=options,
    )  # fmt: skip
    combined = combine(load(request))
    written = write_products(combined, call.out, name_as=given.name_as, page=given.page)
    frame, epochs = combined.given.frame, combined.orbit.epochs_gps
    # The name of the files without sampling and content: it says the day.
    name = written.files[0].rsplit("_", 2)[0]
    span = of_epochs(epochs)
    clock_span = span if combined.clocks is None else of_epochs(combined.clocks.epochs_gps)
    day = of_epochs(epochs[0] + np.arange(2) * np.timedelta64(1, "D"))
    products = (
        MadeProduct(f"{name}-orbits", "*_ORB.SP3", "GSO", "Level 2", "T3", frame, *span),
        MadeProduct(f"{name}-clocks", "*_CLK.CLK", "GSC", "Level 2", "T3", frame, *clock_span),
        MadeProduct(f"{name}-earth-rotation", "*_ERP.ERP", "PM", "Level 3", "T3", frame, *day),
    )
    return Outcome(tuple(written.report.notes), products)


ORBIT_COMBINATION: Final = Step(
    name="orbit-combination",
    version=1,
    parameters=OrbitParameters,
    inputs=(
        InputSlot("orbits"),
        *(InputSlot(name, needed=False)
          for name in ("clocks", "frame_summary", "satellite_metadata", "nanus", "earth_rotation")),
    ),
    outputs=(
        OutputSlot("orbits", "*_ORB.SP3"),
        OutputSlot("clocks", "*_CLK.CLK", needed=False),
        OutputSlot("earth_rotation", "*_ERP.ERP", needed=False),
        OutputSlot("report", "*_SUM.*"),
    ),
    run=_run,
)  # fmt: skip

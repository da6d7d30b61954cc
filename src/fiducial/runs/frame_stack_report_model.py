"""The machine-readable report of a stack."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fiducial.runs.frame_report_model import HelmertEntry, ReferenceEntry, Software, StationRejectionEntry

SIGNS = "solution to stack: x' = x + T + D x + R x, R = [[0, -Rz, Ry], [Rz, 0, -Rx], [-Ry, Rx, 0]]"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class StackProduct(_Part):
    """What was made."""

    files: list[str] = Field(description="names of the files written beside this report; empty when none were")
    reference_epoch_utc: datetime
    first_utc: datetime
    last_utc: datetime
    rates: bool = Field(description="whether velocities were estimated")
    datum: Literal["core", "inner"]
    stations: int
    segments: int = Field(description="of positions")
    velocities: int
    core_segments: list[str] = Field(description="segments that hold the datum: code, point, solution")
    equal_velocities: int = Field(description="pairs of co-located velocity segments held alike")
    converged: bool = Field(description="whether variance factors and rejections settled")


class DayEntry(_Part):
    """A solution in its week."""

    name: str
    file: str
    sha256: str
    epoch_utc: datetime
    stations: int
    core_stations: int
    wrms_enu_mm: list[float] | None = Field(description="to the weekly combination; None when it is alone")
    sqrt_variance_factor: float
    helmert: HelmertEntry = Field(description="from the solution to the week")
    left_out: dict[str, str] = Field(description="stations that were not used, and why")


class SolutionEntry(_Part):
    """A weekly solution in the stack."""

    name: str
    file: str
    epoch_utc: datetime
    reused: bool = Field(description="whether the combination was there before")
    days: list[DayEntry]
    stations: int
    core_stations: int
    wrms_enu_mm: list[float] | None = Field(description="to the stack; None when nothing else sees its stations")
    rms_enu_mm: list[float] | None
    sqrt_variance_factor: float
    redundancy: float | None
    helmert: HelmertEntry
    rejected_stations: list[str] = Field(description="of its days, in the combination of the week")
    notes: list[str]


class SegmentEntry(_Part):
    """A position segment and its velocity."""

    station: str
    solution: str
    velocity_solution: str
    first_yr: float
    last_yr: float
    longitude_deg: float
    latitude_deg: float
    sigma_position_enu_mm: list[float]
    velocity_enu_mm_per_yr: list[float] | None
    sigma_velocity_enu_mm_per_yr: list[float] | None
    core: bool


class RejectedInput(_Part):
    """A file or week that was left out."""

    name: str
    code: str
    reason: str


class StackReport(_Part):
    """A stack of station solutions."""

    layout_version: Literal[1] = 1
    software: Software
    product: StackProduct
    reference: ReferenceEntry
    discontinuities_file: str
    options: dict[str, Any] = Field(description="SI, or with the unit in the name")
    signs: str = "solution to stack, day to week: " + SIGNS.partition(": ")[2]
    solutions: list[SolutionEntry]
    segments: list[SegmentEntry]
    rejected_inputs: list[RejectedInput]
    rejected_stations: list[StationRejectionEntry]
    left_out: dict[str, str] = Field(description="segments without coordinates, and why")
    findings: list[str]
    notes: list[str]

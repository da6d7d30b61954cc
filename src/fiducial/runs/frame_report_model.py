"""The machine-readable reports of a station combination and of an alignment."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LAYOUT_VERSION: Literal[1] = 1
SIGNS = "centre to combination: x' = x + T + D x + R x, R = [[0, -Rz, Ry], [Rz, 0, -Rx], [-Ry, Rx, 0]]"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Software(_Part):
    """Who made it."""

    name: str
    version: str
    created_utc: datetime


class FrameProduct(_Part):
    """What was made."""

    files: list[str] = Field(description="names of the files written beside this report; empty when none were")
    epoch_utc: datetime
    stations: int
    reference_stations: int = Field(description="of them with coordinates in the reference")
    core_stations: list[str] = Field(description="stations that hold the datum: code, point, solution")
    converged: bool = Field(description="whether the variance factors settled")


class ReferenceEntry(_Part):
    """The reference frame."""

    file: str
    sha256: str
    frame: str = Field(description="as the file states it; empty when it does not")
    stations: int = Field(description="with coordinates at the epoch")
    post_seismic_file: str
    post_seismic_stations: list[str] = Field(description="of the product, moved by a post-seismic model")
    left_out: dict[str, str] = Field(description="stations of the day without reference coordinates, and why")
    findings: list[str]


class SourceEntry(_Part):
    """A solution that was read."""

    centre: str
    file: str
    sha256: str
    epoch_utc: datetime
    stations: int
    matrix: Literal["covariance", "information", "normal equations", "standard deviations"]
    constraints: Literal["matrix", "standard deviations", "none"] = Field(description="what is removed")
    findings: list[str] = Field(description="faults that reading repaired or passed over")


class CentreRejection(_Part):
    """A centre that was left out."""

    centre: str
    file: str
    code: str
    reason: str


class HelmertEntry(_Part):
    """Seven parameters and their standard deviations, position-vector signs."""

    translation_x_mm: float
    translation_y_mm: float
    translation_z_mm: float
    scale_ppb: float
    rotation_x_mas: float
    rotation_y_mas: float
    rotation_z_mas: float
    sigma_translation_x_mm: float
    sigma_translation_y_mm: float
    sigma_translation_z_mm: float
    sigma_scale_ppb: float
    sigma_rotation_x_mas: float
    sigma_rotation_y_mas: float
    sigma_rotation_z_mas: float


class DatumEntry(_Part):
    """How well the observations of a centre know its frame, millimetres at the Earth's surface; None where free."""

    translation_mm: list[float | None]
    scale_mm: float | None
    rotation_mm: list[float | None]
    sentence: str


class EarthRotationResidual(_Part):
    """An Earth rotation parameter of a centre after its rotation, minus the combination."""

    parameter: str
    epoch_utc: str
    residual: float
    unit: str


class CentreEntry(_Part):
    """A centre in the combination."""

    centre: str
    stations: int
    reference_stations: int
    core_stations: int
    wrms_enu_mm: list[float] | None = Field(description="East, North, Up; None when it shares no station")
    rms_enu_mm: list[float] | None
    sqrt_variance_factor: float = Field(description="standard deviations of the centre were multiplied by it")
    redundancy: float
    helmert: HelmertEntry
    datum: DatumEntry
    earth_rotation: list[EarthRotationResidual]


class StationRejectionEntry(_Part):
    """A station that was taken out."""

    centre: str = Field(description="empty when the station was taken out of the core")
    station: str
    reason: Literal["residual", "normalised-residual", "reference", "velocity", "alignment"]
    component: Literal["E", "N", "U"]
    value: float = Field(description="residual: mm, or standard deviations when normalised")
    limit: float
    unit: str
    sentence: str


class FrameReport(_Part):
    """A combination of station solutions."""

    layout_version: Literal[1] = LAYOUT_VERSION
    software: Software
    product: FrameProduct
    reference: ReferenceEntry
    options: dict[str, Any] = Field(description="SI, or with the unit in the name")
    signs: str = SIGNS
    inputs: list[SourceEntry]
    centres: list[CentreEntry]
    rejected_centres: list[CentreRejection]
    rejected_stations: list[StationRejectionEntry]
    findings: list[str] = Field(description="moved stations, DOMES numbers that disagree")
    notes: list[str]


class AlignmentReport(_Part):
    """Seven parameters from a daily solution to a reference frame."""

    layout_version: Literal[1] = LAYOUT_VERSION
    software: Software
    file: str
    sha256: str
    epoch_utc: datetime
    reference: ReferenceEntry
    signs: str = "solution to reference: " + SIGNS.partition(": ")[2]
    common_stations: int
    used_stations: int
    helmert: HelmertEntry
    rms_enu_mm: list[float]
    sqrt_variance_factor_mm: float = Field(description="standard deviation of a coordinate of unit weight")
    rejected_stations: list[StationRejectionEntry]
    findings: list[str]

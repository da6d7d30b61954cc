"""The machine-readable report of an orbit and clock combination: one model, from which the schema and all texts come."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LAYOUT_VERSION: Literal[1] = 1

Role = Literal["combined", "compared"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Product(_Part):
    """What was made."""

    name: str = Field(description="AAAVPPPTTT of the file names: centre, version, campaign, solution")
    files: list[str] = Field(description="names of the files written beside this report")
    frame: str = Field(description="terrestrial frame of the positions")
    start_gps: datetime = Field(description="first epoch, GPS time")
    end_gps: datetime = Field(description="last epoch, GPS time")
    epochs: int
    sampling_s: float
    gps_week: int
    day_of_week: int = Field(ge=0, le=6, description="0 is Sunday")
    year: int
    day_of_year: int
    time_scale: str = Field(description="reference time scale of the clocks, in words; empty without clocks")


class Software(_Part):
    """Who made it."""

    name: str
    version: str
    created_utc: datetime


class InputFile(_Part):
    """An orbit file that was read."""

    centre: str
    role: Role
    file: str
    sha256: str
    agency: str
    orbit_type: str
    frame_label: str = Field(description="as printed in the header")
    start_gps: datetime
    end_gps: datetime
    sampling_s: float | None
    satellites: int
    records: int = Field(description="satellite positions present")
    clock_records: int
    interpolated_epochs: int = Field(description="epochs of the product at which positions were interpolated")
    clock_file: str | None = Field(description="separate clock file, when clocks do not come from the orbit file")
    findings: list[str] = Field(description="faults that reading repaired")


class AuxiliaryFile(_Part):
    """Another file that was used."""

    kind: Literal["frame summary", "satellite metadata", "NANU summary", "earth rotation", "clocks"]
    file: str
    sha256: str


class Coverage(_Part):
    """How much of the day a centre, or the product, has."""

    centre: str = Field(description="name of a centre, or of the product")
    constellation: str
    satellites: int
    records: int
    share_of_product_percent: float | None = Field(description="records as part of those of the product")


class ExclusionEntry(_Part):
    """Something that was kept out, and why."""

    centre: str
    satellite: str = Field(description="satellite, letter of a constellation, or empty for the whole centre")
    reason: str
    sentence: str
    begin_gps: datetime | None
    end_gps: datetime | None
    records: int
    value: float | None
    limit: float | None
    unit: str


class PreAlignment(_Part):
    """Rotation applied before the combination, position-vector signs."""

    centre: str
    rotation_x_uas: float | None = Field(description="None when the summary has no entry and nothing was applied")
    rotation_y_uas: float | None
    rotation_z_uas: float | None


class ScaleEntry(_Part):
    """Scale of one centre and constellation."""

    constellation: str
    scale_ppb: float
    scale_sigma_ppb: float | None


class Transformation(_Part):
    """Helmert transformation of a centre to the combination, position-vector signs, at the combination's epochs."""

    centre: str
    role: Role
    translation_x_mm: float
    translation_y_mm: float
    translation_z_mm: float
    translation_x_sigma_mm: float | None
    translation_y_sigma_mm: float | None
    translation_z_sigma_mm: float | None
    rotation_x_uas: float
    rotation_y_uas: float
    rotation_z_uas: float
    rotation_x_sigma_uas: float | None
    rotation_y_sigma_uas: float | None
    rotation_z_sigma_uas: float | None
    scales: list[ScaleEntry]


class WeightEntry(_Part):
    """Weight of a centre for a group of satellites."""

    group: str = Field(description="constellation letter, block, satellite or 'all'")
    centre: str
    share_percent: float = Field(description="mean share in the combined positions of the group")
    sigma_mm: float | None = Field(
        description="standard deviation of the centre per coordinate, without the satellites' own"
    )


class Statistic(_Part):
    """RMS of a centre to the combination after Helmert, per coordinate."""

    centre: str
    role: Role
    level: Literal["all", "constellation", "block", "satellite"]
    group: str = Field(description="'all', constellation letter, block or satellite")
    records: int
    rms_mm: float
    wrms_mm: float | None = Field(description="each satellite weighted by its inverse variance")


class SatelliteEntry(_Part):
    """One satellite of the product."""

    satellite: str
    svn: str | None
    block: str | None
    centres: int = Field(description="weighted centres")
    records: int
    accuracy_mm: float | None = Field(description="one standard deviation; None with one centre")
    accuracy_code: int = Field(description="SP3 header code n of 2^n mm, 0 unknown")
    excess_sigma_mm: float | None = Field(
        description="standard deviation common to all centres' orbits of this satellite"
    )
    events: list[Literal["E", "M", "V"]] = Field(description="eclipse by Earth, by Moon, manoeuvre")


class ManoeuvreEntry(_Part):
    """A manoeuvre that was announced or found, and what became of the centres."""

    satellite: str
    source: Literal["NANU", "orbits"]
    reference: str = Field(description="number of the NANU, or the centres in whose orbits the velocity changes")
    begin_gps: datetime
    end_gps: datetime
    change_mm_per_s: float | None
    centres_kept: list[str]
    centres_cut: list[str]
    centres_without: list[str] = Field(description="centres that do not give the satellite")
    sentence: str


class EclipseEntry(_Part):
    """A passage through a shadow."""

    satellite: str
    body: Literal["Earth", "Moon"]
    kind: str
    begin_gps: datetime
    end_gps: datetime
    duration_min: float
    least_lit_fraction: float


class ClockCentre(_Part):
    """Clocks of a centre in one constellation."""

    centre: str
    role: Role
    share_percent: float
    noise_ps: float | None = Field(description="standard deviation of a record from the differences of all pairs")
    rms_ps: float | None = Field(description="to the combination, after datum and constants")
    records: int
    rejected: int
    offset_ns: float | None = Field(
        description="time scale of the centre minus that of the product, at the middle of the day"
    )
    drift_ns_per_day: float | None
    inter_system_bias_ns: float | None = Field(description="against the first constellation, relative to the product")


class ClockJumpEntry(_Part):
    """A stretch of a centre's clock that departs by a constant."""

    centre: str
    satellite: str
    begin_gps: datetime
    end_gps: datetime
    records: int
    size_ps: float


class ClockConstellation(_Part):
    """Clocks of one constellation."""

    constellation: str
    separable: bool = Field(description="False with two centres, which then count alike")
    centres: list[ClockCentre]
    jumps: list[ClockJumpEntry]


class ClockSatellite(_Part):
    """Clock of one satellite in one centre."""

    satellite: str
    centre: str
    constant_ps: float
    rms_ps: float | None


class ClockReport(_Part):
    """The clock combination."""

    datum_centre: str
    exclusions: list[ExclusionEntry]
    constellations: list[ClockConstellation]
    satellites: list[ClockSatellite]


class EarthRotationEntry(_Part):
    """Pole and length of day that belong to the orbits."""

    mjd_utc: float
    x_pole_uas: float
    y_pole_uas: float
    x_pole_sigma_uas: float | None
    y_pole_sigma_uas: float | None
    length_of_day_us: float | None
    source: str


class CombinationReport(_Part):
    """Everything about one combination."""

    layout_version: Literal[1] = LAYOUT_VERSION
    product: Product
    software: Software
    options: dict[str, Any] = Field(description="every option with its value, SI or with the unit in its name")
    inputs: list[InputFile]
    auxiliary: list[AuxiliaryFile]
    coverage: list[Coverage]
    exclusions: list[ExclusionEntry]
    manoeuvres: list[ManoeuvreEntry]
    eclipses: list[EclipseEntry]
    pre_alignment: list[PreAlignment] = Field(description="empty when no rotations were applied")
    transformations: list[Transformation]
    weighting: str
    weights: list[WeightEntry]
    statistics: list[Statistic]
    satellites: list[SatelliteEntry]
    clocks: ClockReport | None
    earth_rotation: list[EarthRotationEntry]
    fragile: list[str] = Field(description="parts of the product that hang on few centres, in sentences")
    notes: list[str]

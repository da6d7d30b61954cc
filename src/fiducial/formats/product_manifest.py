"""``product.json`` of a point motion product: what the points are, where they came from, what they are tied to."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fiducial.formats.egms_xml import EgmsMetadata, Scene

RequirementName = Literal["gnss", "dem", "land_cover", "snow"]
REQUIREMENTS: Final[tuple[RequirementName, ...]] = ("gnss", "dem", "land_cover", "snow")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Strict):
    """A file that the product was made from."""

    name: Annotated[str, Field(description="file name, without folder")]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Column(_Strict):
    """A column of the source, so that it can be written back as it was."""

    spelled: str
    name: Annotated[str, Field(description="canonical name, as in points.parquet")]
    style: Annotated[str, Field(description="integer, shortest, plain or fixed:k")]


class Tie(_Strict):
    """Reference frame that the velocities are tied to."""

    frame: Annotated[str | None, Field(description="None: relative, not tied to a frame")]
    epoch: Annotated[str | None, Field(description="epoch of the coordinates of the tie; None: rates only")] = None
    gnss_source: str | None = None
    stated_by: Annotated[str, Field(description="who says so: the XML, the user, a calibration")]


class Requirement(_Strict):
    """Whether an in-situ requirement of the product is met, and how that is known."""

    name: RequirementName
    state: Literal["stated", "given", "unstated"]
    detail: str | None = None


class SceneRecord(_Strict):
    """One SAFE product."""

    product_id: str
    orbit_type: str


class Metadata(_Strict):
    """The EGMS XML."""

    level: str
    track: int | None = None
    burst: int | None = None
    swath: int | None = None
    production_facility: int | None = None
    production_date: str | None = None
    dem_version: str | None = None
    corine_version: str | None = None
    snow_version: str | None = None
    gnss_version: str | None = None
    clusters: int | None = None
    reference_scenes: tuple[SceneRecord, ...] = ()
    scenes: tuple[SceneRecord, ...] = ()

    @classmethod
    def of(cls, metadata: EgmsMetadata) -> Metadata:
        """Take over what was read from an XML."""
        fields = {name: getattr(metadata, name) for name in cls.model_fields if not name.endswith("scenes")}
        return cls(
            **fields,
            reference_scenes=tuple(SceneRecord(**vars(scene)) for scene in metadata.reference_scenes),
            scenes=tuple(SceneRecord(**vars(scene)) for scene in metadata.scenes),
        )

    def to_egms(self) -> EgmsMetadata:
        """Give back what an XML is written from."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if not name.endswith("scenes")}
        return EgmsMetadata(
            **fields,
            reference_scenes=tuple(Scene(s.product_id, s.orbit_type) for s in self.reference_scenes),
            scenes=tuple(Scene(s.product_id, s.orbit_type) for s in self.scenes),
        )


def _calendar_date(text: str) -> str:
    date.fromisoformat(text)
    return text


class Manifest(_Strict):
    """Contents of ``product.json``."""

    format: Literal["fiducial point motion product"] = "fiducial point motion product"
    format_version: Literal[1] = 1
    name: str
    level: Annotated[str, Field(description="L2a, L2b, L3, or rates for a frame without series")]
    component: Annotated[Literal["LOS", "east", "up"], Field(description="what the displacement is along")]
    sign: str = "LOS positive towards the satellite; east and up positive"
    line_of_sight: str = "unit vector from the ground to the satellite: los_east, los_north, los_up"
    wavelength_mm: float | None
    points: Annotated[int, Field(ge=1)]
    epochs: Annotated[tuple[Annotated[str, AfterValidator(_calendar_date)], ...], Field(description="scene dates, UTC")]
    series_dtype: Annotated[Literal["int16", "float32"], Field(description="int16: 0.1 mm, fill -32768")]
    row_group_points: Annotated[int, Field(ge=1)]
    columns: tuple[Column, ...]
    series_style: str
    tie: Tie
    requirements: tuple[Requirement, ...]
    shortcomings: Annotated[
        tuple[str, ...], Field(description="desirable in-situ inputs that were missing when the product was made")
    ] = ()
    sources: tuple[SourceFile, ...]
    metadata: Metadata | None
    created_by: str
    provenance_id: Annotated[str, Field(description="hash of sources, version and parameters")]
    content_sha256: Annotated[str, Field(description="ties points.parquet and series.zarr: over their files")]

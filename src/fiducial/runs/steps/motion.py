"""Steps: import bursts, calibrate many of them together, and make Ortho tiles.

A calibration maps over bursts (observe), reduces what was observed to one sparse adjustment, and maps over bursts again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from fiducial.runs.engine_model import (
    Call,
    Criticality,
    InputSlot,
    MadeProduct,
    Outcome,
    OutputSlot,
    Step,
    StepRequirement,
)
from fiducial.runs.steps.base import Section, check_frame

if TYPE_CHECKING:
    from fiducial.runs.steps.spans import Span

_GNSS_FIX: Final = (
    "give a table of GNSS station velocities (field gnss_table) and its frame (gnss_frame); "
    "`fiducial recipe new velocity_model` makes one from series"
)
_IN_SITU: Final = ("dem", "land_cover", "snow", "earthquakes", "weather_model", "validation")
_MADE_WITH: Final = (
    StepRequirement("dem", Criticality.ESSENTIAL, "dem", upstream=True),
    StepRequirement("land_cover", Criticality.ESSENTIAL, "land_cover", upstream=True),
    StepRequirement("snow", Criticality.DESIRABLE, "snow"),
    StepRequirement("earthquakes", Criticality.DESIRABLE, "earthquakes"),
    StepRequirement("validation", Criticality.DESIRABLE, "validation"),
    StepRequirement("weather_model", Criticality.OPTIONAL, "weather_model"),
)
"""The rows of the Copernicus register on ground motion, product 343."""


class NoParameters(Section):
    """Nothing to choose."""


class GnssFrame(Section):
    """In which frame the places of stations are read along with velocities; no place depends on it."""

    gnss_frame: str | None = Field(
        default=None, description="frame of the GNSS velocities", json_schema_extra={"in_key": False}
    )


class CalibrationOptions(Section):
    """How sources are tied to GNSS."""

    recipe: str = Field(
        default="joint",
        description="joint, network for very many bursts; to compare egms, plane, quadratic, gauss-60, window-30",
    )
    gnss_frame: str | None = Field(
        default=None,
        description="frame of the GNSS velocities, such as ETRF2000; that of the calibrated velocities too",
    )
    hold_out_folds: int = Field(
        default=0, ge=0, le=100, description="predict held-out stations in that many folds; 0 does not"
    )
    up_prior_sigma_mm_per_yr: float | None = Field(
        default=None,
        gt=0.0,
        le=100.0,
        description="Up around zero with this sigma where the GNSS table has no vertical",
    )


class OrthoChoices(Section):
    """How East and Up are made."""

    mode: Literal["official", "best"] = Field(
        default="best", description="official reproduces EGMS; best weights, removes north, gives formal errors"
    )
    north_in_input: bool | None = Field(
        default=None, description="whether lines of sight still hold the north motion; must be stated for best"
    )
    time: Literal["linear", "nearest"] = Field(
        default="linear", description="interpolation between acquisitions in best"
    )
    gnss_frame: str | None = Field(
        default=None, description="frame of the GNSS velocities; must be that of the sources"
    )


class OrthoParameters(OrthoChoices):
    """How East and Up of a tile are made."""

    tile: str | None = Field(default=None, description="only this tile, such as E44N27; all by default")


def _import(call: Call) -> Outcome:
    from fiducial.formats.point_product import PointProduct
    from fiducial.runs.ingest import import_egms
    from fiducial.runs.ingest_frame import import_frame
    from fiducial.runs.sources import is_frame_folder
    from fiducial.runs.steps.spans import of_dates

    source = call.inputs["source"][0]
    made = (import_frame if is_frame_folder(source) else import_egms)(source, call.out)
    manifest = PointProduct.open(made).manifest
    frame, span = manifest.tie.frame, of_dates(manifest.epochs)
    product = MadeProduct(manifest.name, f"{made.name}/*", "ESD", manifest.level, None, frame, *span)
    note = f"{manifest.points} points, {len(manifest.epochs)} epochs"
    return Outcome((note,), (product,))


def stated_by(paths: tuple[Path, ...]) -> dict[str, str]:
    """Return the requirements that the manifests of all point products state, or were given.

    One that only some of the products state is not stated for them together.
    """
    from fiducial.formats.point_product import PointProduct, is_product

    found: list[dict[str, str]] = []
    for path in paths:
        if is_product(path):
            listed = PointProduct.open(path).manifest.requirements
            found.append({one.name: one.detail or one.state for one in listed if one.state != "unstated"})
    common = set.intersection(*(set(one) for one in found)) if found else set()
    return {name: ", ".join(sorted({one[name] for one in found})) for name in sorted(common)}


def _station_places(call: Call) -> Outcome:
    from fiducial.formats import station_places
    from fiducial.runs.gnss import read_table

    stations = read_table(call.inputs["gnss"][0], call.parameters.gnss_frame)
    station_places.write(call.out / "stations.parquet", stations)
    return Outcome((f"{stations.size} stations",))


def _observe(call: Call) -> Outcome:
    from fiducial.formats import observed_source, station_places
    from fiducial.formats.point_product import PointProduct
    from fiducial.runs.calibration_sources import observe

    stations = station_places.read(call.inputs["stations"][0])
    found = observe(PointProduct.open(call.inputs["source"][0]), stations)
    observed_source.write(call.out / f"{call.place.name}.parquet", found)
    return Outcome((f"{found.track.blocks.size} blocks, {found.track.samples.size} stations", *found.track.notes))


def _adjust(call: Call) -> Outcome:
    from fiducial.formats import calibration_coefficients, observed_source
    from fiducial.formats.calibration_file import PackedCalibration
    from fiducial.runs.calibration_adjustment import adjust

    given: CalibrationOptions = call.parameters
    paths = call.inputs["observations"]
    found = adjust(
        [observed_source.read(path) for path in paths], call.inputs["gnss"][0], given.gnss_frame, recipe=given.recipe,
        folds=given.hold_out_folds, up_prior_sigma_mm_per_yr=given.up_prior_sigma_mm_per_yr,
    )  # fmt: skip
    for path, file in zip(paths, found.files, strict=True):
        calibration_coefficients.write(call.out / "coefficients" / f"{path.stem}.npz", PackedCalibration.of(file))
    (call.out / "calibration.json").write_text(json.dumps(found.to_dict(), indent=1), encoding="utf-8")
    return Outcome((*found.notes, *found.result.notes))


def _calibrate(call: Call) -> Outcome:
    from fiducial.formats import calibration_coefficients, calibration_file
    from fiducial.runs.calibration_sources import open_products

    packed = calibration_coefficients.read(call.inputs["coefficients"][0])
    product = open_products(call.inputs["source"], call.out)[0].path
    calibration_file.write(product, packed, overwrite=True)
    name, (_, span) = f"{product.name}-{packed.version}", _frame_and_span(product)
    made = MadeProduct(name, f"{product.name}/*", "ESD", "L2b", None, packed.frame, *span)
    return Outcome((), (made,), stated_by((product,)))


def _ortho(call: Call) -> Outcome:
    from fiducial.runs.ortho import OrthoOptions as Options
    from fiducial.runs.ortho import ortho

    given: OrthoParameters = call.parameters
    options = Options(given.mode, given.north_in_input, given.time, given.tile)
    sources = call.inputs["sources"]
    found = ortho(sources, call.out, options=options, table=call.one("gnss"), gnss_frame=given.gnss_frame)
    (call.out / "ortho.json").write_text(json.dumps(found.to_dict(), indent=1), encoding="utf-8")
    names = [name for tile in found.tiles for name in (tile.name_east, tile.name_up)]
    tied = {name: _frame_and_span(call.out / name) for name in names}
    products = tuple(
        MadeProduct(name, f"{name}*", "ESD", "L3", None, frame, *span) for name, (frame, span) in tied.items()
    )
    unused = frozenset(sources[k] for k in found.elsewhere)
    return Outcome(found.notes, products, stated_by(tuple(one for one in sources if one not in unused)), unused)


def _frame_and_span(path: Path) -> tuple[str | None, Span]:
    from fiducial.formats.point_product import PointProduct
    from fiducial.runs.steps.spans import of_dates

    manifest = PointProduct.open(path).manifest
    return manifest.tie.frame, of_dates(manifest.epochs)


def _check_gnss(call: Call) -> None:
    """Look whether frame and table of GNSS can be used, before anything is imported."""
    from fiducial.errors import InputError
    from fiducial.formats import velocity_tables

    given: Any = call.parameters
    if given.gnss_frame is None:
        raise InputError(
            "FID-1004", "the frame of the GNSS velocities is not stated, and no velocity table names it",
            where="gnss_frame", fix="state it, e.g. gnss_frame: ETRF2000, ITRF2020 or plate:EURA",
        )  # fmt: skip
    check_frame(given.gnss_frame, "gnss_frame")
    if call.inputs.get("gnss"):
        velocity_tables.read(call.inputs["gnss"][0], frame=given.gnss_frame)


def _check_calibration(call: Call) -> None:
    from fiducial.motion.calibration.recipes import recipe

    recipe(call.parameters.recipe)
    _check_gnss(call)


def _check_ortho(call: Call) -> None:
    from fiducial.runs.ortho_inputs import check_north, tile_corner

    given: OrthoParameters = call.parameters
    # An empty slot is one that another task fills.
    table = (call.inputs["gnss"] or (Path("gnss"),))[0] if "gnss" in call.inputs else None
    if given.tile is not None:
        tile_corner(given.tile)
    if given.mode == "best":
        check_north(given.north_in_input, table, in_recipe=True)
    if table is not None:
        _check_gnss(call)


IMPORT: Final = Step(
    name="import",
    version=1,
    parameters=NoParameters,
    inputs=(InputSlot("source"),),
    outputs=(OutputSlot("products", "*/product.json", folder=True),),
    run=_import,
)
_GNSS: Final = StepRequirement("gnss", Criticality.ESSENTIAL, "gnss", code="FID-1005", fix=_GNSS_FIX)
STATION_PLACES: Final = Step(
    name="station-places",
    version=1,
    parameters=GnssFrame,
    inputs=(InputSlot("gnss"),),
    outputs=(OutputSlot("stations", "stations.parquet"),),
    requirements=(_GNSS,),
    run=_station_places,
    check=_check_gnss,
)
OBSERVATION: Final = Step(
    name="observation",
    version=1,
    parameters=NoParameters,
    inputs=(InputSlot("source"), InputSlot("stations")),
    outputs=(OutputSlot("observations", "*.parquet"),),
    run=_observe,
)
ADJUSTMENT: Final = Step(
    name="adjustment",
    version=1,
    parameters=CalibrationOptions,
    inputs=(InputSlot("observations"), InputSlot("gnss")),
    outputs=(OutputSlot("coefficients", "coefficients/*.npz"), OutputSlot("report", "calibration.json")),
    requirements=(_GNSS,),
    run=_adjust,
    check=_check_calibration,
)
CALIBRATION: Final = Step(
    name="calibration",
    version=2,
    parameters=NoParameters,
    inputs=(InputSlot("source"), InputSlot("coefficients"), *(InputSlot(name, needed=False) for name in _IN_SITU)),
    outputs=(OutputSlot("products", "*/product.json", folder=True),),
    # The coefficients are not there without GNSS.
    requirements=(StepRequirement("gnss", Criticality.ESSENTIAL, "coefficients", upstream=True), *_MADE_WITH),
    run=_calibrate,
)
ORTHO: Final = Step(
    name="ortho",
    version=2,
    parameters=OrthoParameters,
    inputs=(InputSlot("sources"), *(InputSlot(name, needed=False) for name in ("gnss", *_IN_SITU))),
    outputs=(
        OutputSlot("products", "*/product.json", folder=True),
        OutputSlot("rasters", "*.tiff"),
        OutputSlot("archives", "*.zip"),
        OutputSlot("report", "ortho.json"),
    ),
    # The lines of sight are tied already; GNSS serves the north motion only.
    requirements=(StepRequirement("gnss", Criticality.ESSENTIAL, "gnss", upstream=True), *_MADE_WITH),
    run=_ortho,
    check=_check_ortho,
)

"""Sections of recipes, and the tasks that each of them becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from fiducial.errors import FiducialError, InputError, RunError
from fiducial.runs.engine_model import Given, Source, Task
from fiducial.runs.recipes.builder import Builder, day_of, made, options_at, plain_name
from fiducial.runs.steps.base import Section
from fiducial.runs.steps.frames import FRAME_COMBINATION, FRAME_STACK, FRAME_VELOCITIES, StackParameters, StationLimits
from fiducial.runs.steps.frames import VelocityTableParameters as TableParameters
from fiducial.runs.steps.motion import (
    ADJUSTMENT,
    CALIBRATION,
    IMPORT,
    OBSERVATION,
    ORTHO,
    STATION_PLACES,
    CalibrationOptions,
    GnssFrame,
    NoParameters,
    OrthoChoices,
    OrthoParameters,
)
from fiducial.runs.steps.orbits import ORBIT_COMBINATION, OrbitOptions, OrbitParameters
from fiducial.runs.steps.velocities import (
    STATION_VELOCITIES,
    VELOCITY_MODEL,
    ModelParameters,
    SeriesOptions,
    SeriesParameters,
    require_sites,
)

Place = tuple[str | int, ...]
PathText = Annotated[str, Field(min_length=1, max_length=4000)]
TileText = Annotated[str, Field(pattern=r"^E\d{2}N\d{2}$")]
Patterns = tuple[PathText, ...]
_IN_SITU: Final = ("dem", "land_cover", "snow", "earthquakes", "weather_model", "validation")


def _files(example: str, description: str) -> Any:
    """Return the field of files that a recipe needs."""
    return Field(
        min_length=1, description=f"{description}; paths or patterns", json_schema_extra={"example": [example]}
    )


def _optional(description: str) -> Any:
    return Field(default=None, description=description)


class InSitu(Section):
    """In-situ data, in the words of the Copernicus register on ground motion (product 343)."""

    dem: PathText | None = _optional(
        "digital elevation model (Essential where the InSAR was made); null: as far as the metadata of the bursts state it"
    )
    land_cover: PathText | None = _optional("land cover (Essential where the InSAR was made); null: as for dem")
    snow: PathText | None = _optional("snow cover (Desirable)")
    earthquakes: PathText | None = _optional("earthquake catalogue (Desirable)")
    weather_model: PathText | None = _optional("numerical weather prediction (Optional)")
    validation: PathText | None = _optional("in-situ ground motion to validate with (Desirable)")


class OrbitPart(Section):
    """Orbits and clocks."""

    sources: Patterns = _files("orbits/*", "SP3 and clock files, or folders of them; CENTRE=path names an odd one")
    without: tuple[str, ...] = Field(default=(), description="centres to leave out, such as COD: what if they fail")
    frame_summary: PathText | None = _optional(
        "IGS SINEX-combination summary; null: in a chain what its frame finds of the day, else found beside the orbits"
    )
    satellite_metadata: PathText | None = _optional("satellite-metadata SINEX; found beside the orbits when null")
    nanus: PathText | None = _optional("NANU summary with manoeuvres; found beside the orbits when null")
    earth_rotation: PathText | None = _optional("IERS finals with Bulletin A; found beside the orbits when null")
    options: OrbitOptions = Field(default_factory=OrbitOptions, description="how orbits and clocks are combined")


class FramePart(Section):
    """Station solutions."""

    solutions: Patterns = _files("sinex/*.SNX", "SINEX files of days, one a centre and day")
    reference: PathText = Field(
        description="cumulative SINEX solution with positions and velocities",
        json_schema_extra={"example": "IGS20.SNX"},
    )
    core: PathText | None = _optional("list of stations that hold the datum; all of the reference when null")
    post_seismic: PathText | None = _optional("SINEX file of post-seismic models of the same frame solution")
    discontinuities: PathText | None = _optional("SINEX file of discontinuities; those of the reference when null")
    combine_days: bool = Field(
        default=True, description="combine the centres of each day first; orbits of a chain are turned by what it finds"
    )
    day_options: StationLimits = Field(default_factory=StationLimits, description="how days are combined")
    stack: bool = Field(default=True, description="stack the days into positions and velocities")
    stack_options: StackParameters = Field(default_factory=StackParameters, description="how days are stacked")


class VelocityPart(Section):
    """Station velocities and their model."""

    series: Patterns = Field(
        default=(), description="series of stations (tenv, tenv3, TMS): paths or patterns; or tables"
    )
    tables: Patterns = Field(
        default=(), description="tables of station velocities in place of series: paths or patterns"
    )
    steps: PathText | None = _optional("list of known steps: station, date, 1 equipment or 2 earthquake")
    sites: PathText | None = _optional("table of sites, for series that do not state where their station is")
    options: SeriesOptions = Field(default_factory=SeriesOptions, description="how velocities are estimated")
    table_frame: str | None = Field(
        default=None,
        description="frame in which the velocities are handed on, such as ETRF2000; of tables: the frame they are in",
    )
    least_span_yr: float = Field(
        default=1.0, ge=0.0, le=50.0, description="stations of a stacked frame with shorter data are left out, years"
    )
    model: bool = Field(default=True, description="make a velocity model, which needs 30 sites")
    plate: str = Field(default="EURA", pattern="^[A-Z]{4}$", description="plate whose rotation is removed and restored")
    origin_rate_bias: bool = Field(default=False, description="remove the plate of ITRF2020 with its origin rate bias")
    first_epoch_yr: float | None = Field(
        default=None, ge=1980.0, le=2100.0, description="first epoch of the series behind tables, decimal year"
    )
    last_epoch_yr: float | None = Field(default=None, ge=1980.0, le=2100.0, description="last epoch, decimal year")


class CalibrationPart(Section):
    """Bursts to be tied."""

    sources: Patterns = _files("egms/EGMS_L2a_*.zip", "EGMS ZIP or CSV, folders of GeoTIFFs, or point products")
    gnss_table: PathText | None = _optional("table of GNSS velocities (Essential); null in a chain: of its velocities")
    options: CalibrationOptions = Field(default_factory=CalibrationOptions, description="how the bursts are tied")
    in_situ: InSitu = Field(default_factory=InSitu, description="in-situ data beside GNSS")


class OrthoPart(Section):
    """Sources of East and Up."""

    sources: Patterns = Field(
        default=(), description="EGMS Level 2b or calibrated products; none in a chain: of its calibration",
        json_schema_extra={"example": ["products/calibration/bursts/*/*/"], "chained": True},
    )  # fmt: skip
    gnss_table: PathText | None = _optional("GNSS velocities, for the north motion; null in a chain: of its velocities")
    tiles: tuple[TileText, ...] = Field(
        default=(), description="tiles of 100 km to make, a task each, such as E44N27; none: all there are, in one task"
    )
    options: OrthoChoices = Field(default_factory=OrthoChoices, description="how East and Up are made")
    in_situ: InSitu = Field(default_factory=InSitu, description="in-situ data beside GNSS")


def build_orbits(
    part: OrbitPart, builder: Builder, place: Place, summaries: Mapping[str, Source] | None = None
) -> list[Task]:
    """Add a combination of orbits for each day; errors of `find_sources`, with the line of the recipe.

    ``summaries`` are those of the frame that the same recipe makes, by day: what the part states goes before, what lies
    beside the orbits is for days that the frame has not.
    """
    texts: list[tuple[str, Path]] = []
    for number, text in enumerate(part.sources):
        name, equals, path = text.partition("=")
        named = bool(equals) and "/" not in name
        found = builder.paths((*place, "sources", number), path if named else text)
        texts += [(f"{name}=" if named else "", one) for one in found]
    groups = _orbit_days(texts)
    names = {day: "orbits" if len(groups) == 1 else f"orbits/{plain_name(day)}" for day in groups}
    return [_orbit_task(part, builder, place, names[day], sources, summaries or {}) for day, sources in groups.items()]


def _orbit_days(texts: Sequence[tuple[str, Path]]) -> dict[str, list[str]]:
    """Return sources by day: several folders are a day each, files are of the day that their names tell."""
    folders = sum(path.is_dir() for _, path in texts)
    groups: dict[str, list[str]] = {}
    for name, path in texts:
        day = path.name if path.is_dir() else day_of(path)
        groups.setdefault(day or "other", []).append(f"{name}{path}")
    if folders == 1 or (not folders and "other" in groups):
        return {"": [f"{name}{path}" for name, path in texts]}
    return groups


def _orbit_task(
    part: OrbitPart, builder: Builder, place: Place, task: str, texts: Sequence[str], summaries: Mapping[str, Source]
) -> Task:
    from fiducial.runs.orbit_sources import find_sources

    try:
        sources = find_sources(texts, part.without)
    except FiducialError as error:
        field = "without" if error.where == "--without" else "sources"
        where = f"{builder.where((*place, field))}: {field if field == 'without' else error.where}"
        raise type(error)(error.code, error.problem, where=where, fix=error.fix) from error
    kinds = {"frame_summary": "frame summary", "satellite_metadata": "satellite metadata", "nanus": "NANU summary",
             "earth_rotation": "earth rotation"}  # fmt: skip
    inputs: dict[str, tuple[Source, ...]] = {
        "orbits": tuple(Given(path) for path in sources.orbits.values()),
        "clocks": tuple(Given(path) for path in sources.clocks.values()) if part.options.clocks else (),
    }
    for name, kind in kinds.items():
        stated = builder.files((*place, name), getattr(part, name))
        inputs[name] = stated or tuple(Given(path) for path in [sources.auxiliary.get(kind)] if path is not None)
    days = {day for path in sources.orbits.values() if (day := day_of(path))}
    made_here = summaries.get(days.pop()) if len(days) == 1 else None
    if made_here is not None and part.frame_summary is None:
        inputs["frame_summary"] = (made_here,)
    if not part.options.rotations:
        inputs["frame_summary"] = ()
    centres = {path.name: centre for found in (sources.orbits, sources.clocks) for centre, path in found.items()}
    parameters = OrbitParameters(**part.options.model_dump(), centres=dict(sorted(centres.items())))
    return builder.add(task, ORBIT_COMBINATION, parameters, inputs, {"": place, "orbits": (*place, "sources")})


def build_frame(part: FramePart, builder: Builder, place: Place) -> tuple[tuple[Source, ...], dict[str, Source]]:
    """Add a combination for each day, and their stack; return the report of the stack, if any, and the days' summaries.

    Raises
    ------
    RunError
        FID-5003 when the name of a file does not tell its day, which days of several centres need.
    """
    files = builder.files((*place, "solutions"), part.solutions)
    shared = {
        name: builder.files((*place, name), getattr(part, name)) for name in ("reference", "core", "post_seismic")
    }
    solutions: tuple[Source, ...] = files
    places = {"": place, "reference": (*place, "reference")}
    summaries: dict[str, Source] = {}
    if part.combine_days:
        days = {
            day: builder.add(f"frame/days/{day}", FRAME_COMBINATION, part.day_options,
                             {"solutions": tuple(map(Given, paths)), **shared}, places)
            for day, paths in _by_day([one.path for one in files], builder, place)
        }  # fmt: skip
        solutions = tuple(one for task in days.values() for one in made(task, "solution"))
        summaries = {day: one for day, task in days.items() for one in made(task, "summary")}
    if not part.stack:
        return (), summaries
    inputs = {"solutions": solutions, **shared,
              "discontinuities": builder.files((*place, "discontinuities"), part.discontinuities)}  # fmt: skip
    stack = builder.add("frame/stack", FRAME_STACK, part.stack_options, inputs, places)
    return made(stack, "report"), summaries


def _by_day(paths: Sequence[Path], builder: Builder, place: Place) -> list[tuple[str, list[Path]]]:
    days: dict[str, list[Path]] = {}
    for path in paths:
        day = day_of(path)
        if not day:
            raise RunError(
                "FID-5003", f"the name {path.name} does not tell the day of the solution",
                where=builder.where((*place, "solutions")),
                fix="name files as IGS does, or combine one day with `fiducial frame combine`, or set combine_days: false",
            )  # fmt: skip
        days.setdefault(day, []).append(path)
    return sorted(days.items())


def build_velocities(
    part: VelocityPart, builder: Builder, place: Place, report: Sequence[Source]
) -> tuple[Source, ...]:
    """Add the estimate of velocities and their model; return the table that others take, if there is one.

    Raises
    ------
    RunError
        FID-5014 when there are neither series nor tables nor a stacked frame, or more than one of them.
    """
    series = builder.files((*place, "series"), part.series)
    tables = builder.files((*place, "tables"), part.tables)
    if bool(series) + bool(tables) > 1 or not (series or tables or report):
        problem = "both series and tables are given" if series and tables else "neither series nor tables are given"
        raise RunError("FID-5014", problem, where=builder.where(place),
                         fix="give series, or tables, or in a chain a frame that is stacked")  # fmt: skip
    own = options_at(VelocityPart, place)
    source: Task | None = None
    if series:
        if part.model:
            require_sites(len(series), builder.where((*place, "series")))
        parameters = SeriesParameters(**part.options.model_dump(), table_frame=part.table_frame)
        inputs: dict[str, Sequence[Source]] = {"series": series}
        inputs |= {name: builder.files((*place, name), getattr(part, name)) for name in ("steps", "sites")}
        places = {"": place, "series": (*place, "series"), **options_at(SeriesOptions, (*place, "options")), **own}
        source = builder.add("velocities/stations", STATION_VELOCITIES, parameters, inputs, places)
    elif not tables:
        choice = TableParameters(frame=part.table_frame, least_span_yr=part.least_span_yr)
        source = builder.add("velocities/stations", FRAME_VELOCITIES, choice, {"report": report}, {"": place})
    if part.model:
        model = ModelParameters(
            table_frame=part.table_frame, plate=part.plate, origin_rate_bias=part.origin_rate_bias,
            first_epoch_yr=part.first_epoch_yr, last_epoch_yr=part.last_epoch_yr,
        )  # fmt: skip
        given = tables if source is None else made(source, "table")
        builder.add("velocities/model", VELOCITY_MODEL, model, {"tables": given}, {"": (*place, "model"), **own})
    return made(source, "table") if source is not None else tables if len(tables) == 1 else ()


def _in_situ(part: InSitu, builder: Builder, place: Place) -> dict[str, Sequence[Source]]:
    return {name: builder.files((*place, name), getattr(part, name)) for name in _IN_SITU}


def _imported(sources: Sequence[Given], builder: Builder, place: Place) -> dict[str, Source]:
    """Return the point product of each source by a name for tasks, adding an import where it is none yet.

    Raises
    ------
    InputError
        FID-1031 when two sources have one name.
    """
    from fiducial.formats.point_product import is_product

    found: dict[str, Source] = {}
    for one in sources:
        name = plain_name(one.path.stem if one.path.is_file() else one.path.name)
        if name in found:
            raise InputError("FID-1031", f"two sources have the same name: {name}", where=builder.where(place),
                             fix="rename one, or calibrate apart")  # fmt: skip
        if is_product(one.path):
            found[name] = one
            continue
        task = builder.add(f"import/{name}", IMPORT, NoParameters(), {"source": (one,)}, {"": place, "source": place})
        found[name] = made(task, "products")[0]
    return found


def build_calibration(
    part: CalibrationPart, builder: Builder, place: Place, table: Sequence[Source], frame: str | None
) -> tuple[Source, ...]:
    """Add imports, the observation of each burst, the adjustment of all, and the calibration of each; return products.

    ``table`` and ``frame`` are those of GNSS velocities that the same recipe makes; what the part states goes before.
    """
    bursts = _imported(builder.files((*place, "sources"), part.sources), builder, (*place, "sources"))
    in_situ = _in_situ(part.in_situ, builder, (*place, "in_situ"))
    gnss = builder.files((*place, "gnss_table"), part.gnss_table) or table
    places = {"": place, "gnss": (*place, "gnss_table"), "source": (*place, "sources"),
              **options_at(CalibrationOptions, (*place, "options"))}  # fmt: skip
    options = part.options
    if part.gnss_table is None and options.gnss_frame is None:
        options = options.model_copy(update={"gnss_frame": frame})
    stations = builder.add(
        "calibration/stations", STATION_PLACES, GnssFrame(gnss_frame=options.gnss_frame), {"gnss": gnss}, places
    )
    observed: list[Source] = []
    for name, source in bursts.items():
        inputs = {"source": (source,), "stations": made(stations, "stations")}
        task = builder.add(f"calibration/observations/{name}", OBSERVATION, NoParameters(), inputs, places)
        observed += made(task, "observations")
    given = {"observations": observed, "gnss": gnss}
    adjusted = builder.add("calibration/adjustment", ADJUSTMENT, options, given, places)
    products: list[Source] = []
    for name, source in bursts.items():
        own = {"source": (source,), "coefficients": made(adjusted, "coefficients", f"{name}.npz")} | in_situ
        task = builder.add(f"calibration/bursts/{name}", CALIBRATION, NoParameters(), own, places)
        products += made(task, "products")
    return tuple(products)


def build_ortho(
    part: OrthoPart, builder: Builder, place: Place, products: Sequence[Source], table: Sequence[Source],
    frame: str | None,
) -> None:  # fmt: skip
    """Add the Ortho of calibrated products, or of sources of its own, as one task or as one for each tile.

    ``table`` and ``frame`` are those of `build_calibration`.
    """
    own = _imported(builder.files((*place, "sources"), part.sources), builder, (*place, "sources"))
    sources = tuple(own.values()) or products
    if not sources:
        raise InputError("FID-1031", "the Ortho has no source", where=builder.where((*place, "sources")),
                         fix="give EGMS Level 2b files or calibrated products")  # fmt: skip
    inputs = _in_situ(part.in_situ, builder, (*place, "in_situ")) | {
        "sources": sources, "gnss": builder.files((*place, "gnss_table"), part.gnss_table) or table,
    }  # fmt: skip
    places = {"": place, "gnss": (*place, "gnss_table"), "sources": (*place, "sources"),
              **options_at(OrthoPart, place), **options_at(OrthoChoices, (*place, "options"))}  # fmt: skip
    options = part.options
    if part.gnss_table is None and options.gnss_frame is None:
        options = options.model_copy(update={"gnss_frame": frame})
    for tile in dict.fromkeys(part.tiles or (None,)):
        # Not inside the folder of the task that makes all tiles.
        name = "ortho" if tile is None else f"ortho-tiles/{tile}"
        builder.add(name, ORTHO, OrthoParameters(**options.model_dump(), tile=tile), inputs, places)

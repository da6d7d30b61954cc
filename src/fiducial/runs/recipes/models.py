"""The kinds of recipes, and the graph of each."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from fiducial.runs.engine_model import Source
from fiducial.runs.recipes.builder import Builder
from fiducial.runs.recipes.parts import (
    CalibrationPart,
    FramePart,
    OrbitPart,
    OrthoPart,
    VelocityPart,
    build_calibration,
    build_frame,
    build_orbits,
    build_ortho,
    build_velocities,
)
from fiducial.runs.steps.base import Section

Folder = Annotated[str, Field(min_length=1, max_length=1000)]


class Recipe(Section):
    """What all recipes have."""

    summary: ClassVar[str] = ""

    kind: str = Field(description="kind of the recipe")
    out: Folder = Field(default="products", description="folder of the outputs, relative to this file")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        raise NotImplementedError


class OrbitCombination(Recipe):
    """Recipe of combined orbits and clocks."""

    summary: ClassVar[str] = "Combine the orbits and clocks of analysis centres for one day."

    kind: Literal["orbit_combination"] = Field(default="orbit_combination", description="kind of the recipe")
    orbits: OrbitPart = Field(description="files of the analysis centres")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        build_orbits(self.orbits, builder, ("orbits",))


class Frame(Recipe):
    """Recipe of combined station solutions."""

    summary: ClassVar[str] = "Combine station solutions of days, and stack them into a reference frame with velocities."

    kind: Literal["frame"] = Field(default="frame", description="kind of the recipe")
    frame: FramePart = Field(description="solutions and how they are combined")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        build_frame(self.frame, builder, ("frame",))


class VelocityModel(Recipe):
    """Recipe of velocities and their model."""

    summary: ClassVar[str] = "Estimate velocities of stations from their series, and make a velocity model."

    kind: Literal["velocity_model"] = Field(default="velocity_model", description="kind of the recipe")
    velocities: VelocityPart = Field(description="series or tables, and how they are used")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        build_velocities(self.velocities, builder, ("velocities",), ())


class Calibration(Recipe):
    """Recipe of calibrated bursts."""

    summary: ClassVar[str] = "Tie many InSAR bursts to a GNSS velocity field, in one adjustment."

    kind: Literal["calibration"] = Field(default="calibration", description="kind of the recipe")
    calibration: CalibrationPart = Field(description="bursts, GNSS and in-situ data")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        build_calibration(self.calibration, builder, ("calibration",), (), None)


class Ortho(Recipe):
    """Recipe of East and Up."""

    summary: ClassVar[str] = "Make East and Up tiles from ascending and descending calibrated bursts."

    kind: Literal["ortho"] = Field(default="ortho", description="kind of the recipe")
    ortho: OrthoPart = Field(description="sources and how they are decomposed")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        build_ortho(self.ortho, builder, ("ortho",), (), (), None)


class Chain(Recipe):
    """Recipe of the whole way."""

    summary: ClassVar[str] = (
        "The whole way from files of analysis centres to Ortho. A section that is null, or left out, is not made; "
        "`orbits` takes the rotations of the centres from `frame`, `calibration` its GNSS table from `velocities`, these "
        "from `frame`, and `ortho` its sources from `calibration`, where they name none of their own."
    )

    kind: Literal["chain"] = Field(default="chain", description="kind of the recipe")
    orbits: OrbitPart | None = Field(default=None, description="files of the analysis centres")
    frame: FramePart | None = Field(default=None, description="station solutions and how they are combined")
    velocities: VelocityPart | None = Field(default=None, description="series or tables, and how they are used")
    calibration: CalibrationPart | None = Field(default=None, description="bursts, GNSS and in-situ data")
    ortho: OrthoPart | None = Field(default=None, description="how the calibrated bursts are decomposed")

    def build(self, builder: Builder) -> None:
        """Add the tasks of the recipe."""
        report: tuple[Source, ...] = ()
        summaries: dict[str, Source] = {}
        if self.frame is not None:
            report, summaries = build_frame(self.frame, builder, ("frame",))
        if self.orbits is not None:
            build_orbits(self.orbits, builder, ("orbits",), summaries)
        table: tuple[Source, ...] = ()
        if self.velocities is not None:
            table = build_velocities(self.velocities, builder, ("velocities",), report)
        frame = None if self.velocities is None else self.velocities.table_frame
        products: tuple[Source, ...] = ()
        if self.calibration is not None:
            products = build_calibration(self.calibration, builder, ("calibration",), table, frame)
        if self.ortho is not None:
            build_ortho(self.ortho, builder, ("ortho",), products, table, frame)


KINDS: Final[dict[str, type[Recipe]]] = {
    "orbit_combination": OrbitCombination,
    "frame": Frame,
    "velocity_model": VelocityModel,
    "calibration": Calibration,
    "ortho": Ortho,
    "chain": Chain,
}
"""Recipes by kind."""

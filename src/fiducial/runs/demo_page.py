"""The report of the demonstration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial.reports.bars import Bars, bar_plot
from fiducial.reports.figures import comparison_scatter, histogram
from fiducial.reports.html import Column, KeyFigure, Page, format_cell
from fiducial.reports.maps import PointLayer, Scale, Stations, panel_of_maps
from fiducial.runs.demo_chain_truth import (
    ModelGrid,
    OrbitTruth,
    frame_scores,
    model_truth,
    orbit_truth,
    velocity_scores,
)
from fiducial.runs.demo_motion_truth import BurstTruth, OrthoTruth, burst_truth, ortho_truth
from fiducial.runs.demo_recipes import CHAIN, PRODUCTS, SERIES, SERIES_PRODUCTS
from fiducial.runs.demo_scores import PULL_LIMITS, Floats, Score, pull_verdict, rms
from fiducial.runs.demo_series import add_series
from fiducial.runs.demo_verdicts import key_figures
from fiducial.runs.report_parts import COMPONENT_NAMES, EAST_SIGN, LOS_SIGN, UP_SIGN, short_name, software
from fiducial.runs.world import SimulatedFiles
from fiducial.runs.world_centres import make_centres
from fiducial.runs.world_network import REGIONAL, make_network
from fiducial.runs.world_truth import CALIBRATION_FRAME, WorldTruth

_MINUS: Final = "\N{MINUS SIGN}"
_ERROR_LIMIT_MM_PER_YR: Final = 2.0
_SHOWN_POINTS: Final = 4_000


@dataclass(frozen=True)
class DemoWorld:
    """Everything that the page shows.

    Attributes
    ----------
    out : Path
    world : SimulatedFiles
    scores : tuple of Score
        Rows of the table of products.
    figures : tuple of KeyFigure
    orbits : tuple of OrbitTruth
        By day.
    model : ModelGrid
    bursts : tuple of BurstTruth
    ortho : OrthoTruth
    """

    out: Path
    world: SimulatedFiles
    scores: tuple[Score, ...]
    figures: tuple[KeyFigure, ...]
    orbits: tuple[OrbitTruth, ...]
    model: ModelGrid
    bursts: tuple[BurstTruth, ...]
    ortho: OrthoTruth

    @property
    def truth(self) -> WorldTruth:
        """What is true."""
        return self.world.truth

    @property
    def main_tile(self) -> str:
        """Up of the tile with the most cells."""
        return self.ortho.names[int(np.argmax(np.bincount(self.ortho.tile)))][1]


def compared(out: Path, world: SimulatedFiles) -> DemoWorld:
    """Compare every product of a demonstration with the truth.

    Parameters
    ----------
    out : Path
        Folder with the products of both recipes.
    world : SimulatedFiles
    """
    truth, made, of_series = world.truth, out / PRODUCTS, out / SERIES_PRODUCTS
    orbits = orbit_truth(truth, world.folder, made)
    model, model_scores = model_truth(truth, of_series)
    bursts, ortho = burst_truth(truth, made), ortho_truth(truth, made)
    scores = (
        *(one.orbits for one in orbits),
        *(one.clocks for one in orbits),
        *frame_scores(truth, made),
        *velocity_scores(truth, made / "velocities" / "stations", "frame velocities"),
        *velocity_scores(truth, of_series / "velocities" / "stations", "series velocities"),
        *model_scores,
        *(one.scores()[0] for one in bursts),
        *(one.scores()[1] for one in bursts),
        *ortho.scores(),
    )
    figures = key_figures(scores, bursts, ortho, _wrong_orbits(truth, made))
    return DemoWorld(out, world, scores, tuple(figures), orbits, model, bursts, ortho)


def _wrong_orbits(truth: WorldTruth, made: Path) -> list[tuple[str, str, bool]]:
    """Return the wrong orbits of the centres, and whether the combination rejected them on every day."""
    excluded = [
        {(one["centre"], one["satellite"]) for one in json.loads(path.read_text(encoding="utf-8"))["exclusions"]}
        for path in sorted((made / "orbits").rglob("*_SUM.JSON"))
    ]
    return [
        (one.name, one.bad_satellite, all((one.name, one.bad_satellite) in day for day in excluded))
        for one in make_centres(truth.options)
        if one.bad_satellite
    ]


def demo_page(shown: DemoWorld) -> Page:
    """Return the page."""
    options = shown.truth.options
    page = Page(
        "From analysis centres to absolute motion, with the truth beside it",
        f"A simulated world: {options.centres} analysis centres on {options.days} days, {options.stations} GNSS stations in the "
        f"region, and {options.bursts} EGMS Level 2a bursts of {format_cell(options.points, 0)} points and {options.epochs} dates, with a town "
        f"that sinks by {-shown.truth.bowls[0].peak_mm_per_yr:g} mm/yr and an earthquake. Combined, stacked, calibrated, turned "
        "into East and Up, and compared with what is known.",
    )  # fmt: skip
    page.key_figures(shown.figures)
    page.paragraph("Every verdict follows from the tolerance beside it. Nothing here is measured: the world is simulated, so "
                   "that errors can be computed, not guessed. The command fiducial demo --real runs the motion part of the "
                   "chain on real data.")  # fmt: skip
    page.section("Product by product")
    _add_table(page, shown)
    page.section("Orbits and clocks")
    _add_orbits(page, shown)
    page.section("Frame and velocities")
    _add_frame(page, shown)
    page.section("Calibration")
    _add_calibration(page, shown)
    page.section("East and Up")
    _add_ortho(page, shown)
    page.section("A point in the bowl")
    add_series(page, shown.truth, shown.bursts, shown.ortho, shown.out / PRODUCTS / "ortho")
    page.section("Provenance")
    page.provenance("Simulated world", _parameters(shown))
    for name in (CHAIN, SERIES):
        page.provenance(f"Recipe {name}", _recipe(shown.out / name))
    page.provenance("Inputs", {name: f"sha256 {digest}" for name, digest in sorted(shown.world.digests.items())})
    page.provenance("Software", software())
    return page


def _add_table(page: Page, shown: DemoWorld) -> None:
    rows = [
        [one.product, short_name(one.name), one.quantity, one.error.size, rms(one.error), rms(one.sigma), one.unit, one.pull,
         pull_verdict(one.pull)[0]]
        for one in shown.scores
    ]  # fmt: skip
    low, high = PULL_LIMITS
    page.table(
        [Column("product", whole=True), Column("which", whole=True), Column("quantity", whole=True), Column("values"), Column("error, RMS"), Column("sigma, RMS"),
         Column("unit"), Column("pull"), Column("verdict")],
        rows,
        caption="Error: product minus truth. Sigma: what the product says of itself. Pull: RMS of error over sigma, 1 when the "
                f"sigma is right; pass from {low:g} to {high:g}, note below, fail above.",
    )  # fmt: skip
    page.paragraph(
        "Positions are compared without any alignment: they stand in IGS20. A clock is compared with the orbit that it belongs "
        "to, less a datum an epoch and a constant a satellite, which clocks do not determine. Truth of the InSAR products holds "
        "what the step of the earthquake does to a straight line; their calibration does not know of it."
    )


def _add_orbits(page: Page, shown: DemoWorld) -> None:
    names = list(shown.orbits[0].orbit_mm)
    for field, title, label in (
        ("orbit_mm", "Orbits: error of the centres and of the combination", "error of x, y, z, mm"),
        ("clock_ps", "Clocks: error of the centres and of the combination", "error, ps"),
    ):
        values = [rms([getattr(one, field).get(name, np.nan) for one in shown.orbits]) for name in names]
        page.figure(bar_plot(names, [Bars("all days", values, baseline=values[-1])], title=title, value_label=label),
                    alt=f"{title}, as bars.",
                    caption="RMS from medians, which a single wrong satellite does not move; the dashed line is the "
                            "combination.")  # fmt: skip


def _add_frame(page: Page, shown: DemoWorld) -> None:
    sets: dict[str, list[Floats]] = {}
    for one in shown.scores:
        if one.product.startswith(("combined stations", "stacked", "frame velocities", "series velocities")):
            sets.setdefault(one.product, []).append(one.normalised)
    page.figure(
        histogram([(name, np.concatenate(many)) for name, many in sets.items()], title="Error over sigma", unit="",
                  quantity="error over sigma", limit=5.0),
        alt="Histograms of error over sigma of stations, frame and velocities.",
        caption="A spread of 1 says that the sigmas are right.",
    )  # fmt: skip
    model, network = shown.model, make_network(shown.truth)
    rows = network.of_kind(REGIONAL)
    stations = Stations(network.longitude_deg[rows], network.latitude_deg[rows],
                        network.velocity_in(CALIBRATION_FRAME)[rows, 2])  # fmt: skip
    layers = [
        PointLayer(
            "Up: velocity model", model.longitude_deg, model.latitude_deg, model.predicted[:, 2], stations=stations
        ),
        PointLayer("Up: truth", model.longitude_deg, model.latitude_deg, model.truth[:, 2], stations=stations),
    ]
    page.figure(panel_of_maps(layers, scale=Scale("mm/yr", "Up velocity", UP_SIGN)),
                alt="Maps of the Up velocity of the velocity model and of the truth.",
                caption="Places of a grid, away from the bowl, of which no station knows. Triangles: stations with series, in "
                        "the colours of their true velocity.")  # fmt: skip


def _joined(bursts: Sequence[BurstTruth], direction: str, name: str) -> Floats:
    return np.concatenate([getattr(one, name) for one in bursts if one.direction == direction])


def _layer(shown: DemoWorld, direction: str, name: str, title: str) -> PointLayer:
    sight = np.mean([one.sight for one in shown.bursts if one.direction == direction], axis=0)
    longitude, latitude, values = (
        _joined(shown.bursts, direction, field) for field in ("longitude_deg", "latitude_deg", name)
    )
    # More points than a map of this size shows apart would only make the page heavy.
    step = -(-values.size // _SHOWN_POINTS)
    return PointLayer(f"{direction}: {title}", longitude[::step], latitude[::step], values[::step], los=sight)


def _add_calibration(page: Page, shown: DemoWorld) -> None:
    directions = list(dict.fromkeys(one.direction for one in shown.bursts))
    layers = [
        _layer(shown, direction, name, name)
        for name in ("before", "surface", "after", "truth")
        for direction in directions
    ]
    page.figure(
        panel_of_maps(layers, scale=Scale("mm/yr", "LOS velocity", LOS_SIGN)),
        alt="Maps of the line-of-sight velocity before calibration, of the surface, after calibration, and of the truth, "
            "for the ascending and the descending bursts.",
        caption="Before: every burst has its own ramp and its own zero. Before minus surface is after, which should be the "
                "truth: a dome that rises, the step of the earthquake, and the bowl.",
    )  # fmt: skip
    page.figure(
        panel_of_maps([_layer(shown, direction, "surface_error", "surface minus truth") for direction in directions],
                      scale=Scale("mm/yr", "error of the surface", LOS_SIGN)),
        alt="Maps of the error of the calibration surface.",
        caption="The calibrated velocity is wrong by this, with the sign turned.",
    )  # fmt: skip
    page.figure(
        panel_of_maps([_layer(shown, direction, "surface_sigma", "predicted sigma") for direction in directions],
                      scale=Scale("mm/yr", "standard deviation of the surface", symmetric=False)),
        alt="Maps of the predicted standard deviation of the calibration surface.",
        caption="What the calibration says of itself, without knowing the truth.",
    )  # fmt: skip
    rows = [
        [short_name(one.name), one.direction, one.truth.size, rms(one.before - one.truth),
         float(np.nanstd(one.before - one.truth)), rms(one.error), float(np.nanmean(one.error)), one.terms,
         one.out_of_reach_mm_per_yr, _mean(one.truth, one), _mean(one.after, one)]
        for one in shown.bursts
    ]  # fmt: skip
    page.table(
        [Column("burst"), Column("direction"), Column("points"), Column("RMS before", "mm/yr"), Column("centred", "mm/yr"),
         Column("RMS after", "mm/yr"), Column("bias after", "mm/yr"), Column("terms"), Column("out of reach", "mm/yr"),
         Column("bowl, truth", "mm/yr"), Column("bowl, after", "mm/yr")],
        rows,
        caption="Velocity of the points minus truth. Out of reach: what no surface with these terms can follow. Bowl: mean of "
                "the points in the middle of it.",
    )  # fmt: skip


def _mean(values: Floats, burst: BurstTruth) -> float | None:
    return float(np.mean(values[burst.in_bowl])) if burst.in_bowl.any() else None


def _add_ortho(page: Page, shown: DemoWorld) -> None:
    ortho = shown.ortho
    layers = [
        _cells(ortho, f"{COMPONENT_NAMES[part]}: {title}", values[part])
        for part in "UE"
        for title, values in (("Ortho", ortho.velocity), ("truth", ortho.truth))
    ]
    page.figure(panel_of_maps(layers, scale=Scale("mm/yr", "velocity", f"Up {UP_SIGN}. East {EAST_SIGN}")),
                alt="Maps of the Up and East velocity, estimated and true.",
                caption=f"{ortho.tile.size} cells of 100 m that both directions see.")  # fmt: skip
    errors = [_cells(ortho, f"{COMPONENT_NAMES[part]} minus truth", ortho.error(part)) for part in "EU"]
    page.figure(panel_of_maps(errors, scale=Scale("mm/yr", "error of velocity", limit=_ERROR_LIMIT_MM_PER_YR)),
                alt="Maps of the error of East and Up.",
                caption="Smooth patterns are the tie, speckle is the noise of the points.")  # fmt: skip
    page.figure(
        comparison_scatter(ortho.truth["U"], ortho.velocity["U"], title="Up: Ortho against truth", unit="mm/yr"),
        alt="Scatter of the estimated against the true Up velocity, with the line of equality.",
    )  # fmt: skip


def _cells(ortho: OrthoTruth, title: str, values: Floats) -> PointLayer:
    return PointLayer(title, ortho.longitude_deg, ortho.latitude_deg, values)


def _parameters(shown: DemoWorld) -> dict[str, Any]:
    truth = shown.truth
    bowl, quake = truth.bowls[0], truth.earthquake
    return truth.options.to_dict() | {
        "frame of the InSAR products": CALIBRATION_FRAME,
        "bowl": f"{bowl.peak_mm_per_yr:g} mm/yr, sigma {bowl.sigma_m / 1000:g} km, centre E {bowl.easting_m:.0f} "
                f"N {bowl.northing_m:.0f} (EPSG:3035)",
        "earthquake": f"{quake.date}, magnitude {quake.magnitude:g}, centre E {quake.easting_m:.0f} N {quake.northing_m:.0f}",
    }  # fmt: skip


def _recipe(path: Path) -> dict[str, object]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {f"line {number}": line for number, line in enumerate(lines, start=1) if not line.startswith("#")}

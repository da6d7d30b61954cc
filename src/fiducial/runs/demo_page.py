"""The report of the demonstration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats.point_product import PointProduct
from fiducial.geodesy.least_squares import weighted_fit
from fiducial.reports.figures import Series, comparison_scatter, series_plot
from fiducial.reports.html import Column, KeyFigure, Page
from fiducial.reports.maps import PointLayer, Scale, Stations, panel_of_maps
from fiducial.runs.calibrate import Calibrated
from fiducial.runs.demo_truth import BurstTruth, OrthoTruth, bowl_distance_m
from fiducial.runs.report_pages import add_mode_difference
from fiducial.runs.report_parts import (
    COMPONENT_NAMES,
    EAST_SIGN,
    LOS_SIGN,
    UP_SIGN,
    Floats,
    add_agreement_tables,
    add_rejected,
    root_mean_square,
    short_name,
    software,
)
from fiducial.runs.simulation import SimulatedWorld, WorldSize
from fiducial.runs.sources import open_source
from fiducial.timescales import Epochs, egms_years

_MINUS: Final = "\N{MINUS SIGN}"
_ERROR_LIMIT_MM_PER_YR: Final = 1.5
_INFLATED: Final = 1.2
"""The bowl is said to make the sigma larger when it does so by more than this factor."""


@dataclass(frozen=True)
class DemoWorld:
    """Everything that the page shows.

    Attributes
    ----------
    world : SimulatedWorld
    size : WorldSize
    calibrated : Calibrated
        With the recipe that went on to the Ortho.
    calibrations : dict of str to tuple of BurstTruth
        By recipe.
    not_calibrated : dict of str to str
    official, best : OrthoTruth
    best_folder : Path
        Where the products of ``best`` are.
    """

    world: SimulatedWorld
    size: WorldSize
    calibrated: Calibrated
    calibrations: dict[str, tuple[BurstTruth, ...]]
    not_calibrated: dict[str, str]
    official: OrthoTruth
    best: OrthoTruth
    best_folder: Path

    @property
    def bursts(self) -> tuple[BurstTruth, ...]:
        """Truth and estimate of the recipe that went on."""
        return self.calibrations[self.calibrated.result.recipe]


def demo_page(shown: DemoWorld, figures: Sequence[KeyFigure], inputs: Mapping[str, str]) -> Page:
    """Return the page.

    Parameters
    ----------
    shown : DemoWorld
    figures : sequence of KeyFigure
    inputs : mapping of str to str
        SHA-256 by file name.
    """
    bursts = shown.bursts
    page = Page(
        "From relative to absolute motion, with the truth beside it",
        f"A simulated region of 100 km by 60 km: {len(bursts)} EGMS Level 2a bursts of {shown.size.points_per_burst} points and "
        f"{shown.size.epochs} dates, {shown.world.stations.size} GNSS stations, and a town that sinks by 12 mm/yr. "
        "Imported, calibrated, turned into East and Up, and compared with what is known.",
    )  # fmt: skip
    page.key_figures(figures)
    page.paragraph("Every verdict follows from the tolerance beside it. Nothing here is measured: the world is simulated, so "
                   "that errors can be computed, not guessed. The command fiducial demo --real runs the same chain on real data.")  # fmt: skip
    page.section("Calibration")
    _add_calibration(page, shown)
    page.section("Error of the tie")
    _add_tie(page, shown)
    page.section("East and Up")
    _add_ortho(page, shown)
    page.section("The two modes of the Ortho")
    add_mode_difference(page, shown.best.cells, north_removed=True)
    page.section("A point in the bowl")
    _add_series(page, shown)
    page.section("Provenance")
    page.provenance("Simulated world", _parameters(shown))
    page.provenance("Inputs", {name: f"sha256 {digest}" for name, digest in inputs.items()})
    page.provenance("Software", software())
    return page


def _joined(bursts: Sequence[BurstTruth], direction: str, name: str) -> Floats:
    return np.concatenate([getattr(one, name) for one in bursts if one.direction == direction])


def _layer(shown: DemoWorld, direction: str, name: str, title: str, stations: Stations | None = None) -> PointLayer:
    bursts = shown.bursts
    sight = np.mean([one.sight for one in bursts if one.direction == direction], axis=0)
    return PointLayer(f"{direction}: {title}", _joined(bursts, direction, "longitude_deg"),
                      _joined(bursts, direction, "latitude_deg"), _joined(bursts, direction, name), los=sight,
                      stations=stations)  # fmt: skip


def _stations(shown: DemoWorld, direction: str) -> Stations:
    """Return the stations around a direction's points, with what they see along its mean line of sight."""
    table = shown.world.stations
    sight = np.mean([one.sight for one in shown.bursts if one.direction == direction], axis=0)
    longitude = _joined(shown.bursts, direction, "longitude_deg")
    latitude = _joined(shown.bursts, direction, "latitude_deg")
    inside = (table.longitude_deg > longitude.min()) & (table.longitude_deg < longitude.max())
    inside &= (table.latitude_deg > latitude.min()) & (table.latitude_deg < latitude.max())
    near = table.select(inside)
    return Stations(near.longitude_deg, near.latitude_deg, near.velocity_enu_mm_per_yr @ sight)


def _add_calibration(page: Page, shown: DemoWorld) -> None:
    directions = list(dict.fromkeys(one.direction for one in shown.bursts))
    layers = []
    for name, title in (("before", "before"), ("surface", "surface"), ("after", "after"), ("truth", "truth")):
        layers += [
            _layer(shown, direction, name, title, _stations(shown, direction) if name == "after" else None)
            for direction in directions
        ]  # fmt: skip
    page.figure(
        panel_of_maps(layers, scale=Scale("mm/yr", "LOS velocity", LOS_SIGN)),
        alt="Maps of the line-of-sight velocity before calibration, of the surface, after calibration, and of the truth, "
            "for the ascending and the descending bursts.",
        caption="Before: every burst has its own ramp and its own zero. Before minus surface is after, which should be the "
                "truth: mountains that rise, an east that moves away, and the bowl. Triangles are what GNSS sees in the line "
                "of sight; hollow ones have no vertical.",
    )  # fmt: skip
    rows = []
    for recipe, bursts in shown.calibrations.items():
        for one in bursts:
            found = one.to_dict()
            rows.append([recipe, short_name(one.name), one.direction, found["points"], found["rms_before"],
                         found["rms_before_centred"], found["rms_after"], found["bias_after"], found["bowl_truth"],
                         found["bowl_calibrated"]])  # fmt: skip
    page.table(
        [Column("recipe"), Column("burst"), Column("direction"), Column("points"), Column("RMS before", "mm/yr"),
         Column("centred", "mm/yr"), Column("RMS after", "mm/yr"), Column("bias after", "mm/yr"),
         Column("bowl, truth", "mm/yr"), Column("bowl, calibrated", "mm/yr")],
        rows, caption="Velocity of the points minus truth. Bowl: mean of the points within 1 km of its centre.",
    )  # fmt: skip
    for recipe, reason in shown.not_calibrated.items():
        page.paragraph(f"The recipe {recipe} could not be used: {reason}.")
    page.paragraph(f"What a user sees who does not know the truth (recipe {shown.calibrated.result.recipe}):")
    add_agreement_tables(page, shown.calibrated)
    add_rejected(page, shown.calibrated.result)


def _add_tie(page: Page, shown: DemoWorld) -> None:
    directions = list(dict.fromkeys(one.direction for one in shown.bursts))
    layers = [_layer(shown, direction, name, title)
              for name, title in (("surface_error", "surface minus truth"), ("leakage", "bowl leaked into the surface"))
              for direction in directions]  # fmt: skip
    page.figure(panel_of_maps(layers, scale=Scale("mm/yr", "error of the surface", LOS_SIGN)),
                alt="Maps of the error of the calibration surface, and of the part of it that the bowl causes.",
                caption="The calibrated velocity is wrong by the upper maps, with the sign turned. The lower maps are the "
                        "difference from a calibration of the same points with the bowl taken out.")  # fmt: skip
    page.figure(
        panel_of_maps([_layer(shown, direction, "surface_sigma", "predicted sigma") for direction in directions],
                      scale=Scale("mm/yr", "standard deviation of the surface", symmetric=False)),
        alt="Maps of the predicted standard deviation of the calibration surface.",
        caption="What the calibration says of itself, without knowing the truth.",
    )  # fmt: skip
    rows = []
    for recipe, bursts in shown.calibrations.items():
        for one in bursts:
            found = one.to_dict()
            rows.append([recipe, short_name(one.name), found["surface_terms"], found["surface_error_rms"],
                         found["surface_error_out_of_reach"], found["surface_sigma"],
                         found["surface_sigma_without_bowl"], found["chi"],
                         found["leakage_at_bowl"], found["leakage_largest"]])  # fmt: skip
    page.table(
        [Column("recipe"), Column("burst"), Column("terms"), Column("error, RMS", "mm/yr"),
         Column("of it out of reach", "mm/yr"), Column("sigma, RMS", "mm/yr"), Column("sigma without bowl", "mm/yr"),
         Column("error / sigma, RMS"), Column("leaked at the bowl", "mm/yr"), Column("leaked, largest", "mm/yr")],
        rows,
        caption="Surface minus injected surface at the points. Out of reach: what no surface with these terms can follow, "
                "however good the data; the injected ramps are quadratic in range and azimuth. Without bowl: the same recipe on "
                "the same points with the bowl taken out.",
    )  # fmt: skip
    page.paragraph(_tie_in_words(shown))


def _tie_in_words(shown: DemoWorld) -> str:
    """Say where the error and the sigma of the tie come from."""
    found = [one.to_dict() for one in shown.bursts]

    def pooled(name: str) -> float:
        return root_mean_square([one[name] for one in found], [1] * len(found))

    sigma, without = pooled("surface_sigma"), pooled("surface_sigma_without_bowl")
    words = (
        f"Recipe {shown.calibrated.result.recipe}, all bursts: error {pooled('surface_error_rms'):.2f} mm/yr, of which "
        f"{pooled('surface_error_out_of_reach'):.2f} is out of reach of its terms. Predicted sigma {sigma:.2f}, and {without:.2f} "
        "without the bowl."
    )
    if sigma > _INFLATED * without:
        words += (" Blocks on the flanks of the bowl hardly move the surface, for they have small weights, but the noise model "
                  "takes them for noise that is correlated over long distances, and the sigma grows with it.")  # fmt: skip
    return words


def _add_ortho(page: Page, shown: DemoWorld) -> None:
    best, official = shown.best, shown.official
    for part, sign in (("U", UP_SIGN), ("E", EAST_SIGN)):
        name = COMPONENT_NAMES[part]
        layers = [
            _cells(best, f"{name}: best", best.cells.velocity_mm_per_yr[part]),
            _cells(best, f"{name}: truth", best.truth[part]),
        ]
        page.figure(panel_of_maps(layers, scale=Scale("mm/yr", f"{name} velocity", sign)),
                    alt=f"Maps of the {name} velocity, estimated and true.",
                    caption=f"{name} of {len(best.north_truth)} cells of 100 m that both directions see.")  # fmt: skip
    errors = [
        _cells(one, f"{COMPONENT_NAMES[part]}, {one.mode} minus truth", one.error(part))
        for part in "EU"
        for one in (official, best)
    ]
    page.figure(panel_of_maps(errors, scale=Scale("mm/yr", "error of velocity", limit=_ERROR_LIMIT_MM_PER_YR)),
                alt="Maps of the error of East and Up in both modes.",
                caption="Official leaves North in the lines of sight: Up is too low where the ground moves north. Smooth "
                        "patterns are the tie, speckle is the noise of the points.")  # fmt: skip
    rows = []
    for one in (official, best):
        found = one.to_dict()
        for part in ("east", "up"):
            values = found[part]
            rows.append([one.mode, part, values["rms"], values["bias"], values["std"], values["sigma"], values["chi"],
                         values["bowl_truth"], values["bowl_estimate"], values["bowl_sigma"]])  # fmt: skip
    page.table(
        [Column("mode"), Column("component"), Column("RMS", "mm/yr"), Column("bias", "mm/yr"), Column("std", "mm/yr"),
         Column("formal sigma", "mm/yr"), Column("error / sigma, RMS"), Column("bowl, truth", "mm/yr"),
         Column("bowl, estimate", "mm/yr"), Column("bowl, sigma", "mm/yr")],
        rows,
        caption="Cells minus truth at their centres. Formal sigma: coloured noise of the series, sigma of the tie, sigma of "
                "North; official has none.",
    )  # fmt: skip
    page.figure(
        comparison_scatter(best.truth["U"], best.cells.velocity_mm_per_yr["U"], title="Up: best against truth", unit="mm/yr"),
        alt="Scatter of the estimated against the true Up velocity, with the line of equality.",
    )  # fmt: skip


def _cells(ortho: OrthoTruth, title: str, values: Floats) -> PointLayer:
    return PointLayer(title, ortho.cells.longitude_deg, ortho.cells.latitude_deg, values)


def _add_series(page: Page, shown: DemoWorld) -> None:
    motion = shown.world.motion
    path = shown.calibrated.products[0]
    relative = open_source(path, path.parent, calibration="none")
    tied = open_source(path, path.parent, calibration=shown.calibrated.version)
    columns = relative.attributes(["easting", "northing"])
    index = int(np.argmin(bowl_distance_m(columns["easting"], columns["northing"], motion)))
    size = relative.product.manifest.row_group_points
    group, place = divmod(index, size)
    epochs = relative.product.epochs
    series = [source.block(group, ["pid"]).displacement_mm[:, place].astype(np.float64) for source in (relative, tied)]
    truth = float(shown.bursts[0].truth[index])
    page.figure(
        series_plot(epochs, [Series(label, values, model=_model(values, epochs))
                             for label, values in zip(("relative", "calibrated"), series, strict=True)],
                    title=f"Point {relative.attributes(['pid'], [group])['pid'][place].decode()}, {shown.bursts[0].direction}",
                    unit="mm", sign_note="positive: towards the satellite"),
        alt="Displacement series of a point in the bowl, before and after calibration, with fitted models.",
        caption=f"Model: velocity and annual term. Velocity {_rate(series[0], epochs):+.2f} before and "
                f"{_rate(series[1], epochs):+.2f} mm/yr after; truth {truth:+.2f} mm/yr.".replace("-", _MINUS),
    )  # fmt: skip
    _add_cell_series(page, shown)


def _add_cell_series(page: Page, shown: DemoWorld) -> None:
    """Add Up of the cell nearest to the centre of the bowl."""
    cells = shown.best.cells
    distance = bowl_distance_m(cells.easting, cells.northing, shown.world.motion)
    index = int(np.argmin(distance))
    pid = cells.extra["U"]["pid"][index]
    for folder in sorted(shown.best_folder.glob("EGMS_L3_*_U_*/")):
        product = PointProduct.open(folder)
        place = np.flatnonzero(product.attributes(["pid"])["pid"] == pid)
        if place.size:
            break
    values = product.series_mm(int(place[0]), int(place[0]) + 1)[:, 0].astype(np.float64)
    sigma = float(cells.extra["U"]["displacement_sigma"][index])
    page.figure(
        series_plot(product.epochs, [Series("Up", values, sigma=np.full(values.size, sigma), model=_model(values, product.epochs))],
                    title=f"Cell {pid.decode()}, {distance[index]:.0f} m from the middle of the bowl", unit="mm",
                    sign_note="positive: up", residuals=True),
        alt="Series of Up in the cell nearest to the centre of the bowl, with formal errors, model and residuals.",
        caption=f"Ortho, mode best, a date every 6 days. Velocity {_rate(values, product.epochs):+.2f} \N{PLUS-MINUS SIGN} "
                f"{cells.extra['U']['consistent_velocity_sigma'][index]:.2f} mm/yr, truth "
                f"{shown.best.truth['U'][index]:+.2f} mm/yr.".replace("-", _MINUS),
    )  # fmt: skip


def _design(epochs: Epochs) -> NDArray[np.float64]:
    years = egms_years(epochs)
    return np.column_stack([years, np.ones_like(years), np.cos(2 * np.pi * years), np.sin(2 * np.pi * years)])


def _fit(values: Floats, epochs: Epochs) -> Floats:
    known = np.isfinite(values)
    return weighted_fit(_design(epochs)[known], values[known], np.ones(int(known.sum()))).estimate


def _model(values: Floats, epochs: Epochs) -> Floats:
    return np.asarray(_design(epochs) @ _fit(values, epochs))


def _rate(values: Floats, epochs: Epochs) -> float:
    return float(_fit(values, epochs)[0])


def _parameters(shown: DemoWorld) -> dict[str, Any]:
    motion, size = shown.world.motion, shown.size
    return {
        "seed": shown.world.seed, "points a burst": size.points_per_burst, "dates a burst": size.epochs,
        "stations": size.stations, "recipe": shown.calibrated.result.recipe, "frame": shown.calibrated.result.frame,
        "calibration": shown.calibrated.version,
        "bowl": f"{motion.bowl_peak_mm_per_yr:g} mm/yr, sigma {motion.bowl_sigma_m / 1000:g} km, centre E "
                f"{motion.bowl_centre_m[0]:.0f} N {motion.bowl_centre_m[1]:.0f} (EPSG:3035)",
        "scenes": "none: the acquisitions are simulated and have no product names",
    }  # fmt: skip

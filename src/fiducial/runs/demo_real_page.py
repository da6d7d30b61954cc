"""The report of the demonstration on real data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from fiducial.motion.audit import AuditReport
from fiducial.reports.html import Column, KeyFigure, Page
from fiducial.reports.maps import Scale, panel_of_maps
from fiducial.runs.calibrate import Calibrated
from fiducial.runs.report_pages import OrthoCells, add_mode_difference, cell_layer
from fiducial.runs.report_parts import (
    COMPONENT_NAMES,
    SURFACE_COLUMNS,
    Floats,
    add_agreement_tables,
    add_calibration_maps,
    add_rejected,
    input_hashes,
    root_mean_square,
    short_name,
    software,
    surface_row,
)
from fiducial.runs.stats import StatisticsReport

ATTRIBUTION: Final = (
    "Contains Copernicus Land Monitoring Service information: European Ground Motion Service, 2020\N{EN DASH}2024."
)
_DRAWN: Final = ("quadratic", "egms")
_RMS_LIMIT_MM: Final = 0.031
_LARGEST_LIMIT_MM: Final = 0.1
_IDENTICAL_LIMIT_PERCENT: Final = {"E": 96.9, "U": 97.5}
_VELOCITY_LIMIT_PERCENT: Final = 99.5
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class OfficialComparison:
    """One component of our Ortho against the published product.

    Attributes
    ----------
    cells, published_cells, common : int
    dates : int
    same_dates : bool
    rms_mm, largest_mm : float
        Of the printed displacements; NaN when the dates differ.
    identical_percent, velocity_identical_percent : float
        Share of printed displacements and velocities that are equal.
    """

    cells: int
    published_cells: int
    common: int
    dates: int
    same_dates: bool
    rms_mm: float
    largest_mm: float
    identical_percent: float
    velocity_identical_percent: float


@dataclass(frozen=True)
class Ustica:
    """What was found on Ustica.

    Attributes
    ----------
    statistics : tuple of StatisticsReport
    audits : tuple of AuditReport
    official, north_in_input, north_removed : OrthoCells
        Mode ``official``, and ``best`` under either statement about North.
    comparison : mapping of str to OfficialComparison
        By component.
    notes : tuple of str
    products : tuple of Path
    """

    statistics: tuple[StatisticsReport, ...]
    audits: tuple[AuditReport, ...]
    official: OrthoCells
    north_in_input: OrthoCells
    north_removed: OrthoCells
    comparison: Mapping[str, OfficialComparison]
    notes: tuple[str, ...]
    products: tuple[Path, ...]


@dataclass(frozen=True)
class Anatolia:
    """What was found in Anatolia, by recipe."""

    calibrated: Mapping[str, Calibrated]


def demo_real_page(ustica: Ustica, anatolia: Anatolia) -> Page:
    """Return the page.

    Parameters
    ----------
    ustica : Ustica
    anatolia : Anatolia
    """
    page = Page(
        "Real ground motion: Ustica and the North Anatolian Fault",
        "Published EGMS files of an island, turned into East and Up and compared with the official product; and four "
        "uncalibrated Sentinel-1 frames over a plate boundary, tied to GNSS.",
    )
    page.key_figures([*_ustica_figures(ustica), *_anatolia_figures(anatolia)])
    page.section("Ustica: East and Up")
    _add_ortho(page, ustica)
    page.section("Ustica: the two modes")
    add_mode_difference(page, ustica.north_in_input, north_removed=True)
    _add_north(page, ustica)
    page.section("Ustica: the files")
    _add_statistics(page, ustica)
    _add_audit(page, ustica)
    page.section("Anatolia: recipes")
    _add_recipes(page, anatolia)
    for recipe in (name for name in _DRAWN if name in anatolia.calibrated):
        page.section(f"Anatolia: recipe {recipe}")
        made = anatolia.calibrated[recipe]
        add_calibration_maps(page, made)
        add_agreement_tables(page, made)
        page.table(SURFACE_COLUMNS, [surface_row(track, made.result.track(track.name)) for track in made.tracks],
                   caption="The surface that is subtracted, at the block medians. Sigma is its RMS.")  # fmt: skip
        add_rejected(page, made.result)
    page.section("Provenance")
    page.paragraph(f"Ustica: {ATTRIBUTION} The files are clipped to a part of the island. Anatolia: LiCSBAS velocity frames of "
                   "the example of decompose_insar_velocities, made from Copernicus Sentinel-1 data; GNSS velocities combined by "
                   "FICORO_GNSS.")  # fmt: skip
    page.provenance("Ustica, inputs", input_hashes(ustica.products))
    page.provenance("Anatolia, inputs", input_hashes(next(iter(anatolia.calibrated.values())).products))
    page.provenance("Software", software())
    return page


def ustica_picture(cells: OrthoCells) -> Figure:
    """Return the maps of East and Up of Ustica as a picture that stands alone."""
    layers = [cell_layer(cells, name, cells.velocity_mm_per_yr[part]) for part, name in COMPONENT_NAMES.items()]
    scale = Scale("mm/yr", "velocity, ETRF2000", f"positive: to the east, and up. {ATTRIBUTION}")
    return panel_of_maps(
        layers, scale=scale, title="Ustica, Italy: ground motion 2020\N{EN DASH}2024 from two directions of view"
    )


def _ustica_figures(ustica: Ustica) -> list[KeyFigure]:
    figures = []
    for part, name in COMPONENT_NAMES.items():
        found = ustica.comparison[part]
        whole = found.same_dates and found.common == found.cells == found.published_cells
        good = whole and found.rms_mm <= _RMS_LIMIT_MM and found.largest_mm <= _LARGEST_LIMIT_MM + _ROUNDING
        good = good and found.identical_percent >= _IDENTICAL_LIMIT_PERCENT[part]
        figures += [
            KeyFigure(f"Ustica {name}: ours minus published, RMS", found.rms_mm, "mm", "pass" if good else "fail",
                      f"{found.common} of {found.published_cells} cells, {found.identical_percent:.1f} % identical, largest "
                      f"{found.largest_mm:.1f}; limits {_RMS_LIMIT_MM:g}, {_IDENTICAL_LIMIT_PERCENT[part]:g} % and "
                      f"{_LARGEST_LIMIT_MM:g}", digits=3),
            KeyFigure(f"Ustica {name}: velocities identical", found.velocity_identical_percent, "%",
                      "pass" if found.velocity_identical_percent >= _VELOCITY_LIMIT_PERCENT else "fail",
                      f"as printed; limit {_VELOCITY_LIMIT_PERCENT:g}", digits=1),
        ]  # fmt: skip
    return figures


def _station_rms(made: Calibrated) -> tuple[float, float]:
    rows = made.assessment.stations
    counts = [row.stations for row in rows]
    return (root_mean_square([row.rms_before_centred_mm_per_yr for row in rows], counts),
            root_mean_square([row.rms_after_mm_per_yr for row in rows], counts))  # fmt: skip


def _overlap_rms(made: Calibrated) -> tuple[float, float]:
    rows = made.assessment.overlaps
    counts = [row.cells for row in rows]
    return (root_mean_square([row.rms_before_centred_mm_per_yr for row in rows], counts),
            root_mean_square([row.rms_after_mm_per_yr for row in rows], counts))  # fmt: skip


def _anatolia_figures(anatolia: Anatolia) -> list[KeyFigure]:
    figures = []
    for recipe, made in anatolia.calibrated.items():
        for against, (before, after) in (("against GNSS", _station_rms(made)), ("between frames", _overlap_rms(made))):
            if np.isfinite(after):
                figures.append(KeyFigure(f"Anatolia, {recipe}: RMS {against}", after, "mm/yr",
                                         "pass" if after < before else "fail",
                                         f"limit: before, with the median removed, {before:.2f}"))  # fmt: skip
    return figures


def _add_ortho(page: Page, ustica: Ustica) -> None:
    cells = ustica.official
    layers = [cell_layer(cells, name, cells.velocity_mm_per_yr[part]) for part, name in COMPONENT_NAMES.items()]
    page.figure(panel_of_maps(layers, scale=Scale("mm/yr", "velocity, ETRF2000", "positive: to the east, and up")),
                alt="Maps of the East and Up velocity of the west of Ustica, in squares of 100 m.",
                caption=f"Mode official. {ATTRIBUTION}")  # fmt: skip
    rows = [[COMPONENT_NAMES[part], one.cells, one.published_cells, one.common, one.dates, one.same_dates, one.rms_mm,
             one.largest_mm, one.identical_percent, one.velocity_identical_percent]
            for part, one in ustica.comparison.items()]  # fmt: skip
    page.table(
        [Column("component"), Column("cells"), Column("published"), Column("common"), Column("dates"), Column("same dates"),
         Column("RMS", "mm", digits=4), Column("largest", "mm", digits=1), Column("displacements identical", "%", digits=2),
         Column("velocities identical", "%", digits=2)],
        rows, caption="Our Ortho in the mode official against the product that EGMS published, as printed.",
    )  # fmt: skip


def _add_north(page: Page, ustica: Ustica) -> None:
    rows = []
    for label, cells in (("official", ustica.official), ("best, North is in the input", ustica.north_in_input),
                         ("best, North was removed before", ustica.north_removed)):  # fmt: skip
        for part, name in COMPONENT_NAMES.items():
            sigma = cells.extra[part].get("consistent_velocity_sigma")
            values: Floats = cells.velocity_mm_per_yr[part]
            rows.append([label, name, float(np.nanmean(values)), float(np.nanstd(values)),
                         None if sigma is None else float(np.nanmedian(sigma))])  # fmt: skip
    page.table(
        [Column("mode"), Column("component"), Column("mean", "mm/yr"), Column("std of the cells", "mm/yr"),
         Column("median sigma", "mm/yr")],
        rows,
        caption="Whether the published lines of sight still hold North is not documented, and this island cannot tell: "
                "the choice moves Up.",
    )  # fmt: skip
    page.table([Column("note")], [[note] for note in dict.fromkeys(ustica.notes)], caption="Notes of the Ortho runs.")


def _add_statistics(page: Page, ustica: Ustica) -> None:
    rows = []
    for report in ustica.statistics:
        for name, found in report.to_dict()["fields"].items():
            rows.append([short_name(report.name), name, found["unit"], found["mean"], found["compared"],
                         found["identical_percent"], found["largest_difference_printed_units"]])  # fmt: skip
    page.table(
        [Column("file"), Column("field"), Column("unit"), Column("mean"), Column("points"), Column("identical", "%"),
         Column("largest difference, printed units", digits=1)],
        rows,
        caption="Every statistic computed from the series against the printed one. mean_velocity of Level 2b is rounded twice "
                "and therefore often one printed unit off; it is refitted before use.",
    )  # fmt: skip


def _add_audit(page: Page, ustica: Ustica) -> None:
    rows = [[short_name(report.identity.name), check.name, check.verdict, check.sentence]
            for report in ustica.audits for check in report.checks]  # fmt: skip
    page.table([Column("file"), Column("check"), Column("verdict"), Column("found")], rows,
               caption="Audit: whether the files are what they claim to be.")  # fmt: skip


def _add_recipes(page: Page, anatolia: Anatolia) -> None:
    rows = []
    for recipe, made in anatolia.calibrated.items():
        held = made.held_out
        rows.append([recipe, *_station_rms(made), *_overlap_rms(made),
                     held.rms_mm_per_yr if held else None, held.gnss_only_rms_mm_per_yr if held else None,
                     held.chi if held else None])  # fmt: skip
    page.table(
        [Column("recipe"), Column("GNSS, before (centred)", "mm/yr"), Column("GNSS, after", "mm/yr"),
         Column("overlaps, before (centred)", "mm/yr"), Column("overlaps, after", "mm/yr"),
         Column("held out", "mm/yr"), Column("GNSS only", "mm/yr"), Column("residual / sigma, RMS")],
        rows,
        caption="Four frames together, frame plate:EURA. Held out: stations in five folds, predicted without them; GNSS only: "
                "the velocity field alone. The plane and the quadratic are fitted to the stations they are compared with in the "
                "first columns; overlaps and held-out stations are not.",
    )  # fmt: skip
    page.paragraph("No column decides alone. A recipe that replaced InSAR by interpolated GNSS would win the held-out column and "
                   "erase every local motion; one that only joins the frames would win the overlaps. At the stations InSAR adds "
                   "noise to what GNSS alone predicts; what it adds between them none of these numbers can score.")  # fmt: skip

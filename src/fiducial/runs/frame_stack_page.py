"""The report of a stack as one page: key figures, series of the seven parameters, tables, provenance."""

from __future__ import annotations

from typing import Final

import numpy as np

from fiducial.reports.figures import Series, series_plot
from fiducial.reports.html import Column, KeyFigure, Page
from fiducial.runs.frame_stack_report_model import StackReport
from fiducial.runs.orbit_report_view import flat

_PANELS: Final = (
    ("Translations", "mm", ("translation_x_mm", "translation_y_mm", "translation_z_mm"), ("TX", "TY", "TZ")),
    ("Scale", "ppb", ("scale_ppb",), ("D",)),
    ("Rotations", "mas", ("rotation_x_mas", "rotation_y_mas", "rotation_z_mas"), ("RX", "RY", "RZ")),
)


def stack_page(report: StackReport) -> Page:
    """Return the page.

    Parameters
    ----------
    report : StackReport
    """
    product = report.product
    what = "Positions and velocities" if product.rates else "Positions"
    page = Page(
        "Stack of station solutions",
        f"{what} at {product.reference_epoch_utc:%Y-%m-%d} from {len(report.solutions)} solutions of "
        f"{product.first_utc:%Y-%m-%d} to {product.last_utc:%Y-%m-%d}, in the frame of {report.reference.file}.",
    )
    _add_summary(page, report)
    page.section("Seven parameters")
    page.paragraph(report.signs)
    _add_series(page, report)
    page.section("Solutions")
    _add_solutions(page, report)
    page.section("Velocities")
    _add_segments(page, report)
    page.section("What was left out")
    _add_losses(page, report)
    page.section("Inputs and provenance")
    hashes = {day.file: f"SHA-256 {day.sha256}" for one in report.solutions for day in one.days}
    page.provenance("Hashes of the input files", hashes | {report.reference.file: f"SHA-256 {report.reference.sha256}"})
    page.provenance("Options", flat(report.options))
    page.provenance("Product and software", {
        "files": ", ".join(product.files), "software": f"{report.software.name} {report.software.version}",
        "created": f"{report.software.created_utc:%Y-%m-%d %H:%M:%S} UTC", "report layout": report.layout_version,
    })  # fmt: skip
    return page


def _add_summary(page: Page, report: StackReport) -> None:
    product = report.product
    wrms = np.array([one.wrms_enu_mm for one in report.solutions if one.wrms_enu_mm is not None]).reshape(-1, 3)
    middle = np.median(wrms, axis=0) if len(wrms) else np.full(3, np.nan)
    page.key_figures([
        KeyFigure("Stations", product.stations, detail=f"{product.segments} position segments"),
        KeyFigure("Velocities", product.velocities, detail="one a velocity segment"),
        KeyFigure("Core segments", len(product.core_segments), detail="they hold the datum and its rate"),
        *(KeyFigure(f"WRMS {axis}, median", float(value), "mm", detail="of the solutions to the stack")
          for axis, value in zip(("East", "North", "Up"), middle, strict=True)),
        KeyFigure("Stations rejected", len(report.rejected_stations), "", "note" if report.rejected_stations else ""),
        KeyFigure("Converged", "yes" if product.converged else "no", "", "" if product.converged else "note"),
    ])  # fmt: skip


def _add_series(page: Page, report: StackReport) -> None:
    epochs = np.array([one.epoch_utc.replace(tzinfo=None) for one in report.solutions], dtype="datetime64[ns]")
    for title, unit, fields, names in _PANELS:
        series = [
            Series(
                name, [getattr(one.helmert, field) for one in report.solutions],
                [getattr(one.helmert, f"sigma_{field}") for one in report.solutions],
            )
            for name, field in zip(names, fields, strict=True)
        ]  # fmt: skip
        figure = series_plot(
            epochs, series, title=title, unit=unit, quantity=title.lower(), sign_note="solution to stack"
        )
        page.figure(figure, alt=f"{title} of every solution to the stack over time.",
                    caption=f"{title} of each solution to the stack with one standard deviation.")  # fmt: skip


def _add_solutions(page: Page, report: StackReport) -> None:
    columns = [Column("solution", whole=True), Column("epoch", "UTC", whole=True), Column("days"), Column("stations"), Column("core"),
               Column("\N{SQUARE ROOT}vf", digits=3), *(Column(f"WRMS {axis}", "mm") for axis in "ENU"), Column("redundancy", digits=0)]  # fmt: skip
    page.table(columns, [
        [one.name, f"{one.epoch_utc:%Y-%m-%d}", len(one.days), one.stations, one.core_stations, one.sqrt_variance_factor,
         *(one.wrms_enu_mm or 3 * [None]), one.redundancy]
        for one in report.solutions
    ], caption="Solutions in the stack: residuals of their stations after the seven parameters.")  # fmt: skip


def _add_segments(page: Page, report: StackReport) -> None:
    columns = [Column("station", whole=True), Column("solution"), Column("from", "yr", 3), Column("to", "yr", 3),
               *(Column(f"V{axis}", "mm/yr") for axis in "ENU"), *(Column(f"sigma {axis}", "mm/yr") for axis in "ENU")]  # fmt: skip
    page.table(columns, [
        [one.station, one.solution, one.first_yr, one.last_yr, *(one.velocity_enu_mm_per_yr or 3 * [None]),
         *(one.sigma_velocity_enu_mm_per_yr or 3 * [None])]
        for one in report.segments
    ], caption="Velocities of the position segments; segments of one velocity segment share it.")  # fmt: skip


def _add_losses(page: Page, report: StackReport) -> None:
    rows = [[one.name, f"{one.code} {one.reason}"] for one in report.rejected_inputs]
    rows += [[one.station, one.sentence] for one in report.rejected_stations]
    rows += [[name, why] for name, why in report.left_out.items()]
    rows += [[one.name, text] for one in report.solutions for text in one.rejected_stations]
    if rows:
        page.table(
            [Column("what", whole=True), Column("why")],
            rows,
            caption="Files, stations and segments that were not used.",
        )
    else:
        page.paragraph("Nothing.")
    texts = [*report.notes, *report.findings, *report.reference.findings]
    if texts:
        page.table([Column("note")], [[text] for text in texts], caption="What was found and decided on the way.")

"""The report of a stack as text, in the habit of the IGS summaries."""

from __future__ import annotations

from collections.abc import Sequence

from fiducial.runs.frame_report_text import helmert_rows
from fiducial.runs.frame_stack_report_model import StackReport
from fiducial.runs.orbit_report_layout import Head, ascii_text, grid, heading, number, paragraph

Lines = list[str]


def render_stack(report: StackReport) -> str:
    """Return the report as printable ASCII, at most 160 columns; units in the heads of tables."""
    product = report.product
    datum = "inner constraints on translations and scale" if product.datum == "inner" else "core"
    lines = [
        "STACK OF STATION SOLUTIONS",
        "",
        f"  solutions   {len(report.solutions)}, {product.first_utc:%Y-%m-%d} to {product.last_utc:%Y-%m-%d}",
        f"  epoch       {product.reference_epoch_utc:%Y-%m-%d %H:%M:%S} UTC",
        f"  reference   {ascii_text(report.reference.file)}  frame {report.reference.frame or 'not stated'}",
        f"  stations    {product.stations}, {product.segments} segments, {product.velocities} velocities",
        f"  core        {len(product.core_segments)} segments",
        f"  datum       {datum}",
        f"  made by     {report.software.name} {report.software.version}, {report.software.created_utc:%Y-%m-%d %H:%M:%S} UTC",
        *paragraph(report.signs),
    ]
    lost = [f"{one.name}: {one.code} {one.reason}" for one in report.rejected_inputs]
    weekly = [f"{one.name}, {text}" for one in report.solutions for text in one.rejected_stations]
    sections = (
        ("Solutions in the stack", _solutions(report)),
        ("Seven parameters of the solutions to the stack", helmert_rows([(one.name, one.helmert) for one in report.solutions])),
        ("Days in their solutions", _days(report)),
        ("Seven parameters of the days to their solutions",
         helmert_rows([(day.name, day.helmert) for one in report.solutions for day in one.days])),
        ("Positions and velocities", _segments(report)),
        ("Files and solutions left out", _listed(lost)),
        ("Stations rejected in the stack", _listed([one.sentence for one in report.rejected_stations])),
        ("Stations rejected in the solutions", _listed(weekly)),
        ("Segments left out", _listed([f"{name}: {why}" for name, why in report.left_out.items()])),
        ("Core segments", paragraph(", ".join(product.core_segments))),
        ("Findings and notes", _listed([*report.notes, *report.findings, *report.reference.findings,
                                        *(f"{one.name}: {text}" for one in report.solutions for text in one.notes)])),
    )  # fmt: skip
    for place, (title, body) in enumerate(sections, start=1):
        lines += [*heading(str(place), title), *body]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _solutions(report: StackReport) -> Lines:
    heads = [Head("solution", left=True), Head("epoch", "UTC", left=True), Head("days"), Head("stations"), Head("core"),
             Head("sqrt(vf)"), Head("WRMS E", "mm"), Head("N", "mm"), Head("U", "mm"), Head("RMS E", "mm"), Head("N", "mm"),
             Head("U", "mm"), Head("redundancy"), Head("", left=True)]  # fmt: skip
    rows = [
        [one.name, f"{one.epoch_utc:%Y-%m-%d}", str(len(one.days)), str(one.stations), str(one.core_stations),
         number(one.sqrt_variance_factor, 4), *(number(value, 2) for value in one.wrms_enu_mm or 3 * [None]),
         *(number(value, 2) for value in one.rms_enu_mm or 3 * [None]), number(one.redundancy, 1),
         "reused" if one.reused else ""]
        for one in report.solutions
    ]  # fmt: skip
    return grid(heads, rows)


def _days(report: StackReport) -> Lines:
    heads = [Head("day", left=True), Head("file", left=True), Head("stations"), Head("core"), Head("sqrt(vf)"),
             Head("WRMS E", "mm"), Head("N", "mm"), Head("U", "mm"), Head("left out")]  # fmt: skip
    rows = [
        [day.name, day.file, str(day.stations), str(day.core_stations), number(day.sqrt_variance_factor, 4),
         *(number(value, 2) for value in day.wrms_enu_mm or 3 * [None]), str(len(day.left_out))]
        for one in report.solutions for day in one.days
    ]  # fmt: skip
    return grid(heads, rows)


def _segments(report: StackReport) -> Lines:
    heads = [Head("station", left=True), Head("soln", left=True), Head("from", "yr"), Head("to", "yr"), Head("core", left=True),
             Head("sE", "mm"), Head("sN", "mm"), Head("sU", "mm"), Head("VE", "mm/yr"), Head("VN", "mm/yr"), Head("VU", "mm/yr"),
             Head("sVE", "mm/yr"), Head("sVN", "mm/yr"), Head("sVU", "mm/yr")]  # fmt: skip
    rows = [
        [one.station, one.solution, number(one.first_yr, 3), number(one.last_yr, 3), "core" if one.core else "",
         *(number(value, 2) for value in one.sigma_position_enu_mm),
         *(number(value, 2) for value in one.velocity_enu_mm_per_yr or 3 * [None]),
         *(number(value, 2) for value in one.sigma_velocity_enu_mm_per_yr or 3 * [None])]
        for one in report.segments
    ]  # fmt: skip
    return grid(heads, rows, keys=2)


def _listed(texts: Sequence[str]) -> Lines:
    return [line for text in texts for line in paragraph(text)] or ["  None."]

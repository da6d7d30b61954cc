"""The report of a station combination as text, in the habit of the IGS summaries."""

from __future__ import annotations

from collections.abc import Sequence

from fiducial.runs.frame_report_model import FrameReport, HelmertEntry
from fiducial.runs.orbit_report_layout import Head, ascii_text, grid, heading, number, paragraph

Lines = list[str]


def render_text(report: FrameReport) -> str:
    """Return the report as printable ASCII, at most 160 columns; units in the heads of tables."""
    product = report.product
    lines = [
        "COMBINATION OF DAILY STATION SOLUTIONS",
        "",
        f"  epoch       {product.epoch_utc:%Y-%m-%d %H:%M:%S} UTC",
        f"  reference   {ascii_text(report.reference.file)}  frame {report.reference.frame or 'not stated'}",
        f"  stations    {product.stations}, {product.reference_stations} in the reference, {len(product.core_stations)} core",
        f"  made by     {report.software.name} {report.software.version}, {report.software.created_utc:%Y-%m-%d %H:%M:%S} UTC",
        *paragraph(report.signs),
    ]
    sections = (
        ("Centres", _centres(report)),
        ("Seven parameters of the centres to the combination", _helmert(report)),
        ("What the observations of each centre know of its frame", [f"  {one.centre:4} {one.datum.sentence}" for one in report.centres]),
        ("Earth rotation, centre minus combination", _earth_rotation(report)),
        ("Rejected centres", _listed([f"{one.centre} ({one.file}): {one.code} {one.reason}" for one in report.rejected_centres])),
        ("Rejected stations", _listed([one.sentence for one in report.rejected_stations])),
        ("Core stations", paragraph(", ".join(product.core_stations))),
        ("Stations without reference coordinates", _listed([f"{name}: {why}" for name, why in report.reference.left_out.items()])),
        ("Input files", _inputs(report)),
        ("Findings and notes", _listed([*report.notes, *report.findings, *report.reference.findings,
                                        *(text for one in report.inputs for text in one.findings)])),
    )  # fmt: skip
    for place, (title, body) in enumerate(sections, start=1):
        lines += [*heading(str(place), title), *body]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def helmert_rows(entries: Sequence[tuple[str, HelmertEntry]]) -> Lines:
    """Return a table of seven parameters; a second row of each holds the standard deviations."""
    heads = [Head("", left=True), *(Head(name, unit) for name, unit in (
        ("TX", "mm"), ("TY", "mm"), ("TZ", "mm"), ("D", "ppb"), ("RX", "mas"), ("RY", "mas"), ("RZ", "mas")))]  # fmt: skip
    rows = []
    for name, entry in entries:
        values = list(entry.model_dump().values())
        digits = (2, 2, 2, 3, 4, 4, 4)
        rows.append([name, *(number(value, places) for value, places in zip(values[:7], digits, strict=True))])
        rows.append(["  +/-", *(number(value, places) for value, places in zip(values[7:], digits, strict=True))])
    return grid(heads, rows)


def _centres(report: FrameReport) -> Lines:
    heads = [Head("centre", left=True), Head("stations"), Head("reference"), Head("core"), Head("sqrt(vf)"),
             Head("WRMS E", "mm"), Head("N", "mm"), Head("U", "mm"), Head("RMS E", "mm"), Head("N", "mm"), Head("U", "mm"),
             Head("redundancy")]  # fmt: skip
    rows = [
        [one.centre, str(one.stations), str(one.reference_stations), str(one.core_stations),
         number(one.sqrt_variance_factor, 5), *(number(value, 3) for value in one.wrms_enu_mm or 3 * [None]),
         *(number(value, 3) for value in one.rms_enu_mm or 3 * [None]), number(one.redundancy, 1)]
        for one in report.centres
    ]  # fmt: skip
    return grid(heads, rows)


def _helmert(report: FrameReport) -> Lines:
    return helmert_rows([(one.centre, one.helmert) for one in report.centres])


def _earth_rotation(report: FrameReport) -> Lines:
    heads = [Head("centre", left=True), Head("parameter", left=True), Head("epoch", "UTC", left=True), Head("residual"),
             Head("unit", left=True)]  # fmt: skip
    rows = [[one.centre, entry.parameter, entry.epoch_utc, number(entry.residual, 1), entry.unit]
            for one in report.centres for entry in one.earth_rotation]  # fmt: skip
    return grid(heads, rows, keys=2) if rows else ["  None."]


def _inputs(report: FrameReport) -> Lines:
    heads = [Head("centre", left=True), Head("file", left=True), Head("stations"), Head("covariance from", left=True),
             Head("constraints removed", left=True), Head("SHA-256", left=True)]  # fmt: skip
    rows = [[one.centre, one.file, str(one.stations), one.matrix, one.constraints, one.sha256] for one in report.inputs]
    rows.append(["", report.reference.file, str(report.reference.stations), "reference", "", report.reference.sha256])
    return grid(heads, rows)


def _listed(texts: Sequence[str]) -> Lines:
    return [line for text in texts for line in paragraph(text)] or ["  None."]

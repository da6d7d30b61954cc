"""The clocks of a combination as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fiducial.orbits.orbit import satellite_order
from fiducial.runs.orbit_report_layout import UNKNOWN, Head, grid, heading, number, paragraph
from fiducial.runs.orbit_report_model import ClockConstellation, ClockReport, ExclusionEntry
from fiducial.runs.orbit_report_view import ReportView, constellation_name, time_text


def clock_lines(
    view: ReportView, label: str, exclusion_table: Callable[[Sequence[ExclusionEntry]], list[str]]
) -> list[str]:
    """Return the section on clocks.

    Parameters
    ----------
    view : ReportView
    label : str
        Number of the section.
    exclusion_table : callable
        Sets out exclusions as the section on orbits does.
    """
    clocks = view.report.clocks
    if clocks is None:
        return ["  No clocks were combined."]
    lines = paragraph(f"Time scale: {view.report.product.time_scale or UNKNOWN}; datum centre {clocks.datum_centre}.")
    parts: list[tuple[str, list[str]]] = [
        (f"{constellation_name(one.constellation)}: centres", _centres(one)) for one in clocks.constellations
    ]
    parts += [
        ("Clocks kept out", exclusion_table(clocks.exclusions)),
        ("Stretches that depart by a constant", _jumps(clocks)),
    ]
    if clocks.satellites:
        parts += [("RMS by satellite, after datum and constant [ps]", _satellites(view, clocks, "rms_ps")),
                  ("Constants by satellite, centre minus product [ps]", _satellites(view, clocks, "constant_ps"))]  # fmt: skip
    for place, (title, body) in enumerate(parts, start=1):
        lines += [*heading(f"{label}.{place}", title), *body]
    return lines


def _centres(one: ClockConstellation) -> list[str]:
    heads = [Head("centre", left=True), Head("role", left=True), Head("share", "%"), Head("noise", "ps"), Head("RMS", "ps"),
             Head("records"), Head("rejected"), Head("offset at mid-day", "ns"), Head("drift", "ns/d"),
             Head("inter-system bias", "ns")]  # fmt: skip
    rows = [[row.centre, row.role, number(row.share_percent, 2) if row.role == "combined" else UNKNOWN, number(row.noise_ps, 1),
             number(row.rms_ps, 1), str(row.records), str(row.rejected), number(row.offset_ns, 3),
             number(row.drift_ns_per_day, 3), number(row.inter_system_bias_ns, 3)] for row in one.centres]  # fmt: skip
    lines = grid(heads, rows)
    if not one.separable:
        lines += ["  Two centres only: which of them is the noisier cannot be told, they count alike."]
    return lines


def _jumps(clocks: ClockReport) -> list[str]:
    rows = [[row.centre, row.satellite, time_text(row.begin_gps), time_text(row.end_gps), str(row.records),
             number(row.size_ps, 1)] for one in clocks.constellations for row in one.jumps]  # fmt: skip
    if not rows:
        return ["  None."]
    return grid([Head("centre", left=True), Head("sat.", left=True), Head("from", "GPS time", left=True),
                 Head("to", "GPS time", left=True), Head("records"), Head("size", "ps")], rows, keys=2)  # fmt: skip


def _satellites(view: ReportView, clocks: ClockReport, attribute: str) -> list[str]:
    found = {(one.satellite, one.centre): one for one in clocks.satellites}
    names = {one.centre for one in clocks.satellites}
    centres = [name for name in view.centres if name in names]
    centres += sorted(names - set(centres))
    heads = [Head("sat.", left=True), *(Head(name) for name in centres)]
    rows: list[list[str] | None] = []
    before = ""
    for satellite in sorted({one.satellite for one in clocks.satellites}, key=satellite_order):
        if before and satellite[:1] != before:
            rows.append(None)
        before = satellite[:1]
        values = (getattr(found.get((satellite, name)), attribute, None) for name in centres)
        rows.append([satellite, *("" if value is None else number(value, 1) for value in values)])
    return grid(heads, rows)

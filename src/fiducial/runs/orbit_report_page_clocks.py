"""The clocks of a combination on its page."""

from __future__ import annotations

from fiducial.orbits.orbit import satellite_order
from fiducial.reports.cells import Bar, HeatCell, HeatColumns, HeatRow, scale_of
from fiducial.reports.html import Column, Page, format_cell
from fiducial.runs.orbit_report_model import ClockReport, ClockSatellite
from fiducial.runs.orbit_report_view import ReportView, by_constellation, constellation_name, time_text


def add_clocks(page: Page, view: ReportView, clocks: ClockReport) -> None:
    """Add shares, tables by constellation, jumps, exclusions and the RMS by satellite.

    Parameters
    ----------
    page : Page
    view : ReportView
    clocks : ClockReport
    """
    scale = view.report.product.time_scale
    page.paragraph(
        f"Time scale: {scale or 'not stated'}; datum centre {clocks.datum_centre}. Offsets, drifts, inter-system biases and constants "
        "are the centre's minus the product's."
    )
    _add_shares(page, clocks)
    for part in clocks.constellations:
        note = "" if part.separable else " Two centres only: which is the noisier cannot be told, they count alike."
        columns = [Column("centre"), Column("role"), Column("noise", "ps", 1), Column("RMS", "ps", 1), Column("records"), Column("rejected"),
                   Column("offset at mid-day", "ns", 3), Column("drift", "ns/day", 3), Column("inter-system bias", "ns", 3)]  # fmt: skip
        rows = [[one.centre, one.role, one.noise_ps, one.rms_ps, one.records, one.rejected, one.offset_ns, one.drift_ns_per_day,
                 one.inter_system_bias_ns] for one in part.centres]  # fmt: skip
        if all(one.inter_system_bias_ns is None for one in part.centres):
            columns, rows = columns[:-1], [row[:-1] for row in rows]
        page.table(columns, rows, caption=f"Clocks of {constellation_name(part.constellation)}.{note}")
    _add_satellites(page, view, clocks)
    jumps = [one for part in clocks.constellations for one in part.jumps]
    if jumps:
        page.table([Column("centre"), Column("satellite"), Column("from", "GPS time", whole=True), Column("to", "GPS time", whole=True), Column("records"),
                    Column("size", "ps", 1)],
                   [[one.centre, one.satellite, time_text(one.begin_gps), time_text(one.end_gps), one.records, one.size_ps]
                    for one in jumps], caption="Stretches of clocks that depart by a constant; they got a constant of their own.")  # fmt: skip
    if clocks.exclusions:
        page.table([Column("centre"), Column("constellation or satellite"), Column("reason"), Column("what was found")],
                   [[one.centre, constellation_name(one.satellite) or "all", one.reason, one.sentence] for one in clocks.exclusions],
                   caption="Kept out of the clock combination.")  # fmt: skip
    else:
        page.paragraph("No centre was kept out of the clock combination.")


def _add_shares(page: Page, clocks: ClockReport) -> None:
    found = {(one.centre, part.constellation): one for part in clocks.constellations for one in part.centres}
    letters = [part.constellation for part in clocks.constellations]
    rows = []
    for centre in dict.fromkeys(centre for centre, _ in found):
        bars = []
        for letter in letters:
            one = found.get((centre, letter))
            combined = one is not None and one.role == "combined"
            noise = "" if one is None or one.noise_ps is None else f"noise {format_cell(one.noise_ps, 1)} ps"
            bars.append(Bar(one.share_percent if combined and one is not None else None, noise if combined else ""))
        if any(bar.value is not None for bar in bars):
            rows.append((centre, bars))
    if rows:
        full = max(bar.value or 0.0 for _, bars in rows for bar in bars)
        page.bars(rows, [constellation_name(letter) for letter in letters], full=full or 100.0, unit="%",
                  caption=f"Mean share of each centre in the combined clocks. The longest bar is {full:.1f} %.",
                  alt="Bars of the share of each centre in the clocks by constellation.")  # fmt: skip


def _add_satellites(page: Page, view: ReportView, clocks: ClockReport) -> None:
    if not clocks.satellites:
        return
    found = {(one.satellite, one.centre): one for one in clocks.satellites}
    kept = {one.centre for part in clocks.constellations for one in part.centres if one.role == "combined"}
    named = {one.centre for one in clocks.satellites}
    order = [*(name for name in view.centres if name in named), *sorted(named - set(view.centres))]
    parts = [
        ("combined", [name for name in order if name in kept]),
        ("compared only", [name for name in order if name not in kept]),
    ]
    columns = [HeatColumns(head, tuple(names)) for head, names in parts if names]
    satellites = sorted({one.satellite for one in clocks.satellites}, key=satellite_order)
    groups = []
    for letter in by_constellation(name[:1] for name in satellites):
        rows = [HeatRow(name, tuple(_cell(found.get((name, centre))) for part in columns for centre in part.names))
                for name in satellites if name[:1] == letter]  # fmt: skip
        groups.append((constellation_name(letter), rows))
    page.heat_table(
        groups, columns, scale=scale_of(one.rms_ps for one in clocks.satellites if one.centre in kept or not kept), unit="ps",
        caption="RMS of the clocks of each centre to the combination, by satellite, after datum and constant. The constant of a "
        "satellite shows on its cell, and stands in the JSON report.",
        alt="Table of clock RMS by satellite and centre: darker is larger.",
    )  # fmt: skip


def _cell(one: ClockSatellite | None) -> HeatCell:
    if one is None:
        return HeatCell()
    return HeatCell(one.rms_ps, title=f"constant {format_cell(one.constant_ps, 1)} ps")

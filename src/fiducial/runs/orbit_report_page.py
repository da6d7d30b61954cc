"""The report of a combination as one page: key figures, heat maps, weights, tables, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fiducial.orbits.orbit import satellite_order
from fiducial.reports.cells import Bar, HeatCell, HeatColumns, HeatRow, scale_of
from fiducial.reports.html import UNKNOWN, Column, KeyFigure, Page, format_cell
from fiducial.runs.orbit_report_model import CombinationReport, ExclusionEntry, Transformation
from fiducial.runs.orbit_report_page_clocks import add_clocks
from fiducial.runs.orbit_report_view import (
    ALL,
    SIGNS,
    Level,
    ReportView,
    by_constellation,
    constellation_name,
    flat,
    time_text,
)

PARTLY: Final = "\N{DAGGER}"
EXCLUSION_COLUMNS: Final = (
    Column("centre"), Column("satellite"), Column("reason"), Column("what was found"), Column("from", "GPS time", whole=True),
    Column("to", "GPS time", whole=True), Column("records"),
)  # fmt: skip
_PLACES: Final = 5
_RANGE: Final = "\N{THIN SPACE}\N{EN DASH}\N{THIN SPACE}"
_SIGMA: Final = "\N{NO-BREAK SPACE}\N{PLUS-MINUS SIGN}\N{NO-BREAK SPACE}"


def report_page(report: CombinationReport) -> Page:
    """Return the page.

    Parameters
    ----------
    report : CombinationReport

    Returns
    -------
    Page
        Drawn with tables only, so that no drawing library is loaded.
    """
    view = ReportView(report)
    product = report.product
    page = Page(
        f"Combination {product.name}",
        f"GPS week {product.gps_week}, day {product.day_of_week} ({product.start_gps:%Y-%m-%d}, day {product.day_of_year} of the "
        f"year): {product.epochs} epochs every {product.sampling_s:g} s in {product.frame}.",
    )
    _add_summary(page, view)
    page.section("Residuals")
    _add_residuals(page, view)
    page.section("Weights")
    _add_weights(page, view)
    page.section("Transformations")
    _add_transformations(page, view)
    page.section("Coverage")
    _add_coverage(page, view)
    page.section("Exclusions")
    add_exclusions(page, report.exclusions, "Kept out of the orbit combination.")
    page.section("Manoeuvres and eclipses")
    _add_events(page, report)
    if report.clocks is not None:
        page.section("Clocks")
        add_clocks(page, view, report.clocks)
    page.section("Inputs and provenance")
    _add_provenance(page, view)
    return page


def add_exclusions(page: Page, entries: Sequence[ExclusionEntry], caption: str) -> None:
    """Add a table of exclusions, or a sentence that there are none."""
    if not entries:
        page.paragraph(f"{caption.removesuffix('.')}: nothing.")
        return
    page.table(EXCLUSION_COLUMNS, [
        [one.centre or ALL, one.satellite or ALL, one.reason, one.sentence, _time(one.begin_gps), _time(one.end_gps), one.records or None]
        for one in entries
    ], caption=caption)  # fmt: skip


def _time(moment: object) -> str | None:
    shown = time_text(moment)  # type: ignore[arg-type]
    return None if shown == "-" else shown


def _add_summary(page: Page, view: ReportView) -> None:
    report = view.report
    letters = view.constellations()
    first = letters[0] if letters else "G"
    found = [view.statistic("constellation", first, name) for name in view.combined]
    values = sorted(one.rms_mm for one in found if one is not None)
    alone = [one.satellite for one in view.satellites if one.centres <= 1]
    counts = [
        f"{sum(one.satellite[:1] == letter for one in view.satellites)} {constellation_name(letter)}"
        for letter in letters
    ]
    full = sum(one.records for one in view.satellites)
    slots = report.product.epochs * len(view.satellites)
    page.key_figures([
        KeyFigure("Centres combined", len(view.combined), detail=", ".join(view.combined)),
        KeyFigure("Compared only", len(view.compared), detail=", ".join(view.compared)),
        KeyFigure("Excluded", len(view.excluded), "", "note" if view.excluded else "", ", ".join(view.excluded)),
        KeyFigure("Satellites", len(view.satellites), detail=", ".join(counts)),
        KeyFigure("Coverage", 100.0 * full / slots if slots else None, "%", detail="records of satellites and epochs"),
        KeyFigure(f"RMS of the centres, {constellation_name(first)}",
                  f"{values[0]:.1f}{_RANGE}{values[-1]:.1f}" if values else None, "mm", detail="per coordinate, to the combination"),
        KeyFigure("Satellites with one centre", len(alone), "", "note" if alone else "", ", ".join(alone)),
        KeyFigure("Fragile parts", len(report.fragile), "", "note" if report.fragile else "",
                  "named below" if report.fragile else "no part hangs on few centres"),
    ])  # fmt: skip
    for sentence in report.fragile:
        page.paragraph(f"Fragile: {sentence}")


def _columns(view: ReportView) -> list[HeatColumns]:
    parts = [("combined", view.combined), ("compared only", view.compared)]
    return [
        HeatColumns(head, names, tuple(view.excluded.get(name, "") for name in names)) for head, names in parts if names
    ]


def _heat_cell(view: ReportView, level: Level, group: str, centre: str, *, weighted: bool = False) -> HeatCell:
    one = view.statistic(level, group, centre)
    why = view.rejection(centre, group) if level == "satellite" else None
    value = None if one is None else one.wrms_mm if weighted else one.rms_mm
    if why is None:
        return HeatCell(value)
    return HeatCell(value, struck=why.whole, mark="" if why.whole else PARTLY, title=why.sentence)


def _heat_row(view: ReportView, level: Level, group: str, *, weighted: bool = False) -> HeatRow:
    cells = tuple(_heat_cell(view, level, group, name, weighted=weighted) for name in view.centres)
    return HeatRow(constellation_name(group), cells, strong=level in ("all", "constellation"))


def _add_residuals(page: Page, view: ReportView) -> None:
    report = view.report
    page.paragraph("RMS per coordinate of each centre to the combination, after the transformation below; WRMS weights each satellite "
                   "by its inverse variance.")  # fmt: skip
    if not report.statistics:
        page.paragraph("There are no statistics: no centre could be compared with the combination.")
        return
    judged = [
        one for one in report.statistics if one.level == "satellite" and one.centre in view.combined
    ] or report.statistics
    scale = scale_of(one.rms_mm for one in judged)
    columns = _columns(view)
    sums: list[tuple[Level, str]] = [("all", ALL)] * bool(view.groups("all"))
    sums += [("constellation", letter) for letter in view.groups("constellation")]
    overview = [("RMS", [_heat_row(view, level, group) for level, group in sums]),
                ("WRMS", [_heat_row(view, level, group, weighted=True) for level, group in sums]),
                ("RMS by block", [_heat_row(view, "block", block) for block in view.groups("block")])]  # fmt: skip
    page.heat_table([part for part in overview if any(cell.value is not None for row in part[1] for cell in row.cells)], columns,
                    scale=scale, unit="mm", caption="Centres to the combination, by constellation and block.",
                    alt="Table of RMS by constellation and block: darker is larger.")  # fmt: skip
    known = {one.satellite: one for one in view.satellites}
    names = sorted({*known, *view.groups("satellite")}, key=satellite_order)
    groups = []
    for letter in by_constellation(name[:1] for name in names):
        rows = []
        for name in (name for name in names if name[:1] == letter):
            one = known.get(name)
            row = _heat_row(view, "satellite", name)
            if one is None:
                rows.append(HeatRow(name, row.cells, (UNKNOWN,), (UNKNOWN, "not in the product")))
            else:
                rows.append(HeatRow(name, row.cells, (one.block or UNKNOWN,),
                                    (format_cell(one.accuracy_mm, 1).rjust(_PLACES, "\N{FIGURE SPACE}"), " ".join(one.events))))  # fmt: skip
        groups.append((constellation_name(letter), rows))
    page.heat_table(
        groups, columns, scale=scale, unit="mm", before=("block",), after=("overall", "events"),
        caption="RMS of each centre to the combination, by satellite. Struck through or crossed: rejected; "
        f"{PARTLY}: some records rejected (the reason shows on the cell and stands under Exclusions). Overall: one standard "
        "deviation of the combined orbit, mm. Events: E eclipse by the Earth, M by the Moon, V manoeuvre.",
        alt="Table of RMS by satellite and centre: darker is larger.",
    )  # fmt: skip


def _add_weights(page: Page, view: ReportView) -> None:
    page.paragraph(f"Method: {view.report.weighting}.")
    shares = view.shares()
    letters = list(shares)
    rows = []
    for centre in view.combined:
        bars = []
        for letter in letters:
            sigma = view.sigma(letter, centre)
            detail = "" if sigma is None else f"sigma {format_cell(sigma, 1)} mm"
            bars.append(Bar(shares[letter].get(centre) or None, detail if shares[letter].get(centre) else ""))
        rows.append((centre, bars))
    if not rows or not letters:
        return
    full = max((value for share in shares.values() for value in share.values()), default=100.0)
    page.bars(rows, [constellation_name(letter) for letter in letters], full=full, unit="%",
              caption="Mean share of each centre in the combined positions; sigma is the standard deviation of a coordinate of "
              f"the centre, without the satellites' own. The longest bar is {full:.1f} %.",
              alt="Bars of the share of each centre by constellation.")  # fmt: skip


def _with_sigma(value: float, sigma: float | None, digits: int) -> str:
    shown = format_cell(value, digits)
    return shown if sigma is None else f"{shown}{_SIGMA}{format_cell(sigma, digits)}"


def _add_transformations(page: Page, view: ReportView) -> None:
    page.paragraph(SIGNS[0])
    entries = view.report.transformations
    letters = by_constellation(scale.constellation for one in entries for scale in one.scales)
    columns = [Column("centre"), *(Column(f"T{axis}", "mm", right=True) for axis in "xyz"),
               *(Column(f"R{axis}", "\N{GREEK SMALL LETTER MU}as", right=True) for axis in "xyz"),
               *(Column(f"D {constellation_name(letter)}", "ppb", right=True) for letter in letters)]  # fmt: skip
    if entries:
        apart = f" Compared only: {', '.join(view.compared)}." if view.compared else ""
        page.table(columns, [_transformation(one, letters) for one in entries],
                   caption=f"Helmert parameters, centre to combination, with one standard deviation; D is the scale.{apart}")  # fmt: skip
    aligned = view.report.pre_alignment
    if not aligned:
        page.paragraph("No rotations were applied before the combination.")
        return
    unit = "\N{GREEK SMALL LETTER MU}as"
    page.table([Column("centre"), *(Column(f"R{axis}", unit, 1) for axis in "xyz")],
               [[one.centre, one.rotation_x_uas, one.rotation_y_uas, one.rotation_z_uas] for one in aligned],
               caption="Rotations from the frame solution, applied before the combination (a dash: none given, none applied).")  # fmt: skip


def _transformation(one: Transformation, letters: Sequence[str]) -> list[object]:
    scales = {scale.constellation: scale for scale in one.scales}
    return [
        one.centre,
        *(_with_sigma(getattr(one, f"translation_{axis}_mm"), getattr(one, f"translation_{axis}_sigma_mm"), 1) for axis in "xyz"),
        *(_with_sigma(getattr(one, f"rotation_{axis}_uas"), getattr(one, f"rotation_{axis}_sigma_uas"), 0) for axis in "xyz"),
        *(_with_sigma(scales[letter].scale_ppb, scales[letter].scale_sigma_ppb, 2) if letter in scales else None
          for letter in letters),
    ]  # fmt: skip


def _add_coverage(page: Page, view: ReportView) -> None:
    entries = view.report.coverage
    found = {(one.centre, one.constellation): one for one in entries}
    letters = by_constellation(one.constellation for one in entries)
    rows = []
    for centre in dict.fromkeys(one.centre for one in entries):
        bars = []
        for letter in letters:
            one = found.get((centre, letter))
            bars.append(Bar() if one is None else Bar(one.share_of_product_percent,
                        f"{one.satellites} satellites, {format_cell(one.records, 0)} records"))  # fmt: skip
        rows.append((centre, bars))
    if rows:
        page.bars(rows, [constellation_name(letter) for letter in letters], full=100.0, unit="% of product",
                  caption="Records of each centre as part of those of the product.",
                  alt="Bars of the coverage of each centre by constellation.")  # fmt: skip


def _add_events(page: Page, report: CombinationReport) -> None:
    if report.manoeuvres:
        page.table([Column("satellite"), Column("source"), Column("reference"), Column("from", "GPS time", whole=True),
                    Column("to", "GPS time", whole=True), Column("change", "mm/s", 1, right=True), Column("kept"), Column("cut"), Column("without it")], [
            [one.satellite, one.source, one.reference, time_text(one.begin_gps, seconds=True), time_text(one.end_gps, seconds=True), one.change_mm_per_s,
             *(", ".join(names) or None for names in (one.centres_kept, one.centres_cut, one.centres_without))]
            for one in report.manoeuvres
        ], caption="Manoeuvres announced or found in the orbits: centres that agree through it and were kept, centres that were cut, "
                   "centres that do not give the satellite.")  # fmt: skip
    else:
        page.paragraph("No manoeuvre was announced, and none was found.")
    if report.eclipses:
        page.table([Column("satellite"), Column("body"), Column("kind"), Column("from", "GPS time", whole=True), Column("to", "GPS time", whole=True),
                    Column("duration", "min", 1), Column("least lit share")], [
            [one.satellite, one.body, one.kind, time_text(one.begin_gps, seconds=True), time_text(one.end_gps, seconds=True), one.duration_min, one.least_lit_fraction]
            for one in report.eclipses
        ], caption="Eclipses, penumbra included. They are flagged, not weighted down.")  # fmt: skip
    else:
        page.paragraph("No satellite passed through a shadow.")


def _add_provenance(page: Page, view: ReportView) -> None:
    report = view.report
    page.table([Column("centre"), Column("role"), Column("file"), Column("agency"), Column("type"), Column("frame"),
                Column("interval", "s", 0), Column("satellites"), Column("positions"), Column("clocks"),
                Column("interpolated epochs")], [
        [one.centre, "excluded" if one.centre in view.excluded else one.role, one.file, one.agency, one.orbit_type, one.frame_label,
         one.sampling_s, one.satellites, one.records, one.clock_records, one.interpolated_epochs] for one in report.inputs
    ], caption="Orbit files that were read; frame as their headers print it.")  # fmt: skip
    if report.notes:
        page.table(
            [Column("note")], [[text] for text in report.notes], caption="What was found and decided on the way."
        )
    findings = [[one.centre, text] for one in report.inputs for text in one.findings]
    if findings:
        page.table(
            [Column("centre"), Column("fault that reading repaired")], findings, caption="Faults of the input files."
        )
    if report.earth_rotation:
        unit = "\N{GREEK SMALL LETTER MU}as"
        page.table([Column("epoch", "MJD UTC"), Column("x pole", unit, 1), Column("y pole", unit, 1), Column("sigma x", unit, 1),
                    Column("sigma y", unit, 1), Column("length of day", "\N{GREEK SMALL LETTER MU}s", 1), Column("source")], [
            [one.mjd_utc, one.x_pole_uas, one.y_pole_uas, one.x_pole_sigma_uas, one.y_pole_sigma_uas, one.length_of_day_us, one.source]
            for one in report.earth_rotation
        ], caption="Earth rotation that belongs to the orbits.")  # fmt: skip
    hashes = {one.file: f"SHA-256 {one.sha256}" for one in report.inputs}
    hashes |= {one.file: f"SHA-256 {one.sha256}" for one in report.auxiliary}
    hashes |= {
        one.clock_file: f"clocks of {one.centre}"
        for one in report.inputs
        if one.clock_file and one.clock_file not in hashes
    }
    page.provenance("Hashes of the input files", hashes)
    page.provenance("Options", flat(report.options))
    page.provenance("Product and software", {
        "files": ", ".join(report.product.files), "epochs": f"{time_text(report.product.start_gps)} to {time_text(report.product.end_gps)} GPS time",
        "clock scale": report.product.time_scale or None, "software": f"{report.software.name} {report.software.version}",
        "created": f"{time_text(report.software.created_utc)} UTC", "report layout": report.layout_version,
    })  # fmt: skip

"""The report of a combination as text, in the habit of the summaries of the IGS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fiducial.orbits.orbit import satellite_order
from fiducial.runs.orbit_report_layout import UNKNOWN, Head, ascii_text, grid, heading, number, paragraph
from fiducial.runs.orbit_report_model import CombinationReport, ExclusionEntry, Statistic
from fiducial.runs.orbit_report_text_clocks import clock_lines
from fiducial.runs.orbit_report_view import (
    ALL,
    SIGNS,
    Level,
    ReportView,
    by_constellation,
    constellation_name,
    flat,
    shown_in,
    time_text,
)

REJECTED: Final = "*"
PARTLY: Final = "+"
_PRINTED_MM: Final = 0.05
_REJECTED_WITHOUT_VALUE: Final = "x"

Lines = list[str]


def render_text(report: CombinationReport) -> str:
    """Return the report as text.

    Parameters
    ----------
    report : CombinationReport

    Returns
    -------
    str
        Printable ASCII, at most 160 columns, one line feed at each end of line. Units stand in the heads of the
        tables, signs at the top; what is unknown is a dash or a blank.
    """
    view = ReportView(report)
    sections: tuple[tuple[str, Callable[[ReportView, str], Lines]], ...] = (
        ("Centres and files", _centres),
        ("Outliers and exclusions", _exclusions),
        ("Manoeuvres", _manoeuvres),
        ("Pre-alignment", _pre_alignment),
        ("Weights", _weights),
        ("RMS and WRMS of the centres to the combination", _statistics),
        ("Transformations of the centres to the combination", _transformations),
        ("Eclipses", _eclipses),
        ("Clocks", lambda found, label: clock_lines(found, label, exclusion_table)),
        ("Earth rotation", _earth_rotation),
        ("Coverage", _coverage),
        ("Input files and hashes", _hashes),
        ("Options", _options),
        ("Fragile parts and notes", _fragile),
    )
    lines = _title(view, len(sections))
    for place, (title, body) in enumerate(sections, start=1):
        lines += [*heading(str(place), title), *body(view, str(place))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def exclusion_table(entries: Sequence[ExclusionEntry]) -> Lines:
    """Return exclusions as a table with a sentence under each, or a line that says there are none."""
    if not entries:
        return ["  None."]
    heads = [Head("centre", left=True), Head("sat.", left=True), Head("reason", left=True), Head("from", "GPS time", left=True),
             Head("to", "GPS time", left=True), Head("records"), Head("found"), Head("allowed"), Head("unit", left=True)]  # fmt: skip
    rows = [[one.centre or "all", one.satellite or "all", one.reason, time_text(one.begin_gps), time_text(one.end_gps),
             str(one.records or UNKNOWN), _measured(one.value, one.unit), _measured(one.limit, one.unit),
             shown_in(None, one.unit)[1]] for one in entries]  # fmt: skip
    return grid(heads, rows, keys=3, notes=[one.sentence for one in entries])


def _measured(value: float | None, unit: str) -> str:
    shown, _ = shown_in(value, unit)
    return UNKNOWN if shown is None else f"{shown:.4g}"


def _title(view: ReportView, last: int) -> Lines:
    report = view.report
    product = report.product
    day = f"GPS week {product.gps_week:04d} day {product.day_of_week}, {product.start_gps:%Y-%m-%d} (day {product.day_of_year} of {product.year})"
    title = ascii_text(f"Combination {product.name}: orbits{' and clocks' if report.clocks else ''} of {day}")
    letters = [constellation_name(letter) for letter in view.constellations()]
    lines = ["=" * len(title), title, "=" * len(title)]
    lines += _pairs([
        ("made by", (f"{report.software.name} {report.software.version}, {time_text(report.software.created_utc)} UTC, "
                    f"report layout {report.layout_version}")),
        ("files", ", ".join(product.files) or UNKNOWN),
        ("epochs", (f"{product.epochs}, every {product.sampling_s:g} s, {time_text(product.start_gps)} to "
                   f"{time_text(product.end_gps)} GPS time")),
        ("frame", product.frame),
        ("clock scale", product.time_scale or "no clocks"),
        ("satellites", f"{len(view.satellites)} ({', '.join(letters)})"),
        ("combined", f"{len(view.combined)}: {' '.join(view.combined)}"),
        ("compared", f"{len(view.compared)}: {' '.join(view.compared)}" if view.compared else "none"),
        ("excluded", " ".join(view.excluded) or "none"),
        ("weighting", report.weighting),
        ("fragile", f"{len(report.fragile)} part(s), see section {last}" if report.fragile else "no part named"),
    ])  # fmt: skip
    lines += ["", "Conventions"]
    for sentence in SIGNS:
        lines += paragraph(sentence)
    return lines


def _pairs(pairs: Sequence[tuple[str, str]]) -> Lines:
    width = max((len(name) for name, _ in pairs), default=0)
    lines: Lines = []
    for name, value in pairs:
        first, *rest = paragraph(value, "  " + " " * (width + 2))
        lines += [f"  {ascii_text(name).ljust(width)}  {first.strip()}".rstrip(), *rest]
    return lines


def _centres(view: ReportView, _label: str) -> Lines:
    inputs = view.report.inputs
    lines = [f"  {one.centre} ({_role(view, one.centre)}): {ascii_text(one.file)}" for one in inputs]
    lines = [piece for line in lines for piece in paragraph(line.strip())]
    heads = [Head("centre", left=True), Head("role", left=True), Head("agency", left=True), Head("type", left=True),
             Head("frame", left=True), Head("first", "GPS time", left=True), Head("last", "GPS time", left=True),
             Head("interval", "s"), Head("satellites"), Head("positions"), Head("clocks"), Head("interpolated", "epochs")]  # fmt: skip
    rows = [[one.centre, _role(view, one.centre), one.agency or UNKNOWN, one.orbit_type or UNKNOWN, one.frame_label or UNKNOWN,
             time_text(one.start_gps), time_text(one.end_gps), number(one.sampling_s), str(one.satellites), str(one.records),
             str(one.clock_records), str(one.interpolated_epochs)] for one in inputs]  # fmt: skip
    lines += ["", *grid(heads, rows)]
    findings = [(one.centre, text) for one in inputs for text in one.findings]
    if findings:
        lines += ["", "  Faults of the files that reading repaired:", *_pairs(findings)]
    return lines


def _role(view: ReportView, centre: str) -> str:
    if centre in view.excluded:
        return "compared (excluded)" if centre in view.compared else "excluded"
    return "combined" if centre in view.combined else "compared"


def _exclusions(view: ReportView, _label: str) -> Lines:
    return exclusion_table(view.report.exclusions)


def _manoeuvres(view: ReportView, _label: str) -> Lines:
    entries = view.report.manoeuvres
    if not entries:
        return ["  None announced, none found."]
    heads = [Head("sat.", left=True), Head("source", left=True), Head("reference", left=True), Head("from", "GPS time", left=True),
             Head("to", "GPS time", left=True), Head("change", "mm/s"), Head("kept", left=True), Head("cut", left=True),
             Head("without satellite", left=True)]  # fmt: skip
    rows = [[one.satellite, one.source, one.reference, time_text(one.begin_gps, seconds=True), time_text(one.end_gps, seconds=True),
             number(one.change_mm_per_s, 1), *(" ".join(names) or UNKNOWN for names in
             (one.centres_kept, one.centres_cut, one.centres_without))] for one in entries]  # fmt: skip
    return grid(heads, rows, notes=[one.sentence for one in entries])


def _pre_alignment(view: ReportView, _label: str) -> Lines:
    entries = view.report.pre_alignment
    if not entries:
        return ["  No rotations were applied before the combination."]
    rows = [[one.centre, number(one.rotation_x_uas, 1), number(one.rotation_y_uas, 1), number(one.rotation_z_uas, 1)]
            for one in entries]  # fmt: skip
    return [
        "  Rotations X' = X + R X that were applied before the combination; a dash: none given, none applied.", "",
        *grid([Head("centre", left=True), Head("Rx", "uas"), Head("Ry", "uas"), Head("Rz", "uas")], rows),
    ]  # fmt: skip


def _weights(view: ReportView, label: str) -> Lines:
    entries = view.report.weights
    lines = paragraph(f"Method: {view.report.weighting}")
    if not entries:
        return lines
    centres = [name for name in view.centres if any(one.centre == name for one in entries)]
    found = {(one.group, one.centre): one for one in entries}
    groups = list(dict.fromkeys(one.group for one in entries))
    heads = [Head("group", left=True), *(Head(name) for name in centres)]
    for place, (title, attribute, digits) in enumerate((
        ("Mean share in the combined positions [%]", "share_percent", 2),
        ("Standard deviation of a coordinate of the centre, without the satellites' own [mm]", "sigma_mm", 2),
    ), start=1):  # fmt: skip
        rows = [[group, *(number(getattr(found.get((group, name)), attribute, None), digits) for name in centres)]
                for group in groups]  # fmt: skip
        lines += [*heading(f"{label}.{place}", title), *grid(heads, rows)]
    return lines


def _statistics(view: ReportView, label: str) -> Lines:
    lines = [*heading(f"{label}.1", "All satellites and constellations [mm]"), *_overview(view)]
    for place, title, body in (
        (2, "RMS by block [mm]", _groups(view, "block", "rms_mm")),
        (3, "WRMS by block [mm]", _groups(view, "block", "wrms_mm")),
        (4, "RMS by satellite [mm]", _satellites(view)),
        (5, "WRMS by satellite [mm]", _groups(view, "satellite", "wrms_mm") if _differ(view) else []),
    ):
        if body:
            lines += [*heading(f"{label}.{place}", title), *body]
    return lines


def _overview(view: ReportView) -> Lines:
    heads = [Head("group", left=True), Head("", left=True), *(Head(name) for name in view.centres)]
    rows: list[list[str]] = []
    places: list[tuple[Level, str]] = [
        ("all", ALL),
        *(("constellation", letter) for letter in view.groups("constellation")),
    ]
    for level, group in places:
        found = [view.statistic(level, group, name) for name in view.centres]
        rows += [[constellation_name(group), "RMS", *(_value(one, "rms_mm") for one in found)],
                 ["", "WRMS", *(_value(one, "wrms_mm") for one in found)],
                 ["", "records", *(UNKNOWN if one is None else str(one.records) for one in found)]]  # fmt: skip
    return grid(heads, rows, keys=2)


def _value(one: Statistic | None, attribute: str) -> str:
    value: float | None = getattr(one, attribute, None)
    return number(value, 1)


def _groups(view: ReportView, level: Level, attribute: str) -> Lines:
    """Return a table of one number by group and centre; nothing when no centre has it."""
    groups = view.groups(level)
    rows = [
        [group, *(_value(view.statistic(level, group, name), attribute) for name in view.centres)] for group in groups
    ]
    if all(cell == UNKNOWN for row in rows for cell in row[1:]):
        return []
    return grid([Head("group", left=True), *(Head(name) for name in view.centres)], list(_spaced(rows, level)))


def _differ(view: ReportView) -> bool:
    """Tell whether RMS and WRMS of satellites differ; where all records of one weigh alike they cannot."""
    return any(abs(one.wrms_mm - one.rms_mm) >= _PRINTED_MM for one in view.report.statistics
               if one.level == "satellite" and one.wrms_mm is not None)  # fmt: skip


def _spaced(rows: Sequence[list[str]], level: Level) -> Iterator[list[str] | None]:
    """Put an empty line between constellations."""
    before = rows[0][0][:1] if rows else ""
    for row in rows:
        if level == "satellite" and row[0][:1] != before:
            yield None
        before = row[0][:1]
        yield row


def _satellites(view: ReportView) -> Lines:
    heads = [Head("sat.", left=True), Head("SVN", left=True), Head("block", left=True), *(Head(name) for name in view.centres),
             Head("centres"), Head("overall", "mm"), Head("code", "2^n mm"), Head("excess", "mm"), Head("event", left=True)]  # fmt: skip
    known = {one.satellite: one for one in view.satellites}
    rows = []
    for name in sorted({*known, *view.groups("satellite")}, key=satellite_order):
        one = known.get(name)
        cells = [_cell(view, centre, name) for centre in view.centres]
        if one is None:
            rows.append([name, UNKNOWN, UNKNOWN, *cells, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "not in the product"])
            continue
        events = "".join(event if event in one.events else " " for event in "EMV")
        rows.append([name, one.svn or UNKNOWN, one.block or UNKNOWN, *cells, str(one.centres), number(one.accuracy_mm, 1),
                     str(one.accuracy_code) if one.accuracy_code else UNKNOWN, number(one.excess_sigma_mm, 1), events])  # fmt: skip
    return [
        (f"  {REJECTED} rejected: shown, not used; {_REJECTED_WITHOUT_VALUE} rejected, no value; {PARTLY} some records rejected;"
        " reasons in section 2."),
        ("  overall: one standard deviation of the combined orbit; code: n of the SP3 header;"
        " excess: standard deviation common to all centres' orbits."),
        "  event: E eclipse by the Earth, M by the Moon, V manoeuvre (Delta-V).", "",
        *grid(heads, list(_spaced(rows, "satellite")), keys=3),
    ]  # fmt: skip


def _cell(view: ReportView, centre: str, satellite: str) -> str:
    value = _value(view.statistic("satellite", satellite, centre), "rms_mm")
    why = view.rejection(centre, satellite)
    if value == UNKNOWN:
        return _REJECTED_WITHOUT_VALUE + " " if why else ""
    # The column of marks is kept free in every cell, so that the points stand under each other.
    return value + (" " if why is None else REJECTED if why.whole else PARTLY)


def _transformations(view: ReportView, _label: str) -> Lines:
    entries = view.report.transformations
    if not entries:
        return ["  None was estimated."]
    letters = by_constellation(scale.constellation for one in entries for scale in one.scales)
    heads = [Head("centre", left=True), Head("", left=True), *(Head(f"T{axis}", "mm") for axis in "xyz"),
             *(Head(f"R{axis}", "uas") for axis in "xyz"), *(Head(f"D {letter}", "ppb") for letter in letters)]  # fmt: skip
    rows: list[list[str]] = []
    for one in entries:
        scales = {scale.constellation: scale for scale in one.scales}
        rows.append([one.centre, "", *(number(getattr(one, f"translation_{axis}_mm"), 2) for axis in "xyz"),
                     *(number(getattr(one, f"rotation_{axis}_uas"), 1) for axis in "xyz"),
                     *(number(scales[letter].scale_ppb if letter in scales else None, 3) for letter in letters)])  # fmt: skip
        rows.append(["", "+/-", *(number(getattr(one, f"translation_{axis}_sigma_mm"), 2) for axis in "xyz"),
                     *(number(getattr(one, f"rotation_{axis}_sigma_uas"), 1) for axis in "xyz"),
                     *(number(scales[letter].scale_sigma_ppb if letter in scales else None, 3) for letter in letters)])  # fmt: skip
    return ["  D is the scale by constellation; +/- is one standard deviation.", "", *grid(heads, rows, keys=2)]


def _eclipses(view: ReportView, _label: str) -> Lines:
    entries = view.report.eclipses
    if not entries:
        return ["  None."]
    heads = [Head("sat.", left=True), Head("body", left=True), Head("kind", left=True), Head("from", "GPS time", left=True),
             Head("to", "GPS time", left=True), Head("duration", "min"), Head("least lit", "share")]  # fmt: skip
    rows = [[one.satellite, one.body, one.kind, time_text(one.begin_gps, seconds=True), time_text(one.end_gps, seconds=True), number(one.duration_min, 1),
             number(one.least_lit_fraction, 2)] for one in entries]  # fmt: skip
    return ["  Penumbra included; eclipses are flagged, not weighted down.", "", *grid(heads, rows)]


def _earth_rotation(view: ReportView, _label: str) -> Lines:
    entries = view.report.earth_rotation
    if not entries:
        return ["  Not given."]
    heads = [Head("epoch", "MJD UTC"), Head("x pole", "uas"), Head("y pole", "uas"), Head("sigma x", "uas"), Head("sigma y", "uas"),
             Head("LOD", "us"), Head("source", left=True)]  # fmt: skip
    rows = [[number(one.mjd_utc, 2), number(one.x_pole_uas, 1), number(one.y_pole_uas, 1), number(one.x_pole_sigma_uas, 1),
             number(one.y_pole_sigma_uas, 1), number(one.length_of_day_us, 1), one.source] for one in entries]  # fmt: skip
    return grid(heads, rows)


def _coverage(view: ReportView, _label: str) -> Lines:
    heads = [Head("centre", left=True), Head("constellation", left=True), Head("satellites"), Head("records"),
             Head("of product", "%")]  # fmt: skip
    rows = [[one.centre, constellation_name(one.constellation), str(one.satellites), str(one.records),
             number(one.share_of_product_percent, 2)] for one in view.report.coverage]  # fmt: skip
    return grid(heads, rows, keys=2) if rows else [f"  {UNKNOWN}"]


def _hashes(view: ReportView, _label: str) -> Lines:
    heads = [Head("centre or kind", left=True), Head("SHA-256", left=True), Head("file", left=True)]
    rows = [[one.centre, one.sha256, one.file] for one in view.report.inputs]
    rows += [[f"{one.centre} clocks", UNKNOWN, one.clock_file] for one in view.report.inputs if one.clock_file]
    rows += [[one.kind, one.sha256, one.file] for one in view.report.auxiliary]
    return grid(heads, rows)


def _options(view: ReportView, _label: str) -> Lines:
    shown = [(name, UNKNOWN if value is None else str(value)) for name, value in flat(view.report.options).items()]
    return _pairs(shown) or [f"  {UNKNOWN}"]


def _fragile(view: ReportView, label: str) -> Lines:
    lines: Lines = []
    for place, (title, texts) in enumerate((("Parts that hang on few centres", view.report.fragile),
                                            ("Notes", view.report.notes)), start=1):  # fmt: skip
        told = [line for text in texts for line in paragraph(f"- {text}")]
        lines += [*heading(f"{label}.{place}", title), *(told or ["  None."])]
    return lines

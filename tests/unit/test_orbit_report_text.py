"""The text report: readable where IGS summaries are read, complete, and never a zero for what is unknown."""

from __future__ import annotations

import re

import pytest

from fiducial.runs.orbit_report_layout import WIDTH, Head, ascii_text, grid, number
from fiducial.runs.orbit_report_text import render_text
from fiducial.runs.orbit_report_view import ReportView
from report_factory import COMPARED, COUNTS, combination_report, sha256


@pytest.fixture(scope="module")
def report():
    return combination_report()


@pytest.fixture(scope="module")
def text(report):
    return render_text(report)


def section(text: str, title: str) -> str:
    found = re.search(rf"^\d+ {title}\n=+\n(.*?)(?=^\d+ [A-Z]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def row(part: str, *starts: str) -> list[str]:
    return next(line.split() for line in part.splitlines() if line.split()[: len(starts)] == list(starts))


@pytest.mark.parametrize("extra", [0, 3, 14])
def test_lines_are_printable_ascii_of_at_most_160_columns(extra):
    text = render_text(combination_report(extra_centres=extra))
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert set(text) <= {"\n", *map(chr, range(32, 127))}
    assert not any(line.endswith(" ") for line in text.splitlines())
    for centre in combination_report(extra_centres=extra).inputs:
        assert re.search(rf"^  sat\..*\b{centre.centre}\b", text, re.MULTILINE), centre.centre


def test_wide_tables_split_and_repeat_their_keys():
    text = section(render_text(combination_report(extra_centres=14)), "RMS and WRMS of the centres to the combination")
    lines = [line for line in text.splitlines() if line.startswith("  G05 ")]
    assert len(lines) == 2
    assert all(line.split()[:3] == ["G05", "G605", "GPS-IIF"] for line in lines)


def test_head_names_product_day_centres_signs_and_fragile_parts(text):
    head = text[: text.index("1 Centres and files")]
    for part in ("IGS0TSTFIN", "GPS week 2332 day 4, 2024-09-19 (day 263 of 2024)", "combined     9: COD", "compared     3: NGS IGF IGL",
                 "excluded     NGS WHU", "position-vector signs: X' = X + T + D X + R X", "2 part(s), see section 14"):  # fmt: skip
        assert part in head
    assert text.count("[[0, -Rz, Ry]") == 1


def test_exclusions_stand_with_reason_and_sentence(text):
    part = section(text, "Outliers and exclusions")
    assert row(part, "GFZ", "E12") == ["GFZ", "E12", "satellite-rms", "-", "-", "288", "94.1", "70.2", "mm"]
    assert "RMS 94.1 mm above 70.2 mm" in part
    assert row(part, "WHU", "all")[2:] == ["by-request", "-", "-", "-", "-", "-"]


def test_statistics_carry_marks_events_and_accuracy(report, text):
    part = section(text, "RMS and WRMS of the centres to the combination")
    view = ReportView(report)
    cells = row(part, "E12", "E612")
    assert cells[cells.index("94.1*")] == "94.1*"
    assert "x" in row(part, "G01", "G601")
    assert any(cell.endswith("+") for cell in row(part, "G17", "G617"))
    assert row(part, "G17", "G617")[-1] == "V"
    assert row(part, "E10", "E610")[-1] == "EM"
    assert row(part, "R22", "R622")[-4:] == ["1", "-", "-", "-"]
    assert row(part, "E27", "-")[2] == "-"
    one = view.statistic("constellation", "R", "GFZ")
    assert one is not None
    assert row(part, "GLONASS", "RMS")[2 + view.centres.index("GFZ")] == f"{one.rms_mm:.1f}"
    assert len(re.findall(r"^  [GRE]\d\d +[GRE]\d{3}", part, re.MULTILINE)) == sum(COUNTS.values()) - 1


def test_transformations_have_sigmas_below_and_dashes_for_unknown(text):
    lines = section(text, "Transformations of the centres to the combination").splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("  IGL"))
    assert lines[place].split()[7:] == ["-", lines[place].split()[8], "-"]
    assert lines[place + 1].split() == ["+/-", *"------", "-", "0.012", "-"]


def test_clocks_pre_alignment_and_earth_rotation(text):
    assert row(section(text, "Pre-alignment"), "NGS") == ["NGS", "-", "-", "-"]
    clocks = section(text, "Clocks")
    assert row(clocks, "NGS", "compared")[2] == "-"
    assert row(clocks, "EMR", "G09")[-2:] == ["36", "-312.4"]
    assert row(clocks, "NGS", "G")[-3:] == ["364", "120", "ps"]
    assert "Two centres only" in clocks
    assert row(section(text, "Earth rotation"), "60572.50")[5] == "-"


def test_hashes_options_and_fragile_parts_are_all_there(report, text):
    hashes = section(text, "Input files and hashes")
    assert all(one.sha256 in hashes and one.file in hashes for one in (*report.inputs, *report.auxiliary))
    assert row(hashes, "JPL", "clocks")[2] == "-"
    options = section(text, "Options")
    assert row(options, "clocks.kind_factor") == ["clocks.kind_factor", "10.0"]
    assert row(options, "satellite_limit_m") == ["satellite_limit_m", "-"]
    assert "R22 is given by COD alone." in section(text, "Fragile parts and notes")


def test_a_bare_report_says_so():
    empty = combination_report(clocks=False).model_copy(update={
        "options": {}, "inputs": [], "auxiliary": [], "coverage": [], "exclusions": [], "manoeuvres": [], "eclipses": [],
        "pre_alignment": [], "transformations": [], "weights": [], "statistics": [], "satellites": [], "earth_rotation": [],
        "fragile": [], "notes": [],
    })  # fmt: skip
    text = render_text(empty)
    for part in ("no clocks", "No clocks were combined.", "None announced, none found.", "No rotations were applied",
                 "None was estimated.", "no part named"):  # fmt: skip
        assert part in text


def test_a_hostile_text_stays_one_line_of_ascii(report):
    inputs = [
        report.inputs[0].model_copy(update={"agency": "A\nB\x07\t" + "long " * 60, "file": "x" * 400}),
        *report.inputs[1:],
    ]
    text = render_text(
        report.model_copy(update={"inputs": inputs, "notes": ["5 \N{MICRO SIGN}as \N{CJK UNIFIED IDEOGRAPH-4E2D}"]})
    )
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert set(text) <= {"\n", *map(chr, range(32, 127))}
    assert "- 5 uas ?" in text
    assert sha256("COD") in text


def test_rejections_tell_whole_from_part(report):
    view = ReportView(report)
    assert view.combined == ("COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "SIO")
    assert view.compared == ("NGS", *COMPARED)
    whole = {place: one.whole for place in (("GFZ", "E12"), ("GRG", "G17"), ("EMR", "G01"), ("JGX", "R03"))
             if (one := view.rejection(*place)) is not None}  # fmt: skip
    assert whole == {("GFZ", "E12"): True, ("GRG", "G17"): False, ("EMR", "G01"): True, ("JGX", "R03"): True}
    assert view.rejection("COD", "G05") is None
    assert view.rejection("NGS", "G05") is None  # the whole column says that


def test_shares_add_up_by_whatever_group_weights_are(report):
    for total in ReportView(report).shares().values():
        assert sum(total.values()) == pytest.approx(100.0)
    by_satellite = [
        one.model_copy(update={"group": satellite.satellite})
        for satellite in report.satellites
        for one in report.weights
        if one.group == satellite.satellite[0]
    ]
    by_block = [
        one.model_copy(update={"group": block})
        for block in {satellite.block for satellite in report.satellites if satellite.block}
        for one in report.weights
        if one.group == {"GPS": "G", "GLO": "R", "GAL": "E"}[block[:3]]
    ]
    expected = ReportView(report).shares()
    for weights in (by_satellite, by_block):
        found = ReportView(report.model_copy(update={"weights": weights})).shares()
        assert list(found) == ["G", "R", "E"]
        for letter, share in found.items():
            assert share == pytest.approx(expected[letter])


def test_numbers_and_texts():
    assert number(float("nan")) == number(None) == "-"
    assert number(-0.0001, 2) == "0.00"
    assert number(-12.34, 1) == "-12.3"
    assert (
        ascii_text("GeoForschungsZentrum\N{NO-BREAK SPACE}M\N{LATIN SMALL LETTER A WITH DIAERESIS}")
        == "GeoForschungsZentrum Ma"
    )
    assert grid([Head("a"), Head("b", "mm")], [["1", "2"], None]) == ["  a   b", "     mm", "  -----", "  1   2", ""]

"""The report page: complete, self-contained, readable on any shade, and drawn without a drawing library."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from fiducial.errors import RunError
from fiducial.reports.cells import (
    SHADES,
    Bar,
    HeatCell,
    HeatColumns,
    HeatRow,
    LogScale,
    bar_percent,
    contrast,
    scale_of,
    shade,
)
from fiducial.reports.html import Column, Page
from fiducial.runs.orbit_report_page import report_page
from report_factory import COMPARED, combination_report
from support import ROOT


@pytest.fixture(scope="module")
def report():
    return combination_report()


@pytest.fixture(scope="module")
def text(report):
    return report_page(report).render()


class Tables(HTMLParser):
    """Rows of all tables as lists of (tag, attributes, text); checks that tags close."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[tuple[str, dict[str, str | None], str]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append((tag, dict(attrs), ""))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            tag, attributes, text = self.rows[-1][-1]
            self.rows[-1][-1] = (tag, attributes, text + data)

    def row(self, name: str, cells: int):
        return next(row for row in self.rows if row and row[0][2] == name and len(row) == cells)


def test_page_stands_alone(text):
    Tables(text)
    assert "default-src 'none'" in text
    assert not re.search(r"<script|https?:|url\(|@import", text)
    identifiers = re.findall(r' id="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    for heading in ("Residuals", "Weights", "Transformations", "Coverage", "Exclusions", "Manoeuvres and eclipses", "Clocks",
                    "Inputs and provenance"):  # fmt: skip
        assert f">{heading}</h2>" in text


def test_key_figures_come_first(text):
    top = text[: text.index("Residuals</h2>")]
    for part in ("Centres combined", "Compared only", "Excluded", "Satellites with one centre", "Fragile parts", "NGS, WHU", "81", "100.00",
                 "Fragile: R22 is given by COD alone."):  # fmt: skip
        assert part in top


def test_heat_map_has_every_satellite_and_centre_with_marks(text):
    table = Tables(text)
    width = 1 + 1 + 9 + 1 + len(COMPARED) + 2
    names = [row[0][2] for row in table.rows if len(row) == width and re.fullmatch(r"[GRE]\d\d", row[0][2])]
    assert len(names) == 81
    row = table.row("E12", width)
    rejected = row[2 + 3]
    assert rejected[2] == "94.1"
    assert rejected[1]["title"] == "RMS 94.1 mm above 70.2 mm"
    assert "style" not in rejected[1]
    assert "<s>94.1</s>" in text
    assert table.row("G01", width)[2 + 1][2] == "\N{MULTIPLICATION SIGN}"
    assert table.row("G17", width)[2 + 4][2].endswith("\N{DAGGER}")
    assert table.row("E10", width)[-1][2] == "E M"
    assert [place for place, cell in enumerate(table.row("G05", width)) if "apart" in (cell[1].get("class") or "")] == [
        11
    ]


def test_every_coloured_cell_is_readable(text):
    pairs = set(re.findall(r"background:(#[0-9a-f]{6});color:(#[0-9a-f]{6})", text))
    assert len(pairs) > 10
    assert min(contrast(ground, ink) for ground, ink in pairs) >= 4.5


def test_shades_fall_evenly_in_lightness():
    grounds = [shade(k / (SHADES - 1)).ground for k in range(SHADES)]
    channels = np.array([[int(ground[at : at + 2], 16) / 255 for at in (1, 3, 5)] for ground in grounds])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    # Oklab lightness (Ottosson 2020), by its matrices from linear sRGB.
    cones = linear @ np.array([[0.4122214708, 0.2119034982, 0.0883024619], [0.5363325363, 0.6806995451, 0.2817188376],
                               [0.0514459929, 0.1073969566, 0.6299787005]])  # fmt: skip
    light = np.cbrt(cones) @ [0.2104542553, 0.7936177850, -0.0040720468]
    steps = np.diff(light)
    assert steps.max() < 0
    np.testing.assert_allclose(steps, steps.mean(), atol=0.005)
    assert len(set(grounds)) == SHADES


def test_scales_are_round_and_ignore_what_is_not_positive():
    scale = scale_of([None, float("nan"), 0.0, -3.0, *np.linspace(4.0, 30.0, 200), 900.0])
    assert scale == LogScale(4.0, 30.0)
    assert scale.ticks() == [4.0, 10.0, 20.0, 30.0]
    assert (scale.share(1.0), scale.share(900.0)) == (0.0, 1.0)
    assert scale_of([]) == LogScale(1.0, 10.0)
    assert scale_of([5.0]) == LogScale(5.0, 50.0)
    assert LogScale(3.0, 4.0).ticks() == [3.0, 4.0]
    assert bar_percent(1.0, 0.0) == 0.0


def test_weights_are_bars_of_their_length(text, report):
    one = next(one for one in report.weights if (one.group, one.centre) == ("R", "GFZ"))
    assert f'<span class="reading">{one.share_percent:.1f}</span>' in text
    lengths = [float(width) for width in re.findall(r'<span style="width:([\d.]+)%">', text)]
    assert max(lengths) == 100.0
    assert min(lengths) > 0


def test_helmert_table_has_sigmas(text):
    assert re.search(r"D GLONASS <span class=\"unit\">\(ppb\)</span>", text)
    assert re.search(r'class="number">\N{MINUS SIGN}?\d\.\d\d\xa0\N{PLUS-MINUS SIGN}\xa00\.01<', text)


def test_provenance_has_every_hash(text, report):
    for one in (*report.inputs, *report.auxiliary):
        assert one.sha256 in text
    assert "clocks.kind_factor" in text
    assert "M\N{LATIN SMALL LETTER A WITH DIAERESIS}nnel" in text


def test_what_files_say_is_escaped(report):
    inputs = [
        report.inputs[0].model_copy(update={"agency": "<img src=x>", "findings": ['"><script>']}),
        *report.inputs[1:],
    ]
    hostile = report.model_copy(update={"inputs": inputs, "exclusions": [
        one.model_copy(update={"sentence": 'a" onclick="b'}) for one in report.exclusions]})  # fmt: skip
    text = report_page(hostile).render()
    assert "<img src=x>" not in text
    assert "<script>" not in text
    assert 'onclick="b' not in text
    Tables(text)


def test_a_bare_report_makes_a_page():
    bare = combination_report(clocks=False).model_copy(update={
        "options": {}, "inputs": [], "auxiliary": [], "coverage": [], "exclusions": [], "manoeuvres": [], "eclipses": [],
        "pre_alignment": [], "transformations": [], "weights": [], "statistics": [], "satellites": [], "earth_rotation": [],
        "fragile": [], "notes": [],
    })  # fmt: skip
    text = report_page(bare).render()
    Tables(text)
    for part in ("There are no statistics", "No manoeuvre was announced", "No satellite passed through a shadow",
                 "Kept out of the orbit combination: nothing."):  # fmt: skip
        assert part in text
    assert ">Clocks</h2>" not in text


def test_the_page_needs_no_drawing_library():
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from report_factory import combination_report\n"
        "from fiducial.runs.orbit_report_page import report_page\n"
        "report_page(combination_report()).render()\n"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda page, row, columns, scale: page.heat_table([("a", [row])], columns, scale=scale, unit="mm", caption=" ", alt="b"),
        lambda page, row, columns, scale: page.heat_table([("a", [row])], columns, scale=scale, unit="mm", caption="c", alt=""),
        lambda page, row, columns, scale: page.heat_table([("a", [row])], columns, scale=scale, unit="mm", caption="c", alt="b",
                                                          before=("block",)),
        lambda page, _row, _columns, _scale: page.bars([("a", [Bar(1.0)])], ["x", "y"], full=1.0, unit="%", caption="c", alt="b"),
        lambda page, _row, _columns, _scale: page.bars([("a", [Bar(1.0)])], ["x"], full=1.0, unit="%", caption="c", alt=" "),
    ],
)  # fmt: skip
def test_blocks_refuse_what_readers_could_not_use(misuse):
    with pytest.raises(RunError, match="FID-5012"):
        misuse(Page("t"), HeatRow("r", (HeatCell(1.0),)), [HeatColumns("h", ("x",))], LogScale(1.0, 10.0))


def test_columns_can_be_set_right_and_kept_whole():
    page = Page("t")
    page.table(
        [Column("a"), Column("b", right=True), Column("c", whole=True)], [["x", "1 +- 2", "2024-09-19"]], caption="d"
    )
    text = page.render()
    assert '<td class="number">1 +- 2</td>' in text
    assert '<td class="whole">2024-09-19</td>' in text

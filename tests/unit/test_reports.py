"""Figures draw what they are given, with unit and sign; pages stand alone and refuse what cannot be read."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from PIL import Image

from fiducial.errors import RunError
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.reports.figures import Series, comparison_scatter, histogram, series_plot
from fiducial.reports.html import Column, KeyFigure, Page, format_cell
from fiducial.reports.map_furniture import look_geometry_deg, map_width_m
from fiducial.reports.maps import (
    ABSENCE_NOTE,
    PointLayer,
    RasterLayer,
    Scale,
    Stations,
    panel_of_maps,
    raster_map,
    velocity_map,
)
from fiducial.reports.style import (
    INK,
    LINE_COLOURS,
    diverging_colours,
    fit_height,
    new_figure,
    nice_ceiling,
    png_bytes,
    svg_bytes,
)
from support import data_path

SIGN = "positive towards the satellite"
LOOK = from_angles(39.0, -9.6)


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def points(size: int = 300):
    random = np.random.default_rng(3)
    return random.uniform(12.1, 13.1, size), random.uniform(42.3, 42.6, size), random.normal(0.0, 3.0, size)


def draw_map(size: int = 300, **options) -> Figure:
    return velocity_map(*points(size), title="Burst", unit="mm/yr", sign_note=SIGN, **options)


# --- colours ---------------------------------------------------------------------------------------------------------


def srgb_to_linear(colour):
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def lightness(colour):
    """CIE L* of sRGB."""
    luminance = srgb_to_linear(colour) @ [0.2126, 0.7152, 0.0722]
    return np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)


def lab(linear):
    """CIE L*a*b* of linear sRGB, D65."""
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    f = np.cbrt(np.clip(xyz / [0.9505, 1.0, 1.089], 1e-6, None))
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def test_diverging_colours_are_even_and_symmetric_in_lightness():
    light = lightness(diverging_colours()(np.linspace(0, 1, 256))[:, :3])
    assert (np.diff(light[:128]) > 0).all()
    assert (np.diff(light[128:]) < 0).all()
    assert light[127] > 94
    assert np.abs(light - light[::-1]).max() < 6
    steps = np.abs(np.diff(light))[np.arange(255) != 127]
    assert steps.max() < 2.5 * steps.mean()


def test_no_colour_was_cut_off_at_the_edge_of_srgb():
    colours = diverging_colours()(np.linspace(0, 1, 256))[:, :3]
    steps = np.linalg.norm(np.diff(lab(srgb_to_linear(colours)), axis=0), axis=1)
    assert steps.max() < 3.0 * np.median(steps)  # a clipped channel would show as a kink


@pytest.mark.parametrize(
    "blindness",
    [
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    ],
    ids=["deuteranopia", "protanopia"],
)
def test_signs_stay_apart_for_colour_blind_readers(blindness):
    """Matrices of Machado, Oliveira & Fernandes (2009), severity 1."""
    size = np.linspace(0.15, 1.0, 30)
    seen = [lab(np.clip(srgb_to_linear(diverging_colours()(0.5 + sign * size / 2)[:, :3]) @ blindness.T, 0, 1))
            for sign in (-1, 1)]  # fmt: skip
    assert np.linalg.norm(seen[0] - seen[1], axis=1).min() > 12  # about five just noticeable differences


def test_negative_is_warm_and_positive_is_blue():
    red, _, blue, _ = diverging_colours()(0.1)
    assert red > blue + 0.3
    red, _, blue, _ = diverging_colours()(0.9)
    assert blue > red + 0.3


@pytest.mark.parametrize(("value", "nice"), [(0.0, 1.0), (0.83, 1.0), (3.0, 3.0), (3.1, 4.0), (97.0, 100.0)])
def test_nice_ceiling(value, nice):
    assert nice_ceiling(value) == pytest.approx(nice)


# --- maps ------------------------------------------------------------------------------------------------------------


def test_map_says_unit_sign_absence_and_direction():
    shown = texts(draw_map(los=LOOK))
    for part in (
        "velocity (mm/yr)",
        SIGN,
        ABSENCE_NOTE,
        "heading 350°, looks towards 80°, incidence 39°",
        "20 km",
        "°E",
    ):
        assert part in shown


def test_map_is_symmetric_about_zero_and_centred_on_the_98th_percentile():
    colours, norm, extend = Scale("mm/yr").colours(np.array([-4.9, *np.linspace(-1, 2, 200), np.nan]))
    assert (norm.vmin, norm.vmax) == (-2.0, 2.0)
    assert extend == "min"
    assert colours.name == "fiducial_diverging"
    _, norm, extend = Scale("mm/yr", symmetric=False).colours(np.linspace(1.0, 3.0, 101))
    assert (norm.vmin, norm.vmax) == pytest.approx((1.04, 2.96))
    assert extend == "both"


def test_thinning_is_stated_and_the_same_every_time():
    first, second = draw_map(5_000, maximum_points=1_000), draw_map(5_000, maximum_points=1_000)
    assert "1,000 of 5,000 points drawn" in texts(first)
    offsets = [figure.axes[0].collections[0].get_offsets() for figure in (first, second)]
    assert offsets[0].shape == (1_000, 2)
    np.testing.assert_array_equal(*offsets)


def test_points_without_value_are_counted_not_drawn():
    longitude, latitude, value = points(50)
    value[:7] = np.nan
    figure = velocity_map(longitude, latitude, value, title="t", unit="mm", sign_note=SIGN)
    assert "7 points without a value left out" in texts(figure)
    assert len(figure.axes[0].collections[0].get_offsets()) == 43


def test_look_geometry_inverts_the_definition_of_the_line_of_sight():
    for incidence, heading in ((30.0, 350.4), (45.0, 190.9), (38.9, 351.06)):
        found = look_geometry_deg(from_angles(incidence, heading))
        assert found == pytest.approx((heading, incidence), abs=1e-9)


def test_scale_bar_measures_the_ellipsoid():
    # A degree of longitude at 60 degrees north is 55.80 km on GRS80.
    assert map_width_m((10.0, 11.0, 59.5, 60.5), projected=False) == pytest.approx(55_800.0, abs=10.0)
    assert map_width_m((4.5e6, 4.6e6, 0.0, 1.0), projected=True) == 100_000.0


def test_station_names_meet_neither_each_other_nor_the_frame():
    longitude, latitude, _ = points(60)
    value = np.where(np.arange(60) % 9 == 0, np.nan, 1.0)
    stations = Stations(longitude, latitude, value, [f"ST{number:02d}" for number in range(60)])
    figure = draw_map(stations=stations, los=LOOK)
    assert "hollow: no value" in texts(figure)
    named = [text for text in figure.axes[0].findobj(Annotation) if text.get_text().startswith("ST")]
    assert 5 < len(named) < 60
    boxes = [text.get_window_extent() for text in named]
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:number]) == 0
    frame = figure.axes[0].get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_panel_shares_one_scale_and_nothing_overlaps():
    longitude, latitude, value = points()
    layers = [PointLayer(f"burst {number}", longitude, latitude, value * number, los=LOOK) for number in (1, 2)]
    layers.append(RasterLayer("grid", np.ones((20, 30)), (12.0, 13.0, 42.0, 42.6)))  # type: ignore[arg-type]
    figure = panel_of_maps(layers, scale=Scale("mm/yr", sign_note=SIGN), title="Three maps")
    figure.draw_without_rendering()
    visible = [axes for axes in figure.axes if axes.get_visible()]
    assert len(visible) == 4  # three maps, one colour bar
    norms = {(axes.collections or axes.images)[0].norm.vmax for axes in visible[:3]}
    assert len(norms) == 1
    boxes = [axes.get_tightbbox() for axes in visible]
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:number]) == 0
        assert box.x0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1


def test_raster_is_drawn_north_up_and_projected_axes_are_kilometres():
    grid = np.arange(12.0).reshape(3, 4)
    figure = raster_map(grid, (4.5e6, 4.6e6, 1.7e6, 1.8e6), title="sigma", unit="mm/yr", sign_note="",
                        projected=True, symmetric=False)  # fmt: skip
    image = figure.axes[0].images[0]
    assert image.origin == "upper"
    np.testing.assert_array_equal(image.get_array(), grid)
    shown = texts(figure)
    for part in ("Easting (km)", "Northing (km)", "4520", "20 km"):
        assert part in shown


@pytest.mark.real
def test_real_frames_make_a_panel_whose_furniture_keeps_off_the_data():
    frames = []
    for folder in sorted(data_path("anatolia").glob("[01]*")):
        with rasterio.open(folder / "vel.geo.tif") as source:
            edges = source.bounds
            velocity = source.read(1)
        look = []
        for axis in "ENU":
            with rasterio.open(folder / f"{axis}.geo.tif") as source:
                look.append(np.nanmean(source.read(1)))
        bounds = (edges.left, edges.right, edges.bottom, edges.top)
        frames.append(RasterLayer(folder.name, velocity, bounds, los=look))
    figure = panel_of_maps(frames, scale=Scale("mm/yr", sign_note=SIGN), title="North Anatolian Fault")
    shown = texts(figure)
    assert shown.count("50 km") == 4
    assert shown.count("heading 350°") == 2
    assert shown.count("heading 190°") == 2
    for axes, frame in zip(figure.axes, frames, strict=False):
        assert len(axes.patches) == 2
        for box in axes.patches:
            corners = axes.transData.inverted().transform(box.get_window_extent())
            rows, columns = np.asarray(frame.grid).shape
            west, east, south, north = frame.bounds
            column = np.clip((corners[:, 0] - west) / (east - west) * columns, 0, columns - 1).astype(int)
            row = np.clip((north - corners[::-1, 1]) / (north - south) * rows, 0, rows - 1).astype(int)
            covered = np.isfinite(np.asarray(frame.grid)[row[0] : row[1] + 1, column[0] : column[1] + 1]).mean()
            assert covered < 0.25


def test_figures_export_wide_enough_and_repeat_byte_for_byte():
    figure = draw_map()
    png = png_bytes(figure)
    assert Image.open(io.BytesIO(png)).size[0] == 1_600
    assert png == png_bytes(figure)
    assert svg_bytes(figure) == svg_bytes(figure)
    assert b"<dc:date>" not in svg_bytes(figure)


def test_flat_maps_leave_no_empty_paper():
    figure = draw_map()
    figure.draw_without_rendering()
    empty = figure.get_figheight() - figure.get_tightbbox().height
    assert 0.0 < empty < 0.45  # inches
    blank = new_figure(4.0, 4.0)
    blank.subplots()
    fit_height(blank)
    assert blank.get_figheight() == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: velocity_map([12.0, 13.0], [42.0], [1.0, 2.0], title="t", unit="mm", sign_note=""),
        lambda: velocity_map([[12.0]], [42.0], [1.0], title="t", unit="mm", sign_note=""),
        lambda: raster_map(np.ones(4), (0.0, 1.0, 0.0, 1.0), title="t", unit="mm", sign_note=""),
        lambda: raster_map(np.ones((2, 2)), (1.0, 0.0, 0.0, 1.0), title="t", unit="mm", sign_note=""),
        lambda: panel_of_maps([], scale=Scale("mm")),
        lambda: series_plot(np.array(["2020-01-01"], "M8[D]"), [Series("a", [1.0, 2.0])], title="t", unit="mm"),
        lambda: series_plot(
            np.array(["2020-01-01"], "M8[D]"), [Series("a", [1.0])], title="t", unit="mm", residuals=True
        ),
        lambda: series_plot(np.array(["2020-01-01"], "M8[D]"), [], title="t", unit="mm"),
        lambda: histogram([], title="t", unit="mm", quantity="v"),
        lambda: comparison_scatter([1.0], [1.0, 2.0], title="t", unit="mm"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(draw):
    with pytest.raises(RunError, match="FID-5010"):
        draw()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: velocity_map([12.0], [42.0], [np.nan], title="t", unit="mm", sign_note=""),
        lambda: velocity_map([np.nan], [42.0], [1.0], title="t", unit="mm", sign_note=""),
        lambda: raster_map(np.full((2, 2), np.nan), (0.0, 1.0, 0.0, 1.0), title="t", unit="mm", sign_note=""),
        lambda: series_plot(np.array(["2020-01-01"], "M8[D]"), [Series("a", [np.nan])], title="t", unit="mm"),
        lambda: histogram([("a", [np.nan])], title="t", unit="mm", quantity="v"),
        lambda: comparison_scatter([np.nan], [1.0], title="t", unit="mm"),
    ],
)
def test_nothing_to_draw_is_refused(draw):
    with pytest.raises(RunError, match="FID-5011"):
        draw()


# --- plots -----------------------------------------------------------------------------------------------------------


def test_series_plot_has_dates_units_model_and_residuals():
    epochs = np.arange("2020-01-01", "2022-01-01", 12, dtype="M8[D]").astype("M8[ns]")
    years = (epochs - epochs[0]) / np.timedelta64(365, "D")
    model = -12.0 * years
    values = model + np.where(np.arange(epochs.size) == 5, np.nan, 0.5)
    figure = series_plot(epochs, [Series("bowl", values, np.full(epochs.size, 1.2), model), Series("town", 0 * years)],
                         title="Series", unit="mm", sign_note=SIGN, residuals=True)  # fmt: skip
    shown = texts(figure)
    for part in (
        "displacement (mm)",
        SIGN,
        "residual (mm)",
        "date (UTC)",
        "bowl (1 sigma)",
        "bowl: model",
        "town",
        "2021",
    ):
        assert part in shown
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["bowl (1 sigma)", "bowl: model", "town"]
    residual = np.asarray(figure.axes[1].lines[0].get_ydata())
    np.testing.assert_allclose(residual[np.isfinite(residual)], 0.5)
    title, legend = figure.axes[0].title, figure.axes[0].get_legend()
    left = next(text for text in figure.axes[0].findobj(type(title)) if text.get_text() == "Series")
    assert left.get_window_extent().y0 >= legend.get_window_extent().y1 - 2


def test_histogram_tells_median_spread_and_what_lies_outside():
    values = np.concatenate([np.random.default_rng(1).normal(-0.5, 2.0, 20_000), [500.0, np.nan]])
    shown = texts(histogram([("after", values)], title="t", unit="mm/yr", quantity="residual", limit=8.0))
    numbers = re.search(r"median \u2212(\d\.\d\d), spread (\d\.\d\d) mm/yr, n = 20,001", shown)
    assert numbers is not None
    assert abs(float(numbers[1]) - 0.5) < 0.05
    assert abs(float(numbers[2]) - 2.0) < 0.06
    assert re.search(r"residual \(mm/yr\)\n\d+ of 20,001 values lie outside", shown)


def test_histogram_of_equal_values_is_drawn():
    assert "spread 0.00" in texts(histogram([("a", np.ones(5))], title="t", unit="mm", quantity="v"))


def test_comparison_prints_rms_and_bias():
    truth = np.array([0.0, 1.0, 2.0, 3.0, np.nan])
    figure = comparison_scatter(
        truth, truth + np.array([1.0, -1.0, 3.0, 1.0, 0.0]), title="t", unit="mm/yr", sigma=np.ones(5)
    )
    assert "RMS 1.73 mm/yr, bias +1.00 mm/yr" in texts(figure)
    assert "n = 4" in texts(figure)
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim()


def test_many_pairs_become_counts():
    truth = np.random.default_rng(2).normal(size=6_000)
    assert "pairs in a hexagon (count)" in texts(comparison_scatter(truth, truth, title="t", unit="mm"))


# --- page ------------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def full_page() -> Page:
    page = Page("Calibration <of> four bursts", "A & B")
    page.key_figures(
        [KeyFigure("RMS", 0.612, "mm/yr", "pass", "limit 1.0 mm/yr"), KeyFigure("Overlap", None, "mm/yr", "fail")]
    )
    page.section("Maps & series")
    page.paragraph("<script>alert(1)</script>")
    page.figure(draw_map(3_000), alt='Map "of" velocity', caption="Caption")
    page.figure(histogram([("a", np.arange(9.0))], title="t", unit="mm", quantity="v"), alt="Histogram")
    page.section("Numbers")
    page.table(
        [Column("burst"), Column("RMS", "mm/yr", 1)], [["117_0251", -0.04], ["a<b", float("nan")]], caption="Errors"
    )
    page.provenance("Inputs", {"seed": 20_240, "version": "0.1.0", "dem": None})
    return page


def test_page_is_well_formed_and_stands_alone():
    text = full_page().render()
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", without_images)
    assert not any(tag in {"script", "link", "iframe"} for tag, _ in reader.tags)
    identifiers = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    assert targets == {"#main", "#section-1", "#section-2"}
    assert text == full_page().render()


def test_page_escapes_every_text():
    text = full_page().render()
    assert "<script>" not in text
    for part in ("Calibration &lt;of&gt; four bursts", "A &amp; B", "a&lt;b", "&lt;script&gt;"):
        assert part in text


def test_page_embeds_light_figures_as_svg_and_heavy_ones_as_webp():
    reader = Reader()
    reader.feed(full_page().render())
    images = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert [image["alt"] for image in images] == ['Map "of" velocity', "Histogram"]
    assert images[0]["src"].startswith("data:image/webp;base64,")
    assert images[1]["src"].startswith("data:image/svg+xml;base64,")
    pixels = Image.open(io.BytesIO(base64.b64decode(images[0]["src"].partition(",")[2]))).size
    assert pixels[0] == 1_600
    assert abs(pixels[0] / pixels[1] - int(images[0]["width"]) / int(images[0]["height"])) < 0.02


def test_numbers_stand_right_with_unit_in_the_head_and_dash_for_unknown():
    text = full_page().render()
    assert '<th scope="col" class="number">RMS <span class="unit">(mm/yr)</span></th>' in text
    assert '<td class="number">0.0</td>' in text  # no minus before a rounded zero
    assert '<td class="number">–</td>' in text  # noqa: RUF001
    assert "<caption>Errors</caption>" in text
    assert "<dd>20240</dd>" in text
    assert 'class="tile fail"' in text


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(-0.004, 2, "0.00"), (-1.5, 1, "\N{MINUS SIGN}1.5"), (2024, 0, "2024"), (True, 0, "yes"), (np.float32(0.25), 2, "0.25"),
     (np.int64(1_770_196), 0, "1\u202f770\u202f196"), (float("inf"), 1, "\N{EN DASH}"), ("a-b", 1, "a-b")],
)  # fmt: skip
def test_format_cell(value, digits, shown):
    assert format_cell(value, digits) == shown


@pytest.mark.parametrize(
    "misuse",
    [
        lambda page: page.table([Column("a"), Column("b")], [[1.0]], caption="c"),
        lambda page: page.table([Column("a")], [[1.0]], caption=" "),
        lambda page: page.figure(draw_map(20), alt=""),
        lambda page: page.key_figures([KeyFigure("RMS", 1.0, verdict="great")]),
    ],
)
def test_pages_refuse_what_readers_could_not_use(misuse):
    with pytest.raises(RunError, match="FID-5012"):
        misuse(Page("t"))


def contrast(one: str, two: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours."""
    light = []
    for colour in (one, two):
        channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        light.append(float(srgb_to_linear(channels) @ [0.2126, 0.7152, 0.0722]))
    return (max(light) + 0.05) / (min(light) + 0.05)


def test_contrast_is_wcag_aa_in_light_dark_and_print():
    css = resources.files("fiducial.reports").joinpath("templates/page.css").read_text("utf-8")
    themes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(themes) == 3
    for theme in themes:
        for name in ("ink", "soft", "link", "pass", "fail", "note"):
            for ground in ("ground", "raised"):
                assert contrast(theme[name], theme[ground]) >= 4.5, (name, ground)
    assert contrast(INK, "#ffffff") > 7
    assert min(contrast(colour, "#ffffff") for colour in LINE_COLOURS[:4]) >= 2.5


def test_line_colours_differ_from_their_neighbours():
    colours = [np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255 for colour in LINE_COLOURS]
    values = lab(srgb_to_linear(np.array(colours)))
    assert min(np.linalg.norm(one - two) for one, two in pairwise(values)) > 25


def test_narrow_screens_scroll_tables_and_shrink_figures():
    css = resources.files("fiducial.reports").joinpath("templates/page.css").read_text("utf-8")
    assert ".scroll { overflow-x: auto;" in css
    assert "figure img { display: block; max-width: 100%; height: auto;" in css
    assert "minmax(min(100%, 13rem), 1fr)" in css

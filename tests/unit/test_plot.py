"""Plots of products and rasters: which point is drawn, what the captions say, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from PIL import Image

import egms_factory
from fiducial.errors import InputError
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.reports import style
from fiducial.runs import export_plot_raster
from fiducial.runs import plot as plotting
from fiducial.runs.export import export
from fiducial.runs.ingest import import_egms
from fiducial.runs.plot import plot
from fiducial.runs.sources import open_source


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch):
    monkeypatch.setattr(style, "PRINT_DPI", 60)


def refused(code, *arguments, **options):
    with pytest.raises(InputError) as caught:
        plot(*arguments, **options)
    assert caught.value.code == code
    return caught.value


def check(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert min(picture.size) > 200
    assert len(np.unique(pixels[::50], axis=0)) > 20


@pytest.fixture
def sample():
    """A burst whose fastest point is not coherent."""
    product = egms_factory.level2(points=50, epochs=90, seed=4)
    for row in range(50):
        product.set(row, "temporal_coherence", "0.85" if row % 2 else "0.4")
        product.set(row, "mean_velocity", f"{-row / 10:.1f}")
    product.set(10, "mean_velocity", "40.0")
    return product


@pytest.fixture
def seen(monkeypatch):
    """What the figures were asked to show."""
    from fiducial.reports import figures, maps

    calls = []

    def spy(module, name):
        real = getattr(module, name)

        def wrapped(*arguments, **options):
            calls.append((name, arguments, options))
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, wrapped)

    spy(figures, "series_plot")
    spy(maps, "panel_of_maps")
    spy(maps, "velocity_map")
    return calls


def test_map_and_series_of_the_fastest_coherent_point(sample, tmp_path, seen):
    made = plot(sample.write_zip(tmp_path), tmp_path / "out")
    assert [path.name for path in made] == [f"{sample.stem}_mean_velocity_map.png", f"{sample.stem}_series.png"]
    for path in made:
        check(path)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in made)
    (_, (layers,), options), (_, (epochs, lines), series_options) = seen
    assert layers[0].title == sample.stem
    note = options["scale"].sign_note
    assert "towards the satellite" in note
    assert "frame: ETRF2000" in note
    assert "50 points" in note
    assert options["scale"].unit == "mm/yr"
    np.testing.assert_allclose(np.linalg.norm(layers[0].los), 1.0)
    # Row 49 is the fastest of the odd, coherent rows; row 10 is faster and not coherent.
    assert lines[0].label.startswith(sample.rows[49][0])
    np.testing.assert_allclose(lines[0].values, sample.series_mm()[49], atol=1e-5)
    assert "25 points of coherence 0.7 or more" in series_options["title"]
    assert "frame: ETRF2000" in series_options["title"]
    assert series_options["unit"] == "mm"
    assert len(epochs) == 90
    # Velocity and model agree, up to the weights that coloured noise gives.
    rate = float(lines[0].label.split()[1].replace("\N{MINUS SIGN}", "-"))
    slope = np.polyfit((epochs - epochs[0]) / np.timedelta64(365, "D"), lines[0].values, 1)[0]
    assert "±" in lines[0].label
    assert abs(rate - slope) < 3


@pytest.mark.usefixtures("unsaved")
def test_without_coherent_points_all_compete(sample, tmp_path, seen):
    for row in range(50):
        sample.set(row, "temporal_coherence", "0.3")
    plot(sample.write_zip(tmp_path), tmp_path / "out")
    assert seen[1][1][1][0].label.startswith(sample.rows[10][0])
    assert "largest |mean velocity| of 50 points" in seen[1][2]["title"]


@pytest.mark.usefixtures("unsaved")
def test_chosen_points_and_places(sample, tmp_path, seen):
    source = sample.write_zip(tmp_path)
    pids = [sample.rows[row][0] for row in (3, 7)]
    made = plot(source, tmp_path / "a.png", points=pids)
    assert [path.name for path in made] == ["a.png", "a_series.png"]
    assert [line.label.split()[0] for line in seen[1][1][1]] == pids
    assert not seen[1][2]["residuals"]
    assert seen[1][2]["title"].count("±") == 2
    place = tuple(float(sample.rows[5][sample.column(name)]) for name in ("longitude", "latitude"))
    plot(source, tmp_path / "b.png", at=place, column="height", limit=50.0)
    assert seen[3][1][1][0].label.startswith(sample.rows[5][0])
    assert "0 m from" in seen[3][2]["title"]
    assert seen[2][2]["scale"].unit == "m"
    assert not seen[2][2]["scale"].symmetric


def test_what_cannot_be_plotted(sample, tmp_path):
    source = import_egms(sample.write_zip(tmp_path), tmp_path / "products")
    out = tmp_path / "out"
    refused("FID-1091", source, out, points=["nobody"])
    refused("FID-1091", source, out, points=[row[0] for row in sample.rows[:8]])
    error = refused("FID-1092", source, out, at=(38.7, 13.17))
    assert "longitude" in error.fix
    refused("FID-1092", source, out, at=(13.3, 38.7))
    refused("FID-1089", source, out, column="pid")
    refused("FID-1082", source, out, area="1,1,2,2")
    plot(source, out)
    refused("FID-1002", source, out, overwrite=False)


@pytest.mark.usefixtures("unsaved")
def test_calibration_moves_map_and_series(sample, tmp_path, seen):
    product = PointProduct.open(import_egms(sample.write_zip(tmp_path), tmp_path / "products"))
    columns = product.attributes(["easting", "northing"])
    basis = PolynomialBasis.full(columns["easting"], columns["northing"], 0)
    surface = CorrectionSurface("022", "EPSG:3035", basis, np.array([20.0]), np.array([[0.25]]))
    calibration_file.write(product.path, CalibrationFile("v1", "ITRF2020", surface, {}))
    pid = sample.rows[3][0]
    plot(product.path, tmp_path / "out", points=[pid])
    plot(product.path, tmp_path / "out", points=[pid], calibration="none")
    with_it, without = seen[0][1][0][0].value, seen[2][1][0][0].value
    np.testing.assert_allclose(with_it - without, -20.0)
    years = (product.epochs - product.epochs[0]) / np.timedelta64(365, "D")
    np.testing.assert_allclose(seen[1][1][1][0].values - seen[3][1][1][0].values, -20.0 * years, atol=1e-4)
    assert "frame: ITRF2020" in seen[0][2]["scale"].sign_note
    assert "calibration: v1" in seen[0][2]["scale"].sign_note
    plot(product.path, tmp_path / "out", column="calibration_sigma")
    np.testing.assert_allclose(seen[4][1][0][0].value, 0.5)


@pytest.mark.usefixtures("unsaved")
def test_relative_and_short_series(tmp_path, seen):
    plot(egms_factory.level2("L2a", points=5, epochs=3).write_zip(tmp_path), tmp_path / "out")
    assert "frame: relative, not tied" in seen[0][2]["scale"].sign_note
    (line,) = seen[1][1][1]
    assert line.model is None  # three dates determine no trend with season
    assert "±" not in line.label


def test_product_of_two_tracks_has_a_panel_each(tmp_path, seen):
    burst = egms_factory.level2(points=20, epochs=20)
    other = egms_factory.level2(points=20, epochs=20, track=117, burst=227, angles_deg=egms_factory.ASCENDING, seed=9)
    paths = [one.write_zip(tmp_path) for one in (burst, other)]
    (merged,) = export(paths, tmp_path, format="product", merge=True, tell=str)
    made = plot(merged, tmp_path / "out")
    check(made[0])
    (layers,) = seen[0][1]
    assert [layer.title for layer in layers] == ["track 022", "track 117"]
    assert layers[0].los[0] > 0 > layers[1].los[0]


@pytest.mark.usefixtures("unsaved")
def test_level_3_has_cells_and_no_line_of_sight(tmp_path, seen):
    plot(egms_factory.level3("E", epochs=20).write_zip(tmp_path), tmp_path / "out")
    assert seen[0][1][0][0].los is None
    assert "eastwards" in seen[0][2]["scale"].sign_note
    assert "4 cells" in seen[0][2]["scale"].sign_note
    assert "of 4 cells" in seen[1][2]["title"]


@pytest.fixture
def unsaved(monkeypatch):
    """Spares the drawing to tests that only ask what would be drawn."""
    monkeypatch.setattr(plotting, "_save", lambda _figure, target, **_options: target)


def write_tiff(path, values, *, transform=None, crs="EPSG:4326", unit="", description="", tags=None):
    transform = rasterio.transform.from_origin(30.0, 40.0, 0.01, 0.01) if transform is None else transform
    with rasterio.open(path, "w", driver="GTiff", dtype="float32", count=1, height=values.shape[0], width=values.shape[1],
                       crs=crs, transform=transform, nodata=-9999.0) as sink:  # fmt: skip
        sink.write(np.nan_to_num(values, nan=-9999.0).astype(np.float32), 1)
        sink.update_tags(**(tags or {}))
        if unit:
            sink.set_band_unit(1, unit)
        if description:
            sink.set_band_description(1, description)
    return path


def test_raster_file(tmp_path, seen):
    values = np.full((40, 60), np.nan)
    values[10:30, 20:50] = np.linspace(-5, 5, 600).reshape(20, 30)
    path = write_tiff(tmp_path / "speed.tif", values, unit="mm/yr", description="velocity, positive: up",
                      tags={"reference_frame": "ITRF2020"})  # fmt: skip
    (made,) = plot(path, tmp_path / "out")
    assert made.name == "speed_raster.png"
    check(made)
    (((layer,),),) = (call[1] for call in seen)
    assert layer.grid.shape == (22, 32)  # the empty border is cut away
    np.testing.assert_allclose(layer.bounds, (30.19, 30.51, 39.69, 39.91))
    scale = seen[0][2]["scale"]
    assert (scale.unit, scale.quantity, scale.symmetric) == ("mm/yr", "velocity", True)
    assert scale.sign_note == "positive: up  ·  frame: ITRF2020  ·  600 pixels with a value"


@pytest.mark.usefixtures("unsaved")
def test_raster_that_states_nothing_is_not_guessed(tmp_path, seen):
    plot(write_tiff(tmp_path / "a.tif", np.ones((5, 5))), tmp_path / "out")
    scale = seen[0][2]["scale"]
    assert scale.unit == "unit not stated in the file"
    assert "frame: not stated in the file" in scale.sign_note
    # The grammar of EGMS names tells what its rasters are.
    plot(write_tiff(tmp_path / "EGMS_L3_E45N17_100km_U_2020_2024_1.tiff", np.ones((5, 5))), tmp_path / "out")
    scale = seen[1][2]["scale"]
    assert (scale.unit, scale.quantity) == ("mm/yr", "mean velocity")
    assert "upwards" in scale.sign_note


def test_large_raster_is_thinned(tmp_path, monkeypatch, seen):
    monkeypatch.setattr(export_plot_raster, "_MOST_PIXELS", 50)
    plot(write_tiff(tmp_path / "a.tif", np.random.default_rng(0).normal(size=(100, 200))), tmp_path / "out")
    assert seen[0][1][0][0].grid.shape == (25, 50)
    assert "thinned" in seen[0][2]["scale"].sign_note


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_rasters_that_cannot_be_drawn(tmp_path):
    turned = rasterio.transform.Affine(0.01, 0.002, 30.0, 0.002, -0.01, 40.0)
    junk = tmp_path / "junk.tif"
    junk.write_bytes(b"no raster")
    cases = [
        junk,
        write_tiff(tmp_path / "a.tif", np.ones((5, 5)), crs=None),
        write_tiff(tmp_path / "b.tif", np.ones((5, 5)), transform=turned),
        write_tiff(tmp_path / "c.tif", np.full((5, 5), np.nan)),
    ]
    for path in cases:
        refused("FID-1095", path, tmp_path / "out")


@pytest.mark.parametrize("turned", [False, True])
def test_frame_folder(tmp_path, seen, turned):
    folder = tmp_path / "014A_test"
    folder.mkdir()
    transform = rasterio.transform.Affine(0.01, 0.002 * turned, 30.0, 0.0, -0.01, 40.0)
    velocity = np.random.default_rng(0).normal(size=(30, 40))
    mask = np.ones((30, 40))
    mask[:, :5] = 0
    for name, band in {"vel": velocity, "vstd": np.full((30, 40), 0.3), "mask": mask, "E": np.full((30, 40), -0.6),
                       "N": np.zeros((30, 40)), "U": np.full((30, 40), 0.8)}.items():  # fmt: skip
        write_tiff(folder / f"{name}.geo.tif", band, transform=transform)
    (made,) = plot(folder, tmp_path / "out")
    assert made.name == "014A_test_mean_velocity_map.png"
    check(made)
    layer = next(arguments for name, arguments, _ in seen if name == "panel_of_maps")[0][0]
    np.testing.assert_allclose(layer.los, [-0.6, 0.0, 0.8], atol=1e-6)
    note = next(options for name, _, options in seen if name == "panel_of_maps")["scale"].sign_note
    assert "relative, not tied" in note
    assert f"{30 * 35:,} pixels" in note
    plot(folder, tmp_path / "out", column="los_up")
    plot(folder, tmp_path / "out", column="mean_velocity_std")
    refused("FID-1089", folder, tmp_path / "out", column="rmse")


def test_imported_frame_has_a_map_and_no_series(tmp_path):
    folder = tmp_path / "frame"
    folder.mkdir()
    for name, value in {"vel": 1.0, "E": -0.6, "N": 0.0, "U": 0.8}.items():
        write_tiff(folder / f"{name}.tif", np.full((6, 6), value) * (1 + 0.1 * np.eye(6) * (name == "vel")))
    from fiducial.runs.ingest_frame import import_frame

    made = plot(import_frame(folder, tmp_path / "products"), tmp_path / "out")
    assert [path.name for path in made] == ["frame_mean_velocity_map.png"]


def test_captions_break_between_facts():
    facts = ["a" * 50, "b" * 30, "c" * 30]
    assert export_plot_raster.caption(facts) == f"{facts[0]}  ·  {facts[1]}\n{facts[2]}"
    assert export_plot_raster.caption([]) == ""


def test_no_velocity_no_series(sample, tmp_path):
    for row in range(50):
        sample.set(row, "mean_velocity", "")
    source = open_source(sample.write_zip(tmp_path), tmp_path / "work")
    shown = plotting._shown(source, None, "height")
    assert plotting._choose(source, shown, None, None) is None

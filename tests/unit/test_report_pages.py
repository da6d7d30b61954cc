"""Report pages hold the numbers of the run they report, readable without the program."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fiducial.formats import velocity_tables
from fiducial.formats.point_product import PointProduct
from fiducial.motion.ortho import cell_keys
from fiducial.motion.statistics import egms_statistics
from fiducial.reports.maps import PointLayer, RasterLayer
from fiducial.runs.calibrate import calibrate
from fiducial.runs.egms_from_simulation import point_ids, write_stations, write_world
from fiducial.runs.ingest import file_sha256, import_egms
from fiducial.runs.ortho import OrthoOptions, ortho
from fiducial.runs.report_pages import OrthoCells, calibration_page, cell_layer, ortho_cells, ortho_page, write_page
from fiducial.runs.report_parts import by_direction, root_mean_square, short_name, station_rows
from fiducial.runs.simulation import WorldSize, simulate_world


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    world = simulate_world(3, WorldSize(600, 40, 40))
    archives, table = write_world(world, folder / "egms")
    products = [import_egms(path, folder / "products") for path in archives]
    calibrated = calibrate(products, table, "ETRF2000", folder / "calibrated", recipe="egms", folds=2)
    return world, archives, table, products, calibrated, folder


@pytest.fixture(scope="module")
def best(run):
    *_, table, _, calibrated, folder = run
    options = OrthoOptions("best", north_in_input=True)
    out = folder / "ortho"
    return ortho(calibrated.products, out, options=options, table=table, gnss_frame="ETRF2000"), out


def plain(html: str) -> str:
    text = re.sub(r"<style>.*?</style>|data:image[^\"]*", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\N{MINUS SIGN}", "-")


def test_simulated_files_hold_the_simulation(run):
    world, archives, _, products, _, _ = run
    for burst, path in zip(world.bursts, products, strict=True):
        product = PointProduct.open(path)
        ids = point_ids(burst).astype(np.bytes_)
        order = np.argsort(ids)
        columns = product.attributes()
        place = order[np.searchsorted(ids[order], columns["pid"])]
        np.testing.assert_array_equal(np.sort(columns["pid"]), ids[order])
        for name, values in burst.points.attributes.items():
            np.testing.assert_array_equal(columns[name], values[place], err_msg=name)
        np.testing.assert_array_equal(product.series_mm(), burst.points.displacement_mm[:, place])
        computed = egms_statistics(product.series_mm(), product.epochs)
        np.testing.assert_allclose(columns["mean_velocity"], computed.mean_velocity, atol=0.05 + 1e-6)
        np.testing.assert_allclose(columns["temporal_coherence"], computed.temporal_coherence, atol=0.005 + 1e-6)
    again = write_world(world, archives[0].parent.parent / "again")[0]
    assert [file_sha256(path) for path in again] == [file_sha256(path) for path in archives]


def test_station_table_reads_back(run, tmp_path):
    world, *_ = run
    table = velocity_tables.read(write_stations(world.stations, tmp_path / "gnss.csv"), frame="ETRF2000")
    np.testing.assert_array_equal(table.names, world.stations.names)
    np.testing.assert_allclose(table.velocity_enu_mm_per_yr, world.stations.velocity_enu_mm_per_yr, atol=5e-4)
    np.testing.assert_allclose(table.longitude_deg, world.stations.longitude_deg, atol=1e-6)
    np.testing.assert_allclose(table.covariance_enu[:, :2, :2], world.stations.covariance_enu[:, :2, :2], atol=2e-3)


def test_calibration_page_holds_its_tables(run):
    world, archives, _, _, calibrated, _ = run
    text = plain(calibration_page(calibrated).render())
    for heading in ("Before, surface, after", "Agreement", "Stations", "Surfaces", "Provenance"):
        assert heading in text
    for row in calibrated.assessment.stations:
        assert f"{short_name(row.track)} {row.stations} {row.rms_before_mm_per_yr:.2f}".replace("\xa0", " ") in text
    for row in calibrated.assessment.overlaps:
        assert f"{row.cells} {row.rms_before_mm_per_yr:.2f} {row.rms_before_centred_mm_per_yr:.2f}" in text
    assert f"{len(calibrated.held_out.names)} {calibrated.held_out.rms_mm_per_yr:.2f}" in text
    assert world.outlier_station in text
    assert all(one.reason in text for one in calibrated.result.rejected)
    assert all(file_sha256(path) in text for path in archives)
    assert calibrated.version in text
    assert "ETRF2000" in text


def test_page_is_written_whole_and_loads_nothing(run, tmp_path):
    page = calibration_page(run[4])
    target = tmp_path / "deep" / "calibration.html"
    write_page(page, target)
    html = target.read_text(encoding="utf-8")
    assert html == page.render()
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert html.count("<img ") == html.count(' alt="') >= 2
    assert [path.name for path in target.parent.iterdir()] == ["calibration.html"]


def test_ortho_cells_stand_in_one_order(best):
    result, out = best
    cells = ortho_cells(result, out)
    assert len(cells.easting) == sum(tile.cells for tile in result.tiles)
    for part in "EU":
        printed = cells.extra[part]["mean_velocity"]
        np.testing.assert_allclose(cells.velocity_mm_per_yr[part], printed, atol=0.05 + 1e-6)
    first = result.tiles[0].cells
    assert (np.diff(cell_keys(cells.easting[:first], cells.northing[:first])) > 0).all()


def test_ortho_page_tells_the_modes_apart(best, run):
    result, out = best
    text = plain(ortho_page(result, out).render())
    assert "Difference between the modes" in text
    assert all(cause in text for cause in ("north, removed with the GNSS field", "interpolation in time", "weights by"))
    difference = np.mean(ortho_cells(result, out).velocity_mm_per_yr["U"]) - np.mean(
        ortho_cells(result, out).official_mm_per_yr["U"]
    )
    assert f"Up {difference:.2f}" in text
    *_, calibrated, folder = run
    plainer = ortho(calibrated.products, folder / "official", options=OrthoOptions("official"))
    text = plain(ortho_page(plainer, folder / "official").render())
    assert "Difference between the modes" not in text
    assert "mode official" in text


def test_cells_are_squares_where_they_can_be_seen():
    easting, northing = (
        np.array([4_500_050.0, 4_500_150.0, 4_500_350.0]),
        np.array([2_000_050.0, 2_000_250.0, 2_000_050.0]),
    )
    cells = OrthoCells(easting, northing, np.array([12.0, 12.1, 12.2]), np.array([42.0, 42.1, 42.0]), {}, {}, {})
    layer = cell_layer(cells, "Up", np.array([1.0, 2.0, 3.0]))
    assert isinstance(layer, RasterLayer)
    west, east, south, north = layer.bounds
    assert (east - west, north - south) == (600.0, 500.0)
    row = ((north - northing) // 100).astype(int)
    column = ((easting - west) // 100).astype(int)
    np.testing.assert_array_equal(layer.grid[row, column], [1.0, 2.0, 3.0])
    assert np.isfinite(layer.grid).sum() == 3
    wide = OrthoCells(easting * 2, northing, cells.longitude_deg, cells.latitude_deg, {}, {}, {})
    assert isinstance(cell_layer(wide, "Up", np.zeros(3)), RasterLayer)
    far = OrthoCells(
        easting + np.array([0.0, 0.0, 50_000.0]), northing, cells.longitude_deg, cells.latitude_deg, {}, {}, {}
    )
    assert isinstance(cell_layer(far, "Up", np.zeros(3)), PointLayer)


def test_parts(run):
    calibrated = run[4]
    assert root_mean_square([3.0, 4.0, np.nan], [1, 1, 5]) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(root_mean_square([], []))
    directions = by_direction(calibrated.tracks)
    assert {key: len(value) for key, value in directions.items()} == {"ascending": 2, "descending": 2}
    rows = station_rows(calibrated.result)
    ratios = [abs(row[5]) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert len(rows) == sum(row.stations for row in calibrated.assessment.stations)

"""Export in every format, areas, calibration on the way out, and merging of bursts."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from pyproj import Transformer

import egms_factory
from fiducial.errors import InputError
from fiducial.formats import calibration_file, egms, egms_xml
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.export import export
from fiducial.runs.export_area import Area, parse_area
from fiducial.runs.ingest import import_egms
from fiducial.runs.merge import merge_sources
from fiducial.runs.sources import open_source

STEM = "EGMS_L2b_022_0845_IW2_VV_2020_2024_1"
WEST_HALF = (13.17, 38.6, 13.175, 38.8)


def refused(code, *arguments, **options):
    with pytest.raises(InputError) as caught:
        export(*arguments, **options)
    assert caught.value.code == code
    assert caught.value.fix
    return caught.value


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {Path(name).suffix: archive.read(name) for name in archive.namelist()}


def lines_of(content):
    return content.decode().splitlines()


def place(sample, row, longitude, latitude):
    """Move a point of a sample."""
    easting, northing = Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True).transform(longitude, latitude)
    for name, value, decimals in (("longitude", longitude, 6), ("latitude", latitude, 6), ("easting", easting, 2),
                                  ("northing", northing, 2)):  # fmt: skip
        sample.set(row, name, egms_factory.shortest(value, decimals))


def calibrate(product, *, frame="ETRF2000", gnss_source="EGMS_AEPND_V2022.0.csv", version="test-1"):
    """Put a sloping surface beside a product."""
    columns = product.attributes(["easting", "northing"])
    basis = PolynomialBasis.full(columns["easting"], columns["northing"], 1)
    surface = CorrectionSurface("022", "EPSG:3035", basis, np.array([2.34, 0.5, -0.3]), np.diag([0.04, 0.01, 0.01]))
    document = {"gnss_source": gnss_source}
    calibration_file.write(product.path, CalibrationFile(version, frame, surface, document))
    return surface


@pytest.fixture
def product(tmp_path):
    """An imported Level 2a burst with gaps and negative zeros."""
    sample = egms_factory.level2("L2a", points=40, epochs=30, vocabulary="document", seed=3)
    sample.set(0, "20200109", "")
    sample.set(3, "20200115", "-0.0")
    path = sample.write_zip(tmp_path)
    return PointProduct.open(import_egms(path, tmp_path / "products"))


@pytest.mark.parametrize("sample", egms_factory.every_kind(), ids=lambda sample: f"{sample.stem}-{sample.columns[-1]}")
def test_unchanged_products_go_out_as_they_came_in(sample, tmp_path):
    sample.set(1, sample.date_columns[2], "")
    sample.set(2, sample.date_columns[0], "-0.0")
    source = sample.write_zip(tmp_path)
    imported = import_egms(source, tmp_path / "products")
    for number, path in enumerate((source, imported)):
        (made,) = export([path], tmp_path / f"out{number}")
        assert made.name == source.name
        assert members(made) == members(source)
    made = export([imported], tmp_path / "csv", format="csv")
    assert [path.name for path in made] == [f"{sample.stem}.csv", f"{sample.stem}.xml"]
    assert made[0].read_bytes() == sample.csv()
    assert made[1].read_bytes() == sample.xml()
    assert (tmp_path / "out0" / source.name).read_bytes() == (tmp_path / "out1" / source.name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "out0").iterdir()) == [source.name]


def test_bare_csv_gets_an_xml_of_what_is_known(tmp_path):
    source = egms_factory.level2("L2a").write_csv(tmp_path, with_xml=False)
    (made,) = export([source], tmp_path / "out")
    metadata = egms_xml.read(members(made)[".xml"], "xml")
    assert (metadata.level, metadata.track, metadata.burst, metadata.swath) == ("L2a", 22, 845, 2)
    assert metadata.dem_version is metadata.gnss_version is metadata.production_facility is None
    renamed = source.rename(tmp_path / "mine.csv")
    (made,) = export([renamed], tmp_path / "out")
    assert made.name == "mine.zip"
    assert egms_xml.read(members(made)[".xml"], "xml").burst == 845


def test_area_keeps_lines_as_they_are(tmp_path):
    sample = egms_factory.level2(points=60, epochs=8, seed=1)
    source = sample.write_zip(tmp_path)
    longitude = np.array([float(row[sample.column("longitude")]) for row in sample.rows])
    easting = np.array([float(row[sample.column("easting")]) for row in sample.rows])
    all_lines = lines_of(sample.csv())
    middle = float(np.median(easting))
    cases = {
        Area(WEST_HALF): longitude <= WEST_HALF[2],
        "13.17,38.6,13.175,38.8": longitude <= 13.175,
        f"EPSG:3035:{middle},1700000,4700000,1800000": easting >= middle,
    }
    for number, (area, inside) in enumerate(cases.items()):
        (made,) = export([source], tmp_path / str(number), area=area)
        content = members(made)
        assert lines_of(content[".csv"]) == [all_lines[0], *np.array(all_lines[1:])[inside]]
        assert content[".xml"] == sample.xml()
        assert 0 < inside.sum() < 60


@pytest.mark.parametrize(
    ("suffix", "crs"), [(".geojson", "EPSG:4326"), (".gpkg", "EPSG:32633"), (".gpkg", "EPSG:3035")]
)
def test_area_of_polygons_with_holes(tmp_path, suffix, crs):
    from shapely.geometry import MultiPolygon, box

    sample = egms_factory.level2(points=200, epochs=3, seed=2)
    columns = {name: np.array([float(row[sample.column(name)]) for row in sample.rows])
               for name in ("longitude", "latitude", "easting", "northing")}  # fmt: skip
    ring = box(13.171, 38.691, 13.176, 38.698).difference(box(13.172, 38.693, 13.174, 38.696))
    shape = MultiPolygon([ring, box(13.178, 38.69, 13.2, 38.7)])
    file = tmp_path / f"area{suffix}"
    geopandas.GeoSeries([shape], crs="EPSG:4326").to_crs(crs).to_file(file)
    # Straight edges of another system bulge by millimetres here.
    inside = geopandas.GeoSeries.from_xy(columns["longitude"], columns["latitude"]).within(shape).to_numpy()
    area = Area(polygons=file)
    np.testing.assert_array_equal(area.contains(columns), inside)
    assert 20 < inside.sum() < 150
    both = Area(bbox=(13.17, 38.69, 13.175, 38.7), polygons=file)
    np.testing.assert_array_equal(both.contains(columns), inside & (columns["longitude"] <= 13.175))
    assert both.identity != area.identity
    (made,) = export([sample.write_zip(tmp_path)], tmp_path / "out", area=str(file))
    assert len(lines_of(members(made)[".csv"])) == 1 + inside.sum()


def test_areas_that_are_none(tmp_path):
    for text in ("1,2,3", "a,b,c,d", "nowhere.geojson", "13,39,12,40", "13,39,14,38", "4e6,1e6,5e6,2e6", "nan,1,2,3"):
        with pytest.raises(InputError, match="FID-1083"):
            parse_area(text)
    for options in ({}, {"bbox": (0.0, 0.0, 1.0, 1.0), "crs": "EPSG:32633"}):
        with pytest.raises(InputError, match="FID-1083"):
            Area(**options)
    junk = tmp_path / "junk.geojson"
    junk.write_text("no json")
    line = tmp_path / "line.geojson"
    line.write_text('{"type": "LineString", "coordinates": [[0, 0], [1, 1]]}')
    empty = tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    no_crs = tmp_path / "no_crs.shp"
    from shapely.geometry import box

    with pytest.warns(UserWarning, match="crs"):
        geopandas.GeoSeries([box(0, 0, 1, 1)]).to_file(no_crs)
    for path in (junk, line, empty, no_crs):
        with pytest.raises(InputError, match="FID-1084"):
            Area(polygons=path)


@pytest.mark.parametrize("form", ["egms", "csv", "gpkg", "geoparquet", "geotiff", "product"])
def test_nothing_in_the_area_leaves_nothing(product, tmp_path, form):
    error = refused("FID-1082", [product.path], tmp_path / "out", format=form, area=(Area((1.0, 2.0, 3.0, 4.0))))
    assert "13.1" in error.fix
    assert list((tmp_path / "out").iterdir()) == []


def test_options_that_are_none(product, tmp_path):
    out = tmp_path / "out"
    refused("FID-1080", [product.path], out, format="shapefile")
    refused("FID-1080", [product.path], out, format="gpkg", crs="EPSG:4258")
    refused("FID-1089", [product.path], out, format="geotiff", column="speed")
    refused("FID-1089", [product.path], out, format="geotiff", column="pid")
    refused("FID-1090", [product.path], out, format="geotiff", spacing_m=0.0)
    refused("FID-1090", [product.path], out, format="geotiff", spacing_m=0.01)
    refused("FID-1093", [product.path, tmp_path / f"{product.manifest.name}.zip"], out)
    refused("FID-1031", [], out)
    export([product.path], out)
    refused("FID-1002", [product.path], out)
    export([product.path], out, overwrite=True)


@pytest.mark.parametrize("vocabulary", ["document", "real"])
def test_calibrated_level_2a_goes_out_as_level_2b(tmp_path, vocabulary):
    sample = egms_factory.level2("L2a", points=30, epochs=40, vocabulary=vocabulary, seed=5)
    sample.set(0, "20200109", "")
    product = PointProduct.open(import_egms(sample.write_zip(tmp_path), tmp_path / "products"))
    surface = calibrate(product)
    (made,) = export([product.path], tmp_path / "out")
    assert made.name == f"{STEM}.zip"
    file = egms.recognise(made)
    assert file.level == "L2b"
    assert list(file.header.spelled) == [name for name in sample.columns if name != "cluster_label"]
    assert file.metadata.gnss_version == "2022.0"
    assert file.metadata.production_facility is None
    assert file.metadata.clusters is None
    assert file.metadata.dem_version == "COPDEM"

    calibrated = PointProduct.open(import_egms(made, tmp_path / "again"))
    assert calibrated.manifest.series_dtype == "int16"
    attributes, series = calibrated.source_rows(0)
    easting, northing = attributes["easting"], attributes["northing"]
    years = (product.epochs - product.epochs[0]) / np.timedelta64(365, "D")
    expected = sample.series_mm() - years * surface.surface_mm_per_yr(easting, northing)[:, None]
    np.testing.assert_allclose(series, expected, atol=0.0501)
    assert np.isnan(series[0, 1])
    refitted = egms_statistics(np.ascontiguousarray(expected.T, np.float32), product.epochs).mean_velocity
    np.testing.assert_allclose(attributes["mean_velocity"], refitted, atol=0.0501)
    text = [line.split(",") for line in lines_of(members(made)[".csv"])]
    column = text[0].index("mean_velocity")
    assert all(len(row[column].partition(".")[2]) == 1 and row[column] != "-0.0" for row in text[1:])
    # What a linear correction does not change stays as it was printed.
    for name in ("acceleration", "seasonality_std", "temporal_coherence", "pid"):
        assert [row[text[0].index(name)] for row in text[1:]] == [row[sample.column(name)] for row in sample.rows]

    (plain,) = export([product.path], tmp_path / "plain", calibration="none")
    assert members(plain)[".csv"] == sample.csv()


def test_calibration_of_level_2b_drops_the_old_gnss_rate(tmp_path):
    product = PointProduct.open(import_egms(egms_factory.level2(epochs=12).write_zip(tmp_path), tmp_path / "products"))
    calibrate(product, gnss_source="/data/stations.vel")
    (made,) = export([product.path], tmp_path / "out")
    file = egms.recognise(made)
    assert "gnss_velocity" not in file.header.names
    assert file.metadata.gnss_version is None


def test_other_frames_cannot_be_egms(product, tmp_path):
    calibrate(product, frame="ITRF2020")
    error = refused("FID-1081", [product.path], tmp_path / "out")
    assert "ITRF2020" in error.problem
    refused("FID-1081", [product.path], tmp_path / "out", format="csv")
    (made,) = export([product.path], tmp_path / "out", format="gpkg")
    assert set(geopandas.read_file(made)["frame"]) == {"ITRF2020"}
    # A product that is tied to another frame without a calibration beside it.
    manifest = product.manifest.model_copy(
        update={"level": "L2b", "tie": product.manifest.tie.model_copy(update={"frame": "ITRF2014"})}
    )
    (product.path / "product.json").write_text(manifest.model_dump_json())
    refused("FID-1081", [product.path], tmp_path / "out", calibration="none")


def frame_folder(folder):
    folder.mkdir()
    transform = rasterio.transform.from_origin(30.0, 40.0, 0.01, 0.01)
    values = {"vel": np.arange(20.0).reshape(4, 5) - 9, "vstd": np.ones((4, 5)), "E": np.full((4, 5), -0.6),
              "N": np.zeros((4, 5)), "U": np.full((4, 5), 0.8)}  # fmt: skip
    for name, band in values.items():
        with rasterio.open(folder / f"{name}.geo.tif", "w", driver="GTiff", dtype="float32", count=1, height=4, width=5,
                           crs="EPSG:4326", transform=transform) as sink:  # fmt: skip
            sink.write(band.astype(np.float32), 1)
    return folder


def test_frames_of_rates_are_tables_and_rasters_but_no_egms(tmp_path):
    folder = frame_folder(tmp_path / "014A")
    refused("FID-1081", [folder], tmp_path / "out")
    (made,) = export([folder], tmp_path / "out", format="gpkg", series=True)
    table = geopandas.read_file(made)
    assert len(table) == 20
    assert set(table["frame"]) == {"relative, not tied"}
    assert sorted(table["mean_velocity"]) == list(range(-9, 11))
    (made,) = export([folder], tmp_path / "out", format="geoparquet")
    assert "displacement" not in geopandas.read_parquet(made).columns
    (made,) = export([folder], tmp_path / "out", format="geotiff", spacing_m=500.0)
    with rasterio.open(made) as raster:
        assert np.isfinite(raster.read(1)).sum() == 20


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035"])
def test_geopackage(product, tmp_path, crs):
    surface = calibrate(product)
    (made,) = export([product.path], tmp_path / "out", format="gpkg", series=True, crs=crs)
    table = geopandas.read_file(made).set_index("pid")
    assert table.crs == crs
    attributes = product.attributes()
    rate = surface.surface_mm_per_yr(attributes["easting"], attributes["northing"])
    order = [pid.decode() for pid in attributes["pid"]]
    table = table.loc[order]
    np.testing.assert_allclose(table["mean_velocity"], attributes["mean_velocity"] - rate, atol=1e-9)
    np.testing.assert_allclose(
        table["calibration_sigma"], surface.sigma_mm_per_yr(attributes["easting"], attributes["northing"])
    )
    geographic = crs == "EPSG:4326"
    np.testing.assert_array_equal(table.geometry.x, attributes["longitude" if geographic else "easting"])
    assert not {"series_index", "source_row", "cluster_label", "gnss_velocity"} & set(table.columns)
    years = (product.epochs - product.epochs[0]) / np.timedelta64(365, "D")
    expected = product.series_mm()[-1] - years[-1] * rate
    np.testing.assert_allclose(table[egms_factory.dates(30)[-1]], expected, atol=1e-3)
    (made,) = export([product.path], tmp_path / "plain", format="gpkg", calibration="none")
    plain = geopandas.read_file(made)
    assert "20200103" not in plain.columns
    assert set(plain["frame"]) == {"relative, not tied"}
    assert set(plain["cluster_label"]) == {0}


def test_geopackage_prints_tenths(tmp_path):
    source = egms_factory.level2(epochs=5).write_zip(tmp_path)
    (made,) = export([source], tmp_path / "out", format="gpkg", series=True)
    assert geopandas.read_file(made)["20200109"].tolist() == [
        float(row[egms_factory.level2(epochs=5).column("20200109")])
        for row in _by_pid(made, egms_factory.level2(epochs=5))
    ]


def _by_pid(made, sample):
    rows = {row[0]: row for row in sample.rows}
    return [rows[pid] for pid in geopandas.read_file(made)["pid"]]


def test_geoparquet(product, tmp_path):
    surface = calibrate(product)
    (made,) = export([product.path], tmp_path / "out", format="geoparquet", area=Area(WEST_HALF))
    table = geopandas.read_parquet(made)
    attributes = product.attributes()
    inside = attributes["longitude"] <= WEST_HALF[2]
    assert 0 < len(table) == inside.sum() < 40
    assert table.crs == "OGC:CRS84"
    np.testing.assert_array_equal(table.geometry.y, attributes["latitude"][inside])
    rate = surface.surface_mm_per_yr(attributes["easting"], attributes["northing"])[inside]
    np.testing.assert_allclose(table["mean_velocity"], attributes["mean_velocity"][inside] - rate)
    years = (product.epochs - product.epochs[0]) / np.timedelta64(365, "D")
    expected = product.series_mm().T[inside] - years * rate[:, None]
    np.testing.assert_allclose(np.stack(table["displacement"]), expected, atol=1e-3)
    stored = pq.ParquetFile(made)
    assert str(stored.schema_arrow.field("displacement").type) in {"list<element: float>", "list<item: float>"}
    geo = json.loads(stored.metadata.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    np.testing.assert_allclose(geo["columns"]["geometry"]["bbox"], table.total_bounds)
    facts = json.loads(stored.metadata.metadata[b"fiducial"])
    assert facts["frame"] == "ETRF2000"
    assert facts["calibration"] == "test-1"
    assert tuple(facts["epochs_utc"]) == product.manifest.epochs
    (plain,) = export([product.path], tmp_path / "plain", format="geoparquet", calibration="none")
    assert "calibration_sigma" not in geopandas.read_parquet(plain).columns
    assert json.loads(pq.ParquetFile(plain).metadata.metadata[b"fiducial"])["frame"] is None


def test_geotiff_of_medians(product, tmp_path):
    (made,) = export([product.path], tmp_path / "out", format="geotiff", column="rmse", spacing_m=250.0)
    attributes = product.attributes()
    with rasterio.open(made) as raster:
        assert raster.crs == "EPSG:3035"
        assert raster.units == ("mm",)
        assert raster.tags()["reference_frame"] == "relative, not tied"
        values = raster.read(1)
        row, column = rasterio.transform.rowcol(raster.transform, attributes["easting"], attributes["northing"])
        assert raster.bounds.left % 250 == raster.bounds.top % 250 == 0
    row, column = np.asarray(row), np.asarray(column)
    for one in np.unique(np.column_stack([row, column]), axis=0):
        inside = (row == one[0]) & (column == one[1])
        np.testing.assert_allclose(values[one[0], one[1]], np.median(attributes["rmse"][inside]), rtol=1e-6)
    assert np.isfinite(values).sum() == len(np.unique(np.column_stack([row, column]), axis=0))

    surface = calibrate(product)
    (made,) = export([product.path], tmp_path / "out", format="geotiff", column="calibration_sigma", spacing_m=1e5)
    sigma = surface.sigma_mm_per_yr(attributes["easting"], attributes["northing"])
    with rasterio.open(made) as raster:
        np.testing.assert_allclose(np.nanmedian(raster.read(1)), np.median(sigma), rtol=0.2)
        assert raster.tags()["reference_frame"] == "ETRF2000"


def test_raster_without_any_value(tmp_path):
    sample = egms_factory.level2(epochs=3)
    for row in range(len(sample.rows)):
        sample.set(row, "gnss_velocity", "")
    refused("FID-1082", [sample.write_zip(tmp_path)], tmp_path / "out", format="geotiff", column="gnss_velocity")


def test_clip_to_a_product(product, tmp_path):
    calibrate(product)
    (made,) = export([product.path], tmp_path / "out", format="product", area=Area(WEST_HALF))
    assert made.name == f"{product.manifest.name}_clip"
    clipped = PointProduct.open(made)
    clipped.verify()
    assert "clipped to" in clipped.manifest.created_by
    assert clipped.manifest.provenance_id != product.manifest.provenance_id
    assert clipped.manifest.tie == product.manifest.tie
    whole, part = open_source(product.path, tmp_path), open_source(made, tmp_path)
    assert part.calibration.version == "test-1"
    inside = whole.product.attributes(["longitude"])["longitude"] <= WEST_HALF[2]
    np.testing.assert_array_equal(
        np.sort(part.attributes(["mean_velocity"])["mean_velocity"]),
        np.sort(whole.attributes(["mean_velocity"])["mean_velocity"][inside]),
    )
    # The clip of the export is the export of the clip, negative zeros and gaps included.
    export([made], tmp_path / "a", format="csv", calibration="none")
    export([product.path], tmp_path / "b", format="csv", calibration="none", area=Area(WEST_HALF))
    assert next((tmp_path / "a").glob("*.csv")).read_bytes() == next((tmp_path / "b").glob("*.csv")).read_bytes()


def bursts(tmp_path, *, level="L2b", second_epochs=8):
    """Two overlapping bursts of a track and one of the other direction, imported."""
    first = egms_factory.level2(level, points=30, epochs=8, seed=1)
    second = egms_factory.level2(level, points=30, epochs=second_epochs, burst=846, seed=2)
    other = egms_factory.level2(
        level, points=30, epochs=8, track=117, burst=227, angles_deg=egms_factory.ASCENDING, seed=3
    )
    for row in range(10):  # ten common places, a few decimetres apart
        for sample, shift in ((first, 0.0), (second, 3e-6), (other, 5e-6)):
            place(sample, row, 13.18 + row * 1e-3 + shift, 38.72)
    for row in range(10):
        first.set(row, "temporal_coherence", "0.9" if row < 6 else "0.5")
        second.set(row, "temporal_coherence", "0.7")
    other.date_columns = egms_factory.dates(8, "20200105")
    samples = [first, second, other]
    for number, sample in enumerate(samples):
        for row in range(30):
            sample.set(row, "rmse_ts", f"{number}.{row}5"[:4])
    return samples, [import_egms(sample.write_zip(tmp_path), tmp_path / "products") for sample in samples]


def test_merge_resolves_overlaps_of_one_track_only(tmp_path):
    samples, paths = bursts(tmp_path)
    told = []
    (made,) = export(paths, tmp_path / "out", format="product", merge=True, tell=told.append)
    merged = PointProduct.open(made)
    merged.verify()
    assert made.name == "merged_L2b_022_117_3bursts_2020_2024_1"
    kept = {pid.decode() for pid in merged.attributes(["pid"])["pid"]}
    expected = {row[0] for row in samples[0].rows[:6]} | {row[0] for row in samples[1].rows[6:10]}
    close = {row[0] for sample in samples[:2] for row in sample.rows[:10]}
    assert kept & close == expected
    assert {row[0] for row in samples[2].rows} <= kept
    dropped = 90 - len(kept)
    assert dropped >= 10  # the random rest of the points may meet too
    assert f"{dropped} doubles resolved" in told[0]
    assert f"{dropped} doubles resolved" in merged.manifest.created_by
    assert told[1].startswith("track 022: burst 0845 IW2 gave up")

    # Dates are those of all, and missing where a burst has none; the rest is to the digit what was printed.
    days = sorted({*samples[0].date_columns, *samples[2].date_columns})
    assert [day.replace("-", "") for day in merged.manifest.epochs] == days
    assert merged.manifest.series_dtype == "int16"
    pids = merged.attributes(["pid"])["pid"]
    stored = merged.series_mm()
    for sample in samples:
        places = np.isin(days, sample.date_columns)
        for row, series in zip(sample.rows, sample.series_mm(), strict=True):
            index = np.flatnonzero(pids == row[0].encode())
            if len(index):
                np.testing.assert_array_equal(stored[places, index[0]], series.astype(np.float32))
                assert np.isnan(stored[~places, index[0]]).all()


def test_merge_in_any_order_is_the_same(tmp_path):
    _, paths = bursts(tmp_path)
    sources = [open_source(path, tmp_path) for path in paths]
    one = merge_sources(sources, tmp_path / "one")
    other = merge_sources(sources[::-1], tmp_path / "other", name="merged_L2b_022_117_3bursts_2020_2024_1")
    assert replace(one, path=other.path) == other
    first, second = (PointProduct.open(merged.path).manifest for merged in (one, other))
    assert first == second


def test_merge_in_steps(tmp_path):
    # Identity is that of the points, not of the file.
    _, paths = bursts(tmp_path)
    (pair,) = export(paths[:2], tmp_path / "pair", format="product", merge=True, tell=str)
    (steps,) = export([pair, paths[2]], tmp_path / "steps", format="product", merge=True, tell=str)
    (once,) = export(paths, tmp_path / "once", format="product", merge=True, tell=str)
    pids = [set(PointProduct.open(path).attributes(["pid"])["pid"]) for path in (steps, once)]
    assert pids[0] == pids[1]


def test_merge_into_other_formats(tmp_path):
    _, paths = bursts(tmp_path)
    out = tmp_path / "out"
    (table,) = export(paths, out, format="csv", merge=True, name="all", tell=str)
    assert table.name == "all.csv"
    assert not table.with_suffix(".xml").exists()
    (points,) = export(paths, out, format="geoparquet", merge=True, name="all", tell=str)
    assert len(geopandas.read_parquet(points)) == len(table.read_bytes().splitlines()) - 1
    refused("FID-1081", paths, out, merge=True)
    refused("FID-1094", paths, out, format="geotiff", merge=True, tell=str)
    (raster,) = export(paths, out, format="geotiff", column="rmse", merge=True, name="all", tell=str)
    assert raster.name == "all_rmse.tif"
    (raster,) = export(paths[:2], out, format="geotiff", merge=True, name="track", tell=str)
    # A merged product that is exported later is still no EGMS file.
    (product,) = export(paths, out, format="product", merge=True, name="all", tell=str)
    refused("FID-1081", [product], tmp_path / "later")
    made = export([product], tmp_path / "later", format="csv")
    assert made[0].read_bytes() == table.read_bytes()
    assert [path.name for path in made] == ["all.csv"]


def test_merge_of_an_area(tmp_path):
    samples, paths = bursts(tmp_path)
    east = Area((13.1799, 38.71, 13.2, 38.73))
    (made,) = export(paths, tmp_path / "out", format="product", merge=True, area=east, tell=str)
    assert PointProduct.open(made).manifest.points == 20
    # A source without a point there is left out; without any there is nothing.
    place(samples[0], 29, 13.5, 38.9)
    lone = samples[0].write_zip(tmp_path, "lone")
    (made,) = export([lone, *paths[1:]], tmp_path / "lone_out", format="product", merge=True,
                     area=Area((13.49, 38.8, 13.6, 39.0)), tell=str)  # fmt: skip
    assert PointProduct.open(made).manifest.points == 1
    refused("FID-1082", paths, tmp_path / "out", format="product", merge=True, area=Area((1.0, 1.0, 2.0, 2.0)))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["merged_L2b_022_117_3bursts_2020_2024_1"]


def test_merge_of_calibrated_bursts(tmp_path):
    samples, paths = bursts(tmp_path, level="L2a")
    products = [PointProduct.open(path) for path in paths]
    surfaces = [calibrate(product) for product in products]
    (made,) = export(paths, tmp_path / "out", format="product", merge=True, tell=str)
    merged = PointProduct.open(made)
    assert (merged.manifest.level, merged.manifest.series_dtype) == ("L2b", "float32")
    assert merged.manifest.tie.frame == "ETRF2000"
    assert merged.manifest.tie.gnss_source == "EGMS_AEPND_V2022.0.csv"
    columns = merged.attributes(["pid", "easting", "northing", "mean_velocity", "calibration_sigma"])
    assert "cluster_label" not in merged.column_names
    (index,) = np.flatnonzero(columns["pid"] == samples[2].rows[20][0].encode())
    rate = surfaces[2].surface_mm_per_yr(columns["easting"][index], columns["northing"][index])
    printed = float(samples[2].rows[20][samples[2].column("mean_velocity")])
    assert columns["mean_velocity"][index] == pytest.approx(printed - float(rate), abs=1e-9)
    assert np.isfinite(columns["calibration_sigma"]).all()
    (table,) = export([made], tmp_path / "csv", format="csv")
    header, *lines = (line.split(",") for line in lines_of(table.read_bytes()))
    assert "calibration_sigma" not in header
    assert all(len(text.partition(".")[2]) <= 1 for line in lines for text in line[header.index("20200103") :])
    refused("FID-1085", [paths[0], egms_factory.level2("L2a", burst=847).write_zip(tmp_path, "EGMS_L2a_022_0847_IW2_VV")],
            tmp_path / "mixed", format="product", merge=True)  # fmt: skip


def test_merges_that_are_none(tmp_path):
    samples, paths = bursts(tmp_path)
    out = tmp_path / "out"
    options = {"format": "product", "merge": True, "tell": str}
    refused("FID-1085", paths[:1], out, **options)
    refused("FID-1085", [paths[0], egms_factory.level2("L2a", burst=3).write_zip(tmp_path)], out, **options)
    refused("FID-1088", paths, out, duplicate_distance_m=1e3, **options)
    # Another release of a burst, told by its name or by its dates; and the same points again.
    other = replace(samples[0], stem=samples[0].stem.replace("2020_2024_1", "2019_2023_1"))
    refused("FID-1086", [paths[0], other.write_zip(tmp_path)], out, **options)
    longer = egms_factory.level2(epochs=9).write_csv(tmp_path, with_xml=False).rename(tmp_path / "longer.csv")
    refused("FID-1086", [paths[0], longer], out, **options)
    again = samples[0].write_zip(tmp_path / "products", STEM + "_copy")
    error = refused("FID-1086", [paths[0], again], out, **options)
    assert "same points" in error.problem
    refused("FID-1087", [frame_folder(tmp_path / "f1"), frame_folder(tmp_path / "f2")], out, **options)
    east, up = (egms_factory.level3(one).write_zip(tmp_path) for one in "EU")
    refused("FID-1085", [east, up], out, **options)
    assert list(out.iterdir()) == []


def test_parts_of_one_burst_merge_to_the_whole(tmp_path):
    sample = egms_factory.level2(points=60, epochs=8, seed=1)
    path = import_egms(sample.write_zip(tmp_path), tmp_path / "products")
    parts = []
    for name, area in (("w", (13.0, 38.0, 13.175, 39.0)), ("e", (13.1750001, 38.0, 14.0, 39.0))):
        (part,) = export([path], tmp_path / name, format="product", area=Area(area))
        parts.append(part)
    # The clips have names of their own, so the release is told by the dates alone.
    (made,) = export(parts, tmp_path / "out", format="product", merge=True, tell=str)
    whole, merged = PointProduct.open(path), PointProduct.open(made)
    assert set(merged.attributes(["pid"])["pid"]) == set(whole.attributes(["pid"])["pid"])
    (file,) = export([made], tmp_path / "egms")
    assert sorted(lines_of(members(file)[".csv"])) == sorted(lines_of(sample.csv()))


def test_tiles_merge(tmp_path):
    one, other = egms_factory.level3("U", cells=5, seed=1), egms_factory.level3("U", cells=5, seed=2)
    from fiducial.motion.identifiers import encode_cells

    for row in range(5):
        easting = 4_600_050 + 100 * row
        other.set(row, "easting", str(easting))
        other.rows[row][0] = str(encode_cells(1, [easting], [1_739_750])[0])
    other.stem = other.stem.replace("E45N17", "E46N17")
    told = []
    paths = [tile.write_zip(tmp_path) for tile in (one, other)]
    (made,) = export(paths, tmp_path / "out", format="product", merge=True, tell=told.append)
    merged = PointProduct.open(made)
    assert (merged.manifest.points, merged.manifest.component) == (10, "up")
    assert made.name == "merged_L3_up_2tiles_2020_2024_1"
    assert told == ["2 tiles, 10 cells; tiles do not overlap"]
    refused("FID-1081", [made], tmp_path / "egms")
    (raster,) = export([made], tmp_path / "out", format="geotiff")
    with rasterio.open(raster) as source:
        assert source.descriptions[0].endswith("positive: upwards")
    copy = one.write_zip(tmp_path / "out", "copy")
    refused("FID-1086", [paths[0], copy], tmp_path / "out", format="product", merge=True)


def test_unknown_bursts_do_not_merge(tmp_path, monkeypatch):
    _, paths = bursts(tmp_path)
    from fiducial.runs import export_union

    unknown = export_union.decode_points(["!!!!!!!!!!"] * 30)
    monkeypatch.setattr(export_union, "decode_points", lambda _: unknown)
    refused("FID-1087", paths[:2], tmp_path / "out", format="product", merge=True)

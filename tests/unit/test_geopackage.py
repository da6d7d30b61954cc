from __future__ import annotations

import geopandas
import numpy as np
import pyogrio
import pytest

from fiducial.errors import FormatError, InputError
from fiducial.formats import geopackage

GEOGRAPHIC = ("longitude", "latitude")
MAP = ("easting", "northing")


def columns(start: int = 0, size: int = 4) -> dict[str, np.ndarray]:
    index = np.arange(start, start + size)
    return {
        "pid": np.char.add("P", index.astype(str)),
        "longitude": 13.0 + index * 0.01,
        "latitude": 38.0 + index * 0.001,
        "easting": 4_597_550 + 100 * index,
        "northing": 1_739_750 + 100.0 * index,
        "mean_velocity": np.where(index % 2, np.nan, -1.5 * index).astype(np.float32),
        "good": index % 2 == 0,
        "first": np.datetime64("2020-01-03") + index.astype("timedelta64[D]"),
    }


def test_read_back_with_geopandas(tmp_path):
    path = tmp_path / "points.gpkg"
    assert geopackage.write(path, columns(), crs="EPSG:3035", coordinates=MAP, layer="ustica") == 4
    table = geopandas.read_file(path, layer="ustica")
    assert table.crs.to_epsg() == 3035
    np.testing.assert_array_equal(table.geometry.x, columns()["easting"])
    np.testing.assert_array_equal(table.geometry.y, columns()["northing"])
    np.testing.assert_array_equal(table["mean_velocity"].to_numpy(np.float32), columns()["mean_velocity"])
    assert list(table["pid"]) == ["P0", "P1", "P2", "P3"]
    assert list(table["good"]) == [True, False, True, False]
    np.testing.assert_array_equal(table["first"].to_numpy("datetime64[D]"), columns()["first"])
    assert [item.name for item in tmp_path.iterdir()] == ["points.gpkg"]


def test_streams_chunks_and_indexes_them(tmp_path):
    path = tmp_path / "points.gpkg"
    alive = []

    def chunks():
        for start in range(0, 1000, 100):
            alive.append(start)
            yield columns(start, 100)

    assert geopackage.write(path, chunks(), crs="EPSG:4326", coordinates=GEOGRAPHIC) == 1000
    assert alive == list(range(0, 1000, 100))
    info = pyogrio.read_info(path)
    assert (info["features"], info["geometry_type"]) == (1000, "Point")
    assert info["capabilities"]["fast_spatial_filter"]
    inside = geopandas.read_file(path, bbox=(13.095, 38.0, 13.155, 39.0))
    assert list(inside["pid"]) == [f"P{i}" for i in range(10, 16)]


def test_series_columns(tmp_path):
    displacement = np.arange(12, dtype=np.float32).reshape(3, 4)
    epochs = np.array(["2020-01-03", "2020-01-09", "2020-01-15"], "datetime64[ns]")
    everything = {**columns(), **geopackage.series_columns(displacement, epochs)}
    geopackage.write(tmp_path / "s.gpkg", everything, crs="EPSG:4326", coordinates=GEOGRAPHIC)
    table = geopandas.read_file(tmp_path / "s.gpkg")
    np.testing.assert_array_equal(table[["20200103", "20200109", "20200115"]].to_numpy().T, displacement)


def test_no_points_make_an_empty_layer(tmp_path):
    assert geopackage.write(tmp_path / "e.gpkg", columns(0, 0), crs="EPSG:4326", coordinates=GEOGRAPHIC) == 0
    assert len(geopandas.read_file(tmp_path / "e.gpkg")) == 0


def test_bytes_half_floats_and_seconds(tmp_path):
    few = {"longitude": np.ones(1), "latitude": np.ones(1), "b": np.array([b"x"]), "h": np.ones(1, np.float16),
           "o": np.array(["text"], dtype=object)}  # fmt: skip
    geopackage.write(tmp_path / "t.gpkg", few, crs="EPSG:4326", coordinates=GEOGRAPHIC)
    assert geopandas.read_file(tmp_path / "t.gpkg").loc[0, ["b", "h", "o"]].to_list() == ["x", 1.0, "text"]


@pytest.mark.parametrize(
    ("code", "change", "options"),
    [
        ("FID-2220", {"extra": np.zeros(3)}, {}),
        ("FID-2220", {"extra": np.zeros((4, 2))}, {}),
        ("FID-2220", {}, {"coordinates": ("lon", "lat")}),
        ("FID-2221", {"geom": np.zeros(4)}, {}),
        ("FID-2221", {"FID": np.zeros(4)}, {}),
        ("FID-2221", {"z": np.zeros(4, complex)}, {}),
        ("FID-2221", {"z": np.array([1, "a", None, 2.0], dtype=object)}, {}),
        ("FID-2221", {f"c{i}": np.zeros(4) for i in range(2000)}, {}),
        ("FID-2222", {}, {"crs": "EPSG:999999"}),
        ("FID-2222", {}, {"coordinates": MAP}),
        ("FID-2222", {"longitude": np.array([1.0, 2.0, np.nan, 3.0])}, {}),
    ],
)
def test_unfit_columns(tmp_path, code, change, options):
    path = tmp_path / "p.gpkg"
    with pytest.raises(FormatError, match=code):
        geopackage.write(path, {**columns(), **change}, **{"crs": "EPSG:4326", "coordinates": GEOGRAPHIC, **options})
    assert list(tmp_path.iterdir()) == []


def test_chunks_must_agree_and_failure_keeps_the_old_file(tmp_path):
    path = tmp_path / "p.gpkg"
    geopackage.write(path, columns(), crs="EPSG:4326", coordinates=GEOGRAPHIC)
    other = {**columns(4), "more": np.zeros(4)}
    with pytest.raises(FormatError, match=r"FID-2223.*more"):
        geopackage.write(path, iter([columns(), other]), crs="EPSG:4326", coordinates=GEOGRAPHIC)
    swapped = dict(reversed(columns().items()))
    with pytest.raises(FormatError, match="order of their columns"):
        geopackage.write(path, iter([columns(), swapped]), crs="EPSG:4326", coordinates=GEOGRAPHIC)

    def broken():
        yield columns()
        raise KeyError("the reader of the chunks failed")

    with pytest.raises(KeyError):
        geopackage.write(path, broken(), crs="EPSG:4326", coordinates=GEOGRAPHIC)
    assert len(geopandas.read_file(path)) == 4
    assert [item.name for item in tmp_path.iterdir()] == ["p.gpkg"]


def test_nothing_wrong_name_and_existing_file(tmp_path):
    with pytest.raises(FormatError, match="FID-2224"):
        geopackage.write(tmp_path / "p.gpkg", iter([]), crs="EPSG:4326", coordinates=GEOGRAPHIC)
    with pytest.raises(FormatError, match="FID-2226"):
        geopackage.write(tmp_path / "p.zip", columns(), crs="EPSG:4326", coordinates=GEOGRAPHIC)
    geopackage.write(tmp_path / "p.gpkg", columns(), crs="EPSG:4326", coordinates=GEOGRAPHIC)
    with pytest.raises(InputError, match="FID-1002"):
        geopackage.write(tmp_path / "p.gpkg", columns(), crs="EPSG:4326", coordinates=GEOGRAPHIC, overwrite=False)


def test_failure_of_gdal_is_named(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise pyogrio.errors.DataSourceError("disk full")

    monkeypatch.setattr(pyogrio, "write_arrow", fail)
    with pytest.raises(FormatError, match="FID-2225"):
        geopackage.write(tmp_path / "p.gpkg", columns(), crs="EPSG:4326", coordinates=GEOGRAPHIC)

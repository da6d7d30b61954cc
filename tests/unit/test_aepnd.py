from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyproj
import pytest

from fiducial.errors import FormatError
from fiducial.formats import aepnd
from fiducial.geodesy.gnss_grid import GnssGrid

HEADER = "Latitude,Longitude,N,E,Up,SigmaN,SigmaE,SigmaUP,easting,northing"


def make_grid(count: int = 6) -> GnssGrid:
    random = np.random.default_rng(3)
    easting = 4_000_000 + 50_000 * np.arange(count)
    northing = np.where(np.arange(count) % 2, 3_000_000, 3_050_000)
    longitude, latitude = pyproj.Transformer.from_crs(3035, 4258, always_xy=True).transform(easting, northing)
    return GnssGrid(
        latitude_deg=np.round(latitude, 9),
        longitude_deg=np.round(longitude, 9),
        velocity_enu_mm_per_yr=np.round(random.normal(0, 5, (count, 3)), 2),
        sigma_enu_mm_per_yr=np.round(random.uniform(0.1, 0.9, (count, 3)), 2),
        easting_m=easting,
        northing_m=northing,
    )


def text_of(grid: GnssGrid, **options) -> str:
    sink = io.BytesIO()
    aepnd.write(grid, sink, **options)
    return sink.getvalue().decode()


def test_write_then_read_is_the_official_order():
    grid = make_grid()
    back = aepnd.read(text_of(grid).encode())
    ordered = grid.official_order()
    for name in ("latitude_deg", "longitude_deg", "velocity_enu_mm_per_yr", "sigma_enu_mm_per_yr", "easting_m"):
        np.testing.assert_array_equal(getattr(back, name), getattr(ordered, name))
    assert (np.diff(back.northing_m) <= 0).all()
    assert back.frame == "ETRF2000"
    assert back.size == 6


def test_official_style():
    lines = text_of(make_grid(), hash_header=True).splitlines()
    assert lines[0] == "#" + HEADER
    cells = lines[1].split(",")
    assert len(cells[0].partition(".")[2]) == 9
    assert len(cells[2].partition(".")[2]) == 2
    assert cells[-2:] == ["4000000", "3050000"]
    assert text_of(aepnd.read(text_of(make_grid()).encode())) == text_of(make_grid())


def test_north_comes_before_east_in_the_file_and_after_in_memory():
    grid = aepnd.read(
        f"#{HEADER}\n65.533143166,-24.301625800,4.50,-16.81,-1.08,0.37,0.39,0.65,2800000,5100000\n".encode()
    )
    np.testing.assert_array_equal(grid.velocity_enu_mm_per_yr, [[-16.81, 4.50, -1.08]])
    np.testing.assert_array_equal(grid.sigma_enu_mm_per_yr, [[0.39, 0.37, 0.65]])


def test_to_stations():
    grid = make_grid()
    stations = grid.to_stations()
    assert stations.frame == "ETRF2000"
    assert stations.names[0] == "E4000N3050"
    np.testing.assert_allclose(
        np.sqrt(np.diagonal(stations.covariance_enu, axis1=1, axis2=2)), grid.sigma_enu_mm_per_yr
    )


def test_paths_are_written_atomically_and_read(tmp_path):
    aepnd.write(make_grid(), tmp_path / "a.csv")
    assert aepnd.read(tmp_path / "a.csv").source == str(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open("rb") as source:
        assert aepnd.read(source).size == 6
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


ROW = "65.533143166,-24.301625800,4.50,-16.81,-1.08,0.37,0.39,0.65,2800000,5100000"


@pytest.mark.parametrize(
    ("code", "text", "says"),
    [
        ("FID-2310", "lat,lon\n1,2\n", "line 1"),
        ("FID-2310", "", "line 1"),
        ("FID-2311", f"{HEADER}\n", "no nodes"),
        ("FID-2311", f"{HEADER}\n{ROW[:-12]}\n", "line 2"),
        ("FID-2311", f"{HEADER}\n{ROW.replace('4.50', 'abc')}\n", "abc"),
        ("FID-2311", f"{HEADER}\n{ROW.replace('4.50', 'nan')}\n", "not finite"),
        ("FID-2311", f"{HEADER}\n{ROW.replace('65.5', '95.5')}\n", "out of range"),
        ("FID-2311", f"{HEADER}\n{ROW.replace('0.37', '0.00')}\n", "not positive"),
        ("FID-2311", f"{HEADER}\n{ROW.replace('2800000', '2800000.5')}\n", "whole metres"),
        ("FID-2312", f"{HEADER}\n{ROW}\n{ROW}\n", "twice"),
        ("FID-2312", f"{HEADER}\n{ROW.replace('2800000', '2850000')}\n", "m apart"),
    ],
)
def test_damage_is_named(code, text, says):
    with pytest.raises(FormatError, match=code) as caught:
        aepnd.read(text.encode(), name="model.csv")
    assert says in str(caught.value)
    assert "model.csv" in caught.value.where


def test_unreadable(tmp_path):
    with pytest.raises(FormatError, match="FID-2307"):
        aepnd.read(tmp_path / "absent.csv")
    with pytest.raises(FormatError, match="FID-2307"):
        aepnd.read(b"\xff\xfe\x00")


def test_what_the_format_cannot_say_is_not_written():
    with pytest.raises(FormatError, match="FID-2313"):
        text_of(replace(make_grid(), frame="ITRF2020"))
    with pytest.raises(FormatError, match="FID-2311"):
        text_of(replace(make_grid(), velocity_enu_mm_per_yr=np.full((6, 3), np.nan)))

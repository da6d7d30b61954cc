"""Velocity tables, A-EPND and GeoTIFF frames on the real files of FIDUCIAL_DATA."""

from __future__ import annotations

import io

import numpy as np
import pyproj
import pytest
import rasterio

from fiducial.formats import aepnd
from fiducial.formats.geotiff import read_frame, write_like
from fiducial.formats.velocity_tables import describe, read
from support import data_path

pytestmark = pytest.mark.real


def test_anatolia_gamit_table():
    stations = read(data_path("anatolia", "gnss_velocities_eurasia_fixed.vel"), frame="plate:EURA")
    assert (stations.size, stations.layout, stations.rejected) == (360, "gamit", ())
    assert "338 of 360 stations have no usable vertical: sigma >= 2.5 mm/yr" in describe(stations)
    assert np.isfinite(stations.velocity_enu_mm_per_yr[:, 2]).sum() == 22
    np.testing.assert_array_equal(stations.velocity_enu_mm_per_yr[0, :2], [-12.6, 8.11])
    assert len(set(stations.names)) == 360
    assert sum("#2" in name for name in stations.names) == 4


def test_euref_table():
    stations = read(data_path("velocities", "euref_all.raw"), frame="plate:EURA")
    assert (stations.size, stations.layout) == (3028, "euref")
    assert {one.reason.partition(":")[0] for one in stations.rejected} == {"sigma zero or negative, so no weight"}
    assert len(stations.rejected) == 19
    assert np.isnan(stations.velocity_enu_mm_per_yr[:, 2]).sum() == 1
    assert len(set(stations.names)) == 3028
    # 11.0 E 48 N and around: Eurasia-fixed horizontals are small
    inside = (np.abs(stations.longitude_deg - 11) < 5) & (np.abs(stations.latitude_deg - 50) < 2)
    assert np.abs(np.median(stations.velocity_enu_mm_per_yr[inside, :2], axis=0)).max() < 0.5


def test_alps_table():
    stations = read(data_path("velocities", "alps-gps-velocity.csv.xz"), frame="plate:EURA")
    assert (stations.size, stations.layout, stations.rejected) == (186, "csv", ())
    assert stations.names[0] == "ACOM"
    np.testing.assert_array_equal(stations.velocity_enu_mm_per_yr[0], [0.2, 1.2, 1.1])
    np.testing.assert_allclose(stations.covariance_enu[0], np.eye(3) * 0.01)


def test_two_tables_agree_on_common_sites():
    """Published agreement of EUREF and the Alpine field: 0.13 mm/yr (MAD), horizontally after a rotation."""
    euref = read(data_path("velocities", "euref_all.raw"), frame="plate:EURA")
    alps = read(data_path("velocities", "alps-gps-velocity.csv.xz"), frame="plate:EURA")
    distance_deg = np.hypot(
        (euref.longitude_deg[:, None] - alps.longitude_deg) * np.cos(np.deg2rad(46)),
        euref.latitude_deg[:, None] - alps.latitude_deg,
    )
    nearest = distance_deg.argmin(axis=0)
    common = distance_deg.min(axis=0) < 0.005
    difference = euref.velocity_enu_mm_per_yr[nearest[common]] - alps.velocity_enu_mm_per_yr[common]
    scatter = 1.4826 * np.nanmedian(np.abs(difference - np.nanmedian(difference, axis=0)), axis=0)
    assert common.sum() > 150
    assert (scatter < [0.25, 0.25, 0.35]).all()
    assert np.nanmedian(difference[:, 2]) == pytest.approx(-0.53, abs=0.1)


def test_aepnd_subset_writes_back_byte_for_byte():
    path = data_path("egms", "EGMS_AEPND_V2022.0_subset.csv")
    grid = aepnd.read(path)
    assert grid.size == 154
    sink = io.BytesIO()
    aepnd.write(grid, sink)
    assert sink.getvalue() == path.read_bytes()
    easting, northing = pyproj.Transformer.from_crs(4258, 3035, always_xy=True).transform(
        grid.longitude_deg, grid.latitude_deg
    )
    assert np.hypot(easting - grid.easting_m, northing - grid.northing_m).max() < 0.002
    stations = read(path, frame=None)
    assert (stations.frame, stations.size) == ("ETRF2000", 154)


FRAMES = {"014A_04939_131313": (268, 354, 42229), "087A_04904_121313": (263, 353, 39482),
          "094D_04913_101213": (268, 354, 38674), "167D_04884_131212": (268, 356, 39984)}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_licsbas_frames(tmp_path, name):
    folder = data_path("anatolia", name)
    frame = read_frame(folder)
    rows, columns, usable = FRAMES[name]
    assert frame.velocity_mm_per_yr.shape == (rows, columns)
    assert frame.usable.sum() == usable
    assert (frame.name, frame.crs) == (name, "EPSG:4326")
    assert any("1 pixels have a standard deviation of zero" in note for note in frame.notes)
    # ascending looks east (the satellite is in the west), descending the other way
    assert np.sign(frame.line_of_sight[frame.usable][:, 0].mean()) == (-1 if name[3] == "A" else 1)
    write_like(
        tmp_path / "vel.calibrated.tif", frame, frame.velocity_mm_per_yr, description="LOS velocity", unit="mm/yr"
    )
    with rasterio.open(tmp_path / "vel.calibrated.tif") as copy, rasterio.open(folder / "vel.geo.tif") as original:
        assert (copy.transform, copy.crs) == (original.transform, original.crs)
        np.testing.assert_array_equal(copy.read(1), original.read(1))

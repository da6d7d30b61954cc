"""East and Up velocity from velocity frames: calibrated on a field that is known, and on the real frames."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from commands import fiducial
from fiducial.geodesy import line_of_sight
from support import data_path

ENU = np.array([5.0, 1.5, -2.0])
WEST, NORTH, STEP = 13.0, 43.0, 0.01


def write_frame(folder, angles_deg, offset_mm_per_yr, size=60, sigma=True):
    """Write a LiCSBAS-like frame that sees ENU plus an offset."""
    folder.mkdir()
    sight = line_of_sight.from_angles(*angles_deg)
    layers = {name: np.full((size, size), value) for name, value in zip("ENU", sight, strict=True)}
    layers["vel"] = np.full((size, size), float(sight @ ENU) + offset_mm_per_yr)
    if sigma:
        layers["vstd"] = np.full((size, size), 0.5)
    for name, values in layers.items():
        profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": size, "width": size, "crs": "EPSG:4326",
                   "transform": from_origin(WEST, NORTH, STEP, STEP)}  # fmt: skip
        with rasterio.open(folder / f"{name}.geo.tif", "w", **profile) as raster:
            raster.write(values.astype(np.float32), 1)
    return folder


def gnss(folder):
    header = "station,longitude_deg,latitude_deg,ve_mm_per_yr,vn_mm_per_yr,vu_mm_per_yr,se_mm_per_yr,sn_mm_per_yr,su_mm_per_yr"
    rows = [
        f"S{i}{j},{WEST + 0.05 + 0.25 * i:.3f},{NORTH - 0.05 - 0.25 * j:.3f},{ENU[0]},{ENU[1]},{ENU[2]},0.2,0.2,0.4"
        for i in range(3) for j in range(3)
    ]  # fmt: skip
    path = folder / "stations.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return ["--gnss", path, "--gnss-frame", "ITRF2020"]


@pytest.fixture
def calibrated(tmp_path):
    frames = [write_frame(tmp_path / "015A", (39.0, -10.0), 7.0), write_frame(tmp_path / "022D", (38.0, 190.0), -4.0)]
    done = fiducial("motion", "calibrate", *frames, *gnss(tmp_path), "--out", tmp_path / "cal", "--recipe", "plane")
    assert done.code == 0, done.err
    return [tmp_path / "cal" / frame.name for frame in frames]


def test_east_and_up_of_a_known_field(calibrated, tmp_path):
    done = fiducial("motion", "ortho", *calibrated, "--out", tmp_path / "o", "--north-in-input", "yes", *gnss(tmp_path),
                    "--cell", 2000, "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["east_mean_mm_per_yr"] == pytest.approx(ENU[0], abs=0.01)
    assert done.json["up_mean_mm_per_yr"] == pytest.approx(ENU[2], abs=0.01)
    with rasterio.open(tmp_path / "o" / "ortho_U.tiff") as raster:
        up = raster.read(1)
        assert raster.crs.to_epsg() == 3035
        assert raster.tags()["reference_frame"] == "ITRF2020"
        rows, columns = np.nonzero(np.isfinite(up))
        place = raster.xy(rows[:1], columns[:1])
    np.testing.assert_allclose(up[np.isfinite(up)], ENU[2], atol=0.02)
    longitude, latitude = Transformer.from_crs(3035, 4326, always_xy=True).transform(*place)
    assert WEST - 0.05 < longitude[0] < WEST + 0.65
    assert NORTH - 0.65 < latitude[0] < NORTH + 0.05


def test_north_left_in_leaks_into_up(calibrated, tmp_path):
    done = fiducial("motion", "ortho", *calibrated, "--out", tmp_path / "o", "--north-in-input", "no", "--json")
    sight = np.array([line_of_sight.from_angles(*angles) for angles in ((39.0, -10.0), (38.0, 190.0))])
    leak = np.linalg.solve(sight[:, [0, 2]], sight[:, 1])
    assert done.json["up_mean_mm_per_yr"] == pytest.approx(ENU[2] + leak[1] * ENU[1], abs=0.01)


def test_existing_output_and_a_page_of_rates_are_refused(calibrated, tmp_path):
    arguments = ["motion", "ortho", *calibrated, "--out", tmp_path / "o", "--north-in-input", "no"]
    assert fiducial(*arguments, "--report", tmp_path / "r.html").err.startswith("FID-1007")
    assert fiducial(*arguments).code == 0
    assert fiducial(*arguments).err.startswith("FID-1002")
    assert fiducial(*arguments, "--overwrite").code == 0


def test_sigma_is_unknown_when_a_frame_states_none(tmp_path):
    frames = [
        write_frame(tmp_path / "015A", (39.0, -10.0), 7.0),
        write_frame(tmp_path / "022D", (38.0, 190.0), -4.0, sigma=False),
    ]
    fiducial("motion", "calibrate", *frames, *gnss(tmp_path), "--out", tmp_path / "cal", "--recipe", "plane")
    products = [tmp_path / "cal" / frame.name for frame in frames]
    done = fiducial(
        "motion", "ortho", *products, "--out", tmp_path / "o", "--north-in-input", "yes", *gnss(tmp_path), "--json"
    )
    assert done.json["east_mean_mm_per_yr"] == pytest.approx(ENU[0], abs=0.01)
    assert done.json["sigma_east_median_mm_per_yr"] is None


def test_rates_are_refused_without_tie_north_or_second_direction(calibrated, tmp_path):
    out = ["--out", tmp_path / "o"]
    assert fiducial("motion", "ortho", *calibrated, *out).err.startswith("FID-1003")
    assert fiducial("motion", "ortho", calibrated[0], *out, "--north-in-input", "no").err.startswith("FID-1006")
    fiducial("motion", "import", tmp_path / "015A", "--out", tmp_path / "relative")
    relative = [tmp_path / "relative" / "015A", calibrated[1]]
    assert fiducial("motion", "ortho", *relative, *out, "--north-in-input", "no").err.startswith("FID-1033")
    assert not (tmp_path / "o").exists()


@pytest.mark.real
def test_anatolian_east_agrees_with_gnss_east(tmp_path):
    frames = sorted(path for path in data_path("anatolia").iterdir() if path.is_dir())
    table = data_path("anatolia", "gnss_velocities_eurasia_fixed.vel")
    options = ["--gnss", table, "--gnss-frame", "plate:EURA"]
    assert fiducial("motion", "calibrate", *frames, *options, "--out", tmp_path / "cal").code == 0
    products = [tmp_path / "cal" / frame.name for frame in frames]
    done = fiducial(
        "motion", "ortho", *products, "--out", tmp_path / "o", "--north-in-input", "yes", *options, "--json"
    )
    assert done.code == 0, done.err
    stations = np.loadtxt(table, skiprows=1, usecols=range(12))
    easting, northing = Transformer.from_crs(4326, 3035, always_xy=True).transform(stations[:, 0], stations[:, 1])
    with rasterio.open(tmp_path / "o" / "ortho_E.tiff") as raster:
        sampled = np.array([value[0] for value in raster.sample(zip(easting, northing, strict=True))])
    difference = (sampled - stations[:, 2])[np.isfinite(sampled)]
    assert len(difference) > 30
    # Median absolute deviation: single stations stand on landslides and fault creep. The frames alone differ by 20 mm/yr.
    assert 1.4826 * np.median(np.abs(difference)) < 4.0

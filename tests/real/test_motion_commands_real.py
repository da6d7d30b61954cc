"""The main path on the real files, against the published products."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import polars as pl
import pytest
import rasterio

from commands import fiducial
from support import data_path

TILE = "EGMS_L3_E45N17_100km_{}_2020_2024_1"


def bursts():
    return sorted(data_path("egms", "ustica-west").glob("EGMS_L2b_*.zip"))


def read_csv(path):
    with zipfile.ZipFile(path) as archive:
        content = archive.read(f"{path.stem}.csv")
    return content.split(b"\n", 1)[0].decode(), pl.read_csv(io.BytesIO(content))


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    out = tmp_path_factory.mktemp("ortho")
    grid = data_path("egms", "EGMS_AEPND_V2022.0_subset.csv")
    done = fiducial("motion", "ortho", *bursts(), "--out", out, "--gnss", grid, "--gnss-frame", "ETRF2000")
    assert done.code == 0, done.err
    return out


@pytest.mark.real
@pytest.mark.parametrize(("component", "identical"), [("E", 0.969), ("U", 0.975)])
def test_official_ortho_is_the_official_product(official, component, identical):
    header, ours = read_csv(official / f"{TILE.format(component)}.zip")
    expected_header, theirs = read_csv(data_path("egms", "ustica-west", f"{TILE.format(component)}.zip"))
    assert header == expected_header
    assert len(ours) == 271
    assert ours["pid"].to_list() == theirs["pid"].to_list()
    dates = [name for name in header.split(",") if name.isdigit()]
    difference_mm = ours.select(dates).to_numpy() - theirs.select(dates).to_numpy()
    assert np.sqrt(np.mean(difference_mm**2)) <= 0.031
    assert np.max(np.abs(difference_mm)) <= 0.1 + 1e-9
    assert np.mean(np.abs(difference_mm) < 0.05) >= identical
    velocity = np.abs(ours["mean_velocity"].to_numpy() - theirs["mean_velocity"].to_numpy())
    assert np.mean(velocity < 0.05) >= 0.995


@pytest.mark.real
@pytest.mark.parametrize("component", ["E", "U"])
def test_raster_is_on_the_egms_grid_and_equals_the_csv(official, component):
    _, table = read_csv(official / f"{TILE.format(component)}.zip")
    with rasterio.open(official / f"{TILE.format(component)}.tiff") as raster:
        assert raster.crs.to_epsg() == 3035
        assert (raster.width, raster.height, raster.nodata) == (1000, 1000, -9999)
        assert (raster.transform.c, raster.transform.f) == (4_500_000, 1_800_000)
        values = raster.read(1)
    rows = (1_800_000 - table["northing"].to_numpy()) // 100
    columns = (table["easting"].to_numpy() - 4_500_000) // 100
    assert np.sum(values != -9999) == 271
    np.testing.assert_array_equal(values[rows, columns], table["mean_velocity"].to_numpy().astype(np.float32))


@pytest.mark.real
def test_north_left_in_the_input_moves_up_by_the_published_amount(tmp_path):
    grid = data_path("egms", "EGMS_AEPND_V2022.0_subset.csv")
    up = {}
    for answer in ("yes", "no"):
        done = fiducial("motion", "ortho", *bursts(), "--out", tmp_path / answer, "--mode", "best", "--north-in-input", answer,
                        "--gnss", grid, "--gnss-frame", "ETRF2000", "--json")  # fmt: skip
        up[answer] = done.json["tiles"][0]["mean_velocity_mm_per_yr"]["up"]
    # egms.md 2.6: 0.29 mm/yr with N 2.1; A-EPND V2022.0 has N 1.89 here.
    assert up["yes"] - up["no"] == pytest.approx(0.139 * 1.89, abs=0.01)


@pytest.mark.real
@pytest.mark.parametrize("recipe", ["plane", "egms"])
def test_anatolian_frames_come_to_agree_with_gnss(recipe, tmp_path):
    frames = sorted(path for path in data_path("anatolia").iterdir() if path.is_dir())
    table = data_path("anatolia", "gnss_velocities_eurasia_fixed.vel")
    done = fiducial("motion", "calibrate", *frames, "--gnss", table, "--gnss-frame", "plate:EURA", "--recipe", recipe,
                    "--out", tmp_path, "--json")  # fmt: skip
    assert done.code == 0, done.err
    result = done.json
    assert [row["track"] for row in result["stations"]] == [frame.name for frame in frames]
    for row in result["stations"]:
        assert row["rms_after_mm_per_yr"] < row["rms_before_centred_mm_per_yr"] < row["rms_before_mm_per_yr"]
        assert row["rms_after_mm_per_yr"] < 5.0
    assert len(result["overlaps"]) == 2
    for row in result["overlaps"]:
        assert row["rms_after_mm_per_yr"] < 0.7 * row["rms_before_mm_per_yr"]
    for frame in frames:
        layers = {}
        for name in ("vel.calibrated", "surface", "surface_sigma"):
            with rasterio.open(tmp_path / frame.name / f"{name}.tif") as raster:
                layers[name] = raster.read(1)
                assert raster.tags()["reference_frame"] == "plate:EURA"
        with rasterio.open(frame / "vel.geo.tif") as raster:
            velocity = raster.read(1)
            assert raster.shape == layers["surface"].shape
        known = np.isfinite(layers["surface"])
        np.testing.assert_allclose(layers["vel.calibrated"][known], (velocity - layers["surface"])[known], atol=1e-4)
        assert np.all(layers["surface_sigma"][known] > 0)


@pytest.mark.real
def test_statistics_of_both_bursts_reach_the_published_shares():
    least = {
        "mean_velocity_std": 100.0, "seasonality_std": 99.8, "acceleration_std": 98.9, "rmse": 98.4, "seasonality": 98.3,
        "acceleration": 91.5,
    }  # fmt: skip
    done = fiducial("motion", "stats", *bursts(), "--no-own-velocity", "--json")
    for report in json.loads(done.out):
        for name, share in least.items():
            field = report["fields"][name]
            assert field["identical_percent"] >= share, (report["name"], name)
            assert field["largest_difference_printed_units"] <= 1.0 + 1e-6

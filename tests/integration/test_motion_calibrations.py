"""Versions of a calibration: recalibration touches coefficients only, old ones stay, and `diff` says what changed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from commands import fiducial
from egms_factory import ASCENDING, DESCENDING, level2
from fiducial.formats import calibration_file
from fiducial.formats.point_product import PointProduct
from fiducial.runs.sources import open_source

POINTS, EPOCHS = 40, 30
HEADER = (
    "station,longitude_deg,latitude_deg,ve_mm_per_yr,vn_mm_per_yr,vu_mm_per_yr,se_mm_per_yr,sn_mm_per_yr,su_mm_per_yr"
)


def table(folder, name="stations.csv", *, up=-1.5, centre="AAAA", odd_east=0.0):
    """Eight stations around the points and one among them, whose name is given."""
    rng = np.random.default_rng(4)
    rows = [
        f"S{k},{13.1 + 0.05 * (k % 3):.4f},{38.6 + 0.06 * (k // 3):.4f},{rng.normal(-0.7, 0.05) + (k == 2) * odd_east:.3f},"
        f"{rng.normal(1.9, 0.05):.3f},{rng.normal(up, 0.05):.3f},0.1,0.1,0.3"
        for k in range(8)
    ]
    rows.append(f"{centre},13.1750,38.6950,-0.7,1.9,{up},0.1,0.1,0.3")
    path = folder / name
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


@pytest.fixture
def product(tmp_path):
    burst = level2("L2a", points=POINTS, epochs=EPOCHS, track=117, burst=227, angles_deg=ASCENDING)
    fiducial("motion", "import", burst.write_zip(tmp_path), "--out", tmp_path / "products")
    return tmp_path / "products" / burst.stem


def calibrate(product, gnss, *, frame="ETRF2000", recipe="egms", out=None):
    done = fiducial("motion", "calibrate", product, "--gnss", gnss, "--gnss-frame", frame, "--recipe", recipe,
                    "--out", out or product.parent, "--json")  # fmt: skip
    assert done.code == 0, done.err
    return done.json["version"]


def state(product):
    """Content and time of every file that holds points or series."""
    files = [path for path in product.rglob("*") if path.is_file() and "calibration.zarr" not in path.parts]
    return {
        str(path.relative_to(product)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def refused(done, code):
    assert done.code == 2, (done.out, done.err)
    assert done.err.startswith(f"{code}: "), done.err
    assert "fix:" in done.err


def test_recalibration_rewrites_coefficients_only_and_old_versions_stay_reproducible(product, tmp_path):
    first_table, second_table = table(tmp_path), table(tmp_path, "new.csv", up=0.5, centre="BBBB")
    old = calibrate(product, first_table)
    untouched = state(product)
    assert any("series.zarr" in name for name in untouched)
    assert "points.parquet" in untouched
    kept = calibration_file.read(product, old)
    series = open_source(product, tmp_path, calibration=old).block(0).displacement_mm
    new = calibrate(product, second_table)
    assert new != old
    assert state(product) == untouched
    assert calibration_file.versions(product) == [old, new]
    again = calibration_file.read(product, old)
    assert np.array_equal(again.surface.coefficients, kept.surface.coefficients)
    assert np.array_equal(again.surface.covariance, kept.surface.covariance)
    assert again.document == kept.document
    np.testing.assert_array_equal(open_source(product, tmp_path, calibration=old).block(0).displacement_mm, series)
    newest = open_source(product, tmp_path).block(0).displacement_mm
    # Up of all stations rose by 2 mm/yr: after 0.48 years the series ends 2 * 0.48 * l_u higher.
    lift = np.median(newest[-1] - series[-1])
    assert lift == pytest.approx(2.0 * (EPOCHS - 1) * 6 / 365 * np.cos(np.radians(ASCENDING[0])), abs=0.05)
    # The same inputs give the same version and the same numbers.
    assert calibrate(product, first_table) == old
    once_more = calibration_file.read(product, old)
    assert np.array_equal(once_more.surface.coefficients, kept.surface.coefficients)
    assert once_more.document == kept.document
    assert state(product) == untouched
    PointProduct.open(product).verify()


def test_versions_are_listed(product, tmp_path):
    first = calibrate(product, table(tmp_path))
    second = calibrate(product, table(tmp_path, "new.csv", up=0.5), recipe="window")
    rows = fiducial("motion", "versions", product, "--json").json
    assert [row["version"] for row in rows] == [first, second]
    assert [row["recipe"] for row in rows] == ["egms", "window-30"]
    assert rows[0]["frame"] == "ETRF2000"
    assert rows[1]["gnss_source"].endswith("new.csv")
    assert rows[0]["gnss_sha256"] != rows[1]["gnss_sha256"]
    assert rows[0]["written"] <= rows[1]["written"]
    done = fiducial("motion", "versions", product)
    assert done.code == 0, done.err
    assert first in done.out
    assert second in done.out
    refused(fiducial("motion", "versions", product, product), "FID-1031")
    assert fiducial("motion", "versions", tmp_path).code == 3


def test_diff_measures_the_change_and_names_stations_and_inputs(product, tmp_path):
    old = calibrate(product, table(tmp_path))
    new = calibrate(product, table(tmp_path, "new.csv", up=0.5, centre="BBBB", odd_east=9.0))
    picture = tmp_path / "change.png"
    done = fiducial("motion", "diff", product, old, new, "--json", "--plot", picture)
    assert done.code == 0, done.err
    found = done.json
    assert found["versions"] == [old, new]
    surface = found["surface"]
    # S = v - l.v_GNSS: Up higher by 2 mm/yr lowers S by 2 cos(incidence).
    expected = -2.0 * np.cos(np.radians(ASCENDING[0]))
    assert surface["points"] == POINTS
    assert surface["mean_mm_per_yr"] == pytest.approx(expected, abs=0.1)
    assert surface["rms_mm_per_yr"] == pytest.approx(-expected, abs=0.1)
    assert surface["lowest_mm_per_yr"] <= surface["mean_mm_per_yr"] <= surface["highest_mm_per_yr"]
    sigma = np.hypot(surface["sigma_first_rms_mm_per_yr"], surface["sigma_second_rms_mm_per_yr"])
    assert surface["normalised_rms"] == pytest.approx(surface["rms_mm_per_yr"] / sigma, rel=0.1)
    assert found["stations"]["added"] == ["BBBB"]
    assert found["stations"]["dropped"] == ["AAAA"]
    assert "S2" in found["stations"]["newly_rejected"]
    assert found["stated"]["recipe"] == {"first": "egms", "second": "egms", "same": True}
    assert found["stated"]["gnss_sha256"]["same"] is False
    assert any("share its InSAR" in note for note in found["notes"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    back = fiducial("motion", "diff", product, new, old, "--json").json["surface"]
    assert back["mean_mm_per_yr"] == -surface["mean_mm_per_yr"]
    # Without names: the newest against the one before.
    assert fiducial("motion", "diff", product, "--json").json == found
    assert fiducial("motion", "diff", product, old, "--json").json == found


def test_diff_speaks_to_people(product, tmp_path):
    old = calibrate(product, table(tmp_path))
    new = calibrate(product, table(tmp_path, "new.csv", centre="BBBB"), recipe="gauss")
    done = fiducial("motion", "diff", product, old, new)
    assert done.code == 0, done.err
    for word in (f"S of {new} minus S of {old}", "normalised RMS", "BBBB", "gauss-60", "changed", "by the opposite"):
        assert word in done.out, word


def test_diff_of_two_products_of_the_same_points(product, tmp_path):
    calibrate(product, table(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    calibrate(product, table(tmp_path, "new.csv", up=0.5), out=elsewhere)
    found = fiducial("motion", "diff", product, elsewhere / product.name, "--json")
    assert found.code == 0, found.err
    assert found.json["surface"]["mean_mm_per_yr"] == pytest.approx(-2.0 * np.cos(np.radians(ASCENDING[0])), abs=0.1)
    other = level2("L2a", points=POINTS, epochs=EPOCHS, angles_deg=DESCENDING)
    fiducial("motion", "import", other.write_zip(tmp_path), "--out", tmp_path / "products")
    calibrate(tmp_path / "products" / other.stem, table(tmp_path))
    refused(fiducial("motion", "diff", product, tmp_path / "products" / other.stem), "FID-1110")


def test_diff_refuses_what_cannot_be_compared(product, tmp_path):
    done = fiducial("motion", "diff", product)
    refused(done, "FID-1033")
    version = calibrate(product, table(tmp_path))
    refused(fiducial("motion", "diff", product), "FID-1111")
    refused(fiducial("motion", "diff", product, version, version), "FID-1111")
    refused(fiducial("motion", "diff", product, version, "nobody"), "FID-1030")


def test_diff_of_a_delivered_product_has_nothing_to_compare(tmp_path):
    burst = level2("L2b", points=POINTS, epochs=EPOCHS)
    fiducial("motion", "import", burst.write_zip(tmp_path), "--out", tmp_path / "products")
    refused(fiducial("motion", "diff", tmp_path / "products" / burst.stem), "FID-1111")


def test_diff_never_subtracts_two_frames_blindly(product, tmp_path):
    old = calibrate(product, table(tmp_path))
    new = calibrate(product, table(tmp_path), frame="ETRF2014")
    refused(fiducial("motion", "diff", product, old, new), "FID-1100")
    done = fiducial("motion", "diff", product, old, new, "--convert", "--json")
    assert done.code == 0, done.err
    assert done.json["frame"] == "ETRF2000"
    assert any("was converted from ETRF2014 to ETRF2000" in note for note in done.json["notes"])
    # The same numbers called ETRF2014 differ by the velocity of that frame in ETRF2000: tenths of a mm/yr.
    assert 0.05 < done.json["surface"]["rms_mm_per_yr"] < 1.0
    assert calibration_file.versions(product) == [old, new]


@pytest.mark.parametrize("command", ["versions", "diff"])
def test_help_has_an_example(command):
    done = fiducial("motion", command, "--help")
    assert done.code == 0
    assert "Example: fiducial motion" in done.out.replace("\n", " ")

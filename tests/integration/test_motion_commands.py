"""The commands of the motion room on small files: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from commands import fiducial
from egms_factory import ASCENDING, DESCENDING, level2, level3
from fiducial.formats import calibration_file
from fiducial.formats.point_product import PointProduct

POINTS, EPOCHS = 40, 30
GNSS_HEADER = (
    "station,longitude_deg,latitude_deg,ve_mm_per_yr,vn_mm_per_yr,vu_mm_per_yr,se_mm_per_yr,sn_mm_per_yr,su_mm_per_yr"
)


@pytest.fixture
def pair(tmp_path):
    """Ascending and descending bursts of the same points."""
    ascending = level2("L2b", points=POINTS, epochs=EPOCHS, track=117, burst=227, angles_deg=ASCENDING)
    descending = level2("L2b", points=POINTS, epochs=EPOCHS, angles_deg=DESCENDING)
    return [ascending.write_zip(tmp_path), descending.write_zip(tmp_path)]


def gnss_table(folder, stations=6, up=-1.5):
    rng = np.random.default_rng(4)
    rows = [
        f"S{k},{13.1 + 0.05 * (k % 3):.4f},{38.6 + 0.06 * (k // 3):.4f},{rng.normal(-0.7, 0.1):.3f},"
        f"{rng.normal(1.9, 0.1):.3f},{rng.normal(up, 0.1):.3f},0.1,0.1,0.3"
        for k in range(stations)
    ]
    path = folder / "stations.csv"
    path.write_text("\n".join([GNSS_HEADER, *rows]) + "\n")
    return path


def assert_refused(done, code, exit_code, word=""):
    assert done.code == exit_code, done.err
    assert done.err.startswith(f"{code}: ")
    assert "fix:" in done.err
    assert word in done.err


def test_version_and_help():
    assert fiducial("--version").out == "fiducial 0.1.0\n"
    assert "motion" in fiducial("--help").out


@pytest.mark.parametrize("command", ["import", "calibrate", "ortho", "audit", "stats", "export", "plot"])
def test_every_command_has_help_with_an_example(command):
    done = fiducial("motion", command, "--help")
    assert done.code == 0
    assert "Example: fiducial motion" in done.out.replace("\n", " ")


def test_doctor_names_every_library():
    checks = {row["check"]: row["state"] for row in fiducial("doctor", "--json").json}
    assert checks["numpy"] == checks["zarr"] == "ok"


def test_import_prints_what_it_made_and_does_not_repeat_it(pair, tmp_path):
    first = fiducial("motion", "import", *pair, "--out", tmp_path / "products", "--json")
    assert [row["points"] for row in first.json] == [POINTS, POINTS]
    assert first.json[0]["frame"] == "ETRF2000"
    assert first.json[0]["unstated"] == ["land_cover", "snow"]
    stamp = (tmp_path / "products" / pair[0].stem / "product.json").stat().st_mtime_ns
    assert fiducial("motion", "import", *pair, "--out", tmp_path / "products", "--json").json == first.json
    assert (tmp_path / "products" / pair[0].stem / "product.json").stat().st_mtime_ns == stamp


def test_sources_are_refused_with_code_and_exit_code(pair, tmp_path):
    assert_refused(fiducial("motion", "import", tmp_path / "none.zip", "--out", tmp_path / "x"), "FID-1001", 2)
    assert_refused(fiducial("motion", "import", pair[0], pair[0], "--out", tmp_path / "x"), "FID-1031", 2)
    (tmp_path / "empty").mkdir()
    assert_refused(fiducial("motion", "ortho", tmp_path / "empty", "--out", tmp_path / "x"), "FID-1001", 2)
    assert_refused(fiducial("motion", "import", tmp_path / "empty", "--out", tmp_path / "x"), "FID-1001", 2, "folder")
    pair[0].write_bytes(pair[0].read_bytes()[:-200])
    assert_refused(fiducial("motion", "import", pair[0], "--out", tmp_path / "x"), "FID-2001", 3)
    assert not list((tmp_path / "x").glob("*"))


def test_ortho_of_both_modes(pair, tmp_path):
    table = gnss_table(tmp_path)
    gnss = ["--gnss", table, "--gnss-frame", "ETRF2000"]
    official = fiducial("motion", "ortho", *pair, "--out", tmp_path / "a", *gnss, "--json")
    assert official.code == 0, official.err
    names = {path.name for path in (tmp_path / "a").iterdir()}
    stem = "EGMS_L3_E45N17_100km_{}_2020_2024_1{}"
    assert names == {stem.format(c, suffix) for c in "EU" for suffix in ("", ".zip", ".tiff")}
    best = fiducial("motion", "ortho", *pair, "--out", tmp_path / "b", *gnss, "--mode", "best", "--north-in-input", "yes",
                    "--json").json  # fmt: skip
    assert set(best["tiles"][0]["best_minus_official"]) == {"east", "up"}
    columns = PointProduct.open(tmp_path / "b" / stem.format("U", "")).attributes()
    assert np.all(columns["points_ascending"] >= 1)
    assert np.all(columns["consistent_velocity_sigma"] > 0)
    assert columns["gnss_velocity_n"] == pytest.approx(1.9, abs=0.35)
    shown = fiducial(
        "motion", "ortho", *pair, "--out", tmp_path / "c", *gnss, "--mode", "best", "--north-in-input", "no"
    )
    assert "best minus official" in shown.out


def test_ortho_refuses_what_it_cannot_know(pair, tmp_path):
    out, table = tmp_path / "o", gnss_table(tmp_path)
    best = ["--out", out, "--mode", "best"]
    assert_refused(fiducial("motion", "ortho", *pair, *best), "FID-1003", 2, "--north-in-input")
    assert_refused(fiducial("motion", "ortho", *pair, *best, "--north-in-input", "yes"), "FID-1003", 2, "--gnss")
    assert_refused(fiducial("motion", "ortho", *pair, "--out", out, "--gnss", table), "FID-1004", 2, "--gnss-frame")
    other = ["--out", out, "--gnss", table, "--gnss-frame", "ETRF2014"]
    assert_refused(fiducial("motion", "ortho", *pair, *other), "FID-1034", 2, "ETRF2000")
    assert_refused(fiducial("motion", "ortho", pair[0], "--out", out), "FID-1006", 2)
    assert not list(out.glob("*.zip"))


def test_ortho_refuses_sources_that_do_not_fit(pair, tmp_path):
    out = tmp_path / "o"
    relative = level2("L2a", points=POINTS, epochs=EPOCHS, angles_deg=DESCENDING).write_zip(tmp_path)
    assert_refused(fiducial("motion", "ortho", pair[0], relative, "--out", out), "FID-1033", 2)
    tile = level3("U", epochs=EPOCHS).write_zip(tmp_path)
    assert_refused(fiducial("motion", "ortho", pair[0], tile, "--out", out), "FID-1007", 2)
    assert_refused(
        fiducial("motion", "calibrate", tile, "--gnss", gnss_table(tmp_path), "--gnss-frame", "ETRF2000", "--out", out),
        "FID-1032", 2,
    )  # fmt: skip
    older = level2("L2b", points=POINTS, epochs=EPOCHS, angles_deg=DESCENDING)
    older.stem = older.stem.replace("2020_2024", "2019_2023")
    assert_refused(fiducial("motion", "ortho", pair[0], older.write_zip(tmp_path), "--out", out), "FID-1035", 2)


def test_calibrate_makes_a_relative_burst_absolute_and_ortho_takes_it(tmp_path):
    out, table = tmp_path / "calibrated", gnss_table(tmp_path)
    sources = [
        level2("L2a", points=POINTS, epochs=EPOCHS, track=track, burst=burst, angles_deg=angles).write_zip(tmp_path)
        for track, burst, angles in ((117, 227, ASCENDING), (22, 845, DESCENDING))
    ]
    done = fiducial(
        "motion", "calibrate", *sources, "--gnss", table, "--gnss-frame", "etrf2000", "--out", out, "--json"
    )
    assert done.code == 0, done.err
    result = done.json
    assert result["calibration"]["frame"] == "ETRF2000"
    # The console says where the products are, the file beside them only what they are called.
    named = result | {"products": [Path(one).name for one in result["products"]]}
    assert named == json.loads((out / "calibration.json").read_text())
    product = out / sources[0].stem
    stored = calibration_file.read(product)
    assert stored.version == result["version"]
    assert stored.document["recipe"] == "joint"
    assert stored.document["reference_epoch"] == "2020-01-03"
    again = fiducial("motion", "ortho", *(out / source.stem for source in sources), "--out", tmp_path / "ortho")
    assert again.code == 0, again.err
    assert "frame ETRF2000" in again.out
    with pytest.raises(ValueError, match="FID-1030"):
        calibration_file.read(product, "unknown")


def test_calibrate_leaves_a_given_product_as_it_was(pair, tmp_path):
    fiducial("motion", "import", pair[0], "--out", tmp_path / "in")
    source = tmp_path / "in" / pair[0].stem
    before = sorted(path.relative_to(source) for path in source.rglob("*"))
    arguments = ["--gnss", gnss_table(tmp_path), "--gnss-frame", "ETRF2000", "--out", tmp_path / "out"]
    assert fiducial("motion", "calibrate", source, *arguments).code == 0
    assert sorted(path.relative_to(source) for path in source.rglob("*")) == before
    assert calibration_file.versions(tmp_path / "out" / pair[0].stem)
    PointProduct.open(tmp_path / "out" / pair[0].stem).verify()


def test_calibrate_refuses_missing_gnss(pair, tmp_path):
    out = ["--out", tmp_path / "o"]
    assert_refused(fiducial("motion", "calibrate", pair[0], *out, "--gnss-frame", "ETRF2000"), "FID-1005", 2)
    assert_refused(fiducial("motion", "calibrate", pair[0], *out, "--gnss", gnss_table(tmp_path)), "FID-1004", 2)
    two = gnss_table(tmp_path, stations=2)
    gnss = ["--gnss", two, "--gnss-frame", "ETRF2000"]
    assert_refused(fiducial("motion", "calibrate", pair[0], *out, *gnss), "FID-1005", 2)
    gnss = ["--gnss", gnss_table(tmp_path), "--gnss-frame", "ETRF1066"]
    assert_refused(fiducial("motion", "calibrate", pair[0], *out, *gnss), "FID-1004", 2)
    gnss = ["--gnss", gnss_table(tmp_path), "--gnss-frame", "ETRF2000", "--recipe", "magic"]
    assert_refused(fiducial("motion", "calibrate", pair[0], *out, *gnss), "FID-1060", 2, "egms")


def test_stats_writes_a_table_and_compares_with_the_printed_fields(pair, tmp_path):
    done = fiducial("motion", "stats", pair[0], "--out", tmp_path / "s.parquet", "--json")
    assert done.code == 0, done.err
    assert done.json[0]["fields"]["rmse"]["compared"] == POINTS
    table = pq.read_table(tmp_path / "s.parquet")
    assert table.num_rows == POINTS
    assert "consistent_velocity_sigma" in table.column_names
    assert_refused(fiducial("motion", "stats", pair[0], "--out", tmp_path / "s.parquet"), "FID-1002", 2)
    assert_refused(fiducial("motion", "stats", pair[0], "--out", tmp_path / "s.xlsx"), "FID-1022", 2)
    assert fiducial("motion", "stats", pair[0], "--out", tmp_path / "s.csv").code == 0
    assert (tmp_path / "s.csv").read_text().startswith('"pid"')


def test_damaged_calibration_is_an_error(pair, tmp_path):
    arguments = ["--gnss", gnss_table(tmp_path), "--gnss-frame", "ETRF2000", "--out", tmp_path / "out"]
    fiducial("motion", "calibrate", pair[0], *arguments)
    product = tmp_path / "out" / pair[0].stem
    (product / "calibration.zarr" / calibration_file.versions(product)[0] / "zarr.json").write_text("{}")
    with pytest.raises(ValueError, match="FID-2102"):
        calibration_file.read(product)

"""The demonstration: the chain recovers a known world, says so with computed verdicts, and keeps out of foreign folders."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from fiducial.errors import RunError
from fiducial.formats import egms
from fiducial.formats.egms_columns import LEVEL2_COLUMNS
from fiducial.formats.point_product import PointProduct
from fiducial.runs import demo, demo_real
from fiducial.runs.demo_folder import MARKER, prepare
from fiducial.runs.demo_verdicts import CHI_LIMITS, chi_verdict
from fiducial.runs.simulation import WorldSize
from support import data_path

SMALL = WorldSize(points_per_burst=1_500, epochs=120, stations=60)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return demo.run_demo(tmp_path_factory.mktemp("demo") / "out", seed=1, size=SMALL)


def test_calibration_recovers_the_truth(result):
    bursts = result.calibrations["egms"]
    assert [one.direction for one in bursts] == ["ascending", "ascending", "descending", "descending"]
    for one in bursts:
        error = one.after - one.truth
        assert np.sqrt(np.mean(error**2)) < 0.7 < np.sqrt(np.mean((one.before - one.truth) ** 2))
        # Calibrating subtracts the surface from the series and nothing else: 0.02 mm/yr is the rounding of float32.
        np.testing.assert_allclose(one.before - one.after, one.surface, atol=0.02)
        assert abs(np.mean(error)) < 2 * np.sqrt(np.mean(one.surface_sigma**2))
        assert one.chi < CHI_LIMITS[1]
        assert one.out_of_reach_mm_per_yr <= np.sqrt(np.mean(one.surface_error**2)) + 1e-9


def test_bowl_survives_the_calibration(result):
    seen = [one for one in result.calibrations["egms"] if one.in_bowl.any()]
    assert len(seen) >= 2
    for one in seen:
        assert one.truth[one.in_bowl].mean() == pytest.approx(-9.2, abs=0.6)
        assert one.after[one.in_bowl].mean() == pytest.approx(one.truth[one.in_bowl].mean(), abs=0.8)
        assert np.abs(one.leakage).max() < 0.5


def test_ortho_modes_differ_by_north(result):
    official, best = result.orthos
    assert (official.mode, best.mode) == ("official", "best")
    assert official.sigma("U") is None
    assert np.isnan(official.chi("U"))
    for part in "EU":
        assert np.sqrt(np.mean(best.error(part) ** 2)) < 0.7
        assert best.chi(part) < CHI_LIMITS[1]
    leak = np.mean(best.cells.extra["U"]["north_sensitivity"] * official.north_truth)
    assert leak == pytest.approx(-0.28, abs=0.05)
    shift = np.mean(official.error("U")) - np.mean(best.error("U"))
    assert shift == pytest.approx(leak, abs=0.1)


def test_report_stands_alone_and_json_agrees(result):
    text = result.report.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert "http" not in re.sub(r"http-equiv|data:image[^\"]*", "", text)
    stored = json.loads((result.out / "demo.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(result.to_dict()))
    labels = {one["label"]: one["verdict"] for one in stored["figures"]}
    assert labels["sliding station recognised"] == "pass"
    assert labels["calibrated velocity minus truth, RMS"] == "pass"
    assert all(label in text for label in labels)
    lines = result.lines()
    assert len(lines) == len(labels) + 1
    assert lines[-1] == f"report: {result.report}"


def test_files_are_egms_and_name_no_scene(result):
    archives = sorted((result.out / "egms").glob("*.zip"))
    assert [path.stem[9:17] for path in archives] == ["022_0821", "022_0822", "117_0251", "117_0252"]
    for path in archives:
        file = egms.recognise(path)
        assert file.level == "L2a"
        assert file.header.spelled == tuple(name for name in LEVEL2_COLUMNS if name != "gnss_velocity")
        assert file.metadata.scenes == ()
        assert file.metadata.dem_version == "simulated terrain, seed 1"
        assert file.metadata.production_facility is None
    products = [PointProduct.open(path) for path in (result.out / "products").iterdir()]
    assert {product.manifest.tie.frame for product in products} == {None}
    assert {product.manifest.series_dtype for product in products} == {"int16"}
    requirements = {one.name: one.state for one in products[0].manifest.requirements}
    assert requirements == {"gnss": "unstated", "dem": "stated", "land_cover": "unstated", "snow": "unstated"}


def test_a_recipe_without_stations_is_told(tmp_path):
    world = demo.simulate_world(1, WorldSize(400, 30, 12))
    archives, table = demo.write_world(world, tmp_path / "egms")
    products = [demo.import_egms(path, tmp_path / "products") for path in archives]
    calibrated, compared, failed = demo._calibrate_all(world, products, table, tmp_path)
    assert set(calibrated) == set(compared) == {"egms", "joint"}
    assert "a plane needs 4" in failed["plane"]


def test_only_own_output_is_replaced(tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="FID-5021"):
        demo.run_demo(foreign)
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(RunError, match="FID-5021"):
        prepare(file, ["egms"])
    own = tmp_path / "own"
    prepare(own, ["egms", "demo.json"])
    (own / "egms").mkdir()
    (own / "egms" / "old.zip").write_text("old")
    (own / "demo.json").write_text("{}")
    (own / "note.txt").write_text("mine")
    prepare(own, ["egms", "demo.json"])
    assert {path.name for path in own.iterdir()} == {MARKER, "note.txt"}


@pytest.mark.parametrize(("chi", "verdict"), [(0.2, "note"), (1.0, "pass"), (2.5, "fail"), (np.nan, "")])
def test_verdict_on_a_sigma(chi, verdict):
    assert chi_verdict(chi)[0] == verdict


def test_absent_real_data(tmp_path, monkeypatch):
    monkeypatch.setenv("FIDUCIAL_DATA", str(tmp_path))
    with pytest.raises(RunError, match="FID-5020") as caught:
        demo_real.run_demo_real(tmp_path / "out", None)
    assert "FIDUCIAL_DATA" in caught.value.fix
    assert not (tmp_path / "out").exists()
    for part in ("egms/ustica-west", "anatolia"):
        (tmp_path / part).mkdir(parents=True)
    for part in ("egms/EGMS_AEPND_V2022.0_subset.csv", "anatolia/gnss_velocities_eurasia_fixed.vel"):
        (tmp_path / part).write_text("")
    with pytest.raises(RunError, match="FID-5020"):
        demo_real.run_demo_real(tmp_path / "out", tmp_path)


@pytest.mark.real
@pytest.mark.slow
def test_real_demonstration(tmp_path, monkeypatch):
    data = data_path("egms", "ustica-west").parents[1]
    files = demo_real._files(data)
    monkeypatch.setattr(demo_real, "RECIPES", ("plane",))
    monkeypatch.setattr(demo_real, "_files", lambda _: demo_real._Data(
        files.line_of_sight, files.official, files.model, files.frames[:1], files.stations))  # fmt: skip
    report = demo_real.run_demo_real(tmp_path / "out", data)
    text = report.read_text(encoding="utf-8")
    assert text.count('<div class="tile pass">') >= 4
    assert "Copernicus Land Monitoring Service" in text
    assert (tmp_path / "out" / "ustica_east_up.png").stat().st_size < 400_000
    for part, identical in (("E", 96.9), ("U", 97.5)):
        name = f"EGMS_L3_E45N17_100km_{part}_2020_2024_1"
        found = demo_real.compare_with_official(
            tmp_path / "out" / "ustica" / "official" / name, tmp_path / "out" / "ustica" / "published" / name
        )
        assert found.cells == found.published_cells == found.common == 271
        assert found.same_dates
        assert found.rms_mm <= 0.031
        assert found.largest_mm == pytest.approx(0.1)
        assert found.identical_percent >= identical
        assert found.velocity_identical_percent >= 99.5

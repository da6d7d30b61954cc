"""The demonstration: the chain recovers a known world, says so with computed verdicts, goes on where it was, and keeps out of
foreign folders."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from commands import fiducial
from fiducial.errors import InputError, RunError
from fiducial.reports.html import format_cell
from fiducial.runs import demo, demo_real
from fiducial.runs.demo_folder import MARKER, prepare
from fiducial.runs.demo_motion_truth import line_through_step
from fiducial.runs.demo_scores import pull_verdict, score
from fiducial.runs.recipes.running import check_recipe
from fiducial.runs.world_options import WorldOptions
from fiducial.runs.world_truth import load_truth
from support import data_path

SMALL = WorldOptions(
    points=2_000, epochs=60, stations=20, centres=5, days=3, day_interval=365, satellites=8, series_years=3
)
"""The velocity model needs 30 stations: 20 of the region, and a third of the 36 others."""
PULL_LIMITS = (0.2, 2.5)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return demo.run_demo(tmp_path_factory.mktemp("demo") / "out", seed=1, size=SMALL)


def _cells(row):
    return [
        html.unescape(re.sub("<[^>]*>", "", cell)).strip()
        for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
    ]


def _number(text):
    return float(re.sub(r"\s", "", text).replace("\N{MINUS SIGN}", "-"))


def test_every_row_of_the_report_has_an_error_a_sigma_and_a_pull_within_limits(result):
    text = result.report.read_text(encoding="utf-8")
    table = next(
        part for part in re.findall(r"<table.*?</table>", text, re.DOTALL) if "sigma, RMS" in part and "pull" in part
    )
    rows = [_cells(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)][1:]
    stored = json.loads((result.out / "demo.json").read_text(encoding="utf-8"))["products"]
    assert len(rows) == len(stored)
    for row, one in zip(rows, stored, strict=True):
        error, sigma, pull = (_number(row[k]) for k in (4, 5, 7))
        assert (row[0], row[8]) == (one["product"], one["verdict"])
        assert row[3:6] == [
            format_cell(one["count"], 2),
            format_cell(one["error_rms"], 2),
            format_cell(one["sigma_rms"], 2),
        ]
        assert one["count"] >= 4
        assert error > 0.0
        assert sigma > 0.0
        assert PULL_LIMITS[0] < pull < PULL_LIMITS[1], row
        assert pull == pytest.approx(one["pull"], abs=0.006)
    assert {one["product"] for one in stored} == {
        "combined orbits", "combined clocks", "combined stations", "Earth rotation", "stacked frame", "frame velocities",
        "series velocities", "velocity model", "tie of a burst", "calibrated burst", "Ortho East", "Ortho Up",
    }  # fmt: skip


def test_report_stands_alone_and_its_figures_agree(result):
    text = result.report.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert "http" not in re.sub(r"http-equiv|data:image[^\"]*", "", text)
    assert text.count("<figure") >= 12
    figures = {one["label"]: one for one in result.document["figures"]}
    assert figures["wrong orbit of centre S02 recognised"]["verdict"] == "pass"
    assert figures["combined orbits minus truth, RMS"]["verdict"] == "pass"
    before = float(figures["calibrated velocity minus truth, RMS"]["detail"].split()[1].rstrip(";"))
    assert figures["calibrated velocity minus truth, RMS"]["value"] < 0.6 * before
    assert all(label in text for label in figures)
    lines = result.lines()
    assert [line.split()[0] for line in lines[: len(figures)]] == [one["verdict"] or "-" for one in figures.values()]
    assert f"report: {result.report}" in lines


def test_the_recipe_stands_by_itself(result):
    found = check_recipe(result.out / "chain.yaml")
    assert found["kind"] == "chain"
    assert {one["step"] for one in found["tasks"]} == {
        "orbit-combination", "frame-combination", "frame-stack", "frame-velocities", "import", "station-places",
        "observation", "adjustment", "calibration", "ortho",
    }  # fmt: skip
    dry = fiducial("run", result.out / "chain.yaml", "--catalogue", result.out / demo.CATALOGUE, "--dry-run", "--json")
    assert (dry.json["kept"], dry.json["would_run"]) == (len(found["tasks"]), 0)


def test_trace_reaches_every_solution_of_the_centres_and_a_lost_one_is_named(result):
    command = next(line for line in result.lines() if "catalogue trace" in line).split()[1:]
    traced = fiducial(*command, "--json")
    assert traced.code == 0, traced.err
    files = {path: one["sha256"] for one in traced.json["nodes"] for path in one.get("paths", ())}
    solutions = sorted((result.out / "world" / "sinex").rglob("*.SNX.gz"))
    bursts = sorted((result.out / "world" / "insar").glob("*.zip"))
    assert len(solutions) == SMALL.centres * SMALL.days
    for path in (*solutions, *bursts):
        assert files[str(path)] == result.document["inputs"][path.relative_to(result.out / "world").as_posix()]
    assert fiducial("catalogue", "verify", "--catalogue", result.out / demo.CATALOGUE).code == 0
    away = solutions[0].rename(result.out / "away")
    try:
        found = fiducial("catalogue", "verify", "--catalogue", result.out / demo.CATALOGUE)
    finally:
        away.rename(solutions[0])
    assert found.code == 5
    assert f"missing: {solutions[0]}" in found.out
    stood = found.out[found.out.index("stood") :]
    for name in (
        result.ortho.name,
        "-frame product",
        "-stations product",
        "frame-velocities product",
        "calibration.json",
    ):
        assert name in stood


def test_combined_orbits_stand_on_the_stations_of_the_same_run(result):
    catalogue = result.out / demo.CATALOGUE
    for orbit in (result.out / "products" / "orbits").rglob("*_ORB.SP3"):
        day = orbit.parent.name
        traced = fiducial("catalogue", "trace", orbit, "--catalogue", catalogue, "--json")
        paths = {path for one in traced.json["nodes"] for path in one.get("paths", ())}
        solutions = sorted((result.out / "world" / "sinex" / day).glob("*.SNX.gz"))
        assert len(solutions) == SMALL.centres
        assert {str(path) for path in solutions} <= paths
        assert not any(str(path) in paths for path in (result.out / "world" / "orbits" / day).glob("*_SUM.YML"))


def test_a_second_run_makes_nothing(result):
    before = result.report.stat().st_mtime_ns
    again = demo.run_demo(result.out, seed=1, size=SMALL)
    assert (again.ran, result.ran > 10) == (0, True)
    assert again.document == result.document
    assert result.report.stat().st_mtime_ns == before


def test_a_world_of_other_options_is_replaced_and_a_bad_seed_changes_nothing(tmp_path, monkeypatch):
    def stop(options, folder):
        assert (options.points, folder.exists()) == (100, False)
        raise KeyboardInterrupt

    out = tmp_path / "out"
    prepare(out, [])
    (out / "world").mkdir()
    (out / "world" / "truth.json").write_text("{}")
    (out / "report.html").write_text("old")
    with pytest.raises(InputError, match="FID-1430"):
        demo.run_demo(out, seed=-1)
    assert (out / "report.html").read_text() == "old"
    monkeypatch.setattr(demo, "simulate_world", stop)
    with pytest.raises(KeyboardInterrupt):
        demo.run_demo(out, size=replace(SMALL, points=100))
    assert {path.name for path in out.iterdir()} == {MARKER}


def test_a_line_through_a_step_in_the_middle_of_a_series(result):
    truth = load_truth(result.out / "world")
    day = np.datetime64(truth.earthquake.date, "ns")
    epochs = day + np.arange(-730, 731) * np.timedelta64(1, "D")
    # A step of 1 in the middle of the length T changes the slope by 3 / (2 T); the season takes little of it.
    assert line_through_step(truth, epochs) == pytest.approx(1.5 / (1460 / 365), rel=0.1)


def test_scores_leave_out_what_is_not_known():
    found = score("a", "b", "c", "mm", [[1.0, np.nan], [2.0, -3.0]], [[1.0, 1.0], [0.0, 1.5]])
    assert found.error.tolist() == [1.0, -3.0]
    assert found.pull == pytest.approx(np.sqrt(2.5))
    assert found.to_dict()["bias"] == -1.0


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


@pytest.mark.parametrize(("pull", "verdict"), [(0.2, "note"), (1.0, "pass"), (2.5, "fail"), (np.nan, "")])
def test_verdict_on_a_sigma(pull, verdict):
    assert pull_verdict(pull)[0] == verdict


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

"""``fiducial motion score`` on a small simulated region."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

import fiducial.runs.score as runs_score
from commands import fiducial
from fiducial.runs.egms_from_simulation import write_world
from fiducial.runs.simulation import WorldSize, simulate_world
from scored_world import copy_gnss, offsets

SIZE = WorldSize(points_per_burst=4000, epochs=12, stations=140)


@cache
def region():
    folder = Path(mkdtemp(prefix="fiducial-score-"))
    world = simulate_world(5, SIZE)
    archives, table = write_world(world, folder)
    return archives, table, folder


@pytest.fixture
def quick(monkeypatch):
    """Recipes that cost nothing: an offset a track, and a copy of GNSS. The real ones run in tests/real."""
    known = {"egms": offsets(), "copy": copy_gnss()}
    monkeypatch.setattr(runs_score, "recipe_of", known.__getitem__)
    monkeypatch.setattr(runs_score, "known_recipes", lambda: known)


def run(*options, frame="ETRF2000", table=None):
    archives, given, _ = region()
    gnss = ["--gnss", table or given, "--gnss-frame", frame]
    return fiducial("motion", "score", *archives, *gnss, "--workers", 1, *options)


def test_help_has_an_example():
    done = fiducial("motion", "score", "--help")
    assert done.code == 0
    assert "Example: fiducial motion score" in done.out.replace("\n", " ")


@pytest.mark.usefixtures("quick")
def test_a_score_goes_on_where_it_was_left_and_is_never_one_number(tmp_path):
    done = run("--recipe", "copy", "--work", tmp_path, "--json")
    assert done.code == 0, done.err
    result = done.json
    assert [row["recipe"] for row in result["recipes"]] == ["copy", "egms"]
    assert result["frame"] == "ETRF2000"
    assert result["hold_out"]["folds"] >= 2
    row, base = result["recipes"]
    assert {one["kind"] for one in row["overlaps"]} == {"bursts"}
    assert {one["direction"] for one in row["overlaps"]} == {"ascending", "descending"}
    assert row["hold_out"]["rms_mm_per_yr"] > 0
    assert [one["sigma_km"] for one in row["leakage"]] == [5, 10, 20, 40]
    assert row["leakage"][1]["mean"] > 0.95
    assert base["leakage"][1]["mean"] < 0.4
    outliers = {one["station"] for one in result["judges"] if one["contradicted_by_neighbours"]}
    world = simulate_world(5, SIZE)
    assert outliers <= {world.outlier_station}
    assert set(result["judges"][0]["residual_mm_per_yr"]) == {"copy", "egms"}

    kept = sorted((tmp_path / "scores").iterdir())
    assert len(kept) == 2
    stamps = [path.stat().st_mtime_ns for path in kept]
    kept[0].unlink()
    page = tmp_path / "score.html"
    text = run("--recipe", "copy", "--work", tmp_path, "--report", page)
    assert text.code == 0, text.err
    again = sorted((tmp_path / "scores").iterdir())
    assert [path.name for path in again] == [path.name for path in kept]
    assert again[1].stat().st_mtime_ns == stamps[1]
    for word in ("hold-out", "leakage", "GNSS only", "chi", "closure", "before"):
        assert word in text.out
    assert "copy against egms" in text.out
    assert "no merit" in text.out
    html = page.read_text()
    assert html.count("<img") == 5
    assert "http" not in html.replace("http-equiv", "")


@pytest.mark.usefixtures("quick")
def test_judges_of_your_own(tmp_path):
    names = json.loads(run("--recipe", "egms", "--json").out)["judges"]
    chosen = sorted({one["station"] for one in names})[:4]
    (tmp_path / "judges.txt").write_text("\n".join(chosen))
    result = run("--recipe", "egms", "--holdout", tmp_path / "judges.txt", "--json").json
    assert {one["station"] for one in result["judges"]} == set(chosen)
    assert result["hold_out"]["folds"] == 1
    assert any("4 stations named in judges.txt" in note for note in result["notes"])
    (tmp_path / "judges.txt").write_text("NOBODY\n")
    done = run("--recipe", "egms", "--holdout", tmp_path / "judges.txt")
    assert (done.code, done.err[:8]) == (2, "FID-1121")


def test_refusals(tmp_path):
    archives, table, _ = region()
    assert fiducial("motion", "score", *archives).err.startswith("FID-1005")
    assert fiducial("motion", "score", *archives, "--gnss", table).err.startswith("FID-1004")
    assert run("--recipe", "nonsense").err.startswith("FID-1060")
    comment, header, *lines = table.read_text().splitlines()
    up = [header.split(",").index(name) for name in ("vu_mm_yr", "su_mm_yr")]
    flat = [",".join("" if k in up else cell for k, cell in enumerate(line.split(","))) for line in lines]
    (tmp_path / "flat.csv").write_text("\n".join([comment, header, *flat]) + "\n")
    done = run("--recipe", "egms", table=tmp_path / "flat.csv")
    assert done.code == 2
    assert done.err.startswith("FID-1122")
    assert "FID-1062" in done.err
    assert "--up-prior-sigma" in done.err


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_processes_give_what_one_gives():
    archives, table, _ = region()
    command = ["motion", "score", *archives, "--gnss", table, "--gnss-frame", "ETRF2000", "--json"]
    one, two = (fiducial(*command, "--workers", workers).json for workers in (1, 2))
    assert one == two
    assert [row["recipe"] for row in one["recipes"]] == ["egms", "copy"]

"""The commands chain check, upstream, downstream, paths, single-points and cycles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import fiducial
from fiducial.chain.survival import Survival
from fiducial.runs import chain_structure
from fiducial.runs.chain_check import check_chain
from fiducial.runs.chain_survival import CircleSurvival


def chain(*words: str, code: int = 0) -> str:
    done = fiducial("chain", *words)
    assert done.code == code
    return done.out


def _json(*words: str) -> dict:
    return json.loads(chain(*words, "--json"))


def test_check() -> None:
    found = _json("check")
    by_id = {one["id"]: one for one in found["findings"]}
    assert by_id["orbits_share"]["computed"] == "12 of 14"
    assert by_id["orbits_share"]["verdict"] == "contradicts"
    assert by_id["cell_frames"]["computed"] == "1 of 4 products"
    assert sum(found["counts"].values()) == len(found["findings"])
    assert f"{len(found['findings'])} statements held against the model of V7.0" in chain("check")
    chain("check", "--strict", code=1)


def test_check_of_another_model(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        "statements:\n  - {id: mine, text: there are 99 variables, check: egv_count, value: '99', source: [S004]}\n",
        encoding="utf-8",
    )
    report = check_chain([overlay])
    mine = next(one for one in report.findings if one.statement.id == "mine")
    assert mine.verdict == "contradicts"
    assert report.contradicted


def test_upstream_and_downstream() -> None:
    found = _json("upstream", "SPTS")
    assert found["reached"][0] == {
        "id": "spts", "name": "Station position time series", "kind": "workflow node", "distance": 1,
    }  # fmt: skip
    assert "combination_software" in chain("downstream", "SPOCC")


def test_paths() -> None:
    found = _json("paths", "igs_rf_combination", "gso_gsc_final", "--limit", "1")
    assert found["left_out"] == 2
    assert found["note"] == "1 of 14 paths in 1 way, 2 more ways are left out."
    assert "Nothing leads from ESD to GSO." in chain("paths", "ESD", "GSO")


def test_single_points() -> None:
    found = _json("single-points")
    assert set(found["single_points"]) == {
        "acc_operator", "acc_cloud", "igs_rf_combination", "acc_combination", "eop_rapid",
    }  # fmt: skip
    assert found["pairs"] == [["spocc_software", "legacy_acc_software"]]
    assert found["with_substitutes"]["single_points"] == ["eop_rapid"]
    assert _json("single-points", "--without-substitutes")["with_substitutes"] is None
    assert "What stops eso alone: nothing." in chain("single-points", "eso", "--frame", "expired")
    chain("single-points", "nothing_like_it", code=2)


def test_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    circle = CircleSurvival(("itrf", "ac_pool"), (Survival("itrf", 453.0), Survival("ac_pool", 999.0)), ())
    monkeypatch.setattr(chain_structure, "circle_survivals", lambda _: (circle,))
    found = _json("cycles")
    first = next(one for one in found["cycles"] if "itrf" in one["nodes"])
    assert first["longest_outage_days"] == 453.0
    assert first["survives_any_outage"] is False
    assert next(one for one in found["cycles"] if "itrf" not in one["nodes"])["longest_outage_days"] is None
    text = chain("cycles", "--no-survival")
    assert "serves on for 365 days and opens the circle" in text
    assert "It survives" not in text

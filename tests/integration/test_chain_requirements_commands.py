"""``fiducial chain requirements``: tables, JSON, files, and inputs that are none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

import series_factory as factory
from commands import fiducial
from fiducial.errors import InputError
from fiducial.runs.chain_requirements import ScoreRequest, score_requirement
from fiducial.runs.chain_requirements_area import cells_around, name_of
from fiducial.runs.chain_requirements_network import read_network

HEADER = "name,lon,lat,ve_mm_yr,vn_mm_yr,vu_mm_yr,se_mm_yr,sn_mm_yr,su_mm_yr\n"
ROWS = "AAAA,10,50,1,1,1,0.2,0.3,0.5\nBBBB,10.5,50.5,1,1,1,0.2,0.3,7\nCCCC,11,50,1,1,,2,0.3,\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(HEADER + ROWS)
    return path


def _share(found, name):
    return next(row for row in found["shares"] if row["metric"] == name)


def test_show_prints_the_register():
    done = fiducial("chain", "requirements", "show", "--product", 343)
    assert done.code == 0
    assert "1 mm/year" in done.out
    assert "not known" in done.out
    assert "298" not in done.out.partition("Metrics")[2].partition("requirement 369 has")[0]
    found = fiducial("chain", "requirements", "show", "--requirement", 369, "--json").json
    assert [one["uid"] for one in found["requirements"]] == [369]
    metrics = {one["name"]: one for one in found["requirements"][0]["metrics"]}
    assert metrics["scale"]["threshold"] is None
    assert metrics["horizontal_resolution"]["goal"] == {"value": 10.0, "unit": "km", "text": "10 km"}


@pytest.mark.parametrize("option", ["--product", "--requirement"])
def test_what_the_register_does_not_have(option):
    done = fiducial("chain", "requirements", "show", option, 1)
    assert done.code == 2
    assert "FID-1401" in done.err


def test_score_prints_and_writes(table, tmp_path):
    out = tmp_path / "out"
    done = fiducial("chain", "requirements", "score", "--gnss", table, "--out", out, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert (found["stations"], found["sites"], found["requirement"]) == (3, 3, 369)
    assert _share(found, "update_frequency")["threshold"] is None
    horizontal, up = _share(found, "horizontal"), _share(found, "up")
    assert horizontal["threshold"] > up["threshold"] > up["breakthrough"] > 0.0
    assert up["unknown"] > 0.0
    assert horizontal["limits"]["goal"] == "1 mm/year, 10 km"
    written = json.loads((out / "requirement-369.json").read_text(encoding="utf-8"))
    assert written["shares"] == found["shares"]
    with rasterio.open(out / "requirement-369-cells.tif") as source:
        codes = source.read(source.descriptions.index("up") + 1)
        assert np.count_nonzero(codes != 255) == found["cells"]
        assert np.mean(codes[codes != 255] == 254) == pytest.approx(up["unknown"])
        assert source.transform.a * 1e-3 == found["cell_km"]
    assert (out / "requirement-369-map.png").read_bytes().startswith(b"\x89PNG")


def test_score_prints_a_table(table):
    done = fiducial("chain", "requirements", "score", "--gnss", table, "--cell-km", 20)
    assert done.code == 0
    assert "station spacing" in done.out
    assert "unknown" in done.out
    assert "vertical_resolution is not scored" in done.out


def test_series_are_joined_to_their_stations(table, tmp_path):
    (tmp_path / "AAAA.IGS20.tenv").write_bytes(factory.tenv(factory.linear(400), "AAAA"))
    (tmp_path / "ZZZZ.IGS20.tenv").write_bytes(factory.tenv(factory.linear(400), "ZZZZ"))
    series = (tmp_path / "AAAA.IGS20.tenv", tmp_path / "ZZZZ.IGS20.tenv")
    read = read_network(table, series, None)
    assert read.network.size == 3
    assert read.network.step_s[0] == 86400.0
    assert np.isnan(read.network.age_s).all()
    assert any("ZZZZ: no position" in note for note in read.notes)
    request = ScoreRequest(table, series[:1], as_of="2030-01-01")
    found = score_requirement(request).to_dict()
    assert 0.0 < _share(found, "update_frequency")["threshold"] < 1.0
    assert _share(found, "update_frequency")["unknown"] > 0.0
    assert _share(found, "update_frequency")["breakthrough"] == 0.0
    assert _share(found, "timeliness")["below"] > 0.0


def test_a_series_with_a_place_is_a_station_of_its_own(table, tmp_path):
    path = tmp_path / "BBBB.tenv3"
    path.write_bytes(factory.tenv3(factory.linear(400), "BBBB"))
    alone, joined = read_network(None, (path,), None), read_network(table, (path,), None)
    assert (alone.network.size, joined.network.size) == (1, 4)
    assert np.isnan(alone.network.sigma_up_mm_per_yr).all()
    done = fiducial("chain", "requirements", "score", "--series", path, "--cell-km", 50)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "FID-1403"),
        (("--gnss", "nothing.csv"), "FID-1001"),
        (("--gnss", "{table}", "--requirement", 379), "FID-1404"),
        (("--gnss", "{table}", "--requirement", 7), "FID-1401"),
        (("--gnss", "{table}", "--as-of", "yesterday"), "FID-1408"),
        (("--gnss", "{table}", "--series", "{series}", "--as-of", "1990-01-01"), "FID-1408"),
        (("--series", "{series}"), "FID-1403"),
        (("--gnss", "{empty}"), "FID-2306"),
        (("--gnss", "{plain}"), "FID-2304"),
        (("--gnss", "{table}", "--register", "{table}"), "FID-2620"),
        (("--gnss", "{table}", "--register", "nothing.yaml"), "FID-1001"),
    ],
)  # fmt: skip
def test_inputs_that_are_none(table, tmp_path, options, code):
    (tmp_path / "AAAA.tenv").write_bytes(factory.tenv(factory.linear(100), "AAAA"))
    (tmp_path / "empty.csv").write_text(HEADER)
    (tmp_path / "plain.csv").write_text("name,lon,lat,ve_mm_yr,vn_mm_yr\nAAAA,10,50,1,1\n")
    names = {"table": table, "series": tmp_path / "AAAA.tenv", "empty": tmp_path / "empty.csv",
             "plain": tmp_path / "plain.csv"}  # fmt: skip
    done = fiducial("chain", "requirements", "score", *(str(one).format(**names) for one in options))
    assert code in done.err, done.err
    assert done.code in {2, 3}


def test_nothing_is_left_when_the_area_has_no_land(tmp_path):
    table = tmp_path / "sea.csv"
    table.write_text(HEADER + "AAAA,-123,-48,1,1,1,0.2,0.3,0.5\n")
    with pytest.raises(InputError, match="FID-1405"):
        score_requirement(ScoreRequest(table))
    done = fiducial("chain", "requirements", "score", "--gnss", table, "--out", tmp_path / "out")
    assert done.code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["179.9,67", "10,-89.9"])
def test_maps_at_the_dateline_and_the_pole(tmp_path, place):
    table = tmp_path / "far.csv"
    table.write_text(HEADER + f"AAAA,{place},1,1,1,0.2,0.3,0.5\n")
    done = fiducial("chain", "requirements", "score", "--gnss", table, "--cell-km", 50, "--out", tmp_path / "out")
    assert done.code == 0, done.err


def test_the_name_of_a_projection():
    assert name_of("EPSG:3035") == "EPSG:3035"
    far = cells_around(np.array([-100.0]), np.array([40.0]), 50.0)
    assert name_of(far.crs).startswith("Lambert azimuthal equal-area about 40°, -100°")

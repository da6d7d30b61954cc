"""`fiducial stations model`, `predict`, `validate` and the files they read and write."""

from __future__ import annotations

import json

import numpy as np
import pytest

from commands import fiducial
from fiducial.errors import FormatError, InputError
from fiducial.formats import aepnd, point_list, velocity_model_file, velocity_tables
from fiducial.runs.velocity_model import ModelRequest, build, gather, validate
from fiducial.runs.velocity_prediction import grid_nodes, predict, write
from velocity_networks import network, table_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("velocity_model")
    stations, _ = network(80)
    (place / "stations.csv").write_text(table_text(stations), encoding="utf-8")
    build(ModelRequest((place / "stations.csv",), "ETRF2014", epoch_span=(2000.0, 2020.5)), place / "world.fvm")
    return place


def test_model_command(folder, tmp_path) -> None:
    done = fiducial(
        "stations", "model", folder / "stations.csv", "--frame", "ETRF2014", "--out", tmp_path / "m.fvm", "--json"
    )
    document = done.json
    assert document["frame"] == document["working_frame"] == "ETRF2014"
    assert document["sources"][0]["stations"] == 80
    assert len(document["sources"][0]["sha256"]) == 64
    assert document["covariances"]["up"]["length_km"] > 0
    assert document["epoch_span"] is None
    done = fiducial(
        "stations", "model", folder / "stations.csv", "--frame", "ETRF2014", "--out", tmp_path / "m.fvm", "--overwrite"
    )
    text = done.out
    assert "epochs of the series not stated" in text
    assert "nugget" in text


def test_predict_command(folder, tmp_path) -> None:
    done = fiducial(
        "stations", "predict", folder / "world.fvm", "--lonlat", 10.0, 48.0, "--frame", "ETRF2000", "--json"
    )
    document = done.json
    assert document["frame"] == "ETRF2000"
    assert document["epoch_span"] == [2000.0, 2020.5]
    assert np.array(document["points"][0]["covariance_enu"]).shape == (3, 3)
    points = tmp_path / "points.txt"
    points.write_text("10.0 48.0 A\n12.0 49.0 B\n", encoding="utf-8")
    done = fiducial(
        "stations", "predict", folder / "world.fvm", "--points", points, "--covariance", "--out", tmp_path / "p.json"
    )
    document = json.loads((tmp_path / "p.json").read_text())
    assert np.array(document["covariance_between_points"]).shape == (6, 6)
    assert [one["name"] for one in document["points"]] == ["A", "B"]
    done = fiducial("stations", "predict", folder / "world.fvm", "--points", points)
    assert "ETRF2014" in done.out


def test_grid_in_the_layout_of_aepnd(folder, tmp_path) -> None:
    found = predict(folder / "world.fvm", grid_km=50.0, bounds=(8.0, 46.0, 12.0, 50.0), frame="ETRF2000")
    write(found, tmp_path / "grid.csv", layout="aepnd")
    grid = aepnd.read(tmp_path / "grid.csv")
    assert grid.size == len(found.places.names) > 30
    assert (grid.easting_m % 50_000 == 0).all()
    np.testing.assert_allclose(grid.velocity_enu_mm_per_yr, found.prediction.velocity_enu_mm_per_yr, atol=0.005001)
    assert velocity_tables.read(tmp_path / "grid.csv", frame=None).frame == "ETRF2000"
    # In again: a grid is a table of stations like any other.
    model, _ = build(ModelRequest((tmp_path / "grid.csv",), None))
    assert model.frame == "ETRF2000"
    other = predict(folder / "world.fvm", grid_km=50.0, bounds=(8.0, 46.0, 12.0, 50.0))
    with pytest.raises(FormatError, match="FID-2313"):
        write(other, tmp_path / "other.csv", layout="aepnd")
    assert not (tmp_path / "other.csv").exists()


def test_table_is_read_back(folder, tmp_path) -> None:
    found = predict(folder / "world.fvm", grid_km=100.0, bounds=(5.0, 45.0, 12.0, 50.0), frame="IGS20")
    write(found, tmp_path / "table.csv")
    again = velocity_tables.read(tmp_path / "table.csv", frame="IGS20")
    np.testing.assert_allclose(again.velocity_enu_mm_per_yr, found.prediction.velocity_enu_mm_per_yr, atol=0.000501)
    assert "# frame: ITRF2020" in (tmp_path / "table.csv").read_text()


def test_validate_command(folder, tmp_path) -> None:
    done = fiducial("stations", "validate", folder / "stations.csv", "--frame", "ETRF2014", "--folds", 2, "--fixed",
        "--out", tmp_path / "folds.json", "--json")  # fmt: skip
    document = done.json
    assert [one["folds"] for one in document["validations"]] == ["random", "blocks of 100 km"]
    assert document["validations"][0]["parameters"] == "fixed"
    listed = json.loads((tmp_path / "folds.json").read_text())["validations"][0]["sites"]
    assert {one["fold"] for one in listed} == {0, 1}
    assert len(listed) == 80


def test_what_is_asked_for_must_be_clear(folder) -> None:
    for wrong in (
        {},
        {"lonlat": (1.0, 50.0), "grid_km": 50.0},
        {"grid_km": 50.0},
        {"lonlat": (1.0, 50.0), "bounds": (0, 1, 2, 3)},
    ):
        with pytest.raises(InputError, match="FID-1340"):
            predict(folder / "world.fvm", **wrong)


def test_points_are_no_grid(folder, tmp_path) -> None:
    with pytest.raises(InputError, match="FID-1340"):
        write(predict(folder / "world.fvm", lonlat=(10.0, 48.0), frame="ETRF2000"), tmp_path / "a.csv", layout="aepnd")


@pytest.mark.parametrize(
    ("spacing", "bounds"),
    [
        (0.0, (5, 45, 6, 46)),
        (50.0, (6, 45, 5, 46)),
        (50.0, (5, 46, 6, 45)),
        (0.01, (0, 40, 20, 60)),
        (50.0, (5, 45, 5.01, 45.01)),
    ],
)
def test_impossible_grid(spacing, bounds) -> None:
    with pytest.raises(InputError, match="FID-1343"):
        grid_nodes(spacing, bounds)


def test_tables_that_do_not_go_together(folder, tmp_path) -> None:
    table = folder / "stations.csv"
    with pytest.raises(InputError, match="FID-1346"):
        gather(ModelRequest((table, table), "ETRF2014"))
    with pytest.raises(InputError, match="FID-1001"):
        gather(ModelRequest((folder / "absent.csv",), "ETRF2014"))
    with pytest.raises(InputError, match="FID-1347"):
        build(ModelRequest((table,), "ETRF2014", epoch_span=(2020.0, 2000.0)))
    stations, _ = network(60, seed=5)
    (tmp_path / "more.csv").write_text(table_text(stations), encoding="utf-8")
    both, sources, _ = gather(ModelRequest((table, tmp_path / "more.csv"), "ETRF2014"))
    assert both.size == 140
    assert [one.stations for one in sources] == [80, 60]


def test_existing_model_is_kept(folder) -> None:
    before = (folder / "world.fvm").read_bytes()
    with pytest.raises(InputError, match="FID-1002"):
        build(ModelRequest((folder / "stations.csv",), "ETRF2014"), folder / "world.fvm")
    assert (folder / "world.fvm").read_bytes() == before
    assert velocity_model_file.read(folder / "world.fvm").epoch_span == (2000.0, 2020.5)


def test_validation_says_what_was_fixed(folder) -> None:
    found, notes = validate(ModelRequest((folder / "stations.csv",), "ETRF2014"), folds=2, refit=False)
    assert found[1].parameters == "fixed"
    assert "covariance parameters fixed" in notes[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 50\n", [("1", 10.0, 50.0)]),
        ("# a comment\n10,50,ABCD\n-5.5, 40.25 ,X Y\n", [("ABCD", 10.0, 50.0), ("X Y", -5.5, 40.25)]),
        ("station,lat,lon\nABCD,50,10\n", [("ABCD", 50.0 * 0 + 10.0, 50.0)]),
        ("longitude latitude height\n10 50 100\n", [("1", 10.0, 50.0)]),
    ],
)
def test_point_list(text: str, expected) -> None:
    points = point_list.read(text.encode())
    assert list(zip(points.names, points.longitude_deg, points.latitude_deg, strict=True)) == expected


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "10\n", "10 north\n", "10 95\n", "10 nan\n", "lon,name\n10,A\n", "\xff\xfe"]
)
def test_unfit_point_list(text: str) -> None:
    with pytest.raises(InputError, match="FID-1341"):
        point_list.read(text.encode("latin-1"))

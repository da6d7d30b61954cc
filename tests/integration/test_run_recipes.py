"""``fiducial run`` on small simulated files: real steps, real catalogue."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pytest

import orbit_day_factory
from commands import fiducial
from egms_factory import ASCENDING, DESCENDING, level2
from fiducial.catalogue.records import Relation
from fiducial.catalogue.store import Catalogue
from fiducial.formats.point_product import PointProduct
from fiducial.runs.egms_from_simulation import write_world
from fiducial.runs.ingest import file_sha256
from fiducial.runs.simulation import WorldSize, simulate_world

TASKS = 16
CHAIN = """\
kind: chain
orbits:
  sources: [orbits]
  options: {page: false, satellites_before_centre: 6}
velocities:
  tables: [egms/gnss_velocities.csv]
  table_frame: ETRF2000
  model: false
calibration:
  sources: ["egms/*.zip"]
  options: {recipe: egms}
  in_situ: {snow: snow.txt}
ortho:
  options: {north_in_input: true}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    write_world(simulate_world(3, WorldSize(points_per_burst=1500, epochs=30, stations=40)), folder / "egms")
    (folder / "orbits").mkdir()
    orbit_day_factory.write_day(folder / "orbits", count=4, clocks=False)
    (folder / "snow.txt").write_text("winters")
    (folder / "chain.yaml").write_text(CHAIN.replace("page: false", "page: false, clocks: false"))
    return folder


def _run(folder, *more, recipe="chain.yaml"):
    done = fiducial("run", folder / recipe, "--catalogue", folder / "c.sqlite", "--json", *more)
    assert done.code == 0, done.err
    return done.json | {"by": {one["task"]: one for one in done.json["tasks"]}, "told": done.err}


def test_a_chain_runs_once_and_then_only_what_changed(world):
    planned = _run(world, "--dry-run")
    assert planned["would_run"] == planned["made"] + TASKS
    assert not (world / "c.sqlite").exists()
    first = _run(world)
    assert (first["made"], first["kept"]) == (TASKS, 0)
    assert "calibration/adjustment: made in" in first["told"]
    second = _run(world)
    assert (second["made"], second["kept"]) == (0, TASKS)

    # A shortcoming is printed, and stands in product and catalogue.
    named = {text.split(" ")[0] for text in first["shortcomings"]}
    assert named == {"land_cover", "earthquakes", "validation", "snow"}, "snow is missing for the Ortho"
    bursts = [one for name, one in first["by"].items() if name.startswith("calibration/bursts/")]
    tied = bursts[0]
    states = {one["requirement"]: one["state"] for one in tied["requirements"]}
    assert states == {"gnss": "given", "dem": "stated", "land_cover": "unstated", "snow": "given", "earthquakes": "missing",
                      "validation": "missing", "weather_model": "missing"}  # fmt: skip
    for path in (world / "products" / "calibration" / "bursts").glob("*/*/product.json"):
        manifest = PointProduct.open(path.parent).manifest
        assert set(manifest.shortcomings) == set(tied["shortcomings"])
    for path in (world / "products" / "import").glob("*/*/product.json"):
        assert PointProduct.open(path.parent).manifest.shortcomings == ()
    told = json.loads((world / "products" / "calibration" / "adjustment" / "calibration.json").read_text())
    calibrated = {path.parent.name for path in (world / "products" / "calibration" / "bursts").glob("*/*/product.json")}
    assert set(told["products"]) == calibrated
    assert len(calibrated) == len(bursts) == 4

    with Catalogue.open(world / "c.sqlite", create=False) as store:
        runs = {one.step: one for one in store.runs()}
        assert set(runs["calibration"].shortcomings) == set(tied["shortcomings"])
        products = {one.name: one for one in store.products()}
        assert {one.egv_product for one in products.values()} >= {"GSO", "ESD"}
        orbits = products["FID0TSTFIN_20242630000_01D-orbits"]
        # A day of GPS begins 18 s before that of UTC.
        assert (orbits.start, orbits.end) == (
            datetime(2024, 9, 18, 23, 59, 42, tzinfo=UTC), datetime(2024, 9, 19, 23, 44, 42, tzinfo=UTC)
        )  # fmt: skip
        for day, found in ((19, [orbits.id]), (20, [])):
            since = datetime(2024, 9, day, tzinfo=UTC)
            assert [one.id for one in store.products(egv_product="GSO", since=since)] == found
        assert {one.start is None for one in products.values() if one.egv_product == "ESD"} == {False}
        # From the Ortho up to the table of GNSS and the files of EGMS.
        used = {edge.role: edge.target for edge in store.edges(sources=[runs["ortho"].id], relation=Relation.USED)}
        assert set(used) == {"sources", "gnss"}
        makers = {edge.target for edge in store.edges(sources=[used["sources"]], relation=Relation.GENERATED)}
        assert makers <= {one.id for one in store.runs() if one.step == "calibration"}

    # One parameter: only what stands on it.
    (world / "changed.yaml").write_text((world / "chain.yaml").read_text().replace("recipe: egms", "recipe: plane"))
    plan = _run(world, "--dry-run", recipe="changed.yaml")
    stand_on_it = ["calibration/adjustment", *(one["task"] for one in bursts), "ortho"]
    assert [name for name, one in plan["by"].items() if one["state"] != "kept"] == stand_on_it
    assert plan["by"]["calibration/adjustment"]["reasons"] == ['parameter recipe changed from "egms" to "plane"']

    # An output is gone: it is made again, and what is found again stays what it was.
    archive = next((world / "products" / "import").glob("*/*/points.parquet"))
    archive.unlink()
    third = _run(world)
    assert third["made"] == 1
    assert archive.exists()
    forced = _run(world, "--force", "orbit-combination")
    assert [name for name, one in forced["by"].items() if one["state"] == "made"] == ["orbits"]


def test_the_same_work_in_another_folder_makes_the_same_bytes(world, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made = []
    for folder in (tmp_path / "here", tmp_path / "further" / "away"):
        shutil.copytree(world, folder, ignore=shutil.ignore_patterns("products", "*.sqlite*"))
        (folder / "chain.yaml").write_text((world / "chain.yaml").read_text().replace("model: false", "model: true"))
        _run(folder)
        out = folder / "products"
        files = [path for path in out.rglob("*") if path.is_file() and ".fiducial" not in path.parts]
        made.append({path.relative_to(out).as_posix(): file_sha256(path) for path in files})
        assert [str(path) for path in files if str(tmp_path).encode() in path.read_bytes()] == []
    assert made[0] == made[1]


def test_the_table_tells_people_what_was_kept(world):
    done = fiducial("run", world / "chain.yaml", "--catalogue", world / "other.sqlite", "--dry-run")
    assert "would run" in done.out
    assert "not made yet" in done.out
    done = fiducial("run", world / "chain.yaml", "--scheduler", "nowhere", "--catalogue", world / "other.sqlite")
    assert done.err.startswith("FID-5006")


def test_a_tile_is_what_it_is_among_all_and_stands_on_the_sources_that_reach_it_alone(tmp_path, monkeypatch):
    """Two pairs of bursts, far from each other."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    tiles = []
    for folder, burst, west_deg in (("near", 845, 13.17), ("far", 850, 17.17)):
        (tmp_path / folder).mkdir()
        for track, angles in ((117, ASCENDING), (22, DESCENDING)):
            made = level2("L2b", points=40, epochs=12, track=track, burst=burst, angles_deg=angles, west_deg=west_deg)
            made.write_zip(tmp_path / folder)
        corner = [int(float(made.rows[0][made.columns.index(axis)])) // 100_000 for axis in ("easting", "northing")]
        tiles.append(f"E{corner[0]}N{corner[1]}")
    (tmp_path / "ortho.yaml").write_text(
        f'kind: ortho\northo: {{sources: ["*/*.zip"], tiles: {json.dumps(tiles)}, options: {{mode: official}}}}\n'
    )
    _run(tmp_path, recipe="ortho.yaml")
    with Catalogue.open(tmp_path / "c.sqlite", create=False) as store:
        runs = {one.parameters["tile"]: one for one in store.runs() if one.step == "ortho"}
        used = {tile: store.edges(sources=[run.id], relation=Relation.USED) for tile, run in runs.items()}
    assert {tile: len(edges) for tile, edges in used.items()} == dict.fromkeys(tiles, 2)
    assert len({edge.target for edges in used.values() for edge in edges}) == 4
    single = {path.name: file_sha256(path) for path in (tmp_path / "products" / "ortho-tiles").glob("*/*.zip")}
    recipe = (tmp_path / "ortho.yaml").read_text()
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "ortho.yaml").write_text(
        recipe.replace("*/*.zip", "../*/*.zip").replace(json.dumps(tiles), "[]")
    )
    assert "ortho" in _run(tmp_path / "all", recipe="ortho.yaml")["by"]
    whole = {path.name: file_sha256(path) for path in (tmp_path / "all" / "products" / "ortho").glob("*.zip")}
    assert whole == single
    assert len(whole) == 4
    # A tile that no source reaches, and a name that is none.
    for wrong, code in (("E10N10", "FID-1006"), ("Rome", "FID-5002")):
        (tmp_path / "ortho.yaml").write_text(recipe.replace(tiles[0], wrong))
        assert code in fiducial("run", tmp_path / "ortho.yaml", "--catalogue", tmp_path / "c.sqlite").err
    done = fiducial("motion", "ortho", next(tmp_path.glob("near/*.zip")), "--tile", "Rome", "--out", tmp_path / "x")
    assert done.err.startswith("FID-1036")

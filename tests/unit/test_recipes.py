"""Recipes: templates, faults with file, line and fix, and the graphs that they become."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import pytest
import yaml

import orbit_day_factory
from commands import fiducial
from egms_factory import ASCENDING, DESCENDING, level2
from fiducial.errors import FiducialError, FormatError, InputError, RunError
from fiducial.runs.engine_graph import ordered
from fiducial.runs.engine_model import Given, Made
from fiducial.runs.recipes.builder import Builder
from fiducial.runs.recipes.loading import load
from fiducial.runs.recipes.models import KINDS
from fiducial.runs.recipes.running import check_recipe
from fiducial.runs.recipes.template import bounds_of, models_in, template
from gnss_table_factory import write_gnss

UNITS = ("_mm", "_m", "_mas", "_ppb", "_s", "_yr", "_per_yr", "_km", "_deg")
NO_UNIT = {"minimum_centres", "share_limit", "satellite_factor", "satellites_before_centre", "normalised_limit",
           "hold_out_folds"}  # fmt: skip


def _write(folder, text):
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def _fields(model):
    for name, field in model.model_fields.items():
        yield name, field
        for inner in models_in(field.annotation):
            yield from _fields(inner)


def _numeric(annotation):
    return annotation in (int, float) or any(_numeric(one) for one in get_args(annotation))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described_bounded_and_names_its_unit(kind):
    for name, field in _fields(KINDS[kind]):
        assert field.description, name
        if _numeric(field.annotation):
            assert name.endswith(UNITS) or name in NO_UNIT, name
            assert "at most" in bounds_of(field), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_the_recipe_at_its_defaults(kind, tmp_path):
    text = template(kind)
    loaded = load(_write(tmp_path, text))
    assert loaded.kind == kind
    plain = yaml.safe_load(text)
    assert plain["kind"] == kind
    for name, field in _fields(KINDS[kind]):
        assert f"{name}:" in text
        assert " ".join(field.description.split()[:4]) in text.replace("\n", " ")
    # What is written is what holds when it is left out.
    for section, values in plain.items():
        if isinstance(values, dict) and "options" in values:
            part = getattr(loaded.recipe, section)
            assert part.options == type(part.options)()


FAULTS = [
    ("kind: calibration\ncalibraton:\n  sources: [a.zip]\n", "FID-5001", 2, "did you mean calibration?"),
    ("kind: orbit_combination\norbits:\n  sources: [a]\n  options:\n    translation_limit_cm: 5\n", "FID-5001", 5,
     "translation_limit_mm"),
    ("kind: orbit_combination\norbits:\n  sources: [a]\n  options:\n    translation_limit_m: 0.05\n", "FID-5001", 5,
     "the field is translation_limit_mm: convert the value to mm"),
    ("kind: orbit_combination\norbits:\n  sources: [a]\n  options:\n    translation_limit_mm: 5 cm\n", "FID-5002", 5,
     "give a number alone, as translation_limit_mm: 5; the name says the unit: mm"),
    ("kind: orbit_combination\norbits:\n  sources: [a]\n  options: {share_limit: 1.5}\n", "FID-5002", 4, "at most 1"),
    ("kind: orbit_combination\norbits:\n  sources: [a]\n  options: {weights: heavy}\n", "FID-5002", 4, "variance-components"),
    ("kind: orbit_combination\norbits:\n  sources: [a]\n  options: {share_limit: nan}\n", "FID-5002", 4, "share_limit"),
    ("kind: orbit_combination\norbits:\n  without: [COD]\n", "FID-5002", 2, "SP3"),
    ("kind: orbit_combination\norbits:\n  sources: []\n", "FID-5002", 3, "SP3"),
    ("kind: ortho\n", "FID-5002", 1, "ortho"),
    ("kind: calibratoin\n", "FID-5000", 1, "kind: calibration"),
    ("\n\nout: a\n", "FID-5000", 1, "kind:"),
    ("- a\n", "FID-5000", 1, "recipe new"),
    ("kind: [\n", "FID-5000", 2, ""),
    ("kind: [chain]\n", "FID-5000", 1, "kind:"),
    ("kind: chain\n\tout: a\n", "FID-5000", 2, ""),
    ("", "FID-5000", 1, ""),
    ("kind: chain\nkind: chain\n", "FID-5000", 2, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "fix"), FAULTS)
def test_faults_are_told_with_line_and_fix(tmp_path, text, code, line, fix):
    path = _write(tmp_path, text)
    with pytest.raises(FiducialError) as told:
        load(path)
    assert told.value.code == code
    assert told.value.where == f"{path}, line {line}"
    assert fix in told.value.fix


def test_further_faults_are_named_by_their_lines(tmp_path):
    text = "kind: frame\nframe:\n  solutions: [a]\n  reference: b\n  cor: c\n  day_options:\n    core_limit_mm: -1\n"
    with pytest.raises(RunError, match="more faults in line 7") as told:
        load(_write(tmp_path, text))
    assert told.value.where.endswith("line 5")


def test_files_that_are_no_recipe(tmp_path):
    with pytest.raises(FormatError, match="FID-5000"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00kind")
    with pytest.raises(FormatError, match="UTF-8"):
        load(tmp_path / "binary.yaml")


def test_paths_and_patterns_are_relative_to_the_recipe(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.zip", "a.zip"):
        (tmp_path / "in" / name).touch()
    builder = Builder(tmp_path)
    names = [one.path.name for one in builder.files(("x",), ["in/b.zip", "in/*.zip"])]
    assert names == ["b.zip", "a.zip"]
    assert builder.files(("x",), None) == ()
    # Beside the product of a task lies its step.json.
    (tmp_path / "step.json").touch()
    assert [one.path.name for one in builder.files(("x",), ["*/"])] == ["in"]
    for text in ("in/c.zip", "in/*.csv"):
        with pytest.raises(InputError, match="FID-1001") as told:
            builder.files(("x",), text)
        assert told.value.where == "x"


def test_orbits_of_several_days_are_a_task_each(tmp_path):
    for day in ("2024-263", "2024-264"):
        (tmp_path / day).mkdir()
        orbit_day_factory.write_day(tmp_path / day, count=3, satellites=orbit_day_factory.GPS[:2], clocks=False)
    folders = _write(tmp_path, "kind: orbit_combination\norbits:\n  sources: ['2024-*/']\n  without: [ZZZ]\n")
    with pytest.raises(InputError, match="FID-1232") as told:
        load(folders).tasks()
    assert told.value.where == f"{folders}, line 4: without"
    folders.write_text("kind: orbit_combination\norbits:\n  sources: ['2024-*/']\n")
    tasks = load(folders).tasks()
    assert [task.name for task in tasks] == ["orbits/2024-263", "orbits/2024-264"]
    assert len(tasks[0].inputs["orbits"]) == 3
    folders.write_text("kind: orbit_combination\norbits:\n  sources: ['2024-263/*.SP3']\n")
    assert [task.name for task in load(folders).tasks()] == ["orbits"]


@pytest.fixture
def bursts(tmp_path):
    for track, angles in ((117, ASCENDING), (22, DESCENDING)):
        level2("L2a", points=4, epochs=3, track=track, angles_deg=angles).write_zip(tmp_path)
    write_gnss(tmp_path / "gnss.csv")
    return tmp_path


CALIBRATION = """\
kind: calibration
calibration:
  sources: ["*.zip"]
  gnss_table: gnss.csv
  options:
    gnss_frame: ETRF2000
"""


def test_bursts_are_mapped_reduced_and_mapped_again(bursts):
    tasks = {task.name: task for task in ordered(load(_write(bursts, CALIBRATION)).tasks())}
    steps = [
        "import",
        "import",
        "station-places",
        "observation",
        "observation",
        "adjustment",
        "calibration",
        "calibration",
    ]
    assert [task.step.name for task in tasks.values()] == steps
    imports = [name for name in tasks if name.startswith("import/")]
    assert {name.split("_")[2] for name in imports} == {"117", "022"}
    observations = tuple(name.replace("import/", "calibration/observations/") for name in imports)
    assert tasks["calibration/adjustment"].upstream() == observations
    for name in imports:
        own = tasks[name.replace("import/", "calibration/bursts/")]
        assert own.upstream() == (name, "calibration/adjustment")
        assert own.inputs["coefficients"] == (Made("calibration/adjustment", "coefficients", f"{Path(name).name}.npz"),)


def test_two_sources_of_one_name_stop_before_any_work(bursts):
    (bursts / "again").mkdir()
    archive = next(bursts.glob("*.zip"))
    (bursts / "again" / archive.name).write_bytes(archive.read_bytes())
    with pytest.raises(InputError, match=r"FID-1031.*EGMS_L2a") as told:
        check_recipe(_write(bursts, CALIBRATION.replace('"*.zip"', '"**/*.zip"')))
    assert "line 3" in told.value.where


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("  gnss_table: gnss.csv\n", ""), "FID-1005", 2),
        (("  gnss_table: gnss.csv\n", "  gnss_table: null\n"), "FID-1005", 4),
        (("gnss.csv", "absent.csv"), "FID-1001", 4),
        (("*.zip", "*.rar"), "FID-1001", 3),
        (("ETRF2000", "ETRF1900"), "FID-1004", 6),
        (("    gnss_frame: ETRF2000\n", "    recipe: joint\n"), "FID-1004", 5),
        (("gnss_frame:", "recipe: kriging\n    gnss_frame:"), "FID-1060", 6),
        (("gnss.csv", "recipe.yaml"), "FID-2304", 2),
    ],
)
def test_what_is_missing_or_wrong_stops_before_any_work(bursts, change, code, line):
    path = _write(bursts, CALIBRATION.replace(*change))
    for command in (("recipe", "check"), ("run",)):
        done = fiducial(*command, path, *(["--catalogue", bursts / "c.sqlite"] if command == ("run",) else []))
        assert done.err.startswith(code), done.err
        assert f"{path}, line {line}" in done.err
        assert "fix:" in done.err
    assert not (bursts / "products").exists()
    assert not (bursts / "c.sqlite").exists()


def test_an_ortho_states_the_north_motion_before_any_work(bursts):
    text = CALIBRATION.replace("kind: calibration", "kind: chain") + "ortho: {}\n"
    with pytest.raises(InputError, match="FID-1003") as told:
        check_recipe(_write(bursts, text))
    assert told.value.where.endswith("line 7: north_in_input")
    assert "--" not in told.value.fix
    path = _write(bursts, text.replace("ortho: {}", "ortho:\n  options:\n    north_in_input: true"))
    with pytest.raises(InputError, match=r"FID-1003.*no velocities") as told:
        check_recipe(path)
    assert told.value.where.endswith("line 7: gnss_table")
    assert told.value.fix == "give gnss_table and gnss_frame, or state north_in_input: false"
    both = text.replace("ortho: {}", "ortho: {gnss_table: gnss.csv, options: {north_in_input: true}}")
    with pytest.raises(InputError, match="FID-1004"):
        check_recipe(_write(bursts, both))
    alone = _write(bursts, "kind: ortho\northo: {in_situ: {dem: gnss.csv}}\n")
    with pytest.raises(InputError, match="FID-1031"):
        check_recipe(alone)


def test_velocities_come_from_one_place(bursts):
    for more, count in (("", 0), ("  series: [gnss.csv]\n  tables: [gnss.csv]\n", 2)):
        with pytest.raises(RunError, match="FID-5014") as told:
            load(_write(bursts, f"kind: velocity_model\nvelocities:\n  model: false\n{more}")).tasks()
        assert ("both" in told.value.problem) == bool(count)


SERIES = "kind: velocity_model\nvelocities:\n  series: ['S*.IGS14.tenv3']\n"


@pytest.mark.parametrize(
    ("count", "more", "code", "where"),
    [
        (30, "  model: true\n", "FID-1004", "line 2: table_frame"),
        (30, "  table_frame: null\n", "FID-1004", "line 4: table_frame"),
        (30, "  table_frame: ETRF1900\n", "FID-1004", "line 4: table_frame"),
        (30, "  options:\n    series_frame: ITRF1900\n", "FID-1004", "line 5: series_frame"),
        (29, "  table_frame: IGS14\n", "FID-1342", "line 3"),
        (
            30,
            "  table_frame: IGS14\n  first_epoch_yr: 2010\n  last_epoch_yr: 2009\n",
            "FID-1347",
            "line 5: first_epoch_yr",
        ),
    ],
)
def test_what_a_velocity_model_lacks_is_found_before_any_work(tmp_path, count, more, code, where):
    for number in range(count):
        (tmp_path / f"S{number:03d}.IGS14.tenv3").touch()
    path = _write(tmp_path, SERIES + more)
    with pytest.raises(InputError, match=code) as told:
        check_recipe(path)
    assert told.value.where == f"{path}, {where}"
    assert "--" not in told.value.fix


def test_a_velocity_model_that_lacks_nothing_passes(tmp_path):
    for number in range(30):
        (tmp_path / f"S{number:03d}.IGS14.tenv3").touch()
    assert len(check_recipe(_write(tmp_path, SERIES + "  table_frame: IGS14\n"))["tasks"]) == 2
    for number in range(25):
        (tmp_path / f"S{number:03d}.IGS14.tenv3").unlink()
    assert len(check_recipe(_write(tmp_path, SERIES + "  model: false\n"))["tasks"]) == 1


def test_tables_of_too_few_stations_make_no_model(tmp_path):
    write_gnss(tmp_path / "gnss.csv")
    text = "kind: velocity_model\nvelocities:\n  tables: [gnss.csv]\n  table_frame: ETRF2000\n"
    with pytest.raises(InputError, match="FID-1342") as told:
        check_recipe(_write(tmp_path, text))
    assert "line 2" in told.value.where


def test_a_chain_hands_on_tables_frames_and_products(bursts):
    for day in ("001", "002"):
        for centre in ("AAA", "BBB"):
            (bursts / f"{centre}0OPSFIN_2024{day}0000_01D_01D_SOL.SNX").touch()
    (bursts / "ref.snx").touch()
    text = """\
kind: chain
frame: {solutions: ["*_SOL.SNX"], reference: ref.snx}
velocities: {table_frame: ETRF2000}
calibration: {sources: ["*.zip"]}
ortho: {options: {north_in_input: true}}
"""
    path = _write(bursts, text)
    tasks = {task.name: task for task in ordered(load(path).tasks())}
    assert list(tasks)[:3] == [
        "frame/days/2024-01-01",
        "frame/days/2024-01-02",
        "import/EGMS_L2a_022_0845_IW2_VV_2020_2024_1",
    ]
    assert tasks["frame/stack"].upstream() == ("frame/days/2024-01-01", "frame/days/2024-01-02")
    assert tasks["velocities/stations"].upstream() == ("frame/stack",)
    adjustment = tasks["calibration/adjustment"]
    assert adjustment.parameters.gnss_frame == "ETRF2000"
    assert "velocities/stations" in adjustment.upstream()
    products = tuple(name for name in tasks if name.startswith("calibration/bursts/"))
    assert len(products) == 2
    assert tasks["ortho"].upstream() == (*products, "velocities/stations")
    (bursts / "odd.snx").touch()
    path.write_text(text.replace("*_SOL.SNX", "odd.snx"))
    with pytest.raises(RunError, match="FID-5003"):
        load(path).tasks()


def test_orbits_of_a_chain_are_turned_by_its_frame(tmp_path):
    # Three days of orbits, of which the frame has two.
    for day, start in (("259", "2024-09-15"), ("260", "2024-09-16"), ("261", "2024-09-17")):
        folder = tmp_path / day
        folder.mkdir()
        orbit_day_factory.write_day(folder, count=2, satellites=orbit_day_factory.GPS[:2], clocks=False,
                                    start=np.datetime64(start, "ns"))  # fmt: skip
        (folder / "IGS0OPSSNX_20242590000_07D_07D_SUM.YML").touch()
        for centre in ("AAA", "BBB") if day != "261" else ():
            (tmp_path / f"{centre}0OPSFIN_2024{day}0000_01D_01D_SOL.SNX").touch()
    for name in ("ref.snx", "stated.yml"):
        (tmp_path / name).touch()
    text = """\
kind: chain
orbits: {sources: ["2*/"]}
frame: {solutions: ["*_SOL.SNX"], reference: ref.snx, stack: false}
"""

    def summaries(*change):
        tasks = load(_write(tmp_path, text.replace(*change) if change else text)).tasks()
        ranked = [task.name for task in ordered(tasks)]
        found = {task.name: task.inputs.get("frame_summary", ()) for task in tasks if task.name.startswith("orbits/")}
        for name, sources in found.items():
            assert all(ranked.index(one.task) < ranked.index(name) for one in sources if isinstance(one, Made))
        return found

    beside = {f"orbits/{day}": (Given(next((tmp_path / day).glob("*.YML"))),) for day in ("259", "260", "261")}
    own = {f"orbits/{259 + k}": (Made(f"frame/days/2024-09-1{5 + k}", "summary"),) for k in range(2)}
    assert summaries() == beside | own
    stated = summaries('2*/"]', '2*/"], frame_summary: stated.yml')
    assert set(stated.values()) == {(Given(tmp_path / "stated.yml"),)}
    assert summaries("stack: false", "combine_days: false") == beside
    assert not any(summaries('2*/"]', '2*/"], options: {rotations: false}').values())
    alone = summaries('frame: {solutions: ["*_SOL.SNX"], reference: ref.snx, stack: false}\n', "")
    assert alone == beside


def test_commands_write_list_and_check_recipes(tmp_path, bursts):
    assert fiducial("recipe", "new", "ortho").out == template("ortho")
    target = tmp_path / "new.yaml"
    assert fiducial("recipe", "new", "chain", "--out", target).code == 0
    assert fiducial("recipe", "new", "chain", "--out", target).err.startswith("FID-1002")
    assert fiducial("recipe", "new", "cake").err.startswith("FID-5004")
    assert [one["kind"] for one in fiducial("recipe", "list", "--json").json] == list(KINDS)
    assert "calibration" in fiducial("recipe", "list").out
    done = fiducial("recipe", "check", _write(bursts, CALIBRATION), "--json")
    assert [one["step"] for one in done.json["tasks"]].count("observation") == 2
    assert "8 tasks" in fiducial("recipe", "check", _write(bursts, CALIBRATION)).out
    for command in (("run",), ("recipe", "new"), ("recipe", "check")):
        assert "Example: fiducial" in fiducial(*command, "--help").out.replace("\n", " ")


def test_bounds_inside_a_choice_of_null():
    from pydantic import BaseModel, Field

    class Model(BaseModel):
        x_mm: Annotated[float, Field(gt=0.0, le=5.0)] | None = None

    assert bounds_of(Model.model_fields["x_mm"]) == "above 0, at most 5"

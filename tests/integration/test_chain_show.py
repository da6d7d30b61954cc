"""``fiducial chain show`` from the command line."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chain_small import packaged, small
from commands import fiducial
from fiducial.cli.chain_tables import tables_text
from fiducial.errors import RunError
from fiducial.formats.chain_tables import Table
from fiducial.reports.chain_matrix import matrix_figure
from fiducial.runs.chain_show import ShowRequest, select, show_tables
from fiducial.runs.chain_show_record import find, record_tables


def show(*arguments):
    return fiducial("chain", "show", *arguments)


def test_the_overview_shows_counts_levels_and_matrix():
    done = show()
    assert done.code == 0
    assert "Counts by level" in done.out
    assert "Primary ⚠️" in done.out
    assert "Immediate (hours" in done.out


@pytest.mark.parametrize("name", ["l3/sea_level", "sea_level", "Sea Level", "SEA LEVEL", "egv:l3/sea_level"])
def test_a_variable_is_found_by_all_its_names(name):
    done = show(name)
    assert done.code == 0
    for word in (
        "Ocean",
        "MDT",
        "It needs",
        "l2/sea_water_level_records",
        "Immediate",
        "S004",
        "Global Sea Level Change",
    ):
        assert word in done.out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("satellite_orbits", ["It is needed by", "l3/sea_ice", "circular", "Made by"]),
        ("station_positions_and_variations", ["Co-produced", "SPTS", "369"]),
        ("SPTS", ["Station Position Time Series", "spts", "369"]),
        ("acc_combination", ["all of 6", "[EGV L1 → L2 EGV]", "R1"]),
        ("369", ["100 km", "50 km", "unknown", "Essential"]),
        ("343", ["European Ground Motion Service", "Snow Coverage", "ESD"]),
        ("S004", ["EGV_Product_Mapping"]),
        ("379", ["metrics unknown"]),
    ],
)
def test_one_record_is_shown_with_what_stands_around_it(name, words):
    done = show(name)
    assert done.code == 0
    assert [word for word in words if word not in done.out] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--what", "matrix"], ["Land & Marine Gravity Data", "Red", "12"]),
        (["--what", "matrix", "--level", "L2"], ["Sea Ice"]),
        (["--what", "egvs", "--level", "basis"], ["basis/geodetic_infrastructure"]),
        (["--what", "products", "--level", "3"], []),
        (["--what", "products", "--level", "L3"], ["TWSA"]),
        (["--what", "tiers"], ["Latencies, stated and sourced", "3 h", "13 to 20 days", "unknown"]),
        (["--what", "workflow"], ["Circular dependencies", "3 of 12", "Pipelines"]),
        (["--what", "workflow", "--tier", "2"], ["ac_cod"]),
        (["--what", "versions"], ["rename level", "Level 0"]),
        (["--what", "versions", "--version", "V6.0"], ["V6.0"]),
        (["--what", "risks"], ["R8", "Late ultra-rapid"]),
        (["--what", "sources"], ["IGSM6039"]),
        (["--level", "L1"], ["VLBI Observations"]),
        (["--level", "Level 0", "--version", "V6.0"], ["Level 0 EGV"]),
        (["--tier", "T3"], ["acc_combination", "17 to 41 h"]),
        (["--tier", "x"], ["Beside the tiers", "itrf"]),
    ],
)
def test_parts_levels_and_tiers(arguments, words):
    done = show(*arguments)
    assert done.code == (2 if arguments[-1] == "3" else 0)
    assert [word for word in words if word not in done.out] == []


def test_json_holds_the_whole_and_selections_of_it():
    whole = show("--json").json
    assert (len(whole["egvs"]), len(whole["matrix"]), whole["counts"]["products_level_2_3"]) == (21, 56, 54)
    one = show("sea_ice", "--json").json
    assert [egv["id"] for egv in one["egvs"]] == ["l3/sea_ice"]
    assert one["workflow"] is None
    assert [node["id"] for node in show("itrf", "--json").json["workflow"]["nodes"]] == ["itrf"]
    tier = show("--tier", "T2", "--format", "json").json
    assert {node["tier"] for node in tier["workflow"]["nodes"]} == {"T2"}
    assert {egv["level"] for egv in show("--level", "L2", "--json").json["egvs"]} == {"Level 2"}
    risks = show("--what", "risks", "--json").json["workflow"]
    assert (len(risks["risks"]), risks["nodes"]) == (len(packaged().workflow.risks), [])
    around = show("acc_combination", "--json").json["workflow"]
    assert [risk["id"] for risk in around["risks"]] == ["R1"]
    assert "acc_combination" in around["pipelines"][0]["fails"]
    assert show("343", "--json").json["requirements"]["products"]


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--format", "markdown"], "# Essential Geodetic Variables"),
        (["sea_ice", "--format", "markdown"], "# Sea Ice"),
        (["--format", "mermaid"], "---\ntitle: "),
        (["sea_ice", "--format", "mermaid"], "---\ntitle: "),
        (["--tier", "T1", "--format", "mermaid"], "---\ntitle: "),
        (["--format", "dot"], "digraph"),
        (["--level", "L2", "--format", "dot"], "digraph"),
        (["--what", "matrix", "--format", "graphml"], "<?xml"),
        (["--what", "products", "--format", "graphml"], "<?xml"),
    ],
)
def test_formats_start_as_they_should(arguments, start):
    done = show(*arguments)
    assert done.code == 0
    assert done.out.startswith(start)


def test_skos_is_written():
    pytest.importorskip("rdflib")
    assert "skos:ConceptScheme" in show("--format", "skos").out


def test_output_goes_to_a_file_once(tmp_path):
    file = tmp_path / "chain.md"
    assert show("--format", "markdown", "--out", file).out == ""
    first = file.read_text(encoding="utf-8")
    assert first.startswith("# Essential")
    again = show("--format", "markdown", "--out", file)
    assert (again.code, "FID-1002" in again.err) == (2, True)
    assert show("--out", file, "--overwrite").code == 0
    assert "Counts by level" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_the_matrix_is_drawn(tmp_path, suffix, start):
    file = tmp_path / f"matrix{suffix}"
    assert show("--what", "matrix", "--plot", file).code == 0
    assert file.read_bytes().startswith(start)


def test_the_figure_has_a_mark_a_cell_and_the_sign():
    axes = matrix_figure(packaged().catalogue).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == 56
    assert sum(text.startswith("P ") for text in texts) == 16
    assert sum("\N{WARNING SIGN}" in text for text in texts) == 1
    assert "circular" in axes.get_xlabel()
    assert matrix_figure(small(egv="a $b$ ^_").catalogue).axes[0].texts


def test_no_figure_without_a_matrix():
    with pytest.raises(RunError, match="no matrix"):
        matrix_figure(replace(packaged().catalogue, rows=()))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sea_levle"], "FID-1424"),
        (["zzzzzzzz"], "FID-1424"),
        (["sea_level", "--what", "matrix"], "FID-1425"),
        (["sea_level", "--level", "L3", "--what", "egvs"], "FID-1425"),
        (["--level", "L3", "--tier", "T2"], "FID-1425"),
        (["--level", "L9"], "FID-1425"),
        (["--tier", "T9"], "FID-1425"),
        (["--what", "risks", "--level", "L3"], "FID-1425"),
        (["--what", "matrix", "--tier", "T2"], "FID-1425"),
        (["--what", "risks", "--format", "dot"], "FID-1425"),
        (["--what", "matrix", "--format", "skos"], "FID-1425"),
        (["S004", "--format", "mermaid"], "FID-1425"),
        (["--json", "--format", "dot"], "FID-1425"),
        (["--plot", "matrix.docx"], "FID-1426"),
        (["--plot", "matrix"], "FID-1426"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(arguments, code):
    done = show(*arguments)
    assert done.code == 2
    assert code in done.err
    assert done.out == ""


def test_a_mistyped_name_is_guessed():
    assert "sea_level" in show("sea_levle").err


def test_a_user_s_file_is_laid_over(tmp_path):
    file = tmp_path / "my-chain.yaml"
    file.write_text(

        "nodes:\n  - {id: my_step, name: My step, tier: T3, kind: combination, gate: all, inputs: [ac_pool], source: [], "
        "status: inferred}\n", encoding="utf-8",
    )  # fmt: skip
    done = show("my_step", "--model", file)
    assert done.code == 0, done.err
    assert "My step" in done.out


def test_tables_are_coloured_on_a_terminal_only(monkeypatch):
    table = Table("t", ("x", "empty"), (("Primary", ""), ("other", "")), {"Primary": "#b3261e"}, ("a note",))
    assert "\x1b" not in tables_text("T", [table])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    shown = tables_text("T", [table, Table("nothing", ("x",), ())])
    # How the colour is written depends on the terminal; white on a ground it is in all of them.
    assert re.search("\x1b\\[1;[0-9;]*4[0-9;]*mPrimary", shown)
    assert "empty" not in shown
    assert "nothing" not in shown
    assert "a note" in shown


def test_every_record_of_the_chain_can_be_shown():
    knowledge = packaged()
    ids = [
        *(one.id for one in knowledge.catalogue.egvs), *(one.id for one in knowledge.catalogue.products()),
        *(one.id for one in knowledge.workflow.nodes), *(str(one.uid) for one in knowledge.register.requirements),
        *(one.id for one in knowledge.sources),
    ]  # fmt: skip
    for one in ids:
        record = find(knowledge, one)
        assert record.id == one
        assert record_tables(knowledge, record)


def test_the_title_tells_the_version():
    title, tables = show_tables(select(ShowRequest(version="V6.0")))
    assert "V6.0" in title
    assert tables[0].rows[0][0] == "Level 0"

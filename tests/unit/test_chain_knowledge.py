"""The packaged knowledge of the chain, overlays of a user, and every fault with file and line."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from fiducial.chain.egv import Level, Strength
from fiducial.chain.knowledge_checks import check_knowledge, find_faults, open_circle
from fiducial.chain.versions import catalogue_at
from fiducial.errors import FormatError
from fiducial.formats.chain_knowledge import read_knowledge
from fiducial.runs.chain_knowledge import DATA_FILES, load_knowledge
from support import ROOT


@pytest.fixture(scope="module")
def knowledge():
    return load_knowledge()


def _overlay(tmp_path, text):
    path = tmp_path / "my-chain.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _fault(tmp_path, text):
    with pytest.raises(FormatError) as caught:
        load_knowledge([_overlay(tmp_path, text)])
    return caught.value


def _packaged(**changes):
    folder = files("fiducial.chain").joinpath("data")
    found = []
    for name in DATA_FILES:
        text = folder.joinpath(name).read_text(encoding="utf-8")
        if name in changes.get("file", ()):
            assert changes["old"] in text
            text = text.replace(changes["old"], changes["new"], 1)
        found.append((name, text.encode()))
    return found


def test_counts_of_the_catalogue(knowledge):
    catalogue = knowledge.catalogue
    assert [len(catalogue.of_level(level)) for level in Level] == [2, 1, 4, 14]
    assert len(catalogue.products(Level.LEVEL_2, Level.LEVEL_3)) == 54
    entries = {product.entry for product in catalogue.products(Level.LEVEL_2, Level.LEVEL_3)}
    assert len(entries) == 52
    assert len(catalogue.products(Level.LEVEL_1)) == 5
    assert (len(catalogue.rows), len(catalogue.columns), len(catalogue.cells)) == (14, 4, 37)
    assert len(catalogue.annotations) == 6
    assert len(catalogue.data_levels) == 4


def test_column_of_the_orbits(knowledge):
    column = [cell for cell in knowledge.catalogue.cells if cell.supplier == "l2/satellite_orbits"]
    counts = [sum(cell.strength is strength for cell in column) for strength in Strength]
    assert counts == [7, 5, 2]
    assert [cell.consumer for cell in column if cell.circular] == ["l3/global_reference_frames"]
    assert knowledge.catalogue.strength("l2/sea_water_level_records", "l3/sea_ice") is None


def test_tiers_have_soft_windows_and_bounds_without_gaps(knowledge):
    tiers = knowledge.catalogue.impact_tiers
    assert [tier.window_days for tier in tiers] == [(0, 7), (1, 30), (7, 365), (30, float("inf"))]
    assert [tier.bounds_days for tier in tiers] == [(0, 7), (7, 30), (30, 365), (365, float("inf"))]
    assert sum(len(tier.affected) for tier in tiers) == 12


def test_sourced_latencies_stand_beside_those_stated(knowledge):
    final = next(step for step in knowledge.catalogue.data_levels if step.id == "T3")
    assert "15 min" in final.latency_stated
    sourced = {latency.product: (latency.low_days, latency.high_days) for latency in final.latency_sourced}
    assert sourced["gso_gsc_ultra"] == (0.125, 0.125)
    assert sourced["gso_gsc_final"] == (13, 20)


def test_workflow_realises_the_products(knowledge):
    made = {node.id: node.realises for node in knowledge.workflow.nodes if node.realises}
    assert made["gso_gsc_final"] == made["gso_gsc_rapid"] == made["gso_gsc_ultra"] == ("GSO", "GSC")
    assert made["igs_erp"] == ("PM", "LOD")
    pool = knowledge.workflow.node("ac_pool")
    assert (pool.required, len(pool.inputs), pool.group) == (3, 12, True)
    line = next(one for one in knowledge.workflow.pipelines if one.id == "satellite_orbits_pipeline")
    assert len(line.fails) == 15


def test_the_frame_opens_the_circle(knowledge):
    workflow = knowledge.workflow
    assert open_circle(workflow) == ()
    nodes = tuple(replace(node, breaks_cycle=False) for node in workflow.nodes)
    circle = open_circle(replace(workflow, nodes=nodes))
    assert {"itrf", "ac_pool", "igs_rf_combination"} <= set(circle)
    for supplier, consumer in zip(circle, (*circle[1:], circle[0]), strict=True):
        assert supplier in workflow.node(consumer).inputs


def test_version_before(knowledge):
    old = catalogue_at(knowledge.catalogue, "V6.0")
    assert len(old.egvs) == 20
    assert old.level_name(Level.BASIS) == "Level 0"
    assert old.cells == knowledge.catalogue.cells
    assert catalogue_at(knowledge.catalogue, "V7.0") is knowledge.catalogue
    loaded = load_knowledge(version="V6.0")
    assert loaded.catalogue == old
    assert not list(find_faults(loaded))


def test_unknown_version():
    with pytest.raises(FormatError, match="FID-2611"):
        load_knowledge(version="V5.0")


def test_history_that_does_not_fit(knowledge):
    newest = knowledge.catalogue.versions[-1]
    for kind, after in (("add_egv", "l3/none"), ("rename_level", "Level 9")):
        changes = (replace(newest.changes[0], kind=kind, after=after),)
        versions = (knowledge.catalogue.versions[0], replace(newest, changes=changes))
        with pytest.raises(FormatError, match="FID-2611"):
            catalogue_at(replace(knowledge.catalogue, versions=versions), "V6.0")


def test_example_of_the_manual(tmp_path, knowledge):
    page = (ROOT / "docs" / "chain-overlay.md").read_text(encoding="utf-8")
    found = load_knowledge([_overlay(tmp_path, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])])
    assert found.files == (*DATA_FILES, "my-chain.yaml")
    assert len(found.workflow.nodes) == len(knowledge.workflow.nodes) + 1
    assert found.workflow.node("itrf").hold_days == 180
    assert found.workflow.node("itrf").realises == ("TRF",)
    assert found.workflow.node("single_ac_product").inputs[-1] == "ac_mine"
    assert [one.id for one in found.catalogue.egv("l3/land_geometry").products] == ["DEM", "DTM", "PKM", "ESD", "SUBS"]
    assert "R6" not in {risk.id for risk in found.workflow.risks}
    assert found.workflow.node("ac_mine").place.file == "my-chain.yaml"


def test_an_empty_overlay_changes_nothing(tmp_path, knowledge):
    assert load_knowledge([_overlay(tmp_path, "remove: []\n")]).catalogue == knowledge.catalogue


def test_replace_takes_the_whole_record(tmp_path):
    fault = _fault(tmp_path, "nodes:\n  - {id: itrf, replace: true, hold_days: 3}\n")
    assert (fault.code, fault.where) == ("FID-2601", "my-chain.yaml, line 2")


def test_cells_are_laid_over_one_by_one(tmp_path, knowledge):
    text = "matrix_rows:\n  - egv: l3/sea_ice\n    cells: {l2/sea_water_level_records: Indirect}\n"
    catalogue = load_knowledge([_overlay(tmp_path, text)]).catalogue
    assert catalogue.strength("l2/sea_water_level_records", "l3/sea_ice") is Strength.INDIRECT
    assert len(catalogue.cells) == len(knowledge.catalogue.cells) + 1


def test_removing_a_product_with_all_that_names_it(tmp_path):
    links = [f"'{supplier} -> TDM'" for supplier in ("ESO", "TRF")]
    streams = [f"TDM:{one.stream}" for one in load_knowledge().dependencies.schedules if one.product == "TDM"]
    text = f"remove: [TDM, {', '.join([*links, *streams])}]\n"
    found = load_knowledge([_overlay(tmp_path, text)])
    assert "TDM" not in {one.id for one in found.catalogue.products()}


NODE = (
    "id: mine, name: Mine, tier: T2, kind: analysis_centre, gate: all, inputs: [gdc_pool], source: [S004], status: seen"
)
LINK = "supplier: SPTS, consumer: ac_gfz, strength: Primary, evidence: assumption"


EGV = """egvs:
  - {id: l3/x, level: Level 3, name: X, domain: Land, subdomain: Physical, products: [{id: XX, name: X, entry: X}]}
"""
COLUMN = """matrix_columns:
  - {egv: l3/glaciers, label: x}
matrix_rows:
  - {egv: l3/sea_ice, cells: {l3/glaciers: Primary}}
"""


@pytest.mark.parametrize(
    ("text", "code", "line", "part"),
    [
        ("nodes: [\n", "FID-2600", 2, "not YAML"),
        ("nodes:\n  - &a {id: x}\n", "FID-2600", 2, "anchor"),
        ("knots: []\n", "FID-2601", 1, "'knots'"),
        ("- 1\n", "FID-2601", 1, "mapping"),
        ("nodes: 3\n", "FID-2601", 1, "list"),
        ("nodes: [3]\n", "FID-2601", 1, "mapping"),
        ("nodes:\n  - {name: no id}\n", "FID-2601", 2, "'id'"),
        (f"nodes:\n  - {{{NODE}, colour: red}}\n", "FID-2601", 2, "'colour'"),
        (f"nodes:\n  - {{{NODE}, hold: 3}}\n", "FID-2601", 2, "hold_days"),
        (f"nodes:\n  - {{{NODE}, hold_days: 3 d}}\n", "FID-2601", 2, "number"),
        (f"nodes:\n  - {{{NODE.replace('all', 'some')}}}\n", "FID-2601", 2, "all, any, k"),
        (f"nodes:\n  - {{{NODE}, k: 2}}\n", "FID-2601", 2, "gate: k"),
        (f"nodes:\n  - {{{NODE.replace('gate: all', 'gate: k')}}}\n", "FID-2601", 2, "'k'"),
        (f"nodes:\n  - {{{NODE}, latency_days: [3, 1]}}\n", "FID-2601", 2, "latency_days"),
        ("\nnodes:\n  - id: itrf\n    hold_days: -1\n", "FID-2601", 4, "hold_days"),
        ("catalogue: {version: V9}\n", "FID-2601", 1, "V9"),
        ("events:\n  - {id: ultra_rapid_delays_2009, expected: maybe}\n", "FID-2601", 2, "maybe"),
        ("events:\n  - {id: ultra_rapid_delays_2009, fails: []}\n", "FID-2601", 2, "fails"),
        ("principles:\n  - {id: rubric_1, kind: rule}\n", "FID-2601", 2, "rule"),
        ("matrix_rows:\n  - {egv: l3/glaciers, cells: {l2/satellite_orbits: Red}}\n", "FID-2601", 2, "Red"),
        ("impact_tiers:\n  - {id: immediate, window_days: [7, 0]}\n", "FID-2601", 2, "window_days"),
        ("impact_tiers:\n  - {id: immediate, all_level_3: true}\n", "FID-2601", 2, "affected"),
        ("versions:\n  - {id: V7.0, counts: {Level 9: 1}}\n", "FID-2601", 2, "Level 9"),
        ("versions:\n  - {id: V7.0, changes: [{kind: swap, after: x}]}\n", "FID-2601", 2, "swap"),
        (f"links:\n  - {{{LINK}, loss_curve: [[1, 0]]}}\n", "FID-2601", 2, "loss_curve"),
        (f"links:\n  - {{{LINK.replace('strength: Primary, ', '')}}}\n", "FID-2601", 2, "strength"),
        (f"links:\n  - {{{LINK}, refines: [a]}}\n", "FID-2601", 2, "refines"),
        (f"links:\n  - {{{LINK}, supplier: []}}\n", "FID-2600", 2, "twice"),
        ("links:\n  - {supplier: [], consumer: ac_gfz}\n", "FID-2601", 2, "supplier"),
        ("makers:\n  - {node: spts, streams: [SPTS]}\n", "FID-2601", 2, "PRODUCT:STREAM"),
        ("schedules:\n  - {product: GSO, stream: final, orbit_input: {class: x, evidence: sourced}}\n",
         "FID-2601", 2, "class"),
        (f"nodes:\n  - {{{NODE.replace('gdc_pool', 'gdc_pol')}}}\n", "FID-2602", 2, "'gdc_pool'"),
        (f"nodes:\n  - {{{NODE.replace('S004', 'S005')}}}\n", "FID-2602", 2, "'S005'"),
        ("risks:\n  - {id: R1, target: weather}\n", "FID-2602", 2, "weather"),
        ("annotations:\n  - {point: Downstream consumers, nodes: [nowhere]}\n", "FID-2602", 2, "nowhere"),
        ("matrix_rows:\n  - {egv: l3/moon, label: Moon, cells: {l2/satellite_orbits: Primary}}\n",
         "FID-2602", 2, "l3/moon"),
        (f"links:\n  - {{{LINK}, refines: [l2/satellite_orbits, l3/sea]}}\n", "FID-2602", 2, "l3/sea"),
        ("\n\nremove: [spocc_software]\n", "FID-2602", 3, "removed"),
        (f"nodes:\n  - {{{NODE}}}\n  - {{{NODE}}}\n", "FID-2603", 3, "line 2"),
        (f"nodes:\n  - {{{NODE.replace('id: mine', 'id: GSO')}}}\n", "FID-2603", 2, "GSO"),
        ("egvs:\n  - {id: l3/x, level: Level 3, name: X, domain: Land, subdomain: Physical, products: []}\n",
         "FID-2604", 2, "product"),
        (EGV, "FID-2604", 2, "depends on nothing"),
        ("nodes:\n  - {id: ac_pool, k: 13}\n", "FID-2605", 2, "13"),
        (f"nodes:\n  - {{{NODE.replace('gdc_pool', 'gdc_pool, gdc_pool')}}}\n", "FID-2605", 2, "once"),
        (f"nodes:\n  - {{{NODE.replace('gdc_pool', 'mine')}}}\n", "FID-2605", 2, "own input"),
        ("nodes:\n  - {id: itrf, breaks_cycle: false}\n", "FID-2606", 2, "-> itrf"),
        ("strength_laws:\n  - {strength: Primary, alpha: {high: 1.5}}\n", "FID-2607", 2, "1.5"),
        ("strength_laws:\n  - {strength: Primary, beta: {low: 0.2}}\n", "FID-2607", 2, "order"),
        (f"links:\n  - {{{LINK}, substitution: {{value: 2, low: 2, high: 2}}}}\n", "FID-2607", 2, "more than 1"),
        (f"links:\n  - {{{LINK}, loss_curve: [[1, 0], [2, 1.5]]}}\n", "FID-2607", 2, "0 to 1"),
        (f"links:\n  - {{{LINK}, loss_curve: [[2, 0], [1, 1]]}}\n", "FID-2607", 2, "grow"),
        ("versions:\n  - {id: V7.0, counts: {total: 22}}\n", "FID-2608", 2, "22"),
        (COLUMN, "FID-2609", 4, "Level 2"),
        ("matrix_rows:\n  - {egv: l3/sea_ice, cells: {l3/glaciers: Primary}}\n", "FID-2609", 2, "Level 2"),
        ("remove: [nobody]\n", "FID-2610", 1, "nobody"),
        ("requirements:\n  - {uid: 1}\n", "FID-2612", 2, "register"),
        ("observations: []\n", "FID-2612", 1, "register"),
    ],
)  # fmt: skip
def test_faults_name_the_overlay_and_the_line(tmp_path, text, code, line, part):
    fault = _fault(tmp_path, text)
    assert (fault.code, fault.where) == (code, f"my-chain.yaml, line {line}")
    assert part in fault.problem + fault.fix


def test_a_cell_in_a_column_that_the_matrix_lacks(knowledge):
    catalogue = replace(knowledge.catalogue, columns=knowledge.catalogue.columns[1:])
    with pytest.raises(FormatError, match=r"FID-2609.*no such column"):
        check_knowledge(replace(knowledge, catalogue=catalogue))


def test_counts_claimed_and_found():
    with pytest.raises(FormatError, match="FID-2608") as caught:
        read_knowledge(_packaged(file=("egv.yaml",), old="products: 54", new="products: 52"))
    assert caught.value.where.startswith("egv.yaml, line ")


def test_an_id_in_two_packaged_files():
    packaged = [*_packaged(), ("more.yaml", b"sources:\n  S004: {title: again}\n")]
    with pytest.raises(FormatError, match="FID-2603") as caught:
        read_knowledge(packaged)
    assert caught.value.where == "more.yaml, line 2"


def test_two_values_of_one_plain_key():
    with pytest.raises(FormatError, match="FID-2603"):
        read_knowledge([*_packaged(), ("more.yaml", b"catalogue: {version: V7.0}\n")])


def test_no_catalogue_at_all():
    with pytest.raises(FormatError, match="FID-2601"):
        read_knowledge([("empty.yaml", b"sources: []\n")])


def test_not_utf_8(tmp_path):
    path = tmp_path / "my-chain.yaml"
    path.write_bytes(b"nodes: [\xff]\n")
    with pytest.raises(FormatError, match="FID-2600"):
        load_knowledge([path])


def test_numbers_made_by_hand(knowledge):
    nodes = tuple(replace(node, hold_days=-1.0) if node.id == "itrf" else node for node in knowledge.workflow.nodes)
    events = tuple(replace(event, duration_days=-1.0) for event in knowledge.workflow.events)
    found = list(find_faults(replace(knowledge, workflow=replace(knowledge.workflow, nodes=nodes, events=events))))
    assert [fault.code for fault in found] == ["FID-2607"] * 4
    with pytest.raises(FormatError, match="3 more faults"):
        check_knowledge(replace(knowledge, workflow=replace(knowledge.workflow, nodes=nodes, events=events)))

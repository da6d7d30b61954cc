"""Statements of the sources held against the model: computed, and sensitive to the data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducial.chain.check_results import Finding, Verdict
from fiducial.chain.checks import CHECKS, contradictions, run_checks
from fiducial.chain.egv import Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import InputError
from fiducial.runs.chain_knowledge import load_knowledge


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge()


@pytest.fixture(scope="module")
def findings(knowledge: Knowledge) -> dict[str, Finding]:
    return {finding.statement.id: finding for finding in run_checks(knowledge)}


@pytest.mark.parametrize(
    ("statement", "computed", "verdict"),
    [
        ("orbits_share", "12 of 14", Verdict.CONTRADICTS),
        ("egv_total", "21", Verdict.AGREES),
        ("egv_white_paper", "18", Verdict.AGREES),
        ("products_white_paper", "54", Verdict.AGREES),
        ("products_listed", "52", Verdict.AGREES),
        ("tiers_complete", "12 of 14 named", Verdict.MISSING),
        ("tiers_depth", "0.669 of 71 pairs", Verdict.CONTRADICTS),
        ("tiers_strength", "0.873 of 71 pairs", Verdict.CONTRADICTS),
        ("tiers_windows", "3 pairs overlap", Verdict.CONTRADICTS),
        ("feeds", "7 of 12 listed", Verdict.MISSING),
        ("frame_to_orbits", "no cell", Verdict.MISSING),
        ("eop_to_orbits", "no cell", Verdict.MISSING),
        ("frame_cascade", "0 cells", Verdict.UNDEFINED),
        ("level_1_parents", "2 of 4", Verdict.MISSING),
        ("level_1_observations", "T3", Verdict.CONTRADICTS),
        ("orbit_products", "2 of 3 products", Verdict.MISSING),
        ("latency_tier_2", "11 d to 18 d", Verdict.CANNOT_HOLD),
        ("latency_ultra", "3 h to 3 h", Verdict.CANNOT_HOLD),
        ("latency_rapid", "17 h to 41 h", Verdict.CONTRADICTS),
        ("latency_final", "13 d to 20 d", Verdict.CONTRADICTS),
        ("matrix_unchanged", "0 cells", Verdict.UNDEFINED),
        ("risk_combination", "Critical", Verdict.CONTRADICTS),
        ("official_software", "one of 2", Verdict.UNDEFINED),
    ],
)
def test_finds_what_reading_found(
    findings: dict[str, Finding], statement: str, computed: str, verdict: Verdict
) -> None:
    assert (findings[statement].computed, findings[statement].verdict) == (computed, verdict)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("tiers_complete", ["Global Earth Gravity Field", "Regional Gravity Field Model"]),
        ("feeds", ["Sea Ice", "Earth Orientation Parameters (EOP)"]),
        ("level_1_parents", ["Sea Water Level Records", "Land and Marine Gravity Data"]),
        ("orbit_products", ["ESO"]),
        ("tiers_co_production", ["Land Geometry", "Regional Reference Frames"]),
    ],
)
def test_names_what_is_at_fault(findings: dict[str, Finding], statement: str, named: list[str]) -> None:
    for name in named:
        assert name in findings[statement].explanation


def test_every_check_is_used_and_every_finding_explained(findings: dict[str, Finding]) -> None:
    assert {finding.statement.check for finding in findings.values()} == set(CHECKS)
    assert all(finding.explanation and finding.statement.source for finding in findings.values())
    assert all(finding.verdict is not Verdict.AGREES for finding in contradictions(tuple(findings.values())))


def test_a_changed_cell_changes_the_count(knowledge: Knowledge) -> None:
    cells = knowledge.catalogue.cells
    first = next(
        cell for cell in cells if cell.supplier == "l2/satellite_orbits" and cell.strength is Strength.IMPORTANT
    )
    weaker = tuple(replace(cell, strength=Strength.INDIRECT) if cell is first else cell for cell in cells)
    changed = replace(knowledge, catalogue=replace(knowledge.catalogue, cells=weaker))
    found = {finding.statement.id: finding for finding in run_checks(changed)}
    assert found["orbits_share"].computed == "11 of 14"
    assert found["tiers_depth"].computed != "0.669 of 71 pairs"


def test_a_cell_for_the_prose_edge_mends_it(knowledge: Knowledge) -> None:
    cells = knowledge.catalogue.cells
    edge = replace(cells[0], supplier="l3/global_reference_frames", consumer="l2/satellite_orbits")
    changed = replace(knowledge, catalogue=replace(knowledge.catalogue, cells=(*cells, edge)))
    found = {finding.statement.id: finding for finding in run_checks(changed)}
    assert found["frame_to_orbits"].verdict is Verdict.AGREES
    assert found["frame_cascade"].verdict is Verdict.AGREES


@pytest.mark.parametrize(
    ("check", "value"), [("no_such_check", "1"), ("latency", "T3"), ("egv_count", None), ("produced_by", "PMM T3")]
)
def test_a_statement_that_cannot_be_computed_is_refused(knowledge: Knowledge, check: str, value: str | None) -> None:
    wrong = replace(knowledge.catalogue.statements[0], check=check, value=value)
    changed = replace(knowledge, catalogue=replace(knowledge.catalogue, statements=(wrong,)))
    with pytest.raises(InputError, match="FID-1416"):
        run_checks(changed)


def test_what_came_later_is_undefined_in_an_earlier_version() -> None:
    found = {one.statement.id: one for one in run_checks(load_knowledge(version="V6.0"))}
    assert found["level_1_parents"].verdict is Verdict.UNDEFINED
    assert "V6.0 lacks" in found["level_1_parents"].explanation
    assert found["level_1_observations"].verdict is Verdict.UNDEFINED
    assert len(found) == len(run_checks(load_knowledge()))

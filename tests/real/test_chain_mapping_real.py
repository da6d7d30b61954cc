"""The catalogue holds every cell of the published mapping, read from the mapping itself."""

from __future__ import annotations

import pytest

from fiducial.chain.egv import Level
from fiducial.runs.chain_knowledge import load_knowledge
from support import data_path


@pytest.fixture(scope="module")
def tables():
    """Tables of the source by the first cell of their head."""
    found = {}
    rows = None
    for line in data_path("source", "004_0a55100726945a2b.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows is None:
            rows = found[cells[0] + ("/matrix" if "Satellite Orbits" in cells else "")] = [cells]
        elif set(cells) != {"---"}:
            rows.append(cells)
    return found


@pytest.fixture(scope="module")
def catalogue():
    return load_knowledge().catalogue


@pytest.mark.real
@pytest.mark.parametrize("level", list(Level))
def test_variables_and_products(tables, catalogue, level):
    rows = []
    for egv in catalogue.of_level(level):
        entries = list(dict.fromkeys(product.entry for product in egv.products))
        rows.append([egv.name, egv.domain, egv.subdomain, egv.description or ", ".join(entries)])
    assert rows == tables[f"{level} EGV"][1:]


@pytest.mark.real
def test_matrix(tables, catalogue):
    raw = {(cell.consumer, cell.supplier): cell.raw for cell in catalogue.cells}
    rows = [["Level 3 EGV", *(column.label for column in catalogue.columns)]]
    rows += [
        [row.label, *(raw.get((row.egv, column.egv), "—") for column in catalogue.columns)] for row in catalogue.rows
    ]
    assert rows == tables["Level 3 EGV/matrix"]


@pytest.mark.real
def test_tiers_co_products_levels_annotations(tables, catalogue):
    assert tables["Impact Tier"][1:] == [[t.name, t.affected_text, t.mechanism] for t in catalogue.impact_tiers]
    assert tables["Co-produced EGV"][1:] == [[c.text, c.level, c.mechanism, c.notes] for c in catalogue.co_products]
    levels = [[s.name, s.data_level, s.data_type, s.latency_stated] for s in catalogue.data_levels]
    assert tables["Workflow Tier"][1:] == levels
    assert tables["Annotation Point"][1:] == [[a.point, a.label, a.links_to] for a in catalogue.annotations]

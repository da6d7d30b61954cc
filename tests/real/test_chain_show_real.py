"""The Markdown page against the two source documents, cell by cell."""

from __future__ import annotations

import re

import pytest

from chain_small import packaged
from fiducial.formats import chain_markdown
from markdown_tables import read_tables
from support import data_path

pytestmark = pytest.mark.real

MAPPING = "004_0a55100726945a2b.txt"
PRODUCT = "000_a5131b520d2edc94.txt"


def source_tables(text):
    """Rows of every pipe table of the mapping, head first, without separators."""
    tables: list[list[list[str]]] = []
    before = False
    for line in text.splitlines():
        inside = line.startswith("|")
        if inside and not before:
            tables.append([])
        before = inside
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if inside and not all(re.fullmatch("-+", cell) for cell in cells):
            tables[-1].append(cells)
    return tables


@pytest.fixture(scope="module")
def page():
    return chain_markdown.write(packaged())


def test_every_cell_of_the_mapping_stands_in_the_same_row(page):
    source = source_tables(data_path("source", MAPPING).read_text(encoding="utf-8"))
    assert len(source) == 9
    ours = read_tables(page)
    cells = 0
    for table in source:
        twins = [one for one in ours if one[0] == table[0]]
        assert len(twins) == 1, table[0]
        assert twins[0] == table
        cells += sum(len(row) for row in table[1:])
    # 4 columns for 2 + 1 + 14 + 4 variables, 4 co-products and 4 tiers; 5 for 14 rows; 3 for 4 tiers and 6 annotations.
    assert cells == 4 * (2 + 1 + 14 + 4 + 4 + 4) + 5 * 14 + 3 * (4 + 6)


def test_cells_need_no_escapes_that_the_source_does_not_have(page):
    for table in source_tables(data_path("source", MAPPING).read_text(encoding="utf-8")):
        for row in table:
            assert any(all(f"| {cell} |" in line for cell in row) for line in page.splitlines()), row


def test_the_counts_are_those_the_mapping_states(page):
    text = data_path("source", MAPPING).read_text(encoding="utf-8")
    stated = re.search(r"Total EGV count: (\d+) \((.*?)\)", text)
    assert stated is not None
    assert f"- {stated[1]} EGVs = {stated[2]}." in page
    upper = [
        table
        for table in source_tables(text)
        if table[0][0] in {"Level 2 EGV", "Level 3 EGV"} and table[0][-1].startswith("Contributing")
    ]
    entries = sum(len(row[-1].split(", ")) for table in upper for row in table[1:])
    products = sum(len(entry.partition(" / ")[0::2]) if " / " in entry else 1
                   for table in upper for row in table[1:] for entry in row[-1].split(", "))  # fmt: skip
    assert (entries, products) == (52, 54)
    assert f"{entries} entries in the tables, which are {products} products" in page


def test_the_columns_of_the_matrix_are_counted_as_the_source_has_them(page):
    text = data_path("source", MAPPING).read_text(encoding="utf-8")
    matrix = next(table for table in source_tables(text) if table[0][1:2] == ["Satellite Orbits"])
    counted = next(table for table in read_tables(page) if table[0][1:] == ["Primary", "Important", "Indirect", "None"])
    for k, label in enumerate(matrix[0][1:], 1):
        words = [row[k].split()[0] for row in matrix[1:]]
        numbers = [words.count(word) for word in ("Primary", "Important", "Indirect", "—")]
        assert [label, *map(str, numbers)] in counted


def test_the_product_of_the_register_stands_field_by_field(page):
    text = data_path("source", PRODUCT).read_text(encoding="utf-8")
    ours = next(table for table in read_tables(page) if ["UID", "343"] in table)
    fields = (
        "UID",
        "Name",
        "Status",
        "Group",
        "Area",
        "Component",
        "Service",
        "Entrusted Entities",
        "Created on",
        "Last updated on",
    )
    for field in fields:
        value = re.search(rf"^{field} (.*)$", text, re.MULTILINE)
        assert value is not None
        assert [field, value[1].strip()] in ours


def test_the_requirements_of_the_register_stand_row_by_row(page):
    text = data_path("source", PRODUCT).read_text(encoding="utf-8")
    head, rest = text.split("Created on Last updated on\n")
    assert head.endswith("Criticality Barriers Note ")
    date = r"[A-Z][a-z]+\.? \d{1,2}, \d{4}, [\d:]+ [ap]\.m\."
    record = re.compile(
        r"^(\d{3}) (.*?) (Firm|Reasonable|Tentative|Speculative) (Product generation|Calibration and validation|Supporting "
        rf"exploitation) (Essential|Desirable|Optional)\n(.*?)({date}) ({date})", re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    ours = next(
        table for table in read_tables(page) if table[0][:2] == ["UID", "Requirement"] and "Barriers" in table[0]
    )
    barriers = {"Data policy", "Update Frequency"}
    found = record.findall(rest)
    assert [one[0] for one in found] == ["369", "379", "502", "505", "515", "436", "501"]
    for row, one in zip(ours[1:], found, strict=True):
        *words, body, created, updated = one
        assert row[:5] == words
        assert row[5] == ", ".join(line for line in body.splitlines() if line in barriers)
        assert row[7:9] == [created, updated]
        has_note = any(line not in barriers for line in body.splitlines() if line.strip())
        assert bool(row[6]) == has_note

"""The Markdown page: escaping, tables that renderers read, annotations at their nodes."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from chain_small import packaged, small
from fiducial.formats import chain_markdown
from fiducial.formats.chain_tables import Table, as_printed
from markdown_tables import read_tables


def test_every_row_has_the_cells_of_its_head():
    page = chain_markdown.write(packaged())
    found = read_tables(page)
    assert len(found) >= 20
    assert all(len(row) == len(table[0]) for table in found for row in table)
    # As many tables as separators: no table was swallowed by a paragraph.
    assert len(found) == sum(line.startswith("|---") for line in page.splitlines())


def test_annotations_stand_at_their_nodes():
    page = chain_markdown.write(packaged())
    for annotation in packaged().catalogue.annotations:
        for node in annotation.nodes:
            rows = [line for line in page.splitlines() if line.startswith(f"| {node} |")]
            assert rows, node
            assert annotation.label in rows[0]


def test_the_page_tells_the_counts_it_computed():
    page = chain_markdown.write(packaged())
    assert "21 EGVs = 2 Basis + 1 Level 1 + 4 Level 2 + 14 Level 3" in page
    assert "52 entries in the tables, which are 54 products" in page


def test_a_page_of_a_small_chain_leaves_empty_chapters_out():
    page = chain_markdown.write(small())
    assert "CIS2" not in page
    assert "## Risks" not in page
    assert page.endswith("|\n")


@pytest.mark.parametrize(
    "text",
    ["a|b", "*a*", "__a__", "_a_ b", "`a`", "[a](b)", "![a](b)", "[a]: b", "<b>", "&amp;", "&#35;", "a\\|b", "~~a~~", "\\",
     "$x$", "@me", "x^2^", ":tada:", "[^1]", "<!-- -->", "- a", "# a", "1. a", "a\nb", "Positions & Variations", "EGV_Levels.md"],
)  # fmt: skip
def test_markup_in_names_is_shown_and_does_nothing(text):
    ((head, row),) = read_tables(chain_markdown.table_text(Table("t", ("x",), ((text,),))))
    assert head == ["x"]
    assert row == [text]


@pytest.mark.parametrize("text", ["# a", "- a", "1. a", "> a", "+ a", "=== a"])
def test_a_note_is_a_paragraph_of_a_list(text):
    page = chain_markdown.write_tables("t", [Table("u", ("x",), (("y",),), notes=(text,))])
    inline = [token.content for token in MarkdownIt("commonmark").parse(page) if token.type == "inline"]
    assert len(inline) >= 3
    types = [token.type for token in MarkdownIt("commonmark").parse(page)]
    assert types.count("heading_open") == 2
    assert types.count("list_item_open") == 1


def test_dates_are_printed_as_the_register_does():
    assert as_printed("2021-12-01T10:00") == "Dec. 1, 2021, 10 a.m."
    assert as_printed("2021-12-01T00:00") == "Dec. 1, 2021, midnight"
    assert as_printed("2021-12-01T00:05") == "Dec. 1, 2021, 12:05 a.m."
    assert as_printed("unknown") == "unknown"

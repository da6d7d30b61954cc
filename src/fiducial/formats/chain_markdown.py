"""The knowledge of the chain as one Markdown page (GitHub and Pandoc tables) that can stand in place of its sources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fiducial.chain.egv import Level
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import CIRCULAR, Counts, counts
from fiducial.formats import chain_tables as tables
from fiducial.formats import chain_workflow_tables as workflow
from fiducial.formats.chain_tables import Table

_ALWAYS: Final = re.compile(r"[\\`*|~$@^]")
_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_LINK: Final = re.compile(r"\](?=[(\[:])")
_FOOTNOTE: Final = re.compile(r"\[(?=\^)")
_IMAGE: Final = re.compile(r"!(?=\[)")
_EMOJI: Final = re.compile(r":(?=[\w+-]+:)")
_MARK: Final = re.compile(r"^(\s*)([#>+=-]|\d+[.)])")


def write(knowledge: Knowledge) -> str:
    """Return the page.

    Parameters
    ----------
    knowledge : Knowledge

    Returns
    -------
    str
        Markdown with pipe tables, ends with a line feed.
    """
    found = counts(knowledge.catalogue)
    parts = [
        f"# Essential Geodetic Variables: products, dependencies, supply chain ({escape(knowledge.catalogue.version)})",
        *_counted(knowledge, found),
        *_chapter("Variables and products", tables.levels(knowledge)),
        *_matrix(knowledge),
        *_chapter("What a failure of the satellite orbits reaches", [tables.impact_tiers(knowledge), tables.co_production(knowledge)]),
        *_chapter("Data levels and latencies", [tables.data_levels(knowledge), tables.latencies(knowledge)]),
        *_workflow(knowledge),
        *_register(knowledge),
        *_chapter("Versions", [tables.versions(knowledge)]),
        "## Sources",
        table_text(tables.sources(knowledge)),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def write_tables(title: str, chosen: Iterable[Table]) -> str:
    """Return a page of the tables given.

    Parameters
    ----------
    title : str
    chosen : iterable of Table

    Returns
    -------
    str
        Markdown, ends with a line feed.
    """
    return "\n\n".join([f"# {escape(title)}", *(part for table in chosen for part in _section(table, "##"))]) + "\n"


def table_text(table: Table) -> str:
    """Return a pipe table; every row has the cells of the head."""
    lines = [_row(table.columns), "|" + "---|" * len(table.columns), *(_row(row) for row in table.rows)]
    return "\n".join(lines)


def escape(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    Only what would be taken for markup is escaped, so that a plain cell stays as its source printed it.

    Examples
    --------
    >>> print(escape("a|b *c* <d> [e](f) [g] h_i"))
    a\|b \*c\* &lt;d&gt; [e\](f) [g] h_i
    """
    out = _ENTITY.sub("&amp;", text)
    out = _ALWAYS.sub(lambda found: "\\" + found[0], out)
    out = out.replace("<", "&lt;").replace(">", "&gt;")
    for pattern in (_UNDERSCORE, _LINK, _FOOTNOTE, _IMAGE, _EMOJI):
        out = pattern.sub(lambda found: "\\" + found[0], out)
    return re.sub(r"\r\n?|\n", "<br>", out)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def _line(text: str) -> str:
    """Return a text that stands at the beginning of a line and is no heading, list or quotation."""
    return _MARK.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", escape(text))


def _section(table: Table, head: str) -> list[str]:
    if not table.rows:
        return []
    notes = ["\n".join(f"- {_line(note)}" for note in table.notes)] if table.notes else []
    heads = [f"{head} {escape(table.title)}"] if table.title else []
    return [*heads, *notes, table_text(table)]


def _chapter(title: str, chosen: Iterable[Table]) -> list[str]:
    parts = [part for table in chosen for part in _section(table, "###")]
    return [f"## {title}", *parts] if parts else []


def _counted(knowledge: Knowledge, found: Counts) -> list[str]:
    levels = " + ".join(f"{one.egvs} {one.name}" for one in found.levels)
    upper = [knowledge.catalogue.level_name(one) for one in (Level.LEVEL_2, Level.LEVEL_3)]
    ours = (
        "Identifiers, counts, and what is marked (ours) are the project's. Tables of variables, matrix, tiers, co-production, "
        "data levels and annotations are those printed; facts of the workflow and notes of the register are in our words."
    )
    lines = [
        f"- {found.egvs} EGVs = {levels}.",
        f"- {' and '.join(upper)}: {found.entries_level_2_3} entries in the tables, which are {found.products_level_2_3} products.",
        f"- {len(knowledge.workflow.nodes)} nodes of the workflow, {len(knowledge.sources)} sources.",
        f"- {ours}",
    ]
    return ["\n".join(lines), *_section(tables.level_counts(found), "##")]


def _matrix(knowledge: Knowledge) -> list[str]:
    table = tables.dependency_matrix(knowledge)
    if not table.rows:
        return []
    catalogue = knowledge.catalogue
    names = {label.egv: label.label for label in (*catalogue.rows, *catalogue.columns)}
    circular = [
        f"{CIRCULAR} {escape(names.get(cell.consumer, cell.consumer))} and {escape(names.get(cell.supplier, cell.supplier))} "
        "need each other: the dependency is circular (see Circular dependencies)."
        for cell in catalogue.cells
        if cell.circular
    ]
    return [
        f"## {escape(table.title)}",
        *_section(tables.strengths(knowledge), "###"),
        "### Matrix",
        table_text(table),
        *circular,
        *_section(tables.column_counts(knowledge, counts(catalogue)), "###"),
    ]


def _workflow(knowledge: Knowledge) -> list[str]:
    after = (
        workflow.cycles(knowledge),
        workflow.risks(knowledge),
        workflow.events(knowledge),
        workflow.pipelines(knowledge),
        workflow.principles(knowledge),
        workflow.facts(knowledge),
    )
    return [
        *_chapter("Workflow", [tables.linkage(knowledge), *workflow.tiers(knowledge, facts=True)]),
        *(part for table in after for part in _section(table, "###")),
    ]


def _register(knowledge: Knowledge) -> list[str]:
    chosen = [
        part
        for one in knowledge.register.products
        for part in (tables.register_product(one), tables.product_requirements(knowledge, one.uid))
    ]
    remarks = "\n".join(f"- {_line(one)}" for one in knowledge.register.observations)
    parts = _chapter("In-situ requirements (CIS2)", [*chosen, tables.metrics(knowledge)])
    return [*parts, remarks] if parts else []

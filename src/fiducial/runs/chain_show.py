"""Showing the knowledge of the chain: what is wanted, in which format, written where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fiducial.chain.egv import Level
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import InputError
from fiducial.formats import chain_dot, chain_graphml, chain_json, chain_markdown, chain_mermaid
from fiducial.formats import chain_identity as ids
from fiducial.formats import chain_tables as tables
from fiducial.formats import chain_workflow_tables as workflow
from fiducial.formats.atomic import atomic_file
from fiducial.formats.chain_graph import PARTS, ChainGraph, graph
from fiducial.formats.chain_json_model import Document
from fiducial.formats.chain_tables import Table
from fiducial.runs.chain_knowledge import load_knowledge
from fiducial.runs.chain_show_record import Record, find, record_tables

What = Literal["matrix", "egvs", "products", "tiers", "workflow", "versions", "risks", "sources"]
Format = Literal["text", "json", "markdown", "mermaid", "dot", "graphml", "skos"]
USAGE: Final = "FID-1425"
_JSON_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "matrix": ("matrix", "strengths", "counts"),
    "egvs": ("egvs",),
    "products": ("products", "streams", "links"),
    "tiers": ("tiers", "co_products", "data_levels"),
    "workflow": ("workflow", "annotations", "data_levels"),
    "versions": ("versions", "counts"),
    "risks": ("workflow",),
    "sources": ("sources",),
    "requirements": ("requirements",),
}
_GRAPH_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "matrix": ("matrix",),
    "egvs": ("matrix",),
    "products": ("matrix", "products"),
    "tiers": ("workflow",),
    "workflow": ("workflow",),
}
_OF_LEVEL: Final = frozenset({"egvs", "products", "matrix"})
_OF_TIER: Final = frozenset({"workflow", "tiers"})


@dataclass(frozen=True, slots=True)
class ShowRequest:
    """What to show; without identity, level, tier and ``what`` all of it."""

    identity: str | None = None
    level: str | None = None
    tier: str | None = None
    what: What | None = None
    models: Sequence[Path] = ()
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A request with its words resolved."""

    knowledge: Knowledge
    what: What | None = None
    record: Record | None = None
    level: Level | None = None
    tier: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all is wanted."""
        return self.what is None and self.record is None and self.level is None and self.tier is None

    @property
    def egvs(self) -> tuple[str, ...] | None:
        """Ids of the variables wanted, or None for all."""
        if self.level is not None:
            return tuple(egv.id for egv in self.knowledge.catalogue.of_level(self.level))
        return None if self.record is None else self.record.egvs


def select(request: ShowRequest) -> Selection:
    """Load the knowledge and resolve what is wanted of it.

    Raises
    ------
    InputError
        FID-1424 for an id that nothing has, FID-1425 for a level or tier that is not there, or wishes that do not go
        together.
    FormatError
        As :func:`~fiducial.runs.chain_knowledge.load_knowledge`.
    """
    _check(request)
    knowledge = load_knowledge(tuple(request.models), request.version)
    level = None if request.level is None else _level(knowledge, request.level)
    tier = None if request.tier is None else _tier(knowledge, request.tier)
    record = None if request.identity is None else find(knowledge, request.identity)
    return Selection(knowledge, request.what, record, level, tier)


def show_tables(selection: Selection) -> tuple[str, tuple[Table, ...]]:
    """Return a title and the tables of a selection."""
    knowledge = selection.knowledge
    version = f"Essential Geodetic Variables {knowledge.catalogue.version}"
    if selection.record is not None:
        return selection.record.title, record_tables(knowledge, selection.record)
    if selection.what is not None:
        return version, _tables_of(selection, selection.what)
    if selection.level is not None:
        return version, (tables.level(knowledge, selection.level), _matrix(selection))
    if selection.tier is not None:
        return version, _tier_tables(knowledge, selection.tier)
    return version, (*tables.overview(knowledge), *tables.levels(knowledge), tables.dependency_matrix(knowledge),
                     tables.strengths(knowledge), tables.impact_tiers(knowledge))  # fmt: skip


def render(selection: Selection, kind: Format) -> bytes:
    """Return a selection in a format for machines or for publication.

    Parameters
    ----------
    selection : Selection
    kind : str
        Every format but ``text``, which :func:`show_tables` serves.

    Returns
    -------
    bytes
        UTF-8.

    Raises
    ------
    InputError
        FID-1425 when the format cannot show the selection, FID-1427 when rdflib is missing.
    FormatError
        FID-2635 when a name cannot stand in XML.
    """
    if kind == "json":
        return chain_json.write(_document(selection)).encode()
    if kind == "markdown":
        if selection.whole:
            return chain_markdown.write(selection.knowledge).encode()
        return chain_markdown.write_tables(*show_tables(selection)).encode()
    if kind == "skos":
        if not selection.whole:
            raise _usage("SKOS holds the whole scheme", "--format skos", "leave the selection out")
        from fiducial.formats import chain_skos

        return chain_skos.write(selection.knowledge).encode()
    drawn = _graph(selection, kind)
    if kind == "graphml":
        return chain_graphml.write(drawn)
    write = chain_dot.write if kind == "dot" else chain_mermaid.write
    return write(drawn).encode()


def choose_format(kind: Format, *, json: bool) -> Format:
    """Return the format wanted; ``--json`` is short for one of them.

    Raises
    ------
    InputError
        FID-1425 when both name a format, and different ones.
    """
    if json and kind not in {"text", "json"}:
        raise _usage(f"JSON and {kind} cannot both be printed", "--json, --format", "give either of them")
    return "json" if json else kind


def write_file(data: bytes, path: Path, *, overwrite: bool = False) -> None:
    """Write what was rendered, whole or not at all.

    Raises
    ------
    InputError
        FID-1002 when the file exists and may not be replaced.
    """
    with atomic_file(path, overwrite=overwrite) as partial:
        partial.write_bytes(data)


def check_plot(path: Path) -> None:
    """Refuse a file name that is no figure's.

    Raises
    ------
    InputError
        FID-1426 unless the name ends in .png or .svg.
    """
    if path.suffix.lower() not in {".png", ".svg"}:
        raise InputError("FID-1426", f"a figure cannot be written as {path.suffix or 'a file without suffix'}",
                         where=str(path), fix="end the name in .png or .svg")  # fmt: skip


def plot_matrix(knowledge: Knowledge, path: Path, *, overwrite: bool = False) -> None:
    """Draw the matrix into a file.

    Raises
    ------
    InputError
        FID-1426 unless the name ends in .png or .svg; FID-1002 when the file exists and may not be replaced.
    """
    check_plot(path)
    from fiducial.reports.chain_matrix import matrix_figure
    from fiducial.reports.style import png_bytes, svg_bytes

    figure = matrix_figure(knowledge.catalogue)
    write_file(svg_bytes(figure) if path.suffix.lower() == ".svg" else png_bytes(figure), path, overwrite=overwrite)


def _usage(problem: str, where: str, fix: str) -> InputError:
    return InputError(USAGE, problem, where=where, fix=fix)


def _check(request: ShowRequest) -> None:
    others = [name for name, value in (("--level", request.level), ("--tier", request.tier)) if value is not None]
    if request.identity is not None and (others or request.what is not None):
        with_it = ", ".join([*others, *(["--what"] if request.what is not None else [])])
        raise _usage(f"one record is wanted, and {with_it} too", f"ID {request.identity}", "give either of them")
    if len(others) == 2:
        raise _usage("a level of variables and a tier of the workflow are different things", "--level, --tier",
                     "give either of them")  # fmt: skip
    if request.what is not None and request.level is not None and request.what not in _OF_LEVEL:
        raise _usage(f"{request.what} have no level", "--level", f"use it with --what {', '.join(sorted(_OF_LEVEL))}")
    if request.what is not None and request.tier is not None and request.what not in _OF_TIER:
        raise _usage(f"{request.what} have no tier", "--tier", f"use it with --what {', '.join(sorted(_OF_TIER))}")


def _level(knowledge: Knowledge, text: str) -> Level:
    catalogue = knowledge.catalogue
    names: dict[str, Level] = {}
    for level in Level:
        if catalogue.of_level(level):
            name = catalogue.level_name(level)
            names |= dict.fromkeys((level.lower(), name.lower(), name.lower().replace("level ", "l")), level)
    found = names.get(text.lower())
    if found is None:
        raise _usage(
            f"the catalogue {catalogue.version} has no level {text!r}", "--level", f"use one of: {', '.join(names)}"
        )
    return found


def _tier(knowledge: Knowledge, text: str) -> str:
    known = workflow.tier_ids(knowledge)
    found = next((one for one in known if one.lower() in {text.lower(), f"t{text.lower()}"}), None)
    if found is None:
        raise _usage(f"the workflow has no tier {text!r}", "--tier", f"use one of: {', '.join(known)}")
    return found


def _tables_of(selection: Selection, what: What) -> tuple[Table, ...]:
    knowledge = selection.knowledge
    wanted = tuple(egv for egv in knowledge.catalogue.egvs if selection.egvs is None or egv.id in selection.egvs)
    if selection.tier is not None:
        return _tier_tables(knowledge, selection.tier)
    makers: dict[What, Callable[[], tuple[Table, ...]]] = {
        "matrix": lambda: (_matrix(selection), tables.strengths(knowledge), tables.overview(knowledge)[1]),
        "tiers": lambda: (tables.impact_tiers(knowledge), tables.co_production(knowledge), tables.data_levels(knowledge),
                          tables.latencies(knowledge)),
        "workflow": lambda: (tables.linkage(knowledge), *workflow.tiers(knowledge), workflow.cycles(knowledge),
                             workflow.pipelines(knowledge)),
        "risks": lambda: (workflow.risks(knowledge), workflow.events(knowledge)),
        "egvs": lambda: (tables.variables(knowledge, wanted),),
        "products": lambda: (tables.products(wanted),),
        "versions": lambda: (tables.versions(knowledge),),
        "sources": lambda: (tables.sources(knowledge),),
    }  # fmt: skip
    return makers[what]()


def _matrix(selection: Selection) -> Table:
    """Return the matrix, of it the rows or the columns of a level."""
    table = tables.dependency_matrix(selection.knowledge)
    if selection.egvs is None:
        return table
    catalogue = selection.knowledge.catalogue
    rows = [k for k, row in enumerate(catalogue.rows) if row.egv in selection.egvs]
    columns = [k for k, column in enumerate(catalogue.columns) if column.egv in selection.egvs]
    if not rows and not columns:
        return Table(table.title, table.columns, ())
    kept = columns or list(range(len(catalogue.columns)))
    chosen = [table.rows[k] for k in rows] or list(table.rows)
    return Table(
        table.title,
        (table.columns[0], *(table.columns[k + 1] for k in kept)),
        tuple((row[0], *(row[k + 1] for k in kept)) for row in chosen),
        table.colours,
    )


def _tier_tables(knowledge: Knowledge, tier: str) -> tuple[Table, ...]:
    name = workflow.tier_name(knowledge, tier)
    found = []
    for table in (tables.data_levels(knowledge), tables.latencies(knowledge)):
        rows = tuple(row for row in table.rows if row[0] == name)
        found.append(Table(table.title, table.columns, rows, table.colours))
    return (*found, workflow.tier_nodes(knowledge, tier))


def _document(selection: Selection) -> Document:
    knowledge, record = selection.knowledge, selection.record
    nodes = None
    parts: tuple[str, ...] = chain_json.PARTS
    if record is not None:
        parts, nodes = record.parts, record.nodes
    elif selection.what is not None:
        parts = _JSON_PARTS[selection.what]
        if selection.what == "risks":
            return chain_json.document(knowledge, parts, nodes=(), joined=False)
    elif selection.level is not None:
        parts = ("egvs", "products", "matrix")
    elif selection.tier is not None:
        parts = _JSON_PARTS["workflow"]
    if selection.tier is not None:
        nodes = tuple(node.id for node in knowledge.workflow.nodes if node.tier == selection.tier)
    return chain_json.document(knowledge, parts, egvs=selection.egvs, nodes=nodes)


def _graph(selection: Selection, kind: str) -> ChainGraph:
    knowledge = selection.knowledge
    where = f"--format {kind}"
    if selection.record is not None:
        if selection.record.curie is None:
            raise _usage("this record is no node of a graph", where, "use --format text, json or markdown")
        return graph(knowledge).around(selection.record.curie)
    if selection.what is not None and selection.what not in _GRAPH_PARTS:
        raise _usage(f"{selection.what} are no graph", where, f"use it with --what {', '.join(_GRAPH_PARTS)}")
    whole = ("workflow", "matrix") if kind == "mermaid" else PARTS
    parts = whole if selection.what is None else _GRAPH_PARTS[selection.what]
    drawn = graph(knowledge, parts)
    if selection.level is not None:
        return drawn.of_group(ids.level(selection.level))
    return drawn if selection.tier is None else drawn.of_group(ids.tier(selection.tier))

"""Write records inside a transaction: every statement may be repeated, by any number of processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from fiducial.catalogue import rows
from fiducial.catalogue.records import AgentRecord, EdgeRecord, Entity, FileRecord, ProductRecord, Relation, RunRecord
from fiducial.catalogue.schema import AGENT, EDGE, ENTITY, FILE, LOCATION, NODE, PRODUCT, RUN
from fiducial.errors import CatalogueError

UNKNOWN_FORMAT: Final = "unknown"
_CHUNK: Final = 500
_EMPTY: Final = "{}"
_RUN: Final = "run"


@dataclass(frozen=True, slots=True)
class Seen:
    """Size (bytes) and time of change (ns since 1970) of a file when it was hashed."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are added in one transaction, in whatever order.

    Attributes
    ----------
    seen : mapping of path to Seen
        For paths of ``files``.
    """

    files: Sequence[FileRecord] = ()
    entities: Sequence[Entity] = ()
    products: Sequence[ProductRecord] = ()
    agents: Sequence[AgentRecord] = ()
    edges: Sequence[EdgeRecord] = ()
    seen: Mapping[str, Seen] = field(default_factory=dict)


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield values, each once, in pieces that fit into one statement."""
    whole = sorted(set(values))
    for first in range(0, len(whole), _CHUNK):
        yield whole[first : first + _CHUNK]


def keys_of(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Return the keys of the nodes that exist among the ids."""
    found: dict[str, int] = {}
    for part in chunks(ids):
        found |= {
            row.id: row.key for row in connection.execute(select(NODE.c.id, NODE.c.key).where(NODE.c.id.in_(part)))
        }
    return found


def write_batch(connection: Connection, batch: Batch) -> None:
    """Add the records of a batch.

    Raises
    ------
    CatalogueError
        FID-4004 for an edge or a product that names an id that is not there; FID-4005 for a record that cannot be
        stored.
    """
    _write_agents(connection, batch.agents)
    nodes = {one.id: rows.node_row(one.id, str(one.kind), one.name) for one in batch.entities}
    nodes |= {one.id: rows.node_row(one.id, "product", one.name) for one in batch.products}
    nodes |= {one.id: rows.node_row(one.id, "file", one.name) for one in batch.files}
    keys = _write_nodes(connection, nodes)
    _upsert(connection, ENTITY, [{"key": keys[one.id], **rows.entity_row(one)} for one in batch.entities])
    _write_files(connection, batch.files, keys, batch.seen)
    _upsert(connection, PRODUCT, [{"key": keys[one.id], **rows.product_row(one)} for one in batch.products])
    members = [EdgeRecord(Relation.MEMBER, one.id, file) for one in batch.products for file in one.files]
    stated = {(edge.source, edge.target) for edge in batch.edges if edge.relation is Relation.MEMBER}
    members = [edge for edge in members if (edge.source, edge.target) not in stated]
    _forget_members(connection, [keys[one.id] for one in batch.products])
    write_edges(connection, [*members, *batch.edges], keys)


def write_edges(connection: Connection, edges: Iterable[EdgeRecord], keys: Mapping[str, int] | None = None) -> None:
    """Add edges between nodes that exist, FID-4004 otherwise."""
    wanted = list(edges)
    known = dict(keys or {})
    known |= keys_of(connection, {end for edge in wanted for end in (edge.source, edge.target)} - set(known))
    missing = sorted({end for edge in wanted for end in (edge.source, edge.target)} - set(known))
    if missing:
        raise CatalogueError(
            "FID-4004", f"an edge joins {len(missing)} ids that are not in the catalogue", where=", ".join(missing[:3]),
            fix="add the entity, file, product or run first",
        )  # fmt: skip
    values = {
        (known[one.source], known[one.target], str(one.relation), one.role): {
            "source": known[one.source], "target": known[one.target], "relation": str(one.relation), "role": one.role,
            "agent": one.agent,
        } for one in wanted
    }  # fmt: skip
    if not values:
        return
    connection.execute(_statement(connection.dialect.name, EDGE), [values[key] for key in sorted(values)])


def write_run(connection: Connection, run: RunRecord) -> None:
    """Add a run or bring it up to date; one that is done stays as it is."""
    name = f"{run.recipe}/{run.step}" if run.recipe else run.step
    keys = _write_nodes(connection, {run.id: rows.node_row(run.id, _RUN, name)})
    values = {"key": keys[run.id], **rows.run_row(run)}
    connection.execute(_statement(connection.dialect.name, RUN), values)


def _write_agents(connection: Connection, agents: Sequence[AgentRecord]) -> None:
    if not agents:
        return
    values = {one.id: rows.agent_row(one) for one in agents}
    connection.execute(_statement(connection.dialect.name, AGENT), [values[key] for key in sorted(values)])


def _write_nodes(connection: Connection, nodes: Mapping[str, rows.Values]) -> dict[str, int]:
    if not nodes:
        return {}
    known = keys_of(connection, nodes)
    # Scenes come again with every product; what is known costs one look instead of a write.
    fresh = [nodes[identity] for identity in sorted(nodes) if nodes[identity]["id"] not in known]
    if fresh:
        connection.execute(_statement(connection.dialect.name, NODE), fresh)
        known |= keys_of(connection, (row["id"] for row in fresh))
    return {identity: known[row["id"]] for identity, row in nodes.items()}


def _write_files(
    connection: Connection, files: Sequence[FileRecord], keys: Mapping[str, int], seen: Mapping[str, Seen]
) -> None:
    values = {one.id: {"key": keys[one.id], **rows.file_row(one)} for one in files}
    if values:
        connection.execute(_statement(connection.dialect.name, FILE), [values[key] for key in sorted(values)])
    places: dict[str, rows.Values] = {}
    for file in files:
        for path in file.paths:
            size, mtime = (seen[path].size, seen[path].mtime_ns) if path in seen else (None, None)
            stored = rows.stored_path(path)
            places[stored] = {"path": stored, "file": keys[file.id], "size": size, "mtime_ns": mtime}
    if places:
        connection.execute(_statement(connection.dialect.name, LOCATION), [places[path] for path in sorted(places)])


def _forget_members(connection: Connection, products: Sequence[int]) -> None:
    if products:
        connection.execute(_FORGET, [{"product": key} for key in sorted(set(products))])


_FORGET: Final = delete(EDGE).where(EDGE.c.source == bindparam("product"), EDGE.c.relation == str(Relation.MEMBER))


def _upsert(connection: Connection, table: Table, values: Sequence[rows.Values]) -> None:
    unique = {one["key"]: one for one in values}
    if unique:
        connection.execute(_statement(connection.dialect.name, table), [unique[one] for one in sorted(unique)])


@cache
def _statement(dialect: str, table: Table) -> Any:
    """Return the INSERT of a table that settles conflicts; made once, because making it takes longer than running it."""
    made: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect](table)
    if table is NODE:
        return made.on_conflict_do_nothing(index_elements=["id"])
    keys = list(table.primary_key.columns)
    stated = made.excluded
    changes: dict[str, Any] = {column.name: stated[column.name] for column in table.columns if column not in set(keys)}
    if "attributes" in changes:
        # Those stated now, unless none are.
        changes["attributes"] = case((stated.attributes == _EMPTY, table.c.attributes), else_=stated.attributes)
    if table is FILE:
        # Told by the ending of a name, which comes without attributes, a format does not replace one told by content.
        weak = (stated.attributes == _EMPTY) & (FILE.c.format != UNKNOWN_FORMAT)
        changes["format"] = case((weak | (stated.format == UNKNOWN_FORMAT), FILE.c.format), else_=stated.format)
    if table is AGENT:
        changes["version"] = func.coalesce(stated.version, AGENT.c.version)
    if table is EDGE:
        changes["agent"] = func.coalesce(stated.agent, EDGE.c.agent)
    if table is LOCATION:
        # A run that names the same file again does not know when it was last changed.
        same = stated.mtime_ns.is_(None) & (LOCATION.c.file == stated.file)
        changes |= {name: case((same, LOCATION.c[name]), else_=stated[name]) for name in ("size", "mtime_ns")}
    unfinished = RUN.c.state != "done" if table is RUN else None
    return made.on_conflict_do_update(index_elements=keys, set_=changes, where=unfinished)

"""Read records: files with their paths, products with their files, runs, edges with the ids of their ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from fiducial.catalogue import rows
from fiducial.catalogue.records import AgentRecord, EdgeRecord, Entity, FileRecord, ProductRecord, Relation, RunRecord
from fiducial.catalogue.schema import AGENT, EDGE, ENTITY, FILE, LOCATION, NODE, PRODUCT, RUN
from fiducial.catalogue.writing import chunks
from fiducial.errors import CatalogueError

_SOURCE: Final = NODE.alias("source_node")
_TARGET: Final = NODE.alias("target_node")
MOST_NAMED: Final = 50
"""Nodes of one name that are told apart; the user is asked which."""
_RANGES: Final = frozenset({"since", "until"})


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a tree shows of a node."""

    id: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Location:
    """A path at which a content was seen, with size and time of change then; None where not known."""

    path: str
    sha256: str
    size: int | None
    mtime_ns: int | None


def files(connection: Connection, filters: Mapping[str, Any]) -> tuple[FileRecord, ...]:
    """Return files with their paths, by name."""
    query = select(NODE.c.name, FILE).join(NODE, NODE.c.key == FILE.c.key)
    columns = {"format": FILE.c.format, "sha256": FILE.c.sha256, "name": NODE.c.name, "id": NODE.c.id}
    wanted = dict(filters)
    path = wanted.pop("path", None)
    if path is not None:
        places = select(LOCATION.c.file).where(LOCATION.c.path == rows.stored_path(path))
        query = query.where(FILE.c.key.in_(places))
    found = connection.execute(_filtered(query, columns, wanted).order_by(NODE.c.name, FILE.c.sha256)).all()
    paths = _paths(connection, [row.key for row in found])
    return tuple(rows.file_of(row, paths.get(row.key, ())) for row in found)


def products(connection: Connection, filters: Mapping[str, Any]) -> tuple[ProductRecord, ...]:
    """Return products with their files, by start and name."""
    query = select(NODE.c.id, NODE.c.name, PRODUCT).join(NODE, NODE.c.key == PRODUCT.c.key)
    columns = {
        "egv_product": PRODUCT.c.egv_product, "level": PRODUCT.c.level, "tier": PRODUCT.c.tier,
        "frame": PRODUCT.c.frame, "name": NODE.c.name, "id": NODE.c.id, "since": func.coalesce(PRODUCT.c.end, PRODUCT.c.start),
        "until": PRODUCT.c.start,
    }  # fmt: skip
    ordered = _filtered(query, columns, filters).order_by(PRODUCT.c.start, NODE.c.name, NODE.c.id)
    found = connection.execute(ordered).all()
    members: dict[str, list[str]] = {row.id: [] for row in found}
    for edge in edges(connection, sources=members, relation=Relation.MEMBER):
        members[edge.source].append(edge.target)
    return tuple(rows.product_of(row, tuple(members[row.id])) for row in found)


def runs(connection: Connection, filters: Mapping[str, Any]) -> tuple[RunRecord, ...]:
    """Return runs, the newest first."""
    query = select(NODE.c.id, NODE.c.name, RUN).join(NODE, NODE.c.key == RUN.c.key)
    columns = {
        "recipe": RUN.c.recipe, "step": RUN.c.step, "state": RUN.c.state, "key": RUN.c.cache_key, "id": NODE.c.id,
        "since": RUN.c.started, "until": RUN.c.started,
    }  # fmt: skip
    ordered = _filtered(query, columns, filters).order_by(RUN.c.started.desc(), NODE.c.id)
    return tuple(rows.run_of(row) for row in connection.execute(ordered))


def find_run(connection: Connection, key: str) -> RunRecord | None:
    """Return the newest run that is done and has this cache key."""
    query = select(NODE.c.id, NODE.c.name, RUN).join(NODE, NODE.c.key == RUN.c.key)
    query = query.where(RUN.c.cache_key == key, RUN.c.state == "done").order_by(RUN.c.ended.desc(), NODE.c.id)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else rows.run_of(row)


def entities(connection: Connection, filters: Mapping[str, Any]) -> tuple[Entity, ...]:
    """Return entities that are neither file nor product, by id; a file known by its hash alone is one."""
    query = select(NODE.c.id, NODE.c.kind, NODE.c.name, ENTITY.c.attributes).join(NODE, NODE.c.key == ENTITY.c.key)
    # What was known by its hash alone has become a file.
    query = query.outerjoin(FILE, FILE.c.key == ENTITY.c.key).where(FILE.c.key.is_(None))
    columns = {"kind": NODE.c.kind, "name": NODE.c.name, "id": NODE.c.id}
    return tuple(
        rows.entity_of(row) for row in connection.execute(_filtered(query, columns, filters).order_by(NODE.c.id))
    )


def agents(connection: Connection, ids: Iterable[str] | None = None) -> tuple[AgentRecord, ...]:
    """Return agents, all by default, by id."""
    if ids is None:
        return tuple(rows.agent_of(row) for row in connection.execute(select(AGENT).order_by(AGENT.c.id)))
    parts = [connection.execute(select(AGENT).where(AGENT.c.id.in_(part))).all() for part in chunks(ids)]
    return tuple(sorted((rows.agent_of(row) for part in parts for row in part), key=lambda one: one.id))


def edges(
    connection: Connection,
    *,
    sources: Iterable[str] | None = None,
    targets: Iterable[str] | None = None,
    relation: Relation | None = None,
) -> tuple[EdgeRecord, ...]:
    """Return the edges that leave the sources, or lead to the targets, or all; sorted."""
    query = (
        select(_SOURCE.c.id.label("source"), _TARGET.c.id.label("target"), EDGE.c.relation, EDGE.c.role, EDGE.c.agent)
        .join(_SOURCE, _SOURCE.c.key == EDGE.c.source)
        .join(_TARGET, _TARGET.c.key == EDGE.c.target)
    )
    if relation is not None:
        query = query.where(EDGE.c.relation == str(relation))
    if sources is None and targets is None:
        found = [rows.edge_of(row) for row in connection.execute(query)]
    else:
        column, ids = (_SOURCE.c.id, sources) if sources is not None else (_TARGET.c.id, targets)
        found = [
            rows.edge_of(row) for part in chunks(ids or ()) for row in connection.execute(query.where(column.in_(part)))
        ]
    return tuple(sorted(found, key=lambda one: (one.source, str(one.relation), one.role, one.target)))


def nodes(connection: Connection, ids: Iterable[str]) -> dict[str, NodeInfo]:
    """Return id, kind and name of the nodes that exist among the ids."""
    query = select(NODE.c.id, NODE.c.kind, NODE.c.name)
    return {
        row.id: NodeInfo(row.id, row.kind, row.name)
        for part in chunks(ids)
        for row in connection.execute(query.where(NODE.c.id.in_(part)))
    }


def named(connection: Connection, text: str) -> tuple[NodeInfo, ...]:
    """Return the nodes whose id, hash or name is the text, or begins with it."""
    query = select(NODE.c.id, NODE.c.kind, NODE.c.name)
    spelled = rows.printable(text)
    tries: list[ColumnElement[bool]] = [NODE.c.id == spelled, NODE.c.name == spelled]
    if re.fullmatch(r"[0-9a-f]{6,64}", spelled):
        tries.append(NODE.c.id.startswith(f"sha256:{spelled}"))
    tries.append(or_(NODE.c.id.startswith(spelled, autoescape=True), NODE.c.name.startswith(spelled, autoescape=True)))
    for condition in tries:
        found = connection.execute(query.where(condition).order_by(NODE.c.id).limit(MOST_NAMED)).all()
        if found:
            return tuple(NodeInfo(row.id, row.kind, row.name) for row in found)
    return ()


def locations(
    connection: Connection, *, under: str | None = None, paths: Iterable[str] | None = None
) -> tuple[Location, ...]:
    """Return the places at which contents were seen: all, those given, or those below a folder; by path."""
    query = select(LOCATION, FILE.c.sha256).join(FILE, FILE.c.key == LOCATION.c.file)
    if paths is not None:
        stored = [rows.stored_path(path) for path in paths]
        found = [row for part in chunks(stored) for row in connection.execute(query.where(LOCATION.c.path.in_(part)))]
    else:
        if under is not None:
            query = query.where(LOCATION.c.path.startswith(rows.stored_path(under.rstrip("/") + "/"), autoescape=True))
        found = list(connection.execute(query))
    made = (Location(rows.loaded_path(row.path), row.sha256, row.size, row.mtime_ns) for row in found)
    return tuple(sorted(made, key=lambda one: one.path))


def _paths(connection: Connection, keys: list[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    for first in range(0, len(keys), 500):
        query = select(LOCATION).where(LOCATION.c.file.in_(keys[first : first + 500])).order_by(LOCATION.c.path)
        for row in connection.execute(query):
            found.setdefault(row.file, []).append(rows.loaded_path(row.path))
    return {key: tuple(paths) for key, paths in found.items()}


def _filtered(query: Select[Any], columns: Mapping[str, Any], filters: Mapping[str, Any]) -> Select[Any]:
    """Return the query with its conditions: equal, one of several, ``*`` in names, prefix of a hash, span, limit."""
    for name, value in filters.items():
        if value is None:
            continue
        if name == "limit":
            query = query.limit(int(value))
            continue
        if name not in columns:
            raise CatalogueError(
                "FID-4006", f"there is no filter {name!r}", where="filters of the catalogue",
                fix=f"use {', '.join(columns)}, limit",
            )  # fmt: skip
        query = query.where(_condition(columns[name], name, value))
    return query


def _condition(column: Any, name: str, value: Any) -> ColumnElement[bool]:
    if isinstance(value, datetime):
        value = rows.instant(value, name)
    if name in _RANGES:
        return column >= value if name == "since" else column < value  # type: ignore[no-any-return]
    if isinstance(value, tuple | list | set | frozenset):
        return column.in_(sorted(map(str, value)))  # type: ignore[no-any-return]
    text = str(value)
    if name == "sha256":
        return column.startswith(text, autoescape=True)  # type: ignore[no-any-return]
    if name == "name" and "*" in text:
        pattern = re.sub(r"([%_\\])", r"\\\1", text).replace("*", "%")
        return column.like(pattern, escape="\\")  # type: ignore[no-any-return]
    return column == text  # type: ignore[no-any-return]

"""Tables of the catalogue, for SQLite and PostgreSQL alike.

A node is anything with provenance; entity, file, product and run add to it what only they have. Edges hold the short
integer keys of nodes: a catalogue of EGMS products has six hundred edges a product, one a scene.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text

VERSION: Final = "0002"
"""Revision of the schema below; the newest of ``migrations/versions``."""

_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA: Final = MetaData(naming_convention=_CONVENTION)
# SQLite numbers rows by itself only for a key declared INTEGER.
_KEY: Final = BigInteger().with_variant(Integer(), "sqlite")


def _part_of(referred: str) -> Column[int]:
    return Column("key", _KEY, ForeignKey(f"{referred}.key"), primary_key=True, autoincrement=False)


NODE: Final = Table(
    "node",
    METADATA,
    Column("key", _KEY, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, index=True),
)

ENTITY: Final = Table("entity", METADATA, _part_of("node"), Column("attributes", Text, nullable=False))

FILE: Final = Table(
    "file",
    METADATA,
    _part_of("node"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("format", Text, nullable=False, index=True),
    Column("attributes", Text, nullable=False),
)

LOCATION: Final = Table(
    "location",
    METADATA,
    Column("path", Text, primary_key=True),
    Column("file", _KEY, ForeignKey("file.key"), nullable=False, index=True),
    Column("size", BigInteger),
    Column("mtime_ns", BigInteger),
)

PRODUCT: Final = Table(
    "product",
    METADATA,
    _part_of("node"),
    Column("egv_product", Text, index=True),
    Column("level", Text),
    Column("tier", Text),
    Column("frame", Text),
    Column("start", Text, index=True),
    Column("end", Text),
    Column("issued", Text),
    Column("attributes", Text, nullable=False),
)

RUN: Final = Table(
    "run",
    METADATA,
    _part_of("node"),
    Column("recipe", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("step_version", Integer, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("cache_key", Text, nullable=False, index=True),
    Column("software", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("ended", Text),
    Column("state", Text, nullable=False, index=True),
    Column("timing", Text, nullable=False),
    Column("requirements", Text, nullable=False),
    Column("shortcomings", Text, nullable=False),
)

AGENT: Final = Table(
    "agent",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text),
)

EDGE: Final = Table(
    "edge",
    METADATA,
    Column("source", _KEY, ForeignKey("node.key"), primary_key=True, autoincrement=False),
    Column("target", _KEY, ForeignKey("node.key"), primary_key=True, autoincrement=False),
    Column("relation", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("agent", Text, ForeignKey("agent.id")),
    Index("ix_edge_target", "target"),
    sqlite_with_rowid=False,
)

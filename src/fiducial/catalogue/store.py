"""The catalogue: one database of records that many processes and threads write at once.

Every method is one transaction. What it returned from is in the database, also after ``kill -9`` or the loss of power;
what it did not return from is either there whole or not at all, and may be repeated.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from fiducial.catalogue import connection as database
from fiducial.catalogue import reading, writing
from fiducial.catalogue.reading import Location, NodeInfo
from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    Entity,
    FileRecord,
    ProductRecord,
    Relation,
    RunRecord,
    Snapshot,
)
from fiducial.catalogue.schema import VERSION
from fiducial.catalogue.upgrade import check_revision, revision_of, upgrade
from fiducial.catalogue.writing import Batch

Result = TypeVar("Result")

_PATIENCE_S: Final = 120.0
# Kept so that they are never closed: they belong to the process that was forked.
_ABANDONED: Final[list[object]] = []


class Catalogue:
    """Records of files, products, runs, agents and the edges between them.

    Made by :meth:`open`. Safe with threads; after a fork, and when sent to another process, it opens connections of its
    own.

    Attributes
    ----------
    findings : tuple of str
        What was odd when it was opened: a file system that refuses WAL, a schema that was upgraded.
    read_only : bool
    """

    def __init__(self, address: URL, opened: database.Opened) -> None:
        self._address = address
        self._engine = opened.engine
        self._process = os.getpid()
        self._writer = threading.Lock()
        self.read_only = opened.read_only
        self.findings = opened.findings

    @classmethod
    def open(
        cls, url: str | os.PathLike[str] | None = None, *, create: bool = True, read_only: bool = False
    ) -> Catalogue:
        """Open a catalogue; make it, or bring its schema up to date, where needed.

        Parameters
        ----------
        url : str or path, optional
            ``postgresql://…``, ``sqlite:///…`` or the path of an SQLite file; by default the environment variable
            FIDUCIAL_CATALOGUE, else ``fiducial-catalogue.sqlite`` in the working directory.
        create : bool
            False refuses a catalogue that does not exist.
        read_only : bool
            Change nothing, not even the schema.

        Raises
        ------
        CatalogueError
            FID-4000 when it cannot be opened, FID-4001 when a newer version made it, FID-4002 when its schema is old
            and it may only be read, FID-4003 when it stays locked.
        """
        address = database.resolve(url)
        path = address.database if address.get_backend_name() == "sqlite" else None
        if path is not None and not create and not os.path.lexists(path):
            raise database.absent_error(path)
        made = cls(address, database.open_database(address, read_only=read_only))
        try:
            made._prepare(create=create)
        except BaseException:
            made.close()
            raise
        return made

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose(close=self._process == os.getpid())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._address.render_as_string(hide_password=False), self.read_only)

    @property
    def where(self) -> str:
        """Path of the file, or URL without password."""
        return database.shown(self._address)

    @property
    def url(self) -> str:
        """Address that opens the same catalogue, with its password."""
        return self._address.render_as_string(hide_password=False)

    # Writing -----------------------------------------------------------------------------------------------------

    def add(self, batch: Batch) -> None:
        """Add records of all kinds in one transaction.

        Raises
        ------
        CatalogueError
            FID-4002 read-only, FID-4003 busy, FID-4004 an edge to what is not there, FID-4005 a record that cannot be
            stored.
        """
        self._write(lambda connection: writing.write_batch(connection, batch))

    def add_file(self, file: FileRecord) -> None:
        """Add a content and its paths; a path that held another content is taken from that."""
        self.add(Batch(files=(file,)))

    def add_entity(self, entity: Entity) -> None:
        """Add an entity, or replace its attributes where some are given."""
        self.add(Batch(entities=(entity,)))

    def add_product(self, product: ProductRecord) -> None:
        """Add a product, or replace what is known of it; its files must be there."""
        self.add(Batch(products=(product,)))

    def add_agent(self, agent: AgentRecord) -> None:
        """Add an agent."""
        self.add(Batch(agents=(agent,)))

    def add_edges(self, edges: Iterable[EdgeRecord]) -> None:
        """Add edges between what is there."""
        self.add(Batch(edges=tuple(edges)))

    def begin_run(self, run: RunRecord) -> None:
        """Add a run that begins, or begins again; one that is done stays as it is."""
        self._write(lambda connection: writing.write_run(connection, run))

    def finish_run(
        self,
        run: RunRecord,
        used: Sequence[EdgeRecord],
        generated: Sequence[EdgeRecord],
        files: Sequence[FileRecord],
    ) -> None:
        """Record the end of a run with what it used and made, in one transaction.

        Parameters
        ----------
        run : RunRecord
            With its final state.
        used, generated : sequence of EdgeRecord
            Ends must be in the catalogue, or among ``files``.
        files : sequence of FileRecord
            Outputs, and inputs that were not recorded yet.
        """

        def write(connection: Connection) -> None:
            writing.write_run(connection, run)
            writing.write_batch(connection, Batch(files=tuple(files), edges=(*used, *generated)))

        self._write(write)

    # Reading -----------------------------------------------------------------------------------------------------

    def find_run(self, key: str) -> RunRecord | None:
        """Return the newest run that is done and has this cache key."""
        return self._read(lambda connection: reading.find_run(connection, key))

    def outputs_of(self, run_id: str) -> tuple[FileRecord, ...]:
        """Return the files that a run made, alone or as parts of its products."""

        def read(connection: Connection) -> tuple[FileRecord, ...]:
            made = _made_by(connection, run_id)
            return tuple(one for part in writing.chunks(made) for one in reading.files(connection, {"id": part}))

        return self._read(read)

    def made_by(self, run_id: str) -> frozenset[str]:
        """Return the ids of what a run made: files, products, and the files of these.

        Without the places of the files: a small one that all bursts of a continent hold has tens of thousands of them.
        """
        return self._read(lambda connection: _made_by(connection, run_id))

    def files(self, **filters: Any) -> tuple[FileRecord, ...]:
        """Return files: ``format``, ``name`` (with ``*``), ``sha256`` (a prefix), ``path``, ``id``, ``limit``."""
        return self._read(lambda connection: reading.files(connection, filters))

    def products(self, **filters: Any) -> tuple[ProductRecord, ...]:
        """Return products: ``egv_product``, ``level``, ``tier``, ``frame``, ``name``, ``id``, ``since``, ``until``, ``limit``.

        The span of a product reaches ``since`` or beyond it, and begins before ``until``. Each filter takes one value or
        several.
        """
        return self._read(lambda connection: reading.products(connection, filters))

    def runs(self, **filters: Any) -> tuple[RunRecord, ...]:
        """Return runs, newest first: ``recipe``, ``step``, ``state``, ``key``, ``id``, ``since``, ``until``, ``limit``."""
        return self._read(lambda connection: reading.runs(connection, filters))

    def entities(self, **filters: Any) -> tuple[Entity, ...]:
        """Return entities that are neither file nor product: ``kind``, ``name``, ``id``, ``limit``."""
        return self._read(lambda connection: reading.entities(connection, filters))

    def agents(self, ids: Iterable[str] | None = None) -> tuple[AgentRecord, ...]:
        """Return agents, all by default."""
        return self._read(lambda connection: reading.agents(connection, ids))

    def edges(
        self,
        *,
        sources: Iterable[str] | None = None,
        targets: Iterable[str] | None = None,
        relation: Relation | None = None,
    ) -> tuple[EdgeRecord, ...]:
        """Return the edges that leave the sources, or lead to the targets, or all."""
        left, right = (None if ids is None else tuple(ids) for ids in (sources, targets))
        return self._read(lambda connection: reading.edges(connection, sources=left, targets=right, relation=relation))

    def nodes(self, ids: Iterable[str]) -> dict[str, NodeInfo]:
        """Return id, kind and name of what exists among the ids."""
        wanted = tuple(ids)
        return self._read(lambda connection: reading.nodes(connection, wanted))

    def named(self, text: str) -> tuple[NodeInfo, ...]:
        """Return what has this id, hash or name, or begins with it."""
        return self._read(lambda connection: reading.named(connection, text))

    def locations(self, *, under: str | None = None, paths: Iterable[str] | None = None) -> tuple[Location, ...]:
        """Return the places at which contents were seen: all, those given, or those below a folder."""
        wanted = None if paths is None else tuple(paths)
        return self._read(lambda connection: reading.locations(connection, under=under, paths=wanted))

    def snapshot(self, around: str | None = None, depth: int | None = None) -> Snapshot:
        """Return all records, or those upstream and downstream of one thing.

        Parameters
        ----------
        around : str, optional
            Id, path, hash or name, as in :func:`fiducial.catalogue.trace.trace`.
        depth : int, optional
            Most edges away; without bound by default.

        Raises
        ------
        CatalogueError
            FID-4006 when nothing, FID-4007 when several things have that name.
        """
        if around is None:
            return self._read(_everything)
        from fiducial.catalogue.trace import neighbourhood  # noqa: PLC0415 - trace stands on the store

        return neighbourhood(self, around, depth)

    # Machinery ---------------------------------------------------------------------------------------------------

    def _prepare(self, *, create: bool) -> None:
        with database.translated(self.where):
            revision = self._attempt(lambda: self._in_transaction(revision_of, write=False))
            check_revision(revision, self.where)
        if revision is None and (self.read_only or not create):
            tables = self._read(lambda connection: inspect(connection).get_table_names())
            raise database.foreign_error(self.where, tables) if tables else database.absent_error(self.where)
        if self.read_only:
            if revision != VERSION:
                raise database.read_only_error(f"{self.where}, schema {revision}")
            return
        if revision == VERSION:
            return
        before = self._write(lambda connection: upgrade(connection, self.where))
        if before is not None and before != VERSION:
            self.findings += (f"{self.where}: schema upgraded from {before} to {VERSION}",)

    def _write(self, body: Callable[[Connection], Result]) -> Result:
        if self.read_only:
            raise database.read_only_error(self.where)
        # Threads of one process wait here in turn; left to the database, one of them could starve.
        with database.translated(self.where), self._writer_lock():
            return self._attempt(lambda: self._in_transaction(body, write=True))

    def _read(self, body: Callable[[Connection], Result]) -> Result:
        with database.translated(self.where):
            return self._attempt(lambda: self._in_transaction(body, write=False))

    def _writer_lock(self) -> contextlib.AbstractContextManager[Any]:
        self._own_process()
        return self._writer if self._address.get_backend_name() == "sqlite" else contextlib.nullcontext()

    def _in_transaction(self, body: Callable[[Connection], Result], *, write: bool) -> Result:
        self._own_process()
        with self._engine.connect().execution_options(fiducial_write=write) as connection, connection.begin():
            return body(connection)

    def _attempt(self, body: Callable[[], Result]) -> Result:
        """Repeat a transaction that another one stood in the way of."""
        deadline = time.monotonic() + _PATIENCE_S
        pause_s = 0.005
        while True:
            try:
                return body()
            except DBAPIError as error:
                if not database.is_passing(error) or time.monotonic() > deadline:
                    raise
            # Processes that failed together must not come back together.
            time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause_s = min(2.0 * pause_s, 0.5)

    def _own_process(self) -> None:
        if self._process != os.getpid():
            _ABANDONED.append(self._engine.pool)
            self._engine.dispose(close=False)
            self._writer = threading.Lock()
            self._process = os.getpid()


def _made_by(connection: Connection, run_id: str) -> frozenset[str]:
    made = {one.source for one in reading.edges(connection, targets=[run_id], relation=Relation.GENERATED)}
    parts = {one.target for one in reading.edges(connection, sources=made, relation=Relation.MEMBER)}
    return frozenset(made | parts)


def _everything(connection: Connection) -> Snapshot:
    return Snapshot(
        reading.entities(connection, {}), reading.files(connection, {}), reading.products(connection, {}),
        reading.runs(connection, {}), reading.agents(connection), reading.edges(connection),
    )  # fmt: skip


def _reopened(url: str, read_only: bool) -> Catalogue:
    return Catalogue.open(url, read_only=read_only)


__all__ = ["Batch", "Catalogue", "Location", "NodeInfo"]

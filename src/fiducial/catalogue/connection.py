"""Open the database of a catalogue: SQLite in WAL mode, or PostgreSQL by URL; faults of either as numbered errors."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from fiducial.errors import CatalogueError

ENVIRONMENT: Final = "FIDUCIAL_CATALOGUE"
DEFAULT: Final = "fiducial-catalogue.sqlite"
BUSY_TIMEOUT_MS: Final = 20_000
_NETWORK: Final = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "fuse.sshfs",
    "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, whether it may write, and what was found on the way."""

    engine: Engine
    read_only: bool
    findings: tuple[str, ...]


def resolve(url: str | os.PathLike[str] | None) -> URL:
    """Return the address of a catalogue: given, of the environment, or the default file.

    Parameters
    ----------
    url : str, path or None
        ``sqlite:///…``, ``postgresql://…`` or the path of an SQLite file.

    Raises
    ------
    CatalogueError
        FID-4000 for an address that is none, or of another kind of database.
    """
    given = os.fspath(url) if url is not None else os.environ.get(ENVIRONMENT) or DEFAULT
    if "://" not in given:
        return URL.create("sqlite", database=str(Path(given).absolute()))
    try:
        address = make_url(given)
    except ArgumentError as error:
        raise _unopened("the address of the catalogue cannot be read", given.partition(":")[0]) from error
    kind = address.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    if kind != "sqlite" or not address.database or address.database == ":memory:":
        raise _unopened(f"a catalogue in {kind} is not supported", shown(address))
    return address.set(database=str(Path(address.database).absolute()))


def shown(address: URL) -> str:
    """Return an address for people: the path of a file, or the URL without its password."""
    return str(address.database) if address.get_backend_name() == "sqlite" else address.render_as_string()


def open_database(address: URL, *, read_only: bool) -> Opened:
    """Return an engine.

    Raises
    ------
    CatalogueError
        FID-4000 when there is no such database, or it cannot be reached; FID-4002 when it can only be read.
    """
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address, read_only=read_only)
    try:
        engine = create_engine(address, pool_pre_ping=True, connect_args={"connect_timeout": 15})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise _unopened("PostgreSQL needs the driver of the extra postgres", shown(address)) from error
    return Opened(engine, read_only, ())


def _open_sqlite(address: URL, *, read_only: bool) -> Opened:
    path = Path(str(address.database))
    exists = path.exists()
    findings: list[str] = []
    if path.is_dir():
        raise _unopened("this is a folder", str(path))
    if read_only or (exists and not os.access(path, os.W_OK)):
        if not exists:
            raise _unopened("there is no catalogue", str(path))
        if not read_only:
            findings.append(f"{path} may only be read")
        return Opened(_sqlite_engine(path, _readable(path, findings)), read_only=True, findings=tuple(findings))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unopened(f"its folder cannot be made: {error.strerror}", str(path)) from error
    if exists:
        _refuse_foreign(path)
    journal = _journal(path, findings)
    return Opened(_sqlite_engine(path, "rwc", journal), read_only=False, findings=tuple(findings))


def _refuse_foreign(path: Path) -> None:
    """Refuse the database of another program before its journal is touched; what cannot be read is told later."""
    try:
        probe = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            tables = [str(row[0]) for row in probe.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        finally:
            probe.close()
    except sqlite3.Error:
        return
    if tables and "alembic_version" not in tables:
        raise foreign_error(str(path), tables)


def _readable(path: Path, findings: list[str]) -> str:
    """Return the mode of reading; a database in WAL mode in a folder that cannot be written to must not change."""
    try:
        with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as probe:
            probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
        probe.close()
    except sqlite3.OperationalError:
        findings.append(f"{path} is read as it stands; what others write meanwhile is not seen")
        return "ro&immutable=1"
    except sqlite3.DatabaseError as error:
        raise _unopened(f"this is no catalogue: {error}", str(path)) from error
    return "ro"


def _journal(path: Path, findings: list[str]) -> str:
    """Return WAL where the file system carries it, DELETE elsewhere."""
    network = network_file_system(path)
    if network:
        findings.append(f"{path} lies on {network}, which cannot share memory: journal DELETE instead of WAL, slower")
        return "DELETE"
    return "WAL"


def network_file_system(path: Path, mounts: str = "/proc/self/mounts") -> str | None:
    """Return the kind of network file system that a path lies on, None for a local one or where nothing tells."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    best, kind = "", ""
    whole = str(path.absolute())
    for line in lines:
        words = line.split()
        if len(words) < 3:
            continue
        place = words[1].replace("\\040", " ")
        inside = whole == place or whole.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, words[2]
    return kind if kind in _NETWORK else None


def _sqlite_engine(path: Path, mode: str, journal: str | None = None) -> Engine:
    location = f"{path.as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # Transactions are begun below, where it is known whether one will write.
        return sqlite3.connect(
            location, uri=True, timeout=BUSY_TIMEOUT_MS / 1e3, isolation_level=None, check_same_thread=False
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        # FULL: what was said done survives the loss of power too.
        connection.execute("PRAGMA synchronous = FULL")
        if journal is not None:
            _set_journal(connection, journal)

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A transaction that reads first and writes later could not wait for another writer.
        writes = connection.get_execution_options().get("fiducial_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _set_journal(connection: Any, journal: str) -> None:
    """Set the journal; a file system that refuses WAL answers with the mode that stays."""
    for _ in range(200):
        try:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if mode.upper() == journal:
                return
            answered = connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0]
        except sqlite3.OperationalError as error:
            # While another process does the same, the busy timeout does not hold.
            if "lock" not in str(error) and "busy" not in str(error):
                connection.execute("PRAGMA journal_mode = DELETE")
                return
            _PAUSE.wait(0.02)
            continue
        if answered.upper() != journal:
            connection.execute("PRAGMA journal_mode = DELETE")
        return


_PAUSE: Final = threading.Event()


_BUSY: Final = ("locked", "busy", "deadlock", "could not serialize", "server closed", "connection failed")


def is_passing(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when tried again."""
    told = str(error.orig).lower()
    state = getattr(error.orig, "sqlstate", None)
    return state in ("40001", "40P01", "57P01", "55P03") or any(word in told for word in _BUSY)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise faults of the database as CatalogueError: FID-4000, FID-4002 to FID-4005."""
    try:
        yield
    except IntegrityError as error:
        raise CatalogueError(
            "FID-4004", f"a record does not fit the others: {error.orig}", where=where,
            fix="add what an edge joins, and the agent that it names, before or with the edge",
        ) from error  # fmt: skip
    except UnicodeEncodeError as error:
        raise CatalogueError(
            "FID-4005", f"a text is not Unicode: {error.reason}", where=where,
            fix="give ids and names in Unicode; paths alone may hold other bytes",
        ) from error  # fmt: skip
    except DBAPIError as error:
        raise _fault(error, where) from error


def _fault(error: DBAPIError, where: str) -> CatalogueError:
    told = str(error.orig).strip()
    if "readonly" in told or "read-only" in told or "permission denied" in told:
        return read_only_error(where)
    if is_passing(error):
        return CatalogueError(
            "FID-4003", f"the catalogue stays busy or went away: {told}", where=where,
            fix="try again; see which process holds it; many machines need PostgreSQL",
        )  # fmt: skip
    problem = told.splitlines()[0] if told else type(error.orig).__name__
    return _unopened(f"this is no catalogue: {problem}" if "not a database" in problem else problem, where)


def read_only_error(where: str) -> CatalogueError:
    """Return FID-4002."""
    return CatalogueError(
        "FID-4002", "the catalogue may only be read", where=where,
        fix="ask for the right to write, or use another catalogue with --catalogue or FIDUCIAL_CATALOGUE",
    )  # fmt: skip


def absent_error(where: str) -> CatalogueError:
    """Return FID-4000 for a catalogue that does not exist."""
    return _unopened("there is no catalogue", where)


def foreign_error(where: str, tables: Sequence[str]) -> CatalogueError:
    """Return FID-4000 for a database that holds something else."""
    held = ", ".join(sorted(tables)[:3])
    return _unopened(f"this database holds no catalogue but the tables of something else: {held}", where)


def _unopened(problem: str, where: str) -> CatalogueError:
    return CatalogueError(
        "FID-4000", problem, where=where,
        fix="give the path of an SQLite file or a postgresql:// address; `fiducial catalogue add` makes a new one",
    )  # fmt: skip

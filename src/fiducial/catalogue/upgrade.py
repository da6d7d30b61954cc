"""Create the schema, or bring that of an older version up to date, inside one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from fiducial.catalogue.connection import foreign_error
from fiducial.catalogue.schema import METADATA, VERSION
from fiducial.errors import CatalogueError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Any number that no other program on the server takes for its own advisory lock.
_LOCK: Final = 0x46494455


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the schema, None where the database holds no catalogue."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def upgrade(connection: Connection, where: str, *, to: str = VERSION) -> str | None:
    """Create or upgrade the schema; nothing is done to one that is up to date.

    Parameters
    ----------
    connection : Connection
        Inside a transaction that holds the right to write.
    where : str
        Name of the database, for errors.
    to : str
        Revision to stop at; tests make older catalogues with it.

    Returns
    -------
    str or None
        Revision before; None for a new catalogue.

    Raises
    ------
    CatalogueError
        FID-4000 for an SQLite file that holds something else, FID-4001 when the revision is not one of this version of
        Fiducial.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = revision_of(connection)
    if before == to:
        return before
    if before is None and connection.dialect.name == "sqlite" and (tables := inspect(connection).get_table_names()):
        # A mistyped path must not mix the catalogue into the file of another program. A server may well be shared.
        raise foreign_error(where, tables)
    if before is None and to == VERSION:
        # A new catalogue is made without Alembic, whose import takes longer than all the rest.
        METADATA.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": VERSION})
        return None
    _migrate(connection, where, before, to)
    return before


def check_revision(revision: str | None, where: str) -> None:
    """Refuse the schema of a newer version, FID-4001."""
    if revision is None or revision == VERSION:
        return
    if not revision.isdigit() or int(revision) > int(VERSION):
        raise _newer(revision, where)


def script_directory() -> ScriptDirectory:
    """Return the packaged revisions."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only an upgrade needs it

    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions")])


def _migrate(connection: Connection, where: str, before: str | None, to: str) -> None:
    from alembic.config import Config  # noqa: PLC0415 - only an upgrade needs it
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415

    check_revision(before, where)
    script = script_directory()

    def steps(revision: object, _: object) -> object:
        return script._upgrade_revs(to, revision)  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command does

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, target_metadata=METADATA)
        environment.run_migrations()


def _newer(revision: str, where: str) -> CatalogueError:
    return CatalogueError(
        "FID-4001", f"the catalogue has schema {revision}, this version knows {VERSION}", where=where,
        fix="update Fiducial, or use another catalogue with --catalogue or FIDUCIAL_CATALOGUE",
    )  # fmt: skip

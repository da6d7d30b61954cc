"""The schema and its migrations: made at once or by steps it is the same, and old catalogues keep their records."""

from __future__ import annotations

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from fiducial.catalogue.schema import METADATA, VERSION
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.upgrade import script_directory, upgrade
from fiducial.errors import CatalogueError
from postgres_server import postgres_url  # noqa: F401 - a fixture

REVISIONS = sorted(one.revision for one in script_directory().walk_revisions())


def _described(engine):
    found = inspect(engine)
    return {
        name: (
            sorted((one["name"], str(one["type"]), one["nullable"]) for one in found.get_columns(name)),
            sorted((one["name"], tuple(one["column_names"])) for one in found.get_indexes(name)),
            sorted(one["constrained_columns"][0] for one in found.get_foreign_keys(name)),
        )
        for name in sorted(found.get_table_names())
    }


def test_the_newest_revision_is_the_version_of_the_schema():
    assert REVISIONS[-1] == VERSION == script_directory().get_current_head()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_by_steps_the_schema_is_the_same_as_at_once(kind, tmp_path, request):
    addresses = [f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("steps", "once")]
    if kind == "postgresql":
        import psycopg

        server = request.getfixturevalue("postgres_url")
        with psycopg.connect(server, autocommit=True) as plain:
            for name in ("steps", "once"):
                plain.execute(f"CREATE DATABASE {name}")
        addresses = [
            server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")
            for name in ("steps", "once")
        ]
    steps, once = (create_engine(address) for address in addresses)
    for revision in REVISIONS:
        with steps.begin() as connection:
            upgrade(connection, "steps", to=revision)
    with once.begin() as connection:
        assert upgrade(connection, "once") is None
    assert _described(steps) == _described(once)
    with steps.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert differences == []
    steps.dispose()
    once.dispose()


def _older(path, revision):
    """Make a catalogue of an older version, with a file in it."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, str(path), to=revision)
        connection.execute(text("INSERT INTO node VALUES (1, :id, 'file', 'f.sp3')"), {"id": "sha256:" + "a" * 64})
        connection.execute(text("INSERT INTO file VALUES (1, :sha, 7, 'SP3', '{}')"), {"sha": "a" * 64})
        connection.execute(text("INSERT INTO location (path, file) VALUES ('/f.sp3', 1)"))
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_catalogue_of_every_version_is_upgraded_and_keeps_its_records(revision, tmp_path):
    path = tmp_path / "old.sqlite"
    _older(path, revision)
    with Catalogue.open(path) as catalogue:
        assert [one.paths for one in catalogue.files()] == [("/f.sp3",)]
        assert catalogue.locations()[0].size is None
        assert bool(catalogue.findings) == (revision != VERSION)
        catalogue.add_file(catalogue.files()[0])
    with Catalogue.open(path) as catalogue:
        assert catalogue.findings == ()


def test_an_old_catalogue_that_may_only_be_read_is_left_alone(tmp_path):
    path = tmp_path / "old.sqlite"
    _older(path, REVISIONS[0])
    with pytest.raises(CatalogueError) as caught:
        Catalogue.open(path, read_only=True)
    assert caught.value.code == "FID-4002"


@pytest.mark.parametrize("revision", ["9999", "a-name"])
def test_a_catalogue_of_a_newer_version_is_refused_and_not_touched(revision, tmp_path):
    path = tmp_path / "new.sqlite"
    Catalogue.open(path).close()
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    plain.close()
    for options in ({}, {"read_only": True}, {"create": False}):
        with pytest.raises(CatalogueError) as caught:
            Catalogue.open(path, **options)
        assert caught.value.code == "FID-4001"
        assert "update Fiducial" in caught.value.fix


def test_the_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE customers (name)")
    plain.close()
    before = path.read_bytes()
    for options in ({}, {"create": False}, {"read_only": True}):
        with pytest.raises(CatalogueError, match="FID-4000") as caught:
            Catalogue.open(path, **options)
        assert "customers" in caught.value.problem
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]
    plain.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_and_a_text_are_no_catalogues(tmp_path, read_only):
    (tmp_path / "text").write_text("no database, but long enough to be looked at as if it were one" * 20)
    for place, told in ((tmp_path, "this is a folder"), (tmp_path / "text", "this is no catalogue")):
        with pytest.raises(CatalogueError, match="FID-4000") as caught:
            Catalogue.open(place, create=False, read_only=read_only)
        assert told in caught.value.problem

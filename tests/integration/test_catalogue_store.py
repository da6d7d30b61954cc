"""The store on SQLite and on PostgreSQL: idempotent, whole after a kill, safe with many processes and threads."""

from __future__ import annotations

import dataclasses
import itertools
import os
import pickle
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from catalogue_writers import add_at_once, check_all, file_of, start_writers
from fiducial.catalogue import connection, store
from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    Entity,
    EntityKind,
    FileRecord,
    ProductRecord,
    Relation,
    RequirementResult,
    RunRecord,
    RunState,
)
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.writing import Batch, Seen
from fiducial.errors import CatalogueError
from postgres_server import postgres_url  # noqa: F401 - a fixture

_NUMBERS = itertools.count()
NOW = datetime(2024, 9, 19, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return str(tmp_path / "catalogue.sqlite")
    import psycopg

    server = request.getfixturevalue("postgres_url")
    name = f"test{os.getpid()}x{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as plain:
        plain.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


def some_file(number=1, *paths, form="SP3", **attributes):
    return FileRecord(
        f"{number:064x}", 10 * number, form, f"f{number}.sp3", paths or (f"/x/f{number}.sp3",), attributes
    )


def some_run(number=1, state=RunState.RUNNING, **changes):
    run = RunRecord(
        f"run:{number}",
        "orbits",
        "combine",
        1,
        {"limit_m": 0.1, "names": ["a"]},
        "key",
        "fiducial 0",
        "host",
        NOW,
        None,
        state,
    )
    return dataclasses.replace(run, **changes)


def some_product(*files, **changes):
    product = ProductRecord(
        "product:p",
        "p",
        "GSO",
        "Level 2",
        "T3",
        "IGS20",
        NOW,
        NOW + timedelta(days=1),
        None,
        tuple(one.id for one in files),
    )
    return dataclasses.replace(product, **changes)


def test_what_is_added_comes_back_and_twice_is_once(url):
    file, entity = some_file(1, "/a/f", "/b/f", satellites=32), Entity("dem:COP", EntityKind.DEM, "COP", {"version": 1})
    agent, product = AgentRecord("agent:COD", "centre", "COD", "1"), some_product(file, attributes={"centre": "COD"})
    edge = EdgeRecord(Relation.DERIVED, file.id, entity.id, "dem", agent.id)
    with Catalogue.open(url) as catalogue:
        for _ in range(2):
            catalogue.add_file(file)
            catalogue.add_entity(entity)
            catalogue.add_agent(agent)
            catalogue.add_product(product)
            catalogue.add_edges([edge])
        found = catalogue.snapshot()
    assert (found.files, found.entities, found.agents, found.products) == ((file,), (entity,), (agent,), (product,))
    assert found.edges == (EdgeRecord(Relation.MEMBER, product.id, file.id), edge)


def test_a_changed_file_takes_the_path_from_the_content_before(url):
    with Catalogue.open(url) as catalogue:
        catalogue.add_file(some_file(1, "/a", "/b"))
        catalogue.add_file(some_file(2, "/a"))
        assert catalogue.files(path="/a")[0].sha256 == some_file(2).sha256
        assert catalogue.files(sha256=some_file(1).sha256[:64])[0].paths == ("/b",)


def test_less_known_does_not_replace_more(url):
    with Catalogue.open(url) as catalogue:
        catalogue.add_file(some_file(1, "/a", epochs=96))
        catalogue.add_file(some_file(1, "/b", form="unknown"))
        catalogue.add_file(some_file(1, "/b", form="ASCII"))
        catalogue.add_agent(AgentRecord("agent:f", "software", "f", "2"))
        catalogue.add_agent(AgentRecord("agent:f", "software", "f"))
        found = catalogue.files()[0]
        assert (found.format, found.attributes, found.paths) == ("SP3", {"epochs": 96}, ("/a", "/b"))
        assert catalogue.agents()[0].version == "2"


def test_a_product_added_again_has_the_files_of_the_last_time(url):
    first, second = some_file(1), some_file(2)
    with Catalogue.open(url) as catalogue:
        catalogue.add(Batch(files=(first, second), products=(some_product(first),)))
        catalogue.add_product(some_product(second))
        assert catalogue.products()[0].files == (second.id,)


def test_paths_and_names_of_any_bytes(url):
    path = os.fsdecode(b"/data/\xff\xfe name")
    with Catalogue.open(url) as catalogue:
        catalogue.add_file(dataclasses.replace(some_file(1, path), name=path))
        assert catalogue.files(path=path)[0].paths == (path,)
        assert [one.path for one in catalogue.locations(under="/data")] == []
        with pytest.raises(CatalogueError) as caught:
            catalogue.add_edges([EdgeRecord(Relation.DERIVED, "a:\udcff", "b:c")])
    assert caught.value.code == "FID-4005"


def test_a_run_from_its_beginning_to_its_end(url):
    used, made = some_file(1), some_file(2)
    results = (RequirementResult("gnss", "Essential", "given", "stations"),)
    done = some_run(
        state=RunState.DONE, ended=NOW, requirements=results, shortcomings=("no snow",), timing={"all": 1.5}
    )
    with Catalogue.open(url) as catalogue:
        catalogue.begin_run(some_run())
        assert catalogue.find_run("key") is None
        catalogue.finish_run(
            done,
            [EdgeRecord(Relation.USED, done.id, used.id, "sp3")],
            [EdgeRecord(Relation.GENERATED, made.id, done.id, "orbit")],
            [used, made],
        )
        catalogue.begin_run(some_run())
        assert catalogue.find_run("key") == done
        assert catalogue.outputs_of(done.id) == (made,)
        assert catalogue.runs(state="done", recipe="orbits") == (done,)
        assert catalogue.runs(state="running") == ()
        later = some_run(2, RunState.DONE, ended=NOW + timedelta(hours=1))
        catalogue.finish_run(later, [], [], [])
        assert catalogue.find_run("key") == later
        assert catalogue.find_run("other") is None


def test_outputs_of_a_run_that_made_a_product(url):
    parts = [some_file(1), some_file(2)]
    with Catalogue.open(url) as catalogue:
        catalogue.add(Batch(files=parts, products=(some_product(*parts),)))
        catalogue.finish_run(
            some_run(state=RunState.DONE), [], [EdgeRecord(Relation.GENERATED, "product:p", "run:1")], []
        )
        assert catalogue.outputs_of("run:1") == tuple(parts)
        assert catalogue.made_by("run:1") == {"product:p", *(one.id for one in parts)}


def test_a_failed_transaction_leaves_nothing(url):
    with Catalogue.open(url) as catalogue:
        with pytest.raises(CatalogueError) as caught:
            catalogue.finish_run(some_run(), [EdgeRecord(Relation.USED, "run:1", "sha256:absent")], [], [some_file(1)])
        assert caught.value.code == "FID-4004"
        with pytest.raises(CatalogueError) as caught:
            catalogue.add(Batch(files=(some_file(1),), products=(some_product(some_file(2)),)))
        assert caught.value.code == "FID-4004"
        file = some_file(1)
        edges = (EdgeRecord(Relation.DERIVED, file.id, file.id, "", "agent:none"),)
        with pytest.raises(CatalogueError) as caught:
            catalogue.add(Batch(files=(file,), edges=edges))
        assert caught.value.code == "FID-4004"
        assert catalogue.snapshot() == type(catalogue.snapshot())((), (), (), (), (), ())


@pytest.mark.parametrize(
    "record",
    [
        FileRecord("ABC", 1, "SP3", "short hash", ()),
        some_file(1, "/a", value=float("nan")),
        some_file(1, "/a", value=object()),
        some_product(start=datetime(2024, 9, 19)),  # noqa: DTZ001 - what is refused
        Entity("no-kind", EntityKind.OTHER, "id without kind"),
    ],
)
def test_records_that_cannot_be_stored_are_refused(tmp_path, record):
    add = {FileRecord: "add_file", ProductRecord: "add_product", Entity: "add_entity"}[type(record)]
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue, pytest.raises(CatalogueError) as caught:
        getattr(catalogue, add)(record)
    assert caught.value.code == "FID-4005"


def test_times_of_any_zone_come_back_in_utc(url):
    east = timezone(timedelta(hours=2))
    with Catalogue.open(url) as catalogue:
        catalogue.add_product(some_product(start=datetime(2024, 9, 19, 2, tzinfo=east)))
        found = catalogue.products()[0]
    assert found.start == datetime(2024, 9, 19, tzinfo=UTC)
    assert found.start.tzinfo is UTC


def test_filters(url):
    day = timedelta(days=1)
    names = {"a_1": 0, "a%2": 1, "b": 2}
    products = [
        some_product(id=f"product:{name}", name=name, start=NOW + k * day, tier="T2" if k else None)
        for name, k in names.items()
    ]
    with Catalogue.open(url) as catalogue:
        catalogue.add(Batch(products=products, files=[some_file(k) for k in (1, 2)]))

        def names_of(**filters):
            return [one.name for one in catalogue.products(**filters)]

        assert names_of(name="a*") == ["a_1", "a%2"]
        assert names_of(name="a_*") == ["a_1"]
        assert names_of(tier="T2", since=NOW + day, until=NOW + 2 * day) == ["a%2"]
        catalogue.add_product(some_product(id="product:a_1", name="a_1", start=NOW, end=NOW + 5 * day, tier=None))
        assert names_of(since=NOW + 3 * day) == ["a_1"]
        assert names_of(egv_product=["GSO", "GSC"], limit=1) == ["a_1"]
        assert names_of(name=None, egv_product="SPTS") == []
        assert len(catalogue.files(sha256="0000")) == 2
        with pytest.raises(CatalogueError) as caught:
            catalogue.products(colour="red")
    assert caught.value.code == "FID-4006"


def test_threads_of_one_catalogue(url):
    with Catalogue.open(url) as catalogue, ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: catalogue.add_file(some_file(number % 40)), range(80)))
        assert len(catalogue.files()) == 40


def test_a_catalogue_survives_fork_and_pickle(url):
    with Catalogue.open(url) as catalogue:
        catalogue.add_file(some_file(1))
        with pickle.loads(pickle.dumps(catalogue)) as other:  # noqa: S301 - our own
            other.add_file(some_file(2))
        child = os.fork()
        if child == 0:
            try:
                catalogue.add_file(some_file(3))
                assert len(catalogue.files()) == 3
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        catalogue.add_file(some_file(4))
        assert len(catalogue.files()) == 4


def test_processes_that_add_at_once_lose_nothing_and_double_nothing(url, tmp_path):
    add_at_once(url, tmp_path, 3, 40)
    check_all(url, 3, 40)


def test_after_kill_9_everything_said_done_is_there(url, tmp_path):
    processes = start_writers(url, tmp_path, 2, 100_000)
    logs = [tmp_path / f"done-{writer}" for writer in range(2)]
    deadline = time.monotonic() + 60
    while not all(log.exists() and log.stat().st_size > 20 for log in logs) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    with Catalogue.open(url) as catalogue:
        there = {one.sha256: one for one in catalogue.files()}
        members = {edge.target for edge in catalogue.edges(relation=Relation.MEMBER)}
        for writer, log in enumerate(logs):
            done = log.read_text().split("\n")[:-1]
            assert len(done) > 5
            for number in map(int, done):
                file = file_of(number, writer)
                assert set(file.paths) <= set(there[file.sha256].paths)
                assert file.id in members
        # Whole or not at all: no file of a batch without its product.
        assert {one.id for one in there.values()} == members
        catalogue.add_file(some_file(7))


def test_what_was_seen_at_a_path(url):
    with Catalogue.open(url) as catalogue:
        catalogue.add(Batch(files=(some_file(1, "/d/a"),), seen={"/d/a": Seen(10, 1_726_747_200_123_456_789)}))
        catalogue.add_file(some_file(2, "/e"))
        # A run that names the file again knows no time of change; another content at the path makes it unknown.
        catalogue.add_file(some_file(1, "/d/a"))
        catalogue.add(Batch(files=(some_file(3, "/d2/b"),), seen={"/d2/b": Seen(30, 5)}))
        catalogue.add_file(some_file(4, "/d2/b"))
        assert catalogue.locations(under="/d2")[0].mtime_ns is None
        found = catalogue.locations(under="/d")
        assert [(one.path, one.size, one.mtime_ns) for one in found] == [("/d/a", 10, 1_726_747_200_123_456_789)]
        assert catalogue.locations(paths=["/e"])[0].mtime_ns is None


# Opening -----------------------------------------------------------------------------------------------------------


def test_the_default_is_of_the_environment_or_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIDUCIAL_CATALOGUE", raising=False)
    with Catalogue.open() as catalogue:
        assert catalogue.where == str(tmp_path / "fiducial-catalogue.sqlite")
    monkeypatch.setenv("FIDUCIAL_CATALOGUE", str(tmp_path / "team" / "other.sqlite"))
    with Catalogue.open() as catalogue:
        assert catalogue.where == str(tmp_path / "team" / "other.sqlite")
    with sqlite3.connect(tmp_path / "team" / "other.sqlite") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def test_passwords_are_not_shown():
    address = connection.resolve("postgresql://me:secret@host/db")
    assert "secret" not in connection.shown(address)


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "sqlite://", "no such://x", "postgresql://me:x@/none?host=/nowhere"]
)
def test_addresses_that_cannot_be_opened(url):
    with pytest.raises(CatalogueError) as caught:
        Catalogue.open(url)
    assert caught.value.code in ("FID-4000", "FID-4003")
    assert ":x@" not in str(caught.value)


def test_files_that_are_no_catalogue(tmp_path):
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"this is text, no database, and long enough to be looked at " * 40)
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    for path, options in ((damaged, {}), (tmp_path, {}), (tmp_path / "no", {"create": False}), (empty, {"read_only": True}),
                          (damaged, {"read_only": True}), (tmp_path / "no", {"read_only": True})):  # fmt: skip
        with pytest.raises(CatalogueError) as caught:
            Catalogue.open(path, **options)
        assert caught.value.code == "FID-4000"
    assert not (tmp_path / "no").exists()


def test_a_read_only_catalogue_is_read_and_not_written(tmp_path):
    path = tmp_path / "c.sqlite"
    with Catalogue.open(path) as catalogue:
        catalogue.add_file(some_file(1))
    with Catalogue.open(path, read_only=True) as catalogue:
        assert len(catalogue.files()) == 1
        with pytest.raises(CatalogueError) as caught:
            catalogue.add_file(some_file(2))
    assert caught.value.code == "FID-4002"


def test_a_catalogue_in_a_folder_without_the_right_to_write(tmp_path, monkeypatch):
    path = tmp_path / "c.sqlite"
    with Catalogue.open(path) as catalogue:
        catalogue.add_file(some_file(1))
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    # Root may write everything, whatever the rights say: then the answer of the system is given for it.
    monkeypatch.setattr(connection.os, "access", lambda *_, **__: False)
    try:
        with Catalogue.open(path) as catalogue:
            assert catalogue.read_only
            assert len(catalogue.files()) == 1
            with pytest.raises(CatalogueError, match="FID-4002"):
                catalogue.add_file(some_file(2))
    finally:
        tmp_path.chmod(0o755)


def test_a_catalogue_that_stays_locked(tmp_path, monkeypatch):
    path = tmp_path / "c.sqlite"
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 10)
    monkeypatch.setattr(store, "_PATIENCE_S", 0.05)
    with Catalogue.open(path) as catalogue:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogueError) as caught:
            catalogue.add_file(some_file(1))
        assert caught.value.code == "FID-4003"
        other.execute("ROLLBACK")
        other.close()
        catalogue.add_file(some_file(1))
        assert len(catalogue.files()) == 1


def test_network_file_systems_get_another_journal(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path}/net\\040disk nfs4 rw 0 0\nserver:/y {tmp_path}/net fuse 0 0\n"
    )
    told = connection.network_file_system
    assert told(tmp_path / "net disk" / "c.sqlite", str(mounts)) == "nfs4"
    assert told(tmp_path / "c.sqlite", str(mounts)) is None
    assert told(tmp_path, str(tmp_path / "absent")) is None
    monkeypatch.setattr(connection, "network_file_system", lambda _: "nfs4")
    with Catalogue.open(tmp_path / "c.sqlite") as catalogue:
        assert "DELETE" in catalogue.findings[0]
        catalogue.add_file(some_file(1))
    with sqlite3.connect(tmp_path / "c.sqlite") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    plain.close()

"""Processes that write to one catalogue at once, for tests and the benchmark."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

from fiducial.catalogue.records import AgentRecord, EdgeRecord, Entity, EntityKind, FileRecord, ProductRecord, Relation
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.writing import Batch

SHARED = 10
"""Every so-manieth file is the same in all processes."""


def file_of(number: int, writer: int) -> FileRecord:
    """File ``number`` of a writer; shared ones have one content, and a path of each writer."""
    owner = 0 if number % SHARED == 0 else writer + 1
    return FileRecord(
        f"{owner:08x}{number:056x}", number, "SP3", f"file-{owner}-{number}.sp3", (f"/w{writer}/{number}.sp3",)
    )


def _add(url: str, writer: int, count: int, done: str) -> None:
    with Catalogue.open(url) as catalogue, Path(done).open("w", encoding="ascii", buffering=1) as log:
        for number in range(count):
            file = file_of(number, writer)
            agent = AgentRecord(f"agent:C{number % 7}", "centre", f"C{number % 7}")
            scene = Entity(f"scene:{number % 5}", EntityKind.SCENE, f"scene {number % 5}")
            product = ProductRecord(
                f"product:{file.sha256}", file.name, "GSO", None, "T2", None, None, None, None, (file.id,)
            )
            edge = EdgeRecord(Relation.DERIVED, file.id, scene.id, "scene", agent.id)
            catalogue.add(Batch([file], [scene], [product], [agent], [edge]))
            log.write(f"{number}\n")


def start_writers(url: str, folder: Path, writers: int, count: int) -> list[Any]:
    """Start processes that add ``count`` files each, one transaction a file, and log what was said done."""
    context = multiprocessing.get_context("forkserver")
    # Imported once instead of in every process.
    context.set_forkserver_preload(["fiducial.catalogue.store", "sqlalchemy.dialects.postgresql.psycopg", "psycopg"])
    processes = [
        context.Process(target=_add, args=(url, writer, count, str(folder / f"done-{writer}")))
        for writer in range(writers)
    ]
    for process in processes:
        process.start()
    return processes


def add_at_once(url: str, folder: Path, writers: int, count: int) -> float:
    """Run the writers to their end; return the seconds from the first to the last line."""
    began = time.perf_counter()
    processes = start_writers(url, folder, writers, count)
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * writers
    return time.perf_counter() - began


def check_all(url: str, writers: int, count: int) -> None:
    """Nothing lost, nothing double."""
    with Catalogue.open(url, create=False) as catalogue:
        found = catalogue.snapshot()
    expected = {file_of(number, writer).sha256 for writer in range(writers) for number in range(count)}
    assert sorted(one.sha256 for one in found.files) == sorted(expected)
    paths = sorted(path for one in found.files for path in one.paths)
    assert paths == sorted(f"/w{writer}/{number}.sp3" for writer in range(writers) for number in range(count))
    assert len(found.products) == len(expected)
    assert len(found.edges) == 2 * len(expected)
    assert len(found.agents) == min(7, count)
    assert len(found.entities) == min(5, count)

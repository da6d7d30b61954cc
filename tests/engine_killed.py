"""Run a small graph with the real catalogue in a process of its own: what the tests kill."""

from __future__ import annotations

from engine_worlds import chain_of
from fiducial.catalogue.store import Catalogue
from fiducial.runs.engine import Engine
from fiducial.runs.engine_executor import executor


def work(folder, pause_s, number):
    """Run, say on the way that it began, and leave how much was made."""
    with Catalogue.open(folder / "catalogue.sqlite") as store, executor("local", 2) as (pool, count):
        engine = Engine(folder / "out", store, "test", lambda _: (folder / f"began-{number}").touch())
        results = engine.run(chain_of(folder / "source.txt", pause_s=pause_s), pool, count)
    (folder / f"made-{number}").write_text(str(sum(one.state == "made" for one in results)))

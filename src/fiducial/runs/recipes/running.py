"""Recipes from file to outputs: check, dry run, run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fiducial.catalogue.records import RunRecord
from fiducial.runs.engine import Engine, Tell, summary, to_stderr
from fiducial.runs.engine_executor import executor
from fiducial.runs.recipes.loading import Loaded, load


def check_recipe(path: Path) -> dict[str, Any]:
    """Check a recipe and all that can be looked at before any work; return its tasks.

    Raises
    ------
    FiducialError
        As `loading.load`, and `Engine.prepare`.
    """
    loaded = load(path)
    tasks = Engine(loaded.out, _NOTHING_KNOWN).prepare(loaded.tasks())
    return {
        "recipe": str(path),
        "kind": loaded.kind,
        "out": str(loaded.out),
        "tasks": [
            {"task": task.name, "step": task.step.name, "step_version": task.step.version,
             "inputs": sum(len(sources) for sources in task.inputs.values())}
            for task in tasks
        ],
    }  # fmt: skip


def dry_run_recipe(path: Path, *, catalogue: str | None = None, force: Sequence[str] = ()) -> dict[str, Any]:
    """Say what of a recipe would be run, and why; parameters and errors as `run_recipe`."""
    from fiducial.catalogue.connection import resolve
    from fiducial.catalogue.store import Catalogue

    loaded = load(path)
    tasks = loaded.tasks()
    address = resolve(catalogue)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        found = summary(Engine(loaded.out, _NOTHING_KNOWN, loaded.kind).dry_run(tasks, force))
        return _told(loaded, f"{address.database} (not made yet)", found)
    with Catalogue.open(catalogue, create=False, read_only=True) as store:
        return _told(loaded, store.where, summary(Engine(loaded.out, store, loaded.kind).dry_run(tasks, force)))


def run_recipe(
    path: Path, *, scheduler: str = "local", workers: int | None = None, catalogue: str | None = None,
    force: Sequence[str] = (), keep_going: bool = False, tell: Tell = to_stderr,
) -> dict[str, Any]:  # fmt: skip
    """Run a recipe.

    Parameters
    ----------
    path : Path
    scheduler : str
        ``local``, or the address of a Dask scheduler.
    workers : int, optional
        Tasks at once.
    catalogue : str, optional
        Address or file; by default that of the environment variable FIDUCIAL_CATALOGUE, or
        ``fiducial-catalogue.sqlite`` in the working directory.
    force : sequence of str
        Steps or tasks that are run even when they are there.
    keep_going : bool
        After a task failed, run all that do not stand on it.
    tell : callable
        Takes sentences on progress.

    Returns
    -------
    dict
        Plain values: what became of every task, and shortcomings.

    Raises
    ------
    FiducialError
        As `loading.load`, `Engine.run`, `executor`, and what steps raise.
    """
    from fiducial.catalogue.store import Catalogue

    loaded = load(path)
    tasks = loaded.tasks()
    # Everything that can be found wrong is found before a catalogue is made, or a cluster asked.
    Engine(loaded.out, _NOTHING_KNOWN).prepare(tasks, force)
    with Catalogue.open(catalogue) as store:
        engine = Engine(loaded.out, store, loaded.kind, tell, keep_going)
        try:
            with executor(scheduler, workers) as (pool, at_once):
                return _told(loaded, store.where, summary(engine.run(tasks, pool, at_once, force)))
        finally:
            engine.sweep()


def _told(loaded: Loaded, catalogue: str, found: dict[str, Any]) -> dict[str, Any]:
    return {"recipe": str(loaded.path), "kind": loaded.kind, "out": str(loaded.out), "catalogue": catalogue, **found}


class _NoStore:
    """A catalogue of nothing, for looks before there is one."""

    def find_run(self, key: str) -> None:
        """Return nothing: no run is known."""

    def runs(self, **filters: Any) -> tuple[RunRecord, ...]:
        """Return nothing."""
        del filters
        return ()

    def made_by(self, run_id: str) -> frozenset[str]:
        """Return nothing."""
        del run_id
        return frozenset()


_NOTHING_KNOWN: Final[Any] = _NoStore()

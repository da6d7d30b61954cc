"""A task while it is planned, run and recorded."""

from __future__ import annotations

import resource
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fiducial import __version__
from fiducial.catalogue.records import RequirementResult, RunState
from fiducial.errors import InputError, RunError
from fiducial.formats.atomic import atomic_directory, atomic_file, flush_tree
from fiducial.formats.point_product import MANIFEST
from fiducial.formats.product_manifest import Manifest
from fiducial.runs.engine_content import Content, Contents, fingerprints, read_content
from fiducial.runs.engine_graph import requirement_results, shortcomings
from fiducial.runs.engine_model import Call, Given, KnownRuns, Outcome, Task
from fiducial.runs.engine_model import Made as Taken
from fiducial.runs.engine_record import (
    STEP_FILE,
    Made,
    StepRecord,
    differences,
    made_in,
    missing_or_changed,
    paths_of,
    read_record,
)

_KIB_IN_MB: Final = 1024.0
_INSIDE: Final = ("*/", "*/*/")
"""How deep the folder of another task may lie, as `orbits/2024-09-19` in `orbits`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Whether a task has to be run.

    Attributes
    ----------
    record : StepRecord
        What it would be made from.
    reasons : tuple of str
        Why it has to be run; empty when it need not.
    inputs : dict of slot to paths
    """

    record: StepRecord
    reasons: tuple[str, ...]
    inputs: dict[str, tuple[Path, ...]]


@dataclass(frozen=True, slots=True)
class Executed:
    """What comes back from where a task ran."""

    folder: Path
    made: tuple[Made, ...]
    outcome: Outcome
    requirements: tuple[RequirementResult, ...]
    shortcomings: tuple[str, ...]
    seconds: float
    peak_mb: float
    version: str
    """Of the Fiducial that ran it: a worker may join a cluster after its workers were asked."""


def input_paths(task: Task, tasks: Mapping[str, Task], place: Path) -> dict[str, tuple[Path, ...]]:
    """Return the paths of every slot that has any; all tasks that make them have finished."""
    found: dict[str, tuple[Path, ...]] = {}
    for slot, sources in task.inputs.items():
        paths: list[Path] = []
        for one in sources:
            if isinstance(one, Given):
                paths.append(one.path)
            else:
                paths += _made_by(tasks[one.task], one, place)
        if paths:
            found[slot] = tuple(paths)
    return found


def _made_by(maker: Task, source: Taken, place: Path) -> tuple[Path, ...]:
    wanted = next(output for output in maker.step.outputs if output.name == source.slot)
    if source.name is None:
        found, record = paths_of(wanted, place / maker.name), read_record(place / maker.name)
        # What somebody else put there is no output.
        own = set() if record is None else {place / maker.name / one.path for one in record.outputs}
        return tuple(path for path in found if path in own or any(one.is_relative_to(path) for one in own))
    # Of thousands of outputs one is taken, by thousands of tasks: the folder is not listed.
    path = (place / maker.name / wanted.pattern).parent / source.name
    if not path.exists():
        raise RunError("FID-5005", f"the step {maker.step.name} made no output {source.name!r}", where=maker.name,
                       fix="this is a fault of the step: report it with the recipe")  # fmt: skip
    return (path,)


def plan(
    task: Task, tasks: Mapping[str, Task], place: Path, contents: Contents, store: KnownRuns, *, forced: bool
) -> Plan:
    """Find out whether a task has to be run.

    A task is kept when the catalogue knows a finished run of its key, and all outputs of that run are intact.
    """
    inputs = input_paths(task, tasks, place)
    record = StepRecord.of(task, {slot: fingerprints(paths, contents.identity) for slot, paths in inputs.items()})
    reasons = ["it is forced"] if forced else []
    before = read_record(place / task.name)
    if before is None:
        if (place / task.name).exists():
            reasons.append(f"{STEP_FILE} is missing, or cannot be read")
        else:
            reasons.append("its outputs are gone" if store.find_run(record.key) else "it was never run here")
    elif before.key != record.key:
        reasons += differences(before, record) or ["its key changed"]
    else:
        reasons += _not_recorded(before, store) or missing_or_changed(before, place / task.name, contents)
    return Plan(record, tuple(reasons), inputs)


def _not_recorded(before: StepRecord, store: KnownRuns) -> list[str]:
    newest = store.find_run(before.key)
    if newest is None:
        return ["the catalogue knows no finished run of it"]
    wanted = {one.sha256 for one in before.outputs}
    if _made(store, newest.id, wanted):
        return []
    # The same work in another folder may be newer, with another instant in its reports.
    others = store.runs(key=before.key, state=RunState.DONE)
    if any(_made(store, one.id, wanted) for one in others if one.id != newest.id):
        return []
    return ["the catalogue knows other outputs of it"]


def _made(store: KnownRuns, run: str, wanted: set[str]) -> bool:
    return {f"sha256:{one}" for one in wanted} == {one for one in store.made_by(run) if one.startswith("sha256:")}


def execute(task: Task, inputs: Mapping[str, tuple[Path, ...]], workshop: Path, place: Path) -> Executed:
    """Run a task in a new folder inside a workshop; it may be called again after a loss of its worker."""
    folder = workshop / f"attempt-{secrets.token_hex(4)}"
    try:
        # Without parents: a worker that comes after the outputs were published, or given up, leaves nothing behind.
        folder.mkdir()
    except FileNotFoundError as error:
        raise _unseen(
            "the folder for the outputs is not seen where the task runs, or is no longer wanted", workshop
        ) from error
    started = time.perf_counter()
    outcome = task.step.run(Call(task.parameters, inputs, folder, place))
    results = requirement_results(task, outcome.stated)
    found = shortcomings(results)
    if found:
        _tell_products(folder, found)
    # Hashed and flushed here, so that many workers do so at once.
    made = _with_old_bytes(made_in(task, folder, Contents()), folder, place)
    flush_tree(folder)
    seconds = time.perf_counter() - started
    unit = _KIB_IN_MB if sys.platform != "darwin" else _KIB_IN_MB**2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Executed(folder, made, outcome, results, found, seconds, peak, __version__)


def _with_old_bytes(made: tuple[Made, ...], folder: Path, place: Path) -> tuple[Made, ...]:
    """Put a file that is there already in place of one that differs from it in the instant of writing alone.

    What stands on the old one then stands on what is there: it is not made again, for it would be the same.
    """
    before = read_record(place)
    if before is None:
        return made
    old = {one.path: one for one in before.outputs}
    found = []
    for one in made:
        was = old.get(one.path)
        if (
            was is not None
            and was.identity == one.identity
            and was.sha256 != one.sha256
            and _holds(place / was.path, was)
        ):
            (folder / one.path).unlink()
            shutil.copy2(place / was.path, folder / one.path)
            found.append(replace(one, sha256=was.sha256, size=was.size))
        else:
            found.append(one)
    return tuple(found)


def _holds(path: Path, made: Made) -> bool:
    try:
        return read_content(path).sha256 == made.sha256
    except OSError:
        return False


def _tell_products(folder: Path, found: tuple[str, ...]) -> None:
    """Write the shortcomings into every point product, which until now is seen by nobody else."""
    for path in folder.rglob(MANIFEST):
        manifest = Manifest.model_validate_json(path.read_text(encoding="utf-8"))
        told = tuple(dict.fromkeys((*manifest.shortcomings, *found)))
        # Products may be linked to those they come from: a new file, not a change of the old one.
        with atomic_file(path) as partial:
            partial.write_text(manifest.model_copy(update={"shortcomings": told}).model_dump_json(indent=1), "utf-8")


class Workshop:
    """The hidden folder where the outputs of a task grow, beside the place where they appear.

    Parameters
    ----------
    place : Path
        Folder of the task; one that holds other things, or outputs of other tasks, is refused (FID-1002).
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._stack = ExitStack()
        if any(next(place.glob(f"{depth}{STEP_FILE}"), None) for depth in _INSIDE):
            raise _other_things(place, "the folder of the task holds outputs of other tasks")
        try:
            made = atomic_directory(place, overwrite=True, marker=STEP_FILE, flushed=True)
            self.folder = self._stack.enter_context(made)
        except InputError as error:
            raise _other_things(place, error.problem) from error

    def publish(self, record: StepRecord, done: Executed, contents: Contents) -> StepRecord:
        """Give the outputs their place, with ``step.json``; return it."""
        try:
            _require_seen(done.folder)
            finished = replace(record, outputs=done.made, shortcomings=done.shortcomings)
            for leftover in self.folder.iterdir():
                if leftover != done.folder:
                    shutil.rmtree(leftover, ignore_errors=True)
            for path in sorted(done.folder.iterdir()):
                path.rename(self.folder / path.name)
            done.folder.rmdir()
            (self.folder / STEP_FILE).write_text(finished.text(), encoding="utf-8")
        except BaseException:
            self.abandon()
            raise
        self._stack.close()
        for one in finished.outputs:
            contents.remember(self._place / one.path, Content(one.sha256, one.identity, one.size))
        return finished

    def abandon(self) -> None:
        """Remove it; nothing happens when it was published."""
        stack, self._stack = self._stack, ExitStack()
        with suppress(_AbandonedError):
            stack.__exit__(_AbandonedError, _AbandonedError(), None)


class _AbandonedError(Exception):
    """Makes the context of the folder end without publishing."""


def _other_things(place: Path, problem: str) -> InputError:
    return InputError("FID-1002", problem, where=str(place), fix="move or remove the folder, and run again")


def _require_seen(folder: Path) -> None:
    if not folder.is_dir():
        raise _unseen("the outputs are not seen where the run was started", folder)


def _unseen(problem: str, folder: Path) -> RunError:
    fix = "give a folder that all workers of the cluster see under the same name"
    return RunError("FID-5005", problem, where=str(folder), fix=fix)

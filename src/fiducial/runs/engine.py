"""The engine: runs a graph of steps, and of it only what is not there yet.

A step is not run again when the catalogue knows a finished run of its key, and the outputs of that run are intact.
The key is a hash of step, version, parameters and the content of the inputs. Outputs appear whole or not at all, so
that a run that was killed goes on where it was.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fiducial import __version__
from fiducial.catalogue.records import RunRecord
from fiducial.errors import FiducialError, RunError
from fiducial.runs.engine_clock import Clock
from fiducial.runs.engine_content import Contents, fingerprints
from fiducial.runs.engine_executor import Executor
from fiducial.runs.engine_graph import chosen, ordered, precheck
from fiducial.runs.engine_lock import TaskLock
from fiducial.runs.engine_model import RunStore, State, Task, TaskResult
from fiducial.runs.engine_provenance import (
    SOFTWARE,
    new_run,
    record_failure,
    record_loss,
    record_success,
    to_plain,
)
from fiducial.runs.engine_schedule import Schedule
from fiducial.runs.engine_task import Executed, Plan, Workshop, execute, plan

WORK: Final = ".fiducial"
"""Folder beside the outputs: locks, hashes that are remembered, how long steps took."""
_LOOK_S: Final = 0.2
_CLUSTER: Final = frozenset({"FutureCancelledError", "CancelledError", "CommClosedError"})
_LOST: Final = _CLUSTER | {"KilledWorker"}
_LOSS: Final = (
    "the worker that ran it was lost, again and again",
    "look at the memory of the workers; use fewer of them (--workers), and run again: what is done stays",
)
_CLUSTER_LOSS: Final = (
    "the scheduler of the cluster, or the connection to it, was lost",
    "start the scheduler and its workers again, and run again: what is done stays",
)
_NAMED: Final = 8

Tell = Callable[[str], None]


def _silence(text: str) -> None:
    del text


@dataclass(slots=True)
class _Active:
    """A task that is being run."""

    task: Task
    plan: Plan
    lock: TaskLock
    workshop: Workshop
    run: RunRecord


@dataclass(slots=True)
class Engine:
    """Runs graphs into a folder.

    Attributes
    ----------
    place : Path
        Folder of the outputs: a folder a task.
    store : RunStore
        The catalogue.
    recipe : str
        Kind of the recipe, for the catalogue.
    tell : callable
        Takes a sentence on progress.
    keep_going : bool
        After a task failed, run all that do not stand on it; by default what runs is finished, and nothing begun.
    """

    place: Path
    store: RunStore
    recipe: str = ""
    tell: Tell = _silence
    keep_going: bool = False
    _contents: Contents = field(init=False)
    _tasks: dict[str, Task] = field(init=False, default_factory=dict)
    _results: dict[str, TaskResult] = field(init=False, default_factory=dict)
    _forced: frozenset[str] = field(init=False, default=frozenset())
    _clock: Clock = field(init=False)
    _dropped: list[Path] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.place = self.place.absolute()
        self._contents = Contents(self.place / WORK / "hashes.jsonl")
        self._clock = Clock(self.place / WORK / "seconds.json")

    def prepare(self, tasks: Sequence[Task], force: Sequence[str] = ()) -> tuple[Task, ...]:
        """Check a graph before any work; return it in order.

        Raises
        ------
        FiducialError
            As `engine_graph.ordered`, `engine_graph.chosen` and `engine_graph.precheck`.
        """
        found = ordered(tasks)
        self._tasks = {task.name: task for task in found}
        self._forced = chosen(found, force)
        self._results = {}
        precheck(found, self.place)
        return found

    def dry_run(self, tasks: Sequence[Task], force: Sequence[str] = ()) -> tuple[TaskResult, ...]:
        """Say what would be run, and why; nothing is written but hashes that are remembered.

        Raises
        ------
        FiducialError
            As `prepare`.
        """
        for task in self.prepare(tasks, force):
            remade = [name for name in task.upstream() if self._results[name].state is State.WOULD_RUN]
            place = self.place / task.name
            reasons: tuple[str, ...]
            if remade:
                # Whether they turn out the same is not known before.
                reasons = tuple(f"its input {name} would be made anew" for name in remade)
                if not place.exists():
                    reasons = ("it has no outputs here", *reasons)
            else:
                reasons = self._plan(task).reasons
            state = State.WOULD_RUN if reasons else State.KEPT
            self._results[task.name] = TaskResult(task.name, task.step.name, state, reasons, place)
        return tuple(self._results.values())

    def run(
        self, tasks: Sequence[Task], executor: Executor, at_once: int, force: Sequence[str] = ()
    ) -> tuple[TaskResult, ...]:
        """Run what is not there yet.

        Parameters
        ----------
        tasks : sequence of Task
        executor : Executor
        at_once : int
            Most tasks that are given to the executor at the same time; it runs no more than it has workers.
        force : sequence of str
            Tasks or steps that are run even when they are there.

        Returns
        -------
        tuple of TaskResult
            In an order in which they could be run.

        Raises
        ------
        FiducialError
            As `prepare`; FID-5005 a step without its outputs; FID-5007 no locks; FID-5016 tasks that failed while others
            went on; and what steps raise. Tasks that are running then are finished and recorded first.
        """
        schedule = Schedule(self.prepare(tasks, force))
        self.store.add_agent(SOFTWARE)
        active: dict[Future[Executed], _Active] = {}
        told: set[str] = set()
        failed: dict[str, FiducialError] = {}
        try:
            while schedule.waiting or active:
                self._start(schedule, active, executor, at_once, told, failed)
                if active:
                    finished, _ = wait(
                        active, timeout=_LOOK_S if schedule.waiting else None, return_when=FIRST_COMPLETED
                    )
                    for future in finished:
                        self._settle(active.pop(future), future, schedule, failed)
                elif schedule.waiting:
                    time.sleep(_LOOK_S)
        except BaseException as error:
            if not isinstance(error, Exception):
                self.tell("interrupted: what is done stays, and the same command goes on from there")
            self._wind_up(active, schedule, at_once=not isinstance(error, Exception))
            raise
        finally:
            self._clock.remember()
        if failed:
            raise _failures(failed, len(self._tasks) - len(self._results) - len(failed))
        return tuple(self._results[name] for name in self._tasks)

    def sweep(self) -> None:
        """Remove what tasks went on writing after they were dropped; when the executor has come to rest."""
        for folder in self._dropped:
            shutil.rmtree(folder, ignore_errors=True)

    def _settle(
        self, active: _Active, future: Future[Executed], schedule: Schedule, failed: dict[str, FiducialError]
    ) -> None:
        try:
            self._finish(active, future, schedule)
        except FiducialError as error:
            if not self.keep_going:
                raise
            self._fail(active.task, error, schedule, failed)

    def _fail(self, task: Task, error: FiducialError, schedule: Schedule, failed: dict[str, FiducialError]) -> None:
        """Go on without a task; a cluster that is lost is no fault of one task."""
        if error.code == "FID-5015":
            raise error
        failed[task.name] = error
        schedule.drop(task)
        self.tell(f"{task.name}: {error}")

    def _plan(self, task: Task) -> Plan:
        forced = task.name in self._forced
        return plan(task, self._tasks, self.place, self._contents, self.store, forced=forced)

    def _start(
        self, schedule: Schedule, active: dict[Future[Executed], _Active], executor: Executor, at_once: int,
        told: set[str], failed: dict[str, FiducialError],
    ) -> None:  # fmt: skip
        """Keep what is there, and start what is not, until ``at_once`` tasks run."""
        schedule.retry()
        held: list[Task] = []
        while len(active) < at_once and (task := schedule.take()) is not None:
            try:
                started = self._begin(task, executor, told)
            except FiducialError as error:
                if not self.keep_going:
                    raise
                self._fail(task, error, schedule, failed)
                continue
            if started is None:
                held.append(task)
            elif isinstance(started, TaskResult):
                schedule.done(task)
            else:
                active[started[0]] = started[1]
        for task in held:
            schedule.hold(task)

    def _begin(
        self, task: Task, executor: Executor, told: set[str]
    ) -> TaskResult | tuple[Future[Executed], _Active] | None:
        """Return the result of a task that is there, or what is started; None while another process makes it."""
        found = self._plan(task)
        lock = TaskLock(self.place / WORK / "locks" / f"{task.name.replace('/', '~')}.lock")
        if not found.reasons:
            if lock.was_left() and lock.acquire():
                # Killed between the last rename and the last word to the catalogue.
                record_loss(self.store, lock.left_behind)
                lock.release()
            return self._keep(task)
        if not lock.acquire():
            if task.name not in told:
                told.add(task.name)
                self.tell(f"{task.name}: waits for {lock.holder()}, which makes it")
            return None
        try:
            record_loss(self.store, lock.left_behind)
            # Another process may have made it between the look and the lock.
            found = self._plan(task)
            if not found.reasons:
                lock.release()
                return self._keep(task)
            run = new_run(task, found.record, self.recipe)
            lock.note(to_plain(run))
            workshop = Workshop(self.place / task.name)
        except BaseException:
            lock.release()
            raise
        active = _Active(task, found, lock, workshop, run)
        try:
            self.store.begin_run(run)
            self.tell(f"{task.name}: {'; '.join(found.reasons)}")
            future = executor.submit(execute, task, found.inputs, workshop.folder, self.place / task.name)
        except BaseException as error:
            self._drop(active, str(error))
            raise
        return future, active

    def _keep(self, task: Task) -> TaskResult:
        result = TaskResult(task.name, task.step.name, State.KEPT, (), self.place / task.name)
        self._results[task.name] = result
        return result

    def _finish(self, active: _Active, future: Future[Executed], schedule: Schedule) -> None:
        task, place = active.task, self.place / active.task.name
        try:
            done = _result(task, future)
            self._check_inputs(active)
            record = active.workshop.publish(active.plan.record, done, self._contents)
            finished = record_success(
                self.store, active.run, active.plan.inputs, record, done, place, self._contents
            )  # fmt: skip
        except BaseException as error:
            self._drop(active, str(error))
            raise
        active.lock.release()
        self._forced -= {task.name}
        self._results[task.name] = TaskResult(
            task.name, task.step.name, State.MADE, active.plan.reasons, place, done.seconds, done.peak_mb,
            done.outcome.notes, finished.requirements, finished.shortcomings,
        )  # fmt: skip
        self._clock.took(task.step.name, done.seconds)
        schedule.done(task)
        left = self._clock.left(schedule.left)
        self.tell(f"{task.name}: made in {done.seconds:.1f} s ({len(self._results)} of {len(self._tasks)}{left})")

    def _check_inputs(self, active: _Active) -> None:
        """Refuse outputs of inputs that were changed while the step read them: nobody could tell what they are of."""
        for slot, paths in active.plan.inputs.items():
            if fingerprints(paths, self._contents.identity) != active.plan.record.inputs[slot]:
                raise RunError(
                    "FID-5009", f"the input {slot!r} was changed while the step {active.task.step.name} ran",
                    where=active.task.line(slot), fix="run again when nothing writes to the inputs",
                )  # fmt: skip

    def _drop(self, active: _Active, why: str) -> None:
        self._dropped.append(active.workshop.folder)
        try:
            active.workshop.abandon()
            record_failure(self.store, active.run, why)
        finally:
            active.lock.release()

    def _wind_up(self, active: dict[Future[Executed], _Active], schedule: Schedule, *, at_once: bool) -> None:
        """Finish what runs after an error elsewhere; drop it when the user interrupts."""
        for future, one in list(active.items()):
            if at_once or future.cancel():
                future.cancel()
                self._drop(one, "interrupted")
                continue
            try:
                self._finish(one, future, schedule)
            except Exception as error:  # noqa: BLE001 - the first error is the one to tell
                self.tell(f"{one.task.name}: {error}")


def _failures(failed: Mapping[str, FiducialError], skipped: int) -> RunError:
    names = ", ".join(list(failed)[:_NAMED]) + (f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else "")
    codes = ", ".join(sorted({error.code for error in failed.values()}))
    return RunError(
        "FID-5016", f"{len(failed)} tasks failed ({codes}), and {skipped} that stand on them were not run", where=names,
        fix="mend their inputs or leave them out, as told above, and run again: what is done stays",
    )  # fmt: skip


def _result(task: Task, future: Future[Executed]) -> Executed:
    try:
        done = future.result()
    except Exception as error:
        # Dask's own is not imported for its name's sake.
        if isinstance(error, BrokenExecutor) or type(error).__name__ in _LOST:
            told, fix = _LOSS if type(error).__name__ not in _CLUSTER else _CLUSTER_LOSS
            raise RunError("FID-5015", f"{told}: {type(error).__name__}", where=task.name, fix=fix) from error
        raise
    if done.version != __version__:
        raise RunError(
            "FID-5006", f"a worker of another version ran it: {done.version}, not {__version__}", where=task.name,
            fix=f"install fiducial {__version__} where the workers run, and run again",
        )  # fmt: skip
    return done


def to_stderr(text: str) -> None:
    """Say on stderr what is being done."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def summary(results: Sequence[TaskResult]) -> dict[str, Any]:
    """Return results as plain values for JSON."""
    return {
        "tasks": [one.to_dict() for one in results],
        "made": sum(one.state is State.MADE for one in results),
        "kept": sum(one.state is State.KEPT for one in results),
        "would_run": sum(one.state is State.WOULD_RUN for one in results),
        "shortcomings": sorted({text for one in results for text in one.shortcomings}),
    }

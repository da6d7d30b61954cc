"""The graph of tasks: checks before any work, order, and whether in-situ requirements are met."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from fiducial.catalogue.records import RequirementResult
from fiducial.errors import FiducialError, InputError, RunError
from fiducial.runs.engine_model import Call, Criticality, Given, Made, Task

_PARTS_OF_A_NAME = frozenset({"", ".", ".."})


def ordered(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return tasks so that each comes after all it takes something from, otherwise in the order given.

    Raises
    ------
    RunError
        FID-5008 for two tasks of one name or one inside the folder of another, an input from a task or slot that is
        not there, a needed input that is empty, or a cycle.
    """
    by_name = {task.name: task for task in tasks}
    if len(by_name) < len(tasks):
        names = [task.name for task in tasks]
        raise _broken(f"two tasks are called {next(one for one in names if names.count(one) > 1)!r}", tasks[0])
    for task in tasks:
        _check_task(task, by_name)
    done: dict[str, Task] = {}
    waiting = list(tasks)
    while waiting:
        ready = [task for task in waiting if all(name in done for name in task.upstream())]
        if not ready:
            raise _broken(f"tasks wait for each other: {', '.join(task.name for task in waiting)}", waiting[0])
        done.update((task.name, task) for task in ready)
        waiting = [task for task in waiting if task.name not in done]
    return tuple(done.values())


def _check_task(task: Task, by_name: Mapping[str, Task]) -> None:
    parts = task.name.split("/")
    if _PARTS_OF_A_NAME & set(parts) or parts[0].startswith("."):
        raise _broken(f"{task.name!r} is no name of a task", task)
    for parent in PurePosixPath(task.name).parents:
        if str(parent) in by_name:
            raise _broken(f"the folder of {task.name!r} lies in that of {parent}", task)
    slots = {slot.name: slot for slot in task.step.inputs}
    for name, sources in task.inputs.items():
        if name not in slots:
            raise _broken(f"the step {task.step.name} has no input {name!r}", task)
        for one in sources:
            if isinstance(one, Made):
                _check_made(one, task, by_name)
    required = {one.slot for one in task.step.requirements if one.criticality is Criticality.ESSENTIAL}
    for slot in slots.values():
        if slot.needed and slot.name not in required and not task.inputs.get(slot.name):
            raise _broken(f"the input {slot.name!r} of the step {task.step.name} is empty", task)


def _check_made(source: Made, task: Task, by_name: Mapping[str, Task]) -> None:
    if source.task not in by_name:
        raise _broken(f"it takes {source.slot!r} from {source.task!r}, which is no task", task)
    if source.slot not in {slot.name for slot in by_name[source.task].step.outputs}:
        raise _broken(f"it takes {source.slot!r} from {source.task!r}, which makes no such output", task)


def _broken(problem: str, task: Task) -> RunError:
    return RunError("FID-5008", problem, where=task.line(), fix="correct the graph of tasks; names and slots must fit")


def downstream(tasks: Sequence[Task], changed: Iterable[str]) -> frozenset[str]:
    """Return the names of tasks that stand, directly or not, on those that changed, and these themselves."""
    found = set(changed)
    for task in ordered(tasks):
        if found & set(task.upstream()):
            found.add(task.name)
    return frozenset(found)


def chosen(tasks: Sequence[Task], names: Sequence[str]) -> frozenset[str]:
    """Return the tasks that names of tasks or steps mean.

    Raises
    ------
    RunError
        FID-5004 for a name that is neither.
    """
    found: set[str] = set()
    known = sorted({name for task in tasks for name in (task.name, task.step.name)})
    for name in names:
        meant = {task.name for task in tasks if name in (task.name, task.step.name)}
        if not meant:
            near = difflib.get_close_matches(name, known, 3) or known[:8]
            raise RunError("FID-5004", f"no step or task is called {name!r}", where="--force",
                           fix=f"name one of {', '.join(near)}")  # fmt: skip
        found |= meant
    return frozenset(found)


def precheck(tasks: Sequence[Task], place: Path) -> None:
    """Look at everything that can be looked at before any work.

    Raises
    ------
    FiducialError
        FID-1001 for an input that is not there; the code of a requirement for an Essential input that is missing;
        and what the steps' own checks raise, with the line of the recipe.
    """
    for task in tasks:
        for slot, sources in task.inputs.items():
            for one in sources:
                if isinstance(one, Given) and not one.path.exists():
                    raise InputError("FID-1001", f"no such file or folder: {one.path}", where=task.line(slot),
                                     fix="check the path; it is relative to the recipe")  # fmt: skip
        for need in task.step.requirements:
            if need.criticality is Criticality.ESSENTIAL and not need.upstream and not task.inputs.get(need.slot):
                raise InputError(
                    need.code, f"{need.name} is Essential for {task.name}, and is missing",
                    where=task.line(need.slot), fix=need.fix,
                )  # fmt: skip
        given = {
            slot: tuple(one.path for one in sources if isinstance(one, Given)) for slot, sources in task.inputs.items()
        }
        folder = place / task.name
        try:
            task.step.check(Call(task.parameters, given, folder, folder))
        except FiducialError as error:
            where = f"{task.line_of_option(error.where)}: {error.where}"
            raise type(error)(error.code, error.problem, where=where, fix=error.fix) from error


def requirement_results(task: Task, stated: Mapping[str, str]) -> tuple[RequirementResult, ...]:
    """Return how the requirements of a task are met, by what is given and what metadata of its inputs state."""
    results = []
    for need in task.step.requirements:
        sources = task.inputs.get(need.slot, ())
        if sources:
            names = [one.path.name if isinstance(one, Given) else one.task for one in sources]
            state, detail = "given", ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        elif need.name in stated:
            state, detail = "stated", stated[need.name]
        elif need.upstream:
            state, detail = "unstated", "not given, and not stated by the metadata of the input"
        else:
            state, detail = "missing", "not given"
        results.append(RequirementResult(need.name, need.criticality.value, state, detail))
    return tuple(results)


def shortcomings(results: Iterable[RequirementResult]) -> tuple[str, ...]:
    """Name the Desirable inputs that are missing, and the Essential ones of which it is not known whether they were used."""
    found = []
    for one in results:
        if one.criticality == Criticality.DESIRABLE and one.state in ("missing", "unstated"):
            found.append(f"{one.requirement} ({one.criticality}) is {one.state}: {one.detail}")
        elif one.criticality == Criticality.ESSENTIAL and one.state == "unstated":
            found.append(f"{one.requirement} ({one.criticality}) is unstated: {one.detail}")
    return tuple(found)

"""``fiducial run``: run a recipe, and of it only what is not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table

Flag = Annotated[bool, Parameter(negative="")]


def run(
    recipe: Path,
    /,
    *,
    dry_run: Flag = False,
    scheduler: str = "local",
    workers: int | None = None,
    catalogue: str | None = None,
    force: Annotated[list[str] | None, Parameter(negative="")] = None,
    keep_going: Flag = False,
    json: Flag = False,
) -> None:
    """Run a recipe, and of it only what is not there yet: a run that was stopped or killed goes on where it was.

    A step is run again when its parameters, the content of its inputs or its version changed, or an output is missing or
    was changed. Progress is told on stderr.

    Example: ``fiducial run chain.yaml --dry-run``

    Parameters
    ----------
    recipe
        File; `fiducial recipe new KIND` writes one.
    dry_run
        Say what would be run, and why.
    scheduler
        `local`, or the address of a Dask scheduler such as tcp://10.0.0.1:8786, whose workers see the same folders.
    workers
        Tasks at once; as many as there are cores by default (at most 8), or threads of the cluster.
    catalogue
        Address or file of the catalogue; the environment variable FIDUCIAL_CATALOGUE, or
        fiducial-catalogue.sqlite in this folder by default.
    force
        A step or task to run even when it is there; may be given several times.
    keep_going
        After a task failed, run all that do not stand on it: one damaged burst of hundreds is told together with the others.
    json
        Print JSON.
    """
    from fiducial.runs.recipes.running import dry_run_recipe, run_recipe

    chosen = tuple(force or ())
    if dry_run:
        found = dry_run_recipe(recipe, catalogue=catalogue, force=chosen)
    else:
        found = run_recipe(
            recipe, scheduler=scheduler, workers=workers, catalogue=catalogue, force=chosen, keep_going=keep_going
        )
    if json:
        print_json(found)
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    tasks = found["tasks"]
    if len(tasks) > _MOST_SHOWN:
        columns = ["step", *_COUNTS.values(), "seconds of all", "most memory MB", "why, of the first"]
        print_table(found["recipe"], columns, _by_step(tasks))
    else:
        rows = [
            [one["task"], one["state"], one["seconds"], one["peak_memory_mb"], "; ".join(one["reasons"]) or None]
            for one in tasks
        ]
        print_table(found["recipe"], ["task", "state", "seconds", "memory MB", "why"], rows)
    print_lines([f"shortcoming: {text}" for text in found["shortcomings"]])
    counts = ", ".join(f"{found[name]} {word}" for name, word in _COUNTS.items() if found[name])
    print_lines([f"{counts}; outputs in {found['out']}, catalogue {found['catalogue']}"])


def _by_step(tasks: list[dict[str, Any]]) -> list[list[Any]]:
    """Return a row a step: thousands of tasks are no table for people."""
    rows: list[list[Any]] = []
    for step in dict.fromkeys(one["step"] for one in tasks):
        those = [one for one in tasks if one["step"] == step]
        seconds = [one["seconds"] for one in those if one["seconds"] is not None]
        memory = [one["peak_memory_mb"] for one in those if one["peak_memory_mb"] is not None]
        reasons = next((one["reasons"] for one in those if one["reasons"]), None)
        counts = [sum(one["state"] == word for one in those) for word in _COUNTS.values()]
        rows.append([step, *counts, round(sum(seconds), 1) if seconds else None, max(memory, default=None),
                     "; ".join(reasons) if reasons else None])  # fmt: skip
    return rows


_COUNTS = {"made": "made", "kept": "kept", "would_run": "would run"}
_MOST_SHOWN = 60

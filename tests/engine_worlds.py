"""Graphs of small fake steps, and a catalogue in memory, for the tests of the engine."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from fiducial.catalogue.records import RunState
from fiducial.errors import InputError
from fiducial.runs.engine import Engine
from fiducial.runs.engine_executor import executor
from fiducial.runs.engine_model import (
    Criticality,
    Given,
    InputSlot,
    Made,
    MadeProduct,
    Outcome,
    OutputSlot,
    State,
    Step,
    StepRequirement,
    Task,
)


class MixParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    salt: int = 0
    pause_s: float = Field(default=0.0, json_schema_extra={"in_key": False})
    fail: bool = False
    vanish: bool = False


class MemoryStore:
    """What the engine asks of a catalogue."""

    def __init__(self):
        self.all_runs, self.files, self.edges, self.all_products, self.agents = {}, {}, [], {}, []
        self._lock = threading.Lock()

    def add_agent(self, record):
        self.agents.append(record)

    def add(self, batch):
        self.files |= {one.id: one for one in batch.files}
        self.all_products |= {one.id: one for one in batch.products}

    def products(self, id):  # noqa: A002
        return tuple(one for one in self.all_products.values() if one.id == id)

    def begin_run(self, record):
        assert record.state is RunState.RUNNING
        self.all_runs[record.id] = record

    def finish_run(self, record, used, generated, files):
        with self._lock:
            self.all_runs[record.id] = record
            self.edges += [*used, *generated]
            self.files |= {one.id: one for one in files}

    def runs(self, key, state):
        return tuple(one for one in self.all_runs.values() if one.key == key and one.state is state)

    def find_run(self, key):
        return max(self.runs(key, RunState.DONE), key=lambda one: one.ended, default=None)

    def outputs_of(self, run_id):
        made = [one.source for one in self.edges if one.target == run_id]
        parts = [file for one in made if one in self.all_products for file in self.all_products[one].files]
        return tuple(self.files[one] for one in [*made, *parts] if one in self.files)

    def made_by(self, run_id):
        return {one.source for one in self.edges if one.target == run_id} | {one.id for one in self.outputs_of(run_id)}

    def states(self):
        return sorted(one.state.value for one in self.all_runs.values())


def mix(call):
    """Write what everything it was given hashes to."""
    parameters = call.parameters
    if parameters.vanish:
        os._exit(9)
    if parameters.fail:
        raise InputError("FID-1001", "asked to fail", where="mix", fix="do not ask")
    parts = [str(parameters.salt)]
    for slot, paths in sorted(call.inputs.items()):
        parts += [slot, *(one.read_text() for one in sorted(paths))]
    text = hashlib.sha256("|".join(parts).encode()).hexdigest()
    (call.out / "parts").mkdir()
    for number in range(2):
        (call.out / "parts" / f"{number}.txt").write_text(f"{text} {number}\n")
        time.sleep(parameters.pause_s / 2)
    (call.out / "whole.txt").write_text(text + "\n")
    product = MadeProduct(call.place.name, "whole.txt", egv_product="ESD", level="L2b", frame="ETRF2000")
    return Outcome((f"mixed {len(call.inputs)}",), (product,))


GNSS = StepRequirement("gnss", Criticality.ESSENTIAL, "gnss", code="FID-1005", fix="give a table of station velocities")
NEEDS = (
    StepRequirement("dem", Criticality.ESSENTIAL, "dem", upstream=True),
    StepRequirement("snow", Criticality.DESIRABLE, "snow"),
    StepRequirement("weather_model", Criticality.OPTIONAL, "weather"),
)
_SLOTS = (
    InputSlot("any", needed=False),
    *(InputSlot(name, needed=False) for name in ("gnss", "dem", "snow", "weather")),
)
_OUTPUTS = (OutputSlot("whole", "whole.txt"), OutputSlot("parts", "parts/*.txt"))
MIX = Step("mix", 1, MixParameters, _SLOTS, _OUTPUTS, mix)


def task(name, *sources, step=MIX, where=None, more=None, **parameters):
    """A task; sources are paths or names of other tasks."""
    given = tuple(Given(one) if isinstance(one, Path) else Made(one, "whole") for one in sources)
    inputs = {"any": given} | {slot: (Given(path),) for slot, path in (more or {}).items()}
    return Task(name, step, MixParameters(**parameters), inputs, where or {})


def run(tasks, place, store, *, force=(), at_once=2, told=None, kind="threads"):
    """Run a graph; return the results by name."""
    engine = Engine(place, store, "test", (told if told is not None else []).append)
    with executor("local", at_once, kind=kind) as (pool, count):
        return {one.name: one for one in engine.run(tasks, pool, count, force)}


def dry(tasks, place, store, force=()):
    return {one.name: one for one in Engine(place, store).dry_run(tasks, force)}


def made(results):
    return {name for name, one in results.items() if one.state is not State.KEPT}


def hashes(place):
    """Hashes of everything that was made."""
    return {
        path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(place.rglob("*"))
        if path.is_file() and ".fiducial" not in path.relative_to(place).parts
    }


def raised(step, by=1):
    return replace(step, version=step.version + by)


def chain_of(source, *, pause_s=0.0, salt=0, width=3):
    """Several tasks of one file, one of them all, one of that."""
    first = [task(f"first/{k}", source, salt=k, pause_s=pause_s) for k in range(width)]
    return [
        *first,
        task("middle", *(one.name for one in first), salt=salt, pause_s=pause_s),
        task("last", "middle", pause_s=pause_s),
        task("apart", source, salt=9, pause_s=pause_s),
    ]

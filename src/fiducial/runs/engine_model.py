"""What a graph of steps is made of: steps, tasks, their inputs, outputs and requirements, and what a run of them gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    FileRecord,
    ProductRecord,
    RequirementResult,
    RunRecord,
)

if TYPE_CHECKING:
    from fiducial.catalogue.store import Batch


class Criticality(StrEnum):
    """How much a step depends on an in-situ input, in the words of the Copernicus register."""

    ESSENTIAL = "Essential"
    DESIRABLE = "Desirable"
    OPTIONAL = "Optional"


@dataclass(frozen=True, slots=True)
class StepRequirement:
    """An in-situ requirement of a step.

    Attributes
    ----------
    name : str
        ``gnss``, ``dem``, ``land_cover``, ``snow``, ``earthquakes``, ``weather_model`` or ``validation``.
    criticality : Criticality
    slot : str
        Input that meets it when it is given.
    upstream : bool
        Met, or not, where the input was made: it may be stated by the metadata of the input, and is recorded as
        unstated otherwise; it never stops a run.
    code, fix : str
        Of the error when an Essential input is missing.
    """

    name: str
    criticality: Criticality
    slot: str
    upstream: bool = False
    code: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class InputSlot:
    """An input of a step; one that is not ``needed`` may be empty."""

    name: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class OutputSlot:
    """An output of a step.

    Attributes
    ----------
    name : str
    pattern : str
        Glob inside the folder of the task.
    folder : bool
        The outputs are the folders that hold what the pattern matches, such as point products by their ``product.json``.
    needed : bool
        A step that makes none has failed.
    """

    name: str
    pattern: str
    folder: bool = False
    needed: bool = True


@dataclass(frozen=True, slots=True)
class MadeProduct:
    """A product among the outputs of a task, as the catalogue knows it.

    ``pattern`` is as in `OutputSlot`; ``start`` and ``end`` as in `ProductRecord`.
    """

    name: str
    pattern: str
    egv_product: str | None = None
    level: str | None = None
    tier: str | None = None
    frame: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step tells beside its files: sentences, products, and requirements that metadata of its inputs state.

    ``unused`` are inputs of which nothing but their dates, if anything, went into the outputs: the catalogue draws no edge to
    them. They are part of the key all the same.
    """

    notes: tuple[str, ...] = ()
    products: tuple[MadeProduct, ...] = ()
    stated: Mapping[str, str] = field(default_factory=dict)
    unused: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """What a step is run with.

    Attributes
    ----------
    parameters : pydantic model
    inputs : mapping of slot to paths
    out : Path
        Empty folder to write to; it gets its name when the step has finished.
    place : Path
        That name.
    """

    parameters: Any
    inputs: Mapping[str, tuple[Path, ...]]
    out: Path
    place: Path

    def one(self, slot: str) -> Path | None:
        """Return the path of a slot of at most one."""
        paths = self.inputs.get(slot, ())
        return paths[0] if paths else None


def _nothing_to_check(call: Call) -> None:
    del call


@dataclass(frozen=True, slots=True)
class Step:
    """A kind of work.

    Attributes
    ----------
    name : str
    version : int
        Raised by the author when results change.
    parameters : type of pydantic model
        Fields whose ``json_schema_extra`` says ``{"in_key": False}`` do not change results and stay out of the key.
    inputs, outputs : tuple of slots
    requirements : tuple of StepRequirement
    run : callable
        From `Call` to `Outcome`; of module level, so that it can be sent to other processes. It writes only to
        ``out`` and may be run twice.
    check : callable
        Cheap look at parameters and inputs that are there before the run; raises FiducialError. Slots that other
        tasks fill are empty.
    """

    name: str
    version: int
    parameters: type[BaseModel]
    inputs: tuple[InputSlot, ...]
    outputs: tuple[OutputSlot, ...]
    run: Callable[[Call], Outcome]
    requirements: tuple[StepRequirement, ...] = ()
    check: Callable[[Call], None] = _nothing_to_check


@dataclass(frozen=True, slots=True)
class Given:
    """An input that lies on the disk before the run."""

    path: Path


@dataclass(frozen=True, slots=True)
class Made:
    """All outputs of a slot of another task, or the one of a name; that slot is no ``folder`` then."""

    task: str
    slot: str
    name: str | None = None


Source = Given | Made


@dataclass(frozen=True, slots=True)
class Task:
    """A step with parameters and inputs.

    Attributes
    ----------
    name : str
        Unique in its graph, and the folder of its outputs; may hold slashes.
    step : Step
    parameters : pydantic model
    inputs : mapping of slot to sources
    where : mapping of slot to str
        File and line of the recipe that say so, for messages; ``""`` is the task itself, ``options.NAME`` a parameter.
    """

    name: str
    step: Step
    parameters: BaseModel
    inputs: Mapping[str, tuple[Source, ...]]
    where: Mapping[str, str] = field(default_factory=dict)

    def upstream(self) -> tuple[str, ...]:
        """Names of the tasks that it takes something from, each once."""
        return tuple(dict.fromkeys(one.task for many in self.inputs.values() for one in many if isinstance(one, Made)))

    def line(self, slot: str = "") -> str:
        """Say where the recipe speaks of a slot."""
        return self.where.get(slot) or self.where.get("") or self.name

    def line_of_option(self, name: str) -> str:
        """Say where the recipe speaks of a parameter; of the task when it is none."""
        return self.where.get(f"options.{name}") or self.line()


class State(StrEnum):
    """What became of a task, or would."""

    KEPT = "kept"
    MADE = "made"
    WOULD_RUN = "would run"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of a task.

    Attributes
    ----------
    reasons : tuple of str
        Why it was run, or would be; empty when it was kept.
    seconds : float or None
    """

    name: str
    step: str
    state: State
    reasons: tuple[str, ...]
    place: Path
    seconds: float | None = None
    peak_mb: float | None = None
    notes: tuple[str, ...] = ()
    requirements: tuple[RequirementResult, ...] = ()
    shortcomings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "task": self.name,
            "step": self.step,
            "state": self.state.value,
            "reasons": list(self.reasons),
            "folder": str(self.place),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "peak_memory_mb": None if self.peak_mb is None else round(self.peak_mb),
            "notes": list(self.notes),
            "requirements": [
                {"requirement": one.requirement, "criticality": one.criticality, "state": one.state, "detail": one.detail}
                for one in self.requirements
            ],
            "shortcomings": list(self.shortcomings),
        }  # fmt: skip


class KnownRuns(Protocol):
    """What a look needs of a catalogue."""

    def find_run(self, key: str) -> RunRecord | None:
        """Return the newest DONE run with a key."""

    def runs(self, **filters: Any) -> tuple[RunRecord, ...]:
        """Return the runs with a ``key`` and ``state``."""

    def made_by(self, run_id: str) -> frozenset[str]:
        """Return the ids of the files and products that a run made."""


class RunStore(KnownRuns, Protocol):
    """What a run needs of a catalogue; `fiducial.catalogue.store.Catalogue` has it."""

    def add_agent(self, record: AgentRecord, /) -> None:
        """Record who made something."""

    def add(self, batch: Batch, /) -> None:
        """Record files and products, in one transaction."""

    def products(self, **filters: Any) -> tuple[ProductRecord, ...]:
        """Return the products with an ``id``."""

    def begin_run(self, record: RunRecord, /) -> None:
        """Record a run that begins."""

    def finish_run(
        self,
        record: RunRecord,
        used: Sequence[EdgeRecord],
        generated: Sequence[EdgeRecord],
        files: Sequence[FileRecord],
        /,
    ) -> None:
        """Record its end and what it made, in one transaction."""

"""The production workflow from its data file (``chain/data/workflow.yaml``)."""

from __future__ import annotations

from typing import Final

from fiducial.chain.workflow import (
    Cycle,
    Event,
    Fact,
    Gate,
    Pipeline,
    Principle,
    Risk,
    Status,
    Workflow,
    WorkflowNode,
)
from fiducial.formats.chain_catalogue import place
from fiducial.formats.chain_document import Document
from fiducial.formats.yaml_records import Record

_EXPECTED: Final = ("no_impact", "lost", "kept")
_PRINCIPLES: Final = ("principle", "rubric", "foundation", "architecture")
_HOURS_PER_DAY: Final = 24.0
_INF: Final = float("inf")


def read_workflow(document: Document) -> Workflow:
    """Read the production workflow.

    Raises
    ------
    FormatError
        FID-2601 with file and line: a key missing or unknown, a word that its vocabulary does not have, a number out of
        bounds.
    """
    return Workflow(
        nodes=tuple(_node(record) for record in document.records("nodes")),
        cycles=tuple(_cycle(record) for record in document.records("cycles")),
        risks=tuple(_risk(record) for record in document.records("risks")),
        events=tuple(_event(record) for record in document.records("events")),
        pipelines=tuple(_pipeline(record) for record in document.records("pipelines")),
        facts=tuple(_fact(record) for record in document.records("facts")),
        principles=tuple(_principle(record) for record in document.records("principles")),
    )


def _node(record: Record) -> WorkflowNode:
    gate = record.choice("gate", Gate)
    record.node("inputs")
    inputs = record.texts("inputs")
    found = WorkflowNode(
        id=record.text("id"),
        name=record.text("name"),
        tier=record.text("tier"),
        kind=record.text("kind"),
        gate=gate,
        inputs=inputs,
        required=_required(record, gate, len(inputs)),
        group=record.flag("group"),
        realises=record.texts("realises"),
        hold_days=record.optional_number("hold_days", minimum=0.0),
        breaks_cycle=record.flag("breaks_cycle"),
        alternates=record.texts("alternates"),
        latency_days=_latency(record),
        facts=_facts(record),
        note=record.optional_text("note"),
        source=record.texts("source"),
        status=record.choice("status", Status),
        place=place(record),
    )
    record.finish()
    return found


def _required(record: Record, gate: Gate, count: int) -> int:
    if gate is Gate.K:
        return record.integer("k", minimum=1)
    if record.optional_text("k") is not None:
        raise record.error(f"k belongs to gate: k, and the gate is {gate}", fix="write k: null, or gate: k")
    return count if gate is Gate.ALL else min(count, 1)


def _latency(record: Record) -> tuple[float, float] | None:
    for key, per_day in (("latency_days", 1.0), ("latency_hours", _HOURS_PER_DAY)):
        if record.has(key):
            low, high = record.numbers(key, 2)
            if not 0 <= low <= high < _INF:
                raise record.error(f"{key} must be two numbers from 0, the first not the larger", record.line_of(key))
            return low / per_day, high / per_day
    return None


def _facts(record: Record) -> tuple[tuple[str, str], ...]:
    if not record.has("facts"):
        return ()
    facts = record.record("facts")
    names = facts.keys()
    return tuple((name, facts.text(name)) for name in names)


def _cycle(record: Record) -> Cycle:
    record.text("id")
    found = Cycle(
        nodes=record.texts("nodes"),
        kind=record.text("kind"),
        broken_by=record.optional_text("broken_by"),
        source=record.texts("source"),
        status=record.choice("status", Status),
        place=place(record),
    )
    record.finish()
    return found


def _risk(record: Record) -> Risk:
    found = Risk(
        id=record.text("id"),
        target=record.text("target"),
        risk_class=record.optional_text("class"),
        statement=record.text("statement"),
        source=record.texts("source"),
        status=record.choice("status", Status),
        place=place(record),
    )
    record.finish()
    return found


def _event(record: Record) -> Event:
    expected = record.text("expected")
    if expected not in _EXPECTED:
        problem = f"expected is {expected!r}; it must be one of: {', '.join(_EXPECTED)}"
        raise record.error(problem, record.line_of("expected"))
    found = Event(
        id=record.text("id"),
        name=record.text("name"),
        fails=_some(record, "fails"),
        duration_days=record.number("duration_days", minimum=0.0, maximum=_INF),
        expected=expected,
        watch=_some(record, "watch"),
        note=record.optional_text("note"),
        source=record.texts("source"),
        status=record.choice("status", Status),
        place=place(record),
    )
    record.finish()
    return found


def _pipeline(record: Record) -> Pipeline:
    found = Pipeline(
        id=record.text("id"),
        name=record.text("name"),
        egv=record.optional_text("egv"),
        fails=_some(record, "fails"),
        note=record.optional_text("note"),
        source=record.texts("source"),
        place=place(record),
    )
    record.finish()
    return found


def _fact(record: Record) -> Fact:
    record.text("id")
    found = Fact(record.text("fact"), record.text("use"), record.texts("source"), place(record))
    record.finish()
    return found


def _principle(record: Record) -> Principle:
    kind = record.text("kind")
    if kind not in _PRINCIPLES:
        raise record.error(f"kind is {kind!r}; it must be one of: {', '.join(_PRINCIPLES)}", record.line_of("kind"))
    number = record.optional_number("number", minimum=1, maximum=1000)
    found = Principle(
        id=record.text("id"),
        kind=kind,
        version=record.text("version"),
        number=None if number is None else int(number),
        name=record.text("name"),
        note=record.optional_text("note"),
        source=record.texts("source"),
        status=record.choice("status", Status),
        place=place(record),
    )
    record.finish()
    return found


def _some(record: Record, key: str) -> tuple[str, ...]:
    texts = record.texts(key)
    if not texts:
        raise record.error(f"{key} is missing or empty", fix=f"add {key}")
    return texts

"""Schedules, strengths, holds and links of the chain from ``chain/data/{schedules,dependencies}.yaml``."""

from __future__ import annotations

import math
from typing import Final

from fiducial.chain.dependencies import (
    Dependencies,
    Evidence,
    HeldInput,
    ProductLink,
    Range,
    Recovery,
    Schedule,
    StreamMaker,
    StrengthLaw,
    Substitute,
)
from fiducial.chain.egv import Strength
from fiducial.formats.chain_catalogue import place
from fiducial.formats.chain_document import Document
from fiducial.formats.yaml_records import Record
from fiducial.formats.yaml_tree import Node

Curve = tuple[tuple[float, float], ...]

_ORBIT_CLASSES: Final = ("ultra_rapid", "rapid", "final", "onboard", "doris", "slr", "none")
_EXACT: Final = Range.exact(0.0, Evidence.DERIVED)


def read_dependencies(document: Document) -> Dependencies:
    """Read what propagation needs beside matrix and workflow.

    Raises
    ------
    FormatError
        FID-2601 with file and line: a key missing or unknown, a word that its vocabulary does not have, a number out of
        bounds.
    """
    return Dependencies(
        schedules=tuple(_schedule(record) for record in document.records("schedules")),
        strength_laws=tuple(_law(record) for record in document.records("strength_laws")),
        held=tuple(_held(record) for record in document.records("held")),
        links=tuple(_link(record) for record in document.records("links")),
        makers=tuple(_maker(record) for record in document.records("makers")),
        substitutes=tuple(_substitute(record) for record in document.records("substitutes")),
        recoveries=tuple(_recovery(record) for record in document.records("recoveries")),
    )


def _range(record: Record, key: str, evidence: Evidence, source: tuple[str, ...]) -> Range:
    one = record.record(key)
    found = Range(
        value=one.number("value", minimum=0.0),
        low=one.number("low", minimum=0.0),
        high=one.number("high", minimum=0.0),
        evidence=one.choice("evidence", Evidence) if one.has("evidence") else evidence,
        source=one.texts("source") if one.has("source") else source,
    )
    one.optional_text("evidence")
    one.texts("source")
    one.finish()
    return found


def _curve(record: Record, key: str) -> Curve:
    if not record.has(key):
        record.optional_text(key)
        return ()
    node = record.node(key)
    points = node.value if isinstance(node.value, list) else []
    found = [pair for pair in map(_pair, points) if pair is not None]
    if len(found) != len(points) or len(found) < 2:
        raise record.error(f"{key} must be a list of two or more [age in days, loss]", node.line)
    return tuple(found)


def _pair(node: Node) -> tuple[float, float] | None:
    if not isinstance(node.value, list) or len(node.value) != 2:
        return None
    try:
        age, loss = (float(item.value) for item in node.value if isinstance(item.value, str))
    except ValueError:
        return None
    return (age, loss) if math.isfinite(age) and math.isfinite(loss) else None


def _schedule(record: Record) -> Schedule:
    evidence, source = record.choice("evidence", Evidence), record.texts("source")
    orbit: str | None = None
    orbit_evidence: Evidence | None = None
    orbit_source: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    if record.has("orbit_input"):
        entry = record.record("orbit_input")
        orbit, orbit_evidence = entry.text("class"), entry.choice("evidence", Evidence)
        orbit_source, alternatives = entry.texts("source"), entry.texts("alternative")
        for key, words in (("class", (orbit,)), ("alternative", alternatives)):
            if not set(words) <= set(_ORBIT_CLASSES):
                problem = f"{key} is {', '.join(words)!r}; it must be of: {', '.join(_ORBIT_CLASSES)}"
                raise entry.error(problem, entry.line_of(key))
        entry.finish()
    found = Schedule(
        product=record.text("product"),
        stream=record.text("stream"),
        example=record.text("example"),
        cadence_days=_range(record, "cadence_days", evidence, source),
        latency_days=_range(record, "latency_days", evidence, source),
        window_days=_range(record, "averaging_window_days", evidence, source),
        orbit_input=orbit,
        orbit_input_evidence=orbit_evidence,
        orbit_input_source=orbit_source,
        alternatives=alternatives,
        evidence=evidence,
        source=source,
        note=record.optional_text("note"),
        place=place(record),
    )
    if not record.has("orbit_input"):
        record.optional_text("orbit_input")
    record.finish()
    return found


def _law(record: Record) -> StrengthLaw:
    evidence, source = record.choice("evidence", Evidence), record.texts("source")
    found = StrengthLaw(
        strength=record.choice("strength", Strength),
        alpha=_range(record, "alpha", evidence, source),
        beta=_range(record, "beta", evidence, source),
        place=place(record),
    )
    record.optional_text("note")
    record.finish()
    return found


def _held(record: Record) -> HeldInput:
    evidence, source = record.choice("evidence", Evidence), record.texts("source")
    found = HeldInput(
        node=record.text("node"),
        reach_days=_range(record, "reach_days", evidence, source),
        decay_days=_range(record, "decay_days", evidence, source),
        loss_curve=_curve(record, "loss_curve"),
        evidence=evidence,
        source=source,
        note=record.optional_text("note"),
        place=place(record),
    )
    record.finish()
    return found


def _link(record: Record) -> ProductLink:
    evidence, source = record.choice("evidence", Evidence), record.texts("source")
    refines = record.texts("refines")
    if len(refines) not in {0, 2}:
        raise record.error("refines must be [Level 2 variable, Level 3 variable]", record.line_of("refines"))
    strength = record.choice("strength", Strength) if record.has("strength") else None
    hold = _range(record, "hold_days", evidence, source) if record.has("hold_days") else None
    substitution = _range(record, "substitution", evidence, source) if record.has("substitution") else _EXACT
    for key in ("strength", "hold_days", "substitution"):
        if not record.has(key):
            record.optional_text(key)
    if strength is None and not refines:
        raise record.error("a link that refines no cell of the matrix needs its strength", fix="add strength")
    found = ProductLink(
        supplier=record.text("supplier"),
        consumer=record.text("consumer"),
        refines=(refines[0], refines[1]) if refines else None,
        strength=strength,
        substitution=substitution,
        hold_days=hold,
        loss_curve=_curve(record, "loss_curve"),
        evidence=evidence,
        source=source,
        note=record.optional_text("note"),
        place=place(record),
    )
    record.finish()
    return found


def _maker(record: Record) -> StreamMaker:
    product, colon, stream = record.text("streams").partition(":")
    if not colon or not product or not stream:
        raise record.error("a stream is written PRODUCT:STREAM", record.line_of("streams"))
    found = StreamMaker(record.text("node"), record.optional_text("delivered"), product, stream, place(record))
    record.finish()
    return found


def _substitute(record: Record) -> Substitute:
    evidence, source = record.choice("evidence", Evidence), record.texts("source")
    found = Substitute(
        alternative=record.text("alternative"),
        substitution=_range(record, "substitution", evidence, source),
        evidence=evidence,
        source=source,
        note=record.optional_text("note"),
        place=place(record),
    )
    record.finish()
    return found


def _recovery(record: Record) -> Recovery:
    evidence, source = record.choice("evidence", Evidence), record.texts("source")
    found = Recovery(
        node=record.text("node"),
        degradation_days=_range(record, "degradation_days", evidence, source),
        recovery_days=_range(record, "recovery_days", evidence, source),
        place=place(record),
    )
    record.optional_text("note")
    record.finish()
    return found

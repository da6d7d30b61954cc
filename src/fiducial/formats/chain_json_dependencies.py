"""The parts of the chain's JSON document that hold streams of products and links between products."""

from __future__ import annotations

from pydantic import Field

from fiducial.formats.chain_json_register import Days, Record, Texts


class Range(Record):
    """A number with the range it is sampled from; days where a time is meant."""

    value: Days
    low: Days
    high: Days
    evidence: str = Field(description="measured, sourced, derived or assumption.")
    source: Texts


class Stream(Record):
    """How a product comes out: a product has as many streams as schedules."""

    product: str
    stream: str
    example: str
    cadence_days: Range
    latency_days: Range
    window_days: Range
    orbit_input: str | None = Field(description="Class of the satellite orbits used; null: unknown.")
    orbit_input_evidence: str | None
    orbit_input_source: Texts
    alternatives: Texts
    evidence: str
    source: Texts
    note: str | None


class Link(Record):
    """A dependency between products or workflow nodes that refines the matrix or stands beside it."""

    supplier: str
    consumer: str
    refines: tuple[str, str] | None = Field(description="Supplier and consumer of the cell of the matrix.")
    strength: str | None = Field(description="null: that of the cell.")
    substitution: Range
    hold_days: Range | None = Field(description="null: from the schedules.")
    loss_curve: tuple[tuple[float, float], ...] = Field(description="Age in days and loss; empty without curve.")
    evidence: str
    source: Texts
    note: str | None

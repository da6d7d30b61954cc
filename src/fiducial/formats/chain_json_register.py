"""The parts of the chain's JSON document that hold the register of in-situ requirements, and what all parts share."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: Any) -> Any:
    """Return None for an infinite number: JSON has none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Days = Annotated[float | None, BeforeValidator(_finite), Field(description="Days; null: without end.")]
Texts = tuple[str, ...]


class Record(BaseModel):
    """A record: no other fields than these, read from the chain's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class MetricValue(Record):
    """A level of a metric."""

    level: str
    value: float
    unit: str
    text: str


class Metric(Record):
    """A metric; values is empty where it is not known."""

    name: str
    direction: str
    values: tuple[MetricValue, ...]
    suspect: str | None


class Requirement(Record):
    """A requirement of the register."""

    uid: int
    curie: str
    name: str
    known: bool
    state: str | None
    metrics: tuple[Metric, ...]
    source: Texts


class ProductRequirement(Record):
    """A product's need of a requirement."""

    product: int
    requirement: int
    name: str
    level_of_definition: str
    relevance: str
    criticality: str
    barriers: Texts
    note: str | None
    created: str
    updated: str
    egv_products: Texts
    outside: str | None


class RegisterProduct(Record):
    """A product of the register."""

    uid: int
    curie: str
    name: str
    description: str
    note: str | None
    status: str
    group: str
    area: str
    component: str
    service: str
    entrusted_entities: Texts
    created: str
    updated: str
    egv: str | None
    egv_product: str | None
    source: Texts


class Register(Record):
    """The register of in-situ requirements."""

    products: tuple[RegisterProduct, ...]
    requirements: tuple[Requirement, ...]
    product_requirements: tuple[ProductRequirement, ...]

"""Register of in-situ requirements, in the structure of the Copernicus in-situ information system (CIS2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fiducial.chain.egv import Place


class MetricLevel(StrEnum):
    """Level of a requirement, as in WMO OSCAR/Requirements."""

    THRESHOLD = "threshold"
    BREAKTHROUGH = "breakthrough"
    GOAL = "goal"


class Direction(StrEnum):
    """Which way is better."""

    SMALLER = "smaller"
    LARGER = "larger"


class State(StrEnum):
    """Workflow state of a record."""

    DRAFT = "draft"
    READY = "ready"
    CHANGES = "changes"
    VALID = "valid"


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One level of a metric: number and unit beside the text of the register."""

    level: MetricLevel
    value: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a requirement; ``values`` is empty where the register's value is not known.

    Attributes
    ----------
    name : str
        uncertainty, update_frequency, timeliness, scale, horizontal_resolution or vertical_resolution.
    suspect : str or None
        Why the register's entry looks misplaced.
    """

    name: str
    direction: Direction
    values: tuple[MetricValue, ...]
    suspect: str | None
    place: Place

    def value(self, level: MetricLevel) -> MetricValue | None:
        """Return the value of one level, or None where it is not known."""
        return next((value for value in self.values if value.level is level), None)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement: always six metrics, those not known empty.

    Attributes
    ----------
    known : bool
        Whether the requirement's own page was read.
    """

    uid: int
    name: str
    metrics: tuple[Metric, ...]
    state: State | None
    known: bool
    basis: tuple[str, ...]
    dissemination: str | None
    quality_control: str | None
    source: tuple[str, ...]
    place: Place

    def metric(self, name: str) -> Metric:
        """Return a metric by name; ``KeyError`` when there is none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ProductRequirement:
    """A product's need of a requirement."""

    product: int
    requirement: int
    name: str
    level_of_definition: str
    relevance: str
    criticality: str
    barriers: tuple[str, ...]
    note: str | None
    created: str
    updated: str
    egv_products: tuple[str, ...]
    outside: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class RegisterProduct:
    """A product of the register and the Essential Geodetic Variable it is an instance of."""

    uid: int
    name: str
    description: str
    note: str | None
    status: str
    group: str
    area: str
    component: str
    service: str
    entrusted_entities: tuple[str, ...]
    created: str
    updated: str
    egv: str | None
    egv_product: str | None
    source: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class DataProvider:
    """An organisation or network that provides data."""

    id: str
    name: str
    role: str
    is_network: bool
    place: Place


@dataclass(frozen=True, slots=True)
class InSituData:
    """A data set that meets requirements, with the level of compliance for each."""

    id: str
    name: str
    providers: tuple[str, ...]
    requirements: tuple[tuple[int, str], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Transition:
    """An allowed change of state and who may make it."""

    before: State
    after: State
    by: str


@dataclass(frozen=True, slots=True)
class Register:
    """The register: product, requirement, data, provider."""

    products: tuple[RegisterProduct, ...]
    requirements: tuple[Requirement, ...]
    product_requirements: tuple[ProductRequirement, ...]
    data: tuple[InSituData, ...]
    providers: tuple[DataProvider, ...]
    vocabularies: tuple[tuple[str, tuple[str, ...]], ...]
    transitions: tuple[Transition, ...]
    observations: tuple[str, ...]

    def requirement(self, uid: int) -> Requirement:
        """Return the requirement of a number; ``KeyError`` when there is none."""
        for requirement in self.requirements:
            if requirement.uid == uid:
                return requirement
        raise KeyError(uid)

    def vocabulary(self, name: str) -> tuple[str, ...]:
        """Return the words allowed for a field; ``KeyError`` when it is free text."""
        return dict(self.vocabularies)[name]

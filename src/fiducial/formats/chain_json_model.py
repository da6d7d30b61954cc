"""The document that ``fiducial chain show --json`` prints, as pydantic models of which the JSON Schema is made."""

from __future__ import annotations

from pydantic import Field

from fiducial.formats.chain_json_dependencies import Link, Stream
from fiducial.formats.chain_json_register import Days, Record, Register, Texts


class Relation(Record):
    """A neighbour of a variable in the matrix."""

    egv: str
    strength: str
    circular: bool


class Egv(Record):
    """An Essential Geodetic Variable."""

    id: str
    curie: str = Field(description="Identifier in all exports.")
    level: str
    level_name: str = Field(description="Name of the level in the version shown.")
    name: str
    domain: str
    subdomain: str
    description: str | None
    products: Texts = Field(description="Ids of products.")
    needs: tuple[Relation, ...]
    needed_by: tuple[Relation, ...]
    tiers: Texts = Field(description="Ids of the published impact tiers that it stands in.")
    co_produced: Texts = Field(description="Ids of its products that the orbit pipeline makes too.")
    sources: Texts


class Product(Record):
    """A product of a variable; an entry of the source with a slash is two products."""

    id: str
    curie: str
    name: str
    acronym: str | None
    format: str | None
    entry: str = Field(description="Entry of the source's table.")
    egv: str
    level: str


class Cell(Record):
    """A cell of the matrix; all are listed, row by row as printed."""

    consumer: str = Field(description="Variable of Level 3: the row.")
    consumer_label: str
    supplier: str = Field(description="Variable of Level 2: the column.")
    supplier_label: str
    strength: str | None = Field(description="Primary, Important or Indirect; null: no dependency.")
    circular: bool
    text: str = Field(description="Text as printed.")


class StrengthClass(Record):
    """A class of strength."""

    strength: str
    meaning: str
    colour: str


class Tier(Record):
    """A published impact tier."""

    id: str
    name: str
    affected_text: str
    affected: Texts = Field(description="Ids of variables named; empty with all_level_3.")
    all_level_3: bool
    mechanism: str
    window_days: tuple[Days, Days] = Field(description="Words of the tier in days; windows overlap.")
    bounds_days: tuple[Days, Days] = Field(description="Which tier a time falls in; ours.")


class CoProduct(Record):
    """A row of the co-production table."""

    text: str
    egv: str
    products: Texts
    level: str
    mechanism: str
    notes: str


class Latency(Record):
    """A latency with what says so."""

    product: str
    low_days: float
    high_days: float
    basis: str
    source: Texts


class DataLevel(Record):
    """A workflow tier with its data level; latencies stated and sourced."""

    id: str
    name: str
    data_level: str
    data_type: str
    latency_stated: str
    latency_sourced: tuple[Latency, ...]


class Annotation(Record):
    """A linkage annotation with the workflow nodes at which it stands."""

    point: str
    label: str
    links_to: str
    nodes: Texts


class Fact(Record):
    """An attribute of a workflow node."""

    name: str
    text: str


class Node(Record):
    """A node of the workflow."""

    id: str
    curie: str
    name: str
    tier: str
    kind: str
    gate: str = Field(description="all, any or k.")
    inputs: Texts
    required: int
    group: bool
    realises: Texts
    hold_days: float | None
    breaks_cycle: bool
    alternates: Texts
    latency_days: tuple[float, float] | None
    facts: tuple[Fact, ...]
    annotations: Texts
    note: str | None
    source: Texts
    status: str


class Cycle(Record):
    """A circle that a source states."""

    nodes: Texts
    kind: str
    broken_by: str | None
    source: Texts
    status: str


class Risk(Record):
    """A risk."""

    id: str
    target: str
    risk_class: str | None
    statement: str
    source: Texts
    status: str


class Event(Record):
    """An event with known effect."""

    id: str
    name: str
    fails: Texts
    duration_days: Days
    expected: str
    watch: Texts
    note: str | None
    source: Texts
    status: str


class Pipeline(Record):
    """Nodes that fail together."""

    id: str
    name: str
    egv: str | None
    fails: Texts
    note: str | None
    source: Texts


class Behaviour(Record):
    """A measured or published behaviour, and what the model uses it for."""

    fact: str
    use: str
    source: Texts


class Principle(Record):
    """A principle, rule or foundation."""

    id: str
    kind: str
    version: str
    number: int | None
    name: str
    note: str | None
    source: Texts
    status: str


class Workflow(Record):
    """The production workflow."""

    nodes: tuple[Node, ...]
    cycles: tuple[Cycle, ...]
    risks: tuple[Risk, ...]
    events: tuple[Event, ...]
    pipelines: tuple[Pipeline, ...]
    facts: tuple[Behaviour, ...]
    principles: tuple[Principle, ...]


class Change(Record):
    """A change between versions."""

    kind: str
    before: str | None
    after: str
    note: str | None


class Version(Record):
    """A version of the catalogue."""

    id: str
    previous: str | None
    changes: tuple[Change, ...]
    source: Texts


class Source(Record):
    """A document that facts were read in."""

    id: str
    title: str
    address: str | None
    note: str | None


class LevelCount(Record):
    """Numbers of a level."""

    level: str
    name: str
    egvs: int
    entries: int
    products: int


class LineCount(Record):
    """Numbers of a row or column of the matrix."""

    egv: str
    label: str
    primary: int
    important: int
    indirect: int
    empty: int


class Counts(Record):
    """Numbers, counted."""

    egvs: int
    levels: tuple[LevelCount, ...]
    entries_level_2_3: int
    products_level_2_3: int
    columns: tuple[LineCount, ...]
    rows: tuple[LineCount, ...]


class Document(Record):
    """All that is known of the chain; what a selection leaves out is null."""

    layout_version: int = Field(description="Raised when a field changes its meaning or goes.")
    version: str = Field(description="Version of the catalogue.")
    files: Texts = Field(description="Data files that it was read from.")
    egvs: tuple[Egv, ...] | None
    products: tuple[Product, ...] | None
    matrix: tuple[Cell, ...] | None
    strengths: tuple[StrengthClass, ...] | None
    tiers: tuple[Tier, ...] | None
    co_products: tuple[CoProduct, ...] | None
    data_levels: tuple[DataLevel, ...] | None
    annotations: tuple[Annotation, ...] | None
    streams: tuple[Stream, ...] | None
    links: tuple[Link, ...] | None
    workflow: Workflow | None
    requirements: Register | None
    versions: tuple[Version, ...] | None
    sources: tuple[Source, ...] | None
    counts: Counts | None

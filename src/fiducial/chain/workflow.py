"""The production workflow: stations, centres, combinations, software and products, with gates on their inputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fiducial.chain.egv import Place


class Gate(StrEnum):
    """What a node needs of its inputs: all of them, any one, or k."""

    ALL = "all"
    ANY = "any"
    K = "k"


class Status(StrEnum):
    """How a record is known: read in its source, read in part, or added by us."""

    SEEN = "seen"
    PARTIAL = "partial"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class WorkflowNode:
    """A node of the production workflow.

    Attributes
    ----------
    tier : str
        T0, T1, T2, T3, or X where the tiers do not reach.
    required : int
        How many of ``inputs`` are needed: all, one, or the k of a k-of-n gate.
    group : bool
        The node stands for many (a pool, a network, a constellation): its loss means the loss of all of them at once.
    realises : tuple of str
        Ids of the products that this node makes.
    hold_days : float or None
        For how long the last output serves when no new one comes; None where no source says.
    breaks_cycle : bool
        In static analysis the node's last output counts as held, which opens the circle it stands in.
    alternates : tuple of str
        Nodes that could take its place, but do not today.
    facts : tuple of (str, str)
        Further attributes of the record (country, issue times, counts, role), name and text.
    """

    id: str
    name: str
    tier: str
    kind: str
    gate: Gate
    inputs: tuple[str, ...]
    required: int
    group: bool
    realises: tuple[str, ...]
    hold_days: float | None
    breaks_cycle: bool
    alternates: tuple[str, ...]
    latency_days: tuple[float, float] | None
    facts: tuple[tuple[str, str], ...]
    note: str | None
    source: tuple[str, ...]
    status: Status
    place: Place


@dataclass(frozen=True, slots=True)
class Cycle:
    """A circle of co-determination that a source states."""

    nodes: tuple[str, ...]
    kind: str
    broken_by: str | None
    source: tuple[str, ...]
    status: Status
    place: Place


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk that a source states, or that follows from the graph; ``target`` is a node id where there is one."""

    id: str
    target: str
    risk_class: str | None
    statement: str
    source: tuple[str, ...]
    status: Status
    place: Place


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, or could, with the effect known: it can be replayed.

    Attributes
    ----------
    fails : tuple of str
        Nodes out.
    duration_days : float
        For how long; infinity for ever.
    expected : str
        ``no_impact``: no product out of ``watch`` loses 10 %; ``lost`` : every one of ``watch`` does; ``kept``: none does.
    watch : tuple of str
        Nodes the expectation is about.
    """

    id: str
    name: str
    fails: tuple[str, ...]
    duration_days: float
    expected: str
    watch: tuple[str, ...]
    note: str | None
    source: tuple[str, ...]
    status: Status
    place: Place


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A named set of nodes that fail together: the computational step behind a variable."""

    id: str
    name: str
    egv: str | None
    fails: tuple[str, ...]
    note: str | None
    source: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Fact:
    """A measured or published behaviour, and what the model uses it for."""

    fact: str
    use: str
    source: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Principle:
    """A principle, a rule of the investment rubric, or a foundation that a source names; by its name only.

    Attributes
    ----------
    kind : str
        principle, rubric, foundation or architecture.
    number : int or None
        Number in the source, where it has one.
    """

    id: str
    kind: str
    version: str
    number: int | None
    name: str
    note: str | None
    source: tuple[str, ...]
    status: Status
    place: Place


@dataclass(frozen=True, slots=True)
class Workflow:
    """The production graph with its circles, risks, events and facts."""

    nodes: tuple[WorkflowNode, ...]
    cycles: tuple[Cycle, ...]
    risks: tuple[Risk, ...]
    events: tuple[Event, ...]
    pipelines: tuple[Pipeline, ...]
    facts: tuple[Fact, ...]
    principles: tuple[Principle, ...] = ()

    def node(self, identity: str) -> WorkflowNode:
        """Return the node of an id; ``KeyError`` when there is none."""
        for node in self.nodes:
            if node.id == identity:
                return node
        raise KeyError(identity)

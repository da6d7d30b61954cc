"""What propagation needs beside the matrix: schedules of products, behaviour of held inputs, links between products."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fiducial.chain.egv import Place, Strength


class Evidence(StrEnum):
    """What a number stands on."""

    MEASURED = "measured"
    SOURCED = "sourced"
    DERIVED = "derived"
    ASSUMPTION = "assumption"


@dataclass(frozen=True, slots=True)
class Range:
    """A number with the range it is sampled from, and what it stands on.

    Attributes
    ----------
    value, low, high : float
        low ≤ value ≤ high; equal when exact. Days where a time is meant.
    """

    value: float
    low: float
    high: float
    evidence: Evidence
    source: tuple[str, ...]

    @classmethod
    def exact(cls, value: float, evidence: Evidence, source: tuple[str, ...] = ()) -> Range:
        """Return a number without range."""
        return cls(value, value, value, evidence, source)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a stream of a product comes out.

    Attributes
    ----------
    cadence_days, latency_days, window_days : Range
        Days between issues; from the end of the observations to the issue; span of observations in one issue.
    orbit_input : str or None
        Class of the satellite orbits that the stream uses: ultra_rapid, rapid, final, onboard, doris, none; None unknown.
    orbit_input_evidence : Evidence or None
        What that class stands on.
    alternatives : tuple of str
        Other techniques that place the satellite: onboard, doris, slr.
    """

    product: str
    stream: str
    example: str
    cadence_days: Range
    latency_days: Range
    window_days: Range
    orbit_input: str | None
    orbit_input_evidence: Evidence | None
    orbit_input_source: tuple[str, ...]
    alternatives: tuple[str, ...]
    evidence: Evidence
    source: tuple[str, ...]
    note: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class StrengthLaw:
    """Strength and criticality of dependency that a class of the matrix stands for (Garvey and Pinto 2009)."""

    strength: Strength
    alpha: Range
    beta: Range
    place: Place


@dataclass(frozen=True, slots=True)
class HeldInput:
    """How the last output of a node ages for those who use it.

    Attributes
    ----------
    node : str
        Id of a workflow node, a product, or a stream of one (``GSO:final``); ``*`` stands for all others.
    reach_days : Range
        How far beyond its last observation an issue serves (predicted half of ultra-rapid orbits; validity of a frame).
    decay_days : Range
        e-folding time of its fitness beyond that.
    loss_curve : tuple of (float, float)
        Age in days → loss in [0, 1], linear between; takes the place of reach and decay where it is given.
    """

    node: str
    reach_days: Range
    decay_days: Range
    loss_curve: tuple[tuple[float, float], ...]
    evidence: Evidence
    source: tuple[str, ...]
    note: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class ProductLink:
    """A dependency between products, workflow nodes, or both, that refines the matrix or adds what prose demands.

    Attributes
    ----------
    supplier, consumer : str
        Ids of workflow nodes or products; for refinements several links share the cell they refine.
    refines : tuple of str or None
        (Level 2 variable, Level 3 variable) of the matrix cell that the link spells out.
    strength : Strength or None
        None takes that of the cell.
    substitution : Range
        Share of the input that another source replaces.
    hold_days : Range or None
        None derives it from the schedules.
    loss_curve : tuple of (float, float)
        As in :class:`HeldInput`.
    """

    supplier: str
    consumer: str
    refines: tuple[str, str] | None
    strength: Strength | None
    substitution: Range
    hold_days: Range | None
    loss_curve: tuple[tuple[float, float], ...]
    evidence: Evidence
    source: tuple[str, ...]
    note: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class StreamMaker:
    """The workflow node that makes a stream of a product; ``delivered`` takes its place when substitutes count."""

    node: str
    delivered: str | None
    product: str
    stream: str
    place: Place


@dataclass(frozen=True, slots=True)
class Substitute:
    """Share of satellite orbits that another technique replaces, for streams whose schedule names it."""

    alternative: str
    substitution: Range
    evidence: Evidence
    source: tuple[str, ...]
    note: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Recovery:
    """Times of production: from loss of input to loss of output, and from return of input to full output."""

    node: str
    degradation_days: Range
    recovery_days: Range
    place: Place


@dataclass(frozen=True, slots=True)
class Dependencies:
    """All that propagation needs beside matrix and workflow."""

    schedules: tuple[Schedule, ...]
    strength_laws: tuple[StrengthLaw, ...]
    held: tuple[HeldInput, ...]
    links: tuple[ProductLink, ...]
    makers: tuple[StreamMaker, ...]
    substitutes: tuple[Substitute, ...]
    recoveries: tuple[Recovery, ...]

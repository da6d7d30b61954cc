"""What a check of a statement finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from fiducial.chain.egv import Statement


class Verdict(StrEnum):
    """What the computed value says of the statement."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    CANNOT_HOLD = "cannot hold"
    UNDEFINED = "undefined"
    MISSING = "missing"


class Computed(NamedTuple):
    """Value computed from the model, verdict, and why, in words."""

    value: str
    verdict: Verdict
    explanation: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement, what the model gives for it, and the verdict."""

    statement: Statement
    computed: str
    verdict: Verdict
    explanation: str


def compared(claimed: str, computed: str, explanation: str) -> Computed:
    """Return agreement where both texts are the same, contradiction otherwise."""
    verdict = Verdict.AGREES if claimed == computed else Verdict.CONTRADICTS
    return Computed(computed, verdict, explanation)

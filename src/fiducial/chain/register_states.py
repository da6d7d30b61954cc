"""Workflow of a register's records: which state may follow which, and who may make the step."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from fiducial.chain.register import State, Transition
from fiducial.errors import InputError


class Actor(StrEnum):
    """Who acts on a record."""

    OWNER = "owner"
    TEAMMATE = "teammate"
    OTHER = "other"


class Permission(StrEnum):
    """Who may make a transition, in the words of the data file."""

    OWNER_OR_TEAMMATE = "owner or teammate"
    OTHERS = "someone other than owner and teammates"
    ANYONE_WITH_FEEDBACK = "anyone with feedback"

    def allows(self, by: Actor, feedback: str) -> bool:
        """Tell whether an actor may act, with what he has to say."""
        if self is Permission.ANYONE_WITH_FEEDBACK:
            return bool(feedback.strip())
        return (by is Actor.OTHER) == (self is Permission.OTHERS)


def advance(state: State, to: State, by: Actor, transitions: Iterable[Transition], *, feedback: str = "") -> State:
    """Return the new state of a record, when the transition is allowed.

    Parameters
    ----------
    state, to : State
        Before and after.
    by : Actor
        As seen from the record: its owner, a teammate of the owner, or someone else.
    transitions : iterable of Transition
        Those of the register.
    feedback : str
        What the actor says; mandatory where changes are asked for.

    Returns
    -------
    State
        ``to``.

    Raises
    ------
    InputError
        FID-1402 when no transition leads there, or another actor would have to make it.
    """
    options = [one for one in transitions if one.before is state]
    match = next((one for one in options if one.after is to), None)
    if match is None:
        ways = ", ".join(str(one.after) for one in options) or "nowhere"
        raise InputError("FID-1402", f"a record cannot go from {state} to {to}", where=f"state {state}",
                         fix=f"from {state} it can go to: {ways}")  # fmt: skip
    if not Permission(match.by).allows(by, feedback):
        raise InputError("FID-1402", f"{by} may not take a record from {state} to {to}", where=f"state {state}",
                         fix=f"this step is for {match.by}")  # fmt: skip
    return to

"""What missing issues do to the chain: outages that began when the first of them fell due, propagated and dated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fiducial.chain.assembly import assemble
from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.deliveries import IssueState
from fiducial.chain.egv import Level
from fiducial.chain.impact import MOST_SAMPLES, Effect, impact
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.propagation import Outage
from fiducial.errors import InputError
from fiducial.runs.chain_impact import resolve

if TYPE_CHECKING:
    from fiducial.runs.catalogue_health import ClassHealth

NAMED: Final = 3
_DAY: Final = np.timedelta64(1, "D") / np.timedelta64(1, "us")


@dataclass(frozen=True, slots=True)
class ImpactSettings:
    """Draws, horizon and substitutes of the propagation, as in ``chain impact``.

    Raises
    ------
    InputError
        FID-1421 for a horizon that is not positive and finite; FID-1422 for a number of samples below 1 or above a million, or
        a negative seed. Also when nothing is missing and nothing would be propagated.
    """

    samples: int = 500
    seed: int = 0
    horizon_days: float = 365.0
    substitutes: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise InputError("FID-1422", f"{self.samples} samples", where="--samples", fix=f"take 1 to {MOST_SAMPLES}")
        if self.seed < 0:
            raise InputError("FID-1422", f"a seed of {self.seed}", where="--seed", fix="take 0 or more")
        if not (math.isfinite(self.horizon_days) and self.horizon_days > 0):
            raise InputError(
                "FID-1421",
                f"a horizon of {self.horizon_days} days",
                where="--horizon",
                fix="give a positive number of days",
            )


@dataclass(frozen=True, slots=True)
class NodeOutage:
    """A node or stream out of production.

    Attributes
    ----------
    since_utc : datetime64
        When the first missing issue fell due.
    hours : float
        How long, where the issue came since; infinity while it is missing.
    """

    node: str
    since_utc: np.datetime64
    hours: float


@dataclass(frozen=True, slots=True)
class DatedEffect:
    """A variable that degrades.

    Attributes
    ----------
    early_utc, median_utc : datetime64 or None
        When 10 % of its production is lost in 5 % and in half of the draws; None where so many do not get there.
    """

    id: str
    name: str
    early_utc: np.datetime64
    median_utc: np.datetime64 | None


@dataclass(frozen=True, slots=True)
class Consequence:
    """What classes that are missing or late together do.

    Attributes
    ----------
    classes : tuple of str
        Their ids.
    effects : tuple of DatedEffect
        The earliest first.
    sentence : str
    """

    classes: tuple[str, ...]
    outages: tuple[NodeOutage, ...]
    effects: tuple[DatedEffect, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Consequences:
    """Consequences class by class, and of all together."""

    settings: ImpactSettings
    each: tuple[Consequence, ...]
    together: Consequence | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        settings = self.settings
        return {
            "samples": settings.samples,
            "seed": settings.seed,
            "horizon_days": settings.horizon_days,
            "substitutes": settings.substitutes,
            "degraded": "10 % of production lost; early is the 5 % quantile of the draws",
            "each": [_plain(one) for one in self.each],
            "together": None if self.together is None else _plain(self.together),
        }


def consequences(
    knowledge: Knowledge,
    classes: Sequence[ClassHealth],
    as_of_utc: np.datetime64,
    settings: ImpactSettings,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Consequences:
    """Propagate what is missing or came late.

    A node is out when every watched class that it makes is missing, from the time at which the last of them fell due: while one of its
    products still comes, it works. Classes of one kind, such as the final orbits of all centres, are propagated together.

    Parameters
    ----------
    knowledge : Knowledge
    classes : sequence of ClassHealth
    as_of_utc : datetime64
    settings : ImpactSettings
    progress : callable

    Returns
    -------
    Consequences
    """
    concerned: dict[str, list[ClassHealth]] = {}
    for one in classes:
        came_late = one.state is IssueState.LATE and one.judged.stated[one.verdict.position]
        if one.state is IssueState.MISSING or came_late:
            concerned.setdefault(f"{one.rule.family} {one.state}", []).append(one)
    if not concerned:
        return Consequences(settings, (), None)
    chain = assemble(knowledge, substitutes=settings.substitutes)
    outages = _outages(classes, chain)
    each, seen = [], {}
    for group in concerned.values():
        nodes = tuple(dict.fromkeys(node for one in group for node in one.rule.makes if node in outages))
        if nodes not in seen:
            progress(", ".join(one.rule.name for one in group))
            seen[nodes] = _effects(knowledge, chain, [outages[node] for node in nodes], settings)
        reason = _reason(group, nodes, chain, classes)
        sentence = _sentence(_subject(group), reason, seen[nodes], as_of_utc, settings)
        each.append(
            Consequence(tuple(one.rule.id for one in group), tuple(outages[n] for n in nodes), seen[nodes], sentence)
        )
    together = None
    if len(each) > 1 and outages:
        progress("all together")
        made = {f"{one.product}:{one.stream}": one.node for one in knowledge.dependencies.makers}
        # A stream is out with the node that makes it, and only as fast as that node takes it down.
        outages = {node: out for node, out in outages.items() if made.get(node) not in outages}
        effects = seen.get(tuple(outages)) or _effects(knowledge, chain, list(outages.values()), settings)
        ids = tuple(key for one in each for key in one.classes)
        sentence = _sentence("All together", "", effects, as_of_utc, settings)
        together = Consequence(ids, tuple(outages.values()), effects, sentence)
    return Consequences(settings, tuple(each), together)


def _outages(classes: Sequence[ClassHealth], chain: ChainNetwork) -> dict[str, NodeOutage]:
    """Return the nodes that are out, or were while their newest issue was late."""
    makers: dict[str, list[ClassHealth]] = {}
    for one in classes:
        if one.state not in {IssueState.NOT_WATCHED, IssueState.NOT_DUE}:
            for node in one.rule.makes:
                if node in chain.network.nodes:
                    makers.setdefault(node, []).append(one)
    found = {}
    for node, made in makers.items():
        bad = [one for one in made if one.state is IssueState.MISSING]
        late = [one for one in made if one.state is IssueState.LATE and one.judged.stated[one.verdict.position]]
        if len(bad) == len(made):
            found[node] = NodeOutage(node, max(one.due_utc for one in bad if one.due_utc is not None), math.inf)
        elif len(late) == len(made):
            last = min(late, key=lambda one: one.hours_late or 0.0)
            if last.due_utc is not None and last.hours_late is not None:
                found[node] = NodeOutage(node, last.due_utc, last.hours_late)
    return found


def _effects(
    knowledge: Knowledge, chain: ChainNetwork, outages: Sequence[NodeOutage], settings: ImpactSettings
) -> tuple[DatedEffect, ...]:
    if not outages:
        return ()
    begin = min(one.since_utc for one in outages)
    imposed = [
        Outage(node, 1.0, float((one.since_utc - begin) / np.timedelta64(1, "D")), one.hours / 24)
        for one in outages
        for node in resolve(knowledge, chain, one.node).nodes
    ]
    variables = [egv.id for egv in knowledge.catalogue.of_level(Level.LEVEL_3) if egv.id in chain.network.nodes]
    horizon = max(one.start_days for one in imposed) + settings.horizon_days
    found = impact(
        chain, imposed, variables, knowledge.catalogue.impact_tiers, horizon_days=horizon, samples=settings.samples,
        seed=settings.seed, output_times=2,
    )  # fmt: skip
    dated = [one for effect in found.effects if (one := _dated(effect, begin)) is not None]
    return tuple(sorted(dated, key=lambda one: one.early_utc))


def _dated(effect: Effect, begin: np.datetime64) -> DatedEffect | None:
    spread = effect.days_to_10_percent
    if spread is None or not math.isfinite(spread.p5):
        return None
    median = _after(begin, spread.p50) if math.isfinite(spread.p50) else None
    return DatedEffect(effect.id, effect.name, _after(begin, spread.p5), median)


def _after(begin: np.datetime64, days: float) -> np.datetime64:
    time: np.datetime64 = begin + np.timedelta64(round(days * _DAY), "us")
    return time


def _subject(group: Sequence[ClassHealth]) -> str:
    """Return names with how late they are; centres of one class that are equally late share one phrase."""
    phrases: dict[tuple[str, str], list[str]] = {}
    for one in group:
        late = f"{'came ' if one.state is IssueState.LATE else ''}{duration(one.hours_late or 0.0)} late"
        name = one.rule.name.removesuffix(one.rule.centre_name)
        phrases.setdefault((name, late), []).append(one.rule.centre_name)
    return ", ".join(f"{name}{', '.join(centres)} {late}" for (name, late), centres in phrases.items())


def _reason(
    group: Sequence[ClassHealth], nodes: Sequence[str], chain: ChainNetwork, classes: Sequence[ClassHealth]
) -> str:
    """Return why classes are not, or not all, propagated, and on how little a node is taken as out."""
    words = []
    alone = [one.rule.name for one in group if not any(node in chain.network.nodes for node in one.rule.makes)]
    if alone:
        words.append(f"no node of the chain stands for {', '.join(alone)}")
    working = [
        one.rule.name
        for one in group
        if one.rule.name not in alone and not any(node in nodes for node in one.rule.makes)
    ]
    if working:
        words.append(f"what makes {', '.join(working)} still delivers other products and is not taken as out")
    idle = {IssueState.NOT_WATCHED, IssueState.NOT_DUE}
    if any(node in nodes for one in classes if one.state in idle for node in one.rule.makes):
        words.append("what makes it is taken as out although only some of its product classes are watched")
    return "; ".join(words)


def _sentence(
    subject: str, reason: str, effects: Sequence[DatedEffect], as_of_utc: np.datetime64, settings: ImpactSettings
) -> str:
    if not effects:
        return f"{subject}: " + (
            reason or f"nothing loses 10 % of its production within {settings.horizon_days:g} days"
        )
    past = [one for one in effects if one.early_utc <= as_of_utc]
    coming = [one for one in effects if one.early_utc > as_of_utc]
    parts = []
    if past:
        parts.append(f"may have degraded already (5 % of draws): {_list(past, 'since')}")
    if coming:
        first = f"nothing {'more ' if past else ''}degrades before {stamp(coming[0].early_utc)} (5 % of draws)"
        parts.append(f"{first}; then {_list(coming, 'from')}")
    if reason:
        parts.append(reason)
    return f"{subject}: " + "; ".join(parts)


def _list(effects: Sequence[DatedEffect], word: str) -> str:
    named = []
    for index, one in enumerate(effects[:NAMED]):
        median = "fewer than half of the draws" if one.median_utc is None else f"half by {stamp(one.median_utc)}"
        # The first of those to come has its date before it.
        early = "" if word == "from" and index == 0 else f" {word} {stamp(one.early_utc)}"
        named.append(f"{one.name}{early} ({median})")
    more = len(effects) - NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _plain(one: Consequence) -> dict[str, Any]:
    def text(time: np.datetime64 | None) -> str | None:
        return None if time is None else str(time.astype("datetime64[s]"))

    return {
        "classes": list(one.classes),
        "sentence": one.sentence,
        "outages": [
            {"node": out.node, "since_utc": text(out.since_utc), "hours": out.hours if math.isfinite(out.hours) else None}
            for out in one.outages
        ],
        "effects": [
            {"egv": effect.id, "name": effect.name, "early_utc": text(effect.early_utc),
             "median_utc": text(effect.median_utc)}
            for effect in one.effects
        ],
    }  # fmt: skip


def stamp(time: np.datetime64 | None) -> str:
    """Return a time for people, UTC to the minute."""
    return "-" if time is None or np.isnat(time) else f"{str(time.astype('datetime64[m]')).replace('T', ' ')} UTC"


def duration(hours: float) -> str:
    """Return a length of time for people."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.3g} h" if hours < 72 else f"{hours / 24:.0f} d"

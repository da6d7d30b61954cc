"""Holding the propagation against what is published and what happened: the run behind ``fiducial chain validate``."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fiducial.chain.assembly import assemble
from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.egv import ImpactTier, Level
from fiducial.chain.impact import Impact, impact
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.order import (
    Agreement,
    HalfTest,
    depth_baseline,
    half_test,
    order_agreement,
    published_ranks,
    strength_baseline,
)
from fiducial.chain.propagation import Outage
from fiducial.chain.replay import Replayed, replay
from fiducial.chain.scenario import failing_nodes

TARGET: Final = "l2/satellite_orbits"
MODEL: Final = "10 % of the production lost"
HORIZON_DAYS: Final = 3000.0


@dataclass(frozen=True, slots=True)
class TierRow:
    """A Level 3 variable: published tier and computed time.

    Attributes
    ----------
    days : float
        Median time to 10 %, infinity where half of the samples do not reach it.
    inside : float
        Share of the samples inside the published tier's soft window.
    """

    egv: str
    name: str
    published: str
    computed: str | None
    days: float
    inside: float


@dataclass(frozen=True, slots=True)
class Validation:
    """What speaks for the model, what against it, and what it rests on.

    Attributes
    ----------
    rows : tuple of TierRow
        By published tier and time.
    agreements : dict
        Predictor → order agreement; the model first, then other readings of it, then baselines.
    spread : tuple of float
        5 %, 50 % and 95 % of the model's agreement over the samples.
    halves : HalfTest
        Choice of a reading on half of the variables, tested on the other half.
    events : tuple of Replayed
    evidence : dict
        How many uncertain numbers of the network are measured, sourced, derived, assumed.
    schedules : dict
        How many schedules are sourced and assumed.
    """

    rows: tuple[TierRow, ...]
    agreements: dict[str, Agreement]
    spread: tuple[float, float, float]
    halves: HalfTest
    events: tuple[Replayed, ...]
    evidence: dict[str, int]
    schedules: dict[str, int]
    samples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "samples": self.samples,
            "seed": self.seed,
            "tiers": [
                {"egv": row.egv, "name": row.name, "published": row.published, "computed": row.computed,
                 "days_to_10_percent": row.days if math.isfinite(row.days) else None, "inside_window": row.inside}
                for row in self.rows
            ],
            "order_agreement": {
                name: {"share": one.share, "pairs": one.pairs, "p_value": one.p_value}
                for name, one in self.agreements.items()
            },
            "agreement_over_samples": dict(zip(("p5", "p50", "p95"), self.spread, strict=True)),
            "half_test": {"splits": self.halves.splits, "tuned": self.halves.tuned, "tested": self.halves.tested,
                          "chosen": self.halves.chosen},
            "events": [
                {"event": one.event.id, "name": one.event.name, "expected": one.event.expected,
                 "most_lost": one.most_lost, "agreeing": one.agreeing, "agrees": one.agrees}
                for one in self.events
            ],
            "evidence": {"uncertain_numbers": self.evidence, "schedules": self.schedules},
            "statements": list(self.statements()),
        }  # fmt: skip

    def statements(self) -> tuple[str, ...]:
        """Say what is evidence and what is assumption."""
        model, strength = self.agreements[MODEL], self.agreements["baseline: strength class"]
        same = sum(row.published == row.computed for row in self.rows)
        verdict = "more" if model.share > strength.share else "no more"
        replayed = sum(one.agrees for one in self.events)
        schedules = sum(self.schedules.values())
        order = (
            f"Order: the model puts {model.share:.1%} of {model.pairs} pairs in the published order; that is {verdict} than "
            f"the strength class alone, {strength.share:.1%}. A random order does as well with probability {model.p_value:.2g}."
        )
        halves = (
            f"Halves: a reading of the model chosen on half of the variables agrees to {self.halves.tuned:.1%} there and to "
            f"{self.halves.tested:.1%} on the other half."
        )
        evidence = (
            f"Evidence: {self.schedules.get('sourced', 0)} of {schedules} schedules are sourced; they were gathered without "
            "sight of the published tiers."
        )
        assumption = (
            f"Assumption: {self.evidence.get('assumption', 0)} of {sum(self.evidence.values())} uncertain numbers are assumed, "
            "among them all strengths and criticalities; their ranges are in the data files and are sampled."
        )
        tiers = f"Tiers: {same} of {len(self.rows)} variables fall into the published tier."
        events = (
            f"Events: {replayed} of {len(self.events)} replayed events come out as they did or as their gates demand."
        )
        return order, tiers, halves, events, evidence, assumption


def run_validation(knowledge: Knowledge, *, samples: int = 1000, seed: int = 0) -> Validation:
    """Compare the model with the published tiers and with known events.

    Parameters
    ----------
    knowledge : Knowledge
        The chain.
    samples, seed : int
        Monte Carlo draws.

    Returns
    -------
    Validation
    """
    chain = assemble(knowledge)
    found = _impact(knowledge, chain, samples, seed)
    ranks = published_ranks(knowledge.catalogue)
    readings = _readings(knowledge, found, samples, seed)
    baselines = {
        "baseline: graph depth": depth_baseline(knowledge.catalogue, TARGET),
        "baseline: strength class": strength_baseline(knowledge.catalogue, TARGET),
        "baseline: shortest cadence": _shortest(knowledge),
    }
    agreements = {name: order_agreement(times, ranks, seed=seed) for name, times in (readings | baselines).items()}
    variables = [effect.id for effect in found.effects if effect.id in ranks]
    columns = [index for index, effect in enumerate(found.effects) if effect.id in ranks]
    shares = [
        order_agreement(dict(zip(variables, row[columns], strict=True)), ranks, permutations=0).share
        for row in found.first_days
    ]
    low, middle, high = np.quantile(shares, (0.05, 0.5, 0.95))
    values = chain.sample(samples, seed)
    return Validation(
        _rows(knowledge, found, ranks),
        agreements,
        (float(low), float(middle), float(high)),
        half_test(readings, ranks, seed=seed),
        tuple(replay(chain, event, values) for event in knowledge.workflow.events),
        dict(Counter(str(one.range.evidence) for one in chain.variables[2:])),
        dict(Counter(str(one.evidence) for one in knowledge.dependencies.schedules)),
        samples,
        seed,
    )


def _impact(knowledge: Knowledge, chain: ChainNetwork, samples: int, seed: int) -> Impact:
    outages = [Outage(node) for node in failing_nodes(knowledge, chain, TARGET).nodes]
    watched = [
        node
        for node in (
            *(egv.id for egv in knowledge.catalogue.of_level(Level.LEVEL_3)),
            *(product.id for product in knowledge.catalogue.products(Level.LEVEL_3)),
        )
        if node in chain.network.nodes
    ]
    tiers = knowledge.catalogue.impact_tiers
    return impact(chain, outages, watched, tiers, horizon_days=HORIZON_DAYS, samples=samples, seed=seed)


def _readings(knowledge: Knowledge, found: Impact, samples: int, seed: int) -> dict[str, dict[str, float]]:
    """Return the times of every variable by different readings of "degrades"."""
    egvs = knowledge.catalogue.of_level(Level.LEVEL_3)
    effects = {effect.id: effect for effect in found.effects}
    first = {node: _median(effect.days_to_10_percent) for node, effect in effects.items()}
    literal = _impact(knowledge, assemble(knowledge, indirect=True), samples, seed)
    weak = {effect.id: _median(effect.days_to_10_percent) for effect in literal.effects}
    return {
        MODEL: {egv.id: first[egv.id] for egv in egvs},
        "50 % of the production lost": {egv.id: _median(effects[egv.id].days_to_50_percent) for egv in egvs},
        "what users hold has lost 10 %": {egv.id: _median(effects[egv.id].held_days_to_10_percent) for egv in egvs},
        "first product to lose 10 %": {
            egv.id: min((first[one.id] for one in egv.products if one.id in first), default=math.inf) for egv in egvs
        },
        "weak edges for Indirect cells": {egv.id: weak[egv.id] for egv in egvs},
    }


def _median(spread: Any) -> float:
    return math.inf if spread is None else float(spread.p50)


def _shortest(knowledge: Knowledge) -> dict[str, float]:
    cadence: dict[str, float] = {}
    for one in knowledge.dependencies.schedules:
        cadence[one.product] = min(cadence.get(one.product, math.inf), one.cadence_days.value)
    return {
        egv.id: min((cadence.get(one.id, math.inf) for one in egv.products), default=math.inf)
        for egv in knowledge.catalogue.of_level(Level.LEVEL_3)
    }


def _rows(knowledge: Knowledge, found: Impact, ranks: dict[str, int]) -> tuple[TierRow, ...]:
    tiers: tuple[ImpactTier, ...] = knowledge.catalogue.impact_tiers
    names = {tier.id: tier.name for tier in tiers}
    rows = []
    for column, effect in enumerate(found.effects):
        if effect.id not in ranks:
            continue
        published = tiers[ranks[effect.id]]
        times = found.first_days[:, column]
        low, high = published.window_days
        inside = float(np.mean((times >= low) & (times <= high)))
        computed = None if effect.tier is None else names[effect.tier]
        days = _median(effect.days_to_10_percent)
        rows.append(TierRow(effect.id, effect.name, published.name, computed, days, inside))
    return tuple(sorted(rows, key=lambda row: (ranks[row.egv], row.days)))

"""What degrades when a link of the chain fails: the run behind ``fiducial chain impact``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.chain.assembly import assemble
from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.benefit import Benefit, benefits
from fiducial.chain.egv import Level
from fiducial.chain.explanation import Explainer, Explanation
from fiducial.chain.impact import Effect, Impact, Spread, impact
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.propagation import Outage
from fiducial.chain.scenario import Scenario, failing_nodes
from fiducial.chain.structure import structure_of
from fiducial.chain.structure_names import find_item
from fiducial.runs.chain_transfer import Transfer, read_transfer

DELIVERED: Final = frozenset({"product", "delivered_product"})


@dataclass(frozen=True, slots=True)
class ImpactOptions:
    """Options of an impact run.

    Attributes
    ----------
    start_days, duration_days : float
        Beginning and length of the outage in days; infinity for one that does not end.
    level : float
        Share of the production that fails, 1 for all of it.
    horizon_days : float
        For how long effects are followed, from the beginning of the outage.
    samples, seed : int
        Monte Carlo draws from the ranges.
    substitutes : bool
        Whether substitutes count: other combinations, other tracking techniques.
    sensitivity : Path, optional
        Output of ``fiducial orbits sensitivity --json``, used as a measured loss of the pool of analysis centres.
    tolerance_mm : float
        Orbit difference that counts as a total loss, mm.
    """

    start_days: float = 0.0
    duration_days: float = math.inf
    level: float = 1.0
    horizon_days: float = 3000.0
    samples: int = 2000
    seed: int = 0
    substitutes: bool = True
    sensitivity: Path | None = None
    tolerance_mm: float = 25.0


@dataclass(frozen=True, slots=True)
class ImpactResult:
    """Effects of an outage with reasons, what is delivered, and what would help.

    Attributes
    ----------
    scenarios : tuple of Scenario
        What fails.
    variables, products, delivered : tuple of Effect
        Level 3 variables, their products, and the products of the workflow, official or delivered by a substitute.
    reasons : dict
        Explanation of every variable, product and delivery by id.
    benefits : tuple of Benefit
        Measures, the greatest gain first.
    curves : Impact
        All that was watched, with curves.
    """

    options: ImpactOptions
    scenarios: tuple[Scenario, ...]
    variables: tuple[Effect, ...]
    products: tuple[Effect, ...]
    delivered: tuple[Effect, ...]
    reasons: dict[str, Explanation]
    benefits: tuple[Benefit, ...]
    transfer: Transfer | None
    curves: Impact
    knowledge: Knowledge

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; times in days, null where they are not reached within the horizon."""
        egv_of = {product.id: product.egv for product in self.knowledge.catalogue.products()}
        return {
            "failed": [
                {"target": one.target, "name": one.name, "nodes": list(one.nodes), "reason": one.reason}
                for one in self.scenarios
            ],
            "from_days": self.options.start_days,
            "duration_days": _finite(self.options.duration_days),
            "level": self.options.level,
            "horizon_days": self.options.horizon_days,
            "samples": self.options.samples,
            "seed": self.options.seed,
            "substitutes": self.options.substitutes,
            "tiers": [
                {"id": tier.id, "name": tier.name, "bounds_days": [tier.bounds_days[0], _finite(tier.bounds_days[1])]}
                for tier in self.knowledge.catalogue.impact_tiers
            ],
            "measured": None if self.transfer is None else self.transfer.to_dict(),
            "effects": [
                self._effect(effect, "egv")
                | {
                    "products": [
                        self._effect(one, "product") for one in self.products if egv_of.get(one.id) == effect.id
                    ]
                }
                for effect in self.variables
            ],
            "delivered": [self._effect(effect, "node") for effect in self.delivered],
            "would_help": [
                {"measure": one.measure, "node": one.node, "text": one.text, "saved_days": one.saved_days,
                 "saved_share": one.saved_share}
                for one in self.benefits
            ],
        }  # fmt: skip

    def _effect(self, effect: Effect, key: str) -> dict[str, Any]:
        names = {tier.id: tier.name for tier in self.knowledge.catalogue.impact_tiers}
        reason = self.reasons[effect.id]
        return {
            key: effect.id,
            "name": effect.name,
            "tier": None if effect.tier is None else names[effect.tier],
            "tier_id": effect.tier,
            "tier_shares": effect.tier_shares,
            "days_to_10_percent": _spread(effect.days_to_10_percent),
            "days_to_50_percent": _spread(effect.days_to_50_percent),
            "held_days_to_10_percent": _spread(effect.held_days_to_10_percent),
            "recovery_days": _spread(effect.recovery_days),
            "lost_days": _spread(effect.lost_days),
            "drivers": [{"variable": one.label, "rank_correlation": one.correlation} for one in effect.drivers],
            "because": reason.text,
            "path": [
                {"supplier": step.supplier, "consumer": step.consumer, "reason": step.reason,
                 "hold_days": step.hold_days, "decay_days": step.decay_days,
                 "lost_after_days": _finite(step.lost_after_days), "evidence": step.evidence,
                 "source": list(step.source)}
                for step in reason.steps
            ],
        }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _spread(spread: Spread | None) -> dict[str, float | None] | None:
    if spread is None:
        return None
    return {"p5": _finite(spread.p5), "p50": _finite(spread.p50), "p95": _finite(spread.p95)}


def resolve(knowledge: Knowledge, chain: ChainNetwork, text: str) -> Scenario:
    """Return what fails for an id or name that a user gave.

    Raises
    ------
    InputError
        As :func:`~fiducial.chain.structure_names.find_item`, FID-1424 when nothing of it is in the network.
    """
    plain = text.casefold().replace(" ", "_").replace("-", "_")
    for pipeline in knowledge.workflow.pipelines:
        if plain in {pipeline.id.casefold(), pipeline.name.casefold().replace(" ", "_").replace("-", "_")}:
            return failing_nodes(knowledge, chain, pipeline.id)
    if text in chain.network.nodes:
        return failing_nodes(knowledge, chain, text)
    return failing_nodes(knowledge, chain, find_item(structure_of(knowledge), text).id)


def run_impact(knowledge: Knowledge, targets: Sequence[str], options: ImpactOptions) -> ImpactResult:
    """Propagate the outage of one or more nodes through the chain.

    Parameters
    ----------
    knowledge : Knowledge
        The chain.
    targets : sequence of str
        Ids or names of nodes, products, variables or pipelines.
    options : ImpactOptions

    Returns
    -------
    ImpactResult

    Raises
    ------
    InputError
        For an unknown target, an impossible outage or horizon, or a sensitivity file that cannot be read.
    """
    transfer = None
    if options.sensitivity is not None:
        transfer = read_transfer(options.sensitivity, knowledge, options.tolerance_mm)
    chain = assemble(knowledge, substitutes=options.substitutes, pools={} if transfer is None else transfer.curves)
    scenarios = tuple(resolve(knowledge, chain, target) for target in targets)
    outages = tuple(
        Outage(node, options.level, options.start_days, options.duration_days)
        for node in dict.fromkeys(node for scenario in scenarios for node in scenario.nodes)
    )
    horizon = options.start_days + options.horizon_days
    variables = [egv.id for egv in knowledge.catalogue.of_level(Level.LEVEL_3) if egv.id in chain.network.nodes]
    products = [one.id for one in knowledge.catalogue.products(Level.LEVEL_3) if one.id in chain.network.nodes]
    delivered = [node.id for node in knowledge.workflow.nodes if node.kind in DELIVERED]
    found = impact(
        chain, outages, [*variables, *products, *delivered], knowledge.catalogue.impact_tiers,
        horizon_days=horizon, samples=options.samples, seed=options.seed,
    )  # fmt: skip
    explainer = Explainer(chain, outages, horizon)
    effects = found.effects
    first, second = len(variables), len(variables) + len(products)
    return ImpactResult(
        options,
        scenarios,
        effects[:first],
        effects[first:second],
        effects[second:],
        {effect.id: explainer.explain(effect.id) for effect in effects},
        benefits(chain, outages, variables, horizon_days=horizon),
        transfer,
        found,
        knowledge,
    )

"""Why a variable or product degrades: the path from what failed, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.chain.assembly_types import ChainNetwork, EdgeRule
from fiducial.chain.network import EdgeLaw, FloatArray, NodeLaw, Parameters
from fiducial.chain.propagation import Outage, propagate

LEAST: Final = 5e-4


@dataclass(frozen=True, slots=True)
class Step:
    """One dependency of a path.

    Attributes
    ----------
    hold_days, decay_days : float
        For how long the input held serves, and how it decays after that.
    lost_after_days : float
        When the consumer has lost 10 % of its production, from the beginning of the outage.
    """

    supplier: str
    consumer: str
    supplier_name: str
    consumer_name: str
    reason: str
    hold_days: float
    decay_days: float
    lost_after_days: float
    evidence: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The path from a failed node to a variable; ``text`` says it in one sentence."""

    node: str
    steps: tuple[Step, ...]
    text: str


class Explainer:
    """Explains effects by a run with the middle values of all uncertain numbers.

    Parameters
    ----------
    chain : ChainNetwork
        The network.
    outages : tuple of Outage
        What fails.
    horizon_days : float
        For how long.
    """

    def __init__(self, chain: ChainNetwork, outages: tuple[Outage, ...], horizon_days: float) -> None:
        self._chain = chain
        self._parameters: Parameters = chain.parameters(chain.nominal())
        run = propagate(chain.network, self._parameters, outages, horizon_days=horizon_days)
        self._most: FloatArray = run.lost[0].max(axis=0).astype(float)
        self._begin = min(outage.start_days for outage in outages)
        self._crossing: FloatArray = run.crossing_days[0, :, 0] - self._begin
        self._failed = {outage.node: outage.level for outage in outages if outage.level > 0}
        self._names = {rule.id: rule.name for rule in chain.nodes}

    def explain(self, node: str) -> Explanation:
        """Return the path that takes a node down first, or says that none does.

        Parameters
        ----------
        node : str
            Id.

        Returns
        -------
        Explanation
        """
        name = self._names[node]
        if node in self._failed:
            return Explanation(node, (), f"{name} itself {_fails(self._failed[node])}")
        if not math.isfinite(self._crossing[self._chain.network.index(node)]):
            return Explanation(node, (), self._why_not(node))
        steps: list[Step] = []
        current, seen = node, {node}
        while current not in self._failed:
            step = self._critical(current)
            if step is None or step.supplier in seen:
                break
            steps.append(step)
            seen.add(step.supplier)
            current = step.supplier
        steps.reverse()
        return Explanation(node, tuple(steps), _sentence(steps, self._failed))

    def _edges(self, node: str) -> list[int]:
        network = self._chain.network
        index = network.index(node)
        return list(range(network.first_edge[index], network.first_edge[index + 1]))

    def _critical(self, node: str) -> Step | None:
        network = self._chain.network
        index = network.index(node)
        arrivals = sorted((self._arrival(edge), edge) for edge in self._edges(node))
        arrivals = [(time, edge) for time, edge in arrivals if math.isfinite(time)]
        if not arrivals:
            return None
        # Several inputs may add up to a tenth before one alone does; one that fails later than the node is not the reason.
        before = [one for one in arrivals if self._begins(one[1]) <= self._crossing[index]]
        if before and network.law[index] != NodeLaw.ORDER:
            arrivals = before
        # A node that needs k of n inputs falls with the k-th from the last that leaves it.
        place = len(self._edges(node)) - int(network.required[index]) if network.law[index] == NodeLaw.ORDER else 0
        _, edge = arrivals[min(place, len(arrivals) - 1)]
        rule = self._chain.edges[edge]
        curve, held = network.edge_law[edge] == EdgeLaw.CURVE, network.edge_law[edge] == EdgeLaw.HELD
        which = f", of which this is number {place + 1} to fail" if place else ""
        return Step(
            rule.supplier,
            rule.consumer,
            self._names[rule.supplier],
            self._names[rule.consumer],
            rule.reason + which + (", by a curve of loss against age" if curve else ""),
            float(self._parameters.hold_days[0, edge]) if held else 0.0,
            float(self._parameters.decay_days[0, edge]) if held else 0.0,
            float(self._crossing[index]),
            str(rule.evidence),
            rule.source,
        )

    def _arrival(self, edge: int) -> float:
        rule: EdgeRule = self._chain.edges[edge]
        weight = self._parameters.alpha[0, edge] * (1 - self._parameters.substitution[0, edge])
        if weight <= 0:
            return math.inf
        start = self._begins(edge)
        if self._chain.network.edge_law[edge] != EdgeLaw.HELD:
            ages, losses = [point[0] for point in rule.curve], [point[1] for point in rule.curve]
            aged = float(np.interp(min(0.1 / weight, 1.0), losses, ages)) if rule.law is EdgeLaw.CURVE else 0.0
            return start + aged
        # The input is lost to a tenth of its weight after this part of its decay.
        decay = -math.log1p(-min(0.1 / weight, 0.99)) * float(self._parameters.decay_days[0, edge])
        return start + float(self._parameters.hold_days[0, edge]) + decay

    def _begins(self, edge: int) -> float:
        if self._chain.edges[edge].supplier in self._failed:
            return 0.0
        return float(self._crossing[self._chain.network.supplier[edge]])

    def _why_not(self, node: str) -> str:
        most = float(self._most[self._chain.network.index(node)])
        name = self._names[node]
        if most < LEAST:
            return f"no loss reaches {name} in this model"
        return f"{name} never loses more than {most:.1%} of its production within the horizon"


def _fails(level: float) -> str:
    return "stops" if level >= 1 else f"loses {level:.3g} of its production"


def _sentence(steps: list[Step], failed: dict[str, float]) -> str:
    if not steps:
        return "no single path"
    first = steps[0].supplier
    start = _fails(failed[first]) if first in failed else "degrades in a circle that it is part of"
    parts = [f"{steps[0].supplier_name} {start}"]
    for step in steps:
        lost = f"{step.consumer_name} loses 10 % after {_days(step.lost_after_days)}"
        if step.reason.startswith("is a "):
            parts.append(lost)
            continue
        held = [f"serves {_days(step.hold_days)}"] if step.hold_days > 0 else []
        held += [f"fades over {_days(step.decay_days)}"] if step.decay_days > 0 else []
        serving = f"; the last {step.supplier_name} {', then '.join(held)}" if held else ""
        parts.append(f"{lost} ({step.reason}{serving})")
    return " → ".join(parts)


def _days(days: float) -> str:
    if days < 1 / 24:
        return f"{days * 1440:.2g} min"
    if days < 1:
        return f"{days * 24:.2g} h"
    if days < 60:
        return f"{days:.3g} d"
    return f"{days / 30.44:.3g} months" if days < 730 else f"{days / 365.25:.3g} years"

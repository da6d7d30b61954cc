"""The longest outages that the circles of the chain survive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fiducial.chain.assembly import assemble
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.structure import DirectedGraph
from fiducial.chain.survival import Survival, longest_outage

MOST_DAYS = 3652.5
REST_DAYS = 7305.0


@dataclass(frozen=True, slots=True)
class CircleSurvival:
    """A circle of the network and what it survives.

    Attributes
    ----------
    nodes : tuple of str
        Nodes that depend on each other.
    survivals : tuple of Survival
        Longest outage of every node that the circle does not survive for ten years, the shortest first.
    held : tuple of (str, str, float)
        Supplier, consumer and days of the longest holds inside the circle: what breaks it in time.
    """

    nodes: tuple[str, ...]
    survivals: tuple[Survival, ...]
    held: tuple[tuple[str, str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "nodes": list(self.nodes),
            "longest_outage_days": {one.node: one.longest_days for one in self.survivals},
            "holds": [
                {"supplier": supplier, "consumer": consumer, "days": days} for supplier, consumer, days in self.held
            ],
        }


def circle_survivals(knowledge: Knowledge, *, substitutes: bool = True) -> tuple[CircleSurvival, ...]:
    """Find the circles of the network and the longest outage of each node that they survive, at the middle values.

    Parameters
    ----------
    knowledge : Knowledge
        The chain.
    substitutes : bool
        Whether other techniques count that could rebuild what is lost.

    Returns
    -------
    tuple of CircleSurvival
    """
    chain = assemble(knowledge, substitutes=substitutes)
    network, parameters = chain.network, chain.parameters(chain.nominal())
    found = []
    for circle in DirectedGraph(len(network.nodes), network.supplier, network.consumer).circles():
        nodes = tuple(network.nodes[index] for index in circle)
        survivals = [
            longest_outage(network, parameters, node, nodes, most_days=MOST_DAYS, rest_days=REST_DAYS) for node in nodes
        ]
        weak = sorted((one for one in survivals if math.isfinite(one.longest_days)), key=lambda one: one.longest_days)
        held = [
            (rule.supplier, rule.consumer, float(parameters.hold_days[0, edge]))
            for edge, rule in enumerate(chain.edges)
            if rule.supplier in nodes and rule.consumer in nodes and parameters.hold_days[0, edge] > 0
        ]
        found.append(CircleSurvival(nodes, tuple(weak), tuple(sorted(held, key=lambda one: -one[2]))))
    return tuple(found)

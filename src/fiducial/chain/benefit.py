"""What would help most: the gain of a longer hold, a substitute, or a spare, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fiducial.chain.assembly import HELD
from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.network import EdgeLaw, IntArray, Parameters
from fiducial.chain.propagation import Outage, propagate

LONGER_DAYS = 30.0
SUBSTITUTED = 0.5
_TEXT = {
    "hold": f"hold {{name}} {LONGER_DAYS:.0f} d longer",
    "substitute": f"another source for {SUBSTITUTED:.0%} of {{name}}",
    "spare": "a spare for {name}",
}


@dataclass(frozen=True, slots=True)
class Benefit:
    """Gain of one measure.

    Attributes
    ----------
    measure : str
        ``hold``, ``substitute`` or ``spare``.
    node : str
        Whose output is held longer or replaced, or who gets a spare.
    text : str
        The measure in words.
    saved_days : float
        Days of lost production that it saves, summed over the variables watched.
    saved_share : float
        The same as a share of what is lost without it.
    """

    measure: str
    node: str
    text: str
    saved_days: float
    saved_share: float


def benefits(
    chain: ChainNetwork, outages: Sequence[Outage], watched: Sequence[str], *, horizon_days: float
) -> tuple[Benefit, ...]:
    """Rank single measures by the production they save, at the middle values of all uncertain numbers.

    For every node that loses production and has users: its output held for 30 days longer by all of them; half of it replaced
    by another source; and for every node that fails, a spare that takes over at once.

    Parameters
    ----------
    chain : ChainNetwork
        The network.
    outages : sequence of Outage
        What fails.
    watched : sequence of str
        Variables that count.
    horizon_days : float
        For how long.

    Returns
    -------
    tuple of Benefit
        The greatest gain first; measures without gain are left out.
    """
    nominal = chain.parameters(chain.nominal())
    alone = propagate(chain.network, nominal, outages, horizon_days=horizon_days, output_times=2).lost_days[0]
    lost = float(alone[[chain.network.index(node) for node in watched]].sum())
    measures = _measures(chain, outages, np.flatnonzero(alone > 0))
    if lost <= 0 or not measures:
        return ()
    names = {rule.id: rule.name for rule in chain.nodes}
    changed = _stacked(nominal, measures)
    run = propagate(chain.network, changed, outages, horizon_days=horizon_days, watched=watched, output_times=2)
    found = [
        Benefit(measure, node, _TEXT[measure].format(name=names[node]), saved, saved / lost)
        for (measure, node, _), saved in zip(measures, (lost - run.lost_days.sum(axis=1)).tolist(), strict=True)
    ]
    return tuple(sorted((one for one in found if one.saved_share > 1e-6), key=lambda one: -one.saved_days))


def _measures(chain: ChainNetwork, outages: Sequence[Outage], losing: IntArray) -> list[tuple[str, str, IntArray]]:
    """Return kind, node, and the edges that every measure changes."""
    network = chain.network
    measures: list[tuple[str, str, IntArray]] = []
    for node in losing:
        # What users hold already is watched, not a place where something could be mended.
        edges = np.array(
            [
                edge
                for edge in np.flatnonzero(network.supplier == node)
                if network.edge_law[edge] != EdgeLaw.DIRECT and not chain.edges[edge].consumer.startswith(HELD)
            ],
            dtype=np.int64,
        )
        if edges.size:
            measures += [("hold", network.nodes[node], edges), ("substitute", network.nodes[node], edges)]
    for name in dict.fromkeys(outage.node for outage in outages):
        # With a spare nobody who uses the node sees its loss.
        edges = np.flatnonzero(network.supplier == network.index(name))
        if edges.size:
            measures.append(("spare", name, edges))
    return measures


def _stacked(nominal: Parameters, measures: Sequence[tuple[str, str, IntArray]]) -> Parameters:
    rows = {name: np.repeat(getattr(nominal, name), len(measures), axis=0) for name in Parameters.__slots__}
    for row, (measure, _, edges) in enumerate(measures):
        if measure == "hold":
            rows["hold_days"][row, edges] += LONGER_DAYS
        elif measure == "spare":
            rows["substitution"][row, edges] = 1.0
        else:
            rows["substitution"][row, edges] = 1 - (1 - SUBSTITUTED) * (1 - rows["substitution"][row, edges])
    return Parameters(**rows)

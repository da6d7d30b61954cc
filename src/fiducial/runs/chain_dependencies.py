"""The edges that propagation runs on, with their parameters and what these stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fiducial.chain.assembly import HELD, assemble
from fiducial.chain.assembly_types import ChainNetwork, EdgeRule
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.network import EdgeLaw
from fiducial.chain.structure import structure_of
from fiducial.chain.structure_names import find_item
from fiducial.errors import InputError

PARAMETERS: Final = ("alpha", "beta", "substitution", "hold_days", "decay_days")
_DRAWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Dependency:
    """An edge of the network.

    Attributes
    ----------
    supplier, consumer : str
        Ids.
    reason : str
        Kind of dependency.
    parameters : dict
        Name → middle value, 5 % and 95 % of the draws.
    curve : tuple of (float, float)
        Age in days → loss, where a table takes the place of hold and decay.
    rests_on : tuple of str
        What the parameters stand on, the weakest evidence first: assumption, derived, sourced, measured.
    sources : tuple of str
    """

    supplier: str
    consumer: str
    reason: str
    parameters: dict[str, tuple[float, float, float]]
    curve: tuple[tuple[float, float], ...]
    rests_on: tuple[str, ...]
    sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "supplier": self.supplier,
            "consumer": self.consumer,
            "reason": self.reason,
            "parameters": {
                name: {"value": value, "p5": low, "p95": high} for name, (value, low, high) in self.parameters.items()
            },
            "loss_curve": [list(point) for point in self.curve],
            "rests_on": list(self.rests_on),
            "sources": list(self.sources),
        }


_WEAKEST: Final = ("assumption", "derived", "sourced", "measured")


def list_dependencies(
    knowledge: Knowledge, nodes: Sequence[str] = (), *, substitutes: bool = True
) -> tuple[Dependency, ...]:
    """List the edges of the network, all of them or those that touch a node.

    Parameters
    ----------
    knowledge : Knowledge
        The chain.
    nodes : sequence of str
        Ids or names of nodes, products, variables or streams; a product stands for its streams, a variable for its products.
    substitutes : bool
        As in :func:`fiducial.chain.assembly.assemble`.

    Returns
    -------
    tuple of Dependency

    Raises
    ------
    InputError
        FID-1410 and FID-1411 for a name that nothing or several have, FID-1424 for one that no edge touches.
    """
    chain = assemble(knowledge, substitutes=substitutes)
    wanted = {end for node in nodes for end in _ends(knowledge, chain, node)}
    nominal, drawn = chain.parameters(chain.nominal()), chain.parameters(chain.sample(_DRAWS, 0))
    middle = {name: getattr(nominal, name)[0] for name in PARAMETERS}
    spread = {name: np.quantile(getattr(drawn, name), (0.05, 0.95), axis=0) for name in PARAMETERS}
    found = []
    for index, rule in enumerate(chain.edges):
        if rule.consumer.startswith(HELD) or (wanted and not {rule.supplier, rule.consumer} & wanted):
            continue
        parameters = {
            name: (float(middle[name][index]), float(spread[name][0, index]), float(spread[name][1, index]))
            for name in _of(rule)
        }
        evidence, sources = _rests_on(chain, rule)
        found.append(Dependency(rule.supplier, rule.consumer, rule.reason, parameters, rule.curve, evidence, sources))
    return tuple(found)


def _ends(knowledge: Knowledge, chain: ChainNetwork, text: str) -> set[str]:
    known = {end for rule in chain.edges for end in (rule.supplier, rule.consumer)}
    name = text if text in known else find_item(structure_of(knowledge), text).id
    products = [product.id for egv in knowledge.catalogue.egvs if egv.id == name for product in egv.products]
    ends = {end for one in (name, *products) for end in (one, *chain.streams.get(one, ()))} & known
    if not ends:
        raise InputError(
            "FID-1424",
            f"no dependency touches {text!r}",
            where="chain dependencies",
            fix="`fiducial chain dependencies` without a name lists all of them",
        )
    return ends


def _of(rule: EdgeRule) -> tuple[str, ...]:
    if rule.law is EdgeLaw.HELD:
        return PARAMETERS
    return PARAMETERS[:3] if rule.law is EdgeLaw.CURVE else ("alpha", "substitution")


def _rests_on(chain: ChainNetwork, rule: EdgeRule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the kinds of evidence of an edge and of the variables behind it; constants 0 and 1 are definitions."""
    indices = {rule.alpha, rule.beta, rule.substitution, *rule.hold, rule.window, rule.decay} - {0, 1}
    ranges = [chain.variables[index].range for index in sorted(indices)]
    kinds = {str(rule.evidence), *(str(one.evidence) for one in ranges)}
    sources = dict.fromkeys([*rule.source, *(source for one in ranges for source in one.source)])
    return tuple(kind for kind in _WEAKEST if kind in kinds), tuple(sources)

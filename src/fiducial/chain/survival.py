"""The longest outage that a circle of dependencies survives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fiducial.chain.network import Network, Parameters
from fiducial.chain.propagation import Outage, propagate

LOCKED = 0.1
HORIZON_DAYS = 36525.0


@dataclass(frozen=True, slots=True)
class Survival:
    """What a circle does after an outage of one of its nodes.

    Attributes
    ----------
    node : str
        The node that is out.
    longest_days : float
        Longest outage after which the circle works again; infinity when it always does, 0 when it never does.
    """

    node: str
    longest_days: float


def recovers(
    network: Network, parameters: Parameters, node: str, duration_days: float, circle: Sequence[str], rest_days: float
) -> bool:
    """Tell whether every node of a circle has less than 10 % lost some time after an outage of one of them.

    Parameters
    ----------
    network, parameters : Network, Parameters
        One sample.
    node : str
        The node that is out.
    duration_days : float
        For how long.
    circle : sequence of str
        Nodes that must work again.
    rest_days : float
        Time after the outage.
    """
    run = propagate(
        network,
        parameters,
        [Outage(node, duration_days=duration_days)],
        horizon_days=duration_days + rest_days,
        watched=circle,
        output_times=2,
    )
    return bool((run.lost[0, -1] < LOCKED).all())


def longest_outage(
    network: Network,
    parameters: Parameters,
    node: str,
    circle: Sequence[str],
    *,
    most_days: float = 3652.5,
    rest_days: float = HORIZON_DAYS,
    tolerance: float = 0.01,
) -> Survival:
    """Return the longest outage of a node that its circle survives, by bisection.

    Longer outages never help (the network is monotone), so that one limit divides recovery from lock.

    Parameters
    ----------
    network, parameters : Network, Parameters
        One sample.
    node : str
        The node that is out.
    circle : sequence of str
        Nodes that must work again.
    most_days : float
        Outages longer than this are not looked at: infinity is returned.
    rest_days : float
        Time that the circle is given after the outage.
    tolerance : float
        Relative width at which the bisection stops.

    Returns
    -------
    Survival
    """
    if recovers(network, parameters, node, most_days, circle, rest_days):
        return Survival(node, math.inf)
    low, high = 0.0, most_days
    while high - low > max(tolerance * high, 0.05):
        middle = 0.5 * (low + high)
        if recovers(network, parameters, node, middle, circle, rest_days):
            low = middle
        else:
            high = middle
    return Survival(node, low)

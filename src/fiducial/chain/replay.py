"""Replay of known events, to see whether the model says what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.network import FloatArray
from fiducial.chain.propagation import Outage, propagate
from fiducial.chain.workflow import Event

REST_DAYS = 60.0
LOSS = 0.1


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replayed event.

    Attributes
    ----------
    event : Event
        What happened, and what is known of its effect.
    most_lost : dict
        Median over the samples of the greatest loss of every node watched.
    agreeing : float
        Share of the samples in which the effect is as expected.
    """

    event: Event
    most_lost: dict[str, float]
    agreeing: float

    @property
    def agrees(self) -> bool:
        """Whether most samples do what was seen."""
        return self.agreeing > 0.5


def replay(chain: ChainNetwork, event: Event, values: FloatArray) -> Replayed:
    """Replay an event with samples of all uncertain numbers.

    Parameters
    ----------
    chain : ChainNetwork
        The network.
    event : Event
        Outage and expectation: ``lost`` wants 10 % of every node watched lost at some time, ``kept`` and ``no_impact`` of none.
    values : ndarray, shape (S, V)
        Draws of the variables.

    Returns
    -------
    Replayed
    """
    outages = [Outage(node, duration_days=event.duration_days) for node in event.fails]
    horizon = (event.duration_days if np.isfinite(event.duration_days) else 0.0) + REST_DAYS
    watched = [node for node in event.watch if node in chain.network.nodes]
    run = propagate(chain.network, chain.parameters(values), outages, horizon_days=horizon, watched=watched)
    most = run.lost.max(axis=1)
    right = (most >= LOSS).all(axis=1) if event.expected == "lost" else (most < LOSS).all(axis=1)
    medians: Sequence[float] = np.median(most, axis=0).tolist()
    return Replayed(event, dict(zip(watched, medians, strict=True)), float(right.mean()))

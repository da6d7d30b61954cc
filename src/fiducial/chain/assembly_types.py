"""Types of the assembled network: rules that turn uncertain numbers into parameters of nodes and edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fiducial.chain.dependencies import Evidence, Range
from fiducial.chain.network import Curve, EdgeLaw, FloatArray, IntArray, Network, NodeLaw, Parameters
from fiducial.errors import InputError

HALF = 2 * math.log(2)


@dataclass(frozen=True, slots=True)
class Variable:
    """An uncertain number of the model; several edges and nodes may share one."""

    label: str
    range: Range


@dataclass(frozen=True, slots=True)
class EdgeRule:
    """How the parameters of an edge follow from variables, by index; 0 is the constant 0, 1 the constant 1.

    Attributes
    ----------
    hold : tuple of int
        (a, b, c): H = max(0, a - b + c).
    window, decay : int
        W = max(window / (2 ln 2), decay).
    reason : str
        Kind of dependency in words.
    """

    supplier: str
    consumer: str
    reason: str
    evidence: Evidence
    source: tuple[str, ...]
    alpha: int = 1
    beta: int = 0
    substitution: int = 0
    hold: tuple[int, int, int] = (0, 0, 0)
    window: int = 0
    decay: int = 0
    law: EdgeLaw = EdgeLaw.HELD
    curve: Curve = ()


@dataclass(frozen=True, slots=True)
class NodeRule:
    """How the time constants of a node follow from variables: T = cadence / (2 ln 2) + degradation; cadence + latency + recovery."""

    id: str
    name: str
    law: NodeLaw
    required: int = 0
    cadence: int = 0
    latency: int = 0
    degradation: int = 0
    recovery: int = 0
    curve: Curve = ()


@dataclass(frozen=True, slots=True)
class ChainNetwork:
    """The assembled network with the variables behind its parameters.

    Attributes
    ----------
    edges : tuple of EdgeRule
        In the order of ``network``.
    streams : dict
        Product → ids of its streams.
    """

    network: Network
    nodes: tuple[NodeRule, ...]
    edges: tuple[EdgeRule, ...]
    variables: tuple[Variable, ...]
    streams: dict[str, tuple[str, ...]]

    def nominal(self) -> FloatArray:
        """Return the values of all variables, shape (1, V)."""
        return np.array([[variable.range.value for variable in self.variables]])

    def sample(self, count: int, seed: int) -> FloatArray:
        """Draw the variables from their ranges, half of the draws on either side of the value stated.

        Times are log-uniform on each side where the range is positive; all else, and ranges from 0, is uniform.

        Parameters
        ----------
        count : int
            Samples S.
        seed : int
            Seed; the same one gives the same draws.

        Returns
        -------
        ndarray, shape (S, V)

        Raises
        ------
        InputError
            FID-1423 when no sample is asked for.
        """
        if count < 1:
            raise InputError("FID-1423", f"{count} samples", where="samples", fix="ask for one sample or more")
        share = np.random.default_rng(seed).random((count, len(self.variables)))
        value = self.nominal()[0]
        low = np.array([variable.range.low for variable in self.variables])
        high = np.array([variable.range.high for variable in self.variables])
        upper = share >= 0.5
        begin, end = np.where(upper, value, low), np.where(upper, high, value)
        within = np.where(upper, 2 * share - 1, 2 * share)
        times = np.array([variable.label.endswith("days") for variable in self.variables])
        logarithmic = times & (low > 0)
        ratio = np.where(logarithmic, end / np.where(logarithmic, begin, 1.0), 1.0)
        drawn: FloatArray = np.where(logarithmic, begin * ratio**within, begin + (end - begin) * within)
        return drawn

    def parameters(self, values: FloatArray) -> Parameters:
        """Return the parameters of the network for values of the variables, shape (S, V)."""
        take = values.__getitem__
        hold = self._edge_indices([rule.hold for rule in self.edges])
        window = self._edge_indices([(rule.window, rule.decay) for rule in self.edges])
        decay = np.maximum(take((slice(None), window[:, 0])) / HALF, take((slice(None), window[:, 1])))
        cadence, latency, degradation, recovery = (
            values[:, [getattr(rule, name) for rule in self.nodes]]
            for name in ("cadence", "latency", "degradation", "recovery")
        )
        return Parameters(
            alpha=values[:, [rule.alpha for rule in self.edges]],
            beta=values[:, [rule.beta for rule in self.edges]],
            substitution=values[:, [rule.substitution for rule in self.edges]],
            hold_days=np.maximum(0.0, values[:, hold[:, 0]] - values[:, hold[:, 1]] + values[:, hold[:, 2]]),
            decay_days=decay,
            flush_days=decay.copy(),
            degradation_days=cadence / HALF + degradation,
            recovery_days=cadence + latency + recovery,
        )

    def _edge_indices(self, rows: Sequence[tuple[int, ...]]) -> IntArray:
        width = len(rows[0]) if rows else 3
        return np.array(rows, dtype=np.int64).reshape(-1, width)

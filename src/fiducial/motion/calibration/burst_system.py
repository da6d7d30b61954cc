"""Normal equations of a burst network: made, checked for what they do not determine, and solved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.block_cholesky import BlockFactor, BlockPattern
from fiducial.geodesy.block_iteration import BlockIteration
from fiducial.motion.calibration.burst_groups import Groups, Information, add_at
from fiducial.motion.calibration.burst_ties import BurstNetwork

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Advance = Callable[[float], object]
Solver = Literal["auto", "direct", "iteration"]

MOST_OPERATIONS: Final = 2e9
"""Products of blocks in a factorisation, above which ``auto`` iterates: some 20 s of one core."""
MOST_FILL: Final = 2e7
"""Blocks of the factor, above which ``auto`` iterates: 1.4 GB for planes."""
_NAMED: Final = 6
_TAKES_PART: Final = 1e-5


@dataclass(frozen=True)
class BurstSystem:
    """Factor (or iteration) of the normal equations with the weights of the last round.

    Attributes
    ----------
    groups : Groups
    told : Information
    scale : ndarray, shape (group,)
        Reciprocal variance factors.
    prior_weight : ndarray, shape (burst, term)
        Of the prior 0 of each unknown; 0 without one.
    active : ndarray of bool, shape (burst, term)
        Unknowns of the system; the others are no part of it and stay 0.
    normals : BlockFactor or BlockIteration
    """

    groups: Groups
    told: Information
    scale: Array
    prior_weight: Array
    active: Mask
    normals: BlockFactor | BlockIteration

    def solve(self, values: Array, unknowns: Array | None = None) -> Array:
        """Return the unknowns of observations.

        Parameters
        ----------
        values : ndarray, shape (row, k)
        unknowns : ndarray, shape (burst, term, k), optional
            If the values are the residuals of these, what has to be added to them.

        Returns
        -------
        ndarray, shape (burst, term, k)
        """
        moments = self.told.moments(self.groups, values, self.scale)
        right = np.zeros((*self.active.shape, values.shape[1]))
        add_at(right, self.groups.first, self.groups.to_first @ moments)
        ties = slice(self.groups.ties)
        add_at(right, self.groups.second[ties], -(self.groups.to_second[ties] @ moments[ties]))
        if unknowns is not None:
            right -= self.prior_weight[:, :, None] * unknowns
        return self.normals.solve(right * self.active[:, :, None])

    def covariance(self, advance: Advance) -> tuple[Array, Array]:
        """Return the covariance of each burst's unknowns and that between the bursts of each group of ties."""
        if isinstance(self.normals, BlockIteration):
            on, beside = self.normals.selected_inverse(advance)
        else:
            on, beside = self.normals.selected_inverse()
        on = on * self.active[:, :, None] * self.active[:, None, :]
        first, second = self.groups.first[: self.groups.ties], self.groups.second[: self.groups.ties]
        return on, beside * self.active[first][:, :, None] * self.active[second][:, None, :]


def pattern_of(network: BurstNetwork, groups: Groups, solver: Solver) -> BlockPattern | None:
    """Return the pattern of the factor, or None where the network is to be solved by iteration."""
    if solver == "iteration":
        return None
    pattern = BlockPattern.of(network.size, groups.first[: groups.ties], groups.second[: groups.ties])
    small = pattern.operations <= MOST_OPERATIONS and len(pattern.rows) <= MOST_FILL
    return pattern if small or solver == "direct" else None


def build_system(
    groups: Groups,
    told: Information,
    scale: Array,
    *,
    active: Mask,
    prior_weight: Array,
    pattern: BlockPattern | None,
) -> BurstSystem:
    """Sum the information of the groups and factorise.

    Parameters
    ----------
    groups : Groups
    told : Information
    scale : ndarray, shape (group,)
    active : ndarray of bool, shape (burst, term)
    prior_weight : ndarray, shape (burst, term)
        Of the prior 0 of each unknown; 0 without one.
    pattern : BlockPattern or None
        None iterates.
    """
    bursts, terms = active.shape
    normal = told.normal * scale[:, None, None]
    diagonal = np.zeros((bursts, terms, terms))
    add_at(diagonal, groups.first, groups.to_first @ normal @ groups.to_first.transpose(0, 2, 1))
    ties = slice(groups.ties)
    one, two, tied = groups.to_first[ties], groups.to_second[ties], normal[ties]
    first, second = groups.first[ties], groups.second[ties]
    add_at(diagonal, second, two @ tied @ two.transpose(0, 2, 1))
    beside = -(one @ tied @ two.transpose(0, 2, 1))
    each = np.arange(terms)
    diagonal[:, each, each] += prior_weight
    if not active.all():
        diagonal *= active[:, :, None] * active[:, None, :]
        diagonal[:, each, each] += ~active
        beside *= active[first][:, :, None] * active[second][:, None, :]
    normals: BlockFactor | BlockIteration
    if pattern is None:
        normals = BlockIteration.of(diagonal, first, second, beside)
    else:
        normals = pattern.factorise(diagonal, beside)
    return BurstSystem(groups, told, scale, prior_weight, active, normals)


def undetermined_bursts(system: BurstSystem) -> Index:
    """Return the bursts whose slopes the system does not determine; empty when it is regular."""
    if not system.normals.dependent.any():
        return np.zeros(0, dtype=np.int64)
    null = np.abs(system.normals.null_space())
    part = null[:, 1:] if null.shape[1] > 1 else null
    return np.flatnonzero((part > _TAKES_PART).any(axis=1))


def undetermined_error(network: BurstNetwork, bursts: Index) -> NumericsError:
    """Name the bursts whose corrections are singular."""
    return NumericsError(
        "FID-3011",
        f"ties and stations do not determine the slopes of {len(bursts)} of {network.size} bursts: "
        "they lie on a line, or are too few",
        where=_listed(network, bursts),
        fix="let those bursts have offsets only, state a prior of the slopes, or give more stations",
    )


def connected_parts(network: BurstNetwork, groups: Groups) -> Index:
    """Return the number of the connected part that each burst belongs to, shape (burst,).

    Raises
    ------
    InputError
        FID-1061 when nothing ties the network to GNSS; FID-1130 when nothing ties a part of it.
    """
    pair = groups.first[: groups.ties], groups.second[: groups.ties]
    graph = coo_array((np.ones(groups.ties), pair), shape=(network.size, network.size))
    part = np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
    anchored = np.zeros(part.max(initial=-1) + 1, dtype=bool)
    anchored[part[groups.first[groups.ties :]]] = True
    if anchored.all() and network.size:
        return part
    if not anchored.any():
        raise InputError(
            "FID-1061",
            "no station has InSAR around it, and no GNSS field stands in for them",
            where=f"network of {network.size} bursts",
            fix="give a GNSS table that reaches the bursts",
        )
    loose = np.flatnonzero(~anchored)
    sizes = np.bincount(part)
    lists = [_listed(network, np.flatnonzero(part == one)) for one in loose[:3]]
    alone = int((sizes[loose] == 1).sum())
    raise InputError(
        "FID-1130",
        f"datum defect: nothing ties {len(loose)} parts of the network to GNSS, {alone} of them single bursts with "
        "neither overlap nor station",
        where="; ".join(lists) + (f"; and {len(loose) - 3} more parts" if len(loose) > 3 else ""),
        fix="give stations in them, bursts that connect them, or a GNSS field that reaches them; or leave them out",
    )


def _listed(network: BurstNetwork, bursts: Index) -> str:
    names = ", ".join(network.names[i] for i in bursts[:_NAMED])
    more = f" and {len(bursts) - _NAMED} more" if len(bursts) > _NAMED else ""
    return f"burst{'s' if len(bursts) > 1 else ''} {names}{more}"

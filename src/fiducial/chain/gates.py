"""Which nodes of the workflow work when some are lost: gates on inputs, solved as a fixed point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from fiducial.chain.workflow import Workflow
from fiducial.errors import InputError

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class GateNetwork:
    """The gates of a workflow as arrays.

    Attributes
    ----------
    ids : tuple of str
    inputs : csr_array, shape (node, node)
        1 where the column is an input of the row.
    required : ndarray, shape (node,)
        How many inputs a node needs; 0 for a node without inputs.
    held : ndarray of bool, shape (node,)
        Nodes whose last output serves on.
    alternates : csr_array, shape (node, node)
        1 where the column could take the place of the row.
    """

    ids: tuple[str, ...]
    inputs: csr_array
    required: NDArray[np.int64]
    held: Flags
    alternates: csr_array

    def number(self, identity: str) -> int:
        """Return the number of a node; ``ValueError`` when there is none."""
        return self.ids.index(identity)


def gate_network(workflow: Workflow) -> GateNetwork:
    """Turn the gates of a workflow into arrays.

    Raises
    ------
    InputError
        FID-1412 when an input or alternate is no node, or a node needs more inputs than it has.
    """
    number = {node.id: k for k, node in enumerate(workflow.nodes)}
    inputs, alternates = [], []
    for k, node in enumerate(workflow.nodes):
        missing = [one for one in (*node.inputs, *node.alternates) if one not in number]
        if missing:
            raise InputError(
                "FID-1412", f"{node.id} names {missing[0]}, which is no node", where=str(node.place),
                fix="name nodes that exist",
            )  # fmt: skip
        if node.inputs and not 1 <= node.required <= len(set(node.inputs)):
            raise InputError(
                "FID-1412", f"{node.id} needs {node.required} of {len(set(node.inputs))} inputs", where=str(node.place),
                fix="a gate needs one input at least, and no more than it has",
            )  # fmt: skip
        inputs += [(k, number[one]) for one in sorted(set(node.inputs))]
        alternates += [(k, number[one]) for one in sorted(set(node.alternates))]
    return GateNetwork(
        tuple(node.id for node in workflow.nodes),
        _ones(inputs, len(number)),
        np.array([node.required if node.inputs else 0 for node in workflow.nodes], dtype=np.int64),
        np.array([node.breaks_cycle for node in workflow.nodes], dtype=bool),
        _ones(alternates, len(number)),
    )


def availability(
    network: GateNetwork, lost: Flags, *, held: bool = True, alternates: bool = False, start_up: bool = False
) -> Flags:
    """Tell which nodes work when some are lost.

    A node works when it is not lost and as many of its inputs work as its gate needs. In a circle this has several
    solutions; they form a lattice (Knaster and Tarski), and the largest one is what goes on working from a chain that
    worked, the smallest one what a chain that stands still can start.

    Parameters
    ----------
    network : GateNetwork
    lost : ndarray of bool, shape (scenario, node) or (node,)
    held : bool
        Whether the last output of held nodes still serves, also when the node itself is lost. False: the hold has expired.
    alternates : bool
        Whether nodes that could take the place of another one do so.
    start_up : bool
        The smallest solution instead of the largest.

    Returns
    -------
    ndarray of bool, of the shape of ``lost``
    """
    down = np.atleast_2d(np.asarray(lost, dtype=bool)).T
    kept = network.held[:, None] & held
    working = (np.zeros_like(down) if start_up else ~down) | kept
    while True:
        serving = working | ((network.alternates @ working) > 0) if alternates else working
        enough = (network.inputs @ serving.astype(np.int64)) >= network.required[:, None]
        after = (enough & ~down) | kept
        if np.array_equal(after, working):
            # With an alternate in its place a lost node still serves its consumers; as a node it stays lost.
            return working.T.reshape(np.shape(lost))
        working = after


def _ones(places: list[tuple[int, int]], size: int) -> csr_array:
    ends = np.array(places, dtype=np.int64).reshape(-1, 2)
    return csr_array((np.ones(len(places), dtype=np.int64), (ends[:, 0], ends[:, 1])), shape=(size, size))

"""Small workflows for tests of the structure of the chain."""

from __future__ import annotations

from dataclasses import replace

from fiducial.chain.egv import Place
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.workflow import Gate, Status, Workflow, WorkflowNode
from fiducial.runs.chain_knowledge import load_knowledge

PLACE = Place("test.yaml", 1)


def node(
    identity: str, inputs: tuple[str, ...] = (), gate: Gate = Gate.ALL, required: int | None = None, *,
    held: bool = False, group: bool = False, alternates: tuple[str, ...] = (), kind: str = "centre",
) -> WorkflowNode:  # fmt: skip
    """Return a node; ``required`` follows from the gate when it is not given."""
    if required is None:
        required = {Gate.ALL: len(inputs), Gate.ANY: min(1, len(inputs)), Gate.K: min(2, len(inputs))}[gate]
    return WorkflowNode(
        identity, identity.title(), "T2", kind, gate, inputs, required, group, (), 30.0 if held else None, held,
        alternates, None, (), None, (), Status.INFERRED, PLACE,
    )  # fmt: skip


def workflow(*nodes: WorkflowNode) -> Workflow:
    """Return a workflow of nodes alone."""
    return Workflow(nodes, (), (), (), (), ())


def knowledge_of(*nodes: WorkflowNode) -> Knowledge:
    """Return the packaged catalogue with another workflow, and no links between products."""
    known = load_knowledge()
    return replace(known, workflow=workflow(*nodes), dependencies=replace(known.dependencies, links=()))

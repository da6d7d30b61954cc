"""Which nodes fail when a node, product, variable or pipeline is said to fail."""

from __future__ import annotations

from dataclasses import dataclass

from fiducial.chain.assembly_types import ChainNetwork
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import InputError


@dataclass(frozen=True, slots=True)
class Scenario:
    """What fails.

    Attributes
    ----------
    target : str
        Id asked for.
    name : str
        Its name.
    nodes : tuple of str
        Nodes of the network that are out.
    reason : str
        Why these, in words.
    """

    target: str
    name: str
    nodes: tuple[str, ...]
    reason: str


def failing_nodes(knowledge: Knowledge, chain: ChainNetwork, target: str) -> Scenario:
    """Return the nodes that are out when a target fails.

    A workflow node fails itself, and with it the streams of what it realises where no edge says so; a product fails with its
    streams and the nodes that make them; a variable with its products and the pipelines behind it.

    Parameters
    ----------
    knowledge : Knowledge
        The chain.
    chain : ChainNetwork
        The network assembled from it.
    target : str
        Id of a workflow node, stream, product, variable or pipeline.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        FID-1424 when the id is unknown, or nothing of it is in the network.
    """
    name, nodes, reason = _resolve(knowledge, chain, target)
    known = tuple(dict.fromkeys(node for node in nodes if node in chain.network.nodes))
    if not known:
        raise InputError(
            "FID-1424",
            f"{target!r} is no node, product, variable or pipeline that propagation knows",
            where="chain impact",
            fix="take an id that `fiducial chain show --json` lists",
        )
    return Scenario(target, name, known, reason)


def _resolve(knowledge: Knowledge, chain: ChainNetwork, target: str) -> tuple[str, list[str], str]:
    workflow = {node.id: node for node in knowledge.workflow.nodes}
    products = {product.id: product for product in knowledge.catalogue.products()}
    if target in workflow:
        node = workflow[target]
        loose = [stream for product in node.realises for stream in _loose(knowledge, chain, target, product)]
        return node.name, [target, *loose], "the node itself"
    pipelines = [one for one in knowledge.workflow.pipelines if one.id == target]
    if pipelines:
        return pipelines[0].name, list(pipelines[0].fails), "the nodes of the pipeline"
    if target in products:
        return products[target].name, _of_product(knowledge, chain, target), "its streams and what makes them"
    for egv in knowledge.catalogue.egvs:
        if egv.id == target:
            behind = [node for one in knowledge.workflow.pipelines if one.egv == target for node in one.fails]
            made = [node for product in egv.products for node in _of_product(knowledge, chain, product.id)]
            reason = "its products" + (
                ", and the pipeline that makes them with all that it co-produces" if behind else ""
            )
            return egv.name, made + behind, reason
    return target, [target], "the stream itself"


def _of_product(knowledge: Knowledge, chain: ChainNetwork, product: str) -> list[str]:
    makers = [
        node
        for maker in knowledge.dependencies.makers
        if maker.product == product
        for node in (maker.node, maker.delivered)
        if node is not None
    ]
    realised = [node.id for node in knowledge.workflow.nodes if product in node.realises]
    return [*chain.streams.get(product, ()), *makers, *realised]


def _loose(knowledge: Knowledge, chain: ChainNetwork, node: str, product: str) -> tuple[str, ...]:
    """Return the streams of a product that a node realises, where neither a maker nor an edge joins it to any of them."""
    streams = chain.streams.get(product, ())
    makes = any(node in {maker.node, maker.delivered} for maker in knowledge.dependencies.makers)
    joined = any(rule.supplier == node and rule.consumer in streams for rule in chain.edges)
    return () if makes or joined else streams

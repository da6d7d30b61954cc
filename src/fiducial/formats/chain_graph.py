"""The knowledge of the chain as one graph, for the writers of Mermaid, DOT and GraphML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fiducial.chain.dependencies import ProductLink
from fiducial.chain.egv import Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import colour
from fiducial.chain.workflow import Gate
from fiducial.formats import chain_identity as ids
from fiducial.formats.chain_workflow_tables import gate_text, labels_at, tier_ids, tier_name

PARTS = ("workflow", "matrix", "products", "register")


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node: identifier, label, what it is, the group it stands in, and further texts."""

    id: str
    label: str
    kind: str
    group: str
    gate: str = ""
    required: int = 0
    status: str = ""
    annotations: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """An edge from supplier to consumer: what it says, with strength and colour where the matrix gives one."""

    source: str
    target: str
    kind: str
    strength: str = ""
    colour: str = ""
    circular: bool = False
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A tier or a level, drawn as a box; ``notes`` are the annotations at it."""

    id: str
    label: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChainGraph:
    """Groups, nodes and edges; the ends of every edge are among the nodes."""

    title: str
    groups: tuple[Group, ...]
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    def only(self, wanted: Iterable[str]) -> ChainGraph:
        """Return the part that holds the nodes given."""
        kept = set(wanted)
        nodes = tuple(node for node in self.nodes if node.id in kept)
        used = {node.group for node in nodes}
        return replace(
            self,
            groups=tuple(group for group in self.groups if group.id in used),
            nodes=nodes,
            edges=tuple(edge for edge in self.edges if edge.source in kept and edge.target in kept),
        )

    def around(self, node: str) -> ChainGraph:
        """Return a node with all that it is joined to."""
        joined = {
            end for edge in self.edges for end in (edge.source, edge.target) if node in {edge.source, edge.target}
        }
        return self.only(joined | {node})

    def of_group(self, group: str) -> ChainGraph:
        """Return the nodes of a group with all that they are joined to."""
        inside = {node.id for node in self.nodes if node.group == group}
        joined = {
            end for edge in self.edges for end in (edge.source, edge.target) if {edge.source, edge.target} & inside
        }
        return self.only(joined | inside)


def graph(knowledge: Knowledge, parts: Iterable[str] = PARTS) -> ChainGraph:
    """Return the graph of the parts wanted.

    Parameters
    ----------
    knowledge : Knowledge
    parts : iterable of str
        Out of ``workflow``, ``matrix``, ``products``, ``register``. Without ``products`` what a workflow node makes is
        drawn to the variable, and links between products are left out.

    Returns
    -------
    ChainGraph
    """
    builder = _Builder(knowledge, frozenset(parts))
    builder.build()
    return builder.finish()


class _Builder:
    def __init__(self, knowledge: Knowledge, parts: frozenset[str]) -> None:
        self._knowledge = knowledge
        self._parts = parts
        self._groups: dict[str, Group] = {}
        self._nodes: dict[str, GraphNode] = {}
        self._edges: dict[tuple[str, str, str], GraphEdge] = {}
        self._egv_of = {product.id: product.egv for product in knowledge.catalogue.products()}

    def build(self) -> None:
        if "workflow" in self._parts:
            self._workflow()
        if self._parts & {"matrix", "products"}:
            self._variables()
        if "matrix" in self._parts:
            self._matrix()
        if "products" in self._parts:
            self._products()
        if "register" in self._parts:
            self._register()
        self._realised()

    def finish(self) -> ChainGraph:
        edges = (edge for edge in self._edges.values() if edge.source in self._nodes and edge.target in self._nodes)
        title = f"Essential Geodetic Variables and their supply chain ({self._knowledge.catalogue.version})"
        return ChainGraph(title, tuple(self._groups.values()), tuple(self._nodes.values()), tuple(edges))

    def _edge(self, edge: GraphEdge) -> None:
        self._edges.setdefault((edge.source, edge.target, edge.kind), edge)

    def _workflow(self) -> None:
        for tier in tier_ids(self._knowledge):
            name = ids.tier(tier)
            self._groups[name] = Group(name, tier_name(self._knowledge, tier), labels_at(self._knowledge, tier))
        by_id = {node.id: ids.node(node) for node in self._knowledge.workflow.nodes}
        for node in self._knowledge.workflow.nodes:
            gate = gate_text(node) if node.inputs else ""
            labels = labels_at(self._knowledge, node.id)
            self._nodes[by_id[node.id]] = GraphNode(
                by_id[node.id], node.name, node.kind, ids.tier(node.tier), gate, node.required, str(node.status), labels,
                node.source, node.note or "",
            )  # fmt: skip
            for supplier in node.inputs:
                kind = "input" if node.gate is Gate.ALL else f"input_{node.gate}"
                self._edge(GraphEdge(by_id[supplier], by_id[node.id], kind, sources=node.source))

    def _variables(self) -> None:
        catalogue = self._knowledge.catalogue
        for egv in catalogue.egvs:
            group = ids.level(egv.level)
            self._groups.setdefault(group, Group(group, catalogue.level_name(egv.level)))
            key = ids.egv(egv.id)
            self._nodes[key] = GraphNode(key, egv.name, "egv", group, note=egv.description or "")

    def _matrix(self) -> None:
        for cell in self._knowledge.catalogue.cells:
            self._edge(
                GraphEdge(ids.egv(cell.supplier), ids.egv(cell.consumer), "matrix", str(cell.strength),
                          colour(self._knowledge.catalogue, cell.strength), cell.circular)
            )  # fmt: skip

    def _products(self) -> None:
        for egv in self._knowledge.catalogue.egvs:
            for product in egv.products:
                key = ids.egv(product.id)
                label = f"{product.name} ({product.acronym})" if product.acronym else product.name
                self._nodes[key] = GraphNode(key, label, "product", ids.level(egv.level))
                self._edge(GraphEdge(key, ids.egv(egv.id), "product_of"))
        for link in self._knowledge.dependencies.links:
            self._link(link)

    def _link(self, link: ProductLink) -> None:
        strength = link.strength
        if strength is None and link.refines is not None:
            strength = self._knowledge.catalogue.strength(*link.refines)
        shade = colour(self._knowledge.catalogue, strength) if strength else ""
        ends = [self._end(link.supplier), self._end(link.consumer)]
        self._edge(GraphEdge(ends[0], ends[1], "link", _text(strength), shade, sources=link.source))

    def _end(self, identity: str) -> str:
        """Return the identifier of an end of a link: a workflow node or a product."""
        nodes = {node.id: node for node in self._knowledge.workflow.nodes}
        return ids.node(nodes[identity]) if identity in nodes else ids.egv(identity)

    def _realised(self) -> None:
        for node in self._knowledge.workflow.nodes:
            for product in node.realises:
                target = product if "products" in self._parts else self._egv_of.get(product, product)
                self._edge(GraphEdge(ids.node(node), ids.egv(target), "realises", sources=node.source))

    def _register(self) -> None:
        group = Group("cis2:register", "In-situ requirements (CIS2)")
        register = self._knowledge.register
        if register.products or register.requirements:
            self._groups[group.id] = group
        for product in register.products:
            key = ids.register_product(product.uid)
            self._nodes[key] = GraphNode(key, product.name, "register_product", group.id, sources=product.source)
            target = product.egv_product if "products" in self._parts else product.egv
            if target:
                self._edge(GraphEdge(key, ids.egv(target), "instance_of"))
        for requirement in register.requirements:
            key = ids.requirement(requirement.uid)
            self._nodes[key] = GraphNode(
                key, f"{requirement.name} ({requirement.uid})", "requirement", group.id, sources=requirement.source
            )
        for need in register.product_requirements:
            key = ids.requirement(need.requirement)
            self._edge(GraphEdge(key, ids.register_product(need.product), "required_by", need.criticality))
            for product_id in need.egv_products:
                target = product_id if "products" in self._parts else self._egv_of.get(product_id, product_id)
                self._edge(GraphEdge(ids.egv(target), key, "meets"))


def _text(strength: Strength | None) -> str:
    return "" if strength is None else str(strength)

"""The network that propagation runs on: workflow nodes, streams of products, products and variables.

A stream is a product with one schedule (``SLA:near_real_time``); a product is lost by the share of its streams, a variable by
the share of its products. An input serves a stream until its own latency lets it: an issue at time s needs input for epochs
up to s - L, and input that stopped at 0 covers epochs up to P - l, so the hold is H = max(0, L - l + P), with L the latency of
the stream, l that of the input and P how far the input reaches beyond its last observation. Of a window of observations
M long, half is missing M / 2 after that, hence W = M / (2 ln 2); half of all users meet a missing issue C / 2 after it fell due, hence
T = C / (2 ln 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fiducial.chain.assembly_types import ChainNetwork, EdgeRule, NodeRule, Variable
from fiducial.chain.dependencies import Evidence, HeldInput, ProductLink, Range, Schedule
from fiducial.chain.egv import Level, Strength
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.network import Curve, EdgeLaw, EdgeSpec, NodeLaw, NodeSpec, build_network
from fiducial.chain.workflow import Gate, WorkflowNode

HELD = "held/"
"""Prefix of the nodes that tell the loss of a product as held by its users, apart from its production."""
_ZERO = Range.exact(0.0, Evidence.DERIVED)
_ONE = Range.exact(1.0, Evidence.DERIVED)
_ORBITS = frozenset({"GSO", "GSC"})
_ORBIT_CLASSES = ("ultra_rapid", "rapid", "final")


def assemble(
    knowledge: Knowledge,
    *,
    substitutes: bool = True,
    indirect: bool = False,
    pools: Mapping[str, Curve] | None = None,
) -> ChainNetwork:
    """Assemble the network of a chain.

    Parameters
    ----------
    knowledge : Knowledge
        Checked knowledge.
    substitutes : bool
        Whether delivered products (official or substitute) and other tracking techniques count.
    indirect : bool
        Whether cells marked Indirect get weak edges of their own instead of the explicit path alone.
    pools : mapping, optional
        Measured loss against the number of inputs lost, for workflow nodes; takes the place of their gates.

    Returns
    -------
    ChainNetwork

    Raises
    ------
    InputError
        FID-1420 when the knowledge does not make a network.
    """
    builder = _Builder(knowledge, substitutes=substitutes, pools=dict(pools or {}))
    builder.add_workflow()
    builder.add_streams()
    builder.add_makers()
    builder.add_cells(indirect=indirect)
    builder.add_links()
    builder.add_groups()
    return builder.finish()


@dataclass
class _Builder:
    knowledge: Knowledge
    substitutes: bool
    pools: dict[str, Curve]
    nodes: dict[str, NodeRule] = field(default_factory=dict)
    edges: dict[tuple[str, str], EdgeRule] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=lambda: [Variable("zero", _ZERO), Variable("one", _ONE)])
    known: dict[str, int] = field(default_factory=dict)
    streams: dict[str, list[Schedule]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dependencies = self.knowledge.dependencies
        for schedule in dependencies.schedules:
            self.streams.setdefault(schedule.product, []).append(schedule)
        self.held = {held.node: held for held in dependencies.held}
        self.laws = {law.strength: law for law in dependencies.strength_laws}
        self.recoveries = {recovery.node: recovery for recovery in dependencies.recoveries}
        self.realised = {node.id: node.realises for node in self.knowledge.workflow.nodes}
        self.refined = {(link.supplier, link.consumer): link for link in dependencies.links}
        self.help = {one.alternative: one for one in dependencies.substitutes}

    def variable(self, label: str, numbers: Range) -> int:
        if numbers.low == numbers.high == 0:
            return 0
        if label not in self.known:
            self.known[label] = len(self.variables)
            self.variables.append(Variable(label, numbers))
        return self.known[label]

    # -- workflow ---------------------------------------------------------------------------------------------------

    def add_workflow(self) -> None:
        for node in self.knowledge.workflow.nodes:
            self.nodes[node.id] = self._workflow_node(node)
        for node in self.knowledge.workflow.nodes:
            linked = [one.supplier for one in self.knowledge.dependencies.links if one.consumer == node.id]
            for supplier in dict.fromkeys((*node.inputs, *linked)):
                self._workflow_edge(supplier, node)

    def _workflow_node(self, node: WorkflowNode) -> NodeRule:
        recovery = self.recoveries.get(node.id)
        order = node.gate is not Gate.ALL and bool(node.inputs) and node.id not in self.pools
        gate = NodeLaw.ORDER if order else NodeLaw.FUNCTIONAL
        return NodeRule(
            node.id,
            node.name,
            NodeLaw.CURVE if node.id in self.pools else gate,
            node.required if order else 0,
            curve=self.pools.get(node.id, ()),
            degradation=0
            if recovery is None
            else self.variable(f"{node.id}: loss of production, days", recovery.degradation_days),
            recovery=0
            if recovery is None
            else self.variable(f"{node.id}: recovery of production, days", recovery.recovery_days),
        )

    def _workflow_edge(self, supplier: str, node: WorkflowNode) -> None:
        needs = {Gate.ALL: "needs all of its inputs", Gate.ANY: "needs any of its inputs"}
        reason = needs.get(node.gate, f"needs {node.required} of {len(node.inputs)} inputs")
        held = self._held(supplier)
        link = self.refined.get((supplier, node.id))
        hold = (0, 0, self._reach(held, supplier))
        if link is not None and link.hold_days is not None:
            hold = (self.variable(f"{supplier} → {node.id}: hold, days", link.hold_days), 0, 0)
        strength, evidence, source = (1, 0), Evidence.SOURCED if node.source else Evidence.ASSUMPTION, node.source
        substitution = 0
        if link is not None:
            if supplier not in node.inputs:
                reason, evidence, source = link.note or "beside the workflow", link.evidence, link.source
                strength = self._strength(f"{supplier} → {node.id}", link.strength or Strength.PRIMARY)
            if self.substitutes:
                substitution = self.variable(f"{supplier} → {node.id}: substitution", link.substitution)
        self._add(
            EdgeRule(
                supplier,
                node.id,
                reason,
                evidence,
                source,
                alpha=strength[0],
                beta=strength[1],
                substitution=substitution,
                hold=hold,
                decay=self._decay(held, supplier),
                law=EdgeLaw.CURVE if held.loss_curve else EdgeLaw.HELD,
                curve=held.loss_curve,
            )
        )

    # -- products ---------------------------------------------------------------------------------------------------

    def add_streams(self) -> None:
        names = {product.id: product.name for product in self.knowledge.catalogue.products()}
        for product, schedules in self.streams.items():
            for schedule in schedules:
                key = _stream(schedule)
                text = f"{names.get(product, product)}, {schedule.stream.replace('_', ' ')}"
                self.nodes[key] = NodeRule(
                    key,
                    text,
                    NodeLaw.FUNCTIONAL,
                    cadence=self.variable(f"{key}: cadence, days", schedule.cadence_days),
                    latency=self._latency(schedule),
                )

    def add_makers(self) -> None:
        """Join streams to the workflow nodes that make them, and low-orbiting satellites to the orbits they are placed by."""
        made = set()
        for maker in self.knowledge.dependencies.makers:
            node = maker.delivered if self.substitutes and maker.delivered else maker.node
            key = f"{maker.product}:{maker.stream}"
            made.add(key)
            self._add(EdgeRule(node, key, "makes it", Evidence.SOURCED, (), law=EdgeLaw.DIRECT))
        for schedule in (*self.streams.get("ESO", ()), *self.streams.get("SPTS", ())):
            if _stream(schedule) not in made:
                for orbits in sorted(_ORBITS):
                    self._link(
                        orbits,
                        schedule,
                        Strength.PRIMARY,
                        "computed with these orbits and clocks",
                        f"{orbits} → {schedule.product}",
                        None,
                    )

    def add_cells(self, *, indirect: bool) -> None:
        """Add an edge for every product of a cell of the matrix that no link spells out."""
        refined = {link.refines for link in self.knowledge.dependencies.links if link.refines}
        for cell in self.knowledge.catalogue.cells:
            if (cell.supplier, cell.consumer) in refined or (cell.strength is Strength.INDIRECT and not indirect):
                continue
            suppliers = [product.id for product in self.knowledge.catalogue.egv(cell.supplier).products]
            consumers = [product.id for product in self.knowledge.catalogue.egv(cell.consumer).products]
            label = f"{cell.supplier} → {cell.consumer}"
            for supplier in suppliers:
                for consumer in consumers:
                    for schedule in self.streams.get(consumer, ()):
                        self._link(supplier, schedule, cell.strength, f"{cell.strength} in the matrix", label, None)

    def add_links(self) -> None:
        for link in self.knowledge.dependencies.links:
            strength, label, reason = self._link_strength(link)
            for schedule in self.streams.get(link.consumer, ()):
                self._link(link.supplier, schedule, strength, reason, label, link)

    def _link_strength(self, link: ProductLink) -> tuple[Strength, str, str]:
        if link.refines is None:
            strength = link.strength or Strength.PRIMARY
            return strength, f"{link.supplier} → {link.consumer}", link.note or f"{strength}, beside the matrix"
        cell = self.knowledge.catalogue.strength(*link.refines)
        strength = link.strength or cell or Strength.PRIMARY
        return strength, f"{link.refines[0]} → {link.refines[1]}", f"{strength} in the matrix"

    def _link(
        self, supplier: str, consumer: Schedule, strength: Strength, reason: str, label: str, link: ProductLink | None
    ) -> None:
        source = self._supplying(supplier, consumer)
        if source is None or supplier == consumer.product:
            return
        alpha, beta = self._strength(label, strength)
        # What a node makes is this product: there is nothing between them that could be held.
        made = consumer.product in self.realised.get(supplier, ())
        held = self._held(source if source in self.held else supplier)
        curve = link.loss_curve if link is not None and link.loss_curve else held.loss_curve
        evidence = link.evidence if link is not None else Evidence.SOURCED
        self._add(
            EdgeRule(
                source,
                _stream(consumer),
                reason,
                evidence,
                link.source if link is not None else (),
                alpha=alpha,
                beta=beta,
                substitution=self._substitution(supplier, consumer, link),
                hold=self._hold(supplier, source, consumer, held, link),
                window=self.variable(f"{_stream(consumer)}: window, days", consumer.window_days),
                decay=self._decay(held, held.node) if held.node != "*" else 0,
                law=EdgeLaw.DIRECT if made else EdgeLaw.CURVE if curve else EdgeLaw.HELD,
                curve=() if made else curve,
            )
        )

    def _strength(self, label: str, strength: Strength) -> tuple[int, int]:
        law = self.laws[strength]
        return self.variable(f"{label}: strength", law.alpha), self.variable(f"{label}: criticality", law.beta)

    def _supplying(self, supplier: str, consumer: Schedule) -> str | None:
        """Return the node that supplies a stream: of a product the stream of it that the consumer's latency lets it use."""
        streams = self.streams.get(supplier)
        if streams is None:
            return supplier if supplier in self.nodes else None
        stated, source = self._stated(supplier, consumer, streams)
        if stated or (consumer.product in {"ESO", "SPTS"} and consumer.orbit_input not in _ORBIT_CLASSES):
            return source
        fitting = [one for one in streams if one.latency_days.value <= consumer.latency_days.value]
        best = max(fitting, key=_value) if fitting else min(streams, key=_value)
        return _stream(best)

    def _stated(self, supplier: str, consumer: Schedule, streams: list[Schedule]) -> tuple[bool, str | None]:
        """Return whether the schedule of a stream says which orbits it uses, and the node that gives them, or None for none."""
        wanted = consumer.orbit_input
        if wanted is None or supplier not in _ORBITS | {"ESO"}:
            return False, None
        if supplier in _ORBITS and wanted in _ORBIT_CLASSES:
            return True, f"{supplier}:{wanted}"
        if supplier == "ESO" and wanted in self.nodes:
            return True, wanted
        same = [one for one in streams if supplier == "ESO" and one.orbit_input == wanted]
        if same:
            return True, _stream(min(same, key=_value))
        sourced = consumer.orbit_input_evidence is Evidence.SOURCED
        return sourced and (wanted == "none" or supplier in _ORBITS), None

    def _substitution(self, supplier: str, consumer: Schedule, link: ProductLink | None) -> int:
        if link is not None and link.substitution.high > 0 and self.substitutes:
            return self.variable(f"{supplier} → {consumer.product}: substitution", link.substitution)
        if self.substitutes and consumer.product == "ESO" and supplier in _ORBITS:
            offered = [self.help[one] for one in consumer.alternatives if one in self.help]
            if offered:
                best = max(offered, key=lambda one: one.substitution.value)
                return self.variable(f"{best.alternative} for orbits: substitution", best.substitution)
        return 0

    def _hold(
        self, supplier: str, source: str, consumer: Schedule, held: HeldInput, link: ProductLink | None
    ) -> tuple[int, int, int]:
        if link is not None and link.hold_days is not None:
            return (self.variable(f"{supplier} → {consumer.product}: hold, days", link.hold_days), 0, 0)
        reach = self._reach(held, held.node)
        if source not in {_stream(one) for one in self.streams.get(supplier, ())}:
            return (0, 0, reach)
        chosen = next(one for one in self.streams[supplier] if _stream(one) == source)
        return (self._latency(consumer), self._latency(chosen), reach)

    # -- groups and the end -----------------------------------------------------------------------------------------

    def add_groups(self) -> None:
        for egv in self.knowledge.catalogue.egvs:
            members: list[str] = []
            for product in egv.products:
                streams = [_stream(schedule) for schedule in self.streams.get(product.id, ())]
                if streams:
                    self._group(product.id, product.name, streams, "stream")
                    self._held_group(product.id, product.name)
                    members.append(product.id)
            if members and egv.level in {Level.LEVEL_2, Level.LEVEL_3}:
                self._group(egv.id, egv.name, members, "product")
                self._group(f"{HELD}{egv.id}", f"{egv.name}, as held", [HELD + member for member in members], "product")

    def _group(self, key: str, name: str, members: Iterable[str], what: str) -> None:
        self.nodes[key] = NodeRule(key, name, NodeLaw.MEAN)
        for member in members:
            self._add(EdgeRule(member, key, f"is a {what} of it", Evidence.DERIVED, (), law=EdgeLaw.DIRECT))

    def _held_group(self, product: str, name: str) -> None:
        """Add the loss of what users hold: an issue is as old as usual for one cadence, and stale after that."""
        key = f"{HELD}{product}"
        self.nodes[key] = NodeRule(key, f"{name}, as held", NodeLaw.MEAN)
        for schedule in self.streams[product]:
            cadence = self.variable(f"{_stream(schedule)}: cadence, days", schedule.cadence_days)
            rule = EdgeRule(
                _stream(schedule), key, "is held by users", Evidence.DERIVED, (), hold=(cadence, 0, 0), window=cadence
            )
            self._add(rule)

    def finish(self) -> ChainNetwork:
        nodes = tuple(self.nodes.values())
        rules = [rule for rule in self.edges.values() if rule.supplier in self.nodes and rule.consumer in self.nodes]
        network, order = build_network(
            [NodeSpec(rule.id, rule.law, rule.required, rule.curve) for rule in nodes],
            [EdgeSpec(rule.supplier, rule.consumer, rule.law, rule.curve) for rule in rules],
        )
        streams = {product: tuple(_stream(one) for one in found) for product, found in self.streams.items()}
        return ChainNetwork(network, nodes, tuple(rules[index] for index in order), tuple(self.variables), streams)

    def _add(self, rule: EdgeRule) -> None:
        # A link that spells out a pair comes after the cell's own edge and takes its place.
        self.edges[rule.supplier, rule.consumer] = rule

    def _held(self, node: str) -> HeldInput:
        return self.held.get(node, self.held["*"])

    def _reach(self, held: HeldInput, node: str) -> int:
        return self.variable(f"{held.node if held.node != '*' else node}: reach, days", held.reach_days)

    def _decay(self, held: HeldInput, node: str) -> int:
        return self.variable(f"{'input' if held.node == '*' else node}: decay, days", held.decay_days)

    def _latency(self, schedule: Schedule) -> int:
        return self.variable(f"{_stream(schedule)}: latency, days", schedule.latency_days)


def _stream(schedule: Schedule) -> str:
    return f"{schedule.product}:{schedule.stream}"


def _value(schedule: Schedule) -> float:
    return schedule.latency_days.value

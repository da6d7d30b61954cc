"""References between the records of the chain's knowledge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, Protocol

from fiducial.chain.egv import Place
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import FormatError

UNKNOWN: Final = "FID-2602"
ANY: Final = "*"
"""Id that stands for every other input, among held inputs."""

RISK_THEMES: Final = frozenset({"governance", "monitoring", "funding", "space_weather"})
"""What a risk may be about that is no node."""

TIERS: Final = frozenset({"T0", "T1", "T2", "T3", "X"})


class _Citing(Protocol):
    """A record with sources."""

    @property
    def source(self) -> tuple[str, ...]: ...

    @property
    def place(self) -> Place: ...


class References:
    """The ids that records may refer to, by kind.

    Parameters
    ----------
    knowledge : Knowledge
        What was read.
    removed : mapping of str to Place
        Ids that a user's file removed, and where.
    """

    def __init__(self, knowledge: Knowledge, removed: Mapping[str, Place]) -> None:
        self.knowledge = knowledge
        self._removed = removed
        catalogue = knowledge.catalogue
        self.egvs = {egv.id for egv in catalogue.egvs}
        self.products = {product.id for product in catalogue.products()}
        self.nodes = {node.id for node in knowledge.workflow.nodes}
        self.sources = {source.id for source in knowledge.sources}
        self.versions = {version.id for version in catalogue.versions}
        self.streams = {f"{one.product}:{one.stream}" for one in knowledge.dependencies.schedules}

    def faults(self, what: str, ids: Iterable[str], known: Iterable[str], place: Place) -> Iterator[FormatError]:
        """Yield a fault for each id that is not known."""
        known = set(known)
        for identity in ids:
            if identity in known:
                continue
            problem = f"{what} names {identity!r}, which nothing has"
            where = place
            if identity in self._removed:
                where = self._removed[identity]
                problem = f"{identity!r} is removed, and {what} ({place}) still names it"
            close = get_close_matches(identity, sorted(known), n=1)
            fix = f"did you mean {close[0]!r}? Or add a record of that id" if close else "correct it, or add the record"
            yield FormatError(UNKNOWN, problem, where=str(where), fix=fix)


def reference_faults(refs: References) -> Iterator[FormatError]:
    """Yield FID-2602 for each reference to an id that nothing has."""
    yield from _catalogue(refs)
    yield from _workflow(refs)
    yield from _dependencies(refs)
    yield from _register(refs)
    yield from _sources(refs)


def _catalogue(refs: References) -> Iterator[FormatError]:
    catalogue = refs.knowledge.catalogue
    first = catalogue.versions[0].place if catalogue.versions else Place("egv.yaml", 1)
    yield from refs.faults("the catalogue's version", (catalogue.version,), refs.versions, first)
    for version in catalogue.versions:
        if version.previous is not None:
            yield from refs.faults(f"{version.id}", (version.previous,), refs.versions, version.place)
    for cell in catalogue.cells:
        yield from refs.faults("the matrix", (cell.supplier, cell.consumer), refs.egvs, cell.place)
    for label in (*catalogue.rows, *catalogue.columns):
        yield from refs.faults(
            f"the label {label.label!r} of the matrix", (label.egv,), refs.egvs, label.place or first
        )
    for tier in catalogue.impact_tiers:
        yield from refs.faults(f"the impact tier {tier.id}", tier.affected, refs.egvs, tier.place)
    for row in catalogue.co_products:
        yield from refs.faults("a co-produced variable", (row.egv,), refs.egvs, row.place)
        yield from refs.faults("a co-produced variable", row.products, refs.products, row.place)
    for step in catalogue.data_levels:
        outputs = (latency.product for latency in step.latency_sourced)
        yield from refs.faults(f"a latency of {step.id}", outputs, refs.nodes | refs.products, step.place)
    for note in catalogue.annotations:
        yield from refs.faults(f"the annotation {note.label}", note.nodes, refs.nodes | TIERS, note.place)


def _workflow(refs: References) -> Iterator[FormatError]:
    workflow = refs.knowledge.workflow
    anything = refs.nodes | refs.products
    for node in workflow.nodes:
        yield from refs.faults(f"tier of {node.id}", (node.tier,), TIERS, node.place)
        yield from refs.faults(f"inputs of {node.id}", node.inputs, refs.nodes, node.place)
        yield from refs.faults(f"alternates of {node.id}", node.alternates, refs.nodes, node.place)
        yield from refs.faults(f"realises of {node.id}", node.realises, refs.products, node.place)
    for cycle in workflow.cycles:
        yield from refs.faults("a circle", cycle.nodes, anything | refs.egvs, cycle.place)
    for risk in workflow.risks:
        yield from refs.faults(f"the risk {risk.id}", (risk.target,), refs.nodes | RISK_THEMES, risk.place)
    for event in workflow.events:
        yield from refs.faults(f"fails of the event {event.id}", event.fails, refs.nodes, event.place)
        yield from refs.faults(f"watch of the event {event.id}", event.watch, anything, event.place)
    for line in workflow.pipelines:
        yield from refs.faults(f"fails of the pipeline {line.id}", line.fails, refs.nodes, line.place)
        yield from refs.faults(f"the pipeline {line.id}", (line.egv,) if line.egv else (), refs.egvs, line.place)


def _dependencies(refs: References) -> Iterator[FormatError]:
    dependencies = refs.knowledge.dependencies
    anything = refs.nodes | refs.products
    for schedule in dependencies.schedules:
        yield from refs.faults("a schedule", (schedule.product,), refs.products, schedule.place)
    for held in dependencies.held:
        yield from refs.faults("a held input", (held.node,), anything | refs.streams | {ANY}, held.place)
    cells = {f"{cell.supplier} -> {cell.consumer}" for cell in refs.knowledge.catalogue.cells}
    for link in dependencies.links:
        ends = (link.supplier, link.consumer)
        yield from refs.faults("a link", ends, anything | refs.streams, link.place)
        if link.refines is not None:
            cell = " -> ".join(link.refines)
            yield from refs.faults(f"refines of {' -> '.join(ends)}", (cell,), cells, link.place)
    for maker in dependencies.makers:
        nodes = [node for node in (maker.node, maker.delivered) if node is not None]
        yield from refs.faults("a maker of streams", nodes, refs.nodes, maker.place)
        stream = f"{maker.product}:{maker.stream}"
        yield from refs.faults(f"the maker {maker.node}", (stream,), refs.streams, maker.place)
    for recovery in dependencies.recoveries:
        yield from refs.faults("a recovery", (recovery.node,), anything | refs.streams, recovery.place)


def _register(refs: References) -> Iterator[FormatError]:
    register = refs.knowledge.register
    for product in register.products:
        yield from refs.faults(
            f"product {product.uid}", (product.egv,) if product.egv else (), refs.egvs, product.place
        )
        output = (product.egv_product,) if product.egv_product else ()
        yield from refs.faults(f"product {product.uid}", output, refs.products, product.place)
    for need in register.product_requirements:
        what = f"requirement {need.requirement} of product {need.product}"
        yield from refs.faults(what, need.egv_products, refs.products, need.place)


def _sources(refs: References) -> Iterator[FormatError]:
    for ids, place in _cited(refs.knowledge):
        yield from refs.faults("a source", ids, refs.sources, place)


def _cited(knowledge: Knowledge) -> Iterator[tuple[tuple[str, ...], Place]]:
    catalogue, workflow, dependencies = knowledge.catalogue, knowledge.workflow, knowledge.dependencies
    for step in catalogue.data_levels:
        for latency in step.latency_sourced:
            yield latency.source, step.place
    groups: tuple[Sequence[_Citing], ...] = (
        catalogue.versions, catalogue.statements, workflow.nodes, workflow.cycles, workflow.risks,
        workflow.events, workflow.pipelines, workflow.facts, workflow.principles, dependencies.schedules,
        dependencies.held, dependencies.links, dependencies.substitutes, knowledge.register.products,
        knowledge.register.requirements,
    )  # fmt: skip
    for group in groups:
        for record in group:
            yield record.source, record.place
    for schedule in dependencies.schedules:
        yield schedule.orbit_input_source, schedule.place
    for law in dependencies.strength_laws:
        yield (*law.alpha.source, *law.beta.source), law.place
    for recovery in dependencies.recoveries:
        yield (*recovery.degradation_days.source, *recovery.recovery_days.source), recovery.place
    for held in dependencies.held:
        yield (*held.reach_days.source, *held.decay_days.source), held.place
    for link in dependencies.links:
        yield (*link.substitution.source, *(link.hold_days.source if link.hold_days else ())), link.place

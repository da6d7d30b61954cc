"""One record of the chain with all that stands around it, as tables of text."""

from __future__ import annotations

from collections.abc import Iterable

from fiducial.chain.dependencies import Range
from fiducial.chain.egv import EssentialVariable, MatrixCell, Product
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import CIRCULAR, co_production, colour, entries, needed_by, needs, stated_tiers
from fiducial.chain.workflow import WorkflowNode
from fiducial.formats import chain_identity as ids
from fiducial.formats.chain_tables import Table, days
from fiducial.formats.chain_tables import metrics as metric_table
from fiducial.formats.chain_tables import products as product_table
from fiducial.formats.chain_workflow_tables import gate_text, labels_at, tier_name

_PAIR = ("Field", "Value")


def variable(knowledge: Knowledge, egv: EssentialVariable) -> tuple[Table, ...]:
    """Return a variable: domain, products, what it needs, what needs it, stated tier, co-production, sources."""
    catalogue = knowledge.catalogue
    made = {product.id for product in egv.products}
    fields = [
        ("Id", egv.id),
        ("Identifier in exports", ids.egv(egv.id)),
        ("Level", catalogue.level_name(egv.level)),
        ("Domain", egv.domain),
        ("Subdomain", egv.subdomain),
        ("Description", egv.description or ""),
        ("Products as printed", ", ".join(entries(egv))),
        ("Stated tier", "; ".join(tier.name for tier in stated_tiers(catalogue, egv))),
        ("Sources", ", ".join(_catalogue_source(knowledge))),
    ]
    co_produced = Table(
        "Co-produced by the orbit pipeline",
        ("Products", "Level", "Mechanism", "Notes"),
        tuple(
            (", ".join(row.products), row.level, row.mechanism, row.notes) for row in co_production(catalogue, egv.id)
        ),
    )
    return _filled(
        _fields(fields),
        product_table((egv,)),
        _relations(knowledge, "It needs", [(cell, cell.supplier) for cell in needs(catalogue, egv.id)]),
        _relations(knowledge, "It is needed by", [(cell, cell.consumer) for cell in needed_by(catalogue, egv.id)]),
        co_produced,
        *_around_products(knowledge, made),
    )


def product(knowledge: Knowledge, one: Product) -> tuple[Table, ...]:
    """Return a product: variable, streams, makers, links to other products, requirements that it meets."""
    fields = [
        ("Id", one.id),
        ("Identifier in exports", ids.egv(one.id)),
        ("Acronym", one.acronym or ""),
        ("Format", one.format or ""),
        ("Entry as printed", one.entry),
        ("EGV", one.egv),
        ("Sources", ", ".join(_catalogue_source(knowledge))),
    ]
    return _filled(_fields(fields), *_around_products(knowledge, {one.id}))


def node(knowledge: Knowledge, one: WorkflowNode) -> tuple[Table, ...]:
    """Return a node of the workflow: gate, inputs, what takes it, facts, annotations, risks."""
    fields = [
        ("Id", one.id),
        ("Identifier in exports", ids.node(one)),
        ("Tier", tier_name(knowledge, one.tier)),
        ("Kind", one.kind.replace("_", " ")),
        ("Stands for many", "yes" if one.group else ""),
        ("Needs", gate_text(one)),
        ("Inputs", ", ".join(one.inputs)),
        ("Input of", ", ".join(other.id for other in knowledge.workflow.nodes if one.id in other.inputs)),
        ("Makes", ", ".join(one.realises)),
        ("Latency", days(*one.latency_days) if one.latency_days else ""),
        ("Last output serves", "" if one.hold_days is None else f"{one.hold_days:g} days"),
        ("Could be replaced by", ", ".join(one.alternates)),
        *((name.replace("_", " ").capitalize(), text) for name, text in one.facts),
        ("Annotations", " ".join(labels_at(knowledge, one.id))),
        ("Note", one.note or ""),
        ("Sources", ", ".join(one.source)),
        ("Status", str(one.status)),
    ]
    risks = tuple(
        (risk.id, risk.risk_class or "", risk.statement, ", ".join(risk.source))
        for risk in knowledge.workflow.risks
        if risk.target == one.id
    )
    out = tuple((line.id, line.name) for line in knowledge.workflow.pipelines if one.id in line.fails)
    return _filled(
        _fields(fields),
        Table("Risks", ("Id", "Class", "Statement", "Sources"), risks),
        Table("Pipelines it stands in", ("Id", "Name"), out),
    )


def requirement(knowledge: Knowledge, uid: int) -> tuple[Table, ...]:
    """Return a requirement of the register with its metrics and the products that have it."""
    one = knowledge.register.requirement(uid)
    fields = [
        ("UID", str(uid)),
        ("Identifier in exports", ids.requirement(uid)),
        ("State", str(one.state or "unknown")),
        ("Page read", "yes" if one.known else "no: metrics unknown"),
        ("Basis", ", ".join(one.basis)),
        ("Dissemination", one.dissemination or ""),
        ("Quality control", one.quality_control or ""),
        ("Sources", ", ".join(one.source)),
    ]
    used = tuple(
        (str(need.product), need.level_of_definition, need.relevance, need.criticality, ", ".join(need.barriers),
         ", ".join(need.egv_products) or need.outside or "", need.note or "")
        for need in knowledge.register.product_requirements
        if need.requirement == uid
    )  # fmt: skip
    all_metrics = metric_table(knowledge)
    rows = tuple(row[2:] for row in all_metrics.rows if row[0] == str(uid))
    columns = ("Product", "Definition", "Relevant for", "Criticality", "Barriers", "EGV products (ours)", "Note")
    return _filled(
        _fields(fields),
        Table("Metrics", all_metrics.columns[2:], rows),
        Table("Products that have it", columns, used),
    )


def _catalogue_source(knowledge: Knowledge) -> tuple[str, ...]:
    catalogue = knowledge.catalogue
    return next((one.source for one in catalogue.versions if one.id == catalogue.version), ())


def _fields(fields: Iterable[tuple[str, str]]) -> Table:
    """Return the fields that are filled; the page's title is theirs."""
    return Table("", _PAIR, tuple((name, value) for name, value in fields if value))


def _filled(*tables: Table) -> tuple[Table, ...]:
    return tuple(table for table in tables if table.rows)


def _relations(knowledge: Knowledge, title: str, cells: list[tuple[MatrixCell, str]]) -> Table:
    catalogue = knowledge.catalogue
    rows = tuple(
        (other, catalogue.egv(other).name, str(cell.strength), f"{CIRCULAR} circular" if cell.circular else "")
        for cell, other in cells
    )
    colours = {str(cell.strength): colour(catalogue, cell.strength) for cell, _ in cells}
    return Table(title, ("EGV", "Name", "Strength", ""), rows, colours)


def _around_products(knowledge: Knowledge, made: set[str]) -> tuple[Table, ...]:
    """Return streams, makers, links and requirements of products."""
    streams = tuple(
        (one.product, one.stream.replace("_", " "), _span(one.cadence_days), _span(one.latency_days),
         (one.orbit_input or "unknown").replace("_", " "), str(one.evidence), ", ".join(one.source))
        for one in knowledge.dependencies.schedules
        if one.product in made
    )  # fmt: skip
    makers = tuple(
        (one.id, one.name, tier_name(knowledge, one.tier), ", ".join(sorted(made & set(one.realises))),
         ", ".join(one.source))
        for one in knowledge.workflow.nodes
        if made & set(one.realises)
    )  # fmt: skip
    required = tuple(
        (str(need.requirement), need.name, str(need.product), need.criticality, ", ".join(need.egv_products))
        for need in knowledge.register.product_requirements
        if made & set(need.egv_products)
    )
    return (
        Table("Streams", ("Product", "Stream", "Every", "Latency", "Orbits used", "Evidence", "Sources"), streams),
        Table("Made by", ("Id", "Node", "Tier", "Products", "Sources"), makers),
        _links(knowledge, made),
        Table(
            "In-situ requirements it meets (ours)", ("UID", "Requirement", "Of", "Criticality", "Products"), required
        ),
    )


def _links(knowledge: Knowledge, made: set[str]) -> Table:
    """Return the links of products; those that differ in the consumer alone share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    catalogue = knowledge.catalogue
    for link in knowledge.dependencies.links:
        if not made & {link.supplier, link.consumer}:
            continue
        cell = None if link.refines is None else catalogue.strength(*link.refines)
        said = f"{link.strength}" if link.strength else f"{cell}, as the cell" if cell else "unknown"
        refines = "" if link.refines is None else " → ".join(link.refines)
        key = (link.supplier, said, refines, str(link.evidence), link.note or "", ", ".join(link.source))
        rows.setdefault(key, []).append(link.consumer)
    texts = tuple((key[0], ", ".join(consumers), *key[1:]) for key, consumers in rows.items())
    return Table("Links of its products", ("From", "To", "Strength", "Refines", "Evidence", "Note", "Sources"), texts)


def _span(numbers: Range) -> str:
    return days(numbers.low, numbers.high)

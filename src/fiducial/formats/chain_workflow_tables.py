"""The workflow of the chain as tables of text: nodes by tier, circles, risks, events, pipelines."""

from __future__ import annotations

import math
from typing import Final

from fiducial.chain.knowledge import Knowledge
from fiducial.chain.workflow import Gate, WorkflowNode
from fiducial.formats.chain_tables import Table, days

BESIDE: Final = "X"
"""Tier of nodes where the tiers do not reach."""


def tier_ids(knowledge: Knowledge) -> tuple[str, ...]:
    """Return the tiers of the workflow: those with a data level first, then the others, as they appear."""
    found = [step.id for step in knowledge.catalogue.data_levels]
    return tuple(dict.fromkeys([*found, *(node.tier for node in knowledge.workflow.nodes)]))


def tier_name(knowledge: Knowledge, tier: str) -> str:
    """Return the printed name of a tier."""
    if tier == BESIDE:
        return "Beside the tiers"
    return next((step.name for step in knowledge.catalogue.data_levels if step.id == tier), tier)


def gate_text(node: WorkflowNode) -> str:
    """Return what a node needs of its inputs, in words."""
    if not node.inputs:
        return "no inputs"
    if node.gate is Gate.K:
        return f"{node.required} of {len(node.inputs)}"
    return f"{node.gate} of {len(node.inputs)}"


def labels_at(knowledge: Knowledge, node: str) -> tuple[str, ...]:
    """Return the linkage annotations that stand at a node or a tier."""
    return tuple(one.label for one in knowledge.catalogue.annotations if node in one.nodes)


def tier_nodes(knowledge: Knowledge, tier: str, *, facts: bool = False) -> Table:
    """Return the nodes of a tier with gates, products, latency, annotations and sources; with all that is noted of them if asked."""
    rows = tuple(
        (one.id, one.name, one.kind.replace("_", " "), gate_text(one), ", ".join(one.inputs), ", ".join(one.realises),
         days(*one.latency_days) if one.latency_days else "", " ".join(labels_at(knowledge, one.id)),
         *((_noted(one),) if facts else ()), ", ".join(one.source), str(one.status))
        for one in knowledge.workflow.nodes
        if one.tier == tier
    )  # fmt: skip
    columns = ("Id", "Node", "Kind", "Needs", "Inputs", "Products", "Latency", "Annotations",
               *(("Facts",) if facts else ()), "Sources", "Status")  # fmt: skip
    return Table(tier_name(knowledge, tier), columns, rows, notes=labels_at(knowledge, tier))


def _noted(node: WorkflowNode) -> str:
    said = [f"{name.replace('_', ' ')}: {text}" for name, text in node.facts]
    return "; ".join([*said, *([node.note] if node.note else [])])


def tiers(knowledge: Knowledge, *, facts: bool = False) -> tuple[Table, ...]:
    """Return the nodes of the whole workflow, a table a tier; tiers without nodes are left out."""
    found = (tier_nodes(knowledge, tier, facts=facts) for tier in tier_ids(knowledge))
    return tuple(table for table in found if table.rows)


def cycles(knowledge: Knowledge) -> Table:
    """Return the circles that sources state."""
    rows = tuple(
        (" ⇄ ".join(one.nodes), one.kind, one.broken_by or "unknown", ", ".join(one.source), str(one.status))
        for one in knowledge.workflow.cycles
    )
    return Table("Circular dependencies", ("Circle", "Kind", "Broken by", "Sources", "Status"), rows)


def risks(knowledge: Knowledge) -> Table:
    """Return the risks that sources state."""
    rows = tuple(
        (one.id, one.target, one.risk_class or "", one.statement, ", ".join(one.source), str(one.status))
        for one in knowledge.workflow.risks
    )
    return Table("Risks", ("Id", "At", "Class", "Statement", "Sources", "Status"), rows)


def events(knowledge: Knowledge) -> Table:
    """Return events with known effect."""
    rows = tuple(
        (one.id, one.name, ", ".join(one.fails), "for ever" if math.isinf(one.duration_days) else f"{one.duration_days:g}",
         one.expected.replace("_", " "), ", ".join(one.watch), ", ".join(one.source), str(one.status))
        for one in knowledge.workflow.events
    )  # fmt: skip
    columns = ("Id", "Event", "Out", "Days", "Expected", "Of", "Sources", "Status")
    return Table("Events", columns, rows)


def pipelines(knowledge: Knowledge) -> Table:
    """Return the named sets of nodes that fail together."""
    rows = tuple(
        (one.id, one.name, one.egv or "", ", ".join(one.fails), one.note or "", ", ".join(one.source))
        for one in knowledge.workflow.pipelines
    )
    return Table("Pipelines", ("Id", "Name", "EGV", "Out together", "Note", "Sources"), rows)


def principles(knowledge: Knowledge) -> Table:
    """Return principles, rubric and foundations, by their names."""
    rows = tuple(
        (one.kind, "" if one.number is None else str(one.number), one.name, one.version, one.note or "",
         ", ".join(one.source), str(one.status))
        for one in knowledge.workflow.principles
    )  # fmt: skip
    return Table("Principles", ("Kind", "Number", "Name", "Version", "Note", "Sources", "Status"), rows)


def facts(knowledge: Knowledge) -> Table:
    """Return measured or published behaviour that the model uses."""
    rows = tuple((one.fact, one.use, ", ".join(one.source)) for one in knowledge.workflow.facts)
    return Table("Facts that the model uses", ("Fact", "Used for", "Sources"), rows)

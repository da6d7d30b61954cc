"""JSON of the knowledge of the chain, and its schema.

The schema is written again after a change of the model with ``python -m fiducial.formats.chain_json FILE``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from fiducial.chain.egv import EssentialVariable, MatrixCell
from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import EMPTY, co_production, counts, matrix, needed_by, needs, stated_tiers
from fiducial.chain.workflow import WorkflowNode
from fiducial.formats import chain_identity as ids
from fiducial.formats import chain_json_model as model
from fiducial.formats import chain_json_register as register_model
from fiducial.formats.atomic import atomic_file
from fiducial.formats.chain_json_dependencies import Link, Stream
from fiducial.formats.chain_workflow_tables import labels_at

LAYOUT_VERSION: Final = 1
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PARTS: Final = (
    "egvs", "products", "matrix", "strengths", "tiers", "co_products", "data_levels", "annotations", "streams", "links",
    "workflow",
    "requirements", "versions", "sources", "counts",
)  # fmt: skip


def document(
    knowledge: Knowledge,
    parts: Iterable[str] = PARTS,
    *,
    egvs: Iterable[str] | None = None,
    nodes: Iterable[str] | None = None,
    joined: bool = True,
) -> model.Document:
    """Return the document.

    Parameters
    ----------
    knowledge : Knowledge
    parts : iterable of str
        Out of :data:`PARTS`; the others become null.
    egvs : iterable of str, optional
        Variables to keep; products and cells of the matrix (their rows or columns) go with them.
    nodes : iterable of str, optional
        Workflow nodes to keep.
    joined : bool
        Whether of circles, risks, events and pipelines only those stay that touch a node kept.

    Returns
    -------
    Document
    """
    wanted = frozenset(parts)
    kept = {egv.id for egv in knowledge.catalogue.egvs} if egvs is None else set(egvs)
    stay = None if nodes is None else set(nodes)
    made = _plain(knowledge) | _catalogue(knowledge, kept) | {
        **_dependencies(knowledge, kept),
        "workflow": _workflow(knowledge, stay, joined=joined),
        "requirements": _register(knowledge),
    }  # fmt: skip
    fields: dict[str, Any] = {name: made[name] if name in wanted else None for name in PARTS}
    head: dict[str, Any] = {
        "layout_version": LAYOUT_VERSION,
        "version": knowledge.catalogue.version,
        "files": knowledge.files,
    }
    return model.Document(**head, **fields)


def write(document_: model.Document) -> str:
    """Return the document as JSON, indented by one, with a line feed at the end."""
    return json.dumps(document_.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def schema_text() -> str:
    """Return the JSON Schema of the document: ASCII, indented by two, with a line feed at the end."""
    return json.dumps({"$schema": DIALECT, **model.Document.model_json_schema(mode="serialization")}, indent=2) + "\n"


def _plain(knowledge: Knowledge) -> dict[str, Any]:
    """Return the parts that are records of the catalogue as they stand."""
    catalogue = knowledge.catalogue
    records: tuple[tuple[str, type[Any], Iterable[Any]], ...] = (
        ("strengths", model.StrengthClass, catalogue.strengths),
        ("tiers", model.Tier, catalogue.impact_tiers),
        ("co_products", model.CoProduct, catalogue.co_products),
        ("data_levels", model.DataLevel, catalogue.data_levels),
        ("annotations", model.Annotation, catalogue.annotations),
        ("versions", model.Version, catalogue.versions),
        ("sources", model.Source, knowledge.sources),
    )
    made: dict[str, Any] = {name: tuple(kind.model_validate(one) for one in values) for name, kind, values in records}
    return made | {"counts": model.Counts.model_validate(counts(catalogue))}


def _catalogue(knowledge: Knowledge, kept: set[str]) -> dict[str, Any]:
    catalogue = knowledge.catalogue
    wanted = [egv for egv in catalogue.egvs if egv.id in kept]
    source = next((one.source for one in catalogue.versions if one.id == catalogue.version), ())
    cells = [
        model.Cell(
            consumer=entry.row.egv, consumer_label=entry.row.label, supplier=column.egv, supplier_label=column.label,
            strength=None if cell is None else str(cell.strength), circular=cell is not None and cell.circular,
            text=EMPTY if cell is None else cell.raw,
        )
        for entry in matrix(catalogue)
        for column, cell in zip(catalogue.columns, entry.cells, strict=True)
        if entry.row.egv in kept or column.egv in kept
    ]  # fmt: skip
    products = [
        model.Product(
            id=one.id, curie=ids.egv(one.id), name=one.name, acronym=one.acronym, format=one.format, entry=one.entry,
            egv=egv.id, level=egv.level,
        )
        for egv in wanted
        for one in egv.products
    ]  # fmt: skip
    return {
        "egvs": tuple(_egv(knowledge, egv, source) for egv in wanted),
        "products": tuple(products),
        "matrix": tuple(cells),
    }


def _dependencies(knowledge: Knowledge, kept: set[str]) -> dict[str, Any]:
    """Return the streams of the products kept, and the links that begin or end at one of them."""
    every = len(kept) == len(knowledge.catalogue.egvs)
    products = {one.id for one in knowledge.catalogue.products() if one.egv in kept}
    found = knowledge.dependencies
    return {
        "streams": tuple(Stream.model_validate(one) for one in found.schedules if one.product in products),
        "links": tuple(
            Link.model_validate(one) for one in found.links if every or {one.supplier, one.consumer} & products
        ),
    }


def _egv(knowledge: Knowledge, egv: EssentialVariable, source: tuple[str, ...]) -> model.Egv:
    catalogue = knowledge.catalogue
    return model.Egv(
        id=egv.id, curie=ids.egv(egv.id), level=egv.level, level_name=catalogue.level_name(egv.level), name=egv.name,
        domain=egv.domain, subdomain=egv.subdomain, description=egv.description,
        products=tuple(one.id for one in egv.products),
        needs=tuple(_relation(cell, cell.supplier) for cell in needs(catalogue, egv.id)),
        needed_by=tuple(_relation(cell, cell.consumer) for cell in needed_by(catalogue, egv.id)),
        tiers=tuple(tier.id for tier in stated_tiers(catalogue, egv)),
        co_produced=tuple(product for row in co_production(catalogue, egv.id) for product in row.products),
        sources=source,
    )  # fmt: skip


def _relation(cell: MatrixCell, other: str) -> model.Relation:
    return model.Relation(egv=other, strength=cell.strength, circular=cell.circular)


def _workflow(knowledge: Knowledge, stay: set[str] | None, *, joined: bool) -> model.Workflow:
    flow = knowledge.workflow

    def touches(places: Iterable[str]) -> bool:
        return stay is None or not joined or not stay.isdisjoint(places)

    general = stay is None or not joined
    return model.Workflow(
        nodes=tuple(_node(knowledge, node) for node in flow.nodes if stay is None or node.id in stay),
        cycles=tuple(model.Cycle.model_validate(one) for one in flow.cycles if touches(one.nodes)),
        risks=tuple(model.Risk.model_validate(one) for one in flow.risks if touches((one.target,))),
        events=tuple(model.Event.model_validate(one) for one in flow.events if touches(one.fails)),
        pipelines=tuple(model.Pipeline.model_validate(one) for one in flow.pipelines if touches(one.fails)),
        facts=tuple(model.Behaviour.model_validate(one) for one in flow.facts if general),
        principles=tuple(model.Principle.model_validate(one) for one in flow.principles if general),
    )


def _node(knowledge: Knowledge, node: WorkflowNode) -> model.Node:
    return model.Node(
        id=node.id, curie=ids.node(node), name=node.name, tier=node.tier, kind=node.kind, gate=node.gate,
        inputs=node.inputs, required=node.required, group=node.group, realises=node.realises, hold_days=node.hold_days,
        breaks_cycle=node.breaks_cycle, alternates=node.alternates, latency_days=node.latency_days,
        facts=tuple(model.Fact(name=name, text=text) for name, text in node.facts),
        annotations=labels_at(knowledge, node.id), note=node.note, source=node.source, status=node.status,
    )  # fmt: skip


def _register(knowledge: Knowledge) -> register_model.Register:
    register = knowledge.register
    return register_model.Register(
        products=tuple(
            register_model.RegisterProduct.model_validate(
                _fields(one, register_model.RegisterProduct, ids.register_product(one.uid))
            )
            for one in register.products
        ),
        requirements=tuple(
            register_model.Requirement.model_validate(
                _fields(one, register_model.Requirement, ids.requirement(one.uid))
            )
            for one in register.requirements
        ),
        product_requirements=tuple(
            register_model.ProductRequirement.model_validate(one) for one in register.product_requirements
        ),
    )


def _fields(record: object, kind: type[Any], curie: str) -> dict[str, Any]:
    """Return the fields of a record that its model has, with the identifier of the exports."""
    return {"curie": curie} | {name: getattr(record, name) for name in kind.model_fields if name != "curie"}


if __name__ == "__main__":
    with atomic_file(sys.argv[1]) as partial:
        Path(partial).write_text(schema_text(), encoding="ascii")

"""Finding one record of the chain by what people call it, and the tables that show it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from fiducial.chain.knowledge import Knowledge
from fiducial.chain.overview import product as product_of
from fiducial.errors import InputError
from fiducial.formats import chain_identity as ids
from fiducial.formats import chain_record_tables as records
from fiducial.formats import chain_tables as tables
from fiducial.formats.chain_tables import Table

Kind = Literal["variable", "product", "node", "requirement", "register product", "source"]


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was found.

    Attributes
    ----------
    curie : str or None
        Identifier in the graph; None where the record is no node of it.
    parts : tuple of str
        Parts of the JSON document that show it, with the ids of variables and nodes to keep.
    """

    kind: Kind
    id: str
    title: str
    curie: str | None
    parts: tuple[str, ...]
    egvs: tuple[str, ...] | None = None
    nodes: tuple[str, ...] | None = None


def find(knowledge: Knowledge, wanted: str) -> Record:
    """Return the record that an id, acronym, name or identifier of the exports means.

    Parameters
    ----------
    knowledge : Knowledge
    wanted : str
        ``l3/sea_level``, ``sea_level``, ``Sea Level``, ``SPTS``, ``egv:SPTS``, ``acc_combination``, ``369``, ``S004``.

    Returns
    -------
    Record

    Raises
    ------
    InputError
        FID-1424 when there is none.
    """
    known = _words(knowledge)
    for fits in (_same, _alike):
        found = [(rank, k) for k, (word, rank, _) in enumerate(known) if fits(word, wanted)]
        if found:
            return known[min(found)[1]][2]
    words = sorted({word for word, _, _ in known})
    close = difflib.get_close_matches(wanted, words, n=4, cutoff=0.5)
    fix = f"did you mean {', '.join(close)}?" if close else "list ids with --what egvs, products, workflow or sources"
    raise InputError("FID-1424", f"nothing in the chain is called {wanted!r}", where=f"ID {wanted}", fix=fix)


def record_tables(knowledge: Knowledge, record: Record) -> tuple[Table, ...]:
    """Return the tables that show a record."""
    if record.kind == "variable":
        return records.variable(knowledge, knowledge.catalogue.egv(record.id))
    if record.kind == "product":
        found = product_of(knowledge.catalogue, record.id)
        return () if found is None else records.product(knowledge, found)
    if record.kind == "node":
        return records.node(knowledge, knowledge.workflow.node(record.id))
    if record.kind == "requirement":
        return records.requirement(knowledge, int(record.id))
    if record.kind == "register product":
        uid = int(record.id)
        one = next(one for one in knowledge.register.products if one.uid == uid)
        return tables.register_product(one), tables.product_requirements(knowledge, uid)
    whole = tables.sources(knowledge)
    return (Table(whole.title, whole.columns, tuple(row for row in whole.rows if row[0] == record.id)),)


def _same(word: str, wanted: str) -> bool:
    return word == wanted


def _alike(word: str, wanted: str) -> bool:
    return word.casefold() == wanted.casefold()


def _words(knowledge: Knowledge) -> list[tuple[str, int, Record]]:
    """Return every word that means a record, with its rank: ids and identifiers 0, short forms 1, names 2."""
    found: list[tuple[str, int, Record]] = []

    def call(record: Record, *words: tuple[str, ...]) -> None:
        found.extend((word, rank, record) for rank, alike in enumerate(words) for word in alike)

    for egv in knowledge.catalogue.egvs:
        key = ids.egv(egv.id)
        record = Record(
            "variable", egv.id, egv.name, key, ("egvs", "products", "matrix", "streams", "links"), (egv.id,)
        )
        call(record, (egv.id, key), (egv.id.rpartition("/")[2],), (egv.name,))
    for node in knowledge.workflow.nodes:
        key = ids.node(node)
        record = Record("node", node.id, node.name, key, ("workflow", "annotations"), nodes=(node.id,))
        call(record, (node.id, key), (), (node.name,))
    for one in knowledge.catalogue.products():
        key = ids.egv(one.id)
        record = Record("product", one.id, one.name, key, ("egvs", "products", "streams", "links"), (one.egv,))
        call(record, (one.id, key), (one.acronym or one.id,), (one.name,))
    for product in knowledge.register.products:
        key = ids.register_product(product.uid)
        record = Record("register product", str(product.uid), product.name, key, ("requirements",))
        call(record, (str(product.uid), key), (), (product.name,))
    for requirement in knowledge.register.requirements:
        key = ids.requirement(requirement.uid)
        record = Record("requirement", str(requirement.uid), requirement.name, key, ("requirements",))
        call(record, (str(requirement.uid), key))
    for source in knowledge.sources:
        key = ids.source(source.id)
        call(Record("source", source.id, source.title, None, ("sources",)), (source.id, key))
    return found

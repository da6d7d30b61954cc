"""The graph of a snapshot as the exports need it: everything by its id, in order, nothing dangling."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from fiducial.catalogue.product_places import ProductPlaces, product_places
from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    Entity,
    FileRecord,
    ProductRecord,
    Relation,
    RunRecord,
    Snapshot,
)
from fiducial.errors import CatalogueError

NOTHING: Final = "FID-4040"
CONTRADICTION: Final = "FID-4041"
PRODUCT: Final = "FID-4042"
SOFTWARE_KIND: Final = "software"
_Record = TypeVar("_Record", Entity, FileRecord, ProductRecord, RunRecord, AgentRecord)
_EDGES: Final = (Relation.USED, Relation.GENERATED, Relation.DERIVED)


class Bounds(NamedTuple):
    """Geographic bounds in degrees; west greater than east: across the antimeridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the catalogue does not know and the user states.

    Attributes
    ----------
    title, description : str or None
        Of the export as a whole; of the product in a DOI request.
    creators : tuple of str
        Names, ``Family, Given`` or an organisation.
    publisher, licence : str or None
        Licence: SPDX identifier or URL.
    published : datetime or None
        Time of publication, UTC.
    base_url : str or None
        Address under which the files lie, by name, those of a product with folders by their path from its folder on;
        None: the paths of the catalogue.
    bounds : Bounds or None
        Area of the export where no product has one.
    concepts : mapping
        Names of the variables and products of the chain by id.
    """

    title: str | None = None
    description: str | None = None
    creators: tuple[str, ...] = ()
    publisher: str | None = None
    licence: str | None = None
    published: datetime | None = None
    base_url: str | None = None
    bounds: Bounds | None = None
    concepts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportGraph:
    """Records by id, in order; None stands for one that only an edge names.

    Attributes
    ----------
    members : dict
        Ids of the files of each collection.
    edges : dict
        Edges of each relation but MEMBER, in order, without doubles.
    makers : dict
        Ids of the agents of each thing.
    operators : dict
        Ids of the agents of each run.
    """

    files: dict[str, FileRecord]
    products: dict[str, ProductRecord]
    others: dict[str, Entity | None]
    runs: dict[str, RunRecord | None]
    agents: dict[str, AgentRecord | None]
    members: dict[str, tuple[str, ...]]
    edges: dict[Relation, tuple[EdgeRecord, ...]]
    makers: dict[str, tuple[str, ...]]
    operators: dict[str, tuple[str, ...]]

    def name(self, identity: str) -> str:
        """Return the name of a thing, or its id where it has none."""
        found = self.files.get(identity) or self.products.get(identity) or self.others.get(identity)
        return found.name if found is not None and found.name else identity

    def places(self) -> dict[str, ProductPlaces]:
        """Return where the files of each product lie inside it."""
        return {
            product: product_places(self.files[one] for one in self.members[product] if one in self.files)
            for product in self.products
        }

    def used_by(self) -> dict[str, list[EdgeRecord]]:
        """Return the edges to its inputs of each run."""
        return _grouped((edge.source, edge) for edge in self.edges[Relation.USED])

    def made_by(self) -> dict[str, list[EdgeRecord]]:
        """Return the edges to its results of each run."""
        return _grouped((edge.target, edge) for edge in self.edges[Relation.GENERATED])

    def sources_stated(self) -> dict[str, tuple[str, ...]]:
        """Return what each thing is said to be derived from without a run."""
        found = _grouped((edge.source, edge.target) for edge in self.edges[Relation.DERIVED])
        return {one: tuple(dict.fromkeys(targets)) for one, targets in found.items()}

    def runs_of(self) -> dict[str, tuple[str, ...]]:
        """Return the runs that made each product or its files."""
        runs = _grouped((edge.source, edge.target) for edge in self.edges[Relation.GENERATED])
        return {
            product: tuple(sorted({run for thing in (product, *self.members[product]) for run in runs.get(thing, ())}))
            for product in self.products
        }


def build(snapshot: Snapshot) -> ExportGraph:
    """Arrange a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Edges may lead out of it: what they name is declared without attributes.

    Raises
    ------
    CatalogueError
        FID-4040 when nothing is recorded; FID-4041 when one id stands for a thing and a run or an agent, or a record
        has no id.
    """
    if not (snapshot.entities or snapshot.files or snapshot.products or snapshot.runs):
        raise CatalogueError(
            NOTHING, "nothing is recorded that could be exported", where="catalogue",
            fix="record files first: fiducial catalogue add FILE…",
        )  # fmt: skip
    files, products = _by_id(snapshot.files), _by_id(snapshot.products)
    things: dict[str, Entity | None] = dict(_by_id(snapshot.entities))
    runs: dict[str, RunRecord | None] = dict(_by_id(snapshot.runs))
    agents: dict[str, AgentRecord | None] = dict(_by_id(snapshot.agents))
    order = sorted(set(snapshot.edges), key=_key)
    members: dict[str, set[str]] = {one: set(product.files) for one, product in products.items()}
    makers: dict[str, set[str]] = defaultdict(set)
    operators: dict[str, set[str]] = defaultdict(set)
    for edge in order:
        run, thing = _ends(edge)
        for end in (edge.source, edge.target):
            (runs if end == run else things).setdefault(end, None)
        if edge.relation is Relation.MEMBER:
            members.setdefault(edge.source, set()).add(edge.target)
        if edge.agent is not None:
            agents.setdefault(edge.agent, None)
            makers[thing].add(edge.agent)
            if edge.relation is Relation.GENERATED:
                operators[edge.target].add(edge.agent)
    for contents in members.values():
        for one in contents:
            things.setdefault(one, None)
    others = {one: things[one] for one in sorted(things) if one not in files and one not in products}
    _check_ids({**things, **files, **products}, runs, agents)
    return ExportGraph(
        files, products, others, _sorted(runs), _sorted(agents),
        {one: tuple(sorted(members[one])) for one in sorted(members)},
        {kind: tuple(edge for edge in order if edge.relation is kind) for kind in _EDGES},
        {one: tuple(sorted(makers[one])) for one in sorted(makers)},
        {one: tuple(sorted(operators[one])) for one in sorted(operators)},
    )  # fmt: skip


def pick(graph: ExportGraph, product: str | None) -> ProductRecord:
    """Return the product of that id or name, or the only one.

    Raises
    ------
    CatalogueError
        FID-4042 when there is none, or more than one.
    """
    found = [
        one
        for one in graph.products.values()
        if product is None or product in (one.id, one.name, one.id.partition(":")[2])
    ]
    exact = [one for one in found if one.id == product] or found
    if len(exact) == 1:
        return exact[0]
    what = "product" if product is None else f"product {product!r}"
    problem = f"{len(exact)} products are recorded, one is needed" if exact else f"no {what} is recorded"
    known = ", ".join(list(graph.products)[:5]) or "none"
    raise CatalogueError(PRODUCT, problem, where=product or "PRODUCT", fix=f"name one by its id; recorded: {known}")


def sources(graph: ExportGraph) -> dict[str, tuple[str, ...]]:
    """Return what each product was made from: the nearest products, else the first things on the way up.

    A file of another product stands for that product; files made on the way that belong to no product are passed
    through to what they were made from.
    """
    owners = _grouped((one, product) for product in graph.products for one in graph.members[product])
    inputs = _grouped((edge.source, edge.target) for edge in graph.edges[Relation.USED])
    above = _grouped((edge.source, edge.target) for edge in graph.edges[Relation.DERIVED])
    for edge in graph.edges[Relation.GENERATED]:
        above.setdefault(edge.source, []).extend(inputs.get(edge.target, ()))
    found = {}
    for product in graph.products:
        own = {product, *graph.members[product]}
        seen, stack, result = set(own), sorted(own), set[str]()
        while stack:
            for one in above.get(stack.pop(), ()):
                if one in seen:
                    continue
                seen.add(one)
                others = [one] if one in graph.products else owners.get(one, [])
                if others:
                    result.update(others)
                elif one in above:
                    stack.append(one)
                else:
                    result.add(one)
        found[product] = tuple(sorted(result - own))
    return found


def bounds_of(product: ProductRecord) -> Bounds | None:
    """Return the bounds that the attribute ``bbox`` gives (west, south, east, north in degrees), None where unknown."""
    value = product.attributes.get("bbox")
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in value):
        return None
    found = Bounds(*(float(one) for one in value))
    inside = all(abs(one) <= 180.0 for one in (found.west, found.east)) and found.south >= -90.0
    return found if inside and found.south <= found.north <= 90.0 else None


def _by_id(records: Iterable[_Record]) -> dict[str, _Record]:
    found: dict[str, _Record] = {}
    doubles = False
    for one in records:
        doubles = doubles or one.id in found
        found[one.id] = one
    if doubles:
        # Of two records of one id the choice must not hang on the order in which they came.
        found = {one.id: one for one in sorted(records, key=repr)}
    return {one: found[one] for one in sorted(found)}


_Value = TypeVar("_Value")


def _sorted(records: dict[str, _Value]) -> dict[str, _Value]:
    return {one: records[one] for one in sorted(records)}


def _grouped(pairs: Iterable[tuple[str, _Value]]) -> dict[str, list[_Value]]:
    found: dict[str, list[_Value]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _key(edge: EdgeRecord) -> tuple[str, ...]:
    return (
        edge.relation.value,
        edge.source,
        edge.target,
        edge.role,
        edge.agent or "",
        "" if edge.agent is None else "1",
    )


def _ends(edge: EdgeRecord) -> tuple[str | None, str]:
    """Return the run of an edge, and the thing of which the edge's agent is the maker."""
    if edge.relation is Relation.USED:
        return edge.source, edge.target
    return (edge.target if edge.relation is Relation.GENERATED else None), edge.source


def _check_ids(things: Mapping[str, object], runs: Mapping[str, object], agents: Mapping[str, object]) -> None:
    for one, problem in _contradictions(things, runs, agents):
        raise CatalogueError(
            CONTRADICTION, problem, where=f"id {one!r}",
            fix="run fiducial catalogue verify; correct the record or the edge that names it",
        )  # fmt: skip


def _contradictions(
    things: Mapping[str, object], runs: Mapping[str, object], agents: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    named = (("a thing", things), ("a run", runs), ("an agent", agents))
    for k, (kind, known) in enumerate(named):
        if "" in known:
            yield "", f"{kind} has no id"
        for other, more in named[k + 1 :]:
            for one in sorted(known.keys() & more.keys()):
                yield one, f"one id stands for {kind} and for {other}"

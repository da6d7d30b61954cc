"""The FAIR rule: Principle 4 of the mapping of essential geodetic variables.

Intermediate solutions and the combined product are both kept, so every combined product must link to every intermediate
solution that it used, and each of them must still be retrievable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from fiducial.catalogue.records import FileRecord, ProductRecord, Relation
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.trace import above
from fiducial.catalogue.writing import chunks

COMBINED_TIERS: Final = ("T3", "Tier 3")
INTERMEDIATE_TIERS: Final = ("T2", "Tier 2")
SOLUTION_FORMATS: Final = frozenset({"SP3", "CLK", "ERP", "SINEX", "IONEX", "tenv", "tenv3", "TMS"})
"""Formats of solutions of centres; a file of one of them counts as a solution where no product is recorded for it."""


@dataclass(frozen=True, slots=True)
class FairFinding:
    """A combined product that breaks the rule.

    Attributes
    ----------
    problem : str
        ``unlinked``: it links to no intermediate solution; ``incomplete``: to fewer than it states; ``lost``: one that
        it links to is not retrievable.
    missing : tuple of str
        Solutions at fault.
    """

    product: str
    name: str
    problem: Literal["unlinked", "incomplete", "lost"]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Solution:
    """An intermediate solution: a product, or a file that no product is recorded for."""

    id: str
    centre: str
    files: tuple[str, ...]


def check_fair(
    catalogue: Catalogue, combined: Sequence[ProductRecord], retrievable: Iterable[str] | None = None
) -> tuple[FairFinding, ...]:
    """Apply Principle 4 to combined products.

    Parameters
    ----------
    catalogue : Catalogue
    combined : sequence of ProductRecord
        Products of Tier 3.
    retrievable : iterable of str, optional
        Ids of contents that lie intact somewhere; by default those with a path that exists.

    Notes
    -----
    ``stated_inputs`` among the attributes of a product are the centres that its own content names; each must be among
    the centres of the solutions linked.
    """
    solutions_of = _solutions(catalogue, combined)
    wanted = {file for found in solutions_of for one in found for file in one.files}
    kept = _kept(catalogue, wanted) if retrievable is None else frozenset(retrievable)
    findings: list[FairFinding] = []
    for product, solutions in zip(combined, solutions_of, strict=True):
        stated = {str(one).upper() for one in product.attributes.get("stated_inputs", ())}
        if not solutions:
            findings.append(FairFinding(product.id, product.name, "unlinked", tuple(sorted(stated))))
            continue
        absent = tuple(sorted(stated - {one.centre for one in solutions}))
        if absent:
            findings.append(FairFinding(product.id, product.name, "incomplete", absent))
        gone = tuple(sorted(one.id for one in solutions if not kept.issuperset(one.files)))
        if gone:
            findings.append(FairFinding(product.id, product.name, "lost", gone))
    return tuple(findings)


def _solutions(catalogue: Catalogue, combined: Sequence[ProductRecord]) -> list[list[_Solution]]:
    """Return the nearest solutions upstream of each: products of Tier 2 or of its own kind, or files.

    All walks go up together, level by level: the number of questions to the database is that of one walk.
    """
    seen = _Seen(catalogue)
    walks = [_Walk(product, {product.id, *product.files}) for product in combined]
    active = walks
    while active:
        seen.look_up({node for walk in active for node in walk.frontier})
        for walk in active:
            walk.step(seen)
        active = [walk for walk in active if walk.frontier]
    return [[walk.found[key] for key in sorted(walk.found)] for walk in walks]


class _Seen:
    """What was read of the nodes on the way: their links, the products that they belong to, and what they are."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: set[str] = set()
        self.above: dict[str, frozenset[str]] = {}
        self.owners: dict[str, set[str]] = {}
        self.products: dict[str, ProductRecord] = {}
        self.alone: dict[str, _Solution] = {}
        self._solutions: dict[tuple[str, str | None], tuple[_Solution, ...]] = {}

    def look_up(self, nodes: Iterable[str]) -> None:
        """Read the links of the nodes, and what is at their other ends."""
        catalogue = self._catalogue
        wanted = sorted(set(nodes) - self.above.keys())
        links = above(catalogue, wanted)
        self.above |= {node: frozenset(link.node for link in links.get(node, ())) for node in wanted}
        ids = {node for one in wanted for node in self.above[one]} - self._known
        self._known |= ids
        for edge in catalogue.edges(targets=ids, relation=Relation.MEMBER):
            self.owners.setdefault(edge.target, set()).add(edge.source)
        products = {*ids, *(owner for one in ids for owner in self.owners.get(one, ()))} - self.products.keys()
        self.products |= {one.id: one for part in chunks(products) for one in catalogue.products(id=part)}
        bare = [one for one in ids if one not in self.owners]
        # What a run of ours made is a step on the way, no solution of a centre.
        made = {one.source for one in catalogue.edges(sources=bare) if one.relation is Relation.GENERATED}
        for part in chunks(one for one in bare if one not in made):
            for file in catalogue.files(id=part):
                if file.format in SOLUTION_FORMATS:
                    self.alone[file.id] = _Solution(file.id, _centre(file.attributes), (file.id,))

    def solutions_at(self, node: str, egv_product: str | None) -> tuple[_Solution, ...]:
        """Return the solutions that a node is, or that a file belongs to, for a combined product of this kind."""
        key = (node, egv_product)
        if key not in self._solutions:
            products = [self.products.get(one) for one in (node, *self.owners.get(node, ()))]
            self._solutions[key] = tuple(
                _Solution(one.id, _centre(one.attributes), one.files)
                for one in products
                if one is not None and _is_solution(one, egv_product)
            )
        return self._solutions[key]


class _Walk:
    """The way up from one combined product, which ends at solutions."""

    def __init__(self, product: ProductRecord, start: set[str]) -> None:
        self.product = product
        self.frontier = start
        self.found: dict[str, _Solution] = {}
        self._known = set(start)
        # What shares a file with the combined product is the same thing under another name.
        self._files = frozenset(product.files)

    def step(self, seen: _Seen) -> None:
        """Go up by one level."""
        ids = set().union(*(seen.above[one] for one in self.frontier)) - self._known
        stop = set()
        for node in ids:
            if node in seen.alone:
                self.found[node] = seen.alone[node]
            solutions = [
                one for one in seen.solutions_at(node, self.product.egv_product) if self._files.isdisjoint(one.files)
            ]
            if solutions:
                self.found |= {one.id: one for one in solutions}
                # What a solution itself stands on is its centre's concern.
                stop.add(node)
        self._known |= ids
        self.frontier = ids - stop


def _is_solution(one: ProductRecord, egv_product: str | None) -> bool:
    same = one.egv_product is not None and one.egv_product == egv_product
    return one.tier in INTERMEDIATE_TIERS or (same and one.tier not in COMBINED_TIERS)


def _centre(attributes: Mapping[str, Any]) -> str:
    return str(attributes.get("centre", "")).upper()


def _kept(catalogue: Catalogue, ids: Iterable[str]) -> frozenset[str]:
    """Return which of the contents lie at a path that exists."""
    files: list[FileRecord] = [one for part in chunks(ids) for one in catalogue.files(id=part)]
    return frozenset(one.id for one in files if any(Path(path).exists() for path in one.paths))

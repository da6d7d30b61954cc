"""Check the files of the catalogue against their hashes, name what stood on those that are lost, and apply the FAIR rule.

The FAIR rule is Principle 4 of the mapping of essential geodetic variables: intermediate solutions and the combined
product are both kept, so every combined product must link to every intermediate solution that it used, and each of them
must still be retrievable.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from fiducial.catalogue.reading import Location, NodeInfo
from fiducial.catalogue.records import EntityKind, FileRecord, ProductRecord, Relation, RunState
from fiducial.catalogue.rows import printable
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.trace import follow
from fiducial.catalogue.writing import chunks

State = Literal["intact", "missing", "changed", "unreadable"]
COMBINED_TIERS: Final = ("T3", "Tier 3")
INTERMEDIATE_TIERS: Final = ("T2", "Tier 2")
SOLUTION_FORMATS: Final = frozenset({"SP3", "CLK", "ERP", "SINEX", "IONEX", "tenv", "tenv3", "TMS"})
"""Formats of solutions of centres; a file of one of them counts as a solution where no product is recorded for it."""

_STEP_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class PlaceState:
    """What was found at a path."""

    path: str
    sha256: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A file that is lost, and all that stood on it.

    Attributes
    ----------
    lost : NodeInfo
        Content that lies intact nowhere.
    stood_on_it : tuple of NodeInfo
        Runs, products and files downstream.
    """

    lost: NodeInfo
    stood_on_it: tuple[NodeInfo, ...]


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
class Verification:
    """What a catalogue and its files look like.

    Attributes
    ----------
    places : tuple of PlaceState
        Those that are not intact, by path.
    orphaned : tuple of NodeInfo
        Contents that no path holds any more: each path was taken by another content.
    never_held : tuple of NodeInfo
        Contents known by hash alone, from the metadata of products; never seen at a path.
    unfinished : tuple of NodeInfo
        Runs that began and neither ended nor failed.
    standings : tuple of Standing
        Lost contents with what stood on them.
    checked : int
        Paths looked at.
    combined : int
        Products that the FAIR rule was applied to.
    quick : bool
        Size and time of change were compared, not hashes.
    """

    places: tuple[PlaceState, ...]
    orphaned: tuple[NodeInfo, ...]
    never_held: tuple[NodeInfo, ...]
    unfinished: tuple[NodeInfo, ...]
    standings: tuple[Standing, ...]
    fair: tuple[FairFinding, ...]
    checked: int
    combined: int
    quick: bool
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        """Whether every recorded path holds its content and no combined product breaks the FAIR rule."""
        return not (self.places or self.orphaned or self.fair)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = {
            name: [_plain(one) for one in getattr(self, name)] for name in ("orphaned", "never_held", "unfinished")
        }
        return {
            "sound": self.is_sound, "quick": self.quick, "checked": self.checked, "counts": dict(self.counts),
            "places": [{"path": printable(one.path), "sha256": one.sha256, "state": one.state, "detail": one.detail}
                       for one in self.places],
            **plain,
            "stood_on_lost": [{"lost": _plain(one.lost), "stood_on_it": [_plain(node) for node in one.stood_on_it]}
                              for one in self.standings],
            "combined_products": self.combined,
            "fair": [{"product": one.product, "name": one.name, "problem": one.problem, "missing": list(one.missing)}
                     for one in self.fair],
        }  # fmt: skip


def verify(
    catalogue: Catalogue,
    *,
    quick: bool = False,
    under: str | None = None,
    threads: int = 4,
    advance: Callable[[float], None] | None = None,
) -> Verification:
    """Look at every recorded path, and follow what is lost downstream.

    Parameters
    ----------
    catalogue : Catalogue
    quick : bool
        Compare size and time of change; hash only where the time of change is not recorded.
    under : str, optional
        Look only below this folder; what is lost and the FAIR rule are then told of these files alone.
    threads : int
    advance : callable, optional
        Told the bytes just checked.

    Raises
    ------
    CatalogueError
        FID-4003 when the catalogue stays busy.

    Notes
    -----
    Nothing is written: what is missing today may be back tomorrow.
    """
    places = catalogue.locations(under=under)
    with ThreadPoolExecutor(threads) as pool:
        states = list(pool.map(lambda place: check_place(place, quick=quick, advance=advance), places))
    intact = {one.sha256 for one in states if one.state == "intact"}
    files = catalogue.files() if under is None else _files_at(catalogue, places)
    lost = [one for one in files if one.sha256 not in intact]
    placed, orphaned = [one for one in lost if one.paths], [one for one in lost if not one.paths]
    never = catalogue.entities(kind=str(EntityKind.FILE))
    infos = catalogue.nodes([one.id for one in lost])
    combined = [one for one in catalogue.products(tier=COMBINED_TIERS) if under is None or _touches(one, files)]
    retrievable = {f"sha256:{sha}" for sha in intact}
    counts = {
        state: sum(one.state == state for one in states) for state in ("intact", "missing", "changed", "unreadable")
    }
    runs = catalogue.runs(state=str(RunState.RUNNING))
    return Verification(
        places=tuple(one for one in states if one.state != "intact"),
        orphaned=tuple(infos[one.id] for one in orphaned),
        never_held=tuple(NodeInfo(one.id, str(one.kind), one.name) for one in never),
        unfinished=tuple(catalogue.nodes([one.id for one in runs]).values()),
        standings=_standings(catalogue, [infos[one.id] for one in [*placed, *orphaned]]),
        fair=check_fair(catalogue, combined, retrievable if under is None else None),
        checked=len(states),
        combined=len(combined),
        quick=quick,
        counts=counts,
    )


def check_place(place: Location, *, quick: bool = False, advance: Callable[[float], None] | None = None) -> PlaceState:
    """Compare the file at a path with its record."""
    try:
        state, detail = _compared(place, quick=quick, advance=advance)
    except (FileNotFoundError, NotADirectoryError):
        state, detail = "missing", ""
    except (OSError, ValueError) as error:
        state, detail = "unreadable", getattr(error, "strerror", None) or str(error)
    return PlaceState(place.path, place.sha256, state, detail)


def _compared(place: Location, *, quick: bool, advance: Callable[[float], None] | None) -> tuple[State, str]:
    found = Path(place.path).stat()
    if not stat.S_ISREG(found.st_mode):
        return "changed", "no regular file any more"
    if place.size is not None and found.st_size != place.size:
        return "changed", f"{found.st_size} bytes instead of {place.size}"
    if quick and place.mtime_ns == found.st_mtime_ns:
        return "intact", ""
    digest = hash_file(place.path, advance)
    return ("intact", "") if digest == place.sha256 else ("changed", f"its SHA-256 is {digest}")


def hash_file(path: str, advance: Callable[[float], None] | None = None) -> str:
    """Return the SHA-256 of a file, read in steps."""
    digest = hashlib.sha256()
    # A name that became a pipe meanwhile must not hold the check up.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        while part := stream.read(_STEP_BYTES):
            digest.update(part)
            if advance is not None:
                advance(len(part))
    return digest.hexdigest()


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
    kept = None if retrievable is None else frozenset(retrievable)
    findings: list[FairFinding] = []
    for product in combined:
        solutions = _solutions(catalogue, product)
        stated = {str(one).upper() for one in product.attributes.get("stated_inputs", ())}
        if not solutions:
            findings.append(FairFinding(product.id, product.name, "unlinked", tuple(sorted(stated))))
            continue
        absent = tuple(sorted(stated - {one.centre for one in solutions}))
        if absent:
            findings.append(FairFinding(product.id, product.name, "incomplete", absent))
        gone = tuple(sorted(one.id for one in solutions if not _is_kept(catalogue, one.files, kept)))
        if gone:
            findings.append(FairFinding(product.id, product.name, "lost", gone))
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class _Solution:
    """An intermediate solution: a product, or a file that no product is recorded for."""

    id: str
    centre: str
    files: tuple[str, ...]


def _solutions(catalogue: Catalogue, product: ProductRecord) -> list[_Solution]:
    """Return the nearest solutions upstream: products of Tier 2 or of the same kind as the combined one, or files."""
    found: dict[str, _Solution] = {}
    known = {product.id, *product.files}
    frontier = sorted(known)
    while frontier:
        links, _ = follow(catalogue, frontier, "up", 1)
        ids = {link.node for steps in links.values() for link in steps} - known
        owned: dict[str, set[str]] = {}
        for edge in catalogue.edges(targets=ids, relation=Relation.MEMBER):
            owned.setdefault(edge.source, set()).add(edge.target)
        products = [one for part in chunks(ids | owned.keys()) for one in catalogue.products(id=part)]
        solutions = [one for one in products if _is_solution(one, product)]
        found |= {one.id: _Solution(one.id, _centre(one.attributes), one.files) for one in solutions}
        # What a solution itself stands on is its centre's concern.
        stop = {one.id for one in solutions} | {file for one in solutions for file in owned.get(one.id, ())}
        bare = ids - {file for files in owned.values() for file in files}
        files = [one for part in chunks(bare) for one in catalogue.files(id=part) if one.format in SOLUTION_FORMATS]
        alone = {one.id: _Solution(one.id, _centre(one.attributes), (one.id,)) for one in files}
        found |= {key: one for key, one in alone.items() if not _is_made(catalogue, key)}
        known |= ids
        frontier = sorted(ids - stop)
    return [found[key] for key in sorted(found)]


def _centre(attributes: Mapping[str, Any]) -> str:
    return str(attributes.get("centre", "")).upper()


def _is_made(catalogue: Catalogue, file: str) -> bool:
    """Whether a run of ours made a file: a step on the way, no solution of a centre."""
    return any(edge.relation is Relation.GENERATED for edge in catalogue.edges(sources=[file]))


def _is_solution(one: ProductRecord, combined: ProductRecord) -> bool:
    if one.id == combined.id or set(one.files) & set(combined.files):
        return False
    same = one.egv_product is not None and one.egv_product == combined.egv_product
    return one.tier in INTERMEDIATE_TIERS or (same and one.tier not in COMBINED_TIERS)


def _is_kept(catalogue: Catalogue, ids: Sequence[str], kept: frozenset[str] | None) -> bool:
    if kept is not None:
        return all(one in kept for one in ids)
    files = [one for part in chunks(ids) for one in catalogue.files(id=part)]
    return len(files) == len(set(ids)) and all(any(Path(path).exists() for path in one.paths) for one in files)


def _standings(catalogue: Catalogue, lost: Sequence[NodeInfo]) -> tuple[Standing, ...]:
    found = []
    for one in lost:
        links, _ = follow(catalogue, [one.id], "down")
        ids = {link.node for steps in links.values() for link in steps} - {one.id}
        nodes = catalogue.nodes(ids)
        found.append(Standing(one, tuple(nodes[node] for node in sorted(nodes))))
    return tuple(found)


def _files_at(catalogue: Catalogue, places: Sequence[Location]) -> tuple[FileRecord, ...]:
    ids = sorted({f"sha256:{one.sha256}" for one in places})
    return tuple(one for first in range(0, len(ids), 500) for one in catalogue.files(id=ids[first : first + 500]))


def _touches(product: ProductRecord, files: Sequence[FileRecord]) -> bool:
    return bool(set(product.files) & {one.id for one in files})


def _plain(node: NodeInfo) -> dict[str, str]:
    return {"id": node.id, "kind": node.kind, "name": node.name}

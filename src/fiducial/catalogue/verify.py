"""Check the files of the catalogue against their hashes, and name what stood on those that are lost."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from fiducial.catalogue.fair import COMBINED_TIERS, FairFinding, check_fair
from fiducial.catalogue.reading import Location, NodeInfo
from fiducial.catalogue.records import EntityKind, FileRecord, ProductRecord, RunState
from fiducial.catalogue.rows import printable
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.trace import Links, follow
from fiducial.catalogue.writing import chunks

State = Literal["intact", "missing", "changed", "unreadable"]
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
class Verification:
    """What a catalogue and its files look like.

    Attributes
    ----------
    places : tuple of PlaceState
        Those that are not intact, by path.
    orphaned : tuple of NodeInfo
        Contents that no path holds any more, for each path was taken by another content, and on which something stands
        that is still there.
    superseded : tuple of NodeInfo
        Such contents on which nothing stands but what was superseded as well: what was made again, with all after it.
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
    superseded: tuple[NodeInfo, ...]
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
            name: [_plain(one) for one in getattr(self, name)]
            for name in ("orphaned", "superseded", "never_held", "unfinished")
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
    never = catalogue.entities(kind=str(EntityKind.FILE))
    infos = catalogue.nodes([one.id for one in lost])
    retrievable = {f"sha256:{sha}" for sha in intact}
    links, _ = follow(catalogue, [one.id for one in lost], "down")
    below = catalogue.nodes({link.node for steps in links.values() for link in steps})
    # Below a folder it is not known what lies elsewhere.
    without_place = {one.id for one in lost if not one.paths}
    needed = _above_held(links, _held(catalogue, below.values(), retrievable))
    superseded = without_place - needed if under is None else set()
    standings = tuple(
        Standing(infos[one.id], tuple(below[node] for node in _below(one.id, links)))
        for one in lost
        if one.id not in superseded
    )
    combined = [
        one
        for one in catalogue.products(tier=COMBINED_TIERS)
        if (under is None or _touches(one, files)) and not superseded.intersection(one.files)
    ]
    counts = {
        state: sum(one.state == state for one in states) for state in ("intact", "missing", "changed", "unreadable")
    }
    runs = catalogue.runs(state=str(RunState.RUNNING))
    return Verification(
        places=tuple(one for one in states if one.state != "intact"),
        orphaned=tuple(infos[one.id] for one in lost if one.id in without_place - superseded),
        superseded=tuple(infos[one.id] for one in lost if one.id in superseded),
        never_held=tuple(NodeInfo(one.id, str(one.kind), one.name) for one in never),
        unfinished=tuple(catalogue.nodes([one.id for one in runs]).values()),
        standings=standings,
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


def _above_held(links: Links, held: set[str]) -> set[str]:
    """Return all nodes on which something stands that is still there: one walk, whatever the number of nodes."""
    above: dict[str, list[str]] = {}
    for node, steps in links.items():
        for link in steps:
            above.setdefault(link.node, []).append(node)
    found: set[str] = set()
    waiting = list(held)
    while waiting:
        fresh = set(above.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def _held(catalogue: Catalogue, nodes: Iterable[NodeInfo], retrievable: set[str]) -> set[str]:
    """Return the files and products among the nodes that are still there, whole."""
    ids = {one.id: one.kind for one in nodes}
    products = [
        one for part in chunks(k for k, kind in ids.items() if kind == "product") for one in catalogue.products(id=part)
    ]
    whole = {one.id for one in products if one.files and retrievable.issuperset(one.files)}
    return whole | (ids.keys() & retrievable)


def _below(start: str, links: Links) -> list[str]:
    seen = {start}
    waiting = [start]
    while waiting:
        fresh = {link.node for link in links[waiting.pop()]} - seen
        seen |= fresh
        waiting += fresh
    return sorted(seen - {start})


def _files_at(catalogue: Catalogue, places: Sequence[Location]) -> tuple[FileRecord, ...]:
    ids = sorted({f"sha256:{one.sha256}" for one in places})
    return tuple(one for first in range(0, len(ids), 500) for one in catalogue.files(id=ids[first : first + 500]))


def _touches(product: ProductRecord, files: Sequence[FileRecord]) -> bool:
    return bool(set(product.files) & {one.id for one in files})


def _plain(node: NodeInfo) -> dict[str, str]:
    return {"id": node.id, "kind": node.kind, "name": node.name}

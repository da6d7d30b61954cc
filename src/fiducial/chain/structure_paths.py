"""The paths between two nodes, in words; paths that differ only in nodes of one role are told as one way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from fiducial.chain.structure import Edge, Relation, Structure
from fiducial.errors import InputError

_COUNTED: Final = 20_000
_STEPS: Final = 400_000
_TOLD: Final = 4
_ORDER: Final = tuple(Relation)

Steps = tuple[tuple[str, ...], ...]
"""Ids of the nodes at each place of a way."""


@dataclass(frozen=True, slots=True)
class Way:
    """One or more paths that differ only in nodes of one role at the same place.

    Attributes
    ----------
    steps : tuple of tuple of str
        Ids of the nodes at each place.
    words : str
        The way as a sentence, from the supplier to the consumer.
    paths : int
        How many paths it stands for.
    """

    steps: tuple[tuple[str, ...], ...]
    words: str
    paths: int


@dataclass(frozen=True, slots=True)
class Paths:
    """The simple paths (no node twice) from a supplier to a consumer, shortest first.

    Attributes
    ----------
    counted : int
        Number of paths found.
    complete : bool
        Whether these are all; if not, there are more than ``counted``.
    left_out : int
        Ways found but not listed in ``ways``.
    """

    supplier: str
    consumer: str
    ways: tuple[Way, ...]
    counted: int
    complete: bool
    left_out: int

    def note(self) -> str:
        """Return how many paths there are and how many are not told, as a sentence."""
        if not self.counted:
            return f"Nothing leads from {self.supplier} to {self.consumer}."
        total = f"{self.counted}" if self.complete else f"more than {self.counted}"
        told = sum(way.paths for way in self.ways)
        left = f", {self.left_out} more ways are left out" if self.left_out else ""
        ways = "1 way" if len(self.ways) == 1 else f"{len(self.ways)} ways"
        return f"{told} of {total} paths in {ways}{left}."


def paths_between(structure: Structure, supplier: str, consumer: str, *, limit: int = 10) -> Paths:
    """List the simple paths from one node to another.

    Parameters
    ----------
    supplier, consumer : str
        Ids.
    limit : int
        Ways told; positive.

    Raises
    ------
    InputError
        FID-1415 when the limit is not positive.
    """
    if limit < 1:
        raise InputError("FID-1415", f"a limit of {limit} ways tells nothing", where="limit", fix="give 1 or more")
    found, complete = _simple_paths(structure, structure.number(supplier), structure.number(consumer))
    merged = merge(structure, found)
    ways = tuple(way_of(structure, steps) for steps in merged[:limit])
    return Paths(supplier, consumer, ways, len(found), complete, max(0, len(merged) - limit))


def shortest_paths(structure: Structure, supplier: str, consumer: str, inside: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the ids of all shortest paths that stay inside a set of nodes, at most 20 000; empty when there is none."""
    allowed = set(inside) | {supplier, consumer}
    before: dict[str, list[str]] = {supplier: []}
    front = [supplier]
    while front and consumer not in before:
        following: dict[str, list[str]] = {}
        for one in front:
            for other in structure.consumers(one):
                if other in allowed and other not in before:
                    following.setdefault(other, []).append(one)
        before.update(following)
        front = list(following)
    paths: list[tuple[str, ...]] = [(consumer,)] if consumer in before else []
    while paths and paths[0][0] != supplier:
        paths = [(one, *path) for path in paths for one in before[path[0]]][:_COUNTED]
    return paths


def way_of(structure: Structure, steps: Sequence[Sequence[str]]) -> Way:
    """Put a way into words: what stands at each place, and what each needs of the one before."""
    told = [_place(structure, steps[0])]
    for before, here in pairwise(steps):
        words = _edge(structure.between(before[0], here[0])).words
        told.append(f"{_place(structure, here)} ({words})")
    count = 1
    for place in steps:
        count *= len(place)
    return Way(tuple(tuple(place) for place in steps), " → ".join(told), count)


def merge(structure: Structure, paths: Iterable[Sequence[str]]) -> list[Steps]:
    """Merge paths that differ at one place only, in nodes of one role; shortest first, in the order of the nodes."""
    ways: set[Steps] = {tuple((node,) for node in path) for path in paths}
    longest = max(map(len, ways), default=0)
    while True:
        count = len(ways)
        for place in range(longest):
            ways = _merged_at(structure, ways, place)
        if len(ways) == count:
            break
    return sorted(ways, key=lambda way: (len(way), [[structure.number(one) for one in place] for place in way]))


def _merged_at(structure: Structure, ways: set[Steps], place: int) -> set[Steps]:
    groups: dict[tuple[Steps, Steps, tuple[str, str, str]], set[str]] = {}
    merged = set()
    for way in ways:
        if len(way) <= place:
            merged.add(way)
            continue
        here = way[place]
        words = _edge(structure.between(way[place - 1][0], here[0])).words if place else ""
        item = structure.item(here[0])
        groups.setdefault((way[:place], way[place + 1 :], (item.kind, item.role, words)), set()).update(here)
    for (head, tail, _), together in groups.items():
        merged.add((*head, tuple(sorted(together, key=structure.number)), *tail))
    return merged


def _place(structure: Structure, place: Sequence[str]) -> str:
    names = [structure.item(one).name for one in place]
    if len(names) == 1:
        return names[0]
    more = ", …" if len(names) > _TOLD else ""
    return f"each of {len(names)} ({', '.join(names[:_TOLD])}{more})"


def _edge(edges: Sequence[Edge]) -> Edge:
    return min(edges, key=lambda edge: _ORDER.index(edge.relation))


def _simple_paths(structure: Structure, source: int, target: int) -> tuple[list[tuple[str, ...]], bool]:
    """Return simple paths by growing length, and whether these are all."""
    nodes, far = structure.graph.ancestors(target)
    distance = dict(zip(nodes.tolist(), far.tolist(), strict=True))
    distance[target] = 0
    if source not in distance or source == target:
        return [], True
    follow = {
        node: [other for other in structure.followers(node) if other in distance] for node in distance if node != target
    }
    search = _Search(follow, distance, target)
    length = distance[source]
    while search.run(source, length):
        length += 1
    names = [tuple(structure.items[k].id for k in path) for path in search.found]
    return names, search.complete


class _Search:
    """Depth-first search of bounded length, so that short paths come first; gives up after so many steps or paths."""

    def __init__(self, follow: dict[int, list[int]], distance: dict[int, int], target: int) -> None:
        self.follow = follow
        self.distance = distance
        self.target = target
        self.found: list[tuple[int, ...]] = []
        self.steps = 0
        self.complete = True

    def run(self, source: int, length: int) -> bool:
        """Find all paths of exactly this length; return whether longer ones may exist."""
        longer = False
        path, branches = [source], [iter(self.follow[source])]
        inside = {source}
        while branches:
            node = next(branches[-1], None)
            if node is None:
                branches.pop()
                inside.discard(path.pop())
                continue
            self.steps += 1
            if node in inside:
                continue
            if len(path) + self.distance[node] > length:
                longer = True
            elif node == self.target:
                if len(path) == length:
                    self.found.append((*path, node))
            else:
                path.append(node)
                inside.add(node)
                branches.append(iter(self.follow[node]))
            if self.steps > _STEPS or len(self.found) >= _COUNTED:
                self.complete = False
                return False
        return longer

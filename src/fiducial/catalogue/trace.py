"""Upstream and downstream of anything in the catalogue, as a tree in which shared branches and cycles are marked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fiducial.catalogue.product_places import product_places
from fiducial.catalogue.reading import MOST_NAMED, NodeInfo
from fiducial.catalogue.records import EdgeRecord, FileRecord, Relation, Snapshot
from fiducial.catalogue.rows import stored_path
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.writing import chunks
from fiducial.errors import CatalogueError

Direction = Literal["up", "down"]
Links = dict[str, list["Link"]]


@dataclass(frozen=True, slots=True)
class Link:
    """A step of a trace: to which node, by which kind of edge, in which role."""

    node: str
    relation: Relation
    role: str


@dataclass(frozen=True, slots=True)
class TraceNode:
    """A node of the tree.

    Attributes
    ----------
    id, kind, name : str
        Kind is that of the entity, ``file``, ``product`` or ``run``. A file below its product is named by its path
        inside the product.
    relation : Relation or None
        Of the edge from the parent; None at the root.
    role : str
        Of that edge.
    details : mapping
        Plain values: hash, size, format and paths of a file; state and step of a run; frame and span of a product.
    children : tuple of TraceNode
    shared : bool
        The branch stands elsewhere in the tree, and is not repeated here.
    cycle : bool
        The node is one of its own ancestors.
    cut : bool
        There is more beyond the depth asked for.
    """

    id: str
    kind: str
    name: str
    relation: Relation | None = None
    role: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[TraceNode, ...] = ()
    shared: bool = False
    cycle: bool = False
    cut: bool = False

    def walk(self) -> Iterator[tuple[int, TraceNode]]:
        """Yield every node of the tree with its depth, a parent before its children."""
        waiting = [(0, self)]
        while waiting:
            depth, node = waiting.pop()
            yield depth, node
            waiting += [(depth + 1, child) for child in reversed(node.children)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the nodes once each, and the steps between them."""
        nodes: dict[str, dict[str, Any]] = {}
        edges: dict[tuple[str, str, str, str], dict[str, str]] = {}
        marks: dict[str, set[str]] = {"cycle": set(), "cut": set()}
        waiting = [self]
        while waiting:
            node = waiting.pop()
            nodes.setdefault(node.id, {"id": node.id, "kind": node.kind, "name": node.name, **node.details})
            for mark, ids in marks.items():
                if getattr(node, mark):
                    ids.add(node.id)
            for child in node.children:
                is_part = child.relation is Relation.MEMBER and child.kind == "file"
                edges[node.id, child.id, str(child.relation), child.role] = {"inside": child.name} if is_part else {}
            waiting += reversed(node.children)
        steps = [
            dict(zip(("from", "to", "relation", "role"), edge, strict=True)) | more for edge, more in edges.items()
        ]
        return {"start": self.id, "nodes": list(nodes.values()), "steps": steps,
                "cycles_at": sorted(marks["cycle"]), "cut_at": sorted(marks["cut"])}  # fmt: skip


def trace(catalogue: Catalogue, start: str, direction: Direction, depth: int | None = None) -> TraceNode:
    """Follow what a thing was made from, or what was made from it.

    Parameters
    ----------
    catalogue : Catalogue
    start : str
        Id, path, the first six or more digits of a hash, or a name.
    direction : {"up", "down"}
        Up: what it was made from. Down: what stands on it.
    depth : int, optional
        Most edges from the start.

    Returns
    -------
    TraceNode
        Every node is expanded once, where it is nearest to the start.

    Raises
    ------
    CatalogueError
        FID-4006 when nothing, FID-4007 when several things have that name.

    Notes
    -----
    A file stands on what its product stands on, and the other way round: who used a file of a product used the product.
    """
    root = find(catalogue, start)
    links, more = follow(catalogue, [root.id], direction, depth)
    names = catalogue.nodes({root.id} | links.keys() | {link.node for found in links.values() for link in found})
    details = details_of(catalogue, names)
    inside = _names_inside(links, names, details) if direction == "up" else {}
    return _tree(root.id, _in_order(links, inside), (names, inside), details, more)


def _names_inside(
    links: Links, names: Mapping[str, NodeInfo], details: Mapping[str, dict[str, Any]]
) -> dict[tuple[str, str], str]:
    """Return the path inside its product of each file, by the ids of both."""
    found: dict[tuple[str, str], str] = {}
    for product, targets in links.items():
        ids = {link.node for link in targets if link.relation is Relation.MEMBER} & details.keys()
        files = [FileRecord(known["sha256"], known["size"], known["format"], names[one].name, tuple(known["paths"]))
                 for one in sorted(ids) if "sha256" in (known := details[one])]  # fmt: skip
        found |= {(product, one): name for one, name in product_places(files).names.items()}
    return found


def _in_order(links: Links, inside: Mapping[tuple[str, str], str]) -> Links:
    return {node: sorted(found, key=lambda link: (str(link.relation), link.role, inside.get((node, link.node), ""),
                                                  link.node)) for node, found in links.items()}  # fmt: skip


def find(catalogue: Catalogue, start: str) -> NodeInfo:
    """Return the one node with this id, path, hash or name.

    Raises
    ------
    CatalogueError
        FID-4006 when there is none, FID-4007 when there are several.
    """
    if ":" in start:
        exact = catalogue.nodes([start])
        if exact:
            return next(iter(exact.values()))
    path = os.path.abspath(start)  # noqa: PTH100 - of a name, which pathlib would also resolve through links
    at = catalogue.locations(paths=[path])
    found: tuple[NodeInfo, ...] = tuple(catalogue.nodes([f"sha256:{one.sha256}" for one in at]).values())
    if not found and start.strip():  # every name begins with nothing
        found = _inside(catalogue, path) or _narrowed(catalogue, catalogue.named(start))
    if not found:
        raise CatalogueError(
            "FID-4006", "nothing in the catalogue has this path, hash, id or name", where=start or "an empty name",
            fix="see `fiducial catalogue list`; a file is recorded with `fiducial catalogue add`",
        )  # fmt: skip
    if len(found) > 1:
        told = ", ".join(one.id for one in found[:5]) + (", …" if len(found) > 5 else "")
        raise CatalogueError("FID-4007", f"{len(found)}{' or more' * (len(found) >= MOST_NAMED)} things have this name: {told}", where=start,
                             fix="give one of these ids, or more digits of the hash")  # fmt: skip
    return found[0]


def follow(
    catalogue: Catalogue, starts: Iterable[str], direction: Direction, depth: int | None = None
) -> tuple[Links, frozenset[str]]:
    """Return the links of every node that can be reached, level by level, and the nodes at which it was cut.

    Returns
    -------
    dict of id to list of Link
        A node at the greatest depth has no entry.
    frozenset of str
        Nodes at the greatest depth that have further links.
    """
    step = _up if direction == "up" else _down
    links: Links = {}
    frontier = sorted(set(starts))
    level = 0
    while frontier and (depth is None or level < depth):
        found = step(catalogue, frontier)
        links |= {node: found.get(node, []) for node in frontier}
        frontier = sorted({link.node for node in frontier for link in _opened(links[node], direction)} - links.keys())
        level += 1
    more = step(catalogue, frontier) if frontier else {}
    return links, frozenset(node for node in frontier if more.get(node))


def _opened(links: list[Link], direction: Direction) -> list[Link]:
    """Return the links to follow: the files of a product whose making is known end there.

    Small files, such as the metadata of a Zarr group, have the same content in many products: through them the trace of one
    burst would spread over all others.
    """
    if direction == "down" or all(link.relation is Relation.MEMBER for link in links):
        return links
    return [link for link in links if link.relation is not Relation.MEMBER]


def neighbourhood(catalogue: Catalogue, around: str, depth: int | None) -> Snapshot:
    """Return the records upstream and downstream of one thing, with the edges between them."""
    start = find(catalogue, around).id
    ids = {start}
    for direction in ("up", "down"):
        links, _ = follow(catalogue, [start], direction, depth)
        ids |= links.keys() | {link.node for found in links.values() for link in found}
    edges = tuple(edge for edge in catalogue.edges(sources=ids) if edge.target in ids)
    parts = [list(part) for part in chunks(ids)]
    return Snapshot(
        tuple(one for part in parts for one in catalogue.entities(id=part)),
        tuple(one for part in parts for one in catalogue.files(id=part)),
        tuple(one for part in parts for one in catalogue.products(id=part)),
        tuple(one for part in parts for one in catalogue.runs(id=part)),
        catalogue.agents(edge.agent for edge in edges if edge.agent),
        edges,
    )


def details_of(catalogue: Catalogue, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what is known of files, products, runs and entities, as plain values."""
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(ids):
        for file in catalogue.files(id=part):
            found[file.id] = {
                "format": file.format,
                "sha256": file.sha256,
                "size": file.size,
                "paths": [stored_path(path) for path in file.paths],
            }
        for product in catalogue.products(id=part):
            moments = {"start": product.start, "end": product.end, "issued": product.issued}
            stated = {"egv_product": product.egv_product, "level": product.level, "tier": product.tier,
                      "frame": product.frame} | {key: one and one.isoformat() for key, one in moments.items()}  # fmt: skip
            found[product.id] = {key: value for key, value in stated.items() if value is not None}
        for run in catalogue.runs(id=part):
            found[run.id] = {
                "recipe": run.recipe, "step": run.step, "step_version": run.step_version, "state": str(run.state),
                "software": run.software, "started": run.started.isoformat(),
                "ended": run.ended and run.ended.isoformat(), "shortcomings": list(run.shortcomings),
            }  # fmt: skip
        for entity in catalogue.entities(id=part):
            found.setdefault(entity.id, {}).update({"attributes": dict(entity.attributes)} if entity.attributes else {})
    return found


def above(catalogue: Catalogue, nodes: Iterable[str]) -> Links:
    """Return the links of nodes to what they were made from; a node without any has no entry."""
    return _up(catalogue, sorted(set(nodes)))


def _up(catalogue: Catalogue, frontier: list[str]) -> Links:
    """Links to what the nodes were made from; a file was made as its products were."""
    edges = catalogue.edges(sources=frontier)
    owners: dict[str, list[str]] = {}
    for edge in catalogue.edges(targets=frontier, relation=Relation.MEMBER):
        owners.setdefault(edge.source, []).append(edge.target)
    links = _links(edges, lambda edge: [(edge.source, edge.target)])
    inherited = [edge for edge in catalogue.edges(sources=owners) if edge.relation is not Relation.MEMBER]
    return _merged(links, _links(inherited, lambda edge: [(file, edge.target) for file in owners[edge.source]]))


def _down(catalogue: Catalogue, frontier: list[str]) -> Links:
    """Links to what stands on the nodes; who used a file of a product used the product."""
    edges = catalogue.edges(targets=frontier)
    parts: dict[str, list[str]] = {}
    for edge in catalogue.edges(sources=frontier, relation=Relation.MEMBER):
        parts.setdefault(edge.target, []).append(edge.source)
    links = _links(edges, lambda edge: [(edge.target, edge.source)])
    inherited = [edge for edge in catalogue.edges(targets=parts) if edge.relation is not Relation.MEMBER]
    return _merged(links, _links(inherited, lambda edge: [(product, edge.source) for product in parts[edge.target]]))


def _links(edges: Iterable[EdgeRecord], ends: Callable[[EdgeRecord], list[tuple[str, str]]]) -> Links:
    found: Links = {}
    for edge in edges:
        for node, other in ends(edge):
            found.setdefault(node, []).append(Link(other, edge.relation, edge.role))
    return found


def _merged(first: Links, second: Links) -> Links:
    merged: Links = {}
    for node in first.keys() | second.keys():
        once = dict.fromkeys([*first.get(node, []), *second.get(node, [])])
        merged[node] = sorted(once, key=lambda link: (str(link.relation), link.role, link.node))
    return merged


def _tree(
    root: str,
    links: Links,
    named: tuple[Mapping[str, NodeInfo], Mapping[tuple[str, str], str]],
    details: Mapping[str, dict[str, Any]],
    more: frozenset[str],
) -> TraceNode:
    """Build the tree: every node opened where a walk by levels meets it first, leaves made before their parents."""
    names, inside = named
    opened: dict[str, str | None] = {root: None}
    order = [root]
    for node in order:
        for link in links.get(node, []):
            if link.node not in opened:
                opened[link.node] = node
                order.append(link.node)
    ancestors = _intervals(root, opened)
    made: dict[str, TraceNode] = {}
    for node in reversed(order):
        children, first = [], set()
        for link in links.get(node, []):
            here = opened[link.node] == node and link.node not in first and link.node != node
            first.add(link.node)
            info = names[link.node]
            base = (
                made[link.node] if here else TraceNode(info.id, info.kind, info.name, details=details.get(info.id, {}))
            )
            loop = not here and _above(ancestors, link.node, node)
            # A file of a product has no branch of its own that could stand elsewhere.
            part = link.relation is Relation.MEMBER and not links.get(link.node)
            name = inside.get((node, link.node), base.name) if link.relation is Relation.MEMBER else base.name
            children.append(TraceNode(base.id, base.kind, name, link.relation, link.role, base.details, base.children,
                                      shared=not (here or loop or part), cycle=loop, cut=base.cut))  # fmt: skip
        info = names[node]
        made[node] = TraceNode(
            node, info.kind, info.name, None, "", details.get(node, {}), tuple(children), cut=node in more
        )
    return made[root]


def _intervals(root: str, parents: Mapping[str, str | None]) -> dict[str, tuple[int, int]]:
    """Return when a walk in depth enters and leaves each node: an ancestor's interval holds that of its descendants."""
    children: dict[str, list[str]] = {}
    for node, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(node)
    found: dict[str, tuple[int, int]] = {}
    clock = 0
    waiting: list[tuple[str, bool]] = [(root, False)]
    entered: dict[str, int] = {}
    while waiting:
        node, leaving = waiting.pop()
        clock += 1
        if leaving:
            found[node] = (entered[node], clock)
            continue
        entered[node] = clock
        waiting.append((node, True))
        waiting += [(child, False) for child in children.get(node, [])]
    return found


def _above(intervals: Mapping[str, tuple[int, int]], upper: str, lower: str) -> bool:
    return intervals[upper][0] <= intervals[lower][0] and intervals[lower][1] <= intervals[upper][1]


def _inside(catalogue: Catalogue, path: str) -> tuple[NodeInfo, ...]:
    """Return the products whose files lie in a folder; of these the one that all of them belong to, if there is one.

    Small files of several products, such as the metadata of a Zarr group, may have the same content.
    """
    inside = {f"sha256:{one.sha256}" for one in catalogue.locations(under=path)}
    members: dict[str, set[str]] = {}
    for edge in catalogue.edges(targets=sorted(inside), relation=Relation.MEMBER):
        members.setdefault(edge.source, set()).add(edge.target)
    whole = [product for product, files in members.items() if files == inside]
    return tuple(catalogue.nodes(whole or list(members)).values())


def _narrowed(catalogue: Catalogue, found: tuple[NodeInfo, ...]) -> tuple[NodeInfo, ...]:
    """Prefer files to the products of the same name, and contents that still lie somewhere to those that do not."""
    if len(found) < 2 or len({one.name for one in found}) > 1:
        return found
    files = tuple(one for one in found if one.kind == "file")
    if len(files) < 2:
        return files or found
    placed = {one.id for one in catalogue.files(id=[one.id for one in files]) if one.paths}
    kept = tuple(one for one in files if one.id in placed)
    return kept if len(kept) == 1 else files

"""The part of a snapshot that one thing stands on."""

from __future__ import annotations

from collections import defaultdict

from fiducial.catalogue.records import Relation, Snapshot
from fiducial.errors import CatalogueError

UNKNOWN: str = "FID-4042"


def find(snapshot: Snapshot, text: str) -> str:
    """Return the id of the thing that has this id, hash, name or path, products before files.

    Raises
    ------
    CatalogueError
        FID-4042 when nothing has it.
    """
    for records in (snapshot.products, snapshot.files, snapshot.entities, snapshot.runs):
        for one in sorted(records, key=lambda one: one.id):
            names = {one.id, one.id.partition(":")[2], getattr(one, "name", one.id), *getattr(one, "paths", ())}
            if text in names:
                return one.id
    raise CatalogueError(
        UNKNOWN, "nothing of that id, name or path is recorded", where=text,
        fix="name a product by its id: fiducial catalogue list",
    )  # fmt: skip


def upstream(snapshot: Snapshot, start: str) -> Snapshot:
    """Return a thing with all that it was made from.

    Parameters
    ----------
    snapshot : Snapshot
    start : str
        Id of a product, file, run or other thing.

    Returns
    -------
    Snapshot
        Of products on the way all files are kept, so that no product is cut in two; what was made from the other files
        of them, or by the same runs beside, is not.
    """
    above: dict[str, list[str]] = defaultdict(list)
    members = {one.id: set(one.files) for one in snapshot.products}
    for edge in snapshot.edges:
        if edge.relation is Relation.MEMBER:
            members.setdefault(edge.source, set()).add(edge.target)
        else:
            above[edge.source].append(edge.target)
    owners: dict[str, list[str]] = defaultdict(list)
    for product, contents in members.items():
        for one in contents:
            owners[one].append(product)
    kept, stack = set[str](), [start, *members.get(start, ())]
    while stack:
        one = stack.pop()
        if one not in kept:
            kept.add(one)
            stack.extend(above[one])
            stack.extend(members.get(one, ()) if one in above or one == start else ())
            kept_owners = [product for product in owners[one] if product not in kept]
            # A product that is named for one of its files is a label on the way, not a station of it.
            kept.update(kept_owners)
            for product in kept_owners:
                stack.extend(above[product])
    kept |= {member for one in kept & members.keys() for member in members[one]}
    edges = tuple(edge for edge in snapshot.edges if edge.source in kept and edge.target in kept)
    agents = {edge.agent for edge in edges}
    return Snapshot(
        tuple(one for one in snapshot.entities if one.id in kept),
        tuple(one for one in snapshot.files if one.id in kept),
        tuple(one for one in snapshot.products if one.id in kept),
        tuple(one for one in snapshot.runs if one.id in kept),
        tuple(one for one in snapshot.agents if one.id in agents),
        edges,
    )

"""The part of a snapshot that one thing stands on."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from fiducial.catalogue.records import Relation, Snapshot
from fiducial.errors import CatalogueError

UNKNOWN: Final = "FID-4042"


def find(snapshot: Snapshot, text: str) -> str:
    """Return the id of the thing that has this id, hash, name or path, products before files.

    Raises
    ------
    CatalogueError
        FID-4042 when nothing has it.
    """
    groups: list[list[tuple[str, tuple[str, ...]]]] = [
        [(one.id, (one.name,)) for one in snapshot.products],
        [(one.id, (one.name, *one.paths)) for one in snapshot.files],
        [(one.id, (one.name,)) for one in snapshot.entities],
        [(one.id, ()) for one in snapshot.runs],
    ]
    for records in groups:
        for identity, names in sorted(records):
            if text in (identity, identity.partition(":")[2], *names):
                return identity
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
    kept, labels, stack = set[str](), set[str](), [start]
    while stack:
        one = stack.pop()
        if one in kept:
            continue
        kept.add(one)
        stack.extend(above.get(one, ()))
        stack.extend(members.get(one, ()))
        # The product of a file on the way names it; what its other files were made from is beside the way.
        labels.update(owners.get(one, ()))
    kept |= labels
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

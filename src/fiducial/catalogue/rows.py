"""Records to rows and back: JSON as text, instants as sortable text in UTC, paths of any bytes."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    Entity,
    EntityKind,
    FileRecord,
    ProductRecord,
    Relation,
    RequirementResult,
    RunRecord,
    RunState,
)
from fiducial.errors import CatalogueError

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_RAW: Final = "bytes:"

Values = dict[str, Any]


def stored_path(path: str) -> str:
    r"""Return a path as text that every database takes; names that are not UTF-8 are quoted.

    Examples
    --------
    >>> stored_path("/a/b"), stored_path("/a/\udcff")
    ('/a/b', 'bytes:/a/%FF')
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return _RAW + quote(os.fsencode(path))
    return path


def loaded_path(text: str) -> str:
    """Return a path as the operating system takes it; the inverse of :func:`stored_path`."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(_RAW))) if text.startswith(_RAW) else text


def printable(text: str) -> str:
    r"""Return a text in which bytes that are not UTF-8, and zero bytes, are spelled out.

    Examples
    --------
    >>> print(printable("a\udcff"))
    a\udcff
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def dumped(value: object, what: str) -> str:
    """Return canonical JSON; FID-4005 for what JSON cannot hold, NaN among it."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused(f"attributes are not plain JSON: {error}", what) from error


def instant(moment: datetime | None, what: str) -> str | None:
    """Return an instant as text of fixed width in UTC; FID-4005 for one without a time zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise _refused(f"the time {moment.isoformat()} states no time zone", what)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def require_at_least(least: int, value: int | None, what: str) -> None:
    """Refuse a number below the least that makes sense, FID-4005; None is no number."""
    if value is not None and value < least:
        raise CatalogueError("FID-4005", f"{value} is below {least}", where=what, fix=f"give {least} or more")


def node_row(identity: str, kind: str, name: str) -> Values:
    """Return the row of a node."""
    if not identity or ":" not in identity:
        raise _refused("an id is kind:value", identity or "empty id")
    return {"id": printable(identity), "kind": kind, "name": printable(name)}


def entity_row(entity: Entity) -> Values:
    """Return the values of an entity besides its node."""
    return {"attributes": dumped(dict(entity.attributes), entity.id)}


def file_row(file: FileRecord) -> Values:
    """Return the values of a file besides its node and paths."""
    if not _SHA256.fullmatch(file.sha256):
        raise _refused("a SHA-256 is 64 small hexadecimal digits", file.sha256 or file.name)
    return {"sha256": file.sha256, "size": file.size, "format": file.format,
            "attributes": dumped(dict(file.attributes), file.name)}  # fmt: skip


def product_row(product: ProductRecord) -> Values:
    """Return the values of a product besides its node and files."""
    return {
        "egv_product": product.egv_product, "level": product.level, "tier": product.tier, "frame": product.frame,
        "start": instant(product.start, product.id), "end": instant(product.end, product.id),
        "issued": instant(product.issued, product.id), "attributes": dumped(dict(product.attributes), product.id),
    }  # fmt: skip


def run_row(run: RunRecord) -> Values:
    """Return the values of a run besides its node."""
    results = [
        {"requirement": one.requirement, "criticality": one.criticality, "state": one.state, "detail": one.detail}
        for one in run.requirements
    ]
    return {
        "recipe": run.recipe, "step": run.step, "step_version": run.step_version,
        "parameters": dumped(dict(run.parameters), run.id), "cache_key": run.key, "software": run.software,
        "machine": run.machine, "started": instant(run.started, run.id), "ended": instant(run.ended, run.id),
        "state": str(run.state), "timing": dumped(dict(run.timing), run.id), "requirements": dumped(results, run.id),
        "shortcomings": dumped(list(run.shortcomings), run.id),
    }  # fmt: skip


def agent_row(agent: AgentRecord) -> Values:
    """Return the row of an agent."""
    return {"id": agent.id, "kind": agent.kind, "name": printable(agent.name), "version": agent.version}


def entity_of(row: Any) -> Entity:
    """Return the entity of a row."""
    return Entity(row.id, EntityKind(row.kind), row.name, json.loads(row.attributes))


def file_of(row: Any, paths: tuple[str, ...]) -> FileRecord:
    """Return the file of a row."""
    return FileRecord(row.sha256, row.size, row.format, row.name, paths, json.loads(row.attributes))


def product_of(row: Any, files: tuple[str, ...]) -> ProductRecord:
    """Return the product of a row."""
    return ProductRecord(
        row.id, row.name, row.egv_product, row.level, row.tier, row.frame, _moment(row.start), _moment(row.end),
        _moment(row.issued), files, json.loads(row.attributes),
    )  # fmt: skip


def run_of(row: Any) -> RunRecord:
    """Return the run of a row."""
    results = tuple(RequirementResult(**one) for one in json.loads(row.requirements))
    started = _moment(row.started)
    if started is None:
        raise _refused("a run states no beginning", row.id)
    return RunRecord(
        row.id, row.recipe, row.step, row.step_version, json.loads(row.parameters), row.cache_key, row.software,
        row.machine, started, _moment(row.ended), RunState(row.state), json.loads(row.timing), results,
        tuple(json.loads(row.shortcomings)),
    )  # fmt: skip


def agent_of(row: Any) -> AgentRecord:
    """Return the agent of a row."""
    return AgentRecord(row.id, row.kind, row.name, row.version)


def edge_of(row: Any) -> EdgeRecord:
    """Return the edge of a row that holds the ids of its ends."""
    return EdgeRecord(Relation(row.relation), row.source, row.target, row.role, row.agent)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _refused(problem: str, where: str) -> CatalogueError:
    return CatalogueError(
        "FID-4005", problem, where=printable(where),
        fix="give kind:value ids, SHA-256 in small digits, times with a zone, and attributes without NaN",
    )  # fmt: skip

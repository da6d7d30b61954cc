"""Tables of what a catalogue holds, and of what a check found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from fiducial.catalogue.records import FileRecord, ProductRecord, RunRecord
from fiducial.catalogue.rows import printable, require_at_least
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.verify import Verification
from fiducial.errors import CatalogueError

if TYPE_CHECKING:
    # It brings all readers of formats with it, which a list does not need.
    from fiducial.runs.catalogue_add import AddReport

What = Literal["products", "files", "runs", "entities", "agents"]
_HASH_LETTERS: Final = len("sha256:") + 16
Table = tuple[str, list[str], list[list[Any]]]

_FILTERS: Final[dict[str, tuple[str, ...]]] = {
    "products": ("name", "egv_product", "tier", "level", "frame", "since", "until", "limit"),
    "files": ("name", "format", "limit"),
    "runs": ("state", "recipe", "since", "until", "limit"),
    "entities": ("name", "kind", "limit"),
    "agents": (),
}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def listing(catalogue: Catalogue, what: What, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of one kind as plain values.

    Raises
    ------
    CatalogueError
        FID-4005 for a limit below 1, FID-4006 for a filter that the kind does not have.
    """
    require_at_least(1, filters.get("limit"), "--limit")
    strange = sorted(filters.keys() - set(_FILTERS[what]))
    if strange:
        known = ", ".join(_option(one) for one in _FILTERS[what])
        raise CatalogueError("FID-4006", f"{what} are not chosen by {_option(strange[0])}", where=_option(strange[0]),
                             fix=f"use {known}" if known else "list all of them")  # fmt: skip
    if what == "agents":
        return [
            {"id": one.id, "kind": one.kind, "name": one.name, "version": one.version} for one in catalogue.agents()
        ]
    if what == "entities":
        return [{"id": one.id, "kind": str(one.kind), "name": one.name, "attributes": dict(one.attributes)}
                for one in catalogue.entities(**filters)]  # fmt: skip
    if what == "files":
        return [_file(one) for one in catalogue.files(**filters)]
    if what == "runs":
        return [_run(one) for one in catalogue.runs(**filters)]
    return [_product(one) for one in catalogue.products(**filters)]


def listing_table(what: What, records: list[dict[str, Any]], where: str) -> Table:
    """Return the records as a table for people."""
    columns = {
        "products": ["name", "egv_product", "level", "tier", "frame", "start", "end", "id"],
        "files": ["name", "format", "size", "sha256", "paths"],
        "runs": ["id", "recipe", "step", "state", "started", "ended"],
        "entities": ["id", "kind", "name"],
        "agents": ["id", "kind", "name", "version"],
    }[what]
    rows = [[_cell(name, record.get(name)) for name in columns] for record in records]
    return f"{len(rows)} {what} in {where}", columns, rows


def _cell(name: str, value: Any) -> Any:
    if name == "sha256":
        return value[:16]
    if name == "paths":
        return ", ".join(value) if value else None
    return value[:19] if name in ("start", "end", "started", "ended") and value else value


def _file(one: FileRecord) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "format": one.format, "size": one.size, "sha256": one.sha256,
            "paths": [printable(path) for path in one.paths], "attributes": dict(one.attributes)}  # fmt: skip


def _product(one: ProductRecord) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "egv_product": one.egv_product, "level": one.level, "tier": one.tier,
        "frame": one.frame, "start": _moment(one.start), "end": _moment(one.end), "issued": _moment(one.issued),
        "files": list(one.files), "attributes": dict(one.attributes),
    }  # fmt: skip


def _run(one: RunRecord) -> dict[str, Any]:
    return {
        "id": one.id, "recipe": one.recipe, "step": one.step, "step_version": one.step_version, "state": str(one.state),
        "key": one.key, "software": one.software, "machine": one.machine, "started": _moment(one.started),
        "ended": _moment(one.ended), "parameters": dict(one.parameters), "timing": dict(one.timing),
        "requirements": [{"requirement": result.requirement, "criticality": result.criticality, "state": result.state,
                          "detail": result.detail} for result in one.requirements],
        "shortcomings": list(one.shortcomings),
    }  # fmt: skip


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def moment_of(text: str | None, option: str) -> datetime | None:
    """Return an instant of an option, UTC unless it says otherwise.

    Raises
    ------
    CatalogueError
        FID-4005 when it is none.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CatalogueError("FID-4005", f"{text!r} is no date", where=option, fix="write 2024-09-19 or "
                             "2024-09-19T12:00:00") from error  # fmt: skip
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def add_lines(report: AddReport) -> tuple[Table, list[str]]:
    """Return what was added, for people."""
    rows: list[list[Any]] = [[name, count] for name, count in sorted(report.formats.items())]
    contents = (
        f"{report.added} contents new, {report.known} known at a new path, {report.replaced} paths with a new content, "
        f"{report.unchanged} unchanged and skipped"
    )
    made = (
        f"{report.products} products, {report.entities} things they were made from, {report.edges} edges; "
        f"{report.size / 1e6:.1f} MB in {report.seconds:.1f} s"
    )
    lines = [contents, made]
    lines += [f"not added: {printable(path)}: {reason}" for path, reason in report.passed]
    lines += _counted(report.notes)
    return (f"Added to {report.catalogue}", ["format", "files"], rows), [*lines, *report.findings]


def _counted(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Return every note once, with the first path and the number of others."""
    firsts: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for path, note in notes:
        firsts.setdefault(note, path)
        counts[note] += 1
    return [f"{printable(firsts[note])}{f' and {count - 1} more' if count > 1 else ''}: {note}"
            for note, count in counts.items()]  # fmt: skip


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _short(identity: str) -> str:
    """Return the first digits of a hash, by which a file is found; any other id is needed whole."""
    return identity[:_HASH_LETTERS] if identity.startswith("sha256:") else identity


def verify_lines(found: Verification) -> list[str]:
    """Return what a check found, for people."""
    how = "size and time of change" if found.quick else "SHA-256"
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    lines = [f"{_plural(found.checked, 'path')} compared by {how}: {counts or 'none'}"]
    lines += [f"{one.state}: {printable(one.path)}{f' ({one.detail})' if one.detail else ''}" for one in found.places]
    lines += [
        f"orphaned: {one.name} {_short(one.id)}, every path of it holds another content" for one in found.orphaned
    ]
    for standing in found.standings:
        stood = _plural(len(standing.stood_on_it), "thing") + ":" if standing.stood_on_it else "nothing"
        lines.append(f"on {standing.lost.name} {_short(standing.lost.id)} stood {stood}")
        lines += [f"  {node.kind} {node.name} {_short(node.id)}" for node in standing.stood_on_it]
    lines += [f"unfinished run: {one.name} {one.id}" for one in found.unfinished]
    if found.never_held:
        known = f"{_plural(len(found.never_held), 'file')} {'is' if len(found.never_held) == 1 else 'are'} known"
        lines.append(f"{known} by hash alone, from the metadata of products")
    lines.append(f"FAIR rule (both intermediate solutions and combination are kept): "
                 f"{_plural(found.combined, 'combined product')}")  # fmt: skip
    words = {"unlinked": "links to no intermediate solution", "incomplete": "does not link to all that it states",
             "lost": "links to solutions that cannot be retrieved"}  # fmt: skip
    for fault in found.fair:
        missing = f": {', '.join(fault.missing)}" if fault.missing else ""
        lines.append(f"  {fault.name}: {words[fault.problem]}{missing}")
    lines.append("sound" if found.is_sound else "not sound")
    return lines

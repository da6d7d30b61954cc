"""Add files to the catalogue: hash and recognise with several threads, one transaction a batch, resumable."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from fiducial.catalogue.records import FileRecord
from fiducial.catalogue.rows import printable, require_at_least
from fiducial.catalogue.store import Catalogue
from fiducial.catalogue.writing import Batch, chunks
from fiducial.formats.point_product import MANIFEST
from fiducial.runs.catalogue_arrivals import ADDED
from fiducial.runs.catalogue_content import ChangingError, Content, is_unchanged, read_content
from fiducial.runs.catalogue_facts import Facts, igs_name
from fiducial.runs.catalogue_insar import recognise_product
from fiducial.runs.catalogue_recognise import Found, recognise, records
from fiducial.runs.catalogue_walk import Passed, Unit, walk

BATCH_UNITS: Final = 200
THREADS: Final = 4


@dataclass(slots=True)
class AddReport:
    """What was added.

    Attributes
    ----------
    formats : Counter
        Files looked at, by format.
    added, known, replaced, unchanged : int
        Contents that are new; that were known, at a new path; paths whose content changed; paths that were skipped
        because size and time of change are those of the last time.
    products, entities, edges : int
        Recorded with these files, each once; they may have been known.
    passed : list of (path, reason)
        Not added.
    notes : list of (path, note)
        Added, but odd or not recognised.
    """

    catalogue: str
    formats: Counter[str] = field(default_factory=Counter)
    added: int = 0
    known: int = 0
    replaced: int = 0
    unchanged: int = 0
    size: int = 0
    products: int = 0
    entities: int = 0
    edges: int = 0
    seconds: float = 0.0
    passed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    findings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "catalogue": self.catalogue, "formats": dict(sorted(self.formats.items())), "added": self.added,
            "known": self.known, "replaced": self.replaced, "unchanged": self.unchanged, "bytes": self.size,
            "products": self.products, "entities": self.entities, "edges": self.edges,
            "seconds": round(self.seconds, 3),
            "passed": [{"path": printable(path), "reason": reason} for path, reason in self.passed],
            "notes": [{"path": printable(path), "note": note} for path, note in self.notes],
            "findings": list(self.findings),
        }  # fmt: skip


def add_paths(
    catalogue: Catalogue,
    paths: Sequence[str | os.PathLike[str]],
    *,
    rehash: bool = False,
    arriving: bool = False,
    threads: int = THREADS,
    advance: Callable[[float], None] | None = None,
) -> AddReport:
    """Add files, and all files below folders.

    Parameters
    ----------
    catalogue : Catalogue
    paths : sequence of path
    rehash : bool
        Read also what has the size and time of change of the last time.
    arriving : bool
        The files came just now: what is new gets the time of adding as its arrival, for products that state no issue time.
    threads : int
    advance : callable, optional
        Told the bytes just done.

    Raises
    ------
    CatalogueError
        FID-4005 for less than one thread, FID-4010 for a path that does not exist; those of the store.

    Notes
    -----
    After every batch its files are in the database for good. A second call skips them, so that one that was killed goes
    on where it stopped.
    """
    require_at_least(1, threads, "--threads")
    began = time.monotonic()
    report = AddReport(catalogue.where, findings=catalogue.findings)
    units = walk(paths, catalogue.where if catalogue.where.startswith(os.sep) else None)
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(units, report):
            wanted = batch if rehash else _changed(catalogue, batch, report, advance)
            found = [one for one in pool.map(lambda unit: _look(unit, advance), wanted) if _kept(one, report)]
            _store(catalogue, [one for one in found if isinstance(one, Found)], report, arriving=arriving)
    report.seconds = time.monotonic() - began
    return report


def total_bytes(paths: Sequence[str | os.PathLike[str]]) -> int:
    """Return the bytes below the paths, for a bar of progress."""
    return sum(unit.size for unit in walk(paths) if isinstance(unit, Unit))


def _batches(units: Iterator[Unit | Passed], report: AddReport) -> Iterator[list[Unit]]:
    while piece := list(islice(units, BATCH_UNITS)):
        report.passed += [(one.path, one.reason) for one in piece if isinstance(one, Passed)]
        yield [one for one in piece if isinstance(one, Unit)]


def _changed(
    catalogue: Catalogue, batch: Sequence[Unit], report: AddReport, advance: Callable[[float], None] | None
) -> list[Unit]:
    """Return the units of which some path is new or looks changed."""
    paths = [path for unit in batch for path in unit.paths]
    known = {one.path: (one.size, one.mtime_ns) for one in catalogue.locations(paths=paths)}
    wanted = []
    for unit in batch:
        if all(known.get(path) == _state(path) for path in unit.paths):
            report.unchanged += len(unit.paths)
            if advance is not None:
                advance(unit.size)
        else:
            wanted.append(unit)
    return wanted


def _state(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return (-1, -1)
    return status.st_size, status.st_mtime_ns


def _look(unit: Unit, advance: Callable[[float], None] | None) -> Found | Passed:
    path = unit.paths[0] if unit.paths else unit.folder
    try:
        contents = []
        for path in unit.paths:
            contents.append(read_content(path, keep=not unit.folder))
            if advance is not None:
                advance(contents[-1].size)
        found = Found(contents, _facts(unit, contents), unit.folder)
    except ChangingError:
        return Passed(path, "the file changed while it was read, three times in a row")
    except (OSError, ValueError) as error:
        return Passed(path, getattr(error, "strerror", None) or str(error))
    if not all(is_unchanged(one) for one in contents):
        return Passed(path, "the file changed while it was looked at")
    return found


def _facts(unit: Unit, contents: Sequence[Content]) -> Facts:
    if not unit.folder:
        return recognise(contents[0])
    manifest = Path(unit.folder, MANIFEST)
    return recognise_product(manifest.read_bytes())


def _kept(found: Found | Passed, report: AddReport) -> bool:
    if isinstance(found, Passed):
        report.passed.append((found.path, found.reason))
        return False
    report.formats[found.format] += len(found.contents)
    report.size += sum(one.size for one in found.contents)
    if found.facts is not None and found.facts.note:
        report.notes.append((found.folder or found.contents[0].path, found.facts.note))
    return True


def _store(catalogue: Catalogue, found: Sequence[Found], report: AddReport, *, arriving: bool) -> None:
    if not found:
        return
    contents = [content for one in found for content in one.contents]
    before = {one.path: one.sha256 for one in catalogue.locations(paths=[one.path for one in contents])}
    ids = sorted({f"sha256:{one.sha256}" for one in contents})
    known = {one.sha256: one for part in chunks(ids) for one in catalogue.files(id=part)}
    # Where a content has several names at once, the one that tells most comes last and stays.
    told = sorted(found, key=lambda one: igs_name(one.contents[0].name) is not None)
    batch = records([_bare(one) if _says_less(one, known, before) else one for one in told])
    catalogue.add(_stamped(batch, known, arriving=arriving))
    fresh = {one.sha256 for one in contents} - known.keys()
    again = sum(one.path not in before and one.sha256 in known for one in contents)
    report.added += len(fresh)
    report.known += again + sum(one.path not in before for one in contents if one.sha256 in fresh) - len(fresh)
    report.replaced += sum(before.get(one.path, one.sha256) != one.sha256 for one in contents)
    report.products += len({one.id for one in batch.products})
    report.entities += len({one.id for one in batch.entities})
    report.edges += len(set(batch.edges))


def _stamped(batch: Batch, known: Mapping[str, FileRecord], *, arriving: bool) -> Batch:
    """Say of contents that come just now when they did, and keep what was said of those that are known."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    stamped = []
    for file in batch.files:
        before = known.get(file.sha256)
        if before is None or file.attributes:
            when = (now if arriving else None) if before is None else before.attributes.get(ADDED)
            file = replace(file, attributes={**file.attributes, **({ADDED: when} if when else {})})  # noqa: PLW2901
        stamped.append(file)
    return replace(batch, files=tuple(stamped))


def _says_less(found: Found, known: Mapping[str, FileRecord], before: Mapping[str, str]) -> bool:
    """Whether a known content turns up at a path whose name tells nothing more."""
    content = found.contents[0]
    record = known.get(content.sha256)
    if found.folder or record is None or before.get(content.path) == content.sha256:
        return False
    return record.format == found.format and igs_name(content.name) is None


def _bare(found: Found) -> Found:
    """Return a file of which only the path is recorded."""
    return replace(found, facts=None)

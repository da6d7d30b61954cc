"""Runs of tasks as the catalogue records them."""

from __future__ import annotations

import hashlib
import platform
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fiducial import __version__
from fiducial.catalogue.records import (
    AgentRecord,
    EdgeRecord,
    FileRecord,
    ProductRecord,
    Relation,
    RequirementResult,
    RunRecord,
    RunState,
)
from fiducial.formats.point_product import POINTS
from fiducial.runs.engine_content import Contents, files_in
from fiducial.runs.engine_model import MadeProduct, RunStore, Task
from fiducial.runs.engine_record import STEP_FILE, StepRecord
from fiducial.runs.engine_task import Executed

SOFTWARE: Final = AgentRecord(f"agent:fiducial-{__version__}", "software", "fiducial", __version__)
_FORMATS: Final = {
    ".sp3": "SP3", ".clk": "CLK", ".erp": "ERP", ".snx": "SINEX", ".tms": "TMS", ".tenv": "tenv", ".tenv3": "tenv3",
    ".csv": "CSV", ".json": "JSON", ".html": "HTML", ".parquet": "Parquet", ".npz": "NumPy", ".tif": "GeoTIFF", ".tiff": "GeoTIFF",
    ".zip": "ZIP", ".fvm": "velocity model", ".sum": "text", ".txt": "text", ".png": "PNG", ".yml": "YAML",
}  # fmt: skip
_COMPRESSIONS: Final = frozenset({".gz", ".z", ".bz2", ".xz"})


def new_run(task: Task, record: StepRecord, recipe: str) -> RunRecord:
    """Return the record of a run that begins now."""
    return RunRecord(
        id=f"run:{record.step}-{record.key[:12]}-{secrets.token_hex(4)}",
        recipe=recipe,
        step=record.step,
        step_version=record.version,
        parameters=task.parameters.model_dump(mode="json"),
        key=record.key,
        software=f"fiducial {__version__}",
        machine=f"{platform.node()}, {platform.machine()}, {platform.system()} {platform.release()}",
        started=datetime.now(UTC),
        ended=None,
        state=RunState.RUNNING,
    )


def to_plain(run: RunRecord) -> dict[str, Any]:
    """Return a run as plain values, for the note of a lock."""
    return asdict(run) | {"started": run.started.isoformat(), "ended": None, "state": run.state.value}


def from_plain(found: Mapping[str, Any]) -> RunRecord:
    """Return the run of a note; ValueError, KeyError or TypeError when it is none."""
    values = dict(found)
    values["started"] = datetime.fromisoformat(values["started"])
    values["state"] = RunState(values["state"])
    values["requirements"] = tuple(RequirementResult(**one) for one in values["requirements"])
    values["shortcomings"] = tuple(values["shortcomings"])
    return RunRecord(**values)


def record_loss(store: RunStore, note: Mapping[str, Any] | None) -> None:
    """Mark the run that a killed process left in the note of its lock."""
    if note is None or not isinstance(note.get("about"), dict):
        return
    try:
        run = from_plain(note["about"])
    except (ValueError, KeyError, TypeError):
        return
    if run.id in {one.id for one in store.runs(key=run.key, state=RunState.DONE)}:
        return
    store.finish_run(replace(run, state=RunState.LOST, ended=datetime.now(UTC)), (), (), ())


def record_failure(store: RunStore, run: RunRecord, why: str) -> None:
    """Record a run that ended with an error."""
    store.finish_run(
        replace(run, state=RunState.FAILED, ended=datetime.now(UTC), shortcomings=(why,)), (), (), ()
    )  # fmt: skip


def record_success(
    store: RunStore, run: RunRecord, inputs: Mapping[str, tuple[Path, ...]], record: StepRecord, done: Executed,
    place: Path, contents: Contents,
) -> RunRecord:  # fmt: skip
    """Record a finished run with everything it used and made, and its products."""
    ended = datetime.now(UTC)
    books = _Books(store, contents)
    for slot, paths in inputs.items():
        for path in paths:
            if path in done.outcome.unused:
                continue
            used = books.folder(path) if path.is_dir() else books.file(path)
            books.used[slot, used] = EdgeRecord(Relation.USED, run.id, used, slot)
    finished = replace(
        run, ended=ended, state=RunState.DONE, requirements=done.requirements, shortcomings=done.shortcomings,
        timing={"run_s": done.seconds, "total_s": (ended - run.started).total_seconds(), "peak_mb": done.peak_mb},
    )  # fmt: skip
    slots = {place / one.path: one.slots for one in record.outputs}
    members: set[Path] = set()
    for product in done.outcome.products:
        paths = tuple(file for path in sorted(place.glob(product.pattern)) for file in files_in(path))
        if paths:
            made = books.product(product, paths, finished)
            role = next((slots[path][0] for path in paths if slots.get(path)), "")
            books.generated[role, made] = EdgeRecord(Relation.GENERATED, made, run.id, role)
            members |= set(paths)
    for one in record.outputs:
        path = place / one.path
        books.file(path)
        if path not in members:
            for slot in one.slots or ("",):
                edge = EdgeRecord(Relation.GENERATED, f"sha256:{one.sha256}", run.id, slot)
                books.generated[slot, one.sha256] = edge
    files = tuple(books.files.values())
    if books.products:
        from fiducial.catalogue.store import Batch

        store.add(Batch(files=files, products=tuple(books.products.values())))
    store.finish_run(finished, tuple(books.used.values()), tuple(books.generated.values()), files)
    return finished


@dataclass(slots=True)
class _Books:
    """Files, products and edges of a run; what belongs together is used and made as one product."""

    store: RunStore
    contents: Contents
    files: dict[str, FileRecord] = field(default_factory=dict)
    products: dict[str, ProductRecord] = field(default_factory=dict)
    used: dict[tuple[str, str], EdgeRecord] = field(default_factory=dict)
    generated: dict[tuple[str, str], EdgeRecord] = field(default_factory=dict)

    def file(self, path: Path) -> str:
        found = self.contents.of(path)
        before = self.files[found.sha256].paths if found.sha256 in self.files else ()
        paths = tuple(dict.fromkeys((*before, str(path.absolute()))))
        self.files[found.sha256] = FileRecord(found.sha256, found.size, format_of(path), path.name, paths)
        return f"sha256:{found.sha256}"

    def folder(self, path: Path) -> str:
        """Return the product that a folder is; made by a step of ours it is known already."""
        paths = tuple(file for file in files_in(path) if file.name != STEP_FILE)
        identity = self._identity(paths)
        if not self.store.products(id=identity):
            self._keep(MadeProduct(path.name, ""), identity, paths, None, {})
        return identity

    def product(self, made: MadeProduct, paths: tuple[Path, ...], run: RunRecord) -> str:
        identity = self._identity(paths)
        attributes = {"run": run.id, "shortcomings": list(run.shortcomings)}
        self._keep(made, identity, paths, run.ended, attributes)
        return identity

    def _identity(self, paths: tuple[Path, ...]) -> str:
        # The same files are the same issue, wherever and however often they are made.
        hashes = sorted({self.file(path) for path in paths})
        return f"product:{hashlib.sha256(' '.join(hashes).encode()).hexdigest()[:32]}"

    def _keep(
        self, made: MadeProduct, identity: str, paths: tuple[Path, ...], issued: datetime | None,
        attributes: dict[str, Any],
    ) -> None:  # fmt: skip
        self.products[identity] = ProductRecord(
            id=identity, name=made.name, egv_product=made.egv_product, level=made.level, tier=made.tier,
            frame=made.frame, start=made.start, end=made.end, issued=issued,
            files=tuple(sorted({self.file(path) for path in paths})), attributes=attributes,
        )  # fmt: skip


def format_of(path: Path) -> str:
    """Return the short name of a format by the ending of a file name.

    Examples
    --------
    >>> format_of(Path("COD0OPSFIN_20242630000_01D_05M_ORB.SP3.gz")), format_of(Path("c.0.0"))
    ('SP3', 'unknown')
    """
    ending = path.suffix.lower()
    if ending in _COMPRESSIONS:
        ending = Path(path.stem).suffix.lower()
    if path.name == POINTS:
        return "GeoParquet"
    if "zarr" in path.name or any(part.endswith(".zarr") for part in path.parts):
        return "Zarr"
    return _FORMATS.get(ending, "unknown")

"""Runs of tasks as the catalogue records them."""

from __future__ import annotations

import hashlib
import platform
import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
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
from fiducial.runs.engine_content import Contents, files_in
from fiducial.runs.engine_model import MadeProduct, RunStore, Task
from fiducial.runs.engine_record import STEP_FILE, StepRecord
from fiducial.runs.engine_task import Executed

SOFTWARE: Final = AgentRecord(f"agent:fiducial-{__version__}", "software", "fiducial", __version__)
_FORMATS: Final = {
    ".sp3": "SP3", ".clk": "CLK", ".erp": "ERP", ".snx": "SINEX", ".tms": "TMS", ".tenv": "tenv", ".tenv3": "tenv3",
    ".csv": "CSV", ".json": "JSON", ".html": "HTML", ".parquet": "GeoParquet", ".tif": "GeoTIFF", ".tiff": "GeoTIFF",
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
    files: dict[str, FileRecord] = {}
    used: dict[tuple[str, str], EdgeRecord] = {}
    for slot, paths in inputs.items():
        for path in paths:
            for file in files_in(path):
                if file.name == STEP_FILE:
                    continue
                found = contents.of(file)
                _add(files, found.sha256, found.size, file)
                used[slot, found.sha256] = EdgeRecord(Relation.USED, run.id, f"sha256:{found.sha256}", slot)
    generated: dict[tuple[str, str], EdgeRecord] = {}
    for one in record.outputs:
        _add(files, one.sha256, one.size, place / one.path)
        for slot in one.slots or ("",):
            generated[slot, one.sha256] = EdgeRecord(Relation.GENERATED, f"sha256:{one.sha256}", run.id, slot)
    finished = replace(
        run, ended=ended, state=RunState.DONE, requirements=done.requirements, shortcomings=done.shortcomings,
        timing={"run_s": done.seconds, "total_s": (ended - run.started).total_seconds(), "peak_mb": done.peak_mb},
    )  # fmt: skip
    store.finish_run(finished, tuple(used.values()), tuple(generated.values()), tuple(files.values()))
    for product in done.outcome.products:
        _add_product(store, finished, product, record, place)
    return finished


def _add(files: dict[str, FileRecord], sha256: str, size: int, path: Path) -> None:
    paths = (*files[sha256].paths, str(path.absolute())) if sha256 in files else (str(path.absolute()),)
    files[sha256] = FileRecord(sha256, size, format_of(path), path.name, tuple(dict.fromkeys(paths)))


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
    if "zarr" in path.name or any(part.endswith(".zarr") for part in path.parts):
        return "Zarr"
    return _FORMATS.get(ending, "unknown")


def _add_product(store: RunStore, run: RunRecord, product: MadeProduct, record: StepRecord, place: Path) -> None:
    chosen = {file for path in place.glob(product.pattern) for file in files_in(path)}
    hashes = sorted({one.sha256 for one in record.outputs if place / one.path in chosen})
    if not hashes:
        return
    # The same files are the same issue, wherever and however often they are made.
    identity = hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]
    store.add_product(
        ProductRecord(
            id=f"product:{product.name}-{identity}", name=product.name, egv_product=product.egv_product,
            level=product.level, tier=product.tier, frame=product.frame, start=None, end=None, issued=run.ended,
            files=tuple(f"sha256:{one}" for one in hashes),
            attributes={"run": run.id, "shortcomings": list(run.shortcomings)},
        )
    )  # fmt: skip

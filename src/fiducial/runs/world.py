"""``fiducial simulate``: a world of which everything is known, as the files that the real one would have."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.runs.progress import progress
from fiducial.runs.world_files import WorldFile, WorldMaker
from fiducial.runs.world_options import Part, WorldOptions
from fiducial.runs.world_truth import CALIBRATION_FRAME, FRAME, TRUTH_FILE, WorldTruth, load_truth

MANIFEST: Final = "world.json"
_ONE_THREAD: Final = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
"""Sums of a matrix product depend on how many threads share it: with one, the bytes do not depend on the machine's load."""
_WATCH_S: Final = 0.3


@dataclass(frozen=True)
class SimulatedFiles:
    """A world on disk.

    Attributes
    ----------
    folder : Path
    truth : WorldTruth
    files : tuple of WorldFile
    digests : dict of str to str
        SHA-256 by path.
    sizes : dict of str to int
        Bytes by path.
    written : int
        Files that were made now; the others were there already.
    """

    folder: Path
    truth: WorldTruth
    files: tuple[WorldFile, ...]
    digests: dict[str, str]
    sizes: dict[str, int]
    written: int

    def paths(self, kind: str) -> tuple[Path, ...]:
        """Return the files of a kind, sorted; see :class:`WorldFile`."""
        return tuple(sorted(self.folder / one.path for one in self.files if one.kind == kind))

    def to_dict(self) -> dict[str, Any]:
        """Return what the manifest holds, and where; how many files were made now is no part of it."""
        return {
            "world": "fiducial simulate", "version": __version__, "options": self.truth.options.to_dict(),
            "frame": FRAME, "calibration_frame": CALIBRATION_FRAME, "truth": TRUTH_FILE,
            "files": [
                {"path": one.path, "kind": one.kind, "simulates": one.simulates, "units": one.units, "frame": one.frame,
                 "bytes": self.sizes[one.path], "sha256": self.digests[one.path]}
                for one in sorted(self.files, key=lambda one: one.path)
            ],
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Return a summary, and commands that read the world, for a terminal."""
        kinds: dict[str, list[int]] = {}
        for one in self.files:
            kinds.setdefault(one.kind, []).append(self.sizes[one.path])
        rows = [f"{len(sizes):6d}  {sum(sizes) / 1e6:9.2f} MB  {kind}" for kind, sizes in sorted(kinds.items())]
        told = f"{self.written} written, {len(self.files) - self.written} were there; {self.folder / MANIFEST}"
        return [*rows, told, "", *self._next()]

    def _next(self) -> list[str]:
        """Return commands that read the parts that are there."""
        found = []
        for orbit in self.paths("orbit")[:1]:
            day, reference = orbit.parent, self.paths("reference frame")[0]
            solutions, out = self.folder / "sinex" / day.name, self.folder / "combined-frame"
            found = [
                f"fiducial orbits combine {day} --out {self.folder / 'combined'}",
                f"fiducial frame combine {solutions}/* --reference {reference} --out {out}",
            ]
        for steps in self.paths("steps"):
            found.append(f"fiducial stations velocity {self.folder / 'stations'}/R*.tenv3 --steps {steps}")
        if self.paths("burst"):
            found.append(f"fiducial motion import {self.folder / 'insar'}/*.zip --out {self.folder / 'products'}")
        return found


def simulate_world(
    options: WorldOptions, folder: Path, *, jobs: int | None = None, only: Part | None = None
) -> SimulatedFiles:
    """Write a simulated world; one that was interrupted goes on where it was.

    Parameters
    ----------
    options : WorldOptions
        See ``world_options.world_options``.
    folder : Path
        New, empty, or of the same world.
    jobs : int, optional
        Processes; as many as there are cores by default. The bytes do not depend on it.
    only : {"insar", "stations", "centres"}, optional
        Part of the world that is written; all of it by default. The world is the same: its other parts may be added later,
        and those that its manifest names already are held as they are.

    Returns
    -------
    SimulatedFiles
        Of this call, and what the manifest named before.

    Raises
    ------
    InputError
        FID-1430 jobs below one, or no such part; FID-1431 when the folder holds another world; FID-1432 when it holds other things;
        FID-1433 when its truth is damaged; FID-1434 when a process was killed.

    Notes
    -----
    Every file is drawn from a generator of its own, seeded by the world, its kind and its number, in processes with one
    thread: neither order nor number of processes changes a bit. A file appears whole under its name, so a file that is there
    is finished; it is made again only when the manifest of a finished world has another digest for it. Processes are
    started anew: a script that calls this needs ``if __name__ == "__main__":``.
    """
    workers = (os.cpu_count() or 1) if jobs is None else jobs
    if workers < 1:
        raise InputError(
            "FID-1430", f"a world cannot be written by {workers} processes", where="--jobs", fix="give 1 or more"
        )
    maker = WorldMaker(options)
    known = _known_digests(folder)
    files = maker.files(only, known)
    _claim(folder, maker.truth)
    digests: dict[str, str] = {}
    sizes: dict[str, int] = {}
    written = 0
    with (
        progress("simulate", sum(one.weight for one in files)) as advance,
        _one_thread(),
        ProcessPoolExecutor(
            min(workers, len(files)), multiprocessing.get_context("spawn"), _start, (options, folder, os.getpid())
        ) as pool,
    ):
        futures = {pool.submit(_work, one, known.get(one.path)): one for one in files}
        try:
            for future in as_completed(futures):
                one = futures[future]
                digests[one.path], sizes[one.path], made = future.result()
                written += made
                advance(one.weight)
        except BaseException as error:
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise InputError("FID-1434", "a process that wrote files was killed", where=str(folder),
                               fix="free memory, or give fewer --jobs, and run the same command again: it goes on") from error  # fmt: skip
            raise
    found = SimulatedFiles(folder, maker.truth, files, digests, sizes, written)
    content = json.dumps(found.to_dict(), indent=1) + "\n"
    if not _holds(folder / MANIFEST, content):
        with atomic_file(folder / MANIFEST) as partial:
            partial.write_text(content, encoding="utf-8")
    return found


def _claim(folder: Path, truth: WorldTruth) -> None:
    """Take a folder for this world, or find that it is its already."""
    if (folder / TRUTH_FILE).is_file():
        there = load_truth(folder)
        if there.options != truth.options:
            theirs, ours = there.options.to_dict(), truth.options.to_dict()
            other = ", ".join(f"{name} {theirs[name]}, not {ours[name]}" for name in ours if theirs[name] != ours[name])
            raise InputError("FID-1431", f"the folder holds another world: {other}", where=str(folder),
                             fix="give a new folder, or the options of this world")  # fmt: skip
        return
    if folder.exists() and (not folder.is_dir() or any(not one.name.startswith(".") for one in folder.iterdir())):
        raise InputError("FID-1432", "the folder holds other things than a simulated world", where=str(folder),
                         fix="give a new or empty folder")  # fmt: skip
    with atomic_file(folder / TRUTH_FILE) as partial:
        partial.write_text(truth.to_json(), encoding="utf-8")


def _known_digests(folder: Path) -> dict[str, str]:
    """Return the digests of a finished world; none where its manifest is missing or cannot be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {str(one["path"]): str(one["sha256"]) for one in found["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _holds(path: Path, content: str) -> bool:
    return path.is_file() and path.read_bytes() == content.encode()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started in the meantime compute with one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_here: dict[str, Any] = {}
"""What a worker process was given; empty in the main process."""


def _start(options: WorldOptions, folder: Path, parent: int) -> None:
    _here.update(maker=WorldMaker(options), folder=folder)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End this process when its parent is gone: a killed one cannot say so."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _sha256(path: Path) -> str:
    # Of runs.ingest the same would cost half a second of imports in every process.
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _work(file: WorldFile, expected: str | None) -> tuple[str, int, bool]:
    """Make a file unless it is there; return digest, bytes, and whether it was made."""
    path = _here["folder"] / file.path
    if path.is_file():
        digest = _sha256(path)
        if expected in {None, digest}:
            return digest, path.stat().st_size, False
    _here["maker"].write(file, _here["folder"])
    return _sha256(path), path.stat().st_size, True

"""Runs of one recipe in processes of their own: on this machine, or on a Dask cluster that is started for it.

Nothing but the standard library: a process that is started inherits the peak of memory of the one that starts it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

INSTANT = "1735689600"
"""SOURCE_DATE_EPOCH of all runs: no file then states another time of writing."""
STAGES = {
    "import": "map: import", "station-places": "stations", "observation": "map: observations",
    "adjustment": "reduce: adjustment", "calibration": "map: products",
}  # fmt: skip
_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
_MADE = re.compile(r": made in [\d.]+ s \(\d+ of (\d+)")
_START_S = 60.0
_PRELOAD = '''\
"""Writes which workers came, when a task is given to one, and when it is done."""
from distributed.diagnostics.plugin import SchedulerPlugin


class Journal(SchedulerPlugin):
    def __init__(self, scheduler):
        self.scheduler = scheduler
        self.sink = open({path!r}, "a", buffering=1)

    def add_worker(self, scheduler, worker):
        self.sink.write(f"worker {{worker}}\\n")

    def transition(self, key, start, finish, *args, **kwargs):
        if finish == "processing":
            self.sink.write(f"task {{key}} {{self.scheduler.tasks[key].processing_on.name}}\\n")
        elif start == "processing":
            self.sink.write(f"done {{key}}\\n")


def dask_setup(scheduler):
    scheduler.add_plugin(Journal(scheduler), name="journal")
'''


class ScalingError(RuntimeError):
    """A run or a cluster that did not do what it should."""


def environment(threads: int = 1) -> dict[str, str]:
    """Return the environment of a process with that many tasks at once: no more threads of libraries than that."""
    return os.environ | dict.fromkeys(_THREADS, str(threads)) | {"SOURCE_DATE_EPOCH": INSTANT}


def fiducial(*words: object) -> list[str]:
    """Return the command line of a ``fiducial`` of this environment."""
    return [sys.executable, "-c", "from fiducial.cli.main import main; main()", *map(str, words)]


def simulate(folder: Path, *, bursts: int, points: int, epochs: int, stations: int, jobs: int | None = None) -> float:
    """Write the InSAR and GNSS of a simulated world, or what of it is missing; return seconds."""
    words = fiducial("simulate", folder, "--size", "country", "--only", "insar", "--bursts", bursts, "--points", points,
                     "--epochs", epochs, "--stations", stations, *(() if jobs is None else ("--jobs", jobs)))  # fmt: skip
    start = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def write_recipe(path: Path, world: Path, out: Path, recipe: str) -> Path:
    """Write the recipe of a calibration of all bursts of a world."""
    path.write_text(
        f"""\
kind: calibration
out: {out}
calibration:
  sources: ["{world}/insar/*.zip"]
  gnss_table: {world}/stations/velocities.ETRF2000.csv
  options:
    recipe: {recipe}
    gnss_frame: ETRF2000
""",
        encoding="utf-8",
    )
    return path


@dataclass
class Cluster:
    """A Dask scheduler and its workers on this machine.

    Attributes
    ----------
    address : str
    workers : dict of str to Popen
        By name, without a nanny: one that is killed stays away, as a machine that is lost.
    journal : Path
    """

    address: str
    workers: dict[str, subprocess.Popen[bytes]]
    journal: Path

    def kill_one(self) -> None:
        """Kill a worker that has a task in hand, as a lost machine would go."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            busy: dict[str, str] = {}
            for word, key, *worker in self._tasks():
                busy.pop(key, None)
                busy |= {key: worker[0]} if word == "task" else {}
            if busy:
                process = self.workers[next(iter(busy.values()))]
                process.kill()
                process.wait()
                return
            time.sleep(0.002)
        raise ScalingError("no worker had a task")

    def started_again(self) -> int:
        """Return how many times a task was given to a worker once more."""
        given = Counter(key for word, key, *_ in self._tasks() if word == "task")
        return sum(count - 1 for count in given.values())

    def _tasks(self) -> list[list[str]]:
        lines = self.journal.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        return [one.split() for one in lines if one.startswith(("task ", "done "))]


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Start a scheduler and worker processes of one thread each; end them, and only them."""
    folder.mkdir(parents=True)
    journal, preload, contact = folder / "journal.txt", folder / "journal_plugin.py", folder / "scheduler.json"
    journal.touch()
    preload.write_text(_PRELOAD.format(path=str(journal)), encoding="utf-8")
    dask = [sys.executable, "-m", "dask"]
    common = ["--host", "127.0.0.1", "--scheduler-file", str(contact), "--no-dashboard"]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log.txt").open("wb"))

        def start(*words: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([*dask, *words, *common], stdout=log, stderr=log, env=environment(), cwd=folder)
            stack.callback(_end, process)
            return process

        start("scheduler", "--port", "0", "--preload", str(preload))
        _wait(contact.exists, folder, "the scheduler did not start")
        worker = ("worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(folder), "--name")
        found = {name: start(*worker, name) for name in (f"w{number}" for number in range(workers))}
        _wait(lambda: journal.read_text().count("worker ") == workers, folder, "the workers did not start")
        yield Cluster(_address(contact), found, journal)


def _address(contact: Path) -> str:
    return str(json.loads(contact.read_text(encoding="utf-8"))["address"])


def _wait(ready: object, folder: Path, problem: str) -> None:
    deadline = time.monotonic() + _START_S
    while not ready():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise ScalingError(f"{problem}: see {folder / 'log.txt'}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10.0)
        return
    process.kill()
    process.wait()


@dataclass(frozen=True)
class Run:
    """What a run of a recipe took and made.

    Attributes
    ----------
    seconds : float
        From start to end of the process, with the start of Python and of the run, not of the cluster.
    workers : int
    tasks : list of dict
        As ``fiducial run --json`` prints them.
    hashes : dict of str to str
        SHA-256 of every output, as ``step.json`` states them.
    bytes_made : dict of str to int
        On disk by step; a file that is linked to one of an earlier step is not counted again.
    started_again : int or None
        Times that a task was given to a second worker; None without a cluster.
    """

    seconds: float
    workers: int
    tasks: list[dict[str, object]] = field(repr=False)
    hashes: dict[str, str] = field(repr=False)
    bytes_made: dict[str, int]
    started_again: int | None = None

    @property
    def digest(self) -> str:
        """One hash of all."""
        return sha256(json.dumps(self.hashes, sort_keys=True).encode()).hexdigest()

    def stages(self) -> dict[str, dict[str, float]]:
        """Return tasks, their seconds together, and the highest peak of memory of a worker until then, by step."""
        found: dict[str, dict[str, float]] = {}
        for one in self.tasks:
            stage = found.setdefault(str(one["step"]), {"tasks": 0, "seconds": 0.0, "peak_memory_mb": 0.0})
            stage["tasks"] += 1
            stage["seconds"] += float(one["seconds"])  # type: ignore[arg-type]
            stage["peak_memory_mb"] = max(stage["peak_memory_mb"], float(one["peak_memory_mb"]))  # type: ignore[arg-type]
        return found


def run(folder: Path, world: Path, recipe: str, *, workers: int, dask: bool, kill_at: float | None = None) -> Run:
    """Calibrate a world in a new folder with a new catalogue.

    Parameters
    ----------
    folder : Path
        Is made.
    world : Path
    recipe : str
        Of the adjustment.
    workers : int
        Threads of the process, or worker processes of a Dask cluster.
    dask : bool
    kill_at : float, optional
        Share of the tasks that are done when one of the workers is killed.

    Raises
    ------
    ScalingError
        When the run fails.
    """
    folder.mkdir(parents=True)
    path = write_recipe(folder / "recipe.yaml", world, folder / "out", recipe)
    words = fiducial("run", path, "--catalogue", folder / "catalogue.sqlite", "--json")
    if not dask:
        return _run(folder, [*words, "--workers", str(workers)], workers, None, None)
    with cluster(folder / "cluster", workers) as found:
        return _run(folder, [*words, "--scheduler", found.address], workers, found, kill_at)


def _run(folder: Path, words: list[str], workers: int, dask: Cluster | None, kill_at: float | None) -> Run:
    start = time.perf_counter()
    with (
        (folder / "result.json").open("wb") as result,
        (folder / "progress.txt").open("w") as progress,
        subprocess.Popen(
            words, stdout=result, stderr=subprocess.PIPE, text=True, env=environment(1 if dask else workers)
        ) as process,
    ):
        assert process.stderr is not None
        done = 0
        for line in process.stderr:
            progress.write(f"{time.perf_counter() - start:.3f} {line}")
            if made := _MADE.search(line):
                done += 1
                if dask is not None and kill_at is not None and done >= kill_at * int(made[1]):
                    dask.kill_one()
                    kill_at = None
    code = process.returncode
    seconds = time.perf_counter() - start
    if code:
        raise ScalingError(f"the run ended with {code}: see {folder / 'progress.txt'}")
    tasks = json.loads((folder / "result.json").read_text(encoding="utf-8"))["tasks"]
    again = None if dask is None else dask.started_again()
    hashes, made_bytes = made_in(folder / "out", tasks)
    return Run(seconds, workers, tasks, hashes, made_bytes, again)


def made_in(out: Path, tasks: list[dict[str, object]]) -> tuple[dict[str, str], dict[str, int]]:
    """Return hashes of all outputs, and bytes on disk by step."""
    hashes: dict[str, str] = {}
    sizes: dict[str, int] = defaultdict(int)
    seen: set[int] = set()
    for task in tasks:
        place = out / str(task["task"])
        for one in json.loads((place / "step.json").read_text(encoding="utf-8"))["outputs"]:
            hashes[f"{task['task']}/{one['path']}"] = one["sha256"]
            status = (place / one["path"]).stat()
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                sizes[str(task["step"])] += status.st_size
    return hashes, dict(sizes)

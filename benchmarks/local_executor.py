"""Import of simulated bursts by the engine: one or two threads, one or two processes."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from engine_worlds import MemoryStore
from fiducial.runs.egms_from_simulation import write_world
from fiducial.runs.engine import Engine
from fiducial.runs.engine_executor import executor
from fiducial.runs.recipes.loading import load
from fiducial.runs.simulation import WorldSize, simulate_world

RECIPE = "kind: calibration\ncalibration:\n  sources: ['egms/*.zip']\n  gnss_table: egms/gnss_velocities.csv\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as name:
        folder = Path(name)
        write_world(simulate_world(1, WorldSize(points_per_burst=given.points)), folder / "egms")
        (folder / "recipe.yaml").write_text(RECIPE)
        tasks = [task for task in load(folder / "recipe.yaml").tasks() if task.step.name == "import"]
        found = {}
        for number in range(given.repeat + 1):
            for kind, workers in (("threads", 1), ("threads", 2), ("processes", 1), ("processes", 2)):
                out = folder / f"{kind}-{workers}-{number}"
                started = time.perf_counter()
                with executor("local", workers, kind=kind) as (pool, count):
                    Engine(out, MemoryStore()).run(tasks, pool, count)
                seconds = time.perf_counter() - started
                if number:  # the first round compiles
                    found[f"{workers} {kind}"] = round(min(seconds, found.get(f"{workers} {kind}", seconds)), 2)
        print(json.dumps({"bursts": len(tasks), "points_per_burst": given.points, "seconds": found}))


if __name__ == "__main__":
    main()

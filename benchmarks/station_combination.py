"""Combination of ten simulated centres of 500 stations with full covariance: time and memory of the combination alone.

Each round is a process of its own; making the centres is not counted in the time, their matrices are in the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
PROGRAM = """
import json, resource, sys, time
import numpy as np
sys.path.insert(0, sys.argv[1])
from sinex_factory import Centre, as_centre, network, simulated
from fiducial.stations.combination import combine_stations
stations, centres = int(sys.argv[2]), int(sys.argv[3])
whole, rng = network(stations, seed=1), np.random.default_rng(1)
solutions = []
for k in range(centres):
    helmert = np.array([*rng.normal(0.0, 2e-3, 3), *rng.normal(0.0, 2e-10, 4)])
    centre = Centre(f"C{k}", whole, factor=float(10.0 ** rng.uniform(-4.0, 2.0)), helmert=helmert)
    solutions.append(as_centre(centre.name, simulated(centre, k)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
start, cpu = time.perf_counter(), time.process_time()
found = combine_stations(solutions, whole.coordinates(), whole.sites()[:60])
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
assert found.converged
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
print(json.dumps({"seconds": seconds, "cpu": cpu, "megabytes": megabytes, "megabytes_before": before}))
"""


def measure(rounds: int = 3, stations: int = 500, centres: int = 10) -> dict[str, object]:
    found = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(TESTS), str(stations), str(centres)], check=True, capture_output=True,
            text=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    seconds = [one["seconds"] for one in found]
    return {
        "stations": stations,
        "centres": centres,
        "rounds": rounds,
        "median_s": round(statistics.median(seconds), 2),
        "smallest_s": round(min(seconds), 2),
        "largest_s": round(max(seconds), 2),
        "processor_median_s": round(statistics.median(one["cpu"] for one in found), 2),
        "peak_megabytes": round(max(one["megabytes"] for one in found)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stations", type=int, default=500)
    parser.add_argument("--centres", type=int, default=10)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.stations, arguments.centres), indent=1))


if __name__ == "__main__":
    main()

"""The whole command on the real final day: ten centres combined, two compared, SP3, CLK and reports written.

Each round is a process of its own: start of Python, reading, combination of orbits and clocks at 5 min, writing, page.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import report

DATA = Path(os.environ.get("FIDUCIAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
DAY = DATA / "orbits/2024-263-final"
PROGRAM = """
import json, resource, sys, time
start = time.perf_counter()
from fiducial.cli.app import app
sys.stdout = open("/dev/null", "w")
try:
    app(["orbits", "combine", sys.argv[1], "--compare-only", "IGF,IGL", "--out", sys.argv[2]])
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0), file=sys.stderr)
"""


def measure(rounds: int = 5) -> dict[str, object]:
    import time

    seconds, megabytes = [], []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, str(DAY), folder], check=True, capture_output=True, text=True,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
            seconds.append(time.perf_counter() - start)
            megabytes.append(float(json.loads(done.stderr.splitlines()[-1])))
    # The first round fills the disk cache and is left out.
    return {
        "rounds": rounds,
        "median_s": round(statistics.median(seconds[1:]), 2),
        "smallest_s": round(min(seconds[1:]), 2),
        "largest_s": round(max(seconds[1:]), 2),
        "peak_megabytes": round(max(megabytes), 0),
    }


if __name__ == "__main__":
    report(measure, __doc__)

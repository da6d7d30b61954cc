"""Reading a day of 30-second clocks (216 000 records, 17 MB) beside gnssanalysis.

The file is written by Fiducial in version 3.00 with sigmas, which is the layout that gnssanalysis knows. Both read it in
processes of their own, in turns; only the reading is timed, in each process once to warm up and then three times.
The peer is the Python of FIDUCIAL_PEERS (default /tmp/peers/bin/python); without it its line says so.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from common import report
from fiducial.formats import clk
from fiducial.orbits.orbit import Clocks

PEERS = os.environ.get("FIDUCIAL_PEERS", "/tmp/peers/bin/python")  # noqa: S108
EPOCHS, SATELLITES = 2880, 75
TIMED = """
import json, statistics, sys, time
{import_line}
def read():
    start = time.perf_counter()
    found = {call}
    return time.perf_counter() - start, {rows}
read()
print(json.dumps([statistics.median(read()[0] for _ in range(3)), read()[1]]))
"""
OURS = TIMED.format(
    import_line="from fiducial.formats import clk",
    call="clk.read(sys.argv[1])",
    rows="int((found.clocks.bias_s == found.clocks.bias_s).sum())",
)
PEER = TIMED.format(
    import_line="from gnssanalysis.gn_io.clk import read_clk",
    call="read_clk(sys.argv[1])",
    rows="len(found)",
)


def simulated_clocks() -> Clocks:
    """Return a day of clocks of three constellations: offset, drift and random walk, sigmas of some picoseconds."""
    rng = np.random.default_rng(20240919)
    names = [f"G{number:02d}" for number in range(1, 33)] + [f"R{number:02d}" for number in range(1, 20)]
    names += [f"E{number:02d}" for number in range(1, SATELLITES - len(names) + 1)]
    seconds = np.arange(EPOCHS) * 30.0
    walk = np.cumsum(rng.normal(0.0, 5e-12, (EPOCHS, SATELLITES)), axis=0)
    bias = rng.normal(0.0, 2e-4, SATELLITES) + seconds[:, None] * rng.normal(0.0, 1e-12, SATELLITES) + walk
    sigma = rng.uniform(5e-12, 5e-11, (EPOCHS, SATELLITES))
    epochs = np.datetime64("2024-09-19", "ns") + (seconds * 1e9).astype("timedelta64[ns]")
    return Clocks(epochs, tuple(names), bias, sigma)


def timed(python: str, program: str, path: Path) -> tuple[float, int]:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run([python, "-c", program, str(path)], check=True, capture_output=True, env=environment)
    seconds, rows = json.loads(found.stdout.splitlines()[-1])
    return float(seconds), int(rows)


def measure(rounds: int = 5) -> dict[str, object]:
    contenders = {"fiducial": (sys.executable, OURS)}
    if Path(PEERS).exists():
        contenders["gnssanalysis"] = (PEERS, PEER)
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as name:
        path = Path(name) / "IGS0OPSFIN_20242630000_01D_30S_CLK.CLK"
        clocks = simulated_clocks()
        start = time.perf_counter()
        clk.write(clocks, path, version="3.00")
        writing = time.perf_counter() - start
        found: dict[str, list[tuple[float, int]]] = {contender: [] for contender in contenders}
        for _ in range(rounds):
            for contender, (python, program) in contenders.items():
                found[contender].append(timed(python, program, path))
        megabytes = path.stat().st_size / 1e6
    result: dict[str, object] = {
        "megabytes": round(megabytes, 1),
        "records": found["fiducial"][0][1],
        "write_s": round(writing, 3),
    }
    medians = {contender: statistics.median(seconds for seconds, _ in runs) for contender, runs in found.items()}
    result["fiducial_read_s"] = round(medians["fiducial"], 3)
    if "gnssanalysis" in medians:
        result["gnssanalysis_records"] = found["gnssanalysis"][0][1]
        result["gnssanalysis_read_s"] = round(medians["gnssanalysis"], 3)
        result["speed_over_gnssanalysis"] = round(medians["gnssanalysis"] / medians["fiducial"], 2)
    else:
        result["gnssanalysis_read_s"] = f"not measured: no {PEERS} (set FIDUCIAL_PEERS)"
    return result


if __name__ == "__main__":
    report(measure, __doc__)

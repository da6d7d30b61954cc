"""Reading an SP3 file of 23 409 records (CODE, 2024-09-19) beside georinex, gnss_lib_py and geodezyx.

Each reader runs in a process of its own, in turns; only the reading is timed, once to warm up and then five times. The
peers are those of `requirements/peers.lock` in the Python of FIDUCIAL_PEERS (default /tmp/peers/bin/python); without it
their lines say so.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from common import report

PEERS = os.environ.get("FIDUCIAL_PEERS", "/tmp/peers/bin/python")  # noqa: S108
DATA = Path(os.environ.get("FIDUCIAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
FILE = DATA / "orbits/2024-263-final/sp3/COD0OPSFIN_20242630000_01D_05M_ORB.SP3"
TIMED = """
import json, statistics, sys, time, warnings
warnings.simplefilter("ignore")
{import_line}
def read():
    start = time.perf_counter()
    found = {call}
    return time.perf_counter() - start
read()
print(json.dumps(statistics.median(read() for _ in range(5))))
"""
READERS = {
    "fiducial": ("from fiducial.formats import sp3", "sp3.read(sys.argv[1])"),
    "georinex": ("import georinex, pathlib", "georinex.load_sp3(pathlib.Path(sys.argv[1]), outfn=None)"),
    "gnss_lib_py": ("from gnss_lib_py import Sp3", "Sp3(sys.argv[1])"),
    "geodezyx": ("from geodezyx import files_rw", "files_rw.read_sp3(sys.argv[1])"),
}


def measure(rounds: int = 5) -> dict[str, object]:
    found: dict[str, list[float]] = {}
    errors: dict[str, str] = {}
    for _ in range(rounds):
        for name, (import_line, call) in READERS.items():
            python = sys.executable if name == "fiducial" else PEERS
            if not Path(python).exists() or name in errors:
                errors.setdefault(name, f"not measured: no {python} (set FIDUCIAL_PEERS)")
                continue
            program = TIMED.format(import_line=import_line, call=call)
            environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
            done = subprocess.run(
                [python, "-c", program, str(FILE)], check=False, capture_output=True, text=True, env=environment
            )
            if done.returncode:
                errors[name] = "failed: " + done.stderr.strip().splitlines()[-1]
            else:
                found.setdefault(name, []).append(float(json.loads(done.stdout.splitlines()[-1])))
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    result: dict[str, object] = {f"{name}_s": round(value, 4) for name, value in medians.items()}
    result |= {f"{name}_s": text for name, text in errors.items()}
    others = [value for name, value in medians.items() if name != "fiducial"]
    if others:
        result["speed_over_fastest_peer"] = round(min(others) / medians["fiducial"], 2)
    return result


if __name__ == "__main__":
    report(measure, __doc__)

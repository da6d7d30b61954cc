"""Two hundred subsets of the centres of a real day, in a process of its own: reading, study, JSON and page included.

The numbers do not depend on the number of processes that share the work; the wish is 60 s on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DAY = Path(os.environ.get("FIDUCIAL_DATA", ROOT.parent / "shared" / "data")) / "orbits" / "2024-263-final"
REFERENCES = ("IGF", "IGL")


def study(folder: Path, subsets_per_count: int, workers: int) -> dict[str, object]:
    from fiducial.formats import sinex_summary, sp3
    from fiducial.orbits.combination import prepare_day
    from fiducial.orbits.options import CombinationOptions
    from fiducial.orbits.stack import common_grid, rotate_centre, stack_orbits
    from fiducial.runs.orbit_sensitivity import sensitivity
    from fiducial.runs.orbit_sensitivity_page import sensitivity_page

    begin = time.perf_counter()
    summary = sinex_summary.read(next(DAY.glob("*SUM.YML")))
    orbits = {path.name[:3]: sp3.read(path).orbit for path in sorted((DAY / "sp3").glob("*.SP3"))}
    stack = stack_orbits(orbits, common_grid(orbits))
    rotations = {name: summary.rotation_rad(name, stack.epochs_gps[0]) for name in orbits if name not in REFERENCES}
    options = CombinationOptions()
    turned = rotate_centre(stack, {name: one for name, one in rotations.items() if one is not None})
    day = prepare_day(turned, REFERENCES, options)
    read = time.perf_counter()
    result = sensitivity(day, options, REFERENCES, subsets_per_count, 1, workers)
    studied = time.perf_counter()
    (folder / "sensitivity.json").write_text(json.dumps(result.to_dict(), allow_nan=False), encoding="utf-8")
    (folder / "sensitivity.html").write_text(sensitivity_page(result).render(), encoding="utf-8")
    return {
        "subsets": len({one.centres for one in (*result.leave_one_out, *result.random)}),
        "read_s": read - begin,
        "study_s": studied - read,
        "write_s": time.perf_counter() - studied,
        "sentence": result.sentences[0],
    }


def measure(rounds: int, subsets_per_count: int, workers: int) -> dict[str, object]:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    runs, seconds = [], []
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
        command = [
            sys.executable,
            __file__,
            "--once",
            folder,
            "--subsets",
            str(subsets_per_count),
            "--workers",
            str(workers),
        ]
        for _ in range(rounds):
            start = time.perf_counter()
            found = subprocess.run(command, check=True, capture_output=True, env=environment)
            seconds.append(time.perf_counter() - start)
            runs.append(json.loads(found.stdout.splitlines()[-1]))
    times = {name: round(statistics.median(one[name] for one in runs), 2) for name in ("read_s", "study_s", "write_s")}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "subsets": runs[0]["subsets"],
        "workers": workers,
        "whole_process_s": round(statistics.median(seconds), 2),
        **times,
        "peak_megabytes_of_a_process": round(peak),
        "sentence": runs[0]["sentence"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--subsets", type=int, default=26, help="of each number of centres")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(study(arguments.once, arguments.subsets, arguments.workers)))
        return
    found = measure(arguments.rounds, arguments.subsets, arguments.workers)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()

"""Reading SINEX beside GeodePy, and the memory of a large matrix.

The estimates of 150 stations (ESA, 690 parameters) by Fiducial and GeodePy in processes of their own, in turns. Warm: only
the reading is timed, path to result, once to warm up, then the best of 25 in each process (a busy machine disturbs single
readings). Fresh: a new process from its start to the estimates, with all imports, as a script pays it; both have their
byte code in a cache, as installed packages do. GeodePy has two readers: ``sinex2dataframe_solution_estimate`` returns all
690 parameters as a table, which is the like of ours; ``read_sinex_estimate`` cuts out positions only, without any check.
Both stop at the end of the estimates; ours goes on to the end of the file, checks every line of the estimates and the
frame of all blocks, and takes the SHA-256 of the file. GeodePy reads no ``.gz``, so ours of the compressed file has no
peer. The same readers follow on 3705 stations (``igs17P49``, 22 230 parameters). The peer is the Python of
FIDUCIAL_PEERS_GEODEPY (default /tmp/geodepy-venv/bin/python); without it its line says so. The real files are those of
FIDUCIAL_DATA. The matrix of ``--parameters`` parameters is simulated, written and read by Fiducial alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEER = os.environ.get("FIDUCIAL_PEERS_GEODEPY", "/tmp/geodepy-venv/bin/python")  # noqa: S108
DATA = Path(os.environ.get("FIDUCIAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "sinex"
ESA, CUMULATIVE = DATA / "ESA0OPSFIN_20241850000_01D_01D_SOL.SNX", DATA / "igs17P49_CoordOnly.snx"
TIMED = """
import json, sys, time
{import_line}
def read():
    start = time.perf_counter()
    found = {call}
    return time.perf_counter() - start, {rows}
read()
print(json.dumps([min(read()[0] for _ in range(25)), read()[1]]))
"""
OURS = TIMED.format(
    import_line="from fiducial.formats import sinex",
    call="sinex.read(sys.argv[1])",
    rows="len(found.solution.positions().codes)",
)
ESTIMATES = TIMED.format(
    import_line="from fiducial.formats import sinex",
    call="sinex.read(sys.argv[1], blocks=['SOLUTION/ESTIMATE'])",
    rows="len(found.solution.estimate)",
)
GEODEPY_TABLE = TIMED.format(
    import_line="from geodepy.gnss import sinex2dataframe_solution_estimate as table",
    call="table(sys.argv[1])",
    rows="len(found)",
)
GEODEPY_POSITIONS = TIMED.format(
    import_line="from geodepy.gnss import read_sinex_estimate",
    call="read_sinex_estimate(sys.argv[1])",
    rows="len(found)",
)
FRESH = {
    "fiducial": "import sys\nfrom fiducial.formats import sinex\nsinex.read(sys.argv[1], blocks=['SOLUTION/ESTIMATE'])",
    "geodepy": "import sys\nfrom geodepy.gnss import read_sinex_estimate\nread_sinex_estimate(sys.argv[1])",
}


def timed(python: str, program: str, path: Path) -> tuple[float, int]:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run([python, "-c", program, str(path)], check=True, capture_output=True, env=environment)
    seconds, rows = json.loads(found.stdout.splitlines()[-1])
    return float(seconds), int(rows)


def measure_matrix(parameters: int) -> dict[str, object]:
    """Write a matrix block by hand, read it, and return time and memory."""
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
        path = Path(folder) / "matrix.snx"
        with path.open("w") as sink:
            sink.write(f"%=SNX 2.02 TST 24:189:10055 TST 24:184:00000 24:185:00000 P {parameters:05d} 2 S\n")
            sink.write("+SOLUTION/ESTIMATE\n")
            for row in range(parameters):
                kind = "STA" + "XYZ"[row % 3]
                sink.write(
                    f" {row + 1:5d} {kind}   {row // 3:04d}  A    1 24:185:43200 m    2 {row + 1e6:21.14E} 1.00000E+00\n"
                )
            sink.write("-SOLUTION/ESTIMATE\n+SOLUTION/MATRIX_ESTIMATE L COVA\n")
            element = f" {1e-3:21.14E}"
            for row in range(1, parameters + 1):
                whole = row // 3 * 3
                lines = [f" {row:5d} {start:5d}{3 * element}" for start in range(1, whole, 3)]
                rest = row - whole
                lines.append(f" {row:5d} {whole + 1:5d}{(rest - 1) * element} {1.0:21.14E}" if rest else "")
                if not rest:
                    lines[-2:] = [f" {row:5d} {whole - 2:5d}{2 * element} {1.0:21.14E}"]
                sink.write("\n".join(lines) + "\n")
            sink.write("-SOLUTION/MATRIX_ESTIMATE L COVA\n%ENDSNX\n")
        program = (
            "import resource, sys, time, json\nfrom fiducial.formats import sinex\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nstart = time.perf_counter()\n"
            "found = sinex.read(sys.argv[1], strictness='raise')\nseconds = time.perf_counter() - start\n"
            "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nprint(json.dumps([seconds, (after - before) / 1024]))"
        )
        found = subprocess.run([sys.executable, "-c", program, str(path)], check=True, capture_output=True)
        seconds, megabytes = json.loads(found.stdout.splitlines()[-1])
        return {
            "matrix_parameters": parameters,
            "matrix_file_megabytes": round(path.stat().st_size / 1e6),
            "matrix_read_s": round(seconds, 2),
            "matrix_megabytes": round(parameters**2 * 8 / 2**20),
            "memory_growth_megabytes": round(megabytes),
        }


def measure_fresh(rounds: int, contenders: dict[str, str]) -> dict[str, float]:
    """Time whole processes, byte code cached."""
    found: dict[str, list[float]] = {contender: [] for contender in contenders}
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(1 + rounds):
            for contender, python in contenders.items():
                start = time.perf_counter()
                command = [python, "-c", FRESH[contender], str(ESA)]
                subprocess.run(command, check=True, capture_output=True, env=environment)
                found[contender].append(time.perf_counter() - start)
    return {f"{contender}_fresh_s": round(statistics.median(runs[1:]), 3) for contender, runs in found.items()}


def measure_file(path: Path, rounds: int, peer: bool, prefix: str = "") -> dict[str, Any]:
    """Time the readers of one file, in turns."""
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
        packed = Path(folder) / (path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        contenders = {
            "fiducial_file": (sys.executable, OURS, path),
            "fiducial_estimates": (sys.executable, ESTIMATES, path),
            "fiducial_estimates_gz": (sys.executable, ESTIMATES, packed),
        }
        if peer:
            contenders |= {
                "geodepy_table": (PEER, GEODEPY_TABLE, path), "geodepy_positions": (PEER, GEODEPY_POSITIONS, path),
            }  # fmt: skip
        found: dict[str, list[tuple[float, int]]] = {contender: [] for contender in contenders}
        for _ in range(rounds):
            for contender, parts in contenders.items():
                found[contender].append(timed(*parts))
    medians = {contender: statistics.median(seconds for seconds, _ in runs) for contender, runs in found.items()}
    result: dict[str, Any] = {f"{prefix}{contender}_rows": runs[0][1] for contender, runs in found.items()}
    result |= {f"{prefix}{contender}_s": round(seconds, 5) for contender, seconds in medians.items()}
    for reader in ("geodepy_table", "geodepy_positions") if peer else ():
        result[f"{prefix}speed_over_{reader}"] = round(medians[reader] / medians["fiducial_estimates"], 2)
    return result


def measure(rounds: int = 5, parameters: int = 6000) -> dict[str, object]:
    if not ESA.exists():
        return {"skipped": f"no {DATA} (set FIDUCIAL_DATA)"} | measure_matrix(parameters)
    peer = Path(PEER).exists()
    result = measure_file(ESA, rounds, peer)
    result |= measure_fresh(rounds, {"fiducial": sys.executable} | ({"geodepy": PEER} if peer else {}))
    if peer:
        result["speed_over_geodepy_fresh"] = round(result["geodepy_fresh_s"] / result["fiducial_fresh_s"], 2)
    else:
        result["geodepy"] = f"not measured: no {PEER} (set FIDUCIAL_PEERS_GEODEPY)"
    return result | measure_file(CUMULATIVE, rounds, peer, "cumulative_") | measure_matrix(parameters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parameters", type=int, default=6000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds, arguments.parameters)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:44} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()

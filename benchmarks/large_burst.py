"""A simulated burst of 1.77 million points x 211 dates: imported, calibrated and summarised; time and peak memory."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common


def _stations(path: Path, csv: Path) -> None:
    """Write a GNSS table around the burst: the benchmark needs one, its numbers do not matter."""
    import polars as pl

    where = pl.scan_csv(csv).select("longitude", "latitude").collect()
    rows = []
    for i in range(5):
        for j in range(5):
            lon = where["longitude"].min() + (where["longitude"].max() - where["longitude"].min()) * i / 4
            lat = where["latitude"].min() + (where["latitude"].max() - where["latitude"].min()) * j / 4
            rows.append(f"S{i}{j},{lon:.5f},{lat:.5f},{0.1 * i:.2f},{0.1 * j:.2f},{0.05 * (i - j):.2f},0.2,0.2,0.4")
    header = "station,longitude_deg,latitude_deg,ve_mm_per_yr,vn_mm_per_yr,vu_mm_per_yr,se_mm_per_yr,sn_mm_per_yr,su_mm_per_yr"
    path.write_text("\n".join([header, *rows]) + "\n")


def _peak(arguments: list[str]) -> tuple[float, float]:
    """Run the command line in a process of its own; return seconds and peak resident memory in GB."""
    code = (
        "import resource, subprocess, sys; "
        "code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(sys.executable).parent / "fiducial"), *arguments],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start, int(done.stderr.strip().splitlines()[-1]) / 1e6


def measure(points: int, epochs: int, folder: Path) -> dict[str, float]:
    csv = common.write_burst(folder, points, epochs)
    table, products = folder / "stations.csv", folder / "products"
    _stations(table, csv)
    product = products / csv.stem
    steps = {
        "import": ["motion", "import", str(csv), "--out", str(products)],
        "calibrate": ["motion", "calibrate", str(product), "--gnss", str(table), "--gnss-frame", "ETRF2000", "--out", str(products)],
        "stats": ["motion", "stats", str(product), "--out", str(folder / "stats.parquet")],
    }  # fmt: skip
    found: dict[str, float] = {"points": points, "epochs": epochs, "csv_gigabytes": round(csv.stat().st_size / 1e9, 2)}
    for name, arguments in steps.items():
        seconds, gigabytes = _peak(arguments)
        found |= {f"{name}_s": round(seconds, 1), f"{name}_peak_gigabytes": round(gigabytes, 2)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_770_000)
    parser.add_argument("--epochs", type=int, default=211)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fiducial-bench-") as folder:
        found = measure(arguments.points, arguments.epochs, Path(folder))
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()

"""Run every benchmark in turn; `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    for name in (
        "statistics_kernel",
        "import_csv",
        "apply_calibration",
        "ortho_cells",
        "large_burst",
        "joint_country",
        "burst_network",
        "sp3_read",
        "clock_file",
        "orbit_day",
        "orbit_sensitivity",
        "station_combination",
        "sinex_read",
        "velocity_model",
        "catalogue_add",
        "chain_graph",
    ):
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)


if __name__ == "__main__":
    main()

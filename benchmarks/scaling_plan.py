"""What a continent needs, from rates that were measured at the size of its bursts."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

from scaling_runs import STAGES, Run

MAPS = ("import", "observation", "calibration")
BURSTS = 14_400
"""Of the EGMS: what benchmarks/burst_network.py adjusts."""
LEAST_NETWORK = 360
"""Bursts of one track there."""


def network_seconds(bursts: int) -> float:
    """Return the seconds that the adjustment of so many bursts takes, as benchmarks/burst_network.py measures them."""
    command = [sys.executable, str(Path(__file__).with_name("burst_network.py")), "--json", "--bursts", str(bursts)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return float(found["adjusted_s"])


def at_size(measured: tuple[int, float], bursts: int, exponent: float) -> float:
    """Return the seconds of a stage at another number of bursts, by a power law that is linear at least."""
    return measured[1] * (bursts / measured[0]) ** max(exponent, 1.0)


def plan(
    measured: Run, points: int, bytes_in: int, reduce_s: float, *, wanted: float, bursts: int,
    workers: tuple[int, ...], network_s: float | None, hand_out_s: float,
) -> dict[str, object]:  # fmt: skip
    """Scale a run on one worker to another number of points.

    Parameters
    ----------
    measured : Run
        Of bursts as large, and series as long, as those of the plan.
    points, bytes_in : int
        Of that run.
    reduce_s : float
        Of the adjustment task at the bursts of the plan (`at_size`).
    wanted : float
        Points of the plan.
    bursts : int
        Of the plan.
    workers : tuple of int
        How many there may be.
    network_s : float or None
        Seconds of the adjustment alone, as measured at that many bursts.
    hand_out_s : float
        What the process that hands tasks out needs for one; tasks wait for it, however many workers there are.
    """
    stages = measured.stages()
    scale = wanted / points
    hours = {step: stages[step]["seconds"] * scale / 3600.0 for step in MAPS}
    handing = hand_out_s * len(MAPS) * bursts / 3600.0
    return {
        "points": wanted, "bursts": bursts, "points_a_burst": round(wanted / bursts),
        "measured_points": points,
        **{f"{STAGES[step]}_us_per_point": round(1e6 * stages[step]["seconds"] / points, 2) for step in MAPS},
        **{f"{STAGES[step]}_cpu_h": round(value, 1) for step, value in hours.items()},
        "maps_cpu_h": round(sum(hours.values()), 1),
        "archives_in_tb": round(bytes_in * scale / 1e12, 2),
        "products_out_tb": round(sum(measured.bytes_made.values()) * scale / 1e12, 2),
        **{f"{STAGES[step]}_out_tb": round(measured.bytes_made.get(step, 0) * scale / 1e12, 3) for step in MAPS},
        "peak_memory_a_worker_mb": round(max(one["peak_memory_mb"] for one in stages.values())),
        "reduce_s_by_exponent": round(reduce_s, 1),
        "reduce_adjustment_alone_s": None if network_s is None else round(network_s, 2),
        "handing_out_ms_per_task": round(1e3 * hand_out_s, 1),
        "handing_out_h": round(handing, 2),
        "most_workers_kept_busy": math.floor(sum(hours.values()) / handing),
        "wall_h_by_workers": {
            str(count): round(max(sum(hours.values()) / count, handing) + reduce_s / 3600.0, 2) for count in workers
        },
    }  # fmt: skip

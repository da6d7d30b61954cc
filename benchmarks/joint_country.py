"""A simulated country of 500 bursts tied by the recipe ``joint`` in a process of its own: time, peak memory, error."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

SWATH_KM, BURST_KM, ORBIT_STEP_KM = 85.0, 20.0, 160.0
STATIONS_A_BURST = 0.8


def country(orbits: int, along: int, seed: int):
    """Simulate ``orbits`` relative orbits, half of them descending, of two swaths with ``along`` bursts each."""
    from simulated_region import HALO_KM, Area, Geometry, simulate_region

    pairs = orbits // 2
    size = 5.0 * round(max(ORBIT_STEP_KM * pairs + 10.0, BURST_KM * along * 1.2) / 5.0)
    lefts = ORBIT_STEP_KM * (np.arange(pairs) - 0.5 * pairs) - 5.0
    geometry = tuple(
        Geometry(1 + number, heading, left, left + 2.0 * SWATH_KM)
        for number, (heading, left) in enumerate((heading, left) for heading in (-12.0, 192.0) for left in lefts)
    )
    seen = (SWATH_KM + 2.0 * HALO_KM) * (BURST_KM + 2.0 * HALO_KM)
    stations = round(STATIONS_A_BURST * size**2 / seen)
    area = Area(size_km=size, margin_km=25.0)
    return simulate_region(
        seed,
        area=area,
        geometry=geometry,
        swaths=2,
        along=along,
        length_km=BURST_KM * along,
        stations=stations,
        horizontal_only=0.3,
        clusters=True,
    )


def measure(orbits: int, along: int, seed: int) -> dict[str, float]:
    """Simulate and fit; seconds, gigabytes of the whole process, mm/yr."""
    from fiducial.geodesy.collocation import VelocityField
    from fiducial.motion.calibration.recipes import recipe
    from truth_scores import score

    region = country(orbits, along, seed)
    simulated = _peak_gigabytes()
    start = time.perf_counter()
    field = VelocityField.fit(region.stations)
    field_s = time.perf_counter() - start
    start = time.perf_counter()
    result = recipe("joint").fit(region.tracks, region.stations, field)
    joint_s = time.perf_counter() - start
    peak = _peak_gigabytes()
    found = {
        "bursts": len(region.tracks),
        "blocks": sum(track.blocks.size for track in region.tracks),
        "stations": region.stations.size,
        "samples_a_burst": round(float(np.mean([track.samples.size for track in region.tracks])), 2),
        "simulated_peak_gigabytes": round(simulated, 2),
        "field_s": round(field_s, 1),
        "joint_s": round(joint_s, 1),
        "joint_peak_gigabytes": round(peak, 2),
    }
    joint = score(result, region)
    start = time.perf_counter()
    egms = score(recipe("egms").fit(region.tracks, region.stations, field), region)
    return found | {
        "egms_s": round(time.perf_counter() - start, 1),
        "joint_error_mm_per_yr": round(joint.rms_mm_per_yr, 3),
        "joint_chi": round(joint.chi, 3),
        "egms_error_mm_per_yr": round(egms.rms_mm_per_yr, 3),
        "egms_chi": round(egms.chi, 3),
    }


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orbits", type=int, default=10)
    parser.add_argument("--along", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(measure(arguments.orbits, arguments.along, arguments.seed)))
        return
    # Nothing else has then been in the memory whose peak is measured.
    options = ["--orbits", str(arguments.orbits), "--along", str(arguments.along), "--seed", str(arguments.seed)]
    done = subprocess.run(
        [sys.executable, __file__, "--inside", *options], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:28} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()

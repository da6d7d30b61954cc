"""A simulated continent at several numbers of bursts, on this machine and on Dask clusters: the same bits, at which speed.

Each run calibrates all bursts by ``fiducial run`` in a process of its own, into a new folder with a new catalogue: (a) local
with two threads, (b) on a cluster of one worker of one thread, (c) of two such workers; with ``--kill`` also (d), where one of
the two is killed half-way. Ends with 1 when any output differs by a bit.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

from scaling_plan import BURSTS, LEAST_NETWORK, at_size, network_seconds, plan
from scaling_runs import STAGES, Run, run, simulate

MODES = {
    "local 2 threads": {"workers": 2, "dask": False},
    "dask 1 worker": {"workers": 1, "dask": True},
    "dask 2 workers": {"workers": 2, "dask": True},
}
KILLED = {"dask 2 workers, one killed": {"workers": 2, "dask": True, "kill_at": 0.4}}


def say(text: str) -> None:
    """Tell on stderr what is being done."""
    print(text, file=sys.stderr, flush=True)


def world_of(arguments: argparse.Namespace, bursts: int, points: int, epochs: int) -> tuple[Path, int, float]:
    """Return a world with a station a burst, bytes of its archives, and the seconds that writing it took."""
    folder = arguments.folder / f"world-{bursts}-{points}-{epochs}"
    seconds = simulate(folder, bursts=bursts, points=points, epochs=epochs, stations=max(20, bursts))
    size = sum(path.stat().st_size for path in (folder / "insar").glob("*.zip"))
    say(f"{folder.name}: {size / 1e6:.0f} MB, written in {seconds:.0f} s")
    return folder, size, seconds


def run_one(arguments: argparse.Namespace, world: Path, name: str, mode: dict[str, object]) -> Run:
    """Run a recipe in a folder that is removed afterwards."""
    folder = arguments.folder / f"{world.name}-{arguments.recipe}-{name.replace(' ', '-').replace(',', '')}"
    shutil.rmtree(folder, ignore_errors=True)
    found = run(folder, world, arguments.recipe, **mode)  # type: ignore[arg-type]
    again = "" if found.started_again is None else f", {found.started_again} tasks started again"
    say(f"  {name}: {found.seconds:.1f} s, {found.digest[:16]}{again}")
    if not arguments.keep:
        shutil.rmtree(folder / "out")
    return found


def row(found: Run, points: int, bursts: int, bytes_in: int) -> dict[str, object]:
    """Return the figures of a run."""
    stages = found.stages()
    worked = sum(one["seconds"] for one in stages.values())
    return {
        "seconds": round(found.seconds, 2),
        "points_per_s": round(points / found.seconds),
        "seconds_per_burst": round(found.seconds / bursts, 4),
        "stage_task_seconds": {STAGES[step]: round(one["seconds"], 2) for step, one in stages.items()},
        "stage_points_per_task_second": {
            STAGES[step]: round(points / max(one["seconds"], 1e-3)) for step, one in stages.items()
        },
        "share_of_workers_in_tasks": round(worked / (found.seconds * found.workers), 3),
        "peak_memory_mb": round(max(one["peak_memory_mb"] for one in stages.values())),
        "stage_peak_memory_mb": {STAGES[step]: round(one["peak_memory_mb"]) for step, one in stages.items()},
        "bytes_in": bytes_in,
        "bytes_out": sum(found.bytes_made.values()),
        "stage_bytes_out": {STAGES[step]: size for step, size in found.bytes_made.items()},
        "outputs": len(found.hashes),
        "sha256_of_all": found.digest,
        "tasks_started_again": found.started_again,
    }


def exponent(small: tuple[int, float], large: tuple[int, float]) -> float:
    """Return the power of the number of bursts with which seconds grow: 1 is linear."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Run everything; return figures."""
    rows: list[dict[str, object]] = []
    runs: dict[tuple[int, str], Run] = {}
    same = True
    for bursts in arguments.bursts:
        world, size, written = world_of(arguments, bursts, arguments.points, arguments.epochs)
        points = bursts * arguments.points
        modes = MODES | (KILLED if arguments.kill and bursts == arguments.bursts[-1] else {})
        for name, mode in modes.items():
            found = runs[bursts, name] = run_one(arguments, world, name, mode)
            rows.append({"bursts": bursts, "points": points, "mode": name, **row(found, points, bursts, size)})
        digests = {runs[bursts, name].digest for name in modes}
        same &= len(digests) == 1
        if len(digests) > 1:
            say(f"{bursts} bursts: outputs differ: {differing([runs[bursts, name] for name in modes])}")
        rows[-1] |= {"world_points_per_s": round(points / written)}
        if not arguments.keep:
            shutil.rmtree(world)
        # A run of hours that is stopped leaves what it found.
        (arguments.folder / "figures.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    found = {
        "recipe": arguments.recipe, "points_a_burst": arguments.points, "epochs": arguments.epochs, "runs": rows,
        "identical": same, **growth(arguments.bursts, runs),
    }  # fmt: skip
    if arguments.plan:
        largest = arguments.bursts[-1]
        one = runs[largest, "dask 1 worker"]
        reduce_s = one.stages()["adjustment"]["seconds"]
        powers = found.get("exponent_of_task_seconds_1_worker", {})
        power = powers.get(STAGES["adjustment"], 1.0)  # type: ignore[attr-defined]
        found["plan"] = planned(
            arguments, at_size((largest, reduce_s), arguments.plan_total_bursts, power), handing_out_s(one)
        )
    return found


def growth(counts: list[int], runs: dict[tuple[int, str], Run]) -> dict[str, object]:
    """Return exponents between the smallest and the largest number of bursts, and what a second worker gives."""
    first, last = counts[0], counts[-1]
    gain = runs[last, "dask 1 worker"].seconds / runs[last, "dask 2 workers"].seconds
    found: dict[str, object] = {"speed_of_two_workers_over_one": round(gain, 2)}
    if first == last:
        return found
    found["exponent_of_seconds"] = {
        name: round(exponent((first, runs[first, name].seconds), (last, runs[last, name].seconds)), 3) for name in MODES
    }
    stages = {count: runs[count, "dask 1 worker"].stages() for count in (first, last)}
    found["exponent_of_task_seconds_1_worker"] = {
        STAGES[step]: round(exponent((first, stages[first][step]["seconds"]), (last, stages[last][step]["seconds"])), 3)
        for step in stages[last] if stages[first][step]["seconds"] > 0
    }  # fmt: skip
    return found


def handing_out_s(found: Run) -> float:
    """Return what a run on one worker took beside its tasks, a task: an upper bound, the start of Python is in it."""
    return (found.seconds - sum(one["seconds"] for one in found.stages().values())) / len(found.tasks)


def differing(runs: list[Run]) -> list[str]:
    """Return some of the outputs that are not the same in all runs."""
    names = sorted({name for one in runs for name in one.hashes})
    return [name for name in names if len({one.hashes.get(name) for one in runs}) > 1][:10]


def planned(arguments: argparse.Namespace, reduce_s: float, hand_out_s: float) -> dict[str, object]:
    """Measure bursts as large as those of the plan on one worker, and scale."""
    a_burst = round(arguments.plan_points / arguments.plan_total_bursts)
    world, size, _ = world_of(arguments, arguments.plan_bursts, a_burst, arguments.plan_epochs)
    found = run_one(arguments, world, "dask 1 worker", MODES["dask 1 worker"])
    if not arguments.keep:
        shutil.rmtree(world)
    points = a_burst * arguments.plan_bursts
    network = network_seconds(arguments.plan_total_bursts) if arguments.plan_total_bursts >= LEAST_NETWORK else None
    return {"epochs": arguments.plan_epochs} | plan(
        found, points, size, reduce_s, wanted=arguments.plan_points, bursts=arguments.plan_total_bursts,
        workers=tuple(arguments.plan_workers), network_s=network, hand_out_s=hand_out_s,
    )  # fmt: skip


def lines(found: dict[str, object]) -> list[str]:
    """Return a text of the figures."""
    told = [f"recipe {found['recipe']}, {found['points_a_burst']} points a burst, {found['epochs']} epochs"]
    for one in found["runs"]:  # type: ignore[attr-defined]
        told.append(
            f"{one['bursts']:5d} bursts {one['points'] / 1e6:6.2f} Mpoint  {one['mode']:26}  {one['seconds']:8.1f} s  "
            f"{one['points_per_s'] / 1e3:7.1f} kpoint/s  {one['seconds_per_burst']:.3f} s a burst  "
            f"{one['peak_memory_mb']} MB  in tasks {one['share_of_workers_in_tasks']:.2f}  {one['sha256_of_all'][:12]}"
        )
        for stage, rate in one["stage_points_per_task_second"].items():
            told.append(f"{'':13}{stage:20} {one['stage_task_seconds'][stage]:9.2f} task s  {rate / 1e3:9.1f} kpoint/s  "
                        f"{one['stage_peak_memory_mb'][stage]} MB until then  {one['stage_bytes_out'].get(stage, 0) / 1e6:9.2f} MB out")  # fmt: skip
        if one["tasks_started_again"] is not None:
            told.append(f"{'':13}tasks started again  {one['tasks_started_again']}")
        told.append(f"{'':13}bytes in {one['bytes_in'] / 1e6:.1f} MB, out {one['bytes_out'] / 1e6:.1f} MB")
    kept = ("identical", "speed_of_two_workers_over_one", "exponent_of_seconds", "exponent_of_task_seconds_1_worker")
    told += [f"{name:34} {found[name]}" for name in kept if name in found]
    planned_figures = found.get("plan")
    if isinstance(planned_figures, dict):
        told += ["plan", *(f"  {name:38} {value}" for name, value in planned_figures.items())]
    return told


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bursts", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--points", type=int, default=50_000, help="of a burst")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--recipe", default="network", help="network or joint")
    parser.add_argument("--folder", type=Path, help="on a disk with room; a temporary one by default")
    parser.add_argument("--kill", action="store_true", help="kill a worker half-way, at the largest number of bursts")
    parser.add_argument("--plan", action="store_true", help="also what --plan-points need, from bursts of that size")
    parser.add_argument("--plan-points", type=float, default=1e10)
    parser.add_argument("--plan-epochs", type=int, default=210)
    parser.add_argument("--plan-total-bursts", type=int, default=BURSTS)
    parser.add_argument("--plan-bursts", type=int, default=4, help="bursts that are measured for the plan")
    parser.add_argument("--plan-workers", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--keep", action="store_true", help="keep worlds and outputs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    arguments.bursts.sort()
    return arguments


def main() -> None:
    """Measure, print, and end with 1 when outputs differ."""
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="scaling-") as temporary:
        arguments.folder = (arguments.folder or Path(temporary)).absolute()
        arguments.folder.mkdir(parents=True, exist_ok=True)
        found = measure(arguments)
    print(json.dumps(found) if arguments.json else "\n".join(lines(found)))
    if not found["identical"]:
        sys.exit(1)


if __name__ == "__main__":
    main()

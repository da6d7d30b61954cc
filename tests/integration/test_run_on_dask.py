"""``fiducial run`` on a Dask cluster of worker processes: the same bits as on one machine, also when a worker is killed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "scaling_runs.py"


@pytest.fixture(scope="module")
def scaling():
    """The module by which benchmarks/scaling.py runs recipes."""
    spec = importlib.util.spec_from_file_location("scaling_runs", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules["scaling_runs"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scaling_runs"]


def test_two_worker_processes_of_which_one_is_killed_give_the_bits_of_one_process(scaling, tmp_path):
    world = tmp_path / "world"
    # Enough points that a shard of the series has several chunks.
    scaling.simulate(world, bursts=4, points=2_500, epochs=20, stations=20)
    local = scaling.run(tmp_path / "local", world, "network", workers=2, dask=False)
    spread = scaling.run(tmp_path / "dask", world, "network", workers=2, dask=True, kill_at=0.2)
    assert {name for name in local.hashes if local.hashes[name] != spread.hashes.get(name)} == set()
    assert len(local.hashes) == len(spread.hashes)
    assert {one["step"] for one in spread.tasks} == set(scaling.STAGES)
    assert spread.started_again >= 1
    assert local.started_again is None
    stages = spread.stages()
    assert stages["import"]["tasks"] == stages["calibration"]["tasks"] == 4
    assert all(one["peak_memory_mb"] > 0 for one in stages.values())
    # Calibrated products are linked to those they come from, and these bytes are counted once.
    assert spread.bytes_made["calibration"] < spread.bytes_made["import"]


def test_a_run_that_fails_is_told_with_where_to_look(scaling, tmp_path):
    (tmp_path / "world").mkdir()
    with pytest.raises(scaling.ScalingError, match="progress"):
        scaling.run(tmp_path / "run", tmp_path / "world", "network", workers=1, dask=False)

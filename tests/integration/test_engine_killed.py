"""Runs that are killed at any time, and several at once, with the real catalogue: the same hashes in the end."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

from engine_worlds import MemoryStore, chain_of, hashes, made, run
from fiducial.catalogue.records import RunState
from fiducial.catalogue.store import Catalogue
from support import ROOT

SCRIPT = ROOT / "tests" / "engine_killed.py"
TASKS = 6


def _start(folder, pause_s):
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, str(pause_s)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _reference(folder):
    run(chain_of(folder / "source.txt"), folder / "reference", MemoryStore())
    return hashes(folder / "reference")


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_hashes(tmp_path):
    (tmp_path / "source.txt").write_text("content")
    expected = _reference(tmp_path)
    draw = random.Random(7)
    kills = 0
    for _ in range(6):
        process = _start(tmp_path, 0.05)
        # Not before it works, so that the kill strikes in the middle of it.
        line = process.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        kills += not line.startswith("finished")
        whole = hashes(tmp_path / "out") if (tmp_path / "out").exists() else {}
        assert {name: one for name, one in whole.items() if not name.startswith(".") and "/." not in name}.items() <= (
            expected.items()
        )
    assert kills >= 2
    last = _start(tmp_path, 0.0)
    text, _ = last.communicate()
    assert last.returncode == 0, text
    assert hashes(tmp_path / "out") == expected
    with Catalogue.open(tmp_path / "catalogue.sqlite") as store:
        states = [one.state for one in store.runs()]
        assert states.count(RunState.DONE) >= TASKS
        assert states.count(RunState.RUNNING) == 0
        assert made(run(chain_of(tmp_path / "source.txt"), tmp_path / "out", store)) == set()


def test_several_processes_do_the_work_once(tmp_path):
    (tmp_path / "source.txt").write_text("content")
    expected = _reference(tmp_path)
    processes = [_start(tmp_path, 0.1) for _ in range(3)]
    texts = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], texts
    assert sum(int(text.rsplit("finished ", 1)[1]) for text in texts) == TASKS
    assert hashes(tmp_path / "out") == expected
    with Catalogue.open(tmp_path / "catalogue.sqlite") as store:
        assert [one.state for one in store.runs()] == [RunState.DONE] * TASKS

"""Runs that are killed at any time, and several at once, with the real catalogue: the same hashes in the end."""

from __future__ import annotations

import multiprocessing
import random
import time

from engine_killed import work
from engine_worlds import MemoryStore, chain_of, hashes, made, run
from fiducial.catalogue.records import RunState
from fiducial.catalogue.store import Catalogue

TASKS = 6
KILLS = 20


def start(folder, pause_s, number):
    # Forked, as all is imported here: starting Python anew takes longer than the work.
    process = multiprocessing.get_context("fork").Process(target=work, args=(folder, pause_s, number))
    process.start()
    return process


def _reference(folder):
    (folder / "source.txt").write_text("content")
    run(chain_of(folder / "source.txt"), folder / "reference", MemoryStore())
    Catalogue.open(folder / "catalogue.sqlite").close()
    return hashes(folder / "reference")


def _until_it_works(folder, number, process):
    while process.is_alive() and not (folder / f"began-{number}").exists():
        time.sleep(0.005)


def test_runs_that_are_killed_twenty_times_end_with_the_same_hashes(tmp_path):
    expected = _reference(tmp_path)
    draw = random.Random(7)  # noqa: S311
    for number in range(KILLS):
        process = start(tmp_path, 0.04, number)
        if number % 4:
            _until_it_works(tmp_path, number, process)
        time.sleep(draw.uniform(0.0, 0.1))
        process.kill()
        process.join()
        out = tmp_path / "out"
        whole = {name: one for name, one in hashes(out).items() if "/." not in f"/{name}"}
        assert whole.items() <= expected.items()
        if number in (7, 14):
            # Otherwise all is done after a few kills.
            for name in ("middle", "first/0"):
                (out / name / "whole.txt").unlink(missing_ok=True)
    last = start(tmp_path, 0.0, KILLS)
    last.join()
    assert last.exitcode == 0
    assert hashes(tmp_path / "out") == expected
    with Catalogue.open(tmp_path / "catalogue.sqlite") as store:
        states = [one.state for one in store.runs()]
        assert states.count(RunState.DONE) >= TASKS
        assert states.count(RunState.RUNNING) == 0
        assert states.count(RunState.LOST) >= 3, states
        assert made(run(chain_of(tmp_path / "source.txt"), tmp_path / "out", store)) == set()


def test_several_processes_do_the_work_once(tmp_path):
    expected = _reference(tmp_path)
    processes = [start(tmp_path, 0.1, number) for number in range(3)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sum(int((tmp_path / f"made-{number}").read_text()) for number in range(3)) == TASKS
    assert hashes(tmp_path / "out") == expected
    with Catalogue.open(tmp_path / "catalogue.sqlite") as store:
        assert [one.state for one in store.runs()] == [RunState.DONE] * TASKS

"""Random graphs: what is run again is exactly what stands on what changed."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine_worlds import MIX, MemoryStore, MixParameters, dry, hashes, made, raised, run, task
from fiducial.runs.engine_graph import downstream
from fiducial.runs.engine_model import Outcome, OutputSlot, Step


def _written(call):
    """Write parameters and inputs: another result for every other input."""
    parts = sorted(path.read_text() for paths in call.inputs.values() for path in paths)
    (call.out / "whole.txt").write_text(repr((call.parameters.salt, parts)))
    return Outcome()


STEP = Step("written", 1, MixParameters, MIX.inputs, (OutputSlot("whole", "whole.txt"),), _written)


# Every output is forced to the disk, which is not what is tested here.
MEMORY = Path("/dev/shm")  # noqa: S108


@st.composite
def graphs(draw):
    """Number of tasks, and for each the earlier ones and the files that it takes."""
    count = draw(st.integers(1, 7))
    tasks = []
    for k in range(count):
        upstream = draw(st.sets(st.integers(0, k - 1), max_size=3)) if k else set()
        files = draw(st.sets(st.integers(0, 2), max_size=2))
        tasks.append((sorted(upstream), sorted(files)))
    return tasks


CHANGES = st.sampled_from(["parameter", "input", "version", "output", "nothing", "force"])


def _tasks(graph, folder, salts, steps):
    return [
        task(
            f"t{k}", *(f"t{i}" for i in upstream), *(folder / f"f{i}.txt" for i in files), step=steps[k], salt=salts[k]
        )
        for k, (upstream, files) in enumerate(graph)
    ]


@settings(max_examples=25, deadline=None)
@given(graph=graphs(), changes=st.lists(st.tuples(CHANGES, st.integers(0, 6)), max_size=3))
def test_exactly_what_stands_on_what_changed_is_run_again(graph, changes):
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        for k in range(3):
            (folder / f"f{k}.txt").write_text(f"file {k}")
        salts, steps = [100 * k for k in range(len(graph))], [STEP] * len(graph)
        store, place = MemoryStore(), folder / "out"
        run(_tasks(graph, folder, salts, steps), place, store)
        changed, force, ending = set(), [], set()
        for kind, number in changes:
            k = number % len(graph)
            if kind == "parameter":
                salts[k] += 1
                changed.add(k)
            elif kind == "input":
                path = folder / f"f{number % 3}.txt"
                path.write_text(path.read_text() + "!")
                changed |= {i for i, (_, files) in enumerate(graph) if number % 3 in files}
            elif kind == "version":
                steps[k] = raised(steps[k])
                ending.add(k)
            elif kind == "output":
                (place / f"t{k}" / "whole.txt").unlink(missing_ok=True)
                ending.add(k)
            elif kind == "force":
                force.append(f"t{k}")
                ending.add(k)
        tasks = _tasks(graph, folder, salts, steps)
        # What is made anew and finds the same ends there; what finds something else moves all that stands on it.
        wanted = downstream(tasks, {f"t{k}" for k in changed}) | {f"t{k}" for k in ending}
        planned = made(dry(tasks, place, store, force))
        assert wanted <= planned <= downstream(tasks, {f"t{k}" for k in changed | ending})
        assert made(run(tasks, place, store, force=force)) == wanted
        assert made(run(tasks, place, store)) == set()
        fresh = folder / "fresh"
        run(_tasks(graph, folder, salts, [replace(one) for one in steps]), fresh, MemoryStore())
        assert hashes(fresh) == hashes(place)
    finally:
        shutil.rmtree(folder)

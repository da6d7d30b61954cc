"""The engine: what is run, what is kept and why, what is recorded, and what is refused before any work."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine_worlds import (
    GNSS,
    MIX,
    NEEDS,
    MemoryStore,
    MixParameters,
    chain_of,
    dry,
    hashes,
    made,
    raised,
    run,
    task,
)
from fiducial import __version__
from fiducial.catalogue.records import Relation, RunState
from fiducial.errors import InputError, RunError
from fiducial.runs import engine_executor, engine_task
from fiducial.runs.engine import Engine, summary
from fiducial.runs.engine_content import Contents, read_content
from fiducial.runs.engine_executor import default_workers, executor
from fiducial.runs.engine_graph import downstream, ordered
from fiducial.runs.engine_lock import TaskLock
from fiducial.runs.engine_model import Given, Made, MadeProduct, Outcome, OutputSlot, State, Task
from fiducial.runs.engine_task import execute


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.txt"
    path.write_text("first content")
    return path


@pytest.fixture
def place(tmp_path):
    return tmp_path / "out"


def test_a_second_run_does_nothing(source, place):
    store, tasks = MemoryStore(), chain_of(source)
    assert made(run(tasks, place, store)) == {one.name for one in tasks}
    before, runs = hashes(place), len(store.all_runs)
    assert made(run(tasks, place, store)) == set()
    assert hashes(place) == before
    assert len(store.all_runs) == runs


def test_one_parameter_runs_what_depends_on_it_and_the_reason_names_it(source, place):
    store = MemoryStore()
    run(chain_of(source), place, store)
    changed = chain_of(source, salt=5)
    planned = dry(changed, place, store)
    assert made(planned) == {"middle", "last"}
    assert planned["middle"].reasons == ("parameter salt changed from 0 to 5",)
    assert planned["last"].reasons == ("its input middle would be made anew",)
    assert made(run(changed, place, store)) == {"middle", "last"}


def test_a_parameter_that_does_not_matter_runs_nothing(source, place):
    store = MemoryStore()
    run(chain_of(source), place, store)
    assert made(run(chain_of(source, pause_s=1.0), place, store)) == set()


def test_a_changed_input_runs_what_depends_on_it(source, place, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("other")
    tasks = [task("a", source), task("b", other), task("c", "a", "b"), task("d", "b")]
    store = MemoryStore()
    run(tasks, place, store)
    source.write_text("second content")
    assert dry(tasks, place, store)["a"].reasons == ("input any: source.txt was changed",)
    assert made(run(tasks, place, store)) == {"a", "c"}


def test_an_input_that_was_only_touched_runs_nothing(source, place):
    store = MemoryStore()
    run(chain_of(source), place, store)
    source.write_text(source.read_text())
    assert made(run(chain_of(source), place, store)) == set()


def test_a_step_whose_version_is_raised_runs_and_its_equal_result_ends_it_there(source, place):
    store, tasks = MemoryStore(), chain_of(source)
    run(tasks, place, store)
    newer = [replace(one, step=raised(MIX)) if one.name == "middle" else one for one in tasks]
    assert dry(newer, place, store)["middle"].reasons == ("version of the step raised from 1 to 2",)
    # The new version finds the same: nothing that stands on it has to be made again.
    assert made(run(newer, place, store)) == {"middle"}
    older = dry(tasks, place, store)["middle"].reasons
    assert older == ("version of the step lowered from 2 to 1",)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda folder: (folder / "whole.txt").unlink(), "output whole.txt is missing"),
        (lambda folder: (folder / "parts" / "1.txt").write_text("x"), "output parts/1.txt was changed"),
        (lambda folder: (folder / "step.json").write_text("{"), "step.json is missing, or cannot be read"),
    ],
)
def test_outputs_that_are_not_intact_are_made_again(source, place, harm, reason):
    store, tasks = MemoryStore(), chain_of(source)
    run(tasks, place, store)
    before = hashes(place)
    harm(place / "middle")
    planned = dry(tasks, place, store)
    assert planned["middle"].reasons == (reason,)
    assert planned["first/0"].reasons == ()
    assert made(run(tasks, place, store)) == {"middle"}
    assert hashes(place) == before


def test_a_catalogue_that_knows_nothing_does_not_vouch_for_outputs(source, place):
    run(chain_of(source), place, MemoryStore())
    reasons = {one.reasons for name, one in dry(chain_of(source), place, MemoryStore()).items() if "first" in name}
    assert reasons == {("the catalogue knows no finished run of it",)}


def test_the_same_work_in_two_folders_is_kept_in_both(source, place, tmp_path):
    """Reports state when they were written: the outputs differ, and neither folder spoils the other."""

    def dated(call):
        (call.out / "whole.txt").write_text(str(call.place))
        return Outcome()

    step = replace(MIX, run=dated, outputs=MIX.outputs[:1])
    store, tasks = MemoryStore(), [task("a", source, step=step)]
    run(tasks, place, store)
    run(tasks, tmp_path / "other", store)
    assert made(run(tasks, place, store)) == made(run(tasks, tmp_path / "other", store)) == set()
    for one in store.all_runs:
        store.edges = [edge for edge in store.edges if edge.target != one]
    assert dry(tasks, place, store)["a"].reasons == ("the catalogue knows other outputs of it",)


def test_what_is_forced_runs_and_its_equal_result_ends_it_there(source, place):
    store, tasks = MemoryStore(), chain_of(source)
    run(tasks, place, store)
    assert made(run(tasks, place, store, force=["middle"])) == {"middle"}
    assert made(run(tasks, place, store, force=["mix"])) == {one.name for one in tasks}
    with pytest.raises(RunError, match="FID-5004") as refused:
        run(tasks, place, store, force=["midle"])
    assert "middle" in refused.value.fix


def test_a_dry_run_writes_no_output_and_no_record(source, place):
    store = MemoryStore()
    assert made(dry(chain_of(source), place, store)) == {one.name for one in chain_of(source)}
    assert hashes(place) == {}
    assert store.all_runs == {}


def test_the_catalogue_knows_what_was_used_and_made(source, place):
    store = MemoryStore()
    results = run([task("a", source, salt=4), task("b", "a")], place, store)
    one = next(run for run in store.all_runs.values() if run.parameters["salt"] == 4)
    assert (one.state, one.recipe, one.step, one.step_version) == (RunState.DONE, "test", "mix", 1)
    assert one.timing["run_s"] >= 0.0
    assert one.timing["peak_mb"] > 1.0
    content = {path: f"sha256:{read_content(path).sha256}" for path in (source, place / "a" / "whole.txt")}
    used = {(edge.source, edge.target, edge.role) for edge in store.edges if edge.relation is Relation.USED}
    assert (one.id, content[source], "any") in used
    generated = {edge.source: edge.role for edge in store.edges if edge.target == one.id}
    assert sum(role == "parts" for role in generated.values()) == 2
    product = next(found for found in store.all_products.values() if found.id in generated)
    assert product.files == (content[place / "a" / "whole.txt"],)
    assert content[place / "a" / "whole.txt"] in {file.id for file in store.outputs_of(one.id)}
    # What the second one used is what the first one made.
    assert any(target == content[place / "a" / "whole.txt"] and source_ != one.id for source_, target, _ in used)
    assert (product.egv_product, product.attributes["run"]) == ("ESD", one.id)
    assert store.agents[0].name == "fiducial"
    assert json.loads(json.dumps(summary(list(results.values()))))["made"] == 2


def test_a_folder_is_used_and_made_as_one_product(tmp_path, place):
    folder = tmp_path / "given"
    (folder / "deep").mkdir(parents=True)
    (folder / "product.txt").write_text("a")
    (folder / "deep" / "rows.txt").write_text("b")

    def copy(call):
        from shutil import copytree

        copytree(call.inputs["any"][0], call.out / "copy")
        return Outcome((), (MadeProduct("copy", "copy/*", level="L2b"),))

    step = replace(MIX, run=copy, outputs=(OutputSlot("whole", "*/product.txt", folder=True),))
    store = MemoryStore()
    run([task("a", folder, step=step), task("b", "a", step=step)], place, store)
    assert len(store.all_products) == 1, "the same files are the same issue"
    (product,) = store.all_products.values()
    assert {edge.target for edge in store.edges if edge.relation is Relation.USED} == {product.id}
    assert {edge.source for edge in store.edges if edge.relation is Relation.GENERATED} == {product.id}
    assert len(product.files) == 2
    (place / "b" / "copy" / "deep" / "rows.txt").write_text("c")
    assert dry([task("a", folder, step=step), task("b", "a", step=step)], place, store)["b"].reasons == (
        "output copy/deep/rows.txt was changed",
    )
    (folder / "deep" / "rows.txt").write_text("longer")
    assert made(run([task("a", folder, step=step), task("b", "a", step=step)], place, store)) == {"a", "b"}


def test_requirements_are_judged_recorded_and_told(source, place):
    store = MemoryStore()
    needy = replace(MIX, requirements=NEEDS)
    found = run([task("a", source, step=needy)], place, store)["a"]
    assert [(one.requirement, one.state) for one in found.requirements] == [
        ("dem", "unstated"), ("snow", "missing"), ("weather_model", "missing"),
    ]  # fmt: skip
    assert [text.split(" ")[0] for text in found.shortcomings] == ["dem", "snow"]
    assert next(iter(store.all_runs.values())).shortcomings == found.shortcomings
    assert next(iter(store.all_products.values())).attributes["shortcomings"] == list(found.shortcomings)
    given = run([task("a", source, step=needy, more={"dem": source, "snow": source})], place, store)["a"]
    assert given.shortcomings == ()
    assert next(one.state for one in given.requirements if one.requirement == "dem") == "given"


def test_what_metadata_of_the_input_state_is_not_unstated(source, place):
    def stating(call):
        (call.out / "whole.txt").write_text("x")
        return Outcome(stated={"dem": "COP-DEM 2022"})

    step = replace(MIX, requirements=NEEDS[:1], run=stating, outputs=MIX.outputs[:1])
    found = run([task("a", source, step=step)], place, MemoryStore())["a"]
    assert [(one.state, one.detail) for one in found.requirements] == [("stated", "COP-DEM 2022")]
    assert found.shortcomings == ()


def test_an_essential_input_that_is_missing_stops_before_any_work(source, place):
    needy = replace(MIX, requirements=(GNSS,))
    tasks = [task("a", source), task("b", "a", step=needy, where={"gnss": "recipe.yaml, line 7"})]
    store = MemoryStore()
    with pytest.raises(InputError) as refused:
        run(tasks, place, store)
    assert refused.value.code == "FID-1005"
    assert refused.value.where == "recipe.yaml, line 7"
    assert "station velocities" in refused.value.fix
    assert store.all_runs == {}
    assert hashes(place) == {}


def test_inputs_and_checks_of_all_steps_come_before_any_work(source, place, tmp_path):
    store = MemoryStore()
    with pytest.raises(InputError, match="FID-1001"):
        run([task("a", source), task("b", tmp_path / "absent.txt")], place, store)

    def check(call):
        assert call.inputs["any"] == ()
        raise InputError("FID-1003", "north not stated", where="north", fix="state it")

    with pytest.raises(InputError) as refused:
        run(
            [task("a", source), task("b", "a", step=replace(MIX, check=check), where={"": "r.yaml, line 3"})],
            place,
            store,
        )
    assert refused.value.where == "r.yaml, line 3: north"
    assert store.all_runs == {}


def test_a_step_that_fails_leaves_nothing_and_what_is_done_stays(source, place):
    store = MemoryStore()
    tasks = [task("a", source), task("b", "a", fail=True), task("c", "b")]
    with pytest.raises(InputError, match="asked to fail"):
        run(tasks, place, store)
    assert store.states() == ["done", "failed"]
    assert {name.split("/")[0] for name in hashes(place)} == {"a"}
    assert [path.name for path in place.glob(".*")] == [".fiducial"]
    good = [tasks[0], task("b", "a"), tasks[2]]
    assert made(run(good, place, store)) == {"b", "c"}


def test_tasks_that_run_when_another_fails_are_finished(source, place):
    store = MemoryStore()
    with pytest.raises(InputError):
        run([task("slow", source, pause_s=0.2), task("bad", source, fail=True)], place, store)
    assert store.states() == ["done", "failed"]


def test_a_step_without_its_output_has_failed(source, place):
    step = replace(MIX, outputs=(*MIX.outputs, OutputSlot("more", "*.nowhere")))
    with pytest.raises(RunError, match=r"FID-5005.*'more'"):
        run([task("a", source, step=step)], place, MemoryStore())
    optional = replace(MIX, outputs=(*MIX.outputs, OutputSlot("more", "*.nowhere", needed=False)))
    assert made(run([task("a", source, step=optional)], place, MemoryStore())) == {"a"}


def test_an_input_that_changes_while_it_is_read_spoils_the_run(source, place):
    def meddle(call):
        (call.out / "whole.txt").write_text("x")
        source.write_text("changed meanwhile")
        return Outcome()

    step = replace(MIX, run=meddle, outputs=MIX.outputs[:1])
    with pytest.raises(RunError, match="FID-5009"):
        run([task("a", source, step=step)], place, MemoryStore())
    assert hashes(place) == {}


def test_a_folder_of_other_things_is_never_replaced(source, place):
    (place / "a").mkdir(parents=True)
    (place / "a" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="FID-1002"):
        run([task("a", source)], place, MemoryStore())
    assert (place / "a" / "thesis.txt").exists()


@pytest.mark.parametrize(
    "tasks",
    [
        lambda source: [task("a", source), task("a", source)],
        lambda source: [task("a", source), task("a/b", source)],
        lambda source: [task("../a", source)],
        lambda _: [task("a", "b"), task("b", "a")],
        lambda _: [task("a", "nobody")],
        lambda source: [Task("a", MIX, MixParameters(), {"none": (Given(source),)})],
        lambda source: [task("a", source), Task("b", MIX, MixParameters(), {"any": (Made("a", "none"),)})],
        lambda _: [Task("a", replace(MIX, inputs=(replace(MIX.inputs[0], needed=True),)), MixParameters(), {})],
    ],
)
def test_graphs_that_are_none(source, tasks):
    with pytest.raises(RunError, match="FID-5008"):
        ordered(tasks(source))


def test_downstream(source):
    assert downstream(chain_of(source), ["first/1"]) == {"first/1", "middle", "last"}


def test_two_engines_at_once_do_the_work_once(source, place):
    store = MemoryStore()
    told = [[], []]
    threads = [
        threading.Thread(target=run, args=(chain_of(source, pause_s=0.1), place, store), kwargs={"told": one})
        for one in told
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert store.states() == ["done"] * 6
    assert any("waits for process" in text for one in told for text in one)


def test_a_lock_tells_who_holds_it_and_what_a_killed_holder_left(tmp_path):
    first, second = TaskLock(tmp_path / "a.lock"), TaskLock(tmp_path / "a.lock")
    assert first.acquire()
    first.note({"id": "run:1"})
    assert not second.acquire()
    assert "process" in second.holder()
    first.release()
    first.release()
    assert second.acquire()
    assert second.left_behind is None
    second.release()
    (tmp_path / "a.lock").write_text(json.dumps({"pid": 1, "host": "h", "about": {"id": "run:1"}}))
    assert first.acquire()
    assert first.left_behind["about"] == {"id": "run:1"}
    first.release()


def test_a_folder_that_cannot_be_locked(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="FID-5007"):
        TaskLock(tmp_path / "file" / "a.lock").acquire()


def test_what_a_killed_process_left_is_marked_lost(source, place):
    store = MemoryStore()
    tasks = [task("a", source)]
    run(tasks, place, store)
    done = next(iter(store.all_runs.values()))
    from fiducial.runs.engine_provenance import to_plain

    lost = replace(done, id="run:lost", state=RunState.RUNNING, ended=None)
    note = {"pid": 1, "host": "h", "about": to_plain(lost)}
    (place / ".fiducial" / "locks" / "a.lock").write_text(json.dumps(note))
    (place / "a" / "whole.txt").unlink()
    run(tasks, place, store)
    assert store.states() == ["done", "done", "lost"]
    assert store.all_runs["run:lost"].key == done.key


def test_hashes_are_remembered_and_forgotten_with_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("one")
    import os

    os.utime(path, ns=(10**18, 10**18))
    memory = tmp_path / "hashes.jsonl"
    first = Contents(memory).of(path)
    memory.write_text(memory.read_text() + "[damaged\n" + '["too short"]\n')
    monkeypatch.setattr("fiducial.runs.engine_content.read_content", lambda _: pytest.fail("hashed again"))
    assert Contents(memory).of(path) == first
    monkeypatch.undo()
    path.write_text("two")
    assert Contents(memory).of(path) != first


def test_the_memory_of_hashes_does_not_grow_without_end(tmp_path):
    path, memory = tmp_path / "a.txt", tmp_path / "hashes.jsonl"
    path.write_text("one")
    content = read_content(path)
    for _ in range(2):
        Contents(memory).remember(path, content)
    line = memory.read_text().splitlines()[0]
    memory.write_text("\n".join([line] * 1_500) + "\n")
    assert Contents(memory).of(path) == content
    assert memory.read_text().splitlines() == [line]


def test_identities_leave_out_the_instant_of_writing(tmp_path):
    first, second = tmp_path / "a.SNX", tmp_path / "b.SNX"
    first.write_text("%=SNX 2.02 FID 24:100:00001 FID 24:099:00000 24:100:00000 P 00006 2 S\nx\n")
    second.write_text("%=SNX 2.02 FID 26:001:86000 FID 24:099:00000 24:100:00000 P 00006 2 S\nx\n")
    assert read_content(first).sha256 != read_content(second).sha256
    assert read_content(first).identity == read_content(second).identity
    third, fourth = tmp_path / "c.JSON", tmp_path / "d.json"
    third.write_text('{"created_utc": "2026-01-01T00:00:00Z", "x": 1}')
    fourth.write_text('{"created_utc": "2027-01-01T00:00:00Z", "x": 1}')
    assert read_content(third).identity == read_content(fourth).identity
    fourth.write_text('{"created_utc": "2027-01-01T00:00:00Z", "x": 2}')
    assert read_content(third).identity != read_content(fourth).identity


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_the_kind_of_workers_does_not_change_results(source, place, kind, tmp_path):
    store = MemoryStore()
    run(chain_of(source, width=2), place, store, kind=kind)
    plain = tmp_path / "plain"
    run(chain_of(source, width=2), plain, MemoryStore(), at_once=1)
    assert {name: one for name, one in hashes(place).items() if "step" not in name} == {
        name: one for name, one in hashes(plain).items() if "step" not in name
    }
    assert hashes(place) == hashes(plain)


def test_a_worker_that_is_lost_is_told(source, place):
    store = MemoryStore()
    with pytest.raises(RunError, match="FID-5015"):
        run([task("a", source, vanish=True)], place, store, kind="processes", at_once=1)
    assert store.states() == ["failed"]
    assert hashes(place) == {}


def test_executors_that_cannot_be():
    assert default_workers() >= 1
    for arguments in (("local", 0), ("nowhere", None)):
        with pytest.raises(RunError, match="FID-5006"), executor(*arguments):
            pass


def test_dask_missing_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(RunError, match=r"fiducial\[scale\]"), executor("tcp://127.0.0.1:1"):
        pass


@pytest.mark.parametrize(
    ("answers", "told"),
    [({"tcp://a": "0.0.9", "tcp://b": __version__}, "1 of 2 workers run another version: 0.0.9 at tcp://a"),
     (ModuleNotFoundError("No module named 'fiducial'"), "cannot run Fiducial: ModuleNotFoundError")],
)  # fmt: skip
def test_workers_that_would_do_other_work_are_refused(answers, told):
    def run(function):
        assert function() == __version__
        if isinstance(answers, Exception):
            raise answers
        return answers

    with pytest.raises(RunError, match="FID-5006") as caught:
        engine_executor._require_same_version(SimpleNamespace(run=run), "tcp://s")
    assert told in caught.value.problem
    assert __version__ in caught.value.fix


def test_an_interrupt_leaves_nothing_half_written(source, place):
    store = MemoryStore()

    def stop(text):
        if text.startswith("b:"):
            raise KeyboardInterrupt

    engine = Engine(place, store, "test", stop)
    with executor("local", 1) as (pool, count), pytest.raises(KeyboardInterrupt):
        engine.run([task("a", source), task("b", "a")], pool, count)
    assert store.states() == ["done", "failed"]
    assert [path.name for path in place.glob(".*")] == [".fiducial"]


def test_a_task_that_is_no_longer_wanted_leaves_nothing_behind(source, place):
    one = chain_of(source)[0]
    gone = place / ".partial"
    with pytest.raises(RunError, match="FID-5005"):
        execute(one, {slot: tuple(part.path for part in parts) for slot, parts in one.inputs.items()}, gone, place)
    assert not gone.exists()


def test_outputs_where_nothing_can_be_written_are_refused_but_may_be_looked_at(source, tmp_path):
    place = tmp_path / "out"
    place.write_text("a file")
    tasks = chain_of(source)
    assert {one.state for one in dry(tasks, place, MemoryStore()).values()} == {State.WOULD_RUN}
    with pytest.raises(RunError, match="FID-5007"):
        run(tasks, place, MemoryStore())
    assert place.read_text() == "a file"


def test_a_file_that_differs_in_the_instant_of_writing_alone_keeps_its_bytes(source, place):
    def write(instant):
        def work(call):
            (call.out / "whole.txt").write_text("data")
            (call.out / "report.json").write_text(f'{{"written": "{instant}", "x": 1}}')
            return Outcome()

        return work

    def made(instant, force=()):
        step = replace(task("a", source).step, run=write(instant), outputs=(OutputSlot("whole", "whole.txt"),))
        run([replace(task("a", source), step=step)], place, store, force=force)
        return (place / "a" / "report.json").read_text()

    store = MemoryStore()
    first = made("2026-01-01")
    assert made("2026-01-02", force=("a",)) == first
    # A file that is gone or was changed is no such file.
    (place / "a" / "report.json").write_text("{}")
    assert made("2026-01-03") != first
    (place / "a" / "whole.txt").unlink()
    assert "2026-01-03" in made("2026-01-04")


def test_outputs_that_are_gone_are_told_from_those_that_never_were(source, place):
    store = MemoryStore()
    one = [task("a", source)]
    assert dry(one, place, store)["a"].reasons == ("it was never run here",)
    run(one, place, store)
    shutil.rmtree(place / "a")
    assert dry(one, place, store)["a"].reasons == ("its outputs are gone",)


def test_one_bad_task_of_many_is_told_together_with_the_others(source, place):
    store, told = MemoryStore(), []
    tasks = [task("a", source), task("b", source, fail=True), task("c", "a"), task("d", "b"), task("e", "c", "d"),
             task("f", source, fail=True)]  # fmt: skip
    engine = Engine(place, store, "test", told.append, keep_going=True)
    with executor("local", 2) as (pool, at_once), pytest.raises(RunError, match="FID-5016") as caught:
        engine.run(tasks, pool, at_once)
    assert caught.value.problem.startswith("2 tasks failed")
    assert "2 that stand on them were not run" in caught.value.problem
    assert sorted(caught.value.where.split(", ")) == ["b", "f"]
    assert store.states() == ["done", "done", "failed", "failed"]
    assert {path.parent.name for path in place.glob("*/step.json")} == {"a", "c"}
    # Without it nothing more is begun, and the first error is the one to tell.
    with pytest.raises(InputError, match="asked to fail"):
        run(tasks, place, MemoryStore(), at_once=1)


def test_a_folder_with_outputs_of_other_tasks_is_not_replaced(source, place):
    run([task("days/one", source)], place, MemoryStore())
    (place / "days" / "step.json").write_text("{}")
    before = hashes(place)
    with pytest.raises(InputError, match="FID-1002") as told:
        run([task("days", source)], place, MemoryStore())
    assert "other tasks" in told.value.problem
    assert "allow" not in told.value.fix
    assert {name: one for name, one in hashes(place).items() if ".fiducial" not in name} == {
        name: one for name, one in before.items() if ".fiducial" not in name
    }


def test_what_others_put_beside_the_outputs_is_no_input(source, place):
    several = replace(MIX, outputs=(OutputSlot("whole", "*.txt"),))
    tasks, store = [task("a", source, step=several), task("b", "a")], MemoryStore()
    run(tasks, place, store)
    (place / "a" / "stray.txt").write_text("put there by hand")
    assert {one.state for one in run(tasks, place, store).values()} == {State.KEPT}


def test_what_a_worker_of_another_version_made_is_refused(source, place, monkeypatch):
    monkeypatch.setattr(engine_task, "__version__", "0.0.9")
    store = MemoryStore()
    with pytest.raises(RunError, match=r"FID-5006.*0\.0\.9"):
        run([task("a", source)], place, store)
    assert store.states() == ["failed"]
    assert hashes(place) == {}

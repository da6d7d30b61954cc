"""Which tasks of a graph can be run, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fiducial.runs.engine_model import Made, Step, Task
from fiducial.runs.engine_schedule import Schedule
from fiducial.runs.steps.base import Section


class _Nothing(Section):
    """No parameters."""


_STEP = Step("test", 1, _Nothing, (), (), run=lambda _: None)


def _task(name, *upstream):
    return Task(name, _STEP, _Nothing(), {"source": tuple(Made(one, "product") for one in upstream)})


def _drain(schedule):
    order = []
    while (task := schedule.take()) is not None:
        order.append(task.name)
        schedule.done(task)
    return order


def test_what_has_just_become_possible_goes_first():
    tasks = [_task("i1"), _task("i2"), _task("o1", "i1"), _task("o2", "i2"), _task("sum", "o1", "o2"), _task("p1", "i1", "sum"),
             _task("p2", "i2", "sum")]  # fmt: skip
    schedule = Schedule(tasks)
    assert _drain(schedule) == ["i1", "o1", "i2", "o2", "sum", "p1", "p2"]
    assert not schedule.waiting
    assert schedule.left == {"test": 0}


def test_a_task_of_another_process_is_taken_again_after_a_while():
    schedule = Schedule([_task("a"), _task("b", "a")])
    held = schedule.take()
    schedule.hold(held)
    assert schedule.take() is None
    assert schedule.waiting
    schedule.retry()
    assert _drain(schedule) == ["a", "b"]


@given(st.integers(1, 25).flatmap(lambda n: st.lists(st.sets(st.integers(0, n - 1)), min_size=n, max_size=n)))
def test_every_task_comes_once_and_after_its_inputs(upstream):
    tasks = [
        _task(str(number), *(str(one) for one in before if one < number)) for number, before in enumerate(upstream)
    ]
    order = _drain(Schedule(tasks))
    assert sorted(order, key=int) == [task.name for task in tasks]
    place = {name: number for number, name in enumerate(order)}
    for task in tasks:
        assert all(place[name] < place[task.name] for name in task.upstream())

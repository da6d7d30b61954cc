"""Records and arcs that are not of their satellite."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.screening import screen
from fiducial.orbits.stack import stack_orbits
from synthetic_centres import Centre, day, names, truth

OPTIONS = CombinationOptions()
SHIFT = np.array([0.6, -0.64, 0.48])


def stacked(centres=5, step_s=300.0, count=144, **numbers):
    true = truth(names(**(numbers or {"G": 6, "E": 3})), step_s, count)
    orbits = day(true, {f"AC{k}": Centre() for k in range(centres)})
    return stack_orbits(orbits, true.epochs_gps)


def screened(stack, manoeuvres=None, compared=()):
    weighted = np.array([[name not in compared] * len(stack.satellites) for name in stack.centres])
    return screen(stack, weighted, OPTIONS, manoeuvres)


def told(found):
    return [(one.centre, one.satellite, one.reason, one.records) for one in found.exclusions]


@pytest.mark.parametrize("centres", [1, 2, 3, 5])
def test_nothing_is_found_where_nothing_is_wrong(centres):
    stack = stacked(centres)
    found = screened(stack)
    assert found.exclusions == ()
    assert found.usable.all()


@pytest.mark.parametrize(
    ("rows", "size", "reason"),
    [
        (slice(None), 3.0, "gross-arc"), (slice(None), 1e7, "gross-arc"), (slice(3, None), 5.0, "gross-arc"),
        (slice(50, 51), 3.0, "gross-record"), (slice(50, 51), 1e7, "gross-record"), (slice(50, 51), 0.1, "spike"),
        (slice(0, 1), 0.1, "spike"), (slice(143, 144), 0.1, "spike"), (slice(143, 144), 1e5, "gross-record"),
        (slice(50, 60), 0.3, "gross-record"), (slice(50, 60), 30.0, "gross-record"), (slice(100, None), 0.3, "cut-arc"),
        (slice(100, None), 30.0, "cut-arc"), (slice(0, 40), 30.0, "cut-arc"), (slice(0, 40), 0.3, "cut-arc"),
        (slice(0, 3), 0.3, "cut-arc"), (slice(50, 53), 0.3, "gross-record"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_and_nothing_else(rows, size, reason):
    stack = stacked(5)
    stack.position_m[2, rows, 4] += size * SHIFT
    found = screened(stack)
    expected = np.zeros(found.usable.shape, dtype=bool)
    expected[2, slice(None) if reason == "gross-arc" else rows, 4] = True
    np.testing.assert_array_equal(~found.usable, expected)
    assert told(found) == [("AC2", "G05", reason, int(expected.sum()))]
    one = found.exclusions[0]
    assert one.unit == "m"
    assert one.value > one.limit
    assert one.begin_gps == stack.epochs_gps[np.flatnonzero(expected[2, :, 4])[0]]
    assert one.end_gps == stack.epochs_gps[np.flatnonzero(expected[2, :, 4])[-1]]


def test_a_spike_beside_gaps_is_found():
    stack = stacked(4)
    stack.position_m[1, 1::2, 2] = np.nan
    stack.position_m[1, 60, 2] += 0.08 * SHIFT
    assert told(screened(stack)) == [("AC1", "G03", "spike", 1)]


def test_compared_centres_are_judged_and_do_not_judge():
    stack = stacked(5)
    stack.position_m[3:, :, 1] += 50.0 * SHIFT
    found = screened(stack, compared=("AC3", "AC4"))
    assert told(found) == [("AC3", "G02", "gross-arc", 144), ("AC4", "G02", "gross-arc", 144)]


def test_two_centres_that_disagree_both_go_for_nobody_can_judge():
    stack = stacked(2)
    stack.position_m[0, 20:40, 1] += 10.0 * SHIFT
    found = screened(stack)
    assert told(found) == [("AC0", "G02", "two-centres-disagree", 20), ("AC1", "G02", "two-centres-disagree", 20)]
    assert not found.usable[:, 20:40, 1].any()
    assert found.usable.sum() == found.usable.size - 40


def test_a_centre_that_slowly_leaves_is_cut_where_it_leaves():
    stack = stacked(5)
    grow = np.clip(np.arange(144) - 70, 0, None)
    stack.position_m[0, :, 0] += (0.05 * grow**1.5)[:, None] * SHIFT
    found = screened(stack)
    assert found.exclusions[0].reason == "cut-arc"
    assert found.usable[0, :70, 0].all()
    assert not found.usable[0, 74:, 0].any()


def test_after_a_known_manoeuvre_small_departures_are_cut_too():
    stack = stacked(5)
    stack.position_m[1, 72:, 3] += np.linspace(0.0, 1.2, 72)[:, None] * SHIFT
    manoeuvre = {"G04": stack.epochs_gps[72], "C99": stack.epochs_gps[3]}
    assert screened(stack).usable[1, 75:100, 3].all()
    found = screened(stack, manoeuvre)
    assert told(found) == [("AC1", "G04", "cut-arc", 72)]
    assert not found.usable[1, 72:, 3].any()
    assert found.usable[1, :72, 3].all()
    assert screened(stacked(5), manoeuvre).exclusions == ()


def test_records_of_one_or_no_centre_are_kept():
    stack = stacked(3)
    stack.position_m[1:, :, 0] = np.nan
    stack.position_m[:, :, 1] = np.nan
    stack.position_m[0, :, 0] += 1e6
    found = screened(stack)
    assert found.exclusions == ()
    assert found.usable[0, :, 0].all()
    assert not found.usable[:, :, 1].any()


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_few_epochs(count):
    stack = stacked(3, count=max(count, 2))
    assert screened(stack).usable.all()

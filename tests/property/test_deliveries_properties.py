"""What must hold of every class, however issues arrive."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.chain.deliveries import Arrivals, IssueState, class_state, expected_issues, judge
from fiducial.runs.catalogue_health import load_rules

RULES = load_rules()
FIRST_DAY = 17_000
HOUR = np.timedelta64(1, "h")
rules = st.sampled_from(RULES)


@st.composite
def cases(draw):
    """A class, its first period, arrivals around the due times of some of its issues, and a time of asking."""
    rule = draw(rules)
    first = FIRST_DAY * 24 // rule.every_hours
    issues = expected_issues(rule, first, np.datetime64("1980-01-06") + np.timedelta64(FIRST_DAY + 60, "D"))
    count = min(issues.index.size, 8)
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, count - 1), st.integers(0, 6), st.none() | st.integers(-200, 200)), max_size=20
        )
    )
    start, end, time = [], [], []
    for k, part, hours in rows:
        begin = issues.start_gps[k] + np.timedelta64(part if rule.parts > 1 else 0, "D")
        start.append(begin)
        end.append(begin + np.timedelta64(1, "D"))
        time.append(np.datetime64("NaT", "us") if hours is None else issues.due_utc[k] + hours * HOUR)
    held = Arrivals(
        *(np.array(one, dtype="datetime64[us]") for one in (start, end, time)), np.ones(len(rows), dtype=bool)
    )
    asked = issues.due_utc[0] + draw(st.integers(-500, 1500)) * HOUR
    return rule, first, held, asked


@given(cases())
def test_an_issue_that_came_before_it_fell_due_is_never_late(case):
    rule, first, held, asked = case
    late = expected_issues(rule, first, asked + np.timedelta64(100, "D")).due_utc
    index = (held.start_gps - np.datetime64("1980-01-06", "us")) // (rule.every_hours * HOUR)
    due = late[index.astype(int) - first] if index.size else held.time_utc
    early = np.isnat(held.time_utc) | (held.time_utc <= due)
    kept = Arrivals(*(getattr(held, name)[early] for name in Arrivals.__slots__))
    judged = judge(rule, kept, first, asked)
    assert IssueState.LATE not in judged.states


@given(cases(), st.integers(0, 2000))
def test_asked_later_what_fell_due_stays_due(case, hours):
    rule, first, held, asked = case
    now = judge(rule, held, first, asked)
    then = judge(rule, held, first, asked + hours * HOUR)
    assert then.issues.index[: now.issues.index.size].tolist() == now.issues.index.tolist()
    for before, after in zip(now.states, then.states, strict=False):
        assert before is IssueState.NOT_DUE or after is not IssueState.NOT_DUE
        if before in {IssueState.ON_TIME, IssueState.LATE, IssueState.HELD}:
            assert after is before


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_arrivals_and_duplicates_do_not_matter(case, random):
    rule, first, held, asked = case
    order = list(range(held.start_gps.size)) * 2
    random.shuffle(order)
    mixed = Arrivals(*(getattr(held, name)[order] for name in Arrivals.__slots__))
    one, other = judge(rule, held, first, asked), judge(rule, mixed, first, asked)
    assert one.states == other.states
    assert np.array_equal(one.arrival_utc, other.arrival_utc, equal_nan=True)
    assert class_state(one) == class_state(other)


@given(cases())
def test_times_and_states_agree(case):
    rule, first, held, asked = case
    judged = judge(rule, held, first, asked)
    for k, state in enumerate(judged.states):
        known = not np.isnat(judged.arrival_utc[k])
        assert known == (state in {IssueState.ON_TIME, IssueState.LATE})
        assert (judged.hours_late[k] >= 0) == (state in {IssueState.LATE, IssueState.INCOMPLETE, IssueState.MISSING})
        assert state is not IssueState.MISSING or judged.parts_held[k] == 0
        if known:
            assert judged.arrival_utc[k] <= asked

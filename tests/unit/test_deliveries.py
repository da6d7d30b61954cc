"""When issues fall due, whether they came, and what a class is in after them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from chain_small import packaged
from fiducial.chain.assembly import assemble
from fiducial.chain.deliveries import (
    Arrivals,
    IssueState,
    class_state,
    expected_issues,
    first_due_from,
    first_held,
    judge,
)
from fiducial.errors import FormatError
from fiducial.formats.chain_deliveries import check_deliveries, read_deliveries
from fiducial.runs.catalogue_health import load_rules

RULES = {rule.id: rule for rule in load_rules()}
S = IssueState


def utc(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


def arrivals(*rows: tuple[str, str, str | None], stated: bool = True) -> Arrivals:
    """Arrivals of (start, end, time)."""
    start, end, came = ([np.datetime64(row[k] or "NaT", "us") for row in rows] for k in range(3))
    return Arrivals(np.array(start), np.array(end), np.array(came), np.full(len(rows), stated))


def day(text: str, came: str | None) -> tuple[str, str, str | None]:
    return text, str(np.datetime64(text) + 1), came


def issue(identity: str, start: str):
    rule = RULES[identity]
    issues = expected_issues(rule, first_due_from(rule, utc(start)), utc(start) + np.timedelta64(60, "D"))
    return next(k for k in zip(issues.start_gps, issues.end_gps, issues.due_utc, strict=True) if k[0] == utc(start))


@pytest.mark.parametrize(
    ("identity", "start", "due"),
    [
        ("igs_ultra_orbits", "2026-11-20T00:00", "2026-11-21T03:00"),
        ("igs_ultra_orbits", "2026-11-20T18:00", "2026-11-21T21:00"),
        ("igs_rapid_orbits", "2026-11-20T00:00", "2026-11-21T17:00"),
        ("igs_final_orbits", "2024-09-15T00:00", "2024-10-05T00:00"),
        ("igs_sinex", "2024-09-15T00:00", "2024-10-04T00:00"),
        ("igs_gim_rapid", "2026-11-20T00:00", "2026-11-22T00:00"),
        ("ac_final_orbits:COD", "2024-09-15T00:00", "2024-10-02T05:00"),
        ("ac_rapid_orbits:ESA", "2026-11-20T00:00", "2026-11-21T15:45"),
        ("ac_ultra_orbits:GFZ", "2026-11-20T06:00", "2026-11-21T08:50"),
    ],
)
def test_issues_fall_due_as_the_sources_say(identity, start, due):
    assert issue(identity, start)[2] == utc(due)


def test_the_final_issue_is_late_when_its_friday_is_over_and_the_centres_deadline_is_a_wednesday():
    friday = issue("igs_final_orbits", "2024-09-15T00:00")[2] - np.timedelta64(1, "us")
    wednesday = issue("ac_final_orbits:COD", "2024-09-15T00:00")[2]
    assert [np.datetime64(one, "D").astype(object).weekday() for one in (friday, wednesday)] == [4, 2]


def test_a_week_belongs_to_gps_time_and_its_boundary_to_the_later_week():
    rule = RULES["igs_final_orbits"]
    held = arrivals(day("2024-09-14", "2024-09-20"), day("2024-09-15", "2024-09-20"))
    judged = judge(rule, held, first_held(rule, held), utc("2024-11-01"))
    assert judged.issues.index[:2].tolist() == [2331, 2332]
    assert judged.parts_held[:2].tolist() == [1, 1]
    # A day of GPS time is over 18 s before that of UTC.
    early = judge(
        RULES["igs_rapid_orbits"], arrivals(day("2024-09-14", "2024-09-14T23:59:41")), 16_322, utc("2024-09-20")
    )
    just = judge(
        RULES["igs_rapid_orbits"], arrivals(day("2024-09-14", "2024-09-14T23:59:42")), 16_322, utc("2024-09-20")
    )
    assert (early.implausible, just.implausible) == (1, 0)


def test_the_due_second_itself_is_on_time_and_the_next_microsecond_is_not():
    rule = RULES["igs_rapid_orbits"]
    due = utc("2026-11-21T17:00")
    first = first_due_from(rule, due)
    for came, state in ((due, S.ON_TIME), (due + np.timedelta64(1, "us"), S.LATE)):
        judged = judge(rule, arrivals(day("2026-11-20", str(came))), first, utc("2026-11-23"))
        assert judged.states[0] is state
    nothing = Arrivals.none()
    assert judge(rule, nothing, first, due).states[0] is S.NOT_DUE
    assert judge(rule, nothing, first, due + np.timedelta64(1, "us")).states[0] is S.MISSING
    assert first_due_from(rule, due + np.timedelta64(1, "us")) == first + 1


def test_of_duplicates_the_first_counts_and_a_known_time_before_an_unknown_one():
    rule = RULES["igs_rapid_orbits"]
    held = arrivals(
        day("2026-11-20", None), day("2026-11-20", "2026-11-22T02:00"), day("2026-11-20", "2026-11-21T16:00")
    )
    judged = judge(rule, held, first_held(rule, held), utc("2026-11-23"))
    assert (judged.states[0], judged.arrival_utc[0]) == (S.ON_TIME, utc("2026-11-21T16:00"))


def test_a_clock_that_went_backwards_leaves_the_time_unknown():
    rule = RULES["igs_rapid_orbits"]
    held = arrivals(day("2026-11-20", "2026-11-19T12:00"))
    judged = judge(rule, held, first_held(rule, held), utc("2026-11-23"))
    assert (judged.states[0], judged.implausible) == (S.HELD, 1)
    assert np.isnat(judged.arrival_utc[0])
    assert not judged.stated[0]
    assert np.isnan(judged.hours_late[0])


def test_a_week_is_whole_when_its_last_day_came():
    rule = RULES["ac_final_orbits:COD"]
    days = [str(np.datetime64("2024-09-15") + k) for k in range(7)]
    almost = arrivals(*(day(one, "2024-10-01") for one in days[:6]))
    whole = arrivals(*(day(one, "2024-10-01") for one in days[:6]), day(days[6], "2024-10-02T08:00"))
    one_file = arrivals(("2024-09-15", "2024-09-22", "2024-10-02T04:00"))
    at = utc("2024-10-04")
    found = judge(rule, almost, 2332, at)
    assert (found.states[0], found.parts_held[0], found.hours_late[0]) == (S.INCOMPLETE, 6, 43.0)
    assert class_state(found).state is S.INCOMPLETE
    found = judge(rule, whole, 2332, at)
    assert (found.states[0], found.hours_late[0]) == (S.LATE, 3.0)
    assert judge(rule, one_file, 2332, at).states[0] is S.ON_TIME


def test_what_covers_more_than_a_period_or_begins_elsewhere_is_no_issue():
    assert first_held(RULES["igs_sinex"], arrivals(("2010-01-03", "2024-09-15", "2024-10-01"))) is None
    assert first_held(RULES["igs_rapid_orbits"], arrivals(("2026-11-20", "2026-11-27", "2026-11-28"))) is None
    ultra = RULES["igs_ultra_orbits"]
    assert first_held(ultra, arrivals(("2026-11-20T03:00", "2026-11-22T03:00", "2026-11-21T05:00"))) is None
    assert first_held(ultra, arrivals(("2026-11-20T06:00", "2026-11-22T06:00", "2026-11-21T08:00"))) is not None


def test_missing_counts_from_the_last_issue_that_came():
    rule = RULES["igs_rapid_orbits"]
    held = arrivals(day("2026-11-10", "2026-11-11T16:00"), day("2026-11-12", "2026-11-13T18:30"))
    judged = judge(rule, held, first_held(rule, held), utc("2026-11-16T02:00"))
    assert judged.states[:5] == (S.ON_TIME, S.MISSING, S.LATE, S.MISSING, S.MISSING)
    found = class_state(judged)
    assert (found.state, found.missing) == (S.MISSING, 2)
    assert judged.issues.due_utc[found.position] == utc("2026-11-14T17:00")
    assert judged.hours_late[found.position] == 33.0
    # A gap is no outage once a later issue came.
    assert class_state(judge(rule, held, first_held(rule, held), utc("2026-11-13T20:00"))).state is S.LATE
    # Asked as of a time between due and arrival, it was missing then.
    assert class_state(judge(rule, held, first_held(rule, held), utc("2026-11-13T18:00"))).state is S.MISSING


def test_before_any_data_and_without_any():
    rule = RULES["igs_rapid_orbits"]
    held = arrivals(day("2026-11-10", "2026-11-11T16:00"))
    judged = judge(rule, held, first_held(rule, held), utc("2020-01-01"))
    assert judged.states == ()
    assert class_state(judged).state is S.NOT_DUE
    assert class_state(judge(rule, Arrivals.none(), None, utc("2026-11-10"))).position is None
    assert first_held(rule, Arrivals.none()) is None


def test_ten_years_of_four_issues_a_day_are_judged_at_once():
    rule = RULES["igs_ultra_orbits"]
    start = np.arange(utc("2014-01-01"), utc("2024-01-01"), np.timedelta64(6, "h"))
    held = Arrivals(
        start, start + np.timedelta64(48, "h"), start + np.timedelta64(27, "h"), np.ones(start.size, dtype=bool)
    )
    begin = time.process_time()
    judged = judge(rule, held, first_held(rule, held), utc("2024-01-02T02:00"))
    spent_s = time.process_time() - begin
    assert judged.states.count(S.ON_TIME) == start.size
    assert spent_s < 2.0


def test_the_packaged_classes_name_known_sources_and_nodes():
    knowledge = packaged()
    nodes = assemble(knowledge).network.nodes
    check_deliveries(RULES.values(), {source.id for source in knowledge.sources}, nodes)
    with pytest.raises(FormatError, match=r"FID-2643.*'gso_gsc_ultra'"):
        check_deliveries(RULES.values(), {source.id for source in knowledge.sources}, ())
    with pytest.raises(FormatError, match=r"FID-2643.*'SCHED'"):
        check_deliveries(RULES.values(), (), nodes)


CLASS = """classes:
  - id: a
    name: A
    makes: [itrf]
    period: week
    due: {days_after_last_day: 13, utc: "24:00", weekday: Friday, evidence: sourced, source: [SCHED]}
    files: {centre: IGS, solution: FIN, contents: [ORB]}
"""


def test_a_minimal_file_is_read():
    (rule,) = read_deliveries(CLASS.encode(), "d.yaml")
    assert (rule.due_after_end_s, rule.parts, str(rule.place)) == (13 * 86400, 7, "d.yaml, line 2")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("weekday: Friday", "weekday: Thursday", "FID-2644", 6),
        ("period: week", "period: day", "FID-2644", 6),
        (", source: [SCHED]", "", "FID-2643", 6),
        ("13, utc", "13, utx", "FID-2642", 6),
        ('"24:00"', '"24:01"', "FID-2642", 6),
        ('13, utc: "24:00", weekday: Friday', '0, utc: "05:00"', "FID-2642", 6),
        ("period: week", "period: month", "FID-2642", 5),
        ("period: week", "period: session", "FID-2642", 2),
        ("period: week", "period: session\n    every_hours: 7", "FID-2642", 6),
        ("makes: [itrf]", "each: stations", "FID-2642", 4),
        ("contents: [ORB]", "contents: []", "FID-2642", 7),
        ("classes:", "klasses:", "FID-2642", 2),
        ("    name: A", "    name: [", "FID-2642", 5),
    ],
)
def test_what_cannot_be_names_file_and_line(old, new, code, line):
    with pytest.raises(FormatError, match=code) as caught:
        read_deliveries(CLASS.replace(old, new).encode(), "d.yaml")
    assert caught.value.where == f"d.yaml, line {line}"


def test_ids_stand_once_and_the_text_is_utf8():
    with pytest.raises(FormatError, match=r"FID-2642.*twice"):
        read_deliveries((CLASS + CLASS.split("\n", 1)[1]).encode(), "d.yaml")
    with pytest.raises(FormatError, match="FID-2642"):
        read_deliveries(b"\xff", "d.yaml")
    with pytest.raises(FormatError, match="FID-2642"):
        read_deliveries((CLASS + "centres:\n  - {code: cod, name: C, makes: null}\n").encode(), "d.yaml")

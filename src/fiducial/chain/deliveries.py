"""Issues of product classes: when they fall due, whether they came, and what that says about those who make them.

Periods are counted in GPS time: a week begins on Sunday at 00:00 GPS, which is 18 s before 00:00 UTC since 2017. Due times are clock
times in UTC on a date counted from the period, so leap seconds do not move them. Days and weeks are made of days and complete when
every day is there; sessions overlap and are known by their first epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.chain.dependencies import Evidence
from fiducial.chain.egv import Place
from fiducial.timescales import Epochs, utc_from_gps

GPS_START: Final = np.datetime64("1980-01-06T00:00", "us")
_DAY_US: Final = 86_400_000_000
_NEVER: Final = np.iinfo(np.int64).max

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class IssuePeriod(StrEnum):
    """What one issue covers."""

    SESSION = "session"
    DAY = "day"
    WEEK = "week"


class IssueState(StrEnum):
    """State of an issue, or of a class after its newest issue.

    ``held``: it is there, but when it came is not known; ``not watched`` is said of classes only.
    """

    ON_TIME = "on time"
    LATE = "late"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    HELD = "held"
    NOT_DUE = "not due yet"
    NOT_WATCHED = "not watched"


_STATES: Final = (
    IssueState.ON_TIME, IssueState.LATE, IssueState.HELD, IssueState.INCOMPLETE, IssueState.MISSING, IssueState.NOT_DUE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeliveryRule:
    """When issues of a product class fall due, and how their files are known.

    Attributes
    ----------
    family : str
        Class of the data file; that of one centre shares it with those of the others.
    makes : tuple of str
        Workflow nodes or streams that are out while issues are missing; empty where none stands for it.
    every_hours : int
        From one issue to the next.
    due_after_end_s : int
        From the end of the period, read as a calendar time, to the due time in UTC.
    due_text : str
        The due time in words.
    centre, solution : str
        As in IGS names: ``IGS``, ``FIN``.
    contents : tuple of str
        ``ORB``, ``CLK``, ...; any of them makes an issue.
    centre_name : str
        Name of the centre, with which ``name`` ends; empty where the class is of one centre only.
    """

    id: str
    name: str
    family: str
    makes: tuple[str, ...]
    period: IssuePeriod
    every_hours: int
    due_after_end_s: int
    due_text: str
    evidence: Evidence
    source: tuple[str, ...]
    note: str | None
    centre: str
    solution: str
    contents: tuple[str, ...]
    place: Place
    centre_name: str = ""

    @property
    def span_hours(self) -> int:
        """Hours of observations in an issue."""
        return 168 if self.period is IssuePeriod.WEEK else 24

    @property
    def parts(self) -> int:
        """Number of parts that make an issue whole: the days of a week, else one."""
        return 7 if self.period is IssuePeriod.WEEK else 1


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came of a class: arrays of one length.

    Attributes
    ----------
    start_gps, end_gps : ndarray of datetime64
        Span of the observations, GPS time.
    time_utc : ndarray of datetime64
        When it came; NaT where that is not known.
    stated : ndarray of bool
        Whether the time is the issue time that the product states, and not when the catalogue took it in.
    """

    start_gps: Epochs
    end_gps: Epochs
    time_utc: Epochs
    stated: Flags

    @classmethod
    def none(cls) -> Arrivals:
        """Return that nothing came."""
        empty = np.array([], dtype="datetime64[us]")
        return cls(empty, empty, empty, np.array([], dtype=bool))


@dataclass(frozen=True, slots=True)
class Issues:
    """Expected issues of a class.

    Attributes
    ----------
    index : ndarray of int64, shape (n,)
        Number of the period since the beginning of GPS time.
    start_gps, end_gps : ndarray of datetime64[us]
        Period, GPS time.
    due_utc : ndarray of datetime64[us]
        Last instant that is on time.
    """

    index: Integers
    start_gps: Epochs
    end_gps: Epochs
    due_utc: Epochs


@dataclass(frozen=True, slots=True)
class Judged:
    """Expected issues beside what came.

    Attributes
    ----------
    states : tuple of IssueState, length n
    arrival_utc : ndarray of datetime64[us], shape (n,)
        When the issue was whole; NaT where it is not, or the time is not known.
    hours_late : ndarray of float64, shape (n,)
        Arrival after the due time, or the time of asking after it for what is not whole; NaN where not late.
    parts_held : ndarray of int64, shape (n,)
    stated : ndarray of bool, shape (n,)
        Whether all times behind the arrival are stated issue times.
    implausible : int
        Arrivals with a time before the end of their own observations; that time is taken as not known.
    """

    issues: Issues
    states: tuple[IssueState, ...]
    arrival_utc: Epochs
    hours_late: NDArray[np.float64]
    parts_held: Integers
    stated: Flags
    implausible: int


@dataclass(frozen=True, slots=True)
class ClassState:
    """A class after its newest issue.

    Attributes
    ----------
    position : int or None
        The issue that decides the state, counted in the expected ones: the first of those missing in a row, or the newest due.
    missing : int
        Issues missing in a row since the last one that came.
    """

    state: IssueState
    position: int | None
    missing: int


def expected_issues(rule: DeliveryRule, first: int, as_of_utc: np.datetime64) -> Issues:
    """Return the issues from one period to the first that has not ended.

    Parameters
    ----------
    rule : DeliveryRule
    first : int
        Number of the first period.
    as_of_utc : datetime64
        Time of asking, UTC.

    Returns
    -------
    Issues
        All whose observations have ended, and one more; empty when not even that is reached.
    """
    step, span = rule.every_hours * 3_600_000_000, rule.span_hours * 3_600_000_000
    now = _microseconds(as_of_utc)
    last = (now - span) // step + 1
    return issues_of(rule, np.arange(max(first, 0), max(last, first - 1) + 1, dtype=np.int64))


def issues_of(rule: DeliveryRule, index: Integers) -> Issues:
    """Return the issues of periods by their numbers since the beginning of GPS time."""
    start = GPS_START + (index * (rule.every_hours * 3_600_000_000)).astype("timedelta64[us]")
    end = start + np.timedelta64(rule.span_hours, "h")
    return Issues(index, start, end, end + np.timedelta64(rule.due_after_end_s, "s"))


def first_due_from(rule: DeliveryRule, since_utc: np.datetime64) -> int:
    """Return the number of the first period whose issue falls due at a time or after it."""
    step, span = rule.every_hours * 3_600_000_000, rule.span_hours * 3_600_000_000
    wanted = _microseconds(since_utc) - rule.due_after_end_s * 1_000_000 - span
    return max(0, -(-wanted // step))


def first_held(rule: DeliveryRule, arrivals: Arrivals) -> int | None:
    """Return the number of the first period of which anything came, None where nothing did."""
    parts, _ = _parts(rule, arrivals)
    return None if not parts.size else int(parts.min()) // rule.parts


def judge(rule: DeliveryRule, arrivals: Arrivals, first: int | None, as_of_utc: np.datetime64) -> Judged:
    """Hold the expected issues of a class against what came.

    Parameters
    ----------
    rule : DeliveryRule
    arrivals : Arrivals
        In any order, with duplicates: the first of each counts.
    first : int or None
        Number of the first period expected; None expects nothing.
    as_of_utc : datetime64
        Time of asking, UTC; what came after it does not count.

    Returns
    -------
    Judged
    """
    now = _microseconds(as_of_utc)
    issues = _none() if first is None else expected_issues(rule, first, as_of_utc)
    count = issues.index.size
    due = _array_microseconds(issues.due_utc)
    time, found, stated, implausible = _earliest(rule, arrivals, issues)
    unknown = found & (time == _NEVER)
    held = found & ((time <= now) | unknown)
    parts_held = held.sum(axis=1)
    whole = (parts_held == rule.parts) & (count > 0)
    when = np.where(held, time, -_NEVER).max(axis=1, initial=-_NEVER)
    known = whole & ~(held & unknown).any(axis=1)
    past = now > due
    # Conditions in order of precedence.
    chosen = np.select([known & (when <= due), known, past & whole, past & (parts_held > 0), past], range(5), default=5)
    overdue = past & ~whole
    late = np.where(known & (when > due), when - due, np.where(overdue, now - due, -1)) / 3.6e9
    arrival = np.full(count, np.datetime64("NaT", "us"), dtype="datetime64[us]")
    arrival[known] = GPS_START + when[known].astype("timedelta64[us]")
    return Judged(
        issues,
        tuple(_STATES[code] for code in chosen.tolist()),
        arrival,
        np.where(late >= 0, late, np.nan),
        parts_held.astype(np.int64),
        known & (stated | ~held).all(axis=1),
        implausible,
    )


def class_state(judged: Judged) -> ClassState:
    """Return the state of a class after its newest issue.

    An issue that never came does not make the class missing when a later one did: production went on.
    """
    due = [k for k, state in enumerate(judged.states) if state is not IssueState.NOT_DUE]
    if not due:
        return ClassState(IssueState.NOT_DUE, None, 0)
    came = np.flatnonzero(judged.parts_held > 0)
    last = int(came[-1]) if came.size else -1
    row = [k for k in due if k > last and judged.states[k] is IssueState.MISSING]
    if row:
        return ClassState(IssueState.MISSING, row[0], len(row))
    return ClassState(judged.states[due[-1]], due[-1], 0)


def _none() -> Issues:
    empty = np.array([], dtype="datetime64[us]")
    return Issues(np.array([], dtype=np.int64), empty, empty, empty)


def _microseconds(time: np.datetime64) -> int:
    return int((time.astype("datetime64[us]") - GPS_START).astype(np.int64))


def _array_microseconds(times: Epochs) -> Integers:
    return np.asarray((times.astype("datetime64[us]") - GPS_START).astype(np.int64))


def _parts(rule: DeliveryRule, arrivals: Arrivals) -> tuple[Integers, Integers]:
    """Return the parts that arrivals hold, numbered since the beginning of GPS time, and the arrival of each."""
    start, end = _array_microseconds(arrivals.start_gps), _array_microseconds(arrivals.end_gps)
    if rule.period is IssuePeriod.SESSION:
        step = rule.every_hours * 3_600_000_000
        fitting = np.flatnonzero((start % step == 0) & (start >= 0))
        return start[fitting] // step, fitting
    first = np.maximum(-(-start // _DAY_US), 0)
    # A cumulative solution of years is no issue of the weeks in it.
    fits = end - start <= rule.span_hours * 3_600_000_000
    count = np.where(fits, np.maximum(end // _DAY_US - first, 0), 0)
    which = np.repeat(np.arange(start.size), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return first[which] + offset, which


def _earliest(rule: DeliveryRule, arrivals: Arrivals, issues: Issues) -> tuple[Integers, Flags, Flags, int]:
    """Return time, presence and whether stated, each of shape (issue, part), of the earliest arrival of every part."""
    part, which = _parts(rule, arrivals)
    time, implausible = _times(rule, arrivals)
    order = np.lexsort((time[which], part))
    part, which = part[order], which[order]
    wanted = issues.index[:, None] * rule.parts + np.arange(rule.parts)
    place = np.searchsorted(part, wanted)
    inside = place < part.size
    place = np.where(inside, place, 0)
    if not part.size:
        shape = wanted.shape
        return np.full(shape, _NEVER), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool), implausible
    found = inside & (part[place] == wanted)
    source = which[place]
    return np.where(found, time[source], _NEVER), found, found & arrivals.stated[source], implausible


def _times(rule: DeliveryRule, arrivals: Arrivals) -> tuple[Integers, int]:
    known = ~np.isnat(arrivals.time_utc)
    time = np.full(known.size, _NEVER, dtype=np.int64)
    time[known] = _array_microseconds(arrivals.time_utc[known])
    session = rule.period is IssuePeriod.SESSION
    # Half of an ultra-rapid file is a prediction.
    ended = arrivals.start_gps + np.timedelta64(rule.span_hours, "h") if session else arrivals.end_gps
    early = known & (time < _array_microseconds(utc_from_gps(ended)))
    time[early] = _NEVER
    return time, int(early.sum())

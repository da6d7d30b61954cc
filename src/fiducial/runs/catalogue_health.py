"""Expected against actual arrival of every product class: the run behind ``fiducial catalogue health``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import numpy as np

from fiducial.chain.deliveries import (
    ClassState,
    DeliveryRule,
    IssuePeriod,
    IssueState,
    Judged,
    class_state,
    first_due_from,
    first_held,
    issues_of,
    judge,
)
from fiducial.chain.knowledge import Knowledge
from fiducial.errors import CatalogueError
from fiducial.formats.chain_deliveries import read_deliveries
from fiducial.runs.catalogue_arrivals import Gathered, Holdings, gather, instant
from fiducial.runs.catalogue_health_impact import Consequences, ImpactSettings, consequences, duration, stamp

DATA_FILE: Final = "deliveries.yaml"
UNSEEN: Final = "FID-4060"
TIME: Final = "FID-4061"
ORDER: Final = "FID-4062"
_EARLIEST: Final = np.datetime64("1980-01-06T00:00", "us")
_LATEST: Final = np.datetime64("2261-01-01T00:00", "us")
_TROUBLE: Final = frozenset({IssueState.LATE, IssueState.INCOMPLETE, IssueState.MISSING, IssueState.HELD})


@dataclass(frozen=True, slots=True)
class HealthOptions:
    """Options of a health run.

    Attributes
    ----------
    since : str, optional
        Issues that fell due before this date or time are not asked for; by default each class is watched from the first issue
        that the catalogue holds of it.
    as_of : str, optional
        Time of asking, UTC; now by default.
    unwatched : bool
        Whether classes of which the catalogue holds nothing are expected too.
    impact : ImpactSettings
    """

    since: str | None = None
    as_of: str | None = None
    unwatched: bool = False
    impact: ImpactSettings = field(default_factory=ImpactSettings)


@dataclass(frozen=True, slots=True)
class ClassHealth:
    """A class, its expected issues and its state after the newest of them.

    Attributes
    ----------
    next_due_utc : datetime64 or None
        When the next issue falls due; None for a class that is not watched.
    """

    rule: DeliveryRule
    judged: Judged
    verdict: ClassState
    next_due_utc: np.datetime64 | None

    @property
    def state(self) -> IssueState:
        """State after the newest issue."""
        return self.verdict.state

    @property
    def due_utc(self) -> np.datetime64 | None:
        """Due time of the issue that decides the state."""
        position = self.verdict.position
        return None if position is None else self.judged.issues.due_utc[position]

    @property
    def hours_late(self) -> float | None:
        """Hours by which that issue is late, or was; None where it is not."""
        if self.verdict.position is None:
            return None
        hours = float(self.judged.hours_late[self.verdict.position])
        return None if math.isnan(hours) else hours

    @property
    def detail(self) -> str:
        """State in words."""
        position = self.verdict.position
        if position is None:
            return str(self.state)
        late = "" if self.hours_late is None else f" {duration(self.hours_late)}"
        if self.state is IssueState.MISSING:
            count = self.verdict.missing
            return ("1 issue," if count == 1 else f"{count} issues, the first") + f"{late} late"
        if self.state is IssueState.INCOMPLETE:
            return f"{self.judged.parts_held[position]} of {self.rule.parts} days are there,{late} after it fell due"
        if self.state is IssueState.HELD:
            return "there, but when it came is not known"
        came = f"{stamp(self.judged.arrival_utc[position])}"
        seen = "issued" if self.judged.stated[position] else "added to the catalogue; when issued is not stated:"
        return f"{'late' + late if late else 'on time'}, {seen} {came}"

    def period_text(self, position: int) -> str:
        """Return the period of an issue, GPS time."""
        issues = self.judged.issues
        start = issues.start_gps[position]
        if self.rule.period is IssuePeriod.WEEK:
            return f"GPS week {issues.index[position]} from {start.astype('datetime64[D]')}"
        return str(start.astype("datetime64[D]" if self.rule.period is IssuePeriod.DAY else "datetime64[h]"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; every issue that is not on time and not merely to come."""
        rule, judged, position = self.rule, self.judged, self.verdict.position
        counts = Counter(str(state) for state in judged.states)
        return {
            "class": rule.id,
            "name": rule.name,
            "makes": list(rule.makes),
            "due_rule": rule.due_text,
            "evidence": str(rule.evidence),
            "source": list(rule.source),
            "note": rule.note,
            "state": str(self.state),
            "detail": self.detail,
            "period": None if position is None else self.period_text(position),
            "due_utc": text_of(self.due_utc),
            "hours_late": self.hours_late,
            "missing_in_a_row": self.verdict.missing,
            "next_due_utc": text_of(self.next_due_utc),
            "issues": {str(state): counts[str(state)] for state in IssueState if counts[str(state)]},
            "implausible_times": judged.implausible,
            "troubles": [self._issue(k) for k, state in enumerate(judged.states) if state in _TROUBLE],
        }

    def _issue(self, k: int) -> dict[str, Any]:
        judged = self.judged
        late = float(judged.hours_late[k])
        return {
            "period": self.period_text(k),
            "start_gps": text_of(judged.issues.start_gps[k]),
            "end_gps": text_of(judged.issues.end_gps[k]),
            "due_utc": text_of(judged.issues.due_utc[k]),
            "state": str(judged.states[k]),
            "arrival_utc": text_of(judged.arrival_utc[k]),
            "arrival_is_issue_time": bool(judged.stated[k]),
            "hours_late": None if math.isnan(late) else late,
            "parts_held": int(judged.parts_held[k]),
            "parts": self.rule.parts,
        }


@dataclass(frozen=True, slots=True)
class HealthResult:
    """Health of all classes, and what it does to the chain."""

    as_of_utc: np.datetime64
    since_utc: np.datetime64 | None
    classes: tuple[ClassHealth, ...]
    consequences: Consequences
    files: int
    others: int

    @property
    def is_missing(self) -> bool:
        """Whether an issue that fell due is missing, wholly or in part."""
        return any(one.state in {IssueState.MISSING, IssueState.INCOMPLETE} for one in self.classes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; periods in GPS time, all other times in UTC."""
        return {
            "as_of_utc": text_of(self.as_of_utc),
            "since_utc": text_of(self.since_utc),
            "files": self.files,
            "files_of_no_class": self.others,
            "missing": self.is_missing,
            "classes": [one.to_dict() for one in self.classes],
            "impact": self.consequences.to_dict(),
        }


def load_rules() -> tuple[DeliveryRule, ...]:
    """Return the packaged classes."""
    content = files("fiducial.chain").joinpath("data").joinpath(DATA_FILE).read_bytes()
    return read_deliveries(content, DATA_FILE)


def run_health(
    catalogue: Holdings,
    knowledge: Knowledge,
    options: HealthOptions,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str], None] = lambda _: None,
) -> HealthResult:
    """Hold what a catalogue has against what was due, and tell what the gaps do to the chain.

    Parameters
    ----------
    catalogue : Holdings
    knowledge : Knowledge
        The chain.
    options : HealthOptions
    now : callable
        The clock, for ``as_of``.
    progress : callable
        Told the name of what is propagated.

    Returns
    -------
    HealthResult

    Raises
    ------
    CatalogueError
        FID-4060 when classes never held are asked for and nothing tells from when; FID-4061 for a time that is none; FID-4062 when
        the period asked for ends before it begins.
    """
    as_of = instant(now()) if options.as_of is None else read_time(options.as_of, "--as-of")
    since = None if options.since is None else read_time(options.since, "--since")
    if since is not None and since > as_of:
        raise CatalogueError(
            ORDER, f"{stamp(since)} is after {stamp(as_of)}", where="--since", fix="give a time before --as-of"
        )
    rules = load_rules()
    gathered = gather(catalogue, rules)
    classes = judge_classes(rules, gathered, as_of, since, unwatched=options.unwatched)
    found = consequences(knowledge, classes, as_of, options.impact, progress=progress)
    return HealthResult(as_of, since, classes, found, gathered.files, gathered.others)


def judge_classes(
    rules: Sequence[DeliveryRule],
    gathered: Gathered,
    as_of_utc: np.datetime64,
    since_utc: np.datetime64 | None,
    *,
    unwatched: bool = False,
) -> tuple[ClassHealth, ...]:
    """Return the health of every class.

    Raises
    ------
    CatalogueError
        FID-4060.
    """
    held = {rule.id: first_held(rule, gathered.arrivals[rule.id]) for rule in rules}
    begin = since_utc
    if begin is None and unwatched:
        starts = [_due_of(rule, first) for rule in rules if (first := held[rule.id]) is not None]
        if not starts:
            raise CatalogueError(
                UNSEEN, "the catalogue holds none of the classes, so nothing tells from when they are expected",
                where="--all", fix="give --since DATE",
            )  # fmt: skip
        begin = min(starts)
    classes = []
    for rule in rules:
        first = held[rule.id]
        if first is None and not unwatched:
            nothing = judge(rule, gathered.arrivals[rule.id], None, as_of_utc)
            classes.append(ClassHealth(rule, nothing, ClassState(IssueState.NOT_WATCHED, None, 0), None))
            continue
        if since_utc is not None or first is None:
            first = first_due_from(rule, begin if begin is not None else as_of_utc)
        judged = judge(rule, gathered.arrivals[rule.id], first, as_of_utc)
        open_ = [due for due, state in zip(judged.issues.due_utc, judged.states, strict=True)
                 if state is IssueState.NOT_DUE]  # fmt: skip
        classes.append(ClassHealth(rule, judged, class_state(judged), open_[0] if open_ else None))
    return tuple(classes)


def _due_of(rule: DeliveryRule, first: int) -> np.datetime64:
    due: np.datetime64 = issues_of(rule, np.array([first])).due_utc[0]
    return due


def read_time(text: str, where: str) -> np.datetime64:
    """Return a date or time that a user wrote, UTC where no zone is given; a date is its first instant.

    Raises
    ------
    CatalogueError
        FID-4061.
    """
    try:
        time = instant(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        time = np.datetime64("NaT", "us")
    if np.isnat(time) or not _EARLIEST <= time < _LATEST:
        raise CatalogueError(
            TIME, f"{text!r} is no date or time from 1980-01-06 to 2260", where=where,
            fix="write 2024-10-10, or 2024-10-10T17:00 in UTC",
        )  # fmt: skip
    return time


def text_of(time: np.datetime64 | None) -> str | None:
    """Return a time as ISO 8601 to the second, None for none."""
    return None if time is None or np.isnat(time) else str(time.astype("datetime64[s]"))

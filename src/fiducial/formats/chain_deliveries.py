"""The data file of deliveries: when issues of product classes fall due, and how their files are known."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fiducial.chain.deliveries import GPS_START, DeliveryRule, IssuePeriod
from fiducial.chain.dependencies import Evidence
from fiducial.chain.egv import Place
from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.formats.yaml_records import Record
from fiducial.formats.yaml_tree import parse_tree

DAMAGED: Final = "FID-2642"
REFERENCE: Final = "FID-2643"
WEEKDAY: Final = "FID-2644"

_CLOCK: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True, slots=True)
class _Centre:
    code: str
    name: str
    makes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Due:
    after_end_s: int
    text: str
    evidence: Evidence
    source: tuple[str, ...]


def read_deliveries(content: Path | bytes, name: str = "") -> tuple[DeliveryRule, ...]:
    """Read the classes of deliveries, one for every centre where a class says ``each: centres``.

    Parameters
    ----------
    content : path or bytes
        YAML in UTF-8.
    name : str, optional
        File name for messages, where bytes are given.

    Returns
    -------
    tuple of DeliveryRule

    Raises
    ------
    FormatError
        FID-2642 not YAML, a key missing or unknown, a value that cannot be, an id twice; FID-2643 a due time called sourced
        that names no source; FID-2644 a weekday that the arithmetic of the due time does not give. Each names file and
        line. FID-2400, FID-2401 unreadable.
    """
    opened = open_source(content, name=name)
    try:
        text = opened.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(DAMAGED, "not UTF-8", where=f"{opened.name}, line 1", fix="save the file as UTF-8") from error
    root = Record(parse_tree(text, opened.name, DAMAGED), opened.name, DAMAGED)
    centres = tuple(_centre(record) for record in root.records("centres"))
    rules: dict[str, DeliveryRule] = {}
    for record in root.records("classes"):
        for rule in _rules(record, centres):
            if rule.id in rules:
                raise record.error(f"the id {rule.id!r} stands twice", fix="give every class an id of its own")
            rules[rule.id] = rule
    root.finish()
    return tuple(rules.values())


def check_deliveries(rules: Collection[DeliveryRule], sources: Collection[str], nodes: Collection[str]) -> None:
    """Check that sources and nodes named by the classes are known.

    Parameters
    ----------
    rules : collection of DeliveryRule
    sources : collection of str
        Ids of known sources.
    nodes : collection of str
        Ids of workflow nodes and streams.

    Raises
    ------
    FormatError
        FID-2643.
    """
    for rule in rules:
        for what, names, known in (("source", rule.source, sources), ("node or stream", rule.makes, nodes)):
            missing = [one for one in names if one not in known]
            if missing:
                raise FormatError(
                    REFERENCE, f"{rule.id} names the {what} {missing[0]!r}, which is not known", where=str(rule.place),
                    fix=f"correct the id of the {what}",
                )  # fmt: skip


def _centre(record: Record) -> _Centre:
    code, name, makes = record.text("code"), record.text("name"), record.optional_text("makes")
    if re.fullmatch(r"[A-Z0-9]{3}", code) is None:
        raise record.error(f"code is {code!r}; it must be three capital letters or digits", record.line_of("code"))
    record.finish()
    return _Centre(code, name, () if makes is None else (makes,))


def _rules(record: Record, centres: tuple[_Centre, ...]) -> Iterator[DeliveryRule]:
    family, name = record.text("id"), record.text("name")
    period = record.choice("period", IssuePeriod)
    every = _every(record, period)
    due = _due(record, period)
    note = record.optional_text("note")
    each = record.optional_text("each")
    if each not in {None, "centres"}:
        raise record.error(f"each is {each!r}; it can only be centres", record.line_of("each"))
    files = record.record("files")
    solution, contents = files.text("solution"), files.texts("contents")
    if not contents:
        raise files.error("contents is missing or empty", fix="add contents")
    if each is None:
        made = [(family, name, _Centre(files.text("centre"), "", record.texts("makes")))]
    else:
        made = [(f"{family}:{centre.code}", f"{name} {centre.name}", centre) for centre in centres]
    files.finish()
    record.finish()
    place = Place(record.file, record.line)
    for identity, title, centre in made:
        yield DeliveryRule(
            identity, title, family, centre.makes, period, every, due.after_end_s, due.text, due.evidence, due.source,
            note, centre.code, solution, contents, place, centre.name,
        )  # fmt: skip


def _every(record: Record, period: IssuePeriod) -> int:
    if period is not IssuePeriod.SESSION:
        return 168 if period is IssuePeriod.WEEK else 24
    hours = record.integer("every_hours", minimum=1)
    if 24 % hours:
        raise record.error(f"every_hours is {hours}, which does not divide the day", record.line_of("every_hours"))
    return hours


def _due(record: Record, period: IssuePeriod) -> _Due:
    entry = record.record("due")
    evidence, source = entry.choice("evidence", Evidence), entry.texts("source")
    if evidence is Evidence.SOURCED and not source:
        problem = "this due time is called sourced and names no source"
        where = f"{entry.file}, line {entry.line}"
        raise FormatError(REFERENCE, problem, where=where, fix="add source, or call it an assumption")
    if entry.has("after_end"):
        minutes = _minutes(entry, "after_end")
        text = f"{minutes // 60} h {minutes % 60:02d} min after the period" if minutes % 60 else (
            f"{minutes // 60} h after the period"
        )  # fmt: skip
    else:
        days, clock = entry.integer("days_after_last_day"), _minutes(entry, "utc")
        minutes = (days - 1) * 1440 + clock
        weekday = entry.optional_text("weekday")
        if weekday is not None:
            _check_weekday(entry, weekday, days, period)
        named = "the day after" if days == 1 else f"{days} days after the last day"
        text = f"{entry.text('utc')} UTC, {named}" + ("" if weekday is None else f", a {weekday}")
    if minutes < 0:
        raise entry.error("this due time lies before the end of the observations", entry.line_of("utc"))
    entry.finish()
    return _Due(60 * minutes, text, evidence, source)


def _minutes(entry: Record, key: str) -> int:
    text = entry.text(key)
    match = _CLOCK.fullmatch(text)
    if match is None or (match[1] == "24" and match[2] != "00"):
        raise entry.error(f"{key} must be hours and minutes from 00:00 to 24:00, not {text!r}", entry.line_of(key))
    return 60 * int(match[1]) + int(match[2])


def _check_weekday(entry: Record, weekday: str, days: int, period: IssuePeriod) -> None:
    last = GPS_START.astype("datetime64[D]") + np.timedelta64(6 + days, "D")
    # GPS time began on a Sunday.
    actual = _WEEKDAYS[int((last - GPS_START.astype("datetime64[D]")).astype(int)) % 7]
    if period is not IssuePeriod.WEEK or weekday != actual:
        is_that = f"{days} days after a Saturday is a {actual}" if period is IssuePeriod.WEEK else "only weeks have one"
        raise FormatError(
            WEEKDAY, f"weekday is {weekday!r}, but {is_that}", where=f"{entry.file}, line {entry.line_of('weekday')}",
            fix="correct weekday or days_after_last_day",
        )  # fmt: skip

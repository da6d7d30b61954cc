"""What a catalogue holds of the watched product classes: files known by their IGS names, and when they came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, Protocol

import numpy as np

from fiducial.catalogue.records import FileRecord, ProductRecord
from fiducial.chain.deliveries import Arrivals, DeliveryRule
from fiducial.errors import FormatError
from fiducial.formats.igs_names import IgsName, LongName, ShortName, parse_name

CAMPAIGN: Final = "OPS"
ADDED: Final = "added"
"""Attribute of a file: when the catalogue took it in, ISO 8601, UTC."""
_CONTENTS: Final = {
    "orbits": "ORB", "clocks": "CLK", "Earth rotation parameters": "ERP", "solution": "SOL", "summary": "SUM",
    "ionosphere map": "GIM",
}  # fmt: skip
_FIXED_UNITS: Final = "SMHDW"


class Holdings(Protocol):
    """The part of a catalogue that health reads."""

    def files(self, **filters: Any) -> Iterable[FileRecord]:
        """Return files."""

    def products(self, **filters: Any) -> Iterable[ProductRecord]:
        """Return products."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Arrivals by class, and how many files are of none."""

    arrivals: dict[str, Arrivals]
    files: int
    others: int


def gather(catalogue: Holdings, rules: Sequence[DeliveryRule]) -> Gathered:
    """Return what a catalogue holds of the classes.

    An arrival is at the issue time that a product of the file states; else at the time that the catalogue took the file in; else at
    a time that is not known.

    Parameters
    ----------
    catalogue : Holdings
    rules : sequence of DeliveryRule

    Returns
    -------
    Gathered
    """
    wanted = {(rule.centre, rule.solution, content): rule.id for rule in rules for content in rule.contents}
    issued = _issue_times(catalogue.products())
    rows: dict[str, list[tuple[np.datetime64, np.datetime64, np.datetime64, bool]]] = {rule.id: [] for rule in rules}
    files = others = 0
    for file in catalogue.files():
        files += 1
        time, stated = _time_of(file, issued)
        found = False
        for name in dict.fromkeys((file.name, *(PurePath(path).name for path in file.paths))):
            known = _recognise(name)
            key = None if known is None else wanted.get(known[0])
            if known is not None and key is not None:
                rows[key].append((*known[1], time, stated))
                found = True
        others += not found
    return Gathered({key: _arrays(found) for key, found in rows.items()}, files, others)


def _arrays(rows: list[tuple[np.datetime64, np.datetime64, np.datetime64, bool]]) -> Arrivals:
    if not rows:
        return Arrivals.none()
    start, end, time, stated = zip(*rows, strict=True)
    return Arrivals(
        np.array(start, dtype="datetime64[us]"),
        np.array(end, dtype="datetime64[us]"),
        np.array(time, dtype="datetime64[us]"),
        np.array(stated, dtype=bool),
    )


def _recognise(text: str) -> tuple[tuple[str, str, str], tuple[np.datetime64, np.datetime64]] | None:
    """Return centre, solution and content with the span, None for what is no operational product with a span."""
    try:
        name: IgsName = parse_name(text)
    except FormatError:
        return None
    return _of_long(name) if isinstance(name, LongName) else _of_short(name)


def _of_long(name: LongName) -> tuple[tuple[str, str, str], tuple[np.datetime64, np.datetime64]] | None:
    if name.product.campaign != CAMPAIGN or name.station or name.length.unit not in _FIXED_UNITS:
        return None
    return (name.centre, name.solution, name.content), (name.start, name.start + name.length.duration)


def _of_short(name: ShortName) -> tuple[tuple[str, str, str], tuple[np.datetime64, np.datetime64]]:
    # Centres named their final products by their plain code; rapid and ultra-rapid ones had codes of their own.
    solution = "SNX" if name.layout == "sinex" and name.centre == "IGS" else name.solution or "FIN"
    start, days = name.date.astype("datetime64[us]"), 7 if name.weekly else 1
    if name.hour is not None:
        # The hour is that at which the observed day ends and the predicted one begins.
        start, days = start + np.timedelta64(name.hour - 24, "h"), 2
    return (name.centre, solution, _CONTENTS[name.kind]), (start, start + np.timedelta64(days, "D"))


def _issue_times(products: Iterable[ProductRecord]) -> dict[str, np.datetime64]:
    found: dict[str, np.datetime64] = {}
    for product in products:
        if product.issued is None:
            continue
        time = instant(product.issued)
        for file in product.files:
            found[file] = min(found.get(file, time), time)
    return found


def _time_of(file: FileRecord, issued: dict[str, np.datetime64]) -> tuple[np.datetime64, bool]:
    stated = issued.get(file.id)
    if stated is not None:
        return stated, True
    added = _attribute(file.attributes.get(ADDED))
    return (np.datetime64("NaT", "us") if added is None else added), False


def _attribute(value: object) -> np.datetime64 | None:
    if isinstance(value, datetime):
        return instant(value)
    try:
        return instant(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def instant(time: datetime) -> np.datetime64:
    """Return a time as datetime64[us], UTC; one without zone is UTC."""
    aware = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return np.datetime64(aware.replace(tzinfo=None), "us")

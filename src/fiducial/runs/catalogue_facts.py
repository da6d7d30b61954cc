"""What recognition finds out about a file: format, products, provenance, and what names and content state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import numpy as np

from fiducial.catalogue.records import AgentRecord, EdgeRecord, Entity, Relation
from fiducial.catalogue.writing import UNKNOWN_FORMAT
from fiducial.errors import FormatError, InputError
from fiducial.formats.igs_names import IgsName, parse_name
from fiducial.timescales import utc_from_gps

T2: Final = "T2"
T3: Final = "T3"
_COMBINING: Final = frozenset({"IGS", "WCC"})
_GPS_SYSTEMS: Final = frozenset({"GPS", "GAL", "QZS", ""})
_OFFSETS_TO_GPS_S: Final = {"BDT": 14, "TAI": -19, "IRN": 0}


@dataclass(frozen=True, slots=True)
class Span:
    """First and last epoch, UTC; None where not stated."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about one file.

    Attributes
    ----------
    format : str
        Short name, ``unknown`` where it was not recognised.
    egv_products : tuple of str
        Acronyms of the products that the file is an issue of.
    level : str or None
        Level that the file states itself (EGMS); that of the variable otherwise.
    tier : str or None
    frame : str or None
        As the content prints it.
    centre : str or None
        Code or name of who made it.
    stated_inputs : tuple of str
        Centres whose solutions a combination says it used.
    note : str
        Why it was not recognised, or what is odd.
    entities, derived : sequences
        Things that it says it was made from, and (id, role) of each.
    is_product : bool
        Whether it is an issue of a product.
    """

    format: str = UNKNOWN_FORMAT
    egv_products: tuple[str, ...] = ()
    level: str | None = None
    tier: str | None = None
    frame: str | None = None
    centre: str | None = None
    centre_kind: str = "centre"
    span: Span = Span()
    issued: datetime | None = None
    stated_inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    entities: Sequence[Entity] = ()
    derived: Sequence[tuple[str, str]] = ()
    is_product: bool = False

    @property
    def agent(self) -> AgentRecord | None:
        """Who made the file."""
        return None if not self.centre else AgentRecord(f"agent:{self.centre}", self.centre_kind, self.centre)

    def edges(self, source: str) -> list[EdgeRecord]:
        """Return the edges from the file or product to what it was made from."""
        return [EdgeRecord(Relation.DERIVED, source, target, role) for target, role in self.derived]


def igs_name(stem: str) -> IgsName | None:
    """Return the parts of an IGS name, None for a name of another grammar."""
    try:
        return parse_name(stem)
    except FormatError:
        return None


def with_name(facts: Facts, name: IgsName | None) -> Facts:
    """Add what an IGS name states where the content is silent, and note where the two differ.

    Parameters
    ----------
    facts : Facts
        From the content.
    name : IgsName or None
    """
    if name is None:
        return facts
    campaign = getattr(getattr(name, "product", None), "campaign", None)
    stated = {"centre": name.centre, "campaign": campaign, "solution": name.solution, "kind": name.kind,
              "sampling": None if name.sampling is None else str(name.sampling),
              "length": None if name.length is None else str(name.length)}  # fmt: skip
    attributes = {key: value for key, value in stated.items() if value is not None} | dict(facts.attributes)
    notes = [facts.note] if facts.note else []
    if facts.centre and facts.centre.upper() != name.centre:
        attributes["agency_in_content"] = facts.centre
    named = named_span(name)
    span = Span(facts.span.start or named.start, facts.span.end or named.end)
    if facts.span.start and named.start and abs((facts.span.start - named.start).total_seconds()) > 86400:
        notes.append(f"the name says {named.start:%Y-%m-%d}, the content begins {facts.span.start:%Y-%m-%d %H:%M}")
    tier = facts.tier or tier_of(name)
    return replace(facts, centre=name.centre, span=span, tier=tier, attributes=attributes, note="; ".join(notes))


def named_span(name: IgsName) -> Span:
    """Return the nominal span that a name states, in UTC."""
    if name.start is None:
        return Span()
    start = name.start.astype("datetime64[s]")
    length = None if name.length is None else name.length.duration
    end = None
    if length is not None and not np.isnat(length):
        unit = np.datetime_data(length.dtype)[0]
        if unit in ("M", "Y"):
            end = (start.astype(f"datetime64[{unit}]") + length).astype("datetime64[s]")
        else:
            end = start + length
    return Span(utc(start), None if end is None else utc(end))


@cache
def _levels() -> dict[str, str]:
    from fiducial.runs.chain_knowledge import load_knowledge

    catalogue = load_knowledge().catalogue
    return {one.acronym: egv.level.value for egv in catalogue.egvs for one in egv.products if one.acronym}


def tier_of(name: IgsName) -> str:
    """Return the tier in the production workflow that an IGS name states: T3 combinations, T2 analysis centres."""
    return T3 if name.centre in _COMBINING else T2


def level_of(egv_product: str | None, tier: str | None = None) -> str | None:
    """Return the level of a product's variable, as the mapping has it.

    Notes
    -----
    A solution of one centre is an intermediate: the mapping calls it Level 2 only once it is combined.
    """
    level = None if egv_product is None else _levels().get(egv_product)
    return f"{level} intermediate" if tier == T2 and level == "Level 2" else level


def utc(gps: np.datetime64, system: str = "GPS") -> datetime | None:
    """Return an epoch of a GNSS time system in UTC; None for a system that is not known, or before 1980.

    Parameters
    ----------
    gps : datetime64
    system : str
        ``GPS``, ``GAL``, ``QZS``, ``BDT``, ``TAI``, ``UTC``, ``GLO`` or ``UT``.
    """
    if np.isnat(gps):
        return None
    system = system.strip().upper()
    if system in ("UTC", "GLO", "UT"):
        return plain_utc(gps)
    if system not in _GPS_SYSTEMS and system not in _OFFSETS_TO_GPS_S:
        return None
    shifted = gps.astype("datetime64[ns]") + np.timedelta64(_OFFSETS_TO_GPS_S.get(system, 0), "s")
    try:
        return plain_utc(np.asarray(utc_from_gps(shifted)).reshape(1)[0])
    except InputError:
        return None


def plain_utc(epoch: np.datetime64) -> datetime | None:
    """Return an epoch that is UTC already, to the microsecond; None for NaT."""
    if np.isnat(epoch):
        return None
    found: datetime = epoch.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)


def epoch_of(words: Sequence[str]) -> np.datetime64:
    """Return the epoch of ``year month day [hour minute second]``, NaT where that is none."""
    try:
        year, month, day = (int(word) for word in words[:3])
        hour, minute = (int(word) for word in [*words[3:5], "0", "0"][:2])
        second = float(words[5]) if len(words) > 5 else 0.0
        base = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "ns")
    except (ValueError, IndexError):
        return np.datetime64("NaT", "ns")
    seconds = round((3600 * hour + 60 * minute + second) * 1e9)
    return np.datetime64(base + np.timedelta64(seconds, "ns"))


def mjd_utc(mjd: float) -> datetime | None:
    """Return a Modified Julian Date of UTC as an instant."""
    if not 15020 <= mjd <= 88069:
        return None
    return plain_utc(np.datetime64("1858-11-17", "ns") + np.timedelta64(round(mjd * 86400e6), "us"))

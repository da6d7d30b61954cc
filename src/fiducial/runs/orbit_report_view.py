"""What text and page of a combination report look up in it: order of centres, statistics by cell, shares, rejections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from fiducial.orbits.orbit import CONSTELLATIONS, satellite_order
from fiducial.runs.orbit_report_model import CombinationReport, ExclusionEntry, SatelliteEntry, Statistic

Level = Literal["all", "constellation", "block", "satellite"]

ALL: Final = "all"
MINUTE: Final = "%Y-%m-%d %H:%M"
SECOND: Final = "%Y-%m-%d %H:%M:%S"

HELMERT: Final = "X' = X + T + D X + R X with R = [[0, -Rz, Ry], [Rz, 0, -Rx], [-Ry, Rx, 0]]"
_SHOWN_UNITS: Final = {"m": (1e3, "mm"), "s": (1e12, "ps")}
SIGNS: Final = (
    f"Transformations, centre X to combination X', have position-vector signs: {HELMERT}.",
    "RMS and WRMS (each satellite weighted by its inverse variance) are per coordinate, after that transformation.",
    "The time scale of a centre, clock constants and jumps are the centre's minus the product's.",
    "All times are GPS time. A dash or a blank is unknown or absent, never zero.",
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Whether a satellite of a centre was kept out wholly, and why."""

    whole: bool
    sentence: str


class ReportView:
    """Answers to what every presentation of a report asks.

    Attributes
    ----------
    report : CombinationReport
    combined : tuple of str
        Centres with weight, in the order of the inputs.
    compared : tuple of str
        Centres that have statistics but no weight.
    excluded : dict of str to str
        Centres that were to be combined and wholly were not, with the reason; some are among ``compared``.
    satellites : tuple of SatelliteEntry
        In the order of constellations and numbers.
    """

    def __init__(self, report: CombinationReport) -> None:
        self.report = report
        self.excluded = {
            one.centre: one.sentence or one.reason for one in report.exclusions if one.centre and _is_whole_centre(one)
        }
        estimated = [(one.centre, one.role) for one in report.transformations]
        estimated += [(one.centre, one.role) for one in report.statistics]
        seen = {name for name, _ in estimated}
        asked = {one.centre: one.role for one in report.inputs}
        for name, role in estimated:
            asked.setdefault(name, role)
        self.combined = tuple(name for name, role in asked.items() if role == "combined" and name not in self.excluded)
        self.compared = tuple(
            name for name, role in asked.items() if name not in self.combined and (role == "compared" or name in seen)
        )
        self.satellites = tuple(sorted(report.satellites, key=lambda one: satellite_order(one.satellite)))
        self._statistics = {(one.level, one.group, one.centre): one for one in report.statistics}
        self._rejections: dict[tuple[str, str], list[ExclusionEntry]] = {}
        for entry in report.exclusions:
            self._rejections.setdefault((entry.centre, entry.satellite), []).append(entry)

    @property
    def centres(self) -> tuple[str, ...]:
        """All centres with columns in a table, those combined first."""
        return (*self.combined, *self.compared)

    def statistic(self, level: Level, group: str, centre: str) -> Statistic | None:
        """Return a statistic, or None where the centre has none."""
        return self._statistics.get((level, group, centre))

    def groups(self, level: Level) -> list[str]:
        """Return the groups of a level that have statistics: constellations and satellites in the house's order."""
        found = list(dict.fromkeys(one.group for one in self.report.statistics if one.level == level))
        if level == "block":
            first = {one.block: satellite_order(one.satellite)[0] for one in reversed(self.satellites) if one.block}
            return sorted(found, key=lambda name: (first.get(name, len(CONSTELLATIONS)), name))
        return sorted(found, key=satellite_order)

    def constellations(self) -> list[str]:
        """Return the letters of all constellations of product and statistics."""
        return by_constellation((*(one.satellite[:1] for one in self.satellites), *self.groups("constellation")))

    def rejection(self, centre: str, satellite: str) -> Rejection | None:
        """Return why a satellite of a combined centre, or a part of its records, was kept out."""
        places = ((centre, satellite), (centre, satellite[:1]), ("", satellite))
        entries = [one for place in places for one in self._rejections.get(place, ())]
        if not entries or centre in self.compared:
            return None
        known = self.statistic("satellite", satellite, centre) is not None
        whole = not known or any(one.begin_gps is None and one.end_gps is None for one in entries)
        return Rejection(whole, " ".join(dict.fromkeys(one.sentence or one.reason for one in entries)))

    def shares(self) -> dict[str, dict[str, float]]:
        """Return the share of each centre by constellation, percent; ``all`` when weights do not tell them apart.

        Notes
        -----
        Shares of blocks and satellites are averaged over the satellites of the constellation that have weights.
        """
        sums: dict[str, dict[str, float]] = {}
        counts: dict[str, dict[str, int]] = {}
        members = _members(self.satellites)
        for one in self.report.weights:
            letter, count = members.get(one.group, (one.group, 1))
            share = sums.setdefault(letter, {})
            share[one.centre] = share.get(one.centre, 0.0) + one.share_percent * count
            counts.setdefault(letter, {})[one.group] = count
        return {
            letter: {centre: total / sum(counts[letter].values()) for centre, total in sums[letter].items()}
            for letter in by_constellation(sums)
        }

    def sigma(self, letter: str, centre: str) -> float | None:
        """Return the standard deviation of a centre for a constellation, where weights are by constellation, mm."""
        return next((one.sigma_mm for one in self.report.weights if (one.group, one.centre) == (letter, centre)), None)


def by_constellation(letters: Iterable[str]) -> list[str]:
    """Return letters, each once, in the house's order."""
    return sorted(set(letters), key=satellite_order)


def constellation_name(letter: str) -> str:
    """Return the name of a constellation; other texts are returned as they are.

    Examples
    --------
    >>> constellation_name("E"), constellation_name("all")
    ('Galileo', 'all')
    """
    return CONSTELLATIONS.get(letter, letter)


def time_text(moment: datetime | None, *, seconds: bool = False) -> str:
    """Return a time to the minute, with seconds where there are any or they are asked for; a dash for none."""
    if moment is None:
        return "-"
    return moment.strftime(SECOND if seconds or moment.second else MINUTE)


def shown_in(value: float | None, unit: str) -> tuple[float | None, str]:
    """Return a value in the unit that readers of orbits expect: millimetres for metres, picoseconds for seconds.

    Examples
    --------
    >>> shown_in(0.25, "m"), shown_in(0.4, "mas"), shown_in(None, "s")
    ((250.0, 'mm'), (0.4, 'mas'), (None, 'ps'))
    """
    factor, shown = _SHOWN_UNITS.get(unit, (1.0, unit))
    return (None if value is None else value * factor), shown


def flat(options: dict[str, Any], prefix: str = "") -> dict[str, object]:
    """Return nested options as one list of dotted names.

    Examples
    --------
    >>> flat({"weights": {"by": "constellation"}, "sampling_s": 300})
    {'weights.by': 'constellation', 'sampling_s': 300}
    """
    found: dict[str, object] = {}
    for name, value in options.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _is_whole_centre(one: ExclusionEntry) -> bool:
    return not one.satellite and one.begin_gps is None and one.end_gps is None


def _members(satellites: Iterable[SatelliteEntry]) -> dict[str, tuple[str, int]]:
    """Return constellation and number of satellites of each block and satellite."""
    found: dict[str, tuple[str, int]] = {}
    for one in satellites:
        found[one.satellite] = (one.satellite[:1], 1)
        if one.block:
            found[one.block] = (one.satellite[:1], found.get(one.block, ("", 0))[1] + 1)
    return found

"""Checks of what a solution says about its sites: names, places, spans and equipment, against each other and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geocentric_position_m
from fiducial.stations.solution import Coordinates, StationSolution
from fiducial.stations.solution_tables import (
    DiscontinuityTable,
    EccentricityTable,
    Epochs,
    EquipmentTable,
    ParameterTable,
    SiteTable,
    SpanTable,
)

Site = tuple[str, str]
Severity = Literal["error", "warning", "note"]
_Sited = ParameterTable | SpanTable | EquipmentTable | EccentricityTable | DiscontinuityTable

SAME_SITE_M: Final = 1_000.0
"""Approximate coordinates are printed to 3 m; a site that is farther from where it should be is another one."""
SAME_CODE_M: Final = 20_000.0
"""Points of one code stand on one observatory."""
OVERLAP: Final = np.timedelta64(1, "D")
LONG_GAP: Final = np.timedelta64(365, "D")
"""Without data for longer, the position after it is the velocity's word and not the receiver's."""
ECCENTRICITY_M: Final = 1e-4
_DOMES_LENGTH: Final = 9
_SHOWN: Final = 5
_ALWAYS: Final = (np.datetime64("1900-01-01", "ns"), np.datetime64("2200-01-01", "ns"))


@dataclass(frozen=True, slots=True)
class MetadataFinding:
    """A contradiction, or what is to be known before a solution is used.

    Attributes
    ----------
    code, point : str
        Site it concerns; empty when it concerns several.
    subject : str
        ``site``, ``place``, ``domes``, ``span``, ``receiver``, ``antenna``, ``eccentricity``.
    text : str
    severity : {"error", "warning", "note"}
        ``error``: a position is wrong, or belongs to another site or antenna; ``warning``: what names or describes a site
        is wrong, and its position does not depend on it; ``note``: nothing is wrong.
    """

    code: str
    point: str
    subject: str
    text: str
    severity: Severity = "error"


def identity_findings(solution: StationSolution) -> tuple[str, ...]:
    """Return what :func:`check_identity` finds as sentences."""
    return tuple(one.text for one in check_identity(solution))


def check_identity(solution: StationSolution) -> tuple[MetadataFinding, ...]:
    """Check the names of the sites in a solution.

    Doubled or moved codes, DOMES numbers that are malformed or belong to two sites, rows of sites that the site table
    does not list, positions far from the approximate ones. A site is (code, point), never a code alone.
    """
    try:
        positions = solution.positions()
    except InputError:
        positions = None  # a component stands twice, which the reader tells
    found = [] if positions is None else [*_parameter_places(solution, positions)]
    if solution.sites is not None and len(solution.sites):
        found += [*_doubled_sites(solution.sites), *_wrong_domes(solution.sites), *_unlisted(solution, solution.sites)]
        if positions is not None:
            found += _moved(positions, solution.sites)
    return tuple(found)


def _sites_of(table: SiteTable | _Sited) -> list[Site]:
    return list(zip(table.codes.tolist(), table.points.tolist(), strict=True))


def _places(sites: SiteTable) -> NDArray[np.float64]:
    return geocentric_position_m(sites.longitude_deg, sites.latitude_deg, np.nan_to_num(sites.height_m))


def _named(sites: Sequence[Site]) -> str:
    shown = ", ".join(" ".join(site) for site in sites[:_SHOWN])
    return shown + (f" and {len(sites) - _SHOWN} more" if len(sites) > _SHOWN else "")


def _doubled_sites(sites: SiteTable) -> Iterator[MetadataFinding]:
    places = _places(sites)
    first: dict[Site, int] = {}
    codes: dict[str, int] = {}
    for row, site in enumerate(_sites_of(sites)):
        earlier = first.setdefault(site, row)
        if earlier != row:
            apart = float(np.linalg.norm(places[row] - places[earlier]))
            where = f", {apart / 1e3:.1f} km apart: the code was moved" if apart > SAME_SITE_M else ""
            yield MetadataFinding(*site, "site", f"site {' '.join(site)} stands twice in the site table{where}")
            continue
        other = codes.setdefault(site[0], row)
        if other != row and (apart := float(np.linalg.norm(places[row] - places[other]))) > SAME_CODE_M:
            both = f"{sites.points[other]} and {site[1]}, {apart / 1e3:.0f} km apart"
            yield MetadataFinding(*site, "site", f"code {site[0]} belongs to points {both}")


def _wrong_domes(sites: SiteTable) -> Iterator[MetadataFinding]:
    places = _places(sites)
    owner: dict[str, int] = {}
    numbers: dict[Site, str] = {}
    keys = _sites_of(sites)
    for row, (site, domes) in enumerate(zip(keys, sites.domes.tolist(), strict=True)):
        if not domes:
            continue
        if not is_domes(domes):
            text = f"site {' '.join(site)} has {domes!r}, which is no DOMES number"
            yield MetadataFinding(*site, "domes", text, "warning")
            continue
        other = owner.setdefault(domes, row)
        # Two receivers of one antenna share its number.
        if keys[other] != site and (apart := float(np.linalg.norm(places[row] - places[other]))) > SAME_SITE_M:
            both = f"{' '.join(keys[other])} and {' '.join(site)}"
            text = f"DOMES number {domes} belongs to {both}, {apart / 1e3:.1f} km apart"
            yield MetadataFinding(*site, "domes", text)
        if numbers.setdefault(site, domes) != domes:
            text = f"site {' '.join(site)} has the DOMES numbers {numbers[site]} and {domes}"
            yield MetadataFinding(*site, "domes", text)


def is_domes(text: str) -> bool:
    """Tell whether a text is a DOMES number: five digits, M (marker) or S (instrument), three digits.

    Examples
    --------
    >>> is_domes("40129M003"), is_domes("40129X003")
    (True, False)
    """
    digits = text[:5] + text[6:]
    return len(text) == _DOMES_LENGTH and text[5] in "MS" and digits.isascii() and digits.isdigit()


def _unlisted(solution: StationSolution, sites: SiteTable) -> Iterator[MetadataFinding]:
    known = set(_sites_of(sites))
    tables: tuple[tuple[str, _Sited | None], ...] = (
        ("the estimates", solution.estimate), ("the a-priori values", solution.apriori),
        ("the spans of data", solution.spans), ("the receivers", solution.receivers),
        ("the antennas", solution.antennas), ("the eccentricities", solution.eccentricities),
    )  # fmt: skip
    for what, table in tables:
        if table is None:
            continue
        keys = _sites_of(table)
        if isinstance(table, ParameterTable):
            # Phase centres of satellites stand under the names of satellites.
            of_stations = ~np.strings.startswith(table.types, "SAT")
            keys = [keys[row] for row in np.flatnonzero(of_stations).tolist()]
        sited = [site for site in dict.fromkeys(keys) if site[0].strip("-")]
        unknown = [site for site in sited if site not in known]
        if unknown:
            text = f"{what} have {len(unknown)} sites that the site table does not list: {_named(unknown)}"
            yield MetadataFinding("", "", "site", text, "warning")


def _parameter_places(solution: StationSolution, positions: Coordinates) -> Iterator[MetadataFinding]:
    """Look at the positions: solutions of one point far apart, and points without a span."""
    first: dict[Site, int] = {}
    for row, site in enumerate(zip(positions.codes.tolist(), positions.points.tolist(), strict=True)):
        earlier = first.setdefault(site, row)
        if earlier != row:
            apart = float(np.linalg.norm(positions.xyz[row] - positions.xyz[earlier]))
            if apart > SAME_SITE_M:
                both = f"solutions {positions.solns[earlier]} and {positions.solns[row]}"
                text = f"{both} of site {' '.join(site)} are {apart / 1e3:.1f} km apart: the code was moved"
                yield MetadataFinding(*site, "place", text)
    if solution.spans is not None and len(solution.spans):
        spans = set(
            zip(*(getattr(solution.spans, name).tolist() for name in ("codes", "points", "solns")), strict=True)
        )
        keys = zip(positions.codes.tolist(), positions.points.tolist(), positions.solns.tolist(), strict=True)
        without = [key[:2] for key in dict.fromkeys(keys) if key not in spans]
        if without:
            text = f"{len(without)} estimated positions have no span of data: {_named(without)}"
            yield MetadataFinding("", "", "span", text, "warning")


def _moved(positions: Coordinates, sites: SiteTable) -> Iterator[MetadataFinding]:
    places = dict(zip(reversed(_sites_of(sites)), _places(sites)[::-1], strict=True))
    nowhere = np.full(3, np.nan)
    keys = list(zip(positions.codes.tolist(), positions.points.tolist(), strict=True))
    approximate = np.array([places.get(key, nowhere) for key in keys]).reshape(-1, 3)
    apart = np.linalg.norm(positions.xyz - approximate, axis=1)
    for site in dict.fromkeys(keys[row] for row in np.flatnonzero(apart > SAME_SITE_M).tolist()):
        row = keys.index(site)
        distance = float(np.nanmax(apart[[place for place, key in enumerate(keys) if key == site]]))
        where = f"solution {positions.solns[row]} of site {' '.join(site)}"
        text = f"{where} is {distance / 1e3:.1f} km from its approximate coordinates"
        yield MetadataFinding(*site, "place", text)


def check_metadata(
    solution: StationSolution, site_table: SiteTable | StationSolution | None = None
) -> tuple[MetadataFinding, ...]:
    """Check equipment and sites of a solution against each other and against a table that is trusted.

    Parameters
    ----------
    solution : StationSolution
        With any of receivers, antennas, eccentricities.
    site_table : SiteTable or StationSolution, optional
        Trusted names and places; a solution (such as the station template of IGS) also gives trusted equipment.

    Returns
    -------
    tuple of MetadataFinding
        Receivers, antennas or eccentricities that overlap by more than a day, that leave the data of a solution
        without any, or that another of the three does not know; spans of data that overlap, end before they start, or are
        more than a year apart; and - against the table - unknown sites, other DOMES numbers, places more than 1 km away, other
        receivers, antennas or eccentricities while the data were taken.
    """
    found = [*_spans(solution), *_overlaps(solution), *_uncovered(solution), *_unequal(solution)]
    table = site_table.sites if isinstance(site_table, StationSolution) else site_table
    if table is not None and solution.sites is not None:
        found += _against_sites(solution.sites, table)
    if isinstance(site_table, StationSolution):
        found += _against_equipment(solution, site_table)
    return tuple(found)


_Timed = EquipmentTable | EccentricityTable


def _equipment(solution: StationSolution) -> Iterator[tuple[str, _Timed]]:
    for subject, table in (
        ("receiver", solution.receivers), ("antenna", solution.antennas), ("eccentricity", solution.eccentricities),
    ):  # fmt: skip
        if table is not None:
            yield subject, table


def _severity(subject: str) -> Severity:
    # Another receiver does not move the marker; another antenna or height does.
    return "warning" if subject == "receiver" else "error"


def _rows_by_site(table: _Timed | SpanTable) -> dict[Site, list[int]]:
    rows: dict[Site, list[int]] = {}
    for row, site in enumerate(_sites_of(table)):
        rows.setdefault(site, []).append(row)
    return rows


def _intervals(table: _Timed | SpanTable) -> tuple[Epochs, Epochs]:
    start = np.where(np.isnat(table.start_utc), _ALWAYS[0], table.start_utc)
    return start, np.where(np.isnat(table.end_utc), _ALWAYS[1], table.end_utc)


def _says(table: _Timed, row: int) -> str:
    if isinstance(table, EquipmentTable):
        return " ".join(table.kinds[row].split())
    axes = "E N U" if table.local[row] else "X Y Z"
    return axes + "".join(f" {value:.4f}" for value in table.vector_m[row]) + " m"


def _differs(table: _Timed, row: int, other: _Timed, other_row: int) -> bool:
    if isinstance(table, EquipmentTable) and isinstance(other, EquipmentTable):
        return _says(table, row) != _says(other, other_row)
    if isinstance(table, EccentricityTable) and isinstance(other, EccentricityTable):
        if table.local[row] != other.local[other_row]:
            return False
        return bool(np.abs(table.vector_m[row] - other.vector_m[other_row]).max() > ECCENTRICITY_M)
    return False


def _overlaps(solution: StationSolution) -> Iterator[MetadataFinding]:
    for subject, table in _equipment(solution):
        start, end = _intervals(table)
        for (code, point), rows in _rows_by_site(table).items():
            ordered = sorted(rows, key=lambda row: start[row])
            for before, after in pairwise(ordered):
                if end[before] - start[after] > OVERLAP and _differs(table, before, table, after):
                    day = np.datetime_as_string(start[after], unit="D")
                    text = f"{_says(table, before)} and {_says(table, after)} stand at one time from {day} on"
                    yield MetadataFinding(code, point, subject, text, _severity(subject))


def _uncovered(solution: StationSolution) -> Iterator[MetadataFinding]:
    if solution.spans is None:
        return
    start, end = _intervals(solution.spans)
    middle = np.where(np.isnat(solution.spans.mean_utc), start + (end - start) // 2, solution.spans.mean_utc)
    spans = _rows_by_site(solution.spans)
    for subject, table in _equipment(solution):
        begins, ends = _intervals(table)
        rows_of = _rows_by_site(table)
        for site, solutions in spans.items():
            rows = rows_of.get(site, [])
            for row in solutions:
                if not ((begins[rows] <= middle[row]) & (ends[rows] >= middle[row])).any():
                    day = np.datetime_as_string(middle[row], unit="D")
                    text = f"no {subject} is stated for the data of {day} (solution {solution.spans.solns[row]})"
                    yield MetadataFinding(*site, subject, text, _severity(subject))


def _unequal(solution: StationSolution) -> Iterator[MetadataFinding]:
    """Compare which sites the tables of equipment know, of those whose data no span names."""
    spanned = set() if solution.spans is None else set(_sites_of(solution.spans))
    tables = {subject: set(_sites_of(table)) - spanned for subject, table in _equipment(solution)}
    for site in sorted(set().union(*tables.values())):
        for subject in [subject for subject, sites in tables.items() if site not in sites]:
            others = " and ".join(name for name, sites in tables.items() if site in sites)
            text = f"no {subject} is stated, although {others} {'is' if ' ' not in others else 'are'}"
            yield MetadataFinding(*site, subject, text, _severity(subject))


def _spans(solution: StationSolution) -> Iterator[MetadataFinding]:
    if solution.spans is None:
        return
    start, end = _intervals(solution.spans)
    solns = solution.spans.solns
    for site, rows in _rows_by_site(solution.spans).items():
        for row in rows:
            if end[row] < start[row]:
                yield MetadataFinding(*site, "span", f"the data of solution {solns[row]} end before they start")
        ordered = sorted(rows, key=lambda row: start[row])
        for before, after in pairwise(ordered):
            both = f"solutions {solns[before]} and {solns[after]}"
            if end[before] - start[after] > OVERLAP:
                day = np.datetime_as_string(start[after], unit="D")
                yield MetadataFinding(*site, "span", f"{both} have data at one time from {day} on")
            elif start[after] - end[before] > LONG_GAP:
                days = int((start[after] - end[before]) / np.timedelta64(1, "D"))
                text = f"no data for {days} days between {both}, from {np.datetime_as_string(end[before], unit='D')} on"
                yield MetadataFinding(*site, "span", text, "note")


def _against_sites(sites: SiteTable, trusted: SiteTable) -> Iterator[MetadataFinding]:
    rows = {site: row for row, site in reversed(list(enumerate(_sites_of(trusted))))}
    apart_from = _places(trusted)
    for row, (site, place) in enumerate(zip(_sites_of(sites), _places(sites), strict=True)):
        if site not in rows:
            yield MetadataFinding(*site, "site", "is not in the site table", "warning")
            continue
        other = rows[site]
        domes, wanted = str(sites.domes[row]), str(trusted.domes[other])
        if domes and wanted and domes != wanted:
            yield MetadataFinding(*site, "domes", f"DOMES number {domes} where the site table has {wanted}")
        apart = float(np.linalg.norm(place - apart_from[other]))
        if apart > SAME_SITE_M:
            yield MetadataFinding(*site, "place", f"{apart / 1e3:.1f} km from its place in the site table")


def _against_equipment(solution: StationSolution, trusted: StationSolution) -> Iterator[MetadataFinding]:
    tables = dict(_equipment(trusted))
    spans = {} if solution.spans is None else _rows_by_site(solution.spans)
    for subject, table in _equipment(solution):
        if subject not in tables:
            continue
        other = tables[subject]
        begins, ends = _intervals(table)
        starts, stops = _intervals(other)
        rows_of = _rows_by_site(other)
        for site, rows in _rows_by_site(table).items():
            first, last = _ALWAYS
            if site in spans and solution.spans is not None:
                data = _intervals(solution.spans)
                first, last = data[0][spans[site]].min(), data[1][spans[site]].max()
            for row in rows:
                # What was in use in the middle of the part of the interval that has data.
                begin, end = max(begins[row], first), min(ends[row], last)
                middle = begin + (end - begin) // 2
                used = [place for place in rows_of.get(site, []) if starts[place] <= middle <= stops[place]]
                if begin <= end and used and all(_differs(table, row, other, place) for place in used):
                    text = f"{_says(table, row)} where the site table has {_says(other, used[0])}"
                    yield MetadataFinding(*site, subject, text, _severity(subject))

"""The stack as a cumulative station solution that SINEX can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.formats import sinex
from fiducial.formats.creation_time import creation_time
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.geodesy.propagation import Discontinuity
from fiducial.runs.frame_stack_sources import instant_of
from fiducial.runs.station_reference import Site
from fiducial.stations.helmert_design import ParameterKey
from fiducial.stations.solution import (
    DiscontinuityTable,
    ParameterTable,
    SiteTable,
    SolutionHeader,
    SpanTable,
    StationSolution,
)
from fiducial.stations.stacking import positions_of
from fiducial.stations.stacking_model import SiteName

if TYPE_CHECKING:
    from fiducial.runs.frame_stack import StackedFrame

Array = NDArray[np.float64]

_UNCONSTRAINED: Final = 2
_SAME_VELOCITY_M_PER_YR: Final = 1e-6
"""How alike the velocities of one velocity segment are stated to be: exactly alike, the matrix would be singular."""
_COMPONENTS: Final = ("X", "Y", "Z")


def stacked_solution(found: StackedFrame) -> StationSolution:
    """Return positions and velocities with full covariance, sites, spans and discontinuities; made now."""
    segments, xyz, _ = positions_of(found.stack)
    order = sorted(range(len(segments)), key=lambda row: _order(segments[row]))
    ordered = [segments[row] for row in order]
    domes, names = _identities(found)
    sites = list(dict.fromkeys(site[:2] for site in ordered))
    place = {site[:2]: xyz[row] for site, row in zip(segments, range(len(segments)), strict=True)}
    longitude, latitude, height = geodetic_from_geocentric(np.array([place[site] for site in sites]))
    never = np.datetime64("NaT", "ns")
    spans = [found.data_spans.get(site, (never, never)) for site in ordered]
    starts, ends = (np.array(column, dtype="datetime64[ns]") for column in zip(*spans, strict=True))
    table, covariance = _estimates(found, ordered)
    codes, points, numbers = (np.array(column) for column in zip(*ordered, strict=True))
    contents = ("S", "V") if found.stack_rates else ("S",)
    return StationSolution(
        header=SolutionHeader(
            agency="FID", data_agency="FID", created_utc=np.datetime64(creation_time().replace(tzinfo=None), "s").astype("datetime64[ns]"),
            start_utc=np.fmin.reduce(starts), end_utc=np.fmax.reduce(ends), technique="P", parameters=len(table),
            constraint=_UNCONSTRAINED, contents=contents,
        ),
        estimate=table, covariance=covariance,
        sites=SiteTable(
            np.array([code for code, _ in sites]), np.array([point for _, point in sites]),
            np.array([domes.get(site, "") for site in sites]), np.full(len(sites), "P"),
            np.array([names.get(site, "") for site in sites]), longitude % 360.0, latitude, height,
        ),
        spans=SpanTable(codes, points, numbers, starts, ends, _seconds(starts + (ends - starts) // 2)),
        discontinuities=_discontinuities(found, sites),
        reference_frame=found.reference.solutions.frame, reference=_texts(found), comments=_comments(found),
    )  # fmt: skip


def _order(site: SiteName) -> tuple[str, str, int, str]:
    return site[0], site[1], int(site[2]) if site[2].isdigit() else 0, site[2]


def _seconds(instants: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    return instants.astype("datetime64[s]").astype("datetime64[ns]")


def _estimates(found: StackedFrame, ordered: list[SiteName]) -> tuple[ParameterTable, Array]:
    """Each position segment with its velocity; a velocity that several segments share stands with each of them."""
    stack, number = found.stack, found.reference.segments.velocity_number
    place = {key: row for row, key in enumerate(stack.keys)}
    kinds, sites, rows = [], [], []
    for site in ordered:
        for axis in _COMPONENTS:
            kinds.append(f"STA{axis}")
            sites.append(site)
            rows.append(place[ParameterKey(f"STA{axis}", *site)])
        for axis in _COMPONENTS if found.stack_rates else ():
            kinds.append(f"VEL{axis}")
            sites.append(site)
            rows.append(place[ParameterKey(f"VEL{axis}", site[0], site[1], number(site))])
    covariance = stack.covariance[np.ix_(rows, rows)]
    counts = np.bincount(rows, minlength=len(stack.keys))[rows]
    shared = np.flatnonzero(counts > 1)
    covariance[shared, shared] += _SAME_VELOCITY_M_PER_YR**2
    moving = np.array([kind.startswith("VEL") for kind in kinds])
    codes, points, numbers = (np.array(column) for column in zip(*sites, strict=True))
    table = ParameterTable(
        np.array(kinds), codes, points, numbers, np.full(len(rows), found.epoch_utc), np.where(moving, "m/y", "m"),
        np.where(moving, "m/yr", "m"), np.full(len(rows), _UNCONSTRAINED, dtype=np.int8), stack.value[rows],
        np.sqrt(np.diag(covariance)),
    )  # fmt: skip
    return table, covariance


def _discontinuities(found: StackedFrame, sites: list[Site]) -> DiscontinuityTable:
    rows: list[Discontinuity] = []
    names: list[Site] = []
    for site in sites:
        listed = found.reference.segments.rows(site)
        rows += listed
        names += len(listed) * [site]
    return DiscontinuityTable(
        np.array([code for code, _ in names]), np.array([point for _, point in names]),
        np.array([row.solution for row in rows]), _instants([row.start_yr for row in rows]),
        _instants([row.end_yr for row in rows]), np.array([row.kind for row in rows]), np.full(len(rows), ""),
    )  # fmt: skip


def _instants(years: list[float]) -> NDArray[np.datetime64]:
    """Decimal years to whole seconds, open ends to NaT."""
    found = np.full(len(years), np.datetime64("NaT"), dtype="datetime64[ns]")
    for row, year in enumerate(years):
        if np.isfinite(year):
            found[row] = instant_of(year)
    return found


def _identities(found: StackedFrame) -> tuple[dict[Site, str], dict[Site, str]]:
    """DOMES numbers and descriptions of the weekly files."""
    domes: dict[Site, str] = {}
    names: dict[Site, str] = {}
    for week in found.weeks:
        table = sinex.read(week.path, blocks=("SITE/ID",)).solution.sites
        if table is None:
            continue
        columns = (table.codes, table.points, table.domes, table.descriptions)
        for code, point, number, text in zip(*(column.tolist() for column in columns), strict=True):
            if number.strip("- M"):
                domes.setdefault((code, point), number)
            names.setdefault((code, point), text)
    return domes | found.reference.solutions.domes, names


def _texts(found: StackedFrame) -> dict[str, str]:
    first, last = found.weeks[0].path.name, found.weeks[-1].path.name
    return {
        "DESCRIPTION": "Stack of station solutions",
        "OUTPUT": "Station positions and velocities" if found.stack_rates else "Station positions",
        "SOFTWARE": f"fiducial {__version__}",
        "INPUT": f"{len(found.weeks)} solutions\n{first[:60]}\n{last[:60]}",
    }


def _comments(found: StackedFrame) -> tuple[str, ...]:
    name, models = found.reference.solutions.name, found.reference.solutions.models_name
    datum = (
        "Datum: inner constraints on translations and scale, orientation from"
        if found.options.datum == "inner"
        else "Datum and its rate: minimal constraints, from"
    )
    seismic = (
        f"Post-seismic displacement of {models[:46]} is taken off"
        if models
        else "No post-seismic displacement is taken off"
    )
    return (
        datum, f"{len(found.stack.core)} core segments of {name[:50]}", seismic,
        "Covariance scaled by one variance factor a solution",
        "Velocities of one velocity segment are equal, stated as 1E-06 m/y",
    )  # fmt: skip

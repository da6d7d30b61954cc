"""The combined solution as a station solution that SINEX can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fiducial import __version__
from fiducial.formats.creation_time import creation_time
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.runs.station_sources import CentreFile
from fiducial.stations.helmert_design import ParameterKey, coordinate_rows
from fiducial.stations.solution import ParameterTable, SiteTable, SolutionHeader, SpanTable, StationSolution

if TYPE_CHECKING:
    from fiducial.runs.frame_combine import FrameCombination

_UNITS: Final = {
    "XPO": ("mas", "rad"), "YPO": ("mas", "rad"), "XPOR": ("ma/d", "rad/d"), "YPOR": ("ma/d", "rad/d"), "LOD": ("ms", "s"),
    "UT": ("ms", "s"),
}  # fmt: skip
_NO_SITE: Final = ("----", "--", "----")
_UNCONSTRAINED: Final = 2


def combined_solution(found: FrameCombination) -> StationSolution:
    """Return the combination: estimates, full covariance, sites and spans; made now."""
    result, reference = found.result, found.reference
    rows = coordinate_rows(result.keys)
    sites = [result.keys[row].site for row in rows[:, 0]]
    spans = [_span(found.files, code, point) for code, point, _ in sites]
    starts, ends = (np.array(column, dtype="datetime64[ns]") for column in zip(*spans, strict=True))
    codes, points, solns = (np.array(column) for column in zip(*sites, strict=True))
    longitude, latitude, height = geodetic_from_geocentric(result.value[rows])
    domes, names = _identities(found)
    size = len(sites)
    used = [one.name for one in result.centres]
    return StationSolution(
        header=SolutionHeader(
            agency="FID", data_agency="FID", created_utc=np.datetime64(creation_time().replace(tzinfo=None), "s").astype("datetime64[ns]"),
            start_utc=np.min(starts), end_utc=np.max(ends), technique="P", parameters=len(result.keys),
            constraint=_UNCONSTRAINED, contents=("S", "E") if len(result.keys) > 3 * size else ("S",),
        ),
        estimate=_table(found),
        covariance=result.covariance,
        sites=SiteTable(
            codes, points, np.array([domes.get(site[:2], "") for site in sites]), np.full(size, "P"),
            np.array([names.get(site[:2], "") for site in sites]), longitude % 360.0, latitude, height,
        ),
        spans=SpanTable(codes, points, solns, starts, ends, np.full(size, reference.epoch_utc)),
        reference_frame=reference.frame,
        reference={
            "DESCRIPTION": "Combination of daily station solutions",
            "OUTPUT": "Combined station positions and Earth rotation",
            "SOFTWARE": f"fiducial {__version__}",
            "INPUT": "\n".join(one.path.name[:60] for one in found.files if one.name in used),
        },
        comments=(
            f"Datum: minimal constraints on {len(result.core)} core stations of",
            f"{reference.name[:60]}, propagated to the epoch",
            "Covariance scaled by variance components of the centres",
        ),
    )  # fmt: skip


def _table(found: FrameCombination) -> ParameterTable:
    keys, reference = found.result.keys, found.reference
    sites = [key.site if key.code else _NO_SITE for key in keys]
    codes, points, solns = (np.array(column) for column in zip(*sites, strict=True))
    units = [_UNITS.get(key.kind, ("m", "m")) for key in keys]
    return ParameterTable(
        np.array([key.kind for key in keys]), codes, points, solns,
        np.array([_epoch(key, reference.epoch_utc) for key in keys], dtype="datetime64[ns]"),
        np.array([printed for printed, _ in units]), np.array([unit for _, unit in units]),
        np.full(len(keys), _UNCONSTRAINED, dtype=np.int8), found.result.value, np.sqrt(np.diag(found.result.covariance)),
    )  # fmt: skip


def _epoch(key: ParameterKey, epoch_utc: np.datetime64) -> np.datetime64:
    return epoch_utc if key.code or not key.solution else np.datetime64(key.solution, "ns")


def _span(files: tuple[CentreFile, ...], code: str, point: str) -> tuple[np.datetime64, np.datetime64]:
    """First and last data of a station in any file; of the file where it lists no stations."""
    starts: list[np.datetime64] = []
    ends: list[np.datetime64] = []
    for file in files:
        if (code, point) not in file.positions:
            continue
        table, header = file.solution.spans, file.solution.header
        rows = np.zeros(0, dtype=np.intp)
        if table is not None:
            rows = np.flatnonzero((table.codes == code) & (table.points == point))
        starts += list(table.start_utc[rows]) if table is not None and rows.size else [header.start_utc]
        ends += list(table.end_utc[rows]) if table is not None and rows.size else [header.end_utc]
    first, last = (np.array(listed, dtype="datetime64[ns]") for listed in (starts, ends))
    return np.nanmin(first), np.nanmax(last)


def _identities(found: FrameCombination) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    domes: dict[tuple[str, str], str] = {}
    names: dict[tuple[str, str], str] = {}
    for file in found.files:
        table = file.solution.sites
        if table is None:
            continue
        columns = (table.codes, table.points, table.domes, table.descriptions)
        for code, point, number, text in zip(*(column.tolist() for column in columns), strict=True):
            if number.strip("- M"):
                domes.setdefault((code, point), number)
            names.setdefault((code, point), text[:22])
    domes |= {site: one.domes for site, one in found.reference.sites.items() if one.domes}
    return domes, names

"""Common mode of a set of station series, for looking at: files in; series, figures and a summary out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import filtered_series
from fiducial.formats.strictness import Strictness
from fiducial.geodesy.ellipsoid import geocentric_position_m
from fiducial.geodesy.frames import parse_frame
from fiducial.runs.frame_combine import publish, refuse_existing
from fiducial.runs.station_check import read_sites
from fiducial.runs.station_velocity import read_series
from fiducial.stations.common_mode import LEAST_STATIONS, LENGTH_M, STATEMENT, CommonMode, detrended, remove_common_mode
from fiducial.stations.series import COMPONENTS, StationSeries, to_enu

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


_ONE_SITE_M: Final = 1e3
"""Marks of one site are no farther apart; what counts here are distances of hundreds of kilometres."""


@dataclass(frozen=True)
class CommonModeRequest:
    """What to filter; see ``fiducial stations common-mode --help``."""

    files: tuple[Path, ...]
    sites: Path | None = None
    frame: str | None = None
    length_km: float = LENGTH_M / 1e3
    least_stations: int = LEAST_STATIONS
    strictness: Strictness = "warn"


@dataclass(frozen=True)
class StationMode:
    """A station before and after.

    Attributes
    ----------
    series : StationSeries
        As published.
    found : CommonMode
    """

    series: StationSeries
    found: CommonMode

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON; scatter is the robust standard deviation of the detrended series, mm."""
        known = np.isfinite(self.found.mode_m).all(axis=1)
        return {
            "station": self.series.station,
            "source": self.series.source,
            "frame": self.series.frame,
            "epochs": self.series.size,
            "epochs_with_common_mode": int(known.sum()),
            "most_neighbours": int(self.found.stations.max(initial=0)),
            "components": list(COMPONENTS),
            "scatter_before_mm": _plain(self.found.scatter_before_m),
            "scatter_after_mm": _plain(self.found.scatter_after_m),
            "findings": list(self.series.findings),
        }


def _plain(values_m: Array) -> list[float | None]:
    return [float(1e3 * value) if np.isfinite(value) else None for value in values_m]


def filter_series(
    request: CommonModeRequest, *, progress: Callable[[float], None] = lambda _: None
) -> list[StationMode]:
    """Remove from every series what the others do at the same time.

    Parameters
    ----------
    request : CommonModeRequest
    progress : callable
        Told 1 after every station.

    Returns
    -------
    list of StationMode
        In the order of the files.

    Raises
    ------
    InputError
        FID-1335 too few neighbours, or several frames; FID-1336 a station in two files; FID-1357 a file that is filtered
        already; FID-1358 a series without position that the table of sites lacks; FID-1378 a site at two places in that table;
        FID-1004 unknown frame.
    """
    if request.frame is not None:
        parse_frame(request.frame)
    places = {} if request.sites is None else read_places(request.sites)
    stations = [
        placed_series(to_enu(read_series(path, frame=request.frame, strictness=request.strictness)), places, path)
        for path in request.files
    ]
    twice = [name for name, count in Counter(one.station for one in stations).items() if count > 1]
    if twice:
        raise InputError(
            "FID-1336", f"station {twice[0]} stands in two files", where=twice[0], fix="give each station once"
        )
    found = []
    for number, series in enumerate(stations):
        others = stations[:number] + stations[number + 1 :]
        mode = remove_common_mode(series, others, length_m=1e3 * request.length_km,
                                  least_stations=request.least_stations)  # fmt: skip
        found.append(StationMode(series, mode))
        progress(1.0)
    return found


def read_places(path: Path) -> dict[str, Array]:
    """Read the geocentric positions of a table of sites, in metres, by station code.

    Raises
    ------
    InputError
        FID-1378 when a code stands at two places more than 1 km apart.
    """
    sites = read_sites(path).sites
    if sites is None:
        return {}
    known = np.isfinite(sites.longitude_deg) & np.isfinite(sites.latitude_deg) & np.isfinite(sites.height_m)
    xyz = geocentric_position_m(sites.longitude_deg[known], sites.latitude_deg[known], sites.height_m[known])
    places: dict[str, Array] = {}
    for code, place in zip(sites.codes[known].tolist(), xyz, strict=True):
        apart = float(np.linalg.norm(places.setdefault(code, place) - place))
        if apart > _ONE_SITE_M:
            raise InputError("FID-1378", f"{code} stands at two places {1e-3 * apart:.1f} km apart", where=str(path),
                             fix="leave the wrong row out")  # fmt: skip
    return places


def placed_series(series: StationSeries, places: Mapping[str, Array], path: Path) -> StationSeries:
    """Return a series with its reference position, from the table of sites where the file has none.

    Raises
    ------
    InputError
        FID-1358 when neither has it.
    """
    if np.isfinite(series.reference_xyz_m).all():
        return series
    place = places.get(series.station[:4].upper())
    if place is None:
        raise InputError("FID-1358", f"the position of {series.station} is not known, and its distances neither",
                         where=str(path), fix="give a table of sites with --sites: station,longitude,latitude,height")  # fmt: skip
    return replace(series, reference_xyz_m=place)


def mode_rows(found: list[StationMode]) -> tuple[list[str], list[list[object]]]:
    """Return the columns and rows of the table for people."""
    columns = [
        "station",
        "frame",
        "epochs",
        "filtered",
        *(f"{name} {when}" for name in "ENU" for when in ("before", "after")),
    ]
    rows: list[list[object]] = []
    for one in found:
        pairs = zip(1e3 * one.found.scatter_before_m, 1e3 * one.found.scatter_after_m, strict=True)
        known = int(np.isfinite(one.found.mode_m).all(axis=1).sum())
        rows.append([one.series.station, one.series.frame or "unstated", one.series.size, known,
                     *(round(float(value), 2) for pair in pairs for value in pair)])  # fmt: skip
    return columns, rows


def summary(request: CommonModeRequest, found: list[StationMode]) -> dict[str, object]:
    """Return plain values for JSON."""
    return {
        "purpose": STATEMENT,
        "length_km": request.length_km,
        "least_stations": request.least_stations,
        "stations": [one.to_dict() for one in found],
    }


def write(request: CommonModeRequest, found: list[StationMode], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write series, figures and ``common_mode.json`` into a folder.

    Returns
    -------
    list of Path
        ``STATION-common-mode.csv``, ``STATION-common-mode.png`` of every station, then the summary.

    Raises
    ------
    InputError
        FID-1002 when a file exists, FID-1355 when one cannot be written; no file is written then.
    """
    from fiducial.reports.style import png_bytes

    plain = [re.sub(r"[^A-Za-z0-9_-]", "_", one.series.station) + "-common-mode" for one in found]
    # Before figures are drawn, which takes longer than all else.
    refuse_existing(folder, [*(f"{name}.csv" for name in plain), "common_mode.json"], overwrite=overwrite)
    contents: dict[str, bytes] = {}
    for name, one in zip(plain, found, strict=True):
        contents[f"{name}.csv"] = filtered_series.to_bytes(one.found)
        if np.isfinite(one.found.mode_m).any():
            contents[f"{name}.png"] = png_bytes(figure_of(one))
    contents["common_mode.json"] = (json.dumps(summary(request, found), indent=1) + "\n").encode()
    publish(contents, folder, overwrite=overwrite)
    return [folder / name for name in contents]


def figure_of(one: StationMode) -> Figure:
    """Draw a station before and after."""
    from fiducial.reports.station_figures import common_mode_figure

    before = 1e3 * detrended(one.series)
    texts = [(f"{name} before: scatter {1e3 * old:.2f} mm", f"{name} after: scatter {1e3 * new:.2f} mm") for name, old, new in
             zip(COMPONENTS, one.found.scatter_before_m, one.found.scatter_after_m, strict=True)]  # fmt: skip
    return common_mode_figure(
        one.series.epochs, before, before - 1e3 * one.found.mode_m, texts=texts,
        title=f"{one.series.station}, frame {one.series.frame or 'unstated'}: common mode of its neighbours removed",
        note="for display and screening only, never for rates", time_scale=one.series.time_scale,
    )  # fmt: skip

"""Judges of a score: stations that no fit knows, named by the user or taken from a second table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import InputError
from fiducial.formats import velocity_tables
from fiducial.geodesy.covariance_functions import unit_vectors
from fiducial.geodesy.station_screening import stations_around
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.evidence import SAME_SITE_M

_EARTH_RADIUS_M: Final = 1000.0 * MEAN_EARTH_RADIUS_KM
_REACH_KM: Final = 50.0
_SAME_NAME_M: Final = 10_000.0
_SHOWN: Final = 5


@dataclass(frozen=True)
class Panel:
    """Stations of a score.

    Attributes
    ----------
    stations : StationVelocities
        Those of the fit and those that judge only.
    trainable : ndarray of bool, shape (station,)
    note : str
        What was decided.
    """

    stations: StationVelocities
    trainable: NDArray[np.bool_]
    note: str


def with_judges(
    path: Path,
    frame: str,
    stations: StationVelocities,
    longitude_deg: NDArray[np.float64],
    latitude_deg: NDArray[np.float64],
) -> Panel:
    """Take judges out of the fit, or add them to its table.

    Parameters
    ----------
    path : Path
        A list of station names, or a second velocity table. It is a list when no line holds more than one word;
        empty lines and lines that begin with # do not count.
    frame : str
        Frame of both tables.
    stations : StationVelocities
        Of the fit so far.
    longitude_deg, latitude_deg : ndarray, shape (point,)
        The area.

    Returns
    -------
    Panel
        Named stations no longer take part in the fit. Of a table those within 50 km of the area are taken; stations
        of the fit that stand on the same site (100 m), or have the same name within 10 km, leave it.

    Raises
    ------
    InputError
        FID-1001 no such file; FID-1121 when a name is not in the table, or no judge is near the area.
    """
    if not path.is_file():
        raise InputError("FID-1001", "no such file of judges", where=str(path), fix="check the path")
    names = station_names(path)
    if names is not None:
        return _named(path, names, stations)
    judges = stations_around(velocity_tables.read(path, frame=frame), longitude_deg, latitude_deg, _REACH_KM)
    if judges.size == 0:
        raise _no_judge(f"no station of the table lies within {_REACH_KM:g} km of the sources", str(path))
    taken = _same_station(stations, judges)
    joined = _joined(stations.select(~taken), judges)
    trainable = np.arange(joined.size) < int((~taken).sum())
    note = f"{judges.size} stations of {path.name} judge and are in no fit; {int(taken.sum())} of the GNSS table left it for them"
    return Panel(joined, trainable, note)


def station_names(path: Path) -> list[str] | None:
    """Return the names when a file is a list of names, else None."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return None
    words = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not words or any(len(word.replace(",", " ").replace(";", " ").split()) != 1 for word in words):
        return None
    return words


def _named(path: Path, names: list[str], stations: StationVelocities) -> Panel:
    unknown = sorted(set(names) - set(map(str, stations.names)))
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise _no_judge(f"no station around the sources is called {', '.join(unknown[:_SHOWN])}{more}", str(path))
    chosen = np.isin(stations.names, names)
    note = f"{int(chosen.sum())} stations named in {path.name} judge and are in no fit"
    return Panel(stations, ~chosen, note)


def _no_judge(problem: str, where: str) -> InputError:
    fix = "name stations of the GNSS table, one a line, or give a velocity table of the area"
    return InputError("FID-1121", problem, where=where, fix=fix)


def _same_station(stations: StationVelocities, judges: StationVelocities) -> NDArray[np.bool_]:
    tree = cKDTree(unit_vectors(judges.longitude_deg, judges.latitude_deg))
    own = unit_vectors(stations.longitude_deg, stations.latitude_deg)
    distance = np.asarray(tree.query(own)[0]) * _EARTH_RADIUS_M
    near = tree.query_ball_point(own, _SAME_NAME_M / _EARTH_RADIUS_M)
    alike = [bool(np.isin(name, judges.names[found])) for name, found in zip(stations.names, near, strict=True)]
    return np.asarray((distance <= SAME_SITE_M) | np.array(alike, dtype=bool))


def _joined(first: StationVelocities, second: StationVelocities) -> StationVelocities:
    return StationVelocities(
        names=np.concatenate([first.names, second.names]),
        longitude_deg=np.concatenate([first.longitude_deg, second.longitude_deg]),
        latitude_deg=np.concatenate([first.latitude_deg, second.latitude_deg]),
        velocity_enu_mm_per_yr=np.concatenate([first.velocity_enu_mm_per_yr, second.velocity_enu_mm_per_yr]),
        covariance_enu=np.concatenate([first.covariance_enu, second.covariance_enu]),
        frame=first.frame,
        source=f"{first.source} and {second.source}",
    )

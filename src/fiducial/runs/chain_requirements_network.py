"""Stations to be scored: velocity tables and dated series become one network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.chain.requirement_scoring import SITE_KM, Network, chord, unit_vectors
from fiducial.errors import InputError
from fiducial.formats import velocity_tables
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric
from fiducial.runs.station_velocity import read_series
from fiducial.stations.series import StationSeries

Array = NDArray[np.float64]

_NAME_LENGTH: Final = 4
_SECOND: Final = np.timedelta64(1, "s")
_COLUMNS: Final = ("longitude", "latitude", "horizontal", "up", "step", "age")


@dataclass(frozen=True, slots=True, eq=False)
class ReadNetwork:
    """A network and what was decided while reading it."""

    network: Network
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_network(gnss: Path | None, series: tuple[Path, ...], as_of: np.datetime64 | None) -> ReadNetwork:
    """Read stations.

    Parameters
    ----------
    gnss : Path or None
        Velocity table of any layout of ``formats.velocity_tables``; the frame does not matter for scoring.
    series : tuple of Path
        Dated positions (tenv, tenv3, TMS). A series without a position takes that of the one station of the table whose
        first four letters are the same.
    as_of : datetime64 or None
        Date at which the age of the last epochs is taken; without it ages stay unknown.

    Raises
    ------
    InputError
        FID-1001 no such file; FID-1403 when no station with a known place is given; FID-1408 when a series ends after
        ``as_of``; FID-1004 a frame that the file itself contradicts.
    FormatError
        As ``formats.velocity_tables``, ``formats.tenv`` and ``formats.tms``.
    """
    rows: dict[str, list[float]] = {name: [] for name in _COLUMNS}
    names: list[str] = []
    notes: list[str] = []
    if gnss is not None:
        _add_table(gnss, rows, names, notes)
    for path in series:
        _require_file(path)
        _add_series(read_series(path), as_of, rows, names, notes)
    if not names:
        problem = "neither a velocity table nor a series" if gnss is None and not series else "no series has a place"
        raise InputError("FID-1403", f"no station to score: {problem}", where="--gnss, --series",
                         fix="give a velocity table with --gnss; tenv files need one for their stations' places")  # fmt: skip
    if series and as_of is None:
        notes.append("timeliness is unknown: no date to count the age of the last epochs from (--as-of)")
    columns = [np.array(rows[name], dtype=np.float64) for name in _COLUMNS]
    return ReadNetwork(Network(*columns), tuple(names), tuple(notes))


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError("FID-1001", "no such file", where=str(path), fix="check the path")


def _add_table(path: Path, rows: dict[str, list[float]], names: list[str], notes: list[str]) -> None:
    _require_file(path)
    table = _read_table(path)
    sigma = np.sqrt(np.einsum("kii->ki", table.covariance_enu))
    values = (table.longitude_deg, table.latitude_deg, sigma[:, :2].max(axis=1), sigma[:, 2])
    for name, column in zip(_COLUMNS, values, strict=False):
        rows[name] += column.tolist()
    for name in ("step", "age"):
        rows[name] += [float("nan")] * table.size
    names += table.names.tolist()
    notes.append(f"{table.size} stations from {path.name}, layout {table.layout}")
    # The first sentence names the frame, which scoring does not use.
    notes += velocity_tables.describe(table)[1:]


def _read_table(path: Path) -> velocity_tables.VelocityTable:
    """Read a table in the frame that its name states, or in any: a sigma is the same in all."""
    named = path.name.split(".")[1] if path.name.lower().startswith("midas.") else None
    for frame in (None, named):
        try:
            return velocity_tables.read(path, frame=frame)
        except InputError as error:
            if error.code != "FID-1004":
                raise
    return velocity_tables.read(path, frame="plate:EURA")


def _add_series(
    series: StationSeries, as_of: np.datetime64 | None, rows: dict[str, list[float]], names: list[str], notes: list[str]
) -> None:
    epochs = series.epochs[np.isfinite(series.displacement_m).all(axis=1)]
    step = float(np.median(np.diff(epochs) / _SECOND)) if len(epochs) > 1 else float("nan")
    age = float("nan")
    if as_of is not None and len(epochs):
        age = float((as_of - epochs[-1]) / _SECOND)
        if age < 0.0:
            last = np.datetime_as_string(epochs[-1], "D")
            raise InputError("FID-1408", f"the series of {series.station} ends on {last}, after {as_of}",
                             where="--as-of", fix="give the date at which the series were at hand")  # fmt: skip
    row, longitude, latitude = _place(series, rows, names)
    if row is None and np.isnan(longitude):
        notes.append(f"series of {series.station}: no position in the file, and no single station of the table has "
                     "its name; not used")  # fmt: skip
        return
    if row is None:
        for name, value in zip(_COLUMNS, (longitude, latitude, np.nan, np.nan, np.nan, np.nan), strict=True):
            rows[name].append(value)
        names.append(series.station)
        row = len(names) - 1
    rows["step"][row], rows["age"][row] = step, age
    notes.append(f"series of {series.station} belongs to station {names[row]}: {len(epochs)} epochs")


def _place(series: StationSeries, rows: dict[str, list[float]], names: list[str]) -> tuple[int | None, float, float]:
    """Return the row of the station that a series belongs to, or None and the place that the series states."""
    wanted = series.station[:_NAME_LENGTH].upper()
    same = [row for row, name in enumerate(names) if name[:_NAME_LENGTH].upper() == wanted]
    if np.isnan(series.reference_xyz_m).any():
        return (same[0] if len(same) == 1 else None), float("nan"), float("nan")
    longitude, latitude, _ = geodetic_from_geocentric(series.reference_xyz_m[None, :])
    if names:
        here = unit_vectors(longitude, latitude)
        there = unit_vectors(np.array(rows["longitude"]), np.array(rows["latitude"]))
        distance = np.linalg.norm(there - here, axis=1)
        # Two antennas may share a site; the one of the same name is meant.
        near = [row for row in same if distance[row] <= chord(SITE_KM)]
        nearest = near[0] if near else int(np.argmin(distance))
        if distance[nearest] <= chord(SITE_KM):
            return nearest, float(longitude[0]), float(latitude[0])
    return None, float(longitude[0]), float(latitude[0])

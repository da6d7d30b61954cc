"""Coordinates of a point or of a file in another terrestrial reference frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import coordinate_table
from fiducial.formats.coordinate_table import CoordinateTable
from fiducial.formats.text_source import open_source
from fiducial.geodesy.ellipsoid import geocentric_position_m
from fiducial.geodesy.epochs import decimal_year, parse_epoch
from fiducial.geodesy.frame_graph import FrameCoordinates, frame_path, transform_coordinates
from fiducial.geodesy.frames import parse_frame

if TYPE_CHECKING:
    from fiducial.stations.solution import StationSolution

Array = NDArray[np.float64]

LEAST_RADIUS_M: Final = 6.3e6
LARGEST_RADIUS_M: Final = 6.4e6
"""The ground lies 6 350 to 6 385 km from the geocentre; in any other unit a position falls outside these limits."""
FASTEST_M_PER_YR: Final = 0.5
"""No plate moves faster than 0.2 m/yr; ice streams that do are not what frames are made from."""
_SAME_EPOCH_YR: Final = 1e-3
_GRS80: Final = 2


@dataclass(frozen=True, slots=True)
class TransformRequest:
    """From which frame to which, and when.

    Attributes
    ----------
    source, target : str
        Names of frames.
    epoch : str or None
        Decimal year or ISO date of the coordinates; None when a file states it row by row.
    """

    source: str
    target: str
    epoch: str | None


def transform_point(
    request: TransformRequest,
    *,
    xyz_m: tuple[float, float, float] | None = None,
    lonlath: tuple[float, float, float] | None = None,
    velocity_m_per_yr: tuple[float, float, float] | None = None,
) -> dict[str, Any]:
    """Transform one point.

    Parameters
    ----------
    request : TransformRequest
    xyz_m : tuple of three float, optional
        Geocentric; either this or ``lonlath``.
    lonlath : tuple of three float, optional
        Longitude, latitude [deg] and ellipsoidal height [m] on GRS80.
    velocity_m_per_yr : tuple of three float, optional
        Geocentric VX, VY, VZ.

    Returns
    -------
    dict
        ``from``, ``to``, ``epoch`` (decimal year), ``path`` (operations with EPSG codes), ``xyz_m``, ``lonlath``, and
        ``velocity_m_per_yr`` (None without velocity).

    Raises
    ------
    InputError
        FID-1004, FID-1310, FID-1311, FID-1318; FID-1104 impossible longitude or latitude; FID-1315 not on the ground, or
        too fast: another unit; FID-1316 no position or two.
    """
    if (xyz_m is None) == (lonlath is None):
        raise InputError("FID-1316", "exactly one position is needed", where="fiducial frame transform",
                         fix="give --xyz X Y Z, or --lonlath LON LAT H, or a file")  # fmt: skip
    position = np.array([xyz_m]) if xyz_m is not None else _geocentric(lonlath or (0.0, 0.0, 0.0))
    velocity = None if velocity_m_per_yr is None else np.array([velocity_m_per_yr])
    _require_ground(position, velocity, ["the point"])
    epoch = parse_epoch(request.epoch or "")
    given = FrameCoordinates(request.source, np.array(epoch), position, velocity)
    moved = transform_coordinates(given, request.target)
    return {
        **_described(request),
        "epoch": epoch,
        "xyz_m": moved.position_m[0].tolist(),
        "lonlath": _geodetic(moved.position_m)[0].tolist(),
        "velocity_m_per_yr": None if moved.velocity_m_per_yr is None else moved.velocity_m_per_yr[0].tolist(),
    }


def transform_file(
    request: TransformRequest, file: Path | str, out: Path | str | None = None, *, overwrite: bool = False
) -> dict[str, Any]:
    """Transform every row of a table of coordinates or of a SINEX file, and write a table.

    Parameters
    ----------
    request : TransformRequest
        ``epoch`` holds for rows that state none; it must agree with those that do.
    file : path
        Layout of `coordinate_table.read`, or SINEX with estimates of station positions.
    out : path, optional
        Table to write: commas when it ends in ``.csv``, blanks otherwise. None writes nothing.
    overwrite : bool

    Returns
    -------
    dict
        ``from``, ``to``, ``path``, ``epochs`` (earliest, latest), ``stations`` (count), ``out``, and ``rows`` (station,
        epoch, ``xyz_m``, ``velocity_m_per_yr``).

    Raises
    ------
    InputError
        As `transform_point`; FID-1316 for a frame or an epoch that the file states otherwise, FID-1317 for a damaged
        row, FID-1002 when ``out`` exists.
    """
    table = _read(file)
    _require_stated_frame(table, request.source, str(file))
    epochs = _epochs(table, request.epoch, str(file))
    _require_ground(table.position_m, table.velocity_m_per_yr, list(table.names))
    given = FrameCoordinates(request.source, epochs, table.position_m, table.velocity_m_per_yr)
    moved = transform_coordinates(given, request.target)
    result = CoordinateTable(table.names, moved.position_m, moved.velocity_m_per_yr, epochs, moved.frame)
    if out is not None:
        coordinate_table.write(result, out, overwrite=overwrite)
    return {
        **_described(request),
        "epochs": [float(epochs.min()), float(epochs.max())],
        "stations": len(table.names),
        "out": None if out is None else str(out),
        "rows": [
            {"station": name, "epoch": float(epochs[k]), "xyz_m": moved.position_m[k].tolist(),
             "velocity_m_per_yr": _known(moved.velocity_m_per_yr, k)}
            for k, name in enumerate(table.names)
        ],
    }  # fmt: skip


def _described(request: TransformRequest) -> dict[str, Any]:
    steps = [
        {"operation": step.label, "epsg": step.operation.epsg, "inverted": step.inverse, "from": step.source,
         "to": step.target}
        for step in frame_path(request.source, request.target)
    ]  # fmt: skip
    names = (request.source, request.target)
    realised = [
        f"{name.strip()} is {parse_frame(name).name}" for name in names if parse_frame(name).name != name.strip()
    ]
    return {"from": request.source, "to": request.target, "path": steps, "notes": realised}


def _known(velocity: Array | None, row: int) -> list[float] | None:
    return None if velocity is None or not np.isfinite(velocity[row]).all() else velocity[row].tolist()


def _read(file: Path | str) -> CoordinateTable:
    content = open_source(file)
    if not content.data.startswith(b"%=SNX"):
        return coordinate_table.read(file)
    from fiducial.formats import sinex

    return _from_solution(sinex.read(file).solution, content.name)


def _from_solution(solution: StationSolution, name: str) -> CoordinateTable:
    positions, velocities = solution.positions(), solution.velocities()
    complete = np.asarray(np.isfinite(positions.xyz).all(axis=1))
    if not complete.any():
        raise InputError("FID-1317", "no estimates of station positions", where=name,
                         fix="give a SINEX file with SOLUTION/ESTIMATE of STAX, STAY, STAZ")  # fmt: skip
    keys = list(zip(positions.codes.tolist(), positions.points.tolist(), positions.solns.tolist(), strict=True))
    found = dict(zip(zip(velocities.codes.tolist(), velocities.points.tolist(), velocities.solns.tolist(), strict=True),
                     velocities.xyz, strict=True))  # fmt: skip
    velocity = np.array([found.get(key, np.full(3, np.nan)) for key in keys])
    return CoordinateTable(
        tuple(" ".join(key) for key, kept in zip(keys, complete.tolist(), strict=True) if kept),
        positions.xyz[complete],
        velocity[complete] if found else None,
        decimal_year(positions.epochs_utc[complete]),
        solution.reference_frame,
    )


def _require_stated_frame(table: CoordinateTable, source: str, where: str) -> None:
    if not table.frame:
        return
    try:
        stated = parse_frame(table.frame)
    except InputError:
        return
    if stated != parse_frame(source):
        raise InputError("FID-1316", f"the file states its frame as {table.frame}, not {source}", where=where,
                         fix=f"--from {table.frame}, or correct the file")  # fmt: skip


def _epochs(table: CoordinateTable, epoch: str | None, where: str) -> Array:
    stations = len(table.names)
    given = np.nan if epoch is None else parse_epoch(epoch)
    if table.epoch_yr is None:
        return np.full(stations, given)
    differing = np.abs(table.epoch_yr - given) > _SAME_EPOCH_YR
    if differing.any():
        row = int(np.argmax(differing))
        raise InputError("FID-1316", f"{table.names[row]} has the epoch {table.epoch_yr[row]:.4f}, not {given:.4f}",
                         where=where, fix="leave --epoch out: coordinates are transformed at the epoch of their row, and "
                         "are not propagated in time")  # fmt: skip
    return np.where(np.isnan(table.epoch_yr), given, table.epoch_yr)


def _require_ground(position_m: Array, velocity_m_per_yr: Array | None, names: list[str]) -> None:
    with np.errstate(over="ignore"):
        radius = np.linalg.norm(position_m, axis=1)
    wrong = ~((radius >= LEAST_RADIUS_M) & (radius <= LARGEST_RADIUS_M))
    if wrong.any():
        row = int(np.argmax(wrong))
        unit = next((text for text, factor in (("km", 1e3), ("mm", 1e-3), ("cm", 1e-2))
                     if LEAST_RADIUS_M <= factor * radius[row] <= LARGEST_RADIUS_M), "")  # fmt: skip
        hint = f"; it would be in {unit}" if unit else ""
        raise InputError("FID-1315", f"{radius[row]:.6g} m from the geocentre is not on the ground{hint}", where=names[row],
                         fix="give geocentric X Y Z in metres")  # fmt: skip
    if velocity_m_per_yr is not None:
        with np.errstate(over="ignore"):
            speed = np.linalg.norm(velocity_m_per_yr, axis=1)
        fast = speed > FASTEST_M_PER_YR
        if fast.any():
            row = int(np.argmax(fast))
            raise InputError("FID-1315", f"{speed[row]:.4g} m/yr is faster than any plate; it looks like mm/yr",
                             where=names[row], fix="give geocentric VX VY VZ in metres per year")  # fmt: skip


def _geocentric(lonlath: tuple[float, float, float]) -> Array:
    longitude, latitude, height = lonlath
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
        raise InputError("FID-1104", "a position lies outside the Earth",
                         where=f"longitude {longitude:g}, latitude {latitude:g}",
                         fix="give longitude and latitude in degrees, in this order")  # fmt: skip
    return geocentric_position_m(longitude, latitude, height)[np.newaxis]


def _geodetic(position_m: Array) -> Array:
    """Return longitude, latitude [deg] and height [m] on GRS80, shape (point, 3)."""
    import erfa  # type: ignore[import-untyped]

    longitude, latitude, height = erfa.gc2gd(_GRS80, position_m)
    return np.column_stack([np.rad2deg(longitude), np.rad2deg(latitude), height])

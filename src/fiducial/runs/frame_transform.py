"""Coordinates of a point or of a file in another terrestrial reference frame, and at another epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import coordinate_table
from fiducial.formats.atomic import atomic_file
from fiducial.formats.coordinate_table import CoordinateTable
from fiducial.formats.text_source import open_source
from fiducial.geodesy.ellipsoid import geocentric_position_m
from fiducial.geodesy.epochs import decimal_year, parse_epoch
from fiducial.geodesy.frame_graph import FrameCoordinates
from fiducial.runs.frame_transform_checks import frame_notes, require_ground, require_stated_frame
from fiducial.runs.frame_transform_request import Carried, TransformRequest, carry

__all__ = ["TransformRequest", "transform_file", "transform_point"]

Array = NDArray[np.float64]

_SAME_EPOCH_YR: Final = 1e-3
_GRS80: Final = 2


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
        ``from``, ``to``, ``path`` (operations with EPSG codes), ``epoch`` (decimal year of the result), ``epoch_given``,
        ``to_epoch``, ``velocity_source``, ``xyz_m``, ``lonlath``, ``velocity_m_per_yr`` (None without velocity), and
        ``notes``.

    Raises
    ------
    InputError
        FID-1004, FID-1310, FID-1311, FID-1318; FID-1104 impossible longitude or latitude; FID-1315 not on the ground, or
        too fast: another unit; FID-1316 no position or two; FID-1370 no velocity to propagate with; FID-1371 options that
        do not fit together.
    """
    if (xyz_m is None) == (lonlath is None):
        raise InputError("FID-1316", "exactly one position is needed", where="fiducial frame transform",
                         fix="give --xyz X Y Z, or --lonlath LON LAT H, or a file")  # fmt: skip
    position = np.array([xyz_m]) if xyz_m is not None else _geocentric(lonlath or (0.0, 0.0, 0.0))
    velocity = None if velocity_m_per_yr is None else np.array([velocity_m_per_yr])
    request.require_consistent()
    request.require_no_solutions("a point")
    if velocity is not None and request.plate:
        raise InputError("FID-1371", "a velocity and a plate", where="fiducial frame transform",
                         fix="give either --velocity or --plate")  # fmt: skip
    names = ["the point"]
    require_ground(position, velocity, names)
    epoch = parse_epoch(request.epoch or "")
    given = FrameCoordinates(request.source, np.array(epoch), position, velocity)
    carried = carry(given, request, names)
    moved = carried.coordinates
    described = request.described()
    notes = frame_notes(position, velocity, names, request.source, "--velocity")
    return {
        **described,
        "notes": [*described["notes"], *notes, *carried.notes(request)],
        **carried.described(request),
        "epoch": float(moved.epoch_yr[0]),
        "epoch_given": epoch,
        "xyz_m": moved.position_m[0].tolist(),
        "lonlath": _geodetic(moved.position_m)[0].tolist(),
        "velocity_m_per_yr": _known(moved.velocity_m_per_yr, 0),
    }


def transform_file(
    request: TransformRequest, file: Path | str, out: Path | str | None = None, *, overwrite: bool = False
) -> dict[str, Any]:
    """Transform every row of a table of coordinates or of a SINEX file, and write a table or a SINEX file.

    Parameters
    ----------
    request : TransformRequest
        ``epoch`` holds for rows that state none; it must agree with those that do.
    file : path
        Layout of `coordinate_table.read`, or SINEX with estimates of station positions.
    out : path, optional
        ``.snx`` writes SINEX, with covariance, of a SINEX file; otherwise a table, with commas when it ends in ``.csv``,
        with blanks if not. None writes nothing.
    overwrite : bool

    Returns
    -------
    dict
        ``from``, ``to``, ``path``, ``notes``, ``to_epoch``, ``velocity_source``, ``epochs`` (earliest, latest of those
        given), ``stations`` (count), ``out``, and ``rows`` (station, epoch, ``xyz_m``, ``velocity_m_per_yr``); of SINEX
        also ``sigma_xyz_m`` a row, and ``left_out`` (station: reason).

    Raises
    ------
    InputError
        As `transform_point`; FID-1316 for a frame or an epoch that the file states otherwise, FID-1317 for a damaged
        row, FID-1002 when ``out`` exists, FID-1373 SINEX asked of a table; see also
        `frame_transform_sinex.transform_solution`.
    """
    request.require_consistent()
    content = open_source(file)
    as_sinex = out is not None and str(out).lower().endswith((".snx", ".snx.gz", ".snx.z"))
    if content.data.startswith(b"%=SNX"):
        return _transform_sinex(request, file, out, overwrite=overwrite, as_sinex=as_sinex)
    if as_sinex:
        raise InputError("FID-1373", "a table cannot become a SINEX file: it has no solutions and no covariance", where=str(out),
                         fix="name the table .csv or .txt")  # fmt: skip
    request.require_no_solutions("a table")
    table = coordinate_table.read(file)
    names = list(table.names)
    require_stated_frame(table.frame, request.source, str(file))
    epochs = _epochs(table, request.epoch, str(file))
    require_ground(table.position_m, table.velocity_m_per_yr, names)
    notes = frame_notes(table.position_m, table.velocity_m_per_yr, names, request.source, str(file))
    given = FrameCoordinates(request.source, epochs, table.position_m, table.velocity_m_per_yr)
    carried = carry(given, request, names)
    if out is not None:
        coordinate_table.write(_table(table.names, carried), out, overwrite=overwrite)
    return _result(request, names, carried, epochs, out, [*notes, *carried.notes(request)])


def _transform_sinex(
    request: TransformRequest, file: Path | str, out: Path | str | None, *, overwrite: bool, as_sinex: bool
) -> dict[str, Any]:
    from fiducial.formats import sinex
    from fiducial.runs.frame_transform_sinex import transform_solution

    if as_sinex and Path(str(out)).suffix.lower() != ".snx":
        raise InputError("FID-1373", "SINEX is written without compression", where=str(out), fix="name the file .snx")
    read = sinex.read(file)
    _require_epoch_of_file(request, read.solution.positions().epochs_utc, read.name)
    moved = transform_solution(request, read)
    if as_sinex and out is not None:
        with atomic_file(out, overwrite=overwrite) as partial:
            sinex.write(moved.solution, partial)
    elif out is not None:
        coordinate_table.write(_table(moved.names, moved.carried), out, overwrite=overwrite)
    notes = [*read.findings, *moved.notes]
    result = _result(request, list(moved.names), moved.carried, moved.epoch_given_yr, out, notes)
    for row, sigma in zip(result["rows"], moved.sigma_m.tolist(), strict=True):
        row["sigma_xyz_m"] = sigma if np.isfinite(sigma).all() else None
    return {**result, "left_out": moved.left_out}


def _result(
    request: TransformRequest,
    names: list[str],
    carried: Carried,
    epochs: Array,
    out: Path | str | None,
    notes: list[str],
) -> dict[str, Any]:
    moved, described = carried.coordinates, request.described()
    return {
        **described,
        "notes": [*described["notes"], *notes],
        **carried.described(request),
        "epochs": [float(epochs.min()), float(epochs.max())],
        "stations": len(names),
        "out": None if out is None else str(out),
        "rows": [
            {"station": name, "epoch": float(moved.epoch_yr[k]), "xyz_m": moved.position_m[k].tolist(),
             "velocity_m_per_yr": _known(moved.velocity_m_per_yr, k)}
            for k, name in enumerate(names)
        ],
    }  # fmt: skip


def _table(names: tuple[str, ...], carried: Carried) -> CoordinateTable:
    """Return the table to write: velocities of a plate model are not written as if they were observed."""
    moved = carried.coordinates
    return CoordinateTable(names, moved.position_m, carried.own_velocity(), moved.epoch_yr, moved.frame)


def _known(velocity: Array | None, row: int) -> list[float] | None:
    return None if velocity is None or not np.isfinite(velocity[row]).all() else velocity[row].tolist()


def _epochs(table: CoordinateTable, epoch: str | None, where: str) -> Array:
    stations = len(table.names)
    given = np.nan if epoch is None else parse_epoch(epoch)
    if table.epoch_yr is None:
        return np.full(stations, given)
    differing = np.abs(table.epoch_yr - given) > _SAME_EPOCH_YR
    if differing.any():
        row = int(np.argmax(differing))
        raise InputError("FID-1316", f"{table.names[row]} has the epoch {table.epoch_yr[row]:.4f}, not {given:.4f}",
                         where=where, fix="leave --epoch out: coordinates are transformed at the epoch of their row; "
                         "--to-epoch propagates them")  # fmt: skip
    return np.where(np.isnan(table.epoch_yr), given, table.epoch_yr)


def _require_epoch_of_file(request: TransformRequest, epochs_utc: NDArray[np.datetime64], where: str) -> None:
    """Refuse --epoch beside the reference epochs of a SINEX file, unless it is theirs."""
    if request.epoch is None or not len(epochs_utc):
        return
    names = tuple(str(instant)[:10] for instant in epochs_utc)
    epochs = decimal_year(epochs_utc)
    _epochs(CoordinateTable(names, np.zeros((len(names), 3)), None, epochs), request.epoch, where)


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

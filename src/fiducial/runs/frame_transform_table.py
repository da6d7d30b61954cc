"""Positions and velocities of a list of parameters, moved to another frame and epoch, with their full covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.frame_graph import FrameCoordinates
from fiducial.stations.solution import ParameterTable, coordinate_rows
from fiducial.stations.solution_tables import POSITION_TYPES, VELOCITY_TYPES, Integers

Array = NDArray[np.float64]
Key = tuple[str, str, str]

_DIRECTIONS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class TableStations:
    """Stations of a list of parameters.

    Attributes
    ----------
    keys : list of (code, point, solution)
    coordinates : FrameCoordinates
        With full covariances where the list has one; a velocity that is not there is NaN, and its covariance zero.
    position_rows, velocity_rows : ndarray of int, shape (station, 3)
        Rows of the list; -1 where there is no velocity.
    numbers : ndarray of int, shape (station,)
        Which stations of the list these are, in order of first appearance.
    """

    keys: list[Key]
    coordinates: FrameCoordinates
    position_rows: Integers
    velocity_rows: Integers
    numbers: Integers

    def rows(self) -> Integers:
        """Return all rows, in the order of the list."""
        both = np.concatenate([self.position_rows.ravel(), self.velocity_rows.ravel()])
        return np.sort(both[both >= 0])


def stations_of(
    table: ParameterTable, covariance: Array | None, frame: str, wanted: Integers | None, where: str
) -> TableStations:
    """Return the stations of a list.

    Parameters
    ----------
    table : ParameterTable
    covariance : ndarray, shape (n, n), or None
    frame : str
        Frame of the list.
    wanted : ndarray of int, or None
        Which stations, by their number in order of first appearance; None for all that are complete.
    where : str
        Named in errors.

    Raises
    ------
    InputError
        FID-1302, FID-1310, FID-1311; FID-1317 no station has all three components.
    """
    found = coordinate_rows(table, POSITION_TYPES)
    numbers = np.flatnonzero((found >= 0).all(axis=1)) if wanted is None else wanted
    positions = found[numbers]
    if not len(positions):
        raise InputError("FID-1317", "no estimates of station positions", where=where,
                         fix="give a SINEX file with SOLUTION/ESTIMATE of STAX, STAY, STAZ")  # fmt: skip
    keys = _keys(table, positions)
    moving = coordinate_rows(table, VELOCITY_TYPES)
    moving = moving[(moving >= 0).all(axis=1)]
    by_key = dict(zip(_keys(table, moving), moving, strict=True))
    absent = np.full(_DIRECTIONS, -1, dtype=np.int64)
    velocities = np.array([by_key.get(key, absent) for key in keys]).reshape(-1, _DIRECTIONS)
    values = np.where(velocities >= 0, table.values[velocities], np.nan)
    blocks: dict[str, Array] = {}
    if covariance is not None:
        p, v = positions.ravel(), velocities.ravel()
        given = v >= 0
        blocks["position_covariance_m2"] = covariance[np.ix_(p, p)]
        if given.any():
            blocks["velocity_covariance_m2_per_yr2"] = covariance[np.ix_(v, v)] * np.outer(given, given)
            blocks["cross_covariance_m2_per_yr"] = covariance[np.ix_(p, v)] * given
    coordinates = FrameCoordinates(
        frame, decimal_year(table.epochs_utc[positions[:, 0]]), table.values[positions],
        values if (velocities >= 0).any() else None, **blocks,
    )  # fmt: skip
    return TableStations(keys, coordinates, positions, velocities, numbers)


def _keys(table: ParameterTable, rows: Integers) -> list[Key]:
    first = rows[:, 0] if rows.size else np.zeros(0, dtype=np.int64)
    return list(
        zip(table.codes[first].tolist(), table.points[first].tolist(), table.solns[first].tolist(), strict=True)
    )


def moved_table(
    table: ParameterTable, stations: TableStations, moved: FrameCoordinates, epoch_utc: np.datetime64 | None
) -> tuple[ParameterTable, Array | None]:
    """Return the list of the stations with moved coordinates, and its covariance.

    Parameters
    ----------
    table : ParameterTable
        As given.
    stations : TableStations
        Of that list.
    moved : FrameCoordinates
        Of these stations; velocities that the list does not have are overlooked.
    epoch_utc : datetime64[ns], or None
        Reference epoch of all rows; None keeps theirs.

    Notes
    -----
    Without a covariance the standard deviations stay as they are (the scale of a transform changes them by 1e-7), but
    those of propagated positions become unknown: they depend on the correlation of position and velocity.
    """
    rows = stations.rows()
    values = table.values.copy()
    values[stations.position_rows] = moved.position_m
    known = stations.velocity_rows >= 0
    if moved.velocity_m_per_yr is not None:
        values[stations.velocity_rows[known]] = moved.velocity_m_per_yr[known]
    sigmas = table.sigmas.copy()
    covariance = _joint(stations, moved)
    if covariance is not None:
        order = np.concatenate([stations.position_rows.ravel(), stations.velocity_rows[known]])
        place = np.argsort(order)
        covariance = covariance[np.ix_(place, place)]
        sigmas[rows] = np.sqrt(np.diagonal(covariance))
    elif epoch_utc is not None:
        still = stations.coordinates.epoch_yr == moved.epoch_yr
        sigmas[stations.position_rows[~still]] = np.nan
    epochs = table.epochs_utc[rows] if epoch_utc is None else np.full(len(rows), epoch_utc, dtype="datetime64[ns]")
    listed = replace(table, values=values, sigmas=sigmas)
    return replace(
        ParameterTable(*(getattr(listed, name)[rows] for name in ParameterTable.__dataclass_fields__)),
        epochs_utc=epochs,
    ), covariance


def _joint(stations: TableStations, moved: FrameCoordinates) -> Array | None:
    """Return the covariance of all positions, then of the velocities that the list has."""
    of_position, of_velocity = moved.position_covariance_m2, moved.velocity_covariance_m2_per_yr2
    between = moved.cross_covariance_m2_per_yr
    if of_position is None:
        return None
    known = np.flatnonzero(stations.velocity_rows.ravel() >= 0)
    if of_velocity is None or between is None or not known.size:
        return of_position
    cross = between[:, known]
    return np.block([[of_position, cross], [cross.T, of_velocity[np.ix_(known, known)]]])


def inverse_of(information: Array, where: str) -> Array:
    """Return the covariance of an information matrix.

    Raises
    ------
    NumericsError
        FID-3121 when it is not positive definite: some parameter is not determined.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    # A parameter without information has a diagonal of zero, which the factorisation refuses.
    diagonal = np.diagonal(information)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    try:
        factor = cho_factor(information / np.outer(scale, scale), lower=True)
        inverse = cho_solve(factor, np.eye(len(scale))) / np.outer(scale, scale)
    except (LinAlgError, ValueError) as error:
        raise NumericsError("FID-3121", "the information matrix is not positive definite: it has no covariance", where=where,
                            fix="give a solution with constraints, or its covariance")  from error  # fmt: skip
    return np.asarray(0.5 * (inverse + inverse.T), dtype=np.float64)

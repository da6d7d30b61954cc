"""Positions and velocities of a list of parameters, moved to another frame and epoch, with their full covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.epochs import decimal_year
from fiducial.geodesy.frame_graph import FrameCoordinates
from fiducial.runs.frame_transform_rotation import between_stations_and_rotation, rotated, rotation_rows
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
    rotation_rows : ndarray of int, shape (parameter,)
        Earth rotation parameters that go along.
    """

    keys: list[Key]
    coordinates: FrameCoordinates
    position_rows: Integers
    velocity_rows: Integers
    numbers: Integers
    rotation_rows: Integers

    def rows(self) -> Integers:
        """Return all rows, in the order of the list."""
        both = np.concatenate([self.position_rows.ravel(), self.velocity_rows.ravel(), self.rotation_rows])
        return np.sort(both[both >= 0])


def stations_of(
    table: ParameterTable, covariance: Array | None, frames: tuple[str, str], wanted: Integers | None, where: str
) -> TableStations:
    """Return the stations of a list.

    Parameters
    ----------
    table : ParameterTable
    covariance : ndarray, shape (n, n), or None
    frames : tuple of str
        Frame of the list, and the one that is wanted.
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
        frames[0], decimal_year(table.epochs_utc[positions[:, 0]]), table.values[positions],
        values if (velocities >= 0).any() else None, **blocks,
    )  # fmt: skip
    return TableStations(keys, coordinates, positions, velocities, numbers, rotation_rows(table, *frames))


def _keys(table: ParameterTable, rows: Integers) -> list[Key]:
    first = rows[:, 0] if rows.size else np.zeros(0, dtype=np.int64)
    return list(
        zip(table.codes[first].tolist(), table.points[first].tolist(), table.solns[first].tolist(), strict=True)
    )


def moved_table(
    table: ParameterTable,
    covariance: Array | None,
    stations: TableStations,
    moved: FrameCoordinates,
    epoch_utc: np.datetime64 | None,
) -> tuple[ParameterTable, Array | None]:
    """Return the list of the stations with moved coordinates, and its covariance.

    Parameters
    ----------
    table : ParameterTable
        As given.
    covariance : ndarray, shape (n, n), or None
        Of the list, as given.
    stations : TableStations
        Of that list.
    moved : FrameCoordinates
        Of these stations; velocities that the list does not have are overlooked.
    epoch_utc : datetime64[ns], or None
        Reference epoch of all stations; None keeps theirs. Earth rotation parameters always keep theirs.

    Notes
    -----
    Without a covariance the standard deviations stay as they are (the scale of a transform changes them by 1e-7), but
    those of propagated positions become unknown: they depend on the correlation of position and velocity.
    """
    rows, turned = stations.rows(), stations.rotation_rows
    values, sigmas, epochs = table.values.copy(), table.sigmas.copy(), table.epochs_utc.copy()
    values[stations.position_rows] = moved.position_m
    known = stations.velocity_rows >= 0
    if moved.velocity_m_per_yr is not None:
        values[stations.velocity_rows[known]] = moved.velocity_m_per_yr[known]
    values[turned] = rotated(table, turned, stations.coordinates.frame, moved.frame)
    if epoch_utc is not None:
        epochs[stations.position_rows] = epoch_utc
        epochs[stations.velocity_rows[known]] = epoch_utc
    result = None
    if covariance is not None:
        order = np.concatenate([stations.position_rows.ravel(), stations.velocity_rows[known], turned])
        place = np.argsort(order)
        result = _joint(covariance, stations, moved)[np.ix_(place, place)]
        sigmas[rows] = np.sqrt(np.diagonal(result))
    elif epoch_utc is not None:
        still = stations.coordinates.epoch_yr == moved.epoch_yr
        sigmas[stations.position_rows[~still]] = np.nan
    listed = replace(table, values=values, sigmas=sigmas, epochs_utc=epochs)
    return ParameterTable(*(getattr(listed, name)[rows] for name in ParameterTable.__dataclass_fields__)), result


def _joint(covariance: Array, stations: TableStations, moved: FrameCoordinates) -> Array:
    """Return the covariance of all positions, then of the velocities that the list has, then of Earth rotation."""
    size = 3 * len(stations.keys)
    nothing = np.zeros((size, size))
    parts = (moved.position_covariance_m2, moved.velocity_covariance_m2_per_yr2, moved.cross_covariance_m2_per_yr)
    of_position, of_velocity, between = (nothing if part is None else part for part in parts)
    turned, velocity_rows = stations.rotation_rows, stations.velocity_rows.ravel()
    known = np.flatnonzero(velocity_rows >= 0)
    with_velocity = np.zeros((size, len(turned)))
    with_velocity[known] = covariance[np.ix_(velocity_rows[known], turned)]
    with_position = covariance[np.ix_(stations.position_rows.ravel(), turned)]
    if turned.size:
        with_position, with_velocity = between_stations_and_rotation(
            stations.coordinates, moved, with_position, with_velocity
        )
    cross, with_velocity = between[:, known], with_velocity[known]
    return np.block([
        [of_position, cross, with_position],
        [cross.T, of_velocity[np.ix_(known, known)], with_velocity],
        [with_position.T, with_velocity.T, covariance[np.ix_(turned, turned)]],
    ])  # fmt: skip


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

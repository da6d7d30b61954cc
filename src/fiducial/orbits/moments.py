"""Second moments of a day's orbits: all that the combination needs to know of the positions.

Everything that is estimated (Helmert parameters, variance components, weighted means and the squares of their
residuals) is linear or quadratic in the positions. The inner products of the centres' deviations with each other and
with the seven Helmert displacements, a small matrix per satellite and set of centres present, therefore hold the whole
day; any subset of centres and any weights are then evaluated exactly, without going back to the records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HELMERT: Final = 7
"""Columns of a Helmert displacement: Tx, Ty, Tz, scale, Rx, Ry, Rz; scale and rotations in metres at orbit height."""

ORBIT_HEIGHT_M: Final = 2.65e7
"""Distance at which scale and rotations are measured as lengths; any value near the orbits' radius serves."""


@dataclass(frozen=True, slots=True, eq=False)
class DayMoments:
    """Inner products of one day's deviations, summed over epochs and coordinates.

    Attributes
    ----------
    centres, satellites : tuple of str
    satellite : ndarray of int, shape (group,)
        Satellite of a group: the epochs of one satellite at which the same centres have a position.
    present : ndarray of bool, shape (group, centre)
    epochs : ndarray of int, shape (group,)
        Number of epochs.
    products : ndarray, shape (group, centre + 7, centre + 7)
        Inner products [m2] of the deviations from the reference orbit (rows of the centres) and of the Helmert
        displacements of the reference orbit (last seven rows); zero in the rows of absent centres.
    """

    centres: tuple[str, ...]
    satellites: tuple[str, ...]
    satellite: NDArray[np.intp]
    present: NDArray[np.bool_]
    epochs: NDArray[np.int64]
    products: Array


def day_moments(
    centres: tuple[str, ...], satellites: tuple[str, ...], position_m: Array, reference_m: Array
) -> DayMoments:
    """Form the inner products of a day.

    Parameters
    ----------
    centres, satellites : tuple of str
    position_m : ndarray, shape (centre, epoch, satellite, 3)
        Earth-fixed positions, NaN where a centre has none.
    reference_m : ndarray, shape (epoch, satellite, 3)
        An orbit close to all, such as their median; NaN leaves the record out.

    Notes
    -----
    The products of deviations of 1 m and of displacements of 1 m are summed in float64: rounding stays below 1e-6 mm.
    """
    count = len(centres)
    groups: list[tuple[int, NDArray[np.bool_], int, Array]] = []
    known = np.isfinite(reference_m[..., 0])
    has = np.isfinite(position_m[..., 0]) & known
    code = np.zeros(has.shape[1:], dtype=np.int64)
    for k in range(count):
        code |= has[k].astype(np.int64) << k
    for s in range(len(satellites)):
        deviation = np.nan_to_num(position_m[:, :, s] - reference_m[:, s])
        columns = np.concatenate([deviation.transpose(1, 2, 0), _displacements(reference_m[:, s])], axis=2)
        for pattern in np.unique(code[:, s]):
            rows = np.flatnonzero(code[:, s] == pattern)
            if pattern == 0:
                continue
            part = columns[rows].reshape(-1, count + HELMERT)
            groups.append((s, has[:, rows[0], s], rows.size, part.T @ part))
    return DayMoments(
        centres=centres,
        satellites=satellites,
        satellite=np.array([g[0] for g in groups], dtype=np.intp),
        present=np.array([g[1] for g in groups], dtype=bool).reshape(-1, count),
        epochs=np.array([g[2] for g in groups], dtype=np.int64),
        products=np.array([g[3] for g in groups]).reshape(-1, count + HELMERT, count + HELMERT),
    )


def _displacements(reference_m: Array) -> Array:
    """Displacement of every coordinate by each Helmert parameter, shape (epoch, 3, 7)."""
    unit = np.nan_to_num(reference_m) / ORBIT_HEIGHT_M
    x, y, z = unit.T
    columns = np.zeros((len(unit), 3, HELMERT))
    columns[:, [0, 1, 2], [0, 1, 2]] = 1.0
    columns[:, :, 3] = unit
    columns[:, 1, 4], columns[:, 2, 4] = -z, y
    columns[:, 0, 5], columns[:, 2, 5] = z, -x
    columns[:, 0, 6], columns[:, 1, 6] = -y, x
    return columns


def helmert_displacement(parameters_m: Array, reference_m: Array) -> Array:
    """Displace an orbit by Helmert parameters.

    Parameters
    ----------
    parameters_m : ndarray, shape (satellite, 7)
        Tx, Ty, Tz, scale, Rx, Ry, Rz in metres at ``ORBIT_HEIGHT_M``, position-vector signs.
    reference_m : ndarray, shape (epoch, satellite, 3)

    Returns
    -------
    ndarray, shape (epoch, satellite, 3)
        T + s x + R x.
    """
    unit = reference_m / ORBIT_HEIGHT_M
    x, y, z = unit[..., 0], unit[..., 1], unit[..., 2]
    tx, ty, tz, scale, rx, ry, rz = parameters_m.T
    return np.stack(
        [tx + scale * x - rz * y + ry * z, ty + scale * y + rz * x - rx * z, tz + scale * z - ry * x + rx * y], axis=-1
    )

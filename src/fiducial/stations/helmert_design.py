"""How the parameters of a station solution move when its frame is translated, scaled and rotated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import InputError

Array = NDArray[np.float64]

HELMERT: Final = ("TX", "TY", "TZ", "SC", "RX", "RY", "RZ")
"""Columns: translations [m], scale, rotations [rad], position-vector signs."""

AT_SURFACE: Final[Array] = np.array([1.0, 1.0, 1.0, *(4 * [1e3 * MEAN_EARTH_RADIUS_KM])])
"""Displacement at the Earth's surface, metres, by one unit of each Helmert parameter."""

_ROTATION_PER_UT: Final = 2.0 * np.pi * 1.002737909350795 / 86_400.0
"""Rotation of the Earth in radians for one second of UT1."""

COORDINATES: Final = {"STAX": 0, "STAY": 1, "STAZ": 2}
_EARTH_ROTATION: Final = {
    "XPO": (5, 1.0), "YPO": (4, 1.0), "UT": (6, -1.0 / _ROTATION_PER_UT), "UT1": (6, -1.0 / _ROTATION_PER_UT),
}  # fmt: skip


class ParameterKey(NamedTuple):
    """What identifies a parameter over all solutions.

    Attributes
    ----------
    kind : str
        SINEX parameter type: STAX, STAY, STAZ, XPO, YPO, UT, XPOR, YPOR, LOD ...
    code, point, solution : str
        Site; empty for Earth rotation parameters.
    """

    kind: str
    code: str = ""
    point: str = ""
    solution: str = ""

    @property
    def site(self) -> tuple[str, str, str]:
        """Code, point and solution number."""
        return self.code, self.point, self.solution


def helmert_design(keys: Sequence[ParameterKey], approximate: Array) -> Array:
    """Return the derivatives of parameters with respect to the seven Helmert parameters of their frame.

    Parameters
    ----------
    keys : sequence of ParameterKey
        Coordinates of a site stand in any order; all three must be there.
    approximate : ndarray, shape (parameter,)
        Approximate values, metres for coordinates.

    Returns
    -------
    ndarray, shape (parameter, 7)
        Rows of velocities and other parameters that do not move are zero.

    Raises
    ------
    InputError
        FID-1320 when a coordinate of a site is missing.

    Notes
    -----
    x_s = x + T + D x + R x, and with the same rotation xp_s = xp + R2, yp_s = yp + R1, UT1_s = UT1 - R3 / f (Altamimi et
    al. 2002, J. Geophys. Res. 107:2214, eq. 7; 2016, eq. 3).
    """
    design = np.zeros((len(keys), len(HELMERT)))
    rows_of = coordinate_rows(keys)
    if len(rows_of):
        x, y, z = approximate[rows_of].T
        for axis in range(3):
            design[rows_of[:, axis], axis] = 1.0
            design[rows_of[:, axis], 3] = (x, y, z)[axis]
        design[rows_of[:, 1], 4], design[rows_of[:, 2], 4] = -z, y
        design[rows_of[:, 0], 5], design[rows_of[:, 2], 5] = z, -x
        design[rows_of[:, 0], 6], design[rows_of[:, 1], 6] = -y, x
    for row, key in enumerate(keys):
        if key.kind in _EARTH_ROTATION:
            column, factor = _EARTH_ROTATION[key.kind]
            design[row, column] = factor
    return design


def coordinate_rows(keys: Sequence[ParameterKey]) -> NDArray[np.intp]:
    """Return the rows of X, Y and Z of every site, shape (site, 3), sites in the order of their first coordinate.

    Raises
    ------
    InputError
        FID-1320 when a coordinate of a site is missing or stands twice.
    """
    place: dict[tuple[str, str, str], dict[int, int]] = {}
    count = 0
    for row, key in enumerate(keys):
        if key.kind in COORDINATES:
            place.setdefault(key.site, {})[COORDINATES[key.kind]] = row
            count += 1
    for site, rows in place.items():
        if len(rows) != 3:
            raise _incomplete(site, "is missing")
    if count != 3 * len(place):
        raise _incomplete(next(iter(place)), "or of another site stands twice")
    return np.array([[rows[0], rows[1], rows[2]] for rows in place.values()], dtype=np.intp).reshape(-1, 3)


def _incomplete(site: tuple[str, str, str], what: str) -> InputError:
    name = " ".join(site).strip()
    return InputError(
        "FID-1320", f"a coordinate of site {name} {what}", where=name, fix="give X, Y and Z of every site once"
    )

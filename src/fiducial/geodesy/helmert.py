"""Rates of similarity transforms between frames, with position-vector signs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.constants import MILLIARCSECOND_RAD

Array = NDArray[np.float64]
Triple = tuple[float, float, float]

ZERO: Triple = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class HelmertRates:
    """Rates of translation, scale and rotation from one frame to another: V2 = V1 + T' + D' X + R' X.

    Attributes
    ----------
    translation_mm_per_yr : tuple of three float
        T', along X, Y, Z.
    scale_ppb_per_yr : float
        D'.
    rotation_mas_per_yr : tuple of three float
        Rx', Ry', Rz' of R' = [[0, -Rz, Ry], [Rz, 0, -Rx], [-Ry, Rx, 0]]: R' X is the cross product of the rotation
        with X.

    Notes
    -----
    Position-vector signs, as the IERS Conventions (2010, eq. 4.3) and EPSG method 1053 have them. Rates of transforms
    one after the other add, and their inverse is the negative: what is left out are products of parameters
    (1e-7) with rates (4e-9 /yr), 1e-5 mm/yr on the ground at most.

    Examples
    --------
    >>> spin = HelmertRates(ZERO, 0.0, (0.0, 0.0, 1.0))
    >>> spin.velocity_mm_per_yr([6378137.0, 0.0, 0.0]).round(3).tolist()
    [0.0, 30.922, 0.0]
    """

    translation_mm_per_yr: Triple = ZERO
    scale_ppb_per_yr: float = 0.0
    rotation_mas_per_yr: Triple = ZERO

    def __add__(self, other: HelmertRates) -> HelmertRates:
        """Return the rates of this transform followed by another."""
        return HelmertRates(
            _sum(self.translation_mm_per_yr, other.translation_mm_per_yr),
            self.scale_ppb_per_yr + other.scale_ppb_per_yr,
            _sum(self.rotation_mas_per_yr, other.rotation_mas_per_yr),
        )

    def __neg__(self) -> HelmertRates:
        """Return the rates of the inverse transform."""
        t, r = self.translation_mm_per_yr, self.rotation_mas_per_yr
        return HelmertRates((-t[0], -t[1], -t[2]), -self.scale_ppb_per_yr, (-r[0], -r[1], -r[2]))

    def velocity_mm_per_yr(self, position_m: ArrayLike) -> Array:
        """Return T' + D' X + R' X at geocentric positions.

        Parameters
        ----------
        position_m : array_like, shape (..., 3)
            X, Y, Z; in which of the two frames makes no difference at this precision.

        Returns
        -------
        ndarray, shape (..., 3)
            mm/yr along X, Y, Z.
        """
        position_mm = 1e3 * np.asarray(position_m, dtype=np.float64)
        spin = np.array(self.rotation_mas_per_yr) * MILLIARCSECOND_RAD
        stretch = self.scale_ppb_per_yr * 1e-9 * position_mm
        return np.array(self.translation_mm_per_yr) + stretch + np.cross(spin, position_mm)


def _sum(first: Triple, second: Triple) -> Triple:
    return (first[0] + second[0], first[1] + second[1], first[2] + second[2])

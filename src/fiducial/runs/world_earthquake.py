"""Displacement of the ground by a small earthquake: a point double couple in an elastic half-space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_RIGIDITY_PA: Final = 3.3e10
_MEDIUM: Final = 0.5
"""mu / (lambda + mu) of a Poisson solid."""


def point_dislocation(x: ArrayLike, y: ArrayLike, depth: ArrayLike, dip_deg: float) -> tuple[Floats, Floats]:
    """Return displacement of the surface by unit potency (slip times area) of strike slip and of dip slip.

    Parameters
    ----------
    x, y : array_like
        Along strike and to the left of it (up dip), from the epicentre; metres.
    depth : array_like
        Of the source, positive down, metres.
    dip_deg : float
        Between 0 and 90, both excluded from exactness only by rounding.

    Returns
    -------
    strike_slip, dip_slip : ndarray, shape (..., 3)
        Along x, y, up, metres per cubic metre of potency; left-lateral and thrust are positive.

    Notes
    -----
    Okada (1985), Bull. Seism. Soc. Am. 75, 1135-1154, equations 8 and 9 with the integrals of equation 10, for a Poisson
    solid.
    """
    x, y, d = (np.asarray(one, dtype=np.float64) for one in np.broadcast_arrays(x, y, depth))
    sine, cosine = np.sin(np.deg2rad(dip_deg)), np.cos(np.deg2rad(dip_deg))
    p, q = y * cosine + d * sine, y * sine - d * cosine
    r = np.sqrt(x * x + y * y + d * d)
    near = r + d
    i1 = _MEDIUM * y * (1 / (r * near**2) - x * x * (3 * r + d) / (r**3 * near**3))
    i2 = _MEDIUM * x * (1 / (r * near**2) - y * y * (3 * r + d) / (r**3 * near**3))
    i3 = _MEDIUM * x / r**3 - i2
    i4 = -_MEDIUM * x * y * (2 * r + d) / (r**3 * near**2)
    i5 = _MEDIUM * (1 / (r * near) - x * x * (2 * r + d) / (r**3 * near**2))
    across = 3 * q / r**5
    strike = np.stack([across * x * x + i1 * sine, across * x * y + i2 * sine, across * x * d + i4 * sine], axis=-1)
    both = sine * cosine
    thrust = np.stack([across * p * x - i3 * both, across * p * y - i1 * both, across * p * d - i5 * both], axis=-1)
    return -strike / (2 * np.pi), -thrust / (2 * np.pi)


@dataclass(frozen=True)
class Earthquake:
    """A point double couple.

    Attributes
    ----------
    date : str
        Day on which it happens, at 0 h; positions of that day have moved.
    easting_m, northing_m : float
        Epicentre, EPSG:3035.
    depth_m, strike_deg, dip_deg, rake_deg : float
        Strike counts from grid north; rake as Aki and Richards (1980): 0 left-lateral, 90 thrust.
    magnitude : float
        Moment magnitude.
    """

    date: str
    easting_m: float
    northing_m: float
    depth_m: float
    strike_deg: float
    dip_deg: float
    rake_deg: float
    magnitude: float

    def displacement_enu_mm(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return the step, shape (point, 3), east, north, up along the map grid, mm.

        Notes
        -----
        Potency is 10^(1.5 M + 9.1) N m (Hanks and Kanamori 1979) over a rigidity of 33 GPa.
        """
        east = np.asarray(easting, dtype=np.float64) - self.easting_m
        north = np.asarray(northing, dtype=np.float64) - self.northing_m
        sine, cosine = np.sin(np.deg2rad(self.strike_deg)), np.cos(np.deg2rad(self.strike_deg))
        strike_slip, dip_slip = point_dislocation(
            east * sine + north * cosine, north * sine - east * cosine, self.depth_m, self.dip_deg
        )
        potency_m3 = 10.0 ** (1.5 * self.magnitude + 9.1) / _RIGIDITY_PA
        rake = np.deg2rad(self.rake_deg)
        local = 1e3 * potency_m3 * (np.cos(rake) * strike_slip + np.sin(rake) * dip_slip)
        along, left, up = local[..., 0], local[..., 1], local[..., 2]
        return np.stack([along * sine - left * cosine, along * cosine + left * sine, up], axis=-1)

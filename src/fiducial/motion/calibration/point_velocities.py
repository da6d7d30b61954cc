"""Velocities of the points of one track as a calibration takes them, and which of them are usable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.line_of_sight import norm_error

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class PointVelocities:
    """Velocities of the points or pixels of one track, as plain arrays.

    Attributes
    ----------
    name : str
        Track or burst.
    easting, northing : ndarray, shape (point,)
        Metres in ``crs``.
    longitude_deg, latitude_deg : ndarray, shape (point,)
    velocity_mm_per_yr : ndarray, shape (point,)
        LOS, positive towards the satellite; NaN where missing.
    line_of_sight : ndarray, shape (point, 3)
        Unit vectors ground to satellite: east, north, up.
    sigma_mm_per_yr, coherence : ndarray, shape (point,), optional
    crs : str
        Map projection of easting and northing.
    track : str
        Relative orbit whose bursts share long-wave errors; empty when the track stands alone.
    cluster : ndarray of int, shape (point,), optional
        Unwrapping cluster (L2a ``cluster_label``): clusters of one burst may be offset against each other.
    """

    name: str
    easting: Array
    northing: Array
    longitude_deg: Array
    latitude_deg: Array
    velocity_mm_per_yr: Array
    line_of_sight: Array
    sigma_mm_per_yr: Array | None = None
    coherence: Array | None = None
    crs: str = "EPSG:3035"
    track: str = ""
    cluster: Index | None = None

    def select(self, mask: NDArray[Any]) -> PointVelocities:
        """Return the points chosen by a boolean mask or an index array."""
        return replace(
            self,
            easting=self.easting[mask],
            northing=self.northing[mask],
            longitude_deg=self.longitude_deg[mask],
            latitude_deg=self.latitude_deg[mask],
            velocity_mm_per_yr=self.velocity_mm_per_yr[mask],
            line_of_sight=self.line_of_sight[mask],
            sigma_mm_per_yr=None if self.sigma_mm_per_yr is None else self.sigma_mm_per_yr[mask],
            coherence=None if self.coherence is None else self.coherence[mask],
            cluster=None if self.cluster is None else self.cluster[mask],
        )


def usable_points(points: PointVelocities) -> tuple[PointVelocities, tuple[str, ...]]:
    """Drop points that carry no information, and say how many and why.

    Parameters
    ----------
    points : PointVelocities

    Returns
    -------
    PointVelocities
        A sigma that is zero or not finite becomes NaN: unknown, never an infinite weight.
    tuple of str
        Reasons.

    Raises
    ------
    InputError
        FID-1063 when arrays differ in length or LOS vectors are not of unit length;
        FID-1067 when no point is left.
    """
    count = len(points.velocity_mm_per_yr)
    columns: list[NDArray[Any]] = [points.easting, points.northing, points.longitude_deg, points.latitude_deg]
    given = (points.sigma_mm_per_yr, points.coherence, points.cluster)
    columns += [column for column in given if column is not None]
    if any(column.shape != (count,) for column in columns) or points.line_of_sight.shape != (count, 3):
        raise InputError(
            "FID-1063",
            "the arrays of the points do not belong together",
            where=f"track {points.name}",
            fix="give every array one value a point, and line_of_sight three",
        )
    finite = np.isfinite(points.velocity_mm_per_yr) & np.isfinite(points.line_of_sight).all(axis=1)
    finite &= np.isfinite(points.easting) & np.isfinite(points.northing)
    finite &= np.isfinite(points.longitude_deg) & np.isfinite(points.latitude_deg)
    notes: list[str] = []
    sigma = points.sigma_mm_per_yr
    if sigma is not None:
        reference = finite & (points.velocity_mm_per_yr == 0.0) & (sigma == 0.0)
        if reference.any():
            notes.append(f"{int(reference.sum())} reference points (velocity and sigma exactly 0) left out")
        finite &= ~reference
        unweighted = finite & ~(sigma > 0)
        if unweighted.any():
            notes.append(f"{int(unweighted.sum())} points with zero or missing sigma: sigma not used")
        points = replace(points, sigma_mm_per_yr=np.where(sigma > 0, sigma, np.nan))
    used = points.select(finite)
    if len(used.velocity_mm_per_yr) == 0:
        raise InputError(
            "FID-1067",
            "no point has a velocity, a position and a line of sight",
            where=f"track {points.name}",
            fix="check the mask and the LOS components of the track",
        )
    wrong = norm_error(used.line_of_sight) > 0.01
    if wrong.any():
        raise InputError(
            "FID-1063",
            f"{int(wrong.sum())} line-of-sight vectors are not of unit length",
            where=f"track {points.name}",
            fix="give unit vectors ground to satellite, or compute them from the angles",
        )
    return used, tuple(notes)

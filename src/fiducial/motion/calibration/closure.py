"""Ascending against descending: east and up of calibrated tracks, compared with stations they do not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiducial.motion.calibration.evidence import Index
from fiducial.motion.calibration.judging import Judges, Predicted

Array = NDArray[np.float64]

_LEAST_DETERMINANT = 1e-6


@dataclass(frozen=True)
class Decomposition:
    """East and up from lines of sight of both directions.

    Attributes
    ----------
    group : ndarray of int, shape (place,)
        Groups that were seen from both sides.
    east_up_mm_per_yr : ndarray, shape (place, 2)
    variance : ndarray, shape (place, 2)
        (mm/yr)^2.
    """

    group: Index
    east_up_mm_per_yr: Array
    variance: Array


def decompose(
    group: Index, velocity: Array, variance: Array, sight: Array, north: Array, north_variance: Array
) -> Decomposition:
    """Solve for east and up of each group of lines of sight that holds both directions.

    Parameters
    ----------
    group : ndarray of int, shape (row,)
        Place that each row belongs to, from 0.
    velocity, variance : ndarray, shape (row,)
        LOS, mm/yr; variance of each, taken as independent.
    sight : ndarray, shape (row, 3)
    north, north_variance : ndarray, shape (row,)
        North velocity of the place, the same for its rows, mm/yr; its error is common to the rows.

    Returns
    -------
    Decomposition
        Rows with NaN are left out; a group without both directions too.

    Notes
    -----
    Weighted least squares of v - l_n V_n = l_e E + l_u U with weights 1/variance; covariance
    Q + (Q A'W l_n)(Q A'W l_n)' var(V_n) with Q = (A'WA)^-1 (EGMS ATBD v4, 2025, sec. 9, with weights).
    """
    known = np.isfinite(velocity) & np.isfinite(north) & np.isfinite(variance) & (variance > 0)
    group, velocity, variance, sight = group[known], velocity[known], variance[known], sight[known]
    north, north_variance = north[known], np.nan_to_num(north_variance[known])
    groups = int(group.max(initial=-1)) + 1
    east, along_north, up = sight.T

    def total(values: Array) -> Array:
        return np.bincount(group, weights=values, minlength=groups).astype(np.float64)

    weight = 1.0 / variance
    ee, eu, uu = total(weight * east**2), total(weight * east * up), total(weight * up**2)
    rest = velocity - along_north * north
    right = np.stack([total(weight * east * rest), total(weight * up * rest)])
    through = np.stack([total(weight * east * along_north), total(weight * up * along_north)])
    common = total(north_variance) / np.maximum(np.bincount(group, minlength=groups), 1)
    determinant = ee * uu - eu**2
    both = (total((east < 0).astype(float)) > 0) & (total((east > 0).astype(float)) > 0)
    chosen = np.flatnonzero(both & (determinant > _LEAST_DETERMINANT * np.maximum(ee * uu, 1e-300)))
    inverse = np.stack([uu, -eu, -eu, ee])[:, chosen].reshape(2, 2, -1) / determinant[chosen]
    estimate = np.einsum("ijp,jp->pi", inverse, right[:, chosen])
    leak = np.einsum("ijp,jp->pi", inverse, through[:, chosen])
    spread = np.stack([inverse[0, 0], inverse[1, 1]], axis=1) + leak**2 * common[chosen, None]
    return Decomposition(chosen, estimate, spread)


def closure_at_judges(judges: Judges, predicted: Predicted) -> tuple[Array, Array]:
    """Return east and up from ascending and descending samples minus those of the held-out stations.

    Parameters
    ----------
    judges : Judges
        Of a trial.
    predicted : Predicted
        Its samples, calibrated without them.

    Returns
    -------
    residual_mm_per_yr : ndarray, shape (row, 2)
        East and up, on the first row of each station; NaN elsewhere, where a direction is missing, and where the
        station has no up of its own.
    sigma_mm_per_yr : ndarray, shape (row, 2)
        Predicted for it: both tracks, north of the field, and the station.

    Notes
    -----
    Samples around the station are decomposed, not the block that it happens to stand in: the same ground that the
    line-of-sight hold-out looks at. North comes from the field of the other stations. Errors of different tracks
    are taken as independent.
    """
    samples = judges.samples
    _, first, group = np.unique(samples.station, return_index=True, return_inverse=True)
    found = decompose(
        group.ravel(),
        predicted.velocity_mm_per_yr,
        predicted.variance,
        samples.medians.line_of_sight,
        judges.field_mm_per_yr[:, 1],
        judges.field_north_variance,
    )
    residual, sigma = np.full((samples.size, 2), np.nan), np.full((samples.size, 2), np.nan)
    rows = first[found.group]
    residual[rows] = found.east_up_mm_per_yr - judges.enu_mm_per_yr[rows][:, [0, 2]]
    sigma[rows] = np.sqrt(found.variance + judges.enu_variance[rows][:, [0, 2]])
    return residual, np.where(np.isfinite(residual), sigma, np.nan)

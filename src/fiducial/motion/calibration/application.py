"""Applying a calibration: a low-rank correction, added while reading, never written into the series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.motion.points import PointBlock
from fiducial.timescales import egms_years


def apply(block: PointBlock, surface: CorrectionSurface) -> PointBlock:
    """Return calibrated points.

    Parameters
    ----------
    block : PointBlock
        Relative, or calibrated differently.
    surface : CorrectionSurface
        S = low-pass of v_InSAR - v_GNSS, mm/yr, LOS.

    Returns
    -------
    PointBlock
        d(t) - S (t - t0) and mean_velocity - S, with a further attribute ``calibration_sigma`` (mm/yr), the
        standard deviation of S at each point.

    Notes
    -----
    EGMS ATBD v4.0 (2025) section 8.2: only the linear trend is touched. Years have 365 days, as in every EGMS
    velocity, so that the refitted velocity changes by exactly S.
    """
    attributes, rate = corrected_attributes(block.attributes, surface)
    if not len(block.epochs):
        return replace(block, attributes=attributes)
    years = egms_years(block.epochs).astype(np.float32)
    displacement = block.displacement_mm - years[:, np.newaxis] * rate.astype(np.float32)
    return replace(block, attributes=attributes, displacement_mm=displacement)


def corrected_attributes(
    attributes: Mapping[str, NDArray[Any]], surface: CorrectionSurface
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """Return calibrated attributes of points, and S at them for a reader that corrects the series itself.

    Parameters
    ----------
    attributes : mapping of str to ndarray, shape (point,)
        ``easting``, ``northing``, ``cluster_label`` where the surface has clusters, and what else is wanted.
    surface : CorrectionSurface

    Returns
    -------
    attributes : dict of str to ndarray, shape (point,)
        With ``mean_velocity`` corrected where it is among them, and ``calibration_sigma`` added.
    rate_mm_per_yr : ndarray, shape (point,)

    Raises
    ------
    InputError
        FID-1063 when the surface has clusters and the points have none.
    """
    easting = np.asarray(attributes["easting"], dtype=np.float64)
    northing = np.asarray(attributes["northing"], dtype=np.float64)
    cluster = attributes.get("cluster_label")
    rate = surface.surface_mm_per_yr(easting, northing, cluster)
    corrected: dict[str, NDArray[Any]] = dict(attributes)
    if "mean_velocity" in corrected:
        corrected["mean_velocity"] = corrected["mean_velocity"] - rate
    corrected["calibration_sigma"] = surface.sigma_mm_per_yr(easting, northing, cluster)
    return corrected, rate

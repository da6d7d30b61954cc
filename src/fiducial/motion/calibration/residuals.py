"""Statistics of residuals: how large they are, and whether their predicted sigmas are right."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.robust import MAD_TO_SIGMA

Array = NDArray[np.float64]

CLIP_MM_PER_YR: Final = 15.0
"""Residuals are clipped here before squaring, so that one landslide does not decide a comparison."""


def clipped(values: Array) -> Array:
    """Return the values limited to +-15 mm/yr; NaN stays NaN."""
    return np.clip(values, -CLIP_MM_PER_YR, CLIP_MM_PER_YR)


def rms(values: Array) -> float:
    """Return the RMS of the finite values, clipped at 15 mm/yr; NaN when there are none."""
    finite = clipped(values[np.isfinite(values)])
    return float(np.sqrt(np.mean(finite**2))) if finite.size else float("nan")


def centred(values: Array) -> Array:
    """Return the values less their median: what is left of a comparison with something that has no datum."""
    return values - np.nanmedian(values) if np.isfinite(values).any() else values


def chi(residual: Array, sigma: Array) -> float:
    """Return the RMS of residual over predicted sigma: 1 when the sigma is right; NaN without a pair.

    Notes
    -----
    Nothing is clipped: a sigma that is too small for the worst station is too small.
    """
    ratio = residual / sigma
    known = np.isfinite(ratio)
    return float(np.sqrt(np.mean(ratio[known] ** 2))) if known.any() else float("nan")


def robust_chi(residual: Array, sigma: Array) -> float:
    """Return 1.4826 times the median of abs(residual) over sigma; with `chi` it tells heavy tails from a wrong sigma."""
    ratio = np.abs(residual / sigma)
    known = np.isfinite(ratio)
    return float(MAD_TO_SIGMA * np.median(ratio[known])) if known.any() else float("nan")

"""The common part of the recipes: a robust surface through differences, and its honest covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from fiducial.geodesy.covariance_functions import CovarianceBounds, ExponentialModel, fit_exponential
from fiducial.geodesy.least_squares import LinearFit
from fiducial.geodesy.robust import robust_fit, robust_sigma
from fiducial.motion.calibration.bases import Basis
from fiducial.motion.calibration.gnss import StationLineOfSight
from fiducial.motion.calibration.observations import StationSamples
from fiducial.motion.calibration.protocol import StationResiduals
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]
_LOCAL_MOTION_SIGMAS = 3.0
_MOST_FOR_COVARIANCE = 300
_CHUNK = 1000


@dataclass(frozen=True)
class Differences:
    """v_InSAR - v_GNSS at positions of one track.

    Attributes
    ----------
    easting, northing : ndarray, shape (n,)
        Metres.
    value_mm_per_yr : ndarray, shape (n,)
    weight_sigma_mm_per_yr : ndarray, shape (n,)
        A-priori sigma that sets the weights.
    gnss_operator : ndarray, shape (n, m)
    gnss_covariance : ndarray, shape (m, m)
        Covariance of v_GNSS is operator @ covariance @ operator.T.
    """

    easting: Array
    northing: Array
    value_mm_per_yr: Array
    weight_sigma_mm_per_yr: Array
    gnss_operator: Array
    gnss_covariance: Array


def fit_surface(
    track: str, crs: str, basis: Basis, differences: Differences, systematic_sigma_mm_per_yr: float
) -> tuple[CorrectionSurface, ExponentialModel, LinearFit]:
    """Fit a surface robustly and propagate GNSS and InSAR covariance through the fit.

    Returns
    -------
    CorrectionSurface
    ExponentialModel
        Covariance of the InSAR errors about the surface.
    LinearFit

    Raises
    ------
    NumericsError
        FID-3011 when the differences do not determine the surface.

    Notes
    -----
    p = A r with the operator A of the robust fit, weights 1/(sigma^2 + common^2), common from a first pass;
    C_p = A (C_GNSS + C_InSAR) A'. C_InSAR is
    exponential plus nugget, estimated by restricted maximum likelihood from the differences with C_GNSS as a
    known part, so that GNSS errors are not counted twice. Correlated: the sigma of the surface does not fall
    with the root of the number of points.
    """
    design = basis.design(differences.easting, differences.northing)
    variance = differences.weight_sigma_mm_per_yr**2
    fit = robust_fit(design, differences.value_mm_per_yr, 1.0 / variance)
    # The scatter inside a block says nothing of the errors it shares with its neighbours. Without those in
    # the weights, a few quiet places would decide the surface.
    common = max(robust_sigma(fit.residuals) ** 2 - float(np.median(variance)), 0.0)
    fit = robust_fit(design, differences.value_mm_per_yr, 1.0 / (variance + common))
    noise = _insar_noise(differences, design, fit)
    through = fit.operator @ differences.gnss_operator
    covariance = through @ differences.gnss_covariance @ through.T
    covariance += _through_noise(fit.operator, differences, noise)
    surface = CorrectionSurface(
        track=track,
        crs=crs,
        basis=basis,
        coefficients=fit.estimate,
        covariance=0.5 * (covariance + covariance.T),
        systematic_sigma_mm_per_yr=systematic_sigma_mm_per_yr,
    )
    return surface, noise, fit


def station_residuals(
    samples: StationSamples,
    gnss: StationLineOfSight,
    surface: CorrectionSurface,
    noise: ExponentialModel,
    *,
    used: NDArray[np.bool_],
) -> StationResiduals:
    """Return the residuals at stations before and after the correction."""
    medians = samples.medians
    before = medians.velocity_mm_per_yr - gnss.velocity_mm_per_yr
    after = before - surface.surface_mm_per_yr(medians.easting, medians.northing, medians.cluster)
    variance = np.diag(gnss.covariance) + noise.sigma**2 + noise.nugget**2
    variance = variance + surface.sigma_mm_per_yr(medians.easting, medians.northing, medians.cluster) ** 2
    return StationResiduals(
        names=samples.names,
        easting=medians.easting,
        northing=medians.northing,
        before_mm_per_yr=before,
        after_mm_per_yr=after,
        sigma_mm_per_yr=np.sqrt(variance),
        used=used,
    )


def _insar_noise(differences: Differences, design: Array, fit: LinearFit) -> ExponentialModel:
    """Estimate the covariance of the InSAR errors from the differences that were not rejected.

    Blocks far off, such as the flanks of a subsidence bowl, hardly move the surface, for their scatter gives them
    little weight; as errors they would count in full and be taken for noise of long wavelength.
    """
    limit = _LOCAL_MOTION_SIGMAS * robust_sigma(fit.residuals[fit.weights > 0])
    rows = np.flatnonzero((fit.weights > 0) & (np.abs(fit.residuals) <= limit))
    if len(rows) > _MOST_FOR_COVARIANCE:
        # Blocks are sorted along the map; a seeded choice keeps close and distant pairs.
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_FOR_COVARIANCE])
    position = np.column_stack([differences.easting[rows], differences.northing[rows]]) / 1000.0
    distance = cdist(position, position)
    extent = max(float(distance.max(initial=0.0)), 1.0)
    spread = max(robust_sigma(fit.residuals[rows]), 0.05)
    if len(rows) < design.shape[1] + 3 or extent < 3.0:
        # Too few to tell scatter from correlation: wholly correlated over the area is the cautious answer.
        scatter = max(float(np.median(differences.weight_sigma_mm_per_yr)), spread)
        return ExponentialModel(scatter, extent, scatter, len(rows), ("sigma", "length", "nugget"))
    operator = differences.gnss_operator[rows]
    known = operator @ differences.gnss_covariance @ operator.T
    bounds = CovarianceBounds(
        sigma=(0.02, 10.0 * spread),
        length_km=(1.0, extent),
        nugget=(0.02, 5.0 * spread),
        prior_sigma=spread,
        prior_length_km=min(30.0, 0.3 * extent),
        prior_nugget=0.5 * spread,
        prior_spread=1.0,
    )
    return fit_exponential(differences.value_mm_per_yr[rows], design[rows], distance, known, bounds)


def _through_noise(operator: Array, differences: Differences, noise: ExponentialModel) -> Array:
    """Return A C_InSAR A' without ever holding C_InSAR whole."""
    position = np.column_stack([differences.easting, differences.northing]) / 1000.0
    covariance = noise.nugget**2 * (operator @ operator.T)
    for start in range(0, len(position), _CHUNK):
        block = slice(start, start + _CHUNK)
        signal = noise.signal(cdist(position[block], position))
        covariance += operator[:, block] @ signal @ operator.T
    return np.asarray(covariance, dtype=np.float64)

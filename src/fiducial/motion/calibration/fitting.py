"""The common part of the recipes: a robust surface through differences, and its honest covariance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import CovarianceBounds, ExponentialModel, fit_exponential
from fiducial.geodesy.least_squares import LinearFit
from fiducial.geodesy.robust import robust_fit, robust_sigma
from fiducial.geodesy.station_velocities import Rejection, StationVelocities
from fiducial.motion.calibration.bases import Basis
from fiducial.motion.calibration.gnss import StationLineOfSight
from fiducial.motion.calibration.observations import StationSamples
from fiducial.motion.calibration.protocol import (
    PUBLISHED_VERTICAL_DISAGREEMENT_MM_PER_YR,
    CalibrationResult,
    StationResiduals,
    TrackCalibration,
    noise_variance,
)
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]
NoiseModels = tuple[tuple[str, ExponentialModel], ...]
"""Covariance of the InSAR errors by track, from an earlier fit."""

_LOCAL_MOTION_SIGMAS = 3.0
_MOST_FOR_COVARIANCE = 300
_CHUNK = 1000
_MANY_ROWS = 100


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

    def select(self, rows: NDArray[np.intp]) -> Differences:
        """Return some of the positions."""
        names = ("easting", "northing", "value_mm_per_yr", "weight_sigma_mm_per_yr", "gnss_operator")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def fit_surface(
    track: str,
    crs: str,
    basis: Basis,
    differences: Differences,
    systematic_sigma_mm_per_yr: float,
    noise: ExponentialModel | None = None,
) -> tuple[CorrectionSurface, ExponentialModel, LinearFit]:
    """Fit a surface robustly and propagate GNSS and InSAR covariance through the fit.

    Parameters
    ----------
    track, crs : str
    basis : Basis
    differences : Differences
    systematic_sigma_mm_per_yr : float
    noise : ExponentialModel, optional
        Covariance of the InSAR errors from an earlier fit; estimated by default.

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
    fit = robust_fit(design, differences.value_mm_per_yr, block_weights(differences, fit.residuals))
    if noise is None:
        rows = noise_sample(fit.residuals, fit.weights)
        noise = insar_noise(differences.select(rows), design[rows], fit.residuals[rows])
    covariance = propagated(fit.operator, differences, noise)
    surface = CorrectionSurface(
        track=track,
        crs=crs,
        basis=basis,
        coefficients=fit.estimate,
        covariance=covariance,
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
    local_up_sigma_mm_per_yr: float = 0.0,
) -> StationResiduals:
    """Return the residuals at stations before and after the correction."""
    medians = samples.medians
    before = medians.velocity_mm_per_yr - gnss.velocity_mm_per_yr
    after = before - surface.surface_mm_per_yr(medians.easting, medians.northing, medians.cluster)
    variance = np.diag(gnss.covariance).copy()
    variance += noise_variance(noise, local_up_sigma_mm_per_yr, medians.line_of_sight[:, 2], gnss.own_up)
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


def block_weights(differences: Differences, residuals: Array) -> Array:
    """Return 1/(sigma^2 + common^2), common being what the residuals scatter beyond the sigma.

    The scatter inside a block says nothing of the errors it shares with its neighbours. Without those in the weights,
    a few quiet places would decide the surface.
    """
    variance = differences.weight_sigma_mm_per_yr**2
    common = max(robust_sigma(residuals) ** 2 - float(np.median(variance)), 0.0)
    return np.asarray(1.0 / (variance + common), dtype=np.float64)


def noise_sample(residuals: Array, weights: Array) -> NDArray[np.intp]:
    """Return the rows that the covariance of the InSAR errors is estimated from, 300 at most.

    Parameters
    ----------
    residuals, weights : ndarray, shape (n,)
        Of the fit of the surface; weight 0 for what it rejected.

    Notes
    -----
    Blocks far off, such as the flanks of a subsidence bowl, hardly move the surface, for their scatter gives them
    little weight; as errors they would count in full and be taken for noise of long wavelength.
    """
    limit = _LOCAL_MOTION_SIGMAS * robust_sigma(residuals[weights > 0])
    rows = np.flatnonzero((weights > 0) & (np.abs(residuals) <= limit))
    # A surface through all that it was fitted to leaves rounding errors, of which a limit of zero keeps none.
    rows = rows if len(rows) else np.flatnonzero(weights > 0)
    if len(rows) > _MOST_FOR_COVARIANCE:
        # Blocks are sorted along the map; a seeded choice keeps close and distant pairs.
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_FOR_COVARIANCE])
    return rows


def insar_noise(differences: Differences, design: Array, residuals: Array) -> ExponentialModel:
    """Estimate the covariance of the InSAR errors.

    Parameters
    ----------
    differences : Differences
        Of the rows of `noise_sample`.
    design : ndarray, shape (row, p)
        Functions that the likelihood takes out of the differences.
    residuals : ndarray, shape (row,)
        Of the fit of the surface; they set the bounds.

    Returns
    -------
    ExponentialModel
        By restricted maximum likelihood, with the covariance of GNSS as a known part.
    """
    position = np.column_stack([differences.easting, differences.northing]) / 1000.0
    distance = cdist(position, position)
    extent = max(float(distance.max(initial=0.0)), 1.0)
    spread = max(robust_sigma(residuals), 0.05)
    if len(residuals) < design.shape[1] + 3 or extent < 3.0:
        # Too few to tell scatter from correlation: wholly correlated over the area is the cautious answer.
        scatter = max(float(np.median(differences.weight_sigma_mm_per_yr)), spread)
        return ExponentialModel(scatter, extent, scatter, len(residuals), ("sigma", "length", "nugget"))
    operator = differences.gnss_operator
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
    return fit_exponential(differences.value_mm_per_yr, design, distance, known, bounds)


def propagated(operator: Array, differences: Differences, noise: ExponentialModel) -> Array:
    """Return A (C_GNSS + C_InSAR) A' of a linear estimate A r of the differences.

    Parameters
    ----------
    operator : ndarray, shape (m, n)
        A. With more than a hundred rows the products with C_InSAR are formed in single precision: a relative error
        of 1e-6 in a variance, for half the time.
    differences : Differences
    noise : ExponentialModel

    Returns
    -------
    ndarray, shape (m, m)
        (mm/yr)^2; symmetric.
    """
    # Few nodes of the grid meet at a point.
    through = (csr_array(differences.gnss_operator.T) @ operator.T).T
    covariance = through @ differences.gnss_covariance @ through.T
    covariance += _through_noise(operator, differences, noise)
    return np.asarray(0.5 * (covariance + covariance.T), dtype=np.float64)


def _through_noise(operator: Array, differences: Differences, noise: ExponentialModel) -> Array:
    """Return A C_InSAR A' without ever holding C_InSAR whole."""
    position = np.column_stack([differences.easting, differences.northing]) / 1000.0
    covariance = np.zeros((len(operator), len(operator)))
    kind: type[np.floating[Any]] = np.float32 if len(operator) > _MANY_ROWS else np.float64
    factor: NDArray[np.floating[Any]] = operator.astype(kind, copy=False)
    for start in range(0, len(position), _CHUNK):
        block = slice(start, start + _CHUNK)
        signal: NDArray[np.floating[Any]] = noise.signal(cdist(position[block], position)).astype(kind, copy=False)
        signal[np.arange(len(signal)), start + np.arange(len(signal))] += noise.nugget**2
        covariance += factor[:, block] @ (signal @ factor.T)
    return covariance


def noise_models(result: CalibrationResult) -> NoiseModels:
    """Return the covariance models of the InSAR errors that a calibration found, by track."""
    return tuple((track.surface.track, track.noise) for track in result.tracks)


def noise_of(models: NoiseModels, track: str) -> ExponentialModel | None:
    """Return the model of a track; None when it has none yet."""
    return next((model for name, model in models if name == track), None)


def result_of(
    name: str, tracks: Iterable[TrackCalibration], stations: StationVelocities, field: VelocityField
) -> CalibrationResult:
    """Return the result of a recipe, with the notes of the velocity field."""
    notes = [f"{model.component}: {model.note}" for model in field.models if model.note]
    notes.append(
        "published European fields differ by up to "
        f"{PUBLISHED_VERTICAL_DISAGREEMENT_MM_PER_YR:g} mm/yr in the vertical; not part of any sigma here"
    )
    return CalibrationResult(name, stations.frame, stations.source, tuple(tracks), field.rejected, tuple(notes))


def outlier_rejections(names: NDArray[np.str_]) -> tuple[Rejection, ...]:
    """Return the rejections of stations that contradict their neighbours."""
    return tuple(Rejection(str(name), "contradicts the stations around it") for name in names)


def noise_notes(at_bounds: tuple[str, ...]) -> tuple[str, ...]:
    """Say which parameters of the noise are assumptions."""
    return ("InSAR noise model assumed rather than estimated: " + ", ".join(at_bounds),) if at_bounds else ()

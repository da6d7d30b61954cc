"""Recipes that low-pass the difference InSAR minus GNSS: Gaussian kernels, and planes in overlapping windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import ExponentialModel
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.bases import SplineBasis
from fiducial.motion.calibration.fitting import (
    Differences,
    NoiseModels,
    block_weights,
    insar_noise,
    noise_models,
    noise_notes,
    noise_of,
    noise_sample,
    outlier_rejections,
    propagated,
    result_of,
    station_residuals,
)
from fiducial.motion.calibration.gnss import check_inputs, line_of_sight_at_stations, line_of_sight_through_grid
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, Recipe, TrackCalibration
from fiducial.motion.calibration.smoothing import (
    gaussian_kernel,
    refinement,
    robust_weights,
    spline_coefficients,
    weighted_means,
    window_operator,
)
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]

FINEST_NODES_M: Final = 10_000.0
"""Spacing that blended windows of 30 km need; the spline follows their planes to 0.3 mm/yr RMS, of 100 km to 0.1."""

COVARIANCE_GRID_M: Final = 25_000.0
"""Spacing of the grid that carries the covariance of the GNSS field to the blocks."""

MOST_TERMS: Final = 8_000
"""A covariance of more coefficients would not fit into memory."""


@dataclass(frozen=True)
class _Filtered:
    """A filter applied to the differences of a track.

    Attributes
    ----------
    coefficients : ndarray, shape (term,)
    weights : ndarray, shape (block,)
    operator : ndarray, shape (k, block)
        From the differences to the k numbers that carry the covariance.
    expansion : ndarray, shape (term, k) or None
        From those numbers to the coefficients; None where they are the coefficients.
    note : str
    """

    coefficients: Array
    weights: Array
    operator: Array
    expansion: Array | None
    note: str


@dataclass(frozen=True)
class GaussianFilter:
    """Gaussian low-pass of the difference.

    r(x) = v(x) - l(x).V(x) at blocks; S(x) = sum w k r / sum w k with k = exp(-(d / length)^2), robust weights w.
    Xu et al. 2021 and Guns et al. 2022 low-pass the difference at the stations, interpolated; here InSAR is not
    thinned to the stations.

    Attributes
    ----------
    length_m : float
        Distance where the weight has fallen to 1/e. Standard deviation of the kernel length / sqrt(2); gain 1/2 at a
        wavelength of 3.8 lengths.
    systematic_sigma_mm_per_yr : float
        White part to be added to the sigma of the surfaces.
    noise : NoiseModels
        Covariance of the InSAR errors of tracks, from an earlier fit; the others are estimated.

    Notes
    -----
    The length is not the wavelength of half gain of GMTSAR (``correct_insar_with_gnss.csh``), which would be a kernel
    of 0.19 lengths: that filter sees stations alone, whose spacing smooths already. Applied to all blocks it would
    absorb a third of a 10 km bowl; with 1/e at the length, `gauss-60` and `gauss-25` absorb what the published
    comparison (calibration.md 1.4) found for them.
    The GNSS field is evaluated at every block: through the 50 km grid of EGMS the differences would hold its
    interpolation errors, with wavelengths that these filters pass. Only its covariance is interpolated, from a
    25 km grid.
    """

    length_m: float
    systematic_sigma_mm_per_yr: float = 0.0
    noise: NoiseModels = ()

    @property
    def name(self) -> str:
        """``gauss-60`` for a length of 60 km."""
        return f"gauss-{self.length_m / 1000:g}"

    @property
    def spacing_m(self) -> float:
        """Spacing of the nodes: a third of the length. The spline follows the smoothed values to 0.01 mm/yr."""
        return self.length_m / 3.0

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Fit every track on its own; see `Recipe.fit`.

        Raises
        ------
        InputError
            FID-1061 when a track has no block; FID-1062 when the field has no vertical;
            FID-1063, FID-1066 when the inputs do not belong together.
        NumericsError
            FID-3012 when a track is too large for so many nodes.
        """
        return _fit_all(self, tracks, stations, field)

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Keep the covariance of the InSAR errors; see `Recipe.fixed`."""
        return replace(self, noise=noise_models(result))

    def filtered(self, basis: SplineBasis, differences: Differences) -> _Filtered:
        """Smooth robustly; the second time with weights from the scatter about the first.

        The covariance is that of the same filter on nodes twice as far apart, two thirds of the length, refined to
        ``basis`` exactly: the sigma is that of the whole computation to two per cent.
        """
        blocks, values = (differences.easting, differences.northing), differences.value_mm_per_yr
        kernel = gaussian_kernel(basis.nodes, blocks, self.length_m)
        residuals = values - np.median(values)
        for _ in range(2):
            weights, residuals = robust_weights(kernel, basis, blocks, values, block_weights(differences, residuals))
        coarse = SplineBasis.covering(*blocks, 2.0 * basis.spacing_m)
        operator = weighted_means(gaussian_kernel(coarse.nodes, blocks, self.length_m), weights)
        return _Filtered(
            basis.coefficients_of(kernel @ (weights * values) / (kernel @ weights)),
            weights,
            spline_coefficients(coarse, operator),
            refinement(coarse, basis),
            f"Gaussian, weight 1/e at {self.length_m / 1000:g} km",
        )


@dataclass(frozen=True)
class WindowFilter:
    """Planes in overlapping windows, blended.

    r(x) = v(x) - l(x).V(x) at blocks; in windows that overlap by half, 1, u, v, uv by weighted least squares, blended
    by Hann weights: what Venti does on pixels (its default is 30 km). Not robust, as there.

    Attributes
    ----------
    size_m : float
        Side of the windows.
    systematic_sigma_mm_per_yr : float
        White part to be added to the sigma of the surfaces.
    noise : NoiseModels
        Covariance of the InSAR errors of tracks, from an earlier fit; the others are estimated.

    Notes
    -----
    A calibration that replaces InSAR by interpolated GNSS inside every window: it wins any hold-out at stations and
    erases most of a deformation bowl smaller than a window (calibration.md 1.4). Windows with few blocks fall back
    to a plane or to their mean; see `smoothing.window_operator`. The field is evaluated at every block, for the
    reason given at `GaussianFilter`.
    """

    size_m: float
    systematic_sigma_mm_per_yr: float = 0.0
    noise: NoiseModels = ()

    @property
    def name(self) -> str:
        """``window-30`` for a size of 30 km."""
        return f"window-{self.size_m / 1000:g}"

    @property
    def spacing_m(self) -> float:
        """Spacing of the nodes: a sixth of the size, not below 10 km (two blocks), at most a third."""
        return max(self.size_m / 6.0, min(self.size_m / 3.0, FINEST_NODES_M))

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Fit every track on its own; see `Recipe.fit`.

        Raises
        ------
        InputError
            FID-1061 when a track has no block; FID-1062 when the field has no vertical;
            FID-1063, FID-1066 when the inputs do not belong together.
        NumericsError
            FID-3012 when a track is too large for so many nodes.
        """
        return _fit_all(self, tracks, stations, field)

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Keep the covariance of the InSAR errors; see `Recipe.fixed`."""
        return replace(self, noise=noise_models(result))

    def filtered(self, basis: SplineBasis, differences: Differences) -> _Filtered:
        """Fit and blend the windows; with weights from the scatter of all differences, so nearly equal ones."""
        blocks, values = (differences.easting, differences.northing), differences.value_mm_per_yr
        weights = block_weights(differences, values - np.median(values))
        at_nodes, count = window_operator(basis.nodes, blocks, weights, self.size_m)
        operator = spline_coefficients(basis, at_nodes)
        note = (
            f"windows of {self.size_m / 1000:g} km: {count['bilinear']} bilinear, {count['plane']} planes, "
            f"{count['constant']} constants where blocks are few"
        )
        return _Filtered(operator @ values, weights, operator, None, note)


def _fit_all(
    recipe: GaussianFilter | WindowFilter,
    tracks: Sequence[TrackObservations],
    stations: StationVelocities,
    field: VelocityField,
) -> CalibrationResult:
    check_inputs(tracks, stations, field)
    return result_of(recipe.name, [_fit_track(recipe, one, stations, field) for one in tracks], stations, field)


def _differences(track: TrackObservations, field: VelocityField) -> Differences:
    blocks = track.blocks
    spread = line_of_sight_through_grid(blocks, field, spacing_m=COVARIANCE_GRID_M, crs=track.crs)
    velocity = field.predict(blocks.longitude_deg, blocks.latitude_deg, with_covariance=False).velocity_enu_mm_per_yr
    return Differences(
        easting=blocks.easting,
        northing=blocks.northing,
        value_mm_per_yr=blocks.velocity_mm_per_yr - np.einsum("bi,bi->b", blocks.line_of_sight, velocity),
        weight_sigma_mm_per_yr=blocks.sigma_mm_per_yr,
        gnss_operator=spread.operator,
        gnss_covariance=spread.node_covariance,
    )


def _fit_track(
    recipe: GaussianFilter | WindowFilter, track: TrackObservations, stations: StationVelocities, field: VelocityField
) -> TrackCalibration:
    blocks, samples = track.blocks, track.samples
    if blocks.size == 0:
        raise InputError(
            "FID-1061",
            "no block of the track holds enough points",
            where=f"track {track.name}",
            fix="use smaller blocks, or fewer points a block",
        )
    basis = SplineBasis.covering(blocks.easting, blocks.northing, recipe.spacing_m)
    if basis.terms > MOST_TERMS:
        raise NumericsError(
            "FID-3012",
            f"a surface of {basis.terms} terms, for {MOST_TERMS} of which a full covariance is possible",
            where=f"track {track.name}, recipe {recipe.name}",
            fix="calibrate the bursts of the track apart, or with a longer filter",
        )
    differences = _differences(track, field)
    found = recipe.filtered(basis, differences)
    residuals = differences.value_mm_per_yr - basis.evaluate(found.coefficients, blocks.easting, blocks.northing)
    influence = _influence(basis, found, differences)
    noise = noise_of(recipe.noise, track.name) or _noise(influence, found, differences, residuals)
    covariance = propagated(found.operator, differences, noise)
    if found.expansion is not None:
        covariance = found.expansion @ covariance @ found.expansion.T
    surface = CorrectionSurface(
        track=track.name,
        crs=track.crs,
        basis=basis,
        coefficients=found.coefficients,
        covariance=covariance,
        systematic_sigma_mm_per_yr=recipe.systematic_sigma_mm_per_yr,
    )
    here = line_of_sight_at_stations(samples, stations, field)
    freedom = int(np.sum(found.weights > 0) - np.sum(influence * found.operator.T))
    square_sum = float(np.sum(found.weights * residuals**2))
    far = int((found.weights == 0).sum())
    notes = [found.note, f"{basis.terms} splines {basis.spacing_m / 1000:g} km apart"]
    notes += [f"{far} of {blocks.size} blocks rejected as local motion or noise"] if far else []
    return TrackCalibration(
        surface=surface,
        noise=noise,
        stations=station_residuals(samples, here, surface, noise, used=np.zeros(samples.size, dtype=bool)),
        rejected=outlier_rejections(samples.names[here.outlier]),
        observations=int((found.weights > 0).sum()),
        degrees_of_freedom=freedom,
        variance_factor=square_sum / freedom if freedom > 0 else float("nan"),
        notes=(*track.notes, *notes, here.note, *noise_notes(noise.at_bounds)),
    )


def _influence(basis: SplineBasis, found: _Filtered, differences: Differences) -> Any:
    """Return the matrix, shape (block, k), from what carries the covariance to the surface at the blocks."""
    terms, shares = basis.local(differences.easting, differences.northing)
    starts = np.arange(0, terms.size + 1, terms.shape[1])
    design = csr_array((shares.ravel(), terms.ravel(), starts), shape=(len(terms), basis.terms))
    return design if found.expansion is None else design @ found.expansion


def _noise(influence: Any, found: _Filtered, differences: Differences, residuals: Array) -> ExponentialModel:
    """Estimate the covariance of what the filter leaves of the differences."""
    rows = noise_sample(residuals, found.weights)
    left = replace(differences.select(rows), value_mm_per_yr=residuals[rows])
    removed = (influence[rows] @ found.operator) @ differences.gnss_operator
    left = replace(left, gnss_operator=left.gnss_operator - removed)
    return insar_noise(left, np.ones((len(rows), 1)), residuals[rows])

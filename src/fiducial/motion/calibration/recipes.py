"""The recipes others use: planes and quadratics at stations, and the published EGMS recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.least_squares import LinearFit
from fiducial.geodesy.station_velocities import Rejection, StationVelocities
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.burst_planes import BurstPlanes
from fiducial.motion.calibration.filters import GaussianFilter, WindowFilter
from fiducial.motion.calibration.fitting import (
    Differences,
    NoiseModels,
    fit_surface,
    noise_models,
    noise_notes,
    noise_of,
    outlier_rejections,
    result_of,
    station_residuals,
)
from fiducial.motion.calibration.gnss import (
    check_inputs,
    line_of_sight_at_stations,
    line_of_sight_through_grid,
)
from fiducial.motion.calibration.joint import JointRecipe
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, Recipe, TrackCalibration

Array = NDArray[np.float64]

EGMS_GRID_SPACING_M: Final = 50_000.0
"""Spacing of the EGMS GNSS grid (ATBD v4, 2025, sec. 8.2)."""


@dataclass(frozen=True)
class StationPolynomial:
    """A polynomial for each track, fitted to InSAR minus GNSS at the stations.

    min sum w (v(s) - l.V_s - B(s) p)^2 with Huber's weights (Lohman & Simons 2005; Weiss et al. 2020 for the
    quadratic). The stations' own velocities are used, not the field's; the field only fills missing ups.

    Attributes
    ----------
    degree : int
        1 plane, 2 quadratic.
    systematic_sigma_mm_per_yr : float
        White part to be added to the sigma of the surfaces.
    noise : NoiseModels
        Covariance of the InSAR errors of tracks, from an earlier fit; the others are estimated.
    """

    degree: int = 1
    systematic_sigma_mm_per_yr: float = 0.0
    noise: NoiseModels = ()

    @property
    def name(self) -> str:
        """``plane`` or ``quadratic``."""
        return {1: "plane", 2: "quadratic"}.get(self.degree, f"polynomial-{self.degree}")

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Fit every track on its own; see `Recipe.fit`.

        Raises
        ------
        InputError
            FID-1061 when a track has fewer usable stations than coefficients plus one;
            FID-1063, FID-1066 when the inputs do not belong together.
        """
        check_inputs(tracks, stations, field)
        fitted = tuple(self._fit_track(track, stations, field) for track in tracks)
        return result_of(self.name, fitted, stations, field)

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Keep the covariance of the InSAR errors; see `Recipe.fixed`."""
        return replace(self, noise=noise_models(result))

    def _fit_track(
        self, track: TrackObservations, stations: StationVelocities, field: VelocityField
    ) -> TrackCalibration:
        samples = track.samples
        gnss = line_of_sight_at_stations(samples, stations, field)
        usable = np.isfinite(gnss.velocity_mm_per_yr)
        needed = (self.degree + 1) * (self.degree + 2) // 2 + 1
        if usable.sum() < needed:
            raise InputError(
                "FID-1061",
                f"{int(usable.sum())} stations have InSAR around them, a {self.name} needs {needed}",
                where=f"track {track.name}",
                fix="use the recipe egms, which needs no station inside the track, or a denser GNSS table",
            )
        medians = samples.medians.select(usable)
        covariance = gnss.covariance[np.ix_(usable, usable)]
        sigma = np.sqrt(medians.sigma_mm_per_yr**2 + np.diag(covariance))
        basis = PolynomialBasis.full(medians.easting, medians.northing, self.degree)
        differences = Differences(
            easting=medians.easting,
            northing=medians.northing,
            value_mm_per_yr=medians.velocity_mm_per_yr - gnss.velocity_mm_per_yr[usable],
            weight_sigma_mm_per_yr=sigma,
            gnss_operator=np.eye(len(sigma)),
            gnss_covariance=covariance,
        )
        surface, noise, fit = fit_surface(
            track.name,
            track.crs,
            basis,
            differences,
            self.systematic_sigma_mm_per_yr,
            noise_of(self.noise, track.name),
        )
        rejected = _rejected_by_fit(samples.names[usable], fit)
        rejected += outlier_rejections(samples.names[gnss.outlier])
        used = np.zeros(samples.size, dtype=bool)
        used[usable] = fit.weights > 0
        return TrackCalibration(
            surface=surface,
            noise=noise,
            stations=station_residuals(samples, gnss, surface, noise, used=used),
            rejected=rejected,
            observations=int((fit.weights > 0).sum()),
            degrees_of_freedom=fit.degrees_of_freedom,
            variance_factor=fit.variance_factor,
            notes=(*track.notes, gnss.note, *noise_notes(noise.at_bounds)),
        )


@dataclass(frozen=True)
class EgmsRecipe:
    """The published EGMS recipe: GNSS grid to LOS, low-pass surface of the difference.

    r(x) = v(x) - l(x).B[V](x), S = low-pass of r (ATBD v4, 2025, sec. 8.2). The document does not disclose
    the surface: here a robust polynomial of degree two at most, and of no finer band than the grid carries.

    Attributes
    ----------
    spacing_m : float
        Spacing of the GNSS grid.
    maximum_degree : int
    systematic_sigma_mm_per_yr : float
        White part to be added to the sigma of the surfaces.
    noise : NoiseModels
        Covariance of the InSAR errors of tracks, from an earlier fit; the others are estimated.
    """

    spacing_m: float = EGMS_GRID_SPACING_M
    maximum_degree: int = 2
    systematic_sigma_mm_per_yr: float = 0.0
    noise: NoiseModels = ()

    @property
    def name(self) -> str:
        """``egms``."""
        return "egms"

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Fit every track on its own; see `Recipe.fit`.

        Raises
        ------
        InputError
            FID-1061 when a track has no block; FID-1062 when the field has no vertical;
            FID-1063, FID-1066 when the inputs do not belong together.
        """
        check_inputs(tracks, stations, field)
        fitted = tuple(self._fit_track(track, stations, field) for track in tracks)
        return result_of(self.name, fitted, stations, field)

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Keep the covariance of the InSAR errors; see `Recipe.fixed`."""
        return replace(self, noise=noise_models(result))

    def _fit_track(
        self, track: TrackObservations, stations: StationVelocities, field: VelocityField
    ) -> TrackCalibration:
        blocks, samples = track.blocks, track.samples
        if blocks.size == 0:
            raise InputError(
                "FID-1061",
                "no block of the track holds enough points",
                where=f"track {track.name}",
                fix="use smaller blocks, or fewer points a block",
            )
        gnss = line_of_sight_through_grid(blocks, field, spacing_m=self.spacing_m, crs=track.crs)
        basis = PolynomialBasis.band_limited(blocks.easting, blocks.northing, self.spacing_m, self.maximum_degree)
        differences = Differences(
            easting=blocks.easting,
            northing=blocks.northing,
            value_mm_per_yr=blocks.velocity_mm_per_yr - gnss.velocity_mm_per_yr,
            weight_sigma_mm_per_yr=blocks.sigma_mm_per_yr,
            gnss_operator=gnss.operator,
            gnss_covariance=gnss.node_covariance,
        )
        surface, noise, fit = fit_surface(
            track.name,
            track.crs,
            basis,
            differences,
            self.systematic_sigma_mm_per_yr,
            noise_of(self.noise, track.name),
        )
        here = line_of_sight_at_stations(samples, stations, field)
        limit = (
            f"surface of degree {basis.degree} ({basis.terms} terms): over an extent L degree d bends at "
            f"2L/d, and a {self.spacing_m / 1000:g}-km grid carries nothing below "
            f"{self.spacing_m / 500:g} km, so d <= L / {self.spacing_m / 1000:g} km along each axis"
        )
        far = int((fit.weights == 0).sum())
        notes = [limit, f"GNSS grid of {gnss.nodes} nodes"]
        notes += [f"{far} of {blocks.size} blocks rejected as local motion or noise"] if far else []
        return TrackCalibration(
            surface=surface,
            noise=noise,
            stations=station_residuals(samples, here, surface, noise, used=np.zeros(samples.size, dtype=bool)),
            rejected=outlier_rejections(samples.names[here.outlier]),
            observations=int((fit.weights > 0).sum()),
            degrees_of_freedom=fit.degrees_of_freedom,
            variance_factor=fit.variance_factor,
            notes=(*track.notes, *notes, here.note, *noise_notes(noise.at_bounds)),
        )


ALIASES: Final = MappingProxyType({"gauss": "gauss-60", "window": "window-30"})
"""Names without a length mean the one that the method is known with."""


_FOR_VERY_MANY_BURSTS: Final[Mapping[str, Recipe]] = MappingProxyType({"network": BurstPlanes()})
"""Planes of ten thousand bursts in seconds, without nuisance field: not among those that are compared on frames."""


def recipes() -> Mapping[str, Recipe]:
    """Return the recipes by name."""
    known: tuple[Recipe, ...] = (
        StationPolynomial(1),
        StationPolynomial(2),
        EgmsRecipe(),
        GaussianFilter(60_000.0),
        GaussianFilter(25_000.0),
        WindowFilter(30_000.0),
        WindowFilter(100_000.0),
        JointRecipe(),
    )
    return MappingProxyType({recipe.name: recipe for recipe in known})


def recipe(name: str) -> Recipe:
    """Return a recipe by name: those of `recipes`, ``network``, and the short names of `ALIASES`.

    Raises
    ------
    InputError
        FID-1060 for an unknown name; the fix lists the known ones.
    """
    known = {**recipes(), **_FOR_VERY_MANY_BURSTS}
    wanted = ALIASES.get(name, name)
    if wanted not in known:
        raise InputError(
            "FID-1060",
            f"there is no calibration recipe {name!r}",
            where="recipe",
            fix="choose one of "
            + ", ".join(sorted(known))
            + "".join(f"; {short} means {full}" for short, full in ALIASES.items()),
        )
    return known[wanted]


def _rejected_by_fit(names: NDArray[np.str_], fit: LinearFit) -> tuple[Rejection, ...]:
    return tuple(
        Rejection(str(names[i]), f"{fit.residuals[i]:+.2f} mm/yr from the surface of the other stations")
        for i in np.flatnonzero(fit.weights == 0)
    )

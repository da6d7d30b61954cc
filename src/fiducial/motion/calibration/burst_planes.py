"""The recipe ``network``: an offset or a plane for each burst, all adjusted together by overlaps and stations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import ExponentialModel
from fiducial.geodesy.station_velocities import Rejection, StationVelocities
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.burst_network import BurstAdjustment, BurstOptions, adjust_bursts
from fiducial.motion.calibration.burst_observations import (
    SHORT_WAVE_SIGMA_MM_PER_YR,
    FieldUse,
    ObservedNetwork,
    network_from_tracks,
)
from fiducial.motion.calibration.burst_ties import CORRELATION_LENGTH_KM
from fiducial.motion.calibration.fitting import outlier_rejections, result_of, station_residuals
from fiducial.motion.calibration.network_model import CLUSTER_SIGMA_MM_PER_YR
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, Recipe, TrackCalibration
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class BurstPlanes:
    """Planes of bursts, tied by overlaps and stations: fast for very many bursts, no finer than a plane.

    Ascending and descending bursts are adjusted side by side and never tied: any vertical motion that the GNSS field
    does not know would enter their difference. Noise is taken as shared over 10 km within a burst and independent
    between bursts; errors of longer wavelength that a plane does not follow (atmosphere of a whole track) are not
    modelled, so that the recipe is one for bursts, not for frames of 250 km. Of a burst with several unwrapping
    clusters the largest is adjusted; the others are unknown by 5 mm/yr.

    Attributes
    ----------
    degree : int
        0 an offset for each burst, 1 a plane.
    use_field : {"never", "needed", "stationless"}
        Where the GNSS field stands in for stations (`network_from_tracks`).
    slope_sigma_mm_per_yr_per_100_km : float or None
        Prior of the slopes; none by default.
    undetermined : {"error", "offset"}
        What to do with bursts whose slopes nothing determines.
    short_wave_sigma_mm_per_yr : float
        Noise that neighbouring cells share, before its variance factor is estimated.
    systematic_sigma_mm_per_yr : float
        White part to be added to the sigma of the surfaces.
    factors : tuple of two float, or None
        Variance factors of ties and stations from an earlier fit; estimated by default.
    """

    degree: int = 1
    use_field: FieldUse = "needed"
    slope_sigma_mm_per_yr_per_100_km: float | None = None
    undetermined: Literal["error", "offset"] = "error"
    short_wave_sigma_mm_per_yr: float = SHORT_WAVE_SIGMA_MM_PER_YR
    systematic_sigma_mm_per_yr: float = 0.0
    factors: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """``network``."""
        return "network"

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Adjust all bursts together; see `Recipe.fit`.

        Raises
        ------
        InputError
            FID-1061, FID-1063, FID-1066, FID-1132, FID-1133 from `network_from_tracks`; FID-1130, FID-1134 from
            `adjust_bursts`.
        NumericsError
            FID-3011 when nothing determines the slopes of a burst.
        """
        observed = network_from_tracks(
            tracks,
            stations,
            field,
            degree=self.degree,
            use_field=self.use_field,
            short_wave_sigma_mm_per_yr=self.short_wave_sigma_mm_per_yr,
        )
        ties, at_stations = self.factors or (None, None)
        options = BurstOptions(
            degree=self.degree,
            tie_factor=ties,
            station_factor=at_stations,
            slope_sigma_mm_per_yr_per_100_km=self.slope_sigma_mm_per_yr_per_100_km,
            undetermined=self.undetermined,
        )
        found = adjust_bursts(observed.network, options)
        calibrated = [self._burst(number, track, observed, found) for number, track in enumerate(tracks)]
        result = result_of(self.name, calibrated, stations, field)
        parameters = {"tie_factor": found.tie_factor, "station_factor": found.station_factor}
        return replace(result, notes=(*result.notes, *observed.notes, *found.notes), hyper_parameters=parameters)

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Keep the variance factors; see `Recipe.fixed`."""
        known = result.hyper_parameters
        return replace(self, factors=(float(known["tie_factor"]), float(known["station_factor"])))

    def _burst(
        self, number: int, track: TrackObservations, observed: ObservedNetwork, found: BurstAdjustment
    ) -> TrackCalibration:
        surface, gnss = self._surface(number, track, observed, found), observed.gnss[number]
        rows = np.flatnonzero(observed.station_burst == number)
        samples = observed.station_sample[rows]
        weight = found.weight[observed.network.ties.size + rows]
        used = np.zeros(track.samples.size, dtype=bool)
        used[samples[weight > 0]] = True
        noise = self._noise(track, found)
        residual = found.residual_mm_per_yr[observed.network.ties.size + rows]
        rejected = tuple(
            Rejection(str(track.samples.names[i]), f"{residual[k]:+.2f} mm/yr from the network of the others")
            for k, i in enumerate(samples)
            if weight[k] == 0
        )
        free = float(found.redundancy[number])
        notes = [] if found.degree[number] == self.degree else ["offset only: nothing determines its slopes"]
        return TrackCalibration(
            surface=surface,
            noise=noise,
            stations=station_residuals(track.samples, gnss, surface, noise, used=used),
            rejected=rejected + outlier_rejections(track.samples.names[gnss.outlier]),
            observations=round(float(found.observations[number])),
            degrees_of_freedom=max(round(free), 0),
            variance_factor=float(found.square_sum[number]) / free if free > 1.0 else float("nan"),
            notes=(*track.notes, *notes, gnss.note),
        )

    def _surface(
        self, number: int, track: TrackObservations, observed: ObservedNetwork, found: BurstAdjustment
    ) -> CorrectionSurface:
        basis, terms = observed.bases[number], 1 if found.degree[number] == 0 else 3
        own = PolynomialBasis(
            basis.exponents[:terms], basis.easting_origin, basis.northing_origin, basis.rotation_deg, basis.scale_m
        )
        main = int(observed.clusters[number])
        clusters = None
        if np.any(track.blocks.cluster != main):
            clusters = ClusterOffsets(
                labels=np.array([main]),
                offset_mm_per_yr=np.zeros(1),
                sigma_mm_per_yr=np.zeros(1),
                cross_covariance=np.zeros((1, terms)),
                unknown_sigma_mm_per_yr=CLUSTER_SIGMA_MM_PER_YR,
            )
        return CorrectionSurface(
            track=track.name,
            crs=track.crs,
            basis=own,
            coefficients=found.coefficients[number, :terms],
            covariance=found.covariance[number, :terms, :terms],
            systematic_sigma_mm_per_yr=self.systematic_sigma_mm_per_yr,
            clusters=clusters,
        )

    def _noise(self, track: TrackObservations, found: BurstAdjustment) -> ExponentialModel:
        """Describe what is left of a burst: the noise that was assumed, with the variance factor of the ties."""
        scale = float(np.sqrt(found.tie_factor))
        white = 1.2533 * np.median(track.blocks.sigma_mm_per_yr / np.sqrt(np.minimum(track.blocks.point_count, 16)))
        return ExponentialModel(
            scale * self.short_wave_sigma_mm_per_yr,
            CORRELATION_LENGTH_KM,
            scale * float(white),
            found.network.ties.size,
            ("length",) if found.network.ties.size else ("sigma", "length", "nugget"),
        )

"""How good a calibration is: against stations, held-out stations, and between overlapping tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.gnss import line_of_sight_at_stations
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, Recipe
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]

CLIP_MM_PER_YR = 15.0
"""Residuals are clipped here before squaring, so that one landslide does not decide a comparison."""


@dataclass(frozen=True)
class StationAgreement:
    """InSAR against GNSS of one track.

    Attributes
    ----------
    track : str
    stations : int
    rms_before_mm_per_yr, rms_after_mm_per_yr : float
        Clipped RMS of v - l.v_GNSS; the stations took part in the calibration, so ``after`` flatters it.
    rms_before_centred_mm_per_yr : float
        ``before`` with the median removed: an uncalibrated track has no datum.
    bias_after_mm_per_yr : float
        Median after the correction.
    """

    track: str
    stations: int
    rms_before_mm_per_yr: float
    rms_before_centred_mm_per_yr: float
    rms_after_mm_per_yr: float
    bias_after_mm_per_yr: float


@dataclass(frozen=True)
class OverlapAgreement:
    """Two tracks where they overlap.

    Attributes
    ----------
    tracks : tuple of two str
    cells : int
        Number of common block cells.
    same_direction : bool
        Both ascending or both descending: otherwise unmodelled motion shows up as a difference.
    rms_before_mm_per_yr, rms_after_mm_per_yr : float
        Clipped RMS of the difference; NaN without common cells.
    rms_before_centred_mm_per_yr : float
        ``before`` with the median removed: an uncalibrated track has no datum.
    """

    tracks: tuple[str, str]
    cells: int
    same_direction: bool
    rms_before_mm_per_yr: float
    rms_before_centred_mm_per_yr: float
    rms_after_mm_per_yr: float


@dataclass(frozen=True)
class Assessment:
    """Tables of a calibration: every track against GNSS, every overlapping pair.

    Attributes
    ----------
    stations : tuple of StationAgreement
    overlaps : tuple of OverlapAgreement
    """

    stations: tuple[StationAgreement, ...]
    overlaps: tuple[OverlapAgreement, ...]


@dataclass(frozen=True)
class HeldOut:
    """Stations predicted by a calibration that did not know them.

    Attributes
    ----------
    track : ndarray of str, shape (n,)
    names : ndarray of str, shape (n,)
    residual_mm_per_yr : ndarray, shape (n,)
        Calibrated InSAR minus the held-out station, LOS.
    sigma_mm_per_yr : ndarray, shape (n,)
        Predicted for it.
    gnss_only_residual_mm_per_yr : ndarray, shape (n,)
        GNSS field without the station, minus the station: the baseline that uses no InSAR at all.
    """

    track: NDArray[np.str_]
    names: NDArray[np.str_]
    residual_mm_per_yr: Array
    sigma_mm_per_yr: Array
    gnss_only_residual_mm_per_yr: Array

    @property
    def rms_mm_per_yr(self) -> float:
        """Clipped RMS of the residuals."""
        return rms(self.residual_mm_per_yr)

    @property
    def gnss_only_rms_mm_per_yr(self) -> float:
        """Clipped RMS of the baseline: a calibration that only copies GNSS approaches it."""
        return rms(self.gnss_only_residual_mm_per_yr)

    @property
    def chi(self) -> float:
        """RMS of residual over predicted sigma; 1 when the sigma is right."""
        return float(np.sqrt(np.mean((self.residual_mm_per_yr / self.sigma_mm_per_yr) ** 2)))


def rms(values: Array) -> float:
    """Return the RMS of the finite values, clipped at 15 mm/yr; NaN when there are none."""
    finite = np.clip(values[np.isfinite(values)], -CLIP_MM_PER_YR, CLIP_MM_PER_YR)
    return float(np.sqrt(np.mean(finite**2))) if finite.size else float("nan")


def _centred(values: Array) -> Array:
    return values - np.nanmedian(values) if np.isfinite(values).any() else values


def station_rms(
    track: TrackObservations,
    stations: StationVelocities,
    field: VelocityField,
    surface: CorrectionSurface,
) -> StationAgreement:
    """Compare a track with the stations in it, before and after the correction.

    Parameters
    ----------
    track : TrackObservations
        Not calibrated.
    stations : StationVelocities
        The table its samples were taken for.
    field : VelocityField
        Fills missing ups.
    surface : CorrectionSurface

    Returns
    -------
    StationAgreement
    """
    gnss = line_of_sight_at_stations(track.samples, stations, field)
    medians = track.samples.medians
    before = medians.velocity_mm_per_yr - gnss.velocity_mm_per_yr
    after = before - surface.surface_mm_per_yr(medians.easting, medians.northing, medians.cluster)
    known = after[np.isfinite(after)]
    return StationAgreement(
        track=track.name,
        stations=len(known),
        rms_before_mm_per_yr=rms(before),
        rms_before_centred_mm_per_yr=rms(_centred(before)),
        rms_after_mm_per_yr=rms(after),
        bias_after_mm_per_yr=float(np.median(known)) if len(known) else float("nan"),
    )


def overlap_rms(
    first: TrackObservations,
    second: TrackObservations,
    field: VelocityField,
    first_surface: CorrectionSurface,
    second_surface: CorrectionSurface,
) -> OverlapAgreement:
    """Compare two tracks on their common cells, before and after the corrections.

    Parameters
    ----------
    first, second : TrackObservations
        Not calibrated; same map projection and block size.
    field : VelocityField
        Removes what the two lines of sight see differently.
    first_surface, second_surface : CorrectionSurface

    Returns
    -------
    OverlapAgreement

    Raises
    ------
    InputError
        FID-1063 when the blocks of the tracks cannot be matched.

    Notes
    -----
    v_1 - v_2 - (l_1 - l_2).v_GNSS; components unknown to the field count as zero here, because the difference
    of two LOS of the same direction hardly sees them.
    """
    if first.crs != second.crs or first.block_size_m != second.block_size_m:
        raise InputError(
            "FID-1063",
            "the blocks of the two tracks differ in size or map projection",
            where=f"tracks {first.name}, {second.name}",
            fix="observe both with the same block size and projection",
        )
    one, two = _common_cells(first.cell, second.cell)
    a, b = first.blocks.select(one), second.blocks.select(two)
    before = a.velocity_mm_per_yr - b.velocity_mm_per_yr
    if len(before):
        gnss = field.predict(a.longitude_deg, a.latitude_deg, with_covariance=False).velocity_enu_mm_per_yr
        before = before - np.nansum((a.line_of_sight - b.line_of_sight) * gnss, axis=1)
    after = before - first_surface.surface_mm_per_yr(a.easting, a.northing, a.cluster)
    after = after + second_surface.surface_mm_per_yr(b.easting, b.northing, b.cluster)
    headings = first.blocks.line_of_sight[:, 0].mean() * second.blocks.line_of_sight[:, 0].mean()
    return OverlapAgreement(
        tracks=(first.name, second.name),
        cells=len(before),
        same_direction=bool(headings > 0),
        rms_before_mm_per_yr=rms(before),
        rms_before_centred_mm_per_yr=rms(_centred(before)),
        rms_after_mm_per_yr=rms(after),
    )


def assess(
    tracks: Sequence[TrackObservations],
    stations: StationVelocities,
    field: VelocityField,
    result: CalibrationResult,
) -> Assessment:
    """Return the tables of all tracks and of all pairs of the same direction that overlap."""
    surfaces = [result.track(track.name).surface for track in tracks]
    agreements = tuple(
        station_rms(track, stations, field, surface) for track, surface in zip(tracks, surfaces, strict=True)
    )
    pairs = [
        overlap_rms(tracks[i], tracks[j], field, surfaces[i], surfaces[j])
        for i in range(len(tracks))
        for j in range(i + 1, len(tracks))
    ]
    return Assessment(agreements, tuple(pair for pair in pairs if pair.same_direction and pair.cells))


def leave_stations_out(
    recipe: Recipe,
    tracks: Sequence[TrackObservations],
    stations: StationVelocities,
    field: VelocityField,
    *,
    folds: int = 20,
    seed: int = 0,
) -> HeldOut:
    """Calibrate without a fold of the stations and compare with them, fold by fold.

    Parameters
    ----------
    recipe : Recipe
    tracks : sequence of TrackObservations
    stations : StationVelocities
    field : VelocityField
        Fitted to all stations: its covariance parameters are kept, its stations are not.
    folds : int
    seed : int
        Of the random folds, by station, so that a station is held out in every track at once.

    Returns
    -------
    HeldOut
        Only stations that the full field kept; those of a fold that cannot be calibrated raise.

    Notes
    -----
    A low score alone proves nothing: windows that replace InSAR by interpolated GNSS win it. Read it beside
    the overlaps, the leakage and the GNSS-only baseline.
    """
    fold = np.random.default_rng(seed).permutation(stations.size) % folds
    parts: list[tuple[Array, ...]] = []
    names: list[NDArray[np.str_]] = []
    labels: list[str] = []
    sampled = np.unique(np.concatenate([track.samples.station for track in tracks]))
    for number in np.unique(fold[sampled]):
        train = fold != number
        reduced_field = VelocityField.fit(stations.select(train), models=field.models)
        place = np.cumsum(train) - 1
        reduced = [_with_samples(track, train, place) for track in tracks]
        result = recipe.fit(reduced, stations.select(train), reduced_field)
        for track in tracks:
            held = track.samples.select(fold[track.samples.station] == number)
            truth = line_of_sight_at_stations(held, stations, reduced_field)
            calibration = result.track(track.name)
            medians = held.medians
            own = reduced_field.predict(
                medians.longitude_deg, medians.latitude_deg, with_covariance=False
            ).velocity_enu_mm_per_yr
            baseline = np.nansum(own * medians.line_of_sight, axis=1) - truth.velocity_mm_per_yr
            corrected = medians.velocity_mm_per_yr - calibration.surface.surface_mm_per_yr(
                medians.easting, medians.northing, medians.cluster
            )
            residual = corrected - truth.velocity_mm_per_yr
            variance = np.diag(truth.covariance) + calibration.noise.sigma**2 + calibration.noise.nugget**2
            variance = (
                variance + calibration.surface.sigma_mm_per_yr(medians.easting, medians.northing, medians.cluster) ** 2
            )
            known = np.isfinite(residual)
            parts.append((residual[known], np.sqrt(variance)[known], baseline[known]))
            names.append(held.names[known])
            labels += [track.name] * int(known.sum())
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return HeldOut(np.array(labels), np.concatenate(names), *joined)


def _common_cells(first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[NDArray[np.intp], ...]:
    lowest = np.minimum(first.min(axis=0, initial=0), second.min(axis=0, initial=0))
    width = max(int(first[:, 1].max(initial=0)), int(second[:, 1].max(initial=0))) - int(lowest[1]) + 1
    keys = [(cell[:, 0] - lowest[0]) * width + (cell[:, 1] - lowest[1]) for cell in (first, second)]
    _, one, two = np.intersect1d(keys[0], keys[1], return_indices=True)
    return one, two


def _with_samples(track: TrackObservations, train: NDArray[np.bool_], place: NDArray[np.intp]) -> TrackObservations:
    """Keep the training stations' samples, numbered as in the reduced table."""
    kept = track.samples.select(train[track.samples.station])
    return replace(track, samples=replace(kept, station=place[kept.station]))

"""What a calibration did: every track against stations, and overlapping tracks against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.gnss import StationLineOfSight, line_of_sight_of_tracks
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.overlaps import (
    block_starts,
    common_cells,
    difference_before,
    direction_of,
    field_at_blocks,
    sources_that_meet,
)
from fiducial.motion.calibration.protocol import CalibrationResult
from fiducial.motion.calibration.residuals import centred, rms
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]


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


def _station_agreement(
    track: TrackObservations, gnss: StationLineOfSight, surface: CorrectionSurface
) -> StationAgreement:
    """Compare a track with the stations in it, before and after the correction."""
    medians = track.samples.medians
    before = medians.velocity_mm_per_yr - gnss.velocity_mm_per_yr
    after = before - surface.surface_mm_per_yr(medians.easting, medians.northing, medians.cluster)
    known = after[np.isfinite(after)]
    return StationAgreement(
        track=track.name,
        stations=len(known),
        rms_before_mm_per_yr=rms(before),
        rms_before_centred_mm_per_yr=rms(centred(before)),
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
    See `overlaps.difference_before`.
    """
    blocks = first.blocks
    gnss = field.predict(blocks.longitude_deg, blocks.latitude_deg, with_covariance=False).velocity_enu_mm_per_yr
    return _overlap(first, second, gnss, first_surface, second_surface)


def _overlap(
    first: TrackObservations, second: TrackObservations, gnss: Array, first_surface: CorrectionSurface,
    second_surface: CorrectionSurface,
) -> OverlapAgreement:  # fmt: skip
    """Compare two tracks, with the GNSS field at the blocks of the first one."""
    one, two = common_cells(first, second)
    a, b = first.blocks.select(one), second.blocks.select(two)
    before = difference_before((first, second), (one, two), gnss[one])
    after = before - first_surface.surface_mm_per_yr(a.easting, a.northing, a.cluster)
    after = after + second_surface.surface_mm_per_yr(b.easting, b.northing, b.cluster)
    return OverlapAgreement(
        tracks=(first.name, second.name),
        cells=len(before),
        same_direction=direction_of(first) == direction_of(second),
        rms_before_mm_per_yr=rms(before),
        rms_before_centred_mm_per_yr=rms(centred(before)),
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
        _station_agreement(track, gnss, surface)
        for track, gnss, surface in zip(tracks, line_of_sight_of_tracks(tracks, stations, field), surfaces, strict=True)
    )
    starts = block_starts(tracks)
    at_blocks = field_at_blocks(tracks, field)
    pairs = tuple(
        _overlap(tracks[i], tracks[j], at_blocks[starts[i] : starts[i + 1]], surfaces[i], surfaces[j])
        for i, j in sources_that_meet(tracks)
    )
    return Assessment(agreements, pairs)

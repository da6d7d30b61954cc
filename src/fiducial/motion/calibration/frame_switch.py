"""A finished calibration in another frame: the surface less the line of sight of the frame velocity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.frame_velocities import FrameChange, frame_change
from fiducial.motion.calibration.bases import Basis, PolynomialBasis, SplineBasis
from fiducial.motion.calibration.observations import Medians, TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, StationResiduals, TrackCalibration
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]

RMS_LIMIT_MM_PER_YR: Final = 0.01
"""A surface that does not follow the samples to this is refused."""
LARGEST_LIMIT_MM_PER_YR: Final = 0.05
"""For a single sample. Against 25 mm/yr between ITRF and ETRF, EGMS cosines of three decimals err by up to 0.02 mm/yr,
and a kilometre of terrain tilts the line of sight by 0.0007 rad, up to 0.02 mm/yr: neither is a function of the map."""
_DEGREES: Final = ((20_000.0, 1), (120_000.0, 2), (np.inf, 3))
"""Degree by extent in metres. The line of sight of a Sentinel-1 swath leaves 0.0006 mm/yr of 25 to a cubic over 250 km,
0.001 to a quadratic over 120 km, 0.002 to a plane over 20 km (circular orbit of 693 km, incidence 29 to 46 degrees)."""


@dataclass(frozen=True)
class LineOfSightSamples:
    """Lines of sight at places of one track.

    Attributes
    ----------
    easting, northing : ndarray, shape (sample,)
        Metres, in the CRS of the surface.
    longitude_deg, latitude_deg : ndarray, shape (sample,)
    line_of_sight : ndarray, shape (sample, 3)
        Ground to satellite: east, north, up.
    """

    easting: Array
    northing: Array
    longitude_deg: Array
    latitude_deg: Array
    line_of_sight: Array

    @classmethod
    def of(cls, track: TrackObservations) -> LineOfSightSamples:
        """Take those of the block medians of a track."""
        blocks: Medians = track.blocks
        return cls(blocks.easting, blocks.northing, blocks.longitude_deg, blocks.latitude_deg, blocks.line_of_sight)


@dataclass(frozen=True)
class SwitchedSurface:
    """A correction surface in another frame, and how well it follows the lines of sight.

    Attributes
    ----------
    surface : CorrectionSurface
    lowest_mm_per_yr, mean_mm_per_yr, highest_mm_per_yr : float
        Line of sight of the frame velocity at the samples: what calibrated velocities gain.
    rms_mm_per_yr, largest_mm_per_yr : float
        Of what the surface gained minus what it should have.
    """

    surface: CorrectionSurface
    lowest_mm_per_yr: float
    mean_mm_per_yr: float
    highest_mm_per_yr: float
    rms_mm_per_yr: float
    largest_mm_per_yr: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, not the surface."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "surface"}


def switch_surface(surface: CorrectionSurface, samples: LineOfSightSamples, change: FrameChange) -> SwitchedSurface:
    """Return the surface that ties the same track to another frame.

    Parameters
    ----------
    surface : CorrectionSurface
        Ties to ``change.source``.
    samples : LineOfSightSamples
        Spread over the area that the surface is used in; NaN is left out.
    change : FrameChange

    Returns
    -------
    SwitchedSurface
        S_new = S_old - l.dv, so that calibrated velocities v - S gain l.dv. Its covariance is that of S_old: the
        published rates count as known.

    Raises
    ------
    InputError
        FID-1067 when no sample is usable; FID-1103 when l.dv is no smooth function of the map at the samples, or the
        basis of the surface is of an unknown kind; FID-1104 an impossible position.

    Notes
    -----
    l.dv is fitted by a polynomial of the map of degree 1 to 3. A polynomial surface gets the terms that it lacks, a
    bicubic spline holds any cubic exactly (de Boor 1978, ch. XII): in both cases the coefficients of S_old stay, and so
    does their covariance; that of added terms is zero.
    """
    sight = _usable(samples, surface.track)
    target = np.einsum(
        "si,si->s", sight.line_of_sight, change.velocity_mm_per_yr(sight.longitude_deg, sight.latitude_deg)
    )
    basis, shift = _shift_of(surface.basis, sight, target, surface.track)
    wide = _widened(surface, basis)
    switched = replace(wide, coefficients=wide.coefficients - shift)
    gained = -basis.evaluate(switched.coefficients, sight.easting, sight.northing)
    gained += surface.basis.evaluate(surface.coefficients, sight.easting, sight.northing)
    misfit = gained - target
    result = SwitchedSurface(
        surface=switched,
        lowest_mm_per_yr=float(target.min()),
        mean_mm_per_yr=float(target.mean()),
        highest_mm_per_yr=float(target.max()),
        rms_mm_per_yr=float(np.sqrt(np.mean(misfit**2))),
        largest_mm_per_yr=float(np.abs(misfit).max()),
    )
    if result.rms_mm_per_yr > RMS_LIMIT_MM_PER_YR or result.largest_mm_per_yr > LARGEST_LIMIT_MM_PER_YR:
        raise InputError(
            "FID-1103",
            f"the line of sight of the frame velocity cannot be put into the surface: {result.rms_mm_per_yr:.3f} mm/yr "
            f"are left over (RMS; largest {result.largest_mm_per_yr:.3f})",
            where=f"track {surface.track}, {change.source} to {change.target}",
            fix="give each track, ascending or descending, its own product and calibration",
        )
    return result


def switch_frame(
    result: CalibrationResult, target: str, tracks: Sequence[TrackObservations | LineOfSightSamples]
) -> CalibrationResult:
    """Return a calibration in another frame.

    Parameters
    ----------
    result : CalibrationResult
    target : str
        Name of a frame; see `fiducial.geodesy.frame_velocities.canonical_frame`.
    tracks : sequence of TrackObservations or LineOfSightSamples
        One for each track of the result, in its order: where the lines of sight are taken from.

    Returns
    -------
    CalibrationResult
        With frame ``target``; ``result`` itself when it is tied to that frame already. The residuals of stations
        after the correction stay, those before lose l.dv: InSAR is relative, GNSS velocities gain dv.

    Raises
    ------
    InputError
        FID-1063 when the tracks are not those of the result; FID-1004, FID-1101, FID-1102 for frames; and those of
        `switch_surface`.

    Notes
    -----
    GNSS velocities per Julian year and InSAR velocities per 365 days are compared as numbers in every calibration; so
    is the frame velocity here.
    """
    named = [one.name for one in tracks if isinstance(one, TrackObservations)]
    known = [one.surface.track for one in result.tracks]
    if len(tracks) != len(known) or (len(named) == len(known) and named != known):
        raise InputError(
            "FID-1063",
            "the tracks given are not those of the calibration",
            where=f"given {', '.join(named) or len(tracks)}; calibrated {', '.join(known)}",
            fix="give the observations that the calibration was made from, in the same order",
        )
    change = frame_change(result.frame, target)
    if change.source == change.target:
        return result
    switched = [_switch_track(*pair, change) for pair in zip(result.tracks, tracks, strict=True)]
    return replace(result, frame=change.target, tracks=tuple(switched), notes=(*result.notes, note_of_switch(change)))


def note_of_switch(change: FrameChange) -> str:
    """Return the sentence that a switched calibration carries."""
    return (
        f"switched from {change.source} to {change.target} by adding the LOS of the frame velocity "
        f"({', '.join(change.operations)})"
    )


def _switch_track(
    track: TrackCalibration, observed: TrackObservations | LineOfSightSamples, change: FrameChange
) -> TrackCalibration:
    samples = LineOfSightSamples.of(observed) if isinstance(observed, TrackObservations) else observed
    switched = switch_surface(track.surface, samples, change)
    note = (
        f"LOS of the frame velocity {switched.lowest_mm_per_yr:+.3f} to {switched.highest_mm_per_yr:+.3f} mm/yr, "
        f"held by the surface to {switched.rms_mm_per_yr:.4f} (RMS; largest {switched.largest_mm_per_yr:.4f})"
    )
    return replace(
        track,
        surface=switched.surface,
        stations=_switch_stations(track.stations, track.surface, switched.surface),
        notes=(*track.notes, note),
    )


def _switch_stations(stations: StationResiduals, old: CorrectionSurface, new: CorrectionSurface) -> StationResiduals:
    # Both without their cluster offsets, which are the same.
    place = stations.easting, stations.northing
    gained = new.basis.evaluate(new.coefficients, *place) - old.basis.evaluate(old.coefficients, *place)
    return replace(stations, before_mm_per_yr=stations.before_mm_per_yr + gained)


def _usable(samples: LineOfSightSamples, track: str) -> LineOfSightSamples:
    position = np.column_stack([samples.easting, samples.northing, samples.longitude_deg, samples.latitude_deg])
    finite = np.isfinite(position).all(axis=1) & np.isfinite(samples.line_of_sight).all(axis=1)
    if not finite.any():
        raise InputError(
            "FID-1067",
            "no place of the track has position and line of sight",
            where=f"track {track}",
            fix="check the mask and the line-of-sight components of its source",
        )
    return LineOfSightSamples(**{name: getattr(samples, name)[finite] for name in samples.__dataclass_fields__})


def _shift_of(basis: Basis, sight: LineOfSightSamples, target: Array, track: str) -> tuple[Basis, Array]:
    """Return the basis, with added terms at its end where it lacks them, and the coefficients of the shift in it."""
    degree = _degree(sight)
    if isinstance(basis, PolynomialBasis):
        complete = [(order - j, j) for order in range(degree + 1) for j in range(order + 1)]
        lacking = tuple(pair for pair in complete if pair not in basis.exponents)
        wide = replace(basis, exponents=basis.exponents + lacking)
        shift = np.zeros(wide.terms)
        chosen = [wide.exponents.index(pair) for pair in complete]
        shift[chosen] = _least_squares(wide.design(sight.easting, sight.northing)[:, chosen], target)
        return wide, shift
    if isinstance(basis, SplineBasis):
        polynomial = PolynomialBasis.full(sight.easting, sight.northing, degree)
        fitted = _least_squares(polynomial.design(sight.easting, sight.northing), target)
        at_nodes = polynomial.evaluate(fitted, *basis.nodes)
        return basis, basis.coefficients_of(at_nodes)
    raise InputError(
        "FID-1103",
        f"a surface of kind {basis.kind!r} cannot be switched to another frame",
        where=f"track {track}",
        fix="calibrate again with GNSS velocities in the wanted frame",
    )


def _widened(surface: CorrectionSurface, basis: Basis) -> CorrectionSurface:
    """Return the same surface on a basis that has further terms at its end."""
    added = basis.terms - surface.basis.terms
    if not added:
        return surface
    clusters = surface.clusters
    if clusters is not None:
        clusters = replace(clusters, cross_covariance=np.pad(clusters.cross_covariance, ((0, 0), (0, added))))
    return replace(
        surface,
        basis=basis,
        coefficients=np.pad(surface.coefficients, (0, added)),
        covariance=np.pad(surface.covariance, (0, added)),
        clusters=clusters,
    )


def _degree(sight: LineOfSightSamples) -> int:
    """Return the degree that the extent asks for, less where there are too few samples for it."""
    extent = max(float(np.ptp(sight.easting)), float(np.ptp(sight.northing)))
    degree = next(degree for limit, degree in _DEGREES if extent <= limit)
    while degree > 1 and len(sight.easting) < (degree + 1) * (degree + 2):
        degree -= 1
    return degree if len(sight.easting) >= 3 else 0


def _least_squares(design: Array, values: Array) -> Array:
    # Samples along a line leave directions open: the smallest coefficients are right there, not an error.
    scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
    solution = np.linalg.lstsq(design / scale, values, rcond=1e-10)[0]
    return np.asarray(solution / scale, dtype=np.float64)

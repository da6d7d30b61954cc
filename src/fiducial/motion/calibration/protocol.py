"""What every calibration recipe takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import ExponentialModel
from fiducial.geodesy.station_velocities import Rejection, StationVelocities
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]

PUBLISHED_VERTICAL_DISAGREEMENT_MM_PER_YR: Final = 0.5
"""Published European velocity fields differ by up to this in the vertical (medians of station differences,
stations.md 2.6). It belongs to the frame, not to one calibration: reported beside the sigma, never added to it."""


@dataclass(frozen=True)
class StationResiduals:
    """InSAR minus GNSS in LOS at the stations of one track.

    Attributes
    ----------
    names : ndarray of str, shape (sample,)
    easting, northing : ndarray, shape (sample,)
        Metres, in the CRS of the track.
    before_mm_per_yr, after_mm_per_yr : ndarray, shape (sample,)
        v - l.v_GNSS without and with the correction; NaN for stations without usable velocity.
    sigma_mm_per_yr : ndarray, shape (sample,)
        Predicted for ``after`` as if the station had not been used: station, InSAR noise and surface.
    used : ndarray of bool, shape (sample,)
        Whether the station itself took part in the fit.
    """

    names: NDArray[np.str_]
    easting: Array
    northing: Array
    before_mm_per_yr: Array
    after_mm_per_yr: Array
    sigma_mm_per_yr: Array
    used: NDArray[np.bool_]


@dataclass(frozen=True)
class TrackCalibration:
    """The calibration of one track.

    Attributes
    ----------
    surface : CorrectionSurface
    noise : ExponentialModel
        Covariance of what is left of v_InSAR - v_GNSS, mm/yr; part of the surface's sigma, not removed.
    stations : StationResiduals
    rejected : tuple of Rejection
    observations, degrees_of_freedom : int
        Of the fit of the surface.
    variance_factor : float
        Weighted sum of squares over the freedom with the a-priori weights; NaN without redundancy.
    notes : tuple of str
    local_up_sigma_mm_per_yr : float
        Vertical motion within ``noise`` that a station with its own up sees as well; 0 where a recipe cannot tell it
        from errors.
    """

    surface: CorrectionSurface
    noise: ExponentialModel
    stations: StationResiduals
    rejected: tuple[Rejection, ...]
    observations: int
    degrees_of_freedom: int
    variance_factor: float
    notes: tuple[str, ...]
    local_up_sigma_mm_per_yr: float = 0.0

    def noise_variance(self, sight_up: Array, own_up: NDArray[np.bool_]) -> Array:
        """Return `noise_variance` of the track at stations, shape (sample,)."""
        return noise_variance(self.noise, self.local_up_sigma_mm_per_yr, sight_up, own_up)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the coefficient file."""
        stations = self.stations
        return {
            "surface": self.surface.to_dict(),
            "noise": {
                "covariance": "exponential",
                "sigma_mm_per_yr": self.noise.sigma,
                "length_km": self.noise.length_km,
                "nugget_mm_per_yr": self.noise.nugget,
                "at_bounds": list(self.noise.at_bounds),
            },
            "stations": [
                {
                    "name": str(stations.names[i]),
                    "easting": float(stations.easting[i]),
                    "northing": float(stations.northing[i]),
                    "before_mm_per_yr": _plain(stations.before_mm_per_yr[i]),
                    "after_mm_per_yr": _plain(stations.after_mm_per_yr[i]),
                    "sigma_mm_per_yr": _plain(stations.sigma_mm_per_yr[i]),
                    "used": bool(stations.used[i]),
                }
                for i in range(len(stations.names))
            ],
            "rejected": [{"name": r.name, "reason": r.reason} for r in self.rejected],
            "observations": self.observations,
            "degrees_of_freedom": self.degrees_of_freedom,
            "variance_factor": _plain(self.variance_factor),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class CalibrationResult:
    """What a recipe found.

    Attributes
    ----------
    recipe : str
    frame : str
        Frame that calibrated velocities refer to: that of the GNSS table.
    gnss_source : str
    tracks : tuple of TrackCalibration
    rejected : tuple of Rejection
        Stations that the velocity field did not use.
    notes : tuple of str
    hyper_parameters : mapping
        Plain values of what the recipe assumed or estimated for all tracks together; empty where there are none.
    """

    recipe: str
    frame: str
    gnss_source: str
    tracks: tuple[TrackCalibration, ...]
    rejected: tuple[Rejection, ...]
    notes: tuple[str, ...]
    hyper_parameters: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _by_name(self) -> dict[str, TrackCalibration]:
        return {track.surface.track: track for track in reversed(self.tracks)}

    def track(self, name: str) -> TrackCalibration:
        """Return the calibration of a track.

        Raises
        ------
        InputError
            FID-1069 when the track was not part of the calibration.
        """
        if name in self._by_name:
            return self._by_name[name]
        raise InputError(
            "FID-1069",
            f"track {name!r} is not part of this calibration",
            where=f"recipe {self.recipe}",
            fix="calibrate it; this one holds " + ", ".join(track.surface.track for track in self.tracks),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the coefficient file."""
        return {
            "recipe": self.recipe,
            "frame": self.frame,
            "gnss_source": self.gnss_source,
            "sign": "calibrated velocity = v - S; calibrated displacement = d(t) - S (t - t0)",
            "published_vertical_disagreement_mm_per_yr": PUBLISHED_VERTICAL_DISAGREEMENT_MM_PER_YR,
            "tracks": [track.to_dict() for track in self.tracks],
            "rejected": [{"name": r.name, "reason": r.reason} for r in self.rejected],
            "notes": list(self.notes),
            "hyper_parameters": dict(self.hyper_parameters),
        }


def noise_variance(
    noise: ExponentialModel, local_up_sigma_mm_per_yr: float, sight_up: Array, own_up: NDArray[np.bool_]
) -> Array:
    """Return the variance of calibrated InSAR about a station, surface and station left out.

    Parameters
    ----------
    noise : ExponentialModel
        Of what is left of v_InSAR - v_GNSS, mm/yr.
    local_up_sigma_mm_per_yr : float
        Vertical motion within ``noise``.
    sight_up : ndarray, shape (sample,)
        Up component of the line of sight.
    own_up : ndarray of bool, shape (sample,)
        Stations that measure their own up see that motion as well: there it is no part of the difference.

    Returns
    -------
    ndarray, shape (sample,)
        (mm/yr)^2.
    """
    total = noise.sigma**2 + noise.nugget**2
    shared = np.where(own_up, (sight_up * local_up_sigma_mm_per_yr) ** 2, 0.0)
    # Sigma of the noise holds the mean over the track: nothing may become negative at its rim.
    return np.asarray(np.maximum(total - shared, 0.1 * total), dtype=np.float64)


class Recipe(Protocol):
    """A way to tie tracks to a GNSS field. All tracks come at once, so that a recipe may adjust them jointly."""

    @property
    def name(self) -> str:
        """Name in the registry."""
        ...

    def fit(
        self, tracks: Sequence[TrackObservations], stations: StationVelocities, field: VelocityField
    ) -> CalibrationResult:
        """Find the correction surface of every track.

        Parameters
        ----------
        tracks : sequence of TrackObservations
            Their samples belong to ``stations``, row by row.
        stations : StationVelocities
        field : VelocityField
            Fitted to (a part of) ``stations``; same frame.

        Returns
        -------
        CalibrationResult
            One entry a track, in the order given.
        """
        ...

    def fixed(self, result: CalibrationResult) -> Recipe:
        """Return the recipe with its hyper-parameters fixed to those found in a result.

        Parameters
        ----------
        result : CalibrationResult
            Of this recipe, with all stations: hold-outs then need not estimate the hyper-parameters again.

        Returns
        -------
        Recipe
            Itself where there are none. Of a track that is not in the result they are estimated as before.
        """
        ...


def _plain(value: float) -> float | None:
    """JSON knows no NaN."""
    return float(value) if np.isfinite(value) else None

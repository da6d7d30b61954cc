"""What the weekly combination of station coordinates says of each analysis centre: frame, Earth rotation, stations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Value = TypeVar("Value")

_GPS_START: Final = np.datetime64("1980-01-06", "D")

CentreDay = tuple[str, int]
"""Centre in capital letters and day of the week, 0 (Sunday) to 6."""


@dataclass(frozen=True, slots=True)
class SummaryCentre:
    """A solution of the combination: name in capital letters, pattern of its files, and whether it had weight."""

    name: str
    file: str
    weighted: bool


@dataclass(frozen=True, slots=True, eq=False)
class FrameTransformation:
    """Seven-parameter transformation of a centre's daily stations to the frame.

    Attributes
    ----------
    translation_m : ndarray, shape (3,)
    scale : float
        Unitless, NaN where not given.
    rotation_rad : ndarray, shape (3,)
        As printed. With R = [[0, -Rz, Ry], [Rz, 0, -Rx], [-Ry, Rx, 0]] (position-vector signs) coordinates of the
        centre go to the frame by x' = x + T + D x + R x.
    rms_enu_m : ndarray, shape (3,)
        RMS of the residuals of stations: east, north, up; NaN where not given.
    """

    translation_m: Array
    scale: float
    rotation_rad: Array
    rms_enu_m: Array


@dataclass(frozen=True, slots=True, eq=False)
class GlobalResiduals:
    """Residuals of Earth rotation, geocentre and scale, centre minus combination; NaN where not given.

    Attributes
    ----------
    x_pole_rad, y_pole_rad : float
    x_pole_rate_rad_per_s, y_pole_rate_rad_per_s : float
    length_of_day_s : float
    geocentre_m : ndarray, shape (3,)
        x y z; NaN for a series without geocentre (IERS Bulletin A).
    scale : float
        Unitless; NaN for a series without scale.
    """

    x_pole_rad: float
    y_pole_rad: float
    x_pole_rate_rad_per_s: float
    y_pole_rate_rad_per_s: float
    length_of_day_s: float
    geocentre_m: Array
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class StationStatistics:
    """Agreement of a centre's daily station positions with the combination.

    Attributes
    ----------
    stations, frame_stations, core_stations : int
        Stations after rejection, of them usable stations of the frame, of them core stations of the alignment.
    sqrt_variance_factor : float
        NaN where not estimated.
    wrms_enu_m : ndarray, shape (3,)
        WRMS of residuals: east, north, up; NaN where not given (the combination itself).
    median_sigma_enu_m : ndarray, shape (3,)
        Median formal error of station positions; NaN where not given.
    """

    stations: int
    frame_stations: int
    core_stations: int
    sqrt_variance_factor: float
    wrms_enu_m: Array
    median_sigma_enu_m: Array


@dataclass(frozen=True, slots=True)
class Rejection:
    """Stations of a centre that the combiner rejected by hand on a day."""

    centre: str
    day: int
    stations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StationOutlier:
    """A station position rejected as an outlier, with its residual east, north, up before rejection."""

    centre: str
    day: int
    station: str
    residual_enu_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class MetadataError:
    """A receiver, antenna or orientation that differs between a centre's solution and the site log."""

    centre: str
    station: str
    kind: str
    from_centre: str
    from_log: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class FrameSummary:
    """Summary of the weekly IGS combination of daily station coordinates.

    Attributes
    ----------
    week : int
        GPS week.
    frame : str
        Frame of the transformations, as the file names it (``IGSR3``).
    centres : tuple of SummaryCentre
    transformations : mapping of (centre, day) to FrameTransformation
        Includes ``IGS``, the combination itself.
    residuals : mapping of (centre, day) to GlobalResiduals
        Includes ``BUA``, IERS Bulletin A.
    statistics : mapping of (centre, day) to StationStatistics
    rejections, outliers, metadata_errors : tuple
    stations_without_log : tuple of str
        Stations for which no site log was found.
    missing_stations : tuple of str
        IGS stations with data that no centre processed.
    findings : tuple of str
        What was repaired or not understood on reading.
    """

    week: int
    frame: str
    centres: tuple[SummaryCentre, ...]
    transformations: Mapping[CentreDay, FrameTransformation]
    residuals: Mapping[CentreDay, GlobalResiduals]
    statistics: Mapping[CentreDay, StationStatistics]
    rejections: tuple[Rejection, ...] = ()
    outliers: tuple[StationOutlier, ...] = ()
    stations_without_log: tuple[str, ...] = ()
    metadata_errors: tuple[MetadataError, ...] = ()
    missing_stations: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def first_day(self) -> np.datetime64:
        """Sunday of the week, GPS time, datetime64[D]."""
        day: np.datetime64 = _GPS_START + np.timedelta64(7 * self.week, "D")
        return day

    def day_of_week(self, date: np.datetime64) -> int | None:
        """Return 0 (Sunday) to 6 for an epoch in GPS time, or None when it lies outside the week."""
        if np.isnat(date):
            return None
        day = int((date.astype("datetime64[D]") - self.first_day).astype(int))
        return day if 0 <= day <= 6 else None

    def transformation(self, centre: str, date: np.datetime64) -> FrameTransformation | None:
        """Return the transformation of a centre on the day of an epoch in GPS time.

        None when the summary does not hold the centre on that day, or the day is not of its week.
        """
        return _entry(self.transformations, centre, self.day_of_week(date))

    def rotation_rad(self, centre: str, date: np.datetime64) -> Array | None:
        """Return rotations centre to frame, shape (3,), position-vector signs; None as in :meth:`transformation`."""
        found = self.transformation(centre, date)
        return None if found is None else found.rotation_rad

    def translation_m(self, centre: str, date: np.datetime64) -> Array | None:
        """Return the translation centre to frame, shape (3,); None as in :meth:`transformation`."""
        found = self.transformation(centre, date)
        return None if found is None else found.translation_m

    def scale(self, centre: str, date: np.datetime64) -> float | None:
        """Return the scale difference centre to frame, unitless; None as in :meth:`transformation`."""
        found = self.transformation(centre, date)
        return None if found is None else found.scale

    def erp_residuals(self, centre: str, date: np.datetime64) -> GlobalResiduals | None:
        """Return residuals of Earth rotation of a centre; None as in :meth:`transformation`."""
        return _entry(self.residuals, centre, self.day_of_week(date))

    def station_statistics(self, centre: str, date: np.datetime64) -> StationStatistics | None:
        """Return the station statistics of a centre; None as in :meth:`transformation`."""
        return _entry(self.statistics, centre, self.day_of_week(date))


def _entry(entries: Mapping[CentreDay, Value], centre: str, day: int | None) -> Value | None:
    return None if day is None else entries.get((centre.upper(), day))

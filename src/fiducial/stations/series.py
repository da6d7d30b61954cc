"""The series of positions of one station."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import JULIAN_YEAR_DAYS
from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes

Float64 = NDArray[np.float64]
Epochs = NDArray[np.datetime64]

COMPONENTS: Final = ("east", "north", "up")
_PAIRS: Final = ((0, 1), (0, 2), (1, 2))
_J2000: Final = np.datetime64("2000-01-01T12:00:00", "ns")
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True)
class SeriesEvent:
    """What happened at a station, and when.

    Attributes
    ----------
    epoch : datetime64[ns]
        In the time scale of the series. The step acts on this epoch and later ones.
    kind : str
        ``equipment``, ``earthquake``, ``detected``, ``processing`` or another word of the source.
    description : str
    is_step : bool
        Whether the position may jump. False for notes.
    """

    epoch: np.datetime64
    kind: str
    description: str = ""
    is_step: bool = True


def _unknown_position() -> Float64:
    return np.full(3, np.nan)


@dataclass(frozen=True)
class StationSeries:
    """Displacements of one station from a reference position.

    Attributes
    ----------
    station : str
    epochs : ndarray of datetime64[ns], shape (epoch,)
        Strictly increasing, in ``time_scale``. Daily solutions carry the epoch that their file names.
    time_scale : str
        ``GPS``, ``UTC`` or another name; never converted.
    displacement_m : ndarray, shape (epoch, 3)
        East, north, up, or X, Y, Z, as ``axes`` says; m. NaN where missing.
    sigma_m : ndarray, shape (epoch, 3)
        Published standard deviations, m; NaN where unknown.
    correlation : ndarray, shape (epoch, 3)
        Of first and second, first and third, second and third component; NaN where unknown.
    axes : {"enu", "xyz"}
    reference_xyz_m : ndarray, shape (3,)
        Geocentric position that displacements count from; NaN where unknown.
    reference_epoch : datetime64[ns]
        NaT where unknown.
    frame : str or None
        Name as the source or the caller states it. None is unknown; it is never guessed.
    events : tuple of SeriesEvent
    filtered : bool
        A common mode was removed: for display and screening only, never for rates.
    source : str
    findings : tuple of str
        What the reader repaired or found odd.

    Raises
    ------
    InputError
        FID-1330 when arrays do not fit together or epochs are not strictly increasing.
    """

    station: str
    epochs: Epochs
    time_scale: str
    displacement_m: Float64
    sigma_m: Float64
    correlation: Float64
    axes: Literal["enu", "xyz"] = "enu"
    reference_xyz_m: Float64 = field(default_factory=_unknown_position)
    reference_epoch: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "ns"))
    frame: str | None = None
    events: tuple[SeriesEvent, ...] = ()
    filtered: bool = False
    source: str = ""
    findings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.epochs)
        shapes = {array.shape for array in (self.displacement_m, self.sigma_m, self.correlation)}
        if self.epochs.ndim != 1 or shapes != {(count, 3)} or self.reference_xyz_m.shape != (3,):
            raise self._faulty("epochs (epoch,) and displacement, sigma and correlation (epoch, 3) do not fit",
                               "give one row of three components an epoch")  # fmt: skip
        if not np.issubdtype(self.epochs.dtype, np.datetime64) or np.isnat(self.epochs).any():
            raise self._faulty("an epoch is missing", "give datetime64 epochs without NaT")
        if np.any(np.diff(self.epochs) <= np.timedelta64(0, "ns")):
            raise self._faulty("epochs are not strictly increasing", "sort the series, with one row an epoch")
        if self.axes not in {"enu", "xyz"} or np.isinf(self.displacement_m).any() or np.any(self.sigma_m < 0.0):
            raise self._faulty("axes are neither enu nor xyz, a value is infinite, or a sigma negative",
                               "mark unknown values as NaN")  # fmt: skip

    def _faulty(self, problem: str, fix: str) -> InputError:
        return InputError("FID-1330", problem, where=f"series of {self.station}", fix=fix)

    @property
    def size(self) -> int:
        """Number of epochs."""
        return len(self.epochs)

    @property
    def years(self) -> Float64:
        """Epochs as Julian years (365.25 d) since J2000.0 of the time scale, shape (epoch,)."""
        return julian_years(self.epochs)

    @property
    def step_epochs(self) -> Epochs:
        """Epochs at which the position may jump, sorted, each once."""
        steps = [event.epoch for event in self.events if event.is_step]
        return np.unique(np.array(steps, dtype="datetime64[ns]"))

    def select(self, keep: NDArray[np.bool_]) -> StationSeries:
        """Return the series at the epochs of a mask, shape (epoch,)."""
        return replace(self, epochs=self.epochs[keep], displacement_m=self.displacement_m[keep],
                       sigma_m=self.sigma_m[keep], correlation=self.correlation[keep])  # fmt: skip

    def with_events(self, events: tuple[SeriesEvent, ...]) -> StationSeries:
        """Return the series with more events, in order of time."""
        return replace(self, events=tuple(sorted((*self.events, *events), key=lambda event: event.epoch)))


def julian_years(epochs: Epochs) -> Float64:
    """Return Julian years of 365.25 d since J2000.0, in the time scale of the epochs.

    Examples
    --------
    >>> julian_years(np.array(["2000-12-31T18:00"], dtype="datetime64[ns]"))
    array([1.])
    """
    return np.asarray((np.asarray(epochs) - _J2000) / _DAY / JULIAN_YEAR_DAYS, dtype=np.float64)


def to_enu(series: StationSeries) -> StationSeries:
    """Turn X, Y, Z displacements into east, north, up at the reference position.

    Parameters
    ----------
    series : StationSeries
        One with axes ``enu`` is returned as it is.

    Raises
    ------
    InputError
        FID-1330 when the reference position is unknown.

    Notes
    -----
    Sigmas and correlations are turned as covariances; where a correlation is unknown, so are those of the result and
    its sigmas, because they depend on it.
    """
    if series.axes == "enu":
        return series
    if not np.isfinite(series.reference_xyz_m).all():
        raise InputError("FID-1330", "X, Y, Z cannot be turned into east, north, up without a reference position",
                         where=f"series of {series.station}", fix="give the reference position")  # fmt: skip
    longitude, latitude, _ = geodetic_from_geocentric(series.reference_xyz_m)
    axes = local_axes(longitude, latitude).reshape(3, 3)
    turned = axes @ covariances_m2(series) @ axes.T
    sigma = np.sqrt(np.maximum(np.diagonal(turned, axis1=1, axis2=2), 0.0))
    correlation = np.column_stack([turned[:, a, b] for a, b in _PAIRS])
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation /= np.column_stack([sigma[:, a] * sigma[:, b] for a, b in _PAIRS])
    return replace(series, axes="enu", displacement_m=series.displacement_m @ axes.T, sigma_m=sigma,
                   correlation=correlation)  # fmt: skip


def covariances_m2(series: StationSeries) -> Float64:
    """Return the published covariances of all epochs, shape (epoch, 3, 3), m^2; NaN where unknown."""
    covariance = np.einsum("ea,eb->eab", series.sigma_m, series.sigma_m)
    for number, (a, b) in enumerate(_PAIRS):
        covariance[:, a, b] *= series.correlation[:, number]
        covariance[:, b, a] *= series.correlation[:, number]
    return np.asarray(covariance, dtype=np.float64)


def require_rates_allowed(series: StationSeries) -> None:
    """Refuse a filtered series.

    Raises
    ------
    InputError
        FID-1333: the common mode of a region holds a part of its motion.
    """
    if series.filtered:
        raise InputError("FID-1333", "a common mode was removed from this series, and with it regional motion",
                         where=f"series of {series.station}", fix="estimate rates from the series as published")  # fmt: skip

"""Rotation of tectonic plates from station velocities: Euler poles by robust weighted least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import local_axes
from fiducial.geodesy.least_squares import LinearFit, weighted_fit
from fiducial.geodesy.robust import robust_fit

Array = NDArray[np.float64]

_MAS_TO_DEG_PER_MYR: Final = 1e6 / 3.6e6
_WORST_CONDITION: Final = 1e4
"""Of the scaled normal matrix; above it, stations within some 100 km, the pole is that of one point's motion."""
_EARTH_MM: Final = 6.371e9


@dataclass(frozen=True, slots=True, eq=False)
class PlateRotation:
    """Rotation of one plate.

    Attributes
    ----------
    plate : str
    rotation_mas_per_yr : ndarray, shape (3,)
        Rotation vector along X, Y, Z: V = rotation x X (+ origin rate).
    covariance : ndarray, shape (3, 3)
        (mas/yr)^2.
    pole_longitude_deg, pole_latitude_deg, rate_deg_per_myr : float
        The Euler pole, geocentric, about which the plate turns anticlockwise seen from above; the rate is positive.
    pole_covariance : ndarray, shape (3, 3)
        Of longitude [deg], latitude [deg], rate [deg/Myr].
    """

    plate: str
    rotation_mas_per_yr: Array
    covariance: Array
    pole_longitude_deg: float
    pole_latitude_deg: float
    rate_deg_per_myr: float
    pole_covariance: Array


@dataclass(frozen=True, slots=True, eq=False)
class PlateFit:
    """Rotations of plates, estimated together.

    Attributes
    ----------
    plates : tuple of PlateRotation
        In the order of their first station.
    origin_rate_mm_per_yr : ndarray, shape (3,), or None
        Translation rate common to all plates, V = rotation x X + origin rate; None when it was not estimated.
    covariance : ndarray, shape (parameter, parameter)
        Rotations of the plates [mas/yr], then the origin rate [mm/yr].
    residual_en_mm_per_yr : ndarray, shape (station, 2)
        East and north, observed minus modelled; NaN where the velocity is.
    used : ndarray of bool, shape (station, 2)
        False for components that are unknown or were rejected.
    rejected : tuple of str
        Station and component with its residual, a sentence each.
    variance_factor : float
        Weighted mean square of the residuals of used components.
    wrms_en_mm_per_yr : ndarray, shape (2,)
        East and north.
    degrees_of_freedom : int
    """

    plates: tuple[PlateRotation, ...]
    origin_rate_mm_per_yr: Array | None
    covariance: Array
    residual_en_mm_per_yr: Array
    used: NDArray[np.bool_]
    rejected: tuple[str, ...]
    variance_factor: float
    wrms_en_mm_per_yr: Array
    degrees_of_freedom: int


def estimate_rotations(
    position_m: ArrayLike,
    longitude_deg: ArrayLike,
    latitude_deg: ArrayLike,
    velocity_en_mm_per_yr: ArrayLike,
    *,
    sigma_en_mm_per_yr: ArrayLike | None = None,
    plates: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    origin_rate: bool = False,
    robust: bool = True,
    reject_at: float = 5.0,
) -> PlateFit:
    """Estimate rotation vectors of plates from horizontal velocities.

    Parameters
    ----------
    position_m : array_like, shape (station, 3)
        Geocentric.
    longitude_deg, latitude_deg : array_like, shape (station,)
        Geodetic.
    velocity_en_mm_per_yr : array_like, shape (station, 2)
        East and north in an ITRF; a component that is NaN is left out.
    sigma_en_mm_per_yr : array_like, shape (station, 2), optional
        Standard deviations; equal when left out.
    plates : sequence of str, optional
        Plate of each station; one plate when left out.
    names : sequence of str, optional
        Station names for what is rejected.
    origin_rate : bool
        Also estimate a translation rate common to all plates (the "origin rate bias" of ITRF2020). It takes several
        plates, or one that covers much of the Earth, to separate it from the rotations.
    robust : bool
        Huber's estimator with rejection beyond ``reject_at`` robust sigmas; False is plain weighted least squares.
    reject_at : float

    Returns
    -------
    PlateFit
        The covariance is that of the estimator, scaled by the variance factor: velocities of neighbouring stations are
        correlated, so true errors are larger.

    Raises
    ------
    InputError
        FID-1314 arrays that do not fit, sigmas that are not positive.
    NumericsError
        FID-3120 the stations do not determine the parameters (fewer than two, or too close together).

    Notes
    -----
    e . (w x X) = w . (X x e), and the same with n: two rows a station. Up is left out, as in Altamimi et al. (2017,
    2023): plates rotate, but stations rise and sink for other reasons.
    """
    data = _Data.of(position_m, longitude_deg, latitude_deg, velocity_en_mm_per_yr, sigma_en_mm_per_yr)
    labels = ["the plate"] * len(data.position) if plates is None else list(plates)
    named = [f"station {k + 1}" for k in range(len(data.position))] if names is None else list(names)
    if len(labels) != len(data.position) or len(named) != len(data.position):
        raise _misfit(f"{len(labels)} plates and {len(named)} names for {len(data.position)} stations")
    order = list(dict.fromkeys(labels))
    design = _design(data, [order.index(label) for label in labels], len(order), origin_rate=origin_rate)
    fit = _solve(design, data, order, robust=robust, reject_at=reject_at)
    covariance = fit.covariance(_variances(data, fit))
    residual = np.full(data.known.size, np.nan)
    residual[data.known.ravel()] = fit.residuals
    used = np.zeros(data.known.size, dtype=bool)
    used[data.known.ravel()] = fit.weights > 0
    table, kept = residual.reshape(-1, 2), used.reshape(-1, 2)
    rotations = tuple(
        _rotation(plate, fit.estimate[3 * k : 3 * k + 3], covariance[3 * k : 3 * k + 3, 3 * k : 3 * k + 3])
        for k, plate in enumerate(order)
    )
    return PlateFit(
        plates=rotations,
        origin_rate_mm_per_yr=fit.estimate[3 * len(order) :] if origin_rate else None,
        covariance=covariance,
        residual_en_mm_per_yr=table,
        used=kept,
        rejected=tuple(
            f"{named[i]}: {'east' if j == 0 else 'north'} {table[i, j]:+.2f} mm/yr off the rotation of {labels[i]}"
            for i, j in zip(*np.nonzero(data.known & ~kept), strict=True)
        ),
        variance_factor=_variance_factor(data, fit),
        wrms_en_mm_per_yr=_wrms(table, kept, data.weight),
        degrees_of_freedom=int(kept.sum()) - design.shape[1],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    position: Array
    axes: Array
    velocity: Array
    weight: Array
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, position_m: ArrayLike, longitude: ArrayLike, latitude: ArrayLike, velocity: ArrayLike,
           sigma: ArrayLike | None) -> _Data:  # fmt: skip
        position = np.asarray(position_m, dtype=np.float64)
        observed = np.asarray(velocity, dtype=np.float64)
        spread = np.ones_like(observed) if sigma is None else np.asarray(sigma, dtype=np.float64)
        axes = local_axes(longitude, latitude)
        stations = position.shape[0] if position.ndim == 2 else -1
        fits = position.shape == (stations, 3) and axes.shape == (stations, 3, 3) and observed.shape == (stations, 2)
        if not fits or spread.shape != observed.shape:
            raise _misfit(f"positions {position.shape}, local axes {axes.shape}, velocities {observed.shape}, sigmas "
                          f"{spread.shape}")  # fmt: skip
        known = np.isfinite(observed)
        if not (np.isfinite(spread[known]) & (spread[known] > 0)).all():
            raise _misfit("a sigma of a known velocity is not above zero")
        if not np.isfinite(position).all() or not np.isfinite(axes).all():
            raise _misfit("a position is unknown")
        return cls(position, axes[:, :2], observed, np.where(known, 1.0 / spread**2, 0.0), known)


def _design(data: _Data, member: Sequence[int], plates: int, *, origin_rate: bool) -> Array:
    """Rows east, north of each station; only those of known components."""
    position_mm = 1e3 * data.position[:, np.newaxis, :]
    lever = np.cross(np.broadcast_to(position_mm, data.axes.shape), data.axes) * MILLIARCSECOND_RAD
    design = np.zeros((len(data.position), 2, 3 * plates + (3 if origin_rate else 0)))
    for k, plate in enumerate(member):
        design[k, :, 3 * plate : 3 * plate + 3] = lever[k]
    if origin_rate:
        design[:, :, 3 * plates :] = data.axes
    return np.asarray(design[data.known], dtype=np.float64)


def _solve(design: Array, data: _Data, order: Sequence[str], *, robust: bool, reject_at: float) -> LinearFit:
    weight, observed = data.weight[data.known], data.velocity[data.known]
    # Rotations in mas/yr move stations by 31 mm/yr, an origin rate of 1 mm/yr by 1: made alike before the condition.
    unit = np.ones(design.shape[1])
    unit[: 3 * len(order)] = _EARTH_MM * MILLIARCSECOND_RAD
    singular = np.linalg.svd(design / unit, compute_uv=False) if design.size else np.zeros(1)
    if len(design) < design.shape[1] or singular[-1] * np.sqrt(_WORST_CONDITION) < singular[0]:
        raise NumericsError("FID-3120", f"{len(data.position)} stations do not determine the rotation of "
                            f"{', '.join(order) or 'a plate'}" + (" and an origin rate" if design.shape[1] > 3 * len(order)
                            else ""), where="plate rotation", fix="give stations that are spread over the plate, more "
                            "plates, or leave the origin rate out")  # fmt: skip
    return robust_fit(design, observed, weight, reject_at=reject_at) if robust else weighted_fit(
        design, observed, weight)  # fmt: skip


def _variance_factor(data: _Data, fit: LinearFit) -> float:
    """Weighted mean square of the residuals that were not rejected, by the weights given."""
    kept = fit.weights > 0
    freedom = int(kept.sum()) - len(fit.estimate)
    squares = float(np.sum((data.weight[data.known] * fit.residuals**2)[kept]))
    return squares / freedom if freedom > 0 else float("nan")


def _variances(data: _Data, fit: LinearFit) -> Array:
    factor = _variance_factor(data, fit)
    return np.asarray((factor if np.isfinite(factor) else 1.0) / data.weight[data.known], dtype=np.float64)


def _wrms(residual: Array, used: NDArray[np.bool_], weight: Array) -> Array:
    active = np.where(used, weight, 0.0)
    total = active.sum(axis=0)
    squares = np.sum(active * np.where(used, residual, 0.0) ** 2, axis=0)
    return np.asarray(np.sqrt(np.divide(squares, total, out=np.full(2, np.nan), where=total > 0)), dtype=np.float64)


def _rotation(plate: str, vector: Array, covariance: Array) -> PlateRotation:
    longitude, latitude, rate, pole_covariance = euler_pole(vector, covariance)
    return PlateRotation(plate, vector, covariance, longitude, latitude, rate, pole_covariance)


def euler_pole(rotation_mas_per_yr: ArrayLike, covariance: ArrayLike | None = None
               ) -> tuple[float, float, float, Array]:  # fmt: skip
    """Return longitude [deg], geocentric latitude [deg] and rate [deg/Myr] of a rotation vector, with their covariance.

    Parameters
    ----------
    rotation_mas_per_yr : array_like, shape (3,)
    covariance : array_like, shape (3, 3), optional
        (mas/yr)^2; the covariance returned is NaN without it, and for a pole of the Earth's axis.

    Examples
    --------
    >>> longitude, latitude, rate, _ = euler_pole([-0.085, -0.531, 0.770])
    >>> round(longitude, 2), round(latitude, 2), round(rate, 3)
    (-99.09, 55.07, 0.261)
    """
    x, y, z = np.asarray(rotation_mas_per_yr, dtype=np.float64)
    across, length = np.hypot(x, y), np.sqrt(x * x + y * y + z * z)
    longitude, latitude = np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arctan2(z, across))
    spread = np.full((3, 3), np.nan)
    if covariance is not None and across > 0:
        partials = np.array([
            np.rad2deg([-y / across**2, x / across**2, 0.0]),
            np.rad2deg([-x * z / (across * length**2), -y * z / (across * length**2), across / length**2]),
            _MAS_TO_DEG_PER_MYR * np.array([x, y, z]) / length,
        ])  # fmt: skip
        spread = partials @ np.asarray(covariance, dtype=np.float64) @ partials.T
    return float(longitude), float(latitude), float(length * _MAS_TO_DEG_PER_MYR), spread


def _misfit(problem: str) -> InputError:
    return InputError("FID-1314", problem, where="station velocities", fix="give arrays of the documented shapes")

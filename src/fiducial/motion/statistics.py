"""Statistics of displacement series: every EGMS field by its formula, and our own consistent velocity.

The EGMS fields (:func:`egms_statistics`) answer "is this file what it claims"; they repeat the document's
conventions, good or bad: white noise, three different models, standard deviations without degrees of freedom.
:func:`consistent_velocity` answers "how fast does this point move, and how sure are we": one model, and a sigma
that knows that noise of neighbouring dates is correlated.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.constants import EGMS_YEAR_DAYS, SENTINEL1_WAVELENGTH_MM
from fiducial.errors import InputError, NumericsError
from fiducial.geodesy import coloured_noise
from fiducial.timescales import Epochs, egms_years

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

MINIMUM_EPOCHS_RMSE: Final = 7
"""One more than the parameters of the fit; with as many the residual would be 0, not unknown."""

MINIMUM_EPOCHS_CONSISTENT: Final = 14
"""Four parameters and ten degrees of freedom, below which a noise model cannot be told from the data."""

_ORACLE_CHUNK: Final = 2048
_VELOCITY_CHUNK: Final = 4096
_PRIOR_SAMPLE: Final = 20_000
# The smallest singular value of a design with columns of unit length, and of a point's share of it.
_SEPARABLE: Final = 1e-6
_SEPARABLE_POINT: Final = 1e-10

# The compiled kernel uses every core already, and not every threading layer of numba may be entered twice.
_KERNEL_LOCK: Final = threading.Lock()


@dataclass(frozen=True)
class SeriesStatistics:
    """The EGMS statistics of points, by their documented names.

    Every array has shape (point,); NaN where a point has too few epochs or they cannot separate the terms.

    Attributes
    ----------
    mean_velocity, mean_velocity_std : ndarray of float64
        mm per year of 365 days, in the direction of the series (towards the satellite, up, east).
    acceleration, acceleration_std : ndarray of float64
        mm/yr^2.
    seasonality, seasonality_std : ndarray of float64
        Amplitude of the annual term, mm.
    rmse : ndarray of float64
        Root mean square of the residuals of the full model, mm.
    temporal_coherence : ndarray of float64
        0..1, of the wrapped residual of the velocity fit's line; NaN without a wavelength.
    n_epochs : ndarray of int32
        Valid epochs of the point.
    """

    mean_velocity: Float64
    mean_velocity_std: Float64
    acceleration: Float64
    acceleration_std: Float64
    seasonality: Float64
    seasonality_std: Float64
    rmse: Float64
    temporal_coherence: Float64
    n_epochs: NDArray[np.int32]


@dataclass(frozen=True)
class ConsistentVelocity:
    """Velocities with sigmas that know coloured noise.

    Every array has shape (point,) unless said; NaN where a point has fewer than 14 valid epochs or they cannot
    separate trend and season.

    Attributes
    ----------
    velocity_mm_per_yr, sigma_mm_per_yr : ndarray of float64
        mm per year of 365 days, as in every EGMS field, so that both velocities of a point compare; a Julian
        year gives values 0.07 % larger.
    white_sigma_mm : ndarray of float64
        Standard deviation of the white part of the noise, mm.
    flicker_amplitude_mm_per_yr_quarter : ndarray of float64
        Amplitude of the coloured part, mm / yr^(-kappa/4): for flicker noise (kappa = -1) mm/yr^0.25 in the
        sense of Williams (2003), years of 365 days.
    flicker_share : ndarray of float64
        Posterior mean of the coloured part's share of the residual variance, 0..1.
    log_likelihood_gain : ndarray of float64
        Largest restricted log-likelihood over the shares minus that of white noise alone; about 2 and more
        speaks against white noise.
    degrees_of_freedom : ndarray of int32
        Valid epochs minus four.
    spectral_index : float
        kappa of the coloured part, power proportional to frequency^kappa.
    shares, share_prior : ndarray of float64, shape (share,)
        The grid of shares and the weights that all points gave it; hand ``share_prior`` on when the next
        points of the same burst must be treated alike.
    """

    velocity_mm_per_yr: Float64
    sigma_mm_per_yr: Float64
    white_sigma_mm: Float64
    flicker_amplitude_mm_per_yr_quarter: Float64
    flicker_share: Float64
    log_likelihood_gain: Float64
    degrees_of_freedom: NDArray[np.int32]
    spectral_index: float
    shares: Float64
    share_prior: Float64


def egms_statistics(
    displacement_mm: ArrayLike, epochs: Epochs, *, wavelength_mm: float | None = SENTINEL1_WAVELENGTH_MM
) -> SeriesStatistics:
    """Compute every EGMS statistic of displacement series by its documented formula.

    Parameters
    ----------
    displacement_mm : array_like of float32, shape (epoch, point)
        Displacement in mm, NaN where missing; each point uses its own valid epochs. Read without a copy when
        it is float32 and C-contiguous.
    epochs : ndarray of datetime64, shape (epoch,)
        Scene dates in UTC, strictly increasing.
    wavelength_mm : float or None
        Radar wavelength. None for series that are no line of sight (Ortho East and Up): coherence is NaN.

    Returns
    -------
    SeriesStatistics
        Fewer valid epochs than 5 (velocity, coherence), 6 (acceleration) or 7 (rmse, seasonality) give NaN.

    Raises
    ------
    InputError
        FID-1050 shapes, FID-1051 epochs not increasing, FID-1052 infinite displacement, FID-1053 wavelength.
    NumericsError
        FID-3000 fewer than 7 epochs, FID-3002 epochs that cannot separate the terms of the model.

    Notes
    -----
    EGMS-D6-PDD v3.0 (2025), pseudo-code of Table 5. t = days since the first epoch / 365 and
    G1 = [t 1 cos sin], G2 = [t^2/2 G1], G3 = [t^3 t^2 t 1 cos sin] with cos, sin of 2 pi t;
    mean_velocity and acceleration are the first parameters of G1 and G2, their std
    sqrt((G'G)^-1_11) std(r) with ddof 0; rmse and seasonality = hypot(c_cos, c_sin) belong to G3, with
    seasonality_std = sqrt((4 - pi)/2 (iG_cos + iG_sin)/2) rmse;
    temporal_coherence = |mean exp(4 pi j/wavelength (d - c_t t - c_0))| with the line of G1 alone.
    The kernel agrees with :func:`egms_statistics_reference` to 1e-6 mm where the epochs separate the terms of
    the model, and to 5e-5 in coherence, whose phases are float32.
    """
    series, years = _checked(displacement_mm, epochs, wavelength_mm)
    # numba costs a second to import, which only those who compute should pay.
    from fiducial.motion import statistics_kernel as kernel  # noqa: PLC0415

    design = _nested_design(years)
    orthonormal, triangle = np.linalg.qr(design)
    padding = ((0, -years.size % kernel.GROUP), (0, 0))
    padded = np.ascontiguousarray(np.pad(orthonormal, padding).T)
    lower = np.tril_indices(6)
    inverse = np.linalg.inv(triangle)
    out = np.empty((9, series.shape[1]))
    state = np.empty(series.shape[1], dtype=np.int8)
    cycles_per_mm: Any = np.float32(2.0 / (wavelength_mm or np.inf))
    with _KERNEL_LOCK:
        kernel.run(
            series,
            np.pad(design, padding)[:, 3].astype(np.float32),
            padded,
            padded[lower[0]] * padded[lower[1]],
            inverse[1:3].ravel(),
            np.array([inverse[3, 3], inverse[4, 4]]),
            cycles_per_mm,
            out,
            state,
        )
    _refuse_infinite(np.flatnonzero(state == kernel.INFINITE))
    if wavelength_mm is None:
        out[7] = np.nan
    doubtful = np.flatnonzero(state == kernel.ILL_CONDITIONED)
    if doubtful.size:
        out[:, doubtful] = _reference_rows(series[:, doubtful], years, wavelength_mm)
    return _as_statistics(out)


def egms_statistics_reference(
    displacement_mm: ArrayLike, epochs: Epochs, *, wavelength_mm: float | None = SENTINEL1_WAVELENGTH_MM
) -> SeriesStatistics:
    """Compute the same as :func:`egms_statistics` by plain NumPy: the oracle of the tests.

    Parameters, results, errors and formulas are those of :func:`egms_statistics`. Three separate fits by batched
    float64 normal equations; time is counted from the middle of the series, which changes none of the reported
    parameters (the highest power, the annual terms and their cofactors do not depend on the origin of time).
    """
    series, years = _checked(displacement_mm, epochs, wavelength_mm)
    _refuse_infinite(np.flatnonzero(np.isinf(series).any(axis=0)))
    return _as_statistics(_reference_rows(series, years, wavelength_mm))


def consistent_velocity(
    displacement_mm: ArrayLike,
    epochs: Epochs,
    *,
    spectral_index: float = -1.0,
    share_prior: ArrayLike | None = None,
) -> ConsistentVelocity:
    """Estimate velocities with sigmas under white plus coloured noise.

    Parameters
    ----------
    displacement_mm : array_like, shape (epoch, point)
        Displacement in mm, NaN where missing.
    epochs : ndarray of datetime64, shape (epoch,)
        Scene dates in UTC, strictly increasing; used to the day.
    spectral_index : float
        kappa of the coloured part, -2..0 without 0; -1 is flicker noise.
    share_prior : array_like, shape (share,), optional
        Weights of an earlier result. Without it they are learned from at most 20 000 of these points, evenly
        chosen, so a point's result then depends a little on its neighbours.

    Returns
    -------
    ConsistentVelocity
        Estimates averaged over the shares of coloured noise by their posterior weights.

    Raises
    ------
    InputError
        FID-1050 shapes, FID-1051 epochs, FID-1052 infinite displacement, FID-1054 epochs of one day,
        FID-1055 spectral index, FID-1056 prior.
    NumericsError
        FID-3001 fewer than 14 epochs, FID-3002 epochs that cannot separate trend and season.

    Notes
    -----
    Model d = c0 + v t + a cos 2 pi t + b sin 2 pi t + noise with covariance s^2 ((1 - f) I + f F): F by
    fractional differencing on the daily grid from the first epoch (Hosking 1981; Williams 2003; Bos et al.
    2008), restricted likelihood over a grid of shares f. See
    :func:`fiducial.geodesy.coloured_noise.shared_epoch_noise`. The most likely share alone would make sigmas
    of mixed noise 20 % too small (measured, 210 epochs in 5 years); averaging with weights learned from the
    points themselves keeps them within 5 %.

    A point with gaps is treated exactly: a missing date is a parameter of its own. Nothing is approximated or
    capped; the price is about 0.4 ms for each distinct pattern of gaps (3 % of 300 epochs), against 0.02 ms for
    a point without gaps.
    """
    series, years = _checked_series(displacement_mm, epochs)
    if years.size < MINIMUM_EPOCHS_CONSISTENT:
        raise NumericsError("FID-3001", f"{years.size} epochs are too few for a noise model", where="epochs",
                            fix=f"give at least {MINIMUM_EPOCHS_CONSISTENT} epochs")  # fmt: skip
    _refuse_infinite(np.flatnonzero(np.isinf(series).any(axis=0)))
    days = np.asarray(epochs).astype("datetime64[D]").astype(np.int64)
    noise = coloured_noise.shared_epoch_noise(
        _nested_design(years)[:, :4],
        coloured_noise.power_law_covariance(days, spectral_index, year_days=EGMS_YEAR_DAYS),
        parameter=3,
        minimum_degrees_of_freedom=MINIMUM_EPOCHS_CONSISTENT - 4,
    )
    points = series.shape[1]
    if share_prior is None:
        sample = np.unique(np.linspace(0, points - 1, min(points, _PRIOR_SAMPLE)).astype(np.int64))
        prior = coloured_noise.learn_share_prior(noise, series[:, sample])
    else:
        prior = coloured_noise.checked_share_prior(noise, share_prior)
    parts = [
        coloured_noise.estimate(noise, series[:, start : start + _VELOCITY_CHUNK], prior)
        for start in range(0, points, _VELOCITY_CHUNK)
    ] or [coloured_noise.estimate(noise, series, prior)]
    return ConsistentVelocity(
        velocity_mm_per_yr=np.concatenate([part.estimate for part in parts]),
        sigma_mm_per_yr=np.concatenate([part.sigma for part in parts]),
        white_sigma_mm=np.concatenate([part.white_sigma for part in parts]),
        flicker_amplitude_mm_per_yr_quarter=np.concatenate([part.coloured_amplitude for part in parts]),
        flicker_share=np.concatenate([part.share for part in parts]),
        log_likelihood_gain=np.concatenate([part.log_likelihood_gain for part in parts]),
        degrees_of_freedom=np.concatenate([part.degrees_of_freedom for part in parts]),
        spectral_index=float(spectral_index),
        shares=noise.shares,
        share_prior=prior,
    )


def _checked_series(displacement_mm: ArrayLike, epochs: Epochs) -> tuple[Float32, Float64]:
    series = np.ascontiguousarray(displacement_mm, dtype=np.float32)
    times = np.asarray(epochs)
    if series.ndim != 2 or times.shape != series.shape[:1]:
        raise InputError(
            "FID-1050",
            f"displacement of shape {series.shape} does not fit {times.shape} epochs",
            where="displacement_mm",
            fix="give displacement as [epoch, point] and one epoch for each of its rows",
        )
    if times.dtype.kind != "M" or np.isnat(times).any() or np.any(np.diff(times) <= np.timedelta64(0)):
        raise InputError("FID-1051", "epochs are not strictly increasing dates", where="epochs",
                         fix="sort the epochs and drop missing and double dates")  # fmt: skip
    return series, egms_years(times) if times.size else np.empty(0)


def _checked(displacement_mm: ArrayLike, epochs: Epochs, wavelength_mm: float | None) -> tuple[Float32, Float64]:
    series, years = _checked_series(displacement_mm, epochs)
    if wavelength_mm is not None and not 0.0 < wavelength_mm < np.inf:
        raise InputError("FID-1053", f"a wavelength of {wavelength_mm} mm does not exist", where="wavelength_mm",
                         fix="give the radar wavelength in mm, or None for East and Up")  # fmt: skip
    if years.size < MINIMUM_EPOCHS_RMSE:
        raise NumericsError("FID-3000", f"{years.size} epochs are too few for the EGMS statistics",
                            where="epochs", fix=f"give at least {MINIMUM_EPOCHS_RMSE} epochs")  # fmt: skip
    design = _nested_design(years)
    if np.linalg.svd(design / np.linalg.norm(design, axis=0), compute_uv=False)[-1] < _SEPARABLE:
        raise NumericsError(
            "FID-3002",
            "the epochs cannot separate trend, curvature and season",
            where=f"{years.size} epochs over {years[-1]:.2f} years",
            fix="give a longer series, with dates in different seasons",
        )
    return series, years


def _refuse_infinite(points: NDArray[np.intp]) -> None:
    if points.size:
        raise InputError("FID-1052", f"{points.size} points have infinite displacement",
                         where=f"point {points[0]}", fix="write missing displacement as NaN")  # fmt: skip


def _nested_design(years: Float64) -> Float64:
    """Columns 1, cos, sin, t, t^2/2, t^3 with t from the middle of the series; shape (epoch, 6)."""
    t = years - (years[0] + years[-1]) / 2.0
    angle = 2.0 * np.pi * years
    return np.column_stack([np.ones_like(t), np.cos(angle), np.sin(angle), t, t**2 / 2.0, t**3])


def _reference_rows(series: Float32, years: Float64, wavelength_mm: float | None) -> Float64:
    out = np.empty((9, series.shape[1]))
    design = _nested_design(years)
    for start in range(0, series.shape[1], _ORACLE_CHUNK):
        part = slice(start, start + _ORACLE_CHUNK)
        valid = np.isfinite(series[:, part])
        values = np.where(valid, series[:, part], 0.0).astype(np.float64)
        count = valid.sum(axis=0)
        line, line_cofactor, line_residual = _fit(design[:, :4], values, valid)
        bend, bend_cofactor, bend_residual = _fit(design[:, :5], values, valid)
        full, full_cofactor, full_residual = _fit(design, values, valid)
        with np.errstate(invalid="ignore", divide="ignore"):
            rmse = np.sqrt((full_residual**2).sum(axis=0) / count)
            out[0, part] = line[3]
            out[1, part] = np.sqrt(line_cofactor[3] * (line_residual**2).sum(axis=0) / count)
            out[2, part] = bend[4]
            out[3, part] = np.sqrt(bend_cofactor[4] * (bend_residual**2).sum(axis=0) / count)
            out[4, part] = np.hypot(full[1], full[2])
            out[5, part] = np.sqrt((4.0 - np.pi) / 2.0 * (full_cofactor[1] + full_cofactor[2]) / 2.0) * rmse
            out[6, part] = rmse
            phase = 4.0 * np.pi / (wavelength_mm or np.nan) * (values - line[3] * design[:, 3:4])
            out[7, part] = np.abs((np.exp(1j * phase) * valid).sum(axis=0)) / count
        out[8, part] = count
    return out


def _fit(design: Float64, values: Float64, valid: NDArray[np.bool_]) -> tuple[Float64, Float64, Float64]:
    """Least squares of every point on its own valid epochs.

    Returns parameters and diagonal cofactors, shape (parameter, point), and residuals, shape (epoch, point), zero
    at gaps; NaN for points whose epochs are no more than the parameters or do not determine them.
    """
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), size * size)
    normal = (valid.T.astype(np.float64) @ products).reshape(-1, size, size)
    scale = np.sqrt(np.maximum(np.diagonal(normal, axis1=1, axis2=2), np.finfo(np.float64).tiny))
    normal = normal / scale[:, :, None] / scale[:, None, :]
    bad = (valid.sum(axis=0) <= size) | (np.linalg.eigvalsh(normal)[:, 0] < _SEPARABLE_POINT)
    normal[bad] = np.eye(size)
    inverse = np.linalg.inv(normal) / scale[:, :, None] / scale[:, None, :]
    inverse[bad] = np.nan
    parameters = np.einsum("pij,pj->ip", inverse, values.T @ design)
    residuals = np.where(valid, values - design @ parameters, 0.0)
    residuals[:, bad] = np.nan
    return parameters, np.diagonal(inverse, axis1=1, axis2=2).T, residuals


def _as_statistics(rows: Float64) -> SeriesStatistics:
    (velocity, velocity_std, acceleration, acceleration_std, seasonality, seasonality_std, rmse, coherence) = rows[:8]
    return SeriesStatistics(
        velocity,
        velocity_std,
        acceleration,
        acceleration_std,
        seasonality,
        seasonality_std,
        rmse,
        coherence,
        rows[8].astype(np.int32),
    )

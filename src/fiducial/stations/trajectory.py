"""Fit of a trajectory model to a station series, with sigmas that know coloured noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.stations.outliers import RejectedEpoch, screen_outliers
from fiducial.stations.series import (
    COMPONENTS,
    Epochs,
    Float64,
    SeriesEvent,
    StationSeries,
    julian_years,
    require_rates_allowed,
    to_enu,
)
from fiducial.stations.series_noise import (
    NOISE_KINDS,
    GeneralisedFit,
    NoiseGrid,
    NoiseKind,
    NoiseModel,
    estimate_noise,
    fit_under_noise,
)
from fiducial.stations.trajectory_model import (
    RELAXATION_GRID_YEARS,
    YEAR_DAYS,
    TrajectoryModel,
    design_matrix,
    merged_steps,
)

AVERAGING_DAYS: Final = 7
_FEWEST_POINTS: Final = 60
_SEPARABLE: Final = 1e-6
_GRID_ZERO: Final = np.datetime64("1980-01-06", "ns")
_SWEEPS: Final = 4
_REDUNDANCY: Final = 10


@dataclass(frozen=True)
class Averages:
    """Medians of positions in equal intervals.

    Attributes
    ----------
    years : ndarray, shape (point,)
        Mean of the epochs of a median, Julian years since J2000.0.
    values_m : ndarray, shape (point, 3)
    grid : NoiseGrid
    """

    years: Float64
    values_m: Float64
    grid: NoiseGrid


@dataclass(frozen=True)
class Trajectory:
    """A fitted trajectory; components east, north, up.

    Attributes
    ----------
    model : TrajectoryModel
        As fitted, with the relaxation times found.
    names : tuple of str, length parameter
    estimate : ndarray, shape (3, parameter)
        m, m/yr; see ``trajectory_model.design_matrix``.
    covariance : ndarray, shape (3, parameter, parameter)
        Under the noise of each component.
    noise : tuple of NoiseModel
        Of averaged positions, one a component.
    reference_epoch : datetime64[ns]
        That position and powers refer to.
    epochs : ndarray of datetime64[ns], shape (epoch,)
        Positions used.
    residuals_m : ndarray, shape (epoch, 3)
        Observed minus modelled, of single positions.
    degrees_of_freedom : int
        Averaged positions minus parameters.
    variance_factor : ndarray, shape (3,)
        Mean of (residual / published sigma)^2 of single positions, with the freedom of the parameters; NaN where no
        sigma is published.
    weighted_square_sum : ndarray, shape (3,)
        r' C^-1 r of the averaged positions.
    rejected : tuple of RejectedEpoch
    remarks : tuple of str
    averaging_days : int
        Interval of the averaged positions, which the amplitude of the noise counts for.
    """

    model: TrajectoryModel
    names: tuple[str, ...]
    estimate: Float64
    covariance: Float64
    noise: tuple[NoiseModel, ...]
    reference_epoch: np.datetime64
    epochs: Epochs
    residuals_m: Float64
    degrees_of_freedom: int
    variance_factor: Float64
    weighted_square_sum: Float64
    rejected: tuple[RejectedEpoch, ...]
    remarks: tuple[str, ...]
    averaging_days: int = AVERAGING_DAYS

    @property
    def velocity_m_per_yr(self) -> Float64:
        """Velocity per Julian year at the reference epoch, shape (3,)."""
        return self.estimate[:, 1]

    @property
    def sigma_m_per_yr(self) -> Float64:
        """Standard deviation of the velocity, shape (3,)."""
        return np.asarray(np.sqrt(self.covariance[:, 1, 1]))

    def at(self, epochs: Epochs) -> Float64:
        """Return the modelled displacement at epochs, shape (epoch, 3), m."""
        origin = float(julian_years(np.array([self.reference_epoch]))[0])
        return design_matrix(self.model, julian_years(epochs), origin) @ self.estimate.T

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON: parameters in mm, rates in mm/yr."""
        sigma = np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))
        return {
            "reference_epoch": str(np.datetime_as_string(self.reference_epoch, "s")),
            "velocity_mm_per_yr": (1e3 * self.velocity_m_per_yr).tolist(),
            "sigma_mm_per_yr": (1e3 * self.sigma_m_per_yr).tolist(),
            "parameters": [
                {"name": name, "estimate_mm": (1e3 * self.estimate[:, k]).tolist(), "sigma_mm": (1e3 * sigma[:, k]).tolist()}
                for k, name in enumerate(self.names)
            ],
            "covariance_mm2": (1e6 * self.covariance).tolist(),
            "relaxation_years": [one.years for one in self.model.relaxations],
            "noise": {name: one.to_dict() for name, one in zip(COMPONENTS, self.noise, strict=True)},
            "averaging_days": self.averaging_days,
            "epochs": len(self.epochs),
            "degrees_of_freedom": self.degrees_of_freedom,
            "rms_mm": (1e3 * np.sqrt(np.mean(self.residuals_m**2, axis=0))).tolist(),
            "variance_factor": [None if np.isnan(one) else float(one) for one in self.variance_factor],
            "rejected": [{"epoch": str(np.datetime_as_string(one.epoch, "s")), "reason": one.reason}
                         for one in self.rejected],
            "remarks": list(self.remarks),
        }  # fmt: skip


def averages(series: StationSeries, steps: Epochs, *, days: int = AVERAGING_DAYS) -> Averages:
    """Return medians in intervals of some days, counted from the GPS epoch; whole series of fewer points stay as they are.

    Parameters
    ----------
    series : StationSeries
        Without missing positions.
    steps : ndarray of datetime64[ns], shape (step,)
        Of an interval with a step inside, only the side with more positions is used.
    days : int
        Seven: GPS weeks.

    Notes
    -----
    A series with fewer than 60 such intervals is taken by days.
    """
    if not series.size:
        return Averages(np.empty(0), np.empty((0, 3)), NoiseGrid(np.empty(0, dtype=np.int64), YEAR_DAYS / days))
    since = (series.epochs - _GRID_ZERO) / np.timedelta64(1, "D")
    index = np.floor(since / days).astype(np.int64)
    if np.unique(index).size < _FEWEST_POINTS and days > 1:
        return averages(series, steps, days=1)
    side = np.searchsorted(steps, series.epochs, side="right")
    starts = np.flatnonzero(np.r_[True, (np.diff(index) > 0) | (np.diff(side) > 0)])
    ends = np.r_[starts[1:], series.size]
    best: dict[int, tuple[int, int]] = {}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        held = best.get(int(index[start]))
        if held is None or end - start > held[1] - held[0]:
            best[int(index[start])] = (start, end)
    years = series.years
    bounds = [best[key] for key in sorted(best)]
    # A median is not that of the mean epoch while the station moves: a line is taken off and put back.
    line = np.column_stack([np.ones(series.size), years - years.mean()])
    slope = np.linalg.lstsq(line, series.displacement_m, rcond=None)[0][1]
    level = series.displacement_m - np.outer(years, slope)
    values = np.array([np.median(level[start:end], axis=0) for start, end in bounds]).reshape(-1, 3)
    middle = np.array([years[start:end].mean() for start, end in bounds])
    return Averages(middle, values + np.outer(middle, slope), NoiseGrid(np.array(sorted(best)), YEAR_DAYS / days))


def fit_trajectory(
    series: StationSeries,
    model: TrajectoryModel | None = None,
    *,
    noise: NoiseKind = "flicker",
    screen: bool = True,
    averaging_days: int = AVERAGING_DAYS,
) -> Trajectory:
    """Fit a trajectory model under white and power-law noise.

    Parameters
    ----------
    series : StationSeries
    model : TrajectoryModel, optional
        By default a velocity, annual and semi-annual motion, and the steps of the series.
    noise : {"flicker", "estimate", "white"}
        See ``series_noise.estimate_noise``.
    screen : bool
        Leave outliers out; see ``outliers.screen_outliers``.
    averaging_days : int
        Interval of the medians that are fitted: 7 for weeks, 1 for the daily positions themselves.

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        FID-1333 for a filtered series, FID-1334 for an unknown kind of noise.
    NumericsError
        FID-3141 when the series is too short for the model, or its dates cannot separate its parameters; FID-3142 for
        a series without noise.

    Notes
    -----
    Weekly medians or daily positions, on which noise (restricted maximum likelihood) and parameters (generalised least squares) are
    estimated; relaxation times by least squares on a grid, all components together.
    """
    require_rates_allowed(series)
    if noise not in NOISE_KINDS:
        raise InputError("FID-1334", f"unknown noise {noise!r}", where="noise", fix=f"one of {', '.join(NOISE_KINDS)}")
    wanted = model or TrajectoryModel(steps=series.step_epochs)
    used, rejected, fitted, remarks = prepared(to_enu(series), wanted, screen=screen)
    points = averages(used, fitted.steps, days=averaging_days)
    reference = _middle(used.epochs)
    origin = float(julian_years(np.array([reference]))[0])
    fitted = _with_relaxation_times(fitted, points, origin)
    design = design_matrix(fitted, points.years, origin)
    require_determined(design, fitted, series.station)
    models = estimate_noise(design, points.values_m, points.grid, noise)
    fits = [fit_under_noise(design, column, one, points.grid)
            for column, one in zip(points.values_m.T, models, strict=True)]  # fmt: skip
    found = _result(used, fitted, reference, models, fits, len(design), rejected, remarks)
    return replace(found, averaging_days=round(YEAR_DAYS / points.grid.per_year))


def _result(
    used: StationSeries,
    model: TrajectoryModel,
    reference: np.datetime64,
    models: Sequence[NoiseModel],
    fits: Sequence[GeneralisedFit],
    points: int,
    rejected: tuple[RejectedEpoch, ...],
    remarks: tuple[str, ...],
) -> Trajectory:
    origin = float(julian_years(np.array([reference]))[0])
    estimate = np.array([one.estimate for one in fits])
    residuals = used.displacement_m - design_matrix(model, used.years, origin) @ estimate.T
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(used.sigma_m > 0.0, (residuals / used.sigma_m) ** 2, np.nan)
    freedom = used.size - estimate.shape[1]
    unknown = np.isnan(squares).any(axis=0) | (freedom < 1)
    factor = np.where(unknown, np.nan, np.nan_to_num(squares).sum(axis=0) / max(freedom, 1))
    return Trajectory(
        model=model,
        names=model.names(),
        estimate=estimate,
        covariance=np.array([one.covariance for one in fits]),
        noise=tuple(models),
        reference_epoch=reference,
        epochs=used.epochs,
        residuals_m=residuals,
        degrees_of_freedom=points - estimate.shape[1],
        variance_factor=np.asarray(factor, dtype=np.float64),
        weighted_square_sum=np.array([one.square_sum for one in fits]),
        rejected=rejected,
        remarks=remarks,
    )


def prepared(
    series: StationSeries, model: TrajectoryModel, *, screen: bool
) -> tuple[StationSeries, tuple[RejectedEpoch, ...], TrajectoryModel, tuple[str, ...]]:
    """Return the positions to use, those left out, the model with steps that the positions can see, and remarks."""
    # The running median must stop at the steps of the model, whether or not the series names them.
    stepped = series.with_events(tuple(SeriesEvent(step, "step") for step in model.steps))
    rejected: tuple[RejectedEpoch, ...] = ()
    if screen and series.size:
        found = screen_outliers(stepped)
        used, rejected = series.select(found.keep), found.rejected
    else:
        used = series.select(np.asarray(np.isfinite(series.displacement_m).all(axis=1)))
    remarks = []
    steps = merged_steps(model.steps)
    if steps.size < np.unique(model.steps).size:
        remarks.append("steps closer than 15 days are modelled as one")
    visible, seen = _visible(steps, used)
    unseen = np.datetime_as_string(steps[~visible], "D")
    remarks += [f"step {step} has too few positions on one of its sides: left out" for step in unseen]
    rejected += tuple(RejectedEpoch(epoch, "too few positions between steps") for epoch in used.epochs[~seen])
    used = used.select(seen)
    kept = tuple(one for one in model.relaxations if used.size and used.epochs[0] < one.epoch < used.epochs[-1])
    if len(kept) < len(model.relaxations):
        remarks.append("relaxations that begin outside the series are left out")
    return used, rejected, model.with_steps(steps[visible]).with_relaxations(kept), tuple(remarks)


def _middle(epochs: Epochs) -> np.datetime64:
    """Return 0 h of the day in the middle of a series."""
    if not epochs.size:
        return _GRID_ZERO
    return np.datetime64((epochs[0] + (epochs[-1] - epochs[0]) // 2).astype("datetime64[D]"), "ns")


def _visible(steps: Epochs, used: StationSeries) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which steps have averages on both sides, and which positions lie where there are averages."""
    years = averages(used, steps).years
    place = np.searchsorted(years, julian_years(steps), side="left")
    visible = np.zeros(steps.size, dtype=bool)
    previous = 0
    for number, index in enumerate(place.tolist()):
        visible[number] = previous < index < years.size
        previous = index if visible[number] else previous
    count = np.diff(np.r_[0, place, years.size])
    return visible, np.asarray(count[np.searchsorted(steps, used.epochs, side="right")] > 0)


def require_determined(design: Float64, model: TrajectoryModel, station: str) -> None:
    """Refuse a model with more parameters than the points determine.

    Raises
    ------
    NumericsError
        FID-3141.
    """
    points, parameters = design.shape
    where = f"series of {station}"
    if points < parameters + _REDUNDANCY:
        raise NumericsError("FID-3141", f"{points} averaged positions are too few for {parameters} parameters", where=where,
                            fix="give a longer series, or a simpler model")  # fmt: skip
    norms = np.linalg.norm(design, axis=0)
    _, singular, rows = np.linalg.svd(design / np.where(norms > 0.0, norms, 1.0), full_matrices=False)
    if singular[-1] < _SEPARABLE or not norms.all():
        name = model.names()[int(np.argmax(np.abs(rows[-1])))]
        raise NumericsError("FID-3141", f"the dates cannot separate the parameters of the model; look at {name!r}",
                            where=where, fix="give a longer series, fewer steps, or a simpler model")  # fmt: skip


def _with_relaxation_times(model: TrajectoryModel, points: Averages, origin: float) -> TrajectoryModel:
    """Find unknown relaxation times by least squares, one after the other until none changes."""
    free = [number for number, one in enumerate(model.relaxations) if one.years is None]
    chosen = [one if one.years is not None else replace(one, years=1.0) for one in model.relaxations]
    for _ in range(_SWEEPS if free else 0):
        before = list(chosen)
        for number in free:
            costs = []
            for years in RELAXATION_GRID_YEARS:
                chosen[number] = replace(chosen[number], years=years)
                design = design_matrix(model.with_relaxations(tuple(chosen)), points.years, origin)
                fitted = design @ np.linalg.lstsq(design, points.values_m, rcond=None)[0]
                costs.append(float(((points.values_m - fitted) ** 2).sum()))
            chosen[number] = replace(chosen[number], years=RELAXATION_GRID_YEARS[int(np.argmin(costs))])
        if chosen == before:
            break
    return model.with_relaxations(tuple(chosen))

"""Detection of steps that no list names, with a likelihood ratio that knows flicker noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from fiducial.errors import InputError
from fiducial.geodesy.robust import robust_sigma
from fiducial.stations.outliers import window_medians
from fiducial.stations.series import Epochs, Float64, SeriesEvent, StationSeries, require_rates_allowed, to_enu
from fiducial.stations.series_noise import covariance, estimate_noise
from fiducial.stations.trajectory import Averages, averages, prepared, require_determined
from fiducial.stations.trajectory_model import MERGE_DAYS, YEAR_DAYS, TrajectoryModel, design_matrix

HALF_WINDOW_DAYS: Final = 60.0
SIGNIFICANT_AT: Final = 4.0
MOST_STEPS: Final = 20
_LEAST_IN_WINDOW: Final = 15
_PLACE_PENALTY: Final = 2.0
"""Times ln n: the place of a step is searched for, so that the best of many places must be worth more."""


@dataclass(frozen=True)
class StepCandidate:
    """A place where a step was tested.

    Attributes
    ----------
    epoch : datetime64[ns]
        First position after the step.
    scan : float
        Largest of the three differences of medians before and after, in robust standard deviations of that difference.
    bayes_gain : float
        Sum over the components of n ln(s0^2 / s1^2) - ln n; a step is accepted above 2 ln n.
    accepted : bool
    reason : str
    """

    epoch: np.datetime64
    scan: float
    bayes_gain: float
    accepted: bool
    reason: str


@dataclass(frozen=True)
class StepDetection:
    """Steps found beside the known ones.

    Attributes
    ----------
    steps : ndarray of datetime64[ns], shape (step,)
        Accepted, in order of time.
    candidates : tuple of StepCandidate
        All that were tested, in the order of testing, and those that the elimination took back.
    """

    steps: Epochs
    candidates: tuple[StepCandidate, ...]

    def events(self) -> tuple[SeriesEvent, ...]:
        """Return the accepted steps as events of kind ``detected``."""
        return tuple(SeriesEvent(step, "detected", "found by scan and likelihood ratio") for step in self.steps)

    def to_dict(self) -> list[dict[str, object]]:
        """Return plain values for JSON."""
        return [
            {
                "epoch": str(np.datetime_as_string(one.epoch, "s")),
                "scan_sigma": one.scan if np.isfinite(one.scan) else None,
                "bayes_gain": one.bayes_gain if np.isfinite(one.bayes_gain) else None,
                "accepted": one.accepted,
                "reason": one.reason,
            }
            for one in self.candidates
        ]


def detect_steps(
    series: StationSeries,
    model: TrajectoryModel | None = None,
    *,
    significant_at: float = SIGNIFICANT_AT,
    most_steps: int = MOST_STEPS,
) -> StepDetection:
    """Look for steps beside those of the model.

    Parameters
    ----------
    series : StationSeries
    model : TrajectoryModel, optional
        With the known steps; by default those of the series, a velocity and annual and semi-annual motion.
    significant_at : float
        Standard deviations that a difference of medians must exceed.
    most_steps : int
        Detection ends there.

    Returns
    -------
    StepDetection

    Raises
    ------
    InputError
        FID-1333 for a filtered series, FID-1334 for limits that are not positive.
    NumericsError
        FID-3141 when the series is too short for the model.

    Notes
    -----
    One step at a time: the difference of the medians of 60 days before and after, over its own robust scatter along the
    series; the place by least squares within that window; then the likelihood ratio under white and flicker noise,
    estimated without the step. At the end steps that no longer pass are taken back, the weakest first. White-noise
    tests find steps wherever flicker noise wanders.
    """
    require_rates_allowed(series)
    if not significant_at > 0.0 or most_steps < 0:
        raise InputError("FID-1334", "limits of the detection of steps must be positive", where="detect_steps",
                         fix="give a significance above 0 and a number of steps of 0 or more")  # fmt: skip
    wanted = model or TrajectoryModel(steps=series.step_epochs)
    used, _, known, _ = prepared(to_enu(series), wanted, screen=True)
    known = known.with_relaxations(tuple(replace(one, years=one.years or 1.0) for one in known.relaxations))
    found: list[np.datetime64] = []
    tested: list[StepCandidate] = []
    barred = np.zeros(used.size, dtype=bool)
    for step in known.steps:
        barred |= _near(used.epochs, step)
    while len(found) < most_steps:
        current = known.with_steps(np.sort(np.array([*known.steps, *found], dtype="datetime64[ns]")))
        candidate = _best_place(used, current, barred, significant_at)
        if candidate is None:
            break
        epoch, scan = candidate
        gain, limit = _gain(used, current, epoch)
        barred |= _near(used.epochs, epoch)
        accepted = gain > limit
        reason = f"gain {gain:.0f} {'above' if accepted else 'below'} {limit:.0f}"
        tested.append(StepCandidate(epoch, scan, gain, accepted, reason))
        if not accepted:
            continue
        found.append(epoch)
    kept, taken_back = _eliminated(used, known, found)
    return StepDetection(np.sort(np.array(kept, dtype="datetime64[ns]")), (*tested, *taken_back))


def _near(epochs: Epochs, step: np.datetime64) -> NDArray[np.bool_]:
    return np.asarray(np.abs((epochs - step) / np.timedelta64(1, "D")) < MERGE_DAYS)


def _origin(used: StationSeries) -> float:
    return float(0.5 * (used.years[0] + used.years[-1])) if used.size else 0.0


def _best_place(
    used: StationSeries, model: TrajectoryModel, barred: NDArray[np.bool_], significant_at: float
) -> tuple[np.datetime64, float] | None:
    """Return the epoch of the most significant difference of medians and its significance, or None."""
    design = design_matrix(model, used.years, _origin(used))
    require_determined(design, model, used.station)
    residuals = used.displacement_m - design @ np.linalg.lstsq(design, used.displacement_m, rcond=None)[0]
    days = used.years * YEAR_DAYS
    here = np.arange(used.size)
    # Counted from the last position before and the first after, so that steps inside gaps are seen.
    low = np.searchsorted(days, days[np.maximum(here - 1, 0)] - HALF_WINDOW_DAYS, side="left")
    high = np.searchsorted(days, days + HALF_WINDOW_DAYS, side="left")
    judged = ((here - low) >= _LEAST_IN_WINDOW) & ((high - here) >= _LEAST_IN_WINDOW)
    difference = window_medians(residuals, here, high) - window_medians(residuals, low, here)
    if not judged.any():
        return None
    scatter = np.array([robust_sigma(column[judged]) for column in difference.T])
    if not scatter.all():
        return None
    scan = np.where((judged & ~barred)[:, None], np.abs(difference) / scatter, 0.0).max(axis=1)
    place = int(np.argmax(scan))
    if not scan[place] > significant_at:
        return None
    inside = slice(int(low[place]), int(high[place]))
    return used.epochs[_split(residuals[inside], barred[inside]) + inside.start], float(scan[place])


def _split(residuals: Float64, barred: NDArray[np.bool_]) -> int:
    """Return where two means fit best: the first row of the second part."""
    count = len(residuals)
    before = np.arange(5, count - 4)
    after = count - before
    sums = np.cumsum(residuals, axis=0)
    first = sums[before - 1] / before[:, None]
    second = (sums[-1] - sums[before - 1]) / after[:, None]
    scale = np.maximum([robust_sigma(column) for column in np.diff(residuals, axis=0).T], np.finfo(np.float64).tiny)
    reduction = (((second - first) / scale) ** 2).sum(axis=1) * before * after / count
    return int(before[int(np.argmax(np.where(barred[before], -1.0, reduction)))])


def _gain(used: StationSeries, model: TrajectoryModel, epoch: np.datetime64) -> tuple[float, float]:
    """Return the gain of one more step and the limit it must exceed."""
    return _gain_of(
        used, model, model.with_steps(np.sort(np.r_[model.steps, np.array([epoch], dtype="datetime64[ns]")]))
    )


def _gain_of(used: StationSeries, without: TrajectoryModel, with_step: TrajectoryModel) -> tuple[float, float]:
    points = averages(used, with_step.steps)
    count = points.years.size
    limit = _PLACE_PENALTY * np.log(count)
    null, full = (design_matrix(model, points.years, _origin(used)) for model in (without, with_step))
    if np.linalg.matrix_rank(full) < full.shape[1]:
        return -np.inf, float(limit)
    gain = 0.0
    for before, after in _square_sums(points, null, full):
        gain += count * float(np.log(before / after)) - float(np.log(count))
    return gain, float(limit)


def _square_sums(points: Averages, null: Float64, full: Float64) -> list[tuple[float, float]]:
    """Return r' C^-1 r without and with the step, for every component, under the noise without it."""
    sums = []
    for values, noise in zip(
        points.values_m.T, estimate_noise(null, points.values_m, points.grid, "flicker"), strict=True
    ):
        factor = cho_factor(covariance(noise, points.grid), lower=True)
        solved = cho_solve(factor, np.column_stack([full, values]))
        cross, square = full.T @ solved, float(values @ solved[:, -1])
        columns = [k for k in range(full.shape[1]) if (full[:, k] == null.T[:, :]).all(axis=1).any()]
        pair = []
        for chosen in (columns, list(range(full.shape[1]))):
            normal, right = cross[np.ix_(chosen, chosen)], cross[chosen, -1]
            pair.append(square - float(right @ np.linalg.solve(normal, right)))
        sums.append((pair[0], pair[1]))
    return sums


def _eliminated(
    used: StationSeries, known: TrajectoryModel, found: list[np.datetime64]
) -> tuple[list[np.datetime64], list[StepCandidate]]:
    """Take back steps that no longer pass beside the others, the weakest first."""
    kept, taken_back = list(found), []
    while len(kept) > 1:
        full = known.with_steps(np.sort(np.array([*known.steps, *kept], dtype="datetime64[ns]")))
        gains = []
        for step in kept:
            gain, limit = _gain_of(used, full.with_steps(full.steps[full.steps != step]), full)
            gains.append((gain - limit, gain, step))
        surplus, gain, weakest = min(gains, key=lambda one: one[0])
        if surplus > 0.0:
            break
        kept.remove(weakest)
        taken_back.append(
            StepCandidate(weakest, float("nan"), gain, accepted=False, reason="not needed beside the others")
        )
    return kept, taken_back

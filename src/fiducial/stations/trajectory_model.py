"""The functional model of a station's motion (Bevis & Brown 2014): what moves it, as columns of a design matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from fiducial.errors import InputError
from fiducial.stations.series import Epochs, Float64, julian_years

YEAR_DAYS: Final = 365.25
DRACONITIC_DAYS: Final = 351.4
"""The Sun's return to the nodes of the GPS orbits (Ray et al. 2008)."""
SEASONAL: Final = (YEAR_DAYS, YEAR_DAYS / 2.0)
DRACONITIC: Final = (DRACONITIC_DAYS, DRACONITIC_DAYS / 2.0)
RELAXATION_GRID_YEARS: Final = tuple(float(value) for value in np.geomspace(0.01, 10.0, 25))
MERGE_DAYS: Final = 15.0
_LARGEST_DEGREE: Final = 4


@dataclass(frozen=True)
class Relaxation:
    """Motion after an earthquake.

    Attributes
    ----------
    epoch : datetime64[ns]
    kind : {"log", "exp"}
        log(1 + (t - t_e)/T) or 1 - exp(-(t - t_e)/T).
    years : float or None
        T; None is found on a grid of 0.01 to 10 years.
    """

    epoch: np.datetime64
    kind: Literal["log", "exp"]
    years: float | None = None


@dataclass(frozen=True)
class TrajectoryModel:
    """What may move a station.

    Attributes
    ----------
    degree : int
        Of the polynomial in time; 1 is a constant velocity, which degree 0 has not.
    steps : ndarray of datetime64[ns], shape (step,)
    periods_days : tuple of float
        Periods of harmonic motion.
    relaxations : tuple of Relaxation

    Raises
    ------
    InputError
        FID-1334 for a degree outside 1..4, a period or relaxation time that is not positive, or two equal periods.
    """

    degree: int = 1
    steps: Epochs = field(default_factory=lambda: np.empty(0, dtype="datetime64[ns]"))
    periods_days: tuple[float, ...] = SEASONAL
    relaxations: tuple[Relaxation, ...] = ()

    def __post_init__(self) -> None:
        times = [one.years for one in self.relaxations if one.years is not None]
        kinds = {one.kind for one in self.relaxations}
        positive = all(value > 0.0 for value in (*self.periods_days, *times))
        distinct = len(set(self.periods_days)) == len(self.periods_days)
        if not 1 <= self.degree <= _LARGEST_DEGREE or not positive or not distinct or not kinds <= {"log", "exp"}:
            raise InputError("FID-1334", "a trajectory model has a degree of 1 to 4, distinct positive periods, and "
                             "relaxations log or exp with a positive time", where="TrajectoryModel",
                             fix="leave the defaults, or give such numbers")  # fmt: skip

    def with_steps(self, steps: Epochs) -> TrajectoryModel:
        """Return the model with other steps."""
        return TrajectoryModel(self.degree, steps, self.periods_days, self.relaxations)

    def with_relaxations(self, relaxations: tuple[Relaxation, ...]) -> TrajectoryModel:
        """Return the model with other relaxations."""
        return TrajectoryModel(self.degree, self.steps, self.periods_days, relaxations)

    def names(self) -> tuple[str, ...]:
        """Return the names of the parameters, in the order of the columns of :func:`design_matrix`."""
        names = ["position", "velocity", *(f"power {n}" for n in range(2, self.degree + 1))]
        names += [f"step {_day(epoch)}" for epoch in self.steps]
        for period in self.periods_days:
            names += [f"cosine {period:g} d", f"sine {period:g} d"]
        return (*names, *(f"{one.kind} {_day(one.epoch)}" for one in self.relaxations))


def _day(epoch: np.datetime64) -> str:
    return str(np.datetime_as_string(epoch, "D"))


def design_matrix(model: TrajectoryModel, years: Float64, origin: float) -> Float64:
    """Return the design matrix of a model.

    Parameters
    ----------
    model : TrajectoryModel
        Its relaxation times known.
    years : ndarray, shape (epoch,)
        Julian years since J2000.0.
    origin : float
        Julian years since J2000.0 that powers count from. Phases count from J2000.0.

    Returns
    -------
    ndarray, shape (epoch, parameter)
        m per parameter: position [m], velocity [m/yr], powers [m/yr^n], steps, harmonics and relaxations [m].
    """
    elapsed = years - origin
    columns = [elapsed**power for power in range(model.degree + 1)]
    columns += [(years >= step).astype(np.float64) for step in julian_years(model.steps)]
    for period in model.periods_days:
        phase = 2.0 * np.pi * years * (YEAR_DAYS / period)
        columns += [np.cos(phase), np.sin(phase)]
    for one in model.relaxations:
        since = np.maximum(years - float(julian_years(np.array([one.epoch]))[0]), 0.0)
        scaled = since / (1.0 if one.years is None else one.years)
        columns.append(np.log1p(scaled) if one.kind == "log" else -np.expm1(-scaled))
    return np.column_stack(columns)


def merged_steps(steps: Epochs, *, within_days: float = MERGE_DAYS) -> Epochs:
    """Return steps sorted, where of steps closer than some days the first stands for all.

    Examples
    --------
    >>> merged_steps(np.array(["2010-01-20", "2010-01-10", "2011-01-01"], dtype="datetime64[ns]")).astype("M8[D]")
    array(['2010-01-10', '2011-01-01'], dtype='datetime64[D]')
    """
    kept: list[np.datetime64] = []
    for step in np.unique(np.asarray(steps, dtype="datetime64[ns]")):
        if not kept or (step - kept[-1]) / np.timedelta64(1, "D") >= within_days:
            kept.append(step)
    return np.array(kept, dtype="datetime64[ns]")

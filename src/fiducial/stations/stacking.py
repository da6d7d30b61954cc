"""Stacking of daily or weekly solutions into positions and velocities, with discontinuities and a datum of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fiducial.errors import InputError
from fiducial.stations.helmert_design import COORDINATES, ParameterKey
from fiducial.stations.stacking_model import (
    Array,
    Epoched,
    Segments,
    SiteName,
    Stack,
    StackedSolution,
    StackFrame,
    StackInput,
    StackOptions,
    positions_of,
    velocities_of,
)
from fiducial.stations.stacking_solver import Advance, Stacker
from fiducial.stations.systems import CentreSolution, DatumFreeSystem, datum_free

__all__ = [
    "Epoched", "Stack", "StackFrame", "StackInput", "StackOptions", "StackedSolution", "coordinates_alone",
    "one_segment", "positions_of", "stack_solutions", "stack_systems", "velocities_of",
]  # fmt: skip


def one_segment(code: str, point: str, epoch_yr: float) -> tuple[str, str]:
    """Return segment numbers of position and velocity of a station without discontinuities."""
    del code, point, epoch_yr
    return "1", "1"


def stack_systems(
    inputs: Sequence[StackInput],
    frame: StackFrame,
    options: StackOptions | None = None,
    *,
    advance: Advance | None = None,
) -> Stack:
    """Stack solutions of many epochs that are loaded one at a time, once a sweep.

    Parameters
    ----------
    inputs : sequence of StackInput
    frame : StackFrame
    options : StackOptions, optional
    advance : callable, optional
        Called after each system with the sweep, the number of the system, and how many there are.

    Raises
    ------
    InputError
        FID-1321 without a solution; FID-1322 when fewer than three core segments are left; FID-1324 when velocities are
        wanted of fewer than two epochs, or of less than the least span.
    NumericsError
        FID-3131, FID-3132 for a datum or a system that is singular.

    Notes
    -----
    x_s = X + (t_s - t_0) V + T_s + D_s X + R_s X (Altamimi et al. 2016, J. Geophys. Res. 121:6109, eq. 1), the seven
    parameters of every solution free: only the shape of each network counts. `StackedSolution.helmert` has the opposite
    sign, from solution to stack. Origin, scale, orientation and their rates
    come from 14 minimal constraints on the core, B' B / sigma2 on positions and on velocities; or with inner constraints,
    sum_s theta_s = 0 and sum_s (t_s - t_0) theta_s = 0 for translations and scale. Variance factors, one a solution, and
    rejections are iterated; the normal equations of the next sweep are summed while the residuals of this one are judged.
    """
    chosen = options or StackOptions()
    if not inputs:
        raise InputError("FID-1321", "no solution to stack", where="stacking", fix="give SINEX files of days or weeks")
    epochs = np.array([one.epoch_yr for one in inputs])
    span = float(np.ptp(epochs))
    if chosen.rates and span < chosen.least_span_yr:
        raise InputError(
            "FID-1324", f"{epochs.size} solutions over {span:.2f} years give no velocities", where="stacking",
            fix=f"give solutions over {chosen.least_span_yr:g} years and more, or ask for positions alone",
        )  # fmt: skip
    return Stacker(inputs, frame, chosen, advance).run()


def stack_solutions(
    solutions: Sequence[Epoched],
    reference_m: Mapping[SiteName, Array],
    reference_velocity_m_per_yr: Mapping[SiteName, Array],
    *,
    reference_epoch_yr: float,
    segments: Segments = one_segment,
    post_seismic_m: Callable[[str, str, float], Array] | None = None,
    options: StackOptions | None = None,
    equal_velocities: Sequence[tuple[SiteName, SiteName]] = (),
) -> Stack:
    """Stack solutions of many epochs that are in memory.

    Parameters
    ----------
    solutions : sequence of Epoched
    reference_m, reference_velocity_m_per_yr : mapping of site to ndarray, shape (3,)
        The frame: positions at ``reference_epoch_yr`` by position segment, velocities by velocity segment; they hold the
        datum and its rate.
    reference_epoch_yr : float
    segments : callable
        From code, point and epoch to the numbers of the position and velocity segment: a discontinuity of the position
        begins a new one of the former, one of the velocity of both.
    post_seismic_m : callable, optional
        From code, point and epoch to the geocentric post-seismic displacement, which is taken off.
    options : StackOptions, optional
    equal_velocities : sequence of pairs of site
        As in `StackFrame`.

    Raises
    ------
    InputError, NumericsError
        As `stack_systems`; FID-3130 for a covariance that is not positive definite.
    """
    numbers: dict[SiteName, str] = {}
    inputs = []
    for place, one in enumerate(solutions):
        solution = coordinates_alone(one.solution)
        keys, value = [], solution.value.copy()
        for row, key in enumerate(solution.keys):
            number, rate = segments(key.code, key.point, one.epoch_yr)
            keys.append(key._replace(solution=number))
            numbers[key.code, key.point, number] = rate
            if post_seismic_m is not None:
                value[row] -= post_seismic_m(key.code, key.point, one.epoch_yr)[COORDINATES[key.kind]]
        plain = CentreSolution(
            solution.name, tuple(keys), value, solution.covariance, solution.apriori, solution.apriori_covariance
        )
        inputs.append(_InMemory(f"{solution.name} {place + 1}", one.epoch_yr, datum_free(plain)))
    frame = StackFrame(
        epoch_yr=reference_epoch_yr, position_m=reference_m, velocity_m_per_yr=reference_velocity_m_per_yr,
        velocity_number=lambda site: numbers.get(site, "1"), equal_velocities=equal_velocities,
    )  # fmt: skip
    return stack_systems(inputs, frame, options)


def coordinates_alone(solution: CentreSolution) -> CentreSolution:
    """Return the coordinates of a solution; its other parameters stay estimated, which is eliminating them."""
    rows = np.array([row for row, key in enumerate(solution.keys) if key.kind in COORDINATES], dtype=np.intp)
    part = np.ix_(rows, rows)
    return CentreSolution(
        solution.name, tuple(solution.keys[row] for row in rows), solution.value[rows], solution.covariance[part],
        None if solution.apriori is None else solution.apriori[rows],
        None if solution.apriori_covariance is None else solution.apriori_covariance[part],
    )  # fmt: skip


@dataclass(slots=True)
class _InMemory:
    name: str
    epoch_yr: float
    system: DatumFreeSystem

    @property
    def keys(self) -> tuple[ParameterKey, ...]:
        return self.system.keys

    def load(self) -> DatumFreeSystem:
        return self.system

    def keep(self, system: DatumFreeSystem) -> None:
        self.system = system

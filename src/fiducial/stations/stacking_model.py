"""What a stack of station solutions is told, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fiducial.stations.combination_model import StationRejection, require_limits
from fiducial.stations.helmert_design import ParameterKey, coordinate_rows
from fiducial.stations.systems import CentreSolution, DatumFreeSystem

Array = NDArray[np.float64]
SiteName = tuple[str, str, str]
Segments = Callable[[str, str, float], tuple[str, str]]

VELOCITY: Final = {"STAX": "VELX", "STAY": "VELY", "STAZ": "VELZ"}
POSITION: Final = {velocity: position for position, velocity in VELOCITY.items()}


@dataclass(frozen=True, slots=True)
class Epoched:
    """A solution of a day or week.

    Attributes
    ----------
    epoch_yr : float
        Decimal year.
    solution : CentreSolution
        Coordinates; other parameters are left to their own combination.
    """

    epoch_yr: float
    solution: CentreSolution


class StackInput(Protocol):
    """A solution of the stack, kept wherever there is room.

    Attributes
    ----------
    name : str
    epoch_yr : float
        Decimal year.
    keys : tuple of ParameterKey
        Coordinates alone; the solution number is that of the position segment.
    """

    @property
    def name(self) -> str:
        """Name of the solution."""
        ...

    @property
    def epoch_yr(self) -> float:
        """Its epoch."""
        ...

    @property
    def keys(self) -> tuple[ParameterKey, ...]:
        """Its coordinates."""
        ...

    def load(self) -> DatumFreeSystem:
        """Return its system."""
        ...

    def keep(self, system: DatumFreeSystem) -> None:
        """Take a system with fewer sites in its place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """Options of a stack.

    Attributes
    ----------
    rates : bool
        Estimate velocities; without, those of the reference hold and what it lacks stands still.
    datum : {"core", "inner"}
        ``inner``: origin and scale are such that the translations and scales of the solutions have zero mean and slope;
        orientation and its rate still come from the core.
    datum_sigma_m : float
        How tightly the datum is held, at the reference epoch and a year later.
    residual_limit_m : float
        A station of a solution with a larger residual in East, North or Up is rejected ...
    normalised_limit : float
        ... or with one above this many standard deviations.
    core_limit_m, core_velocity_limit_m_per_yr : float
        A core segment that departs from its reference by more in East, North or Up is no core segment.
    core_span_yr : float
        Segments with shorter data hold no datum; half of the span of all solutions when that is less.
    least_span_yr : float
        Segments with shorter data give no velocity.
    equal_velocity_sigma_m_per_yr : float
        How tightly velocities that are to be equal are.
    variance_tolerance : float
        Variance factors are iterated until they change by less than this part.
    sweeps : int
        Most iterations without a rejection.

    Raises
    ------
    InputError
        FID-1375 for a limit that is not a positive number.
    """

    rates: bool = True
    datum: Literal["core", "inner"] = "core"
    datum_sigma_m: float = 1e-4
    residual_limit_m: float = 0.02
    normalised_limit: float = 5.0
    core_limit_m: float = 0.02
    core_velocity_limit_m_per_yr: float = 0.005
    core_span_yr: float = 2.0
    least_span_yr: float = 0.5
    equal_velocity_sigma_m_per_yr: float = 1e-5
    variance_tolerance: float = 1e-3
    sweeps: int = 20

    def __post_init__(self) -> None:
        require_limits(self, or_zero=("core_span_yr", "least_span_yr"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFrame:
    """What a stack is held to, and how its stations move.

    Attributes
    ----------
    epoch_yr : float
        Reference epoch of positions.
    position_m, velocity_m_per_yr : mapping of site to ndarray, shape (3,)
        Of the reference, by position segment and by velocity segment.
    core : collection of site, optional
        Position segments that may hold the datum; all of the reference by default.
    velocity_number : callable
        From a position segment to the number of its velocity segment.
    equal_velocities : sequence of pairs of site
        Velocity segments of co-located sites that are to move alike.
    """

    epoch_yr: float
    position_m: Mapping[SiteName, Array]
    velocity_m_per_yr: Mapping[SiteName, Array]
    core: Sequence[SiteName] | None = None
    velocity_number: Callable[[SiteName], str] = field(default=lambda _: "1")
    equal_velocities: Sequence[tuple[SiteName, SiteName]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StackedSolution:
    """What the stack says of one solution.

    Attributes
    ----------
    name : str
    epoch_yr : float
    stations, core_stations : int
    helmert : ndarray, shape (7,)
        From the solution to the stack: T [m], D, R [rad], position-vector signs.
    helmert_sigma : ndarray, shape (7,)
    variance_factor : float
        Covariances of the solution were multiplied by it.
    redundancy : float
    wrms_enu_m, rms_enu_m : ndarray, shape (3,)
        Residuals, solution after Helmert minus stack; NaN where nothing else sees its stations.
    datum_sigma_m : ndarray, shape (7,)
        How well the solution itself knew its frame.
    """

    name: str
    epoch_yr: float
    stations: int
    core_stations: int
    helmert: Array
    helmert_sigma: Array
    variance_factor: float
    redundancy: float
    wrms_enu_m: Array
    rms_enu_m: Array
    datum_sigma_m: Array


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Positions at a reference epoch and velocities.

    Attributes
    ----------
    reference_epoch_yr : float
    keys : tuple of ParameterKey
        STAX ... and VELX ... of each segment of each station; the solution number is that of the segment.
    value : ndarray, shape (parameter,)
        Metres and metres per year.
    covariance : ndarray, shape (parameter, parameter)
        Scaled by the variance factors.
    solutions : tuple of StackedSolution
    core : tuple of site
        Position segments that hold the datum.
    rejections : tuple of StationRejection
        ``centre`` is the name of the solution.
    left_out : dict of site to str
        Segments without coordinates, and why.
    spans_yr : dict of site to (first, last)
        Epochs of the data of each position segment.
    converged : bool
    """

    reference_epoch_yr: float
    keys: tuple[ParameterKey, ...]
    value: Array
    covariance: Array
    solutions: tuple[StackedSolution, ...]
    core: tuple[SiteName, ...]
    rejections: tuple[StationRejection, ...]
    left_out: dict[SiteName, str]
    spans_yr: dict[SiteName, tuple[float, float]]
    converged: bool

    @property
    def helmert(self) -> Array:
        """Parameters of every solution, shape (solution, 7)."""
        return np.array([one.helmert for one in self.solutions])

    @property
    def variance_factor(self) -> Array:
        """Shape (solution,)."""
        return np.array([one.variance_factor for one in self.solutions])


def positions_of(stack: Stack) -> tuple[tuple[SiteName, ...], Array, Array]:
    """Return the position segments of a stack, their coordinates [m] and covariances (segment, 3, 3)."""
    rows = coordinate_rows(stack.keys)
    sites = tuple(stack.keys[row[0]].site for row in rows)
    return sites, stack.value[rows], stack.covariance[rows[:, :, None], rows[:, None, :]]


def velocities_of(stack: Stack) -> tuple[tuple[SiteName, ...], Array, Array]:
    """Return the velocity segments of a stack, their velocities [m/yr] and covariances (segment, 3, 3)."""
    keys = [as_position(key) if key.kind in POSITION else ParameterKey("") for key in stack.keys]
    rows = coordinate_rows(keys)
    sites = tuple(stack.keys[row[0]].site for row in rows)
    return sites, stack.value[rows], stack.covariance[rows[:, :, None], rows[:, None, :]]


def as_position(key: ParameterKey) -> ParameterKey:
    """Return the coordinate that a velocity is the rate of."""
    return key._replace(kind=POSITION[key.kind])

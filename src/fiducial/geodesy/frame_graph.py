"""Positions, velocities and covariances from any terrestrial reference frame to any other, at a stated epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import InputError
from fiducial.geodesy.epochs import require_epochs
from fiducial.geodesy.frame_covariances import (
    Covariances,
    StepJacobian,
    apply_jacobian,
    parameter_part,
    require_covariance,
)
from fiducial.geodesy.frame_parameters import EARLIER_OPERATIONS, OPERATIONS, FrameOperation
from fiducial.geodesy.frames import Frame, parse_frame

Array = NDArray[np.float64]

_UNITS: Final = np.array([1e-3] * 3 + [1e-9] + [MILLIARCSECOND_RAD] * 3)
"""mm, ppb, mas to m, 1, rad; the order of parameters is Tx Ty Tz, D, Rx Ry Rz everywhere."""


@dataclass(frozen=True, slots=True)
class FrameStep:
    """One published operation, as it stands or turned round.

    Attributes
    ----------
    operation : FrameOperation
    inverse : bool
        True from the operation's target to its source.
    """

    operation: FrameOperation
    inverse: bool

    @property
    def source(self) -> str:
        """Frame that the step starts from."""
        return self.operation.target if self.inverse else self.operation.source

    @property
    def target(self) -> str:
        """Frame that the step leads to."""
        return self.operation.source if self.inverse else self.operation.target

    @property
    def label(self) -> str:
        """``EPSG:10586`` or ``EPSG:9991 inverted``."""
        return f"EPSG:{self.operation.epsg}" + (" inverted" if self.inverse else "")


@dataclass(frozen=True, slots=True, eq=False)
class FrameCoordinates:
    """Stations in a terrestrial reference frame at an epoch.

    Attributes
    ----------
    frame : str
        Name that `parse_frame` knows; a plate is no frame of positions.
    epoch_yr : ndarray, shape (point,)
        Decimal year that each position holds at; a number stands for all points.
    position_m : ndarray, shape (point, 3)
        Geocentric X, Y, Z.
    velocity_m_per_yr : ndarray, shape (point, 3), optional
    position_covariance_m2, velocity_covariance_m2_per_yr2, cross_covariance_m2_per_yr : ndarray, optional
        Shape (point, 3, 3), points uncorrelated, or (3 point, 3 point), ordered X Y Z of the first point and so on; all
        that are given have one shape. The cross covariance has positions in its rows, velocities in its columns.

    Raises
    ------
    InputError
        FID-1004 unknown frame; FID-1310 no epoch; FID-1311 no decimal year; FID-1314 shapes that do not fit.
    NumericsError
        FID-3121 a covariance that is not finite or not symmetric, or has a negative variance.
    """

    frame: str
    epoch_yr: Array
    position_m: Array
    velocity_m_per_yr: Array | None = None
    position_covariance_m2: Array | None = None
    velocity_covariance_m2_per_yr2: Array | None = None
    cross_covariance_m2_per_yr: Array | None = None

    def __post_init__(self) -> None:
        position = _triples(self.position_m, "positions")
        object.__setattr__(self, "position_m", position)
        object.__setattr__(self, "frame", _frame_of_positions(self.frame).name)
        object.__setattr__(self, "epoch_yr", require_epochs(self.epoch_yr, len(position)))
        if self.velocity_m_per_yr is not None:
            velocity = _triples(self.velocity_m_per_yr, "velocities")
            if velocity.shape != position.shape:
                raise _misfit(f"{len(velocity)} velocities for {len(position)} positions")
            object.__setattr__(self, "velocity_m_per_yr", velocity)
        self._check_covariances()

    def _check_covariances(self) -> None:
        given = {name: value for name in _COVARIANCES if (value := getattr(self, name)) is not None}
        allowed = ((len(self.position_m), 3, 3), (3 * len(self.position_m),) * 2)
        found = {np.shape(value) for value in given.values()}
        if len(found) > 1 or found - set(allowed):
            shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in given.items())
            raise _misfit(f"covariances must have one shape, {allowed[0]} or {allowed[1]}; there are {shapes}")
        if len(given) == len(_COVARIANCES) - 1 and "cross_covariance_m2_per_yr" in given:
            raise _misfit("a cross covariance needs the covariances of positions and of velocities")
        if self.velocity_m_per_yr is None and set(given) - {"position_covariance_m2"}:
            raise _misfit("a covariance of velocities, but no velocities")
        for name, value in given.items():
            object.__setattr__(self, name, np.asarray(value, dtype=np.float64))
            require_covariance(getattr(self, name), name, symmetric=name != "cross_covariance_m2_per_yr")


_COVARIANCES: Final = ("position_covariance_m2", "velocity_covariance_m2_per_yr2", "cross_covariance_m2_per_yr")


def transform_coordinates(
    coordinates: FrameCoordinates,
    target: Frame | str,
    *,
    parameter_covariances: Mapping[int, ArrayLike] | None = None,
) -> FrameCoordinates:
    """Transform positions, and velocities and covariances if there are any, to another frame at their epoch.

    Parameters
    ----------
    coordinates : FrameCoordinates
    target : Frame or str
        ITRF, ETRF or IGS realisation.
    parameter_covariances : mapping of int to array_like, shape (14, 14), optional
        Covariances of the parameters by EPSG code, at the epoch of the operation: Tx Ty Tz [mm], D [ppb], Rx Ry Rz
        [mas], then their rates per year. Without it the parameters count as exact.

    Returns
    -------
    FrameCoordinates
        Same epochs; nothing is propagated in time.

    Raises
    ------
    InputError
        FID-1004, FID-1318; FID-1314 for a parameter covariance of another shape.

    Notes
    -----
    Position-vector signs (IERS Conventions 2010, eq. 4.3; EPSG method 1053), P(t) = P + P' (t - epoch):

    - forward: X2 = X1 + T(t) + D(t) X1 + R(t) X1;  V2 = V1 + T' + D' X1 + R' X1;
    - inverse: the exact solution X1 of that equation (not the formula with turned signs, which is up to 3e-7 m away
      between ITRF and ETRF), and V1 = V2 - T' - D' X1 - R' X1: there and back again is the identity within 1e-9 m.

    The published formula for velocities leaves out D V1 + R V1, 5e-6 mm/yr at most. Ways of several operations agree
    with the direct one to 5e-8 m from 1995 to 2030 (products of rotations), because the published parameters close
    exactly. Covariances are propagated with the Jacobians of these formulas.

    Examples
    --------
    >>> station = FrameCoordinates("ITRF2020", 2010.0, [[4027893.6750, 307045.9069, 4919475.1721]])
    >>> transform_coordinates(station, "ETRF2000").position_m.round(4).tolist()
    [[4027894.0053, 307045.5939, 4919474.9084]]
    """
    found = coordinates
    for step in frame_path(coordinates.frame, target):
        found = _take(found, step, (parameter_covariances or {}).get(step.operation.epsg))
    return replace(found, frame=_frame_of_positions(target).name)


def transform_positions(position_m: ArrayLike, source: Frame | str, target: Frame | str, *, epoch_yr: ArrayLike | None
                        ) -> Array:  # fmt: skip
    """Transform geocentric positions, shape (point, 3), at an epoch; see `transform_coordinates`.

    Parameters
    ----------
    position_m : array_like, shape (point, 3)
        Metres; NaN stays NaN.
    source, target : Frame or str
    epoch_yr : float or array_like, shape (point,)
        Decimal year of the positions. There is no default: between ITRF2020 and ETRF2000 ten years make 0.24 m.

    Examples
    --------
    >>> moved = transform_positions([[4027893.5389, 307046.0755, 4919475.2745]], "IGS20", "ETRF2014", epoch_yr=2020.0)
    >>> moved.round(4).tolist()
    [[4027893.9639, 307045.545, 4919474.9573]]
    """
    start = FrameCoordinates(str(source), _raw(epoch_yr), np.asarray(position_m, dtype=np.float64))
    return transform_coordinates(start, target).position_m


def transform_velocities(
    velocity_m_per_yr: ArrayLike,
    position_m: ArrayLike,
    source: Frame | str,
    target: Frame | str,
    *,
    epoch_yr: ArrayLike | None,
) -> Array:
    """Transform geocentric velocities, shape (point, 3), at positions in ``source``; see `transform_coordinates`."""
    start = FrameCoordinates(
        str(source),
        _raw(epoch_yr),
        np.asarray(position_m, dtype=np.float64),
        np.asarray(velocity_m_per_yr, dtype=np.float64),
    )
    moved = transform_coordinates(start, target).velocity_m_per_yr
    return np.empty((0, 3)) if moved is None else moved


def frame_path(source: Frame | str, target: Frame | str) -> tuple[FrameStep, ...]:
    """Return the published operations that lead from one frame to another.

    Parameters
    ----------
    source, target : Frame or str
        ITRF, ETRF and IGS realisations. IGS20 is ITRF2020, IGS14 and IGb14 are ITRF2014, IGS08 and IGb08 are ITRF2008:
        from such a frame to the ITRF it realises there is no step.

    Returns
    -------
    tuple of FrameStep
        The fewest operations; among ways of equal length the one through the newest ITRF.

    Raises
    ------
    InputError
        FID-1004 unknown frame; FID-1318 a plate, or no way.

    Examples
    --------
    >>> [step.label for step in frame_path("IGb14", "ITRF2020")]
    ['EPSG:9991']
    >>> [step.label for step in frame_path("ETRF2000", "ETRF2014")]
    ['EPSG:10586 inverted', 'EPSG:10587']
    """
    start, end = _frame_of_positions(source).name, _frame_of_positions(target).name
    ways: dict[str, tuple[FrameStep, ...]] = {start: ()}
    queue = [start]
    while queue and end not in ways:
        node = queue.pop(0)
        for step in _steps_from(node):
            if step.target not in ways:
                ways[step.target] = (*ways[node], step)
                queue.append(step.target)
    if end not in ways:
        raise InputError("FID-1318", f"no published operations lead from {start} to {end}", where=f"{source} to {target}",
                         fix=f"there are parameters for {', '.join(frames_with_positions())}")  # fmt: skip
    return ways[end]


@cache
def _steps_from(node: str) -> tuple[FrameStep, ...]:
    rows = (*OPERATIONS, *EARLIER_OPERATIONS)
    steps = [FrameStep(row, inverse=False) for row in rows if row.source == node]
    steps += [FrameStep(row, inverse=True) for row in rows if row.target == node]
    return tuple(sorted(steps, key=lambda step: _newest_first(step.target)))


def _newest_first(name: str) -> tuple[bool, int]:
    frame = parse_frame(name)
    return frame.kind != "ITRF", -int(frame.realisation)


def frames_with_positions() -> tuple[str, ...]:
    """Return the canonical names that `frame_path` can start from, ITRF before ETRF, newest first."""
    names = {name for row in (*OPERATIONS, *EARLIER_OPERATIONS) for name in (row.source, row.target)}
    return tuple(sorted(names, key=_newest_first))


def _raw(epoch_yr: ArrayLike | None) -> Array:
    return np.asarray(np.nan if epoch_yr is None else epoch_yr, dtype=np.float64)


def _frame_of_positions(name: Frame | str) -> Frame:
    frame = parse_frame(name) if isinstance(name, str) else name
    if frame.kind == "plate":
        raise InputError("FID-1318", f"{frame} is no frame of positions: a plate motion model gives velocities only",
                         where=str(name), fix="name an ETRF such as ETRF2014 for positions; `frame_velocity` serves plates"
                         )  # fmt: skip
    return frame


def _triples(values: ArrayLike, what: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise _misfit(f"{what} of shape {array.shape}; expected are X, Y, Z of each point, (point, 3)")
    return array


def _misfit(problem: str) -> InputError:
    return InputError("FID-1314", problem, where="coordinates", fix="give arrays of the documented shapes")


def _take(start: FrameCoordinates, step: FrameStep, parameter_covariance: ArrayLike | None) -> FrameCoordinates:
    """Take one step with positions, velocities and covariances."""
    operation = step.operation
    rates = operation.rates
    rate = _UNITS * [*rates.translation_mm_per_yr, rates.scale_ppb_per_yr, *rates.rotation_mas_per_yr]
    at_epoch = _UNITS * [*operation.translation_mm, operation.scale_ppb, *operation.rotation_mas]
    since = start.epoch_yr - operation.epoch
    now = at_epoch + since[:, np.newaxis] * rate
    shift = _displacement(now, start.position_m)
    position = start.position_m - _undone(now, shift) if step.inverse else start.position_m + shift
    origin = position if step.inverse else start.position_m
    sign = -1.0 if step.inverse else 1.0
    velocity = start.velocity_m_per_yr
    if velocity is not None:
        velocity = velocity + sign * _displacement(rate, origin)
    moved = replace(start, frame=step.target, position_m=position, velocity_m_per_yr=velocity)
    if start.position_covariance_m2 is None and start.velocity_covariance_m2_per_yr2 is None:
        if parameter_covariance is not None:
            raise _misfit("parameter covariances, but no covariances of coordinates to add them to")
        return moved
    jacobian = StepJacobian.of(now, rate, inverse=step.inverse)
    covariances = apply_jacobian(jacobian, *(getattr(start, name) for name in _COVARIANCES))
    if parameter_covariance is not None:
        given = np.asarray(parameter_covariance, dtype=np.float64)
        if given.shape != (14, 14):
            raise _misfit(f"parameter covariance of EPSG:{operation.epsg} of shape {given.shape}, not (14, 14)")
        require_covariance(given, f"parameters of EPSG:{operation.epsg}")
        scale = np.concatenate([_UNITS, _UNITS])
        full = next(value.ndim == 2 for value in covariances if value is not None)
        added = parameter_part(given * np.outer(scale, scale), origin, since, full=full)
        covariances = _sum(covariances, added)
    of_position, of_velocity, between = covariances
    return replace(
        moved,
        position_covariance_m2=of_position,
        velocity_covariance_m2_per_yr2=of_velocity,
        cross_covariance_m2_per_yr=between,
    )


def _sum(covariances: Covariances, added: Covariances) -> Covariances:
    """Add to the covariances that there are."""
    first, second, third = (
        old if old is None or new is None else old + new for old, new in zip(covariances, added, strict=True)
    )
    return first, second, third


def _displacement(parameters: Array, position_m: Array) -> Array:
    """Return T + D X + R X of parameters, shape (point, 7) or (7,)."""
    turned = np.cross(np.broadcast_to(parameters[..., 4:], position_m.shape), position_m)
    return np.asarray(parameters[..., :3] + parameters[..., 3:4] * position_m + turned, dtype=np.float64)


def _undone(parameters: Array, shift: Array) -> Array:
    """Return (I + D + R)^-1 times the shift T + D X2 + R X2: small quantities only, so that nothing is lost to rounding.

    With a = 1 + D, the inverse of a I + [r x] takes b to (a^2 b - a r x b + r (r . b)) / (a (a^2 + r . r)).
    """
    stretch, turn = 1.0 + parameters[:, 3:4], parameters[:, 4:]
    along = turn * np.sum(turn * shift, axis=1, keepdims=True)
    numerator = stretch**2 * shift - stretch * np.cross(turn, shift) + along
    return np.asarray(numerator / (stretch * (stretch**2 + np.sum(turn**2, axis=1, keepdims=True))), dtype=np.float64)

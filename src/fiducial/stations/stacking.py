"""Stacking of daily or weekly solutions into positions and velocities, with discontinuities and a datum of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.stations.helmert_design import COORDINATES, ParameterKey, coordinate_rows
from fiducial.stations.systems import (
    CentreSolution,
    DatumFreeSystem,
    datum_free,
    minimal_constraint,
    triangular_inverse,
)

Array = NDArray[np.float64]
SiteName = tuple[str, str, str]
Segments = Callable[[str, str, float], tuple[str, str]]

_VELOCITY: Final = {"STAX": "VELX", "STAY": "VELY", "STAZ": "VELZ"}
_POSITION: Final = {velocity: position for position, velocity in _VELOCITY.items()}
_LEAST_SPAN_YR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Epoched:
    """A solution of a day or week.

    Attributes
    ----------
    epoch_yr : float
        Decimal year.
    solution : CentreSolution
        Coordinates; other parameters are carried along, one set a solution.
    """

    epoch_yr: float
    solution: CentreSolution


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
    helmert : ndarray, shape (solution, 7)
        From each solution to the stack, [m, 1, rad].
    variance_factor : ndarray, shape (solution,)
    spans_yr : dict of site to (first, last)
        Epochs of the data of each position segment.
    notes : tuple of str
    """

    reference_epoch_yr: float
    keys: tuple[ParameterKey, ...]
    value: Array
    covariance: Array
    helmert: Array
    variance_factor: Array
    spans_yr: dict[SiteName, tuple[float, float]]
    notes: tuple[str, ...]


def one_segment(code: str, point: str, epoch_yr: float) -> tuple[str, str]:
    """Return segment numbers of position and velocity of a station without discontinuities."""
    del code, point, epoch_yr
    return "1", "1"


def stack_solutions(
    solutions: Sequence[Epoched],
    reference_m: Mapping[SiteName, Array],
    reference_velocity_m_per_yr: Mapping[SiteName, Array],
    *,
    reference_epoch_yr: float,
    segments: Segments = one_segment,
    post_seismic_m: Callable[[str, str, float], Array] | None = None,
    datum_sigma_m: float = 1e-4,
    sweeps: int = 10,
) -> Stack:
    """Stack solutions of many epochs.

    Parameters
    ----------
    solutions : sequence of Epoched
    reference_m, reference_velocity_m_per_yr : mapping of site to ndarray, shape (3,)
        The frame: positions at ``reference_epoch_yr`` and velocities of the core stations, by segment; they hold the datum
        and its rate.
    reference_epoch_yr : float
    segments : callable
        From code, point and epoch to the numbers of the position and velocity segment: a discontinuity of the position
        begins a new one of the former, one of the velocity of both.
    post_seismic_m : callable, optional
        From code, point and epoch to the geocentric post-seismic displacement, which is taken off.
    datum_sigma_m : float
        How tightly the core holds the datum, at the reference epoch and a year later.
    sweeps : int
        Most iterations of the variance factors.

    Raises
    ------
    InputError
        FID-1324 when there are fewer than two epochs, or they span less than half a year.
    NumericsError
        FID-3131, FID-3132 for a datum or a system that is singular.

    Notes
    -----
    x_s = X + (t_s - t_0) V + d_psd(t_s) + T_s + D_s X + R_s X (Altamimi et al. 2016, J. Geophys. Res. 121:6109, eq. 1), the
    seven parameters of every solution free: only the shape of each network counts, and origin, scale, orientation and
    their rates come from the core alone.
    """
    epochs = np.array([one.epoch_yr for one in solutions])
    if epochs.size < 2 or np.ptp(epochs) < _LEAST_SPAN_YR:
        raise InputError(
            "FID-1324", f"{epochs.size} solutions over {np.ptp(epochs) if epochs.size else 0:.2f} years give no velocities",
            where="stacking", fix="give solutions over half a year and more",
        )  # fmt: skip
    reference = {**{("P", *site): value for site, value in reference_m.items()},
                 **{("V", *site): value for site, value in reference_velocity_m_per_yr.items()}}  # fmt: skip
    stacker = _Stacker(solutions, reference, reference_epoch_yr, segments, post_seismic_m, datum_sigma_m)
    return stacker.run(sweeps)


class _Stacker:
    def __init__(
        self, solutions: Sequence[Epoched], reference: Mapping[tuple[str, str, str, str], Array], epoch_yr: float,
        segments: Segments, post_seismic_m: Callable[[str, str, float], Array] | None, datum_sigma_m: float,
    ) -> None:  # fmt: skip
        self.epoch_yr = epoch_yr
        self.reference = reference
        self.datum_sigma_m = datum_sigma_m
        self.systems: list[DatumFreeSystem] = []
        self.rows: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
        self.elapsed = np.array([one.epoch_yr - epoch_yr for one in solutions])
        self.place: dict[ParameterKey, int] = {}
        self.seen: dict[int, list[float]] = {}
        self.spans: dict[SiteName, tuple[float, float]] = {}
        for one in solutions:
            self._add(one, segments, post_seismic_m)
        self.keys = tuple(self.place)
        self.start = self._approximate()
        self.factor = np.ones(len(self.systems))

    def _add(self, one: Epoched, segments: Segments, post_seismic_m: Callable[[str, str, float], Array] | None) -> None:
        coordinates = np.array(
            [row for row, key in enumerate(one.solution.keys) if key.kind in COORDINATES], dtype=np.intp
        )
        part = np.ix_(coordinates, coordinates)
        old = one.solution
        value = old.value[coordinates].copy()
        keys = [old.keys[row] for row in coordinates]
        if post_seismic_m is not None:
            for row, key in enumerate(keys):
                value[row] -= post_seismic_m(key.code, key.point, one.epoch_yr)[COORDINATES[key.kind]]
        plain = CentreSolution(
            old.name, tuple(keys), value, old.covariance[part],
            None if old.apriori is None else old.apriori[coordinates],
            None if old.apriori_covariance is None else old.apriori_covariance[part],
        )  # fmt: skip
        system = datum_free(plain)
        position, velocity = [], []
        for row, key in enumerate(system.keys):
            number, rate = segments(key.code, key.point, one.epoch_yr)
            own = ParameterKey(key.kind, key.code, key.point, number)
            place = self.place.setdefault(own, len(self.place))
            position.append(place)
            velocity.append(
                self.place.setdefault(ParameterKey(_VELOCITY[key.kind], key.code, key.point, rate), len(self.place))
            )
            self.seen.setdefault(place, []).append(float(system.value[row]))
            first, last = self.spans.get(own.site, (one.epoch_yr, one.epoch_yr))
            self.spans[own.site] = (min(first, one.epoch_yr), max(last, one.epoch_yr))
        self.systems.append(system)
        self.rows.append((np.array(position, dtype=np.intp), np.array(velocity, dtype=np.intp)))

    def _approximate(self) -> Array:
        start = np.zeros(len(self.keys))
        for row, key in enumerate(self.keys):
            rate = key.kind in _POSITION
            axis = COORDINATES[_POSITION[key.kind] if rate else key.kind]
            known = self.reference.get(("V" if rate else "P", *key.site))
            if known is not None:
                start[row] = known[axis]
            elif not rate:
                start[row] = float(np.median(self.seen[row]))
        return start

    def run(self, sweeps: int) -> Stack:
        for _ in range(sweeps):
            self._solve()
            before = self.factor.copy()
            self._variances()
            if np.max(np.abs(self.factor / before - 1.0)) < 1e-3:
                break
        self._solve()
        helmert = np.array([self._residual(k)[0] for k in range(len(self.systems))])
        short = [site[0] for site, (first, last) in self.spans.items() if last - first < _LEAST_SPAN_YR]
        notes = [f"segments shorter than {_LEAST_SPAN_YR} years: {', '.join(sorted(set(short)))}"] if short else []
        return Stack(
            self.epoch_yr, self.keys, self.value, self.covariance, helmert, self.factor, self.spans, tuple(notes)
        )

    def _solve(self) -> None:
        size = len(self.keys)
        normal, right = np.zeros((size, size)), np.zeros(size)
        for k, (system, (position, velocity)) in enumerate(zip(self.systems, self.rows, strict=True)):
            own = system.normal / self.factor[k]
            t = self.elapsed[k]
            gradient = own @ (system.value - self.start[position] - t * self.start[velocity])
            for rows, left in ((position, 1.0), (velocity, t)):
                np.add.at(right, rows, left * gradient)
                for columns, other in ((position, 1.0), (velocity, t)):
                    normal[np.ix_(rows, columns)] += left * other * own
        for kind in "PV":
            keys, rows, core = self._core(kind)
            part = minimal_constraint(keys, self._reference_values(keys, kind), core, self.datum_sigma_m)
            normal[np.ix_(rows, rows)] += part
            # Held to the reference, not to the approximate values, which for the core are the same.
        try:
            self.covariance = triangular_inverse(normal)
        except np.linalg.LinAlgError:
            raise self._singular(normal) from None
        self.value = self.start + self.covariance @ right

    def _core(self, kind: str) -> tuple[list[ParameterKey], NDArray[np.intp], NDArray[np.intp]]:
        """Coordinates as position keys, their rows in the system, and which of them are of the core."""
        wanted = COORDINATES if kind == "P" else _POSITION
        rows = np.array([row for row, key in enumerate(self.keys) if key.kind in wanted], dtype=np.intp)
        keys = [
            self.keys[row] if kind == "P" else self.keys[row]._replace(kind=_POSITION[self.keys[row].kind])
            for row in rows
        ]
        core = np.array([place for place, key in enumerate(keys) if (kind, *key.site) in self.reference], dtype=np.intp)
        return keys, rows, core

    def _reference_values(self, keys: Sequence[ParameterKey], kind: str) -> Array:
        """Where the stations are: the lever arms of the datum, for velocities too."""
        del kind
        place = {
            (key.kind, key.code, key.point): self.start[row]
            for key, row in self.place.items()
            if key.kind in COORDINATES
        }
        return np.array([place[key.kind, key.code, key.point] for key in keys])

    def _singular(self, normal: Array) -> NumericsError:
        diagonal = np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
        values, vectors = np.linalg.eigh(normal / np.outer(diagonal, diagonal))
        key = self.keys[int(np.argmax(np.abs(vectors[:, 0])))]
        return NumericsError(
            "FID-3132",
            f"the stack is singular (smallest eigenvalue {values[0]:.3g}), mostly in {key.kind} {key.code} {key.solution}",
            where=f"{key.code} {key.point} {key.solution}",
            fix="a segment of a single epoch has no velocity: join it to a neighbour or leave the station out",
        )

    def _residual(self, k: int) -> tuple[Array, Array]:
        system, (position, velocity) = self.systems[k], self.rows[k]
        difference = self.value[position] + self.elapsed[k] * self.value[velocity] - system.value
        helmert = system.projection @ difference
        return helmert, system.design @ helmert - difference

    def _variances(self) -> None:
        for k, (system, (position, velocity)) in enumerate(zip(self.systems, self.rows, strict=True)):
            _, residual = self._residual(k)
            t = self.elapsed[k]
            own = (
                self.covariance[np.ix_(position, position)]
                + t * self.covariance[np.ix_(position, velocity)]
                + t * self.covariance[np.ix_(velocity, position)]
                + t * t * self.covariance[np.ix_(velocity, velocity)]
            )
            redundancy = system.rank - float(np.einsum("ij,ij->", system.normal, own)) / self.factor[k]
            if redundancy > 1.0:
                self.factor[k] = max(float(residual @ system.normal @ residual) / redundancy, 1e-12)


def positions_of(stack: Stack) -> tuple[tuple[SiteName, ...], Array, Array]:
    """Return the position segments of a stack, their coordinates [m] and covariances (segment, 3, 3)."""
    rows = coordinate_rows([key if key.kind in COORDINATES else ParameterKey("") for key in stack.keys])
    sites = tuple(stack.keys[row[0]].site for row in rows)
    return sites, stack.value[rows], stack.covariance[rows[:, :, None], rows[:, None, :]]

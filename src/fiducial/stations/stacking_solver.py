"""The iterations of a stack: normal equations, variance factors, rejections, one system at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import NumericsError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.stations.combination_model import Reason, StationRejection
from fiducial.stations.helmert_design import COORDINATES, ParameterKey, coordinate_rows
from fiducial.stations.stacking_datum import StackDatum
from fiducial.stations.stacking_model import (
    POSITION,
    VELOCITY,
    Array,
    SiteName,
    Stack,
    StackedSolution,
    StackFrame,
    StackInput,
    StackOptions,
)
from fiducial.stations.systems import DatumFreeSystem, triangular_inverse, without_site

Rows = NDArray[np.intp]
Advance = Callable[[int, int, int], None]

_LEAST_REDUNDANCY: Final = 1.0
_LEAST_STATIONS: Final = 4
_LEAST_SIGMA: Final = 0.3
_LEAST_FACTOR: Final = 1e-12
_NEARLY_SETTLED: Final = 0.1
_NEARLY_WORST: Final = 0.5
"""Stations of one solution whose excess is above this part of the worst one go in the same sweep."""
_FREE_VELOCITY_M_PER_YR: Final = 1.0
_SAME_EPOCH_YR: Final = 1e-4
_SINGULAR: Final = 1e13


class Stacker:
    """One stack; ``run`` gives the result."""

    def __init__(
        self, inputs: Sequence[StackInput], frame: StackFrame, options: StackOptions, advance: Advance | None
    ) -> None:
        self.inputs, self.frame, self.options, self.advance = inputs, frame, options, advance
        self.elapsed = np.array([one.epoch_yr - frame.epoch_yr for one in inputs])
        self.factor = np.ones(len(inputs))
        self.redundancy = np.full(len(inputs), np.nan)
        self.rejections: list[StationRejection] = []
        self.epochs: dict[SiteName, list[float]] = {}
        """Of the solutions that have each position segment, without rejected ones."""
        for one in inputs:
            for site in dict.fromkeys(key.site for key in one.keys):
                self.epochs.setdefault(site, []).append(one.epoch_yr)
        self.rate_of = {site: (site[0], site[1], frame.velocity_number(site)) for site in self.epochs}
        self.keys = self._listed()
        self.sweep = 0
        self.change = np.inf
        self.seen: dict[SiteName, Array] = {}
        self.datum = StackDatum(frame, options, self.rate_of, float(np.ptp(self.elapsed)))

    def _listed(self) -> tuple[ParameterKey, ...]:
        found = [ParameterKey(kind, *site) for site in self.epochs for kind in COORDINATES]
        if self.options.rates:
            rates = dict.fromkeys(self.rate_of[site] for site in self.epochs)
            found += [ParameterKey(VELOCITY[kind], *rate) for rate in rates for kind in COORDINATES]
        return tuple(found)

    def run(self) -> Stack:
        """Iterate until variance factors and rejections settle."""
        self._locate()
        normal, right = self._summed(judge=False)[:2]
        left, converged = self.options.sweeps, False
        while left and not converged:
            self._solve(normal, right)
            nearly = self.sweep > 0 and self.change < _NEARLY_SETTLED
            core_changed = nearly and self.datum.reject(self.keys, self.value, self.start, self.rejections)
            before, rejected = self.factor.copy(), len(self.rejections)
            normal, right = self._summed(judge=True, normalised=nearly)
            self.change = float(np.max(np.abs(self.factor / before - 1.0)))
            if core_changed or len(self.rejections) > rejected:
                left = self.options.sweeps
                continue
            # Only after the limits in standard deviations and the core have been judged.
            converged, left = nearly and self.change < self.options.variance_tolerance, left - 1
        self._solve(normal, right)
        return self._stack(converged=converged)

    def _locate(self) -> None:
        """Approximate places of all segments: the lever arms of the datum."""
        listed: dict[SiteName, list[Array]] = {}
        for one in self.inputs:
            system = one.load()
            rows = coordinate_rows(system.keys)
            for row in rows:
                listed.setdefault(system.keys[row[0]].site, []).append(system.value[row])
        self.seen = {site: np.median(np.array(values), axis=0) for site, values in listed.items()}
        self._begin()

    def _begin(self) -> None:
        """Parameters, their approximate values, and where they stand."""
        self.place = {key: row for row, key in enumerate(self.keys)}
        start = np.zeros(len(self.keys))
        for row, key in enumerate(self.keys):
            rate = key.kind in POSITION
            axis = COORDINATES[POSITION[key.kind] if rate else key.kind]
            table = self.frame.velocity_m_per_yr if rate else self.frame.position_m
            if key.site in table:
                start[row] = table[key.site][axis]
            elif not rate:
                start[row] = self.seen[key.site][axis]
        self.start = start
        self.datum.begin(self.keys, start, self.epochs)

    def _rows(self, system: DatumFreeSystem) -> tuple[Rows, Rows | None, Array]:
        """Where the positions and velocities of a system stand, and its known velocities [m/yr]."""
        position = np.array([self.place[key] for key in system.keys], dtype=np.intp)
        rates = [ParameterKey(VELOCITY[key.kind], *self.rate_of[key.site]) for key in system.keys]
        if self.options.rates:
            velocity = np.array([self.place[key] for key in rates], dtype=np.intp)
            return position, velocity, self.start[velocity]
        still = np.zeros(3)
        known = [self.frame.velocity_m_per_yr.get(key.site, still)[COORDINATES[POSITION[key.kind]]] for key in rates]
        return position, None, np.array(known)

    def _summed(self, *, judge: bool, normalised: bool = False) -> tuple[Array, Array]:
        """Return the normal equations of all systems, each judged first by the last solution."""
        size = len(self.keys)
        normal, right = np.zeros((size, size)), np.zeros(size)
        self.datum.clear(size)
        for k, one in enumerate(self.inputs):
            system = one.load()
            if judge:
                self._vary(k, system)
                system = self._reject(k, system, normalised=normalised)
            self._add(k, system, normal, right)
            if self.advance is not None:
                self.advance(self.sweep, k + 1, len(self.inputs))
        self.sweep += 1
        return normal, right

    def _add(self, k: int, system: DatumFreeSystem, normal: Array, right: Array) -> None:
        position, velocity, moving = self._rows(system)
        t, own = self.elapsed[k], system.normal / self.factor[k]
        rest = system.value - self.start[position] - t * moving
        gradient = own @ rest
        parts = [(position, 1.0)] if velocity is None else [(position, 1.0), (velocity, t)]
        for rows, left in parts:
            # Segments of one station share a velocity: its rows stand twice where a break lies inside the solution.
            np.add.at(right, rows, left * gradient)
            for columns, other in parts:
                if velocity is None or len(set(velocity.tolist())) == len(velocity):
                    normal[np.ix_(rows, columns)] += left * other * own
                else:
                    np.add.at(normal, np.ix_(rows, columns), left * other * own)
        self.datum.add(system, parts, t, rest)

    def _solve(self, normal: Array, right: Array) -> None:
        normal, right = self._prune(normal, right)
        held, pull = self.datum.constraints()
        # The sums of the next sweep are made elsewhere: this one may be changed.
        normal = normal + held
        right = right + pull
        rates = self._undetermined()
        for row, key in enumerate(self.keys):
            if key.kind in POSITION and key.site in rates:
                # Its segments are left out afterwards; a loose velocity makes them harmless.
                normal[row, row] += 1.0 / _FREE_VELOCITY_M_PER_YR**2
        self._tie(normal, right)
        try:
            self.covariance = triangular_inverse(normal)
        except np.linalg.LinAlgError:
            raise self._singular(normal) from None
        if (np.diag(self.covariance) * np.diag(normal) > _SINGULAR).any():
            raise self._singular(normal)
        self.value = self.start + self.covariance @ right

    def _prune(self, normal: Array, right: Array) -> tuple[Array, Array]:
        """Leave out parameters that no solution has any more."""
        used = np.diag(normal) > 0.0
        if self.options.rates and not used.all():
            # At the reference epoch itself a velocity has no weight, and yet belongs to a station.
            alive = {self.rate_of[site] for site, epochs in self.epochs.items() if epochs}
            used |= np.array([key.kind in POSITION and key.site in alive for key in self.keys])
        if used.all():
            return normal, right
        rows = np.flatnonzero(used)
        self.keys = tuple(self.keys[row] for row in rows)
        self.datum.prune(rows)
        self._begin()
        return normal[np.ix_(rows, rows)], right[rows]

    def _undetermined(self) -> set[SiteName]:
        """Velocity segments none of whose position segments is long enough."""
        longest: dict[SiteName, float] = {}
        for site, epochs in self.epochs.items():
            if epochs:
                rate = self.rate_of[site]
                longest[rate] = max(longest.get(rate, 0.0), max(epochs) - min(epochs))
        return {rate for rate, span in longest.items() if span < max(self.options.least_span_yr, _SAME_EPOCH_YR)}

    def _tie(self, normal: Array, right: Array) -> None:
        weight = 1.0 / self.options.equal_velocity_sigma_m_per_yr**2
        for one, other in self.frame.equal_velocities if self.options.rates else ():
            for kind in POSITION:
                i, j = self.place.get(ParameterKey(kind, *one)), self.place.get(ParameterKey(kind, *other))
                if i is None or j is None:
                    continue
                normal[[i, j], [i, j]] += weight
                normal[i, j] -= weight
                normal[j, i] -= weight
                # Held alike are the velocities, not their corrections.
                apart = weight * (self.start[j] - self.start[i])
                right[i] += apart
                right[j] -= apart

    def _singular(self, normal: Array) -> NumericsError:
        diagonal = np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
        values, vectors = np.linalg.eigh(normal / np.outer(diagonal, diagonal))
        key = self.keys[int(np.argmax(np.abs(vectors[:, 0])))]
        return NumericsError(
            "FID-3132",
            f"the stack is singular (smallest eigenvalue {values[0]:.3g}), mostly in {key.kind} {key.code} {key.solution}",
            where=f"{key.code} {key.point} {key.solution}",
            fix="check that all stations hang together, and that the core spans the network",
        )

    def _state(self, k: int, system: DatumFreeSystem) -> tuple[Array, Array]:
        """Value [m] and covariance of the stack at the epoch of a solution, for its coordinates."""
        position, velocity, moving = self._rows(system)
        t = self.elapsed[k]
        own = self.covariance[np.ix_(position, position)]
        if velocity is None:
            return self.value[position] + t * moving, own
        cross = self.covariance[np.ix_(position, velocity)]
        own = own + t * (cross + cross.T) + t * t * self.covariance[np.ix_(velocity, velocity)]
        return self.value[position] + t * self.value[velocity], own

    def _vary(self, k: int, system: DatumFreeSystem) -> None:
        value, own = self._state(k, system)
        _, residual = residuals(system, value)
        redundancy = system.rank - float(np.einsum("ij,ij->", system.normal, own)) / self.factor[k]
        self.redundancy[k] = redundancy
        if redundancy > _LEAST_REDUNDANCY:
            self.factor[k] = max(float(residual @ system.normal @ residual) / redundancy, _LEAST_FACTOR)

    def _judged(self, k: int, system: DatumFreeSystem) -> tuple[tuple[SiteName, ...], Array, Array, Array, Array]:
        """Sites, Helmert parameters, residuals in East, North, Up [m], their and the sites' own standard deviations."""
        value, joint = self._state(k, system)
        helmert, residual = residuals(system, value)
        rows = coordinate_rows(system.keys)
        longitude, latitude, _ = geodetic_from_geocentric(system.value[rows])
        axes = local_axes(longitude, latitude)
        blocks = system.own_blocks * self.factor[k]
        own = np.einsum("sac,scd,sad->sa", axes, blocks, axes)
        stack = np.einsum("sac,scd,sad->sa", axes, joint[rows[:, :, None], rows[:, None, :]], axes)
        sigma = np.sqrt(np.maximum(own - stack, _LEAST_SIGMA**2 * own))
        sites = tuple(system.keys[row[0]].site for row in rows)
        return sites, helmert, np.einsum("sac,sc->sa", axes, residual[rows]), sigma, np.sqrt(own)

    def _reject(self, k: int, system: DatumFreeSystem, *, normalised: bool) -> DatumFreeSystem:
        sites, _, enu, sigma, _ = self._judged(k, system)
        by_size = np.abs(enu) / self.options.residual_limit_m
        excess = np.maximum(by_size, np.abs(enu) / sigma / self.options.normalised_limit) if normalised else by_size
        worst = excess.max(axis=1)
        for place in np.argsort(-worst, kind="stable").tolist():
            if worst[place] <= max(1.0, _NEARLY_WORST * worst.max()) or len(sites) <= _LEAST_STATIONS:
                break
            axis = int(np.argmax(excess[place]))
            size = by_size[place, axis] > 1.0
            reason: Reason = "residual" if size else "normalised-residual"
            value = float(enu[place, axis] if size else enu[place, axis] / sigma[place, axis])
            limit = self.options.residual_limit_m if size else self.options.normalised_limit
            one, site = self.inputs[k], sites[place]
            if len({key.site for key in system.keys}) <= _LEAST_STATIONS:
                break
            self.rejections.append(StationRejection(one.name, site, reason, "ENU"[axis], value, limit))
            self.epochs[site].remove(one.epoch_yr)
            system = without_site(system, site)
            one.keep(system)
        return system

    def _stack(self, *, converged: bool) -> Stack:
        short = self._undetermined() if self.options.rates else set()
        limit = self.options.least_span_yr
        left_out = {site: f"data of less than {limit:g} years give no velocity" for site in self.epochs
                    if self.rate_of[site] in short and self.epochs[site]}  # fmt: skip
        left_out |= {site: "rejected in every solution" for site, epochs in self.epochs.items() if not epochs}
        solutions = tuple(self._solution(k, one) for k, one in enumerate(self.inputs))
        kept = [row for row, key in enumerate(self.keys)
                if (key.site not in short if key.kind in POSITION else key.site not in left_out)]  # fmt: skip
        spans = {site: (min(epochs), max(epochs)) for site, epochs in self.epochs.items() if site not in left_out}
        return Stack(
            self.frame.epoch_yr, tuple(self.keys[row] for row in kept), self.value[kept],
            self.covariance[np.ix_(kept, kept)], solutions, tuple(self.datum.core), tuple(self.rejections), left_out,
            spans, converged,
        )  # fmt: skip

    def _solution(self, k: int, one: StackInput) -> StackedSolution:
        system = one.load()
        sites, helmert, enu, _, own = self._judged(k, system)
        # A segment that nothing else sees follows its only solution: its residual of zero says nothing.
        shared = np.array([len(self.epochs[site]) > (2 if self.options.rates else 1) for site in sites], dtype=float)
        weight = shared[:, None] / own**2
        known, core = shared.any(), set(self.datum.core)
        unknown = np.full(3, np.nan)
        return StackedSolution(
            one.name, one.epoch_yr, len(sites), sum(site in core for site in sites), helmert,
            np.sqrt(np.diag(system.helmert_covariance) * self.factor[k]), float(self.factor[k]),
            float(self.redundancy[k]),
            np.sqrt((weight * enu**2).sum(axis=0) / weight.sum(axis=0)) if known else unknown,
            np.sqrt((shared[:, None] * enu**2).sum(axis=0) / shared.sum()) if known else unknown,
            system.datum_sigma_m,
        )  # fmt: skip


def residuals(system: DatumFreeSystem, value: Array) -> tuple[Array, Array]:
    """Return Helmert parameters from a solution to coordinates of the same sites, and solution after them minus those."""
    difference = value - system.value
    helmert = system.projection @ difference
    return helmert, system.design @ helmert - difference

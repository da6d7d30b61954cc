"""The adjustment of very many bursts, each with a few parameters of its own, by overlaps and stations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.geodesy.block_cholesky import BlockPattern
from fiducial.motion.calibration.burst_groups import Groups, information
from fiducial.motion.calibration.burst_system import (
    Advance,
    BurstSystem,
    Solver,
    build_system,
    connected_parts,
    pattern_of,
    undetermined_bursts,
    undetermined_error,
)
from fiducial.motion.calibration.burst_ties import STATION, TIE, BurstNetwork, Rows, rows_of
from fiducial.motion.calibration.burst_weights import (
    FACTOR_BOUNDS,
    FEWEST_REDUNDANT,
    Fit,
    absorbed_by,
    next_factors,
    next_robust,
    redundancy,
)

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_MOST_ROUNDS: Final = 12
_SETTLED_SIGMAS: Final = 0.03
_LOOK_AHEAD: Final = 0.35
_SAME_FACTOR: Final = 0.3
_PER_100_KM: Final = 1e5


@dataclass(frozen=True)
class BurstOptions:
    """How a network is adjusted.

    Attributes
    ----------
    degree : int
        0: an offset for each burst; 1: an offset and two slopes.
    robust : bool
        Huber's weights for ties and stations.
    tie_factor, station_factor : float or None
        Variance factors of the stated sigmas; None estimates them from the residuals.
    slope_sigma_mm_per_yr_per_100_km : float or None
        Prior 0 +- this of either slope; without it nothing but ties and stations determines them.
    undetermined : {"error", "offset"}
        What to do with bursts whose slopes nothing determines: refuse, or give them an offset only.
    covariance : bool
        Without it the sigmas are NaN, outliers are judged without their leverage, and the variance factors stay 1.
    solver : {"auto", "direct", "iteration"}
        A factor, or conjugate gradients where the factor would be too large.
    """

    degree: int = 1
    robust: bool = True
    tie_factor: float | None = None
    station_factor: float | None = None
    slope_sigma_mm_per_yr_per_100_km: float | None = None
    undetermined: Literal["error", "offset"] = "error"
    covariance: bool = True
    solver: Solver = "auto"

    def __post_init__(self) -> None:
        given = (self.tie_factor, self.station_factor, self.slope_sigma_mm_per_yr_per_100_km)
        if self.degree not in {0, 1} or any(value is not None and not 0 < value < np.inf for value in given):
            raise InputError(
                "FID-1135",
                f"impossible options: degree {self.degree}, factors and slope prior {given}",
                where="network of bursts",
                fix="degree 0 or 1; factors and priors above 0, or None",
            )


@dataclass(frozen=True)
class BurstAdjustment:
    """Corrections of all bursts, S(x) = a + b u + c v in the coordinates of the network.

    Attributes
    ----------
    network : BurstNetwork
    degree : ndarray of int, shape (burst,)
        0 for bursts that were reduced to an offset: their slopes are no part of the model, and 0.
    coefficients : ndarray, shape (burst, term)
        mm/yr.
    covariance : ndarray, shape (burst, term, term)
        (mm/yr)^2, of each burst's own coefficients; NaN when it was not wanted.
    residual_mm_per_yr : ndarray, shape (observation,)
        Of ties, stations and field, as they were given; NaN for those that were left out.
    weight : ndarray, shape (observation,)
        Robust factor 0 ... 1 of the weight; 0 for those rejected or left out.
    observations, redundancy : ndarray, shape (burst,)
        Independent observations that touch a burst, and what is left of them after the unknowns.
    square_sum : ndarray, shape (burst,)
        Of their weighted residuals with the sigmas as stated: over the redundancy, the variance factor of the burst.
    tie_factor, station_factor : float
        Variance factors that multiply the stated variances.
    part : ndarray of int, shape (burst,)
        Connected part of the network.
    notes : tuple of str
    system : BurstSystem
        Kept for further right-hand sides.
    """

    network: BurstNetwork
    degree: Index
    coefficients: Array
    covariance: Array
    residual_mm_per_yr: Array
    weight: Array
    observations: Array
    redundancy: Array
    square_sum: Array
    tie_factor: float
    station_factor: float
    part: Index
    notes: tuple[str, ...]
    system: BurstSystem

    def surface_mm_per_yr(self, burst: ArrayLike, easting: ArrayLike, northing: ArrayLike) -> Array:
        """Return S of bursts (numbers) at points (metres), any common shape."""
        number = np.asarray(burst)
        return np.asarray(np.sum(self._terms(number, easting, northing) * self.coefficients[number], axis=-1))

    def sigma_mm_per_yr(self, burst: ArrayLike, easting: ArrayLike, northing: ArrayLike) -> Array:
        """Return the standard deviation of S of bursts (numbers) at points (metres), any common shape."""
        number = np.asarray(burst)
        terms = self._terms(number, easting, northing)
        variance = np.einsum("...a,...ab,...b->...", terms, self.covariance[number], terms)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)

    def solve(self, values: Array) -> Array:
        """Return the coefficients of other values of the same observations, with the weights of this adjustment.

        Parameters
        ----------
        values : ndarray, shape (observation, k)
            Ties, stations and field in the order and with the sign they were given; those left out may be anything.

        Returns
        -------
        ndarray, shape (burst, term, k)
            In the unit of the values.

        Raises
        ------
        InputError
            FID-1063 when the values are not of that shape, or one that is needed is not finite.
        """
        wanted = self.network.observations
        if values.ndim != 2 or len(values) != wanted:
            raise _misfit(f"values of shape {values.shape} for {wanted} observations")
        turned = _turn(self.network, values)
        found = self.system.solve(turned)
        if not np.isfinite(found).all():
            raise _misfit("values that are not finite")
        return found

    def _terms(self, burst: Index, easting: ArrayLike, northing: ArrayLike) -> Array:
        network, terms = self.network, self.coefficients.shape[1]
        u = (np.asarray(easting, dtype=np.float64) - network.easting_origin[burst]) / network.scale_m[burst]
        v = (np.asarray(northing, dtype=np.float64) - network.northing_origin[burst]) / network.scale_m[burst]
        return np.stack([np.ones_like(u), u, v][:terms], axis=-1)


def adjust_bursts(
    network: BurstNetwork, options: BurstOptions | None = None, *, advance: Advance = lambda _: None
) -> BurstAdjustment:
    """Adjust all bursts of a network at once.

    Parameters
    ----------
    network : BurstNetwork
    options : BurstOptions, optional
    advance : callable
        Takes the work just done: 1 for each round, and the number of bursts whose covariance was found by iteration.

    Returns
    -------
    BurstAdjustment

    Raises
    ------
    InputError
        FID-1061 no station at all; FID-1130 parts of the network that nothing ties to GNSS, by name; FID-1134 no
        tie with a sigma.
    NumericsError
        FID-3011 bursts whose slopes nothing determines, by name, unless ``undetermined`` is "offset".

    Notes
    -----
    Least squares on ties and stations with the information of each group as `burst_groups` derives it; Huber's
    weights (k 1.5) on residuals over their own sigma and variance factors of ties and stations (Förstner 1979) in the
    same rounds, until no correction at an observation moves by more than 3 % of the observation's sigma. The unknowns of a burst form
    a block; the factor keeps blocks together (`geodesy.block_cholesky`), and the sigmas come from a selected inverse.
    """
    options = options or BurstOptions()
    rows = rows_of(network)
    terms = 1 if options.degree == 0 else 3
    groups = Groups.of(network, rows, terms)
    part = connected_parts(network, groups)
    pattern = pattern_of(network, groups, options.solver)
    work = _Work(network, options, rows, groups, part, pattern, advance)
    given = np.array([options.tie_factor or 1.0, options.station_factor or 1.0, 1.0])
    whole = np.ones(len(groups.row))
    now = work.with_covariance(work.solve(given, whole, np.ones((network.size, terms), dtype=bool)))
    now = replace(now, first=True)
    notes = list(rows.notes)
    if options.robust or work.estimates.any():
        now, settled = work.settle(now)
        if _differ(now.factors, given):
            # The leverages belonged to other variance factors: once more with these.
            again = work.with_covariance(work.solve(now.factors, whole, now.system.active))
            now, settled = work.settle(replace(again, robust=now.robust))
        notes += [] if settled else ["weights still moving after the last round"]
        now = work.with_covariance(work.solve(now.factors, now.robust, now.system.active))
    return work.result(now, notes)


@dataclass(frozen=True)
class _Round:
    """A solution with the weights it rests on; leverages, covariance and factor may be those of an earlier one."""

    system: BurstSystem
    unknowns: Array
    factors: Array
    robust: Array
    fit: Fit
    factorised: Array
    covariance: Array | None = None
    first: bool = False


@dataclass(frozen=True)
class _Work:
    """What the rounds of an adjustment share."""

    network: BurstNetwork
    options: BurstOptions
    rows: Rows
    groups: Groups
    part: Index
    pattern: BlockPattern | None
    advance: Advance

    @property
    def estimates(self) -> NDArray[np.bool_]:
        """Which variance factors are estimated: ties, stations, field."""
        wanted = [self.options.tie_factor is None, self.options.station_factor is None, False]
        return np.array(wanted) & self.options.covariance

    def solve(self, factors: Array, robust: Array, active: NDArray[np.bool_]) -> _Round:
        """Solve with given weights; bursts whose slopes are not determined are reduced or named."""
        network, groups, rows = self.network, self.groups, self.rows
        told = information(groups, rows, robust, network.correlation_length_km)
        prior = np.zeros(active.shape)
        if self.options.slope_sigma_mm_per_yr_per_100_km is not None:
            slope = self.options.slope_sigma_mm_per_yr_per_100_km / _PER_100_KM * network.scale_m
            prior[:, 1:] = 1.0 / slope[:, None] ** 2
        scale = 1.0 / factors[groups.kind]

        def build(wanted: NDArray[np.bool_]) -> tuple[BurstSystem, Index]:
            system = build_system(
                network, groups, told, scale, active=wanted, prior_weight=prior, pattern=self.pattern
            )
            return system, undetermined_bursts(system)

        system, loose = build(active)
        if len(loose) and self.options.undetermined == "offset":
            active = active.copy()
            active[loose, 1:] = False
            system, loose = build(active)
        if len(loose):
            raise undetermined_error(network, loose)
        unknowns = system.solve(np.where(rows.usable, rows.value_mm_per_yr, 0.0)[:, None])[:, :, 0]
        self.advance(1.0)
        blind = Fit(self.residual(unknowns), np.zeros(len(groups.row)), np.zeros(groups.size))
        return _Round(system, unknowns, factors, robust, blind, factors)

    def with_covariance(self, found: _Round) -> _Round:
        """Add what the covariance of the unknowns tells, where it is wanted."""
        if not self.options.covariance:
            return found
        system = found.system
        covariance = system.covariance(self.advance)
        modelled, absorbed = absorbed_by(self.groups, system.told, system.scale, covariance)
        fit = Fit(found.fit.residual, modelled / self.rows.variance[self.groups.row], absorbed)
        return replace(found, fit=fit, covariance=covariance[0])

    def settle(self, now: _Round) -> tuple[_Round, bool]:
        """Renew weights and variance factors until the solution stands still; tell whether it does."""
        sigma, ahead = np.sqrt(self.rows.variance[self.groups.row]), now.fit.residual
        for number in range(_MOST_ROUNDS):
            before, now = now, self.reweighted(now, ahead)
            moved = now.fit.residual - before.fit.residual
            if float(np.max(np.abs(moved) / sigma, initial=0.0)) < _SETTLED_SIGMAS:
                return now, True
            # Huber's weights approach their end from one side, by half of the way a round: look a little ahead.
            ahead = now.fit.residual + (_LOOK_AHEAD * moved if number else 0.0)
        return now, False

    def reweighted(self, before: _Round, ahead: Array) -> _Round:
        """Solve again with the weights that a solution calls for, given residuals a little ahead of its own."""
        groups, rows, fit = self.groups, self.rows, replace(before.fit, residual=ahead)
        fresh = next_factors(groups, rows, before.robust, fit, before.factors, first=before.first)
        factors, robust = np.where(self.estimates, fresh, before.factors), before.robust
        if self.options.robust:
            robust = next_robust(groups, rows, self.part, fit, factors)
        if before.first or _differ(factors, before.factorised):
            now = self.solve(factors, robust, before.system.active)
        else:
            now = self.stepped(before, factors, robust)
        return replace(now, fit=replace(before.fit, residual=now.fit.residual))

    def stepped(self, before: _Round, factors: Array, robust: Array) -> _Round:
        """Improve a solution for slightly other weights with the factor at hand, which costs a third."""
        groups, rows = self.groups, self.rows
        told = information(groups, rows, robust, self.network.correlation_length_km)
        system = replace(before.system, told=told, scale=1.0 / factors[groups.kind])
        residual = np.zeros((len(rows.usable), 1))
        residual[groups.row, 0] = before.fit.residual
        unknowns = before.unknowns + system.solve(residual, before.unknowns[:, :, None])[:, :, 0]
        fit = replace(before.fit, residual=self.residual(unknowns))
        self.advance(1.0)
        return replace(before, system=system, unknowns=unknowns, factors=factors, robust=robust, fit=fit)

    def residual(self, unknowns: Array) -> Array:
        """Return observed minus modelled of the members of the groups, mm/yr."""
        modelled = self.groups.at_members(unknowns[:, :, None])[:, 0]
        return np.asarray(self.rows.value_mm_per_yr[self.groups.row] - modelled, dtype=np.float64)

    def result(self, found: _Round, notes: list[str]) -> BurstAdjustment:
        """Arrange the last round by bursts and by observations as they were given."""
        groups, rows, bursts, robust = self.groups, self.rows, self.network.size, found.robust
        weight, residual = np.zeros(len(rows.usable)), np.full(len(rows.usable), np.nan)
        weight[groups.row], residual[groups.row] = robust, rows.turned[groups.row] * found.fit.residual
        counted = rows.share[groups.row] * (robust > 0)
        squares = robust * rows.share[groups.row] * found.fit.residual**2 / rows.variance[groups.row]
        number, square_sum = groups.sums(counted), groups.sums(squares)
        free = number - found.fit.absorbed

        def of_bursts(values: Array) -> Array:
            total = np.bincount(groups.first, values, bursts)
            return np.asarray(total + np.bincount(groups.second[: groups.ties], values[: groups.ties], bursts))

        terms = found.unknowns.shape[1]
        unknown = np.full((bursts, terms, terms), np.nan)
        return BurstAdjustment(
            network=self.network,
            degree=np.where(found.system.active[:, -1], self.options.degree, 0).astype(np.int64),
            coefficients=found.unknowns,
            covariance=unknown if found.covariance is None else found.covariance,
            residual_mm_per_yr=residual,
            weight=weight,
            observations=of_bursts(number),
            redundancy=of_bursts(free),
            square_sum=of_bursts(square_sum),
            tie_factor=float(found.factors[TIE]),
            station_factor=float(found.factors[STATION]),
            part=self.part,
            notes=(*notes, *self._notes(found)),
            system=found.system,
        )

    def _notes(self, found: _Round) -> list[str]:
        notes, robust = [], found.robust
        kind = self.groups.kind[self.groups.of_member]
        free = redundancy(self.groups, self.rows, robust, found.fit)
        for one, word in ((TIE, "ties"), (STATION, "stations")):
            if not np.any(kind == one):
                continue
            rejected = int(((robust == 0) & (kind == one)).sum())
            notes += [f"{rejected} of {int((kind == one).sum())} {word} rejected"] if rejected else []
            if not self.estimates[one]:
                notes.append(f"variance factor of {word} not estimated: {found.factors[one]:.3g}")
            elif free[one] < FEWEST_REDUNDANT:
                notes.append(f"redundancy of {word} {free[one]:.1f}: their sigmas stand as stated")
            elif found.factors[one] in FACTOR_BOUNDS:
                notes.append(f"variance factor of {word} at its bound {found.factors[one]:g}")
            else:
                notes.append(f"variance factor of {word} {found.factors[one]:.3g}, redundancy {free[one]:.0f}")
        reduced = int((~found.system.active[:, -1]).sum())
        notes += [f"{reduced} bursts have an offset only: nothing determines their slopes"] if reduced else []
        return notes


def _differ(factors: Array, others: Array) -> bool:
    """Tell whether variance factors are so far apart that what was computed with one must be done again."""
    return bool(np.any(np.abs(np.log(factors / others)) > _SAME_FACTOR))


def _turn(network: BurstNetwork, values: Array) -> Array:
    """Turn around the ties that have their bursts in the other order, without a copy where there is none."""
    other = np.flatnonzero(network.ties.first > network.ties.second)
    if not len(other):
        return values
    turned = values.copy()
    turned[other] *= -1.0
    return turned


def _misfit(problem: str) -> InputError:
    return InputError("FID-1063", problem, where="right-hand sides of the network of bursts",
                      fix="give finite values of shape (observation, k), ties, then stations, then field")  # fmt: skip

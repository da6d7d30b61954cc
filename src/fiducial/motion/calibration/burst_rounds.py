"""The rounds of a burst adjustment: solve, judge the residuals, weigh again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.block_cholesky import BlockPattern
from fiducial.motion.calibration.burst_groups import Groups, information
from fiducial.motion.calibration.burst_noise import neglected_correlation
from fiducial.motion.calibration.burst_system import (
    Advance,
    BurstSystem,
    Solver,
    build_system,
    undetermined_bursts,
    undetermined_error,
)
from fiducial.motion.calibration.burst_ties import BurstNetwork, Rows
from fiducial.motion.calibration.burst_weights import Fit, absorbed_by, next_factors, next_robust, redundancy

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_MOST_ROUNDS: Final = 30
_SETTLED_SIGMAS: Final = 0.01
_LOOK_AHEAD: Final = 0.6
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
class Round:
    """A solution with the weights it rests on; leverages, covariance and factor may be those of an earlier one."""

    system: BurstSystem
    unknowns: Array
    factors: Array
    robust: Array
    fit: Fit
    factorised: Array
    covariance: Array | None = None
    inflation: float = 1.0
    first: bool = False


@dataclass(frozen=True)
class Rounds:
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

    def solve(self, factors: Array, robust: Array, active: NDArray[np.bool_]) -> Round:
        """Solve with given weights; bursts whose slopes are not determined are reduced or named."""
        network, groups, rows = self.network, self.groups, self.rows
        told = information(groups, robust, network.correlation_length_km)
        prior = np.zeros(active.shape)
        if self.options.slope_sigma_mm_per_yr_per_100_km is not None:
            slope = self.options.slope_sigma_mm_per_yr_per_100_km / _PER_100_KM * network.scale_m
            prior[:, 1:] = 1.0 / slope[:, None] ** 2
        scale = 1.0 / factors[groups.kind]

        def build(wanted: NDArray[np.bool_]) -> tuple[BurstSystem, Index]:
            system = build_system(groups, told, scale, active=wanted, prior_weight=prior, pattern=self.pattern)
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
        blind = Fit(self.residual(unknowns), np.zeros(len(groups.row)), np.zeros(groups.size), np.ones(3))
        return Round(system, unknowns, factors, robust, blind, factors)

    def with_covariance(self, found: Round) -> Round:
        """Add what the covariance of the unknowns tells, where it is wanted."""
        if not self.options.covariance:
            return found
        system = found.system
        covariance = system.covariance(self.advance)
        modelled, absorbed = absorbed_by(self.groups, system.told, system.scale, covariance)
        fit = replace(found.fit, leverage=modelled / self.groups.members.variance, absorbed=absorbed)
        return replace(found, fit=fit, covariance=covariance[0])

    def at_full_weights(self, factors: Array, active: NDArray[np.bool_]) -> Round:
        """Solve with every observation at its full weight: leverages, and what neglected correlation does."""
        groups = self.groups
        found = self.with_covariance(self.solve(factors, np.ones(len(groups.row)), active))
        if found.covariance is None:
            return found
        free = redundancy(groups, found.robust, found.fit)
        lost = neglected_correlation(self.network, groups, found.system, found.covariance, free)
        return replace(found, fit=replace(found.fit, expected=lost.residuals), inflation=lost.unknowns)

    def settle(self, now: Round) -> tuple[Round, bool]:
        """Renew weights and variance factors until the solution stands still; tell whether it does."""
        sigma, ahead = np.sqrt(self.groups.members.variance), now.fit.residual
        for number in range(_MOST_ROUNDS):
            before, now = now, self.reweighted(now, ahead)
            moved = now.fit.residual - before.fit.residual
            if float(np.max(np.abs(moved) / sigma, initial=0.0)) < _SETTLED_SIGMAS:
                return now, True
            # Huber's weights approach their end from one side, by a share of the way a round: look a little ahead.
            ahead = now.fit.residual + (_LOOK_AHEAD * moved if number else 0.0)
        return now, False

    def reweighted(self, before: Round, ahead: Array) -> Round:
        """Solve again with the weights that a solution calls for, given residuals a little ahead of its own."""
        groups, fit = self.groups, replace(before.fit, residual=ahead)
        fresh = next_factors(groups, before.robust, fit, before.factors, first=before.first)
        factors, robust = np.where(self.estimates, fresh, before.factors), before.robust
        if self.options.robust:
            robust = next_robust(groups, self.part, fit, factors)
        if before.first or differ(factors, before.factorised):
            now = self.solve(factors, robust, before.system.active)
        else:
            now = self.stepped(before, factors, robust)
        return replace(now, fit=replace(before.fit, residual=now.fit.residual))

    def stepped(self, before: Round, factors: Array, robust: Array) -> Round:
        """Improve a solution for slightly other weights with the factor at hand, which costs a fifth.

        The gains of the groups stay as well: with independent noise they do not depend on the weights at all.
        """
        groups, rows = self.groups, self.rows
        told = replace(before.system.told, weights=robust * groups.members.share / groups.members.variance)
        system = replace(before.system, told=told, scale=1.0 / factors[groups.kind])
        residual = np.zeros((len(rows.usable), 1))
        residual[groups.row, 0] = before.fit.residual
        unknowns = before.unknowns + system.solve(residual, before.unknowns[:, :, None])[:, :, 0]
        fit = replace(before.fit, residual=self.residual(unknowns))
        self.advance(1.0)
        return replace(before, system=system, unknowns=unknowns, factors=factors, robust=robust, fit=fit, first=False)

    def residual(self, unknowns: Array) -> Array:
        """Return observed minus modelled of the members of the groups, mm/yr."""
        modelled = self.groups.at_members(unknowns[:, :, None])[:, 0]
        return np.asarray(self.groups.members.value_mm_per_yr - modelled, dtype=np.float64)


def differ(factors: Array, others: Array) -> bool:
    """Tell whether variance factors are so far apart that what was computed with one must be done again."""
    return bool(np.any(np.abs(np.log(factors / others)) > _SAME_FACTOR))

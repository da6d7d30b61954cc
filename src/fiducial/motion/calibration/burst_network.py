"""The adjustment of very many bursts, each with a few parameters of its own, by overlaps and stations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.motion.calibration.burst_groups import Groups
from fiducial.motion.calibration.burst_rounds import BurstOptions, Round, Rounds, differ
from fiducial.motion.calibration.burst_system import Advance, BurstSystem, connected_parts, pattern_of
from fiducial.motion.calibration.burst_ties import STATION, TIE, BurstNetwork, rows_of
from fiducial.motion.calibration.burst_weights import FACTOR_BOUNDS, FEWEST_REDUNDANT, REJECTED, redundancy

__all__ = ["BurstAdjustment", "BurstOptions", "adjust_bursts"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]


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
        Takes the work just done: 1 for each solution, and the number of bursts whose covariance was found by iteration.

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
    Least squares with the information of each group of observations as `burst_groups` derives it. Leverages come from
    a solution with full weights; then Huber's weights (k 1.5) and variance factors of ties and stations are renewed
    together until no correction at an observation moves by more than 1 % of the observation's sigma. The unknowns of
    a burst form a block, the factor keeps blocks together, and the sigmas come from a selected inverse
    (`geodesy.block_cholesky`); what correlation between groups adds to them is simulated (`burst_noise`).
    """
    options = options or BurstOptions()
    rows = rows_of(network)
    terms = 1 if options.degree == 0 else 3
    groups = Groups.of(network, rows, terms)
    part = connected_parts(network, groups)
    work = Rounds(network, options, rows, groups, part, pattern_of(network, groups, options.solver), advance)
    given = np.array([options.tie_factor or 1.0, options.station_factor or 1.0, 1.0])
    now = replace(work.at_full_weights(given, np.ones((network.size, terms), dtype=bool)), first=True)
    notes = list(rows.notes)
    if options.robust or work.estimates.any():
        now, settled = work.settle(now)
        if differ(now.factors, given):
            # Leverages and expectations belonged to other variance factors: once more with these.
            again = work.at_full_weights(now.factors, now.system.active)
            now, settled = work.settle(replace(again, robust=now.robust))
        notes += [] if settled else ["weights still moving after the last round"]
        last = work.with_covariance(work.solve(now.factors, now.robust, now.system.active))
        now = replace(last, inflation=now.inflation)
    return _result(work, now, notes)


def _result(work: Rounds, found: Round, notes: list[str]) -> BurstAdjustment:
    """Arrange the last round by bursts, and by observations as they were given."""
    groups, bursts, robust = work.groups, work.network.size, found.robust
    weight, residual = np.zeros(work.network.observations), np.full(work.network.observations, np.nan)
    kept = robust > REJECTED
    weight[groups.row], residual[groups.row] = robust * kept, groups.members.turned * found.fit.residual
    squares = robust * groups.members.share * found.fit.residual**2 / groups.members.variance
    number = groups.sums(groups.members.share * kept)

    def of_bursts(values: Array) -> Array:
        total = np.bincount(groups.first, values, bursts)
        return np.asarray(total + np.bincount(groups.second[: groups.ties], values[: groups.ties], bursts))

    terms = found.unknowns.shape[1]
    unknown = np.full((bursts, terms, terms), np.nan)
    return BurstAdjustment(
        network=work.network,
        degree=np.where(found.system.active[:, -1], work.options.degree, 0).astype(np.int64),
        coefficients=found.unknowns,
        covariance=unknown if found.covariance is None else found.covariance * found.inflation,
        residual_mm_per_yr=residual,
        weight=weight,
        observations=of_bursts(number),
        redundancy=of_bursts(number - found.fit.absorbed),
        square_sum=of_bursts(groups.sums(squares)),
        tie_factor=float(found.factors[TIE]),
        station_factor=float(found.factors[STATION]),
        part=work.part,
        notes=(*notes, *_notes(work, found)),
        system=found.system,
    )


def _notes(work: Rounds, found: Round) -> list[str]:
    notes, robust, kind = [], found.robust, work.groups.members.kind
    free = redundancy(work.groups, robust, found.fit)
    for one, word in ((TIE, "ties"), (STATION, "stations")):
        if not np.any(kind == one):
            continue
        rejected = int(((robust <= REJECTED) & (kind == one)).sum())
        notes += [f"{rejected} of {int((kind == one).sum())} {word} rejected"] if rejected else []
        if not work.estimates[one]:
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

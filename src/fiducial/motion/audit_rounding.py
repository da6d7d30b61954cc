"""The double rounding of Level 2b velocities, and the unrounded GNSS line-of-sight rate that it gives away.

EGMS L2b prints ``mean_velocity = round1(v - g) + round1(g)``: v is the velocity of the series, g the GNSS rate along
the line of sight that was put back in, and ``round1(g)`` is printed as ``gnss_velocity``. The series themselves carry
the unrounded g, so every point confines g to two intervals 0.1 mm/yr wide, and thousands of them confine its plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import ndtr

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.robust import robust_fit
from fiducial.timescales import Epochs, egms_years

Array = NDArray[np.float64]

UNIT_MM_PER_YR: Final = 0.1
"""Printed unit of every EGMS velocity."""

MINIMUM_POINTS: Final = 50
EXPLAINED: Final = 0.95
"""Share of printed velocities from which a rounding counts as the one that was used."""

_HALF: Final = UNIT_MM_PER_YR / 2
_CONTAMINATION: Final = 0.01
_SIGMAS: Final = 3.0
# More blur than this is no blur: the points then follow another rule, and count as not explained.
_LARGEST_BLUR: Final = 0.02
_NEGLIGIBLE: Final = 0.1
_FIRST_BLURS: Final = (0.3, 4.0)
_COLUMN_BLUR: Final = 0.3
# A 50 km GNSS grid bends by hundredths of this over 10 km; and its nodes are borders of the regions.
_REGION_M: Final = 10_000.0
_WHOLE_M: Final = 2 * _REGION_M
_FOLDS: Final = 6
_KM: Final = 1000.0


@dataclass(frozen=True)
class VelocitySample:
    """Velocities of points of one Level 2b file.

    Attributes
    ----------
    easting, northing : ndarray, shape (point,)
        EPSG:3035, metres.
    refitted_mm_per_yr : ndarray, shape (point,)
        v, from the series by the documented formula.
    printed_mm_per_yr : ndarray, shape (point,)
        Column ``mean_velocity``.
    printed_gnss_mm_per_yr : ndarray, shape (point,)
        Column ``gnss_velocity``.
    refit_sigma_mm_per_yr : float
        Of v, from the rounding of the printed series alone (:func:`refit_sigma`).
    """

    easting: Array
    northing: Array
    refitted_mm_per_yr: Array
    printed_mm_per_yr: Array
    printed_gnss_mm_per_yr: Array
    refit_sigma_mm_per_yr: float

    def usable(self) -> VelocitySample:
        """Return the points that have every number.

        Raises
        ------
        InputError
            FID-1075 when the arrays are not of one length.
        """
        columns = (self.easting, self.northing, self.refitted_mm_per_yr, self.printed_mm_per_yr,
                   self.printed_gnss_mm_per_yr)  # fmt: skip
        if len({np.shape(column) for column in columns}) != 1 or np.ndim(columns[0]) != 1:
            raise InputError(
                "FID-1075",
                "the velocities of a sample are not of one length",
                where=f"shapes {[np.shape(column) for column in columns]}",
                fix="give every array one value a point",
            )
        known = np.asarray(np.isfinite(np.stack(columns)).all(axis=0), dtype=np.bool_)
        return self.select(known)

    def select(self, mask: NDArray[np.bool_]) -> VelocitySample:
        """Return the points chosen by a boolean mask."""
        return VelocitySample(self.easting[mask], self.northing[mask], self.refitted_mm_per_yr[mask],
                              self.printed_mm_per_yr[mask], self.printed_gnss_mm_per_yr[mask],
                              self.refit_sigma_mm_per_yr)  # fmt: skip


@dataclass(frozen=True)
class GnssRatePlane:
    """The hidden GNSS line-of-sight rate in one region, as a plane.

    Attributes
    ----------
    easting, northing : float
        Centroid of the points, EPSG:3035, metres; the plane is counted from here.
    parameters : ndarray, shape (3,)
        Rate at the centroid (mm/yr, positive towards the satellite), gradient to the east and to the north
        (mm/yr/km).
    covariance : ndarray, shape (3, 3)
        Of the parameters; from the scatter between sub-regions, so that a bent surface widens it.
    edge_blur_mm_per_yr : float
        Estimated blur of the interval edges: ``refit_sigma`` when the plane is exact, more when it is not.
    points : int
    """

    easting: float
    northing: float
    parameters: Array
    covariance: Array
    edge_blur_mm_per_yr: float
    points: int

    def at(self, easting: ArrayLike, northing: ArrayLike) -> Array:
        """Return the rate at places, mm/yr."""
        return np.asarray(self._design(easting, northing) @ self.parameters, dtype=np.float64)

    def sigma_at(self, easting: float, northing: float) -> float:
        """Return the standard deviation of the rate at a place, mm/yr."""
        row = self._design(easting, northing)
        return float(np.sqrt(row @ self.covariance @ row))

    def _design(self, easting: ArrayLike, northing: ArrayLike) -> Array:
        east = (np.asarray(easting, dtype=np.float64) - self.easting) / _KM
        north = (np.asarray(northing, dtype=np.float64) - self.northing) / _KM
        return np.stack([np.ones_like(east), east, north], axis=-1)


@dataclass(frozen=True)
class RoundingShares:
    """How the printed velocities come about; every share 0..1 of ``points``.

    Attributes
    ----------
    points : int
        Those in a region that has a plane.
    single : float
        Equal to the refitted velocity rounded once.
    double : float
        Equal to round1(v - g) + printed ``gnss_velocity`` with g of the recovered plane.
    column : float
        Printed ``gnss_velocity`` equal to round1(g).
    single_tolerant, double_tolerant : float
        The same when v may be off by three of its sigmas, as the printed series are rounded themselves; and g by
        as much as the edges of its region are blurred.
    """

    points: int
    single: float
    double: float
    column: float
    single_tolerant: float
    double_tolerant: float

    @property
    def verdict(self) -> str:
        """``double``, ``single`` or ``neither``: the rounding that explains the column."""
        if self.single_tolerant >= EXPLAINED:
            return "single"
        return "double" if self.double_tolerant >= EXPLAINED else "neither"


@dataclass(frozen=True)
class GnssRate:
    """The hidden GNSS line-of-sight rate of a file.

    Attributes
    ----------
    planes : tuple of GnssRatePlane
        One for a file that is not larger than 20 km, otherwise one for each region of 10 km that has 50 points.
    shares : RoundingShares
    untested : int
        Points in regions without a plane.
    """

    planes: tuple[GnssRatePlane, ...]
    shares: RoundingShares
    untested: int

    def nearest(self, easting: float, northing: float) -> GnssRatePlane:
        """Return the plane whose centroid is nearest to a place."""
        return min(self.planes, key=lambda plane: np.hypot(plane.easting - easting, plane.northing - northing))


def refit_sigma(epochs: Epochs) -> float:
    """Return the standard deviation of a refitted velocity that the rounding of the printed series causes, mm/yr.

    Parameters
    ----------
    epochs : ndarray of datetime64, shape (epoch,)
        At least five, strictly increasing, UTC.

    Notes
    -----
    sqrt((G'G)^-1_tt) q / sqrt(12) with G = [t 1 cos sin] (2 pi t) and q = 0.1 mm; t in years of 365 days.
    """
    years = egms_years(epochs)
    angle = 2 * np.pi * years
    design = np.column_stack([years, np.ones_like(years), np.cos(angle), np.sin(angle)])
    first_row = np.linalg.pinv(design)[0]
    return float(np.linalg.norm(first_row) * 0.1 / np.sqrt(12.0))


def single_share(sample: VelocitySample) -> tuple[float, float]:
    """Return the shares of printed velocities that one rounding explains: strictly, and within three sigmas of v.

    Notes
    -----
    |printed - v| <= 0.05 mm/yr, without or with 3 ``refit_sigma``. ``printed_gnss`` is not used.
    """
    gap = np.abs(sample.refitted_mm_per_yr - sample.printed_mm_per_yr)
    gap = gap[np.isfinite(gap)]
    if not gap.size:
        return float("nan"), float("nan")
    wide = _HALF + _SIGMAS * sample.refit_sigma_mm_per_yr
    return float(np.mean(gap <= _HALF)), float(np.mean(gap <= wide))


def recover_gnss_rate(sample: VelocitySample) -> GnssRate:
    """Recover the unrounded GNSS line-of-sight rate from a Level 2b file, and count what it explains.

    Parameters
    ----------
    sample : VelocitySample

    Returns
    -------
    GnssRate

    Raises
    ------
    NumericsError
        FID-3041 when no region has 50 points that spread over an area.

    Notes
    -----
    d = v - printed + printed_gnss is g plus the rounding error of the residual, so |d - g| <= 0.05, with edges
    blurred by the rounding of the series; and |printed_gnss - g| <= 0.05. The plane of g maximises
    sum log((1 - e) P + e) over both intervals, P the probability of the interval under a normal blur whose width
    is estimated too, e = 1 % for points that follow other rules. Its covariance is the cluster-robust sandwich
    H^-1 (sum s s') H^-1 over sub-regions (Liang and Zeger 1986). Interval edges tell more than the mean of d:
    the information of n points grows like n / (width * blur) instead of n / width^2.
    """
    clean = sample.usable()
    planes: list[GnssRatePlane] = []
    counted = np.zeros(5)
    tested = 0
    for mask in _regions(clean):
        region = clean.select(mask)
        plane = _fit_plane(region)
        if plane is None:
            continue
        planes.append(plane)
        tested += plane.points
        counted += _explained(region, plane)
    if not planes:
        raise NumericsError(
            "FID-3041",
            f"no region has {MINIMUM_POINTS} points that spread over an area",
            where=f"{clean.easting.size} points with velocity and gnss_velocity",
            fix="give a larger part of the burst",
        )
    single, double, column, single_tolerant, double_tolerant = (float(count) / tested for count in counted)
    shares = RoundingShares(tested, single, double, column, single_tolerant, double_tolerant)
    return GnssRate(tuple(planes), shares, clean.easting.size - tested)


def _regions(sample: VelocitySample) -> list[NDArray[np.bool_]]:
    """Return masks of the points: all in one when they are close together, else one a map cell."""
    if not sample.easting.size:
        return []
    if max(np.ptp(sample.easting), np.ptp(sample.northing)) <= _WHOLE_M:
        return [np.ones(sample.easting.size, dtype=np.bool_)]
    cells = np.floor(np.column_stack([sample.easting, sample.northing]) / _REGION_M).astype(np.int64)
    _, group = np.unique(cells, axis=0, return_inverse=True)
    flat = group.ravel()
    return [flat == number for number in range(int(flat.max()) + 1)]


def _explained(region: VelocitySample, plane: GnssRatePlane) -> Array:
    rate = plane.at(region.easting, region.northing)
    single = np.abs(region.refitted_mm_per_yr - region.printed_mm_per_yr)
    double = np.abs(region.refitted_mm_per_yr - region.printed_mm_per_yr + region.printed_gnss_mm_per_yr - rate)
    column = np.abs(region.printed_gnss_mm_per_yr - rate)
    wide = _HALF + _SIGMAS * region.refit_sigma_mm_per_yr
    blurred = _HALF + _SIGMAS * plane.edge_blur_mm_per_yr
    tests = (single <= _HALF, double <= _HALF, column <= _HALF, single <= wide, double <= blurred)
    return np.array([np.count_nonzero(test) for test in tests], dtype=np.float64)


def _fit_plane(region: VelocitySample) -> GnssRatePlane | None:
    """Return the plane of the hidden rate, None when the points cannot carry one."""
    points = region.easting.size
    if points < MINIMUM_POINTS:
        return None
    centre = float(np.mean(region.easting)), float(np.mean(region.northing))
    design = np.column_stack([np.ones(points), (region.easting - centre[0]) / _KM, (region.northing - centre[1]) / _KM])
    middle = region.refitted_mm_per_yr - region.printed_mm_per_yr + region.printed_gnss_mm_per_yr
    try:
        start = robust_fit(design, middle, np.full(points, 12.0 / UNIT_MM_PER_YR**2)).estimate
    except NumericsError:
        return None
    floor = max(region.refit_sigma_mm_per_yr, 1e-5)
    intervals = np.stack([middle, region.printed_gnss_mm_per_yr])
    limits = np.log(_NEGLIGIBLE**2 * floor), np.log(max(_LARGEST_BLUR, floor))

    def cost(scaled: Array) -> tuple[float, Array]:
        value, score = _likelihood(scaled * scale, design, intervals, floor)
        return -value, -score.sum(axis=0) * scale

    # Rates in units of their blur, so that the optimiser sees numbers of one size. More than one first blur: with
    # sharp edges the likelihood is flat wherever few edges lie, with dull ones the column's own interval pulls.
    scale = np.array([floor, floor, floor, 1.0])
    bounds = [(None, None)] * 3 + [limits]
    runs = [minimize(cost, np.append(start, np.clip(np.log(factor * floor), *limits)) / scale, jac=True, bounds=bounds,
                     method="L-BFGS-B", options={"maxiter": 200}) for factor in _FIRST_BLURS]  # fmt: skip
    best = np.asarray(min(runs, key=lambda run: float(run.fun)).x, dtype=np.float64) * scale
    free = 4 if np.log(_NEGLIGIBLE * floor) < best[3] < limits[1] else 3
    covariance = _sandwich(best, design, intervals, floor, _folds(region), free)
    return GnssRatePlane(*centre, best[:3], covariance, float(np.hypot(floor, np.exp(best[3]))), points)


def _likelihood(parameters: Array, design: Array, intervals: Array, floor: float) -> tuple[float, Array]:
    """Return the log-likelihood and the score of each point, shape (point, 4)."""
    rate = design @ parameters[:3]
    extra = float(np.exp(parameters[3]))
    total = 0.0
    by_rate = np.zeros(rate.size)
    by_blur = np.zeros(rate.size)
    # The rounding of the series does not reach the printed column; a little blur keeps its edges differentiable.
    for middle, own in zip(intervals, (floor, _COLUMN_BLUR * floor), strict=True):
        blur = float(np.hypot(own, extra))
        upper, lower = (middle + _HALF - rate) / blur, (middle - _HALF - rate) / blur
        probability = (1 - _CONTAMINATION) * (ndtr(upper) - ndtr(lower)) + _CONTAMINATION
        upper_density, lower_density = _density(upper), _density(lower)
        factor = (1 - _CONTAMINATION) / (probability * blur)
        by_rate += factor * (lower_density - upper_density)
        by_blur += factor * (lower * lower_density - upper * upper_density) * extra**2 / blur
        total += float(np.sum(np.log(probability)))
    return total, np.column_stack([design * by_rate[:, None], by_blur])


def _density(standardised: Array) -> Array:
    return np.asarray(np.exp(-0.5 * np.minimum(standardised**2, 1400.0)) / np.sqrt(2 * np.pi), dtype=np.float64)


def _folds(region: VelocitySample) -> NDArray[np.int64]:
    """Return the sub-region of each point, on a grid of 6 by 6 over their extent."""
    codes = np.zeros(region.easting.size, dtype=np.int64)
    for values in (region.easting, region.northing):
        extent = max(float(np.ptp(values)), 1.0)
        codes = codes * _FOLDS + np.minimum(((values - values.min()) / extent * _FOLDS).astype(np.int64), _FOLDS - 1)
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.int64)


def _sandwich(best: Array, design: Array, intervals: Array, floor: float, folds: NDArray[np.int64], free: int) -> Array:
    """Return the cluster-robust covariance of the plane, shape (3, 3); a blur at its limit (free = 3) has no curvature."""
    groups = int(folds.max()) + 1
    score = _likelihood(best, design, intervals, floor)[1]
    summed = np.stack([np.bincount(folds, weights=score[:, k], minlength=groups) for k in range(free)], axis=1)
    hessian = np.empty((free, free))
    for k, step in enumerate((1e-5, 1e-5, 1e-5, 1e-3)[:free]):
        ahead, behind = best.copy(), best.copy()
        ahead[k] += step
        behind[k] -= step
        difference = (_likelihood(ahead, design, intervals, floor)[1]
                      - _likelihood(behind, design, intervals, floor)[1])  # fmt: skip
        hessian[k] = -difference.sum(axis=0)[:free] / (2 * step)
    inverse = np.linalg.pinv((hessian + hessian.T) / 2)
    correction = groups / max(groups - free, 1)
    return np.asarray((correction * inverse @ (summed.T @ summed) @ inverse)[:3, :3], dtype=np.float64)

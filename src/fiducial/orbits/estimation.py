"""Helmert parameters and weights of the centres from a day's moments, for any choice of centres and satellites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.orbits.moments import HELMERT, DayMoments
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.weights import Components, cap_shares, robust_deviations, variance_components

Array = NDArray[np.float64]

_SWEEPS: Final = 40
_CONVERGED_M: Final = 1e-6
_WEIGHTS_FROM: Final = 2
_ROBUST_FLOOR: Final = 0.05
_LEAST_RMS_M: Final = 1e-6
_CORE_CENTRES: Final = 3
_SIX: Final = [0, 1, 2, 4, 5, 6]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What one set of centres and satellites gives.

    Attributes
    ----------
    helmert : ndarray, shape (centre, constellation, 7)
        Displacement of every centre to the combination: Tx, Ty, Tz, scale, Rx, Ry, Rz, all in metres at
        ``ORBIT_HEIGHT_M``; NaN for a centre without a satellite to fit.
    helmert_sigma : ndarray, shape (centre, constellation, 7)
        Standard deviations, with the satellites' arcs as the independent units.
    weight : ndarray, shape (centre, satellite)
        Relative weights, zero where a centre is not used for a satellite.
    centre_sigma_m : ndarray, shape (centre, group)
        Standard deviation of a centre for a group of satellites; NaN where unknown.
    satellite_sigma_m : ndarray, shape (satellite,)
        Excess standard deviation of a satellite common to all centres; NaN where unknown.
    rms_m : ndarray, shape (centre, satellite)
        RMS per coordinate of a centre to the combination after Helmert; NaN where it has no records, and for a
        satellite that it alone carries.
    records : ndarray of int, shape (centre, satellite)
        Records of a centre at epochs that the combination has.
    centres_used : ndarray of int, shape (satellite,)
        Largest number of weighted centres.
    notes : tuple of str
        What guards had to do.
    """

    helmert: Array
    helmert_sigma: Array
    weight: Array
    centre_sigma_m: Array
    satellite_sigma_m: Array
    rms_m: Array
    records: NDArray[np.int64]
    centres_used: NDArray[np.int64]
    notes: tuple[str, ...]


def estimate(
    moments: DayMoments, weighted: NDArray[np.bool_], group_of: NDArray[np.intp], options: CombinationOptions
) -> Estimate:
    """Estimate Helmert parameters, variances and weights.

    Parameters
    ----------
    moments : DayMoments
    weighted : ndarray of bool, shape (centre, satellite)
        Which centre takes part in the combination of which satellite; all others are compared only.
    group_of : ndarray of int, shape (satellite,)
        Group of satellites for which a centre has one weight.
    options : CombinationOptions

    Notes
    -----
    Alternates between the weighted mean and the Helmert transformations of the centres to it. A transformation
    minimises the sum over satellites of the RMS of arcs, not of their squares. Datum: the weighted mean of the
    translations and rotations, and the plain mean of the scales, of the weighted centres are zero.
    """
    return _Solver(moments, weighted, group_of, options).run()


class _Solver:
    def __init__(
        self, moments: DayMoments, weighted: NDArray[np.bool_], group_of: NDArray[np.intp], options: CombinationOptions
    ) -> None:
        self.options = options
        self.group_of = group_of
        self.weighted = weighted
        letters = [name[0] for name in moments.satellites]
        self.letters = list(dict.fromkeys(letters))
        self.constellation_of = np.array([self.letters.index(letter) for letter in letters], dtype=np.intp)
        used = moments.present & weighted[:, moments.satellite].T
        # Epochs that no weighted centre covers have no combination to be compared with.
        keep = used.any(axis=1)
        self.satellite = moments.satellite[keep]
        self.present = moments.present[keep]
        self.used = used[keep]
        self.products = moments.products[keep]
        self.observations = 3.0 * moments.epochs[keep].astype(np.float64)
        self.epochs = moments.epochs[keep]
        self.centres, self.satellites = weighted.shape
        self.constellation = self.constellation_of[self.satellite]
        self.identity = np.eye(self.centres)
        self.records = np.stack([self._per_satellite(self.epochs * self.present[:, k]) for k in range(self.centres)])
        self.centres_used = np.zeros(self.satellites, dtype=np.int64)
        np.maximum.at(self.centres_used, self.satellite, self.used.sum(axis=1))
        self.helmert = np.zeros((self.centres, len(self.letters), HELMERT))
        self.weight = np.where(weighted & (self.records > 0), 1.0, 0.0)
        self.fitted = self._fitted()
        self.centre_variance = np.full((self.centres, int(group_of.max(initial=0)) + 1), np.nan)
        self.excess = np.full(self.satellites, np.nan)
        self.components: dict[int, Components] = {}
        self.notes: list[str] = []

    def run(self) -> Estimate:
        rms = self._rms()
        for sweep in range(_SWEEPS):
            if sweep >= _WEIGHTS_FROM:
                self._weigh(rms, first=sweep == _WEIGHTS_FROM)
            step = self._align(rms)
            rms = self._rms()
            if step < _CONVERGED_M and sweep > _WEIGHTS_FROM:
                break
        return Estimate(
            helmert=np.where(np.isfinite(self.sigma) | self._moved()[:, :, None], self.helmert, np.nan),
            helmert_sigma=self.sigma,
            weight=self.weight,
            centre_sigma_m=np.sqrt(self.centre_variance),
            satellite_sigma_m=np.sqrt(self.excess),
            # The only centre of a satellite agrees with itself, which says nothing.
            rms_m=np.where((self.weight > 0) & (self.centres_used == 1), np.nan, rms),
            records=self.records.astype(np.int64),
            centres_used=self.centres_used,
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _moved(self) -> NDArray[np.bool_]:
        """Centres that have a constellation, shape (centre, constellation).

        Without an arc to fit there, the translation and rotation of the other constellations hold.
        """
        letters = range(len(self.letters))
        return np.stack([(self.records[:, self.constellation_of == c] > 0).any(axis=1) for c in letters], axis=1)

    def _fitted(self) -> NDArray[np.bool_]:
        """Arcs that enter the Helmert fits: rejected ones do not, unless the centre has no others to be compared by."""
        fitted = self.weighted.copy()
        for c in range(len(self.letters)):
            member = self.constellation_of == c
            fitted[np.ix_(~self.weighted[:, member].any(axis=1), member)] = True
        return fitted

    def _per_satellite(self, values: NDArray[np.generic]) -> Array:
        return np.bincount(self.satellite, np.asarray(values, dtype=np.float64), self.satellites).astype(np.float64)

    def _residuals(self, shares: Array, rows: NDArray[np.intp] | slice = slice(None)) -> tuple[Array, Array]:
        """Combination and residuals of every centre as combinations of the columns of the moments."""
        helmert = self.helmert[:, self.constellation[rows], :].transpose(1, 0, 2)
        own = np.concatenate([np.broadcast_to(self.identity, (len(helmert), *self.identity.shape)), helmert], axis=2)
        mean = np.einsum("gk,gkj->gj", shares, own)
        return mean, own - mean[:, None, :]

    def _squares(self, shares: Array, rows: NDArray[np.intp] | slice = slice(None)) -> Array:
        _, residual = self._residuals(shares, rows)
        sums = np.einsum("gkj,gkj->gk", residual @ self.products[rows], residual)
        return np.asarray(np.maximum(sums, 0.0) * self.present[rows])

    def _gram(self, rows: NDArray[np.intp]) -> Array:
        """Inner products of the centres' deviations after Helmert, shape (row, centre, centre)."""
        helmert = self.helmert[:, self.constellation[rows], :].transpose(1, 0, 2)
        own = np.concatenate([np.broadcast_to(self.identity, (len(helmert), *self.identity.shape)), helmert], axis=2)
        return np.asarray(own @ self.products[rows] @ own.transpose(0, 2, 1))

    def _shares(self) -> Array:
        return cap_shares(self.weight[:, self.satellite].T * self.used, self.options.share_limit)[0]

    def _rms(self) -> Array:
        sums = self._squares(self._shares())
        total = np.stack([self._per_satellite(sums[:, k]) for k in range(self.centres)])
        with np.errstate(invalid="ignore", divide="ignore"):
            rms: Array = np.sqrt(total / (3.0 * self.records))
        return np.where(self.records > 0, rms, np.nan)

    def _weigh(self, rms: Array, *, first: bool) -> None:
        if self.options.weighting == "equal":
            return
        if self.options.weighting == "absolute-deviation":
            # Taken once, from the unweighted mean: deviations from a weighted mean would favour its heaviest centre.
            if first:
                self._weigh_by_deviation(rms)
            return
        for group in np.unique(self.group_of):
            self._weigh_by_components(int(group))

    def _weigh_by_deviation(self, rms: Array) -> None:
        for group in np.unique(self.group_of):
            member = self.group_of == group
            several = member & (self.centres_used >= 2)
            deviation = robust_deviations(np.where(self.weighted, rms, np.nan), several)
            known = np.isfinite(deviation)
            if not known.any():
                continue
            floor = 0.05 * float(np.median(deviation[known]))
            deviation[~known] = np.median(deviation[known])
            self.centre_variance[:, group] = np.where(known, np.maximum(deviation, floor) ** 2, np.nan)
            variance = np.maximum(deviation, max(floor, _LEAST_RMS_M)) ** 2
            rows = self.weighted[:, member] & (self.records[:, member] > 0)
            self.weight[:, member] = np.where(rows, 1.0 / variance[:, None], 0.0)

    def _weigh_by_components(self, group: int) -> None:
        member = self.group_of == group
        rows = np.flatnonzero(member[self.satellite])
        if not rows.size:
            return
        gram, present = self._gram(rows), self.present[rows]
        found = variance_components(
            lambda weights: _squares_about_mean(gram, _normalised(weights)) * present,
            self.used[rows],
            self.observations[rows],
            self.satellite[rows],
            self.satellites,
            with_satellites=np.unique(self.satellite[rows]).size > 1,
            start=self.components.get(group),
        )
        self.components[group] = found
        self.notes.extend(found.notes)
        known = np.isfinite(found.centre_variance)
        self.centre_variance[:, group] = np.where(known, found.centre_variance, np.nan)
        self.excess[member] = found.satellite_variance[member]
        # A centre that is alone wherever it appears has no variance, and needs none.
        own = np.where(known, found.centre_variance, 1.0)
        variance = own[:, None] + np.nan_to_num(found.satellite_variance[member])[None, :]
        usable = self.weighted[:, member] & (self.records[:, member] > 0)
        self.weight[:, member] = np.divide(1.0, variance, out=np.zeros_like(variance), where=usable)

    def _align(self, rms: Array) -> float:
        """Fit every centre to the mean; return the largest change of a parameter, metres."""
        mean, _ = self._residuals(self._shares())
        known = (
            np.isfinite(rms)
            & self.fitted
            & (self.centres_used >= min(_CORE_CENTRES, int(self.centres_used.max(initial=1))))
        )
        floor = _ROBUST_FLOOR * float(np.median(rms[known])) if known.any() else 1.0
        omega = np.where(known, 1.0 / np.maximum(np.nan_to_num(rms), max(floor, _LEAST_RMS_M)), 0.0)
        row_weight = omega[:, self.satellite].T * self.present
        design = self.products[:, self.centres :, :]
        towards = -(design[:, :, : self.centres] - np.einsum("gij,gj->gi", design, mean)[:, :, None])
        normal, right = self._assemble(row_weight, design[:, :, self.centres :], towards)
        solution, self.sigma = self._solve(normal, right, row_weight, design, mean)
        solution = self._datum(solution)
        step = float(np.max(np.abs(solution - self.helmert), initial=0.0))
        self.helmert = solution
        return step

    @property
    def _columns(self) -> list[list[int]]:
        """Columns of the parameters of each constellation: six shared ones and its scale."""
        common = self.options.scale_model == "common"
        return [[0, 1, 2, 6 if common else 6 + c, 3, 4, 5] for c in range(len(self.letters))]

    def _assemble(self, row_weight: Array, square: Array, towards: Array) -> tuple[Array, Array]:
        size = 6 + len(self.letters)
        normal = np.zeros((self.centres, size, size))
        right = np.zeros((self.centres, size))
        for c, columns in enumerate(self._columns):
            rows = self.constellation == c
            normal[:, np.array(columns)[:, None], columns] += np.einsum("gk,gij->kij", row_weight[rows], square[rows])
            right[:, columns] += np.einsum("gk,gik->ki", row_weight[rows], towards[rows])
        return normal, right

    def _solve(self, normal: Array, right: Array, row_weight: Array, design: Array, mean: Array) -> tuple[Array, Array]:
        helmert = np.zeros_like(self.helmert)
        sigma = np.full_like(self.helmert, np.nan)
        inverse = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
        solution = np.einsum("kij,kj->ki", inverse, right)
        for c, columns in enumerate(self._columns):
            helmert[:, c] = solution[:, columns]
        # Errors of an orbit hang together all day: the arcs, not the records, are the independent units.
        gradient = np.zeros((self.satellites, *right.shape))
        for c, columns in enumerate(self._columns):
            rows = np.flatnonzero(self.constellation == c)
            own = np.einsum("gij,kj->gik", design[rows][:, :, self.centres :], helmert[:, c])
            residual = (
                design[rows][:, :, : self.centres] - np.einsum("gij,gj->gi", design[rows], mean[rows])[:, :, None]
            )
            part = (residual + own).transpose(0, 2, 1) * row_weight[rows][:, :, None]
            for position, column in enumerate(columns):
                np.add.at(gradient[:, :, column], self.satellite[rows], part[:, :, position])
        arcs = (row_weight > 0).astype(float)
        count = np.stack([self._per_satellite(arcs[:, k]) > 0 for k in range(self.centres)]).sum(axis=1)
        meat = np.einsum("ski,skj->kij", gradient, gradient)
        covariance = inverse @ meat @ inverse * (count / np.maximum(count - 2, 1))[:, None, None]
        variance = np.einsum("kii->ki", covariance)
        for c, columns in enumerate(self._columns):
            present = normal[:, columns[3], columns[3]] > 0
            sigma[present, c] = np.sqrt(np.maximum(variance[present][:, columns], 0.0))
        return helmert, sigma

    def _datum(self, helmert: Array) -> Array:
        """Shift all parameters so that those of the weighted centres have zero mean.

        Origin and orientation stay those of the weighted mean of the submitted orbits: a centre counts with its mean
        share. A scale is a matter of antenna offsets, on which the precision of a centre says nothing: each counts
        alike.
        """
        shifted = helmert.copy()
        takes_part = self.weighted & (self.records > 0)
        if not takes_part.any():
            return shifted
        share = cap_shares(np.where(takes_part, self.weight, 0.0).T, self.options.share_limit)[0].sum(axis=0)
        shifted[:, :, _SIX] -= (share / share.sum()) @ helmert[:, 0, :][:, _SIX]
        if self.options.scale_model == "common":
            shifted[:, :, 3] -= helmert[takes_part.any(axis=1), 0, 3].mean()
            return shifted
        for c in range(len(self.letters)):
            has = takes_part[:, self.constellation_of == c].any(axis=1)
            if has.any():
                shifted[:, c, 3] -= helmert[has, c, 3].mean()
        return shifted


def _squares_about_mean(gram: Array, shares: Array) -> Array:
    """Sums of squared residuals of every centre to the mean of these shares, shape (cell, centre)."""
    with_mean = (gram @ shares[:, :, None])[:, :, 0]
    mean = (shares * with_mean).sum(axis=1)
    sums = np.einsum("gkk->gk", gram) - 2.0 * with_mean + mean[:, None]
    return np.asarray(np.maximum(sums, 0.0))


def _normalised(weights: Array) -> Array:
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0), dtype=np.float64)

"""Noise of the centres' clocks from the differences of all pairs: no combination, hence no favourite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Array = NDArray[np.float64]

_SWEEPS: Final = 4
_LEAST_SATELLITES: Final = 3
_LEAST_RECORDS: Final = 20
_MAD: Final = 1.4826
_EPOCHS: Final = 120
_LEAST_S: Final = 1e-13
"""Far below the rounding of clock files; copies of one file differ by nothing at all."""


@dataclass(frozen=True, slots=True, eq=False)
class ClockNoise:
    """Noise of one constellation's clocks.

    Attributes
    ----------
    sigma_s : ndarray, shape (centre,)
        Standard deviation of a record after its epoch datum and satellite constant; NaN for a centre without clocks.
    datum_roughness_s : ndarray, shape (centre,)
        Standard deviation of a centre's time scale from a straight line; NaN where unknown.
    pairs_s : ndarray, shape (centre, centre)
        Robust standard deviation of the differences.
    separable : bool
        False with two centres, which then share the variance alike.
    """

    sigma_s: Array
    datum_roughness_s: Array
    pairs_s: Array
    separable: bool


def masked_median(values: Array, axis: int) -> Array:
    """Median without NaN; NaN where there is none.

    Parameters
    ----------
    values : ndarray
    axis : int
    """
    ordered = np.moveaxis(np.sort(values, axis=axis), axis, 0)
    count = np.isfinite(ordered).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, len(ordered) - 1)
    pick = [np.take_along_axis(ordered, index[None], axis=0)[0] for index in (low, high)]
    return np.asarray(np.where(count > 0, 0.5 * (pick[0] + pick[1]), np.nan), dtype=np.float64)


def datum_and_constants(difference_s: Array) -> tuple[Array, Array]:
    """Split clock differences into a datum per epoch and a constant per satellite, by medians.

    Parameters
    ----------
    difference_s : ndarray, shape (epoch, satellite)

    Returns
    -------
    datum_s : ndarray, shape (epoch,)
    constant_s : ndarray, shape (satellite,)
        Their median is zero.
    """
    constant = np.zeros(difference_s.shape[1])
    datum = np.full(difference_s.shape[0], np.nan)
    for _ in range(_SWEEPS):
        datum = masked_median(difference_s - constant, axis=1)
        constant = masked_median(difference_s - datum[:, None], axis=0)
        known = np.isfinite(constant)
        if known.any():
            constant -= np.median(constant[known])
        constant[~known] = 0.0
    return datum, constant


def clock_noise(clock_s: Array) -> ClockNoise:
    """Estimate the noise of every centre from the differences of all pairs.

    Parameters
    ----------
    clock_s : ndarray, shape (centre, epoch, satellite)
        Clocks of one constellation, NaN where missing, already corrected for radial orbit differences.

    Notes
    -----
    For every pair a datum per epoch and a constant per satellite are taken off; 1.4826 times the median absolute rest
    is the standard deviation of the difference. The variances of the centres solve s_i2 + s_j2 = s_ij2 in
    least squares relative to s_ij2 and not below zero (the N-cornered hat: Gray and Allan 1974, Proc. 28th Freq.
    Control Symp., 243). The same is done for the bends of the datum, each less its straight line.
    """
    centres = len(clock_s)
    epochs = _chosen_epochs(clock_s)
    thin = clock_s[:, epochs]
    pairs = np.full((centres, centres), np.nan)
    rough = np.full((centres, centres), np.nan)
    for i in range(centres):
        for j in range(i + 1, centres):
            difference = thin[i] - thin[j]
            known = np.isfinite(difference)
            if known.sum() < _LEAST_RECORDS or (known.sum(axis=0) > 1).sum() < _LEAST_SATELLITES:
                continue
            datum, constant = datum_and_constants(difference)
            rest = difference - datum[:, None] - constant
            pairs[i, j] = pairs[j, i] = _MAD * float(np.median(np.abs(rest[known])))
            rough[i, j] = rough[j, i] = _bend(datum)
    return ClockNoise(
        _cornered(pairs), _cornered(rough), pairs, separable=bool((np.isfinite(pairs).any(axis=1)).sum() > 2)
    )


def _chosen_epochs(clock_s: Array) -> NDArray[np.intp]:
    """Epochs, not too many, at which most centres have clocks; coarse centres decide."""
    having = np.isfinite(clock_s).any(axis=2).sum(axis=0)
    best = np.flatnonzero(having == having.max()) if having.size else np.zeros(0, dtype=np.intp)
    if best.size > _EPOCHS:
        best = best[np.linspace(0, best.size - 1, _EPOCHS).astype(np.intp)]
    return best


def _bend(datum_s: Array) -> float:
    row = np.flatnonzero(np.isfinite(datum_s))
    if row.size < 3:
        return float("nan")
    line = np.polynomial.Polynomial.fit(row, datum_s[row], 1)
    return float(np.std(datum_s[row] - line(row)))


def _cornered(pairs: Array) -> Array:
    i, j = np.nonzero(np.triu(np.isfinite(pairs), 1))
    sigma = np.full(len(pairs), np.nan)
    if not i.size:
        return sigma
    members = np.unique(np.concatenate([i, j]))
    if members.size == 2:
        sigma[members] = pairs[i[0], j[0]] / np.sqrt(2.0)
        return sigma
    square = np.maximum(pairs[i, j], _LEAST_S) ** 2
    design = np.zeros((i.size, members.size))
    rows = np.arange(i.size)
    design[rows, np.searchsorted(members, i)] = 1.0 / square
    design[rows, np.searchsorted(members, j)] = 1.0 / square
    variance, _ = nnls(design, np.ones(i.size))
    sigma[members] = np.maximum(np.sqrt(variance), _LEAST_S)
    return sigma

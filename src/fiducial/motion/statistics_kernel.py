"""Compiled kernel of the EGMS statistics; :mod:`fiducial.motion.statistics` is its only caller.

One pass over a block of 64 points serves every statistic. The designs of the document are nested,
G1 = [1, cos, sin, t] in G2 = [G1, t^2/2] in G3 = [G2, t^3], so with columns in this order the leading parts of
one 6 x 6 Cholesky factor solve all three. Before, the columns are made orthonormal on the full set of
epochs: the normal matrix of a point is then I - M, where M sums the rows that the point lacks, and M = 0 where
nothing is missing.

The shape of the code is dictated by the vectoriser and was measured, not guessed: scratch arrays that start at
an offset known when compiling (an unknown offset costs a negative-index test, hence gathers), eight epochs for
each turn of an accumulator through the cache, and the block's body in its own function outside ``prange``.
Products are accumulated in float64, because they are as fast here as float32 and need no second pass over the
residuals; only the phase of the coherence is float32.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

BLOCK: Final = 64
"""Points of a block; its scratch (300 epochs: 77 kB) stays in the second-level cache."""

GROUP: Final = 8
"""Epochs of a group; the tables of the epochs are padded with zeros to a multiple of it."""

MINIMUM_PIVOT: Final = 1e-6
"""Below it the full set's orthonormal basis no longer conditions what a point has: the oracle takes over."""

FINE: Final = 0
ILL_CONDITIONED: Final = 1
INFINITE: Final = 2

# No "nnan" among the flags: a gap is found by x != x. No "reassoc": it would cancel the rounding trick below.
_FAST: Final = {"contract", "nsz"}
# Only numba calls the inner functions, so their Python wrappers would double the time to compile for nothing;
# numpy's error model lets a point without epochs become NaN instead of a branch that raises.
_INNER: Final[dict[str, Any]] = {
    "cache": True,
    "fastmath": _FAST,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
# Adding and subtracting 1.5 * 2^23 rounds a float32 below 2^22 to the nearest integer, in vector registers.
_ROUNDER = np.float32(12_582_912.0)
# Taylor series of sin(pi x) and cos(pi x); on |x| <= 1/2 their errors are below 4e-6 and 5e-7.
_S1, _S3, _S5, _S7, _S9 = (np.float32((-1) ** k * math.pi ** (2 * k + 1) / math.factorial(2 * k + 1)) for k in range(5))
_C0, _C2, _C4, _C6, _C8, _C10 = (np.float32((-1) ** k * math.pi ** (2 * k) / math.factorial(2 * k)) for k in range(6))


@njit(**_INNER)
def _load(row: Float32, copy: Float32, values: Float64, missing: Float64) -> int:
    """Copy one epoch of a block, split into zero-filled values and a 0/1 mark of gaps; return the gaps."""
    for j in range(row.size):
        copy[j] = row[j]
    for j in range(row.size, BLOCK):
        copy[j] = _ZERO
    gaps = 0
    for j in range(BLOCK):
        gaps += 0 if copy[j] == copy[j] else 1
    for j in range(BLOCK):
        value = copy[j]
        values[j] = value if value == value else _ZERO  # noqa: PLR0124
    for j in range(BLOCK):
        value = copy[j]
        missing[j] = _ZERO if value == value else _ONE  # noqa: PLR0124
    return gaps


@njit(**_INNER)
def _accumulate(sums: Float64, rows: Float64, tables: Float64, k: int) -> None:
    """Add to every row of ``sums`` the group's eight rows, weighted by columns k..k+7 of ``tables``."""
    for p in range(tables.shape[0]):
        table = tables[p]
        total = sums[p]
        c0, c1, c2, c3 = table[k], table[k + 1], table[k + 2], table[k + 3]
        c4, c5, c6, c7 = table[k + 4], table[k + 5], table[k + 6], table[k + 7]
        for j in range(BLOCK):
            total[j] += ((c0 * rows[j] + c1 * rows[64 + j]) + (c2 * rows[128 + j] + c3 * rows[192 + j])) + (
                (c4 * rows[256 + j] + c5 * rows[320 + j]) + (c6 * rows[384 + j] + c7 * rows[448 + j])
            )


@njit(**_INNER)
def _accumulate_squares(total: Float64, rows: Float64) -> None:
    for j in range(BLOCK):
        a, b, c, d = rows[j], rows[64 + j], rows[128 + j], rows[192 + j]
        e, f, g, h = rows[256 + j], rows[320 + j], rows[384 + j], rows[448 + j]
        total[j] += ((a * a + b * b) + (c * c + d * d)) + ((e * e + f * f) + (g * g + h * h))


@njit(**_INNER)
def _factorise(factor: Float64, reciprocal: Float64, pivot: Float64) -> None:
    """Cholesky factor of I - M for 64 points at once.

    ``factor`` (21, 64) holds the packed lower triangle of M, then that of L without its diagonal, whose
    reciprocals go to ``reciprocal`` (6, 64); ``pivot`` (64,) becomes the smallest pivot of each point.
    """
    for column in range(6):
        base = column * (column + 1) // 2
        diagonal = factor[base + column]
        for k in range(column):
            left = factor[base + k]
            for j in range(BLOCK):
                diagonal[j] += left[j] * left[j]
        inverse = reciprocal[column]
        for j in range(BLOCK):
            rest = 1.0 - diagonal[j]
            pivot[j] = min(pivot[j], rest)
            inverse[j] = 1.0 / math.sqrt(max(rest, MINIMUM_PIVOT))
        for row in range(column + 1, 6):
            start = row * (row + 1) // 2
            entry = factor[start + column]
            for k in range(column):
                left, right = factor[start + k], factor[base + k]
                for j in range(BLOCK):
                    entry[j] += left[j] * right[j]
            for j in range(BLOCK):
                entry[j] *= -inverse[j]


@njit(**_INNER)
def _forward(factor: Float64, reciprocal: Float64, sides: Float64) -> None:
    """Solve L x = side in place for 64 points and three right-hand sides, stacked in ``sides`` (18, 64)."""
    for start in range(0, 18, 6):
        for row in range(6):
            target = sides[start + row]
            base = row * (row + 1) // 2
            for k in range(row):
                entry, known = factor[base + k], sides[start + k]
                for j in range(BLOCK):
                    target[j] -= entry[j] * known[j]
            inverse = reciprocal[row]
            for j in range(BLOCK):
                target[j] *= inverse[j]


@njit(**_INNER)
def _phasor(value: np.float32, line: np.float32, cycles_per_mm: np.float32) -> tuple[np.float32, np.float32]:
    """Return cos and sin of 2 pi cycles_per_mm (value - line); 0, 0 at a gap."""
    valid = value == value  # noqa: PLR0124
    turns = cycles_per_mm * (value - line)
    fraction = turns - ((turns + _ROUNDER) - _ROUNDER)
    square = fraction * fraction
    sine = fraction * (_S1 + square * (_S3 + square * (_S5 + square * (_S7 + square * _S9))))
    cosine = _C0 + square * (_C2 + square * (_C4 + square * (_C6 + square * (_C8 + square * _C10))))
    return (_ONE - _TWO * sine * sine if valid else _ZERO), (_TWO * sine * cosine if valid else _ZERO)


@njit(**_INNER)
def _add_phasors(
    rows: Float32, slope: Float32, years: Float32, cycles_per_mm: float, real: Float32, imaginary: Float32
) -> None:
    """Add exp(2 pi i u), u = cycles_per_mm (d - slope year), of four epochs; gaps add nothing."""
    first, second, third, fourth = years[0], years[1], years[2], years[3]
    for j in range(BLOCK):
        rate = slope[j]
        c0, s0 = _phasor(rows[j], rate * first, cycles_per_mm)
        c1, s1 = _phasor(rows[64 + j], rate * second, cycles_per_mm)
        c2, s2 = _phasor(rows[128 + j], rate * third, cycles_per_mm)
        c3, s3 = _phasor(rows[192 + j], rate * fourth, cycles_per_mm)
        real[j] += (c0 + c1) + (c2 + c3)
        imaginary[j] += (s0 + s1) + (s2 + s3)


@njit(**_INNER)
def _coherence(
    series: Float32, years: Float32, cycles_per_mm: float, velocity: Float64, valid: Float64, out: Float64
) -> None:
    slope = np.empty(BLOCK, dtype=np.float32)
    real = np.zeros(BLOCK, dtype=np.float32)
    imaginary = np.zeros(BLOCK, dtype=np.float32)
    for j in range(BLOCK):
        slope[j] = velocity[j]
    for k in range(0, years.size, 4):
        rows = series[k * BLOCK : (k + 4) * BLOCK]
        _add_phasors(rows, slope, years[k : k + 4], cycles_per_mm, real, imaginary)
    for j in range(BLOCK):
        out[j] = math.sqrt(real[j] * real[j] + imaginary[j] * imaginary[j]) / valid[j]


@njit(**_INNER)
def _add_products(total: Float64, left: Float64, right: Float64) -> None:
    for j in range(BLOCK):
        total[j] += left[j] * right[j]


@njit(**_INNER)
def _finish(
    sides: Float64, squares: Float64, reciprocal: Float64, slopes: Float64, valid: Float64, out: Float64
) -> None:
    """Write rows 0..6 of ``out`` from the forward-substituted sums, cos and sin functionals (18, 64)."""
    # Rows: sum of squares of the sums, cos coefficient, sin coefficient, their two cofactors.
    products = np.zeros((5, BLOCK))
    for p in range(6):
        for left, right, row in ((0, 0, 0), (6, 0, 1), (12, 0, 2), (6, 6, 3), (12, 12, 4)):
            _add_products(products[row], sides[left + p], sides[right + p])
    explained, cosine, sine = products[0], products[1], products[2]
    cosine_cofactor, sine_cofactor = products[3], products[4]
    bend, cube, line_root, bend_root = sides[4], sides[5], reciprocal[3], reciprocal[4]
    line = sides[3]
    for j in range(BLOCK):
        # The fits without t^3, then without t^2/2, leave what those columns explained.
        full_squares = max(squares[j] - explained[j], 0.0)
        bend_squares = full_squares + cube[j] * cube[j]
        line_squares = bend_squares + bend[j] * bend[j]
        rmse = math.sqrt(full_squares / valid[j])
        cofactor = (cosine_cofactor[j] + sine_cofactor[j]) / 2.0
        out[0, j] = line[j] * line_root[j] * slopes[0]
        out[1, j] = line_root[j] * abs(slopes[0]) * math.sqrt(line_squares / valid[j])
        out[2, j] = bend[j] * bend_root[j] * slopes[1]
        out[3, j] = bend_root[j] * abs(slopes[1]) * math.sqrt(bend_squares / valid[j])
        out[4, j] = math.sqrt(cosine[j] * cosine[j] + sine[j] * sine[j])
        out[5, j] = math.sqrt((4.0 - math.pi) / 2.0 * cofactor) * rmse
        out[6, j] = rmse


@njit(**_INNER)
def _block(
    series: Float32,
    first: int,
    last: int,
    years: Float32,
    basis: Float64,
    products: Float64,
    seasonal: Float64,
    slopes: Float64,
    cycles_per_mm: float,
    out: Float64,
    state: NDArray[np.int8],
) -> None:
    """All statistics of the points first..last-1, at most 64; see :func:`run` for the arguments."""
    epochs = series.shape[0]
    values = np.zeros(GROUP * BLOCK)
    missing = np.zeros(GROUP * BLOCK)
    sides = np.zeros((18, BLOCK))
    squares = np.zeros(BLOCK)
    factor = np.zeros((21, BLOCK))
    copy = np.empty(years.size * BLOCK, dtype=np.float32)
    copy[epochs * BLOCK :] = np.nan
    all_gaps = 0
    for k in range(0, epochs, GROUP):
        gaps = 0
        rows = min(GROUP, epochs - k)
        for r in range(rows):
            # A row of the whole array is known to be contiguous; a row of a slice of it is not.
            row = series[k + r, first:last]
            to, start = (k + r) * BLOCK, r * BLOCK
            gaps += _load(row, copy[to : to + BLOCK], values[start : start + BLOCK], missing[start : start + BLOCK])
        values[rows * BLOCK :] = 0.0
        missing[rows * BLOCK :] = 0.0
        _accumulate(sides, values, basis, k)
        _accumulate_squares(squares, values)
        if gaps > 0:
            _accumulate(factor, missing, products, k)
            all_gaps += gaps
    valid = np.empty(BLOCK)
    pivot = np.ones(BLOCK)
    reciprocal = np.ones((6, BLOCK))
    for j in range(BLOCK):
        # The first column of the basis is +-1/sqrt(epochs), so M[0, 0] counts the gaps.
        valid[j] = round(epochs * (1.0 - factor[0, j]))
    for p in range(12):
        sides[6 + p] = seasonal[p]
    if all_gaps > 0:
        _factorise(factor, reciprocal, pivot)
        _forward(factor, reciprocal, sides)
    results = np.empty((8, BLOCK))
    _finish(sides, squares, reciprocal, slopes, valid, results)
    _coherence(copy, years, cycles_per_mm, results[0], valid, results[7])
    for j in range(last - first):
        for p in range(8):
            out[p, first + j] = results[p, j]
        out[8, first + j] = valid[j]
        state[first + j] = FINE if pivot[j] > MINIMUM_PIVOT and valid[j] > 6.0 else ILL_CONDITIONED
        if not squares[j] < np.inf:
            state[first + j] = INFINITE


@njit(cache=True, parallel=True)
def run(
    series: Float32,
    years: Float32,
    basis: Float64,
    products: Float64,
    seasonal: Float64,
    slopes: Float64,
    cycles_per_mm: float,
    out: Float64,
    state: NDArray[np.int8],
) -> None:
    """Compute the EGMS statistics of all points, a block of 64 on one core at a time.

    Parameters
    ----------
    series : ndarray of float32, shape (epoch, point), C order
        Displacement in mm, NaN where missing.
    years : ndarray of float32, shape (padded epoch,)
        Time in years of 365 days from any origin near the middle.
    basis : ndarray of float64, shape (6, padded epoch)
        Q' of the design [1, cos, sin, t, t^2/2, t^3] = Q R.
    products : ndarray of float64, shape (21, padded epoch)
        Products q_i q_k, packed lower triangle.
    seasonal : ndarray of float64, shape (12,)
        Rows cos and sin of R^-1: the functionals that give these coefficients from Q-coordinates.
    slopes : ndarray of float64, shape (2,)
        1/R of the columns t and t^2/2.
    cycles_per_mm : float32
        2 / wavelength.
    out : ndarray of float64, shape (9, point)
        Written: velocity, its std, acceleration, its std, seasonality, its std, rmse, coherence, epochs.
    state : ndarray of int8, shape (point,)
        Written: FINE, ILL_CONDITIONED (``out`` is not to be used) or INFINITE.
    """
    points = series.shape[1]
    for block in prange((points + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        last = min(first + BLOCK, points)
        _block(series, first, last, years, basis, products, seasonal, slopes, cycles_per_mm, out, state)

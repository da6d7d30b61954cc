"""Cholesky factor of white plus power-law noise on a full grid, column by column, without the matrix.

C = w^2 I + p^2 L L' with L lower triangular and Toeplitz, first column h, has C - Z C Z' = G G' with Z the shift down by
one row and G = [p h, w e_0]: two generators, both of positive sign. One rotation of the generators a column gives that
column of the Cholesky factor (generalised Schur algorithm, Kailath & Sayed 1995). The rotations are orthogonal, so that
nothing cancels, and run backwards as well: the factor is never stored.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def forward(
    first: Float64, second: Float64, right: Float64, cosine: Float64, sine: Float64
) -> float:  # pragma: no cover
    """Solve with the Cholesky factor in place and return the log-determinant of C.

    Parameters
    ----------
    first, second : ndarray, shape (point,)
        Generators; overwritten by what :func:`backward` needs.
    right : ndarray, shape (point, column)
        Overwritten by R^-1 times itself, C = R R'.
    cosine, sine : ndarray, shape (point,)
        Rotations, filled.
    """
    size, columns = right.shape
    log_determinant = 0.0
    for k in range(size):
        pivot = np.hypot(first[0], second[k])
        c, s = first[0] / pivot, second[k] / pivot
        cosine[k], sine[k] = c, s
        log_determinant += 2.0 * np.log(pivot)
        for j in range(columns):
            right[k, j] /= pivot
        # Column k stands at ``first`` without a shift, which is the shift that the next column needs.
        for i in range(size - k):
            one, other = first[i], second[i + k]
            first[i] = c * one + s * other
            second[i + k] = c * other - s * one
        for i in range(1, size - k):
            factor = first[i]
            for j in range(columns):
                right[i + k, j] -= factor * right[k, j]
    return log_determinant


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def backward(
    first: Float64, second: Float64, right: Float64, cosine: Float64, sine: Float64
) -> None:  # pragma: no cover
    """Solve with the transposed factor in place, after :func:`forward`; ``right`` becomes C^-1 of what it was."""
    size, columns = right.shape
    for k in range(size - 1, -1, -1):
        for i in range(1, size - k):
            factor = first[i]
            for j in range(columns):
                right[k, j] -= factor * right[i + k, j]
        for j in range(columns):
            right[k, j] /= first[0]
        c, s = cosine[k], sine[k]
        for i in range(size - k):
            one, other = first[i], second[i + k]
            first[i] = c * one - s * other
            second[i + k] = s * one + c * other


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def block_of_shifted_sum(generators: Float64, rows: NDArray[np.int64]) -> Float64:  # pragma: no cover
    """Return rows and columns of sum_k Z'^k H H' Z^k for generators H, shape (point, generator)."""
    size, number = generators.shape
    count = rows.size
    block = np.zeros((count, count))
    running = np.empty(size)
    place = np.full(size, -1)
    for a in range(count):
        place[rows[a]] = a
    for lag in range(size):
        wanted = False
        for a in range(count):
            if rows[a] + lag < size and place[rows[a] + lag] >= 0:
                wanted = True
                break
        if not wanted:
            continue
        total = 0.0
        for i in range(size - lag - 1, -1, -1):
            for j in range(number):
                total += generators[i, j] * generators[i + lag, j]
            running[i] = total
        for a in range(count):
            if rows[a] + lag < size and place[rows[a] + lag] >= 0:
                b = place[rows[a] + lag]
                block[a, b] = running[rows[a]]
                block[b, a] = running[rows[a]]
    return block

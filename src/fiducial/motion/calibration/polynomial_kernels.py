"""Surfaces and their variances at many points, as polynomials in two variables: one for a map, or one a spline cell."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_WIDTH: Final = 128
"""Points that are computed together: their vectors stay in the first cache."""

_SHORT: Final = 12
"""Points are stored along a Hilbert curve: long runs of them share a cell. Shorter runs are not worth a vector."""

_CUBIC: Final = (
    np.array([[1.0, -3.0, 3.0, -1.0], [4.0, 0.0, -6.0, 3.0], [1.0, 3.0, 3.0, -3.0], [0.0, 0.0, 0.0, 1.0]]) / 6
)
"""Powers of t in the four cubic B-splines that meet in a cell, t from 0 to 1 (de Boor 1978, ch. IX)."""

_SQUARES: Final = np.array([[np.convolve(first, second) for second in _CUBIC] for first in _CUBIC])
"""Powers of t in the products of two of them, shape (4, 4, 7)."""


def evaluate_polynomial(table: Array, u: Array, v: Array) -> Array:
    """Return sum table[j, i] u^i v^j at points.

    Parameters
    ----------
    table : ndarray, shape (power, power)
    u, v : ndarray, shape (point,)
        NaN gives NaN.

    Returns
    -------
    ndarray, shape (point,)
    """
    return _horner(u, v, np.zeros(len(u), dtype=np.int64), np.ascontiguousarray(table[None]))


def spline_sum(x: Array, y: Array, columns: int, rows: int, coefficients: Array) -> Array:
    """Return a bicubic spline at points.

    Parameters
    ----------
    x, y : ndarray, shape (point,)
        Position in units of the spacing, from the node of column 0, row 0; NaN gives NaN. Points outside the support
        get the value of the nearest supported point.
    columns, rows : int
    coefficients : ndarray, shape (row * column,)

    Returns
    -------
    ndarray, shape (point,)
    """
    cell, t, u = _locate(x, y, columns, rows)
    slot, used = _slots(cell, columns * rows)
    return _horner(t, u, slot, _sum_tables(used, columns, np.ascontiguousarray(coefficients), _CUBIC))


def spline_variance(x: Array, y: Array, columns: int, rows: int, covariance: Array) -> Array:
    """Return the variance b'Cb of a bicubic spline at points.

    Parameters
    ----------
    x, y, columns, rows
        As of `spline_sum`.
    covariance : ndarray, shape (row * column, row * column)

    Returns
    -------
    ndarray, shape (point,)

    Notes
    -----
    sum C[ab] b_a(t, u) b_b(t, u) over the sixteen splines of a cell is a polynomial of degree six in t and in u: its 49
    coefficients cost 2 600 multiplications a cell, each point then 56 instead of 272, in vectors of neighbours. Exact
    but for rounding.
    """
    cell, t, u = _locate(x, y, columns, rows)
    slot, used = _slots(cell, columns * rows)
    return _horner(t, u, slot, _variance_tables(used, columns, np.ascontiguousarray(covariance), _SQUARES))


@numba.njit(cache=True, nogil=True)
def _horner(t: Array, u: Array, slot: Index, table: Array) -> Array:  # pragma: no cover
    size = table.shape[1]
    out = np.empty(len(t))
    part = np.empty(_WIDTH)
    start = 0
    while start < len(t):
        stop = start + 1
        while stop < len(t) and stop - start < _WIDTH and slot[stop] == slot[start]:
            stop += 1
        if stop - start < _SHORT:
            for p in range(start, stop):
                value = 0.0
                for j in range(size - 1, -1, -1):
                    inner = 0.0
                    for i in range(size - 1, -1, -1):
                        inner = inner * t[p] + table[slot[p], j, i]
                    value = value * u[p] + inner
                out[p] = value
        else:
            _horner_run(t[start:stop], u[start:stop], table[slot[start]], part, out[start:stop])
        start = stop
    return out


@numba.njit(cache=True, nogil=True)
def _horner_run(t: Array, u: Array, powers: Array, part: Array, out: Any) -> None:  # pragma: no cover
    out[:] = 0.0
    for j in range(len(powers) - 1, -1, -1):
        part[: len(t)] = 0.0
        for i in range(len(powers) - 1, -1, -1):
            factor = powers[j, i]
            for q in range(len(t)):
                part[q] = part[q] * t[q] + factor
        for q in range(len(t)):
            out[q] = out[q] * u[q] + part[q]


@numba.njit(cache=True, nogil=True)
def _locate(x: Array, y: Array, columns: int, rows: int) -> tuple[Index, Array, Array]:  # pragma: no cover
    cell = np.empty(len(x), dtype=np.int64)
    t, u = np.empty(len(x)), np.empty(len(x))
    for p in range(len(x)):
        if np.isfinite(x[p]) and np.isfinite(y[p]):
            column, row = min(max(int(np.floor(x[p])), 1), columns - 3), min(max(int(np.floor(y[p])), 1), rows - 3)
            cell[p] = (row - 1) * columns + column - 1
            t[p], u[p] = min(max(x[p] - column, 0.0), 1.0), min(max(y[p] - row, 0.0), 1.0)
        else:
            cell[p] = 0
            t[p] = u[p] = np.nan
    return cell, t, u


@numba.njit(cache=True, nogil=True)
def _slots(cell: Index, cells: int) -> tuple[Index, Index]:  # pragma: no cover
    """Number the cells in the order they occur; also return which cell each number is."""
    slot, number, used = np.empty(len(cell), dtype=np.int64), np.full(cells, -1, dtype=np.int64), 0
    found = np.empty(cells, dtype=np.int64)
    for p in range(len(cell)):
        if number[cell[p]] < 0:
            number[cell[p]] = used
            found[used] = cell[p]
            used += 1
        slot[p] = number[cell[p]]
    return slot, found[:used]


@numba.njit(cache=True, nogil=True)
def _sum_tables(cells: Index, columns: int, coefficients: Array, cubic: Array) -> Array:  # pragma: no cover
    out = np.zeros((len(cells), 4, 4))
    for s in range(len(cells)):
        for j in range(4):
            for power in range(4):
                along = 0.0
                for i in range(4):
                    along += coefficients[cells[s] + j * columns + i] * cubic[i, power]
                for other in range(4):
                    out[s, other, power] += along * cubic[j, other]
    return out


@numba.njit(cache=True, nogil=True)
def _variance_tables(cells: Index, columns: int, covariance: Array, squares: Any) -> Array:  # pragma: no cover
    out = np.zeros((len(cells), 7, 7))
    along = np.empty(7)
    for s in range(len(cells)):
        for j in range(4):
            for k in range(4):
                along[:] = 0.0
                for i in range(4):
                    for m in range(4):
                        value = covariance[cells[s] + j * columns + i, cells[s] + k * columns + m]
                        for power in range(7):
                            along[power] += value * squares[i, m, power]
                for other in range(7):
                    for power in range(7):
                        out[s, other, power] += along[power] * squares[j, k, other]
    return out

"""Compiled loops of `block_cholesky`: elimination tree, factor, triangular solves and selected inverse.

The last argument ``shape`` is a tuple as long as a block has rows: its length is known to the compiler, which unrolls
the loops over a block. Products may be fused with sums, which is a tenth faster; nothing is reordered.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Shape = tuple[int, ...]


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def elimination_tree(start: Index, column: Index) -> Index:  # pragma: no cover
    """Return the parent of each block, -1 for a root, from the rows of the strict lower triangle (Liu 1990, sec. 5)."""
    blocks = len(start) - 1
    parent, ancestor = np.full(blocks, -1), np.full(blocks, -1)
    for j in range(blocks):
        for p in range(start[j], start[j + 1]):
            i = column[p]
            while i != -1 and i < j:
                following = ancestor[i]
                ancestor[i] = j
                if following == -1:
                    parent[i] = j
                i = following
    return parent


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def fill(start: Index, column: Index, parent: Index) -> tuple[Index, Index]:  # pragma: no cover
    """Return the pattern of the factor: where each column begins, and its rows below the diagonal, ascending."""
    blocks = len(start) - 1
    mark = np.full(blocks, -1)
    begins = np.zeros(blocks + 1, dtype=np.int64)
    for j in range(blocks):
        mark[j] = j
        for p in range(start[j], start[j + 1]):
            i = column[p]
            while mark[i] != j:
                mark[i] = j
                begins[i + 1] += 1
                i = parent[i]
    begins = np.cumsum(begins)
    rows = np.empty(begins[blocks], dtype=np.int64)
    free = begins[:-1].copy()
    mark[:] = -1
    for j in range(blocks):
        mark[j] = j
        for p in range(start[j], start[j + 1]):
            i = column[p]
            while mark[i] != j:
                mark[i] = j
                rows[free[i]] = j
                free[i] += 1
                i = parent[i]
    return begins, rows


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _pivot(block: Array, tolerance: float, dependent: NDArray[np.bool_], shape: Shape) -> None:  # pragma: no cover
    size = len(shape)
    for a in range(size):
        for b in range(a):
            total = block[a, b]
            for c in range(b):
                total -= block[a, c] * block[b, c]
            block[a, b] = total / block[b, b]
        total = block[a, a]
        for c in range(a):
            total -= block[a, c] * block[a, c]
        # An infinite pivot makes everything below it zero, and its unknown stays out of every other one.
        dependent[a] = not total > tolerance
        block[a, a] = np.inf if dependent[a] else np.sqrt(total)
        for b in range(a + 1, size):
            block[a, b] = 0.0


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _subtract(
    column: tuple[int, int], j: int, rows: Index, diagonal: Array, below: Array, where: Index, shape: Shape
) -> None:  # pragma: no cover
    """Take from column j what an earlier column holds from its first row, which is row j, to its end."""
    size, p0 = len(shape), column[0]
    for a in range(size):
        for b in range(size):
            total = 0.0
            for c in range(size):
                total += below[p0, a, c] * below[p0, b, c]
            diagonal[j, a, b] -= total
    if size == 3:
        _subtract_of_three(column, rows, below, where)
        return
    for p in range(p0 + 1, column[1]):
        target = where[rows[p]]
        for a in range(size):
            for b in range(size):
                total = 0.0
                for c in range(size):
                    total += below[p, a, c] * below[p0, b, c]
                below[target, a, b] -= total


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _subtract_of_three(column: tuple[int, int], rows: Index, below: Array, where: Index) -> None:  # pragma: no cover
    """Do the larger part of `_subtract` with every number in a register."""
    p0 = column[0]
    u00, u01, u02 = below[p0, 0, 0], below[p0, 0, 1], below[p0, 0, 2]
    u10, u11, u12 = below[p0, 1, 0], below[p0, 1, 1], below[p0, 1, 2]
    u20, u21, u22 = below[p0, 2, 0], below[p0, 2, 1], below[p0, 2, 2]
    for p in range(p0 + 1, column[1]):
        target = where[rows[p]]
        z00, z01, z02 = below[p, 0, 0], below[p, 0, 1], below[p, 0, 2]
        z10, z11, z12 = below[p, 1, 0], below[p, 1, 1], below[p, 1, 2]
        z20, z21, z22 = below[p, 2, 0], below[p, 2, 1], below[p, 2, 2]
        d00 = z00 * u00 + z01 * u01 + z02 * u02
        d01 = z00 * u10 + z01 * u11 + z02 * u12
        d02 = z00 * u20 + z01 * u21 + z02 * u22
        d10 = z10 * u00 + z11 * u01 + z12 * u02
        d11 = z10 * u10 + z11 * u11 + z12 * u12
        d12 = z10 * u20 + z11 * u21 + z12 * u22
        d20 = z20 * u00 + z21 * u01 + z22 * u02
        d21 = z20 * u10 + z21 * u11 + z22 * u12
        d22 = z20 * u20 + z21 * u21 + z22 * u22
        below[target, 0, 0] -= d00
        below[target, 0, 1] -= d01
        below[target, 0, 2] -= d02
        below[target, 1, 0] -= d10
        below[target, 1, 1] -= d11
        below[target, 1, 2] -= d12
        below[target, 2, 0] -= d20
        below[target, 2, 1] -= d21
        below[target, 2, 2] -= d22


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _divide(first: int, last: int, below: Array, pivot: Array, shape: Shape) -> None:  # pragma: no cover
    size = len(shape)
    for p in range(first, last):
        for a in range(size):
            for b in range(size):
                total = below[p, a, b]
                for c in range(b):
                    total -= below[p, a, c] * pivot[b, c]
                below[p, a, b] = total / pivot[b, b]


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def factorise(
    begins: Index, rows: Index, diagonal: Array, below: Array, tolerance: float, shape: Shape
) -> NDArray[np.bool_]:  # pragma: no cover
    """Overwrite the lower triangle with L of L L', left-looking; return the unknowns that depend on earlier ones."""
    blocks = len(begins) - 1
    where = np.empty(blocks, dtype=np.int64)
    first, following = np.full(blocks, -1), np.full(blocks, -1)
    at = begins[:-1].copy()
    dependent = np.zeros((blocks, len(shape)), dtype=np.bool_)
    for j in range(blocks):
        for p in range(begins[j], begins[j + 1]):
            where[rows[p]] = p
        # Earlier columns wait in the list of the row that is their next.
        k = first[j]
        while k != -1:
            after = following[k]
            _subtract((at[k], begins[k + 1]), j, rows, diagonal, below, where, shape)
            at[k] += 1
            if at[k] < begins[k + 1]:
                row = rows[at[k]]
                following[k], first[row] = first[row], k
            k = after
        _pivot(diagonal[j], tolerance, dependent[j], shape)
        _divide(begins[j], begins[j + 1], below, diagonal[j], shape)
        if begins[j] < begins[j + 1]:
            row = rows[begins[j]]
            following[j], first[row] = first[row], j
    return dependent


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def forward(
    begins: Index, rows: Index, diagonal: Array, below: Array, x: Array, shape: Shape
) -> None:  # pragma: no cover
    """Overwrite x, shape (block, size, k), with L^-1 x."""
    size, blocks, many = len(shape), len(begins) - 1, x.shape[2]
    for j in range(blocks):
        for a in range(size):
            for c in range(a):
                factor = diagonal[j, a, c]
                for m in range(many):
                    x[j, a, m] -= factor * x[j, c, m]
            factor = 1.0 / diagonal[j, a, a]
            for m in range(many):
                x[j, a, m] *= factor
        for p in range(begins[j], begins[j + 1]):
            i = rows[p]
            for a in range(size):
                for c in range(size):
                    factor = below[p, a, c]
                    for m in range(many):
                        x[i, a, m] -= factor * x[j, c, m]


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def backward(
    begins: Index, rows: Index, diagonal: Array, below: Array, x: Array, shape: Shape
) -> None:  # pragma: no cover
    """Overwrite x, shape (block, size, k), with L'^-1 x."""
    size, blocks, many = len(shape), len(begins) - 1, x.shape[2]
    for j in range(blocks - 1, -1, -1):
        for p in range(begins[j], begins[j + 1]):
            i = rows[p]
            for a in range(size):
                for c in range(size):
                    factor = below[p, c, a]
                    for m in range(many):
                        x[j, a, m] -= factor * x[i, c, m]
        for a in range(size - 1, -1, -1):
            for c in range(a + 1, size):
                factor = diagonal[j, c, a]
                for m in range(many):
                    x[j, a, m] -= factor * x[j, c, m]
            factor = 1.0 / diagonal[j, a, a]
            for m in range(many):
                x[j, a, m] *= factor


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _invert_lower(block: Array, inverse: Array, shape: Shape) -> None:  # pragma: no cover
    size = len(shape)
    for b in range(size):
        for a in range(size):
            total = 1.0 if a == b else 0.0
            for c in range(b, a):
                total -= block[a, c] * inverse[c, b]
            inverse[a, b] = total / block[a, a] if a >= b else 0.0


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _inner_product(
    rows: Index, begins: Index, j: int, on: Array, below: Array, unit: Array, product: Array, shape: Shape
) -> None:  # pragma: no cover
    """Set product = Z_ss U_s, s the rows of column j, from the blocks of Z that are known already.

    Of the rows of column j, all after row i are rows of column i, in the same order: the factor has filled in.
    """
    size, j0 = len(shape), begins[j]
    count = begins[j + 1] - j0
    for t in range(count):
        i = rows[j0 + t]
        for a in range(size):
            for b in range(size):
                total = 0.0
                for c in range(size):
                    total += on[i, a, c] * unit[t, c, b]
                product[t, a, b] += total
        if size == 3:
            _beside_of_three(rows[j0 : j0 + count], t, rows, begins[i], below, unit, product)
        else:
            _beside(rows[j0 : j0 + count], t, rows, begins[i], below, unit, product, shape)


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _beside(
    of_column: Index, t: int, rows: Index, p: int, below: Array, unit: Array, product: Array, shape: Shape
) -> None:  # pragma: no cover
    size = len(shape)
    for v in range(t + 1, len(of_column)):
        while rows[p] != of_column[v]:
            p += 1
        for a in range(size):
            for b in range(size):
                down, up = 0.0, 0.0
                for c in range(size):
                    down += below[p, a, c] * unit[t, c, b]
                    up += below[p, c, a] * unit[v, c, b]
                product[v, a, b] += down
                product[t, a, b] += up


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _beside_of_three(
    of_column: Index, t: int, rows: Index, p: int, below: Array, unit: Array, product: Array
) -> None:  # pragma: no cover
    """Do what `_beside` does, with every number in a register: 1.6 times as fast, in the innermost loop of all."""
    u00, u01, u02 = unit[t, 0, 0], unit[t, 0, 1], unit[t, 0, 2]
    u10, u11, u12 = unit[t, 1, 0], unit[t, 1, 1], unit[t, 1, 2]
    u20, u21, u22 = unit[t, 2, 0], unit[t, 2, 1], unit[t, 2, 2]
    o00 = o01 = o02 = o10 = o11 = o12 = o20 = o21 = o22 = 0.0
    for v in range(t + 1, len(of_column)):
        while rows[p] != of_column[v]:
            p += 1
        z00, z01, z02 = below[p, 0, 0], below[p, 0, 1], below[p, 0, 2]
        z10, z11, z12 = below[p, 1, 0], below[p, 1, 1], below[p, 1, 2]
        z20, z21, z22 = below[p, 2, 0], below[p, 2, 1], below[p, 2, 2]
        o00 += z00 * unit[v, 0, 0] + z10 * unit[v, 1, 0] + z20 * unit[v, 2, 0]
        o01 += z00 * unit[v, 0, 1] + z10 * unit[v, 1, 1] + z20 * unit[v, 2, 1]
        o02 += z00 * unit[v, 0, 2] + z10 * unit[v, 1, 2] + z20 * unit[v, 2, 2]
        o10 += z01 * unit[v, 0, 0] + z11 * unit[v, 1, 0] + z21 * unit[v, 2, 0]
        o11 += z01 * unit[v, 0, 1] + z11 * unit[v, 1, 1] + z21 * unit[v, 2, 1]
        o12 += z01 * unit[v, 0, 2] + z11 * unit[v, 1, 2] + z21 * unit[v, 2, 2]
        o20 += z02 * unit[v, 0, 0] + z12 * unit[v, 1, 0] + z22 * unit[v, 2, 0]
        o21 += z02 * unit[v, 0, 1] + z12 * unit[v, 1, 1] + z22 * unit[v, 2, 1]
        o22 += z02 * unit[v, 0, 2] + z12 * unit[v, 1, 2] + z22 * unit[v, 2, 2]
        d00 = z00 * u00 + z01 * u10 + z02 * u20
        d01 = z00 * u01 + z01 * u11 + z02 * u21
        d02 = z00 * u02 + z01 * u12 + z02 * u22
        d10 = z10 * u00 + z11 * u10 + z12 * u20
        d11 = z10 * u01 + z11 * u11 + z12 * u21
        d12 = z10 * u02 + z11 * u12 + z12 * u22
        d20 = z20 * u00 + z21 * u10 + z22 * u20
        d21 = z20 * u01 + z21 * u11 + z22 * u21
        d22 = z20 * u02 + z21 * u12 + z22 * u22
        product[v, 0, 0] += d00
        product[v, 0, 1] += d01
        product[v, 0, 2] += d02
        product[v, 1, 0] += d10
        product[v, 1, 1] += d11
        product[v, 1, 2] += d12
        product[v, 2, 0] += d20
        product[v, 2, 1] += d21
        product[v, 2, 2] += d22
    product[t, 0, 0] += o00
    product[t, 0, 1] += o01
    product[t, 0, 2] += o02
    product[t, 1, 0] += o10
    product[t, 1, 1] += o11
    product[t, 1, 2] += o12
    product[t, 2, 0] += o20
    product[t, 2, 1] += o21
    product[t, 2, 2] += o22


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def selected_inverse(
    begins: Index, rows: Index, diagonal: Array, below: Array, shape: Shape
) -> tuple[Array, Array]:  # pragma: no cover
    """Return the blocks of (L L')^-1 on the diagonal and in the pattern of L (Takahashi, Fagan & Chin 1973).

    With the unit factor U = L D^-1/2: Z_sj = -Z_ss U_sj and Z_jj = D_j^-1 - U_sj' Z_sj, from the last column back.
    """
    size, blocks = len(shape), len(begins) - 1
    on, off = np.zeros_like(diagonal), np.zeros_like(below)
    widest = 0
    for j in range(blocks):
        widest = max(widest, begins[j + 1] - begins[j])
    unit, product, inverse = np.empty((widest, size, size)), np.empty((widest, size, size)), np.empty((size, size))
    for j in range(blocks - 1, -1, -1):
        _invert_lower(diagonal[j], inverse, shape)
        j0, count = begins[j], begins[j + 1] - begins[j]
        _unit_column(below[j0 : j0 + count], inverse, unit, shape)
        product[:count] = 0.0
        _inner_product(rows, begins, j, on, off, unit, product, shape)
        off[j0 : j0 + count] = -product[:count]
        _diagonal_block(on[j], inverse, unit[:count], product, shape)
    return on, off


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _unit_column(below: Array, inverse: Array, unit: Array, shape: Shape) -> None:  # pragma: no cover
    size = len(shape)
    for t in range(len(below)):
        for a in range(size):
            for b in range(size):
                total = 0.0
                for c in range(b, size):
                    total += below[t, a, c] * inverse[c, b]
                unit[t, a, b] = total


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _diagonal_block(
    block: Array, inverse: Array, unit: Array, product: Array, shape: Shape
) -> None:  # pragma: no cover
    size = len(shape)
    for a in range(size):
        for b in range(size):
            total = 0.0
            for c in range(size):
                total += inverse[c, a] * inverse[c, b]
            for t in range(len(unit)):
                for c in range(size):
                    total += unit[t, c, a] * product[t, c, b]
            block[a, b] = total

"""Block matrices too large for a factor: conjugate gradients, preconditioned with the diagonal blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import bsr_array

from fiducial.errors import NumericsError

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Advance = Callable[[float], object]

RELATIVE_RESIDUAL: Final = 1e-12
"""Iterations end when the preconditioned residual has fallen to this share of the right-hand side."""
_STALLED: Final = 1e-6
_MISSING: Final = 1e-3
_MOST_ITERATIONS: Final = 5_000
_BLOCKS_AT_ONCE: Final = 100
_PROBE_SEED: Final = 20240229


@dataclass(frozen=True)
class BlockIteration:
    """A symmetric block matrix that is solved by iteration; the methods are those of `block_cholesky.BlockFactor`.

    Attributes
    ----------
    matrix : bsr_array, shape (block * size, block * size)
    inverse_diagonal : ndarray, shape (block, size, size)
        Inverses of the diagonal blocks.
    first, second : ndarray of int, shape (pair,)
    dependent : ndarray of bool, shape (block, size)
        Unknowns in the null space, found by a probe with a random vector.
    probe : ndarray, shape (block, size)
        What the iteration did not find of that vector, over the unknown's scale.
    """

    matrix: bsr_array
    inverse_diagonal: Array
    first: Index
    second: Index
    dependent: NDArray[np.bool_]
    probe: Array

    @classmethod
    def of(cls, diagonal: Array, first: Index, second: Index, beside: Array) -> BlockIteration:
        """Take over a matrix: blocks on the diagonal, and one block (first, second) for each pair.

        Notes
        -----
        Of a singular matrix conjugate gradients return a solution without a word. So a random vector x is to be found
        again from N x: what is missing of it lies in the null space, or where nothing much is determined.
        """
        blocks, size = diagonal.shape[:2]
        row = np.concatenate([np.arange(blocks), first, second])
        column = np.concatenate([np.arange(blocks), second, first])
        by_row = np.lexsort((column, row))
        values = np.concatenate([diagonal, beside, beside.transpose(0, 2, 1)])[by_row]
        start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=blocks))])
        matrix = bsr_array((values, column[by_row], start), shape=(blocks * size,) * 2)
        elements = np.einsum("baa->ba", diagonal)
        scale = 1.0 / np.sqrt(np.where(elements > 0, elements, 1.0))
        unit = diagonal * scale[:, :, None] * scale[:, None, :]
        inverse = np.linalg.pinv(unit, rcond=RELATIVE_RESIDUAL, hermitian=True) * scale[:, :, None] * scale[:, None, :]
        none = np.zeros((blocks, size))
        regular = cls(matrix, inverse, first, second, none.astype(bool), none)
        vector = np.random.default_rng(_PROBE_SEED).uniform(1.0, 2.0, (blocks, size, 1)) * scale[:, :, None]
        image = np.asarray(matrix @ vector.reshape(-1, 1)).reshape(vector.shape)
        missing = np.abs((vector - regular._iterate(image)[0])[:, :, 0]) / scale
        return cls(matrix, inverse, first, second, missing > _MISSING, missing)

    def solve(self, right: Array) -> Array:
        """Return N^-1 b, shape (block, size, k), for right-hand sides of that shape.

        Raises
        ------
        NumericsError
            FID-3011 when the iteration does not converge: the matrix is singular, or nearly so.
        """
        solution, left = self._iterate(right)
        if self.dependent.any() or np.any(self._energy(left) > _STALLED**2 * self._energy(right)):
            raise NumericsError(
                "FID-3011",
                "conjugate gradients do not converge: unknowns are not determined, or hardly",
                where=f"normal equations of {len(right)} blocks",
                fix="add observations of them, or take them out",
            )
        return solution

    def selected_inverse(self, advance: Advance = lambda _: None) -> tuple[Array, Array]:
        """Return the diagonal blocks of N^-1 and its blocks at the pairs, by solving for unit vectors: slow.

        Parameters
        ----------
        advance : callable
            Takes the number of blocks just done.
        """
        blocks, size = self.inverse_diagonal.shape[:2]
        on, off = np.empty((blocks, size, size)), np.empty((len(self.first), size, size))
        for start in range(0, blocks, _BLOCKS_AT_ONCE):
            chosen = np.arange(start, min(start + _BLOCKS_AT_ONCE, blocks))
            unit = np.zeros((blocks, size, len(chosen), size))
            unit[chosen, :, np.arange(len(chosen)), :] = np.eye(size)
            columns = self.solve(unit.reshape(blocks, size, -1)).reshape(unit.shape)
            on[chosen] = columns[chosen, :, np.arange(len(chosen)), :]
            here = np.flatnonzero((self.second >= chosen[0]) & (self.second <= chosen[-1]))
            off[here] = columns[self.first[here], :, self.second[here] - start, :]
            advance(len(chosen))
        return 0.5 * (on + on.transpose(0, 2, 1)), off

    def null_space(self) -> Array:
        """Return how much each unknown takes part in the null space, shape (block, size), largest 1."""
        return np.where(self.dependent, self.probe, 0.0) / max(float(self.probe.max(initial=0.0)), 1e-300)

    def _energy(self, residual: Array) -> Array:
        return np.asarray(np.einsum("bik,bij,bjk->k", residual, self.inverse_diagonal, residual, optimize=True))

    def _iterate(self, right: Array) -> tuple[Array, Array]:
        """Return solution and residual (Hestenes & Stiefel 1952), all right-hand sides side by side."""
        x, residual = np.zeros_like(right), right.copy()
        before, wanted, direction = np.zeros(right.shape[2]), RELATIVE_RESIDUAL**2 * self._energy(right), np.zeros(1)
        for _ in range(_MOST_ITERATIONS):
            conditioned = np.einsum("bij,bjk->bik", self.inverse_diagonal, residual)
            now = np.einsum("bik,bik->k", residual, conditioned)
            if np.all(now <= wanted):
                break
            share = np.divide(now, before, out=np.zeros_like(now), where=before > 0)
            direction, before = conditioned + share * direction, now
            image = (self.matrix @ direction.reshape(-1, right.shape[2])).reshape(right.shape)
            curvature = np.einsum("bik,bik->k", direction, image)
            # A column that has converged stands still while the others go on.
            step = np.divide(now, curvature, out=np.zeros_like(now), where=(now > wanted) & (curvature > 0))
            x += step * direction
            residual -= step * image
        return x, residual

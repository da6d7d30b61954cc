"""Sparse symmetric matrices of small dense blocks: factor, solutions, and the blocks of the inverse.

Normal equations of networks, in which every node has a few parameters of its own and knows few neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from fiducial.errors import NumericsError
from fiducial.geodesy import block_kernels

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

DEPENDENT: Final = 1e-12
"""A pivot below this share of its diagonal element is rounding: the unknown depends on others."""
_NULL_SPACE_SEED: Final = 20240229


@dataclass(frozen=True)
class BlockPattern:
    """Order of elimination and pattern of the factor of a symmetric block matrix.

    Attributes
    ----------
    order : ndarray of int, shape (block,)
        Block that is eliminated first, second ...
    begins : ndarray of int, shape (block + 1,)
    rows : ndarray of int, shape (fill,)
        Rows of the columns of the factor below the diagonal, in the order of elimination.
    place : ndarray of int, shape (pair,)
        Where the block of each pair stands in ``rows``.
    upper : ndarray of bool, shape (pair,)
        Whether that block stands there transposed.
    """

    order: Index
    begins: Index
    rows: Index
    place: Index
    upper: Mask

    @classmethod
    def of(cls, blocks: int, first: Index, second: Index) -> BlockPattern:
        """Order the blocks by minimum degree and find where the factor fills in.

        Parameters
        ----------
        blocks : int
        first, second : ndarray of int, shape (pair,)
            Block row and block column of every block beside the diagonal; a pair stands once, in either order.

        Notes
        -----
        Multiple minimum degree (Liu 1985) as SuperLU has it, on the graph of blocks, where it costs little.
        """
        links = coo_array((np.full(len(first), -1.0), (first, second)), shape=(blocks, blocks))
        graph = csc_array(links + links.T)
        degree = np.asarray(abs(graph).sum(axis=0), dtype=np.float64)
        graph = csc_array(graph + diags_array(degree + 1.0))
        ordering = splu(graph, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        order = np.argsort(ordering.perm_c).astype(np.int64)
        turn = np.empty(blocks, dtype=np.int64)
        turn[order] = np.arange(blocks)
        low, high = np.minimum(turn[first], turn[second]), np.maximum(turn[first], turn[second])
        by_row = np.lexsort((low, high))
        start = np.concatenate([[0], np.cumsum(np.bincount(high, minlength=blocks))]).astype(np.int64)
        parent = block_kernels.elimination_tree(start, low[by_row])
        begins, rows = block_kernels.fill(start, low[by_row], parent)
        known = np.repeat(np.arange(blocks), np.diff(begins)) * blocks + rows
        return cls(order, begins, rows, np.searchsorted(known, low * blocks + high), turn[first] < turn[second])

    @property
    def pairs(self) -> tuple[Index, Index]:
        """Return the blocks of each pair, the one that is eliminated earlier first."""
        columns = np.searchsorted(self.begins, self.place, side="right") - 1
        return self.order[columns], self.order[self.rows[self.place]]

    @property
    def operations(self) -> float:
        """Number of products of blocks that a factorisation takes, roughly."""
        return float(np.sum(np.diff(self.begins).astype(np.float64) ** 2)) / 2.0

    def factorise(self, diagonal: Array, beside: Array) -> BlockFactor:
        """Factorise a matrix of this pattern.

        Parameters
        ----------
        diagonal : ndarray, shape (block, size, size)
            Symmetric, positive semi-definite as a whole.
        beside : ndarray, shape (pair, size, size)
            Block (first, second) of every pair.

        Returns
        -------
        BlockFactor
            Also of a singular matrix: see `BlockFactor.dependent`.

        Notes
        -----
        Scaled to a unit diagonal first, so that pivots can be told from rounding (`DEPENDENT`).
        """
        size = diagonal.shape[1]
        elements = np.einsum("baa->ba", diagonal)
        scale = 1.0 / np.sqrt(np.where(elements > 0, elements, 1.0))
        on = (diagonal * scale[:, :, None] * scale[:, None, :])[self.order]
        low, high = self.pairs
        placed = np.where(self.upper[:, None, None], beside.transpose(0, 2, 1), beside)
        below = np.zeros((len(self.rows), size, size))
        below[self.place] = placed * scale[high][:, :, None] * scale[low][:, None, :]
        dependent = np.zeros((len(self.order), size), dtype=bool)
        dependent[self.order] = block_kernels.factorise(self.begins, self.rows, on, below, DEPENDENT, (0,) * size)
        return BlockFactor(self, on, below, scale, dependent)


@dataclass(frozen=True)
class BlockFactor:
    """Cholesky factor of a sparse block matrix.

    Attributes
    ----------
    pattern : BlockPattern
    diagonal : ndarray, shape (block, size, size)
        In the order of elimination.
    below : ndarray, shape (fill, size, size)
    scale : ndarray, shape (block, size)
        Of rows and columns, before the factorisation.
    dependent : ndarray of bool, shape (block, size)
        Unknowns that the matrix does not tell from those eliminated before them; none when it is regular.
    """

    pattern: BlockPattern
    diagonal: Array
    below: Array
    scale: Array
    dependent: Mask

    @property
    def _shape(self) -> tuple[int, ...]:
        return (0,) * int(self.diagonal.shape[1])

    def solve(self, right: Array) -> Array:
        """Return N^-1 b for many right-hand sides at once.

        Parameters
        ----------
        right : ndarray, shape (block, size, k)

        Returns
        -------
        ndarray, shape (block, size, k)

        Raises
        ------
        NumericsError
            FID-3011 when the matrix is singular.
        """
        self._require_regular()
        order = self.pattern.order
        x = np.ascontiguousarray((right * self.scale[:, :, None])[order])
        for substitute in (block_kernels.forward, block_kernels.backward):
            substitute(self.pattern.begins, self.pattern.rows, self.diagonal, self.below, x, self._shape)
        solution = np.empty_like(x)
        solution[order] = x
        return np.asarray(solution * self.scale[:, :, None], dtype=np.float64)

    def selected_inverse(self) -> tuple[Array, Array]:
        """Return the diagonal blocks of N^-1, and its blocks at the pairs of the pattern.

        Returns
        -------
        ndarray, shape (block, size, size)
        ndarray, shape (pair, size, size)

        Raises
        ------
        NumericsError
            FID-3011 when the matrix is singular.

        Notes
        -----
        Takahashi, Fagan & Chin 1973: exact, for the price of about two factorisations; solving for the unit vectors
        of each block would cost a pair of substitutions for each of them.
        """
        self._require_regular()
        pattern, scale = self.pattern, self.scale
        on, off = block_kernels.selected_inverse(pattern.begins, pattern.rows, self.diagonal, self.below, self._shape)
        inverse = np.empty_like(on)
        inverse[pattern.order] = on
        low, high = pattern.pairs
        beside = off[pattern.place] * scale[high][:, :, None] * scale[low][:, None, :]
        beside = np.where(pattern.upper[:, None, None], beside.transpose(0, 2, 1), beside)
        return inverse * scale[:, :, None] * scale[:, None, :], beside

    def null_space(self) -> Array:
        """Return a vector of the null space that every undetermined unknown takes part in, shape (block, size).

        Notes
        -----
        N z = 0 for L' z = e_d, d any dependent unknown; a random mixture of all of them hides nothing. Zero where the
        matrix is regular. Scaled to a unit diagonal, largest element 1.
        """
        order = self.pattern.order
        free = np.random.default_rng(_NULL_SPACE_SEED).uniform(1.0, 2.0, self.dependent.shape)
        x = np.ascontiguousarray(np.where(self.dependent, free, 0.0)[order][:, :, None])
        diagonal = np.where(np.isinf(self.diagonal), 1.0, self.diagonal)
        block_kernels.backward(self.pattern.begins, self.pattern.rows, diagonal, self.below, x, self._shape)
        vector = np.empty(self.dependent.shape)
        vector[order] = x[:, :, 0]
        return np.asarray(vector / max(float(np.abs(vector).max(initial=0.0)), 1e-300), dtype=np.float64)

    def _require_regular(self) -> None:
        if self.dependent.any():
            raise NumericsError(
                "FID-3011",
                f"{int(self.dependent.sum())} unknowns are not determined",
                where=f"normal equations of {len(self.dependent)} blocks",
                fix="add observations of them, or take them out",
            )

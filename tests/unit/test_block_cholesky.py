"""Sparse block matrices against dense algebra."""

import numpy as np
import pytest

from fiducial.errors import NumericsError
from fiducial.geodesy.block_cholesky import BlockPattern
from fiducial.geodesy.block_iteration import BlockIteration


def _network(size, *, blocks=40, seed=0):
    """A random network: diagonal blocks, pairs in either order, their blocks, and the dense matrix."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(blocks, 1)
    kept = rng.random(len(first)) < 0.1
    first, second = first[kept], second[kept]
    turned = rng.random(len(first)) < 0.5
    first, second = np.where(turned, second, first), np.where(turned, first, second)
    dense = np.zeros((blocks, size, blocks, size))
    for a, b in zip(first, second, strict=True):
        one, two = rng.standard_normal((2, 4, size)) * [1.0, 100.0, 0.01][:size]
        dense[a, :, a] += one.T @ one
        dense[b, :, b] += two.T @ two
        dense[a, :, b] += one.T @ two
        dense[b, :, a] += two.T @ one
    for block in range(blocks):
        dense[block, :, block] += np.diag([0.1, 1e3, 1e-5][:size])
    diagonal = np.array([dense[block, :, block] for block in range(blocks)])
    beside = np.array([dense[a, :, b] for a, b in zip(first, second, strict=True)])
    return diagonal, first, second, beside, dense.reshape(blocks * size, blocks * size)


def _solver(kind, diagonal, first, second, beside):
    if kind == "factor":
        return BlockPattern.of(len(diagonal), first, second).factorise(diagonal, beside)
    return BlockIteration.of(diagonal, first, second, beside)


@pytest.mark.parametrize("kind", ["factor", "iteration"])
@pytest.mark.parametrize("size", [1, 3])
def test_solutions_and_blocks_of_the_inverse_are_those_of_dense_algebra(kind, size):
    *blocks, dense = _network(size)
    solver = _solver(kind, *blocks)
    right = np.random.default_rng(1).standard_normal((40, size, 5))
    expected = np.linalg.solve(dense, right.reshape(40 * size, 5)).reshape(40, size, 5)
    assert not solver.dependent.any()
    assert not solver.null_space().any()
    assert solver.solve(right) == pytest.approx(expected, rel=1e-8, abs=1e-8 * np.abs(expected).max())
    inverse = np.linalg.inv(dense).reshape(40, size, 40, size)
    on, beside = solver.selected_inverse()
    scale = np.sqrt(np.einsum("bibi->bi", inverse))
    for block in range(40):
        error = (on[block] - inverse[block, :, block]) / np.outer(scale[block], scale[block])
        assert np.abs(error).max() < 1e-9
    for found, a, b in zip(beside, blocks[1], blocks[2], strict=True):
        assert np.abs((found - inverse[a, :, b]) / np.outer(scale[a], scale[b])).max() < 1e-9


@pytest.mark.parametrize("kind", ["factor", "iteration"])
def test_what_is_not_determined_is_found_and_not_solved(kind):
    """Two chains of differences: one fixed at its end, the other floating."""
    blocks = 60
    first = np.r_[np.arange(29), np.arange(30, 59)]
    diagonal = np.full((blocks, 1, 1), 2.0)
    diagonal[[0, 29, 30, 59]] = 1.0
    diagonal[0] += 0.5
    solver = _solver(kind, diagonal, first, first + 1, np.full((58, 1, 1), -1.0))
    assert solver.dependent.any()
    null = np.abs(solver.null_space()[:, 0])
    assert (null[30:] > 0.01).all()
    assert (null[:30] < 1e-6).all()
    with pytest.raises(NumericsError, match="FID-3011"):
        solver.solve(np.ones((blocks, 1, 1)))


def test_a_long_weak_chain_is_still_determined():
    """One fixed end in 3 000 links: condition 1e7, and the far end 3 000 times as uncertain as a link."""
    links = 3_000
    diagonal = np.full((links, 1, 1), 2.0)
    diagonal[-1] = 1.0
    first = np.arange(links - 1)
    factor = BlockPattern.of(links, first, first + 1).factorise(diagonal, np.full((links - 1, 1, 1), -1.0))
    on, beside = factor.selected_inverse()
    assert on[:, 0, 0] == pytest.approx(np.arange(1, links + 1), rel=1e-9)
    assert beside[:, 0, 0] == pytest.approx(np.arange(1, links), rel=1e-9)


def test_progress_of_the_slow_covariance():
    *blocks, _ = _network(1)
    done = []
    BlockIteration.of(*blocks).selected_inverse(done.append)
    assert sum(done) == 40

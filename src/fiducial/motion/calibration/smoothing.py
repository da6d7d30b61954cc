"""Linear low-pass operators from scattered blocks to the nodes of a map grid: Gaussian kernels, blended windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from fiducial.geodesy.robust import HUBER_K, MAD_TO_SIGMA
from fiducial.motion.calibration.bases import SplineBasis

Array = NDArray[np.float64]
Points = tuple[Array, Array]

_REJECT_AT = 5.0
_TERM_COUNTS = (4, 3, 1)
"""Of 1, u, v, uv in a window: bilinear, plane, constant."""

_WORST_CONDITION = 1e9

_ITERATIONS = 30


def gaussian_kernel(nodes: Points, blocks: Points, length_m: float) -> Array:
    """Return exp(-(d / length)^2) between nodes and blocks, each row up to a factor.

    Parameters
    ----------
    nodes, blocks : tuple of ndarray
        Easting and northing, metres.
    length_m : float
        Distance where the weight has fallen to 1/e: the standard deviation of the kernel is length / sqrt(2).

    Returns
    -------
    ndarray, shape (node, block)
        1 for the block nearest to each node, so that a node far from all blocks does not end at 0 / 0.
    """
    squared = cdist(np.column_stack(nodes), np.column_stack(blocks), "sqeuclidean") / length_m**2
    return np.asarray(np.exp(squared.min(axis=1, keepdims=True) - squared), dtype=np.float64)


def weighted_means(kernel: Array, weights: Array) -> Array:
    """Return the operator of the kernel's weighted means, shape (node, block); every row sums to one."""
    product = kernel * weights
    return np.asarray(product / product.sum(axis=1, keepdims=True), dtype=np.float64)


def huber_factors(residuals: Array, weights: Array, parameters: float) -> Array:
    """Return the factors that robust estimation puts on weights; 0 for what it rejects.

    Parameters
    ----------
    residuals, weights : ndarray, shape (n,)
        Weights 1/sigma^2 without factors.
    parameters : float
        Effective number of parameters, the trace of the smoother.

    Notes
    -----
    As `fiducial.geodesy.robust.robust_fit`: Huber with k = 1.5 in units of the MAD of the weighted residuals, nothing
    beyond five of them, but never more than a quarter rejected.
    """
    standardised = np.abs(residuals) * np.sqrt(weights)
    share = np.sqrt(len(residuals) / max(len(residuals) - parameters, 1.0))
    scale = float(MAD_TO_SIGMA * np.median(standardised) * share)
    if scale <= 0.0:
        return np.ones(len(residuals))
    ratio = standardised / scale
    factor = np.minimum(1.0, HUBER_K / np.maximum(ratio, 1e-300))
    far = np.argsort(ratio)[::-1][: len(ratio) // 4]
    factor[far[ratio[far] > _REJECT_AT]] = 0.0
    return np.asarray(factor, dtype=np.float64)


def robust_weights(
    kernel: Array, basis: SplineBasis, blocks: Points, values: Array, weights: Array
) -> tuple[Array, Array]:
    """Return the weights of the robust kernel smoother, factors included, and its residuals.

    Parameters
    ----------
    kernel : ndarray, shape (node, block)
        To the nodes of ``basis``.
    basis : SplineBasis
    blocks : tuple of ndarray
        Easting and northing, metres.
    values, weights : ndarray, shape (block,)

    Returns
    -------
    weights, residuals : ndarray, shape (block,)
        Reweighted until no fitted value moves by more than 1e-4 of the scatter.
    """
    robust, fitted = weights, np.full(len(values), np.inf)
    terms, shares = basis.local(*blocks)
    # The scale needs the trace, and that little of it that the weights of the start are good enough.
    own = kernel[terms.T, np.arange(len(values))] / (kernel @ weights)[terms.T]
    trace = float(np.sum(shares.T * own * weights))
    for _ in range(_ITERATIONS):
        means = kernel @ (robust * values) / (kernel @ robust)
        smooth = basis.evaluate(basis.coefficients_of(means), *blocks)
        moved, fitted = float(np.max(np.abs(smooth - fitted), initial=0.0)), smooth
        if moved <= 1e-4 * float(np.median(np.abs(values - fitted))):
            break
        robust = weights * huber_factors(values - fitted, weights, trace)
    return robust, values - fitted


def window_operator(nodes: Points, blocks: Points, weights: Array, size_m: float) -> tuple[Array, dict[str, int]]:
    """Return the operator of least-squares planes in windows that overlap by half and are blended by Hann weights.

    Parameters
    ----------
    nodes, blocks : tuple of ndarray
        Easting and northing, metres.
    weights : ndarray, shape (block,)
    size_m : float
        Side of the windows; their centres are multiples of half of it, the same for every track.

    Returns
    -------
    ndarray, shape (node, block)
        A node that no window with blocks reaches gets what the nearest reached node has.
    dict of str to int
        How many windows are bilinear, plane, constant.

    Notes
    -----
    1, u, v, uv by weighted least squares in each window, blended with cos^2(pi u/2) cos^2(pi v/2), as Venti does on
    pixels. A window takes the richest of bilinear, plane and constant whose contribution, Hann weight included, is
    nowhere in the window less certain than one block; with too few blocks that is their weighted mean.
    """
    operator = np.zeros((len(nodes[0]), len(blocks[0])))
    total = np.zeros(len(nodes[0]))
    windows = list(_windows(nodes, blocks, 0.5 * size_m))
    solved, richest = _window_fits([window.at_blocks for window in windows], [weights[w.members] for w in windows])
    for window, fit in zip(windows, solved, strict=True):
        blend = _hann(window.at_nodes)
        share = blend[:, None] * (_terms(window.at_nodes) @ fit[:, : len(window.members)])
        operator[np.ix_(window.inside, window.members)] += share
        total[window.inside] += blend
    reached = total > 1e-9
    operator[reached] /= total[reached, None]
    if not reached.all():
        position = np.column_stack(nodes)
        nearest = cdist(position[~reached], position[reached]).argmin(axis=1)
        operator[~reached] = operator[reached][nearest]
    names = ("bilinear", "plane", "constant")
    return operator, {name: int(np.sum(richest == terms)) for name, terms in zip(names, _TERM_COUNTS, strict=True)}


def spline_coefficients(basis: SplineBasis, operator: Array) -> Array:
    """Return the operator of the spline coefficients from that of the node values, both of shape (term, block)."""
    east = _quasi_interpolation(basis.columns)
    north = _quasi_interpolation(basis.rows)
    grid = operator.reshape(basis.rows, basis.columns, -1)
    grid = np.einsum("jc,rcb->rjb", east, grid, optimize=True)
    return np.asarray(np.einsum("ir,rjb->ijb", north, grid, optimize=True).reshape(basis.terms, -1), dtype=np.float64)


def refinement(coarse: SplineBasis, fine: SplineBasis) -> Array:
    """Return the matrix that turns coefficients into those of the same function on a grid of half the spacing.

    Parameters
    ----------
    coarse, fine : SplineBasis
        Both made by `SplineBasis.covering` for the same points, with spacings 2 h and h.

    Returns
    -------
    ndarray, shape (fine term, coarse term)

    Notes
    -----
    Two-scale relation of cubic B-splines: (c[j-1] + 6 c[j] + c[j+1]) / 8 at old nodes, (c[j] + c[j+1]) / 2 between
    them (de Boor 1978, ch. XI); exact.
    """
    east = _refine(coarse.easting_origin, coarse.columns, fine.easting_origin, fine.columns, fine.spacing_m)
    north = _refine(coarse.northing_origin, coarse.rows, fine.northing_origin, fine.rows, fine.spacing_m)
    return np.asarray(np.kron(north, east), dtype=np.float64)


def _refine(coarse_origin: float, coarse: int, fine_origin: float, fine: int, spacing_m: float) -> Array:
    shift = round((fine_origin - coarse_origin) / spacing_m)
    matrix = np.zeros((fine, coarse))
    for i in range(fine):
        node, between = divmod(i + shift, 2)
        parts = ((node, 0.5), (node + 1, 0.5)) if between else ((node - 1, 0.125), (node, 0.75), (node + 1, 0.125))
        for j, share in parts:
            matrix[i, j] = share
    return matrix


def _quasi_interpolation(count: int) -> Array:
    """Return the matrix of `SplineBasis.coefficients_of` along one axis."""
    axis = SplineBasis(0.0, 0.0, 1.0, count, 1)
    return np.column_stack([axis.coefficients_of(unit) for unit in np.eye(count)])


@dataclass(frozen=True)
class _Window:
    """Blocks and nodes of a window, and where they lie in units of half its side."""

    members: NDArray[np.intp]
    inside: NDArray[np.intp]
    at_blocks: Array
    at_nodes: Array


def _windows(nodes: Points, blocks: Points, half_m: float) -> Iterator[_Window]:
    """Give the windows that hold blocks."""
    scaled = [np.column_stack(points) / half_m for points in (nodes, blocks)]
    lowest, highest = np.floor(scaled[1].min(axis=0)), np.ceil(scaled[1].max(axis=0))
    for column in np.arange(lowest[0], highest[0] + 1.0):
        near = [np.flatnonzero(np.abs(points[:, 0] - column) < 1.0) for points in scaled]
        for row in np.arange(lowest[1], highest[1] + 1.0):
            inside, members = (
                index[np.abs(points[index, 1] - row) < 1.0] for index, points in zip(near, scaled, strict=True)
            )
            if len(members):
                centre = np.array([column, row])
                yield _Window(members, inside, scaled[1][members] - centre, scaled[0][inside] - centre)


def _window_fits(positions: Sequence[Array], weights: Sequence[Array]) -> tuple[Array, NDArray[np.int64]]:
    """Return the operators from the blocks of windows to 1, u, v, uv, padded, and how many terms each window has."""
    longest = max(len(one) for one in weights)
    design, weight = np.zeros((len(weights), longest, 4)), np.zeros((len(weights), longest))
    for k, (position, own) in enumerate(zip(positions, weights, strict=True)):
        design[k, : len(own)], weight[k, : len(own)] = _terms(position), own / own.mean()
    count = np.array([len(one) for one in weights])
    everywhere = np.stack(np.meshgrid(*[np.linspace(-0.75, 0.75, 7)] * 2), axis=-1).reshape(-1, 2)
    blended = _hann(everywhere)[:, None] * _terms(everywhere)
    solved = np.zeros((len(weights), 4, longest))
    solved[:, 0] = weight / weight.sum(axis=1, keepdims=True)
    terms = np.ones(len(weights), dtype=np.int64)
    for number in _TERM_COUNTS[-2::-1]:
        rows = np.flatnonzero(count > number)
        part = design[rows, :, :number]
        normal = np.einsum("wbi,wb,wbj->wij", part, weight[rows], part, optimize=True)
        rows, part, normal = (one[np.linalg.cond(normal) < _WORST_CONDITION] for one in (rows, part, normal))
        inverse = np.linalg.inv(normal)
        variance = np.einsum("ci,wij,cj->wc", blended[:, :number], inverse, blended[:, :number], optimize=True)
        sure = variance.max(axis=1, initial=0.0) <= 1.0
        rows = rows[sure]
        solved[rows, :number] = np.einsum("wij,wbj,wb->wib", inverse[sure], part[sure], weight[rows], optimize=True)
        solved[rows, number:] = 0.0
        terms[rows] = number
    return solved, terms


def _terms(position: Array) -> Array:
    u, v = position.T
    return np.column_stack([np.ones(len(u)), u, v, u * v])


def _hann(position: Array) -> Array:
    return np.asarray(np.prod(np.cos(0.5 * np.pi * position) ** 2, axis=1), dtype=np.float64)

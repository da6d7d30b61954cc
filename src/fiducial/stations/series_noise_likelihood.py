"""Sums of squares and determinants under white plus power-law noise on a regular grid with gaps, exact in n^2 operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.signal import fftconvolve

from fiducial.errors import NumericsError
from fiducial.geodesy.coloured_noise import fractional_integration_weights
from fiducial.stations.series_noise_kernel import backward, block_of_shifted_sum, forward

Float64 = NDArray[np.float64]
Indices = NDArray[np.int64]

_SEPARABLE: Final = 1e-6


@dataclass(frozen=True)
class NoiseSums:
    """Products under C^-1 at the points that exist.

    Attributes
    ----------
    products : ndarray, shape (column, column)
        B' C^-1 B.
    log_determinant : float
        ln det C.
    """

    products: Float64
    log_determinant: float


def noise_sums(index: Indices, columns: Float64, white: float, coloured: float, response: Float64) -> NoiseSums:
    """Return B' C^-1 B and ln det C for C = white^2 I + coloured^2 (L L') at some rows of a full grid.

    Parameters
    ----------
    index : ndarray of int, shape (point,)
        Rows of the grid that exist, strictly increasing; the power-law noise starts at the first.
    columns : ndarray, shape (point, column)
        B.
    white, coloured : float
        Standard deviation of the white part and factor of L; not both 0.
    response : ndarray, shape (grid point,)
        First column of the lower triangular Toeplitz matrix L, from the first to the last point.

    Raises
    ------
    NumericsError
        FID-3142 when C is not positive definite in floating point.

    Notes
    -----
    A missing row is a parameter of its own (Bos et al. 2013, J. Geodesy 87), which is the same as leaving it out:
    with M the columns of the identity at missing rows, y'C_oo^-1 y = y'C^-1 y - y'C^-1 M (M'C^-1 M)^-1 M'C^-1 y and
    ln det C_oo = ln det C + ln det M'C^-1 M. C^-1 = sum_k Z'^k H H' Z^k with two generators H = C^-1 W N^-1/2, where the
    columns of W are e_{n-1} and h less its first element, and N = W'C^-1 W + diag(0, white^2 + coloured^2). So M'C^-1 M
    costs n^2 operations too, and only its own factor the cube of the number of missing rows. Where more rows are missing
    than exist, C_oo itself is factorised.
    """
    rows = index - index[0]
    size = int(rows[-1]) + 1
    if size > 2 * rows.size:
        return _dense_sums(rows, columns, white, coloured, response)
    present = np.zeros(size, dtype=bool)
    present[rows] = True
    missing = np.flatnonzero(~present).astype(np.int64)
    grid = np.arange(size)
    # What stands in the missing rows does not matter; values without jumps lose no digits.
    right = np.column_stack([np.interp(grid, rows, column) for column in columns.T])
    count = right.shape[1]
    ends = np.zeros((size, 2 if missing.size else 0))
    if missing.size:
        ends[-1, 0] = 1.0
        ends[:-1, 1] = white * coloured * response[1:]
    filled, solved = right, np.ascontiguousarray(np.column_stack([right, ends]))
    first, second = coloured * response, np.zeros(size)
    second[0] = white
    cosine, sine = np.empty(size), np.empty(size)
    log_determinant = forward(first, second, solved, cosine, sine)
    if not np.isfinite(log_determinant):
        raise _singular()
    if not missing.size:
        return NoiseSums(solved.T @ solved, log_determinant)
    backward(first, second, solved, cosine, sine)
    gram = ends.T @ solved[:, count:] + np.diag([0.0, white**2 + coloured**2])
    try:
        root = np.linalg.cholesky(0.5 * (gram + gram.T))
        generators = solve_triangular(root, solved[:, count:].T, lower=True).T
        information = block_of_shifted_sum(np.ascontiguousarray(generators), missing)
        factor = cho_factor(information, lower=True, overwrite_a=True, check_finite=False)
    except (LinAlgError, ValueError) as error:
        raise _singular() from error
    at_missing = solved[missing, :count]
    products = filled.T @ solved[:, :count] - at_missing.T @ cho_solve(factor, at_missing)
    return NoiseSums(0.5 * (products + products.T), log_determinant + 2.0 * float(np.log(np.diagonal(factor[0])).sum()))


def _dense_sums(rows: Indices, columns: Float64, white: float, coloured: float, response: Float64) -> NoiseSums:
    """Return the same for few points in a long span, by the covariance of the points."""
    last = response.size - 1
    # Counted from the end, L L' is the sum that the kernel makes.
    block = block_of_shifted_sum(
        np.ascontiguousarray(coloured * response[::-1, None]), np.ascontiguousarray(last - rows)
    )
    block[np.diag_indices(rows.size)] += white**2
    try:
        factor = cho_factor(block, lower=True, overwrite_a=True)
    except (LinAlgError, ValueError) as error:
        raise _singular() from error
    products = columns.T @ cho_solve(factor, columns)
    return NoiseSums(0.5 * (products + products.T), 2.0 * float(np.log(np.diagonal(factor[0])).sum()))


def _singular() -> NumericsError:
    return NumericsError("FID-3142", "the covariance of the noise is not positive definite", where="noise_sums",
                         fix="a series needs noise: check that it holds observations")  # fmt: skip


def noise_response(index: Indices, spectral_index: float) -> Float64:
    """Return the first column of L for a grid from the first to the last row, shape (grid point,)."""
    return fractional_integration_weights(spectral_index, int(index[-1] - index[0]) + 1)


class RestrictedLikelihood:
    """Restricted likelihood of series under white and power-law noise of one index, over the share of the latter.

    With X the functional model and m = points - parameters, the likelihood of a component, its variance profiled out,
    is -1/2 (m ln(r'C^-1 r / m) + ln det C + ln det X'C^-1 X - ln det X'X), C = (1 - f) I + f F / mean(F): mean(F) is the
    mean of the eigenvalues of F in the space orthogonal to X, so that f is the share of the residual variance.

    Parameters
    ----------
    design : ndarray, shape (point, parameter)
    values : ndarray, shape (point, component)
    index : ndarray of int, shape (point,)
    per_year : float
        Grid points a year.
    spectral_index : float

    Raises
    ------
    NumericsError
        FID-3002 when the points cannot separate the parameters.
    """

    def __init__(
        self, design: Float64, values: Float64, index: Indices, per_year: float, spectral_index: float
    ) -> None:
        basis, singular, _ = np.linalg.svd(design / np.linalg.norm(design, axis=0), full_matrices=False)
        if singular[-1] < _SEPARABLE:
            raise NumericsError("FID-3002", "the epochs cannot separate the parameters of the model", where="design",
                                fix="give a longer series, with dates in different seasons")  # fmt: skip
        self.spectral_index = spectral_index
        self.freedom = design.shape[0] - design.shape[1]
        self._parameters = design.shape[1]
        self._index = index
        self._response = noise_response(index, spectral_index)
        # An orthonormal basis of the model gives the same likelihood and loses no digits.
        residuals = values - basis @ (basis.T @ values)
        self._scale = np.sqrt(np.maximum((residuals**2).mean(axis=0), np.finfo(np.float64).tiny))
        self._columns = np.column_stack([basis, residuals / self._scale])
        self._unit = per_year ** (spectral_index / 2.0)
        self.coloured_variance = self._unit * self._mean_variance(basis)
        self._known: dict[float, Float64] = {}

    def _mean_variance(self, basis: Float64) -> float:
        """Trace of the unscaled L L' in the space orthogonal to the model, over its dimension."""
        rows = self._index - self._index[0]
        spread = np.zeros((self._response.size, basis.shape[1]))
        spread[rows] = basis
        # L'q is a correlation with the response: a convolution of the reversed series.
        turned = fftconvolve(spread[::-1], self._response[:, None], axes=0)[: self._response.size]
        trace = float(np.cumsum(self._response**2)[rows].sum())
        return float((trace - float((turned**2).sum())) / self.freedom)

    def standard_deviations(self, root: float) -> tuple[float, float]:
        """Return white sigma and power-law amplitude per unit of variance at the root of a share."""
        return float(np.sqrt(1.0 - root**2)), float(root / np.sqrt(self.coloured_variance))

    def at(self, root: float) -> tuple[Float64, Float64]:
        """Return the log-likelihood and variance of every component, shape (component,), at the root of a share."""
        if root not in self._known:
            self._known[root] = self._sums(root)
        log_likelihood, variance = self._known[root]
        return log_likelihood, variance

    def _sums(self, root: float) -> Float64:
        white, amplitude = self.standard_deviations(root)
        sums = noise_sums(self._index, self._columns, white, amplitude * np.sqrt(self._unit), self._response)
        p = self._parameters
        normal, cross = sums.products[:p, :p], sums.products[:p, p:]
        factor = cho_factor(normal, lower=True)
        squares = np.diagonal(sums.products)[p:] - (cross * cho_solve(factor, cross)).sum(axis=0)
        variance = np.maximum(squares / self.freedom, np.finfo(np.float64).tiny)
        determinant = sums.log_determinant + 2.0 * float(np.log(np.diagonal(factor[0])).sum())
        scaled = variance * self._scale**2
        return np.array([-0.5 * (self.freedom * np.log(scaled) + determinant), scaled])

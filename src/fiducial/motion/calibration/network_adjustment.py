"""Solution of the joint adjustment: local motion eliminated, robust weights, posterior covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.sparse import block_diag, csc_array, csr_array
from scipy.sparse.linalg import splu

from fiducial.errors import NumericsError
from fiducial.motion.calibration.network_cells import NetworkCells
from fiducial.motion.calibration.network_design import NetworkDesign
from fiducial.motion.calibration.network_model import NetworkModel
from fiducial.motion.calibration.sparse_process import NeighbourProcess

Array = NDArray[np.float64]

_ROBUST_K: Final = 2.5
_GROWTH: Final = 4.0
_LOCAL_WHITE: Final = 0.05
_DENSE_SITES: Final = 3_000
_MOST_ROUNDS: Final = 12
_SETTLED: Final = 5e-3
_MANY_UNKNOWNS: Final = 3_000
_MOST_ROUNDS_MANY: Final = 2


class LocalSolver:
    """Factor of the normal matrix of local motion: dense Cholesky when small, sparse LU when large."""

    def __init__(self, normal: csc_array) -> None:
        self._solve: Callable[[Array], Array]
        if normal.shape[0] <= _DENSE_SITES:
            factor = cho_factor(normal.toarray(), lower=True)
            self._solve = lambda right: cho_solve(factor, right)
        else:
            options = {"SymmetricMode": True}
            self._solve = splu(normal, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options).solve

    def solve(self, right: Array) -> Array:
        """Return N^-1 right, shape (site,) or (site, k)."""
        return np.asarray(self._solve(np.ascontiguousarray(right)), dtype=np.float64)


@dataclass(frozen=True)
class NetworkNormals:
    """Factored normal equations: any number of right-hand sides, one a velocity or an epoch.

    Attributes
    ----------
    weight : csr_array, shape (cell, cell)
        Precision of the errors.
    solver : LocalSolver
    coupling : ndarray, shape (site, unknown)
        N_uu^-1 N_ux.
    factor : tuple
        Cholesky factor of the reduced normal matrix of x.
    design : NetworkDesign
    """

    weight: csr_array
    solver: LocalSolver
    coupling: Array
    factor: tuple[Array, bool]
    design: NetworkDesign

    def solve(self, residual_mm_per_yr: Array) -> Array:
        """Return the unknowns x for residuals InSAR minus GNSS field.

        Parameters
        ----------
        residual_mm_per_yr : ndarray, shape (cell,) or (cell, k)
            mm/yr, or mm for the k epochs of a series.

        Returns
        -------
        ndarray, shape (unknown,) or (unknown, k)
        """
        weighted = self.weight @ residual_mm_per_yr
        right = self.design.design.T @ weighted - self.coupling.T @ (self.design.local.T @ weighted)
        return np.asarray(cho_solve(self.factor, right), dtype=np.float64)

    def covariance(self) -> Array:
        """Return the posterior covariance of x, shape (unknown, unknown)."""
        inverse = dpotri(self.factor[0], lower=1)[0]
        return np.asarray(np.tril(inverse) + np.tril(inverse, -1).T, dtype=np.float64)


@dataclass(frozen=True)
class NetworkSolution:
    """Solution of the joint adjustment.

    Attributes
    ----------
    normals : NetworkNormals
        With the final weights, ready for more right-hand sides.
    unknowns : ndarray, shape (unknown,)
    covariance : ndarray, shape (unknown, unknown)
    prior_precision : ndarray, shape (unknown, unknown)
    residual_mm_per_yr : ndarray, shape (cell,)
        What is left besides regional field and long-wave errors: local motion and short-wave errors.
    extra_variance : ndarray, shape (cell,)
        (mm/yr)^2 by which robust weighting has inflated cells; 0 for those that agree.
    rounds : int
    """

    normals: NetworkNormals
    unknowns: Array
    covariance: Array
    prior_precision: Array
    residual_mm_per_yr: Array
    extra_variance: Array
    rounds: int

    def effective_parameters(self, columns: slice) -> float:
        """Return how many parameters among some columns the data, not the prior, determine."""
        prior = self.prior_precision[columns, columns]
        return float(prior.shape[0] - np.vdot(self.covariance[columns, columns], prior))


@dataclass(frozen=True)
class Processes:
    """Neighbours of the sites and of the cells of each track, found once."""

    local: NeighbourProcess
    noise: tuple[NeighbourProcess, ...]
    rows: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, cells: NetworkCells) -> Processes:
        """Find the neighbours."""
        rows = tuple(np.flatnonzero(cells.track == track) for track in range(len(cells.track_names)))
        noise = tuple(NeighbourProcess.at(cells.easting[r] / 1e3, cells.northing[r] / 1e3) for r in rows)
        return cls(NeighbourProcess.at(cells.site_easting / 1e3, cells.site_northing / 1e3), noise, rows)


def adjust(
    cells: NetworkCells,
    processes: Processes,
    design: NetworkDesign,
    model: NetworkModel,
    residual_mm_per_yr: Array,
    extra_variance: Array,
    *,
    with_covariance: bool = True,
) -> NetworkSolution:
    """Solve the joint adjustment robustly.

    Parameters
    ----------
    cells : NetworkCells
    processes : Processes
    design : NetworkDesign
    model : NetworkModel
    residual_mm_per_yr : ndarray, shape (cell,)
        InSAR minus GNSS field, LOS.
    extra_variance : ndarray, shape (cell,)
        Start of the robust inflation; zeros, or those of an earlier solution.
    with_covariance : bool
        False leaves the covariance of the unknowns NaN.

    Returns
    -------
    NetworkSolution

    Raises
    ------
    NumericsError
        FID-3011 when the normal matrix is singular.

    Notes
    -----
    r = L u + A x + e with u and x under their priors and e of short-wave covariance. Minimises
    e'We + u'Q_u u + x'Q_x x; u is eliminated first. Cells whose u + e exceeds k = 2.5 of its prior sigma get that
    variance times (t/k)^2 - 1 more: subsidence basins and landslides lose their weight with the square of their
    size. Likewise a cluster far off its burst is no longer drawn to it: the prior variance of its offset grows with its
    square (after the type-II maximum likelihood of Tipping 2001).
    """
    prior = design.prior_precision.copy()
    precision = processes.local.precision(
        model.up_sigma, model.up_length_km, np.full(len(cells.site_easting), (_LOCAL_WHITE * model.up_sigma) ** 2)
    )
    factor = np.array([model.factor(track) for track in cells.track_names])
    white = cells.white_variance + model.white_sigma**2
    expected = (cells.sight[:, 2] * model.up_sigma) ** 2 + model.noise_sigma**2 * factor[cells.track] + white
    own = np.array([column for burst in design.cluster_columns for column in burst.values()], dtype=int)
    base = 1.0 / np.diag(prior)[own]
    extra = extra_variance
    # A round of a large network takes seconds, and the first ones find the outliers.
    most = _MOST_ROUNDS if design.design.shape[1] <= _MANY_UNKNOWNS else _MOST_ROUNDS_MANY
    for number in range(1, most + 1):
        normals = _normals(cells, processes, design, model, precision, prior, white + extra)
        unknowns = normals.solve(residual_mm_per_yr)
        left = residual_mm_per_yr - design.design @ unknowns
        ratio = np.abs(left) / (_ROBUST_K * np.sqrt(expected))
        inflated = expected * np.maximum(ratio**2 - 1.0, 0.0)
        variance = base + _GROWTH * np.maximum(unknowns[own] ** 2 - base, 0.0)
        change = np.max(np.abs(np.sqrt(white + inflated) / np.sqrt(white + extra) - 1.0), initial=0.0)
        change = max(change, float(np.max(np.abs(np.sqrt(variance * np.diag(prior)[own]) - 1.0), initial=0.0)))
        if change < _SETTLED or number == most:
            break
        extra = inflated
        prior[own, own] = 1.0 / variance
    covariance = normals.covariance() if with_covariance else np.full(prior.shape, np.nan)
    return NetworkSolution(normals, unknowns, covariance, prior, left, extra, number)


def _normals(
    cells: NetworkCells,
    processes: Processes,
    design: NetworkDesign,
    model: NetworkModel,
    local_precision: csr_array,
    prior: Array,
    white: Array,
) -> NetworkNormals:
    blocks = [
        process.precision(model.noise_sigma * np.sqrt(model.factor(name)), model.noise_length_km, white[rows])
        for name, process, rows in zip(cells.track_names, processes.noise, processes.rows, strict=True)
    ]
    order = np.concatenate(processes.rows)
    place = np.empty(cells.size, dtype=np.int64)
    place[order] = np.arange(cells.size)
    weight = csr_array(csr_array(block_diag(blocks, format="csr"))[place][:, place])
    weighted_local = csc_array(weight @ design.local)
    weighted = csr_array(weight @ design.design)
    solver = LocalSolver(csc_array(design.local.T @ weighted_local + local_precision))
    cross = csr_array(design.local.T @ weighted)
    coupling = solver.solve(cross.toarray())
    reduced = (design.design.T @ weighted).toarray() - cross.T @ coupling + prior
    try:
        factor = cho_factor(0.5 * (reduced + reduced.T), lower=True)
    except np.linalg.LinAlgError as error:
        raise NumericsError(
            "FID-3011",
            "the normal matrix of the joint adjustment is singular",
            where="tracks " + ", ".join(cells.track_names),
            fix="check sigmas and positions of the blocks; give the tracks apart to find the one at fault",
        ) from error
    return NetworkNormals(weight, solver, coupling, factor, design)

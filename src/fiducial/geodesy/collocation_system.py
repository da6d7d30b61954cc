"""Linear algebra of collocation: the covariance of the stations, its factor, and prediction from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, cho_solve, solve_triangular

from fiducial.geodesy.covariance_functions import ExponentialModel, factorise, great_circle_km
from fiducial.geodesy.station_velocities import StationVelocities

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class TrendBasis:
    """Functions 1, x, y of position: x and y are the scaled orthographic coordinates about a centre.

    Smooth and bounded on the whole sphere, so that a trend never runs away in extrapolation.

    Attributes
    ----------
    axes : ndarray, shape (2, 3)
        Unit vectors east and north at the centre, divided by the sine of the network's angular radius.
    """

    axes: Array

    @classmethod
    def around(cls, vectors: Array) -> TrendBasis:
        """Centre the basis on points given as unit vectors, shape (point, 3)."""
        mean = vectors.mean(axis=0)
        length = float(np.linalg.norm(mean))
        centre = mean / length if length > 1e-6 else np.array([1.0, 0.0, 0.0])
        flat = np.hypot(centre[0], centre[1])
        east = np.array([-centre[1], centre[0], 0.0]) / flat if flat > 1e-9 else np.array([0.0, 1.0, 0.0])
        axes = np.stack([east, np.cross(centre, east)])
        reach = float(np.max(np.linalg.norm(vectors @ axes.T, axis=1)))
        return cls(axes / max(reach, 1e-9))

    def design(self, vectors: Array, trend: str) -> Array:
        """Return the trend functions, shape (point, 1) for ``constant`` or (point, 3) for ``linear``."""
        one = np.ones((len(vectors), 1))
        return one if trend == "constant" else np.hstack([one, vectors @ self.axes.T])


@dataclass(frozen=True)
class ComponentData:
    """One component of the velocity at the stations that know it.

    Attributes
    ----------
    component : int
        0 east, 1 north, 2 up.
    station : ndarray of int, shape (row,)
        Stations used, in the order of the table.
    trend : str
        ``constant`` or ``linear``.
    model : ExponentialModel
    """

    component: int
    station: Index
    trend: str
    model: ExponentialModel


@dataclass(frozen=True)
class CollocationSystem:
    """Components that are solved together because their station errors are correlated.

    Attributes
    ----------
    parts : tuple of ComponentData
        Rows of the system, component after component.
    vectors : ndarray, shape (station, 3)
        Unit vectors of all stations of the table.
    basis : TrendBasis
    factor : ndarray, shape (row, row)
        Lower Cholesky factor of K, the covariance of the observations: signal, nugget and station errors.
    whitened_design : ndarray, shape (row, parameter)
        L^-1 F.
    trend_covariance : ndarray, shape (parameter, parameter)
        (F' K^-1 F)^-1.
    coefficients : ndarray, shape (parameter,)
    whitened_residual : ndarray, shape (row,)
        L^-1 (v - F beta); its sum of squares over ``degrees_of_freedom`` is the variance factor.
    """

    parts: tuple[ComponentData, ...]
    vectors: Array
    basis: TrendBasis
    factor: Array
    whitened_design: Array
    trend_covariance: Array
    coefficients: Array
    whitened_residual: Array

    @property
    def degrees_of_freedom(self) -> int:
        """Observations minus trend parameters."""
        return len(self.whitened_residual) - len(self.coefficients)

    @property
    def variance_factor(self) -> float:
        """Quadratic form of the residuals over the freedom; near 1 when covariances and sigmas are right."""
        return float(self.whitened_residual @ self.whitened_residual) / max(self.degrees_of_freedom, 1)

    def predict(self, vectors: Array, *, with_covariance: bool) -> tuple[Array, Array]:
        """Predict the system's components at a block of points.

        Parameters
        ----------
        vectors : ndarray, shape (point, 3)
            Unit vectors.
        with_covariance : bool

        Returns
        -------
        ndarray, shape (point, part)
            Trend plus signal, without nugget.
        ndarray, shape (point, part, part)
            Universal-kriging covariance; empty (point, 0, 0) when not wanted.
        """
        weights = solve_triangular(self.factor, self.whitened_residual, lower=True, trans="T")
        value = np.empty((len(vectors), len(self.parts)))
        whitened, trend_error = [], []
        for number in range(len(self.parts)):
            signal, functions = self._cross(number, vectors)
            rows = self._rows(number)
            value[:, number] = functions @ self.coefficients + signal @ weights[rows]
            if with_covariance:
                spread = self._whiten(number, signal)
                whitened.append(spread)
                trend_error.append(functions.T - self.whitened_design.T @ spread)
        if not with_covariance:
            return value, np.empty((len(vectors), 0, 0))
        covariance = np.empty((len(vectors), len(self.parts), len(self.parts)))
        for i, part in enumerate(self.parts):
            for j in range(i + 1):
                prior = part.model.sigma**2 if i == j else 0.0
                gained = np.einsum("rp,rp->p", whitened[i], whitened[j])
                trend = np.einsum("ap,ab,bp->p", trend_error[i], self.trend_covariance, trend_error[j])
                covariance[:, i, j] = covariance[:, j, i] = prior - gained + trend
        return value, covariance

    def projection_covariance(self, vectors: Array, unit: Array, distance_km: Array) -> Array:
        """Return the covariance of l.v between points, shape (point, point), of this system's components.

        Parameters
        ----------
        vectors : ndarray, shape (point, 3)
        unit : ndarray, shape (point, 3)
            Projection vectors l: east, north, up.
        distance_km : ndarray, shape (point, point)
        """
        covariance = np.zeros((len(vectors), len(vectors)))
        whitened = np.zeros((len(self.factor), len(vectors)))
        functions = np.zeros((len(vectors), len(self.coefficients)))
        for number, part in enumerate(self.parts):
            along = unit[:, part.component]
            signal, trend = self._cross(number, vectors)
            whitened += self._whiten(number, signal * along[:, None])
            functions += trend * along[:, None]
            covariance += part.model.signal(distance_km) * np.outer(along, along)
        trend_error = functions.T - self.whitened_design.T @ whitened
        covariance -= whitened.T @ whitened
        covariance += trend_error.T @ self.trend_covariance @ trend_error
        return covariance

    def leave_one_out(self) -> tuple[Array, Array]:
        """Return the residual and its sigma of every row predicted from all others, each of shape (row,).

        Notes
        -----
        e_i = (P v)_i / P_ii, variance 1 / P_ii, with P = K^-1 - K^-1 F (F'K^-1 F)^-1 F'K^-1 (Dubrule 1983): no
        system is solved again. The sigma holds the row's own error and nugget.
        """
        inverse = solve_triangular(self.factor, np.eye(len(self.factor)), lower=True)
        design = solve_triangular(self.factor, self.whitened_design, lower=True, trans="T")
        diagonal = np.einsum("ki,ki->i", inverse, inverse)
        diagonal -= np.einsum("ia,ab,ib->i", design, self.trend_covariance, design)
        projected = solve_triangular(self.factor, self.whitened_residual, lower=True, trans="T")
        return np.asarray(projected / diagonal), np.asarray(1.0 / np.sqrt(diagonal))

    def _rows(self, number: int) -> slice:
        start = sum(len(part.station) for part in self.parts[:number])
        return slice(start, start + len(self.parts[number].station))

    def _cross(self, number: int, vectors: Array) -> tuple[Array, Array]:
        """Signal covariance points x rows of one part, and the trend functions in the whole parameter vector."""
        part = self.parts[number]
        signal = part.model.signal(great_circle_km(vectors, self.vectors[part.station]))
        functions = np.zeros((len(vectors), len(self.coefficients)))
        start = sum(1 if other.trend == "constant" else 3 for other in self.parts[:number])
        own = self.basis.design(vectors, part.trend)
        functions[:, start : start + own.shape[1]] = own
        return signal, functions

    def _whiten(self, number: int, signal: Array) -> Array:
        """Return L^-1 c for covariances c that are zero outside one part; rows above the part stay zero."""
        rows = self._rows(number)
        whitened = np.zeros((len(self.factor), len(signal)))
        right = np.zeros((len(self.factor) - rows.start, len(signal)))
        right[: rows.stop - rows.start] = signal.T
        tail = self.factor[rows.start :, rows.start :]
        whitened[rows.start :] = solve_triangular(tail, right, lower=True, check_finite=False)
        return whitened


def solve_system(
    stations: StationVelocities, vectors: Array, basis: TrendBasis, parts: tuple[ComponentData, ...]
) -> CollocationSystem:
    """Set up and factorise the system of the given components.

    Raises
    ------
    NumericsError
        FID-3010 when the covariance of the stations is not positive definite.
    """
    covariance = block_diag(*[_block(stations, vectors, part) for part in parts])
    starts = np.cumsum([0] + [len(part.station) for part in parts])
    for i, first in enumerate(parts):
        for j, second in enumerate(parts[:i]):
            common, in_first, in_second = np.intersect1d(first.station, second.station, return_indices=True)
            cross = stations.covariance_enu[common, first.component, second.component]
            rows, columns = starts[i] + in_first, starts[j] + in_second
            covariance[rows, columns] = covariance[columns, rows] = np.where(np.isfinite(cross), cross, 0.0)
    values = np.concatenate([stations.velocity_enu_mm_per_yr[part.station, part.component] for part in parts])
    design = block_diag(*[basis.design(vectors[part.station], part.trend) for part in parts])
    factor = factorise(covariance, "collocation of " + stations.source)
    whitened_design = solve_triangular(factor, design, lower=True)
    normal = factorise(whitened_design.T @ whitened_design, "trend of the collocation")
    trend_covariance = cho_solve((normal, True), np.eye(design.shape[1]))
    whitened_values = solve_triangular(factor, values, lower=True)
    coefficients = trend_covariance @ (whitened_design.T @ whitened_values)
    return CollocationSystem(
        parts=parts,
        vectors=vectors,
        basis=basis,
        factor=factor,
        whitened_design=np.asarray(whitened_design),
        trend_covariance=np.asarray(trend_covariance),
        coefficients=np.asarray(coefficients),
        whitened_residual=np.asarray(whitened_values - whitened_design @ coefficients),
    )


def _block(stations: StationVelocities, vectors: Array, part: ComponentData) -> Array:
    own = vectors[part.station]
    block = part.model.signal(great_circle_km(own, own))
    variance = stations.covariance_enu[part.station, part.component, part.component]
    block[np.diag_indices_from(block)] += variance + part.model.nugget**2
    return block

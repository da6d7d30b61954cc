"""Functions over the map that correction surfaces are sums of: polynomials and bicubic splines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.motion.calibration.polynomial_kernels import evaluate_polynomial, spline_sum, spline_variance

Array = NDArray[np.float64]
Index = NDArray[np.int64]


class Basis(Protocol):
    """Functions over the map that a surface is a sum of."""

    @property
    def kind(self) -> str:
        """Name of the kind, as stored in a file."""
        ...

    @property
    def terms(self) -> int:
        """Number of functions."""
        ...

    def design(self, easting: Array, northing: Array) -> Array:
        """Return the functions at points in metres, shape (point, term)."""
        ...

    def evaluate(self, coefficients: Array, easting: Array, northing: Array) -> Array:
        """Return the sum at points in metres, shape (point,)."""
        ...

    def variance(self, covariance: Array, easting: Array, northing: Array) -> Array:
        """Return the variance b'Cb of the sum at points in metres, shape (point,)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `basis_from_dict` understands."""
        ...


@dataclass(frozen=True)
class PolynomialBasis:
    """Products u^i v^j of scaled, rotated map coordinates.

    Attributes
    ----------
    exponents : tuple of (int, int)
        (i, j) of each term.
    easting_origin, northing_origin : float
        Metres.
    rotation_deg : float
        Direction of u, from east towards north.
    scale_m : float
        Length of one unit of u and v.
    """

    exponents: tuple[tuple[int, int], ...]
    easting_origin: float
    northing_origin: float
    rotation_deg: float
    scale_m: float

    @classmethod
    def full(cls, easting: Array, northing: Array, degree: int) -> PolynomialBasis:
        """Complete polynomial of a degree, centred on and scaled to the given points (metres)."""
        return cls._around(easting, northing, 0.0, (degree, degree))

    @classmethod
    def band_limited(cls, easting: Array, northing: Array, resolution_m: float, maximum: int) -> PolynomialBasis:
        """Polynomial that bends no faster than a grid of spacing ``resolution_m`` can tell.

        Parameters
        ----------
        easting, northing : ndarray, shape (point,)
            Where the surface is used, metres.
        resolution_m : float
        maximum : int
            Highest total degree.

        Notes
        -----
        Over an extent L a polynomial of degree d bends at wavelengths of about 2 L / d; a grid carries none
        below twice its spacing, so d <= L / spacing. Counted along the two principal axes of the points: a
        burst of 20 x 85 km gets a slope along its length only, an island of 4 km a constant.
        """
        centred = np.column_stack([easting - easting.mean(), northing - northing.mean()])
        _, _, axes = np.linalg.svd(centred, full_matrices=False) if len(centred) > 1 else (0, 0, np.eye(2))
        major = axes[0] * (1.0 if axes[0][0] >= 0 else -1.0)
        minor = np.array([-major[1], major[0]])
        degrees = [min(maximum, int(np.ptp(centred @ axis) / resolution_m + 1e-9)) for axis in (major, minor)]
        turn = float(np.rad2deg(np.arctan2(major[1], major[0])))
        return cls._around(easting, northing, turn, (degrees[0], degrees[1]))

    @classmethod
    def _around(cls, easting: Array, northing: Array, turn: float, degrees: tuple[int, int]) -> PolynomialBasis:
        # A mixed term uses up a share of either axis: with (1, 1) there is a plane, but no saddle.
        major, minor = degrees
        exponents = [
            (order - j, j)
            for order in range(max(degrees) + 1)
            for j in range(order + 1)
            if (order - j) * max(minor, 1) + j * max(major, 1) <= max(major, 1) * max(minor, 1)
            and order - j <= major
            and j <= minor
        ]
        centre = float(easting.mean()), float(northing.mean())
        reach = float(np.max(np.hypot(easting - centre[0], northing - centre[1])))
        return cls(tuple(exponents), *centre, turn, max(reach, 1.0))

    @property
    def kind(self) -> str:
        """``polynomial``."""
        return "polynomial"

    @property
    def terms(self) -> int:
        """Number of terms."""
        return len(self.exponents)

    @property
    def degree(self) -> int:
        """Highest total degree."""
        return max(i + j for i, j in self.exponents)

    def design(self, easting: Array, northing: Array) -> Array:
        """Return the terms at points in metres, shape (point, term)."""
        u, v = self._scaled(easting, northing)
        return np.stack([u**i * v**j for i, j in self.exponents], axis=-1)

    def evaluate(self, coefficients: Array, easting: Array, northing: Array) -> Array:
        """Return the sum at points in metres."""
        table = np.zeros((self.degree + 1, self.degree + 1))
        for (i, j), coefficient in zip(self.exponents, coefficients, strict=True):
            table[j, i] += coefficient
        return evaluate_polynomial(table, *self._scaled(easting, northing))

    def variance(self, covariance: Array, easting: Array, northing: Array) -> Array:
        """Return b'Cb at points in metres."""
        # The square of a polynomial is one, of twice the degree.
        table = np.zeros((2 * self.degree + 1, 2 * self.degree + 1))
        for first, (i, j) in enumerate(self.exponents):
            for second, (k, m) in enumerate(self.exponents):
                table[j + m, i + k] += covariance[first, second]
        return evaluate_polynomial(table, *self._scaled(easting, northing))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "exponents": [list(pair) for pair in self.exponents],
            "easting_origin": self.easting_origin,
            "northing_origin": self.northing_origin,
            "rotation_deg": self.rotation_deg,
            "scale_m": self.scale_m,
        }

    def _scaled(self, easting: Array, northing: Array) -> tuple[Array, Array]:
        turn = np.deg2rad(self.rotation_deg)
        east, north = easting - self.easting_origin, northing - self.northing_origin
        return (
            (east * np.cos(turn) + north * np.sin(turn)) / self.scale_m,
            (north * np.cos(turn) - east * np.sin(turn)) / self.scale_m,
        )


@dataclass(frozen=True)
class SplineBasis:
    """Bicubic B-splines on a square grid: nothing finer than the grid, any polynomial up to the third degree exactly.

    Attributes
    ----------
    easting_origin, northing_origin : float
        Metres: centre of the spline of column 0, row 0.
    spacing_m : float
    columns, rows : int
        Splines along easting and northing; term = row * columns + column. Points between the second and the last
        but one of either direction are fully supported.

    Notes
    -----
    de Boor 1978, ch. IX: four splines of a direction meet at a point, with weights that sum to one.
    """

    easting_origin: float
    northing_origin: float
    spacing_m: float
    columns: int
    rows: int

    @classmethod
    def covering(cls, easting: Array, northing: Array, spacing_m: float) -> SplineBasis:
        """Smallest grid, with nodes at multiples of the spacing, that supports every point (metres)."""
        first = [int(np.floor(x.min() / spacing_m)) - 1 for x in (easting, northing)]
        last = [int(np.floor(x.max() / spacing_m)) + 2 for x in (easting, northing)]
        columns, rows = (end - start + 1 for start, end in zip(first, last, strict=True))
        return cls(first[0] * spacing_m, first[1] * spacing_m, spacing_m, columns, rows)

    @property
    def kind(self) -> str:
        """``bicubic-spline``."""
        return "bicubic-spline"

    @property
    def terms(self) -> int:
        """Number of splines."""
        return self.columns * self.rows

    @property
    def nodes(self) -> tuple[Array, Array]:
        """Easting and northing of the centre of each spline, shape (term,)."""
        easting = self.easting_origin + self.spacing_m * np.arange(self.columns)
        northing = self.northing_origin + self.spacing_m * np.arange(self.rows)
        return np.tile(easting, self.rows), np.repeat(northing, self.columns)

    def local(self, easting: Array, northing: Array) -> tuple[Index, Array]:
        """Return the sixteen terms that meet at each point and their weights, both of shape (point, 16).

        Points outside the support get the weights of the nearest supported point.
        """
        return _local(*self._scaled(easting, northing), self.columns, self.rows)

    def design(self, easting: Array, northing: Array) -> Array:
        """Return the splines at points in metres, shape (point, term)."""
        terms, weights = self.local(easting, northing)
        design = np.zeros((len(terms), self.terms))
        np.put_along_axis(design, terms, weights, axis=1)
        return design

    def evaluate(self, coefficients: Array, easting: Array, northing: Array) -> Array:
        """Return the sum at points in metres."""
        return spline_sum(*self._scaled(easting, northing), self.columns, self.rows, coefficients)

    def variance(self, covariance: Array, easting: Array, northing: Array) -> Array:
        """Return b'Cb at points in metres."""
        return spline_variance(*self._scaled(easting, northing), self.columns, self.rows, covariance)

    def coefficients_of(self, values: Array) -> Array:
        """Return coefficients for values given at the nodes (term,): quasi-interpolation, exact up to cubics.

        Notes
        -----
        c = f - h^2 f''/6 in each direction, with second differences, one-sided at the rim (de Boor 1978, ch. XII).
        """
        grid = np.asarray(values, dtype=np.float64).reshape(self.rows, self.columns)
        for axis in (0, 1):
            grid = grid - _second_difference(grid, axis) / 6.0
        return grid.ravel()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "easting_origin": self.easting_origin,
            "northing_origin": self.northing_origin,
            "spacing_m": self.spacing_m,
            "columns": self.columns,
            "rows": self.rows,
        }

    def _scaled(self, easting: Array, northing: Array) -> tuple[Array, Array]:
        return (
            (np.asarray(easting, dtype=np.float64) - self.easting_origin) / self.spacing_m,
            (np.asarray(northing, dtype=np.float64) - self.northing_origin) / self.spacing_m,
        )


def basis_from_dict(values: Mapping[str, Any]) -> Basis:
    """Rebuild a basis from `Basis.to_dict`.

    Raises
    ------
    InputError
        FID-1068 for a kind this version does not know, or missing values.
    """
    try:
        if values["kind"] == "polynomial":
            return PolynomialBasis(
                exponents=tuple((int(i), int(j)) for i, j in values["exponents"]),
                easting_origin=float(values["easting_origin"]),
                northing_origin=float(values["northing_origin"]),
                rotation_deg=float(values["rotation_deg"]),
                scale_m=float(values["scale_m"]),
            )
        if values["kind"] == "bicubic-spline":
            return SplineBasis(
                easting_origin=float(values["easting_origin"]),
                northing_origin=float(values["northing_origin"]),
                spacing_m=float(values["spacing_m"]),
                columns=int(values["columns"]),
                rows=int(values["rows"]),
            )
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(f"basis: {error!r}") from error
    raise unreadable(f"basis of kind {values['kind']!r}")


def _second_difference(grid: Array, axis: int) -> Array:
    if grid.shape[axis] < 3:
        return np.zeros_like(grid)
    inner = np.diff(grid, n=2, axis=axis)
    # The end takes its neighbour's plus the change of it, so that cubics stay exact.
    first, second = np.take(inner, 0, axis=axis), np.take(inner, min(1, inner.shape[axis] - 1), axis=axis)
    last, before = np.take(inner, -1, axis=axis), np.take(inner, max(inner.shape[axis] - 2, 0), axis=axis)
    ends = np.expand_dims(2.0 * first - second, axis), np.expand_dims(2.0 * last - before, axis)
    return np.concatenate([ends[0], inner, ends[1]], axis=axis)


@numba.njit(cache=True, nogil=True)
def _weights(position: float, count: int, out: Any) -> int:  # pragma: no cover
    cell = min(max(int(np.floor(position)), 1), count - 3)
    t = min(max(position - cell, 0.0), 1.0)
    s = 1.0 - t
    out[0] = s * s * s / 6.0
    out[1] = (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0
    out[2] = (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0
    out[3] = t * t * t / 6.0
    return cell - 1


@numba.njit(cache=True, nogil=True)
def _local(x: Array, y: Array, columns: int, rows: int) -> tuple[Index, Array]:  # pragma: no cover
    terms = np.empty((len(x), 16), dtype=np.int64)
    weights = np.empty((len(x), 16))
    wx, wy = np.empty(4), np.empty(4)
    for p in range(len(x)):
        column, row = _weights(x[p], columns, wx), _weights(y[p], rows, wy)
        for j in range(4):
            for i in range(4):
                terms[p, 4 * j + i] = (row + j) * columns + column + i
                weights[p, 4 * j + i] = wy[j] * wx[i]
    return terms, weights


def unreadable(detail: str) -> InputError:
    """Return the error FID-1068 for a stored surface that cannot be rebuilt."""
    return InputError(
        "FID-1068",
        "a stored correction surface cannot be rebuilt",
        where=detail,
        fix="use the version of Fiducial that wrote it, or calibrate again",
    )

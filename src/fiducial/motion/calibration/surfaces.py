"""Correction surfaces: a basis over the map, its coefficients and their covariance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError

Array = NDArray[np.float64]
_CHUNK = 200_000


class Basis(Protocol):
    """Functions over the map that a surface is a sum of. Other recipes bring other bases."""

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
        turn = np.deg2rad(self.rotation_deg)
        east, north = easting - self.easting_origin, northing - self.northing_origin
        u = (east * np.cos(turn) + north * np.sin(turn)) / self.scale_m
        v = (north * np.cos(turn) - east * np.sin(turn)) / self.scale_m
        return np.stack([u**i * v**j for i, j in self.exponents], axis=-1)

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
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(f"basis: {error!r}") from error
    raise _unreadable(f"basis of kind {values['kind']!r}")


@dataclass(frozen=True)
class CorrectionSurface:
    """S, the long-wave part of v_InSAR - v_GNSS: calibrated velocity = v - S, displacement d - S (t - t0).

    Attributes
    ----------
    track : str
    crs : str
        Map projection of easting and northing.
    basis : Basis
    coefficients : ndarray, shape (term,)
        mm/yr.
    covariance : ndarray, shape (term, term)
        (mm/yr)^2.
    systematic_sigma_mm_per_yr : float
        White part added in quadrature everywhere; 0 unless the caller of the recipe asked for it.
    """

    track: str
    crs: str
    basis: Basis
    coefficients: Array
    covariance: Array
    systematic_sigma_mm_per_yr: float = 0.0

    def surface_mm_per_yr(self, easting: ArrayLike, northing: ArrayLike) -> Array:
        """Return S at points.

        Parameters
        ----------
        easting, northing : array_like, any common shape
            Metres in ``crs``; NaN gives NaN.

        Returns
        -------
        ndarray, same shape
            mm/yr LOS, positive towards the satellite.
        """
        return self._evaluate(easting, northing, lambda design: np.asarray(design @ self.coefficients))

    def sigma_mm_per_yr(self, easting: ArrayLike, northing: ArrayLike) -> Array:
        """Return the standard deviation of S at points, sqrt(b'Cb + systematic^2), mm/yr."""

        def sigma(design: Array) -> Array:
            variance = np.einsum("pi,ij,pj->p", design, self.covariance, design)
            return np.asarray(np.sqrt(np.maximum(variance, 0.0) + self.systematic_sigma_mm_per_yr**2))

        return self._evaluate(easting, northing, sigma)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, for a coefficient file."""
        return {
            "track": self.track,
            "crs": self.crs,
            "basis": self.basis.to_dict(),
            "coefficients_mm_per_yr": self.coefficients.tolist(),
            "covariance_mm2_per_yr2": self.covariance.tolist(),
            "systematic_sigma_mm_per_yr": self.systematic_sigma_mm_per_yr,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CorrectionSurface:
        """Rebuild a surface from `to_dict`.

        Raises
        ------
        InputError
            FID-1068 when values are missing, of the wrong shape, or of an unknown kind.
        """
        try:
            basis = basis_from_dict(values["basis"])
            surface = cls(
                track=str(values["track"]),
                crs=str(values["crs"]),
                basis=basis,
                coefficients=np.array(values["coefficients_mm_per_yr"], dtype=np.float64),
                covariance=np.array(values["covariance_mm2_per_yr2"], dtype=np.float64),
                systematic_sigma_mm_per_yr=float(values["systematic_sigma_mm_per_yr"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise _unreadable(repr(error)) from error
        if surface.coefficients.shape != (basis.terms,) or surface.covariance.shape != (basis.terms,) * 2:
            raise _unreadable("number of coefficients and terms differ")
        return surface

    def _evaluate(self, easting: ArrayLike, northing: ArrayLike, function: Callable[[Array], Array]) -> Array:
        east, north = np.broadcast_arrays(np.asarray(easting, dtype=np.float64), np.asarray(northing, dtype=np.float64))
        result = np.empty(east.size)
        flat_east, flat_north = east.ravel(), north.ravel()
        for start in range(0, east.size, _CHUNK):
            block = slice(start, start + _CHUNK)
            result[block] = function(self.basis.design(flat_east[block], flat_north[block]))
        return result.reshape(east.shape)


def _unreadable(detail: str) -> InputError:
    return InputError(
        "FID-1068",
        "a stored correction surface cannot be rebuilt",
        where=detail,
        fix="use the version of Fiducial that wrote it, or calibrate again",
    )

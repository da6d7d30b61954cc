"""Correction surfaces: a basis over the map, its coefficients and their covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.motion.calibration.bases import Basis, basis_from_dict, unreadable

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class ClusterOffsets:
    """Offsets of the unwrapping clusters of a burst against its surface.

    Attributes
    ----------
    labels : ndarray of int, shape (cluster,)
        L2a ``cluster_label``, ascending.
    offset_mm_per_yr, sigma_mm_per_yr : ndarray, shape (cluster,)
        Velocity of the cluster above the surface, and its standard deviation.
    cross_covariance : ndarray, shape (cluster, term)
        With the coefficients of the surface, (mm/yr)^2: surface and offset together are known better than either.
    unknown_sigma_mm_per_yr : float
        A cluster that was not observed gets 0 with this sigma, the prior of all of them.
    """

    labels: Index
    offset_mm_per_yr: Array
    sigma_mm_per_yr: Array
    cross_covariance: Array
    unknown_sigma_mm_per_yr: float

    def offset(self, cluster: NDArray[Any]) -> Array:
        """Return the offset of cluster labels, shape (point,)."""
        place, found = self._place(cluster)
        return np.where(found, self.offset_mm_per_yr[place], 0.0)

    def variance(self, cluster: NDArray[Any], basis: Basis, easting: Array, northing: Array) -> Array:
        """Return what the offset adds to the variance of the surface, shape (point,)."""
        place, found = self._place(cluster)
        variance = np.where(found, self.sigma_mm_per_yr[place] ** 2, self.unknown_sigma_mm_per_yr**2)
        for index in np.unique(place[found]):
            points = np.flatnonzero(found & (place == index))
            row = np.ascontiguousarray(self.cross_covariance[index])
            variance[points] += 2.0 * basis.evaluate(row, easting[points], northing[points])
        return variance

    def _place(self, cluster: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        place = np.minimum(np.searchsorted(self.labels, cluster), len(self.labels) - 1)
        return place, self.labels[place] == cluster

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "labels": self.labels.tolist(),
            "offset_mm_per_yr": self.offset_mm_per_yr.tolist(),
            "sigma_mm_per_yr": self.sigma_mm_per_yr.tolist(),
            "cross_covariance_mm2_per_yr2": self.cross_covariance.tolist(),
            "unknown_sigma_mm_per_yr": self.unknown_sigma_mm_per_yr,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClusterOffsets:
        """Rebuild from `to_dict`."""
        return cls(
            np.array(values["labels"], dtype=np.int64),
            np.array(values["offset_mm_per_yr"], dtype=np.float64),
            np.array(values["sigma_mm_per_yr"], dtype=np.float64),
            np.array(values["cross_covariance_mm2_per_yr2"], dtype=np.float64),
            float(values["unknown_sigma_mm_per_yr"]),
        )


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
    clusters : ClusterOffsets or None
        Where unwrapping clusters are offset against each other.
    """

    track: str
    crs: str
    basis: Basis
    coefficients: Array
    covariance: Array
    systematic_sigma_mm_per_yr: float = 0.0
    clusters: ClusterOffsets | None = None

    def surface_mm_per_yr(self, easting: ArrayLike, northing: ArrayLike, cluster: ArrayLike | None = None) -> Array:
        """Return S at points.

        Parameters
        ----------
        easting, northing : array_like, any common shape
            Metres in ``crs``; NaN gives NaN.
        cluster : array_like of int, optional
            Unwrapping cluster of each point; needed where the surface has `clusters`.

        Returns
        -------
        ndarray, same shape
            mm/yr LOS, positive towards the satellite.

        Raises
        ------
        InputError
            FID-1063 when the surface has clusters and the points have none.
        """
        east, north = _pair(easting, northing)
        rate = self.basis.evaluate(self.coefficients, east.ravel(), north.ravel())
        if self.clusters is not None:
            rate = rate + self.clusters.offset(self._labels(cluster, east.shape))
        return rate.reshape(east.shape)

    def sigma_mm_per_yr(self, easting: ArrayLike, northing: ArrayLike, cluster: ArrayLike | None = None) -> Array:
        """Return the standard deviation of S at points, sqrt(b'Cb + cluster part + systematic^2), mm/yr."""
        east, north = _pair(easting, northing)
        flat = east.ravel(), north.ravel()
        variance = self.basis.variance(self.covariance, *flat)
        if self.clusters is not None:
            variance = variance + self.clusters.variance(self._labels(cluster, east.shape), self.basis, *flat)
        variance = np.maximum(variance, 0.0) + self.systematic_sigma_mm_per_yr**2
        return np.asarray(np.sqrt(variance), dtype=np.float64).reshape(east.shape)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, for a coefficient file."""
        return {
            "track": self.track,
            "crs": self.crs,
            "basis": self.basis.to_dict(),
            "coefficients_mm_per_yr": self.coefficients.tolist(),
            "covariance_mm2_per_yr2": self.covariance.tolist(),
            "systematic_sigma_mm_per_yr": self.systematic_sigma_mm_per_yr,
            "clusters": None if self.clusters is None else self.clusters.to_dict(),
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
            clusters = values.get("clusters")
            surface = cls(
                track=str(values["track"]),
                crs=str(values["crs"]),
                basis=basis,
                coefficients=np.array(values["coefficients_mm_per_yr"], dtype=np.float64),
                covariance=np.array(values["covariance_mm2_per_yr2"], dtype=np.float64),
                systematic_sigma_mm_per_yr=float(values["systematic_sigma_mm_per_yr"]),
                clusters=None if clusters is None else ClusterOffsets.from_dict(clusters),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise unreadable(repr(error)) from error
        if surface.coefficients.shape != (basis.terms,) or surface.covariance.shape != (basis.terms,) * 2:
            raise unreadable("number of coefficients and terms differ")
        return surface

    def _labels(self, cluster: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[Any]:
        if cluster is None:
            raise InputError(
                "FID-1063",
                "the surface has an offset for each unwrapping cluster, the points name none",
                where=f"track {self.track}",
                fix="give cluster_label of every point, as Level 2a holds it",
            )
        return np.broadcast_to(np.asarray(cluster), shape).ravel()


def _pair(easting: ArrayLike, northing: ArrayLike) -> tuple[Array, Array]:
    east, north = np.broadcast_arrays(np.asarray(easting, dtype=np.float64), np.asarray(northing, dtype=np.float64))
    return east, north

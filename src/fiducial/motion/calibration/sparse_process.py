"""Sparse precision of a spatially correlated process: nearest-neighbour conditioning of an exponential covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_NEIGHBOURS: Final = 12
_DENSE_START: Final = 128


@dataclass(frozen=True)
class NeighbourProcess:
    """Points of a process, each with the neighbours it is conditioned on. Made by `NeighbourProcess.at`.

    Every point is conditioned on its twelve nearest among those before it (Vecchia 1988; Datta et al. 2016, eq. 5).
    The order is a fixed scattering by position (Guinness 2018 finds random orders far better than sorted ones), so
    that nothing depends on the order of the input.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Scattered order.
    neighbour : ndarray of int, shape (n, m)
        Places in the scattered order, -1 where there are fewer.
    between_km, across_km : ndarray, shape (n, m, m) and (n, m)
        Distances among the neighbours, and to them.
    """

    order: Index
    neighbour: Index
    between_km: Array
    across_km: Array

    @classmethod
    def at(cls, easting_km: Array, northing_km: Array) -> NeighbourProcess:
        """Find the neighbours of points given in kilometres, shape (n,)."""
        order = _scattered_order(easting_km, northing_km)
        position = np.column_stack([easting_km, northing_km])[order]
        neighbour = _earlier_neighbours(position)
        near = position[np.maximum(neighbour, 0)]
        between = np.linalg.norm(near[:, :, None, :] - near[:, None, :, :], axis=-1)
        return cls(order, neighbour, between, np.linalg.norm(near - position[:, None, :], axis=-1))

    def precision(self, sigma: float, length_km: float, white_variance: Array) -> csr_array:
        """Return the sparse precision of an exponential process plus white noise.

        Parameters
        ----------
        sigma : float
            Standard deviation of the correlated part (mm/yr): C(d) = sigma^2 exp(-d / length).
        length_km : float
        white_variance : ndarray, shape (n,)
            Positive; added to the diagonal of C.

        Returns
        -------
        csr_array, shape (n, n)
            (I - B)' D^-1 (I - B): positive definite, the inverse of C up to the conditioning on neighbours.
        """
        known, chosen = self.neighbour >= 0, np.maximum(self.neighbour, 0)
        count, width = self.neighbour.shape
        white = white_variance[self.order]
        covariance = sigma**2 * np.exp(-self.between_km / length_km) * (known[:, :, None] & known[:, None, :])
        diagonal = np.arange(width)
        covariance[:, diagonal, diagonal] = np.where(known, sigma**2 + white[chosen], 1.0)
        across = sigma**2 * np.exp(-self.across_km / length_km) * known
        weight = np.linalg.solve(covariance, across[..., None])[..., 0] if width else across
        left = sigma**2 + white - np.einsum("ij,ij->i", weight, across)
        row = np.repeat(np.arange(count), width)[known.ravel()]
        entries = (-weight[known], (row, self.neighbour[known]))
        lower = diags_array(np.ones(count), format="csr") + csr_array(entries, shape=(count, count))
        scaled = diags_array(1.0 / np.sqrt(left)) @ lower
        place = np.empty(count, dtype=np.int64)
        place[self.order] = np.arange(count)
        scaled = csr_array(scaled)[:, place]
        return csr_array(scaled.T @ scaled)


def _scattered_order(easting_km: Array, northing_km: Array) -> Index:
    column = np.rint(easting_km * 100.0).astype(np.int64).astype(np.uint64)
    row = np.rint(northing_km * 100.0).astype(np.int64).astype(np.uint64)
    # Multipliers of the splitmix64 generator: neighbouring cells get unrelated keys.
    key = (column * np.uint64(0x9E3779B97F4A7C15)) ^ (row * np.uint64(0xBF58476D1CE4E5B9))
    key ^= key >> np.uint64(31)
    key *= np.uint64(0x94D049BB133111EB)
    key ^= key >> np.uint64(29)
    return np.argsort(key, kind="stable").astype(np.int64)


def _earlier_neighbours(position: Array) -> Index:
    count = len(position)
    width = min(_NEIGHBOURS, max(count - 1, 0))
    neighbour = np.full((count, width), -1, dtype=np.int64)
    if width == 0:
        return neighbour
    start = min(count, _DENSE_START)
    distance = cdist(position[:start], position[:start])
    distance[np.triu_indices(start)] = np.inf
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :width]
    found = np.isfinite(np.take_along_axis(distance, nearest, axis=1))
    neighbour[:start, : nearest.shape[1]] = np.where(found, nearest, -1)
    while start < count:
        end = min(2 * start, count)
        # Half of all points up to `end` come before any of this level: four times as many candidates suffice.
        _, candidate = cKDTree(position[:end]).query(position[start:end], k=min(4 * width, end))
        own = np.arange(start, end)[:, None]
        rank = np.argsort(candidate >= own, axis=1, kind="stable")[:, :width]
        chosen = np.take_along_axis(candidate, rank, axis=1)
        neighbour[start:end] = np.where(chosen < own, chosen, -1)
        start = end
    return neighbour

"""What correlation between groups does to a burst network, which its normal equations neglect: found by simulation.

The noise of a burst is one field: its ties with one neighbour, those with another and its stations share what lies
within the correlation length. The estimate stays unbiased, but residuals come out smaller than their redundancy says,
and the covariance of the unknowns is not quite the inverse of the normal matrix. Right-hand sides drawn with the full
correlation go through the solution at hand, and show how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from fiducial.motion.calibration.burst_groups import Groups
from fiducial.motion.calibration.burst_system import BurstSystem
from fiducial.motion.calibration.burst_ties import STATION, BurstNetwork, Rows

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Hash = NDArray[np.uint64]

_SALT: Final = tuple(np.uint64(k) for k in (0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179, 0x3C6EF372FE94F82B))
_WANTED: Final = 10_000.0
_DRAWS: Final = (2, 1_000)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))


@dataclass(frozen=True)
class Neglected:
    """Effects of correlation between groups.

    Attributes
    ----------
    residuals : ndarray, shape (3,)
        Expected weighted squares of the residuals of ties, stations and field over their redundancy; 1 without
        neglected correlation.
    unknowns : float
        Variance of the unknowns over the one of the inverse normal matrix, on average; at least 1.
    """

    residuals: Array
    unknowns: float


def neglected_correlation(
    network: BurstNetwork, groups: Groups, system: BurstSystem, covariance: Array, redundancy: Array
) -> Neglected:
    """Send simulated noise through a solution with full weights.

    Parameters
    ----------
    network : BurstNetwork
    groups : Groups
    system : BurstSystem
        With variance factors as they are.
    covariance : ndarray, shape (burst, term, term)
        Of the unknowns, as the inverse of the normal matrix has it.
    redundancy : ndarray, shape (3,)
        Of ties, stations and field.

    Returns
    -------
    Neglected

    Notes
    -----
    Only second moments matter, so that the field of a burst is a random cosine wave whose wave number has the
    spectrum of the exponential covariance, (1 + k^2 L^2)^(-3/2) in the plane (Rasmussen & Williams 2006, sec. 4.2),
    and white noise is a random sign. The random numbers are hashes of names and positions: the same whatever the
    order of bursts and observations.
    """
    fewest = min([float(np.sum(system.active)), *(one for one in redundancy if one >= 1.0)])
    draws = int(np.clip(np.ceil(_WANTED / fewest), *_DRAWS))
    drawn = _draw(network, groups.members, draws) / np.sqrt(system.scale)[groups.of_member, None]
    values = np.zeros((network.observations, draws))
    values[groups.row] = drawn
    unknowns = system.solve(values)
    squares = np.mean((drawn - groups.at_members(unknowns)) ** 2, axis=1) * system.scale[groups.of_member]
    found = np.bincount(groups.members.kind, squares * groups.members.share / groups.members.variance, 3)
    ratio = np.divide(found, redundancy, out=np.ones(3), where=redundancy >= 1.0)
    spread = np.einsum("bik,bjk->bij", unknowns, unknowns) / draws
    # Unknowns that are no part of the system have neither variance.
    active = system.active
    whole = covariance + np.einsum("bi,ij->bij", (~active).astype(np.float64), np.eye(active.shape[1]))
    share = np.einsum("bii->b", np.linalg.solve(whole, spread))
    return Neglected(ratio, max(float(np.sum(share) / np.sum(active)), 1.0))


def _draw(network: BurstNetwork, rows: Rows, draws: int) -> Array:
    """Return noise of the rows, shape (row, draw), mm/yr."""
    names = _hashes(np.array(network.names))
    number = np.arange(draws, dtype=np.uint64)
    first, second, tied = rows.first, rows.second, rows.second >= 0
    sigma = rows.sigma * np.where(tied, np.sqrt(0.5), 1.0)
    place = np.column_stack([rows.easting, rows.northing]) / (1000.0 * network.correlation_length_km)
    waves = _mixed(names[:, None] + number)
    noise = _waves(waves, first, place)
    noise[tied] -= _waves(waves, second[tied], place[tied])
    noise *= np.sqrt(2.0) * sigma[:, None]
    # Rounded: the mean of the same positions in another order differs in its last digits.
    east, north = (np.round(axis).astype(np.int64).view(np.uint64) for axis in (rows.easting, rows.northing))
    cell = _mixed(_mixed(east) ^ north)
    white = np.sqrt(rows.white_variance)[:, None] * np.where(tied, np.sqrt(0.5), 1.0)[:, None]
    noise += _signs(cell ^ names[first], number) * white
    noise[tied] -= (_signs(cell ^ names[second], number) * white)[tied]
    noise += _signs(names[first] ^ _mixed(names[second]), number) * rows.common[:, None]
    return noise + _gnss(rows, number)


def _gnss(rows: Rows, number: Hash) -> Array:
    """Return errors of GNSS along the LOS: one draw for a station, whatever bursts see it.

    Notes
    -----
    Through the symmetric root of the covariance within a burst, which does not depend on the order of its rows.
    """
    noise = np.zeros((len(rows.kind), len(number)))
    chosen = np.flatnonzero(rows.kind == STATION)
    if not len(chosen):
        return noise
    signs = _signs(_hashes(rows.station[chosen]), number)
    begins = np.flatnonzero(np.diff(rows.first[chosen], prepend=-1))
    count = np.diff(np.append(begins, len(chosen)))
    covariance = csr_array(rows.gnss_covariance)
    for size in np.unique(count):
        members = begins[count == size][:, None] + np.arange(size)
        place = chosen[members]
        one, two = (np.broadcast_to(axis, (*place.shape, size)) for axis in (place[:, :, None], place[:, None, :]))
        blocks = np.asarray(covariance[one.ravel(), two.ravel()]).reshape(one.shape)
        values, vectors = np.linalg.eigh(blocks)
        root = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ vectors.transpose(0, 2, 1)
        noise[place] = root @ signs[members]
    return noise


def _hashes(names: NDArray[np.str_]) -> Hash:
    """Return a hash of each name: its characters one after the other, of all names at once."""
    letters = np.ascontiguousarray(names).view(np.uint32).reshape(len(names), -1).astype(np.uint64)
    found = np.zeros(len(names), dtype=np.uint64)
    for column in letters.T:
        # Trailing zeros only fill up to the longest name.
        found = np.where(column > 0, _mixed(found ^ column), found)
    return found


def _waves(burst: Hash, bursts: Index, place: Array) -> Array:
    """Return cosine waves of unit mean square over sqrt(2) at places in correlation lengths, shape (row, draw)."""
    length, direction, phase = (_uniform(_mixed(burst ^ salt)) for salt in _SALT)
    wave_number = np.sqrt(1.0 / np.maximum(1.0 - length, 1e-6) ** 2 - 1.0)
    angle = 2.0 * np.pi * direction
    east, north = wave_number * np.cos(angle), wave_number * np.sin(angle)
    angle = place[:, :1] * east[bursts] + place[:, 1:] * north[bursts] + 2.0 * np.pi * phase[bursts]
    return np.asarray(np.cos(angle), dtype=np.float64)


def _signs(seed: Hash, number: Hash) -> Array:
    bits = _mixed(seed[:, None] + number * _GOLDEN) >> np.uint64(63)
    return np.asarray(2.0 * bits.astype(np.float64) - 1.0, dtype=np.float64)


def _uniform(bits: Hash) -> Array:
    return np.asarray((bits >> np.uint64(11)).astype(np.float64) / 2.0**53, dtype=np.float64)


def _mixed(bits: Hash) -> Hash:
    """Return well-mixed bits (splitmix64: Steele, Lea & Flood 2014)."""
    mixed = bits + _GOLDEN
    for shift, factor in _MIX:
        mixed = (mixed ^ (mixed >> shift)) * factor
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)

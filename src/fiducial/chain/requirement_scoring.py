"""Which level of a requirement a network of stations reaches, place by place.

A regular square network of spacing s leaves no point farther than s/√2 from a station (the middle of a square). So a
place has the spacing s when a station lies within s/√2, and it reaches a level of the requirement when a station that
meets the level's uncertainty lies within s/√2 of the level's spacing. Every test is "some station does", so one more
station, or a smaller sigma, never takes a level away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from fiducial.chain.register import Direction, MetricLevel, Requirement
from fiducial.chain.requirement_units import UNITS, Dimension, convert
from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import InputError

Array = NDArray[np.float64]
Codes = NDArray[np.int8]

LEVELS: Final = (MetricLevel.THRESHOLD, MetricLevel.BREAKTHROUGH, MetricLevel.GOAL)
"""From the least to the most demanding; their codes are 1, 2, 3."""
UNKNOWN: Final = -1
BELOW: Final = 0
SITE_KM: Final = 0.1
"""Stations closer than this are one site."""
_ROUNDING: Final = 1.0 + 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Threshold, breakthrough and goal of the metrics that a network can be scored against.

    Attributes
    ----------
    uncertainty_mm_per_yr, spacing_km, update_s, age_s : ndarray, shape (3,)
        NaN where the register's value is not known; a level that is not known is never reached.
    """

    uncertainty_mm_per_yr: Array
    spacing_km: Array
    update_s: Array
    age_s: Array


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Stations and what is known of them; NaN is unknown.

    Attributes
    ----------
    longitude_deg, latitude_deg : ndarray, shape (station,)
    sigma_horizontal_mm_per_yr : ndarray, shape (station,)
        Standard deviation (1 sigma) of the velocity, the larger of east and north.
    sigma_up_mm_per_yr : ndarray, shape (station,)
    step_s : ndarray, shape (station,)
        Median step of the station's series.
    age_s : ndarray, shape (station,)
        Age of the last epoch of the station's series.

    Raises
    ------
    InputError
        FID-1409 when lengths differ, a place is not on the globe, or a sigma, step or age is negative.
    """

    longitude_deg: Array
    latitude_deg: Array
    sigma_horizontal_mm_per_yr: Array
    sigma_up_mm_per_yr: Array
    step_s: Array
    age_s: Array

    def __post_init__(self) -> None:
        values = (self.sigma_horizontal_mm_per_yr, self.sigma_up_mm_per_yr, self.step_s, self.age_s)
        if any(one.shape != (self.size,) for one in (self.latitude_deg, *values)):
            raise _faulty("the arrays of the network have different lengths")
        if not (np.all(np.abs(self.longitude_deg) <= 180.0) and np.all(np.abs(self.latitude_deg) <= 90.0)):
            raise _faulty("a station is not on the globe")
        if any(np.any(one < 0.0) for one in values):
            raise _faulty("a sigma, step or age is negative")

    @property
    def size(self) -> int:
        """Number of stations."""
        return len(self.longitude_deg)


@dataclass(frozen=True, slots=True, eq=False)
class CellScores:
    """Levels of places: 3 goal, 2 breakthrough, 1 threshold, 0 none, -1 unknown.

    Attributes
    ----------
    levels : dict of str to ndarray of int8, shape (cell,)
        ``uncertainty_horizontal``, ``uncertainty_up``, ``update_frequency``, ``timeliness``: some station within s/√2
        of the threshold's spacing has the value. ``spacing``: stations alone. ``horizontal``, ``up``: a station with
        the level's uncertainty within the level's s/√2. ``velocity``: ``horizontal`` and ``up``. ``requirement``:
        ``velocity``, update frequency and timeliness.
    distance_km : ndarray, shape (cell,)
        To the nearest station; infinite without stations.
    """

    levels: dict[str, Codes]
    distance_km: Array


def limits_of(requirement: Requirement) -> Limits:
    """Return the limits of a requirement in the units of scoring.

    Raises
    ------
    InputError
        FID-1404 when the uncertainty is not known as a velocity, or the horizontal resolution not as a length.
    """
    uncertainty = _ladder(requirement, "uncertainty", "mm/yr")
    spacing = _ladder(requirement, "horizontal_resolution", "km")
    if np.isnan(uncertainty).all() or np.isnan(spacing[0]):
        lacking = "uncertainty as a velocity" if np.isnan(uncertainty).all() else "horizontal resolution"
        raise InputError("FID-1404", f"requirement {requirement.uid} ({requirement.name}) has no known {lacking}",
                         where=str(requirement.place), fix="score a GNSS requirement with known metrics, such as 369")  # fmt: skip
    return Limits(uncertainty, spacing, _ladder(requirement, "update_frequency", "s"),
                  _ladder(requirement, "timeliness", "s"))  # fmt: skip


def _ladder(requirement: Requirement, name: str, unit: str) -> Array:
    metric = requirement.metric(name)
    values = np.full(len(LEVELS), np.nan)
    if metric.suspect is not None or metric.direction is not Direction.SMALLER:
        return values
    dimension: Dimension = UNITS[unit].dimension
    for k, level in enumerate(LEVELS):
        value = metric.value(level)
        if value is not None and UNITS[value.unit].dimension is dimension:
            values[k] = convert(value.value, value.unit, unit)
    return values


def score_cells(network: Network, limits: Limits, longitude_deg: Array, latitude_deg: Array) -> CellScores:
    """Score places against a requirement.

    Parameters
    ----------
    network : Network
    limits : Limits
    longitude_deg, latitude_deg : ndarray, shape (cell,)

    Returns
    -------
    CellScores
        A place that no station with a known value serves is unknown when a station without one does, and 0 when no
        station serves it at all.

    Notes
    -----
    Distances are great circles on the sphere of mean radius, with geodetic latitudes: off by up to 0.6 %.
    """
    cells = unit_vectors(longitude_deg, latitude_deg)
    stations = unit_vectors(network.longitude_deg, network.latitude_deg)
    reach = limits.spacing_km / np.sqrt(2.0)
    everywhere = np.full(len(LEVELS), reach[0])
    nearest = _Nearest(cells, stations)
    horizontal, up = network.sigma_horizontal_mm_per_yr, network.sigma_up_mm_per_yr
    levels = {
        "uncertainty_horizontal": _reached(nearest, horizontal, limits.uncertainty_mm_per_yr, everywhere),
        "uncertainty_up": _reached(nearest, up, limits.uncertainty_mm_per_yr, everywhere),
        "spacing": _reached(nearest, np.zeros(network.size), np.where(np.isnan(reach), np.nan, 0.0), reach),
        "horizontal": _reached(nearest, horizontal, limits.uncertainty_mm_per_yr, reach),
        "up": _reached(nearest, up, limits.uncertainty_mm_per_yr, reach),
        "update_frequency": _reached(nearest, network.step_s, limits.update_s, everywhere),
        "timeliness": _reached(nearest, network.age_s, limits.age_s, everywhere),
    }
    levels["velocity"] = both([levels["horizontal"], levels["up"]])
    levels["requirement"] = both([levels["velocity"], levels["update_frequency"], levels["timeliness"]])
    return CellScores(levels, nearest.distance_km(np.ones(network.size, dtype=bool)))


class _Nearest:
    """Distances from all cells to the nearest station of a choice."""

    def __init__(self, cells: Array, stations: Array) -> None:
        self._cells = cells
        self._stations = stations
        self.cells = len(cells)

    def distance_km(self, chosen: NDArray[np.bool_]) -> Array:
        if not chosen.any() or self.cells == 0:
            return np.full(self.cells, np.inf)
        chord, _ = cKDTree(self._stations[chosen]).query(self._cells)
        return np.asarray(2.0 * MEAN_EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2.0, 1.0)))


def _reached(nearest: _Nearest, value: Array, limit: Array, reach_km: Array) -> Codes:
    """Return for every cell the highest level whose value some station within the level's reach has."""
    if np.isnan(limit).all():
        return np.full(nearest.cells, UNKNOWN, dtype=np.int8)
    unknown = nearest.distance_km(np.isnan(value)) <= reach_km[0] * _ROUNDING
    codes = np.where(unknown, UNKNOWN, BELOW).astype(np.int8)
    for k in range(len(LEVELS)):
        if not (np.isnan(limit[k]) or np.isnan(reach_km[k])):
            codes[nearest.distance_km(value <= limit[k] * _ROUNDING) <= reach_km[k] * _ROUNDING] = k + 1
    return codes


def both(codes: list[Codes]) -> Codes:
    """Return the level that all metrics reach: unknown where one is unknown and none is known to fail."""
    stack = np.stack(codes)
    known = np.where(stack == UNKNOWN, len(LEVELS), stack).min(axis=0)
    undecided = (stack == UNKNOWN).any(axis=0) & (known > BELOW)
    return np.asarray(np.where(undecided, UNKNOWN, known), dtype=np.int8)


def shares(codes: Codes) -> dict[str, float | None]:
    """Return the shares of equal-area cells that reach each level, are below the threshold, or are unknown.

    Returns
    -------
    dict
        ``threshold``, ``breakthrough``, ``goal`` (each with the better ones in it), ``below``, ``unknown``; 0 to 1.
        What is unknown may reach any level, so with ``unknown`` above 0 the levels are lower bounds; they are None
        when nothing at all is known to reach one.

    Raises
    ------
    InputError
        FID-1405 when there is no cell.
    """
    if codes.size == 0:
        raise InputError(
            "FID-1405", "the area holds no cell", where="cells", fix="choose smaller cells or another area"
        )
    known = bool(np.any(codes > BELOW) or not np.any(codes == UNKNOWN))
    found = {str(level): float(np.mean(codes >= k + 1)) if known else None for k, level in enumerate(LEVELS)}
    return found | {"below": float(np.mean(codes == BELOW)), "unknown": float(np.mean(codes == UNKNOWN))}


def unit_vectors(longitude_deg: Array, latitude_deg: Array) -> Array:
    """Return unit vectors on the sphere, shape (place, 3)."""
    longitude, latitude = np.deg2rad(longitude_deg), np.deg2rad(latitude_deg)
    level = np.cos(latitude)
    return np.column_stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)])


def chord(distance_km: float) -> float:
    """Return the straight distance on the unit sphere of a great-circle distance."""
    return float(2.0 * np.sin(min(distance_km / MEAN_EARTH_RADIUS_KM, np.pi) / 2.0))


def count_sites(longitude_deg: Array, latitude_deg: Array) -> int:
    """Return the number of sites: stations closer than 100 m, also by way of others, are one."""
    count = len(longitude_deg)
    if count == 0:
        return 0
    pairs = cKDTree(unit_vectors(longitude_deg, latitude_deg)).query_pairs(chord(SITE_KM), output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return int(connected_components(links, directed=False)[0])


def _faulty(problem: str) -> InputError:
    return InputError("FID-1409", problem, where="network",
                      fix="give arrays of the same stations, in degrees; mark unknown values as NaN")  # fmt: skip

"""Stations that stand at one place become a site, after a test whether they agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.stats import chi2

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.geodesy.covariance_functions import unit_vectors
from fiducial.geodesy.station_screening import merge_coincident
from fiducial.geodesy.station_velocities import Rejection, StationVelocities

Index = NDArray[np.intp]

SITE_DISTANCE_KM: Final = 0.1
AGREEMENT_FLOOR_MM_PER_YR: Final = (0.1, 0.1, 0.2)
"""Added to published sigmas (root sum of squares) before two stations are said to disagree: monuments differ."""
DISAGREE_BELOW: Final = 0.001


@dataclass(frozen=True)
class Site:
    """Stations at one place.

    Attributes
    ----------
    name : str
        Of the site in the model: that of the first station used.
    members : tuple of str
        Stations averaged.
    left_out : tuple of str
        Stations that contradict at least two others there.
    probability : float
        Of differences as large as those of all stations, were they of one velocity (chi-square).
    agree : bool
        Whether the probability is 0.001 or more. Where only two stand against each other, both are averaged and the
        covariance of the mean is enlarged.
    """

    name: str
    members: tuple[str, ...]
    left_out: tuple[str, ...]
    probability: float
    agree: bool


def merge_to_sites(
    stations: StationVelocities, distance_km: float = SITE_DISTANCE_KM
) -> tuple[StationVelocities, list[Site], list[Rejection]]:
    """Average stations closer than ``distance_km``, by inverse covariance.

    Parameters
    ----------
    stations : StationVelocities
        Usable ones (`geodesy.station_screening.drop_unusable`).
    distance_km : float
        Chains of such distances count as one place.

    Returns
    -------
    StationVelocities
        One row a site.
    list of Site
        Places with several stations, agreeing or not.
    list of Rejection
        Stations left out or averaged into another.
    """
    vectors = unit_vectors(stations.longitude_deg, stations.latitude_deg)
    chord = 2.0 * np.sin(0.5 * distance_km / MEAN_EARTH_RADIUS_KM)
    pairs = cKDTree(vectors).query_pairs(chord, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(stations.size, stations.size))
    place = connected_components(graph, directed=False)[1]
    keep = np.ones(stations.size, dtype=bool)
    sites: list[Site] = []
    rejected: list[Rejection] = []
    for group in np.flatnonzero(np.bincount(place) > 1) if stations.size else ():
        members = np.flatnonzero(place == group)
        probability = _probability(stations, members)
        used = _agreeing(stations, members)
        left_out = np.setdiff1d(members, used)
        keep[left_out] = False
        name = str(stations.names[used[0]])
        rejected += [
            Rejection(
                str(stations.names[i]), f"contradicts the other stations at {name}, closer than {distance_km:g} km"
            )
            for i in left_out
        ]
        sites.append(
            Site(name, tuple(map(str, stations.names[used])), tuple(map(str, stations.names[left_out])), probability,
                 agree=probability >= DISAGREE_BELOW)
        )  # fmt: skip
    merged, averaged = merge_coincident(stations.select(keep), distance_km)
    return replace(merged, rejected=()), sites, [*rejected, *averaged]


def _agreeing(stations: StationVelocities, members: Index) -> Index:
    """Leave out, one by one, the station farthest from the median of at least three, while they disagree."""
    used = members
    while len(used) >= 3 and _probability(stations, used) < DISAGREE_BELOW:
        values = stations.velocity_enu_mm_per_yr[used]
        square = np.zeros(len(used))
        for component in range(3):
            known = np.isfinite(values[:, component])
            if known.any():
                difference = values[known, component] - np.median(values[known, component])
                square[known] += difference**2 / _variance(stations, used)[known, component]
        used = np.delete(used, np.argmax(square))
    return used


def _variance(stations: StationVelocities, members: Index) -> NDArray[np.float64]:
    published = np.diagonal(stations.covariance_enu[members], axis1=1, axis2=2)
    return np.asarray(published + np.square(AGREEMENT_FLOOR_MM_PER_YR))


def _probability(stations: StationVelocities, members: Index) -> float:
    """Chi-square probability of the scatter about the weighted mean, component by component."""
    values, variance = stations.velocity_enu_mm_per_yr[members], _variance(stations, members)
    known = np.isfinite(values) & np.isfinite(variance)
    weight = np.where(known, 1.0 / np.where(known, variance, 1.0), 0.0)
    total = weight.sum(axis=0)
    filled = np.where(known, values, 0.0)
    mean = (weight * filled).sum(axis=0) / np.where(total > 0, total, 1.0)
    square = float(np.sum(weight * (filled - mean) ** 2))
    freedom = int(known.sum() - (total > 0).sum())
    return float(chi2.sf(square, freedom)) if freedom > 0 else 1.0

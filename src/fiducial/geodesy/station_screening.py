"""Screening of a station table before a field is fitted: unusable values, outliers, coincident stations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.geodesy.covariance_functions import unit_vectors
from fiducial.geodesy.robust import MAD_TO_SIGMA, robust_sigma
from fiducial.geodesy.station_velocities import Rejection, StationVelocities

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

COMPONENTS = ("east", "north", "up")
NEIGHBOURS = 8
REJECT_AT = 6.0
"""Robust sigmas; the 6 MAD against 8 neighbours that stations.md 2.7 used on the European field, and more."""
_PASSES = 5


def drop_unusable(stations: StationVelocities) -> tuple[StationVelocities, list[Rejection]]:
    """Keep stations with position and horizontal velocity; unusable up values become NaN.

    Parameters
    ----------
    stations : StationVelocities

    Returns
    -------
    StationVelocities
        The usable stations.
    list of Rejection
        Stations, or their up component, that are not used: no value, or a sigma that is zero or missing (its
        weight would be infinite or guessed).
    """
    variance = np.diagonal(stations.covariance_enu, axis1=1, axis2=2)
    value_known = np.isfinite(stations.velocity_enu_mm_per_yr)
    known = value_known & np.isfinite(variance) & (variance > 0)
    placed = np.isfinite(stations.longitude_deg) & np.isfinite(stations.latitude_deg)
    keep = known[:, 0] & known[:, 1] & placed
    rejected = [
        Rejection(str(stations.names[i]), "position, horizontal velocity or its sigma is missing or zero")
        for i in np.flatnonzero(~keep)
    ]
    without_weight = keep & value_known[:, 2] & ~known[:, 2]
    rejected += [
        Rejection(str(stations.names[i]), "up only: its sigma is missing or zero")
        for i in np.flatnonzero(without_weight)
    ]
    return _without_up(stations, ~known[:, 2]).select(keep), rejected


def screen_outliers(stations: StationVelocities) -> tuple[StationVelocities, list[Rejection]]:
    """Reject stations that contradict their neighbours; an up outlier loses only its up.

    Parameters
    ----------
    stations : StationVelocities
        Usable stations (`drop_unusable`).

    Returns
    -------
    StationVelocities
    list of Rejection

    Notes
    -----
    A station is compared with a plane through its eight nearest neighbours (their median when they are fewer
    than six). Its tolerance is 6 sqrt(sigma^2 + local^2 + overall^2): its own sigma, the robust scatter of the
    neighbours about their plane, and half the typical misfit of all stations, the last doubled where the
    neighbours are far. Real gradients survive because a fault or a subsiding basin raises the local scatter.
    Passes repeat, because an outlier also spoils its neighbours; in each, only the worst of a neighbourhood
    goes. With fewer than six stations nothing is rejected: nobody could tell who is wrong.
    """
    keep, up_known, rejected = outlier_masks(stations)
    return _without_up(stations, ~up_known).select(keep), rejected


def outlier_masks(stations: StationVelocities) -> tuple[Mask, Mask, list[Rejection]]:
    """Return which stations agree with their neighbours, which keep their up, and the reasons for the others.

    The test is that of `screen_outliers`; stations without horizontal velocity fail without a reason.
    """
    finite = np.isfinite(stations.velocity_enu_mm_per_yr)
    rejected: list[Rejection] = []
    keep = finite[:, 0] & finite[:, 1]
    up_known = finite[:, 2]
    for component, name in enumerate(COMPONENTS):
        active = keep & up_known if component == 2 else keep.copy()
        for _ in range(_PASSES):
            ratio, misfit = _misfit_ratio(stations, component, active)
            worst = _worst_of_neighbourhood(stations, ratio, active)
            if not worst.any():
                break
            active &= ~worst
            note = "up only: " if component == 2 else ""
            rejected += [
                Rejection(
                    str(stations.names[i]),
                    f"{note}{name} differs by {misfit[i]:+.2f} mm/yr from its neighbours, "
                    f"{ratio[i]:.1f} sigmas of what is tolerated there",
                )
                for i in np.flatnonzero(worst)
            ]
        if component == 2:
            up_known = active
        else:
            keep = active
    return keep, up_known, rejected


def near_area(stations: StationVelocities, longitude_deg: Array, latitude_deg: Array, reach_km: float = 500.0) -> Mask:
    """Tell which stations lie within ``reach_km`` of an area, given by points in it; shape (station,).

    Notes
    -----
    A covariance fitted to one region is right for it; one fitted from the Atlantic to the Caucasus is a
    compromise between shear zones and cratons (Europe: held-out east 0.16 against 0.19 mm/yr in the stable
    part), and costs more.
    """
    area = cKDTree(unit_vectors(longitude_deg, latitude_deg))
    answer = area.query(unit_vectors(stations.longitude_deg, stations.latitude_deg))
    angle = 2.0 * np.arcsin(np.minimum(0.5 * np.asarray(answer[0]), 1.0))
    return np.asarray(angle * MEAN_EARTH_RADIUS_KM <= reach_km, dtype=np.bool_)


def stations_around(
    stations: StationVelocities, longitude_deg: Array, latitude_deg: Array, reach_km: float = 500.0
) -> StationVelocities:
    """Return the stations of `near_area`."""
    return stations.select(near_area(stations, longitude_deg, latitude_deg, reach_km))


def merge_coincident(stations: StationVelocities, distance_km: float) -> tuple[StationVelocities, list[Rejection]]:
    """Average stations closer than ``distance_km`` to one, by inverse covariance.

    Parameters
    ----------
    stations : StationVelocities
    distance_km : float
        Stations of a chain of such distances count as one place.

    Returns
    -------
    StationVelocities
    list of Rejection
        The names that were merged into another, said as such.

    Notes
    -----
    The covariance of the mean is enlarged by the square root of the sum of squares over its freedom where the
    members disagree by more than their sigmas (Birge 1932), never reduced below it.
    """
    vectors = unit_vectors(stations.longitude_deg, stations.latitude_deg)
    pairs = cKDTree(vectors).query_pairs(distance_km / MEAN_EARTH_RADIUS_KM, output_type="ndarray")
    leader = np.arange(stations.size)
    for first, second in sorted(map(tuple, np.sort(pairs, axis=1).tolist())):
        leader[leader == leader[second]] = leader[first]
    velocity, covariance = stations.velocity_enu_mm_per_yr.copy(), stations.covariance_enu.copy()
    merged: list[Rejection] = []
    for place in np.unique(leader[np.flatnonzero(leader != np.arange(stations.size))]):
        members = np.flatnonzero(leader == place)
        velocity[place], covariance[place] = _mean_of(velocity[members], covariance[members])
        merged += [
            Rejection(str(stations.names[i]), f"averaged into {stations.names[place]}: the same place")
            for i in members
            if i != place
        ]
    joined = replace(stations, velocity_enu_mm_per_yr=velocity, covariance_enu=covariance)
    return joined.select(np.unique(leader)), merged


def _mean_of(velocity: Array, covariance: Array) -> tuple[Array, Array]:
    """Average by information matrices; a member without up informs east and north only."""
    information, right = np.zeros((3, 3)), np.zeros(3)
    for member, spread in zip(velocity, covariance, strict=True):
        known = slice(0, 3 if np.isfinite(member[2]) else 2)
        inverse = np.linalg.inv(spread[known, known])
        information[known, known] += inverse
        right[known] += inverse @ member[known]
    known = slice(0, 3 if information[2, 2] > 0 else 2)
    mean, mean_covariance = np.full(3, np.nan), np.full((3, 3), np.nan)
    joint = np.linalg.inv(information[known, known])
    mean[known] = joint @ right[known]
    residual = np.where(np.isfinite(velocity), velocity - mean, 0.0)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    square_sum = float(np.nansum(residual**2 / variance))
    freedom = int(np.isfinite(velocity).sum()) - known.stop
    mean_covariance[known, known] = joint * max(1.0, square_sum / freedom)
    return mean, mean_covariance


def _without_up(stations: StationVelocities, unknown: Mask) -> StationVelocities:
    velocity, covariance = stations.velocity_enu_mm_per_yr.copy(), stations.covariance_enu.copy()
    velocity[unknown, 2] = np.nan
    covariance[unknown, 2, :] = np.nan
    covariance[unknown, :, 2] = np.nan
    return replace(stations, velocity_enu_mm_per_yr=velocity, covariance_enu=covariance)


def _neighbours(stations: StationVelocities, active: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Return active indices, their neighbours (n, k) as station indices, and the distances in km."""
    index = np.flatnonzero(active)
    count = min(NEIGHBOURS, len(index) - 1)
    vectors = unit_vectors(stations.longitude_deg[index], stations.latitude_deg[index])
    answer = cKDTree(vectors).query(vectors, k=count + 1)
    chord, found = np.asarray(answer[0]), np.asarray(answer[1])
    # A twin at the same place may come first in the list: remove the station itself, not the first entry.
    own = found == np.arange(len(index))[:, None]
    own[~own.any(axis=1), -1] = True
    others = index[found[~own].reshape(len(index), count)]
    return index, others, np.asarray(chord[~own].reshape(len(index), count) * MEAN_EARTH_RADIUS_KM)


def _misfit_ratio(stations: StationVelocities, component: int, active: Mask) -> tuple[Array, Array]:
    """Return |misfit| / tolerance-sigma and the misfit itself, NaN for stations that are not active."""
    ratio, misfit = np.full(stations.size, np.nan), np.full(stations.size, np.nan)
    if active.sum() < 6:
        return ratio, misfit
    index, others, distance = _neighbours(stations, active)
    value = stations.velocity_enu_mm_per_yr[:, component]
    around = value[others]
    centre = np.median(around, axis=1)
    predicted, scatter = centre.copy(), MAD_TO_SIGMA * np.median(np.abs(around - centre[:, None]), axis=1)
    if others.shape[1] >= 6:
        plane, plane_scatter = _local_planes(stations, index, others, around)
        # The plane must earn its three parameters; a lone outlier among the neighbours tilts it.
        better = plane_scatter < scatter
        predicted = np.where(better, plane, centre)
        scatter = np.where(better, plane_scatter, scatter)
    difference = value[index] - predicted
    typical = robust_sigma(difference)
    near = np.median(distance[:, -1])
    overall = 0.5 * typical * np.clip(distance[:, -1] / near, 1.0, 2.0)
    own_variance = stations.covariance_enu[index, component, component]
    ratio[index] = np.abs(difference) / np.sqrt(own_variance + scatter**2 + overall**2 + 1e-12)
    misfit[index] = difference
    return ratio, misfit


def _local_planes(
    stations: StationVelocities, index: NDArray[np.intp], others: NDArray[np.intp], around: Array
) -> tuple[Array, Array]:
    """Predict each station from a robust plane through its neighbours; scatter of the neighbours about it."""
    east = np.cos(np.deg2rad(stations.latitude_deg[index]))[:, None]
    turn = stations.longitude_deg[others] - stations.longitude_deg[index][:, None]
    x = (np.remainder(turn + 180.0, 360.0) - 180.0) * east
    y = stations.latitude_deg[others] - stations.latitude_deg[index][:, None]
    reach = np.maximum(np.hypot(x, y).max(axis=1, keepdims=True), 1e-9)
    design = np.stack([np.ones_like(x), x / reach, y / reach], axis=2)
    weight = np.ones_like(x)
    residual = np.zeros_like(x)
    coefficients = np.zeros((len(index), 3))
    for _ in range(5):
        normal = np.einsum("nk,nki,nkj->nij", weight, design, design)
        # Neighbours on a line leave one slope undetermined: a slight pull to a flat plane keeps it finite.
        normal += 0.05 * np.diag([0.0, 1.0, 1.0])
        right = np.einsum("nk,nki,nk->ni", weight, design, around)
        coefficients = np.linalg.solve(normal, right[..., None])[..., 0]
        residual = around - np.einsum("nki,ni->nk", design, coefficients)
        scale = np.maximum(MAD_TO_SIGMA * np.median(np.abs(residual), axis=1, keepdims=True), 1e-9)
        weight = np.minimum(1.0, scale / np.maximum(np.abs(residual), 1e-12))
    freedom = np.sqrt(others.shape[1] / (others.shape[1] - 3.0))
    return coefficients[:, 0], freedom * MAD_TO_SIGMA * np.median(np.abs(residual), axis=1)


def _worst_of_neighbourhood(stations: StationVelocities, ratio: Array, active: Mask) -> Mask:
    worst = np.zeros(stations.size, dtype=bool)
    if not (ratio > REJECT_AT).any():
        return worst
    index, others, _ = _neighbours(stations, active)
    worst[index] = (ratio[index] > REJECT_AT) & (ratio[index] >= ratio[others].max(axis=1))
    return worst

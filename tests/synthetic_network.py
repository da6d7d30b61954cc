"""Station networks and tracks drawn from a known model, for the collocation and calibration tests."""

from __future__ import annotations

import numpy as np

from fiducial.geodesy.covariance_functions import ExponentialModel, great_circle_km, unit_vectors
from fiducial.geodesy.interpolation import project
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.point_velocities import PointVelocities

MODELS = (
    ExponentialModel(1.0, 200.0, 0.15),
    ExponentialModel(0.8, 300.0, 0.15),
    ExponentialModel(0.7, 90.0, 0.3),
)
TREND = np.array([[1.0, 0.3, -0.2], [-0.5, 0.1, 0.3], [-1.0, 0.05, 0.25]])
"""mm/yr at 12 E 43 N, and per degree of longitude and latitude."""


def trend_enu(longitude, latitude):
    position = np.stack([np.ones_like(longitude), longitude - 12.0, latitude - 43.0])
    return (TREND @ position).T


def network(
    seed=0, count=80, *, longitude=(8.0, 16.0), latitude=(40.0, 46.0), correlation=0.0, without_up=0.0, noise=True
):
    """Stations drawn from trend + MODELS + nugget + published sigmas; returns them and the true smooth field."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(*longitude, count), rng.uniform(*latitude, count)
    vectors = unit_vectors(lon, lat)
    distance = great_circle_km(vectors, vectors)
    truth = trend_enu(lon, lat)
    sigma = rng.uniform(0.1, 0.3, (count, 3)) * [1.0, 1.0, 2.0]
    covariance = np.einsum("si,ij->sij", sigma**2, np.eye(3))
    covariance[:, 0, 1] = covariance[:, 1, 0] = correlation * sigma[:, 0] * sigma[:, 1]
    velocity = truth.copy()
    if noise:
        for axis, model in enumerate(MODELS):
            root = np.linalg.cholesky(model.signal(distance) + 1e-9 * np.eye(count))
            truth[:, axis] += root @ rng.standard_normal(count)
        velocity = truth + rng.standard_normal((count, 3)) * [model.nugget for model in MODELS]
        velocity += np.einsum("sij,sj->si", np.linalg.cholesky(covariance), rng.standard_normal((count, 3)))
    flat = rng.random(count) < without_up
    velocity[flat, 2] = np.nan
    covariance[flat, 2, :] = covariance[flat, :, 2] = np.nan
    names = np.array([f"S{i:03d}" for i in range(count)])
    return StationVelocities(names, lon, lat, velocity, covariance, "ETRF2000", "synthetic"), truth


def track(stations, truth_at, *, seed=0, name="117_0227", heading=-10.0, points=6000, noise=0.0, surface=None):
    """Points of a track over 10.5..13.5 E, 41.5..44.5 N: LOS of ``truth_at(lon, lat)`` plus surface plus noise."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(10.5, 13.5, points), rng.uniform(41.5, 44.5, points)
    near = rng.integers(0, stations.size, points // 2)
    lon[: points // 2] = stations.longitude_deg[near] + rng.normal(0, 0.01, points // 2)
    lat[: points // 2] = stations.latitude_deg[near] + rng.normal(0, 0.008, points // 2)
    inside = (lon > 10.5) & (lon < 13.5) & (lat > 41.5) & (lat < 44.5)
    lon, lat = lon[inside], lat[inside]
    easting, northing = project(lon, lat, "EPSG:3035")
    incidence = 34.0 + 8.0 * (lon - lon.min()) / 3.0
    sight = from_angles(incidence, np.full(len(lon), heading))
    velocity = np.einsum("pi,pi->p", sight, truth_at(lon, lat)) + noise * rng.standard_normal(len(lon))
    if surface is not None:
        velocity = velocity + surface(easting, northing)
    return PointVelocities(name, easting, northing, lon, lat, velocity, sight, sigma_mm_per_yr=np.full(len(lon), 0.3))

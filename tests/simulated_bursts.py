"""Small worlds of bursts with known corrections, for the tests of the burst network."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial.distance import cdist

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.interpolation import unproject
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.observations import Medians, StationSamples, TrackObservations
from synthetic_network import trend_enu

EASTING, NORTHING = 4_450_000.0, 2_200_000.0
WIDTH, HEIGHT, SWATH_STEP, BURST_STEP, TRACK_STEP = 85_000.0, 23_000.0, 80_000.0, 18_000.0, 215_000.0
CELL = 5_000.0
SHORT_WAVE, LENGTH_KM = 1.5, 10.0


def cells_of(corner):
    """Centres of the map cells inside a burst with this south-west corner, metres."""
    axes = [np.arange(np.ceil(c / CELL - 0.5), np.floor((c + size) / CELL - 0.5) + 1)
            for c, size in zip(corner, (WIDTH, HEIGHT), strict=True)]  # fmt: skip
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return index.astype(np.int64), (index + 0.5) * CELL


def corners(tracks=2, bursts=4, swaths=3):
    """South-west corners of the bursts, track by track, and the number of their track."""
    grid = [(t, EASTING + t * TRACK_STEP + s * SWATH_STEP, NORTHING + b * BURST_STEP + 5_000.0 * s)
            for t in range(tracks) for s in range(swaths) for b in range(bursts)]  # fmt: skip
    return np.array([corner[1:] for corner in grid]), np.array([corner[0] for corner in grid])


@cache
def gnss(count=60, seed=0, tracks=2, bursts=4):
    """Stations over the area, exact and with sigma 0.3, and the field of them."""
    rng = np.random.default_rng(seed)
    easting = EASTING + rng.uniform(0.0, (tracks - 1) * TRACK_STEP + 2 * SWATH_STEP + WIDTH, count)
    northing = NORTHING + rng.uniform(0.0, bursts * BURST_STEP + 10_000.0, count)
    longitude, latitude = unproject(easting, northing, "EPSG:3035")
    covariance = np.tile(0.09 * np.eye(3), (count, 1, 1))
    names = np.array([f"S{i:03d}" for i in range(count)])
    velocity = trend_enu(longitude, latitude)
    stations = StationVelocities(names, longitude, latitude, velocity, covariance, "ETRF2000", "simulated")
    return stations, VelocityField.fit(stations), np.column_stack([easting, northing])


def plane(coefficients, corner, position):
    """The correction of a burst: offset at its middle, slopes over 50 km."""
    middle = np.add(corner, [WIDTH / 2, HEIGHT / 2])
    return coefficients[0] + (position - middle) / 50_000.0 @ coefficients[1:]


def _medians(position, velocity, heading):
    longitude, latitude = unproject(*position.T, "EPSG:3035")
    incidence = 33.0 + 10.0 * (position[:, 0] % SWATH_STEP) / SWATH_STEP
    sight = from_angles(incidence, np.full(len(position), heading))
    ground = np.einsum("pi,pi->p", sight, trend_enu(longitude, latitude))
    count = len(position)
    return Medians(*position.T, longitude, latitude, ground + velocity, np.ones(count), sight,
                   np.full(count, 16), np.full(count, np.nan), np.zeros(count, dtype=np.int64))  # fmt: skip


def observe(name, track, corner, correction, rng, *, heading=-10.0, noise=1.0, stations=None, every=1):
    """One burst: ground + correction + correlated and white noise, at its cells and at the stations inside."""
    table, _, where = gnss() if stations is None else stations
    cell, centre = cells_of(corner)
    inside = np.flatnonzero(((where > corner) & (where < np.add(corner, [WIDTH, HEIGHT]))).all(axis=1))[::every]
    position = np.vstack([centre, where[inside]])
    drawn = plane(correction, corner, position)
    if noise:
        covariance = SHORT_WAVE**2 * np.exp(-cdist(position, position) / (1000.0 * LENGTH_KM))
        covariance += (1.2533 / 4.0) ** 2 * np.eye(len(position))
        drawn = drawn + noise * np.linalg.cholesky(covariance) @ rng.standard_normal(len(position))
    medians = _medians(position, drawn, heading)
    number = np.arange(len(position))
    samples = StationSamples(inside, table.names[inside], medians.select(number >= len(centre)))
    return TrackObservations(
        name, "EPSG:3035", CELL, cell, medians.select(number < len(centre)), samples, track=f"T{track}"
    )


def world(seed=0, *, noise=1.0, tracks=2, bursts=4, heading=-10.0, stations=60):
    """Bursts with random planes; returns tracks, stations with errors, field, corrections and corners."""
    rng = np.random.default_rng(seed)
    table = gnss(stations, 0, tracks, bursts)
    corner, track = corners(tracks, bursts)
    truth = rng.normal(0.0, [6.0, 1.5, 1.5], (len(corner), 3))
    observed = [
        observe(f"B{i:03d}", track[i], corner[i], truth[i], rng, heading=heading, noise=noise, stations=table)
        for i in range(len(corner))
    ]
    error = noise * 0.3 * rng.standard_normal((table[0].size, 3))
    noisy = StationVelocities(
        table[0].names, table[0].longitude_deg, table[0].latitude_deg, table[0].velocity_enu_mm_per_yr + error,
        table[0].covariance_enu, "ETRF2000", "simulated",
    )  # fmt: skip
    return observed, noisy, table[1], truth, corner

"""Circular and elliptic orbits with known positions and velocities, for tests."""

from __future__ import annotations

import numpy as np

from fiducial.constants import EARTH_ROTATION_RAD_PER_S
from fiducial.orbits.orbit import Orbit

START = np.datetime64("2024-09-19T00:00:00", "ns")
GRAVITATION = 3.986004418e14


def turn(vector, angle):
    """Turn [epoch, 3] about z."""
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = vector.T
    return np.stack([c * x - s * y, s * x + c * y, z], axis=1)


def kepler(seconds, *, semi_axis=26.56e6, eccentricity=0.01, inclination=0.96, node=0.0, anomaly=0.0):
    """Earth-fixed position and inertial velocity along the Earth-fixed axes, each [epoch, 3]."""
    motion = np.sqrt(GRAVITATION / semi_axis**3)
    mean = motion * seconds + anomaly
    e = mean.copy()
    for _ in range(60):
        e -= (e - eccentricity * np.sin(e) - mean) / (1 - eccentricity * np.cos(e))
    minor = semi_axis * np.sqrt(1 - eccentricity**2)
    rate = motion / (1 - eccentricity * np.cos(e))
    plane = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(inclination), np.sin(inclination)]])
    position = np.stack([semi_axis * (np.cos(e) - eccentricity), minor * np.sin(e)], axis=1) @ plane
    velocity = np.stack([-semi_axis * np.sin(e) * rate, minor * np.cos(e) * rate], axis=1) @ plane
    angle = node - EARTH_ROTATION_RAD_PER_S * seconds
    return turn(position, angle), turn(velocity, angle)


def epochs(step_s, count, start=START):
    return start + (np.arange(count) * np.timedelta64(round(step_s * 1e9), "ns"))


def orbit(satellites, step_s=900.0, count=96, start=START, frame="IGS20", clock_s=None):
    """Constellation spread over planes and anomalies."""
    seconds = np.arange(count) * step_s
    tracks = [
        kepler(seconds, node=1.1 * i, anomaly=2.3 * i, inclination=0.96 + 0.01 * i)[0] for i in range(len(satellites))
    ]
    clock = np.full((count, len(satellites)), np.nan) if clock_s is None else clock_s
    return Orbit(epochs(step_s, count, start), tuple(satellites), np.stack(tracks, axis=1), clock, frame)

"""A simulated day of orbits and clocks of several centres, with known truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.integrate import solve_ivp

from fiducial.constants import EARTH_ROTATION_RAD_PER_S
from fiducial.geodesy.similarity import apply_similarity
from fiducial.orbits.orbit import Orbit, satellite_order
from keplerian import GRAVITATION, epochs, kepler, turn

SPEED_OF_LIGHT = 299_792_458.0

# Semi-axis, eccentricity, inclination of each constellation; QZSS is eccentric and synchronous.
SHAPES = {
    "G": (26.56e6, 0.01, 0.96), "R": (25.51e6, 0.002, 1.13), "E": (29.60e6, 0.0003, 0.98),
    "C": (27.91e6, 0.001, 0.96), "J": (42.16e6, 0.075, 0.71),
}  # fmt: skip


@dataclass(frozen=True)
class Centre:
    """What a centre does to the truth."""

    sigma_m: dict[str, float] = field(default_factory=dict)
    """RMS a coordinate of the smooth error, by constellation; 10 mm where not said."""
    white_m: float = 0.001
    helmert: tuple[float, ...] = (0.0,) * 7
    """Truth to centre: T [m], scale, R [rad]."""
    constellations: str = "GREJC"
    step_s: float | None = None
    missing: tuple[str, ...] = ()
    clock_sigma_s: float = 1e-11
    datum_s: float = 1e-9
    bias_s: dict[str, float] = field(default_factory=dict)
    """Inter-system bias by constellation."""
    constant_s: float = 2e-10
    jumps: tuple[tuple[str, int, int, float], ...] = ()
    """Satellite, first and last epoch of the centre, size."""


def names(**numbers):
    """Satellites, so many of each constellation."""
    every = [f"{letter}{k + 1:02d}" for letter, count in numbers.items() for k in range(count)]
    return tuple(sorted(every, key=satellite_order))


def truth(satellites, step_s=900.0, count=96, seed=1):
    """Orbit and clocks without error."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(count) * step_s
    tracks = []
    for name in satellites:
        axis, eccentricity, inclination = SHAPES[name[0]]
        number = int(name[1:])
        tracks.append(
            kepler(
                seconds, semi_axis=axis, eccentricity=eccentricity, inclination=inclination + 0.005 * number,
                node=1.05 * number, anomaly=2.4 * number,
            )[0]
        )  # fmt: skip
    drift = rng.normal(0.0, 1e-12, len(satellites)) * seconds[:, None]
    clock = rng.normal(0.0, 1e-4, len(satellites)) + drift
    clock = clock + np.cumsum(rng.normal(0.0, 2e-10, (count, len(satellites))), axis=0)
    return Orbit(epochs(step_s, count), tuple(satellites), np.stack(tracks, axis=1), clock, "IGS20")


def smooth_errors(orbit, sigma_m, rng):
    """Constant, once and twice per revolution, in radial, along, cross; RMS a coordinate of sigma over satellites."""
    seconds = (orbit.epochs_gps - orbit.epochs_gps[0]) / np.timedelta64(1, "s")
    radial = orbit.position_m / np.linalg.norm(orbit.position_m, axis=-1, keepdims=True)
    cross = np.cross(radial, np.gradient(orbit.position_m, axis=0))
    cross /= np.linalg.norm(cross, axis=-1, keepdims=True)
    frame = np.stack([radial, np.cross(cross, radial), cross], axis=-1)
    out = np.zeros_like(orbit.position_m)
    for s, name in enumerate(orbit.satellites):
        motion = np.sqrt(GRAVITATION / SHAPES[name[0]][0] ** 3)
        waves = [np.ones_like(seconds)]
        for times in (1, 2):
            waves += [np.sqrt(2) * np.sin(times * motion * seconds), np.sqrt(2) * np.cos(times * motion * seconds)]
        local = np.stack(waves, axis=1) @ rng.normal(0.0, sigma_m[s] / np.sqrt(5.0), (5, 3))
        out[:, s] = np.einsum("tij,tj->ti", frame[:, s], local)
    return out


def observe(true, centre, seed):
    """What a centre makes of the truth."""
    rng = np.random.default_rng(seed)
    sigma = [centre.sigma_m.get(name[0], 0.010) for name in true.satellites]
    error = smooth_errors(true, sigma, rng) + rng.normal(0.0, centre.white_m, true.position_m.shape)
    position = apply_similarity(np.array(centre.helmert), true.position_m) + error
    size = true.epochs_gps.size
    datum = np.cumsum(rng.normal(0.0, centre.datum_s, size))
    bias = np.array([centre.bias_s.get(name[0], 0.0) for name in true.satellites])
    constant = rng.normal(0.0, centre.constant_s, len(true.satellites))
    noise = rng.normal(0.0, 1.0, true.clock_s.shape) * centre.clock_sigma_s
    unit = true.position_m / np.linalg.norm(true.position_m, axis=-1, keepdims=True)
    # A radius too great by one metre makes the clock too fast by 1 m / c: range is what was measured.
    radial = ((position - true.position_m) * unit).sum(axis=-1) / SPEED_OF_LIGHT
    clock = true.clock_s + datum[:, None] + bias + constant + noise + radial
    for name, first, last, jump in centre.jumps:
        clock[first : last + 1, true.satellites.index(name)] += jump
    stride = 1 if centre.step_s is None else round(centre.step_s / true.interval_s)
    keep = [s for s, n in enumerate(true.satellites) if n[0] in centre.constellations and n not in centre.missing]
    return Orbit(
        true.epochs_gps[::stride], tuple(true.satellites[s] for s in keep), position[::stride][:, keep],
        clock[::stride][:, keep], true.frame,
    )  # fmt: skip


def day(true, centres, seed=0):
    """Orbits of the centres, by name."""
    return {name: observe(true, centre, [seed, k]) for k, (name, centre) in enumerate(centres.items())}


def with_position(orbit, position_m):
    """The same orbit with other positions."""
    return Orbit(orbit.epochs_gps, orbit.satellites, position_m, orbit.clock_s, orbit.frame)


def radial_correction_s(stack, position_m):
    """What brings clocks of the centres to an orbit, shape (centre, epoch, satellite)."""
    unit = position_m / np.linalg.norm(position_m, axis=-1, keepdims=True)
    return ((position_m - stack.position_m) * unit).sum(axis=-1) / SPEED_OF_LIGHT


def two_body(position_m, velocity_m_per_s, seconds):
    """Positions [epoch, 3] at increasing times after a state, axes that do not turn."""
    solved = solve_ivp(
        lambda _, y: np.concatenate([y[3:], -GRAVITATION * y[:3] / np.linalg.norm(y[:3]) ** 3]),
        (0.0, seconds[-1]), np.concatenate([position_m, velocity_m_per_s]), method="DOP853", t_eval=seconds,
        rtol=1e-12, atol=1e-6,
    )  # fmt: skip
    return solved.y[:3].T


def moved_by(position_m, velocity_m_per_s, change_m_per_s, at_s, seconds):
    """Earth-fixed displacement [epoch, 3] that a velocity change at a time makes of an orbit, zero before.

    Position and inertial velocity stand along the Earth-fixed axes of that time, as the change does.
    """
    displacement = np.zeros((seconds.size, 3))
    later = seconds > at_s
    if later.any():
        since = seconds[later] - at_s
        new = two_body(position_m, velocity_m_per_s + np.asarray(change_m_per_s), since)
        displacement[later] = turn(
            new - two_body(position_m, velocity_m_per_s, since), -EARTH_ROTATION_RAD_PER_S * since
        )
    return displacement


def after_velocity_change(satellite, change_m_per_s, at_s, seconds):
    """Earth-fixed positions [epoch, 3] of a satellite of :func:`truth` with a velocity change at a time."""
    axis, eccentricity, inclination = SHAPES[satellite[0]]
    number = int(satellite[1:])
    shape = {
        "semi_axis": axis, "eccentricity": eccentricity, "inclination": inclination + 0.005 * number,
        "node": 1.05 * number, "anomaly": 2.4 * number,
    }  # fmt: skip
    positions, _ = kepler(seconds, **shape)
    (position,), (velocity,) = kepler(np.array([at_s]), **shape)
    return positions + moved_by(position, velocity, change_m_per_s, at_s, seconds)

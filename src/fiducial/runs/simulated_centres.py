"""A simulated day of analysis centres with known truth: stations with covariance and orbits in one frame each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2, EARTH_ROTATION_RAD_PER_S, MILLIARCSECOND_RAD
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes
from fiducial.geodesy.similarity import rotation_matrix
from fiducial.orbits.local_frame import radial_along_cross
from fiducial.orbits.orbit import Epochs, Orbit
from fiducial.stations.helmert_design import AT_SURFACE, ParameterKey, helmert_design
from fiducial.stations.systems import CentreSolution

Array = NDArray[np.float64]
SiteName = tuple[str, str, str]

_START: Final = np.datetime64("2024-09-19T00:00:00", "ns")
_STEP_S: Final = 900.0
_EPOCHS: Final = 96
_SEMI_MAJOR_AXIS_M: Final = 26_560e3
_INCLINATION_RAD: Final = np.deg2rad(55.0)
_STATION_SIGMA_M: Final = (1.2e-3, 1.2e-3, 3.5e-3)
_LOOSE_M: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCentres:
    """Truth and what the centres make of it.

    Attributes
    ----------
    station_m : dict of site to ndarray, shape (3,)
        True coordinates.
    reference_m : dict of site to ndarray, shape (3,)
        The frame of before, which holds the datum: true coordinates with its own errors and no net rotation.
    orbit : Orbit
        True orbits.
    rotation_rad : dict of centre to ndarray, shape (3,)
        True rotation from each centre to the truth, of its stations and of its orbits alike.
    solutions : list of CentreSolution
    orbits : dict of centre to Orbit
    """

    station_m: dict[SiteName, Array]
    reference_m: dict[SiteName, Array]
    orbit: Orbit
    rotation_rad: dict[str, Array]
    solutions: list[CentreSolution]
    orbits: dict[str, Orbit]


def simulate_centres(
    seed: int = 0, *, centres: int = 6, stations: int = 40, satellites: int = 24, rotation_uas: float = 60.0,
    orbit_sigma_m: float = 0.01,
) -> SimulatedCentres:  # fmt: skip
    """Simulate one day.

    Parameters
    ----------
    seed : int
    centres, stations, satellites : int
    rotation_uas : float
        Standard deviation of the centres' rotations about each axis, microarcseconds.
    orbit_sigma_m : float
        Standard deviation of orbit errors (constant, drift and once-per-revolution terms of each arc).

    Notes
    -----
    Station errors are white in East, North, Up (1.2, 1.2, 3.5 mm) and correlated over each centre; half of the stations
    are in a centre's network. Covariances are loosened by 1 m in all seven datum directions.
    """
    rng = np.random.default_rng(seed)
    longitude = rng.uniform(-180.0, 180.0, stations)
    latitude = np.rad2deg(np.arcsin(rng.uniform(-0.9, 0.9, stations)))
    truth = geocentric_position_m(longitude, latitude, 100.0)
    axes = local_axes(longitude, latitude)
    sites: list[SiteName] = [(f"S{k:03d}", "A", "1") for k in range(stations)]
    names = [f"C{k:02d}" for k in range(centres)]
    rotation = {name: rng.normal(0.0, rotation_uas * 1e-3 * MILLIARCSECOND_RAD, 3) for name in names}
    orbit = _true_orbit(satellites)
    solutions, orbits = [], {}
    for name in names:
        chosen = np.sort(rng.permutation(stations)[: max(stations // 2, 4)])
        solutions.append(_solution(name, chosen, truth, axes, rotation[name], rng))
        orbits[name] = _orbit(orbit, rotation[name], orbit_sigma_m, rng)
    return SimulatedCentres(
        station_m=dict(zip(sites, truth, strict=True)),
        reference_m=dict(zip(sites, _reference(truth, axes, rng), strict=True)),
        orbit=orbit,
        rotation_rad=rotation,
        solutions=solutions,
        orbits=orbits,
    )


def _reference(truth: Array, axes: Array, rng: np.random.Generator) -> Array:
    """The frame of before: errors of a few millimetres without translation, scale and rotation."""
    error = np.einsum("sa,sac->sc", rng.normal(0.0, (1e-3, 1e-3, 2e-3), truth.shape), axes)
    keys = [ParameterKey(kind, f"{k}") for k in range(len(truth)) for kind in ("STAX", "STAY", "STAZ")]
    design = helmert_design(keys, truth.ravel()) / AT_SURFACE
    flat = error.ravel()
    flat = flat - design @ np.linalg.lstsq(design, flat, rcond=None)[0]
    return np.asarray(truth + flat.reshape(truth.shape))


def _solution(
    name: str, chosen: NDArray[np.intp], truth: Array, axes: Array, rotation: Array, rng: np.random.Generator
) -> CentreSolution:
    keys = tuple(ParameterKey(kind, f"S{site:03d}", "A", "1") for site in chosen for kind in ("STAX", "STAY", "STAZ"))
    size = len(keys)
    covariance = np.zeros((size, size))
    for place, site in enumerate(chosen):
        block = slice(3 * place, 3 * place + 3)
        covariance[block, block] = axes[site].T @ np.diag(np.square(_STATION_SIGMA_M)) @ axes[site]
    common = rng.normal(0.0, 4e-4, (size, 3))
    covariance += common @ common.T
    true = truth[chosen].ravel()
    design = helmert_design(keys, true)
    turned = true - design[:, 4:] @ rotation
    value = turned + np.linalg.cholesky(covariance) @ rng.standard_normal(size)
    # A network without constraints knows its datum to a metre.
    free = _LOOSE_M * design / AT_SURFACE
    return CentreSolution(name, keys, value, covariance + free @ free.T)


def _true_orbit(satellites: int) -> Orbit:
    motion = np.sqrt(EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2 / _SEMI_MAJOR_AXIS_M**3)
    seconds = np.arange(_EPOCHS) * _STEP_S
    number = np.arange(satellites)
    node = 2.0 * np.pi * (number % 6) / 6.0
    phase = motion * seconds[:, None] + 2.0 * np.pi * (number // 6) / max(satellites // 6, 1) + 0.3 * (number % 6)
    angle = node[None, :] - EARTH_ROTATION_RAD_PER_S * seconds[:, None]
    x, y = np.cos(phase), np.sin(phase)
    position = _SEMI_MAJOR_AXIS_M * np.stack(
        [
            x * np.cos(angle) - y * np.cos(_INCLINATION_RAD) * np.sin(angle),
            x * np.sin(angle) + y * np.cos(_INCLINATION_RAD) * np.cos(angle),
            y * np.sin(_INCLINATION_RAD),
        ],
        axis=-1,
    )
    epochs: Epochs = _START + (seconds * 1e9).astype("timedelta64[ns]")
    names = tuple(f"G{k + 1:02d}" for k in range(satellites))
    return Orbit(epochs, names, position, np.full(position.shape[:2], np.nan), frame="IGS20")


def _orbit(orbit: Orbit, rotation: Array, sigma_m: float, rng: np.random.Generator) -> Orbit:
    """The orbit of a centre: in its own frame, each arc wrong in radial, along and cross by a constant, a drift and once a revolution."""
    motion = np.sqrt(EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2 / _SEMI_MAJOR_AXIS_M**3)
    seconds = np.arange(orbit.epochs_gps.size) * _STEP_S
    shape = (len(orbit.satellites), 3)
    drift = np.sqrt(12.0) * (seconds / seconds[-1] - 0.5)
    terms = (
        np.ones_like(seconds),
        drift,
        np.sqrt(2.0) * np.cos(motion * seconds),
        np.sqrt(2.0) * np.sin(motion * seconds),
    )
    local = sum(term[:, None, None] * rng.normal(0.0, sigma_m / 2.0, shape) for term in terms)
    error = np.einsum("tsa,tsac->tsc", local, radial_along_cross(orbit.position_m, orbit.epochs_gps))
    turned = orbit.position_m - orbit.position_m @ rotation_matrix(rotation).T
    return Orbit(orbit.epochs_gps, orbit.satellites, turned + error, orbit.clock_s, frame=orbit.frame)

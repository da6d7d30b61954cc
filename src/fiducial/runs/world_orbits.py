"""Orbits, clocks and Earth rotation of a simulated world: the truth of a day, and what a centre makes of it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import numpy as np

from fiducial.constants import (
    EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2,
    EARTH_ROTATION_RAD_PER_S,
    MILLIARCSECOND_RAD,
    SPEED_OF_LIGHT_M_PER_S,
)
from fiducial.formats import clk_writer, erp_writer, sp3
from fiducial.formats.atomic import atomic_file
from fiducial.formats.clk_header import ClockHeader
from fiducial.formats.igs_names import LongName, Period, ProductName
from fiducial.formats.sp3_header import Sp3Header
from fiducial.geodesy.similarity import rotation_matrix
from fiducial.orbits.earth_rotation import MJD_OF_1970, EarthRotation
from fiducial.orbits.local_frame import radial_along_cross
from fiducial.orbits.orbit import Clocks, Orbit, satellite_order
from fiducial.runs.world_centres import Centre, satellite_names
from fiducial.runs.world_options import FIRST_CENTRE_DAY, WorldOptions
from fiducial.runs.world_truth import FRAME, Floats

CLOCK_STEP_S: Final = 300
ORBIT_STEP_S: Final = 900
TRUTH_CENTRE: Final = "TRU"
POLE_SIGMA_RAD: Final = 0.03 * MILLIARCSECOND_RAD
LOD_SIGMA_S: Final = 1e-5
_DAY_S: Final = 86_400
_SHAPES: Final = {"G": (26_560e3, 0.008, np.deg2rad(55.0), 6), "E": (29_600e3, 0.0004, np.deg2rad(56.0), 3)}
"""Semi-major axis, eccentricity, inclination, orbital planes."""
_KEPLER_STEPS: Final = 8
_CLOCK_WALK_S: Final = 3e-11
_CLOCK_NOISE_S: Final = 1.5e-11
_DATUM_WALK_S: Final = 5e-10
_CONSTANT_S: Final = 1.5e-10
_POLE_MAS: Final = (120.0, 430.0)


def true_orbit(options: WorldOptions, day: np.datetime64) -> Orbit:
    """Return the true orbits and clocks of a day, every five minutes.

    Notes
    -----
    Kepler orbits in IGS20, the Earth turning uniformly; clocks are a constant, a drift and a random walk that begins anew
    every day.
    """
    satellites = tuple(sorted(satellite_names(options.satellites), key=satellite_order))
    seconds = np.arange(0, _DAY_S, CLOCK_STEP_S, dtype=np.float64)
    since = seconds + float((day - FIRST_CENTRE_DAY) / np.timedelta64(1, "s"))
    tracks = [_kepler(name, since) for name in satellites]
    fixed = np.random.default_rng((options.seed, 6))
    constant, drift = fixed.normal(0.0, 1e-4, len(satellites)), fixed.normal(0.0, 1e-12, len(satellites))
    rng = np.random.default_rng((options.seed, 6, int(day.astype(int))))
    walk = np.cumsum(rng.normal(0.0, _CLOCK_WALK_S, (seconds.size, len(satellites))), axis=0)
    epochs = day.astype("datetime64[ns]") + (seconds * 1e9).astype("timedelta64[ns]")
    return Orbit(epochs, satellites, np.stack(tracks, axis=1), constant + drift * since[:, None] + walk, FRAME)


def _kepler(name: str, seconds: Floats) -> Floats:
    """Return Earth-fixed positions of a satellite, shape (epoch, 3)."""
    axis, eccentricity, inclination, planes = _SHAPES[name[0]]
    number = int(name[1:]) - 1
    node = 2 * np.pi * (number % planes) / planes - EARTH_ROTATION_RAD_PER_S * seconds
    mean = np.sqrt(EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2 / axis**3) * seconds + 2.4 * number
    anomaly = mean.copy()
    for _ in range(_KEPLER_STEPS):
        anomaly -= (anomaly - eccentricity * np.sin(anomaly) - mean) / (1 - eccentricity * np.cos(anomaly))
    x = axis * (np.cos(anomaly) - eccentricity)
    y = axis * np.sqrt(1 - eccentricity**2) * np.sin(anomaly)
    across, up = y * np.cos(inclination), y * np.sin(inclination)
    return np.stack([x * np.cos(node) - across * np.sin(node), x * np.sin(node) + across * np.cos(node), up], axis=-1)


def centre_orbit(options: WorldOptions, centre: Centre, day_index: int, truth: Orbit) -> Orbit:
    """Return the orbits and clocks of a centre, every five minutes.

    Notes
    -----
    Positions are turned into the frame of the centre; every satellite is wrong in radial, along and cross by a constant, a
    drift and once a revolution. A radius too great by one metre makes a clock too fast by 1 m / c: ranges are observed.
    """
    rng = np.random.default_rng((options.seed, 7, centre.index, day_index))
    error = _orbit_error(centre, truth, rng)
    local = radial_along_cross(truth.position_m, truth.epochs_gps)
    turned = truth.position_m - truth.position_m @ rotation_matrix(centre.rotation_rad[day_index]).T
    count = truth.epochs_gps.size
    datum = np.cumsum(rng.normal(0.0, _DATUM_WALK_S, count)) + rng.normal(0.0, 1e-7)
    system = np.array([centre.system_bias_s[name[0]] for name in truth.satellites])
    constant = rng.normal(0.0, _CONSTANT_S, len(truth.satellites))
    noise = rng.normal(0.0, _CLOCK_NOISE_S, truth.clock_s.shape)
    clock = truth.clock_s + datum[:, None] + system + constant + noise + error[..., 0] / SPEED_OF_LIGHT_M_PER_S
    position = turned + np.einsum("tsa,tsac->tsc", error, local)
    return Orbit(truth.epochs_gps, truth.satellites, position, clock, truth.frame)


def _orbit_error(centre: Centre, truth: Orbit, rng: np.random.Generator) -> Floats:
    """Return errors in radial, along, cross, shape (epoch, satellite, 3), m."""
    seconds = np.asarray((truth.epochs_gps - truth.epochs_gps[0]) / np.timedelta64(1, "s"), dtype=np.float64)
    part = seconds / seconds[-1]
    shape = (len(truth.satellites), 3)
    rates = np.array([
        np.sqrt(EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2 / _SHAPES[name[0]][0] ** 3) for name in truth.satellites
    ])  # fmt: skip
    angle = seconds[:, None] * rates
    waves = (np.ones_like(angle), np.sqrt(12.0) * (part - 0.5)[:, None] * np.ones_like(angle),
             np.sqrt(2.0) * np.cos(angle), np.sqrt(2.0) * np.sin(angle))  # fmt: skip
    error = np.zeros((*angle.shape, 3))
    for wave in waves:
        error += wave[..., None] * rng.normal(0.0, 0.5 * centre.orbit_sigma_m, shape)
    error[..., 0] += centre.radial_bias_m
    if centre.bad_satellite:
        error[:, truth.satellites.index(centre.bad_satellite), 1] += centre.bad_size_m * (1.0 + part)
    return error


def earth_rotation(options: WorldOptions, centre: Centre, day_index: int, day: np.datetime64) -> EarthRotation:
    """Return the pole at noon as a centre has it: the truth turned into the frame of the centre, with noise.

    Notes
    -----
    xp_truth = xp + R2, yp_truth = yp + R1 for the rotation of the centre's stations to the truth (Altamimi et al. 2002).
    """
    pole = true_pole_rad(day)
    rng = np.random.default_rng((options.seed, 8, centre.index, day_index))
    turn = centre.rotation_rad[day_index]
    x_pole, y_pole = pole - turn[[1, 0]] + rng.normal(0.0, POLE_SIGMA_RAD, 2)
    one = np.ones(1)
    return EarthRotation(
        MJD_OF_1970 + 0.5 + one * float(day.astype(int)), x_pole * one, y_pole * one,
        lod_s=(true_lod_s(day) + rng.normal(0.0, LOD_SIGMA_S)) * one, x_pole_sigma_rad=POLE_SIGMA_RAD * one,
        y_pole_sigma_rad=POLE_SIGMA_RAD * one, lod_sigma_s=LOD_SIGMA_S * one,
    )  # fmt: skip


def true_pole_rad(day: np.datetime64) -> Floats:
    """Return the coordinates x and y of the pole at noon: a circle of 433 days, shape (2,)."""
    angle = 2 * np.pi * (float(day.astype(int)) + 0.5) / 433.0
    return np.array([_POLE_MAS[0] + 100.0 * np.cos(angle), _POLE_MAS[1] + 100.0 * np.sin(angle)]) * MILLIARCSECOND_RAD


def true_lod_s(day: np.datetime64) -> float:
    """Return the length of day beyond 86400 s."""
    return 5e-4 + 3e-4 * float(np.cos(2 * np.pi * float(day.astype(int)) / 13.66))


def product_path(centre: Centre, day: np.datetime64, content: str, kind: str, sampling: Period) -> str:
    """Return where a product of a centre stands, compressed products with ``.gz``."""
    name = LongName(ProductName(centre.name, "SIM", "FIN"), day, Period(1, "D"), sampling, content, kind)
    folder = "sinex" if kind == "SNX" else "orbits"
    return f"{folder}/{day_folder(day)}/{name.build()}" + ("" if kind == "ERP" else ".gz")


def day_folder(day: np.datetime64) -> str:
    """Return ``2023-155`` for a day."""
    year = day.astype("datetime64[Y]")
    return f"{year}-{int((day - year.astype('datetime64[D]')).astype(int)) + 1:03d}"


def write_compressed(content: bytes, target: Path) -> None:
    """Write a gzip file; the same content gives the same bytes, for no time stands in it."""
    with atomic_file(target) as partial:
        partial.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))


def write_orbit(options: WorldOptions, centre: Centre, day_index: int, target: Path) -> None:
    """Write the SP3 file of a centre and day."""
    _write_sp3(_made(options, centre, day_index), centre.name, options, target)


def write_true_orbit(options: WorldOptions, day_index: int, target: Path) -> None:
    """Write the truth of a day as SP3, whose last digit is a millimetre, for ``orbits compare``."""
    _write_sp3(true_orbit(options, options.centre_days()[day_index]), TRUTH_CENTRE, options, target)


def true_orbit_path(day: np.datetime64) -> str:
    """Return where the true orbit of a day stands."""
    name = LongName(ProductName(TRUTH_CENTRE, "SIM", "FIN"), day, Period(1, "D"), Period(15, "M"), "ORB", "SP3")
    return f"truth/{name.build()}.gz"


def _write_sp3(made: Orbit, agency: str, options: WorldOptions, target: Path) -> None:
    every = slice(None, None, ORBIT_STEP_S // CLOCK_STEP_S)
    orbit = Orbit(made.epochs_gps[every], made.satellites, made.position_m[every], made.clock_s[every], FRAME)
    header = Sp3Header(agency=agency, data_used="u+U", orbit_type="FIT", frame_label=FRAME,
                       comments=(f"simulated world, seed {options.seed}",))  # fmt: skip
    write_compressed(sp3.to_bytes(sp3.Sp3File(orbit, header)), target)


def write_clocks(options: WorldOptions, centre: Centre, day_index: int, target: Path) -> None:
    """Write the RINEX clock file of a centre and day."""
    made = _made(options, centre, day_index)
    clocks = Clocks(made.epochs_gps, made.satellites, made.clock_s, np.full(made.clock_s.shape, _CLOCK_NOISE_S))
    header = ClockHeader(program="fiducial simulate", agency=centre.name, analysis_center=centre.name,
                         analysis_center_name=f"simulated, seed {options.seed}")  # fmt: skip
    write_compressed(clk_writer.to_bytes(clocks, header), target)


def write_earth_rotation(options: WorldOptions, centre: Centre, day_index: int, target: Path) -> None:
    """Write the ERP file of a centre and day."""
    found = earth_rotation(options, centre, day_index, options.centre_days()[day_index])
    erp_writer.write(found, target, comments=[f"simulated centre {centre.name}, seed {options.seed}"])


def _made(options: WorldOptions, centre: Centre, day_index: int) -> Orbit:
    return centre_orbit(options, centre, day_index, true_orbit(options, options.centre_days()[day_index]))

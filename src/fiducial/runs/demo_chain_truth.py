"""Orbits, clocks, frame, Earth rotation and station velocities of the demonstration, compared with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD, SPEED_OF_LIGHT_M_PER_S
from fiducial.formats import clk, erp, sinex, sp3, velocity_model_file, velocity_tables
from fiducial.geodesy.ellipsoid import local_axes
from fiducial.orbits.clock_noise import datum_and_constants
from fiducial.orbits.orbit import Orbit
from fiducial.runs.demo_scores import Floats, Score, score
from fiducial.runs.world_layout import REGION_CENTRE_M, region_half_m
from fiducial.runs.world_network import Network, make_network
from fiducial.runs.world_orbits import true_orbit, true_pole_rad
from fiducial.runs.world_truth import CALIBRATION_FRAME, WorldTruth
from fiducial.stations.solution import Coordinates

_MEDIAN_TO_SIGMA: Final = 0.6745
"""Median of |x| of a normal law."""
_GRID: Final = 12
_CLEAR_OF_BOWLS: Final = 4.0
_PICOSECONDS: Final = 1e12


@dataclass(frozen=True)
class OrbitTruth:
    """A day of orbits and clocks beside the truth.

    Attributes
    ----------
    orbits, clocks : Score
        Of the combination.
    orbit_mm, clock_ps : dict of str to float
        Error of each centre and of the combination (``combined``): RMS from the median, which a single wrong satellite
        does not move.
    """

    orbits: Score
    clocks: Score
    orbit_mm: dict[str, float]
    clock_ps: dict[str, float]


@dataclass(frozen=True)
class ModelGrid:
    """The velocity model at places of the region; arrays of shape (place,) or (place, 3), mm/yr, east, north, up."""

    longitude_deg: Floats
    latitude_deg: Floats
    predicted: Floats
    sigma: Floats
    truth: Floats


def one_file(folder: Path, pattern: str) -> Path:
    """Return the file of a pattern in a folder; where there are several, the first."""
    return min(folder.glob(pattern))


def _aligned(found: NDArray[Any], satellites: tuple[str, ...], wanted: tuple[str, ...]) -> NDArray[Any]:
    """Return columns of satellites in another order."""
    return found[:, [satellites.index(name) for name in wanted]]


def _at(times: NDArray[np.datetime64], wanted: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Return the rows of epochs."""
    return np.searchsorted(times, wanted)


def _orbit_error_m(orbit: Orbit, true: Orbit) -> Floats:
    rows = _at(true.epochs_gps, orbit.epochs_gps)
    return np.asarray(orbit.position_m - _aligned(true.position_m[rows], true.satellites, orbit.satellites))


def _clock_error_s(path: Path, orbit: Orbit, true: Orbit) -> tuple[Floats, Floats]:
    """Return errors of clocks at the epochs of their orbit, and their sigmas, shape (epoch, satellite); see `orbit_truth`."""
    clocks = clk.read(path).clocks
    here, there = _at(clocks.epochs_gps, orbit.epochs_gps), _at(true.epochs_gps, orbit.epochs_gps)
    error = clocks.bias_s[here] - _aligned(true.clock_s[there], true.satellites, clocks.satellites)
    place = _aligned(true.position_m[there], true.satellites, clocks.satellites)
    away = place - _aligned(orbit.position_m, orbit.satellites, clocks.satellites)
    radial_m = np.einsum("esc,esc->es", away, place / np.linalg.norm(place, axis=-1, keepdims=True))
    error += radial_m / SPEED_OF_LIGHT_M_PER_S
    letters = np.array([name[0] for name in clocks.satellites])
    for letter in np.unique(letters):
        of = letters == letter
        datum, constant = datum_and_constants(error[:, of])
        error[:, of] -= datum[:, None] + constant
    return error, clocks.sigma_s[here]


def _robust(error: Floats) -> float:
    return float(np.sqrt(np.nanmedian(error**2)) / _MEDIAN_TO_SIGMA)


def orbit_truth(truth: WorldTruth, world: Path, made: Path) -> tuple[OrbitTruth, ...]:
    """Compare the combined orbits and clocks of each day, and those of the centres, with the truth.

    Parameters
    ----------
    truth : WorldTruth
    world : Path
        Folder of the simulated files.
    made : Path
        Folder of the products.

    Notes
    -----
    Positions are compared as they are, without any alignment: the combination stands in the frame. Clocks go
    with their orbits: the radial error of the orbit over c is added before they are compared. A datum an epoch and a
    constant a satellite, by constellation, are removed; no combination of clocks determines these.
    """
    found = []
    for day in truth.options.centre_days():
        true = true_orbit(truth.options, day)
        name = f"{str(day)[:4]}-{_day_of_year(day):03d}"
        folder = made / "orbits" / name if (made / "orbits" / name).is_dir() else made / "orbits"
        orbit = sp3.read(one_file(folder, "*_ORB.SP3")).orbit
        error = _orbit_error_m(orbit, true)
        sigma = orbit.position_sigma_m
        clock_error, clock_sigma = _clock_error_s(one_file(folder, "*_CLK.CLK"), orbit, true)
        centres = {path.name[:3]: sp3.read(path).orbit for path in sorted((world / "orbits" / name).glob("*.SP3.gz"))}
        orbit_mm = {centre: 1e3 * _robust(_orbit_error_m(one, true)) for centre, one in centres.items()}
        clock_ps = {path.name[:3]: _PICOSECONDS * _robust(_clock_error_s(path, centres[path.name[:3]], true)[0])
                    for path in sorted((world / "orbits" / name).glob("*.CLK.gz"))}  # fmt: skip
        found.append(OrbitTruth(
            score("combined orbits", name, "position, x y z", "mm", 1e3 * error,
                  1e3 * (np.full_like(error, np.nan) if sigma is None else sigma)),
            score("combined clocks", name, "clock", "ps", _PICOSECONDS * clock_error, _PICOSECONDS * clock_sigma),
            orbit_mm | {"combined": 1e3 * _robust(error)}, clock_ps | {"combined": _PICOSECONDS * _robust(clock_error)},
        ))  # fmt: skip
    return tuple(found)


def _day_of_year(day: np.datetime64) -> int:
    return int((day - day.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)) + 1


def _local(network: Network, at: Coordinates, truth_xyz: Floats) -> tuple[Floats, Floats]:
    """Return errors and sigmas, east north up, of coordinates in a solution, in its unit times 1000."""
    rows = [network.names.index(code) for code in at.codes.tolist()]
    axes = local_axes(network.longitude_deg[rows], network.latitude_deg[rows])
    error = np.einsum("sac,sc->sa", axes, at.xyz - truth_xyz[rows])
    covariance = np.zeros((len(rows), 3, 3)) if at.covariance is None else at.covariance
    variance = np.einsum("sac,scd,sad->sa", axes, covariance, axes)
    return 1e3 * error, 1e3 * np.sqrt(variance)


def frame_scores(truth: WorldTruth, made: Path) -> list[Score]:
    """Compare the combined days, their stack, and the pole with the truth.

    Notes
    -----
    The stack is a straight line through the days; the truth beside it is the line through the true positions of the same
    days, so that season is the same on both sides.
    """
    network, options = make_network(truth), truth.options
    days = options.centre_days()
    noon = np.array([day.astype("datetime64[ns]") + np.timedelta64(12, "h") for day in days])
    true = np.stack([network.geocentric_m(truth, epoch) for epoch in noon])
    found, pole_error, pole_sigma = [], [], []
    for day, position in zip(days, true, strict=True):
        folder = made / "frame" / "days" / str(day)
        positions = sinex.read(one_file(folder, "*_SOL.SNX")).solution.positions()
        found.append(score("combined stations", str(day), "position, east north up", "mm",
                           *_local(network, positions, position)))  # fmt: skip
        rotation = erp.read(one_file(folder, "*_ERP.ERP")).rotation
        pole = np.concatenate([rotation.x_pole_rad, rotation.y_pole_rad])
        pole_error.append(pole - true_pole_rad(day))
        pole_sigma.append(np.concatenate([rotation.x_pole_sigma_rad, rotation.y_pole_sigma_rad]))
    micro = 1e-3 * MILLIARCSECOND_RAD
    found.append(score("Earth rotation", f"{len(days)} days", "pole, x y", "µas", np.array(pole_error) / micro,
                       np.array(pole_sigma) / micro))  # fmt: skip
    solution = sinex.read(one_file(made / "frame" / "stack", "*_SOL.SNX")).solution
    positions, velocities = solution.positions(), solution.velocities()
    year = np.timedelta64(86_400 * 365_250 // 1000, "s")
    since = (noon - positions.epochs_utc[0]) / year
    line = np.linalg.lstsq(np.column_stack([np.ones(len(days)), since]), true.reshape(len(days), -1), rcond=None)[0]
    found.append(score("stacked frame", "IGS20", "position, east north up", "mm",
                       *_local(network, positions, line[0].reshape(-1, 3))))  # fmt: skip
    error, sigma = _local(network, velocities, line[1].reshape(-1, 3))
    found += _by_direction("stacked frame", "IGS20", error, sigma)
    return found


def _by_direction(product: str, name: str, error: Floats, sigma: Floats) -> list[Score]:
    """Return a score of the horizontal and one of the vertical, mm/yr."""
    return [
        score(product, name, "velocity, horizontal", "mm/yr", error[:, :2], sigma[:, :2]),
        score(product, name, "velocity, up", "mm/yr", error[:, 2], sigma[:, 2]),
    ]


def velocity_scores(truth: WorldTruth, folder: Path, product: str) -> list[Score]:
    """Compare a table of station velocities with the truth.

    Parameters
    ----------
    truth : WorldTruth
    folder : Path
        Of the task that made ``stations.csv``, in ETRF2000.
    product : str
        What to call it.
    """
    network = make_network(truth)
    table = velocity_tables.read(folder / "stations.csv", frame=CALIBRATION_FRAME)
    rows = [network.names.index(name[:4]) for name in table.names.tolist()]
    error = table.velocity_enu_mm_per_yr - network.velocity_in(CALIBRATION_FRAME)[rows]
    sigma = np.sqrt(np.diagonal(table.covariance_enu, axis1=1, axis2=2))
    return _by_direction(product, CALIBRATION_FRAME, error, sigma)


def model_truth(truth: WorldTruth, made: Path) -> tuple[ModelGrid, list[Score]]:
    """Compare the velocity model with the truth on a grid over the region, away from the bowls.

    No station stands in a bowl, and no model of stations can know of one.
    """
    half = region_half_m(truth.options.bursts)
    east, north = np.meshgrid(*(np.linspace(-0.9, 0.9, _GRID) * half[k] + REGION_CENTRE_M[k] for k in (0, 1)))
    clear = np.ones(east.shape, dtype=bool)
    for bowl in truth.bowls:
        clear &= np.hypot(east - bowl.easting_m, north - bowl.northing_m) > _CLEAR_OF_BOWLS * bowl.sigma_m
    longitude, latitude = truth.geographic(east[clear], north[clear])
    model = velocity_model_file.read(made / "velocities" / "model" / "velocity-model.fvm")
    predicted = model.predict(longitude, latitude, frame=CALIBRATION_FRAME)
    true = truth.velocity_enu_mm_per_yr(east[clear], north[clear])
    sigma = predicted.sigma_enu_mm_per_yr
    grid = ModelGrid(longitude, latitude, predicted.velocity_enu_mm_per_yr, sigma, true)
    return grid, _by_direction("velocity model", f"{longitude.size} places", grid.predicted - true, sigma)

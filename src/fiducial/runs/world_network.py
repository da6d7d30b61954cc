"""GNSS stations of a simulated world: where they are, how they move, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.runs.world_layout import REGION_CENTRE_M, region_half_m
from fiducial.runs.world_options import FIRST_SERIES_DAY
from fiducial.runs.world_truth import FRAME, Floats, WorldTruth, terrain_m, years_of
from fiducial.stations.series import SeriesEvent
from fiducial.timescales import Epochs

Kinds = NDArray[np.str_]

REGIONAL: Final = "regional"
PLATE: Final = "plate"
GLOBAL: Final = "global"
_PLATE_BOX_DEG: Final = (-5.0, 35.0, 42.0, 62.0)
"""West, east, south, north of the stations that move with the plate and nothing else."""
_FELT_MM: Final = 0.5
_MARGIN_M: Final = 20e3
_CLEAR_OF_BOWLS: Final = 3.5
_BESIDE_EPICENTRE_M: Final = 6_000.0
_CANDIDATES: Final = 12


@dataclass(frozen=True)
class Network:
    """True stations; arrays have shape (station,) or (station, 3), the latter east, north, up.

    Attributes
    ----------
    names : tuple of str
        Four characters.
    kinds : ndarray of str
        ``regional`` in and around the bursts, ``plate`` elsewhere on the plate, ``global`` on other plates.
    longitude_deg, latitude_deg, height_m : ndarray
    position_m : ndarray
        Geocentric, IGS20, at 2020-01-01 without season.
    velocity_mm_per_yr : ndarray
        IGS20.
    season_mm, earthquake_mm : ndarray
    antenna_day : ndarray of datetime64[D]
        NaT where the antenna was never changed.
    antenna_mm : ndarray
    """

    names: tuple[str, ...]
    kinds: Kinds
    longitude_deg: Floats
    latitude_deg: Floats
    height_m: Floats
    position_m: Floats
    velocity_mm_per_yr: Floats
    season_mm: Floats
    earthquake_mm: Floats
    antenna_day: NDArray[np.datetime64]
    antenna_mm: Floats

    def of_kind(self, *kinds: str) -> NDArray[np.intp]:
        """Return the rows of stations of some kinds."""
        return np.flatnonzero(np.isin(self.kinds, kinds))

    def velocity_in(self, frame: str) -> Floats:
        """Return velocities in a frame, mm/yr."""
        return self.velocity_mm_per_yr + frame_velocity(FRAME, frame, self.longitude_deg, self.latitude_deg)

    def displacement_mm(self, truth: WorldTruth, station: int, epochs: Epochs) -> Floats:
        """Return how a station has moved since 2020-01-01 in IGS20, shape (epoch, 3): all but the antenna."""
        moved = np.outer(years_of(epochs), self.velocity_mm_per_yr[station])
        moved += np.outer(truth.season_phase(epochs), self.season_mm[station])
        return np.asarray(moved + np.outer(truth.after_earthquake(epochs), self.earthquake_mm[station]))

    def geocentric_m(self, truth: WorldTruth, epoch: np.datetime64) -> Floats:
        """Return true positions at an epoch, shape (station, 3), IGS20."""
        at = np.array([epoch])
        moved = np.stack([self.displacement_mm(truth, row, at)[0] for row in range(len(self.names))])
        axes = local_axes(self.longitude_deg, self.latitude_deg)
        return np.asarray(self.position_m + 1e-3 * np.einsum("sa,sac->sc", moved, axes))

    def events(self, truth: WorldTruth, station: int) -> tuple[SeriesEvent, ...]:
        """Return changes of the antenna, and the earthquake where it moved the station by more than 0.5 mm."""
        found = []
        if not np.isnat(self.antenna_day[station]):
            found.append(
                SeriesEvent(self.antenna_day[station].astype("datetime64[ns]"), "equipment", "antenna changed")
            )
        if np.linalg.norm(self.earthquake_mm[station]) > _FELT_MM:
            day = np.datetime64(truth.earthquake.date, "ns")
            found.append(SeriesEvent(day, "earthquake", f"M{truth.earthquake.magnitude:.2f}"))
        return tuple(sorted(found, key=lambda one: one.epoch))


def make_network(truth: WorldTruth) -> Network:
    """Draw all stations; a pure function of the truth."""
    options = truth.options
    rng = np.random.default_rng((options.seed, 2))
    easting, northing = _regional_places(truth, rng).T
    on_plate = options.global_stations // 3
    elsewhere = options.global_stations - on_plate
    west, east, south, north = _PLATE_BOX_DEG
    regional = truth.geographic(easting, northing)
    longitude = np.concatenate([regional[0], rng.uniform(west, east, on_plate), rng.uniform(-180.0, 180.0, elsewhere)])
    latitude = np.concatenate([
        regional[1], rng.uniform(south, north, on_plate), np.rad2deg(np.arcsin(rng.uniform(-0.9, 0.9, elsewhere))),
    ])  # fmt: skip
    kinds = np.repeat([REGIONAL, PLATE, GLOBAL], [options.stations, on_plate, elsewhere])
    count, first = len(kinds), options.stations
    height = np.concatenate([terrain_m(easting, northing), rng.uniform(20.0, 900.0, count - first)])
    velocity = truth.plate_velocity_enu_mm_per_yr(longitude, latitude)
    velocity[:first] += truth.local_velocity_enu_mm_per_yr(easting, northing)
    velocity[first + on_plate :] = rng.normal(0.0, [15.0, 15.0, 1.0], (elsewhere, 3))
    season = rng.normal(0.0, [0.3, 0.3, 1.0], (count, 3))
    season[:first] = truth.season_enu_mm_at(easting, northing)
    quake = np.zeros((count, 3))
    quake[:first] = truth.earthquake_enu_mm(easting, northing)
    days = np.full(count, np.datetime64("NaT"), dtype="datetime64[D]")
    changed = rng.random(count) < 0.25
    length = 365 * options.series_years
    after = rng.integers(length // 5, 4 * length // 5, count).astype("timedelta64[D]")
    days[changed] = FIRST_SERIES_DAY + after[changed]
    antenna = np.where(changed[:, None], rng.normal(0.0, [3.0, 3.0, 8.0], (count, 3)), 0.0)
    numbers = np.concatenate([np.arange(options.stations), np.arange(on_plate), np.arange(elsewhere)])
    names = tuple(f"{kind[0].upper()}{np.base_repr(number, 36):0>3}"
                  for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True))  # fmt: skip
    position = geocentric_position_m(longitude, latitude, height)
    return Network(names, kinds, longitude, latitude, height, position, velocity, season, quake, days, antenna)


def _regional_places(truth: WorldTruth, rng: np.random.Generator) -> Floats:
    """Spread stations over the region and its margin, clear of the bowls; the first two lie beside the epicentre."""
    count = truth.options.stations
    half = np.array(region_half_m(truth.options.bursts)) + _MARGIN_M
    bowls = np.array([[one.easting_m, one.northing_m] for one in truth.bowls])
    reach = _CLEAR_OF_BOWLS * np.array([one.sigma_m for one in truth.bowls])
    epicentre = np.array([truth.earthquake.easting_m, truth.earthquake.northing_m])
    chosen = epicentre + _BESIDE_EPICENTRE_M * rng.uniform(0.3, 1.0, (2, 2)) * [[1.0, 1.0], [-1.0, -1.0]]
    while len(chosen) < count:
        # The farthest of some candidates from all before: even, and different with every seed.
        tried = REGION_CENTRE_M + rng.uniform(-1.0, 1.0, (_CANDIDATES, 2)) * half
        clear = (np.linalg.norm(tried[:, None] - bowls, axis=2) > reach).all(axis=1)
        if clear.any():
            tried = tried[clear]
            nearest = np.linalg.norm(tried[:, None] - chosen, axis=2).min(axis=1)
            chosen = np.vstack([chosen, tried[np.argmax(nearest)]])
    return np.asarray(chosen)


def velocity_table(truth: WorldTruth, network: Network, frame: str) -> StationVelocities:
    """Return published velocities of the stations on the plate in a frame: truth plus errors that fit their sigmas."""
    rows = network.of_kind(REGIONAL, PLATE)
    rng = np.random.default_rng((truth.options.seed, 3))
    count = rows.size
    sigma = np.column_stack([rng.uniform(0.1, 0.3, (count, 2)), rng.uniform(0.3, 0.7, count)])
    correlation = np.tile(np.eye(3), (count, 1, 1))
    correlation[:, 0, 1] = correlation[:, 1, 0] = rng.uniform(-0.4, 0.4, count)
    covariance = correlation * sigma[:, :, None] * sigma[:, None, :]
    error = np.einsum("sij,sj->si", np.linalg.cholesky(covariance), rng.standard_normal((count, 3)))
    return StationVelocities(
        np.array(network.names)[rows], network.longitude_deg[rows], network.latitude_deg[rows],
        network.velocity_in(frame)[rows] + error, covariance, frame,
        f"simulated world, seed {truth.options.seed}, {frame}",
    )  # fmt: skip

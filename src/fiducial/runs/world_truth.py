"""The truth of a simulated world: how the ground moves, anywhere and at any time, as a function of sizes and seed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from fiducial.constants import JULIAN_YEAR_DAYS
from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_from_geocentric
from fiducial.geodesy.frame_parameters import PLATE_ROTATIONS_MAS_PER_YR
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.geodesy.helmert import HelmertRates
from fiducial.geodesy.plate_pole import euler_pole
from fiducial.runs.world_earthquake import Earthquake
from fiducial.runs.world_layout import REGION_CENTRE_M, region_half_m
from fiducial.runs.world_options import WorldOptions
from fiducial.timescales import Epochs

Floats = NDArray[np.float64]

FRAME: Final = "IGS20"
"""Of station series, station solutions and orbits."""
CALIBRATION_FRAME: Final = "ETRF2000"
"""In which InSAR is compared with the truth, as EGMS is published."""
TRUTH_FILE: Final = "truth.json"
VERSION: Final = 1
"""To be raised whenever the same options no longer give the same bytes."""
TIME_ORIGIN: Final = np.datetime64("2020-01-01T00:00:00", "ns")
_SEASON_PEAK_YR: Final = 0.15
_QUAKE_DAYS: Final = (500, 800)
_WINTERS: Final = range(2020, 2040)
_VANISHED_SIGMAS: Final = 40.0
"""exp(-0.5 x^2) is zero in double precision from x = 38.6."""
_SURE_WINTER: Final = 2021
"""Every world has one spoiled winter at least."""


@dataclass(frozen=True)
class Dome:
    """Uplift of Gaussian shape: place (EPSG:3035), rate at its top, radius at exp(-1/2)."""

    easting_m: float
    northing_m: float
    peak_mm_per_yr: float
    sigma_m: float


@dataclass(frozen=True)
class Bowl(Dome):
    """Subsidence; ground moves towards its centre by ``tilt_length_m`` times the rate of tilt (Awerschin 1947)."""

    tilt_length_m: float


@dataclass(frozen=True)
class WorldTruth:
    """What is true in a world; see :func:`make_truth`.

    Attributes
    ----------
    options : WorldOptions
    rotation_mas_per_yr : tuple of float
        Rotation vector of the plate about X, Y, Z in IGS20.
    dome : Dome
    bowls : tuple of Bowl
    earthquake : Earthquake
    season_enu_mm : tuple of float
        Amplitude of the annual motion in the middle of the region; it changes by a third over the region.
    spoiled_winters : tuple of int
        Years of the January of winters with snow that spoils InSAR above the snow line.
    snow_line_m : float
    """

    options: WorldOptions
    rotation_mas_per_yr: tuple[float, float, float]
    dome: Dome
    bowls: tuple[Bowl, ...]
    earthquake: Earthquake
    season_enu_mm: tuple[float, float, float]
    spoiled_winters: tuple[int, ...]
    snow_line_m: float

    @cached_property
    def _to_geographic(self) -> Transformer:
        return Transformer.from_crs("EPSG:3035", "EPSG:4258", always_xy=True)

    def geographic(self, easting: ArrayLike, northing: ArrayLike) -> tuple[Floats, Floats]:
        """Return longitude and latitude, degrees, of places in EPSG:3035."""
        longitude, latitude = self._to_geographic.transform(np.asarray(easting), np.asarray(northing))
        return np.asarray(longitude), np.asarray(latitude)

    def plate_velocity_enu_mm_per_yr(self, longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Floats:
        """Return the velocity of the plate in IGS20, shape (point, 3), east, north, up."""
        position = geocentric_position_m(longitude_deg, latitude_deg)
        turned = HelmertRates(rotation_mas_per_yr=self.rotation_mas_per_yr).velocity_mm_per_yr(position)
        return local_from_geocentric(turned, longitude_deg, latitude_deg)

    def local_velocity_enu_mm_per_yr(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return what dome and bowls add to the plate, shape (point, 3), east, north, up along the map grid."""
        east, north = np.asarray(easting, dtype=np.float64), np.asarray(northing, dtype=np.float64)
        velocity = np.zeros((*east.shape, 3))
        velocity[..., 2] = _gauss(self.dome, east, north)
        for bowl in self.bowls:
            if _out_of_reach(bowl, east, north):
                continue
            rate = _gauss(bowl, east, north)
            inward = bowl.tilt_length_m * rate / bowl.sigma_m**2
            velocity[..., 0] += inward * (east - bowl.easting_m)
            velocity[..., 1] += inward * (north - bowl.northing_m)
            velocity[..., 2] += rate
        return velocity

    def velocity_enu_mm_per_yr(self, easting: ArrayLike, northing: ArrayLike, frame: str = CALIBRATION_FRAME) -> Floats:
        """Return the true velocity without the earthquake.

        Parameters
        ----------
        easting, northing : array_like, shape (point,)
            Metres, EPSG:3035.
        frame : str
            Any frame of ``geodesy.frame_velocities``.

        Returns
        -------
        ndarray, shape (point, 3)
            East, north, up, mm per Julian year. Local motion is taken along the map grid: the convergence of EPSG:3035
            turns a few mm/yr of it by some degrees, and the truth is what is written here.
        """
        longitude, latitude = self.geographic(easting, northing)
        velocity = self.plate_velocity_enu_mm_per_yr(longitude, latitude)
        velocity += self.local_velocity_enu_mm_per_yr(easting, northing)
        return velocity if frame == FRAME else velocity + frame_velocity(FRAME, frame, longitude, latitude)

    def season_enu_mm_at(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return the amplitude of the annual motion, shape (point, 3)."""
        half = region_half_m(self.options.bursts)
        place = (np.asarray(easting) - REGION_CENTRE_M[0]) / half[0] + (
            np.asarray(northing) - REGION_CENTRE_M[1]
        ) / half[1]
        return np.asarray((1.0 + np.tanh(place) / 3.0)[..., None] * np.array(self.season_enu_mm))

    @staticmethod
    def season_phase(epochs: Epochs) -> Floats:
        """Return the cosine that the amplitude is multiplied with, shape (epoch,)."""
        return np.asarray(np.cos(2 * np.pi * (years_of(epochs) - _SEASON_PEAK_YR)))

    def after_earthquake(self, epochs: Epochs) -> NDArray[np.bool_]:
        """Tell which epochs lie on or after the day of the earthquake."""
        return np.asarray(epochs >= np.datetime64(self.earthquake.date))

    def earthquake_enu_mm(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return the step of the earthquake, shape (point, 3)."""
        return self.earthquake.displacement_enu_mm(easting, northing)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with the Euler pole beside the rotation vector."""
        longitude, latitude, rate, _ = euler_pole(self.rotation_mas_per_yr)
        pole = {"longitude_deg": longitude, "latitude_deg": latitude, "rate_deg_per_myr": rate, "frame": FRAME}
        return {"simulation": VERSION, **asdict(self), "euler_pole": pole}

    def to_json(self) -> str:
        """Return the text of ``truth.json``."""
        return json.dumps(self.to_dict(), indent=1) + "\n"


def _out_of_reach(one: Dome, easting: Floats, northing: Floats) -> bool:
    """Tell whether a shape adds nothing at any of the places, not even to the last bit."""
    if not easting.size:
        return True
    # A continent has a bowl for every four bursts: without this look its bursts would cost the square of their number.
    aside = max(float(easting.min()) - one.easting_m, one.easting_m - float(easting.max()), 0.0)
    ahead = max(float(northing.min()) - one.northing_m, one.northing_m - float(northing.max()), 0.0)
    return bool(np.hypot(aside, ahead) > _VANISHED_SIGMAS * one.sigma_m)


def _gauss(one: Dome, easting: Floats, northing: Floats) -> Floats:
    square = (easting - one.easting_m) ** 2 + (northing - one.northing_m) ** 2
    return np.asarray(one.peak_mm_per_yr * np.exp(-0.5 * square / one.sigma_m**2))


def years_of(epochs: Epochs) -> Floats:
    """Return Julian years since 2020-01-01, shape (epoch,)."""
    return np.asarray((epochs - TIME_ORIGIN) / np.timedelta64(1, "D") / JULIAN_YEAR_DAYS, dtype=np.float64)


def terrain_m(easting: Floats, northing: Floats) -> Floats:
    """Return the height of the ground."""
    ranges = 450.0 * np.sin(easting / 9e3) * np.cos(northing / 11e3)
    return np.asarray(800.0 + ranges + 150.0 * np.sin((easting + 2.0 * northing) / 3.1e3))


def make_truth(options: WorldOptions) -> WorldTruth:
    """Draw the truth of a world; a pure function of the options."""
    rng = np.random.default_rng((options.seed, 1))
    half = np.array(region_half_m(options.bursts))
    pole = np.array(PLATE_ROTATIONS_MAS_PER_YR["ITRF2020"]["EURA"]) + rng.uniform(-0.01, 0.01, 3)
    centre = np.array(REGION_CENTRE_M)

    def place(reach: float) -> tuple[float, float]:
        east, north = np.round(centre + rng.uniform(-reach, reach, 2) * half, 0)
        return float(east), float(north)

    dome = Dome(*place(0.3), round(rng.uniform(1.5, 3.0), 2), round(0.7 * float(half.max()), 0))
    bowls = tuple(
        Bowl(*place(0.8), round(-rng.uniform(7.0, 15.0), 2), round(rng.uniform(1_500.0, 3_000.0), 0), 800.0)
        for _ in range(max(1, options.bursts // 4))
    )
    day = TIME_ORIGIN.astype("datetime64[D]") + np.timedelta64(int(rng.integers(*_QUAKE_DAYS)), "D")
    quake = Earthquake(
        str(day), *_away_from(bowls, place), round(rng.uniform(6e3, 9e3), 0), round(rng.uniform(0.0, 360.0), 1),
        round(rng.uniform(35.0, 65.0), 1), round(rng.uniform(-110.0, -70.0), 1), round(rng.uniform(5.35, 5.5), 2),
    )  # fmt: skip
    season = (round(rng.uniform(0.4, 0.8), 2), round(rng.uniform(0.4, 0.8), 2), round(rng.uniform(1.5, 2.5), 2))
    winters = tuple(year for year in _WINTERS if rng.random() < 0.5 or year == _SURE_WINTER)
    rotation = (round(float(pole[0]), 4), round(float(pole[1]), 4), round(float(pole[2]), 4))
    return WorldTruth(options, rotation, dome, bowls, quake, season, winters, 950.0)


def _away_from(bowls: tuple[Bowl, ...], place: Any) -> tuple[float, float]:
    """Draw the epicentre: the farthest of eight places from all bowls."""
    drawn: list[tuple[float, float]] = [place(0.5) for _ in range(8)]
    return max(drawn, key=lambda one: min(np.hypot(one[0] - b.easting_m, one[1] - b.northing_m) for b in bowls))


def load_truth(folder: Path) -> WorldTruth:
    """Return the truth of a folder that ``fiducial simulate`` wrote.

    Raises
    ------
    InputError
        FID-1432 when the folder has none; FID-1433 when it is damaged, edited, or of another version.
    """
    path = folder / TRUTH_FILE
    if not path.is_file():
        raise InputError("FID-1432", "the folder holds no simulated world", where=str(folder),
                         fix=f"give a folder with {TRUTH_FILE}, made by `fiducial simulate`")  # fmt: skip
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        truth = make_truth(WorldOptions(**json.loads(text)["options"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "cannot be read") from error
    if truth.to_json() != text:
        raise _damaged(path, "is not what its options give: it was edited, or another version wrote it")
    return truth


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(
        "FID-1433", f"the truth {problem}", where=str(path), fix="simulate the world again in a new folder"
    )

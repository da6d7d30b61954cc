"""What a radar satellite does to the simulated ground: true motion, track geometry, noise and reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer
from scipy.linalg import toeplitz

from fiducial.constants import SENTINEL1_BURST_TIME_BEAM_S
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.timescales import Epochs

Floats = NDArray[np.float64]

POLARISATION_VV: Final = 3
LINES: Final = 1508
# Spacing of the points in real EGMS IW2 bursts at 38-39 degrees incidence, read off their line and pixel columns.
LINE_SPACING_M: Final = 13.9
PIXEL_SPACING_M: Final = 3.7
SWATH_WIDTH_M: Final = 85e3
BURST_ADVANCE_M: Final = SENTINEL1_BURST_TIME_BEAM_S * 6.8e3  # ground speed of the beam, m/s
TRACK_LENGTH_M: Final = BURST_ADVANCE_M + LINES * LINE_SPACING_M
_SENTINEL1B_LOST: Final = np.datetime64("2021-12-23")
# In this world the second satellite served the region for one season only, so that both intervals occur.
_BOTH_SATELLITES_FROM: Final = np.datetime64("2021-09-18")
_GEOID_UNDULATION_M: Final = 48.4  # about that of central Italy; its tilt does not matter here


@dataclass(frozen=True)
class TrueMotion:
    """The known velocity of the ground.

    Attributes
    ----------
    centre_m : tuple of float
        Easting and northing of the middle of the region, EPSG:3035.
    bowl_centre_m : tuple of float
        Easting and northing of the subsidence bowl.
    bowl_peak_mm_per_yr : float
        Vertical velocity at its centre; negative is down.
    bowl_sigma_m : float
        Radius at which it has fallen to exp(-1/2).
    bowl_tilt_length_m : float
        Horizontal velocity towards the centre per unit of tilt rate.
    """

    centre_m: tuple[float, float] = (4_537_000.0, 2_160_000.0)
    bowl_centre_m: tuple[float, float] = (4_528_000.0, 2_157_000.0)
    bowl_peak_mm_per_yr: float = -12.0
    bowl_sigma_m: float = 4_000.0
    bowl_tilt_length_m: float = 800.0

    def apennine_distance(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return the distance across the mountain axis, positive to the north-east, in units of 40 km."""
        offset_e = np.asarray(easting, dtype=np.float64) - self.centre_m[0]
        offset_n = np.asarray(northing, dtype=np.float64) - self.centre_m[1]
        return np.asarray((offset_e + offset_n) / np.sqrt(2.0) / 40e3)

    def velocity_enu(self, easting: ArrayLike, northing: ArrayLike) -> Floats:
        """Return the true velocity.

        Parameters
        ----------
        easting, northing : array_like, shape (point,)
            Metres, EPSG:3035.

        Returns
        -------
        ndarray of float64, shape (point, 3)
            East, north, up in mm/yr (years of 365 days, as the EGMS statistics count), ETRF2000; constant in time.

        Notes
        -----
        Regional part: extension across an axis (tanh) with uplift along it. Bowl: Gaussian w(r) with horizontal
        motion -B grad w towards its centre (proportionality of horizontal motion and tilt: Awerschin, 1947).
        """
        across = self.apennine_distance(easting, northing)
        step = np.tanh(across)
        offset_e = np.asarray(easting, dtype=np.float64) - self.bowl_centre_m[0]
        offset_n = np.asarray(northing, dtype=np.float64) - self.bowl_centre_m[1]
        variance = self.bowl_sigma_m**2
        bowl = self.bowl_peak_mm_per_yr * np.exp(-0.5 * (offset_e**2 + offset_n**2) / variance)
        inward = self.bowl_tilt_length_m * bowl / variance
        return np.stack([
            0.5 + 0.9 * step + inward * offset_e,
            2.0 + 1.3 * step + inward * offset_n,
            -0.6 - 0.3 * across + 0.9 * np.exp(-(across**2)) + bowl,
        ], axis=-1)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """Geometry of a track in the map plane; ``heading_deg`` also serves as the EGMS track angle."""

    number: int
    direction: str
    bursts: tuple[int, int]
    heading_deg: float
    first_day: np.datetime64
    swath: int = 2
    near_incidence_deg: float = 36.3
    incidence_deg_per_m: float = 6.0e-5

    def radar_coordinates(
        self, easting: Floats, northing: Floats, centre_m: tuple[float, float]
    ) -> tuple[Floats, Floats]:
        """Return metres along track from the first line of the first burst and metres from near range."""
        heading = np.deg2rad(self.heading_deg)
        offset_e, offset_n = easting - centre_m[0], northing - centre_m[1]
        along = offset_e * np.sin(heading) + offset_n * np.cos(heading) + TRACK_LENGTH_M / 2
        across = offset_e * np.cos(heading) - offset_n * np.sin(heading) + SWATH_WIDTH_M / 2
        return along, across

    def map_coordinates(self, along: Floats, across: Floats, centre_m: tuple[float, float]) -> tuple[Floats, Floats]:
        """Invert :meth:`radar_coordinates`."""
        heading = np.deg2rad(self.heading_deg)
        along, across = along - TRACK_LENGTH_M / 2, across - SWATH_WIDTH_M / 2
        return (centre_m[0] + along * np.sin(heading) + across * np.cos(heading),
                centre_m[1] + along * np.cos(heading) - across * np.sin(heading))  # fmt: skip

    def angles_deg(self, across: Floats) -> tuple[Floats, Floats]:
        """Return incidence and track angle; the latter drifts by a few hundredths of a degree, as in real files."""
        return (self.near_incidence_deg + self.incidence_deg_per_m * across,
                self.heading_deg + 7e-7 * (across - SWATH_WIDTH_M / 2))  # fmt: skip


TRACKS: Final = (
    Track(117, "ascending", (251, 252), -9.6, np.datetime64("2020-01-03")),
    Track(22, "descending", (821, 822), 190.9, np.datetime64("2020-01-08")),
)


def acquisitions(track: Track, count: int, rng: np.random.Generator) -> Epochs:
    """Return ``count`` dates: every 12 days, every 6 while both satellites flew, one in twenty-five missing."""
    days = track.first_day + np.arange(0, 12 * (count + count // 8 + 8), 6)
    index = np.arange(days.size)
    kept = (index % 2 == 0) | ((days >= _BOTH_SATELLITES_FROM) & (days < _SENTINEL1B_LOST))
    kept &= (rng.random(days.size) > 0.04) | (index == 0)
    return np.asarray(days[kept][:count], dtype="datetime64[ns]")


def flicker_transfer(epochs: Epochs, sigma_mm: float) -> NDArray[np.float32]:
    """Return T with T w = flicker noise at ``epochs`` for white w on a 6-day grid; sigma in mm / yr^(1/4).

    Fractional differencing h_j = h_(j-1) (j - 1/2) / j for 1/f noise (Kasdin 1995), scaled by dt^(1/4)
    (Williams 2003).
    """
    position = np.rint((epochs - epochs[0]) / np.timedelta64(6, "D")).astype(np.int64)
    lag = np.arange(1, position[-1] + 1)
    response = np.concatenate([[1.0], np.cumprod((lag - 0.5) / lag)])
    transfer = toeplitz(response, np.zeros_like(response))[position]
    return np.asarray(sigma_mm * (6.0 / 365.25) ** 0.25 * transfer, dtype=np.float32)


def wave_numbers(rng: np.random.Generator, length_m: float, count: int = 96) -> Floats:
    """Draw plane waves, shape (wave, 2) in rad/m, whose sum has the covariance exp(-r / length)."""
    # The spectrum of exp(-r / L) in the plane is a bivariate Cauchy law of scale 1 / L (Rahimi & Recht 2007).
    return np.asarray(rng.standard_normal((count, 2)) / np.abs(rng.standard_normal((count, 1))) / length_m)


def atmosphere(
    waves_per_m: Floats, offset_m: Floats, epochs: Epochs, origin: np.datetime64, seed: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return delay [epoch, point] in mm; two bursts of one pass see the same air where they overlap."""
    phase = (offset_m @ waves_per_m.T).astype(np.float32)
    basis = np.concatenate([np.cos(phase), np.sin(phase)], axis=1) / np.float32(np.sqrt(len(waves_per_m)))
    weather = np.empty((epochs.size, basis.shape[1]), dtype=np.float32)
    for row, day in enumerate(((epochs - origin) / np.timedelta64(1, "D")).astype(int)):
        air = np.random.default_rng((*seed, int(day)))  # a function of the day, whichever burst asks
        weather[row] = air.lognormal(np.log(1.5), 0.35) * air.standard_normal(basis.shape[1])
    return np.asarray(weather @ basis.T)


def point_attributes(
    track: Track, motion: TrueMotion, easting: Floats, northing: Floats, height: Floats, *, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Return the L2a columns that do not need the series, with the decimals that EGMS prints."""
    longitude, latitude = Transformer.from_crs("EPSG:3035", "EPSG:4258", always_xy=True).transform(easting, northing)
    _, across = track.radar_coordinates(easting, northing, motion.centre_m)
    incidence, angle = track.angles_deg(across)
    sight = from_angles(incidence, angle)
    distributed = rng.random(easting.size) < 0.15
    area = np.rint(rng.gamma(2.0, 1_500.0, easting.size) + 200.0)
    return {
        "cluster_label": np.zeros(easting.size, dtype=np.int64),
        "mp_type": np.where(distributed, area, 0.0),
        "latitude": np.round(latitude, 6), "longitude": np.round(longitude, 6),
        "easting": np.round(easting, 2), "northing": np.round(northing, 2),
        "height": np.round(height, 1), "height_wgs84": np.round(height + _GEOID_UNDULATION_M, 1),
        "amplitude_dispersion": np.round(np.clip(rng.gamma(9.0, 0.035, easting.size), 0.08, 0.7), 2),
        "incidence_angle": np.round(incidence, 2), "track_angle": np.round(angle, 2),
        "los_east": np.round(sight[:, 0], 3), "los_north": np.round(sight[:, 1], 3),
        "los_up": np.round(sight[:, 2], 3),
    }  # fmt: skip


def zero_at_first_epoch(displacement_mm: NDArray[np.float32], years: Floats) -> NDArray[np.float32]:
    """Shift every series so that its cubic plus seasonal model vanishes at the first date, and round to 0.1 mm."""
    turn = 2 * np.pi * years
    design = np.column_stack([years**3, years**2, years, np.ones_like(years), np.cos(turn), np.sin(turn)])
    at_start = (design[0] @ np.linalg.pinv(design)).astype(np.float32) @ displacement_mm
    # Adding zero turns the -0.0 that rounding leaves into 0.0.
    return np.ascontiguousarray(np.round(displacement_mm - at_start, 1) + np.float32(0.0))

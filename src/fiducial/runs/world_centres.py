"""What the analysis centres of a simulated world get wrong: frames, noise, clocks, and which satellite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.runs.world_options import WorldOptions
from fiducial.runs.world_truth import Floats

_ROTATION_MAS: Final = 0.05
_DAILY_ROTATION_MAS: Final = 0.015
_TRANSLATION_M: Final = 2e-3
_SCALE: Final = 2e-10
_BAD_M: Final = (0.35, 0.6)


@dataclass(frozen=True)
class Centre:
    """One analysis centre.

    Attributes
    ----------
    index : int
    name : str
        Three characters.
    rotation_rad : ndarray, shape (day, 3)
        From the centre to the truth, of its stations and its orbits alike; position-vector signs.
    translation_m : ndarray, shape (day, 3)
        Of its stations, to the truth.
    scale : ndarray, shape (day,)
        Of its stations, to the truth.
    orbit_sigma_m : float
        RMS of a coordinate of the smooth errors of its orbits.
    station_factor : float
        Of the standard deviations of its stations.
    radial_bias_m : float
        Its orbits are so much too high.
    system_bias_s : dict of str to float
        Of its clocks, by constellation.
    bad_satellite : str
        Whose orbit is wrong by decimetres; empty with all centres but one.
    bad_size_m : float
    """

    index: int
    name: str
    rotation_rad: Floats
    translation_m: Floats
    scale: Floats
    orbit_sigma_m: float
    station_factor: float
    radial_bias_m: float
    system_bias_s: dict[str, float]
    bad_satellite: str
    bad_size_m: float

    def helmert(self, day: int) -> Floats:
        """Return T [m], scale, R [rad] from its stations to the truth, shape (7,)."""
        return np.array([*self.translation_m[day], self.scale[day], *self.rotation_rad[day]])


def satellite_names(count: int) -> tuple[str, ...]:
    """Return half GPS, half Galileo satellites, GPS one more."""
    gps = count - count // 2
    return (*(f"G{k + 1:02d}" for k in range(gps)), *(f"E{k + 1:02d}" for k in range(count - gps)))


def make_centres(options: WorldOptions) -> tuple[Centre, ...]:
    """Draw all centres; a pure function of the options. The second one has the bad satellite."""
    found = []
    for index in range(options.centres):
        rng = np.random.default_rng((options.seed, 5, index))
        own, daily = rng.normal(0.0, _ROTATION_MAS, 3), rng.normal(0.0, _DAILY_ROTATION_MAS, (options.days, 3))
        translation = rng.normal(0.0, _TRANSLATION_M, 3) + rng.normal(0.0, 0.3 * _TRANSLATION_M, (options.days, 3))
        scale = rng.normal(0.0, _SCALE) + rng.normal(0.0, 0.2 * _SCALE, options.days)
        satellites = satellite_names(options.satellites)
        found.append(Centre(
            index=index, name=f"S{np.base_repr(index + 1, 36):0>2}",
            rotation_rad=(own + daily) * MILLIARCSECOND_RAD, translation_m=translation, scale=scale,
            orbit_sigma_m=float(rng.uniform(0.006, 0.014)), station_factor=float(rng.uniform(0.8, 1.4)),
            radial_bias_m=float(rng.normal(0.0, 0.002)),
            system_bias_s={"G": 0.0, "E": float(rng.normal(0.0, 5e-9))},
            bad_satellite=satellites[int(rng.integers(len(satellites)))] if index == 1 else "",
            bad_size_m=float(rng.uniform(*_BAD_M)),
        ))  # fmt: skip
    return tuple(found)


def rotations_of(centres: tuple[Centre, ...]) -> NDArray[np.float64]:
    """Return rotations to the truth, shape (centre, day, 3), rad."""
    return np.stack([centre.rotation_rad for centre in centres])

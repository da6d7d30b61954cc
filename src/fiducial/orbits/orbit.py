"""Orbits and clocks as arrays: what the formats give and the combination takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError

Array = NDArray[np.float64]
Epochs = NDArray[np.datetime64]

CONSTELLATIONS: Final = {
    "G": "GPS", "R": "GLONASS", "E": "Galileo", "C": "BeiDou", "J": "QZSS", "I": "NavIC", "S": "SBAS", "L": "LEO",
}  # fmt: skip
"""Letters of RINEX and SP3, in the order in which tables and files list them."""

_RANK: Final = {letter: rank for rank, letter in enumerate(CONSTELLATIONS)}


class RecordFlag(IntFlag):
    """Flags of a satellite at an epoch (SP3-d columns 75, 76, 79, 80)."""

    CLOCK_EVENT = 1
    CLOCK_PREDICTED = 2
    MANOEUVRE = 4
    ORBIT_PREDICTED = 8


def satellite_order(satellite: str) -> tuple[int, str]:
    """Return the sorting key of a satellite: GPS, GLONASS, Galileo, BeiDou, QZSS, others; then by number.

    Examples
    --------
    >>> sorted(["E02", "G17", "R01", "G03"], key=satellite_order)
    ['G03', 'G17', 'R01', 'E02']
    """
    return _RANK.get(satellite[:1], len(_RANK)), satellite


@dataclass(frozen=True, slots=True, eq=False)
class Orbit:
    """Positions and clocks of satellites, Earth-fixed.

    Attributes
    ----------
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
        Increasing, GPS time.
    satellites : tuple of str
        ``G01`` ..., in the order of :func:`satellite_order`, each once.
    position_m : ndarray, shape (epoch, satellite, 3)
        Earth-fixed x y z of the centre of mass, NaN where missing.
    clock_s : ndarray, shape (epoch, satellite)
        Satellite clock minus system time, NaN where missing.
    frame : str
        Name of the terrestrial frame as IGS and ITRF spell it (``IGS20``); empty when the file does not say it in full.
    position_sigma_m : ndarray, shape (epoch, satellite, 3), or None
        Standard deviation of a record, NaN where not stated.
    clock_sigma_s : ndarray, shape (epoch, satellite), or None
    flags : ndarray of uint8, shape (epoch, satellite), or None
        Bits of :class:`RecordFlag`.
    accuracy_m : mapping of satellite to float
        Accuracy of a satellite's orbit, one standard deviation; a satellite of unknown accuracy is absent.
    velocity_m_per_s : ndarray, shape (epoch, satellite, 3), or None
        Earth-fixed velocity.
    clock_rate : ndarray, shape (epoch, satellite), or None
        Seconds per second.
    """

    epochs_gps: Epochs
    satellites: tuple[str, ...]
    position_m: Array
    clock_s: Array
    frame: str = ""
    position_sigma_m: Array | None = None
    clock_sigma_s: Array | None = None
    flags: NDArray[np.uint8] | None = None
    accuracy_m: Mapping[str, float] = field(default_factory=dict)
    velocity_m_per_s: Array | None = None
    clock_rate: Array | None = None

    def __post_init__(self) -> None:
        shape = (self.epochs_gps.size, len(self.satellites))
        arrays = (
            ("position_m", self.position_m, (*shape, 3)),
            ("clock_s", self.clock_s, shape),
            ("position_sigma_m", self.position_sigma_m, (*shape, 3)),
            ("clock_sigma_s", self.clock_sigma_s, shape),
            ("flags", self.flags, shape),
            ("velocity_m_per_s", self.velocity_m_per_s, (*shape, 3)),
            ("clock_rate", self.clock_rate, shape),
        )
        for name, array, wanted in arrays:
            if array is not None and array.shape != wanted:
                raise _malformed(f"{name} has shape {array.shape}, epochs and satellites want {wanted}")
        _check_axes(self.epochs_gps, self.satellites)

    @property
    def interval_s(self) -> float:
        """Most frequent step between epochs, seconds; NaN for a single epoch."""
        return most_frequent_step_s(self.epochs_gps)

    def without(self, satellites: Sequence[str]) -> Orbit:
        """Return the orbit without some satellites; names that it does not have are overlooked."""
        column = np.array([k for k, name in enumerate(self.satellites) if name not in satellites], dtype=np.intp)
        if column.size == len(self.satellites):
            return self
        kept = tuple(self.satellites[k] for k in column)
        return Orbit(
            epochs_gps=self.epochs_gps,
            satellites=kept,
            position_m=self.position_m[:, column],
            clock_s=self.clock_s[:, column],
            frame=self.frame,
            position_sigma_m=None if self.position_sigma_m is None else self.position_sigma_m[:, column],
            clock_sigma_s=None if self.clock_sigma_s is None else self.clock_sigma_s[:, column],
            flags=None if self.flags is None else self.flags[:, column],
            accuracy_m={name: value for name, value in self.accuracy_m.items() if name in kept},
            velocity_m_per_s=None if self.velocity_m_per_s is None else self.velocity_m_per_s[:, column],
            clock_rate=None if self.clock_rate is None else self.clock_rate[:, column],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Clocks:
    """Clocks of satellites and stations on one list of epochs.

    Attributes
    ----------
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
        Increasing, GPS time.
    satellites : tuple of str
        In the order of :func:`satellite_order`.
    bias_s : ndarray, shape (epoch, satellite)
        Satellite clock minus system time, NaN where missing.
    sigma_s : ndarray, shape (epoch, satellite)
        NaN where not stated.
    stations : tuple of str
        Names of receivers, sorted.
    station_bias_s, station_sigma_s : ndarray, shape (epoch, station)
        Receiver clock minus system time, and its standard deviation.
    """

    epochs_gps: Epochs
    satellites: tuple[str, ...]
    bias_s: Array
    sigma_s: Array
    stations: tuple[str, ...] = ()
    station_bias_s: Array | None = None
    station_sigma_s: Array | None = None

    def __post_init__(self) -> None:
        shape = (self.epochs_gps.size, len(self.satellites))
        at_stations = (self.epochs_gps.size, len(self.stations))
        arrays = (
            ("bias_s", self.bias_s, shape),
            ("sigma_s", self.sigma_s, shape),
            ("station_bias_s", self.station_bias_s, at_stations),
            ("station_sigma_s", self.station_sigma_s, at_stations),
        )
        for name, array, wanted in arrays:
            if array is not None and array.shape != wanted:
                raise _malformed(f"{name} has shape {array.shape}, epochs and names want {wanted}")
        _check_axes(self.epochs_gps, self.satellites)

    @property
    def interval_s(self) -> float:
        """Most frequent step between epochs, seconds; NaN for a single epoch."""
        return most_frequent_step_s(self.epochs_gps)


def most_frequent_step_s(epochs: Epochs) -> float:
    """Return the most frequent step of increasing epochs, seconds; NaN for a single epoch."""
    if epochs.size < 2:
        return float("nan")
    steps, counts = np.unique(np.diff(epochs), return_counts=True)
    return float(steps[np.argmax(counts)] / np.timedelta64(1, "s"))


def _check_axes(epochs_gps: Epochs, satellites: tuple[str, ...]) -> None:
    if tuple(sorted(set(satellites), key=satellite_order)) != satellites:
        raise _malformed("satellites are not in order, or one stands twice")
    if np.any(np.isnat(epochs_gps)) or np.any(np.diff(epochs_gps) <= np.timedelta64(0, "ns")):
        raise _malformed("epochs do not increase")


def _malformed(problem: str) -> InputError:
    fix = "give arrays of one list of epochs and satellites"
    return InputError("FID-1200", problem, where="orbit or clocks", fix=fix)

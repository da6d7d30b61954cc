"""What the comparison of two orbit products gives: numbers by satellite and constellation, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.orbits.clock_comparison import ClockComparison, iso, or_none
from fiducial.orbits.orbit import Array, Epochs

_PARAMETER_UNITS: Final = (
    ("tx_mm", 1e-3), ("ty_mm", 1e-3), ("tz_mm", 1e-3), ("scale_ppb", 1e-9),
    ("rx_uas", 1e-3 * MILLIARCSECOND_RAD), ("ry_uas", 1e-3 * MILLIARCSECOND_RAD), ("rz_uas", 1e-3 * MILLIARCSECOND_RAD),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DifferenceRms:
    """RMS of position differences, metres.

    Attributes
    ----------
    coordinate_m : float
        "1-D": root of the mean square of all coordinates.
    distance_m : float
        "3-D": root of the mean square distance, sqrt(3) times ``coordinate_m``.
    radial_m, along_m, cross_m : float
        Components in the inertial orbital frame of the second orbit; NaN where a satellite has a single epoch.
    largest_m : float
        Largest distance.
    """

    coordinate_m: float
    distance_m: float
    radial_m: float
    along_m: float
    cross_m: float
    largest_m: float

    def to_dict(self) -> dict[str, float | None]:
        """Return plain numbers, None where there is none."""
        return {
            "coordinate_rms_m": or_none(self.coordinate_m),
            "distance_rms_m": or_none(self.distance_m),
            "radial_rms_m": or_none(self.radial_m),
            "along_rms_m": or_none(self.along_m),
            "cross_rms_m": or_none(self.cross_m),
            "largest_distance_m": or_none(self.largest_m),
        }


@dataclass(frozen=True, slots=True)
class OrbitStatistics:
    """Position differences of a satellite, a constellation or all.

    Attributes
    ----------
    name : str
        ``G01``, the letter of a constellation, or ``all``.
    records : int
        Positions that both have.
    records_only_first, records_only_second : int
        Positions at common epochs that only one has.
    raw : DifferenceRms
        As the files give them.
    aligned : DifferenceRms
        After the similarity; NaN where none could be fitted.
    """

    name: str
    records: int
    records_only_first: int
    records_only_second: int
    raw: DifferenceRms
    aligned: DifferenceRms

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers."""
        return {
            "name": self.name,
            "records": self.records,
            "records_only_first": self.records_only_first,
            "records_only_second": self.records_only_second,
            "raw": self.raw.to_dict(),
            "aligned": self.aligned.to_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class SimilarityOfOrbits:
    """Robust similarity that takes the first orbit to the second.

    Attributes
    ----------
    group : str
        ``all`` or the letter of a constellation.
    records : int
    parameters : ndarray, shape (7,)
        Tx, Ty, Tz [m], scale, Rx, Ry, Rz [rad], position-vector signs: second = first + T + s first + R first.
    sigmas : ndarray, shape (7,)
        Formal, scaled by the residuals; records count as independent, which consecutive epochs are not.
    """

    group: str
    records: int
    parameters: Array
    sigmas: Array

    def to_dict(self) -> dict[str, object]:
        """Return parameters and sigmas in mm, ppb and microarcseconds."""
        result: dict[str, object] = {"group": self.group, "records": self.records}
        for (name, unit), value, sigma in zip(_PARAMETER_UNITS, self.parameters, self.sigmas, strict=True):
            result[name] = float(value) / unit
            result[f"sigma_{name}"] = float(sigma) / unit
        return result


@dataclass(frozen=True, slots=True, eq=False)
class OrbitComparison:
    """Two orbit products at their common epochs; every difference is first - second.

    Attributes
    ----------
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
        Common epochs.
    satellites : tuple of str
        Common satellites, in order.
    difference_m : ndarray, shape (epoch, satellite, 3)
        Radial, along-track, cross-track differences as given; NaN where there is none.
    aligned_difference_m : ndarray, shape (epoch, satellite, 3)
        The same after the similarity.
    satellites_only_first, satellites_only_second : tuple of str
        Satellites with a position at a common epoch in one product only.
    epochs_only_first, epochs_only_second : int
    per_satellite, per_constellation : tuple of OrbitStatistics
    total : OrbitStatistics
    similarities : tuple of SimilarityOfOrbits
        One for all, or one a constellation.
    clocks : ClockComparison or None
        None when there is nothing to compare.
    notes : tuple of str
        What could not be checked or computed.
    """

    epochs_gps: Epochs
    satellites: tuple[str, ...]
    difference_m: Array
    aligned_difference_m: Array
    satellites_only_first: tuple[str, ...]
    satellites_only_second: tuple[str, ...]
    epochs_only_first: int
    epochs_only_second: int
    per_satellite: tuple[OrbitStatistics, ...]
    per_constellation: tuple[OrbitStatistics, ...]
    total: OrbitStatistics
    similarities: tuple[SimilarityOfOrbits, ...]
    clocks: ClockComparison | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers and lists of records, ready for JSON; arrays are left out."""
        return {
            "sign": "first - second",
            "first_epoch_gps": iso(self.epochs_gps[0]),
            "last_epoch_gps": iso(self.epochs_gps[-1]),
            "common_epochs": int(self.epochs_gps.size),
            "epochs_only_first": self.epochs_only_first,
            "epochs_only_second": self.epochs_only_second,
            "satellites_only_first": list(self.satellites_only_first),
            "satellites_only_second": list(self.satellites_only_second),
            "total": self.total.to_dict(),
            "constellations": [row.to_dict() for row in self.per_constellation],
            "satellites": [row.to_dict() for row in self.per_satellite],
            "similarities": [fit.to_dict() for fit in self.similarities],
            "clocks": None if self.clocks is None else self.clocks.to_dict(),
            "notes": list(self.notes),
        }

"""Difference of two sets of satellite clocks: datum per epoch and constellation, constants per satellite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.robust import MAD_TO_SIGMA
from fiducial.orbits.orbit import CONSTELLATIONS, Array, Epochs

_SWEEPS: Final = 50
_CLIP: Final = 5.0
"""Differences beyond this many robust sigmas have no say in datum and constants, but stay in every RMS."""


@dataclass(frozen=True, slots=True)
class ClockStatistics:
    """Clock differences of one satellite or constellation, after the datum of every epoch.

    Attributes
    ----------
    name : str
        ``G01``, or the letter of a constellation.
    records : int
        Differences in the numbers.
    rms_s : float
        RMS with the constants of the satellites left in.
    rms_without_constants_s : float
        RMS after one constant per satellite.
    rms_within_threshold_s : float
        The same over the records that do not stand out.
    standing_out : int
        Records whose difference without constant exceeds the threshold.
    constant_s : float
        Constant of the satellite, first minus second; NaN for a constellation.
    """

    name: str
    records: int
    rms_s: float
    rms_without_constants_s: float
    rms_within_threshold_s: float
    standing_out: int
    constant_s: float = float("nan")

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers; None where there is none."""
        return {
            "name": self.name,
            "records": self.records,
            "rms_s": or_none(self.rms_s),
            "rms_without_constants_s": or_none(self.rms_without_constants_s),
            "rms_within_threshold_s": or_none(self.rms_within_threshold_s),
            "standing_out": self.standing_out,
            "constant_s": or_none(self.constant_s),
        }


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """A clock record whose difference stands out, after datum and constant."""

    satellite: str
    epoch_gps: np.datetime64
    difference_s: float

    def to_dict(self) -> dict[str, object]:
        """Return plain values; the epoch as ISO 8601, GPS time."""
        return {"satellite": self.satellite, "epoch_gps": iso(self.epoch_gps), "difference_s": self.difference_s}


@dataclass(frozen=True, slots=True, eq=False)
class ClockComparison:
    """Clocks of two products, difference = first - second.

    Attributes
    ----------
    satellites, constellations : tuple of ClockStatistics
    standing_out : tuple of ClockRecord
        Every record beyond the threshold, largest first.
    threshold_s : float
    datum_s : dict of str to ndarray, shape (epoch,)
        First minus second time scale by constellation, at the common epochs; NaN where fewer than two satellites are.
    difference_s : ndarray, shape (epoch, satellite)
        Differences after datum and constant; NaN where there is none.
    radial_correction : bool
        Whether the first clocks were reduced to the second orbits.
    """

    satellites: tuple[ClockStatistics, ...]
    constellations: tuple[ClockStatistics, ...]
    standing_out: tuple[ClockRecord, ...]
    threshold_s: float
    datum_s: dict[str, Array]
    difference_s: Array
    radial_correction: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return plain numbers and lists of records; arrays are left out."""
        datum = [
            {
                "constellation": letter,
                "mean_s": or_none(float(np.nanmean(values))),
                "standard_deviation_s": or_none(float(np.nanstd(values))),
            }
            for letter, values in self.datum_s.items()
            if np.any(np.isfinite(values))
        ]
        return {
            "threshold_s": self.threshold_s,
            "radial_correction": self.radial_correction,
            "datum": datum,
            "constellations": [row.to_dict() for row in self.constellations],
            "satellites": [row.to_dict() for row in self.satellites],
            "standing_out": [record.to_dict() for record in self.standing_out],
        }


def compare_clocks(
    difference_s: Array,
    epochs_gps: Epochs,
    satellites: tuple[str, ...],
    *,
    threshold_s: float = 5e-11,
) -> ClockComparison | None:
    """Compare clocks after one datum per epoch and constellation.

    Parameters
    ----------
    difference_s : ndarray, shape (epoch, satellite)
        First minus second clock, NaN where one is missing.
    epochs_gps : ndarray of datetime64, shape (epoch,)
    satellites : tuple of str
    threshold_s : float
        Differences of a larger size after datum and constant are listed.

    Returns
    -------
    ClockComparison or None
        None when no epoch has two satellites of one constellation: a datum then takes the whole difference.

    Raises
    ------
    InputError
        FID-1214 when the threshold is not above zero.

    Notes
    -----
    Datum: mean over the satellites of the constellation, without those beyond five robust sigmas. With constants,
    datum and constants are found together (alternating, so that a satellite that comes or goes moves no datum); the
    mean constant of a constellation is zero. An epoch with one satellite of a constellation tells nothing and is left
    out.
    """
    if not threshold_s > 0.0:
        raise InputError(
            "FID-1214",
            f"the threshold of clock records is {threshold_s} s",
            where="comparison of clocks",
            fix="give seconds above zero, such as 5e-11",
        )
    with_constants = np.full(difference_s.shape, np.nan)
    without = np.full(difference_s.shape, np.nan)
    constants = np.full(len(satellites), np.nan)
    datum: dict[str, Array] = {}
    for letter in CONSTELLATIONS:
        columns = _members(satellites, letter)
        block = difference_s[:, columns]
        block = np.where((np.isfinite(block).sum(axis=1) > 1)[:, None], block, np.nan)
        if not np.any(np.isfinite(block)):
            continue
        with_constants[:, columns] = block - _clipped_mean(block, axis=1)[:, None]
        datum[letter], constants[columns] = _datum_and_constants(block)
        without[:, columns] = block - datum[letter][:, None] - constants[columns]
    if not datum:
        return None
    out = np.abs(np.nan_to_num(without)) > threshold_s
    every = tuple(
        _statistics(name, np.array([i]), float(constants[i]), (with_constants, without, out))
        for i, name in enumerate(satellites)
    )
    groups = tuple(
        _statistics(letter, _members(satellites, letter), float("nan"), (with_constants, without, out))
        for letter in datum
    )
    epoch, satellite = np.nonzero(out)
    order = np.argsort(-np.abs(without[epoch, satellite]), kind="stable")
    records = tuple(
        ClockRecord(satellites[s], epochs_gps[e], float(without[e, s]))
        for e, s in zip(epoch[order], satellite[order], strict=True)
    )
    kept = tuple(row for row in every if row.records)
    return ClockComparison(kept, groups, records, threshold_s, datum, without)


def _members(satellites: tuple[str, ...], letter: str) -> NDArray[np.intp]:
    return np.array([i for i, name in enumerate(satellites) if name.startswith(letter)], dtype=np.intp)


def _statistics(
    name: str, columns: NDArray[np.intp], constant: float, parts: tuple[Array, Array, NDArray[np.bool_]]
) -> ClockStatistics:
    """Numbers of some satellites from differences with constants, without them, and what stands out."""
    plain, reduced, standing = parts[0][:, columns], parts[1][:, columns], parts[2][:, columns]
    return ClockStatistics(
        name,
        int(np.isfinite(reduced).sum()),
        rms(plain),
        rms(reduced),
        rms(reduced[~standing]),
        int(standing.sum()),
        constant,
    )


def _datum_and_constants(block: Array) -> tuple[Array, Array]:
    """Datum of every epoch and constant of every satellite, alternating; medians first, then clipped means."""
    constants = np.zeros(block.shape[1])
    datum = np.zeros(block.shape[0])
    scale = float(np.nanmax(np.abs(block - _masked_median(block, 1)[:, None]))) + 1e-18
    for sweep in range(_SWEEPS):
        centre = _masked_median if sweep < 5 else _clipped_mean
        datum = centre(block - constants, 1)
        step = centre(block - datum[:, None] - constants, 0)
        step -= np.nanmean(step)
        constants = constants + np.nan_to_num(step)
        if sweep > 5 and float(np.nanmax(np.abs(step))) < 1e-9 * scale:
            break
    constants[~np.isfinite(block).any(axis=0)] = np.nan
    # Satellites without a record have no constant; those with one share the zero mean.
    constants -= np.nanmean(constants)
    return _clipped_mean(block - constants, 1), constants


def _masked_median(block: Array, axis: int) -> Array:
    """Median of the finite values; NaN for a row without any."""
    ordered = np.moveaxis(np.sort(block, axis=axis), axis, 0)
    count = np.isfinite(ordered).sum(axis=0)
    lower, upper = np.maximum(count - 1, 0) // 2, count // 2
    pick = np.arange(ordered.shape[1])
    median: Array = 0.5 * (ordered[lower, pick] + ordered[np.minimum(upper, len(ordered) - 1), pick])
    return median


def _clipped_mean(block: Array, axis: int) -> Array:
    """Mean of the values within five robust sigmas of the median; NaN for a row without any."""
    away = np.abs(block - np.expand_dims(_masked_median(block, axis), axis))
    sigma = MAD_TO_SIGMA * _masked_median(away, axis)
    kept = away <= _CLIP * np.expand_dims(sigma, axis)
    count = kept.sum(axis=axis)
    total = np.where(kept, block, 0.0).sum(axis=axis)
    mean: Array = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def rms(values: Array) -> float:
    """Return the root of the mean square of the finite values; NaN when there are none."""
    finite = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(finite**2))) if finite.size else float("nan")


def or_none(value: float) -> float | None:
    """Return a number that JSON can hold: None for NaN and infinity."""
    return value if np.isfinite(value) else None


def iso(epoch: np.datetime64) -> str:
    """Return an epoch as ISO 8601 to the second."""
    return str(epoch.astype("datetime64[s]"))

"""The combination of one day's orbits: from a stack of centres to one orbit with its deviations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.orbits.estimation import Estimate
from fiducial.orbits.moments import DayMoments, day_moments, helmert_displacement
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.orbit import Orbit
from fiducial.orbits.rejection import Cleaned, reject_outliers
from fiducial.orbits.screening import Exclusion, screen
from fiducial.orbits.stack import OrbitStack, median_of_centres
from fiducial.orbits.weights import cap_shares

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_COMPLETE: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class PreparedDay:
    """A day screened and reduced to its moments: what every subset of its centres is combined from.

    Attributes
    ----------
    stack : OrbitStack
        Positions that were screened out are NaN.
    weighted : ndarray of bool, shape (centre, satellite)
        Centres that shall be combined, the others are compared.
    reference_m : ndarray, shape (epoch, satellite, 3)
        Median of the weighted centres; deviations and Helmert displacements refer to it.
    moments : DayMoments
    groups : tuple of str
        Names of the groups of satellites that share a weight.
    group_of : ndarray of int, shape (satellite,)
    exclusions : tuple of Exclusion
        Of the screening.
    """

    stack: OrbitStack
    weighted: Mask
    reference_m: Array
    moments: DayMoments
    groups: tuple[str, ...]
    group_of: NDArray[np.intp]
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OrbitCombination:
    """The combined orbit and everything the report tells about it.

    Attributes
    ----------
    orbit : Orbit
        Combined positions; ``position_sigma_m`` is the standard deviation of the mean's records from the scatter of
        the centres, NaN with one centre; ``accuracy_m`` from the RMS of the centres; no clocks.
    day : PreparedDay
    cleaned : Cleaned
        Which centre took part for which satellite, parameters, weights, RMS, exclusions.
    share : ndarray, shape (centre, satellite)
        Mean share of a centre in the combined positions of a satellite.
    """

    orbit: Orbit
    day: PreparedDay
    cleaned: Cleaned
    share: Array

    @property
    def estimate(self) -> Estimate:
        """Parameters, weights and RMS."""
        return self.cleaned.estimate

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """All exclusions: of the screening, then of the combination."""
        return (*self.day.exclusions, *self.cleaned.exclusions)


def prepare_day(
    stack: OrbitStack,
    compared: Sequence[str],
    options: CombinationOptions,
    *,
    blocks: Mapping[str, str] | None = None,
    manoeuvres: Mapping[str, np.datetime64] | None = None,
) -> PreparedDay:
    """Screen a stack of orbits and form its moments.

    Parameters
    ----------
    stack : OrbitStack
        Already turned into the common frame, if rotations are applied at all.
    compared : sequence of str
        Centres that are compared but not weighted.
    options : CombinationOptions
    blocks : mapping of satellite to block, optional
        Needed for weights by block.
    manoeuvres : mapping of satellite to datetime64, optional
        Begin of the first manoeuvre of a satellite, GPS time.

    Raises
    ------
    InputError
        FID-1204 when no centre is left to combine; FID-1205 when weights by block are asked for and a block is unknown.
    """
    weighted = np.array([[name not in compared] * len(stack.satellites) for name in stack.centres])
    if not np.isfinite(stack.position_m[weighted.any(axis=1)][..., 0]).any():
        raise InputError(
            "FID-1204",
            "no centre with positions is left to be combined",
            where=", ".join(stack.centres) or "no centre",
            fix="give at least one orbit file that is not compared only",
        )
    screening = screen(stack, weighted, options, manoeuvres)
    position = np.where(screening.usable[..., None], stack.position_m, np.nan)
    reference, _ = median_of_centres(np.where(weighted[:, None, :, None], position, np.nan))
    groups, group_of = _groups(stack.satellites, options, blocks)
    clean = replace(stack, position_m=position)
    moments = day_moments(stack.centres, stack.satellites, position, reference)
    return PreparedDay(clean, weighted, reference, moments, groups, group_of, screening.exclusions)


def _groups(
    satellites: tuple[str, ...], options: CombinationOptions, blocks: Mapping[str, str] | None
) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    if options.weights_by == "block":
        unknown = [name for name in satellites if name not in (blocks or {})]
        if unknown:
            raise InputError(
                "FID-1205",
                "weights by block need the block of every satellite",
                where=", ".join(unknown),
                fix="give the satellite metadata of that day with --metadata, or weigh by constellation",
            )
        names = [(blocks or {})[name] for name in satellites]
    elif options.weights_by == "satellite":
        names = list(satellites)
    elif options.weights_by == "centre":
        names = ["all"] * len(satellites)
    else:
        names = [name[0] for name in satellites]
    unique = tuple(dict.fromkeys(names))
    return unique, np.array([unique.index(name) for name in names], dtype=np.intp)


def combine_day(day: PreparedDay, options: CombinationOptions, weighted: Mask | None = None) -> OrbitCombination:
    """Combine a prepared day.

    Parameters
    ----------
    day : PreparedDay
    options : CombinationOptions
    weighted : ndarray of bool, shape (centre, satellite), optional
        Another choice of centres than that of the day.

    Raises
    ------
    InputError
        FID-1204 when every centre was rejected.
    """
    cleaned = reject_outliers(day.moments, day.weighted if weighted is None else weighted, day.group_of, options)
    if not (cleaned.weighted & (cleaned.estimate.records > 0)).any():
        raise InputError(
            "FID-1204",
            "every centre was rejected: they do not agree with each other",
            where=", ".join(day.stack.centres),
            fix="check that the files are of one day, frame and unit, or raise the limits",
        )
    orbit, share = _mean(day, cleaned, options)
    return OrbitCombination(orbit, day, cleaned, share)


def _mean(day: PreparedDay, cleaned: Cleaned, options: CombinationOptions) -> tuple[Orbit, Array]:
    stack, result = day.stack, cleaned.estimate
    letters = list(dict.fromkeys(name[0] for name in stack.satellites))
    constellation_of = [letters.index(name[0]) for name in stack.satellites]
    has = np.isfinite(stack.position_m[..., 0]) & (result.weight > 0)[:, None, :]
    shares = _record_shares(has, result.weight, options.share_limit)
    mean = np.zeros(stack.position_m.shape[1:])
    square = np.zeros_like(mean)
    moved = np.full(stack.position_m.shape, np.nan)
    for k in np.flatnonzero(has.any(axis=(1, 2))):
        shift = helmert_displacement(result.helmert[k][constellation_of], day.reference_m)
        # Deviations from the reference keep nanometres that a mean of 26 000 km would round away.
        moved[k] = np.where(has[k][..., None], stack.position_m[k] - day.reference_m + shift, 0.0)
        mean += shares[k][..., None] * moved[k]
    for k in np.flatnonzero(has.any(axis=(1, 2))):
        square += shares[k][..., None] * (moved[k] - mean) ** 2
    count = has.sum(axis=0)
    several = (count >= 2)[..., None]
    sigma = np.sqrt(np.divide(square, (count - 1)[..., None], out=np.full_like(square, np.nan), where=several))
    position = np.where((count > 0)[..., None], day.reference_m + mean, np.nan)
    covered = np.flatnonzero((count > 0).any(axis=0))
    number = np.maximum((count > 0).sum(axis=0), 1)
    share = shares.sum(axis=1) / number
    orbit = Orbit(
        epochs_gps=stack.epochs_gps,
        satellites=tuple(stack.satellites[s] for s in covered),
        position_m=position[:, covered],
        clock_s=np.full((stack.epochs_gps.size, covered.size), np.nan),
        position_sigma_m=sigma[:, covered],
        accuracy_m=_accuracies(stack.satellites, result, share, has),
    )
    return orbit, share


def _record_shares(has: Mask, weight: Array, limit: float) -> Array:
    """Shares of the centres in every record, shape (centre, epoch, satellite); computed once a set of centres."""
    centres = len(has)
    code = np.zeros(has.shape[1:], dtype=np.int64)
    for k in range(centres):
        code |= has[k].astype(np.int64) << k
    key = code * has.shape[2] + np.arange(has.shape[2])
    _, first, inverse = np.unique(key.ravel(), return_index=True, return_inverse=True)
    epoch, satellite = np.unravel_index(first, code.shape)
    rows = np.where(has[:, epoch, satellite], weight[:, satellite], 0.0).T
    capped, _ = cap_shares(rows, limit)
    return np.asarray(capped[inverse.ravel()].T.reshape(has.shape), dtype=np.float64)


def _accuracies(satellites: tuple[str, ...], result: Estimate, share: Array, has: Mask) -> dict[str, float]:
    """One standard deviation of a satellite's combined orbit; one that a single centre carries, or copies of one, has none."""
    found: dict[str, float] = {}
    epochs = has.shape[1]
    for s, name in enumerate(satellites):
        weights = np.where(np.isfinite(result.rms_m[:, s]), share[:, s], 0.0)
        n = int((weights > 0).sum())
        records = int(has[:, :, s].sum())
        if n <= 1 or records < _COMPLETE * 2 * epochs:
            continue
        square = float(np.sum(weights * np.nan_to_num(result.rms_m[:, s]) ** 2) / weights.sum())
        if square > 0.0:
            found[name] = float(np.sqrt(square / (n - 1)))
    return found

"""Comparison of two orbit products: positions in the orbital frame, similarity, clocks, coverage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import SPEED_OF_LIGHT_M_PER_S
from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.frames import parse_frame
from fiducial.geodesy.similarity import apply_similarity, fit_similarity
from fiducial.orbits.clock_comparison import compare_clocks, rms
from fiducial.orbits.comparison_results import DifferenceRms, OrbitComparison, OrbitStatistics, SimilarityOfOrbits
from fiducial.orbits.local_frame import radial_along_cross
from fiducial.orbits.orbit import CONSTELLATIONS, Array, Epochs, Orbit, satellite_order

SimilarityBy = Literal["all", "constellation"]


def compare_orbits(
    first: Orbit,
    second: Orbit,
    *,
    similarity_by: SimilarityBy = "all",
    clock_threshold_s: float = 5e-11,
    radial_correction: bool = False,
) -> OrbitComparison:
    """Compare two orbit products at the epochs that both have; nothing is interpolated.

    Parameters
    ----------
    first, second : Orbit
        Difference = first - second; the second is the reference of the orbital frame and of the similarity.
    similarity_by : {"all", "constellation"}
        One robust seven-parameter similarity for all satellites together, or one a constellation.
    clock_threshold_s : float
        Clock differences (after datum and constants) beyond this are listed.
    radial_correction : bool
        Reduce the first clocks to the second orbits, + (r2 - r1) . e_r / c, before comparing them.

    Raises
    ------
    InputError
        FID-1212 when no position is common; FID-1213 when the frames are known to differ; FID-1214 for a threshold
        that is not above zero; FID-1215 for an unknown ``similarity_by``.

    Notes
    -----
    Every record counts in every RMS; the similarity is robust, so that a satellite that one product has wrong does
    not bend it.
    """
    if similarity_by not in {"all", "constellation"}:
        problem, fix = f"no grouping {similarity_by!r} of similarities", "choose all or constellation"
        raise InputError("FID-1215", problem, where="comparison of orbits", fix=fix)
    notes = _compare_frames(first.frame, second.frame)
    pair = _pair(first, second)
    axes = _axes(second, pair)
    aligned, similarities, problems = _align(pair, similarity_by)
    raw = _Differences(pair.first_m - pair.second_m, axes)
    after = _Differences(aligned - pair.second_m, axes)
    clock_s = pair.first_clock_s - pair.second_clock_s
    if radial_correction:
        clock_s = clock_s - raw.local_m[..., 0] / SPEED_OF_LIGHT_M_PER_S
    clocks = compare_clocks(clock_s, pair.epochs_gps, pair.satellites, threshold_s=clock_threshold_s)
    in_first, in_second = _has_position(pair.first_m), _has_position(pair.second_m)
    shared = np.flatnonzero(np.any(in_first & in_second, axis=0))
    groups = _constellations(pair.satellites, shared)

    def row(name: str, columns: NDArray[np.intp]) -> OrbitStatistics:
        mine, other = in_first[:, columns], in_second[:, columns]
        counts = (int((mine & other).sum()), int((mine & ~other).sum()), int((other & ~mine).sum()))
        return OrbitStatistics(name, *counts, raw.rms(columns), after.rms(columns))

    return OrbitComparison(
        epochs_gps=pair.epochs_gps,
        satellites=tuple(pair.satellites[i] for i in shared),
        difference_m=raw.local_m[:, shared],
        aligned_difference_m=after.local_m[:, shared],
        satellites_only_first=_only(pair.satellites, in_first, in_second),
        satellites_only_second=_only(pair.satellites, in_second, in_first),
        epochs_only_first=first.epochs_gps.size - pair.epochs_gps.size,
        epochs_only_second=second.epochs_gps.size - pair.epochs_gps.size,
        per_satellite=tuple(row(pair.satellites[i], np.array([i])) for i in shared),
        per_constellation=tuple(row(letter, columns) for letter, columns in groups),
        total=row("all", np.arange(len(pair.satellites))),
        similarities=similarities,
        clocks=None if clocks is None else replace(clocks, radial_correction=radial_correction),
        notes=(*notes, *problems),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Both products at the common epochs, on the satellites of either."""

    epochs_gps: Epochs
    satellites: tuple[str, ...]
    first_m: Array
    second_m: Array
    first_clock_s: Array
    second_clock_s: Array


class _Differences:
    """Earth-fixed differences and their radial, along-track and cross-track components."""

    def __init__(self, difference_m: Array, axes: Array) -> None:
        self.difference_m = difference_m
        self.local_m: Array = np.einsum("esij,esj->esi", axes, difference_m)

    def rms(self, columns: NDArray[np.intp]) -> DifferenceRms:
        square = np.sum(self.difference_m[:, columns] ** 2, axis=2)
        square = square[np.isfinite(square)]
        mean, largest = (float(square.mean()), float(square.max())) if square.size else (np.nan, np.nan)
        radial, along, cross = (rms(self.local_m[:, columns, axis]) for axis in range(3))
        coordinate, distance = float(np.sqrt(mean / 3.0)), float(np.sqrt(mean))
        return DifferenceRms(coordinate, distance, radial, along, cross, float(np.sqrt(largest)))


def _compare_frames(first: str, second: str) -> tuple[str, ...]:
    """Refuse frames that are known to differ; return a note when they cannot be compared."""
    known = []
    for name, which in ((first, "first"), (second, "second")):
        if not name.strip():
            return (f"frame of the {which} orbit not stated: not checked that the frames agree",)
        try:
            known.append(parse_frame(name))
        except InputError:
            return (f"frame {name!r} of the {which} orbit unknown: not checked that the frames agree",)
    if known[0] != known[1]:
        raise InputError(
            "FID-1213",
            f"the orbits are in different frames, {first} and {second}",
            where="comparison of orbits",
            fix="transform one of them first, or compare products of one frame",
        )
    return ()


def _pair(first: Orbit, second: Orbit) -> _Pair:
    epochs, rows, others = np.intersect1d(first.epochs_gps, second.epochs_gps, return_indices=True)
    satellites = tuple(sorted({*first.satellites, *second.satellites}, key=satellite_order))
    position, clock = [], []
    for orbit, index in ((first, rows), (second, others)):
        columns = [satellites.index(name) for name in orbit.satellites]
        x = np.full((epochs.size, len(satellites), 3), np.nan)
        t = np.full((epochs.size, len(satellites)), np.nan)
        x[:, columns], t[:, columns] = orbit.position_m[index], orbit.clock_s[index]
        # A record with one coordinate missing is no position.
        x[np.isnan(x).any(axis=2)] = np.nan
        position.append(x)
        clock.append(t)
    if not np.any(np.isfinite(position[0] - position[1])):
        raise InputError(
            "FID-1212",
            "the orbits have no epoch in common" if epochs.size == 0 else "no satellite has a position in both orbits",
            where="comparison of orbits",
            fix="compare products of one day with common satellites; nothing is interpolated",
        )
    return _Pair(epochs, satellites, position[0], position[1], clock[0], clock[1])


def _axes(orbit: Orbit, pair: _Pair) -> Array:
    """Orbital frame of the second orbit, from all its epochs, at the common ones."""
    own = radial_along_cross(orbit.position_m, orbit.epochs_gps, orbit.velocity_m_per_s)
    axes = np.full((*pair.second_m.shape, 3), np.nan)
    columns = [pair.satellites.index(name) for name in orbit.satellites]
    axes[:, columns] = own[np.searchsorted(orbit.epochs_gps, pair.epochs_gps)]
    return axes


def _align(pair: _Pair, similarity_by: SimilarityBy) -> tuple[Array, tuple[SimilarityOfOrbits, ...], tuple[str, ...]]:
    """Take the first positions to the second ones; groups without a similarity become NaN."""
    everything = np.arange(len(pair.satellites))
    groups = [("all", everything)] if similarity_by == "all" else _constellations(pair.satellites, everything)
    aligned = np.full(pair.first_m.shape, np.nan)
    fits, problems = [], []
    for name, columns in groups:
        x1, x2 = pair.first_m[:, columns], pair.second_m[:, columns]
        both = _has_position(x1 - x2)
        if not np.any(both):
            continue
        try:
            fit = fit_similarity(x1[both], x2[both])
        except NumericsError as error:
            problems.append(f"no similarity for {name}: {error.problem}")
            continue
        aligned[:, columns] = apply_similarity(fit.parameters, x1)
        sigmas = np.sqrt(np.diag(fit.covariance))
        fits.append(SimilarityOfOrbits(name, int(both.sum()), fit.parameters, sigmas))
    return aligned, tuple(fits), tuple(problems)


def _has_position(position_m: Array) -> NDArray[np.bool_]:
    present: NDArray[np.bool_] = np.all(np.isfinite(position_m), axis=2)
    return present


def _constellations(satellites: tuple[str, ...], among: NDArray[np.intp]) -> list[tuple[str, NDArray[np.intp]]]:
    """Constellations of some satellites, each with all its satellites."""
    present = {satellites[i][0] for i in among}
    return [
        (letter, np.array([i for i, name in enumerate(satellites) if name[0] == letter]))
        for letter in CONSTELLATIONS
        if letter in present
    ]


def _only(satellites: tuple[str, ...], here: NDArray[np.bool_], there: NDArray[np.bool_]) -> tuple[str, ...]:
    alone: NDArray[np.bool_] = np.any(here, axis=0) & ~np.any(there, axis=0)
    return tuple(satellites[i] for i in np.flatnonzero(alone))

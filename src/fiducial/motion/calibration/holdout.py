"""Held-out stations: folds of square blocks or at random, and what a calibration predicts without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.evidence import (
    Evidence,
    Index,
    Mask,
    contradicted_stations,
    positions,
    samples_of,
    sites,
    usable_stations,
)
from fiducial.motion.calibration.judging import Trial, predict, prepare
from fiducial.motion.calibration.observations import TrackObservations
from fiducial.motion.calibration.protocol import Recipe
from fiducial.motion.calibration.residuals import chi, rms

Array = NDArray[np.float64]

BLOCK_SIZES_KM: Final = (100.0, 75.0, 50.0, 35.0, 25.0, 15.0, 10.0, 5.0)
WANTED_FOLDS: Final = 10
MOST_FOLDS: Final = 20


@dataclass(frozen=True)
class HeldOut:
    """Stations predicted by a calibration that did not know them.

    Attributes
    ----------
    track : ndarray of str, shape (n,)
    names : ndarray of str, shape (n,)
    residual_mm_per_yr : ndarray, shape (n,)
        Calibrated InSAR minus the held-out station, LOS.
    sigma_mm_per_yr : ndarray, shape (n,)
        Predicted for it.
    gnss_only_residual_mm_per_yr : ndarray, shape (n,)
        GNSS field without the station, minus the station: the baseline that uses no InSAR at all.
    """

    track: NDArray[np.str_]
    names: NDArray[np.str_]
    residual_mm_per_yr: Array
    sigma_mm_per_yr: Array
    gnss_only_residual_mm_per_yr: Array

    @property
    def rms_mm_per_yr(self) -> float:
        """Clipped RMS of the residuals."""
        return rms(self.residual_mm_per_yr)

    @property
    def gnss_only_rms_mm_per_yr(self) -> float:
        """Clipped RMS of the baseline: a calibration that only copies GNSS approaches it."""
        return rms(self.gnss_only_residual_mm_per_yr)

    @property
    def chi(self) -> float:
        """RMS of residual over predicted sigma; 1 when the sigma is right."""
        return chi(self.residual_mm_per_yr, self.sigma_mm_per_yr)


@dataclass(frozen=True)
class Folds:
    """Which stations are held out together.

    Attributes
    ----------
    number : ndarray of int, shape (station,)
        Fold of each station; -1 for stations that are never held out, because no judge is near them.
    count : int
    blocks : int
        Squares with a judge in them; several may be dealt to one fold.
    block_km : float
        Side of the squares; NaN where the folds are not spatial.
    nearest_km : float
        Median distance from a judge to the nearest station that its fold keeps.
    note : str
    """

    number: Index
    count: int
    blocks: int
    block_km: float
    nearest_km: float
    note: str


def blocked_folds(
    stations: StationVelocities,
    crs: str,
    judge: Mask,
    *,
    sizes_km: Sequence[float] = BLOCK_SIZES_KM,
    wanted: int = WANTED_FOLDS,
    most: int = MOST_FOLDS,
) -> Folds:
    """Cut the map into squares and hold out the stations of a square together.

    Parameters
    ----------
    stations : StationVelocities
    crs : str
        Map projection.
    judge : ndarray of bool, shape (station,)
        Stations that will judge: with InSAR around them, and a usable velocity.
    sizes_km : sequence of float
        Sides to try, the largest first: the first that puts judges into ``wanted`` squares is taken, else the one
        that puts them into most.
    wanted, most : int
        Number of folds. With more squares than ``most`` they are dealt to that many folds: the fullest first, each
        to the fold with the fewest judges, so that the squares of a fold lie scattered.

    Returns
    -------
    Folds

    Raises
    ------
    InputError
        FID-1120 when all judges stand in one square, or there are none.

    Notes
    -----
    The squares are anchored at the origin of the projection, so that nobody chose where they lie. Every station of
    a square is held out, also those without InSAR, for they would tell the field about the judges beside them;
    stations of one site (100 m) go to the square of the first of them. No margin is left around a square: how near
    the next station is kept on average is in ``nearest_km``.
    """
    position, site = positions(stations, crs), sites(stations, crs)
    first = np.unique(site, return_index=True)[1][site]
    position = position[first]
    found: tuple[float, Index, NDArray[np.int64]] | None = None
    for size in sizes_km:
        place = np.floor(np.nan_to_num(position, nan=0.0) / (1000.0 * size)).astype(np.int64)
        blocks, block = np.unique(place, axis=0, return_inverse=True)
        judges = np.bincount(block.ravel()[judge], minlength=len(blocks))
        if found is None or (judges > 0).sum() > (found[2] > 0).sum():
            found = size, np.asarray(block.ravel(), dtype=np.intp), judges
        if (judges > 0).sum() >= wanted:
            break
    if found is None or (found[2] > 0).sum() < 2:
        raise InputError(
            "FID-1120",
            f"{int(judge.sum())} stations have InSAR around them, and they cannot be split into two folds",
            where=stations.source,
            fix="give a denser GNSS table, more sources, or judges of your own (--holdout)",
        )
    size, block, judges = found
    fold_of_block = _deal(judges, most)
    number = fold_of_block[block]
    # A station without a position stands in no square: it can be no judge and takes part in every fit.
    number = np.where(np.isfinite(position).all(axis=1), number, -1)
    count, filled = int(fold_of_block.max()) + 1, int((judges > 0).sum())
    near = _nearest_kept_km(position, number, judge)
    note = f"{int(judge.sum())} stations judge, in {filled} squares of {size:g} km dealt to {count} folds"
    if count < wanted:
        note += f": fewer than {wanted}, for they stand too close together"
    note += f"; the nearest station that a fold keeps is {near:.0f} km from a judge (median)"
    return Folds(number, count, filled, size, near, note)


def _deal(judges: NDArray[np.int64], most: int) -> Index:
    """Return the fold of each block: -1 without judges, else the emptiest fold so far, the fullest blocks first."""
    filled = np.flatnonzero(judges > 0)
    filled = filled[np.argsort(-judges[filled], kind="stable")]
    load = np.zeros(min(len(filled), most), dtype=np.int64)
    fold = np.full(len(judges), -1, dtype=np.intp)
    for block in filled:
        fold[block] = int(np.argmin(load))
        load[fold[block]] += judges[block]
    return fold


def _nearest_kept_km(position: Array, number: Index, judge: Mask) -> float:
    placed = np.isfinite(position).all(axis=1)
    distance: list[Array] = []
    for fold in np.unique(number[judge]):
        kept = placed & (number != fold)
        if kept.any():
            distance.append(np.asarray(cKDTree(position[kept]).query(position[judge & (number == fold)])[0]))
    return float(np.median(np.concatenate(distance))) / 1000.0 if distance else float("nan")


def judge_stations(evidence: Evidence) -> Mask:
    """Return which stations can judge: a sample in some track, a usable velocity, and not trainable where others are.

    Notes
    -----
    With judges of their own (stations that are not trainable) only these judge.
    """
    sampled = np.zeros(evidence.stations.size, dtype=bool)
    sampled[samples_of(evidence.tracks).station] = True
    judge = sampled & usable_stations(evidence.stations)
    return judge if evidence.trainable.all() else judge & ~evidence.trainable


def leave_stations_out(
    recipe: Recipe,
    tracks: Sequence[TrackObservations],
    stations: StationVelocities,
    field: VelocityField,
    *,
    folds: int = 20,
    seed: int = 0,
) -> HeldOut:
    """Calibrate without a fold of the stations and compare with them, fold by fold.

    Parameters
    ----------
    recipe : Recipe
    tracks : sequence of TrackObservations
    stations : StationVelocities
    field : VelocityField
        Fitted to all stations: its covariance parameters are kept, its stations are not.
    folds : int
    seed : int
        Of the random folds, by station, so that a station is held out in every track at once.

    Returns
    -------
    HeldOut
        Stations that their neighbours do not contradict; those of a fold that cannot be calibrated raise.

    Notes
    -----
    A low score alone proves nothing: windows that replace InSAR by interpolated GNSS win it. Read it beside
    the overlaps, the leakage and the GNSS-only baseline.
    """
    evidence = Evidence(tuple(tracks), stations, field, np.ones(stations.size, dtype=bool))
    samples, names = samples_of(tracks), [track.name for track in tracks]
    judge = judge_stations(evidence) & ~contradicted_stations(stations)
    fold = np.random.default_rng(seed).permutation(stations.size) % folds
    rows: list[Index] = []
    parts: list[tuple[Array, ...]] = []
    for number in np.unique(fold[judge]):
        judged = np.flatnonzero(judge[samples.station] & (fold[samples.station] == number))
        made = prepare(evidence, samples, Trial(fold != number, judged))
        training, judges = made.training, made.judges
        found = predict(
            recipe.fit(training.tracks, training.stations, training.field), names, judges.samples, judges.own_up
        )
        residual = found.velocity_mm_per_yr - judges.velocity_mm_per_yr
        sigma = np.sqrt(found.variance + judges.variance)
        rows.append(judged)
        parts.append((residual, sigma, judges.gnss_only_residual_mm_per_yr))
    order = np.concatenate(rows)
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    label = np.array(names)[samples.track[order]]
    return HeldOut(label, stations.names[samples.station[order]], *joined)

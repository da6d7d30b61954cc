"""The score of one recipe: everything that is asked of it, over experiments that are the same for all recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, InputError
from fiducial.motion.calibration.closure import closure_at_judges
from fiducial.motion.calibration.evidence import (
    Evidence,
    Samples,
    Training,
    contradicted_stations,
    samples_of,
    training_on,
)
from fiducial.motion.calibration.holdout import Folds, blocked_folds, judge_stations
from fiducial.motion.calibration.judging import Trial, Trials, predict
from fiducial.motion.calibration.leakage import SIGMAS_KM, Bowl, absorbed_share, bowl_centres, with_bowl
from fiducial.motion.calibration.overlaps import (
    OverlapCells,
    field_at_blocks,
    overlap_cells,
    surfaces_at_blocks,
)
from fiducial.motion.calibration.protocol import Recipe
from fiducial.motion.calibration.residuals import rms
from fiducial.motion.calibration.thinning import Draw, thinned_networks
from fiducial.motion.calibration.track_out import LeftOut, tracks_to_leave_out

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Advance = Callable[[float], None]

JUDGES_OF_THEIR_OWN = "judges of their own"


@dataclass(frozen=True)
class Plan:
    """The experiments, the same for every recipe.

    Attributes
    ----------
    evidence : Evidence
    whole : Training
        All trainable stations.
    samples : Samples
        Of all tracks at all stations.
    judged : ndarray of int, shape (row,)
        Rows of ``samples`` in the order in which the folds judge them.
    fold : ndarray of int, shape (row,)
    contradicted : ndarray of bool, shape (row,)
        The station's neighbours contradict it: reported apart.
    folds : Folds
    gnss_only : ndarray, shape (row,)
        Residual of GNSS alone, LOS, mm/yr.
    gnss_only_east_up : ndarray, shape (row, 2)
        Of the field's east and up, on the first row of each station; NaN elsewhere.
    gnss_at_blocks : ndarray, shape (block, 3)
    cells : OverlapCells
    left_out : tuple of LeftOut
    bowls : tuple of Bowl
        Size by size; the same centres in every size.
    centres : ndarray, shape (centre, 2)
    draws : tuple of Draw
    draw_gnss_only : ndarray, shape (draw,)
        RMS of GNSS alone, mm/yr.
    hold_out_trials, thinning_trials : Trials
    """

    evidence: Evidence
    whole: Training
    samples: Samples
    judged: Index
    fold: Index
    contradicted: NDArray[np.bool_]
    folds: Folds
    gnss_only: Array
    gnss_only_east_up: Array
    gnss_at_blocks: Array
    cells: OverlapCells
    left_out: tuple[LeftOut, ...]
    bowls: tuple[Bowl, ...]
    centres: Array
    draws: tuple[Draw, ...]
    draw_gnss_only: Array
    hold_out_trials: Trials
    thinning_trials: Trials

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tracks, by number."""
        return tuple(track.name for track in self.evidence.tracks)

    @property
    def fits(self) -> int:
        """Fits that a recipe has to make."""
        return 2 + len(self.hold_out_trials) + 2 * len(self.left_out) + len(self.bowls) + len(self.draws)


@dataclass(frozen=True)
class RecipeScore:
    """What came of one recipe, as plain arrays in mm/yr; NaN where a part failed, with the reason.

    Attributes
    ----------
    recipe : str
    notes : ndarray of str
        Of the calibration with all stations.
    reasons : ndarray of str
        ``part: reason`` of everything that could not be done.
    residual, sigma : ndarray, shape (row,)
        Calibrated InSAR minus the held-out station, LOS, and its predicted sigma, in the order of ``Plan.judged``.
    closure_residual, closure_sigma : ndarray, shape (row, 2)
        East and up, on the first row of each station.
    surface, surface_sigma, noise_variance : ndarray, shape (block,)
        Calibrated with all stations, at the blocks of all tracks.
    alone : ndarray, shape (block,)
        Surface of each left-out track, calibrated without the others.
    others : ndarray, shape (left_out, block)
        Surfaces of the other tracks, calibrated without the left-out one.
    leakage : ndarray, shape (size, centre)
        Share of the bowl that is absorbed.
    thinning : ndarray, shape (draw,)
        RMS of the judges of each draw.
    """

    recipe: str
    notes: NDArray[np.str_]
    reasons: NDArray[np.str_]
    residual: Array
    sigma: Array
    closure_residual: Array
    closure_sigma: Array
    surface: Array
    surface_sigma: Array
    noise_variance: Array
    alone: Array
    others: Array
    leakage: Array
    thinning: Array

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return every part as an array by name, to be stored."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], plan: Plan) -> RecipeScore | None:
        """Rebuild from `to_arrays`; None when parts are missing or do not fit the plan."""
        expected = _empty(plan, "").to_arrays()
        if set(arrays) != set(expected):
            return None
        free = {"recipe", "notes", "reasons"}
        if any(arrays[name].shape != expected[name].shape for name in expected if name not in free):
            return None
        return cls(**(arrays | {"recipe": str(arrays["recipe"])}))  # type: ignore[arg-type]


def make_plan(evidence: Evidence, *, sigmas_km: Sequence[float] = SIGMAS_KM, seed: int = 0) -> Plan:
    """Lay out the experiments.

    Parameters
    ----------
    evidence : Evidence
    sigmas_km : sequence of float
        Sizes of the injected bowls.
    seed : int
        Of the thinned networks.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        FID-1120 when no two folds can be made; FID-1121 when judges of their own have no InSAR around them;
        FID-1063 when the blocks of tracks cannot be matched.

    Notes
    -----
    With judges of their own (stations that are not trainable) there is one fold: all trainable stations are used,
    and only those judge.
    """
    samples = samples_of(evidence.tracks)
    judge = judge_stations(evidence)
    if evidence.trainable.all():
        folds = blocked_folds(evidence.stations, evidence.crs, judge)
        held = [judge & (folds.number == number) for number in range(folds.count)]
        trains = [folds.number != number for number in range(folds.count)]
    else:
        if not judge.any():
            raise InputError(
                "FID-1121",
                "none of the stations that are to judge has InSAR around it",
                where=evidence.stations.source,
                fix="name stations inside the sources, with a horizontal velocity",
            )
        text = f"{int(judge.sum())} {JUDGES_OF_THEIR_OWN}, which no fit ever knows"
        number = np.where(judge, 0, -1)
        folds = Folds(number, 1, 0, float("nan"), float("nan"), text)
        held, trains = [judge], [evidence.trainable]
    rows = [np.flatnonzero(one[samples.station]) for one in held]
    hold_out = Trials(evidence, [Trial(train, row) for train, row in zip(trains, rows, strict=True)])
    judged = np.concatenate(rows)
    baseline, baseline_east_up = _baseline(hold_out)
    gnss = field_at_blocks(evidence.tracks, evidence.field)
    cells = overlap_cells(evidence.tracks, gnss)
    centres = bowl_centres(evidence.tracks)
    draws = thinned_networks(evidence, samples, judge, seed=seed)
    thinned = Trials(evidence, [draw.trial for draw in draws])
    return Plan(
        evidence=evidence,
        whole=training_on(evidence, evidence.trainable),
        samples=samples,
        judged=judged,
        fold=np.repeat(np.arange(len(rows)), [len(row) for row in rows]),
        contradicted=contradicted_stations(evidence.stations)[samples.station[judged]],
        folds=folds,
        gnss_only=baseline,
        gnss_only_east_up=baseline_east_up,
        gnss_at_blocks=gnss,
        cells=cells,
        left_out=tracks_to_leave_out(evidence.tracks, cells),
        bowls=tuple(Bowl(float(e), float(n), sigma) for sigma in sigmas_km for e, n in centres),
        centres=centres,
        draws=draws,
        draw_gnss_only=np.array([_draw_baseline(thinned, number) for number in range(len(draws))]),
        hold_out_trials=hold_out,
        thinning_trials=thinned,
    )


def _baseline(trials: Trials) -> tuple[Array, Array]:
    along, east_up = [], []
    for number in range(len(trials)):
        judges = trials[number].judges
        along.append(judges.gnss_only_residual_mm_per_yr)
        own = np.full((judges.samples.size, 2), np.nan)
        rows = np.unique(judges.samples.station, return_index=True)[1]
        own[rows] = (judges.field_mm_per_yr - judges.enu_mm_per_yr)[rows][:, [0, 2]]
        east_up.append(own)
    return np.concatenate(along), np.concatenate(east_up)


def _draw_baseline(trials: Trials, number: int) -> float:
    try:
        return rms(trials[number].judges.gnss_only_residual_mm_per_yr)
    except FiducialError:
        # Stations that cannot carry a field fail for every recipe alike; `score_recipe` says why.
        return float("nan")


def _empty(plan: Plan, recipe: str) -> RecipeScore:
    """Return a score of the right shapes with nothing in it."""
    rows, blocks = len(plan.judged), len(plan.gnss_at_blocks)
    sizes = len(plan.bowls) // max(len(plan.centres), 1)

    def unknown(*shape: int) -> Array:
        return np.full(shape, np.nan)

    none = np.array([], dtype=np.str_)
    return RecipeScore(
        recipe, none, none, unknown(rows), unknown(rows), unknown(rows, 2), unknown(rows, 2), unknown(blocks),
        unknown(blocks), unknown(blocks), unknown(blocks), unknown(len(plan.left_out), blocks),
        unknown(sizes, len(plan.centres)), unknown(len(plan.draws)),
    )  # fmt: skip


def score_recipe(plan: Plan, recipe: Recipe, advance: Advance = lambda _: None) -> RecipeScore:
    """Put one recipe through all experiments.

    Parameters
    ----------
    plan : Plan
    recipe : Recipe
    advance : callable
        Told after each fit, with 1; with what is left when the recipe cannot be fitted at all.

    Returns
    -------
    RecipeScore

    Notes
    -----
    The hyper-parameters are found once, with all stations, and kept (`Recipe.fixed`): they are few, and finding
    them again for a hundred reduced fits would score the search. A part that cannot be done leaves NaN and a reason:
    a recipe that fails in one fold has no hold-out error at all, for the folds that it manages are the easy ones.
    """
    score, reasons = _empty(plan, recipe.name), list[str]()
    whole, tracks = plan.whole, plan.evidence.tracks
    try:
        result = recipe.fit(whole.tracks, whole.stations, whole.field)
        fixed = recipe.fixed(result)
        reference = surfaces_at_blocks(fixed.fit(whole.tracks, whole.stations, whole.field), tracks)
    except FiducialError as error:
        advance(plan.fits)
        return _with(score, {"reasons": np.array([f"all: {_say(error)}"])})
    advance(2)
    found = surfaces_at_blocks(result, tracks)
    parts: dict[str, Array] = {
        "surface": found.surface_mm_per_yr,
        "surface_sigma": found.sigma_mm_per_yr,
        "noise_variance": found.noise_variance,
    }
    parts |= _hold_out(plan, fixed, advance, reasons)
    parts |= _leave_tracks_out(plan, fixed, advance, reasons)
    parts["leakage"] = _leak(plan, fixed, reference.surface_mm_per_yr, advance, reasons)
    parts["thinning"] = _thin(plan, fixed, advance, reasons)
    score = _with(score, parts)
    return _with(score, {"notes": np.array(result.notes, dtype=np.str_), "reasons": np.array(reasons, dtype=np.str_)})


def _with(score: RecipeScore, parts: Mapping[str, NDArray[Any]]) -> RecipeScore:
    return RecipeScore(**({field.name: getattr(score, field.name) for field in fields(score)} | dict(parts)))


def _say(error: FiducialError) -> str:
    return f"{error.code}, {error.problem} ({error.where})"


def _hold_out(plan: Plan, recipe: Recipe, advance: Advance, reasons: list[str]) -> dict[str, Array]:
    columns: list[tuple[Array, ...]] = []
    for number in range(len(plan.hold_out_trials)):
        made = plan.hold_out_trials[number]
        rows = made.judges.samples.size
        try:
            training = made.training
            result = recipe.fit(training.tracks, training.stations, training.field)
        except FiducialError as error:
            reasons.append(f"hold-out, fold {number + 1}: {_say(error)}")
            columns.append(tuple(np.full(shape, np.nan) for shape in (rows, rows, (rows, 2), (rows, 2))))
        else:
            predicted = predict(result, plan.names, made.judges.samples, made.judges.own_up)
            residual = predicted.velocity_mm_per_yr - made.judges.velocity_mm_per_yr
            sigma = np.sqrt(predicted.variance + made.judges.variance)
            columns.append((residual, sigma, *closure_at_judges(made.judges, predicted)))
        advance(1)
    names = ("residual", "sigma", "closure_residual", "closure_sigma")
    return {name: np.concatenate(column) for name, column in zip(names, zip(*columns, strict=True), strict=True)}


def _leave_tracks_out(plan: Plan, recipe: Recipe, advance: Advance, reasons: list[str]) -> dict[str, Array]:
    whole, tracks = plan.whole, plan.evidence.tracks
    alone = np.full(len(plan.gnss_at_blocks), np.nan)
    others = np.full((len(plan.left_out), len(alone)), np.nan)
    for number, out in enumerate(plan.left_out):
        for members in (out.members, ~out.members):
            chosen = [track for track, member in zip(whole.tracks, members, strict=True) if member]
            try:
                surface = surfaces_at_blocks(recipe.fit(chosen, whole.stations, whole.field), tracks).surface_mm_per_yr
            except FiducialError as error:
                reasons.append(f"leave {out.track} out: {_say(error)}")
            else:
                target = alone if members is out.members else others[number]
                there = np.isfinite(surface)
                target[there] = surface[there]
            advance(1)
    return {"alone": alone, "others": others}


def _leak(plan: Plan, recipe: Recipe, reference: Array, advance: Advance, reasons: list[str]) -> Array:
    whole, tracks = plan.whole, plan.evidence.tracks
    shares = np.full(len(plan.bowls), np.nan)
    for number, bowl in enumerate(plan.bowls):
        try:
            result = recipe.fit(with_bowl(whole.tracks, bowl), whole.stations, whole.field)
        except FiducialError as error:
            reasons.append(f"leakage, {bowl.sigma_km:g} km: {_say(error)}")
        else:
            surface = surfaces_at_blocks(result, tracks).surface_mm_per_yr
            shares[number] = absorbed_share(tracks, bowl, surface, reference)
        advance(1)
    return shares.reshape(-1, len(plan.centres)) if len(plan.centres) else np.zeros((0, 0))


def _thin(plan: Plan, recipe: Recipe, advance: Advance, reasons: list[str]) -> Array:
    errors = np.full(len(plan.draws), np.nan)
    for number, draw in enumerate(plan.draws):
        try:
            made = plan.thinning_trials[number]
            training, judges = made.training, made.judges
            result = recipe.fit(training.tracks, training.stations, training.field)
        except FiducialError as error:
            reasons.append(f"{draw.stations} stations, draw {draw.repeat + 1}: {_say(error)}")
        else:
            predicted = predict(result, plan.names, judges.samples, judges.own_up)
            errors[number] = rms(predicted.velocity_mm_per_yr - judges.velocity_mm_per_yr)
        advance(1)
    return errors

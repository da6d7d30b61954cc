"""The table of a score: every recipe in all respects at once, with intervals against a reference recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.motion.calibration.bootstrap import NO_RATIO, Ratio, rms_ratio
from fiducial.motion.calibration.overlaps import (
    BlockSurfaces,
    Direction,
    Kind,
    difference_after,
    difference_sigma,
)
from fiducial.motion.calibration.residuals import centred, chi, rms, robust_chi
from fiducial.motion.calibration.scoring import Plan, RecipeScore
from fiducial.motion.calibration.thinning import Curve, mean_with_interval, ratio_of_means
from fiducial.motion.calibration.track_out import predict_left_out

Array = NDArray[np.float64]

REFERENCE: Final = "egms"
KINDS: Final[tuple[Kind, ...]] = ("tracks", "bursts")
DIRECTIONS: Final[tuple[Direction, ...]] = ("ascending", "descending")
COMPONENTS: Final = ("east", "up")
_NAN: Final = float("nan")


@dataclass(frozen=True)
class HoldOutRow:
    """Held-out stations in the line of sight, mm/yr.

    Attributes
    ----------
    samples, stations : int
        That judge; a station is seen by several tracks.
    rms_mm_per_yr : float
        NaN when a fold could not be calibrated.
    ratio : Ratio
        To the reference recipe, drawing stations.
    gnss_only_rms_mm_per_yr : float
        Of the same samples.
    chi, robust_chi : float
        Residual over predicted sigma: RMS, and from the median.
    contradicted_samples : int
        Of stations that their neighbours contradict: not in the numbers above.
    contradicted_rms_mm_per_yr, contradicted_gnss_only_rms_mm_per_yr : float
    """

    samples: int
    stations: int
    rms_mm_per_yr: float
    ratio: Ratio
    gnss_only_rms_mm_per_yr: float
    chi: float
    robust_chi: float
    contradicted_samples: int
    contradicted_rms_mm_per_yr: float
    contradicted_gnss_only_rms_mm_per_yr: float


@dataclass(frozen=True)
class OverlapRow:
    """Overlaps of one kind and direction, mm/yr; ``before`` with the median of each pair removed."""

    kind: Kind
    direction: Direction
    pairs: int
    cells: int
    rms_before_centred_mm_per_yr: float
    rms_after_mm_per_yr: float
    chi: float
    ratio: Ratio


@dataclass(frozen=True)
class PairRow:
    """One pair of overlapping sources, mm/yr."""

    sources: tuple[str, str]
    kind: Kind
    direction: Direction
    cells: int
    rms_before_centred_mm_per_yr: float
    rms_after_mm_per_yr: float
    chi: float


@dataclass(frozen=True)
class ClosureRow:
    """East or up from both directions against held-out stations, mm/yr."""

    component: str
    stations: int
    rms_mm_per_yr: float
    bias_mm_per_yr: float
    chi: float
    gnss_only_rms_mm_per_yr: float


@dataclass(frozen=True)
class LeakageRow:
    """Share of a bowl of one size that is absorbed: mean, least and most of the centres."""

    sigma_km: float
    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class ThinningRow:
    """Errors with so many stations, mm/yr: mean of the draws with its interval, and the ratio to the reference."""

    stations: int
    draws: int
    rms_mm_per_yr: Curve
    ratio: Curve
    gnss_only_rms_mm_per_yr: float


@dataclass(frozen=True)
class TrackOutRow:
    """Each track in turn calibrated apart from the others, mm/yr.

    Attributes
    ----------
    tracks : int
        Left out in turn.
    cells : int
        Overlaps of the left-out track with others of its direction.
    rms_together_mm_per_yr, rms_apart_mm_per_yr : float
        Of these differences, calibrated with each other and without.
    predicted_cells : int
        Cells of the left-out track where the others see both directions.
    predicted_rms_mm_per_yr : float
        Left-out track, calibrated alone, minus east and up of the others and north of GNSS in its LOS.
    gnss_only_rms_mm_per_yr : float
        The same minus the GNSS field: below it the other tracks know more than GNSS does.
    """

    tracks: int
    cells: int
    rms_together_mm_per_yr: float
    rms_apart_mm_per_yr: float
    predicted_cells: int
    predicted_rms_mm_per_yr: float
    gnss_only_rms_mm_per_yr: float


@dataclass(frozen=True)
class RecipeRow:
    """All numbers of one recipe.

    Attributes
    ----------
    recipe : str
    hold_out : HoldOutRow
    overlaps : tuple of OverlapRow
        Kinds and directions that exist.
    pairs : tuple of PairRow
    closure : tuple of ClosureRow
        East and up.
    leakage : tuple of LeakageRow
    thinning : tuple of ThinningRow
    track_out : TrackOutRow
    surface_sigma_mm_per_yr : float
        RMS of the predicted sigma of the surface over all blocks.
    reasons : tuple of str
        What could not be done, and why.
    notes : tuple of str
    """

    recipe: str
    hold_out: HoldOutRow
    overlaps: tuple[OverlapRow, ...]
    pairs: tuple[PairRow, ...]
    closure: tuple[ClosureRow, ...]
    leakage: tuple[LeakageRow, ...]
    thinning: tuple[ThinningRow, ...]
    track_out: TrackOutRow
    surface_sigma_mm_per_yr: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    def overlap(self, kind: Kind, direction: Direction) -> OverlapRow | None:
        """Return the overlaps of a kind and direction; None when there are none."""
        return next((row for row in self.overlaps if (row.kind, row.direction) == (kind, direction)), None)

    def leak(self, sigma_km: float) -> float:
        """Return the mean share absorbed of bowls of a size; NaN when it was not injected."""
        return next((row.mean for row in self.leakage if row.sigma_km == sigma_km), _NAN)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; unknown is None."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)  # noqa: S101
        return plain


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def tabulate(plan: Plan, scores: Sequence[RecipeScore], reference: str = REFERENCE) -> tuple[RecipeRow, ...]:
    """Return the rows of the table, in the order of the scores.

    Parameters
    ----------
    plan : Plan
    scores : sequence of RecipeScore
    reference : str
        Recipe that ratios refer to; without it they are NaN.
    """
    base = next((score for score in scores if score.recipe == reference), None)
    return tuple(_row(plan, score, base) for score in scores)


def _row(plan: Plan, score: RecipeScore, base: RecipeScore | None) -> RecipeRow:
    return RecipeRow(
        recipe=score.recipe,
        hold_out=_hold_out(plan, score, base),
        overlaps=_overlaps(plan, score, base),
        pairs=_pairs(plan, score),
        closure=_closure(plan, score),
        leakage=_leakage(plan, score),
        thinning=_thinning(plan, score, base),
        track_out=_track_out(plan, score),
        surface_sigma_mm_per_yr=float(np.sqrt(np.mean(score.surface_sigma**2))),
        reasons=tuple(map(str, score.reasons)),
        notes=tuple(map(str, score.notes)),
    )


def complete_rms(values: Array) -> float:
    """Return the clipped RMS, NaN when any value is missing: what cannot be predicted must not be left out quietly."""
    return rms(values) if np.isfinite(values).all() else _NAN


def _hold_out(plan: Plan, score: RecipeScore, base: RecipeScore | None) -> HoldOutRow:
    agreed, apart = ~plan.contradicted, plan.contradicted
    station = plan.samples.station[plan.judged]
    residual, whole = score.residual[agreed], bool(np.isfinite(score.residual).all())
    ratio = NO_RATIO
    if base is not None and whole and np.isfinite(base.residual).all():
        ratio = rms_ratio(residual, base.residual[agreed], station[agreed])
    return HoldOutRow(
        samples=int(agreed.sum()),
        stations=len(np.unique(station[agreed])),
        rms_mm_per_yr=complete_rms(residual),
        ratio=ratio,
        gnss_only_rms_mm_per_yr=rms(plan.gnss_only[agreed]),
        chi=chi(residual, score.sigma[agreed]) if whole else _NAN,
        robust_chi=robust_chi(residual, score.sigma[agreed]) if whole else _NAN,
        contradicted_samples=int(apart.sum()),
        contradicted_rms_mm_per_yr=complete_rms(score.residual[apart]),
        contradicted_gnss_only_rms_mm_per_yr=rms(plan.gnss_only[apart]),
    )


def _surfaces(score: RecipeScore) -> BlockSurfaces:
    return BlockSurfaces(score.surface, score.surface_sigma, score.noise_variance)


def _before_centred(plan: Plan) -> Array:
    before = plan.cells.before_mm_per_yr.copy()
    for number in range(len(plan.cells.pairs)):
        rows = plan.cells.pair == number
        before[rows] = centred(before[rows])
    return before


def _overlaps(plan: Plan, score: RecipeScore, base: RecipeScore | None) -> tuple[OverlapRow, ...]:
    cells, before = plan.cells, _before_centred(plan)
    after = difference_after(cells, score.surface, score.surface)
    sigma = difference_sigma(cells, _surfaces(score))
    other = None if base is None else difference_after(cells, base.surface, base.surface)
    rows = []
    for kind in KINDS:
        for direction in DIRECTIONS:
            chosen = cells.of(kind, direction)
            if chosen.any():
                ratio = NO_RATIO if other is None else rms_ratio(after[chosen], other[chosen], cells.cluster[chosen])
                rows.append(
                    OverlapRow(kind, direction, len(np.unique(cells.pair[chosen])), int(chosen.sum()),
                               rms(before[chosen]), complete_rms(after[chosen]), chi(after[chosen], sigma[chosen]), ratio)
                )  # fmt: skip
    return tuple(rows)


def _pairs(plan: Plan, score: RecipeScore) -> tuple[PairRow, ...]:
    cells, before = plan.cells, _before_centred(plan)
    after = difference_after(cells, score.surface, score.surface)
    sigma = difference_sigma(cells, _surfaces(score))
    rows = []
    for number, pair in enumerate(cells.pairs):
        chosen = cells.pair == number
        rows.append(PairRow(pair.names, pair.kind, pair.direction, int(chosen.sum()), rms(before[chosen]),
                            complete_rms(after[chosen]), chi(after[chosen], sigma[chosen])))  # fmt: skip
    return tuple(rows)


def _closure(plan: Plan, score: RecipeScore) -> tuple[ClosureRow, ...]:
    rows = []
    whole = np.isfinite(score.residual).all()
    for axis, component in enumerate(COMPONENTS):
        chosen = np.isfinite(score.closure_residual[:, axis]) & ~plan.contradicted
        residual, sigma = score.closure_residual[chosen, axis], score.closure_sigma[chosen, axis]
        if not whole or not chosen.any():
            rows.append(ClosureRow(component, 0, _NAN, _NAN, _NAN, _NAN))
            continue
        gnss_only = rms(plan.gnss_only_east_up[chosen, axis])
        rows.append(ClosureRow(component, int(chosen.sum()), rms(residual), float(np.mean(residual)), chi(residual, sigma), gnss_only))  # fmt: skip
    return tuple(rows)


def _leakage(plan: Plan, score: RecipeScore) -> tuple[LeakageRow, ...]:
    sizes = list(dict.fromkeys(bowl.sigma_km for bowl in plan.bowls))
    return tuple(
        LeakageRow(size, float(np.mean(shares)), float(np.min(shares)), float(np.max(shares)))
        for size, shares in zip(sizes, score.leakage, strict=True)
    )


def _thinning(plan: Plan, score: RecipeScore, base: RecipeScore | None) -> tuple[ThinningRow, ...]:
    count = np.array([draw.stations for draw in plan.draws], dtype=int)
    rows = []
    for number in np.unique(count):
        of = count == number
        values = score.thinning[of]
        reference = np.full(len(values), np.nan) if base is None else base.thinning[of]
        rows.append(ThinningRow(int(number), len(values), mean_with_interval(values),
                                ratio_of_means(values, reference), float(np.mean(plan.draw_gnss_only[of]))))  # fmt: skip
    return tuple(rows)


def _track_out(plan: Plan, score: RecipeScore) -> TrackOutRow:
    cells = plan.cells
    source = np.array([[pair.first, pair.second] for pair in cells.pairs], dtype=int).reshape(-1, 2)[cells.pair]
    together = difference_after(cells, score.surface, score.surface)
    both, apart, predicted, gnss_only = ([np.zeros(0)] for _ in range(4))
    for number, out in enumerate(plan.left_out):
        inside, others = out.members[source], score.others[number]
        for side, surfaces in ((0, (score.alone, others)), (1, (others, score.alone))):
            rows = inside[:, side] & ~inside[:, 1 - side]
            apart.append(difference_after(cells, *surfaces)[rows])
            both.append(together[rows])
        found = predict_left_out(plan.evidence.tracks, out, score.alone, others, plan.gnss_at_blocks)
        predicted.append(found.residual_mm_per_yr)
        gnss_only.append(found.gnss_only_residual_mm_per_yr)
    whole = not any(reason.startswith(("all:", "leave ")) for reason in map(str, score.reasons))
    return TrackOutRow(
        tracks=len(plan.left_out),
        cells=len(np.concatenate(apart)),
        rms_together_mm_per_yr=complete_rms(np.concatenate(both)),
        rms_apart_mm_per_yr=complete_rms(np.concatenate(apart)),
        predicted_cells=len(np.concatenate(predicted)) if whole else 0,
        predicted_rms_mm_per_yr=rms(np.concatenate(predicted)) if whole else _NAN,
        gnss_only_rms_mm_per_yr=rms(np.concatenate(gnss_only)) if whole else _NAN,
    )

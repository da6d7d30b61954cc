"""Key figures of the demonstration, with verdicts that follow from stated tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from fiducial.reports.html import KeyFigure
from fiducial.runs.demo_motion_truth import BurstTruth, OrthoTruth
from fiducial.runs.demo_scores import PULL_LIMITS, Score, rms
from fiducial.runs.report_parts import short_name

VELOCITY_LIMIT_MM_PER_YR: Final = 0.7
"""Standard deviation that EGMS specifies for the velocity of a point (EGMS-D6-PDD v3.0, 2025)."""
SIGMAS: Final = 2.0


def _within(value: float, limit: float) -> Literal["pass", "fail"]:
    return "pass" if abs(value) <= limit else "fail"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def key_figures(
    scores: Sequence[Score], bursts: Sequence[BurstTruth], ortho: OrthoTruth, found_bad: Sequence[tuple[str, str, bool]]
) -> list[KeyFigure]:
    """Return the figures that answer whether the chain recovers the truth.

    Parameters
    ----------
    scores : sequence of Score
        All rows of the table.
    bursts : sequence of BurstTruth
    ortho : OrthoTruth
    found_bad : sequence of (centre, satellite, bool)
        Wrong orbits of the simulated centres, and whether the combination rejected them.
    """
    return [
        _pulls(scores),
        *_chain_figures(scores),
        *_burst_figures(bursts),
        *_bowl_figures(bursts, ortho),
        *_ortho_figures(ortho),
        *(KeyFigure(f"wrong orbit of centre {centre} recognised", satellite if found else "no", "",
                    "pass" if found else "fail", "rejected by the combination on every day" if found else f"it is {satellite}")
          for centre, satellite, found in found_bad),
    ]  # fmt: skip


def _pulls(scores: Sequence[Score]) -> KeyFigure:
    low, high = PULL_LIMITS
    bad = [one for one in scores if not one.pull <= high]
    values = [one.pull for one in scores]
    return KeyFigure(
        "products whose sigma covers their error", f"{len(scores) - len(bad)} of {len(scores)}", "",
        "fail" if bad else "pass", f"error over sigma {min(values):.2f} to {max(values):.2f}; limit {high:g}, below {low:g} a note",
    )  # fmt: skip


def _chain_figures(scores: Sequence[Score]) -> list[KeyFigure]:
    figures = []
    for product, quantity, label in (
        ("combined orbits", "position", "combined orbits minus truth, RMS"),
        ("combined clocks", "clock", "combined clocks minus truth, RMS"),
        ("stacked frame", "position", "frame positions minus truth, RMS"),
        ("velocity model", "velocity, up", "velocity model, Up minus truth, RMS"),
    ):
        of = [one for one in scores if one.product == product and one.quantity.startswith(quantity)]
        error, sigma = (rms(np.concatenate([getattr(one, name) for one in of])) for name in ("error", "sigma"))
        figures.append(KeyFigure(label, error, of[0].unit, _within(error, SIGMAS * sigma),
                                 f"limit {SIGMAS:g} sigma = {SIGMAS * sigma:.2f}"))  # fmt: skip
    return figures


def _burst_figures(bursts: Sequence[BurstTruth]) -> list[KeyFigure]:
    before = rms(np.concatenate([one.before - one.truth for one in bursts]))
    after = rms(np.concatenate([one.error for one in bursts]))
    worst = max(bursts, key=lambda one: abs(float(np.mean(one.error))))
    bias, sigma = float(np.mean(worst.error)), rms(worst.surface_sigma)
    return [
        KeyFigure("calibrated velocity minus truth, RMS", after, "mm/yr", _within(after, VELOCITY_LIMIT_MM_PER_YR),
                  f"before {before:.2f}; limit {VELOCITY_LIMIT_MM_PER_YR:g}, the EGMS specification of a point"),
        KeyFigure("largest bias of a burst", _signed(bias), "mm/yr", _within(bias, SIGMAS * sigma),
                  f"{short_name(worst.name)}; limit {SIGMAS:g} sigma of the tie = {SIGMAS * sigma:.2f}"),
    ]  # fmt: skip


def _bowl_figures(bursts: Sequence[BurstTruth], ortho: OrthoTruth) -> list[KeyFigure]:
    figures = []
    if ortho.in_bowl.any():
        estimate, truth = (float(np.mean(one["U"][ortho.in_bowl])) for one in (ortho.velocity, ortho.truth))
        limit = SIGMAS * rms(ortho.sigma["U"][ortho.in_bowl])
        figures.append(KeyFigure("Up in the middle of the bowl", _signed(estimate), "mm/yr", _within(estimate - truth, limit),
                                 f"truth {_signed(truth)}, cells: {int(ortho.in_bowl.sum())}; limit 2 sigma = {limit:.2f}"))  # fmt: skip
    for one in bursts:
        if one.in_bowl.any():
            estimate, truth = float(np.mean(one.after[one.in_bowl])), float(np.mean(one.truth[one.in_bowl]))
            limit = SIGMAS * rms(one.surface_sigma[one.in_bowl])
            figures.append(KeyFigure(
                f"bowl in line of sight, {short_name(one.name)}", _signed(estimate), "mm/yr", _within(estimate - truth, limit),
                f"truth {_signed(truth)}, {one.direction}, points: {int(one.in_bowl.sum())}; limit 2 sigma of the tie = {limit:.2f}",
            ))  # fmt: skip
    return figures


def _ortho_figures(ortho: OrthoTruth) -> list[KeyFigure]:
    figures = []
    for part, name in (("E", "East"), ("U", "Up")):
        error, sigma = rms(ortho.error(part)), rms(ortho.sigma[part])
        figures.append(KeyFigure(
            f"Ortho {name} minus truth, RMS", error, "mm/yr", _within(error, SIGMAS * sigma),
            f"bias {_signed(float(np.nanmean(ortho.error(part))))}; limit {SIGMAS:g} sigma = {SIGMAS * sigma:.2f}",
        ))  # fmt: skip
    return figures

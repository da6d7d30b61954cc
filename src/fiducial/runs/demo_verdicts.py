"""Key figures of the demonstration, with verdicts that follow from stated tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from fiducial.reports.html import KeyFigure
from fiducial.runs.calibrate import Calibrated
from fiducial.runs.demo_truth import BurstTruth, OrthoTruth, rms
from fiducial.runs.report_parts import short_name
from fiducial.runs.simulation import SimulatedWorld

VELOCITY_LIMIT_MM_PER_YR: Final = 0.7
"""Standard deviation that EGMS specifies for the velocity of a point (EGMS-D6-PDD v3.0, 2025)."""
LEAKAGE_LIMIT: Final = 0.05
"""Share of the true motion of the bowl that may vanish in the calibration surface."""
CHI_LIMITS: Final = (0.5, 1.5)
"""Error over predicted sigma: above, the sigma promises too much; below, it is needlessly large."""
SIGMAS: Final = 2.0


def _within(value: float, limit: float) -> Literal["pass", "fail"]:
    return "pass" if abs(value) <= limit else "fail"


def chi_verdict(chi: float) -> tuple[Literal["pass", "fail", "note", ""], str]:
    """Return the verdict on a predicted sigma, and what it means."""
    low, high = CHI_LIMITS
    if np.isnan(chi):
        return "", "no sigma is predicted"
    if chi > high:
        return "fail", f"limit {high:g}: the sigma promises too much"
    if chi < low:
        return "note", f"below {low:g}: the truth lies well inside, the sigma is larger than needed"
    return "pass", f"between {low:g} and {high:g}: the sigma is right"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def key_figures(
    world: SimulatedWorld, calibrated: Calibrated, bursts: Sequence[BurstTruth], best: OrthoTruth, official: OrthoTruth
) -> list[KeyFigure]:
    """Return the figures that answer whether the chain recovers the truth.

    Parameters
    ----------
    world : SimulatedWorld
    calibrated : Calibrated
        With the recipe that the Ortho was made from.
    bursts : sequence of BurstTruth
    best, official : OrthoTruth
    """
    return [
        *_calibration_figures(bursts),
        *_bowl_figures(bursts, best),
        *_ortho_figures(best, official),
        _outlier_figure(world, calibrated),
    ]


def _calibration_figures(bursts: Sequence[BurstTruth]) -> list[KeyFigure]:
    before = rms(np.concatenate([one.before - one.truth for one in bursts]))
    after = rms(np.concatenate([one.after - one.truth for one in bursts]))
    worst = max(bursts, key=lambda one: abs(float(np.mean(one.after - one.truth))))
    bias, sigma = float(np.mean(worst.after - worst.truth)), rms(worst.surface_sigma)
    chi = rms(np.concatenate([one.surface_error / one.surface_sigma for one in bursts]))
    verdict, meaning = chi_verdict(chi)
    return [
        KeyFigure("calibrated velocity minus truth, RMS", after, "mm/yr", _within(after, VELOCITY_LIMIT_MM_PER_YR),
                  f"before {before:.2f}; limit {VELOCITY_LIMIT_MM_PER_YR:g}, the EGMS specification of a point"),
        KeyFigure("largest bias of a burst", _signed(bias), "mm/yr", _within(bias, SIGMAS * sigma),
                  f"{short_name(worst.name)}; limit {SIGMAS:g} sigma of the tie = {SIGMAS * sigma:.2f}"),
        KeyFigure("error of the surface over its sigma", chi, "", verdict, meaning),
    ]  # fmt: skip


def _bowl_figures(bursts: Sequence[BurstTruth], best: OrthoTruth) -> list[KeyFigure]:
    figures = []
    sigma = best.sigma("U")
    if best.in_bowl.any() and sigma is not None:
        estimate = float(np.mean(best.cells.velocity_mm_per_yr["U"][best.in_bowl]))
        truth = float(np.mean(best.truth["U"][best.in_bowl]))
        limit = SIGMAS * rms(sigma[best.in_bowl])
        figures.append(KeyFigure("Up in the middle of the bowl", _signed(estimate), "mm/yr", _within(estimate - truth, limit),
                                 f"truth {_signed(truth)}, {int(best.in_bowl.sum())} cells; limit 2 sigma = {limit:.2f}"))  # fmt: skip
    seen = [one for one in bursts if one.in_bowl.any()]
    if seen:
        worst = max(seen, key=lambda one: float(np.max(np.abs(one.leakage))))
        leak = float(worst.leakage[np.argmax(np.abs(worst.leakage))])
        limit = LEAKAGE_LIMIT * float(np.max(np.abs(worst.truth[worst.in_bowl])))
        figures.append(KeyFigure("bowl leaked into the surface, largest", _signed(leak), "mm/yr", _within(leak, limit),
                                 f"{short_name(worst.name)}; limit {100 * LEAKAGE_LIMIT:g} % of the bowl = {limit:.2f}"))  # fmt: skip
    return figures


def _ortho_figures(best: OrthoTruth, official: OrthoTruth) -> list[KeyFigure]:
    figures = []
    for part, name in (("E", "East"), ("U", "Up")):
        error, chi = rms(best.error(part)), best.chi(part)
        verdict, meaning = chi_verdict(chi)
        figures += [
            KeyFigure(f"Ortho {name} (best) minus truth, RMS", error, "mm/yr", _within(error, VELOCITY_LIMIT_MM_PER_YR),
                      f"bias {_signed(float(np.nanmean(best.error(part))))}; limit {VELOCITY_LIMIT_MM_PER_YR:g}"),
            KeyFigure(f"Ortho {name}: error over formal sigma", chi, "", verdict, meaning),
        ]  # fmt: skip
    leak = float(np.nanmean(best.cells.extra["U"]["north_sensitivity"] * official.north_truth))
    bias = float(np.nanmean(official.error("U")))
    figures.append(KeyFigure("Ortho Up (official), bias", _signed(bias), "mm/yr", "note",
                             f"it leaves North in the input: that alone is {_signed(leak)}"))  # fmt: skip
    return figures


def _outlier_figure(world: SimulatedWorld, calibrated: Calibrated) -> KeyFigure:
    rejected = {one.name for one in calibrated.result.rejected}
    found = world.outlier_station in rejected
    others = len(rejected - {world.outlier_station})
    return KeyFigure("sliding station recognised", world.outlier_station if found else "no", "",
                     "pass" if found else "fail",
                     f"{others} of {world.stations.size - 1} good stations rejected too" if others
                     else f"none of {world.stations.size - 1} good stations rejected")  # fmt: skip

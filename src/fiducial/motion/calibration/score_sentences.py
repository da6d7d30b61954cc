"""What a score says in words: computed from the table, so that no number is read alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from fiducial.motion.calibration.score_table import DIRECTIONS, REFERENCE, RecipeRow

ERASED: Final = 0.5
"""A recipe that takes away more than this of a 10 km bowl has no claim on a good hold-out."""
NOTABLE: Final = 0.1
"""The recipe that takes away the most has none either, if it is more than this."""
_BOWL_KM = 10.0

DEFINITIONS: Final[Mapping[str, str]] = MappingProxyType({
    "hold-out": "RMS of calibrated InSAR minus held-out stations in the line of sight, clipped at 15 mm/yr. Stations are "
    "held out in square blocks together with every other station there; the GNSS field is fitted anew without them, "
    "with its covariance parameters kept.",
    "ratio": "RMS over that of the reference recipe for the same stations; 95 % interval from 2000 bootstrap draws of "
    "stations, all samples of a station together.",
    "GNSS only": "RMS of the GNSS field without the held-out stations minus these: no InSAR at all. A recipe that replaces "
    "InSAR by interpolated GNSS approaches it.",
    "chi": "RMS of the hold-out residual over its predicted sigma (station, noise of the InSAR, surface): 1 is right, above "
    "1 the sigma is too small.",
    "overlaps": "RMS of the difference of two sources of one direction in the cells that both see, less what their lines of "
    "sight see differently of the GNSS field; before (median of each pair removed, for the sources have no datum) and "
    "after. 'tracks': of two relative orbits; 'bursts': of one.",
    "chi of overlaps": "RMS of that difference over its predicted sigma, both surfaces and both noises taken as independent. "
    "They share the GNSS field, and what the noise holds of ground motion that GNSS does not resolve; both cancel in the "
    "difference, so that it is mostly below 1.",
    "closure": "East (and up) from ascending and descending samples, north from the field, minus the held-out station's own "
    "east (up): RMS, with bias and chi in the details.",
    "track left out": "Every relative orbit in turn is calibrated alone, and the others without it: RMS of their overlaps. "
    "In the details: the same calibrated together, and its line of sight predicted from east and up of the others and north of GNSS.",
    "leakage": "Share that the correction takes away of a bowl of -10 mm/yr vertical motion, Gaussian with sigma 5, 10, 20 "
    "and 40 km, injected into all tracks and unknown to GNSS (the worst case: a bowl between stations); mean of the "
    "centres. 0 keeps it, 1 erases it.",
    "thinning": "Hold-out error with 4, 8, 16, 32 and 64 random stations in the fit, the same for all recipes, judged by all "
    "other stations; mean of 8 draws (3 for 64).",
})  # fmt: skip


def sentences(rows: Sequence[RecipeRow], reference: str = REFERENCE) -> list[str]:
    """Return what the table says, one thought a sentence: `merit`, `against_reference` and `failures`.

    Parameters
    ----------
    rows : sequence of RecipeRow
    reference : str
        Recipe that the ratios refer to.
    """
    compared = against_reference(rows, reference)
    return [*merit(rows), *compared.values(), *(text for row in rows for text in failures(row))]


def merit(rows: Sequence[RecipeRow]) -> list[str]:
    """Say what GNSS alone reaches, and whether the smallest hold-out error is a merit."""
    return _baseline(rows) + _best(rows)


def against_reference(rows: Sequence[RecipeRow], reference: str = REFERENCE) -> dict[str, str]:
    """Return every other recipe against the reference in all respects, by name of the recipe."""
    base = next((row for row in rows if row.recipe == reference), None)
    if base is None:
        return {}
    return {row.recipe: _against(row, base) for row in rows if row is not base and _known(row, base)}


def failures(row: RecipeRow) -> list[str]:
    """Say what could not be done with a recipe, alike reasons once."""
    told: list[str] = []
    kinds = dict.fromkeys(reason.partition(":")[0].partition(",")[0] for reason in row.reasons)
    for kind in kinds:
        same = [reason for reason in row.reasons if reason.partition(":")[0].partition(",")[0] == kind]
        first = same[0].partition(": ")[2]
        what = "could not be fitted" if kind == "all" else f"could not be scored ({kind})"
        times = f", {len(same)} times, the first" if len(same) > 1 else ""
        told.append(f"{row.recipe} {what}{times}: {first}.")
    return told


def _known(row: RecipeRow, base: RecipeRow) -> bool:
    return bool(np.isfinite(row.hold_out.rms_mm_per_yr) and np.isfinite(base.hold_out.rms_mm_per_yr))


def _baseline(rows: Sequence[RecipeRow]) -> list[str]:
    if not rows:
        return []
    only = rows[0].hold_out.gnss_only_rms_mm_per_yr
    text = (
        f"GNSS alone predicts the held-out stations to {only:.2f} mm/yr, without any InSAR. The hold-out error therefore also "
        "falls when InSAR is replaced by interpolated GNSS: without leakage and overlaps beside it, it says nothing."
    )
    return [text]


def _best(rows: Sequence[RecipeRow]) -> list[str]:
    known = [row for row in rows if np.isfinite(row.hold_out.rms_mm_per_yr) and np.isfinite(row.leak(_BOWL_KM))]
    if not known:
        return []
    best = min(known, key=lambda row: row.hold_out.rms_mm_per_yr)
    worst = max(known, key=lambda row: row.leak(_BOWL_KM))
    share, alone = best.leak(_BOWL_KM), len(known) == 1
    number = f"{best.recipe} has {'a' if alone else 'the smallest'} hold-out error{' of' if alone else ':'} {best.hold_out.rms_mm_per_yr:.2f} mm/yr"  # fmt: skip
    removes = f"it takes away {100 * share:.0f} % of a 10 km bowl that GNSS does not see"
    if share <= ERASED and (alone or best is not worst or share < NOTABLE):
        most = "" if alone else f"; the most is {100 * worst.leak(_BOWL_KM):.0f} %, by {worst.recipe}"
        return [f"{number}; {removes}{most}."]
    rank = "" if alone or best is not worst else ", more than any other recipe"
    curve = ", ".join(f"{100 * row.mean:.0f} % at {row.sigma_km:g} km" for row in best.leakage)
    text = (
        f"{number}, and that is no merit: {removes}{rank} ({curve}). It comes near the stations because it draws InSAR towards "
        "interpolated GNSS everywhere, and what moves between the stations is erased with the errors."
    )
    return [text]


def _against(row: RecipeRow, base: RecipeRow) -> str:
    ratio = row.hold_out.ratio
    parts = [f"hold-out {_ratio(ratio.value, ratio.low, ratio.high)}"]
    for direction in DIRECTIONS:
        overlap = row.overlap("tracks", direction) or row.overlap("bursts", direction)
        if overlap is not None and np.isfinite(overlap.ratio.value):
            parts.append(f"{direction} overlaps {_ratio(overlap.ratio.value, overlap.ratio.low, overlap.ratio.high)}")
    more = [f"{row.leak(one.sigma_km) - one.mean:+.2f} at {one.sigma_km:g} km" for one in base.leakage]
    if more and np.isfinite(row.leak(_BOWL_KM)):
        parts.append("leakage " + ", ".join(more))
    thin = [f"{one.ratio.mean_mm_per_yr:.2f} with {one.stations}" for one in row.thinning if np.isfinite(one.ratio.mean_mm_per_yr)]  # fmt: skip
    if thin:
        parts.append("few stations " + ", ".join(thin))
    return f"{row.recipe} against {base.recipe}: " + "; ".join(parts) + f"; chi {row.hold_out.chi:.2f}."


def _ratio(value: float, low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"x {value:.2f} (no interval)"
    verdict = "better" if high < 1.0 else "worse" if low > 1.0 else "no difference shown"
    return f"x {value:.2f} [{low:.2f}, {high:.2f}], {verdict}"

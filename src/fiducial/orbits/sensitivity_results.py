"""Results of a sensitivity study of the orbit combination: subsets of centres, and their summary by number of centres."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.orbits.screening import Exclusion

FULL: Final = ""
"""Name of the full combination where a reference is named."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Difference of a subset's combination to something else, in one constellation.

    Attributes
    ----------
    reference : str
        Centre that is compared only, or ``FULL``.
    records : int
        Records that both have.
    rms_m : float
        RMS per coordinate of the difference as it is; NaN without records.
    rms_helmert_m : float
        RMS per coordinate after a least-squares fit of seven Helmert parameters to the constellation.
    """

    reference: str
    records: int
    rms_m: float
    rms_helmert_m: float


@dataclass(frozen=True, slots=True)
class ConstellationEffect:
    """One constellation in the combination of a subset.

    Attributes
    ----------
    constellation : str
        Letter of RINEX.
    centres : int
        Centres of the subset that take part in it.
    satellites, records : int
        Combined satellites, and epochs of them.
    satellites_lost : tuple of str
        Satellites of the full combination without a record.
    records_lost : int
        Records of the full combination that are missing.
    agreements : tuple of Agreement
        To the full combination first, then to each reference that has the constellation.
    """

    constellation: str
    centres: int
    satellites: int
    records: int
    satellites_lost: tuple[str, ...]
    records_lost: int
    agreements: tuple[Agreement, ...]

    def agreement(self, reference: str = FULL) -> Agreement | None:
        """Agreement with the reference of that name; None when it does not have the constellation."""
        return next((one for one in self.agreements if one.reference == reference), None)


@dataclass(frozen=True, slots=True)
class SubsetEffect:
    """Combination of a subset of the centres.

    Attributes
    ----------
    centres, left_out : tuple of str
        In the order of the day.
    constellations : tuple of ConstellationEffect
    exclusions : tuple of Exclusion
        Outliers among the subset.
    """

    centres: tuple[str, ...]
    left_out: tuple[str, ...]
    constellations: tuple[ConstellationEffect, ...]
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True)
class SizeSummary:
    """Subsets in which one number of centres takes part in a constellation.

    Attributes
    ----------
    constellation : str
    centres : int
    reference : str
        What the RMS refers to: a compared centre or ``FULL``.
    subsets : int
    median_m, p05_m, p95_m : float
        Median and percentiles over the subsets of the RMS per coordinate; NaN without records.
    median_helmert_m, p95_helmert_m : float
        The same after Helmert.
    records_lost_median, records_lost_most : float
        Records of the full combination that are missing in the median and in the worst subset, as part of one.
    """

    constellation: str
    centres: int
    reference: str
    subsets: int
    median_m: float
    p05_m: float
    p95_m: float
    median_helmert_m: float
    p95_helmert_m: float
    records_lost_median: float
    records_lost_most: float


def summarise(effects: Iterable[SubsetEffect]) -> tuple[SizeSummary, ...]:
    """Summarise subsets by constellation, reference and number of centres that take part in the constellation.

    Parameters
    ----------
    effects : iterable of SubsetEffect
        A subset that comes twice counts once.

    Returns
    -------
    tuple of SizeSummary
        In the order of constellations, references, numbers of centres.
    """
    cells: dict[tuple[str, str], dict[int, list[tuple[ConstellationEffect, Agreement]]]] = {}
    for effect in {one.centres: one for one in effects}.values():
        for part in effect.constellations:
            for agreement in part.agreements:
                sizes = cells.setdefault((part.constellation, agreement.reference), {})
                sizes.setdefault(part.centres, []).append((part, agreement))
    return tuple(
        _summary(constellation, reference, size, members)
        for (constellation, reference), sizes in cells.items()
        for size, members in sorted(sizes.items())
    )


def _summary(
    constellation: str, reference: str, size: int, members: list[tuple[ConstellationEffect, Agreement]]
) -> SizeSummary:
    raw, helmert = (
        np.array(values) for values in ([one.rms_m for _, one in members], [one.rms_helmert_m for _, one in members])
    )
    raw, helmert = raw[np.isfinite(raw)], helmert[np.isfinite(helmert)]
    lost = [part.records_lost / max(part.records + part.records_lost, 1) for part, _ in members]
    p05, median, p95 = np.percentile(raw, [5, 50, 95]).tolist() if raw.size else [math.nan] * 3
    median_h, p95_h = np.percentile(helmert, [50, 95]).tolist() if helmert.size else [math.nan] * 2
    return SizeSummary(
        constellation, size, reference, len(members), median, p05, p95, median_h, p95_h,
        float(np.median(lost)), max(lost),
    )  # fmt: skip

"""Measured loss functions: what the orbit combination loses with its centres, as a loss of the pool of centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fiducial.chain.network import Curve
from fiducial.errors import InputError


@dataclass(frozen=True, slots=True)
class MeasuredLoss:
    """What remains with a number of centres.

    Attributes
    ----------
    centres : int
        Centres left.
    difference_mm : float
        Median RMS per coordinate of the difference to the combination of all centres, mm.
    records_lost : float
        Share of the records of the full combination that are missing.
    """

    centres: int
    difference_mm: float
    records_lost: float


def pool_curve(full: int, measured: Sequence[MeasuredLoss], tolerance_mm: float, inputs: int) -> Curve:
    """Return the loss of a pool against the number of its inputs lost.

    The loss with n of N centres is the difference over the tolerance, or the share of records lost, whichever is greater; with no
    centre it is 1. Centres count by their share, for the pool has other numbers than the day measured.

    Parameters
    ----------
    full : int
        Centres N of the full combination.
    measured : sequence of MeasuredLoss
        By number of centres, in any order; not the full one.
    tolerance_mm : float
        Difference that counts as a total loss, mm.
    inputs : int
        Inputs of the pool.

    Returns
    -------
    tuple of (float, float)
        Inputs lost, ascending, and loss, not falling.

    Raises
    ------
    InputError
        FID-1428 without a measurement, or with a tolerance that is not positive and finite.
    """
    usable = sorted((one for one in measured if 0 < one.centres < full), key=lambda one: -one.centres)
    if not usable or not 0 < tolerance_mm < math.inf:
        raise InputError(
            "FID-1428",
            "no loss can be measured: no subset of centres, or no positive tolerance",
            where="measured transfer",
            fix="run `fiducial orbits sensitivity … --json` with two centres or more",
        )
    points, worst = [(0.0, 0.0)], 0.0
    for one in usable:
        worst = max(worst, min(1.0, max(one.difference_mm / tolerance_mm, one.records_lost)))
        points.append((inputs * (full - one.centres) / full, worst))
    return (*points, (float(inputs), 1.0))

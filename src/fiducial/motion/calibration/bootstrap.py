"""Bootstrap intervals for ratios of RMS: whether one recipe is better than another, or only seems so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.motion.calibration.residuals import clipped

Array = NDArray[np.float64]

REPLICATES: Final = 2000
CONFIDENCE: Final = 0.95
_SEED = 20_240_607


@dataclass(frozen=True)
class Ratio:
    """A ratio with its interval.

    Attributes
    ----------
    value : float
        Below 1: better than the reference. NaN when there is nothing to compare.
    low, high : float
        Ends of the 95 % interval; NaN with fewer than five units to draw from.
    units : int
        Stations, or squares of cells, that were drawn.
    """

    value: float
    low: float
    high: float
    units: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; unknown is None."""
        values = {"value": self.value, "low": self.low, "high": self.high}
        return {name: value if np.isfinite(value) else None for name, value in values.items()} | {"units": self.units}


NO_RATIO: Final = Ratio(float("nan"), float("nan"), float("nan"), 0)


def rms_ratio(
    residual: Array, reference: Array, unit: NDArray[Any], *, replicates: int = REPLICATES, least_units: int = 5
) -> Ratio:
    """Return RMS(residual) / RMS(reference) and its percentile interval from drawing units with replacement.

    Parameters
    ----------
    residual, reference : ndarray, shape (n,)
        Of two recipes for the same rows, mm/yr; clipped at 15. Rows where either is NaN are left out of both.
    unit : ndarray, shape (n,)
        What is drawn together: all rows of a station, all cells of a square.
    replicates : int
    least_units : int
        With fewer units there is no interval.

    Returns
    -------
    Ratio

    Notes
    -----
    Efron & Tibshirani 1993, ch. 13. The draws depend on the number of units only, so that all recipes that are
    compared over the same rows see the same ones.
    """
    known = np.isfinite(residual) & np.isfinite(reference)
    labels, row = np.unique(np.asarray(unit)[known], return_inverse=True)
    units = len(labels)
    if units == 0:
        return NO_RATIO
    over = np.bincount(row.ravel(), weights=clipped(residual[known]) ** 2, minlength=units)
    under = np.bincount(row.ravel(), weights=clipped(reference[known]) ** 2, minlength=units)
    if not under.sum() > 0:
        return NO_RATIO
    value = float(np.sqrt(over.sum() / under.sum()))
    if units < least_units:
        return Ratio(value, float("nan"), float("nan"), units)
    drawn = np.random.default_rng(_SEED).multinomial(units, np.full(units, 1.0 / units), size=replicates)
    below = drawn @ under
    ratios = np.sqrt((drawn @ over)[below > 0] / below[below > 0])
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(ratios, [tail, 100.0 - tail])
    return Ratio(value, float(low), float(high), units)

"""A product of the demonstration beside the truth: error, sigma, pull, and the verdict that follows from stated limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Verdict = Literal["pass", "fail", "note", ""]

PULL_LIMITS: Final = (0.5, 2.0)
"""Error over predicted sigma, right to a factor of two: above, the sigma promises too much; below, it is needlessly large."""


def rms(values: ArrayLike) -> float:
    """Return the root mean square of the finite values; NaN when there are none."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    return float(np.sqrt(np.mean(found**2))) if found.size else float("nan")


def pull_verdict(pull: float) -> tuple[Verdict, str]:
    """Return the verdict on a predicted sigma, and what it means."""
    low, high = PULL_LIMITS
    if np.isnan(pull):
        return "", "no sigma is predicted"
    if pull > high:
        return "fail", f"limit {high:g}: the sigma promises too much"
    if pull < low:
        return "note", f"below {low:g}: the truth lies well inside, the sigma is larger than needed"
    return "pass", f"between {low:g} and {high:g}: the sigma is right to a factor of two"


@dataclass(frozen=True)
class Score:
    """A quantity of a product, held against the truth.

    Attributes
    ----------
    product : str
        What it is.
    name : str
        Which one: a day, a burst, a tile.
    quantity, unit : str
    error, sigma : ndarray, shape (n,)
        Estimate minus truth and its predicted standard deviation, in ``unit``; both finite.
    """

    product: str
    name: str
    quantity: str
    unit: str
    error: Floats
    sigma: Floats

    @property
    def normalised(self) -> Floats:
        """Error over sigma."""
        return self.error / self.sigma

    @property
    def pull(self) -> float:
        """RMS of error over sigma; 1 when the sigma is right."""
        return rms(self.normalised)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        verdict, meaning = pull_verdict(self.pull)
        return {
            "product": self.product, "name": self.name, "quantity": self.quantity, "unit": self.unit,
            "count": int(self.error.size), "error_rms": rms(self.error), "bias": float(np.mean(self.error)),
            "sigma_rms": rms(self.sigma), "pull": self.pull, "verdict": verdict, "meaning": meaning,
        }  # fmt: skip


def score(product: str, name: str, quantity: str, unit: str, error: ArrayLike, sigma: ArrayLike) -> Score:
    """Return the score of arrays of one shape; pairs that are not finite, or have no sigma, are left out."""
    wrong, predicted = (np.asarray(one, dtype=np.float64).ravel() for one in (error, sigma))
    known = np.isfinite(wrong) & np.isfinite(predicted) & (predicted > 0.0)
    return Score(product, name, quantity, unit, wrong[known], predicted[known])

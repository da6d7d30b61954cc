"""Least squares with unknowns that cannot be negative, for small dense systems."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TOLERANCE: Final = 1e-12
_STEPS_PER_UNKNOWN: Final = 10


def nonnegative_least_squares(design: Array, observed: Array) -> Array:
    """Return the x >= 0 that minimises |design x - observed|.

    Parameters
    ----------
    design : ndarray, shape (observation, unknown)
        Columns may differ in size by any factor.
    observed : ndarray, shape (observation,)

    Returns
    -------
    ndarray, shape (unknown,)

    Notes
    -----
    Active sets: Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23. It stands here because importing
    scipy.optimize takes longer than combining the clocks of a day.

    Examples
    --------
    >>> nonnegative_least_squares(np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([1.0, 2.0])).round(9).tolist()
    [1.5, 0.0]
    """
    size = np.linalg.norm(design, axis=0)
    scaled = design / np.where(size > 0, size, 1.0)
    limit = _TOLERANCE * max(float(np.linalg.norm(observed)), np.finfo(float).tiny)
    solution = np.zeros(design.shape[1])
    free = np.zeros(design.shape[1], dtype=bool)
    for _ in range(_STEPS_PER_UNKNOWN * design.shape[1]):
        gradient = np.where(free, -np.inf, scaled.T @ (observed - scaled @ solution))
        best = int(np.argmax(gradient))
        if not gradient[best] > limit:
            break
        free[best] = True
        trial = _solve(scaled, observed, free)
        while (trial[free] <= 0.0).any():
            blocked = free & (trial <= 0.0)
            step = float(
                np.min(solution[blocked] / np.maximum(solution[blocked] - trial[blocked], np.finfo(float).tiny))
            )
            solution += step * (trial - solution)
            # The unknown that stops the step is zero but for rounding, and leaves.
            free &= solution > _TOLERANCE * max(float(solution.max()), 0.0)
            solution[~free] = 0.0
            trial = _solve(scaled, observed, free)
        solution = trial
    return np.asarray(solution / np.where(size > 0, size, 1.0), dtype=np.float64)


def _solve(design: Array, observed: Array, free: NDArray[np.bool_]) -> Array:
    found = np.zeros(design.shape[1])
    if free.any():
        found[free] = np.linalg.lstsq(design[:, free], observed, rcond=None)[0]
    return found

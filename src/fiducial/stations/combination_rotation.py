"""Earth rotation in the combination of stations: which universal times the observations determine at all."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.stations.helmert_design import ParameterKey, coordinate_rows
from fiducial.stations.systems import CentreSolution, minimal_constraint, triangular_inverse

Array = NDArray[np.float64]

_UNIVERSAL_TIME: Final = ("UT", "UT1")
_NETWORK_SIGMA_M: Final = 1e-4
_FREE_S: Final = 1e-2
"""Universal time known to no better, 5 m at the equator, is not known."""
_ADDED: Final = 1e-3
"""Observations that add no more than this part of what the constraint says do not determine it."""


def without_free_time(solution: CentreSolution) -> tuple[CentreSolution, tuple[ParameterKey, ...]]:
    """Take universal times out that the observations of a solution do not determine.

    Parameters
    ----------
    solution : CentreSolution

    Returns
    -------
    solution : CentreSolution
        The same one when all of its parameters are determined.
    free : tuple of ParameterKey

    Notes
    -----
    Satellites tell the Earth's rotation against their orbital nodes only. With the nodes estimated, UT1 moves freely even
    while the network stands still; with very long baselines it is tied to the network, and moves with R3. Judged is
    therefore the information on UT1 with the network held, once with the constraint and once of the constraint alone. A
    parameter without information is not correlated with others once its constraint is gone: leaving it out is eliminating
    it. What a solution fixed without saying so cannot be told from what it observed.
    """
    rows = [row for row, key in enumerate(solution.keys) if key.kind in _UNIVERSAL_TIME]
    if not rows or not any(key.code for key in solution.keys):
        return solution, ()
    try:
        normal = triangular_inverse(solution.covariance)
    except np.linalg.LinAlgError:
        # Named where all matrices are checked.
        return solution, ()
    places = coordinate_rows(solution.keys).ravel()
    held = normal + minimal_constraint(solution.keys, solution.value, places, _NETWORK_SIGMA_M)
    known = 1.0 / np.diag(triangular_inverse(held))[rows]
    stated = np.zeros(len(rows))
    if solution.apriori_covariance is not None:
        stated = 1.0 / np.diag(solution.apriori_covariance)[rows]
    added = known - stated
    free = [row for row, own, tied in zip(rows, added, stated, strict=True) if own < max(_ADDED * tied, _FREE_S**-2)]
    if not free:
        return solution, ()
    keep = np.array([row for row in range(len(solution.keys)) if row not in free], dtype=np.intp)
    part = np.ix_(keep, keep)
    rest = CentreSolution(
        solution.name, tuple(solution.keys[row] for row in keep), solution.value[keep], solution.covariance[part],
        None if solution.apriori is None else solution.apriori[keep],
        None if solution.apriori_covariance is None else solution.apriori_covariance[part],
    )  # fmt: skip
    return rest, tuple(solution.keys[row] for row in free)

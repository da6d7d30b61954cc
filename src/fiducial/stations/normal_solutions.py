"""Solutions that come as information or normal equations: estimates and covariances that a combination can take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import NumericsError
from fiducial.stations.helmert_design import AT_SURFACE, ParameterKey, helmert_design
from fiducial.stations.systems import CentreSolution, datum_strength, triangular_inverse

Array = NDArray[np.float64]

_LITTLE: Final = 1e-7
_SINGULAR: Final = 1e12


def solution_of_normal(
    name: str, keys: Sequence[ParameterKey], approximate: Array, normal: Array, right: Array
) -> CentreSolution:
    """Solve normal equations that may lack a datum.

    Parameters
    ----------
    name : str
        Of the centre.
    keys : sequence of ParameterKey
    approximate : ndarray, shape (parameter,)
        Values that the equations are about.
    normal : ndarray, shape (parameter, parameter)
        N of N dx = b, without constraints.
    right : ndarray, shape (parameter,)
        b; zero for information about estimates.

    Returns
    -------
    CentreSolution
        With origin, scale and orientation held loosely, hundreds of times looser than a coordinate is known;
        a combination takes that out again.

    Raises
    ------
    NumericsError
        FID-3134 when more than origin, scale and orientation is missing; names the parameter.
    """
    design = helmert_design(keys, approximate) / AT_SURFACE
    unknown = np.flatnonzero(np.diag(normal) <= 0.0)
    if unknown.size:
        raise _undetermined(name, keys[unknown[0]], "no observation")
    held = normal + datum_strength(keys, normal, _LITTLE) * design @ design.T
    try:
        covariance = triangular_inverse(held)
    except np.linalg.LinAlgError:
        covariance = np.full_like(held, np.inf)
    if (np.diag(covariance) * np.diag(held) > _SINGULAR).any():
        diagonal = np.sqrt(np.diag(held))
        values, vectors = np.linalg.eigh(held / np.outer(diagonal, diagonal))
        key = keys[int(np.argmax(np.abs(vectors[:, 0])))]
        raise _undetermined(name, key, f"smallest eigenvalue {values[0]:.3g}")
    return CentreSolution(name, tuple(keys), approximate + covariance @ right, covariance)


def _undetermined(name: str, key: ParameterKey, why: str) -> NumericsError:
    return NumericsError(
        "FID-3134", f"the normal equations of {name} do not determine {key.kind} {key.code}: {why}",
        where=f"{name}, {key.kind} {key.code}", fix="fetch the solution again, or leave the centre out",
    )  # fmt: skip

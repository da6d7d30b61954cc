"""What a combination of station solutions is told, and what it gives."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.stations.helmert_design import ParameterKey, coordinate_rows

Array = NDArray[np.float64]
SiteName = tuple[str, str, str]
Reason = Literal["residual", "normalised-residual", "reference", "velocity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StationOptions:
    """Options of a station combination.

    Attributes
    ----------
    residual_limit_m : float
        A station of a centre with a larger residual in East, North or Up is rejected ...
    normalised_limit : float
        ... or with one above this many standard deviations.
    variance_tolerance : float
        Variance factors are iterated until they change by less than this part.
    sweeps : int
        Most iterations.
    datum_sigma_m : float
        How tightly the core holds origin, scale and orientation.
    core_limit_m : float
        A core station that departs from its reference by more in East, North or Up is no core station.

    Raises
    ------
    InputError
        FID-1375 for a limit that is not a positive number.
    """

    residual_limit_m: float = 0.02
    normalised_limit: float = 5.0
    variance_tolerance: float = 1e-3
    sweeps: int = 30
    datum_sigma_m: float = 1e-4
    core_limit_m: float = 0.02

    def __post_init__(self) -> None:
        require_limits(self)


def require_limits(options: object, *, or_zero: Collection[str] = ()) -> None:
    """Refuse options whose numbers are not positive: no residual exceeds a limit that is negative or NaN.

    Parameters
    ----------
    options : dataclass
    or_zero : collection of str
        Numbers that may be zero.

    Raises
    ------
    InputError
        FID-1375.
    """
    for one in fields(options):  # type: ignore[arg-type]
        value = getattr(options, one.name)
        if isinstance(value, bool | str):
            continue
        if not (math.isfinite(value) and (value > 0 or (value == 0 and one.name in or_zero))):
            raise InputError("FID-1375", f"{one.name} is {value:g}: nothing can be judged by it", where=f"option {one.name}",
                             fix="give a positive number")  # fmt: skip


@dataclass(frozen=True, slots=True)
class StationRejection:
    """A station that was taken out of a centre's solution, or out of the core.

    Attributes
    ----------
    centre : str
        Empty when a core station departs from its reference.
    site : tuple of str
    reason : {"residual", "normalised-residual", "reference", "velocity"}
        ``velocity``: of a core segment of a stack; value and limit in m/yr.
    component : {"E", "N", "U"}
    value : float
        Residual [m], centre or combination minus what it was compared with; times one over its standard deviation for a
        normalised residual.
    limit : float
    """

    centre: str
    site: SiteName
    reason: Reason
    component: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class CentreResult:
    """What the combination says of one centre.

    Attributes
    ----------
    name : str
    stations, core_stations : int
        Used stations, and those of them in the core.
    helmert : ndarray, shape (7,)
        From the centre to the combination: T [m], D, R [rad], position-vector signs.
    helmert_sigma : ndarray, shape (7,)
    variance_factor : float
        Estimated variance of unit weight: covariances of the centre were multiplied by it.
    redundancy : float
    wrms_enu_m, rms_enu_m : ndarray, shape (3,)
        Of the residuals, centre after Helmert minus combination, East, North, Up, of stations that another centre has
        too; NaN without any.
    sites : tuple of site
    residuals_enu_m : ndarray, shape (site, 3)
    datum_sigma_m : ndarray, shape (7,)
        How well the centre's own solution knew its frame.
    earth_rotation : tuple of (ParameterKey, float)
        Other parameters than coordinates: centre after Helmert minus combination, in SI.
    """

    name: str
    stations: int
    core_stations: int
    helmert: Array
    helmert_sigma: Array
    variance_factor: float
    redundancy: float
    wrms_enu_m: Array
    rms_enu_m: Array
    sites: tuple[SiteName, ...]
    residuals_enu_m: Array
    datum_sigma_m: Array
    earth_rotation: tuple[tuple[ParameterKey, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class StationCombination:
    """Combined stations and Earth rotation.

    Attributes
    ----------
    keys : tuple of ParameterKey
    value : ndarray, shape (parameter,)
    covariance : ndarray, shape (parameter, parameter)
        Scaled by the variance factors; minimal constraints included.
    centres : tuple of CentreResult
    core : tuple of site
    rejections : tuple of StationRejection
    converged : bool
    free : tuple of (centre, ParameterKey)
        Universal times that a centre's observations do not determine; they were taken out of it.
    """

    keys: tuple[ParameterKey, ...]
    value: Array
    covariance: Array
    centres: tuple[CentreResult, ...]
    core: tuple[SiteName, ...]
    rejections: tuple[StationRejection, ...]
    converged: bool
    free: tuple[tuple[str, ParameterKey], ...] = ()

    def positions(self) -> tuple[tuple[SiteName, ...], Array, Array]:
        """Return sites, coordinates (site, 3) and their covariances (site, 3, 3)."""
        rows = coordinate_rows(self.keys)
        sites = tuple(self.keys[row[0]].site for row in rows)
        return sites, self.value[rows], self.covariance[rows[:, :, None], rows[:, None, :]]

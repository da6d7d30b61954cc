"""Earth rotation parameters as arrays, and their interpolation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.timescales import tai_minus_utc_s

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

MJD_OF_1970: Final = 40587.0
MJD_FIRST: Final = 41317.0
"""1972-01-01, from which UTC has whole leap seconds."""
MJD_LAST: Final = 106_000.0
_NODES: Final = 4


def _absent() -> Array:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class EarthRotation:
    """Pole, UT1 and length of day, shape (epoch,) each, NaN where not stated; a column left out is NaN throughout.

    Attributes
    ----------
    mjd_utc : ndarray
        Modified Julian dates in UTC, increasing.
    x_pole_rad, y_pole_rad : ndarray
        Coordinates of the celestial intermediate pole in the terrestrial frame: x towards Greenwich, y towards 90° W.
    ut1_minus_utc_s, lod_s : ndarray
        UT1 - UTC, and the length of day beyond 86400 s.
    x_pole_sigma_rad, y_pole_sigma_rad, ut1_sigma_s, lod_sigma_s : ndarray
        Standard deviations.
    x_rate_rad_per_day, y_rate_rad_per_day, x_rate_sigma_rad_per_day, y_rate_sigma_rad_per_day : ndarray
        Rates of the pole and their standard deviations.
    predicted_pole, predicted_ut1 : ndarray of bool, or None
        Where the values are predictions; None when the source does not say.
    ut1_regularised, lod_regularised : bool
        UT1R or LODR: zonal tides of periods up to 35 days are removed.
    """

    mjd_utc: Array
    x_pole_rad: Array = field(default_factory=_absent)
    y_pole_rad: Array = field(default_factory=_absent)
    ut1_minus_utc_s: Array = field(default_factory=_absent)
    lod_s: Array = field(default_factory=_absent)
    x_pole_sigma_rad: Array = field(default_factory=_absent)
    y_pole_sigma_rad: Array = field(default_factory=_absent)
    ut1_sigma_s: Array = field(default_factory=_absent)
    lod_sigma_s: Array = field(default_factory=_absent)
    x_rate_rad_per_day: Array = field(default_factory=_absent)
    y_rate_rad_per_day: Array = field(default_factory=_absent)
    x_rate_sigma_rad_per_day: Array = field(default_factory=_absent)
    y_rate_sigma_rad_per_day: Array = field(default_factory=_absent)
    predicted_pole: Flags | None = None
    predicted_ut1: Flags | None = None
    ut1_regularised: bool = False
    lod_regularised: bool = False

    def __post_init__(self) -> None:
        mjd = self.mjd_utc
        if mjd.ndim != 1 or not mjd.size or not np.isfinite(mjd).all() or (np.diff(mjd) <= 0).any():
            raise _malformed("the dates do not increase, or there are none")
        if mjd[0] < MJD_FIRST or mjd[-1] > MJD_LAST:
            raise _malformed(f"dates reach from MJD {mjd[0]:g} to {mjd[-1]:g}")
        for name in (*VALUES, *SIGMAS):
            column = getattr(self, name)
            if not column.size:
                object.__setattr__(self, name, np.full(mjd.shape, np.nan))
            elif column.shape != mjd.shape:
                raise _malformed(f"{name} has shape {column.shape}, the dates have {mjd.shape}")
        for name in ("predicted_pole", "predicted_ut1"):
            flags = getattr(self, name)
            if flags is not None and flags.shape != mjd.shape:
                raise _malformed(f"{name} has shape {flags.shape}, the dates have {mjd.shape}")


VALUES: Final = (
    "x_pole_rad", "y_pole_rad", "ut1_minus_utc_s", "lod_s", "x_rate_rad_per_day", "y_rate_rad_per_day",
)  # fmt: skip
SIGMAS: Final = (
    "x_pole_sigma_rad", "y_pole_sigma_rad", "ut1_sigma_s", "lod_sigma_s", "x_rate_sigma_rad_per_day",
    "y_rate_sigma_rad_per_day",
)  # fmt: skip


def leap_seconds_at(mjd_utc: Array) -> Array:
    """Return TAI - UTC at modified Julian dates, seconds.

    Raises
    ------
    InputError
        FID-1010 before 1972.

    Examples
    --------
    >>> leap_seconds_at(np.array([57753.5, 57754.0]))
    array([36., 37.])
    """
    milliseconds = np.round((np.asarray(mjd_utc, dtype=np.float64) - MJD_OF_1970) * 86_400_000.0).astype(np.int64)
    return tai_minus_utc_s(milliseconds.astype("datetime64[ms]")).astype(np.float64)


def interpolate(rotation: EarthRotation, mjd_utc: Array) -> EarthRotation:
    """Interpolate by the polynomial through the four nearest dates (two on each side, fewer at the ends).

    Parameters
    ----------
    rotation : EarthRotation
        At least four dates.
    mjd_utc : ndarray, shape (epoch,)
        Modified Julian dates in UTC, increasing, inside the dates given.

    Returns
    -------
    EarthRotation
        NaN where one of the four values is NaN; on a date of ``rotation`` its own value, whatever its neighbours are.
        Sigmas are those of independent dates. A result is predicted when one of its dates is.

    Raises
    ------
    InputError
        FID-1280 malformed dates; FID-1282 a date outside, or fewer than four dates.

    Notes
    -----
    Lagrange's formula on four points as the IERS recommends for daily series (D. Gambis, interp.f; IERS Conventions
    2010, ch. 5). UT1 is interpolated as UT1 - TAI, which has no leap seconds. Tides of less than two days are no part
    of daily series and are not added.
    """
    wanted = np.atleast_1d(np.asarray(mjd_utc, dtype=np.float64))
    nodes = rotation.mjd_utc
    if nodes.size < _NODES:
        fix = f"give at least {_NODES} dates"
        raise InputError("FID-1282", f"{nodes.size} dates are too few to interpolate", where="Earth rotation", fix=fix)
    if not np.all((wanted >= nodes[0]) & (wanted <= nodes[-1])):
        problem = f"a date lies outside MJD {nodes[0]:.2f} to {nodes[-1]:.2f}"
        raise InputError("FID-1282", problem, where="Earth rotation", fix="give parameters that cover the dates")
    first = np.clip(np.searchsorted(nodes, wanted, side="right") - 2, 0, nodes.size - _NODES)
    index = first[:, None] + np.arange(_NODES)
    weight = _lagrange(nodes[index], wanted)
    found: dict[str, Array] = {}
    for name in VALUES:
        column = getattr(rotation, name)
        if name == "ut1_minus_utc_s":
            column = column - leap_seconds_at(nodes)
        found[name] = _weighted(weight, column[index])
    found["ut1_minus_utc_s"] += leap_seconds_at(wanted)
    for name in SIGMAS:
        found[name] = np.sqrt(_weighted(weight**2, getattr(rotation, name)[index] ** 2))
    return EarthRotation(
        wanted,
        predicted_pole=_any_used(rotation.predicted_pole, index, weight),
        predicted_ut1=_any_used(rotation.predicted_ut1, index, weight),
        ut1_regularised=rotation.ut1_regularised,
        lod_regularised=rotation.lod_regularised,
        **found,
    )


def _lagrange(nodes: Array, wanted: Array) -> Array:
    """Weights of the nodes, shape (epoch, node); exactly 0 and 1 on a node."""
    weight = np.ones(nodes.shape)
    for one in range(nodes.shape[1]):
        for other in range(nodes.shape[1]):
            if one != other:
                weight[:, one] *= (wanted - nodes[:, other]) / (nodes[:, one] - nodes[:, other])
    return weight


def _weighted(weight: Array, values: Array) -> Array:
    # Zero times NaN is NaN: a value without weight must not count.
    total: Array = np.sum(np.where(weight == 0.0, 0.0, weight * values), axis=1)
    return total


def _any_used(flags: Flags | None, index: NDArray[np.intp], weight: Array) -> Flags | None:
    if flags is None:
        return None
    used: Flags = np.any(flags[index] & (weight != 0.0), axis=1)
    return used


def _malformed(problem: str) -> InputError:
    fix = "give arrays of one list of increasing dates from 1972 on"
    return InputError("FID-1280", problem, where="Earth rotation", fix=fix)

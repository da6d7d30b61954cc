"""Alignment of station coordinates or velocities to a frame by seven parameters, robust, with reasons for rejections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.stations.helmert_design import AT_SURFACE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SiteName = tuple[str, str, str]

_MAD: Final = 1.4826
_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class AlignmentRejection:
    """A site left out of an alignment: the component that is worst, its residual and the limit, metres."""

    site: SiteName
    component: str
    residual_m: float
    limit_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Seven parameters that take one set of coordinates to another: x' = x + T + D x + R x.

    Attributes
    ----------
    parameters : ndarray, shape (7,)
        Tx, Ty, Tz [m], D, Rx, Ry, Rz [rad]; per year when velocities were aligned.
    covariance : ndarray, shape (7, 7)
        Scaled by the variance factor.
    variance_factor : float
    sites : tuple of site
        All common sites.
    used : ndarray of bool, shape (site,)
    residuals_enu_m : ndarray, shape (site, 3)
        Target minus transformed source in East, North, Up; of rejected sites too.
    rms_enu_m, wrms_enu_m : ndarray, shape (3,)
        Of the used sites.
    rejected : tuple of AlignmentRejection
    """

    parameters: Array
    covariance: Array
    variance_factor: float
    sites: tuple[SiteName, ...]
    used: Mask
    residuals_enu_m: Array
    rms_enu_m: Array
    wrms_enu_m: Array
    rejected: tuple[AlignmentRejection, ...]

    @property
    def sigma(self) -> Array:
        """Standard deviations of the parameters."""
        return np.asarray(np.sqrt(np.diag(self.covariance)), dtype=np.float64)


def align(
    sites: Sequence[SiteName],
    source: Array,
    target: Array,
    covariance: Array | None = None,
    *,
    positions_m: Array | None = None,
    core: Sequence[SiteName] | None = None,
    factor: float = 6.0,
    floor_m: float = 0.02,
) -> Alignment:
    """Fit the seven parameters from ``source`` to ``target``.

    Parameters
    ----------
    sites : sequence of (code, point, solution)
    source, target : ndarray, shape (site, 3)
        Geocentric coordinates of the same sites [m], or velocities [m/yr].
    covariance : ndarray, shape (site, 3, 3), optional
        Of the differences; equal and independent when left out.
    positions_m : ndarray, shape (site, 3), optional
        Where the sites are; needed for velocities, the source itself by default.
    core : sequence of site, optional
        Sites that may determine the parameters; all by default.
    factor, floor_m : float
        A site is rejected when a residual exceeds ``factor`` robust standard deviations of its component and
        ``floor_m``; the worst first, refitted each time.

    Raises
    ------
    InputError
        FID-1323 for arrays that do not fit each other or hold unknown values.
    NumericsError
        FID-3133 when fewer than three sites are left or they do not determine the parameters.

    Notes
    -----
    Generalised least squares with 3 x 3 weights (IERS Conventions 2010, eq. 4.3 in position-vector signs).
    """
    where = source if positions_m is None else positions_m
    blocks = np.broadcast_to(np.eye(3), (len(source), 3, 3)) if covariance is None else covariance
    _check(sites, source, target, where, blocks)
    weights = np.asarray(np.linalg.inv(blocks), dtype=np.float64)
    longitude, latitude, _ = geodetic_from_geocentric(where)
    axes = local_axes(longitude, latitude)
    allowed = np.ones(len(sites), dtype=bool) if core is None else np.isin(_joined(sites), _joined(core))
    used = allowed.copy()
    rejected: list[AlignmentRejection] = []
    design = _design(where)
    while True:
        parameters, inverse = _fit(design, target - source, weights, used)
        rest = target - source - np.einsum("sij,j->si", design, parameters)
        enu = np.einsum("sac,sc->sa", axes, rest)
        spread = _MAD * np.median(np.abs(enu[used] - np.median(enu[used], axis=0)), axis=0)
        limit = np.maximum(factor * spread, floor_m)
        excess = np.where(used[:, None], np.abs(enu) / limit, 0.0)
        s, a = (int(place) for place in np.unravel_index(int(np.argmax(excess)), excess.shape))
        if excess[s, a] <= 1.0:
            break
        used[s] = False
        rejected.append(AlignmentRejection(sites[s], "ENU"[a], float(enu[s, a]), float(limit[a])))
    variance = float(np.einsum("si,sij,sj->", rest[used], weights[used], rest[used])) / max(3 * int(used.sum()) - 7, 1)
    rms, wrms = _sizes(enu[used], np.einsum("sac,scd,sad->sa", axes, blocks, axes)[used])
    return Alignment(parameters, variance * inverse, variance, tuple(sites), used, enu, rms, wrms, tuple(rejected))


def _sizes(enu: Array, variance: Array) -> tuple[Array, Array]:
    """RMS and WRMS, shape (3,)."""
    weighted = (enu**2 / variance).sum(axis=0) / (1.0 / variance).sum(axis=0)
    return np.sqrt((enu**2).mean(axis=0)), np.sqrt(weighted)


def _design(where: Array) -> Array:
    design = np.zeros((len(where), 3, 7))
    x, y, z = where.T
    design[:, [0, 1, 2], [0, 1, 2]] = 1.0
    design[:, :, 3] = where
    design[:, 1, 4], design[:, 2, 4] = -z, y
    design[:, 0, 5], design[:, 2, 5] = z, -x
    design[:, 0, 6], design[:, 1, 6] = -y, x
    return design


def _fit(design: Array, difference: Array, weights: Array, used: Mask) -> tuple[Array, Array]:
    unit = design[used] / AT_SURFACE
    weighted = np.einsum("sij,sjp->sip", weights[used], unit)
    normal = np.einsum("sip,siq->pq", unit, weighted)
    values = np.linalg.eigvalsh(normal) if used.sum() >= _LEAST else np.zeros(7)
    if values[0] <= 1e-10 * values[-1] or values[-1] == 0.0:
        raise NumericsError(
            "FID-3133",
            f"{int(used.sum())} sites do not determine the seven parameters",
            where="alignment",
            fix="give at least three common sites, well apart and not on one line, or raise the limits",
        )
    right = np.einsum("sip,si->p", weighted, difference[used])
    inverse = np.linalg.inv(normal)
    return inverse @ right / AT_SURFACE, inverse / np.outer(AT_SURFACE, AT_SURFACE)


def _joined(sites: Sequence[SiteName]) -> list[str]:
    return ["|".join(site) for site in sites]


def _check(sites: Sequence[SiteName], source: Array, target: Array, where: Array, blocks: Array) -> None:
    shape = (len(sites), 3)
    fits = source.shape == target.shape == where.shape == shape and blocks.shape == (*shape, 3)
    if not fits or not all(np.isfinite(part).all() for part in (source, target, where, blocks)):
        raise InputError(
            "FID-1323",
            f"coordinates to align do not fit each other or hold unknown values: {source.shape}, {target.shape}, "
            f"{len(sites)} sites",
            where="alignment",
            fix="give finite coordinates of the same sites, without duplicates",
        )

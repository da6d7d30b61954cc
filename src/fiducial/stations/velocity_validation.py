"""Cross-validation of a velocity model: every site predicted from others, and scored however odd it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import InputError
from fiducial.geodesy.covariance_functions import unit_vectors
from fiducial.geodesy.robust import robust_sigma
from fiducial.geodesy.station_screening import COMPONENTS, screen_outliers
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.stations.velocity_covariance import ComponentCovariance
from fiducial.stations.velocity_model import VelocityModel, model_of_sites

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Covariances = tuple[ComponentCovariance | None, ...]

BLOCK_KM: Final = 100.0


@dataclass(frozen=True, eq=False)
class Folds:
    """Which sites are held out together.

    Attributes
    ----------
    name : str
        Such as ``random`` or ``blocks of 100 km``.
    number : ndarray of int, shape (site,)
    count : int
    """

    name: str
    number: Index
    count: int


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Residuals of held-out sites.

    Attributes
    ----------
    folds : Folds
    names : tuple of str
    residual_enu_mm_per_yr : ndarray, shape (site, 3)
        Observed minus predicted; NaN where the component is unknown.
    sigma_enu_mm_per_yr : ndarray, shape (site, 3)
        Predicted: field, nugget and the site's scaled sigma.
    nearest_enu_mm_per_yr : ndarray, shape (site, 3)
        Observed minus the velocity of the nearest training site, to compare with.
    parameters : {"refitted", "fixed"}
        Whether the four covariance parameters were found anew from the training sites of each fold.
    screened : int
        Training sites that screening took away, all folds together; none of them was left out of the scores.
    """

    folds: Folds
    names: tuple[str, ...]
    residual_enu_mm_per_yr: Array
    sigma_enu_mm_per_yr: Array
    nearest_enu_mm_per_yr: Array
    parameters: Literal["refitted", "fixed"]
    screened: int

    def scores(self) -> dict[str, dict[str, float]]:
        """Return the scores of each component; see `score`."""
        found = {}
        for column, name in enumerate(COMPONENTS):
            residual, sigma = self.residual_enu_mm_per_yr[:, column], self.sigma_enu_mm_per_yr[:, column]
            nearest = self.nearest_enu_mm_per_yr[:, column]
            if np.isfinite(residual).any():
                robust = robust_sigma(nearest)
                found[name] = score(residual, sigma) | {
                    "nearest_robust_sd_mm_per_yr": robust,
                    "ratio_to_nearest": robust_sigma(residual) / robust,
                }
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return folds, scores and residuals as plain values."""
        sites = [
            {"site": name, "fold": int(fold), "residual_enu_mm_per_yr": _plain(residual),
             "sigma_enu_mm_per_yr": _plain(sigma)}
            for name, fold, residual, sigma in zip(
                self.names, self.folds.number, self.residual_enu_mm_per_yr, self.sigma_enu_mm_per_yr, strict=True
            )
        ]  # fmt: skip
        return {"folds": self.folds.name, "fold_count": self.folds.count, "parameters": self.parameters,
                "screened_training_sites": self.screened, "scores": self.scores(), "sites": sites}  # fmt: skip


def score(residual: Array, sigma: Array) -> dict[str, float]:
    """Return scores of one component; NaN are left out.

    Returns
    -------
    dict
        ``sites``; ``robust_sd_mm_per_yr`` = 1.4826 MAD about the median; ``rms_mm_per_yr`` and
        ``median_mm_per_yr`` of all; ``standardised_robust_sd`` and ``standardised_sd`` of residual over sigma;
        ``beyond_3_sigma``, a share.
    """
    known = np.isfinite(residual) & np.isfinite(sigma)
    value, standard = residual[known], residual[known] / sigma[known]
    return {
        "sites": int(known.sum()),
        "robust_sd_mm_per_yr": robust_sigma(value),
        "rms_mm_per_yr": float(np.sqrt(np.mean(value**2))),
        "median_mm_per_yr": float(np.median(value)),
        "standardised_robust_sd": robust_sigma(standard),
        "standardised_sd": float(np.std(standard)),
        "beyond_3_sigma": float(np.mean(np.abs(standard) > 3.0)),
    }


def random_folds(sites: StationVelocities, count: int = 10, seed: int = 0) -> Folds:
    """Deal sites out at random, into folds of equal size."""
    _require_folds(count, sites.size)
    return Folds("random", np.random.default_rng(seed).permutation(sites.size) % count, count)


def block_folds(sites: StationVelocities, size_km: float = BLOCK_KM, count: int = 10, seed: int = 0) -> Folds:
    """Deal square blocks out at random: what is predicted then lies away from what it is predicted from.

    Notes
    -----
    Blocks are strips of latitude of ``size_km``, cut into pieces of that length.
    """
    if not size_km > 0.0:
        raise InputError("FID-1345", f"blocks of {size_km:g} km", where="cross-validation", fix="give a positive size")
    degrees = np.rad2deg(size_km / MEAN_EARTH_RADIUS_KM)
    row = np.floor(sites.latitude_deg / degrees)
    length = degrees / np.maximum(np.cos(np.deg2rad((row + 0.5) * degrees)), 0.01)
    column = np.floor(np.remainder(sites.longitude_deg, 360.0) / length)
    block = np.unique(np.column_stack([row, column]), axis=0, return_inverse=True)[1].reshape(-1)
    blocks = int(block.max()) + 1
    _require_folds(count, blocks)
    number = (np.random.default_rng(seed).permutation(blocks) % count)[block]
    return Folds(f"blocks of {size_km:g} km", number, count)


def training_sites(sites: StationVelocities, folds: Folds, fold: int) -> StationVelocities:
    """Return the sites that a fold is predicted from: all others, screened without sight of the held-out."""
    return screen_outliers(sites.select(folds.number != fold))[0]


def cross_validate(
    sites: StationVelocities,
    folds: Folds,
    *,
    fixed: Covariances | None = None,
    progress: Callable[[float], object] = lambda _: None,
) -> CrossValidation:
    """Predict the sites of each fold from those of the others.

    Parameters
    ----------
    sites : StationVelocities
        Merged and **not** screened (`velocity_model.prepare_sites`): each of them is scored.
    folds : Folds
    fixed : tuple of ComponentCovariance or None, optional
        Covariance parameters to use in all folds; without it they are refitted in each.
    progress : callable
        Called with 1 after each fold.

    Raises
    ------
    InputError
        FID-1342 when a fold leaves fewer than 30 sites.
    """
    residual, sigma = np.full((sites.size, 3), np.nan), np.full((sites.size, 3), np.nan)
    nearest = np.full((sites.size, 3), np.nan)
    screened = 0
    for fold in range(folds.count):
        training = training_sites(sites, folds, fold)
        held = np.flatnonzero(folds.number == fold)
        screened += sites.size - len(held) - training.size
        model = model_of_sites(training, fixed=fixed)
        predicted = model.predict(sites.longitude_deg[held], sites.latitude_deg[held])
        observed = sites.velocity_enu_mm_per_yr[held]
        residual[held] = observed - predicted.velocity_enu_mm_per_yr
        sigma[held] = np.sqrt(predicted.sigma_enu_mm_per_yr**2 + _own_variance(model, sites, held))
        nearest[held] = observed - nearest_neighbour(training, sites.longitude_deg[held], sites.latitude_deg[held])
        progress(1.0)
    return CrossValidation(
        folds, tuple(map(str, sites.names)), residual, sigma, nearest,
        "refitted" if fixed is None else "fixed", screened,
    )  # fmt: skip


def nearest_neighbour(training: StationVelocities, longitude_deg: Array, latitude_deg: Array) -> Array:
    """Return the velocity of the nearest site that knows each component, shape (point, 3)."""
    points = unit_vectors(longitude_deg, latitude_deg)
    vectors = unit_vectors(training.longitude_deg, training.latitude_deg)
    found = np.full((len(points), 3), np.nan)
    for component in range(3):
        value = training.velocity_enu_mm_per_yr[:, component]
        known = np.flatnonzero(np.isfinite(value))
        if len(known):
            found[:, component] = value[known[np.asarray(cKDTree(vectors[known]).query(points)[1])]]
    return found


def _own_variance(model: VelocityModel, sites: StationVelocities, held: Index) -> Array:
    variance = np.full((len(held), 3), np.nan)
    for component, fitted in enumerate(model.covariances):
        if fitted is not None:
            variance[:, component] = fitted.noise_variance(sites.covariance_enu[held, component, component])
    return variance


def _require_folds(count: int, units: int) -> None:
    if not 2 <= count <= units:
        raise InputError(
            "FID-1345", f"{count} folds of {units} sites or blocks", where="cross-validation",
            fix="take at least two folds, and not more than there are sites or blocks",
        )  # fmt: skip


def _plain(values: Array) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]

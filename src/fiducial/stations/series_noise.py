"""White and power-law noise of a station series by restricted maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize_scalar

from fiducial.errors import NumericsError
from fiducial.geodesy.coloured_noise import power_law_covariance
from fiducial.stations.series import Float64
from fiducial.stations.series_noise_likelihood import RestrictedLikelihood, noise_response, noise_sums

NoiseKind = Literal["flicker", "estimate", "white"]
NOISE_KINDS: Final = ("flicker", "estimate", "white")

FLICKER: Final = -1.0
_INDEX_STEP: Final = 0.25
_FINE_STEP: Final = 0.0625
_PARABOLA: Final = 3
_FIRST, _START, _LAST = -8, -4, -1
"""Grid of indices in steps: random walk, flicker, nearly white."""
_LEAST_FREEDOM: Final = 10
_COARSE_ROOTS: Final = (0.0, 0.2, 0.5, 0.8, 0.95, 0.9999)


@dataclass(frozen=True)
class NoiseModel:
    """Noise of one component.

    Attributes
    ----------
    white_sigma_m : float
        Standard deviation of the white part of one averaged position, m.
    amplitude_m : float
        Of the power-law part, m / yr^(-index/4).
    spectral_index : float
        -1 is flicker noise; NaN where there is no power-law part.
    log_likelihood : float
        Restricted, up to a constant that models of one design share; NaN for white noise alone.
    """

    white_sigma_m: float
    amplitude_m: float
    spectral_index: float
    log_likelihood: float

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON, in mm; None where unknown."""
        return {
            "white_sigma_mm": 1e3 * self.white_sigma_m,
            "power_law_amplitude_mm_per_yr_power": 1e3 * self.amplitude_m,
            "spectral_index": None if np.isnan(self.spectral_index) else self.spectral_index,
            "log_likelihood": None if np.isnan(self.log_likelihood) else self.log_likelihood,
        }


@dataclass(frozen=True)
class NoiseGrid:
    """The regular grid that averaged positions lie on.

    Attributes
    ----------
    index : ndarray of int, shape (point,)
        Number of the interval of each point, strictly increasing.
    per_year : float
        Intervals a year.
    """

    index: NDArray[np.int64]
    per_year: float

    def unit_covariance(self, spectral_index: float) -> Float64:
        """Return the covariance of power-law noise of unit amplitude, shape (point, point)."""
        return power_law_covariance(self.index, spectral_index, year_days=self.per_year)


def covariance(noise: NoiseModel, grid: NoiseGrid) -> Float64:
    """Return the covariance of averaged positions, shape (point, point), m^2."""
    white = noise.white_sigma_m**2 * np.eye(grid.index.size)
    if np.isnan(noise.spectral_index) or noise.amplitude_m == 0.0:
        return white
    return white + noise.amplitude_m**2 * grid.unit_covariance(noise.spectral_index)


def estimate_noise(design: Float64, values: Float64, grid: NoiseGrid, kind: NoiseKind) -> tuple[NoiseModel, ...]:
    """Estimate the noise of each component.

    Parameters
    ----------
    design : ndarray, shape (point, parameter)
        Functional model; it is projected out.
    values : ndarray, shape (point, component)
    grid : NoiseGrid
    kind : {"flicker", "estimate", "white"}
        Index -1; index between -2 and 0 by maximum likelihood; no power-law part.

    Returns
    -------
    tuple of NoiseModel

    Raises
    ------
    NumericsError
        FID-3001 too few points, FID-3002 the points cannot separate the parameters.

    Notes
    -----
    C = s_w^2 I + s_p^2 dT^(-kappa/2) L L' (``geodesy.coloured_noise``), with dT one interval of the grid; the
    likelihood is profiled over the share of the power-law part, and exact with gaps in n^2 operations
    (``series_noise_likelihood``), so that 9000 days are as feasible as 900 weeks. The index
    is the vertex of a parabola through the best value of a grid of 0.25, climbed from flicker noise, and its neighbours,
    then of one four times as narrow about it.
    """
    if kind == "white":
        return _white(design, values)
    known = {_START: _at_index(design, values, grid, FLICKER)}
    if kind == "flicker":
        return known[_START]
    best = []
    for component in range(values.shape[1]):
        place = _highest(component, known, lambda number: _at_index(design, values, grid, number * _INDEX_STEP))
        if place in {_FIRST, _LAST}:
            best.append(known[place][component])
            continue
        around = {number * _INDEX_STEP: known[number][component] for number in (place - 1, place, place + 1)}
        single = values[:, [component]]
        # Of thousands of days the likelihood is no parabola over half an index: a second one, four times as narrow.
        middle = _vertex(around)
        finer = {}
        for shift in (-_FINE_STEP, 0.0, _FINE_STEP):
            index = min(max(middle + shift, _FIRST * _INDEX_STEP), _LAST * _INDEX_STEP)
            finer[index] = _at_index(design, single, grid, index)[0]
        last = _at_index(design, single, grid, _vertex(finer))[0]
        best.append(max((*finer.values(), last), key=lambda one: one.log_likelihood))
    return tuple(best)


def _vertex(models: dict[float, NoiseModel]) -> float:
    """Return where a parabola through the likelihoods of three indices is highest, inside them."""
    if len(models) < _PARABOLA:
        return max(models, key=lambda index: models[index].log_likelihood)
    (first, left), (index, middle), (last, right) = sorted((one, model.log_likelihood) for one, model in models.items())
    slope, other = (middle - left) / (index - first), (right - middle) / (last - index)
    bend = (other - slope) / (last - first)
    if not bend < 0.0:
        return max(models, key=lambda one: models[one].log_likelihood)
    return float(min(max(0.5 * (first + index) - 0.5 * slope / bend, first), last))


def _highest(
    component: int, known: dict[int, tuple[NoiseModel, ...]], model: Callable[[int], tuple[NoiseModel, ...]]
) -> int:
    """Climb from flicker noise to the place of the grid of indices with the highest likelihood; fill what is needed."""
    place = _START
    while True:
        around = [number for number in (place - 1, place, place + 1) if _FIRST <= number <= _LAST]
        for number in around:
            if number not in known:
                known[number] = model(number)
        top = max(around, key=lambda number: known[number][component].log_likelihood)
        if top == place:
            return place
        place = top


def _white(design: Float64, values: Float64) -> tuple[NoiseModel, ...]:
    freedom = _require_freedom(design)
    residuals = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    sigma = np.sqrt((residuals**2).sum(axis=0) / freedom)
    return tuple(NoiseModel(float(one), 0.0, float("nan"), float("nan")) for one in sigma)


def _require_freedom(design: Float64) -> int:
    freedom = int(design.shape[0] - design.shape[1])
    if freedom < _LEAST_FREEDOM:
        raise NumericsError("FID-3001", f"{design.shape[0]} epochs are too few for a noise model", where="design",
                            fix=f"give at least {design.shape[1] + _LEAST_FREEDOM} epochs")  # fmt: skip
    return freedom


def _at_index(design: Float64, values: Float64, grid: NoiseGrid, index: float) -> tuple[NoiseModel, ...]:
    _require_freedom(design)
    likelihood = RestrictedLikelihood(design, values, grid.index, grid.per_year, index)
    return tuple(_of_component(likelihood, component) for component in range(values.shape[1]))


def _of_component(likelihood: RestrictedLikelihood, component: int) -> NoiseModel:
    """Maximise the likelihood over the share of the power-law part."""

    def cost(root: float) -> float:
        return -float(likelihood.at(root)[0][component])

    # The root of the share resolves small shares, which change the sigma of a rate most. Components meet at the coarse
    # places, where the likelihood of all of them is found at once.
    coarse = [(cost(root), number) for number, root in enumerate(_COARSE_ROOTS)]
    best = min(coarse)[1]
    low, high = _COARSE_ROOTS[max(best - 1, 0)], _COARSE_ROOTS[min(best + 1, len(_COARSE_ROOTS) - 1)]
    found = minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    root = float(found.x) if found.fun < min(coarse)[0] else _COARSE_ROOTS[best]
    log_likelihood, variance = (float(one[component]) for one in likelihood.at(root))
    white, amplitude = likelihood.standard_deviations(root)
    return NoiseModel(
        white_sigma_m=white * float(np.sqrt(variance)),
        amplitude_m=amplitude * float(np.sqrt(variance)),
        spectral_index=likelihood.spectral_index,
        log_likelihood=log_likelihood,
    )


@dataclass(frozen=True)
class GeneralisedFit:
    """Generalised least squares under one noise model.

    Attributes
    ----------
    estimate : ndarray, shape (parameter,)
    covariance : ndarray, shape (parameter, parameter)
    square_sum : float
        r' C^-1 r.
    """

    estimate: Float64
    covariance: Float64
    square_sum: float


def generalised_fit(design: Float64, values: Float64, noise_covariance: Float64) -> GeneralisedFit:
    """Fit one component with a full covariance.

    Parameters
    ----------
    design : ndarray, shape (point, parameter)
    values : ndarray, shape (point,)
    noise_covariance : ndarray, shape (point, point)
        m^2, positive definite.

    Raises
    ------
    NumericsError
        FID-3142 when the covariance is not positive definite, as for a series without noise.
    """
    try:
        factor = cho_factor(noise_covariance, lower=True)
        solved = cho_solve(factor, np.column_stack([design, values]))
        normal = design.T @ solved[:, :-1]
        # Columns of other units would spoil the condition of the inverse.
        scale = 1.0 / np.sqrt(np.diagonal(normal))
        inverse = np.linalg.inv(normal * np.outer(scale, scale)) * np.outer(scale, scale)
    except (np.linalg.LinAlgError, ValueError) as error:
        raise NumericsError("FID-3142", "the covariance of the noise is not positive definite", where="generalised_fit",
                            fix="a series needs noise: check that it holds observations") from error  # fmt: skip
    estimate = inverse @ (design.T @ solved[:, -1])
    residual = values - design @ estimate
    square_sum = float(residual @ (solved[:, -1] - solved[:, :-1] @ estimate))
    return GeneralisedFit(estimate, 0.5 * (inverse + inverse.T), square_sum)


def fit_under_noise(design: Float64, values: Float64, noise: NoiseModel, grid: NoiseGrid) -> GeneralisedFit:
    """Fit one component under a noise model, without its covariance matrix: :func:`generalised_fit` in n^2 operations.

    Parameters
    ----------
    design : ndarray, shape (point, parameter)
    values : ndarray, shape (point,)
    noise : NoiseModel
    grid : NoiseGrid

    Raises
    ------
    NumericsError
        FID-3142 when the covariance is not positive definite, as for a series without noise.
    """
    norms = np.linalg.norm(design, axis=0)
    scaled = design / norms
    start = np.linalg.lstsq(scaled, values, rcond=None)[0]
    columns = np.column_stack([scaled, values - scaled @ start])
    coloured = np.isfinite(noise.spectral_index) and noise.amplitude_m > 0.0
    index = noise.spectral_index if coloured else 0.0
    response, unit = noise_response(grid.index, index), grid.per_year ** (0.25 * index)
    sums = noise_sums(grid.index, columns, noise.white_sigma_m, noise.amplitude_m * unit if coloured else 0.0, response)
    try:
        inverse = np.linalg.inv(sums.products[:-1, :-1])
    except np.linalg.LinAlgError as error:
        raise NumericsError("FID-3142", "the normal equations of the model are singular", where="fit_under_noise",
                            fix="check the parameters of the model") from error  # fmt: skip
    cross = sums.products[:-1, -1]
    correction = inverse @ cross
    covariance_of = 0.5 * (inverse + inverse.T) / np.outer(norms, norms)
    return GeneralisedFit(
        (start + correction) / norms, covariance_of, float(sums.products[-1, -1] - cross @ correction)
    )

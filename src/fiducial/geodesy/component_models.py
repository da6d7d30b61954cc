"""Choosing trend and covariance of each velocity component from the stations that know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fiducial.geodesy.collocation_system import ComponentData, TrendBasis
from fiducial.geodesy.covariance_functions import (
    CovarianceBounds,
    ExponentialModel,
    fit_exponential,
    great_circle_km,
)
from fiducial.geodesy.robust import robust_sigma
from fiducial.geodesy.station_screening import COMPONENTS
from fiducial.geodesy.station_velocities import StationVelocities

Array = NDArray[np.float64]
Trend = Literal["constant", "linear"]

FEW_STATIONS = 10
"""Up to this many stations the trend is constant and the covariance parameters are tightly bounded."""
UP_PRIOR_LENGTH_KM = 100.0
"""Correlation length of a stated prior of up: what European fields show (52-110 km, stations.md 2.7)."""
_JOINT_CORRELATION = 0.02


@dataclass(frozen=True)
class Network:
    """Stations as the fit sees them.

    Attributes
    ----------
    stations : StationVelocities
    vectors : ndarray, shape (station, 3)
        Unit vectors of the stations.
    basis : TrendBasis
    """

    stations: StationVelocities
    vectors: Array
    basis: TrendBasis


@dataclass(frozen=True)
class ComponentModel:
    """What was fitted for one component.

    Attributes
    ----------
    component : str
        ``east``, ``north`` or ``up``.
    known : bool
        False when no field could be fitted; predictions are then NaN, or the stated prior.
    trend : str
        ``constant``, ``linear`` or, for a prior, ``zero``.
    covariance : ExponentialModel or None
        Sigma and nugget in mm/yr.
    stations : int
        Number of stations with this component.
    note : str
        Fallbacks and assumptions; empty when there are none.
    """

    component: str
    known: bool
    trend: str
    covariance: ExponentialModel | None
    stations: int
    note: str = ""


def prior_model(model: ComponentModel, sigma: float) -> ComponentModel:
    """Return the model of an unknown up with a stated prior: mean zero, correlated."""
    note = f"{model.note}; stated prior: 0 +- {sigma:g} mm/yr, correlated over {UP_PRIOR_LENGTH_KM:g} km"
    prior = ExponentialModel(sigma, UP_PRIOR_LENGTH_KM, 0.0)
    return replace(model, trend="zero", covariance=prior, note=note)


def fit_component(
    network: Network,
    component: int,
    trend: Trend,
    given: ExponentialModel | None,
    most: int,
) -> tuple[ComponentModel, ComponentData | None]:
    """Return what can be said about a component, and its rows for the system, None if it stays unknown."""
    stations, vectors, basis = network.stations, network.vectors, network.basis
    name = COMPONENTS[component]
    rows = np.flatnonzero(np.isfinite(stations.velocity_enu_mm_per_yr[:, component]))
    if len(rows) < 3:
        note = f"{len(rows)} stations know {name}: unknown"
        return ComponentModel(name, known=False, trend="", covariance=None, stations=len(rows), note=note), None
    notes: list[str] = []
    chosen: Trend = trend
    if trend == "linear":
        singular = np.linalg.svd(basis.design(vectors[rows], "linear"), compute_uv=False)
        if len(rows) <= FEW_STATIONS or singular[-1] < 0.05 * singular[0]:
            chosen = "constant"
            notes.append(f"constant trend: {len(rows)} stations, or all near one line")
    if given is None:
        given = _estimate(network, component, chosen, rows[_subset(vectors[rows], most)])
    if len(rows) <= FEW_STATIONS:
        notes.append("covariance parameters tightly bounded: few stations")
    if given.at_bounds:
        notes.append("at a bound: " + ", ".join(given.at_bounds))
    model = ComponentModel(
        component=name,
        known=True,
        trend=chosen,
        covariance=given,
        stations=len(rows),
        note="; ".join(notes),
    )
    return model, ComponentData(component, rows, chosen, given)


def _estimate(
    network: Network,
    component: int,
    trend: Trend,
    rows: NDArray[np.intp],
) -> ExponentialModel:
    stations, vectors = network.stations, network.vectors
    values = stations.velocity_enu_mm_per_yr[rows, component]
    variance = stations.covariance_enu[rows, component, component]
    design = network.basis.design(vectors[rows], trend)
    detrended = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    spread = max(robust_sigma(detrended), float(np.std(detrended)), 0.1)
    distance = great_circle_km(vectors[rows], vectors[rows])
    few = len(rows) <= FEW_STATIONS
    bounds = CovarianceBounds(
        # Three stations that agree by chance must not make a field that claims to be certain.
        sigma=(0.5, max(10.0 * spread, 5.0)) if few else (0.05, max(10.0 * spread, 5.0)),
        length_km=(20.0, 200.0) if few else (5.0, max(2.0 * float(distance.max()), 50.0)),
        nugget=(0.1, max(3.0 * spread, 1.0)) if few else (0.01, max(3.0 * spread, 1.0)),
        prior_sigma=max(spread, 0.5),
        prior_length_km=100.0,
        prior_nugget=0.3,
        prior_spread=0.5 if few else 1.5,
    )
    return fit_exponential(values, design, distance, variance, bounds)


def _subset(vectors: Array, most: int) -> NDArray[np.intp]:
    """Half spread at random, half their nearest neighbours: the nugget is only seen in close pairs."""
    if len(vectors) <= most:
        return np.arange(len(vectors))
    spread = np.random.default_rng(0).permutation(len(vectors))[: most // 2]
    near = np.asarray(cKDTree(vectors).query(vectors[spread], k=2)[1])
    return np.asarray(np.unique(np.r_[spread, near[:, 1]]), dtype=np.intp)


def correlated_groups(stations: StationVelocities, parts: Sequence[ComponentData]) -> list[tuple[ComponentData, ...]]:
    """Components whose station errors are correlated share a system."""
    groups: list[tuple[ComponentData, ...]] = []
    for part in parts:
        joined = [group for group in groups if any(_correlated(stations, part, other) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append((*(member for group in joined for member in group), part))
    return groups


def _correlated(stations: StationVelocities, first: ComponentData, second: ComponentData) -> bool:
    cross = stations.covariance_enu[:, first.component, second.component]
    scale = np.sqrt(
        stations.covariance_enu[:, first.component, first.component]
        * stations.covariance_enu[:, second.component, second.component]
    )
    correlation = np.abs(cross / scale)
    return bool(np.any(correlation[np.isfinite(correlation)] > _JOINT_CORRELATION))

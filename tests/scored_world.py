"""A small world to be scored, and recipes whose behaviour is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import ExponentialModel
from fiducial.motion.calibration.evidence import Evidence
from fiducial.motion.calibration.fitting import result_of
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.protocol import StationResiduals, TrackCalibration
from fiducial.motion.calibration.score_table import tabulate
from fiducial.motion.calibration.scoring import make_plan, score_recipe
from synthetic_network import network, track, trend_enu

SHORT_NOISE = 1.0
"""mm/yr, of waves of 25 km that GNSS does not see: what a recipe can only lower by erasing."""


def waves(easting, northing):
    return SHORT_NOISE * 2.0 * np.sin(easting / 4_000.0) * np.sin(northing / 4_000.0)


def offset(value):
    def surface(easting, northing):
        return value + 1e-5 * (easting - 4_490_000) + waves(easting, northing)

    return surface


@cache
def evidence(count=70, *, tracks=4, judges_only=0, noise=0.2):
    """Two ascending and two descending tracks over the same area, each with an offset, a ramp and the waves."""
    stations, _ = network(3, count, longitude=(10.0, 14.0), latitude=(41.0, 45.0), noise=False)
    rng = np.random.default_rng(8)
    stations = replace(
        stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr + rng.normal(0, 0.2, (count, 3))
    )
    headings = [-10.0, -12.0, 190.0, 192.0][:tracks]
    observed = tuple(
        observe_track(
            track(stations, trend_enu, seed=k, name=f"t{k}", heading=heading, surface=offset(2.0 * k), noise=noise, points=30000),
            stations,
        )
        for k, heading in enumerate(headings)
    )  # fmt: skip
    trainable = np.arange(count) >= judges_only
    return Evidence(observed, stations, VelocityField.fit(stations.select(trainable)), trainable)


@dataclass(frozen=True)
class Pointwise:
    """A surface that is known at positions, and has the value of the nearest one between them."""

    track: str
    easting: np.ndarray
    northing: np.ndarray
    value: np.ndarray
    sigma: float = 0.5

    def surface_mm_per_yr(self, easting, northing, _cluster=None):
        tree = cKDTree(np.column_stack([self.easting, self.northing]))
        return self.value[tree.query(np.column_stack([easting, northing]))[1]]

    def sigma_mm_per_yr(self, easting, _northing, _cluster=None):
        return np.full(np.shape(easting), self.sigma)


@dataclass(repr=False)
class Known:
    """Counts its fits; subtracts what ``surface(track, field)`` returns at blocks and samples."""

    name: str
    surface: object
    noise: ExponentialModel = field(default_factory=lambda: ExponentialModel(1.0, 10.0, 0.3))
    least_stations: int = 0
    fits: int = 0
    seen: list = field(default_factory=list)

    def fit(self, tracks, stations, velocities):
        self.fits += 1
        self.seen.append(stations.names)
        if stations.size < self.least_stations:
            raise InputError("FID-1061", f"{stations.size} stations", where=self.name, fix="more")
        return result_of(self.name, [self._track(one, velocities) for one in tracks], stations, velocities)

    def __repr__(self):
        return f"Known({self.name})"

    def fixed(self, _result):
        return self

    def _track(self, one, velocities):
        medians = [one.blocks, one.samples.medians]
        place = [np.concatenate([getattr(part, axis) for part in medians]) for axis in ("easting", "northing")]
        value = np.concatenate([self.surface(part, velocities) for part in medians])
        none = StationResiduals(np.array([], dtype=str), *[np.zeros(0)] * 5, used=np.zeros(0, dtype=bool))
        return TrackCalibration(Pointwise(one.name, *place, value), self.noise, none, (), 1, 1, 1.0, ())


def nothing(medians, _velocities):
    return np.zeros(medians.size)


def all_but_gnss(medians, velocities):
    """The surface that leaves nothing but the GNSS field."""
    enu = velocities.predict(medians.longitude_deg, medians.latitude_deg, with_covariance=False).velocity_enu_mm_per_yr
    return medians.velocity_mm_per_yr - np.einsum("bi,bi->b", medians.line_of_sight, enu)


def median_offset(medians, velocities):
    return np.full(medians.size, np.median(all_but_gnss(medians, velocities)) if medians.size else 0.0)


def do_nothing():
    return Known("nothing", nothing)


def copy_gnss():
    return Known("copy", all_but_gnss)


def offsets(name="egms"):
    """One number a track, from its blocks: under the name of the reference recipe."""
    return Known(name, median_offset)


@cache
def scored():
    """Plan, scores, rows and recipes: one that does nothing, the reference, one that copies GNSS."""
    plan, told = make_plan(evidence()), []
    recipes = (do_nothing(), offsets(), copy_gnss())
    made = tuple(score_recipe(plan, recipe, told.append) for recipe in recipes)
    assert sum(told) == 3 * plan.fits
    return plan, made, tabulate(plan, made), recipes

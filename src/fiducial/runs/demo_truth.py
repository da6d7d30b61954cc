"""The simulated world against what was made of it: calibration and Ortho compared with the truth, point by point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats.point_product import PointProduct
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.point_velocities import PointVelocities
from fiducial.motion.calibration.protocol import CalibrationResult
from fiducial.motion.calibration.recipes import recipe as recipe_of
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.calibrate import Calibrated, velocities
from fiducial.runs.egms_from_simulation import point_ids
from fiducial.runs.gnss import Gnss
from fiducial.runs.ortho import OrthoResult
from fiducial.runs.report_pages import OrthoCells, ortho_cells
from fiducial.runs.simulated_radar import TrueMotion
from fiducial.runs.simulation import SimulatedBurst, SimulatedWorld
from fiducial.runs.sources import Source, open_source

Floats = NDArray[np.float64]

BOWL_RADIUS_M: Final = 1_000.0
"""Points and cells as near as this to the centre of the bowl tell its depth."""


def rms(values: Floats) -> float:
    """Return the root mean square of the finite values."""
    return float(np.sqrt(np.nanmean(values**2)))


@dataclass(frozen=True)
class BurstTruth:
    """A calibrated burst beside its truth; every array has shape (point,), in mm/yr in the line of sight.

    Attributes
    ----------
    name, direction : str
    longitude_deg, latitude_deg : ndarray of float64
    sight : ndarray of float64, shape (3,)
        Mean unit vector ground to satellite.
    truth : ndarray of float64
        Absolute velocity.
    before, after : ndarray of float64
        Refitted from the relative and from the calibrated series.
    surface, surface_sigma, surface_truth : ndarray of float64
        Estimated, its predicted standard deviation, and injected.
    sigma_without_bowl : ndarray of float64
        Predicted sigma of the surface that the same recipe finds when the bowl is taken out of the input.
    leakage : ndarray of float64
        Surface minus that other surface.
    in_bowl : ndarray of bool
        Within 1 km of the centre of the bowl.
    out_of_reach_mm_per_yr : float
        RMS of what no surface with these terms can follow of the injected one.
    terms : int
        Of the surface.
    """

    name: str
    direction: str
    longitude_deg: Floats
    latitude_deg: Floats
    sight: Floats
    truth: Floats
    before: Floats
    after: Floats
    surface: Floats
    surface_sigma: Floats
    surface_truth: Floats
    sigma_without_bowl: Floats
    leakage: Floats
    in_bowl: NDArray[np.bool_]
    out_of_reach_mm_per_yr: float
    terms: int

    @property
    def surface_error(self) -> Floats:
        """Estimated minus injected surface."""
        return self.surface - self.surface_truth

    @property
    def chi(self) -> float:
        """RMS of the error of the surface over its predicted sigma; 1 when the sigma is right."""
        return rms(self.surface_error / self.surface_sigma)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the burst, mm/yr."""
        before, after = self.before - self.truth, self.after - self.truth
        return {
            "burst": self.name,
            "direction": self.direction,
            "points": len(self.truth),
            "rms_before": rms(before),
            "rms_before_centred": float(np.std(before)),
            "rms_after": rms(after),
            "bias_after": float(np.mean(after)),
            "surface_terms": self.terms,
            "surface_error_rms": rms(self.surface_error),
            "surface_error_out_of_reach": self.out_of_reach_mm_per_yr,
            "surface_sigma": rms(self.surface_sigma),
            "surface_sigma_without_bowl": rms(self.sigma_without_bowl),
            "chi": self.chi,
            "bowl_points": int(self.in_bowl.sum()),
            "bowl_truth": _mean(self.truth[self.in_bowl]),
            "bowl_calibrated": _mean(self.after[self.in_bowl]),
            "leakage_at_bowl": _mean(self.leakage[self.in_bowl]),
            "leakage_largest": float(np.max(np.abs(self.leakage))),
        }


def _mean(values: Floats) -> float | None:
    return float(np.mean(values)) if values.size else None


def _refitted(source: Source) -> Floats:
    """Return the velocities of the series, unlike the published column not rounded."""
    return np.concatenate([
        egms_statistics(block.displacement_mm, block.epochs, wavelength_mm=None).mean_velocity
        for block in source.blocks(["easting", "northing"])
    ])  # fmt: skip


def _without_bowl(
    world: SimulatedWorld, recipe: str, points: Sequence[PointVelocities], gnss: Gnss
) -> CalibrationResult:
    """Calibrate again, with the same stations, points from which the line-of-sight rate of the bowl is subtracted."""
    flat = replace(world.motion, bowl_peak_mm_per_yr=0.0)
    tracks = []
    for one in points:
        bowl = world.truth_enu(one.easting, one.northing) - flat.velocity_enu(one.easting, one.northing)
        rate = one.velocity_mm_per_yr - np.sum(one.line_of_sight * bowl, axis=1)
        tracks.append(observe_track(replace(one, velocity_mm_per_yr=rate), gnss.stations))
    return recipe_of(recipe).fit(tracks, gnss.stations, gnss.field)


def calibration_against_truth(
    world: SimulatedWorld, calibrated: Calibrated, gnss: Gnss, work: Path
) -> tuple[BurstTruth, ...]:
    """Compare every calibrated burst with the truth.

    Parameters
    ----------
    world : SimulatedWorld
    calibrated : Calibrated
        Its products in the order of the bursts of the world.
    gnss : Gnss
        What it was made with.
    work : Path
        Folder that ``open_source`` may use.
    """
    products = [PointProduct.open(path) for path in calibrated.products]
    points = [velocities(product, product.manifest.name) for product in products]
    reference = _without_bowl(world, calibrated.result.recipe, points, gnss)
    return tuple(
        _burst(burst, one, _Calibration(calibrated, reference, path, work), world.motion)
        for burst, one, path in zip(world.bursts, points, calibrated.products, strict=True)
    )


@dataclass(frozen=True)
class _Calibration:
    """What the comparison of one burst needs of the calibration."""

    calibrated: Calibrated
    without_bowl: CalibrationResult
    path: Path
    work: Path


def _burst(burst: SimulatedBurst, points: PointVelocities, made: _Calibration, motion: TrueMotion) -> BurstTruth:
    after = open_source(made.path, made.work, calibration=made.calibrated.version)
    # The product lies along a Hilbert curve, the simulation in order of line and pixel: the identifiers bring them together.
    ids = point_ids(burst).astype(np.bytes_)
    order = np.argsort(ids)
    place = order[np.searchsorted(ids[order], after.attributes(["pid"])["pid"])]
    where = points.easting, points.northing
    found = made.calibrated.result.track(points.name).surface
    without = made.without_bowl.track(points.name).surface
    truth = burst.injected_surface_mm_per_yr[place]
    design = found.basis.design(*where)
    followed = design @ np.linalg.lstsq(design, truth, rcond=None)[0]
    return BurstTruth(
        name=points.name,
        direction=burst.direction,
        longitude_deg=points.longitude_deg,
        latitude_deg=points.latitude_deg,
        sight=points.line_of_sight.mean(axis=0),
        truth=burst.velocity_los_mm_per_yr[place],
        before=points.velocity_mm_per_yr,
        after=_refitted(after),
        surface=found.surface_mm_per_yr(*where),
        surface_sigma=found.sigma_mm_per_yr(*where),
        surface_truth=truth,
        sigma_without_bowl=without.sigma_mm_per_yr(*where),
        leakage=found.surface_mm_per_yr(*where) - without.surface_mm_per_yr(*where),
        in_bowl=_in_bowl(*where, motion),
        out_of_reach_mm_per_yr=rms(truth - followed),
        terms=found.basis.terms,
    )


def _in_bowl(easting: Floats, northing: Floats, motion: TrueMotion) -> NDArray[np.bool_]:
    return bowl_distance_m(easting, northing, motion) < BOWL_RADIUS_M


def bowl_distance_m(easting: Floats, northing: Floats, motion: TrueMotion) -> Floats:
    """Return the distance from the centre of the bowl."""
    return np.hypot(easting - motion.bowl_centre_m[0], northing - motion.bowl_centre_m[1])


@dataclass(frozen=True)
class OrthoTruth:
    """An Ortho beside the truth; arrays of shape (cell,) in mm/yr, by component ``E`` and ``U``.

    Attributes
    ----------
    mode : str
    cells : OrthoCells
    truth : dict of str to ndarray
        At the centres of the cells.
    north_truth : ndarray of float64
    in_bowl : ndarray of bool
    """

    mode: str
    cells: OrthoCells
    truth: dict[str, Floats]
    north_truth: Floats
    in_bowl: NDArray[np.bool_]

    def error(self, component: str) -> Floats:
        """Estimate minus truth."""
        return self.cells.velocity_mm_per_yr[component] - self.truth[component]

    def sigma(self, component: str) -> Floats | None:
        """Formal standard deviation of the velocity under coloured noise; None in ``official`` mode."""
        return self.cells.extra[component].get("consistent_velocity_sigma")

    def chi(self, component: str) -> float:
        """RMS of error over formal sigma, of the velocity that the sigma belongs to; NaN without one."""
        sigma = self.sigma(component)
        if sigma is None:
            return float("nan")
        own = self.cells.extra[component]["consistent_velocity"]
        return rms((own - self.truth[component]) / sigma)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of both components, mm/yr."""
        return {"mode": self.mode, "cells": len(self.north_truth)} | {
            name: self._component(part) for part, name in (("E", "east"), ("U", "up"))
        }

    def _component(self, part: str) -> dict[str, Any]:
        error, sigma, chi = self.error(part), self.sigma(part), self.chi(part)
        estimate = self.cells.velocity_mm_per_yr[part]
        return {
            "rms": rms(error),
            "bias": float(np.nanmean(error)),
            "std": float(np.nanstd(error)),
            "sigma": None if sigma is None else rms(sigma),
            "chi": None if np.isnan(chi) else chi,
            "bowl_cells": int(self.in_bowl.sum()),
            "bowl_truth": _mean(self.truth[part][self.in_bowl]),
            "bowl_estimate": _mean(estimate[self.in_bowl]),
            "bowl_sigma": None if sigma is None or not self.in_bowl.any() else rms(sigma[self.in_bowl]),
        }


def ortho_against_truth(world: SimulatedWorld, result: OrthoResult, out: Path, mode: str) -> OrthoTruth:
    """Compare the cells of an Ortho with the true East and Up at their centres."""
    cells = ortho_cells(result, out)
    truth = world.truth_enu(cells.easting, cells.northing)
    return OrthoTruth(mode, cells, {"E": truth[:, 0], "U": truth[:, 2]}, truth[:, 1],
                      _in_bowl(cells.easting, cells.northing, world.motion))  # fmt: skip

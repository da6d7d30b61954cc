"""Calibrated bursts and Ortho of the demonstration, compared with the truth point by point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.motion.statistics import consistent_velocity, egms_statistics
from fiducial.runs.demo_scores import Floats, Score, rms, score
from fiducial.runs.sources import Source, open_source
from fiducial.runs.world_bursts import burst_name, make_burst, window_of
from fiducial.runs.world_layout import plan_bursts
from fiducial.runs.world_truth import WorldTruth
from fiducial.timescales import Epochs

_SIGHT: Final = ("los_east", "los_north", "los_up")
_IN_BOWL: Final = 0.5
"""Points and cells as near to the centre of a bowl, in its radius at exp(-1/2), tell its depth."""


@dataclass(frozen=True)
class BurstTruth:
    """A calibrated burst beside its truth; every array has shape (point,), in mm/yr in the line of sight.

    Attributes
    ----------
    path : Path
        The calibrated product.
    name, direction : str
    longitude_deg, latitude_deg, easting, northing : ndarray of float64
    sight : ndarray of float64, shape (3,)
        Mean unit vector ground to satellite.
    truth : ndarray of float64
        Absolute velocity, with what the earthquake does to a straight line.
    before, after : ndarray of float64
        Estimated under coloured noise, from the relative and from the calibrated series.
    sigma : ndarray of float64
        Predicted, of ``after``: coloured noise of the series and sigma of the tie.
    surface, surface_sigma, surface_truth : ndarray of float64
        Estimated, its predicted standard deviation, and injected.
    in_bowl : ndarray of bool
    out_of_reach_mm_per_yr : float
        What no surface with these terms can follow.
    terms : int
    """

    path: Path
    name: str
    direction: str
    longitude_deg: Floats
    latitude_deg: Floats
    easting: Floats
    northing: Floats
    sight: Floats
    truth: Floats
    before: Floats
    after: Floats
    sigma: Floats
    surface: Floats
    surface_sigma: Floats
    surface_truth: Floats
    in_bowl: NDArray[np.bool_]
    out_of_reach_mm_per_yr: float
    terms: int

    @property
    def surface_error(self) -> Floats:
        """Estimated minus injected surface."""
        return self.surface - self.surface_truth

    @property
    def error(self) -> Floats:
        """Calibrated velocity minus truth."""
        return self.after - self.truth

    def scores(self) -> list[Score]:
        """Return the tie and the calibrated velocities as rows of the table."""
        return [
            score("tie of a burst", self.name, "surface, line of sight", "mm/yr", self.surface_error, self.surface_sigma),
            score("calibrated burst", self.name, "velocity, line of sight", "mm/yr", self.error, self.sigma),
        ]  # fmt: skip


@dataclass(frozen=True)
class OrthoTruth:
    """An Ortho beside the truth; arrays of shape (cell,) in mm/yr, by component ``E`` and ``U``.

    Attributes
    ----------
    names : tuple of (str, str)
        East and Up of each tile.
    tile : ndarray of int
        Number of the tile of a cell.
    place : ndarray of int
        Row of the cell in the Up product of its tile.
    longitude_deg, latitude_deg, easting, northing : ndarray
    velocity, sigma, truth : dict of str to ndarray
    displacement_sigma_mm : ndarray
        Of Up.
    in_bowl : ndarray of bool
    """

    names: tuple[tuple[str, str], ...]
    tile: NDArray[np.int64]
    place: NDArray[np.int64]
    longitude_deg: Floats
    latitude_deg: Floats
    easting: Floats
    northing: Floats
    velocity: dict[str, Floats]
    sigma: dict[str, Floats]
    truth: dict[str, Floats]
    displacement_sigma_mm: Floats
    in_bowl: NDArray[np.bool_]

    def error(self, component: str) -> Floats:
        """Estimate minus truth."""
        return self.velocity[component] - self.truth[component]

    def scores(self) -> list[Score]:
        """Return a row a tile and component."""
        return [
            score(f"Ortho {word}", names[k].split("_")[2], f"velocity, {word.lower()}", "mm/yr", self.error(part)[of],
                  self.sigma[part][of])
            for number, names in enumerate(self.names)
            for of in [self.tile == number]
            for k, (part, word) in enumerate((("E", "East"), ("U", "Up")))
        ]  # fmt: skip


def line_through_step(truth: WorldTruth, epochs: Epochs) -> float:
    """Return the velocity, mm/yr, of the line through a step of 1 mm on the day of the earthquake."""
    step = truth.after_earthquake(epochs).astype(np.float32)[:, None]
    return float(egms_statistics(step, epochs, wavelength_mm=None).mean_velocity[0])


def _true_enu(truth: WorldTruth, easting: Floats, northing: Floats, epochs: Epochs) -> Floats:
    velocity = truth.velocity_enu_mm_per_yr(easting, northing)
    return velocity + line_through_step(truth, epochs) * truth.earthquake_enu_mm(easting, northing)


def _in_bowl(truth: WorldTruth, easting: Floats, northing: Floats) -> NDArray[np.bool_]:
    inside = np.zeros(easting.size, dtype=bool)
    for bowl in truth.bowls:
        inside |= np.hypot(easting - bowl.easting_m, northing - bowl.northing_m) < _IN_BOWL * bowl.sigma_m
    return inside


def _velocities(source: Source) -> tuple[Floats, Floats]:
    parts = [
        consistent_velocity(block.displacement_mm, block.epochs) for block in source.blocks(["easting", "northing"])
    ]
    return (np.concatenate([one.velocity_mm_per_yr for one in parts]),
            np.concatenate([one.sigma_mm_per_yr for one in parts]))  # fmt: skip


def burst_truth(truth: WorldTruth, made: Path) -> tuple[BurstTruth, ...]:
    """Compare every calibrated burst with the truth, in the order of the bursts of the world."""
    window = window_of(truth)
    found = []
    for plan in plan_bursts(truth.options.bursts):
        name = str(burst_name(plan, window))
        path = made / "calibration" / "bursts" / name / name
        source = open_source(path, path.parent)
        columns = source.product.attributes(["easting", "northing", "longitude", "latitude", *_SIGHT])
        where = columns["easting"], columns["northing"]
        sight = np.column_stack([columns[name] for name in _SIGHT])
        velocity, sigma = _velocities(open_source(path, path.parent, calibration="none"))
        surface = cast("CalibrationFile", source.calibration).surface
        estimated, tie = surface.surface_mm_per_yr(*where), surface.sigma_mm_per_yr(*where)
        injected = make_burst(truth, plan).surface_mm_per_yr(*where)
        design = surface.basis.design(*where)
        true = np.einsum("ij,ij->i", sight, _true_enu(truth, *where, source.product.epochs))
        found.append(BurstTruth(
            path, path.name, plan.track.direction, columns["longitude"], columns["latitude"], *where, sight.mean(axis=0),
            true, velocity, velocity - estimated, np.hypot(sigma, tie), estimated, tie, injected,
            _in_bowl(truth, *where), rms(injected - design @ np.linalg.lstsq(design, injected, rcond=None)[0]),
            surface.basis.terms,
        ))  # fmt: skip
    return tuple(found)


def ortho_truth(truth: WorldTruth, made: Path) -> OrthoTruth:
    """Compare the cells of the Ortho with the true East and Up at their centres."""
    names = tuple((path.name, path.name.replace("km_E_", "km_U_"))
                  for path in sorted((made / "ortho").glob("EGMS_L3_*km_E_*")) if path.is_dir())  # fmt: skip
    parts: dict[str, list[NDArray[Any]]] = {}
    for number, (east, up) in enumerate(names):
        columns = {part: PointProduct.open(made / "ortho" / name) for part, name in (("E", east), ("U", up))}
        epochs = columns["U"].epochs
        cells = {part: product.attributes() for part, product in columns.items()}
        order = {part: np.argsort(one["pid"]) for part, one in cells.items()}
        for name in ("longitude", "latitude", "easting", "northing", "displacement_sigma"):
            parts.setdefault(name, []).append(cells["U"][name][order["U"]])
        parts.setdefault("tile", []).append(np.full(len(order["U"]), number))
        parts.setdefault("place", []).append(order["U"])
        true = _true_enu(truth, parts["easting"][-1], parts["northing"][-1], epochs)
        for part, k in (("E", 0), ("U", 2)):
            parts.setdefault(f"truth {part}", []).append(true[:, k])
            for name in ("consistent_velocity", "consistent_velocity_sigma"):
                parts.setdefault(f"{name} {part}", []).append(cells[part][name][order[part]])
    joined = {name: np.concatenate(many) for name, many in parts.items()}
    by_part = {name: {part: joined[f"{name} {part}"] for part in "EU"}
               for name in ("truth", "consistent_velocity", "consistent_velocity_sigma")}  # fmt: skip
    return OrthoTruth(
        names, joined["tile"], joined["place"], joined["longitude"], joined["latitude"], joined["easting"],
        joined["northing"], by_part["consistent_velocity"], by_part["consistent_velocity_sigma"], by_part["truth"],
        joined["displacement_sigma"], _in_bowl(truth, joined["easting"], joined["northing"]),
    )  # fmt: skip

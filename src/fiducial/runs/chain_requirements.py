"""Requirements: the register as tables, and the score of a GNSS network against one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.chain.register import MetricLevel, Register, Requirement
from fiducial.chain.requirement_scoring import (
    LEVELS,
    UNKNOWN,
    CellScores,
    count_sites,
    limits_of,
    score_cells,
    shares,
)
from fiducial.errors import InputError
from fiducial.formats import requirement_cells
from fiducial.formats.atomic import atomic_file
from fiducial.formats.chain_register import packaged_register, read_register
from fiducial.formats.land_outline import ATTRIBUTION
from fiducial.runs.chain_requirements_area import COVERAGE_KM, Cells, cells_around, cells_inside
from fiducial.runs.chain_requirements_network import ReadNetwork, read_network

Array = NDArray[np.float64]

ROWS: Final = {
    "uncertainty_horizontal": "velocity uncertainty, horizontal",
    "uncertainty_up": "velocity uncertainty, up",
    "spacing": "station spacing",
    "horizontal": "uncertainty and spacing, horizontal",
    "up": "uncertainty and spacing, up",
    "velocity": "uncertainty and spacing, horizontal and up",
    "update_frequency": "update frequency",
    "timeliness": "timeliness",
    "requirement": "all of these together",
}
"""What is scored, and how a table calls it."""
_METRICS: Final = {
    "uncertainty_horizontal": ("uncertainty",),
    "uncertainty_up": ("uncertainty",),
    "spacing": ("horizontal_resolution",),
    "horizontal": ("uncertainty", "horizontal_resolution"),
    "up": ("uncertainty", "horizontal_resolution"),
    "velocity": ("uncertainty", "horizontal_resolution"),
    "update_frequency": ("update_frequency",),
    "timeliness": ("timeliness",),
    "requirement": ("uncertainty", "horizontal_resolution", "update_frequency", "timeliness"),
}
_MAPPED: Final = ("uncertainty_horizontal", "uncertainty_up", "spacing", "velocity")
_MAPPED_WITH_SERIES: Final = ("update_frequency", "requirement")
DEFINITION: Final = (
    "1 sigma of the velocity, the larger of east and north; a place has spacing s when a station lies within s/√2, the "
    "farthest that a point of a regular square network is from a station; a level is reached when a station with the "
    "level's uncertainty lies within s/√2 of the level's spacing; uncertainty, update frequency and timeliness alone "
    "count stations within s/√2 of the threshold's spacing"
)


@dataclass(frozen=True)
class ScoreRequest:
    """What to score.

    Attributes
    ----------
    gnss : Path, optional
        Velocity table.
    series : tuple of Path
        Dated positions; update frequency and timeliness come from them alone.
    requirement : int
    polygon : Path, optional
        Area; by default land within 100 km of a station.
    cell_km : float
    as_of : str, optional
        Date for the age of the last epochs, such as 2024-02-01.
    register : Path, optional
        Another register than the packaged one.
    """

    gnss: Path | None = None
    series: tuple[Path, ...] = ()
    requirement: int = 369
    polygon: Path | None = None
    cell_km: float = 10.0
    as_of: str | None = None
    register: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RequirementScore:
    """Shares of an area that reach the levels of a requirement, and the cells behind them."""

    requirement: Requirement
    request: ScoreRequest
    read: ReadNetwork
    cells: Cells
    scores: CellScores
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a metric: limits as the register has them, and shares from 0 to 1."""
        return [
            {"metric": name, "name": title, "limits": self._limits(name)} | shares(self.scores.levels[name])
            for name, title in ROWS.items()
        ]

    def _limits(self, name: str) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for level in LEVELS:
            values = [self.requirement.metric(metric).value(level) for metric in _METRICS[name]]
            found[str(level)] = ", ".join(value.text for value in values if value is not None) or None
        return found

    def spacing(self) -> dict[str, float]:
        """Return median, 95 % and largest local spacing of the area, √2 times the distance to a station, km."""
        spacing = np.sqrt(2.0) * self.scores.distance_km
        return {"median": float(np.median(spacing)), "p95": float(np.quantile(spacing, 0.95)),
                "largest": float(spacing.max())}  # fmt: skip

    def area_text(self) -> str:
        """Return what the area is, in words."""
        if self.request.polygon is not None:
            return f"polygons of {self.request.polygon.name}"
        return f"land within {COVERAGE_KM:g} km of a station"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        network = self.read.network
        return {
            "requirement": self.requirement.uid,
            "name": self.requirement.name,
            "gnss": None if self.request.gnss is None else self.request.gnss.name,
            "series": [path.name for path in self.request.series],
            "as_of": self.request.as_of,
            "stations": network.size,
            "sites": count_sites(network.longitude_deg, network.latitude_deg),
            "area": self.area_text(),
            "area_km2": self.cells.area_km2,
            "land_share": float(np.mean(self.cells.on_land)),
            "cell_km": self.request.cell_km,
            "cells": self.cells.size,
            "projection": self.cells.crs,
            "spacing_km": self.spacing(),
            "definition": DEFINITION,
            "shares": self.rows(),
            "notes": list(self.notes),
        }


def load_register(path: Path | None) -> Register:
    """Return the register of a file, or the packaged one.

    Raises
    ------
    InputError
        FID-1001 when there is no such file.
    FormatError
        As ``formats.chain_register``.
    """
    if path is None:
        return packaged_register()
    if not path.is_file():
        raise InputError("FID-1001", "no such register", where=str(path), fix="check the path")
    return read_register(path)


def score_requirement(request: ScoreRequest, *, progress: Callable[[float], None] = lambda _: None) -> RequirementScore:
    """Score a GNSS network against a requirement.

    Parameters
    ----------
    request : ScoreRequest
    progress : callable
        Told of every third of the work.

    Raises
    ------
    InputError
        FID-1401 unknown requirement; FID-1404 one that cannot be scored; FID-1403 no station; FID-1405 to FID-1407 the
        area; FID-1408 the date; FID-1001 and FID-1084 files.
    FormatError
        As the readers of the files.
    """
    register = load_register(request.register)
    requirement = find_requirement(register, request.requirement)
    limits = limits_of(requirement)
    read = read_network(request.gnss, request.series, _date(request.as_of))
    network = read.network
    progress(1.0)
    if request.polygon is not None:
        cells = cells_inside(request.polygon, request.cell_km)
    else:
        cells = cells_around(network.longitude_deg, network.latitude_deg, request.cell_km)
    progress(1.0)
    scores = score_cells(network, limits, cells.longitude_deg, cells.latitude_deg)
    progress(1.0)
    return RequirementScore(requirement, request, read, cells, scores, _notes(requirement, read, cells, request))


def find_requirement(register: Register, uid: int) -> Requirement:
    """Return a requirement, or raise FID-1401 when the register has none of that number."""
    try:
        return register.requirement(uid)
    except KeyError as error:
        known = ", ".join(str(one.uid) for one in register.requirements)
        raise InputError("FID-1401", f"no requirement {uid} in the register", where="--requirement",
                         fix=f"choose one of {known}") from error  # fmt: skip


def _date(text: str | None) -> np.datetime64 | None:
    if text is None:
        return None
    try:
        return np.datetime64(date.fromisoformat(text))
    except ValueError as error:
        raise InputError("FID-1408", f"not a date: {text!r}", where="--as-of", fix="write it as 2024-02-01") from error


def _notes(requirement: Requirement, read: ReadNetwork, cells: Cells, request: ScoreRequest) -> tuple[str, ...]:
    notes = list(read.notes)
    if not request.series:
        notes.append("update frequency and timeliness are unknown: a velocity table has no dates (--series)")
    if request.polygon is not None:
        notes.append(f"{100.0 * float(np.mean(cells.on_land)):.1f} % of the area is land ({ATTRIBUTION})")
    else:
        notes.append(ATTRIBUTION)
    for metric in requirement.metrics:
        if metric.suspect is not None:
            notes.append(f"{metric.name} is not scored: {metric.suspect}")
        elif not metric.values:
            notes.append(f"{metric.name} is not scored: not known")
    no_up = int(np.isnan(read.network.sigma_up_mm_per_yr).sum())
    if no_up:
        notes.append(f"{no_up} of {read.network.size} stations have no known uncertainty of up")
    return tuple(notes)


def write_score(found: RequirementScore, folder: Path) -> list[Path]:
    """Write JSON, GeoTIFF and map of a score.

    Returns
    -------
    list of Path
        The files, each written whole or not at all.
    """
    from fiducial.reports.style import png_bytes
    from fiducial.runs.chain_requirements_map import score_map

    stem = f"requirement-{found.requirement.uid}"
    paths = [folder / f"{stem}.json", folder / f"{stem}-cells.tif", folder / f"{stem}-map.png"]
    with atomic_file(paths[0]) as partial:
        partial.write_text(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    cells = found.cells
    bands = {}
    for name in ROWS:
        levels = found.scores.levels[name]
        codes = np.where(levels == UNKNOWN, requirement_cells.UNKNOWN, levels).astype(np.uint8)
        band = np.full(cells.shape, requirement_cells.OUTSIDE, dtype=np.uint8)
        band[cells.row, cells.column] = codes
        bands[name] = band
    requirement_cells.write(
        paths[1], bands, west_m=cells.west_m, north_m=cells.north_m, cell_m=cells.cell_m, crs=cells.crs,
        tags={"requirement": str(found.requirement.uid), "area": found.area_text(), "definition": DEFINITION},
    )  # fmt: skip
    with atomic_file(paths[2]) as partial:
        partial.write_bytes(png_bytes(score_map(found)))
    return paths


def mapped_rows(found: RequirementScore) -> list[str]:
    """Return the metrics that get a map: those of the velocities, and of the series where there are any."""
    known = [name for name in _MAPPED_WITH_SERIES if np.any(found.scores.levels[name] != UNKNOWN)]
    return [*_MAPPED, *(known if found.request.series else [])]


def register_tables(register: Register, product: int | None, requirement: int | None) -> dict[str, Any]:
    """Return products, their requirements and the metrics as plain values; not known is None.

    Parameters
    ----------
    register : Register
    product, requirement : int, optional
        Only this one.

    Raises
    ------
    InputError
        FID-1401 when the register does not have it.
    """
    products = [one for one in register.products if product in {None, one.uid}]
    if not products:
        known = ", ".join(str(one.uid) for one in register.products)
        raise InputError("FID-1401", f"no product {product} in the register", where="--product",
                         fix=f"choose one of {known}")  # fmt: skip
    needs = [one for one in register.product_requirements
             if product in {None, one.product} and requirement in {None, one.requirement}]  # fmt: skip
    if requirement is not None:
        wanted = [find_requirement(register, requirement)]
    else:
        asked = {one.requirement for one in needs}
        wanted = [one for one in register.requirements if product is None or one.uid in asked]
    return {
        "products": [_plain(one) for one in products],
        "product_requirements": [_plain(one) for one in needs],
        "requirements": [_requirement(one) for one in wanted],
        "observations": list(register.observations),
    }


def _plain(item: Any) -> dict[str, Any]:
    names = (name for name in item.__dataclass_fields__ if name != "place")
    values = {name: getattr(item, name) for name in names}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _requirement(requirement: Requirement) -> dict[str, Any]:
    plain = _plain(requirement)
    plain["state"] = None if requirement.state is None else str(requirement.state)
    plain["metrics"] = [
        {"name": metric.name, "direction": str(metric.direction), "known": bool(metric.values),
         "suspect": metric.suspect,
         **{str(level): None if (value := metric.value(level)) is None else
            {"value": value.value, "unit": value.unit, "text": value.text} for level in MetricLevel}}
        for metric in requirement.metrics
    ]  # fmt: skip
    return plain

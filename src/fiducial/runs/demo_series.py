"""Series of a point and a cell in the bowl, for the report of the demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats.point_product import PointProduct
from fiducial.geodesy.least_squares import weighted_fit
from fiducial.reports.figures import Series, series_plot
from fiducial.reports.html import Page
from fiducial.runs.demo_motion_truth import BurstTruth, OrthoTruth
from fiducial.runs.demo_scores import Floats
from fiducial.runs.sources import open_source
from fiducial.runs.world_truth import WorldTruth
from fiducial.timescales import Epochs, egms_years

_MINUS: Final = "\N{MINUS SIGN}"


def add_series(page: Page, truth: WorldTruth, bursts: Sequence[BurstTruth], ortho: OrthoTruth, folder: Path) -> None:
    """Add the displacement of the point and of the Ortho cell nearest to the middle of the bowl.

    Parameters
    ----------
    page : Page
    truth : WorldTruth
    bursts : sequence of BurstTruth
    ortho : OrthoTruth
    folder : Path
        Of the Ortho products.
    """
    burst = min(bursts, key=lambda one: _distance(truth, one.easting, one.northing).min())
    index = int(np.argmin(_distance(truth, burst.easting, burst.northing)))
    relative = open_source(burst.path, burst.path.parent, calibration="none")
    tied = open_source(burst.path, burst.path.parent)
    group, place = divmod(index, relative.product.manifest.row_group_points)
    epochs = relative.product.epochs
    series = [source.block(group, ["pid"]).displacement_mm[:, place].astype(np.float64) for source in (relative, tied)]
    page.figure(
        series_plot(epochs, [Series(label, values, model=_model(values, epochs))
                             for label, values in zip(("relative", "calibrated"), series, strict=True)],
                    title=f"Point {relative.attributes(['pid'], [group])['pid'][place].decode()}, {burst.direction}",
                    unit="mm", sign_note="positive: towards the satellite"),
        alt="Displacement series of a point in the bowl, before and after calibration, with fitted models.",
        caption=f"Model: velocity and annual term. Velocity {_rate(series[0], epochs):+.2f} before and "
                f"{_rate(series[1], epochs):+.2f} mm/yr after; truth {burst.truth[index]:+.2f} mm/yr.".replace("-", _MINUS),
    )  # fmt: skip
    _add_cell(page, truth, ortho, folder)


def _distance(truth: WorldTruth, easting: Floats, northing: Floats) -> Floats:
    bowl = truth.bowls[0]
    return np.hypot(easting - bowl.easting_m, northing - bowl.northing_m)


def _add_cell(page: Page, truth: WorldTruth, ortho: OrthoTruth, folder: Path) -> None:
    """Add Up of the cell nearest to the middle of the bowl."""
    distance = _distance(truth, ortho.easting, ortho.northing)
    index = int(np.argmin(distance))
    place = int(ortho.place[index])
    product = PointProduct.open(folder / ortho.names[ortho.tile[index]][1])
    pid = product.attributes(["pid"])["pid"][place].decode()
    values = product.series_mm(place, place + 1)[:, 0].astype(np.float64)
    sigma = np.full(values.size, float(ortho.displacement_sigma_mm[index]))
    page.figure(
        series_plot(product.epochs, [Series("Up", values, sigma=sigma, model=_model(values, product.epochs))],
                    title=f"Cell {pid}, {distance[index]:.0f} m from the middle of the bowl", unit="mm",
                    sign_note="positive: up", residuals=True),
        alt="Series of Up in the cell nearest to the middle of the bowl, with formal errors, model and residuals.",
        caption=f"Ortho, a date every 6 days. Velocity {ortho.velocity['U'][index]:+.2f} \N{PLUS-MINUS SIGN} "
                f"{ortho.sigma['U'][index]:.2f} mm/yr, truth {ortho.truth['U'][index]:+.2f} mm/yr.".replace("-", _MINUS),
    )  # fmt: skip


def _design(epochs: Epochs) -> NDArray[np.float64]:
    years = egms_years(epochs)
    return np.column_stack([years, np.ones_like(years), np.cos(2 * np.pi * years), np.sin(2 * np.pi * years)])


def _fit(values: Floats, epochs: Epochs) -> Floats:
    known = np.isfinite(values)
    return weighted_fit(_design(epochs)[known], values[known], np.ones(int(known.sum()))).estimate


def _model(values: Floats, epochs: Epochs) -> Floats:
    return np.asarray(_design(epochs) @ _fit(values, epochs))


def _rate(values: Floats, epochs: Epochs) -> float:
    return float(_fit(values, epochs)[0])

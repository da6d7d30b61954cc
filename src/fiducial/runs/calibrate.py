"""Calibration of InSAR sources with a GNSS table: coefficients beside the series, rasters for frames, a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial.formats import calibration_file
from fiducial.formats.atomic import atomic_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.geotiff import RasterFrame, read_frame, write_like
from fiducial.motion.calibration.recipes import recipe as recipe_of
from fiducial.runs.calibration_adjustment import Adjusted, adjust
from fiducial.runs.calibration_sources import observe, open_products
from fiducial.runs.gnss import read_table
from fiducial.runs.ingest_frame import frame_columns
from fiducial.runs.sources import distinct, is_frame_folder

DEFAULT_RECIPE: Final = "joint"


@dataclass(frozen=True)
class Calibrated(Adjusted):
    """What a calibration made.

    Attributes
    ----------
    products : tuple of Path
        Point products with the new calibration, one a source.
    """

    products: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return super().to_dict() | {"products": [str(path) for path in self.products]}


def _write_rasters(frame: RasterFrame, folder: Path, calibration: CalibrationFile) -> None:
    """Write the calibrated velocity, the surface and its sigma on the grid of a frame."""
    columns = frame_columns(frame)
    row, column = columns["line"].astype(int), columns["pixel"].astype(int)
    surface = calibration.surface
    rate = surface.surface_mm_per_yr(columns["easting"], columns["northing"])
    rasters = {
        "vel.calibrated": (columns["mean_velocity"] - rate, "LOS velocity, positive towards the satellite"),
        "surface": (rate, "calibration surface S; calibrated velocity = velocity - S"),
        "surface_sigma": (
            surface.sigma_mm_per_yr(columns["easting"], columns["northing"]),
            "standard deviation of the calibration surface",
        ),
    }
    tags = {"reference_frame": calibration.frame, "calibration": calibration.version}
    for name, (values, description) in rasters.items():
        grid = np.full(frame.velocity_mm_per_yr.shape, np.nan)
        grid[row, column] = values
        write_like(folder / f"{name}.tif", frame, grid, description=description, unit="mm/yr", tags=tags)


def calibrate(
    paths: Sequence[Path],
    table: Path,
    gnss_frame: str | None,
    out: Path,
    *,
    recipe: str = DEFAULT_RECIPE,
    folds: int = 0,
    up_prior_sigma_mm_per_yr: float | None = None,
) -> Calibrated:
    """Tie InSAR sources to a GNSS velocity field.

    Parameters
    ----------
    paths : sequence of Path
        EGMS files, folders of GeoTIFFs or point products.
    table : Path
        GNSS velocities.
    gnss_frame : str or None
        Their frame, which becomes that of the calibrated velocities; must be stated.
    out : Path
        Folder: a point product a source with the coefficients in its ``calibration.zarr``, the rasters of frames,
        and ``calibration.json``.
    recipe : str
        Name of a recipe.
    folds : int
        Predict stations that are held out in that many folds; 0 not to.
    up_prior_sigma_mm_per_yr : float, optional
        See ``runs.gnss.load``.

    Returns
    -------
    Calibrated

    Raises
    ------
    InputError
        FID-1004 frame, FID-1005 fewer than three usable stations, FID-1031 sources, FID-1032 no line of sight,
        FID-106x from the recipe; and those of the formats.
    """
    recipe_of(recipe)
    sources = distinct(paths)
    stations = read_table(table, gnss_frame)
    products = open_products(sources, out)
    adjusted = adjust(
        [observe(product, stations) for product in products], table, gnss_frame, recipe=recipe, folds=folds,
        up_prior_sigma_mm_per_yr=up_prior_sigma_mm_per_yr,
    )  # fmt: skip
    for source, product, file in zip(sources, products, adjusted.files, strict=True):
        calibration_file.write(product.path, file, overwrite=True)
        if is_frame_folder(source):
            _write_rasters(read_frame(source), product.path, file)
    found = {one.name: getattr(adjusted, one.name) for one in fields(adjusted)}
    calibrated = Calibrated(**found, products=tuple(product.path for product in products))
    # Products are named as they lie beside the document, which then holds wherever the folder is put.
    document = calibrated.to_dict() | {"products": [path.name for path in calibrated.products]}
    with atomic_file(out / "calibration.json") as path:
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return calibrated

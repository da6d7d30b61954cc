"""What a command is given: EGMS files, folders of GeoTIFFs or point products, opened alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct, is_product
from fiducial.motion.calibration.application import corrected_attributes
from fiducial.motion.points import PointBlock
from fiducial.runs.ingest import import_egms

NO_CALIBRATION: Final = "none"
CLUSTER: Final = "cluster_label"
_GEOMETRY: Final = ("easting", "northing")


@dataclass(frozen=True)
class Source:
    """A point product with the calibration that is applied while it is read.

    Attributes
    ----------
    product : PointProduct
    calibration : CalibrationFile or None
    """

    product: PointProduct
    calibration: CalibrationFile | None

    @property
    def name(self) -> str:
        """Name of the product."""
        return self.product.manifest.name

    @property
    def frame(self) -> str | None:
        """Frame that the velocities are tied to; None when they are relative."""
        return self.product.manifest.tie.frame if self.calibration is None else self.calibration.frame

    def attributes(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> dict[str, NDArray[Any]]:
        """Read attributes, with the calibration applied to ``mean_velocity``."""
        attributes = self.product.attributes([*dict.fromkeys([*columns, *self._needed])], groups)
        if self.calibration is not None:
            attributes, _ = corrected_attributes(attributes, self.calibration.surface)
        return attributes

    def block(self, group: int, columns: Sequence[str] | None = None) -> PointBlock:
        """Read one row group with its series, calibrated in the pass that decodes them."""
        if self.calibration is None:
            return self.product.block(group, columns)
        wanted = None if columns is None else [*dict.fromkeys([*columns, *self._needed])]
        attributes, rate = corrected_attributes(self.product.attributes(wanted, [group]), self.calibration.surface)
        series = self.product.series_mm(*self.product.bounds(group), rate_mm_per_yr=rate)
        return PointBlock(attributes, series, self.product.epochs)

    @property
    def _needed(self) -> tuple[str, ...]:
        """Columns that the calibration cannot be applied without."""
        if self.calibration is None:
            return ()
        labelled = self.calibration.surface.clusters is not None and CLUSTER in self.product.column_names
        return (*_GEOMETRY, CLUSTER) if labelled else _GEOMETRY

    def tie_sigma_mm_per_yr(self, easting: NDArray[np.float64], northing: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviation of the calibration at map positions that belong to no point, such as cells.

        Parameters
        ----------
        easting, northing : ndarray, shape (cell,)
            Metres.

        Returns
        -------
        ndarray, shape (cell,)
            mm/yr; zero without calibration. Where unwrapping clusters are tied apart, the largest over the clusters
            that the product has points of: a cell does not say which of them its points are, and an average would
            promise too much.
        """
        if self.calibration is None:
            return np.zeros(len(easting))
        surface = self.calibration.surface
        if surface.clusters is None:
            return surface.sigma_mm_per_yr(easting, northing)
        sigmas = [surface.sigma_mm_per_yr(easting, northing, label) for label in self._cluster_labels]
        return np.asarray(np.max(sigmas, axis=0), dtype=np.float64)

    @cached_property
    def _cluster_labels(self) -> NDArray[Any]:
        return np.unique(self.product.attributes([CLUSTER])[CLUSTER])

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[PointBlock]:
        """Read row group by row group, calibrated."""
        for group in range(self.product.row_groups):
            yield self.block(group, columns)


def is_frame_folder(path: Path) -> bool:
    """Tell whether a path is a folder of GeoTIFFs."""
    return path.is_dir() and not is_product(path) and any(path.glob("*.tif"))


def open_source(path: Path, work: Path, *, calibration: str | None = None) -> Source:
    """Open an EGMS file or a point product.

    Parameters
    ----------
    path : Path
    work : Path
        Folder where an EGMS file is imported to.
    calibration : str or None
        Version to apply; the newest by default, ``none`` for none.

    Raises
    ------
    InputError
        FID-1001 when the path is neither.
    """
    if is_product(path):
        product = PointProduct.open(path)
    elif path.is_dir():
        raise InputError(
            "FID-1001",
            "a folder of GeoTIFFs has no points to read here"
            if is_frame_folder(path)
            else "the folder is no point product and holds no GeoTIFFs",
            where=str(path),
            fix="import the folder first, with `fiducial motion import`"
            if is_frame_folder(path)
            else "give the files in it, e.g. FOLDER/EGMS_L2b_*.zip",
        )
    else:
        product = PointProduct.open(import_egms(path, work))
    version = None if calibration == NO_CALIBRATION else calibration_file.read(product.path, calibration)
    return Source(product, version)


def distinct(paths: Sequence[Path]) -> list[Path]:
    """Return the sources, refusing none and one given twice.

    Raises
    ------
    InputError
        FID-1031.
    """
    resolved = [path.resolve() for path in paths]
    if not paths or len(set(resolved)) < len(resolved):
        raise InputError(
            "FID-1031",
            "a source is given twice" if paths else "no source is given",
            where=", ".join(map(str, paths)) or "SRC",
            fix="give every source once",
        )
    return list(paths)

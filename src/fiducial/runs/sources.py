"""What a command is given: EGMS files, folders of GeoTIFFs or point products, opened alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct, is_product
from fiducial.motion.calibration.application import apply
from fiducial.motion.points import PointBlock
from fiducial.runs.ingest import import_egms

NO_CALIBRATION: Final = "none"
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
        wanted = list(dict.fromkeys([*columns, *(_GEOMETRY if self.calibration else ())]))
        attributes = self.product.attributes(wanted, groups)
        if self.calibration is not None:
            block = PointBlock(attributes, np.empty((0, len(attributes["easting"])), np.float32), np.empty(0, "M8[ns]"))
            attributes = dict(apply(block, self.calibration.surface).attributes)
        return attributes

    def block(self, group: int, columns: Sequence[str] | None = None) -> PointBlock:
        """Read one row group with its series, calibrated."""
        if self.calibration is None:
            return self.product.block(group, columns)
        wanted = None if columns is None else list(dict.fromkeys([*columns, *_GEOMETRY]))
        return apply(self.product.block(group, wanted), self.calibration.surface)

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

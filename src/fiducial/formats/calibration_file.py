"""``calibration.zarr``: the coefficients of calibrations beside the series that they correct."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import zarr

from fiducial.errors import FormatError, InputError
from fiducial.formats.atomic import atomic_directory
from fiducial.motion.calibration.surfaces import CorrectionSurface

FOLDER: Final = "calibration.zarr"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_ARRAYS: Final = ("coefficients_mm_per_yr", "covariance_mm2_per_yr2")


@dataclass(frozen=True)
class CalibrationFile:
    """One version of a calibration of one product.

    Attributes
    ----------
    version : str
        Name among the versions of the product.
    frame : str
        Frame that calibrated velocities refer to.
    surface : CorrectionSurface
    document : dict
        Everything else worth keeping, as plain values: recipe, GNSS source, epoch, stations with residuals,
        rejected stations with reasons, notes, provenance.
    """

    version: str
    frame: str
    surface: CorrectionSurface
    document: dict[str, Any]


def versions(product: Path) -> list[str]:
    """Return the versions of a product, oldest first."""
    folder = product / FOLDER
    if not folder.is_dir():
        return []
    found = [entry for entry in folder.iterdir() if (entry / "zarr.json").is_file() and not entry.name.startswith(".")]
    return [entry.name for entry in sorted(found, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))]


def write(product: Path, calibration: CalibrationFile, *, overwrite: bool = False) -> Path:
    """Write a version atomically.

    Raises
    ------
    InputError
        FID-1002 when the version exists; FID-1030 when its name is no file name.
    """
    if not _VERSION.fullmatch(calibration.version):
        raise InputError(
            "FID-1030",
            f"not a name of a calibration: {calibration.version[:80]!r}",
            where=str(product),
            fix="use letters, digits, points, dashes and underscores",
        )
    root = product / FOLDER
    root.mkdir(exist_ok=True)
    if not (root / "zarr.json").exists():
        zarr.create_group(root)
    target = root / calibration.version
    surface = calibration.surface.to_dict()
    arrays = {name: np.asarray(surface.pop(name), dtype=np.float64) for name in _ARRAYS}
    with atomic_directory(target, overwrite=overwrite, marker="zarr.json") as directory:
        group = zarr.create_group(directory, overwrite=True)
        for name, values in arrays.items():
            group.create_array(name, data=values)
        group.attrs.update({"frame": calibration.frame, "surface": surface, "document": calibration.document})
    os.utime(target)
    return target


def read(product: Path, version: str | None = None) -> CalibrationFile | None:
    """Read a version of the calibration of a product, the newest by default; None when it has none.

    Raises
    ------
    InputError
        FID-1030 when there is no version of that name.
    FormatError
        FID-2102 when it cannot be read.
    """
    known = versions(product)
    if version is None and not known:
        return None
    chosen = known[-1] if version is None else version
    if chosen not in known:
        raise InputError(
            "FID-1030",
            f"no calibration named {chosen!r}",
            where=str(product),
            fix=f"use one of {', '.join(known)}" if known else "calibrate the product first",
        )
    try:
        group = zarr.open_group(product / FOLDER / chosen, mode="r")
        stated: Any = group.attrs["surface"]
        surface = dict(stated) | {name: np.asarray(array).tolist() for name, array in group.arrays()}
        document: Any = group.attrs["document"]
        return CalibrationFile(chosen, str(group.attrs["frame"]), CorrectionSurface.from_dict(surface), dict(document))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise FormatError(
            "FID-2102",
            f"the calibration cannot be read: {error}",
            where=str(product / FOLDER / chosen),
            fix="calibrate the product again",
        ) from error

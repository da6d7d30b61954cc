"""Levels of a requirement on equal-area cells as GeoTIFF, one band a metric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from fiducial.formats.atomic import atomic_file

OUTSIDE: Final = 255
UNKNOWN: Final = 254
CODES: Final = "0 below the threshold, 1 threshold, 2 breakthrough, 3 goal, 254 unknown, 255 outside the area"


def write(
    path: Path | str,
    bands: Mapping[str, NDArray[np.uint8]],
    *,
    west_m: float,
    north_m: float,
    cell_m: float,
    crs: str,
    tags: Mapping[str, str],
) -> None:
    """Write levels of cells.

    Parameters
    ----------
    path : path
    bands : mapping of str to ndarray of uint8, shape (row, column)
        Codes as in :data:`CODES`; row 0 is the northernmost.
    west_m, north_m : float
        Upper left corner in ``crs``.
    cell_m : float
        Size of a cell.
    crs : str
    tags : mapping of str to str
        Metadata of the file, beside the meaning of the codes.

    Raises
    ------
    InputError
        FID-1002 when the path is a directory.
    """
    height, width = next(iter(bands.values())).shape
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": len(bands), "height": height, "width": width, "crs": crs,
        "transform": from_origin(west_m, north_m, cell_m, cell_m), "nodata": OUTSIDE, "compress": "deflate",
    }  # fmt: skip
    with atomic_file(path) as partial, rasterio.open(partial, "w", **profile) as sink:
        for number, (name, band) in enumerate(bands.items(), start=1):
            sink.write(band, number)
            sink.set_band_description(number, name)
        sink.update_tags(codes=CODES, **tags)

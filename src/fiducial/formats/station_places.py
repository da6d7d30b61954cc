"""Names and places of the stations of a velocity table: what the bursts are observed with.

The velocities are left out on purpose: bursts need not be observed again when only these change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.table import open_table
from fiducial.geodesy.station_velocities import StationPlaces

_COLUMNS: Final = ("name", "longitude_deg", "latitude_deg")


@dataclass(frozen=True)
class PlaceTable:
    """Stations in the order of their velocity table.

    Attributes
    ----------
    names : ndarray of str, shape (station,)
    longitude_deg, latitude_deg : ndarray, shape (station,)
        Degrees.
    """

    names: NDArray[np.str_]
    longitude_deg: NDArray[np.float64]
    latitude_deg: NDArray[np.float64]


def write(path: Path, stations: StationPlaces) -> None:
    """Write names and places as Parquet, atomically."""
    with open_table(path, overwrite=True) as append:
        columns = (stations.names, stations.longitude_deg, stations.latitude_deg)
        append(dict(zip(_COLUMNS, columns, strict=True)))


def read(path: Path) -> PlaceTable:
    """Read names and places.

    Raises
    ------
    FormatError
        FID-2104 when they cannot be read.
    """
    try:
        table = pq.read_table(path)
        name, longitude, latitude = (table[column] for column in _COLUMNS)
        return PlaceTable(
            np.array(name.to_pylist(), dtype=np.str_), longitude.to_numpy().copy(), latitude.to_numpy().copy()
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        raise FormatError(
            "FID-2104", f"the places of stations cannot be read: {error}", where=str(path),
            fix="remove the file and run again",
        ) from error  # fmt: skip

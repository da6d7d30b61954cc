"""A-EPND, the GNSS velocity model of EGMS: one CSV of nodes of a 50 km grid.

Columns ``Latitude,Longitude,N,E,Up,SigmaN,SigmaE,SigmaUP,easting,northing``: degrees ETRS89 with nine decimals, mm/yr
in ETRF2000 with two, metres EPSG:3035 as integers; rows by northing descending, then easting ascending
(EGMS GNSS Calibration Data v1). Note the order: latitude first, north before east.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final, NoReturn

import numpy as np
import pyproj
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.gnss_grid import AEPND_FRAME, GnssGrid

COLUMNS: Final = (
    "Latitude", "Longitude", "N", "E", "Up", "SigmaN", "SigmaE", "SigmaUP", "easting", "northing",
)  # fmt: skip
_COORDINATE_TOLERANCE_M: Final = 1.0  # the published positions agree to 1 mm; a swapped pair is off by far more


def is_header(line: str) -> bool:
    """Tell whether a line is the header of an A-EPND file (with or without the leading ``#``)."""
    return tuple(name.strip() for name in line.lstrip("\ufeff#").split(",")) == COLUMNS


def read(source: Path | str | bytes | BinaryIO, *, name: str = "") -> GnssGrid:
    """Read an A-EPND file.

    Parameters
    ----------
    source : path, bytes or binary file
    name : str, optional
        What errors and ``GnssGrid.source`` call the file; the path where there is one.

    Returns
    -------
    GnssGrid
        In the order of the file, east before north; frame ETRF2000.

    Raises
    ------
    FormatError
        FID-2310 header not recognised; FID-2311 a row is damaged; FID-2312 geographic and map coordinates contradict
        each other, or a node appears twice; FID-2307 unreadable.
    """
    where = name or (str(source) if isinstance(source, str | Path) else "A-EPND")
    lines = _text(source, where).splitlines()
    if not lines or not is_header(lines[0]):
        raise FormatError("FID-2310", "header is not that of an A-EPND file", where=f"{where}, line 1",
                          fix=f"the first line must be {','.join(COLUMNS)}")  # fmt: skip
    numbers = [(index, line) for index, line in enumerate(lines[1:], start=2) if line.strip()]
    if not numbers:
        raise FormatError("FID-2311", "no nodes after the header", where=where, fix="fetch the file again")
    table = np.array([_row(line, f"{where}, line {index}") for index, line in numbers], dtype=np.float64)
    grid = GnssGrid(
        latitude_deg=table[:, 0],
        longitude_deg=table[:, 1],
        velocity_enu_mm_per_yr=table[:, [3, 2, 4]],
        sigma_enu_mm_per_yr=table[:, [6, 5, 7]],
        easting_m=table[:, 8].astype(np.int64),
        northing_m=table[:, 9].astype(np.int64),
        source=where,
    )
    _check_nodes(grid, [index for index, _ in numbers], where)
    return grid


def write(grid: GnssGrid, sink: Path | str | BinaryIO, *, hash_header: bool = False) -> None:
    """Write a grid as an A-EPND file, in the official order and style.

    Parameters
    ----------
    grid : GnssGrid
        Rates are printed with two decimals, positions with nine.
    sink : path or binary file
        A path is written atomically.
    hash_header : bool
        Begin the header with ``#``, as some copies of the official file do.

    Raises
    ------
    FormatError
        FID-2311 when a value is not finite: the format has no token for "unknown"; FID-2313 when the grid is not in
        ETRF2000, the frame of the format.
    """
    if grid.frame != AEPND_FRAME:
        raise FormatError("FID-2313", f"A-EPND files are in ETRF2000, this grid is in {grid.frame}", where=grid.source,
                          fix="transform the grid to ETRF2000 first")  # fmt: skip
    ordered = grid.official_order()
    columns = np.column_stack([ordered.latitude_deg, ordered.longitude_deg, ordered.velocity_enu_mm_per_yr[:, [1, 0, 2]],
                               ordered.sigma_enu_mm_per_yr[:, [1, 0, 2]]])  # fmt: skip
    if not np.isfinite(columns).all():
        node = int(np.argmin(np.isfinite(columns).all(axis=1)))
        raise FormatError("FID-2311", "a value is not finite, and the format cannot say 'unknown'",
                          where=f"node E {ordered.easting_m[node]} N {ordered.northing_m[node]}",
                          fix="leave out the nodes without a value")  # fmt: skip
    rows = [("#" if hash_header else "") + ",".join(COLUMNS)]
    style = "{:.9f},{:.9f}," + ",".join(["{:.2f}"] * 6) + ",{:d},{:d}"
    rows += [style.format(*values, int(easting), int(northing))
             for values, easting, northing in zip(columns, ordered.easting_m, ordered.northing_m, strict=True)]  # fmt: skip
    data = ("\n".join(rows) + "\n").encode()
    if isinstance(sink, str | Path):
        with atomic_file(sink) as partial:
            partial.write_bytes(data)
    else:
        sink.write(data)


def _text(source: Path | str | bytes | BinaryIO, where: str) -> str:
    try:
        if isinstance(source, str | Path):
            data = Path(source).read_bytes()
        else:
            data = source if isinstance(source, bytes) else source.read()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError("FID-2307", f"cannot be read as text: {error}", where=where,
                          fix="check the path and the permissions, or fetch the file again") from error  # fmt: skip


def _row(line: str, where: str) -> list[float]:
    fields = line.split(",")
    if len(fields) != len(COLUMNS):
        _damaged(f"{len(fields)} fields instead of {len(COLUMNS)}", where)
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        _damaged(str(error), where)
    if not np.isfinite(values).all():
        _damaged("a value is not finite", where)
    if not (abs(values[0]) <= 90.0 and abs(values[1]) <= 360.0):
        _damaged("latitude or longitude out of range", where)
    if min(values[5:8]) <= 0.0:
        _damaged("a standard deviation is not positive", where)
    if not (values[8].is_integer() and values[9].is_integer() and max(abs(values[8]), abs(values[9])) < 1e8):
        _damaged("easting and northing must be whole metres", where)
    return values


def _damaged(problem: str, where: str) -> NoReturn:
    raise FormatError("FID-2311", problem, where=where, fix="the file is cut or edited; fetch it again")


def _check_nodes(grid: GnssGrid, line_numbers: list[int], where: str) -> None:
    transformer = pyproj.Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True)
    easting, northing = transformer.transform(grid.longitude_deg, grid.latitude_deg)
    distance_m: NDArray[np.float64] = np.hypot(easting - grid.easting_m, northing - grid.northing_m)
    off = ~(distance_m <= _COORDINATE_TOLERANCE_M)
    if off.any():
        node = int(np.argmax(off))
        raise FormatError("FID-2312", f"latitude, longitude and easting, northing are {distance_m[node]:.0f} m apart",
                          where=f"{where}, line {line_numbers[node]}",
                          fix="check the order of the columns: latitude comes first")  # fmt: skip
    _, first, counts = np.unique(np.column_stack([grid.easting_m, grid.northing_m]), axis=0, return_index=True,
                                 return_counts=True)  # fmt: skip
    if counts.max() > 1:
        node = int(first[np.argmax(counts)])
        raise FormatError("FID-2312", f"the node E {grid.easting_m[node]} N {grid.northing_m[node]} appears twice",
                          where=f"{where}, line {line_numbers[node]}", fix="keep one row a node")  # fmt: skip

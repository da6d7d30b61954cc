"""GNSS velocities at one place, for the audit: from the columns of Level 3, from A-EPND, from a table of stations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import FiducialError, InputError
from fiducial.formats import aepnd, egms, egms_csv, egms_names
from fiducial.formats.point_product import PointProduct, is_product
from fiducial.geodesy.frames import Frame, parse_frame, same_frame
from fiducial.geodesy.gnss_grid import AEPND_FRAME
from fiducial.geodesy.interpolation import covering_grid, unproject
from fiducial.runs import gnss as gnss_tables

Array = NDArray[np.float64]

PLACE_KM: Final = 5.0
"""Level 3 cells within this distance speak for a place."""

FRAME_ALLOWANCE_MM_PER_YR: Final = (0.5, 0.5, 1.0)
"""Sigma of east, north, up between ETRF2000 and another realisation of ETRS89, or a Eurasia-fixed table: vertical
rates differ by 0.3 to 1.1 mm/yr over Europe, horizontal ones by tenths."""

_NODE_SPACING_M: Final = 50_000.0
_TILE_M: Final = 100_000.0
_HALF_UNIT: Final = 0.05
_COLUMNS: Final = ("gnss_velocity_e", "gnss_velocity_n", "gnss_velocity_u")
_MAP: Final = "EPSG:3035"


@dataclass(frozen=True)
class Velocities:
    """GNSS velocities at a place.

    Attributes
    ----------
    source : str
    velocity_enu_mm_per_yr : ndarray, shape (3,)
        East, north, up.
    covariance_enu : ndarray, shape (3, 3)
        In (mm/yr)^2.
    tolerance_mm_per_yr : float
        Half the printed unit where the velocities are rounded.
    decomposed : bool
        East and Up may come from the very lines of sight they are compared with.
    """

    source: str
    velocity_enu_mm_per_yr: Array
    covariance_enu: Array
    tolerance_mm_per_yr: float
    decomposed: bool


def level3_beside(path: Path, name: egms_names.EgmsName | None, place: tuple[float, float]) -> Path | None:
    """Return the Level 3 product of the same release that lies beside a Level 2 one and covers a place, if any."""
    if not isinstance(name, egms_names.BurstName):
        return None
    for candidate in sorted(path.resolve().parent.glob("EGMS_L3_*")):
        if candidate.suffix.lower() not in {".zip", ".csv"} and not is_product(candidate):
            continue
        try:
            tile = egms_names.parse(candidate.name)
        except FiducialError:
            continue
        if isinstance(tile, egms_names.TileName) and tile.window == name.window:
            corner = np.array([tile.easting_100km, tile.northing_100km]) * _TILE_M
            inside = np.array(place) - corner
            if np.all(inside >= 0) and np.all(inside < _TILE_M):
                return candidate
    return None


def from_level3(path: Path, place: tuple[float, float]) -> Velocities | None:
    """Return the mean of the GNSS columns of Level 3 cells around a place; None when there are none.

    Parameters
    ----------
    path : Path
        EGMS Level 3, or a point product of it. Streamed: nothing is imported, nothing kept.
    place : tuple of float
        Easting and northing, EPSG:3035, metres.

    Raises
    ------
    InputError
        FID-1073 when the product is not Level 3.
    """
    total, count = np.zeros(3), 0
    for columns in _level3_rows(path):
        if not all(name in columns for name in _COLUMNS):
            return None
        near = np.hypot(columns["easting"] - place[0], columns["northing"] - place[1]) <= 1000 * PLACE_KM
        total += [float(np.sum(columns[name][near])) for name in _COLUMNS]
        count += int(near.sum())
    if not count:
        return None
    source = f"GNSS columns of {path.name}, {count} cells"
    return Velocities(source, total / count, np.zeros((3, 3)), _HALF_UNIT, decomposed=True)


def _level3_rows(path: Path) -> Iterator[dict[str, NDArray[Any]]]:
    if is_product(path):
        product = PointProduct.open(path)
        _require_level3(product.manifest.level, path)
        names = [name for name in ("easting", "northing", *_COLUMNS) if name in product.column_names]
        for group in range(product.row_groups):
            yield product.attributes(names, [group])
        return
    file = egms.recognise(path)
    _require_level3(file.level, path)
    with file.pieces() as pieces:
        for piece in pieces:
            yield egms_csv.parse_quantised(piece, file.header, file.where)[0].attributes


def _require_level3(level: str, path: Path) -> None:
    if level != "L3":
        raise InputError(
            "FID-1073",
            f"the product to compare with is {level}, not Level 3",
            where=str(path),
            fix="give the Level 3 product of the same tile, of release 2020_2024 or later",
        )


def from_table(table: Path, frame: str | None, place: tuple[float, float]) -> Velocities:
    """Return the velocities of a GNSS table at a place.

    Parameters
    ----------
    table : Path
        A-EPND is interpolated bilinearly, as EGMS does; from stations the field is predicted by collocation.
    frame : str or None
        A-EPND needs none.
    place : tuple of float
        Easting and northing, EPSG:3035, metres.

    Raises
    ------
    InputError
        FID-1001 no such table; FID-1004 frame missing or unknown; FID-1005 fewer than three stations; FID-1071 frame
        too far from ETRF2000; FID-1074 A-EPND without the nodes around the place.
    """
    if not table.is_file():
        raise InputError("FID-1001", "no such GNSS table", where=str(table), fix="check the path")
    with table.open("rb") as stream:
        first = stream.readline(1000).decode("utf-8-sig", errors="replace")
    if aepnd.is_header(first.strip()):
        return _from_grid(table, frame, place)
    declared = parse_frame(frame)
    _require_near_etrf(declared)
    longitude, latitude = unproject(np.array([place[0]]), np.array([place[1]]), _MAP)
    field = gnss_tables.load(table, frame, longitude, latitude).field
    predicted = field.predict(longitude, latitude)
    covariance = predicted.covariance_enu[0]
    source = f"{table.name} in {declared}, collocation"
    if not same_frame(declared, AEPND_FRAME):
        covariance = covariance + np.diag(np.square(FRAME_ALLOWANCE_MM_PER_YR))
        source += "; " + ", ".join(f"{sigma:g}" for sigma in FRAME_ALLOWANCE_MM_PER_YR)
        source += f" mm/yr (E, N, U) allowed between that frame and {AEPND_FRAME}"
    return Velocities(source, predicted.velocity_enu_mm_per_yr[0], covariance, 0.0, decomposed=False)


def _require_near_etrf(frame: Frame) -> None:
    if frame.kind == "ETRF" or (frame.kind == "plate" and frame.plate == "EURA"):
        return
    raise InputError(
        "FID-1071",
        f"velocities in {frame} move with another plate than those of EGMS, which are in {AEPND_FRAME}",
        where="--gnss-frame",
        fix=f"give a table in {AEPND_FRAME}, in another realisation of ETRS89, or Eurasia-fixed (plate:EURA)",
    )


def _from_grid(table: Path, frame: str | None, place: tuple[float, float]) -> Velocities:
    if frame is not None and not same_frame(frame, AEPND_FRAME):
        raise InputError(
            "FID-1004",
            f"A-EPND is in {AEPND_FRAME} by definition, {frame!r} is stated",
            where=str(table),
            fix=f"state {AEPND_FRAME}, or no frame",
        )
    grid = aepnd.read(table)
    cell = covering_grid(np.array([place[0]]), np.array([place[1]]), _NODE_SPACING_M)
    index = {(int(e), int(n)): k for k, (e, n) in enumerate(zip(grid.easting_m, grid.northing_m, strict=True))}
    nodes = [(int(e), int(n)) for e, n in zip(*cell.nodes, strict=True)]
    missing = [node for node in nodes if node not in index]
    if missing:
        raise InputError(
            "FID-1074",
            f"{len(missing)} of the four GNSS nodes around E {place[0]:.0f} N {place[1]:.0f} are not in the table",
            where=f"{table}: node E {missing[0][0]} N {missing[0][1]}",
            fix="give the whole A-EPND file",
        )
    weights = cell.bilinear(np.array([place[0]]), np.array([place[1]])).toarray()[0]
    rows = [index[node] for node in nodes]
    # Neighbouring nodes come from the same stations: their errors add up linearly, not in quadrature.
    sigma = weights @ grid.sigma_enu_mm_per_yr[rows]
    return Velocities(f"{table.name} in {AEPND_FRAME}, bilinear", weights @ grid.velocity_enu_mm_per_yr[rows],
                      np.diag(sigma**2), 0.0, decomposed=False)  # fmt: skip

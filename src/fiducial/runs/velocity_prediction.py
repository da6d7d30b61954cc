"""Predictions of a velocity model at points or on a grid, as tables and files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyproj
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import aepnd, point_list, velocity_model_file
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.gnss_grid import GnssGrid
from fiducial.stations.velocity_model import ModelPrediction, VelocityModel

Array = NDArray[np.float64]
Layout = Literal["auto", "table", "aepnd", "json"]

MOST_NODES: Final = 5_000_000
COLUMNS: Final = (
    "name", "longitude", "latitude", "east_mm_yr", "north_mm_yr", "up_mm_yr", "sigma_east_mm_yr", "sigma_north_mm_yr",
    "sigma_up_mm_yr", "corr_en", "corr_eu", "corr_nu",
)  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Where to predict: points, or the nodes of a grid in EPSG:3035."""

    names: tuple[str, ...]
    longitude_deg: Array
    latitude_deg: Array
    easting_m: NDArray[np.int64] | None = None
    northing_m: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Predicted:
    """Prediction with its places and its model."""

    places: Places
    prediction: ModelPrediction
    model: VelocityModel

    def rows(self) -> list[list[str | float | None]]:
        """Return rows of ``COLUMNS``; unknown is None."""
        correlations = _correlations(self.prediction.covariance_enu)
        numbers = np.column_stack(
            [self.prediction.velocity_enu_mm_per_yr, self.prediction.sigma_enu_mm_per_yr, correlations]
        )
        return [
            [name, float(lon), float(lat), *(round(float(x), 3) if np.isfinite(x) else None for x in row)]
            for name, lon, lat, row in zip(
                self.places.names, self.places.longitude_deg, self.places.latitude_deg, numbers, strict=True
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        result: dict[str, Any] = {
            "frame": self.prediction.frame,
            "model_frame": self.model.frame,
            "working_frame": self.model.working_frame,
            "epoch_span": self.model.epoch_span,
            "units": "degrees, mm/yr, (mm/yr)^2",
            "points": [
                {"name": name, "longitude": float(lon), "latitude": float(lat), "velocity_enu_mm_per_yr": _plain(velocity),
                 "sigma_enu_mm_per_yr": _plain(sigma), "covariance_enu": _plain(covariance)}
                for name, lon, lat, velocity, sigma, covariance in zip(
                    self.places.names, self.places.longitude_deg, self.places.latitude_deg,
                    self.prediction.velocity_enu_mm_per_yr, self.prediction.sigma_enu_mm_per_yr,
                    self.prediction.covariance_enu, strict=True,
                )
            ],
        }  # fmt: skip
        if self.prediction.between is not None:
            size = 3 * len(self.places.names)
            result["order"] = "point by point: east, north, up"
            result["covariance_between_points"] = _plain(self.prediction.between.reshape(size, size))
        return result


def predict(
    model: Path,
    *,
    points: Path | None = None,
    lonlat: tuple[float, float] | None = None,
    grid_km: float | None = None,
    bounds: tuple[float, float, float, float] | None = None,
    frame: str | None = None,
    between_points: bool = False,
) -> Predicted:
    """Predict at the points of a file, at one point, or on a grid.

    Raises
    ------
    InputError
        FID-1340 none or several of these; FID-1341 the list of points; FID-1343 the grid.
    FormatError
        FID-2400, FID-2460 to 2462 the model.
    """
    given = [one for one in (points, lonlat, grid_km) if one is not None]
    if len(given) != 1 or (grid_km is None) != (bounds is None):
        raise InputError("FID-1340", "it is not clear where to predict", where="--points, --lonlat, --grid and --bounds",
                         fix="give one of --points FILE, --lonlat LON LAT, or --grid KM with --bounds W S E N")  # fmt: skip
    field = velocity_model_file.read(model)
    if points is not None:
        listed = point_list.read(points)
        places = Places(listed.names, listed.longitude_deg, listed.latitude_deg)
    elif lonlat is not None:
        places = Places(("point",), np.array([lonlat[0]]), np.array([lonlat[1]]))
    else:
        assert grid_km is not None  # noqa: S101
        assert bounds is not None  # noqa: S101
        places = grid_nodes(grid_km, bounds)
    found = field.predict(places.longitude_deg, places.latitude_deg, frame=frame, between_points=between_points)
    return Predicted(places, found, field)


def grid_nodes(spacing_km: float, bounds: tuple[float, float, float, float]) -> Places:
    """Return nodes of the EPSG:3035 grid (multiples of the spacing, as A-EPND has them) between west, south, east, north.

    Raises
    ------
    InputError
        FID-1343 for bounds or a spacing that make no grid, or one of more than five million nodes.
    """
    west, south, east, north = bounds
    if not (0.001 <= spacing_km <= 5000.0 and -180.0 <= west < east <= 180.0 and -90.0 < south < north < 90.0):
        raise _no_grid(f"spacing {spacing_km:g} km, bounds {west:g} {south:g} {east:g} {north:g} make no grid")
    projection = pyproj.Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True)
    edge = np.linspace(0.0, 1.0, 101)
    around = [(west + edge * (east - west), np.full(101, south)), (west + edge * (east - west), np.full(101, north)),
              (np.full(101, west), south + edge * (north - south)), (np.full(101, east), south + edge * (north - south))]  # fmt: skip
    x, y = projection.transform(np.concatenate([one[0] for one in around]), np.concatenate([one[1] for one in around]))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise _no_grid("the bounds reach beyond the map projection of Europe, EPSG:3035")
    step = round(spacing_km * 1000.0)
    columns = np.arange(int(np.floor(x.min() / step)), int(np.ceil(x.max() / step)) + 1, dtype=np.int64)
    rows = np.arange(int(np.floor(y.min() / step)), int(np.ceil(y.max() / step)) + 1, dtype=np.int64)
    if len(columns) * len(rows) > MOST_NODES:
        raise _no_grid(f"{len(columns) * len(rows)} nodes, more than {MOST_NODES}")
    northing, easting = (one.ravel() * step for one in np.meshgrid(rows[::-1], columns, indexing="ij"))
    longitude, latitude = projection.transform(easting, northing, direction="INVERSE")
    inside = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    if not inside.any():
        raise _no_grid("no node lies inside the bounds")
    easting, northing = easting[inside], northing[inside]
    names = tuple(f"E{e / 1000:g}N{n / 1000:g}" for e, n in zip(easting, northing, strict=True))
    return Places(names, longitude[inside], latitude[inside], easting, northing)


def write(found: Predicted, out: Path, *, layout: Layout = "auto", overwrite: bool = False) -> None:
    """Write a prediction: a table with commas, JSON (with covariances), or an A-EPND file.

    Parameters
    ----------
    found : Predicted
    out : Path
    layout : {"auto", "table", "aepnd", "json"}
        ``auto`` is JSON for a name that ends in ``.json``, otherwise a table.
    overwrite : bool

    Raises
    ------
    InputError
        FID-1002 the file exists; FID-1340 an A-EPND file of points that are no grid.
    FormatError
        FID-2311, FID-2313 what an A-EPND file cannot say: unknown values, another frame than ETRF2000.
    """
    chosen = layout if layout != "auto" else ("json" if out.suffix == ".json" else "table")
    if chosen == "aepnd":
        with atomic_file(out, overwrite=overwrite) as partial:
            aepnd.write(_grid(found), partial)
        return
    data = json.dumps(found.to_dict(), indent=1) + "\n" if chosen == "json" else _table(found)
    with atomic_file(out, overwrite=overwrite) as partial:
        partial.write_text(data, encoding="utf-8")


def _table(found: Predicted) -> str:
    text = io.StringIO()
    span = found.model.epoch_span
    text.write(f"# frame: {found.prediction.frame}\n")
    text.write(f"# epochs of the series: {'not stated' if span is None else f'{span[0]:g} to {span[1]:g}'}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, longitude, latitude, *numbers in found.rows():
        writer.writerow(
            [name, f"{longitude:.9f}", f"{latitude:.9f}", *("" if x is None else f"{x:.3f}" for x in numbers)]
        )
    return text.getvalue()


def _grid(found: Predicted) -> GnssGrid:
    if found.places.easting_m is None or found.places.northing_m is None:
        raise InputError("FID-1340", "an A-EPND file holds the nodes of a grid, not points", where="--layout aepnd",
                         fix="predict with --grid KM --bounds W S E N, or write a table")  # fmt: skip
    return GnssGrid(
        latitude_deg=found.places.latitude_deg, longitude_deg=found.places.longitude_deg,
        velocity_enu_mm_per_yr=found.prediction.velocity_enu_mm_per_yr,
        sigma_enu_mm_per_yr=found.prediction.sigma_enu_mm_per_yr,
        easting_m=found.places.easting_m, northing_m=found.places.northing_m, frame=found.prediction.frame,
        source="velocity model",
    )  # fmt: skip


def _correlations(covariance: Array) -> Array:
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    pairs = ((0, 1), (0, 2), (1, 2))
    return np.column_stack([covariance[:, i, j] / (sigma[:, i] * sigma[:, j]) for i, j in pairs])


def _plain(values: Array) -> Any:
    if values.ndim > 1:
        return [_plain(row) for row in values]
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]


def _no_grid(problem: str) -> InputError:
    return InputError("FID-1343", problem, where="--grid and --bounds",
                      fix="give the spacing in km and west, south, east, north in degrees, inside Europe")  # fmt: skip

"""What the columns of a product are, for those who look at them in another program or a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.errors import InputError
from fiducial.runs.sources import Source


@dataclass(frozen=True)
class Quantity:
    """A column.

    Attributes
    ----------
    text : str
    unit : str
        ``1`` for pure numbers.
    signed : bool
        Zero is its middle.
    motion : bool
        Along the component of the product: positive towards the satellite, east or up.
    """

    text: str
    unit: str
    signed: bool = False
    motion: bool = False


QUANTITIES: Final = {
    "mean_velocity": Quantity("mean velocity", "mm/yr", signed=True, motion=True),
    "mean_velocity_std": Quantity("standard deviation of the mean velocity", "mm/yr"),
    "acceleration": Quantity("acceleration", "mm/yr²", signed=True, motion=True),
    "acceleration_std": Quantity("standard deviation of the acceleration", "mm/yr²"),
    "seasonality": Quantity("amplitude of the annual motion", "mm"),
    "seasonality_std": Quantity("standard deviation of the annual amplitude", "mm"),
    "rmse": Quantity("root mean square of the residuals", "mm"),
    "temporal_coherence": Quantity("temporal coherence", "1"),
    "amplitude_dispersion": Quantity("amplitude dispersion", "1"),
    "incidence_angle": Quantity("incidence angle", "°"),
    "track_angle": Quantity("track angle", "°"),
    "los_east": Quantity("line of sight, east", "1", signed=True),
    "los_north": Quantity("line of sight, north", "1", signed=True),
    "los_up": Quantity("line of sight, up", "1"),
    "height": Quantity("height above the geoid", "m"),
    "height_wgs84": Quantity("height above the ellipsoid", "m"),
    "mp_type": Quantity("effective area, 0 for a point scatterer", "m²"),
    "gnss_velocity": Quantity("GNSS velocity in the line of sight", "mm/yr", signed=True, motion=True),
    "gnss_velocity_n": Quantity("GNSS velocity, north", "mm/yr", signed=True),
    "gnss_velocity_e": Quantity("GNSS velocity, east", "mm/yr", signed=True),
    "gnss_velocity_u": Quantity("GNSS velocity, up", "mm/yr", signed=True),
    "calibration_sigma": Quantity("standard deviation of the calibration", "mm/yr"),
}

SIGN: Final = {
    "LOS": "positive: towards the satellite",
    "east": "positive: eastwards",
    "up": "positive: upwards",
}


def quantity(column: str) -> Quantity:
    """Return what a column is; one that is not known has no stated unit."""
    return QUANTITIES.get(column, Quantity(column, "unit not stated"))


def require_number_column(source: Source, column: str) -> None:
    """Refuse a column that a source does not have or that holds no numbers.

    Raises
    ------
    InputError
        FID-1089.
    """
    known = [name for name in source.product.column_names if name not in {"pid", "series_index", "source_row"}]
    if source.calibration is not None:
        known.append("calibration_sigma")
    if column == "calibration_sigma" and source.calibration is not None:
        return
    if column in known:
        first = source.product.attributes([column], [0])[column]
        if np.issubdtype(first.dtype, np.number):
            return
        known.remove(column)
    raise InputError(
        "FID-1089",
        f"there is no column of numbers named {column!r}",
        where=source.name,
        fix=f"use one of {', '.join(known)}",
    )

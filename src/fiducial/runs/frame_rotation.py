"""Earth rotation of a combined station solution, as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from fiducial.formats import erp
from fiducial.orbits.earth_rotation import EarthRotation
from fiducial.stations.combination_model import StationCombination

_FIELDS: Final = {
    "XPO": ("x_pole_rad", "x_pole_sigma_rad"), "YPO": ("y_pole_rad", "y_pole_sigma_rad"),
    "UT": ("ut1_minus_utc_s", "ut1_sigma_s"), "LOD": ("lod_s", "lod_sigma_s"),
    "XPOR": ("x_rate_rad_per_day", "x_rate_sigma_rad_per_day"), "YPOR": ("y_rate_rad_per_day", "y_rate_sigma_rad_per_day"),
}  # fmt: skip
_LARGEST_UT1_UTC_S: Final = 1.0
_MJD_START: Final = np.datetime64("1858-11-17", "s")


def combined_rotation(result: StationCombination) -> tuple[EarthRotation | None, tuple[str, ...]]:
    """Return the Earth rotation parameters of a combination; None without any that a file could hold.

    Returns
    -------
    rotation : EarthRotation or None
        At the epochs that have both pole coordinates; a quantity that is missing on one of them is NaN on all.
    notes : tuple of str
        What is left out.
    """
    values: dict[str, dict[str, tuple[float, float]]] = {kind: {} for kind in _FIELDS}
    sigma = np.sqrt(np.diag(result.covariance))
    for row, key in enumerate(result.keys):
        if key.kind in _FIELDS and key.solution:
            values[key.kind][key.solution] = float(result.value[row]), float(sigma[row])
    epochs = sorted(values["XPO"].keys() & values["YPO"].keys())
    if not epochs:
        return None, ()
    notes = []
    columns: dict[str, Any] = {}
    for kind, (field, spread) in _FIELDS.items():
        listed = values[kind]
        if not listed:
            continue
        missing = [epoch for epoch in epochs if epoch not in listed]
        if missing or len(listed) > len(epochs):
            notes.append(f"{kind} does not stand at the same epochs as the pole; it is in the SINEX file only")
            continue
        if kind == "UT" and max(abs(value) for value, _ in listed.values()) > _LARGEST_UT1_UTC_S:
            notes.append("UT is beyond a second, so not UT1 - UTC; it is in the SINEX file only")
            continue
        columns[field] = np.array([listed[epoch][0] for epoch in epochs])
        columns[spread] = np.array([listed[epoch][1] for epoch in epochs])
    if "x_pole_rad" not in columns or "y_pole_rad" not in columns:
        return None, tuple(notes)
    dates = (np.array(epochs, dtype="datetime64[s]") - _MJD_START) / np.timedelta64(1, "D")
    return replace(EarthRotation(dates), **columns), tuple(notes)


def rotation_bytes(rotation: EarthRotation, stations: int, centres: Sequence[str]) -> bytes:
    """Return the file of combined Earth rotation, IGS format version 2."""
    return erp.to_bytes(rotation, comments=(
        "COMBINED WITH STATION COORDINATES, IN ONE SYSTEM",
        f"{stations} STATIONS OF {' '.join(centres)}"[:78],
    ))  # fmt: skip

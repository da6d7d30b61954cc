"""Compare Earth rotation parameters of a file with the C04 series of the IERS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError, InputError
from fiducial.formats import eop_c04, erp, iers_finals
from fiducial.formats.text_source import open_source
from fiducial.orbits.earth_rotation import EarthRotation, interpolate

Array = NDArray[np.float64]

_UAS: Final = MILLIARCSECOND_RAD / 1e3
_COLUMNS: Final = {
    "x_pole_rad": ("x_pole_uas", 1.0 / _UAS),
    "y_pole_rad": ("y_pole_uas", 1.0 / _UAS),
    "ut1_minus_utc_s": ("ut1_us", 1e6),
    "lod_s": ("lod_us", 1e6),
}


@dataclass(frozen=True, slots=True, eq=False)
class EopComparison:
    """Differences of a file to C04, file minus C04.

    Attributes
    ----------
    file, reference : str
        Names.
    mjd_utc : ndarray, shape (epoch,)
    differences : dict of column to ndarray, shape (epoch,)
        Microarcseconds and microseconds, NaN where either has no value.
    notes : tuple of str
    """

    file: str
    reference: str
    mjd_utc: Array
    differences: dict[str, Array]
    notes: tuple[str, ...]

    def statistics(self) -> list[dict[str, Any]]:
        """Return mean, RMS and largest difference of each quantity."""
        rows = []
        for name, values in self.differences.items():
            known = values[np.isfinite(values)]
            rows.append({
                "quantity": name,
                "epochs": int(known.size),
                "mean": float(known.mean()) if known.size else None,
                "rms": float(np.sqrt(np.mean(known**2))) if known.size else None,
                "largest": float(np.abs(known).max()) if known.size else None,
            })  # fmt: skip
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        records = [
            {"mjd_utc": float(mjd), **{name: _known(values[k]) for name, values in self.differences.items()}}
            for k, mjd in enumerate(self.mjd_utc)
        ]
        return {"file": self.file, "reference": self.reference, "sign": "file minus reference",
                "statistics": self.statistics(), "records": records, "notes": list(self.notes)}  # fmt: skip


def compare_eop(path: Path, reference: Path | None = None) -> EopComparison:
    """Compare a file with C04, interpolated to its epochs.

    Parameters
    ----------
    path : Path
        IGS ERP (version 2), IERS finals (its Bulletin A), or C04.
    reference : Path, optional
        C04 as text or CSV; the one that comes with ``astropy-iers-data`` by default.

    Raises
    ------
    InputError
        FID-1360 when no epoch of the file lies in the reference.
    FormatError
        FID-2439 when the file is none of the known formats.
    """
    rotation, notes = _read(path)
    name, series = _reference(reference)
    inside = (rotation.mjd_utc >= series.mjd_utc[0]) & (rotation.mjd_utc <= series.mjd_utc[-1])
    if not inside.any():
        span = f"MJD {series.mjd_utc[0]:.0f} to {series.mjd_utc[-1]:.0f}"
        raise InputError(
            "FID-1360", f"no epoch of the file lies in the reference ({span})", where=path.name,
            fix="give a C04 series that covers the epochs with --with",
        )  # fmt: skip
    if not inside.all():
        notes.append(f"{int((~inside).sum())} epochs lie outside the reference and are left out")
    epochs = rotation.mjd_utc[inside]
    at = interpolate(series, epochs)
    differences: dict[str, Array] = {}
    for field, (column, unit) in _COLUMNS.items():
        own = getattr(rotation, field)[inside]
        regular = (field == "ut1_minus_utc_s" and rotation.ut1_regularised) or (
            field == "lod_s" and rotation.lod_regularised
        )
        if regular:
            notes.append(f"{column.partition('_')[0].upper()} of the file is without zonal tides and is not compared")
            continue
        differences[column] = (own - getattr(at, field)) * unit
    if rotation.predicted_pole is not None and rotation.predicted_pole[inside].any():
        notes.append(f"{int(rotation.predicted_pole[inside].sum())} epochs of the pole are predictions")
    return EopComparison(path.name, name, epochs, differences, tuple(notes))


def _read(path: Path) -> tuple[EarthRotation, list[str]]:
    head = open_source(path).data[:4096].decode("latin-1")
    if "EOP (IERS)" in head or head.startswith("MJD;"):
        return eop_c04.read(path).rotation, []
    if "VERSION 2" in head[:200].upper():
        found = erp.read(path)
        return found.rotation, list(found.findings)
    try:
        return iers_finals.read(path).bulletin_a, []
    except FormatError as error:
        if error.code in ("FID-2400", "FID-2401"):
            raise
        raise FormatError(
            "FID-2439", "neither an IGS ERP, nor IERS finals, nor C04", where=path.name,
            fix="give a file of Earth rotation parameters in one of these formats",
        ) from error  # fmt: skip


def _reference(path: Path | None) -> tuple[str, EarthRotation]:
    if path is not None:
        found = eop_c04.read(path)
        return found.name, found.rotation
    import astropy_iers_data

    found = eop_c04.read(Path(astropy_iers_data.IERS_B_FILE))
    return f"{found.name} of astropy-iers-data {astropy_iers_data.__version__}", found.rotation


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

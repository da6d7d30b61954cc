"""Pole and length of day that belong to combined orbits: Bulletin A less its residual to the frame combination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats import iers_finals
from fiducial.orbits.earth_rotation import EarthRotation, interpolate
from fiducial.orbits.frame_summary import GlobalResiduals
from fiducial.runs.orbit_combine import Combined
from fiducial.runs.orbit_report_model import EarthRotationEntry
from fiducial.runs.orbit_report_values import number

_BULLETIN: Final = "bua"
_MJD_EPOCH: Final = np.datetime64("1858-11-17", "ns")
_UAS: Final = MILLIARCSECOND_RAD / 1e3
_LEAST_CENTRES: Final = 3
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class CombinedEarthRotation:
    """Earth rotation of one day, at noon."""

    rotation: EarthRotation
    week: int
    comments: tuple[str, ...]
    source: str


def combined_earth_rotation(combined: Combined) -> CombinedEarthRotation | None:
    """Return the pole of the frame combination, which the pre-aligned orbits share.

    Parameters
    ----------
    combined : Combined

    Returns
    -------
    CombinedEarthRotation or None
        None without a frame summary, without Bulletin A, or when either lacks the day or Bulletin A has predictions only.

    Notes
    -----
    The summary prints the residuals of the centres and of Bulletin A to the combined pole, AC - igs and bua - igs, at
    noon. The combined value is therefore Bulletin A, interpolated to noon, less its residual. UT1 is Bulletin A's:
    satellites do not see it. Standard deviations are those of the mean of the centres' residuals, with three or more.
    """
    given = combined.given
    summary, paths = given.auxiliary.summary, given.auxiliary.paths
    if summary is None or "earth rotation" not in paths:
        return None
    date = combined.orbit.epochs_gps[0]
    residual = summary.erp_residuals(_BULLETIN, date)
    if residual is None:
        given.notes.append("the frame summary has no residual of Bulletin A for this day: no ERP file")
        return None
    noon = float(np.floor((date - _MJD_EPOCH) / np.timedelta64(1, "D"))) + 0.5
    bulletin = iers_finals.read(paths["earth rotation"]).bulletin_a
    if not bulletin.mjd_utc[0] <= noon <= bulletin.mjd_utc[-1]:
        given.notes.append(f"{paths['earth rotation'].name} does not reach MJD {noon}: no ERP file")
        return None
    at_noon = interpolate(bulletin, np.array([noon]))
    if not np.isfinite([at_noon.x_pole_rad, at_noon.y_pole_rad]).all():
        given.notes.append(f"{paths['earth rotation'].name} has no pole of Bulletin A for this day: no ERP file")
        return None
    if at_noon.predicted_pole is None or at_noon.predicted_pole.any():
        given.notes.append(
            f"{paths['earth rotation'].name} has only predictions for this day, the summary refers to observations: no ERP"
        )
        return None
    own = [
        found
        for centre in given.stack.centres
        if centre not in given.compared and (found := summary.erp_residuals(centre, date)) is not None
    ]
    rotation = EarthRotation(
        mjd_utc=at_noon.mjd_utc,
        x_pole_rad=at_noon.x_pole_rad - residual.x_pole_rad,
        y_pole_rad=at_noon.y_pole_rad - residual.y_pole_rad,
        ut1_minus_utc_s=at_noon.ut1_minus_utc_s,
        ut1_sigma_s=at_noon.ut1_sigma_s,
        lod_s=at_noon.lod_s - residual.length_of_day_s,
        x_pole_sigma_rad=_sigma(own, "x_pole_rad"),
        y_pole_sigma_rad=_sigma(own, "y_pole_rad"),
        lod_sigma_s=np.where(np.isfinite(at_noon.lod_s), _sigma(own, "length_of_day_s"), np.nan),
    )
    source = f"{paths['earth rotation'].name} less the residual of Bulletin A in {paths['frame summary'].name}"
    comments = ("POLE: BULLETIN A LESS ITS RESIDUAL TO THE IGS COMBINATION", "UT1: BULLETIN A",
                f"SIGMAS: MEAN OF THE RESIDUALS OF {len(own)} CENTRES")  # fmt: skip
    return CombinedEarthRotation(rotation, summary.week, comments, source)


def _sigma(residuals: Sequence[GlobalResiduals], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.array([getattr(one, name) for one in residuals])
    values = values[np.isfinite(values)]
    if values.size < _LEAST_CENTRES:
        return np.array([np.nan])
    return np.array([float(np.std(values, ddof=1)) / np.sqrt(values.size)])


def earth_rotation_entries(found: CombinedEarthRotation | None) -> list[EarthRotationEntry]:
    """Return the report's entries."""
    if found is None:
        return []
    one = found.rotation
    return [
        EarthRotationEntry(
            mjd_utc=float(one.mjd_utc[k]),
            x_pole_uas=float(one.x_pole_rad[k]) / _UAS,
            y_pole_uas=float(one.y_pole_rad[k]) / _UAS,
            x_pole_sigma_uas=number(one.x_pole_sigma_rad[k], 1.0 / _UAS),
            y_pole_sigma_uas=number(one.y_pole_sigma_rad[k], 1.0 / _UAS),
            length_of_day_us=number(one.lod_s[k], 1e6),
            source=found.source,
        )
        for k in range(one.mjd_utc.size)
    ]

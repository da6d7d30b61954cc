"""What a combination of station solutions found of each centre, as the summary that a combination of orbits takes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_from_geocentric
from fiducial.orbits.frame_summary import (
    FrameSummary,
    FrameTransformation,
    GlobalResiduals,
    StationStatistics,
    SummaryCentre,
)

if TYPE_CHECKING:
    from fiducial.runs.frame_combine import FrameCombination
    from fiducial.stations.combination_model import CentreResult, SiteName
    from fiducial.stations.helmert_design import ParameterKey

Array = NDArray[np.float64]

_GPS_START: Final = np.datetime64("1980-01-06", "D")
_WEEK_D: Final = 7
_DAY_S: Final = 86_400.0
_LEAST_REDUNDANCY: Final = 1.0
_LEAST_CENTRES: Final = 2


def combination_summary(found: FrameCombination) -> FrameSummary:
    """Return what a combination found of each centre.

    Parameters
    ----------
    found : FrameCombination

    Returns
    -------
    FrameSummary
        Of one day. Transformations go from the centre to the combined frame with position-vector signs; their RMS is that
        of the centre's stations, transformed, minus the reference. Earth rotation is that of the centre after its
        rotation, minus the combination.

    Notes
    -----
    What the combination does not determine is NaN: the factor of a centre without redundancy, residuals of stations or
    Earth rotation that no other centre has, geocentre and scale beside the transformation, and formal errors of stations,
    which it does not keep. Two centres whose names differ by capital letters only are left out: the format has no capitals.
    """
    day = found.reference.epoch_utc.astype("datetime64[D]")
    number = int((day - _GPS_START).astype(int))
    names = Counter(one.name.upper() for one in found.result.centres)
    centres = [one for one in found.result.centres if names[one.name.upper()] == 1]
    departures = _departures(found)
    shared = Counter(key for one in found.result.centres for key, _ in one.earth_rotation)
    files = {one.name: one.path.name for one in found.files}
    transformations, residuals, statistics = {}, {}, {}
    for one in centres:
        key = one.name.upper(), number % _WEEK_D
        usable = [row for row, site in enumerate(one.sites) if site in departures]
        offsets = [one.residuals_enu_m[row] + departures[one.sites[row]] for row in usable]
        rms = np.sqrt(np.mean(np.square(offsets), axis=0)) if offsets else np.full(3, np.nan)
        transformations[key] = FrameTransformation(one.helmert[:3], float(one.helmert[3]), one.helmert[4:], rms)
        statistics[key] = _statistics(one, len(usable))
        rotation = _earth_rotation(one, shared, day)
        if rotation is not None:
            residuals[key] = rotation
    listed = tuple(SummaryCentre(one.name.upper(), files[one.name], weighted=True) for one in centres)
    return FrameSummary(number // _WEEK_D, found.reference.frame, listed, transformations, residuals, statistics)


def _departures(found: FrameCombination) -> dict[SiteName, Array]:
    """Return combination minus reference, east, north, up [m], of the stations that could hold the datum."""
    sites, combined, _ = found.result.positions()
    known = [row for row, site in enumerate(sites) if site[:2] in found.reference.sites]
    if not known:
        return {}
    reference = np.array([found.reference.sites[sites[row][:2]].position_m for row in known])
    longitude, latitude, _ = geodetic_from_geocentric(combined[known])
    enu = local_from_geocentric(combined[known] - reference, longitude, latitude)
    limit = found.request.options.core_limit_m
    return {sites[row]: one for row, one in zip(known, enu, strict=True) if (np.abs(one) <= limit).all()}


def _statistics(one: CentreResult, usable: int) -> StationStatistics:
    factor = float(np.sqrt(one.variance_factor)) if one.redundancy > _LEAST_REDUNDANCY else np.nan
    return StationStatistics(one.stations, usable, one.core_stations, factor, one.wrms_enu_m, np.full(3, np.nan))


def _earth_rotation(one: CentreResult, shared: Counter[ParameterKey], day: np.datetime64) -> GlobalResiduals | None:
    """Return the residuals of a day; of a quantity with several epochs that of noon, as the IGS gives it."""
    values: dict[str, float] = {}
    for kind in ("XPO", "YPO", "XPOR", "YPOR", "LOD"):
        # An Earth rotation that only this centre has is the combination: its residual of zero says nothing.
        of_day = [
            (key.solution, value) for key, value in one.earth_rotation
            if key.kind == kind and shared[key] >= _LEAST_CENTRES and key.solution.startswith(str(day))
        ]  # fmt: skip
        noon = [value for epoch, value in of_day if epoch.endswith("T12")]
        values[kind] = noon[0] if noon else of_day[0][1] if len(of_day) == 1 else np.nan
    if not np.isfinite(list(values.values())).any():
        return None
    return GlobalResiduals(
        values["XPO"], values["YPO"], values["XPOR"] / _DAY_S, values["YPOR"] / _DAY_S, values["LOD"], np.full(3, np.nan),
        np.nan,
    )  # fmt: skip

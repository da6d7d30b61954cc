"""From a combination or alignment to its report."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats.creation_time import creation_time
from fiducial.runs.frame_report_model import (
    CentreEntry,
    CentreRejection,
    DatumEntry,
    EarthRotationResidual,
    FrameProduct,
    FrameReport,
    HelmertEntry,
    ReferenceEntry,
    Software,
    SourceEntry,
    StationRejectionEntry,
)
from fiducial.stations.combination_model import CentreResult, StationCombination, StationRejection
from fiducial.stations.helmert_design import coordinate_rows

if TYPE_CHECKING:
    from fiducial.runs.frame_combine import FrameCombination
    from fiducial.runs.station_reference import ReferenceFrame, Site

Array = NDArray[np.float64]

_UNITS: Final = {
    "XPO": (1e3 / MILLIARCSECOND_RAD, "uas"), "YPO": (1e3 / MILLIARCSECOND_RAD, "uas"),
    "XPOR": (1e3 / MILLIARCSECOND_RAD, "uas/d"), "YPOR": (1e3 / MILLIARCSECOND_RAD, "uas/d"), "LOD": (1e6, "us"),
    "UT": (1e6, "us"),
}  # fmt: skip
_LOOSE_M: Final = 10.0
"""A direction known to no better than this at the surface is free in practice: loosened matrices say 1 m or more."""


def build_report(found: FrameCombination, files: list[str]) -> FrameReport:
    """Return the report of a combination.

    Parameters
    ----------
    found : FrameCombination
    files : list of str
        Names of files written.
    """
    result, reference = found.result, found.reference
    rows = coordinate_rows(result.keys)
    sites = [result.keys[row].site for row in rows[:, 0]]
    known = {site for site in sites if site[:2] in reference.sites}
    return FrameReport(
        software=software(),
        product=FrameProduct(
            files=files, epoch_utc=instant(reference.epoch_utc), stations=len(sites), reference_stations=len(known),
            core_stations=[" ".join(site) for site in result.core], converged=result.converged,
        ),
        reference=reference_entry(reference, {site[:2] for site in sites}),
        options=asdict(found.request.options),
        inputs=[
            SourceEntry(
                centre=one.name, file=one.path.name, sha256=one.sha256, epoch_utc=instant(one.epoch_utc),
                stations=len(one.positions), matrix=one.matrix, constraints=one.constraints, findings=list(one.findings),  # type: ignore[arg-type]
            )
            for one in found.files
        ],
        centres=[_centre(one, known) for one in result.centres],
        rejected_centres=[
            CentreRejection(
                centre=name, file=next(one.path.name for one in found.files if one.name == name), code=error.code,
                reason=error.problem,
            )
            for name, error in found.rejected.items()
        ],
        rejected_stations=[_rejection(one) for one in result.rejections],
        findings=list(found.findings),
        notes=_notes(found),
    )  # fmt: skip


def software() -> Software:
    """Return name, version and the time now."""
    return Software(name="fiducial", version=__version__, created_utc=creation_time())


def instant(epoch: np.datetime64) -> datetime:
    """Return an epoch as the report states it."""
    seconds: datetime = epoch.astype("datetime64[s]").item()
    return seconds.replace(tzinfo=UTC)


def reference_entry(reference: ReferenceFrame, wanted: set[Site]) -> ReferenceEntry:
    """Return the reference frame; of what it lacks, only stations that were wanted."""
    return ReferenceEntry(
        file=reference.name, sha256=reference.sha256, frame=reference.frame, stations=len(reference.sites),
        post_seismic_file=reference.post_seismic,
        post_seismic_stations=[" ".join(site) for site in reference.post_seismic_sites if site in wanted],
        left_out={" ".join(site): reason for site, reason in reference.left_out.items() if site in wanted},
        findings=list(reference.findings),
    )  # fmt: skip


def helmert_entry(parameters: Array, sigma: Array) -> HelmertEntry:
    """Return seven parameters in mm, ppb and mas."""
    units = np.array([1e3, 1e3, 1e3, 1e9, *(3 * [1.0 / MILLIARCSECOND_RAD])])
    names = list(HelmertEntry.model_fields)
    return HelmertEntry(**dict(zip(names, [*(parameters * units).tolist(), *(sigma * units).tolist()], strict=True)))


def _centre(one: CentreResult, known: set[tuple[str, str, str]]) -> CentreEntry:
    factor = float(np.sqrt(one.variance_factor))
    return CentreEntry(
        centre=one.name, stations=one.stations, reference_stations=len(known.intersection(one.sites)),
        core_stations=one.core_stations, wrms_enu_mm=_millimetres(one.wrms_enu_m), rms_enu_mm=_millimetres(one.rms_enu_m),
        sqrt_variance_factor=factor, redundancy=one.redundancy, helmert=helmert_entry(one.helmert, one.helmert_sigma),
        datum=_datum(one.datum_sigma_m * factor),
        earth_rotation=[
            EarthRotationResidual(
                parameter=key.kind, epoch_utc=key.solution, residual=value * _UNITS[key.kind][0], unit=_UNITS[key.kind][1],
            )
            for key, value in one.earth_rotation
        ],
    )  # fmt: skip


def _millimetres(values_m: Array) -> list[float] | None:
    return (values_m * 1e3).tolist() if np.isfinite(values_m).all() else None


def _datum(sigma_m: Array) -> DatumEntry:
    listed = [None if not value < _LOOSE_M else float(value * 1e3) for value in sigma_m]
    parts = {"origin": listed[:3], "scale": listed[3:4], "orientation": listed[4:]}
    texts = [
        f"{name} free" if all(value is None for value in values)
        else f"{name} known to {', '.join('-' if value is None else f'{value:.1f}' for value in values)} mm"
        for name, values in parts.items()
    ]  # fmt: skip
    return DatumEntry(
        translation_mm=parts["origin"], scale_mm=parts["scale"][0], rotation_mm=parts["orientation"],
        sentence=", ".join(texts),
    )  # fmt: skip


def _rejection(one: StationRejection) -> StationRejectionEntry:
    name = " ".join(one.site)
    normalised = one.reason == "normalised-residual"
    factor, unit = (1.0, "sigma") if normalised else (1e3, "mm")
    value, limit = one.value * factor, one.limit * factor
    what = "combined coordinates minus reference" if one.reason == "reference" else f"{one.centre} minus combination"
    return StationRejectionEntry(
        centre=one.centre, station=name, reason=one.reason, component=one.component, value=value, limit=limit, unit=unit,  # type: ignore[arg-type]
        sentence=f"{name}: {what} {value:.1f} {unit} in {one.component}, allowed {limit:.1f}",
    )  # fmt: skip


def rotation_notes(result: StationCombination) -> tuple[str, ...]:
    """Return a sentence for each universal time that a centre does not determine."""
    return tuple(
        f"{centre}: {key.kind} at {key.solution} is free: without its constraint the node of the orbits, UT1 and R3 are one "
        "direction (a rank defect of satellite techniques); it is not combined"
        for centre, key in result.free
    )


def _notes(found: FrameCombination) -> list[str]:
    result = found.result
    notes = []
    if not found.reference.frame:
        notes.append(f"{found.reference.name} does not state its frame; the combination is in the frame of that file")
    if found.request.post_seismic is None:
        notes.append("No post-seismic models were given: after large earthquakes reference coordinates may be off.")
    elif not found.reference.post_seismic_sites:
        notes.append("No station of the reference has a post-seismic model.")
    if not result.converged:
        notes.append(f"The variance factors did not settle within {found.request.options.sweeps} sweeps.")
    notes += list(rotation_notes(result))
    low = [one.name for one in result.centres if not one.redundancy > 1.0]
    if low:
        notes.append(f"No other centre has stations of {', '.join(low)}: the covariance is as stated")
    return notes

"""Alignment of a daily solution to a reference frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fiducial.errors import InputError
from fiducial.formats.strictness import Strictness
from fiducial.runs.frame_combine import read_core
from fiducial.runs.frame_report import helmert_entry, instant, reference_entry, software
from fiducial.runs.frame_report_model import AlignmentReport, StationRejectionEntry
from fiducial.runs.station_reference import read_reference
from fiducial.runs.station_sources import read_centre
from fiducial.stations.alignment import AlignmentRejection, align


def align_day(
    path: Path, reference_path: Path, *, core_path: Path | None = None, post_seismic: Path | None = None,
    strictness: Strictness = "warn",
) -> AlignmentReport:  # fmt: skip
    """Fit the seven parameters from a daily solution to a cumulative one, propagated to its epoch.

    Parameters
    ----------
    path, reference_path : Path
        SINEX files.
    core_path, post_seismic : Path, optional
        As in `FrameRequest`.
    strictness : {"warn", "ignore", "raise"}

    Raises
    ------
    InputError
        FID-1350 to FID-1352, FID-1354 as `combine_frame`; FID-1356 when the two have no station in common.
    NumericsError
        FID-3133 when too few stations are left.

    Notes
    -----
    All coordinates count alike; sites beyond six robust standard deviations and 2 cm are rejected, the worst first.
    """
    file = read_centre(path, strictness=strictness)
    reference = read_reference(reference_path, file.epoch_utc, post_seismic=post_seismic, strictness=strictness)
    core, missing = read_core(core_path, reference)
    common = [site for site in file.positions if site in reference.sites]
    if not common:
        raise InputError("FID-1356", "the solution has no station in common with the reference",
                         where=f"{file.path.name}, {reference.name}", fix="give a reference of the same stations"
                         )  # fmt: skip
    sites = [(*site, reference.sites[site].solution) for site in common]
    source = np.array([file.positions[site] for site in common])
    target = np.array([reference.sites[site].position_m for site in common])
    found = align(sites, source, target, core=core)
    return AlignmentReport(
        software=software(), file=file.path.name, sha256=file.sha256, epoch_utc=instant(file.epoch_utc),
        reference=reference_entry(reference, set(file.positions)), common_stations=len(sites),
        used_stations=int(found.used.sum()), helmert=helmert_entry(found.parameters, found.sigma),
        rms_enu_mm=(found.rms_enu_m * 1e3).tolist(), sqrt_variance_factor_mm=float(np.sqrt(found.variance_factor) * 1e3),
        rejected_stations=[_rejection(one) for one in found.rejected], findings=[*file.findings, *missing],
    )  # fmt: skip


def _rejection(one: AlignmentRejection) -> StationRejectionEntry:
    name = " ".join(one.site)
    value, limit = one.residual_m * 1e3, one.limit_m * 1e3
    return StationRejectionEntry(
        centre="", station=name, reason="alignment", component=one.component, value=value, limit=limit, unit="mm",  # type: ignore[arg-type]
        sentence=f"{name}: reference minus aligned solution {value:.1f} mm in {one.component}, allowed {limit:.1f}",
    )  # fmt: skip

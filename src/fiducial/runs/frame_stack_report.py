"""From a stack to its report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.runs.frame_report import helmert_entry, instant, software
from fiducial.runs.frame_report_model import ReferenceEntry, StationRejectionEntry
from fiducial.runs.frame_stack_report_model import (
    DayEntry,
    RejectedInput,
    SegmentEntry,
    SolutionEntry,
    StackProduct,
    StackReport,
)
from fiducial.runs.frame_stack_weeks import Week
from fiducial.stations.combination_model import StationRejection
from fiducial.stations.stacking import StackedSolution, positions_of, velocities_of

if TYPE_CHECKING:
    from fiducial.runs.frame_stack import StackedFrame

Array = NDArray[np.float64]


def build_stack_report(found: StackedFrame, files: list[str]) -> StackReport:
    """Return the report of a stack.

    Parameters
    ----------
    found : StackedFrame
    files : list of str
        Names of files written.
    """
    stack, source = found.stack, found.reference.solutions
    segments = _segments(found)
    stations = {site[:2] for site in stack.spans_yr}
    groups = [one.group for one in found.weeks]
    # What is said of every week is said of the stack, in its own words.
    common = set.intersection(*(set(one.report.notes) for one in found.weeks))
    without = {site for site in stations if site not in source.motions}
    return StackReport(
        software=software(),
        product=StackProduct(
            files=files, reference_epoch_utc=instant(found.epoch_utc),
            first_utc=instant(groups[0].files[0].epoch_utc), last_utc=instant(groups[-1].files[-1].epoch_utc),
            rates=found.options.rates, datum=found.options.datum, stations=len(stations), segments=len(segments),
            velocities=sum(key.kind == "VELX" for key in stack.keys),
            core_segments=[" ".join(site) for site in stack.core], equal_velocities=found.equal_velocities,
            converged=stack.converged,
        ),
        reference=ReferenceEntry(
            file=source.name, sha256=source.sha256, frame=source.frame, stations=len(source.motions),
            post_seismic_file=source.models_name,
            post_seismic_stations=[" ".join(site) for site in source.models if site in stations],
            left_out={" ".join(site): "not in the reference" for site in sorted(without)},
            findings=list(source.findings),
        ),
        discontinuities_file=found.reference.discontinuities,
        options={"stack": asdict(found.options), "weeks": asdict(found.request.week_options),
                 "grouping": found.request.grouping, "colocated_m": found.request.colocated_m},
        solutions=[_solution(one, week, common) for one, week in zip(stack.solutions, found.weeks, strict=True)],
        segments=segments,
        rejected_inputs=[RejectedInput(name=name, code=error.code, reason=error.problem)
                         for name, error in found.rejected.items()],
        rejected_stations=[_rejection(one) for one in stack.rejections],
        left_out={" ".join(site): why for site, why in stack.left_out.items()},
        findings=list(found.findings), notes=_notes(found),
    )  # fmt: skip


def _solution(one: StackedSolution, week: Week, common: set[str]) -> SolutionEntry:
    report = week.report
    inputs = {entry.centre: entry for entry in report.inputs}
    return SolutionEntry(
        name=one.name, file=week.path.name, epoch_utc=instant(week.group.epoch_utc), reused=week.reused,
        days=[
            DayEntry(
                name=day.centre, file=inputs[day.centre].file, sha256=inputs[day.centre].sha256,
                epoch_utc=inputs[day.centre].epoch_utc, stations=day.stations, core_stations=day.core_stations,
                wrms_enu_mm=day.wrms_enu_mm, sqrt_variance_factor=day.sqrt_variance_factor, helmert=day.helmert,
                left_out=week.left_out.get(day.centre, {}),
            )
            for day in report.centres
        ],
        stations=one.stations, core_stations=one.core_stations, wrms_enu_mm=_millimetres(one.wrms_enu_m),
        rms_enu_mm=_millimetres(one.rms_enu_m), sqrt_variance_factor=float(np.sqrt(one.variance_factor)),
        redundancy=one.redundancy if np.isfinite(one.redundancy) else None,
        helmert=helmert_entry(one.helmert, one.helmert_sigma),
        rejected_stations=[entry.sentence for entry in report.rejected_stations],
        notes=[
            *(text for text in report.notes if text not in common), *report.findings,
            *(text for entry in report.inputs for text in entry.findings),
        ],
    )  # fmt: skip


def _millimetres(values_m: Array) -> list[float] | None:
    return (values_m * 1e3).tolist() if np.isfinite(values_m).all() else None


def _segments(found: StackedFrame) -> list[SegmentEntry]:
    stack, number = found.stack, found.reference.segments.velocity_number
    sites, xyz, blocks = positions_of(stack)
    longitude, latitude, _ = geodetic_from_geocentric(xyz)
    axes = local_axes(longitude, latitude)
    sigma = 1e3 * np.sqrt(np.einsum("sac,scd,sad->sa", axes, blocks, axes))
    rates: dict[tuple[str, str, str], tuple[Array, Array]] = {}
    if found.options.rates:
        names, moving, spread = velocities_of(stack)
        rates = dict(zip(names, zip(moving, spread, strict=True), strict=True))
    core = set(stack.core)
    entries = []
    for row, site in enumerate(sites):
        rate = site[0], site[1], number(site)
        first, last = stack.spans_yr[site]
        velocity, block = rates.get(rate, (None, None))
        entries.append(SegmentEntry(
            station=" ".join(site[:2]), solution=site[2], velocity_solution=rate[2], first_yr=first, last_yr=last,
            longitude_deg=float(longitude[row]), latitude_deg=float(latitude[row]), sigma_position_enu_mm=sigma[row].tolist(),
            velocity_enu_mm_per_yr=None if velocity is None else (1e3 * axes[row] @ velocity).tolist(),
            sigma_velocity_enu_mm_per_yr=None if block is None
            else (1e3 * np.sqrt(np.diag(axes[row] @ block @ axes[row].T))).tolist(),
            core=site in core,
        ))  # fmt: skip
    return sorted(entries, key=lambda one: (one.station, one.first_yr))


def _rejection(one: StationRejection) -> StationRejectionEntry:
    name = " ".join(one.site)
    normalised, rate = one.reason == "normalised-residual", one.reason == "velocity"
    factor, unit = (1.0, "sigma") if normalised else (1e3, "mm/yr" if rate else "mm")
    value, limit = one.value * factor, one.limit * factor
    what = {"reference": "stacked position minus reference", "velocity": "stacked velocity minus reference"}.get(
        one.reason, f"{one.centre} minus stack"
    )
    return StationRejectionEntry(
        centre=one.centre, station=name, reason=one.reason, component=one.component, value=value, limit=limit, unit=unit,  # type: ignore[arg-type]
        sentence=f"{name}: {what} {value:.1f} {unit} in {one.component}, allowed {limit:.1f}",
    )  # fmt: skip


def _notes(found: StackedFrame) -> list[str]:
    notes = []
    if not found.reference.solutions.frame:
        notes.append(
            f"{found.reference.solutions.name} does not state its frame; the stack is in the frame of that file"
        )
    if found.request.post_seismic is None:
        notes.append("No post-seismic models were given: after large earthquakes velocities may be wrong.")
    if not found.reference.discontinuities and found.reference.solutions.from_spans:
        notes.append("No discontinuities were given: the data spans of the reference are the segments.")
    if not found.options.rates:
        notes.append("Positions alone: velocities are those of the reference, and zero where it has none.")
    if not found.stack.converged:
        notes.append(f"Variance factors did not settle within {found.options.sweeps} sweeps.")
    reused = sum(one.reused for one in found.weeks)
    if reused:
        notes.append(f"{reused} of {len(found.weeks)} combinations were there before, from the same input.")
    return notes

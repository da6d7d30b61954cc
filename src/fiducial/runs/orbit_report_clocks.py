"""The clock part of a combination's report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiducial.orbits.clock_results import ClockCombination, ConstellationClocks
from fiducial.runs import orbit_report_model as model
from fiducial.runs.orbit_report_events import exclusion_entries
from fiducial.runs.orbit_report_values import moment, number


def clock_report(clocks: ClockCombination, compared: Sequence[str]) -> model.ClockReport:
    """Collect noise, shares, time scales and jumps of the centres' clocks."""
    satellites = [
        model.ClockSatellite(
            satellite=clocks.satellites[s], centre=clocks.centres[k], constant_ps=float(part.constant_s[k, s]) * 1e12,
            rms_ps=number(part.rms_s[k, s], 1e12),
        )
        for part in clocks.constellations
        for k, s in np.argwhere(np.isfinite(part.constant_s))
    ]  # fmt: skip
    return model.ClockReport(
        datum_centre=clocks.datum_centre,
        exclusions=exclusion_entries(clocks.exclusions),
        constellations=[_constellation(clocks, part, compared) for part in clocks.constellations],
        satellites=satellites,
    )


def _constellation(
    clocks: ClockCombination, part: ConstellationClocks, compared: Sequence[str]
) -> model.ClockConstellation:
    first = clocks.constellations[0].letter
    bias = clocks.inter_system_bias_s(part.letter, first)
    excluded = {one.centre for one in clocks.exclusions if one.satellite == part.letter}
    entries = []
    for k, centre in enumerate(clocks.centres):
        if not np.isfinite(part.datum_s[k]).any():
            continue
        offset, drift = _line(clocks, part, k)
        used = np.isfinite(part.rms_s[k])
        rms = float(np.sqrt(np.mean(part.rms_s[k, used] ** 2))) if used.any() else np.nan
        role: model.Role = "compared" if centre in compared or centre in excluded else "combined"
        entries.append(
            model.ClockCentre(
                centre=centre, role=role, share_percent=100.0 * float(part.share[k]), noise_ps=number(part.noise_s[k], 1e12),
                rms_ps=number(rms, 1e12), records=int(part.used[k]), rejected=int(part.rejected[k]),
                offset_ns=number(offset, 1e9), drift_ns_per_day=number(drift, 1e9),
                inter_system_bias_ns=number(bias[k], 1e9) if part.letter != first else None,
            )
        )  # fmt: skip
    jumps = [
        model.ClockJumpEntry(
            centre=one.centre, satellite=one.satellite, begin_gps=moment(one.begin_gps), end_gps=moment(one.end_gps),
            records=one.records, size_ps=one.size_s * 1e12,
        )
        for one in part.jumps
    ]  # fmt: skip
    return model.ClockConstellation(constellation=part.letter, separable=part.separable, centres=entries, jumps=jumps)


def _line(clocks: ClockCombination, part: ConstellationClocks, k: int) -> tuple[float, float]:
    """Offset at the middle of the day [s] and drift [s/day] of a centre's time scale."""
    rows = np.flatnonzero(np.isfinite(part.datum_s[k]))
    if rows.size < 3:
        return float("nan"), float("nan")
    epochs = clocks.epochs_gps
    middle = epochs[0] + (epochs[-1] - epochs[0]) / 2
    days = (epochs[rows] - middle) / np.timedelta64(1, "s") / 86_400.0
    drift, offset = np.polyfit(days, part.datum_s[k, rows], 1)
    return float(offset), float(drift)

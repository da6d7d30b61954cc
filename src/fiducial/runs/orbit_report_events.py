"""Exclusions and manoeuvres as report entries, each with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from fiducial.orbits.eclipses import Eclipse
from fiducial.orbits.orbit import CONSTELLATIONS
from fiducial.orbits.screening import Exclusion
from fiducial.runs import orbit_report_model as model
from fiducial.runs.orbit_combine import Combined
from fiducial.runs.orbit_report_values import moment, optional_moment

_SENTENCES: Final = {
    "gross-record": "{records} records lie up to {value} from the median of the centres (limit {limit})",
    "spike": "{records} single records jump out of their arc by up to {value} (limit {limit})",
    "cut-arc": "the arc leaves the other centres from {begin} to {end} (up to {value}, limit {limit})",
    "gross-arc": "the whole arc lies up to {value} from the median of the centres (limit {limit})",
    "two-centres-disagree": "two centres disagree, and nobody can say which is wrong (limit {limit})",
    "satellite-rms": "RMS {value} above {limit}",
    "too-many-satellites": "{value} rejected (allowed {limit}): compared only",
    "translation": "translation {value} above {limit}: compared only",
    "rotation": "rotation {value} above {limit}: compared only",
    "scale": "scale {value} above {limit}: compared only",
    "too-few-centres": "{value}, wanted {limit}",
    "clock-kind": "noise {value}, while the other centres allow {limit}: clocks of another kind",
}
_SHOWN: Final = {"m": (1e3, "mm"), "s": (1e12, "ps")}
_LARGE: Final = {"m": (10.0, 1e-3, "km"), "s": (1e-7, 1e6, "µs")}
"""From here on in larger units: 26 000 000 000.0 mm are hard to read."""

_SAME_EVENT: Final = np.timedelta64(45, "m")


def exclusion_entries(exclusions: Sequence[Exclusion]) -> list[model.ExclusionEntry]:
    """Return report entries of exclusions, in order."""
    return [_entry(one) for one in exclusions]


def _entry(one: Exclusion) -> model.ExclusionEntry:
    begin, end = optional_moment(one.begin_gps), optional_moment(one.end_gps)
    sentence = _SENTENCES[one.reason].format(
        records=one.records, value=_text(one.value, one.unit), limit=_text(one.limit, one.unit),
        begin="" if begin is None else f"{begin:%H:%M}", end="" if end is None else f"{end:%H:%M}",
    )  # fmt: skip
    return model.ExclusionEntry(
        centre=one.centre, satellite=one.satellite, reason=one.reason, sentence=sentence, begin_gps=begin, end_gps=end,
        records=one.records, value=float(one.value) if np.isfinite(one.value) else None,
        limit=float(one.limit) if np.isfinite(one.limit) else None, unit=one.unit,
    )  # fmt: skip


def _text(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "-"
    if unit in _LARGE and abs(value) >= _LARGE[unit][0]:
        _, factor, shown = _LARGE[unit]
        return f"{value * factor:.1f} {shown}"
    factor, shown = _SHOWN.get(unit, (1.0, unit))
    digits = 0 if unit in ("satellites", "centres") else 3 if shown in ("mas", "ppb") else 1
    return f"{value * factor:.{digits}f} {shown}"


def eclipse_entries(eclipses: Sequence[Eclipse]) -> list[model.EclipseEntry]:
    """Return report entries of eclipses."""
    return [
        model.EclipseEntry(
            satellite=one.satellite,
            body=one.body,
            kind=one.kind,
            begin_gps=moment(one.begin_gps),
            end_gps=moment(one.end_gps),
            duration_min=float((one.end_gps - one.begin_gps) / np.timedelta64(1, "s")) / 60.0,
            least_lit_fraction=one.least_lit_fraction,
        )
        for one in eclipses
    ]


def manoeuvre_entries(combined: Combined) -> list[model.ManoeuvreEntry]:
    """Return announced and found manoeuvres, and which centres were kept through them."""
    entries = [
        _manoeuvre(combined, one.satellite, "NANU", one.nanu, one.begin_gps, one.end_gps, None)
        for one in combined.given.announced
    ]
    found: dict[str, list[tuple[np.datetime64, np.datetime64, float, str]]] = {}
    for centre, changes in combined.given.velocity_changes.items():
        for change in changes:
            found.setdefault(change.satellite, []).append(
                (change.begin_gps, change.end_gps, change.change_m_per_s, centre)
            )
    for satellite, events in found.items():
        group: list[tuple[np.datetime64, np.datetime64, float, str]] = []
        for event in [*sorted(events, key=lambda item: item[0]), None]:
            if group and (event is None or event[0] - group[0][0] > _SAME_EVENT):
                seen = ", ".join(dict.fromkeys(item[3] for item in group))
                size = float(np.median([item[2] for item in group]))
                begin, end = min(item[0] for item in group), max(item[1] for item in group)
                entries.append(_manoeuvre(combined, satellite, "orbits", seen, begin, end, size * 1e3))
                group = []
            if event is not None:
                group.append(event)
    return entries


def _manoeuvre(
    combined: Combined, satellite: str, source: str, reference: str, begin: np.datetime64, end: np.datetime64,
    change_mm_per_s: float | None,
) -> model.ManoeuvreEntry:  # fmt: skip
    stack, cleaned = combined.given.stack, combined.orbits.cleaned
    kept, cut, without = [], [], []
    if satellite in stack.satellites:
        s = stack.satellites.index(satellite)
        after = stack.epochs_gps >= begin
        for k, centre in enumerate(stack.centres):
            if centre in combined.given.compared:
                continue
            gave = np.isfinite(stack.position_m[k, after, s, 0])
            left = np.isfinite(combined.orbits.day.stack.position_m[k, after, s, 0])
            if not gave.any():
                without.append(centre)
            elif cleaned.weighted[k, s] and left.sum() == gave.sum():
                kept.append(centre)
            else:
                cut.append(centre)
    name = CONSTELLATIONS.get(satellite[0], satellite[0])
    told = f"{name} {satellite}: "
    verb = "agree through it and stay" if len(kept) > 1 else "stays, and nobody can confirm it"
    told += f"{', '.join(kept)} {verb}" if kept else "no centre is kept through it"
    told += f"; {', '.join(cut)} cut" if cut else ""
    told += f"; {', '.join(without)} {'give' if len(without) > 1 else 'gives'} no orbit" if without else ""
    return model.ManoeuvreEntry(
        satellite=satellite, source=source, reference=reference,  # type: ignore[arg-type]
        begin_gps=moment(begin), end_gps=moment(end), change_mm_per_s=change_mm_per_s,
        centres_kept=kept, centres_cut=cut, centres_without=without, sentence=told,
    )  # fmt: skip

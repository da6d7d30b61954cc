"""Fill the report of a combination: plain numbers with units in their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats.creation_time import creation_time
from fiducial.formats.text_source import open_source
from fiducial.orbits.moments import ORBIT_HEIGHT_M
from fiducial.orbits.orbit import CONSTELLATIONS
from fiducial.runs import orbit_report_model as model
from fiducial.runs.orbit_combine import Combined
from fiducial.runs.orbit_report_clocks import clock_report
from fiducial.runs.orbit_report_events import eclipse_entries, exclusion_entries, manoeuvre_entries
from fiducial.runs.orbit_report_values import moment, number

Array = NDArray[np.float64]

_UAS_PER_M: Final = 1e3 / ORBIT_HEIGHT_M / MILLIARCSECOND_RAD
_PPB_PER_M: Final = 1e9 / ORBIT_HEIGHT_M
_GPS_EPOCH: Final = np.datetime64("1980-01-06", "ns")
_FRAGILE_CENTRES: Final = 5


def build_report(
    combined: Combined, name: str, files: Sequence[str], earth_rotation: Sequence[model.EarthRotationEntry] = ()
) -> model.CombinationReport:
    """Collect what a combination did.

    Parameters
    ----------
    combined : Combined
    name : str
        AAAVPPPTTT of the product.
    files : sequence of str
        Names of the product's files.
    earth_rotation : sequence of EarthRotationEntry
    """
    given, orbits = combined.given, combined.orbits
    return model.CombinationReport(
        product=_product(combined, name, files),
        software=model.Software(name="fiducial", version=__version__, created_utc=creation_time()),
        options=_options(combined),
        inputs=_inputs(combined),
        auxiliary=[
            model.AuxiliaryFile(kind=kind, file=file, sha256=digest)  # type: ignore[arg-type]
            for kind, file, digest in _hashes(combined)
        ],
        coverage=_coverage(combined, name),
        exclusions=exclusion_entries(orbits.exclusions),
        manoeuvres=manoeuvre_entries(combined),
        eclipses=eclipse_entries(combined.eclipses),
        pre_alignment=_pre_alignment(combined),
        transformations=_transformations(combined),
        weighting=given.request.options.weighting,
        weights=_weights(combined),
        statistics=_statistics(combined),
        satellites=_satellites(combined),
        clocks=None if combined.clocks is None else clock_report(combined.clocks, given.compared),
        earth_rotation=list(earth_rotation),
        fragile=_fragile(combined),
        notes=[*given.notes, *_named_notes(combined), *_antenna_notes(combined)],
    )


def _hashes(combined: Combined) -> list[tuple[str, str, str]]:
    """Kind, name and SHA-256 of all files but the orbits."""
    given = combined.given
    found = [(kind, path.name, open_source(path).sha256) for kind, path in given.auxiliary.paths.items()]
    clocks = [data.clock for data in given.centres.values() if data.clock is not None]
    return [*found, *(("clocks", one.name, one.sha256) for one in clocks)]


def role_of(centre: str, compared: Sequence[str]) -> model.Role:
    """Return the role of a centre as the user set it."""
    return "compared" if centre in compared else "combined"


def _product(combined: Combined, name: str, files: Sequence[str]) -> model.Product:
    epochs = combined.orbit.epochs_gps
    days = int((epochs[0] - _GPS_EPOCH) // np.timedelta64(1, "D"))
    year = epochs[0].astype("datetime64[Y]")
    scale = ""
    if combined.clocks is not None:
        scale = f"time scale of the clocks of {combined.clocks.datum_centre}, all constellations; GPS epochs"
    return model.Product(
        name=name, files=list(files), frame=combined.given.frame, start_gps=moment(epochs[0]),
        end_gps=moment(epochs[-1]), epochs=epochs.size, sampling_s=combined.orbit.interval_s, gps_week=days // 7,
        day_of_week=days % 7, year=int(str(year)),
        day_of_year=int((epochs[0].astype("datetime64[D]") - year.astype("datetime64[D]")).astype(int)) + 1,
        time_scale=scale,
    )  # fmt: skip


def _options(combined: Combined) -> dict[str, Any]:
    request = combined.given.request
    parts = (request.options, request.clock_options)
    found = {name: getattr(part, name) for part in parts for name in type(part).__dataclass_fields__}
    found |= {
        "rotations": bool(combined.given.rotations_rad),
        "clocks": request.clocks,
        "without": list(request.without),
        "compare_only": list(combined.given.compared),
        "sampling_s": request.sampling_s,
        "clock_sampling_s": request.clock_sampling_s,
        "frame": request.frame,
        "strictness": request.strictness,
    }
    return found


def _inputs(combined: Combined) -> list[model.InputFile]:
    given = combined.given
    entries = []
    for k, (centre, data) in enumerate(given.centres.items()):
        orbit, header = data.orbit.orbit, data.orbit.header
        clock = orbit.clock_s if data.clock is None else data.clock.clocks.bias_s
        findings = [*data.orbit.findings, *(data.clock.findings if data.clock is not None else ())]
        entries.append(
            model.InputFile(
                centre=centre, role=role_of(centre, given.compared), file=data.orbit.name, sha256=data.orbit.sha256,
                agency=header.agency, orbit_type=header.orbit_type, frame_label=header.frame_label,
                start_gps=moment(orbit.epochs_gps[0]), end_gps=moment(orbit.epochs_gps[-1]),
                sampling_s=number(orbit.interval_s), satellites=len(orbit.satellites),
                records=int(np.isfinite(orbit.position_m[..., 0]).sum()), clock_records=int(np.isfinite(clock).sum()),
                interpolated_epochs=int(given.stack.interpolated[k].sum()),
                clock_file=None if data.clock is None else data.clock.name, findings=findings,
            )
        )  # fmt: skip
    return entries


def _letters(combined: Combined) -> dict[str, NDArray[np.intp]]:
    names = combined.orbits.day.stack.satellites
    return {
        letter: np.array([s for s, name in enumerate(names) if name[0] == letter], dtype=np.intp)
        for letter in dict.fromkeys(name[0] for name in names)
    }


def _coverage(combined: Combined, name: str) -> list[model.Coverage]:
    stack = combined.orbits.day.stack
    product = np.isfinite(combined.orbit.position_m[..., 0])
    letter_of = np.array([satellite[0] for satellite in combined.orbit.satellites])
    entries = []
    for letter, columns in _letters(combined).items():
        own = product[:, letter_of == letter]
        total = int(own.sum())
        entries.append(
            model.Coverage(centre=name, constellation=letter, satellites=int(own.any(axis=0).sum()), records=total,
                           share_of_product_percent=100.0 if total else None)
        )  # fmt: skip
        for k, centre in enumerate(stack.centres):
            has = np.isfinite(stack.position_m[k][:, columns, 0])
            if has.any():
                share = 100.0 * float(has.sum()) / total if total else None
                entries.append(
                    model.Coverage(centre=centre, constellation=letter, satellites=int(has.any(axis=0).sum()),
                                   records=int(has.sum()), share_of_product_percent=share)
                )  # fmt: skip
    return entries


def _pre_alignment(combined: Combined) -> list[model.PreAlignment]:
    given = combined.given
    if not given.rotations_rad:
        return []
    entries = []
    for centre in given.stack.centres:
        if centre in given.compared:
            continue
        turned = given.rotations_rad.get(centre)
        x, y, z = (None, None, None) if turned is None else (float(v) / MILLIARCSECOND_RAD * 1e3 for v in turned)
        entries.append(model.PreAlignment(centre=centre, rotation_x_uas=x, rotation_y_uas=y, rotation_z_uas=z))
    return entries


def _transformations(combined: Combined) -> list[model.Transformation]:
    result, stack = combined.orbits.estimate, combined.orbits.day.stack
    entries = []
    for k, centre in enumerate(stack.centres):
        known = [c for c in range(result.helmert.shape[1]) if np.isfinite(result.helmert[k, c]).all()]
        if not known:
            continue
        p, s = result.helmert[k, known[0]], result.helmert_sigma[k, known[0]]
        scales = [
            model.ScaleEntry(constellation=letter, scale_ppb=float(result.helmert[k, c, 3]) * _PPB_PER_M,
                             scale_sigma_ppb=number(result.helmert_sigma[k, c, 3], _PPB_PER_M))
            for c, letter in enumerate(_letters(combined)) if c in known
        ]  # fmt: skip
        entries.append(
            model.Transformation(
                centre=centre, role=role_of(centre, combined.given.compared),
                translation_x_mm=float(p[0]) * 1e3, translation_y_mm=float(p[1]) * 1e3, translation_z_mm=float(p[2]) * 1e3,
                translation_x_sigma_mm=number(s[0], 1e3), translation_y_sigma_mm=number(s[1], 1e3),
                translation_z_sigma_mm=number(s[2], 1e3),
                rotation_x_uas=float(p[4]) * _UAS_PER_M, rotation_y_uas=float(p[5]) * _UAS_PER_M,
                rotation_z_uas=float(p[6]) * _UAS_PER_M,
                rotation_x_sigma_uas=number(s[4], _UAS_PER_M), rotation_y_sigma_uas=number(s[5], _UAS_PER_M),
                rotation_z_sigma_uas=number(s[6], _UAS_PER_M), scales=scales,
            )
        )  # fmt: skip
    return entries


def _weights(combined: Combined) -> list[model.WeightEntry]:
    day, result = combined.orbits.day, combined.orbits.estimate
    entries = []
    for g, group in enumerate(day.groups):
        member = day.group_of == g
        for k, centre in enumerate(day.stack.centres):
            used = member & (result.weight[k] > 0)
            if not used.any():
                continue
            covered = member & (combined.orbits.share.sum(axis=0) > 0)
            entries.append(
                model.WeightEntry(
                    group=group,
                    centre=centre,
                    share_percent=100.0 * float(combined.orbits.share[k, covered].mean()),
                    sigma_mm=number(result.centre_sigma_m[k, g], 1e3),
                )
            )
    return entries


def _statistics(combined: Combined) -> list[model.Statistic]:
    day, result = combined.orbits.day, combined.orbits.estimate
    names = day.stack.satellites
    groupings: list[tuple[str, list[str]]] = [
        ("all", ["all"] * len(names)),
        ("constellation", [name[0] for name in names]),
        ("block", [combined.given.blocks.get(name, "") for name in names]),
        ("satellite", list(names)),
    ]
    noise = np.nanmedian(result.centre_sigma_m**2) if np.isfinite(result.centre_sigma_m).any() else np.nan
    # Copies of one orbit have no noise at all; a micrometre is as good as none.
    weight = 1.0 / np.maximum(noise + np.nan_to_num(result.satellite_sigma_m) ** 2, 1e-12)
    entries = []
    for level, groups in groupings:
        labels = np.array(groups)
        for group in dict.fromkeys(label for label in groups if label):
            member = labels == group
            for k, centre in enumerate(day.stack.centres):
                records = result.records[k, member]
                known = np.isfinite(result.rms_m[k, member]) & (records > 0)
                if not known.any():
                    continue
                square = result.rms_m[k, member][known] ** 2
                number_of, own = records[known], weight[member][known]
                entries.append(
                    model.Statistic(
                        centre=centre, role=role_of(centre, combined.given.compared), level=level,  # type: ignore[arg-type]
                        group=group, records=int(number_of.sum()),
                        rms_mm=1e3 * float(np.sqrt((number_of * square).sum() / number_of.sum())),
                        wrms_mm=number(np.sqrt((own * number_of * square).sum() / (own * number_of).sum()), 1e3),
                    )
                )  # fmt: skip
    return entries


def _satellites(combined: Combined) -> list[model.SatelliteEntry]:
    given, orbit, result = combined.given, combined.orbit, combined.orbits.estimate
    names = combined.orbits.day.stack.satellites
    shadow = {body: {one.satellite for one in combined.eclipses if one.body == body} for body in ("Earth", "Moon")}
    moved = set(given.manoeuvre_begins)
    entries = []
    for j, satellite in enumerate(orbit.satellites):
        s = names.index(satellite)
        accuracy = orbit.accuracy_m.get(satellite)
        events = [("E", satellite in shadow["Earth"]), ("M", satellite in shadow["Moon"]), ("V", satellite in moved)]
        entries.append(
            model.SatelliteEntry(
                satellite=satellite, svn=given.svns.get(satellite), block=given.blocks.get(satellite),
                centres=int(result.centres_used[s]), records=int(np.isfinite(orbit.position_m[:, j, 0]).sum()),
                accuracy_mm=None if accuracy is None else accuracy * 1e3, accuracy_code=accuracy_code(accuracy),
                excess_sigma_mm=number(result.satellite_sigma_m[s], 1e3),
                events=[letter for letter, happened in events if happened],  # type: ignore[misc]
            )
        )  # fmt: skip
    return entries


def accuracy_code(accuracy_m: float | None) -> int:
    """Return the SP3 header code n of 2^n mm, from 1 on; 0 when the accuracy is unknown."""
    if accuracy_m is None or not accuracy_m > 0:
        return 0
    return int(np.clip(round(float(np.log2(1e3 * accuracy_m))), 1, 99))


def _fragile(combined: Combined) -> list[str]:
    """Constellations that few centres carry, and satellites that one or two do."""
    result, day = combined.orbits.estimate, combined.orbits.day
    sentences = []
    for letter, columns in _letters(combined).items():
        carriers = [
            day.stack.centres[k] for k in range(len(day.stack.centres)) if (result.weight[k, columns] > 0).any()
        ]
        name = CONSTELLATIONS.get(letter, letter)
        if 0 < len(carriers) <= _FRAGILE_CENTRES:
            count = "one centre" if len(carriers) == 1 else f"{len(carriers)} centres"
            sentences.append(f"{name} hangs on {count}: {', '.join(carriers)}")
        few = [s for s in columns if 0 < result.centres_used[s] <= 2]
        if few and len(carriers) > 2:
            told = ", ".join(f"{day.stack.satellites[s]} ({result.centres_used[s]})" for s in few)
            sentences.append(f"{name}: satellites of one or two centres, whose errors nobody can see: {told}")
    return sentences


def _named_notes(combined: Combined) -> list[str]:
    """Notes of the estimation, which knows centres by number."""
    centres = combined.orbits.day.stack.centres
    found = []
    for note in combined.orbits.estimate.notes:
        words = note.split()
        named = [
            f"centre {centres[int(word)]}" if before == "centre" and word.isdigit() else word
            for before, word in zip(["", *words], words, strict=False)
        ]
        found.append(" ".join(named).replace("centre centre", "centre"))
    return found


def _antenna_notes(combined: Combined) -> list[str]:
    """Antenna models that the comments of the SP3 files state: clocks and scales depend on them."""
    stated: dict[str, list[str]] = {}
    for centre, data in combined.given.centres.items():
        for comment in data.orbit.header.comments:
            label = comment.partition("PCV:")[2].split()
            if label:
                stated.setdefault(label[0].upper(), []).append(centre)
    if not stated:
        return []
    told = "; ".join(f"{label}: {', '.join(dict.fromkeys(centres))}" for label, centres in sorted(stated.items()))
    return [f"antenna models stated in the orbit files (no ANTEX file at hand to compare them): {told}"]

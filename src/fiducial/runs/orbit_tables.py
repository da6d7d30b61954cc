"""Tables for the terminal: a combination and a comparison at a glance."""

from __future__ import annotations

from typing import Any, Final

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.orbits.comparison_results import OrbitComparison, OrbitStatistics
from fiducial.orbits.orbit import CONSTELLATIONS
from fiducial.runs.orbit_report_model import CombinationReport

Table = tuple[str, list[str], list[list[Any]]]

_SHOWN_CLOCKS: Final = 20
_UAS: Final = 1e3 / MILLIARCSECOND_RAD


def combination_tables(report: CombinationReport) -> list[Table]:
    """Return title, columns and rows of each table: centres, parameters, exclusions, manoeuvres."""
    product = report.product
    letters = list(dict.fromkeys(one.group for one in report.statistics if one.level == "constellation"))
    rms = {(one.centre, one.group): one.rms_mm for one in report.statistics if one.level == "constellation"}
    share = {(one.centre, one.group): one.share_percent for one in report.weights}
    clocks = {} if report.clocks is None else {
        (one.centre, part.constellation): one.rms_ps for part in report.clocks.constellations for one in part.centres
    }  # fmt: skip
    by_constellation = {one.group for one in report.weights} <= set(letters)
    columns = ["centre", "role"]
    for letter in letters:
        columns.append(f"{letter} RMS mm")
        columns.extend([f"{letter} share %"] if by_constellation else [])
        columns.extend([f"{letter} clock ps"] if clocks else [])
    rows: list[list[Any]] = []
    for one in report.inputs:
        row: list[Any] = [one.centre, one.role]
        for letter in letters:
            row.append(rms.get((one.centre, letter)))
            row.extend([share.get((one.centre, letter))] if by_constellation else [])
            row.extend([clocks.get((one.centre, letter))] if clocks else [])
        rows.append(row)
    title = f"{product.name}, {product.start_gps:%Y-%m-%d}, GPS week {product.gps_week}/{product.day_of_week}, {product.frame}"
    tables: list[Table] = [(title, columns, rows), _parameters(report, letters)]
    if report.exclusions or (report.clocks and report.clocks.exclusions):
        left_out = [*report.exclusions, *(report.clocks.exclusions if report.clocks else [])]
        tables.append(
            ("kept out", ["centre", "satellite", "reason"], [[e.centre, e.satellite, e.sentence] for e in left_out])
        )
    if report.manoeuvres:
        rows = [[m.source, m.reference, f"{m.begin_gps:%m-%d %H:%M}", f"{m.end_gps:%m-%d %H:%M}", m.sentence]
                for m in report.manoeuvres]  # fmt: skip
        tables.append(("manoeuvres", ["source", "reference", "from (GPS)", "to", "what happened"], rows))
    return tables


def _parameters(report: CombinationReport, letters: list[str]) -> Table:
    columns = [
        "centre",
        "Tx mm",
        "Ty mm",
        "Tz mm",
        "Rx µas",
        "Ry µas",
        "Rz µas",
        *(f"{letter} ppb" for letter in letters),
    ]
    rows: list[list[Any]] = []
    for one in report.transformations:
        scales = {part.constellation: part.scale_ppb for part in one.scales}
        rows.append([
            one.centre, one.translation_x_mm, one.translation_y_mm, one.translation_z_mm, one.rotation_x_uas,
            one.rotation_y_uas, one.rotation_z_uas, *(scales.get(letter) for letter in letters),
        ])  # fmt: skip
    return "from the centre to the combination, position-vector signs", columns, rows


def comparison_tables(found: OrbitComparison, *, satellites: bool) -> list[Table]:
    """Return title, columns and rows of each table of a comparison."""
    columns = ["", "records", "1-D mm", "3-D mm", "radial mm", "along mm", "cross mm",
               "1-D mm, Helmert", "3-D mm, Helmert", "only first", "only second"]  # fmt: skip
    rows = [_orbit_row(one) for one in found.per_constellation]
    rows += [_orbit_row(one) for one in found.per_satellite] if satellites else []
    tables: list[Table] = [("RMS of first minus second", columns, rows)]
    if found.similarities:
        head = ["group", "Tx mm", "Ty mm", "Tz mm", "scale ppb", "Rx µas", "Ry µas", "Rz µas"]
        units = [1e3, 1e3, 1e3, 1e9, _UAS, _UAS, _UAS]
        fits: list[list[Any]] = []
        for fit in found.similarities:
            fits.append([fit.group, *(float(v) * u for v, u in zip(fit.parameters, units, strict=True))])
            fits.append(["  sigma", *(float(v) * u for v, u in zip(fit.sigmas, units, strict=True))])
        tables.append(("Helmert from the first to the second, position-vector signs", head, fits))
    if found.clocks is not None:
        many = [*found.clocks.constellations, *(found.clocks.satellites if satellites else [])]
        head = ["clocks", "records", "RMS ps", "without constants ps", "within threshold ps", "beyond", "constant ps"]
        rows = [
            [CONSTELLATIONS.get(one.name, one.name), one.records, one.rms_s * 1e12, one.rms_without_constants_s * 1e12,
             one.rms_within_threshold_s * 1e12, one.standing_out, one.constant_s * 1e12] for one in many
        ]  # fmt: skip
        tables.append(("clocks, after a datum per epoch and constellation", head, rows))
    return tables


def _orbit_row(one: OrbitStatistics) -> list[Any]:
    raw, aligned = one.raw, one.aligned
    return [
        CONSTELLATIONS.get(one.name, one.name), one.records, raw.coordinate_m * 1e3, raw.distance_m * 1e3,
        raw.radial_m * 1e3, raw.along_m * 1e3, raw.cross_m * 1e3, aligned.coordinate_m * 1e3,
        aligned.distance_m * 1e3, one.records_only_first, one.records_only_second,
    ]  # fmt: skip


def comparison_lines(found: OrbitComparison) -> list[str]:
    """Return sentences below the tables: coverage, clocks that stand out, notes."""
    lines = [
        f"satellites only in the {place}: {', '.join(names)}"
        for place, names in (("first", found.satellites_only_first), ("second", found.satellites_only_second))
        if names
    ]
    if found.clocks is not None and found.clocks.standing_out:
        many = found.clocks.standing_out
        lines.append(
            f"{len(many)} clock records stand out"
            + (f", the first {_SHOWN_CLOCKS}:" if len(many) > _SHOWN_CLOCKS else ":")
        )
        lines.extend(
            f"  {one.satellite} {str(one.epoch_gps)[:19]} {one.difference_s * 1e12:.0f} ps"
            for one in many[:_SHOWN_CLOCKS]
        )
    return [*lines, *found.notes]

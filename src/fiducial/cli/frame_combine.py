"""``fiducial frame combine`` and ``fiducial frame align``: station solutions of a day and a reference frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.frame import Flag, app

if TYPE_CHECKING:
    from fiducial.runs.frame_report_model import FrameReport

Days = Annotated[list[Path], Parameter(name="DAY.SNX", help="SINEX files of one day, one a centre.")]
Day = Annotated[Path, Parameter(name="DAY.SNX", help="SINEX file of one day.")]


@app.command
def combine(
    days: Days,
    /,
    *,
    reference: Path,
    out: Path,
    core: Path | None = None,
    psd: Path | None = None,
    residual_limit_mm: float = 20.0,
    normalised_limit: float = 5.0,
    core_limit_mm: float = 20.0,
    strictness: Literal["ignore", "warn", "raise"] = "warn",
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Combine the station solutions of one day into a reference frame: SINEX with covariance, ERP, summary, report.

    Constraints and datum of every centre are taken out; origin, scale and orientation come from the core stations. The
    summary (SUM.YML) holds the seven parameters of every centre: ``fiducial orbits combine --frame-summary`` takes it.

    Example: ``fiducial frame combine COD*.SNX ESA*.SNX GFZ*.SNX --reference IGS20.SNX --out combined``

    Parameters
    ----------
    reference
        Cumulative SINEX solution with positions and velocities; it is propagated to the day.
    out
        Folder of the product.
    core
        List of stations that hold the datum, such as ZIMM A, one a line; all of the reference by default.
    psd
        SINEX file of post-seismic models of the same frame solution.
    residual_limit_mm
        Stations of a centre with larger residuals in East, North or Up are rejected.
    normalised_limit
        So are stations above this many standard deviations.
    core_limit_mm
        Core stations that are farther from the reference are taken out of the core.
    strictness
        What to do with faults of files that can be repaired.
    overwrite
        Replace files of the same names.
    json
        Print the report as JSON.
    """
    from fiducial.runs.frame_combine import FrameRequest, combine_frame, write_frame
    from fiducial.stations.combination_model import StationOptions

    options = StationOptions(
        residual_limit_m=residual_limit_mm * 1e-3, normalised_limit=normalised_limit, core_limit_m=core_limit_mm * 1e-3
    )
    request = FrameRequest(
        files=tuple(days), reference=reference, core=core, post_seismic=psd, options=options, strictness=strictness
    )
    report = write_frame(combine_frame(request), out, overwrite=overwrite)
    if json:
        print_json(report.model_dump(mode="json"))
        return
    _print(report, out)


def _print(report: FrameReport, out: Path) -> None:
    columns = [
        "centre",
        "stations",
        "core",
        "sqrt(vf)",
        "WRMS E",
        "N",
        "U mm",
        "TX",
        "TY",
        "TZ mm",
        "D ppb",
        "RX",
        "RY",
        "RZ mas",
    ]
    rows = []
    for one in report.centres:
        found = one.helmert
        rows.append([
            one.centre, one.stations, one.core_stations, one.sqrt_variance_factor, *(one.wrms_enu_mm or 3 * [None]),
            found.translation_x_mm, found.translation_y_mm, found.translation_z_mm, found.scale_ppb,
            found.rotation_x_mas, found.rotation_y_mas, found.rotation_z_mas,
        ])  # fmt: skip
    product = report.product
    title = f"{product.stations} stations, {len(product.core_stations)} core, {product.epoch_utc:%Y-%m-%d %H:%M} UTC"
    print_table(title, columns, rows)
    print_lines([f"rejected: {one.centre}: {one.reason}" for one in report.rejected_centres])
    print_lines([f"rejected: {one.sentence}" for one in report.rejected_stations])
    print_lines(
        [*report.notes, *report.reference.findings, *report.findings, *(str(out / name) for name in product.files)]
    )


@app.command
def align(
    day: Day,
    /,
    *,
    reference: Path,
    core: Path | None = None,
    psd: Path | None = None,
    strictness: Literal["ignore", "warn", "raise"] = "warn",
    json: Flag = False,
) -> None:
    """Fit the seven parameters from a daily solution to a reference frame, and list the stations that do not fit.

    Example: ``fiducial frame align igs18P19821.snx --reference igs17P49.snx``

    Parameters
    ----------
    reference
        Cumulative SINEX solution with positions and velocities; it is propagated to the day.
    core
        List of stations that determine the parameters; all common ones by default.
    psd
        SINEX file of post-seismic models of the same frame solution.
    strictness
        What to do with faults of files that can be repaired.
    json
        Print JSON.
    """
    from fiducial.runs.frame_align import align_day
    from fiducial.runs.frame_report_text import helmert_rows

    report = align_day(day, reference, core_path=core, post_seismic=psd, strictness=strictness)
    if json:
        print_json(report.model_dump(mode="json"))
        return
    east, north, up = report.rms_enu_mm
    print_lines([
        f"{report.file} at {report.epoch_utc:%Y-%m-%d %H:%M} UTC to {report.reference.file}",
        f"{report.used_stations} of {report.common_stations} common stations, RMS E {east:.2f}, N {north:.2f}, U {up:.2f} mm",
        "", *helmert_rows([("solution to reference", report.helmert)]), "", report.signs,
    ])  # fmt: skip
    print_lines([f"rejected: {one.sentence}" for one in report.rejected_stations])

"""``fiducial frame stack``: days to weeks, weeks to positions and velocities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.frame import Flag, app

if TYPE_CHECKING:
    from fiducial.runs.frame_stack_report_model import StackReport

Days = Annotated[list[Path], Parameter(name="SINEX", help="SINEX files of days or weeks.")]


@app.command
def stack(
    days: Days,
    /,
    *,
    reference: Path,
    out: Path,
    discontinuities: Path | None = None,
    psd: Path | None = None,
    core: Path | None = None,
    rates: bool | None = None,
    group: Literal["week", "day"] = "week",
    datum: Literal["core", "inner"] = "core",
    epoch: str | None = None,
    colocated_m: float = 0.0,
    residual_limit_mm: float = 20.0,
    normalised_limit: float = 5.0,
    core_limit_mm: float = 20.0,
    core_velocity_limit_mm_per_yr: float = 5.0,
    strictness: Literal["ignore", "warn", "raise"] = "warn",
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Stack station solutions of days into weeks, and weeks into positions and velocities with covariance.

    Every solution has seven free parameters; the datum and its rate come from the core stations. Weekly combinations are
    kept in the folder ``weeks`` of the product and used again when nothing they come from has changed, so that a stack
    that was stopped goes on where it was.

    Example: ``fiducial frame stack days/*.SNX.gz --reference igs17P49.snx.gz --discontinuities soln.snx --psd psd.snx
    --out stack``

    Parameters
    ----------
    reference
        Cumulative SINEX solution with positions and velocities.
    out
        Folder of the products.
    discontinuities
        SINEX file of discontinuities; by default those of the reference, or else its data spans.
    psd
        SINEX file of post-seismic models of the same frame solution; they are taken off.
    core
        List of stations that hold the datum, such as ZIMM A, one a line; all of the reference by default.
    rates
        Estimate velocities; by default when the solutions span a year.
    group
        Combine the solutions of each GPS week, or of each day.
    datum
        core: origin, scale, orientation and their rates from the core. inner: translations and scales of the solutions have
        zero mean and slope, orientation and its rate come from the core.
    epoch
        Reference epoch of the positions, a date such as 2015-01-01; by default the start of the year nearest to the middle.
    colocated_m
        Velocities of stations that are so near to each other are held equal; 0 leaves them free.
    residual_limit_mm
        Stations of a solution with larger residuals in East, North or Up are rejected.
    normalised_limit
        So are stations above this many standard deviations.
    core_limit_mm
        Core stations whose position departs from the reference by more are taken out of the core.
    core_velocity_limit_mm_per_yr
        So are core stations whose velocity does.
    strictness
        What to do with faults of files that can be repaired; raise also stops at a file that cannot be used.
    overwrite
        Replace the products of an earlier stack.
    json
        Print the report as JSON.
    """
    from fiducial.runs.frame_stack import StackRequest, reference_date
    from fiducial.runs.frame_stack_write import run_stack
    from fiducial.stations.combination_model import StationOptions
    from fiducial.stations.stacking import StackOptions

    residual, core_limit = residual_limit_mm * 1e-3, core_limit_mm * 1e-3
    request = StackRequest(
        files=tuple(days), reference=reference, out=out, discontinuities=discontinuities, post_seismic=psd, core=core,
        rates="auto" if rates is None else "yes" if rates else "no", grouping=group,
        epoch_utc=None if epoch is None else reference_date(epoch), colocated_m=colocated_m,
        week_options=StationOptions(residual_limit_m=residual, normalised_limit=normalised_limit, core_limit_m=core_limit),
        options=StackOptions(
            datum=datum, residual_limit_m=residual, normalised_limit=normalised_limit, core_limit_m=core_limit,
            core_velocity_limit_m_per_yr=core_velocity_limit_mm_per_yr * 1e-3,
        ),
        strictness=strictness,
    )  # fmt: skip
    report = run_stack(request, overwrite=overwrite)
    if json:
        print_json(report.model_dump(mode="json"))
        return
    _print(report, out)


def _print(report: StackReport, out: Path) -> None:
    columns = ["solution", "days", "stations", "core", "sqrt(vf)", "WRMS E", "N", "U mm", "TX", "TY", "TZ mm", "D ppb", "RX",
               "RY", "RZ mas"]  # fmt: skip
    rows = []
    for one in report.solutions:
        found = one.helmert
        rows.append([
            one.name, len(one.days), one.stations, one.core_stations, one.sqrt_variance_factor, *(one.wrms_enu_mm or 3 * [None]),
            found.translation_x_mm, found.translation_y_mm, found.translation_z_mm, found.scale_ppb,
            found.rotation_x_mas, found.rotation_y_mas, found.rotation_z_mas,
        ])  # fmt: skip
    product = report.product
    title = (
        f"{product.stations} stations, {product.segments} segments, {product.velocities} velocities, "
        f"{len(product.core_segments)} core segments, {product.reference_epoch_utc:%Y-%m-%d} UTC"
    )
    print_table(title, columns, rows)
    print_lines([f"left out: {one.name}: {one.code} {one.reason}" for one in report.rejected_inputs])
    print_lines([f"rejected: {one.sentence}" for one in report.rejected_stations])
    print_lines([f"left out: {name}: {why}" for name, why in report.left_out.items()])
    print_lines(
        [*report.notes, *report.reference.findings, *report.findings, *(str(out / name) for name in product.files)]
    )

"""``fiducial motion``: InSAR ground motion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(name="motion", help="InSAR ground motion: import, calibrate, Ortho, audit, statistics, export, plot.")

Sources = Annotated[
    list[Path], Parameter(name="SRC", help="EGMS ZIP or CSV, a folder of GeoTIFFs, or a point product.")
]
Flag = Annotated[bool, Parameter(negative="")]
Table = Annotated[Path | None, Parameter(name="--gnss", help="Table of GNSS velocities.")]
FrameName = Annotated[
    str | None,
    Parameter(name="--gnss-frame", help="Frame of the GNSS velocities: ETRF2000, ITRF2020, plate:EURA ..."),
]


@app.command(name="import")
def import_(src: Sources, /, *, out: Path, overwrite: Flag = False, json: Flag = False) -> None:
    """Import sources: a point motion product each, streaming, whole or not at all.

    Example: ``fiducial motion import EGMS_L2b_*.zip --out products``

    Parameters
    ----------
    out
        Folder of products; each gets the name of its source. A finished import is not repeated.
    overwrite
        Replace products of the same name.
    json
        Print JSON.
    """
    from fiducial.formats.point_product import PointProduct
    from fiducial.runs.ingest import import_egms
    from fiducial.runs.ingest_frame import import_frame
    from fiducial.runs.sources import distinct, is_frame_folder

    rows: list[dict[str, Any]] = []
    for path in distinct(src):
        made = (import_frame if is_frame_folder(path) else import_egms)(path, out, overwrite=overwrite)
        manifest = PointProduct.open(made).manifest
        rows.append({
            "product": str(made),
            "level": manifest.level,
            "component": manifest.component,
            "points": manifest.points,
            "epochs": len(manifest.epochs),
            "frame": manifest.tie.frame,
            "unstated": [one.name for one in manifest.requirements if one.state == "unstated"],
        })  # fmt: skip
    if json:
        print_json(rows)
        return
    table = [[*list(row.values())[:6], ", ".join(row["unstated"]) or None] for row in rows]
    columns = ["product", "level", "component", "points", "epochs", "frame", "not stated by the source"]
    print_table("imported", columns, table)


@app.command
def ortho(
    src: Sources,
    /,
    *,
    out: Path,
    mode: Literal["official", "best"] = "official",
    gnss: Table = None,
    gnss_frame: FrameName = None,
    north_in_input: Literal["yes", "no"] | None = None,
    time: Literal["linear", "nearest"] = "linear",
    cell: int = 2000,
    tile: str | None = None,
    report: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Make East and Up tiles from ascending and descending sources: EGMS ZIP, GeoTIFF and point product.

    Calibrated velocity frames have no series: of them East and Up velocity with sigma are made, as GeoTIFF.

    Example: ``fiducial motion ortho EGMS_L2b_022_*.zip EGMS_L2b_117_*.zip --out ortho``

    Parameters
    ----------
    out
        Folder of the tiles.
    mode
        ``official`` reproduces the EGMS production; ``best`` weights, removes north, gives formal errors and the
        difference from ``official``.
    north_in_input
        Whether the lines of sight still hold the north motion; must be stated for ``best``, there is no default.
    time
        Interpolation between acquisitions in ``best``.
    cell
        Side of a cell in metres, for velocity frames; EGMS cells have 100 m.
    tile
        Only this tile of 100 km, such as E44N27; all that the sources reach by default.
    report
        Write a page with maps, and with the difference between the modes.
    overwrite
        Replace tiles of the same name.
    json
        Print JSON.
    """
    from fiducial.errors import InputError
    from fiducial.runs.ortho import OrthoOptions, ortho
    from fiducial.runs.ortho_rates import holds_rates, ortho_rates

    contained = None if north_in_input is None else north_in_input == "yes"
    if holds_rates(src):
        if report is not None or tile is not None:
            fix = "leave --report and --tile out; `fiducial motion plot` draws the GeoTIFFs"
            raise InputError("FID-1007", "page and tiles are of series, and frames have none", where="SRC", fix=fix)
        done = ortho_rates(src, out, north_in_input=contained, table=gnss, gnss_frame=gnss_frame, cell_m=cell,
                           overwrite=overwrite)  # fmt: skip
        rates = done.to_dict()
        print_json(rates) if json else print_lines([f"{name}: {value}" for name, value in rates.items()])
        return
    options = OrthoOptions(mode, contained, time, tile, overwrite)
    result = ortho(src, out, options=options, table=gnss, gnss_frame=gnss_frame)
    if report is not None:
        from fiducial.runs.report_pages import ortho_page, write_page

        write_page(ortho_page(result, out), report)
    if json:
        print_json(result.to_dict())
        return
    _print_ortho(result.to_dict())


def _print_ortho(result: dict[str, Any]) -> None:
    rows = [
        [tile[part], tile["cells"], tile["mean_velocity_mm_per_yr"][part]]
        for tile in result["tiles"]
        for part in ("east", "up")
    ]
    print_table("Ortho", ["file", "cells", "mean velocity mm/yr"], rows)
    difference = [
        [tile[part], *tile["best_minus_official"][part].values()]
        for tile in result["tiles"]
        if tile["best_minus_official"]
        for part in ("east", "up")
    ]
    if difference:
        names = ["file", "velocity mean", "velocity std", "velocity largest", "displacement RMS mm"]
        print_table("best minus official, mm/yr", names, difference)
    print_lines(result["notes"])


@app.command
def calibrate(
    src: Sources,
    /,
    *,
    out: Path,
    gnss: Table = None,
    gnss_frame: FrameName = None,
    recipe: str = "joint",
    hold_out: int = 0,
    up_prior_sigma: float | None = None,
    report: Path | None = None,
    json: Flag = False,
) -> None:
    """Tie sources to a GNSS velocity field: a small file of coefficients beside the series, applied on read.

    Example: ``fiducial motion calibrate 087A_04904_121313 094D_04913_101213 --gnss stations.vel
    --gnss-frame plate:EURA --out calibrated --report calibrated.html``

    Parameters
    ----------
    out
        Folder: a point product a source, ``calibration.json``, and for a GeoTIFF frame ``vel.calibrated.tif``,
        ``surface.tif`` and ``surface_sigma.tif``.
    recipe
        joint; network for very many bursts; to compare: egms plane quadratic gauss-60 gauss-25 window-30 window-100.
    hold_out
        Predict the stations in that many folds without them; 0 does not.
    up_prior_sigma
        Standard deviation of Up, mm/yr, to assume around zero when the table has no vertical.
    report
        Write a page with tables and maps.
    json
        Print JSON.
    """
    from fiducial.errors import InputError
    from fiducial.runs.calibrate import calibrate

    if gnss is None:
        raise InputError("FID-1005", "no GNSS table is given", where="--gnss", fix="give a table of station velocities")
    calibrated = calibrate(
        src, gnss, gnss_frame, out, recipe=recipe, folds=hold_out, up_prior_sigma_mm_per_yr=up_prior_sigma
    )
    if report is not None:
        from fiducial.runs.report_pages import calibration_page, write_page

        write_page(calibration_page(calibrated), report)
    result = calibrated.to_dict()
    print_json(result) if json else _print_calibration(result)


def _print_calibration(result: dict[str, Any]) -> None:
    frame = result["calibration"]["frame"]
    columns = ["track", "blocks", "terms", "mean", "lowest", "highest", "sigma mean", "sigma highest"]
    title = "calibration surface S, mm/yr in the line of sight; calibrated velocity = velocity - S"
    print_table(title, columns, [list(row.values()) for row in result["surfaces"]])
    columns = ["track", "stations", "RMS before", "before, centred", "RMS after", "bias after"]
    names = ["track", "stations", "rms_before_mm_per_yr", "rms_before_centred_mm_per_yr", "rms_after_mm_per_yr",
             "bias_after_mm_per_yr"]  # fmt: skip
    rows = [[row[name] for name in names] for row in result["stations"]]
    print_table(f"InSAR minus GNSS in the line of sight, mm/yr, frame {frame} (stations took part)", columns, rows)
    if result["overlaps"]:
        overlaps = [
            [" | ".join(row["tracks"]), row["cells"], row["rms_before_mm_per_yr"], row["rms_before_centred_mm_per_yr"],
             row["rms_after_mm_per_yr"]]
            for row in result["overlaps"]
        ]  # fmt: skip
        print_table(
            "overlap of tracks, mm/yr", ["tracks", "cells", "RMS before", "before, centred", "RMS after"], overlaps
        )
    if result["held_out"]:
        held = result["held_out"]
        print_table("stations held out, mm/yr", ["samples", "RMS", "GNSS-only RMS", "chi"], [list(held.values())])
    print_lines([*result["notes"], *result["calibration"]["notes"]])
    print_lines([f"calibration {result['version']} in {path}" for path in result["products"]])


@app.command
def audit(
    file: Path,
    /,
    *,
    gnss: Table = None,
    gnss_frame: FrameName = None,
    at: tuple[float, float] | None = None,
    json: Flag = False,
) -> None:
    """Tell what an EGMS file is, and check all that it says against its own series.

    Example: ``fiducial motion audit EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip --json``

    Parameters
    ----------
    file
        EGMS Level 2a, 2b or 3: ZIP, CSV, or an imported product.
    at
        Easting and northing (EPSG:3035) where the hidden GNSS rate is wanted; the centroid by default.
    json
        Print JSON.
    """
    from fiducial.runs.audit import audit

    report = audit(file, gnss=gnss, gnss_frame=gnss_frame, at=at)
    print_json(report.to_dict()) if json else print_lines(report.lines())


@app.command
def stats(
    src: Sources,
    /,
    *,
    out: Path | None = None,
    own_velocity: bool = True,
    calibration: str | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Compute every EGMS field from the series, compare with the printed ones, and give a velocity with its sigma.

    Example: ``fiducial motion stats EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip --out stats.parquet``

    Parameters
    ----------
    out
        Table with a row a point (.parquet or .csv); for several sources a folder of them.
    own_velocity
        Also estimate the velocity under white plus flicker noise.
    calibration
        Calibration to apply first: a version, ``none`` (default).
    overwrite
        Replace existing tables.
    json
        Print JSON.
    """
    from fiducial.runs.sources import distinct
    from fiducial.runs.stats import statistics

    reports = []
    for path in distinct(src):
        table = out if out is None or len(src) == 1 else out / f"{path.stem}.parquet"
        made = statistics(path, table=table, own_velocity=own_velocity, calibration=calibration, overwrite=overwrite)
        reports.append(made.to_dict())
    if json:
        print_json(reports)
        return
    for found in reports:
        columns = ["field", "unit", "mean", "std", "compared", "identical %", "largest difference, printed units"]
        print_table(f"{found['name']}: {found['points']} points, {found['epochs']} epochs", columns,
                    [[name, *row.values()] for name, row in found["fields"].items()])  # fmt: skip
        sigma, share = found["consistent_velocity_sigma_median_mm_per_yr"], found["flicker_share_median"]
        if sigma is not None:
            print_lines(
                [f"own velocity: median sigma {sigma} mm/yr under white plus flicker noise (flicker share {share})"]
            )


@app.command
def export(
    src: Sources,
    /,
    *,
    out: Path,
    format: Literal["egms", "csv", "gpkg", "geoparquet", "geotiff", "product"] = "egms",  # noqa: A002 - the option's name
    bbox: tuple[float, float, float, float] | None = None,
    area: Path | None = None,
    merge: Flag = False,
    series: bool = True,
    calibration: str | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Write points in another format, calibrated if they are, clipped or merged if asked for.

    Example: ``fiducial motion export products/EGMS_L2b_022_0845_IW2_VV_2020_2024_1 --format gpkg --out maps``

    Parameters
    ----------
    out
        Folder of what is written.
    format
        ``egms`` is ZIP of CSV and XML.
    bbox
        West, south, east, north in degrees: points inside only.
    area
        Polygons (GeoJSON, GeoPackage): points inside only.
    merge
        Join all sources; duplicates in the overlaps of bursts of one track are resolved by quality.
    series
        Write the displacement series too, where the format can do without.
    calibration
        Calibration to apply: a version, ``none``, or the newest (default).
    overwrite
        Replace existing files.
    json
        Print JSON.
    """
    from fiducial.runs.export import Area, export

    chosen = Area(bbox=bbox, polygons=area) if bbox is not None or area is not None else None
    written = export(
        src, out, format=format, area=chosen, merge=merge, series=series, calibration=calibration, overwrite=overwrite
    )
    print_json([str(path) for path in written]) if json else print_lines([str(path) for path in written])


@app.command
def plot(
    src: Sources,
    /,
    *,
    out: Path,
    column: str = "mean_velocity",
    pid: list[str] | None = None,
    at: tuple[float, float] | None = None,
    calibration: str | None = None,
    json: Flag = False,
) -> None:
    """Draw a map and a series of each source to PNG.

    Example: ``fiducial motion plot EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip --out pictures``

    Parameters
    ----------
    out
        Folder of the pictures.
    column
        Attribute to draw on the map.
    pid
        Points whose series to draw.
    at
        Longitude and latitude: the nearest point's series is drawn.
    calibration
        Calibration to apply: a version, ``none``, or the newest (default).
    json
        Print JSON.
    """
    from fiducial.runs.plot import plot
    from fiducial.runs.sources import distinct

    written = [
        made
        for path in distinct(src)
        for made in plot(path, out, column=column, points=pid, at=at, calibration=calibration)
    ]
    print_json([str(path) for path in written]) if json else print_lines([str(path) for path in written])

"""Report pages of single commands: a calibration, an Ortho."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fiducial.formats import calibration_file
from fiducial.formats.point_product import PointProduct
from fiducial.motion.ortho import CELL_M, cell_keys
from fiducial.reports.figures import histogram
from fiducial.reports.html import Column, KeyFigure, Page
from fiducial.reports.maps import PointLayer, RasterLayer, Scale, panel_of_maps
from fiducial.runs.calibrate import Calibrated
from fiducial.runs.ortho import OrthoResult
from fiducial.runs.report_parts import (
    COMPONENT_NAMES,
    SURFACE_COLUMNS,
    Floats,
    add_agreement_tables,
    add_calibration_maps,
    add_rejected,
    add_station_table,
    input_hashes,
    root_mean_square,
    short_name,
    software,
    station_rows,
    surface_row,
    write_page,
)

__all__ = ["OrthoCells", "add_mode_difference", "calibration_page", "cell_layer", "ortho_cells", "ortho_page",
           "velocity_panel", "write_page"]  # fmt: skip

_NORTH_REMOVED: Final = "north: removed with the GNSS field"
_ENOUGH_FOR_HISTOGRAM: Final = 8
_VISIBLE_CELLS: Final = 120
"""More cells than this beside each other would be smaller than a dot."""
_CELL_COLUMNS: Final = ("easting", "northing", "longitude", "latitude")


def calibration_page(calibrated: Calibrated) -> Page:
    """Return the report of a calibration.

    Parameters
    ----------
    calibrated : Calibrated

    Returns
    -------
    Page
        Agreement before and after, maps, stations, held-out stations, surfaces, notes, provenance.
    """
    result = calibrated.result
    names = [short_name(track.name) for track in calibrated.tracks]
    page = Page(
        f"Calibration with the recipe {result.recipe}",
        f"{len(names)} source{'s' if len(names) > 1 else ''} ({', '.join(names)}) tied to the GNSS velocities of "
        f"{Path(result.gnss_source).name} in the frame {result.frame}.",
    )
    page.key_figures(_calibration_figures(calibrated))
    page.section("Before, surface, after")
    add_calibration_maps(page, calibrated)
    page.section("Agreement")
    add_agreement_tables(page, calibrated)
    _add_held_out(page, calibrated)
    _add_residuals(page, calibrated)
    page.section("Stations")
    add_station_table(page, result)
    add_rejected(page, result)
    page.section("Surfaces")
    page.paragraph("Calibrated velocity = velocity \N{MINUS SIGN} S, calibrated displacement = d(t) \N{MINUS SIGN} "
                   "S (t \N{MINUS SIGN} t\N{SUBSCRIPT ZERO}): only the trend is touched.")  # fmt: skip
    page.table(SURFACE_COLUMNS, [surface_row(track, result.track(track.name)) for track in calibrated.tracks],
               caption="The surface S that is subtracted, at the block medians. Sigma is its RMS.")  # fmt: skip
    _add_notes(page, calibrated)
    page.section("Provenance")
    first = calibration_file.read(calibrated.products[0], calibrated.version)
    page.provenance("Calibration", {
        "version": calibrated.version, "recipe": result.recipe, "frame": result.frame,
        "GNSS table": result.gnss_source, "GNSS SHA-256": first.document.get("gnss_sha256") if first else None,
        "provenance id": first.document.get("provenance_id") if first else None,
    } | software())  # fmt: skip
    page.provenance("Inputs", input_hashes(calibrated.products))
    return page


def _calibration_figures(calibrated: Calibrated) -> list[KeyFigure]:
    stations, overlaps = calibrated.assessment.stations, calibrated.assessment.overlaps
    counts = [row.stations for row in stations]
    before = root_mean_square([row.rms_before_centred_mm_per_yr for row in stations], counts)
    after = root_mean_square([row.rms_after_mm_per_yr for row in stations], counts)
    figures = [KeyFigure(
        "RMS against GNSS in the line of sight", after, "mm/yr", _better(after, before),
        f"before, with the median of each source removed: {before:.2f}; {sum(counts)} stations and sources",
    )]  # fmt: skip
    if overlaps:
        cells = [row.cells for row in overlaps]
        apart = root_mean_square([row.rms_before_centred_mm_per_yr for row in overlaps], cells)
        joined = root_mean_square([row.rms_after_mm_per_yr for row in overlaps], cells)
        figures.append(KeyFigure("RMS between overlapping sources", joined, "mm/yr", _better(joined, apart),
                                 f"before, centred: {apart:.2f}; {sum(cells)} cells"))  # fmt: skip
    if calibrated.held_out is not None:
        held = calibrated.held_out
        figures.append(KeyFigure("RMS against stations held out", held.rms_mm_per_yr, "mm/yr", "",
                                 f"GNSS alone predicts them to {held.gnss_only_rms_mm_per_yr:.2f}; "
                                 f"RMS of residual over sigma {held.chi:.2f}"))  # fmt: skip
    sigmas = [float(surface_row(track, calibrated.result.track(track.name))[5]) for track in calibrated.tracks]
    figures.append(KeyFigure("sigma of the surfaces", root_mean_square(sigmas, [1] * len(sigmas)), "mm/yr", "",
                             f"{min(sigmas):.2f} to {max(sigmas):.2f} by source"))  # fmt: skip
    return figures


def _better(after: float, before: float) -> Any:
    """Return the verdict on a number that should have become smaller; none where it is unknown."""
    return "" if np.isnan(after) or np.isnan(before) else "pass" if after <= before else "fail"


def _add_held_out(page: Page, calibrated: Calibrated) -> None:
    held = calibrated.held_out
    if held is None:
        return
    page.table(
        [Column("samples"), Column("RMS", "mm/yr"), Column("GNSS only", "mm/yr"), Column("residual / sigma, RMS")],
        [[len(held.names), held.rms_mm_per_yr, held.gnss_only_rms_mm_per_yr, held.chi]],
        caption="Stations predicted by a calibration that did not know them. GNSS only: the velocity field without the "
                "station. A low RMS alone proves nothing: interpolated GNSS in the place of InSAR has it too.",
    )  # fmt: skip


def _add_residuals(page: Page, calibrated: Calibrated) -> None:
    rows = station_rows(calibrated.result)
    if len(rows) < _ENOUGH_FOR_HISTOGRAM:
        return
    before, after = (np.array([row[k] for row in rows]) for k in (2, 3))
    # A source has a datum of its own before the calibration, so each is centred by itself, as in the table.
    source = np.array([row[1] for row in rows])
    for name in np.unique(source):
        before[source == name] -= np.median(before[source == name])
    page.figure(
        histogram([("before, each source centred", before), ("after", after)],
                  title="InSAR minus GNSS at stations", unit="mm/yr", quantity="difference in the line of sight"),
        alt="Histograms of InSAR minus GNSS at stations, before and after.",
        caption="All sources together. For the recipes plane and quadratic the stations took part in the fit.",
    )  # fmt: skip


def _add_notes(page: Page, calibrated: Calibrated) -> None:
    rows = [["all", note] for note in (*calibrated.notes, *calibrated.result.notes)]
    rows += [[short_name(track.surface.track), note] for track in calibrated.result.tracks for note in track.notes]
    page.table([Column("source"), Column("note")], rows, caption="What was read, decided and assumed.")


@dataclass(frozen=True)
class OrthoCells:
    """Cells of an Ortho run with what a report shows of them; every array has shape (cell,).

    Attributes
    ----------
    easting, northing : ndarray of float64
        Cell centres, EPSG:3035, metres.
    longitude_deg, latitude_deg : ndarray of float64
    velocity_mm_per_yr : dict of str to ndarray
        ``E`` and ``U``, not rounded.
    official_mm_per_yr : dict of str to ndarray
        The same of the production algorithm; empty in ``official`` mode.
    extra : dict of str to dict of str to ndarray
        Columns that only our products hold, by component.
    """

    easting: Floats
    northing: Floats
    longitude_deg: Floats
    latitude_deg: Floats
    velocity_mm_per_yr: dict[str, Floats]
    official_mm_per_yr: dict[str, Floats]
    extra: dict[str, dict[str, NDArray[Any]]]


def ortho_cells(result: OrthoResult, out: Path) -> OrthoCells:
    """Read back what a run wrote, all tiles together, in increasing order of the cell keys of each tile.

    Parameters
    ----------
    result : OrthoResult
    out : Path
        Folder it wrote to.
    """
    shared: dict[str, list[Floats]] = {name: [] for name in _CELL_COLUMNS}
    extra: dict[str, dict[str, list[NDArray[Any]]]] = {"E": {}, "U": {}}
    for tile in result.tiles:
        for component, name in (("E", tile.name_east), ("U", tile.name_up)):
            columns = PointProduct.open(out / name).attributes()
            # The product lies along a Hilbert curve, the arrays of the result in order of their cells.
            order = np.argsort(cell_keys(columns["easting"], columns["northing"]))
            for column, values in columns.items():
                if component == "E" and column in shared:
                    shared[column].append(values[order])
                extra[component].setdefault(column, []).append(values[order])
    velocity = np.concatenate([tile.velocity_mm_per_yr for tile in result.tiles])
    official = [
        tile.official_velocity_mm_per_yr for tile in result.tiles if tile.official_velocity_mm_per_yr is not None
    ]
    joined = np.concatenate(official) if len(official) == len(result.tiles) else None
    easting, northing, longitude, latitude = (np.concatenate(shared[name]) for name in _CELL_COLUMNS)
    return OrthoCells(
        easting=easting,
        northing=northing,
        longitude_deg=longitude,
        latitude_deg=latitude,
        velocity_mm_per_yr={part: velocity[:, k] for k, part in enumerate("EU")},
        official_mm_per_yr={} if joined is None else {part: joined[:, k] for k, part in enumerate("EU")},
        extra={
            part: {name: np.concatenate(parts) for name, parts in columns.items()} for part, columns in extra.items()
        },
    )


def ortho_page(result: OrthoResult, out: Path) -> Page:
    """Return the report of an Ortho run: maps of East and Up, and for ``best`` its difference from ``official``.

    Parameters
    ----------
    result : OrthoResult
    out : Path
        Folder it wrote to.
    """
    cells = ortho_cells(result, out)
    best = bool(cells.official_mm_per_yr)
    products = [out / name for tile in result.tiles for name in (tile.name_east, tile.name_up)]
    manifest = PointProduct.open(products[0]).manifest
    page = Page(
        f"Ortho, mode {'best' if best else 'official'}",
        f"East and Up in {len(cells.easting)} cells of 100 m, {len(manifest.epochs)} dates from {manifest.epochs[0]} to "
        f"{manifest.epochs[-1]}, frame {manifest.tie.frame}.",
    )  # fmt: skip
    page.key_figures(_ortho_figures(cells))
    page.section("Velocity")
    page.figure(velocity_panel(cells), alt="Maps of the East and the Up velocity.", caption=_velocity_caption(cells))
    if best:
        page.section("Difference between the modes")
        add_mode_difference(page, cells, north_removed=_NORTH_REMOVED in result.notes)
    page.section("Notes")
    page.table([Column("note")], [[note] for note in result.notes], caption="What was read, decided and assumed.")
    page.section("Provenance")
    page.provenance("Run", {"provenance id": manifest.provenance_id, "frame": manifest.tie.frame,
                            "tied by": manifest.tie.gnss_source, "folder": out} | software())  # fmt: skip
    page.provenance("Inputs", {one.name: f"{one.bytes} bytes, sha256 {one.sha256}" for one in manifest.sources})
    return page


def _ortho_figures(cells: OrthoCells) -> list[KeyFigure]:
    figures = [KeyFigure("cells", len(cells.easting), "", "", "of 100 m, seen from both directions")]
    for component, name in COMPONENT_NAMES.items():
        values = cells.velocity_mm_per_yr[component]
        figures.append(KeyFigure(f"{name}, mean velocity", float(np.nanmean(values)), "mm/yr", "",
                                 f"{np.nanmin(values):.1f} to {np.nanmax(values):.1f}".replace("-", "\N{MINUS SIGN}")))  # fmt: skip
        sigma = cells.extra[component].get("consistent_velocity_sigma")
        if sigma is not None:
            figures.append(KeyFigure(f"{name}, median sigma", float(np.nanmedian(sigma)), "mm/yr", "",
                                     "coloured noise, north, and the tie where its sigma is stated"))  # fmt: skip
    return figures


def cell_layer(cells: OrthoCells, title: str, values: Floats) -> PointLayer | RasterLayer:
    """Return cells as a layer: squares of their true size where they can be seen, dots where they cannot."""
    column, row = ((axis // CELL_M).astype(np.int64) for axis in (cells.easting, cells.northing))
    width, height = (int(np.ptp(axis)) + 3 for axis in (column, row))
    if max(width, height) > _VISIBLE_CELLS:
        return PointLayer(title, cells.longitude_deg, cells.latitude_deg, values)
    west, north = int(column.min()) - 1, int(row.max()) + 2
    grid = np.full((height, width), np.nan)
    grid[north - 1 - row, column - west] = values
    edges = (west, west + width, north - height, north)
    return RasterLayer(title, grid, tuple(float(edge * CELL_M) for edge in edges), projected=True)  # type: ignore[arg-type]


def velocity_panel(cells: OrthoCells) -> Figure:
    """Return the maps of East and Up side by side, with one scale of colours."""
    layers = [cell_layer(cells, name, cells.velocity_mm_per_yr[part]) for part, name in COMPONENT_NAMES.items()]
    return panel_of_maps(layers, scale=Scale("mm/yr", "velocity", "positive: to the east, and up"))


def _velocity_caption(cells: OrthoCells) -> str:
    condition = cells.extra["E"]["condition"]
    return f"A mark a cell of 100 m. Median condition number of the cells {np.nanmedian(condition):.2f}."


def add_mode_difference(page: Page, cells: OrthoCells, *, north_removed: bool) -> None:
    """Add tables and maps of ``best`` minus ``official`` with the share of each cause.

    Notes
    -----
    With north left in the lines of sight, ``official`` gives E + s_E N and U + s_U N; s is the sensitivity of a cell
    and N the GNSS field at it. What remains is interpolation in time and weights, which cannot be told apart here.
    """
    rows, layers = [], []
    for component, name in COMPONENT_NAMES.items():
        difference = cells.velocity_mm_per_yr[component] - cells.official_mm_per_yr[component]
        north = cells.extra[component].get("gnss_velocity_n")
        from_north = None
        if north_removed and north is not None:
            from_north = -cells.extra[component]["north_sensitivity"] * north
        rest = difference if from_north is None else difference - from_north
        rows.append([name, _mean(difference), _spread(difference), _mean(from_north), _mean(rest), _spread(rest),
                     float(np.nanmax(np.abs(difference)))])  # fmt: skip
        layers.append(cell_layer(cells, f"{name}: best minus official", difference))
    north_cause = "north, which was stated to be removed already and is none here"
    if north_removed:
        north_cause = "north, removed with the GNSS field N (\N{MINUS SIGN}s N with the sensitivity s of each cell)"
    page.table(
        [Column("component"), Column("mean", "mm/yr"), Column("std", "mm/yr"), Column("of it north", "mm/yr"),
         Column("mean less that", "mm/yr"), Column("std less that", "mm/yr"), Column("largest", "mm/yr")],
        rows,
        caption=f"Best minus official. Causes: {north_cause}; interpolation in time, linear instead of the nearest sample; "
                "weights by the noise of each point instead of one for all.",
    )  # fmt: skip
    page.figure(panel_of_maps(layers, scale=Scale("mm/yr", "difference of velocity", "positive: best is larger")),
                alt="Maps of the difference between the modes in East and Up.",
                caption="A smooth pattern is north; the rest is noise that the two modes weigh differently.")  # fmt: skip


def _mean(values: Floats | None) -> float | None:
    return None if values is None else float(np.nanmean(values))


def _spread(values: Floats) -> float:
    return float(np.nanstd(values))

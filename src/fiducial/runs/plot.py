"""Plots: a map of a column, and the series of chosen points, as PNG."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial.errors import InputError, NumericsError
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.least_squares import weighted_fit
from fiducial.motion.calibration.application import apply
from fiducial.motion.identifiers import decode_points
from fiducial.motion.points import PointBlock
from fiducial.motion.statistics import consistent_velocity
from fiducial.runs.export_area import Area, parse_area
from fiducial.runs.export_plot_raster import caption, frame_map, is_raster, raster_file_map
from fiducial.runs.export_quantities import SIGN, quantity, require_number_column
from fiducial.runs.export_rows import Attributes, frame_text, tracks_of, wanted_attributes
from fiducial.runs.sources import CLUSTER, Source, is_frame_folder, open_source
from fiducial.timescales import egms_years

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fiducial.reports.figures import Series

COHERENT: Final = 0.7
"""Above this temporal coherence EGMS specifies its velocities (EGMS-D6-PDD v3.0: 0.7 mm/yr)."""

FAR_M: Final = 1_000.0
_MOST_SERIES: Final = 7
_NEIGHBOURS: Final = 400
_TITLE_WIDTH: Final = 76
_GEOMETRY: Final = ("longitude", "latitude", "easting", "northing", "los_east", "los_north", "los_up")


@dataclass(frozen=True)
class _Chosen:
    """Points whose series are drawn: their places in the product, and why they were chosen."""

    index: NDArray[np.int64]
    reason: str


def plot(
    path: Path,
    out: Path,
    *,
    column: str = "mean_velocity",
    points: Sequence[str] | None = None,
    at: tuple[float, float] | None = None,
    area: Area | str | None = None,
    calibration: str | None = None,
    limit: float | None = None,
    overwrite: bool = True,
) -> list[Path]:
    """Draw a map and, where there are series, the series of some points.

    Parameters
    ----------
    path : Path
        EGMS file, point product, folder of GeoTIFFs or GeoTIFF.
    out : Path
        Folder, or a name that ends in ``.png`` for the map; the series then stand beside it.
    column : str
        What the map shows.
    points : sequence of str, optional
        Identifiers of the points whose series are drawn, seven at most. By default the fastest coherent one.
    at : tuple of float, optional
        Longitude and latitude in degrees: the series of the nearest point is drawn.
    area : Area or str, optional
        Only points inside; see ``parse_area``.
    calibration : str, optional
        Version to apply: the newest by default, ``none`` for none.
    limit : float, optional
        Ends of the colour bar, in the unit of the column.
    overwrite : bool

    Returns
    -------
    list of Path
        The map, and the series where there are some.

    Raises
    ------
    InputError
        FID-1089 no such column, FID-1091 no such point or too many, FID-1092 no point near, FID-1082 nothing in the
        area, FID-1095 a raster that cannot be drawn, FID-1001, FID-1002.
    """
    named = out.suffix.lower() == ".png"
    folder = out.parent if named else out
    folder.mkdir(parents=True, exist_ok=True)
    if is_raster(path) or is_frame_folder(path):
        figure = raster_file_map(path, limit) if is_raster(path) else frame_map(path, column, limit)
        stem, kind = (path.stem, "raster") if is_raster(path) else (f"{path.resolve().name}_{column}", "map")
        target = out if named else folder / f"{stem}_{kind}.png"
        return [_save(figure, target, overwrite=overwrite)]
    with TemporaryDirectory(prefix=".fiducial-", dir=folder) as work:
        source = open_source(path, Path(work), calibration=calibration)
        require_number_column(source, column)
        chosen_area = parse_area(area) if isinstance(area, str) else area
        shown = _shown(source, chosen_area, column)
        chosen = _choose(source, shown, points, at)
        made = [_save(_map(source, shown, column, chosen, limit), _target(out, source, f"{column}_map", named=named),
                      overwrite=overwrite)]  # fmt: skip
        if chosen is not None:
            target = out.with_name(f"{out.stem}_series.png") if named else _target(out, source, "series", named=False)
            made.append(_save(_series_figure(source, shown, chosen), target, overwrite=overwrite))
    return made


def _target(out: Path, source: Source, kind: str, *, named: bool) -> Path:
    return out if named else out / f"{source.name}_{kind}.png"


def _save(figure: Figure, target: Path, *, overwrite: bool) -> Path:
    from fiducial.reports.style import PRINT_DPI

    with atomic_file(target, overwrite=overwrite) as partial:
        # Tight: the frame of the picture follows long captions and the titles of tall maps.
        figure.savefig(partial, format="png", dpi=PRINT_DPI, bbox_inches="tight", pad_inches=0.12,
                       metadata={"Software": None})  # fmt: skip
    return target


def _shown(source: Source, area: Area | None, column: str) -> Attributes:
    wanted = ["pid", "series_index", column, "mean_velocity", "temporal_coherence", *_GEOMETRY]
    return wanted_attributes(source, area, wanted)


def _choose(
    source: Source, shown: Attributes, points: Sequence[str] | None, at: tuple[float, float] | None
) -> _Chosen | None:
    """Return the points whose series are drawn; None where there are no series."""
    if not source.product.manifest.epochs:
        return None
    if points:
        return _by_identifier(source, shown, points)
    return _fastest(source, shown) if at is None else _nearest(source, shown, at)


def _by_identifier(source: Source, shown: Attributes, points: Sequence[str]) -> _Chosen:
    found = []
    for pid in points:
        where = np.flatnonzero(shown["pid"] == pid.encode())
        if not len(where):
            raise InputError(
                "FID-1091",
                f"there is no point {pid[:40]!r}",
                where=source.name,
                fix="give identifiers of the pid column, or a place with --at",
            )
        found.append(int(where[0]))
    if len(found) > _MOST_SERIES:
        raise InputError(
            "FID-1091",
            f"{len(found)} series in one figure cannot be told apart",
            where=source.name,
            fix=f"give at most {_MOST_SERIES} points",
        )
    return _Chosen(np.array(found), "chosen by identifier")


def _nearest(source: Source, shown: Attributes, at: tuple[float, float]) -> _Chosen:
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True).transform(*at)
    distance = np.hypot(shown["easting"] - east, shown["northing"] - north)
    nearest = int(np.argmin(distance))
    # A place outside the projection is infinitely far away.
    if not distance[nearest] <= FAR_M:
        raise InputError(
            "FID-1092",
            f"no point lies within {FAR_M / 1000:g} km: the nearest is {distance[nearest] / 1000:.1f} km away",
            where=f"{at[0]:g},{at[1]:g} and {source.name}",
            fix="give longitude and latitude in degrees, in this order, of a place among the points",
        )
    return _Chosen(np.array([nearest]), f"{distance[nearest]:.0f} m from {at[0]:.5f}°, {at[1]:.5f}°")


def _fastest(source: Source, shown: Attributes) -> _Chosen | None:
    speed = np.abs(shown["mean_velocity"])
    noun = "cells" if source.product.manifest.level == "L3" else "points"
    reason = f"largest |mean velocity| of {len(speed):,} {noun}"
    coherence = shown.get("temporal_coherence")
    if coherence is not None and (coherence >= COHERENT).any():
        coherent = coherence >= COHERENT
        speed = np.where(coherent, speed, np.nan)
        reason = f"largest |mean velocity| of {coherent.sum():,} {noun} of coherence {COHERENT:g} or more"
    if not np.isfinite(speed).any():
        return None
    return _Chosen(np.array([int(np.nanargmax(speed))]), reason)


def _note(source: Source, shown: Attributes, column: str, chosen: _Chosen | None) -> str:
    """Return what stands under the colour bar: sign, frame, number of points."""
    what = quantity(column)
    component = source.product.manifest.component
    signs = [SIGN[component]] if what.motion else []
    counted = f"{len(shown['pid']):,} {'cells' if source.product.manifest.level == 'L3' else 'points'}"
    facts = [*signs, f"frame: {frame_text(source)}", counted]
    if source.calibration is not None:
        facts.append(f"calibration: {source.calibration.version}")
    if chosen is not None:
        facts.append(f"ring: {'point' if len(chosen.index) == 1 else 'points'} of the series plot")
    return caption(facts)


def _map(source: Source, shown: Attributes, column: str, chosen: _Chosen | None, limit: float | None) -> Figure:
    from fiducial.reports.maps import PointLayer, Scale, panel_of_maps

    what = quantity(column)
    tracks = tracks_of(source)
    scale = Scale(what.unit, quantity=what.text, sign_note=_note(source, shown, column, chosen), limit=limit,
                  symmetric=what.signed)  # fmt: skip
    member_of = decode_points(shown["pid"]).track if len(tracks) > 1 else np.zeros(len(shown["pid"]), dtype=np.int64)
    layers, panels = [], []
    for track in np.unique(member_of):
        own = np.flatnonzero(member_of == track)
        title = f"track {track:03d}" if len(tracks) > 1 else source.name
        layers.append(PointLayer(title, shown["longitude"][own], shown["latitude"][own], shown[column][own],
                                 los=_sight(source, shown, own)))  # fmt: skip
        panels.append(own)
    figure = panel_of_maps(layers, scale=scale, title=source.name if len(layers) > 1 else "")
    if chosen is not None:
        for axes, own in zip(figure.axes, panels, strict=False):
            ringed = chosen.index[np.isin(chosen.index, own)]
            axes.scatter(shown["longitude"][ringed], shown["latitude"][ringed], s=110, facecolors="none",
                         edgecolors="#111111", linewidths=1.6, zorder=8)  # fmt: skip
    return figure


def _sight(source: Source, shown: Attributes, own: NDArray[np.intp]) -> NDArray[np.float64] | None:
    if source.product.manifest.component != "LOS":
        return None
    mean = np.array([np.nanmean(shown[f"los_{axis}"][own]) for axis in ("east", "north", "up")])
    return np.asarray(mean / np.linalg.norm(mean))


def _displacement(source: Source, shown: Attributes, index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return calibrated series of some points, shape (epoch, point), without reading those of all others."""
    rows = shown["series_index"][index]
    series = np.concatenate([source.product.series_mm(int(row), int(row) + 1) for row in rows], axis=1)
    if source.calibration is None:
        return series
    attributes: Attributes = {name: shown[name][index] for name in ("easting", "northing", CLUSTER) if name in shown}
    return apply(PointBlock(attributes, series, source.product.epochs), source.calibration.surface).displacement_mm


def _rates(source: Source, shown: Attributes, series: NDArray[np.float32], index: NDArray[np.int64]) -> list[str]:
    """Return velocities with sigmas that know coloured noise, mm/yr, as text; nothing for series that are too short.

    How much coloured noise there is cannot be told from one series: neighbours in the product help.
    """
    rows = int(shown["series_index"][index[0]])
    start = max(0, rows - _NEIGHBOURS // 2)
    neighbours = source.product.series_mm(start, start + _NEIGHBOURS)
    try:
        fit = consistent_velocity(np.concatenate([series, neighbours], axis=1), source.product.epochs)
    except NumericsError:
        return [""] * len(index)
    pairs = zip(fit.velocity_mm_per_yr[: len(index)], fit.sigma_mm_per_yr[: len(index)], strict=True)
    return [f"{v:+.1f} ± {s:.1f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(v) else "" for v, s in pairs]


def _model(values: NDArray[np.float32], years: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return trend and annual term at every date, fitted to the valid ones; None when they do not determine them."""
    design = np.column_stack([np.ones_like(years), years, np.cos(2 * np.pi * years), np.sin(2 * np.pi * years)])
    observed = values.astype(np.float64)
    try:
        fit = weighted_fit(design, observed, np.isfinite(observed).astype(np.float64))
    except NumericsError:
        return None
    return np.asarray(design @ fit.estimate)


def _series_figure(source: Source, shown: Attributes, chosen: _Chosen) -> Figure:
    from fiducial.reports.figures import Series, series_plot

    series = _displacement(source, shown, chosen.index)
    years = egms_years(source.product.epochs)
    rates = _rates(source, shown, series, chosen.index)
    lines: list[Series] = []
    for number, index in enumerate(chosen.index):
        pid = shown["pid"][index].decode()
        # The legend has room for the velocity of one series only.
        alone = f"  {rates[0]} mm/yr" if len(rates) == 1 and rates[0] else ""
        lines.append(Series(f"{pid}{alone}", series[:, number], model=_model(series[:, number], years)))
    listed = f": {', '.join(rate or 'unknown' for rate in rates)} mm/yr" if len(rates) > 1 else ""
    component = source.product.manifest.component
    reason = textwrap.fill(f"{chosen.reason}{listed}", _TITLE_WIDTH)
    title = f"{source.name}  ·  frame: {frame_text(source)}\n{reason}"
    modelled = any(line.model is not None for line in lines)
    return series_plot(
        source.product.epochs, lines, title=title, unit="mm", sign_note=SIGN[component],
        residuals=modelled and len(lines) == 1,
    )  # fmt: skip

"""Maps of points and grids: colour with unit and sign, scale bar, direction of view, and what is not shown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fiducial.errors import RunError
from fiducial.reports.map_furniture import (
    Bounds,
    Canvas,
    draw_direction,
    draw_scale_bar,
    label_axes,
    map_width_m,
    name_stations,
    write_direction,
)
from fiducial.reports.style import (
    INK,
    NO_DATA,
    SOFT_INK,
    Floats,
    diverging_colours,
    fit_height,
    left_title,
    new_figure,
    nice_ceiling,
    require_finite,
    sequential_colours,
    vector,
)

ABSENCE_NOTE: Final = "Grey is no data: no point is not no motion."
MAXIMUM_POINTS: Final = 60_000

_MAP_WIDTH_IN: Final = 8.0


@dataclass(frozen=True)
class Stations:
    """Stations drawn in the colours of the map; a NaN value is drawn hollow.

    Attributes
    ----------
    longitude_deg, latitude_deg, value : array_like, shape (station,)
    names : sequence of str
        Drawn where there is room; empty for none.
    """

    longitude_deg: ArrayLike
    latitude_deg: ArrayLike
    value: ArrayLike
    names: Sequence[str] = ()


@dataclass(frozen=True)
class PointLayer:
    """Points of one map.

    Attributes
    ----------
    title : str
    longitude_deg, latitude_deg : array_like, shape (point,)
        Degrees, ETRS89 or WGS84.
    value : array_like, shape (point,)
        In the unit of the map; NaN is not drawn.
    los : array_like, shape (3,), optional
        Mean unit vector ground to satellite, east, north, up; draws heading and look direction.
    stations : Stations, optional
    """

    title: str
    longitude_deg: ArrayLike
    latitude_deg: ArrayLike
    value: ArrayLike
    los: ArrayLike | None = None
    stations: Stations | None = None


@dataclass(frozen=True)
class RasterLayer:
    """A grid of one map.

    Attributes
    ----------
    title : str
    grid : array_like, shape (row, column)
        First row in the north; NaN is not drawn.
    bounds : tuple of float
        West, east, south, north of the outer edges, in degrees or in metres.
    projected : bool
        True when the bounds are metres of a map projection (axes in km), False for degrees.
    los, stations
        As in :class:`PointLayer`; stations only on geographic grids.
    """

    title: str
    grid: ArrayLike
    bounds: Bounds
    projected: bool = False
    los: ArrayLike | None = None
    stations: Stations | None = None


@dataclass(frozen=True)
class Scale:
    """How values become colours.

    Attributes
    ----------
    unit : str
    quantity : str
        Name in front of the unit.
    sign_note : str
        What positive and negative mean; stands under the colour bar.
    limit : float, optional
        Ends of the colour bar; by default the 98th percentile of |value|, rounded up.
    symmetric : bool
        True: diverging about zero. False: from the 2nd to the 98th percentile in one hue.
    """

    unit: str
    quantity: str = "velocity"
    sign_note: str = ""
    limit: float | None = None
    symmetric: bool = True

    def colours(self, values: Floats) -> tuple[Colormap, Normalize, Literal["neither", "both", "min", "max"]]:
        """Return colour map, range, and which ends of the bar values exceed."""
        finite = values[np.isfinite(values)]
        if self.symmetric:
            top = self.limit or nice_ceiling(float(np.percentile(np.abs(finite), 98.0)))
            colours, bottom = diverging_colours(), -top
        else:
            bottom, top = np.percentile(finite, [2.0, 98.0]).tolist()
            colours, top = sequential_colours(), self.limit or (top if top > bottom else bottom + 1.0)
        below, above = bool((finite < bottom).any()), bool((finite > top).any())
        extend: Literal["neither", "both", "min", "max"] = (
            "both" if below and above else "min" if below else "max" if above else "neither"
        )
        return colours, Normalize(bottom, top), extend


def velocity_map(
    longitude_deg: ArrayLike,
    latitude_deg: ArrayLike,
    value: ArrayLike,
    *,
    title: str,
    unit: str,
    sign_note: str,
    quantity: str = "velocity",
    los: ArrayLike | None = None,
    limit: float | None = None,
    symmetric: bool = True,
    stations: Stations | None = None,
    maximum_points: int = MAXIMUM_POINTS,
) -> Figure:
    """Draw points coloured by a value.

    Parameters
    ----------
    longitude_deg, latitude_deg, value : array_like, shape (point,)
        Degrees, and ``unit``; NaN is left out and counted in the note under the map.
    title, unit, sign_note, quantity, limit, symmetric
        See :class:`PointLayer` and :class:`Scale`.
    los : array_like, shape (3,), optional
        Mean unit vector ground to satellite (east, north, up) for the small direction sign.
    stations : Stations, optional
    maximum_points : int
        More points are thinned at random with a fixed seed; the note under the map says so.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when the arrays do not fit each other, FID-5011 when no value is finite.
    """
    layer = PointLayer(title, longitude_deg, latitude_deg, value, los=los, stations=stations)
    scale = Scale(unit, quantity=quantity, sign_note=sign_note, limit=limit, symmetric=symmetric)
    return panel_of_maps([layer], scale=scale, maximum_points=maximum_points)


def raster_map(
    grid: ArrayLike,
    bounds: Bounds,
    *,
    title: str,
    unit: str,
    sign_note: str,
    quantity: str = "velocity",
    projected: bool = False,
    los: ArrayLike | None = None,
    limit: float | None = None,
    symmetric: bool = True,
    stations: Stations | None = None,
) -> Figure:
    """Draw a grid coloured by its values; parameters as in :class:`RasterLayer` and :class:`Scale`.

    Raises
    ------
    RunError
        FID-5010 when the grid is not two-dimensional or its bounds are not increasing, FID-5011 when no value
        is finite.
    """
    layer = RasterLayer(title, grid, bounds, projected=projected, los=los, stations=stations)
    scale = Scale(unit, quantity=quantity, sign_note=sign_note, limit=limit, symmetric=symmetric)
    return panel_of_maps([layer], scale=scale)


def panel_of_maps(
    layers: Sequence[PointLayer | RasterLayer],
    *,
    scale: Scale,
    columns: int = 2,
    title: str = "",
    maximum_points: int = MAXIMUM_POINTS,
) -> Figure:
    """Draw small multiples that share one colour scale.

    Parameters
    ----------
    layers : sequence of PointLayer or RasterLayer
        One map each, in reading order.
    scale : Scale
        Its range is taken from the values of all layers.
    columns : int
    title : str
        Over the whole panel.
    maximum_points : int
        Of each map.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when arrays do not fit each other or there is no layer, FID-5011 when no value is finite.
    """
    if not layers:
        raise RunError("FID-5010", "a panel needs at least one map", where="layers", fix="pass one layer or more")
    columns = min(columns, len(layers))
    rows = -(-len(layers) // columns)
    values = np.concatenate([_layer_values(layer) for layer in layers])
    require_finite("value", values)
    colours, norm, extend = scale.colours(values)

    width_in = _MAP_WIDTH_IN if columns == 1 else 10.0
    aspect = max(_height_over_width(layer) for layer in layers)
    map_height_in = (width_in - 0.7 * columns) / columns * aspect
    figure = new_figure(width_in, min(rows * (map_height_in + 0.6) + 1.5, 14.0), layout="compressed")
    grid = figure.subplots(rows, columns, squeeze=False)
    canvases = [_draw_layer(axes, layer, colours, norm, maximum_points)
                for axes, layer in zip(grid.flat, layers, strict=False)]  # fmt: skip
    for axes in grid.flat[len(layers) :]:
        axes.set_visible(False)

    bar = figure.colorbar(ScalarMappable(norm, colours), ax=grid, location="bottom", extend=extend,
                          shrink=0.62, aspect=38, pad=0.02, panchor=False)  # fmt: skip
    bar.ax.tick_params(labelsize=8.5, colors=INK)
    label = f"{scale.quantity} ({scale.unit})" + (f"\n{scale.sign_note}" if scale.sign_note else "")
    bar.set_label(label, fontsize=9.5, color=INK)
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=12.5, fontweight="bold", color=INK)
    notes = list(dict.fromkeys(note for canvas in canvases for note in canvas.notes))
    text = textwrap.fill(" ".join([*notes, ABSENCE_NOTE]), int(width_in * 15))
    figure.supxlabel(text, x=0.02, ha="left", fontsize=8.0, color=SOFT_INK)
    fit_height(figure)
    _furnish(figure, canvases, layers)
    return figure


def _furnish(figure: Figure, canvases: list[Canvas], layers: Sequence[PointLayer | RasterLayer]) -> None:
    """Place signs and names; only now, because their room depends on the final layout."""
    figure.draw_without_rendering()
    # Frozen: a second pass of the layout would move the axes under the furniture by fractions of a pixel.
    figure.set_layout_engine("none")
    for canvas, layer in zip(canvases, layers, strict=True):
        taken: list[str] = []
        if layer.los is not None:
            draw_direction(canvas, vector("los", layer.los, 3), taken)
        draw_scale_bar(canvas, taken)
        if layer.stations is not None and len(layer.stations.names):
            stations = layer.stations
            name_stations(canvas, vector("longitude_deg", stations.longitude_deg),
                          vector("latitude_deg", stations.latitude_deg), stations.names)  # fmt: skip


def _draw_layer(
    axes: Axes, layer: PointLayer | RasterLayer, colours: Colormap, norm: Normalize, maximum_points: int
) -> Canvas:
    bounds = _layer_bounds(layer)
    canvas = Canvas(axes, bounds, projected=_is_projected(layer))
    axes.set_facecolor(NO_DATA)
    axes.set_anchor("N")  # maps of one row begin at the same height
    if isinstance(layer, PointLayer):
        _draw_points(canvas, layer, colours, norm, maximum_points)
    else:
        grid = np.asarray(layer.grid, dtype=np.float64)
        axes.imshow(grid, extent=bounds, origin="upper", interpolation="nearest", cmap=colours, norm=norm)
        row = (np.arange(100) + 0.5) * grid.shape[0] // 100
        column = (np.arange(100) + 0.5) * grid.shape[1] // 100
        canvas.occupied += np.isfinite(grid)[np.ix_(row.astype(int)[::-1], column.astype(int))]
    if layer.stations is not None:
        _draw_stations(canvas, layer.stations, colours, norm)
    label_axes(canvas)
    left_title(axes, layer.title, pad=6.0 if layer.los is None else 17.0)
    if layer.los is not None:
        write_direction(canvas, vector("los", layer.los, 3))
    return canvas


def _mark_occupied(canvas: Canvas, x: Floats, y: Floats, weight: float = 1.0) -> None:
    west, east, south, north = canvas.bounds
    count, _, _ = np.histogram2d(y, x, bins=100, range=[[south, north], [west, east]])
    canvas.occupied += weight * (count > 0)


def _draw_points(canvas: Canvas, layer: PointLayer, colours: Colormap, norm: Normalize, maximum_points: int) -> None:
    value = vector("value", layer.value)
    longitude, latitude = vector("longitude_deg", layer.longitude_deg), vector("latitude_deg", layer.latitude_deg)
    known = np.flatnonzero(np.isfinite(value) & np.isfinite(longitude) & np.isfinite(latitude))
    # A fixed random order: neither early nor large values always lie on top.
    drawn = np.random.default_rng(0).permutation(known)[:maximum_points]
    if drawn.size < known.size:
        canvas.notes.append(f"{drawn.size:,} of {known.size:,} points drawn (random choice, fixed seed).")
    if known.size < value.size:
        canvas.notes.append(f"{value.size - known.size:,} points without a value left out.")
    width_points, height_points = canvas.size_points()
    area = np.clip(0.30 * width_points * height_points / drawn.size, 1.6, 42.0)
    canvas.axes.scatter(longitude[drawn], latitude[drawn], c=value[drawn], s=area, cmap=colours, norm=norm,
                        linewidths=0, rasterized=True)  # fmt: skip
    _mark_occupied(canvas, longitude[drawn], latitude[drawn])


def _draw_stations(canvas: Canvas, stations: Stations, colours: Colormap, norm: Normalize) -> None:
    value = vector("station value", stations.value)
    longitude = vector("station longitude_deg", stations.longitude_deg, value.size)
    latitude = vector("station latitude_deg", stations.latitude_deg, value.size)
    west, east, south, north = canvas.bounds
    inside = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    known, hollow = inside & np.isfinite(value), inside & ~np.isfinite(value)
    canvas.axes.scatter(longitude[known], latitude[known], c=value[known], s=58, marker="^", cmap=colours, norm=norm,
                        edgecolors=INK, linewidths=1.1, zorder=5.5, clip_on=False)  # fmt: skip
    canvas.axes.scatter(longitude[hollow], latitude[hollow], s=58, marker="^", facecolors="none",
                        edgecolors=INK, linewidths=1.1, zorder=5.5, clip_on=False)  # fmt: skip
    canvas.notes.append(f"Triangles are GNSS stations in the same colours{' (hollow: no value)' * bool(hollow.any())}.")
    _mark_occupied(canvas, longitude, latitude, weight=1_000.0)


def _layer_values(layer: PointLayer | RasterLayer) -> Floats:
    if isinstance(layer, PointLayer):
        return vector("value", layer.value)
    grid = np.asarray(layer.grid, dtype=np.float64)
    west, east, south, north = layer.bounds
    if grid.ndim != 2 or not (east > west and north > south):
        raise RunError("FID-5010", f"a grid of shape {grid.shape} with bounds {layer.bounds} cannot be drawn",
                       where=layer.title, fix="pass (row, column) and west < east, south < north")  # fmt: skip
    return grid.ravel()


def _layer_bounds(layer: PointLayer | RasterLayer) -> Bounds:
    if isinstance(layer, RasterLayer):
        return layer.bounds
    value = vector("value", layer.value)
    longitude = vector("longitude_deg", layer.longitude_deg, value.size)
    latitude = vector("latitude_deg", layer.latitude_deg, value.size)
    drawn = np.isfinite(value) & np.isfinite(longitude) & np.isfinite(latitude)
    require_finite(layer.title, np.where(drawn, value, np.nan))
    margin_lon = 0.04 * max(np.ptp(longitude[drawn]), 1e-3)
    margin_lat = 0.04 * max(np.ptp(latitude[drawn]), 1e-3)
    return (float(longitude[drawn].min() - margin_lon), float(longitude[drawn].max() + margin_lon),
            float(latitude[drawn].min() - margin_lat), float(latitude[drawn].max() + margin_lat))  # fmt: skip


def _is_projected(layer: PointLayer | RasterLayer) -> bool:
    return isinstance(layer, RasterLayer) and layer.projected


def _height_over_width(layer: PointLayer | RasterLayer) -> float:
    west, east, south, north = bounds = _layer_bounds(layer)
    if _is_projected(layer):
        return float(np.clip((north - south) / (east - west), 0.15, 2.5))
    height_m = (north - south) * 111_132.0  # metres a degree of latitude, near enough for a page layout
    return float(np.clip(height_m / map_width_m(bounds, projected=False), 0.15, 2.5))

"""What stands on a map beside the data: scale bar, direction of view, station names, graticule labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox
from pyproj import Geod

from fiducial.reports.style import INK, SOFT_INK, Floats, dress

Bounds = tuple[float, float, float, float]
"""West, east, south, north."""

_ELLIPSOID: Final = Geod(ellps="GRS80")
_RASTER: Final = 100
_POINTS_PER_INCH: Final = 72.0


@dataclass
class Canvas:
    """Axes with a raster of what is drawn on them, to find free room for the furniture.

    Attributes
    ----------
    axes : Axes
    bounds : tuple of float
    projected : bool
        Metres of a projection instead of degrees.
    occupied : ndarray of float64, shape (100, 100)
        How much it would harm to cover this part of the map; first row in the south.
    notes : list of str
        Sentences for the foot of the figure.
    boxes : list of Bbox
        Room already taken by furniture, in pixels.
    """

    axes: Axes
    bounds: Bounds
    projected: bool
    occupied: Floats = field(default_factory=lambda: np.zeros((100, 100)))
    notes: list[str] = field(default_factory=list)
    boxes: list[Bbox] = field(default_factory=list)

    def size_points(self) -> tuple[float, float]:
        """Return width and height of the axes in typographic points."""
        extent = self.axes.get_window_extent()
        dots_per_point = self.axes.figure.dpi / _POINTS_PER_INCH
        return extent.width / dots_per_point, extent.height / dots_per_point

    def free_corner(self, width: float, height: float, taken: Sequence[str]) -> str:
        """Return the corner, such as ``lower left``, in which the least is drawn; sizes as shares of the axes."""
        rows, columns = max(1, int(_RASTER * height)), max(1, int(_RASTER * width))
        share = {
            f"{vertical} {side}": float(self.occupied[row, column].mean())
            for vertical, row in (("lower", slice(0, rows)), ("upper", slice(_RASTER - rows, _RASTER)))
            for side, column in (("left", slice(0, columns)), ("right", slice(_RASTER - columns, _RASTER)))
            if f"{vertical} {side}" not in taken
        }
        return min(share, key=lambda corner: (round(share[corner], 3), corner))

    def add_box(self, width_points: float, height_points: float, taken: list[str]) -> tuple[float, float]:
        """Draw a light box in the freest corner and return its middle in points from the lower left of the axes."""
        axes_width, axes_height = self.size_points()
        corner = self.free_corner(width_points / axes_width, height_points / axes_height, taken)
        taken.append(corner)
        margin = 5.0
        left = margin if corner.endswith("left") else axes_width - width_points - margin
        bottom = margin if corner.startswith("lower") else axes_height - height_points - margin
        patch = FancyBboxPatch(
            (left / axes_width, bottom / axes_height), width_points / axes_width, height_points / axes_height,
            boxstyle="square,pad=0", transform=self.axes.transAxes, facecolor="white", alpha=0.86,
            edgecolor="none", zorder=5,
        )  # fmt: skip
        self.axes.add_patch(patch)
        corners = self.axes.transAxes.transform([(left / axes_width, bottom / axes_height),
                                                 ((left + width_points) / axes_width,
                                                  (bottom + height_points) / axes_height)])  # fmt: skip
        self.boxes.append(Bbox(corners))
        return left + width_points / 2, bottom + height_points / 2


def label_axes(canvas: Canvas) -> None:
    """Set limits, true proportions and labelled ticks."""
    axes = canvas.axes
    west, east, south, north = canvas.bounds
    axes.set(xlim=(west, east), ylim=(south, north))
    dress(axes, grid=False)
    axes.set_aspect("equal" if canvas.projected else 1.0 / np.cos(np.deg2rad((south + north) / 2)))
    sides = ((axes.xaxis, west, east, "Easting (km)", "E", "W"), (axes.yaxis, south, north, "Northing (km)", "N", "S"))
    for axis, low, high, name, positive, negative in sides:
        locator = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10])
        axis.set_major_locator(locator)
        if canvas.projected:
            axis.set_major_formatter(FuncFormatter(lambda metres, _: f"{metres / 1e3:g}"))
            axis.set_label_text(name)
        else:
            ticks = np.round(locator.tick_values(low, high), 6)
            decimals = max(len(f"{tick:g}".partition(".")[2]) for tick in ticks)
            axis.set_major_formatter(FuncFormatter(_degrees(positive, negative, decimals)))


def _degrees(positive: str, negative: str, decimals: int) -> Callable[[float, int | None], str]:
    def label(value: float, _: int | None = None) -> str:
        letter = positive if value > 0 else negative if value < 0 else ""
        return f"{abs(value):.{decimals}f}°{letter}"

    return label


def map_width_m(bounds: Bounds, *, projected: bool) -> float:
    """Return the distance across the middle of the map, in metres (geodesic on GRS80 for degrees)."""
    west, east, south, north = bounds
    if projected:
        return east - west
    middle = (south + north) / 2
    # In two halves, because a geodesic between far meridians leaves the parallel.
    return float(2 * _ELLIPSOID.inv(west, middle, (west + east) / 2, middle)[2])


def draw_scale_bar(canvas: Canvas, taken: list[str]) -> None:
    """Draw a bar of 1, 2 or 5 times a power of ten, about a fifth of the map wide."""
    width_m = map_width_m(canvas.bounds, projected=canvas.projected)
    power = 10.0 ** np.floor(np.log10(0.25 * width_m))
    length_m = float(max(step for step in (1.0, 2.0, 5.0) if step * power <= 0.25 * width_m) * power)
    axes_width, _ = canvas.size_points()
    length_points = length_m / width_m * axes_width
    middle_x, middle_y = canvas.add_box(length_points + 20, 26, taken)
    text = f"{length_m / 1e3:g} km" if length_m >= 1e3 else f"{length_m:g} m"
    start, end = middle_x - length_points / 2, middle_x + length_points / 2
    for tail, head in (((start, -7), (end, -7)), ((start, -9.5), (start, -4.5)), ((end, -9.5), (end, -4.5))):
        canvas.axes.annotate(
            "", (head[0], middle_y + head[1]), (tail[0], middle_y + tail[1]), xycoords="axes points",
            textcoords="axes points", zorder=6,
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    canvas.axes.annotate(text, (middle_x, middle_y + 4), xycoords="axes points", ha="center", va="center",
                         fontsize=8.5, color=INK, zorder=6)  # fmt: skip


def look_geometry_deg(line_of_sight: Floats) -> tuple[float, float]:
    """Return heading (clockwise from north) and incidence of a right-looking radar, degrees.

    Notes
    -----
    Inverse of (-sin i cos a, sin i sin a, cos i), see ``geodesy.line_of_sight.from_angles``.

    Examples
    --------
    >>> heading, incidence = look_geometry_deg(np.array([0.594, -0.120, 0.795]))
    >>> round(heading, 1), round(incidence, 1)
    (191.4, 37.3)
    """
    east, north, up = (float(component) for component in line_of_sight)
    return float(np.rad2deg(np.arctan2(north, -east)) % 360.0), float(np.rad2deg(np.arctan2(np.hypot(east, north), up)))


def write_direction(canvas: Canvas, line_of_sight: Floats) -> None:
    """Write heading, look direction and incidence between title and map."""
    heading_deg, incidence_deg = look_geometry_deg(line_of_sight)
    text = f"heading {heading_deg:.0f}°, looks towards {(heading_deg + 90) % 360:.0f}°, incidence {incidence_deg:.0f}°"
    canvas.axes.annotate(text, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points",
                         ha="left", va="bottom", fontsize=8.0, color=SOFT_INK)  # fmt: skip


def draw_direction(canvas: Canvas, line_of_sight: Floats, taken: list[str]) -> None:
    """Draw flight direction (dark) and look direction (blue) of the radar."""
    heading = np.deg2rad(look_geometry_deg(line_of_sight)[0])
    flight = np.array([np.sin(heading), np.cos(heading)])
    look = np.array([flight[1], -flight[0]])
    # The look arrow leaves to one side; shifting the pair the other way keeps it in the middle of the box.
    centre = np.array(canvas.add_box(42, 40, taken)) - 9 * look
    for tail, head, colour in ((centre - 15 * flight, centre + 15 * flight, INK),
                               (centre, centre + 21 * look, "#0072B2")):  # fmt: skip
        canvas.axes.annotate(
            "", tuple(head), tuple(tail), xycoords="axes points", textcoords="axes points", zorder=6,
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0,
                        "mutation_scale": 8},
        )  # fmt: skip


def name_stations(canvas: Canvas, longitude_deg: Floats, latitude_deg: Floats, names: Sequence[str]) -> int:
    """Write names beside their stations where they meet nothing else; return how many found room."""
    axes = canvas.axes
    pixels = axes.transData.transform(np.column_stack([longitude_deg, latitude_deg]))
    taken = canvas.boxes + [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in pixels]
    frame = axes.get_window_extent()
    named = 0
    for position, name in zip(zip(longitude_deg, latitude_deg, strict=True), names, strict=True):
        for offset, across, along in (((5, 4), "left", "bottom"), ((-5, 4), "right", "bottom"),
                                      ((5, -4), "left", "top"), ((-5, -4), "right", "top")):  # fmt: skip
            text = axes.annotate(
                name, position, offset, textcoords="offset points", ha=across, va=along, fontsize=7.0, color=INK,
                zorder=7, path_effects=[withStroke(linewidth=2.2, foreground="white")],
            )  # fmt: skip
            box = text.get_window_extent()
            inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
            if inside and box.count_overlaps(taken) == 0:
                taken.append(box)
                named += 1
                break
            text.remove()
    return named

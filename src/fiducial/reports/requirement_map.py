"""Maps of the level of a requirement that a network reaches."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from fiducial.errors import RunError
from fiducial.reports.style import INK, NO_DATA, SOFT_INK, fit_height, left_title, new_figure, nice_ceiling

OUTSIDE: Final = -2
"""Code of what is not in the area; beside 3 goal, 2 breakthrough, 1 threshold, 0 below, -1 unknown."""
LABELS: Final = {3: "goal", 2: "breakthrough", 1: "threshold", 0: "below threshold", -1: "unknown"}

# Blue for reached, darker is better; orange for not reached: apart for colour-blind readers, and in grey.
_COLOURS: Final = {-2: "#ffffff", -1: NO_DATA, 0: "#e08a4f", 1: "#cfe3f1", 2: "#6aaed6", 3: "#0b4f8a"}
_WIDTH_IN: Final = 10.0
_MANY_STATIONS: Final = 1000


@dataclass(frozen=True, eq=False)
class LevelPanel:
    """One map.

    Attributes
    ----------
    title : str
    codes : ndarray of int8, shape (row, column)
        Row 0 is the northernmost.
    note : str
        Under the title: the limits and the shares.
    """

    title: str
    codes: NDArray[np.int8]
    note: str


def level_maps(
    panels: Sequence[LevelPanel],
    bounds_m: tuple[float, float, float, float],
    *,
    title: str,
    coast_m: NDArray[np.float64] | None = None,
    stations_m: NDArray[np.float64] | None = None,
    note: str = "",
) -> Figure:
    """Draw small multiples of levels on one equal-area grid.

    Parameters
    ----------
    panels : sequence of LevelPanel
    bounds_m : tuple of float
        West, east, south, north of the grid in its projection.
    title : str
    coast_m : ndarray, shape (vertex, 2), optional
        The coast in the projection; NaN breaks the line.
    stations_m : ndarray, shape (station, 2), optional
    note : str
        Under the maps.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when there is no panel.
    """
    if not panels:
        raise RunError("FID-5010", "a panel needs at least one map", where="panels", fix="pass one panel or more")
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    aspect = (bounds_m[3] - bounds_m[2]) / (bounds_m[1] - bounds_m[0])
    height = min(rows * ((_WIDTH_IN - 1.0) / columns * aspect + 0.7) + 1.2, 15.0)
    figure = new_figure(_WIDTH_IN, height, layout="compressed")
    grid = figure.subplots(rows, columns, squeeze=False)
    for number, axes in enumerate(grid.flat):
        if number < len(panels):
            _draw(axes, panels[number], bounds_m, coast_m, stations_m)
        else:
            axes.set_visible(False)
    _scale_bar(grid.flat[0], bounds_m)
    handles = [Patch(facecolor=_COLOURS[code], edgecolor=SOFT_INK, linewidth=0.5, label=label)
               for code, label in LABELS.items()]  # fmt: skip
    # The note is the legend's title: as a label of its own it would lie under the legend.
    legend = figure.legend(
        handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, fontsize=9.0, alignment="left",
        title=textwrap.fill(note, 140), title_fontsize=8.0,
    )  # fmt: skip
    legend.get_title().set_color(SOFT_INK)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12.5, fontweight="bold", color=INK)
    fit_height(figure)
    return figure


def _draw(
    axes: Axes,
    panel: LevelPanel,
    bounds_m: tuple[float, float, float, float],
    coast_m: NDArray[np.float64] | None,
    stations_m: NDArray[np.float64] | None,
) -> None:
    colours = ListedColormap(list(_COLOURS.values()))
    axes.imshow(panel.codes, extent=bounds_m, origin="upper", interpolation="nearest", cmap=colours,
                norm=BoundaryNorm(np.arange(-2.5, 4.0), len(_COLOURS)))  # fmt: skip
    if coast_m is not None:
        axes.plot(coast_m[:, 0], coast_m[:, 1], color=SOFT_INK, linewidth=0.4)
    if stations_m is not None and len(stations_m):
        size = 0.5 if len(stations_m) > _MANY_STATIONS else 4.0
        axes.scatter(stations_m[:, 0], stations_m[:, 1], s=size, color="black", linewidths=0, alpha=0.6)
    axes.set(xlim=bounds_m[:2], ylim=bounds_m[2:], xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=SOFT_INK, linewidth=0.8)
    left_title(axes, panel.title, pad=18.0)
    axes.annotate(panel.note, (0.0, 1.0), xytext=(0, 5), xycoords="axes fraction", textcoords="offset points",
                  fontsize=8.0, color=SOFT_INK)  # fmt: skip


def _scale_bar(axes: Axes, bounds_m: tuple[float, float, float, float]) -> None:
    west, east, south, north = bounds_m
    length = nice_ceiling((east - west) / 8.0)
    x, y = west + 0.03 * (east - west), south + 0.04 * (north - south)
    axes.plot([x, x + length], [y, y], color=INK, linewidth=2.0, solid_capstyle="butt")
    axes.annotate(f"{length / 1e3:g} km", (x + length / 2, y), xytext=(0, 3), textcoords="offset points", ha="center",
                  fontsize=8.0, color=INK)  # fmt: skip

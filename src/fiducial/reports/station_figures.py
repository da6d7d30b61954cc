"""Figures of station series: positions, model and residuals; before and after a common mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import RunError
from fiducial.reports.style import (
    INK,
    LINE_COLOURS,
    Floats,
    dress,
    left_title,
    new_figure,
    require_finite,
    vector,
)

POINTS: Final = "#7fa8c9"
"""Light, so that the model on top is seen whether or not its hue is."""
MODEL: Final = LINE_COLOURS[1]
REJECTED: Final = "#8a8f98"
_COMPONENTS: Final = 3
_DATED_STEPS: Final = 12


class StepMark(NamedTuple):
    """A step to draw: its epoch, and whether a list names it or the detection found it."""

    epoch: np.datetime64
    found: bool = False


class Curve(NamedTuple):
    """A modelled curve on dates of its own, shape (date,)."""

    dates: ArrayLike
    values: ArrayLike


def trajectory_figure(
    epochs: ArrayLike,
    values: ArrayLike,
    *,
    title: str,
    subtitle: str,
    quantity: str,
    time_scale: str,
    rejected: ArrayLike | None = None,
    model: Curve | None = None,
    residuals: ArrayLike | None = None,
    steps: Sequence[StepMark] = (),
) -> Figure:
    """Draw one component of a station: positions, the model on top of them, steps with their dates, residuals below.

    Parameters
    ----------
    epochs : array_like of datetime64, shape (epoch,)
    values : array_like, shape (epoch,)
        mm; NaN leaves a gap.
    title, subtitle : str
        Station, component, frame; velocities with their sigmas.
    quantity, time_scale : str
        For the axes.
    rejected : array_like of bool, shape (epoch,), optional
        Positions that the estimate leaves out; drawn as crosses.
    model : Curve, optional
    residuals : array_like, shape (epoch,), optional
        Observed minus modelled, mm; adds a panel.
    steps : sequence of StepMark

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when arrays do not have one value an epoch, FID-5011 when no value is finite.
    """
    dates = np.asarray(epochs, dtype="datetime64[ns]")
    shown = vector("positions", values, dates.size)
    require_finite("positions", shown)
    left_out = np.zeros(dates.size, dtype=bool) if rejected is None else np.asarray(rejected, dtype=bool)
    if left_out.shape != dates.shape:
        raise RunError("FID-5010", "a figure needs one mark of rejection an epoch", where=title, fix="pass (epoch,)")
    figure = new_figure(8.6, 5.8 if residuals is not None else 4.2)
    panels = figure.subplots(1 if residuals is None else 2, 1, sharex=True, squeeze=False,
                             height_ratios=[1] if residuals is None else [3, 1.25])[:, 0]  # fmt: skip
    top = panels[0]
    top.plot(dates, np.where(left_out, np.nan, shown), linestyle="none", marker="o", markersize=2.2, markeredgewidth=0,
             color=POINTS, label="position", zorder=2, rasterized=True)  # fmt: skip
    if left_out.any():
        top.plot(dates, np.where(left_out, shown, np.nan), linestyle="none", marker="x", markersize=4.0, color=REJECTED,
                 markeredgewidth=0.9, label="left out", zorder=2)  # fmt: skip
    if model is not None:
        drawn = np.asarray(model.dates, dtype="datetime64[ns]")
        curve = vector("model", model.values, drawn.size)
        # A white edge keeps the line apart from the points in a grey copy as well.
        top.plot(drawn, curve, color="white", linewidth=3.4, zorder=4)
        top.plot(drawn, curve, color=MODEL, linewidth=1.7, label="model", zorder=5)
    if left_out.any():
        _scale(top, shown[~left_out & np.isfinite(shown)])
    if residuals is not None:
        rest = vector("residuals", residuals, dates.size)
        panels[1].plot(dates, np.where(left_out, np.nan, rest), linestyle="none", marker="o", markersize=2.0,
                       markeredgewidth=0, color=POINTS, zorder=2, rasterized=True)  # fmt: skip
        panels[1].axhline(0.0, color=MODEL, linewidth=1.2, zorder=5)
        panels[1].set_ylabel("observed less\nmodel (mm)")
    _draw_steps(panels, dates, steps)
    top.set_ylabel(f"{quantity} (mm)")
    left_title(top, title, pad=38.0)
    top.annotate(subtitle, (0, 1), (0, 22), xycoords="axes fraction", textcoords="offset points", ha="left", va="bottom",
                 fontsize=9.0, color=INK)  # fmt: skip
    top.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncols=5, frameon=False, fontsize=8.5, labelcolor=INK,
               handlelength=1.6, columnspacing=1.4, borderaxespad=0.2, markerscale=2.0)  # fmt: skip
    _date_axis(panels, time_scale)
    return figure


def _scale(axes: Axes, used: Floats) -> None:
    """Outliers that were left out may not squeeze what was used."""
    if used.size:
        low, high = float(used.min()), float(used.max())
        margin = 0.08 * max(high - low, 1e-3)
        axes.set_ylim(low - margin, high + margin)


def _draw_steps(panels: NDArray[Any], dates: NDArray[np.datetime64], steps: Sequence[StepMark]) -> None:
    inside = [step for step in steps if dates.min() <= step.epoch <= dates.max()]
    known = dict.fromkeys((False, True), True)
    for number, step in enumerate(inside):
        style = "-." if step.found else ":"
        for axes in panels:
            axes.axvline(step.epoch, color=INK, linewidth=0.9, linestyle=style, zorder=3)
        panels[0].lines[-1].set_label(("step found" if step.found else "known step") if known[step.found] else None)
        known[step.found] = False
        if number < _DATED_STEPS:
            panels[0].annotate(
                str(step.epoch.astype("datetime64[D]")), (step.epoch, 0.98), (2, 0), rotation=90, fontsize=7.5, color=INK,
                xycoords=("data", "axes fraction"), textcoords="offset points", ha="left", va="top", zorder=6,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip


def common_mode_figure(
    epochs: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    *,
    title: str,
    texts: Sequence[tuple[str, str]],
    note: str,
    time_scale: str,
) -> Figure:
    """Draw the detrended series of a station before (left) and after (right) its common mode is removed.

    Parameters
    ----------
    epochs : array_like of datetime64, shape (epoch,)
    before, after : array_like, shape (epoch, 3)
        East, north, up, mm; NaN leaves a gap.
    title : str
    texts : sequence of (str, str), length 3
        Over the panels before and after.
    note : str
        What the figure may be used for; stands under the title.
    time_scale : str

    Raises
    ------
    RunError
        FID-5010 when arrays do not have one row an epoch, FID-5011 when no value is finite.
    """
    dates = np.asarray(epochs, dtype="datetime64[ns]")
    sets = [np.asarray(one, dtype=np.float64) for one in (before, after)]
    if any(one.shape != (dates.size, _COMPONENTS) for one in sets) or len(texts) != _COMPONENTS:
        raise RunError("FID-5010", "a figure of a common mode needs rows (epoch, 3) before and after", where=title,
                       fix="pass east, north and up at the same epochs")  # fmt: skip
    require_finite("series", sets[0])
    figure = new_figure(10.4, 6.6)
    grid = figure.subplots(_COMPONENTS, 2, sharex=True, sharey="row", squeeze=False)
    for number, row in enumerate(grid):
        known = sets[0][np.isfinite(sets[0][:, number]), number]
        low, high = (float(value) for value in np.percentile(known, [0.1, 99.9]))
        margin = 0.25 * max(high - low, 1e-3)
        for axes, values, text, colour in zip(row, sets, texts[number], (POINTS, MODEL), strict=True):
            axes.plot(dates, values[:, number], linestyle="none", marker="o", markersize=1.9, markeredgewidth=0,
                      color=colour, rasterized=True)  # fmt: skip
            outside = int(((values[:, number] < low - margin) | (values[:, number] > high + margin)).sum())
            axes.set_title(text + (f"; {outside} outside" if outside else ""), loc="left", fontsize=8.5, color=INK)
        row[0].set_ylim(low - margin, high + margin)
        row[0].set_ylabel(f"{('east', 'north', 'up')[number]} less a line (mm)")
    figure.suptitle(f"{title}\n{note}", x=0.01, ha="left", fontsize=10.5, fontweight="bold", color=INK)
    for column in grid.T:
        _date_axis(column, time_scale)
    return figure


def _date_axis(panels: NDArray[Any], time_scale: str) -> None:
    for axes in panels:
        dress(axes)
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_locator(locator)
    panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    panels[-1].set_xlabel(f"date ({time_scale})")

"""Curves of several methods over a few sizes, with intervals: what each of them does to the same question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fiducial.errors import RunError
from fiducial.reports.style import (
    INK,
    LINE_COLOURS,
    MARKERS,
    SOFT_INK,
    dress,
    left_title,
    new_figure,
    require_finite,
    vector,
)

_SPREAD: Final = 0.008
"""Curves stand this share of the axis beside each other, so that their intervals can be told apart."""


class Curve(NamedTuple):
    """One line.

    Attributes
    ----------
    label : str
    values : array_like, shape (size,)
        NaN leaves a gap.
    low, high : array_like, shape (size,), optional
        Ends of an interval.
    baseline : bool
        Drawn in grey without marks: what the others are to be read against.
    """

    label: str
    values: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    baseline: bool = False


def curve_plot(
    sizes: ArrayLike,
    curves: Sequence[Curve],
    *,
    title: str,
    size_label: str,
    value_label: str,
    floor: float | None = None,
    ceiling: float | None = None,
) -> Figure:
    """Draw curves over sizes that grow by factors.

    Parameters
    ----------
    sizes : array_like, shape (size,)
        Positive, increasing; drawn on a logarithmic axis with a tick at each.
    curves : sequence of Curve
    title : str
    size_label, value_label : str
        With units.
    floor, ceiling : float, optional
        Ends of the value axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when arrays do not have one value a size, or sizes do not increase from above zero;
        FID-5011 when no value is finite.
    """
    where = vector("sizes", sizes)
    if not curves or not (where > 0).all() or not (np.diff(where) > 0).all():
        raise RunError("FID-5010", "a plot of curves needs curves and increasing positive sizes", where=title,
                       fix="pass at least one Curve, and sizes in order")  # fmt: skip
    require_finite(title, np.concatenate([vector(one.label, one.values, where.size) for one in curves]))
    figure = new_figure(8.0, 4.6)
    axes = figure.subplots()
    axes.set_xscale("log")
    drawn = [one for one in curves if not one.baseline]
    factor = (where[-1] / where[0]) ** _SPREAD if where.size > 1 else 1.0
    for number, curve in enumerate(drawn):
        _draw(axes, where * factor ** (number - 0.5 * (len(drawn) - 1)), curve, number)
    for curve in (one for one in curves if one.baseline):
        axes.plot(where, vector(curve.label, curve.values), color=SOFT_INK, linewidth=1.6, linestyle=(0, (1, 1.4)),
                  label=curve.label)  # fmt: skip
    axes.set_xticks(where, labels=[f"{size:g}" for size in where])
    axes.minorticks_off()
    axes.set_xlabel(size_label)
    axes.set_ylabel(value_label)
    axes.set_ylim(bottom=floor, top=ceiling)
    dress(axes)
    left_title(axes, title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8.5, labelcolor=INK)
    return figure


def _draw(axes: Axes, where: np.ndarray, curve: Curve, number: int) -> None:
    colour, marker = LINE_COLOURS[number % len(LINE_COLOURS)], MARKERS[number % len(MARKERS)]
    values = vector(curve.label, curve.values)
    # After the last colour the lines are dashed: no two curves look alike.
    style = "-" if number < len(LINE_COLOURS) else "--"
    bars = None
    if curve.low is not None and curve.high is not None:
        low, high = vector(f"low of {curve.label}", curve.low, values.size), vector(f"high of {curve.label}", curve.high, values.size)  # fmt: skip
        bars = np.nan_to_num(np.clip(np.stack([values - low, high - values]), 0.0, None))
    axes.errorbar(where, values, yerr=bars, color=colour, ecolor=colour, marker=marker, markersize=4.6, markeredgewidth=0,
                  linewidth=1.5, linestyle=style, elinewidth=0.9, capsize=2.0, label=curve.label)  # fmt: skip

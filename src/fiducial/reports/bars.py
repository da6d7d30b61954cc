"""Grouped bars: one quantity of a few cases, for a few groups beside each other, with the value it is read against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from fiducial.errors import RunError
from fiducial.reports.style import INK, LINE_COLOURS, dress, left_title, new_figure, require_finite, vector

_FILLED: Final = 0.8


class Bars(NamedTuple):
    """Bars of one group.

    Attributes
    ----------
    label : str
    values : array_like, shape (case,)
        NaN draws none.
    baseline : float, optional
        Drawn as a dashed line in the group's colour.
    """

    label: str
    values: ArrayLike
    baseline: float | None = None


def bar_plot(cases: Sequence[str], groups: Sequence[Bars], *, title: str, value_label: str) -> Figure:
    """Draw bars upright, the groups beside each other in each case.

    Parameters
    ----------
    cases : sequence of str
        Names under the axis.
    groups : sequence of Bars
        At most as many as the house has line colours.
    title : str
    value_label : str
        With unit.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when there is nothing to lay out, too many groups, or values of another length than the cases;
        FID-5011 when no value is finite.
    """
    if not cases or not 0 < len(groups) <= len(LINE_COLOURS):
        raise RunError("FID-5010", f"a plot of bars needs cases and 1 to {len(LINE_COLOURS)} groups", where=title,
                       fix="pass names of cases and at least one group of Bars")  # fmt: skip
    values = [vector(one.label, one.values, len(cases)) for one in groups]
    require_finite(title, np.concatenate(values))
    figure = new_figure(max(6.0, 0.28 * len(cases) * len(groups) + 3.0), 4.2)
    axes = figure.subplots()
    width = _FILLED / len(groups)
    for number, (group, heights) in enumerate(zip(groups, values, strict=True)):
        where = np.arange(len(cases)) + width * (number - 0.5 * (len(groups) - 1))
        axes.bar(where, np.nan_to_num(heights), width=0.92 * width, color=LINE_COLOURS[number], label=group.label)
        if group.baseline is not None:
            axes.axhline(group.baseline, color=LINE_COLOURS[number], linewidth=1.2, linestyle=(0, (4, 3)))
    axes.set_xticks(np.arange(len(cases)), labels=list(cases))
    axes.set_ylabel(value_label)
    axes.set_ylim(bottom=min(0.0, *(float(np.nanmin(one, initial=0.0)) for one in values)))
    dress(axes)
    axes.grid(visible=False, axis="x")
    left_title(axes, title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8.5, labelcolor=INK)
    return figure

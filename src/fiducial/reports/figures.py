"""Plots of series, distributions and comparisons; every axis says its unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.container import Container
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import RunError
from fiducial.reports.style import (
    INK,
    LINE_COLOURS,
    MARKERS,
    SOFT_INK,
    Floats,
    dress,
    left_title,
    new_figure,
    require_finite,
    vector,
)

_MAXIMUM_SCATTER: Final = 4_000
_MAXIMUM_BARS: Final = 400
_NMAD: Final = 1.4826
"""Median absolute deviation to standard deviation of a normal law."""


class Series(NamedTuple):
    """One line of a series plot.

    Attributes
    ----------
    label : str
    values : array_like, shape (epoch,)
        In the unit of the plot; NaN leaves a gap.
    sigma : array_like, shape (epoch,), optional
        Standard deviations, drawn as bars of one sigma.
    model : array_like, shape (epoch,), optional
        Fitted curve at the same epochs, drawn as a line.
    """

    label: str
    values: ArrayLike
    sigma: ArrayLike | None = None
    model: ArrayLike | None = None


def series_plot(
    epochs: ArrayLike,
    series: Sequence[Series],
    *,
    title: str,
    unit: str,
    quantity: str = "displacement",
    sign_note: str = "",
    residuals: bool = False,
) -> Figure:
    """Draw displacement series over dates.

    Parameters
    ----------
    epochs : array_like of datetime64, shape (epoch,)
        UTC.
    series : sequence of Series
        Values, and where given their sigma and model.
    title, unit, quantity : str
    sign_note : str
        What positive means; stands in the axis label.
    residuals : bool
        Adds a panel of values minus model for the series that have one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when arrays do not have one value an epoch, or residuals are asked for without a model;
        FID-5011 when no value is finite.
    """
    dates = np.asarray(epochs, dtype="datetime64[ns]")
    modelled = [line for line in series if line.model is not None]
    if not series or dates.ndim != 1 or (residuals and not modelled):
        raise RunError("FID-5010", "a series plot needs one row of dates, a series, and a model for residuals",
                       where=title, fix="pass epochs (epoch,), at least one Series, and its model")  # fmt: skip
    require_finite("series", np.concatenate([vector(line.label, line.values, dates.size) for line in series]))
    figure = new_figure(8.0, 5.4 if residuals else 4.0)
    grid = figure.subplots(2 if residuals else 1, 1, sharex=True, squeeze=False,
                           height_ratios=[3, 1.25] if residuals else [1])[:, 0]  # fmt: skip
    handles = [handle for number, line in enumerate(series) for handle in _draw_series(grid[0], dates, line, number)]
    left_title(grid[0], title, pad=8.0 + 15.0 * -(-(len(series) + len(modelled)) // 4))
    grid[0].legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncols=4, frameon=False, fontsize=8.5,
                   labelcolor=INK, handlelength=1.6, columnspacing=1.4, borderaxespad=0.2)  # fmt: skip
    grid[0].set_ylabel(f"{quantity} ({unit})" + (f"\n{sign_note}" if sign_note else ""))
    if residuals:
        for number, line in enumerate(series):
            if line.model is not None:
                rest = vector(line.label, line.values) - vector(line.label, line.model, dates.size)
                grid[1].plot(dates, rest, linestyle="none", marker=MARKERS[number % len(MARKERS)], markersize=2.8,
                             markeredgewidth=0, color=LINE_COLOURS[number % len(LINE_COLOURS)])  # fmt: skip
        grid[1].axhline(0.0, color=SOFT_INK, linewidth=0.9)
        grid[1].set_ylabel(f"residual ({unit})")
    for axes in grid:
        dress(axes)
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    grid[-1].xaxis.set_major_locator(locator)
    grid[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    grid[-1].set_xlabel("date (UTC)")
    return figure


def _draw_series(axes: Axes, dates: NDArray[np.datetime64], line: Series, number: int) -> list[Artist | Container]:
    """Draw one series and return what stands for it in the legend."""
    colour, marker = LINE_COLOURS[number % len(LINE_COLOURS)], MARKERS[number % len(MARKERS)]
    values = vector(line.label, line.values, dates.size)
    sigma = None if line.sigma is None else vector(f"sigma of {line.label}", line.sigma, dates.size)
    bars = axes.errorbar(dates, values, yerr=sigma, linestyle="none", marker=marker, markersize=3.4,
                         markeredgewidth=0, color=colour, ecolor=colour, elinewidth=0.6, alpha=0.9,
                         label=line.label + ("" if sigma is None else " (1 sigma)"))  # fmt: skip
    if line.model is None:
        return [bars]
    model = vector(f"model of {line.label}", line.model, dates.size)
    return [bars, *axes.plot(dates, model, color=colour, linewidth=1.6, label=f"{line.label}: model")]


def histogram(
    sets: Sequence[tuple[str, ArrayLike]], *, title: str, unit: str, quantity: str, limit: float | None = None
) -> Figure:
    """Draw distributions with common bins; median, spread and number stand in the legend.

    Parameters
    ----------
    sets : sequence of (label, array_like of shape (n,))
        NaN is left out.
    title, unit, quantity : str
        An empty unit for ratios.
    limit : float, optional
        Half width about the common median; by default the bins reach from the 0.5th to the 99.5th percentile.
        What lies outside is counted under the axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when a set is not a vector or there is none, FID-5011 when one has no finite value.

    Notes
    -----
    Spread is 1.4826 times the median absolute deviation (NMAD).
    """
    if not sets:
        raise RunError("FID-5010", "a histogram needs at least one set", where=title, fix="pass (label, values)")
    named = [(label, vector(label, values)) for label, values in sets]
    for label, values in named:
        require_finite(label, values)
    finite = [(label, values[np.isfinite(values)]) for label, values in named]
    pooled = np.concatenate([values for _, values in finite])
    edges = _bin_edges(finite, pooled, limit)
    figure = new_figure(8.0, 4.0)
    axes = figure.subplots()
    of_unit = f" {unit}" if unit else ""
    for number, (label, values) in enumerate(finite):
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        text = f"{label}: median {_signed(float(np.median(values)))}, spread {_spread(values):.2f}{of_unit}, n = {values.size:,}"
        weights = np.full(values.size, 100.0 / values.size)
        axes.hist(values, edges, weights=weights, histtype="stepfilled", color=colour, alpha=0.18)
        axes.hist(values, edges, weights=weights, histtype="step", color=colour, linewidth=1.6, label=text)
    outside = int(((pooled < edges[0]) | (pooled > edges[-1])).sum())
    dress(axes)
    left_title(axes, title, pad=8.0 + 14.5 * len(finite))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.99), frameon=False, fontsize=8.5, labelcolor=INK)
    note = f"\n{outside:,} of {pooled.size:,} values lie outside" if outside else ""
    axes.set_xlabel(f"{quantity}{f' ({unit})' if unit else ''}{note}")
    axes.set_ylabel("share of values (%)")
    axes.set_xlim(edges[0], edges[-1])
    return figure


def _spread(values: Floats) -> float:
    return float(_NMAD * np.median(np.abs(values - np.median(values))))


def _bin_edges(sets: list[tuple[str, Floats]], pooled: Floats, limit: float | None) -> list[float]:
    """Return bins that resolve the narrowest set: about a third of its spread, between 12 and 90 of them."""
    if limit is None:
        low, high = (float(value) for value in np.percentile(pooled, [0.5, 99.5]))
        margin = 0.04 * (high - low) or 0.5
        low, high = low - margin, high + margin
    else:
        low, high = float(np.median(pooled)) - limit, float(np.median(pooled)) + limit
    width = max(min(_spread(values) for _, values in sets) / 3.0, (high - low) / 90.0)
    return list(np.linspace(low, high, max(12, int(np.ceil((high - low) / width))) + 1).tolist())


def _signed(value: float) -> str:
    """Return two decimals with the sign, and the minus that the tick labels have."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def comparison_scatter(
    truth: ArrayLike,
    estimate: ArrayLike,
    *,
    title: str,
    unit: str,
    sigma: ArrayLike | None = None,
    truth_label: str = "truth",
    estimate_label: str = "estimate",
) -> Figure:
    """Draw estimates against truth with the line of equality; RMS, bias and correlation stand in the title.

    Parameters
    ----------
    truth, estimate : array_like, shape (n,)
        Pairs in ``unit``; pairs with NaN are left out.
    title, unit : str
    sigma : array_like, shape (n,), optional
        Standard deviation of the estimates, drawn as bars when there are at most 400 pairs.
    truth_label, estimate_label : str
        What stands on the axes before the unit.

    Returns
    -------
    matplotlib.figure.Figure
        Points up to 4 000 pairs, counts in hexagons beyond.

    Raises
    ------
    RunError
        FID-5010 when the arrays differ in length, FID-5011 when there is no pair.
    """
    horizontal = vector(truth_label, truth)
    vertical = vector(estimate_label, estimate, horizontal.size)
    paired = np.isfinite(horizontal) & np.isfinite(vertical)
    require_finite(title, np.where(paired, horizontal, np.nan))
    bars = None if sigma is None else vector("sigma", sigma, horizontal.size)[paired]
    horizontal, vertical = horizontal[paired], vertical[paired]
    shown = np.nan_to_num(bars) if bars is not None and bars.size <= _MAXIMUM_BARS else np.zeros_like(vertical)
    figure = new_figure(6.4, 6.2)
    axes = figure.subplots()
    low = float(min(horizontal.min(), (vertical - shown).min()))
    high = float(max(horizontal.max(), (vertical + shown).max()))
    margin = 0.05 * max(high - low, 1e-6)
    low, high = low - margin, high + margin
    if horizontal.size > _MAXIMUM_SCATTER:
        bins = axes.hexbin(horizontal, vertical, gridsize=70, extent=(low, high, low, high), cmap="cividis_r",
                           norm=LogNorm(vmin=1), mincnt=1, linewidths=0.1)  # fmt: skip
        bar = figure.colorbar(bins, ax=axes, shrink=0.7, aspect=30, pad=0.02)
        bar.set_label("pairs in a hexagon (count)", fontsize=9.0, color=INK)
        bar.ax.tick_params(labelsize=8.5)
    else:
        axes.errorbar(horizontal, vertical, yerr=shown if shown.any() else None, linestyle="none", marker="o", markeredgewidth=0,
                      markersize=4.0 if horizontal.size <= _MAXIMUM_BARS else 2.2, elinewidth=0.7, color=LINE_COLOURS[0],
                      alpha=0.75)  # fmt: skip
    axes.axline((low, low), slope=1.0, color=LINE_COLOURS[1], linewidth=1.3, label="equality")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal",
             xlabel=f"{truth_label} ({unit})", ylabel=f"{estimate_label} ({unit})")  # fmt: skip
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.985), frameon=False, fontsize=8.5, labelcolor=INK)
    dress(axes)
    left_title(axes, f"{title}\n", pad=2.0)
    axes.annotate(_agreement(horizontal, vertical, unit), (0, 1), (0, 4), xycoords="axes fraction",
                  textcoords="offset points", ha="left", va="bottom", fontsize=9.0, color=SOFT_INK)  # fmt: skip
    return figure


def _agreement(truth: Floats, estimate: Floats, unit: str) -> str:
    """Return the sentence of numbers over a comparison."""
    error = estimate - truth
    parts = [f"RMS {np.sqrt(np.mean(error**2)):.2f} {unit}", f"bias {_signed(float(error.mean()))} {unit}"]
    if truth.size > 2 and np.ptp(truth) > 0 and np.ptp(estimate) > 0:
        parts.append(f"r = {_signed(float(np.corrcoef(truth, estimate)[0, 1]))}")
    return ", ".join([*parts, f"n = {truth.size:,}"])

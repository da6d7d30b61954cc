"""What an outage does over time, and what drives it: panels of bands on a logarithmic time axis, and bars of correlations."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import RunError
from fiducial.reports.style import INK, LINE_COLOURS, SOFT_INK, dress, new_figure, require_finite, vector

_COLUMNS: Final = 3
_TICKS: Final = (
    (1 / 24, "1 h"),
    (0.25, "6 h"),
    (1.0, "1 d"),
    (7.0, "1 wk"),
    (30.4375, "1 mo"),
    (365.25, "1 yr"),
    (3652.5, "10 yr"),
)
_SHADES: Final = ("#eef1f4", "#ffffff")
_LATER: Final = LINE_COLOURS[0]
_SOONER: Final = LINE_COLOURS[1]
_MARK: Final = 0.1
"""Loss that counts as an effect; panels are ordered by when the median reaches it."""


class TierBounds(NamedTuple):
    """Name of a tier and the half-open interval of days that it takes; the last one may be infinite."""

    name: str
    low_days: float
    high_days: float


class TornadoRow(NamedTuple):
    """A variable and the quantities that its time of loss depends on, with Spearman's rank correlation."""

    name: str
    drivers: Sequence[tuple[str, float]]


def degradation_figure(
    time_days: ArrayLike,
    quantiles: ArrayLike,
    names: Sequence[str],
    tier_bounds: Sequence[TierBounds | tuple[str, float, float]],
    title: str,
) -> Figure:
    """Draw the loss of each variable over time: the median as a line, the 5th to 95th percentile as a band.

    Parameters
    ----------
    time_days : array_like, shape (T,)
        Days since the outage began, increasing; times of zero and before have no place on the axis and are left out.
    quantiles : array_like, shape (K, T, 3)
        Share lost, 0 to 1: 5th percentile, median, 95th percentile. NaN leaves a gap.
    names : sequence of str
        Of the K variables.
    tier_bounds : sequence of (name, low, high)
        Shaded in turn; days.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        One panel a variable, ordered by when the median first reaches 10 %; those that never do come last.

    Raises
    ------
    RunError
        FID-5010 when shapes do not fit or no time is positive; FID-5011 when no value is finite.
    """
    days = vector("time", time_days)
    values = np.asarray(quantiles, dtype=np.float64)
    after = days > 0
    if (
        values.shape != (len(names), days.size, 3)
        or not names
        or after.sum() < 2
        or not (np.diff(days[after]) > 0).all()
    ):
        raise RunError("FID-5010", f"a figure of losses needs quantiles (K, T, 3) of K names and increasing times, not {values.shape}",
                       where=title, fix="pass days since the outage, and one name a variable")  # fmt: skip
    require_finite(title, values[:, after].reshape(-1))
    days, values = days[after], values[:, after]
    rows = -(-len(names) // _COLUMNS)
    figure = new_figure(11.0, 1.3 + 1.45 * rows)
    panels = figure.subplots(rows, min(_COLUMNS, len(names)), sharex=True, sharey=True, squeeze=False).ravel()
    tiers = [TierBounds(*one) for one in tier_bounds]
    for axes, k in zip(panels, _order(values), strict=False):
        _panel(axes, days, values[k], names[k], tiers)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    _axes_of_time(panels, days, len(names))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.0, fontweight="bold", color=INK)
    figure.supylabel("lost (%)", fontsize=9.5, color=INK)
    figure.supxlabel(_explained(tiers), fontsize=8.5, color=SOFT_INK, x=0.01, ha="left")
    return figure


def _order(values: NDArray[np.float64]) -> list[int]:
    """Return the variables by when their median reaches the mark, the largest last loss first among those that do not."""
    reached = np.nan_to_num(values[:, :, 1]) >= _MARK
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), values.shape[1])
    peak = np.nan_to_num(values[:, :, 1]).max(axis=1)
    return [int(k) for k in np.lexsort((-peak, first))]


def _panel(
    axes: Axes, days: NDArray[np.float64], values: NDArray[np.float64], name: str, tiers: list[TierBounds]
) -> None:
    for number, tier in enumerate(tiers):
        low, high = max(tier.low_days, float(days[0])), min(tier.high_days, float(days[-1]))
        if high > low:
            axes.axvspan(low, high, color=_SHADES[number % 2], linewidth=0, zorder=0)
            axes.text(np.sqrt(low * high), 0.97, str(number + 1), ha="center", va="top", fontsize=7.5, color=SOFT_INK,
                      transform=blended_transform_factory(axes.transData, axes.transAxes))  # fmt: skip
    low, median, high = 100.0 * values.T
    axes.fill_between(days, low, high, color=LINE_COLOURS[0], alpha=0.25, linewidth=0)
    axes.plot(days, median, color=LINE_COLOURS[0], linewidth=1.6)
    axes.axhline(100.0 * _MARK, color=SOFT_INK, linewidth=0.7, linestyle=(0, (2, 2)))
    dress(axes, grid=False)
    axes.set_title(_plain(name), loc="left", fontsize=9.0, color=INK, pad=3.0)


def _axes_of_time(panels: NDArray[np.object_], days: NDArray[np.float64], shown: int) -> None:
    first = panels[0]
    ticks = [(where, label) for where, label in _TICKS if days[0] <= where <= days[-1]]
    first.set_xscale("log")
    first.set(xlim=(days[0], days[-1]), ylim=(0, 104))
    first.set_xticks([where for where, _ in ticks], labels=[label for _, label in ticks])
    first.minorticks_off()
    for axes in panels[max(0, shown - _COLUMNS) : shown]:
        # Panels over an empty place have no panel below them to carry the labels.
        axes.tick_params(labelbottom=True)


def _explained(tiers: list[TierBounds]) -> str:
    numbered = "   ".join(f"{number}  {_plain(tier.name)}" for number, tier in enumerate(tiers, 1))
    text = "time since the outage began; line: median, band: 5th to 95th percentile, dashes: 10 %"
    return f"{text}\n{numbered}" if numbered else text


def tornado_figure(
    rows: Sequence[TornadoRow | tuple[str, Sequence[tuple[str, float]]]], *, title: str, most: int = 5
) -> Figure:
    """Draw what the time of loss depends on, a group of bars a variable.

    Parameters
    ----------
    rows : sequence of (name, drivers)
        Drivers are (label, rank correlation with the time to 10 %); positive: more of it, later the loss.
    title : str
    most : int
        Drivers drawn of each variable, the strongest first.

    Returns
    -------
    matplotlib.figure.Figure
        Variables without drivers are named in a line below.

    Raises
    ------
    RunError
        FID-5010 when a correlation lies outside -1 to 1 or is not a number; FID-5011 when there is no driver at all.
    """
    groups = [TornadoRow(*row) for row in rows]
    every = np.array([value for row in groups for _, value in row.drivers], dtype=np.float64)
    if not (np.abs(every) <= 1).all():
        raise RunError(
            "FID-5010", "a rank correlation lies between -1 and 1", where=title, fix="leave out what is not known"
        )
    require_finite(title, every)
    drawn = [TornadoRow(row.name, sorted(row.drivers, key=_size)[:most]) for row in groups if row.drivers]
    bars = sum(len(row.drivers) for row in drawn)
    figure = new_figure(9.0, 1.4 + 0.22 * (bars + 1.6 * len(drawn)))
    axes = figure.subplots()
    down, places, labels = 0.0, [], []
    for row in drawn:
        axes.text(-1.27, down, _plain(row.name), fontsize=9.0, fontweight="bold", color=INK, va="center")
        for label, value in row.drivers:
            down += 1.0
            axes.barh(down, value, height=0.75, color=_SOONER if value < 0 else _LATER)
            axes.text(value, down, f" {value:+.2f} ".replace("-", "\N{MINUS SIGN}"), ha="right" if value < 0 else "left",
                      va="center", fontsize=8.0, color=SOFT_INK)  # fmt: skip
            places.append(down)
            labels.append(_plain(label))
        down += 1.6
    dress(axes)
    axes.set_yticks(places, labels=labels)
    axes.grid(visible=False, axis="y")
    axes.axvline(0.0, color=SOFT_INK, linewidth=0.9)
    axes.set(xlim=(-1.3, 1.3), ylim=(down - 0.6, -0.9))
    axes.set_title(title, loc="left", fontsize=11.0, fontweight="bold", color=INK)
    axes.set_xlabel(_below(groups), loc="left")
    return figure


def _size(driver: tuple[str, float]) -> float:
    return -abs(driver[1])


def _below(groups: list[TornadoRow]) -> str:
    text = (
        "rank correlation with the time to 10 % loss\nto the right: more of it, later; to the left: more of it, sooner"
    )
    without = ", ".join(_plain(row.name) for row in groups if not row.drivers)
    return "\n".join([text, *textwrap.wrap(f"without any: {without}", 90)]) if without else text


def _plain(text: str) -> str:
    """Return a text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")

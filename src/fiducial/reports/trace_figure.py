"""Picture of a trace: a column a step, a box a thing, lines from what was made to what it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from fiducial.errors import RunError
from fiducial.reports.style import INK, LINE_COLOURS, SOFT_INK, left_title, new_figure

MAXIMUM_ROWS: Final = 150
_COLOURS: Final = dict(zip(("file", "product", "run", "scene", "orbit", "gnss"), LINE_COLOURS, strict=False))
_OTHER: Final = LINE_COLOURS[-1]
_COLUMN_IN, _ROW_IN, _BOX = 2.9, 0.46, (0.86, 0.66)
_LETTERS: Final = 40


class Box(NamedTuple):
    """A thing in the picture.

    Attributes
    ----------
    kind, title, detail : str
        Kind gives the colour; two lines of text.
    column : int
        Steps from the start.
    row : float
        From the top.
    is_lost : bool
        Drawn dashed, and said so.
    """

    kind: str
    title: str
    detail: str
    column: int
    row: float
    is_lost: bool = False


class Line(NamedTuple):
    """A line between two boxes, by their numbers; a dashed one leads back to a box that stands elsewhere."""

    first: int
    second: int
    is_repeat: bool = False


def trace_figure(boxes: Sequence[Box], lines: Sequence[Line], *, title: str) -> Figure:
    """Draw a trace.

    Parameters
    ----------
    boxes : sequence of Box
    lines : sequence of Line
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RunError
        FID-5010 when there is no box, more than :data:`MAXIMUM_ROWS` rows, or a line to a box that is not there.
    """
    rows = max((box.row for box in boxes), default=-1.0) + 1.0
    ends = {end for line in lines for end in (line.first, line.second)}
    if not 0 < rows <= MAXIMUM_ROWS or not ends <= set(range(len(boxes))):
        raise RunError(
            "FID-5010", f"a picture of {rows:.0f} rows cannot be drawn (at most {MAXIMUM_ROWS})", where=title,
            fix="ask for fewer steps with --depth, or write DOT, which programs for graphs lay out",
        )  # fmt: skip
    columns = max(box.column for box in boxes) + 1
    figure = new_figure(max(_COLUMN_IN * columns + 0.3, 5.0), _ROW_IN * rows + 0.8)
    axes = figure.subplots()
    axes.set_xlim(-0.05, max(columns, 1.8))
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_axis_off()
    left_title(axes, title)
    for line in lines:
        _draw_line(axes, boxes[line.first], boxes[line.second], is_repeat=line.is_repeat)
    for box in boxes:
        _draw_box(axes, box)
    return figure


def _draw_line(axes: Axes, first: Box, second: Box, *, is_repeat: bool) -> None:
    width = _BOX[0]
    forward = second.column > first.column
    start = (first.column + width, first.row)
    end = (float(second.column), second.row) if forward else (second.column + width, second.row)
    axes.annotate("", end, start, zorder=1, arrowprops={
        "arrowstyle": "->", "color": SOFT_INK, "linewidth": 0.8, "linestyle": "--" if is_repeat else "-",
        "connectionstyle": "arc3,rad=0.0" if forward else "arc3,rad=-0.3", "shrinkA": 0, "shrinkB": 1,
    })  # fmt: skip


def _draw_box(axes: Axes, box: Box) -> None:
    width, height = _BOX
    colour = _COLOURS.get(box.kind, _OTHER)
    patch = FancyBboxPatch(
        (box.column, box.row - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.05", facecolor="white",
        edgecolor=colour, linewidth=1.2, linestyle="--" if box.is_lost else "-", zorder=2,
    )  # fmt: skip
    axes.add_patch(patch)
    detail = f"{box.detail}, lost" if box.is_lost else box.detail
    for text, shift, size, ink in (
        (box.title, -0.13, 7.0, INK),
        (f"{box.kind}  {detail}".rstrip(), 0.15, 6.0, SOFT_INK),
    ):
        # A dollar sign would begin a formula.
        shown = _cut(text).replace("$", r"\$")
        axes.text(box.column + 0.02, box.row + shift, shown, fontsize=size, color=ink, va="center", zorder=3)


def _cut(text: str) -> str:
    """Keep both ends of a long name: what it begins with and what tells it from its neighbours."""
    if len(text) <= _LETTERS:
        return text
    return f"{text[: _LETTERS - 15]}…{text[-14:]}"

"""The dependency matrix as a figure, in the white paper's colours and with marks that need no colour."""

from __future__ import annotations

import textwrap
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fiducial.chain.egv import EgvCatalogue, Level, MatrixCell
from fiducial.chain.overview import MARKS, colour, matrix
from fiducial.errors import RunError
from fiducial.reports.style import INK, SOFT_INK, fit_height, left_title, new_figure

_EMPTY: Final = "#f1f3f5"
_WARNING: Final = "\N{WARNING SIGN}"
_ROW_IN: Final = 0.34
_COLUMN_IN: Final = 1.35


def matrix_figure(catalogue: EgvCatalogue) -> Figure:
    """Draw the matrix: a row a variable of Level 3, a column a variable of Level 2.

    Parameters
    ----------
    catalogue : EgvCatalogue

    Returns
    -------
    matplotlib.figure.Figure
        P, I and i stand for the strengths beside the colour; circular cells carry a warning sign.

    Raises
    ------
    RunError
        FID-5010 when the catalogue has no matrix.
    """
    rows = matrix(catalogue)
    columns = catalogue.columns
    if not rows or not columns:
        raise RunError("FID-5010", "the catalogue has no matrix to draw", where=catalogue.version,
                       fix="give a data file with matrix_rows and matrix_columns")  # fmt: skip
    figure = new_figure(3.8 + _COLUMN_IN * len(columns), 1.7 + _ROW_IN * len(rows))
    axes = figure.subplots()
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    for down, entry in enumerate(rows):
        for across, cell in enumerate(entry.cells):
            _cell(axes, catalogue, cell, across, down)
    axes.set_xticks([k + 0.5 for k in range(len(columns))],
                    labels=[textwrap.fill(_plain(column.label), 18) for column in columns])  # fmt: skip
    axes.set_yticks([k + 0.5 for k in range(len(rows))], labels=[_plain(entry.row.label) for entry in rows])
    axes.tick_params(length=0, labelsize=9.0, colors=INK, top=False, bottom=False, labeltop=True, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    names = [catalogue.level_name(level) for level in (Level.LEVEL_2, Level.LEVEL_3)]
    left_title(axes, f"What {names[1]} variables need of {names[0]} ({_plain(catalogue.version)})", pad=10.0)
    axes.set_xlabel(_legend(catalogue), fontsize=8.5, color=SOFT_INK, loc="left", linespacing=1.5)
    fit_height(figure)
    return figure


def _cell(axes: Axes, catalogue: EgvCatalogue, cell: MatrixCell | None, across: int, down: int) -> None:
    ground = _EMPTY if cell is None else colour(catalogue, cell.strength)
    axes.add_patch(Rectangle((across + 0.02, down + 0.05), 0.96, 0.9, facecolor=ground, edgecolor="none"))
    if cell is None:
        axes.text(across + 0.5, down + 0.5, "\N{EM DASH}", ha="center", va="center", color=SOFT_INK, fontsize=9.0)
        return
    text = f"{MARKS[cell.strength]}   {cell.strength}" + (f"  {_WARNING}" if cell.circular else "")
    axes.text(across + 0.5, down + 0.52, text, ha="center", va="center", color="white", fontsize=9.0, fontweight="bold")


def _legend(catalogue: EgvCatalogue) -> str:
    lines = [f"{MARKS[one.strength]}  {one.strength}: {_plain(one.meaning)}" for one in catalogue.strengths]
    if any(cell.circular for cell in catalogue.cells):
        lines.append(f"{_WARNING}  circular: each of the two needs the other")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")

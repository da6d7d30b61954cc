"""Figures and the page of a sensitivity study of the orbit combination."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.orbits.sensitivity_results import FULL, ConstellationEffect, SubsetEffect
from fiducial.reports.bars import Bars, bar_plot
from fiducial.reports.curves import Curve, curve_plot
from fiducial.reports.html import Column, KeyFigure, Page
from fiducial.reports.style import png_bytes, svg_bytes
from fiducial.runs.orbit_sensitivity import SensitivityResult, Table, constellation_name
from fiducial.runs.report_parts import software


def size_figure(result: SensitivityResult) -> Figure:
    """Draw the RMS over the number of centres, a curve a constellation, with 5 to 95 % of the subsets as intervals.

    Parameters
    ----------
    result : SensitivityResult

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    To the first reference that has the constellation, otherwise to the full combination.
    """
    sizes = np.arange(1, max(part.centres for part in result.full.constellations) + 1)
    curves = []
    for part in result.full.constellations:
        name = _judge(part)
        found = {one.centres: one for one in result.summaries
                 if (one.constellation, one.reference) == (part.constellation, name)}  # fmt: skip
        median, low, high = (
            [1e3 * getattr(found[size], field) if size in found else np.nan for size in sizes.tolist()]
            for field in ("median_m", "p05_m", "p95_m")
        )
        curves.append(Curve(_label(part, name), median, low, high))
    return curve_plot(
        sizes, curves, title="Fewer centres", size_label="centres that have the constellation",
        value_label="RMS per coordinate [mm]", floor=0.0,
    )  # fmt: skip


def leave_one_out_figure(result: SensitivityResult) -> Figure:
    """Draw the RMS without each centre; dashed: with all of them.

    Parameters
    ----------
    result : SensitivityResult

    Returns
    -------
    matplotlib.figure.Figure
    """
    groups = []
    for index, part in enumerate(result.full.constellations):
        name = _judge(part)
        values = [_rms_mm(one, index, name) for one in result.leave_one_out]
        baseline = None if name == FULL else _rms_mm(result.full, index, name)
        groups.append(Bars(_label(part, name), values, baseline))
    return bar_plot(
        [one.left_out[0] for one in result.leave_one_out], groups, title="Without one centre",
        value_label="RMS per coordinate [mm]",
    )  # fmt: skip


def sensitivity_page(result: SensitivityResult, inputs: dict[str, object] | None = None) -> Page:
    """Return the page.

    Parameters
    ----------
    result : SensitivityResult
    inputs : dict, optional
        Names of the input files and what identifies them.

    Returns
    -------
    Page
    """
    subsets = {one.centres for one in (*result.leave_one_out, *result.random)}
    references = f", and with {', '.join(result.references)}" if result.references else ""
    page = Page(
        "Sensitivity of the orbit combination to its centres",
        f"{len(subsets)} subsets of {', '.join(result.centres)}, each combined anew and compared with the combination "
        f"of all{references}.",
    )
    page.section("What is fragile")
    for sentence in result.sentences:
        page.paragraph(sentence)
    page.key_figures([figure for part in range(len(result.full.constellations)) for figure in _figures(result, part)])
    page.section("Without one centre")
    page.figure(leave_one_out_figure(result), alt=f"Bars: RMS without each centre. {' '.join(result.sentences)}",
                caption="Dashed: with all centres. A constellation without a reference is compared with the full "
                        "combination, whose own bar would be zero.")  # fmt: skip
    _add(page, result.leave_one_out_table())
    page.section("Fewer centres")
    page.figure(size_figure(result), alt="Curves: RMS by number of centres; the numbers stand in the table below.",
                caption="Median of the subsets; the bars span 5 to 95 % of them.")  # fmt: skip
    _add(page, result.size_table())
    page.section("How the numbers are made")
    page.paragraph(
        "Weights, Helmert parameters and outliers are estimated anew for every subset. Records that screening found wrong "
        "with the help of all centres stay out. RMS per coordinate, as it is and after a fit of seven Helmert parameters "
        "to each constellation. A reference of coarser sampling is compared at the epochs between its own too, where it "
        "is interpolated. One that was made from the same centres shows agreement with them, not accuracy."
    )
    page.provenance("Options", {"weighting": result.options.weighting, "weights by": result.options.weights_by,
                                "random subsets of each number of centres, at most": result.subsets_per_count,
                                "seed": result.seed})  # fmt: skip
    if inputs:
        page.provenance("Inputs", inputs)
    page.provenance("Software", software())
    return page


def _add(page: Page, table: Table) -> None:
    page.table([Column(*one) for one in table.columns], table.rows, caption=table.caption)


def _figures(result: SensitivityResult, index: int) -> list[KeyFigure]:
    part = result.full.constellations[index]
    name, title = _judge(part), constellation_name(part.constellation)
    losses = [(one.left_out[0], one.constellations[index]) for one in result.leave_one_out]
    centre, most = max(losses, key=lambda one: one[1].records_lost)
    share = 100.0 * most.records_lost / max(part.records, 1)
    values = [_rms_mm(one, index, name) for one in result.leave_one_out]
    figures = [KeyFigure(f"{title}: records lost with a centre, at most", share, "%",
                         "note" if share else "pass", f"without {centre}" if share else "whichever is lost")]  # fmt: skip
    if np.isfinite(values).any():
        worst = int(np.nanargmax(values))
        before = "" if name == FULL else f", with all {_rms_mm(result.full, index, name):.1f} mm"
        figures.append(KeyFigure(f"{title}: RMS to {name or 'the full combination'}, at most", values[worst], "mm",
                                 "", f"without {losses[worst][0]}{before}", 1))  # fmt: skip
    return figures


def _judge(part: ConstellationEffect) -> str:
    return next((one.reference for one in part.agreements if one.reference != FULL and one.records), FULL)


def _label(part: ConstellationEffect, reference: str) -> str:
    return f"{constellation_name(part.constellation)} to {reference or 'full combination'}"


def _rms_mm(effect: SubsetEffect, index: int, reference: str) -> float:
    agreement = effect.constellations[index].agreement(reference)
    return float("nan") if agreement is None else 1e3 * agreement.rms_m


def write_figure(result: SensitivityResult, path: Path) -> None:
    """Write the figure of RMS against the number of centres, SVG or PNG by the ending, whole or not at all.

    Raises
    ------
    InputError
        FID-1238 for another ending.
    """
    ending = path.suffix.lower()
    if ending not in (".png", ".svg"):
        fix = "let the name end in .png or .svg"
        raise InputError("FID-1238", f"no kind of picture: {ending or 'no ending'}", where=str(path), fix=fix)
    figure = size_figure(result)
    content = png_bytes(figure) if ending == ".png" else svg_bytes(figure)
    with atomic_file(path) as partial:
        partial.write_bytes(content)

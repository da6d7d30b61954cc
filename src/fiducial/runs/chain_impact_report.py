"""The folder that ``fiducial chain impact --out`` leaves: report, page, curves and figures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiducial.formats.atomic import atomic_directory
from fiducial.reports.chain_impact import TierBounds, TornadoRow, degradation_figure, tornado_figure
from fiducial.reports.html import Column, Page
from fiducial.reports.style import png_bytes
from fiducial.runs.chain_impact import ImpactResult
from fiducial.runs.report_parts import software

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fiducial.chain.impact import Effect, Spread

MARKER = "impact.json"


def write_impact(result: ImpactResult, out: Path) -> None:
    """Write ``impact.json``, ``impact.html``, ``curves.csv`` and the figures into a folder, all or nothing.

    Parameters
    ----------
    result : ImpactResult
        What ``run_impact`` found.
    out : path
        Folder; one of an earlier run is replaced, any other that exists is not touched.

    Raises
    ------
    InputError
        When the folder exists and is not one of these.
    """
    with atomic_directory(out, overwrite=True, marker=MARKER) as folder:
        (folder / MARKER).write_text(json.dumps(result.to_dict(), indent=1) + "\n", encoding="utf-8")
        (folder / "curves.csv").write_text(_curves(result), encoding="utf-8")
        (folder / "degradation.png").write_bytes(png_bytes(degradation(result)))
        drivers = tornado(result)
        if drivers is not None:
            (folder / "drivers.png").write_bytes(png_bytes(drivers))
        (folder / "impact.html").write_text(impact_page(result).render(), encoding="utf-8")


def degradation(result: ImpactResult) -> Figure:
    """Draw the loss of every Level 3 variable over time."""
    count = len(result.variables)
    tiers = [TierBounds(tier.name, *tier.bounds_days) for tier in result.knowledge.catalogue.impact_tiers]
    names = [effect.name for effect in result.variables]
    days = result.curves.time_days - result.options.start_days
    return degradation_figure(days, result.curves.quantiles[:count], names, tiers, f"{_title(result)}: production lost")


def tornado(result: ImpactResult) -> Figure | None:
    """Draw what decides the times, or nothing where no time is reached."""
    rows = [
        TornadoRow(effect.name, [(one.label, one.correlation) for one in effect.drivers])
        for effect in result.variables
        if effect.drivers and effect.days_to_10_percent is not None
    ]
    return tornado_figure(rows, title="What decides the time to 10 %", most=3) if rows else None


def impact_page(result: ImpactResult) -> Page:
    """Return the page: what fails, effects with reasons, curves, what decides, what is delivered, what would help."""
    page = Page(_title(result), "What degrades in the geodesy supply chain, when, how sure, why, and what would help.")
    page.section("What fails")
    for scenario in result.scenarios:
        page.paragraph(f"{scenario.name}: {scenario.reason}. Nodes: {', '.join(scenario.nodes)}.")
    page.paragraph(_outage(result))
    for sentence in () if result.transfer is None else result.transfer.sentences:
        page.paragraph(sentence)
    page.section("What degrades")
    page.table(_COLUMNS, [_row(result, effect) for effect in _ordered(result)], caption=_CAPTION)
    page.figure(
        degradation(result),
        alt="Curves: production lost over time for every variable; the times stand in the table.",
        caption="Median and 5 to 95 % of the draws; grey: the impact tiers.",
    )
    page.section("Why")
    for effect in _ordered(result):
        page.paragraph(f"{effect.name}: {result.reasons[effect.id].text}.")
    drivers = tornado(result)
    if drivers is not None:
        page.section("What decides the times")
        page.figure(
            drivers,
            alt="Bars: rank correlation of uncertain numbers with the time to 10 %.",
            caption="Spearman's rank correlation over the draws; positive: more of it, later the loss.",
        )
    page.section("Official and delivered")
    columns = [Column("product"), Column("10 % lost after", "d"), Column("back after", "d")]
    rows: list[list[object]] = [
        [one.name, _range(one.days_to_10_percent), _range(one.recovery_days)] for one in result.delivered
    ]
    page.table(columns, rows, caption="Products of the workflow; one that a substitute delivers is kept")
    _add_benefits(page, result)
    page.provenance("Options", _options(result))
    page.provenance("Software", software())
    return page


_CAPTION = "Level 3 variables: median over the draws (5 to 95 %). Production lost is apart from what users still hold"
_COLUMNS = [
    Column("variable"),
    Column("impact tier"),
    Column("10 % lost after", "d"),
    Column("50 % lost after", "d"),
    Column("held unfit after", "d"),
    Column("back after", "d"),
]


def _add_benefits(page: Page, result: ImpactResult) -> None:
    if not result.benefits:
        return
    page.section("What would help most")
    rows: list[list[object]] = [[one.text, one.saved_days, 100 * one.saved_share] for one in result.benefits[:12]]
    columns = [Column("measure"), Column("lost production saved", "d", 1), Column("of all that is lost", "%", 1)]
    page.table(columns, rows, caption="One measure at a time, at the middle values of all uncertain numbers")


def _ordered(result: ImpactResult) -> list[Effect]:
    return sorted(result.variables, key=lambda one: one.days_to_10_percent.p50 if one.days_to_10_percent else math.inf)


def _row(result: ImpactResult, effect: Effect) -> list[object]:
    names = {tier.id: tier.name for tier in result.knowledge.catalogue.impact_tiers}
    endless = math.isinf(result.options.duration_days)
    return [
        effect.name,
        names.get(effect.tier or "", "none within the horizon"),
        _range(effect.days_to_10_percent),
        _range(effect.days_to_50_percent),
        _range(effect.held_days_to_10_percent),
        "the outage does not end" if endless else _range(effect.recovery_days),
    ]


def _range(spread: Spread | None) -> str:
    if spread is None:
        return "not reached"
    return f"{_days(spread.p50)} ({_days(spread.p5)} to {_days(spread.p95)})"


def _days(days: float) -> str:
    if math.isinf(days):
        return "never"
    return f"{days:.0f}" if days >= 100 else f"{days:.3g}"


def _title(result: ImpactResult) -> str:
    return f"Outage of {', '.join(scenario.name for scenario in result.scenarios)}"


def _outage(result: ImpactResult) -> str:
    options = result.options
    share = "wholly" if options.level == 1 else f"to {options.level:.0%}"
    length = "for ever" if math.isinf(options.duration_days) else f"for {options.duration_days:g} days"
    helped = "count" if options.substitutes else "do not count"
    return f"Out {share}, from day {options.start_days:g}, {length}. Substitutes {helped}."


def _options(result: ImpactResult) -> dict[str, Any]:
    options = result.options
    measured = (
        "none" if result.transfer is None else f"{result.transfer.file}, {options.tolerance_mm:g} mm are a total loss"
    )
    return {
        "samples": options.samples,
        "seed": options.seed,
        "horizon": f"{options.horizon_days:g} d",
        "measured transfer": measured,
        "knowledge": ", ".join(result.knowledge.files),
        "catalogue": result.knowledge.catalogue.version,
    }


def _curves(result: ImpactResult) -> str:
    """Return a row a variable and time: id, days since the outage began, 5 %, 50 % and 95 % of the production lost."""
    lines = ["node,days,lost_p5,lost_p50,lost_p95"]
    for effect, quantiles in zip(result.curves.effects, result.curves.quantiles, strict=True):
        for day, (low, middle, high) in zip(
            result.curves.time_days - result.options.start_days, quantiles, strict=True
        ):
            lines.append(f"{effect.id},{day:.6g},{low:.5f},{middle:.5f},{high:.5f}")
    return "\n".join(lines) + "\n"

"""``fiducial chain impact``: what degrades, when, and why."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fiducial.cli.chain import app
from fiducial.cli.console import print_json, print_lines, print_table

if TYPE_CHECKING:
    from fiducial.chain.impact import Spread
    from fiducial.runs.chain_impact import ImpactResult


@app.command
def impact(
    *targets: str,
    start: Annotated[float, Parameter(name="--from")] = 0.0,
    duration: float = math.inf,
    partial: float = 1.0,
    horizon: float = 3000.0,
    samples: int = 2000,
    seed: int = 0,
    substitutes: bool = True,
    measured: Path | None = None,
    tolerance_mm: float = 25.0,
    model: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    out: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Let nodes, products, variables or pipelines fail, and tell what degrades, when, how sure, why, and what would help.

    Example: ``fiducial chain impact satellite_orbits --duration 30 --out outage``

    Parameters
    ----------
    targets
        Ids or names: satellite_orbits, SPOCC, acc_combination, GSO, l2/satellite_orbits, satellite_orbits_pipeline, …
    start
        Day on which the outage begins.
    duration
        Days that it lasts; for ever by default.
    partial
        Share of the production that fails, from 0 to 1.
    horizon
        Days for which effects are followed, from the beginning of the outage.
    samples
        Draws from the ranges of all uncertain numbers.
    seed
        Seed of the draws.
    substitutes
        Whether other combinations and other tracking techniques count.
    measured
        JSON of ``fiducial orbits sensitivity``: what the orbits lose with their centres, instead of a gate.
    tolerance_mm
        Orbit difference that counts as a total loss, for ``--measured``.
    model
        Files of yours over the packaged knowledge.
    out
        Folder for report, curves and figures.
    json
        Print JSON.
    """
    from fiducial.runs.chain_impact import ImpactOptions, run_impact
    from fiducial.runs.chain_knowledge import load_knowledge

    options = ImpactOptions(start, duration, partial, horizon, samples, seed, substitutes, measured, tolerance_mm)
    result = run_impact(load_knowledge(model), targets, options)
    if out is not None:
        from fiducial.runs.chain_impact_report import write_impact

        write_impact(result, out)
    if json:
        print_json(result.to_dict())
        return
    _print(result)


def _print(result: ImpactResult) -> None:
    for scenario in result.scenarios:
        print_lines([f"Out: {scenario.name} ({scenario.reason}): {', '.join(scenario.nodes)}"])
    if result.transfer is not None:
        print_lines(result.transfer.sentences)
    tiers = {tier.id: tier.name for tier in result.knowledge.catalogue.impact_tiers}
    ordered = sorted(
        result.variables, key=lambda one: one.days_to_10_percent.p50 if one.days_to_10_percent else math.inf
    )
    columns = [
        "variable",
        "tier",
        "10 % lost after, d (5 to 95 %)",
        "50 % after, d",
        "held unfit after, d",
        "back after, d",
    ]
    rows = [
        [
            one.name,
            tiers.get(one.tier or "", "none within the horizon"),
            _range(one.days_to_10_percent),
            _range(one.days_to_50_percent),
            _range(one.held_days_to_10_percent),
            _range(one.recovery_days),
        ]
        for one in ordered
    ]
    print_table("Level 3 variables, production lost", columns, rows)
    print_lines([f"{one.name}: {result.reasons[one.id].text}" for one in ordered])
    rows = [[one.name, one.id, _range(one.days_to_10_percent), _range(one.recovery_days)] for one in result.delivered]
    print_table(
        "Products of the workflow, official and delivered",
        ["product", "id", "10 % lost after, d", "back after, d"],
        rows,
    )
    best = [[one.text, one.saved_days, f"{one.saved_share:.1%}"] for one in result.benefits[:10]]
    print_table("What would help most", ["measure", "days of lost production saved", "of all lost"], best)


def _range(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return f"{_number(spread.p50)} ({_number(spread.p5)} to {_number(spread.p95)})"


def _number(days: float) -> str:
    if math.isinf(days):
        return "never"
    return f"{days:.0f}" if days >= 100 else f"{days:.3g}"


@app.command
def dependencies(
    *nodes: str,
    substitutes: bool = True,
    model: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List the dependencies that ``impact`` runs on, with strength, criticality, substitution, hold, decay and evidence.

    Example: ``fiducial chain dependencies ESD TRF``

    Parameters
    ----------
    nodes
        Ids or names of nodes, products or variables that the dependencies shall touch; all by default.
    substitutes
        Whether other combinations and other tracking techniques count.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    from fiducial.runs.chain_dependencies import list_dependencies
    from fiducial.runs.chain_knowledge import load_knowledge

    found = list_dependencies(load_knowledge(model), nodes, substitutes=substitutes)
    if json:
        print_json({"dependencies": [one.to_dict() for one in found]})
        return
    rows = [
        [
            f"{one.supplier} → {one.consumer}",
            one.reason,
            *(
                _bounds(one.parameters.get(name))
                for name in ("alpha", "beta", "substitution", "hold_days", "decay_days")
            ),
            ", ".join(one.rests_on),
            ", ".join(one.sources),
        ]
        for one in found
    ]
    columns = [
        "dependency",
        "kind",
        "strength",
        "criticality",
        "substituted",
        "hold, d",
        "decay, d",
        "rests on",
        "sources",
    ]
    print_table("Dependencies: middle value (5 to 95 %)", columns, rows)


def _bounds(numbers: tuple[float, float, float] | None) -> str:
    if numbers is None:
        return "-"
    value, low, high = numbers
    return f"{value:.3g}" if low == high else f"{value:.3g} ({low:.3g} to {high:.3g})"

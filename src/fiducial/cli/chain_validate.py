"""``fiducial chain validate``: what speaks for the propagation, and what it rests on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fiducial.cli.chain import app
from fiducial.cli.console import print_json, print_lines, print_table


@app.command
def validate(
    *,
    samples: int = 1000,
    seed: int = 0,
    model: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Hold the propagation against the published impact tiers, simple baselines, chance, and known events.

    Example: ``fiducial chain validate --samples 1000``

    Parameters
    ----------
    samples
        Draws from the ranges of all uncertain numbers.
    seed
        Seed of draws and permutations.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    from fiducial.runs.chain_knowledge import load_knowledge
    from fiducial.runs.chain_validate import run_validation

    result = run_validation(load_knowledge(model), samples=samples, seed=seed)
    if json:
        print_json(result.to_dict())
        return
    rows = [
        [
            row.name,
            row.published,
            row.computed or "none",
            "never" if math.isinf(row.days) else f"{row.days:.3g}",
            f"{row.inside:.0%}",
        ]
        for row in result.rows
    ]
    columns = ["variable", "published tier", "computed tier", "10 % lost after, d", "samples in the published window"]
    print_table("Failure of Satellite Orbits: published and computed", columns, rows)
    rows = [[name, f"{one.share:.3f}", f"{one.p_value:.4f}"] for name, one in result.agreements.items()]
    print_table("Pairs in the published order", ["predictor", "share of pairs", "p of a random order"], rows)
    events = [
        [
            one.event.name,
            one.event.expected,
            ", ".join(f"{node} {lost:.0%}" for node, lost in one.most_lost.items()),
            f"{one.agreeing:.0%}",
        ]
        for one in result.events
    ]
    print_table("Events replayed", ["event", "expected", "most lost", "samples that agree"], events)
    print_lines(result.statements())

"""``fiducial catalogue health``: what should have come, what did, and what the gaps do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fiducial.cli.catalogue import app
from fiducial.cli.console import print_json, print_lines, print_table

if TYPE_CHECKING:
    from fiducial.runs.catalogue_health import HealthResult

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def health(
    *,
    since: str | None = None,
    as_of: str | None = None,
    model: tuple[Path, ...] = (),
    catalogue: str | None = None,
    all: Flag = False,  # noqa: A002 - option
    strict: Flag = False,
    samples: int = 500,
    seed: int = 0,
    horizon: float = 365.0,
    substitutes: bool = True,
    json: Flag = False,
) -> None:
    """Tell which products came on time, late or not at all, and what that does to the chain.

    A product class is watched from the first issue of it that the catalogue holds. What is missing counts as an outage of what makes
    it, from the time it fell due, and is propagated as by ``chain impact``.

    Example: ``fiducial catalogue health --as-of 2024-10-10 --strict``

    Parameters
    ----------
    since
        Ask only for issues that fell due from this date or time on, and for all of them.
    as_of
        Date or time of asking, UTC; now by default.
    model
        Files of yours over the packaged knowledge of the chain.
    catalogue
        Path or URL of the catalogue; FIDUCIAL_CATALOGUE, else fiducial-catalogue.sqlite in this folder, by default.
    all
        Expect classes too of which the catalogue holds nothing.
    strict
        Exit code 1 when an issue that fell due is missing.
    samples
        Draws from the ranges of all uncertain numbers of the chain.
    seed
        Seed of the draws.
    horizon
        Days for which effects are followed.
    substitutes
        Whether other combinations and other tracking techniques count.
    json
        Print JSON.
    """
    from fiducial.catalogue.store import Catalogue
    from fiducial.runs.catalogue_health import HealthOptions, run_health
    from fiducial.runs.catalogue_health_impact import ImpactSettings
    from fiducial.runs.chain_knowledge import load_knowledge

    options = HealthOptions(since, as_of, all, ImpactSettings(samples, seed, horizon, substitutes))
    with Catalogue.open(catalogue, create=False, read_only=True) as opened:
        result = run_health(opened, load_knowledge(model), options, progress=_tell)
    if json:
        print_json(result.to_dict())
    else:
        _print(result)
    if strict and result.is_missing:
        sys.exit(1)


def _tell(what: str) -> None:
    sys.stderr.write(f"propagating: {what}\n")


def _print(result: HealthResult) -> None:
    from fiducial.chain.deliveries import IssueState
    from fiducial.runs.catalogue_health_impact import stamp

    watched = [one for one in result.classes if one.state is not IssueState.NOT_WATCHED]
    rows = [
        [
            one.rule.name,
            str(one.state),
            "-" if one.verdict.position is None else one.period_text(one.verdict.position),
            stamp(one.due_utc),
            one.detail,
            stamp(one.next_due_utc),
        ]
        for one in watched
    ]
    columns = ["class", "state", "issue (GPS time)", "due", "in words", "next due"]
    held = f"the catalogue holds nothing of them ({result.files} files)"
    if not rows:
        print_lines(
            [
                f"Nothing is watched as of {stamp(result.as_of_utc)}: there are {len(result.classes)} classes, and {held}."
            ]
        )
        return
    print_table(f"Health as of {stamp(result.as_of_utc)}", columns, rows)
    print_lines([f"{len(result.classes) - len(watched)} classes are not watched: {held}."])
    found = result.consequences
    print_lines([one.sentence for one in found.each])
    if found.together is not None:
        print_lines([found.together.sentence])

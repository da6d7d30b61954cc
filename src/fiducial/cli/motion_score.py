"""``fiducial motion score``: calibration recipes held against each other in all respects at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.motion import Flag, FrameName, Sources, Table, app

Recipes = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]


@app.command
def score(
    src: Sources,
    /,
    *,
    gnss: Table = None,
    gnss_frame: FrameName = None,
    recipe: Recipes = None,
    holdout: Path | None = None,
    up_prior_sigma: float | None = None,
    work: Path | None = None,
    workers: int | None = None,
    report: Path | None = None,
    json: Flag = False,
) -> None:
    """Score calibration recipes: held-out stations, overlaps, closure, leakage, sigma and few stations, together.

    No number is ever printed alone: the smallest hold-out error belongs to the recipe that erases the most.

    Example: ``fiducial motion score 014A_04939_131313 087A_04904_121313 094D_04913_101213 167D_04884_131212
    --gnss stations.vel --gnss-frame plate:EURA --recipe all --report score.html``

    Parameters
    ----------
    recipe
        Names of recipes, or ``all`` (default). ``egms`` is always scored too: ratios refer to it.
    holdout
        Judges of your own, used in no fit: station names, one a line, or a second velocity table in the same frame.
        A file with one word a line is a list of names. Without it, stations are held out in square blocks.
    up_prior_sigma
        Standard deviation of Up, mm/yr, to assume around zero when the table has no vertical.
    work
        Folder of imported sources and finished recipes: an interrupted run goes on there.
    workers
        Processes; as many as the machine has cores by default.
    report
        Write a page with the table, curves and maps.
    json
        Print JSON.
    """
    from fiducial.errors import InputError
    from fiducial.runs.score import ALL
    from fiducial.runs.score import score as run

    if gnss is None:
        raise InputError("FID-1005", "no GNSS table is given", where="--gnss", fix="give a table of station velocities")
    scored = run(
        src, gnss, gnss_frame, recipes=recipe or [ALL], holdout=holdout, work=work,
        workers=workers or os.cpu_count() or 1, up_prior_sigma_mm_per_yr=up_prior_sigma,
    )  # fmt: skip
    if report is not None:
        from fiducial.runs.report_parts import write_page
        from fiducial.runs.score_page import score_page

        write_page(score_page(scored), report)
    if json:
        print_json(scored.to_dict())
        return
    from fiducial.runs.score_text import table_columns, table_rows

    title = f"calibration recipes, mm/yr in the line of sight, frame {scored.frame}"
    print_table(title, table_columns(scored.rows, scored.reference), table_rows(scored.rows))
    print_lines([*scored.told, *_notes(scored.to_dict())])


def _notes(result: dict[str, Any]) -> list[str]:
    lines = [f"{name}: {text}" for name, text in result["definitions"].items()]
    return ["", *lines, "", *result["notes"]]

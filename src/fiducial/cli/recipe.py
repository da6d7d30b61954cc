"""``fiducial recipe``: write, check and list recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(
    name="recipe", help="Recipes for `fiducial run`: write one with every field explained, check it, list the kinds."
)

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def new(kind: str, /, *, out: Path | None = None, overwrite: Flag = False) -> None:
    """Write a recipe with every field at its default, and what each field is as a comment.

    Example: ``fiducial recipe new chain --out chain.yaml``

    Parameters
    ----------
    kind
        orbit_combination, frame, velocity_model, calibration, ortho or chain.
    out
        File to write; printed by default.
    overwrite
        Replace the file.
    """
    from fiducial.runs.recipes.template import template
    from fiducial.runs.recipes.writing import write_template

    if out is None:
        print_lines([template(kind).rstrip("\n")])
        return
    write_template(kind, out, overwrite=overwrite)
    print_lines([str(out)])


@app.command
def check(file: Path, /, *, json: Flag = False) -> None:
    """Check a recipe and all that it names, without any work.

    Example: ``fiducial recipe check chain.yaml``

    Parameters
    ----------
    file
        The recipe.
    json
        Print JSON.
    """
    from fiducial.runs.recipes.running import check_recipe

    found = check_recipe(file)
    if json:
        print_json(found)
        return
    rows = [[one["task"], one["step"], one["inputs"]] for one in found["tasks"]]
    print_table(f"{found['kind']}: {len(rows)} tasks", ["task", "step", "inputs"], rows)


@app.command(name="list")
def list_(*, json: Flag = False) -> None:
    """List the kinds of recipes.

    Example: ``fiducial recipe list``

    Parameters
    ----------
    json
        Print JSON.
    """
    from fiducial.runs.recipes.models import KINDS

    if json:
        print_json([{"kind": kind, "summary": model.summary} for kind, model in KINDS.items()])
        return
    print_table("kinds of recipes", ["kind", "what it makes"], [[kind, model.summary] for kind, model in KINDS.items()])

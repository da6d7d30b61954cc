"""``fiducial chain show``: tables, matrix, one variable, one tier, and exports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.chain import app

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def show(
    identity: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    level: str | None = None,
    tier: str | None = None,
    what: Literal["matrix", "egvs", "products", "tiers", "workflow", "versions", "risks", "sources"] | None = None,
    format: Literal["text", "json", "markdown", "mermaid", "dot", "graphml", "skos"] = "text",  # noqa: A002 - option
    model: Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)] = None,
    version: str | None = None,
    out: Path | None = None,
    plot: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Show variables, products, dependencies and workflow: tables, a page, a graph, or linked data.

    Example: ``fiducial chain show sea_level``, ``fiducial chain show --format markdown --out chain.md``

    Parameters
    ----------
    identity
        One record: a variable, product, workflow node, requirement or source, by id, acronym or name.
    level
        Variables of one level: basis, L1, L2, L3.
    tier
        Workflow nodes of one tier: T0, T1, T2, T3; X for those beside the tiers.
    what
        One part of the knowledge.
    format
        Tables, JSON, a Markdown page, a Mermaid or DOT drawing, GraphML, or SKOS as Turtle (extra rdf).
    model
        Your own data files over the packaged ones.
    version
        Version of the white paper's catalogue, V6.0 or V7.0; the newest by default.
    out
        File to write to instead of the terminal.
    plot
        PNG or SVG file for a drawing of the matrix.
    overwrite
        Replace files of the same names.
    json
        The same as --format json.
    """
    from fiducial.runs.chain_show import (
        ShowRequest,
        check_plot,
        choose_format,
        plot_matrix,
        render,
        select,
        show_tables,
        write_file,
    )

    kind = choose_format(format, json=json)
    if plot is not None:
        check_plot(plot)
    selection = select(ShowRequest(identity, level, tier, what, tuple(model or ()), version))
    if kind == "text":
        from fiducial.cli.chain_tables import tables_text

        data = tables_text(*show_tables(selection), plain=out is not None).encode()
    else:
        data = render(selection, kind)
    if plot is not None:
        plot_matrix(selection.knowledge, plot, overwrite=overwrite)
    if out is not None:
        write_file(data, out, overwrite=overwrite)
        return
    import sys

    sys.stdout.write(data.decode())

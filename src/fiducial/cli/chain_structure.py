"""``fiducial chain check``, ``upstream``, ``downstream``, ``paths``, ``single-points`` and ``cycles``."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.chain import app
from fiducial.cli.console import print_json, print_lines, print_table

if TYPE_CHECKING:
    from fiducial.runs.chain_structure import Direction

Model = Annotated[tuple[Path, ...], Parameter(negative="")]
Json = Annotated[bool, Parameter(negative="")]


@app.command
def check(
    *, model: Model = (),
    catalogue_version: Annotated[str | None, Parameter(name=["--version", "--catalogue-version"])] = None,
    strict: Annotated[bool, Parameter(negative="")] = False, json: Json = False,
) -> int:  # fmt: skip
    """Hold the statements of the sources against the model: computed value and verdict of each.

    Example: ``fiducial chain check``

    Parameters
    ----------
    model
        Files of yours over the packaged knowledge.
    catalogue_version
        Version of the catalogue, such as V6.0; the newest by default.
    strict
        Exit with 1 when a statement is contradicted or cannot hold.
    json
        Print JSON.
    """
    from fiducial.runs.chain_check import check_chain

    report = check_chain(model, catalogue_version)
    if json:
        print_json(report.to_dict())
    else:
        columns = ["verdict", "statement", "stated", "computed", "because", "source"]
        print_table("Statements against the model", columns, report.rows())
        print_lines([report.sentence()])
    return int(strict and report.contradicted)


@app.command
def upstream(node: str, /, *, model: Model = (), json: Json = False) -> None:
    """List all that a node, product or variable uses, directly or not, nearest first.

    Example: ``fiducial chain upstream ESD``

    Parameters
    ----------
    node
        Id, acronym or name.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    _reach(node, "upstream", model, json=json)


@app.command
def downstream(node: str, /, *, model: Model = (), json: Json = False) -> None:
    """List all that uses a node, product or variable, directly or not, nearest first.

    Example: ``fiducial chain downstream SPOCC``

    Parameters
    ----------
    node
        Id, acronym or name.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    _reach(node, "downstream", model, json=json)


def _reach(node: str, direction: Direction, model: Model, *, json: bool) -> None:
    from fiducial.runs.chain_knowledge import load_knowledge
    from fiducial.runs.chain_structure import find_reach

    found = find_reach(load_knowledge(model), node, direction)
    if json:
        print_json(found.to_dict())
        return
    rows = [[one.id, one.name, str(one.kind), far] for one, far in found.reached]
    print_table(f"{direction.capitalize()} of {found.node.name}", ["id", "name", "what", "edges"], rows)


@app.command
def paths(supplier: str, consumer: str, /, *, limit: int = 10, model: Model = (), json: Json = False) -> None:
    """Tell the ways from a node to another in words, shortest first.

    Example: ``fiducial chain paths "IGS SINEX combination" gso_gsc_final``

    Parameters
    ----------
    supplier, consumer
        Id, acronym or name of each.
    limit
        Ways told.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    from fiducial.runs.chain_knowledge import load_knowledge
    from fiducial.runs.chain_structure import find_paths, paths_dict

    found = find_paths(load_knowledge(model), supplier, consumer, limit)
    if json:
        print_json(paths_dict(found))
        return
    print_lines([f"{way.paths} paths: {way.words}" if way.paths > 1 else way.words for way in found.ways])
    print_lines([found.note()])


@app.command(name="single-points")
def single_points(
    target: str = "gso_gsc_final", /, *,
    frame: Literal["held", "expired"] = "held",
    substitutes: Literal["none", "ready", "possible"] = "ready",
    without_substitutes: Annotated[bool, Parameter(negative="")] = False,
    order: Literal[1, 2, 3] = 2,
    model: Model = (), json: Json = False,
) -> None:  # fmt: skip
    """Find what stops a product alone (N-1) and in pairs (N-2), and which of that vanishes with substitutes.

    Example: ``fiducial chain single-points gso_gsc_final --frame expired``

    Parameters
    ----------
    target
        Product or workflow node, by id, acronym or name.
    frame
        Whether the last frame still serves.
    substitutes
        Those to compare with: ready ones, or also those that could take over but do not today.
    without_substitutes
        Leave the comparison out, as ``--substitutes none``.
    order
        Largest number of nodes lost at once.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    from fiducial.chain.single_points import Substitutes
    from fiducial.runs.chain_knowledge import load_knowledge
    from fiducial.runs.chain_structure import find_single_points

    compared = Substitutes("none" if without_substitutes else substitutes)
    found = find_single_points(
        load_knowledge(model), target, substitutes=compared, frame_held=frame == "held", order=order
    )
    if json:
        print_json(found.to_dict())
        return
    titles = {1: "What stops {} alone", 2: "Pairs that stop {}", 3: "Sets of three that stop {}"}
    for size in range(1, order + 1):
        rows = found.rows(size)
        if rows:
            columns = ["node" if size == 1 else "nodes", "what", "with substitutes", "way of the failure"]
            print_table(titles[size].format(found.without.target), columns, rows)
        else:
            print_lines([titles[size].format(found.without.target) + ": nothing."])
    print_lines(found.notes())


@app.command
def cycles(*, survival: bool = True, model: Model = (), json: Json = False) -> None:
    """Find the circles of dependency, the hold that opens each, and the longest outage that it survives.

    Example: ``fiducial chain cycles``

    Parameters
    ----------
    survival
        Compute the longest outage, which takes some seconds.
    model
        Files of yours over the packaged knowledge.
    json
        Print JSON.
    """
    from fiducial.runs.chain_knowledge import load_knowledge
    from fiducial.runs.chain_structure import find_cycles

    knowledge = load_knowledge(model)
    if survival:
        sys.stderr.write("Computing the longest outages …\n")
    found = find_cycles(knowledge, survival=survival)
    if json:
        print_json(found.to_dict())
        return
    for number, circle in enumerate(found.circles, start=1):
        print_lines([f"Circle {number}: {len(circle.nodes)} nodes, {len(circle.edges)} edges", *circle.words])
        print_lines([f"Stated by a source: {one}." for one in circle.stated])
        days = circle.longest_outage_days
        if days is not None:
            print_lines(
                ["It survives any outage." if math.isinf(days) else f"It survives outages up to {days:.0f} days."]
            )
    print_lines(found.unclosed)

"""``fiducial catalogue``: what exists, what it was made from, and whether it is still there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(name="catalogue", help="What exists and what it was made from: files, products, runs.")

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def add(
    paths: Annotated[list[Path], Parameter(name="PATHS")],
    /,
    *,
    catalogue: str | None = None,
    rehash: Flag = False,
    arriving: Flag = False,
    threads: int = 4,
    json: Flag = False,
) -> None:
    """Record files, and all files below folders: what they are, who made them, from what.

    A file that has the size and time of change of the last time is skipped, so that a call that was stopped can be
    repeated.

    Example: ``fiducial catalogue add products/ EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip``

    Parameters
    ----------
    paths
        Files and folders.
    catalogue
        SQLite file or postgresql:// address; FIDUCIAL_CATALOGUE, or fiducial-catalogue.sqlite here, by default.
    rehash
        Read also what looks unchanged.
    arriving
        The files came just now: record when, for `catalogue health`, where they state no issue time.
    threads
        Files hashed at once.
    json
        Print JSON.
    """
    from fiducial.catalogue.store import Catalogue
    from fiducial.runs.catalogue_add import add_paths, total_bytes
    from fiducial.runs.catalogue_tables import add_lines
    from fiducial.runs.progress import progress

    total = total_bytes(paths)
    with Catalogue.open(catalogue) as opened, progress("adding", total) as advance:
        report = add_paths(opened, paths, rehash=rehash, arriving=arriving, threads=threads, advance=advance)
    if json:
        print_json(report.to_dict())
        return
    table, lines = add_lines(report)
    print_table(*table)
    print_lines(lines)


@app.command(name="list")
def list_(
    what: Literal["products", "files", "runs", "entities", "agents"] = "products",
    /,
    *,
    catalogue: str | None = None,
    name: str | None = None,
    egv_product: str | None = None,
    tier: str | None = None,
    level: str | None = None,
    frame: str | None = None,
    format: str | None = None,  # noqa: A002 - option
    kind: str | None = None,
    state: Literal["running", "done", "failed", "lost"] | None = None,
    recipe: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    json: Flag = False,
) -> None:
    """List products, files, runs, entities or agents.

    Example: ``fiducial catalogue list products --egv-product GSO --since 2024-09-19``

    Parameters
    ----------
    what
        Kind of records.
    catalogue
        SQLite file or postgresql:// address.
    name
        Name, with * for any letters.
    egv_product
        Products: acronym, such as GSO, SPTS, ESD.
    tier
        Products: T2 solutions of a centre, T3 combinations.
    level
        Products: Level 2, L2b, ...
    frame
        Products: terrestrial frame as the file prints it.
    format
        Files: SP3, EGMS, unknown, ...
    kind
        Entities: scene, orbit, dem, land_cover, gnss.
    state
        Runs: running, done, failed, lost.
    recipe
        Runs: kind of recipe.
    since
        Products whose span reaches this date, UTC, or goes beyond it; runs that begin at it or after it.
    until
        Products and runs that begin before this date, UTC.
    limit
        At most so many.
    json
        Print JSON.
    """
    from fiducial.catalogue.store import Catalogue
    from fiducial.runs.catalogue_tables import listing, listing_table, moment_of

    filters = {
        "name": name, "egv_product": egv_product, "tier": tier, "level": level, "frame": frame, "format": format,
        "kind": kind, "state": state, "recipe": recipe, "since": moment_of(since, "--since"),
        "until": moment_of(until, "--until"), "limit": limit,
    }  # fmt: skip
    with Catalogue.open(catalogue, create=False) as opened:
        found = listing(opened, what, {key: value for key, value in filters.items() if value is not None})
        where = opened.where
    if json:
        print_json(found)
        return
    print_table(*listing_table(what, found, where))


@app.command
def trace(
    start: Annotated[str, Parameter(name="THING")],
    /,
    *,
    catalogue: str | None = None,
    direction: Literal["up", "down"] = "up",
    depth: int | None = None,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    plot: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Show what a thing was made from, or what stands on it, as a tree with hashes.

    Example: ``fiducial catalogue trace ortho/EGMS_L3_E44N21_100km_U_2020_2024_1``, ``fiducial catalogue trace 3fa9c1 --direction down --plot tree.svg``

    Parameters
    ----------
    start
        Path of a file or of the folder of one product, id, name, or the first six or more digits of a hash.
    catalogue
        SQLite file or postgresql:// address.
    direction
        Up: what it was made from. Down: what was made from it.
    depth
        Most steps.
    every
        Tell every scene, and every file of a product, instead of their number.
    plot
        File for a picture: .svg, .png, .dot, or .json.
    overwrite
        Replace a file of that name.
    json
        Print JSON.
    """
    from fiducial.catalogue.store import Catalogue
    from fiducial.runs.catalogue_trace import document, text_lines, trace_in, write_picture

    with Catalogue.open(catalogue, create=False) as opened:
        found = trace_in(opened, start, direction, depth)
    if plot is not None:
        write_picture(found, direction, plot, overwrite=overwrite)
    if json:
        print_json(document(found, direction, depth))
        return
    print_lines(text_lines(found, direction, every=every))


@app.command
def verify(
    *,
    catalogue: str | None = None,
    under: Path | None = None,
    quick: Flag = False,
    threads: int = 4,
    json: Flag = False,
) -> None:
    """Hash every recorded file again; name what is missing, changed or orphaned, and all that stood on it.

    Exit code 5 when something is wrong, also when a combined product does not link to every intermediate solution that
    it used, still retrievable (FAIR rule, Principle 4).

    Example: ``fiducial catalogue verify --quick``

    Parameters
    ----------
    catalogue
        SQLite file or postgresql:// address.
    under
        Look only below this folder.
    quick
        Compare size and time of change instead of hashing.
    threads
        Files hashed at once.
    json
        Print JSON.
    """
    from fiducial.catalogue.store import Catalogue
    from fiducial.runs.catalogue_tables import verify_lines
    from fiducial.runs.catalogue_verify import verify_catalogue

    with Catalogue.open(catalogue, create=False) as opened:
        found = verify_catalogue(opened, under=under, quick=quick, threads=threads)
    if json:
        print_json(found.to_dict())
    else:
        print_lines(verify_lines(found))
    if not found.is_sound:
        raise SystemExit(5)

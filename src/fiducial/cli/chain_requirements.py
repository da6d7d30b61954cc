"""``fiducial chain requirements``: the register of in-situ requirements, and scores against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from fiducial.cli.chain import app
from fiducial.cli.console import print_json, print_lines, print_table

requirements = App(name="requirements", help="In-situ requirements: show the register, score a GNSS network.")
app.command(requirements)

_FLAG = Parameter(negative="")


@requirements.command
def show(
    *,
    product: int | None = None,
    requirement: int | None = None,
    register: Path | None = None,
    json: Annotated[bool, _FLAG] = False,
) -> None:
    """Show products, their requirements and the metrics: threshold, breakthrough, goal.

    Example: ``fiducial chain requirements show --product 343``

    Parameters
    ----------
    product
        Only this product of the register.
    requirement
        Only this requirement.
    register
        Another register (YAML) than the packaged one.
    json
        Print JSON.
    """
    from fiducial.runs.chain_requirements import load_register, register_tables

    found = register_tables(load_register(register), product, requirement)
    if json:
        print_json(found)
        return
    for one in found["products"]:
        print_lines([f"Product {one['uid']}: {one['name']} ({one['status']}; {one['service']})"])
    needs = [[one["requirement"], one["name"], one["criticality"], one["level_of_definition"], one["relevance"],
              ", ".join(one["barriers"]) or "none", ", ".join(one["egv_products"]) or one["outside"] or "none"]
             for one in found["product_requirements"]]  # fmt: skip
    columns = ["no.", "requirement", "criticality", "definition", "relevance", "barriers", "EGV products (inferred)"]
    print_table("Requirements of the product", columns, needs)
    rows = [row for one in found["requirements"] for row in _metric_rows(one)]
    print_table("Metrics", ["no.", "requirement", "metric", "threshold", "breakthrough", "goal", "remark"], rows)
    print_lines(found["observations"])


def _metric_rows(requirement: dict[str, Any]) -> list[list[object]]:
    rows: list[list[object]] = []
    for metric in requirement["metrics"]:
        levels = [
            metric[level]["text"] if metric[level] else "not known" for level in ("threshold", "breakthrough", "goal")
        ]
        rows.append([str(requirement["uid"]), requirement["name"], metric["name"], *levels, metric["suspect"] or ""])
    return rows


@requirements.command
def score(
    *,
    gnss: Path | None = None,
    series: Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative="")] = (),
    requirement: int = 369,
    polygon: Path | None = None,
    cell_km: float = 10.0,
    as_of: str | None = None,
    out: Path | None = None,
    register: Path | None = None,
    json: Annotated[bool, _FLAG] = False,
) -> None:
    """Score a GNSS network: where, and for what share of the area, a requirement's levels are reached.

    Example: ``fiducial chain requirements score --gnss euref_all.raw --out score``

    Parameters
    ----------
    gnss
        Velocity table with sigmas: EUREF, GAMIT, MIDAS, A-EPND or CSV.
    series
        Dated positions (tenv, tenv3, TMS), for update frequency and timeliness.
    requirement
        Number in the register.
    polygon
        Area (GeoJSON, GeoPackage); by default land within 100 km of a station.
    cell_km
        Size of the equal-area cells.
    as_of
        Date at which the series were at hand, for timeliness.
    out
        Folder for JSON, GeoTIFF and map.
    register
        Another register (YAML) than the packaged one.
    json
        Print JSON.
    """
    from fiducial.runs.chain_requirements import ScoreRequest, score_requirement, write_score
    from fiducial.runs.progress import progress

    request = ScoreRequest(gnss, series, requirement, polygon, cell_km, as_of, register)
    with progress("score", 3.0) as advance:
        found = score_requirement(request, progress=advance)
    written = [] if out is None else write_score(found, out)
    plain = found.to_dict()
    if json:
        print_json(plain | {"files": [str(path) for path in written]})
        return
    rows = [[one["name"], *(_percent(one[key]) for key in ("threshold", "breakthrough", "goal", "below", "unknown"))]
            for one in plain["shares"]]  # fmt: skip
    title = (f"Requirement {plain['requirement']} ({plain['name']}): {plain['area_km2']:,.0f} km² of {plain['area']}, "
             f"{plain['stations']} stations at {plain['sites']} sites")  # fmt: skip
    print_table(title, ["share of the area, %", "threshold", "breakthrough", "goal", "below", "unknown"], rows)
    spacing = plain["spacing_km"]
    local = f"median {spacing['median']:.1f}, 95 % {spacing['p95']:.1f}, largest {spacing['largest']:.1f}"
    print_lines([f"local spacing, km: {local}", *plain["notes"], *(f"wrote {path}" for path in written)])


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100.0 * share:.2f}"

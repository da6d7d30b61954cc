"""``fiducial motion versions`` and ``fiducial motion diff``: the calibrations that lie beside the series of a product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.motion import Flag, app

_DIGEST = 12

Products = Annotated[list[Path], Parameter(name="PRODUCT", help="Point product.")]
Product = Annotated[Path, Parameter(name="PRODUCT", help="Point product.")]
First = Annotated[
    str | None,
    Parameter(
        name="A", help="Version of its calibration, or another product of the same points. Default: newest but one."
    ),
]
Second = Annotated[str | None, Parameter(name="B", help="Version to compare A with. Default: the newest.")]


@app.command
def versions(product: Products, /, *, json: Flag = False) -> None:
    """List the calibrations of products, the oldest first; the last is applied on read.

    Example: ``fiducial motion versions calibrated/014A_04939_131313``

    Parameters
    ----------
    json
        Print JSON.
    """
    from fiducial.runs.calibration_diff import list_versions

    rows = list_versions(product)
    if json:
        print_json(rows)
        return
    columns = ["product", "version", "recipe", "frame", "GNSS", "written (UTC)", "terms", "kB"]
    print_table("calibrations, oldest first", columns, [
        [Path(row["product"]).name, row["version"], row["recipe"], row["frame"], row["gnss_source"], row["written"],
         row["terms"], round(row["bytes"] / 1000)]
        for row in rows
    ])  # fmt: skip


@app.command
def diff(
    product: Product,
    a: First = None,
    b: Second = None,
    /,
    *,
    convert: Flag = False,
    plot: Path | None = None,
    json: Flag = False,
) -> None:
    """Tell what changed between two calibrations of a product: the surface at every point, stations, inputs.

    Example: ``fiducial motion diff calibrated/014A_04939_131313 egms-1a2b3c4d joint-5e6f7a8b --plot change.png``

    Parameters
    ----------
    convert
        Switch B to the frame of A for the comparison; without it different frames are refused.
    plot
        PNG with a map of the difference.
    json
        Print JSON.
    """
    from fiducial.formats.point_product import is_product
    from fiducial.runs.calibration_diff import compare

    other = Path(a) if a is not None and b is None and is_product(Path(a)) else None
    first = None if other is not None else a
    found = compare(product, first, b, other=other, convert=convert, picture=plot).to_dict()
    if json:
        print_json(found)
        return
    _print_difference(found)
    if plot is not None:
        print_lines([f"map in {plot}"])


def _print_difference(found: dict[str, Any]) -> None:
    surface, stations = found["surface"], found["stations"]
    title = (
        f"{found['product']}: S of {found['versions'][1]} minus S of {found['versions'][0]}, mm/yr, {found['frame']}"
    )
    columns = ["points", "mean", "RMS", "lowest", "highest", "sigma A", "sigma B", "normalised RMS", "largest"]
    print_table(title, columns, [list(surface.values())])
    rows = [
        [
            name.replace("_", " "),
            *(_short(name, pair[key]) for key in ("first", "second")),
            "" if pair["same"] else "changed",
        ]
        for name, pair in found["stated"].items()
    ]
    print_table("what the versions say of themselves", ["", *found["versions"], ""], rows)
    changes = [[kind, len(names), ", ".join(names) or None] for kind, names in (
        ("added", stations["added"]), ("dropped", stations["dropped"]),
        ("newly rejected", [f"{name} ({why})" for name, why in stations["newly_rejected"].items()]),
        ("no longer rejected", list(stations["no_longer_rejected"])),
    )]  # fmt: skip
    print_table("stations", ["", "count", "names"], changes)
    print_lines(found["notes"])


def _short(name: str, value: object) -> object:
    return value[:_DIGEST] if name in {"gnss_sha256", "provenance_id"} and isinstance(value, str) else value

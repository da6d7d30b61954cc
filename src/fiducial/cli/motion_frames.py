"""``fiducial motion switch-frame``: calibrated products in another reference frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.motion import Flag, app

Products = Annotated[list[Path], Parameter(name="PRODUCT", help="Calibrated point product, or one tied as delivered.")]


@app.command(name="switch-frame")
def switch_frame(product: Products, /, *, to: str, version: str | None = None, json: Flag = False) -> None:
    """Switch calibrations to another reference frame: a new version of the coefficients, beside the old one.

    Calibrated velocities gain the line of sight of the velocity of the old frame in the new one.

    Example: ``fiducial motion switch-frame calibrated/014A_04939_131313 --to ITRF2020``

    Parameters
    ----------
    to
        Frame: ETRF2000, ETRF2014, ETRF2020, ITRF2008, ITRF2014, ITRF2020, plate:EURA@ITRF2014, plate:EURA@ITRF2020, or
        plate:EURA@ITRF2020+ORB with the origin rate bias of the plate motion model.
    version
        Version to start from; the newest by default, ``none`` for the tie of the producer.
    json
        Print JSON.
    """
    from fiducial.runs.frame_switch import switch_products

    rows = switch_products(product, version, to)
    if json:
        print_json(rows)
        return
    table = []
    for row in rows:
        shift = (row["frame_switch"] or {}).get("los_of_frame_velocity", {})
        source = row["switched_from"] or {}
        numbers = [shift.get(f"{name}_mm_per_yr") for name in ("lowest", "mean", "highest", "rms")]
        table.append([Path(row["product"]).name, row["version"], source.get("frame"), row["frame"], *numbers])
    columns = ["product", "version", "from", "frame", "lowest", "mean", "highest", "misfit RMS"]
    print_table("LOS of the frame velocity, added to calibrated velocities, mm/yr", columns, table)
    print_lines([remark for row in rows for remark in row["remarks"]])

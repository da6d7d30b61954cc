"""``fiducial eop``: Earth rotation parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(name="eop", help="Earth rotation parameters: compare with the IERS C04 series.")


@app.command
def compare(
    file: Path,
    /,
    *,
    reference: Annotated[Path | None, Parameter(name="--with")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Compare a file of Earth rotation parameters with C04: pole, UT1, length of day, file minus C04.

    Example: ``fiducial eop compare IGS0OPSFIN_20242590000_07D_01D_ERP.ERP``

    Parameters
    ----------
    file
        IGS ERP, IERS finals (Bulletin A), or C04.
    reference
        C04 series; the one installed with Fiducial by default.
    json
        Print JSON.
    """
    from fiducial.runs.eop_compare import compare_eop

    found = compare_eop(file, reference)
    if json:
        print_json(found.to_dict())
        return
    rows = [list(one.values()) for one in found.statistics()]
    print_table(f"{found.file} minus {found.reference}", ["quantity", "epochs", "mean", "RMS", "largest"], rows)
    print_lines(found.notes)

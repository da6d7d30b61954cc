"""``fiducial stations check`` and ``common-mode``: what is to be looked at before rates are estimated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.stations import Flag, app


@app.command
def check(file: Path, /, *, sites: Path | None = None, json: Flag = False) -> None:
    """Check sites, antennas, receivers and eccentricities of a SINEX file, against each other and a table.

    The exit code is 1 when there are errors: a position that is wrong or belongs to another site or antenna. Warnings are
    about names and receivers; notes are about long times without data.

    Example: ``fiducial stations check igs24P2332.snx --sites igs20.snx``

    Example: ``fiducial stations check COD0OPSFIN_20242630000_01D_01D_SOL.SNX.gz --sites stations.csv --json``

    Parameters
    ----------
    file
        SINEX, also compressed.
    sites
        Trusted table: SINEX with SITE blocks, or CSV with columns station, domes, longitude, latitude, height, antenna,
        radome, receiver.
    json
        Print JSON, with every finding.
    """
    from fiducial.runs.station_check import check_stations, finding_rows

    found = check_stations(file, sites)
    if json:
        print_json(found.to_dict())
    else:
        columns, rows = finding_rows(found)
        if rows:
            print_table(f"Sites of {found.file}", columns, rows)
        counts = ", ".join(f"{number} {name}{'' if number == 1 else 's'}" for name, number in found.counts.items())
        blocks = ", ".join(f"{title} ({number})" for title, number in found.rows.items())
        print_lines([*found.reading, f"{found.file}: {counts}; checked {blocks}"])
    if found.counts["error"]:
        sys.exit(1)


@app.command(name="common-mode")
def common_mode(
    files: Annotated[list[Path], Parameter(name="FILE", help="Series of one region: NGL tenv or tenv3, or IGS TMS.")],
    /,
    *,
    out: Path,
    sites: Path | None = None,
    length_km: float = 500.0,
    least_stations: int = 5,
    frame: str | None = None,
    strictness: Literal["ignore", "warn", "raise"] = "warn",
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Remove from series what their neighbours do at the same time: for display and screening only.

    A common mode holds a part of the motion of the region. The files say so, and ``fiducial stations velocity`` refuses them.

    Example: ``fiducial stations common-mode series/*.tenv3 --out filtered --sites sites.csv``

    Parameters
    ----------
    out
        Folder for a series and a figure a station, and common_mode.json.
    sites
        Positions of stations whose files do not state them (16 columns of tenv): SINEX, or CSV with columns station,
        longitude, latitude, height.
    length_km
        Weights fall with exp(-d^2 / 2 L^2) of the distance; L.
    least_stations
        Neighbours that an epoch needs.
    frame
        Frame of the series, where neither file nor file name state it.
    strictness
        What becomes of faults in files that can be repaired.
    overwrite
        Replace files of an earlier run.
    json
        Print the summary as JSON.
    """
    from fiducial.runs.progress import progress
    from fiducial.runs.station_common_mode import CommonModeRequest, filter_series, mode_rows, summary, write

    request = CommonModeRequest(tuple(files), sites, frame, length_km, least_stations, strictness)
    with progress("stations", float(len(files))) as advance:
        found = filter_series(request, progress=advance)
    written = write(request, found, out, overwrite=overwrite)
    if json:
        print_json({**summary(request, found), "files": [str(path) for path in written]})
        return
    columns, rows = mode_rows(found)
    print_table("Robust scatter of detrended series, mm", columns, rows)
    print_lines(["for display and screening only, never for rates", *(str(path) for path in written)])

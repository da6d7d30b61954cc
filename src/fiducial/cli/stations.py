"""``fiducial stations``: velocities from GNSS station time series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(name="stations", help="GNSS stations: velocities from time series, velocity models, predictions.")

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def velocity(
    files: Annotated[list[Path], Parameter(name="FILE", help="Series: NGL tenv or tenv3, or IGS TMS.")],
    /,
    *,
    steps: Path | None = None,
    method: Literal["midas", "trajectory", "both"] = "both",
    noise: Literal["flicker", "estimate", "white"] = "flicker",
    noise_sampling: Literal["weekly", "daily"] = "weekly",
    detect_steps: Flag = False,
    frame: str | None = None,
    draconitic: Flag = False,
    post_seismic: Literal["none", "log", "exp"] = "none",
    strictness: Literal["ignore", "warn", "raise"] = "warn",
    out: Path | None = None,
    plot: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Estimate the velocity of stations from their series: MIDAS, and a trajectory model under coloured noise.

    Example: ``fiducial stations velocity CODR.IGS08.tenv.txt MPRA.IGS08.tenv.txt --out rates.csv --plot figures``

    Example: ``fiducial stations velocity zimm.tms --steps steps.txt --method trajectory --noise estimate --json``

    Parameters
    ----------
    steps
        Known steps: rows of station and date (2010-05-01, decimal year or NGL's 10MAY01), then NGL's 1 (equipment) or 2
        (earthquake).
    method
        MIDAS, the trajectory model, or both.
    noise
        White and flicker noise, white and power-law noise with an index that is estimated, or white noise only.
    noise_sampling
        Fit weekly medians, or the daily positions themselves (seconds to minutes a station).
    detect_steps
        Look for steps that no list names, and model them.
    frame
        Frame of the series, such as IGS20, where neither file nor file name state it.
    draconitic
        Add the GPS draconitic period (351.4 d) and its half.
    post_seismic
        Relaxation after the earthquakes of the list of steps: none, logarithmic or exponential.
    strictness
        What becomes of faults in files that can be repaired.
    out
        Table of the rates (CSV or Parquet by its ending).
    plot
        Folder for figures of series, model, steps and residuals (PNG).
    overwrite
        Replace the table and the figures.
    json
        Print JSON.
    """
    from fiducial.runs.progress import progress
    from fiducial.runs.station_velocity import VelocityRequest, draw, estimate, rate_rows, sentences, write_table

    request = VelocityRequest(
        files=tuple(files), steps=steps, method=method, noise=noise, noise_sampling=noise_sampling,
        detect_steps=detect_steps, frame=frame,
        draconitic=draconitic, post_seismic=post_seismic, strictness=strictness,
    )  # fmt: skip
    with progress("stations", float(len(files))) as advance:
        found = estimate(request, progress=advance)
    written = [] if out is None else [write_table(found, out, overwrite=overwrite)]
    if plot is not None:
        written += draw(found, plot, overwrite=overwrite)
    if json:
        print_json({"stations": [one.to_dict() for one in found], "files": [str(path) for path in written]})
        return
    columns, rows = rate_rows(found)
    print_table("Velocities, mm/yr", columns, rows)
    print_lines([*sentences(found), *(str(path) for path in written)])

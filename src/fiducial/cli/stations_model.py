"""``fiducial stations model``, ``predict`` and ``validate``: velocities with covariance anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.console import print_json, print_lines, print_table
from fiducial.cli.stations import Flag, app

Tables = Annotated[list[Path], Parameter(name="TABLE", help="Station velocities: GAMIT, EUREF, MIDAS, A-EPND or CSV.")]
Epochs = Annotated[tuple[float, float] | None, Parameter(negative="")]
Lonlat = Annotated[tuple[float, float] | None, Parameter(negative="")]
Bounds = Annotated[tuple[float, float, float, float] | None, Parameter(negative="")]
_SHOWN = 40


@app.command
def model(
    tables: Tables,
    /,
    *,
    frame: str | None = None,
    out: Path,
    epochs: Epochs = None,
    plate: str = "EURA",
    origin_rate_bias: Flag = False,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Make a velocity model: merge, screen, remove the plate, fit covariances; one file holds all that predicts.

    Example: ``fiducial stations model euref_all.raw --frame ETRF2014 --out europe.fvm``

    Parameters
    ----------
    frame
        Frame of the tables, such as IGS20, ETRF2000 or plate:EURA@ITRF2014; only A-EPND states its own.
    out
        File to write.
    epochs
        First and last epoch of the series behind the tables, decimal years; kept with the model.
    plate
        Plate whose rotation is removed before collocation and restored after it, for tables in an ITRF or IGS frame.
    origin_rate_bias
        Remove the plate of ITRF2020 with its origin rate bias.
    overwrite
        Replace the file.
    json
        Print JSON, with all merged and rejected stations.
    """
    from fiducial.runs.velocity_model import ModelRequest, build, covariance_rows, summary

    request = ModelRequest(tuple(tables), frame, plate, origin_rate_bias, epochs)
    found, notes = build(request, out, overwrite=overwrite)
    if json:
        print_json(summary(found) | {"notes": notes, "file": str(out)})
        return
    columns = ["component", "sites", "sigma mm/yr", "length km", "nugget mm/yr", "factor of sigmas", "local sigma"]
    print_table(f"velocity model in {found.frame}", columns, covariance_rows(found))
    print_lines([*notes, str(out)])


@app.command
def predict(
    file: Annotated[Path, Parameter(name="MODEL", help="File written by `fiducial stations model`.")],
    /,
    *,
    points: Path | None = None,
    lonlat: Lonlat = None,
    grid: float | None = None,
    bounds: Bounds = None,
    frame: str | None = None,
    covariance: Flag = False,
    layout: Literal["auto", "table", "aepnd", "json"] = "auto",
    out: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Predict east, north and up velocity with covariance, at points or on a grid, in a frame.

    Example: ``fiducial stations predict europe.fvm --lonlat 13.179 38.708 --frame ETRF2000 --json``

    Example: ``fiducial stations predict europe.fvm --grid 50 --bounds 5 45 15 55 --frame ETRF2000 --layout aepnd --out grid.csv``

    Parameters
    ----------
    points
        List of points: longitude latitude [name], or columns with these names.
    lonlat
        Longitude and latitude of one point, degrees.
    grid
        Spacing in km of a grid in EPSG:3035, between --bounds.
    bounds
        West, south, east, north, degrees.
    frame
        Frame of the prediction; that of the model by default.
    covariance
        Also the covariance between all points (JSON only, at most 2000 points).
    layout
        Table with commas, A-EPND (ETRF2000, two decimals), or JSON; by default what the name of the file ends in.
    out
        File to write.
    overwrite
        Replace the file.
    json
        Print JSON.
    """
    from fiducial.runs import velocity_prediction as run

    found = run.predict(
        file, points=points, lonlat=lonlat, grid_km=grid, bounds=bounds, frame=frame, between_points=covariance
    )
    if out is not None:
        run.write(found, out, layout=layout, overwrite=overwrite)
    if json:
        print_json(found.to_dict())
        return
    rows = found.rows()
    if out is None:
        print_table(f"velocities in {found.prediction.frame}, mm/yr", list(run.COLUMNS), rows[:_SHOWN])
        print_lines([f"{len(rows)} points, {_SHOWN} shown; --out writes all"] if len(rows) > _SHOWN else [])
    else:
        print_lines([f"{len(rows)} points in {found.prediction.frame}: {out}"])


@app.command
def validate(
    tables: Tables,
    /,
    *,
    frame: str | None = None,
    folds: int = 10,
    block: float = 100.0,
    seed: int = 0,
    fixed: Flag = False,
    plate: str = "EURA",
    origin_rate_bias: Flag = False,
    out: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Cross-validate a velocity model, with random folds and with folds of blocks; no held-out site is screened.

    Example: ``fiducial stations validate euref_all.raw --frame ETRF2014 --out folds.json``

    Parameters
    ----------
    frame
        Frame of the tables.
    folds
        Number of folds.
    block
        Size of the blocks, km.
    seed
        Of the random numbers that deal sites and blocks to folds.
    fixed
        Take the covariance parameters of all sites in every fold, instead of refitting them (several times as fast).
    plate
        As for the model.
    origin_rate_bias
        As for the model.
    out
        JSON file with folds, residuals and sigmas of all sites.
    overwrite
        Replace the file.
    json
        Print the scores as JSON.
    """
    from fiducial.runs.progress import progress
    from fiducial.runs.velocity_model import ModelRequest, score_rows, validate, write_validation

    request = ModelRequest(tuple(tables), frame, plate, origin_rate_bias)
    with progress("folds", 2.0 * folds) as advance:
        found, notes = validate(
            request, folds=folds, block_km=block, seed=seed, refit=not fixed, progress=advance
        )  # fmt: skip
    if out is not None:
        write_validation(found, notes, out, overwrite=overwrite)
    if json:
        print_json({"validations": [{"folds": one.folds.name, "parameters": one.parameters, "scores": one.scores()}
                                    for one in found], "notes": notes})  # fmt: skip
        return
    columns = ["folds", "component", "sites", "robust sd", "RMS", "median", "nearest site", "ratio", "standardised robust",
               "standardised sd", "> 3 sigma"]  # fmt: skip
    print_table("held-out sites, mm/yr", columns, score_rows(found))
    print_lines([*notes, *([] if out is None else [str(out)])])

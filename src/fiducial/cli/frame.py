"""``fiducial frame``: coordinates between terrestrial reference frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from fiducial.cli.console import print_json, print_lines, print_table

app = App(name="frame", help="Terrestrial reference frames: transform positions and velocities.")

Flag = Annotated[bool, Parameter(negative="")]
Triple = Annotated[tuple[float, float, float] | None, Parameter(negative="")]


@app.command
def transform(
    file: Annotated[Path | None, Parameter(name="FILE", help="Table or SINEX file of station coordinates.")] = None,
    /,
    *,
    source: Annotated[str, Parameter(name="--from")],
    target: Annotated[str, Parameter(name="--to")],
    epoch: str | None = None,
    xyz: Triple = None,
    lonlath: Triple = None,
    velocity: Triple = None,
    to_epoch: str | None = None,
    plate: str = "",
    origin_rate_bias: Flag = False,
    psd: Path | None = None,
    psd_start: Literal["regularised", "observed"] | None = None,
    discontinuities: Path | None = None,
    out: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Transform a point, or the stations of a file, from one terrestrial reference frame to another.

    Positions and velocities are transformed at their epoch; with --to-epoch they are then propagated in the target frame.

    Example: ``fiducial frame transform --from ITRF2020 --to ETRF2000 --epoch 2010.0 --xyz 4027893.6750 307045.9069
    4919475.1721 --velocity -0.01361 0.01686 0.01024``

    Example: ``fiducial frame transform stations.csv --from IGS20 --to ETRF2014 --epoch 2024-01-01 --out stations-etrf.csv``

    Example: ``fiducial frame transform igs.snx --from IGS14 --to ETRF2014 --to-epoch 2024.5 --psd psd.snx --out etrf.snx``

    Parameters
    ----------
    source
        Frame of the coordinates: ITRF88 to ITRF2020, IGS08 to IGS20, ETRF89 to ETRF2020.
    target
        Frame that is wanted.
    epoch
        Decimal year or date of the coordinates. Required, unless every row of the file has one.
    xyz
        Geocentric X Y Z in metres.
    lonlath
        Longitude and latitude in degrees and ellipsoidal height in metres (GRS80), instead of --xyz.
    velocity
        Geocentric VX VY VZ in metres per year.
    to_epoch
        Decimal year or date to propagate to, with the velocities given or those of the SINEX file; without velocity it is
        refused.
    plate
        Plate that stations without velocity move with: EURA, EURA@ITRF2014, EURA@ITRF2020+ORB. Without a model, that of
        ITRF2020.
    origin_rate_bias
        Take the plate with the origin rate bias of its model (+ORB); without it the motion is a pure rotation.
    psd
        SINEX file of post-seismic terms of the same frame solution; for a SINEX file.
    psd_start
        What the given positions are: regularised (of a frame solution) or observed (of a day). Without it, regularised
        where the SINEX file has a velocity of the station.
    discontinuities
        SINEX file of discontinuities, instead of SOLUTION/DISCONTINUITY or SOLUTION/EPOCHS of the SINEX file.
    out
        SINEX file (.snx) with covariance, of a SINEX file. Otherwise a table, with commas when it ends in .csv: columns station x y z [vx vy vz] [epoch] in m and m/yr.
    overwrite
        Replace the table.
    json
        Print JSON.
    """
    from fiducial.errors import InputError
    from fiducial.runs.frame_transform import TransformRequest, transform_file, transform_point

    request = TransformRequest(
        source, target, epoch, to_epoch, plate, origin_rate_bias, psd, psd_start, discontinuities
    )
    if file is None:
        if out is not None:
            raise InputError("FID-1316", "--out needs a file of stations", where="fiducial frame transform",
                             fix="give the file, or --json for one point")  # fmt: skip
        result = transform_point(request, xyz_m=xyz, lonlath=lonlath, velocity_m_per_yr=velocity)
    elif xyz or lonlath or velocity:
        raise InputError("FID-1316", "a file and a point at once", where="fiducial frame transform",
                         fix="give either a file, or --xyz or --lonlath")  # fmt: skip
    else:
        result = transform_file(request, file, out, overwrite=overwrite)
    if json:
        print_json(result)
        return
    rows = result.get("rows") or [{"station": "point", **result}]
    if out is None:
        columns = ["station", "epoch", "X m", "Y m", "Z m", "VX m/yr", "VY m/yr", "VZ m/yr"]
        print_table(f"{source} to {target}", columns, [_row(row) for row in rows])
    else:
        print_lines([f"{result['stations']} stations: {out}"])
    path = ", ".join(step["operation"] for step in result["path"]) or "no operation: the frames are one"
    print_lines([f"by {path}", *result["notes"]])


def _row(row: dict[str, Any]) -> list[str]:
    """Texts of one row: 0.1 mm and 0.01 mm/yr."""
    velocity = row["velocity_m_per_yr"] or ["-"] * 3
    return [row["station"], f"{row['epoch']:.4f}", *(f"{value:.4f}" for value in row["xyz_m"]),
            *(value if isinstance(value, str) else f"{value:.5f}" for value in velocity)]  # fmt: skip

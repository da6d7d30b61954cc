"""Station velocities handed from step to step as one kind of table."""

from __future__ import annotations

from dataclasses import replace

from fiducial.errors import InputError
from fiducial.geodesy.frame_velocities import canonical_frame, frame_change
from fiducial.geodesy.station_velocities import StationVelocities


def in_frame(table: StationVelocities, frame: str | None) -> tuple[StationVelocities, tuple[str, ...]]:
    """Return velocities in a frame, with a sentence on what was done; covariances are those of the source.

    Parameters
    ----------
    table : StationVelocities
    frame : str or None
        None leaves them as they are.

    Raises
    ------
    InputError
        FID-1004 when the velocities have no frame, or an unknown one is asked for; FID-1101 when no transformation is
        known.
    """
    if not table.frame:
        raise InputError("FID-1004", "the frame of the station velocities is not stated", where=table.source,
                         fix="state the frame of the series, such as IGS20")  # fmt: skip
    if frame is None or canonical_frame(frame) == canonical_frame(table.frame):
        return table, (f"station velocities in {table.frame}",)
    change = frame_change(table.frame, frame)
    moved = table.velocity_enu_mm_per_yr + change.velocity_mm_per_yr(table.longitude_deg, table.latitude_deg)
    note = f"station velocities from {table.frame} to {frame}: {', '.join(change.operations)}"
    return replace(table, velocity_enu_mm_per_yr=moved, frame=canonical_frame(frame)), (note,)

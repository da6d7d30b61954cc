"""Whether velocities can be in the frame they are said to be in."""

from __future__ import annotations

from typing import Final

import numpy as np

from fiducial.errors import InputError
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.geodesy.frames import PLATES_BY_MODEL, Frame, parse_frame
from fiducial.geodesy.station_velocities import StationVelocities

_SLOW_MM_PER_YR: Final = 4.0
_FAST_MM_PER_YR: Final = 10.0
_EXPLAINED: Final = 0.3
_MODEL: Final = "ITRF2020"


def require_plausible_frame(stations: StationVelocities, frame: Frame | str) -> None:
    """Require that horizontal velocities do not contradict the frame they are said to be in.

    Parameters
    ----------
    stations : StationVelocities
        Horizontal velocities in mm/yr; NaN are left out.
    frame : Frame or str
        As stated by the user.

    Raises
    ------
    InputError
        FID-1004 when velocities said to be fixed to a plate move with the plate, or velocities said to be in an
        ITRF stand still.

    Notes
    -----
    Plates move 10 to 80 mm/yr in any ITRF (Altamimi et al. 2023). Said to be fixed to a plate, a table is refused
    when its median speed exceeds 10 mm/yr and subtracting the plate's motion takes away 70 % of it; said to be ITRF,
    when its median speed is below 4 mm/yr where no plate is that slow. Realisations of one system (ETRF2000 or
    ETRF2014) differ by less than 1 mm/yr: no table tells them apart.
    """
    stated = parse_frame(frame) if isinstance(frame, str) else frame
    velocity = stations.velocity_enu_mm_per_yr[:, :2]
    known = np.isfinite(velocity).all(axis=1)
    if not known.any():
        return
    velocity, longitude, latitude = velocity[known], stations.longitude_deg[known], stations.latitude_deg[known]
    speed = float(np.median(np.linalg.norm(velocity, axis=1)))

    def motion(plate: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return frame_velocity(f"plate:{plate}@{_MODEL}", _MODEL, longitude, latitude)[:, :2]

    if stated.kind == "ITRF":
        slowest = min(float(np.median(np.linalg.norm(motion(plate), axis=1))) for plate in PLATES_BY_MODEL[_MODEL])
        if speed < min(_SLOW_MM_PER_YR, slowest):
            raise _contradiction(stations, stated, f"half of the stations move less than {speed:.1f} mm/yr",
                                 "it looks fixed to a plate: state ETRF2000, ETRF2014, plate:EURA ...")  # fmt: skip
        return
    plate = stated.plate or "EURA"
    left = float(np.median(np.linalg.norm(velocity - motion(plate), axis=1)))
    if speed > _FAST_MM_PER_YR and left < _EXPLAINED * speed:
        raise _contradiction(
            stations,
            stated,
            f"the stations move with the plate {plate} at {speed:.1f} mm/yr (without its motion {left:.1f} mm/yr)",
            "it looks like an ITRF: state ITRF2014, ITRF2020 or the IGS frame it was made in",
        )


def _contradiction(stations: StationVelocities, stated: Frame, found: str, hint: str) -> InputError:
    return InputError(
        "FID-1004",
        f"the velocities cannot be in {stated}: {found}",
        where=stations.source,
        fix=hint,
    )

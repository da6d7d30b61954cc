"""Whether coordinates can be what they are said to be: on the ground, slow, and of the frame that is stated."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_from_geocentric
from fiducial.geodesy.frame_plausibility import require_plausible_frame
from fiducial.geodesy.frames import parse_frame
from fiducial.geodesy.station_velocities import StationVelocities

Array = NDArray[np.float64]

LEAST_RADIUS_M: Final = 6.3e6
LARGEST_RADIUS_M: Final = 6.4e6
"""The ground lies 6 350 to 6 385 km from the geocentre; in any other unit a position falls outside these limits."""
FASTEST_M_PER_YR: Final = 0.5
"""No plate moves faster than 0.2 m/yr; ice streams that do are not what frames are made from."""
_EUROPE: Final = (-11.0, 40.0, 43.0, 72.0)
"""West, east, south, north [deg] of stations that stand still in an ETRF, whatever the tectonics."""
_ENOUGH_FOR_A_FRAME: Final = 5
"""Stations whose velocities, against all others of the Earth, are refused; fewer may be a glacier, and get a note."""


def require_stated_frame(stated: str, source: str, where: str) -> None:
    """Refuse a frame other than the file states; FID-1316. A name that is no frame of ours says nothing."""
    if not stated:
        return
    try:
        frame = parse_frame(stated)
    except InputError:
        return
    if frame != parse_frame(source):
        raise InputError("FID-1316", f"the file states its frame as {stated}, not {source}", where=where,
                         fix=f"--from {stated}, or correct the file")  # fmt: skip


def frame_doubt(name: str, frame: str, stated: str = "") -> tuple[str, ...]:
    """Return a sentence when a file of post-seismic terms belongs to another frame than the coordinates.

    Parameters
    ----------
    name, stated : str
        Name of the file, and the frame that it states, if any.
    frame : str
        Of the coordinates; empty when unknown.
    """
    named = re.search(r"(ITRF\d{4}|IG[SB]b?\d{2})", name, re.IGNORECASE)
    try:
        own, other = parse_frame(frame), parse_frame(stated or (named[1] if named else frame))
    except InputError:
        return ()
    if other == own:
        return ()
    doubt = (
        f"{name} is {'of' if stated else 'named after'} {other}, the coordinates are in {own}: post-seismic terms and "
        "velocities of different frame solutions do not fit together"
    )
    return (doubt,)


def require_ground(position_m: Array, velocity_m_per_yr: Array | None, names: list[str]) -> None:
    """Refuse positions that are not on the ground and velocities faster than any plate: other units; FID-1315."""
    with np.errstate(over="ignore"):
        radius = np.linalg.norm(position_m, axis=1)
    wrong = ~((radius >= LEAST_RADIUS_M) & (radius <= LARGEST_RADIUS_M))
    if wrong.any():
        row = int(np.argmax(wrong))
        unit = next((text for text, factor in (("km", 1e3), ("mm", 1e-3), ("cm", 1e-2))
                     if LEAST_RADIUS_M <= factor * radius[row] <= LARGEST_RADIUS_M), "")  # fmt: skip
        hint = f"; it would be in {unit}" if unit else ""
        raise InputError("FID-1315", f"{radius[row]:.6g} m from the geocentre is not on the ground{hint}", where=names[row],
                         fix="give geocentric X Y Z in metres")  # fmt: skip
    if velocity_m_per_yr is None:
        return
    with np.errstate(over="ignore"):
        speed = np.linalg.norm(velocity_m_per_yr, axis=1)
    fast = (speed > FASTEST_M_PER_YR) | np.isinf(velocity_m_per_yr).any(axis=1)
    if fast.any():
        row = int(np.argmax(fast))
        raise InputError("FID-1315", f"{speed[row]:.4g} m/yr is faster than any plate; it looks like mm/yr",
                         where=names[row], fix="give geocentric VX VY VZ in metres per year")  # fmt: skip


def frame_notes(
    position_m: Array, velocity_m_per_yr: Array | None, names: list[str], frame: str, where: str
) -> list[str]:
    """Refuse velocities that contradict the frame, or say so when they are few.

    Returns
    -------
    list of str
        A sentence when fewer than five velocities contradict the frame.

    Raises
    ------
    InputError
        FID-1004; see `require_plausible_frame`.
    """
    if velocity_m_per_yr is None:
        return []
    known = np.asarray(np.isfinite(velocity_m_per_yr).all(axis=1))
    longitude, latitude, _ = geodetic_from_geocentric(np.where(known[:, np.newaxis], position_m, np.nan))
    if parse_frame(frame).kind == "ETRF":
        # On other plates everything moves in a frame that is fixed to Eurasia.
        west, east, south, north = _EUROPE
        known = known & (longitude > west) & (longitude < east) & (latitude > south) & (latitude < north)
    if not known.any():
        return []
    longitude, latitude = longitude[known], latitude[known]
    local = 1e3 * local_from_geocentric(velocity_m_per_yr[known], longitude, latitude)
    stations = StationVelocities(
        np.array(names)[known], longitude, latitude, local, np.full((len(local), 3, 3), np.nan), frame, where
    )
    try:
        require_plausible_frame(stations, frame)
    except InputError as error:
        if stations.size >= _ENOUGH_FOR_A_FRAME:
            raise
        return [f"{error.problem}: {error.fix}"]
    return []

"""Stations of one frame from one epoch to another, with covariance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.geodesy.epochs import require_epochs
from fiducial.geodesy.frame_graph import FrameCoordinates
from fiducial.geodesy.frame_velocities import frame_change
from fiducial.geodesy.frames import Frame, parse_frame

Array = NDArray[np.float64]


def propagate_coordinates(coordinates: FrameCoordinates, epoch_yr: ArrayLike | None) -> FrameCoordinates:
    """Propagate stations to an epoch with their own velocities; the frame stays.

    Parameters
    ----------
    coordinates : FrameCoordinates
        With a velocity of every station that is not at the epoch already.
    epoch_yr : float or array_like, shape (point,)
        Decimal year, required.

    Returns
    -------
    FrameCoordinates
        Positions at ``epoch_yr``, the same velocities.

    Raises
    ------
    InputError
        FID-1310, FID-1311 epochs; FID-1370 a station without velocity.

    Notes
    -----
    X(t) = X0 + dt V with dt = t - t0 of each station, and to first order, which here is exact,
    C_XX(t) = C_XX + dt (C_XV + C_VX) + dt^2 C_VV and C_XV(t) = C_XV + dt C_VV; between stations i and j
    dt_i and dt_j stand in their places. A covariance of velocities that is not given counts as zero.

    Examples
    --------
    >>> station = FrameCoordinates("ITRF2020", 2010.0, [[4027893.0, 307045.0, 4919475.0]], [[-0.01, 0.02, 0.01]])
    >>> propagate_coordinates(station, 2015.0).position_m.round(4).tolist()
    [[4027892.95, 307045.1, 4919475.05]]
    """
    epochs = require_epochs(epoch_yr, len(coordinates.position_m))
    step = epochs - coordinates.epoch_yr
    velocity = coordinates.velocity_m_per_yr
    known = np.full_like(coordinates.position_m, np.nan) if velocity is None else velocity
    still = (step != 0.0) & ~np.isfinite(known).all(axis=1)
    if still.any():
        row = int(np.argmax(still))
        raise no_velocity(int(still.sum()), f"station {row + 1}", coordinates.epoch_yr[row], epochs[row])
    moved = coordinates.position_m + np.where(step[:, np.newaxis] == 0.0, 0.0, step[:, np.newaxis] * known)
    of_position, of_velocity = coordinates.position_covariance_m2, coordinates.velocity_covariance_m2_per_yr2
    between = coordinates.cross_covariance_m2_per_yr
    if of_velocity is not None:
        full = of_velocity.ndim == 2
        rows = np.repeat(step, 3)[:, np.newaxis] if full else step[:, np.newaxis, np.newaxis]
        columns = rows.T if full else rows
        shared = np.zeros_like(of_velocity) if between is None else between
        if of_position is not None:
            mixed = shared * columns
            of_position = of_position + mixed + np.swapaxes(mixed, -1, -2) + rows * columns * of_velocity
            between = shared + rows * of_velocity
    return replace(
        coordinates, epoch_yr=epochs, position_m=moved, position_covariance_m2=of_position,
        cross_covariance_m2_per_yr=between,
    )  # fmt: skip


def no_velocity(stations: int, first: str, from_yr: float, to_yr: float) -> InputError:
    """Return the refusal to propagate without velocity."""
    others = f" and {stations - 1} more" if stations > 1 else ""
    return InputError(
        "FID-1370", f"no velocity takes {first}{others} from {from_yr:.4f} to {to_yr:.4f}", where=first,
        fix="give velocities, or name a plate whose motion the stations follow, such as EURA@ITRF2020",
    )  # fmt: skip


def plate_velocity(plate: Frame | str, frame: Frame | str, position_m: ArrayLike) -> Array:
    """Return the velocity that the motion of a plate gives to positions in a frame.

    Parameters
    ----------
    plate : Frame or str
        With its model: ``plate:EURA@ITRF2014``, ``plate:EURA@ITRF2020`` (a pure rotation), ``plate:EURA@ITRF2020+ORB``
        (with the origin rate bias).
    frame : Frame or str
        ITRF, ETRF or IGS realisation that the velocity is wanted in.
    position_m : array_like, shape (point, 3)

    Returns
    -------
    ndarray, shape (point, 3)
        Geocentric, m/yr.

    Raises
    ------
    InputError
        FID-1004, FID-1101; FID-1102 a plate without its model; FID-1371 not a plate.

    Examples
    --------
    >>> (1e3 * plate_velocity("plate:EURA@ITRF2020", "ITRF2020", [[4027893.0, 307045.0, 4919475.0]])).round(2).tolist()
    [[-13.5, 16.73, 10.01]]
    """
    parsed = parse_frame(str(plate))
    if parsed.kind != "plate":
        raise InputError("FID-1371", f"{parsed} is no plate", where="--plate", fix="name a plate such as EURA@ITRF2020")
    return 1e-3 * frame_change(parsed, frame).rates.velocity_mm_per_yr(position_m)

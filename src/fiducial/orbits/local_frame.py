"""Radial, along-track and cross-track directions of satellites from their Earth-fixed positions."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import EARTH_ROTATION_RAD_PER_S
from fiducial.errors import InputError
from fiducial.orbits.orbit import Array, Epochs

_NODES: Final = 9
"""Most positions in one derivative: order 8 inside an arc and at its ends."""
_LONGEST_GAP_S: Final = 7_200.0
"""A longer gap ends an arc; a polynomial over a quarter of a revolution is no orbit."""


def inertial_velocity(position_m: Array, epochs_gps: Epochs) -> Array:
    """Differentiate Earth-fixed positions to inertial velocities, given along the Earth-fixed axes.

    Parameters
    ----------
    position_m : ndarray, shape (epoch, satellite, 3)
        Earth-fixed, NaN where missing.
    epochs_gps : ndarray of datetime64, shape (epoch,)
        Increasing.

    Returns
    -------
    ndarray, shape (epoch, satellite, 3)
        dx/dt + omega x x, m/s; NaN without position, and where no other position lies within 2 h.

    Raises
    ------
    InputError
        FID-1211 when the arrays do not belong together.

    Notes
    -----
    Positions are turned about the z axis by omega (t - t0), differentiated with the Lagrange polynomial of the
    nearest nine of the arc (fewer in a short arc; one-sided at its ends) and turned back. Error at 15 min and
    eccentricity 0.01: below 0.01 mm/s in an arc and 0.2 mm/s at its ends; eccentricity 0.16: 0.5 mm/s and 23 mm/s.
    Precession, nutation and polar motion of the axis (below 1e-11 rad/s) are left out.
    """
    seconds = _seconds(position_m, epochs_gps)
    turned = _turn(position_m, EARTH_ROTATION_RAD_PER_S * seconds)
    velocity = np.full(position_m.shape, np.nan)
    present = np.all(np.isfinite(position_m), axis=2)
    # Satellites that miss the same epochs, most often none, share their weights.
    patterns, member = np.unique(present, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        columns = np.flatnonzero(member.ravel() == number)
        for arc in _arcs(np.flatnonzero(patterns[:, number]), seconds):
            index, weights = _derivative(seconds[arc])
            track = turned[np.ix_(arc, columns)]
            rate = np.zeros_like(track)
            for node in range(index.shape[1]):
                rate += weights[:, node, None, None] * track[index[:, node]]
            velocity[np.ix_(arc, columns)] = rate
    return _turn(velocity, -EARTH_ROTATION_RAD_PER_S * seconds)


def radial_along_cross(position_m: Array, epochs_gps: Epochs, velocity_m_per_s: Array | None = None) -> Array:
    """Return the unit vectors of the inertial orbital frame, along the Earth-fixed axes.

    Parameters
    ----------
    position_m : ndarray, shape (epoch, satellite, 3)
        Earth-fixed, NaN where missing.
    epochs_gps : ndarray of datetime64, shape (epoch,)
        Increasing.
    velocity_m_per_s : ndarray, shape (epoch, satellite, 3), optional
        Earth-fixed velocity, as SP3 gives it; where it is missing, and when left out, positions are differentiated.

    Returns
    -------
    ndarray, shape (epoch, satellite, 3, 3)
        Rows: radial (from the geocentre outwards), along-track (perpendicular to radial, on the side of the inertial
        velocity), cross-track (radial x along-track: on the side of the orbital angular momentum). Components of a
        vector d are ``frame @ d``. NaN where no velocity is known.

    Raises
    ------
    InputError
        FID-1211 when the arrays do not belong together.

    Notes
    -----
    Better than 1e-7 rad for GNSS orbits at 15 min, ends of the arc included: positions lie nearly in one inertial
    plane, so the error of the differentiation stays in that plane, and only the plane enters the directions.

    Examples
    --------
    >>> above_africa = np.array([[[26.56e6, 0.0, 0.0]]])
    >>> epoch = np.array(["2024-09-19T00:00:00"], dtype="datetime64[ns]")
    >>> frame = radial_along_cross(above_africa, epoch, np.array([[[0.0, 0.0, 3000.0]]]))[0, 0]
    >>> (frame @ [0.0, 0.0, 1.0]).round(3)
    array([0.   , 0.84 , 0.542])
    """
    seconds = _seconds(position_m, epochs_gps)
    if velocity_m_per_s is None:
        velocity = inertial_velocity(position_m, epochs_gps)
    else:
        if velocity_m_per_s.shape != position_m.shape:
            raise _malformed(f"velocities have shape {velocity_m_per_s.shape}, positions {position_m.shape}")
        spin = np.array([0.0, 0.0, EARTH_ROTATION_RAD_PER_S])
        velocity = velocity_m_per_s + np.cross(spin, position_m)
        missing = np.any(np.isnan(velocity), axis=2) & np.all(np.isfinite(position_m), axis=2)
        if np.any(missing) and seconds.size > 1:
            velocity = np.where(missing[..., None], inertial_velocity(position_m, epochs_gps), velocity)
    radial = _unit(position_m)
    cross = _unit(np.cross(position_m, velocity))
    return np.stack([radial, np.cross(cross, radial), cross], axis=2)


def _seconds(position_m: Array, epochs_gps: Epochs) -> Array:
    if position_m.ndim != 3 or position_m.shape[2] != 3 or position_m.shape[0] != epochs_gps.size:
        raise _malformed(f"positions have shape {position_m.shape}, epochs {epochs_gps.shape}")
    seconds: Array = (epochs_gps - epochs_gps[:1]) / np.timedelta64(1, "s")
    if not np.all(np.diff(seconds) > 0.0):
        raise _malformed("epochs do not increase")
    return seconds


def _arcs(index: NDArray[np.intp], seconds: Array) -> list[NDArray[np.intp]]:
    """Split epochs where a gap is too long; arcs of one epoch have no derivative."""
    breaks = np.flatnonzero(np.diff(seconds[index]) > _LONGEST_GAP_S) + 1
    return [arc for arc in np.split(index, breaks) if arc.size > 1]


def _derivative(nodes_s: Array) -> tuple[NDArray[np.intp], Array]:
    """Nodes and weights of the first derivative at every node, each of shape (epoch, node)."""
    width = min(_NODES, nodes_s.size)
    own = np.arange(nodes_s.size)
    start = np.clip(own - width // 2, 0, nodes_s.size - width)
    index = start[:, None] + np.arange(width)
    apart = nodes_s[index][:, :, None] - nodes_s[index][:, None, :]
    diagonal = np.arange(width)
    apart[:, diagonal, diagonal] = 1.0
    barycentric = 1.0 / np.prod(apart / nodes_s[-1], axis=2)
    here = own - start
    there = barycentric[own, here]
    away = nodes_s[:, None] - nodes_s[index]
    away[own, here] = 1.0
    weights = barycentric / there[:, None] / away
    weights[own, here] = 0.0
    weights[own, here] = -weights.sum(axis=1)
    return index, weights


def _turn(vector: Array, angle_rad: Array) -> Array:
    """Turn about the z axis by an angle an epoch, right-handed."""
    cosine, sine = np.cos(angle_rad)[:, None], np.sin(angle_rad)[:, None]
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=-1)


def _unit(vector: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        unit: Array = vector / np.sqrt(np.einsum("...i,...i->...", vector, vector))[..., None]
    return unit


def _malformed(problem: str) -> InputError:
    fix = "give positions [epoch, satellite, 3] and as many increasing epochs"
    return InputError("FID-1211", problem, where="orbital frame", fix=fix)

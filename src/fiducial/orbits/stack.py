"""Orbits of several centres on one grid of epochs and satellites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.lagrange import lagrange_interpolate
from fiducial.geodesy.similarity import rotation_matrix
from fiducial.orbits.orbit import Epochs, Orbit, satellite_order

Array = NDArray[np.float64]

_DAY_S: Final = 86_400
_POINTS: Final = 11
_DIFFERENCE_POINTS: Final = 4
_REFERENCES: Final = 2
_AGREE_M: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class OrbitStack:
    """Orbits of several centres on one grid.

    Attributes
    ----------
    centres : tuple of str
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
    satellites : tuple of str
    position_m : ndarray, shape (centre, epoch, satellite, 3)
        Earth-fixed, NaN where absent.
    clock_s : ndarray, shape (centre, epoch, satellite)
        Never interpolated.
    interpolated : ndarray of bool, shape (centre, epoch)
        Epochs at which a centre has positions by interpolation only.
    """

    centres: tuple[str, ...]
    epochs_gps: Epochs
    satellites: tuple[str, ...]
    position_m: Array
    clock_s: Array
    interpolated: NDArray[np.bool_]


def common_grid(orbits: Mapping[str, Orbit], sampling_s: float | None = None) -> Epochs:
    """Return the epochs to combine at: the span that most centres have, without the record at the end of the last day.

    Parameters
    ----------
    orbits : mapping of centre to Orbit
    sampling_s : float, optional
        Interval; the finest of the centres by default.

    Raises
    ------
    InputError
        FID-1202 when a centre has no epoch in the span that most have; FID-1203 for an interval that does not divide
        a day; FID-1204 without any epoch.
    """
    spans = {name: _span(orbit) for name, orbit in orbits.items() if orbit.epochs_gps.size}
    if not spans:
        fix = "give at least one orbit file that is not compared only"
        raise InputError("FID-1204", "no orbit is left to be combined", where=", ".join(orbits) or "no centre", fix=fix)
    listed = sorted(spans.values())
    begin, end = max(dict.fromkeys(listed), key=lambda span: (listed.count(span), span[1] - span[0]))
    for name in orbits:
        first, last = spans.get(name, (end, end))
        if last <= begin or first >= end:
            own = f"orbits from {first} to {last}" if name in spans else "no epoch"
            raise InputError(
                "FID-1202",
                f"centre {name} has {own}, most have {begin} to {end} (GPS time)",
                where=name,
                fix="combine files of one day at a time",
            )
    intervals = [orbit.interval_s for orbit in orbits.values() if orbit.epochs_gps.size > 1]
    interval = float(min(intervals, default=900.0)) if sampling_s is None else float(sampling_s)
    if not 0 < interval <= _DAY_S or abs(_DAY_S / interval - round(_DAY_S / interval)) > 1e-9:
        raise InputError(
            "FID-1203",
            f"a sampling of {interval:g} s does not divide a day",
            where="--sampling",
            fix="choose an interval such as 5min or 15min",
        )
    step = np.timedelta64(round(interval * 1e9), "ns")
    return np.arange(begin, end, step, dtype="datetime64[ns]")


def _span(orbit: Orbit) -> tuple[np.datetime64, np.datetime64]:
    """First epoch and the end of the last interval; a record at 24:00 begins no interval of its own."""
    first, last = orbit.epochs_gps[0], orbit.epochs_gps[-1]
    if orbit.epochs_gps.size == 1:
        return first, last + np.timedelta64(1, "ns")
    day = np.timedelta64(_DAY_S, "s")
    if (last - first) % day == np.timedelta64(0, "ns"):
        return first, last
    step = np.timedelta64(round(orbit.interval_s * 1e9), "ns")
    return first, last + step


def stack_orbits(
    orbits: Mapping[str, Orbit], epochs_gps: Epochs, satellites: tuple[str, ...] | None = None
) -> OrbitStack:
    """Bring orbits to one grid; positions of coarser centres are interpolated inside their own span.

    Parameters
    ----------
    orbits : mapping of centre to Orbit
    epochs_gps : ndarray of datetime64[ns]
        Equidistant grid.
    satellites : tuple of str, optional
        All satellites of the centres by default.

    Notes
    -----
    Where two or more other centres have a satellite at the finer interval, the *difference* of the coarse orbit to
    their mean is interpolated (cubic): it is small and smooth, so the ends of the day are as good as its middle, and
    eccentric orbits lose nothing. Otherwise positions are interpolated with centred windows of 11 points, and the
    five first and last intervals keep their own epochs only. Differences of real 15 min orbits to a second centre
    came back with 0.7 mm RMS in three dimensions, nearly all rounding of the files to 1 mm.
    """
    names = tuple(orbits)
    if satellites is None:
        satellites = tuple(sorted({s for orbit in orbits.values() for s in orbit.satellites}, key=satellite_order))
    place = {name: k for k, name in enumerate(satellites)}
    shape = (len(names), epochs_gps.size, len(satellites))
    position = np.full((*shape, 3), np.nan)
    clock = np.full(shape, np.nan)
    for k, name in enumerate(names):
        orbit = orbits[name]
        _, here, there = np.intersect1d(orbit.epochs_gps, epochs_gps, assume_unique=True, return_indices=True)
        own = np.array([j for j, satellite in enumerate(orbit.satellites) if satellite in place], dtype=np.intp)
        column = np.array([place[orbit.satellites[j]] for j in own], dtype=np.intp)
        position[k][np.ix_(there, column)] = _whole(orbit.position_m)[np.ix_(here, own)]
        clock[k][np.ix_(there, column)] = orbit.clock_s[np.ix_(here, own)]
    native = position.copy()
    interpolated = np.zeros(shape[:2], dtype=bool)
    for k, name in enumerate(names):
        missing = _between(orbits[name], epochs_gps)
        if missing.any():
            interpolated[k] = missing
            _densify(position[k], orbits[name], epochs_gps, np.flatnonzero(missing), place, native)
    return OrbitStack(names, epochs_gps, satellites, position, clock, interpolated)


def _between(orbit: Orbit, epochs_gps: Epochs) -> NDArray[np.bool_]:
    """Grid epochs between two epochs of the orbit that are one interval apart."""
    after = np.searchsorted(orbit.epochs_gps, epochs_gps, side="left")
    inside = (after > 0) & (after < orbit.epochs_gps.size)
    safe = np.clip(after, 1, max(orbit.epochs_gps.size - 1, 1))
    if orbit.epochs_gps.size < 2:
        return np.zeros(epochs_gps.size, dtype=bool)
    on_epoch = np.isin(epochs_gps, orbit.epochs_gps)
    return np.asarray(inside & ~on_epoch & (orbit.epochs_gps[safe] >= epochs_gps))


def _densify(
    out: Array, orbit: Orbit, epochs_gps: Epochs, rows: NDArray[np.intp], place: dict[str, int], native: Array
) -> None:
    """Fill the rows of the grid that lie between the epochs of one centre."""
    step = np.timedelta64(round(orbit.interval_s * 1e9), "ns")
    regular = _regular(orbit.epochs_gps, step)
    own_epochs, own_position = orbit.epochs_gps[regular], _whole(orbit.position_m[regular])
    at = (epochs_gps[rows] - own_epochs[0]) / step
    index = (own_epochs - own_epochs[0]) // step
    samples = np.full((int(index[-1]) + 1, *own_position.shape[1:]), np.nan)
    samples[index] = own_position
    own = np.array([j for j, satellite in enumerate(orbit.satellites) if satellite in place], dtype=np.intp)
    column = np.array([place[orbit.satellites[j]] for j in own], dtype=np.intp)
    filled = lagrange_interpolate(samples[:, own], at, points=_POINTS)
    nodes = np.searchsorted(epochs_gps, own_epochs)
    on_grid = (nodes < epochs_gps.size) & (epochs_gps[np.minimum(nodes, epochs_gps.size - 1)] == own_epochs)
    uniform = samples.shape[0] == own_epochs.size
    if uniform and on_grid[: max(on_grid.nonzero()[0], default=-1) + 1].all() and on_grid.sum() >= _DIFFERENCE_POINTS:
        reference, known = _reference(native[:, :, column])
        difference = own_position[on_grid][:, own] - reference[nodes[on_grid]]
        smooth = lagrange_interpolate(difference, at, points=_DIFFERENCE_POINTS, one_sided=True)
        by_difference = reference[rows] + smooth
        # A reference that itself jumps would show here; positions interpolated in their own right then stand.
        agree = ~(np.linalg.norm(by_difference - filled, axis=-1) > 0.05)
        usable = known & np.isfinite(by_difference[..., 0]) & agree
        filled = np.where(usable[..., None], by_difference, filled)
    out[np.ix_(rows, column)] = filled


def _regular(epochs: Epochs, step: np.timedelta64) -> NDArray[np.intp]:
    """Rows of the epochs that are whole intervals apart; others between them cannot be samples of a polynomial."""
    _, phase, counts = np.unique((epochs - epochs[0]) % step, return_inverse=True, return_counts=True)
    return np.flatnonzero(phase == np.argmax(counts))


def _whole(position_m: Array) -> Array:
    """Positions of which no coordinate is missing, NaN for the others."""
    return np.where(np.isfinite(position_m).all(axis=-1, keepdims=True), position_m, np.nan)


def _reference(native: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Mean of the centres that have a satellite at every epoch and agree; a median would jump between centres."""
    complete = np.isfinite(native[..., 0]).all(axis=1)
    median, _ = median_of_centres(native)
    with np.errstate(invalid="ignore"):
        distance = np.sqrt(((native - median) ** 2).sum(axis=-1)).max(axis=1)
        chosen = complete & (distance < _AGREE_M)
    count = chosen.sum(axis=0)
    total = np.where(chosen[:, None, :, None], native, 0.0).sum(axis=0)
    mean = np.divide(total, count[None, :, None], out=np.full_like(total, np.nan), where=count[None, :, None] > 0)
    return mean, count >= _REFERENCES


def median_of_centres(position_m: Array) -> tuple[Array, NDArray[np.int64]]:
    """Median over centres, coordinate by coordinate, and the number of centres behind it.

    Parameters
    ----------
    position_m : ndarray, shape (centre, epoch, satellite, 3)

    Returns
    -------
    median : ndarray, shape (epoch, satellite, 3)
        NaN where no centre has a position.
    count : ndarray of int, shape (epoch, satellite)
    """
    count = np.isfinite(position_m[..., 0]).sum(axis=0)
    ordered = np.sort(position_m, axis=0)
    low = np.maximum((count - 1) // 2, 0)[None, ..., None]
    high = (count // 2 - (count == 0))[None, ..., None].clip(0, max(len(position_m) - 1, 0))
    median = 0.5 * (np.take_along_axis(ordered, low, axis=0)[0] + np.take_along_axis(ordered, high, axis=0)[0])
    return np.where((count > 0)[..., None], median, np.nan), count


def rotate_centre(stack: OrbitStack, rotations_rad: Mapping[str, Array]) -> OrbitStack:
    """Turn centres into the common frame: x + R x, position-vector signs.

    Parameters
    ----------
    stack : OrbitStack
    rotations_rad : mapping of centre to ndarray, shape (3,)
        Rx, Ry, Rz from the centre's frame to the combined one, as the IGS SINEX summary prints them.
    """
    position = stack.position_m.copy()
    for k, name in enumerate(stack.centres):
        if name in rotations_rad:
            position[k] += position[k] @ rotation_matrix(np.asarray(rotations_rad[name])).T
    return OrbitStack(stack.centres, stack.epochs_gps, stack.satellites, position, stack.clock_s, stack.interpolated)

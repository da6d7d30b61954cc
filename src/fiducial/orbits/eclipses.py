"""Eclipses of satellites by the Earth and the Moon, from a conical shadow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import erfa  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.orbits.orbit import Array, Epochs, Orbit
from fiducial.timescales import utc_from_gps

Body = Literal["Earth", "Moon"]
Kind = Literal["full", "annular", "partial"]

SUN_RADIUS_M: Final = 696_340_000.0
BODY_RADIUS_M: Final = {"Earth": 6_371_000.0, "Moon": 1_737_100.0}

_TT_MINUS_GPS_S: Final = 51.184
_JULIAN_DATE_2000: Final = 2_451_544.5
_INSTANTS: Final = 33
"""Instants between two limits at which a shadow is looked at."""
_BISECTIONS: Final = 14
"""Halvings of an epoch interval: 15 min become 0.05 s, far under the error of the sphere."""


@dataclass(frozen=True, slots=True)
class Eclipse:
    """One passage of a satellite through a shadow, penumbra included.

    Attributes
    ----------
    satellite : str
    body : {"Earth", "Moon"}
        The body that hides the Sun.
    begin_gps, end_gps : datetime64[ns]
        First and last contact of penumbra and satellite, GPS time.
    kind : {"full", "annular", "partial"}
        "full" when the whole Sun is hidden at some instant; "annular" when the body stands wholly before it.
    least_lit_fraction : float
        Least share of the Sun's disc in sight, 0 ... 1.
    begins_earlier, ends_later : bool
        The positions begin or end inside the shadow, so that the time given is that of the first or last position.
    """

    satellite: str
    body: Body
    begin_gps: np.datetime64
    end_gps: np.datetime64
    kind: Kind
    least_lit_fraction: float
    begins_earlier: bool = False
    ends_later: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return plain values; times are ISO 8601 to the second, GPS time."""
        return {
            "satellite": self.satellite,
            "body": self.body,
            "begin_gps": _iso(self.begin_gps),
            "end_gps": _iso(self.end_gps),
            "duration_min": float((self.end_gps - self.begin_gps) / np.timedelta64(1, "s")) / 60.0,
            "kind": self.kind,
            "least_lit_fraction": self.least_lit_fraction,
            "begins_earlier": self.begins_earlier,
            "ends_later": self.ends_later,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ShadowAngles:
    """Angles at the satellite between limbs; negative means inside.

    Attributes
    ----------
    penumbra_rad : ndarray, shape (...)
        Separation of the centres of Sun and body minus both apparent radii.
    umbra_rad : ndarray, shape (...)
        Separation minus the amount by which the body appears larger than the Sun.
    annular_rad : ndarray, shape (...)
        Separation minus the amount by which the Sun appears larger than the body.
    lit_fraction : ndarray, shape (...)
        Share of the Sun's disc in sight, without limb darkening.
    """

    penumbra_rad: Array
    umbra_rad: Array
    annular_rad: Array
    lit_fraction: Array


def sun_and_moon(epochs_gps: Epochs) -> tuple[Array, Array]:
    """Return the geocentric positions of Sun and Moon in the Earth-fixed frame.

    Parameters
    ----------
    epochs_gps : ndarray of datetime64, shape (epoch,)
        GPS time; TT = GPS + 51.184 s.

    Returns
    -------
    sun_m, moon_m : ndarray, shape (epoch, 3)
        Earth-fixed. The Sun is where its light shows it (light time and aberration, 20.5"), the Moon geometric.

    Raises
    ------
    InputError
        FID-1010 for NaT and for epochs before 1972.

    Notes
    -----
    Analytical series of ERFA: ``epv00`` (Earth, 1900-2100: 5e-8 au), ``moon98`` (about 10" and 0.2 %), IAU 2000B
    precession and nutation. UT1 is taken for UTC and polar motion left out: |UT1 - UTC| < 0.9 s turns the Earth by
    less than 13.5", polar motion by 0.6"; a GNSS satellite crosses such an angle in less than 0.6 s, so no Earth
    orientation file is needed.
    """
    epochs = np.asarray(epochs_gps, dtype="datetime64[ns]")
    utc = _days_since_2000(utc_from_gps(epochs))
    tt = _days_since_2000(epochs) + _TT_MINUS_GPS_S / 86_400.0
    heliocentric, _ = erfa.epv00(_JULIAN_DATE_2000, tt)
    # Light of the Sun is 8.3 min under way: the shadow lies where Earth and Sun stood to each other then.
    light_days = _length(heliocentric["p"]) * (erfa.AULT / 86_400.0)
    apparent = -heliocentric["p"] + heliocentric["v"] * light_days[:, None]
    moon = erfa.moon98(_JULIAN_DATE_2000, tt)["p"]
    rotation = erfa.c2t00b(_JULIAN_DATE_2000, tt, _JULIAN_DATE_2000, utc, 0.0, 0.0)
    sun_m: Array = np.einsum("eij,ej->ei", rotation, apparent) * erfa.DAU
    moon_m: Array = np.einsum("eij,ej->ei", rotation, moon) * erfa.DAU
    return sun_m, moon_m


def shadow_angles(position_m: Array, sun_m: Array, body_m: Array, body_radius_m: float) -> ShadowAngles:
    """Return how deep positions lie in the shadow of a sphere.

    Parameters
    ----------
    position_m : ndarray, shape (..., 3)
        Satellites; NaN gives NaN.
    sun_m, body_m : ndarray, broadcastable to ``position_m``
        Centres of the Sun and of the body, in the same frame.
    body_radius_m : float

    Notes
    -----
    Two overlapping discs with their apparent radii, in plane geometry (Montenbruck and Gill 2000, section 3.4.2);
    the conical shadow is the set of places where they overlap.
    """
    to_sun, to_body = sun_m - position_m, body_m - position_m
    sun_distance, body_distance = _length(to_sun), _length(to_body)
    sun = np.arcsin(np.minimum(SUN_RADIUS_M / sun_distance, 1.0))
    body = np.arcsin(np.minimum(body_radius_m / body_distance, 1.0))
    # Half-angle form: the arc cosine of a scalar product loses half its digits near zero.
    apart = _length(to_sun / sun_distance[..., None] - to_body / body_distance[..., None])
    separation = 2.0 * np.arcsin(np.minimum(0.5 * apart, 1.0))
    penumbra, umbra, annular = separation - sun - body, separation - (body - sun), separation - (sun - body)
    return ShadowAngles(penumbra, umbra, annular, _lit_fraction(sun, body, separation))


def lit_fraction(orbit: Orbit) -> Array:
    """Return the share of the Sun's disc that each record sees, Earth and Moon together.

    Returns
    -------
    ndarray, shape (epoch, satellite)
        1 in full light, 0 in the umbra; NaN without position. Where both bodies hide the Sun the smaller share.
    """
    sun, moon = sun_and_moon(orbit.epochs_gps)
    earth = shadow_angles(orbit.position_m, sun[:, None], np.zeros(3), BODY_RADIUS_M["Earth"]).lit_fraction
    by_moon = shadow_angles(orbit.position_m, sun[:, None], moon[:, None], BODY_RADIUS_M["Moon"]).lit_fraction
    least: Array = np.minimum(earth, by_moon)
    return least


def find_eclipses(orbit: Orbit) -> tuple[Eclipse, ...]:
    """List the eclipses of every satellite by Earth and Moon.

    Parameters
    ----------
    orbit : Orbit
        Earth-fixed positions; at least two epochs. Missing records end an eclipse (``ends_later``).

    Returns
    -------
    tuple of Eclipse
        Ordered by body, satellite (as in ``orbit``) and time.

    Raises
    ------
    InputError
        FID-1210 for fewer than two epochs; FID-1010 for epochs before 1972.

    Notes
    -----
    Contacts are found by bisection on positions interpolated between the four nearest epochs (cubic; error 0.2 km
    at 15 min for GNSS), so they do not depend on the sampling; an eclipse that begins and ends between two epochs is
    found too. The sphere of 6371 km and the unknown atmosphere leave up to a minute at grazing contacts.
    """
    if orbit.epochs_gps.size < 2:
        raise InputError(
            "FID-1210",
            f"an orbit of {orbit.epochs_gps.size} epochs has no interval in which an eclipse could lie",
            where="eclipses",
            fix="give an orbit of at least two epochs",
        )
    sun, moon = sun_and_moon(orbit.epochs_gps)
    return (
        *_Shadow(orbit, "Earth", sun, np.zeros_like(sun)).eclipses(),
        *_Shadow(orbit, "Moon", sun, moon).eclipses(),
    )


class _Shadow:
    """Shadow of one body along an orbit, at epochs and between them."""

    def __init__(self, orbit: Orbit, body: Body, sun_m: Array, body_m: Array) -> None:
        self.orbit, self.body, self.sun_m, self.body_m = orbit, body, sun_m, body_m
        self.seconds = (orbit.epochs_gps - orbit.epochs_gps[0]) / np.timedelta64(1, "s")
        self.penumbra = self._angles_at(orbit.position_m, sun_m[:, None], body_m[:, None]).penumbra_rad

    def eclipses(self) -> list[Eclipse]:
        satellite, first, last = self._runs()
        before = self._neighbour(satellite, first, -1)
        after = self._neighbour(satellite, last, +1)
        begin = self._contact(satellite, np.where(before >= 0, before, first), first)
        end = self._contact(satellite, np.where(after >= 0, after, last), last)
        passing, lower, upper = self._between_epochs()
        satellite = np.concatenate([satellite, passing])
        begin, end = np.concatenate([begin, lower]), np.concatenate([end, upper])
        early = np.concatenate([before < 0, np.zeros(passing.size, dtype=bool)])
        late = np.concatenate([after < 0, np.zeros(passing.size, dtype=bool)])
        if satellite.size == 0:
            return []
        inside = self._angles(satellite, np.linspace(begin, end, _INSTANTS, axis=1))
        full = np.any(inside.umbra_rad <= 0.0, axis=1)
        annular = np.any(inside.annular_rad <= 0.0, axis=1)
        lit = np.min(inside.lit_fraction, axis=1)
        return [
            Eclipse(
                self.orbit.satellites[satellite[i]],
                self.body,
                self._epoch(begin[i]),
                self._epoch(end[i]),
                "full" if full[i] else "annular" if annular[i] else "partial",
                float(lit[i]),
                begins_earlier=bool(early[i]),
                ends_later=bool(late[i]),
            )
            for i in np.lexsort((begin, satellite))
        ]

    def _runs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Satellite, first and last epoch of each run of records inside the penumbra."""
        inside = np.zeros((self.penumbra.shape[0] + 2, self.penumbra.shape[1]), dtype=np.int8)
        with np.errstate(invalid="ignore"):
            inside[1:-1] = self.penumbra < 0.0
        step = np.diff(inside, axis=0).T
        satellite, first = np.nonzero(step == 1)
        _, behind = np.nonzero(step == -1)
        return satellite, first, behind - 1

    def _neighbour(self, satellite: NDArray[np.intp], epoch: NDArray[np.intp], step: int) -> NDArray[np.intp]:
        """Next epoch if the satellite has a position there, else -1."""
        other = epoch + step
        there = (other >= 0) & (other < self.seconds.size)
        there[there] = np.isfinite(self.penumbra[other[there], satellite[there]])
        return np.where(there, other, -1)

    def _contact(self, satellite: NDArray[np.intp], outside: NDArray[np.intp], inside: NDArray[np.intp]) -> Array:
        """Seconds at which the limb is crossed between an epoch outside and one inside."""
        light, dark = self.seconds[outside], self.seconds[inside]
        for _ in range(_BISECTIONS):
            middle = 0.5 * (light + dark)
            lit = self._angles(satellite, middle).penumbra_rad >= 0.0
            light, dark = np.where(lit, middle, light), np.where(lit, dark, middle)
        contact: Array = np.where(outside == inside, self.seconds[inside], 0.5 * (light + dark))
        return contact

    def _between_epochs(self) -> tuple[NDArray[np.intp], Array, Array]:
        """Eclipses that begin and end between two epochs: satellite, begin and end in seconds."""
        angle = self.penumbra
        left, right = angle[:-2] - angle[1:-1], angle[2:] - angle[1:-1]
        # The angle is convex near its least value, so it cannot sink by more than it fell to the epoch beside it.
        with np.errstate(invalid="ignore"):
            near = (angle[1:-1] >= 0.0) & (left > 0.0) & (right >= 0.0) & (angle[1:-1] < np.maximum(left, right))
        epoch, satellite = np.nonzero(near)
        if epoch.size == 0:
            return satellite, np.empty(0), np.empty(0)
        times = np.linspace(self.seconds[epoch], self.seconds[epoch + 2], 2 * _INSTANTS, axis=1)
        inside = self._angles(satellite, times).penumbra_rad < 0.0
        inside[:, [0, -1]] = False
        # Between epochs only: a run that holds an epoch is found at the epochs.
        hit = np.any(inside, axis=1)
        row = np.flatnonzero(hit)
        first = np.argmax(inside[row], axis=1)
        last = inside.shape[1] - 1 - np.argmax(inside[row, ::-1], axis=1)
        begin = 0.5 * (times[row, first] + times[row, first - 1])
        end = 0.5 * (times[row, last] + times[row, last + 1])
        return satellite[row], begin, end

    def _angles(self, satellite: NDArray[np.intp], seconds: Array) -> ShadowAngles:
        """Shadow of one satellite a row at times between the epochs, shape (row,) or (row, instant)."""
        rows = satellite.reshape(-1, *(1,) * (seconds.ndim - 1))
        nodes, weights = _cubic(self.seconds, seconds)
        track = self.orbit.position_m[nodes, rows[..., None]]
        position = np.sum(weights[..., None] * track, axis=-2)
        gap = ~np.isfinite(position[..., 0])
        if np.any(gap):
            nodes, weights = _linear(self.seconds, seconds, nodes, weights, gap)
            track = self.orbit.position_m[nodes, rows[..., None]]
            position = np.nansum(weights[..., None] * track, axis=-2)
        sun = np.sum(weights[..., None] * self.sun_m[nodes], axis=-2)
        body = np.sum(weights[..., None] * self.body_m[nodes], axis=-2)
        return self._angles_at(position, sun, body)

    def _angles_at(self, position: Array, sun: Array, body: Array) -> ShadowAngles:
        return shadow_angles(position, sun, body, BODY_RADIUS_M[self.body])

    def _epoch(self, seconds: float) -> np.datetime64:
        moment = self.orbit.epochs_gps[0] + np.timedelta64(round(seconds * 1e3), "ms")
        return np.datetime64(moment, "ns")


def _cubic(nodes_s: Array, seconds: Array) -> tuple[NDArray[np.intp], Array]:
    """Indices and Lagrange weights of the (up to) four epochs around each time, shape (..., node)."""
    order = min(4, nodes_s.size)
    left = np.searchsorted(nodes_s, seconds, side="right") - 1
    start = np.clip(left - 1, 0, nodes_s.size - order)
    index = start[..., None] + np.arange(order)
    times = nodes_s[index]
    weights = np.ones(index.shape)
    for i in range(order):
        for j in range(order):
            if i != j:
                weights[..., i] *= (seconds - times[..., j]) / (times[..., i] - times[..., j])
    return index, weights


def _linear(
    nodes_s: Array, seconds: Array, index: NDArray[np.intp], weights: Array, rows: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], Array]:
    """Replace the weights of ``rows`` by those of the straight line between the two epochs beside the time."""
    left = np.clip(np.searchsorted(nodes_s, seconds, side="right") - 1, 0, nodes_s.size - 2)
    share = (seconds - nodes_s[left]) / (nodes_s[left + 1] - nodes_s[left])
    straight = np.where(index == left[..., None], 1.0 - share[..., None], 0.0)
    straight = np.where(index == left[..., None] + 1, share[..., None], straight)
    return index, np.where(rows[..., None], straight, weights)


def _lit_fraction(sun: Array, body: Array, separation: Array) -> Array:
    """Share of a disc of radius ``sun`` left by one of radius ``body`` at that separation, radians."""
    smaller = np.minimum(sun, body)
    apart, nested = separation >= sun + body, separation <= np.abs(sun - body)
    partly = np.where(apart | nested, np.abs(sun - body) + 0.5 * (sun + body - np.abs(sun - body)), separation)
    # Distance of the common chord from the centre of the Sun's disc.
    chord = (partly**2 + sun**2 - body**2) / (2.0 * partly)
    half = np.sqrt(np.maximum(sun**2 - chord**2, 0.0))
    hidden = (
        sun**2 * np.arccos(np.clip(chord / sun, -1.0, 1.0))
        + body**2 * np.arccos(np.clip((partly - chord) / body, -1.0, 1.0))
        - partly * half
    )
    share = np.where(apart, 0.0, np.where(nested, smaller**2, hidden / np.pi) / sun**2)
    lit: Array = np.where(np.isfinite(separation), 1.0 - share, np.nan)
    return lit


def _length(vector: Array) -> Array:
    length: Array = np.sqrt(np.einsum("...i,...i->...", vector, vector))
    return length


def _days_since_2000(epochs: Epochs) -> Array:
    days = (epochs - np.datetime64("2000-01-01T00:00:00", "ns")) / np.timedelta64(1, "D")
    return np.asarray(days, dtype=np.float64)


def _iso(epoch: np.datetime64) -> str:
    return str(epoch.astype("datetime64[s]"))

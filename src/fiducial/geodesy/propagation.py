"""Station coordinates in time: linear motion, the solution that holds at an epoch, post-seismic deformation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import local_axes
from fiducial.geodesy.epochs import require_epochs
from fiducial.geodesy.frame_covariances import require_covariance

Array = NDArray[np.float64]

_COMPONENTS: Final = {"E": 0, "N": 1, "U": 2}


@dataclass(frozen=True, slots=True, eq=False)
class LinearMotion:
    """Coordinates of one solution of a station: X(t) = X0 + (t - t0) V.

    Attributes
    ----------
    station : str
        Code and point, such as ``TSKB A``; what discontinuities name.
    solution : str
        Solution number, as printed.
    position_m, velocity_m_per_yr : ndarray, shape (3,)
        Geocentric; in a frame with post-seismic models this is the *regularised* motion, without them.
    reference_epoch_yr : float
        t0, decimal year.
    covariance : ndarray, shape (6, 6), optional
        Of X, Y, Z [m] and their velocities [m/yr].
    """

    station: str
    solution: str
    position_m: Array
    velocity_m_per_yr: Array
    reference_epoch_yr: float
    covariance: Array | None = None

    def at(self, epoch_yr: ArrayLike) -> Array:
        """Return X0 + (t - t0) V, shape (epoch, 3)."""
        since = np.atleast_1d(np.asarray(epoch_yr, dtype=np.float64)) - self.reference_epoch_yr
        return np.asarray(self.position_m + since[:, np.newaxis] * self.velocity_m_per_yr, dtype=np.float64)

    def covariance_at(self, epoch_yr: ArrayLike) -> Array | None:
        """Return C_XX + dt (C_XV + C_VX) + dt^2 C_VV, shape (epoch, 3, 3), m2; None without covariance."""
        if self.covariance is None:
            return None
        require_covariance(np.asarray(self.covariance), self.station)
        since = np.atleast_1d(np.asarray(epoch_yr, dtype=np.float64)) - self.reference_epoch_yr
        step = np.concatenate(
            [np.broadcast_to(np.eye(3), (len(since), 3, 3)), since[:, None, None] * np.eye(3)], axis=2
        )
        return np.asarray(step @ self.covariance @ np.swapaxes(step, 1, 2), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """One row of a table of discontinuities (``SOLUTION/DISCONTINUITY``).

    Attributes
    ----------
    station, solution : str
        As in :class:`LinearMotion`; the number of a V row counts velocity intervals.
    start_yr, end_yr : float
        Decimal years; the interval holds its start, not its end; -inf and inf where the row is open (00:000:00000).
    kind : {"P", "V"}
        Whether the row cuts positions or velocities.
    """

    station: str
    solution: str
    start_yr: float
    end_yr: float
    kind: Literal["P", "V"]

    def holds_at(self, epoch_yr: float) -> bool:
        """Tell whether an epoch lies in the interval."""
        return self.start_yr <= epoch_yr < self.end_yr


@dataclass(frozen=True, slots=True)
class PostSeismicTerm:
    """One relaxation after an earthquake, in one component.

    Attributes
    ----------
    earthquake_yr : float
        Decimal year; before it the term is zero.
    component : {"E", "N", "U"}
    model : {"log", "exp"}
        A ln(1 + dt / tau) or A (1 - exp(-dt / tau)).
    amplitude_m : float
    relaxation_yr : float
        tau in years, whatever unit a SINEX column prints beside it.
    """

    earthquake_yr: float
    component: Literal["E", "N", "U"]
    model: Literal["log", "exp"]
    amplitude_m: float
    relaxation_yr: float


@dataclass(frozen=True, slots=True, eq=False)
class PostSeismicModel:
    """Post-seismic deformation of one station.

    Attributes
    ----------
    station : str
    longitude_deg, latitude_deg : float
        Geodetic; where east, north and up point.
    terms : tuple of PostSeismicTerm
    covariance : ndarray, shape (2 term, 2 term), optional
        Of amplitude [m] and relaxation time [yr] of the first term, then of the second, and so on.

    Raises
    ------
    InputError
        FID-1319 for a relaxation time that is not above zero, an unknown component or model, a covariance of another
        shape, or numbers that are not finite.
    """

    station: str
    longitude_deg: float
    latitude_deg: float
    terms: tuple[PostSeismicTerm, ...]
    covariance: Array | None = None

    def __post_init__(self) -> None:
        for term in self.terms:
            finite = np.isfinite([term.earthquake_yr, term.amplitude_m, term.relaxation_yr]).all()
            if not finite or term.relaxation_yr <= 0.0:
                raise _faulty(f"relaxation time {term.relaxation_yr:g} yr with amplitude {term.amplitude_m:g} m of the "
                              f"earthquake {term.earthquake_yr:.4f}", self.station)  # fmt: skip
            if term.component not in _COMPONENTS or term.model not in {"log", "exp"}:
                raise _faulty(f"term {term.model!r} in {term.component!r}", self.station)
        if self.covariance is not None:
            if np.shape(self.covariance) != (2 * len(self.terms),) * 2:
                raise _faulty(
                    f"covariance of shape {np.shape(self.covariance)} for {len(self.terms)} terms", self.station
                )
            require_covariance(np.asarray(self.covariance), self.station)

    def displacement_enu_m(self, epoch_yr: ArrayLike) -> Array:
        """Return the deformation since each earthquake, shape (epoch, 3), east, north, up; zero before the first.

        Examples
        --------
        >>> relaxation = PostSeismicTerm(2011.0, "E", "log", 0.1, 0.5)
        >>> model = PostSeismicModel("TSKB A", 140.09, 36.11, (relaxation,))
        >>> model.displacement_enu_m([2010.0, 2012.0]).round(4).tolist()
        [[0.0, 0.0, 0.0], [0.1099, 0.0, 0.0]]
        """
        epochs = np.atleast_1d(np.asarray(epoch_yr, dtype=np.float64))
        epochs = require_epochs(epochs, epochs.size)
        moved = np.zeros((len(epochs), 3))
        for term in self.terms:
            moved[:, _COMPONENTS[term.component]] += _relaxation(term, epochs)[0]
        return moved

    def displacement_m(self, epoch_yr: ArrayLike) -> Array:
        """Return the deformation in geocentric axes, shape (epoch, 3)."""
        axes = local_axes(self.longitude_deg, self.latitude_deg)
        return np.asarray(self.displacement_enu_m(epoch_yr) @ axes, dtype=np.float64)

    def covariance_m2(self, epoch_yr: ArrayLike, *, since_yr: float | None = None) -> Array | None:
        """Return the covariance of the deformation in geocentric axes, shape (epoch, 3, 3); None without parameters'.

        Parameters
        ----------
        epoch_yr : array_like, shape (epoch,)
        since_yr : float, optional
            Take the difference to this epoch instead of the whole deformation.

        Notes
        -----
        First order in amplitude and relaxation time, with dt the time since the earthquake: ln(1 + dt/tau) and
        -A dt / (tau^2 (1 + dt/tau)) for log, 1 - exp(-dt/tau) and -A dt exp(-dt/tau) / tau^2 for exp.
        """
        if self.covariance is None:
            return None
        epochs = np.atleast_1d(np.asarray(epoch_yr, dtype=np.float64))
        partials = self._partials(epochs)
        if since_yr is not None:
            partials = partials - self._partials(np.array([since_yr]))
        geocentric = local_axes(self.longitude_deg, self.latitude_deg).T @ partials
        return np.asarray(geocentric @ self.covariance @ np.swapaxes(geocentric, 1, 2), dtype=np.float64)

    def _partials(self, epochs: Array) -> Array:
        partials = np.zeros((len(epochs), 3, 2 * len(self.terms)))
        for k, term in enumerate(self.terms):
            _, by_amplitude, by_relaxation = _relaxation(term, epochs)
            partials[:, _COMPONENTS[term.component], 2 * k] = by_amplitude
            partials[:, _COMPONENTS[term.component], 2 * k + 1] = by_relaxation
        return partials


@dataclass(frozen=True, slots=True, eq=False)
class Propagated:
    """Where a station is.

    Attributes
    ----------
    epoch_yr : ndarray, shape (epoch,)
    position_m : ndarray, shape (epoch, 3)
    covariance_m2 : ndarray, shape (epoch, 3, 3), or None
        Of linear motion and post-seismic parameters, taken as uncorrelated with each other.
    solutions : tuple of str
        Solution number used at each epoch.
    """

    epoch_yr: Array
    position_m: Array
    covariance_m2: Array | None
    solutions: tuple[str, ...]


def propagate(
    motions: LinearMotion | Sequence[LinearMotion],
    epoch_yr: ArrayLike | None,
    *,
    discontinuities: Iterable[Discontinuity] = (),
    post_seismic: PostSeismicModel | None = None,
    start: Literal["regularised", "observed"] | None = None,
) -> Propagated:
    """Return positions of one station at epochs.

    Parameters
    ----------
    motions : LinearMotion or sequence of LinearMotion
        The solutions of one station.
    epoch_yr : array_like, shape (epoch,)
        Decimal years, required.
    discontinuities : iterable of Discontinuity
        Rows of this station are used, others overlooked.
    post_seismic : PostSeismicModel, optional
        Of the same frame solution as the motions: models and velocities of different solutions do not fit together.
    start : {"regularised", "observed"}
        What the position at the reference epoch is; to be stated when there is a post-seismic model.

    Raises
    ------
    InputError
        FID-1310, FID-1311 epochs; FID-1312 no solution, or several, hold at an epoch; FID-1313 a velocity changes, or an
        observed position would have to cross a discontinuity; FID-1319 ``start`` is not stated.

    Notes
    -----
    *Regularised* (coordinates of ITRF2014, ITRF2020 and the IGS frames): X(t) = X0 + (t - t0) V + PSD(t). The printed
    position is that of the straight line, so nothing is taken off at t0. *Observed* (a station's true position at t0,
    such as a daily solution): X(t) = X(t0) + (t - t0) V + PSD(t) - PSD(t0). The two differ by PSD(t0), decimetres after
    a large earthquake (Altamimi et al. 2016, sect. 3.3; 2023, sect. 3).

    Examples
    --------
    >>> motion = LinearMotion("ZIMM A", "1", np.zeros(3), np.array([0.0, 0.02, 0.0]), 2010.0)
    >>> propagate(motion, [2015.0]).position_m.tolist()
    [[0.0, 0.1, 0.0]]
    """
    solutions = [motions] if isinstance(motions, LinearMotion) else list(motions)
    epochs = np.atleast_1d(np.asarray(np.nan if epoch_yr is None else epoch_yr, dtype=np.float64))
    epochs = require_epochs(epochs if epochs.size else np.nan, epochs.size)
    if post_seismic is not None and start not in {"regularised", "observed"}:
        raise _faulty("whether the position at the reference epoch is regularised or observed is not stated",
                      post_seismic.station, fix="state start='regularised' for coordinates of a frame, 'observed' for "
                      "those of a day")  # fmt: skip
    rows = [row for row in discontinuities if solutions and row.station == solutions[0].station]
    chosen = [select_solution(solutions, rows, float(epoch)) for epoch in epochs]
    if start == "observed":
        require_no_crossing(chosen, rows, epochs)
    position = np.concatenate([motion.at(epoch) for motion, epoch in zip(chosen, epochs, strict=True)])
    parts = [motion.covariance_at(epoch) for motion, epoch in zip(chosen, epochs, strict=True)]
    covariance = None if any(part is None for part in parts) else np.concatenate([p for p in parts if p is not None])
    if post_seismic is not None:
        position = position + post_seismic.displacement_m(epochs)
        added = post_seismic.covariance_m2(epochs)
        if start == "observed":
            reference = chosen[0].reference_epoch_yr
            position = position - post_seismic.displacement_m([reference])
            added = post_seismic.covariance_m2(epochs, since_yr=reference)
        covariance = covariance if covariance is None or added is None else covariance + added
    return Propagated(epochs, position, covariance, tuple(motion.solution for motion in chosen))


def select_solution(
    motions: Sequence[LinearMotion], discontinuities: Sequence[Discontinuity], epoch_yr: float
) -> LinearMotion:
    """Return the solution of a station that holds at an epoch.

    Parameters
    ----------
    motions : sequence of LinearMotion
        Of one station.
    discontinuities : sequence of Discontinuity
        Of this station. P rows choose the number; V rows must not cut the chosen P interval, for its velocity would then
        hold for a part only.

    Raises
    ------
    InputError
        FID-1312 none or several hold; FID-1313 the velocity changes inside the interval.
    """
    names = sorted({motion.station for motion in motions})
    where = f"{', '.join(names) or 'station'} at {epoch_yr:.4f}"
    if len(names) != 1 or len({motion.solution for motion in motions}) < len(motions):
        raise _ambiguous("solutions of one station, each number once, are needed", where)
    rows = [row for row in discontinuities if row.kind == "P"]
    if not rows:
        if len(motions) > 1:
            raise _ambiguous(f"{len(motions)} solutions and no table of discontinuities", where)
        return motions[0]
    holding = [row for row in rows if row.holds_at(epoch_yr)]
    if len(holding) != 1:
        what = "no interval holds" if not holding else f"intervals {', '.join(row.solution for row in holding)} overlap"
        raise _ambiguous(what, where)
    interval = holding[0]
    found = [motion for motion in motions if motion.solution == interval.solution]
    if not found:
        raise _ambiguous(f"solution {interval.solution} holds but has no coordinates", where)
    cuts = [row.start_yr for row in discontinuities
            if row.kind == "V" and interval.start_yr < row.start_yr < interval.end_yr]  # fmt: skip
    if cuts:
        raise InputError("FID-1313", f"the velocity changes at {cuts[0]:.4f} inside solution {interval.solution}",
                         where=where, fix="cut the positions there too, or use one velocity for the whole interval"
                         )  # fmt: skip
    return found[0]


def _relaxation(term: PostSeismicTerm, epochs: Array) -> tuple[Array, Array, Array]:
    """Return displacement, and its derivatives by amplitude and by relaxation time."""
    tau = term.relaxation_yr
    since = np.maximum(epochs - term.earthquake_yr, 0.0)
    if term.model == "log":
        by_amplitude = np.log1p(since / tau)
        by_relaxation = -term.amplitude_m * since / (tau**2 * (1.0 + since / tau))
    else:
        by_amplitude = -np.expm1(-since / tau)
        by_relaxation = -term.amplitude_m * since * np.exp(-since / tau) / tau**2
    return term.amplitude_m * by_amplitude, by_amplitude, by_relaxation


def require_no_crossing(chosen: Sequence[LinearMotion], rows: Sequence[Discontinuity], epochs: Array) -> None:
    """Require that no discontinuity lies between observed positions and the epochs wanted of them.

    Parameters
    ----------
    chosen : sequence of LinearMotion
        What holds at each epoch.
    rows : sequence of Discontinuity
        Of this station.
    epochs : ndarray, shape (epoch,)
        Decimal years.

    Raises
    ------
    InputError
        FID-1313.
    """
    for motion, epoch in zip(chosen, epochs, strict=True):
        first, last = sorted((motion.reference_epoch_yr, float(epoch)))
        jumps = [row.start_yr for row in rows if first < row.start_yr <= last]
        if jumps or motion is not chosen[0]:
            raise InputError("FID-1313", f"a discontinuity at {jumps[0] if jumps else epoch:.4f} lies between the observed "
                             f"position at {motion.reference_epoch_yr:.4f} and {epoch:.4f}", where=motion.station,
                             fix="start from a position observed after it, or from regularised solutions")  # fmt: skip


def _ambiguous(problem: str, where: str) -> InputError:
    return InputError(
        "FID-1312", problem, where=where, fix="give the table of discontinuities of the same frame solution"
    )


def _faulty(problem: str, station: str, fix: str = "use the post-seismic file of the frame solution") -> InputError:
    return InputError("FID-1319", problem, where=station, fix=fix)

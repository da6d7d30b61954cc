"""Stations and orbits of many centres in one system: block Gauss-Seidel between the two combinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.orbits.combination import OrbitCombination, combine_day, prepare_day
from fiducial.orbits.moments import ORBIT_HEIGHT_M
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.orbit import Orbit
from fiducial.orbits.stack import common_grid, rotate_centre, stack_orbits
from fiducial.stations.combination import combine_stations
from fiducial.stations.combination_model import StationCombination, StationOptions
from fiducial.stations.systems import CentreSolution, RotationInformation

Array = NDArray[np.float64]
SiteName = tuple[str, str, str]

_UAS: Final = MILLIARCSECOND_RAD / 1e3


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep over both blocks.

    Attributes
    ----------
    frame_step_mm : float
        RMS per coordinate by which the stations moved; NaN for the first sweep.
    rotation_step_uas : float
        Largest change of a centre's rotation.
    agreement_uas : float
        RMS difference between the rotations of stations and orbits.
    """

    frame_step_mm: float
    rotation_step_uas: float
    agreement_uas: float


@dataclass(frozen=True, slots=True, eq=False)
class CoDetermination:
    """Result of :func:`determine_together`.

    Attributes
    ----------
    stations : StationCombination
    orbits : OrbitCombination
    rotation_rad, rotation_sigma_rad : dict of centre to ndarray, shape (3,)
        From the centre to the common frame, of stations and orbits together.
    from_stations_rad, from_orbits_rad : dict of centre to ndarray, shape (3,)
    sweeps : tuple of Sweep
    contraction : float
        Ratio of successive frame steps, by which the iteration converges; NaN with fewer than three sweeps.
    converged : bool
    """

    stations: StationCombination
    orbits: OrbitCombination
    rotation_rad: dict[str, Array]
    rotation_sigma_rad: dict[str, Array]
    from_stations_rad: dict[str, Array]
    from_orbits_rad: dict[str, Array]
    sweeps: tuple[Sweep, ...]
    contraction: float
    converged: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "centres": [
                {
                    "centre": name,
                    "rotation_uas": (value / _UAS).tolist(),
                    "rotation_sigma_uas": (self.rotation_sigma_rad[name] / _UAS).tolist(),
                    "stations_uas": (self.from_stations_rad[name] / _UAS).tolist(),
                    "orbits_uas": (self.from_orbits_rad[name] / _UAS).tolist(),
                }
                for name, value in self.rotation_rad.items()
            ],
            "sweeps": [
                {
                    "frame_step_mm": one.frame_step_mm if np.isfinite(one.frame_step_mm) else None,
                    "rotation_step_uas": one.rotation_step_uas if np.isfinite(one.rotation_step_uas) else None,
                    "agreement_uas": one.agreement_uas,
                }
                for one in self.sweeps
            ],
            "contraction_factor": self.contraction if np.isfinite(self.contraction) else None,
            "converged": self.converged,
        }


def determine_together(
    solutions: Sequence[CentreSolution],
    orbits: Mapping[str, Orbit],
    reference: dict[SiteName, Array],
    *,
    sweeps: int = 20,
    frame_tolerance_m: float = 1e-6,
    rotation_tolerance_uas: float = 0.1,
    options: CombinationOptions | None = None,
    station_options: StationOptions | None = None,
) -> CoDetermination:
    """Combine stations and orbits that share each centre's rotation.

    Parameters
    ----------
    solutions : sequence of CentreSolution
        Stations with covariance; names are those of ``orbits``.
    orbits : mapping of centre to Orbit
    reference : dict of site to ndarray, shape (3,)
        The frame that holds the datum in every sweep.
    sweeps : int
        Most sweeps.
    frame_tolerance_m, rotation_tolerance_uas : float
        The iteration ends when stations and rotations move by less.
    options : CombinationOptions, optional
    station_options : StationOptions, optional

    Notes
    -----
    Joint least squares of x_k = X - R_k X + e and o_k = O - R_k O + e' over stations X, orbits O and rotations R_k. Sweep:
    (1) stations with the rotations that the orbits tell as observations, datum by minimal constraints; (2) rotations,
    weighted from both; (3) orbits turned by them and combined. A common rotation of all orbits costs nothing, so it is set
    each time to where the stations want it: left free, that direction would never converge (contraction factor 1).
    """
    chosen = options or CombinationOptions(weighting="equal")
    known: dict[str, RotationInformation] = {}
    log: list[Sweep] = []
    before: Array | None = None
    joint: dict[str, Array] = {}
    converged = False
    for _ in range(sweeps):
        frame = combine_stations(solutions, reference, options=station_options, rotations=known)
        own = {one.name: one.helmert[4:] for one in frame.centres}
        weight = {one.name: 1.0 / one.helmert_sigma[4:] ** 2 for one in frame.centres}
        told = _in_the_frame(known, own, weight)
        last, joint, sigma = joint, *_together(own, weight, told)
        combined, residual, spread = _orbit_step(orbits, joint, chosen)
        known = {
            name: RotationInformation(joint[name] + residual[name], np.diag(1.0 / spread[name] ** 2))
            for name in joint
            if name in residual
        }
        _, position, _ = frame.positions()
        step = float(np.sqrt(np.mean((position - before) ** 2))) if before is not None else float("nan")
        before = position
        moved = max(float(np.abs(joint[name] - last[name]).max()) for name in joint) / _UAS if last else float("nan")
        apart = np.array([own[name] - known[name].rotation_rad for name in known])
        log.append(Sweep(step * 1e3, moved, float(np.sqrt(np.mean((apart - apart.mean(axis=0)) ** 2))) / _UAS))
        if step < frame_tolerance_m and moved < rotation_tolerance_uas:
            converged = True
            break
    return CoDetermination(
        frame, combined, joint, sigma, own, {name: one.rotation_rad for name, one in known.items()}, tuple(log),
        _contraction(log), converged,
    )  # fmt: skip


def _in_the_frame(
    known: Mapping[str, RotationInformation], own: Mapping[str, Array], weight: Mapping[str, Array]
) -> dict[str, RotationInformation]:
    """Rotations that the orbits tell, with their common part set to that of the stations."""
    shared = [name for name in known if name in own]
    if not shared:
        return {}
    total = sum(weight[name] for name in shared)
    common = sum(weight[name] * (own[name] - known[name].rotation_rad) for name in shared) / total
    return {name: RotationInformation(known[name].rotation_rad + common, known[name].information) for name in shared}


def _together(
    own: Mapping[str, Array], weight: Mapping[str, Array], told: Mapping[str, RotationInformation]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Weighted means of the rotations of stations and orbits, and their standard deviations."""
    joint, sigma = {}, {}
    # The common part of the orbits' rotations comes from the stations: its uncertainty is in every one of them.
    common = 1.0 / sum(weight[name] for name in told) if told else np.zeros(3)
    for name, value in own.items():
        total, mean = weight[name], value
        if name in told:
            orbit = np.diag(told[name].information)
            total = weight[name] + orbit
            mean = (weight[name] * value + orbit * told[name].rotation_rad) / total
        joint[name], sigma[name] = mean, np.sqrt(1.0 / total + (common if name in told else 0.0))
    return joint, sigma


def _orbit_step(
    orbits: Mapping[str, Orbit], rotation: Mapping[str, Array], options: CombinationOptions
) -> tuple[OrbitCombination, dict[str, Array], dict[str, Array]]:
    stack = rotate_centre(stack_orbits(orbits, common_grid(orbits)), rotation)
    combined = combine_day(prepare_day(stack, (), options), options)
    found = combined.estimate
    rows = {name: k for k, name in enumerate(stack.centres) if np.isfinite(found.helmert[k, 0]).all()}
    residual = {name: found.helmert[k, 0, 4:] / ORBIT_HEIGHT_M for name, k in rows.items()}
    spread = {name: found.helmert_sigma[k, 0, 4:] / ORBIT_HEIGHT_M for name, k in rows.items()}
    return combined, residual, spread


def _contraction(log: Sequence[Sweep]) -> float:
    """Median ratio of successive frame steps, while they are above rounding."""
    steps = np.array([one.frame_step_mm for one in log[1:]])
    steps = steps[steps > 1e-7]
    if steps.size < 2:
        return float("nan")
    return float(np.median(steps[1:] / steps[:-1]))

"""Clocks on combined orbits: from clock files or orbit files to one combination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import SPEED_OF_LIGHT_M_PER_S
from fiducial.errors import FiducialError, InputError
from fiducial.geodesy.lagrange import lagrange_interpolate
from fiducial.orbits.clock_combination import combine_clocks
from fiducial.orbits.clock_results import ClockCombination
from fiducial.orbits.combination import OrbitCombination
from fiducial.orbits.orbit import Clocks, Epochs, Orbit, most_frequent_step_s
from fiducial.orbits.stack import OrbitStack

if TYPE_CHECKING:
    from fiducial.runs.orbit_combine import CombinationInput

Array = NDArray[np.float64]

_DAY_S: Final = 86_400.0


def combined_clocks(given: CombinationInput, orbits: OrbitCombination) -> ClockCombination | None:
    """Combine the clocks of clock files, where there are any, else those of the orbit files.

    Parameters
    ----------
    given : CombinationInput
        Gets notes of what cannot be combined.
    orbits : OrbitCombination
        The clocks are corrected for the radial differences to it.

    Returns
    -------
    ClockCombination or None
        None when no weighted centre has clocks.

    Raises
    ------
    InputError
        FID-1203 for an interval of the clocks that does not divide a day.
    """
    stack = given.stack
    correction = _radial_correction_s(stack, orbits.orbit)
    fine = {name: data.clock.clocks for name, data in given.centres.items() if data.clock is not None}
    if not fine:
        if given.request.clock_sampling_s is not None:
            given.notes.append("no clock files: --clock-sampling has no effect")
        if not np.isfinite(stack.clock_s).any():
            given.notes.append("no centre has clocks: orbits only")
            return None
        clock, epochs = stack.clock_s + correction, stack.epochs_gps
    else:
        epochs = _clock_epochs(given, fine)
        clock = _at_epochs(given, fine, correction, epochs)
    try:
        return combine_clocks(
            clock, epochs, stack.centres, stack.satellites, given.compared, given.request.clock_options
        )
    except FiducialError as error:
        if error.code != "FID-1206":
            raise
        given.notes.append("no weighted centre has clocks: orbits only")
        return None


def _clock_epochs(given: CombinationInput, fine: Mapping[str, Clocks]) -> Epochs:
    """Epochs of the clocks up to the end of the last interval of the orbits, as their files cover it."""
    grid = given.stack.epochs_gps
    step_s = given.request.clock_sampling_s
    if step_s is None:
        step_s = min(clocks.interval_s for clocks in fine.values())
    if not 0 < step_s <= _DAY_S or abs(_DAY_S / step_s - round(_DAY_S / step_s)) > 1e-9:
        raise InputError(
            "FID-1203", f"a sampling of {step_s:g} s does not divide a day", where="--clock-sampling",
            fix="choose an interval such as 30s or 5min",
        )  # fmt: skip
    end = grid[-1] + np.timedelta64(round(most_frequent_step_s(grid) * 1e9), "ns")
    return np.arange(grid[0], end, np.timedelta64(round(step_s * 1e9), "ns"), dtype="datetime64[ns]")


def _radial_correction_s(stack: OrbitStack, orbit: Orbit) -> Array:
    """Clock of a centre if its orbit were the combined one, minus its clock: (r_combined - r_centre) . e_r / c."""
    column = [stack.satellites.index(name) for name in orbit.satellites]
    combined = np.full(stack.position_m.shape[1:], np.nan)
    combined[:, column] = orbit.position_m
    radial = combined / np.linalg.norm(combined, axis=-1, keepdims=True)
    return np.asarray(np.einsum("ktsc,tsc->kts", combined - stack.position_m, radial) / SPEED_OF_LIGHT_M_PER_S)


def _at_epochs(given: CombinationInput, fine: Mapping[str, Clocks], correction: Array, epochs: Epochs) -> Array:
    """Corrected clocks of all centres, from their clock files or else from their orbit files."""
    stack = given.stack
    last = stack.epochs_gps.size - 1
    step = stack.epochs_gps[1] - stack.epochs_gps[0] if last else np.timedelta64(1, "D")
    # The radial difference of two orbits is smooth over minutes; behind the last orbit epoch the last one is held.
    at = np.minimum((epochs - stack.epochs_gps[0]) / step, last)
    clock = np.full((len(stack.centres), epochs.size, len(stack.satellites)), np.nan)
    place = {name: s for s, name in enumerate(stack.satellites)}
    for k, name in enumerate(stack.centres):
        if name in fine:
            own, source, values = fine[name].satellites, fine[name].epochs_gps, fine[name].bias_s
        else:
            orbit = given.centres[name].orbit.orbit
            own, source, values = orbit.satellites, orbit.epochs_gps, orbit.clock_s
        known = [j for j, satellite in enumerate(own) if satellite in place]
        _, here, there = np.intersect1d(source, epochs, assume_unique=True, return_indices=True)
        if name in fine and not here.size:
            given.notes.append(f"{name}: the clock file has no epoch of these orbits, its clocks are not combined")
        columns = [place[own[j]] for j in known]
        clock[k, there[:, None], columns] = values[here[:, None], known]
        clock[k] += lagrange_interpolate(correction[k], at, points=4, one_sided=True)
    return clock

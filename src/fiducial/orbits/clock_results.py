"""Options and results of the clock combination."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiducial.orbits.clock_noise import masked_median
from fiducial.orbits.clock_segments import ClockJump
from fiducial.orbits.orbit import Epochs
from fiducial.orbits.screening import Exclusion

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOptions:
    """Options of the clock combination.

    Attributes
    ----------
    share_limit : float
        Largest share of one centre, 0 to 1.
    kind_factor : float
        A centre whose noise exceeds this times the median of the others has clocks of another kind and is left out ...
    kind_floor_s : float
        ... if it also exceeds this.
    outlier_factor : float
        A record is an outlier when it departs from the combination by more than this times the centre's noise ...
    outlier_floor_s : float
        ... and by more than this.
    jump_least_s : float
        Shortest stretch of departing records that gets a constant of its own.
    """

    share_limit: float = 0.4
    kind_factor: float = 10.0
    kind_floor_s: float = 1e-10
    outlier_factor: float = 6.0
    outlier_floor_s: float = 2e-11
    jump_least_s: float = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class ConstellationClocks:
    """How the clocks of one constellation were combined.

    Attributes
    ----------
    letter : str
    noise_s : ndarray, shape (centre,)
        Standard deviation of a record of a centre; NaN without clocks.
    share : ndarray, shape (centre,)
        Mean share in the combined records.
    datum_s : ndarray, shape (centre, epoch)
        Time scale of a centre minus that of the combination.
    constant_s : ndarray, shape (centre, satellite of the stack)
        Constant of a centre and satellite relative to the combination; NaN for other constellations.
    rms_s : ndarray, shape (centre, satellite of the stack)
        RMS of used records to the combination, after datum and constant.
    used, rejected : ndarray of int, shape (centre,)
        Records that were used, and that were outliers.
    jumps : tuple of ClockJump
    separable : bool
        False when there were two centres only, which then have equal weights.
    """

    letter: str
    noise_s: Array
    share: Array
    datum_s: Array
    constant_s: Array
    rms_s: Array
    used: NDArray[np.int64]
    rejected: NDArray[np.int64]
    jumps: tuple[ClockJump, ...]
    separable: bool


@dataclass(frozen=True, slots=True, eq=False)
class ClockCombination:
    """Combined clocks.

    Attributes
    ----------
    centres, satellites : tuple of str
    epochs_gps : ndarray of datetime64[ns], shape (epoch,)
    clock_s : ndarray, shape (epoch, satellite)
        In the time scale of ``datum_centre``; NaN where no centre has a clock.
    sigma_s : ndarray, shape (epoch, satellite)
        Standard deviation of the mean from the scatter of the centres; NaN with one centre.
    datum_centre : str
        Centre whose GPS clocks (of the first constellation, without GPS) define the time scale.
    constellations : tuple of ConstellationClocks
    exclusions : tuple of Exclusion
        Centres left out of a constellation, the letter standing for the satellite.
    """

    centres: tuple[str, ...]
    satellites: tuple[str, ...]
    epochs_gps: Epochs
    clock_s: Array
    sigma_s: Array
    datum_centre: str
    constellations: tuple[ConstellationClocks, ...]
    exclusions: tuple[Exclusion, ...]

    def inter_system_bias_s(self, letter: str, reference: str = "G") -> Array:
        """Mean over the day of a centre's bias between two constellations, relative to the combination, shape (centre,)."""
        found = {one.letter: one for one in self.constellations}
        if letter not in found or reference not in found:
            return np.full(len(self.centres), np.nan)
        difference = found[letter].datum_s - found[reference].datum_s
        return masked_median(difference, axis=1)

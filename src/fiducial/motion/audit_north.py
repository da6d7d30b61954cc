"""Whether the northward GNSS velocity is contained in a product: two readings held against independent velocities.

Two looks give East and Up; what they see of North goes into both. The document says that GNSS North is removed before
the decomposition; the files do not say whether it is. The readings differ by l_n N, which is little where North is
little: then the numbers do not tell, and this module does not either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError

Array = NDArray[np.float64]
Conclusion = Literal["contained", "removed", "undecided"]
Fit = Literal["for", "against", "neutral"]

NORTH_LEAK_INTO_UP: Final = -0.139
"""Up that a northward mm/yr becomes in a two-look decomposition with incidences of 37 and 39 degrees."""

_FITS_SIGMAS: Final = 2.0
_AGAINST_SIGMAS: Final = 3.0


@dataclass(frozen=True)
class Reading:
    """One of the two possibilities, in numbers.

    Attributes
    ----------
    name : {"contained", "removed"}
    predicted_mm_per_yr : float
        What the velocities give if it is so.
    difference_mm_per_yr : float
        Observed minus predicted.
    allowed_mm_per_yr : float
        Largest difference that still fits.
    verdict : {"for", "against", "neutral"}
    """

    name: str
    predicted_mm_per_yr: float
    difference_mm_per_yr: float
    allowed_mm_per_yr: float
    verdict: Fit


@dataclass(frozen=True)
class Witness:
    """What one set of GNSS velocities says.

    Attributes
    ----------
    source : str
    velocity_enu_mm_per_yr : ndarray, shape (3,)
        At the place, frame ETRF2000 or as close to it as ``source`` says.
    contained, removed : Reading
    speaks_for : {"contained", "removed", "undecided"}
    sentence : str
    leak_into_up_mm_per_yr : float
        Error of Up when North is contained and treated as absent.
    """

    source: str
    velocity_enu_mm_per_yr: Array
    contained: Reading
    removed: Reading
    speaks_for: Conclusion
    sentence: str
    leak_into_up_mm_per_yr: float


@dataclass(frozen=True)
class NorthEvidence:
    """Both readings before all witnesses.

    Attributes
    ----------
    quantity : str
        What was compared.
    observed_mm_per_yr, sigma_mm_per_yr : float
    witnesses : tuple of Witness
    verdict : {"contained", "removed", "undecided"}
    sentence : str
    """

    quantity: str
    observed_mm_per_yr: float
    sigma_mm_per_yr: float
    witnesses: tuple[Witness, ...]
    verdict: Conclusion
    sentence: str


@dataclass(frozen=True)
class Observable:
    """A number of the product that the readings predict.

    Attributes
    ----------
    quantity : str
    value_mm_per_yr, sigma_mm_per_yr : float
    tolerance_mm_per_yr : float
        Half a printed unit where the number is rounded, otherwise 0.
    along : ndarray, shape (3,)
        Coefficients of east, north, up in it when North is contained: the line of sight, or (0, leak, 1) for Up.
    """

    quantity: str
    value_mm_per_yr: float
    sigma_mm_per_yr: float
    tolerance_mm_per_yr: float
    along: Array

    @property
    def leak(self) -> float:
        """Up that a northward mm/yr becomes when the other look mirrors this one."""
        return float(self.along[1] / self.along[2])


def hear(
    observable: Observable,
    velocity_enu_mm_per_yr: ArrayLike,
    *,
    source: str,
    covariance_enu: ArrayLike | None = None,
    tolerance_mm_per_yr: float = 0.0,
    decomposed: bool = False,
) -> Witness:
    """Hold both readings against one set of velocities.

    Parameters
    ----------
    observable : Observable
    velocity_enu_mm_per_yr : array_like, shape (3,)
        East, north, up.
    source : str
        What errors and reports call the velocities.
    covariance_enu : array_like, shape (3, 3), optional
        In (mm/yr)^2; zero by default.
    tolerance_mm_per_yr : float
        Half the printed unit of the velocities, which are then uniformly uncertain; 0 by default.
    decomposed : bool
        East and Up may have been decomposed from the very lines of sight they are compared with, as those printed
        in Level 3 may: then they fit the reading "removed" whatever is true, and that fit says nothing.

    Returns
    -------
    Witness

    Raises
    ------
    InputError
        FID-1078 when a velocity is not finite, or Up is not seen.

    Notes
    -----
    contained: l_e E + l_n N + l_u U; removed: l_e E + l_u U. A reading fits within the tolerances and two sigmas,
    and is contradicted beyond three. The leak assumes a second look with the same incidence and mirrored heading:
    Up is off by N l_n / l_u, East by nothing.
    """
    velocity = np.asarray(velocity_enu_mm_per_yr, dtype=np.float64)
    if velocity.shape != (3,) or not np.isfinite(velocity).all() or observable.along[2] == 0.0:
        raise InputError(
            "FID-1078",
            "north cannot be weighed without finite east, north and up velocities, and a look that sees up",
            where=source,
            fix="give GNSS velocities with a vertical",
        )
    along = observable.along
    spread = np.zeros((3, 3)) if covariance_enu is None else np.asarray(covariance_enu, dtype=np.float64)

    def reading(name: str, seen: Array) -> Reading:
        predicted = float(seen @ velocity)
        difference = observable.value_mm_per_yr - predicted
        sigma = float(np.sqrt(seen @ spread @ seen + observable.sigma_mm_per_yr**2))
        hard = observable.tolerance_mm_per_yr + tolerance_mm_per_yr * float(np.abs(seen).sum())
        off = abs(difference)
        fits, excluded = off <= hard + _FITS_SIGMAS * sigma, off > hard + _AGAINST_SIGMAS * sigma
        verdict: Fit = "for" if fits else "against" if excluded else "neutral"
        return Reading(name, predicted, difference, hard + _FITS_SIGMAS * sigma, verdict)

    contained = reading("contained", along)
    removed = reading("removed", along * [1.0, 0.0, 1.0])
    speaks_for, sentence = _testimony(contained, removed, decomposed=decomposed)
    return Witness(source, velocity, contained, removed, speaks_for, sentence, observable.leak * float(velocity[1]))


def _testimony(contained: Reading, removed: Reading, *, decomposed: bool) -> tuple[Conclusion, str]:
    apart = abs(contained.predicted_mm_per_yr - removed.predicted_mm_per_yr)
    if contained.verdict == "for" and removed.verdict == "against":
        return "contained", f"speaks for contained: the readings are {apart:.3f} mm/yr apart and only this one fits"
    if contained.verdict == "against" and removed.verdict == "for":
        if decomposed:
            return "undecided", (
                "fits 'removed', but says nothing: its east and up may be decomposed from these very lines of sight, "
                "North included, and would then fit as well"
            )
        return "removed", f"speaks for removed: the readings are {apart:.3f} mm/yr apart and only this one fits"
    if contained.verdict == "against" and removed.verdict == "against":
        return "undecided", "fits neither reading: another GNSS model, another frame, or another place"
    return "undecided", f"does not tell: the readings are {apart:.3f} mm/yr apart, too little for its uncertainty"


def conclude(observable: Observable, witnesses: Sequence[Witness]) -> NorthEvidence:
    """Put the witnesses together; undecided unless at least one speaks and none contradicts it."""
    heard = {witness.speaks_for for witness in witnesses} - {"undecided"}
    leaks = ", ".join(f"{witness.leak_into_up_mm_per_yr:+.2f}" for witness in witnesses)
    if not witnesses:
        verdict: Conclusion = "undecided"
        sentence = "no GNSS velocities to compare with; give a GNSS table, or the Level 3 file of the same tile"
    elif len(heard) == 1:
        verdict = "contained" if "contained" in heard else "removed"
        sentence = f"only one reading fits; treated the other way, Up would be off by {leaks} mm/yr"
    else:
        verdict = "undecided"
        why = "the GNSS velocities contradict each other" if heard else "no GNSS velocities tell the readings apart"
        sentence = f"{why}; a wrong choice moves Up by {leaks} mm/yr, so state it (--north-in-input)"
    return NorthEvidence(observable.quantity, observable.value_mm_per_yr, observable.sigma_mm_per_yr,
                         tuple(witnesses), verdict, sentence)  # fmt: skip

"""Conversions between the units of the rooms: SI below, millimetres and years in ``motion``."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fiducial.constants import JULIAN_YEAR_DAYS, MILLIARCSECOND_RAD

Quantity = TypeVar("Quantity", float, NDArray[np.float64])

_SECONDS_PER_JULIAN_YEAR = JULIAN_YEAR_DAYS * 86_400.0


def mm_per_yr_from_m_per_s(velocity_m_per_s: Quantity) -> Quantity:
    """Convert m/s to mm per Julian year.

    Examples
    --------
    >>> round(mm_per_yr_from_m_per_s(1e-3 / (365.25 * 86400.0)), 12)
    1.0
    """
    return velocity_m_per_s * (1e3 * _SECONDS_PER_JULIAN_YEAR)


def m_per_s_from_mm_per_yr(velocity_mm_per_yr: Quantity) -> Quantity:
    """Convert mm per Julian year to m/s."""
    return velocity_mm_per_yr / (1e3 * _SECONDS_PER_JULIAN_YEAR)


def rad_from_mas(angle_mas: Quantity) -> Quantity:
    """Convert milliarcseconds to radians."""
    return angle_mas * MILLIARCSECOND_RAD

"""Conversions against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducial.units import m_per_s_from_mm_per_yr, mm_per_yr_from_m_per_s, rad_from_mas


@given(st.floats(-1e3, 1e3))
def test_velocities_come_back(velocity_mm_per_yr):
    back = mm_per_yr_from_m_per_s(m_per_s_from_mm_per_yr(velocity_mm_per_yr))
    assert back == pytest.approx(velocity_mm_per_yr, abs=1e-12)


def test_a_year_is_julian_and_arrays_stay_arrays():
    assert mm_per_yr_from_m_per_s(1.0 / 31_557_600.0) == pytest.approx(1000.0, abs=1e-9)
    np.testing.assert_allclose(m_per_s_from_mm_per_yr(np.array([31_557_600e3])), [1.0], rtol=1e-15)


def test_a_full_turn_in_milliarcseconds():
    assert rad_from_mas(360.0 * 3600.0 * 1000.0) == pytest.approx(2.0 * math.pi, abs=1e-12)

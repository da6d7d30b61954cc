"""Clocks and Earth rotation: what is written is read again, to the printed digit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.formats import clk, erp
from fiducial.orbits.earth_rotation import EarthRotation
from fiducial.orbits.orbit import Clocks, satellite_order

START = np.datetime64("2024-09-19T00:00:00", "ns")
SATELLITES = st.lists(
    st.builds("{}{:02d}".format, st.sampled_from("GRECJIS"), st.integers(0, 99)), min_size=1, max_size=6, unique=True
)
VALUES = st.one_of(
    st.just(np.nan), st.floats(-1.0, 1.0), st.floats(-1e-3, 1e-3), st.floats(-1e-9, 1e-9), st.integers(-3, 3).map(float)
)
SIGMAS = st.one_of(st.just(np.nan), st.floats(1e-13, 1e-9), st.floats(1e-90, 1e90))


@st.composite
def clock_sets(draw):
    satellites = tuple(sorted(draw(SATELLITES), key=satellite_order))
    steps = draw(st.lists(st.integers(1, 10**10), min_size=1, max_size=5))
    epochs = START + np.cumsum(steps) * np.timedelta64(1, "us")
    shape = (len(steps), len(satellites))
    size = shape[0] * shape[1]
    value = np.array(draw(st.lists(VALUES, min_size=size, max_size=size))).reshape(shape)
    sigma = np.array(draw(st.lists(SIGMAS, min_size=size, max_size=size))).reshape(shape)
    # The reader learns of epochs and satellites from records: every one needs a value.
    value[:, 0] = np.where(np.isnan(value[:, 0]), 1e-4, value[:, 0])
    value[0] = np.where(np.isnan(value[0]), 2e-4, value[0])
    return Clocks(epochs, satellites, value, np.where(np.isnan(value), np.nan, sigma))


def printed(values):
    return np.array([float(f"{0.0 if abs(value) < 1e-99 else value:.12E}") for value in values.ravel()]).reshape(
        values.shape
    )


@given(clock_sets(), st.sampled_from(["3.04", "3.00"]))
@settings(max_examples=150, deadline=None)
def test_clocks(clocks, version):
    found = clk.read(clk.to_bytes(clocks, version=version))
    # Satellites that stop at the last epoch look like a cut; nothing else may be found.
    assert all("may be cut" in text for text in found.findings)
    np.testing.assert_array_equal(found.clocks.epochs_gps, clocks.epochs_gps)
    assert found.clocks.satellites == clocks.satellites
    np.testing.assert_array_equal(found.clocks.bias_s, printed(clocks.bias_s))
    np.testing.assert_array_equal(found.clocks.sigma_s, printed(clocks.sigma_s))
    again = clk.to_bytes(found.clocks, version=version)
    assert again == clk.to_bytes(clocks, version=version)


@given(
    st.lists(
        st.tuples(st.integers(-10**6, 10**6), st.integers(1, 10**6), st.integers(-9 * 10**6, 9 * 10**6), st.integers(1, 99)),
        min_size=1, max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_earth_rotation(rows, regularised):
    pole, pole_sigma, time, time_sigma = np.array(rows, dtype=np.float64).T
    unit = MILLIARCSECOND_RAD / 1000.0
    rotation = EarthRotation(
        60000.25 + np.arange(len(rows)), x_pole_rad=pole * unit, y_pole_rad=-pole * unit, ut1_minus_utc_s=time * 1e-7,
        lod_s=time * 1e-9, x_pole_sigma_rad=pole_sigma * unit, y_pole_sigma_rad=pole_sigma * unit,
        ut1_sigma_s=time_sigma * 1e-7, lod_sigma_s=time_sigma * 1e-7, x_rate_rad_per_day=pole * unit / 7,
        y_rate_rad_per_day=pole * unit, x_rate_sigma_rad_per_day=pole_sigma * unit,
        y_rate_sigma_rad_per_day=pole_sigma * unit, ut1_regularised=regularised,
    )  # fmt: skip
    found = erp.read(erp.to_bytes(rotation), strictness="raise").rotation
    np.testing.assert_allclose(found.x_pole_rad, rotation.x_pole_rad, rtol=1e-14, atol=0)
    np.testing.assert_allclose(found.ut1_minus_utc_s, rotation.ut1_minus_utc_s, rtol=1e-14, atol=0)
    np.testing.assert_allclose(found.lod_s, rotation.lod_s, rtol=0, atol=0.5001e-7)
    np.testing.assert_allclose(found.x_rate_rad_per_day, rotation.x_rate_rad_per_day, rtol=0, atol=0.5001 * unit)
    assert found.ut1_regularised == regularised
    assert erp.to_bytes(found) == erp.to_bytes(rotation)

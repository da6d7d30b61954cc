"""Earth rotation arrays and their interpolation against a smooth truth."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import InputError
from fiducial.orbits.earth_rotation import EarthRotation, interpolate, leap_seconds_at

ARCSECOND_RAD = 1000.0 * MILLIARCSECOND_RAD
LEAP_MJD = 57754.0  # 2017-01-01


def truth(mjd):
    """Chandler and annual motion of 0.2 arcseconds, UT1 with a fortnightly tide of 0.8 ms, through a leap second."""
    days = np.asarray(mjd) - LEAP_MJD
    x = ARCSECOND_RAD * (0.1 + 0.2 * np.cos(2 * np.pi * days / 433.0))
    y = ARCSECOND_RAD * (0.3 + 0.1 * np.sin(2 * np.pi * days / 365.25))
    ut1_tai = -36.4 - 1.2e-3 * days + 0.8e-3 * np.sin(2 * np.pi * days / 13.66)
    return x, y, ut1_tai + leap_seconds_at(np.asarray(mjd))


def rotation(mjd, **others):
    x, y, ut1 = truth(mjd)
    return EarthRotation(mjd, x_pole_rad=x, y_pole_rad=y, ut1_minus_utc_s=ut1, **others)


def test_interpolation_through_a_leap_second():
    nodes = LEAP_MJD + np.arange(-10.0, 11.0)
    wanted = LEAP_MJD + np.arange(-9.9, 9.9, 0.05)
    found = interpolate(rotation(nodes), wanted)
    x, y, ut1 = truth(wanted)
    microarcsecond = ARCSECOND_RAD * 1e-6
    assert np.abs(found.x_pole_rad - x).max() < 0.1 * microarcsecond
    assert np.abs(found.y_pole_rad - y).max() < 0.1 * microarcsecond
    inside = (wanted > nodes[1]) & (wanted < nodes[-2])
    # The error of a cubic through four daily points of the fortnightly tide: 3/128 (2 pi / 13.66)^4 0.8 ms = 0.8 us.
    assert np.abs(found.ut1_minus_utc_s - ut1)[inside].max() < 1e-6
    assert np.abs(found.ut1_minus_utc_s - ut1).max() < 2e-6
    assert found.ut1_minus_utc_s.max() - found.ut1_minus_utc_s.min() > 0.9


def test_dates_of_the_series_give_its_values_whatever_the_neighbours_are():
    nodes = 60000.0 + np.arange(8.0)
    given = rotation(nodes, lod_s=np.where(np.arange(8) == 3, np.nan, 1e-3))
    found = interpolate(given, nodes)
    np.testing.assert_array_equal(found.x_pole_rad, given.x_pole_rad)
    np.testing.assert_array_equal(found.lod_s, given.lod_s)
    between = interpolate(given, nodes[:-1] + 0.5)
    # Windows of dates 0-3 (twice), 1-4, ..., and 4-7 twice.
    np.testing.assert_array_equal(np.isnan(between.lod_s), [True, True, True, True, True, False, False])


def test_sigmas_and_predictions():
    nodes = 60000.0 + np.arange(8.0)
    given = rotation(nodes, x_pole_sigma_rad=np.full(8, 1e-11), predicted_ut1=np.arange(8) > 5)
    found = interpolate(given, np.array([60003.5, 60004.0, 60004.5]))
    # Weights of the middle: -1/16, 9/16, 9/16, -1/16.
    np.testing.assert_allclose(found.x_pole_sigma_rad, np.array([np.sqrt(164) / 16, 1, np.sqrt(164) / 16]) * 1e-11)
    assert found.predicted_pole is None
    np.testing.assert_array_equal(found.predicted_ut1, [False, False, True])


def test_outside_or_too_few():
    nodes = 60000.0 + np.arange(8.0)
    for wanted in (59999.99, 60007.01, np.nan):
        with pytest.raises(InputError) as caught:
            interpolate(rotation(nodes), np.array([wanted]))
        assert caught.value.code == "FID-1282"
    with pytest.raises(InputError) as caught:
        interpolate(rotation(nodes[:3]), nodes[:1])
    assert caught.value.code == "FID-1282"


@pytest.mark.parametrize(
    "parts",
    [
        {"mjd_utc": np.array([60001.0, 60000.0])},
        {"mjd_utc": np.array([])},
        {"mjd_utc": np.array([60001.0, np.nan])},
        {"mjd_utc": np.array([40000.0])},
        {"mjd_utc": np.array([60001.0]), "lod_s": np.zeros(2)},
        {"mjd_utc": np.array([60001.0]), "predicted_pole": np.zeros(2, dtype=bool)},
    ],
)
def test_malformed_arrays(parts):
    with pytest.raises(InputError) as caught:
        EarthRotation(**parts)
    assert caught.value.code == "FID-1280"

"""Plate rotations from simulated velocities with known truth."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_from_geocentric
from fiducial.geodesy.frame_parameters import ORIGIN_RATE_BIAS_MM_PER_YR, PLATE_ROTATIONS_MAS_PER_YR
from fiducial.geodesy.plate_pole import estimate_rotations, euler_pole

ROTATIONS = PLATE_ROTATIONS_MAS_PER_YR["ITRF2020"]
BIAS = ORIGIN_RATE_BIAS_MM_PER_YR["ITRF2020"]
AREAS = {"EURA": (-10.0, 100.0, 40.0, 70.0), "NUBI": (-15.0, 30.0, -30.0, 25.0), "NOAM": (-120.0, -60.0, 30.0, 65.0),
         "AUST": (115.0, 150.0, -38.0, -15.0)}  # fmt: skip


def world(count, rng, *, plates=tuple(AREAS), bias=(0.0, 0.0, 0.0)):
    labels, longitude, latitude = [], [], []
    for plate in plates:
        west, east, south, north = AREAS[plate]
        labels += [plate] * count
        longitude += rng.uniform(west, east, count).tolist()
        latitude += rng.uniform(south, north, count).tolist()
    position = geocentric_position_m(longitude, latitude)
    spin = np.array([ROTATIONS[plate] for plate in labels]) * MILLIARCSECOND_RAD
    velocity = local_from_geocentric(np.cross(spin, 1e3 * position) + bias, longitude, latitude)[:, :2]
    return labels, position, np.array(longitude), np.array(latitude), velocity


def test_truth_without_noise():
    labels, *places, velocity = world(20, np.random.default_rng(1))
    found = estimate_rotations(*places, velocity, plates=labels)
    assert [plate.plate for plate in found.plates] == list(AREAS)
    for plate in found.plates:
        assert np.allclose(plate.rotation_mas_per_yr, ROTATIONS[plate.plate], atol=1e-9)
    assert found.origin_rate_mm_per_yr is None
    assert found.used.all()
    assert found.rejected == ()


def test_origin_rate_bias_is_found_with_the_plates_and_biases_them_when_left_out():
    labels, *places, velocity = world(20, np.random.default_rng(2), bias=BIAS)
    with_bias = estimate_rotations(*places, velocity, plates=labels, origin_rate=True)
    assert np.allclose(with_bias.origin_rate_mm_per_yr, BIAS, atol=1e-6)
    assert with_bias.covariance.shape == (15, 15)
    assert np.allclose(with_bias.plates[0].rotation_mas_per_yr, ROTATIONS["EURA"], atol=1e-9)
    without = estimate_rotations(*places, velocity, plates=labels)
    assert 0.002 < np.abs(without.plates[0].rotation_mas_per_yr - ROTATIONS["EURA"]).max() < 0.05


def test_outliers_and_unknown_components_do_not_count():
    rng = np.random.default_rng(3)
    _, *places, velocity = world(60, rng, plates=("EURA",))
    noisy = velocity + rng.normal(0.0, 0.3, velocity.shape)
    noisy[7] += (12.0, -8.0)
    noisy[11, 1] += 9.0
    noisy[20, 0] = np.nan
    names = [f"S{k:03d}" for k in range(60)]
    found = estimate_rotations(*places, noisy, names=names)
    assert np.abs(found.plates[0].rotation_mas_per_yr - ROTATIONS["EURA"]).max() < 0.01
    assert {text.split(":")[0] for text in found.rejected} == {"S007", "S011"}
    assert len(found.rejected) == 3
    assert "north +" in found.rejected[-1]
    assert not found.used[20, 0]
    assert np.isnan(found.residual_en_mm_per_yr[20, 0])
    assert found.degrees_of_freedom == 120 - 4 - 3
    assert found.wrms_en_mm_per_yr == pytest.approx([0.3, 0.3], rel=0.25)
    plain = estimate_rotations(*places, noisy, robust=False)
    assert plain.rejected == ()


def test_pulls_of_rotation_and_pole():
    """Residuals in units of the published sigma are N(0, 1), also for the pole, also with unequal weights."""
    rng = np.random.default_rng(4)
    _, *places, velocity = world(40, rng, plates=("EURA",))
    sigma = rng.uniform(0.1, 0.6, velocity.shape)
    truth = np.array(ROTATIONS["EURA"])
    pole = np.array(euler_pole(truth)[:3])
    pulls = []
    for _ in range(300):
        fit = estimate_rotations(*places, velocity + sigma * rng.normal(size=velocity.shape), sigma_en_mm_per_yr=sigma,
                                 robust=False).plates[0]  # fmt: skip
        found = np.array([fit.pole_longitude_deg, fit.pole_latitude_deg, fit.rate_deg_per_myr])
        pulls.append(np.r_[(fit.rotation_mas_per_yr - truth) / np.sqrt(np.diag(fit.covariance)),
                           (found - pole) / np.sqrt(np.diag(fit.pole_covariance))])  # fmt: skip
    assert np.abs(np.std(pulls, axis=0) - 1.0).max() < 0.12
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.2


def test_weights_follow_sigmas():
    rng = np.random.default_rng(5)
    _, *places, velocity = world(30, rng, plates=("EURA",))
    sigma = np.where(np.arange(30) < 15, 0.1, 3.0)[:, np.newaxis] * np.ones(2)
    noisy = velocity + sigma * rng.normal(size=velocity.shape)
    weighted = estimate_rotations(*places, noisy, sigma_en_mm_per_yr=sigma, robust=False)
    assert weighted.variance_factor == pytest.approx(1.0, abs=0.5)
    equal = estimate_rotations(*places, noisy, robust=False)
    errors = [np.abs(fit.plates[0].rotation_mas_per_yr - ROTATIONS["EURA"]).max() for fit in (weighted, equal)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("rotation", [(0.0, 0.0, 0.77), (0.0, 0.0, 0.0)])
def test_poles_without_a_longitude(rotation):
    longitude, _, rate, spread = euler_pole(rotation, np.eye(3))
    assert longitude == 0.0
    assert rate == pytest.approx(rotation[2] / 3.6)
    assert np.isnan(spread).all()


def test_stations_that_do_not_determine_a_rotation():
    _, position, longitude, latitude, velocity = world(12, np.random.default_rng(6), plates=("EURA",))
    with pytest.raises(NumericsError) as error:
        estimate_rotations(position[:1], longitude[:1], latitude[:1], velocity[:1])
    assert error.value.code == "FID-3120"
    near = geocentric_position_m(10.0 + 1e-3 * np.arange(12), np.full(12, 50.0))
    with pytest.raises(NumericsError) as error:
        estimate_rotations(near, 10.0 + 1e-3 * np.arange(12), np.full(12, 50.0), velocity)
    assert error.value.code == "FID-3120"
    with pytest.raises(NumericsError, match="and an origin rate"):
        estimate_rotations(near, 10.0 + 1e-3 * np.arange(12), np.full(12, 50.0), velocity, origin_rate=True)


def test_arrays_that_do_not_fit():
    labels, position, longitude, latitude, velocity = world(5, np.random.default_rng(8), plates=("EURA",))
    unknown = position.copy()
    unknown[0] = np.nan
    for arguments, keywords in (
        ((position, longitude, latitude, velocity[:, :1]), {}),
        ((position[0], longitude, latitude, velocity), {}),
        ((unknown, longitude, latitude, velocity), {}),
        ((position, longitude, latitude, velocity), {"sigma_en_mm_per_yr": np.zeros_like(velocity)}),
        ((position, longitude, latitude, velocity), {"plates": labels[:2]}),
    ):
        with pytest.raises(InputError) as error:
            estimate_rotations(*arguments, **keywords)
        assert error.value.code == "FID-1314"

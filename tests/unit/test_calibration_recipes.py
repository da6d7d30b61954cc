import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.interpolation import unproject
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.protocol import PUBLISHED_VERTICAL_DISAGREEMENT_MM_PER_YR
from fiducial.motion.calibration.recipes import EgmsRecipe, StationPolynomial, recipe, recipes
from fiducial.motion.calibration.surfaces import CorrectionSurface
from synthetic_network import network, track, trend_enu


def ramp(easting, northing):
    """A constant and a plane: 6 mm/yr, 5 mm/yr over 250 km east, -2 north."""
    return 6.0 + 2e-5 * (easting - 4_490_000) - 0.8e-5 * (northing - 2_200_000)


@cache
def world(noise=0.0, without_up=0.0):
    stations, _ = network(0, 120, longitude=(9.5, 14.5), latitude=(40.5, 45.5), noise=False, without_up=without_up)
    field = VelocityField.fit(stations)
    points = track(stations, trend_enu, surface=ramp, noise=noise)
    return stations, field, points, observe_track(points, stations)


@pytest.mark.parametrize("name", ["plane", "quadratic"])
def test_an_injected_plane_is_recovered_without_noise(name):
    """At the stations the injected plane is sampled by medians: compare with the plane of exact samples."""
    stations, field, _, observed = world()
    medians = observed.samples.medians
    exact = np.einsum("si,si->s", medians.line_of_sight, stations.velocity_enu_mm_per_yr[observed.samples.station])
    exact = exact + ramp(medians.easting, medians.northing)
    observed = observed.with_velocities(observed.blocks.velocity_mm_per_yr, exact)
    surface = recipe(name).fit([observed], stations, field).tracks[0].surface
    easting, northing = observed.blocks.easting, observed.blocks.northing
    error = surface.surface_mm_per_yr(easting, northing) - ramp(easting, northing)
    assert np.abs(error).max() < 1e-6


def test_egms_recovers_an_injected_plane():
    stations, field, points, _ = world()
    observed = observe_track(points, stations)
    longitude, latitude = unproject(observed.blocks.easting, observed.blocks.northing, "EPSG:3035")
    truth = field.predict(longitude, latitude, with_covariance=False).velocity_enu_mm_per_yr
    exact = np.einsum("bi,bi->b", observed.blocks.line_of_sight, truth)
    exact = exact + ramp(observed.blocks.easting, observed.blocks.northing)
    observed = observed.with_velocities(exact, observed.samples.medians.velocity_mm_per_yr)
    surface = recipe("egms").fit([observed], stations, field).tracks[0].surface
    easting, northing = observed.blocks.easting, observed.blocks.northing
    error = surface.surface_mm_per_yr(easting, northing) - ramp(easting, northing)
    # What is left is the bilinear interpolation of the smooth field between nodes 50 km apart.
    assert np.abs(error).max() < 0.01


@pytest.mark.parametrize("name", ["plane", "quadratic", "egms"])
def test_noisy_tracks_are_calibrated_within_their_sigma(name):
    stations, field, points, observed = world(noise=1.0)
    calibration = recipe(name).fit([observed], stations, field).tracks[0]
    error = calibration.surface.surface_mm_per_yr(points.easting, points.northing)
    error = error - ramp(points.easting, points.northing)
    sigma = calibration.surface.sigma_mm_per_yr(points.easting, points.northing)
    assert np.abs(error).max() < 1.0
    assert np.sqrt(np.mean((error / sigma) ** 2)) < 2.0
    assert 0.01 < np.median(sigma) < 1.0
    stations_after = calibration.stations
    after = stations_after.after_mm_per_yr
    assert np.sqrt(np.nanmean(after**2)) < 0.5 < np.sqrt(np.nanmean(stations_after.before_mm_per_yr**2))


def test_predicted_sigma_of_the_surface_over_many_draws():
    """Correlated InSAR noise (sigma 2, 30 km): the error of the plane must match its sigma, not sigma/sqrt(n)."""
    stations, field, _, observed = world()
    blocks = observed.blocks
    position = np.column_stack([blocks.easting, blocks.northing]) / 1000.0
    distance = np.hypot(*(position[:, None, :] - position[None, :, :]).transpose(2, 0, 1))
    root = np.linalg.cholesky(4.0 * np.exp(-distance / 30.0) + 0.25 * np.eye(len(position)))
    clean = blocks.velocity_mm_per_yr
    ratios, naive = [], []
    for seed in range(16):
        drawn = clean + root @ np.random.default_rng(seed).standard_normal(len(clean))
        noisy = observed.with_velocities(drawn, observed.samples.medians.velocity_mm_per_yr)
        surface = EgmsRecipe(maximum_degree=1).fit([noisy], stations, field).tracks[0].surface
        error = surface.surface_mm_per_yr(blocks.easting, blocks.northing)
        error = error - ramp(blocks.easting, blocks.northing)
        sigma = surface.sigma_mm_per_yr(blocks.easting, blocks.northing)
        ratios.append(np.mean((error / sigma) ** 2))
        naive.append(np.mean(error**2) / (4.25 * 3 / len(position)))
    # The mean has a heavy tail: a surface that swallows the noise also makes it look small.
    assert 0.7 < np.sqrt(np.median(ratios)) < 1.3
    assert np.sqrt(np.mean(ratios)) < 1.8
    assert np.sqrt(np.mean(naive)) > 3.0


def test_an_island_gets_a_constant_and_says_so():
    stations, field, points, _ = world()
    centre = points.easting.mean(), points.northing.mean()
    island = points.select(np.hypot(points.easting - centre[0], points.northing - centre[1]) < 12_000)
    observed = observe_track(island, stations)
    calibration = recipe("egms").fit([observed], stations, field).tracks[0]
    assert calibration.surface.basis.terms == 1
    assert any("d <= L / 50 km" in note for note in calibration.notes)
    found = calibration.surface.surface_mm_per_yr(*centre)
    assert abs(float(found) - ramp(*centre)) < 0.2


def test_an_outlying_station_is_rejected_with_a_reason():
    stations, field, _, observed = world(noise=0.5)
    victim = observed.samples.station[0]
    velocity = stations.velocity_enu_mm_per_yr.copy()
    velocity[victim, 0] += 30.0
    spoiled = replace(stations, velocity_enu_mm_per_yr=velocity)
    for name in ("plane", "egms"):
        calibration = recipe(name).fit([observed], spoiled, field).tracks[0]
        assert [r.name for r in calibration.rejected] == [str(stations.names[victim])]
        assert not calibration.stations.used[0]
        assert np.isnan(calibration.stations.after_mm_per_yr[0])


def test_bad_insar_at_a_station_is_rejected_by_the_fit():
    stations, field, _, observed = world(noise=0.5)
    samples = observed.samples.medians.velocity_mm_per_yr.copy()
    samples[3] += 25.0
    observed = observed.with_velocities(observed.blocks.velocity_mm_per_yr, samples)
    calibration = recipe("plane").fit([observed], stations, field).tracks[0]
    assert calibration.rejected[0].name == observed.samples.names[3]
    assert "from the surface of the other stations" in calibration.rejected[0].reason
    assert calibration.stations.after_mm_per_yr[3] > 20.0


def test_unknown_ups_come_from_the_field_or_from_the_stated_prior():
    stations, field, _, observed = world(without_up=0.5)
    calibration = recipe("plane").fit([observed], stations, field).tracks[0]
    assert any("taken from the velocity field" in note for note in calibration.notes)
    blind = replace(stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr * [1, 1, np.nan])
    without = VelocityField.fit(blind)
    calibration = recipe("plane").fit([observed], blind, without).tracks[0]
    assert any("unknown: 0 +- 3 mm/yr" in note for note in calibration.notes)
    assert calibration.stations.sigma_mm_per_yr.min() > 0.7 * 3.0
    with pytest.raises(InputError, match="FID-1062"):
        recipe("egms").fit([observed], blind, without)
    stated = VelocityField.fit(blind, up_prior_sigma_mm_per_yr=3.0)
    surface = recipe("egms").fit([observed], blind, stated).tracks[0].surface
    centre = observed.blocks.easting.mean(), observed.blocks.northing.mean()
    assert surface.sigma_mm_per_yr(*centre) > 1.0


def test_too_few_stations_for_the_surface():
    stations, field, _, observed = world()
    few = replace(observed, samples=observed.samples.select(np.arange(3)))
    with pytest.raises(InputError, match="FID-1061"):
        recipe("plane").fit([few], stations, field)
    none = replace(observed, cell=observed.cell[:0], blocks=observed.blocks.select(slice(0, 0)))
    with pytest.raises(InputError, match="FID-1061"):
        recipe("egms").fit([none], stations, field)


def test_inputs_must_belong_together():
    stations, field, _, observed = world()
    with pytest.raises(InputError, match="FID-1066"):
        recipe("plane").fit([observed], replace(stations, frame="ITRF2020"), field)
    with pytest.raises(InputError, match="FID-1063"):
        recipe("plane").fit([observed], stations.select(np.arange(stations.size)[::-1]), field)
    with pytest.raises(InputError, match="FID-1063"):
        recipe("plane").fit([observed], stations.select(np.arange(3)), field)


def test_unknown_recipe_lists_the_known_ones():
    with pytest.raises(InputError, match="FID-1060") as raised:
        recipe("magic")
    assert "egms, gauss-25" in raised.value.fix
    assert {"egms", "plane", "quadratic"} <= set(recipes())


def test_result_is_plain_and_complete():
    stations, field, _, observed = world(noise=0.5)
    result = StationPolynomial(1, systematic_sigma_mm_per_yr=0.2).fit([observed], stations, field)
    stored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert stored["frame"] == "ETRF2000"
    assert stored["gnss_source"] == "synthetic"
    assert stored["published_vertical_disagreement_mm_per_yr"] == PUBLISHED_VERTICAL_DISAGREEMENT_MM_PER_YR
    assert "v - S" in stored["sign"]
    again = CorrectionSurface.from_dict(stored["tracks"][0]["surface"])
    assert again.systematic_sigma_mm_per_yr == 0.2
    assert result.track("117_0227").degrees_of_freedom == result.tracks[0].observations - 3
    with pytest.raises(InputError, match="FID-1069"):
        result.track("nobody")


def test_plain_name_of_another_degree():
    assert StationPolynomial(3).name == "polynomial-3"

"""Filters as recipes: what they pass, absorb and reject, their representation on splines, and their sigma."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.bases import SplineBasis
from fiducial.motion.calibration.filters import GaussianFilter, WindowFilter
from fiducial.motion.calibration.fitting import Differences, propagated
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.recipes import ALIASES, recipe, recipes
from fiducial.motion.calibration.smoothing import (
    gaussian_kernel,
    huber_factors,
    refinement,
    spline_coefficients,
    weighted_means,
    window_operator,
)
from synthetic_network import network, track, trend_enu

NAMES = ("gauss-60", "gauss-25", "window-30", "window-100")


@cache
def world(points=12_000):
    """A track over 270 x 330 km whose blocks and samples show the velocity field exactly."""
    stations, _ = network(0, 120, longitude=(9.5, 14.5), latitude=(40.5, 45.5), noise=False)
    field = VelocityField.fit(stations)
    observed = observe_track(track(stations, trend_enu, points=points), stations, minimum_points=3)
    parts = []
    for medians in (observed.blocks, observed.samples.medians):
        truth = field.predict(medians.longitude_deg, medians.latitude_deg, with_covariance=False)
        parts.append(np.einsum("bi,bi->b", medians.line_of_sight, truth.velocity_enu_mm_per_yr))
    return stations, field, observed.with_velocities(*parts)


def with_added(observed, function):
    """Add a function of easting and northing to the velocities of blocks and samples."""
    medians = observed.samples.medians
    return observed.with_velocities(
        observed.blocks.velocity_mm_per_yr + function(observed.blocks.easting, observed.blocks.northing),
        medians.velocity_mm_per_yr + function(medians.easting, medians.northing),
    )


def surface_of(name, observed):
    stations, field, _ = world()
    return recipe(name).fit([observed], stations, field).tracks[0].surface


def regular(side_km=300.0, step_km=5.0):
    axis = np.arange(0.5 * step_km, side_km, step_km) * 1000.0
    easting, northing = np.meshgrid(axis + 4_000_000.0, axis + 2_500_000.0)
    return easting.ravel(), northing.ravel()


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_is_taken_out_and_the_rest_left_alone(name):
    _, _, observed = world()
    found = surface_of(name, with_added(observed, lambda e, n: 7.0 + 0 * e * n))
    inside = observed.blocks.easting, observed.blocks.northing
    assert np.abs(found.surface_mm_per_yr(*inside) - 7.0).max() < 1e-6


def test_windows_reproduce_a_plane_where_they_are_full():
    _, _, observed = world()
    plane = lambda e, n: 2e-5 * (e - 4_490_000) - 1e-5 * (n - 2_200_000)  # noqa: E731
    found = surface_of("window-100", with_added(observed, plane))
    easting, northing = observed.blocks.easting, observed.blocks.northing
    centre = np.hypot(easting - easting.mean(), northing - northing.mean()) < 60_000
    error = found.surface_mm_per_yr(easting, northing) - plane(easting, northing)
    assert centre.sum() > 100
    assert np.abs(error[centre]).max() < 1e-6


def test_gain_of_the_gaussian_is_that_of_weight_one_over_e_at_its_length():
    """exp(-(pi length / wavelength)^2) for a wave of 100 km under 25 km: 0.54, and 0.5 at 3.77 lengths."""
    blocks = regular()
    for wavelength, gain in ((100_000.0, np.exp(-((np.pi / 4.0) ** 2))), (3.7735 * 25_000.0, 0.5)):
        wave = np.cos(2 * np.pi * (blocks[0] - 4_150_000.0) / wavelength)
        basis = SplineBasis.covering(*blocks, 25_000.0 / 3)
        smooth = weighted_means(gaussian_kernel(basis.nodes, blocks, 25_000.0), np.ones(len(wave))) @ wave
        crest = basis.evaluate(basis.coefficients_of(smooth), np.array([4_150_000.0]), np.array([2_650_000.0]))
        assert crest[0] == pytest.approx(gain, abs=0.003)


def test_absorbed_share_of_a_bowl_grows_as_the_filters_shorten():
    """A bowl of -10 mm/yr, sigma 10 km: calibration.md 1.4 found 0.05, 0.19, 0.22, 0.74 on real frames."""
    _, _, observed = world()
    easting, northing = observed.blocks.easting, observed.blocks.northing
    at = np.argmin(np.hypot(easting - easting.mean(), northing - northing.mean()))
    rng = np.random.default_rng(5)
    noisy = observed.with_velocities(
        observed.blocks.velocity_mm_per_yr + rng.normal(0, 1.5, observed.blocks.size),
        observed.samples.medians.velocity_mm_per_yr,
    )

    def bowl(e, n):
        return -10.0 * np.exp(-((e - easting[at]) ** 2 + (n - northing[at]) ** 2) / (2 * 10_000.0**2))

    share = {}
    for name in NAMES:
        change = surface_of(name, with_added(noisy, bowl)).surface_mm_per_yr(easting[at], northing[at])
        share[name] = (
            float(change) - float(surface_of(name, noisy).surface_mm_per_yr(easting[at], northing[at]))
        ) / -10
    assert share["gauss-60"] < 0.07
    assert 0.08 < share["gauss-25"] < 0.30
    assert 0.08 < share["window-100"] < 0.30
    assert share["window-30"] > 0.60


def test_a_landslide_does_not_move_the_gaussian():
    _, _, observed = world()
    rng = np.random.default_rng(2)
    noisy = observed.with_velocities(
        observed.blocks.velocity_mm_per_yr + rng.normal(0, 1.0, observed.blocks.size),
        observed.samples.medians.velocity_mm_per_yr,
    )
    easting, northing = observed.blocks.easting, observed.blocks.northing
    slide = np.argsort(np.hypot(easting - easting.mean(), northing - northing.mean()))[:4]
    velocity = noisy.blocks.velocity_mm_per_yr.copy()
    velocity[slide] -= 60.0
    spoiled = noisy.with_velocities(velocity, noisy.samples.medians.velocity_mm_per_yr)
    for name in ("gauss-60", "gauss-25"):
        before, after = surface_of(name, noisy), surface_of(name, spoiled)
        moved = after.surface_mm_per_yr(easting, northing) - before.surface_mm_per_yr(easting, northing)
        assert np.abs(moved).max() < 0.15
    stations, field, _ = world()
    calibration = recipe("gauss-25").fit([spoiled], stations, field).tracks[0]
    assert calibration.observations <= observed.blocks.size - 4
    assert any("rejected as local motion" in note for note in calibration.notes)


def test_huber_factors():
    rng = np.random.default_rng(0)
    residuals = rng.normal(0, 2.0, 4000)
    residuals[:40] = 100.0
    factors = huber_factors(residuals, np.full(4000, 0.25), 100.0)
    assert (factors[:40] == 0).all()
    assert factors[np.abs(residuals) < 2.5].min() == 1.0
    assert (huber_factors(np.zeros(10), np.ones(10), 1.0) == 1.0).all()
    half = np.r_[np.zeros(10), np.full(10, 50.0)] + rng.normal(0, 1e-3, 20)
    assert (huber_factors(half, np.ones(20), 1.0) == 0).sum() <= 5


@pytest.mark.parametrize("name", NAMES)
def test_calibrated_velocities_scatter_as_their_sigma_says(name):
    """InSAR noise 2 mm/yr over 20 km plus 0.5: what calibration leaves of it is surface plus noise sigma."""
    stations, field, observed = world(6_000)
    blocks = observed.blocks
    position = np.column_stack([blocks.easting, blocks.northing]) / 1000.0
    root = np.linalg.cholesky(4.0 * np.exp(-cdist(position, position) / 20.0) + 0.25 * np.eye(blocks.size))
    ratios = []
    for seed in range(4):
        error = root @ np.random.default_rng(seed).standard_normal(blocks.size)
        noisy = observed.with_velocities(blocks.velocity_mm_per_yr + error, observed.samples.medians.velocity_mm_per_yr)
        found = recipe(name).fit([noisy], stations, field).tracks[0]
        left = error - found.surface.surface_mm_per_yr(blocks.easting, blocks.northing)
        sigma = found.surface.sigma_mm_per_yr(blocks.easting, blocks.northing)
        ratios.append(np.mean(left**2) / np.mean(sigma**2 + found.noise.sigma**2 + found.noise.nugget**2))
        assert 0.05 < np.median(sigma) < 2.0
    assert 0.75 < np.sqrt(np.mean(ratios)) < 1.1


@pytest.mark.parametrize("name", NAMES)
def test_hyper_parameters_can_be_fixed(name):
    stations, field, observed = world(6_000)
    noisy = with_added(observed, lambda e, n: np.sin(e / 9_000.0) + 0 * n)
    result = recipe(name).fit([noisy], stations, field)
    kept = recipe(name).fixed(result)
    assert kept.name == name
    again = kept.fit([noisy], stations, field)
    assert again.tracks[0].noise == result.tracks[0].noise
    assert np.array_equal(again.tracks[0].surface.covariance, result.tracks[0].surface.covariance)
    other = kept.fit([replace(noisy, name="other", track="other")], stations, field).tracks[0]
    assert other.noise == result.tracks[0].noise  # estimated again, from the same numbers


def test_the_kept_noise_is_used_not_estimated():
    stations, field, observed = world(6_000)
    for name in ("plane", "egms", "gauss-60"):
        noisy = with_added(observed, lambda e, n: np.sin(e / 9_000.0) + 0 * n)
        loud = with_added(observed, lambda e, n: 5 * np.sin(e / 9_000.0) + 0 * n)
        kept = recipe(name).fixed(recipe(name).fit([loud], stations, field)).fit([noisy], stations, field)
        assert kept.tracks[0].noise.sigma > 2 * recipe(name).fit([noisy], stations, field).tracks[0].noise.sigma


def test_coefficients_of_all_columns_are_those_of_each():
    basis = SplineBasis(0.0, 0.0, 1000.0, 7, 5)
    values = np.random.default_rng(0).normal(size=(basis.terms, 3))
    found = spline_coefficients(basis, values)
    for column in range(3):
        assert np.allclose(found[:, column], basis.coefficients_of(values[:, column]), atol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 7_300.0, 15_100.0])
def test_refinement_is_the_same_function(shift):
    rng = np.random.default_rng(1)
    easting, northing = rng.uniform(0, 140_000, 400) + shift, rng.uniform(0, 90_000, 400) - shift
    fine, coarse = (SplineBasis.covering(easting, northing, spacing) for spacing in (8_000.0, 16_000.0))
    coefficients = rng.normal(size=coarse.terms)
    refined = refinement(coarse, fine) @ coefficients
    difference = fine.evaluate(refined, easting, northing) - coarse.evaluate(coefficients, easting, northing)
    assert np.abs(difference).max() < 1e-12


def test_the_sigma_of_the_coarse_nodes_is_that_of_all():
    stations, field, observed = world(6_000)
    rng = np.random.default_rng(3)
    noisy = observed.with_velocities(
        observed.blocks.velocity_mm_per_yr + rng.normal(0, 1.0, observed.blocks.size),
        observed.samples.medians.velocity_mm_per_yr,
    )
    found = GaussianFilter(60_000.0).fit([noisy], stations, field).tracks[0]
    blocks = noisy.blocks
    where = blocks.easting, blocks.northing
    basis = found.surface.basis
    differences = Differences(
        *where, blocks.velocity_mm_per_yr, blocks.sigma_mm_per_yr, np.zeros((blocks.size, 1)), np.zeros((1, 1))
    )
    filtered = GaussianFilter(60_000.0).filtered(basis, differences)
    whole = spline_coefficients(basis, weighted_means(gaussian_kernel(basis.nodes, where, 60_000.0), filtered.weights))
    exact = basis.variance(propagated(whole, differences, found.noise), *where)
    coarse = filtered.expansion @ propagated(filtered.operator, differences, found.noise) @ filtered.expansion.T
    assert np.abs(np.sqrt(basis.variance(coarse, *where) / exact) - 1).max() < 0.03


def test_propagation_in_single_precision_is_the_product_of_the_matrices():
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(0, 1e5, 1500), rng.uniform(0, 1e5, 1500)
    grid = rng.normal(size=(6, 6))
    differences = Differences(
        easting, northing, np.zeros(1500), np.ones(1500), rng.uniform(size=(1500, 6)), grid @ grid.T
    )
    stations, field, observed = world(6_000)
    noise = recipe("plane").fit([observed], stations, field).tracks[0].noise
    position = np.column_stack([easting, northing]) / 1000.0
    whole = noise.signal(cdist(position, position)) + noise.nugget**2 * np.eye(1500)
    whole += differences.gnss_operator @ differences.gnss_covariance @ differences.gnss_operator.T
    for rows in (5, 150):
        operator = rng.uniform(size=(rows, 1500)) / 1500
        expected = operator @ whole @ operator.T
        assert np.abs(propagated(operator, differences, noise) / expected - 1).max() < 1e-5


def test_windows_with_few_blocks_fall_back_and_every_row_is_a_mean():
    blocks = regular(60.0)
    lonely = np.r_[blocks[0], 4_200_000.0], np.r_[blocks[1], 2_500_000.0]
    basis = SplineBasis.covering(*lonely, 10_000.0)
    operator, count = window_operator(basis.nodes, lonely, np.ones(len(lonely[0])), 30_000.0)
    assert np.abs(operator.sum(axis=1) - 1.0).max() < 1e-9
    assert count["bilinear"] >= 4
    assert count["constant"] >= 4
    alone = np.hypot(basis.nodes[0] - 4_200_000.0, basis.nodes[1] - 2_500_000.0) < 10_000.0
    assert np.abs(operator[alone, -1] - 1.0).max() < 1e-9
    # Nodes that no window reaches take over what the nearest has, rather than zero.
    values = np.r_[np.full(len(blocks[0]), 3.0), -5.0]
    assert set(np.unique(np.round(operator @ values, 9))) == {-5.0, 3.0}


def test_blocks_in_a_line_give_no_slope_across_it():
    line = np.full(6, 4_000_000.0), 2_500_000.0 + 4_000.0 * np.arange(6)
    _, count = window_operator(line, line, np.ones(6), 30_000.0)
    assert count["bilinear"] == 0
    assert count["plane"] == 0


def test_names_aliases_and_limits():
    assert set(NAMES) <= set(recipes())
    assert recipe("gauss").name == "gauss-60"
    assert recipe("window").name == "window-30"
    assert set(ALIASES.values()) <= set(recipes())
    with pytest.raises(InputError, match="FID-1060") as raised:
        recipe("gauss-61")
    assert "gauss means gauss-60" in raised.value.fix
    stations, field, observed = world(6_000)
    none = replace(observed, cell=observed.cell[:0], blocks=observed.blocks.select(slice(0, 0)))
    with pytest.raises(InputError, match="FID-1061"):
        recipe("window-30").fit([none], stations, field)
    with pytest.raises(NumericsError, match="FID-3012"):
        GaussianFilter(6_000.0).fit([observed], stations, field)
    flat = replace(stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr * [1, 1, np.nan])
    with pytest.raises(InputError, match="FID-1062"):
        WindowFilter(30_000.0).fit([observed], flat, VelocityField.fit(flat))


def test_surfaces_do_not_depend_on_the_order_of_blocks():
    stations, field, observed = world(6_000)
    noisy = with_added(observed, lambda e, n: np.sin(e / 9_000.0) + np.cos(n / 13_000.0))
    order = np.random.default_rng(0).permutation(noisy.blocks.size)
    shuffled = replace(noisy, cell=noisy.cell[order], blocks=noisy.blocks.select(order))
    where = observed.blocks.easting, observed.blocks.northing
    for name in ("gauss-60", "window-30"):
        first, second = (recipe(name).fit([one], stations, field).tracks[0].surface for one in (noisy, shuffled))
        assert np.abs(first.surface_mm_per_yr(*where) - second.surface_mm_per_yr(*where)).max() < 1e-9


@pytest.mark.parametrize("blocks", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_an_island_of_few_blocks_gets_their_difference_with_a_sigma(name, blocks):
    stations, field, observed = world(6_000)
    near = np.argsort(np.hypot(*(observed.cell - observed.cell[50]).T))[:blocks]
    island = replace(observed, cell=observed.cell[near], blocks=observed.blocks.select(near))
    shifted = with_added(island, lambda e, n: 4.0 + 0 * e * n)
    found = recipe(name).fit([shifted], stations, field).tracks[0]
    where = shifted.blocks.easting, shifted.blocks.northing
    assert np.abs(found.surface.surface_mm_per_yr(*where) - 4.0).max() < 1e-6
    sigma = found.surface.sigma_mm_per_yr(*where)
    assert (sigma > 0.02).all()  # of data without any noise
    assert (sigma < 3.0).all()

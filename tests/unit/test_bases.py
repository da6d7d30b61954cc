"""Bicubic splines: exact for cubics, local, and their variance is b'Cb."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.motion.calibration.bases import SplineBasis, basis_from_dict
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface

EASTING, NORTHING = 4_321_000.0, 2_345_000.0


def points(seed=0, count=200, extent=150_000.0):
    rng = np.random.default_rng(seed)
    return EASTING + rng.uniform(0, extent, count), NORTHING + rng.uniform(0, 0.6 * extent, count)


def cubic(easting, northing):
    u, v = (easting - EASTING) / 1e5, (northing - NORTHING) / 1e5
    return 3.0 - 2.0 * u + v + 4.0 * u * v - u**2 + 2.0 * v**2 + u**3 - 0.5 * u * v**2


@pytest.mark.parametrize("spacing_km", [15.0, 40.0, 400.0])
def test_cubics_are_reproduced(spacing_km):
    easting, northing = points()
    basis = SplineBasis.covering(easting, northing, 1000.0 * spacing_km)
    found = basis.evaluate(basis.coefficients_of(cubic(*basis.nodes)), easting, northing)
    assert np.abs(found - cubic(easting, northing)).max() < 1e-9 * (1 + spacing_km**3)


def test_evaluation_and_variance_agree_with_the_design_matrix():
    easting, northing = points()
    basis = SplineBasis.covering(easting, northing, 30_000.0)
    rng = np.random.default_rng(1)
    root = rng.standard_normal((basis.terms, basis.terms))
    coefficients, covariance = rng.standard_normal(basis.terms), root @ root.T
    design = basis.design(easting, northing)
    assert np.allclose(design.sum(axis=1), 1.0, atol=1e-12)
    assert ((design != 0).sum(axis=1) <= 16).all()
    assert np.allclose(basis.evaluate(coefficients, easting, northing), design @ coefficients, atol=1e-12)
    expected = np.einsum("pi,ij,pj->p", design, covariance, design)
    assert np.allclose(basis.variance(covariance, easting, northing), expected, rtol=1e-12)


def test_unknown_positions_stay_unknown():
    easting, northing = points(count=3)
    basis = SplineBasis.covering(easting, northing, 30_000.0)
    easting[1] = np.nan
    assert np.array_equal(np.isnan(basis.evaluate(np.ones(basis.terms), easting, northing)), [False, True, False])
    assert np.array_equal(np.isnan(basis.variance(np.eye(basis.terms), easting, northing)), [False, True, False])


def test_round_trip():
    basis = SplineBasis.covering(*points(), 30_000.0)
    assert basis_from_dict(basis.to_dict()) == basis


@given(st.floats(10.0, 120.0), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_constant_is_a_constant_everywhere_in_reach(spacing_km, east, north, seed):
    easting, northing = points(seed, 20)
    basis = SplineBasis.covering(easting + east, northing + north, 1000.0 * spacing_km)
    found = basis.evaluate(np.full(basis.terms, 7.0), easting + east, northing + north)
    assert np.allclose(found, 7.0, atol=1e-10)


def clustered():
    easting, northing = points(count=4)
    basis = SplineBasis.covering(easting, northing, 100_000.0)
    rng = np.random.default_rng(2)
    root = rng.standard_normal((basis.terms + 2, basis.terms + 2))
    covariance = root @ root.T
    clusters = ClusterOffsets(
        labels=np.array([1, 3]),
        offset_mm_per_yr=np.array([0.5, -2.0]),
        sigma_mm_per_yr=np.sqrt(np.diag(covariance)[basis.terms :]),
        cross_covariance=covariance[basis.terms :, : basis.terms],
        unknown_sigma_mm_per_yr=5.0,
    )
    part = covariance[: basis.terms, : basis.terms]
    surface = CorrectionSurface("a", "EPSG:3035", basis, np.zeros(basis.terms), part, clusters=clusters)
    return surface, covariance, easting, northing


def test_cluster_offsets_with_full_covariance():
    surface, covariance, easting, northing = clustered()
    cluster = np.array([1, 3, 3, 7])
    assert np.allclose(surface.surface_mm_per_yr(easting, northing, cluster), [0.5, -2.0, -2.0, 0.0])
    design = np.hstack([surface.basis.design(easting, northing), [[1, 0], [0, 1], [0, 1], [0, 0]]])
    expected = np.einsum("pi,ij,pj->p", design, covariance, design)
    expected[3] += 25.0
    assert np.allclose(surface.sigma_mm_per_yr(easting, northing, cluster), np.sqrt(expected), rtol=1e-12)
    again = CorrectionSurface.from_dict(surface.to_dict())
    assert np.array_equal(
        again.sigma_mm_per_yr(easting, northing, cluster), surface.sigma_mm_per_yr(easting, northing, cluster)
    )


def test_points_without_cluster_are_refused_where_it_matters():
    from fiducial.errors import InputError

    surface, _, easting, northing = clustered()
    with pytest.raises(InputError, match="FID-1063"):
        surface.surface_mm_per_yr(easting, northing)

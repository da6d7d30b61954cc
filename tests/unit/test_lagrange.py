"""Lagrange interpolation of equidistant samples."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import NumericsError
from fiducial.geodesy.lagrange import lagrange_interpolate
from keplerian import orbit


@pytest.mark.parametrize("points", [2, 3, 4, 5, 10, 11])
def test_polynomials_are_exact(points):
    nodes, at = np.arange(20.0), np.array([0.0, 0.5, 5.25, 9.9, 10.5, 18.7, 19.0])
    polynomial = np.polynomial.Polynomial(np.random.default_rng(0).normal(size=points), domain=(0, 19))
    found = lagrange_interpolate(polynomial(nodes), at, points=points, one_sided=True)
    np.testing.assert_allclose(found, polynomial(at), atol=1e-8)


def test_nothing_beyond_the_samples_and_nothing_one_sided_unless_asked_for():
    samples = np.arange(20.0)
    at = np.array([-0.001, -1.0, 0.0, 0.5, 4.5, 4.7, 14.2, 14.6, 19.0, 19.001, 30.0])
    found = lagrange_interpolate(samples, at)
    np.testing.assert_array_equal(
        np.isfinite(found), [False, False, True, False, False, True, True, False, True, False, False]
    )
    np.testing.assert_array_equal(
        np.isfinite(lagrange_interpolate(samples, at, one_sided=True)), (at >= 0) & (at <= 19)
    )


def test_a_gap_takes_its_window_only():
    samples = np.arange(30.0)
    samples[15] = np.nan
    found = lagrange_interpolate(samples, np.array([8.5, 9.0, 15.0, 14.0, 14.5, 20.6]))
    np.testing.assert_allclose(found, [8.5, 9.0, np.nan, 14.0, np.nan, 20.6])


def test_too_few_samples():
    found = lagrange_interpolate(np.arange(5.0), np.array([1.0, 1.5]), one_sided=True)
    np.testing.assert_array_equal(found, [1.0, np.nan])
    assert lagrange_interpolate(np.zeros((0, 3)), np.array([1.0])).shape == (1, 3)


def test_a_gps_orbit():
    fine = orbit(["G01", "G02", "G03"], 300.0, 289).position_m
    found = lagrange_interpolate(fine[::3], np.arange(289) / 3.0)
    inside = np.isfinite(found[..., 0])
    assert inside[14:-14].all()
    assert np.linalg.norm((found - fine)[inside], axis=-1).max() < 0.003


@pytest.mark.parametrize(("points", "at"), [(1, 0.5), (0, 0.5), (11, np.nan), (11, np.inf)])
def test_wrong_request(points, at):
    with pytest.raises(NumericsError, match="FID-3111"):
        lagrange_interpolate(np.arange(20.0), np.array([at]), points=points)

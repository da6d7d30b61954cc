"""Seven parameters between sets of stations, robustly."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.stations.alignment import align
from sinex_factory import MILLIARCSECOND_RAD, network

NETWORK = network(60, seed=5)
PARAMETERS = np.array([0.011, -0.023, 0.037, 1.3e-9, *(np.array([0.4, -0.7, 0.2]) * MILLIARCSECOND_RAD)])


def _moved(xyz, parameters=PARAMETERS):
    return xyz + parameters[:3] + parameters[3] * xyz + np.cross(parameters[4:], xyz)


def _noisy(seed=0, sigma=(1e-3, 1e-3, 3e-3)):
    longitude, latitude, _ = geodetic_from_geocentric(NETWORK.xyz)
    axes = local_axes(longitude, latitude)
    noise = np.random.default_rng(seed).normal(size=NETWORK.xyz.shape) * sigma
    covariance = np.einsum("sac,a,sad->scd", axes, np.square(sigma), axes)
    return _moved(NETWORK.xyz) + np.einsum("sa,sac->sc", noise, axes), covariance, axes


def test_exact_parameters():
    found = align(NETWORK.sites(), NETWORK.xyz, _moved(NETWORK.xyz))
    assert found.parameters[:3] == pytest.approx(PARAMETERS[:3], abs=1e-7)
    assert found.parameters[3:] == pytest.approx(PARAMETERS[3:], abs=1e-14)
    assert found.used.all()
    assert not found.rejected


def test_errors_are_those_that_are_stated():
    pulls = []
    for seed in range(60):
        target, covariance, _ = _noisy(seed)
        found = align(NETWORK.sites(), NETWORK.xyz, target, covariance)
        pulls.append((found.parameters - PARAMETERS) / found.sigma)
        assert found.variance_factor == pytest.approx(1.0, abs=0.4)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)


def test_stations_that_do_not_fit_are_named_with_component_and_limit():
    target, covariance, axes = _noisy()
    target[7] += np.array([0.0, 0.0, 0.08]) @ axes[7]
    target[21] += np.array([-0.05, 0.0, 0.0]) @ axes[21]
    found = align(NETWORK.sites(), NETWORK.xyz, target, covariance)
    assert {(one.site[0], one.component) for one in found.rejected} == {("S007", "U"), ("S021", "E")}
    assert not found.used[[7, 21]].any()
    first = found.rejected[0]
    assert abs(first.residual_m) > first.limit_m >= 0.02
    # Residuals are target minus transformed source, of rejected sites too.
    assert found.residuals_enu_m[7, 2] == pytest.approx(0.08, abs=0.01)
    assert found.residuals_enu_m[21, 0] == pytest.approx(-0.05, abs=0.005)
    assert found.parameters[:3] == pytest.approx(PARAMETERS[:3], abs=2e-3)


def test_only_the_core_counts():
    target, covariance, _ = _noisy()
    target[30:] += 10.0
    found = align(NETWORK.sites(), NETWORK.xyz, target, covariance, core=NETWORK.sites()[:30])
    assert found.used.sum() == 30
    assert found.parameters[:3] == pytest.approx(PARAMETERS[:3], abs=3e-3)


def test_velocities_turn_where_their_stations_are():
    rates = np.array([1e-3, 0.0, -2e-3, 1e-10, *(np.array([0.08, 0.5, -0.8]) * MILLIARCSECOND_RAD)])
    turned = NETWORK.velocity + _moved(NETWORK.xyz, rates) - NETWORK.xyz
    found = align(NETWORK.sites(), NETWORK.velocity, turned, positions_m=NETWORK.xyz)
    assert found.parameters == pytest.approx(rates, rel=1e-4, abs=1e-11)


def test_arrays_have_to_fit():
    with pytest.raises(InputError, match="FID-1323"):
        align(NETWORK.sites(), NETWORK.xyz, NETWORK.xyz[:-1])
    unknown = NETWORK.xyz.copy()
    unknown[3, 1] = np.nan
    with pytest.raises(InputError, match="FID-1323"):
        align(NETWORK.sites(), NETWORK.xyz, unknown)


def test_two_sites_or_a_line_do_not_determine_a_transformation():
    with pytest.raises(NumericsError, match=r"FID-3133.*2 sites"):
        align(NETWORK.sites()[:2], NETWORK.xyz[:2], NETWORK.xyz[:2])
    line = NETWORK.xyz[0] + np.linspace(0.0, 1.0, 4)[:, None] * (NETWORK.xyz[1] - NETWORK.xyz[0])
    with pytest.raises(NumericsError, match="FID-3133"):
        align(NETWORK.sites()[:4], line, line)

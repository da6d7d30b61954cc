"""Variance components, excess variances of satellites, capped shares."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.orbits.weights import cap_shares, robust_deviations, variance_components

SIGMA = np.array([0.005, 0.008, 0.012, 0.020])


def sums(values, present):
    """Sums of squared residuals to the weighted mean from the observations [cell, centre, observation]."""

    def squares(weights):
        used = np.where(present, weights, 0.0)
        total = used.sum(axis=1, keepdims=True)
        share = np.divide(used, total, out=np.zeros_like(used), where=total > 0)
        mean = (share[..., None] * values).sum(axis=1, keepdims=True)
        return ((values - mean) ** 2).sum(axis=2) * present

    return squares


def simulated(sigma=SIGMA, satellites=30, records=300, tau=None, seed=0, present=None):
    rng = np.random.default_rng(seed)
    excess = np.zeros(satellites) if tau is None else tau
    deviation = np.sqrt(sigma[None, :] ** 2 + excess[:, None] ** 2)
    values = deviation[..., None] * rng.normal(size=(satellites, len(sigma), records))
    present = np.ones(deviation.shape, dtype=bool) if present is None else present
    values = np.where(present[..., None], values, 0.0)
    return sums(values, present), present, np.full(satellites, float(records)), np.arange(satellites), satellites


@pytest.mark.parametrize("with_satellites", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_white_errors_are_recovered(with_satellites, seed):
    found = variance_components(*simulated(seed=seed), with_satellites=with_satellites)
    # 9000 observations of each centre. A constant may go from all satellites to all centres and back without changing
    # a single variance: their sum is what the data know.
    usual = np.median(found.satellite_variance)
    np.testing.assert_allclose(np.sqrt(found.centre_variance + usual), SIGMA, rtol=0.05)
    assert found.notes == ()
    if with_satellites:
        assert np.sqrt(usual) < 0.003
    else:
        assert usual == 0.0
        assert found.converged


@pytest.mark.parametrize("sigma", [np.full(3, 0.01), np.array([0.01, 0.01, 0.03]), np.array([0.003, 0.01, 0.02])])
def test_three_centres(sigma):
    found = variance_components(*simulated(sigma, records=900), with_satellites=False)
    # Beside two centres of 10 and 20 mm the 3 mm of the third are known to a tenth, over 20 seeds 2.88 +- 0.24 mm.
    np.testing.assert_allclose(np.sqrt(found.centre_variance), sigma, rtol=0.03, atol=0.0007)


def test_gaps_do_not_bias():
    rng = np.random.default_rng(3)
    present = rng.random((40, 4)) < 0.75
    present[:, 0] |= ~present.any(axis=1)
    found = variance_components(*simulated(satellites=40, present=present), with_satellites=False)
    np.testing.assert_allclose(np.sqrt(found.centre_variance), SIGMA, rtol=0.08)


def test_excess_variances_of_satellites_are_recovered():
    tau = np.zeros(30)
    tau[[3, 17]] = 0.03, 0.05
    sigma = np.array([0.006, 0.008, 0.010, 0.012, 0.014])
    found = variance_components(*simulated(sigma, tau=tau, records=900))
    np.testing.assert_allclose(np.sqrt(found.satellite_variance[[3, 17]]), [0.03, 0.05], rtol=0.08)
    assert np.sqrt(np.delete(found.satellite_variance, [3, 17])).max() < 0.003
    np.testing.assert_allclose(np.sqrt(found.centre_variance), sigma, rtol=0.08)
    # Without them two bad satellites raise the sigma of everybody.
    plain = variance_components(*simulated(sigma, tau=tau, records=900), with_satellites=False)
    assert np.sqrt(plain.centre_variance[0]) > 1.5 * sigma[0]


def test_two_centres_cannot_be_separated():
    found = variance_components(*simulated(np.array([0.005, 0.02])))
    assert found.centre_variance[0] == found.centre_variance[1]
    assert np.sqrt(found.centre_variance[0]) == pytest.approx(np.hypot(0.005, 0.02) / np.sqrt(2), rel=0.05)
    assert len(found.notes) == 1
    assert "cannot be separated" in found.notes[0]


def test_one_centre_and_none():
    found = variance_components(*simulated(np.array([0.005])))
    assert np.isnan(found.centre_variance).all()
    assert np.isnan(found.satellite_variance).all()
    squares, present, observations, satellite, count = simulated(present=np.zeros((30, 4), dtype=bool))
    assert np.isnan(variance_components(squares, present, observations, satellite, count).centre_variance).all()


def test_a_centre_that_never_meets_two_others_gets_the_median():
    present = np.ones((30, 4), dtype=bool)
    present[:, 3] = False
    present[:5, 3] = True
    present[:5, :2] = False
    found = variance_components(*simulated(present=present), with_satellites=False)
    assert found.centre_variance[3] == pytest.approx(np.median(found.centre_variance[:3]))
    assert any("centre 3" in note for note in found.notes)


def test_a_copy_falls_to_the_floor():
    _, present, observations, satellite, count = simulated(np.full(4, 0.01))
    rng = np.random.default_rng(5)
    values = 0.01 * rng.normal(size=(30, 4, 300))
    values[:, 3] = values[:, 0]
    for with_satellites in (False, True):
        found = variance_components(
            sums(values, present), present, observations, satellite, count, with_satellites=with_satellites
        )
        sigma = np.sqrt(found.centre_variance)
        assert np.isfinite(sigma).all()
        assert sigma.min() >= 0.2 * np.median(sigma) * (1 - 1e-9)
        assert sigma[0] < 0.01
        assert any("floor" in note for note in found.notes)


def test_no_scatter_at_all():
    squares, present, observations, satellite, count = simulated(np.zeros(4))
    found = variance_components(squares, present, observations, satellite, count)
    assert np.isfinite(found.centre_variance).all()
    assert np.ptp(found.centre_variance) == 0.0


def test_a_start_nearby_leads_to_the_same():
    given = simulated(seed=7)
    first = variance_components(*given)
    again = variance_components(*given, start=first)
    np.testing.assert_allclose(again.centre_variance, first.centre_variance, rtol=1e-3)


def test_robust_deviations():
    rms = np.array([[1.0, 3.0, np.nan], [np.nan, np.nan, 7.0]])
    np.testing.assert_array_equal(robust_deviations(rms, np.array([True, True, False])), [2.0, np.nan])


def test_capped_shares():
    shares, capped = cap_shares(np.array([[8.0, 1.0, 1.0], [5.0, 5.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), 0.4)
    np.testing.assert_allclose(shares, [[0.4, 0.3, 0.3], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert capped.sum() == 1
    # The rest of the first that is capped may lift a second above the cap.
    shares, _ = cap_shares(np.array([[10.0, 4.0, 1.0, 1.0]]), 0.4)
    np.testing.assert_allclose(shares, [[0.4, 0.4, 0.1, 0.1]])

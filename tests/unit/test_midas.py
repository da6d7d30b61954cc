"""MIDAS against a plain NumPy oracle and against what it must be blind to."""

from __future__ import annotations

import numpy as np
import pytest

import series_factory as factory
from fiducial.errors import InputError, NumericsError
from fiducial.stations.midas import all_pairs, midas, select_pairs
from fiducial.stations.series import StationSeries, julian_years, to_enu


def _oracle_pairs(years, tolerance=0.001):
    """Pair by pair: nearest to one year within the tolerance, else the next epoch that no such pair has taken."""
    pairs, taken = [], -1
    for i, start in enumerate(years):
        inside = [j for j, t in enumerate(years) if start + 1 - tolerance <= t <= start + 1 + tolerance]
        if inside:
            pairs.append((i, min(inside, key=lambda j: (abs(years[j] - start - 1), -j))))
            continue
        later = [j for j, t in enumerate(years) if t > start + 1 + tolerance and j > taken]
        if later:
            taken = later[0]
            pairs.append((i, taken))
    return pairs


def _oracle(years, values, steps):
    """The whole estimator of Blewitt et al. (2016) for one component."""
    last = len(years) - 1
    pairs = _oracle_pairs(years)
    pairs += [(last - b, last - a) for a, b in _oracle_pairs(-years[::-1])]
    slopes = np.array([(values[j] - values[i]) / (years[j] - years[i]) for i, j in pairs
                       if not any(years[i] < step <= years[j] for step in steps)])  # fmt: skip
    spread = 1.4826 * np.median(np.abs(slopes - np.median(slopes)))
    kept = slopes[np.abs(slopes - np.median(slopes)) <= 2 * spread]
    spread = 1.4826 * np.median(np.abs(kept - np.median(kept)))
    return np.median(kept), 3 * 1.2533 * spread / np.sqrt(len(kept) / 4), len(slopes)


@pytest.mark.parametrize("seed", range(6))
def test_midas_is_the_oracle_with_gaps_and_steps(seed):
    rng = np.random.default_rng(seed)
    keep = rng.random(900) > (0.15 if seed < 4 else 0.5)
    keep[450 : 450 + 40 * seed] = False
    values = factory.linear(900, noise_m=0.002, seed=seed)[keep]
    epochs = (factory.START + np.arange(900) * factory.DAY)[keep]
    steps = factory.START + np.array([250, 700])[: seed % 3] * factory.DAY
    found = midas(factory.series(values, epochs=epochs), steps=steps)
    for component in range(3):
        velocity, sigma, pairs = _oracle(julian_years(epochs), values[:, component], julian_years(steps))
        assert found.velocity_m_per_yr[component] == pytest.approx(velocity, rel=1e-12)
        assert found.sigma_m_per_yr[component] == pytest.approx(sigma, rel=1e-9)
        assert found.pairs == pairs


def test_pairs_of_weekly_epochs_take_the_next_unused():
    years = np.arange(0.0, 4.0, 7 / 365.25)
    np.testing.assert_array_equal(select_pairs(years), _oracle_pairs(years))
    assert len(np.unique(select_pairs(years)[:, 1])) == len(select_pairs(years))
    assert all_pairs(years, np.array([2.0])).shape[0] < all_pairs(years, np.empty(0)).shape[0]


def test_seasons_outliers_and_half_hidden_steps_do_not_move_the_velocity():
    days = 2922
    years = factory.years_of(days)
    values = factory.linear(days, noise_m=0.001)
    values += 0.008 * np.sin(2 * np.pi * years)[:, None] + 0.003 * np.cos(4 * np.pi * years)[:, None]
    rng = np.random.default_rng(3)
    values[rng.random(days) < 0.05] += 0.2
    values[days // 2 :] += 0.02
    found = midas(factory.series(values))
    np.testing.assert_allclose(found.velocity_m_per_yr, (0.02, 0.015, -0.001), atol=4e-4)
    known = midas(factory.series(values), steps=np.array([factory.START + days // 2 * factory.DAY]))
    np.testing.assert_allclose(known.velocity_m_per_yr, (0.02, 0.015, -0.001), atol=2e-4)
    assert np.all(found.removed_fraction > 0.05)
    assert known.remarks == ("pairs across known steps (1) are left out",)
    line = known.to_dict()
    assert line["velocity_mm_per_yr"] == pytest.approx([20, 15, -1], abs=0.2)


def test_short_series_are_refused_or_remarked():
    with pytest.raises(NumericsError, match="FID-3140"):
        midas(factory.series(factory.linear(1)))
    with pytest.raises(NumericsError, match="FID-3140"):
        midas(factory.series(factory.linear(300)))
    with pytest.raises(NumericsError, match="FID-3140"):
        midas(factory.series(np.full((900, 3), np.nan)))
    with pytest.raises(NumericsError, match="FID-3140"):
        midas(factory.series(factory.linear(500)), steps=factory.START + np.arange(0, 500, 100) * factory.DAY)
    assert "short" in midas(factory.series(factory.linear(600, noise_m=1e-3))).remarks[0]


def test_a_few_pairs_give_no_sigma():
    found = midas(factory.series(np.zeros((2, 3)), epochs=["2010-01-01", "2011-01-01T06"]))
    assert np.isnan(found.sigma_m_per_yr).all()
    assert "too few for a sigma" in found.remarks[0]
    assert found.to_dict()["sigma_mm_per_yr"] == [None] * 3


def test_misuse_is_refused():
    with pytest.raises(InputError, match="FID-1333"):
        midas(factory.series(factory.linear(900), filtered=True))
    with pytest.raises(InputError, match="FID-1334"):
        midas(factory.series(factory.linear(900)), tolerance=0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": np.array(["2010-01-02", "2010-01-01"], dtype="datetime64[ns]")},
        {"epochs": np.array(["2010-01-01", "2010-01-01"], dtype="datetime64[ns]")},
        {"epochs": np.array(["2010-01-01", "NaT"], dtype="datetime64[ns]")},
        {"epochs": np.array(["2010-01-01"], dtype="datetime64[ns]")},
        {"sigma_m": np.zeros((2, 2))},
        {"sigma_m": -np.ones((2, 3))},
        {"axes": "neu"},
        {"reference_xyz_m": np.zeros(2)},
    ],
)
def test_a_series_that_does_not_fit_together_is_refused(change):
    with pytest.raises(InputError, match="FID-1330"):
        factory.series(np.zeros((2, 3)), **change)


def test_geocentric_series_are_turned_with_their_covariance():
    values = factory.linear(5, noise_m=0.01)
    given = factory.series(values, axes="xyz", sigma_m=np.tile([0.001, 0.002, 0.003], (5, 1)))
    found = to_enu(given)
    up = factory.XYZ / np.linalg.norm(factory.XYZ)
    np.testing.assert_allclose(found.displacement_m[:, 2], values @ up, atol=5e-5)
    np.testing.assert_allclose((found.sigma_m**2).sum(axis=1), 14e-6, rtol=1e-9)
    assert to_enu(found) is found
    with pytest.raises(InputError, match="FID-1330"):
        to_enu(factory.series(values, axes="xyz", reference_xyz_m=np.full(3, np.nan)))
    assert isinstance(found, StationSeries)

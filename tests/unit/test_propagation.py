"""Coordinates in time: linear motion, discontinuities, post-seismic deformation and its variance."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes
from fiducial.geodesy.propagation import (
    Discontinuity,
    LinearMotion,
    PostSeismicModel,
    PostSeismicTerm,
    propagate,
    select_solution,
)

LONGITUDE, LATITUDE = 140.09, 36.11
POSITION = geocentric_position_m(LONGITUDE, LATITUDE, 67.0)
VELOCITY = np.array([-0.004, 0.011, -0.007])
EARTHQUAKE = 2011.19
OPEN = float("inf")


def motion(solution="1", offset_m=0.0, covariance=None, velocity=VELOCITY):
    return LinearMotion("TSKB A", solution, POSITION + offset_m, velocity, 2010.0, covariance)


ROWS = (
    Discontinuity("TSKB A", "1", -OPEN, EARTHQUAKE, "P"),
    Discontinuity("TSKB A", "2", EARTHQUAKE, OPEN, "P"),
    Discontinuity("TSKB A", "1", -OPEN, EARTHQUAKE, "V"),
    Discontinuity("TSKB A", "2", EARTHQUAKE, OPEN, "V"),
    Discontinuity("ZIMM A", "1", -OPEN, 2000.0, "P"),
)
TERMS = (
    PostSeismicTerm(EARTHQUAKE, "E", "log", 0.12, 0.3),
    PostSeismicTerm(EARTHQUAKE, "E", "exp", 0.30, 2.0),
    PostSeismicTerm(EARTHQUAKE, "N", "exp", -0.05, 1.5),
    PostSeismicTerm(EARTHQUAKE, "U", "log", 0.02, 0.1),
)


def model(covariance=None, terms=TERMS):
    return PostSeismicModel("TSKB A", LONGITUDE, LATITUDE, terms, covariance)


def test_straight_line():
    found = propagate(motion(), [2000.0, 2010.0, 2020.5])
    assert np.allclose(found.position_m - POSITION, np.outer([-10.0, 0.0, 10.5], VELOCITY), atol=1e-9)
    assert found.covariance_m2 is None
    assert found.solutions == ("1", "1", "1")


def test_covariance_of_a_straight_line_against_monte_carlo():
    rng = np.random.default_rng(3)
    root = np.diag([1e-3] * 3 + [1e-4] * 3) @ rng.normal(size=(6, 6))
    joint = root @ root.T
    found = propagate(motion(covariance=joint), 2018.0)
    draws = rng.multivariate_normal(np.zeros(6), joint, 20000)
    expected = np.cov((draws[:, :3] + 8.0 * draws[:, 3:]).T)
    spread = np.sqrt(np.diag(expected))
    assert np.abs((found.covariance_m2[0] - expected) / np.outer(spread, spread)).max() < 0.05
    with pytest.raises(NumericsError) as error:
        propagate(motion(covariance=-joint), 2018.0)
    assert error.value.code == "FID-3121"


def test_solutions_follow_the_table_of_discontinuities():
    both = [motion("1"), motion("2", offset_m=0.4)]
    found = propagate(both, [2009.0, EARTHQUAKE - 1e-6, EARTHQUAKE, 2015.0], discontinuities=ROWS)
    assert found.solutions == ("1", "1", "2", "2")
    assert np.allclose(found.position_m[3] - POSITION, 0.4 + 5.0 * VELOCITY, atol=1e-9)


@pytest.mark.parametrize(
    ("motions", "rows", "epoch"),
    [
        ([motion("1"), motion("2")], (), 2015.0),
        ([motion("1"), motion("1")], ROWS[:2], 2015.0),
        ([motion("1")], ROWS[:2], 2015.0),
        ([motion("1")], ROWS[:1], 2015.0),
        ([motion("1")], (ROWS[0], Discontinuity("TSKB A", "2", 2005.0, OPEN, "P")), 2006.0),
        ([], (), 2015.0),
    ],
    ids=["no table", "twice", "no coordinates", "gap", "overlap", "nothing"],
)
def test_no_solution_or_several(motions, rows, epoch):
    with pytest.raises(InputError) as error:
        propagate(motions, epoch, discontinuities=rows)
    assert error.value.code == "FID-1312"


def test_a_velocity_that_changes_inside_a_solution():
    rows = (Discontinuity("TSKB A", "1", -OPEN, OPEN, "P"), Discontinuity("TSKB A", "1", -OPEN, 2012.0, "V"),
            Discontinuity("TSKB A", "2", 2012.0, OPEN, "V"))  # fmt: skip
    with pytest.raises(InputError, match=r"2012\.0000 inside solution 1") as error:
        select_solution([motion("1")], rows, 2015.0)
    assert error.value.code == "FID-1313"


def test_post_seismic_formulas():
    """ln(1 + dt / tau) and 1 - exp(-dt / tau), tau in years; nothing before the earthquake."""
    since = 4.0
    east = 0.12 * np.log(1 + since / 0.3) + 0.30 * (1 - np.exp(-since / 2.0))
    expected = [east, -0.05 * (1 - np.exp(-since / 1.5)), 0.02 * np.log(1 + since / 0.1)]
    found = model().displacement_enu_m([2005.0, EARTHQUAKE, EARTHQUAKE + since])
    assert np.array_equal(found[:2], np.zeros((2, 3)))
    assert np.allclose(found[2], expected, atol=1e-12)
    geocentric = model().displacement_m([EARTHQUAKE + since])
    assert np.allclose(local_axes(LONGITUDE, LATITUDE) @ geocentric[0], expected, atol=1e-12)


def test_regularised_adds_all_of_it_and_observed_the_difference():
    later = LinearMotion("TSKB A", "2", POSITION, VELOCITY, 2013.0)
    line = propagate(later, [2013.0, 2020.0]).position_m
    relaxed = model().displacement_m([2013.0, 2020.0])
    regularised = propagate(later, [2013.0, 2020.0], post_seismic=model(), start="regularised")
    assert np.allclose(regularised.position_m, line + relaxed, atol=1e-9)
    observed = propagate(later, [2013.0, 2020.0], post_seismic=model(), start="observed")
    assert np.allclose(observed.position_m, line + relaxed - relaxed[0], atol=1e-9)
    assert np.array_equal(observed.position_m[0], POSITION)


def test_what_the_starting_position_is_must_be_stated():
    with pytest.raises(InputError, match="regularised or observed") as error:
        propagate(motion(), 2015.0, post_seismic=model())
    assert error.value.code == "FID-1319"


def test_an_observed_position_does_not_cross_an_earthquake():
    both = [motion("1"), motion("2")]
    assert propagate(both, 2011.0, discontinuities=ROWS, start="observed").solutions == ("1",)
    with pytest.raises(InputError, match="discontinuity at 2011") as error:
        propagate(both, [2011.0, 2012.0], discontinuities=ROWS, start="observed")
    assert error.value.code == "FID-1313"


@pytest.mark.parametrize("start", ["regularised", "observed"])
def test_post_seismic_variance_against_monte_carlo(start):
    """Amplitudes and times correlated, as they are in fits; small, so that first order holds."""
    rng = np.random.default_rng(7)
    scale = np.ravel([[0.01 * abs(t.amplitude_m), 0.01 * t.relaxation_yr] for t in TERMS])
    root = np.diag(scale) @ rng.normal(size=(8, 8))
    covariance = root @ root.T
    before = np.eye(6) * 1e-10
    later = LinearMotion("TSKB A", "2", POSITION, VELOCITY, 2013.0, before)
    found = propagate(later, [2019.0], post_seismic=model(covariance), start=start).covariance_m2[0]
    moved = []
    for draw in rng.multivariate_normal(np.zeros(8), covariance, 3000):
        terms = tuple(
            PostSeismicTerm(t.earthquake_yr, t.component, t.model, t.amplitude_m + draw[2 * k],
                            t.relaxation_yr + draw[2 * k + 1]) for k, t in enumerate(TERMS))  # fmt: skip
        changed = propagate(later, [2019.0], post_seismic=model(terms=terms), start=start)
        moved.append(changed.position_m[0] - POSITION)
    expected = np.cov(np.array(moved).T) + propagate(later, [2019.0]).covariance_m2[0]
    spread = np.sqrt(np.diag(expected))
    assert np.abs((found - expected) / np.outer(spread, spread)).max() < 0.1
    unknown = propagate(later, [2019.0], post_seismic=model(), start=start)
    assert np.array_equal(unknown.covariance_m2, propagate(later, [2019.0]).covariance_m2)


@pytest.mark.parametrize(
    ("terms", "covariance"),
    [
        ((PostSeismicTerm(2011.0, "E", "log", 0.1, 0.0),), None),
        ((PostSeismicTerm(2011.0, "E", "log", np.nan, 1.0),), None),
        ((PostSeismicTerm(2011.0, "X", "log", 0.1, 1.0),), None),
        ((PostSeismicTerm(2011.0, "E", "sqrt", 0.1, 1.0),), None),
        (TERMS, np.eye(7)),
    ],
)
def test_faulty_models(terms, covariance):
    with pytest.raises(InputError) as error:
        model(covariance, terms)
    assert error.value.code == "FID-1319"


@pytest.mark.parametrize(
    ("epoch", "code"), [(None, "FID-1310"), ([], "FID-1310"), (np.nan, "FID-1310"), (5e4, "FID-1311")]
)
def test_epochs_are_required(epoch, code):
    with pytest.raises(InputError) as error:
        propagate(motion(), epoch)
    assert error.value.code == code

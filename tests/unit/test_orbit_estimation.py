"""Helmert parameters, their formal errors, and weights from a day's moments."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.geodesy.similarity import apply_similarity
from fiducial.orbits.estimation import estimate
from fiducial.orbits.moments import ORBIT_HEIGHT_M, day_moments, helmert_displacement
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.stack import median_of_centres, stack_orbits
from synthetic_centres import Centre, day, names, smooth_errors, truth

UNIT = np.array([1, 1, 1, *[ORBIT_HEIGHT_M] * 4])


def moments_of(stack):
    reference, _ = median_of_centres(stack.position_m)
    return day_moments(stack.centres, stack.satellites, stack.position_m, reference), reference


def estimated(stack, weighted=None, **options):
    moments, _ = moments_of(stack)
    letters = list(dict.fromkeys(name[0] for name in stack.satellites))
    group = np.array([letters.index(name[0]) for name in stack.satellites])
    every = np.ones((len(stack.centres), len(stack.satellites)), dtype=bool)
    return estimate(moments, every if weighted is None else weighted, group, CombinationOptions(**options))


def stacked(centres, seed=0, step_s=900.0, count=48, **numbers):
    true = truth(names(**(numbers or {"G": 12, "E": 8})), step_s, count)
    return stack_orbits(day(true, centres, seed), true.epochs_gps)


def test_moments_are_the_inner_products():
    stack = stacked({"A": Centre(missing=("G03",)), "B": Centre(), "C": Centre()}, G=5, E=1)
    stack.position_m[1, 10:20, 2] = np.nan
    moments, reference = moments_of(stack)
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=7)
    moved = helmert_displacement(np.tile(parameters, (6, 1)), reference)
    for group in range(moments.satellite.size):
        s = moments.satellite[group]
        rows = (np.isfinite(stack.position_m[:, :, s, 0]) == moments.present[group][:, None]).all(axis=0)
        assert rows.sum() == moments.epochs[group]
        deviation = np.nan_to_num(stack.position_m[:, rows, s] - reference[rows, s])
        product = np.einsum("kte,lte->kl", deviation, deviation)
        np.testing.assert_allclose(moments.products[group, :3, :3], product, atol=1e-9)
        own = moments.products[group, 3:, 3:] @ parameters @ parameters
        assert own == pytest.approx((moved[rows, s] ** 2).sum(), rel=1e-9)
    assert moments.epochs[moments.satellite == 2].sum() == 48


def test_displacement_has_position_vector_signs():
    reference = truth(names(G=3), 900.0, 5).position_m
    parameters = np.array([0.1, -0.2, 0.3, 1e-9, 2e-9, -3e-9, 4e-9])
    moved = reference + helmert_displacement(np.tile(parameters * UNIT, (3, 1)), reference)
    np.testing.assert_allclose(moved, apply_similarity(parameters, reference), rtol=0, atol=1e-7)


@pytest.mark.parametrize("scale_model", ["per-constellation", "common"])
def test_transformations_without_noise(scale_model):
    shapes = {
        "A": (0.01, 0.0, -0.01, 1e-10, 1e-9, 0.0, 0.0), "B": (-0.01, 0.02, 0.0, -2e-10, 0.0, -1e-9, 5e-10),
        "C": (0.0, -0.02, 0.01, 1e-10, -1e-9, 1e-9, -5e-10),
    }  # fmt: skip
    quiet = {name: Centre(sigma_m={"G": 0.0, "E": 0.0}, white_m=0.0, helmert=shape) for name, shape in shapes.items()}
    found = estimated(stacked(quiet), weighting="equal", scale_model=scale_model)
    for k, shape in enumerate(shapes.values()):
        for c in range(2):
            # The distortions sum to zero, so the datum of the mean is the truth.
            np.testing.assert_allclose(found.helmert[k, c], -np.array(shape) * UNIT, rtol=0, atol=1e-6)
    assert np.nanmax(found.rms_m) < 1e-5


def test_formal_errors_of_the_parameters():
    # Arc-wise independent errors on one noisy centre; four that are far better make the truth.
    true = truth(names(G=30, E=20), 1800.0, 48)
    pulls = []
    for seed in range(40):
        rng = np.random.default_rng([7, seed])
        position = np.stack([
            true.position_m + smooth_errors(true, np.full(50, 0.010 if k == 0 else 1e-4), rng) for k in range(5)
        ])  # fmt: skip
        stack = stack_orbits({f"A{k}": true for k in range(5)}, true.epochs_gps)
        stack.position_m[:] = position
        weighted = np.ones((5, 50), dtype=bool)
        weighted[0] = False
        found = estimated(stack, weighted, weighting="equal")
        pulls.append(found.helmert[0] / found.helmert_sigma[0])
    rms = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.4
    assert np.all((rms > 0.6) & (rms < 1.6)), rms


def test_a_constellation_that_a_centre_lacks_has_no_parameters():
    centres = {"A": Centre(), "B": Centre(), "C": Centre(), "D": Centre(constellations="G")}
    found = estimated(stacked(centres))
    assert np.isnan(found.helmert[3, 1]).all()
    assert np.isfinite(found.helmert[3, 0]).all()
    assert np.isnan(found.centre_sigma_m[3, 1])
    assert np.isnan(found.rms_m[3, 12:]).all()
    assert (found.weight[3, 12:] == 0).all()
    assert found.centres_used.tolist() == [4] * 12 + [3] * 8


def test_weights_follow_the_precision_of_a_centre_in_a_constellation():
    centres = {
        "A": Centre(sigma_m={"G": 0.005, "E": 0.02}), "B": Centre(sigma_m={"G": 0.01, "E": 0.01}),
        "C": Centre(sigma_m={"G": 0.02, "E": 0.005}), "D": Centre(sigma_m={"G": 0.01, "E": 0.01}),
    }  # fmt: skip
    found = estimated(stacked(centres, G=24, E=24))
    assert np.argmin(found.centre_sigma_m, axis=0).tolist() == [0, 2]
    assert np.argmax(found.centre_sigma_m, axis=0).tolist() == [2, 0]
    assert np.argmax(found.weight[:, 0]) == 0
    assert np.argmax(found.weight[:, 30]) == 2


def test_a_compared_centre_changes_nothing():
    centres = {name: Centre() for name in "ABCD"}
    weighted = np.ones((4, 20), dtype=bool)
    weighted[3] = False
    stack = stacked(centres)
    found = estimated(stack, weighted)
    assert not found.weight[3].any()
    assert np.isfinite(found.rms_m[3]).all()
    alone = stack_orbits(day(truth(names(G=12, E=8), 900.0, 48), {name: Centre() for name in "ABC"}), stack.epochs_gps)
    np.testing.assert_allclose(found.helmert[:3], estimated(alone).helmert, rtol=0, atol=2e-6)


def test_no_weighted_record_at_all():
    stack = stacked({"A": Centre(), "B": Centre()})
    found = estimated(stack, np.zeros((2, 20), dtype=bool))
    assert np.isnan(found.rms_m).all()
    assert not found.weight.any()

"""What must hold for every combination of orbits and clocks, whatever the centres send."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fiducial.errors import FiducialError
from fiducial.geodesy.similarity import apply_similarity
from fiducial.orbits.clock_combination import combine_clocks
from fiducial.orbits.combination import combine_day, prepare_day
from fiducial.orbits.moments import ORBIT_HEIGHT_M
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.stack import OrbitStack, stack_orbits
from fiducial.orbits.weights import cap_shares
from synthetic_centres import Centre, day, names, truth

SIGMAS = (0.006, 0.008, 0.010, 0.012, 0.014)
OPTIONS = CombinationOptions()
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SOME = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def small(centres=5, seed=0):
    """Ten satellites, 36 epochs."""
    true = truth(names(G=10), 900.0, 36)
    kinds = {f"AC{k}": Centre(sigma_m={"G": SIGMAS[k]}) for k in range(centres)}
    orbits = day(true, kinds, seed)
    return stack_orbits(orbits, true.epochs_gps)


def changed(stack, position=None, order=None):
    position = stack.position_m if position is None else position
    order = list(range(len(position))) if order is None else list(order)
    centres = tuple((*stack.centres, *(f"X{k}" for k in range(len(stack.centres), len(position))))[k] for k in order)
    clock = np.full(position.shape[:3], np.nan)
    return OrbitStack(
        centres, stack.epochs_gps, stack.satellites, position[order], clock, np.zeros(position.shape[:2], dtype=bool)
    )


def combine(stack, options=OPTIONS, weighted=None):
    return combine_day(prepare_day(stack, (), options), options, weighted)


@functools.cache
def undisturbed():
    """Combined positions without any error."""
    return positions(combine(small()))


def positions(combination):
    """Combined positions of all satellites of the stack."""
    out = np.full(combination.day.stack.position_m.shape[1:], np.nan)
    columns = [combination.day.stack.satellites.index(name) for name in combination.orbit.satellites]
    out[:, columns] = combination.orbit.position_m
    return out


@FEW
@given(st.permutations(range(5)), st.sampled_from(["variance-components", "absolute-deviation", "equal"]))
def test_the_order_of_the_centres_changes_nothing(order, weighting):
    options = CombinationOptions(weighting=weighting)
    first, second = combine(small(), options), combine(changed(small(), order=order), options)
    np.testing.assert_allclose(positions(first), positions(second), rtol=0, atol=2e-8)
    np.testing.assert_allclose(first.orbit.position_sigma_m, second.orbit.position_sigma_m, rtol=0, atol=1e-9)
    np.testing.assert_allclose(first.share[list(order)], second.share, atol=1e-8)


@FEW
@given(
    st.integers(2, 5), st.integers(0, 4), st.booleans(), st.sampled_from(["variance-components", "absolute-deviation"])
)
def test_a_copy_or_the_mean_of_the_others_gets_no_more_than_the_cap(centres, which, mean, weighting):
    stack = small(centres)
    extra = stack.position_m.mean(axis=0) if mean else stack.position_m[which % centres]
    options = CombinationOptions(weighting=weighting)
    found = combine(changed(stack, np.concatenate([stack.position_m, extra[None]])), options)
    assert found.share.max() <= max(0.4, 1.0 / (centres + 1)) + 1e-9
    np.testing.assert_allclose(found.share.sum(axis=0), 1.0)
    assert np.isfinite(positions(found)).all()
    assert np.isfinite(found.estimate.centre_sigma_m).all()
    assert np.linalg.norm(positions(found) - stack.position_m.mean(axis=0), axis=-1).max() < 0.05


@pytest.mark.parametrize("centres", [1, 2, 3, 4])
@pytest.mark.parametrize("weighting", ["variance-components", "absolute-deviation", "equal"])
def test_all_centres_alike(centres, weighting):
    one = small().position_m[0]
    found = combine(changed(small(), np.stack([one] * centres)), CombinationOptions(weighting=weighting))
    np.testing.assert_allclose(positions(found), one, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.share, 1.0 / centres)


@FEW
@given(
    st.lists(st.floats(-0.03, 0.03), min_size=3, max_size=3), st.floats(-0.6e-9, 0.6e-9),
    st.lists(st.floats(-1e-9, 1e-9), min_size=3, max_size=3),
)  # fmt: skip
def test_a_distorted_copy_is_recovered(translation, scale, rotation):
    parameters = np.array([*translation, scale, *rotation])
    stack = small()
    copy = np.concatenate([stack.position_m, stack.position_m[:1]])
    bent = copy.copy()
    bent[5] = apply_similarity(parameters, stack.position_m[0])
    found = combine(changed(stack, bent), CombinationOptions(weighting="equal"))
    assert not found.exclusions
    back = found.estimate.helmert[0, 0] - found.estimate.helmert[5, 0]
    expected = parameters * np.array([1, 1, 1, *[ORBIT_HEIGHT_M] * 4])
    np.testing.assert_allclose(back, expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(found.estimate.rms_m[0], found.estimate.rms_m[5], rtol=0, atol=1e-6)


def offset(size, direction):
    unit = np.array(direction) / np.linalg.norm(direction)
    return 10.0**size * unit


DIRECTION = st.sampled_from([(1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.3, 0.4, -0.86), (1.0, 1.0, 1.0)])
SIZE = st.floats(np.log10(0.2), 7.0)


@SOME
@given(SIZE, DIRECTION, st.integers(0, 4), st.integers(0, 9))
def test_a_gross_error_of_an_arc_is_the_same_as_leaving_it_out(size, direction, centre, satellite):
    stack = small()
    position = stack.position_m.copy()
    position[centre, :, satellite] += offset(size, direction)
    found = combine(changed(stack, position))
    position[centre, :, satellite] = np.nan
    without = combine(changed(stack, position))
    assert {(one.centre, one.satellite) for one in found.exclusions} == {
        (stack.centres[centre], stack.satellites[satellite])
    }
    np.testing.assert_allclose(positions(found), positions(without), rtol=0, atol=1e-4)
    other = np.arange(10) != satellite
    assert np.abs(positions(found) - undisturbed())[:, other].max() < 1e-3


@SOME
@given(SIZE, DIRECTION, st.integers(0, 4), st.integers(0, 9), st.integers(0, 35), st.integers(1, 12))
def test_a_gross_error_of_records_is_the_same_as_leaving_them_or_the_arc_out(
    size, direction, centre, satellite, first, length
):
    stack = small()
    position = stack.position_m.copy()
    stretch = slice(first, first + length)
    position[centre, stretch, satellite] += offset(size, direction)
    found = combine(changed(stack, position))
    alternatives = []
    for rows in (stretch, slice(None), slice(first, None), slice(None, first + length)):
        less = position.copy()
        less[centre, rows, satellite] = np.nan
        alternatives.append(positions(combine(changed(stack, less))))
    departures = [np.abs(positions(found) - one).max() for one in alternatives]
    assert min(departures) < 1e-4
    other = np.arange(10) != satellite
    assert np.abs(positions(found) - undisturbed())[:, other].max() < 1e-3


@FEW
@given(st.integers(0, 4), st.lists(st.integers(0, 9), min_size=2, max_size=2, unique=True))
def test_swapped_satellites_of_a_centre_are_left_out(centre, pair):
    stack = small()
    position = stack.position_m.copy()
    position[centre][:, pair] = position[centre][:, pair[::-1]]
    found = combine(changed(stack, position))
    position[centre][:, pair] = np.nan
    np.testing.assert_allclose(positions(found), positions(combine(changed(stack, position))), rtol=0, atol=1e-7)
    assert {one.satellite for one in found.exclusions} == {stack.satellites[k] for k in pair}


@pytest.mark.parametrize("centres", [3, 4, 5])
def test_a_centre_with_all_satellites_swapped_is_left_out(centres):
    stack = small(centres)
    position = stack.position_m.copy()
    position[1] = np.roll(position[1], 1, axis=1)
    found = combine(changed(stack, position))
    assert not found.share[1].any()
    assert np.isfinite(positions(found)).all()


PATTERN = st.sampled_from(["records", "arcs", "epochs", "centres", "coordinates"])


@SOME
@given(st.integers(0, 2**32 - 1), PATTERN, st.floats(0.0, 1.0), st.integers(1, 5))
def test_missing_records_never_harm(seed, pattern, part, centres):
    stack = small(centres)
    rng = np.random.default_rng(seed)
    shape = stack.position_m.shape
    size = {
        "records": (*shape[:3], 1), "arcs": (shape[0], 1, shape[2], 1), "epochs": (shape[0], shape[1], 1, 1),
        "centres": (shape[0], 1, 1, 1), "coordinates": shape,
    }[pattern]  # fmt: skip
    position = np.where(np.broadcast_to(rng.random(size) < part, shape), np.nan, stack.position_m)
    weighting = ("variance-components", "absolute-deviation", "equal")[seed % 3]
    scale = ("per-constellation", "common")[seed // 3 % 2]
    by = ("centre", "constellation", "satellite")[seed // 6 % 3]
    options = CombinationOptions(weighting=weighting, scale_model=scale, weights_by=by)
    expected = np.isfinite(position).all(axis=-1)
    if not expected.any():
        with pytest.raises(FiducialError, match="FID-1204"):
            combine(changed(stack, position), options)
        return
    found = combine(changed(stack, position), options)
    # From a handful of records nobody can tell a bad centre from a bad guess.
    if expected.mean() > 0.3:
        assert {one.reason for one in found.exclusions} <= {"two-centres-disagree", "satellite-rms", "spike"}
        # With half of its neighbours missing a sound record may look like a spike, one in hundreds.
        assert sum(one.records for one in found.exclusions if one.reason == "spike") <= 0.01 * expected.sum()
    assume(not found.exclusions)
    np.testing.assert_array_equal(np.isfinite(positions(found)).all(axis=-1), expected.any(axis=0))
    several = expected.sum(axis=0) >= 2
    columns = [stack.satellites.index(name) for name in found.orbit.satellites]
    np.testing.assert_array_equal(np.isfinite(found.orbit.position_sigma_m).all(axis=-1), several[:, columns])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=1, max_size=8).filter(any), st.floats(0.01, 1.0)
)
def test_capped_shares(weights, cap):
    shares, capped = cap_shares(np.array([weights]), cap)
    used = np.array(weights) > 0
    limit = max(cap, 1.0 / used.sum())
    assert shares.sum() == pytest.approx(1.0)
    assert shares.max() <= limit * (1 + 1e-9)
    assert not shares[0, ~used].any()
    order = np.argsort(weights)
    assert np.all(np.diff(shares[0, order]) >= -1e-12)
    np.testing.assert_allclose(shares[capped], limit)
    if not capped.any():
        np.testing.assert_allclose(shares[0], np.array(weights) / np.sum(weights), rtol=1e-9)


@SOME
@given(
    st.integers(0, 2**32 - 1), PATTERN.filter(lambda one: one != "coordinates"), st.floats(0.0, 1.0), st.integers(1, 5)
)
def test_missing_clocks_never_harm(seed, pattern, part, centres):
    true = truth(names(G=6, E=2), 900.0, 36)
    orbits = day(true, {f"AC{k}": Centre() for k in range(centres)}, 3)
    clock = np.stack([one.clock_s for one in orbits.values()])
    rng = np.random.default_rng(seed)
    shape = clock.shape
    size = {
        "records": shape, "arcs": (shape[0], 1, shape[2]), "epochs": (shape[0], shape[1], 1),
        "centres": (shape[0], 1, 1),
    }[pattern]  # fmt: skip
    clock = np.where(np.broadcast_to(rng.random(size) < part, shape), np.nan, clock)
    if not np.isfinite(clock).any():
        with pytest.raises(FiducialError, match="FID-1206"):
            combine_clocks(clock, true.epochs_gps, tuple(orbits), true.satellites)
        return
    found = combine_clocks(clock, true.epochs_gps, tuple(orbits), true.satellites)
    assert not np.any(np.isfinite(found.clock_s) & ~np.isfinite(clock).any(axis=0))
    # Clocks that share no satellite with the time scale at an epoch cannot be brought to it.
    if pattern == "records" and part < 0.2 and centres >= 3:
        lost = np.isfinite(clock).any(axis=0) & ~np.isfinite(found.clock_s)
        assert lost[:, :6].sum() <= 2

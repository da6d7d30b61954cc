"""The combination of a day's orbits."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.orbits.combination import combine_day, prepare_day
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.stack import OrbitStack, common_grid, stack_orbits
from synthetic_centres import Centre, day, names, truth

OPTIONS = CombinationOptions()
SHIFT = np.array([0.6, -0.64, 0.48])


def stacked(centres, step_s=900.0, count=96, seed=0, **numbers):
    true = truth(names(**(numbers or {"G": 12, "R": 6, "E": 6, "C": 4, "J": 3})), step_s, count)
    orbits = day(true, centres if isinstance(centres, dict) else {f"AC{k}": Centre() for k in range(centres)}, seed)
    return stack_orbits(orbits, common_grid(orbits)), true


def combined(stack, options=OPTIONS, compared=(), **prepared):
    return combine_day(prepare_day(stack, compared, options, **prepared), options)


def error_m(found, true):
    columns = [true.satellites.index(name) for name in found.orbit.satellites]
    return found.orbit.position_m - true.position_m[: found.orbit.epochs_gps.size, columns]


@pytest.mark.parametrize(("count", "step_s"), [(96, 900.0), (192, 900.0), (288, 300.0)])
def test_the_truth_of_five_constellations(count, step_s):
    sigma = dict.fromkeys("GREJC", 0.01)
    centres = {
        "A": Centre(sigma_m=sigma), "B": Centre(sigma_m=sigma), "C": Centre(sigma_m=sigma, constellations="GRE"),
        "D": Centre(sigma_m=sigma, constellations="GREC", step_s=900.0), "E": Centre(sigma_m=sigma, constellations="G"),
        "F": Centre(sigma_m=sigma, missing=("G05", "C02")),
    }  # fmt: skip
    stack, true = stacked(centres, step_s, count)
    found = combined(stack)
    assert found.orbit.satellites == true.satellites
    assert np.isfinite(found.orbit.position_m).all()
    assert found.exclusions == ()
    error = error_m(found, true)
    for letter, centres_of in {"G": 6, "R": 5, "E": 5, "C": 4, "J": 3}.items():
        member = np.array([name[0] == letter for name in true.satellites])
        assert np.sqrt(np.mean(error[:, member] ** 2)) < 1.5 * 0.010 / np.sqrt(centres_of - 1)
        shares = found.share[:, member].sum(axis=0)
        np.testing.assert_allclose(shares, 1.0)
    # Formal errors are of the size of the true ones.
    ratio = error / found.orbit.position_sigma_m
    assert 0.7 < np.sqrt(np.median(ratio**2)) / 0.6745 < 1.5
    assert set(found.orbit.accuracy_m) == set(true.satellites)
    assert 0.002 < np.median(list(found.orbit.accuracy_m.values())) < 0.008


def test_one_centre_is_copied_and_its_accuracy_unknown():
    stack, _ = stacked(1)
    found = combined(stack)
    np.testing.assert_allclose(found.orbit.position_m, stack.position_m[0], rtol=0, atol=1e-8)
    assert np.isnan(found.orbit.position_sigma_m).all()
    assert found.orbit.accuracy_m == {}
    assert np.isnan(found.estimate.centre_sigma_m).all()
    assert found.exclusions == ()


def test_two_centres_get_equal_weights_and_say_so():
    stack, _ = stacked({"A": Centre(sigma_m={"G": 0.002}), "B": Centre(sigma_m={"G": 0.02})})
    found = combined(stack)
    np.testing.assert_allclose(found.share, 0.5)
    assert any("cannot be separated" in note for note in found.estimate.notes)
    assert np.isfinite(found.orbit.position_sigma_m).all()


def test_three_centres_have_variances():
    stack, _ = stacked({"A": Centre(sigma_m={"G": 0.005}), "B": Centre(), "C": Centre()}, G=20)
    found = combined(stack)
    assert found.estimate.notes == ()
    assert np.argmax(found.share.mean(axis=1)) == 0
    assert found.share.max() <= 0.4 + 1e-9


def test_a_satellite_of_one_centre_is_copied_into_the_common_frame():
    distorted = (0.02, -0.01, 0.03, 2e-10, 0.0, 5e-10, -5e-10)
    centres = {"A": Centre(helmert=distorted), **{name: Centre(missing=("G07", "E02")) for name in "BCD"}}
    stack, true = stacked(centres)
    found = combined(stack)
    s = true.satellites.index("G07")
    assert "G07" not in found.orbit.accuracy_m
    assert np.isnan(found.orbit.position_sigma_m[:, s]).all()
    assert found.share[0, s] == pytest.approx(1.0)
    raw = np.sqrt(np.mean((stack.position_m[0, :, s] - true.position_m[:, s]) ** 2))
    assert np.sqrt(np.mean(error_m(found, true)[:, s] ** 2)) < raw


@pytest.mark.parametrize("options", [CombinationOptions(minimum_centres=2), CombinationOptions(minimum_centres=4)])
def test_minimum_number_of_centres(options):
    stack, _ = stacked({"A": Centre(), **{name: Centre(missing=("G07",)) for name in "BCD"}})
    found = combined(stack, options)
    assert "G07" not in found.orbit.satellites
    assert [one.satellite for one in found.exclusions if one.reason == "too-few-centres"] == ["G07"]


def test_compared_centres_have_statistics_and_no_share():
    centres = {name: Centre() for name in "ABCD"}
    stack, _ = stacked({**centres, "Z": Centre(sigma_m={"G": 0.05})})
    found = combined(stack, compared=("Z",))
    assert not found.share[4].any()
    assert np.nanmean(found.estimate.rms_m[4, :12]) > 0.03
    alone, _ = stacked(centres)
    np.testing.assert_allclose(found.orbit.position_m, combined(alone).orbit.position_m, rtol=0, atol=1e-6)


def test_a_whole_centre_in_another_frame_is_compared_only():
    # 0.5 mas, 0.3 of a degree of 6 cm at orbit height: less than the gross limit, more than what is allowed.
    stack, true = stacked({**{name: Centre() for name in "ABCD"}, "E": Centre(helmert=(0, 0, 0, 0, 4e-9, 0, 0))})
    found = combined(stack)
    assert [(one.centre, one.satellite, one.reason) for one in found.exclusions] == [("E", "", "rotation")]
    assert found.exclusions[0].unit == "mas"
    assert found.exclusions[0].value == pytest.approx(4e-9 / 4.848e-9, rel=0.3)
    assert not found.share[4].any()
    assert np.sqrt(np.mean(error_m(found, true) ** 2)) < 0.01


@pytest.mark.parametrize(
    ("helmert", "reason"),
    [((0.15, 0, 0, 0, 0, 0, 0), "translation"), ((0, 0, 0, 3e-9, 0, 0, 0), "scale"), ((0, 0, 0, 0, 0, 0, 4e-9), "rotation")],
)  # fmt: skip
def test_limits_of_the_parameters(helmert, reason):
    stack, _ = stacked({**{name: Centre() for name in "ABCD"}, "E": Centre(helmert=helmert)}, G=20)
    found = combined(stack)
    assert {(one.centre, one.reason) for one in found.exclusions} == {("E", reason)}


def test_many_bad_satellites_make_a_bad_centre():
    stack, _ = stacked(5, G=24)
    for s in range(7):
        stack.position_m[2, :, s] += (0.3 + 0.1 * s) * SHIFT
    found = combined(stack)
    assert [one.reason for one in found.exclusions].count("too-many-satellites") == 1
    assert not found.share[2].any()
    assert {one.centre for one in found.exclusions} == {"AC2"}


def test_the_worst_goes_first_and_one_at_a_time():
    stack, _ = stacked(5, G=24)
    for s, size in ((3, 0.3), (8, 1.2), (15, 0.6)):
        stack.position_m[s % 3, :, s] += size * SHIFT
    found = combined(stack)
    assert [one.satellite for one in found.exclusions] == ["G09", "G16", "G04"]
    assert found.cleaned.finished
    few = combined(stack, CombinationOptions(rejections=2))
    assert [one.satellite for one in few.exclusions] == ["G09", "G16"]
    assert not few.cleaned.finished


def test_two_centres_that_disagree_on_a_satellite_leave_it_out():
    stack, _ = stacked(2, G=24)
    stack.position_m[1, :, 5] += 0.5 * SHIFT
    found = combined(stack)
    assert {(one.centre, one.satellite, one.reason) for one in found.exclusions} == {
        ("AC0", "G06", "two-centres-disagree"), ("AC1", "G06", "two-centres-disagree")
    }  # fmt: skip
    assert "G06" not in found.orbit.satellites


def test_limits_given_by_constellation():
    stack, _ = stacked(4, G=12, E=6)
    strict = combined(stack, CombinationOptions(satellite_limit_m={"E": 0.001}, rejections=3))
    assert {one.satellite[0] for one in strict.exclusions} == {"E"}


def test_weights_by_block_need_blocks():
    stack, true = stacked(4, G=12)
    options = CombinationOptions(weights_by="block")
    blocks = {name: "GPS-IIF" if int(name[1:]) % 2 else "GPS-III" for name in true.satellites}
    found = combined(stack, options, blocks=blocks)
    assert found.day.groups == ("GPS-IIF", "GPS-III")
    assert found.estimate.centre_sigma_m.shape == (4, 2)
    del blocks["G05"]
    with pytest.raises(InputError, match=r"FID-1205.*\n.*G05"):
        combined(stack, options, blocks=blocks)
    with pytest.raises(InputError, match="FID-1205"):
        combined(stack, options)


@pytest.mark.parametrize("weights_by", ["centre", "constellation", "satellite"])
@pytest.mark.parametrize("weighting", ["variance-components", "absolute-deviation", "equal"])
def test_every_weighting(weights_by, weighting):
    stack, true = stacked(5, count=48, G=8, E=4)
    options = CombinationOptions(weights_by=weights_by, weighting=weighting)
    found = combined(stack, options)
    assert np.sqrt(np.mean(error_m(found, true) ** 2)) < 0.009
    if weighting == "equal":
        np.testing.assert_allclose(found.share, 0.2)


def test_nothing_is_left():
    stack, _ = stacked(2, G=4)
    with pytest.raises(InputError, match="FID-1204"):
        prepare_day(stack, ("AC0", "AC1"), OPTIONS)
    nothing = OrbitStack(
        stack.centres, stack.epochs_gps, stack.satellites, np.full_like(stack.position_m, np.nan), stack.clock_s,
        stack.interpolated,
    )  # fmt: skip
    with pytest.raises(InputError, match="FID-1204"):
        prepare_day(nothing, (), OPTIONS)
    stack.position_m[0] += 1e5
    with pytest.raises(InputError, match="FID-1204"):
        combined(stack)


@pytest.mark.parametrize(
    "wrong",
    [
        {"satellite_factor": 0.0}, {"satellite_floor_m": -1.0}, {"translation_limit_m": 0.0}, {"rotation_limit_mas": np.nan},
        {"scale_limit_ppb": 0.0}, {"gross_limit_m": -2.0}, {"spike_limit_m": 0.0}, {"share_limit": 0.0},
        {"share_limit": 1.1}, {"share_limit": np.nan}, {"minimum_centres": 0},
    ],
)  # fmt: skip
def test_impossible_options(wrong):
    with pytest.raises(InputError, match="FID-1201"):
        CombinationOptions(**wrong)

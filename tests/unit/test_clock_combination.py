"""The combination of a day's clocks."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.orbits.clock_combination import combine_clocks
from fiducial.orbits.clock_noise import datum_and_constants
from fiducial.orbits.stack import common_grid, stack_orbits
from synthetic_centres import Centre, day, names, radial_correction_s, truth

SIGMA = (4e-12, 8e-12, 1e-11, 1.5e-11, 2e-11)
PS = 1e-12


def scene(changes=None, count=5, step_s=300.0, epochs=288, seed=0, **numbers):
    """Clocks on the true orbit, and the truth; changes are by centre."""
    true = truth(names(**(numbers or {"G": 12, "R": 6, "E": 6, "C": 4, "J": 3})), step_s, epochs)
    centres = {f"AC{k}": {"clock_sigma_s": SIGMA[k]} for k in range(count)}
    for name, change in (changes or {}).items():
        centres[name] = {**centres.get(name, {}), **change}
    orbits = day(true, {name: Centre(**what) for name, what in centres.items()}, seed)
    stack = stack_orbits(orbits, common_grid(orbits))
    return stack.clock_s + radial_correction_s(stack, true.position_m), stack, true


def combined(clock, stack, compared=()):
    return combine_clocks(clock, stack.epochs_gps, stack.centres, stack.satellites, compared)


def rest(found, true, letter):
    """Combined minus true clocks of a constellation after datum and constants."""
    member = [s for s, name in enumerate(true.satellites) if name[0] == letter]
    difference = (found.clock_s - true.clock_s)[:, member]
    datum, constant = datum_and_constants(difference)
    return difference - datum[:, None] - constant


def part(found, letter):
    return next(one for one in found.constellations if one.letter == letter)


def test_the_truth_within_the_noise():
    clock, stack, true = scene()
    found = combined(clock, stack)
    assert np.isfinite(found.clock_s).all()
    assert found.exclusions == ()
    for letter in "GRECJ":
        assert np.sqrt(np.mean(rest(found, true, letter) ** 2)) < 5 * PS
        one = part(found, letter)
        assert one.share.sum() == pytest.approx(1.0)
        assert one.share.max() <= 0.4 + 1e-12
        assert one.jumps == ()
        assert one.separable
    # The datum of an epoch takes a twelfth of the variance, and a median of few satellites flatters.
    np.testing.assert_allclose(part(found, "G").noise_s, SIGMA, rtol=0.2)
    assert np.nanmedian(found.sigma_s) < 8 * PS


def test_the_time_scale_is_that_of_the_centre_named():
    clock, stack, true = scene({"AC3": {"datum_s": 1e-12}})
    found = combined(clock, stack)
    assert found.datum_centre == "AC3"
    k = stack.centres.index("AC3")
    for one in found.constellations:
        np.testing.assert_allclose(one.datum_s[k], 0.0, atol=1e-18)
    gps = np.array([name[0] == "G" for name in true.satellites])
    difference = found.clock_s[:, gps] - clock[k][:, gps] + part(found, "G").constant_s[k, gps]
    assert np.abs(np.median(difference, axis=1)).max() < 30 * PS


def test_inter_system_biases_are_recovered():
    clock, stack, _ = scene({
        "AC1": {"bias_s": {"R": 5e-8, "E": -2e-9}, "constant_s": 2e-11}, "AC3": {"datum_s": 1e-12}
    })  # fmt: skip
    found = combined(clock, stack)
    k, ref = stack.centres.index("AC1"), stack.centres.index(found.datum_centre)
    assert ref != k
    assert found.inter_system_bias_s("R")[k] == pytest.approx(5e-8, abs=4e-10)
    assert found.inter_system_bias_s("E")[k] == pytest.approx(-2e-9, abs=4e-10)
    assert found.inter_system_bias_s("R")[ref] == 0.0
    assert np.isnan(found.inter_system_bias_s("I")).all()


@pytest.mark.parametrize(("first", "last"), [(110, 170), (0, 60), (200, 287)])
def test_a_jump_there_and_back(first, last):
    jumps = (("G05", first, last, 350 * PS),)
    better = {"AC3": {"clock_sigma_s": 1e-11}, "AC4": {"clock_sigma_s": 1e-11}}
    clock, stack, true = scene({"AC1": {"jumps": jumps}, **better})
    found = combined(clock, stack)
    (jump,) = part(found, "G").jumps
    assert (jump.centre, jump.satellite) == ("AC1", "G05")
    assert abs(int(np.searchsorted(stack.epochs_gps, jump.begin_gps)) - first) <= 2
    assert abs(int(np.searchsorted(stack.epochs_gps, jump.end_gps)) - last) <= 2
    assert jump.size_s == pytest.approx(350 * PS, abs=20 * PS)
    assert np.sqrt(np.mean(rest(found, true, "G") ** 2)) < 5 * PS
    quiet, _, _ = scene(better)
    undisturbed = combined(quiet, stack)
    assert np.abs(rest(found, true, "G") - rest(undisturbed, true, "G")).max() < 30 * PS


def test_single_wrong_records_are_rejected():
    clock, stack, true = scene()
    clock[2, 50, 3] += 1e-3
    clock[0, 70:73, 5] += 2e-10
    found = combined(clock, stack)
    assert part(found, "G").rejected[2] >= 1
    assert part(found, "G").rejected[0] >= 3
    assert np.abs(rest(found, true, "G")).max() < 40 * PS


def test_clocks_of_another_kind_are_left_out():
    clock, stack, true = scene({"AC4": {"clock_sigma_s": 40 * 1e-11}})
    found = combined(clock, stack)
    assert {(one.centre, one.reason, one.satellite) for one in found.exclusions} == {
        ("AC4", "clock-kind", letter) for letter in "GRECJ"
    }  # fmt: skip
    assert all(one.value > one.limit for one in found.exclusions)
    assert not part(found, "G").share[4]
    assert np.sqrt(np.mean(rest(found, true, "G") ** 2)) < 6 * PS


def test_two_centres_have_equal_weights():
    clock, stack, _ = scene(count=2)
    found = combined(clock, stack)
    assert not part(found, "G").separable
    np.testing.assert_allclose(part(found, "G").share, 0.5, atol=0.01)


def test_one_centre_is_copied():
    clock, stack, _ = scene(count=1)
    found = combined(clock, stack)
    np.testing.assert_array_equal(found.clock_s, clock[0])
    assert np.isnan(found.sigma_s).all()
    assert found.datum_centre == "AC0"


def test_a_satellite_of_one_centre_is_copied_into_the_common_time_scale():
    clock, stack, true = scene({f"AC{k}": {"missing": ("G05", "E02")} for k in range(1, 5)})
    found = combined(clock, stack)
    s = true.satellites.index("G05")
    assert np.isfinite(found.clock_s[:, s]).all()
    assert np.isnan(found.sigma_s[:, s]).all()
    off = rest(found, true, "G")[:, 4]
    assert np.std(off) < 15 * PS


@pytest.mark.parametrize("number", [1, 2])
def test_a_constellation_of_fewer_than_three_satellites(number):
    clock, stack, _ = scene(G=8, J=number)
    found = combined(clock, stack)
    assert np.isfinite(found.clock_s).all()
    one = part(found, "J")
    assert one.share.sum() == pytest.approx(1.0)
    assert np.isnan(one.noise_s).all()
    assert not one.separable
    assert found.inter_system_bias_s("J").shape == (5,)


def test_thirty_seconds():
    clock, stack, true = scene(step_s=30.0, epochs=960, G=8, E=4)
    clock[3:, np.arange(960) % 10 != 0] = np.nan
    found = combined(clock, stack)
    assert np.isfinite(found.clock_s).all()
    assert np.sqrt(np.mean(rest(found, true, "G") ** 2)) < 7 * PS
    np.testing.assert_allclose(part(found, "G").noise_s, SIGMA, rtol=0.25)


def test_centres_at_15_minutes_beside_centres_at_5():
    clock, stack, true = scene({"AC1": {"step_s": 900.0}, "AC3": {"step_s": 900.0}})
    found = combined(clock, stack)
    assert np.isfinite(found.clock_s).all()
    # Epochs at which centres come and go must not show a step.
    assert np.sqrt(np.mean(rest(found, true, "G") ** 2)) < 6 * PS
    assert part(found, "G").used.tolist() == [3456, 1152, 3456, 1152, 3456] or part(found, "G").rejected.sum() < 20


def test_an_epoch_that_the_datum_centre_lacks_is_combined_all_the_same():
    clock, stack, true = scene(G=8, E=4)
    for k in range(5):
        clock[k, 50 + 7 * k] = np.nan
    found = combined(clock, stack)
    assert np.isfinite(found.clock_s).sum() >= found.clock_s.size - 12
    assert np.sqrt(np.nanmean(rest(found, true, "G") ** 2)) < 7 * PS


def test_a_satellite_that_the_datum_centre_lacks_keeps_all_others():
    clock, stack, true = scene()
    lead = stack.centres.index(combined(clock, stack).datum_centre)
    s = stack.satellites.index("R03")
    # Biases between receivers and satellites of GLONASS are tens of nanoseconds, different in every centre.
    clock[:, :, s] += np.array([30e-9, -20e-9, 5e-9, -45e-9, 12e-9])[:, None]
    clock[lead, :, s] = np.nan
    found = combined(clock, stack)
    assert np.isfinite(found.clock_s[:, s]).all()
    assert np.isfinite(part(found, "R").constant_s[:, s]).sum() == 4
    assert part(found, "R").rejected.sum() < 20
    assert np.sqrt(np.mean(rest(found, true, "R") ** 2)) < 6 * PS


def test_hours_without_the_datum_centre_keep_its_time_scale():
    clock, stack, true = scene()
    found = combined(clock, stack)
    lead = stack.centres.index(found.datum_centre)
    holed = clock.copy()
    holed[lead, 100:130] = np.nan
    without = combined(holed, stack)
    assert without.datum_centre == found.datum_centre or np.isfinite(without.clock_s).all()
    assert np.isfinite(without.clock_s).all()
    for letter in "GE":
        assert np.sqrt(np.mean(rest(without, true, letter) ** 2)) < 6 * PS


def test_compared_centres_have_no_share():
    clock, stack, _ = scene(G=8)
    found = combined(clock, stack, compared=("AC0",))
    one = part(found, "G")
    assert not one.share[0]
    assert not one.used[0]
    assert np.isfinite(one.rms_s[0]).all()
    np.testing.assert_array_equal(
        found.clock_s, combined(np.where([[[True]]] + [[[False]]] * 4, np.nan, clock), stack).clock_s
    )


def test_no_clocks():
    clock, stack, _ = scene(G=4, epochs=24)
    with pytest.raises(InputError, match="FID-1206"):
        combined(np.full_like(clock, np.nan), stack)
    with pytest.raises(InputError, match="FID-1206"):
        combined(clock, stack, compared=stack.centres)

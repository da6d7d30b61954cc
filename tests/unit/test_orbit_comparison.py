"""Comparison of orbits and clocks against differences put in by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD, SPEED_OF_LIGHT_M_PER_S
from fiducial.errors import InputError
from fiducial.geodesy.similarity import apply_similarity
from fiducial.orbits.clock_comparison import compare_clocks
from fiducial.orbits.comparison import compare_orbits
from fiducial.orbits.local_frame import radial_along_cross
from keplerian import epochs, orbit

NAMES = ("G01", "G02", "G03", "G04", "R01", "R02", "R03", "E01", "E02")


def moved(source, shift):
    return dataclasses.replace(source, position_m=source.position_m + shift)


def with_clocks(source, clock):
    return dataclasses.replace(source, clock_s=clock)


def test_shift_in_the_orbital_frame_comes_back_with_its_sign():
    second = orbit(NAMES)
    axes = radial_along_cross(second.position_m, second.epochs_gps)
    first = moved(second, np.einsum("esij,i->esj", axes, [0.001, 0.002, -0.003]))
    found = compare_orbits(first, second)
    np.testing.assert_allclose(found.difference_m, np.broadcast_to([0.001, 0.002, -0.003], (96, 9, 3)), atol=1e-7)
    raw = found.total.raw
    assert (raw.radial_m, raw.along_m, raw.cross_m) == pytest.approx((0.001, 0.002, 0.003), abs=1e-7)
    assert raw.distance_m == pytest.approx(np.sqrt(14) * 1e-3, abs=1e-7)
    assert raw.coordinate_m == pytest.approx(np.sqrt(14 / 3) * 1e-3, abs=1e-7)
    assert raw.largest_m == pytest.approx(raw.distance_m, abs=1e-7)
    assert [row.name for row in found.per_constellation] == ["G", "R", "E"]
    assert [row.name for row in found.per_satellite] == list(NAMES)
    assert found.notes == ()
    assert found.clocks is None


def test_similarity_takes_the_first_orbit_to_the_second():
    first = orbit(NAMES)
    wanted = np.array([0.01, -0.02, 0.03, 2e-9, *(np.array([0.1, -0.2, 0.3]) * MILLIARCSECOND_RAD)])
    rng = np.random.default_rng(4)
    noise = rng.normal(0.0, 0.002, first.position_m.shape)
    second = dataclasses.replace(first, position_m=apply_similarity(wanted, first.position_m) + noise)
    fit = compare_orbits(first, second)
    (found,) = fit.similarities
    assert np.all(np.abs(found.parameters - wanted) < 4.0 * found.sigmas * 1.2)
    assert fit.total.aligned.coordinate_m == pytest.approx(0.002, rel=0.03)
    assert fit.total.raw.coordinate_m > 0.02
    plain = found.to_dict()
    assert (plain["group"], plain["records"]) == ("all", 864)
    assert plain["tz_mm"] == pytest.approx(30.0, abs=0.5)
    assert plain["scale_ppb"] == pytest.approx(2.0, abs=0.05)
    assert plain["ry_uas"] == pytest.approx(-200.0, abs=5.0)
    assert 0.0 < plain["sigma_ry_uas"] < 5.0


def test_one_bad_satellite_does_not_bend_the_similarity():
    second = orbit(NAMES)
    rng = np.random.default_rng(5)
    shift = rng.normal(0.0, 0.002, second.position_m.shape)
    shift[:, 3] += 50.0
    rows = {row.name: row for row in compare_orbits(moved(second, shift), second).per_satellite}
    assert rows["G04"].aligned.distance_m == pytest.approx(50.0 * np.sqrt(3), rel=1e-3)
    assert all(row.aligned.coordinate_m < 0.003 for name, row in rows.items() if name != "G04")


def test_similarity_by_constellation():
    first = orbit(NAMES)
    shift = np.zeros(first.position_m.shape)
    shift[:, :4] += [0.1, 0.0, 0.0]
    shift[:, 4:7] += [0.0, 0.2, 0.0]
    both = compare_orbits(first, moved(first, shift), similarity_by="constellation")
    assert [fit.group for fit in both.similarities] == ["G", "R", "E"]
    assert both.similarities[0].parameters[:3] == pytest.approx([0.1, 0.0, 0.0], abs=1e-6)
    assert both.similarities[1].parameters[:3] == pytest.approx([0.0, 0.2, 0.0], abs=1e-6)
    assert both.total.aligned.distance_m < 1e-6
    assert compare_orbits(first, moved(first, shift)).total.aligned.distance_m > 0.05


def test_coverage_and_sampling_differ():
    second = orbit(("G01", "G02", "G05"), 900.0, 96)
    first = orbit(("G01", "G02", "G03", "R01"), 300.0, 289)
    position = first.position_m.copy()
    position[30:60, 1] = np.nan
    position[90, 0, 2] = np.nan
    other = second.position_m.copy()
    other[0, 0] = np.nan
    found = compare_orbits(
        dataclasses.replace(first, position_m=position), dataclasses.replace(second, position_m=other)
    )
    assert found.satellites == ("G01", "G02")
    assert found.satellites_only_first == ("G03", "R01")
    assert found.satellites_only_second == ("G05",)
    assert (found.epochs_only_first, found.epochs_only_second) == (193, 0)
    rows = {row.name: (row.records, row.records_only_first, row.records_only_second) for row in found.per_satellite}
    assert rows == {"G01": (94, 1, 1), "G02": (86, 0, 10)}
    assert (found.per_constellation[0].records_only_first, found.per_constellation[0].records_only_second) == (97, 107)
    assert found.total.records_only_first == 193


def test_single_record_has_no_similarity_and_says_so():
    second = orbit(("G01",), 900.0, 1)
    found = compare_orbits(moved(second, 0.001), second)
    assert found.similarities == ()
    assert "no similarity for all" in found.notes[0]
    assert np.isnan(found.total.aligned.coordinate_m)
    assert np.isnan(found.total.raw.along_m)
    assert found.total.raw.radial_m > 0.0
    plain = found.to_dict()
    assert plain["total"]["aligned"]["distance_rms_m"] is None
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_frames():
    first = orbit(NAMES, count=3)
    with pytest.raises(InputError, match="FID-1213"):
        compare_orbits(first, dataclasses.replace(first, frame="IGb14"))
    assert compare_orbits(first, dataclasses.replace(first, frame="ITRF2020")).notes == ()
    assert "second orbit not stated" in compare_orbits(first, dataclasses.replace(first, frame="")).notes[0]
    assert (
        "'WGS84' of the first orbit unknown"
        in compare_orbits(dataclasses.replace(first, frame="WGS84"), first).notes[0]
    )


def test_nothing_in_common():
    first = orbit(("G01", "G02"), count=4)
    late = dataclasses.replace(first, epochs_gps=first.epochs_gps + np.timedelta64(1, "s"))
    with pytest.raises(InputError, match="FID-1212: the orbits have no epoch"):
        compare_orbits(first, late)
    with pytest.raises(InputError, match="FID-1212: no satellite"):
        compare_orbits(first, orbit(("R01", "R02"), count=4))


def test_options_out_of_range():
    first = orbit(("G01", "G02"), count=4)
    with pytest.raises(InputError, match="FID-1215"):
        compare_orbits(first, first, similarity_by="block")
    for threshold in (0.0, float("nan")):
        with pytest.raises(InputError, match="FID-1214"):
            compare_clocks(np.zeros((1, 1)), epochs(300.0, 1), ("G01",), threshold_s=threshold)


def simulated_clocks(rng, count=96):
    datum = {
        "G": rng.normal(0, 1e-9, count),
        "R": rng.normal(1e-7, 1e-9, count),
        "E": np.cumsum(rng.normal(0, 1e-9, count)),
    }
    constants = rng.normal(0, 2e-11, len(NAMES))
    noise = rng.normal(0, 3e-12, (count, len(NAMES)))
    return np.stack([datum[name[0]] for name in NAMES], axis=1) + constants + noise, datum, constants, noise


def test_clocks_after_datum_and_constants():
    rng = np.random.default_rng(6)
    clock, datum, constants, noise = simulated_clocks(rng)
    clock[40:50, 0] = np.nan
    clock[20, 1] += 1e-9
    clock[60:64, 5] -= 3e-10
    found = compare_clocks(clock, epochs(900.0, 96), NAMES)
    rows = {row.name: row for row in found.constellations}
    assert list(rows) == ["G", "R", "E"]
    assert [record.satellite for record in found.standing_out] == ["G02", "R02", "R02", "R02", "R02"]
    assert found.standing_out[0].difference_s == pytest.approx(1e-9, rel=0.03)
    assert found.standing_out[1].difference_s == pytest.approx(-3e-10, rel=0.1)
    assert rows["G"].records == 4 * 96 - 10
    # Four satellites share one datum an epoch, so a quarter of the variance goes into it.
    assert rows["G"].rms_within_threshold_s == pytest.approx(3e-12 * np.sqrt(3 / 4), rel=0.1)
    assert rows["G"].rms_without_constants_s > 4e-11
    assert rows["R"].standing_out == 4
    gps = constants[:4] - constants[:4].mean()
    found_constants = np.array([row.constant_s for row in found.satellites])
    np.testing.assert_allclose(found_constants[:4], gps, atol=2e-12)
    assert rows["G"].rms_s > rows["G"].rms_within_threshold_s
    np.testing.assert_allclose(found.datum_s["R"], datum["R"] + constants[4:7].mean(), atol=8e-12)
    assert noise.shape == found.difference_s.shape


def test_a_single_satellite_of_a_constellation_tells_nothing():
    clock = np.zeros((5, 3))
    found = compare_clocks(clock, epochs(900.0, 5), ("G01", "G02", "R01"))
    assert [row.name for row in found.constellations] == ["G"]
    assert [row.name for row in found.satellites] == ["G01", "G02"]
    assert np.all(np.isnan(found.difference_s[:, 2]))
    assert compare_clocks(clock[:, :1], epochs(900.0, 5), ("G01",)) is None
    assert compare_clocks(np.full((5, 2), np.nan), epochs(900.0, 5), ("G01", "G02")) is None


def test_radial_correction_takes_orbit_errors_out_of_the_clocks():
    rng = np.random.default_rng(7)
    second = orbit(NAMES, clock_s=np.zeros((96, len(NAMES))))
    axes = radial_along_cross(second.position_m, second.epochs_gps)
    radial = rng.normal(0.0, 0.03, (96, len(NAMES)))
    # A clock estimated with an orbit that is too high by d is late by d / c: the range to the ground stays the same.
    first = with_clocks(moved(second, axes[..., 0, :] * radial[..., None]), radial / SPEED_OF_LIGHT_M_PER_S)
    plain, corrected = (compare_orbits(first, second, radial_correction=on).clocks for on in (False, True))
    assert corrected.radial_correction
    assert not plain.radial_correction
    assert plain.constellations[0].rms_without_constants_s > 5e-11
    assert corrected.constellations[0].rms_without_constants_s < 1e-15


def test_result_is_plain_json():
    rng = np.random.default_rng(8)
    clock, *_ = simulated_clocks(rng)
    clock[20, 1] += 1e-9
    second = orbit(NAMES, clock_s=np.zeros((96, len(NAMES))))
    plain = compare_orbits(
        with_clocks(moved(second, rng.normal(0, 0.01, second.position_m.shape)), clock), second
    ).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["sign"] == "first - second"
    assert plain["clocks"]["standing_out"] == [
        {"satellite": "G02", "epoch_gps": "2024-09-19T05:00:00", "difference_s": pytest.approx(1e-9, rel=0.03)}
    ]
    assert {row["constellation"] for row in plain["clocks"]["datum"]} == {"G", "R", "E"}
    assert plain["satellites"][0]["raw"]["coordinate_rms_m"] == pytest.approx(0.01, rel=0.2)

"""Sun, Moon and conical shadows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.orbits import eclipses
from fiducial.orbits.eclipses import find_eclipses, lit_fraction, shadow_angles, sun_and_moon
from fiducial.orbits.orbit import Orbit
from keplerian import epochs, orbit

ARCMINUTE = np.pi / 180.0 / 60.0


def longitude_latitude(vector):
    return np.degrees(np.arctan2(vector[..., 1], vector[..., 0])), np.degrees(
        np.arcsin(vector[..., 2] / np.linalg.norm(vector, axis=-1))
    )


def test_sun_stands_where_the_almanac_has_it():
    # Equation of time 6 min 23 s and declination 1 deg 10.5' on 2024-09-19 12:00 UTC; solstice at 20:51 UTC, 23.438 deg.
    sun, _ = sun_and_moon(np.array(["2024-09-19T12:00:18", "2024-06-20T20:51:18"], dtype="datetime64[ns]"))
    longitude, latitude = longitude_latitude(sun)
    assert longitude[0] == pytest.approx(-(6 * 60 + 23) / 240, abs=0.02)
    assert latitude == pytest.approx([1.175, 23.438], abs=0.01)
    assert np.linalg.norm(sun[0]) == pytest.approx(150.258e9, rel=1e-4)


def test_sun_moon_and_earth_are_in_line_at_the_solar_eclipse_of_2024():
    # Greatest eclipse 2024-04-08 18:17:18 UTC at 25.29 N 104.14 W (gamma 0.343): the shadow's axis ends there.
    sun, moon = sun_and_moon(np.array(["2024-04-08T18:17:36"], dtype="datetime64[ns]"))
    axis = (moon - sun)[0] / np.linalg.norm(moon - sun)
    middle = -(moon[0] @ axis)
    impact = moon[0] + middle * axis
    assert np.linalg.norm(impact) / 6.378e6 == pytest.approx(0.343, abs=0.005)
    on_ground = impact - np.sqrt(6.3745e6**2 - impact @ impact) * axis
    longitude, latitude = longitude_latitude(on_ground)
    assert longitude == pytest.approx(-104.14, abs=0.1)
    assert latitude == pytest.approx(25.14, abs=0.1)


def test_lit_fraction_of_overlapping_discs():
    sun = np.full(6, 1.0)
    body = np.array([1.0, 1.0, 2.0, 0.5, 0.5, 1.0])
    separation = np.array([1.0, 2.0, 0.9, 0.3, 1.4, 0.0])
    lit = eclipses._lit_fraction(sun, body, separation)
    half_and_half = 1.0 - (2 * np.pi / 3 - np.sqrt(3) / 2) / np.pi
    assert lit[[0, 1, 2, 3, 5]] == pytest.approx([half_and_half, 1.0, 0.0, 0.75, 0.0], abs=1e-12)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 801), np.linspace(-1, 1, 801)))
    disc = np.sum(grid**2, axis=0) <= 1.0
    hidden = (grid[0] - 1.4) ** 2 + grid[1] ** 2 <= 0.25
    assert lit[4] == pytest.approx(1.0 - (disc & hidden).sum() / disc.sum(), abs=1e-3)


def test_cone_behind_the_earth():
    sun = np.array([1.496e11, 0.0, 0.0])
    height = np.array([0.0, 6.2e6, 6.37e6, 6.55e6, 0.0])
    away = np.array([-26.56e6, -26.56e6, -26.56e6, -26.56e6, 26.56e6])
    place = np.stack([away, height, np.zeros(5)], axis=1)
    angles = shadow_angles(place, sun, np.zeros(3), 6.371e6)
    # The umbra narrows and the penumbra widens by 26560 km * (Rsun -+ Re) / distance = 122 and 125 km.
    assert np.sign(angles.umbra_rad).tolist() == [-1, -1, 1, 1, 1]
    assert np.sign(angles.penumbra_rad).tolist() == [-1, -1, -1, 1, 1]
    assert angles.lit_fraction[[0, 1, 3, 4]].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert 0.3 < angles.lit_fraction[2] < 0.7


@pytest.mark.parametrize("step", [300.0, 900.0])
def test_contacts_do_not_depend_on_the_sampling(step):
    satellites = [f"G{i:02d}" for i in range(1, 33)]
    fine = find_eclipses(orbit(satellites, 30.0, 2881))
    coarse = find_eclipses(orbit(satellites, step, int(86_400 / step) + 1))
    assert len(coarse) == len(fine) > 10
    for a, b in zip(coarse, fine, strict=True):
        assert (a.satellite, a.body, a.kind) == (b.satellite, b.body, b.kind)
        assert abs(a.begin_gps - b.begin_gps) < np.timedelta64(3, "s")
        assert abs(a.end_gps - b.end_gps) < np.timedelta64(3, "s")


def test_an_eclipse_between_two_epochs_is_found():
    # Grazing orbits: the angle of the Sun above the plane decides how long the eclipse lasts.
    sun, _ = sun_and_moon(epochs(300.0, 1))
    across = np.cross(sun[0], [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    towards = sun[0] / np.linalg.norm(sun[0])
    up = np.cross(towards, across)
    found = {}
    for name, step in (("fine", 20.0), ("coarse", 900.0)):
        seconds = np.arange(int(18_000 / step) + 1) * step
        tracks = []
        for miss in np.linspace(6.2e6, 6.6e6, 15):
            # A straight pass behind the Earth at 3.9 km/s, in the middle of two coarse epochs.
            along = 3_900.0 * (seconds - 9_450.0)
            spin = -7.2921151467e-5 * seconds
            still = -26e6 * towards + along[:, None] * across + miss * up
            tracks.append(np.stack([
                np.cos(spin) * still[:, 0] - np.sin(spin) * still[:, 1],
                np.sin(spin) * still[:, 0] + np.cos(spin) * still[:, 1], still[:, 2]], axis=1))  # fmt: skip
        satellites = tuple(f"G{i:02d}" for i in range(1, 16))
        clock = np.full((seconds.size, 15), np.nan)
        passes = Orbit(epochs(step, seconds.size), satellites, np.stack(tracks, axis=1), clock)
        found[name] = {e.satellite: e for e in find_eclipses(passes)}
    assert set(found["fine"]) == set(found["coarse"])
    shortest = min(e.end_gps - e.begin_gps for e in found["coarse"].values())
    assert shortest < np.timedelta64(900, "s")
    for satellite, eclipse in found["coarse"].items():
        assert abs(eclipse.begin_gps - found["fine"][satellite].begin_gps) < np.timedelta64(60, "s")
        assert eclipse.kind == found["fine"][satellite].kind
    assert {e.kind for e in found["coarse"].values()} == {"full", "partial"}


def test_moon_full_partial_and_annular():
    times = epochs(300.0, 25, np.datetime64("2024-04-08T17:00:00", "ns"))
    sun, moon = sun_and_moon(times)
    axis = (moon - sun) / np.linalg.norm(moon - sun, axis=1, keepdims=True)
    side = np.cross(axis, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    sweep = np.linspace(-1.0, 1.0, 25)[:, None] * 20e6
    tracks = np.stack(
        [
            moon + 330e6 * axis + sweep * side,
            moon + 330e6 * axis + sweep * side + 1.5e6 * np.cross(side, axis),
            moon + 420e6 * axis + sweep * side,
            moon + 330e6 * axis + sweep * side + 20e6 * np.cross(side, axis),
        ],
        axis=1,
    )
    found = find_eclipses(Orbit(times, ("G01", "G02", "G03", "G04"), tracks, np.full((25, 4), np.nan)))
    by_moon = {e.satellite: e for e in found if e.body == "Moon"}
    assert {name: e.kind for name, e in by_moon.items()} == {"G01": "full", "G02": "partial", "G03": "annular"}
    assert by_moon["G01"].least_lit_fraction == 0.0
    assert 0.0 < by_moon["G03"].least_lit_fraction < by_moon["G02"].least_lit_fraction < 1.0


def test_ends_of_the_data_and_gaps_are_said():
    whole = orbit(["G01", "G02", "G03", "G04", "G05", "G06"], 300.0, 289)
    first = next(e for e in find_eclipses(whole) if not e.begins_earlier and e.kind == "full")
    column = whole.satellites.index(first.satellite)
    inside = np.flatnonzero((whole.epochs_gps > first.begin_gps) & (whole.epochs_gps < first.end_gps))
    begin = inside[len(inside) // 2]
    cut = Orbit(whole.epochs_gps[begin:], whole.satellites, whole.position_m[begin:], whole.clock_s[begin:])
    late = next(e for e in find_eclipses(cut) if e.satellite == first.satellite)
    assert late.begins_earlier
    assert late.begin_gps == whole.epochs_gps[begin]
    assert abs(late.end_gps - first.end_gps) < np.timedelta64(1, "s")
    position = whole.position_m.copy()
    position[begin, column] = np.nan
    gap = [e for e in find_eclipses(Orbit(whole.epochs_gps, whole.satellites, position, whole.clock_s))
           if e.satellite == first.satellite and first.begin_gps - np.timedelta64(60, "s") < e.begin_gps < first.end_gps]  # fmt: skip
    assert [(e.begins_earlier, e.ends_later) for e in gap] == [(False, True), (True, False)]
    assert gap[0].end_gps == whole.epochs_gps[begin - 1]
    assert abs(gap[0].begin_gps - first.begin_gps) < np.timedelta64(20, "s")


def test_lit_fraction_of_records_agrees_with_the_list():
    day = orbit(["G01", "G02", "G03"], 300.0, 288)
    lit = lit_fraction(day)
    for column, satellite in enumerate(day.satellites):
        inside = np.zeros(288, dtype=bool)
        for e in find_eclipses(day):
            if e.satellite == satellite:
                inside |= (day.epochs_gps >= e.begin_gps) & (day.epochs_gps <= e.end_gps)
        np.testing.assert_array_equal(lit[:, column] < 1.0, inside)


def test_eclipse_is_ready_for_json():
    record = find_eclipses(orbit([f"G{i:02d}" for i in range(1, 9)]))[0].to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["body"] == "Earth"
    assert 0.0 < record["duration_min"] < 70.0


def test_one_epoch_has_no_eclipse():
    with pytest.raises(InputError, match="FID-1210"):
        find_eclipses(orbit(["G01"], 300.0, 1))


def test_two_epochs_and_missing_satellites_are_enough():
    pair = orbit(["G01", "G02"], 300.0, 2)
    position = pair.position_m.copy()
    position[:, 1] = np.nan
    assert isinstance(find_eclipses(Orbit(pair.epochs_gps, pair.satellites, position, pair.clock_s)), tuple)

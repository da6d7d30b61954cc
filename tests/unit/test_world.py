"""The parts of simulated worlds: earthquake, layout, truth, series, orbits, bursts, and what is refused."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.errors import FormatError, InputError
from fiducial.formats import sinex_summary, sinex_summary_writer, tenv, tenv_writer
from fiducial.geodesy.plate_pole import estimate_rotations, euler_pole
from fiducial.orbits.frame_summary import Rejection
from fiducial.runs import world, world_truth
from fiducial.runs.world_bursts import burst_blocks, make_burst, spoiled
from fiducial.runs.world_centres import make_centres
from fiducial.runs.world_earthquake import Earthquake, point_dislocation
from fiducial.runs.world_files import WorldMaker
from fiducial.runs.world_layout import BURST_LENGTH_M, plan_bursts, region_half_m, shape_of
from fiducial.runs.world_network import PLATE, REGIONAL, make_network, velocity_table
from fiducial.runs.world_options import PARTS, WorldOptions, world_options
from fiducial.runs.world_orbits import centre_orbit, earth_rotation, true_orbit, true_pole_rad
from fiducial.runs.world_series import flicker_noise, station_series
from fiducial.runs.world_solutions import centre_solution, frame_summary, seen_by, week_of
from fiducial.runs.world_truth import load_truth, make_truth
from small_world import ENOUGH, TINY


@pytest.fixture(scope="module")
def truth():
    return make_truth(ENOUGH)


@pytest.fixture(scope="module")
def network(truth):
    return make_network(truth)


def test_point_sources_over_a_rectangle_are_the_printed_values_of_okada():
    node, weight = np.polynomial.legendre.leggauss(40)
    along, up_dip = np.meshgrid((node + 1) * 1.5, node + 1)
    weights = np.outer(weight, weight) * 1.5
    dip = np.deg2rad(70.0)
    found = point_dislocation(2 - along, 3 - up_dip * np.cos(dip), 4 - up_dip * np.sin(dip), 70.0)
    # Okada (1985), table 2, case 2.
    printed = ([-8.689e-3, -4.298e-3, -2.747e-3], [-4.682e-3, -3.527e-2, -3.564e-2])
    for one, wanted in zip(found, printed, strict=True):
        assert np.allclose((one * weights[..., None]).sum(axis=(0, 1)), wanted, rtol=0, atol=6e-6)


def test_a_thrust_lifts_what_is_above_it_and_strike_turns_with_the_map():
    quake = Earthquake("2021-01-01", 0.0, 0.0, 8e3, 0.0, 45.0, 90.0, 5.5)
    assert quake.displacement_enu_mm([0.0], [0.0])[0, 2] > 1.0
    turned = replace(quake, strike_deg=90.0)
    east, north = 3e3, 5e3
    before = quake.displacement_enu_mm([east], [north])[0]
    # A quarter turn clockwise takes (east, north) to (north, -east), places and vectors alike.
    after = turned.displacement_enu_mm([north], [-east])[0]
    assert np.allclose(after, [before[1], -before[0], before[2]])


@pytest.mark.parametrize("bursts", [2, 3, 4, 7, 200])
def test_the_grid_holds_all_bursts_and_neighbours_overlap(bursts):
    columns, rows = shape_of(bursts)
    plans = plan_bursts(bursts)
    assert len(plans) == bursts <= 2 * columns * rows
    assert len({(one.track.number, one.track.swath, one.number) for one in plans}) == bursts
    for one, other in pairwise(plans):
        if (one.track, one.row + 1) == (other.track, other.row):
            corner = other.corners_m()[[0]]
            along, _ = one.track.radar_coordinates(corner[:, 0], corner[:, 1], one.origin_m)
            assert 1_000.0 < BURST_LENGTH_M - along[0] < 4_000.0
            assert np.allclose(one.ramp_coordinates(*corner.T), other.ramp_coordinates(*corner.T))
    corners = np.concatenate([one.corners_m() for one in plans])
    assert np.ptp(corners[:, 0]) < 3.0 * region_half_m(bursts)[0]


@pytest.mark.parametrize(("size", "changes"), [("small", {"bursts": 1}), ("huge", {}), ("small", {"colour": 3}),
                                               ("small", {"seed": -1})])  # fmt: skip
def test_impossible_sizes_are_refused(size, changes):
    with pytest.raises(InputError) as error:
        world_options(size, **changes)
    assert error.value.code == "FID-1430"


def test_every_file_is_of_a_part_and_no_other_part_is_known():
    maker = WorldMaker(TINY)
    assert {one.path for part in PARTS for one in maker.files(part)} == {one.path for one in maker.files()}
    with pytest.raises(InputError, match=r"(?s)FID-1430.*choose insar"):
        maker.files("clouds")


def test_bowls_out_of_reach_add_nothing_to_the_last_bit(monkeypatch):
    far = make_truth(replace(TINY, bursts=200))
    east, north = (np.array(one) for one in (np.linspace(4.0e6, 4.05e6, 50), np.linspace(2.5e6, 2.52e6, 50)))
    quick = far.local_velocity_enu_mm_per_yr(east, north)
    reached = sum(not world_truth._out_of_reach(one, east, north) for one in far.bowls)
    assert reached < len(far.bowls)
    assert far.local_velocity_enu_mm_per_yr(np.array([]), np.array([])).shape == (0, 3)
    monkeypatch.setattr(world_truth, "_out_of_reach", lambda *_: False)
    assert far.local_velocity_enu_mm_per_yr(east, north).tobytes() == quick.tobytes()


def test_options_that_are_none_are_those_of_the_size():
    assert world_options("medium", bursts=None) == world_options("medium")
    assert world_options("medium", bursts=6).bursts == 6


def test_truth_is_read_back_and_an_edited_one_is_refused(tmp_path, truth):
    (tmp_path / "truth.json").write_text(truth.to_json())
    assert load_truth(tmp_path) == truth
    (tmp_path / "truth.json").write_text(truth.to_json().replace("magnitude", "size"))
    with pytest.raises(InputError, match="FID-1433"):
        load_truth(tmp_path)
    (tmp_path / "truth.json").write_text("{")
    with pytest.raises(InputError, match="FID-1433"):
        load_truth(tmp_path)
    with pytest.raises(InputError, match="FID-1432"):
        load_truth(tmp_path / "nothing")


def test_folders_of_other_things_and_of_other_worlds_are_left_alone(tmp_path, truth):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="FID-1432"):
        world.simulate_world(TINY, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "truth.json").write_text(truth.to_json())
    with pytest.raises(InputError, match=r"FID-1431.*seed 5, not 3"):
        world.simulate_world(TINY, other)
    with pytest.raises(InputError, match="FID-1430"):
        world.simulate_world(TINY, tmp_path / "new", jobs=0)


def test_a_killed_process_is_told(tmp_path, monkeypatch):
    class Broken:
        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def submit(self, *_):
            future = Future()
            future.set_exception(BrokenProcessPool("killed"))
            return future

        def shutdown(self, **_):
            pass

    monkeypatch.setattr(world, "ProcessPoolExecutor", Broken)
    with pytest.raises(InputError, match="FID-1434"):
        world.simulate_world(TINY, tmp_path / "world")


def test_stations_of_the_plate_have_its_pole_and_the_table_its_errors(truth, network):
    rows = network.of_kind(PLATE)
    fit = estimate_rotations(
        network.position_m[rows], network.longitude_deg[rows], network.latitude_deg[rows],
        network.velocity_mm_per_yr[rows, :2], robust=False,
    )  # fmt: skip
    assert np.allclose(fit.plates[0].rotation_mas_per_yr, truth.rotation_mas_per_yr, atol=1e-4)
    assert truth.to_dict()["euler_pole"]["longitude_deg"] == euler_pole(truth.rotation_mas_per_yr)[0]
    table = velocity_table(truth, network, "ETRF2000")
    of = network.of_kind(REGIONAL, PLATE)
    pull = (table.velocity_enu_mm_per_yr - network.velocity_in("ETRF2000")[of]) / np.sqrt(
        np.diagonal(table.covariance_enu, axis1=1, axis2=2)
    )
    assert 0.7 < np.sqrt(np.mean(pull**2)) < 1.3
    assert np.abs(network.velocity_in("ETRF2000")[of][:, :2]).max() < 3.0


def test_series_hold_motion_step_and_noise(truth, network):
    rows = network.of_kind(REGIONAL)[:2]
    for row in rows.tolist():
        series = station_series(truth, network, row)
        moved = network.displacement_mm(truth, row, series.epochs)
        changed = network.antenna_day[row]
        if not np.isnat(changed):
            moved += np.outer(series.epochs >= changed, network.antenna_mm[row])
        rest = 1e3 * series.displacement_m - moved
        assert (np.median(np.abs(rest - np.median(rest, axis=0)), axis=0) < [5.0, 5.0, 15.0]).all()
    assert np.linalg.norm(network.earthquake_mm[rows], axis=1).max() > 2.0


def test_flicker_noise_has_the_amplitude_that_was_asked_for():
    rng = np.random.default_rng(1)
    noise = flicker_noise(rng, 4_000, (1.0,) * 40)
    # Differences over a day of flicker noise: 2 sigma^2 (1 - rho) with the innovation dominating.
    step = np.std(np.diff(noise, axis=0))
    assert 0.8 < step / 365.25**-0.25 < 1.4


def test_tenv3_is_read_as_it_was_written_and_refuses_what_it_cannot_hold(truth, network):
    series = station_series(truth, network, 0)
    back = tenv.read(tenv_writer.to_bytes(series), name=f"{series.station}.IGS20.tenv3")
    assert np.array_equal(back.displacement_m, series.displacement_m)
    assert np.array_equal(back.sigma_m, series.sigma_m)
    assert np.array_equal(back.epochs, series.epochs)
    assert np.allclose(back.reference_xyz_m, series.reference_xyz_m, atol=1e-4)
    assert (back.frame, back.findings) == ("IGS20", ())
    broken = [
        replace(series, station="LONGNAME"), replace(series, time_scale="UTC"),
        replace(series, displacement_m=series.displacement_m + 1e3),
        replace(series, epochs=series.epochs + np.timedelta64(1, "h")),
        replace(series, epochs=series.epochs + np.timedelta64(100_000, "D")),
        replace(series, sigma_m=np.full_like(series.sigma_m, np.nan)),
    ]  # fmt: skip
    for one in broken:
        with pytest.raises(FormatError, match="FID-2498"):
            tenv_writer.to_bytes(one)


def test_a_summary_is_read_as_it_was_written(truth, network):
    centres = make_centres(ENOUGH)
    week = week_of(ENOUGH.centre_days()[0])
    summary = frame_summary(truth, network, centres, week)
    back = sinex_summary.read(sinex_summary_writer.to_bytes(summary), name="SUM.YML")
    assert back.findings == ()
    assert (back.week, back.frame) == (week, "IGS20")
    for key, one in summary.transformations.items():
        assert np.allclose(back.transformations[key].rotation_rad, one.rotation_rad, rtol=0, atol=3e-14)
        assert np.allclose(back.transformations[key].translation_m, one.translation_m, rtol=0, atol=1e-7)
    assert np.allclose(back.rotation_rad("S02", ENOUGH.centre_days()[1]), centres[1].rotation_rad[1], atol=5e-11)
    with pytest.raises(FormatError, match="FID-2444"):
        sinex_summary_writer.to_bytes(replace(summary, rejections=(Rejection("S01", 0, ("R000",)),)))
    key, one = next(iter(summary.transformations.items()))
    with pytest.raises(FormatError, match="FID-2444"):
        sinex_summary_writer.to_bytes(replace(summary, transformations={key: replace(one, scale=np.nan)}))


def test_orbits_pole_and_stations_of_a_centre_turn_by_one_rotation(truth, network):
    centre = replace(make_centres(ENOUGH)[0], rotation_rad=np.full((2, 3), 20.0 * MILLIARCSECOND_RAD), bad_satellite="")
    day = ENOUGH.centre_days()[0]
    true = true_orbit(ENOUGH, day)
    turned = true.position_m + np.cross(-centre.rotation_rad[0], true.position_m)
    assert np.abs(centre_orbit(ENOUGH, centre, 0, true).position_m - turned).max() < 0.1
    pole = earth_rotation(ENOUGH, centre, 0, day)
    moved = np.array([pole.x_pole_rad[0], pole.y_pole_rad[0]]) - true_pole_rad(day)
    assert np.allclose(moved, -20.0 * MILLIARCSECOND_RAD, atol=0.3 * MILLIARCSECOND_RAD)
    solution = centre_solution(truth, network, centre, 0)
    xyz = network.geocentric_m(truth, solution.positions().epochs_utc[0])[seen_by(truth, network, centre)]
    expected = xyz + np.cross(-centre.rotation_rad[0], xyz)
    assert np.abs(solution.positions().xyz - expected).max() < 0.05
    # Pole and datum differ by sixteen orders of magnitude: only the stations can be looked at together.
    assert np.linalg.eigvalsh(solution.covariance[:-2, :-2])[0] > 1e-7


def test_blocks_of_a_burst_make_one_burst(truth):
    model = make_burst(truth, plan_bursts(4)[0])
    blocks = list(burst_blocks(truth, model, block=400))
    places = np.concatenate([np.column_stack([one.attributes["line"], one.attributes["pixel"]]) for one in blocks])
    assert len(places) == ENOUGH.points == len(np.unique(places, axis=0))
    assert (np.diff(places[:, 0]) >= 0).all()
    assert places[:, 0].max() > 1_400
    assert all(one.displacement_mm.shape[0] == model.epochs.size for one in blocks)


def test_snow_spoils_the_winters_that_were_chosen_and_high_points_only(truth):
    model = make_burst(truth, plan_bursts(4)[1])
    block = next(burst_blocks(truth, model))
    winter, high = spoiled(truth, model.epochs), block.attributes["height"] > truth.snow_line_m + 1.0
    assert winter.any()
    assert not winter.all()
    missing = np.isnan(block.displacement_mm)
    assert 0.3 < missing[winter][:, high].mean() < 0.5
    assert missing[winter][:, ~high].mean() < 0.02
    assert missing[~winter].mean() < 0.01


def test_bursts_of_a_track_agree_where_they_overlap_but_for_their_offsets(truth):
    one, other = (make_burst(truth, plan) for plan in plan_bursts(4)[:2])
    east, north = other.plan.corners_m()[:2].mean(axis=0).reshape(2, 1)
    rest = one.surface_mm_per_yr(east, north) - other.surface_mm_per_yr(east, north)
    assert rest[0] == pytest.approx(one.offset_mm_per_yr - other.offset_mm_per_yr)


def test_every_file_is_named_once_and_says_what_it_simulates():
    files = WorldMaker(WorldOptions(days=9)).files()
    assert len({one.path for one in files}) == len(files)
    assert all(one.simulates and one.units for one in files)
    assert sum(one.kind == "frame summary" for one in files) == 9

"""Folds hide a square whole, judges are not chosen by what they say, and every station is judged once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.motion.calibration.evidence import contradicted_stations, positions, samples_of, sites
from fiducial.motion.calibration.holdout import blocked_folds, judge_stations
from fiducial.motion.calibration.judging import Trial, Trials, predict, prepare
from fiducial.motion.calibration.scoring import make_plan
from scored_world import copy_gnss, do_nothing, evidence
from synthetic_network import network

CRS = "EPSG:3035"


def everyone(stations):
    return np.ones(stations.size, dtype=bool)


def test_folds_are_squares_disjoint_and_cover_every_judge():
    stations, _ = network(1, 150, noise=False)
    judge = np.random.default_rng(2).random(150) < 0.6
    folds = blocked_folds(stations, CRS, judge)
    assert folds.count >= 10
    assert folds.block_km == 100.0
    assert set(folds.number[judge]) == set(range(folds.count))
    square = np.floor(positions(stations, CRS) / 1e5).astype(int)
    for number in range(folds.count):
        inside = {tuple(row) for row in square[folds.number == number]}
        outside = {tuple(row) for row in square[folds.number != number]}
        assert not inside & outside
    assert str(folds.count) in folds.note
    assert 5.0 < folds.nearest_km < 100.0


def test_many_squares_are_dealt_evenly():
    stations, _ = network(1, 400, noise=False)
    folds = blocked_folds(stations, CRS, everyone(stations), most=12)
    assert folds.count == 12
    assert folds.blocks > 12
    judges = np.bincount(folds.number)
    assert judges.max() < 2 * judges.min()


def test_squares_shrink_until_there_are_ten():
    stations, _ = network(1, 60, longitude=(12.0, 13.0), latitude=(43.0, 44.0), noise=False)
    folds = blocked_folds(stations, CRS, everyone(stations))
    assert folds.count >= 10
    assert folds.block_km < 50.0


def test_folds_do_not_depend_on_the_order_of_the_table():
    stations, _ = network(1, 80, noise=False)
    order = np.random.default_rng(0).permutation(80)
    together, shuffled = (blocked_folds(one, CRS, everyone(one)).number for one in (stations, stations.select(order)))
    groups = [{frozenset(stations.names[together == k]) for k in range(together.max() + 1)},
              {frozenset(stations.names[order][shuffled == k]) for k in range(shuffled.max() + 1)}]  # fmt: skip
    assert groups[0] == groups[1]


def test_stations_of_one_site_are_never_parted():
    stations, _ = network(1, 60, noise=False)
    twins = replace(
        stations.select(np.r_[0:60, 0:60]), latitude_deg=np.r_[stations.latitude_deg, stations.latitude_deg + 7e-4]
    )
    site = sites(twins, CRS)
    assert (site[:60] == site[60:]).all()
    assert len(np.unique(site)) == 60
    folds = blocked_folds(twins, CRS, everyone(twins), sizes_km=(0.1,))
    assert (folds.number[:60] == folds.number[60:]).all()


def test_judges_in_one_place_cannot_be_held_out():
    stations, _ = network(1, 4, longitude=(12.0, 12.001), latitude=(43.0, 43.001), noise=False)
    with pytest.raises(InputError, match="FID-1120"):
        blocked_folds(stations, CRS, everyone(stations))
    with pytest.raises(InputError, match="FID-1120"):
        blocked_folds(stations, CRS, ~everyone(stations))


def test_every_sample_is_judged_once_and_never_trained_on():
    plan = make_plan(evidence())
    assert sorted(plan.judged) == list(range(samples_of(plan.evidence.tracks).size))
    for number in range(len(plan.hold_out_trials)):
        made, trial = plan.hold_out_trials[number], plan.hold_out_trials.trial(number)
        held = plan.evidence.stations.names[np.unique(made.judges.samples.station)]
        assert not set(held) & set(made.training.stations.names)
        assert not set(held) & set(made.training.field.stations.names)
        assert not set(held) & {str(name) for track in made.training.tracks for name in track.samples.names}
        for track in made.training.tracks:
            assert (made.training.stations.names[track.samples.station] == track.samples.names).all()
        assert not trial.train[made.judges.samples.station].any()


def test_a_judge_is_not_dropped_because_it_disagrees():
    """A station 20 mm/yr off is reported apart, because GNSS contradicts it; one without a sigma cannot judge."""
    world = evidence()
    victim = int(world.tracks[0].samples.station[5])
    mute = int(world.tracks[0].samples.station[9])
    velocity, covariance = world.stations.velocity_enu_mm_per_yr.copy(), world.stations.covariance_enu.copy()
    velocity[victim, 0] += 20.0
    covariance[mute] = np.nan
    stations = replace(world.stations, velocity_enu_mm_per_yr=velocity, covariance_enu=covariance)
    spoiled = replace(world, stations=stations)
    assert contradicted_stations(stations)[victim]
    judge = judge_stations(spoiled)
    assert judge[victim]
    assert not judge[mute]
    plan = make_plan(spoiled)
    rows = plan.samples.station[plan.judged] == victim
    assert rows.any()
    assert plan.contradicted[rows].all()
    assert np.abs(plan.gnss_only[rows]).min() > 8.0
    assert plan.contradicted.sum() < 3 * rows.sum()


def test_judges_of_their_own_are_the_only_ones_and_in_no_fit():
    world = evidence(judges_only=12)
    plan = make_plan(world)
    assert len(plan.hold_out_trials) == 1
    assert set(plan.samples.station[plan.judged]) <= set(range(12))
    assert plan.hold_out_trials[0].training.stations.size == world.stations.size - 12
    for number in range(len(plan.draws)):
        assert not plan.draws[number].trial.train[:12].any()
        assert set(plan.samples.station[plan.draws[number].trial.judged]) <= set(range(12))
    tracks = tuple(replace(one, samples=one.samples.select(one.samples.station >= 12)) for one in world.tracks)
    with pytest.raises(InputError, match="FID-1121"):
        make_plan(replace(world, tracks=tracks))


def test_a_judge_without_up_takes_it_from_the_others():
    world = evidence()
    velocity, covariance = world.stations.velocity_enu_mm_per_yr.copy(), world.stations.covariance_enu.copy()
    flat = int(world.tracks[0].samples.station[3])
    velocity[flat, 2] = np.nan
    covariance[flat, 2, :] = covariance[flat, :, 2] = np.nan
    samples = samples_of(world.tracks)
    rows = np.flatnonzero(samples.station == flat)
    trial = Trial(np.arange(world.stations.size) != flat, rows)
    flattened = replace(
        world, stations=replace(world.stations, velocity_enu_mm_per_yr=velocity, covariance_enu=covariance)
    )
    with_up, without = (prepare(one, samples, trial).judges for one in (world, flattened))
    assert without.velocity_mm_per_yr == pytest.approx(with_up.velocity_mm_per_yr, abs=0.8)
    field = prepare(flattened, samples, trial).training.field
    place = world.stations.longitude_deg[[flat]], world.stations.latitude_deg[[flat]]
    up = field.predict(*place).covariance_enu[0, 2, 2] + field.models[2].covariance.nugget ** 2
    sight = without.samples.medians.line_of_sight
    expected = with_up.variance + sight[:, 2] ** 2 * (up - world.stations.covariance_enu[flat, 2, 2])
    assert without.variance == pytest.approx(expected)
    assert np.isnan(without.enu_mm_per_yr[:, 2]).all()
    assert without.enu_mm_per_yr[:, :2] == pytest.approx(with_up.enu_mm_per_yr[:, :2])


def test_gnss_alone_and_a_copy_of_it_say_the_same():
    """A recipe that leaves nothing but the field is the GNSS-only baseline, up to the 3 km around a station."""
    plan = make_plan(evidence())
    made = plan.hold_out_trials[0]
    recipe = copy_gnss()
    result = recipe.fit(made.training.tracks, made.training.stations, made.training.field)
    # The nearest block stands for the held-out sample: its waves remain, the field does not.
    found = predict(result, plan.names, made.judges.samples, made.judges.own_up)
    residual = found.velocity_mm_per_yr - made.judges.velocity_mm_per_yr
    assert residual == pytest.approx(made.judges.gnss_only_residual_mm_per_yr, abs=4.5)
    untouched = predict(do_nothing().fit(made.training.tracks, made.training.stations, made.training.field), plan.names,
                        made.judges.samples, made.judges.own_up)  # fmt: skip
    assert (untouched.velocity_mm_per_yr == made.judges.samples.medians.velocity_mm_per_yr).all()
    assert untouched.variance == pytest.approx(0.5**2 + 1.0 + 0.3**2)


def test_trials_are_kept_as_long_as_memory_is_granted():
    world = evidence()
    samples = samples_of(world.tracks)
    trials = [Trial(np.arange(70) % 5 != k, np.flatnonzero(samples.station % 5 == k)) for k in range(5)]
    all_kept, one_kept = Trials(world, trials), Trials(world, trials, most_bytes=1.0)
    assert all_kept[0] is all_kept[0]
    first = one_kept[0]
    assert one_kept[0] is first
    assert one_kept[1] is not first
    assert one_kept[0] is not first

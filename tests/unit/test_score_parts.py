"""Closure, overlaps, leakage, thinning, bootstrap: each against a case whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion.calibration.bootstrap import rms_ratio
from fiducial.motion.calibration.closure import decompose
from fiducial.motion.calibration.evidence import samples_of, sites
from fiducial.motion.calibration.holdout import judge_stations
from fiducial.motion.calibration.leakage import Bowl, absorbed_share, bowl_centres, with_bowl
from fiducial.motion.calibration.overlaps import (
    BlockSurfaces,
    block_starts,
    common_cells,
    difference_after,
    difference_sigma,
    field_at_blocks,
    overlap_cells,
    surfaces_at_blocks,
)
from fiducial.motion.calibration.residuals import chi, robust_chi
from fiducial.motion.calibration.thinning import mean_with_interval, ratio_of_means, thinned_networks
from fiducial.motion.calibration.track_out import predict_left_out, tracks_to_leave_out
from scored_world import copy_gnss, do_nothing, evidence, offsets


def test_east_and_up_come_back_with_their_variance():
    rng = np.random.default_rng(0)
    places, draws = 3, 4000
    sight = np.stack([from_angles(inc, az) for inc, az in ((39.0, -10.0), (34.0, -12.0), (41.0, 190.0))])
    truth = np.array([[4.0, -2.0, 1.0], [0.0, 3.0, -5.0], [-1.0, 0.5, 0.0]])
    group = np.tile(np.repeat(np.arange(places), 3), draws) + places * np.repeat(np.arange(draws), 9)
    along = np.einsum("ri,ri->r", np.tile(sight, (places * draws, 1)), np.repeat(np.tile(truth, (draws, 1)), 3, axis=0))
    variance = np.tile([1.0, 0.25, 2.0], places * draws)
    north_error = np.repeat(rng.normal(0.0, 0.5, places * draws), 3)
    north = np.repeat(np.tile(truth[:, 1], draws), 3) + north_error
    velocity = along + rng.standard_normal(len(along)) * np.sqrt(variance)
    found = decompose(group, velocity, variance, np.tile(sight, (places * draws, 1)), north, np.full(len(along), 0.25))
    error = found.east_up_mm_per_yr - np.tile(truth[:, [0, 2]], (draws, 1))
    assert np.abs(error.mean(axis=0)).max() < 0.05
    # 12 000 draws: the variance is known to 1.3 %.
    assert np.var(error, axis=0) == pytest.approx(found.variance[0], rel=0.06)


def test_one_direction_decides_nothing():
    sight = np.stack([from_angles(39.0, -10.0), from_angles(35.0, -12.0), from_angles(39.0, 190.0)])
    group, one = np.array([0, 0, 1]), np.ones(3)
    assert len(decompose(group, one, one, sight, one, one).group) == 0
    both = decompose(np.array([4, 1, 4]), one, one, sight, np.zeros(3), np.zeros(3))
    assert both.group.tolist() == [4]
    missing = decompose(np.array([0, 0, 0]), np.array([1.0, 1.0, np.nan]), one, sight, one, one)
    assert len(missing.group) == 0


def test_overlaps_are_told_apart_by_direction_and_orbit():
    tracks = evidence().tracks
    tracks = (replace(tracks[0], track="7"), replace(tracks[1], track="7"), *tracks[2:])
    cells = overlap_cells(tracks, field_at_blocks(tracks, evidence().field))
    assert [(pair.names, pair.kind, pair.direction) for pair in cells.pairs] == [
        (("t0", "t1"), "bursts", "ascending"),
        (("t2", "t3"), "tracks", "descending"),
    ]
    assert cells.of("bursts", "ascending").sum() == (cells.pair == 0).sum() > 500
    assert not cells.of("tracks", "ascending").any()
    # Squares of 25 km hold 25 cells of 5 km each, and both pairs use the same squares.
    assert np.bincount(cells.cluster).max() <= 50
    # The tracks differ by 2 mm/yr; the ramps and waves they share cancel.
    assert np.median(cells.before_mm_per_yr[cells.pair == 0]) == pytest.approx(-2.0, abs=0.3)


def test_differences_after_and_their_sigma():
    world = evidence()
    cells = overlap_cells(world.tracks, field_at_blocks(world.tracks, world.field))
    result = do_nothing().fit(world.tracks, world.stations, world.field)
    surfaces = surfaces_at_blocks(result, world.tracks)
    assert (
        difference_after(cells, surfaces.surface_mm_per_yr, surfaces.surface_mm_per_yr) == cells.before_mm_per_yr
    ).all()
    assert difference_sigma(cells, surfaces) == pytest.approx(np.sqrt(2 * (0.5**2 + 1.0 + 0.3**2)))
    starts = block_starts(world.tracks)
    one = BlockSurfaces(*(np.arange(starts[-1], dtype=float) for _ in range(3)))
    after = difference_after(cells, one.surface_mm_per_yr, 0.0 * one.surface_mm_per_yr)
    assert after == pytest.approx(cells.before_mm_per_yr - cells.first)
    part = surfaces_at_blocks(do_nothing().fit(world.tracks[:1], world.stations, world.field), world.tracks)
    assert np.isfinite(part.surface_mm_per_yr).sum() == world.tracks[0].blocks.size


def test_the_fullest_cluster_stands_for_a_cell():
    one = evidence().tracks[0]
    twice = replace(
        one,
        cell=np.concatenate([one.cell, one.cell]),
        blocks=one.blocks.select(np.r_[0 : one.blocks.size, 0 : one.blocks.size]),
    )
    count = twice.blocks.point_count.copy()
    count[one.blocks.size :] += 1
    twice = replace(twice, blocks=replace(twice.blocks, point_count=count))
    rows, other = common_cells(twice, one)
    assert len(rows) == one.blocks.size
    assert (rows >= one.blocks.size).all()
    assert (twice.cell[rows] == one.cell[other]).all()


@pytest.mark.parametrize("sigma_km", [5.0, 40.0])
def test_leakage_of_recipes_that_do_nothing_and_everything(sigma_km):
    world = evidence()
    centre = bowl_centres(world.tracks)[0]
    bowl = Bowl(*centre, sigma_km)
    deformed = with_bowl(world.tracks, bowl)
    shares = {}
    for recipe in (do_nothing(), copy_gnss(), offsets()):
        without, with_it = (
            surfaces_at_blocks(recipe.fit(tracks, world.stations, world.field), world.tracks).surface_mm_per_yr
            for tracks in (world.tracks, deformed)
        )
        shares[recipe.name] = absorbed_share(world.tracks, bowl, with_it, without)
    assert shares["nothing"] == 0.0
    assert shares["copy"] == pytest.approx(1.0, abs=0.02)
    assert shares["egms"] < (0.02 if sigma_km < 10 else 0.3)


def test_the_bowl_is_vertical_motion_seen_by_all_tracks():
    world = evidence()
    bowl = Bowl(*bowl_centres(world.tracks)[0], 10.0)
    for before, after in zip(world.tracks, with_bowl(world.tracks, bowl), strict=True):
        blocks = before.blocks
        lift = after.blocks.velocity_mm_per_yr - blocks.velocity_mm_per_yr
        assert lift == pytest.approx(bowl.up_mm_per_yr(blocks.easting, blocks.northing) * blocks.line_of_sight[:, 2])
        near = np.argmin(np.hypot(blocks.easting - bowl.easting, blocks.northing - bowl.northing))
        assert -8.5 < lift[near] < -5.5
        assert (after.samples.medians.velocity_mm_per_yr <= before.samples.medians.velocity_mm_per_yr).all()


def test_centres_lie_inside_are_spread_and_do_not_depend_on_the_order():
    tracks = evidence().tracks
    centres = bowl_centres(tracks)
    assert len(centres) == 5
    assert bowl_centres(tracks[::-1]) == pytest.approx(centres)
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1)) + 1e9 * np.eye(5)
    assert apart.min() > 50e3
    for centre in centres:
        for track in tracks:
            near = np.hypot(track.blocks.easting - centre[0], track.blocks.northing - centre[1]) < 25e3
            assert near.sum() > 50  # of about 78 cells in a circle of 25 km
    lone = bowl_centres(tracks[:1])
    assert len(lone) == 5


def test_draws_are_the_same_disjoint_and_keep_sites_together():
    world = evidence()
    samples, judge = samples_of(world.tracks), judge_stations(world)
    draws = thinned_networks(world, samples, judge, repeats={4: 2, 16: 3, 500: 2})
    assert [draw.stations for draw in draws] == [4, 4, 16, 16, 16]
    again = thinned_networks(world, samples, judge, repeats={4: 2, 16: 3, 500: 2})
    site = sites(world.stations, world.crs)
    for draw, same in zip(draws, again, strict=True):
        assert (draw.trial.train == same.trial.train).all()
        assert len(np.unique(site[draw.trial.train])) == draw.stations
        assert not draw.trial.train[samples.station[draw.trial.judged]].any()
    assert (draws[0].trial.train != draws[1].trial.train).any()
    # Sizes that leave fewer than ten judges are not asked for.
    sampled = len(np.unique(samples.station))
    assert {draw.stations for draw in thinned_networks(world, samples, judge, repeats={sampled - 5: 1})} == set()


def test_a_left_out_track_is_predicted_from_both_directions_of_the_others():
    """The tracks see one field of east, north and up; the surfaces take their offsets away exactly."""
    world = evidence(noise=0.0)
    gnss = field_at_blocks(world.tracks, world.field)
    cells = overlap_cells(world.tracks, gnss)
    left = tracks_to_leave_out(world.tracks, cells)
    assert [one.track for one in left] == ["t0", "t1", "t2", "t3"]
    exact = surfaces_at_blocks(
        copy_gnss().fit(world.tracks, world.stations, world.field), world.tracks
    ).surface_mm_per_yr
    found = predict_left_out(world.tracks, left[0], exact, exact, gnss)
    assert len(found.block) > 500
    # The points of a cell are not the same in every track: their mean positions differ by kilometres.
    assert np.abs(found.residual_mm_per_yr).max() < 0.05
    assert np.abs(found.gnss_only_residual_mm_per_yr).max() < 1e-6
    shifted = exact + 1.0 * (np.arange(len(exact)) < world.tracks[0].blocks.size)
    assert predict_left_out(world.tracks, left[0], shifted, exact, gnss).residual_mm_per_yr == pytest.approx(
        -1.0, abs=0.05
    )
    # With one direction only nothing can be predicted, and nothing alone can be left out.
    pair, blocks = world.tracks[:2], block_starts(world.tracks)[2]
    half = replace(left[0], members=left[0].members[:2])
    assert len(predict_left_out(pair, half, exact[:blocks], exact[:blocks], gnss[:blocks]).block) == 0
    assert tracks_to_leave_out(world.tracks[:1], cells) == ()


def test_ratio_of_the_same_and_of_half():
    rng = np.random.default_rng(1)
    residual, unit = rng.standard_normal(300), np.repeat(np.arange(60), 5)
    same = rms_ratio(residual, residual, unit)
    assert (same.value, same.low, same.high, same.units) == (1.0, 1.0, 1.0, 60)
    half = rms_ratio(0.5 * residual, residual, unit)
    assert half.value == pytest.approx(0.5)
    assert half.high == pytest.approx(0.5)
    # What one of them lacks counts for neither.
    gap = np.where(np.arange(300) < 100, np.nan, residual)
    assert rms_ratio(gap, 2.0 * residual, unit).value == pytest.approx(0.5)
    assert np.isnan(rms_ratio(np.full(3, np.nan), np.ones(3), np.arange(3)).value)
    few = rms_ratio(residual[:8], 2.0 * residual[:8], np.arange(8) // 2)
    assert few.value == pytest.approx(0.5)
    assert np.isnan(few.low)
    assert few.to_dict()["low"] is None


def test_the_interval_covers_the_truth_and_knows_clusters():
    """95 % of the intervals hold the true ratio of 0.9; units that move together widen them."""
    rng = np.random.default_rng(4)
    covered, widths = 0, []
    for _ in range(120):
        base = np.repeat(rng.standard_normal(60), 4) + 0.3 * rng.standard_normal(240)
        other = 0.9 * base + 0.25 * np.repeat(rng.standard_normal(60), 4)
        truth = np.sqrt((0.9**2 * 1.09 + 0.25**2) / 1.09)
        found = rms_ratio(other, base, np.repeat(np.arange(60), 4), replicates=300)
        covered += found.low <= truth <= found.high
        alone = rms_ratio(other, base, np.arange(240), replicates=300)
        widths.append((found.high - found.low) / (alone.high - alone.low))
    assert 106 <= covered <= 119
    assert 1.5 < np.median(widths) < 2.5


def test_means_over_draws():
    curve = mean_with_interval(np.array([3.0, 3.2, 3.4, 3.2]))
    assert curve.mean_mm_per_yr == pytest.approx(3.2)
    # t(0.975, 3) = 3.182, sd 0.163, n 4
    assert curve.high_mm_per_yr - 3.2 == pytest.approx(3.182 * 0.16330 / 2, abs=1e-3)
    assert np.isnan(mean_with_interval(np.array([3.0, np.nan])).mean_mm_per_yr)
    ratio = ratio_of_means(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0]))
    assert ratio.mean_mm_per_yr == pytest.approx(0.5)
    assert ratio.low_mm_per_yr == pytest.approx(0.5)
    assert np.isnan(ratio_of_means(np.array([1.0, np.nan]), np.ones(2)).mean_mm_per_yr)


def test_chi_of_right_and_wrong_sigmas():
    residual = np.random.default_rng(0).standard_normal(20_000)
    sigma = np.ones(20_000)
    assert chi(2.0 * residual, sigma) == pytest.approx(2.0, abs=0.04)
    assert robust_chi(2.0 * residual, sigma) == pytest.approx(2.0, abs=0.05)
    residual[:50] = 100.0
    assert robust_chi(residual, sigma) == pytest.approx(1.0, abs=0.05)
    assert chi(residual, sigma) > 4.0
    assert np.isnan(chi(np.full(2, np.nan), np.ones(2)))
    assert np.isnan(robust_chi(np.full(2, np.nan), np.ones(2)))

"""From observed bursts to the recipe ``network``."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.burst_network import adjust_bursts
from fiducial.motion.calibration.burst_observations import network_from_tracks
from fiducial.motion.calibration.burst_planes import BurstPlanes
from fiducial.motion.calibration.surfaces import CorrectionSurface
from simulated_bursts import NORTHING, observe, plane, world


@cache
def calm():
    return world(0, noise=0.0)


def _without_stations(track):
    return replace(track, samples=track.samples.select(np.zeros(track.samples.size, dtype=bool)))


def _errors(tracks, result, truth, corner):
    out = []
    for number, (track, found) in enumerate(zip(tracks, result.tracks, strict=True)):
        east, north = track.blocks.easting, track.blocks.northing
        error = found.surface.surface_mm_per_yr(east, north) - plane(
            truth[number], corner[number], np.column_stack([east, north])
        )
        out.append((error, found.surface.sigma_mm_per_yr(east, north)))
    return out


def test_planes_of_bursts_are_recovered_without_noise():
    tracks, stations, field, truth, corner = calm()
    result = BurstPlanes().fit(tracks, stations, field)
    assert [found.surface.track for found in result.tracks] == [track.name for track in tracks]
    assert max(np.abs(error).max() for error, _ in _errors(tracks, result, truth, corner)) < 0.005
    again = CorrectionSurface.from_dict(result.tracks[3].surface.to_dict())
    assert again.surface_mm_per_yr(4.6e6, NORTHING) == result.tracks[3].surface.surface_mm_per_yr(4.6e6, NORTHING)
    for track, found in zip(tracks, result.tracks, strict=True):
        assert found.stations.used.sum() == track.samples.size
        assert np.abs(found.stations.after_mm_per_yr).max(initial=0.0) < 0.005
        assert found.degrees_of_freedom > 0


def test_pulls_with_noise_that_neighbouring_cells_share():
    """Variance factors estimated, white and 10-km noise, GNSS errors: the sigma of every correction holds."""
    squares, tie_factors = [], []
    for seed in range(24):
        tracks, stations, field, truth, corner = world(seed)
        result = BurstPlanes().fit(tracks, stations, field)
        tie_factors.append(result.hyper_parameters["tie_factor"])
        squares += [np.mean((error / sigma) ** 2) for error, sigma in _errors(tracks, result, truth, corner)]
    assert np.sqrt(np.mean(squares)) == pytest.approx(1.0, abs=0.10)
    assert np.mean(tie_factors) == pytest.approx(1.0, abs=0.10)


def test_ties_join_cells_that_bursts_share_and_nothing_else():
    tracks, stations, field, *_ = calm()
    network = network_from_tracks(tracks, stations, field).network
    cells = [{tuple(cell) for cell in track.cell.tolist()} for track in tracks]
    expected = {(i, j): len(cells[i] & cells[j]) for i in range(len(tracks)) for j in range(i + 1, len(tracks))}
    found = dict.fromkeys(expected, 0)
    for pair in zip(network.ties.first.tolist(), network.ties.second.tolist(), strict=True):
        found[min(pair), max(pair)] += 1
    assert found == expected
    assert len({pair for pair, count in found.items() if count}) > len(tracks)
    assert (network.ties.share < 1.0).any()
    assert network.ties.common_sigma_mm_per_yr.max() < 0.1


def test_ascending_and_descending_are_not_tied():
    tracks, stations, field, *_ = calm()
    other = [replace(t, name=t.name + "d", track="T9") for t in world(0, noise=0.0, heading=190.0)[0]]
    both = network_from_tracks([*tracks, *other], stations, field).network
    assert both.ties.size == 2 * network_from_tracks(tracks, stations, field).network.ties.size
    assert not np.any((both.ties.first < len(tracks)) != (both.ties.second < len(tracks)))
    # A station under an ascending and a descending burst counts in full for either.
    assert both.stations.share[: both.stations.size // 2] == pytest.approx(
        both.stations.share[both.stations.size // 2 :]
    )


def test_a_station_under_two_bursts_of_a_part_is_one_station():
    tracks, stations, field, *_ = calm()
    network = network_from_tracks(tracks, stations, field).network
    names, count = np.unique(network.stations.names, return_counts=True)
    twice = np.isin(network.stations.names, names[count == 2])
    variance = network.stations.gnss_covariance.diagonal()
    insar = network.stations.sigma_mm_per_yr**2 + network.stations.white_sigma_mm_per_yr**2
    assert twice.any()
    assert network.stations.share[twice] == pytest.approx(((insar + variance) / (insar + 2.0 * variance))[twice])
    assert network.stations.share[np.isin(network.stations.names, names[count == 1])] == pytest.approx(1.0)


def test_the_field_stands_in_where_a_part_has_no_station():
    tracks, stations, field, truth, corner = calm()
    half = [track if track.track == "T0" else _without_stations(track) for track in tracks]
    # Cut the second track off the first: the overlap of the two lies at the second's first swath.
    apart = [t for i, t in enumerate(half) if t.track == "T0" or corner[i][0] > 4_730_000.0]
    chosen = [i for i, t in enumerate(half) if t.track == "T0" or corner[i][0] > 4_730_000.0]
    with pytest.raises(InputError, match="FID-1130") as raised:
        BurstPlanes(use_field="never").fit(apart, stations, field)
    assert apart[12].name in str(raised.value)
    # One row a burst, for its offset: of two swaths it leaves the difference of their slopes undetermined.
    with pytest.raises(ArithmeticError, match="FID-3011"):
        BurstPlanes().fit(apart, stations, field)
    result = BurstPlanes(slope_sigma_mm_per_yr_per_100_km=3.0).fit(apart, stations, field)
    assert any(f"stands in for stations in {len(apart) - 12} bursts" in note for note in result.notes)
    for error, sigma in _errors(apart, result, truth[chosen], corner[chosen])[12:]:
        # Of offsets of 6 mm/yr and slopes of 3 mm/yr per 100 km, which the prior pulls towards zero.
        assert abs(error.mean()) < 0.5
        assert (np.abs(error) < 3.0 * sigma).all()
        assert (sigma > 0.05).all()
    lone = network_from_tracks(apart, stations, field, use_field="stationless").network
    needed = network_from_tracks(apart, stations, field, use_field="needed").network
    assert lone.from_field.size >= needed.from_field.size == len(apart) - 12
    # Together the rows of a part tell no more of the field than it knows: its variance does not fall with their number.
    part = needed.from_field.sigma_mm_per_yr[-8:]
    one = network_from_tracks([*apart[:12], apart[-1]], stations, field).network.from_field.sigma_mm_per_yr
    assert part[-1] > one[-1]


def test_no_station_in_reach_and_no_field():
    tracks, stations, field, *_ = calm()
    bare = [_without_stations(track) for track in tracks]
    with pytest.raises(InputError, match="FID-1061"):
        BurstPlanes(use_field="never").fit(bare, stations, field)
    flat = replace(
        stations, velocity_enu_mm_per_yr=np.where([True, True, False], stations.velocity_enu_mm_per_yr, np.nan)
    )
    with pytest.raises(InputError, match="FID-1061"):
        BurstPlanes().fit(bare, flat, VelocityField.fit(flat))


def test_a_burst_with_neither_overlap_nor_station_is_named():
    tracks, stations, field, *_ = calm()
    rng = np.random.default_rng(0)
    island = _without_stations(observe("ISLAND", 7, (4_500_000.0, 2_400_000.0), np.zeros(3), rng, noise=0.0))
    with pytest.raises(InputError, match="FID-1130") as raised:
        BurstPlanes(use_field="never").fit([*tracks, island], stations, field)
    assert "burst ISLAND" in str(raised.value)
    with pytest.raises(ArithmeticError, match="FID-3011") as singular:
        BurstPlanes().fit([*tracks, island], stations, field)
    assert "burst ISLAND" in str(singular.value)
    result = BurstPlanes(undetermined="offset").fit([*tracks, island], stations, field)
    surface = result.tracks[-1].surface
    assert surface.basis.terms == 1
    assert abs(surface.coefficients[0]) < 0.1
    assert "offset only" in result.tracks[-1].notes[0]


def test_only_the_main_cluster_of_a_burst_is_adjusted():
    tracks, stations, field, *_ = calm()
    track = tracks[4]
    east = track.blocks.easting > np.quantile(track.blocks.easting, 0.8)
    jumped = track.blocks.velocity_mm_per_yr + np.where(east, 9.0, 0.0)
    clustered = replace(track, blocks=replace(track.blocks, cluster=np.where(east, 7, 0), velocity_mm_per_yr=jumped))
    split = [clustered if other is track else other for other in tracks]
    whole, found = (BurstPlanes().fit(some, stations, field).tracks[4].surface for some in (tracks, split))
    place = np.array([4_470_000.0]), np.array([NORTHING + 9e3])
    assert found.surface_mm_per_yr(*place, np.array([0])) == pytest.approx(whole.surface_mm_per_yr(*place), abs=0.01)
    assert found.sigma_mm_per_yr(*place, np.array([7]))[0] > 4.9
    assert found.sigma_mm_per_yr(*place, np.array([0]))[0] < 2.0


def test_a_fixed_recipe_keeps_the_variance_factors():
    tracks, stations, field, *_ = world(1)
    result = BurstPlanes().fit(tracks, stations, field)
    fixed = BurstPlanes().fixed(result)
    assert fixed.factors == (result.hyper_parameters["tie_factor"], result.hyper_parameters["station_factor"])
    again = fixed.fit(tracks, stations, field)
    for one, two in zip(result.tracks, again.tracks, strict=True):
        # Not bit by bit: outliers are judged with the leverages that go with the factors.
        change = np.abs(one.surface.coefficients - two.surface.coefficients)
        assert (change < 0.15 * np.sqrt(np.diag(one.surface.covariance))).all()
    assert fixed.name == "network"


def test_stations_without_vertical_hold_less():
    tracks, stations, field, *_ = world(2)
    flat = replace(
        stations,
        velocity_enu_mm_per_yr=np.where([True, True, False], stations.velocity_enu_mm_per_yr, np.nan),
    )
    options = {"factors": (1.0, 1.0)}
    known = BurstPlanes(**options).fit(tracks, stations, field)
    blind = BurstPlanes(**options).fit(tracks, flat, VelocityField.fit(flat, up_prior_sigma_mm_per_yr=3.0))
    sigma = [np.median([np.sqrt(t.surface.covariance[0, 0]) for t in r.tracks]) for r in (known, blind)]
    assert sigma[1] > 1.2 * sigma[0]


def test_a_burst_without_blocks():
    tracks, stations, field, *_ = calm()
    empty = replace(tracks[0], cell=tracks[0].cell[:0], blocks=tracks[0].blocks.select(np.zeros(0, dtype=np.int64)))
    with pytest.raises(InputError, match="FID-1061"):
        BurstPlanes().fit([empty, *tracks[1:]], stations, field)


def test_velocities_of_very_many_blocks_come_through_a_grid(monkeypatch):
    tracks, stations, field, *_ = calm()
    direct = network_from_tracks(tracks, stations, field).network
    monkeypatch.setattr("fiducial.motion.calibration.gnss._MOST_PREDICTED", 10)
    gridded = network_from_tracks(tracks, stations, field).network
    assert gridded.ties.difference_mm_per_yr == pytest.approx(direct.ties.difference_mm_per_yr, abs=1e-4)
    assert np.abs(adjust_bursts(gridded).coefficients - adjust_bursts(direct).coefficients).max() < 1e-3

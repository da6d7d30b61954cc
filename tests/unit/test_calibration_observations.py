from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.interpolation import project, unproject
from fiducial.motion.calibration.observations import (
    block_median,
    observe_track,
    sample_at_stations,
)
from fiducial.motion.calibration.point_velocities import PointVelocities, usable_points
from synthetic_network import network, track, trend_enu


def _points(velocity, *, easting=None, sigma=None, coherence=None):
    count = len(velocity)
    easting = 4_600_000.0 + np.arange(count) if easting is None else np.asarray(easting, dtype=float)
    northing = np.full(count, 2_000_000.0)
    longitude, latitude = unproject(easting, northing, "EPSG:3035")
    sight = np.tile([0.6, 0.0, 0.8], (count, 1))
    values = np.asarray(velocity, dtype=float)
    return PointVelocities("t", easting, northing, longitude, latitude, values, sight, sigma, coherence)


def test_the_reference_pixel_and_zero_sigmas_are_said_and_get_no_infinite_weight():
    points = _points([0.0, -5.0, 2.0, np.nan], sigma=np.array([0.0, 0.0, 0.5, 0.5]))
    used, notes = usable_points(points)
    assert used.velocity_mm_per_yr.tolist() == [-5.0, 2.0]
    assert np.isnan(used.sigma_mm_per_yr[0])
    assert "1 reference points" in notes[0]
    assert "1 points with zero or missing sigma" in notes[1]


def test_a_true_zero_velocity_is_kept():
    used, notes = usable_points(_points([0.0, 1.0], sigma=np.array([0.3, 0.3])))
    assert used.velocity_mm_per_yr.tolist() == [0.0, 1.0]
    assert notes == ()


def test_nothing_usable():
    with pytest.raises(InputError, match="FID-1067"):
        usable_points(_points([np.nan, np.nan]))


def test_lines_of_sight_must_be_unit_vectors():
    points = _points([1.0, 2.0])
    with pytest.raises(InputError, match="FID-1063"):
        usable_points(replace(points, line_of_sight=1.1 * points.line_of_sight))


def test_arrays_must_belong_together():
    points = _points([1.0, 2.0])
    with pytest.raises(InputError, match="FID-1063"):
        usable_points(replace(points, easting=points.easting[:1]))
    with pytest.raises(InputError, match="FID-1063"):
        usable_points(replace(points, coherence=np.ones(3)))


def test_block_medians():
    easting = np.r_[np.full(5, 4_600_100.0), np.full(4, 4_605_100.0), [4_611_000.0]]
    points = _points([1.0, 2.0, 3.0, 4.0, 100.0, 5.0, 5.0, 7.0, 7.0, 9.0], easting=easting)
    cell, blocks = block_median(points, size_m=5000.0)
    assert cell.tolist() == [[920, 400], [921, 400]]
    assert blocks.velocity_mm_per_yr.tolist() == [3.0, 6.0]
    assert blocks.point_count.tolist() == [5, 4]
    assert blocks.sigma_mm_per_yr == pytest.approx([1.4826, 1.4826])
    assert blocks.easting.tolist() == [4_600_100.0, 4_605_100.0]
    assert np.linalg.norm(blocks.line_of_sight, axis=1) == pytest.approx([1.0, 1.0])


def test_identical_velocities_do_not_give_zero_sigma():
    _, blocks = block_median(_points(np.full(20, 1.3)))
    assert blocks.sigma_mm_per_yr.min() >= 0.1


def test_coherence_weights_the_median():
    coherence = np.array([0.9, 0.9, 0.1, 0.1, 0.1])
    points = _points([1.0, 1.2, 8.0, 8.0, 8.0], coherence=coherence)
    assert block_median(points)[1].velocity_mm_per_yr[0] == pytest.approx(1.2)
    assert block_median(points, use_coherence=False)[1].velocity_mm_per_yr[0] == pytest.approx(8.0)


def test_samples_at_stations_are_medians_within_the_radius():
    stations, _ = network(0, 60)
    points = track(stations, trend_enu)
    samples = sample_at_stations(points, stations)
    assert samples.size > 5
    easting, northing = project(stations.longitude_deg, stations.latitude_deg, "EPSG:3035")
    for i, station in enumerate(samples.station):
        near = np.hypot(points.easting - easting[station], points.northing - northing[station]) <= 3000.0
        assert near.sum() == samples.medians.point_count[i] >= 10
        expected = np.median(points.velocity_mm_per_yr[near])
        assert samples.medians.velocity_mm_per_yr[i] == pytest.approx(expected, abs=1e-12)
        assert samples.names[i] == stations.names[station]


def test_stations_far_away_give_no_sample():
    stations, _ = network(0, 20, longitude=(-5.0, 0.0))
    observed = observe_track(track(network(1, 40)[0], trend_enu), stations)
    assert observed.samples.size == 0
    assert observed.blocks.size > 100


def test_unknown_projection_of_the_points():
    stations, _ = network(0, 20)
    points = replace(track(stations, trend_enu), crs="EPSG:4326")
    with pytest.raises(InputError, match="FID-1065"):
        observe_track(points, stations)

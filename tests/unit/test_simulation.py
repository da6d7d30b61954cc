"""The simulated world: its truth, its conventions, and that what a burst shows is truth plus the stated errors."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from fiducial.errors import RunError
from fiducial.geodesy.line_of_sight import from_angles, norm_error
from fiducial.motion.identifiers import PointIds, decode_points, encode_points
from fiducial.runs.simulated_radar import TrueMotion, flicker_transfer
from fiducial.runs.simulation import (
    SimulatedBurst,
    SimulatedWorld,
    WorldSize,
    simulate_large_burst,
    simulate_world,
)
from fiducial.timescales import egms_years

STATISTICS = {"pid", "rmse", "temporal_coherence", "mean_velocity", "mean_velocity_std", "acceleration",
              "acceleration_std", "seasonality", "seasonality_std"}  # fmt: skip
DOCUMENTED = {"pid", "cluster_label", "mp_type", "latitude", "longitude", "easting", "northing", "height",
              "height_wgs84", "line", "pixel", "rmse", "temporal_coherence", "amplitude_dispersion",
              "incidence_angle", "track_angle", "los_east", "los_north", "los_up", "mean_velocity",
              "mean_velocity_std", "acceleration", "acceleration_std", "seasonality", "seasonality_std"}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> SimulatedWorld:
    return simulate_world(1)


def seasonal_design(epochs, *, cubic):
    years = egms_years(epochs)
    turn = 2 * np.pi * years
    powers = [years**3, years**2] if cubic else []
    return np.column_stack([years, *powers, np.ones_like(years), np.cos(turn), np.sin(turn)])


def fitted_velocity(burst: SimulatedBurst):
    design = seasonal_design(burst.points.epochs, cubic=False)
    return (np.linalg.pinv(design) @ burst.points.displacement_mm)[0]


def test_default_size_and_columns(world):
    assert [burst.points.size for burst in world.bursts] == [6000] * 4
    assert [(burst.track, burst.direction) for burst in world.bursts] == [
        (117, "ascending"), (117, "ascending"), (22, "descending"), (22, "descending"),
    ]  # fmt: skip
    for burst in world.bursts:
        points = burst.points
        assert set(points.attributes) == DOCUMENTED - STATISTICS
        assert points.displacement_mm.dtype == np.float32
        assert points.displacement_mm.flags.c_contiguous
        assert points.displacement_mm.shape == (150, 6000) == (points.epochs.size, points.size)
        assert np.isfinite(points.displacement_mm).all()
        steps = np.diff(points.epochs) / np.timedelta64(1, "D")
        assert set(np.unique(steps)) <= {6.0, 12.0, 18.0, 24.0, 36.0, 48.0}
        assert (steps == 6).any()
        assert (steps > 12).any()
        assert points.epochs[-1] < np.datetime64("2025-01-01")


def test_same_seed_same_world_other_seed_other_world():
    size = WorldSize(points_per_burst=80, epochs=14, stations=6)
    first, again, other = simulate_world(3, size), simulate_world(3, size), simulate_world(4, size)
    for one, two in zip(first.bursts, again.bursts, strict=True):
        np.testing.assert_array_equal(one.points.displacement_mm, two.points.displacement_mm)
        for name, column in one.points.attributes.items():
            np.testing.assert_array_equal(column, two.points.attributes[name])
    assert not np.array_equal(first.bursts[0].points.displacement_mm, other.bursts[0].points.displacement_mm)


def test_identifiers_fit_and_no_point_twice(world):
    for burst in world.bursts:
        line, pixel = burst.points.attributes["line"], burst.points.attributes["pixel"]
        fixed = [
            np.full(line.size, number) for number in (0, burst.track, burst.burst, burst.swath, burst.polarisation)
        ]
        pids = encode_points(PointIds(*fixed, line, pixel))
        assert len(set(pids.tolist())) == line.size
        np.testing.assert_array_equal(decode_points(pids).pixel, pixel)


def test_positions_and_line_of_sight_agree_with_their_definitions(world):
    to_geographic = Transformer.from_crs("EPSG:3035", "EPSG:4258", always_xy=True)
    for burst in world.bursts:
        column = burst.points.attributes
        longitude, latitude = to_geographic.transform(column["easting"], column["northing"])
        assert np.abs(longitude - column["longitude"]).max() < 1e-6
        assert np.abs(latitude - column["latitude"]).max() < 1e-6
        sight = burst.points.line_of_sight()
        assert norm_error(sight).max() < 1e-3  # published with three decimals
        exact = from_angles(column["incidence_angle"], column["track_angle"])
        assert np.abs(exact - sight).max() < 1e-3
        assert (np.sign(sight[:, 0]) == (-1 if burst.direction == "ascending" else 1)).all()
        assert 36.2 < column["incidence_angle"].min() < 37.0
        assert 40.5 < column["incidence_angle"].max() < 41.5
        # Nearer to the satellite is steeper: ascending looks east, so incidence grows eastwards.
        slope = np.polyfit(column["easting"], column["incidence_angle"], 1)[0]
        assert (slope > 0) == (burst.direction == "ascending")


def test_relative_velocity_is_truth_plus_surface_plus_small_noise(world):
    for burst in world.bursts:
        error = fitted_velocity(burst) - burst.velocity_los_mm_per_yr - burst.injected_surface_mm_per_yr
        assert abs(error.mean()) < 0.01  # mm/yr: the mean series was subtracted
        assert 0.05 < error.std() < 0.5  # mm/yr
        assert np.ptp(burst.injected_surface_mm_per_yr) > 1.5  # there is something to calibrate
        enu = world.truth_enu(burst.points.attributes["easting"], burst.points.attributes["northing"])
        np.testing.assert_allclose(burst.velocity_enu_mm_per_yr, enu, atol=1e-6)
        projected = np.einsum("ij,ij->i", burst.points.line_of_sight(), enu)
        np.testing.assert_allclose(burst.velocity_los_mm_per_yr, projected, atol=0.02)  # 3-decimal cosines


def test_model_vanishes_at_the_first_date_and_values_have_one_decimal(world):
    for burst in world.bursts:
        series = burst.points.displacement_mm
        design = seasonal_design(burst.points.epochs, cubic=True)
        at_start = design[0] @ (np.linalg.pinv(design) @ series.astype(np.float64))
        assert np.abs(at_start).max() < 0.05  # mm, half a printed unit
        np.testing.assert_array_equal(series, np.float32(np.rint(series.astype(np.float64) * 10) / 10))
        assert not np.signbit(series[series == 0]).any()


def test_bursts_of_a_track_overlap_and_differ_there_by_their_surfaces_only(world):
    for first, second in (world.bursts[:2], world.bursts[2:]):
        keys = [
            burst.points.attributes["easting"] * 1e8 + burst.points.attributes["northing"] for burst in (first, second)
        ]
        _, one, two = np.intersect1d(*keys, return_indices=True)
        assert one.size > 100
        observed = fitted_velocity(second)[two] - fitted_velocity(first)[one]
        injected = second.injected_surface_mm_per_yr[two] - first.injected_surface_mm_per_yr[one]
        assert np.std(injected) < 1e-6  # the ramp belongs to the track; burst by burst only an offset changes
        assert abs(np.median(observed) - injected[0]) < 0.15  # mm/yr
        assert abs(injected[0]) > 0.3  # mm/yr


def test_both_geometries_share_many_cells(world):
    cells = []
    for direction in ("ascending", "descending"):
        columns = [burst.points.attributes for burst in world.bursts if burst.direction == direction]
        cells.append({(int(east // 100), int(north // 100)) for column in columns
                      for east, north in zip(column["easting"], column["northing"], strict=True)})  # fmt: skip
    assert len(cells[0] & cells[1]) > 2_000


def test_truth_field_has_its_bowl_and_trend():
    motion = TrueMotion()
    east, north = motion.bowl_centre_m
    centre = motion.velocity_enu([east], [north])[0]
    beside = motion.velocity_enu([east + motion.bowl_sigma_m], [north])[0]
    far = motion.velocity_enu([east + 25e3], [north])[0]
    assert -13.0 < centre[2] < -11.0  # mm/yr
    assert abs((beside[2] - far[2]) / (centre[2] - far[2]) - np.exp(-0.5)) < 0.06
    assert beside[0] < motion.velocity_enu([east + 4 * motion.bowl_sigma_m], [north])[0, 0] - 1.0  # moves inward
    grid = np.stack(np.meshgrid(np.linspace(-50e3, 50e3, 11), np.linspace(-30e3, 30e3, 7)), -1).reshape(-1, 2)
    regional = motion.velocity_enu(*(grid + motion.centre_m).T)[:, :2]
    assert np.abs(regional).max() < 6.0  # mm/yr, ETRF2000
    assert np.ptp(regional[:, 1]) > 1.5


def test_stations_scatter_as_their_covariance_says(world):
    stations = world.stations
    assert stations.frame == "ETRF2000"
    assert stations.size == 25
    horizontal_only = np.isnan(stations.velocity_enu_mm_per_yr[:, 2])
    assert horizontal_only.sum() == 5
    assert np.isnan(stations.covariance_enu[horizontal_only, 2]).all()
    error = stations.velocity_enu_mm_per_yr - world.station_truth_enu_mm_per_yr
    normalised = error[:, :2] / np.sqrt(np.einsum("sii->si", stations.covariance_enu))[:, :2]
    wrong = stations.names == world.outlier_station
    assert wrong.sum() == 1
    assert np.abs(normalised[wrong]).min() > 8
    assert 0.6 < normalised[~wrong].std() < 1.4
    assert np.abs(stations.covariance_enu[:, 0, 1]).max() > 0
    easting, northing = Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True).transform(
        stations.longitude_deg, stations.latitude_deg
    )
    bowl = world.motion.bowl_centre_m
    assert np.hypot(easting - bowl[0], northing - bowl[1]).min() > 3 * world.motion.bowl_sigma_m


def test_noise_level_is_that_of_real_bursts(world):
    # Real L2b bursts of Ustica: 3.7 mm between neighbouring dates.
    for burst in world.bursts:
        assert 2.0 < np.diff(burst.points.displacement_mm, axis=0).std() < 4.5  # mm
        dispersion = burst.points.attributes["amplitude_dispersion"]
        assert 0.08 <= dispersion.min() < dispersion.max() <= 0.7


def test_flicker_has_a_one_over_f_spectrum():
    epochs = np.datetime64("2020-01-01", "ns") + np.arange(512) * np.timedelta64(6, "D")
    noise = flicker_transfer(epochs, 1.0) @ np.random.default_rng(5).standard_normal((512, 400), dtype=np.float32)
    power = (np.abs(np.fft.rfft(noise * np.hanning(512)[:, None], axis=0)) ** 2).mean(axis=1)
    frequency = np.arange(power.size)
    slope = np.polyfit(np.log(frequency[4:120]), np.log(power[4:120]), 1)[0]
    assert abs(slope + 1.0) < 0.15


def test_large_burst_comes_in_blocks_in_order():
    blocks = list(simulate_large_burst(5_000, 30, seed=2, chunk=1_500))
    assert [block.size for block in blocks] == [1_500, 1_500, 1_500, 500]
    line = np.concatenate([block.attributes["line"] for block in blocks])
    pixel = np.concatenate([block.attributes["pixel"] for block in blocks])
    key = line * 65_536 + pixel
    assert (np.diff(key) > 0).all()
    assert line.max() < 1_508
    assert pixel.max() < 25_000
    first = blocks[0]
    assert set(first.attributes) == DOCUMENTED - STATISTICS
    assert first.displacement_mm.shape == (30, 1_500)
    assert all(np.array_equal(block.epochs, first.epochs) for block in blocks)
    again = next(iter(simulate_large_burst(5_000, 30, seed=2, chunk=1_500)))
    np.testing.assert_array_equal(first.displacement_mm, again.displacement_mm)
    sight = from_angles(first.attributes["incidence_angle"], first.attributes["track_angle"])
    assert np.abs(first.line_of_sight() - sight).max() < 1e-3


@pytest.mark.parametrize("size", [WorldSize(points_per_burst=10), WorldSize(epochs=5), WorldSize(stations=2)])
def test_too_small_a_world_is_refused(size):
    with pytest.raises(RunError, match="FID-5013"):
        simulate_world(1, size)


@pytest.mark.parametrize("arguments", [(0, 30, 1), (100, 3, 1), (100, 30, -1), (10**9, 30, 1)])
def test_impossible_large_bursts_are_refused(arguments):
    with pytest.raises(RunError, match="FID-5013"):
        simulate_large_burst(*arguments)

"""What must hold of a network of bursts whatever the numbers: order, what is added to bursts, what is added to all."""

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.calibration.burst_planes import BurstPlanes
from simulated_bursts import plane, world

quick = settings(max_examples=6, deadline=None)
seeds = st.integers(0, 2**31)


@cache
def noisy():
    tracks, stations, field, _, corner = world(5, tracks=1, stations=40)
    return tracks, stations, field, corner


@cache
def _before():
    tracks, stations, field, _ = noisy()
    return BurstPlanes().fit(tracks, stations, field)


def _at_cells(result, tracks):
    """Corrections and their sigmas at the cells of each burst, by name."""
    return {
        track.name: (
            result.track(track.name).surface.surface_mm_per_yr(track.blocks.easting, track.blocks.northing),
            result.track(track.name).surface.sigma_mm_per_yr(track.blocks.easting, track.blocks.northing),
        )
        for track in tracks
    }


def _added(track, blocks, samples):
    return track.with_velocities(
        track.blocks.velocity_mm_per_yr + blocks, track.samples.medians.velocity_mm_per_yr + samples
    )


def _shuffled(track, place, rng):
    """The burst with cells and samples in another order, and stations renumbered."""
    blocks, samples = rng.permutation(track.blocks.size), rng.permutation(track.samples.size)
    kept = track.samples.select(samples)
    return replace(
        track,
        cell=track.cell[blocks],
        blocks=track.blocks.select(blocks),
        samples=replace(kept, station=place[kept.station]),
    )


@quick
@given(seeds)
def test_the_order_of_bursts_cells_and_stations_does_not_matter(seed):
    tracks, stations, field, _ = noisy()
    rng = np.random.default_rng(seed)
    order = rng.permutation(stations.size)
    place = np.argsort(order)
    turned = [_shuffled(tracks[i], place, rng) for i in rng.permutation(len(tracks))]
    again = BurstPlanes().fit(turned, stations.select(order), field)
    before, after = _at_cells(_before(), tracks), _at_cells(again, tracks)
    for name, (surface, sigma) in before.items():
        assert np.abs(surface - after[name][0]).max() < 1e-9
        assert np.abs(sigma - after[name][1]).max() < 1e-9


@quick
@given(st.integers(0, 11), st.floats(-30, 30), st.floats(-5, 5), st.floats(-5, 5))
def test_what_is_added_to_one_burst_is_taken_out(number, offset, east, north):
    tracks, stations, field, corner = noisy()
    coefficients = np.array([offset, east, north])

    def added(medians):
        return plane(coefficients, corner[number], np.column_stack([medians.easting, medians.northing]))

    changed = list(tracks)
    changed[number] = _added(tracks[number], added(tracks[number].blocks), added(tracks[number].samples.medians))
    before = _at_cells(_before(), tracks)
    after = _at_cells(BurstPlanes().fit(changed, stations, field), tracks)
    for i, track in enumerate(tracks):
        wanted = added(track.blocks) if i == number else 0.0
        assert np.abs(after[track.name][0] - before[track.name][0] - wanted).max() < 0.05


@quick
@given(st.floats(-50, 50))
def test_what_is_added_to_all_bursts_and_stations_cancels(constant):
    """The corrections tie InSAR to GNSS: only what separates the two is theirs."""
    tracks, stations, field, _ = noisy()
    shift = np.array([0.3, -0.2, 1.0]) * constant

    def along(medians):
        return medians.line_of_sight @ shift

    moved = [_added(t, along(t.blocks), along(t.samples.medians)) for t in tracks]
    table = StationVelocities(
        stations.names, stations.longitude_deg, stations.latitude_deg, stations.velocity_enu_mm_per_yr + shift,
        stations.covariance_enu, stations.frame, stations.source,
    )  # fmt: skip
    shifted_field = type(field).fit(
        replace(field.stations, velocity_enu_mm_per_yr=field.stations.velocity_enu_mm_per_yr + shift),
        models=field.models,
    )
    after = _at_cells(BurstPlanes().fit(moved, table, shifted_field), tracks)
    for name, (surface, _) in _at_cells(_before(), tracks).items():
        assert np.abs(after[name][0] - surface).max() < 0.01


@quick
@given(st.floats(-50, 50))
def test_a_constant_in_all_bursts_alone_moves_every_correction_by_it(constant):
    tracks, stations, field, _ = noisy()
    moved = [_added(track, constant, constant) for track in tracks]
    after = _at_cells(BurstPlanes().fit(moved, stations, field), tracks)
    for name, (surface, _) in _at_cells(_before(), tracks).items():
        assert np.abs(after[name][0] - surface - constant).max() < 1e-6


def test_calibrating_calibrated_bursts_changes_nothing():
    tracks, stations, field, _ = noisy()

    def correction(track, medians):
        return -_before().track(track.name).surface.surface_mm_per_yr(medians.easting, medians.northing)

    flat = [_added(t, correction(t, t.blocks), correction(t, t.samples.medians)) for t in tracks]
    for surface, sigma in _at_cells(BurstPlanes().fit(flat, stations, field), tracks).values():
        assert (np.abs(surface) < 0.03 * sigma).all()

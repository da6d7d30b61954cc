"""The orbital frame against Kepler orbits, whose velocity is known."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.constants import EARTH_ROTATION_RAD_PER_S
from fiducial.errors import InputError
from fiducial.orbits.local_frame import inertial_velocity, radial_along_cross
from keplerian import epochs, kepler


def truth(position, velocity):
    radial = position / np.linalg.norm(position, axis=1, keepdims=True)
    cross = np.cross(position, velocity)
    cross /= np.linalg.norm(cross, axis=1, keepdims=True)
    return np.stack([radial, np.cross(cross, radial), cross], axis=1)


@pytest.mark.parametrize(
    ("semi_axis", "eccentricity", "inside", "ends"),
    [(26.56e6, 0.01, 1e-5, 2e-4), (27.98e6, 0.16, 5e-4, 0.025), (42.164e6, 0.075, 1e-5, 2e-4)],
)
def test_frame_and_velocity_of_a_kepler_orbit_at_15_minutes(semi_axis, eccentricity, inside, ends):
    seconds = np.arange(96) * 900.0
    position, velocity = kepler(seconds, semi_axis=semi_axis, eccentricity=eccentricity)
    printed = np.round(position, 3)[:, None]
    frame = radial_along_cross(printed, epochs(900.0, 96))[:, 0]
    assert np.max(np.abs(frame - truth(position, velocity))) < 1e-7
    error = np.linalg.norm(inertial_velocity(printed, epochs(900.0, 96))[:, 0] - velocity, axis=1)
    assert error[5:-5].max() < inside
    assert error.max() < ends


def test_rows_are_right_handed_and_along_points_with_the_motion():
    seconds = np.arange(20) * 300.0
    position, velocity = kepler(seconds)
    frame = radial_along_cross(position[:, None], epochs(300.0, 20))[:, 0]
    np.testing.assert_allclose(frame @ frame.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (20, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(frame), 1.0, atol=1e-12)
    components = np.einsum("eij,ej->ei", frame, velocity)
    assert np.all(components[:, 1] > 3000.0)
    assert np.max(np.abs(components[:, 2])) < 1e-3


def test_gaps_leave_the_other_epochs_right_and_missing_ones_nan():
    seconds = np.arange(96) * 900.0
    position, velocity = kepler(seconds)
    wanted = truth(position, velocity)
    tracks = np.repeat(position[:, None], 4, axis=1)
    tracks[10:14, 1] = np.nan
    tracks[::2, 2] = np.nan
    tracks[1:95, 3] = np.nan
    frame = radial_along_cross(tracks, epochs(900.0, 96))
    for satellite in range(3):
        there = np.isfinite(tracks[:, satellite, 0])
        assert np.max(np.abs(frame[there, satellite] - wanted[there])) < 1e-6
        assert np.all(np.isnan(frame[~there, satellite]))
    # Its two positions lie a day apart, so along-track is unknown while radial is not.
    assert np.all(np.isfinite(frame[0, 3, 0]))
    assert np.all(np.isnan(frame[:, 3, 1:]))


def test_given_velocities_are_used_and_missing_ones_differentiated():
    seconds = np.arange(30) * 300.0
    position, velocity = kepler(seconds)
    earth_fixed = velocity - np.cross([0.0, 0.0, EARTH_ROTATION_RAD_PER_S], position)
    earth_fixed[7] = np.nan
    frame = radial_along_cross(position[:, None], epochs(300.0, 30), earth_fixed[:, None])[:, 0]
    assert np.max(np.abs(frame - truth(position, velocity))) < 1e-7
    alone = radial_along_cross(position[:1, None], epochs(300.0, 1), earth_fixed[:1, None])[0, 0]
    assert np.max(np.abs(alone - truth(position, velocity)[0])) < 1e-12


def test_single_epoch_without_velocity_has_no_along_track():
    position, _ = kepler(np.zeros(1))
    frame = radial_along_cross(position[:, None], epochs(300.0, 1))[0, 0]
    assert np.all(np.isfinite(frame[0]))
    assert np.all(np.isnan(frame[1:]))


@pytest.mark.parametrize(
    ("position", "times", "velocity"),
    [
        (np.zeros((3, 2, 3)), epochs(300.0, 4), None),
        (np.zeros((3, 2)), epochs(300.0, 3), None),
        (np.zeros((3, 2, 3)), epochs(300.0, 3)[::-1], None),
        (np.zeros((3, 2, 3)), epochs(300.0, 3), np.zeros((3, 1, 3))),
    ],
)
def test_arrays_that_do_not_belong_together(position, times, velocity):
    with pytest.raises(InputError, match="FID-1211"):
        radial_along_cross(position, times, velocity)

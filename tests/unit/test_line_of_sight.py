"""Line of sight from angles: published formula, signs and real values of the four quadrants."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.geodesy import line_of_sight

# Printed fields of two real points (EGMS L2b 2020_2024, Ustica): incidence, track angle, los_east, los_north, los_up.
DESCENDING = (37.31, 191.42, 0.594, -0.120, 0.795)
ASCENDING = (38.97, -8.94, -0.621, -0.098, 0.778)


@pytest.mark.parametrize("point", [DESCENDING, ASCENDING])
def test_printed_cosines_of_real_points(point):
    np.testing.assert_allclose(line_of_sight.from_angles(point[0], point[1]), point[2:], atol=6e-4)


def test_both_ranges_of_the_track_angle_mean_the_same():
    np.testing.assert_allclose(
        line_of_sight.from_angles(38.0, -9.0), line_of_sight.from_angles(38.0, 351.0), atol=1e-15
    )


def test_zero_incidence_looks_straight_up_and_signs_follow_the_orbit():
    np.testing.assert_allclose(line_of_sight.from_angles(0.0, 123.0), [0, 0, 1], atol=1e-15)
    # Ascending and right-looking: the satellite stands in the west. Descending: in the east.
    assert line_of_sight.from_angles(38.0, 350.0)[0] < 0 < line_of_sight.from_angles(38.0, 190.0)[0]


def test_shape_and_unit_length():
    incidence, heading = np.meshgrid(np.linspace(20, 50, 7), np.linspace(-180, 360, 13))
    vectors = line_of_sight.from_angles(incidence.ravel(), heading.ravel())
    assert vectors.shape == (91, 3)
    assert line_of_sight.norm_error(vectors).max() < 1e-15


def test_norm_error_is_the_distance_from_one_on_either_side():
    np.testing.assert_allclose(line_of_sight.norm_error([[0, 0, 1.01], [0, 0.99, 0]]), [0.01, 0.01], atol=1e-15)
    assert np.isnan(line_of_sight.norm_error([[np.nan, 0, 1]]))[0]

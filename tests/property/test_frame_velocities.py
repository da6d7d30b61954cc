"""What holds for every pair of frames at every place."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes
from fiducial.geodesy.frame_velocities import canonical_frame, frame_velocity
from fiducial.geodesy.frames import PLATES_BY_MODEL
from fiducial.geodesy.helmert import HelmertRates

FRAMES = [
    "ETRF2000", "ETRF2014", "ETRF2020", "ITRF2008", "ITRF2014", "ITRF2020", "IGS20", "IGb14",
    "ITRF88", "ITRF93", "ITRF97", "ITRF2000", "ITRF2005", "IGS08", "ETRF89", "ETRF97", "ETRF2005",
    *(f"plate:{code}@{model}" for model, plates in PLATES_BY_MODEL.items() for code in plates),
    *(f"plate:{code}@ITRF2020+ORB" for code in PLATES_BY_MODEL["ITRF2020"]),
]  # fmt: skip
frames = st.sampled_from(FRAMES)
longitudes, latitudes = st.floats(-180.0, 180.0), st.floats(-90.0, 90.0)
rates = st.builds(
    HelmertRates,
    st.tuples(*[st.floats(-5, 5)] * 3),
    st.floats(-1, 1),
    st.tuples(*[st.floats(-3, 3)] * 3),
)


@given(frames, frames, longitudes, latitudes)
def test_there_and_back_is_nothing(a, b, longitude, latitude):
    there, back = frame_velocity(a, b, longitude, latitude), frame_velocity(b, a, longitude, latitude)
    assert np.abs(there + back).max() < 1e-9
    assert not frame_velocity(a, a, longitude, latitude).any()


@given(frames, frames, frames, longitudes, latitudes)
def test_velocities_add_along_any_way(a, b, c, longitude, latitude):
    direct = frame_velocity(a, c, longitude, latitude)
    by_way = frame_velocity(a, b, longitude, latitude) + frame_velocity(b, c, longitude, latitude)
    assert np.abs(direct - by_way).max() < 1e-9


@given(frames)
def test_canonical_names_are_stable(name):
    assert canonical_frame(canonical_frame(name)) == canonical_frame(name)
    assert canonical_frame(name.lower()) == canonical_frame(name)


@given(rates, rates, longitudes, latitudes)
def test_rates_are_a_group(first, second, longitude, latitude):
    position = geocentric_position_m(longitude, latitude)
    together = (first + second).velocity_mm_per_yr(position)
    assert np.allclose(together, first.velocity_mm_per_yr(position) + second.velocity_mm_per_yr(position), atol=1e-9)
    assert np.abs((first + -first).velocity_mm_per_yr(position)).max() == 0.0


@given(st.tuples(*[st.floats(-3, 3)] * 3), longitudes, latitudes)
def test_a_rotation_keeps_the_distance_from_the_geocentre(rotation, longitude, latitude):
    position = geocentric_position_m(longitude, latitude)
    velocity = HelmertRates(rotation_mas_per_yr=rotation).velocity_mm_per_yr(position)
    assert abs(velocity @ position) / np.linalg.norm(position) < 1e-9
    # Up is the normal of the ellipsoid, 0.2 degrees off the radius: 0.34 % of the motion is seen as vertical at most.
    up = velocity @ local_axes(longitude, latitude)[2]
    assert abs(up) <= 0.0034 * np.linalg.norm(velocity) + 1e-9

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.recipes import recipe
from synthetic_network import network, track, trend_enu

quick = settings(max_examples=8, deadline=None)
names = st.sampled_from(["plane", "quadratic", "egms"])


@cache
def world():
    stations, _ = network(0, 100, longitude=(9.5, 14.5), latitude=(40.5, 45.5), noise=False)
    return stations, VelocityField.fit(stations), observe_track(track(stations, trend_enu, noise=0.8), stations)


def _plane(observed, constant, east, north):
    def at(medians):
        return constant + east * (medians.easting - 4.49e6) / 1e5 + north * (medians.northing - 2.2e6) / 1e5

    return at(observed.blocks), at(observed.samples.medians)


def _fit(name, observed):
    stations, field, _ = world()
    return recipe(name).fit([observed], stations, field).tracks[0]


def _add(observed, values, sign=1.0):
    return observed.with_velocities(
        observed.blocks.velocity_mm_per_yr + sign * values[0],
        observed.samples.medians.velocity_mm_per_yr + sign * values[1],
    )


@quick
@given(names, st.floats(-20, 20), st.floats(-5, 5), st.floats(-5, 5))
def test_calibrating_a_calibrated_track_changes_nothing(name, constant, east, north):
    *_, observed = world()
    observed = _add(observed, _plane(observed, constant, east, north))
    surface = _fit(name, observed).surface
    blocks, medians = observed.blocks, observed.samples.medians
    values = [surface.surface_mm_per_yr(m.easting, m.northing) for m in (blocks, medians)]
    again = _fit(name, _add(observed, values, -1.0)).surface
    left = np.abs(again.surface_mm_per_yr(blocks.easting, blocks.northing))
    assert (left < 0.05 * again.sigma_mm_per_yr(blocks.easting, blocks.northing)).all()


@quick
@given(names, st.floats(-20, 20), st.floats(-5, 5), st.floats(-5, 5))
def test_an_added_plane_is_added_to_the_surface_and_nothing_else_changes(name, constant, east, north):
    *_, observed = world()
    added = _plane(observed, constant, east, north)
    before, after = _fit(name, observed), _fit(name, _add(observed, added))
    blocks = observed.blocks
    difference = after.surface.surface_mm_per_yr(blocks.easting, blocks.northing)
    difference = difference - before.surface.surface_mm_per_yr(blocks.easting, blocks.northing)
    assert np.abs(difference - added[0]).max() < 1e-6
    residuals = after.stations.after_mm_per_yr - before.stations.after_mm_per_yr
    assert np.nanmax(np.abs(residuals)) < 1e-6

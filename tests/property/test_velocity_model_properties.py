"""Properties of the velocity model."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.formats import velocity_model_file
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.stations.velocity_covariance import ComponentCovariance
from fiducial.stations.velocity_model import model_of_sites
from velocity_networks import network

MODEL = model_of_sites(network(60)[0], fixed=(ComponentCovariance(0.8, 300.0, 0.02, 1.0, 0),) * 3)
PLACES = st.lists(st.tuples(st.floats(-180.0, 180.0), st.floats(-89.0, 89.0)), min_size=1, max_size=6, unique=True)


@settings(max_examples=30, deadline=None)
@given(PLACES)
def test_covariances_are_positive_anywhere(places) -> None:
    longitude, latitude = np.array(places).T
    found = MODEL.predict(longitude, latitude, between_points=True)
    joint = found.between.reshape(3 * len(places), -1)
    assert np.linalg.eigvalsh(joint)[0] > -1e-9
    alone = MODEL.predict(longitude, latitude)
    assert (alone.sigma_enu_mm_per_yr >= found.sigma_enu_mm_per_yr - 1e-9).all()


@settings(max_examples=20, deadline=None)
@given(PLACES, st.sampled_from(["ITRF2020", "IGS14", "ETRF2000", "ETRF2020", "plate:NUBI@ITRF2020+ORB"]))
def test_frames_differ_by_their_motion(places, frame: str) -> None:
    longitude, latitude = np.array(places).T
    own, other = MODEL.predict(longitude, latitude), MODEL.predict(longitude, latitude, frame=frame)
    motion = frame_velocity(MODEL.frame, frame, longitude, latitude)
    np.testing.assert_allclose(other.velocity_enu_mm_per_yr - own.velocity_enu_mm_per_yr, motion, atol=1e-9)
    np.testing.assert_array_equal(own.covariance_enu, other.covariance_enu)


@settings(max_examples=10, deadline=None)
@given(st.tuples(st.floats(1950.0, 2050.0), st.floats(1950.0, 2050.0)), st.text(max_size=20))
def test_file_returns_what_was_written(span, source: str) -> None:
    from dataclasses import replace

    model = replace(MODEL, epoch_span=span, sites=replace(MODEL.sites, source=source))
    again = velocity_model_file.read(velocity_model_file.to_bytes(model))
    assert again.epoch_span == span
    assert again.sites.source == source
    np.testing.assert_array_equal(again.sites.velocity_enu_mm_per_yr, model.sites.velocity_enu_mm_per_yr)

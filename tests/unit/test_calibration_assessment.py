from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.assessment import assess, overlap_rms
from fiducial.motion.calibration.holdout import leave_stations_out
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.recipes import recipe
from fiducial.motion.calibration.residuals import rms
from synthetic_network import network, track, trend_enu


def _eastward(easting, _northing):
    return 5.0 + 2e-5 * (easting - 4.5e6)


def _northward(_easting, northing):
    return -3.0 - 1e-5 * (northing - 2.2e6)


@cache
def world():
    stations, _ = network(0, 100, longitude=(9.5, 14.5), latitude=(40.5, 45.5), noise=False)
    field = VelocityField.fit(stations)
    ramps = [_eastward, _northward, None]
    headings = [-10.0, -12.0, 190.0]
    tracks = [
        observe_track(
            track(stations, trend_enu, seed=i, name=f"t{i}", heading=headings[i], surface=ramps[i], noise=0.3),
            stations,
        )
        for i in range(3)
    ]
    return stations, field, tracks


def test_assessment_before_and_after():
    stations, field, tracks = world()
    result = recipe("plane").fit(tracks, stations, field)
    table = assess(tracks, stations, field, result)
    assert [row.track for row in table.stations] == ["t0", "t1", "t2"]
    for row in table.stations[:2]:
        assert row.rms_before_mm_per_yr > 2.0
        assert row.rms_after_mm_per_yr < 0.3
        assert abs(row.bias_after_mm_per_yr) < 0.1
    (pair,) = table.overlaps
    assert pair.tracks == ("t0", "t1")
    assert pair.same_direction
    assert pair.cells > 60
    assert pair.rms_before_mm_per_yr > 5.0 > pair.rms_before_centred_mm_per_yr > 0.5
    assert pair.rms_after_mm_per_yr < 0.3


def test_opposite_directions_are_not_mistaken_for_a_seam():
    stations, field, tracks = world()
    surfaces = [t.surface for t in recipe("plane").fit(tracks, stations, field).tracks]
    pair = overlap_rms(tracks[0], tracks[2], field, surfaces[0], surfaces[2])
    assert not pair.same_direction
    assert pair.rms_after_mm_per_yr < 0.4


def test_tracks_without_common_cells():
    stations, field, tracks = world()
    surfaces = [t.surface for t in recipe("plane").fit(tracks, stations, field).tracks]
    away = replace(tracks[1], cell=tracks[1].cell + 10_000)
    pair = overlap_rms(tracks[0], away, field, surfaces[0], surfaces[1])
    assert pair.cells == 0
    assert np.isnan(pair.rms_after_mm_per_yr)


def test_blocks_must_be_comparable():
    stations, field, tracks = world()
    surfaces = [t.surface for t in recipe("plane").fit(tracks, stations, field).tracks]
    with pytest.raises(InputError, match="FID-1063"):
        overlap_rms(tracks[0], replace(tracks[1], block_size_m=1000.0), field, surfaces[0], surfaces[1])


def test_held_out_stations():
    stations, field, tracks = world()
    held = leave_stations_out(recipe("plane"), tracks[:2], stations, field, folds=4)
    assert len(held.names) == sum(track.samples.size for track in tracks[:2])
    assert held.rms_mm_per_yr < 0.4
    assert held.gnss_only_rms_mm_per_yr < 0.1
    assert held.chi < 1.5
    assert set(held.track) == {"t0", "t1"}


def test_rms_is_clipped_and_ignores_gaps():
    assert rms(np.array([3.0, -3.0, np.nan])) == 3.0
    assert rms(np.array([1000.0])) == 15.0
    assert np.isnan(rms(np.array([np.nan])))

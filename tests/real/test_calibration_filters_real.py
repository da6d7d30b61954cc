"""The filters on a Sentinel-1 frame of the North Anatolian Fault: the better the hold-out, the worse the leakage."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats.point_product import PointProduct
from fiducial.motion.calibration.holdout import leave_stations_out
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.recipes import recipe
from fiducial.runs.calibration_sources import area_of, velocities
from fiducial.runs.gnss import load
from fiducial.runs.ingest_frame import import_frame
from support import data_path

pytestmark = pytest.mark.real


def test_the_smallest_hold_out_has_the_largest_leakage(tmp_path):
    """calibration.md 1.4, four frames: hold-out 3.34, 2.95, 2.43 mm/yr, absorbed of a 10 km bowl 0.05, 0.19, 0.74."""
    frame = data_path("anatolia", "094D_04913_101213")
    table = data_path("anatolia", "gnss_velocities_eurasia_fixed.vel")
    product = PointProduct.open(import_frame(frame, tmp_path))
    gnss = load(table, "plate:EURA", *area_of([product]))
    points = velocities(product, product.manifest.name)
    assert points.track == "094D"
    track = observe_track(points, gnss.stations)
    easting, northing = track.blocks.easting, track.blocks.northing
    at = int(np.argmin(np.hypot(easting - easting.mean(), northing - northing.mean())))
    bowl = -10.0 * np.exp(-((easting - easting[at]) ** 2 + (northing - northing[at]) ** 2) / (2 * 10_000.0**2))
    bowled = track.with_velocities(track.blocks.velocity_mm_per_yr + bowl, track.samples.medians.velocity_mm_per_yr)
    held, share = {}, {}
    for name in ("gauss-60", "gauss-25", "window-30"):
        result = recipe(name).fit([track], gnss.stations, gnss.field)
        fixed = recipe(name).fixed(result)
        held[name] = leave_stations_out(fixed, [track], gnss.stations, gnss.field, folds=4).rms_mm_per_yr
        with_bowl = fixed.fit([bowled], gnss.stations, gnss.field).tracks[0].surface
        change = with_bowl.surface_mm_per_yr(easting[at], northing[at])
        change = change - result.tracks[0].surface.surface_mm_per_yr(easting[at], northing[at])
        share[name] = float(change) / -10.0
    assert held["window-30"] < held["gauss-25"] < held["gauss-60"] < 4.5
    assert held["window-30"] < 0.8 * held["gauss-60"]
    assert share["gauss-60"] < 0.08
    assert 0.08 < share["gauss-25"] < 0.30
    assert share["window-30"] > 0.5

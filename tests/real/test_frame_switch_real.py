"""Frames of ties on real data: Ustica against PROJ and the published vertical amounts, Anatolia against recalibration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest

from commands import fiducial
from fiducial.formats.point_product import PointProduct
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_from_geocentric
from fiducial.geodesy.frame_velocities import frame_change, frame_velocity
from fiducial.motion.calibration.bases import PolynomialBasis, SplineBasis
from fiducial.motion.calibration.frame_switch import switch_frame, switch_surface
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.recipes import recipe
from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.runs.calibration_sources import velocities
from fiducial.runs.frame_switch import line_of_sight_samples
from fiducial.runs.gnss import load
from fiducial.runs.sources import open_source
from support import data_path

pytestmark = pytest.mark.real

COLUMNS = ["mean_velocity", "los_east", "los_north", "los_up", "longitude", "latitude"]


@pytest.fixture(scope="module")
def ustica(tmp_path_factory):
    """Descending and ascending burst, calibrated with the official grid in ETRF2000."""
    out = tmp_path_factory.mktemp("ustica")
    bursts = sorted(data_path("egms", "ustica-west").glob("EGMS_L2b_*.zip"))
    grid = data_path("egms", "EGMS_AEPND_V2022.0_subset.csv")
    done = fiducial("motion", "calibrate", *bursts, "--gnss", grid, "--gnss-frame", "ETRF2000", "--out", out, "--json")
    assert done.code == 0, done.err
    return [Path(path) for path in done.json["products"]], done.json["version"]


def gain(path, old, new):
    """Mean line of sight and mean gain in velocity of a burst between two versions of its calibration."""
    before, after = (open_source(path, path.parent, calibration=version).attributes(COLUMNS) for version in (old, new))
    sight = np.array([before[f"los_{axis}"].mean() for axis in ("east", "north", "up")])
    return sight, float(np.mean(after["mean_velocity"] - before["mean_velocity"]))


def proj_up(operations, longitude, latitude):
    """Change of ellipsoidal height by EPSG operations, mm/yr: (code, inverse) one after the other."""
    to_geodetic = pyproj.Transformer.from_pipeline("+proj=pipeline +step +inv +proj=cart +ellps=GRS80")
    heights = []
    for epoch in (2005.0, 2025.0):
        position = (*geocentric_position_m(longitude, latitude), epoch)
        for code, inverse in operations:
            step = pyproj.Transformer.from_pipeline(f"urn:ogc:def:coordinateOperation:EPSG::{code}")
            position = step.transform(*position, direction="INVERSE" if inverse else "FORWARD")
        heights.append(to_geodetic.transform(*position[:3])[2])
    return 1e3 * (heights[1] - heights[0]) / 20.0


@pytest.mark.parametrize(
    ("target", "operations", "published"),
    [
        # stations.md 0.4 between 36 N (-0.22) and 45 N (-0.43), and +0.10 to +0.18 for ITRF2014, at 38.7 N.
        ("ITRF2020", [(10586, True)], 0.286),
        ("ETRF2014", [(10586, True), (10587, False)], 0.286 + 0.11),
    ],
)
def test_up_of_ustica_moves_by_the_velocity_of_the_frame(ustica, target, operations, published):
    """From both lines of sight, with the north of the frame velocity taken out as for any Ortho."""
    products, version = ustica
    done = fiducial("motion", "switch-frame", *products, "--to", target, "--version", version, "--json")
    assert done.code == 0, done.err
    for row in done.json:
        assert row["frame_switch"]["los_of_frame_velocity"]["rms_mm_per_yr"] < 0.01
    sight, gained = zip(*(gain(path, version, f"{version}-{target}") for path in products), strict=True)
    place = 13.17, 38.70
    expected = frame_velocity("ETRF2000", target, *place)
    north = expected[1]
    looks = np.array(sight)
    east, up = np.linalg.solve(looks[:, [0, 2]], np.array(gained) - looks[:, 1] * north)
    assert east == pytest.approx(expected[0], abs=0.01)
    assert up == pytest.approx(proj_up(operations, *place), abs=0.01)
    # The published amounts leave the rotation out, which moves Up by the tilt of the ellipsoid times north.
    tilt = local_from_geocentric(geocentric_position_m(*place), *place)
    assert up == pytest.approx(published - north * tilt[1] / tilt[2], abs=0.01)


def test_every_point_of_ustica_moves_by_its_own_line_of_sight(ustica):
    products, version = ustica
    for path in products:
        done = fiducial("motion", "switch-frame", path, "--to", "ITRF2014", "--version", version)
        assert done.code == 0, done.err
        before, after = (
            open_source(path, path.parent, calibration=name).attributes(COLUMNS)
            for name in (version, f"{version}-ITRF2014")
        )
        velocity = frame_velocity("ETRF2000", "ITRF2014", before["longitude"], before["latitude"])
        wanted = sum(before[f"los_{axis}"] * velocity[:, k] for k, axis in enumerate(("east", "north", "up")))
        misfit = after["mean_velocity"] - before["mean_velocity"] - wanted
        # The cosines have three decimals: 0.02 mm/yr of 28 at a point.
        assert np.abs(misfit).max() < 0.022
        assert abs(misfit.mean()) < 0.001


def test_switching_equals_calibrating_in_the_other_frame(ustica):
    """The GNSS grid moved to ITRF2020 first, collocated and calibrated there: another way to the same velocities."""
    products, _ = ustica
    opened = [PointProduct.open(path) for path in products]
    area = [np.concatenate([one.attributes([name])[name] for one in opened]) for name in ("longitude", "latitude")]
    gnss = load(data_path("egms", "EGMS_AEPND_V2022.0_subset.csv"), "ETRF2000", *area)
    stations = gnss.stations
    velocity = frame_velocity("ETRF2000", "ITRF2020", stations.longitude_deg, stations.latitude_deg)
    moved = replace(stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr + velocity, frame="ITRF2020")
    tracks = [observe_track(velocities(one, one.manifest.name), stations) for one in opened]
    switched = switch_frame(
        recipe("egms").fit(tracks, stations, gnss.field), "ITRF2020", [line_of_sight_samples(one) for one in opened]
    )
    again = recipe("egms").fit(tracks, moved, VelocityField.fit(moved))
    for track in tracks:
        place = track.blocks.easting, track.blocks.northing
        one, other = (result.track(track.name).surface.surface_mm_per_yr(*place) for result in (switched, again))
        # A surface of one term, on an island of 4 km, against one that follows the line of sight.
        assert np.abs(one - other).max() < 0.02
        assert np.abs(np.mean(one - other)) < 0.01


@pytest.mark.parametrize("name", ["014A_04939_131313", "167D_04884_131212"])
def test_frames_of_250_km_over_mountains_are_held(name, tmp_path):
    """25 mm/yr between ETRF2000 and ITRF2020: what is left over is terrain in the line of sight, no matter the basis."""
    done = fiducial("motion", "import", data_path("anatolia", name), "--out", tmp_path)
    assert done.code == 0, done.err
    samples = line_of_sight_samples(PointProduct.open(tmp_path / name))
    assert len(samples.easting) > 15_000
    place = samples.easting, samples.northing
    bases = PolynomialBasis.full(*place, 2), SplineBasis.covering(*place, 50_000.0)
    shifts = []
    for basis in bases:
        flat = CorrectionSurface(name, "EPSG:3035", basis, np.zeros(basis.terms), np.eye(basis.terms))
        switched = switch_surface(flat, samples, frame_change("ETRF2000", "ITRF2020"))
        assert switched.highest_mm_per_yr - switched.lowest_mm_per_yr > 4.0
        assert switched.rms_mm_per_yr < 0.005
        assert switched.largest_mm_per_yr < 0.03
        shifts.append(switched.surface.surface_mm_per_yr(*place))
    assert np.abs(shifts[0] - shifts[1]).max() < 1e-6

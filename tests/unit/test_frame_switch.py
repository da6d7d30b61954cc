"""A finished calibration in another frame, on swaths of a Sentinel-1 orbit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.covariance_functions import ExponentialModel
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_from_geocentric
from fiducial.geodesy.frame_velocities import frame_change, frame_velocity
from fiducial.geodesy.interpolation import unproject
from fiducial.motion.calibration.bases import PolynomialBasis, SplineBasis
from fiducial.motion.calibration.frame_switch import LineOfSightSamples, switch_frame, switch_surface
from fiducial.motion.calibration.observations import Medians, StationSamples, TrackObservations
from fiducial.motion.calibration.protocol import CalibrationResult, StationResiduals, TrackCalibration
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface

ORBIT_RADIUS_M = 6_378_137.0 + 693_000.0
INCLINATION = np.deg2rad(98.18)
FRAMES = ["ITRF2020", "ETRF2014", "plate:EURA@ITRF2014", "plate:NUBI@ITRF2020+ORB"]


def sentinel1_sight(longitude, latitude, *, ascending=True, nadir=(4.0, 45.0)):
    """Lines of sight to a circular orbit over a nadir point, each at zero Doppler; right-looking if east of it."""
    below = geocentric_position_m(*nadir)
    below /= np.linalg.norm(below)
    argument = np.arcsin(below[2] / np.sin(INCLINATION))
    argument = argument if ascending else np.pi - argument
    # The node is turned so that the orbit passes over the nadir point.
    turn = np.arctan2(below[1], below[0]) - np.arctan2(np.sin(argument) * np.cos(INCLINATION), np.cos(argument))
    node = np.array([np.cos(turn), np.sin(turn), 0.0])
    across = np.array([-np.sin(turn) * np.cos(INCLINATION), np.cos(turn) * np.cos(INCLINATION), np.sin(INCLINATION)])
    ground = geocentric_position_m(longitude, latitude)
    angle = np.arctan2(ground @ across, ground @ node)
    satellite = ORBIT_RADIUS_M * (np.cos(angle)[:, None] * node + np.sin(angle)[:, None] * across)
    ray = satellite - ground
    return local_from_geocentric(ray / np.linalg.norm(ray, axis=1, keepdims=True), longitude, latitude)


def swath(size_m=250_000.0, spacing_m=5_000.0, *, ascending=True, seed=None):
    """Samples of a square swath 460 km east (ascending) or west of the nadir, incidence 29 to 44 degrees."""
    centre = (4_310_000.0, 2_500_000.0) if ascending else (3_400_000.0, 2_500_000.0)
    if seed is None:
        axis = np.arange(0.5 * spacing_m, size_m, spacing_m) - 0.5 * size_m
        easting, northing = (x.ravel() for x in np.meshgrid(centre[0] + axis, centre[1] + axis))
    else:
        rng = np.random.default_rng(seed)
        easting, northing = (centre[k] + rng.uniform(-0.5, 0.5, 500) * size_m for k in (0, 1))
    longitude, latitude = unproject(easting, northing, "EPSG:3035")
    sight = sentinel1_sight(longitude, latitude, ascending=ascending)
    return LineOfSightSamples(easting, northing, longitude, latitude, sight)


def along_sight(samples, source, target):
    velocity = frame_velocity(source, target, samples.longitude_deg, samples.latitude_deg)
    return np.sum(samples.line_of_sight * velocity, axis=1)


def polynomial(samples, degree=2):
    return PolynomialBasis.full(samples.easting, samples.northing, degree)


def rotated(samples):
    return PolynomialBasis.band_limited(samples.easting + 0.3 * samples.northing, samples.northing, 50_000.0, 2)


def spline(samples, spacing_m=40_000.0):
    return SplineBasis.covering(samples.easting, samples.northing, spacing_m)


def surface_on(basis, seed=0, **more):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(basis.terms, basis.terms)) / np.sqrt(basis.terms)
    return CorrectionSurface("track", "EPSG:3035", basis, rng.normal(size=basis.terms), root @ root.T, **more)


BASES = [lambda s: polynomial(s, 0), lambda s: polynomial(s, 2), lambda s: polynomial(s, 4), rotated, spline]


def test_the_orbit_of_these_tests_is_that_of_sentinel1():
    samples = swath()
    incidence = np.rad2deg(np.arccos(samples.line_of_sight[:, 2]))
    assert 27.0 < incidence.min() < 31.0
    assert 42.0 < incidence.max() < 47.0
    assert (samples.line_of_sight[:, 0] < -0.4).all()
    assert (swath(ascending=False).line_of_sight[:, 0] > 0.4).all()
    assert samples.line_of_sight[:, 1].min() > -0.17
    assert samples.line_of_sight[:, 1].max() < -0.05


@pytest.mark.parametrize("make", BASES, ids=["constant", "quadratic", "quartic", "rotated", "spline"])
@pytest.mark.parametrize("target", FRAMES)
@pytest.mark.parametrize("ascending", [True, False], ids=["ascending", "descending"])
def test_surface_of_a_frame_follows_the_line_of_sight_to_5_micrometres(make, target, ascending):
    """25 mm/yr between the frames, 250 km: checked at other places than those it was made from."""
    samples, elsewhere = swath(ascending=ascending), swath(ascending=ascending, seed=5)
    old = surface_on(make(samples))
    new = switch_surface(old, samples, frame_change("ETRF2000", target))
    gained = old.surface_mm_per_yr(elsewhere.easting, elsewhere.northing)
    gained -= new.surface.surface_mm_per_yr(elsewhere.easting, elsewhere.northing)
    wanted = along_sight(elsewhere, "ETRF2000", target)
    assert np.abs(gained - wanted).max() < 0.005
    assert new.rms_mm_per_yr < 0.001
    assert new.largest_mm_per_yr < 0.005
    assert new.lowest_mm_per_yr <= wanted.min() + 0.05
    assert new.highest_mm_per_yr >= wanted.max() - 0.05


@pytest.mark.parametrize(("size_km", "spacing_km"), [(4, 0.2), (18, 1), (85, 4), (119, 5), (310, 10)])
def test_any_extent_of_a_product(size_km, spacing_km):
    samples = swath(size_km * 1e3, spacing_km * 1e3)
    old = surface_on(polynomial(samples, 0))
    new = switch_surface(old, samples, frame_change("ETRF2000", "ITRF2020"))
    assert new.largest_mm_per_yr < 0.005


def test_rounded_cosines_are_averaged():
    """EGMS prints three decimals: up to 0.02 mm/yr a point of 25, less in the surface of even a small island."""
    samples = swath(5_000.0, 100.0)
    rounded = replace(samples, line_of_sight=samples.line_of_sight.round(3))
    old = surface_on(polynomial(samples, 0))
    new = switch_surface(old, rounded, frame_change("ETRF2000", "ITRF2020"))
    gained = old.surface_mm_per_yr(samples.easting, samples.northing)
    gained -= new.surface.surface_mm_per_yr(samples.easting, samples.northing)
    assert np.abs(gained - along_sight(samples, "ETRF2000", "ITRF2020")).max() < 0.008
    assert 0.002 < new.rms_mm_per_yr < 0.01


@pytest.mark.parametrize("make", BASES)
def test_sigma_clusters_and_systematic_part_stay(make):
    samples = swath()
    basis = make(samples)
    cross = 0.01 * np.random.default_rng(8).normal(size=(2, basis.terms))
    clusters = ClusterOffsets(np.array([0, 3]), np.array([0.0, 1.5]), np.array([0.1, 0.2]), cross, 9.0)
    old = surface_on(basis, systematic_sigma_mm_per_yr=0.3, clusters=clusters)
    new = switch_surface(old, samples, frame_change("ETRF2000", "ITRF2020")).surface
    place = samples.easting, samples.northing, np.where(samples.easting > 4_310_000.0, 3, 0)
    assert np.abs(new.sigma_mm_per_yr(*place) - old.sigma_mm_per_yr(*place)).max() < 1e-9
    assert (new.track, new.crs, new.systematic_sigma_mm_per_yr) == ("track", "EPSG:3035", 0.3)
    gained = old.surface_mm_per_yr(*place) - new.surface_mm_per_yr(*place)
    assert np.abs(gained - along_sight(samples, "ETRF2000", "ITRF2020")).max() < 0.005
    again = CorrectionSurface.from_dict(new.to_dict())
    assert np.array_equal(again.surface_mm_per_yr(*place), new.surface_mm_per_yr(*place))


@pytest.mark.parametrize("make", BASES)
def test_there_and_back_is_the_same_surface_and_ways_do_not_matter(make):
    samples = swath()
    old = surface_on(make(samples))
    place = samples.easting, samples.northing

    def switch(surface, source, target):
        return switch_surface(surface, samples, frame_change(source, target)).surface

    there = switch(old, "ETRF2000", "ITRF2020")
    back = switch(there, "ITRF2020", "ETRF2000")
    assert np.abs(back.surface_mm_per_yr(*place) - old.surface_mm_per_yr(*place)).max() < 1e-9
    way = switch(there, "ITRF2020", "ETRF2014")
    direct = switch(old, "ETRF2000", "ETRF2014")
    assert np.abs(way.surface_mm_per_yr(*place) - direct.surface_mm_per_yr(*place)).max() < 1e-9


@pytest.mark.parametrize("count", [1, 2, 3, 11])
def test_a_few_samples_are_followed(count):
    """An island of one or two blocks: nothing is extrapolated that was not seen."""
    samples = LineOfSightSamples(
        **{name: values[:: 2500 // count][:count] for name, values in vars(swath(8e3, 160.0)).items()}
    )
    old = surface_on(polynomial(swath(), 1))
    new = switch_surface(old, samples, frame_change("ETRF2000", "ITRF2020"))
    gained = old.surface_mm_per_yr(samples.easting, samples.northing)
    gained -= new.surface.surface_mm_per_yr(samples.easting, samples.northing)
    # One sample, or the mean of two 5 km apart.
    assert np.abs(gained - along_sight(samples, "ETRF2000", "ITRF2020")).max() < (0.05 if count == 2 else 0.002)


def test_unknown_positions_are_left_out_and_none_is_refused():
    samples = swath()
    holes = replace(samples, longitude_deg=np.where(np.arange(2500) % 7 == 0, np.nan, samples.longitude_deg))
    change = frame_change("ETRF2000", "ITRF2020")
    assert switch_surface(surface_on(polynomial(samples)), holes, change).rms_mm_per_yr < 0.001
    nothing = replace(samples, line_of_sight=np.full((2500, 3), np.nan))
    with pytest.raises(InputError, match="FID-1067"):
        switch_surface(surface_on(polynomial(samples)), nothing, change)


def test_two_tracks_in_one_surface_are_refused():
    """Ascending and descending over one place: no function of the map is the line of sight of both."""
    one = swath()
    other = sentinel1_sight(one.longitude_deg, one.latitude_deg, ascending=False, nadir=(16.0, 45.0))
    mixed = replace(one, line_of_sight=np.where(np.arange(2500)[:, None] % 2 == 0, one.line_of_sight, other))
    with pytest.raises(InputError, match="FID-1103") as caught:
        switch_surface(surface_on(polynomial(one)), mixed, frame_change("ETRF2000", "ITRF2020"))
    assert "each track" in caught.value.fix


def test_unknown_basis_is_refused():
    class Other:
        kind, terms = "wavelets", 1

    samples = swath()
    surface = CorrectionSurface("track", "EPSG:3035", Other(), np.zeros(1), np.zeros((1, 1)))
    with pytest.raises(InputError, match=r"FID-1103.*wavelets"):
        switch_surface(surface, samples, frame_change("ETRF2000", "ITRF2020"))


def observed(name, samples, velocity):
    size = len(velocity)
    ones = np.ones(size)
    medians = Medians(samples.easting, samples.northing, samples.longitude_deg, samples.latitude_deg, velocity, ones,
                      samples.line_of_sight, np.full(size, 40), ones, np.zeros(size, dtype=np.int64))  # fmt: skip
    at = np.arange(100, size, 200)
    stations = StationSamples(np.arange(len(at)), np.array([f"S{k}" for k in range(len(at))]), medians.select(at))
    cell = np.floor(np.column_stack([samples.easting, samples.northing]) / 5000.0).astype(np.int64)
    return TrackObservations(name, "EPSG:3035", 5000.0, cell, medians, stations)


@pytest.fixture
def calibrated():
    """Two tracks, tied to ETRF2000 velocities of stations that move by (1, 2, -0.5) mm/yr."""
    made, seen = [], []
    for name, ascending in (("ascending", True), ("descending", False)):
        samples = swath(ascending=ascending)
        surface = replace(surface_on((polynomial if ascending else spline)(samples), seed=ascending), track=name)
        rng = np.random.default_rng(3)
        velocity = samples.line_of_sight @ [1.0, 2.0, -0.5] + rng.normal(0.0, 0.5, 2500)
        velocity += surface.surface_mm_per_yr(samples.easting, samples.northing)
        track = observed(name, samples, velocity)
        at = track.samples.medians
        before = at.velocity_mm_per_yr - at.line_of_sight @ [1.0, 2.0, -0.5]
        after = before - surface.surface_mm_per_yr(at.easting, at.northing)
        residuals = StationResiduals(track.samples.names, at.easting, at.northing, before, after, np.ones(at.size),
                                     np.ones(at.size, dtype=bool))  # fmt: skip
        made.append(
            TrackCalibration(surface, ExponentialModel(0.5, 20.0, 0.1, 99, ()), residuals, (), 12, 6, 1.0, ("first",))
        )
        seen.append(track)
    return CalibrationResult("plane", "ETRF2000", "table.csv", tuple(made), (), ("a note",)), seen


def test_result_is_that_of_gnss_velocities_in_the_new_frame(calibrated):
    result, tracks = calibrated
    switched = switch_frame(result, "igs20", tracks)
    assert switched.frame == "ITRF2020"
    assert switched.notes == (
        "a note",
        "switched from ETRF2000 to ITRF2020 by adding the LOS of the frame velocity (EPSG:10586 inverted)",
    )
    for old, new, track in zip(result.tracks, switched.tracks, tracks, strict=True):
        at = track.samples.medians
        velocity = frame_velocity("ETRF2000", "ITRF2020", at.longitude_deg, at.latitude_deg)
        velocity += np.array([1.0, 2.0, -0.5])
        before = at.velocity_mm_per_yr - np.sum(at.line_of_sight * velocity, axis=1)
        after = before - new.surface.surface_mm_per_yr(at.easting, at.northing)
        assert np.abs(new.stations.before_mm_per_yr - before).max() < 0.005
        assert np.abs(after - old.stations.after_mm_per_yr).max() < 0.005
        assert np.array_equal(new.stations.after_mm_per_yr, old.stations.after_mm_per_yr)
        assert new.stations.sigma_mm_per_yr is old.stations.sigma_mm_per_yr
        assert new.noise is old.noise
        assert new.notes[0] == "first"
        assert new.notes[1].startswith("LOS of the frame velocity ")
    assert switched.to_dict()["frame"] == "ITRF2020"


def test_the_same_frame_changes_nothing(calibrated):
    result, tracks = calibrated
    assert switch_frame(result, "etrf2000", tracks) is result


def test_plates_need_a_model_and_their_choice_is_in_the_name(calibrated):
    result, tracks = calibrated
    with pytest.raises(InputError, match="FID-1102"):
        switch_frame(replace(result, frame="plate:EURA"), "ETRF2000", tracks)
    pure, biased = (switch_frame(result, f"plate:EURA@ITRF2020{end}", tracks) for end in ("", "+ORB"))
    assert (pure.frame, biased.frame) == ("plate:EURA@ITRF2020", "plate:EURA@ITRF2020+ORB")
    assert "with origin rate bias" in biased.notes[-1]
    assert "origin rate bias" not in pure.notes[-1]
    at = tracks[0].blocks
    moved = [one.tracks[0].surface.surface_mm_per_yr(at.easting, at.northing) for one in (pure, biased)]
    wanted = along_sight(at, "plate:EURA@ITRF2020", "plate:EURA@ITRF2020+ORB")
    assert np.abs(moved[0] - moved[1] - wanted).max() < 0.005
    assert np.abs(wanted).min() > 0.3


def test_tracks_must_be_those_of_the_result(calibrated):
    result, tracks = calibrated
    for wrong in (tracks[::-1], tracks[:1]):
        with pytest.raises(InputError, match="FID-1063"):
            switch_frame(result, "ITRF2020", wrong)
    samples = [LineOfSightSamples.of(track) for track in tracks]
    assert switch_frame(result, "ITRF2020", samples).frame == "ITRF2020"

"""Velocities between frames against PROJ, EUREF Technical Note 1, and the published vertical differences."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from pyproj.crs import CoordinateOperation

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_axes, local_from_geocentric
from fiducial.geodesy.frame_parameters import (
    EARLIER_OPERATIONS,
    OPERATIONS,
    ORIGIN_RATE_BIAS_MM_PER_YR,
    PLATE_ROTATIONS_MAS_PER_YR,
)
from fiducial.geodesy.frame_velocities import canonical_frame, frame_change, frame_velocity
from fiducial.geodesy.frames import PLATES_BY_MODEL, parse_frame
from fiducial.geodesy.helmert import HelmertRates

TO_GEODETIC = pyproj.Transformer.from_pipeline("+proj=pipeline +step +inv +proj=cart +ellps=GRS80 +step "
                                               "+proj=unitconvert +xy_in=rad +xy_out=deg")  # fmt: skip


def european_points(count=60, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(-10.0, 35.0, count), rng.uniform(34.0, 71.0, count)


def proj_velocity(epsg, longitude, latitude, epoch):
    """East, north, up of what PROJ's operation adds in a year, by differences of geodetic positions, mm/yr."""
    operation = pyproj.Transformer.from_pipeline(f"urn:ogc:def:coordinateOperation:EPSG::{epsg}")
    position = geocentric_position_m(longitude, latitude)
    half_span_years = 10.0
    moved = []
    for time in (epoch - half_span_years, epoch + half_span_years):
        *after, _ = operation.transform(*position.T, np.full(len(position), time))
        moved.append(TO_GEODETIC.transform(*after))
    degrees = (np.array(moved[1]) - np.array(moved[0])) / (2.0 * half_span_years)
    sin2 = np.sin(np.deg2rad(latitude)) ** 2
    e2 = 0.00669438002290
    normal = 6378137.0 / np.sqrt(1.0 - e2 * sin2)
    meridian = 6378137.0 * (1.0 - e2) / (1.0 - e2 * sin2) ** 1.5
    scale = np.array([normal * np.cos(np.deg2rad(latitude)), meridian])
    return np.column_stack([*(1e3 * np.deg2rad(degrees[:2]) * scale), 1e3 * degrees[2]])


def test_ellipsoid_is_that_of_proj():
    longitude, latitude = european_points()
    position = geocentric_position_m(longitude, latitude, 850.0)
    found = TO_GEODETIC.transform(*position.T)
    assert np.abs(found[0] - longitude).max() < 1e-11
    assert np.abs(found[1] - latitude).max() < 1e-11
    assert np.abs(found[2] - 850.0).max() < 1e-6
    axes = local_axes(longitude, latitude)
    assert np.allclose(axes @ np.swapaxes(axes, 1, 2), np.eye(3), atol=1e-14)
    assert np.allclose(np.cross(axes[:, 0], axes[:, 1]), axes[:, 2], atol=1e-14)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: str(row.epsg))
def test_every_parameter_is_that_of_epsg(operation):
    listed = CoordinateOperation.from_epsg(operation.epsg)
    assert listed.method_name == "Time-dependent Position Vector tfm (geocentric)"
    assert listed.name.startswith(f"{operation.source} to {operation.target} ")
    assert all(p.unit_name.split()[0].rstrip("s") in {"millimetre", "milliarc-second", "part", "year"}
               or p.unit_name.startswith(("parts per billion", "milliarc-seconds")) for p in listed.params)  # fmt: skip
    ours = [*operation.translation_mm, *operation.rotation_mas, operation.scale_ppb]
    rates = operation.rates
    ours += [*rates.translation_mm_per_yr, *rates.rotation_mas_per_yr, rates.scale_ppb_per_yr, operation.epoch]
    assert ours == [parameter.value for parameter in listed.params]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: str(row.epsg))
def test_velocity_is_the_difference_of_projs_positions(operation):
    """Second order terms of the transform are below 0.0001 mm/yr over 20 years."""
    longitude, latitude = european_points()
    ours = frame_velocity(operation.source, operation.target, longitude, latitude)
    theirs = proj_velocity(operation.epsg, longitude, latitude, operation.epoch)
    assert np.abs(ours - theirs).max() < 0.0001


def test_horizontal_velocities_between_itrf_and_etrf_are_large_enough_to_show_a_wrong_sign():
    east, north, _ = frame_velocity("ITRF2020", "ETRF2000", 10.0, 52.0)
    assert -20.0 < east < -18.0
    assert -17.0 < north < -15.0


EUREF_POSITION = np.array([4027893.6750, 307045.9069, 4919475.1721])
EUREF_ITRF2020 = np.array([-13.61, 16.86, 10.24])


@pytest.mark.parametrize(
    ("target", "velocity"),
    [
        # The tests of PyGeodesy print +0.11 for X in ETRF2020; the formula of the Note gives -0.11.
        ("ETRF2020", (-0.11, 0.11, 0.24)),
        ("ITRF2014", (-13.61, 16.76, 10.44)),
        ("ETRF2014", (0.20, -0.30, 0.20)),
        ("ETRF2000", (-0.20, -0.50, -0.36)),
    ],
)
def test_euref_technical_note_1(target, velocity):
    found = EUREF_ITRF2020 + frame_change("ITRF2020", target).rates.velocity_mm_per_yr(EUREF_POSITION)
    assert np.abs(found - velocity).max() < 0.01


@pytest.mark.parametrize(("latitude", "up"), [(36.0, -0.22), (45.0, -0.43), (52.0, -0.58), (70.0, -0.86)])
def test_published_vertical_of_etrf2000(latitude, up):
    """The published amounts are those of translation and scale; on the ellipsoid the rotation adds up to 0.05 mm/yr."""
    longitude = 0.0
    rates = frame_change("ITRF2020", "ETRF2000").rates
    still = HelmertRates(rates.translation_mm_per_yr, rates.scale_ppb_per_yr)
    position = geocentric_position_m(longitude, latitude)
    without = local_from_geocentric(still.velocity_mm_per_yr(position), longitude, latitude)
    assert without[2] == pytest.approx(up, abs=0.01)
    whole = frame_velocity("ITRF2020", "ETRF2000", longitude, latitude)
    # Towards the pole the ellipsoid falls below the sphere: a rotation that moves a point north by v lifts it by v times
    # the angle between normal and radius.
    tilt = np.deg2rad(latitude) - np.arctan2(position[2], np.hypot(position[0], position[1]))
    turned = local_from_geocentric(whole_rotation(rates, position), longitude, latitude)
    assert turned[2] == pytest.approx(turned[1] * np.tan(tilt), abs=1e-6)
    assert whole[2] - without[2] == pytest.approx(turned[2], abs=1e-9)
    assert 0.03 < -turned[2] < 0.06


def whole_rotation(rates, position):
    return HelmertRates(rotation_mas_per_yr=rates.rotation_mas_per_yr).velocity_mm_per_yr(position)


def test_published_vertical_of_itrf2014():
    """+0.10 to +0.18 mm/yr from 36 to 70 degrees north."""
    up = frame_velocity("ITRF2020", "ITRF2014", np.full(4, 10.0), [36.0, 45.0, 52.0, 70.0])[:, 2]
    assert up[0] == pytest.approx(0.10, abs=0.01)
    assert up[3] == pytest.approx(0.18, abs=0.01)
    assert (np.diff(up) > 0).all()


@pytest.mark.parametrize(
    "loop",
    [
        ("ITRF2020", "ITRF2014", "ETRF2000"),
        ("ITRF2020", "ITRF2014", "ETRF2014"),
        ("ITRF2020", "ITRF2014", "ITRF2008"),
    ],
)
def test_loops_of_published_rows_close(loop):
    """Each side is one published row; the table has no contradiction between them."""
    total = HelmertRates()
    for source, target in zip(loop, (*loop[1:], loop[0]), strict=True):
        change = frame_change(source, target)
        assert len(change.operations) == 1
        total += change.rates
    longitude, latitude = european_points()
    closure = total.velocity_mm_per_yr(geocentric_position_m(longitude, latitude))
    assert np.abs(closure).max() < 1e-9


def test_plate_models_are_complete_and_those_of_proj():
    assert {model: tuple(sorted(plates)) for model, plates in PLATE_ROTATIONS_MAS_PER_YR.items()} == PLATES_BY_MODEL
    position = geocentric_position_m(*european_points(8))
    for model, plates in PLATE_ROTATIONS_MAS_PER_YR.items():
        for code in plates:
            for name, ending in ((code, ""), (f"{code}_T", "+ORB"))[: 1 + (model == "ITRF2020")]:
                motion = pyproj.Transformer.from_pipeline(f"+init={model}:{name} +t_epoch=2000.0")
                *moved, _ = motion.transform(*position.T, np.full(len(position), 2010.0))
                theirs = 1e3 * (np.column_stack(moved) - position) / 10.0
                # In the frame of its plate a point of the plate does not move.
                ours = -frame_change(model, f"plate:{code}@{model}{ending}").rates.velocity_mm_per_yr(position)
                assert np.abs(ours - theirs).max() < 1e-3, name


def test_etrf2014_is_eurasia_of_the_itrf2014_model():
    """EUREF defines ETRF2014 by the rotation of Eurasia in the ITRF2014 plate motion model."""
    longitude, latitude = european_points()
    assert np.abs(frame_velocity("ETRF2014", "plate:EURA@ITRF2014", longitude, latitude)).max() < 1e-9
    # ETRF2020 rounds one component of the rotation differently: 0.001 mas/yr.
    assert np.abs(frame_velocity("ETRF2020", "plate:EURA@ITRF2020", longitude, latitude)).max() < 0.035


def test_origin_rate_bias_is_a_translation_that_the_user_chooses():
    longitude, latitude = european_points()
    shift = frame_velocity("plate:EURA@ITRF2020", "plate:EURA@ITRF2020+ORB", longitude, latitude)
    bias = local_from_geocentric(np.tile(ORIGIN_RATE_BIAS_MM_PER_YR["ITRF2020"], (60, 1)), longitude, latitude)
    assert np.abs(shift + bias).max() < 1e-12
    assert shift[:, 2].min() > -0.95
    assert shift[:, 2].max() < -0.6
    by_option = frame_velocity("ITRF2020", "plate:EURA@ITRF2020", longitude, latitude, origin_rate_bias=True)
    by_name = frame_velocity("ITRF2020", "plate:EURA@ITRF2020+ORB", longitude, latitude)
    assert np.array_equal(by_option, by_name)
    assert canonical_frame("plate:EURA@ITRF2014", origin_rate_bias=True) == "plate:EURA@ITRF2014"


def test_names_aliases_and_operations():
    change = frame_change("IGb14", parse_frame("IGS20"))
    assert (change.source, change.target, change.operations) == ("ITRF2014", "ITRF2020", ("EPSG:9991",))
    assert frame_change("ETRF2014", "ETRF2000").operations == ("EPSG:10587 inverted", "EPSG:10586")
    assert len(frame_change("plate:NUBI@ITRF2014", "plate:EURA@ITRF2020").operations) == 3
    assert frame_change("ITRF2020", "igs20").operations == ()
    # PROJ makes this one a silent no-op.
    assert np.abs(frame_velocity("IGb14", "ITRF2020", 10.0, 50.0)).max() > 0.1


def test_shapes_and_unknown_positions():
    assert frame_velocity("ITRF2020", "ETRF2000", 10.0, 50.0).shape == (3,)
    found = frame_velocity("ITRF2020", "ETRF2000", [10.0, np.nan, 12.0], [50.0, 50.0, np.nan])
    assert found.shape == (3, 3)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("source", "target", "code", "says"),
    [
        ("ITRF2020", "ETRF2001", "FID-1004", "unknown reference frame"),
        ("ETRF2000", "plate:EURA", "FID-1102", "plate:EURA@ITRF2014 or plate:EURA@ITRF2020"),
        ("plate:CARB", "ITRF2020", "FID-1102", "model: plate:CARB@ITRF2020"),
        ("plate:EURA", "plate:EURA", "FID-1102", "does not say"),
        ("ITRF2014", "plate:EURA@ITRF2014+ORB", "FID-1102", "no origin rate bias"),
        ("ITRF2020+ORB", "ETRF2000", "FID-1102", "no origin rate bias"),
    ],
)
def test_unknown_transformations_are_errors_with_a_fix(source, target, code, says):
    with pytest.raises(InputError, match=code) as caught:
        frame_velocity(source, target, 10.0, 50.0)
    assert says in str(caught.value)


def test_frames_without_a_way(monkeypatch):
    from fiducial.geodesy import frame_graph

    monkeypatch.setattr(frame_graph, "_steps_from", lambda _: ())
    with pytest.raises(InputError, match="FID-1101") as caught:
        frame_velocity("ITRF97", "plate:EURA@ITRF2014", 10.0, 50.0)
    assert "from ITRF97 to ITRF2014" in str(caught.value)


@pytest.mark.parametrize("row", EARLIER_OPERATIONS, ids=lambda row: str(row.epsg))
def test_velocity_of_earlier_frames_is_the_difference_of_projs_positions(row):
    longitude, latitude = european_points()
    ours = frame_velocity(row.source, row.target, longitude, latitude)
    theirs = proj_velocity(row.epsg, longitude, latitude, row.epoch)
    assert np.abs(ours - theirs).max() < 0.0001
    assert frame_change(row.source, row.target).operations == (f"EPSG:{row.epsg}",)


@pytest.mark.parametrize(("longitude", "latitude"), [(50.0, 100.0), (400.0, 50.0), (4_600_000.0, 1_700_000.0)])
def test_impossible_positions(longitude, latitude):
    with pytest.raises(InputError, match="FID-1104"):
        frame_velocity("ITRF2020", "ETRF2000", [10.0, longitude], [50.0, latitude])

"""Scores of networks whose answer is known, and of networks that are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fiducial.chain.requirement_scoring import (
    BELOW,
    UNKNOWN,
    Limits,
    Network,
    both,
    count_sites,
    limits_of,
    score_cells,
    shares,
)
from fiducial.constants import MEAN_EARTH_RADIUS_KM
from fiducial.errors import InputError
from fiducial.formats.chain_register import packaged_register
from fiducial.runs.chain_requirements_area import cells_around, cells_inside
from fiducial.runs.chain_requirements_polygon import first_crossing

KM_DEG = np.rad2deg(1.0 / MEAN_EARTH_RADIUS_KM)
LIMITS = limits_of(packaged_register().requirement(369))


def network(longitude, latitude, horizontal=0.2, up=0.5, step=np.nan, age=np.nan):
    longitude = np.asarray(longitude, dtype=np.float64)
    full = [np.broadcast_to(np.asarray(one, dtype=np.float64), longitude.shape) for one in (horizontal, up, step, age)]
    return Network(longitude, np.asarray(latitude, dtype=np.float64), *full)


def square(spacing_km, half=3):
    """Return a regular square network about 0, 0, small enough to be flat."""
    steps = np.arange(-half, half + 1) * spacing_km * KM_DEG
    longitude, latitude = np.meshgrid(steps, steps)
    return longitude.ravel(), latitude.ravel()


def unit_cell(spacing_km, count=200):
    """Return places that fill the square between four stations evenly."""
    steps = (np.arange(count) + 0.5) / count * spacing_km * KM_DEG
    longitude, latitude = np.meshgrid(steps, steps)
    return longitude.ravel(), latitude.ravel()


def square_share(ratio):
    """Return the share of a unit square within ``ratio`` of a corner lattice (discs of one radius)."""
    if ratio <= 0.5:
        return np.pi * ratio**2
    if ratio >= np.sqrt(0.5):
        return 1.0
    # Four segments of each disc stick out of the square about its centre.
    angle = np.arccos(0.5 / ratio)
    return np.pi * ratio**2 - 4 * (ratio**2 * angle - 0.5 * np.sqrt(ratio**2 - 0.25))


def test_limits_in_the_units_of_scoring():
    np.testing.assert_allclose(LIMITS.uncertainty_mm_per_yr, [10.0, 5.0, 1.0])
    np.testing.assert_allclose(LIMITS.spacing_km, [100.0, 50.0, 10.0])
    np.testing.assert_allclose(LIMITS.update_s, [86400.0, 3600.0, 1.0])
    np.testing.assert_allclose(LIMITS.age_s, [182.625 * 86400, 30.4375 * 86400, 86400.0])


@pytest.mark.parametrize("uid", [379, 298])
def test_requirements_that_cannot_be_scored(uid):
    with pytest.raises(InputError) as caught:
        limits_of(packaged_register().requirement(uid))
    assert caught.value.code == "FID-1404"


@pytest.mark.parametrize("spacing_km", [9.9, 10.1, 12.0, 20.0, 49.9, 55.0, 60.0, 80.0, 99.0, 105.0])
def test_shares_of_a_regular_network(spacing_km):
    found = score_cells(network(*square(spacing_km)), LIMITS, *unit_cell(spacing_km))
    share = shares(found.levels["spacing"])
    for level, limit_km in zip(("threshold", "breakthrough", "goal"), LIMITS.spacing_km, strict=True):
        assert share[level] == pytest.approx(square_share(limit_km / np.sqrt(2) / spacing_km), abs=2e-3)


def test_a_level_counts_only_stations_that_meet_its_uncertainty():
    # Every second station of a 10 km network is good enough for the goal; those alone lie on a 10·√2 km network.
    longitude, latitude = square(10.0)
    good = np.add(*np.indices((7, 7))).ravel() % 2 == 0
    found = score_cells(network(longitude, latitude, np.where(good, 0.9, 4.0)), LIMITS, *unit_cell(10.0))
    assert shares(found.levels["spacing"])["goal"] == pytest.approx(1.0, abs=1e-3)
    assert shares(found.levels["horizontal"])["goal"] == pytest.approx(square_share(0.5), abs=2e-3)
    assert shares(found.levels["horizontal"])["breakthrough"] == 1.0
    assert shares(found.levels["uncertainty_horizontal"])["goal"] == 1.0


def test_unknown_is_not_zero():
    here = network([0.0], [0.0], up=np.nan)
    levels = score_cells(here, LIMITS, np.array([0.0, 2.0]), np.array([0.0, 0.0])).levels
    assert levels["up"].tolist() == levels["update_frequency"].tolist() == [UNKNOWN, BELOW]
    assert levels["velocity"].tolist() == [UNKNOWN, BELOW]
    assert levels["horizontal"].tolist() == [3, 0]
    assert shares(levels["up"]) == {"threshold": None, "breakthrough": None, "goal": None, "below": 0.5, "unknown": 0.5}


def test_series_give_update_frequency_and_timeliness():
    here = network([0.0], [0.0], step=86400.0, age=20 * 86400.0)
    levels = score_cells(here, LIMITS, np.zeros(1), np.zeros(1)).levels
    assert [levels[name][0] for name in ("update_frequency", "timeliness", "velocity", "requirement")] == [1, 2, 3, 1]


def test_three_valued_and():
    codes = both([np.array([-1, -1, 2, -1], dtype=np.int8), np.array([0, 3, 1, -1], dtype=np.int8)])
    assert codes.tolist() == [0, -1, 1, -1]


def test_an_unknown_goal_is_not_reached():
    limits = Limits(LIMITS.uncertainty_mm_per_yr, np.array([100.0, 50.0, np.nan]), *np.full((2, 3), np.nan))
    levels = score_cells(network([0.0], [0.0]), limits, np.zeros(1), np.zeros(1)).levels
    assert levels["spacing"][0] == levels["velocity"][0] == 2
    assert levels["timeliness"][0] == UNKNOWN


def test_stations_at_one_place_are_one_site():
    places = np.array([0.0, 0.5, 0.05, 20.0]) * KM_DEG
    assert count_sites(places, np.zeros(4)) == 3
    assert count_sites(np.full(5, 180.0) * [1, -1, 1, -1, 1], np.full(5, 45.0)) == 1
    assert count_sites(np.array([0.0, 90.0, -120.0]), np.full(3, 90.0)) == 1
    assert count_sites(np.zeros(0), np.zeros(0)) == 0
    many = score_cells(network(np.zeros(5), np.zeros(5)), LIMITS, *unit_cell(20.0, 20)).levels
    one = score_cells(network(np.zeros(1), np.zeros(1)), LIMITS, *unit_cell(20.0, 20)).levels
    assert all(np.array_equal(many[name], one[name]) for name in one)


@pytest.mark.parametrize("change", [{"horizontal": -1.0}, {"longitude": [200.0]}, {"latitude": [0.0, 1.0]}])
def test_networks_that_are_none(change):
    with pytest.raises(InputError) as caught:
        network(**({"longitude": [0.0], "latitude": [0.0]} | change))
    assert caught.value.code == "FID-1409"


def test_no_cells_no_shares():
    with pytest.raises(InputError) as caught:
        shares(np.zeros(0, dtype=np.int8))
    assert caught.value.code == "FID-1405"


def polygon_file(folder, *rings, crs=None):
    document = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry":
                {"type": "Polygon", "coordinates": [list(map(list, ring))]}} for ring in rings]}  # fmt: skip
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    path = folder / "area.geojson"
    path.write_text(json.dumps(document))
    return path


def box(west, south, east, north):
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def sphere_km2(west, south, east, north):
    heights = np.sin(np.deg2rad(north)) - np.sin(np.deg2rad(south))
    return MEAN_EARTH_RADIUS_KM**2 * np.deg2rad(east - west) * heights


@pytest.mark.parametrize(
    ("bounds", "projection"),
    [((5, 45, 9, 49), "EPSG:3035"), ((-100, 30, -96, 33), "+proj=laea"), ((-180, 84, 180, 90), "+proj=laea"),
     ((-180, -60, 180, 60), "EPSG:6933")],
)  # fmt: skip
def test_cells_of_a_polygon_have_its_area(tmp_path, bounds, projection):
    cell_km = 100.0 if projection == "EPSG:6933" else 4.0
    # Sides are straight in longitude and latitude, as GeoJSON has them.
    cells = cells_inside(polygon_file(tmp_path, box(*bounds)), cell_km)
    assert cells.crs.startswith(projection)
    assert cells.area_km2 == pytest.approx(sphere_km2(*bounds), rel=0.012)


def test_a_polygon_across_180_degrees_in_two_parts(tmp_path):
    path = polygon_file(tmp_path, box(178, 60, 180, 62), box(-180, 60, -178, 62))
    cells = cells_inside(path, 10.0)
    assert cells.area_km2 == pytest.approx(sphere_km2(178, 60, 182, 62), rel=0.012)
    assert np.all(np.abs(cells.longitude_deg) >= 178.0)


def test_a_polygon_in_metres(tmp_path):
    path = polygon_file(tmp_path, box(4.0e6, 2.7e6, 4.1e6, 2.8e6), crs="urn:ogc:def:crs:EPSG::3035")
    cells = cells_inside(path, 10.0)
    assert (cells.size, cells.crs) == (100, "EPSG:3035")
    assert cells.on_land.all()


def test_a_polygon_in_the_sea_is_scored_as_given(tmp_path):
    cells = cells_inside(polygon_file(tmp_path, box(3.5, 40.5, 5.5, 42.0)), 10.0)
    assert cells.size > 200
    assert not cells.on_land.any()


@pytest.mark.parametrize(
    ("ring", "code"),
    [
        ([(5, 45), (9, 49), (9, 45), (5, 49), (5, 45)], "FID-1406"),  # crosses itself
        (box(4.0e6, 2.7e6, 4.1e6, 2.8e6), "FID-1406"),  # metres under the name of degrees
        ([(179, 60), (-179, 60), (-179, 62), (179, 62), (179, 60)], "FID-1406"),  # not cut at 180°
        (box(5, 45, 5.01, 45.01), "FID-1405"),  # smaller than a cell
    ],
)
def test_polygons_that_are_refused(tmp_path, ring, code):
    with pytest.raises(InputError) as caught:
        cells_inside(polygon_file(tmp_path, ring), 50.0)
    assert caught.value.code == code


def test_a_file_that_is_not_there_or_holds_no_polygon(tmp_path):
    with pytest.raises(InputError, match="FID-1001"):
        cells_inside(tmp_path / "none.geojson", 10.0)
    path = tmp_path / "point.geojson"
    path.write_text('{"type": "Point", "coordinates": [1, 2]}')
    with pytest.raises(InputError, match="FID-1084"):
        cells_inside(path, 10.0)


def test_a_long_outline_is_searched_in_blocks():
    angle = np.linspace(0.0, 2.0 * np.pi, 4001)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    assert first_crossing(ring) is None
    ring[2000] = [1.5, 0.001]
    assert first_crossing(ring) is not None


@pytest.mark.parametrize("cell_km", [0.0, -1.0, np.nan, 1e4])
def test_cell_sizes_that_are_refused(cell_km):
    with pytest.raises(InputError) as caught:
        cells_around(np.array([10.0]), np.array([46.0]), cell_km)
    assert caught.value.code == "FID-1407"


def test_too_many_cells():
    with pytest.raises(InputError) as caught:
        cells_around(np.array([-20.0, 40.0]), np.array([35.0, 70.0]), 0.1)
    assert caught.value.code == "FID-1407"


def test_no_land_near_any_station():
    with pytest.raises(InputError) as caught:
        cells_around(np.array([-123.4]), np.array([-48.9]), 10.0)
    assert caught.value.code == "FID-1405"


@pytest.mark.parametrize("place", [(0.0, -90.0), (179.95, 68.0), (-100.0, 40.0), (25.0, -25.0)])
def test_land_around_one_station_is_a_circle(place):
    cells = cells_around(np.array([place[0]]), np.array([place[1]]), 5.0)
    assert cells.area_km2 == pytest.approx(np.pi * 100.0**2, rel=0.15 if place[1] == 68.0 else 0.02)
    levels = score_cells(network([place[0]], [place[1]]), LIMITS, cells.longitude_deg, cells.latitude_deg).levels
    if place[1] != 68.0:
        assert shares(levels["velocity"])["threshold"] == pytest.approx(0.5, abs=0.01)


def test_the_grid_does_not_move_with_the_area():
    few = cells_around(np.array([10.0]), np.array([50.0]), 10.0)
    more = cells_around(np.array([10.0, 14.0]), np.array([50.0, 47.0]), 10.0)
    places = set(zip(more.longitude_deg.round(9), more.latitude_deg.round(9), strict=True))
    assert set(zip(few.longitude_deg.round(9), few.latitude_deg.round(9), strict=True)) <= places

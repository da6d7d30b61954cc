"""The packaged land outline."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.formats.land_outline import land_outline


def test_places_on_land_and_at_sea():
    places = {
        "Alps": (10.0, 46.0, True), "Gulf of Lion": (4.5, 42.0, False), "South Pole": (0.0, -90.0, True),
        "North Pole": (0.0, 90.0, False), "Chukotka, east of 180°": (-179.0, 68.0, True), "Caspian": (51.0, 42.0, False),
        "at 180°": (180.0, 67.5, True), "Dead centre of the Pacific": (-123.4, -48.9, False),
    }  # fmt: skip
    longitude, latitude, expected = (np.array(column) for column in zip(*places.values(), strict=True))
    np.testing.assert_array_equal(land_outline().contains(longitude, latitude), expected.astype(bool))


def test_land_covers_29_percent_of_the_earth():
    longitude, latitude = np.meshgrid(np.arange(-179.5, 180.0), np.arange(-89.5, 90.0))
    weight = np.cos(np.deg2rad(latitude)).ravel()
    share = np.sum(land_outline().contains(longitude.ravel(), latitude.ravel()) * weight) / weight.sum()
    assert share == pytest.approx(0.29, abs=0.01)


def test_no_edge_crosses_180_degrees():
    # Antarctica's own edge along 90° S is the only long one.
    for rings in land_outline().polygons:
        for ring in rings:
            long = np.abs(np.diff(ring[:, 0])) > 180.0
            assert np.all(ring[1:][long, 1] == -90.0)
            np.testing.assert_array_equal(ring[0], ring[-1])


def test_no_place_and_no_globe():
    assert land_outline().contains([], []).shape == (0,)
    for longitude, latitude in ((181.0, 0.0), (0.0, 91.0), (np.nan, 0.0)):
        with pytest.raises(InputError) as caught:
            land_outline().contains([longitude], [latitude])
        assert caught.value.code == "FID-1400"


def test_a_place_does_not_depend_on_the_others():
    random = np.random.default_rng(1)
    longitude, latitude = random.uniform(-10.0, 30.0, 300), random.uniform(35.0, 60.0, 300)
    together = land_outline().contains(longitude, latitude)
    assert [bool(land_outline().contains([x], [y])[0]) for x, y in zip(longitude[:20], latitude[:20], strict=True)] == (
        together[:20].tolist()
    )

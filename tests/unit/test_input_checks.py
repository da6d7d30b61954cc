"""Bursts that cannot be adjusted together are refused by name."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.line_of_sight import from_angles
from fiducial.motion.calibration.input_checks import check_tracks
from simulated_bursts import world


@cache
def bursts():
    return tuple(world(0, tracks=1, bursts=2)[0])


def _looking(track, incidence, heading, *, sign=1.0):
    sight = sign * from_angles(np.full(track.blocks.size, incidence), np.full(track.blocks.size, heading))
    return replace(track, blocks=replace(track.blocks, line_of_sight=sight))


def test_bursts_of_one_convention_pass():
    check_tracks(bursts())
    check_tracks([])
    ascending, descending = bursts()[0], _looking(replace(bursts()[1], track="T9"), 35.0, 190.0)
    check_tracks([ascending, descending])


def test_blocks_of_different_grids():
    first, second, *_ = bursts()
    with pytest.raises(InputError, match="FID-1063") as raised:
        check_tracks([first, replace(second, block_size_m=1000.0)])
    assert "B000, B001" in str(raised.value)
    with pytest.raises(InputError, match="FID-1063"):
        check_tracks([first, replace(second, crs="EPSG:32633")])


def test_duplicated_bursts():
    first, second, *_ = bursts()
    with pytest.raises(InputError, match="FID-1132") as raised:
        check_tracks([first, second, replace(second, name=first.name)])
    assert f"burst {first.name}" in str(raised.value)
    with pytest.raises(InputError, match="FID-1132") as raised:
        check_tracks([first, second, replace(second, name="copy")])
    assert f"{second.name}, copy" in str(raised.value)
    # The same place seen again, with other velocities, is no copy.
    other = second.with_velocities(second.blocks.velocity_mm_per_yr + 1.0, second.samples.medians.velocity_mm_per_yr)
    check_tracks([first, second, replace(other, name="again")])


def test_mixed_line_of_sight_conventions():
    first, second, third, *_ = bursts()
    down = _looking(second, 35.0, -10.0, sign=-1.0)
    with pytest.raises(InputError, match="FID-1133") as raised:
        check_tracks([first, down])
    assert "look downwards" in str(raised.value)
    assert second.name in str(raised.value)
    mirrored = _looking(second, 35.0, 190.0)
    with pytest.raises(InputError, match="FID-1133") as raised:
        check_tracks([first, mirrored])
    assert f"bursts {first.name}, {second.name} of track T0" in str(raised.value)
    steep = [_looking(first, 15.0, -10.0), _looking(second, 30.0, -10.0), _looking(third, 45.0, -10.0)]
    with pytest.raises(InputError, match="FID-1133") as raised:
        check_tracks([steep[1], steep[0], steep[2]])
    assert "30 degrees apart" in str(raised.value)
    check_tracks([_looking(first, 29.0, -10.0), _looking(second, 46.0, -14.0)])

"""There and back again is the identity, whatever the frames, positions and epochs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fiducial.formats import coordinate_table
from fiducial.formats.coordinate_table import CoordinateTable
from fiducial.geodesy.frame_graph import FrameCoordinates, frames_with_positions, transform_coordinates

FRAMES = st.sampled_from(frames_with_positions())
DIRECTION = st.tuples(*(st.floats(-1.0, 1.0) for _ in range(3))).filter(lambda v: np.linalg.norm(v) > 0.1)
SMALL = st.tuples(*(st.floats(-0.1, 0.1) for _ in range(3)))
EPOCH = st.floats(1980.0, 2050.0)
NAME = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=9)


@given(source=FRAMES, target=FRAMES, direction=DIRECTION, velocity=SMALL, epoch=EPOCH)
def test_there_and_back_again(source, target, direction, velocity, epoch):
    position = 6.37e6 * np.array([direction]) / np.linalg.norm(direction)
    given_there = FrameCoordinates(source, epoch, position, np.array([velocity]))
    there = transform_coordinates(given_there, target)
    back = transform_coordinates(there, source)
    # An ulp of a coordinate is 9.3e-10 m, and ways of up to four operations round at every step.
    assert np.abs(back.position_m - position).max() <= 4e-9
    assert np.abs(back.velocity_m_per_yr - velocity).max() <= 1e-15
    assert np.linalg.norm(there.position_m - position) < 6.0


@given(source=FRAMES, direction=DIRECTION, epoch=EPOCH)
def test_one_operation_there_and_back_is_within_a_nanometre(source, direction, epoch):
    if source.startswith("ETRF9") or source in {"ETRF89", "ETRF2005"}:
        return
    position = 6.37e6 * np.array([direction]) / np.linalg.norm(direction)
    there = transform_coordinates(FrameCoordinates(source, epoch, position), "ITRF2020")
    assert np.abs(transform_coordinates(there, source).position_m - position).max() <= 1e-9


@given(source=FRAMES, middle=FRAMES, target=FRAMES, direction=DIRECTION, epoch=EPOCH)
def test_any_way_round_leads_to_the_same_place(source, middle, target, direction, epoch):
    position = 6.37e6 * np.array([direction]) / np.linalg.norm(direction)
    given_there = FrameCoordinates(source, epoch, position)
    direct = transform_coordinates(given_there, target)
    round_about = transform_coordinates(transform_coordinates(given_there, middle), target)
    # Products of rotations up to 50 mas.
    assert np.abs(direct.position_m - round_about.position_m).max() < 3e-7


@given(names=st.lists(NAME, min_size=1, max_size=5), seed=st.integers(0, 2**31), commas=st.booleans(),
       with_velocity=st.booleans(), with_epoch=st.booleans())  # fmt: skip
def test_tables_come_back_to_the_printed_digit(names, seed, commas, with_velocity, with_epoch):
    rng = np.random.default_rng(seed)
    count = len(names)
    velocity = np.round(rng.uniform(-0.1, 0.1, (count, 3)), 7) if with_velocity else None
    epoch = np.round(rng.uniform(1990, 2030, count), 6) if with_epoch else None
    table = CoordinateTable(tuple(names), np.round(rng.uniform(-6e6, 6e6, (count, 3)), 5), velocity, epoch, "ITRF2020")
    content = coordinate_table.to_bytes(table, commas=commas)
    found = coordinate_table.read(content)
    assert found.names == table.names
    assert found.frame == "ITRF2020"
    for name in ("position_m", "velocity_m_per_yr", "epoch_yr"):
        ours, theirs = getattr(table, name), getattr(found, name)
        assert (ours is None) == (theirs is None)
        assert ours is None or np.array_equal(ours, theirs)
    assert coordinate_table.to_bytes(found, commas=commas) == content

"""More stations and smaller sigmas never make a score worse."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.chain.requirement_scoring import LEVELS, Network, limits_of, score_cells, shares
from fiducial.formats.chain_register import packaged_register

LIMITS = limits_of(packaged_register().requirement(369))
CELLS = [grid.ravel() for grid in np.meshgrid(np.linspace(8.0, 12.0, 15), np.linspace(46.0, 49.0, 15))]
UNKNOWN = st.just(float("nan"))
STATION = st.tuples(
    st.floats(7.0, 13.0), st.floats(45.0, 50.0), st.floats(0.0, 15.0) | UNKNOWN, st.floats(0.0, 15.0) | UNKNOWN,
    st.floats(1.0, 2e5) | UNKNOWN, st.floats(0.0, 2e7) | UNKNOWN,
)  # fmt: skip
STATIONS = st.lists(STATION, min_size=1, max_size=12)


def _levels(stations):
    columns = [np.array(column, dtype=np.float64) for column in zip(*stations, strict=True)]
    return score_cells(Network(*columns), LIMITS, *CELLS).levels


def _reached(codes, level):
    return shares(codes)[level] or 0.0


@settings(max_examples=25)
@given(STATIONS, STATION)
def test_another_station_never_lowers_a_level(stations, another):
    before, after = _levels(stations), _levels([*stations, another])
    for name, codes in before.items():
        reached = codes > 0
        assert np.all(after[name][reached] >= codes[reached])
        for level in map(str, LEVELS):
            assert _reached(after[name], level) >= _reached(codes, level)


@settings(max_examples=25)
@given(STATIONS, st.integers(0, 11), st.floats(0.01, 1.0))
def test_a_smaller_sigma_never_lowers_a_level(stations, number, factor):
    number %= len(stations)
    longitude, latitude, horizontal, up, *rest = stations[number]
    better = [*stations]
    better[number] = (longitude, latitude, horizontal * factor, up * factor, *rest)
    before, after = _levels(stations), _levels(better)
    for name, codes in before.items():
        # What failed by one sigma may become unknown, where the other is not known; what was reached stays reached.
        reached = codes > 0
        assert np.all(after[name][reached] >= codes[reached])


@settings(max_examples=20)
@given(STATIONS)
def test_better_levels_lie_in_worse_ones_and_shares_add_up(stations):
    for codes in _levels(stations).values():
        share = shares(codes)
        if share["threshold"] is None:
            assert share["unknown"] > 0.0
            continue
        assert 0.0 <= share["goal"] <= share["breakthrough"] <= share["threshold"] <= 1.0
        assert np.isclose(share["threshold"] + share["below"] + share["unknown"], 1.0)


@settings(max_examples=15)
@given(STATIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_stations_is_irrelevant(stations, random):
    shuffled = [*stations]
    random.shuffle(shuffled)
    before, after = _levels(stations), _levels(shuffled)
    assert all(np.array_equal(before[name], after[name]) for name in before)


@settings(max_examples=15)
@given(STATIONS)
def test_the_whole_is_never_better_than_a_part(stations):
    levels = _levels(stations)
    assert np.all(levels["velocity"] <= np.minimum(levels["horizontal"], levels["up"]).clip(0))
    assert np.all(levels["horizontal"] <= levels["spacing"])
    assert np.all(levels["horizontal"] <= levels["uncertainty_horizontal"])

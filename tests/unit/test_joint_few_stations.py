"""The recipe ``joint`` where stations are few: no worse than the published one."""

from functools import cache

import numpy as np
import pytest

from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.recipes import recipe
from joint_worlds import STATIONS, fitted, world
from truth_scores import fit, ratio_interval, rms_error

SEEDS = 12


@cache
def egms_of(seed):
    return fit("egms", world(seed)[1])


@cache
def thinned(seed, count, draw):
    """Some of the stations, other ones in every draw, and the field of these."""
    number = np.arange(STATIONS)
    region = world(seed)[1].thinned((number >= draw * count) & (number < (draw + 1) * count))
    return region, VelocityField.fit(region.stations)


def thin_error(name, seed, count, draw):
    """Mean error of a recipe with ``count`` of the stations, hyper-parameters being those of all, as in the score."""
    whole = fitted(seed) if name == "joint" else egms_of(seed)
    if count == STATIONS:
        return rms_error(whole, world(seed)[1])
    region, field = thinned(seed, count, draw)
    return rms_error(recipe(name).fixed(whole).fit(region.tracks, region.stations, field), region)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "draws"), [(4, 3), (8, 1), (16, 1), (32, 1), (64, 1)])
def test_few_stations_make_it_no_worse_than_the_published_recipe(count, draws):
    """Both get the same field. Four stations are drawn three times a region: what they say scatters most."""
    error = {
        name: [np.mean([thin_error(name, seed, count, draw) for draw in range(draws)]) for seed in range(SEEDS)]
        for name in ("joint", "egms")
    }
    _, _, high = ratio_interval(error["joint"], error["egms"])
    assert high < 1.02

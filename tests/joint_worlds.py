"""Simulated regions with judges, and the recipe ``joint`` fitted to them, once a process."""

from __future__ import annotations

from functools import cache

import numpy as np

from simulated_region import simulate_region
from truth_scores import fit

STATIONS, JUDGES = 64, 30
COVERAGE = 0.15


@cache
def world(seed):
    """A region with judges, and the same without them."""
    whole = simulate_region(seed, stations=STATIONS + JUDGES, coverage=COVERAGE)
    return whole, whole.thinned(np.arange(whole.stations.size) < STATIONS)


@cache
def fitted(seed):
    return fit("joint", world(seed)[1])

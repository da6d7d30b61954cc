"""The real clocks of 2024-09-19 combined: the figures of issue 4."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from fiducial.orbits.clock_combination import combine_clocks
from fiducial.orbits.clock_noise import datum_and_constants, masked_median
from fiducial.orbits.combination import combine_day, prepare_day
from fiducial.orbits.options import CombinationOptions
from fiducial.orbits.stack import common_grid, rotate_centre, stack_orbits
from synthetic_centres import radial_correction_s
from test_orbit_combination_real import CENTRES, product, rotations

pytestmark = pytest.mark.real

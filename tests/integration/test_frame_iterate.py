"""Stations and orbits together: simulated centres with known truth, and the real day."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import run
from support import data_path

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.runs.frame_codetermination import determine_together
from fiducial.runs.simulated_centres import simulate_centres

UAS = MILLIARCSECOND_RAD / 1e3
SEEDS = range(8)

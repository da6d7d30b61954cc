"""Simulated worlds that are as small as a test can use."""

from __future__ import annotations

from fiducial.runs.world_options import WorldOptions

TINY = WorldOptions(
    seed=3, bursts=2, points=60, epochs=12, stations=5, global_stations=24, centres=3, satellites=8, series_years=1
)
"""Everything that there is, with nothing to estimate from it."""

ENOUGH = WorldOptions(
    seed=5, bursts=4, points=1_500, epochs=90, stations=20, global_stations=30, centres=5, days=2, satellites=16,
    series_years=4,
)  # fmt: skip
"""Enough that the commands find the truth again."""

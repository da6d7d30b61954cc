"""A few hundred deterministic inputs of the fuzzer of velocity models; without atheris."""

from __future__ import annotations

from fuzz import fuzz_velocity_model
from fuzz.fuzz_egms import RandomChoices


def test_damaged_models_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_velocity_model.run(RandomChoices(seed)) for seed in range(300))
    # Inputs that are all refused, or all accepted, would test little.
    assert 30 < accepted < 270


def test_undamaged_contents_are_accepted():
    assert fuzz_velocity_model.exercise("model", fuzz_velocity_model.seed())
    assert fuzz_velocity_model.exercise("points", fuzz_velocity_model.POINTS)

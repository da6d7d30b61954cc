"""A few hundred deterministic inputs of the fuzzer of SINEX."""

from __future__ import annotations

from fuzz import fuzz_egms, fuzz_sinex


def test_damaged_files_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_sinex.run(fuzz_egms.RandomChoices(seed)) for seed in range(180))
    # Inputs that are all refused, or all accepted, would test little.
    assert 36 < accepted < 144


def test_undamaged_files_are_accepted():
    for content in fuzz_sinex.seeds():
        assert fuzz_sinex.exercise(content)

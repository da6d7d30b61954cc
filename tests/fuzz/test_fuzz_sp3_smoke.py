"""A few hundred deterministic inputs of the SP3 fuzzer, without atheris."""

from __future__ import annotations

from fuzz import fuzz_egms, fuzz_sp3


def test_damaged_files_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_sp3.exercise(fuzz_sp3.make(fuzz_egms.RandomChoices(seed))) for seed in range(600))
    # Inputs that are all refused, or all accepted, would test little.
    assert 60 < accepted < 540


def test_undamaged_files_are_accepted():
    assert all(fuzz_sp3.exercise(content) for content in fuzz_sp3.seeds())

"""Deterministic inputs of the fuzzer of station series, without atheris."""

from __future__ import annotations

import pytest

from fuzz import fuzz_series
from fuzz.fuzz_egms import RandomChoices


def test_damaged_files_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_series.exercise(*fuzz_series.make(RandomChoices(seed))) for seed in range(1500))
    # Inputs that are all refused, or all accepted, would test little.
    assert 150 < accepted < 1350


@pytest.mark.parametrize(("kind", "content"), fuzz_series.seeds())
def test_undamaged_files_are_accepted(kind, content):
    assert fuzz_series.exercise(kind, content)

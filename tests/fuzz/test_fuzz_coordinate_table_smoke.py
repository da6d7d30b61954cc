"""A few hundred deterministic inputs of the fuzzer of coordinate tables; without atheris."""

from __future__ import annotations

import pytest

from fuzz import fuzz_coordinate_table
from fuzz.fuzz_egms import RandomChoices


def test_damaged_tables_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_coordinate_table.run(RandomChoices(seed)) for seed in range(800))
    # Inputs that are all refused, or all accepted, would test little.
    assert 100 < accepted < 700


@pytest.mark.parametrize("content", fuzz_coordinate_table.SEEDS)
def test_undamaged_tables_are_accepted(content):
    assert fuzz_coordinate_table.exercise(content)

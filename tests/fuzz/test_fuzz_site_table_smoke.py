"""A few hundred deterministic inputs of the fuzzer of tables of sites; without atheris."""

from __future__ import annotations

import pytest

from fuzz import fuzz_site_table
from fuzz.fuzz_egms import RandomChoices


def test_damaged_tables_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_site_table.run(RandomChoices(seed)) for seed in range(600))
    # Inputs that are all refused, or all accepted, would test little.
    assert 60 < accepted < 540


@pytest.mark.parametrize("content", fuzz_site_table.SEEDS)
def test_undamaged_tables_are_accepted(content):
    assert fuzz_site_table.exercise(content)

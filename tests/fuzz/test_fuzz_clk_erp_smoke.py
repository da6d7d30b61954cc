"""A few hundred deterministic inputs of the fuzzer of clocks and Earth rotation, and what it found before."""

from __future__ import annotations

import pytest

from fuzz import fuzz_clk_erp

FOUND: tuple[tuple[str, bytes], ...] = ()


def test_damaged_files_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_clk_erp.run(fuzz_clk_erp.RandomChoices(seed)) for seed in range(600))
    # Inputs that are all refused, or all accepted, would test little.
    assert 120 < accepted < 480


def test_undamaged_files_are_accepted():
    for kind, content in fuzz_clk_erp.seeds():
        assert fuzz_clk_erp.exercise(kind, content)


@pytest.mark.parametrize(("kind", "content"), FOUND)
def test_what_the_fuzzer_found(kind, content):
    fuzz_clk_erp.exercise(kind, content)

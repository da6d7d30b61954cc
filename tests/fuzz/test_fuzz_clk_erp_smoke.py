"""A few hundred deterministic inputs of the fuzzer of clocks and Earth rotation, and what it found before."""

from __future__ import annotations

import pytest

from fuzz import fuzz_clk_erp, fuzz_egms

HEADER = b"     3.00           CLOCK DATA          G                   RINEX VERSION / TYPE\n"
RECORD = b"AS G01  2024 09 19 00 00  0.000000  1    1.000000000000E-04\n"
END = b"END OF HEADER\n".rjust(74)
FOUND: tuple[tuple[str, bytes], ...] = (
    # str.strip removes the file separator, int does not.
    (
        "clk",
        HEADER + b"ONSA 10402M004           \x1c      2000        3000        400SOLN STA NAME / NUM\n" + END + RECORD,
    ),
)


def test_damaged_files_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_clk_erp.run(fuzz_egms.RandomChoices(seed)) for seed in range(600))
    # Inputs that are all refused, or all accepted, would test little.
    assert 120 < accepted < 480


def test_undamaged_files_are_accepted():
    for kind, content in fuzz_clk_erp.seeds():
        assert fuzz_clk_erp.exercise(kind, content)


@pytest.mark.parametrize(("kind", "content"), FOUND)
def test_what_the_fuzzer_found(kind, content):
    fuzz_clk_erp.exercise(kind, content)
